/* Reductions in lanes: several accumulators side by side, which compilers turn into vectors without reordering anything, so that the
 * result is the same whatever the compiler. The lanes run along an index whose neighbours are neighbours in memory: the reduction's
 * last (16 partial results a row, folded in pairs at the end) or one of the statement's (each lane is an element of the result). A
 * tile of rows shares what an operand does not vary over. */
#include "emit/host_gen.h"

enum { LANES = 16, WIDE_LANES = 16, TILED_LANES = 16, TILE = 4 };

/* --- the choice ------------------------------------------------------------------------------------------------------------------ */

static bool is_lane_comb(const Reduce *r) {
    const Comb *c = r->comb;
    bool kind = c->kind == CK_SUM || c->kind == CK_PROD || c->kind == CK_MAX || c->kind == CK_MIN || (c->kind == CK_MEAN && !r->pred);
    bool plain = r->scan == SCAN_NONE && r->idx.n > 0 && !host_needs_statements(r->operands.at[0]);
    if (!kind || !plain || (r->pred && host_needs_statements(r->pred))) return false;
    for (int i = 0; i < r->idx.n; i++)
        if (host_needs_statements(r->idx.at[i]->lo) || host_needs_statements(r->idx.at[i]->hi)) return false;
    return true;
}

static bool in_bounds(const Reduce *r, const Index *i) {
    for (int j = 0; j < r->idx.n; j++)
        if (host_mentions(r->idx.at[j]->lo, i) || host_mentions(r->idx.at[j]->hi, i)) return true;
    return false;
}

/* Whether a subscript that holds i holds another index too: a window, which is short. */
static bool is_window(Gen *g, const Stmt *s, const Expr *read, const Index *i) {
    (void)g;
    for (int d = 0; d < read->args.n; d++) {
        if (!host_mentions(read->args.at[d], i)) continue;
        for (int j = 0; j < s->idx.n; j++)
            if (s->idx.at[j] != i && host_mentions(read->args.at[d], s->idx.at[j])) return true;
    }
    return false;
}

/* Reads that move by one element along i, less where that is a window; 0 when any read moves otherwise. */
static int lane_score(Gen *g, const Stmt *s, const Reads *reads, const Index *i) {
    int score = 0;
    for (int r = 0; r < reads->n; r++) {
        Stride m = host_stride(&reads->at[r]->args, i);
        if (m == STRIDE_OTHER) return 0;
        if (m == STRIDE_UNIT) score += is_window(g, s, reads->at[r], i) ? 1 : 4;
    }
    return score;
}

static uint64_t invariant_reads(const Reads *reads, const Index *i) {
    uint64_t set = 0;
    for (int r = 0; r < reads->n && r < 64; r++)
        if (host_stride(&reads->at[r]->args, i) == STRIDE_NONE) set |= UINT64_C(1) << r;
    return set;
}

/* The index to tile: some reads do not vary over it, others do. The outermost such; of those with the same reads the innermost. */
static Index *tile_index(const Stmt *s, const Reads *reads, const Index *lane) {
    Index *tile = NULL;
    uint64_t all = reads->n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << reads->n) - 1, shared = 0;
    for (int d = 0; d < s->idx.n; d++) {
        Index *i = s->idx.at[d];
        uint64_t set = invariant_reads(reads, i);
        if (i == lane || in_bounds(s->value->reduce, i) || !set || set == all) continue;
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
    int best = lane_score(g, s, &reads, last);
    if (best) plan = (Lanes){floats, last, false, NULL};
    for (int d = 0; d < s->idx.n; d++) {
        Index *i = s->idx.at[d];
        int score = in_bounds(r, i) ? 0 : lane_score(g, s, &reads, i);
        if (score > best) best = score, plan = (Lanes){true, i, true, NULL};
    }
    if (!plan.use) return none;
    plan.tile = tile_index(s, &reads, plan.lane);
    return plan;
}

/* --- copies of narrow tensors as floats --------------------------------------------------------------------------------------- */

void host_wide_plan(Gen *g) {
    const Kernel *k = g->k;
    for (int i = 0; i < k->stmts.n; i++) {
        const Stmt *s = k->stmts.at[i];
        Lanes plan = host_lanes_plan(g, s);
        if (!plan.use || !plan.tile) continue;
        Reads reads = host_reads(g, s->value->reduce->operands.at[0]);
        for (int r = 0; r < reads.n; r++) {
            const Tensor *t = reads.at[r]->tensor;
            HostTensor *h = &g->tensors[t->id];
            if (!dtype_is_float(t->type) || dtype_table[t->type].bytes > 2 || h->wide) continue;
            h->wide = host_name(g, arena_printf(g->a, "%s_f32", t->name));
        }
    }
}

static void widen(Gen *g, const Stmt *s) {
    Reads reads = host_reads(g, s->value->reduce->operands.at[0]);
    for (int r = 0; r < reads.n; r++) {
        const Tensor *t = reads.at[r]->tensor;
        HostTensor *h = &g->tensors[t->id];
        if (!h->wide || h->widened) continue;
        h->widened = h->used = true;
        CExpr total = host_extent(g, t->shape[0]);
        for (int d = 1; d < t->rank; d++) total = c_product(&g->p, total, host_extent(g, t->shape[d]));
        const char *i = host_name(g, "i"), *load = host_use(&g->uses, arena_printf(g->a, "knf_from_%s", dtype_name(t->type)));
        c_for(&g->p, "int64_t", i, c_atom("0"), total, 1);
        CExpr from = c_call1(&g->p, load, c_subscript(&g->p, c_atom(h->name), c_atom(i)));
        c_assign(&g->p, c_subscript(&g->p, c_atom(h->wide), c_atom(i)), "=", from);
        c_end(&g->p);
    }
}

/* --- the loops ------------------------------------------------------------------------------------------------------------------- */

typedef struct Block {
    Gen *g;
    const Stmt *s;
    const Reduce *r;
    Lanes plan;
    int rows;               /* of the tile: TILE or 1 */
    int lanes;
    CExpr limit;            /* lanes in use */
    CExpr row0, lane0;      /* where tile and lanes begin */
    const char *l;          /* the lane's variable */
    const char *acc[TILE], *count;
    VEC(HostHoisted) hoisted[TILE];
} Block;

static void at_row(Block *b, int row) {
    if (b->plan.tile) b->g->index[b->plan.tile->id] = c_sum(&b->g->p, b->row0, c_int(&b->g->p, row));
}

static void open_accumulators(Block *b) {
    Gen *g = b->g;
    const Comb *c = b->r->comb;
    CExpr identity = host_identity(g, c);
    bool zero = c->kind == CK_SUM || c->kind == CK_MEAN;
    for (int t = 0; t < b->rows; t++) {
        b->acc[t] = host_name(g, b->rows > 1 ? arena_printf(g->a, "acc%d", t) : "acc");
        CExpr init = zero ? c_atom("{0}") : (CExpr){0};
        c_declare(&g->p, host_value_type(c->type), arena_printf(g->a, "%s[%d]", b->acc[t], b->lanes), init);
    }
    if (c->kind == CK_MEAN) c_declare(&g->p, "int64_t", b->count = host_name(g, "count"), c_atom("0"));
    if (zero) return;
    c_for(&g->p, "int", b->l, c_atom("0"), c_int(&g->p, b->lanes), 1);
    for (int t = 0; t < b->rows; t++) c_assign(&g->p, c_subscript(&g->p, c_atom(b->acc[t]), c_atom(b->l)), "=", identity);
    c_end(&g->p);
}

/* One element for each row of the tile into its lane. */
static void accumulate(Block *b) {
    Gen *g = b->g;
    for (int t = 0; t < b->rows; t++) {
        at_row(b, t);
        g->hoisted.n = 0;
        for (int i = 0; i < b->hoisted[0].n; i++) vec_push(g->a, &g->hoisted, b->hoisted[0].at[i]);
        for (int i = 0; t && i < b->hoisted[t].n; i++) vec_push(g->a, &g->hoisted, b->hoisted[t].at[i]);
        CExpr a = c_subscript(&g->p, c_atom(b->acc[t]), c_atom(b->l)), x = host_expr(g, b->r->operands.at[0]);
        if (b->r->pred) x = c_cond(&g->p, host_expr(g, b->r->pred), x, host_identity(g, b->r->comb));
        CExpr joined = host_join(g, b->r->comb, a, x);
        if (joined.prec == CP_ADD) c_assign(&g->p, a, "+=", x);
        else if (joined.prec == CP_MUL) c_assign(&g->p, a, "*=", x);
        else c_assign(&g->p, a, "=", joined);
    }
    g->hoisted.n = 0;
}

static bool has_read(void *context, Expr *e) {
    bool *found = context;
    *found = *found || (e->kind == X_READ && e->tensor->rank > 0);
    return !*found;
}

/* Names the parts of the operand that are the same in all lanes and evaluated in any case. */
static void hoist(Block *b, const Expr *e, int row) {
    Gen *g = b->g;
    if (host_mentions(e, b->plan.lane)) {
        bool opens = e->kind == X_CONVERT || e->kind == X_SAT || (e->kind == X_OP && e->op != OP_AND && e->op != OP_OR);
        for (int i = 0; opens && i < e->args.n; i++) hoist(b, e->args.at[i], row);
        return;
    }
    bool found = false, varies = b->plan.tile && host_mentions(e, b->plan.tile);
    expr_walk((Expr *)e, has_read, &found);
    if (!found || (row > 0 && !varies)) return;
    CExpr x = host_expr(g, e);
    const char *name = host_name(g, varies && b->rows > 1 ? arena_printf(g->a, "same%d", row) : "same");
    c_declare(&g->p, arena_printf(g->a, "const %s", host_value_type(e->type)), name, x);
    HostHoisted h = {e, c_atom(name)};
    vec_push(g->a, &b->hoisted[varies ? row : 0], h);
}

static CExpr bound_name(Gen *g, const Expr *e, const char *word) {
    CExpr x = host_bound(g, e);
    if (e->kind == X_LIT || e->kind == X_DIM || e->kind == X_INDEX) return x;
    const char *name = host_name(g, word);
    c_declare(&g->p, "const int64_t", name, x);
    return c_atom(name);
}

/* The number of positions, for a mean; the innermost loop's are counted at once. */
static void count_positions(Block *b, CExpr lo, CExpr hi) {
    if (!b->count) return;
    CExpr n = c_binary(&b->g->p, "-", hi, lo);
    c_assign(&b->g->p, c_atom(b->count), "+=", c_call2(&b->g->p, host_use(&b->g->uses, "knf_max_i64"), c_sum(&b->g->p, n, c_atom("0")), c_atom("0")));
}

/* The reduction's last index by lanes: whole groups, then the rest in the first lanes. */
static void lanes_along_reduction(Block *b) {
    Gen *g = b->g;
    Index *i = b->plan.lane;
    CExpr lo = bound_name(g, i->lo, "from"), hi = bound_name(g, i->hi, "end");
    count_positions(b, lo, hi);
    const char *name = host_name(g, i->name);
    c_declare(&g->p, "int64_t", name, lo);
    CExpr v = c_atom(name), l = c_atom(b->l);
    c_while(&g->p, c_binary(&g->p, "<=", v, c_binary(&g->p, "-", hi, c_int(&g->p, LANES))), c_binary(&g->p, "+=", v, c_int(&g->p, LANES)));
    c_for(&g->p, "int", b->l, c_atom("0"), c_int(&g->p, LANES), 1);
    g->index[i->id] = c_binary(&g->p, "+", v, l);
    accumulate(b);
    c_end(&g->p);
    c_end(&g->p);
    out_f(g->p.out, "for (int %s = 0; %s < %s; %s++, %s++) ", b->l, name, hi.text, b->l, name);
    c_block(&g->p);
    g->index[i->id] = v;
    accumulate(b);
    c_end(&g->p);
}

static void lanes_along_output(Block *b) {
    Gen *g = b->g;
    for (int t = 0; t < b->rows; t++) {
        b->hoisted[t].n = 0;
        at_row(b, t);
        if (!b->r->pred) hoist(b, b->r->operands.at[0], t);
    }
    c_for(&g->p, "int", b->l, c_atom("0"), b->limit, 1);
    g->index[b->plan.lane->id] = c_binary(&g->p, "+", b->lane0, c_atom(b->l));
    accumulate(b);
    c_end(&g->p);
}

static CExpr result(Block *b, CExpr sum) {
    Gen *g = b->g;
    if (!b->count) return sum;
    return c_binary(&g->p, "/", sum, c_cast(&g->p, host_value_type(b->r->comb->type), c_atom(b->count)));
}

static void store(Block *b) {
    static const char *const words[] = {[CK_SUM] = "add", [CK_MEAN] = "add", [CK_PROD] = "mul", [CK_MAX] = "max", [CK_MIN] = "min"};
    Gen *g = b->g;
    if (b->plan.output) {
        c_for(&g->p, "int", b->l, c_atom("0"), b->limit, 1);
        g->index[b->plan.lane->id] = c_binary(&g->p, "+", b->lane0, c_atom(b->l));
    }
    const char *tag = b->r->comb->type == DT_F64 ? "f64" : "f32";
    for (int t = 0; t < b->rows; t++) {
        at_row(b, t);
        CExpr acc = c_atom(b->acc[t]);
        CExpr x = b->plan.output ? c_subscript(&g->p, acc, c_atom(b->l))
                                 : c_call1(&g->p, host_use(&g->uses, arena_printf(g->a, "knf_fold_%s_%s", words[b->r->comb->kind], tag)), acc);
        host_store(g, &b->s->targets.at[0], NULL, result(b, x));
    }
    if (b->plan.output) c_end(&g->p);
}

static void block(Block *b) {
    Gen *g = b->g;
    int mark = host_scope_mark(g), n = b->r->idx.n - !b->plan.output;
    b->l = host_name(g, "l");
    open_accumulators(b);
    for (int i = 0; i < n; i++) {
        Index *x = b->r->idx.at[i];
        CExpr lo = bound_name(g, x->lo, "from"), hi = bound_name(g, x->hi, "end");
        if (b->plan.output && i == n - 1) count_positions(b, lo, hi);
        host_open_loop(g, x, lo, hi);
    }
    if (b->plan.output) lanes_along_output(b);
    else lanes_along_reduction(b);
    for (int i = 0; i < n; i++) c_end(&g->p);
    store(b);
    host_scope_pop(g, mark);
}

/* All blocks of lanes for the tile's rows; the last one has fewer lanes. */
static void row_blocks(Block *b) {
    Gen *g = b->g;
    Index *i = b->plan.lane;
    b->lanes = !b->plan.output ? LANES : b->rows > 1 ? TILED_LANES : WIDE_LANES;
    if (!b->plan.output) {
        block(b);
        return;
    }
    int mark = host_scope_mark(g);
    CExpr lo = host_extent(g, i->lo), hi = host_extent(g, i->hi), lanes = c_int(&g->p, b->lanes);
    const char *name = host_name(g, i->name), *left = host_name(g, "left");
    b->lane0 = c_atom(name);
    c_for(&g->p, "int64_t", name, lo, hi, b->lanes);
    c_declare(&g->p, "const int64_t", left, c_binary(&g->p, "-", hi, b->lane0));
    c_if(&g->p, c_binary(&g->p, ">=", c_atom(left), lanes));
    b->limit = lanes;
    block(b);
    c_else(&g->p);
    b->limit = c_atom(left);
    block(b);
    c_end(&g->p);
    c_end(&g->p);
    host_scope_pop(g, mark);
}

static void tiled(Block *b) {
    Gen *g = b->g;
    Index *i = b->plan.tile;
    CExpr lo = host_extent(g, i->lo), hi = host_extent(g, i->hi);
    const char *name = host_name(g, i->name);
    b->row0 = c_atom(name);
    c_declare(&g->p, "int64_t", name, lo);
    CExpr last = c_binary(&g->p, "-", hi, c_int(&g->p, TILE));
    c_while(&g->p, c_binary(&g->p, "<=", b->row0, last), c_binary(&g->p, "+=", b->row0, c_int(&g->p, TILE)));
    b->rows = TILE;
    row_blocks(b);
    c_end(&g->p);
    c_while(&g->p, c_binary(&g->p, "<", b->row0, hi), c_atomf(&g->p, "%s++", name));
    b->rows = 1;
    row_blocks(b);
    c_end(&g->p);
}

void host_lanes_emit(Gen *g, const Stmt *s, Lanes plan) {
    Block b = {.g = g, .s = s, .r = s->value->reduce, .plan = plan, .rows = 1};
    if (plan.tile) widen(g, s);
    g->wide = plan.tile != NULL;
    int open = 0;
    for (int d = 0; d < s->idx.n; d++) {
        Index *i = s->idx.at[d];
        if (i == plan.tile || (plan.output && i == plan.lane)) continue;
        CExpr lo = host_extent(g, i->lo), hi = host_extent(g, i->hi);
        host_open_loop(g, i, lo, hi);
        open++;
    }
    if (plan.tile) tiled(&b);
    else row_blocks(&b);
    while (open--) c_end(&g->p);
    g->wide = false;
}
