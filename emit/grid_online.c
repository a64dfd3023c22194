/* Online forms on the vector core: what a lead has come to so far, and the corrections of what follows it (lower/online.h). */
#include "emit/grid_gen.h"
#include "lower/expr.h"
#include "lower/online.h"
#include <float.h>

static const Expr **points(GridGen *g, const Stmt *s, int n) {
    const Expr **subs = NEW_ARRAY(g->a, const Expr *, n + 1);
    for (int d = 0; d < n; d++) subs[d] = lo_index(g->a, s->idx.at[d]);
    return subs;
}

/* State `number` of `of`, at the point of s. */
static CExpr state(GridGen *g, const Stmt *of, int number, const Stmt *s) {
    GridTile *t = grid_tile_of_state(g, of, number);
    return grid_load_value(g, (const Expr *)t, t, points(g, s, of->idx.n), true);
}

static void set_state(GridGen *g, const Stmt *of, int number, CExpr value) {
    grid_store_value(g, grid_tile_of_state(g, of, number), points(g, of, of->idx.n), value);
}

bool grid_leads(GridGen *g, const Stmt *s) { return s && grid_tile_of_state(g, s, TILE_SO_FAR) != NULL; }

void grid_lead_shown(GridGen *g, const Stmt *s) {
    if (grid_leads(g, s)) grid_tile_show(g, grid_tile_of_state(g, s, TILE_SO_FAR));
}

/* While nothing has come: a number that terms may be taken from, and that is replaced by the first value. */
void grid_lead_open(GridGen *g, const Stmt *s) {
    CombKind kind = s->value->reduce->comb->kind;
    double none = kind == CK_MAX ? -FLT_MAX : kind == CK_MIN ? FLT_MAX : 0;
    CExpr x = grid_splat(g, "f32", grid_literal(g, DT_F32, none, 0));
    set_state(g, s, TILE_WAS, x);
    set_state(g, s, TILE_SO_FAR, x);
}

/* A maximum is followed from its least number on, so that an infinity never stands in its place. */
void grid_lead_now(GridGen *g, const Stmt *s) {
    CombKind kind = s->value->reduce->comb->kind;
    GridAcc acc = grid_acc_new(g, s->value->reduce);
    CExpr before = grid_named(g, "before", "f32", state(g, s, TILE_SO_FAR, s));
    grid_acc_load(g, &acc, s);
    CExpr now = grid_acc_result(g, &acc, 0);
    if (kind != CK_MEAN) now = grid_apply2(g, kind == CK_MAX ? "max" : "min", "f32", before, now);
    set_state(g, s, TILE_WAS, before);
    set_state(g, s, TILE_SO_FAR, now);
}

/* The final result as the value so far: what it was may have been the number that stands for none. */
void grid_lead_final(GridGen *g, const Stmt *s, CExpr result) {
    set_state(g, s, TILE_WAS, state(g, s, TILE_SO_FAR, s));
    set_state(g, s, TILE_SO_FAR, result);
}

/* Terms that the states held before this block. */
static CExpr terms_before(GridGen *g, const Stmt *lead) {
    const TileAxis *axis = g->stage->axis_of[lead->value->reduce->idx.at[0]->id];
    CExpr n = grid_int(g, grid_folded(g, lo_sub(g->a, grid_block(g, axis).lo, axis->lo)));
    return grid_splat(g, "f32", c_cast(&g->p, "float", n));
}

void grid_correct(GridGen *g, const Stmt *s, const Stmt *lead) {
    OnlineEffect fx = online_effect(g->a, g->k, s, lead);
    GridAcc acc = grid_acc_new(g, s->value->reduce);
    CExpr now = state(g, lead, TILE_SO_FAR, s), was = state(g, lead, TILE_WAS, s);
    CExpr moved = grid_named(g, "moved", "f32", grid_apply2(g, "sub", "f32", now, was));
    CExpr coef = grid_value(g, fx.coef), more;
    grid_acc_load(g, &acc, s);
    CExpr old = c_atom(acc.state[0]);
    if (fx.kind == ONLINE_SQUARE) more = grid_apply2(g, "mul", "f32", grid_apply2(g, "mul", "f32", coef, terms_before(g, lead)), grid_apply2(g, "mul", "f32", moved, moved));
    else more = grid_apply2(g, "mul", "f32", coef, moved);
    if (fx.kind == ONLINE_SCALE) more = grid_apply1(g, op_table[fx.fn].name, "f32", more);
    c_assign(&g->p, old, "=", grid_apply2(g, fx.kind == ONLINE_SCALE ? "mul" : "add", "f32", old, more));
    grid_acc_store(g, &acc, s);
}

bool grid_correct_open(GridGen *g, const TileNode *n, GridMark *m) {
    if (n->part != TILE_CORRECT) return false;
    const TileAxis *axis = g->stage->axis_of[n->lead->value->reduce->idx.at[0]->id];
    if (g->level_of[axis->id]) return false;
    g->ops++;
    c_if(&g->p, c_binary(&g->p, "<", grid_int(g, grid_folded(g, axis->lo)), grid_int(g, grid_folded(g, axis->hi))));
    *m = grid_enter(g);
    return true;
}
