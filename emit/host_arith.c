/* Helpers for arithmetic as the language has it, where C's own differs: integers that wrap, floor division, saturation, NaN in
 * maxima, narrow floats. All are free of branches that a vectoriser could not turn into selects. */
#include "emit/host_help.h"

#define WRAP(op, sign, type, T, U) \
    {"knf_" op "_" type, T, T " a, " T " b", NULL, {"return (" T ")((" U ")a " sign " (" U ")b);"}},
#define INTS(type, T, U, bits, MIN) \
    WRAP("add", "+", type, T, U) WRAP("sub", "-", type, T, U) WRAP("mul", "*", type, T, U) \
    {"knf_neg_" type, T, T " a", NULL, {"return (" T ")-(" U ")a;"}}, \
    {"knf_abs_" type, T, T " a", NULL, {"return a < 0 ? (" T ")-(" U ")a : a;"}}, \
    {"knf_sign_" type, T, T " a", NULL, {"return (a > 0) - (a < 0);"}}, \
    {"knf_min_" type, T, T " a, " T " b", NULL, {"return a < b ? a : b;"}}, \
    {"knf_max_" type, T, T " a, " T " b", NULL, {"return a > b ? a : b;"}}, \
    {"knf_shl_" type, T, T " a, " T " n", NULL, {"return (" T ")((" U ")a << (n & " bits "));"}}, \
    {"knf_shr_" type, T, T " a, " T " n", NULL, {"return a >> (n & " bits ");"}}, \
    {"knf_floordiv_" type, T, T " a, " T " b", "floor(a / b); 0 when b is 0", { \
        "const bool safe = b != 0 && b != -1;", \
        "const " T " d = safe ? b : 1;", \
        "const " T " q = a / d;", \
        "const " T " f = q - (a % d != 0 && (a < 0) != (d < 0));", \
        "return safe ? f : b == 0 ? 0 : (" T ")-(" U ")a;"}}, \
    {"knf_mod_" type, T, T " a, " T " b", "a - floor(a / b) * b; a when b is 0", { \
        "const bool safe = b != 0 && b != -1;", \
        "const " T " d = safe ? b : 1;", \
        "const " T " r = a % d;", \
        "const " T " m = r != 0 && (r < 0) != (d < 0) ? r + d : r;", \
        "return safe ? m : b == 0 ? a : 0;"}},

#define FLOATS(type, T, U, f, one) \
    {"knf_bits_" type, U, T " x", NULL, {U " u;", "memcpy(&u, &x, sizeof u);", "return u;"}}, \
    {"knf_of_bits_" type, T, U " u", NULL, {T " x;", "memcpy(&x, &u, sizeof x);", "return x;"}}, \
    {"knf_max_" type, T, T " a, " T " b", "IEEE 754-2019 maximum: nan if either is, -0 below +0", { \
        "const " T " same = knf_of_bits_" type "(knf_bits_" type "(a) & knf_bits_" type "(b));", \
        "return a > b ? a : a < b ? b : a == b ? same : a + b;"}}, \
    {"knf_min_" type, T, T " a, " T " b", "IEEE 754-2019 minimum: nan if either is, -0 below +0", { \
        "const " T " same = knf_of_bits_" type "(knf_bits_" type "(a) | knf_bits_" type "(b));", \
        "return a < b ? a : a > b ? b : a == b ? same : a + b;"}}, \
    {"knf_sign_" type, T, T " x", NULL, {"return x > 0 ? 1 : x < 0 ? -1 : x;"}}, \
    {"knf_negative_" type, T, T " x", "-x, kept apart from a sum or fma below it: GCC makes -(a * b) - c of both, and zero has the other sign", { \
        "return knf_of_bits_" type "(knf_bits_" type "(x) ^ (" U ")1 << (8 * sizeof x - 1));"}}, \
    {"knf_to_i32_" type, "int32_t", T " x", "truncates and saturates; nan gives 0", { \
        "const bool in = x > -2147483648.0" f " && x < 2147483648.0" f ";", \
        "const int32_t i = (int32_t)(in ? x : 0);", \
        "return in ? i : x > 0 ? INT32_MAX : x < 0 ? INT32_MIN : 0;"}}, \
    {"knf_to_i64_" type, "int64_t", T " x", "truncates and saturates; nan gives 0", { \
        "const bool in = x > -9223372036854775808.0" f " && x < 9223372036854775808.0" f ";", \
        "const int64_t i = (int64_t)(in ? x : 0);", \
        "return in ? i : x > 0 ? INT64_MAX : x < 0 ? INT64_MIN : 0;"}},

const HostHelper host_helpers[] = {
    {"knf_alloc", "void *", "size_t size, int rank, const int64_t *extent",
     "memory for a temporary, from the beginning of a line of the cache; NULL when there is none or its size is no size_t", {
        "for (int r = 0; r < rank; r++) if (extent[r] <= 0) return malloc(1);",
        "for (int r = 0; r < rank; r++) if (__builtin_mul_overflow(size, extent[r], &size)) return NULL;",
        "return size <= PTRDIFF_MAX - 63 ? aligned_alloc(64, (size + 63) / 64 * 64) : NULL;"}},
    {"knf_clamp", "int64_t", "int64_t i, int64_t lo, int64_t hi", NULL, {"return i < lo ? lo : i > hi ? hi : i;"}},
    {"knf_inside", "bool", "int64_t i, int64_t n", "0 <= i < n", {"return (uint64_t)i < (uint64_t)n;"}},
    {"knf_limit_i32", "int32_t", "int32_t i, int32_t lo, int32_t hi", NULL, {"return i < lo ? lo : i > hi ? hi : i;"}},
    INTS("i32", "int32_t", "uint32_t", "31", "INT32_MIN")
    INTS("i64", "int64_t", "uint64_t", "63", "INT64_MIN")
    {"knf_lit_f32", "float", "uint32_t u", "the float of these bits", {"float x;", "memcpy(&x, &u, sizeof x);", "return x;"}},
    FLOATS("f32", "float", "uint32_t", "f", "1.0f")
    FLOATS("f64", "double", "uint64_t", "", "1.0")
    {"knf_f32_odd", "float", "double d", "rounds to odd: a second rounding to a narrower type is then right", {
        "const float f = (float)d;",
        "const uint32_t u = knf_bits_f32(f);",
        "const double size = d < 0 ? -d : d;",
        "const double got = f < 0 ? -(double)f : (double)f;",
        "const uint32_t v = (got > size ? u - 1 : u) | (got != size);",
        "return knf_of_bits_f32(v);"}},
    {"knf_f64_odd", "double", "int64_t i", "rounds to odd", {
        "const bool wide = i >= INT64_C(1) << 53 || i <= -(INT64_C(1) << 53);",
        "const int64_t cut = (i & -4096) | ((i & 4095) != 0 ? 2048 : 0);",
        "return (double)(wide ? cut : i);"}},
    {"knf_from_f16", "float", "uint16_t h", "the value of an f16's bits", {
        "const uint32_t size = h & 0x7fff;",
        "const float x = knf_of_bits_f32(size << 13) * 0x1p112f;",
        "const uint32_t special = size >= 0x7c00 ? 0x7f800000 : 0;",
        "return knf_of_bits_f32(knf_bits_f32(x) | special | (uint32_t)(h & 0x8000) << 16);"}},
    {"knf_to_f16", "uint16_t", "float x", "rounds to nearest even", {
        "const uint32_t u = knf_bits_f32(x);",
        "const uint32_t size = u & 0x7fffffff;",
        "const uint32_t normal = (size + 0xfff + (size >> 13 & 1) - 0x38000000) >> 13;",
        "const uint32_t tiny = knf_bits_f32(knf_of_bits_f32(size) + 0.5f) - 0x3f000000;",
        "const uint32_t finite = size < 0x38800000 ? tiny : normal;",
        "const uint32_t bits = size > 0x7f800000 ? 0x7e00 : size >= 0x477ff000 ? 0x7c00 : finite;",
        "return (uint16_t)(bits | (u >> 16 & 0x8000));"}},
    {"knf_from_bf16", "float", "uint16_t h", "the value of a bf16's bits", {"return knf_of_bits_f32((uint32_t)h << 16);"}},
    {"knf_to_bf16", "uint16_t", "float x", "rounds to nearest even", {
        "const uint32_t u = knf_bits_f32(x);",
        "const uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;",
        "return (uint16_t)(x != x ? (u >> 16 | 0x40) : rounded);"}},
    {"knf_from_f8e5m2", "float", "uint8_t b", "the value of an f8e5m2's bits", {
        "const uint32_t size = b & 0x7f;",
        "const float x = knf_of_bits_f32(size << 21) * 0x1p112f;",
        "const uint32_t special = size >= 0x7c ? 0x7f800000 : 0;",
        "return knf_of_bits_f32(knf_bits_f32(x) | special | (uint32_t)(b & 0x80) << 24);"}},
    {"knf_to_f8e5m2", "uint8_t", "float x", "rounds to nearest even", {
        "const uint32_t u = knf_bits_f32(x);",
        "const uint32_t size = u & 0x7fffffff;",
        "const uint32_t normal = (size + 0xfffff + (size >> 21 & 1) - 0x38000000) >> 21;",
        "const uint32_t tiny = knf_bits_f32(knf_of_bits_f32(size) + 128.0f) - 0x43000000;",
        "const uint32_t finite = size < 0x38800000 ? tiny : normal;",
        "const uint32_t bits = size > 0x7f800000 ? 0x7e : size >= 0x47700000 ? 0x7c : finite;",
        "return (uint8_t)(bits | (u >> 24 & 0x80));"}},
    {"knf_from_f8e4m3", "float", "uint8_t b", "the value of an f8e4m3's bits", {
        "const uint32_t size = b & 0x7f;",
        "const float x = knf_of_bits_f32(size << 20) * 0x1p120f;",
        "const uint32_t special = size == 0x7f ? 0x7fc00000 : 0;",
        "return knf_of_bits_f32(knf_bits_f32(x) | special | (uint32_t)(b & 0x80) << 24);"}},
    {"knf_to_f8e4m3", "uint8_t", "float x", "rounds to nearest even; over 448 and infinities give nan", {
        "const uint32_t u = knf_bits_f32(x);",
        "const uint32_t size = u & 0x7fffffff;",
        "const uint32_t normal = (size + 0x7ffff + (size >> 20 & 1) - 0x3c000000) >> 20;",
        "const uint32_t tiny = knf_bits_f32(knf_of_bits_f32(size) + 16384.0f) - 0x46800000;",
        "const uint32_t finite = size < 0x3c800000 ? tiny : normal;",
        "const uint32_t bits = size > 0x43e80000 ? 0x7f : finite;",
        "return (uint8_t)(bits | (u >> 24 & 0x80));"}},
};
const int n_host_helpers = sizeof host_helpers / sizeof *host_helpers;
