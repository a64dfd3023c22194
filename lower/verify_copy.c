/* Tiles: that copies fill them where they are used, results are stored whole and once, shared copies are the same for all sharers. */
#include "lower/verify_impl.h"

static Spot *only(Verify *v, TileKind kind, const TileBuf *b, int *n) {
    Spot *found = NULL;
    *n = 0;
    for (int i = 0; i < v->places.n; i++)
        if (v->places.at[i]->n->kind == kind && v->places.at[i]->n->buf == b) found = v->places.at[i], ++*n;
    return found;
}

static bool reads_tensor(Verify *v, const TileNode *n, const Tensor *t) {
    TileReads reads = {0};
    tile_reads(v->a, verify_work(n).value, &reads);
    for (int i = 0; i < reads.n; i++)
        if (reads.at[i]->tensor == t) return true;
    return false;
}

static const Target *target_of(const Verify *v, const TileNode *n, const TileBuf *b) {
    for (int i = 0; verify_gives(v, n) && i < n->stmt->targets.n; i++)
        if (n->stmt->targets.at[i].tensor == b->tensor) return &n->stmt->targets.at[i];
    return NULL;
}

/* --- boxes of results -------------------------------------------------------------------------------------------------------------------- */

/* The index that e grows by one with: e is a sum that it stands in once; NULL when there is none. */
static const Index *near_index(const Verify *v, const Expr *e) {
    if (e->kind == X_INDEX) return verify_axis(v, e->index) ? e->index : NULL;
    if (e->kind != X_OP || e->args.n != 2 || (e->op != OP_ADD && e->op != OP_SUB)) return NULL;
    const Index *x = near_index(v, e->args.at[0]), *y = e->op == OP_ADD ? near_index(v, e->args.at[1]) : NULL;
    return x && y ? NULL : x ? x : y;
}

typedef struct Put { const Index *i; Expr *value; } Put;
static Expr *put(void *context, Expr *e) {
    const Put *p = context;
    return e->kind == X_INDEX && e->index == p->i ? p->value : NULL;
}

static Expr *uncut(Expr *e, Op op) { return e->kind == X_OP && e->op == op && e->args.n == 2 ? e->args.at[0] : e; }

/* Dimension d of the tile is all that the target's subscript takes in the block at the place, and no more. */
static bool exact_dimension(Verify *v, const Spot *at, const TileBuf *b, Expr *sub, int d) {
    Expr *lo = sub, *hi = lo_add(v->a, sub, lo_int(v->a, 1));
    const Index *i = near_index(v, sub);
    if (i) {
        TileBlock block = verify_block(v, at, verify_axis(v, i));
        lo = lo_copy(v->a, sub, put, &(Put){i, block.lo});
        hi = lo_copy(v->a, sub, put, &(Put){i, block.hi});
    }
    if ((expr_equal(lo, b->lo[d]) || expr_equal(lo, uncut(b->lo[d], OP_MAX))) && (expr_equal(hi, b->hi[d]) || expr_equal(hi, uncut(b->hi[d], OP_MIN)))) return v->report->structural++, true;
    const Ctx *ctx = verify_context(v, at, NULL, 0, NULL);
    bool low = verify_equal(v, ctx, lo, b->lo[d]) || verify_equal(v, ctx, lo, uncut(b->lo[d], OP_MAX));
    return low && (verify_equal(v, ctx, hi, b->hi[d]) || verify_equal(v, ctx, hi, uncut(b->hi[d], OP_MIN)));
}

/* How many of the loops the box of the tile depends on. */
static int box_depth(Verify *v, const Spot *at, const TileBuf *b) {
    for (int depth = 0;; depth++) {
        bool fine = true;
        for (int d = 0; fine && d < b->rank; d++) fine = verify_in_scope(v, at, depth, b->lo[d]) && verify_in_scope(v, at, depth, b->hi[d]);
        if (fine || depth > at->depth) return depth;
    }
}

static bool result(Verify *v, const Spot *maker, const TileBuf *b, const Target *t) {
    int stores;
    const Spot *store = only(v, TILE_STORE, b, &stores);
    Spot at = *maker;
    at.depth = store ? store->depth : box_depth(v, maker, b);
    if (at.depth > maker->depth || (store && verify_common(store, maker) != store->depth)) return verify_fault(v, "the tile of %s is not stored around its computation", b->name);
    if (store && store->seq < maker->seq) return verify_fault(v, "%s is stored before it is computed", b->name);
    for (int d = 0; d < b->rank; d++)
        if (!exact_dimension(v, &at, b, t->subs.at[d], d)) return verify_fault(v, "dimension %d of the tile of %s is not what is computed", d + 1, b->name);
    return true;
}

/* Each index of the statement stands in the target, so no two points write one element. */
static bool injective(Verify *v, const TileNode *n, const Target *t) {
    for (int i = 0; i < n->stmt->idx.n; i++) {
        int found = 0;
        for (int d = 0; d < t->subs.n; d++) found += near_index(v, t->subs.at[d]) == n->stmt->idx.at[i];
        if (found != 1) return verify_fault(v, "statement %d writes elements of %s more than once", n->stmt->id, t->tensor->name);
    }
    return true;
}

/* What is computed from the result reads the state, which is the same: a sum, maximum or minimum of the tensor's type. */
static bool state_serves(const Verify *v, const Stmt *s) {
    const Reduce *r = s->value->kind == X_REDUCE ? s->value->reduce : NULL;
    bool same = r && (r->comb->kind == CK_SUM || r->comb->kind == CK_MAX || r->comb->kind == CK_MIN) && s->targets.at[0].tensor->type == r->comb->type;
    for (int i = 0; same && i < v->s->bufs.n; i++)
        if (v->s->bufs.at[i]->state_of == s && !v->s->bufs.at[i]->state) return true;
    return false;
}

static bool results(Verify *v, const Spot *at) {
    const TileNode *n = at->n;
    for (int i = 0; i < n->stmt->targets.n; i++) {
        const Target *t = &n->stmt->targets.at[i];
        const TileBuf *b = NULL;
        int found = 0;
        for (int j = 0; j < v->s->bufs.n; j++)
            if (v->s->bufs.at[j]->tensor == t->tensor && !v->s->bufs.at[j]->copied_in) b = v->s->bufs.at[j], found++;
        if (!found && n->part == TILE_FINAL && state_serves(v, n->stmt)) continue;
        if (found != 1) return verify_fault(v, "there are %d tiles for the result %s", found, t->tensor->name);
        if (!injective(v, n, t) || !result(v, at, b, t)) return false;
    }
    return true;
}

typedef struct Mention { const Index *i; bool found; } Mention;
static bool mention(void *context, Expr *e) {
    Mention *m = context;
    m->found |= e->kind == X_INDEX && e->index == m->i;
    return !m->found;
}
static bool mentions(const Expr *e, const Index *i) {
    Mention m = {i, false};
    expr_walk((Expr *)e, mention, &m);
    return m.found;
}

/* --- states ------------------------------------------------------------------------------------------------------------------------------ */

static DType state_type(const Comb *c, int state) {
    if (c->kind == CK_USER) return state < c->states.n ? c->states.at[state]->type : DT_NONE;
    bool two = c->kind == CK_MEAN || c->kind == CK_ARGMAX || c->kind == CK_ARGMIN;
    return state == 0 ? dtype_table[c->type].compute : state == 1 && two ? DT_I64 : DT_NONE;
}

/* A reduction in parts on the vector core has a tile for each of its states, of the points in the block where they begin. */
static bool states(Verify *v, const Spot *init) {
    const Stmt *s = init->n->stmt;
    const Reduce *r = verify_work(init->n).r;
    for (int state = 0; state_type(r->comb, state) != DT_NONE; state++) {
        const TileBuf *b = NULL;
        int found = 0;
        for (int j = 0; j < v->s->bufs.n; j++)
            if (v->s->bufs.at[j]->state_of == s && v->s->bufs.at[j]->state == state) b = v->s->bufs.at[j], found++;
        if (found != 1) return verify_fault(v, "there are %d tiles for state %d of statement %d", found, state, s->id);
        if (b->type != state_type(r->comb, state) || b->rank != s->idx.n || b->depth != 1) return verify_fault(v, "the tile of state %d of statement %d has another type or shape", state, s->id);
        for (int d = 0; d < b->rank; d++) {
            if (r->scan && s->idx.at[d] == r->along) continue;
            if (!exact_dimension(v, init, b, lo_index(v->a, s->idx.at[d]), d)) return verify_fault(v, "dimension %d of the states of statement %d is not what is computed", d + 1, s->id);
        }
    }
    return true;
}

/* The accumulators hold the sums of m x n elements: blocks of the row's; of vector registers the rows and the columns each (the steps say
 * how many of both). */
static bool holds(const Verify *v, const TileDot *d, int64_t m, int64_t n) {
    if (!v->m->in_place) return m <= engine_panel_rows(d->row) && n <= engine_panel_cols(d->row);
    int64_t lanes = v->m->lanes / dtype_table[dtype_table[d->a->type].compute].bytes;
    return m <= d->row->accumulators && (n + lanes - 1) / lanes <= d->row->accumulators;
}

/* A panel is no larger than the engine's, and k is the axis that its steps cut. */
static bool panel(Verify *v, const Spot *at) {
    const TileDot *d = at->n->dot;
    const TileLevel *m = verify_level(at, d->m), *n = verify_level(at, d->n), *k = verify_level(at, d->k);
    bool whole = at->n->part == TILE_WHOLE;      /* of any length */
    if (!m || !n || (!k && !whole && !v->m->in_place) || !m->most || !n->most || !holds(v, d, m->most, n->most)) return verify_fault(v, "the panel of statement %d is larger than the engine's", at->n->stmt->id);
    const TileAxis *axis[] = {d->m, d->n, d->k};
    for (int i = 0; i < 3; i++)
        for (int side = 0; side < 2; side++) {
            const Expr *read = side ? d->b : d->a;
            bool wanted = i == 2 || i == side, found = false;
            for (int q = 0; q < at->n->stmt->idx.n; q++) found |= verify_axis(v, at->n->stmt->idx.at[q]) == axis[i] && mentions(read, at->n->stmt->idx.at[q]);
            const Reduce *r = verify_work(at->n).r;
            for (int q = 0; q < r->idx.n; q++) found |= verify_axis(v, r->idx.at[q]) == axis[i] && mentions(read, r->idx.at[q]);
            if (found != wanted) return verify_fault(v, "operand %d of the panel of statement %d %s along %s", side + 1, at->n->stmt->id, wanted ? "does not vary" : "varies", axis[i]->name);
        }
    return true;
}

/* --- shared copies ---------------------------------------------------------------------------------------------------------------------- */

typedef struct Dealt { const Spot *at; TileShare share; bool varies; } Dealt;

/* Do the PEs that share differ in the block of this loop? */
static bool differs(const TileNode *loop, TileShare share) {
    return loop->over == TILE_PE || (share == TILE_SHARE_ROW ? loop->over == TILE_COL : loop->over == TILE_ROW);
}

static bool uses_dealt(void *context, Expr *e) {
    Dealt *d = context;
    d->varies |= e->kind == X_READ;
    for (int i = 0; e->kind == X_INDEX && i < d->at->depth; i++)
        for (int l = 0; differs(d->at->loop[i], d->share) && l < d->at->loop[i]->levels.n; l++)
            d->varies |= d->at->loop[i]->levels.at[l].var == e->index || d->at->loop[i]->levels.at[l].end == e->index;
    return !d->varies;
}

static bool varies(const Spot *at, TileShare share, Expr *e) {
    Dealt d = {at, share, false};
    expr_walk(e, uses_dealt, &d);
    return d.varies;
}

static bool shared(Verify *v, const Spot *at) {
    const TileBuf *b = at->n->buf;
    v->copies_shared++;
    for (int i = 0; i < at->depth; i++) {
        const TileNode *loop = at->loop[i];
        if (loop->over != TILE_SEQ && !loop->lockstep && differs(loop, at->n->share)) return verify_fault(v, "the shared copy of %s stands in a loop that PEs do not run in lockstep", b->name);
        for (int l = 0; l < loop->levels.n; l++)
            if (loop->over == TILE_SEQ && (varies(at, at->n->share, tile_block(v->a, loop->levels.at[l].axis, at->loop, i).lo) || varies(at, at->n->share, tile_block(v->a, loop->levels.at[l].axis, at->loop, i).hi)))
                return verify_fault(v, "PEs that share %s run different rounds of %s", b->name, loop->levels.at[l].var->name);
    }
    for (int d = 0; d < b->rank; d++)
        if (varies(at, at->n->share, b->lo[d]) || varies(at, at->n->share, b->hi[d])) return verify_fault(v, "PEs that share %s need different boxes", b->name);
    return true;
}

/* --- tiles ------------------------------------------------------------------------------------------------------------------------------ */

static bool box_known(Verify *v, const Spot *at, const TileBuf *b) {
    for (int d = 0; d < b->rank; d++)
        if (!verify_in_scope(v, at, at->depth, b->lo[d]) || !verify_in_scope(v, at, at->depth, b->hi[d])) return false;
    return true;
}

static bool is_used(Verify *v, const TileBuf *b, int *by) {
    for (int i = 0; i < v->places.n; i++) {
        const TileNode *n = v->places.at[i]->n;
        if (n->kind == TILE_COMPUTE && b->tensor && reads_tensor(v, n, b->tensor)) *by = i;
    }
    return *by >= 0;
}

static bool by_engine(const Verify *v, const TileBuf *b) {
    for (int i = 0; i < v->places.n; i++)
        if (verify_gives(v, v->places.at[i]->n) && v->places.at[i]->n->dot && target_of(v, v->places.at[i]->n, b)) return true;
    return false;
}

/* What is loaded lies in the tensor. */
static bool inside_tensor(Verify *v, const Spot *load, const TileBuf *b) {
    const Ctx *ctx = NULL;
    for (int d = 0; d < b->rank; d++) {
        Expr *lo = b->lo[d], *hi = b->hi[d], *zero = lo_int(v->a, 0);
        bool low = lo->kind == X_OP && lo->op == OP_MAX && expr_equal(lo->args.at[1], zero);
        bool high = hi->kind == X_OP && hi->op == OP_MIN && expr_equal(hi->args.at[1], b->tensor->shape[d]);
        bool clamped = lo->kind == X_OP && lo->op == OP_MIN && hi->kind == X_OP && hi->op == OP_MAX;      /* of a tensor that is not empty */
        if ((low && high) || clamped) {
            v->report->structural++;
            continue;
        }
        if (!ctx) ctx = verify_context(v, load, NULL, 0, NULL);
        if ((!low && !verify_le(v, ctx, zero, lo)) || (!high && !verify_le(v, ctx, hi, b->tensor->shape[d])))
            return verify_doubt(v, "that the box of %s lies in its tensor", b->name);
    }
    return true;
}

/* Temporaries of commands: blocks of the statement's indices, without the last (one value a row) or with the reduction's. */
static bool temporaries(Verify *v, const Spot *at) {
    Work w = verify_work(at->n);
    const TileSimd *x = at->n->simd;
    for (int t = 0; t < x->temps; t++) {
        const TileBuf *b = x->temp[t];
        bool inner = w.r && !x->temp_column[t];
        int n = w.n - (!w.r && x->temp_column[t]);
        if (!b->is_part || b->tensor || b->rank != n + inner || b->type != DT_F32 || b->depth != 1) return verify_fault(v, "temporary %d of statement %d has another type or shape", t, at->n->stmt->id);
        for (int d = 0; d < b->rank; d++)
            if (!exact_dimension(v, at, b, lo_index(v->a, d < n ? w.idx[d] : w.r->idx.at[0]), d)) return verify_fault(v, "temporary %d of statement %d has another box", t, at->n->stmt->id);
    }
    return true;
}

/* The tensor's; or f32 for what stays in the PE and needs no rounding to the tensor's: a maximum or minimum of values of that type. */
static bool right_type(Verify *v, const TileBuf *b) {
    DType t = b->tensor->type;
    bool widened = v->m->in_place && b->copied_in && dtype_is_float(t) && dtype_is_float(b->type) && dtype_table[t].bytes <= dtype_table[b->type].bytes;
    if (b->type == t || widened) return true;
    if (b->type != DT_F32 || dtype_table[t].compute != DT_F32 || b->copied_in || b->copied_out) return false;
    for (int i = 0; i < v->places.n; i++) {
        const TileNode *n = v->places.at[i]->n;
        if (!target_of(v, n, b)) continue;
        const Reduce *r = verify_work(n).r;
        if (!r || (r->comb->kind != CK_MAX && r->comb->kind != CK_MIN) || r->comb->type != t) return false;
    }
    return true;
}

static bool one_tile(Verify *v, const TileBuf *b) {
    int loads, stores, by = -1;
    const Spot *load = only(v, TILE_LOAD, b, &loads), *store = only(v, TILE_STORE, b, &stores);
    if (loads > 1 || stores > 1) return verify_fault(v, "the tile of %s is copied in two places", b->name);
    if (b->copied_in != (loads == 1) || b->copied_out != (stores == 1)) return verify_fault(v, "the tile of %s is%s copied %s", b->name, loads + stores ? "" : " not", b->copied_in != (loads == 1) ? "in" : "out");
    if ((loads || stores) && !b->tensor) return verify_fault(v, "%s is no tensor, and is copied", b->name);
    if (loads && stores) return verify_fault(v, "%s is loaded and stored", b->name);
    if (b->depth < 1 || (b->core != 0 && b->core != 1)) return verify_fault(v, "the tile of %s has no slots or no core", b->name);
    if (b->tensor && (!right_type(v, b) || b->rank != b->tensor->rank)) return verify_fault(v, "the tile of %s has another type or rank", b->name);
    if ((load && !box_known(v, load, b)) || (store && !box_known(v, store, b))) return verify_fault(v, "the box of %s is not known where it is copied", b->name);
    if (!loads && b->depth > 1 && b->tensor && is_used(v, b, &by) && stores && !by_engine(v, b)) return verify_fault(v, "%s is computed, read and stored, and changes its slot", b->name);
    if (store && store->n->share) return verify_fault(v, "the store of %s is shared", b->name);
    return !load || (inside_tensor(v, load, b) && (!load->n->share || shared(v, load)));
}

bool verify_copies(Verify *v) {
    for (int i = 0; i < v->s->bufs.n; i++)
        if (!one_tile(v, v->s->bufs.at[i])) return false;
    for (int i = 0; i < v->places.n; i++) {
        const TileNode *n = v->places.at[i]->n;
        if (verify_gives(v, n) && !results(v, v->places.at[i])) return false;
        if (n->kind == TILE_COMPUTE && n->part == TILE_INIT && !n->dot && !states(v, v->places.at[i])) return false;
        if (n->kind == TILE_COMPUTE && (n->part == TILE_STEP || n->part == TILE_WHOLE) && n->dot && !panel(v, v->places.at[i])) return false;
        if (n->kind == TILE_COMPUTE && n->simd && !temporaries(v, v->places.at[i])) return false;
        if (n->kind == TILE_STORE && !n->buf->tensor) return verify_fault(v, "states are stored");
        bool made = n->kind != TILE_STORE;
        for (int j = 0; j < v->places.n && !made; j++) made = target_of(v, v->places.at[j]->n, n->buf) != NULL;
        if (!made) return verify_fault(v, "%s is stored, and not computed in the stage", n->buf->name);
    }
    return true;
}
