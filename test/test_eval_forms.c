/* The oracle on forms that kernels take: pieces, scans, calls, gathers, on demand too; bounds in f64; its own exp. */
#include "dsl/eval_ops.h"
#include "test/eval_build.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

static Eval *made(Maker *m, const int64_t *dims, const void *const *in) {
    const char *why = NULL;
    Eval *e = eval_new(m->arena, m->kernel, dims, in, NULL, &why);
    assert_null(why);
    assert_int_equal(eval_facts(e, NULL), -1);
    return e;
}

/* Every element, whole and on demand in either direction, is want[k] exactly. */
static void expect_both(Maker *m, const int64_t *dims, const void *const *in, const double *want, int n) {
    const Tensor *y = m->kernel->outputs.at[0];
    Eval *whole = made(m, dims, in);
    eval_all(whole);
    EvalArray a = eval_array(whole, y);
    assert_int_equal(a.n, n);
    for (int k = 0; k < n; k++) {
        double got = a.value ? a.value[k] : (double)a.ivalue[k];
        if (got != want[k]) fail_msg("element %d: %g, expected %g", k, got, want[k]);
        assert_true(!a.err || a.err[k] == 0);
    }
    for (int down = 0; down < 2; down++) {
        Eval *e = made(m, dims, in);
        for (int p = 0; p < n; p++) {
            int64_t at = down ? n - 1 - p : p, i = 0;
            double v = 0, err = -1;
            eval_points(e, y, 1, &at, &v, &i, &err);
            if ((a.value ? v : (double)i) != want[at] || err != 0) fail_msg("element %d on demand: %g, %d", (int)at, v, (int)i);
        }
    }
    arena_free(m->arena);
}

/* t[n] = x[n] for n in 0..N; t[n + N] = -x[n]; t[2 N] = 7; y[n] = t[n] + 1. */
static void pieces(void **s) {
    (void)s;
    Maker m = maker_new();
    Expr *N = mk_dim(&m, "N"), *twice = mk_op(&m, OP_MUL, mk_int(&m, 2), N), *all = mk_op(&m, OP_ADD, twice, mk_int(&m, 1));
    Tensor *x = mk_tensor(&m, TR_INPUT, DT_F32, N, NULL), *t = mk_tensor(&m, TR_TEMP, DT_F32, all, NULL);
    Tensor *y = mk_tensor(&m, TR_OUTPUT, DT_F32, all, NULL);
    Index *i = mk_range(&m, N), *j = mk_range(&m, N), *n = mk_range(&m, all);
    mk_stmt(&m, t, mk_read(&m, x, mk_at(&m, i), NULL), i, NULL);
    Stmt *second = mk_stmt(&m, t, mk_op(&m, OP_NEG, mk_read(&m, x, mk_at(&m, j), NULL), NULL), j, NULL);
    second->targets.at[0].subs.at[0] = mk_op(&m, OP_ADD, mk_at(&m, j), N);
    Stmt *last = mk_stmt(&m, t, mk_float(&m, 7), NULL);
    vec_push(m.arena, &last->targets.at[0].subs, twice);
    mk_stmt(&m, y, mk_op(&m, OP_ADD, mk_read(&m, t, mk_at(&m, n), NULL), mk_float(&m, 1)), n, NULL);
    float data[] = {1, 2, 3};
    expect_both(&m, (int64_t[]){3}, (const void *[]){data}, (double[]){2, 3, 4, 0, -1, -2, 8}, 7);
}

/* y[r, n] = 2 * (sum of x[r, e] with e <= n), through a temporary that a scan makes. */
static void scans_on_demand(void **s) {
    (void)s;
    Maker m = maker_new();
    Expr *R = mk_dim(&m, "R"), *N = mk_dim(&m, "N");
    Tensor *x = mk_tensor(&m, TR_INPUT, DT_I32, R, N, NULL), *t = mk_tensor(&m, TR_TEMP, DT_I32, R, N, NULL);
    Tensor *y = mk_tensor(&m, TR_OUTPUT, DT_I32, R, N, NULL);
    Index *r = mk_range(&m, R), *n = mk_range(&m, N), *e = mk_range(&m, N), *p = mk_range(&m, R), *q = mk_range(&m, N);
    Expr *sum = mk_reduce(&m, CK_SUM, DT_I32, mk_read(&m, x, mk_at(&m, r), mk_at(&m, e), NULL), NULL, e, NULL);
    sum->reduce->scan = SCAN_LE;
    sum->reduce->along = n;
    mk_stmt(&m, t, sum, r, n, NULL);
    Expr *two = x_int(m.arena, DT_I32, 2, nowhere);
    mk_stmt(&m, y, mk_op(&m, OP_MUL, mk_read(&m, t, mk_at(&m, p), mk_at(&m, q), NULL), two), p, q, NULL);
    int32_t data[] = {1, 10, 100, 5, 50, 500};
    expect_both(&m, (int64_t[]){2, 3}, (const void *[]){data}, (double[]){2, 22, 222, 10, 110, 1110}, 6);
}

/* y[n] = 10 * x[n], x of policy clamp in 0..3. */
static void clamped_input(void **s) {
    (void)s;
    for (int gathered = 0; gathered < 2; gathered++) {
        Maker m = maker_new();
        Expr *N = mk_dim(&m, "N");
        Tensor *x = mk_tensor(&m, TR_INPUT, DT_I32, N, NULL), *y = mk_tensor(&m, TR_OUTPUT, DT_I32, N, NULL);
        x->lo = mk_int(&m, 0), x->hi = mk_int(&m, 3), x->policy = POLICY_CLAMP;
        Index *n = mk_range(&m, N);
        Expr *at = mk_at(&m, n);
        if (gathered) at = mk_op(&m, OP_MOD, mk_op(&m, OP_MUL, at, mk_int(&m, 5)), mk_int(&m, 4));   /* 0 1 2 3, not affine */
        mk_stmt(&m, y, mk_op(&m, OP_MUL, mk_read(&m, x, at, NULL), x_int(m.arena, DT_I32, 10, nowhere)), n, NULL);
        int32_t data[] = {-5, 1, 2, 9};
        expect_both(&m, (int64_t[]){4}, (const void *[]){data}, (double[]){0, 10, 20, 20}, 4);
    }
}

static FnInst *function(Maker *m, const char *name, Var *p, Var *q, Expr *body) {
    FnInst *f = NEW(m->arena, FnInst);
    *f = (FnInst){.name = name, .id = m->kernel->fns.n, .type = body->type, .body = body};
    vec_push(m->arena, &f->params, p);
    vec_push(m->arena, &f->params, q);
    vec_push(m->arena, &m->kernel->fns, f);
    return f;
}

static Expr *call(Maker *m, FnInst *f, Expr *x, Expr *y) {
    Expr *e = x_call(m->arena, f, nowhere);
    vec_push(m->arena, &e->args, x);
    vec_push(m->arena, &e->args, y);
    return e;
}

/* sub(a, b) = a - b; g(a, b) = sub(b, a) * 2; y[n] = g(sub(x[n], 1), g(3, x[n])): the same parameters twice, one call in the other's
 * arguments. With x: g(3, x) = 2 (x - 3); y = 2 (2 (x - 3) - (x - 1)) = 2 x - 10. */
static void calls(void **s) {
    (void)s;
    Maker m = maker_new();
    Expr *N = mk_dim(&m, "N");
    Tensor *x = mk_tensor(&m, TR_INPUT, DT_F32, N, NULL);
    mk_tensor(&m, TR_OUTPUT, DT_F32, N, NULL);
    Index *n = mk_range(&m, N);
    Var *a = mk_var(&m, "a", DT_F32), *b = mk_var(&m, "b", DT_F32), *c = mk_var(&m, "a", DT_F32), *d = mk_var(&m, "b", DT_F32);
    FnInst *sub = function(&m, "sub", a, b, mk_op(&m, OP_SUB, x_var(m.arena, a, nowhere), x_var(m.arena, b, nowhere)));
    Expr *turned = call(&m, sub, x_var(m.arena, d, nowhere), x_var(m.arena, c, nowhere));
    FnInst *g = function(&m, "g", c, d, mk_op(&m, OP_MUL, turned, mk_float(&m, 2)));
    Expr *xn = mk_read(&m, x, mk_at(&m, n), NULL);
    mk_stmt(&m, m.kernel->outputs.at[0], call(&m, g, call(&m, sub, xn, mk_float(&m, 1)), call(&m, g, mk_float(&m, 3), xn)), n, NULL);
    float data[] = {0, 5, -4};
    expect_both(&m, (int64_t[]){3}, (const void *[]){data}, (double[]){-10, 0, -18}, 3);
}

/* y[d] = sum[l in 0..L] table[id[l], d + 1] with ranges over a stretch of hoisted subscripts; by a plain loop. */
static void gathered_rows(void **s) {
    (void)s;
    enum { V = 90, D = 33, L = 1200 };
    static float table[V][D + 1];
    static int32_t id[L];
    double want[D] = {0};
    for (int v = 0; v < V; v++)
        for (int d = 0; d <= D; d++) table[v][d] = (float)(random() % 64 - 32);
    for (int l = 0; l < L; l++) id[l] = (int32_t)(random() % V);
    for (int l = 0; l < L; l++)
        for (int d = 0; d < D; d++) want[d] += table[id[l]][d + 1];
    Maker m = maker_new();
    Expr *eV = mk_dim(&m, "V"), *eD = mk_dim(&m, "D"), *eL = mk_dim(&m, "L"), *one = mk_int(&m, 1);
    Tensor *t = mk_tensor(&m, TR_INPUT, DT_F32, eV, mk_op(&m, OP_ADD, eD, one), NULL), *ti = mk_tensor(&m, TR_INPUT, DT_I32, eL, NULL);
    Tensor *y = mk_tensor(&m, TR_OUTPUT, DT_F32, eD, NULL);
    Index *d = mk_range(&m, eD), *l = mk_range(&m, eL);
    Expr *row = mk_to(&m, DT_I64, mk_read(&m, ti, mk_at(&m, l), NULL));
    Expr *read = mk_read(&m, t, row, mk_op(&m, OP_ADD, mk_at(&m, d), one), NULL);
    mk_stmt(&m, y, mk_reduce(&m, CK_SUM, DT_F32, read, NULL, l, NULL), d, NULL);
    expect_both(&m, (int64_t[]){V, D, L}, (const void *[]){table, id}, want, D);
}

/* Counting operations reads nothing that is not there: k[n] = x[n] + 1; y[m] = sum[n in 0..k[m] | k[n] > 1] k[n]. */
static void counts_before_values(void **s) {
    (void)s;
    Maker m = maker_new();
    Expr *N = mk_dim(&m, "N");
    Tensor *x = mk_tensor(&m, TR_INPUT, DT_I64, N, NULL), *k = mk_tensor(&m, TR_TEMP, DT_I64, N, NULL);
    Tensor *y = mk_tensor(&m, TR_OUTPUT, DT_I64, N, NULL);
    for (int ragged = 0; ragged < 2; ragged++) {
        Index *i = mk_range(&m, N), *j = mk_range(&m, N);
        if (!ragged) mk_stmt(&m, k, mk_op(&m, OP_ADD, mk_read(&m, x, mk_at(&m, i), NULL), mk_int(&m, 1)), i, NULL);
        Index *n = mk_range(&m, ragged ? mk_read(&m, k, mk_at(&m, j), NULL) : N);
        Expr *value = mk_read(&m, k, mk_at(&m, n), NULL), *pred = mk_op(&m, OP_GT, mk_read(&m, k, mk_at(&m, n), NULL), mk_int(&m, 1));
        Tensor *to = ragged ? y : mk_tensor(&m, TR_TEMP, DT_I64, N, NULL);
        mk_stmt(&m, to, mk_reduce(&m, CK_SUM, DT_I64, value, pred, n, NULL), j, NULL);
    }
    int64_t data[] = {0, 1, 2}, dims[] = {3};
    Eval *e = made(&m, dims, (const void *[]){data});
    assert_true(eval_operations(e) >= 3);
    expect_both(&m, dims, (const void *[]){data}, (double[]){0, 2, 5}, 3);
}

/* f64: sums in several orders and functions against long double; the reference's own rounding is part of the bound. */
static void doubles(void **s) {
    (void)s;
    enum { ROWS = 30, N = 300 };
    static double x[ROWS][N];
    Maker m = maker_new();
    Expr *R = mk_dim(&m, "R"), *D = mk_dim(&m, "D");
    Tensor *t = mk_tensor(&m, TR_INPUT, DT_F64, R, D, NULL), *y = mk_tensor(&m, TR_OUTPUT, DT_F64, R, NULL);
    Tensor *z = mk_tensor(&m, TR_OUTPUT, DT_F64, R, D, NULL);
    Index *r = mk_range(&m, R), *d = mk_range(&m, D), *p = mk_range(&m, R), *q = mk_range(&m, D);
    mk_stmt(&m, y, mk_reduce(&m, CK_SUM, DT_F64, mk_read(&m, t, mk_at(&m, r), mk_at(&m, d), NULL), NULL, d, NULL), r, NULL);
    mk_stmt(&m, z, mk_op(&m, OP_EXP, mk_read(&m, t, mk_at(&m, p), mk_at(&m, q), NULL), NULL), p, q, NULL);
    for (int i = 0; i < ROWS * N; i++) x[i / N][i % N] = ((double)random() / 0x1p30 - 1) + (double)random() / 0x1p62;
    Eval *e = made(&m, (int64_t[]){ROWS, N}, (const void *[]){x});
    eval_all(e);
    EvalArray a = eval_array(e, y), b = eval_array(e, z);
    int refused = 0;
    for (int i = 0; i < ROWS; i++) {
        long double exact = 0;
        double up = 0, down = 0;
        for (int k = 0; k < N; k++) exact += x[i][k], up += x[i][k], down += x[i][N - 1 - k];
        assert_true(a.err[i] > 0 && a.err[i] < 1e-10);
        assert_true(fabs(up - a.value[i]) <= a.err[i] && fabs(down - a.value[i]) <= a.err[i]);
        assert_true(fabsl(exact - a.value[i]) <= a.err[i]);
        refused += fabs(up - (double)(float)x[i][0] + x[i][0] - a.value[i]) > a.err[i];      /* one term went through f32 */
    }
    assert_true(refused >= ROWS - 2);
    for (int i = 0; i < ROWS * N; i++) {
        double ulp = ldexp(1, ilogb(exp(x[i / N][i % N])) - 52);
        assert_true(fabsl(expl(x[i / N][i % N]) - b.value[i]) <= b.err[i]);
        assert_true(fabs(exp(x[i / N][i % N]) + ulp - b.value[i]) <= b.err[i] && b.err[i] < 8 * ulp);
    }
    arena_free(m.arena);
}

/* The columns' own exp is within 1 ULP of double, and ends where it must. */
static void own_exp(void **s) {
    (void)s;
    double worst = 0;
    for (int k = 0; k < 400000; k++) {
        double u = (double)random() / 0x1p30 - 1 + (double)random() / 0x1p61;
        double x = u * (k % 4 == 0 ? 708 : k % 4 == 1 ? 20 : k % 4 == 2 ? 0.5 : ldexp(1, -k % 60));
        long double exact = expl(x);
        worst = fmax(worst, (double)(fabsl(op_exp(x) - exact) / ldexpl(1, ilogbl(exact) - 52)));
    }
    if (!(worst < 1 && worst > 0.5)) fail_msg("%g ULP", worst);
    for (double x = -708; x > -746; x -= 0.0037) assert_true(fabsl(op_exp(x) - expl(x)) <= 0x1p-1074);
    assert_true(op_exp(0) == 1 && op_exp(-0.0) == 1 && op_exp(INFINITY) == INFINITY && op_exp(-INFINITY) == 0 && isnan(op_exp(NAN)));
    assert_true(isfinite(op_exp(0x1.62e42fefa39efp9)) && isinf(op_exp(0x1.62e42fefa39fp9)) && op_exp(1e308) == INFINITY && op_exp(-1e308) == 0);
}

/* The largest of exact numbers: a nan wins, a zero keeps its sign. */
static void largest(void **s) {
    (void)s;
    enum { N = 70 };
    for (int c = 0; c < 4; c++) {
        float x[N];
        for (int k = 0; k < N; k++) x[k] = c == 3 ? -(float)((k * 37) % N) - 1 : c ? -1 : (float)((k * 37) % N);
        if (c == 1) x[40] = NAN;
        if (c == 2) x[13] = -0.0f, x[69] = 0.0f;
        Maker m = maker_new();
        Expr *D = mk_dim(&m, "D");
        Tensor *t = mk_tensor(&m, TR_INPUT, DT_F32, D, NULL), *y = mk_tensor(&m, TR_OUTPUT, DT_F32, NULL);
        Index *d = mk_range(&m, D);
        mk_stmt(&m, y, mk_reduce(&m, CK_MAX, DT_F32, mk_read(&m, t, mk_at(&m, d), NULL), NULL, d, NULL), NULL);
        Eval *e = made(&m, (int64_t[]){N}, (const void *[]){x});
        eval_all(e);
        EvalArray a = eval_array(e, y);
        assert_true(!a.err || a.err[0] == 0);
        if (c == 0) assert_true(a.value[0] == N - 1);
        if (c == 1) assert_true(isnan(a.value[0]));
        if (c == 2) assert_true(a.value[0] == 0 && !signbit(a.value[0]));
        if (c == 3) assert_true(a.value[0] == -1);
        arena_free(m.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces), cmocka_unit_test(scans_on_demand), cmocka_unit_test(clamped_input), cmocka_unit_test(calls),
        cmocka_unit_test(gathered_rows), cmocka_unit_test(counts_before_values), cmocka_unit_test(doubles), cmocka_unit_test(own_exp),
        cmocka_unit_test(largest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
