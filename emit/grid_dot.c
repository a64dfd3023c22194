/* Products on the engine of panels and its accumulators. */
#include "emit/grid_gen.h"
#include "lower/expr.h"
#include <assert.h>

/* The kernel's indices of a product, standing at the beginning of their blocks, and the blocks' sizes. */
typedef struct Panel { const TileDot *dot; const Index *m, *n, *k; Expr *was[3]; Expr *size[3]; } Panel;

/* Stages of one statement may share what is known of the product: the axis of this stage has the same place. */
static const TileAxis *here(const GridGen *g, const TileAxis *axis) { return g->stage->axes.at[axis->id]; }

static const Index *index_on(const GridGen *g, Index *const *idx, int n, const TileAxis *axis) {
    for (int i = 0; i < n; i++)
        if (g->stage->axis_of[idx[i]->id] == here(g, axis)) return idx[i];
    return NULL;
}

static void stand(GridGen *g, Panel *p, int i, const Index *x, const TileAxis *axis) {
    TileBlock b = grid_block(g, here(g, axis));
    Expr *lo = grid_folded(g, b.lo), *hi = grid_folded(g, b.hi);
    p->size[i] = lo_sub(g->a, hi, lo);
    p->was[i] = grid_pin(g, x);
    g->pinned[x->id] = lo;
}

static Panel panel(GridGen *g, const TileNode *n) {
    const Stmt *s = n->stmt;
    const Reduce *r = s->value->reduce;
    Panel p = {.dot = n->dot, .m = index_on(g, s->idx.at, s->idx.n, n->dot->m), .n = index_on(g, s->idx.at, s->idx.n, n->dot->n), .k = index_on(g, r->idx.at, r->idx.n, n->dot->k)};
    assert(p.m && p.n && p.k);
    return p;
}

static void enter(GridGen *g, Panel *p, const TileNode *n) {
    stand(g, p, 0, p->m, n->dot->m);
    stand(g, p, 1, p->n, n->dot->n);
    stand(g, p, 2, p->k, n->dot->k);
}

static void leave(GridGen *g, const Panel *p) {
    g->pinned[p->m->id] = p->was[0];
    g->pinned[p->n->id] = p->was[1];
    g->pinned[p->k->id] = p->was[2];
}

/* The bytes by which an element's place grows with an index, which is free to run. */
static Expr *slope(GridGen *g, const GridTile *t, const Exprs *subs, const Index *i) {
    Expr *was = g->pinned[i->id];
    g->pinned[i->id] = NULL;
    Expr *s = grid_slope(g, grid_offset(g, t, (const Expr *const *)subs->at), i);
    g->pinned[i->id] = was;
    return s;
}

static int dim_of(const Exprs *subs, const Index *i) {
    for (int d = 0; d < subs->n; d++)
        if (grid_mentions(subs->at[d], i)) return d;
    return 0;
}

CExpr grid_place(GridGen *g, const char *ring, Expr *off, Expr *pitch, const char *move, Expr *by) {
    int64_t v;
    Out o = out_new(g->a);
    out_f(&o, "PE_AT(%s", ring);
    if (off && !(lo_is_int(off, &v) && v == 0)) out_f(&o, ", .off = %s", grid_int(g, off).text);
    if (pitch) out_f(&o, ", .pitch = %s", grid_int(g, pitch).text);
    if (by) out_f(&o, ", .%s = %s", move, grid_int(g, by).text);
    out_s(&o, ")");
    return c_atom(o.text);
}

static TileNodes *body_of_load(const GridGen *g, const TileBuf *b) {
    for (int i = g->bodies.n; i-- > 0;)
        for (int k = 0; k < g->bodies.at[i]->n; k++)
            if (g->bodies.at[i]->at[k]->buf == b && g->bodies.at[i]->at[k]->kind != TILE_COMPUTE) return g->bodies.at[i];
    return NULL;
}

static bool pops(const GridGen *g, const TileBuf *b) {
    TileNodes *body = body_of_load(g, b);
    return body && body == g->bodies.at[g->bodies.n - 1] && grid_sole_command(body, b);
}

/* Where the operand lies as the engine's row reads it: transposed first where it does not. */
static CExpr operand(GridGen *g, const Panel *p, const Expr *read, const Index *rows, int number) {
    GridTile *t = grid_tile_of(g, read);
    assert(t);
    int64_t v;
    const TileDot *d = p->dot;
    bool rows_first = d->row->rows_first[number];
    Expr *off = grid_offset(g, t, (const Expr *const *)read->args.at), *by_k = slope(g, t, &read->args, p->k), *by_row = slope(g, t, &read->args, rows);
    Expr *pop = pops(g, t->buf) && t->is_ring ? t->slot : NULL, *by = rows_first ? by_k : by_row;
    if (!d->turn[number]) return grid_place(g, t->ring, off, lo_is_int(by, &v) && v == 0 ? NULL : by, "pop", pop);
    if (!t->turned) {
        t->turned = grid_enumerator(g, "", arena_printf(g->a, "%s_turned", t->buf->name));
        vec_push(g->a, &g->rings, t->turned);
        t->turned_row = dim_of(&read->args, rows_first ? p->k : rows);
        t->turned_col = dim_of(&read->args, rows_first ? rows : p->k);
        t->turn = d->turn[number];
    }
    Expr *pitch, *slot;
    grid_turned(g, t, &pitch, &slot);
    CExpr k = grid_int(g, p->size[2]), n = grid_int(g, p->size[number]);
    CExpr args[] = {c_atom("pe"), grid_place(g, t->turned, NULL, pitch, "push", slot), grid_place(g, t->ring, off, rows_first ? by_row : by_k, "pop", pop), rows_first ? n : k, rows_first ? k : n};
    c_expr(&g->p, c_call(&g->p, t->turn->call, 5, args));
    return grid_place(g, t->turned, NULL, pitch, "pop", slot);
}

static bool holds_join(const TileNodes *body, const Stmt *s) {
    for (int i = 0; i < body->n; i++)
        if ((body->at[i]->stmt == s && body->at[i]->part == TILE_JOIN) || holds_join(&body->at[i]->body, s)) return true;
    return false;
}

/* Sums that join states after a block of k begin anew with each: where in k that is. NULL: each step is such a block. */
static Expr *joined_from(GridGen *g, const TileNode *n) {
    int at = g->path.n;
    const TileAxis *k = here(g, n->dot->k);
    while (at > 0 && !holds_join(&g->path.at[at - 1]->body, n->stmt)) at--;
    for (int i = at; i < g->path.n; i++)
        for (int l = 0; l < g->path.at[i]->levels.n; l++)
            if (g->path.at[i]->levels.at[l].axis == k) return tile_block(g->a, k, g->path.at, at).lo;
    return NULL;
}

static void dot(GridGen *g, const Panel *p, int acc, const char *add, CExpr k, CExpr a, CExpr b) {
    Out o = out_new(g->a);
    out_f(&o, "%s(pe, ", p->dot->row->call);
    grid_fields(p->dot->row, &o);
    if (acc) out_f(&o, ".acc = %d, ", acc);
    out_f(&o, ".m = %s, .n = %s, .k = %s, ", grid_int(g, p->size[0]).text, grid_int(g, p->size[1]).text, k.text);
    if (add) out_f(&o, ".add = %s, ", add);
    out_f(&o, ".a = %s, .b = %s)", a.text, b.text);
    c_expr(&g->p, c_atom(o.text));
}

/* Any ring that a product's operand is loaded into. */
static const char *ring_of(const GridGen *g, const Expr *read) {
    for (int i = 0; i < g->stage->bufs.n; i++)
        if (grid_serves(g->tiles[i].buf, read)) return g->tiles[i].ring;
    return NULL;
}

static void final(GridGen *g, const TileNode *n, const Panel *p, int acc) {
    const Target *target = &n->stmt->targets.at[0];
    GridTile *t = grid_tile_of_target(g, target->tensor);
    Expr *off = grid_offset(g, t, (const Expr *const *)target->subs.at), *pitch = slope(g, t, &target->subs, p->m);
    int64_t v;
    if (lo_is_int(pitch, &v) && v == 0) pitch = NULL;
    const EngineRow *row = n->dot->row, *boxes = t->is_ring ? NULL : grid_box_row(g, t->buf);
    if (boxes) grid_fence(g, boxes);
    bool drains = row->drain && row->drain->takes[t->buf->type];
    CExpr dst = grid_place(g, t->ring, off, pitch, "push", t->is_ring && pops(g, t->buf) ? t->slot : NULL);
    CExpr m = grid_int(g, p->size[0]), k = grid_int(g, p->size[1]);
    bool guarded = t->buf->type == DT_I32;      /* accumulators of an empty panel have no type */
    if (guarded) {
        g->ops += 2;
        c_if(&g->p, c_binary(&g->p, "&&", c_binary(&g->p, ">", m, c_atom("0")), c_binary(&g->p, ">", k, c_atom("0"))));
    }
    if (drains) {
        CExpr args[] = {c_atom("pe"), dst, c_int(&g->p, acc), m, k};
        c_expr(&g->p, c_call(&g->p, row->drain->call, 5, args));
    } else {
        const char *from = acc ? arena_printf(g->a, ".acc = %d, ", acc) : "";
        c_expr(&g->p, c_atomf(&g->p, "%s(pe, .from_%s = true, %s.rows = %s, .cols = %s, .dst = %s)", row->feed->call, row->into, from, m.text, k.text, dst.text));
    }
    if (guarded && t->is_ring && pops(g, t->buf)) {
        c_else(&g->p);
        CExpr args[] = {c_atom("pe"), c_atom(t->ring), grid_int(g, t->slot)};
        c_expr(&g->p, c_call(&g->p, "pe_reserve", 3, args));
        c_expr(&g->p, c_call(&g->p, "pe_push", 3, args));
    }
    if (guarded) c_end(&g->p);
    if (!t->is_ring) grid_fence(g, drains ? row->drain : row->feed);
    grid_tile_show(g, t);
}

/* Commands take the sum from there. */
static bool in_accumulators(const GridGen *g, const TileNode *n) {
    for (int i = 0; i < g->stage->bufs.n; i++)
        if (g->tiles[i].buf->tensor == n->stmt->targets.at[0].tensor && g->tiles[i].buf->memory == TILE_ACC) return true;
    return false;
}

void grid_dot(GridGen *g, TileNode *n) {
    Panel p = panel(g, n);
    const GridTile *state = grid_tile_of_state(g, n->stmt, 0);
    int acc = state ? state->acc : 0;
    enter(g, &p, n);
    if (n->part == TILE_INIT) {
        CExpr a = c_atomf(&g->p, "PE_AT(%s)", ring_of(g, n->dot->a)), b = c_atomf(&g->p, "PE_AT(%s)", ring_of(g, n->dot->b));
        dot(g, &p, acc, NULL, c_atom("0"), a, b);
    } else if (n->part == TILE_STEP || n->part == TILE_WHOLE) {
        const char *add = n->part == TILE_WHOLE ? NULL : "true";
        if (add && state && state->buf->memory == TILE_LOCAL) {
            Expr *from = joined_from(g, n);
            g->ops += from != NULL;
            add = from ? c_binary(&g->p, "<", grid_int(g, grid_folded(g, from)), grid_int(g, g->pinned[p.k->id])).text : NULL;
        }
        CExpr a = operand(g, &p, n->dot->a, p.m, 0), b = operand(g, &p, n->dot->b, p.n, 1);
        dot(g, &p, acc, add, grid_int(g, p.size[2]), a, b);
        if (n->part == TILE_WHOLE && !in_accumulators(g, n)) final(g, n, &p, acc);
    } else {
        final(g, n, &p, acc);
    }
    leave(g, &p);
}
