/* The loop tree, projected on one core: which loops, waits and copies are its. */
#include "emit/grid_gen.h"
#include "lower/expr.h"
#include <string.h>

TileBlock grid_block(GridGen *g, const TileAxis *axis) {
    const TileLevel *v = g->level_of[axis->id];
    if (v) return (TileBlock){lo_index(g->a, v->var), lo_index(g->a, v->end)};
    return (TileBlock){axis->lo, axis->hi};
}

/* --- who uses a tile --------------------------------------------------------------------------------------------------------- */

typedef struct Serves { const TileBuf *b; bool found; } Serves;
static bool serves(void *context, Expr *e) {
    Serves *s = context;
    if (e->kind == X_READ && grid_serves(s->b, e)) s->found = true;
    return !s->found;
}

static bool reads(const TileBuf *b, const Expr *e) {
    Serves s = {b, false};
    if (e) expr_walk((Expr *)e, serves, &s);
    return s.found;
}

static bool writes(const TileNode *n, const TileBuf *b) {
    if (!n->stmt || !b->tensor || b->copied_in || n->part == TILE_INIT || n->part == TILE_STEP || n->part >= TILE_NOW) return false;
    for (int i = 0; i < n->stmt->targets.n; i++)
        if (n->stmt->targets.at[i].tensor == b->tensor) return true;
    return false;
}

static void join(GridUse *to, GridUse u) {
    to->read |= u.read;
    to->written |= u.written;
    to->by_engine |= u.by_engine;
    to->by_simd |= u.by_simd;
    to->by_core |= u.by_core;
    to->commands += u.commands;
}

GridUse grid_use(TileNode *n, const TileBuf *b) {
    GridUse u = {0};
    for (int i = 0; i < n->levels.n; i++)
        if (reads(b, n->levels.at[i].axis->lo) || reads(b, n->levels.at[i].axis->hi)) u.read = u.by_core = true;
    for (int i = 0; i < n->body.n; i++) join(&u, grid_use(n->body.at[i], b));
    if (n->kind != TILE_COMPUTE) return u;
    u.written = writes(n, b);
    if (n->dot) {
        u.read = (n->part == TILE_STEP || n->part == TILE_WHOLE) && (grid_serves(b, n->dot->a) || grid_serves(b, n->dot->b));
        u.by_engine = u.read || u.written;
        u.commands = u.by_engine;
        return u;
    }
    if (n->simd) {
        for (int i = 0; i < n->simd->commands.n; i++) {
            const TileCommand *c = &n->simd->commands.at[i];
            bool a = c->a.kind == TILE_ARG_READ && grid_serves(b, c->a.read), other = c->b.kind == TILE_ARG_READ && grid_serves(b, c->b.read);
            u.read |= a || other;
            u.commands += a || other;
        }
        u.commands += u.written;
        u.by_engine = u.by_simd = u.read || u.written;
        return u;
    }
    u.read = n->part != TILE_INIT && n->part != TILE_FINAL && n->part < TILE_NOW && reads(b, n->stmt ? n->stmt->value : n->fact->cond);
    u.by_core = u.read || u.written;
    return u;
}

const TileNode *grid_last_use(const TileNodes *body, const TileBuf *b) {
    for (int i = body->n; i-- > 0;) {
        GridUse u = grid_use(body->at[i], b);
        if (u.read || u.written) return body->at[i]->kind == TILE_COMPUTE ? body->at[i] : NULL;
    }
    return NULL;
}

static const TileNode *user(const TileNodes *body, const TileBuf *b) {
    for (int i = 0; i < body->n; i++) {
        TileNode *n = body->at[i];
        const TileNode *in = user(&n->body, b);
        if (in || (n->kind == TILE_COMPUTE && grid_use(n, b).by_simd)) return in ? in : n;
    }
    return NULL;
}

const EngineRow *grid_box_row(const GridGen *g, const TileBuf *b) {
    const TileNode *n = user(&g->stage->body, b);
    return n ? tile_command_row(&n->simd->commands.at[0]) : NULL;
}

/* The first product of a body that reads the tile. */
static const TileDot *dot_in(const TileNodes *body, const TileBuf *b) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        const TileDot *in = dot_in(&n->body, b);
        if (in) return in;
        if (n->kind == TILE_COMPUTE && n->dot && (grid_serves(b, n->dot->a) || grid_serves(b, n->dot->b))) return n->dot;
    }
    return NULL;
}

static const TileDot *dot_of(const GridGen *g, const TileBuf *b) { return dot_in(&g->stage->body, b); }

static bool arg_uses(const TileNode *n, const TileArg *a, const TileBuf *b) {
    switch (a->kind) {
    case TILE_ARG_READ: return grid_serves(b, a->read);
    case TILE_ARG_TARGET: return b->tensor == n->stmt->targets.at[0].tensor && !b->copied_in;
    case TILE_ARG_STATE: return b->state_of == n->stmt && b->state == a->temp;
    case TILE_ARG_LEAD: return b->state_of == n->lead && b->state == a->temp;
    default: return false;
    }
}

const EngineRow *grid_simd_uses(const TileNodes *body, const TileBuf *b) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        const EngineRow *in = grid_simd_uses(&n->body, b);
        if (in) return in;
        for (int c = 0; n->simd && c < n->simd->commands.n; c++) {
            const TileCommand *x = &n->simd->commands.at[c];
            if (arg_uses(n, &x->dst, b) || arg_uses(n, &x->a, b) || arg_uses(n, &x->b, b)) return tile_command_row(x);
        }
    }
    return NULL;
}

const EngineRow *grid_dot_uses(const TileNodes *body, const TileBuf *b) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        bool takes = n->dot && (n->part == TILE_STEP || n->part == TILE_WHOLE) && (grid_serves(b, n->dot->a) || grid_serves(b, n->dot->b));
        const EngineRow *in = takes ? n->dot->row : grid_dot_uses(&n->body, b);
        if (in) return in;
    }
    return NULL;
}

/* The core itself reads or writes the tile in this computation. */
static bool core_touches(const TileNode *n, const TileBuf *b) {
    if (n->stmt && !b->tensor && (b->state_of == n->stmt || (n->lead && b->state_of == n->lead))) return true;
    return writes(n, b) || (n->part != TILE_INIT && n->part != TILE_FINAL && n->part < TILE_NOW && reads(b, n->stmt ? n->stmt->value : n->fact->cond));
}

/* The core computes with it somewhere, or a command of the elementwise engine fills it. */
static bool is_used_so(const TileNodes *body, const TileBuf *b, bool core) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        if (is_used_so(&n->body, b, core)) return true;
        if (n->kind != TILE_COMPUTE) continue;
        if (core ? !n->dot && !n->simd && core_touches(n, b) : n->simd && writes(n, b)) return true;
    }
    return false;
}

bool grid_is_handed(const TileNodes *body, const TileBuf *b) {
    bool here = b->tensor && !b->copied_in && !b->copied_out && b->memory == TILE_LOCAL;
    return here && grid_dot_uses(body, b) && is_used_so(body, b, false) && !is_used_so(body, b, true);
}

/* Between commands of the two engines on a scratch that the core uses as well. */
static void fence_between(GridGen *g, const TileNode *n) {
    for (int i = 0; i < g->stage->bufs.n; i++) {
        const TileBuf *b = g->stage->bufs.at[i];
        if (g->tiles[i].is_ring || b->memory != TILE_LOCAL || !b->tensor) continue;
        bool taken = n->dot && !n->simd && (n->part == TILE_STEP || n->part == TILE_WHOLE) && (grid_serves(b, n->dot->a) || grid_serves(b, n->dot->b));
        if (taken && is_used_so(&g->stage->body, b, false)) grid_fence(g, grid_simd_uses(&g->stage->body, b));
        if (n->simd && writes(n, b) && grid_dot_uses(&g->stage->body, b)) grid_fence(g, grid_dot_uses(&g->stage->body, b));
    }
}

/* A scratch that an engine's commands use is the core's when those have ended. */
static void fence_engines(GridGen *g, const TileNode *n) {
    const TileNodes *all = &g->stage->body;
    const EngineRow *se = NULL, *dpe = NULL;
    for (int i = 0; i < g->stage->bufs.n; i++) {
        const TileBuf *b = g->stage->bufs.at[i];
        if (g->tiles[i].is_ring || b->memory != TILE_LOCAL || !core_touches(n, b)) continue;
        if (!se) se = grid_simd_uses(all, b);
        if (!dpe) dpe = grid_dot_uses(all, b);
    }
    if (se) grid_fence(g, se);
    if (dpe) grid_fence(g, dpe);
}

/* What was handed over in this body is taken away. */
static void take_away(GridGen *g, const TileNode *n) {
    const GridTile *t = n->kind == TILE_COMPUTE && n->simd && n->part == TILE_WHOLE ? grid_tile_of_target(g, n->stmt->targets.at[0].tensor) : NULL;
    if (!t || !t->is_handed) return;
    c_expr(&g->p, c_atomf(&g->p, "%s(pe, .m = 0, .n = 0, .k = 0, .a = PE_AT(%s, .pop = %s), .b = PE_AT(%s))", grid_dot_uses(&g->stage->body, t->buf)->call, t->ring, grid_int(g, t->slot).text, t->ring));
}

static bool has_load(const TileNode *n) {
    if (n->kind == TILE_LOAD) return true;
    for (int i = 0; i < n->body.n; i++)
        if (has_load(n->body.at[i])) return true;
    return false;
}

static bool has_work(const TileNode *n) {
    if (n->kind == TILE_COMPUTE || n->kind == TILE_STORE) return true;
    for (int i = 0; i < n->body.n; i++)
        if (has_work(n->body.at[i])) return true;
    return false;
}

/* --- loops ---------------------------------------------------------------------------------------------------------------------- */

/* Every block of the level is one value: an empty one outside would be none. */
static bool is_one(const TileNode *n, const TileLevel *v) {
    int64_t step;
    return lo_is_int(v->step, &step) && step == 1 && !(n->lockstep && n->over != TILE_SEQ);
}

static Expr *step_of(GridGen *g, const TileLevel *v) { return v->step_var ? lo_index(g->a, v->step_var) : v->step; }

/* Indices that run along the axis have one value where its innermost level has step 1. */
static void pin(GridGen *g, const TileAxis *axis) {
    const TileLevel *v = g->level_of[axis->id];
    for (int i = 0; i < g->k->n_indices; i++)
        if (g->stage->axis_of[i] == axis) g->pinned[i] = v && g->is_one[v->var->id] ? lo_index(g->a, v->var) : NULL;
}

/* A level's variables, beside `was` what they hide. hi: the C name of the end of the block around. */
static void open_level(GridGen *g, const TileNode *n, const TileLevel *v, const char *name, Expr *hi, const TileLevel **was) {
    *was = g->level_of[v->axis->id];
    g->index.at[v->var->id] = c_atom(name);
    g->loop_depth[v->var->id] = g->loop_depth[v->end->id] = g->path.n;
    g->is_one[v->var->id] = is_one(n, v);
    if (g->is_one[v->var->id]) {
        g->pinned[v->end->id] = lo_add(g->a, lo_index(g->a, v->var), lo_int(g->a, 1));
    } else {
        Expr *end = lo_min(g->a, lo_add(g->a, lo_index(g->a, v->var), step_of(g, v)), hi);
        g->pinned[v->end->id] = grid_number(g, g->numbers, arena_printf(g->a, "%s_hi", name), end);
    }
    g->level_of[v->axis->id] = v;
    pin(g, v->axis);
}

static void close_level(GridGen *g, const TileLevel *v, const TileLevel *was) {
    g->level_of[v->axis->id] = was;
    g->pinned[v->end->id] = NULL;
    g->loop_depth[v->var->id] = g->loop_depth[v->end->id] = 0;
    g->index.at[v->var->id] = (CExpr){0};
    pin(g, v->axis);
}

static const char *loop_name(GridGen *g, const char *name) {
    const char *s = grid_name(g, name);
    vec_push(g->a, &g->taken, arena_printf(g->a, "%s_end", s));    /* pe_for makes this name */
    return s;
}

/* A C name as a variable of expressions. */
static Expr *as_variable(GridGen *g, const char *name) {
    GridNumbers none = {0};
    Expr *e = grid_number_text(g, &none, "hidden", name);
    g->taken.n--;
    g->index.at[e->index->id] = c_atom(name);
    g->number_of.at[e->index->id]->used = true;
    return e;
}

typedef struct Dealt { const char *id, *count; } Dealt;
static const Dealt dealt_table[] = {[TILE_PE] = {"pe_id(pe)", "pe_count(pe)"}, [TILE_ROW] = {"pe_row(pe)", "pe_rows(pe)"}, [TILE_COL] = {"pe_col(pe)", "pe_cols(pe)"}};

static void pe_for(GridGen *g, const char *name, CExpr lo, CExpr hi, CExpr step) {
    CExpr args[] = {c_atom("pe"), c_atom(name), lo, hi, step};
    out_f(g->p.out, "%s ", c_call(&g->p, "pe_for", 5, args).text);
    c_block(&g->p);
}

static CExpr op(GridGen *g, const char *o, CExpr x, CExpr y) {
    bool none = !strcmp(y.text, "0") && *o == '-';
    if (none || (*o == '+' && (!strcmp(x.text, "0") || !strcmp(y.text, "0")))) return none || !strcmp(y.text, "0") ? x : y;
    if (*o == '*' && (!strcmp(x.text, "1") || !strcmp(y.text, "1"))) return c_product(&g->p, x, y);
    g->ops++;
    return c_binary(&g->p, o, x, y);
}
static CExpr call(GridGen *g, const char *f, CExpr x, CExpr y) {
    g->ops += 2;
    return c_call2(&g->p, f, x, y);
}

/* The text of lo and hi of the block around a level: hi as a name. */
typedef struct Around { CExpr lo, hi, step; } Around;
static Around around(GridGen *g, const TileLevel *v) {
    TileBlock b = grid_block(g, v->axis);
    CExpr lo = grid_int(g, grid_folded(g, b.lo)), hi = grid_int(g, grid_folded(g, b.hi));
    return (Around){lo, hi, grid_int(g, step_of(g, v))};
}

enum { LEVELS = 48 };

/* The inside of a loop: what `open` declares has been printed into `head`. */
static void inside(GridGen *g, TileNode *n, const char *const *names, Expr *const *his, Out *head) {
    CPrint was = g->p;
    GridNumbers numbers = {0}, *outer = g->numbers;
    const TileLevel *hidden[LEVELS];
    Out body = out_new(g->a);
    g->numbers = &numbers;
    vec_push(g->a, &g->path, n);
    for (int i = 0; i < n->levels.n; i++) open_level(g, n, &n->levels.at[i], names[i], his[i], &hidden[i]);
    grid_tiles_place(g);
    g->p.out = &body;
    grid_body(g, &n->body);
    g->p = was;
    out_n(g->p.out, head->text, head->n);
    grid_numbers_print(g, &numbers);
    out_n(g->p.out, body.text, body.n);
    g->numbers = outer;
    g->path.n--;
    for (int i = n->levels.n; i-- > 0;) close_level(g, &n->levels.at[i], hidden[i]);
    grid_tiles_leave(g);
}

/* One level, one after another or dealt, each PE its own blocks. */
static void plain_loop(GridGen *g, TileNode *n) {
    const TileLevel *v = &n->levels.at[0];
    Around b = around(g, v);
    CExpr lo = b.lo, step = b.step;
    if (n->over != TILE_SEQ) {
        const Dealt *d = &dealt_table[n->over];
        lo = c_sum(&g->p, lo, c_product(&g->p, c_atom(d->id), step));
        step = c_product(&g->p, c_atom(d->count), step);
        g->ops += 4;
    }
    int taken = g->taken.n;
    const char *name = loop_name(g, v->var->name);
    pe_for(g, name, lo, b.hi, step);
    GridMark m = grid_enter(g);
    Out none = out_new(g->a);
    inside(g, n, &name, (Expr *[]){as_variable(g, arena_printf(g->a, "%s_end", name))}, &none);
    grid_leave(g, m);
    c_end(&g->p);
    g->taken.n = taken;
}

static void down_loop(GridGen *g, TileNode *n) {
    const TileLevel *v = &n->levels.at[0];
    Around b = around(g, v);
    const char *name = loop_name(g, v->var->name), *back = loop_name(g, "back"), *top = grid_name(g, arena_printf(g->a, "%s_top", name));
    c_declare(&g->p, "const int64_t", top, b.hi);
    pe_for(g, back, c_atom("0"), call(g, "pe_ceil", op(g, "-", c_atom(top), b.lo), b.step), c_atom("1"));
    GridMark m = grid_enter(g);
    CExpr left = op(g, "-", op(g, "-", c_atomf(&g->p, "%s_end", back), c_atom("1")), c_atom(back));
    Out head = out_new(g->a);
    CPrint to = {g->a, &head};
    c_declare(&to, "const int64_t", name, op(g, "+", b.lo, op(g, "*", left, b.step)));
    inside(g, n, &name, (Expr *[]){as_variable(g, top)}, &head);
    grid_leave(g, m);
    c_end(&g->p);
}

/* All levels' blocks, numbered; each PE takes its numbers. In lockstep all make the same rounds, and a block outside is empty. */
static void dealt_loop(GridGen *g, TileNode *n) {
    const Dealt *d = &dealt_table[n->over];
    CPrint *p = &g->p;
    int levels = n->levels.n;
    const char *names[LEVELS], *blocks[LEVELS], *tops[LEVELS];
    Around b[LEVELS];
    Expr *his[LEVELS];
    CExpr total = c_atom("1");
    for (int i = 0; i < levels; i++) {
        b[i] = around(g, &n->levels.at[i]);
        names[i] = loop_name(g, n->levels.at[i].var->name);
        tops[i] = grid_name(g, arena_printf(g->a, "%s_top", names[i]));
        blocks[i] = grid_name(g, arena_printf(g->a, "%s_blocks", names[i]));
        c_declare(p, "const int64_t", tops[i], c_call2(p, "pe_max", b[i].lo, b[i].hi));
        c_declare(p, "const int64_t", blocks[i], call(g, "pe_ceil", op(g, "-", c_atom(tops[i]), b[i].lo), b[i].step));
        total = i ? op(g, "*", total, c_atom(blocks[i])) : c_atom(blocks[i]);
        his[i] = as_variable(g, tops[i]);
    }
    const char *block = loop_name(g, "block"), *round = n->lockstep ? loop_name(g, "turn") : NULL;
    if (round) pe_for(g, round, c_atom("0"), call(g, "pe_ceil", total, c_atom(d->count)), c_atom("1"));
    else pe_for(g, block, c_atom(d->id), total, c_atom(d->count));
    GridMark m = grid_enter(g);
    Out head = out_new(g->a);
    CPrint to = {g->a, &head};
    if (round) c_declare(&to, "const int64_t", block, op(g, "+", op(g, "*", c_atom(round), c_atom(d->count)), c_atom(d->id)));
    for (int i = 0; i < levels; i++) {
        CExpr number = c_atom(block);
        for (int k = i + 1; k < levels; k++) number = op(g, "/", number, c_atom(blocks[k]));
        if (i) number = op(g, "%", number, c_atom(blocks[i]));
        CExpr at = op(g, "+", b[i].lo, op(g, "*", number, b[i].step));
        if (round && i) at = c_cond(&to, op(g, "<", c_atom(block), total), at, c_atom(tops[i]));   /* outside all levels are empty */
        if (round) at = call(g, "pe_min", at, c_atom(tops[i]));
        c_declare(&to, "const int64_t", names[i], at);
    }
    inside(g, n, names, his, &head);
    grid_leave(g, m);
    c_end(p);
}

static void first_pe(GridGen *g, TileNode *n) {
    c_if(&g->p, c_binary(&g->p, "==", c_atom("pe_id(pe)"), c_atom("0")));
    GridMark m = grid_enter(g);
    Out none = out_new(g->a);
    inside(g, n, NULL, NULL, &none);
    grid_leave(g, m);
    c_end(&g->p);
}

static void loop(GridGen *g, TileNode *n) {
    if (g->core == 0 ? !has_load(n) : !has_work(n)) return;
    if (!n->levels.n) first_pe(g, n);
    else if (n->levels.n > 1 || (n->over != TILE_SEQ && (n->lockstep || n->down))) dealt_loop(g, n);
    else if (n->down) down_loop(g, n);
    else plain_loop(g, n);
}

/* --- bodies ---------------------------------------------------------------------------------------------------------------------- */

static void command(GridGen *g, const char *name, const char *buf, Expr *bytes) {
    CExpr args[] = {c_atom("pe"), c_atom(buf), grid_int(g, bytes)};
    c_expr(&g->p, c_call(&g->p, name, 3, args));
}

static void knf_line(GridGen *g, const TileNode *n, int *last) {
    if (!n->span.src) return;
    int line = source_place(n->span.src, n->span.lo).line;
    if (line != *last) c_expr(&g->p, c_call2(&g->p, "PE_KNF", c_atom("pe"), c_int(&g->p, line)));
    *last = line;
}

static GridUse use_behind(TileNodes *body, int from, const TileBuf *b) {
    GridUse u = {0};
    for (int i = from; i < body->n; i++) join(&u, grid_use(body->at[i], b));
    return u;
}

/* An engine's command takes the tile away: the last of those that use it. */
static bool engine_pops(TileNodes *body, int load) {
    GridUse u = use_behind(body, load + 1, body->at[load]->buf);
    return u.by_engine;
}

/* The command that stands in this very body and is the only one to use the tile. */
bool grid_sole_command(const TileNodes *body, const TileBuf *b) {
    int n = 0, direct = 0;
    for (int i = 0; i < body->n; i++) {
        GridUse u = grid_use(body->at[i], b);
        n += u.commands;
        if (body->at[i]->kind == TILE_COMPUTE) direct += u.commands;
    }
    return n == 1 && direct == 1;
}

static bool reads_here(const GridGen *g, const TileBuf *b) { return g->stage->one_core || b->core == g->core; }
static bool issues_here(const GridGen *g) { return g->core == (g->stage->one_core ? 1 : 0); }

static void load(GridGen *g, TileNodes *body, int i, int *last) {
    TileNode *n = body->at[i];
    GridTile *t = &g->tiles[n->buf->id];
    if (issues_here(g)) {
        knf_line(g, n, last);
        grid_load(g, n);
    }
    if (!reads_here(g, n->buf)) return;
    GridUse u = use_behind(body, i + 1, n->buf);
    if (u.by_core || !u.by_engine) command(g, "pe_wait", t->ring, t->slot);
    grid_tile_show(g, t);
}

/* Some buffer that commands of the elementwise engine write. */
static const char *written_ring(const GridGen *g) {
    for (int i = 0; i < g->stage->bufs.n; i++)
        if (!g->tiles[i].buf->copied_in && grid_box_row(g, g->tiles[i].buf)) return g->tiles[i].ring;
    return NULL;
}

static void unload(GridGen *g, TileNodes *body, int i) {
    TileNode *n = body->at[i];
    GridTile *t = &g->tiles[n->buf->id];
    if (!reads_here(g, n->buf)) return;
    t->visible = false;
    if (!engine_pops(body, i)) {
        command(g, "pe_pop", t->ring, t->slot);
        return;
    }
    const TileNode *taker = grid_last_use(body, n->buf);
    if (taker && taker->simd) return;
    if (!grid_box_row(g, n->buf) && grid_sole_command(body, n->buf)) return;
    CExpr pop = c_atomf(&g->p, "PE_AT(%s, .pop = %s)", t->ring, grid_int(g, t->slot).text), none = c_atomf(&g->p, "PE_AT(%s)", t->turned ? t->turned : t->ring);
    const EngineRow *move = engine_mover(&g->tp->machine->engines), *boxes = grid_box_row(g, n->buf);
    if (t->turned) c_expr(&g->p, c_atomf(&g->p, "%s(pe, %s, %s, 0, 0)", t->turn->call, none.text, pop.text));
    else if (boxes && move) c_expr(&g->p, c_atomf(&g->p, "%s(pe, .rows = 0, .cols = 0, .dst = PE_AT(%s), .a = %s)", move->call, written_ring(g), pop.text));
    else if (boxes) {
        grid_fence(g, boxes);
        command(g, "pe_wait", t->ring, t->slot);
        command(g, "pe_pop", t->ring, t->slot);
    } else c_expr(&g->p, c_atomf(&g->p, "%s(pe, .m = 0, .n = 0, .k = 0, .a = %s, .b = %s)", dot_of(g, n->buf)->row->call, pop.text, none.text));
}

/* Before the first node that writes what this body stores. */
static void reserve(GridGen *g, TileNodes *body, int i, bool *opened) {
    for (int s = i + 1; s < body->n; s++) {
        TileNode *n = body->at[s];
        if (n->kind != TILE_STORE || opened[s]) continue;
        GridUse u = grid_use(body->at[i], n->buf);
        if (!u.written) continue;
        opened[s] = true;
        GridTile *t = &g->tiles[n->buf->id];
        if (!t->is_ring) c_expr(&g->p, c_call2(&g->p, "pe_fence", c_atom("pe"), c_atom("PE_STORE")));
        else if (u.by_core) command(g, "pe_reserve", t->ring, t->slot);
    }
}

/* Several commands have written the slot: one more, of nothing, behind them. Where none can be given without operands the core does it. */
static void push(GridGen *g, GridTile *t) {
    const EngineRow *fed = engine_fed(&g->tp->machine->engines), *boxes = grid_box_row(g, t->buf);
    if (fed && (!boxes || boxes->engine == fed->feed->engine)) {
        c_expr(&g->p, c_atomf(&g->p, "%s(pe, .from_%s = true, .rows = 0, .cols = 0, .dst = PE_AT(%s, .push = %s))", fed->feed->call, fed->into, t->ring, grid_int(g, t->slot).text));
        return;
    }
    if (boxes) grid_fence(g, boxes);
    command(g, "pe_reserve", t->ring, t->slot);
    command(g, "pe_push", t->ring, t->slot);
}

static void store(GridGen *g, TileNodes *body, int i) {
    TileNode *n = body->at[i];
    GridTile *t = &g->tiles[n->buf->id];
    GridUse u = {0};
    for (int k = 0; k < i; k++) join(&u, grid_use(body->at[k], n->buf));
    if (!u.written) return;
    if (t->is_ring && !u.by_engine) command(g, "pe_push", t->ring, t->slot);
    else if (t->is_ring && !grid_sole_command(body, n->buf)) push(g, t);
    grid_store(g, n);
}

void grid_body(GridGen *g, TileNodes *body) {
    bool *opened = NEW_ARRAY(g->a, bool, body->n + 1);
    int last = -1;
    vec_push(g->a, &g->bodies, body);
    for (int i = 0; i < body->n; i++) {
        TileNode *n = body->at[i];
        if (g->core == 1 && (n->kind == TILE_FOR || n->kind == TILE_COMPUTE)) reserve(g, body, i, opened);
        switch (n->kind) {
        case TILE_FOR: loop(g, n); last = -1; break;
        case TILE_LOAD: load(g, body, i, &last); break;
        case TILE_STORE: if (g->core == 1) store(g, body, i); break;
        case TILE_COMPUTE:
            if (g->core == 0) break;
            knf_line(g, n, &last);
            if (n->dot || n->simd) fence_between(g, n);
            if (n->simd) grid_simd(g, n);
            else if (n->dot) grid_dot(g, n);
            else {
                fence_engines(g, n);
                grid_compute(g, n);
            }
        }
    }
    for (int i = 0; i < body->n && g->core == 1; i++) take_away(g, body->at[i]);
    for (int i = 0; i < body->n; i++)
        if (body->at[i]->kind == TILE_LOAD) unload(g, body, i);
    g->bodies.n--;
}
