/* Reductions over one range, a block of it at a time, and the temporaries that they are made of: in the PE, so that nothing grows with the
 * range. What the terms of a later reduction need of an earlier one is what that has come to so far (online.h).
 *
 *     for each block of outer indices            dealt to the PEs
 *         init states
 *         for each block of the range            terms, by panels where they are products; steps of the leads, and what follows them
 *         final results; what is computed from them alone */
#include "lower/access.h"
#include "lower/online_impl.h"

enum { RESERVE = 4096, USUAL = 64, LOOK_AHEAD = 12 };

/* --- tiles ------------------------------------------------------------------------------------------------------------------------------- */

static void add_bytes(Online *o, Expr *product, int64_t times) {
    for (int i = 0; i < o->bytes.n; i++)
        if (expr_equal(o->bytes.at[i].product, product)) {
            o->bytes.at[i].times += times;
            return;
        }
    vec_push(o->l->a, &o->bytes, ((Bytes){product, times}));
}

/* Counts a tile's bytes `times` over: rows padded to 32, and 64 for alignment. False: a room is not over dims. */
static bool count(Online *o, const TileBuf *b, int times) {
    Arena *a = o->l->a;
    int64_t size = dtype_table[b->type].bytes, rows = 1, row = 1, v;
    Expr *open_rows = lo_int(a, 1), *open_row = open_rows;
    for (int d = 0; d < b->rank; d++) {
        Expr *room = b->most[d] ? lo_int(a, b->most[d]) : b->room[d];
        bool known = lo_is_int(room, &v), last = d + 1 == b->rank;
        if (!known && !online_over_dims(room)) return false;
        if (!known && last) open_row = room;
        else if (!known) open_rows = lo_mul(a, open_rows, room);
        *(last ? &row : &rows) *= known ? v : 1;
    }
    int64_t padded = lo_is_int(open_row, &v) ? (row * size + 31) / 32 * 32 : row * size;
    add_bytes(o, lo_mul(a, open_rows, open_row), padded * rows * times);
    if (!lo_is_int(open_row, &v)) add_bytes(o, open_rows, 32 * rows * times);
    add_bytes(o, lo_int(a, 1), 64 * times);
    return true;
}

static bool has_tile(const Online *o, const Expr *read) {
    const TileStage *s = o->l->stage;
    for (int i = 0; i < s->bufs.n; i++)
        for (int j = 0; j < s->bufs.at[i]->reads.n; j++)
            if (expr_equal(s->bufs.at[i]->reads.at[j], read)) return true;
    return false;
}

static int depth_of(const Online *o, const TileBuf *b) {
    int depth = 0;
    for (int d = 0; d < b->rank; d++) {
        int lo = stage_depth(&o->path, b->lo[d]), hi = stage_depth(&o->path, b->hi[d]);
        depth = lo > depth ? lo : depth;
        depth = hi > depth ? hi : depth;
    }
    return depth;
}

/* PEs of a row use the same box: it does not vary along the last outer index. */
static TileShare share_of(const Online *o, const Expr *read) {
    if (o->way == WAY_ALL) return TILE_ALONE;
    for (int d = 0; d < read->args.n; d++)
        for (int i = 0; i < o->n_parts; i++)
            if (low_mentions(read->args.at[d], o->part[i].s->idx.at[o->shared - 1])) return TILE_ALONE;
    return TILE_SHARE_ROW;
}

/* A tile for a read of what is not made here, and its LOAD. turned: the engine reads it transposed. */
static bool load(Online *o, Expr *read, bool turned) {
    Low *l = o->l;
    Expr *culprit;
    TileBuf trial = {0};
    if (!read->tensor->rank && read->tensor->role == TR_INPUT) return true;
    if (online_part_of(o, read->tensor) || has_tile(o, read)) return true;
    LowReads inner = {0};
    for (int d = 0; d < read->args.n; d++) low_reads(l->a, read->args.at[d], &inner);
    if (inner.n || !hull_box(l, &o->path, read->tensor, &read->args, &trial, &culprit)) return false;
    if (read->mode == READ_CLAMP) hull_clamp(l, read->tensor, &trial);
    int depth = depth_of(o, &trial);
    for (int i = 0; i < l->stage->bufs.n; i++) {
        TileBuf *b = l->stage->bufs.at[i];
        bool same = b->tensor == read->tensor && b->copied_in;
        for (int d = 0; same && d < b->rank; d++) same = expr_equal(b->lo[d], trial.lo[d]) && expr_equal(b->hi[d], trial.hi[d]) && b->point[d] == trial.point[d];
        if (!same) continue;
        vec_push(l->a, &b->reads, read);
        return true;
    }
    TileBuf *b = stage_tile(l, read->tensor, read->tensor->name, read->tensor->type);
    stage_take_box(b, &trial);
    b->depth = depth ? sched_slots(l, (Group){o->first, o->n}, read->tensor, o->slots) : 1;
    vec_push(l->a, &b->reads, read);
    TileNodes *body = stage_body(l, &o->path, depth);
    stage_copy(l, body, TILE_LOAD, b, read->span);
    body->at[body->n - 1]->share = share_of(o, read);
    return count(o, b, b->depth + (turned ? b->depth > 1 ? 2 : 1 : 0));
}

static bool loads(Online *o, const Stmt *s, const Expr *turned) {
    LowReads reads = {0};
    low_reads(o->l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++)
        if (!load(o, reads.at[i], turned && expr_equal(turned, reads.at[i]))) return false;
    return true;
}

static TileBuf *result(Online *o, const Stmt *s, int depth) {
    Low *l = o->l;
    Expr *culprit;
    const Target *t = &s->targets.at[0];
    TileBuf *b = stage_tile(l, t->tensor, t->tensor->name, t->tensor->type);
    Path at = o->path;
    at.n = depth;
    if (!hull_box(l, &at, t->tensor, &t->subs, b, &culprit)) return NULL;
    return b;
}

/* --- loops ------------------------------------------------------------------------------------------------------------------------------- */

static void open_loop(Online *o, TileAxis *axis, TileOver over, Expr *step, int64_t most) {
    TileNode *n = stage_for(o->l, &o->path, over, o->part[0].s->span);
    stage_level(o->l, n, axis, step, most);
    n->lockstep = over != TILE_SEQ;
}

static void close_loop(Online *o) {
    stage_link(o->l, &o->path, o->path.n);
    o->path.n--;
}

static TileNodes *body(Online *o) { return stage_body(o->l, &o->path, o->path.n); }

/* Axes of all indices: the outer ones are shared, and so is the range. */
static void axes(Online *o) {
    Low *l = o->l;
    for (int i = 0; i < o->n_parts; i++) {
        const Stmt *s = o->part[i].s;
        const Reduce *r = low_reduce(s);
        for (int q = 0; q < s->idx.n; q++) {
            const Index *x = s->idx.at[q];
            if (q < o->shared && i) l->stage->axis_of[x->id] = stage_axis_of(l, o->part[0].s->idx.at[q]);
            else if (q == o->shared && o->part[i].role == TERM && o->axis) l->stage->axis_of[x->id] = o->axis;
            else {
                TileAxis *axis = stage_axis(l, x, x->lo, x->hi);
                if (q == o->shared && o->part[i].role == TERM) o->axis = axis;
            }
        }
        for (int q = 0; r && q < r->idx.n; q++) {
            bool range = o->part[i].role == REDUCTION;
            if (range && o->axis) l->stage->axis_of[r->idx.at[q]->id] = o->axis;
            else {
                TileAxis *axis = stage_axis(l, r->idx.at[q], r->idx.at[q]->lo, r->idx.at[q]->hi);
                if (range) o->axis = axis;
            }
        }
    }
}

/* Blocks of the last outer index, fewer rows where all PEs would not get one. */
static Expr *row_step(Online *o, Expr *extents, int64_t pes) {
    Arena *a = o->l->a;
    Expr *share = lo_div(a, lo_add(a, extents, lo_int(a, pes - 1)), pes);
    return lo_max(a, lo_int(a, 1), lo_min(a, lo_int(a, o->rows), share));
}

static Expr *extent(Online *o, int q) {
    const TileAxis *axis = stage_axis_of(o->l, o->part[0].s->idx.at[q]);
    return lo_max(o->l->a, lo_sub(o->l->a, axis->hi, axis->lo), lo_int(o->l->a, 0));
}

static void outer_loops(Online *o) {
    Low *l = o->l;
    Expr *one = lo_int(l->a, 1), *all = one;
    int last = o->shared - 1, pes = l->m->rows * l->m->cols;
    TileAxis *axis[16];
    for (int q = 0; q <= last; q++) axis[q] = stage_axis_of(l, o->part[0].s->idx.at[q]), all = lo_mul(l->a, all, extent(o, q));
    if (o->way == WAY_ALL) {
        TileNode *n = stage_for(l, &o->path, TILE_PE, o->part[0].s->span);
        for (int q = 0; q < last; q++) stage_level(l, n, axis[q], one, 1);
        stage_level(l, n, axis[last], row_step(o, all, pes), o->rows);
        return;
    }
    if (o->way == WAY_ROWS) {
        TileNode *n = stage_for(l, &o->path, TILE_ROW, o->part[0].s->span);     /* PEs of a row run the same rounds */
        for (int q = 0; q < last; q++) stage_level(l, n, axis[q], one, 1);
        open_loop(o, axis[last], TILE_COL, row_step(o, extent(o, last), l->m->cols), o->rows);
        return;
    }
    for (int q = 0; q < last; q++) open_loop(o, axis[q], TILE_SEQ, one, 1);
    open_loop(o, axis[last], TILE_PE, row_step(o, extent(o, last), pes), o->rows);
}

/* --- one block of the range ---------------------------------------------------------------------------------------------------------------- */

static TileNode *node(Online *o, const Part *p, TilePart part) {
    return stage_compute(o->l, body(o), p->s, part);
}

/* By the elementwise engine, if it can. */
static bool by_simd(Online *o, TileNode *n, const Part *p) {
    Low *l = o->l;
    int before = l->stage->bufs.n;
    bool may = !sched_engine_other(l, p->s, "simd") || p->is_dot;
    n->simd = !may ? NULL : n->part == TILE_WHOLE ? simd_plan(l, &o->path, p->s) : simd_part(l, &o->path, p->s, n->part, p->leads, n->lead, &p->fx);
    if (n->simd) simd_temps(l, &o->path, p->s, n->simd);
    for (int i = before; i < l->stage->bufs.n; i++)
        if (!count(o, l->stage->bufs.at[i], 1)) return false;
    return true;
}

/* Right in the loop and behind it alike. */
static bool correct(Online *o, Part *p) {
    TileNode *n = stage_compute(o->l, body(o), p->s, TILE_CORRECT);
    n->lead = p->lead;
    if (p->correct) {
        n->simd = p->correct;
        return true;
    }
    bool fine = by_simd(o, n, p);
    p->correct = n->simd;
    return fine;
}

static TileDot *panel(Online *o, const Part *p) {
    TileDot *d = NEW(o->l->a, TileDot);
    *d = *p->dot.dot;
    d->m = stage_axis_of(o->l, p->dot.m);
    d->n = stage_axis_of(o->l, p->dot.n);
    d->k = stage_axis_of(o->l, p->dot.k);
    return d;
}

/* The engine turns the second operand where k does not stand last. */
static const Expr *turned(const Part *p) {
    return p->dot.dot->turn[1] ? p->dot.dot->b : NULL;
}

/* The term that follows a product and alone reads it, by commands that take the accumulators. */
static const TileSimd *taker(Online *o, int i) {
    const Tensor *sum = o->part[i].s->targets.at[0].tensor;
    const Part *next = i + 1 < o->n_parts ? &o->part[i + 1] : NULL;
    if (!next || next->role != TERM || low_reduce(next->s) || sched_engine_other(o->l, next->s, "simd") || online_is_out(o, sum) || online_is_read_behind(o, sum, next->s->id + 1)) return NULL;
    const TileSimd *plan = simd_plan(o->l, &o->path, next->s);
    return plan && dot_takes(plan, sum, o->part[i].dot.dot->row) == 1 ? plan : NULL;
}

/* A product of panels along the range, and what takes it from the accumulators; returns the statements done, 0: no tile has a size. */
static int product(Online *o, int i) {
    Low *l = o->l;
    const Part *p = &o->part[i];
    int outside = o->path.n;
    open_loop(o, o->axis, TILE_SEQ, lo_int(l->a, o->sub), o->sub);
    if (!loads(o, p->s, turned(p))) return 0;
    const TileSimd *takes = taker(o, i);
    TileBuf *sum = result(o, p->s, takes ? o->path.n : outside);
    if (!sum || (!takes && !count(o, sum, 1))) return 0;
    if (takes) sum->memory = TILE_ACC;
    node(o, p, TILE_WHOLE)->dot = panel(o, p);
    if (takes) {
        const Part *next = p + 1;
        if (!loads(o, next->s, NULL)) return 0;
        TileBuf *b = result(o, next->s, outside);
        if (!b || !count(o, b, 1)) return 0;
        TileNode *n = node(o, next, TILE_WHOLE);
        int before = l->stage->bufs.n;
        n->simd = takes;
        simd_temps(l, &o->path, next->s, takes);
        for (int t = before; t < l->stage->bufs.n; t++)
            if (!count(o, l->stage->bufs.at[t], 1)) return 0;
    }
    close_loop(o);
    return takes ? 2 : 1;
}

/* Inside, reads of the lead are of its value so far. */
static void serve(Online *o, const Part *lead) {
    for (int i = 0; i < o->l->stage->bufs.n; i++) {
        TileBuf *b = o->l->stage->bufs.at[i];
        if (b->state_of != lead->s || b->state != TILE_SO_FAR) continue;
        for (int j = 0; j < o->n_parts; j++) {
            LowReads reads = {0};
            low_reads(o->l->a, o->part[j].s->value, &reads);
            for (int r = 0; r < reads.n && o->part[j].role != AFTER; r++)
                if (reads.at[r]->tensor == lead->s->targets.at[0].tensor) vec_push(o->l->a, &b->reads, (const Expr *)reads.at[r]);
        }
    }
}

static bool step(Online *o, const Part *p) {
    if (!loads(o, p->s, NULL)) return false;
    if (!by_simd(o, node(o, p, TILE_STEP), p)) return false;
    if (!p->leads) return true;
    if (!by_simd(o, node(o, p, TILE_NOW), p)) return false;
    for (int i = 0; i < o->n_parts; i++)
        if (o->part[i].lead == p->s && !correct(o, &o->part[i])) return false;
    return true;
}

/* Panels of the statement's own last index; the sums of a block join the states. */
static bool panel_steps(Online *o, const Part *p) {
    Low *l = o->l;
    TileDot *dot = panel(o, p);
    open_loop(o, dot->n, TILE_SEQ, lo_int(l->a, engine_panel_cols(dot->row)), engine_panel_cols(dot->row));
    open_loop(o, o->axis, TILE_SEQ, lo_int(l->a, o->sub), o->sub);
    if (!loads(o, p->s, turned(p))) return false;
    node(o, p, TILE_STEP)->dot = dot;
    close_loop(o);
    TileNode *n = node(o, p, TILE_JOIN);
    n->dot = dot;
    if (!by_simd(o, n, p) || !n->simd) return false;
    close_loop(o);
    return true;
}

/* Terms and steps in the order of the text; products that are summed last, when the engine of commands has done its part. */
static bool block(Online *o) {
    for (int i = 0; i < o->n_parts; i++) {
        const Part *p = &o->part[i];
        if (p->role == AFTER || (p->role == REDUCTION && p->is_dot)) continue;
        if (p->role == REDUCTION) {
            if (!step(o, p)) return false;
            continue;
        }
        if (p->is_dot) {
            int done = product(o, i);
            if (!done) return false;
            i += done - 1;
            continue;
        }
        if (!loads(o, p->s, NULL)) return false;
        TileBuf *b = result(o, p->s, o->path.n);
        if (!b || !count(o, b, 1) || !by_simd(o, node(o, p, TILE_WHOLE), p)) return false;
    }
    for (int i = 0; i < o->n_parts; i++)
        if (o->part[i].role == REDUCTION && o->part[i].is_dot && !panel_steps(o, &o->part[i])) return false;
    return true;
}

/* --- around it -------------------------------------------------------------------------------------------------------------------------------- */

static void state(Online *o, const Part *p, int number) {
    Low *l = o->l;
    TileBuf *b = stage_tile(l, NULL, arena_printf(l->a, "%s_%s", p->s->targets.at[0].tensor->name, number == TILE_WAS ? "was" : number == TILE_SO_FAR ? "now" : "factor"), DT_F32);
    b->state_of = p->s;
    b->state = number;
    stage_box(l, b, p->s->idx.n);
    for (int d = 0; d < p->s->idx.n; d++) stage_block_box(l, &o->path, stage_axis_of(l, p->s->idx.at[d]), b, d);
}

static bool states(Online *o) {
    Low *l = o->l;
    int before = l->stage->bufs.n;
    for (int i = 0; i < o->n_parts; i++) {
        const Part *p = &o->part[i];
        if (p->role != REDUCTION) continue;
        stage_states(l, &o->path, p->s, low_reduce(p->s), NULL);
        for (int number = TILE_WAS; p->leads && number <= TILE_FACTOR; number++) state(o, p, number);
        node(o, p, TILE_INIT);
        if (p->leads) serve(o, p);
    }
    for (int i = before; i < l->stage->bufs.n; i++)
        if (!count(o, l->stage->bufs.at[i], 1)) return false;
    return true;
}

/* The result is the state: what is computed from it alone reads that. */
static bool by_state(Online *o, const Part *p) {
    const Reduce *r = low_reduce(p->s);
    const Tensor *t = p->s->targets.at[0].tensor;
    return p->role == REDUCTION && (r->comb->kind == CK_SUM || r->comb->kind == CK_MAX || r->comb->kind == CK_MIN) && r->comb->type == DT_F32 && t->type == DT_F32 && !online_is_out(o, t);
}

static void serve_results(Online *o, const Part *p) {
    for (int i = 0; i < o->l->stage->bufs.n; i++) {
        TileBuf *b = o->l->stage->bufs.at[i];
        if (b->state_of != p->s || b->state) continue;
        for (int j = 0; j < o->n_parts; j++) {
            LowReads reads = {0};
            low_reads(o->l->a, o->part[j].s->value, &reads);
            for (int r = 0; r < reads.n && o->part[j].role == AFTER; r++)
                if (reads.at[r]->tensor == p->s->targets.at[0].tensor) vec_push(o->l->a, &b->reads, (const Expr *)reads.at[r]);
        }
    }
}

static bool result_tile(Online *o, const Part *p) {
    TileBuf *b = result(o, p->s, o->path.n);
    const Tensor *t = p->s->targets.at[0].tensor;
    bool inside = p->leads;
    for (int j = 0; j < o->n_parts; j++) inside |= o->part[j].role == AFTER && o->part[j].s != p->s && online_depends(o->l->a, o->l->k, o->part[j].s->value, t);
    if (!b) return false;
    b->depth = online_is_out(o, t) && !inside ? sched_slots(o->l, (Group){o->first, o->n}, t, o->out_slots) : 1;
    return count(o, b, b->depth);
}

static bool results(Online *o) {
    for (int i = 0; i < o->n_parts; i++) {
        const Part *p = &o->part[i];
        if (p->role == TERM) continue;
        if (p->role == AFTER && !loads(o, p->s, NULL)) return false;
        if (by_state(o, p)) serve_results(o, p);
        else if (!result_tile(o, p)) return false;
        if (!by_simd(o, node(o, p, p->role == AFTER ? TILE_WHOLE : TILE_FINAL), p)) return false;
        for (int j = 0; j < o->n_parts && p->leads; j++)
            if (o->part[j].lead == p->s && o->part[j].fx.kind == ONLINE_SCALE && !correct(o, &o->part[j])) return false;
    }
    for (int i = 0; i < o->n_parts; i++)
        for (int j = 0; j < o->l->stage->bufs.n && o->part[i].role != TERM; j++) {
            TileBuf *b = o->l->stage->bufs.at[j];
            if (b->tensor == o->part[i].s->targets.at[0].tensor && !b->copied_in && online_is_out(o, b->tensor)) stage_copy(o->l, body(o), TILE_STORE, b, o->part[i].s->span);
        }
    return true;
}

static bool build(Online *o) {
    Low *l = o->l;
    stage_open(l, o->part[o->n_parts - 1].s->targets.at[0].tensor->name);
    o->path.n = 0;
    o->axis = NULL;
    o->bytes.n = 0;
    for (int i = 0; i < o->n_parts; i++) o->part[i].correct = NULL;
    axes(o);
    outer_loops(o);
    bool fine = states(o);
    open_loop(o, o->axis, TILE_SEQ, lo_int(l->a, o->block), o->block);
    fine = fine && block(o);
    if (fine) close_loop(o);
    fine = fine && results(o);
    while (fine && o->path.n) close_loop(o);
    if (!fine || l->why) l->p->stages.n--;
    return fine && !l->why;
}

/* --- sizes ------------------------------------------------------------------------------------------------------------------------------------ */

static Expr *total(Online *o) {
    Expr *e = lo_int(o->l->a, 0);
    for (int i = 0; i < o->bytes.n; i++) e = lo_add(o->l->a, e, lo_mul(o->l->a, o->bytes.at[i].product, lo_int(o->l->a, o->bytes.at[i].times)));
    return e;
}

/* A product of extents when each is a usual one. */
static int64_t usual(const Expr *product) {
    int64_t v;
    if (lo_is_int(product, &v)) return v;
    if (product->kind == X_OP && product->op == OP_MUL) return usual(product->args.at[0]) * usual(product->args.at[1]);
    return USUAL;
}

static int64_t usual_bytes(const Online *o) {
    int64_t all = 0;
    for (int i = 0; i < o->bytes.n; i++) all += usual(o->bytes.at[i].product) * o->bytes.at[i].times;
    return all;
}

typedef struct Size { int64_t rows, block; int slots, out_slots; } Size;

/* The first of the sizes of which tiles fit when dims are usual ones. */
static bool choose(Online *o, const Size *sizes, int n) {
    for (int i = 0; i < n; i++) {
        o->rows = sizes[i].rows;
        o->block = sizes[i].block;
        o->slots = sizes[i].slots;
        o->out_slots = sizes[i].out_slots;
        if (!build(o)) return false;
        o->l->p->stages.n--;
        if (usual_bytes(o) <= o->l->m->local - RESERVE) return true;
    }
    return false;
}

static Expr *fits(Online *o) { return lo_le(o->l->a, total(o), lo_int(o->l->a, o->l->m->local - RESERVE)); }

/* Temporaries whose rounding the scaling by a lead was moved across. */
static void charge(Online *o) {
    TileProgram *p = o->l->p;
    for (int i = 0; i < o->n_parts; i++) {
        const Tensor *t = o->part[i].lead ? o->part[i].fx.rounded : NULL;
        for (int j = 0; t && j < p->charged.n; j++)
            if (p->charged.at[j] == t) t = NULL;
        if (t) vec_push(o->l->a, &p->charged, t);
    }
}

static void add_case(Online *o, Expr *guard) { vec_push(o->l->a, &o->l->sched->cases, ((LowCase){guard, o->l->p->stages.n - 1})); }

static Expr *both(Online *o, Expr *x, Expr *y) { return x_op(o->l->a, OP_AND, x, y, NULL, o->part[0].s->span); }

/* The way that the schedule's `place` asks for; -1: it says nothing, or something else. */
static int given_way(Online *o) {
    static const char *const ways[][2] = {[WAY_ALL] = {"pe", "pe"}, [WAY_ROWS] = {"row", "col"}, [WAY_LAST] = {NULL, "pe"}};
    for (int way = o->shared > 1 ? WAY_ALL : WAY_LAST; way <= WAY_LAST; way++) {
        bool same = true;
        for (int q = 0; q < o->shared && same; q++) {
            const ScheduleItem *x = sched_outer(o->l, S_PLACE, (Group){o->first, o->n}, q);
            const char *want = ways[way][q == o->shared - 1];
            same = want ? x && !strcmp(x->to.text, want) : !x;
        }
        if (same) return way;
    }
    return -1;
}

/* The ways to deal the outer indices as cases, and the statements by themselves where tiles do not fit. */
static bool cases(Online *o) {
    Low *l = o->l;
    int before = l->p->stages.n, last = o->shared - 1;
    l->sched->cases.n = 0;
    int given = given_way(o);
    charge(o);
    for (Way way = WAY_ALL; way <= WAY_LAST; way++) {
        o->way = way;
        if (given >= 0 ? given != (int)way : way != WAY_LAST && last == 0) continue;
        if (!build(o)) {
            l->p->stages.n = before;
            l->sched->cases.n = 0;
            return false;
        }
        Expr *guard = fits(o);
        Expr *groups = lo_int(l->a, 1);
        for (int q = 0; q < last; q++) groups = lo_mul(l->a, groups, extent(o, q));
        if (way == WAY_ALL) guard = both(o, lo_le(l->a, extent(o, last), lo_int(l->a, o->rows)), guard);
        if (way == WAY_ROWS) guard = both(o, lo_le(l->a, lo_int(l->a, l->m->rows), groups), guard);
        bool implied = given >= 0 && sched_implies(l, guard);
        add_case(o, implied ? NULL : guard);
        if (implied) return true;
    }
    vec_push(l->a, &l->sched->cases, ((LowCase){NULL, l->p->stages.n}));
    l->sched->fallback = l->p->stages.n;
    LowCase kept[WAY_LAST + 2];
    int n_kept = l->sched->cases.n;
    memcpy(kept, l->sched->cases.at, sizeof *kept * (size_t)n_kept);
    for (int i = 0; i < o->n && !l->why;) {
        int n = dot_grid(l, o->first + i, o->n - i);
        if (!n) nest_stage(l, o->part[i].s);
        i += n ? n : 1;
    }
    l->sched->cases.n = 0;          /* those of products by themselves are none of ours */
    for (int i = 0; i < n_kept; i++) vec_push(l->a, &l->sched->cases, kept[i]);
    return true;
}

/* A lead, something that follows it, and a product among the terms: what would be stored grows with the range otherwise. */
static bool is_worth(const Online *o) {
    bool product = false, follows = false;
    for (int i = 0; i < o->n_parts; i++) {
        product |= o->part[i].role == TERM && low_reduce(o->part[i].s);
        follows |= o->part[i].role == REDUCTION && o->part[i].lead;
    }
    return product && follows;
}

static bool keeps_terms(const Online *o) {
    for (int i = 0; i < o->n_parts; i++)
        if (o->part[i].role == TERM && online_is_out(o, o->part[i].s->targets.at[0].tensor)) return true;
    return false;
}

int online_stage(Low *l, int first) {
    const Kernel *k = l->k;
    Online *o = NEW(l->a, Online);
    int want = sched_group(l, first);
    if (want == 1) return 0;
    for (int i = first; i < k->stmts.n && i < first + LOOK_AHEAD; i++) {
        const Reduce *r = low_reduce(k->stmts.at[i]);
        if (!r || r->scan || r->idx.n != 1 || !k->stmts.at[i]->idx.n || !online_over_dims(r->idx.at[0]->lo) || !online_over_dims(r->idx.at[0]->hi)) continue;
        *o = (Online){.l = l, .first = first, .shared = k->stmts.at[i]->idx.n, .range = r->idx.at[0], .sub = 64};
        if (!online_grow(o, want ? first + want : k->stmts.n) || !is_worth(o) || keeps_terms(o) || (want && o->n != want)) continue;
        static const Size sizes[] = {{64, 256, 2, 2}, {64, 128, 2, 2}, {64, 128, 2, 1}, {64, 128, 1, 1}, {64, 64, 2, 1}, {64, 64, 1, 1}, {32, 64, 1, 1}, {16, 32, 1, 1}, {8, 16, 1, 1}};
        o->way = WAY_LAST;
        if (choose(o, sizes, sizeof sizes / sizeof *sizes) && cases(o)) return o->n;
    }
    return 0;
}
