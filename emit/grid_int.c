/* Indices, subscripts, offsets: C integers, each operation charged. */
#include "emit/grid_gen.h"
#include "lower/expr.h"
#include <assert.h>
#include <string.h>

/* --- questions ------------------------------------------------------------------------------------------------------------- */

typedef struct Seek { const Index *i; bool found; } Seek;
static bool seek(void *context, Expr *e) {
    Seek *s = context;
    if (e->kind == X_INDEX && e->index == s->i) s->found = true;
    return !s->found;
}

bool grid_mentions(const Expr *e, const Index *i) {
    Seek s = {i, false};
    if (i) expr_walk((Expr *)e, seek, &s);
    return s.found;
}

static bool seek_lane(void *context, Expr *e) {
    Seek *s = context;
    s->found |= e->kind == X_VAR || (e->kind == X_INDEX && e->index == s->i);
    return !s->found;
}

bool grid_varies(const GridGen *g, const Expr *e) {
    Seek s = {g->lane, false};
    if (g->lane) expr_walk((Expr *)e, seek_lane, &s);
    return s.found;
}

static bool is_scalar_read(const GridGen *g, const Expr *e) {
    return e->kind == X_READ && e->tensor->rank == 0 && g->scalar[e->tensor->id] && !dtype_is_float(e->type);
}

bool grid_is_int(const GridGen *g, const Expr *e) {
    switch (e->kind) {
    case X_LIT: return e->type == DT_I64 || e->type == DT_BOOL;
    case X_INDEX: return e->index != g->lane;
    case X_DIM: return true;
    case X_READ: return is_scalar_read(g, e);
    case X_CONVERT: return e->type == DT_I64 && is_scalar_read(g, e->args.at[0]) && e->args.at[0]->type != DT_BOOL;
    case X_OP:
        for (int i = 0; i < e->args.n; i++) {
            DType t = e->args.at[i]->type;
            if ((t != DT_I64 && t != DT_BOOL) || !grid_is_int(g, e->args.at[i])) return false;
        }
        return e->op != OP_SHL && e->op != OP_SHR && e->op != OP_ABS && e->op != OP_SIGN;
    default: return false;
    }
}

/* --- folding ----------------------------------------------------------------------------------------------------------------- */

typedef struct Fold { GridGen *g; const Index *zero; } Fold;

/* x of 0 - x. */
static Expr *negated(const Expr *e) {
    int64_t v;
    return e->kind == X_OP && e->op == OP_SUB && e->args.n == 2 && lo_is_int(e->args.at[0], &v) && v == 0 ? e->args.at[1] : NULL;
}

static Expr *folded(void *context, Expr *e) {
    Fold *f = context;
    Arena *a = f->g->a;
    if (e->kind == X_READ || e->kind == X_REDUCE || e->kind == X_CALL) return e;
    if (e->kind == X_INDEX) {
        if (e->index == f->zero) return lo_int(a, 0);
        return grid_pin(f->g, e->index) ? grid_pin(f->g, e->index) : e;
    }
    if (e->kind != X_OP || e->type != DT_I64 || e->args.n > 2) return NULL;
    Expr *x = lo_copy(a, e->args.at[0], folded, f), *y = e->args.n == 2 ? lo_copy(a, e->args.at[1], folded, f) : NULL;
    switch (e->op) {
    case OP_ADD: return negated(y) ? lo_sub(a, x, negated(y)) : lo_add(a, x, y);
    case OP_SUB: return lo_sub(a, x, y);
    case OP_MUL: return negated(x) ? lo_sub(a, lo_int(a, 0), lo_mul(a, negated(x), y)) : lo_mul(a, x, y);
    case OP_MIN: return lo_min(a, x, y);
    case OP_MAX: return lo_max(a, x, y);
    case OP_NEG: return lo_sub(a, lo_int(a, 0), x);
    case OP_FLOORDIV: return lo_div_by(a, x, y);
    default: return NULL;
    }
}

static Expr *fold(GridGen *g, const Expr *e, const Index *zero) {
    Fold f = {g, zero};
    return lo_copy(g->a, (Expr *)e, folded, &f);
}

Expr *grid_folded(GridGen *g, const Expr *e) { return fold(g, e, NULL); }
Expr *grid_without(GridGen *g, const Expr *e, const Index *i) { return fold(g, e, i); }

Expr *grid_slope(GridGen *g, const Expr *e, const Index *i) {
    if (!grid_mentions(e, i)) return lo_int(g->a, 0);
    if (e->kind == X_INDEX) return lo_int(g->a, 1);
    if (e->kind != X_OP || e->type != DT_I64 || e->args.n > 2) return NULL;
    const Expr *x = e->args.at[0], *y = e->args.n == 2 ? e->args.at[1] : NULL;
    if (e->op == OP_MUL) {
        if (grid_mentions(x, i) && grid_mentions(y, i)) return NULL;
        const Expr *in = grid_mentions(x, i) ? x : y, *by = in == x ? y : x;
        Expr *s = grid_slope(g, in, i);
        return s ? lo_mul(g->a, s, (Expr *)by) : NULL;
    }
    if (e->op != OP_ADD && e->op != OP_SUB && e->op != OP_NEG) return NULL;
    Expr *s = grid_slope(g, x, i), *t = y ? grid_slope(g, y, i) : NULL;
    if (!s || (y && !t)) return NULL;
    if (e->op == OP_NEG) return lo_sub(g->a, lo_int(g->a, 0), s);
    return e->op == OP_ADD ? lo_add(g->a, s, t) : lo_sub(g->a, s, t);
}

static CExpr counted(GridGen *g, CExpr x, int n) {
    g->ops += n;
    return x;
}

/* --- numbers ----------------------------------------------------------------------------------------------------------------- */

static Index *variable(GridGen *g, const char *name) {
    Index *i = NEW(g->a, Index);
    i->name = name;
    i->id = g->index.n;
    vec_push(g->a, &g->index, c_atom(name));
    vec_push(g->a, &g->number_of, (GridNumber *)NULL);
    return i;
}

static Expr *new_number(GridGen *g, GridNumbers *at, const char *name, Expr *e, const char *text) {
    GridNumber *n = NEW(g->a, GridNumber);
    *n = (GridNumber){variable(g, grid_name(g, name)), e, text, false};
    g->number_of.at[n->index->id] = n;
    vec_push(g->a, at, n);
    return lo_index(g->a, n->index);
}

Expr *grid_number(GridGen *g, GridNumbers *at, const char *name, Expr *e) {
    if (e->kind == X_LIT || e->kind == X_INDEX || e->kind == X_DIM) return e;
    for (int i = 0; i < at->n; i++)
        if (at->at[i]->value && !at->at[i]->rounded && expr_equal(at->at[i]->value, e)) return lo_index(g->a, at->at[i]->index);
    return new_number(g, at, name, e, NULL);
}

Expr *grid_rounded(GridGen *g, GridNumbers *at, const char *name, Expr *e) {
    int64_t v;
    if (lo_is_int(e, &v)) return lo_int(g->a, (v + 31) / 32 * 32);
    Expr *n = new_number(g, at, name, e, NULL);
    g->number_of.at[n->index->id]->rounded = true;
    return n;
}

Expr *grid_number_text(GridGen *g, GridNumbers *at, const char *name, const char *text) { return new_number(g, at, name, NULL, text); }

void grid_numbers_print(GridGen *g, const GridNumbers *n) {
    for (int i = n->n; i-- > 0;) {
        GridNumber *x = n->at[i];
        if (!x->used || x->text) continue;
        CExpr v = grid_int(g, x->value);
        if (x->rounded) v = counted(g, c_product(&g->p, c_call2(&g->p, "pe_ceil", v, c_atom("32")), c_atom("32")), 2);
        x->text = v.text;
    }
    for (int i = 0; i < n->n; i++)
        if (n->at[i]->used) c_declare(&g->p, "const int64_t", n->at[i]->index->name, c_atom(n->at[i]->text));
}

/* --- text ---------------------------------------------------------------------------------------------------------------------- */

/* A value of the vector core, one lane of it. */
static CExpr from_vector(GridGen *g, const Expr *e) {
    const Index *lane = g->lane;
    int conds = g->conds.n;
    g->lane = NULL;
    g->conds.n = 0;
    CExpr v = grid_value(g, e);
    g->lane = lane;
    g->conds.n = conds;
    CExpr args[] = {c_atom("pe"), v, c_atom("0")};
    return c_call(&g->p, arena_printf(g->a, "pe_lane_%s", grid_lt(e->type)), 3, args);
}

static CExpr named_int(GridGen *g, const char *stem, CExpr x) {
    const char *name = grid_name(g, stem);
    c_declare(&g->p, "const int64_t", name, x);
    return c_atom(name);
}

static CExpr clamped(GridGen *g, const Tensor *t, CExpr x) {
    if (t->policy != POLICY_CLAMP || !t->lo) return x;
    CExpr lo = grid_int(g, t->lo), last = grid_int(g, lo_sub(g->a, t->hi, lo_int(g->a, 1)));
    return counted(g, c_call2(&g->p, "pe_min", c_call2(&g->p, "pe_max", x, lo), last), 2);
}

static CExpr read_int(GridGen *g, const Expr *e) {
    const Tensor *t = e->tensor;
    if (is_scalar_read(g, e)) {
        g->scalar_used[t->id] = true;
        return clamped(g, t, c_atom(g->scalar[t->id]));
    }
    GridTile *tile = e->mode == READ_PLAIN ? grid_tile_of(g, e) : NULL;
    if (!tile || e->type == DT_BOOL || dtype_is_float(e->type)) return from_vector(g, e);
    CExpr args[] = {c_atom("pe"), c_atom(tile->ring), grid_int(g, grid_offset(g, tile, (const Expr *const *)e->args.at))};
    CExpr x = c_call(&g->p, arena_printf(g->a, "pe_get_%s", dtype_name(t->type)), 3, args);
    return clamped(g, t, named_int(g, grid_name(g, t->name), x));
}

static const char *infix(Op op) {
    switch (op) {
    case OP_ADD: return "+";
    case OP_SUB: return "-";
    case OP_MUL: return "*";
    case OP_EQ: return "==";
    case OP_NE: case OP_BXOR: return "!=";
    case OP_LT: return "<";
    case OP_LE: return "<=";
    case OP_GT: return ">";
    case OP_GE: return ">=";
    case OP_AND: return "&&";
    case OP_OR: return "||";
    default: return NULL;
    }
}

static CExpr operation(GridGen *g, const Expr *e) {
    DType t = e->args.at[0]->type;
    bool logic = e->op == OP_AND || e->op == OP_OR;
    if ((t != DT_I64 && t != DT_BOOL) || (logic && !(grid_is_int(g, e->args.at[0]) && grid_is_int(g, e->args.at[1])))) return from_vector(g, e);
    CExpr x = grid_int(g, e->args.at[0]), y = e->args.n > 1 ? grid_int(g, e->args.at[1]) : (CExpr){0};
    switch (e->op) {
    case OP_NEG: return counted(g, c_unary(&g->p, "-", x), 1);
    case OP_NOT: return counted(g, c_unary(&g->p, "!", x), 1);
    case OP_BNOT:
        return counted(g, c_unary(&g->p, t == DT_BOOL ? "!" : "~", x), 1);
    case OP_MIN: return counted(g, c_call2(&g->p, "pe_min", x, y), 1);
    case OP_MAX: return counted(g, c_call2(&g->p, "pe_max", x, y), 1);
    case OP_FLOORDIV: g->uses_div = true; return counted(g, c_call2(&g->p, "floor_div", x, y), 8);
    case OP_MOD: g->uses_mod = g->uses_div = true; return counted(g, c_call2(&g->p, "floor_mod", x, y), 8);
    case OP_BAND: return counted(g, c_binary(&g->p, t == DT_BOOL ? "&&" : "&", x, y), 1);
    case OP_BOR: return counted(g, c_binary(&g->p, t == DT_BOOL ? "||" : "|", x, y), 1);
    case OP_BXOR: return counted(g, c_binary(&g->p, t == DT_BOOL ? "!=" : "^", x, y), 1);
    default: break;
    }
    if (!infix(e->op)) return from_vector(g, e);
    if (e->op == OP_ADD) return counted(g, c_sum(&g->p, x, y), 1);
    if (e->op == OP_MUL) return counted(g, c_product(&g->p, x, y), 1);
    if (e->op == OP_SUB && !strcmp(x.text, "0")) return counted(g, c_unary(&g->p, "-", y), 1);
    return counted(g, c_binary(&g->p, infix(e->op), x, y), 1);
}

CExpr grid_int(GridGen *g, const Expr *e) {
    switch (e->kind) {
    case X_LIT: return grid_literal(g, e->type, 0, e->lit_i);
    case X_DIM: g->dim_used[e->dim->id] = true; return g->dim[e->dim->id];
    case X_INDEX:
        if (grid_pin(g, e->index)) return grid_int(g, grid_pin(g, e->index));
        if (g->number_of.at[e->index->id]) g->number_of.at[e->index->id]->used = true;
        assert(g->index.at[e->index->id].text);
        return g->index.at[e->index->id];
    case X_READ: return read_int(g, e);
    case X_OP: return operation(g, e);
    case X_CONVERT: {
        DType from = e->args.at[0]->type;
        if (e->type == DT_I64 && dtype_is_int(from) && (e->args.at[0]->kind == X_READ || e->args.at[0]->kind == X_INDEX)) return grid_int(g, e->args.at[0]);
        return from_vector(g, e);
    }
    default: return from_vector(g, e);
    }
}
