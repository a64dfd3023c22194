/* Statements as plain loop nests. */
#include "emit/host_gen.h"

void host_store(Gen *g, const Target *t, const Expr *e, CExpr value) {
    CExpr at = host_element(g, t->tensor, &t->subs);
    bool variable = g->tensors[t->tensor->id].variable;
    c_assign(&g->p, at, "=", !variable ? host_stored(g, t->tensor->type, e, value) : e ? value : host_result_kept(g, t->tensor->type, value));
}

/* How well index i goes innermost: neighbours in memory for the store and the reads. */
static int innermost_score(Gen *g, const Stmt *s, const Index *i) {
    static const int weight[] = {[STRIDE_NONE] = 0, [STRIDE_UNIT] = 2, [STRIDE_OTHER] = -2};
    int score = 0;
    for (int t = 0; t < s->targets.n; t++) score += 3 * weight[host_stride(&s->targets.at[t].subs, i)] / 2;
    Reads reads = host_reads(g, s->value);
    for (int r = 0; r < reads.n; r++) score += weight[host_stride(&reads.at[r]->args, i)];
    return score;
}

/* The loops over the domain but for `inner`, then over inner (which may be NULL). */
static int open_domain(Gen *g, const Stmt *s, const Index *inner, bool with_inner) {
    int open = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int d = g->depth; d < s->idx.n; d++) {
            Index *i = s->idx.at[d];
            if ((i == inner) != (pass == 1) || (i == inner && !with_inner)) continue;
            CExpr lo = host_lo(g, i), hi = host_hi(g, i);
            host_open_loop(g, i, lo, hi);
            open++;
        }
    return open;
}

static void close(Gen *g, int open) {
    while (open--) c_end(&g->p);
}

const Index *host_innermost(Gen *g, const Stmt *s) {
    const Index *inner = NULL;
    int best = 0;
    for (int d = g->depth; d < s->idx.n; d++) {
        int score = innermost_score(g, s, s->idx.at[d]);
        if (!inner || score >= best) inner = s->idx.at[d], best = score;
    }
    return inner;
}

/* An index along which a read is contiguous that jumps along the innermost one: both go in blocks then, for the cache. */
static Index *crossing(Gen *g, const Stmt *s, const Index *inner) {
    Reads reads = host_reads(g, s->value);
    for (int d = g->depth; inner && d < s->idx.n; d++) {
        Index *i = s->idx.at[d];
        for (int r = 0; i != inner && r < reads.n; r++)
            if (host_stride(&reads.at[r]->args, inner) == STRIDE_OTHER && host_stride(&reads.at[r]->args, i) == STRIDE_UNIT) return i;
    }
    return NULL;
}

enum { BLOCK = 32 };

static void blocked(Gen *g, const Stmt *s, const Index *inner, const Index *other) {
    int open = 0;
    for (int d = g->depth; d < s->idx.n; d++) {
        Index *i = s->idx.at[d];
        if (i == inner || i == other) continue;
        CExpr lo = host_lo(g, i), hi = host_hi(g, i);
        host_open_loop(g, i, lo, hi);
        open++;
    }
    const Index *const both[] = {other, inner};
    const char *block[2];
    for (int k = 0; k < 2; k++) {
        CExpr lo = host_lo(g, both[k]), hi = host_hi(g, both[k]);
        block[k] = host_name(g, arena_printf(g->a, "%s_block", both[k]->name));
        c_for(&g->p, "int64_t", block[k], lo, hi, BLOCK);
    }
    for (int k = 0; k < 2; k++) {
        CExpr end = c_binary(&g->p, "+", c_atom(block[k]), c_int(&g->p, BLOCK)), hi = host_hi(g, both[k]);
        const char *name = host_name(g, arena_printf(g->a, "%s_end", both[k]->name));
        c_declare(&g->p, "const int64_t", name, c_call2(&g->p, host_use(&g->uses, "knf_min_i64"), end, hi));
        host_open_loop(g, (Index *)both[k], c_atom(block[k]), c_atom(name));
    }
    host_store(g, &s->targets.at[0], s->value, host_expr(g, s->value));
    close(g, open + 4);
}

static void pointwise(Gen *g, const Stmt *s) {
    const Index *inner = host_innermost(g, s), *other = crossing(g, s, inner);
    if (other) {
        blocked(g, s, inner, other);
        return;
    }
    int open = open_domain(g, s, inner, true);
    const Expr *e = s->value;
    host_store(g, &s->targets.at[0], e, host_expr(g, e));
    close(g, open);
}

static void store_results(Gen *g, const Stmt *s, Acc *acc) {
    for (int t = 0; t < s->targets.n; t++) host_store(g, &s->targets.at[t], NULL, host_acc_result(g, acc, t));
}

static void reduction(Gen *g, const Stmt *s) {
    int open = open_domain(g, s, NULL, true);
    Acc acc;
    host_reduce(g, s->value->reduce, &acc);
    store_results(g, s, &acc);
    close(g, open);
}

/* A scan keeps its accumulators from one position to the next: linear time. */
static void scan(Gen *g, const Stmt *s) {
    const Reduce *r = s->value->reduce;
    int open = open_domain(g, s, r->along, false);
    Acc acc;
    host_acc_open(g, r, &acc);
    CExpr lo = host_lo(g, r->along), hi = host_hi(g, r->along);
    if (r->scan == SCAN_LT || r->scan == SCAN_LE) {
        host_open_loop(g, r->along, lo, hi);
    } else {
        const char *name = host_name(g, r->along->name);
        CExpr last = c_binary(&g->p, "-", hi, c_atom("1"));
        out_f(g->p.out, "for (int64_t %s = %s; %s; %s--) ", name, last.text, c_binary(&g->p, ">=", c_atom(name), lo).text, name);
        c_block(&g->p);
        g->index[r->along->id] = c_atom(name);
    }
    g->index[r->idx.at[0]->id] = g->index[r->along->id];
    bool before = r->scan == SCAN_LT || r->scan == SCAN_GT;
    if (before) store_results(g, s, &acc);
    if (r->pred) c_if(&g->p, host_expr(g, r->pred));
    host_acc_step(g, &acc);
    if (r->pred) c_end(&g->p);
    if (!before) store_results(g, s, &acc);
    close(g, open + 1);
}

static const char *source_text(Gen *g, const Stmt *s) {
    if (!s->lifted && s->span.src && s->span.hi > s->span.lo)
        return arena_strndup(g->a, s->span.src->text + s->span.lo, s->span.hi - s->span.lo);
    Out o = out_new(g->a);
    stmt_print(s, &o);
    while (o.n && o.text[o.n - 1] == '\n') o.text[--o.n] = 0;
    return o.text;
}

void host_nest(Gen *g, const Stmt *s) {
    if (s->value->kind != X_REDUCE) pointwise(g, s);
    else if (s->value->reduce->scan != SCAN_NONE) scan(g, s);
    else reduction(g, s);
}

void host_stmt(Gen *g, const Stmt *s) {
    int mark = host_scope_mark(g);
    c_comment(&g->p, source_text(g, s));
    Lanes plan = host_lanes_plan(g, s);
    bool reduces = host_needs_statements(s->value), scans = s->value->kind == X_REDUCE && s->value->reduce->scan != SCAN_NONE;
    bool block = !(plan.use && plan.output) && (scans || (reduces && s->idx.n == g->depth));
    if (block) c_block(&g->p);
    if (plan.use) host_lanes_emit(g, s, plan);
    else host_nest(g, s);
    if (block) c_end(&g->p);
    host_scope_pop(g, mark);
    c_blank(&g->p);
}
