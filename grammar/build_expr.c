#include "grammar/build.h"

Span build_span(Build *b, Tok t) { return (Span){b->source, t.lo, t.hi}; }

AName build_aname(Build *b, Tok t) { return t.code ? (AName){t.name, build_span(b, t)} : (AName){0}; }

/* A leaf. Beyond TREE_NODES_MAX one error is reported; the reader of tokens stops there. */
static AExpr *node(Build *b, AKind kind, Span at) {
    AExpr *e = NEW(b->arena, AExpr);
    e->kind = kind;
    e->span = e->whole = at;
    e->depth = 1;
    if (++b->n_nodes > TREE_NODES_MAX && !b->too_many) {
        b->too_many = true;
        diag_error(b->diags, at, "more than %d expressions in one file, which is the limit", TREE_NODES_MAX);
    }
    return e;
}

/* One level above `child` (may be NULL). Over TREE_DEPTH_MAX levels the node turns into an A_ERROR without children. */
static AExpr *over(Build *b, AExpr *e, const AExpr *child) {
    if (!child) return e;
    if (child->depth + 1 > e->depth) e->depth = child->depth + 1;
    if (e->depth <= TREE_DEPTH_MAX) return e;
    if (!b->too_deep) diag_error(b->diags, e->span, "this expression has more than %d levels, which is the limit", TREE_DEPTH_MAX);
    b->too_deep = true;
    *e = (AExpr){.kind = A_ERROR, .span = e->span, .whole = e->whole, .depth = 1};
    return e;
}

static AExpr *over_all(Build *b, AExpr *e, const AExprs *children) {
    for (int i = 0; i < children->n && e->kind != A_ERROR; i++) over(b, e, children->at[i]);
    return e;
}

AExprs *build_exprs(Build *b, AExpr *first) {
    AExprs *list = NEW(b->arena, AExprs);
    return first ? build_expr_add(b, list, first) : list;
}

AExprs *build_expr_add(Build *b, AExprs *list, AExpr *e) {
    vec_push(b->arena, list, e);
    return list;
}

AExpr *build_if(Build *b, Tok keyword, AExpr *condition, AExpr *yes, AExpr *no) {
    AExpr *e = node(b, A_IF, span_join(build_span(b, keyword), no->whole));
    vec_push(b->arena, &e->args, condition);
    vec_push(b->arena, &e->args, yes);
    vec_push(b->arena, &e->args, no);
    return over_all(b, e, &e->args);
}

static AOp op_of(int code) {
    static const unsigned char ops[TOKEN_CODES] = {
        [T_OR] = AO_OR, [T_AND] = AO_AND, [T_EQ] = AO_EQ, [T_NE] = AO_NE, [T_LT] = AO_LT, [T_LE] = AO_LE, [T_GT] = AO_GT,
        [T_GE] = AO_GE, [T_BAR] = AO_BOR, [T_CARET] = AO_BXOR, [T_AMP] = AO_BAND, [T_SHL] = AO_SHL, [T_SHR] = AO_SHR,
        [T_PLUS] = AO_ADD, [T_MINUS] = AO_SUB, [T_STAR] = AO_MUL, [T_SLASH] = AO_DIV, [T_FLOORDIV] = AO_FLOORDIV,
        [T_PERCENT] = AO_MOD,
    };
    return ops[code];
}

AExpr *build_binary(Build *b, Tok op, AExpr *left, AExpr *right) {
    AExpr *e = node(b, A_BINARY, span_join(left->whole, right->whole));
    e->op = op_of(op.code);
    vec_push(b->arena, &e->args, left);
    vec_push(b->arena, &e->args, right);
    return over(b, over(b, e, left), right);
}

AExpr *build_unary(Build *b, Tok op, AExpr *operand) {
    AExpr *e = node(b, A_UNARY, span_join(build_span(b, op), operand->whole));
    e->op = op.code == T_NOT ? AO_NOT : op.code == T_TILDE ? AO_BNOT : AO_NEG;
    vec_push(b->arena, &e->args, operand);
    return over(b, e, operand);
}

AExpr *build_parens(Build *b, Tok open, AExpr *e, Tok close) {
    e->parens = true;
    e->whole = span_join(build_span(b, open), build_span(b, close));
    return e;
}

AExprs *build_operand_list(Build *b, AExpr *first, AExprs *rest, Tok close) {
    AExprs *list = build_exprs(b, first);
    for (int i = 0; i < rest->n; i++) vec_push(b->arena, list, rest->at[i]);
    list->at[list->n - 1]->whole.hi = close.hi;    /* so that the reduction's span takes the bracket in */
    return list;
}

AExpr *build_operands(Build *b, AExpr *reduction, AExprs *operands) {
    reduction->args = *operands;
    reduction->span = reduction->whole = span_join(reduction->span, operands->at[operands->n - 1]->whole);
    return over_all(b, reduction, operands);
}

AExpr *build_reduction(Build *b, Tok first, Tok comb, bool is_reduce) {
    AExpr *e = node(b, A_REDUCE, span_join(build_span(b, first), build_span(b, comb)));
    e->comb = build_aname(b, comb);
    e->is_reduce = is_reduce;
    return e;
}

AExpr *build_reduction_over(Build *b, AExpr *reduction, AIters *iters, AExpr *pred, Tok close) {
    reduction->iters = *iters;
    reduction->pred = pred;
    reduction->span = reduction->whole = span_join(reduction->span, build_span(b, close));
    for (int i = 0; i < iters->n && reduction->kind != A_ERROR; i++) {
        over(b, reduction, iters->at[i].lo);
        if (reduction->kind != A_ERROR) over(b, reduction, iters->at[i].hi);
    }
    return reduction->kind != A_ERROR ? over(b, reduction, pred) : reduction;
}

AExpr *build_scan(Build *b, Tok keyword, AExpr *reduction, Tok index, Tok relation, Tok along) {
    reduction->kind = A_SCAN;
    reduction->span = reduction->whole = span_join(build_span(b, keyword), build_span(b, along));
    reduction->iters = *build_iters(b, NULL, build_iter(b, index, NULL, NULL));
    reduction->op = op_of(relation.code);
    reduction->field = build_aname(b, along);
    return reduction;
}

AIters *build_iters(Build *b, AIters *list, AIter iter) {
    if (!list) list = NEW(b->arena, AIters);
    vec_push(b->arena, list, iter);
    return list;
}

AIter build_iter(Build *b, Tok name, AExpr *lo, AExpr *hi) { return (AIter){build_aname(b, name), lo, hi}; }

AExpr *build_literal(Build *b, Tok t) {
    AKind kind = t.code == T_INT ? A_INT : t.code == T_TRUE || t.code == T_FALSE ? A_BOOL : A_FLOAT;
    AExpr *e = node(b, kind, build_span(b, t));
    if (t.code == T_INT) e->i = t.i;
    else if (kind == A_BOOL) e->i = t.code == T_TRUE;
    else e->f = t.code == T_FLOAT ? t.f : t.code == T_INF ? __builtin_inf() : t.code == T_NAN ? __builtin_nan("") : 3.14159265358979323846;
    return e;
}

AExpr *build_expr_name(Build *b, Tok name) {
    AExpr *e = node(b, A_NAME, build_span(b, name));
    e->name = build_aname(b, name);
    return e;
}

AExpr *build_field(Build *b, Tok name, Tok field) {
    AExpr *e = node(b, A_FIELD, span_join(build_span(b, name), build_span(b, field)));
    e->name = build_aname(b, name);
    e->field = build_aname(b, field);
    return e;
}

AExpr *build_access(Build *b, Tok name, AExprs *subs, Tok close) {
    AExpr *e = node(b, A_ACCESS, span_join(build_span(b, name), build_span(b, close)));
    e->name = build_aname(b, name);
    e->args = *subs;
    return over_all(b, e, subs);
}

AExpr *build_pad(Build *b, AExpr *access, AExpr *value) {
    access->pad = value;
    access->span = access->whole = span_join(access->span, value->whole);
    return access->kind == A_ERROR ? access : over(b, access, value);
}

AExpr *build_clamp(Build *b, AExpr *access, Tok keyword) {
    access->clamp = true;
    access->span = access->whole = span_join(access->span, build_span(b, keyword));
    return access;
}

AExpr *build_sat(Build *b, Tok keyword, Tok dtype, AExpr *operand, Tok close) {
    AExpr *e = node(b, A_SAT, span_join(build_span(b, keyword), build_span(b, close)));
    e->name = build_aname(b, dtype);
    vec_push(b->arena, &e->args, operand);
    return over(b, e, operand);
}

AExpr *build_args(Build *b) { return node(b, A_CALL, (Span){0}); }

void build_arg(Build *b, AExpr *call, const Tok *name, AExpr *value) {
    vec_push(b->arena, &call->args, value);
    vec_push(b->arena, &call->arg_names, name ? build_aname(b, *name) : (AName){0});
}

AExpr *build_call(Build *b, Tok name, ACargs *cargs, AExpr *call, Tok close) {
    call->span = call->whole = span_join(build_span(b, name), build_span(b, close));
    call->name = build_aname(b, name);
    if (cargs) call->cargs = *cargs;
    return over_all(b, call, &call->args);
}

ACargs *build_carg(Build *b, ACargs *list, Tok name, ACval value) {
    if (!list) list = NEW(b->arena, ACargs);
    vec_push(b->arena, list, ((ACarg){build_aname(b, name), value}));
    return list;
}
