/* The elementary functions of emitted C against libm's in double, in units of the last place: every f16 and bf16 input and a dense
 * sample of f32, with the special values exact. */
#include "emit/host_help.h"
#include "test/emit_run.h"
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

typedef struct Case { const char *helper; double (*truth)(double); } Case;
static double rsqrt_truth(double x) { return 1 / sqrt(x); }
static const Case cases[] = {
    {"knf_exp", exp}, {"knf_exp2", exp2}, {"knf_expm1", expm1}, {"knf_log", log}, {"knf_log2", log2}, {"knf_log1p", log1p},
    {"knf_rsqrt", rsqrt_truth}, {"knf_sin", sin}, {"knf_cos", cos}, {"knf_tan", tan}, {"knf_asin", asin}, {"knf_acos", acos},
    {"knf_atan", atan}, {"knf_sinh", sinh}, {"knf_cosh", cosh}, {"knf_tanh", tanh}, {"knf_erf", erf},
};
enum { CASES = sizeof cases / sizeof *cases };

static void out_of_memory(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    abort();
}

/* knyfe_call(which, in, out, n) over all functions, as the emitter prints them. */
static KnyfeCall *build(void) {
    Arena *a = arena_new(0, out_of_memory, NULL);
    Out o = out_new(a);
    static const char *const headers[] = {"math", "stdbool", "stddef", "stdint", "stdlib", "string"};
    for (int i = 0; i < 6; i++) out_f(&o, "#include <%s.h>\n", headers[i]);
    HostUses uses = host_uses_new(a);
    for (int i = 0; i < CASES; i++) host_use(&uses, cases[i].helper);
    CPrint p = {a, &o};
    host_helpers_print(&p, &uses);
    for (int i = 0; i < CASES; i++) {
        c_function(&p, "void", arena_printf(a, "all%d", i), "const float *restrict x, float *restrict y, int64_t n");
        c_for(&p, "int64_t", "i", c_atom("0"), c_atom("n"), 1);
        c_assign(&p, c_atom("y[i]"), "=", c_call1(&p, cases[i].helper, c_atom("x[i]")));
        c_end(&p);
        c_end(&p);
    }
    Out call = out_new(a);
    out_s(&call, "#include <stdint.h>\n");
    for (int i = 0; i < CASES; i++) out_f(&call, "void all%d(const float *restrict, float *restrict, int64_t);\n", i);
    out_s(&call, "int knyfe_call(void *const *tensors, const int64_t *dims);\n");
    CPrint q = {a, &call};
    c_function(&q, "int", "knyfe_call", "void *const *tensors, const int64_t *dims");
    for (int i = 0; i < CASES; i++) {
        c_if(&q, c_binary(&q, "==", c_atom("dims[0]"), c_int(&q, i)));
        c_expr(&q, c_call3(&q, arena_printf(a, "all%d", i), c_atom("tensors[0]"), c_atom("tensors[1]"), c_atom("dims[1]")));
        c_end(&q);
    }
    c_return(&q, c_atom("0"));
    c_end(&q);
    KnyfeCall *f = emit_compile(o.text, call.text, "-O3");
    arena_free(a);
    return f;
}

/* |got - want| in the distance of floats at want; infinite where a special value differs. */
static double ulps(float got, double want) {
    float w = (float)want;
    if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : INFINITY;
    if (isinf(w) || isinf(got)) {
        double edge = (double)0x1.fffffep127f;      /* a result next to the overflow may be either */
        return w == got ? 0 : fabs(want) > edge && fabs((double)got) == edge ? 1 : INFINITY;
    }
    if (want == 0) return got == 0 && !signbit(want) == !signbit(got) ? 0 : INFINITY;
    int e;
    frexp(want, &e);
    return fabs((double)got - want) / ldexp(1, (e < -125 ? -125 : e) - 24);
}

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

static void test_ulps(void **state) {
    (void)state;
    KnyfeCall *f = build();
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x), *y = malloc(N * sizeof *y);
    for (int64_t i = 0; i < N; i++) x[i] = input(i, N);
    bool good = true;
    for (int c = 0; c < CASES; c++) {
        f((void *[]){x, y}, (int64_t[]){c, N});
        double worst = 0;
        float at = 0;
        for (int i = 0; i < N; i++) {
            double u = ulps(y[i], cases[c].truth((double)x[i]));
            if (u > worst) worst = u, at = x[i];
        }
        printf("%-10s %.3f ULP at %a\n", cases[c].helper, worst, (double)at);
        good = good && worst <= 1;
    }
    assert_true(good);
    free(x);
    free(y);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ulps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
