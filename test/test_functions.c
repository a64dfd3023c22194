/* The elementary functions of emitted C against libm's in double, in units of the last place: every f16 and bf16 input and a dense
 * sample of f32, with the special values exact. */
#include "dsl/dtype.h"
#include "test/functions_build.h"
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static float input(int64_t i, int64_t n) {
    if (i < 65536) {
        uint16_t bits = (uint16_t)i;
        return (float)dtype_load_float(DT_F16, &bits);
    }
    uint32_t u = i < 131072 ? (uint32_t)(i - 65536) << 16 : (uint32_t)((uint64_t)i * 0x100000000u / (uint64_t)n) + (uint32_t)(i % 977);
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static void ulps(const char *flags) {
    KnyfeCall *f = functions_build(flags);
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    for (int64_t i = 0; i < N; i++) x[i] = input(i, N);
    bool good = true;
    for (int c = 0; c < n_functions; c++) {
        f((void *[]){x, y, NULL}, (int64_t[]){c, N});
        double worst = 0;
        float at = 0;
        for (int i = 0; i < N; i++) {
            double u = functions_ulps(y[i], functions[c].truth((double)x[i]));
            if (u > worst) worst = u, at = x[i];
        }
        printf("%-10s %.3f ULP at %a\n", functions[c].helper, worst, (double)at);
        good = good && worst <= 1;
    }
    assert_true(good);
    free(x);
    free(y);
}

static void test_ulps(void **state) {
    (void)state;
    ulps("-march=native");
}

/* A product and a sum that are rounded each. */
static void test_ulps_unfused(void **state) {
    (void)state;
    ulps("-ffp-contract=off");
}

/* All pairs of special values, and pairs whose result is a number. */
static void test_pow(void **state) {
    (void)state;
    KnyfeCall *f = functions_build("-march=native");
    static const float special[] = {0, -0.0f, 1, -1, 0.5f, -0.5f, 2, -2, 3, -3, 2.5f, -2.5f, 1e-40f, -1e-40f, 3e38f, -3e38f, INFINITY, -INFINITY, NAN,
                                    16777215, -16777215, 16777216, 33554431, 0x1.fffffep-1f, 0x1.000002p0f, 127, -149, 1e-20f};
    enum { S = sizeof special / sizeof *special, N = 1 << 19 };
    float *x = malloc(N * sizeof *x), *z = malloc(N * sizeof *z), *y = malloc(N * sizeof *y);
    uint32_t seed = 1;
    for (int i = 0; i < N; i++) {
        seed = seed * 1664525 + 1013904223;
        x[i] = i < S * S ? special[i / S] : ldexpf(1 + (float)(seed >> 9) * 0x1p-23f, (i % 256) - 128);
        seed = seed * 1664525 + 1013904223;
        z[i] = i < S * S ? special[i % S] : (float)((double)(int32_t)seed * 0x1p-31 * 130 / fmax(1e-3, fabs(log2((double)x[i]))));
    }
    f((void *[]){x, y, z}, (int64_t[]){n_functions, N});
    double worst = 0;
    int at = 0;
    for (int i = 0; i < N; i++) {
        double u = functions_ulps(y[i], pow((double)x[i], (double)z[i]));
        if (u > worst) worst = u, at = i;
    }
    printf("knf_pow    %.3f ULP at %a, %a\n", worst, (double)x[at], (double)z[at]);
    assert_true(worst <= 1);
    free(x);
    free(z);
    free(y);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ulps), cmocka_unit_test(test_ulps_unfused), cmocka_unit_test(test_pow)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
