/* Stages for a machine whose memory is addressed in place (threads behind caches): tensors are read and written where they lie, and a
 * statement is computed whole, inside of the loops that it shares with its neighbours.
 *
 * Statements that share their leading index, and of each other need only what that index's loop has just computed, share the loop;
 * inside of it the same is tried for the next index. Temporaries that live in such a loop are tiles of one iteration. Sums of products
 * are block_dot.c's. Found by the structure of subscripts alone. */
#include "lower/block.h"

enum { BLOCK_ROWS = 24 };   /* a multiple of the rows of most strips of products; a block of some thousand columns stays in the cache */

/* --- what belongs together --------------------------------------------------------------------------------------------------------- */

/* Statements from .. to - 1, the index at place `depth`. */
typedef struct Run { Low *l; int from, to, depth; } Run;

static Stmt *at(const Run *r, int i) { return r->l->k->stmts.at[i]; }
static Index *lead_of(const Run *r, int i) { return at(r, i)->idx.at[r->depth]; }

static bool defines(const Stmt *s, const Tensor *t) {
    for (int i = 0; i < s->targets.n; i++)
        if (s->targets.at[i].tensor == t) return true;
    return false;
}

bool block_defined_once(const Low *l, const Tensor *t) {
    int n = 0;
    for (int i = 0; i < l->k->stmts.n; i++) n += defines(l->k->stmts.at[i], t);
    return n == 1;
}

static bool reads_tensor(Low *l, const Stmt *s, const Tensor *t) {
    LowReads reads = {0};
    low_reads(l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++)
        if (reads.at[i]->tensor == t) return true;
    return false;
}

bool block_is_inner(const Low *l, const Tensor *t, int from, int to) {
    if (t->role != TR_TEMP || !block_defined_once(l, t)) return false;
    for (int i = 0; i < l->k->stmts.n; i++) {
        const Stmt *s = l->k->stmts.at[i];
        bool inside = i >= from && i < to;
        if (defines(s, t) && !inside) return false;
        if (!inside && reads_tensor((Low *)l, s, t)) return false;
    }
    return true;
}

static bool in_ranges(const Reduce *r, const Index *i) {
    for (int j = 0; j < r->idx.n; j++)
        if (low_mentions(r->idx.at[j]->lo, i) || low_mentions(r->idx.at[j]->hi, i)) return true;
    return false;
}

/* How a place moves with an index: not, to neighbours in memory, otherwise. */
typedef enum Move { MOVE_NONE, MOVE_NEXT, MOVE_FAR } Move;

static Move move(const Exprs *subs, const Index *i) {
    Move m = MOVE_NONE;
    for (int d = 0; d < subs->n; d++)
        if (low_mentions(subs->at[d], i)) m = m == MOVE_NONE && d == subs->n - 1 ? MOVE_NEXT : MOVE_FAR;
    return m;
}

/* How many reads go to neighbours along the index; 0 when one goes far. */
static int neighbours(const LowReads *reads, const Index *i) {
    int n = 0;
    for (int r = 0; r < reads->n; r++) {
        Move m = move(&reads->at[r]->args, i);
        if (m == MOVE_FAR) return 0;
        n += m == MOVE_NEXT;
    }
    return n;
}

/* How well the index goes innermost of a statement without reduction. */
static int inner_score(const Stmt *s, const LowReads *reads, const Index *i) {
    static const int weight[] = {[MOVE_NONE] = 0, [MOVE_NEXT] = 2, [MOVE_FAR] = -2};
    int score = 3 * weight[move(&s->targets.at[0].subs, i)] / 2;
    for (int r = 0; r < reads->n; r++) score += weight[move(&reads->at[r]->args, i)];
    return score;
}

/* A loop over the index around the statement costs nothing: it is not the one that goes along neighbours in memory, and what varies
 * over it and what does not are not used together by blocks of it. */
static bool is_outer(Low *l, const Stmt *s, int depth) {
    const Index *lead = s->idx.at[depth];
    const Reduce *r = low_reduce(s);
    LowReads reads = {0};
    if (!r) {
        low_reads(l->a, s->value, &reads);
        for (int q = depth + 1; q < s->idx.n; q++)
            if (inner_score(s, &reads, s->idx.at[q]) >= inner_score(s, &reads, lead)) return true;
        return s->idx.n == depth + 1;
    }
    if (r->along == lead) return false;
    if (in_ranges(r, lead) || r->scan || r->comb->kind > CK_MEAN) return true;
    low_reads(l->a, r->operands.at[0], &reads);
    int with = 0;
    for (int i = 0; i < reads.n; i++) with += low_mentions(reads.at[i], lead);
    if (neighbours(&reads, lead) > neighbours(&reads, r->idx.at[r->idx.n - 1])) return false;
    return with == 0 || with == reads.n;
}

/* The run's index stands alone in its place of what the statement defines. */
static bool is_led(const Run *r, const Stmt *s) {
    if (s->idx.n <= r->depth) return false;
    Index *lead = s->idx.at[r->depth];
    for (int i = 0; i < s->targets.n; i++) {
        const Target *t = &s->targets.at[i];
        if (!block_defined_once(r->l, t->tensor)) return false;
        if (t->subs.n <= r->depth || !expr_is_index(t->subs.at[r->depth], lead)) return false;
        for (int d = 0; d < t->subs.n; d++)
            if (d != r->depth && low_mentions(t->subs.at[d], lead)) return false;
    }
    return true;
}

/* Whether a loop over its index can stand around the statement. */
static bool can_lead(const Run *r, const Stmt *s) { return is_led(r, s) && is_outer(r->l, s, r->depth); }

static bool is_defined_inside(const Run *r, const Tensor *t) {
    for (int i = r->from; i < r->to; i++)
        if (defines(at(r, i), t)) return true;
    return false;
}

/* Every read in the run of what the run defines is at the loop's own position. */
static bool reads_agree(const Run *r) {
    for (int i = r->from; i < r->to; i++) {
        LowReads reads = {0};
        low_reads(r->l->a, at(r, i)->value, &reads);
        for (int j = 0; j < reads.n; j++) {
            const Expr *e = reads.at[j];
            if (!is_defined_inside(r, e->tensor)) continue;
            if (e->mode != READ_PLAIN || e->args.n <= r->depth || !expr_is_index(e->args.at[r->depth], lead_of(r, i))) return false;
        }
    }
    return true;
}

static bool same_range(const Index *x, const Index *y) { return expr_equal(x->lo, y->lo) && expr_equal(x->hi, y->hi); }

/* Some temporary stays inside. */
static bool pays(const Run *r) {
    for (int i = r->from; i < r->to; i++)
        for (int t = 0; t < at(r, i)->targets.n; t++)
            if (block_is_inner(r->l, at(r, i)->targets.at[t].tensor, r->from, r->to)) return true;
    return false;
}

/* The longest run that begins at `from`; a single statement when none pays. */
static Run run_at(Low *l, int from, int to, int depth) {
    Run r = {l, from, from + 1, depth}, best = r;
    if (!can_lead(&r, l->k->stmts.at[from])) return r;
    while (r.to < to && can_lead(&r, at(&r, r.to)) && same_range(lead_of(&r, from), lead_of(&r, r.to))) {
        r.to++;
        if (!reads_agree(&r)) break;
        if (pays(&r)) best = r;
    }
    return best;
}

/* The longest run from `from` of products whose rows the index is, and of what can stand in a loop over it: computed by blocks of rows, it
 * keeps its temporaries in the cache. Empty where none pays. */
static Run rows_at(Low *l, int from, int to, int depth) {
    Run r = {l, from, from, depth}, best = r;
    BlockDot d;
    for (bool products = false; r.to < to; ) {
        const Stmt *s = at(&r, r.to);
        bool product = is_led(&r, s) && block_dot_match(l, s, &d) && d.m == s->idx.at[depth];
        if ((!product && !can_lead(&r, s)) || !same_range(lead_of(&r, from), lead_of(&r, r.to))) break;
        products |= product;
        r.to++;
        if (!reads_agree(&r)) break;
        if (products && r.to - from > 2 && pays(&r)) best = r;
    }
    return best;
}

/* --- the stage ------------------------------------------------------------------------------------------------------------------------ */

TileNodes *block_body(Block *b, Path *path) {
    if (!path->n) {
        stage_for(b->l, path, TILE_PE, b->l->k->stmts.at[b->first]->span);
        stage_link(b->l, path, 1);
    }
    return stage_body(b->l, path, path->n);
}

void block_results(Block *b, const Path *path, const Stmt *s, TileNodes *body) {
    Low *l = b->l;
    for (int i = 0; i < s->targets.n; i++) {
        const Target *t = &s->targets.at[i];
        Path at = *path;
        Expr *culprit;
        if (b->depth[t->tensor->id] >= 0) at.n = b->depth[t->tensor->id];
        TileBuf *to = stage_tile(l, t->tensor, t->tensor->name, t->tensor->type);
        if (!hull_box(l, &at, t->tensor, &t->subs, to, &culprit)) l->why = "a target's box can't be told";
        if (b->depth[t->tensor->id] >= 0) continue;
        to->memory = TILE_HOME;
        stage_copy(l, body, TILE_STORE, to, s->span);
    }
}

static void leaf(Block *b, Path *path, const Stmt *s) {
    int was = path->n;
    TileNodes *body = block_body(b, path);
    for (int q = 0; q < s->idx.n; q++)
        if (!stage_axis_of(b->l, s->idx.at[q])) stage_axis(b->l, s->idx.at[q], s->idx.at[q]->lo, s->idx.at[q]->hi);
    stage_compute(b->l, body, s, TILE_WHOLE);
    block_results(b, path, s, body);
    path->n = was;
}

static void body(Block *b, Path *path, int from, int to, int depth);

/* Temporaries of the run alone are tiles inside of the loops so far. */
static void keep_inside(Block *b, const Path *path, const Run *r) {
    for (int i = r->from; i < r->to; i++)
        for (int t = 0; t < at(r, i)->targets.n; t++) {
            const Tensor *x = at(r, i)->targets.at[t].tensor;
            if (block_is_inner(b->l, x, r->from, r->to)) b->depth[x->id] = path->n;
        }
}

/* The run by blocks of rows. */
static void rows(Block *b, Path *path, const Run *r) {
    Low *l = b->l;
    Index *lead = lead_of(r, r->from);
    b->outer = path->n;
    TileNode *loop = stage_for(l, path, TILE_SEQ, at(r, r->from)->span);
    TileAxis *axis = stage_axis(l, lead, lead->lo, lead->hi);
    stage_level(l, loop, axis, lo_int(l->a, BLOCK_ROWS), BLOCK_ROWS);
    for (int i = r->from; i < r->to; i++) l->stage->axis_of[lead_of(r, i)->id] = axis;
    keep_inside(b, path, r);
    body(b, path, r->from, r->to, r->depth);
    stage_link(l, path, path->n);
    path->n--;
    b->outer = -1;
}

/* The loop of a run, and what stands in it. */
static void run(Block *b, Path *path, const Run *r) {
    Low *l = b->l;
    Index *lead = lead_of(r, r->from);
    TileNode *loop = stage_for(l, path, path->n ? TILE_SEQ : TILE_PE, at(r, r->from)->span);
    TileAxis *axis = stage_axis_of(l, lead);
    if (!axis) axis = stage_axis(l, lead, lead->lo, lead->hi);
    stage_level(l, loop, axis, lo_int(l->a, 1), 1);
    stage_link(l, path, path->n);
    for (int i = r->from; i < r->to; i++) l->stage->axis_of[lead_of(r, i)->id] = axis;
    keep_inside(b, path, r);
    body(b, path, r->from, r->to, r->depth + 1);
    path->n--;
}

static bool is_made_here(const Block *b, const Tensor *t) {
    for (int i = b->first; i < b->end; i++)
        for (int q = 0; q < b->l->k->stmts.at[i]->targets.n; q++)
            if (b->l->k->stmts.at[i]->targets.at[q].tensor == t) return true;
    return false;
}

/* The product's operands are copied, and one of them is made in this stage: it is no tensor yet that a copy could come from. */
static bool copies_own(const Block *b, const Path *path, const BlockDot *d) {
    bool copies_b = !d->b_in_place || b->packs || path->n;
    return (!d->a_in_place && is_made_here(b, d->a->tensor)) || (copies_b && is_made_here(b, d->b->tensor));
}

static void body(Block *b, Path *path, int from, int to, int depth) {
    Low *l = b->l;
    for (int i = from; i < to && !l->why;) {
        Run r = path->n && b->outer < 0 && !b->few ? rows_at(l, i, to, depth) : (Run){.from = i, .to = i};
        if (r.to > r.from) {
            rows(b, path, &r);
            i = r.to;
            continue;
        }
        r = run_at(l, i, to, depth);
        BlockDot d;
        int n = !b->few && block_dot_match(l, l->k->stmts.at[i], &d) && !copies_own(b, path, &d) ? block_dot_extent(l, i, to, &d) : 0;
        if (n >= r.to - r.from) {
            block_dot_leaf(b, path, i, n, &d);
            i += n;
            continue;
        }
        if (r.to - r.from >= 2) run(b, path, &r);
        else leaf(b, path, l->k->stmts.at[i]);
        i = r.to;
    }
}

static void stage(Low *l, const Run *r, bool few, bool packs) {
    Block b = {.l = l, .outer = -1, .few = few, .packs = packs, .first = r->from, .end = r->to, .depth = NEW_ARRAY(l->a, int, l->k->tensors.n + 1)};
    Path path = {.n = 0};
    for (int t = 0; t < l->k->tensors.n; t++) b.depth[t] = -1;
    stage_open(l, at(r, r->to - 1)->targets.at[0].tensor->name);
    l->stage->one_core = true;
    body(&b, &path, r->from, r->to, 0);
}

/* A product and what follows it, as cases. */
static int dot_stages(Low *l, const BlockDot *d, int first, int n) {
    Run r = {l, first, first + n, 0};
    Expr *few = block_dot_few(l, d), *unpacked = block_dot_unpacked(l, d);
    if (few) {
        sched_case(l, few);
        for (int i = first; i < first + n; i++) stage(l, &(Run){l, i, i + 1, 0}, true, false);
    }
    if (unpacked) {
        sched_case(l, unpacked);
        stage(l, &r, false, false);
    }
    sched_case(l, NULL);
    stage(l, &r, false, true);
    return n;
}

int block_stages(Low *l, int first) {
    Run r = run_at(l, first, l->k->stmts.n, 0);
    BlockDot d;
    int n = block_dot_match(l, l->k->stmts.at[first], &d) ? block_dot_extent(l, first, l->k->stmts.n, &d) : 0;
    if (n >= r.to - r.from) return dot_stages(l, &d, first, n);
    sched_case(l, NULL);
    stage(l, &r, false, false);
    return r.to - r.from;
}

/* --- facts ------------------------------------------------------------------------------------------------------------------------------ */

void block_fact(Low *l, const Fact *f) {
    if (f->number <= 0) return;
    Path path = {.n = 0};
    stage_open(l, "fact");
    l->stage->one_core = true;
    stage_for(l, &path, TILE_PE, f->span);
    stage_link(l, &path, 1);
    for (int q = 0; q < f->idx.n; q++) stage_axis(l, f->idx.at[q], f->idx.at[q]->lo, f->idx.at[q]->hi);
    TileNode *test = stage_compute(l, stage_body(l, &path, 1), NULL, TILE_TEST);
    test->fact = f;
    test->span = f->span;
}
