/* A Tile program as host C: its loops, tiles that stay in the cache as memory of their own, and each computation as the statement's
 * loops over the current blocks. What lies at home is read and written in place. */
#include "emit/host_gen.h"
#include "lower/expr.h"
#include <string.h>

struct HostTiles *host_tiles_new(Gen *g, const TileProgram *p) {
    HostTiles *t = NEW(g->a, HostTiles);
    t->p = p;
    t->names = NEW_ARRAY(g->a, const char **, p->stages.n + 1);
    t->when = NEW_ARRAY(g->a, const char *, p->stages.n + 1);
    return t;
}

/* --- what the program holds ------------------------------------------------------------------------------------------------------- */

bool host_tile_at_home(Gen *g, const Tensor *t) {
    const TileProgram *p = g->tiles->p;
    for (int i = 0; i < p->stages.n; i++)
        for (int b = 0; b < p->stages.at[i]->bufs.n; b++) {
            const TileBuf *x = p->stages.at[i]->bufs.at[b];
            if (x->tensor == t && x->memory == TILE_HOME) return true;
        }
    return false;
}

const char *host_tile_home_case(Gen *g, const Tensor *t) {
    const HostTiles *h = g->tiles;
    const char *found = NULL;
    for (int i = 0; i < h->p->stages.n; i++)
        for (int b = 0; b < h->p->stages.at[i]->bufs.n; b++) {
            const TileBuf *x = h->p->stages.at[i]->bufs.at[b];
            if (x->tensor != t || x->memory != TILE_HOME) continue;
            if (!h->when[i] || (found && found != h->when[i])) return NULL;
            found = h->when[i];
        }
    return found;
}

static bool is_whole_in(const TileNodes *body, const Stmt *s) {
    for (int i = 0; i < body->n; i++)
        if ((body->at[i]->stmt == s && body->at[i]->part == TILE_WHOLE && body->at[i]->kind == TILE_COMPUTE) || is_whole_in(&body->at[i]->body, s)) return true;
    return false;
}

bool host_tile_is_whole(Gen *g, const Stmt *s) {
    for (int i = 0; i < g->tiles->p->stages.n; i++)
        if (is_whole_in(&g->tiles->p->stages.at[i]->body, s)) return true;
    return false;
}

static bool has_work(const TileNodes *body) {
    for (int i = 0; i < body->n; i++)
        if ((body->at[i]->kind == TILE_COMPUTE && body->at[i]->part != TILE_TEST) || has_work(&body->at[i]->body)) return true;
    return false;
}

/* One value at a time. */
static bool is_variable(const TileBuf *b) {
    int64_t n;
    for (int d = 0; d < b->rank; d++)
        if (!lo_is_int(b->room[d], &n) || n != 1) return false;
    return !b->copied_in;
}

/* The tensor's name where the tile is all there is of it, for the first such. */
static const char *tile_name(Gen *g, const TileBuf *b) {
    if (!b->tensor || b->copied_in || host_tile_at_home(g, b->tensor)) return host_name(g, b->name);
    const char *name = g->tensors[b->tensor->id].name;
    for (int s = 0; s < g->tiles->p->stages.n; s++)
        for (int i = 0; g->tiles->names[s] && i < g->tiles->p->stages.at[s]->bufs.n; i++)
            if (g->tiles->names[s][i] == name) return host_name(g, b->name);
    return name;
}

static void name_steps(Gen *g, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        for (int v = 0; v < body->at[i]->levels.n; v++) {
            const TileLevel *l = &body->at[i]->levels.at[v];
            if (l->step_var) g->index[l->step_var->id] = host_extent_named(g, l->step, l->step_var->name);
        }
        name_steps(g, &body->at[i]->body);
    }
}

/* Rooms of a tile, those along panels rounded up to whole ones. */
static Expr *const *rooms(Gen *g, const TileBuf *b) {
    if (!b->panel) return b->room;
    Expr **room = NEW_ARRAY(g->a, Expr *, b->rank + 1);
    memcpy(room, b->room, (size_t)b->rank * sizeof *room);
    Expr *x = room[b->panel_dim];
    if (!expr_equal(x, b->panel)) room[b->panel_dim] = lo_add(g->a, x, b->panel);
    return room;
}

/* The name of a stage's guard, declared with the first that has it; NULL: it always runs. */
static const char *when(Gen *g, int stage) {
    HostTiles *h = g->tiles;
    const Expr *e = h->p->stages.at[stage]->when;
    if (!e || !has_work(&h->p->stages.at[stage]->body)) return NULL;
    for (int i = 0; i < stage; i++)
        if (h->when[i] && expr_equal(h->p->stages.at[i]->when, e)) return h->when[stage] = h->when[i];
    h->when[stage] = host_name(g, arena_printf(g->a, "%s_case%d", h->p->stages.at[stage]->name, stage + 1));
    c_declare(&g->p, "const bool", h->when[stage], host_bound(g, e));
    return h->when[stage];
}

void host_tile_memory(Gen *g, HostTexts *names) {
    HostTiles *h = g->tiles;
    for (int i = 0; i < h->p->stages.n; i++) name_steps(g, &h->p->stages.at[i]->body);
    for (int i = 0; i < h->p->stages.n; i++) {
        const TileStage *s = h->p->stages.at[i];
        const char *runs = when(g, i);
        h->names[i] = NEW_ARRAY(g->a, const char *, s->bufs.n + 1);
        for (int b = 0; b < s->bufs.n; b++) {
            const TileBuf *x = s->bufs.at[b];
            if (x->memory != TILE_LOCAL || !x->tensor) continue;
            h->names[i][b] = tile_name(g, x);
            if (is_variable(x)) c_declare(&g->p, host_value_type(x->type), h->names[i][b], (CExpr){0});
            else host_allocate(g, names, h->names[i][b], host_store_type(x->type), x->rank, rooms(g, x), runs);
        }
    }
}

const char *host_tile_name(Gen *g, const TileBuf *b) {
    const HostTiles *h = g->tiles;
    int s = 0;
    while (h->p->stages.at[s] != h->stage) s++;
    return h->names[s][b->id];
}

static void facts(Gen *g, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        facts(g, &body->at[i]->body);
        if (body->at[i]->part == TILE_TEST && body->at[i]->fact) host_fact(g, body->at[i]->fact);
    }
}

void host_tile_facts(Gen *g) {
    for (int i = 0; i < g->tiles->p->stages.n; i++) facts(g, &g->tiles->p->stages.at[i]->body);
}

/* --- blocks ------------------------------------------------------------------------------------------------------------------------- */

static const TileLevel *level_of(const Gen *g, const Index *i) {
    const HostTiles *h = g->tiles;
    if (!h->stage || i->id >= g->k->n_indices || !h->stage->axis_of[i->id]) return NULL;
    return h->level[h->stage->axis_of[i->id]->id];
}

bool host_tile_block(Gen *g, const Index *i, CExpr *lo, CExpr *hi) {
    const TileLevel *v = level_of(g, i);
    if (!v) return false;
    *lo = g->index[v->var->id];
    *hi = g->index[v->end->id];
    return true;
}

static bool is_one(const TileLevel *v) {
    int64_t n;
    return lo_is_int(v->step, &n) && n == 1;
}

/* The statement without the indices that have one value at the place; these are set. */
static Stmt *at_place(Gen *g, const Stmt *s) {
    Stmt *x = NEW(g->a, Stmt);
    *x = *s;
    memset(&x->idx, 0, sizeof x->idx);
    for (int i = 0; i < s->idx.n; i++) {
        const TileLevel *v = level_of(g, s->idx.at[i]);
        if (v && is_one(v)) g->index[s->idx.at[i]->id] = g->index[v->var->id];
        else vec_push(g->a, &x->idx, s->idx.at[i]);
    }
    return x;
}

/* --- loops -------------------------------------------------------------------------------------------------------------------------- */

static void nodes(Gen *g, const TileNodes *body);

/* Opens the loop of a level. Its blocks begin at the block around. */
static void open_level(Gen *g, const TileLevel *v) {
    HostTiles *h = g->tiles;
    const TileLevel *around = h->level[v->axis->id];
    CExpr lo = around ? g->index[around->var->id] : host_extent(g, v->axis->lo);
    CExpr hi = around ? g->index[around->end->id] : host_extent(g, v->axis->hi);
    bool one = is_one(v);
    const char *name = host_name(g, one ? v->axis->name : v->var->name);
    CExpr step = one ? c_atom("1") : host_extent(g, v->step);
    g->index[v->var->id] = c_atom(name);
    if (one) {
        c_for(&g->p, "int64_t", name, lo, hi, 1);
        g->index[v->end->id] = c_binary(&g->p, "+", c_atom(name), step);
    } else {
        out_f(g->p.out, "for (int64_t %s = %s; %s; %s) ", name, lo.text, c_binary(&g->p, "<", c_atom(name), hi).text, c_binary(&g->p, "+=", c_atom(name), step).text);
        c_block(&g->p);
        const char *end = host_name(g, v->end->name);
        c_declare(&g->p, "const int64_t", end, c_call2(&g->p, host_use(&g->uses, "knf_min_i64"), c_binary(&g->p, "+", c_atom(name), step), hi));
        g->index[v->end->id] = c_atom(end);
    }
    h->level[v->axis->id] = v;
    h->depth++;
}

static void loop(Gen *g, const TileNode *n) {
    HostTiles *h = g->tiles;
    int mark = host_scope_mark(g);
    const TileLevel **was = NEW_ARRAY(g->a, const TileLevel *, n->levels.n + 1);
    for (int i = 0; i < n->levels.n; i++) {
        was[i] = h->level[n->levels.at[i].axis->id];
        open_level(g, &n->levels.at[i]);
    }
    nodes(g, &n->body);
    while (n->levels.n && g->p.out->n > 1 && g->p.out->text[g->p.out->n - 1] == '\n' && g->p.out->text[g->p.out->n - 2] == '\n') g->p.out->n--;
    for (int i = n->levels.n; i-- > 0;) {
        h->level[n->levels.at[i].axis->id] = was[i];
        h->depth--;
        c_end(&g->p);
    }
    if (n->levels.n) c_blank(&g->p);
    host_scope_pop(g, mark);
}

static void compute(Gen *g, const TileNode *n) {
    if (n->part == TILE_TEST) return;
    if (n->dot) {
        at_place(g, n->stmt);
        if (n->part == TILE_INIT) host_dot(g, n);
        return;
    }
    g->looped = g->tiles->depth > 0;
    host_stmt(g, at_place(g, n->stmt));
    g->looped = false;
}

static void nodes(Gen *g, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        if (n->kind == TILE_FOR) loop(g, n);
        else if (n->kind == TILE_COMPUTE) compute(g, n);
        else if (n->kind == TILE_LOAD) host_load(g, n->buf);
    }
}

/* --- stages ------------------------------------------------------------------------------------------------------------------------- */

/* Copies as floats, before the loops, of what statements inside read so. */
static void widen(Gen *g, const TileNodes *body, bool inside) {
    HostTiles *h = g->tiles;
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        for (int v = 0; v < n->levels.n; v++) h->level[n->levels.at[v].axis->id] = &n->levels.at[v];
        widen(g, &n->body, inside || n->levels.n);
        for (int v = 0; v < n->levels.n; v++) h->level[n->levels.at[v].axis->id] = NULL;
        if (!inside || n->kind != TILE_COMPUTE || n->part != TILE_WHOLE) continue;
        g->grouped[n->stmt->id] = true;
        const Stmt *s = at_place(g, n->stmt);
        host_widen(g, s, host_lanes_plan(g, s));
    }
}

/* Tensors that live in tiles of this stage are these while it lasts. */
static void stage(Gen *g, int number) {
    HostTiles *h = g->tiles;
    const TileStage *s = h->p->stages.at[number];
    HostTensor *was = NEW_ARRAY(g->a, HostTensor, g->k->tensors.n + 1);
    if (!has_work(&s->body)) return;
    memcpy(was, g->tensors, (size_t)g->k->tensors.n * sizeof *was);
    h->stage = s;
    h->level = NEW_ARRAY(g->a, const TileLevel *, s->axes.n + 1);
    for (int b = 0; b < s->bufs.n; b++) {
        const TileBuf *x = s->bufs.at[b];
        if (x->memory != TILE_LOCAL || !x->tensor || x->copied_in) continue;
        HostTensor *t = &g->tensors[x->tensor->id];
        *t = (HostTensor){.name = h->names[number][b], .variable = is_variable(x), .tile = x};
    }
    widen(g, &s->body, false);
    if (s->when) c_if(&g->p, c_atom(h->when[number]));
    nodes(g, &s->body);
    if (s->when) c_end(&g->p);
    for (int i = 0; i < g->k->tensors.n; i++) {
        bool used = was[i].used || (!g->tensors[i].tile && g->tensors[i].used);
        g->tensors[i] = was[i];
        g->tensors[i].used = used;
    }
    h->stage = NULL;
}

void host_tile_stages(Gen *g) {
    for (int i = 0; i < g->tiles->p->stages.n; i++) stage(g, i);
}
