#include "lower/expr.h"

static const Span nowhere;

bool lo_is_int(const Expr *e, int64_t *v) {
    if (e->kind != X_LIT) return false;
    *v = e->lit_i;
    return true;
}

Expr *lo_int(Arena *a, int64_t v) { return x_int(a, DT_I64, v, nowhere); }
Expr *lo_index(Arena *a, Index *i) { return x_index(a, i, nowhere); }

static Expr *binary(Arena *a, Op op, Expr *x, Expr *y) { return x_op(a, op, x, y, NULL, nowhere); }

/* e as base + constant. */
static Expr *without_constant(Expr *e, int64_t *c) {
    int64_t v;
    *c = 0;
    if (e->kind != X_OP || (e->op != OP_ADD && e->op != OP_SUB) || e->args.n != 2 || !lo_is_int(e->args.at[1], &v)) return e;
    *c = e->op == OP_ADD ? v : -v;
    return e->args.at[0];
}

static Expr *plus(Arena *a, Expr *x, int64_t c) {
    int64_t v;
    if (lo_is_int(x, &v)) return lo_int(a, v + c);
    if (c == 0) return x;
    return c > 0 ? binary(a, OP_ADD, x, lo_int(a, c)) : binary(a, OP_SUB, x, lo_int(a, -c));
}

Expr *lo_add(Arena *a, Expr *x, Expr *y) {
    int64_t u, v, c, d;
    if (lo_is_int(y, &v)) {
        x = without_constant(x, &c);
        return plus(a, x, c + v);
    }
    if (lo_is_int(x, &u)) return lo_add(a, y, x);
    x = without_constant(x, &c);
    y = without_constant(y, &d);
    return plus(a, binary(a, OP_ADD, x, y), c + d);
}

Expr *lo_sub(Arena *a, Expr *x, Expr *y) {
    int64_t v, c, d;
    if (lo_is_int(y, &v)) return lo_add(a, x, lo_int(a, -v));
    x = without_constant(x, &c);
    y = without_constant(y, &d);
    if (expr_equal(x, y)) return lo_int(a, c - d);
    if (x->kind == X_OP && x->op == OP_ADD && x->args.n == 2) {
        if (expr_equal(x->args.at[0], y)) return plus(a, x->args.at[1], c - d);
        if (expr_equal(x->args.at[1], y)) return plus(a, x->args.at[0], c - d);
    }
    return plus(a, binary(a, OP_SUB, x, y), c - d);
}

Expr *lo_mul(Arena *a, Expr *x, Expr *y) {
    int64_t u, v;
    bool cu = lo_is_int(x, &u), cv = lo_is_int(y, &v);
    if (cu && cv) return lo_int(a, u * v);
    if (cu) return lo_mul(a, y, x);
    if (cv && v == 1) return x;
    if (cv && v == 0) return y;
    return binary(a, OP_MUL, x, y);
}

Expr *lo_div_by(Arena *a, Expr *x, Expr *y) {
    int64_t u, v;
    if (lo_is_int(y, &v) && v > 0) {
        if (v == 1) return x;
        if (lo_is_int(x, &u)) return lo_int(a, u / v - (u % v < 0));
    }
    return binary(a, OP_FLOORDIV, x, y);
}

Expr *lo_div(Arena *a, Expr *x, int64_t c) { return lo_div_by(a, x, lo_int(a, c)); }

static Expr *extreme(Arena *a, Op op, Expr *x, Expr *y) {
    int64_t u, v;
    if (expr_equal(x, y)) return x;
    if (lo_is_int(x, &u) && lo_is_int(y, &v)) return (u < v) == (op == OP_MIN) ? x : y;
    return binary(a, op, x, y);
}

Expr *lo_min(Arena *a, Expr *x, Expr *y) { return extreme(a, OP_MIN, x, y); }
Expr *lo_max(Arena *a, Expr *x, Expr *y) {
    int64_t v;
    if (x->kind == X_DIM && lo_is_int(y, &v) && v <= 0) return x;     /* a dim is 0 or more */
    return extreme(a, OP_MAX, x, y);
}
Expr *lo_le(Arena *a, Expr *x, Expr *y) { return binary(a, OP_LE, x, y); }

static Reduce *copy_reduce(Arena *a, const Reduce *r, LowReplace *replace, void *context) {
    Reduce *c = NEW(a, Reduce);
    *c = *r;
    memset(&c->operands, 0, sizeof c->operands);
    Index **from = NEW_ARRAY(a, Index *, r->idx.n + 1), **to = NEW_ARRAY(a, Index *, r->idx.n + 1);
    int n = 0;
    memset(&c->idx, 0, sizeof c->idx);
    for (int q = 0; q < r->idx.n; q++) {        /* a range that what is replaced stands in is another index' */
        Index *i = r->idx.at[q], *x = i;
        Expr *lo = lo_copy(a, i->lo, replace, context), *hi = lo_copy(a, i->hi, replace, context);
        if (!expr_equal(lo, i->lo) || !expr_equal(hi, i->hi)) {
            x = NEW(a, Index);
            *x = *i;
            x->lo = lo;
            x->hi = hi;
            from[n] = i;
            to[n++] = x;
        }
        vec_push(a, &c->idx, x);
    }
    if (r->pred) c->pred = lo_copy(a, r->pred, replace, context);
    for (int i = 0; i < r->operands.n; i++) vec_push(a, &c->operands, lo_copy(a, r->operands.at[i], replace, context));
    if (n && c->pred) c->pred = lo_renamed(a, c->pred, from, to, n);
    for (int i = 0; i < c->operands.n && n; i++) c->operands.at[i] = lo_renamed(a, c->operands.at[i], from, to, n);
    return c;
}

Expr *lo_copy(Arena *a, Expr *e, LowReplace *replace, void *context) {
    Expr *other = replace ? replace(context, e) : NULL;
    if (other) return other;
    Expr *c = NEW(a, Expr);
    *c = *e;
    memset(&c->args, 0, sizeof c->args);
    for (int i = 0; i < e->args.n; i++) vec_push(a, &c->args, lo_copy(a, e->args.at[i], replace, context));
    if (e->kind == X_READ && e->pad) c->pad = lo_copy(a, e->pad, replace, context);
    if (e->kind == X_REDUCE) c->reduce = copy_reduce(a, e->reduce, replace, context);
    return c;
}

typedef struct Renamed { Arena *a; Index *const *from, *const *to; int n; } Renamed;

static Expr *rename_index(void *context, Expr *e) {
    const Renamed *r = context;
    for (int i = 0; i < r->n; i++)
        if (expr_is_index(e, r->from[i])) return lo_index(r->a, r->to[i]);
    return NULL;
}

Expr *lo_renamed(Arena *a, Expr *e, Index *const *from, Index *const *to, int n) {
    return lo_copy(a, e, rename_index, &(Renamed){a, from, to, n});
}
