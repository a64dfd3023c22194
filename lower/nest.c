/* A statement (or fact) as a stage of its own, for any program of the language: every index is cut into blocks of a bounded size, all
 * blocks of the outer ones are dealt to the PEs, and for each the boxes that it touches are copied.
 *
 * Where a box cannot be told for a block of several values (a row whose number is read, a ragged range, a product of indices) the
 * indices behind it are pinned: an inner loop with step 1 gives them one value. Where not even that helps the read is left without a
 * tile, and the core fetches its elements when it meets them. */
#include "lower/access.h"

enum { MOST_AXES = 40, RESERVE = 4096 };

/* What is to be done: a statement, or a fact. */
typedef struct Work { Name name; const Stmt *s; const Fact *f; Index *const *idx; int n; Expr *value; Reduce *r; } Work;

/* The choices; axis number i is idx[i] of the work, then the reduction's. */
typedef struct Plan { int64_t step[MOST_AXES]; bool pinned[MOST_AXES]; } Plan;

typedef struct Nest {
    Low *l;
    Work w;
    Plan *plan;
    TileAxis *axis[MOST_AXES];
    int n_axes, scan;           /* scan: number of the scan's axis, -1: none */
    Path path, outer;           /* outer: without the inner loops of pinned axes */
    int state_depth, scan_depth;
    bool retry;
} Nest;

static int axes_of(const Work *w) { return w->n + (w->r && !w->r->scan ? w->r->idx.n : 0); }

static const Index *index_of(const Work *w, int i) { return i < w->n ? w->idx[i] : w->r->idx.at[i - w->n]; }

static void pin_axes(Nest *n, Expr *culprit, bool *any) {
    for (int i = 0; i < n->n_axes; i++) {
        if (n->plan->pinned[i] || !low_mentions(culprit, index_of(&n->w, i))) continue;
        n->plan->pinned[i] = *any = true;
    }
    n->retry |= *any;
}

/* --- loops ---------------------------------------------------------------------------------------------------------------------- */

static Expr *ceil_div(Arena *a, Expr *x, int64_t c) { return lo_div(a, lo_add(a, x, lo_int(a, c - 1)), c); }

/* At most `step`, less where that would not give every PE a block; others: blocks of the other dealt axes. */
static Expr *dealt_step(Low *l, const TileAxis *axis, int64_t step, Expr *others) {
    if (step == 1) return lo_int(l->a, 1);
    Expr *share = ceil_div(l->a, lo_mul(l->a, lo_sub(l->a, axis->hi, axis->lo), others), (int64_t)l->m->rows * l->m->cols);
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

static void dealt_loops(Nest *n, Span at) {
    Low *l = n->l;
    TileNode *loop = stage_for(l, &n->path, TILE_PE, at);
    Expr *others = lo_int(l->a, 1);
    for (int i = 0; i < n->w.n; i++) {
        TileAxis *axis = n->axis[i] = stage_axis(l, n->w.idx[i], n->w.idx[i]->lo, n->w.idx[i]->hi);
        bool dealt = i != n->scan, first = i == (n->scan == 0);
        if (dealt && !first) others = lo_mul(l->a, others, ceil_div(l->a, lo_sub(l->a, axis->hi, axis->lo), n->plan->step[i]));
    }
    n->n_axes = n->w.n;
    for (int i = 0; i < n->w.n; i++) {
        bool first = i == (n->scan == 0);
        Expr *step = first ? dealt_step(l, n->axis[i], n->plan->step[i], others) : lo_int(l->a, n->plan->step[i]);
        if (i != n->scan) stage_level(l, loop, n->axis[i], step, n->plan->step[i]);
    }
    n->outer.at[n->outer.n++] = loop;
    for (int i = 0; i < n->w.n; i++)
        if (i != n->scan) inner_loop(n, i, at);
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
    n->n_axes = number + 1;
    return true;
}

static bool reduction_loops(Nest *n, Span at) {
    const Reduce *r = n->w.r;
    for (int i = 0; r && !r->scan && i < r->idx.n; i++) {
        if (!reduction_axis(n, n->w.n + i, r->idx.at[i])) return false;
        sequential(n, n->w.n + i, false, at);
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

/* A tile for a read, and its LOAD. NULL: there is none. */
static TileBuf *load_tile(Nest *n, Expr *read, int core) {
    Low *l = n->l;
    TileBuf trial = {.type = read->tensor->type, .depth = 1};
    Expr *culprit = NULL;
    bool whole = hull_box(l, &n->outer, read->tensor, &read->args, &trial, &culprit) && stage_bytes(&trial);
    if (!whole && !(hull_box(l, &n->path, read->tensor, &read->args, &trial, &culprit) && stage_bytes(&trial))) {
        bool any = false;
        if (culprit) pin_axes(n, culprit, &any);
        return NULL;
    }
    TileBuf *b = stage_tile(l, read->tensor, read->tensor->name, read->tensor->type);
    stage_take_box(b, &trial);
    b->depth = 2;
    b->core = core;
    if (core) vec_push(l->a, &b->reads, read);
    vec_push(l->a, &b->reads, lo_copy(l->a, read, at_block, n));
    stage_copy(l, stage_body(l, &n->path, load_depth(n, b)), TILE_LOAD, b, read->span);
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
        b->depth = 2;
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

static void statement(Nest *n) {
    Low *l = n->l;
    int all = n->path.n, target_depth = n->scan >= 0 ? n->scan_depth : 1;
    store_targets(n, target_depth);
    if (!n->w.r) {
        stage_compute(l, stage_body(l, &n->path, all), n->w.s, TILE_WHOLE);
        link_loops(n, 1, all);
        copy_out(n, target_depth);
        return;
    }
    Path state = n->path;
    state.n = n->state_depth;
    stage_states(l, &state, n->w.s, n->w.r, n->scan >= 0 ? n->axis[n->scan] : NULL);
    link_loops(n, 1, n->state_depth);
    stage_compute(l, stage_body(l, &n->path, n->state_depth), n->w.s, TILE_INIT);
    stage_compute(l, stage_body(l, &n->path, all), n->w.s, n->scan >= 0 ? TILE_SCAN : TILE_STEP);
    link_loops(n, n->state_depth + 1, all);
    if (n->scan < 0) stage_compute(l, stage_body(l, &n->path, n->state_depth), n->w.s, TILE_FINAL);
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
    return true;
}

/* --- choices ------------------------------------------------------------------------------------------------------------------------ */

/* Marks the axes along which neighbours in memory are touched. */
static void mark_last(const Work *w, const Exprs *subs, bool *along) {
    for (int i = 0; subs->n && i < axes_of(w); i++) along[i] |= low_mentions(subs->at[subs->n - 1], index_of(w, i));
}

/* Long blocks along the indices whose neighbours lie next to each other in memory, short ones along the others. */
static void first_steps(Low *l, const Work *w, Plan *p) {
    static const int64_t most[] = {256, 1024, 64, 32};      /* by the number of long axes */
    bool along[MOST_AXES] = {false};
    LowReads reads = {0};
    int n = 0;
    low_reads(l->a, w->value, &reads);
    for (int i = 0; i < reads.n; i++) mark_last(w, &reads.at[i]->args, along);
    for (int i = 0; w->s && i < w->s->targets.n; i++) mark_last(w, &w->s->targets.at[i].subs, along);
    for (int i = 0; i < axes_of(w); i++) n += along[i];
    for (int i = 0; i < axes_of(w); i++) p->step[i] = axes_of(w) == 1 ? 4096 : along[i] ? most[n < 3 ? n : 3] : 8;
}

/* Halves the longest block. False when all are 1. */
static bool shrink(const Work *w, Plan *p) {
    int longest = 0;
    for (int i = 1; i < axes_of(w); i++)
        if (p->step[i] > p->step[longest]) longest = i;
    if (!axes_of(w) || p->step[longest] == 1) return false;
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
    first_steps(l, w, &plan);
    for (;;) {
        Nest n = {.l = l, .w = *w, .plan = &plan, .scan = scan_axis(w)};
        bool built = build(&n);
        if (l->why) return;
        if (built && stage_local(l->stage) <= l->m->local - RESERVE) return;
        l->p->stages.n--;
        if (built && !shrink(w, &plan)) {
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
