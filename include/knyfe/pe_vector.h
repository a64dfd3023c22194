/* CONTRACT NOTE (for whoever extends this file now; delete the note when done): the compiler's emitter for the grid is being
 * written at this moment against exactly these names; please provide them (table-driven, by X-macros, costs from the machine
 * file), beside or instead of what stands below. Commit early: first f32/i32/mask, then the rest.
 *   memory types MT: f64 f32 f16 bf16 f8e4m3 f8e5m2 i64 i32 i16 i8 u8 bool  (PE_TYPES must hold them all, also for DMA, rings, tensors)
 *   lane types   LT: f64 f32 i64 i32 mask: structs pe_f64 pe_f32 pe_i64 pe_i32 pe_mask, 16 logical lanes each (wide types cost more operations)
 *   each MT computes in an LT as dsl/dtype.h has it (f16 -> f32, i8 -> i32, bool -> mask)
 *   pe_v_OP_LT(pe, a[, b[, c]])    OP: dsl/ops.def's ids in lower case (add sub mul div floordiv mod neg band bor bxor bnot shl shr eq ne lt le
 *                                  gt ge and or not min max abs sign fma floor ceil round trunc sqrt rsqrt recip exp ... isinf) for every LT that
 *                                  the table's ACCEPTS allows (B: mask, e.g. pe_v_eq_mask); comparisons give pe_mask; meaning = docs/language.md
 *   pe_v_select_LT(pe, mask, a, b)   pe_v_splat_LT(pe, C scalar)   pe_v_iota_i64(pe, int64_t base): base + lane   pe_v_first(pe, n): mask of lanes < n
 *   pe_v_cvt_TO_FROM(pe, a)        every pair of different LTs, as X_CONVERT in dsl/kernel.h
 *   pe_v_round_MT(pe, a)           f16 bf16 f8e4m3 f8e5m2: an f32 rounded to the narrow type, kept as f32; i8 i16 u8: an i32 wrapped
 *   pe_v_sat_INT_LT(pe, a)         X_SAT to i8 u8 i16 i32 i64 from each LT but mask; result in INT's LT
 *   pe_v_ld_MT(pe, buf, off, n)  pe_v_st_MT(pe, buf, off, n, x)        n <= 16 neighbours; lanes beyond load as 0; a store rounds/wraps
 *   pe_v_lds_MT(pe, buf, off, stride, n)  pe_v_sts_MT(pe, buf, off, stride, n, x)      stride in bytes, 0 or negative too
 *   pe_v_ldx_MT(pe, buf, pe_i64 off, pe_mask m)  pe_v_stx_MT(pe, buf, pe_i64 off, pe_mask m, x)    lanes outside m: not touched, load as 0
 *   pe_lane_LT(pe, v, i)           lane i as a C scalar (mask: bool)       pe_any(pe, mask, n) pe_all(pe, mask, n): bool, of the first n lanes
 *   pe_h_OP_LT(pe, v, n)           OP add mul min max, LT f32 f64 i32 i64: the first n lanes joined, a C scalar
 *   pe_get_MT(pe, buf, off)        one element as a C scalar of its LT (float double int32_t int64_t bool); pe_put_MT(pe, buf, off, value)
 * Offsets: bytes from the read cursor (loads), the write cursor (stores), a scratch's start. */
/* The vector core of pe.h: 16 lanes of f32 or i32, opaque, every operation charged.
 *
 * Between two sync points (any call of pe.h that is no vector operation) the core issues operations, loads and stores side by
 * side: the time is the largest of operations x core.op, loads / core.loads and stores / core.stores, and scalar time on top.
 * Lanes from n on (n < 16, the tail of a row) load as zero and are not stored. Offsets are bytes from the read cursor (loads)
 * or the write cursor (stores); of a scratch buffer, from its start. Loads want pe_wait before, stores pe_reserve. */
#pragma once
#ifndef PE_VERSION
#error "include knyfe/pe.h"
#endif

typedef float PeF16x4 __attribute__((vector_size(64), may_alias));
typedef int32_t PeI16x4 __attribute__((vector_size(64), may_alias));
typedef uint32_t PeU16x4 __attribute__((vector_size(64), may_alias));

typedef struct pe_f32 { PeF16x4 pe_lanes; } pe_f32;
typedef struct pe_i32 { PeI16x4 pe_lanes; } pe_i32;
typedef struct pe_mask { PeI16x4 pe_lanes; } pe_mask;   /* lanes of 0 or -1 */

static inline void pe_charge(PE *pe, PeOp op) { pe->vector += pe->cost[op]; }

/* The bytes of a legal access; the slow way faults or returns. */
static inline unsigned char *pe_place(PE *pe, int buf, int64_t off, int64_t bytes, bool write, PeType type, int line) {
    if (buf < 0 || buf >= PE_BUFS) { pe->site = line; pe->api->touch(pe, buf, off, bytes, write, type); }
    PeBuf *b = &pe->buf[buf];
    int64_t at = b->scratch ? off : (write ? b->write : b->read) + off, end = at + bytes;
    int64_t place = b->scratch || !b->size ? at : at % b->size;
    bool fast = off >= 0 && b->type == type && place + bytes <= b->size && (b->scratch ? write && !b->in_flight : write ? end <= b->room : end <= b->seen && !b->holes);
    if (!fast) { pe->site = line; pe->api->touch(pe, buf, off, bytes, write, type); }
    if (write) __builtin_memset(b->state + place, 1, (unsigned long)bytes);
    return b->base + place;
}

static inline pe_f32 pe_ld_at(PE *pe, int buf, int64_t off, int n, int line) {
    pe->loads += pe->cost[PE_OP_LOAD];
    pe_f32 r = {{0}};
    unsigned char *p = pe_place(pe, buf, off, 4 * (int64_t)n, false, PE_F32, line);
    if (n == PE_LANES) __builtin_memcpy(&r, p, 64);
    else __builtin_memcpy(&r, p, 4 * (unsigned long)n);
    return r;
}
static inline pe_i32 pe_ldi_at(PE *pe, int buf, int64_t off, int n, int line) {
    pe->loads += pe->cost[PE_OP_LOAD];
    pe_i32 r = {{0}};
    unsigned char *p = pe_place(pe, buf, off, 4 * (int64_t)n, false, PE_I32, line);
    __builtin_memcpy(&r, p, 4 * (unsigned long)n);
    return r;
}
static inline void pe_st_at(PE *pe, int buf, int64_t off, int n, pe_f32 x, int line) {
    pe->stores += pe->cost[PE_OP_STORE];
    unsigned char *p = pe_place(pe, buf, off, 4 * (int64_t)n, true, PE_F32, line);
    if (n == PE_LANES) __builtin_memcpy(p, &x, 64);
    else __builtin_memcpy(p, &x, 4 * (unsigned long)n);
}
static inline void pe_sti_at(PE *pe, int buf, int64_t off, int n, pe_i32 x, int line) {
    pe->stores += pe->cost[PE_OP_STORE];
    __builtin_memcpy(pe_place(pe, buf, off, 4 * (int64_t)n, true, PE_I32, line), &x, 4 * (unsigned long)n);
}

/* f16 in memory: one load or store of half a vector, and one operation that converts (to nearest even). */
static inline pe_f32 pe_ldh_at(PE *pe, int buf, int64_t off, int n, int line) {
    pe->loads += pe->cost[PE_OP_LOAD];
    pe_charge(pe, PE_OP_VECTOR);
    uint16_t h[PE_LANES] = {0};
    unsigned char *p = pe_place(pe, buf, off, 2 * (int64_t)n, false, PE_F16, line);
    if (n == PE_LANES) __builtin_memcpy(h, p, 32);
    else __builtin_memcpy(h, p, 2 * (unsigned long)n);
    typedef uint16_t H __attribute__((vector_size(32)));
    H hv;
    __builtin_memcpy(&hv, h, 32);
    PeU16x4 u = __builtin_convertvector(hv, PeU16x4), m = u & 0x7fff, sign = (u & 0x8000) << 16;
    PeU16x4 bits = m << 13;
    PeF16x4 f = (PeF16x4)bits * 0x1p112f;
    PeU16x4 special = (PeU16x4)(m > 0x7bff) & 0x7f800000;
    return (pe_f32){(PeF16x4)(((PeU16x4)f | special | (bits & (PeU16x4)(m > 0x7bff))) | sign)};
}
static inline void pe_sth_at(PE *pe, int buf, int64_t off, int n, pe_f32 x, int line) {
    pe->stores += pe->cost[PE_OP_STORE];
    pe_charge(pe, PE_OP_VECTOR);
    PeU16x4 u = (PeU16x4)x.pe_lanes, sign = (u >> 16) & 0x8000, a = u & 0x7fffffff;
    PeU16x4 sub = (PeU16x4)((PeF16x4)a + 0.5f) - 0x3f000000u;                       /* below 2^-14: the adder rounds */
    PeU16x4 nor = (a - 0x38000000u + 0xfff + ((a >> 13) & 1)) >> 13;
    PeU16x4 is_sub = (PeU16x4)(a < 0x38800000u), is_inf = (PeU16x4)(a >= 0x477ff000u), is_nan = (PeU16x4)(a > 0x7f800000u);
    PeU16x4 r = (sub & is_sub) | (nor & ~is_sub);
    r = (r & ~is_inf) | (0x7c00 & is_inf & ~is_nan) | (0x7e00 & is_nan) | sign;
    typedef uint16_t H __attribute__((vector_size(32)));
    H h = __builtin_convertvector(r, H);
    unsigned char *p = pe_place(pe, buf, off, 2 * (int64_t)n, true, PE_F16, line);
    if (n == PE_LANES) __builtin_memcpy(p, &h, 32);
    else __builtin_memcpy(p, &h, 2 * (unsigned long)n);
}
#define pe_ld_f32(pe, buf, off, n) pe_ld_at(pe, buf, off, n, __LINE__)
#define pe_ld_i32(pe, buf, off, n) pe_ldi_at(pe, buf, off, n, __LINE__)
#define pe_ld_f16(pe, buf, off, n) pe_ldh_at(pe, buf, off, n, __LINE__)
#define pe_st_f32(pe, buf, off, n, x) pe_st_at(pe, buf, off, n, x, __LINE__)
#define pe_st_i32(pe, buf, off, n, x) pe_sti_at(pe, buf, off, n, x, __LINE__)
#define pe_st_f16(pe, buf, off, n, x) pe_sth_at(pe, buf, off, n, x, __LINE__)

/* One i32 (i64, f32) read by the scalar side of the core: a load and a scalar operation. */
static inline int64_t pe_geti_at(PE *pe, int buf, int64_t off, PeType type, int line) {
    pe_ops(pe, 1);
    pe->loads += pe->cost[PE_OP_LOAD];
    int64_t v = 0;
    int32_t w = 0;
    if (type == PE_I64) { __builtin_memcpy(&v, pe_place(pe, buf, off, 8, false, type, line), 8); return v; }
    __builtin_memcpy(&w, pe_place(pe, buf, off, 4, false, type, line), 4);
    return w;
}
static inline float pe_getf_at(PE *pe, int buf, int64_t off, int line) {
    pe_ops(pe, 1);
    pe->loads += pe->cost[PE_OP_LOAD];
    float v;
    __builtin_memcpy(&v, pe_place(pe, buf, off, 4, false, PE_F32, line), 4);
    return v;
}
#define pe_get_f32(pe, buf, off) pe_getf_at(pe, buf, off, __LINE__)
#define pe_get_i32(pe, buf, off) pe_geti_at(pe, buf, off, PE_I32, __LINE__)
#define pe_get_i64(pe, buf, off) pe_geti_at(pe, buf, off, PE_I64, __LINE__)

/* One operation each. */
static inline pe_f32 pe_splat(PE *pe, float x) { pe_charge(pe, PE_OP_VECTOR); return (pe_f32){x - (PeF16x4){0}}; }
static inline pe_i32 pe_splat_i32(PE *pe, int32_t x) { pe_charge(pe, PE_OP_VECTOR); return (pe_i32){x - (PeI16x4){0}}; }
static inline pe_f32 pe_add(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_f32){a.pe_lanes + b.pe_lanes}; }
static inline pe_f32 pe_sub(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_f32){a.pe_lanes - b.pe_lanes}; }
static inline pe_f32 pe_mul(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_f32){a.pe_lanes * b.pe_lanes}; }
static inline pe_i32 pe_add_i32(PE *pe, pe_i32 a, pe_i32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_i32){(PeI16x4)((PeU16x4)a.pe_lanes + (PeU16x4)b.pe_lanes)}; }
static inline pe_i32 pe_sub_i32(PE *pe, pe_i32 a, pe_i32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_i32){(PeI16x4)((PeU16x4)a.pe_lanes - (PeU16x4)b.pe_lanes)}; }
static inline pe_mask pe_lt(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_mask){a.pe_lanes < b.pe_lanes}; }
static inline pe_mask pe_le(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_mask){a.pe_lanes <= b.pe_lanes}; }
static inline pe_mask pe_eq(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_mask){a.pe_lanes == b.pe_lanes}; }
static inline pe_mask pe_lt_i32(PE *pe, pe_i32 a, pe_i32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_mask){a.pe_lanes < b.pe_lanes}; }
static inline pe_mask pe_not(PE *pe, pe_mask a) { pe_charge(pe, PE_OP_VECTOR); return (pe_mask){~a.pe_lanes}; }
static inline pe_mask pe_and(PE *pe, pe_mask a, pe_mask b) { pe_charge(pe, PE_OP_VECTOR); return (pe_mask){a.pe_lanes & b.pe_lanes}; }
/* m ? a : b, lane by lane. */
static inline pe_f32 pe_select(PE *pe, pe_mask m, pe_f32 a, pe_f32 b) {
    pe_charge(pe, PE_OP_VECTOR);
    return (pe_f32){(PeF16x4)((m.pe_lanes & (PeI16x4)a.pe_lanes) | (~m.pe_lanes & (PeI16x4)b.pe_lanes))};
}
/* The first n lanes. */
static inline pe_mask pe_first(PE *pe, int n) {
    pe_charge(pe, PE_OP_VECTOR);
    PeI16x4 lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return (pe_mask){lane < n};
}
/* a * b + c, rounded once. */
static inline pe_f32 pe_fma(PE *pe, pe_f32 a, pe_f32 b, pe_f32 c) {
    pe_charge(pe, PE_OP_VECTOR);
    pe_f32 r;
    for (int i = 0; i < PE_LANES; i++) r.pe_lanes[i] = __builtin_fmaf(a.pe_lanes[i], b.pe_lanes[i], c.pe_lanes[i]);
    return r;
}
/* The greater (lesser) by order; a nan on either side gives nan. */
static inline PeF16x4 pe_pick_max(PeF16x4 a, PeF16x4 b) {
    PeI16x4 take = (a > b) | (a != a);
    return (PeF16x4)((take & (PeI16x4)a) | (~take & (PeI16x4)b));
}
static inline pe_f32 pe_vmax(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_f32){pe_pick_max(a.pe_lanes, b.pe_lanes)}; }
static inline pe_f32 pe_vmin(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_VECTOR); return (pe_f32){-pe_pick_max(-a.pe_lanes, -b.pe_lanes)}; }
/* core.div operations. */
static inline pe_f32 pe_div(PE *pe, pe_f32 a, pe_f32 b) { pe_charge(pe, PE_OP_DIV); return (pe_f32){a.pe_lanes / b.pe_lanes}; }
/* core.imul operations; wraps. */
static inline pe_i32 pe_mul_i32(PE *pe, pe_i32 a, pe_i32 b) { pe_charge(pe, PE_OP_IMUL); return (pe_i32){(PeI16x4)((PeU16x4)a.pe_lanes * (PeU16x4)b.pe_lanes)}; }
static inline pe_f32 pe_to_f32(PE *pe, pe_i32 a) { pe_charge(pe, PE_OP_VECTOR); return (pe_f32){__builtin_convertvector(a.pe_lanes, PeF16x4)}; }

/* Across the lanes, in a tree: four operations. The result is a scalar of the core. */
static inline float pe_hsum(PE *pe, pe_f32 a) {
    for (int w = 8; w; w /= 2) {
        pe_charge(pe, PE_OP_VECTOR);
        for (int i = 0; i < w; i++) a.pe_lanes[i] += a.pe_lanes[i + w];
    }
    return a.pe_lanes[0];
}
static inline float pe_hmax(PE *pe, pe_f32 a) {
    for (int w = 8; w; w /= 2) {
        pe_charge(pe, PE_OP_VECTOR);
        for (int i = 0; i < w; i++) a.pe_lanes[i] = a.pe_lanes[i] > a.pe_lanes[i + w] || a.pe_lanes[i] != a.pe_lanes[i] ? a.pe_lanes[i] : a.pe_lanes[i + w];
    }
    return a.pe_lanes[0];
}

/* The lanes are nobody's but the operations' above: a program that names them, or the types of what they hold, does not compile. */
#pragma GCC poison pe_lanes PeF16x4 PeI16x4 PeU16x4
