/* Values of the kernel on the vector core. */
#include "emit/grid_gen.h"
#include "lower/expr.h"
#include <assert.h>
#include <ctype.h>
#include <string.h>

enum { LONG_LINE = 96 };

/* --- calls --------------------------------------------------------------------------------------------------------------------- */

CExpr grid_apply(GridGen *g, const char *op, const char *lt, int n, const CExpr *x) {
    CExpr args[4] = {c_atom("pe")};
    for (int i = 0; i < n; i++) args[i + 1] = x[i];
    return c_call(&g->p, arena_printf(g->a, "pe_%s_%s", op, lt), n + 1, args);
}

CExpr grid_splat(GridGen *g, const char *lt, CExpr x) { return grid_apply1(g, "splat", lt, x); }

CExpr grid_named(GridGen *g, const char *name, const char *lt, CExpr x) {
    if (x.prec == CP_PRIMARY) return x;
    const char *n = grid_name(g, name);
    c_declare(&g->p, arena_printf(g->a, "const pe_%s", lt), n, x);
    return c_atom(n);
}

static CExpr short_enough(GridGen *g, DType t, CExpr x) { return strlen(x.text) > LONG_LINE ? grid_named(g, "t", grid_lt(t), x) : x; }

/* An operator's name in the vector core's calls. */
static const char *op_word(GridGen *g, Op op, DType t) {
#define OP(id, ...) #id,
    static const char *const names[] = {
#include "dsl/ops.def"
    };
#undef OP
    if (t == DT_BOOL) {
        if (op == OP_BAND) op = OP_AND;
        if (op == OP_BOR) op = OP_OR;
        if (op == OP_BNOT) op = OP_NOT;
        if (op == OP_BXOR) return "xor";
    }
    char *s = arena_strndup(g->a, names[op], strlen(names[op]));
    for (char *c = s; *c; c++) *c = (char)tolower((unsigned char)*c);
    return s;
}

/* --- lanes that count ------------------------------------------------------------------------------------------------------------ */

static bool is_full(const GridGen *g) { return !strcmp(g->lanes, "16"); }

static CExpr first_lanes(GridGen *g) { return c_call2(&g->p, "pe_first_mask", c_atom("pe"), c_atom(g->lanes)); }

bool grid_mask(GridGen *g, CExpr *mask) {
    if (!g->conds.n) return false;
    CExpr m = {0};
    for (int i = 0; i < g->conds.n; i++) {
        GridCond *c = &g->conds.at[i];
        if (c->negated && !c->other.text) {
            c->taken = g->taken.n;
            c->other = grid_named(g, "otherwise", "mask", grid_apply1(g, "not", "mask", c->mask));
        }
        CExpr x = c->negated ? c->other : c->mask;
        m = m.text ? grid_apply2(g, "and", "mask", m, x) : x;
    }
    *mask = grid_named(g, "where", "mask", m);
    return true;
}

/* The mask of a masked access: lanes that are there, and count. */
static CExpr access_mask(GridGen *g) {
    CExpr m;
    if (!grid_mask(g, &m)) return first_lanes(g);
    return is_full(g) ? m : grid_apply2(g, "and", "mask", m, first_lanes(g));
}

/* --- memory ------------------------------------------------------------------------------------------------------------------------ */

static const GridBase *base_of(const GridGen *g, const Expr *key) {
    for (int i = g->bases.n; i-- > 0;)
        if (g->bases.at[i].read == key) return &g->bases.at[i];
    return NULL;
}

static CExpr memory(GridGen *g, const char *what, DType t, int n, const CExpr *x) {
    return grid_apply(g, what, dtype_name(t), n, x);
}

/* One element for all lanes. */
static CExpr broadcast(GridGen *g, const GridTile *t, CExpr at, bool safe) {
    DType type = t->buf->type;
    const char *lt = grid_lt(type);
    CExpr ring = c_atom(t->ring);
    if (!safe && g->conds.n) {
        CExpr args[] = {ring, at, grid_splat(g, "i32", c_atom("0")), access_mask(g)};
        CExpr all[] = {c_atom("pe"), args[0], args[1], args[2], args[3]};
        return c_call(&g->p, arena_printf(g->a, "pe_gather_%s", dtype_name(type)), 5, all);
    }
    CExpr x = memory(g, "get", type, 2, (CExpr[]){ring, at});
    if (!strcmp(lt, "i32")) x = c_cast(&g->p, "int32_t", x);
    return grid_splat(g, lt, type == DT_BOOL ? c_binary(&g->p, "!=", x, c_atom("0")) : x);
}

/* Elements from one lane to the next, as a vector of multiples. */
static CExpr multiples(GridGen *g, Expr *stride, int64_t size) {
    int64_t v;
    CExpr by = lo_is_int(stride, &v) ? c_int(&g->p, v / size) : c_cast(&g->p, "int32_t", c_binary(&g->p, "/", grid_int(g, stride), c_int(&g->p, size)));
    return grid_apply2(g, "mul", "i32", c_atom("pe_iota(pe)"), grid_splat(g, "i32", by));
}

/* Where the lanes' elements are: an offset, and unless they are neighbours their places from there. */
typedef struct Places { CExpr at, index; } Places;

/* The offset now that the loop has its index. */
static CExpr moved(GridGen *g, const GridBase *b) {
    g->ops += 2;
    return c_sum(&g->p, b->base, c_product(&g->p, grid_int(g, b->step), grid_int(g, lo_index(g->a, (Index *)b->along))));
}

static Places places(GridGen *g, const Expr *key, const GridTile *t, const Expr *const *subs) {
    int64_t size = dtype_table[t->buf->type].bytes, v;
    const GridBase *b = base_of(g, key);
    Expr *off = b ? NULL : grid_offset(g, t, subs), *stride = b ? b->stride : grid_slope(g, off, g->lane);
    if (!stride) {
        CExpr e = grid_value(g, grid_element(g, t, subs));
        return (Places){c_atom("0"), grid_named(g, "at", "i32", grid_apply1(g, "i32_of", "i64", e))};
    }
    CExpr at = b ? moved(g, b) : grid_int(g, off);
    if (lo_is_int(stride, &v) && v == size) return (Places){at, {0}};
    return (Places){at, b && b->lanes.text ? b->lanes : multiples(g, stride, size)};
}

CExpr grid_load_value(GridGen *g, const Expr *key, const GridTile *t, const Expr *const *subs, bool safe) {
    DType type = t->buf->type;
    CExpr ring = c_atom(t->ring);
    const GridBase *b = base_of(g, key);
    if (!g->lane) {
        CExpr at = b ? moved(g, b) : grid_int(g, grid_offset(g, t, subs));
        return memory(g, "ld", type, 3, (CExpr[]){ring, at, c_atom("1")});
    }
    bool along = false;
    for (int d = 0; d < t->buf->rank; d++) along = along || (!t->buf->point[d] && grid_mentions(subs[d], g->lane));
    if (!along) return broadcast(g, t, b ? moved(g, b) : grid_int(g, grid_offset(g, t, subs)), safe);
    Places p = places(g, key, t, subs);
    bool masked = !safe && g->conds.n;
    if (!p.index.text && masked) return memory(g, "ldm", type, 3, (CExpr[]){ring, p.at, access_mask(g)});
    if (!p.index.text) return memory(g, "ld", type, 3, (CExpr[]){ring, p.at, c_atom(g->lanes)});
    CExpr all[] = {c_atom("pe"), ring, p.at, p.index, masked ? access_mask(g) : first_lanes(g)};
    return c_call(&g->p, arena_printf(g->a, "pe_gather_%s", dtype_name(type)), 5, all);
}

void grid_store_value(GridGen *g, const GridTile *t, const Expr *const *subs, CExpr value) {
    DType type = t->buf->type;
    CExpr ring = c_atom(t->ring);
    if (!g->lane) {
        const GridBase *b = base_of(g, (const Expr *)t);
        CExpr all[] = {c_atom("pe"), ring, b ? moved(g, b) : grid_int(g, grid_offset(g, t, subs)), c_atom("1"), value};
        c_expr(&g->p, c_call(&g->p, arena_printf(g->a, "pe_st_%s", dtype_name(type)), 5, all));
        return;
    }
    Places p = places(g, (const Expr *)t, t, subs);
    if (!p.index.text) {
        CExpr all[] = {c_atom("pe"), ring, p.at, c_atom(g->lanes), value};
        c_expr(&g->p, c_call(&g->p, arena_printf(g->a, "pe_st_%s", dtype_name(type)), 5, all));
        return;
    }
    CExpr all[] = {c_atom("pe"), ring, p.at, p.index, first_lanes(g), value};
    c_expr(&g->p, c_call(&g->p, arena_printf(g->a, "pe_scatter_%s", dtype_name(type)), 6, all));
}

int grid_access_cost(GridGen *g, const GridTile *t, const Expr *const *subs, const Index *i) {
    bool along = false;
    for (int d = 0; d < t->buf->rank; d++) along = along || (!t->buf->point[d] && grid_mentions(subs[d], i));
    if (!along) return 1;
    int64_t v;
    Expr *s = grid_slope(g, grid_offset(g, t, subs), i);
    return s && lo_is_int(s, &v) && v == dtype_table[t->buf->type].bytes ? 1 : s ? 16 : 24;
}

/* --- reads ------------------------------------------------------------------------------------------------------------------------- */

/* An element that no tile holds. */
static CExpr fetched(GridGen *g, const Expr *e) {
    const Tensor *t = e->tensor;
    Expr *at = lo_int(g->a, 0);
    for (int d = 0; d < t->rank; d++) at = lo_add(g->a, lo_mul(g->a, at, t->shape[d]), grid_folded(g, e->args.at[d]));
    g->fetches[t->type] = true;
    CExpr args[] = {c_atom("pe"), c_atom(grid_fetch_ring(g, t->type)), c_atom(g->tensor[t->id]), grid_int(g, at)};
    return c_call(&g->p, arena_printf(g->a, "fetch_%s", dtype_name(t->type)), 4, args);
}

static CExpr scalar_read(GridGen *g, const Tensor *t) {
    g->scalar_used[t->id] = true;
    CExpr x = c_atom(g->scalar[t->id]);
    if (!strcmp(grid_lt(t->type), "i32")) x = c_cast(&g->p, "int32_t", x);
    return grid_splat(g, grid_lt(t->type), x);
}

static CExpr clamped(GridGen *g, const Tensor *t, CExpr x) {
    if (t->policy != POLICY_CLAMP || !t->lo) return x;
    const char *lt = grid_lt(t->type);
    CExpr lo = grid_int(g, t->lo), last = grid_int(g, lo_sub(g->a, t->hi, lo_int(g->a, 1)));
    if (!strcmp(lt, "i32")) lo = c_cast(&g->p, "int32_t", lo), last = c_cast(&g->p, "int32_t", last);
    return grid_apply2(g, "min", lt, grid_apply2(g, "max", lt, x, grid_splat(g, lt, lo)), grid_splat(g, lt, last));
}

static CExpr plain_read(GridGen *g, const Expr *e) {
    const Tensor *t = e->tensor;
    if (t->rank == 0 && g->scalar[t->id]) return clamped(g, t, scalar_read(g, t));
    GridTile *tile = grid_tile_of(g, e);
    const Expr *const *subs = (const Expr *const *)e->args.at;
    if (!tile) return grid_named(g, t->name, grid_lt(t->type), clamped(g, t, fetched(g, e)));
    bool safe = true;
    for (int d = 0; d < t->rank; d++) safe = safe && grid_is_safe(tile, d, subs[d]);
    return grid_named(g, t->name, grid_lt(t->type), clamped(g, t, grid_load_value(g, e, tile, subs, safe)));
}

static bool is_inside(const Expr *sub, const Expr *extent) {
    int64_t v, n;
    if (sub->kind == X_LIT) return lo_is_int(extent, &n) && lo_is_int(sub, &v) && v >= 0 && v < n;
    return sub->kind == X_INDEX && sub->index->lo && sub->index->lo->kind == X_LIT && sub->index->lo->lit_i >= 0 && expr_equal(sub->index->hi, extent);
}

static Expr *x2(GridGen *g, Op op, Expr *x, Expr *y) { return x_op(g->a, op, x, y, NULL, (Span){0}); }

/* The read with its pad as a condition, or with its subscripts clamped, or itself. */
static Expr *opened(GridGen *g, const Expr *e) {
    if (e->mode == READ_PLAIN) return (Expr *)e;
    for (int i = 0; i < g->twins.n; i++)
        if (g->twins.at[i].read == e && g->twins.at[i].plain->kind == (e->mode == READ_PAD ? X_IF : X_READ)) return g->twins.at[i].plain;
    Expr *plain = NEW(g->a, Expr), *inside = NULL;
    *plain = *e;
    plain->mode = READ_PLAIN;
    plain->pad = NULL;
    memset(&plain->args, 0, sizeof plain->args);
    for (int d = 0; d < e->args.n; d++) {
        Expr *sub = e->args.at[d], *n = e->tensor->shape[d];
        if (e->mode == READ_CLAMP && !is_inside(sub, n)) sub = lo_min(g->a, lo_max(g->a, sub, lo_int(g->a, 0)), lo_sub(g->a, n, lo_int(g->a, 1)));
        vec_push(g->a, &plain->args, sub);
        if (e->mode == READ_CLAMP || is_inside(sub, n)) continue;
        Expr *in = x2(g, OP_AND, x2(g, OP_LE, lo_int(g->a, 0), sub), x2(g, OP_LT, sub, n));
        inside = inside ? x2(g, OP_AND, inside, in) : in;
    }
    GridTwin twin = {e, plain};
    vec_push(g->a, &g->twins, twin);
    if (!inside) return plain;
    twin.plain = x_if(g->a, inside, plain, e->pad, e->span);
    vec_push(g->a, &g->twins, twin);
    return twin.plain;
}

/* --- conditions ---------------------------------------------------------------------------------------------------------------------- */

static bool is_branch(const GridGen *g, const Expr *condition) { return !g->select || (g->lane && !grid_varies(g, condition)); }

CExpr grid_condition(GridGen *g, const Expr *e) {
    if (grid_is_int(g, e)) return grid_int(g, e);
    CExpr v = grid_value(g, e);
    CExpr args[] = {c_atom("pe"), v, c_atom("0")};
    return c_call(&g->p, "pe_lane_mask", 3, args);
}

/* Values without reads, loops and calls may be computed whatever the condition is. */
static bool needs_care(void *context, Expr *e) {
    bool *found = context;
    if (e->kind == X_READ && !(e->tensor->rank == 0)) *found = true;
    if (e->kind == X_REDUCE || e->kind == X_CALL) *found = true;
    if (e->kind == X_READ && e->tensor->role != TR_INPUT) *found = true;
    return !*found;
}

static bool is_plain(const Expr *e) {
    bool found = false;
    expr_walk((Expr *)e, needs_care, &found);
    return !found;
}

static CExpr branch(GridGen *g, const Expr *e) {
    const char *v = grid_name(g, "chosen"), *type = arena_printf(g->a, "pe_%s", grid_lt(e->type));
    CExpr c = grid_condition(g, e->args.at[0]);
    c_declare(&g->p, type, v, (CExpr){0});
    g->ops++;
    c_if(&g->p, c);
    for (int i = 1; i <= 2; i++) {
        GridMark m = grid_enter(g);
        c_assign(&g->p, c_atom(v), "=", grid_value(g, e->args.at[i]));
        grid_leave(g, m);
        if (i == 1) c_else(&g->p);
    }
    c_end(&g->p);
    return c_atom(v);
}

static CExpr under(GridGen *g, CExpr mask, bool negated, const Expr *e) {
    GridCond c = {mask, negated, {0}, 0};
    int n = g->conds.n, known = g->known.n;
    vec_push(g->a, &g->conds, c);
    CExpr x = grid_value(g, e);
    g->conds.n = n;
    g->known.n = known;
    return x;
}

static CExpr selection(GridGen *g, const Expr *e) {
    const Expr *a = e->args.at[1], *b = e->args.at[2];
    bool plain = is_plain(a) && is_plain(b);
    if (is_branch(g, e->args.at[0]) && !(plain && !grid_is_int(g, e->args.at[0]))) return branch(g, e);
    CExpr m = grid_named(g, "which", "mask", grid_value(g, e->args.at[0]));
    CExpr x = under(g, m, false, a), y = under(g, m, true, b);
    return grid_apply3(g, "select", grid_lt(e->type), m, x, y);
}

/* The second operand is looked at where the first, the same in all lanes, leaves it open. */
static CExpr logic_branch(GridGen *g, const Expr *e) {
    bool lanes = grid_varies(g, e->args.at[1]);
    const char *v = grid_name(g, e->op == OP_AND ? "both" : "either"), *open = lanes ? grid_name(g, "left") : v;
    c_declare(&g->p, lanes ? "const bool" : "bool", open, grid_condition(g, e->args.at[0]));
    if (lanes) c_declare(&g->p, "pe_mask", v, grid_splat(g, "mask", c_atom(open)));
    c_if(&g->p, e->op == OP_AND ? c_atom(open) : c_unary(&g->p, "!", c_atom(open)));
    GridMark m = grid_enter(g);
    g->ops++;
    c_assign(&g->p, c_atom(v), "=", lanes ? grid_value(g, e->args.at[1]) : grid_condition(g, e->args.at[1]));
    grid_leave(g, m);
    c_end(&g->p);
    return lanes ? c_atom(v) : grid_splat(g, "mask", c_atom(v));
}

static CExpr logic(GridGen *g, const Expr *e) {
    bool plain = is_plain(e->args.at[1]);
    if (!plain && is_branch(g, e->args.at[0])) return logic_branch(g, e);
    CExpr x = grid_named(g, "left", "mask", grid_value(g, e->args.at[0]));
    CExpr y = plain ? grid_value(g, e->args.at[1]) : under(g, x, e->op == OP_OR, e->args.at[1]);
    return grid_apply2(g, e->op == OP_AND ? "and" : "or", "mask", x, y);
}

/* --- conversions ------------------------------------------------------------------------------------------------------------------------ */

CExpr grid_convert(GridGen *g, DType to, DType from, CExpr x) {
    const char *lt = grid_lt(from);
    if (to == from) return x;
    if (to == DT_BOOL) return grid_apply2(g, "ne", lt, x, grid_splat(g, lt, c_atom("0")));
    bool same = !strcmp(lt, grid_lt(to)), fits = dtype_table[from].min >= dtype_table[to].min && dtype_table[from].max <= dtype_table[to].max;
    if (same && (dtype_is_float(to) ? dtype_table[to].bytes == 4 : fits)) return x;
    return grid_apply1(g, arena_printf(g->a, "%s_of", dtype_name(to)), lt, x);
}

static CExpr saturated(GridGen *g, const Expr *e) {
    DType from = e->args.at[0]->type, to = e->type;
    const char *lt = grid_lt(from);
    CExpr x = grid_value(g, e->args.at[0]);
    bool fits = !dtype_is_float(from) && dtype_table[from].min >= dtype_table[to].min && dtype_table[from].max <= dtype_table[to].max;
    if (from == DT_BOOL || (fits && !strcmp(lt, grid_lt(to)))) return grid_convert(g, to, from, x);
    return grid_apply1(g, arena_printf(g->a, "sat_%s_of", dtype_name(to)), lt, x);
}

/* --- everything -------------------------------------------------------------------------------------------------------------------------- */

static CExpr operation(GridGen *g, const Expr *e) {
    if ((e->type == DT_I64 || e->type == DT_BOOL) && grid_is_int(g, e)) return grid_splat(g, grid_lt(e->type), grid_int(g, e));
    if (e->op == OP_AND || e->op == OP_OR) return logic(g, e);
    DType t = e->args.at[0]->type;
    CExpr x[3];
    for (int i = 0; i < e->args.n; i++) x[i] = grid_value(g, e->args.at[i]);
    return grid_apply(g, op_word(g, e->op, t), grid_lt(t), e->args.n, x);
}

static CExpr index_value(GridGen *g, const Index *i) {
    Expr e = {.kind = X_INDEX, .type = DT_I64, .index = (Index *)i};
    CExpr at = grid_splat(g, "i64", grid_int(g, &e));
    if (i != g->lane) return at;
    return grid_apply2(g, "add", "i64", at, grid_apply1(g, "i64_of", "i32", c_atom("pe_iota(pe)")));
}

/* A function that calls no other is written where it is called, so that its constants are made once. */
static bool is_leaf(void *context, Expr *e) {
    bool *leaf = context;
    if (e->kind == X_CALL || e->kind == X_REDUCE) *leaf = false;
    return *leaf;
}

bool grid_is_inlined(const FnInst *f) {
    bool leaf = true;
    expr_walk(f->body, is_leaf, &leaf);
    return leaf;
}

static CExpr inlined(GridGen *g, const Expr *e) {
    const FnInst *f = e->fn;
    bool was = g->select;
    CExpr *x = NEW_ARRAY(g->a, CExpr, e->args.n + 1);
    for (int i = 0; i < e->args.n; i++) x[i] = grid_named(g, f->params.at[i]->name, grid_lt(f->params.at[i]->type), grid_value(g, e->args.at[i]));
    for (int i = 0; i < e->args.n; i++) g->var[f->params.at[i]->id] = x[i];
    g->select = true;
    CExpr v = grid_value(g, f->body);
    g->select = was;
    return v;
}

static CExpr function_call(GridGen *g, const Expr *e) {
    if (grid_is_inlined(e->fn)) return inlined(g, e);
    CExpr *x = NEW_ARRAY(g->a, CExpr, e->args.n + 1);
    x[0] = c_atom("pe");
    for (int i = 0; i < e->args.n; i++) x[i + 1] = grid_value(g, e->args.at[i]);
    return c_call(&g->p, g->fn[e->fn->id], e->args.n + 1, x);
}

static CExpr inside(GridGen *g, const Expr *e) {
    switch (e->kind) {
    case X_LIT: return grid_splat(g, grid_lt(e->type), grid_literal(g, e->type, dtype_is_float(e->type) ? e->lit_f : 0, dtype_is_float(e->type) ? 0 : e->lit_i));
    case X_INDEX: return index_value(g, e->index);
    case X_DIM: return grid_splat(g, "i64", grid_int(g, e));
    case X_VAR: return g->var[e->var->id];
    case X_OP: return operation(g, e);
    case X_CONVERT: return grid_convert(g, e->type, e->args.at[0]->type, grid_value(g, e->args.at[0]));
    case X_SAT: return saturated(g, e);
    case X_CALL: return function_call(g, e);
    case X_REDUCE: return grid_reduction(g, e);
    case X_IF: return selection(g, e);
    case X_READ: {
        Expr *o = opened(g, e);
        return o->kind == X_IF ? selection(g, o) : plain_read(g, o);
    }
    }
    assert(!"a kind of expression");
    return c_atom("0");
}

static bool same_value(const Expr *x, const Expr *y) { return x == y || ((x->kind == X_READ || x->kind == X_LIT) && x->kind == y->kind && expr_equal(x, y)); }

CExpr grid_value(GridGen *g, const Expr *e) {
    for (int i = g->known.n; i-- > 0;)
        if (same_value(g->known.at[i].expr, e)) return g->known.at[i].value;
    CExpr x = short_enough(g, e->type, inside(g, e));
    if (e->kind == X_READ && !g->conds.n && x.prec == CP_PRIMARY) {
        GridKnown k = {e, x};
        vec_push(g->a, &g->known, k);
    }
    return x;
}

/* --- lanes -------------------------------------------------------------------------------------------------------------------------------- */

typedef struct Lane { GridGen *g; const Index *i; bool fine; int cost; } Lane;

static bool lane_visit(void *context, Expr *e) {
    Lane *l = context;
    if (e->kind == X_CALL && l->g->fn_scalar[e->fn->id]) l->fine = false;
    if (e->kind == X_REDUCE) {
        if (e->reduce->scan && e->reduce->along == l->i) l->fine = false;
        for (int i = 0; i < e->reduce->idx.n; i++)
            if (grid_mentions(e->reduce->idx.at[i]->lo, l->i) || grid_mentions(e->reduce->idx.at[i]->hi, l->i)) l->fine = false;
    }
    if (e->kind == X_READ && (e->tensor->rank || !l->g->scalar[e->tensor->id])) {
        GridTile *t = grid_tile_of(l->g, e);
        if (!t) return l->fine = false;
        l->cost += grid_access_cost(l->g, t, (const Expr *const *)e->args.at, l->i);
        /* subscripts that are one place are not computed */
        for (int d = 0; d < e->args.n; d++)
            if (!t->buf->point[d] || e->mode != READ_PLAIN) expr_walk(e->args.at[d], lane_visit, l);
        if (e->mode == READ_PAD) expr_walk(e->pad, lane_visit, l);
        return false;
    }
    return l->fine;
}

bool grid_can_lane(GridGen *g, const Expr *e, const Index *i) {
    Lane l = {g, i, true, 0};
    expr_walk((Expr *)e, lane_visit, &l);
    return l.fine;
}

int grid_lane_cost(GridGen *g, const Expr *e, const Index *i) {
    Lane l = {g, i, true, 0};
    expr_walk((Expr *)e, lane_visit, &l);
    return l.cost;
}

/* --- what is computed before a loop ----------------------------------------------------------------------------------------------------- */

typedef struct Still { GridGen *g; const Index *i, *allowed; bool guarded, fine; } Still;

/* Reads whose subscripts are open indices, and arithmetic of them: what stands still in the loop of an index, and may be computed
 * whether or not the loop has a turn. */
static bool still_visit(void *context, Expr *e) {
    Still *s = context;
    if (e->kind == X_VAR || e->kind == X_REDUCE || e->kind == X_IF || e->kind == X_CALL) s->fine = false;
    if (e->kind == X_OP && (e->op == OP_AND || e->op == OP_OR)) s->fine = false;
    if (e->kind == X_INDEX && e->index != s->allowed && (e->index == s->i || !(s->g->index.at[e->index->id].text || grid_pin(s->g, e->index)))) s->fine = false;
    if (e->kind == X_READ && (e->tensor->rank || !s->g->scalar[e->tensor->id])) {
        if (s->guarded || e->mode != READ_PLAIN || !grid_tile_of(s->g, e)) return s->fine = false;
        for (int d = 0; d < e->args.n; d++)
            if (e->args.at[d]->kind != X_INDEX) s->fine = false;
    }
    return s->fine;
}

static bool stands_still(GridGen *g, const Expr *e, const Index *i, bool guarded) {
    Still s = {g, i, NULL, guarded, true};
    expr_walk((Expr *)e, still_visit, &s);
    return s.fine;
}

void grid_hoist_offset(GridGen *g, const Expr *key, const GridTile *t, const Exprs *subs, const Index *i) {
    if (!t || base_of(g, key)) return;
    for (int d = 0; d < subs->n; d++) {
        Still s = {g, NULL, i, true, true};
        expr_walk(subs->at[d], still_visit, &s);
        if (!s.fine) return;
    }
    Expr *off = grid_offset(g, t, (const Expr *const *)subs->at), *step = grid_slope(g, off, i), *stride = g->lane ? grid_slope(g, off, g->lane) : NULL;
    int64_t v, size = dtype_table[t->buf->type].bytes;
    if (!step || (g->lane && !stride) || (lo_is_int(step, &v) && v == 0)) return;
    CExpr b = grid_int(g, grid_without(g, off, i));
    const char *text = b.text;
    bool known = b.prec >= CP_UNARY;
    for (int k = g->bases.n; !known && k-- > 0;)
        if (g->bases.at[k].along == i && !strcmp(g->bases.at[k].text, text)) b = g->bases.at[k].base, known = true;
    if (!known) {
        const char *name = grid_name(g, arena_printf(g->a, "%s_at", t->name));
        c_declare(&g->p, "const int64_t", name, b);
        b = c_atom(name);
    }
    GridBase n = {key, i, b, {0}, step, stride, text};
    bool unit = !stride || (lo_is_int(stride, &v) && (v == size || v == 0));
    if (!unit) n.lanes = grid_named(g, arena_printf(g->a, "%s_lanes", t->name), "i32", multiples(g, stride, size));
    vec_push(g->a, &g->bases, n);
}

static void hoist(GridGen *g, const Expr *e, const Index *i, bool guarded) {
    if (e->kind == X_INDEX || e->kind == X_DIM || e->kind == X_VAR || e->kind == X_REDUCE) return;
    for (int k = g->known.n; k-- > 0;)
        if (same_value(g->known.at[k].expr, e)) return;
    if (stands_still(g, e, i, guarded)) {
        static const char *const words[] = {[X_LIT] = "c", [X_OP] = "v", [X_CONVERT] = "v", [X_SAT] = "v"};
        const char *name = e->kind == X_READ ? e->tensor->name : (size_t)e->kind < sizeof words / sizeof *words && words[e->kind] ? words[e->kind] : "v";
        GridKnown k = {e, grid_named(g, name, grid_lt(e->type), grid_value(g, e))};
        vec_push(g->a, &g->known, k);
        return;
    }
    if (e->kind == X_READ) {
        Expr *o = opened(g, e);
        Expr *read = o->kind == X_READ ? o : o->args.at[1];
        if (read->kind == X_READ) grid_hoist_offset(g, read, grid_tile_of(g, read), &read->args, i);
        if (o->kind == X_IF) hoist(g, o->args.at[2], i, true);
        return;
    }
    bool logic_op = e->kind == X_OP && (e->op == OP_AND || e->op == OP_OR);
    if (e->kind == X_CALL && grid_is_inlined(e->fn)) hoist(g, e->fn->body, i, true);
    if (e->kind == X_OP && grid_is_int(g, e) && e->type != DT_I32) return;
    for (int k = 0; k < e->args.n; k++) hoist(g, e->args.at[k], i, guarded || (k && (e->kind == X_IF || logic_op)));
}

void grid_hoist(GridGen *g, const Expr *e, const Index *i) { hoist(g, e, i, false); }

/* --- functions --------------------------------------------------------------------------------------------------------------------------- */

static bool needs_control(void *context, Expr *e) {
    Lane *l = context;
    if (e->kind == X_REDUCE || (e->kind == X_CALL && l->g->fn_scalar[e->fn->id])) l->fine = false;
    return l->fine;
}

static void function(GridGen *g, const FnInst *f) {
    Lane l = {g, NULL, true, 0};
    expr_walk(f->body, needs_control, &l);
    g->fn_scalar[f->id] = !l.fine;
    GridMark m = grid_enter(g);
    Out params = out_new(g->a);
    out_s(&params, "PE *pe");
    for (int i = 0; i < f->params.n; i++) {
        Var *v = f->params.at[i];
        g->var[v->id] = c_atom(grid_name(g, v->name));
        out_f(&params, ", pe_%s %s", grid_lt(v->type), g->var[v->id].text);
    }
    c_function(&g->p, arena_printf(g->a, "static inline pe_%s", grid_lt(f->type)), g->fn[f->id], params.text);
    g->select = l.fine;
    CExpr x = grid_value(g, f->body);
    if (g->ops) x = grid_named(g, "result", grid_lt(f->type), x);
    GridMark none = {m.taken, m.known, m.bases, 0};
    grid_leave(g, none);
    g->ops = m.ops;
    g->select = false;
    c_return(&g->p, x);
    c_end(&g->p);
    c_blank(&g->p);
}

void grid_functions(GridGen *g) {
    for (int i = 0; i < g->k->fns.n; i++)
        if (!grid_is_inlined(g->k->fns.at[i])) function(g, g->k->fns.at[i]);
}
