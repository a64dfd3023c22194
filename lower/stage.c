/* Parts of a stage as it is built. */
#include "lower/low.h"

void stage_open(Low *l, Name name) {
    TileStage *s = NEW(l->a, TileStage);
    s->name = name;
    s->axis_of = NEW_ARRAY(l->a, TileAxis *, l->k->n_indices + 1);
    vec_push(l->a, &l->p->stages, s);
    l->stage = s;
    l->taken.n = 0;
}

static bool is_taken(const Low *l, Name name) {
    for (int i = 0; i < l->taken.n; i++)
        if (!strcmp(l->taken.at[i], name)) return true;
    for (int i = 0; i < l->k->tensors.n; i++)
        if (!strcmp(l->k->tensors.at[i]->name, name)) return true;
    for (int i = 0; i < l->k->dims.n; i++)
        if (!strcmp(l->k->dims.at[i]->name, name)) return true;
    return false;
}

/* The name, or with a number behind it where an axis, a variable, a tensor or a dim has it: the stage's text says which is which. */
static Name unique(Low *l, Name name) {
    Name s = name;
    for (int n = 2; is_taken(l, s); n++) s = arena_printf(l->a, "%s.%d", name, n);
    vec_push(l->a, &l->taken, s);
    return s;
}

TileAxis *stage_axis(Low *l, const Index *i, Expr *lo, Expr *hi) {
    TileAxis *axis = NEW(l->a, TileAxis);
    *axis = (TileAxis){.name = unique(l, i->name), .id = l->stage->axes.n, .lo = lo, .hi = hi};
    vec_push(l->a, &l->stage->axes, axis);
    l->stage->axis_of[i->id] = axis;
    return axis;
}

static Index *variable(Low *l, const char *name) {
    Index *i = NEW(l->a, Index);
    i->name = unique(l, name);
    i->id = l->p->n_indices++;
    return i;
}

TileNode *stage_for(Low *l, Path *path, TileOver over, Span at) {
    TileNode *n = NEW(l->a, TileNode);
    n->kind = TILE_FOR;
    n->over = over;
    n->span = at;
    if (path->n == LOW_DEPTH) {
        l->why = "more than 48 loops around a statement";
        path->n--;
    }
    path->at[path->n++] = n;
    return n;
}

const TileLevel *stage_level_of(const Path *path, const TileAxis *axis) {
    for (int i = path->n; i-- > 0;)
        for (int n = path->at[i]->levels.n; n-- > 0;)
            if (path->at[i]->levels.at[n].axis == axis) return &path->at[i]->levels.at[n];
    return NULL;
}

void stage_level(Low *l, TileNode *loop, TileAxis *axis, Expr *step, int64_t most) {
    int64_t v;
    int n = axis->levels;
    TileLevel level = {.axis = axis, .step = step, .most = lo_is_int(step, &v) ? v : most};
    level.var = variable(l, arena_printf(l->a, "%s%d", axis->name, n));
    level.end = variable(l, arena_printf(l->a, "%s%d_end", axis->name, n));
    if (!lo_is_int(step, &v)) level.step_var = variable(l, arena_printf(l->a, "%s%d_step", axis->name, n));
    axis->levels++;
    vec_push(l->a, &loop->levels, level);
}

static Expr *level_step(Low *l, const TileLevel *v) { return v->step_var ? lo_index(l->a, v->step_var) : v->step; }

TileBuf *stage_tile(Low *l, Tensor *t, const char *name, DType type) {
    TileBuf *b = NEW(l->a, TileBuf);
    *b = (TileBuf){.name = name, .id = l->stage->bufs.n, .tensor = t, .type = type, .depth = 1, .core = 1};
    vec_push(l->a, &l->stage->bufs, b);
    return b;
}

void stage_box(const Low *l, TileBuf *b, int rank) {
    b->rank = rank;
    b->lo = NEW_ARRAY(l->a, Expr *, rank + 1);
    b->hi = NEW_ARRAY(l->a, Expr *, rank + 1);
    b->room = NEW_ARRAY(l->a, Expr *, rank + 1);
    b->most = NEW_ARRAY(l->a, int64_t, rank + 1);
    b->point = NEW_ARRAY(l->a, bool, rank + 1);
}

int64_t stage_bytes(const TileBuf *b) {
    int64_t rows = 1, row = b->rank ? b->most[b->rank - 1] : 1, padded = (row * dtype_table[b->type].bytes + 31) / 32 * 32;
    for (int d = 0; d + 1 < b->rank; d++)
        if (__builtin_mul_overflow(rows, b->most[d], &rows)) return INT64_MAX / 64;
    if (!rows || !row || padded < 0) return 0;
    if (__builtin_mul_overflow(rows, padded * b->depth, &rows)) return INT64_MAX / 64;
    return rows + 64 * b->depth;
}

void stage_block_box(Low *l, const Path *path, const TileAxis *axis, TileBuf *b, int d) {
    TileBlock block = path_block(l, path, axis);
    const TileLevel *v = stage_level_of(path, axis);
    b->lo[d] = block.lo;
    b->hi[d] = block.hi;
    b->room[d] = v ? level_step(l, v) : lo_max(l->a, lo_sub(l->a, axis->hi, axis->lo), lo_int(l->a, 0));
    b->most[d] = v ? v->most : 0;
}

int64_t stage_local(const TileStage *s) {
    int64_t all = 0;
    for (int i = 0; i < s->bufs.n; i++) {
        if (s->bufs.at[i]->memory != TILE_LOCAL) continue;
        int64_t bytes = stage_bytes(s->bufs.at[i]);
        if (!bytes || all > INT64_MAX / 2) return INT64_MAX;
        all += bytes;
    }
    return all;
}

static void state(Low *l, const Path *path, const Stmt *s, const TileAxis *without, int number, DType type) {
    TileBuf *b = stage_tile(l, NULL, arena_printf(l->a, "%s_state%d", s->targets.at[0].tensor->name, number), type);
    b->state_of = s;
    b->state = number;
    stage_box(l, b, s->idx.n);
    for (int d = 0; d < s->idx.n; d++) {
        TileAxis *axis = stage_axis_of(l, s->idx.at[d]);
        TileBlock block = path_block(l, path, axis);
        const TileLevel *v = axis == without ? NULL : stage_level_of(path, axis);
        b->lo[d] = block.lo;
        b->hi[d] = axis == without ? lo_add(l->a, block.lo, lo_int(l->a, 1)) : block.hi;
        b->point[d] = axis == without;
        b->room[d] = v ? level_step(l, v) : axis == without ? lo_int(l->a, 1) : lo_sub(l->a, axis->hi, axis->lo);
        b->most[d] = v ? v->most : axis == without;
    }
}

void stage_states(Low *l, const Path *path, const Stmt *s, const Reduce *r, const TileAxis *without) {
    const Comb *c = r->comb;
    int n = 0;
    if (c->kind == CK_USER) {
        for (; n < c->states.n; n++) state(l, path, s, without, n, c->states.at[n]->type);
        return;
    }
    state(l, path, s, without, n++, dtype_table[c->type].compute);
    if (c->kind == CK_MEAN || c->kind == CK_ARGMAX || c->kind == CK_ARGMIN) state(l, path, s, without, n, DT_I64);
}

typedef struct Depth { const Path *path; int depth; } Depth;

static bool deepen(void *context, Expr *e) {
    Depth *d = context;
    if (e->kind == X_INDEX)
        for (int i = d->path->n; i > d->depth; i--)
            for (int v = 0; v < d->path->at[i - 1]->levels.n; v++)
                if (d->path->at[i - 1]->levels.at[v].var == e->index || d->path->at[i - 1]->levels.at[v].end == e->index) {
                    d->depth = i;
                    break;
                }
    return true;
}

int stage_depth(const Path *path, const Expr *e) {
    Depth d = {path, 0};
    expr_walk((Expr *)e, deepen, &d);
    return d.depth;
}

void stage_copy(Low *l, TileNodes *body, TileKind kind, TileBuf *b, Span at) {
    TileNode *n = NEW(l->a, TileNode);
    n->kind = kind;
    n->buf = b;
    n->span = at;
    b->copied_in |= kind == TILE_LOAD;
    b->copied_out |= kind == TILE_STORE;
    vec_push(l->a, body, n);
}

static bool finds_read(void *context, Expr *e) {
    *(bool *)context |= e->kind == X_READ;
    return true;
}

/* Which place it is follows from no tensor's values. */
static bool is_known_box(const TileBuf *b) {
    bool reads = false;
    for (int d = 0; d < b->rank; d++) {
        expr_walk(b->lo[d], finds_read, &reads);
        expr_walk(b->hi[d], finds_read, &reads);
    }
    return !reads;
}

void stage_share_kept(Low *l) {
    for (int i = 0; i < l->stage->body.n && !l->stage->one_core && l->m->cols > 1 && !l->m->in_place; i++) {
        TileNode *n = l->stage->body.at[i];
        if (n->kind == TILE_LOAD && n->buf->core == 1 && is_known_box(n->buf)) n->share = TILE_SHARE_ROW;
    }
}

TileNode *stage_compute(Low *l, TileNodes *body, const Stmt *s, TilePart part) {
    TileNode *n = NEW(l->a, TileNode);
    n->kind = TILE_COMPUTE;
    n->stmt = s;
    n->part = part;
    if (s) n->span = s->span;
    vec_push(l->a, body, n);
    return n;
}

static bool note_read(void *context, Expr *e) {
    struct { Arena *a; LowReads *to; } *c = context;
    if (e->kind == X_READ && (e->tensor->rank || e->tensor->role != TR_INPUT)) vec_push(c->a, c->to, e);
    return true;
}

void low_reads(Arena *a, Expr *e, LowReads *to) {
    struct { Arena *a; LowReads *to; } c = {a, to};
    expr_walk(e, note_read, &c);
}

typedef struct Mention { const Index *i; bool found; } Mention;
static bool mention(void *context, Expr *e) {
    Mention *m = context;
    m->found |= e->kind == X_INDEX && e->index == m->i;
    return !m->found;
}
bool low_mentions(const Expr *e, const Index *i) {
    Mention m = {i, false};
    expr_walk((Expr *)e, mention, &m);
    return m.found;
}
