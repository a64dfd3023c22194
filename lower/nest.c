/* A statement (or fact) as a stage of its own, for any program of the language: every index is cut into blocks of a bounded size, all
 * blocks of the outer ones are dealt to the PEs, and for each the boxes that it touches are copied.
 *
 * Where a box cannot be told for a block of several values (a row whose number is read, a ragged range, a product of indices) the
 * indices behind it are pinned: an inner loop with step 1 gives them one value. Where not even that helps the read is left without a
 * tile, and the core fetches its elements when it meets them. */
#include "lower/access.h"
#include "lower/simd.h"
#include "lower/sched.h"

enum { MOST_AXES = 40, RESERVE = 4096, PINNED_CHUNK = 64, PINNED_ROW = 256, IN_FLIGHT = 16 << 10, READ_PIECE = 384 };

/* What is to be done: a statement, or a fact. */
typedef struct Work { Name name; const Stmt *s; const Fact *f; Index *const *idx; int n; Expr *value; Reduce *r; } Work;

/* The choices; axis number i is idx[i] of the work, then the reduction's. */
typedef struct Plan {
    int64_t step[MOST_AXES];
    bool given[MOST_AXES];      /* the schedule gives the step */
    bool pinned[MOST_AXES];
    TileOver over[MOST_AXES];   /* of the work's own indices */
    int order[MOST_AXES];       /* axis numbers: the work's own, then the reduction's, each outermost first */
    bool along[MOST_AXES];      /* its neighbours lie next to each other in memory */
} Plan;

typedef struct Nest {
    Low *l;
    Work w;
    Plan *plan;
    TileAxis *axis[MOST_AXES];
    int n_axes, scan;           /* scan: number of the scan's axis, -1: none */
    Path path, outer;           /* outer: without the inner loops of pinned axes */
    int target_depth, state_depth, scan_depth;
    bool retry;
} Nest;

static int axes_of(const Work *w) { return w->n + (w->r && !w->r->scan ? w->r->idx.n : 0); }

static const Index *index_of(const Work *w, int i) { return i < w->n ? w->idx[i] : w->r->idx.at[i - w->n]; }

static void pin_axes(Nest *n, Expr *culprit, bool *any) {
    for (int i = 0; i < n->n_axes; i++) {
        if (n->plan->pinned[i] || !low_mentions(culprit, index_of(&n->w, i))) continue;
        n->plan->pinned[i] = *any = true;
        if (i >= n->w.n && !n->plan->given[i]) n->plan->step[i] = PINNED_CHUNK;     /* what its row numbers are loaded by */
        for (int k = 0; k < axes_of(&n->w); k++)
            if (!n->plan->given[k] && n->plan->step[k] > PINNED_ROW) n->plan->step[k] = PINNED_ROW;
    }
    n->retry |= *any;
}

/* --- loops ---------------------------------------------------------------------------------------------------------------------- */

static Expr *ceil_div(Arena *a, Expr *x, int64_t c) { return lo_div(a, lo_add(a, x, lo_int(a, c - 1)), c); }

/* At most `step`, less where that would not give every one of `pes` a block; others: blocks of the other axes dealt with it. */
static Expr *dealt_step(Low *l, const TileAxis *axis, int64_t step, int64_t pes, Expr *others) {
    if (step == 1) return lo_int(l->a, 1);
    Expr *share = ceil_div(l->a, lo_mul(l->a, lo_sub(l->a, axis->hi, axis->lo), others), pes);
    return lo_max(l->a, lo_int(l->a, 1), lo_min(l->a, lo_int(l->a, step), share));
}

static void inner_loop(Nest *n, int i, Span at) {
    if (!n->plan->pinned[i] || n->plan->step[i] == 1) return;
    stage_level(n->l, stage_for(n->l, &n->path, TILE_SEQ, at), n->axis[i], lo_int(n->l->a, 1), 1);
}

static void sequential(Nest *n, int i, bool down, Span at) {
    TileNode *loop = stage_for(n->l, &n->path, TILE_SEQ, at);
    loop->down = down;
    stage_level(n->l, loop, n->axis[i], lo_int(n->l->a, n->plan->step[i]), 0);
    if (n->outer.n < LOW_DEPTH) n->outer.at[n->outer.n++] = loop;
    int before = n->path.n;
    inner_loop(n, i, at);
    if (n->path.n > before) n->path.at[n->path.n - 1]->down = down;
}

/* A loop over all axes dealt that way; nothing where there is none, but that PEs always have a loop. */
static void dealt_loop(Nest *n, TileOver over, int64_t pes, bool always, Span at) {
    Low *l = n->l;
    int axes[MOST_AXES], count = 0;
    for (int q = 0; q < n->w.n; q++)
        if (n->plan->order[q] != n->scan && n->plan->over[n->plan->order[q]] == over) axes[count++] = n->plan->order[q];
    if (!count && !always) return;
    TileNode *loop = stage_for(l, &n->path, over, at);
    Expr *others = lo_int(l->a, 1);
    for (int q = 1; q < count; q++) {
        const TileAxis *axis = n->axis[axes[q]];
        others = lo_mul(l->a, others, ceil_div(l->a, lo_sub(l->a, axis->hi, axis->lo), n->plan->step[axes[q]]));
    }
    for (int q = 0; q < count; q++) {
        int64_t step = n->plan->step[axes[q]];
        stage_level(l, loop, n->axis[axes[q]], q ? lo_int(l->a, step) : dealt_step(l, n->axis[axes[q]], step, pes, others), step);
    }
    n->outer.at[n->outer.n++] = loop;
}

/* Loops over the work's own indices: dealt, then one after another, then those of pinned ones. */
static void dealt_loops(Nest *n, Span at) {
    Low *l = n->l;
    bool rows = false;
    for (int i = 0; i < n->w.n; i++) {
        n->axis[i] = stage_axis(l, n->w.idx[i], n->w.idx[i]->lo, n->w.idx[i]->hi);
        rows |= n->plan->over[i] == TILE_ROW || n->plan->over[i] == TILE_COL;
    }
    n->n_axes = n->w.n;
    dealt_loop(n, TILE_PE, (int64_t)l->m->rows * l->m->cols, !rows, at);
    dealt_loop(n, TILE_ROW, l->m->rows, false, at);
    dealt_loop(n, TILE_COL, l->m->cols, false, at);
    for (int q = 0; q < n->w.n; q++) {
        int i = n->plan->order[q];
        if (i == n->scan || n->plan->over[i] != TILE_SEQ) continue;
        TileNode *loop = stage_for(l, &n->path, TILE_SEQ, at);
        stage_level(l, loop, n->axis[i], lo_int(l->a, n->plan->step[i]), 0);
        if (n->outer.n < LOW_DEPTH) n->outer.at[n->outer.n++] = loop;
    }
    n->target_depth = n->path.n;
    for (int q = 0; q < n->w.n; q++)
        if (n->plan->order[q] != n->scan) inner_loop(n, n->plan->order[q], at);
}

/* The range that covers a reduction's bounds for every point of the blocks around. */
static bool reduction_axis(Nest *n, int number, Index *i) {
    Hull lo, hi;
    Expr *culprit = !hull_of(n->l, &n->path, i->lo, &lo) ? i->lo : !hull_of(n->l, &n->path, i->hi, &hi) ? i->hi : NULL;
    if (culprit) {
        bool any = false;
        pin_axes(n, culprit, &any);
        if (!any) n->l->why = "the bounds of a reduction are too involved for the grid";
        return false;
    }
    n->axis[number] = stage_axis(n->l, i, lo.lo, lo_sub(n->l->a, hi.hi, lo_int(n->l->a, 1)));
    n->n_axes = n->n_axes > number ? n->n_axes : number + 1;
    return true;
}

static bool reduction_loops(Nest *n, Span at) {
    const Reduce *r = n->w.r;
    for (int i = 0; r && !r->scan && i < r->idx.n; i++) {
        int q = n->plan->order[n->w.n + i];
        if (!reduction_axis(n, q, r->idx.at[q - n->w.n])) return false;
        sequential(n, q, false, at);
    }
    return true;
}

static void scan_loop(Nest *n, Span at) {
    const Reduce *r = n->w.r;
    sequential(n, n->scan, r->scan == SCAN_GT || r->scan == SCAN_GE, at);
    n->l->stage->axis_of[r->idx.at[0]->id] = n->axis[n->scan];
}

/* --- tiles ---------------------------------------------------------------------------------------------------------------------- */

/* The depth at which a tile's LOAD stands: inside all loops that its box depends on. */
static int load_depth(const Nest *n, const TileBuf *b) {
    int depth = 0;
    for (int d = 0; d < b->rank; d++) {
        int lo = stage_depth(&n->path, b->lo[d]), hi = stage_depth(&n->path, b->hi[d]);
        depth = lo > depth ? lo : depth;
        depth = hi > depth ? hi : depth;
    }
    return depth;
}

static Expr *at_block(void *context, Expr *e) {
    const Nest *n = context;
    const TileAxis *axis = e->kind == X_INDEX ? stage_axis_of(n->l, e->index) : NULL;
    return axis ? path_block(n->l, &n->path, axis).lo : NULL;
}

static Group group_of(const Nest *n) { return n->w.s ? (Group){n->w.s->id, 1} : (Group){0, 0}; }

/* The depth of the innermost loop that cuts the index with that name; -1: none. */
static int depth_of(const Nest *n, const Path *path, AName name) {
    for (int d = path->n; d > 0; d--)
        for (int v = path->at[d - 1]->levels.n; v-- > 0;)
            for (int q = 0; q < sched_n_axes(n->w.s); q++)
                if (path->at[d - 1]->levels.at[v].axis == stage_axis_of(n->l, sched_axis_at(n->w.s, q))
                    && sched_means_axis(n->l->a, n->l->k, n->w.s, sched_axis_at(n->w.s, q), name.text)) return d;
    return -1;
}

/* A box for whole rounds of the loop that the schedule names, where its size is known: false keeps what lowering takes. */
static bool staged_box(Nest *n, Expr *read, TileBuf *trial) {
    Low *l = n->l;
    Expr *culprit = NULL;
    const ScheduleItem *x = n->w.s ? sched_tensor(l, S_STAGE, group_of(n), read->tensor) : NULL, *keep = n->w.s ? sched_tensor(l, S_KEEP, group_of(n), read->tensor) : NULL;
    int depth = keep ? 0 : x && x->per.text ? depth_of(n, &n->outer, x->per) : -1;
    if (depth < 0 || depth >= n->outer.n) return false;
    Path around = n->outer;
    around.n = depth;
    return hull_box(l, &around, read->tensor, &read->args, trial, &culprit) && stage_bytes(trial);
}

/* Small tiles that come one by one: as many on their way as cover the memory's latency. */
static int many_slots(const TileBuf *b) {
    int64_t n = IN_FLIGHT / stage_bytes(b);
    return n < 2 ? 2 : n > 32 ? 32 : (int)n;
}

/* A tile for a read, and its LOAD. NULL: there is none. */
static TileBuf *load_tile(Nest *n, Expr *read, int core) {
    Low *l = n->l;
    TileBuf trial = {.type = read->tensor->type, .depth = 1};
    Expr *culprit = NULL;
    bool whole = core && staged_box(n, read, &trial);
    whole = whole || (hull_box(l, &n->outer, read->tensor, &read->args, &trial, &culprit) && stage_bytes(&trial));
    if (!whole && !(hull_box(l, &n->path, read->tensor, &read->args, &trial, &culprit) && stage_bytes(&trial))) {
        bool any = false;
        if (culprit) pin_axes(n, culprit, &any);
        return NULL;
    }
    if (read->mode == READ_CLAMP) hull_clamp(l, read->tensor, &trial);
    TileBuf *b = stage_tile(l, read->tensor, read->tensor->name, read->tensor->type);
    stage_take_box(b, &trial);
    int depth = load_depth(n, b);
    b->depth = sched_slots(l, group_of(n), read->tensor, whole ? 2 : many_slots(&trial));
    b->core = core;
    if (core) vec_push(l->a, &b->reads, read);
    vec_push(l->a, &b->reads, lo_copy(l->a, read, at_block, n));
    stage_copy(l, stage_body(l, &n->path, depth), TILE_LOAD, b, read->span);
    return b;
}

static bool has_tile(const Nest *n, const Expr *read, int core) {
    const TileStage *s = n->l->stage;
    for (int i = 0; i < s->bufs.n; i++)
        for (int j = 0; j < s->bufs.at[i]->reads.n; j++)
            if (s->bufs.at[i]->core == core && expr_equal(s->bufs.at[i]->reads.at[j], core ? read : lo_copy(n->l->a, (Expr *)read, at_block, (void *)n))) return true;
    return false;
}

static void place_reads(Nest *n, Expr *e, int core);

/* A tile for a read, and before it tiles for what its subscripts read: for core 0, which issues the copy, and for core 1 where it has
 * to know the subscript. */
static void place_read(Nest *n, Expr *read, int core) {
    bool known = (!read->tensor->rank && read->tensor->role == TR_INPUT) || has_tile(n, read, core);
    if (known) return;
    for (int i = 0; i < read->args.n; i++) place_reads(n, read->args.at[i], 0);
    TileBuf *b = n->retry ? NULL : load_tile(n, read, core);
    if (n->retry) return;
    if (!b) n->l->stage->one_core = true;
    for (int i = 0; i < read->args.n && core; i++)
        if (!b || !b->point[i] || read->mode == READ_PAD) place_reads(n, read->args.at[i], 1);
}

typedef struct Placing { Nest *n; int core; } Placing;

static bool place_one(void *context, Expr *e) {
    Placing *p = context;
    if (e->kind != X_READ) return true;
    place_read(p->n, e, p->core);
    if (e->pad) place_reads(p->n, e->pad, p->core);
    return false;
}

static void place_reads(Nest *n, Expr *e, int core) {
    Placing p = {n, core};
    expr_walk(e, place_one, &p);
}

/* --- computations ----------------------------------------------------------------------------------------------------------------- */

static void store_targets(Nest *n, int depth) {
    Path at = n->path;
    at.n = depth;
    for (int i = 0; i < n->w.s->targets.n; i++) {
        const Target *t = &n->w.s->targets.at[i];
        TileBuf *b = stage_tile(n->l, t->tensor, t->tensor->name, t->tensor->type);
        Expr *culprit;
        hull_box(n->l, &at, t->tensor, &t->subs, b, &culprit);
        b->depth = sched_slots(n->l, group_of(n), t->tensor, 2);
    }
}

static void copy_out(Nest *n, int depth) {
    TileStage *s = n->l->stage;
    for (int i = 0; i < s->bufs.n; i++) {
        TileBuf *b = s->bufs.at[i];
        if (b->tensor && !b->copied_in) stage_copy(n->l, stage_body(n->l, &n->path, depth), TILE_STORE, b, n->w.s->span);
    }
}

static void link_loops(Nest *n, int from, int to) {
    for (int d = from; d <= to; d++) stage_link(n->l, &n->path, d);
}

/* By the elementwise engine, where it can and no index is pinned. */
static const TileSimd *commands(Nest *n) {
    if (n->path.n != 1 || n->l->stage->one_core || sched_engine_other(n->l, n->w.s, "simd")) return NULL;
    const TileSimd *plan = simd_plan(n->l, &n->path, n->w.s);
    if (plan) simd_temps(n->l, &n->path, n->w.s, plan);
    return plan;
}

/* Rows that are added one at a time. */
static const TileSimd *gathered(Nest *n, const Path *state, TilePart part) {
    if (n->l->stage->one_core || sched_engine_other(n->l, n->w.s, "simd")) return NULL;
    return simd_accumulate(n->l, &n->path, state, n->w.s, part);
}

static void statement(Nest *n) {
    Low *l = n->l;
    int all = n->path.n, target_depth = n->scan >= 0 ? n->scan_depth : n->target_depth;
    store_targets(n, target_depth);
    if (!n->w.r) {
        stage_compute(l, stage_body(l, &n->path, all), n->w.s, TILE_WHOLE)->simd = commands(n);
        link_loops(n, 1, all);
        copy_out(n, target_depth);
        return;
    }
    Path state = n->path;
    state.n = n->state_depth;
    stage_states(l, &state, n->w.s, n->w.r, n->scan >= 0 ? n->axis[n->scan] : NULL);
    link_loops(n, 1, n->state_depth);
    stage_compute(l, stage_body(l, &n->path, n->state_depth), n->w.s, TILE_INIT)->simd = gathered(n, &state, TILE_INIT);
    stage_compute(l, stage_body(l, &n->path, all), n->w.s, n->scan >= 0 ? TILE_SCAN : TILE_STEP)->simd = gathered(n, &state, TILE_STEP);
    link_loops(n, n->state_depth + 1, all);
    if (n->scan < 0) stage_compute(l, stage_body(l, &n->path, n->state_depth), n->w.s, TILE_FINAL)->simd = gathered(n, &state, TILE_FINAL);
    copy_out(n, target_depth);
}

static bool build(Nest *n) {
    Low *l = n->l;
    Span at = n->w.s ? n->w.s->span : n->w.f->span;
    stage_open(l, n->w.name);
    dealt_loops(n, at);
    n->state_depth = n->path.n;
    if (n->scan >= 0) scan_loop(n, at);
    n->scan_depth = n->state_depth + 1;
    if (!reduction_loops(n, at)) return false;
    for (int i = 0; n->w.r && !n->w.r->scan && i < n->w.r->idx.n; i++) {
        place_reads(n, n->w.r->idx.at[i]->lo, 0);
        place_reads(n, n->w.r->idx.at[i]->hi, 0);
        place_reads(n, n->w.r->idx.at[i]->lo, 1);
        place_reads(n, n->w.r->idx.at[i]->hi, 1);
    }
    place_reads(n, n->w.value, 1);
    if (n->retry) return false;
    if (n->w.s) statement(n);
    else {
        stage_compute(l, stage_body(l, &n->path, n->path.n), NULL, TILE_TEST)->fact = n->w.f;
        link_loops(n, 1, n->path.n);
    }
    if (l->stage->one_core)
        for (int i = 0; i < l->stage->bufs.n; i++) l->stage->bufs.at[i]->core = 1;
    stage_share_kept(l);
    return true;
}

/* --- choices ------------------------------------------------------------------------------------------------------------------------ */

/* Marks the axes along which neighbours in memory are touched. */
static void mark_last(const Work *w, const Exprs *subs, bool *along) {
    for (int i = 0; subs->n && i < axes_of(w); i++) along[i] |= low_mentions(subs->at[subs->n - 1], index_of(w, i));
}

typedef struct Marking { const Work *w; bool *along; int bytes; } Marking;     /* bytes: of the narrowest element read */

/* Reads as they stand, not what their subscripts read. */
static bool mark_read(void *context, Expr *e) {
    Marking *m = context;
    if (e->kind != X_READ) return true;
    int bytes = dtype_table[e->tensor->type].bytes;
    if (e->args.n && bytes < m->bytes) m->bytes = bytes;
    mark_last(m->w, &e->args, m->along);
    return false;
}

/* Long blocks along the indices whose neighbours lie next to each other in memory, short ones along the others. Of two long ones, as
 * rows and columns of a transposition, the one that is read is longer: a read waits for its row of DRAM to open, writes are gathered. */
static void first_steps(const Work *w, Plan *p) {
    static const int64_t most[] = {256, 1024, 64, 32};      /* by the number of long axes */
    bool written[MOST_AXES] = {0};
    Marking m = {w, p->along, 8};
    int n = 0;
    if (!w->r) expr_walk(w->value, mark_read, &m);
    for (int i = 0; w->r && i < w->r->operands.n; i++) expr_walk(w->r->operands.at[i], mark_read, &m);
    if (w->r && w->r->pred) expr_walk(w->r->pred, mark_read, &m);
    for (int i = 0; w->s && i < w->s->targets.n; i++) mark_last(w, &w->s->targets.at[i].subs, written);
    for (int i = 0; i < axes_of(w); i++) n += p->along[i] || written[i];
    for (int i = 0; i < axes_of(w); i++) {
        bool read = p->along[i] && !written[i];
        p->along[i] |= written[i];
        p->step[i] = axes_of(w) == 1 ? 4096 : !p->along[i] ? 8 : n == 2 && read ? READ_PIECE / m.bytes : most[n < 3 ? n : 3];
    }
}

/* What the schedule says of the axes: blocks, over what they are dealt. */
static void given_steps(Low *l, const Work *w, Plan *p) {
    bool placed = false;
    for (int i = 0; i < axes_of(w); i++) {
        int64_t step = w->f ? sched_fact_tile(l, w->f, index_of(w, i)) : sched_tile(l, w->s, index_of(w, i));
        const ScheduleItem *place = w->s && i < w->n ? sched_axis(l, S_PLACE, w->s, index_of(w, i)) : NULL;
        p->given[i] = step > 0;
        if (step > 0) p->step[i] = step;
        p->over[i] = !place ? TILE_SEQ : !strcmp(place->to.text, "row") ? TILE_ROW : !strcmp(place->to.text, "col") ? TILE_COL : TILE_PE;
        placed |= place != NULL;
    }
    for (int i = 0; i < w->n && !placed; i++) p->over[i] = TILE_PE;
}

/* Where the order counts, blocks of an inner index stand in single values of those before it. */
static void keep_order(const Work *w, Plan *p) {
    if (!w->r || w->r->scan || w->r->comb->kind != CK_USER || !w->r->comb->ordered) return;
    for (int i = w->n; i + 1 < axes_of(w); i++) {
        p->step[i] = 1;
        p->given[i] = true;
    }
}

/* Rows and columns are both dealt, or all PEs at once: else several PEs would make the same block. */
static bool places_fit(Low *l, const Work *w, const Plan *p, int scan) {
    const ScheduleItem *by[4] = {NULL};
    for (int i = 0; i < w->n && w->s; i++) {
        const ScheduleItem *x = sched_axis(l, S_PLACE, w->s, w->idx[i]);
        if (!x) continue;
        by[p->over[i]] = x;
        if (i == scan) return sched_refuse(l, x, "'%s' scans along '%s', one position after another", w->name, w->idx[i]->name), false;
    }
    const ScheduleItem *lone = by[TILE_ROW] ? by[TILE_ROW] : by[TILE_COL];
    if (!lone || (by[TILE_ROW] && by[TILE_COL] && !by[TILE_PE])) return true;
    Diag *d = sched_refuse(l, lone, by[TILE_PE] ? "'%s' is dealt to all PEs as well" : "the PEs of a %s would all make the same blocks of '%s'", by[TILE_PE] ? w->name : by[TILE_ROW] ? "row" : "column", w->name);
    diag_help(d, "legal are: one index or several -> pe; one -> row with another -> col");
    return false;
}

/* The place that the schedule's `order` gives an axis; -1: it does not name it. */
static int ordered_at(Low *l, const Work *w, int i) {
    const ScheduleItem *x = w->s ? sched_axis(l, S_ORDER, w->s, index_of(w, i)) : NULL;
    for (int n = 0; x && n < x->names.n; n++)
        if (sched_means_axis(l->a, l->k, w->s, index_of(w, i), x->names.at[n].text)) return n;
    return -1;
}

/* Loops of a reduction whose order may change: any combinator but an ordered one, ranges that do not hang on each other. */
static bool may_reorder(const Work *w) {
    const Reduce *r = w->r;
    if (!r || r->scan || r->comb->kind == CK_ARGMAX || r->comb->kind == CK_ARGMIN || (r->comb->kind == CK_USER && r->comb->ordered)) return false;
    for (int i = 0; i < r->idx.n; i++)
        for (int j = 0; j < r->idx.n; j++)
            if (low_mentions(r->idx.at[i]->lo, r->idx.at[j]) || low_mentions(r->idx.at[i]->hi, r->idx.at[j])) return false;
    return true;
}

/* Sorts axes from .. to - 1: those that `order` names first, as it names them. */
static void sort_axes(Low *l, const Work *w, Plan *p, int from, int to) {
    for (int i = from + 1; i < to; i++)
        for (int j = i; j > from; j--) {
            int x = ordered_at(l, w, p->order[j]), y = ordered_at(l, w, p->order[j - 1]);
            if (x < 0 || (y >= 0 && y <= x)) break;
            int t = p->order[j];
            p->order[j] = p->order[j - 1];
            p->order[j - 1] = t;
        }
}

static void loop_order(Low *l, const Work *w, Plan *p) {
    for (int i = 0; i < axes_of(w); i++) p->order[i] = i;
    if (!l->sched->s || !w->s) return;
    sort_axes(l, w, p, 0, w->n);
    if (may_reorder(w)) sort_axes(l, w, p, w->n, axes_of(w));
}

/* Halves a block that the schedule does not give: a short one, the outermost first, else the longest. False when all are 1. */
static bool shrink(const Work *w, Plan *p) {
    int longest = -1;
    for (int i = 0; i < axes_of(w); i++) {
        if (p->given[i] || p->step[i] == 1) continue;
        if (!p->along[i]) {
            p->step[i] /= 2;
            return true;
        }
        if (longest < 0 || p->step[i] > p->step[longest]) longest = i;
    }
    if (longest < 0 || p->step[longest] == 1) return false;
    p->step[longest] /= 2;
    return true;
}

static int scan_axis(const Work *w) {
    for (int i = 0; w->r && w->r->scan && i < w->n; i++)
        if (w->idx[i] == w->r->along) return i;
    return -1;
}

static void build_fitting(Low *l, const Work *w) {
    Plan plan = {0};
    if (axes_of(w) > MOST_AXES) {
        l->why = "a statement has more than 40 indices";
        return;
    }
    first_steps(w, &plan);
    given_steps(l, w, &plan);
    keep_order(w, &plan);
    loop_order(l, w, &plan);
    if (!places_fit(l, w, &plan, scan_axis(w))) {
        l->why = "the schedule can't be met";
        return;
    }
    for (;;) {
        Nest n = {.l = l, .w = *w, .plan = &plan, .scan = scan_axis(w)};
        bool built = build(&n);
        if (l->why) return;
        if (built && stage_local(l->stage) <= l->m->local - RESERVE) return;
        l->p->stages.n--;
        int64_t bytes = built ? stage_local(l->stage) : 0;
        if (built && !shrink(w, &plan)) {
            if (w->s) sched_too_large(l, (Group){w->s->id, 1}, bytes, l->m->local - RESERVE);
            l->why = "a statement's smallest tiles do not fit into local memory";
            return;
        }
    }
}

void nest_stage(Low *l, const Stmt *s) {
    Reduce *r = low_reduce(s);
    build_fitting(l, &(Work){s->targets.at[0].tensor->name, s, NULL, (Index *const *)s->idx.at, s->idx.n, s->value, r});
}

/* A stage that tests facts over dims alone, to which one more can be added. */
static bool is_plain_test(const TileStage *s) {
    return s->body.n == 1 && s->body.at[0]->over == TILE_PE && !s->bufs.n && !s->axes.n && s->body.at[0]->body.n && s->body.at[0]->body.at[0]->part == TILE_TEST;
}

void fact_stage(Low *l, const Fact *f) {
    if (f->number <= 0) return;
    LowReads reads = {0};
    low_reads(l->a, f->cond, &reads);
    TileStage *before = l->p->stages.n ? l->p->stages.at[l->p->stages.n - 1] : NULL;
    if (!f->idx.n && !reads.n && before && is_plain_test(before)) {
        TileNode *test = stage_compute(l, &before->body.at[0]->body, NULL, TILE_TEST);
        test->fact = f;
        test->span = f->span;
        return;
    }
    build_fitting(l, &(Work){"fact", NULL, f, (Index *const *)f->idx.at, f->idx.n, f->cond, NULL});
}
