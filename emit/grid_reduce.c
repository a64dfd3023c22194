/* Reductions: states in C variables, one a lane. */
#include "emit/grid_gen.h"
#include "lower/expr.h"
#include <math.h>
#include <string.h>

static bool is_arg(const Comb *c) { return c->kind == CK_ARGMAX || c->kind == CK_ARGMIN; }
static bool is_logic(const Comb *c) { return c->kind == CK_ANY || c->kind == CK_ALL; }

static const char *vector_type(GridGen *g, DType t) { return arena_printf(g->a, "pe_%s", grid_lt(t)); }

GridAcc grid_acc_new(GridGen *g, const Reduce *r) {
    const Comb *c = r->comb;
    int n = c->kind == CK_USER ? c->states.n : is_arg(c) || c->kind == CK_MEAN ? 2 : 1;
    GridAcc acc = {.r = r, .n = n, .type = NEW_ARRAY(g->a, DType, n + 1), .state = NEW_ARRAY(g->a, const char *, n + 1)};
    for (int i = 0; i < n; i++) acc.type[i] = c->kind == CK_USER ? c->states.at[i]->type : i ? DT_I64 : is_logic(c) ? DT_BOOL : c->type;
    return acc;
}

static const char *state_name(const GridAcc *acc, int i) {
    const Comb *c = acc->r->comb;
    if (c->kind == CK_USER) return c->states.at[i]->name;
    if (is_arg(c)) return i ? "best" : "top";
    return i ? "count" : c->kind == CK_MEAN ? "sum" : "acc";
}

static CExpr identity(GridGen *g, const GridAcc *acc, int i) {
    const Comb *c = acc->r->comb;
    DType t = acc->type[i];
    const DTypeRow *row = &dtype_table[t];
    CExpr x;
    if (c->kind == CK_USER) return grid_value(g, c->init.at[i]);
    if (i) x = grid_literal(g, t, 0, is_arg(c) ? -1 : 0);
    else if (c->kind == CK_PROD) x = grid_literal(g, t, 1, 1);
    else if (c->kind == CK_MAX) x = grid_literal(g, dtype_table[t].compute, -INFINITY, row->min);
    else if (c->kind == CK_MIN) x = grid_literal(g, dtype_table[t].compute, INFINITY, row->max);
    else x = grid_literal(g, t, 0, c->kind == CK_ALL);
    return grid_splat(g, grid_lt(t), x);
}

static void declare(GridGen *g, GridAcc *acc, int i, CExpr init) {
    acc->state[i] = grid_name(g, state_name(acc, i));
    c_declare(&g->p, vector_type(g, acc->type[i]), acc->state[i], init);
}

static void declare_one(GridGen *g, GridAcc *acc) {
    if (acc->r->comb->kind == CK_MEAN) acc->one = grid_named(g, "one", "i64", grid_splat(g, "i64", c_atom("1")));
}

void grid_acc_open(GridGen *g, GridAcc *acc) {
    for (int i = 0; i < acc->n; i++) declare(g, acc, i, identity(g, acc, i));
    declare_one(g, acc);
}

static const Expr **points(GridGen *g, const Stmt *s) {
    const Expr **subs = NEW_ARRAY(g->a, const Expr *, s->idx.n + 1);
    for (int d = 0; d < s->idx.n; d++) subs[d] = lo_index(g->a, s->idx.at[d]);
    return subs;
}

void grid_acc_load(GridGen *g, GridAcc *acc, const Stmt *s) {
    for (int i = 0; i < acc->n; i++) {
        GridTile *t = grid_tile_of_state(g, s, i);
        declare(g, acc, i, grid_load_value(g, (const Expr *)t, t, points(g, s), true));
    }
    declare_one(g, acc);
}

void grid_acc_store(GridGen *g, const GridAcc *acc, const Stmt *s) {
    for (int i = 0; i < acc->n; i++) grid_store_value(g, grid_tile_of_state(g, s, i), points(g, s), c_atom(acc->state[i]));
}

/* --- a step -------------------------------------------------------------------------------------------------------------------- */

static const char *join_word(const Comb *c) {
    switch (c->kind) {
    case CK_SUM: case CK_MEAN: return "add";
    case CK_PROD: return "mul";
    case CK_MAX: return "max";
    case CK_MIN: return "min";
    case CK_ANY: return "or";
    default: return "and";
    }
}

static void assign(GridGen *g, const GridAcc *acc, int i, CExpr x, CExpr mask) {
    CExpr s = c_atom(acc->state[i]);
    if (mask.text) x = grid_apply3(g, "select", grid_lt(acc->type[i]), mask, x, s);
    c_assign(&g->p, s, "=", x);
}

/* Whether a value goes before the best so far: nan before all but nan. */
static CExpr goes_before(GridGen *g, const GridAcc *acc, CExpr value, CExpr top) {
    DType t = acc->type[0];
    const char *lt = grid_lt(t);
    CExpr beyond = grid_apply2(g, acc->r->comb->kind == CK_ARGMAX ? "gt" : "lt", lt, value, top);
    if (!dtype_is_float(t)) return beyond;
    CExpr nan = grid_apply2(g, "and", "mask", grid_apply1(g, "isnan", lt, value), grid_apply2(g, "eq", lt, top, top));
    return grid_apply2(g, "or", "mask", beyond, nan);
}

static CExpr is_none(GridGen *g, CExpr best) { return grid_apply2(g, "lt", "i64", best, grid_splat(g, "i64", c_atom("0"))); }

static void step_arg(GridGen *g, GridAcc *acc, CExpr mask) {
    const char *lt = grid_lt(acc->type[0]);
    CExpr top = c_atom(acc->state[0]), best = c_atom(acc->state[1]);
    CExpr v = grid_named(g, "value", lt, grid_value(g, acc->r->operands.at[0]));
    CExpr better = grid_apply2(g, "or", "mask", is_none(g, best), goes_before(g, acc, v, top));
    if (mask.text) better = grid_apply2(g, "and", "mask", better, mask);
    better = grid_named(g, "better", "mask", better);
    assign(g, acc, 0, v, better);
    assign(g, acc, 1, grid_value(g, lo_index(g->a, acc->r->idx.at[0])), better);
}

/* Assignments in order; states are in `names`. A name that is no state is new. */
static void run_assigns(GridGen *g, const Comb *c, const Assigns *list, const char *const *names) {
    for (int i = 0; i < c->states.n; i++) g->var[c->states.at[i]->id] = c_atom(names[i]);
    int known = g->known.n;
    for (int i = 0; i < list->n; i++) {
        const Var *v = list->at[i].var;
        bool assigned = false;
        for (int s = 0; s < c->states.n; s++) assigned = assigned || c->states.at[s] == v;
        for (int s = 0; s < i; s++) assigned = assigned || list->at[s].var == v;
        CExpr x = grid_value(g, list->at[i].value);
        g->known.n = known;
        if (assigned) {
            c_assign(&g->p, g->var[v->id], "=", x);
            continue;
        }
        const char *name = grid_name(g, v->name);
        c_declare(&g->p, vector_type(g, v->type), name, x);
        g->var[v->id] = c_atom(name);
    }
}

static void step_user(GridGen *g, GridAcc *acc, CExpr mask) {
    const Comb *c = acc->r->comb;
    const char **names = acc->state;
    for (int i = 0; i < c->inputs.n; i++)
        g->var[c->inputs.at[i]->id] = grid_named(g, c->inputs.at[i]->name, grid_lt(c->inputs.at[i]->type), grid_value(g, acc->r->operands.at[i]));
    if (mask.text) {
        names = NEW_ARRAY(g->a, const char *, acc->n + 1);
        for (int i = 0; i < acc->n; i++) {
            names[i] = grid_name(g, arena_printf(g->a, "next_%s", c->states.at[i]->name));
            c_declare(&g->p, vector_type(g, acc->type[i]), names[i], c_atom(acc->state[i]));
        }
    }
    run_assigns(g, c, &c->step, names);
    for (int i = 0; mask.text && i < acc->n; i++) assign(g, acc, i, c_atom(names[i]), mask);
}

static void step(GridGen *g, GridAcc *acc, CExpr mask) {
    const Comb *c = acc->r->comb;
    if (c->kind == CK_USER) {
        step_user(g, acc, mask);
    } else if (is_arg(c)) {
        step_arg(g, acc, mask);
    } else {
        assign(g, acc, 0, grid_apply2(g, join_word(c), grid_lt(acc->type[0]), c_atom(acc->state[0]), grid_value(g, acc->r->operands.at[0])), mask);
        if (c->kind == CK_MEAN) assign(g, acc, 1, grid_apply2(g, "add", "i64", c_atom(acc->state[1]), acc->one), mask);
    }
}

void grid_acc_step(GridGen *g, GridAcc *acc) {
    const Expr *pred = acc->r->pred;
    CExpr mask = acc->there;
    int conds = g->conds.n;
    if (!pred) {
        step(g, acc, mask);
        return;
    }
    if (!g->select || (g->lane && !grid_varies(g, pred))) {
        c_if(&g->p, grid_condition(g, pred));
        GridMark m = grid_enter(g);
        g->ops++;
        step(g, acc, mask);
        grid_leave(g, m);
        c_end(&g->p);
        return;
    }
    CExpr p = grid_value(g, pred);
    if (mask.text) p = grid_apply2(g, "and", "mask", p, mask);
    GridCond cond = {grid_named(g, "where", "mask", p), false, {0}, 0};
    int known = g->known.n;
    vec_push(g->a, &g->conds, cond);
    step(g, acc, cond.mask);
    g->conds.n = conds;
    g->known.n = known;
}

/* --- joining --------------------------------------------------------------------------------------------------------------------- */

bool grid_acc_folds(const Comb *c) { return c->kind != CK_USER || !c->ordered; }

static void merge_user(GridGen *g, GridAcc *acc, const GridAcc *other) {
    const Comb *c = acc->r->comb;
    for (int i = 0; i < c->other.n; i++) g->var[c->other.at[i]->id] = c_atom(other->state[i]);
    run_assigns(g, c, &c->merge, acc->state);
}

/* behind: other's elements are all later; else the index decides between equals. */
static void merge_arg(GridGen *g, GridAcc *acc, const GridAcc *other, bool behind) {
    const char *lt = grid_lt(acc->type[0]);
    CExpr top = c_atom(acc->state[0]), best = c_atom(acc->state[1]), v = c_atom(other->state[0]), at = c_atom(other->state[1]);
    CExpr better = goes_before(g, acc, v, top);
    if (!behind) {
        CExpr same = grid_apply2(g, "eq", lt, v, top);
        if (dtype_is_float(acc->type[0])) {
            CExpr nans = grid_apply2(g, "and", "mask", grid_apply1(g, "isnan", lt, v), grid_apply1(g, "isnan", lt, top));
            same = grid_apply2(g, "or", "mask", same, nans);
        }
        better = grid_apply2(g, "or", "mask", better, grid_apply2(g, "and", "mask", same, grid_apply2(g, "lt", "i64", at, best)));
    }
    better = grid_named(g, "better", "mask", grid_apply2(g, "or", "mask", is_none(g, best), better));
    better = grid_named(g, "better", "mask", grid_apply2(g, "and", "mask", better, grid_apply1(g, "not", "mask", is_none(g, at))));
    assign(g, acc, 0, v, better);
    assign(g, acc, 1, at, better);
}

void grid_acc_merge(GridGen *g, GridAcc *acc, const GridAcc *other) {
    const Comb *c = acc->r->comb;
    if (c->kind == CK_USER) {
        merge_user(g, acc, other);
        return;
    }
    if (is_arg(c)) {
        merge_arg(g, acc, other, true);
        return;
    }
    for (int i = 0; i < acc->n; i++)
        assign(g, acc, i, grid_apply2(g, i ? "add" : join_word(c), grid_lt(acc->type[i]), c_atom(acc->state[i]), c_atom(other->state[i])), (CExpr){0});
}

/* Lane after lane joins the first. */
static void fold_one_by_one(GridGen *g, GridAcc *acc) {
    CPrint *p = &g->p;
    const char **all = NEW_ARRAY(g->a, const char *, acc->n + 1), *i = grid_name(g, "i");
    for (int s = 0; s < acc->n; s++) {
        all[s] = grid_name(g, arena_printf(g->a, "all_%s", state_name(acc, s)));
        c_declare(p, arena_printf(g->a, "const %s", vector_type(g, acc->type[s])), all[s], c_atom(acc->state[s]));
    }
    CExpr args[] = {c_atom("pe"), c_atom(i), c_atom("1"), c_atom("16"), c_atom("1")};
    out_f(p->out, "%s ", c_call(p, "pe_for", 5, args).text);
    c_block(p);
    GridMark m = grid_enter(g);
    GridAcc other = *acc;
    other.state = NEW_ARRAY(g->a, const char *, acc->n + 1);
    for (int s = 0; s < acc->n; s++) {
        const char *lt = grid_lt(acc->type[s]);
        CExpr lane = grid_apply2(g, "lane", lt, c_atom(all[s]), c_cast(p, "int", c_atom(i)));
        other.state[s] = grid_named(g, arena_printf(g->a, "other_%s", state_name(acc, s)), lt, grid_splat(g, lt, lane)).text;
    }
    if (is_arg(acc->r->comb)) merge_arg(g, acc, &other, false);
    else merge_user(g, acc, &other);
    grid_leave(g, m);
    c_end(p);
}

void grid_acc_fold(GridGen *g, GridAcc *acc) {
    const Comb *c = acc->r->comb;
    if (c->kind == CK_USER || is_arg(c)) {
        fold_one_by_one(g, acc);
        return;
    }
    static const char *const words[] = {[CK_SUM] = "hsum", [CK_PROD] = "hprod", [CK_MAX] = "hmax", [CK_MIN] = "hmin", [CK_MEAN] = "hsum", [CK_ANY] = "any", [CK_ALL] = "all"};
    for (int i = 0; i < acc->n; i++) {
        const char *lt = grid_lt(acc->type[i]);
        assign(g, acc, i, grid_splat(g, lt, grid_apply1(g, i ? "hsum" : words[c->kind], lt, c_atom(acc->state[i]))), (CExpr){0});
    }
}

CExpr grid_acc_result(GridGen *g, GridAcc *acc, int i) {
    const Comb *c = acc->r->comb;
    if (c->kind == CK_USER) {
        for (int s = 0; s < c->states.n; s++) g->var[c->states.at[s]->id] = c_atom(acc->state[s]);
        return grid_value(g, c->final.at[i]);
    }
    if (is_arg(c)) return c_atom(acc->state[1]);
    if (c->kind != CK_MEAN) return c_atom(acc->state[0]);
    DType t = acc->type[0];
    return grid_apply2(g, "div", grid_lt(t), c_atom(acc->state[0]), grid_convert(g, t, DT_I64, c_atom(acc->state[1])));
}

/* --- loops ----------------------------------------------------------------------------------------------------------------------------- */

static void turn(GridGen *g, void *context, bool rest) {
    GridAcc *acc = context;
    acc->there = rest ? grid_named(g, "there", "mask", c_call2(&g->p, "pe_first_mask", c_atom("pe"), c_atom(g->lanes))) : (CExpr){0};
    grid_acc_step(g, acc);
    acc->there = (CExpr){0};
}

static void hoist(GridGen *g, const GridAcc *acc, const Index *i) {
    const Reduce *r = acc->r;
    if (r->pred) grid_hoist(g, r->pred, i);
    for (int k = 0; k < r->operands.n && !r->pred; k++) grid_hoist(g, r->operands.at[k], i);
}

static void loops_from(GridGen *g, GridAcc *acc, int from, bool lane) {
    const Reduce *r = acc->r;
    const Index *i = r->idx.at[from];
    bool last = from == r->idx.n - 1;
    if (last && lane) {
        Expr *lo, *hi;
        grid_range(g, i, &lo, &hi);
        g->lane = i;
        g->select = true;
        hoist(g, acc, i);
        grid_lane_loop(g, i, lo, hi, false, turn, acc);
        g->lane = NULL;
        g->select = false;
        return;
    }
    if (last && !grid_pin(g, i)) hoist(g, acc, i);
    GridMark m;
    bool open = grid_open_index(g, i, &m);
    if (last) grid_acc_step(g, acc);
    else loops_from(g, acc, from + 1, lane);
    grid_close_index(g, m, open);
}

/* Positions before (or behind) the one where `along` stands, in the scan's order. */
static void scan_loop(GridGen *g, GridAcc *acc) {
    const Reduce *r = acc->r;
    CPrint *p = &g->p;
    bool down = r->scan == SCAN_GT || r->scan == SCAN_GE, with = r->scan == SCAN_GE || r->scan == SCAN_LE;
    CExpr at = grid_int(g, lo_index(g->a, r->along)), lo = grid_int(g, r->along->lo), hi = grid_int(g, r->along->hi);
    const char *name = grid_name(g, r->idx.at[0]->name), *k = down ? grid_name(g, "back") : name;
    vec_push(g->a, &g->taken, arena_printf(g->a, "%s_end", k));
    CExpr from = down ? c_atom("0") : lo, to = !down ? (with ? c_sum(p, at, c_atom("1")) : at) : c_binary(p, "-", with ? hi : c_binary(p, "-", hi, c_atom("1")), at);
    CExpr args[] = {c_atom("pe"), c_atom(k), from, to, c_atom("1")};
    out_f(p->out, "%s ", c_call(p, "pe_for", 5, args).text);
    c_block(p);
    GridMark m = grid_enter(g);
    if (down) c_declare(p, "const int64_t", name, c_binary(p, "-", c_binary(p, "-", hi, c_atom("1")), c_atom(k)));
    g->index.at[r->idx.at[0]->id] = c_atom(name);
    g->ops += 3;
    grid_acc_step(g, acc);
    grid_leave(g, m);
    c_end(p);
}

void grid_acc_loops(GridGen *g, GridAcc *acc, bool lane) {
    if (acc->r->scan) scan_loop(g, acc);
    else if (acc->r->idx.n) loops_from(g, acc, 0, lane);
    else grid_acc_step(g, acc);
}

CExpr grid_reduction(GridGen *g, const Expr *e) {
    GridAcc acc = grid_acc_new(g, e->reduce);
    int known = g->known.n;
    grid_acc_open(g, &acc);
    grid_acc_loops(g, &acc, false);
    g->known.n = known;
    return grid_named(g, "reduced", grid_lt(e->type), grid_acc_result(g, &acc, 0));
}
