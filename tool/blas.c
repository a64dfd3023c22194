#include "tool/blas.h"
#include "tool/contraction.h"
#include "tool/inputs.h"
#include "tool/tool.h"
#include <dlfcn.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* cblas_dgemm with 32-bit integers; the C interface of BLAS (blas.org, 2001). */
typedef void Dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a, int lda, const double *b, int ldb,
                   double beta, double *c, int ldc);
enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };

static Dgemm *load(void) {
    static const char *const names[] = {"libopenblas.so.0", "libopenblas.so", "libcblas.so.3"};
    for (int i = 0; i < 3; i++) {
        void *so = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        void *f = so ? dlsym(so, "cblas_dgemm") : NULL;
        if (f) return (Dgemm *)(uintptr_t)f;
    }
    return NULL;
}

/* One batch, packed: operands, their product, the product of their sizes, and where results stand. */
typedef struct Work {
    const BlasQuery *q;
    const Contraction *c;
    Arena *arena;
    const Array *in[2][CONTRACTION_FACTORS];
    const Array *out;            /* NULL: a temporary */
    bool exact;
    int64_t m, n, k;
    double *x, *y, *r, *s, top[2];
    int64_t *at;                 /* places of the result; scratch for packing before */
} Work;

static double element(const Array *x, int64_t at) {
    const char *p = (const char *)x->data + at * dtype_table[x->type].bytes;
    return dtype_is_float(x->type) ? dtype_load_float(x->type, p) : (double)dtype_load_int(x->type, p);
}

/* One side of one batch; gives the largest size, or nan when a place is outside. */
static double pack(Work *w, const Side *s, Class rows, int64_t batch, const Array *const *in, double *to) {
    int64_t n = w->c->size[rows] * w->k;
    double top = 0;
    for (int k = 0; k < s->n; k++) {
        const Factor *f = &s->f[k];
        contraction_places(w->c, f, rows, CLASS_K, batch, w->at);
        for (int64_t i = 0; i < n; i++) {
            if (w->at[i] < 0 && !f->pad) return NAN;
            to[i] = (k ? to[i] : 1) * (w->at[i] < 0 ? f->pad_value : element(in[k], w->at[i]));
        }
    }
    for (int64_t i = 0; i < n; i++) top = fmax(top, fabs(to[i]));
    return top;
}

/* Roundings on the way of a term into its sum: those of its products, and of the additions. */
static double roundings(const Work *w) { return (double)(w->k + w->c->x.n + w->c->y.n - 1); }

static void gemm(Dgemm *f, const Work *w, double *to) {
    f(ROW_MAJOR, NO_TRANS, TRANS, (int)w->m, (int)w->n, (int)w->k, 1, w->x, (int)w->k, w->y, (int)w->k, 0, to, (int)w->n);
}

static double ratio(double y, double r, double bound) {
    if (isnan(r) || isinf(r)) return 0;
    double d = fabs(y - r);
    return isnan(y) ? INFINITY : d == 0 ? 0 : bound > 0 ? d / bound : INFINITY;
}

/* The kernel's result: each element of one batch. */
static double judge_output(const Work *w) {
    DType t = w->out->type;
    double u = ldexp(1, -dtype_table[w->c->type].precision), store = ldexp(1, -dtype_table[t].precision), worst = 0;
    double gamma = roundings(w) * u / (1 - roundings(w) * u);
    for (int64_t i = 0; i < w->m * w->n; i++) {
        double y = element(w->out, w->at[i]), r = w->r[i];
        if (w->exact || !dtype_is_float(t)) r = dtype_is_float(t) ? dtype_round(t, r) : r;
        double bound = w->exact || !dtype_is_float(t) ? 0 : gamma * w->s[i] * (1 + store) + store * fabs(r);
        worst = fmax(worst, ratio(y, r, bound));
    }
    return worst;
}

/* The reference's value of a temporary: both are f64, and differ by their orders of summation only. */
static double judge_reference(const Work *w, bool *sampled) {
    enum { POINTS = 512 };
    int64_t n = w->m * w->n, count = n, place[POINTS], at[POINTS], ivalue[POINTS];
    double value[POINTS], err[POINTS], worst = 0, gamma = (roundings(w) + 1) * 0x1p-52;
    bool floats = dtype_is_float(w->c->out->type);
    EvalArray all = {0};
    uint64_t state = w->q->dims[0] + 1;
    *sampled = w->q->sampled;
    if (*sampled) {
        count = n < POINTS ? n : POINTS;
        for (int64_t i = 0; i < count; i++) {
            place[i] = n < POINTS ? i : (int64_t)(inputs_random(&state) % (uint64_t)n);
            at[i] = w->at[place[i]];
        }
        eval_points(w->q->eval, w->c->out, count, at, value, ivalue, err);
    } else {
        all = eval_array(w->q->eval, w->c->out);
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t p = *sampled ? place[i] : i;
        double v = *sampled ? (floats ? value[i] : (double)ivalue[i]) : floats ? all.value[w->at[p]] : (double)all.ivalue[w->at[p]];
        worst = fmax(worst, ratio(v, w->r[p], floats ? gamma * w->s[p] : 0));
    }
    return worst;
}

enum { THIN_ROWS = 64 };

/* Keeps some rows of a batch, spread over it: enough for a sample. */
static void thin(Work *w) {
    int64_t step = w->m / THIN_ROWS;
    if (step < 2) return;
    for (int64_t i = 0; i < THIN_ROWS; i++) {
        memmove(w->x + i * w->k, w->x + i * step * w->k, sizeof *w->x * (size_t)w->k);
        memmove(w->at + i * w->n, w->at + i * step * w->n, sizeof *w->at * (size_t)w->n);
    }
    w->m = THIN_ROWS;
}

static double dot_product(Dgemm *dgemm, Work *w, bool *sampled) {
    gemm(dgemm, w, w->r);
    for (int64_t i = 0; i < w->m * w->k; i++) w->x[i] = fabs(w->x[i]);
    for (int64_t i = 0; i < w->n * w->k; i++) w->y[i] = fabs(w->y[i]);
    gemm(dgemm, w, w->s);
    return w->out ? judge_output(w) : judge_reference(w, sampled);
}

/* Freivalds: Y v against X (W v) for a random v, modulo 2^64, row by row. All numbers are integers, and Y needs no rounding. */
static double checksum(const Work *w) {
    uint64_t state = 12345, *v = calloc((size_t)(w->n + w->k), sizeof *v), *wv = v ? v + w->n : NULL;
    if (!v) tool_die(STATUS_ENVIRONMENT, "out of memory");
    for (int64_t j = 0; j < w->n; j++) {
        v[j] = inputs_random(&state) | 1;
        for (int64_t k = 0; k < w->k; k++) wv[k] += (uint64_t)(int64_t)w->y[j * w->k + k] * v[j];
    }
    int64_t bad = 0;
    for (int64_t i = 0; i < w->m; i++) {
        uint64_t want = 0, got = 0;
        for (int64_t k = 0; k < w->k; k++) want += (uint64_t)(int64_t)w->x[i * w->k + k] * wv[k];
        for (int64_t j = 0; j < w->n; j++) {
            double y = element(w->out, w->at[i * w->n + j]);
            got += (uint64_t)(int64_t)(fabs(y) < 0x1p62 ? y : 0x1p62) * v[j];
        }
        bad += want != got;
    }
    free(v);
    return bad ? INFINITY : 0;
}

/* Sums of integers that need no rounding in type t. */
static bool fits(const Work *w, DType t) {
    double top = (double)w->k * w->top[0] * w->top[1];
    return dtype_is_float(t) ? top <= ldexp(1, dtype_table[t].precision) : top < (double)dtype_table[t].max && top < 0x1p53;
}

static void raise_to(BlasResult *b, double worst) { b->worst = fmax(b->worst, worst); }

static double flops(const Contraction *c) {
    return (double)c->size[CLASS_BATCH] * (double)c->size[CLASS_M] * (double)c->size[CLASS_N] * (double)c->size[CLASS_K];
}

/* Adds what is found of one contraction. */
static void compare_one(Work *w, Dgemm *dgemm, BlasResults *to) {
    const Contraction *c = w->c;
    BlasResult blas = {c->out->name, "OpenBLAS in f64", !w->out, false, 0}, sum = {c->out->name, "a checksum on integers", false, false, 0};
    bool done = false, summed = false;
    if (w->out && flops(c) > 3e10) dgemm = NULL;
    for (int64_t b = 0; b < c->size[CLASS_BATCH]; b++) {
        w->top[0] = pack(w, &c->x, CLASS_M, b, w->in[0], w->x);
        w->top[1] = pack(w, &c->y, CLASS_N, b, w->in[1], w->y);
        if (isnan(w->top[0]) || isnan(w->top[1])) return;
        contraction_places(c, &c->result, CLASS_M, CLASS_N, b, w->at);
        if (!dtype_is_float(c->type) && !fits(w, c->type)) return;        /* it wraps, or leaves f64 */
        if (w->q->exact && w->q->sampled && w->out && w->exact && fits(w, w->out->type)) {
            raise_to(&sum, checksum(w));
            summed = true;
        }
        if (!dgemm || (w->q->sampled && !w->out && (w->q->exact || b >= 64))) continue;
        if (w->q->sampled && !w->out) thin(w);
        raise_to(&blas, dot_product(dgemm, w, &blas.sampled));
        w->m = c->size[CLASS_M];
        done = true;
    }
    if (done) vec_push(w->arena, to, blas);
    if (summed) vec_push(w->arena, to, sum);
}

static int64_t largest(int64_t x, int64_t y, int64_t z) {
    int64_t n = x > y ? x : y;
    return n > z ? n : z;
}

static void compare_stmt(Arena *a, const BlasQuery *q, const Contraction *c, Dgemm *dgemm, BlasResults *to) {
    Work w = {.q = q, .c = c, .arena = a, .m = c->size[CLASS_M], .n = c->size[CLASS_N], .k = c->size[CLASS_K]};
    const Kernel *k = q->kernel;
    for (int p = 0; p < k->params.n; p++)
        for (int i = 0; i < CONTRACTION_FACTORS; i++) {
            if (i < c->x.n && k->params.at[p] == c->x.f[i].tensor) w.in[0][i] = &q->inputs[p];
            if (i < c->y.n && k->params.at[p] == c->y.f[i].tensor) w.in[1][i] = &q->inputs[p];
        }
    for (int p = 0; p < k->outputs.n; p++)
        if (k->outputs.at[p] == c->out) w.out = &q->outputs[p], w.exact = q->exact && q->exact[p];
    size_t doubles = (size_t)(w.m * w.k + w.n * w.k + 2 * w.m * w.n), places = (size_t)largest(w.m * w.k, w.n * w.k, w.m * w.n);
    w.x = malloc(doubles * sizeof(double));
    w.at = malloc(places * sizeof *w.at);
    if (w.x && w.at) {
        w.y = w.x + w.m * w.k;
        w.r = w.y + w.n * w.k;
        w.s = w.r + w.m * w.n;
        compare_one(&w, dgemm, to);
    }
    free(w.x);
    free(w.at);
}

BlasResults blas_compare(Arena *a, const BlasQuery *q) {
    BlasResults all = {0};
    Dgemm *dgemm = NULL;
    for (int i = 0; i < q->kernel->stmts.n; i++) {
        Contraction *c = NEW(a, Contraction);
        if (!contraction_find(q->kernel->stmts.at[i], q->dims, c)) continue;
        if (!dgemm) dgemm = load();
        compare_stmt(a, q, c, dgemm, &all);
    }
    return all;
}
