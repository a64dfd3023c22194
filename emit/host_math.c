/* Elementary functions of emitted host C for f32, branch-free where that lets a compiler vectorise them; f64 goes through libm.
 *
 * exp: x = n ln 2 + r, n rounded by a magic number, ln 2 in two parts of which the first times n is exact; e^r by a polynomial of
 * degree 6; 2^n in two factors, so that subnormals are rounded once. The others compute in double, where a relative error of 2^-30
 * is enough: their last rounding is then the error. Coefficients: bench/ulp_fit.py. */
#include "emit/host_help.h"

#define VIA_DOUBLE(name) {"knf_" name, "float", "float x", NULL, {"return (float)" name "((double)x);"}},

const HostHelper host_math[] = {
    {"knf_exp", "float", "float x", "e^x", {
        "const float c = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;",
        "const float t = c * 1.44269504f + 12582912.0f;",
        "const float n = t - 12582912.0f;",
        "const float r = (c - n * 0.693359375f) - n * -2.12194440e-4f;",
        "float q = 0.0013950600302175238f;",
        "q = q * r + 0.008368953708372354f;",
        "q = q * r + 0.041666204166020092f;",
        "q = q * r + 0.16666518303908795f;",
        "q = q * r + 0.50000000956947066f;",
        "const float p = 1.0f + (r + r * r * q);",
        "const int32_t i = (int32_t)(knf_bits_f32(t) - 0x4b400000);",
        "const int32_t half = i >> 1;",
        "const float s = knf_of_bits_f32((uint32_t)(half + 127) << 23);",
        "return p * s * knf_of_bits_f32((uint32_t)(i - half + 127) << 23);"}},
    VIA_DOUBLE("exp2") VIA_DOUBLE("expm1") VIA_DOUBLE("log") VIA_DOUBLE("log2") VIA_DOUBLE("log1p")
    VIA_DOUBLE("sin") VIA_DOUBLE("cos") VIA_DOUBLE("tan") VIA_DOUBLE("asin") VIA_DOUBLE("acos") VIA_DOUBLE("atan")
    VIA_DOUBLE("sinh") VIA_DOUBLE("cosh") VIA_DOUBLE("tanh") VIA_DOUBLE("erf")
    {"knf_pow", "float", "float x, float y", NULL, {"return (float)pow((double)x, (double)y);"}},
    {"knf_rsqrt", "float", "float x", NULL, {"return (float)(1.0 / sqrt((double)x));"}},
};
const int n_host_math = sizeof host_math / sizeof *host_math;
