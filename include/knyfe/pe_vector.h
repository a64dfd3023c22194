/* The vector core of pe.h: registers of 16 lanes, opaque; every operation is charged.
 *
 * Registers: pe_f32, pe_i32, pe_f64, pe_i64 and pe_mask hold 16 lanes. Types of memory that are narrower widen when they are loaded
 * and are rounded (integers: wrapped) when they are stored, as the language computes: f16, bf16, f8 in f32; i16, i8, u8 in i32; bool
 * is a mask. Packed registers hold 64 bytes of a narrow type, for what needs no wider one: pe_f16x32, pe_bf16x32, pe_i16x32, pe_i8x64,
 * pe_u8x64; each of their operations is rounded or wrapped to the type at once.
 *
 * pe_OPERATION_REGISTER(pe, a, b ...), for each row of knyfe/pe_ops.def; its cost stands there.
 *
 * Between two sync points (any call of pe.h that is no vector operation) the core issues operations, loads and stores side by
 * side: the time is the largest of operations x core.op, loads / core.loads and stores / core.stores, and scalar time on top.
 * Lanes from n on (the tail of a row) load as zero and are not stored. Offsets are bytes from the read cursor (loads)
 * or the write cursor (stores); of a scratch buffer, from its start. Loads want pe_wait before, stores pe_reserve. */
#pragma once
#ifndef PE_VERSION
#error "include knyfe/pe.h"
#endif

/* ---- registers ------------------------------------------------------------------------------------------------------------ */

/* A register: name, element, integers and unsigned integers of its lanes, bytes, lanes, the mask of its comparisons.
 * The packed floats hold their bits. */
#define PE_REGISTERS(X) \
    X(f32, float, int32_t, uint32_t, 64, 16, mask) X(i32, int32_t, int32_t, uint32_t, 64, 16, mask) \
    X(f64, double, int64_t, uint64_t, 128, 16, mask) X(i64, int64_t, int64_t, uint64_t, 128, 16, mask) \
    X(f16x32, uint16_t, int16_t, uint16_t, 64, 32, mask32) X(bf16x32, uint16_t, int16_t, uint16_t, 64, 32, mask32) \
    X(i16x32, int16_t, int16_t, uint16_t, 64, 32, mask32) X(i8x64, int8_t, int8_t, uint8_t, 64, 64, mask64) \
    X(u8x64, uint8_t, int8_t, uint8_t, 64, 64, mask64) X(mask, int32_t, int32_t, uint32_t, 64, 16, mask) \
    X(mask32, int16_t, int16_t, uint16_t, 64, 32, mask32) X(mask64, int8_t, int8_t, uint8_t, 64, 64, mask64)

#define X(r, element, integer, word, bytes, n, mask) \
    typedef element pe_hidden_v_##r __attribute__((vector_size(bytes), may_alias)); \
    typedef integer pe_hidden_m_##r __attribute__((vector_size(bytes), may_alias)); \
    typedef word pe_hidden_u_##r __attribute__((vector_size(bytes), may_alias)); \
    typedef struct pe_##r { pe_hidden_v_##r pe_hidden_lanes; } pe_##r; \
    enum { pe_hidden_n_##r = n, pe_hidden_bits_##r = bytes / n * 8 };
PE_REGISTERS(X)
#undef X
typedef uint16_t pe_hidden_half __attribute__((vector_size(32)));
typedef uint8_t pe_hidden_quarter __attribute__((vector_size(16)));
typedef int16_t pe_hidden_int16 __attribute__((vector_size(32)));
typedef int8_t pe_hidden_int8 __attribute__((vector_size(16)));

static inline void pe_charge(PE *pe, PeCost cost, PeRegister r, int times) { pe->PE_M(vector) += (int64_t)times * pe->PE_M(price)[cost][r]; }

/* Lanes of a where the mask's are set, else of b. */
#define PE_PICK(m, a, b) ((V)(((M)(m) & (M)(a)) | (~(M)(m) & (M)(b))))
#define PE_BITS PE_BITS_NOW
/* What a comparison's lanes are as a mask: only those of 64 bits change their width. */
#define PE_AS_MASK_f32(m) ((pe_mask){m})
#define PE_AS_MASK_i32(m) ((pe_mask){m})
#define PE_AS_MASK_f64(m) ((pe_mask){__builtin_convertvector((m), pe_hidden_v_mask)})
#define PE_AS_MASK_i64(m) PE_AS_MASK_f64(m)
#define PE_AS_MASK_i16x32(m) ((pe_mask32){m})
#define PE_AS_MASK_i8x64(m) ((pe_mask64){m})
#define PE_AS_MASK_u8x64(m) ((pe_mask64){m})

/* ---- operations ----------------------------------------------------------------------------------------------------------- */

#define PE_GIVES_S(r) pe_##r
#define PE_GIVES_M(r) pe_hidden_##r##_mask
#define PE_BACK_S(r, v) ((pe_##r){v})
#define PE_BACK_M(r, v) PE_AS_MASK_##r(v)
#define X(r, element, integer, word, bytes, n, mask) typedef pe_##mask pe_hidden_##r##_mask;
PE_REGISTERS(X)
#undef X
#define PE_LOCALS(r) typedef pe_hidden_v_##r V; typedef pe_hidden_m_##r M; typedef pe_hidden_u_##r U; enum { PE_BITS_NOW = pe_hidden_bits_##r }; (void)(V *)0; (void)(M *)0; (void)(U *)0;
#define PE_NEAR_1(r, name, gives, cost, times, value) static inline PE_GIVES_##gives(r) pe_##name##_##r(PE *pe, pe_##r a) { \
    PE_LOCALS(r) V x = a.pe_hidden_lanes; pe_charge(pe, PE_C_##cost, PE_R_##r, times); return PE_BACK_##gives(r, value); }
#define PE_NEAR_2(r, name, gives, cost, times, value) static inline PE_GIVES_##gives(r) pe_##name##_##r(PE *pe, pe_##r a, pe_##r b) { \
    PE_LOCALS(r) V x = a.pe_hidden_lanes, y = b.pe_hidden_lanes; pe_charge(pe, PE_C_##cost, PE_R_##r, times); return PE_BACK_##gives(r, value); }
#define PE_FAR_1(r, id, name, cost, times) static inline pe_##r pe_##name##_##r(PE *pe, pe_##r a) { \
    pe_charge(pe, PE_C_##cost, PE_R_##r, times); pe_##r d; pe->PE_M(api)->PE_M(lanes)(PE_X_##id, PE_R_##r, &d, &a, 0, 0); return d; }
#define PE_FAR_2(r, id, name, cost, times) static inline pe_##r pe_##name##_##r(PE *pe, pe_##r a, pe_##r b) { \
    pe_charge(pe, PE_C_##cost, PE_R_##r, times); pe_##r d; pe->PE_M(api)->PE_M(lanes)(PE_X_##id, PE_R_##r, &d, &a, &b, 0); return d; }
#define PE_FAR_3(r, id, name, cost, times) static inline pe_##r pe_##name##_##r(PE *pe, pe_##r a, pe_##r b, pe_##r c) { \
    pe_charge(pe, PE_C_##cost, PE_R_##r, times); pe_##r d; pe->PE_M(api)->PE_M(lanes)(PE_X_##id, PE_R_##r, &d, &a, &b, &c); return d; }

#define PE_NEAR_F(id, name, arity, gives, cost, times, value) PE_NEAR_##arity(f32, name, gives, cost, times, value) PE_NEAR_##arity(f64, name, gives, cost, times, value)
#define PE_NEAR_I(id, name, arity, gives, cost, times, value) PE_NEAR_##arity(i32, name, gives, cost, times, value) PE_NEAR_##arity(i64, name, gives, cost, times, value) \
    PE_NEAR_##arity(i16x32, name, gives, cost, times, value) PE_NEAR_##arity(i8x64, name, gives, cost, times, value) PE_NEAR_##arity(u8x64, name, gives, cost, times, value)
#define PE_NEAR_B(id, name, arity, gives, cost, times, value) PE_NEAR_##arity(mask, name, gives, cost, times, value) PE_NEAR_##arity(mask32, name, gives, cost, times, value) \
    PE_NEAR_##arity(mask64, name, gives, cost, times, value)
#define PE_FAR_F(id, name, arity, cost, times, value) PE_FAR_##arity(f32, id, name, cost, times) PE_FAR_##arity(f64, id, name, cost, times)
#define PE_FAR_I(id, name, arity, cost, times, value) PE_FAR_##arity(i32, id, name, cost, times) PE_FAR_##arity(i64, id, name, cost, times)
#include "knyfe/pe_ops.def"

/* m ? a : b, lane by lane; one operation. A mask chooses among masks as well. */
#define PE_WIDE_mask(r, m) ((m).pe_hidden_lanes)
#define PE_WIDE_mask32(r, m) ((m).pe_hidden_lanes)
#define PE_WIDE_mask64(r, m) ((m).pe_hidden_lanes)
#define PE_WIDTH_f64(m) __builtin_convertvector((m).pe_hidden_lanes, pe_hidden_m_f64)
#define X(r, element, integer, word, bytes, n, mask) \
    static inline pe_##r pe_select_##r(PE *pe, pe_##mask m, pe_##r a, pe_##r b) { \
        PE_LOCALS(r) \
        M w = __builtin_convertvector(m.pe_hidden_lanes, M); \
        pe_charge(pe, PE_C_OP, PE_R_##r, 1); \
        return (pe_##r){PE_PICK(w, a.pe_hidden_lanes, b.pe_hidden_lanes)}; \
    } \
    /* The lanes of a from k on, then the first k of b; 0 <= k <= lanes. One operation. */ \
    static inline pe_##r pe_shift_##r(PE *pe, pe_##r a, pe_##r b, int k) { \
        pe_##r d; \
        pe_charge(pe, PE_C_OP, PE_R_##r, 1); \
        for (int i = 0; i < n; i++) d.pe_hidden_lanes[i] = i + k < n ? a.pe_hidden_lanes[(i + k) & (n - 1)] : b.pe_hidden_lanes[(i + k) & (n - 1)]; \
        return d; \
    }
PE_REGISTERS(X)
#undef X

/* The first n lanes. One operation. */
#define X(r, integer, n_lanes) static inline pe_##r pe_first_##r(PE *pe, int n) { \
    pe_##r d; pe_charge(pe, PE_C_OP, PE_R_##r, 1); for (int i = 0; i < n_lanes; i++) d.pe_hidden_lanes[i] = (integer)-(i < n); return d; } \
    /* Any (every) lane; how many. An operation and a scalar one. */ \
    static inline int pe_count_##r(PE *pe, pe_##r m) { int n = 0; pe_charge(pe, PE_C_OP, PE_R_##r, 1); pe_ops(pe, 1); for (int i = 0; i < n_lanes; i++) n += m.pe_hidden_lanes[i] != 0; return n; } \
    static inline bool pe_any_##r(PE *pe, pe_##r m) { return pe_count_##r(pe, m) > 0; } \
    static inline bool pe_all_##r(PE *pe, pe_##r m) { return pe_count_##r(pe, m) == n_lanes; }
X(mask, int32_t, 16) X(mask32, int16_t, 32) X(mask64, int8_t, 64)
#undef X

/* All lanes the scalar; lane i of a (a scalar operation on top). One operation. */
#define X(r, type) \
    static inline pe_##r pe_splat_##r(PE *pe, type x) { pe_charge(pe, PE_C_OP, PE_R_##r, 1); return (pe_##r){x - (pe_hidden_v_##r){0}}; } \
    static inline type pe_lane_##r(PE *pe, pe_##r a, int i) { pe_charge(pe, PE_C_OP, PE_R_##r, 1); pe_ops(pe, 1); return a.pe_hidden_lanes[i & (pe_hidden_n_##r - 1)]; }
X(f32, float) X(i32, int32_t) X(f64, double) X(i64, int64_t) X(i16x32, int16_t) X(i8x64, int8_t) X(u8x64, uint8_t)
#undef X
static inline pe_mask pe_splat_mask(PE *pe, bool x) { return pe_first_mask(pe, x ? 16 : 0); }
static inline bool pe_lane_mask(PE *pe, pe_mask a, int i) { pe_charge(pe, PE_C_OP, PE_R_mask, 1); pe_ops(pe, 1); return a.pe_hidden_lanes[i & 15] != 0; }
/* 0, 1 ... 15. One operation. */
static inline pe_i32 pe_iota(PE *pe) { pe_charge(pe, PE_C_OP, PE_R_i32, 1); return (pe_i32){{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}; }

/* Across the lanes, in a tree: four operations. The result is a scalar of the core. */
#define PE_FOLD(r, type, name, op) static inline type pe_h##name##_##r(PE *pe, pe_##r a) { \
    for (int w = 8; w; w /= 2) { \
        pe_##r b = a; \
        for (int i = 0; i < 16; i++) b.pe_hidden_lanes[i] = a.pe_hidden_lanes[(i + w) & 15]; \
        a = pe_##op##_##r(pe, a, b); \
    } \
    return a.pe_hidden_lanes[0]; }
#define X(r, type) PE_FOLD(r, type, sum, add) PE_FOLD(r, type, prod, mul) PE_FOLD(r, type, max, max) PE_FOLD(r, type, min, min)
X(f32, float) X(i32, int32_t) X(f64, double) X(i64, int64_t)
#undef X

/* Conversions, one operation on the wider of the two registers: pe_TO_of_FROM, and with rounding and saturation pe_sat_TO_of_FROM. The
 * result has a value of TO, in the register that TO is computed in. */
#define PE_CVT(to, reg, from) static inline pe_##reg pe_##to##_of_##from(PE *pe, pe_##from a) { \
    pe_##reg d; pe->PE_M(api)->PE_M(convert)(pe, pe_hidden_type_##to, false, PE_R_##reg, PE_R_##from, &d, &a); return d; }
#define PE_SAT(to, reg, from) static inline pe_##reg pe_sat_##to##_of_##from(PE *pe, pe_##from a) { \
    pe_##reg d; pe->PE_M(api)->PE_M(convert)(pe, pe_hidden_type_##to, true, PE_R_##reg, PE_R_##from, &d, &a); return d; }
#define pe_hidden_type_f64 PE_F64
#define pe_hidden_type_f32 PE_F32
#define pe_hidden_type_f16 PE_F16
#define pe_hidden_type_bf16 PE_BF16
#define pe_hidden_type_f8e4m3 PE_F8E4M3
#define pe_hidden_type_f8e5m2 PE_F8E5M2
#define pe_hidden_type_i64 PE_I64
#define pe_hidden_type_i32 PE_I32
#define pe_hidden_type_i16 PE_I16
#define pe_hidden_type_i8 PE_I8
#define pe_hidden_type_u8 PE_U8
#include "knyfe/pe_ops.def"

/* ---- memory --------------------------------------------------------------------------------------------------------------- */

/* A type of memory: name, PeType, its register, elements as they lie there, bytes of one, what the scalar side reads and writes, the
 * operations that a conversion takes. */
#define PE_MEMORY(X) \
    X(f32, F32, f32, float, 4, float, 0) X(i32, I32, i32, int32_t, 4, int64_t, 0) X(f64, F64, f64, double, 8, double, 0) X(i64, I64, i64, int64_t, 8, int64_t, 0) \
    X(f16, F16, f32, uint16_t, 2, float, 1) X(bf16, BF16, f32, uint16_t, 2, float, 1) X(f8e4m3, F8E4M3, f32, uint8_t, 1, float, 1) X(f8e5m2, F8E5M2, f32, uint8_t, 1, float, 1) \
    X(i16, I16, i32, int16_t, 2, int64_t, 1) X(i8, I8, i32, int8_t, 1, int64_t, 1) X(u8, U8, i32, uint8_t, 1, int64_t, 1) X(bool, BOOL, mask, uint8_t, 1, int64_t, 1)
#define X(m, id, reg, element, bytes, scalar, converts) typedef element pe_hidden_raw_##m __attribute__((vector_size(16 * bytes)));
PE_MEMORY(X)
#undef X

/* The bytes of a legal access of n elements; the slow way faults or returns. */
static inline unsigned char *pe_place(PE *pe, int buf, int64_t off, int n, int most, int size, bool write, PeType type, int line) {
    int64_t bytes = (int64_t)n * size;
    if (buf < 0 || buf >= PE_BUFS || n < 0 || n > most) { pe_here(pe, line); pe->PE_M(api)->PE_M(touch)(pe, buf, off, n < 0 || n > most ? -1 : bytes, write, type); }
    PeBuf *b = &pe->PE_M(buf)[buf];
    bool inside = off >= 0 && off <= b->PE_M(size);
    int64_t at = b->PE_M(scratch) || !inside ? off : (write ? b->PE_M(write) : b->PE_M(read)) + off, end = inside ? at + bytes : 0;
    int64_t place = b->PE_M(scratch) || !b->PE_M(size) ? at : at % b->PE_M(size);
    bool fast = inside && b->PE_M(type) == type && place <= b->PE_M(size) - bytes &&
                (b->PE_M(scratch) ? write && !b->PE_M(in_flight) : write ? end <= b->PE_M(room) : end <= b->PE_M(seen) && !b->PE_M(holes));
    if (!fast) { pe_here(pe, line); pe->PE_M(api)->PE_M(touch)(pe, buf, off, bytes, write, type); }
    if (write) __builtin_memset(b->PE_M(state) + place, 1, (unsigned long)bytes);
    return b->PE_M(base) + place;
}

static inline pe_hidden_v_f32 pe_hidden_from_f16(pe_hidden_raw_f16 h) {
    typedef pe_hidden_u_f32 U;
    U u = __builtin_convertvector(h, U), m = u & 0x7fff, sign = (u & 0x8000) << 16, bits = m << 13;
    pe_hidden_v_f32 f = (pe_hidden_v_f32)bits * 0x1p112f;
    U special = (U)(m > 0x7bff);
    return (pe_hidden_v_f32)((U)f | (special & 0x7f800000) | (bits & special) | sign);
}
static inline pe_hidden_raw_f16 pe_hidden_to_f16(pe_hidden_v_f32 x) {
    typedef pe_hidden_u_f32 U;
    U u = (U)x, sign = (u >> 16) & 0x8000, a = u & 0x7fffffff;
    U sub = (U)((pe_hidden_v_f32)a + 0.5f) - 0x3f000000u;                       /* below 2^-14: the adder rounds */
    U nor = (a - 0x38000000u + 0xfff + ((a >> 13) & 1)) >> 13;
    U is_sub = (U)(a < 0x38800000u), is_inf = (U)(a >= 0x477ff000u), is_nan = (U)(a > 0x7f800000u);
    U r = (sub & is_sub) | (nor & ~is_sub);
    r = (r & ~is_inf) | (0x7c00 & is_inf & ~is_nan) | (0x7e00 & is_nan) | sign;
    return __builtin_convertvector(r, pe_hidden_raw_f16);
}
static inline pe_hidden_v_f32 pe_hidden_from_bf16(pe_hidden_raw_bf16 h) { return (pe_hidden_v_f32)(__builtin_convertvector(h, pe_hidden_u_f32) << 16); }
static inline pe_hidden_raw_bf16 pe_hidden_to_bf16(pe_hidden_v_f32 x) {
    typedef pe_hidden_u_f32 U;
    U u = (U)x, nan = (U)((u & 0x7fffffff) > 0x7f800000u), r = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    return __builtin_convertvector((r & ~nan) | ((u >> 16 | 0x40) & nan), pe_hidden_raw_bf16);
}
#define PE_SAME(m) \
    static inline pe_hidden_v_##m pe_hidden_from_##m(pe_hidden_raw_##m x) { return x; } \
    static inline pe_hidden_raw_##m pe_hidden_to_##m(pe_hidden_v_##m x) { return x; }
PE_SAME(f32) PE_SAME(i32) PE_SAME(f64) PE_SAME(i64)
#undef PE_SAME
#define PE_WRAP(m) \
    static inline pe_hidden_v_i32 pe_hidden_from_##m(pe_hidden_raw_##m x) { return __builtin_convertvector(x, pe_hidden_v_i32); } \
    static inline pe_hidden_raw_##m pe_hidden_to_##m(pe_hidden_v_i32 x) { return __builtin_convertvector(x, pe_hidden_raw_##m); }
PE_WRAP(i16) PE_WRAP(i8) PE_WRAP(u8)
#undef PE_WRAP
static inline pe_hidden_v_mask pe_hidden_from_bool(pe_hidden_raw_bool x) { return __builtin_convertvector(x, pe_hidden_v_mask) != 0; }
static inline pe_hidden_raw_bool pe_hidden_to_bool(pe_hidden_v_mask x) { return __builtin_convertvector(x & 1, pe_hidden_raw_bool); }
#define PE_FROM(m, pe, raw) pe_hidden_from_##m(raw)
#define PE_TO(m, pe, v) pe_hidden_to_##m(v)
static inline pe_hidden_v_f32 pe_hidden_f8_in(PE *pe, PeType t, pe_hidden_raw_u8 raw) {
    pe_hidden_v_f32 v;
    pe->PE_M(api)->PE_M(f8)(t, false, &raw, &v);
    return v;
}
static inline pe_hidden_raw_u8 pe_hidden_f8_out(PE *pe, PeType t, pe_hidden_v_f32 v) {
    pe_hidden_raw_u8 raw;
    pe->PE_M(api)->PE_M(f8)(t, true, &raw, &v);
    return raw;
}
#define pe_hidden_from_f8e4m3(raw) pe_hidden_f8_in(pe, PE_F8E4M3, raw)
#define pe_hidden_from_f8e5m2(raw) pe_hidden_f8_in(pe, PE_F8E5M2, raw)
#define pe_hidden_to_f8e4m3(v) pe_hidden_f8_out(pe, PE_F8E4M3, v)
#define pe_hidden_to_f8e5m2(v) pe_hidden_f8_out(pe, PE_F8E5M2, v)

static inline void pe_hidden_loads(PE *pe, int times, int operations) {
    pe->PE_M(loads) += (int64_t)times * pe->PE_M(cost)[PE_OP_LOAD];
    if (operations) pe_charge(pe, PE_C_OP, PE_R_f32, operations);
}
static inline void pe_hidden_stores(PE *pe, int times, int operations) {
    pe->PE_M(stores) += (int64_t)times * pe->PE_M(cost)[PE_OP_STORE];
    if (operations) pe_charge(pe, PE_C_OP, PE_R_f32, operations);
}
/* Each lane of a gather or scatter is an access of its own, and core.gather of the core. */
static inline int pe_hidden_each(PE *pe, pe_mask m) {
    int n = 0;
    for (int i = 0; i < 16; i++) n += m.pe_hidden_lanes[i] != 0;
    pe_charge(pe, PE_C_LANE, PE_R_f32, n);
    return n;
}

/* pe_ld_at_TYPE, pe_st_at_TYPE: n lanes at off. pe_ldm, pe_stm: the lanes of a mask, at their places of a whole vector; what the others would
 * touch need not be there. pe_gather, pe_scatter: lane i at off + index[i] elements; of two lanes at one place the later is stored.
 * pe_get, pe_put: one element, by the scalar side; a scalar operation on top. */
#define X(m, id, reg, element, bytes, scalar, converts) \
    static inline pe_##reg pe_ld_at_##m(PE *pe, int buf, int64_t off, int n, int line) { \
        pe_hidden_loads(pe, (16 * bytes + 63) / 64, converts); \
        pe_hidden_raw_##m raw = {0}; \
        unsigned char *p = pe_place(pe, buf, off, n, 16, bytes, false, PE_##id, line); \
        if (n == 16) __builtin_memcpy(&raw, p, 16 * bytes); \
        else __builtin_memcpy(&raw, p, bytes * (unsigned long)n); \
        return (pe_##reg){pe_hidden_from_##m(raw)}; \
    } \
    static inline void pe_st_at_##m(PE *pe, int buf, int64_t off, int n, pe_##reg x, int line) { \
        pe_hidden_stores(pe, (16 * bytes + 63) / 64, converts); \
        unsigned char *p = pe_place(pe, buf, off, n, 16, bytes, true, PE_##id, line); \
        pe_hidden_raw_##m raw = pe_hidden_to_##m(x.pe_hidden_lanes); \
        if (n == 16) __builtin_memcpy(p, &raw, 16 * bytes); \
        else __builtin_memcpy(p, &raw, bytes * (unsigned long)n); \
    } \
    static inline pe_##reg pe_ldm_at_##m(PE *pe, int buf, int64_t off, pe_mask mask, int line) { \
        pe_i32 at = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}; \
        pe_hidden_raw_##m raw = {0}; \
        pe_hidden_loads(pe, (16 * bytes + 63) / 64, converts); \
        pe->PE_M(api)->PE_M(pick)(pe_here(pe, line), buf, off, PE_##id, false, &at, &mask, &raw); \
        return (pe_##reg){pe_hidden_from_##m(raw)}; \
    } \
    static inline void pe_stm_at_##m(PE *pe, int buf, int64_t off, pe_mask mask, pe_##reg x, int line) { \
        pe_i32 at = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}; \
        pe_hidden_raw_##m raw = pe_hidden_to_##m(x.pe_hidden_lanes); \
        pe_hidden_stores(pe, (16 * bytes + 63) / 64, converts); \
        pe->PE_M(api)->PE_M(pick)(pe_here(pe, line), buf, off, PE_##id, true, &at, &mask, &raw); \
    } \
    static inline pe_##reg pe_gather_at_##m(PE *pe, int buf, int64_t off, pe_i32 index, pe_mask mask, int line) { \
        pe_hidden_raw_##m raw = {0}; \
        pe_hidden_loads(pe, pe_hidden_each(pe, mask), converts); \
        pe->PE_M(api)->PE_M(pick)(pe_here(pe, line), buf, off, PE_##id, false, &index, &mask, &raw); \
        return (pe_##reg){pe_hidden_from_##m(raw)}; \
    } \
    static inline void pe_scatter_at_##m(PE *pe, int buf, int64_t off, pe_i32 index, pe_mask mask, pe_##reg x, int line) { \
        pe_hidden_raw_##m raw = pe_hidden_to_##m(x.pe_hidden_lanes); \
        pe_hidden_stores(pe, pe_hidden_each(pe, mask), converts); \
        pe->PE_M(api)->PE_M(pick)(pe_here(pe, line), buf, off, PE_##id, true, &index, &mask, &raw); \
    } \
    static inline scalar pe_get_at_##m(PE *pe, int buf, int64_t off, int line) { \
        pe_hidden_raw_##m raw = {0}; \
        pe_ops(pe, 1); \
        pe_hidden_loads(pe, 1, 0); \
        __builtin_memcpy(&raw, pe_place(pe, buf, off, 1, 1, bytes, false, PE_##id, line), bytes); \
        return PE_ONE_##reg(pe_hidden_from_##m(raw)[0]); \
    } \
    static inline void pe_put_at_##m(PE *pe, int buf, int64_t off, scalar x, int line) { \
        pe_##reg v = {0}; \
        pe_ops(pe, 1); \
        pe_hidden_stores(pe, 1, 0); \
        v.pe_hidden_lanes[0] = PE_LANE_##reg(x); \
        pe_hidden_raw_##m raw = pe_hidden_to_##m(v.pe_hidden_lanes); \
        __builtin_memcpy(pe_place(pe, buf, off, 1, 1, bytes, true, PE_##id, line), &raw, bytes); \
    }
#define PE_ONE_f32(x) (x)
#define PE_ONE_i32(x) (x)
#define PE_ONE_f64(x) (x)
#define PE_ONE_i64(x) (x)
#define PE_ONE_mask(x) ((x) != 0)
#define PE_LANE_f32(x) (x)
#define PE_LANE_i32(x) ((int32_t)(x))
#define PE_LANE_f64(x) (x)
#define PE_LANE_i64(x) (x)
#define PE_LANE_mask(x) (-((x) != 0))
PE_MEMORY(X)
#undef X

/* The calls' names, with their C line. TYPE is one of PE_MEMORY. */
#define pe_ld_f32(pe, buf, off, n) pe_ld_at_f32(pe, buf, off, n, __LINE__)
#define pe_st_f32(pe, buf, off, n, x) pe_st_at_f32(pe, buf, off, n, x, __LINE__)
#define pe_ldm_f32(pe, buf, off, mask) pe_ldm_at_f32(pe, buf, off, mask, __LINE__)
#define pe_stm_f32(pe, buf, off, mask, x) pe_stm_at_f32(pe, buf, off, mask, x, __LINE__)
#define pe_gather_f32(pe, buf, off, index, mask) pe_gather_at_f32(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_f32(pe, buf, off, index, mask, x) pe_scatter_at_f32(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_f32(pe, buf, off) pe_get_at_f32(pe, buf, off, __LINE__)
#define pe_put_f32(pe, buf, off, x) pe_put_at_f32(pe, buf, off, x, __LINE__)
#define pe_ld_i32(pe, buf, off, n) pe_ld_at_i32(pe, buf, off, n, __LINE__)
#define pe_st_i32(pe, buf, off, n, x) pe_st_at_i32(pe, buf, off, n, x, __LINE__)
#define pe_ldm_i32(pe, buf, off, mask) pe_ldm_at_i32(pe, buf, off, mask, __LINE__)
#define pe_stm_i32(pe, buf, off, mask, x) pe_stm_at_i32(pe, buf, off, mask, x, __LINE__)
#define pe_gather_i32(pe, buf, off, index, mask) pe_gather_at_i32(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_i32(pe, buf, off, index, mask, x) pe_scatter_at_i32(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_i32(pe, buf, off) pe_get_at_i32(pe, buf, off, __LINE__)
#define pe_put_i32(pe, buf, off, x) pe_put_at_i32(pe, buf, off, x, __LINE__)
#define pe_ld_f64(pe, buf, off, n) pe_ld_at_f64(pe, buf, off, n, __LINE__)
#define pe_st_f64(pe, buf, off, n, x) pe_st_at_f64(pe, buf, off, n, x, __LINE__)
#define pe_ldm_f64(pe, buf, off, mask) pe_ldm_at_f64(pe, buf, off, mask, __LINE__)
#define pe_stm_f64(pe, buf, off, mask, x) pe_stm_at_f64(pe, buf, off, mask, x, __LINE__)
#define pe_gather_f64(pe, buf, off, index, mask) pe_gather_at_f64(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_f64(pe, buf, off, index, mask, x) pe_scatter_at_f64(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_f64(pe, buf, off) pe_get_at_f64(pe, buf, off, __LINE__)
#define pe_put_f64(pe, buf, off, x) pe_put_at_f64(pe, buf, off, x, __LINE__)
#define pe_ld_i64(pe, buf, off, n) pe_ld_at_i64(pe, buf, off, n, __LINE__)
#define pe_st_i64(pe, buf, off, n, x) pe_st_at_i64(pe, buf, off, n, x, __LINE__)
#define pe_ldm_i64(pe, buf, off, mask) pe_ldm_at_i64(pe, buf, off, mask, __LINE__)
#define pe_stm_i64(pe, buf, off, mask, x) pe_stm_at_i64(pe, buf, off, mask, x, __LINE__)
#define pe_gather_i64(pe, buf, off, index, mask) pe_gather_at_i64(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_i64(pe, buf, off, index, mask, x) pe_scatter_at_i64(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_i64(pe, buf, off) pe_get_at_i64(pe, buf, off, __LINE__)
#define pe_put_i64(pe, buf, off, x) pe_put_at_i64(pe, buf, off, x, __LINE__)
#define pe_ld_f16(pe, buf, off, n) pe_ld_at_f16(pe, buf, off, n, __LINE__)
#define pe_st_f16(pe, buf, off, n, x) pe_st_at_f16(pe, buf, off, n, x, __LINE__)
#define pe_ldm_f16(pe, buf, off, mask) pe_ldm_at_f16(pe, buf, off, mask, __LINE__)
#define pe_stm_f16(pe, buf, off, mask, x) pe_stm_at_f16(pe, buf, off, mask, x, __LINE__)
#define pe_gather_f16(pe, buf, off, index, mask) pe_gather_at_f16(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_f16(pe, buf, off, index, mask, x) pe_scatter_at_f16(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_f16(pe, buf, off) pe_get_at_f16(pe, buf, off, __LINE__)
#define pe_put_f16(pe, buf, off, x) pe_put_at_f16(pe, buf, off, x, __LINE__)
#define pe_ld_bf16(pe, buf, off, n) pe_ld_at_bf16(pe, buf, off, n, __LINE__)
#define pe_st_bf16(pe, buf, off, n, x) pe_st_at_bf16(pe, buf, off, n, x, __LINE__)
#define pe_ldm_bf16(pe, buf, off, mask) pe_ldm_at_bf16(pe, buf, off, mask, __LINE__)
#define pe_stm_bf16(pe, buf, off, mask, x) pe_stm_at_bf16(pe, buf, off, mask, x, __LINE__)
#define pe_gather_bf16(pe, buf, off, index, mask) pe_gather_at_bf16(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_bf16(pe, buf, off, index, mask, x) pe_scatter_at_bf16(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_bf16(pe, buf, off) pe_get_at_bf16(pe, buf, off, __LINE__)
#define pe_put_bf16(pe, buf, off, x) pe_put_at_bf16(pe, buf, off, x, __LINE__)
#define pe_ld_f8e4m3(pe, buf, off, n) pe_ld_at_f8e4m3(pe, buf, off, n, __LINE__)
#define pe_st_f8e4m3(pe, buf, off, n, x) pe_st_at_f8e4m3(pe, buf, off, n, x, __LINE__)
#define pe_ldm_f8e4m3(pe, buf, off, mask) pe_ldm_at_f8e4m3(pe, buf, off, mask, __LINE__)
#define pe_stm_f8e4m3(pe, buf, off, mask, x) pe_stm_at_f8e4m3(pe, buf, off, mask, x, __LINE__)
#define pe_gather_f8e4m3(pe, buf, off, index, mask) pe_gather_at_f8e4m3(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_f8e4m3(pe, buf, off, index, mask, x) pe_scatter_at_f8e4m3(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_f8e4m3(pe, buf, off) pe_get_at_f8e4m3(pe, buf, off, __LINE__)
#define pe_put_f8e4m3(pe, buf, off, x) pe_put_at_f8e4m3(pe, buf, off, x, __LINE__)
#define pe_ld_f8e5m2(pe, buf, off, n) pe_ld_at_f8e5m2(pe, buf, off, n, __LINE__)
#define pe_st_f8e5m2(pe, buf, off, n, x) pe_st_at_f8e5m2(pe, buf, off, n, x, __LINE__)
#define pe_ldm_f8e5m2(pe, buf, off, mask) pe_ldm_at_f8e5m2(pe, buf, off, mask, __LINE__)
#define pe_stm_f8e5m2(pe, buf, off, mask, x) pe_stm_at_f8e5m2(pe, buf, off, mask, x, __LINE__)
#define pe_gather_f8e5m2(pe, buf, off, index, mask) pe_gather_at_f8e5m2(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_f8e5m2(pe, buf, off, index, mask, x) pe_scatter_at_f8e5m2(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_f8e5m2(pe, buf, off) pe_get_at_f8e5m2(pe, buf, off, __LINE__)
#define pe_put_f8e5m2(pe, buf, off, x) pe_put_at_f8e5m2(pe, buf, off, x, __LINE__)
#define pe_ld_i16(pe, buf, off, n) pe_ld_at_i16(pe, buf, off, n, __LINE__)
#define pe_st_i16(pe, buf, off, n, x) pe_st_at_i16(pe, buf, off, n, x, __LINE__)
#define pe_ldm_i16(pe, buf, off, mask) pe_ldm_at_i16(pe, buf, off, mask, __LINE__)
#define pe_stm_i16(pe, buf, off, mask, x) pe_stm_at_i16(pe, buf, off, mask, x, __LINE__)
#define pe_gather_i16(pe, buf, off, index, mask) pe_gather_at_i16(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_i16(pe, buf, off, index, mask, x) pe_scatter_at_i16(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_i16(pe, buf, off) pe_get_at_i16(pe, buf, off, __LINE__)
#define pe_put_i16(pe, buf, off, x) pe_put_at_i16(pe, buf, off, x, __LINE__)
#define pe_ld_i8(pe, buf, off, n) pe_ld_at_i8(pe, buf, off, n, __LINE__)
#define pe_st_i8(pe, buf, off, n, x) pe_st_at_i8(pe, buf, off, n, x, __LINE__)
#define pe_ldm_i8(pe, buf, off, mask) pe_ldm_at_i8(pe, buf, off, mask, __LINE__)
#define pe_stm_i8(pe, buf, off, mask, x) pe_stm_at_i8(pe, buf, off, mask, x, __LINE__)
#define pe_gather_i8(pe, buf, off, index, mask) pe_gather_at_i8(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_i8(pe, buf, off, index, mask, x) pe_scatter_at_i8(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_i8(pe, buf, off) pe_get_at_i8(pe, buf, off, __LINE__)
#define pe_put_i8(pe, buf, off, x) pe_put_at_i8(pe, buf, off, x, __LINE__)
#define pe_ld_u8(pe, buf, off, n) pe_ld_at_u8(pe, buf, off, n, __LINE__)
#define pe_st_u8(pe, buf, off, n, x) pe_st_at_u8(pe, buf, off, n, x, __LINE__)
#define pe_ldm_u8(pe, buf, off, mask) pe_ldm_at_u8(pe, buf, off, mask, __LINE__)
#define pe_stm_u8(pe, buf, off, mask, x) pe_stm_at_u8(pe, buf, off, mask, x, __LINE__)
#define pe_gather_u8(pe, buf, off, index, mask) pe_gather_at_u8(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_u8(pe, buf, off, index, mask, x) pe_scatter_at_u8(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_u8(pe, buf, off) pe_get_at_u8(pe, buf, off, __LINE__)
#define pe_put_u8(pe, buf, off, x) pe_put_at_u8(pe, buf, off, x, __LINE__)
#define pe_ld_bool(pe, buf, off, n) pe_ld_at_bool(pe, buf, off, n, __LINE__)
#define pe_st_bool(pe, buf, off, n, x) pe_st_at_bool(pe, buf, off, n, x, __LINE__)
#define pe_ldm_bool(pe, buf, off, mask) pe_ldm_at_bool(pe, buf, off, mask, __LINE__)
#define pe_stm_bool(pe, buf, off, mask, x) pe_stm_at_bool(pe, buf, off, mask, x, __LINE__)
#define pe_gather_bool(pe, buf, off, index, mask) pe_gather_at_bool(pe, buf, off, index, mask, __LINE__)
#define pe_scatter_bool(pe, buf, off, index, mask, x) pe_scatter_at_bool(pe, buf, off, index, mask, x, __LINE__)
#define pe_get_bool(pe, buf, off) pe_get_at_bool(pe, buf, off, __LINE__)
#define pe_put_bool(pe, buf, off, x) pe_put_at_bool(pe, buf, off, x, __LINE__)

/* ---- packed registers ----------------------------------------------------------------------------------------------------- */

/* Packed: register, PeType, lanes, bytes of an element, the register and the raw type of a part of 16 lanes. */
#define PE_PACKED(X) X(f16x32, F16, 32, 2, f32, f16) X(bf16x32, BF16, 32, 2, f32, bf16) X(i16x32, I16, 32, 2, i32, i16) X(i8x64, I8, 64, 1, i32, i8) X(u8x64, U8, 64, 1, i32, u8)
/* A load or store of up to 64 bytes; part k (16 lanes from 16 k on) as a register of 16 lanes, and back: one operation each. */
#define X(r, id, n_lanes, bytes, reg, m) \
    static inline pe_##r pe_ld_at_##r(PE *pe, int buf, int64_t off, int n, int line) { \
        pe_##r d = {0}; \
        pe_hidden_loads(pe, 1, 0); \
        __builtin_memcpy(&d, pe_place(pe, buf, off, n, n_lanes, bytes, false, PE_##id, line), bytes * (unsigned long)n); \
        return d; \
    } \
    static inline void pe_st_at_##r(PE *pe, int buf, int64_t off, int n, pe_##r x, int line) { \
        pe_hidden_stores(pe, 1, 0); \
        __builtin_memcpy(pe_place(pe, buf, off, n, n_lanes, bytes, true, PE_##id, line), &x, bytes * (unsigned long)n); \
    } \
    static inline pe_hidden_v_##reg pe_hidden_part_##r(pe_##r a, int k) { \
        pe_hidden_raw_##m raw; \
        __builtin_memcpy(&raw, (char *)&a + (k & (n_lanes / 16 - 1)) * 16 * bytes, 16 * bytes); \
        return pe_hidden_from_##m(raw); \
    } \
    static inline void pe_hidden_join_##r(pe_##r *a, int k, pe_hidden_v_##reg v) { \
        pe_hidden_raw_##m raw = pe_hidden_to_##m(v); \
        __builtin_memcpy((char *)a + k * 16 * bytes, &raw, 16 * bytes); \
    } \
    static inline pe_##reg pe_part_##r(PE *pe, pe_##r a, int k) { pe_charge(pe, PE_C_OP, PE_R_f32, 1); return (pe_##reg){pe_hidden_part_##r(a, k)}; } \
    /* a with part k replaced. */ \
    static inline pe_##r pe_join_##r(PE *pe, pe_##r a, int k, pe_##reg b) { pe_charge(pe, PE_C_OP, PE_R_f32, 1); pe_hidden_join_##r(&a, k & (n_lanes / 16 - 1), b.pe_hidden_lanes); return a; }
PE_PACKED(X)
#undef X
#define pe_ld_f16x32(pe, buf, off, n) pe_ld_at_f16x32(pe, buf, off, n, __LINE__)
#define pe_ld_bf16x32(pe, buf, off, n) pe_ld_at_bf16x32(pe, buf, off, n, __LINE__)
#define pe_ld_i16x32(pe, buf, off, n) pe_ld_at_i16x32(pe, buf, off, n, __LINE__)
#define pe_ld_i8x64(pe, buf, off, n) pe_ld_at_i8x64(pe, buf, off, n, __LINE__)
#define pe_ld_u8x64(pe, buf, off, n) pe_ld_at_u8x64(pe, buf, off, n, __LINE__)
#define pe_st_f16x32(pe, buf, off, n, x) pe_st_at_f16x32(pe, buf, off, n, x, __LINE__)
#define pe_st_bf16x32(pe, buf, off, n, x) pe_st_at_bf16x32(pe, buf, off, n, x, __LINE__)
#define pe_st_i16x32(pe, buf, off, n, x) pe_st_at_i16x32(pe, buf, off, n, x, __LINE__)
#define pe_st_i8x64(pe, buf, off, n, x) pe_st_at_i8x64(pe, buf, off, n, x, __LINE__)
#define pe_st_u8x64(pe, buf, off, n, x) pe_st_at_u8x64(pe, buf, off, n, x, __LINE__)

#define X(r, integer, raw) \
    /* Part k of a mask. */ \
    static inline pe_mask pe_part_##r(PE *pe, pe_##r a, int k) { \
        raw h; \
        pe_charge(pe, PE_C_OP, PE_R_mask, 1); \
        __builtin_memcpy(&h, (char *)&a + (k & (pe_hidden_n_##r / 16 - 1)) * 16 * (int)sizeof(integer), 16 * sizeof(integer)); \
        return (pe_mask){__builtin_convertvector(h, pe_hidden_v_mask)}; \
    } \
    static inline void pe_hidden_join_##r(pe_##r *a, int k, pe_hidden_v_mask v) { \
        raw h = __builtin_convertvector(v, raw); \
        __builtin_memcpy((char *)a + k * 16 * (int)sizeof(integer), &h, 16 * sizeof(integer)); \
    } \
    static inline pe_##r pe_join_##r(PE *pe, pe_##r a, int k, pe_mask b) { pe_charge(pe, PE_C_OP, PE_R_mask, 1); pe_hidden_join_##r(&a, k & (pe_hidden_n_##r / 16 - 1), b.pe_hidden_lanes); return a; }
X(mask32, int16_t, pe_hidden_int16) X(mask64, int8_t, pe_hidden_int8)
#undef X

/* Packed floats: each operation in f32, rounded at once. */
#define PE_HALF_S pe_hidden_v_f32
#define PE_HALF_M pe_hidden_m_f32
#define PE_GIVE_S(r) pe_##r
#define PE_GIVE_M(r) pe_mask32
#define PE_JOIN_S(r) pe_hidden_join_##r
#define PE_JOIN_M(r) pe_hidden_join_mask32
#define PE_HALF_1(name, gives, value) static inline PE_HALF_##gives pe_hidden_half_##name(pe_hidden_v_f32 x) { PE_LOCALS(f32) return value; }
#define PE_HALF_2(name, gives, value) static inline PE_HALF_##gives pe_hidden_half_##name(pe_hidden_v_f32 x, pe_hidden_v_f32 y) { PE_LOCALS(f32) return value; }
#define PE_HALVES_1(r, name, gives, cost, times) static inline PE_GIVE_##gives(r) pe_##name##_##r(PE *pe, pe_##r a) { \
    PE_GIVE_##gives(r) d; \
    pe_charge(pe, PE_C_##cost, PE_R_##r, times); \
    for (int k = 0; k < 2; k++) PE_JOIN_##gives(r)(&d, k, pe_hidden_half_##name(pe_hidden_part_##r(a, k))); \
    return d; }
#define PE_HALVES_2(r, name, gives, cost, times) static inline PE_GIVE_##gives(r) pe_##name##_##r(PE *pe, pe_##r a, pe_##r b) { \
    PE_GIVE_##gives(r) d; \
    pe_charge(pe, PE_C_##cost, PE_R_##r, times); \
    for (int k = 0; k < 2; k++) PE_JOIN_##gives(r)(&d, k, pe_hidden_half_##name(pe_hidden_part_##r(a, k), pe_hidden_part_##r(b, k))); \
    return d; }
#define PE_NEAR_F(id, name, arity, gives, cost, times, value) \
    PE_HALF_##arity(name, gives, value) PE_HALVES_##arity(f16x32, name, gives, cost, times) PE_HALVES_##arity(bf16x32, name, gives, cost, times)
#include "knyfe/pe_ops.def"
static inline pe_f16x32 pe_splat_f16x32(PE *pe, float x) {
    pe_f16x32 d;
    pe_charge(pe, PE_C_OP, PE_R_f16x32, 1);
    for (int k = 0; k < 2; k++) pe_hidden_join_f16x32(&d, k, x - (pe_hidden_v_f32){0});
    return d;
}
static inline pe_bf16x32 pe_splat_bf16x32(PE *pe, float x) {
    pe_bf16x32 d;
    pe_charge(pe, PE_C_OP, PE_R_bf16x32, 1);
    for (int k = 0; k < 2; k++) pe_hidden_join_bf16x32(&d, k, x - (pe_hidden_v_f32){0});
    return d;
}

/* ---- short names of f32, the type of most kernels --------------------------------------------------------------------------- */

#define pe_splat pe_splat_f32
#define pe_add pe_add_f32
#define pe_sub pe_sub_f32
#define pe_mul pe_mul_f32
#define pe_div pe_div_f32
#define pe_fma pe_fma_f32
#define pe_vmax pe_max_f32
#define pe_vmin pe_min_f32
#define pe_lt pe_lt_f32
#define pe_le pe_le_f32
#define pe_eq pe_eq_f32
#define pe_select pe_select_f32
#define pe_hsum pe_hsum_f32
#define pe_hmax pe_hmax_f32
#define pe_and pe_and_mask
#define pe_not pe_not_mask
#define pe_first pe_first_mask
#define pe_to_f32 pe_f32_of_i32

/* A program can't name the lanes of a vector, or the state of a PE; and has no other way to their bytes (the simulator refuses the
 * rest that C offers: pointers, unions, copies of memory). */
#ifndef PE_INSIDE
#pragma GCC poison pe_hidden_lanes pe_hidden_buf pe_hidden_base pe_hidden_state pe_hidden_api pe_hidden_vector pe_hidden_scalar pe_hidden_loads pe_hidden_stores
#pragma GCC poison memcpy memmove memset memcmp __builtin_memcpy __builtin_memmove __builtin_memset __builtin_memcmp union
#endif
