/* The vector core's operations that are no line of C: functions, floor division, conversions between all types. */
#include "sim/run.h"
#include <math.h>
#include <string.h>

enum { LANES = PE_LANES };
typedef void Lanes(void *, const void *, const void *, const void *);

/* ---- operations, from knyfe/pe_ops.def ---- */

#define LANE_BY_LANE(id, type, element, value) \
    static void id##_##type(void *to, const void *x, const void *y, const void *z) { \
        typedef element E; \
        E *d = to; \
        for (int i = 0; i < LANES; i++) { \
            E a = ((const E *)x)[i], b = y ? ((const E *)y)[i] : 0, c = z ? ((const E *)z)[i] : 0; \
            (void)b; \
            (void)c; \
            d[i] = (value); \
        } \
    }
#define PE_FAR_F(id, name, arity, cost, times, value) LANE_BY_LANE(id, f32, float, value) LANE_BY_LANE(id, f64, double, value)
#define PE_FAR_I(id, name, arity, cost, times, value) LANE_BY_LANE(id, i32, int32_t, value) LANE_BY_LANE(id, i64, int64_t, value)
#include "knyfe/pe_ops.def"

void vector_lanes(PeFar op, PeRegister r, void *d, const void *a, const void *b, const void *c) {
    static Lanes *const fns[PE_FARS][PE_R_i64 + 1] = {
#define PE_FAR_F(id, ...) [PE_X_##id] = {[PE_R_f32] = id##_f32, [PE_R_f64] = id##_f64},
#define PE_FAR_I(id, ...) [PE_X_##id] = {[PE_R_i32] = id##_i32, [PE_R_i64] = id##_i64},
#include "knyfe/pe_ops.def"
    };
    fns[op][r](d, a, b, c);
}

/* ---- narrow floats ---- */

/* Sign, exponent, fraction: bits of the fraction, least exponent, the magnitude that is infinity (or nan, where there is none). */
typedef struct Narrow { int fraction, least; unsigned limit; bool infinity; } Narrow;

static const Narrow narrows[PE_TYPE_COUNT] = {
    [PE_F16] = {10, -14, 0x7c00, true}, [PE_BF16] = {7, -126, 0x7f80, true}, [PE_F8E4M3] = {3, -6, 0x7f, false}, [PE_F8E5M2] = {2, -14, 0x7c, true},
};

/* The magnitude's bits, nearest even; magnitudes are consecutive integers, so that a carry is the next exponent. */
static unsigned narrow_bits(const Narrow *t, double v) {
    double x = fabs(v);
    int e;
    if (isnan(v)) return t->infinity ? t->limit | 1u << (t->fraction - 1) : t->limit;
    if (x == 0 || isinf(x)) return x == 0 ? 0 : t->limit;
    frexp(x, &e);
    e = e - 1 < t->least ? t->least : e - 1;
    double n = nearbyint(ldexp(x, t->fraction - e)) + ldexp(e - t->least, t->fraction);
    return n < t->limit ? (unsigned)n : t->limit;
}

static double narrow_value(const Narrow *t, unsigned bits) {
    if (bits > t->limit || (bits == t->limit && !t->infinity)) return NAN;
    if (bits == t->limit) return INFINITY;
    unsigned e = bits >> t->fraction, f = bits & ((1u << t->fraction) - 1);
    return ldexp(e ? f + (1u << t->fraction) : f, t->least + (e ? (int)e - 1 : 0) - t->fraction);
}

float vector_f8_widen(PeType t, unsigned char bits) { return (float)copysign(narrow_value(&narrows[t], bits & 0x7f), bits & 0x80 ? -1.0 : 1.0); }
unsigned char vector_f8_narrow(PeType t, double v) { return (unsigned char)(narrow_bits(&narrows[t], v) | (signbit(v) ? 0x80 : 0)); }

void vector_f8(PeType t, bool narrow, void *raw, void *f32) {
    unsigned char *bits = raw;
    float *v = f32;
    for (int i = 0; i < LANES; i++) {
        if (narrow) bits[i] = vector_f8_narrow(t, (double)v[i]);
        else v[i] = vector_f8_widen(t, bits[i]);
    }
}

/* ---- conversions ---- */

typedef struct Ints { int64_t least, most; } Ints;
static const Ints ints[PE_TYPE_COUNT] = {
    [PE_I64] = {INT64_MIN, INT64_MAX}, [PE_I32] = {INT32_MIN, INT32_MAX}, [PE_I16] = {INT16_MIN, INT16_MAX}, [PE_I8] = {INT8_MIN, INT8_MAX}, [PE_U8] = {0, UINT8_MAX},
};

static int64_t int_of_float(const Ints *t, double v, bool nearest) {
    if (isnan(v)) return 0;
    v = nearest ? rint(v) : trunc(v);
    if (v >= -(double)t->least && t->least == INT64_MIN) return t->most;      /* most itself is no double */
    return v <= (double)t->least ? t->least : v >= (double)t->most ? t->most : (int64_t)v;
}

static int64_t int_of_int(PeType t, int64_t v, bool nearest) {
    if (nearest) return v < ints[t].least ? ints[t].least : v > ints[t].most ? ints[t].most : v;
    switch (t) {
    case PE_I32: return (int32_t)v;
    case PE_I16: return (int16_t)v;
    case PE_I8: return (int8_t)v;
    case PE_U8: return (uint8_t)v;
    default: return v;
    }
}

static double float_of_float(PeType t, double v) {
    if (t == PE_F64) return v;
    if (t == PE_F32) return (double)(float)v;
    return copysign(narrow_value(&narrows[t], narrow_bits(&narrows[t], v)), v);
}

static bool reg_is_float(PeRegister r) { return r == PE_R_f32 || r == PE_R_f64; }
static double float_in(PeRegister r, const void *a, int i) { return r == PE_R_f32 ? (double)((const float *)a)[i] : ((const double *)a)[i]; }
static int64_t int_in(PeRegister r, const void *a, int i) { return r == PE_R_i64 ? ((const int64_t *)a)[i] : r == PE_R_mask ? ((const int32_t *)a)[i] & 1 : ((const int32_t *)a)[i]; }

/* An i64 to a float: in one rounding where the double in between would be a second one. */
static double float_of_int(PeType t, int64_t v) {
    if (t == PE_F64) return (double)v;
    if (t == PE_F32) return (double)(float)v;
    return float_of_float(t, (double)(v > (int64_t)1 << 53 || v < -((int64_t)1 << 53) ? (v & ~(int64_t)0xffff) | ((v & 0xffff) != 0) << 16 : v));
}

static void convert_lane(PeType to, bool nearest, PeRegister r, PeRegister from, void *d, const void *a, int i) {
    if (reg_is_float(r)) {
        double v = reg_is_float(from) ? float_of_float(to, float_in(from, a, i)) : float_of_int(to, int_in(from, a, i));
        if (r == PE_R_f32) ((float *)d)[i] = (float)v;
        else ((double *)d)[i] = v;
        return;
    }
    int64_t v = reg_is_float(from) ? int_of_float(&ints[to], float_in(from, a, i), nearest) : int_of_int(to, int_in(from, a, i), nearest);
    if (r == PE_R_i32) ((int32_t *)d)[i] = (int32_t)v;
    else ((int64_t *)d)[i] = v;
}

void vector_convert(PE *pe, PeType to, bool nearest, PeRegister r, PeRegister from, void *d, const void *a) {
    int64_t x = pe->price[PE_C_OP][r], y = pe->price[PE_C_OP][from];
    pe->vector += x > y ? x : y;
    if (to == PE_F32 && from == PE_R_i32)
        for (int i = 0; i < LANES; i++) ((float *)d)[i] = (float)((const int32_t *)a)[i];
    else if (to == PE_F16 && from == PE_R_f32) {
        uint16_t half[LANES];
        panel_to_f16(half, a, LANES);
        panel_from_f16(d, half, LANES);
    } else
        for (int i = 0; i < LANES; i++) convert_lane(to, nearest, r, from, d, a, i);
}
