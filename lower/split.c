/* Reductions that give one value, as parts for all PEs and a join of the parts:
 *     y = sum[i] f(i)   becomes   y.part[c] = sum[i in block c] f(i);  y = sum[c] y.part[c]
 * A user's combinator gives its states as parts, which its merge joins. argmax finds the best part, then its index; mean is a sum and
 * a division. All of it is Kernel text: what comes after knows nothing of it. */
#include "lower/sched.h"

typedef struct Split {
    Low *l;
    const Stmt *s;
    const Reduce *r;
    Index *i, *part;            /* the index that is cut; the parts' */
    Expr *parts;
} Split;

static bool is_tensor(const Low *l, Name name) {
    for (int i = 0; i < l->k->tensors.n; i++)
        if (!strcmp(l->k->tensors.at[i]->name, name)) return true;
    return false;
}

static Tensor *new_tensor(Low *l, const Stmt *s, const char *what, DType type, Expr *extent) {
    Tensor *t = NEW(l->a, Tensor);
    t->name = arena_printf(l->a, "%s.%s", s->targets.at[0].tensor->name, what);
    for (int n = 2; is_tensor(l, t->name); n++) t->name = arena_printf(l->a, "%s.%s%d", s->targets.at[0].tensor->name, what, n);
    t->id = l->k->tensors.n;
    t->role = TR_TEMP;
    t->type = type;
    t->span = s->span;
    if (extent) {
        t->rank = 1;
        t->shape = NEW_ARRAY(l->a, Expr *, 1);
        t->shape[0] = extent;
    }
    vec_push(l->a, &l->k->tensors, t);
    return t;
}

static Index *new_index(Low *l, const char *name, Expr *lo, Expr *hi, Span at) {
    Index *i = NEW(l->a, Index);
    *i = (Index){name, l->k->n_indices++, lo, hi, at};
    return i;
}

static Stmt *new_stmt(Low *l, const Stmt *like, Expr *value) {
    Stmt *s = NEW(l->a, Stmt);
    s->id = l->k->stmts.n;
    s->span = like->span;
    s->value = value;
    vec_push(l->a, &l->k->stmts, s);
    return s;
}

static void add_target(Low *l, Stmt *s, Tensor *t, Expr *sub) {
    Target x = {.tensor = t, .span = s->span};
    if (sub) vec_push(l->a, &x.subs, sub);
    vec_push(l->a, &s->targets, x);
}

static Expr *at(const Split *p, Tensor *t, Expr *sub) {
    Expr *e = x_read(p->l->a, t, p->s->span);
    vec_push(p->l->a, &e->args, sub);
    return e;
}

/* The part's share of the cut range, everything else as it was. */
static Reduce *share(const Split *p, Comb *comb) {
    Low *l = p->l;
    Arena *a = l->a;
    Expr *n = lo_max(a, lo_sub(a, p->i->hi, p->i->lo), lo_int(a, 0)), *block = lo_div_by(a, lo_sub(a, lo_add(a, n, p->parts), lo_int(a, 1)), p->parts);
    Index *i = new_index(l, p->i->name, NULL, NULL, p->i->span);
    Expr *c = lo_index(a, p->part);
    i->lo = lo_max(a, lo_add(a, p->i->lo, lo_mul(a, c, block)), p->i->lo);   /* max: that it is no less than lo is seen, not to be proved */
    i->hi = lo_min(a, lo_add(a, lo_add(a, p->i->lo, lo_mul(a, c, block)), block), p->i->hi);
    Reduce *r = NEW(a, Reduce);
    *r = *p->r;
    r->comb = comb;
    memset(&r->idx, 0, sizeof r->idx);
    vec_push(a, &r->idx, i);
    for (int q = 1; q < p->r->idx.n; q++) vec_push(a, &r->idx, p->r->idx.at[q]);
    return r;
}

/* A reduction of one part with indices of its own. */
static Expr *part_value(const Split *p, Comb *comb, DType type) {
    Arena *a = p->l->a;
    Reduce *r = share(p, comb);
    for (int q = 1; q < r->idx.n; q++) {
        Index *old = r->idx.at[q];
        Expr *lo = lo_renamed(a, old->lo, p->r->idx.at, r->idx.at, q), *hi = lo_renamed(a, old->hi, p->r->idx.at, r->idx.at, q);
        r->idx.at[q] = new_index(p->l, old->name, lo, hi, old->span);
    }
    return lo_renamed(a, x_reduce(a, r, type, p->s->span), p->r->idx.at, r->idx.at, r->idx.n);
}

static Stmt *part_stmt(const Split *p, Comb *comb, DType type) {
    Index *c = p->part;
    Stmt *s = new_stmt(p->l, p->s, NULL);
    vec_push(p->l->a, &s->idx, c);
    s->value = part_value(p, comb, type);
    return s;
}

/* comb[c] over parts. */
static Expr *joined(const Split *p, Comb *comb, DType type, Tensor *const *parts, int n) {
    Arena *a = p->l->a;
    Reduce *r = NEW(a, Reduce);
    r->comb = comb;
    Index *c = new_index(p->l, p->part->name, p->part->lo, p->part->hi, p->part->span);
    vec_push(a, &r->idx, c);
    for (int i = 0; i < n; i++) vec_push(a, &r->operands, at(p, parts[i], lo_index(a, c)));
    return x_reduce(a, r, type, p->s->span);
}

static Comb *comb_of(Low *l, CombKind kind, DType type) {
    Comb *c = NEW(l->a, Comb);
    c->kind = kind;
    c->type = type;
    return c;
}

/* One state that is also the result. */
static void split_plain(Split *p, Comb *comb, DType type, Stmt *to, const char *name) {
    Tensor *t = new_tensor(p->l, p->s, name, type, p->parts);
    Stmt *s = part_stmt(p, comb, type);
    add_target(p->l, s, t, lo_index(p->l->a, p->part));
    to->value = joined(p, comb, type, &t, 1);
}

typedef struct Others { Arena *a; const Vars *from, *to; } Others;
static Expr *other_input(void *context, Expr *e) {
    Others *o = context;
    for (int i = 0; e->kind == X_VAR && i < o->from->n; i++)
        if (o->from->at[i] == e->var) return x_var(o->a, o->to->at[i], e->span);
    return NULL;
}

/* The merge as a step: the other part's states are its inputs, under names of their own. */
static void merge_as_step(Split *p, const Comb *c, Comb *merge) {
    Arena *a = p->l->a;
    Others o = {a, &c->other, &merge->inputs};
    memset(&merge->inputs, 0, sizeof merge->inputs);
    memset(&merge->step, 0, sizeof merge->step);
    for (int i = 0; i < c->other.n; i++) {
        Var *v = NEW(a, Var);
        *v = (Var){arena_printf(a, "%s.%s", c->other_name ? c->other_name : "o", c->other.at[i]->name), c->other.at[i]->type, p->l->k->n_vars++};
        vec_push(a, &merge->inputs, v);
    }
    for (int i = 0; i < c->merge.n; i++)
        vec_push(a, &merge->step, ((Assign){c->merge.at[i].var, lo_copy(a, c->merge.at[i].value, other_input, &o)}));
}

static void split_user(Split *p, Stmt *to) {
    Low *l = p->l;
    const Comb *c = p->r->comb;
    Comb *states = NEW(l->a, Comb), *merge = NEW(l->a, Comb);
    *states = *merge = *c;
    memset(&states->final, 0, sizeof states->final);
    Tensor **parts = NEW_ARRAY(l->a, Tensor *, c->states.n);
    for (int i = 0; i < c->states.n; i++) {
        vec_push(l->a, &states->final, x_var(l->a, c->states.at[i], p->s->span));
        parts[i] = new_tensor(l, p->s, arena_printf(l->a, "part%d", i), c->states.at[i]->type, p->parts);
    }
    Stmt *s = part_stmt(p, states, c->states.at[0]->type);
    for (int i = 0; i < c->states.n; i++) add_target(l, s, parts[i], lo_index(l->a, p->part));
    merge_as_step(p, c, merge);
    to->value = joined(p, merge, p->s->value->type, parts, c->states.n);
}

static void split_best(Split *p, Stmt *to) {
    Low *l = p->l;
    bool most = p->r->comb->kind == CK_ARGMAX;
    Comb *best = comb_of(l, most ? CK_MAX : CK_MIN, p->r->comb->type);
    Tensor *value = new_tensor(l, p->s, "best", best->type, p->parts), *index = new_tensor(l, p->s, "at", DT_I64, p->parts);
    add_target(l, part_stmt(p, best, best->type), value, lo_index(l->a, p->part));
    add_target(l, part_stmt(p, p->r->comb, DT_I64), index, lo_index(l->a, p->part));
    Tensor *which = new_tensor(l, p->s, "part", DT_I64, NULL);
    Stmt *s = new_stmt(l, p->s, joined(p, p->r->comb, DT_I64, &value, 1));
    add_target(l, s, which, NULL);
    to->value = at(p, index, x_read(l->a, which, p->s->span));
}

static void split_mean(Split *p, Stmt *to) {
    Low *l = p->l;
    Arena *a = l->a;
    DType type = p->r->comb->type;
    Expr *count = lo_int(a, 1);
    for (int q = 0; q < p->r->idx.n; q++) count = lo_mul(a, count, lo_max(a, lo_sub(a, p->r->idx.at[q]->hi, p->r->idx.at[q]->lo), lo_int(a, 0)));
    Tensor *sum = new_tensor(l, p->s, "total", type, NULL);
    Stmt *s = NEW(a, Stmt);
    *s = *p->s;
    split_plain(p, comb_of(l, CK_SUM, type), type, s, "part");
    Stmt *total = new_stmt(l, p->s, s->value);
    add_target(l, total, sum, NULL);
    to->value = x_op(a, OP_DIV, x_read(a, sum, p->s->span), x_convert(a, type, count, p->s->span), NULL, p->s->span);
}

/* --- which ------------------------------------------------------------------------------------------------------------------------------ */

static bool over_dims(void *context, Expr *e) {
    bool *fine = context;
    *fine &= e->kind == X_LIT || e->kind == X_DIM || e->kind == X_OP;
    return *fine;
}

static bool is_rectangle(const Reduce *r, int n) {
    bool fine = true;
    for (int i = 0; i < n; i++) {
        expr_walk(r->idx.at[i]->lo, over_dims, &fine);
        expr_walk(r->idx.at[i]->hi, over_dims, &fine);
    }
    return fine;
}

bool split_is_possible(const Stmt *s) {
    const Reduce *r = low_reduce((Stmt *)s);
    if (!r || r->scan || s->idx.n || !is_rectangle(r, 1)) return false;
    CombKind k = r->comb->kind;
    bool extreme = k == CK_MAX || k == CK_MIN || k == CK_ARGMAX || k == CK_ARGMIN;
    if (extreme && r->comb->type == DT_F8E4M3) return false;    /* a part without elements is infinite, and the type has no infinity */
    if (k == CK_MEAN) return !r->pred && is_rectangle(r, r->idx.n);
    if (k == CK_ARGMAX || k == CK_ARGMIN) return !r->pred && r->idx.n == 1;
    return true;
}

/* Parts of the reduction: one for each PE, or what the schedule says. 1: it stays whole. */
static int64_t parts_of(Low *l, const Stmt *s) {
    const Reduce *r = low_reduce((Stmt *)s);
    int64_t all = (int64_t)l->m->rows * l->m->cols;
    for (int i = 0; r && i < r->idx.n; i++) {
        const ScheduleItem *x = sched_axis(l, S_SPLIT, s, r->idx.at[i]);
        if (!x) continue;
        if (!split_is_possible(s)) {
            diag_help(sched_refuse(l, x, "only reductions that give one value, over a range of dims, are cut into parts"), "where a statement has outer indices, 'place' deals those");
            return 1;
        }
        if (i || strcmp(x->to.text, "pe")) diag_help(sched_refuse(l, x, "the parts of a reduction's first index are dealt to all PEs"), "legal is: split %s -> pe %lld", r->idx.at[0]->name, (long long)x->number);
        return x->number;
    }
    return split_is_possible(s) ? all : 1;
}

static void split(Low *l, const Stmt *s, int64_t parts) {
    Split p = {.l = l, .s = s, .r = s->value->reduce, .i = s->value->reduce->idx.at[0]};
    CombKind kind = p.r->comb->kind;
    p.parts = lo_int(l->a, parts);
    p.part = new_index(l, SCHED_PARTS, lo_int(l->a, 0), p.parts, s->span);
    Stmt *to = NEW(l->a, Stmt);
    *to = *s;
    if (kind == CK_USER) split_user(&p, to);
    else if (kind == CK_MEAN) split_mean(&p, to);
    else if (kind == CK_ARGMAX || kind == CK_ARGMIN) split_best(&p, to);
    else split_plain(&p, p.r->comb, s->value->type, to, "part");
    to->id = l->k->stmts.n;
    vec_push(l->a, &l->k->stmts, to);
}

void split_reductions(Low *l) {
    const Kernel *k = l->k;
    Stmt **old = k->stmts.at;
    int n = k->stmts.n;
    memset(&l->k->stmts, 0, sizeof l->k->stmts);
    for (int i = 0; i < n; i++) {
        int64_t parts = parts_of(l, old[i]);
        if (parts > 1) {
            split(l, old[i], parts);
            continue;
        }
        Stmt *s = NEW(l->a, Stmt);
        *s = *old[i];
        s->id = l->k->stmts.n;
        vec_push(l->a, &l->k->stmts, s);
    }
}
