#include "emit/host_gen.h"
#include "lower/expr.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How each type is written in C: while computed, in memory, and the ending of the helpers that work on it. */
static const struct { const char *value, *store, *tag; } ctype_table[DT_COUNT] = {
    [DT_F64] = {"double", "double", "f64"},        [DT_F32] = {"float", "float", "f32"},
    [DT_F16] = {"float", "uint16_t", "f32"},       [DT_BF16] = {"float", "uint16_t", "f32"},
    [DT_F8E4M3] = {"float", "uint8_t", "f32"},     [DT_F8E5M2] = {"float", "uint8_t", "f32"},
    [DT_I64] = {"int64_t", "int64_t", "i64"},      [DT_I32] = {"int32_t", "int32_t", "i32"},
    [DT_I16] = {"int32_t", "int16_t", "i32"},      [DT_I8] = {"int32_t", "int8_t", "i32"},
    [DT_U8] = {"int32_t", "uint8_t", "i32"},       [DT_BOOL] = {"bool", "uint8_t", "i32"},
};

const char *host_value_type(DType t) { return ctype_table[t].value; }
const char *host_store_type(DType t) { return ctype_table[t].store; }

static bool is_narrow_float(DType t) { return dtype_is_float(t) && dtype_table[t].bytes < 4; }

static const char *helper(Gen *g, const char *word, DType t) {
    return host_use(&g->uses, arena_printf(g->a, "knf_%s_%s", word, ctype_table[t].tag));
}

static CExpr float_literal(Gen *g, DType t, double f) {
    double v = t == DT_F64 ? f : dtype_round(t, f);
    if (isnan(v)) return c_atom(t == DT_F64 ? "(double)NAN" : "NAN");
    if (isinf(v)) return (CExpr){v < 0 ? "-INFINITY" : "INFINITY", v < 0 ? CP_UNARY : CP_PRIMARY};
    return c_float(&g->p, v, t == DT_F64);
}

CExpr host_literal(Gen *g, DType t, double f, int64_t i) {
    if (dtype_is_float(t)) return float_literal(g, t, f);
    if (t == DT_BOOL) return c_atom(i ? "true" : "false");
    return t == DT_I32 && i == INT32_MIN ? c_atom("INT32_MIN") : c_int(&g->p, i);
}

/* --- reads ----------------------------------------------------------------------------------------------------------------- */

CExpr host_extent(Gen *g, const Expr *e) { return host_extent_named(g, e, NULL); }

CExpr host_extent_named(Gen *g, const Expr *e, const char *name) {
    bool was = g->plain;
    g->plain = true;
    CExpr x;
    if (e->kind == X_LIT || e->kind == X_DIM) {
        x = host_expr(g, e);
    } else {
        int at = 0;
        while (at < g->extents.n && !expr_equal(g->extents.at[at].expr, e)) at++;
        if (at == g->extents.n) {
            HostExtent n = {e, host_name(g, name ? name : arena_printf(g->a, "extent%d", at + 1)), host_expr(g, e).text};
            vec_push(g->a, &g->extents, n);
        }
        x = c_atom(g->extents.at[at].name);
    }
    g->plain = was;
    return x;
}

CExpr host_bound(Gen *g, const Expr *e) {
    bool was = g->plain;
    g->plain = true;
    CExpr x = host_expr(g, e);
    g->plain = was;
    return x;
}

/* The element of a tile: rows of its room, places from the beginning of its box. */
CExpr host_tile_element(Gen *g, const TileBuf *b, const CExpr *subs) {
    CExpr at = c_atom("0");
    int64_t one;
    for (int d = 0; d < b->rank; d++) {
        if (lo_is_int(b->room[d], &one) && one == 1) continue;
        CExpr lo = host_bound(g, b->lo[d]);
        CExpr place = strcmp(lo.text, subs[d].text) ? strcmp(lo.text, "0") ? c_binary(&g->p, "-", subs[d], lo) : subs[d] : c_atom("0");
        at = c_sum(&g->p, c_product(&g->p, at, host_extent(g, b->room[d])), place);
    }
    return at;
}

static CExpr flat(Gen *g, const Tensor *t, const CExpr *subs) {
    if (g->tensors[t->id].tile) return host_tile_element(g, g->tensors[t->id].tile, subs);
    int first = g->tensors[t->id].dropped;
    CExpr at = subs[first];
    for (int d = first + 1; d < t->rank; d++) at = c_sum(&g->p, c_product(&g->p, at, host_extent(g, t->shape[d])), subs[d]);
    return at;
}

CExpr host_element(Gen *g, const Tensor *t, const Exprs *subs) {
    HostTensor *h = &g->tensors[t->id];
    h->used = true;
    if (h->variable) return c_atom(h->name);
    if (t->rank == 0 && !h->tile) return c_subscript(&g->p, c_atom(h->name), c_atom("0"));
    CExpr *at = NEW_ARRAY(g->a, CExpr, t->rank);
    for (int d = 0; d < t->rank; d++) at[d] = host_bound(g, subs->at[d]);
    return c_subscript(&g->p, c_atom(h->name), flat(g, t, at));
}

/* From memory to a value. */
static CExpr loaded(Gen *g, DType t, CExpr x) {
    if (is_narrow_float(t)) return c_call1(&g->p, host_use(&g->uses, arena_printf(g->a, "knf_from_%s", dtype_name(t))), x);
    return t == DT_BOOL ? c_binary(&g->p, "!=", x, c_atom("0")) : x;
}

static CExpr to_narrow(Gen *g, DType t, CExpr x) {
    return c_call1(&g->p, host_use(&g->uses, arena_printf(g->a, "knf_to_%s", dtype_name(t))), x);
}

static CExpr converted(Gen *g, DType to, DType from, CExpr x);

CExpr host_stored(Gen *g, DType t, const Expr *e, CExpr value) {
    if (is_narrow_float(t)) {
        HostTensor *h = e && e->kind == X_READ && e->mode == READ_PLAIN && e->type == t ? &g->tensors[e->tensor->id] : NULL;
        if (h && !h->variable && !(h->wide_on)) return host_element(g, e->tensor, &e->args);
        if (e && e->kind == X_CONVERT && e->type == t && dtype_is_float(e->args.at[0]->type) && e->args.at[0]->type != DT_F64)
            return to_narrow(g, t, host_expr(g, e->args.at[0]));
        return to_narrow(g, t, value);
    }
    if (t == DT_I16 || t == DT_I8 || t == DT_U8) return c_cast(&g->p, host_store_type(t), value);
    return value;
}

static CExpr declared_range(Gen *g, const Tensor *t, CExpr x) {
    if (t->policy != POLICY_CLAMP || !t->lo) return x;
    CExpr last = c_binary(&g->p, "-", host_extent(g, t->hi), c_atom("1"));
    CExpr c = c_call3(&g->p, host_use(&g->uses, "knf_clamp"), x, host_extent(g, t->lo), last);
    return t->type == DT_I64 ? c : c_cast(&g->p, "int32_t", c);
}

/* One element, subscripts being written already. */
static CExpr read_at(Gen *g, const Tensor *t, const CExpr *subs) {
    HostTensor *h = &g->tensors[t->id];
    h->used = true;
    if (h->variable) return declared_range(g, t, t->role == TR_INPUT ? loaded(g, t->type, c_atom(h->name)) : c_atom(h->name));
    bool wide = h->wide_on;
    CExpr at = t->rank ? flat(g, t, subs) : c_atom("0");
    CExpr x = c_subscript(&g->p, c_atom(wide ? h->wide : h->name), at);
    return wide ? x : declared_range(g, t, loaded(g, t->type, x));
}

/* A name for a subscript that is used twice, unless it is short. */
static CExpr named(Gen *g, const Expr *e, CExpr x) {
    if (host_is_linear(e) || e->kind == X_LIT) return x;
    const char *name = host_name(g, "at");
    c_declare(&g->p, "const int64_t", name, x);
    return c_atom(name);
}

/* The index runs over exactly the extent. */
bool host_is_inside(const Expr *sub, const Expr *extent) {
    if (sub->kind != X_INDEX) return false;
    const Index *i = sub->index;
    return i->lo->kind == X_LIT && i->lo->lit_i >= 0 && expr_equal(i->hi, extent);
}

/* The conditions, not known by themselves or by a name given before, under which a read with pad is inside; empty text for none. */
static CExpr inside_tests(Gen *g, const Expr *e, CExpr *at) {
    CExpr inside = {0};
    unsigned done = 0;
    for (int i = 0; i < g->guards.n; i++) {
        if (g->guards.at[i].read != e || (g->guards.at[i].row >= 0 && g->guards.at[i].row != g->row)) continue;
        inside = g->guards.at[i].value;
        done = g->guards.at[i].dims;
    }
    for (int d = 0; d < e->args.n; d++) {
        if ((d < 32 && done >> d & 1) || host_is_inside(e->args.at[d], e->tensor->shape[d])) continue;
        at[d] = named(g, e->args.at[d], at[d]);
        CExpr c = c_call2(&g->p, host_use(&g->uses, "knf_inside"), at[d], host_extent(g, e->tensor->shape[d]));
        inside = inside.text ? c_binary(&g->p, "&&", inside, c) : c;
    }
    return inside;
}

CExpr host_inside(Gen *g, const Expr *e, unsigned dims) {
    CExpr inside = {0};
    for (int d = 0; d < e->args.n && d < 32; d++) {
        if (!(dims >> d & 1)) continue;
        CExpr c = c_call2(&g->p, host_use(&g->uses, "knf_inside"), host_bound(g, e->args.at[d]), host_extent(g, e->tensor->shape[d]));
        inside = inside.text ? c_binary(&g->p, "&&", inside, c) : c;
    }
    return inside;
}

static CExpr read_pad(Gen *g, const Expr *e, CExpr *at) {
    CExpr inside = inside_tests(g, e, at);
    CExpr x = read_at(g, e->tensor, at);
    return inside.text ? c_cond(&g->p, inside, x, host_expr(g, e->pad)) : x;
}

CExpr host_read_element(Gen *g, const Expr *e, CExpr *inside) {
    HostTensor *h = &g->tensors[e->tensor->id];
    h->used = true;
    CExpr *at = NEW_ARRAY(g->a, CExpr, e->args.n);
    for (int d = 0; d < e->args.n; d++) at[d] = host_bound(g, e->args.at[d]);
    if (e->mode == READ_PAD) *inside = inside_tests(g, e, at);
    return c_subscript(&g->p, c_atom(h->wide_on ? h->wide : h->name), flat(g, e->tensor, at));
}

static CExpr read(Gen *g, const Expr *e) {
    const Tensor *t = e->tensor;
    CExpr *at = NEW_ARRAY(g->a, CExpr, t->rank);
    for (int d = 0; d < t->rank; d++) {
        at[d] = host_bound(g, e->args.at[d]);
        if (e->mode != READ_CLAMP) continue;
        CExpr last = c_binary(&g->p, "-", host_extent(g, t->shape[d]), c_atom("1"));
        at[d] = c_call3(&g->p, host_use(&g->uses, "knf_clamp"), at[d], c_atom("0"), last);
    }
    bool was = g->plain;
    g->plain = false;
    CExpr x = e->mode == READ_PAD ? read_pad(g, e, at) : read_at(g, t, at);
    g->plain = was;
    return x;
}

/* --- conversions ----------------------------------------------------------------------------------------------------------- */

static CExpr rounded_to_narrow(Gen *g, DType to, DType from, CExpr x) {
    if (from == DT_F64) x = c_call1(&g->p, host_use(&g->uses, "knf_f32_odd"), x);
    else if (from == DT_I64) x = c_call1(&g->p, host_use(&g->uses, "knf_f32_odd"), c_call1(&g->p, host_use(&g->uses, "knf_f64_odd"), x));
    else if (from == DT_I32) x = c_call1(&g->p, host_use(&g->uses, "knf_f32_odd"), x);
    else if (!dtype_is_float(from)) x = c_cast(&g->p, "float", x);
    return loaded(g, to, to_narrow(g, to, x));
}

/* Within the limits of an integer type narrower than 32 bits. */
static CExpr limited(Gen *g, DType to, CExpr x) {
    if (to == DT_I32 || to == DT_I64) return x;
    const DTypeRow *r = &dtype_table[to];
    return c_call3(&g->p, host_use(&g->uses, "knf_limit_i32"), x, c_int(&g->p, r->min), c_int(&g->p, r->max));
}

static CExpr converted(Gen *g, DType to, DType from, CExpr x) {
    if (to == from) return x;
    if (is_narrow_float(to)) return rounded_to_narrow(g, to, from, x);
    if (dtype_is_float(to)) return strcmp(host_value_type(to), host_value_type(from)) ? c_cast(&g->p, host_value_type(to), x) : x;
    if (to == DT_BOOL) return c_binary(&g->p, "!=", x, c_atom("0"));
    if (dtype_is_float(from)) return limited(g, to, c_call1(&g->p, helper(g, to == DT_I64 ? "to_i64" : "to_i32", from), x));
    if (from == DT_BOOL) return c_cast(&g->p, host_value_type(to), x);
    bool fits = dtype_table[from].min >= dtype_table[to].min && dtype_table[from].max <= dtype_table[to].max;
    if (fits) return strcmp(host_value_type(to), host_value_type(from)) ? c_cast(&g->p, host_value_type(to), x) : x;
    CExpr y = c_cast(&g->p, host_store_type(to), x);
    return y;
}

static CExpr saturated(Gen *g, const Expr *e, CExpr x) {
    DType from = e->args.at[0]->type, to = e->type;
    const DTypeRow *r = &dtype_table[to];
    if (from == DT_BOOL) return c_cast(&g->p, host_value_type(to), x);
    if (dtype_is_float(from)) {
        CExpr n = c_call1(&g->p, from == DT_F64 ? "rint" : "rintf", x);
        return limited(g, to, c_call1(&g->p, helper(g, to == DT_I64 ? "to_i64" : "to_i32", from), n));
    }
    if (to == DT_I64) return c_cast(&g->p, "int64_t", x);
    CExpr lo = host_literal(g, to, 0, r->min), hi = host_literal(g, to, 0, r->max);
    if (from != DT_I64) return to == DT_I32 ? x : limited(g, to, x);
    return c_cast(&g->p, "int32_t", c_call3(&g->p, host_use(&g->uses, "knf_clamp"), x, lo, hi));
}

/* --- operators ------------------------------------------------------------------------------------------------------------- */

typedef enum Form { FORM_HELPER, FORM_INFIX, FORM_PREFIX, FORM_LIBM } Form;
/* Where floats and integers take another way: how, and with which word. */
typedef struct OpForm { Form f, i; const char *word, *iword; } OpForm;
static const OpForm op_forms[OP_COUNT] = {
    [OP_ADD] = {FORM_INFIX, FORM_HELPER, "+", "add"},     [OP_SUB] = {FORM_INFIX, FORM_HELPER, "-", "sub"},
    [OP_MUL] = {FORM_INFIX, FORM_HELPER, "*", "mul"},     [OP_DIV] = {FORM_INFIX, FORM_INFIX, "/", "/"},
    [OP_FLOORDIV] = {0, FORM_HELPER, NULL, "floordiv"},   [OP_MOD] = {0, FORM_HELPER, NULL, "mod"},
    [OP_NEG] = {FORM_PREFIX, FORM_HELPER, "-", "neg"},    [OP_BAND] = {0, FORM_INFIX, NULL, "&"},
    [OP_BOR] = {0, FORM_INFIX, NULL, "|"},                [OP_BXOR] = {0, FORM_INFIX, NULL, "^"},
    [OP_BNOT] = {0, FORM_PREFIX, NULL, "~"},              [OP_SHL] = {0, FORM_HELPER, NULL, "shl"},
    [OP_SHR] = {0, FORM_HELPER, NULL, "shr"},             [OP_EQ] = {FORM_INFIX, FORM_INFIX, "==", "=="},
    [OP_NE] = {FORM_INFIX, FORM_INFIX, "!=", "!="},       [OP_LT] = {FORM_INFIX, FORM_INFIX, "<", "<"},
    [OP_LE] = {FORM_INFIX, FORM_INFIX, "<=", "<="},       [OP_GT] = {FORM_INFIX, FORM_INFIX, ">", ">"},
    [OP_GE] = {FORM_INFIX, FORM_INFIX, ">=", ">="},       [OP_AND] = {0, FORM_INFIX, NULL, "&&"},
    [OP_OR] = {0, FORM_INFIX, NULL, "||"},                [OP_NOT] = {0, FORM_PREFIX, NULL, "!"},
    [OP_MIN] = {FORM_HELPER, FORM_HELPER, "min", "min"},  [OP_MAX] = {FORM_HELPER, FORM_HELPER, "max", "max"},
    [OP_ABS] = {FORM_LIBM, FORM_HELPER, "fabs", "abs"},   [OP_SIGN] = {FORM_HELPER, FORM_HELPER, "sign", "sign"},
    [OP_FMA] = {FORM_LIBM, 0, "fma", NULL},               [OP_FLOOR] = {FORM_LIBM, 0, "floor", NULL},
    [OP_CEIL] = {FORM_LIBM, 0, "ceil", NULL},             [OP_ROUND] = {FORM_LIBM, 0, "rint", NULL},
    [OP_TRUNC] = {FORM_LIBM, 0, "trunc", NULL},           [OP_SQRT] = {FORM_LIBM, 0, "sqrt", NULL},
};

static CExpr recip_of(Gen *g, DType t, CExpr x) { return c_binary(&g->p, "/", c_atom(t == DT_F64 ? "1.0" : "1.0f"), x); }

/* Functions: of f32 our own where there is a helper, else libm's for double. */
static CExpr elementary(Gen *g, Op op, DType t, const CExpr *x, int n) {
    if (op == OP_RECIP) return recip_of(g, t, x[0]);
    if (op == OP_ISNAN || op == OP_ISINF) {
        CExpr c = c_call(&g->p, op == OP_ISNAN ? "isnan" : "isinf", 1, x);
        return c_binary(&g->p, "!=", c, c_atom("0"));
    }
    if (t == DT_F64 && op == OP_RSQRT) return recip_of(g, t, c_call1(&g->p, "sqrt", x[0]));
    const char *word = op_table[op].name;
    if (t == DT_F64) return c_call(&g->p, op_table[op].libm, n, x);
    return c_call(&g->p, host_use(&g->uses, arena_printf(g->a, "knf_%s", word)), n, x);
}

static CExpr apply(Gen *g, Op op, DType t, const CExpr *x, int n) {
    bool floats = dtype_is_float(t);
    const OpForm *f = &op_forms[op];
    const char *word = floats ? f->word : f->iword;
    if (!word) return elementary(g, op, t, x, n);
    if (t == DT_BOOL && op == OP_BNOT) word = "!";
    switch (floats ? f->f : f->i) {
    case FORM_INFIX: return c_binary(&g->p, word, x[0], x[1]);
    case FORM_PREFIX: return c_unary(&g->p, word, x[0]);
    case FORM_LIBM: return c_call(&g->p, t == DT_F64 ? word : arena_printf(g->a, "%sf", word), n, x);
    case FORM_HELPER: break;
    }
    return c_call(&g->p, helper(g, word, t), n, x);
}

/* Right sides that need statements stand in the branch where they are evaluated. */
static CExpr guarded_logic(Gen *g, const Expr *e) {
    const char *v = host_name(g, e->op == OP_AND ? "both" : "either");
    c_declare(&g->p, "bool", v, host_expr(g, e->args.at[0]));
    c_if(&g->p, e->op == OP_AND ? c_atom(v) : c_unary(&g->p, "!", c_atom(v)));
    int mark = host_scope_mark(g);
    c_assign(&g->p, c_atom(v), "=", host_expr(g, e->args.at[1]));
    host_scope_pop(g, mark);
    c_end(&g->p);
    return c_atom(v);
}

static bool is_number(const Expr *e, double value) {
    if (e->kind == X_OP && e->op == OP_NEG) return is_number(e->args.at[0], -value);
    return e->kind == X_LIT && dtype_is_float(e->type) && e->lit_f == value && signbit(e->lit_f) == signbit(value);
}

const Expr *host_negated_sum(const Expr *e) {
    if (e->kind != X_OP || !dtype_is_float(e->type)) return NULL;
    const Expr *x = e->args.at[0], *y = e->args.n > 1 ? e->args.at[1] : NULL, *of = NULL;
    if (e->op == OP_NEG) of = x;
    if ((e->op == OP_MUL || e->op == OP_DIV) && is_number(y, -1)) of = x;
    if ((e->op == OP_MUL && is_number(x, -1)) || (e->op == OP_SUB && is_number(x, -0.0))) of = y;
    if (!of || of->kind == X_LIT || (of->kind == X_READ && of->tensor->role == TR_INPUT) || (of->kind == X_CONVERT && !dtype_is_float(of->args.at[0]->type))) return NULL;
    return of->kind == X_OP && (of->op == OP_MUL || of->op == OP_DIV) ? NULL : of;
}

static CExpr operation(Gen *g, const Expr *e) {
    DType t = e->args.at[0]->type;
    if (op_table[e->op].gives != OPG_KEEP) t = dtype_table[t].compute;
    const Expr *sum = host_negated_sum(e);
    if (sum) return c_call1(&g->p, helper(g, "negative", t), host_expr(g, sum));
    if ((e->op == OP_AND || e->op == OP_OR) && host_needs_statements(e->args.at[1])) return guarded_logic(g, e);
    CExpr x[3];
    for (int i = 0; i < e->args.n; i++) x[i] = host_expr(g, e->args.at[i]);
    if (!g->plain || !host_is_linear(e)) return apply(g, e->op, t, x, e->args.n);
    if (e->op == OP_NEG) return c_unary(&g->p, "-", x[0]);
    if (e->op == OP_ADD) return c_sum(&g->p, x[0], x[1]);
    return e->op == OP_MUL ? c_product(&g->p, x[0], x[1]) : c_binary(&g->p, "-", x[0], x[1]);
}

static CExpr selection(Gen *g, const Expr *e) {
    CExpr c = host_expr(g, e->args.at[0]);
    if (!host_needs_statements(e->args.at[1]) && !host_needs_statements(e->args.at[2])) {
        CExpr x = host_expr(g, e->args.at[1]);
        return c_cond(&g->p, c, x, host_expr(g, e->args.at[2]));
    }
    const char *v = host_name(g, "chosen");
    c_declare(&g->p, host_value_type(e->type), v, (CExpr){0});
    c_if(&g->p, c);
    for (int i = 1; i <= 2; i++) {
        int mark = host_scope_mark(g);
        c_assign(&g->p, c_atom(v), "=", host_expr(g, e->args.at[i]));
        host_scope_pop(g, mark);
        if (i == 1) c_else(&g->p);
    }
    c_end(&g->p);
    return c_atom(v);
}

static CExpr call(Gen *g, const Expr *e) {
    CExpr *x = NEW_ARRAY(g->a, CExpr, e->args.n);
    for (int i = 0; i < e->args.n; i++) x[i] = host_expr(g, e->args.at[i]);
    return c_call(&g->p, g->fn[e->fn->id], e->args.n, x);
}

static CExpr reduction(Gen *g, const Expr *e) {
    Acc acc;
    host_reduce(g, e->reduce, &acc);
    return host_result_kept(g, e->type, host_acc_result(g, &acc, 0));
}

static CExpr expr_inside(Gen *g, const Expr *e) {
    switch (e->kind) {
    case X_LIT: return host_literal(g, e->type, dtype_is_float(e->type) ? e->lit_f : 0, dtype_is_float(e->type) ? 0 : e->lit_i);
    case X_INDEX: return g->index[e->index->id];
    case X_DIM: g->dim_used[e->dim->id] = true; return g->dim[e->dim->id];
    case X_VAR: return g->var[e->var->id];
    case X_CONVERT: return converted(g, e->type, e->args.at[0]->type, host_expr(g, e->args.at[0]));
    case X_SAT: return saturated(g, e, host_expr(g, e->args.at[0]));
    case X_CALL: return call(g, e);
    case X_REDUCE: return reduction(g, e);
    case X_IF: return selection(g, e);
    default: break;
    }
    assert(!"a kind of expression");
    return c_atom("0");
}

CExpr host_expr(Gen *g, const Expr *e) {
    for (int i = g->hoisted.n; i-- > 0;)
        if (g->hoisted.at[i].expr == e) return g->hoisted.at[i].value;
    if (e->kind == X_OP) return operation(g, e);
    if (e->kind == X_READ) return read(g, e);
    bool was = g->plain;
    if (e->kind != X_LIT && e->kind != X_INDEX && e->kind != X_DIM) g->plain = false;
    CExpr x = expr_inside(g, e);
    g->plain = was;
    return x;
}

static bool needs(void *context, Expr *e) {
    bool *found = context;
    if (e->kind == X_REDUCE) *found = true;
    if (e->kind == X_READ && e->mode == READ_PAD)
        for (int d = 0; d < e->args.n; d++)
            if (!host_is_linear(e->args.at[d]) && e->args.at[d]->kind != X_LIT) *found = true;
    return !*found;
}

bool host_needs_statements(const Expr *e) {
    bool found = false;
    expr_walk((Expr *)e, needs, &found);
    return found;
}

static CExpr bound_of(Gen *g, const Index *i, bool high) {
    CExpr lo, hi;
    if (g->tiles && host_tile_block(g, i, &lo, &hi)) return high ? hi : lo;
    return host_extent(g, high ? i->hi : i->lo);
}

CExpr host_lo(Gen *g, const Index *i) { return bound_of(g, i, false); }
CExpr host_hi(Gen *g, const Index *i) { return bound_of(g, i, true); }

void host_open_loop(Gen *g, Index *i, CExpr lo, CExpr hi) {
    const char *name = host_name(g, i->name);
    c_for(&g->p, "int64_t", name, lo, hi, 1);
    g->index[i->id] = c_atom(name);
}
