/* Helpers of the oracle's columns in dsl/ops.def. An error function is sound, not first order: it bounds the change of the
 * function over the whole interval around each argument, and is INFINITY where the interval leaves the domain. */
#pragma once
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline int64_t op_floordiv(int64_t a, int64_t b) {
    if (b == 0) return 0;
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    int64_t q = a / b;
    return q - (a % b != 0 && (a < 0) != (b < 0));
}

static inline int64_t op_floormod(int64_t a, int64_t b) {
    if (b == 0) return a;
    if (b == -1) return 0;
    int64_t m = a % b;
    return m + (m != 0 && (m < 0) != (b < 0) ? b : 0);
}

static inline int64_t op_shl(int64_t a, int64_t b, int bits) { return (int64_t)((uint64_t)a << (b & (bits - 1))); }
static inline int64_t op_shr(int64_t a, int64_t b, int bits) { return a >> (b & (bits - 1)); }

/* IEEE 754-2019 minimum and maximum: nan goes through, -0 is below +0. */
static inline double op_min(double a, double b) {
    double equal = signbit(a) ? a : b;
    double least = a < b ? a : b;
    least = a == b ? equal : least;
    return a != a ? a : b != b ? b : least;
}
static inline double op_max(double a, double b) {
    double equal = signbit(a) ? b : a;
    double most = a > b ? a : b;
    most = a == b ? equal : most;
    return a != a ? a : b != b ? b : most;
}
static inline double op_sign(double a) { return a > 0 ? 1 : a < 0 ? -1 : a; }
static inline double op_rsqrt(double a) { return 1 / sqrt(a); }

static inline double op_larger(double a, double b) { return a > b ? a : b; }

static inline double op_max_err(double a, double b, double ea, double eb, double r) {
    return op_larger(op_larger(a + ea, b + eb) - r, r - op_larger(a - ea, b - eb));
}
static inline double op_min_err(double a, double b, double ea, double eb, double r) {
    return op_max_err(-a, -b, ea, eb, -r);
}

/* r = a/b: a'/b' - r = (a' - a - r (b' - b)) / b'. */
static inline double op_div_err(double b, double ea, double eb, double r) {
    double room = fabs(b) - eb, e = (ea + fabs(r) * eb) / room;
    return room > 0 ? e : INFINITY;
}

/* exp in plain double operations, so that it is the same everywhere and runs by columns: below 1 ULP. x = k ln 2 + high - low; the sum
 * 1 + high is rounded last, what stands beside it is small. */
static inline double op_exp(double x) {
    const double magic = 0x1.8p52, ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
    double v = x > 710 ? 710 : x < -746 ? -746 : x;
    double shifted = v * 0x1.71547652b82fep0 + magic, k = shifted - magic;
    double high = v - k * ln2_high, low = k * ln2_low, r = high - low;
    double q = 1.0 / 6227020800;
    q = q * r + 1.0 / 479001600;
    q = q * r + 1.0 / 39916800;
    q = q * r + 1.0 / 3628800;
    q = q * r + 1.0 / 362880;
    q = q * r + 1.0 / 40320;
    q = q * r + 1.0 / 5040;
    q = q * r + 1.0 / 720;
    q = q * r + 1.0 / 120;
    q = q * r + 1.0 / 24;
    q = q * r + 1.0 / 6;
    double y = 1 + (high + (r * r * (0.5 + q * r) - low));
    double half = (k * 0.5 + magic), rest = k - (half - magic) + magic;
    uint64_t a, b;
    memcpy(&a, &half, 8);
    memcpy(&b, &rest, 8);
    a = (a + 1023) << 52, b = (b + 1023) << 52;      /* 2^(k/2) and what is left: magic's own low bits are 0 */
    double scale, more;
    memcpy(&scale, &a, 8);
    memcpy(&more, &b, 8);
    return y * scale * more;
}

/* e^x - 1 for x >= 0, from above: x + x^2 up to 1, then a staircase. */
static inline double op_expm1_bound(double x) {
    double high = x <= 4 ? 54 : x <= 16 ? 1e7 : INFINITY;
    return x <= 1 ? x + x * x : high;
}
static inline double op_sqrt_err(double a, double ea, double r) {
    return ea == 0 ? 0 : a >= ea ? ea / (r + sqrt(a - ea)) : INFINITY;
}
/* The derivative's largest value over the interval, at a - ea. */
static inline double op_rsqrt_err(double a, double ea, double r) {
    double low = 1 - ea / a;
    return ea == 0 ? 0 : a > ea ? r * 0.5 * (ea / a) / (low * sqrt(low)) : INFINITY;
}
static inline double op_log_err(double a, double ea) { return ea == 0 ? 0 : a > ea ? ea / (a - ea) : INFINITY; }

static inline double op_cosh_err(double a, double ea) { return ea == 0 ? 0 : ea * sinh(fabs(a) + ea); }
static inline double op_sinh_err(double a, double ea) { return ea == 0 ? 0 : ea * cosh(fabs(a) + ea); }
/* |tanh''| <= 0.77. */
static inline double op_tanh_err(double ea, double r) {
    double e = (1 - r * r) * ea + 0.39 * ea * ea;
    return e < 2 ? e : 2;
}
static inline double op_erf_err(double a, double ea) {
    double near = fabs(a) - ea;
    return ea == 0 ? 0 : fmin(2, 1.1283791671 * ea * (near > 0 ? exp(-near * near) : 1));
}
/* tan(a + h) - r = tan(h) (1 + r^2) / (1 - r tan(h)). */
static inline double op_tan_err(double r, double ea) {
    if (ea == 0) return 0;
    double t = ea < 1.5 ? tan(ea) : INFINITY;
    return fabs(r) * t < 1 ? t * (1 + r * r) / (1 - fabs(r) * t) : INFINITY;
}

static inline double op_pow_err(double a, double b, double ea, double eb, double r) {
    if (ea == 0 && eb == 0) return 0;
    bool whole = eb == 0 && b == rint(b);
    if (eb == 0 && b >= 1 && (whole || a >= ea)) return b * pow(fabs(a) + ea, b - 1) * ea;
    if (fabs(a) > ea && (a > 0 || whole))
        return fabs(r) * op_expm1_bound((fabs(b) + eb) * (ea / (fabs(a) - ea)) + eb * fabs(log(fabs(a))));
    return INFINITY;
}

/* Monotone f: the ends of the interval; the last term covers the rounding of f itself. */
static inline double op_hull_err(double a, double ea, double r, double (*f)(double)) {
    if (ea == 0) return 0;
    double e = op_larger(fabs(f(a + ea) - r), fabs(f(a - ea) - r));
    return isnan(f(a + ea)) || isnan(f(a - ea)) ? INFINITY : e + 0x1p-51 * fabs(r);
}
static inline double op_step_err(double a, double ea, double r, double (*f)(double)) {
    if (ea == 0) return 0;
    return ea == INFINITY ? INFINITY : op_larger(f(a + ea) - r, r - f(a - ea));
}
