/* Queries: the facts that bear on a form in a context, handed to the prover. */
#include "dsl/affine_impl.h"

/* One query being gathered. Affine.met_in says of each atom in which query it was met last: at 2 * serial only in one case of
 * several, at 2 * serial + 1 surely. */
typedef struct Query {
    Affine *f;
    const Ctx *ctx;
    int64_t serial;
    VEC(int) met;           /* atoms in order of meeting */
} Query;

static bool is_met(const Query *q, int var, bool surely) {
    return var < q->f->met_in.n && q->f->met_in.at[var] >= 2 * q->serial + surely;
}

static void meet(Query *q, Lin e, bool surely) {
    Affine *f = q->f;
    while (f->met_in.n < f->atoms.n) vec_push(f->arena, &f->met_in, 0);
    for (int i = 0; i < e.terms.n; i++) {
        int var = e.terms.at[i].var;
        if (is_met(q, var, surely)) continue;
        vec_push(f->arena, &q->met, var);
        f->met_in.at[var] = 2 * q->serial + surely;
    }
}

static void know_ge0(Query *q, Lin e) {
    meet(q, e, true);
    prover_ge0(q->f->prover, e);
}

static void know_cases(Query *q, Cases c) {
    if (c.at.n == 0) return;
    if (c.at.n == 1) {
        for (int i = 0; i < c.at.at[0].ge0.n; i++) know_ge0(q, c.at.at[0].ge0.at[i]);
        return;
    }
    for (int i = 0; i < c.at.n; i++)
        for (int j = 0; j < c.at.at[i].ge0.n; j++) meet(q, c.at.at[i].ge0.at[j], false);
    prover_or(q->f->prover, c.at.at, c.at.n);
}

static void know(Query *q, Expr *cond, bool holds) { know_cases(q, affine_cases(q->f, q->ctx, NULL, cond, holds)); }

static Lin minus(Query *q, Lin x, Lin y, int64_t c) {
    bool overflow = false;
    Lin e = lin_add(q->f->arena, lin_add(q->f->arena, x, -1, y, &overflow), 1, lin_const(c), &overflow);
    return overflow ? lin_const(0) : e;
}

static Lin lin_of(Query *q, Expr *e) { return affine_lin(q->f, q->ctx, NULL, e); }

static void know_context(Query *q) {
    for (const Ctx *c = q->ctx; c; c = c->up) {
        if (c->kind != CTX_INDEX) {
            know(q, c->cond, c->kind == CTX_TRUE);
            continue;
        }
        if (!c->index->lo || !c->index->hi) continue;
        Lin i = lin_of(q, &(Expr){.kind = X_INDEX, .type = DT_I64, .index = c->index});
        know_ge0(q, minus(q, i, lin_of(q, c->index->lo), 0));
        know_ge0(q, minus(q, lin_of(q, c->index->hi), i, -1));
    }
}

static void know_bounds(Query *q, int var, const Interval *bounds) {
    Lin v = lin_var(q->f->arena, var);
    for (int i = 0; i < bounds->lo.n; i++) know_ge0(q, minus(q, v, bounds->lo.at[i], 0));
    for (int i = 0; i < bounds->hi.n; i++) know_ge0(q, minus(q, bounds->hi.at[i], v, 0));
}

/* value == part under the condition, as one case of a choice. */
static void add_choice(Query *q, Cases *all, Cases conditions, Lin value, Lin part) {
    for (int i = 0; i < conditions.at.n; i++) {
        LinConj c = conditions.at.at[i];
        vec_push(q->f->arena, &c.ge0, minus(q, value, part, 0));
        vec_push(q->f->arena, &c.ge0, minus(q, part, value, 0));
        vec_push(q->f->arena, &all->at, c);
    }
}

static void know_choice(Query *q, int var) {
    Affine *f = q->f;
    Atom atom = f->atoms.at[var];
    Lin v = lin_var(f->arena, var), x = atom.parts.at[0], y = atom.parts.at[1];
    Cases all = {0};
    if (atom.e->kind == X_IF) {
        Expr *cond = atom.e->args.at[0];
        add_choice(q, &all, affine_cases(f, q->ctx, atom.bind, cond, true), v, x);
        add_choice(q, &all, affine_cases(f, q->ctx, atom.bind, cond, false), v, y);
    } else {
        bool is_min = atom.e->op == OP_MIN;
        know_ge0(q, is_min ? minus(q, x, v, 0) : minus(q, v, x, 0));
        know_ge0(q, is_min ? minus(q, y, v, 0) : minus(q, v, y, 0));
        for (int side = 0; side < 2; side++) {      /* v is one of the two; that it is the right one was said above */
            LinConj c = {0};
            vec_push(f->arena, &c.ge0, minus(q, v, side ? y : x, 0));
            vec_push(f->arena, &c.ge0, minus(q, side ? y : x, v, 0));
            vec_push(f->arena, &all.at, c);
        }
    }
    know_cases(q, all);
}

static bool product_of_dims(const Affine *f, const Atom *atom) {
    for (int i = 0; i < atom->factors.n; i++)
        if (f->atoms.at[atom->factors.at[i]].kind != AT_DIM) return false;
    return true;
}

static void know_atom(Query *q, int var) {
    Affine *f = q->f;
    Atom atom = f->atoms.at[var];
    Lin v = lin_var(f->arena, var);
    bool surely = is_met(q, var, true);
    if (atom.kind == AT_PRODUCT) {
        if (!product_of_dims(f, &atom)) return;
        know_ge0(q, v);
        if (f->small_dims) know_ge0(q, minus(q, lin_const(KERNEL_INT_MAX), v, 0));
        return;
    }
    if (atom.kind == AT_DIM && f->small_dims) atom.hi = KERNEL_DIM_MAX;
    if (atom.lo != INT64_MIN) know_ge0(q, minus(q, v, lin_const(atom.lo), 0));
    if (atom.hi != INT64_MAX) know_ge0(q, minus(q, lin_const(atom.hi), v, 0));
    if (atom.kind == AT_QUOTIENT) {
        bool overflow = false;
        Lin rest = lin_add(f->arena, atom.parts.at[0], -atom.divisor, v, &overflow);
        if (overflow) return;
        know_ge0(q, rest);
        know_ge0(q, minus(q, lin_const(atom.divisor - 1), rest, 0));
    }
    if (atom.kind == AT_CHOICE) know_choice(q, var);
    if (atom.kind == AT_READ && surely) {
        const Interval *bounds = affine_get_interval(f, atom.e->tensor);
        if (bounds) know_bounds(q, var, bounds);
        for (int i = 0; i < atom.parts.n; i++) meet(q, atom.parts.at[i], true);
    }
}

static void know_atoms(Query *q, int *from) {
    for (; *from < q->met.n; ++*from) know_atom(q, q->met.at[*from]);
}

/* --- facts over all elements -------------------------------------------------------------------------------------------- */

typedef struct Find { const Tensor *tensor; VEC(Expr *) found; Arena *arena; } Find;

static bool find_read(void *context, Expr *e) {
    Find *find = context;
    if (e->kind == X_READ && e->tensor == find->tensor && e->mode == READ_PLAIN) vec_push(find->arena, &find->found, e);
    return true;
}

/* If `pattern` (a subscript of the fact, linear in the index with coefficient 1) equals `sub` for index := *value, true. */
static bool match_index(Query *q, Expr *pattern, Index *index, Lin sub, Lin *value) {
    Lin p = lin_of(q, pattern);
    Lin i = lin_of(q, &(Expr){.kind = X_INDEX, .type = DT_I64, .index = index});
    int var = i.terms.at[0].var;
    int64_t coef = 0;
    for (int k = 0; k < p.terms.n; k++)
        if (p.terms.at[k].var == var) coef = p.terms.at[k].coef;
    if (coef != 1) return false;
    *value = minus(q, sub, minus(q, p, i, 0), 0);
    return true;
}

enum { ALL_INDICES = 4, ALL_INSTANCES = 24 };

/* Uses one fact at one read: only if the index values are proved to lie in the fact's domain. */
static bool know_instance(Query *q, const ForAll *all, Expr *pattern, int read) {
    Affine *f = q->f;
    Lin value[ALL_INDICES];
    bool have[ALL_INDICES] = {false};
    for (int i = 0; i < all->n; i++) {
        for (int d = 0; d < pattern->args.n && !have[i]; d++)
            have[i] = match_index(q, pattern->args.at[d], all->idx[i], f->atoms.at[read].parts.at[d], &value[i]);
        if (!have[i]) return false;
    }
    for (int i = 0; i < all->n; i++) {
        Lin lo = lin_of(q, all->idx[i]->lo), hi = lin_of(q, all->idx[i]->hi);
        if (!prover_proves(f->prover, minus(q, value[i], lo, 0)) || !prover_proves(f->prover, minus(q, hi, value[i], -1))) return false;
    }
    Bind *at = NEW(f->arena, Bind);
    Lin *kept = NEW_ARRAY(f->arena, Lin, ALL_INDICES);
    memcpy(kept, value, sizeof value);
    *at = (Bind){.idx = all->idx, .value = kept, .n_idx = all->n};
    know_cases(q, affine_cases(f, q->ctx, at, all->cond, true));
    return true;
}

static void know_for_all(Query *q, int *from) {
    Affine *f = q->f;
    int reads = q->met.n, used = 0;     /* reads met before: an instance's own reads do not call for more */
    for (int r = 0; r < reads && used < ALL_INSTANCES; r++) {
        int read = q->met.at[r];
        if (f->atoms.at[read].kind != AT_READ) continue;
        for (int i = 0; i < f->for_all.n; i++) {
            ForAll all = f->for_all.at[i];
            Find find = {.tensor = f->atoms.at[read].e->tensor, .arena = f->arena};
            expr_walk(all.cond, find_read, &find);
            for (int k = 0; k < find.found.n && all.n <= ALL_INDICES; k++) used += know_instance(q, &all, find.found.at[k], read);
        }
    }
    know_atoms(q, from);
}

/* --- queries ------------------------------------------------------------------------------------------------------------ */

static int begin(Query *q, Affine *f, const Ctx *ctx, const Lin *goal) {
    int mark = prover_mark(f->prover), from = 0;
    *q = (Query){.f = f, .ctx = ctx, .serial = ++f->queries};
    f->work = 0;
    if (goal) meet(q, *goal, true);
    for (int i = 0; i < f->always_ge0.n; i++) know_ge0(q, f->always_ge0.at[i]);
    for (int i = 0; i < f->always.n; i++) {
        if (f->always_cases.at[i].at.n) know_cases(q, f->always_cases.at[i]);
        else know(q, f->always.at[i], true);
    }
    know_context(q);
    know_atoms(q, &from);
    if (f->for_all.n) know_for_all(q, &from);
    return mark;
}

bool affine_ge0(Affine *f, const Ctx *ctx, Lin e) {
    if (lin_is_const(e) && e.c >= 0) return true;
    Query q;
    int mark = begin(&q, f, ctx, &e);
    bool proved = prover_proves(f->prover, e);
    prover_pop(f->prover, mark);
    return proved;
}

bool affine_unreachable(Affine *f, const Ctx *ctx) {
    Query q;
    int mark = begin(&q, f, ctx, NULL);
    bool refuted = prover_refutes(f->prover);
    prover_pop(f->prover, mark);
    return refuted;
}

/* b - a + c >= 0 */
static bool gap_ge0(Affine *f, const Ctx *ctx, Expr *a, Expr *b, int64_t c) {
    bool overflow = false;
    Lin x = affine_of(f, ctx, a), y = affine_of(f, ctx, b);
    Lin e = lin_add(f->arena, lin_add(f->arena, y, -1, x, &overflow), 1, lin_const(c), &overflow);
    return !overflow && affine_ge0(f, ctx, e);
}

bool affine_le(Affine *f, const Ctx *ctx, Expr *a, Expr *b) { return gap_ge0(f, ctx, a, b, 0); }
bool affine_lt(Affine *f, const Ctx *ctx, Expr *a, Expr *b) { return gap_ge0(f, ctx, a, b, -1); }
bool affine_eq(Affine *f, const Ctx *ctx, Expr *a, Expr *b) {
    return lin_equal(affine_of(f, ctx, a), affine_of(f, ctx, b)) || (affine_le(f, ctx, a, b) && affine_le(f, ctx, b, a));
}

bool affine_false(Affine *f, const Ctx *ctx, Expr *cond) {
    return affine_unreachable(f, &(Ctx){.up = ctx, .kind = CTX_TRUE, .cond = cond});
}

bool affine_true(Affine *f, const Ctx *ctx, Expr *cond) {
    if (cond->kind == X_OP && cond->op == OP_AND) {     /* one by one: each read is then met surely, and its bounds count */
        Ctx first = {.up = ctx, .kind = CTX_TRUE, .cond = cond->args.at[0]};
        return affine_true(f, ctx, cond->args.at[0]) && affine_true(f, &first, cond->args.at[1]);
    }
    return affine_unreachable(f, &(Ctx){.up = ctx, .kind = CTX_FALSE, .cond = cond});
}

/* --- for messages ------------------------------------------------------------------------------------------------------- */

static void print(Affine *f, Expr *e, Out *out) { expr_print(expr_without_widening(f->arena, e), out); }

static void atom_print(Affine *f, int var, Out *out) {
    const Atom *atom = &f->atoms.at[var];
    switch (atom->kind) {
    case AT_DIM: out_s(out, atom->dim->name); return;
    case AT_INDEX: out_s(out, atom->index->name); return;
    case AT_READ: case AT_CHOICE: case AT_OPAQUE: print(f, atom->e, out); return;
    case AT_QUOTIENT: out_f(out, "(%s) // %lld", affine_text(f, atom->parts.at[0]), (long long)atom->divisor); return;
    case AT_PRODUCT:
        for (int i = 0; i < atom->factors.n; i++) {
            if (i) out_s(out, "*");
            atom_print(f, atom->factors.at[i], out);
        }
    }
}

const char *affine_text(Affine *f, Lin e) {
    Out out = out_new(f->arena);
    for (int pass = 0; pass < 2; pass++)        /* positive terms first */
        for (int i = 0; i < e.terms.n; i++) {
            int64_t coef = e.terms.at[i].coef;
            if ((coef < 0) != pass) continue;
            if (out.n) out_s(&out, coef < 0 ? " - " : " + ");
            else if (coef < 0) out_s(&out, "-");
            if (coef != 1 && coef != -1) out_f(&out, "%lld*", (long long)(coef < 0 ? -coef : coef));
            atom_print(f, e.terms.at[i].var, &out);
        }
    if (!out.n) out_f(&out, "%lld", (long long)e.c);
    else if (e.c) out_f(&out, " %c %lld", e.c < 0 ? '-' : '+', (long long)(e.c < 0 ? -e.c : e.c));
    return out.text;
}

const char *affine_product(Affine *f, Lin e) {
    for (int i = 0; i < e.terms.n; i++)
        if (f->atoms.at[e.terms.at[i].var].kind == AT_PRODUCT) return affine_text(f, lin_var(f->arena, e.terms.at[i].var));
    return NULL;
}

const char *affine_example(Affine *f, const Ctx *ctx, Lin e) {
    if (affine_product(f, e)) return NULL;      /* the prover knows the product as one unknown, not as a product */
    if (lin_is_const(e)) e = lin_const(-1);
    Query q;
    int mark = begin(&q, f, ctx, &e);
    int64_t *value = NEW_ARRAY(f->arena, int64_t, f->atoms.n + 1);
    bool found = prover_counterexample(f->prover, e, value);
    prover_pop(f->prover, mark);
    if (!found) return NULL;
    Out out = out_new(f->arena);
    for (int i = 0; i < f->atoms.n; i++) {
        AtomKind kind = f->atoms.at[i].kind;
        if (!is_met(&q, i, false) || (kind != AT_DIM && kind != AT_INDEX && kind != AT_READ)) continue;
        if (out.n) out_s(&out, ", ");
        atom_print(f, i, &out);
        out_f(&out, " = %lld", (long long)value[i]);
    }
    return out.n ? out.text : NULL;
}

const char *affine_known(Affine *f, const Ctx *ctx, Lin e, int most) {
    Out out = out_new(f->arena);
    int n = 0;
    for (const Ctx *c = ctx; c && n < most; c = c->up) {
        if (c->kind == CTX_INDEX && (!c->index->lo || !c->index->hi)) continue;
        if (n++) out_s(&out, ", ");
        if (c->kind == CTX_INDEX) {
            out_f(&out, "%s in ", c->index->name);
            print(f, c->index->lo, &out);
            out_s(&out, "..");
            print(f, c->index->hi, &out);
        } else {
            if (c->kind == CTX_FALSE) out_s(&out, "not (");
            print(f, c->cond, &out);
            if (c->kind == CTX_FALSE) out_s(&out, ")");
        }
    }
    for (int i = 0; i < e.terms.n && n < most; i++) {
        const Atom *atom = &f->atoms.at[e.terms.at[i].var];
        const Interval *bounds = atom->kind == AT_READ ? affine_get_interval(f, atom->e->tensor) : NULL;
        for (int k = 0; bounds && k < bounds->hi.n && k < 1 && bounds->lo.n; k++, n++) {
            if (n) out_s(&out, ", ");
            out_f(&out, "%s <= %s", affine_text(f, bounds->lo.at[0]), affine_text(f, lin_var(f->arena, e.terms.at[i].var)));
            out_f(&out, " <= %s", affine_text(f, bounds->hi.at[0]));
        }
    }
    for (int i = 0; i < f->always.n && n < most; i++, n++) {
        if (n) out_s(&out, ", ");
        print(f, f->always.at[i], &out);
    }
    return out.n ? out.text : NULL;
}
