/* Statements that share their leading index, and of each other need only what that index's loop has just computed, stand in one
 * loop; their temporaries then hold one iteration. Found by the structure of subscripts alone. */
#include "emit/host_gen.h"

typedef struct Group { Gen *g; int from, to, depth; } Group;     /* statements from .. to - 1; the index at place `depth` */

static Index *lead_of(const Group *f, int i) { return f->g->k->stmts.at[i]->idx.at[f->depth]; }

static bool defines(const Stmt *s, const Tensor *t) {
    for (int i = 0; i < s->targets.n; i++)
        if (s->targets.at[i].tensor == t) return true;
    return false;
}

static bool is_defined_inside(const Group *f, const Tensor *t) {
    for (int i = f->from; i < f->to; i++)
        if (defines(f->g->k->stmts.at[i], t)) return true;
    return false;
}

/* Whether the loop over the index can be the outer one of the statement. */
static bool can_lead(const Group *f, const Stmt *s) {
    if (s->idx.n <= f->depth) return false;
    Index *lead = s->idx.at[f->depth];
    for (int i = 0; i < s->targets.n; i++) {
        const Target *t = &s->targets.at[i];
        for (int d = 0; d < t->subs.n; d++)
            if (host_mentions(t->subs.at[d], lead) && d != f->depth) return false;
        if (t->subs.n <= f->depth || !expr_is_index(t->subs.at[f->depth], lead)) return false;
    }
    if (s->value->kind == X_REDUCE && s->value->reduce->along == lead) return false;
    Lanes plan = host_lanes_plan(f->g, s);
    if (plan.use) return plan.tile != lead && plan.tile2 != lead && !(plan.output && plan.lane == lead);
    return s->value->kind == X_REDUCE || s->idx.n == f->depth + 1 || host_innermost(f->g, s) != lead;
}

/* Every read in the group of what the group defines is at the loop's own position. */
static bool reads_agree(const Group *f) {
    for (int i = f->from; i < f->to; i++) {
        Reads reads = host_reads(f->g, f->g->k->stmts.at[i]->value);
        for (int r = 0; r < reads.n; r++) {
            const Expr *e = reads.at[r];
            if (!is_defined_inside(f, e->tensor)) continue;
            if (e->mode != READ_PLAIN || e->args.n <= f->depth || !expr_is_index(e->args.at[f->depth], lead_of(f, i))) return false;
        }
    }
    return true;
}

static bool same_range(const Index *x, const Index *y) { return expr_equal(x->lo, y->lo) && expr_equal(x->hi, y->hi); }

static bool reads_tensor(Gen *g, const Stmt *s, const Tensor *t) {
    Reads reads = host_reads(g, s->value);
    for (int r = 0; r < reads.n; r++)
        if (reads.at[r]->tensor == t) return true;
    return false;
}

/* A temporary that lives in the group alone, and so needs no room for the loop's index. */
static bool shrinks(const Group *f, const Tensor *t) {
    if (t->role != TR_TEMP || t->rank <= f->depth || !is_defined_inside(f, t)) return false;
    for (int i = 0; i < f->g->k->stmts.n; i++) {
        const Stmt *s = f->g->k->stmts.at[i];
        if ((i < f->from || i >= f->to) && (defines(s, t) || reads_tensor(f->g, s, t))) return false;
    }
    return true;
}

/* The longest group that begins at `from`; a single statement when none pays. */
static Group group_at(Gen *g, int from, int to, int depth) {
    Group f = {g, from, from + 1, depth}, best = f;
    if (!can_lead(&f, g->k->stmts.at[from])) return f;
    while (f.to < to && can_lead(&f, g->k->stmts.at[f.to]) && same_range(lead_of(&f, from), lead_of(&f, f.to))) {
        f.to++;
        if (!reads_agree(&f)) break;
        bool pays = false;
        for (int t = 0; t < g->k->tensors.n; t++) pays = pays || shrinks(&f, g->k->tensors.at[t]);
        if (pays) best = f;
    }
    return best;
}

static void plan(Gen *g, int from, int to, int depth) {
    g->depth = depth;
    for (int i = from; i < to;) {
        Group f = group_at(g, i, to, depth);
        i = f.to;
        if (f.to - f.from < 2) continue;
        for (int s = f.from; s < f.to; s++) g->grouped[s] = true;
        for (int t = 0; t < g->k->tensors.n; t++) {
            HostTensor *h = &g->tensors[t];
            if (h->dropped == depth && shrinks(&f, g->k->tensors.at[t])) h->dropped = depth + 1;
        }
        plan(g, f.from, f.to, depth + 1);
        g->depth = depth;
    }
    g->depth = 0;
}

void host_fuse_plan(Gen *g) { plan(g, 0, g->k->stmts.n, 0); }

static void emit(Gen *g, int from, int to, int depth) {
    for (int i = from; i < to;) {
        g->depth = depth;
        Group f = group_at(g, i, to, depth);
        i = f.to;
        if (f.to - f.from < 2) {
            host_stmt(g, g->k->stmts.at[f.from]);
            continue;
        }
        if (depth == 0)
            for (int s = f.from; s < f.to; s++) host_widen(g, g->k->stmts.at[s], host_lanes_plan(g, g->k->stmts.at[s]));
        int mark = host_scope_mark(g);
        Index *lead = lead_of(&f, f.from);
        CExpr lo = host_extent(g, lead->lo), hi = host_extent(g, lead->hi);
        host_open_loop(g, lead, lo, hi);
        for (int s = f.from; s < f.to; s++) g->index[lead_of(&f, s)->id] = g->index[lead->id];
        emit(g, f.from, f.to, depth + 1);
        while (g->p.out->n > 1 && g->p.out->text[g->p.out->n - 1] == '\n' && g->p.out->text[g->p.out->n - 2] == '\n') g->p.out->n--;
        c_end(&g->p);
        c_blank(&g->p);
        host_scope_pop(g, mark);
    }
    g->depth = depth;
}

void host_stmts(Gen *g) { emit(g, 0, g->k->stmts.n, 0); }
