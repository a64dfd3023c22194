#include "dsl/eval_internal.h"
#include "dsl/eval_ops.h"
#include "dsl/eval_clones.h"

enum { BLOCK = 4 << 20 };

Mark scratch_mark(const Scratch *s) { return s->at; }
void scratch_release(Scratch *s, Mark m) { s->at = m; }

void *scratch_alloc(Scratch *s, size_t bytes) {
    bytes = (bytes + 63) & ~(size_t)63;
    if (bytes > BLOCK) return arena_alloc(s->arena, bytes);
    if (!s->blocks.n || s->at.used + bytes > BLOCK) {
        int next = s->blocks.n ? s->at.block + 1 : 0;
        if (next == s->blocks.n) vec_push(s->arena, &s->blocks, arena_alloc(s->arena, BLOCK));
        s->at = (Mark){next, 0};
    }
    void *at = s->blocks.at[s->at.block] + s->at.used;
    s->at.used += bytes;
    return at;
}

double *scratch_f(Frame *fr, int n) { return scratch_alloc(&fr->eval->scratch, sizeof(double) * (size_t)n); }
int64_t *scratch_i(Frame *fr, int n) { return scratch_alloc(&fr->eval->scratch, sizeof(int64_t) * (size_t)n); }
uint8_t *scratch_mask(Frame *fr) { return scratch_alloc(&fr->eval->scratch, LANES); }

Col col_int(int64_t i) { return (Col){.form = COL_SAME, .i0 = i}; }
Col col_float(double f, double e) { return (Col){.form = COL_SAME, .f0 = f, .e0 = e}; }

Col col_of_f(const double *f, const double *e, int m) {
    if (m == 1) return col_float(f[0], e ? e[0] : 0);
    return (Col){.form = COL_ARRAY, .f = f, .e = e};
}

Col col_of_i(const int64_t *i, const double *e, int m) {
    if (m == 1) return (Col){.form = COL_SAME, .i0 = i[0], .e0 = e ? e[0] : 0};
    return (Col){.form = COL_ARRAY, .i = i, .e = e};
}

static const double *fill_f(Frame *fr, double v, int m) {
    double *f = scratch_f(fr, m);
    for (int l = 0; l < m; l++) f[l] = v;
    return f;
}

const double *col_f(Frame *fr, const Col *c, int m) { return c->form == COL_ARRAY ? c->f : fill_f(fr, c->f0, m); }

const int64_t *col_i(Frame *fr, const Col *c, int m) {
    if (c->form == COL_ARRAY) return c->i;
    int64_t *i = scratch_i(fr, m), step = c->form == COL_RAMP ? c->step : 0;
    for (int l = 0; l < m; l++) i[l] = (int64_t)((uint64_t)c->i0 + (uint64_t)step * (uint64_t)l);
    return i;
}

const double *col_e(Frame *fr, const Col *c, int m) {
    if (c->form == COL_ARRAY) return c->e;
    return c->form == COL_SAME && c->e0 != 0 ? fill_f(fr, c->e0, m) : NULL;
}

bool col_exact(const Col *c) { return c->form == COL_ARRAY ? !c->e : c->form == COL_RAMP || c->e0 == 0; }

const double *col_number(Frame *fr, DType t, const Col *c, int m) {
    if (dtype_is_float(t)) return col_f(fr, c, m);
    const int64_t *i = col_i(fr, c, m);
    double *f = scratch_f(fr, m);
    for (int l = 0; l < m; l++) f[l] = (double)i[l];
    return f;
}

Col col_lane(const Col *c, DType t, int lane) {
    if (c->form == COL_RAMP) return col_int(c->i0 + c->step * lane);
    if (c->form != COL_ARRAY) return *c;
    double e = c->e ? c->e[lane] : 0;
    if (dtype_is_float(t)) return col_float(c->f[lane], e);
    return (Col){.form = COL_SAME, .i0 = c->i[lane], .e0 = e};
}

Col col_copy(Frame *fr, DType t, const Col *c) {
    if (c->form != COL_ARRAY) return *c;
    Col copy = *c;
    size_t bytes = sizeof(double) * (size_t)fr->n;
    if (dtype_is_float(t)) copy.f = memcpy(scratch_f(fr, fr->n), c->f, bytes);
    else copy.i = memcpy(scratch_i(fr, fr->n), c->i, bytes);
    if (c->e) copy.e = memcpy(scratch_f(fr, fr->n), c->e, bytes);
    return copy;
}

Col col_index(const int64_t *i, int n) {
    int64_t step = n > 1 ? i[1] - i[0] : 0;
    for (int l = 2; l < n; l++)
        if (i[l] - i[l - 1] != step) return (Col){.form = COL_ARRAY, .i = i};
    if (step == 0) return col_int(i[0]);
    return (Col){.form = COL_RAMP, .i0 = i[0], .step = step};
}

/* --- loads -------------------------------------------------------------------------------------------------------------- */

static inline double half_value(uint16_t h) {
    uint32_t bits = (uint32_t)(h & 0x7fff) << 13;
    float f;
    memcpy(&f, &bits, 4);
    f *= 0x1p112f;
    memcpy(&bits, &f, 4);
    bits |= (h & 0x7c00) == 0x7c00 ? 0x7f800000u : 0;
    bits |= (uint32_t)(h & 0x8000) << 16;
    memcpy(&f, &bits, 4);
    return f;
}
static inline double bfloat_value(uint16_t h) {
    uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, 4);
    return f;
}
static inline double e4m3_value(uint8_t b) {
    double v = half_value((uint16_t)((b & 0x80) << 8 | (b & 0x7f) << 7)) * 256;
    return (b & 0x7f) == 0x7f ? NAN : v;
}
static inline double e5m2_value(uint8_t b) { return half_value((uint16_t)(b << 8)); }
static inline double plain_value(double v) { return v; }
static inline int64_t plain_int(int64_t v) { return v; }

#define LOADS(name, T, R, value) \
    CLONES static void run_##name(const T *p, int64_t at, int64_t step, int n, R *r) { \
        if (step == 1) for (int l = 0; l < n; l++) r[l] = value(p[at + l]); \
        else for (int l = 0; l < n; l++) r[l] = value(p[at + l * step]); \
    } \
    static void at_##name(const T *p, const int64_t *at, const uint8_t *ok, int n, R *r) { \
        for (int l = 0; l < n; l++) r[l] = ok[l] ? value(p[at[l]]) : 0; \
    }
LOADS(f64, double, double, plain_value)
LOADS(f32, float, double, plain_value)
LOADS(f16, uint16_t, double, half_value)
LOADS(bf16, uint16_t, double, bfloat_value)
LOADS(f8e4m3, uint8_t, double, e4m3_value)
LOADS(f8e5m2, uint8_t, double, e5m2_value)
LOADS(i64, int64_t, int64_t, plain_int)
LOADS(i32, int32_t, int64_t, plain_int)
LOADS(i16, int16_t, int64_t, plain_int)
LOADS(i8, int8_t, int64_t, plain_int)
LOADS(u8, uint8_t, int64_t, plain_int)

void load_soon(const Store *s, int64_t at, int n) {
    int bytes = s->raw ? dtype_table[s->type].bytes : 8, most = n * bytes < 1024 ? n * bytes : 1024;
    if (at < 0 || at > s->n - n) return;
    const char *p = (s->raw ? (const char *)s->raw : s->f ? (const char *)s->f : (const char *)s->i) + at * bytes;
    for (int b = 0; b < most; b += 64) __builtin_prefetch(p + b);
}

void load_run(const Store *s, int64_t at, int64_t step, int n, double *f, int64_t *i) {
    if (s->f) { run_f64(s->f, at, step, n, f); return; }
    if (s->i) { run_i64(s->i, at, step, n, i); return; }
    switch (s->type) {
    case DT_F64: run_f64(s->raw, at, step, n, f); break;
    case DT_F32: run_f32(s->raw, at, step, n, f); break;
    case DT_F16: run_f16(s->raw, at, step, n, f); break;
    case DT_BF16: run_bf16(s->raw, at, step, n, f); break;
    case DT_F8E4M3: run_f8e4m3(s->raw, at, step, n, f); break;
    case DT_F8E5M2: run_f8e5m2(s->raw, at, step, n, f); break;
    case DT_I64: run_i64(s->raw, at, step, n, i); break;
    case DT_I32: run_i32(s->raw, at, step, n, i); break;
    case DT_I16: run_i16(s->raw, at, step, n, i); break;
    case DT_I8: run_i8(s->raw, at, step, n, i); break;
    default: run_u8(s->raw, at, step, n, i); break;
    }
}

void load_at(const Store *s, const int64_t *at, const uint8_t *ok, int n, double *f, int64_t *i) {
    if (s->f) { at_f64(s->f, at, ok, n, f); return; }
    if (s->i) { at_i64(s->i, at, ok, n, i); return; }
    switch (s->type) {
    case DT_F64: at_f64(s->raw, at, ok, n, f); break;
    case DT_F32: at_f32(s->raw, at, ok, n, f); break;
    case DT_F16: at_f16(s->raw, at, ok, n, f); break;
    case DT_BF16: at_bf16(s->raw, at, ok, n, f); break;
    case DT_F8E4M3: at_f8e4m3(s->raw, at, ok, n, f); break;
    case DT_F8E5M2: at_f8e5m2(s->raw, at, ok, n, f); break;
    case DT_I64: at_i64(s->raw, at, ok, n, i); break;
    case DT_I32: at_i32(s->raw, at, ok, n, i); break;
    case DT_I16: at_i16(s->raw, at, ok, n, i); break;
    case DT_I8: at_i8(s->raw, at, ok, n, i); break;
    default: at_u8(s->raw, at, ok, n, i); break;
    }
}

/* --- rounding ----------------------------------------------------------------------------------------------------------- */

/* To p = 53 - drop bits by integer arithmetic on the double's bits (ties to even), below the normal range by adding a constant whose
 * last place is the format's quantum. */
CLONES static void round_short(int drop, double normal, double quantum_shift, double largest, double beyond,
                               int n, const double *f, double *r) {
    uint64_t mask = (1ull << drop) - 1, half = mask >> 1;
    for (int l = 0; l < n; l++) {
        double v = f[l], y;
        uint64_t b;
        memcpy(&b, &v, 8);
        b = (b + half + ((b >> drop) & 1)) & ~mask;
        memcpy(&y, &b, 8);
        double low = copysign((fabs(v) + quantum_shift) - quantum_shift, v);
        y = fabs(v) < normal ? low : y;
        y = fabs(y) > largest ? copysign(beyond, v) : y;
        r[l] = v != v ? v : y;
    }
}

void round_floats(DType t, int n, const double *f, double *r) {
    int p = dtype_table[t].precision;
    if (t == DT_F64) memmove(r, f, sizeof *r * (size_t)n);
    else if (t == DT_F32) for (int l = 0; l < n; l++) r[l] = (float)f[l];
    else {
        double normal = error_normal(t), quantum = ldexp(normal, 1 - p);
        double beyond = t == DT_F8E4M3 ? NAN : INFINITY;
        round_short(53 - p, normal, quantum * 0x1.8p52, dtype_table[t].max_finite, beyond, n, f, r);
    }
}

void wrap_ints(DType t, int n, int64_t *r) {
    switch (t) {
    case DT_I32: for (int l = 0; l < n; l++) r[l] = (int32_t)r[l]; break;
    case DT_I16: for (int l = 0; l < n; l++) r[l] = (int16_t)r[l]; break;
    case DT_I8: for (int l = 0; l < n; l++) r[l] = (int8_t)r[l]; break;
    case DT_U8: for (int l = 0; l < n; l++) r[l] = (uint8_t)r[l]; break;
    case DT_BOOL: for (int l = 0; l < n; l++) r[l] &= 1; break;
    default: break;
    }
}
