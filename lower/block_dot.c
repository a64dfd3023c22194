/* Sums of products on a machine with vector registers as accumulators: panels of columns outside, strips of rows inside, so that a panel of b stays
 * in the cache next to the core while a streams by; the sums of a strip's block stay in registers for the whole of k. What is computed point
 * by point from the sums is computed from the block while it is in the cache. */
#include "dsl/affine.h"
#include "lower/block.h"

enum { IN_PLACE = 384 * 384, FEW = 4, SOME = 16, OPERANDS = 4, MOST_ROWS = 12, PANEL_VECTORS = 4 };

/* --- matching ----------------------------------------------------------------------------------------------------------------------- */

/* e is the index, or a sum with something that does not hold it. */
static bool grows_by_one(const Expr *e, const Index *i) {
    if (e->kind == X_INDEX) return e->index == i;
    if (e->kind != X_OP || e->args.n != 2 || (e->op != OP_ADD && e->op != OP_SUB)) return false;
    bool left = low_mentions(e->args.at[0], i), right = low_mentions(e->args.at[1], i);
    if (left == right) return false;
    return left ? grows_by_one(e->args.at[0], i) : e->op == OP_ADD && grows_by_one(e->args.at[1], i);
}

/* The one dimension in which the index stands, and neither of the others; -1. */
static int dimension(const Expr *read, const Index *i, const Index *x, const Index *y) {
    int at = -1;
    for (int d = 0; d < read->args.n; d++) {
        const Expr *e = read->args.at[d];
        if (!low_mentions(e, i)) continue;
        if (at >= 0 || !grows_by_one(e, i) || (x && low_mentions(e, x)) || (y && low_mentions(e, y))) return -1;
        at = d;
    }
    return at;
}

static bool finds_read(void *context, Expr *e) {
    bool *found = context;
    *found |= e->kind == X_READ || e->kind == X_REDUCE;
    return !*found;
}

/* No subscript reads a tensor. */
static bool is_plain(const Expr *read) {
    bool found = false;
    for (int d = 0; d < read->args.n; d++) expr_walk(read->args.at[d], finds_read, &found);
    return !found;
}

/* Of the statement's indices the last that x mentions and y does not. */
static Index *own_index(const Stmt *s, const Expr *x, const Expr *y) {
    for (int i = s->idx.n; i-- > 0;)
        if (low_mentions(x, s->idx.at[i]) && !low_mentions(y, s->idx.at[i])) return s->idx.at[i];
    return NULL;
}

bool block_dot_match(Low *l, const Stmt *s, BlockDot *d) {
    const Reduce *r = low_reduce(s);
    EngineMatch x;
    const EngineRow *row = r ? engine_of_product(&l->m->engines, r, &(EngineRules){.arena = l->a, .widens = true}, &x, NULL) : NULL;
    if (!row || r->idx.n != 1 || s->targets.n != 1) return false;
    const Target *t = &s->targets.at[0];
    DType type = r->comb->type;
    if (t->tensor->type != type || !t->subs.n || !is_plain(x.operand[0]) || !is_plain(x.operand[1])) return false;
    if (!affine_dims_only(r->idx.at[0]->lo) || !affine_dims_only(r->idx.at[0]->hi) || !block_defined_once(l, t->tensor)) return false;
    const Expr *a = x.operand[0], *b = x.operand[1], *last = t->subs.at[t->subs.n - 1];
    if (last->kind != X_INDEX) return false;
    if (low_mentions(a, last->index)) {
        const Expr *other = a;
        a = b, b = other;
    }
    *d = (BlockDot){.row = row, .s = s, .r = r, .a = a, .b = b, .m = own_index(s, a, b), .n = last->index, .k = r->idx.at[0], .type = type};
    if (!d->m || low_mentions(a, d->n) || !low_mentions(b, d->n)) return false;
    int am = dimension(a, d->m, d->n, d->k), ak = dimension(a, d->k, d->m, d->n), bn = dimension(b, d->n, d->m, d->k), bk = dimension(b, d->k, d->m, d->n);
    if (am < 0 || ak < 0 || bn < 0 || bk < 0) return false;
    int mine = 0;
    for (int q = 0; q < t->subs.n; q++) mine += expr_is_index(t->subs.at[q], d->m);
    d->a_in_place = a->tensor->type == type;
    d->b_in_place = b->tensor->type == type && bn == b->args.n - 1;
    return mine == 1;
}

/* --- what follows --------------------------------------------------------------------------------------------------------------------- */

static bool same_points(Low *l, const Stmt *x, const Stmt *y) {
    if (x->idx.n != y->idx.n || y->targets.n != 1 || y->targets.at[0].subs.n != y->idx.n || !block_defined_once(l, y->targets.at[0].tensor)) return false;
    for (int i = 0; i < x->idx.n; i++)
        if (!expr_equal(x->idx.at[i]->lo, y->idx.at[i]->lo) || !expr_equal(x->idx.at[i]->hi, y->idx.at[i]->hi)
            || !expr_is_index(y->targets.at[0].subs.at[i], y->idx.at[i])) return false;
    return true;
}

/* Reads of what the run defines are at the statement's own point. */
static bool reads_own_points(Low *l, int first, int n, const Stmt *s) {
    LowReads reads = {0};
    low_reads(l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++)
        for (int k = first; k < first + n; k++) {
            if (l->k->stmts.at[k]->targets.at[0].tensor != reads.at[i]->tensor) continue;
            if (reads.at[i]->mode != READ_PLAIN) return false;
            for (int q = 0; q < reads.at[i]->args.n; q++)
                if (!expr_is_index(reads.at[i]->args.at[q], s->idx.at[q])) return false;
        }
    return true;
}

static bool holds_reduction(void *context, Expr *e) {
    bool *found = context;
    *found |= e->kind == X_REDUCE;
    return !*found;
}

int block_dot_extent(Low *l, int first, int end, const BlockDot *d) {
    int n = 1;
    const Target *t = &d->s->targets.at[0];
    for (int q = 0; q < t->subs.n; q++)
        if (t->subs.n != d->s->idx.n || !expr_is_index(t->subs.at[q], d->s->idx.at[q])) return 1;
    for (; first + n < end; n++) {
        Stmt *s = l->k->stmts.at[first + n];
        bool reduces = false;
        expr_walk(s->value, holds_reduction, &reduces);
        if (reduces || !same_points(l, d->s, s) || !reads_own_points(l, first, n, s)) break;
    }
    while (n > 1) {     /* the last must use what is before it */
        bool uses = false;
        for (int i = 0; i < n - 1; i++) uses |= block_is_inner(l, l->k->stmts.at[first + i]->targets.at[0].tensor, first, first + n);
        if (uses) break;
        n--;
    }
    return n;
}

/* --- the stage -------------------------------------------------------------------------------------------------------------------------- */

static Expr *extent(Low *l, const Index *i) { return lo_max(l->a, lo_sub(l->a, i->hi, i->lo), lo_int(l->a, 0)); }

static Expr *ceil_by(Low *l, Expr *x, Expr *y) { return lo_div_by(l->a, lo_sub(l->a, lo_add(l->a, x, y), lo_int(l->a, 1)), y); }

static int64_t lanes(const Low *l, const BlockDot *d) { return l->m->lanes / dtype_table[d->type].bytes; }

/* Columns of a panel: as many panels as of PANEL_VECTORS vectors, each of as few vectors as will do. */
static Expr *columns(Low *l, const BlockDot *d) {
    int64_t v = lanes(l, d);
    Arena *a = l->a;
    Expr *n = extent(l, d->n), *panels = lo_max(a, lo_int(a, 1), lo_div(a, lo_add(a, n, lo_int(a, PANEL_VECTORS * v - 1)), PANEL_VECTORS * v));
    Expr *each = ceil_by(l, n, lo_mul(a, panels, lo_int(a, v)));
    return lo_mul(a, lo_max(a, lo_int(a, 1), lo_min(a, each, lo_int(a, PANEL_VECTORS))), lo_int(a, v));
}

/* Rows of a strip: what the accumulators hold, evenly. */
static Expr *rows(Low *l, const BlockDot *d, Expr *columns) {
    Arena *a = l->a;
    int64_t v = lanes(l, d);
    Expr *most = lo_min(a, lo_div_by(a, lo_int(a, (l->m->accumulators - OPERANDS) * v), columns), lo_int(a, MOST_ROWS)), *m = extent(l, d->m);
    Expr *strips = lo_max(a, lo_int(a, 1), ceil_by(l, m, most));
    return lo_max(a, lo_int(a, 1), lo_min(a, ceil_by(l, m, strips), lo_int(a, MOST_ROWS)));
}

/* Where `read` of the sum's type is needed and is not: a copy, made at the place. */
static TileBuf *operand(Block *b, const Path *path, TileNodes *body, const Expr *read, const BlockDot *d) {
    Low *l = b->l;
    Expr *culprit;
    TileBuf *t = stage_tile(l, read->tensor, read->tensor->name, d->type);
    if (!hull_box(l, path, read->tensor, &read->args, t, &culprit)) l->why = "an operand's box can't be told";
    vec_push(l->a, &t->reads, read);
    stage_copy(l, body, TILE_LOAD, t, read->span);
    return t;
}

/* Levels of one value for the outer indices that b varies over, or not; those that the path has are left out. */
static void batch_levels(Block *b, TileNode *loop, const BlockDot *d, bool in_b) {
    Low *l = b->l;
    for (int q = 0; q < d->s->idx.n; q++) {
        Index *i = d->s->idx.at[q];
        if (i == d->m || i == d->n || stage_axis_of(l, i) || low_mentions(d->b, i) != in_b) continue;
        stage_level(l, loop, stage_axis(l, i, i->lo, i->hi), lo_int(l->a, 1), 1);
    }
}

static void products(Block *b, Path *path, TileNodes *body, const BlockDot *d, TileDot *dot) {
    Low *l = b->l;
    static const TilePart parts[] = {TILE_INIT, TILE_STEP, TILE_FINAL};
    int before = l->stage->bufs.n;
    stage_states(l, path, d->s, d->r, NULL);
    l->stage->bufs.at[before]->memory = TILE_ACC;
    for (int i = 0; i < 3; i++) stage_compute(l, body, d->s, parts[i])->dot = dot;
}

void block_dot_leaf(Block *b, Path *path, int first, int n, const BlockDot *d) {
    Low *l = b->l;
    int was = path->n;
    const Stmt *s = d->s;
    TileDot *dot = NEW(l->a, TileDot);
    *dot = (TileDot){.row = d->row, .a = d->a, .b = d->b};
    Path around = *path;
    if (b->outer >= 0) around.n = b->outer;
    TileNodes *outside = stage_body(l, &around, around.n);
    Expr *width = columns(l, d);
    TileNode *panels = stage_for(l, path, was ? TILE_SEQ : TILE_PE, s->span);
    batch_levels(b, panels, d, true);
    stage_level(l, panels, dot->n = stage_axis(l, d->n, d->n->lo, d->n->hi), width, PANEL_VECTORS * lanes(l, d));
    TileNode *strips = stage_for(l, path, TILE_SEQ, s->span);
    batch_levels(b, strips, d, false);
    dot->m = stage_axis_of(l, d->m);
    if (!dot->m) dot->m = stage_axis(l, d->m, d->m->lo, d->m->hi);
    stage_level(l, strips, dot->m, rows(l, d, width), MOST_ROWS);
    dot->k = stage_axis(l, d->k, d->k->lo, d->k->hi);
    if (!d->a_in_place) operand(b, &around, outside, d->a, d);
    stage_link(l, path, was + 1);
    if (!d->b_in_place || b->packs || was) {      /* inside of other loops no case says how large it is */
        Path at = *path;
        at.n = b->outer >= 0 ? b->outer : at.n - 1;
        TileBuf *packed = operand(b, &at, b->outer >= 0 ? outside : &panels->body, d->b, d);
        packed->panel_dim = dimension(d->b, d->n, d->m, d->k);
        packed->panel = lo_index(l->a, panels->levels.at[panels->levels.n - 1].step_var);
    }
    stage_link(l, path, was + 2);
    for (int i = first; i < first + n; i++) {
        Stmt *x = l->k->stmts.at[i];
        const Tensor *t = x->targets.at[0].tensor;
        for (int q = 0; q < x->idx.n && i > first; q++) l->stage->axis_of[x->idx.at[q]->id] = stage_axis_of(l, s->idx.at[q]);
        if (block_is_inner(l, t, first, first + n)) b->depth[t->id] = path->n;
        if (i == first) products(b, path, &strips->body, d, dot);
        else stage_compute(l, &strips->body, x, TILE_WHOLE);
        block_results(b, path, x, &strips->body);
    }
    path->n = was;
}

/* --- cases -------------------------------------------------------------------------------------------------------------------------------- */

Expr *block_dot_few(Low *l, const BlockDot *d) { return d->b_in_place ? NULL : lo_le(l->a, extent(l, d->m), lo_int(l->a, FEW)); }

Expr *block_dot_unpacked(Low *l, const BlockDot *d) {
    if (!d->b_in_place) return NULL;
    Expr *small = lo_le(l->a, lo_mul(l->a, extent(l, d->k), extent(l, d->n)), lo_int(l->a, IN_PLACE)), *some = lo_le(l->a, extent(l, d->m), lo_int(l->a, SOME));
    return x_op(l->a, OP_OR, small, some, NULL, d->s->span);
}
