/* How a reduction is done in lanes: along which index, as vectors or arrays, and which indices are tiled. */
#include "emit/host_gen.h"

/* Neither the reduction nor its ranges need statements of their own. */
static bool is_plain(const Reduce *r) {
    if (r->scan != SCAN_NONE || r->idx.n == 0 || host_needs_statements(r->operands.at[0])) return false;
    if (r->pred && host_needs_statements(r->pred)) return false;
    for (int i = 0; i < r->idx.n; i++)
        if (host_needs_statements(r->idx.at[i]->lo) || host_needs_statements(r->idx.at[i]->hi)) return false;
    return true;
}

static bool is_lane_comb(const Reduce *r) {
    const Comb *c = r->comb;
    bool kind = c->kind == CK_SUM || c->kind == CK_PROD || c->kind == CK_MAX || c->kind == CK_MIN || (c->kind == CK_MEAN && !r->pred);
    return kind && is_plain(r);
}

static bool in_bounds(const Reduce *r, const Index *i) {
    for (int j = 0; j < r->idx.n; j++)
        if (host_mentions(r->idx.at[j]->lo, i) || host_mentions(r->idx.at[j]->hi, i)) return true;
    return false;
}

/* Whether a subscript that holds i holds another index too: a window, which is short. */
static bool is_window(const Stmt *s, const Expr *read, const Index *i) {
    for (int d = 0; d < read->args.n; d++) {
        if (!host_mentions(read->args.at[d], i)) continue;
        for (int j = 0; j < s->idx.n; j++)
            if (s->idx.at[j] != i && host_mentions(read->args.at[d], s->idx.at[j])) return true;
    }
    return false;
}

/* Reads that move by one element along i, less where that is a window; 0 when any read moves otherwise. */
static int lane_score(const Stmt *s, const Reads *reads, const Index *i) {
    int score = 0;
    for (int r = 0; r < reads->n; r++) {
        Stride m = host_stride(&reads->at[r]->args, i);
        if (m == STRIDE_OTHER) return 0;
        if (m == STRIDE_UNIT) score += is_window(s, reads->at[r], i) ? 1 : 4;
    }
    return score;
}

static uint64_t invariant_reads(const Reads *reads, const Index *i) {
    uint64_t set = 0;
    for (int r = 0; r < reads->n && r < 64; r++)
        if (host_stride(&reads->at[r]->args, i) == STRIDE_NONE) set |= UINT64_C(1) << r;
    return set;
}

/* The index to tile: some reads do not vary over it, others do. The outermost such; of those with the same reads the innermost.
 * With `first` given: a second one, over which other reads do not vary. */
static Index *tile_index(Gen *g, const Stmt *s, const Reads *reads, const Index *lane, const Index *first) {
    Index *tile = NULL;
    uint64_t all = reads->n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << reads->n) - 1, shared = 0;
    uint64_t not = first ? invariant_reads(reads, first) : 0;
    for (int d = g->depth; d < s->idx.n; d++) {
        Index *i = s->idx.at[d];
        uint64_t set = invariant_reads(reads, i);
        if (i == lane || i == first || in_bounds(s->value->reduce, i) || !set || set == all || set == not) continue;
        if (tile && set != shared) continue;
        tile = i;
        shared = set;
    }
    return tile;
}

Lanes host_lanes_plan(Gen *g, const Stmt *s) {
    Lanes none = {0}, plan = {0};
    if (s->value->kind != X_REDUCE || s->targets.n != 1 || !is_lane_comb(s->value->reduce)) return none;
    const Reduce *r = s->value->reduce;
    bool floats = dtype_is_float(r->comb->type);
    Reads reads = host_reads(g, r->operands.at[0]);
    if (r->pred) {
        Reads more = host_reads(g, r->pred);
        for (int i = 0; i < more.n; i++) vec_push(g->a, &reads, more.at[i]);
    }
    Index *last = r->idx.at[r->idx.n - 1];
    int best = lane_score(s, &reads, last);
    bool vector = host_vector_fits(r, last);
    if (best && (floats || vector)) plan = (Lanes){.use = true, .vector = vector, .lane = last};
    for (int d = g->depth; d < s->idx.n; d++) {
        Index *i = s->idx.at[d];
        int score = in_bounds(r, i) ? 0 : lane_score(s, &reads, i);
        /* a tile of results is stored as it is, so narrow ones are not for vectors */
        bool vector_fits = dtype_table[r->comb->type].bytes >= 4 && host_vector_fits(r, i);
        if (score > best) best = score, plan = (Lanes){.use = true, .vector = vector_fits, .lane = i, .output = true};
    }
    if (!plan.use) return none;
    plan.tile = tile_index(g, s, &reads, plan.lane, NULL);
    if (plan.tile && plan.vector && !plan.output) plan.tile2 = tile_index(g, s, &reads, plan.lane, plan.tile);
    return plan;
}

/* --- copies of narrow tensors as floats --------------------------------------------------------------------------------------- */

/* The narrow tensors that a statement with these lanes reads as copies: those that each tile would convert again. */
static Reads narrow_reads(Gen *g, const Stmt *s, Lanes plan) {
    Reads found = {0};
    if (!plan.use || !plan.tile) return found;
    Reads reads = host_reads(g, s->value->reduce->operands.at[0]);
    for (int r = 0; r < reads.n; r++) {
        const Tensor *t = reads.at[r]->tensor;
        bool seen = !dtype_is_float(t->type) || dtype_table[t->type].bytes > 2 || (g->grouped[s->id] && t->role != TR_INPUT);
        for (int i = 0; i < found.n; i++) seen = seen || found.at[i]->tensor == t;
        if (!seen) vec_push(g->a, &found, reads.at[r]);
    }
    return found;
}

void host_wide_plan(Gen *g) {
    for (int i = 0; i < g->k->stmts.n; i++) {
        const Stmt *s = g->k->stmts.at[i];
        if (g->tiles && !host_tile_is_whole(g, s)) continue;
        Reads reads = narrow_reads(g, s, host_lanes_plan(g, s));
        for (int r = 0; r < reads.n; r++) {
            HostTensor *h = &g->tensors[reads.at[r]->tensor->id];
            if (!h->wide) h->wide = host_name(g, arena_printf(g->a, "%s_f32", h->name));
        }
    }
}

void host_wide_reads(Gen *g, const Stmt *s, Lanes plan, bool on) {
    Reads reads = narrow_reads(g, s, plan);
    for (int r = 0; r < reads.n; r++) {
        HostTensor *h = &g->tensors[reads.at[r]->tensor->id];
        h->wide_on = on && h->wide;
    }
}

void host_widen(Gen *g, const Stmt *s, Lanes plan) {
    Reads reads = narrow_reads(g, s, plan);
    for (int r = 0; r < reads.n; r++) {
        const Tensor *t = reads.at[r]->tensor;
        HostTensor *h = &g->tensors[t->id];
        if (!h->wide) continue;
        h->used = true;
        CExpr total = host_extent(g, t->shape[0]);
        for (int d = 1; d < t->rank; d++) total = c_product(&g->p, total, host_extent(g, t->shape[d]));
        int mark = host_scope_mark(g);
        const char *i = host_name(g, "i"), *load = host_use(&g->uses, arena_printf(g->a, "knf_from_%s", dtype_name(t->type)));
        c_for(&g->p, "int64_t", i, c_atom("0"), total, 1);
        CExpr from = c_call1(&g->p, load, c_subscript(&g->p, c_atom(h->name), c_atom(i)));
        c_assign(&g->p, c_subscript(&g->p, c_atom(h->wide), c_atom(i)), "=", from);
        c_end(&g->p);
        host_scope_pop(g, mark);
    }
}
