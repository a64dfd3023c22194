/* Which statements can be computed together, a block of their common range at a time. */
#include "lower/online_impl.h"

static bool same_range(const Index *i, const Index *j) { return expr_equal(i->lo, j->lo) && expr_equal(i->hi, j->hi); }

static bool over_dims_node(void *context, Expr *e) {
    bool *fine = context;
    *fine = *fine && (e->kind == X_DIM || e->kind == X_LIT || e->kind == X_OP);
    return *fine;
}

bool online_over_dims(const Expr *e) {
    bool fine = true;
    expr_walk((Expr *)e, over_dims_node, &fine);
    return fine;
}

/* One target with the statement's indices as subscripts, the first of them the group's; the only definition. */
static bool has_outer(const Online *o, const Stmt *s) {
    const Stmt *first = o->l->k->stmts.at[o->first];
    if (s->targets.n != 1 || s->targets.at[0].subs.n != s->idx.n || s->idx.n < o->shared || !online_definition(o->l->k, s->targets.at[0].tensor)) return false;
    for (int q = 0; q < s->idx.n; q++)
        if (!expr_is_index(s->targets.at[0].subs.at[q], s->idx.at[q])) return false;
    for (int q = 0; q < o->shared; q++)
        if (!same_range(s->idx.at[q], first->idx.at[q])) return false;
    return true;
}

const Part *online_part_of(const Online *o, const Tensor *t) {
    for (int i = 0; i < o->n_parts; i++)
        if (o->part[i].s->targets.at[0].tensor == t) return &o->part[i];
    return NULL;
}


/* What is made in the group is read at the statement's own outer indices; `inner`: how terms are read there, NULL: not at all. */
static bool reads_own(Online *o, const Stmt *s, const Index *inner) {
    LowReads reads = {0};
    low_reads(o->l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++) {
        const Expr *e = reads.at[i];
        const Part *p = online_part_of(o, e->tensor);
        if (!p) continue;
        if (e->mode != READ_PLAIN) return false;
        for (int q = 0; q < o->shared; q++)
            if (!expr_is_index(e->args.at[q], s->idx.at[q])) return false;
        if (p->role == TERM && (!inner || !expr_is_index(e->args.at[o->shared], inner))) return false;
    }
    return true;
}

static bool reads_terms(Online *o, const Stmt *s) {
    LowReads reads = {0};
    low_reads(o->l->a, s->value, &reads);
    for (int i = 0; i < reads.n; i++) {
        const Part *p = online_part_of(o, reads.at[i]->tensor);
        if (p && p->role == TERM) return true;
    }
    return false;
}

/* The terms of a reduction need of the group's reductions nothing but what a lead has come to so far. */
static bool follows(Online *o, Part *p) {
    Low *l = o->l;
    for (int i = 0; i < o->n_parts; i++) {
        const Part *r = &o->part[i];
        if (r->role == TERM || !online_depends(l->a, l->k, p->s->value, r->s->targets.at[0].tensor)) continue;
        const char *name = p->s->targets.at[0].tensor->name, *of = r->s->targets.at[0].tensor->name;
        if (r->role != REDUCTION || !online_can_lead(r->s)) return o->why = arena_printf(l->a, "'%s' needs '%s' whole", name, of), false;
        if (p->lead) return o->why = arena_printf(l->a, "'%s' needs both '%s' and '%s'", name, p->lead->targets.at[0].tensor->name, of), false;
        p->lead = r->s;
        p->fx = online_effect(l->a, l->k, p->s, r->s);
        if (p->fx.kind == ONLINE_UNKNOWN) return o->why = arena_printf(l->a, "'%s' needs '%s' whole: %s", name, of, p->fx.why), false;
    }
    return true;
}

static bool is_over_range(const Online *o, const Stmt *s) {
    const Reduce *r = low_reduce(s);
    return r && !r->scan && r->idx.n == 1 && same_range(r->idx.at[0], o->range);
}

/* Nothing of the kind stands inside expressions, where it would need the range whole. */
static bool nested_reduction(void *context, Expr *e) {
    bool *found = context;
    *found |= e->kind == X_REDUCE;
    return !*found;
}

static bool holds_reduction(const Stmt *s) {
    bool found = false;
    const Reduce *r = low_reduce(s);
    if (!r) expr_walk(s->value, nested_reduction, &found);
    for (int i = 0; r && i < r->operands.n; i++) expr_walk(r->operands.at[i], nested_reduction, &found);
    return found;
}

/* The statement as one more of the group; false: it is none, o->why. */
static bool add(Online *o, Stmt *s) {
    Low *l = o->l;
    Part p = {.s = s};
    Name name = s->targets.at[0].tensor->name;
    if (o->n_parts == MOST_PARTS) return o->why = "the group has 48 statements", false;
    if (!has_outer(o, s)) return o->why = arena_printf(l->a, "'%s' has not the same outer indices", name), false;
    if (holds_reduction(s)) return o->why = arena_printf(l->a, "'%s' reduces under a condition", name), false;
    bool along_range = s->idx.n == o->shared + 1 && same_range(s->idx.at[o->shared], o->range);
    if (is_over_range(o, s)) {
        p.role = REDUCTION;
        if (!reads_own(o, s, low_reduce(s)->idx.at[0])) return o->why = arena_printf(l->a, "'%s' reads terms at other places than its own", name), false;
        if (!follows(o, &p)) return false;
    } else if (along_range && reads_own(o, s, s->idx.at[o->shared]) && !(low_reduce(s) && low_reduce(s)->scan)) {
        p.role = TERM;
    } else {
        const Reduce *r = low_reduce(s);
        p.role = AFTER;
        if (reads_terms(o, s)) return o->why = arena_printf(l->a, "'%s' reads terms, and is no reduction of them", name), false;
        if (r || !reads_own(o, s, NULL)) return o->why = arena_printf(l->a, "'%s' begins something else", name), false;
    }
    if (low_reduce(s)) p.is_dot = !sched_engine_other(l, s, "dpe") && dot_match(l, s, &p.dot);
    o->part[o->n_parts++] = p;
    return true;
}

/* Terms that no reduction of the group uses are none: the group ends before the first. */
static void cut_unused(Online *o) {
    for (int i = o->n_parts; i-- > 0;) {
        bool used = o->part[i].role != TERM;
        for (int j = i + 1; j < o->n_parts && !used; j++) used = o->part[j].role == REDUCTION && online_depends(o->l->a, o->l->k, o->part[j].s->value, o->part[i].s->targets.at[0].tensor);
        if (!used) o->n_parts = i;
    }
}

static void note_leads(Online *o) {
    for (int i = 0; i < o->n_parts; i++) {
        o->part[i].leads = false;
        for (int j = 0; j < o->n_parts; j++) o->part[i].leads |= o->part[j].lead == o->part[i].s;
    }
}

bool online_grow(Online *o, int limit) {
    o->n_parts = 0;
    o->why = NULL;
    for (int i = o->first; i < limit; i++) {
        if (i > o->first && sched_is_stored(o->l, i - 1)) break;
        if (!add(o, o->l->k->stmts.at[i])) break;
    }
    cut_unused(o);
    note_leads(o);
    o->n = o->n_parts;
    return o->n > 0;
}

bool online_is_read_behind(const Online *o, const Tensor *t, int from) {
    const Kernel *k = o->l->k;
    for (int i = from; i < k->stmts.n; i++) {
        LowReads reads = {0};
        low_reads(o->l->a, k->stmts.at[i]->value, &reads);
        for (int j = 0; j < reads.n; j++)
            if (reads.at[j]->tensor == t) return true;
    }
    return false;
}

bool online_is_out(const Online *o, const Tensor *t) { return t->role == TR_OUTPUT || online_is_read_behind(o, t, o->first + o->n); }
