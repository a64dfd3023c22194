/* Vector types of emitted host C, in GNU C's terms, and the helpers that work on whole vectors. The types are those of elements in
 * memory: any alignment of an element, and any type of the same size may stand there. */
#include "emit/host_help.h"

#define TYPE(element, T, bytes, n) {"knf_" element "x" #n, T, NULL, NULL, {0}, bytes * n, bytes},

const HostHelper host_vector_types[] = {
    TYPE("f32", "float", 4, 16) TYPE("f32", "float", 4, 8) TYPE("f64", "double", 8, 8)
    TYPE("u32", "uint32_t", 4, 16) TYPE("u32", "uint32_t", 4, 8) TYPE("u64", "uint64_t", 8, 8)
    TYPE("i32", "int32_t", 4, 16) TYPE("i32", "int32_t", 4, 8) TYPE("i64", "int64_t", 8, 8)
    TYPE("u16", "uint16_t", 2, 16) TYPE("i16", "int16_t", 2, 16) TYPE("i16", "int16_t", 2, 8)
    TYPE("u8", "uint8_t", 1, 16) TYPE("i8", "int8_t", 1, 16) TYPE("u8", "uint8_t", 1, 8) TYPE("i8", "int8_t", 1, 8)
};
const int n_host_vector_types = sizeof host_vector_types / sizeof *host_vector_types;

/* All lanes joined in pairs: l with l + n / 2, and so on. */
#define FOLD16(op, type, T, V, body) \
    {"knf_fold_" op "_" type, T, "knf_" V " v", "the lanes joined in pairs", { \
        T " t[16];", \
        "*(knf_" V " *)t = v;", \
        "for (int l = 0; l < 8; l++) t[l] = " body("t[l]", "t[l + 8]") ";", \
        "for (int l = 0; l < 4; l++) t[l] = " body("t[l]", "t[l + 4]") ";", \
        "for (int l = 0; l < 2; l++) t[l] = " body("t[l]", "t[l + 2]") ";", \
        "return " body("t[0]", "t[1]") ";"}},
#define FOLD8(op, type, T, V, body) \
    {"knf_fold_" op "_" type, T, "knf_" V " v", "the lanes joined in pairs", { \
        T " t[8];", \
        "*(knf_" V " *)t = v;", \
        "for (int l = 0; l < 4; l++) t[l] = " body("t[l]", "t[l + 4]") ";", \
        "for (int l = 0; l < 2; l++) t[l] = " body("t[l]", "t[l + 2]") ";", \
        "return " body("t[0]", "t[1]") ";"}},
#define ADDED(a, b) a " + " b
#define MULTIPLIED(a, b) a " * " b
#define ADDED_I32(a, b) "knf_add_i32(" a ", " b ")"
#define ADDED_I64(a, b) "knf_add_i64(" a ", " b ")"
#define TIMES_I32(a, b) "knf_mul_i32(" a ", " b ")"
#define TIMES_I64(a, b) "knf_mul_i64(" a ", " b ")"
#define MAX_F32(a, b) "knf_max_f32(" a ", " b ")"
#define MIN_F32(a, b) "knf_min_f32(" a ", " b ")"
#define MAX_F64(a, b) "knf_max_f64(" a ", " b ")"
#define MIN_F64(a, b) "knf_min_f64(" a ", " b ")"
#define MAX_I(a, b) a " > " b " ? " a " : " b
#define MIN_I(a, b) a " < " b " ? " a " : " b

/* IEEE 754-2019 maximum and minimum: masks select a, b, both (the zeros), or their sum (a nan). */
#define EXTREME(op, type, V, U, more, less, both, p, mask, which) \
    {"knf_v" op "_" type, "knf_" V, "knf_" V " a, knf_" V " b", "IEEE 754-2019, by lanes: nan if either is, -0 below +0", { \
        "#if defined __AVX512DQ__ && defined __GNUC__ && !defined __clang__", \
        "const knf_" V " number = __builtin_ia32_range" p "512_mask(a, b, " which ", a, (" mask ")-1, 4);", \
        "return __builtin_ia32_add" p "512_mask(a, b, number, (" mask ")__builtin_ia32_cmp" p "512_mask(a, b, 3, (" mask ")-1, 4), 4);", \
        "#else", \
        "const knf_" U " first = (knf_" U ")(a " more " b) & (knf_" U ")a;", \
        "const knf_" U " second = (knf_" U ")(a " less " b) & (knf_" U ")b;", \
        "const knf_" U " same = (knf_" U ")(a == b) & ((knf_" U ")a " both " (knf_" U ")b);", \
        "const knf_" U " nan = ~((knf_" U ")(a < b) | (knf_" U ")(a >= b)) & (knf_" U ")(a + b);", \
        "return (knf_" V ")(first | second | same | nan);", \
        "#endif"}},
#define EXTREME_I(op, type, V, U, more) \
    {"knf_v" op "_" type, "knf_" U, "knf_" U " a, knf_" U " b", NULL, { \
        "const knf_" U " first = (knf_" U ")((knf_" V ")a " more " (knf_" V ")b);", \
        "return (a & first) | (b & ~first);"}},

/* Sixteen narrow floats: the magnitude's bits moved to those of a float, scaled by the difference of the exponents' biases. */
#define LOAD(name, T, h, size, shift, scale, top, special, sign, up) \
    {"knf_load_" name, "knf_f32x16", "const " T " *p", "the values of sixteen " name, { \
        WIDEN(h, size, shift, scale, top, special, sign, up)}},
#define WIDEN(h, size, shift, scale, top, special, sign, up) \
        "const knf_u32x16 h = __builtin_convertvector(*(const knf_" h " *)p, knf_u32x16);", \
        "const knf_u32x16 size = h & " size ";", \
        "const knf_f32x16 x = (knf_f32x16)(size << " shift ") * " scale ";", \
        "const knf_u32x16 special = (knf_u32x16)(size >= " top ") & " special ";", \
        "return (knf_f32x16)((knf_u32x16)x | special | (h & " sign ") << " up ");"

/* The first n values at a place; those behind them are not touched, and are zeros. */
#define FIRST(type, T, V, n, p, mask) \
    {"knf_first_" type, "knf_" V, "const " T " *p, int64_t count", "the first values there, and zeros", { \
        "#if defined __AVX512F__ && defined __GNUC__ && !defined __clang__", \
        "return __builtin_ia32_loadu" p "512_mask(p, (knf_" V "){0}, (" mask ")((UINT32_C(1) << count) - 1));", \
        "#else", \
        "knf_" V " x = {0};", \
        "for (int l = 0; l < " #n " && l < count; l++) x[l] = p[l];", \
        "return x;", \
        "#endif"}}, \
    {"knf_put_" type, "void", T " *p, knf_" V " x, int64_t count", "the first lanes", { \
        "#if defined __AVX512F__ && defined __GNUC__ && !defined __clang__", \
        "__builtin_ia32_storeu" p "512_mask(p, x, (" mask ")((UINT32_C(1) << count) - 1));", \
        "#else", \
        "for (int l = 0; l < " #n " && l < count; l++) p[l] = x[l];", \
        "#endif"}},

/* A block of a product; rows and vectors are literals where it is called, so that the sums are registers. */
#define DOT_BLOCK(type, T, V, n) \
    {"knf_dot_block_" type, "__attribute__((always_inline)) void", "const int rows, const int vectors, int64_t columns, int64_t depth, const " T \
     " *a, int64_t a_row, int64_t a_step, const " T " *b, int64_t b_step, " T " *c, int64_t c_row", "one strip and panel of knf_dot_" type, { \
        "knf_" V " sum[12][4], v[4];", \
        "const int64_t left = columns - " #n " * (vectors - 1);", \
        "_Pragma(\"GCC unroll 12\")", \
        "for (int i = 0; i < rows; i++) {", \
        "    _Pragma(\"GCC unroll 4\")", \
        "    for (int j = 0; j < vectors; j++) sum[i][j] = (knf_" V "){0};", \
        "}", \
        "_Pragma(\"GCC unroll 1\")", \
        "for (int64_t k = 0; k < depth; k++) {", \
        "    _Pragma(\"GCC unroll 4\")", \
        "    for (int j = 0; j < vectors - 1; j++) v[j] = *(const knf_" V " *)&b[k * b_step + " #n " * j];", \
        "    v[vectors - 1] = knf_first_" type "(&b[k * b_step + " #n " * (vectors - 1)], left);", \
        "    _Pragma(\"GCC unroll 12\")", \
        "    for (int i = 0; i < rows; i++) {", \
        "        _Pragma(\"GCC unroll 4\")", \
        "        for (int j = 0; j < vectors; j++) sum[i][j] += a[i * a_row + k * a_step] * v[j];", \
        "    }", \
        "}", \
        "_Pragma(\"GCC unroll 12\")", \
        "for (int i = 0; i < rows; i++) {", \
        "    _Pragma(\"GCC unroll 4\")", \
        "    for (int j = 0; j < vectors - 1; j++) *(knf_" V " *)&c[i * c_row + " #n " * j] = sum[i][j];", \
        "    knf_put_" type "(&c[i * c_row + " #n " * (vectors - 1)], sum[i][vectors - 1], left);", \
        "}"}},

/* to[i][j] = from[j][i] for 16 by 16 values: halves of rows change places, then quarters, and so on. */
#define TURN(type, T, load) \
    {"knf_turn_" type, "void", "float *to, int64_t to_row, const " T " *from, int64_t from_row", "16 by 16 values, rows as columns", { \
        "knf_f32x16 v[16];", \
        "_Pragma(\"GCC unroll 16\")", \
        "for (int j = 0; j < 16; j++) v[j] = " load ";", \
        "_Pragma(\"GCC unroll 4\")", \
        "for (int w = 0; w < 4; w++) {", \
        "    const knf_u32x16 low = *(const knf_u32x16 *)&knf_turn_lanes[32 * w];", \
        "    const knf_u32x16 high = *(const knf_u32x16 *)&knf_turn_lanes[32 * w + 16];", \
        "    _Pragma(\"GCC unroll 16\")", \
        "    for (int j = 0; j < 16; j++) {", \
        "        if (j & 8 >> w) continue;", \
        "        const knf_f32x16 x = v[j], y = v[j | 8 >> w];", \
        "        v[j] = knf_shuffle_f32(x, y, low);", \
        "        v[j | 8 >> w] = knf_shuffle_f32(x, y, high);", \
        "    }", \
        "}", \
        "_Pragma(\"GCC unroll 16\")", \
        "for (int j = 0; j < 16; j++) *(knf_f32x16 *)&to[j * to_row] = v[j];"}},

const HostHelper host_vector_helpers[] = {
    FIRST("f32", "float", "f32x16", 16, "ps", "uint16_t") FIRST("f64", "double", "f64x8", 8, "pd", "uint8_t")
    DOT_BLOCK("f32", "float", "f32x16", 16) DOT_BLOCK("f64", "double", "f64x8", 8)
    EXTREME("max", "f32", "f32x16", "u32x16", ">", "<", "&", "ps", "uint16_t", "5") EXTREME("min", "f32", "f32x16", "u32x16", "<", ">", "|", "ps", "uint16_t", "4")
    EXTREME("max", "f64", "f64x8", "u64x8", ">", "<", "&", "pd", "uint8_t", "5") EXTREME("min", "f64", "f64x8", "u64x8", "<", ">", "|", "pd", "uint8_t", "4")
    EXTREME_I("max", "i32", "i32x16", "u32x16", ">") EXTREME_I("min", "i32", "i32x16", "u32x16", "<")
    EXTREME_I("max", "i64", "i64x8", "u64x8", ">") EXTREME_I("min", "i64", "i64x8", "u64x8", "<")
    FOLD16("add", "f32", "float", "f32x16", ADDED) FOLD16("mul", "f32", "float", "f32x16", MULTIPLIED)
    FOLD16("max", "f32", "float", "f32x16", MAX_F32) FOLD16("min", "f32", "float", "f32x16", MIN_F32)
    FOLD8("add", "f64", "double", "f64x8", ADDED) FOLD8("mul", "f64", "double", "f64x8", MULTIPLIED)
    FOLD8("max", "f64", "double", "f64x8", MAX_F64) FOLD8("min", "f64", "double", "f64x8", MIN_F64)
    FOLD16("add", "i32", "int32_t", "u32x16", ADDED_I32) FOLD16("mul", "i32", "int32_t", "u32x16", TIMES_I32)
    FOLD16("max", "i32", "int32_t", "u32x16", MAX_I) FOLD16("min", "i32", "int32_t", "u32x16", MIN_I)
    FOLD8("add", "i64", "int64_t", "u64x8", ADDED_I64) FOLD8("mul", "i64", "int64_t", "u64x8", TIMES_I64)
    FOLD8("max", "i64", "int64_t", "u64x8", MAX_I) FOLD8("min", "i64", "int64_t", "u64x8", MIN_I)
    {"knf_load_f16", "knf_f32x16", "const uint16_t *p", "the values of sixteen f16: by the processor's own conversion where it has one", {
        "#if defined __AVX512F__",
        "return (knf_f32x16)__builtin_ia32_vcvtph2ps512_mask((short __attribute__((vector_size(32))))*(const knf_u16x16 *)p, (knf_f32x16){0}, 65535, 4);",
        "#else",
        WIDEN("u16x16", "0x7fff", "13", "0x1p112f", "0x7c00", "0x7f800000", "0x8000", "16"),
        "#endif"}},
    LOAD("f8e5m2", "uint8_t", "u8x16", "0x7f", "21", "0x1p112f", "0x7c", "0x7f800000", "0x80", "24")
    LOAD("f8e4m3", "uint8_t", "u8x16", "0x7f", "20", "0x1p120f", "0x7f", "0x7fc00000", "0x80", "24")
    {"knf_load_bf16", "knf_f32x16", "const uint16_t *p", "the values of sixteen bf16", {
        "return (knf_f32x16)(__builtin_convertvector(*(const knf_u16x16 *)p, knf_u32x16) << 16);"}},
    {"knf_shuffle_f32", "knf_f32x16", "knf_f32x16 x, knf_f32x16 y, knf_u32x16 lane", "the lanes of that number, of x and then y", {
        "#ifdef __clang__",
        "knf_f32x16 z;",
        "for (int l = 0; l < 16; l++) z[l] = lane[l] < 16 ? x[lane[l]] : y[lane[l] - 16];",
        "return z;",
        "#else",
        "return __builtin_shuffle(x, y, lane);",
        "#endif"}, 0, 0},
    {"knf_turn_lanes", "uint32_t", NULL, "lanes of two rows that stay in the first, then in the second, for blocks of 8, 4, 2, 1", {
        "0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23", "8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31",
        "0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27", "4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31",
        "0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29", "2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31",
        "0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30", "1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31"}, 0, 0},
    TURN("f32", "float", "*(const knf_f32x16 *)&from[j * from_row]")
    TURN("f16", "uint16_t", "knf_load_f16(&from[j * from_row])") TURN("bf16", "uint16_t", "knf_load_bf16(&from[j * from_row])")
    TURN("f8e4m3", "uint8_t", "knf_load_f8e4m3(&from[j * from_row])") TURN("f8e5m2", "uint8_t", "knf_load_f8e5m2(&from[j * from_row])")
};
const int n_host_vector_helpers = sizeof host_vector_helpers / sizeof *host_vector_helpers;
