/* Speed of the oracle, bounds included: scalar operations a second for a contraction, a convolution, a softmax and a ragged sum. */
#include "dsl/eval.h"
#include "test/eval_build.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void *random_array(Maker *m, DType t, int64_t n) {
    char *at = arena_alloc(m->arena, (size_t)n * (size_t)dtype_table[t].bytes);
    for (int64_t k = 0; k < n; k++)
        dtype_store(t, at + k * dtype_table[t].bytes, (double)random() / 0x1p30 - 1, 0);
    return at;
}

/* y[m, o] = max(sum[k] x[m, k] * w[o, k] + b[o], 0) */
static Kernel *fc(Maker *m, const void **in, int64_t *dims) {
    Expr *M = mk_dim(m, "M"), *K = mk_dim(m, "K"), *N = mk_dim(m, "N");
    dims[0] = 512, dims[1] = 1024, dims[2] = 1024;
    Tensor *x = mk_tensor(m, TR_INPUT, DT_F16, M, K, NULL), *w = mk_tensor(m, TR_INPUT, DT_F16, N, K, NULL);
    Tensor *b = mk_tensor(m, TR_INPUT, DT_F32, N, NULL), *y = mk_tensor(m, TR_OUTPUT, DT_F32, M, N, NULL);
    Tensor *s = mk_tensor(m, TR_TEMP, DT_F32, M, N, NULL);
    in[0] = random_array(m, DT_F16, dims[0] * dims[1]);
    in[1] = random_array(m, DT_F16, dims[2] * dims[1]);
    in[2] = random_array(m, DT_F32, dims[2]);
    Index *i = mk_range(m, M), *o = mk_range(m, N), *k = mk_range(m, K);
    Expr *product = mk_op(m, OP_MUL, mk_to(m, DT_F32, mk_read(m, x, mk_at(m, i), mk_at(m, k), NULL)),
                          mk_to(m, DT_F32, mk_read(m, w, mk_at(m, o), mk_at(m, k), NULL)));
    mk_stmt(m, s, mk_reduce(m, CK_SUM, DT_F32, product, NULL, k, NULL), i, o, NULL);
    Index *p = mk_range(m, M), *q = mk_range(m, N);
    Expr *sum = mk_op(m, OP_ADD, mk_read(m, s, mk_at(m, p), mk_at(m, q), NULL), mk_read(m, b, mk_at(m, q), NULL));
    mk_stmt(m, y, mk_op(m, OP_MAX, sum, mk_float(m, 0)), p, q, NULL);
    return m->kernel;
}

/* y[n, h, w, o] = sum[r in 0..3, s in 0..3, c] (x[n, h + r - 1, w + s - 1, c] pad 0) * f[r, s, c, o] */
static Kernel *conv2d(Maker *m, const void **in, int64_t *dims) {
    Expr *N = mk_dim(m, "N"), *H = mk_dim(m, "H"), *W = mk_dim(m, "W"), *C = mk_dim(m, "C"), *O = mk_dim(m, "O");
    dims[0] = 2, dims[1] = 56, dims[2] = 56, dims[3] = 64, dims[4] = 64;
    Expr *three = mk_int(m, 3);
    Tensor *x = mk_tensor(m, TR_INPUT, DT_F16, N, H, W, C, NULL), *f = mk_tensor(m, TR_INPUT, DT_F16, three, three, C, O, NULL);
    Tensor *y = mk_tensor(m, TR_OUTPUT, DT_F32, N, H, W, O, NULL);
    in[0] = random_array(m, DT_F16, 2 * 56 * 56 * 64);
    in[1] = random_array(m, DT_F16, 9 * 64 * 64);
    Index *n = mk_range(m, N), *h = mk_range(m, H), *w = mk_range(m, W), *o = mk_range(m, O);
    Index *r = mk_range(m, three), *s = mk_range(m, three), *c = mk_range(m, C);
    Expr *row = mk_op(m, OP_SUB, mk_op(m, OP_ADD, mk_at(m, h), mk_at(m, r)), mk_int(m, 1));
    Expr *col = mk_op(m, OP_SUB, mk_op(m, OP_ADD, mk_at(m, w), mk_at(m, s)), mk_int(m, 1));
    Expr *read = mk_read(m, x, mk_at(m, n), row, col, mk_at(m, c), NULL);
    read->mode = READ_PAD;
    read->pad = x_float(m->arena, DT_F16, 0, nowhere);
    Expr *weight = mk_read(m, f, mk_at(m, r), mk_at(m, s), mk_at(m, c), mk_at(m, o), NULL);
    Expr *product = mk_op(m, OP_MUL, mk_to(m, DT_F32, read), mk_to(m, DT_F32, weight));
    mk_stmt(m, y, mk_reduce(m, CK_SUM, DT_F32, product, NULL, r, s, c, NULL), n, h, w, o, NULL);
    return m->kernel;
}

/* The row softmax of the language's first page. */
static Kernel *softmax(Maker *m, const void **in, int64_t *dims) {
    Expr *N = mk_dim(m, "N"), *D = mk_dim(m, "D");
    dims[0] = dims[1] = 1024;
    Tensor *x = mk_tensor(m, TR_INPUT, DT_F32, N, D, NULL), *y = mk_tensor(m, TR_OUTPUT, DT_F32, N, D, NULL);
    Tensor *top = mk_tensor(m, TR_TEMP, DT_F32, N, NULL), *e = mk_tensor(m, TR_TEMP, DT_F32, N, D, NULL);
    Tensor *sum = mk_tensor(m, TR_TEMP, DT_F32, N, NULL);
    in[0] = random_array(m, DT_F32, 1024 * 1024);
    Index *n[4], *d[4];
    for (int k = 0; k < 4; k++) n[k] = mk_range(m, N), d[k] = mk_range(m, D);
    mk_stmt(m, top, mk_reduce(m, CK_MAX, DT_F32, mk_read(m, x, mk_at(m, n[0]), mk_at(m, d[0]), NULL), NULL, d[0], NULL), n[0], NULL);
    Expr *less = mk_op(m, OP_SUB, mk_read(m, x, mk_at(m, n[1]), mk_at(m, d[1]), NULL), mk_read(m, top, mk_at(m, n[1]), NULL));
    mk_stmt(m, e, mk_op(m, OP_EXP, less, NULL), n[1], d[1], NULL);
    mk_stmt(m, sum, mk_reduce(m, CK_SUM, DT_F32, mk_read(m, e, mk_at(m, n[2]), mk_at(m, d[2]), NULL), NULL, d[2], NULL), n[2], NULL);
    Expr *part = mk_op(m, OP_DIV, mk_read(m, e, mk_at(m, n[3]), mk_at(m, d[3]), NULL), mk_read(m, sum, mk_at(m, n[3]), NULL));
    mk_stmt(m, y, part, n[3], d[3], NULL);
    return m->kernel;
}

/* y[b, d] = sum[l in off[b]..off[b + 1]] f32(table[id[l], d]): bags of 40. */
static Kernel *embedding_bag(Maker *m, const void **in, int64_t *dims, int64_t width) {
    Expr *V = mk_dim(m, "V"), *D = mk_dim(m, "D"), *L = mk_dim(m, "L"), *B = mk_dim(m, "B");
    dims[0] = 100000, dims[1] = width, dims[2] = 40 * 4096, dims[3] = 4096;
    Tensor *table = mk_tensor(m, TR_INPUT, DT_F16, V, D, NULL), *id = mk_tensor(m, TR_INPUT, DT_I32, L, NULL);
    Tensor *off = mk_tensor(m, TR_INPUT, DT_I32, mk_op(m, OP_ADD, B, mk_int(m, 1)), NULL);
    Tensor *y = mk_tensor(m, TR_OUTPUT, DT_F32, B, D, NULL);
    int32_t *ids = NEW_ARRAY(m->arena, int32_t, dims[2]), *offs = NEW_ARRAY(m->arena, int32_t, dims[3] + 1);
    for (int64_t l = 0; l < dims[2]; l++) ids[l] = (int32_t)(random() % dims[0]);
    for (int64_t b = 0; b < dims[3]; b++) offs[b + 1] = (int32_t)(40 * (b + 1));
    in[0] = random_array(m, DT_F16, dims[0] * dims[1]);
    in[1] = ids, in[2] = offs;
    Index *b = mk_range(m, B), *d = mk_range(m, D);
    Expr *next = mk_op(m, OP_ADD, mk_at(m, b), mk_int(m, 1));
    Index *l = mk_index(m, mk_to(m, DT_I64, mk_read(m, off, mk_at(m, b), NULL)), mk_to(m, DT_I64, mk_read(m, off, next, NULL)));
    Expr *row = mk_to(m, DT_I64, mk_read(m, id, mk_at(m, l), NULL));
    Expr *read = mk_to(m, DT_F32, mk_read(m, table, row, mk_at(m, d), NULL));
    mk_stmt(m, y, mk_reduce(m, CK_SUM, DT_F32, read, NULL, l, NULL), b, d, NULL);
    return m->kernel;
}

/* The processor time of one evaluation from fresh memory. */
static double run_once(const char *name, const Kernel *k, const int64_t *dims, const void *const *in, double *operations) {
    const char *why;
    Arena *a = arena_new(0, NULL, NULL);
    Eval *e = eval_new(a, k, dims, in, NULL, &why);
    if (!e) {
        fprintf(stderr, "%s: %s\n", name, why);
        exit(1);
    }
    *operations = eval_operations(e);
    double start = now();
    eval_all(e);
    double took = now() - start;
    arena_free(a);
    return took;
}

enum { REPEATS = 5 };

/* The best of some runs, for machines that others use too. */
static double rate(const char *name, Maker *m, const Kernel *k, const int64_t *dims, const void *const *in) {
    double operations, best = INFINITY;
    for (int n = 0; n < REPEATS; n++) best = fmin(best, run_once(name, k, dims, in, &operations));
    double r = operations / best;
    printf("%-24s %10.3g operations  %8.1f ms  %8.3g a second\n", name, operations, 1e3 * best, r);
    arena_free(m->arena);
    return r;
}

static double softmax_rate(Maker *m, const void **in, int64_t *dims) {
    return rate("softmax 1024x1024", m, softmax(m, in, dims), dims, in);
}
static double fc_rate(Maker *m, const void **in, int64_t *dims) { return rate("fc f16 512x1024x1024", m, fc(m, in, dims), dims, in); }
static double conv_rate(Maker *m, const void **in, int64_t *dims) {
    return rate("conv2d 3x3 56x56x64", m, conv2d(m, in, dims), dims, in);
}
static double bag64_rate(Maker *m, const void **in, int64_t *dims) {
    return rate("embedding_bag 40 x 64", m, embedding_bag(m, in, dims, 64), dims, in);
}
static double bag128_rate(Maker *m, const void **in, int64_t *dims) {
    return rate("embedding_bag 40 x 128", m, embedding_bag(m, in, dims, 128), dims, in);
}

/* All, or the one whose number is given. */
int main(int argc, char **argv) {
    static double (*const all[])(Maker *, const void **, int64_t *) = {fc_rate, conv_rate, softmax_rate, bag64_rate, bag128_rate};
    double slowest = 1e300;
    for (int k = 0; k < 5; k++) {
        if (argc > 1 && atoi(argv[1]) != k) continue;
        const void *in[4];
        int64_t dims[8];
        Maker m = maker_new();
        double r = all[k](&m, in, dims);
        slowest = r < slowest ? r : slowest;
    }
    printf("slowest: %.3g operations a second\n", slowest);
    return 0;
}
