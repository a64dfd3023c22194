/* Commands of the elementwise engine. */
#include "emit/grid_gen.h"
#include <math.h>
#include "lower/expr.h"
#include <assert.h>
#include <ctype.h>

void grid_fence(GridGen *g, const EngineRow *row) {
    char *queue = arena_printf(g->a, "PE_%s", row->engine);
    for (char *c = queue; *c; c++) *c = (char)toupper((unsigned char)*c);
    c_expr(&g->p, c_call2(&g->p, "pe_fence", c_atom("pe"), c_atom(queue)));
}

void grid_fields(const EngineRow *row, Out *to) {
    for (int i = 0; row && i < row->fields; i++) out_f(to, ".%s = %s, ", row->field[i].name, row->field[i].value);
}

/* The statement's indices stand at the beginnings of their blocks; the box as rows and columns. */
typedef struct Box { const Stmt *s; const Reduce *r; Expr *was[16]; Expr *rows, *cols; } Box;

static const Index *index_at(const Box *b, int i) { return i < b->s->idx.n ? b->s->idx.at[i] : b->r->idx.at[0]; }
static int indices(const Box *b) { return b->s->idx.n + (b->r != NULL); }

static Box enter(GridGen *g, const TileNode *n) {
    const Stmt *s = n->stmt;
    bool sums_rows = n->part != TILE_WHOLE;     /* or takes states; but a step may begin with a reduction of rows */
    for (int i = 0; i < n->simd->commands.n; i++) {
        const EngineRow *row = n->simd->commands.at[i].whole;
        sums_rows &= !row || row->class != ENGINE_JOIN;
    }
    Box b = {.s = s, .r = s->value->kind == X_REDUCE && !sums_rows ? s->value->reduce : NULL, .rows = lo_int(g->a, 1)};
    for (int i = 0; i < indices(&b); i++) {
        const Index *x = index_at(&b, i);
        TileBlock block = grid_block(g, g->stage->axis_of[x->id]);
        Expr *lo = grid_folded(g, block.lo), *extent = lo_max(g->a, lo_sub(g->a, grid_folded(g, block.hi), lo), lo_int(g->a, 0));
        if (i + 1 < indices(&b)) b.rows = lo_mul(g->a, b.rows, extent);
        else b.cols = extent;
        b.was[i] = grid_pin(g, x);
        g->pinned[x->id] = lo;
    }
    b.rows = grid_number(g, g->numbers, "rows", b.rows);
    b.cols = grid_number(g, g->numbers, "cols", b.cols);
    return b;
}

static void leave(GridGen *g, const Box *b) {
    for (int i = 0; i < indices(b); i++) g->pinned[index_at(b, i)->id] = b->was[i];
}

static GridTile *tile_of(GridGen *g, const TileNode *n, const TileArg *a) {
    for (int i = 0; a->kind == TILE_ARG_READ && i < g->stage->bufs.n; i++)
        if (g->tiles[i].buf->memory == TILE_ACC && g->tiles[i].buf->tensor == a->read->tensor) return &g->tiles[i];
    if (a->kind == TILE_ARG_READ) return grid_tile_of(g, a->read);
    if (a->kind == TILE_ARG_STATE) return grid_tile_of_state(g, n->stmt, a->temp);
    if (a->kind == TILE_ARG_LEAD) return grid_tile_of_state(g, n->lead, a->temp);
    if (a->kind == TILE_ARG_TARGET) return grid_tile_of_target(g, n->stmt->targets.at[0].tensor);
    return a->kind == TILE_ARG_TEMP ? &g->tiles[n->simd->temp[a->temp]->id] : NULL;
}

static bool uses(GridGen *g, const TileNode *n, const TileCommand *c, const GridTile *t) { return tile_of(g, n, &c->a) == t || tile_of(g, n, &c->b) == t; }

/* The tile's LOAD or STORE stands in the open body. */
static bool copied_here(const GridGen *g, const TileBuf *b, TileKind kind) {
    const TileNodes *body = g->bodies.at[g->bodies.n - 1];
    for (int i = 0; i < body->n; i++)
        if (body->at[i]->kind == kind && body->at[i]->buf == b) return true;
    return false;
}

/* This command is the last that uses the ring, and stands in the body that got it. */
static bool pops(GridGen *g, const TileNode *n, int number, const GridTile *t) {
    TileNodes *body = g->bodies.at[g->bodies.n - 1];
    if (!copied_here(g, t->buf, TILE_LOAD)) return false;
    for (int i = number + 1; i < n->simd->commands.n; i++)
        if (uses(g, n, &n->simd->commands.at[i], t)) return false;
    return grid_last_use(body, t->buf) == n;
}

static const Expr *const *points(GridGen *g, const Stmt *s) {
    const Expr **subs = NEW_ARRAY(g->a, const Expr *, s->idx.n + 1);
    for (int d = 0; d < s->idx.n; d++) subs[d] = lo_index(g->a, s->idx.at[d]);
    return subs;
}

static CExpr place(GridGen *g, const TileNode *n, int number, const TileArg *a, bool same_again) {
    GridTile *t = tile_of(g, n, a);
    assert(t);
    Expr *off = NULL, *pitch = NULL, *move = NULL;
    const char *way = "pop";
    if (a->kind == TILE_ARG_READ) off = grid_offset(g, t, (const Expr *const *)a->read->args.at);
    if (a->kind == TILE_ARG_STATE && n->part == TILE_JOIN) off = grid_offset(g, t, points(g, n->stmt));
    if (a->kind == TILE_ARG_TARGET) off = grid_offset(g, t, (const Expr *const *)n->stmt->targets.at[0].subs.at);
    if (a->spread == TILE_BOX && !n->simd->commands.at[number].one_row && t->buf->rank > 1) pitch = t->pitch;
    if (t->is_ring && a->kind == TILE_ARG_READ && !same_again && pops(g, n, number, t)) move = t->slot;
    if (t->is_ring && a->kind == TILE_ARG_TARGET) {
        way = "push";
        if (t->is_handed || (copied_here(g, t->buf, TILE_STORE) && grid_sole_command(g->bodies.at[g->bodies.n - 1], t->buf))) move = t->slot;
    }
    return grid_place(g, t->ring, off, pitch, way, move);
}

/* A float that the core computes for a command. */
static CExpr number_of(GridGen *g, const Expr *e) {
    static const char *const ops[OP_COUNT] = {[OP_ADD] = "+", [OP_SUB] = "-", [OP_MUL] = "*", [OP_DIV] = "/"};
    if (e->kind == X_LIT) return grid_literal(g, DT_F32, e->lit_f, 0);
    if (e->kind == X_READ) {
        g->scalar_used[e->tensor->id] = true;
        return c_atom(g->scalar[e->tensor->id]);
    }
    if (e->kind == X_CONVERT && e->args.at[0]->type != DT_I64) return number_of(g, e->args.at[0]);
    if (e->kind == X_CONVERT) return c_cast(&g->p, "float", grid_int(g, grid_folded(g, e->args.at[0])));
    if (e->kind == X_IF) {
        g->ops += 2;
        return c_cond(&g->p, grid_int(g, grid_folded(g, e->args.at[0])), number_of(g, e->args.at[1]), number_of(g, e->args.at[2]));
    }
    g->ops += e->op == OP_SUB || e->op == OP_ADD || e->op == OP_MUL || e->op == OP_NEG ? 1 : 20;
    if (e->op == OP_SQRT) return c_call1(&g->p, "__builtin_sqrtf", number_of(g, e->args.at[0]));
    if (e->op == OP_RSQRT) return c_binary(&g->p, "/", c_atom("1.0f"), c_call1(&g->p, "__builtin_sqrtf", number_of(g, e->args.at[0])));
    if (e->op == OP_RECIP) return c_binary(&g->p, "/", c_atom("1.0f"), number_of(g, e->args.at[0]));
    if (e->args.n == 1) return c_unary(&g->p, "-", number_of(g, e->args.at[0]));
    return c_binary(&g->p, ops[e->op], number_of(g, e->args.at[0]), number_of(g, e->args.at[1]));
}

static void reduction(GridGen *g, const TileNode *n, int i, const Box *b) {
    const TileCommand *c = &n->simd->commands.at[i];
    CExpr args[] = {c_atom("pe"), c_atom(c->whole->fields ? c->whole->field[0].value : "0"), place(g, n, i, &c->dst, false), place(g, n, i, &c->a, false), grid_int(g, b->rows), grid_int(g, b->cols)};
    c_expr(&g->p, c_call(&g->p, c->whole->call, 6, args));
}

static void elementwise(GridGen *g, const TileNode *n, int i, const Box *b) {
    const TileCommand *c = &n->simd->commands.at[i];
    bool twice = c->b.kind && tile_of(g, n, &c->a) == tile_of(g, n, &c->b);
    Expr *rows = c->one_row ? lo_int(g->a, 1) : b->rows, *cols = c->one_row ? b->rows : b->cols;
    Out o = out_new(g->a);
    out_f(&o, "%s(pe, ", tile_command_row(c)->call);
    grid_fields(c->bin, &o);
    grid_fields(c->fn, &o);
    grid_fields(c->affine, &o);
    for (int q = 0; c->affine && q < c->affine->as[c->affine->inside]->scalars; q++) {
        if (c->scalar[q]) out_f(&o, ".%s = %s, ", engine_scalar(c->affine, q), number_of(g, c->scalar[q]).text);
        else if (c->affine->neutral[q] != 0 || signbit(c->affine->neutral[q])) out_f(&o, ".%s = %s, ", engine_scalar(c->affine, q), grid_literal(g, DT_F32, c->affine->neutral[q], 0).text);
    }
    if (c->b.kind && c->b.spread == TILE_ONE_ROW) out_s(&o, ".b_row = true, ");
    if (c->b.kind && c->b.spread == TILE_ONE_COLUMN) out_s(&o, ".b_col = true, ");
    out_f(&o, ".rows = %s, .cols = %s, .dst = %s, ", grid_int(g, rows).text, grid_int(g, cols).text, place(g, n, i, &c->dst, false).text);
    const GridTile *from = tile_of(g, n, &c->a);
    const EngineRow *fed = engine_fed(&g->tp->machine->engines);
    if (!from) out_f(&o, ".from_%s = true", fed->into);
    else if (from->buf->memory != TILE_ACC) out_f(&o, ".a = %s", place(g, n, i, &c->a, twice).text);
    else if (from->acc) out_f(&o, ".from_%s = true, .acc = %d", fed->into, from->acc);
    else out_f(&o, ".from_%s = true", fed->into);
    if (c->b.kind) out_f(&o, ", .b = %s", place(g, n, i, &c->b, false).text);
    out_s(&o, ")");
    c_expr(&g->p, c_atom(o.text));
}

/* A row joins the state, or the state begins at zero. */
static void accumulation(GridGen *g, const TileNode *n, int i, const Box *b) {
    const TileCommand *c = &n->simd->commands.at[i];
    CExpr state = place(g, n, i, &c->dst, false), a = c->a.kind ? place(g, n, i, &c->a, false) : state;
    CExpr args[] = {c_atom("pe"), state, a, c_atom(c->a.kind ? "1" : "0"), grid_int(g, b->cols), c_atom(c->a.kind ? "true" : "false")};
    c_expr(&g->p, c_call(&g->p, c->whole->call, 6, args));
}

static void transposition(GridGen *g, const TileNode *n, int i, const Box *b) {
    const TileCommand *c = &n->simd->commands.at[i];
    CExpr args[] = {c_atom("pe"), place(g, n, i, &c->dst, false), place(g, n, i, &c->a, false), grid_int(g, b->cols), grid_int(g, b->rows)};
    c_expr(&g->p, c_call(&g->p, c->whole->call, 5, args));
}

void grid_simd(GridGen *g, const TileNode *n) {
    Box b = enter(g, n);
    GridMark m;
    bool open = grid_correct_open(g, n, &m);
    for (int i = 0; i < n->simd->commands.n; i++) {
        static void (*const whole[ENGINE_CLASSES])(GridGen *, const TileNode *, int, const Box *) = {[ENGINE_GATHER] = accumulation, [ENGINE_TURN] = transposition, [ENGINE_JOIN] = reduction};
        const EngineRow *row = n->simd->commands.at[i].whole;
        (row && whole[row->class] ? whole[row->class] : elementwise)(g, n, i, &b);
    }
    if (open) {
        grid_leave(g, m);
        c_end(&g->p);
    }
    if (n->part == TILE_NOW) grid_lead_shown(g, n->stmt);
    GridTile *t = n->part == TILE_WHOLE || n->part == TILE_FINAL ? grid_tile_of_target(g, n->stmt->targets.at[0].tensor) : NULL;
    if (!t && n->part == TILE_FINAL) grid_tile_show(g, grid_tile_of_state(g, n->stmt, 0));
    if (t && !t->is_ring && t->buf->copied_out) grid_fence(g, tile_command_row(&n->simd->commands.at[n->simd->commands.n - 1]));
    if (t) grid_tile_show(g, t);
    leave(g, &b);
}
