/* Tiles: where they lie, where an element is, and the copies that fill and empty them. */
#include "emit/grid_gen.h"
#include "lower/expr.h"

static Expr *literal(GridGen *g, int64_t v) { return lo_int(g->a, v); }

/* --- layout ------------------------------------------------------------------------------------------------------------------ */

static Expr *room_of(GridGen *g, const TileBuf *b, int d) {
    Expr *e = grid_folded(g, b->room[d]);
    return e->kind == X_OP && e->op == OP_SUB ? lo_max(g->a, e, literal(g, 0)) : e;
}

static const char *stem(GridGen *g, const GridTile *t, const char *what) { return arena_printf(g->a, "%s_%s", t->name, what); }

/* Rows of a tile are padded to units of 32 bytes, unless they are shorter. */
static void lay_out(GridGen *g, GridTile *t) {
    const TileBuf *b = t->buf;
    int64_t size = dtype_table[b->type].bytes, v;
    t->lo = NEW_ARRAY(g->a, Expr *, b->rank + 1);
    t->ext = NEW_ARRAY(g->a, Expr *, b->rank + 1);
    if (!b->rank) {
        t->pitch = t->slot = literal(g, 32);
        return;
    }
    Expr *row = lo_mul(g->a, room_of(g, b, b->rank - 1), literal(g, size));
    bool is_short = lo_is_int(row, &v) && v > 0 && v < 32;
    if (b->rank == 1) {
        t->pitch = t->slot = grid_rounded(g, g->numbers, stem(g, t, "slot"), row);
        return;
    }
    t->pitch = is_short ? row : grid_rounded(g, g->numbers, stem(g, t, "pitch"), row);
    Expr *rows = room_of(g, b, 0);
    for (int d = 1; d < b->rank - 1; d++) rows = lo_mul(g->a, rows, room_of(g, b, d));
    Expr *all = lo_mul(g->a, rows, t->pitch);
    t->slot = is_short || lo_is_int(all, &v) ? grid_rounded(g, g->numbers, stem(g, t, "slot"), all) : grid_number(g, g->numbers, stem(g, t, "slot"), all);
}

void grid_turned(GridGen *g, const GridTile *t, Expr **pitch, Expr **slot) {
    Expr *row = lo_mul(g->a, room_of(g, t->buf, t->turned_col), literal(g, dtype_table[t->buf->type].bytes));
    *pitch = grid_rounded(g, g->numbers, stem(g, t, "turned_pitch"), row);
    *slot = grid_number(g, g->numbers, stem(g, t, "turned_slot"), lo_mul(g->a, room_of(g, t->buf, t->turned_row), *pitch));
}

void grid_tiles_open(GridGen *g) {
    for (int i = 0; i < g->stage->bufs.n; i++) {
        GridTile *t = &g->tiles[i];
        t->visible = t->has_place = false;
        if (t->buf->memory == TILE_LOCAL) lay_out(g, t);
    }
    grid_tiles_place(g);
}

typedef struct Depth { const GridGen *g; bool open; } Depth;
static bool is_open(void *context, Expr *e) {
    Depth *d = context;
    if (e->kind == X_READ) d->open = false;
    if (e->kind == X_INDEX && !d->g->number_of.at[e->index->id] && !d->g->loop_depth[e->index->id]) d->open = false;
    return d->open;
}

static bool is_simple(const Expr *e) { return e->kind == X_INDEX || e->kind == X_DIM || e->kind == X_LIT; }

static Expr *extent(GridGen *g, const TileBuf *b, int d) {
    Expr *e = lo_sub(g->a, b->hi[d], b->lo[d]);
    return is_simple(e) || (is_simple(b->lo[d]) && is_simple(b->hi[d])) ? e : lo_max(g->a, e, literal(g, 0));
}

static const char *extent_name(GridGen *g, const GridTile *t, int d) {
    int last = t->buf->rank - 1;
    if (d == last) return stem(g, t, "cols");
    return d == last - 1 ? stem(g, t, "rows") : arena_printf(g->a, "%s_n%d", t->name, d);
}

void grid_tiles_place(GridGen *g) {
    for (int i = 0; i < g->stage->bufs.n; i++) {
        GridTile *t = &g->tiles[i];
        const TileBuf *b = t->buf;
        Depth all = {g, true};
        if (t->has_place || b->memory != TILE_LOCAL) continue;
        for (int d = 0; d < b->rank; d++) {
            if (b->point[d]) continue;
            expr_walk(b->lo[d], is_open, &all);
            expr_walk(b->hi[d], is_open, &all);
        }
        if (!all.open) continue;
        t->has_place = true;
        for (int d = 0; d < b->rank; d++) {
            t->lo[d] = b->point[d] ? NULL : grid_number(g, g->numbers, arena_printf(g->a, "%s_lo%d", t->name, d), b->lo[d]);
            t->ext[d] = b->point[d] ? literal(g, 1) : grid_number(g, g->numbers, extent_name(g, t, d), extent(g, b, d));
        }
    }
}

void grid_tiles_leave(GridGen *g) {
    for (int i = 0; i < g->stage->bufs.n; i++) {
        GridTile *t = &g->tiles[i];
        const TileBuf *b = t->buf;
        bool gone = false;
        for (int d = 0; d < b->rank && !gone && t->has_place; d++) {
            if (b->point[d]) continue;
            Depth all = {g, true};
            expr_walk(b->lo[d], is_open, &all);
            expr_walk(b->hi[d], is_open, &all);
            gone = !all.open;
        }
        if (gone) t->has_place = t->visible = false;
    }
}

void grid_tile_show(GridGen *g, GridTile *t) {
    t->visible = true;
    t->order = ++g->orders;
}

/* --- which tile ---------------------------------------------------------------------------------------------------------------- */

static const Expr *original(const GridGen *g, const Expr *read) {
    for (int i = g->twins.n; i-- > 0;)
        if (g->twins.at[i].plain == read) return g->twins.at[i].read;
    return read;
}

bool grid_serves(const TileBuf *b, const Expr *read) {
    if ((b->tensor ? b->tensor != read->tensor : !b->reads.n) || b->memory != TILE_LOCAL) return false;
    for (int i = 0; i < b->reads.n; i++)
        if (b->reads.at[i] == read || expr_equal(b->reads.at[i], read)) return true;
    return b->reads.n == 0;
}

GridTile *grid_tile_of(GridGen *g, const Expr *read) {
    const Expr *e = original(g, read);
    GridTile *best = NULL;
    for (int i = 0; i < g->stage->bufs.n; i++) {
        GridTile *t = &g->tiles[i];
        bool ours = !t->buf->copied_in || g->stage->one_core || t->buf->core == g->core;
        if (t->visible && t->has_place && ours && grid_serves(t->buf, e) && (!best || t->order > best->order)) best = t;
    }
    return best;
}

static const TileBuf *stored(const TileNodes *body, const Tensor *t) {
    for (int i = 0; i < body->n; i++)
        if (body->at[i]->kind == TILE_STORE && body->at[i]->buf->tensor == t) return body->at[i]->buf;
    return NULL;
}

GridTile *grid_tile_of_target(GridGen *g, const Tensor *t) {
    for (int i = g->bodies.n; i-- > 0;) {
        const TileBuf *b = stored(g->bodies.at[i], t);
        if (b) return &g->tiles[b->id];
    }
    GridTile *best = NULL;
    for (int i = 0; i < g->stage->bufs.n; i++) {
        GridTile *x = &g->tiles[i];
        bool fits = x->buf->tensor == t && !x->buf->copied_in && !x->buf->copied_out && x->buf->memory == TILE_LOCAL;
        if (fits && x->has_place && (!best || (x->visible && x->order > best->order))) best = x;
    }
    return best;
}

GridTile *grid_tile_of_state(GridGen *g, const Stmt *s, int state) {
    for (int i = 0; i < g->stage->bufs.n; i++)
        if (g->tiles[i].buf->state_of == s && g->tiles[i].buf->state == state && !g->tiles[i].buf->tensor) return &g->tiles[i];
    return NULL;
}

/* --- elements ------------------------------------------------------------------------------------------------------------------ */

/* Where the element lies from the tile's start, an element counting `size` and the way from row to row `pitch`. */
static Expr *element_at(GridGen *g, const GridTile *t, const Expr *const *subs, int64_t size, Expr *pitch) {
    const TileBuf *b = t->buf;
    Arena *a = g->a;
    if (!b->rank) return literal(g, 0);
    Expr *row = literal(g, 0), *at = row;
    for (int d = 0; d < b->rank; d++) {
        at = b->point[d] ? literal(g, 0) : lo_sub(a, grid_folded(g, subs[d]), t->lo[d]);
        if (d < b->rank - 1) row = lo_add(a, lo_mul(a, row, t->ext[d]), at);
    }
    at = lo_mul(a, at, literal(g, size));
    int64_t v;
    return lo_is_int(row, &v) && v == 0 ? at : lo_add(a, lo_mul(a, row, pitch), at);
}

Expr *grid_offset(GridGen *g, const GridTile *t, const Expr *const *subs) {
    return element_at(g, t, subs, dtype_table[t->buf->type].bytes, t->pitch);
}

Expr *grid_element(GridGen *g, const GridTile *t, const Expr *const *subs) {
    return element_at(g, t, subs, 1, lo_div(g->a, t->pitch, dtype_table[t->buf->type].bytes));
}

static bool is_inside(const Expr *sub, const Expr *extent) {
    int64_t v, n;
    if (sub->kind == X_LIT) return lo_is_int(extent, &n) && lo_is_int(sub, &v) && v >= 0 && v < n;
    return sub->kind == X_INDEX && sub->index->lo && sub->index->lo->kind == X_LIT && sub->index->lo->lit_i >= 0 && expr_equal(sub->index->hi, extent);
}

static bool is_cut(const Expr *bound) { return bound->kind == X_OP && (bound->op == OP_MIN || bound->op == OP_MAX); }

bool grid_is_safe(const GridTile *t, int d, const Expr *sub) {
    const TileBuf *b = t->buf;
    if (!b->tensor) return true;        /* states of the statement's own points */
    const Expr *extent = b->tensor->shape[d];
    int64_t lo;
    if (is_inside(sub, extent)) return true;
    /* A bound that is the tensor's own may have been cut too, and folded. */
    bool cut = is_cut(b->lo[d]) || is_cut(b->hi[d]) || (lo_is_int(b->lo[d], &lo) && lo == 0) || expr_equal(b->hi[d], extent);
    return b->reads.n && !cut;      /* a box made for this very read, and nothing of it lies outside */
}

/* --- copies -------------------------------------------------------------------------------------------------------------------- */

/* What a copy moves: dimensions whose extent is not always 1, and the last. */
typedef struct Move { GridTile *t; int n; Expr *off; int dim[16]; Expr *ext[16], *stride[16]; } Move;

typedef struct Replace { const Expr *from; Expr *to; } Replace;
static Expr *replaced(void *context, Expr *e) {
    const Replace *r = context;
    return expr_equal(e, r->from) ? r->to : NULL;
}

typedef struct Found { const Expr *read; } Found;
static bool find_read(void *context, Expr *e) {
    Found *f = context;
    if (!f->read && e->kind == X_READ && e->type != DT_BOOL) f->read = e;
    return !f->read;
}

/* Reads of tensors in a box's bounds are made once, before the copy. */
static void without_reads(GridGen *g, Expr **lo, Expr **hi) {
    for (int round = 0; round < 16; round++) {
        Found f = {0};
        expr_walk(*lo, find_read, &f);
        if (!f.read) expr_walk(*hi, find_read, &f);
        if (!f.read) return;
        Expr *at = grid_number_text(g, &(GridNumbers){0}, arena_printf(g->a, "%s_at", f.read->tensor->name), NULL);
        c_declare(&g->p, "const int64_t", at->index->name, grid_int(g, f.read));
        g->number_of.at[at->index->id] = NULL;
        Replace r = {f.read, at};
        *lo = lo_copy(g->a, *lo, replaced, &r);
        *hi = lo_copy(g->a, *hi, replaced, &r);
    }
}

static void stride_of(GridGen *g, const Tensor *t, int d, Expr **stride) {
    Expr *s = literal(g, 1);
    for (int i = d + 1; i < t->rank; i++) s = lo_mul(g->a, s, t->shape[i]);
    *stride = s;
}

static void move_of(GridGen *g, GridTile *t, Move *m) {
    const TileBuf *b = t->buf;
    int64_t v;
    *m = (Move){.t = t, .off = literal(g, 0)};
    for (int d = 0; d < b->rank; d++) {
        Expr *lo = b->lo[d], *hi = b->hi[d], *stride, *ext;
        stride_of(g, b->tensor, d, &stride);
        if (t->lo[d]) {
            lo = t->lo[d];
            ext = t->ext[d];
        } else {
            without_reads(g, &lo, &hi);
            ext = lo_sub(g->a, hi, lo);
            if (!lo_is_int(ext, &v)) ext = lo_max(g->a, ext, literal(g, 0));
        }
        m->off = lo_add(g->a, m->off, lo_mul(g->a, lo, stride));
        if (d < b->rank - 1 && lo_is_int(ext, &v) && v == 1) continue;
        m->dim[m->n] = d;
        m->ext[m->n] = ext;
        m->stride[m->n++] = stride;
    }
}

static CExpr box(GridGen *g, const Move *m, int first, CExpr off) {
    CPrint *p = &g->p;
    int n = m->n - first;
    if (n <= 2) {
        CExpr rows = n == 2 ? grid_int(g, m->ext[first]) : c_atom("1"), stride = n == 2 ? grid_int(g, m->stride[first]) : c_atom("0");
        CExpr args[] = {off, rows, n ? grid_int(g, m->ext[m->n - 1]) : c_atom("1"), stride};
        return c_call(p, "pe_box", 4, args);
    }
    const char *ext = n == 3 ? "1" : grid_int(g, m->ext[first]).text, *stride = n == 3 ? "0" : grid_int(g, m->stride[first]).text;
    for (int i = m->n - 3; i < m->n; i++) ext = arena_printf(g->a, "%s, %s", ext, grid_int(g, m->ext[i]).text);
    for (int i = m->n - 3; i < m->n - 1; i++) stride = arena_printf(g->a, "%s, %s", stride, grid_int(g, m->stride[i]).text);
    return c_atomf(p, "((PeBox){%s, {%s}, {%s, 1}})", off.text, ext, stride);
}

static CExpr place(GridGen *g, const GridTile *t, const char *move, CExpr by) {
    Out o = out_new(g->a);
    out_f(&o, "PE_AT(%s", t->ring);
    if (t->buf->rank > 1) out_f(&o, ", .pitch = %s", grid_int(g, t->pitch).text);
    if (by.text) out_f(&o, ", .%s = %s", move, by.text);
    out_s(&o, ")");
    return c_atom(o.text);
}

static const char *load_call(const TileNode *n) {
    return n->kind == TILE_STORE ? "pe_store" : n->share == TILE_SHARE_ROW ? "pe_load_row" : n->share == TILE_SHARE_COL ? "pe_load_col" : "pe_load";
}

static void copy(GridGen *g, const TileNode *n, const Move *m, int first, CExpr off, CExpr by) {
    const GridTile *t = m->t;
    const Tensor *home = n->kind == TILE_LOAD && t->buf->from ? t->buf->from : t->buf->tensor;
    CExpr tensor = c_atom(g->tensor[home->id]), b = box(g, m, first, off);
    if (n->kind == TILE_LOAD) {
        CExpr args[] = {c_atom("pe"), place(g, t, "push", by), tensor, b};
        c_expr(&g->p, c_call(&g->p, load_call(n), 4, args));
    } else {
        CExpr args[] = {c_atom("pe"), tensor, b, place(g, t, "pop", by)};
        c_expr(&g->p, c_call(&g->p, load_call(n), 4, args));
    }
}

/* More dimensions than a box has: a copy for each place of the leading ones; each moves the cursor by its own bytes, the last by the rest. */
static void copy_many(GridGen *g, const TileNode *n, Move *m) {
    CPrint *p = &g->p;
    int lead = m->n - 4;
    Expr *all = literal(g, 1), *bytes = m->t->pitch;
    for (int i = 0; i < lead; i++) all = lo_mul(g->a, all, m->ext[i]);
    for (int i = lead; i < m->n - 1; i++) bytes = lo_mul(g->a, bytes, m->ext[i]);
    GridMark mark = grid_enter(g);
    const char *left = grid_name(g, "left"), *part = grid_name(g, "part");
    c_block(p);
    c_declare(p, "int64_t", left, grid_int(g, all));
    c_declare(p, "const int64_t", part, grid_int(g, bytes));
    CExpr slot = grid_int(g, m->t->slot), rest = c_binary(p, "-", slot, c_binary(p, "*", c_binary(p, "-", grid_int(g, all), c_atom("1")), c_atom(part)));
    Move none = *m;
    none.ext[none.n - 1] = literal(g, 0);
    c_if(p, c_binary(p, "==", c_atom(left), c_atom("0")));
    bool moves = m->t->is_ring;
    copy(g, n, &none, lead, c_atom("0"), moves ? slot : (CExpr){0});
    c_end(p);
    CExpr off = grid_int(g, m->off);
    for (int i = 0; i < lead; i++) {
        const char *v = grid_name(g, "i");
        CExpr args[] = {c_atom("pe"), c_atom(v), c_atom("0"), grid_int(g, m->ext[i]), c_atom("1")};
        out_f(p->out, "%s ", c_call(p, "pe_for", 5, args).text);
        c_block(p);
        off = c_sum(p, off, c_product(p, c_atom(v), grid_int(g, m->stride[i])));
    }
    c_assign(p, c_atom(left), "-=", c_atom("1"));
    CExpr by = c_cond(p, c_atom(left), c_atom(part), rest);
    copy(g, n, m, lead, off, moves ? by : (CExpr){0});
    c_expr(p, c_call2(p, "pe_ops", c_atom("pe"), c_int(p, 4 + 2 * lead)));
    for (int i = 0; i < lead; i++) c_end(p);
    grid_leave(g, mark);
    c_end(p);
}

static void move(GridGen *g, TileNode *n) {
    GridTile *t = &g->tiles[n->buf->id];
    Move m;
    move_of(g, t, &m);
    if (m.n > 4) {
        copy_many(g, n, &m);
        return;
    }
    CExpr off = grid_int(g, grid_folded(g, m.off));
    copy(g, n, &m, 0, off, t->is_ring ? grid_int(g, t->slot) : (CExpr){0});
}

void grid_load(GridGen *g, TileNode *n) { move(g, n); }
void grid_store(GridGen *g, TileNode *n) { move(g, n); }
