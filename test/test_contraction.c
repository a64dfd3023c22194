/* Matrix products found in kernels, and results judged by OpenBLAS and by checksums: right ones pass, and each planted fault is seen. */
#include "dsl/front.h"
#include "grammar/parse.h"
#include "tool/blas.h"
#include "tool/contraction.h"
#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void out_of_memory(void *context, const char *why) {
    (void)context;
    fail_msg("%s", why);
    abort();
}

enum { DIMS = 5, TENSORS = 4 };

/* A kernel with data: params in order, one output. */
typedef struct Work {
    Arena *a;
    Kernel *k;
    int64_t dims[DIMS];
    Array in[TENSORS], out;
    const void *data[TENSORS];
} Work;

static Kernel *kernel(Arena *a, const char *text) {
    FrontOptions options = {.parse = grammar_parse};
    Program *p = front_load(a, names_new(a), diags_new(a), source_of_text(a, "test.knf", text, strlen(text)), &options);
    Kernel *k = p ? front_kernel(p, &options) : NULL;
    if (!k) fail_msg("not taken: %s", text);
    return k;
}

static Array array(Work *w, const Tensor *t) {
    Array x = {.type = t->type, .rank = t->rank, .n = 1};
    for (int d = 0; d < t->rank; d++) {
        assert_true(expr_dims_value(t->shape[d], w->dims, &x.extent[d]));
        x.n *= x.extent[d];
    }
    x.data = arena_alloc(w->a, (size_t)x.n * 8);
    return x;
}

/* Inputs -4 .. 4, or reals. */
static Work work(const char *text, const int64_t *dims, bool reals) {
    Work w = {.a = arena_new(0, out_of_memory, NULL)};
    w.k = kernel(w.a, text);
    memcpy(w.dims, dims, sizeof w.dims);
    uint32_t seed = 7;
    for (int p = 0; p < w.k->params.n; p++) {
        w.in[p] = array(&w, w.k->params.at[p]);
        for (int64_t i = 0; i < w.in[p].n; i++) {
            seed = seed * 1664525 + 1013904223;
            int64_t n = (int64_t)((seed >> 16) % 9) - 4;
            char *at = (char *)w.in[p].data + i * dtype_table[w.in[p].type].bytes;
            dtype_store(w.in[p].type, at, reals ? (double)(seed >> 8) * 0x1p-23 - 1 : (double)n, n);
        }
        w.data[p] = w.in[p].data;
    }
    w.out = array(&w, w.k->outputs.at[0]);
    return w;
}

static double in(const Work *w, int p, int64_t at) { return dtype_load_float(w->in[p].type, (char *)w->in[p].data + at * dtype_table[w->in[p].type].bytes); }
static void put(Work *w, int64_t at, double v) { dtype_store(w->out.type, (char *)w->out.data + at * dtype_table[w->out.type].bytes, v, (int64_t)v); }
static double got(const Work *w, int64_t at) { return dtype_load_float(w->out.type, (char *)w->out.data + at * dtype_table[w->out.type].bytes); }

/* The largest |y - r| / bound of one kind of judge; -1 when it said nothing. */
static double worst(const Work *w, const char *judge, bool sampled, bool exact) {
    const char *why = NULL;
    Eval *e = eval_new(w->a, w->k, w->dims, w->data, NULL, &why);
    if (!e) fail_msg("%s", why);
    if (!sampled) eval_all(e);
    BlasQuery q = {w->k, w->dims, w->in, &w->out, e, sampled, exact ? (const bool[]){true} : NULL};
    BlasResults all = blas_compare(w->a, &q);
    double most = -1;
    for (int i = 0; i < all.n; i++)
        if (!strcmp(all.at[i].against, judge)) most = fmax(most, all.at[i].worst);
    return most;
}

static const char by_blas[] = "OpenBLAS in f64", by_sum[] = "a checksum on integers";

static bool has_blas(void) { return dlopen("libopenblas.so.0", RTLD_NOW) || dlopen("libopenblas.so", RTLD_NOW); }

/* --- kernels, and what they compute --- */

static const char plain[] = "kernel k(x: f16[M, K], w: f32[N, K]) -> (y: f32[M, N]) {\n y[m, n] = sum[k] x[m, k] * w[n, k]\n}\n";
static void fill_plain(Work *w) {
    int64_t M = w->dims[0], K = w->dims[1], N = w->dims[2];
    for (int64_t m = 0; m < M; m++)
        for (int64_t n = 0; n < N; n++) {
            double s = 0;
            for (int64_t k = 0; k < K; k++) s += in(w, 0, m * K + k) * in(w, 1, n * K + k);
            put(w, m * N + n, s);
        }
}

static const char strided[] = "kernel k(x: f32[B, C, L], w: f32[O, C, 3]) -> (y: f32[B, O, L // 2]) {\n"
                              " y[b, o, i] = sum[c, r in 0..3] (x[b, c, 2 * i + r - 1] pad 5.0) * w[o, c, r]\n}\n";
static void fill_strided(Work *w) {
    int64_t B = w->dims[0], C = w->dims[1], L = w->dims[2], O = w->dims[3], at = 0;
    for (int64_t b = 0; b < B; b++)
        for (int64_t o = 0; o < O; o++)
            for (int64_t i = 0; i < L / 2; i++, at++) {
                double s = 0;
                for (int64_t c = 0; c < C; c++)
                    for (int64_t r = 0; r < 3; r++) {
                        int64_t p = 2 * i + r - 1;
                        s += (p < 0 || p >= L ? 5 : in(w, 0, (b * C + c) * L + p)) * in(w, 1, (o * C + c) * 3 + r);
                    }
                put(w, at, s);
            }
}

static const char batched[] = "kernel k(x: f32[H, M, K], w: f32[K, H, N]) -> (y: f32[N, H, M]) {\n"
                              " y[n, h, m] = sum[k] (x[h, m, k + 1] clamp) * w[k, h, n]\n}\n";
static void fill_batched(Work *w) {
    int64_t H = w->dims[0], M = w->dims[1], K = w->dims[2], N = w->dims[3], at = 0;
    for (int64_t n = 0; n < N; n++)
        for (int64_t h = 0; h < H; h++)
            for (int64_t m = 0; m < M; m++, at++) {
                double s = 0;
                for (int64_t k = 0; k < K; k++) s += in(w, 0, (h * M + m) * K + (k + 1 < K ? k + 1 : k)) * in(w, 1, (k * H + h) * N + n);
                put(w, at, s);
            }
}

static const char three[] = "kernel k(x: f32[M, K], s: f32[K], w: f32[K, N]) -> (y: f32[M, N]) {\n y[m, n] = sum[k] x[m, k] * s[k] * w[k, n]\n}\n";
static const char three_right[] = "kernel k(x: f32[M, K], s: f32[K], w: f32[K, N]) -> (y: f32[M, N]) {\n y[m, n] = sum[k] x[m, k] * (w[k, n] * s[k])\n}\n";
static void fill_three(Work *w) {
    int64_t M = w->dims[0], K = w->dims[1], N = w->dims[2];
    for (int64_t m = 0; m < M; m++)
        for (int64_t n = 0; n < N; n++) {
            double s = 0;
            for (int64_t k = 0; k < K; k++) s += in(w, 0, m * K + k) * in(w, 1, k) * in(w, 2, k * N + n);
            put(w, m * N + n, s);
        }
}

typedef struct Case { const char *text; void (*fill)(Work *w); int64_t dims[DIMS]; } Case;
static const Case cases[] = {{plain, fill_plain, {5, 7, 6}}, {strided, fill_strided, {2, 3, 8, 4}}, {batched, fill_batched, {3, 4, 5, 2}},
                             {three, fill_three, {4, 7, 5}}, {three_right, fill_three, {4, 7, 5}}};
enum { CASES = sizeof cases / sizeof *cases };

/* --- tests --- */

static void test_right(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        Work w = work(cases[i].text, cases[i].dims, false);
        cases[i].fill(&w);
        double sums = worst(&w, by_sum, true, true);
        if (sums != 0) fail_msg("case %d: checksums give %g", i, sums);
        if (has_blas()) assert_true(worst(&w, by_blas, false, true) == 0);
        arena_free(w.a);
    }
}

/* One element changed, whichever; and changes that cancel in a row's plain sum. */
static void test_wrong(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        Work w = work(cases[i].text, cases[i].dims, false);
        cases[i].fill(&w);
        for (int64_t at = 0; at < w.out.n; at++) {
            double was = got(&w, at);
            put(&w, at, was + (at & 1 ? 1 : -1));
            assert_true(isinf(worst(&w, by_sum, true, true)));
            if (has_blas()) assert_true(isinf(worst(&w, by_blas, false, true)));
            put(&w, at, was);
        }
        double first = got(&w, 0), second = got(&w, 1);
        put(&w, 0, first + 1);
        put(&w, 1, second - 1);
        assert_true(isinf(worst(&w, by_sum, true, true)));
        put(&w, 0, NAN);
        put(&w, 1, second);
        assert_true(isinf(worst(&w, by_sum, true, true)));
        arena_free(w.a);
    }
}

/* Reals: a quarter of the largest error that the bound can allow passes, four times it does not. */
static void test_reals(void **state) {
    (void)state;
    if (!has_blas()) skip();
    for (int i = 0; i < CASES; i++) {
        Work w = work(cases[i].text, cases[i].dims, true);
        cases[i].fill(&w);
        assert_true(worst(&w, by_sum, true, false) < 0);         /* nothing is claimed */
        assert_in_range((int)(1e3 * worst(&w, by_blas, false, false)), 0, 1000);
        double was = got(&w, 3);
        put(&w, 3, was + 64 * 0x1p-24);                          /* at most 12 terms, each of at most 5 */
        double near = worst(&w, by_blas, false, false);
        put(&w, 3, was + 4096 * 0x1p-24);
        double far = worst(&w, by_blas, false, false);
        assert_true(near < far && far > 1);
        put(&w, 3, NAN);
        assert_true(isinf(worst(&w, by_blas, false, false)));
        arena_free(w.a);
    }
}

/* A temporary: the reference's own value is judged, here on other inputs than it was made from. */
static void test_reference(void **state) {
    (void)state;
    if (!has_blas()) skip();
    for (int sampled = 0; sampled < 2; sampled++) {
        Work w = work("kernel k(x: f32[M, K], w: f32[K, N]) -> (y: f32[M, N]) {\n y[m, n] = max(sum[k] x[m, k] * w[k, n], 0.0)\n}\n", (int64_t[DIMS]){5, 6, 7}, true);
        assert_true(worst(&w, by_blas, sampled, false) <= 1);
        float other[64];
        memcpy(other, w.in[0].data, (size_t)w.in[0].n * sizeof *other);
        other[8] += 0.5f;
        w.data[0] = other;
        assert_true(worst(&w, by_blas, sampled, false) > 1);
        arena_free(w.a);
    }
}

/* Sums that are no such product, or that wrap, are left alone. */
static void test_others(void **state) {
    (void)state;
    static const char *const bodies[] = {"sum[k] x[m, k]", "sum[k | k < m] x[m, k] * w[n, k]", "max[k] x[m, k] * w[n, k]", "sum[k] x[m, k] / w[n, k]",
                                         "sum[k] x[m, k] * exp(w[n, k])", "sum[k] x[m, k] * w[n, k] * x[m, k] * w[n, k]", "sum[k] x[m, k] * f32(k)"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        Arena *a = arena_new(0, out_of_memory, NULL);
        Kernel *k = kernel(a, arena_printf(a, "kernel k(x: f32[M, K], w: f32[N, K]) -> (y: f32[M, N]) {\n y[m, n] = %s\n}\n", bodies[i]));
        Contraction c;
        for (int s = 0; s < k->stmts.n; s++) assert_false(contraction_find(k->stmts.at[s], (int64_t[]){3, 4, 5}, &c));
        arena_free(a);
    }
    Work w = work("kernel k(x: i32[M, K], w: i32[K, N]) -> (y: i32[M, N]) {\n y[m, n] = sum[k] x[m, k] * w[k, n]\n}\n", (int64_t[DIMS]){3, 4, 5}, false);
    ((int32_t *)w.in[0].data)[2] = 1 << 30;
    assert_true(worst(&w, by_sum, true, true) < 0 && worst(&w, by_blas, false, true) < 0);
    arena_free(w.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_right), cmocka_unit_test(test_wrong), cmocka_unit_test(test_reals),
                                       cmocka_unit_test(test_reference), cmocka_unit_test(test_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
