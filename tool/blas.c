#include "tool/blas.h"
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cblas_dgemm with 32-bit integers; the C interface of BLAS (blas.org, 2001). */
typedef void Dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a, int lda, const double *b, int ldb,
                   double beta, double *c, int ldc);
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112, AXES = 8 };

static Dgemm *load(void) {
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libcblas.so.3"};
    for (int i = 0; i < 3; i++) {
        void *so = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        void *f = so ? dlsym(so, "cblas_dgemm") : NULL;
        if (f) return (Dgemm *)(uintptr_t)f;
    }
    return NULL;
}

/* y[out] = sum[red] a[...] * b[...]: the axes of each operand as places in the list of all indices. */
typedef struct Contraction {
    const Tensor *out, *x, *y;
    const Index *index[3 * AXES];
    int64_t extent[3 * AXES];
    int n;
    int of_out[AXES], of_x[AXES], of_y[AXES];
    DType type;                         /* of the accumulator */
} Contraction;

static int place(Contraction *c, const Index *i, const int64_t *dims) {
    for (int p = 0; p < c->n; p++)
        if (c->index[p] == i) return p;
    int64_t lo, hi;
    if (c->n == 3 * AXES || !expr_dims_value(i->lo, dims, &lo) || !expr_dims_value(i->hi, dims, &hi) || lo != 0 || hi < 1) return -1;
    c->index[c->n] = i;
    c->extent[c->n] = hi;
    return c->n++;
}

static bool operand(Contraction *c, const Expr *e, const int64_t *dims, const Tensor **t, int *of) {
    while (e->kind == X_CONVERT && dtype_is_float(e->type) == dtype_is_float(e->args.at[0]->type)
           && dtype_table[e->type].bytes >= dtype_table[e->args.at[0]->type].bytes)
        e = e->args.at[0];
    if (e->kind != X_READ || e->mode != READ_PLAIN || e->tensor->role != TR_INPUT || e->args.n > AXES || e->tensor->policy == POLICY_CLAMP)
        return false;
    *t = e->tensor;
    for (int i = 0; i < e->args.n; i++) {
        if (e->args.at[i]->kind != X_INDEX || (of[i] = place(c, e->args.at[i]->index, dims)) < 0) return false;
        int64_t extent;
        if (!expr_dims_value(e->tensor->shape[i], dims, &extent) || extent != c->extent[of[i]]) return false;
        for (int j = 0; j < i; j++)
            if (of[j] == of[i]) return false;
    }
    return e->args.n > 0;
}

static bool recognise(const Stmt *s, const int64_t *dims, Contraction *c) {
    *c = (Contraction){0};
    if (s->targets.n != 1 || s->value->kind != X_REDUCE || s->targets.at[0].tensor->role != TR_OUTPUT) return false;
    const Reduce *r = s->value->reduce;
    if (r->comb->kind != CK_SUM || r->pred || r->scan != SCAN_NONE || r->operands.n != 1 || !dtype_is_float(r->comb->type)) return false;
    const Expr *product = r->operands.at[0];
    if (product->kind != X_OP || product->op != OP_MUL) return false;
    c->out = s->targets.at[0].tensor;
    c->type = r->comb->type;
    const Exprs *subs = &s->targets.at[0].subs;
    if (subs->n > AXES || s->value->type != c->out->type) return false;
    for (int i = 0; i < subs->n; i++) {
        int64_t extent;
        if (subs->at[i]->kind != X_INDEX || (c->of_out[i] = place(c, subs->at[i]->index, dims)) < 0) return false;
        if (!expr_dims_value(c->out->shape[i], dims, &extent) || extent != c->extent[c->of_out[i]]) return false;
    }
    return operand(c, product->args.at[0], dims, &c->x, c->of_x) && operand(c, product->args.at[1], dims, &c->y, c->of_y);
}

static bool has(const int *of, int n, int p) {
    for (int i = 0; i < n; i++)
        if (of[i] == p) return true;
    return false;
}

/* The four classes of indices: batch, m, n, k; false when one stands in a single operand only and not on the left. */
typedef struct Classes { int at[4][3 * AXES], n[4]; int64_t size[4]; } Classes;
enum { BATCH, M, N, K };

static bool classify(const Contraction *c, Classes *g) {
    *g = (Classes){.size = {1, 1, 1, 1}};
    for (int p = 0; p < c->n; p++) {
        bool o = has(c->of_out, c->out->rank, p), x = has(c->of_x, c->x->rank, p), y = has(c->of_y, c->y->rank, p);
        int class = o && x && y ? BATCH : o && x ? M : o && y ? N : x && y ? K : -1;
        if (class < 0) return false;
        g->at[class][g->n[class]++] = p;
        g->size[class] *= c->extent[p];
        if (g->size[class] > INT32_MAX) return false;
    }
    return g->n[K] > 0;
}

/* Flat place in an array with axes `of` for the values of all indices. */
static int64_t flat(const Contraction *c, const int *of, int rank, const int64_t *value) {
    int64_t at = 0;
    for (int i = 0; i < rank; i++) at = at * c->extent[of[i]] + value[of[i]];
    return at;
}

/* The values of a class's indices at one place of its row-major order. */
static void spread(const Contraction *c, const Classes *g, int class, int64_t flat_value, int64_t *value) {
    for (int i = g->n[class] - 1; i >= 0; i--) {
        int64_t e = c->extent[g->at[class][i]];
        value[g->at[class][i]] = flat_value % e;
        flat_value /= e;
    }
}

/* A dense copy [rows][columns] of one batch, as double. */
static void pack(const Contraction *c, const Classes *g, int rows, int columns, const int *of, const Array *x, int64_t *value, double *to) {
    for (int64_t r = 0; r < g->size[rows]; r++) {
        spread(c, g, rows, r, value);
        for (int64_t j = 0; j < g->size[columns]; j++) {
            spread(c, g, columns, j, value);
            *to++ = dtype_load_float(x->type, (const char *)x->data + flat(c, of, x->rank, value) * dtype_table[x->type].bytes);
        }
    }
}

static double judge(double y, double r, double bound) {
    if (isnan(r) || isinf(r)) return 0;
    return fabs(y - r) == 0 ? 0 : bound > 0 ? fabs(y - r) / bound : INFINITY;
}

/* One batch: dgemm of the values and of their sizes, and all elements of the result against them. */
static double batch(Dgemm *dgemm, const Contraction *c, const Classes *g, const Array *const in[2], const Array *y, int64_t *value, double *work) {
    int64_t m = g->size[M], n = g->size[N], k = g->size[K];
    double *x = work, *w = x + m * k, *r = w + n * k, *s = r + m * n, worst = 0;
    pack(c, g, M, K, c->of_x, in[0], value, x);
    pack(c, g, N, K, c->of_y, in[1], value, w);
    dgemm(ROW_MAJOR, NO_TRANS, TRANS, (int)m, (int)n, (int)k, 1, x, (int)k, w, (int)k, 0, r, (int)n);
    for (int64_t i = 0; i < m * k; i++) x[i] = fabs(x[i]);
    for (int64_t i = 0; i < n * k; i++) w[i] = fabs(w[i]);
    dgemm(ROW_MAJOR, NO_TRANS, TRANS, (int)m, (int)n, (int)k, 1, x, (int)k, w, (int)k, 0, s, (int)n);
    double u = ldexp(1, -dtype_table[c->type].precision), gamma = (double)(k + 1) * u / (1 - (double)(k + 1) * u), out = ldexp(1, -dtype_table[y->type].precision);
    for (int64_t i = 0; i < m; i++) {
        spread(c, g, M, i, value);
        for (int64_t j = 0; j < n; j++) {
            spread(c, g, N, j, value);
            double v = dtype_load_float(y->type, (const char *)y->data + flat(c, c->of_out, y->rank, value) * dtype_table[y->type].bytes);
            double bound = gamma * s[i * n + j] * (1 + out) + out * fabs(r[i * n + j]);
            worst = fmax(worst, isnan(v) ? INFINITY : judge(v, r[i * n + j], bound));
        }
    }
    return worst;
}

static double run(Dgemm *dgemm, const Contraction *c, const Classes *g, const Array *const in[2], const Array *y) {
    int64_t value[3 * AXES] = {0};
    size_t size = (size_t)(g->size[M] * g->size[K] + g->size[N] * g->size[K] + 2 * g->size[M] * g->size[N]);
    double *work = malloc(size * sizeof *work), worst = 0;
    if (!work) return NAN;
    for (int64_t b = 0; b < g->size[BATCH]; b++) {
        spread(c, g, BATCH, b, value);
        worst = fmax(worst, batch(dgemm, c, g, in, y, value, work));
    }
    free(work);
    return worst;
}

BlasResult blas_compare(const Kernel *k, const int64_t *dims, const Array *inputs, const Array *y) {
    for (int i = 0; i < k->stmts.n; i++) {
        Contraction c;
        Classes g;
        if (!recognise(k->stmts.at[i], dims, &c) || !classify(&c, &g)) continue;
        Dgemm *dgemm = load();
        if (!dgemm) return (BlasResult){0};
        const Array *in[2] = {NULL, NULL}, *out = NULL;
        for (int p = 0; p < k->params.n; p++) {
            if (k->params.at[p] == c.x) in[0] = &inputs[p];
            if (k->params.at[p] == c.y) in[1] = &inputs[p];
        }
        for (int p = 0; p < k->outputs.n; p++)
            if (k->outputs.at[p] == c.out) out = &y[p];
        double worst = run(dgemm, &c, &g, in, out);
        if (isnan(worst)) return (BlasResult){0};
        return (BlasResult){.done = true, .tensor = c.out->name, .worst = worst};
    }
    return (BlasResult){0};
}
