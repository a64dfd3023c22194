#include "emit/host_gen.h"

typedef struct Mention { const Index *i; bool found; } Mention;

static bool mention(void *context, Expr *e) {
    Mention *m = context;
    if (e->kind == X_INDEX && e->index == m->i) m->found = true;
    if (e->kind == X_REDUCE && e->reduce->along == m->i) m->found = true;
    return !m->found;
}

bool host_mentions(const Expr *e, const Index *i) {
    Mention m = {i, false};
    expr_walk((Expr *)e, mention, &m);
    return m.found;
}

bool host_is_linear(const Expr *e) {
    if (e->kind == X_INDEX || e->kind == X_DIM || (e->kind == X_LIT && e->type == DT_I64)) return true;
    if (e->kind != X_OP || (e->op != OP_ADD && e->op != OP_SUB && e->op != OP_MUL && e->op != OP_NEG)) return false;
    bool linear = true, literal = true;
    for (int i = 0; i < e->args.n; i++) {
        linear = linear && host_is_linear(e->args.at[i]);
        literal = literal && e->args.at[i]->kind == X_LIT;
    }
    return linear && !literal;
}

/* Coefficient 1: the index itself, or a sum with something that does not hold it. */
static bool moves_by_one(const Expr *e, const Index *i) {
    if (e->kind == X_INDEX) return e->index == i;
    if (e->kind != X_OP) return false;
    if (e->op == OP_ADD)
        return (moves_by_one(e->args.at[0], i) && !host_mentions(e->args.at[1], i)) ||
               (moves_by_one(e->args.at[1], i) && !host_mentions(e->args.at[0], i));
    return e->op == OP_SUB && moves_by_one(e->args.at[0], i) && !host_mentions(e->args.at[1], i);
}

Stride host_stride(const Exprs *subs, const Index *i) {
    Stride s = STRIDE_NONE;
    for (int d = 0; d < subs->n; d++)
        if (host_mentions(subs->at[d], i)) s = s == STRIDE_NONE && d == subs->n - 1 && moves_by_one(subs->at[d], i) ? STRIDE_UNIT : STRIDE_OTHER;
    return s;
}

typedef struct Collect { Gen *g; Reads reads; } Collect;

static bool collect(void *context, Expr *e) {
    Collect *c = context;
    if (e->kind == X_READ && e->tensor->rank > 0) vec_push(c->g->a, &c->reads, (const Expr *)e);
    return true;
}

Reads host_reads(Gen *g, const Expr *e) {
    Collect c = {g, {0}};
    expr_walk((Expr *)e, collect, &c);
    return c.reads;
}
