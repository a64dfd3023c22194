/* Footprints: what a computation reads lies in a tile that holds it by then. */
#include "lower/verify_impl.h"

/* A read, and what stands around it in its statement: indices of reductions inside it. */
typedef struct Look {
    Verify *v;
    const Spot *at;
    Work w;
    VEC(Index *) inner;
    int core;
    bool fine;
} Look;

static bool serves(Verify *v, const TileBuf *b, const Expr *read, int core) {
    if ((b->tensor ? b->tensor != read->tensor : !b->reads.n) || (b->core != core && !v->s->one_core)) return false;
    for (int i = 0; i < b->reads.n; i++)
        if (expr_equal(b->reads.at[i], read)) return true;
    return b->reads.n == 0;
}

/* The place where the tile gets what it holds: its LOAD, or the computation that defines its tensor. */
static const Spot *maker(const Verify *v, const TileBuf *b) {
    for (int i = 0; i < v->places.n; i++) {
        const TileNode *n = v->places.at[i]->n;
        if (n->kind == TILE_LOAD && n->buf == b) return v->places.at[i];
        bool kept = n->kind == TILE_COMPUTE && !b->tensor && b->state_of == n->stmt;
        if (kept && n->part == (b->state == TILE_SO_FAR ? TILE_NOW : TILE_STEP)) return v->places.at[i];
        bool gives = !b->copied_in && verify_gives(v, n);
        for (int t = 0; gives && t < n->stmt->targets.n; t++)
            if (n->stmt->targets.at[t].tensor == b->tensor) return v->places.at[i];
    }
    return NULL;
}

static bool box_in_scope(Verify *v, const Spot *at, int depth, const TileBuf *b) {
    for (int d = 0; d < b->rank; d++)
        if (!verify_in_scope(v, at, depth, b->lo[d]) || !verify_in_scope(v, at, depth, b->hi[d])) return false;
    return true;
}

/* Loops around the place where the states begin: what stands right in them sees the states when all steps are done. */
static int state_depth(const Verify *v, const TileBuf *b) {
    for (int i = 0; i < v->places.n; i++)
        if (v->places.at[i]->n->kind == TILE_COMPUTE && v->places.at[i]->n->stmt == b->state_of && v->places.at[i]->n->part == TILE_INIT) return v->places.at[i]->depth;
    return -1;
}

/* The tile was filled before, for the blocks of this place. */
static bool is_filled(Verify *v, const Spot *at, const TileBuf *b) {
    const Spot *m = maker(v, b);
    if (!m || m->seq >= at->seq) return false;
    int common = verify_common(m, at);
    if (m->n->kind == TILE_LOAD && common != m->depth) return false;
    if (!b->tensor && b->state == TILE_SO_FAR && common != m->depth) return false;      /* elsewhere the value is the tensor's */
    if (!b->tensor && b->state != TILE_SO_FAR && common != state_depth(v, b)) return false;
    return box_in_scope(v, at, common, b);
}

/* --- one subscript -------------------------------------------------------------------------------------------------------------------- */

static bool is_zero(const Expr *e) {
    int64_t v;
    return lo_is_int(e, &v) && v == 0;
}

/* max(l, 0) as l, min(h, extent) as h: what lies outside the tensor is not read. */
static Expr *without_cut(Expr *e, Op op, const Expr *extent) {
    if (e->kind != X_OP || e->op != op) return e;
    bool cut = op == OP_MAX ? is_zero(e->args.at[1]) : expr_equal(e->args.at[1], extent);
    return cut ? e->args.at[0] : e;
}

static const Ctx *context(Look *l) {
    Verify *v = l->v;
    VEC(Index *) more = {0};
    for (int i = 0; i < l->w.n; i++) vec_push(v->a, &more, l->w.idx[i]);
    for (int i = 0; l->w.r && i < l->w.r->idx.n; i++) vec_push(v->a, &more, l->w.r->idx.at[i]);
    for (int i = 0; i < l->inner.n; i++) vec_push(v->a, &more, l->inner.at[i]);
    return verify_context(v, l->at, more.at, more.n, NULL);
}

/* lo <= sub < hi by form. */
static bool by_form(Look *l, Expr *sub, Expr *lo, Expr *hi) {
    Verify *v = l->v;
    const TileAxis *axis = sub->kind == X_INDEX ? verify_axis(v, sub->index) : NULL;
    if (axis) {
        TileBlock b = verify_block(v, l->at, axis);
        for (int depth = l->at->depth; depth >= 0; depth--) {
            b = tile_block(v->a, axis, l->at->loop, depth);
            if (expr_equal(b.lo, lo) && expr_equal(b.hi, hi)) return true;
        }
    }
    Expr *one = verify_pinned(v, l->at, sub);
    return expr_equal(one, lo) && expr_equal(lo_add(v->a, one, lo_int(v->a, 1)), hi);
}

/* What a clamped read needs of a tensor that is not empty: min(max(l, 0), extent - 1) as l, max(min(h, extent), 1) as h. The nearest
 * element of a subscript from l to h - 1 lies between those. */
static Expr *without_clamp(Verify *v, Expr *e, Op op, Expr *extent) {
    int64_t one;
    if (e->kind != X_OP || e->op != op) return e;
    bool outer = op == OP_MIN ? expr_equal(e->args.at[1], lo_sub(v->a, extent, lo_int(v->a, 1))) : lo_is_int(e->args.at[1], &one) && one == 1;
    return outer ? without_cut(e->args.at[0], op == OP_MIN ? OP_MAX : OP_MIN, extent) : e;
}

/* lo <= sub < hi, where the subscript lies in the tensor (with pad nothing else is read; plain ones do). */
static bool by_prover(Look *l, Expr *sub, Expr *lo, Expr *hi, Expr *extent) {
    Verify *v = l->v;
    const Ctx *ctx = context(l);
    if (extent) {
        Ctx *low = NEW(v->a, Ctx), *high = NEW(v->a, Ctx);
        *low = (Ctx){.up = ctx, .kind = CTX_TRUE, .cond = lo_le(v->a, lo_int(v->a, 0), sub)};
        *high = (Ctx){.up = low, .kind = CTX_TRUE, .cond = lo_le(v->a, lo_add(v->a, sub, lo_int(v->a, 1)), extent)};
        ctx = high;
    }
    return verify_le(v, ctx, lo, sub) && verify_le(v, ctx, lo_add(v->a, sub, lo_int(v->a, 1)), hi);
}

static bool one_subscript(Look *l, const Expr *read, const TileBuf *b, int d) {
    Verify *v = l->v;
    Expr *extent = read->tensor->shape[d], *sub = read->args.at[d];
    bool clamp = read->mode == READ_CLAMP;
    Expr *lo = clamp ? without_clamp(v, b->lo[d], OP_MIN, extent) : without_cut(b->lo[d], OP_MAX, NULL);
    Expr *hi = clamp ? without_clamp(v, b->hi[d], OP_MAX, extent) : without_cut(b->hi[d], OP_MIN, extent);
    if (by_form(l, sub, lo, hi)) return v->report->structural++, true;
    sub = verify_pinned(v, l->at, sub);
    if (by_prover(l, sub, lo, hi, clamp ? NULL : extent)) return true;
    if (clamp) sub = lo_max(v->a, lo_min(v->a, sub, lo_sub(v->a, extent, lo_int(v->a, 1))), lo_int(v->a, 0));
    return by_prover(l, sub, b->lo[d], b->hi[d], extent);
}

/* A tile holds the read. *near: one that serves it, though nothing shows that it holds it. */
static const TileBuf *tile_for(Look *l, const Expr *read, const TileBuf **near) {
    Verify *v = l->v;
    for (int i = 0; i < v->s->bufs.n; i++) {
        const TileBuf *b = v->s->bufs.at[i];
        if (!serves(v, b, read, l->core) || !is_filled(v, l->at, b)) continue;
        bool inside = b->rank == read->args.n;
        for (int d = 0; inside && d < b->rank; d++) inside = one_subscript(l, read, b, d);
        if (inside) return b;
        *near = b;
    }
    return NULL;
}

static void look(Look *l, Expr *e);

/* The subscripts too; not those of which one place is in the tile whatever they are. */
static void one_read(Look *l, const Expr *read) {
    Verify *v = l->v;
    const TileBuf *near = NULL;
    if (!read->tensor->rank && read->tensor->role == TR_INPUT) return;
    v->reads++;
    const TileBuf *b = tile_for(l, read, &near);
    for (int d = 0; d < read->args.n; d++)
        if (!b || !b->point[d] || read->mode == READ_PAD) look(l, read->args.at[d]);
    look(l, read->pad);
    if (b || !l->fine) return;
    const char *text = verify_text(v, read);
    if (near) l->fine = verify_doubt(v, "that the tile of %s holds all that is read", text);
    else if (!v->s->one_core) l->fine = verify_fault(v, "there is no tile for %s", text);
}

static bool look_one(void *context, Expr *e) {
    Look *l = context;
    if (!l->fine) return false;
    if (e->kind == X_READ) return one_read(l, e), false;
    if (e->kind != X_REDUCE || e->reduce == l->w.r) return true;
    int before = l->inner.n;
    for (int i = 0; i < e->reduce->idx.n; i++) {
        look(l, e->reduce->idx.at[i]->lo);
        look(l, e->reduce->idx.at[i]->hi);
        vec_push(l->v->a, &l->inner, e->reduce->idx.at[i]);
    }
    look(l, e->reduce->pred);
    for (int i = 0; i < e->reduce->operands.n; i++) look(l, e->reduce->operands.at[i]);
    l->inner.n = before;
    return false;
}

static void look(Look *l, Expr *e) {
    if (e) expr_walk(e, look_one, l);
}

/* Reads in an expression over loop variables: a box, a range. */
static bool reads_there(Verify *v, const Spot *at, Expr *e, int core, const char *what) {
    TileReads reads = {0};
    tile_reads(v->a, e, &reads);
    Look l = {.v = v, .at = at, .core = core, .fine = true};
    for (int i = 0; i < reads.n; i++) {
        const Expr *r = reads.at[i];
        if (!r->tensor->rank && r->tensor->role == TR_INPUT) continue;
        const TileBuf *near = NULL;
        bool found = tile_for(&l, r, &near) != NULL;
        if (near && !found) return verify_doubt(v, "that the tile of %s holds all that %s needs", verify_text(v, r), what);
        if (!found && !v->s->one_core) return verify_fault(v, "core %d has no tile for %s, which %s needs", core, verify_text(v, r), what);
    }
    return l.fine;
}

static bool loop_ranges(Verify *v, const Spot *at) {
    for (int i = 0; i < at->n->levels.n; i++) {
        const TileAxis *axis = at->n->levels.at[i].axis;
        if (tile_block(v->a, axis, at->loop, at->depth).lo != axis->lo) continue;
        for (int core = 0; core < 2; core++)
            if (!reads_there(v, at, axis->lo, core, "a loop") || !reads_there(v, at, axis->hi, core, "a loop")) return false;
    }
    return true;
}

bool verify_access(Verify *v) {
    for (int i = 0; i < v->places.n; i++) {
        const Spot *at = v->places.at[i];
        const TileNode *n = at->n;
        if (n->kind == TILE_FOR && !loop_ranges(v, at)) return false;
        if (n->kind == TILE_LOAD)
            for (int d = 0; d < n->buf->rank; d++)
                if (!reads_there(v, at, n->buf->lo[d], 0, "a load") || !reads_there(v, at, n->buf->hi[d], 0, "a load")) return false;
        if (n->kind != TILE_COMPUTE || n->part == TILE_INIT || n->part == TILE_FINAL || n->part >= TILE_NOW) continue;
        Look l = {.v = v, .at = at, .w = verify_work(n), .core = 1, .fine = true};
        look(&l, l.w.value);
        if (!l.fine) return false;
    }
    return true;
}
