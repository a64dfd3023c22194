/* Interval arithmetic with bounds that are linear forms over dims. */
#include "dsl/affine_impl.h"

enum { BOUNDS_MAX = 6 };

static Lin shifted(Affine *f, Lin x, int64_t scale, Lin y) {
    bool overflow = false;
    Lin e = lin_add(f->arena, x, scale, y, &overflow);
    return overflow ? (Lin){.c = INT64_MIN} : e;
}

static bool usable(Lin e) { return e.c > -((int64_t)1 << 61) && e.c < (int64_t)1 << 61; }

static void put(Affine *f, Interval *i, bool hi, Lin e) {
    if (!usable(e)) return;
    int n = hi ? i->hi.n : i->lo.n;
    Lin *at = hi ? i->hi.at : i->lo.at;
    for (int k = 0; k < n; k++)
        if (lin_equal(at[k], e)) return;
    if (n >= BOUNDS_MAX) return;
    if (hi) vec_push(f->arena, &i->hi, e);
    else vec_push(f->arena, &i->lo, e);
}

static Interval of_type(Affine *f, DType t) {
    Interval i = {0};
    if (t == DT_I64 || !dtype_is_int(t)) return i;
    put(f, &i, false, lin_const(dtype_table[t].min));
    put(f, &i, true, lin_const(dtype_table[t].max));
    return i;
}

static Interval point(Affine *f, Lin e) {
    Interval i = {0};
    put(f, &i, false, e);
    put(f, &i, true, e);
    return i;
}

/* x + scale * y, bound by bound. */
static Interval sum(Affine *f, Interval x, int64_t scale, Interval y) {
    Interval i = {0};
    for (int k = 0; k < x.lo.n; k++)
        for (int j = 0; j < (scale > 0 ? y.lo.n : y.hi.n); j++)
            put(f, &i, false, shifted(f, x.lo.at[k], scale, scale > 0 ? y.lo.at[j] : y.hi.at[j]));
    for (int k = 0; k < x.hi.n; k++)
        for (int j = 0; j < (scale > 0 ? y.hi.n : y.lo.n); j++)
            put(f, &i, true, shifted(f, x.hi.at[k], scale, scale > 0 ? y.hi.at[j] : y.lo.at[j]));
    return i;
}

static Interval scaled(Affine *f, Interval x, int64_t c) { return c ? sum(f, point(f, lin_const(0)), c, x) : point(f, lin_const(0)); }

static Interval divided(Affine *f, Interval x, int64_t c) {
    Interval i = {0};
    for (int side = 0; side < 2; side++)
        for (int k = 0; k < (side ? x.hi.n : x.lo.n); k++) {
            Lin e = side ? x.hi.at[k] : x.lo.at[k];
            if (lin_is_const(e)) put(f, &i, side, lin_const(e.c / c - (e.c % c < 0)));
            else put(f, &i, side, lin_var(f->arena, affine_quotient(f, e, c)));
        }
    return i;
}

static bool holds(Affine *f, const Ctx *ctx, Lin value, bool hi, Lin bound) {
    Lin gap = hi ? shifted(f, bound, -1, value) : shifted(f, value, -1, bound);
    return usable(gap) && affine_ge0(f, ctx, gap);
}

Interval affine_keep(Affine *f, const Ctx *ctx, Expr *e, const Interval *from) {
    Interval kept = {0};
    Lin value = affine_of(f, ctx, e);
    for (int k = 0; k < from->lo.n; k++)
        if (holds(f, ctx, value, false, from->lo.at[k])) put(f, &kept, false, from->lo.at[k]);
    for (int k = 0; k < from->hi.n; k++)
        if (holds(f, ctx, value, true, from->hi.at[k])) put(f, &kept, true, from->hi.at[k]);
    return kept;
}

static void put_all(Affine *f, Interval *into, const Interval *from) {
    for (int k = 0; k < from->lo.n; k++) put(f, into, false, from->lo.at[k]);
    for (int k = 0; k < from->hi.n; k++) put(f, into, true, from->hi.at[k]);
}

/* Bounds that a guard gives: where `a < b` is known and a (or b) is over dims, what that says of the value if it is a shifted
 * copy of the other side. */
static void from_guards(Affine *f, const Ctx *ctx, Expr *e, Interval *into) {
    Lin value = affine_of(f, ctx, e);
    for (const Ctx *c = ctx; c; c = c->up) {
        if (c->kind == CTX_INDEX || c->cond->kind != X_OP || c->cond->args.n != 2 || !dtype_is_int(c->cond->args.at[0]->type)) continue;
        for (int side = 0; side < 2; side++) {
            Expr *a = c->cond->args.at[side], *b = c->cond->args.at[1 - side];
            if (!affine_dims_only(b)) continue;
            Lin shift = shifted(f, value, -1, affine_of(f, ctx, a));
            if (!lin_is_const(shift) || !usable(shift)) continue;
            for (int64_t off = -1; off <= 1; off++) {
                Lin bound = shifted(f, affine_of(f, ctx, b), 1, lin_const(shift.c + off));
                if (holds(f, ctx, value, false, bound)) put(f, into, false, bound);
                if (holds(f, ctx, value, true, bound)) put(f, into, true, bound);
            }
        }
    }
}

/* Only the bounds that hold for both values. */
static Interval joined(Affine *f, const Ctx *cx, Expr *x, const Ctx *cy, Expr *y) {
    Interval all = affine_interval(f, cx, x), other = affine_interval(f, cy, y);
    from_guards(f, cx, x, &all);
    from_guards(f, cy, y, &other);
    put_all(f, &all, &other);
    Interval kept = affine_keep(f, cx, x, &all);
    return affine_keep(f, cy, y, &kept);
}

static Interval of_index(Affine *f, const Ctx *ctx, Index *index) {
    if (!index->lo || !index->hi) return (Interval){0};
    Interval i = affine_interval(f, ctx, index->lo), hi = affine_interval(f, ctx, index->hi);
    i.hi.n = 0;
    for (int k = 0; k < hi.hi.n; k++) put(f, &i, true, shifted(f, hi.hi.at[k], 1, lin_const(-1)));
    return i;
}

static Interval of_minmax(Affine *f, const Ctx *ctx, Expr *e) {
    Interval x = affine_interval(f, ctx, e->args.at[0]), y = affine_interval(f, ctx, e->args.at[1]);
    put_all(f, &x, &y);
    return affine_keep(f, ctx, e, &x);
}

static Interval of_op(Affine *f, const Ctx *ctx, Expr *e) {
    if (!dtype_is_int(e->type)) return (Interval){0};
    Expr *x = e->args.at[0], *y = e->args.n > 1 ? e->args.at[1] : NULL;
    bool positive = y && y->kind == X_LIT && y->lit_i > 0;
    Interval exact = {0};
    switch (e->op) {
    case OP_ADD: exact = sum(f, affine_interval(f, ctx, x), 1, affine_interval(f, ctx, y)); break;
    case OP_SUB: exact = sum(f, affine_interval(f, ctx, x), -1, affine_interval(f, ctx, y)); break;
    case OP_NEG: exact = scaled(f, affine_interval(f, ctx, x), -1); break;
    case OP_MUL:
        if (y->kind == X_LIT && usable(lin_const(y->lit_i))) exact = scaled(f, affine_interval(f, ctx, x), y->lit_i);
        else if (x->kind == X_LIT && usable(lin_const(x->lit_i))) exact = scaled(f, affine_interval(f, ctx, y), x->lit_i);
        break;
    case OP_FLOORDIV: return positive ? divided(f, affine_interval(f, ctx, x), y->lit_i) : of_type(f, e->type);
    case OP_MOD:
        if (!positive) return of_type(f, e->type);
        put(f, &exact, false, lin_const(0));
        put(f, &exact, true, lin_const(y->lit_i - 1));
        return exact;
    case OP_MIN: case OP_MAX: return of_minmax(f, ctx, e);
    default: break;
    }
    put_all(f, &exact, &(Interval){0});
    Interval kept = affine_keep(f, ctx, e, &exact), type = of_type(f, e->type);    /* what survives a possible wrap */
    put_all(f, &kept, &type);
    return kept;
}

/* argmax and argmin: -1 or an index of the range. */
static Interval of_reduce(Affine *f, const Ctx *ctx, Expr *e) {
    Reduce *r = e->reduce;
    if (r->comb->kind != CK_ARGMAX && r->comb->kind != CK_ARGMIN) return of_type(f, e->type);
    Index *index = r->idx.at[r->idx.n - 1];
    Interval i = of_index(f, ctx, index);
    bool filled = !r->pred && r->idx.n == 1 && r->scan == SCAN_NONE && affine_lt(f, ctx, index->lo, index->hi);
    if (filled) return i;
    Interval either = {0};
    Expr minus_one = {.kind = X_LIT, .type = DT_I64, .lit_i = -1};
    either = affine_keep(f, ctx, &minus_one, &i);
    put(f, &either, false, lin_const(-1));
    return either;
}

Interval affine_interval(Affine *f, const Ctx *ctx, Expr *e) {
    Interval i;
    switch (e->kind) {
    case X_LIT: return dtype_is_float(e->type) ? (Interval){0} : point(f, lin_const(e->lit_i));
    case X_DIM: return point(f, affine_of(f, ctx, e));
    case X_INDEX: return of_index(f, ctx, e->index);
    case X_READ: {
        const Interval *known = e->mode == READ_PAD ? NULL : affine_get_interval(f, e->tensor);
        i = of_type(f, e->type);
        if (known) put_all(f, &i, known);
        return i;
    }
    case X_OP: return affine_dims_only(e) ? point(f, affine_of(f, ctx, e)) : of_op(f, ctx, e);
    case X_IF: {
        Expr *cond = e->args.at[0];
        Ctx yes = {.up = ctx, .kind = CTX_TRUE, .cond = cond}, no = {.up = ctx, .kind = CTX_FALSE, .cond = cond};
        return joined(f, &yes, e->args.at[1], &no, e->args.at[2]);
    }
    case X_CONVERT:
        if (!dtype_is_int(e->args.at[0]->type)) return of_type(f, e->type);
        i = affine_interval(f, ctx, e->args.at[0]);
        i = affine_keep(f, ctx, e, &i);
        break;
    case X_CALL: i = affine_interval(f, ctx, e->fn->body); i = affine_keep(f, ctx, e, &i); break;
    case X_REDUCE: return of_reduce(f, ctx, e);
    default: return of_type(f, e->type);
    }
    Interval type = of_type(f, e->type);
    put_all(f, &i, &type);
    return i;
}
