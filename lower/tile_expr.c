/* Expressions of Tile IR text: from syntax tree to typed nodes. Everything is written out there, so no type is inferred but that of a
 * literal, and nothing is converted. */
#include "lower/tile_reader.h"

static const Op ops[AO_COUNT] = {
    [AO_OR] = OP_OR, [AO_AND] = OP_AND, [AO_NOT] = OP_NOT, [AO_EQ] = OP_EQ, [AO_NE] = OP_NE, [AO_LT] = OP_LT, [AO_LE] = OP_LE,
    [AO_GT] = OP_GT, [AO_GE] = OP_GE, [AO_BOR] = OP_BOR, [AO_BXOR] = OP_BXOR, [AO_BAND] = OP_BAND, [AO_SHL] = OP_SHL,
    [AO_SHR] = OP_SHR, [AO_ADD] = OP_ADD, [AO_SUB] = OP_SUB, [AO_MUL] = OP_MUL, [AO_DIV] = OP_DIV, [AO_FLOORDIV] = OP_FLOORDIV,
    [AO_MOD] = OP_MOD, [AO_NEG] = OP_NEG, [AO_BNOT] = OP_BNOT,
};

#define FAIL(r, at, ...) (diag_error((r)->diags, at, __VA_ARGS__), NULL)

static Expr *make(TileReader *r, const AExpr *e, DType want);

/* A number, perhaps with a minus that belongs to it. */
static const AExpr *literal_of(const AExpr *e, bool *minus) {
    *minus = e->kind == A_UNARY && e->op == AO_NEG && !e->args.at[0]->parens;
    if (*minus) e = e->args.at[0];
    return e->kind == A_INT || e->kind == A_FLOAT ? e : NULL;
}

static bool is_literal(const AExpr *e) {
    bool minus;
    return literal_of(e, &minus) != NULL;
}

static Expr *literal(TileReader *r, const AExpr *e, DType want) {
    bool minus;
    const AExpr *number = literal_of(e, &minus);
    if (want == DT_NONE) want = number->kind == A_FLOAT ? DT_F32 : DT_I64;
    if (number->kind == A_FLOAT) return dtype_is_float(want) ? x_float(r->a, want, minus ? -number->f : number->f, e->span) : FAIL(r, e->span, "a number of type %s must be an integer", dtype_name(want));
    int64_t v = minus ? (int64_t)(0 - (uint64_t)number->i) : number->i;
    if (!dtype_is_int(want) || v < dtype_table[want].min || v > dtype_table[want].max) return FAIL(r, e->span, "this integer is no %s", dtype_name(want));
    return x_int(r->a, want, v, e->span);
}

static Expr *name(TileReader *r, const AExpr *e) {
    Index *i = tile_reader_index(r, e->name.text);
    if (i) return x_index(r->a, i, e->span);
    for (int d = 0; d < r->k->dims.n; d++)
        if (!strcmp(r->k->dims.at[d]->name, e->name.text)) return x_dim(r->a, r->k->dims.at[d], e->span);
    Tensor *t = tile_reader_tensor(r, e->name.text);
    if (t && !t->rank) return x_read(r->a, t, e->span);
    return FAIL(r, e->span, t ? "the tensor '%s' needs subscripts" : "'%s' is no dim, no scalar and no variable of this stage", e->name.text);
}

static Expr *access(TileReader *r, const AExpr *e) {
    Tensor *t = tile_reader_tensor(r, e->name.text);
    if (!t) return FAIL(r, e->name.span, "there is no tensor '%s'", e->name.text);
    if (t->rank != e->args.n) return FAIL(r, e->span, "'%s' has %d dimensions, not %d", t->name, t->rank, e->args.n);
    Expr *x = x_read(r->a, t, e->span);
    for (int d = 0; d < t->rank; d++) {
        Expr *sub = make(r, e->args.at[d], DT_I64);
        if (!sub) return NULL;
        vec_push(r->a, &x->args, sub);
    }
    x->mode = e->pad ? READ_PAD : e->clamp ? READ_CLAMP : READ_PLAIN;
    return !e->pad || (x->pad = make(r, e->pad, t->type)) ? x : NULL;
}

static bool accepts(Op op, DType t) {
    int bit = dtype_is_float(t) ? OPA_F : t == DT_BOOL ? OPA_B : OPA_I;
    return op_table[op].accepts & bit;
}

/* Operands of one type, the literals among them by the others. */
static bool operands(TileReader *r, const AExprs *from, int skip, DType want, Exprs *to) {
    DType type = DT_NONE;
    Expr *made[3] = {NULL};
    for (int pass = 0; pass < 2; pass++)
        for (int i = skip; i < from->n; i++) {
            if (made[i] || (is_literal(from->at[i]) && !pass)) continue;
            made[i] = make(r, from->at[i], pass && type == DT_NONE ? want : type);
            if (!made[i]) return false;
            if (type == DT_NONE) type = made[i]->type;
            if (made[i]->type != type) return diag_error(r->diags, from->at[i]->span, "this is %s, the other operand %s", dtype_name(made[i]->type), dtype_name(type)), false;
        }
    for (int i = skip; i < from->n; i++) vec_push(r->a, to, made[i]);
    return true;
}

static Expr *operation(TileReader *r, const AExpr *e, Op op, const AExprs *args, DType want) {
    Exprs x = {0};
    bool same = op_table[op].gives != OPG_BOOL;
    if (args->n != op_table[op].arity) return FAIL(r, e->span, "'%s' takes %d operands", op_table[op].name, op_table[op].arity);
    if (!operands(r, args, 0, same ? want : DT_NONE, &x)) return NULL;
    if (!accepts(op, x.at[0]->type)) return FAIL(r, e->span, "'%s' does not take %s", op_table[op].name, dtype_name(x.at[0]->type));
    return x_op(r->a, op, x.at[0], x.n > 1 ? x.at[1] : NULL, x.n > 2 ? x.at[2] : NULL, e->span);
}

static Expr *function(TileReader *r, const AExpr *e, FnInst *fn) {
    Expr *x = x_call(r->a, fn, e->span);
    if (e->args.n != fn->params.n) return FAIL(r, e->span, "'%s' takes %d arguments", fn->name, fn->params.n);
    for (int i = 0; i < e->args.n; i++) {
        Expr *arg = make(r, e->args.at[i], fn->params.at[i]->type);
        if (!arg) return NULL;
        vec_push(r->a, &x->args, arg);
    }
    return x;
}

static Expr *conversion(TileReader *r, const AExpr *e, DType type, bool saturate) {
    if (e->args.n != 1) return FAIL(r, e->span, "a conversion takes one operand");
    if (!saturate && is_literal(e->args.at[0])) return literal(r, e->args.at[0], type);
    Expr *x = make(r, e->args.at[0], DT_NONE);
    if (!x) return NULL;
    if (type == DT_BOOL || (saturate && (!dtype_is_int(type) || x->type == DT_BOOL))) return FAIL(r, e->span, "a conversion from %s to %s", dtype_name(x->type), dtype_name(type));
    return saturate ? x_sat(r->a, type, x, e->span) : x_convert(r->a, type, x, e->span);
}

static Expr *call(TileReader *r, const AExpr *e, DType want) {
    DType type = dtype_by_name(e->name.text);
    for (int i = 0; i < e->arg_names.n; i++)
        if (e->arg_names.at[i].text) return FAIL(r, e->arg_names.at[i].span, "arguments have no names here");
    if (type != DT_NONE) return conversion(r, e, type, false);
    for (int i = 0; i < r->k->fns.n; i++)
        if (!strcmp(r->k->fns.at[i]->name, e->name.text)) return function(r, e, r->k->fns.at[i]);
    Op op = op_by_name(e->name.text);
    if (op == OP_COUNT) return FAIL(r, e->name.span, "there is no function '%s'", e->name.text);
    return operation(r, e, op, &e->args, want);
}

static Expr *selection(TileReader *r, const AExpr *e, DType want) {
    Exprs x = {0};
    Expr *c = make(r, e->args.at[0], DT_BOOL);
    if (!c || !operands(r, &e->args, 1, want, &x)) return NULL;
    return x_if(r->a, c, x.at[0], x.at[1], e->span);
}

static Expr *any(TileReader *r, const AExpr *e, DType want) {
    if (is_literal(e)) return literal(r, e, want);
    switch (e->kind) {
    case A_BOOL: return x_int(r->a, DT_BOOL, e->i, e->span);
    case A_NAME: return name(r, e);
    case A_ACCESS: return access(r, e);
    case A_CALL: return call(r, e, want);
    case A_SAT: return conversion(r, e, dtype_by_name(e->name.text), true);
    case A_UNARY: case A_BINARY: return operation(r, e, ops[e->op], &e->args, want);
    case A_IF: return selection(r, e, want);
    case A_REDUCE: case A_SCAN: return FAIL(r, e->span, "a reduction cannot stand here");
    default: return FAIL(r, e->span, "this cannot stand here");
    }
}

static Expr *make(TileReader *r, const AExpr *e, DType want) {
    Expr *x = any(r, e, want);
    if (x && want != DT_NONE && x->type != want) return FAIL(r, e->span, "this is %s where %s is expected", dtype_name(x->type), dtype_name(want));
    return x;
}

Expr *tile_reader_make(TileReader *r, const AExpr *e, DType want) { return make(r, e, want); }
