/* The conversions against independent ways: the compiler's _Float16, the top half of a float, and a search for the nearest of all
 * values of a format, which are built here from the definitions of the formats. */
#include "dsl/dtype.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dsl/ops.h"

static bool same(double a, double b) { return isnan(a) ? isnan(b) : a == b && signbit(a) == signbit(b); }

static double load(DType t, uint32_t bits) {
    uint8_t b1 = (uint8_t)bits;
    uint16_t b2 = (uint16_t)bits;
    return dtype_table[t].bytes == 1 ? dtype_load_float(t, &b1) : dtype_load_float(t, &b2);
}

static uint32_t store(DType t, double v) {
    uint32_t bits = 0xdeadbeef;
    dtype_store(t, &bits, v, 0);
    return dtype_table[t].bytes == 1 ? bits & 0xff : bits & 0xffff;
}

static void loads_all_f16(void **s) {
    (void)s;
    for (uint32_t b = 0; b < 65536; b++) {
        uint16_t bits = (uint16_t)b;
        _Float16 h;
        memcpy(&h, &bits, 2);
        assert_true(same(load(DT_F16, b), (double)h));
    }
}

static void loads_all_bf16(void **s) {
    (void)s;
    for (uint32_t b = 0; b < 65536; b++) {
        uint32_t bits = b << 16;
        float f;
        memcpy(&f, &bits, 4);
        assert_true(same(load(DT_BF16, b), (double)f));
    }
}

/* Values of the OCP paper and of IEEE 754's rules for 1.5.2. */
static void loads_f8_landmarks(void **s) {
    (void)s;
    assert_true(load(DT_F8E4M3, 0x7e) == 448);
    assert_true(load(DT_F8E4M3, 0x08) == 0x1p-6);
    assert_true(load(DT_F8E4M3, 0x07) == 0.875 * 0x1p-6);
    assert_true(load(DT_F8E4M3, 0x01) == 0x1p-9);
    assert_true(isnan(load(DT_F8E4M3, 0x7f)) && isnan(load(DT_F8E4M3, 0xff)));
    assert_true(load(DT_F8E4M3, 0x38) == 1 && load(DT_F8E4M3, 0xb8) == -1);
    assert_true(load(DT_F8E5M2, 0x7b) == 57344);
    assert_true(load(DT_F8E5M2, 0x04) == 0x1p-14);
    assert_true(load(DT_F8E5M2, 0x03) == 0.75 * 0x1p-14);
    assert_true(load(DT_F8E5M2, 0x01) == 0x1p-16);
    assert_true(load(DT_F8E5M2, 0x7c) == INFINITY && load(DT_F8E5M2, 0xfc) == -INFINITY);
    assert_true(isnan(load(DT_F8E5M2, 0x7d)) && isnan(load(DT_F8E5M2, 0x7f)));
    assert_true(load(DT_F8E5M2, 0x3c) == 1);
}

/* Each value survives; between neighbours a < b of one sign: the middle goes to the even one, and a little beside it to the
 * nearer one. `past` is where rounding leaves the finite values, `beyond` what comes then. */
static void stores_nearest(DType t, uint32_t finite, double beyond) {
    uint32_t sign = dtype_table[t].bytes == 1 ? 0x80 : 0x8000;
    for (uint32_t b = 0; b <= finite; b++) {
        double a = load(t, b), next;
        assert_int_equal(store(t, a), b);
        assert_int_equal(store(t, -a), b | sign);
        if (b < finite) next = load(t, b + 1);
        else next = a + (a - load(t, b - 1));
        double middle = a + (next - a) / 2, even = b & 1 ? next : a;
        double up = b < finite ? next : beyond;
        if (b == finite && (b & 1)) even = beyond;
        assert_true(same(dtype_round(t, middle), even));
        assert_true(same(dtype_round(t, -middle), -even) || isnan(even));
        assert_true(same(dtype_round(t, nextafter(middle, 0)), a));
        assert_true(same(dtype_round(t, nextafter(middle, INFINITY)), up));
        assert_true(same(dtype_round(t, a + (next - a) * 0.25), a));
        assert_true(same(dtype_round(t, a + (next - a) * 0.75), up));
    }
    assert_true(same(dtype_round(t, 1e300), beyond));
    assert_true(same(dtype_round(t, INFINITY), beyond));
    assert_true(same(dtype_round(t, -INFINITY), -beyond));
    assert_true(isnan(dtype_round(t, NAN)));
    assert_true(same(dtype_round(t, 0x1p-1074), 0.0) && same(dtype_round(t, -0x1p-1074), -0.0));
}

static void stores_f16(void **s) { (void)s; stores_nearest(DT_F16, 0x7bff, INFINITY); }
static void stores_bf16(void **s) { (void)s; stores_nearest(DT_BF16, 0x7f7f, INFINITY); }
static void stores_f8e4m3(void **s) { (void)s; stores_nearest(DT_F8E4M3, 0x7e, NAN); }
static void stores_f8e5m2(void **s) { (void)s; stores_nearest(DT_F8E5M2, 0x7b, INFINITY); }

/* A double is rounded once: by way of float, 1 + 2^-11 + 2^-30 would become a tie in f16 and then 1. */
static void rounds_once(void **s) {
    (void)s;
    assert_true(dtype_round(DT_F16, 1 + 0x1p-11 + 0x1p-30) == 1 + 0x1p-10);
    for (int n = 0; n < 1000000; n++) {
        double v = ldexp((double)random() / 0x1p31 + 1, (int)(random() % 50) - 30) * (n & 1 ? 1 : -1);
        assert_true(same(dtype_round(DT_F16, v), (double)(_Float16)v));
        assert_true(same(dtype_round(DT_F32, v), (double)(float)v));
        assert_true(dtype_round(DT_F64, v) == v);
    }
}

static void integers_wrap(void **s) {
    (void)s;
    static const struct { DType t; int64_t in, out; } c[] = {
        {DT_I8, 200, -56}, {DT_I8, -129, 127}, {DT_U8, -1, 255}, {DT_U8, 256, 0}, {DT_I16, 40000, -25536},
        {DT_I32, 0x80000000, INT32_MIN}, {DT_I32, -5, -5}, {DT_I64, INT64_MIN, INT64_MIN}, {DT_BOOL, 7, 1}, {DT_BOOL, 0, 0}};
    for (size_t n = 0; n < sizeof c / sizeof *c; n++) {
        char at[8] = {0};
        dtype_store(c[n].t, at, 0, c[n].in);
        assert_true(dtype_load_int(c[n].t, at) == c[n].out);
    }
}

static void tables_are_whole(void **s) {
    (void)s;
    for (int t = 0; t < DT_COUNT; t++) assert_int_equal(dtype_by_name(dtype_table[t].name), t);
    assert_int_equal(dtype_by_name("f12"), DT_NONE);
    assert_int_equal(dtype_table[DT_BF16].compute, DT_F32);
    assert_int_equal(dtype_table[DT_U8].compute, DT_I32);
    assert_int_equal(op_by_name("exp"), OP_EXP);
    assert_int_equal(op_by_name("+"), OP_COUNT);
    for (int o = 0; o < OP_COUNT; o++)
        if (op_table[o].syntax == OPS_CALL) assert_int_equal(op_by_name(op_table[o].name), o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loads_all_f16), cmocka_unit_test(loads_all_bf16), cmocka_unit_test(loads_f8_landmarks),
        cmocka_unit_test(stores_f16), cmocka_unit_test(stores_bf16), cmocka_unit_test(stores_f8e4m3),
        cmocka_unit_test(stores_f8e5m2), cmocka_unit_test(rounds_once), cmocka_unit_test(integers_wrap),
        cmocka_unit_test(tables_are_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
