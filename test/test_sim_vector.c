/* The vector core of pe.h against the language: every operator of dsl/ops.def on every register, every conversion, every type of memory,
 * by value (the oracle's columns and dsl/dtype.h judge) and by cost (core values of the machine file). */
#include "sim/harness.h"
#include "dsl/eval_ops.h"
#include "dsl/ops.h"
#include "sim/model.h"
#include <fenv.h>
#include <math.h>

enum { MAX = 64, SAMPLES = 40 };
typedef union Value { double f; int64_t i; } Value;

/* A register: its element as the language's type, lanes, and the type whose core.lanes it is charged by. */
typedef struct Reg { DType type; int lanes, bytes; const char *charged; } Reg;
static const Reg regs[PE_REGISTER_COUNT] = {
    [PE_R_f32] = {DT_F32, 16, 4, "f32"}, [PE_R_i32] = {DT_I32, 16, 4, "i32"}, [PE_R_f64] = {DT_F64, 16, 8, "f64"}, [PE_R_i64] = {DT_I64, 16, 8, "i64"}, [PE_R_f16x32] = {DT_F16, 32, 2, "f16"},
    [PE_R_bf16x32] = {DT_BF16, 32, 2, "bf16"}, [PE_R_i16x32] = {DT_I16, 32, 2, "i16"}, [PE_R_i8x64] = {DT_I8, 64, 1, "i8"}, [PE_R_u8x64] = {DT_U8, 64, 1, "u8"},
    [PE_R_mask] = {DT_BOOL, 16, 4, "f32"}, [PE_R_mask32] = {DT_BOOL, 32, 2, "f16"}, [PE_R_mask64] = {DT_BOOL, 64, 1, "i8"},
};

/* ---- the operations as data ---- */

typedef void Call(PE *pe, void *d, const void *a, const void *b, const void *c);
typedef struct Row { Op op; PeRegister reg; const char *name, *cost; int times; bool compares; Call *call; } Row;

#define ARGS_1 x
#define ARGS_2 x, y
#define ARGS_3 x, y, z
#define CALL(name, r, arity) static void call_##name##_##r(PE *pe, void *d, const void *a, const void *b, const void *c) { \
    pe_##r x, y = {0}, z = {0}; \
    memcpy(&x, a, sizeof x); \
    memcpy(&y, b, sizeof y); \
    memcpy(&z, c, sizeof z); \
    (void)y; (void)z; \
    __auto_type v = pe_##name##_##r(pe, ARGS_##arity); \
    memcpy(d, &v, sizeof v); }
#define PE_NEAR_F(id, name, arity, gives, cost, times, value) CALL(name, f32, arity) CALL(name, f64, arity) CALL(name, f16x32, arity) CALL(name, bf16x32, arity)
#define PE_NEAR_I(id, name, arity, gives, cost, times, value) CALL(name, i32, arity) CALL(name, i64, arity) CALL(name, i16x32, arity) CALL(name, i8x64, arity) CALL(name, u8x64, arity)
#define PE_NEAR_B(id, name, arity, gives, cost, times, value) CALL(name, mask, arity) CALL(name, mask32, arity) CALL(name, mask64, arity)
#define PE_FAR_F(id, name, arity, cost, times, value) CALL(name, f32, arity) CALL(name, f64, arity)
#define PE_FAR_I(id, name, arity, cost, times, value) CALL(name, i32, arity) CALL(name, i64, arity)
#include "knyfe/pe_ops.def"

#define GIVES_S false
#define GIVES_M true
#define COST_OP "core.op"
#define COST_IMUL "core.imul"
#define COST_DIV "core.div"
#define COST_IDIV "core.idiv"
#define COST_FN "core.function"
#define ROW(id, name, r, gives, cost, times) {OP_##id, PE_R_##r, #name "_" #r, COST_##cost, times, GIVES_##gives, call_##name##_##r},
static const Row rows[] = {
#define PE_NEAR_F(id, name, arity, gives, cost, times, value) ROW(id, name, f32, gives, cost, times) ROW(id, name, f64, gives, cost, times) ROW(id, name, f16x32, gives, cost, times) ROW(id, name, bf16x32, gives, cost, times)
#define PE_NEAR_I(id, name, arity, gives, cost, times, value) ROW(id, name, i32, gives, cost, times) ROW(id, name, i64, gives, cost, times) ROW(id, name, i16x32, gives, cost, times) \
    ROW(id, name, i8x64, gives, cost, times) ROW(id, name, u8x64, gives, cost, times)
#define PE_NEAR_B(id, name, arity, gives, cost, times, value) ROW(id, name, mask, gives, cost, times) ROW(id, name, mask32, gives, cost, times) ROW(id, name, mask64, gives, cost, times)
#define PE_FAR_F(id, name, arity, cost, times, value) ROW(id, name, f32, S, cost, times) ROW(id, name, f64, S, cost, times)
#define PE_FAR_I(id, name, arity, cost, times, value) ROW(id, name, i32, S, cost, times) ROW(id, name, i64, S, cost, times)
#include "knyfe/pe_ops.def"
};
enum { N_ROWS = sizeof rows / sizeof *rows };

typedef struct Cast { DType to; PeRegister reg, from; bool sat; const char *name; Call *call; } Cast;
#define CAST(name, reg, from) static void call_##name##_of_##from(PE *pe, void *d, const void *a, const void *b, const void *c) { \
    pe_##from x; \
    (void)b; (void)c; \
    memcpy(&x, a, sizeof x); \
    pe_##reg v = pe_##name##_of_##from(pe, x); \
    memcpy(d, &v, sizeof v); }
#define PE_CVT(to, reg, from) CAST(to, reg, from)
#define PE_SAT(to, reg, from) CAST(sat_##to, reg, from)
#include "knyfe/pe_ops.def"
#define ID_f64 DT_F64
#define ID_f32 DT_F32
#define ID_f16 DT_F16
#define ID_bf16 DT_BF16
#define ID_f8e4m3 DT_F8E4M3
#define ID_f8e5m2 DT_F8E5M2
#define ID_i64 DT_I64
#define ID_i32 DT_I32
#define ID_i16 DT_I16
#define ID_i8 DT_I8
#define ID_u8 DT_U8
static const Cast casts[] = {
#define PE_CVT(to, reg, from) {ID_##to, PE_R_##reg, PE_R_##from, false, #to "_of_" #from, call_##to##_of_##from},
#define PE_SAT(to, reg, from) {ID_##to, PE_R_##reg, PE_R_##from, true, "sat_" #to "_of_" #from, call_sat_##to##_of_##from},
#include "knyfe/pe_ops.def"
};
enum { N_CASTS = sizeof casts / sizeof *casts };

/* ---- the oracle's columns ---- */

static double float_of(Op op, double a, double b, double c) {
    (void)b; (void)c;
    switch (op) {
#define NA 0
#define OP(id, name, arity, syntax, accepts, gives, ulp, feval, ferr, ieval, libm, fx) case OP_##id: return (double)(feval);
#include "dsl/ops.def"
#undef OP
    default: return 0;
    }
}
static int64_t int_of(Op op, int64_t a, int64_t b, int bits) {
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    (void)ua; (void)ub; (void)bits;
    switch (op) {
#define OP(id, name, arity, syntax, accepts, gives, ulp, feval, ferr, ieval, libm, fx) case OP_##id: return (int64_t)(ieval);
#include "dsl/ops.def"
#undef OP
    default: return 0;
    }
}

/* ---- values ---- */

static uint64_t seed = 1;
static uint64_t next(void) {
    uint64_t z = (seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double sample_float(void) {
    static const double special[] = {0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, INFINITY, -INFINITY, NAN, 1e-40, 5e-324, 1e30, -1e300, 65504, 65520, 448, 464, 3.7, 127.5, -128.5, 2147483647.5, 9.3e18, 0.999};
    uint64_t z = next();
    if (z % 3 == 0) return special[(z >> 8) % (sizeof special / sizeof *special)];
    return ((double)(z >> 11) * 0x1p-52 - 1) * (z % 3 == 1 ? 4 : 300);
}
static int64_t sample_int(void) {
    static const int64_t special[] = {0, 1, -1, 2, -2, 7, 127, -128, 255, 32767, -32768, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, 31, 32, 63, 64};
    uint64_t z = next();
    return z % 2 ? special[(z >> 8) % (sizeof special / sizeof *special)] : (int64_t)z >> (z >> 2) % 63;
}

/* Lane i of a register's bytes; masks are 0 and -1 there, false and true here. */
static Value lane(const Reg *r, const void *v, int i) {
    const char *at = (const char *)v + i * r->bytes;
    if (r->type == DT_BOOL) return (Value){.i = *at != 0};
    return dtype_is_float(r->type) ? (Value){.f = dtype_load_float(r->type, at)} : (Value){.i = dtype_load_int(r->type, at)};
}
static void fill(const Reg *r, void *v) {
    for (int i = 0; i < r->lanes; i++) {
        char *at = (char *)v + i * r->bytes;
        if (r->type == DT_BOOL) memset(at, next() % 2 ? -1 : 0, (size_t)r->bytes);
        else dtype_store(r->type, at, sample_float(), sample_int());
    }
}

static bool same_float(double got, double want, DType t, double ulp) {
    if (isnan(want)) return isnan(got);
    if (got == want) return signbit(got) == signbit(want);
    if (ulp <= 0.5 || isinf(want) || isinf(got)) return false;
    int e;
    frexp(want, &e);
    return fabs(got - want) <= ldexp(1, e - dtype_table[t].precision) + (t == DT_F32 ? 0x1p-149 : 0x1p-1074);
}

static int wrong;
static void differ(const char *name, const char *what, double got, double want) {
    if (wrong++ < 60) print_error("%s: %s is %.17g, it must be %.17g\n", name, what, got, want);
}

static const char *lanes_of(const Model *m, const Reg *r, Arena *a) {
    static const char *const have[] = {"i8", "u8", "i16", "f16", "i32", "f32", "f64", "i64"};
    for (int i = 0; i < 8; i++)
        if (!strcmp(have[i], r->charged)) return arena_printf(a, "core.lanes.%s", r->charged);
    return strstr(model_eval(m, "core.lanes.f16", 0) ? r->charged : "", "bf16") ? NULL : "core.lanes.f32";
}

/* ---- inside a run ---- */

static const Model *model;
static Arena *arena;
static bool has_bf16;

static int64_t times_of(PeRegister r) {
    const char *l = lanes_of(model, &regs[r], arena);
    if (!l) l = has_bf16 ? "core.lanes.bf16" : "core.lanes.f32";
    return model_eval(model, arena_printf(arena, "ceil(%d, %s)", regs[r].lanes, l), 0);
}

static void try_row(PE *pe, const Row *row) {
    const Reg *r = &regs[row->reg];
    _Alignas(128) char a[128], b[128], c[128], d[128];
    for (int s = 0; s < SAMPLES; s++) {
        fill(r, a);
        fill(r, b);
        fill(r, c);
        int64_t before = pe->vector, cost = model_eval(model, row->cost, 0) * row->times * times_of(row->reg);
        row->call(pe, d, a, b, c);
        if (pe->vector - before != cost) differ(row->name, "the cost", (double)(pe->vector - before), (double)cost);
        for (int i = 0; i < r->lanes; i++) {
            Value x = lane(r, a, i), y = lane(r, b, i), z = lane(r, c, i);
            Reg bits = {DT_BOOL, r->lanes, r->type == DT_F64 || r->type == DT_I64 ? 4 : r->bytes, NULL};
            Value got = lane(row->compares ? &bits : r, d, i);
            if (dtype_is_float(r->type)) {
                double want = float_of(row->op, x.f, y.f, z.f);
                if (row->compares) { if (got.i != (want != 0)) differ(row->name, "a comparison", (double)got.i, want); continue; }
                DType compute = dtype_table[r->type].compute;
                want = dtype_round(r->type, dtype_round(compute, want));
                if (!same_float(got.f, want, r->type, row->op == OP_FMA ? 1 : op_table[row->op].ulp)) differ(row->name, arena_printf(arena, "of %g, %g", x.f, y.f), got.f, want);
                continue;
            }
            int64_t want = int_of(row->op, x.i, y.i, 8 * r->bytes);
            char raw[8];
            dtype_store(r->type, raw, 0, r->type == DT_BOOL ? want & 1 : want);
            if (!row->compares) want = dtype_load_int(r->type, raw);
            if (got.i != want) differ(row->name, arena_printf(arena, "of %lld, %lld", (long long)x.i, (long long)y.i), (double)got.i, (double)want);
        }
    }
}

/* dsl/kernel.h, X_CONVERT and X_SAT. */
static int64_t to_int(DType t, double v, bool nearest) {
    if (isnan(v)) return 0;
    v = nearest ? rint(v) : trunc(v);
    return v >= (double)dtype_table[t].max ? dtype_table[t].max : v <= (double)dtype_table[t].min ? dtype_table[t].min : (int64_t)v;
}

static void try_cast(PE *pe, const Cast *k) {
    const Reg *from = &regs[k->from], *to = &regs[k->reg];
    _Alignas(128) char a[128], d[128];
    for (int s = 0; s < 4 * SAMPLES; s++) {
        fill(from, a);
        int64_t before = pe->vector, x = times_of(k->from), y = times_of(k->reg), cost = model_eval(model, "core.op", 0) * (x > y ? x : y);
        k->call(pe, d, a, a, a);
        if (pe->vector - before != cost) differ(k->name, "the cost", (double)(pe->vector - before), (double)cost);
        for (int i = 0; i < 16; i++) {
            Value v = lane(from, a, i), got = lane(to, d, i);
            bool f = dtype_is_float(from->type);
            if (dtype_is_float(k->to)) {
                double want = dtype_round(k->to, f ? v.f : (double)v.i);
                if (!f && k->to == DT_F32) want = (double)(float)v.i;
                if (!f && dtype_table[k->to].bytes < 4 && (v.i > 1ll << 53 || v.i < -(1ll << 53))) continue;      /* the double in between rounds */
                if (!same_float(got.f, want, k->to, 0)) differ(k->name, f ? arena_printf(arena, "of %.17g", v.f) : arena_printf(arena, "of %lld", (long long)v.i), got.f, want);
                continue;
            }
            char raw[8];
            int64_t want = f ? to_int(k->to, v.f, k->sat) : v.i;
            if (!f && k->sat) want = v.i < dtype_table[k->to].min ? dtype_table[k->to].min : v.i > dtype_table[k->to].max ? dtype_table[k->to].max : v.i;
            dtype_store(k->to, raw, 0, want);
            want = dtype_load_int(k->to, raw);
            if (got.i != want) differ(k->name, f ? arena_printf(arena, "of %g", v.f) : arena_printf(arena, "of %lld", (long long)v.i), (double)got.i, (double)want);
        }
    }
}

/* ---- memory ---- */

#define X(m, id, reg, element, bytes, scalar, converts) B_##m,
enum { PE_MEMORY(X) PACKED = B_bool + 1 };
#undef X
#define X(r, id, n, bytes, reg, m) B_##r,
enum { B_none = PACKED - 1, PE_PACKED(X) };
#undef X

static void setup(PE *pe) {
#define X(m, id, reg, element, bytes, scalar, converts) pe_scratch(pe, B_##m, PE_##id, 64 * bytes);
    PE_MEMORY(X)
#undef X
#define X(r, id, n, bytes, reg, m) pe_scratch(pe, B_##r, PE_##id, 128);
    PE_PACKED(X)
#undef X
}

static void charged(PE *pe, const char *name, int64_t loads, int64_t stores, int64_t ops, int64_t scalars) {
    if (pe->loads != loads * model_eval(model, "ceil(cycle, core.loads)", 0)) differ(name, "its loads", (double)pe->loads, (double)loads);
    if (pe->stores != stores * model_eval(model, "ceil(cycle, core.stores)", 0)) differ(name, "its stores", (double)pe->stores, (double)stores);
    if (pe->vector != ops) differ(name, "its operations", (double)pe->vector, (double)ops);
    if (pe->scalar != scalars * model_eval(model, "core.scalar", 0)) differ(name, "its scalar time", (double)pe->scalar, (double)scalars);
    pe->loads = pe->stores = pe->vector = pe->scalar = 0;
}

static void same_raw(const char *name, DType t, const void *got, double f, int64_t i) {
    char want[8] = {0};
    dtype_store(t, want, f, i);
    bool nan = dtype_is_float(t) && isnan(dtype_load_float(t, want)) && isnan(dtype_load_float(t, got));
    if (!nan && memcmp(got, want, (size_t)dtype_table[t].bytes)) differ(name, "a stored element", dtype_is_float(t) ? dtype_load_float(t, got) : (double)dtype_load_int(t, got), dtype_is_float(t) ? f : (double)i);
}
static void same_lane(const char *name, DType t, const Reg *r, const void *v, int i, const void *at, bool there) {
    Value got = lane(r, v, i);
    if (dtype_is_float(t)) { double want = there ? dtype_load_float(t, at) : 0; if (!same_float(got.f, want, DT_F64, 0)) differ(name, "a loaded lane", got.f, want); }
    else { int64_t want = there ? dtype_load_int(t, at) : 0; if (got.i != want) differ(name, "a loaded lane", (double)got.i, (double)want); }
}

#define X(m, id, reg, element, n_bytes, scalar_type, converts) \
    static void memory_##m(PE *pe) { \
        const Reg *r = &regs[PE_R_##reg]; \
        DType t = DT_##id; \
        unsigned char *base = pe->buf[B_##m].base; \
        int64_t op = model_eval(model, "core.op", 0), each = model_eval(model, "core.gather", 0), vector = (16 * n_bytes + 63) / 64; \
        pe_##reg x, y; \
        fill(r, &x); \
        pe->loads = pe->stores = pe->vector = pe->scalar = 0; \
        pe_st_##m(pe, B_##m, 0, 16, x); \
        charged(pe, "pe_st_" #m, 0, vector, converts * op, 0); \
        for (int i = 0; i < 16; i++) same_raw("pe_st_" #m, t, base + i * n_bytes, lane(r, &x, i).f, lane(r, &x, i).i); \
        y = pe_ld_##m(pe, B_##m, 0, 16); \
        charged(pe, "pe_ld_" #m, vector, 0, converts * op, 0); \
        for (int i = 0; i < 16; i++) same_lane("pe_ld_" #m, t, r, &y, i, base + i * n_bytes, true); \
        y = pe_ld_##m(pe, B_##m, 2 * n_bytes, 5); \
        charged(pe, "pe_ld_" #m, vector, 0, converts * op, 0); \
        for (int i = 0; i < 16; i++) same_lane("pe_ld_" #m, t, r, &y, i, base + (i + 2) * n_bytes, i < 5); \
        pe_i32 index = {{9, 1, 15, 1, 0, -7, 4, 5, 70000, 3, 2, 11, 10, 8, 6, 7}}; \
        pe_mask some = {{-1, -1, -1, -1, -1, 0, -1, -1, 0, -1, -1, -1, -1, -1, -1, 0}}; \
        y = pe_gather_##m(pe, B_##m, 0, index, some); \
        charged(pe, "pe_gather_" #m, 13, 0, converts * op + 13 * each, 0); \
        for (int i = 0; i < 16; i++) same_lane("pe_gather_" #m, t, r, &y, i, some.pe_hidden_lanes[i] ? base + index.pe_hidden_lanes[i] * n_bytes : base, some.pe_hidden_lanes[i]); \
        pe_scatter_##m(pe, B_##m, 16 * n_bytes, index, some, x); \
        charged(pe, "pe_scatter_" #m, 0, 13, converts * op + 13 * each, 0); \
        for (int i = 0; i < 16; i++) if (some.pe_hidden_lanes[i] && i != 1) same_raw("pe_scatter_" #m, t, base + (16 + index.pe_hidden_lanes[i]) * n_bytes, lane(r, &x, i).f, lane(r, &x, i).i); \
        pe_stm_##m(pe, B_##m, 40 * n_bytes, some, x); \
        charged(pe, "pe_stm_" #m, 0, vector, converts * op, 0); \
        y = pe_ldm_##m(pe, B_##m, 40 * n_bytes, some); \
        charged(pe, "pe_ldm_" #m, vector, 0, converts * op, 0); \
        for (int i = 0; i < 16; i++) same_lane("pe_ldm_" #m, t, r, &y, i, some.pe_hidden_lanes[i] ? base + (40 + i) * n_bytes : base, some.pe_hidden_lanes[i]); \
        scalar_type s = pe_get_##m(pe, B_##m, 3 * n_bytes); \
        charged(pe, "pe_get_" #m, 1, 0, 0, 1); \
        pe_put_##m(pe, B_##m, 60 * n_bytes, s); \
        charged(pe, "pe_put_" #m, 0, 1, 0, 1); \
        same_raw("pe_put_" #m, t, base + 60 * n_bytes, (double)s, (int64_t)s == s || !dtype_is_float(t) ? (int64_t)s : 0); \
        if (dtype_is_float(t) ? !same_float((double)s, dtype_load_float(t, base + 3 * n_bytes), DT_F64, 0) : (int64_t)s != dtype_load_int(t, base + 3 * n_bytes)) differ("pe_get_" #m, "the element", (double)s, 0); \
        pe_##reg z = pe_select_##reg(pe, some, x, y); \
        for (int i = 0; i < 16; i++) if (memcmp((char *)&z + i * r->bytes, (char *)(some.pe_hidden_lanes[i] ? &x : &y) + i * r->bytes, (size_t)r->bytes)) differ("pe_select_" #reg, "a lane", 0, 0); \
        z = pe_shift_##reg(pe, x, y, 5); \
        for (int i = 0; i < 16; i++) if (memcmp((char *)&z + i * r->bytes, (char *)(i < 11 ? &x : &y) + (i + 5) % 16 * r->bytes, (size_t)r->bytes)) differ("pe_shift_" #reg, "a lane", 0, 0); \
        pe->vector = 0; \
    }
PE_MEMORY(X)
#undef X

#define X(r, id, n, n_bytes, r16, m) \
    static void packed_##r(PE *pe) { \
        const Reg *g = &regs[PE_R_##r], *part = &regs[PE_R_##r16]; \
        unsigned char *base = pe->buf[B_##r].base; \
        int64_t op = model_eval(model, "core.op", 0); \
        pe_##r x, y, z = {0}; \
        fill(g, &x); \
        pe->loads = pe->stores = pe->vector = pe->scalar = 0; \
        pe_st_##r(pe, B_##r, 0, n, x); \
        charged(pe, "pe_st_" #r, 0, 1, 0, 0); \
        y = pe_ld_##r(pe, B_##r, 0, n); \
        charged(pe, "pe_ld_" #r, 1, 0, 0, 0); \
        if (memcmp(base, &x, 64) || memcmp(&y, &x, 64)) differ("pe_ld_" #r, "the vector", 0, 0); \
        y = pe_ld_##r(pe, B_##r, 0, 7); \
        if (memcmp(&y, &x, 7 * n_bytes) || memcmp((char *)&y + 7 * n_bytes, &z, 64 - 7 * n_bytes)) differ("pe_ld_" #r, "the tail", 0, 0); \
        pe->loads = 0; \
        for (int k = 0; k < n / 16; k++) { \
            pe_##r16 p = pe_part_##r(pe, x, k); \
            for (int i = 0; i < 16; i++) same_lane("pe_part_" #r, g->type, part, &p, i, (char *)&x + (16 * k + i) * n_bytes, true); \
            z = pe_join_##r(pe, z, k, p); \
        } \
        charged(pe, "pe_part_" #r, 0, 0, 2 * (n / 16) * op, 0); \
        for (int i = 0; i < n; i++) same_raw("pe_join_" #r, g->type, (char *)&z + i * n_bytes, lane(g, &x, i).f, lane(g, &x, i).i); \
        z = pe_splat_##r(pe, 3); \
        for (int i = 0; i < n; i++) same_raw("pe_splat_" #r, g->type, (char *)&z + i * n_bytes, 3, 3); \
        charged(pe, "pe_splat_" #r, 0, 0, op * times_of(PE_R_##r), 0); \
    }
PE_PACKED(X)
#undef X

static void lanes(PE *pe) {
    pe_f32 x = {{1, 2, 3, 4, 5, 6, 7, 8, -9, 10, 11, 12, 13, 14, 15, 16}};
    pe_i32 k = pe_iota(pe);
    pe_f64 d = pe_f64_of_f32(pe, x);
    pe_i64 w = pe_i64_of_i32(pe, k);
    if (pe_hsum(pe, x) != 118 || pe_hmax(pe, x) != 16 || pe_hmin_f32(pe, x) != -9 || pe_hsum_f64(pe, d) != 118) differ("pe_hsum", "a fold", pe_hsum(pe, x), 118);
    if (pe_hsum_i32(pe, k) != 120 || pe_hprod_i64(pe, pe_add_i64(pe, w, pe_splat_i64(pe, 1))) != 20922789888000) differ("pe_hprod", "a fold", (double)pe_hprod_i64(pe, w), 0);
    pe_mask m = pe_lt(pe, x, pe_splat(pe, 5));
    if (pe_count_mask(pe, m) != 5 || !pe_any_mask(pe, m) || pe_all_mask(pe, m) || pe_count_mask(pe, pe_first(pe, 3)) != 3) differ("pe_count_mask", "the lanes", pe_count_mask(pe, m), 5);
    if (pe_lane_f32(pe, x, 8) != -9 || pe_lane_i64(pe, w, 15) != 15 || !pe_lane_mask(pe, m, 8) || pe_lane_mask(pe, m, 4)) differ("pe_lane", "a lane", pe_lane_f32(pe, x, 8), -9);
    pe_mask32 both = pe_join_mask32(pe, pe_first_mask32(pe, 20), 0, m);
    if (pe_count_mask32(pe, both) != 9 || pe_count_mask(pe, pe_part_mask32(pe, both, 1)) != 4) differ("pe_join_mask32", "the lanes", pe_count_mask32(pe, both), 9);
}

static void body(PE *pe) {
    if (pe_id(pe)) return;
    for (int i = 0; i < N_ROWS; i++) try_row(pe, &rows[i]);
    for (int i = 0; i < N_CASTS; i++) try_cast(pe, &casts[i]);
#define X(m, id, reg, element, bytes, scalar, converts) for (int s = 0; s < 4; s++) memory_##m(pe);
    PE_MEMORY(X)
#undef X
#define X(r, id, n, bytes, reg, m) packed_##r(pe);
    PE_PACKED(X)
#undef X
    lanes(pe);
}

static void on_machine(const char *name) {
    static SimReport r;
    const char *why;
    arena = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(arena, name);
    model = model_read(arena, source_read(arena, arena_printf(arena, "%s/%s.knf", MACHINES, name), &why)->text);
    has_bf16 = m.core.lanes[PE_BF16] > 0;
    PeProgram p = {.version = PE_VERSION, .name = "vectors", .setup = setup, .core = {body, NULL}};
    SimConfig c = {.machine = &m, .program = &p};
    wrong = 0;
    sim_run(&c, &r);
    arena_free(arena);
    if (r.fault.kind) fail_msg("line %d: %s", r.fault.line, r.fault.text);
    assert_int_equal(wrong, 0);
}

static void test_mtia1(void **state) { (void)state; on_machine("mtia1"); }
static void test_mtia2(void **state) { (void)state; on_machine("mtia2"); }

static bool has_row(Op op, PeRegister r) {
    for (int i = 0; i < N_ROWS; i++)
        if (rows[i].op == op && rows[i].reg == r) return true;
    return false;
}

/* Every operator and function of the language has a call on the registers of each kind that it takes. */
static void test_complete(void **state) {
    (void)state;
    int missing = 0;
    for (int op = 0; op < OP_COUNT; op++) {
        static const struct { int kind; PeRegister reg[2]; } kinds[] = {{OPA_F, {PE_R_f32, PE_R_f64}}, {OPA_I, {PE_R_i32, PE_R_i64}}, {OPA_B, {PE_R_mask, PE_R_mask}}};
        Op row = op == OP_AND ? OP_BAND : op == OP_OR ? OP_BOR : op == OP_NOT ? OP_BNOT : (Op)op;
        for (int k = 0; k < 6; k++)
            if (op_table[op].accepts & kinds[k / 2].kind && !has_row(row, kinds[k / 2].reg[k % 2])) {
                print_error("'%s' has no call on %s\n", op_table[op].name, dtype_name(regs[kinds[k / 2].reg[k % 2]].type));
                missing++;
            }
    }
    for (int t = 0; t < DT_COUNT; t++) {
        int n = 0;
        for (int i = 0; i < N_CASTS; i++) n += casts[i].to == (DType)t && !casts[i].sat;
        bool own = dtype_table[t].compute == (DType)t;
        if (t != DT_BOOL && n != 5 - own) { print_error("%d conversions to %s\n", n, dtype_name((DType)t)); missing++; }
    }
    assert_int_equal(missing, 0);
}

/* ---- faults, and the engines' calls of the same kind ---- */

static int which;
static void faulty_setup(PE *pe) {
    pe_scratch(pe, 0, PE_F32, 64 * 64 * 4);
    pe_scratch(pe, 1, PE_I32, 4096);
    pe_scratch(pe, 2, PE_I8, 64 * 256);
    pe_scratch(pe, 3, PE_I8, 64 * 256);
    pe_scratch(pe, 4, PE_U8, 4096);
}
static void faulty(PE *pe) {
    if (pe_id(pe)) return;
    pe_i32 far = pe_splat_i32(pe, 5000);
    pe_mask all = pe_first(pe, 16);
    for (int i = 0; i < 16; i++) pe_st_f32(pe, 0, 64 * i, 16, pe_splat(pe, 1));
    for (int i = 0; i < 8; i++) pe_st_i8(pe, 2, 16 * i, 16, far);
    for (int i = 0; i < 8; i++) pe_st_i8(pe, 3, 16 * i, 16, far);
    for (int i = 0; i < 4; i++) pe_st_u8(pe, 4, 16 * i, 16, pe_splat_i32(pe, which == 5 ? 0x11 : 0x44));
    switch (which) {
    case 0: pe_gather_f32(pe, 0, 0, far, all); break;
    case 1: pe_scatter_f32(pe, 0, 0, far, all, pe_splat(pe, 0)); break;
    case 2: pe_gather_f16(pe, 0, 0, far, all); break;
    case 3: pe_ld_f32(pe, 0, 0, 17); break;
    case 4: pe_gather_f32(pe, 0, 1024, pe_splat_i32(pe, 0), all); break;
    case 5: case 6: pe_dot(pe, .sparse = true, .m = 2, .n = 2, .k = 64, .a = PE_AT(2), .b = PE_AT(3), .meta = PE_AT(4)); pe_re_drain(pe, PE_AT(1), 0, 2, 2); break;
    case 7: pe_dot(pe, .sparse = true, .m = 2, .n = 2, .k = 60, .a = PE_AT(2), .b = PE_AT(3), .meta = PE_AT(4)); break;
    case 8: pe_re_preload(pe, 0, 4, 4, PE_AT(0)); pe_re_reduce(pe, PE_RSUM, PE_AT(0), 0, 4, 4); break;
    case 9: pe_re_reduce(pe, PE_RMAX, PE_AT(0), 0, 4, 4); break;
    case 10: pe_re_preload(pe, 0, 4, 4, PE_AT(0)); pe_re_reduce(pe, PE_RMAX, PE_AT(1), 0, 4, 4); break;
    case 11: pe_re_preload(pe, 0, 4, 4, PE_AT(0)); pe_re_reduce(pe, PE_RMAX, PE_AT(0), 0, 4, 4); pe_re_drain(pe, PE_AT(0), 0, 4, 4); break;
    default: break;
    }
}

static void test_faults(void **state) {
    (void)state;
    static const struct { int which; const char *machine; SimFaultKind kind; const char *says; } cases[] = {
        {0, "mtia1", SIM_F_LOCAL, "buffer 0"}, {1, "mtia1", SIM_F_LOCAL, "buffer 0"}, {2, "mtia1", SIM_F_TYPE, "f16"}, {3, "mtia1", SIM_F_SHAPE, "lanes"}, {4, "mtia1", SIM_F_UNINIT, "buffer 0"},
        {5, "mtia2", SIM_F_SHAPE, "ascend"}, {6, "mtia1", SIM_F_TYPE, "2:4"}, {6, "mtia2", SIM_OK, ""}, {7, "mtia2", SIM_F_SHAPE, "multiple of 8"}, {8, "mtia2", SIM_F_SHAPE, "minimum or the maximum"},
        {9, "mtia2", SIM_F_UNINIT, "accumulator 0"}, {10, "mtia2", SIM_F_TYPE, "buffer 1"}, {11, "mtia2", SIM_OK, ""}, {11, "mtia1", SIM_F_SHAPE, "RE of this machine"},
    };
    Arena *a = arena_new(0, harness_oom, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static SimReport r;
        SimMachine m = harness_machine(a, cases[i].machine);
        PeProgram p = {.version = PE_VERSION, .name = "faulty", .setup = faulty_setup, .core = {faulty, NULL}};
        SimConfig c = {.machine = &m, .program = &p};
        which = cases[i].which;
        sim_run(&c, &r);
        if (r.fault.kind != cases[i].kind || !strstr(r.fault.text, cases[i].says)) fail_msg("case %d on %s: %s: %s", cases[i].which, cases[i].machine, sim_fault_names[r.fault.kind], r.fault.text);
    }
    arena_free(a);
}

/* A sparse product against the dense one, row maxima and minima against what the accumulators hold; f16 and i8. */
static int64_t sums[4], want[4];
static void engines(PE *pe) {
    if (pe_id(pe)) return;
    enum { M = 3, N = 5, K = 64 };
    static signed char a[M][K], b[N][K];
    memset(b, 0, sizeof b);
    for (int i = 0; i < M * K; i++) { a[i / K][i % K] = (signed char)(next() % 17 - 8); pe_put_i8(pe, 2, i, a[i / K][i % K]); }
    for (int j = 0; j < N; j++)
        for (int q = 0, low = 0; q < K / 4; q++) {
            int first = (int)(next() % 3), second = first + 1 + (int)(next() % (uint64_t)(3 - first)), nibble = first | second << 2;
            for (int e = 0; e < 2; e++) {
                b[j][4 * q + (e ? second : first)] = (signed char)(next() % 17 - 8);
                pe_put_i8(pe, 3, j * K / 2 + 2 * q + e, b[j][4 * q + (e ? second : first)]);
            }
            if (q % 2) pe_put_u8(pe, 4, j * K / 8 + q / 2, low | nibble << 4);
            else low = nibble;
        }
    pe_dot(pe, .sparse = true, .m = M, .n = N, .k = K, .a = PE_AT(2), .b = PE_AT(3), .meta = PE_AT(4));
    pe_re_reduce(pe, PE_RMAX, PE_AT(1, 512), 0, M, N);
    pe_re_reduce(pe, PE_RMIN, PE_AT(1, 1024), 0, M, N);
    pe_re_drain(pe, PE_AT(1), 0, M, N);
    pe_fence(pe, PE_RE);
    for (int i = 0; i < M; i++) {
        int64_t most = INT64_MIN, least = INT64_MAX;
        for (int j = 0; j < N; j++) {
            int64_t s = 0;
            for (int l = 0; l < K; l++) s += a[i][l] * b[j][l];
            if (pe_get_i32(pe, 1, 4 * (i * N + j)) != s) sums[0]++;
            most = s > most ? s : most;
            least = s < least ? s : least;
        }
        if (pe_get_i32(pe, 1, 512 + 4 * i) != most || pe_get_i32(pe, 1, 1024 + 4 * i) != least) sums[1]++;
    }
    sums[2]++;
}

static void test_engines(void **state) {
    (void)state;
    static SimReport r;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia2");
    PeProgram p = {.version = PE_VERSION, .name = "engines", .setup = faulty_setup, .core = {engines, NULL}};
    SimConfig c = {.machine = &m, .program = &p};
    memset(sums, 0, sizeof sums);
    want[2] = 1;
    sim_run(&c, &r);
    if (r.fault.kind) fail_msg("%s", r.fault.text);
    for (int i = 0; i < 4; i++) assert_int_equal(sums[i], want[i]);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_complete), cmocka_unit_test(test_mtia1), cmocka_unit_test(test_mtia2), cmocka_unit_test(test_faults), cmocka_unit_test(test_engines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
