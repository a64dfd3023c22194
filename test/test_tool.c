/* The parts of the command that need no compiler: .npy files, dims, comparison, exactness, made inputs. */
#include "dsl/kernel_build.h"
#include "tool/compare.h"
#include "tool/exact.h"
#include "tool/child.h"
#include "tool/bind.h"
#include "tool/inputs.h"
#include "tool/npy.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const Span nowhere;

static void out_of_memory(void *context, const char *why) {
    (void)context;
    fail_msg("%s", why);
    abort();
}

static Arena *arena(void) { return arena_new(0, out_of_memory, NULL); }

/* --- .npy --- */

static void test_npy_types(void **state) {
    (void)state;
    Arena *a = arena();
    char path[] = "/tmp/knyfe-test-XXXXXX";
    close(mkstemp(path));
    for (int t = 0; t < DT_COUNT; t++)
        for (int rank = 0; rank <= ARRAY_RANK_MAX; rank += rank < 2 ? 1 : 6) {
            Array x = {.type = (DType)t, .rank = rank, .n = 1};
            for (int i = 0; i < rank; i++) x.n *= x.extent[i] = i < 2 ? 3 - i : 1;
            unsigned char data[64];
            for (int i = 0; i < 64; i++) data[i] = t == DT_BOOL ? i & 1 : (unsigned char)(i * 37 + 11);
            x.data = data;
            assert_null(npy_write(a, path, &x));
            Array y = {0};
            const char *why = npy_read(a, path, (DType)t, &y);
            assert_null(why);
            assert_int_equal(y.rank, rank);
            assert_int_equal(y.n, x.n);
            assert_memory_equal(y.data, data, array_bytes(&x));
            FILE *f = fopen(path, "rb");
            char head[10];
            assert_int_equal(fread(head, 1, 10, f), 10);
            fclose(f);
            assert_int_equal((10 + (unsigned char)head[8] + 256 * (unsigned char)head[9]) % 64, 0);
        }
    unlink(path);
    arena_free(a);
}

/* Every file made by cutting a good one short, and by changing one byte of its header, is read or refused: never more. */
static void test_npy_hostile(void **state) {
    (void)state;
    Arena *a = arena();
    char path[] = "/tmp/knyfe-test-XXXXXX";
    close(mkstemp(path));
    float v[6] = {1, 2, 3, 4, 5, 6};
    Array x = {.type = DT_F32, .rank = 2, .extent = {2, 3}, .n = 6, .data = v}, y;
    assert_null(npy_write(a, path, &x));
    char good[512];
    FILE *f = fopen(path, "rb");
    size_t n = fread(good, 1, sizeof good, f);
    fclose(f);
    for (size_t cut = 0; cut < n; cut++) {
        f = fopen(path, "wb");
        fwrite(good, 1, cut, f);
        fclose(f);
        assert_non_null(npy_read(a, path, DT_F32, &y));
    }
    int read = 0, refused = 0;
    for (size_t at = 0; at < 128; at++)
        for (int flip = 1; flip < 256; flip = flip * 3 + 1) {
            char bad[512];
            memcpy(bad, good, n);
            bad[at] = (char)(bad[at] ^ flip);
            f = fopen(path, "wb");
            fwrite(bad, 1, n, f);
            fclose(f);
            const char *why = npy_read(a, path, DT_F32, &y);
            if (why) refused++;
            else read += y.n == 6;
        }
    assert_true(refused > 100 && read > 0);
    unlink(path);
    arena_free(a);
}

/* --- dims --- */

typedef struct Shape { Kernel *k; Tensor *t; Expr *b, *h; Arena *a; } Shape;

static Shape shape(void) {
    Shape s = {.a = arena()};
    s.k = NEW(s.a, Kernel);
    for (int i = 0; i < 2; i++) {
        Dim *d = NEW(s.a, Dim);
        *d = (Dim){i ? "H" : "B", i, nowhere};
        vec_push(s.a, &s.k->dims, d);
        *(i ? &s.h : &s.b) = x_dim(s.a, d, nowhere);
    }
    s.t = NEW(s.a, Tensor);
    *s.t = (Tensor){.name = "x", .rank = 2, .shape = NEW_ARRAY(s.a, Expr *, 2)};
    return s;
}

static Expr *lit(Shape *s, int64_t i) { return x_int(s->a, DT_I64, i, nowhere); }

static void test_bind(void **state) {
    (void)state;
    Shape s = shape();
    /* x: [2 * B + H - 1, H] */
    s.t->shape[0] = x_op(s.a, OP_SUB, x_op(s.a, OP_ADD, x_op(s.a, OP_MUL, lit(&s, 2), s.b, NULL, nowhere), s.h, NULL, nowhere), lit(&s, 1), NULL, nowhere);
    s.t->shape[1] = s.h;
    int64_t dims[2] = {DIM_UNKNOWN, DIM_UNKNOWN}, good[2] = {14, 5}, odd[2] = {13, 5}, below[2] = {2, 5};
    assert_null(kernel_bind_dims(s.k, s.t, good, dims, s.a));
    assert_int_equal(dims[0], 5);
    assert_int_equal(dims[1], 5);
    assert_null(kernel_bind_dims(s.k, s.t, good, dims, s.a));
    assert_non_null(kernel_bind_dims(s.k, s.t, odd, dims, s.a));
    dims[0] = dims[1] = DIM_UNKNOWN;
    assert_non_null(kernel_bind_dims(s.k, s.t, odd, dims, s.a));
    dims[0] = dims[1] = DIM_UNKNOWN;
    assert_non_null(kernel_bind_dims(s.k, s.t, below, dims, s.a));
    arena_free(s.a);
}

static void test_dims_value(void **state) {
    (void)state;
    Shape s = shape();
    static const struct { Op op; int64_t x, y, r; } cases[] = {
        {OP_FLOORDIV, -7, 2, -4}, {OP_FLOORDIV, 7, -2, -4}, {OP_FLOORDIV, 7, 0, 0}, {OP_MOD, -7, 3, 2}, {OP_MOD, 7, -3, -2}, {OP_MOD, 7, 0, 7},
        {OP_MIN, 3, -3, -3}, {OP_MAX, 3, -3, 3}, {OP_LE, 3, 3, 1}, {OP_LT, 3, 3, 0}, {OP_MOD, INT64_MIN, -1, 0}};
    int64_t v, dims[2] = {DIM_UNKNOWN, 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(expr_dims_value(x_op(s.a, cases[i].op, lit(&s, cases[i].x), lit(&s, cases[i].y), NULL, nowhere), dims, &v));
        assert_int_equal(v, cases[i].r);
    }
    assert_false(expr_dims_value(s.b, dims, &v));
    assert_true(expr_dims_value(s.h, dims, &v) && v == 3);
    assert_false(expr_dims_value(x_op(s.a, OP_ADD, lit(&s, INT64_MAX), lit(&s, 1), NULL, nowhere), dims, &v));
    assert_false(expr_dims_value(x_op(s.a, OP_MUL, lit(&s, INT64_MAX), lit(&s, 2), NULL, nowhere), dims, &v));
    assert_false(expr_dims_value(x_op(s.a, OP_FLOORDIV, lit(&s, INT64_MIN), lit(&s, -1), NULL, nowhere), dims, &v));
    arena_free(s.a);
}

/* --- comparison --- */

static double ratio(float y, double r, double e) {
    Array a = {.type = DT_F32, .rank = 0, .n = 1, .data = &y};
    Expected x = {1, NULL, &r, NULL, &e};
    return compare_element(&a, &x, 0, false);
}

static void test_compare_floats(void **state) {
    (void)state;
    assert_true(ratio(1, 1, 0) == 0);
    assert_true(ratio(1.5f, 1, 0.5) == 1);
    assert_true(ratio(1.75f, 1, 0.5) > 1);
    assert_true(ratio(nextafterf(1, 2), 1, 0) > 1);
    assert_true(ratio(NAN, 1, 0.5) > 1);
    assert_true(ratio(1, NAN, 0.5) > 1);
    assert_true(ratio(NAN, NAN, 0) == 0);
    assert_true(ratio(INFINITY, INFINITY, 0) == 0);
    assert_true(ratio(-INFINITY, INFINITY, 0.5) > 1);
    assert_true(ratio(INFINITY, 1e30, 1e20) > 1);
    assert_true(ratio(1e30f, INFINITY, 0) > 1);
    assert_true(ratio(7, NAN, INFINITY) == 0);
}

static void test_compare_calls(void **state) {
    (void)state;
    float y[2][8];
    double r[8] = {0}, e[8] = {0};
    for (int i = 0; i < 8; i++)
        for (int c = 0; c < 2; c++) y[c][i] = (float)(r[i] = i * 0.5);
    Array a[2] = {{.type = DT_F32, .rank = 1, .extent = {8}, .n = 8, .data = y[0]}, {.type = DT_F32, .rank = 1, .extent = {8}, .n = 8, .data = y[1]}};
    Expected x = {8, NULL, r, NULL, e};
    Comparison c = compare_both(&a[0], &a[1], &x, false);
    assert_true(compare_ok(&c));
    y[1][3] = 9;
    c = compare_both(&a[0], &a[1], &x, false);
    assert_false(compare_ok(&c));
    assert_int_equal(c.unequal, 1);
    assert_int_equal(c.first_unequal, 3);
    y[1][3] = y[0][3];
    for (int i = 0; i < 2; i++) child_poison(DT_F32, i, &y[i][7]);
    r[7] = NAN;                    /* a poison nan does not pass for an expected one */
    c = compare_both(&a[0], &a[1], &x, false);
    assert_false(compare_ok(&c));
    assert_int_equal(c.unwritten, 1);
    r[7] = 3.5;
    for (int i = 0; i < 8; i++) e[i] = 1;
    for (int c2 = 0; c2 < 2; c2++) y[c2][7] = 3.5;
    c = compare_both(&a[0], &a[1], &x, false);
    assert_true(compare_ok(&c) && c.loose == 8);
}

/* --- exactness, inputs --- */

/* y[i] = sum[d in 0..n] x[d] * x[d] in type t. */
static Kernel *square_sum(Arena *a, DType t, int64_t n, bool root) {
    Kernel *k = NEW(a, Kernel);
    Tensor *x = NEW(a, Tensor), *y = NEW(a, Tensor);
    Expr **extent = NEW_ARRAY(a, Expr *, 1);
    extent[0] = x_int(a, DT_I64, n, nowhere);
    *x = (Tensor){.name = "x", .id = 0, .role = TR_INPUT, .type = t, .rank = 1, .shape = extent};
    *y = (Tensor){.name = "y", .id = 1, .role = TR_OUTPUT, .type = t};
    vec_push(a, &k->tensors, x);
    vec_push(a, &k->tensors, y);
    vec_push(a, &k->params, x);
    vec_push(a, &k->outputs, y);
    Index *d = NEW(a, Index);
    *d = (Index){"d", 0, x_int(a, DT_I64, 0, nowhere), extent[0], nowhere};
    Expr *rd = x_read(a, x, nowhere);
    vec_push(a, &rd->args, x_index(a, d, nowhere));
    Reduce *r = NEW(a, Reduce);
    r->comb = NEW(a, Comb);
    *r->comb = (Comb){.kind = CK_SUM, .type = t};
    vec_push(a, &r->idx, d);
    Expr *product = x_op(a, OP_MUL, rd, rd, NULL, nowhere);
    vec_push(a, &r->operands, root ? x_op(a, OP_SQRT, product, NULL, NULL, nowhere) : product);
    Stmt *s = NEW(a, Stmt);
    Target to = {y, {0}, nowhere};
    vec_push(a, &s->targets, to);
    s->value = x_reduce(a, r, t, nowhere);
    vec_push(a, &k->stmts, s);
    k->n_indices = 1;
    return k;
}

static void test_exact(void **state) {
    (void)state;
    Arena *a = arena();
    bool exact;
    int64_t none[1] = {0};
    assert_int_equal(exact_amplitude(a, square_sum(a, DT_F32, 1000, false), none, NULL, &exact), 8);
    assert_true(exact);
    assert_int_equal(exact_amplitude(a, square_sum(a, DT_F32, 1 << 20, false), none, NULL, &exact), 4);    /* 4 * 4 * 2^20 = 2^24 */
    assert_int_equal(exact_amplitude(a, square_sum(a, DT_F32, (1 << 24) + 1, false), none, NULL, &exact), 0);
    assert_false(exact);
    assert_int_equal(exact_amplitude(a, square_sum(a, DT_F64, (1 << 24) + 1, false), none, NULL, &exact), 8);
    assert_int_equal(exact_amplitude(a, square_sum(a, DT_F32, 4, true), none, NULL, &exact), 0);
    arena_free(a);
}

static void test_inputs(void **state) {
    (void)state;
    Arena *a = arena();
    Kernel *k = square_sum(a, DT_F32, 4096, false);
    InputPlan plan = {.style = STYLE_NORMAL, .seed = 1};
    Array x, y;
    assert_null(inputs_make(a, k, NULL, &plan, &x));
    double sum = 0, square = 0;
    int zeros = 0;
    for (int i = 0; i < 4096; i++) {
        double v = ((float *)x.data)[i];
        sum += v;
        square += v * v;
        zeros += v == 0;
    }
    assert_true(fabs(sum / 4096) < 0.08 && fabs(square / 4096 - 1) < 0.1 && zeros == 0);
    assert_null(inputs_make(a, k, NULL, &plan, &y));
    assert_memory_equal(x.data, y.data, 4 * 4096);
    plan.seed = 2;
    assert_null(inputs_make(a, k, NULL, &plan, &y));
    assert_memory_not_equal(x.data, y.data, 64);
    arena_free(a);
}

static void test_scalars(void **state) {
    (void)state;
    char at[8];
    assert_true(bind_scalar(DT_F32, "1e-5", at) && bind_scalar(DT_F32, "-inf", at) && bind_scalar(DT_I8, "-128", at) && bind_scalar(DT_BOOL, "true", at));
    assert_false(bind_scalar(DT_F32, "1e60", at));
    assert_false(bind_scalar(DT_F32, "1x", at));
    assert_false(bind_scalar(DT_I8, "128", at));
    assert_false(bind_scalar(DT_I64, "9223372036854775808", at));
    assert_false(bind_scalar(DT_I32, "1.5", at));
    assert_false(bind_scalar(DT_BOOL, "2", at));
    assert_false(bind_scalar(DT_F64, "", at));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_npy_types),      cmocka_unit_test(test_npy_hostile), cmocka_unit_test(test_bind),    cmocka_unit_test(test_dims_value),
        cmocka_unit_test(test_compare_floats), cmocka_unit_test(test_compare_calls), cmocka_unit_test(test_exact), cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_scalars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
