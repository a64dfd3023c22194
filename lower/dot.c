/* Reductions of products on an engine with accumulators: what is summed is unified with the rows of the machine's engines, and the
 * indices must lie so that a row's  acc[m, n] = join[k] f(a[m, k], b[n, k])  is a panel of
 *     c[.., m, .., n, ..] = join[.., k] f(a[.., m, .., k], b[.., n, .., k])     (an operand may lie the other way: it is transposed on the way)
 * What is computed elementwise from c stays in the PE.
 *
 * Three ways to deal the panels:
 *   WAY_GRID  m over the grid's rows, n over its columns; each row of PEs shares blocks of a, each column blocks of b
 *   WAY_FEW   few rows: n over all PEs, a shared by rows
 *   WAY_MANY  many panels that use the same b (images of a batch): they are dealt to all PEs, b is shared by rows
 * The guards decide when the dims are known. On the grid an operand that one round of blocks needs, and the next again, is brought into
 * near memory first where the other operand is read but once: long rows would come from afar again. */
#include "lower/access.h"
#include "lower/simd.h"
#include "lower/sched.h"

enum { LONGEST_PIECE = 1024, SHORT_PIECE = 128, MOST_PLANS = 32, RESERVE = 4096, SLOTS = 4, LONG_ROW = 512 };

typedef enum Way { WAY_GRID, WAY_FEW, WAY_MANY } Way;
static const TileShare share_a[] = {TILE_SHARE_ROW, TILE_SHARE_ROW, TILE_ALONE}, share_b[] = {TILE_SHARE_COL, TILE_ALONE, TILE_SHARE_ROW};

typedef struct Dot {
    Low *l;
    int first, n;               /* statements: the reduction, then those that follow it */
    const Stmt *s;
    const Reduce *r;
    TileDot *dot;
    const Index *m, *n_index, *k;
    Path path;
    const TileSimd *plan[MOST_PLANS];
    int64_t chunk;              /* bytes of k that a tile holds */
    LowNear *near[2];           /* of a, of b: the copy to load instead, or NULL */
    bool direct;                /* the elementwise engine takes the sum from the accumulators */
    int64_t bytes;              /* of the stage built last */
} Dot;

/* --- matching ------------------------------------------------------------------------------------------------------------------------ */

/* e grows by one with i. */
static bool is_shifted(const Expr *e, const Index *i) {
    int64_t one;
    if (e->kind == X_INDEX) return e->index == i;
    if (e->kind == X_OP && e->op == OP_MUL && lo_is_int(e->args.at[0], &one) && one == 1) return is_shifted(e->args.at[1], i);
    if (e->kind != X_OP || e->args.n != 2 || (e->op != OP_ADD && e->op != OP_SUB)) return false;
    bool left = low_mentions(e->args.at[0], i), right = low_mentions(e->args.at[1], i);
    if (left && right) return false;
    return left ? is_shifted(e->args.at[0], i) : e->op == OP_ADD && right && is_shifted(e->args.at[1], i);
}

/* The dimension in which i stands, when it stands nowhere else: alone, or (shifted) with something added; -1. */
static int place_of(const Expr *read, const Index *i, bool shifted) {
    int at = -1;
    for (int d = 0; d < read->args.n; d++) {
        if (!low_mentions(read->args.at[d], i)) continue;
        if (at >= 0 || !(shifted ? is_shifted(read->args.at[d], i) : expr_is_index(read->args.at[d], i))) return -1;
        at = d;
    }
    return at;
}

/* Of the statement's indices the last that x mentions and y does not. */
static const Index *own_index(const Stmt *s, const Expr *x, const Expr *y) {
    for (int i = s->idx.n; i-- > 0;)
        if (low_mentions(x, s->idx.at[i]) && !low_mentions(y, s->idx.at[i])) return s->idx.at[i];
    return NULL;
}

/* The row's and the last index of the reduction each have one place in the read; one of them is the last. *turned: not the one that
 * the engine's row has there. */
static bool operand(const Expr *read, const Index *rows, const Index *k, bool rows_first, bool *turned) {
    int last = read->args.n - 1, at_k = place_of(read, k, false), at_rows = place_of(read, rows, true);
    if (at_k < 0 || at_rows < 0 || at_k == at_rows) return false;
    *turned = (rows_first ? at_rows : at_k) != last;
    return at_k == last || at_rows == last;
}

static bool finds_read(void *context, Expr *e) {
    bool *found = context;
    *found |= e->kind == X_READ;
    return !*found;
}

/* No subscript reads a tensor. */
static bool plain_subscripts(const Expr *read) {
    bool found = false;
    for (int d = 0; d < read->args.n; d++) expr_walk(read->args.at[d], finds_read, &found);
    return !found;
}

/* The bounds of the reduction's ranges are those of a box that begins at 0. */
static const char *ragged(const Dot *d) {
    const Reduce *r = d->r;
    for (int i = 0; i < r->idx.n; i++) {
        int64_t zero;
        if (!lo_is_int(r->idx.at[i]->lo, &zero) || zero) return "its range does not begin at 0";
        for (int j = 0; j < d->s->idx.n; j++)
            if (low_mentions(r->idx.at[i]->hi, d->s->idx.at[j])) return "its range is ragged";
        for (int j = 0; j < i; j++)
            if (low_mentions(r->idx.at[i]->hi, r->idx.at[j])) return "its range is ragged";
    }
    return NULL;
}

/* Gives the match's reads their places in the panel. both: the first operand may be turned, too. */
static bool placed(Dot *d, const EngineMatch *x, bool both) {
    bool turned[2];
    const Expr *a = x->operand[0], *b = x->operand[1];
    const Index *m = own_index(d->s, a, b), *n = own_index(d->s, b, a), *k = d->r->idx.at[d->r->idx.n - 1];
    if (!m || !n || !operand(a, m, k, x->row->rows_first[0], &turned[0]) || !operand(b, n, k, x->row->rows_first[1], &turned[1])) return false;
    const Exprs *to = &d->s->targets.at[0].subs;
    if (!to->n || !expr_is_index(to->at[to->n - 1], n)) return false;      /* sums are drained row by row */
    TileDot dot = {.row = x->row, .a = a, .b = b};
    for (int i = 0; i < 2; i++) {
        if (turned[i] && !(dot.turn[i] = engine_of_class(&d->l->m->engines, ENGINE_TURN, (i ? b : a)->type))) return false;
        if (turned[i] && !i && !both) return false;
    }
    d->m = m;
    d->n_index = n;
    d->k = k;
    d->dot = NEW(d->l->a, TileDot);
    *d->dot = dot;
    return true;
}

static const char *no_row(Dot *d, const EngineMatch *near) {
    Out o = out_new(d->l->a);
    if (!near->row) return "this machine has no such engine";
    out_f(&o, "closest is %s.%s: ", near->row->engine, near->row->name);
    engine_print_difference(near, &o);
    return o.text;
}

/* NULL, or why the statement is none for an engine with accumulators. */
static const char *mismatch(Dot *d) {
    const Low *l = d->l;
    const Reduce *r = d->r = low_reduce(d->s);
    EngineRules rules = {.arena = l->a};
    EngineMatch x, near = {0};
    if (!r || r->scan || r->pred || d->s->targets.n != 1) return "it is no reduction of all elements to one result";
    const EngineRow *row = engine_of_product(&l->m->engines, r, &rules, &x, &near);
    if (!row) return no_row(d, &near);
    if (!plain_subscripts(x.operand[0]) || !plain_subscripts(x.operand[1])) return "a subscript of its factors is read from a tensor";
    const char *why = ragged(d);
    if (why) return why;
    if (!row->drain && d->s->targets.at[0].tensor->type == DT_I32) return "nothing takes whole numbers from the accumulators";
    if (!row->feed && d->s->targets.at[0].tensor->type != dtype_table[x.operand[0]->type].compute) return "nothing takes the sums from the accumulators in the result's type";
    EngineMatch other;
    for (int both = 0; both < 2; both++)
        for (unsigned way = 0; engine_unify(row, x.operand[0]->type, r->operands.at[0], &rules, &way, &other);)
            if (placed(d, &other, both)) return NULL;
    if (!own_index(d->s, x.operand[0], x.operand[1]) || !own_index(d->s, x.operand[1], x.operand[0])) return "each factor needs an outer index of its own";
    return "the last index of the sum, or the outer one, is not where the engine reads rows";
}


bool dot_match(Low *l, const Stmt *s, DotMatch *to) {
    Dot d = {.l = l, .n = 1, .s = s};
    if (mismatch(&d) || d.r->comb->kind != CK_SUM || d.dot->turn[0]) return false;
    *to = (DotMatch){d.dot, d.m, d.n_index, d.k};
    return true;
}

/* --- what follows ---------------------------------------------------------------------------------------------------------------------- */

static bool same_points(const Stmt *x, const Stmt *y) {
    if (x->idx.n != y->idx.n || y->targets.n != 1 || y->targets.at[0].subs.n != y->idx.n) return false;
    for (int i = 0; i < x->idx.n; i++)
        if (!expr_equal(x->idx.at[i]->lo, y->idx.at[i]->lo) || !expr_equal(x->idx.at[i]->hi, y->idx.at[i]->hi)
            || !expr_is_index(y->targets.at[0].subs.at[i], y->idx.at[i])) return false;
    return true;
}

static bool reads_at_own_point(Low *l, const Stmt *s, const Tensor *t) {
    LowReads reads = {0};
    low_reads(l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++) {
        if (reads.at[i]->tensor != t) continue;
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

static bool is_read_from(const Low *l, int from, const Tensor *t) {
    for (int i = from; i < l->k->stmts.n; i++) {
        LowReads reads = {0};
        low_reads(l->a, l->k->stmts.at[i]->value, &reads);
        for (int j = 0; j < reads.n; j++)
            if (reads.at[j]->tensor == t) return true;
    }
    return false;
}

static int defined(const Kernel *k, const Tensor *t) {
    int n = 0;
    for (int i = 0; i < k->stmts.n; i++)
        for (int j = 0; j < k->stmts.at[i]->targets.n; j++) n += k->stmts.at[i]->targets.at[j].tensor == t;
    return n;
}

/* How many statements from the reduction on are computed from it point by point. Its own result may then be needed nowhere else. */
static void follow(Dot *d) {
    Low *l = d->l;
    const Kernel *k = l->k;
    for (d->n = 1; d->first + d->n < k->stmts.n; d->n++) {
        const Stmt *s = k->stmts.at[d->first + d->n];
        bool reduces = false;
        expr_walk(s->value, holds_reduction, &reduces);
        bool fits = !reduces && !near_is_copy(l, s) && same_points(d->s, s) && defined(k, s->targets.at[0].tensor) == 1;
        for (int i = 0; fits && i < d->n; i++) fits = reads_at_own_point(l, s, k->stmts.at[d->first + i]->targets.at[0].tensor);
        if (!fits) break;
    }
    const Tensor *sum = d->s->targets.at[0].tensor;
    while (d->n > 1 && (sum->role == TR_OUTPUT || is_read_from(l, d->first + d->n, sum))) d->n = 1;
    for (int i = 1; i < d->n; i++) {
        const Tensor *t = k->stmts.at[d->first + i]->targets.at[0].tensor;
        bool out = t->role == TR_OUTPUT || is_read_from(l, d->first + d->n, t);
        if (out && i + 1 < d->n && is_read_from(l, d->first + i + 1, t)) { d->n = i + 1; break; }
    }
}

/* --- the stage ------------------------------------------------------------------------------------------------------------------------- */

static TileBuf *tile(Dot *d, Tensor *t, const Exprs *subs, int depth) {
    Expr *culprit;
    TileBuf *b = stage_tile(d->l, t, t->name, t->type);
    if (!hull_box(d->l, &d->path, t, subs, b, &culprit)) return NULL;
    b->depth = depth;
    return b;
}

static Group group_of(const Dot *d) { return (Group){d->first, d->n}; }

static bool load(Dot *d, const Expr *read, int depth, TileShare share) {
    const ScheduleItem *x = sched_tensor(d->l, S_STAGE, group_of(d), read->tensor);
    TileBuf *b = tile(d, read->tensor, &read->args, sched_slots(d->l, group_of(d), read->tensor, depth));
    if (!b) return false;
    if (x && x->share == TILE_ALONE) share = TILE_ALONE;
    int at = 0;
    for (int i = 0; i < b->rank; i++) {
        int lo = stage_depth(&d->path, b->lo[i]), hi = stage_depth(&d->path, b->hi[i]);
        at = lo > at ? lo : at;
        at = hi > at ? hi : at;
    }
    if (!at) b->depth = 1;
    vec_push(d->l->a, &b->reads, read);
    if (read == d->dot->a && d->near[0]) b->from = d->near[0]->copy;
    if (read == d->dot->b && d->near[1]) b->from = d->near[1]->copy;
    TileNodes *body = stage_body(d->l, &d->path, at);
    stage_copy(d->l, body, TILE_LOAD, b, read->span);
    body->at[body->n - 1]->share = share;
    return true;
}

/* Rows, or columns, of a panel of the row's engine. */
static int panel_of(const Dot *d, const Index *i) { return i == d->m ? engine_panel_rows(d->dot->row) : engine_panel_cols(d->dot->row); }

/* The largest block of a panel's index: what the accumulators hold, or what the schedule asks for. */
static int64_t panel_most(const Dot *d, const Index *i) {
    int64_t step = -1;
    int most = panel_of(d, i);
    for (int q = 0; q < d->s->idx.n; q++)
        if (d->s->idx.at[q] == i) {
            const ScheduleItem *x = sched_outer(d->l, S_TILE, group_of(d), q);
            step = x ? x->number : -1;
            if (step > most) diag_help(sched_refuse(d->l, x, "a panel of the engine has at most %d %s", most, i == d->m ? "rows" : "columns"), "legal is 1 to %d, or: engine %s vector", most, sched_label(d->l->a, d->l->k, d->s));
        }
    return step > 0 && step <= most ? step : most;
}

/* Blocks of a dealt axis: smaller where the axis would not reach all of `pes`. */
static Expr *panel_step(Low *l, const TileAxis *axis, int64_t most, int64_t pes) {
    Expr *share = lo_div(l->a, lo_add(l->a, lo_sub(l->a, axis->hi, axis->lo), lo_int(l->a, pes - 1)), pes);
    return lo_max(l->a, lo_int(l->a, 1), lo_min(l->a, lo_int(l->a, most), share));
}

static void loop(Dot *d, TileAxis *axis, Expr *step, TileOver over, int64_t most) {
    TileNode *n = stage_for(d->l, &d->path, over, d->s->span);
    stage_level(d->l, n, axis, step, most);
    n->lockstep = over != TILE_SEQ;
}

static TileAxis *axis(Dot *d, const Index *i) { return stage_axis(d->l, i, i->lo, i->hi); }

/* An index of the statement that a has and b has not, other than m: images of a batch, rows of an image. */
static bool is_a_only(const Dot *d, const Index *i) { return i != d->m && i != d->n_index && !low_mentions(d->dot->b, i); }

/* Loops over points of the other indices, then over panels. Returns the depth of a panel. */
static int panel_loops(Dot *d, Way way) {
    Low *l = d->l;
    const Stmt *s = d->s;
    int64_t pes = (int64_t)l->m->rows * l->m->cols;
    Expr *one = lo_int(l->a, 1);
    int64_t most_m = panel_most(d, d->m), most_n = panel_most(d, d->n_index);
    for (int i = 0; i < s->idx.n; i++) axis(d, s->idx.at[i]);
    TileAxis *m = d->dot->m = stage_axis_of(l, d->m), *n = d->dot->n = stage_axis_of(l, d->n_index);
    for (int i = 0; i < s->idx.n; i++) {
        bool seq = s->idx.at[i] != d->m && s->idx.at[i] != d->n_index && !(way == WAY_MANY && is_a_only(d, s->idx.at[i]));
        if (seq) loop(d, stage_axis_of(l, s->idx.at[i]), one, TILE_SEQ, 1);
    }
    if (way == WAY_GRID) {
        loop(d, m, panel_step(l, m, most_m, l->m->rows), TILE_ROW, most_m);
        loop(d, n, panel_step(l, n, most_n, l->m->cols), TILE_COL, most_n);
    } else if (way == WAY_FEW) {
        loop(d, m, lo_int(l->a, most_m), TILE_SEQ, most_m);
        loop(d, n, panel_step(l, n, most_n, pes), TILE_PE, most_n);
    } else {
        loop(d, n, lo_int(l->a, most_n), TILE_SEQ, most_n);
        TileNode *dealt = stage_for(l, &d->path, TILE_PE, s->span);
        dealt->lockstep = true;
        for (int i = 0; i < s->idx.n; i++)
            if (is_a_only(d, s->idx.at[i])) stage_level(l, dealt, stage_axis_of(l, s->idx.at[i]), one, 1);
        stage_level(l, dealt, m, lo_int(l->a, most_m), most_m);
    }
    return d->path.n;
}

static int64_t chunk(const Dot *d) { return d->chunk / dtype_table[d->dot->a->type].bytes; }

static bool sum_loops(Dot *d) {
    Low *l = d->l;
    for (int i = 0; i < d->r->idx.n; i++) {
        TileAxis *x = axis(d, d->r->idx.at[i]);
        bool last = i == d->r->idx.n - 1;
        int64_t step = sched_tile(l, d->s, d->r->idx.at[i]);
        loop(d, x, lo_int(l->a, !last ? 1 : step > 0 ? step : chunk(d)), TILE_SEQ, 0);
        if (last) d->dot->k = x;
    }
    return true;
}

static void dot_node(Dot *d, int depth, TilePart part) { stage_compute(d->l, stage_body(d->l, &d->path, depth), d->s, part)->dot = d->dot; }

/* The command is of the engine that reads the accumulators of the row. */
static bool is_fed(const EngineRow *row, const TileCommand *c) {
    const EngineRow *by = c->whole ? c->whole : c->bin ? c->bin : c->affine ? c->affine : c->fn;
    return row->feed && row->feed->engine == by->engine;
}

int dot_takes(const TileSimd *plan, const Tensor *sum, const EngineRow *row) {
    int n = 0;
    for (int i = 0; i < plan->commands.n; i++) {
        const TileCommand *c = &plan->commands.at[i];
        if (c->b.kind == TILE_ARG_READ && c->b.read->tensor == sum) return -1;
        if (c->a.kind != TILE_ARG_READ || c->a.read->tensor != sum) continue;
        if ((c->whole && c->whole->class != ENGINE_MOVE) || c->one_row || c->a.spread != TILE_BOX || !is_fed(row, c)) return -1;
        n++;
    }
    return n;
}

/* What follows goes to the elementwise engine when it can do all of it and takes the sum once: straight from the accumulators. */
static void plan_commands(Dot *d) {
    Low *l = d->l;
    const Tensor *sum = d->s->targets.at[0].tensor;
    int takes = 0;
    d->direct = false;
    for (int i = 1; i < d->n; i++) {
        const Stmt *s = l->k->stmts.at[d->first + i];
        if (i == MOST_PLANS) return;
        d->plan[i] = !sched_engine_other(l, s, "simd") ? simd_plan(l, &d->path, s) : NULL;
        if (!d->plan[i]) return;
        int n = dot_takes(d->plan[i], sum, d->dot->row);
        takes = n < 0 || takes < 0 ? -1 : takes + n;
    }
    if (takes != 1) return;
    d->direct = true;
    for (int i = 1; i < d->n; i++) simd_temps(l, &d->path, l->k->stmts.at[d->first + i], d->plan[i]);
    for (int i = 0; i < l->stage->bufs.n; i++)
        if (l->stage->bufs.at[i]->tensor == sum) l->stage->bufs.at[i]->memory = TILE_ACC;
}

/* What the following statements read beside the sum; their results. */
static bool followers(Dot *d, int panel) {
    Low *l = d->l;
    Path whole = d->path;
    d->path.n = panel;
    bool fine = true;
    for (int i = 1; fine && i < d->n; i++) {
        const Stmt *s = l->k->stmts.at[d->first + i];
        LowReads reads = {0};
        for (int q = 0; q < s->idx.n; q++) l->stage->axis_of[s->idx.at[q]->id] = stage_axis_of(l, d->s->idx.at[q]);
        low_reads(l->a, s->value, &reads);
        for (int j = 0; fine && j < reads.n; j++) {
            bool made = false;
            for (int q = 0; q < i; q++) made |= l->k->stmts.at[d->first + q]->targets.at[0].tensor == reads.at[j]->tensor;
            if (!made) fine = load(d, reads.at[j], 2, TILE_ALONE);
        }
    }
    for (int i = 0; fine && i < d->n; i++) {
        const Stmt *s = l->k->stmts.at[d->first + i];
        const Target *t = &s->targets.at[0];
        bool out = t->tensor->role == TR_OUTPUT || is_read_from(l, d->first + d->n, t->tensor);
        fine = tile(d, t->tensor, &t->subs, out ? sched_slots(l, group_of(d), t->tensor, 2) : i == 0 ? 2 : 1) != NULL;
    }
    if (fine) plan_commands(d);
    d->path = whole;
    return fine;
}

/* Bytes of the stage's tiles; those of an operand that is transposed on the way count twice. */
static int64_t bytes(const Dot *d) {
    int64_t all = stage_local(d->l->stage);
    for (int side = 0; side < 2; side++) {
        const Expr *read = side ? d->dot->b : d->dot->a;
        for (int i = 0; d->dot->turn[side] && i < d->l->stage->bufs.n && all < INT64_MAX; i++)
            if (d->l->stage->bufs.at[i]->reads.n && d->l->stage->bufs.at[i]->reads.at[0] == read) all += stage_bytes(d->l->stage->bufs.at[i]);
    }
    return all;
}

static bool build(Dot *d, Way way, int slots) {
    Low *l = d->l;
    int before = l->p->stages.n;
    for (int o = 0; o < 2; o++)
        if (d->near[o] && (o == 0 || d->near[o] != d->near[0])) near_stage(l, d->near[o]);
    stage_open(l, l->k->stmts.at[d->first + d->n - 1]->targets.at[0].tensor->name);
    d->path.n = 0;
    TileDot *own = NEW(l->a, TileDot);      /* its axes are this stage's */
    *own = *d->dot;
    d->dot = own;
    int panel = panel_loops(d, way);
    sum_loops(d);
    bool fine = load(d, d->dot->a, slots, share_a[way]) && load(d, d->dot->b, slots, share_b[way]) && followers(d, panel);
    d->bytes = fine ? bytes(d) : 0;
    if (!fine || d->bytes > l->m->local - RESERVE) {
        l->p->stages.n = before;
        return false;
    }
    for (int o = 0; o < 2; o++)
        if (d->near[o]) d->near[o]->used = true;
    dot_node(d, panel, TILE_INIT);
    for (int i = panel + 1; i <= d->path.n; i++) stage_link(l, &d->path, i);
    dot_node(d, d->path.n, TILE_STEP);
    if (!d->direct) dot_node(d, panel, TILE_FINAL);
    for (int i = 1; i < d->n; i++) stage_compute(l, stage_body(l, &d->path, panel), l->k->stmts.at[d->first + i], TILE_WHOLE)->simd = d->direct ? d->plan[i] : NULL;
    for (int i = 0; i < l->stage->bufs.n; i++) {
        TileBuf *b = l->stage->bufs.at[i];
        bool out = b->tensor && !b->copied_in && (b->tensor->role == TR_OUTPUT || is_read_from(l, d->first + d->n, b->tensor));
        if (out) stage_copy(l, stage_body(l, &d->path, panel), TILE_STORE, b, d->s->span);
    }
    for (int i = 1; i <= panel; i++) stage_link(l, &d->path, i);
    stage_share_kept(l);
    return true;
}

/* --- cases ----------------------------------------------------------------------------------------------------------------------------- */

static Expr *length(const Dot *d, const Index *i) { return lo_sub(d->l->a, i->hi, i->lo); }

/* Many panels: half of the PEs have one at least. */
static Expr *is_many(const Dot *d) {
    const Low *l = d->l;
    Expr *blocks = lo_div(l->a, lo_add(l->a, length(d, d->m), lo_int(l->a, panel_of(d, d->m) - 1)), panel_of(d, d->m)), *enough = lo_int(l->a, (int64_t)l->m->rows * l->m->cols / 2);
    for (int i = 0; i < d->s->idx.n; i++)
        if (is_a_only(d, d->s->idx.at[i])) blocks = lo_mul(l->a, blocks, length(d, d->s->idx.at[i]));
    return x_op(l->a, OP_GE, blocks, enough, NULL, d->s->span);
}

/* One round of blocks along `once`, several along `again`, so that one operand is loaded once and the other in each round; rows that are
 * long enough to pay for the copy; and so few of them that far memory is what the product waits for. */
static Expr *is_loaded_again(const Dot *d, const Index *once, int pes_once, const Index *again, int pes_again) {
    const Low *l = d->l;
    Arena *a = l->a;
    int64_t round = (int64_t)panel_of(d, once) * pes_once, streams = l->m->streams[d->dot->a->type];
    Expr *fits = lo_le(a, length(d, once), lo_int(a, round < streams ? round : streams));
    Expr *more = x_op(a, OP_GT, length(d, again), lo_int(a, (int64_t)panel_of(d, again) * pes_again), NULL, d->s->span);
    Expr *is_long = x_op(a, OP_GE, length(d, d->k), lo_int(a, LONG_ROW), NULL, d->s->span);
    return x_op(a, OP_AND, x_op(a, OP_AND, fits, more, NULL, d->s->span), is_long, NULL, d->s->span);
}

static bool build_case(Dot *d, Way way, Expr *guard, int slots) {
    int from = d->l->p->stages.n;
    if (!build(d, way, slots)) return false;
    vec_push(d->l->a, &d->l->sched->cases, ((LowCase){guard, from}));
    return true;
}

/* The grid's case where operand o is brought near first; nothing where it can't be. */
static bool build_near(Dot *d, int o, Expr *guard, int slots) {
    const Expr *read = o ? d->dot->b : d->dot->a;
    d->near[o] = read->mode == READ_PLAIN && d->l->m->streams[read->type] > panel_of(d, o ? d->n_index : d->m) ? near_of(d->l, d->s, read->tensor) : NULL;
    bool fine = !d->near[o] || build_case(d, WAY_GRID, guard, slots);
    d->near[o] = NULL;
    return fine;
}

/* All ways, in the order in which their guards are asked. */
static bool build_cases(Dot *d, bool many, int slots) {
    Low *l = d->l;
    const TileMachine *m = l->m;
    return (!many || build_case(d, WAY_MANY, is_many(d), slots))
        && build_case(d, WAY_FEW, lo_le(l->a, length(d, d->m), lo_int(l->a, panel_of(d, d->m))), slots)
        && build_near(d, 0, is_loaded_again(d, d->m, m->rows, d->n_index, m->cols), slots)
        && build_near(d, 1, is_loaded_again(d, d->n_index, m->cols, d->m, m->rows), slots)
        && build_case(d, WAY_GRID, NULL, slots);
}

/* --- what the schedule says ------------------------------------------------------------------------------------------------------------- */

static TileOver place_of_index(Dot *d, int q) {
    const ScheduleItem *x = sched_outer(d->l, S_PLACE, group_of(d), q);
    return !x ? TILE_SEQ : !strcmp(x->to.text, "row") ? TILE_ROW : !strcmp(x->to.text, "col") ? TILE_COL : TILE_PE;
}

static bool is_placed_so(Dot *d, Way way) {
    for (int q = 0; q < d->s->idx.n; q++) {
        const Index *i = d->s->idx.at[q];
        TileOver want = i == d->m ? (way == WAY_GRID ? TILE_ROW : way == WAY_FEW ? TILE_SEQ : TILE_PE)
                      : i == d->n_index ? (way == WAY_GRID ? TILE_COL : way == WAY_FEW ? TILE_PE : TILE_SEQ) : way == WAY_MANY && is_a_only(d, i) ? TILE_PE : TILE_SEQ;
        if (place_of_index(d, q) != want) return false;
    }
    return true;
}

/* The way that `place` asks for; -1: it says nothing, -2: an error was reported. */
static int given_way(Dot *d) {
    const ScheduleItem *x = NULL;
    for (int q = 0; q < d->s->idx.n && !x; q++) x = sched_outer(d->l, S_PLACE, group_of(d), q);
    if (!x) return -1;
    for (Way way = WAY_GRID; way <= WAY_MANY; way++)
        if (is_placed_so(d, way)) return way;
    Out many = out_new(d->l->a);
    for (int q = 0; q < d->s->idx.n; q++)
        if (is_a_only(d, d->s->idx.at[q])) out_f(&many, "%s%s", many.n ? ", " : "; (", d->s->idx.at[q]->name);
    if (many.n) out_f(&many, ", %s) -> pe", d->m->name);
    diag_help(sched_refuse(d->l, x, "the engine's panels are not dealt so"), "legal are: %s -> row, %s -> col; %s -> pe%s; or: engine %s vector", d->m->name, d->n_index->name, d->n_index->name,
              many.n ? many.text : "", sched_label(d->l->a, d->l->k, d->s));
    return -2;
}

/* The group that the schedule asks for; false: an error was reported. */
static bool given_group(Dot *d) {
    int want = sched_group(d->l, d->first);
    for (int i = 0; i < d->n - 1 && !want; i++)
        if (sched_is_stored(d->l, d->first + i)) want = i + 1;
    if (!want) return true;
    if (want > 1 && want > d->n) {
        const ScheduleItem *x = sched_stmt(d->l, S_FUSE, (Group){d->first, want});
        Name name = sched_label(d->l->a, d->l->k, d->s);
        diag_help(sched_refuse(d->l, x, "only what is computed from '%s' point by point stays with it on the engine", name), "legal is: store %s in sram", name);
        return false;
    }
    d->n = want;
    return true;
}

/* Operands that the schedule keeps in near memory. */
static void given_near(Dot *d) {
    const Expr *reads[] = {d->dot->a, d->dot->b};
    for (int o = 0; o < 2; o++) {
        const ScheduleItem *x = sched_tensor(d->l, S_KEEP, group_of(d), reads[o]->tensor);
        d->near[o] = x && !strcmp(x->to.text, "sram") ? near_of(d->l, d->s, reads[o]->tensor) : NULL;
    }
}

static bool build_way(Dot *d, int way, bool many, int slots) {
    d->l->sched->cases.n = 0;
    given_near(d);
    return way >= 0 || d->near[0] || d->near[1] ? build_case(d, way >= 0 ? (Way)way : WAY_GRID, NULL, slots) : build_cases(d, many, slots);
}

/* Rows of operands are read in the longest pieces of which three fit, so that memory is read in long runs; short ones may come by two. */
static bool build_largest(Dot *d, int before, int way, bool many) {
    for (d->chunk = LONGEST_PIECE; d->chunk >= SHORT_PIECE; d->chunk /= 2)
        for (int slots = d->chunk > SHORT_PIECE ? 3 : SLOTS; slots >= (d->chunk > SHORT_PIECE ? 3 : 2); slots--) {
            d->l->p->stages.n = before;
            if (build_way(d, way, many, slots)) return true;
        }
    return false;
}

int dot_stage(Low *l, int first) {
    Dot d = {.l = l, .first = first, .n = 1, .s = l->k->stmts.at[first]};
    const ScheduleItem *engine = sched_stmt(l, S_ENGINE, (Group){first, 1});
    bool asked = engine && sched_is_block(l, engine->to.text), other = engine && !asked;
    const char *why = other ? "the schedule gives it another engine" : mismatch(&d);
    if (!why && asked && strcmp(engine->to.text, d.dot->row->engine)) why = arena_printf(l->a, "it is done by engine %s", d.dot->row->engine);
    if (why) {
        if (low_reduce(d.s)) low_note(l, d.s, why);
        if (asked && low_reduce(d.s)) diag_help(sched_refuse(l, engine, "%s", why), "legal is: engine %s vector", engine->names.at[0].text);
        return 0;
    }
    follow(&d);
    if (!given_group(&d)) return 0;
    int before = l->p->stages.n, want = sched_group(l, first), way = given_way(&d);
    bool many = false;
    for (int i = 0; i < d.s->idx.n; i++) many |= is_a_only(&d, d.s->idx.at[i]);
    for (; d.n >= 1 && d.n >= want && way > -2; d.n--) {
        if (build_largest(&d, before, way, many)) return d.n;
    }
    l->p->stages.n = before;
    if (want > 1) d.n = want;
    else d.n = 1;
    if (d.bytes > l->m->local - RESERVE && l->sched->s) sched_too_large(l, group_of(&d), d.bytes, l->m->local - RESERVE);
    return 0;
}

int dot_grid(Low *l, int first, int most) {
    Dot d = {.l = l, .first = first, .n = 1, .s = l->k->stmts.at[first]};
    if (sched_keeps_product(l, d.s) || mismatch(&d)) return 0;
    follow(&d);
    int before = l->p->stages.n;
    for (d.n = d.n < most ? d.n : most; d.n >= 1; d.n--)
        if (build_largest(&d, before, WAY_GRID, false)) return d.n;
    l->p->stages.n = before;
    return 0;
}
