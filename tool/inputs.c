#include "tool/inputs.h"
#include "dsl/kernel_build.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const inputs_style_names[N_STYLES] = {"normal", "integers", "large offset", "wide", "positive"};

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t inputs_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double inputs_unit(uint64_t *state) { return (double)(inputs_random(state) >> 11) * 0x1p-53; }

/* The quantile of the normal distribution, by Acklam's rational approximations (relative error 1.2e-9); 0 < p < 1. */
static double tail(double p) {
    static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00,
                               4.374664141464968e+00, 2.938163982698783e+00};
    static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00};
    double q = sqrt(-2 * log(p));
    return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) / ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
}

static double normal(uint64_t *state) {
    static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
                               -3.066479806614716e+01, 2.506628277459239e+00};
    static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                               -1.328068155288572e+01};
    double p = inputs_unit(state) + 0x1p-54, q = p - 0.5, r = q * q;
    if (fabs(q) > 0.47575) return q < 0 ? tail(p) : -tail(1 - p);
    return q * (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r + a[5])
           / (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r + 1);
}

static int64_t uniform(uint64_t *state, int64_t lo, int64_t hi) {     /* lo <= value < hi */
    return (int64_t)((uint64_t)lo + (uint64_t)(((unsigned __int128)inputs_random(state) * ((uint64_t)hi - (uint64_t)lo)) >> 64));
}

const char *inputs_shape(Arena *a, const Tensor *t, const int64_t *dims, Array *x) {
    *x = (Array){.type = t->type, .rank = t->rank, .n = 1};
    if (t->rank > ARRAY_RANK_MAX) return arena_printf(a, "'%s' has %d axes; at most 8 are known here", t->name, t->rank);
    bool empty = false, over = false;
    for (int i = 0; i < t->rank; i++) {
        if (!expr_dims_value(t->shape[i], dims, &x->extent[i])) return arena_printf(a, "axis %d of '%s' has no known extent", i, t->name);
        if (x->extent[i] < 0) return arena_printf(a, "axis %d of '%s' would have the extent %lld", i, t->name, (long long)x->extent[i]);
        if (x->extent[i] == 0) empty = true;
        else over |= __builtin_mul_overflow(x->n, x->extent[i], &x->n);
    }
    if (empty) x->n = 0;
    else if (over || x->n > ((int64_t)1 << 40)) return arena_printf(a, "'%s' would have more than 2^40 elements", t->name);
    return NULL;
}

/* --- offsets --- */

typedef struct Search { const Tensor *t; bool found; } Search;

static bool reads(const Expr *e, const Tensor *t) { return e && e->kind == X_READ && e->tensor == t; }

static bool see_offsets(void *context, Expr *e) {
    Search *s = context;
    if (e->kind == X_OP && (e->op == OP_LE || e->op == OP_LT || e->op == OP_GE || e->op == OP_GT)) {
        const Expr *x = e->args.at[0], *y = e->args.at[1];
        while (x->kind == X_CONVERT) x = x->args.at[0];
        while (y->kind == X_CONVERT) y = y->args.at[0];
        s->found |= reads(x, s->t) && reads(y, s->t);
    }
    for (int i = 0; e->kind == X_REDUCE && i < e->reduce->idx.n; i++) {
        const Expr *lo = e->reduce->idx.at[i]->lo, *hi = e->reduce->idx.at[i]->hi;
        while (lo && lo->kind == X_CONVERT) lo = lo->args.at[0];
        while (hi && hi->kind == X_CONVERT) hi = hi->args.at[0];
        s->found |= reads(lo, s->t) && reads(hi, s->t);
    }
    return true;
}

bool inputs_is_offsets(const Kernel *k, const Tensor *t) {
    Search s = {t, false};
    if (t->rank != 1 || !dtype_is_int(t->type)) return false;
    for (int i = 0; i < k->stmts.n; i++) expr_walk(k->stmts.at[i]->value, see_offsets, &s);
    for (int i = 0; i < k->facts.n; i++) expr_walk(k->facts.at[i].cond, see_offsets, &s);
    return s.found;
}

/* --- making --- */

/* The values an integer input may have. */
static const char *int_range(Arena *a, const Tensor *t, const int64_t *dims, const InputPlan *p, const Law *law, int64_t *lo, int64_t *hi) {
    const DTypeRow *d = &dtype_table[t->type];
    int amplitude = p->style == STYLE_INTEGERS ? p->amplitude : p->style == STYLE_WIDE ? 10000 : 8;
    *lo = law->kind == LAW_INTS || law->kind == LAW_UNIFORM ? (int64_t)fmax(fmin(law->a, 0x1p61), -0x1p61) : -amplitude;
    *hi = law->kind == LAW_INTS || law->kind == LAW_UNIFORM ? (int64_t)fmax(fmin(law->b, 0x1p61), -0x1p61) + (law->kind == LAW_INTS) : amplitude + 1;
    bool declared = t->lo && law->kind != LAW_INTS;
    if (declared && (!expr_dims_value(t->lo, dims, lo) || !expr_dims_value(t->hi, dims, hi)))
        return arena_printf(a, "the range of '%s' is not known", t->name);
    if (*lo < d->min) *lo = d->min;
    if (d->max < INT64_MAX && *hi > d->max + 1) *hi = d->max + 1;
    return NULL;
}

static int by_int(const void *x, const void *y) {
    int64_t a = *(const int64_t *)x, b = *(const int64_t *)y;
    return (a > b) - (a < b);
}

/* Values that rise from lo to hi - 1, with steps of `mean` on average (0: whatever fills the range). */
static void offsets(Array *x, int64_t lo, int64_t hi, double mean, uint64_t *state) {
    size_t w = (size_t)dtype_table[x->type].bytes;
    int64_t *v = malloc(sizeof *v * (size_t)(x->n + 1)), at = lo;
    if (!v) tool_die(STATUS_ENVIRONMENT, "out of memory");
    for (int64_t i = 0; i < x->n; i++) {
        v[i] = mean > 0 ? at : uniform(state, lo, hi);
        int64_t step = mean > 0 ? uniform(state, 0, (int64_t)fmin(2 * mean, 1e15) + 1) : 0;
        at = step > hi - 1 - at ? hi - 1 : at + step;
    }
    qsort(v, (size_t)x->n, sizeof *v, by_int);
    if (x->n) v[0] = lo;
    if (x->n > 1) v[x->n - 1] = hi - 1;
    for (int64_t i = 0; i < x->n; i++) dtype_store(x->type, (char *)x->data + (size_t)i * w, 0, v[i]);
    free(v);
}

static void reals(const Tensor *t, const InputPlan *p, const Law *law, uint64_t *state, double *v, int n) {
    double top = dtype_table[t->type].max_finite;
    switch (law->kind) {
    case LAW_NORMAL:
        for (int i = 0; i < n; i++) v[i] = law->a + law->b * normal(state);
        return;
    case LAW_UNIFORM:
        for (int i = 0; i < n; i++) v[i] = law->a + (law->b - law->a) * inputs_unit(state);
        return;
    case LAW_INTS:
        for (int i = 0; i < n; i++) v[i] = (double)uniform(state, (int64_t)law->a, (int64_t)law->b + 1);
        return;
    default: break;
    }
    switch (p->style) {
    case STYLE_INTEGERS:
        for (int i = 0; i < n; i++) v[i] = (double)uniform(state, -p->amplitude, p->amplitude + 1);
        return;
    case STYLE_OFFSET:
        for (int i = 0; i < n; i++) v[i] = fmin(1000, top / 4) * (1 + 1e-3 * normal(state));
        return;
    case STYLE_WIDE:
        for (int i = 0; i < n; i++) v[i] = fmin(1e4, top / 4) * (2 * inputs_unit(state) - 1);
        return;
    case STYLE_POSITIVE:
        for (int i = 0; i < n; i++) v[i] = 1 + inputs_unit(state);
        return;
    default:
        for (int i = 0; i < n; i++) v[i] = normal(state);
    }
}

static void store_reals(DType type, void *at, const double *v, int n) {
    switch (type) {
    case DT_F64: memcpy(at, v, sizeof *v * (size_t)n); return;
    case DT_F32:
        for (int i = 0; i < n; i++) ((float *)at)[i] = (float)v[i];
        return;
#ifdef __FLT16_MANT_DIG__
    case DT_F16:
        for (int i = 0; i < n; i++) ((_Float16 *)at)[i] = (_Float16)(float)v[i];      /* any rounding of a random number will do */
        return;
#endif
    default:
        for (int i = 0; i < n; i++) dtype_store(type, (char *)at + i * dtype_table[type].bytes, v[i], 0);
    }
}

static void make_reals(const Tensor *t, const InputPlan *p, const Law *law, uint64_t *state, Array *x) {
    enum { BLOCK = 512 };
    double v[BLOCK];
    for (int64_t i = 0; i < x->n; i += BLOCK) {
        int n = x->n - i < BLOCK ? (int)(x->n - i) : BLOCK;
        reals(t, p, law, state, v, n);
        store_reals(t->type, (char *)x->data + i * dtype_table[t->type].bytes, v, n);
    }
}

static const char *make_ints(Arena *a, const Kernel *k, const Tensor *t, const int64_t *dims, const InputPlan *p, const Law *law, uint64_t *state,
                             Array *x) {
    size_t w = (size_t)dtype_table[t->type].bytes;
    int64_t lo, hi;
    const char *why = int_range(a, t, dims, p, law, &lo, &hi);
    if (why || x->n == 0) return why;
    if (lo >= hi) return arena_printf(a, "'%s' can have no value: its range is %lld..%lld", t->name, (long long)lo, (long long)hi);
    bool sorted = law->kind == LAW_OFFSETS || (law->kind == LAW_DEFAULT && inputs_is_offsets(k, t));
    if (sorted) {
        if (!t->lo) lo = 0;
        offsets(x, lo, hi > lo ? hi : lo + 1, law->kind == LAW_OFFSETS ? law->a : 0, state);
    } else {
        for (int64_t i = 0; i < x->n; i++) dtype_store(t->type, (char *)x->data + (size_t)i * w, 0, uniform(state, lo, hi));
    }
    return NULL;
}

static const char *make_one(Arena *a, const Kernel *k, const Tensor *t, const int64_t *dims, const InputPlan *p, const Law *law, Array *x) {
    uint64_t state = p->seed * 0x2545f4914f6cdd1du + 77;
    for (const char *c = t->name; *c; c++) state = (state ^ (unsigned char)*c) * 0x100000001b3u;
    x->data = arena_alloc(a, array_bytes(x) + 1);
    if (t->rank == 0 && t->value && law->kind == LAW_DEFAULT) {
        const Expr *v = t->value;
        dtype_store(t->type, x->data, dtype_is_float(t->type) ? v->lit_f : 0, dtype_is_float(t->type) ? 0 : v->lit_i);
        return NULL;
    }
    if (dtype_is_int(t->type)) return make_ints(a, k, t, dims, p, law, &state, x);
    if (dtype_is_float(t->type)) make_reals(t, p, law, &state, x);
    else for (int64_t i = 0; i < x->n; i++) ((unsigned char *)x->data)[i] = (unsigned char)(inputs_random(&state) >> 63);
    return NULL;
}

const char *inputs_make(Arena *a, const Kernel *k, const int64_t *dims, const InputPlan *p, Array *inputs) {
    static const Law none = {LAW_DEFAULT, 0, 0};
    for (int i = 0; i < k->params.n; i++) {
        const Tensor *t = k->params.at[i];
        if (p->given && p->given[i].data) {
            inputs[i] = p->given[i];
            continue;
        }
        const char *why = inputs_shape(a, t, dims, &inputs[i]);
        if (!why) why = make_one(a, k, t, dims, p, p->laws ? &p->laws[i] : &none, &inputs[i]);
        if (why) return why;
    }
    return NULL;
}

static bool see_read(void *context, Expr *e) {
    Search *s = context;
    s->found |= reads(e, s->t);
    return true;
}

bool inputs_repair(const Kernel *k, const Fact *f, const int64_t *dims, const InputPlan *p, Array *inputs) {
    bool any = false;
    for (int i = 0; i < k->params.n; i++) {
        const Tensor *t = k->params.at[i];
        Search s = {t, false};
        expr_walk(f->cond, see_read, &s);
        if (!s.found || t->rank != 1 || !dtype_is_int(t->type) || (p->given && p->given[i].data) || inputs[i].n == 0) continue;
        int64_t lo = 0, hi = 9;
        if (t->lo && (!expr_dims_value(t->lo, dims, &lo) || !expr_dims_value(t->hi, dims, &hi) || lo >= hi)) continue;
        uint64_t state = p->seed;
        offsets(&inputs[i], lo, hi, 0, &state);
        any = true;
    }
    return any;
}
