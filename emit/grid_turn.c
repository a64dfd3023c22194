/* A tile that is stored as its transpose goes through the layout unit; no core touches it. */
#include "emit/grid_gen.h"

static bool is_plain_index(const Expr *e, const Index *i) { return e->kind == X_INDEX && e->index == i; }

/* t[j, i] = x[i, j] of one type. */
static bool is_transpose(const TileNode *n) {
    const Stmt *s = n->kind == TILE_COMPUTE && n->part == TILE_WHOLE && !n->dot && !n->simd ? n->stmt : NULL;
    if (!s || s->targets.n != 1 || s->idx.n != 2) return false;
    const Target *t = &s->targets.at[0];
    const Expr *read = s->value;
    if (read->kind != X_READ || read->mode != READ_PLAIN || read->tensor->rank != 2 || t->subs.n != 2) return false;
    if (read->tensor->type != t->tensor->type || read->tensor->policy == POLICY_CLAMP) return false;
    const Expr *i = read->args.at[0], *j = read->args.at[1];
    return i->kind == X_INDEX && j->kind == X_INDEX && i->index != j->index && is_plain_index(t->subs.at[1], i->index) && is_plain_index(t->subs.at[0], j->index);
}

/* Nothing of the box lies outside the tensor. */
static bool is_uncut(const TileBuf *b) {
    for (int d = 0; d < b->rank; d++)
        if (b->point[d] || (b->lo[d]->kind == X_OP && b->lo[d]->op == OP_MAX) || (b->hi[d]->kind == X_OP && b->hi[d]->op == OP_MIN)) return false;
    return true;
}

/* The only use of the tile in the body but its copies. */
static bool is_sole(const TileNodes *body, const TileNode *n, const TileBuf *b) {
    for (int i = 0; i < body->n; i++) {
        GridUse u = grid_use(body->at[i], b);
        if (body->at[i] != n && (u.read || u.written)) return false;
    }
    return true;
}

GridTurn grid_turn_of(const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        TileNode *n = body->at[i];
        GridTurn t = {n, NULL, NULL};
        if (!is_transpose(n)) continue;
        for (int k = 0; k < body->n; k++) {
            TileNode *c = body->at[k];
            if (c->kind == TILE_LOAD && c->buf->core == 1 && grid_serves(c->buf, n->stmt->value)) t.from = t.from ? t.from : c->buf;
            if (c->kind == TILE_STORE && c->buf->tensor == n->stmt->targets.at[0].tensor && c->buf->depth > 1) t.to = c->buf;
        }
        if (t.from && t.to && is_uncut(t.from) && is_uncut(t.to) && is_sole(body, n, t.from) && is_sole(body, n, t.to)) return t;
    }
    return (GridTurn){NULL, NULL, NULL};
}

void grid_turn(GridGen *g, const GridTurn *turn) {
    const GridTile *from = &g->tiles[turn->from->id], *to = &g->tiles[turn->to->id];
    CExpr dst = grid_place(g, to->ring, NULL, to->pitch, "push", to->slot), src = grid_place(g, from->ring, NULL, from->pitch, "pop", from->slot);
    CExpr args[] = {c_atom("pe"), dst, src, grid_int(g, from->ext[0]), grid_int(g, from->ext[1])};
    c_expr(&g->p, c_call(&g->p, "pe_transpose", 5, args));
}
