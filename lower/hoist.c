/* Factors that a sum does not vary over leave it:
 *     s = sum[k] a[k] * b[k] * c   becomes   s.sum = sum[k] a[k] * b[k];  s = (if the range is empty then 0 else s.sum * c)
 * so that what is left can be the engine's product of two reads. Rounding differs by less than what the sum's error bound allows: one
 * product is rounded instead of one in each term. */
#include "lower/sched.h"

static bool varies(const Reduce *r, const Expr *e) {
    for (int i = 0; i < r->idx.n; i++)
        if (low_mentions(e, r->idx.at[i])) return true;
    return false;
}

static bool number_node(void *context, Expr *e) {
    bool *fine = context;
    bool leaf = e->kind == X_LIT || e->kind == X_DIM || (e->kind == X_READ && !e->tensor->rank && e->tensor->role == TR_INPUT);
    *fine = *fine && (leaf || e->kind == X_OP || e->kind == X_CONVERT);
    return *fine;
}

/* The same for all points. */
static bool is_number(Expr *e) {
    bool fine = true;
    expr_walk(e, number_node, &fine);
    return fine;
}

/* The factors of a product; a divisor that is a number is one, too. */
static void factors(Low *l, Expr *e, Exprs *to) {
    if (e->kind == X_OP && e->op == OP_DIV && dtype_is_float(e->type) && is_number(e->args.at[1])) {
        factors(l, e->args.at[0], to);
        vec_push(l->a, to, x_op(l->a, OP_DIV, x_float(l->a, e->type, 1, e->span), e->args.at[1], NULL, e->span));
        return;
    }
    if (e->kind != X_OP || e->op != OP_MUL) {
        vec_push(l->a, to, e);
        return;
    }
    factors(l, e->args.at[0], to);
    factors(l, e->args.at[1], to);
}

static Expr *product(Low *l, const Exprs *x, Span at) {
    Expr *e = NULL;
    for (int i = 0; i < x->n; i++) e = e ? x_op(l->a, OP_MUL, e, x->at[i], NULL, at) : x->at[i];
    return e;
}

/* Two factors that vary, whose product is one that an engine adds up, and at least one that does not. */
static bool splits(Low *l, const Stmt *s, Exprs *inside, Exprs *outside) {
    const Reduce *r = low_reduce(s);
    if (!r || r->scan || r->pred || r->comb->kind != CK_SUM || s->targets.n != 1 || dtype_table[r->comb->type].kind != DK_FLOAT) return false;
    Exprs all = {0};
    factors(l, r->operands.at[0], &all);
    for (int i = 0; i < all.n; i++) {
        if (varies(r, all.at[i])) vec_push(l->a, inside, all.at[i]);
        else vec_push(l->a, outside, all.at[i]);
    }
    if (inside->n != 2 || !outside->n) return false;
    Reduce left = *r;
    EngineMatch x;
    memset(&left.operands, 0, sizeof left.operands);
    vec_push(l->a, &left.operands, product(l, inside, s->span));
    return engine_of_product(&l->m->engines, &left, &(EngineRules){.arena = l->a}, &x, NULL) != NULL;
}

/* Some range of the reduction has nothing in it. */
static Expr *is_empty(Low *l, const Reduce *r, Span at) {
    Expr *any = NULL;
    for (int i = 0; i < r->idx.n; i++) {
        Expr *none = lo_le(l->a, r->idx.at[i]->hi, r->idx.at[i]->lo);
        any = any ? x_op(l->a, OP_OR, any, none, NULL, at) : none;
    }
    return any;
}

static bool is_independent(const Reduce *r) {
    for (int i = 0; i < r->idx.n; i++)
        if (varies(r, r->idx.at[i]->lo) || varies(r, r->idx.at[i]->hi)) return false;
    return true;
}

static void hoist(Low *l, Stmt *s, const Exprs *inside, const Exprs *outside) {
    Arena *a = l->a;
    DType type = s->value->type;
    Tensor *t = NEW(a, Tensor);
    *t = (Tensor){.name = arena_printf(a, "%s.dot%d", s->targets.at[0].tensor->name, l->k->tensors.n), .id = l->k->tensors.n, .role = TR_TEMP, .type = type, .rank = s->idx.n, .span = s->span};
    t->shape = NEW_ARRAY(a, Expr *, s->idx.n + 1);
    vec_push(a, &l->k->tensors, t);
    Stmt *after = NEW(a, Stmt);
    *after = *s;
    memset(&after->idx, 0, sizeof after->idx);
    Target to = {.tensor = t, .span = s->span};
    Expr *sum = x_read(a, t, s->span);
    for (int i = 0; i < s->idx.n; i++) {
        Index *old = s->idx.at[i], *n = NEW(a, Index);
        *n = *old;
        n->id = l->k->n_indices++;
        vec_push(a, &after->idx, n);
        t->shape[i] = old->hi;
        vec_push(a, &to.subs, lo_index(a, old));
        vec_push(a, &sum->args, lo_index(a, n));
    }
    Expr *rest = lo_renamed(a, product(l, outside, s->span), s->idx.at, after->idx.at, s->idx.n), *zero = x_float(a, type, 0, s->span);
    Expr *empty = lo_renamed(a, is_empty(l, s->value->reduce, s->span), s->idx.at, after->idx.at, s->idx.n);
    /* A number takes the condition for itself: the product stays one. */
    after->value = is_number(rest) ? x_op(a, OP_MUL, sum, x_if(a, empty, zero, rest, s->span), NULL, s->span) : x_if(a, empty, zero, x_op(a, OP_MUL, sum, rest, NULL, s->span), s->span);
    memset(&after->targets, 0, sizeof after->targets);
    Target last = s->targets.at[0];
    Exprs subs = last.subs;
    memset(&last.subs, 0, sizeof last.subs);
    for (int i = 0; i < subs.n; i++) vec_push(a, &last.subs, lo_renamed(a, subs.at[i], s->idx.at, after->idx.at, s->idx.n));
    vec_push(a, &after->targets, last);
    s->value->reduce->operands.at[0] = product(l, inside, s->span);
    memset(&s->targets, 0, sizeof s->targets);
    vec_push(a, &s->targets, to);
    s->id = l->k->stmts.n;
    vec_push(a, &l->k->stmts, s);
    after->id = l->k->stmts.n;
    vec_push(a, &l->k->stmts, after);
}

/* Ranges of the statement's indices begin at 0: the temporary has their extents. */
static bool begins_at_zero(const Stmt *s) {
    int64_t lo;
    for (int i = 0; i < s->idx.n; i++)
        if (!lo_is_int(s->idx.at[i]->lo, &lo) || lo) return false;
    return true;
}

void hoist_factors(Low *l) {
    Stmt **old = l->k->stmts.at;
    int n = l->k->stmts.n;
    memset(&l->k->stmts, 0, sizeof l->k->stmts);
    for (int i = 0; i < n; i++) {
        Exprs inside = {0}, outside = {0};
        Stmt *s = NEW(l->a, Stmt);
        *s = *old[i];
        if (!sched_keeps_product(l, s) && begins_at_zero(s) && splits(l, s, &inside, &outside) && is_independent(s->value->reduce)) {
            s->value = lo_copy(l->a, s->value, NULL, NULL);
            hoist(l, s, &inside, &outside);
            continue;
        }
        s->id = l->k->stmts.n;
        vec_push(l->a, &l->k->stmts, s);
    }
}
