/* Neighbouring statements that share their outer indices, as one stage: for each block of those indices the chain is computed from
 * tiles to tiles, temporaries never leave the PE, reductions run over tiles that hold their whole range.
 *
 * How many rows a block has is computed when the stage begins, from what fits into local memory; where not even one fits, the stage's
 * guard fails, and the statements run as stages of their own. */
#include "lower/access.h"
#include "lower/sched.h"
#include "lower/simd.h"

enum { RESERVE = 4096, LEAST_BLOCKS = 8, LEAST_ROWS = 8 };

/* A sum of products of extents. */
typedef struct Term { Expr *product; int64_t coef; } Term;
typedef VEC(Term) Sum;

typedef struct Rows {
    Low *l;
    int first, n, shared;       /* statements first .. first + n - 1; outer indices that they share */
    int limit;                  /* the most that n may be */
    int64_t most;               /* rows of a block that the schedule asks for; 0: none */
    const char *why;            /* what ended the run of statements */
    bool simd;                  /* all statements by the elementwise engine */
    Path path;
    const TileSimd *plan;       /* of the statement at hand */
    Sum fixed, each;            /* bytes: of what does not grow with the rows of a block; of one row */
    Expr *fits;                 /* one row fits into local memory */
} Rows;

static Stmt *at(const Rows *r, int i) { return r->l->k->stmts.at[r->first + i]; }

/* --- what belongs together --------------------------------------------------------------------------------------------------------- */

static int definitions(const Kernel *k, const Tensor *t) {
    int n = 0;
    for (int i = 0; i < k->stmts.n; i++)
        for (int j = 0; j < k->stmts.at[i]->targets.n; j++) n += k->stmts.at[i]->targets.at[j].tensor == t;
    return n;
}

static bool defined_in(const Rows *r, const Tensor *t, int before) {
    for (int i = 0; i < before; i++)
        for (int j = 0; j < at(r, i)->targets.n; j++)
            if (at(r, i)->targets.at[j].tensor == t) return true;
    return false;
}

/* The statement's first `shared` indices are those of the group, and stand first in its targets, each alone. */
static bool same_outer(const Rows *r, const Stmt *s) {
    const Stmt *first = at(r, 0);
    if (s->idx.n < r->shared) return false;
    for (int q = 0; q < r->shared; q++)
        if (!expr_equal(s->idx.at[q]->lo, first->idx.at[q]->lo) || !expr_equal(s->idx.at[q]->hi, first->idx.at[q]->hi)) return false;
    for (int i = 0; i < s->targets.n; i++) {
        const Target *t = &s->targets.at[i];
        if (definitions(r->l->k, t->tensor) != 1) return false;
        for (int q = 0; q < r->shared; q++)
            if (q >= t->subs.n || !expr_is_index(t->subs.at[q], s->idx.at[q])) return false;
    }
    const Reduce *c = low_reduce(s);
    for (int q = 0; c && c->scan && q < r->shared; q++)
        if (c->along == s->idx.at[q]) return false;
    return true;
}

/* The statement reduces a product (or the like) of tensors that vary over different outer indices: blocks of several of each would
 * use what they load many times, rows do not. */
static bool is_contraction(const Rows *r, const Stmt *s) {
    const Reduce *c = low_reduce(s);
    LowReads reads = {0};
    for (int i = 0; c && i < c->operands.n; i++) low_reads(r->l->a, c->operands.at[i], &reads);
    for (int i = 1; i < reads.n; i++)
        for (int q = 0; q < s->idx.n; q++)
            if (low_mentions(reads.at[i], s->idx.at[q]) != low_mentions(reads.at[0], s->idx.at[q])) return true;
    return false;
}

/* What is made in the group is read there at the same outer indices. */
static bool reads_own_rows(const Rows *r, const Stmt *s, int number) {
    LowReads reads = {0};
    low_reads(r->l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++) {
        const Expr *e = reads.at[i];
        if (!defined_in(r, e->tensor, number)) continue;
        for (int q = 0; q < r->shared; q++)
            if (!expr_is_index(e->args.at[q], s->idx.at[q])) return false;
    }
    return true;
}

static bool read_outside(const Rows *r, const Tensor *t) {
    const Kernel *k = r->l->k;
    for (int i = r->first + r->n; i < k->stmts.n; i++) {
        LowReads reads = {0};
        low_reads(r->l->a, k->stmts.at[i]->value, &reads);
        for (int j = 0; j < reads.n; j++)
            if (reads.at[j]->tensor == t) return true;
    }
    return false;
}

static bool read_inside(const Rows *r, const Tensor *t) {
    for (int i = 0; i < r->n; i++) {
        LowReads reads = {0};
        low_reads(r->l->a, at(r, i)->value, &reads);
        for (int j = 0; j < reads.n; j++)
            if (reads.at[j]->tensor == t) return true;
    }
    return false;
}

/* --- tiles ------------------------------------------------------------------------------------------------------------------------- */

typedef struct Growth { const Index *step; Arena *a; bool found; } Growth;
static Expr *one_row(void *context, Expr *e) {
    Growth *g = context;
    if (e->kind != X_INDEX || e->index != g->step) return NULL;
    g->found = true;
    return lo_int(g->a, 1);
}

static void add_term(Low *l, Sum *s, Expr *product, int64_t coef) {
    for (int i = 0; i < s->n; i++)
        if (expr_equal(s->at[i].product, product)) {
            s->at[i].coef += coef;
            return;
        }
    vec_push(l->a, s, ((Term){product, coef}));
}

static Expr *total(Low *l, const Sum *s) {
    Expr *e = lo_int(l->a, 0);
    for (int i = 0; i < s->n; i++) e = lo_add(l->a, e, lo_mul(l->a, s->at[i].product, lo_int(l->a, s->at[i].coef)));
    return e;
}

/* Counts a tile's bytes, of one row of a block: slots, rows padded to 32 bytes, 64 for alignment. False when more than one of its
 * dimensions grow with the block. */
static bool count(Rows *r, const TileBuf *b) {
    Arena *a = r->l->a;
    Growth g = {r->path.at[0]->levels.at[r->shared - 1].step_var, a, false};
    Expr *rows = lo_int(a, 1), *row = rows;
    int growing = 0;
    for (int d = 0; d < b->rank; d++) {
        g.found = false;
        Expr *room = lo_copy(a, b->room[d], one_row, &g);
        growing += g.found;
        if (g.found && b->room[d]->kind != X_INDEX) return false;
        if (g.found) room = lo_int(a, 1);
        if (d + 1 < b->rank) rows = lo_mul(a, rows, room);
        else row = room;
    }
    if (growing > 1) return false;
    Sum *to = growing ? &r->each : &r->fixed;
    int64_t size = dtype_table[b->type].bytes;
    add_term(r->l, to, lo_mul(a, rows, row), size * b->depth);
    add_term(r->l, to, rows, 32 * b->depth);
    add_term(r->l, to, lo_int(a, 1), 64 * b->depth);
    return true;
}

static bool has_tile(const Rows *r, const Expr *read) {
    const TileStage *s = r->l->stage;
    for (int i = 0; i < s->bufs.n; i++)
        for (int j = 0; j < s->bufs.at[i]->reads.n; j++)
            if (expr_equal(s->bufs.at[i]->reads.at[j], read)) return true;
    return false;
}

static Expr *at_block(void *context, Expr *e) {
    const Rows *r = context;
    const TileAxis *axis = e->kind == X_INDEX ? stage_axis_of(r->l, e->index) : NULL;
    return axis ? path_block(r->l, &r->path, axis).lo : NULL;
}

/* Tiles on core 0 for what the subscripts of a read read: it issues the copy. */
static bool load_subscripts(Rows *r, const Expr *read) {
    Low *l = r->l;
    LowReads inner = {0};
    for (int d = 0; d < read->args.n; d++) low_reads(l->a, read->args.at[d], &inner);
    for (int i = 0; i < inner.n; i++) {
        Expr *culprit, *x = inner.at[i], *here = lo_copy(l->a, x, at_block, r);
        TileBuf trial = {0};
        if (has_tile(r, here)) continue;
        if (!load_subscripts(r, x) || !hull_box(l, &r->path, x->tensor, &x->args, &trial, &culprit)) return false;
        TileBuf *b = stage_tile(l, x->tensor, x->tensor->name, x->tensor->type);
        stage_take_box(b, &trial);
        int depth = 0;
        for (int d = 0; d < b->rank; d++)
            if (stage_depth(&r->path, b->lo[d]) || stage_depth(&r->path, b->hi[d])) depth = 1;
        b->depth = 1 + depth;
        b->core = 0;
        vec_push(l->a, &b->reads, here);
        stage_copy(l, stage_body(l, &r->path, depth), TILE_LOAD, b, x->span);
        if (!count(r, b)) return false;
    }
    return true;
}

/* A tile for a read, and its LOAD; a box that has one already is shared. */
static bool load(Rows *r, Expr *read) {
    Low *l = r->l;
    Expr *culprit;
    if (has_tile(r, read)) return true;
    TileBuf trial = {0};
    if (!hull_box(l, &r->path, read->tensor, &read->args, &trial, &culprit)) return false;
    if (read->mode == READ_CLAMP) hull_clamp(l, read->tensor, &trial);
    if (!load_subscripts(r, read)) return false;
    int depth = 0;
    for (int d = 0; d < trial.rank; d++)
        if (stage_depth(&r->path, trial.lo[d]) || stage_depth(&r->path, trial.hi[d])) depth = 1;
    for (int i = 0; i < l->stage->bufs.n; i++) {
        TileBuf *b = l->stage->bufs.at[i];
        bool same = b->tensor == read->tensor && b->copied_in && b->core == 1;
        for (int d = 0; same && d < b->rank; d++)
            same = expr_equal(b->lo[d], trial.lo[d]) && expr_equal(b->hi[d], trial.hi[d]) && b->point[d] == trial.point[d];
        if (!same) continue;
        vec_push(l->a, &b->reads, read);
        return true;
    }
    TileBuf *b = stage_tile(l, read->tensor, read->tensor->name, read->tensor->type);
    stage_take_box(b, &trial);
    b->depth = depth ? sched_slots(l, (Group){r->first, r->n}, read->tensor, 2) : 1;
    vec_push(l->a, &b->reads, read);
    stage_copy(l, stage_body(l, &r->path, depth), TILE_LOAD, b, read->span);
    return count(r, b);
}

static bool targets(Rows *r, const Stmt *s, bool stored) {
    Low *l = r->l;
    for (int i = 0; i < s->targets.n; i++) {
        const Target *t = &s->targets.at[i];
            Expr *culprit;
        bool out = t->tensor->role == TR_OUTPUT || read_outside(r, t->tensor);
        if (out != stored) continue;
        TileBuf *b = stage_tile(l, t->tensor, t->tensor->name, t->tensor->type);
        if (!hull_box(l, &r->path, t->tensor, &t->subs, b, &culprit)) return false;
        b->depth = out && !read_inside(r, t->tensor) ? sched_slots(l, (Group){r->first, r->n}, t->tensor, 2) : 1;
        if (!count(r, b)) return false;
    }
    return true;
}

/* --- the stage ------------------------------------------------------------------------------------------------------------------------ */

static bool reduction_axes(Rows *r, const Stmt *s) {
    const Reduce *c = low_reduce(s);
    if (c && c->scan) {
        r->l->stage->axis_of[c->idx.at[0]->id] = r->l->stage->axis_of[c->along->id];
        return true;
    }
    for (int i = 0; c && i < c->idx.n; i++) {
        Hull lo, hi;
        if (!hull_of(r->l, &r->path, c->idx.at[i]->lo, &lo) || !hull_of(r->l, &r->path, c->idx.at[i]->hi, &hi)) return false;
        stage_axis(r->l, c->idx.at[i], lo.lo, lo_sub(r->l->a, hi.hi, lo_int(r->l->a, 1)));
    }
    return true;
}

/* Row results of the engine are f32; what is read beside must be in a tile of the block. */
static bool takes_f32(Rows *r, const Stmt *s) {
    for (int i = 0; i < r->l->stage->bufs.n; i++) {
        TileBuf *b = r->l->stage->bufs.at[i];
        if (b->tensor != s->targets.at[0].tensor || b->copied_in) continue;
        bool out = b->tensor->role == TR_OUTPUT || read_outside(r, b->tensor);
        if (out && b->type != DT_F32) return false;
        b->type = DT_F32;
    }
    return true;
}

/* The statement as commands of the elementwise engine, its temporaries counted. */
static bool commands(Rows *r, const Stmt *s) {
    Low *l = r->l;
    r->plan = simd_plan(l, &r->path, s);
    if (!r->plan || (low_reduce(s) && !takes_f32(r, s))) return false;
    int before = l->stage->bufs.n;
    simd_temps(l, &r->path, s, r->plan);
    for (int i = before; i < l->stage->bufs.n; i++)
        if (!count(r, l->stage->bufs.at[i])) return false;
    return true;
}

static bool statement(Rows *r, int number) {
    Low *l = r->l;
    const Stmt *s = at(r, number);
    LowReads reads = {0};
    for (int q = 0; q < s->idx.n; q++) {
        if (q < r->shared && number) l->stage->axis_of[s->idx.at[q]->id] = r->path.at[0]->levels.at[q].axis;
        else if (q >= r->shared) stage_axis(l, s->idx.at[q], s->idx.at[q]->lo, s->idx.at[q]->hi);
    }
    if (!reduction_axes(r, s)) return false;
    low_reads(l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++)
        if (!defined_in(r, reads.at[i]->tensor, number) && !load(r, reads.at[i])) return false;
    if (!targets(r, s, false) || !targets(r, s, true)) return false;
    if (r->simd && !commands(r, s)) return false;
    stage_compute(l, &r->path.at[0]->body, s, TILE_WHOLE)->simd = r->plan;
    return true;
}

static void open(Rows *r) {
    Low *l = r->l;
    const Stmt *s = at(r, 0);
    stage_open(l, at(r, r->n - 1)->targets.at[0].tensor->name);
    r->path.n = 0;
    TileNode *loop = stage_for(l, &r->path, TILE_PE, s->span);
    for (int q = 0; q < r->shared; q++) {
        TileAxis *axis = stage_axis(l, s->idx.at[q], s->idx.at[q]->lo, s->idx.at[q]->hi);
        bool last = q == r->shared - 1;
        stage_level(l, loop, axis, last ? x_dim(l->a, NULL, s->span) : lo_int(l->a, 1), last ? r->most : 0);   /* the last step follows from the bytes */
    }
    memset(&r->fixed, 0, sizeof r->fixed);
    memset(&r->each, 0, sizeof r->each);
}

/* Rows of a block: what fits, but no more than gives each PE several blocks. */
static void close(Rows *r) {
    Low *l = r->l;
    Arena *a = l->a;
    TileLevel *v = &r->path.at[0]->levels.at[r->shared - 1];
    int64_t pes = (int64_t)l->m->rows * l->m->cols;
    Expr *n = lo_int(a, 1), *budget = lo_int(a, l->m->local - RESERVE);
    for (int q = 0; q < r->shared; q++) {
        const TileAxis *axis = r->path.at[0]->levels.at[q].axis;
        n = lo_mul(a, n, lo_sub(a, axis->hi, axis->lo));
    }
    Expr *fit = lo_div_by(a, lo_sub(a, budget, total(l, &r->fixed)), total(l, &r->each));
    Expr *share = lo_div(a, lo_add(a, n, lo_int(a, pes - 1)), pes);
    Expr *several = lo_max(a, lo_int(a, LEAST_ROWS), lo_div(a, lo_add(a, n, lo_int(a, LEAST_BLOCKS * pes - 1)), LEAST_BLOCKS * pes));
    Expr *most = r->most ? lo_int(a, r->most) : several;
    v->step = lo_max(a, lo_int(a, 1), lo_min(a, fit, lo_min(a, share, most)));
    r->fits = lo_le(a, lo_add(a, total(l, &r->fixed), total(l, &r->each)), budget);
    stage_link(l, &r->path, 1);
    stage_share_kept(l);
    for (int i = 0; i < l->stage->bufs.n; i++) {
        TileBuf *b = l->stage->bufs.at[i];
        bool out = b->tensor && !b->copied_in && (b->tensor->role == TR_OUTPUT || read_outside(r, b->tensor));
        if (out) stage_copy(l, &r->path.at[0]->body, TILE_STORE, b, r->path.at[0]->span);
    }
}

static bool try_build(Rows *r) {
    open(r);
    for (int i = 0; i < r->n; i++)
        if (!statement(r, i)) {
            r->l->p->stages.n--;
            return false;
        }
    close(r);
    return true;
}

/* Some statement's engine is given and is another one. */
static bool is_other(const Rows *r, const char *engine) {
    for (int i = 0; i < r->n; i++)
        if (sched_engine_other(r->l, at(r, i), engine)) return true;
    return false;
}

/* By the elementwise engine where it can do all statements, else by the vector core. */
static bool try_engines(Rows *r) {
    r->plan = NULL;
    r->simd = true;
    if (!is_other(r, "simd") && try_build(r)) return true;
    r->plan = NULL;
    r->simd = false;
    return !is_other(r, "vector") && try_build(r);
}

static bool is_tiled_inside(const Rows *r, const Stmt *s) {
    for (int q = r->shared; q < sched_n_axes(s); q++)
        if (sched_tile(r->l, s, sched_axis_at(s, q)) > 0) return true;
    return false;
}

/* Why statement number n can't be one more of the run; NULL: it can. */
static const char *why_not(const Rows *r, int n) {
    const Stmt *s = at(r, n);
    bool asked = sched_group(r->l, r->first) != 0;
    Arena *a = r->l->a;
    Name name = sched_label(a, r->l->k, s);
    if (!same_outer(r, s)) return arena_printf(a, "'%s' has not the same outer indices", name);
    if (is_contraction(r, s)) return arena_printf(a, "'%s' is a contraction: blocks of whole rows would load its operands many times", name);
    if (!reads_own_rows(r, s, n)) return arena_printf(a, "'%s' reads what is made before it at other places than its own", name);
    if (asked && is_tiled_inside(r, s)) return arena_printf(a, "it holds whole rows, but 'tile' cuts the rows of '%s'", name);
    if (!asked && is_tiled_inside(r, s)) return "cut";
    return NULL;
}

/* The longest run of statements from the first on that share `shared` outer indices. */
static void grow(Rows *r) {
    const Kernel *k = r->l->k;
    r->why = NULL;
    for (r->n = 0; r->first + r->n < k->stmts.n && r->n < r->limit; r->n++) {
        if (r->n && sched_is_stored(r->l, r->first + r->n - 1)) return;
        if ((r->why = why_not(r, r->n))) return;
    }
}

/* The same statements, each by itself, where the group does not fit. */
static void otherwise(Rows *r) {
    Low *l = r->l;
    sched_case(l, NULL);
    l->sched->fallback = l->p->stages.n;
    for (int i = 0; i < r->n && !l->why; i++) nest_stage(l, at(r, i));
}

/* Outer indices that the schedule deals to all PEs: -1: it says nothing; 0: they are dealt in a way that rows are not. */
static int placed(Low *l, int first, int n) {
    int count = 0;
    bool any = false, rest = false, fine = true;
    for (int q = 0; q < l->k->stmts.at[first]->idx.n; q++) {
        const ScheduleItem *x = sched_outer(l, S_PLACE, (Group){first, n}, q);
        any |= x != NULL;
        fine &= !x || (!rest && !strcmp(x->to.text, "pe"));
        rest |= !x;
        count += x != NULL;
    }
    return !any ? -1 : fine ? count : 0;
}

static int64_t block_rows(const Rows *r) {
    const ScheduleItem *x = sched_outer(r->l, S_TILE, (Group){r->first, r->n}, r->shared - 1);
    return x ? x->number : 0;
}

/* The run of statements that is best, or that the schedule asks for. */
static Rows choose(Low *l, int first, int want) {
    int on = placed(l, first, want ? want : 1);
    Rows best = {.l = l, .first = first};
    for (int shared = l->k->stmts.at[first]->idx.n; shared >= 1; shared--) {
        Rows r = {.l = l, .first = first, .shared = shared, .limit = want ? want : INT32_MAX};
        if (on >= 0 && on != shared) continue;
        grow(&r);
        if (r.n > best.n || !best.shared) best = r;
    }
    return best;
}

static int refused(Low *l, int first, int want, const char *why) {
    const ScheduleItem *x = NULL;
    for (int i = first; !x && i < first + want; i++) x = sched_stmt(l, S_FUSE, (Group){i, 1});
    if (x) diag_help(sched_refuse(l, x, "%s", why), "legal is: store %s in sram", x->names.at[0].text);
    return 0;
}

int rows_stage(Low *l, int first) {
    int want = sched_group(l, first);
    if (want == 1) return 0;
    Rows best = choose(l, first, want);
    if (want && best.n < want)
        return refused(l, first, want, best.why ? best.why : best.shared ? "they share no outer index" : "'place' must deal the first of their outer indices to all PEs");
    for (; best.n >= 2 && best.n >= want; best.n--) {
        best.most = block_rows(&best);
        if (try_engines(&best)) break;
    }
    if (want && best.n < want) return refused(l, first, want, "some tile of a row has no size that can be told");
    if (best.n < 2) return 0;
    bool implied = sched_implies(l, best.fits);
    vec_push(l->a, &l->sched->cases, ((LowCase){implied ? NULL : best.fits, l->p->stages.n - 1}));
    if (!implied) otherwise(&best);
    return best.n;
}
