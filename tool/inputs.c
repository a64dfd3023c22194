#include "tool/inputs.h"
#include "dsl/kernel_build.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const inputs_style_names[N_STYLES] = {"normal", "integers", "large offset", "wide"};

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t inputs_random(uint64_t *state) {
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double inputs_unit(uint64_t *state) { return (double)(inputs_random(state) >> 11) * 0x1p-53; }

/* Box-Muller; one value of the pair. */
static double normal(uint64_t *state) {
    double u = inputs_unit(state), v = inputs_unit(state);
    return sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
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

static double real_value(const Tensor *t, const InputPlan *p, const Law *law, uint64_t *state) {
    double top = dtype_table[t->type].max_finite;
    switch (law->kind) {
    case LAW_NORMAL: return law->a + law->b * normal(state);
    case LAW_UNIFORM: return law->a + (law->b - law->a) * inputs_unit(state);
    case LAW_INTS: return (double)uniform(state, (int64_t)law->a, (int64_t)law->b + 1);
    default: break;
    }
    switch (p->style) {
    case STYLE_INTEGERS: return (double)uniform(state, -p->amplitude, p->amplitude + 1);
    case STYLE_OFFSET: return fmin(1000, top / 4) * (1 + 1e-3 * normal(state));
    case STYLE_WIDE: return fmin(1e4, top / 4) * (2 * inputs_unit(state) - 1);
    default: return normal(state);
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
    size_t w = (size_t)dtype_table[t->type].bytes;
    x->data = arena_alloc(a, array_bytes(x) + 1);
    if (t->rank == 0 && t->value && law->kind == LAW_DEFAULT) {
        const Expr *v = t->value;
        dtype_store(t->type, x->data, dtype_is_float(t->type) ? v->lit_f : 0, dtype_is_float(t->type) ? 0 : v->lit_i);
        return NULL;
    }
    if (dtype_is_int(t->type)) return make_ints(a, k, t, dims, p, law, &state, x);
    for (int64_t i = 0; i < x->n; i++) {
        if (t->type == DT_BOOL) dtype_store(t->type, (char *)x->data + i, 0, (int64_t)(inputs_random(&state) >> 63));
        else dtype_store(t->type, (char *)x->data + (size_t)i * w, real_value(t, p, law, &state), 0);
    }
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
