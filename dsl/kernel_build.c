#include "dsl/kernel_build.h"

static Expr *node(Arena *a, XKind kind, DType t, Span at) {
    Expr *e = NEW(a, Expr);
    e->kind = kind;
    e->type = t;
    e->span = at;
    return e;
}

Expr *x_int(Arena *a, DType t, int64_t i, Span at) {
    Expr *e = node(a, X_LIT, t, at);
    e->lit_i = i;
    return e;
}

Expr *x_float(Arena *a, DType t, double f, Span at) {
    Expr *e = node(a, X_LIT, t, at);
    e->lit_f = f;
    return e;
}

Expr *x_index(Arena *a, Index *i, Span at) {
    Expr *e = node(a, X_INDEX, DT_I64, at);
    e->index = i;
    return e;
}

Expr *x_dim(Arena *a, Dim *d, Span at) {
    Expr *e = node(a, X_DIM, DT_I64, at);
    e->dim = d;
    return e;
}

Expr *x_var(Arena *a, Var *v, Span at) {
    Expr *e = node(a, X_VAR, v->type, at);
    e->var = v;
    return e;
}

Expr *x_read(Arena *a, Tensor *t, Span at) {
    Expr *e = node(a, X_READ, t->type, at);
    e->tensor = t;
    return e;
}

Expr *x_op(Arena *a, Op op, Expr *x, Expr *y, Expr *z, Span at) {
    Expr *e = node(a, X_OP, op_table[op].gives == OPG_BOOL ? DT_BOOL : x->type, at);
    e->op = op;
    vec_push(a, &e->args, x);
    if (y) vec_push(a, &e->args, y);
    if (z) vec_push(a, &e->args, z);
    return e;
}

Expr *x_convert(Arena *a, DType t, Expr *x, Span at) {
    if (x->type == t) return x;
    Expr *e = node(a, X_CONVERT, t, at);
    vec_push(a, &e->args, x);
    return e;
}

Expr *x_sat(Arena *a, DType t, Expr *x, Span at) {
    Expr *e = node(a, X_SAT, t, at);
    vec_push(a, &e->args, x);
    return e;
}

Expr *x_if(Arena *a, Expr *c, Expr *x, Expr *y, Span at) {
    Expr *e = node(a, X_IF, x->type, at);
    vec_push(a, &e->args, c);
    vec_push(a, &e->args, x);
    vec_push(a, &e->args, y);
    return e;
}

Expr *x_call(Arena *a, FnInst *fn, Span at) {
    Expr *e = node(a, X_CALL, fn->type, at);
    e->fn = fn;
    return e;
}

Expr *x_reduce(Arena *a, Reduce *r, DType t, Span at) {
    Expr *e = node(a, X_REDUCE, t, at);
    e->reduce = r;
    return e;
}

static bool all_equal(const Exprs *x, const Exprs *y) {
    if (x->n != y->n) return false;
    for (int i = 0; i < x->n; i++)
        if (!expr_equal(x->at[i], y->at[i])) return false;
    return true;
}

bool expr_equal(const Expr *x, const Expr *y) {
    if (x == y) return true;
    if (!x || !y || x->kind != y->kind || x->type != y->type || !all_equal(&x->args, &y->args)) return false;
    switch (x->kind) {
    case X_LIT: return dtype_is_float(x->type) ? x->lit_f == y->lit_f : x->lit_i == y->lit_i;
    case X_INDEX: return x->index == y->index;
    case X_DIM: return x->dim == y->dim;
    case X_VAR: return x->var == y->var;
    case X_READ: return x->tensor == y->tensor && x->mode == y->mode && expr_equal(x->pad, y->pad);
    case X_OP: return x->op == y->op;
    case X_CALL: return x->fn == y->fn;
    case X_REDUCE: return x->reduce == y->reduce;
    case X_CONVERT: case X_SAT: case X_IF: return true;
    }
    return false;
}

void expr_walk(Expr *e, bool (*visit)(void *context, Expr *e), void *context) {
    if (!e || !visit(context, e)) return;
    for (int i = 0; i < e->args.n; i++) expr_walk(e->args.at[i], visit, context);
    if (e->kind == X_READ) expr_walk(e->pad, visit, context);
    if (e->kind != X_REDUCE) return;
    Reduce *r = e->reduce;
    for (int i = 0; i < r->idx.n; i++) {
        expr_walk(r->idx.at[i]->lo, visit, context);
        expr_walk(r->idx.at[i]->hi, visit, context);
    }
    expr_walk(r->pred, visit, context);
    for (int i = 0; i < r->operands.n; i++) expr_walk(r->operands.at[i], visit, context);
}

Expr *expr_without_widening(Arena *a, Expr *e) {
    if (e->kind == X_CONVERT && e->type == DT_I64 && dtype_is_int(e->args.at[0]->type)) return expr_without_widening(a, e->args.at[0]);
    if (e->kind == X_REDUCE) return e;
    Expr *copy = NEW(a, Expr);
    *copy = *e;
    copy->args = (Exprs){0};
    for (int i = 0; i < e->args.n; i++) vec_push(a, &copy->args, expr_without_widening(a, e->args.at[i]));
    return copy;
}
