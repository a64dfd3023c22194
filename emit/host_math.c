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
    VIA_DOUBLE("sinh") VIA_DOUBLE("cosh")
    {"knf_exp_f64", "double", "double x", "e^x to 2^-37, for |x| < 700", {
        "const double t = x * 1.4426950408889634 + 0x1.8p52;",
        "const double n = t - 0x1.8p52;",
        "const double r = (x - n * 0.693145751953125) - n * 1.42860682030941723e-6;",
        "double q = 2.4882653781327253e-05;",
        "q = q * r + 0.0001990507406014867;",
        "q = q * r + 0.0013888809003726513;",
        "q = q * r + 0.0083332887968853402;",
        "q = q * r + 0.041666666956806861;",
        "q = q * r + 0.16666666755017806;",
        "q = q * r + 0.49999999999734129;",
        "const double scale = knf_of_bits_f64((knf_bits_f64(t) + 1023) << 52);",
        "return scale * (1.0 + (r + r * r * q));"}},
    {"knf_log_erfc", "double", "double a", "ln erfc(a), for a in 1 .. 4", {
        "double q = 9.3823154804464071e-07;",
        "q = q * a - 1.5030122984378458e-05;",
        "q = q * a + 8.3173121016958605e-05;",
        "q = q * a + 2.3050547838995744e-05;",
        "q = q * a - 0.0031528316912956839;",
        "q = q * a + 0.023478911003272526;",
        "q = q * a - 0.10655812731390349;",
        "q = q * a - 0.63448333679855062;",
        "q = q * a - 1.1290866610482886;",
        "return q * a + 0.00010440411936155283;"}},
    {"knf_tanh", "float", "float x", "(e^2x - 1) / (e^2x + 1); its series near 0", {
        "const double d = x;",
        "const double c = d > 10.0 ? 10.0 : d < -10.0 ? -10.0 : d;",
        "const double e = knf_exp_f64(2.0 * c);",
        "const double far = (e - 1.0) / (e + 1.0);",
        "const double near = d * (1.0 - d * d * (1.0 / 3.0));",
        "return (float)(d < 0x1p-10 && d > -0x1p-10 ? near : far);"}},
    {"knf_erf", "float", "float x", "x P(x^2) up to 1, beyond it 1 - e^Q(x)", {
        "const double d = x;",
        "const double a = d < 0.0 ? -d : d;",
        "const double s = d * d;",
        "double p = 1.0563117492994159e-06;",
        "p = p * s - 1.3898760118296352e-05;",
        "p = p * s + 0.00011954829258910931;",
        "p = p * s - 0.00085424899355284324;",
        "p = p * s + 0.0052237764591132399;",
        "p = p * s - 0.026866131424964471;",
        "p = p * s + 0.11283791285621581;",
        "p = p * s - 0.37612638888521388;",
        "p = p * s + 1.1283791670945893;",
        "const double far = 1.0 - knf_exp_f64(knf_log_erfc(a > 4.0 ? 4.0 : a));",
        "return (float)(a < 1.0 ? d * p : d < 0.0 ? -far : far);"}},
    {"knf_pow", "float", "float x, float y", NULL, {"return (float)pow((double)x, (double)y);"}},
    {"knf_rsqrt", "float", "float x", NULL, {"return (float)(1.0 / sqrt((double)x));"}},
};
const int n_host_math = sizeof host_math / sizeof *host_math;
