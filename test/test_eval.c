/* The oracle: values worked out by hand, and bounds that hold for right implementations and are not vacuous. */
#include "test/eval_build.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

/* --- helpers ------------------------------------------------------------------------------------------------------------ */

static bool same(double a, double b) { return isnan(a) ? isnan(b) : a == b; }

static Eval *evaluated(Maker *m, const int64_t *dims, const void *const *in) {
    const char *why = NULL;
    Eval *e = eval_new(m->arena, m->kernel, dims, in, NULL, &why);
    assert_null(why);
    assert_int_equal(eval_facts(e, NULL), -1);
    eval_all(e);
    return e;
}

/* The output, float or integer, equals `want` exactly and with no bound. */
static void expect_exact(Maker *m, const int64_t *dims, const void *const *in, const double *want, int n) {
    EvalArray a = eval_array(evaluated(m, dims, in), m->kernel->outputs.at[0]);
    assert_int_equal(a.n, n);
    for (int k = 0; k < n; k++) {
        double got = a.value ? a.value[k] : (double)a.ivalue[k], e = a.err ? a.err[k] : 0;
        if (!same(got, want[k]) || e != 0) fail_msg("element %d: %.17g +- %g, expected %.17g", k, got, e, want[k]);
    }
    arena_free(m->arena);
}

/* A kernel with dim N, f32 x[N], and y[n] = value, n in 0..N. */
typedef struct Unary { Maker m; Expr *N; Tensor *x, *y; Index *n; Expr *xn; } Unary;
static Unary unary(DType in, DType out) {
    Unary u = {.m = maker_new()};
    u.N = mk_dim(&u.m, "N");
    u.x = mk_tensor(&u.m, TR_INPUT, in, u.N, NULL);
    u.y = mk_tensor(&u.m, TR_OUTPUT, out, u.N, NULL);
    u.n = mk_range(&u.m, u.N);
    u.xn = mk_read(&u.m, u.x, mk_at(&u.m, u.n), NULL);
    return u;
}
static void unary_exact(Unary *u, Expr *value, const void *x, int64_t n, const double *want) {
    mk_stmt(&u->m, u->y, value, u->n, NULL);
    expect_exact(&u->m, &n, &x, want, (int)n);
}
static EvalArray unary_run(Unary *u, Expr *value, const void *x, int64_t n) {
    mk_stmt(&u->m, u->y, value, u->n, NULL);
    return eval_array(evaluated(&u->m, &n, &x), u->y);
}

static double normal(void) {
    double s = 0;
    for (int k = 0; k < 12; k++) s += (double)random() / 0x1p31;
    return s - 6;
}

/* --- values ------------------------------------------------------------------------------------------------------------- */

static void integer_arithmetic(void **s) {
    (void)s;
    int32_t x[] = {7, -7, INT32_MAX, INT32_MIN, 0};
    struct { Op op; int32_t by; double want[5]; } c[] = {
        {OP_ADD, 1, {8, -6, INT32_MIN, INT32_MIN + 1.0, 1}},
        {OP_MUL, 2, {14, -14, -2, 0, 0}},
        {OP_FLOORDIV, 2, {3, -4, 1073741823, -1073741824, 0}},
        {OP_FLOORDIV, -2, {-4, 3, -1073741824, 1073741824, 0}},
        {OP_FLOORDIV, 0, {0, 0, 0, 0, 0}},
        {OP_FLOORDIV, -1, {-7, 7, -(double)INT32_MAX, INT32_MIN, 0}},
        {OP_MOD, 3, {1, 2, 1, 1, 0}},
        {OP_MOD, -3, {-2, -1, -2, -2, 0}},
        {OP_MOD, 0, {7, -7, INT32_MAX, INT32_MIN, 0}},
        {OP_SHL, 33, {14, -14, -2, 0, 0}},
        {OP_SHR, 1, {3, -4, 1073741823, -1073741824, 0}},
        {OP_BAND, 6, {6, 0, 6, 0, 0}},
        {OP_BXOR, -1, {-8, 6, INT32_MIN, INT32_MAX, -1}},
        {OP_MIN, 1, {1, -7, 1, INT32_MIN, 0}}};
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        Unary u = unary(DT_I32, DT_I32);
        unary_exact(&u, mk_op(&u.m, c[k].op, u.xn, x_int(u.m.arena, DT_I32, c[k].by, nowhere)), x, 5, c[k].want);
    }
    Unary u = unary(DT_I32, DT_I32);
    unary_exact(&u, mk_op(&u.m, OP_ABS, u.xn, NULL), x, 5, (double[]){7, 7, INT32_MAX, INT32_MIN, 0});
    u = unary(DT_I32, DT_I32);
    unary_exact(&u, mk_op(&u.m, OP_SIGN, u.xn, NULL), x, 5, (double[]){1, -1, 1, -1, 0});
}

static void conversions(void **s) {
    (void)s;
    float x[] = {2.5f, -2.5f, 3.7f, 1e10f, -1e10f, NAN, 127.5f, -0.4f};
    Unary u = unary(DT_F32, DT_I8);
    unary_exact(&u, mk_to(&u.m, DT_I8, u.xn), x, 8, (double[]){2, -2, 3, 127, -128, 0, 127, 0});
    u = unary(DT_F32, DT_I8);
    unary_exact(&u, x_sat(u.m.arena, DT_I8, u.xn, nowhere), x, 8, (double[]){2, -2, 4, 127, -128, 0, 127, 0});
    u = unary(DT_F32, DT_I32);
    unary_exact(&u, mk_to(&u.m, DT_I32, u.xn), x, 8, (double[]){2, -2, 3, INT32_MAX, INT32_MIN, 0, 127, 0});
    int32_t i[] = {300, -129, 5};
    u = unary(DT_I32, DT_I8);
    unary_exact(&u, mk_to(&u.m, DT_I8, u.xn), i, 3, (double[]){44, 127, 5});
    u = unary(DT_I32, DT_U8);
    unary_exact(&u, x_sat(u.m.arena, DT_U8, u.xn, nowhere), i, 3, (double[]){255, 0, 5});
    u = unary(DT_F32, DT_F16);
    float h[] = {1 + 0x1p-11f, 1 + 0x1.8p-10f, 65519, 65520, 0x1p-25f, -0x1.8p-25f};
    unary_exact(&u, mk_to(&u.m, DT_F16, u.xn), h, 6, (double[]){1, 1 + 0x1p-9, 65504, INFINITY, 0, -0x1p-24});
    u = unary(DT_F32, DT_F8E4M3);
    float b[] = {464, 465, 1.0625f, INFINITY};
    unary_exact(&u, mk_to(&u.m, DT_F8E4M3, u.xn), b, 4, (double[]){448, NAN, 1, NAN});
    u = unary(DT_BOOL, DT_F32);
    uint8_t t[] = {1, 0};
    unary_exact(&u, mk_to(&u.m, DT_F32, u.xn), t, 2, (double[]){1, 0});
}

static void loads_every_type(void **s) {
    (void)s;
    for (int t = 0; t < DT_COUNT; t++) {
        int64_t n = dtype_table[t].bytes == 1 ? 256 : 65536, bytes = dtype_table[t].bytes;
        char *data = calloc((size_t)n, (size_t)bytes);
        double *want = malloc(sizeof(double) * (size_t)n);
        for (int64_t k = 0; k < n; k++) {
            uint64_t bits = bytes <= 2 ? (uint64_t)k : (uint64_t)k * 0x9e3779b97f4a7c15ull;
            if (t == DT_BOOL) bits &= 1;
            memcpy(data + k * bytes, &bits, (size_t)bytes);
            if (t == DT_I64) memset(data + k * bytes + 6, 0, 2);
            want[k] = dtype_is_float((DType)t) ? dtype_load_float((DType)t, data + k * bytes)
                                               : (double)dtype_load_int((DType)t, data + k * bytes);
        }
        Unary u = unary((DType)t, (DType)t);
        unary_exact(&u, u.xn, data, n, want);
        free(data);
        free(want);
    }
}

/* A narrowing rounds as dtype_round does, on every f32 of a dense sample. */
static void narrows_as_dtype_round(void **s) {
    (void)s;
    DType types[] = {DT_F16, DT_BF16, DT_F8E4M3, DT_F8E5M2};
    enum { COUNT = 1 << 16 };
    float *x = malloc(sizeof *x * COUNT);
    double *want = malloc(sizeof *want * COUNT);
    for (int t = 0; t < 4; t++) {
        for (uint32_t k = 0; k < COUNT; k++) {
            uint32_t bits = k << 16 | (uint32_t)(random() & 3) << 14;
            memcpy(&x[k], &bits, 4);
            want[k] = dtype_round(types[t], x[k]);
        }
        Unary u = unary(DT_F32, types[t]);
        unary_exact(&u, mk_to(&u.m, types[t], u.xn), x, COUNT, want);
    }
    free(x);
    free(want);
}

/* Guards protect accesses: x[n - 1] is read only where n > 0. pad and clamp need none. */
static void guards_pads_clamps(void **s) {
    (void)s;
    float x[] = {1, 2, 4, 8};
    Unary u = unary(DT_F32, DT_F32);
    Expr *before = mk_op(&u.m, OP_SUB, mk_at(&u.m, u.n), mk_int(&u.m, 1));
    Expr *cond = mk_op(&u.m, OP_GT, mk_at(&u.m, u.n), mk_int(&u.m, 0));
    Expr *guarded = x_if(u.m.arena, cond, mk_read(&u.m, u.x, before, NULL), mk_float(&u.m, -1), nowhere);
    unary_exact(&u, guarded, x, 4, (double[]){-1, 1, 2, 4});

    u = unary(DT_F32, DT_F32);
    Expr *pad = mk_read(&u.m, u.x, mk_op(&u.m, OP_ADD, mk_at(&u.m, u.n), mk_int(&u.m, 2)), NULL);
    pad->mode = READ_PAD;
    pad->pad = mk_float(&u.m, 9);
    unary_exact(&u, pad, x, 4, (double[]){4, 8, 9, 9});

    u = unary(DT_F32, DT_F32);
    Expr *clamp = mk_read(&u.m, u.x, mk_op(&u.m, OP_SUB, mk_at(&u.m, u.n), mk_int(&u.m, 2)), NULL);
    clamp->mode = READ_CLAMP;
    unary_exact(&u, clamp, x, 4, (double[]){1, 1, 1, 2});

    u = unary(DT_F32, DT_BOOL);
    Expr *read = mk_read(&u.m, u.x, mk_op(&u.m, OP_SUB, mk_at(&u.m, u.n), mk_int(&u.m, 1)), NULL);
    Expr *both = mk_op(&u.m, OP_AND, mk_op(&u.m, OP_GT, mk_at(&u.m, u.n), mk_int(&u.m, 0)),
                       mk_op(&u.m, OP_GT, read, mk_float(&u.m, 1.5)));
    unary_exact(&u, both, x, 4, (double[]){0, 0, 1, 1});
}

/* y[b] = kind[l in off[b]..off[b + 1]] x[l]: ragged, with an empty bag in the middle. */
static void ragged_reductions(void **s) {
    (void)s;
    float x[] = {1, 2, 4, -8, 16, -32};
    int32_t off[] = {0, 2, 2, 3, 6};
    struct { CombKind kind; double want[4]; } c[] = {
        {CK_SUM, {3, 0, 4, -24}}, {CK_PROD, {2, 1, 4, 4096}}, {CK_MAX, {2, -INFINITY, 4, 16}}, {CK_MIN, {1, INFINITY, 4, -32}},
        {CK_MEAN, {1.5, NAN, 4, -8}}, {CK_ARGMAX, {1, -1, 2, 4}}, {CK_ARGMIN, {0, -1, 2, 5}}};
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        Maker m = maker_new();
        Expr *B = mk_dim(&m, "B"), *L = mk_dim(&m, "L");
        bool arg = c[k].kind >= CK_ARGMAX;
        Tensor *tx = mk_tensor(&m, TR_INPUT, DT_F32, L, NULL);
        Tensor *to = mk_tensor(&m, TR_INPUT, DT_I32, mk_op(&m, OP_ADD, B, mk_int(&m, 1)), NULL);
        Tensor *y = mk_tensor(&m, TR_OUTPUT, arg ? DT_I64 : DT_F32, B, NULL);
        Index *b = mk_range(&m, B);
        Expr *next = mk_op(&m, OP_ADD, mk_at(&m, b), mk_int(&m, 1));
        Index *l = mk_index(&m, mk_to(&m, DT_I64, mk_read(&m, to, mk_at(&m, b), NULL)), mk_to(&m, DT_I64, mk_read(&m, to, next, NULL)));
        Expr *red = mk_reduce(&m, c[k].kind, DT_F32, mk_read(&m, tx, mk_at(&m, l), NULL), NULL, l, NULL);
        mk_stmt(&m, y, red, b, NULL);
        expect_exact(&m, (int64_t[]){4, 6}, (const void *[]){x, off}, c[k].want, 4);
    }
}

/* nan wins max and argmax at its first place; -0 is below +0. */
static void extremes(void **s) {
    (void)s;
    float x[3][4] = {{1, NAN, 5, NAN}, {-0.0f, 0.0f, -0.0f, -0.0f}, {3, 7, 7, -INFINITY}};
    struct { CombKind kind; double want[3]; } c[] = {
        {CK_MAX, {NAN, 0, 7}}, {CK_MIN, {NAN, 0, -INFINITY}}, {CK_ARGMAX, {1, 0, 1}}, {CK_ARGMIN, {1, 0, 3}}};
    for (int k = 0; k < 4; k++) {
        Maker m = maker_new();
        Expr *N = mk_dim(&m, "N"), *D = mk_dim(&m, "D");
        Tensor *tx = mk_tensor(&m, TR_INPUT, DT_F32, N, D, NULL);
        Tensor *y = mk_tensor(&m, TR_OUTPUT, c[k].kind >= CK_ARGMAX ? DT_I64 : DT_F32, N, NULL);
        Index *n = mk_range(&m, N), *d = mk_range(&m, D);
        mk_stmt(&m, y, mk_reduce(&m, c[k].kind, DT_F32, mk_read(&m, tx, mk_at(&m, n), mk_at(&m, d), NULL), NULL, d, NULL), n, NULL);
        EvalArray a = eval_array(evaluated(&m, (int64_t[]){3, 4}, (const void *[]){x}), y);
        for (int j = 0; j < 3; j++) assert_true(same(a.value ? a.value[j] : (double)a.ivalue[j], c[k].want[j]));
        if (c[k].kind == CK_MAX) assert_false(signbit(a.value[1]));
        if (c[k].kind == CK_MIN) assert_true(signbit(a.value[1]));
        arena_free(m.arena);
    }
}

/* y[i] = sum[j in 0..N | j <= i] x[j]: a predicate. Against a scan, and both against the sums by hand. */
static void predicates_and_scans(void **s) {
    (void)s;
    int32_t x[] = {1, 10, 100, 1000};
    double want[5][4] = {{1, 11, 111, 1111}, {0, 1, 11, 111}, {1, 11, 111, 1111}, {1110, 1100, 1000, 0}, {1111, 1110, 1100, 1000}};
    for (int rel = SCAN_NONE; rel <= SCAN_GE; rel++)
        for (int nested = 0; nested < 2; nested++) {
            Unary u = unary(DT_I32, DT_I32);
            Index *j = mk_range(&u.m, u.N);
            Expr *pred = rel == SCAN_NONE ? mk_op(&u.m, OP_LE, mk_at(&u.m, j), mk_at(&u.m, u.n)) : NULL;
            Expr *red = mk_reduce(&u.m, CK_SUM, DT_I32, mk_read(&u.m, u.x, mk_at(&u.m, j), NULL), pred, j, NULL);
            red->reduce->scan = (ScanRel)rel;
            red->reduce->along = rel ? u.n : NULL;
            if (nested) red = mk_op(&u.m, OP_ADD, red, x_int(u.m.arena, DT_I32, 0, nowhere));
            unary_exact(&u, red, x, 4, want[rel == SCAN_NONE ? 0 : rel == SCAN_LT ? 1 : rel == SCAN_LE ? 2 : rel == SCAN_GT ? 3 : 4]);
        }
}

/* h = a h + b, ordered: by hand, over rows; also as a scan. */
static Reduce *recurrence(Maker *m, Expr *a, Expr *b, Index *t) {
    Reduce *r = NEW(m->arena, Reduce);
    Comb *c = r->comb = NEW(m->arena, Comb);
    *c = (Comb){.kind = CK_USER, .type = DT_F32, .name = "recurrence", .ordered = true};
    Var *va = mk_var(m, "a", DT_F32), *vb = mk_var(m, "b", DT_F32), *p = mk_var(m, "p", DT_F32), *h = mk_var(m, "h", DT_F32);
    Var *op = mk_var(m, "o.p", DT_F32), *oh = mk_var(m, "o.h", DT_F32);
#define V(v) x_var(m->arena, v, nowhere)
    vec_push(m->arena, &c->inputs, va);
    vec_push(m->arena, &c->inputs, vb);
    vec_push(m->arena, &c->states, p);
    vec_push(m->arena, &c->states, h);
    vec_push(m->arena, &c->other, op);
    vec_push(m->arena, &c->other, oh);
    vec_push(m->arena, &c->init, mk_float(m, 1));
    vec_push(m->arena, &c->init, mk_float(m, 0));
    vec_push(m->arena, &c->step, ((Assign){p, mk_op(m, OP_MUL, V(p), V(va))}));
    vec_push(m->arena, &c->step, ((Assign){h, mk_op(m, OP_ADD, mk_op(m, OP_MUL, V(va), V(h)), V(vb))}));
    vec_push(m->arena, &c->merge, ((Assign){h, mk_op(m, OP_ADD, mk_op(m, OP_MUL, V(op), V(h)), V(oh))}));
    vec_push(m->arena, &c->merge, ((Assign){p, mk_op(m, OP_MUL, V(p), V(op))}));
    vec_push(m->arena, &c->final, V(h));
    vec_push(m->arena, &r->idx, t);
    vec_push(m->arena, &r->operands, a);
    vec_push(m->arena, &r->operands, b);
    return r;
}

static void user_combinators(void **s) {
    (void)s;
    float x[] = {1, 2, 3, 4};
    double last[] = {26}, all[] = {1, 4, 11, 26};
    for (int scan = 0; scan < 2; scan++) {
        Unary u = unary(DT_F32, DT_F32);
        if (!scan) u.m.kernel->outputs.n = 0;
        Tensor *y = scan ? u.y : mk_tensor(&u.m, TR_OUTPUT, DT_F32, NULL);
        Index *t = mk_range(&u.m, u.N);
        Reduce *r = recurrence(&u.m, mk_float(&u.m, 2), mk_read(&u.m, u.x, mk_at(&u.m, t), NULL), t);
        if (scan) r->scan = SCAN_LE, r->along = u.n;
        Expr *value = x_reduce(u.m.arena, r, DT_F32, nowhere);
        if (scan) mk_stmt(&u.m, y, value, u.n, NULL);
        else mk_stmt(&u.m, y, value, NULL);
        expect_exact(&u.m, (int64_t[]){4}, (const void *[]){x}, scan ? all : last, scan ? 4 : 1);
    }
}

/* Facts are found false at their first point. */
static void facts(void **s) {
    (void)s;
    Unary u = unary(DT_I32, DT_I32);
    Expr *cond = mk_op(&u.m, OP_GE, mk_to(&u.m, DT_I64, u.xn), mk_int(&u.m, 0));
    Fact f = {.kind = FACT_ASSUME, .cond = cond};
    vec_push(u.m.arena, &f.idx, u.n);
    vec_push(u.m.arena, &u.m.kernel->facts, f);
    mk_stmt(&u.m, u.y, u.xn, u.n, NULL);
    int32_t x[600] = {0};
    int64_t n = 600, point = -1;
    const void *in[] = {x};
    const char *why;
    Eval *e = eval_new(u.m.arena, u.m.kernel, &n, in, NULL, &why);
    assert_int_equal(eval_facts(e, &point), -1);
    x[411] = -1;
    assert_int_equal(eval_facts(e, &point), 0);
    assert_int_equal(point, 411);
    arena_free(u.m.arena);
}

/* --- bounds ------------------------------------------------------------------------------------------------------------- */

/* Dyadic and integer data have no bound: every partial sum is exact. One bit more, and there is one. */
static void exact_sums(void **s) {
    (void)s;
    for (int wide = 0; wide < 2; wide++) {
        Unary u = unary(DT_F32, DT_F32);
        Index *j = mk_range(&u.m, u.N);
        Expr *x = mk_read(&u.m, u.x, mk_at(&u.m, j), NULL);
        mk_stmt(&u.m, u.y, mk_reduce(&u.m, CK_SUM, DT_F32, mk_op(&u.m, OP_MUL, x, x), NULL, j, NULL), u.n, NULL);
        float data[1000];
        int64_t n = 1000;
        double sum = 0;
        for (int k = 0; k < n; k++) data[k] = (float)(random() % 256 - 128) * (wide ? 0.25f : 0x1p-20f), sum += (double)data[k] * data[k];
        if (wide) data[0] = 4097;
        EvalArray a = eval_array(evaluated(&u.m, &n, (const void *[]){data}), u.y);
        if (wide) assert_true(a.err && a.err[0] > 0);
        else assert_true(a.value[0] == sum && (!a.err || a.err[0] == 0));
        arena_free(u.m.arena);
    }
}

/* Sums and products of rows of n in float, three orders. */
static float sum_in_order(const float *x, int n) {
    float s = 0;
    for (int k = 0; k < n; k++) s += x[k];
    return s;
}
static float sum_in_pairs(const float *x, int n) {
    return n == 0 ? 0 : n == 1 ? x[0] : sum_in_pairs(x, n / 2) + sum_in_pairs(x + n / 2, n - n / 2);
}
static float sum_in_lanes(const float *x, int n) {
    float part[16] = {0};
    for (int k = 0; k < n; k++) part[k % 16] += x[k];
    return sum_in_pairs(part, 16);
}

typedef struct Ratio { double most; int bad; } Ratio;
static void judge(Ratio *r, double y, double value, double e) {
    double ratio = e == 0 ? (y == value ? 0 : INFINITY) : fabs(y - value) / e;
    if (!(ratio <= 1)) r->bad++;
    if (ratio > r->most) r->most = ratio;
}
static void not_vacuous(Ratio r, const char *what) {
    if (r.bad || r.most <= 0.001) fail_msg("%s: ratio %g, %d outside", what, r.most, r.bad);
}

static void sums_of_reals(void **s) {
    (void)s;
    enum { ROWS = 40, N = 200 };
    static float x[ROWS][N], y[ROWS][N], t[N];
    Maker m = maker_new();
    Expr *R = mk_dim(&m, "R"), *D = mk_dim(&m, "D");
    Tensor *tx = mk_tensor(&m, TR_INPUT, DT_F32, R, D, NULL), *ty = mk_tensor(&m, TR_INPUT, DT_F32, R, D, NULL);
    Tensor *out = mk_tensor(&m, TR_OUTPUT, DT_F32, R, NULL);
    Index *i = mk_range(&m, R), *d = mk_range(&m, D);
    Expr *product = mk_op(&m, OP_MUL, mk_read(&m, tx, mk_at(&m, i), mk_at(&m, d), NULL), mk_read(&m, ty, mk_at(&m, i), mk_at(&m, d), NULL));
    mk_stmt(&m, out, mk_reduce(&m, CK_SUM, DT_F32, product, NULL, d, NULL), i, NULL);
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < N; k++) x[r][k] = (float)normal(), y[r][k] = (float)normal();
    EvalArray a = eval_array(evaluated(&m, (int64_t[]){ROWS, N}, (const void *[]){x, y}), out);
    Ratio orders[4] = {0};
    int refused = 0;
    for (int r = 0; r < ROWS; r++) {
        float fused = 0;
        for (int k = 0; k < N; k++) t[k] = x[r][k] * y[r][k], fused = fmaf(x[r][k], y[r][k], fused);
        judge(&orders[0], sum_in_order(t, N), a.value[r], a.err[r]);
        judge(&orders[1], sum_in_pairs(t, N), a.value[r], a.err[r]);
        judge(&orders[2], sum_in_lanes(t, N), a.value[r], a.err[r]);
        judge(&orders[3], fused, a.value[r], a.err[r]);
        refused += fabs(sum_in_order(t, N - 1) - a.value[r]) > a.err[r];    /* the last term is missing */
    }
    not_vacuous(orders[0], "in order");
    not_vacuous(orders[2], "in lanes");
    for (int k = 0; k < 4; k++) assert_int_equal(orders[k].bad, 0);
    assert_true(refused >= ROWS - 2);
    arena_free(m.arena);
}

/* h = 0.9 h + x in float, stepped and merged from parts of 16: both within the bound; one element less is not. */
static void combinators_of_reals(void **s) {
    (void)s;
    enum { COUNT = 400, RUNS = 30 };
    Ratio steps = {0}, parts = {0};
    int refused = 0;
    for (int run = 0; run < RUNS; run++) {
        float x[COUNT], h = 0, part = 0, joined = 0, power = 1, less = 0;
        Unary u = unary(DT_F32, DT_F32);
        Tensor *y = mk_tensor(&u.m, TR_OUTPUT, DT_F32, NULL);
        Index *t = mk_range(&u.m, u.N);
        Reduce *r = recurrence(&u.m, mk_float(&u.m, 0.9), mk_read(&u.m, u.x, mk_at(&u.m, t), NULL), t);
        mk_stmt(&u.m, y, x_reduce(u.m.arena, r, DT_F32, nowhere), NULL);
        for (int k = 0; k < COUNT; k++) {
            x[k] = (float)normal();
            less = h;
            h = 0.9f * h + x[k];
            part = 0.9f * part + x[k];
            power *= 0.9f;
            if (k % 16 == 15) joined = power * joined + part, part = 0, power = 1;
        }
        EvalArray a = eval_array(evaluated(&u.m, (int64_t[]){COUNT}, (const void *[]){x}), y);
        judge(&steps, h, a.value[0], a.err[0]);
        judge(&parts, joined, a.value[0], a.err[0]);
        refused += fabs(less - a.value[0]) > a.err[0];
        arena_free(u.m.arena);
    }
    not_vacuous(steps, "stepped");
    not_vacuous(parts, "merged");
    assert_true(refused >= RUNS - 1);
}

/* y = exp(x) * 3 / (1 + x * x) in float against the bound; then the same off by one bound's step. */
static void elementwise_reals(void **s) {
    (void)s;
    enum { COUNT = 4000 };
    static float x[COUNT];
    for (int k = 0; k < COUNT; k++) x[k] = (float)(normal() * 3);
    Unary u = unary(DT_F32, DT_F32);
    Expr *top = mk_op(&u.m, OP_MUL, mk_op(&u.m, OP_EXP, u.xn, NULL), mk_float(&u.m, 3));
    Expr *low = mk_op(&u.m, OP_ADD, mk_float(&u.m, 1), mk_op(&u.m, OP_MUL, u.xn, u.xn));
    EvalArray a = unary_run(&u, mk_op(&u.m, OP_DIV, top, low), x, COUNT);
    Ratio plain = {0};
    for (int k = 0; k < COUNT; k++) {
        float v = expf(x[k]) * 3 / (1 + x[k] * x[k]);
        judge(&plain, v, a.value[k], a.err[k]);
        assert_true(a.err[k] < 8 * 0x1p-23 * fabs(a.value[k]));
        Ratio off = {0};
        judge(&off, a.value[k] + 1.001 * a.err[k], a.value[k], a.err[k]);
        assert_int_equal(off.bad, 1);
    }
    not_vacuous(plain, "elementwise");
    assert_true(plain.most > 0.2);
    arena_free(u.m.arena);
}

/* Every function of one argument: double rounded to float is within the bound, one more than 2 ULP away is not. */
static void functions_of_reals(void **s) {
    (void)s;
    enum { COUNT = 500 };
    static float x[COUNT];
    for (int op = 0; op < OP_COUNT; op++) {
        if (op_table[op].arity != 1 || op_table[op].ulp == 0 || op_table[op].syntax != OPS_CALL) continue;
        for (int k = 0; k < COUNT; k++) x[k] = (float)fabs(normal() * 0.2) + 0x1p-20f;
        if (op == OP_ACOS || op == OP_ASIN) for (int k = 0; k < COUNT; k++) x[k] = fmodf(x[k], 1);
        Unary u = unary(DT_F32, DT_F32);
        Expr *doubled = mk_op(&u.m, OP_MUL, u.xn, mk_float(&u.m, 0.7));     /* brings a bound into the argument */
        EvalArray a = unary_run(&u, mk_op(&u.m, (Op)op, doubled, NULL), x, COUNT);
        Ratio r = {0};
        for (int k = 0; k < COUNT; k++) {
            assert_true(a.err && isfinite(a.err[k]));
            Unary one = unary(DT_F32, DT_F32);
            float arg = x[k] * 0.7f;
            EvalArray b = unary_run(&one, mk_op(&one.m, (Op)op, one.xn, NULL), &arg, 1);
            judge(&r, (float)b.value[0], a.value[k], a.err[k]);
            assert_true(!b.err || b.err[0] <= 0x1.01p-23 * fabs(b.value[0]) + 0x1p-140);
            arena_free(one.m.arena);
        }
        not_vacuous(r, op_table[op].name);
        arena_free(u.m.arena);
    }
}

/* Near a step either side is right: floor(x * 0.1 * 10) at integers, and a comparison of the same. */
static void steps_within_the_bound(void **s) {
    (void)s;
    float x[] = {3, 7, 4.5f};
    Unary u = unary(DT_F32, DT_F32);
    Expr *near = mk_op(&u.m, OP_MUL, mk_op(&u.m, OP_MUL, u.xn, mk_float(&u.m, 0.1)), mk_float(&u.m, 10));
    EvalArray a = unary_run(&u, mk_op(&u.m, OP_FLOOR, near, NULL), x, 3);
    for (int k = 0; k < 2; k++) assert_true(a.err[k] == 1 && (a.value[k] == x[k] || a.value[k] == x[k] - 1));
    assert_true(a.value[2] == 4 && a.err[2] == 0);
    arena_free(u.m.arena);

    u = unary(DT_F32, DT_F32);
    near = mk_op(&u.m, OP_MUL, mk_op(&u.m, OP_MUL, u.xn, mk_float(&u.m, 0.1)), mk_float(&u.m, 10));
    Expr *cond = mk_op(&u.m, OP_LT, near, u.xn);
    a = unary_run(&u, x_if(u.m.arena, cond, mk_float(&u.m, 100), mk_float(&u.m, 5), nowhere), x, 3);
    for (int k = 0; k < 3; k++) assert_true(fabs(100 - a.value[k]) <= a.err[k] && fabs(5 - a.value[k]) <= a.err[k] && a.err[k] <= 95);
    arena_free(u.m.arena);
}

/* A store to f16 may be the neighbour only when the bound reaches over the tie. */
static void stores_to_half(void **s) {
    (void)s;
    enum { COUNT = 3000 };
    static float x[COUNT];
    for (int k = 0; k < COUNT; k++) x[k] = (float)normal();
    Unary u = unary(DT_F32, DT_F16);
    Expr *v = mk_op(&u.m, OP_MUL, mk_op(&u.m, OP_MUL, u.xn, mk_float(&u.m, 1.1)), mk_float(&u.m, 0.3));
    EvalArray a = unary_run(&u, mk_to(&u.m, DT_F16, v), x, COUNT);
    int exact = 0;
    for (int k = 0; k < COUNT; k++) {
        double y = dtype_round(DT_F16, (double)(x[k] * 1.1f * 0.3f));
        assert_true(fabs(y - a.value[k]) <= a.err[k]);
        exact += a.err[k] == 0;
    }
    assert_true(exact > COUNT * 9 / 10);
    arena_free(u.m.arena);
}

/* Infinities and nan by the mathematics, and overflow of the compute type. */
static void specials(void **s) {
    (void)s;
    float x[] = {0, -0.0f, INFINITY, NAN, 1e30f, 1e-30f};
    Unary u = unary(DT_F32, DT_F32);
    EvalArray a = unary_run(&u, mk_op(&u.m, OP_DIV, mk_float(&u.m, 1), u.xn), x, 4);
    double want[] = {INFINITY, -INFINITY, 0, NAN};
    for (int k = 0; k < 4; k++) assert_true(same(a.value[k], want[k]) && (!a.err || a.err[k] == 0));
    arena_free(u.m.arena);
    u = unary(DT_F32, DT_F32);
    a = unary_run(&u, mk_op(&u.m, OP_MUL, u.xn, u.xn), x, 6);
    assert_true(a.value[4] == INFINITY && a.err[4] == 0);
    assert_true(a.err[5] > 0 && a.err[5] <= 0x1p-149);
    arena_free(u.m.arena);
    u = unary(DT_F32, DT_F32);      /* 0 * x may be 1e-45 or so, and is divided by: nothing is known */
    Expr *tiny = mk_op(&u.m, OP_SUB, mk_op(&u.m, OP_MUL, u.xn, mk_float(&u.m, 0.1)), mk_op(&u.m, OP_MUL, u.xn, mk_float(&u.m, 0.1)));
    float one[] = {3};
    a = unary_run(&u, mk_op(&u.m, OP_DIV, mk_float(&u.m, 1), tiny), one, 1);
    assert_true(a.err[0] == INFINITY);
    arena_free(u.m.arena);
}

/* Points on demand are the same as the whole, and cost what they need. */
static void points_on_demand(void **s) {
    (void)s;
    float x[] = {5, 3, 8, 1};
    for (int whole = 0; whole < 2; whole++) {
        Unary u = unary(DT_F32, DT_F32);
        Tensor *t = mk_tensor(&u.m, TR_TEMP, DT_F32, u.N, NULL);
        Index *j = mk_range(&u.m, u.N);
        mk_stmt(&u.m, t, mk_op(&u.m, OP_ADD, mk_read(&u.m, u.x, mk_at(&u.m, j), NULL), mk_float(&u.m, 1)), j, NULL);
        mk_stmt(&u.m, u.y, mk_op(&u.m, OP_MUL, mk_read(&u.m, t, mk_at(&u.m, u.n), NULL), mk_float(&u.m, 2)), u.n, NULL);
        const char *why;
        int64_t n = 4, at[] = {3, 1, 3};
        Eval *e = eval_new(u.m.arena, u.m.kernel, &n, (const void *[]){x}, NULL, &why);
        assert_true(eval_operations(e) == 8);
        if (whole) eval_all(e);
        double v[3], err[3];
        eval_points(e, u.y, 3, at, v, NULL, err);
        assert_true(v[0] == 4 && v[1] == 8 && v[2] == 4 && err[0] == 0);
        arena_free(u.m.arena);
    }
}

static void zero_extents(void **s) {
    (void)s;
    Unary u = unary(DT_F32, DT_F32);
    unary_exact(&u, mk_op(&u.m, OP_EXP, u.xn, NULL), NULL, 0, NULL);
    const char *why = NULL;
    u = unary(DT_F32, DT_F32);
    mk_stmt(&u.m, u.y, u.xn, u.n, NULL);
    int64_t n = -3;
    assert_null(eval_new(u.m.arena, u.m.kernel, &n, (const void *[]){NULL}, NULL, &why));
    assert_non_null(strstr(why, "negative"));
    n = 1ll << 40;
    assert_null(eval_new(u.m.arena, u.m.kernel, &n, (const void *[]){NULL}, NULL, &why));
    assert_non_null(strstr(why, "GiB"));
    arena_free(u.m.arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integer_arithmetic), cmocka_unit_test(conversions), cmocka_unit_test(loads_every_type),
        cmocka_unit_test(narrows_as_dtype_round), cmocka_unit_test(guards_pads_clamps), cmocka_unit_test(ragged_reductions),
        cmocka_unit_test(extremes), cmocka_unit_test(predicates_and_scans), cmocka_unit_test(user_combinators),
        cmocka_unit_test(facts), cmocka_unit_test(exact_sums), cmocka_unit_test(sums_of_reals),
        cmocka_unit_test(combinators_of_reals), cmocka_unit_test(elementwise_reals), cmocka_unit_test(functions_of_reals), cmocka_unit_test(steps_within_the_bound),
        cmocka_unit_test(stores_to_half), cmocka_unit_test(specials), cmocka_unit_test(points_on_demand),
        cmocka_unit_test(zero_extents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
