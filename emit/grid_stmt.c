/* Computations of the vector core: loops over a block's points, lanes along one index where neighbours can go together. */
#include "emit/grid_gen.h"
#include "lower/expr.h"
#include <assert.h>

/* --- loops --------------------------------------------------------------------------------------------------------------------- */

static Expr *pinned(void *context, Expr *e) { return e->kind == X_INDEX ? grid_pin(context, e->index) : NULL; }

static bool same_bound(GridGen *g, const Expr *x, const Expr *y) {
    return expr_equal(lo_copy(g->a, (Expr *)x, pinned, g), lo_copy(g->a, (Expr *)y, pinned, g));
}

void grid_range(GridGen *g, const Index *i, Expr **lo, Expr **hi) {
    const TileAxis *axis = i->id < g->k->n_indices && g->stage ? g->stage->axis_of[i->id] : NULL;
    *lo = grid_folded(g, i->lo);
    *hi = grid_folded(g, i->hi);
    if (!axis || !g->level_of[axis->id]) return;
    TileBlock b = grid_block(g, axis);
    Expr *begin = grid_folded(g, b.lo), *end = grid_folded(g, b.hi);
    *lo = same_bound(g, i->lo, axis->lo) ? begin : lo_max(g->a, *lo, begin);
    *hi = same_bound(g, i->hi, axis->hi) ? end : lo_min(g->a, *hi, end);
}

static void pe_for(GridGen *g, const char *name, CExpr lo, CExpr hi, int64_t step) {
    CExpr args[] = {c_atom("pe"), c_atom(name), lo, hi, c_int(&g->p, step)};
    out_f(g->p.out, "%s ", c_call(&g->p, "pe_for", 5, args).text);
    c_block(&g->p);
}

static const char *loop_name(GridGen *g, const char *name) {
    const char *s = grid_name(g, name);
    vec_push(g->a, &g->taken, arena_printf(g->a, "%s_end", s));
    return s;
}

bool grid_open_index(GridGen *g, const Index *i, GridMark *m) {
    Expr *lo, *hi;
    grid_range(g, i, &lo, &hi);
    if (grid_pin(g, i)) {
        Expr *at = grid_pin(g, i), *next = lo_add(g->a, at, lo_int(g->a, 1));
        bool whole = expr_equal(lo, at) && expr_equal(hi, next);
        if (whole) return false;
        CExpr v = grid_int(g, at);
        g->ops += 2;
        c_if(&g->p, c_binary(&g->p, "&&", c_binary(&g->p, "<=", grid_int(g, lo), v), c_binary(&g->p, "<", v, grid_int(g, hi))));
        *m = grid_enter(g);
        return true;
    }
    CExpr from = grid_int(g, lo), to = grid_int(g, hi);
    *m = grid_enter(g);
    const char *name = loop_name(g, i->name);
    pe_for(g, name, from, to, 1);
    g->index.at[i->id] = c_atom(name);
    return true;
}

void grid_close_index(GridGen *g, GridMark m, bool opened) {
    if (!opened) return;
    grid_leave(g, m);
    c_end(&g->p);
}

static void lanes_once(GridGen *g, const Index *i, CExpr lo, CExpr hi, GridInside *inside, void *context) {
    GridMark m = grid_enter(g);
    const char *name = loop_name(g, i->name), *lanes = grid_name(g, "lanes");
    pe_for(g, name, lo, hi, 16);
    c_declare(&g->p, "const int", lanes, c_cast(&g->p, "int", c_call2(&g->p, "pe_min", c_atom("16"), c_binary(&g->p, "-", c_atomf(&g->p, "%s_end", name), c_atom(name)))));
    g->ops += 2;
    g->index.at[i->id] = c_atom(name);
    g->lanes = lanes;
    inside(g, context, false);
    grid_leave(g, m);
    c_end(&g->p);
}

void grid_lane_loop(GridGen *g, const Index *i, Expr *lo, Expr *hi, bool once, GridInside *inside, void *context) {
    CPrint *p = &g->p;
    CExpr from = grid_int(g, lo), to = grid_int(g, hi);
    if (once) {
        lanes_once(g, i, from, to, inside, context);
        return;
    }
    const char *rest = grid_name(g, arena_printf(g->a, "%s_rest", i->name));
    bool from_0 = lo->kind == X_LIT && !lo->lit_i;
    CExpr n = from_0 && hi->kind == X_DIM ? to : c_call2(p, "pe_max", c_atom("0"), from_0 ? to : c_binary(p, "-", to, from));
    c_declare(p, "const int64_t", rest, c_sum(p, from, c_binary(p, "*", c_binary(p, "/", n, c_atom("16")), c_atom("16"))));
    g->ops += 5;
    GridMark m = grid_enter(g);
    const char *name = loop_name(g, i->name);
    pe_for(g, name, from, c_atom(rest), 16);
    g->index.at[i->id] = c_atom(name);
    g->lanes = "16";
    inside(g, context, false);
    grid_leave(g, m);
    c_end(p);
    c_if(p, c_binary(p, "<", c_atom(rest), to));
    m = grid_enter(g);
    g->ops += 2;
    g->index.at[i->id] = c_atom(rest);
    const char *lanes = grid_name(g, "lanes");
    c_declare(p, "const int", lanes, c_cast(p, "int", c_binary(p, "-", to, c_atom(rest))));
    g->lanes = lanes;
    inside(g, context, true);
    grid_leave(g, m);
    c_end(p);
}

/* --- which index the lanes run along -------------------------------------------------------------------------------------------- */

typedef struct Work {
    const TileNode *n;
    const Stmt *s;
    const Reduce *r;            /* at the root of the value */
    Index *const *idx;
    int n_idx;
    const Index *lane;          /* NULL: one at a time */
    bool along_reduction;
} Work;

static const Expr **points(GridGen *g, const Stmt *s) {
    const Expr **subs = NEW_ARRAY(g->a, const Expr *, s->idx.n + 1);
    for (int d = 0; d < s->idx.n; d++) subs[d] = lo_index(g->a, s->idx.at[d]);
    return subs;
}

static bool has_states(const Work *w) { return w->n->part != TILE_WHOLE && w->n->part != TILE_TEST; }
static bool has_results(const Work *w) { return w->n->part == TILE_WHOLE || w->n->part == TILE_FINAL || w->n->part == TILE_SCAN; }
static bool has_values(const Work *w) { return w->n->part != TILE_INIT && w->n->part != TILE_FINAL && w->n->part < TILE_NOW; }

static const Expr *value_of(const Work *w) { return w->s ? w->s->value : fact_test(w->n->fact); }

static int out_cost(GridGen *g, const Work *w, const Index *i) {
    int cost = has_values(w) ? grid_lane_cost(g, value_of(w), i) : 0;
    for (int k = 0; w->s && has_results(w) && k < w->s->targets.n; k++) {
        const Target *t = &w->s->targets.at[k];
        GridTile *tile = grid_tile_of_target(g, t->tensor);
        cost += grid_access_cost(g, tile, (const Expr *const *)t->subs.at, i);
    }
    if (has_states(w)) cost += grid_access_cost(g, grid_tile_of_state(g, w->s, 0), points(g, w->s), i);
    return cost;
}

static bool can_run_along(GridGen *g, const Work *w, const Index *i) {
    if (grid_pin(g, i) || (w->r && w->r->scan && i == w->r->along)) return false;
    return !has_values(w) || grid_can_lane(g, value_of(w), i);
}

static bool reduction_fits(GridGen *g, const Work *w, const Index *i) {
    if (grid_pin(g, i) || !grid_acc_folds(w->r->comb)) return false;
    if (w->r->pred && !grid_can_lane(g, w->r->pred, i)) return false;
    for (int k = 0; k < w->r->operands.n; k++)
        if (!grid_can_lane(g, w->r->operands.at[k], i)) return false;
    return true;
}

static void choose(GridGen *g, Work *w) {
    int best = 0;
    for (int k = w->n_idx; k-- > 0;) {
        if (!can_run_along(g, w, w->idx[k])) continue;
        int cost = out_cost(g, w, w->idx[k]);
        if (w->lane && cost >= best) continue;
        w->lane = w->idx[k];
        best = cost;
    }
    bool reduces = w->r && !w->r->scan && w->r->idx.n && (w->n->part == TILE_WHOLE || w->n->part == TILE_STEP);
    if (!reduces) return;
    const Index *i = w->r->idx.at[w->r->idx.n - 1];
    if (!reduction_fits(g, w, i)) return;
    int cost = w->r->pred ? grid_lane_cost(g, w->r->pred, i) : 0;
    for (int k = 0; k < w->r->operands.n; k++) cost += grid_lane_cost(g, w->r->operands.at[k], i);
    if (w->lane && cost >= best) return;
    w->lane = i;
    w->along_reduction = true;
}

/* --- what is done at a point ------------------------------------------------------------------------------------------------------- */

static void store(GridGen *g, const Work *w, int i, CExpr value) {
    const Target *t = &w->s->targets.at[i];
    grid_store_value(g, grid_tile_of_target(g, t->tensor), (const Expr *const *)t->subs.at, value);
}

static void store_results(GridGen *g, const Work *w, GridAcc *acc) {
    for (int i = 0; i < w->s->targets.n; i++) store(g, w, i, grid_acc_result(g, acc, i));
}

/* What a store rounds or wraps by itself need not be converted before. */
static const Expr *stored(const Stmt *s) {
    const Expr *e = s->value;
    DType t = s->targets.at[0].tensor->type;
    if (e->kind != X_CONVERT || e->type != t || t == DT_BOOL) return e;
    DType from = e->args.at[0]->type;
    return from != DT_BOOL && dtype_table[from].kind == dtype_table[t].kind && dtype_table[from].compute == dtype_table[t].compute ? e->args.at[0] : e;
}

static void whole(GridGen *g, const Work *w) {
    if (!w->r) {
        store(g, w, 0, grid_value(g, stored(w->s)));
        return;
    }
    GridAcc acc = grid_acc_new(g, w->r);
    grid_acc_open(g, &acc);
    grid_acc_loops(g, &acc, w->along_reduction);
    if (w->along_reduction) grid_acc_fold(g, &acc);
    store_results(g, w, &acc);
}

static void step(GridGen *g, const Work *w) {
    GridAcc acc = grid_acc_new(g, w->r);
    if (!w->along_reduction) {
        grid_acc_load(g, &acc, w->s);
        grid_acc_loops(g, &acc, false);
        grid_acc_store(g, &acc, w->s);
        return;
    }
    grid_acc_open(g, &acc);
    grid_acc_loops(g, &acc, true);
    grid_acc_fold(g, &acc);
    GridAcc before = grid_acc_new(g, w->r);
    grid_acc_load(g, &before, w->s);
    grid_acc_merge(g, &before, &acc);
    grid_acc_store(g, &before, w->s);
}

static void scan(GridGen *g, const Work *w) {
    const Reduce *r = w->r;
    CPrint *p = &g->p;
    bool down = r->scan == SCAN_GT || r->scan == SCAN_GE, with = r->scan == SCAN_LE || r->scan == SCAN_GE;
    Expr *lo, *hi;
    GridAcc acc = grid_acc_new(g, r);
    grid_acc_load(g, &acc, w->s);
    grid_range(g, r->along, &lo, &hi);
    CExpr from = grid_int(g, lo), to = grid_int(g, hi);
    GridMark m = grid_enter(g);
    Expr *was = grid_pin(g, r->along);
    const char *name = loop_name(g, r->along->name), *back = down ? loop_name(g, "back") : name;
    pe_for(g, back, down ? c_atom("0") : from, down ? c_binary(p, "-", to, from) : to, 1);
    if (down) c_declare(p, "const int64_t", name, c_binary(p, "-", c_binary(p, "-", to, c_atom("1")), c_atom(back)));
    g->ops += down ? 3 : 0;
    if (!was) {
        g->index.at[r->along->id] = g->index.at[r->idx.at[0]->id] = c_atom(name);
    }
    if (!with) store_results(g, w, &acc);
    int known = g->known.n;
    grid_acc_step(g, &acc);
    g->known.n = known;
    if (with) store_results(g, w, &acc);
    grid_leave(g, m);
    c_end(p);
    grid_acc_store(g, &acc, w->s);
}

static void test(GridGen *g, const Work *w) {
    CPrint *p = &g->p;
    const Fact *f = w->n->fact;
    CExpr bad;
    if (w->lane) {
        CExpr holds = grid_value(g, fact_test(f)), there = c_call2(p, "pe_first_mask", c_atom("pe"), c_atom(g->lanes));
        bad = grid_apply1(g, "any", "mask", grid_apply2(g, "and", "mask", grid_apply1(g, "not", "mask", holds), there));
    } else {
        bad = c_unary(p, "!", grid_condition(g, fact_test(f)));
    }
    c_if(p, bad);
    c_expr(p, c_call2(p, "pe_refuse", c_atom("pe"), c_int(p, f->number)));
    c_end(p);
}

static void at_point(GridGen *g, const Work *w) {
    switch (w->n->part) {
    case TILE_WHOLE: whole(g, w); break;
    case TILE_STEP: step(g, w); break;
    case TILE_SCAN: scan(g, w); break;
    case TILE_TEST: test(g, w); break;
    case TILE_INIT: {
        GridAcc acc = grid_acc_new(g, w->r);
        grid_acc_open(g, &acc);
        grid_acc_store(g, &acc, w->s);
        if (grid_leads(g, w->s)) grid_lead_open(g, w->s);
        break;
    }
    case TILE_FINAL: {
        GridAcc acc = grid_acc_new(g, w->r);
        grid_acc_load(g, &acc, w->s);
        if (grid_leads(g, w->s)) grid_lead_final(g, w->s, grid_acc_result(g, &acc, 0));
        if (grid_tile_of_target(g, w->s->targets.at[0].tensor)) store_results(g, w, &acc);
        break;
    }
    case TILE_NOW: grid_lead_now(g, w->s); break;
    case TILE_CORRECT: grid_correct(g, w->s, w->n->lead); break;
    case TILE_JOIN: assert(!"sums join states by the elementwise engine"); break;
    }
}

/* --- the nest ------------------------------------------------------------------------------------------------------------------------ */

static void lanes_inside(GridGen *g, void *context, bool rest) {
    (void)rest;
    at_point(g, context);
}

/* No loop stands in the innermost one: what does not change in it is computed before. */
static bool is_flat(const Work *w) { return !w->r && (w->n->part == TILE_WHOLE || w->n->part == TILE_TEST); }

static void hoist(GridGen *g, const Work *w, const Index *i) {
    grid_hoist(g, value_of(w), i);
    for (int k = 0; w->s && k < w->s->targets.n; k++) {
        GridTile *t = grid_tile_of_target(g, w->s->targets.at[k].tensor);
        grid_hoist_offset(g, (const Expr *)t, t, &w->s->targets.at[k].subs, i);
    }
}

static void points_from(GridGen *g, Work *w, int from, Index *const *order, int n) {
    if (from == n) {
        at_point(g, w);
        return;
    }
    const Index *i = order[from];
    bool lanes = i == w->lane && !w->along_reduction;
    if (lanes) {
        Expr *lo, *hi;
        grid_range(g, i, &lo, &hi);
        g->lane = i;
        g->select = true;
        if (is_flat(w)) hoist(g, w, i);
        grid_lane_loop(g, i, lo, hi, !is_flat(w), lanes_inside, w);
        g->lane = NULL;
        g->select = false;
        return;
    }
    if (from == n - 1 && is_flat(w) && !grid_pin(g, i)) hoist(g, w, i);
    GridMark m;
    bool open = grid_open_index(g, i, &m);
    points_from(g, w, from + 1, order, n);
    grid_close_index(g, m, open);
}

static bool is_tested(const GridGen *g, const Fact *f) {
    return f->number > 0 && !(g->options->no_check && (f->kind == FACT_RANGE || f->kind == FACT_CHECK));
}

void grid_compute(GridGen *g, TileNode *n) {
    const Stmt *s = n->stmt;
    if (!s && !is_tested(g, n->fact)) return;
    bool shown = n->part == TILE_FINAL && !grid_tile_of_target(g, s->targets.at[0].tensor);     /* in the states */
    if (shown) grid_tile_show(g, grid_tile_of_state(g, s, 0));
    if (shown && !grid_leads(g, s)) return;
    Work w = {.n = n, .s = s, .r = s && s->value->kind == X_REDUCE ? s->value->reduce : NULL};
    w.idx = s ? s->idx.at : n->fact->idx.at;
    w.n_idx = s ? s->idx.n : n->fact->idx.n;
    int known = g->known.n, bases = g->bases.n;
    choose(g, &w);
    Index **order = NEW_ARRAY(g->a, Index *, w.n_idx + 1);
    int count = 0;
    for (int i = 0; i < w.n_idx; i++)
        if (w.idx[i] != w.lane && !(n->part == TILE_SCAN && w.idx[i] == w.r->along)) order[count++] = w.idx[i];
    for (int i = 0; i < w.n_idx; i++)
        if (w.idx[i] == w.lane) order[count++] = w.idx[i];
    if (!s) c_comment(&g->p, n->fact->text);
    GridMark m;
    bool open = grid_correct_open(g, n, &m);
    points_from(g, &w, 0, order, count);
    g->known.n = known;
    g->bases.n = bases;
    if (open) {
        grid_leave(g, m);
        c_end(&g->p);
    }
    if (n->part == TILE_INIT || n->part == TILE_NOW) grid_lead_shown(g, s);
    for (int i = 0; s && has_results(&w) && !shown && i < s->targets.n; i++) grid_tile_show(g, grid_tile_of_target(g, s->targets.at[i].tensor));
}
