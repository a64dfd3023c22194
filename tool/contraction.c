#include "tool/contraction.h"
#include <stdlib.h>
#include <string.h>

static int place_of(Contraction *c, const Index *i, const int64_t *dims) {
    for (int p = 0; p < c->n; p++)
        if (c->index[p] == i) return p;
    int64_t lo, hi;
    if (c->n == CONTRACTION_INDICES || !expr_dims_value(i->lo, dims, &lo) || !expr_dims_value(i->hi, dims, &hi) || hi <= lo) return -1;
    c->index[c->n] = i;
    c->lo[c->n] = lo;
    c->extent[c->n] = hi - lo;
    return c->n++;
}

static bool is_constant(const Linear *l) {
    for (int i = 0; i < CONTRACTION_INDICES; i++)
        if (l->coef[i]) return false;
    return true;
}

static void scale(Linear *l, int64_t by) {
    l->base *= by;
    for (int i = 0; i < CONTRACTION_INDICES; i++) l->coef[i] *= by;
}

static void add(Linear *l, const Linear *x, int64_t sign) {
    l->base += sign * x->base;
    for (int i = 0; i < CONTRACTION_INDICES; i++) l->coef[i] += sign * x->coef[i];
}

/* A subscript as a linear form of the indices; false when it is none. */
static bool linear(Contraction *c, const Expr *e, const int64_t *dims, Linear *l) {
    *l = (Linear){0};
    if (expr_dims_value(e, dims, &l->base)) return true;
    if (e->kind == X_INDEX) {
        int p = place_of(c, e->index, dims);
        if (p >= 0) l->coef[p] = 1;
        return p >= 0;
    }
    Linear x, y;
    if (e->kind != X_OP || e->args.n < 1 || !linear(c, e->args.at[0], dims, &x)) return false;
    *l = x;
    if (e->op == OP_NEG) return scale(l, -1), true;
    if (e->args.n < 2 || !linear(c, e->args.at[1], dims, &y)) return false;
    switch (e->op) {
    case OP_ADD: add(l, &y, 1); return true;
    case OP_SUB: add(l, &y, -1); return true;
    case OP_MUL:
        if (is_constant(&y)) return scale(l, y.base), true;
        *l = y;
        scale(l, x.base);
        return is_constant(&x);
    default: return false;
    }
}

static bool subscripts(Contraction *c, const Tensor *t, const Exprs *subs, const int64_t *dims, Factor *f) {
    if (t->rank > CONTRACTION_AXES || subs->n != t->rank) return false;
    f->tensor = t;
    f->rank = t->rank;
    for (int d = 0; d < t->rank; d++)
        if (!expr_dims_value(t->shape[d], dims, &f->extent[d]) || !linear(c, subs->at[d], dims, &f->sub[d])) return false;
    return true;
}

static bool factor(Contraction *c, const Expr *e, const int64_t *dims, Factor *f) {
    while (e->kind == X_CONVERT && dtype_is_float(e->type) == dtype_is_float(e->args.at[0]->type) && e->args.at[0]->type != DT_BOOL
           && dtype_table[e->type].bytes >= dtype_table[e->args.at[0]->type].bytes)
        e = e->args.at[0];
    if (e->kind != X_READ || e->tensor->role != TR_INPUT || e->tensor->policy == POLICY_CLAMP || e->tensor->rank == 0) return false;
    f->pad = e->mode == READ_PAD;
    f->clamp = e->mode == READ_CLAMP;
    if (f->pad && e->pad->kind != X_LIT) return false;
    if (f->pad) f->pad_value = dtype_is_float(e->pad->type) ? e->pad->lit_f : (double)e->pad->lit_i;
    return subscripts(c, e->tensor, &e->args, dims, f);
}

static bool uses(const Factor *f, int index) {
    for (int d = 0; d < f->rank; d++)
        if (f->sub[d].coef[index]) return true;
    return false;
}

static bool side_uses(const Side *s, int index) {
    for (int i = 0; i < s->n; i++)
        if (uses(&s->f[i], index)) return true;
    return false;
}

static bool classify(Contraction *c) {
    for (int k = 0; k < N_CLASSES; k++) c->size[k] = 1, c->n_of[k] = 0;
    for (int i = 0; i < c->n; i++) {
        bool x = side_uses(&c->x, i), y = side_uses(&c->y, i);
        Class k = !uses(&c->result, i) ? CLASS_K : x && y ? CLASS_BATCH : y ? CLASS_N : CLASS_M;
        c->of[k][c->n_of[k]++] = i;
        if (__builtin_mul_overflow(c->size[k], c->extent[i], &c->size[k]) || c->size[k] > 100000000) return false;
    }
    static const Class pairs[][2] = {{CLASS_M, CLASS_K}, {CLASS_N, CLASS_K}, {CLASS_M, CLASS_N}};
    for (int p = 0; p < 3; p++)
        if (c->size[pairs[p][0]] * c->size[pairs[p][1]] > 100000000) return false;
    return c->n_of[CLASS_K] > 0;
}

/* The factors of a product of reads; 0 when it is none, or has more than there is room for. */
static int factors(Contraction *c, const Expr *e, const int64_t *dims, Factor *f, int room) {
    if (e->kind != X_OP || e->op != OP_MUL) return room > 0 && factor(c, e, dims, f);
    int x = factors(c, e->args.at[0], dims, f, room), y = x ? factors(c, e->args.at[1], dims, f + x, room - x) : 0;
    return y ? x + y : 0;
}

/* Factor `alone` on the right, the others on the left. */
static bool part(Contraction *c, const Factor *f, int n, int alone) {
    c->x.n = 0;
    for (int i = 0; i < n; i++)
        if (i != alone) c->x.f[c->x.n++] = f[i];
    c->y = (Side){1, {f[alone]}};
    return classify(c);
}

static int64_t elements(const Contraction *c) { return c->size[CLASS_BATCH] * (c->size[CLASS_M] + c->size[CLASS_N]) * c->size[CLASS_K]; }

/* Each choice of the one alone; the last is the order of the text for two. */
static bool partition(Contraction *c, const Factor *f, int n) {
    int best = -1;
    int64_t least = 0;
    for (int alone = n - 1; alone >= (n == 2 ? 1 : 0); alone--) {
        if (!part(c, f, n, alone) || (best >= 0 && elements(c) >= least)) continue;
        best = alone;
        least = elements(c);
    }
    return best >= 0 && part(c, f, n, best);
}

bool contraction_find(const Stmt *s, const int64_t *dims, Contraction *c) {
    *c = (Contraction){0};
    const Reduce *r = s->value->kind == X_REDUCE ? s->value->reduce : NULL;
    if (!r || s->targets.n != 1 || r->comb->kind != CK_SUM || r->pred || r->scan != SCAN_NONE || s->value->type != s->targets.at[0].tensor->type)
        return false;
    const Expr *product = r->operands.at[0];
    if (product->kind != X_OP || product->op != OP_MUL) return false;
    c->out = s->targets.at[0].tensor;
    c->type = r->comb->type;
    for (int i = 0; i < s->idx.n; i++)
        if (place_of(c, s->idx.at[i], dims) < 0) return false;
    for (int i = 0; i < r->idx.n; i++)
        if (place_of(c, r->idx.at[i], dims) < 0) return false;
    Factor f[CONTRACTION_FACTORS] = {0};
    int n = subscripts(c, c->out, &s->targets.at[0].subs, dims, &c->result) ? factors(c, product, dims, f, CONTRACTION_FACTORS) : 0;
    return n >= 2 && partition(c, f, n);
}

/* Adds what the indices of a class at one place of their row-major order give to each subscript. */
static void advance(const Contraction *c, const Factor *f, Class class, int64_t at, int64_t *sub) {
    for (int i = c->n_of[class] - 1; i >= 0; i--) {
        int p = c->of[class][i];
        int64_t value = c->lo[p] + at % c->extent[p];
        at /= c->extent[p];
        for (int d = 0; d < f->rank; d++) sub[d] += f->sub[d].coef[p] * value;
    }
}

void contraction_places(const Contraction *c, const Factor *f, Class rows, Class columns, int64_t batch, int64_t *to) {
    int64_t width = c->size[columns], *column = calloc((size_t)(width * f->rank) + 1, sizeof *column);
    int64_t first[CONTRACTION_AXES] = {0};
    if (!column) abort();
    for (int64_t j = 0; j < width; j++) advance(c, f, columns, j, column + j * f->rank);
    for (int d = 0; d < f->rank; d++) first[d] = f->sub[d].base;
    advance(c, f, CLASS_BATCH, batch, first);
    for (int64_t r = 0; r < c->size[rows]; r++) {
        int64_t row[CONTRACTION_AXES];
        memcpy(row, first, sizeof row);
        advance(c, f, rows, r, row);
        for (int64_t j = 0; j < width; j++) {
            int64_t at = 0;
            for (int d = 0; d < f->rank; d++) {
                int64_t s = row[d] + column[j * f->rank + d], e = f->extent[d];
                if (f->clamp) s = s < 0 ? 0 : s >= e ? e - 1 : s;
                at = at < 0 || s < 0 || s >= e ? -1 : at * e + s;
            }
            *to++ = at;
        }
    }
    free(column);
}
