#include "dsl/dtype.h"
#include <math.h>
#include <string.h>

#define MIN_F64 0
#define MAX_F64 0
#define MIN_F32 0
#define MAX_F32 0
#define MIN_F16 0
#define MAX_F16 0
#define MIN_BF16 0
#define MAX_BF16 0
#define MIN_F8E4M3 0
#define MAX_F8E4M3 0
#define MIN_F8E5M2 0
#define MAX_F8E5M2 0
#define MIN_I64 INT64_MIN
#define MAX_I64 INT64_MAX
#define MIN_I32 INT32_MIN
#define MAX_I32 INT32_MAX
#define MIN_I16 INT16_MIN
#define MAX_I16 INT16_MAX
#define MIN_I8 INT8_MIN
#define MAX_I8 INT8_MAX
#define MIN_U8 0
#define MAX_U8 UINT8_MAX
#define MIN_BOOL 0
#define MAX_BOOL 1

#define FINITE_F64 0x1.fffffffffffffp1023
#define FINITE_F32 0x1.fffffep127
#define FINITE_F16 65504.0
#define FINITE_BF16 0x1.fep127
#define FINITE_F8E4M3 448.0
#define FINITE_F8E5M2 57344.0
#define FINITE_I64 0
#define FINITE_I32 0
#define FINITE_I16 0
#define FINITE_I8 0
#define FINITE_U8 0
#define FINITE_BOOL 0

const DTypeRow dtype_table[DT_COUNT] = {
#define X(id, name, kind, bytes, precision, compute) \
    [DT_##id] = {name, kind, bytes, precision, DT_##compute, MIN_##id, MAX_##id, FINITE_##id},
    DTYPES(X)
#undef X
};

/* The layouts of 16 and 8 bits: sign, exponent, fraction. limit: the first magnitude that is not finite, which stands for
 * infinity, or for nan where the format has no infinity. */
typedef struct Layout { int fraction, bias, bits; uint32_t limit; bool has_inf; } Layout;

static const Layout layouts[DT_COUNT] = {
    [DT_F16] = {10, 15, 16, 0x7c00, true},
    [DT_BF16] = {7, 127, 16, 0x7f80, true},
    [DT_F8E4M3] = {3, 7, 8, 0x7f, false},
    [DT_F8E5M2] = {2, 15, 8, 0x7c, true},
};

DType dtype_by_name(const char *name) {
    for (int t = 0; t < DT_COUNT; t++)
        if (!strcmp(dtype_table[t].name, name)) return (DType)t;
    return DT_NONE;
}

/* The bits of v in the layout, nearest even. The magnitudes of a layout are consecutive integers, so a carry out of the
 * fraction is the next exponent, and the last one is infinity. */
static uint32_t layout_encode(const Layout *l, double v) {
    uint32_t sign = signbit(v) ? 1u << (l->bits - 1) : 0;
    if (isnan(v)) return sign | (l->has_inf ? l->limit | 1u << (l->fraction - 1) : l->limit);
    if (isinf(v)) return sign | l->limit;
    if (v == 0) return sign;
    int least = 1 - l->bias, exponent = ilogb(v);
    if (exponent < least) exponent = least;
    if (exponent > l->bias + 1) return sign | l->limit;
    double n = rint(ldexp(fabs(v), l->fraction - exponent));
    uint32_t bits = ((uint32_t)(exponent - least) << l->fraction) + (uint32_t)n;
    return sign | (bits < l->limit ? bits : l->limit);
}

static double layout_decode(const Layout *l, uint32_t bits) {
    uint32_t magnitude = bits & ((1u << (l->bits - 1)) - 1);
    double sign = bits >> (l->bits - 1) & 1 ? -1 : 1;
    if (magnitude > l->limit || (magnitude == l->limit && !l->has_inf)) return copysign(NAN, sign);
    if (magnitude == l->limit) return sign * INFINITY;
    int exponent = (int)(magnitude >> l->fraction);
    double fraction = magnitude & ((1u << l->fraction) - 1);
    if (exponent) fraction += 1u << l->fraction;
    else exponent = 1;
    return sign * ldexp(fraction, exponent - l->bias - l->fraction);
}

double dtype_round(DType t, double v) {
    if (t == DT_F64) return v;
    if (t == DT_F32) return (float)v;
    return layout_decode(&layouts[t], layout_encode(&layouts[t], v));
}

static void store_float(DType t, void *at, double v) {
    uint32_t bits;
    float single = (float)v;
    switch (t) {
    case DT_F64: memcpy(at, &v, 8); return;
    case DT_F32: memcpy(at, &single, 4); return;
    default: break;
    }
    bits = layout_encode(&layouts[t], v);
    if (dtype_table[t].bytes == 2) memcpy(at, &(uint16_t){(uint16_t)bits}, 2);
    else memcpy(at, &(uint8_t){(uint8_t)bits}, 1);
}

void dtype_store(DType t, void *at, double f, int64_t i) {
    switch (t) {
    case DT_I64: memcpy(at, &i, 8); return;
    case DT_I32: memcpy(at, &(uint32_t){(uint32_t)i}, 4); return;
    case DT_I16: memcpy(at, &(uint16_t){(uint16_t)i}, 2); return;
    case DT_I8:
    case DT_U8: memcpy(at, &(uint8_t){(uint8_t)i}, 1); return;
    case DT_BOOL: memcpy(at, &(uint8_t){i != 0}, 1); return;
    default: store_float(t, at, f);
    }
}

double dtype_load_float(DType t, const void *at) {
    double wide;
    float single;
    uint16_t half;
    switch (t) {
    case DT_F64: memcpy(&wide, at, 8); return wide;
    case DT_F32: memcpy(&single, at, 4); return single;
    case DT_F16:
    case DT_BF16: memcpy(&half, at, 2); return layout_decode(&layouts[t], half);
    default: return layout_decode(&layouts[t], *(const uint8_t *)at);
    }
}

int64_t dtype_load_int(DType t, const void *at) {
    int64_t wide;
    int32_t word;
    int16_t half;
    switch (t) {
    case DT_I64: memcpy(&wide, at, 8); return wide;
    case DT_I32: memcpy(&word, at, 4); return word;
    case DT_I16: memcpy(&half, at, 2); return half;
    case DT_I8: return *(const int8_t *)at;
    default: return *(const uint8_t *)at;
    }
}
