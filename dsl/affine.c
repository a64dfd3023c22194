#include "dsl/affine_impl.h"

Affine *affine_new(Arena *a) {
    Affine *f = NEW(a, Affine);
    f->arena = a;
    f->prover = prover_new(a);
    return f;
}

/* Arithmetic in a fact is exact: the fact is tested so. */
static bool trust(void *context, Expr *e) {
    Affine *f = context;
    if (e->kind == X_OP && e->type == DT_I64) vec_push(f->arena, &f->exact, ((Exact){e, true}));
    return true;
}

/* What dims alone make true is looked at once: no context changes it. */
void affine_assume(Affine *f, Expr *cond) {
    f->work = 0;
    expr_walk(cond, trust, f);
    Cases known = affine_dims_only(cond) ? affine_cases(f, NULL, NULL, cond, true) : (Cases){0};
    vec_push(f->arena, &f->always, cond);
    vec_push(f->arena, &f->always_cases, known);
}

int affine_mark(const Affine *f) { return f->always.n; }
void affine_forget(Affine *f, int mark) { f->always.n = f->always_cases.n = mark; }

void affine_assume_ge0(Affine *f, Expr *e) { vec_push(f->arena, &f->always_ge0, affine_lin(f, NULL, NULL, e)); }

void affine_assume_all(Affine *f, Index **idx, int n, Expr *cond) {
    expr_walk(cond, trust, f);
    vec_push(f->arena, &f->for_all, ((ForAll){idx, n, cond}));
}

/* Bounds outside of what the type holds say nothing. */
static Interval within_type(Affine *f, DType t, const Interval *from) {
    Interval i = {0};
    for (int k = 0; k < from->lo.n; k++)
        if (!lin_is_const(from->lo.at[k]) || from->lo.at[k].c >= dtype_table[t].min) vec_push(f->arena, &i.lo, from->lo.at[k]);
    for (int k = 0; k < from->hi.n; k++)
        if (!lin_is_const(from->hi.at[k]) || from->hi.at[k].c <= dtype_table[t].max) vec_push(f->arena, &i.hi, from->hi.at[k]);
    return i;
}

void affine_set_interval(Affine *f, const Tensor *t, const Interval *all) {
    Interval kept = within_type(f, t->type, all), *bounds = &kept;
    for (int i = 0; i < f->known.n; i++)
        if (f->known.at[i].tensor == t) {
            f->known.at[i].bounds = *bounds;
            return;
        }
    vec_push(f->arena, &f->known, ((Known){t, *bounds}));
}

const Interval *affine_get_interval(Affine *f, const Tensor *t) {
    for (int i = 0; i < f->known.n; i++)
        if (f->known.at[i].tensor == t) return &f->known.at[i].bounds;
    return NULL;
}

/* --- atoms -------------------------------------------------------------------------------------------------------------- */

static int new_atom(Affine *f, Atom atom) {
    int var = prover_var(f->prover);
    vec_push(f->arena, &f->atoms, atom);
    return var;
}

static bool same_parts(const Atom *atom, const Lin *parts, int n) {
    if (atom->parts.n != n) return false;
    for (int i = 0; i < n; i++)
        if (!lin_equal(atom->parts.at[i], parts[i])) return false;
    return true;
}

static size_t slot_of(const Affine *f, const void *key) {
    size_t i = ((uintptr_t)key >> 4) * 0x9e3779b97f4a7c15u >> 20 & (f->n_slots - 1);
    while (f->slots[i].key && f->slots[i].key != key) i = (i + 1) & (f->n_slots - 1);
    return i;
}

static void grow_slots(Affine *f) {
    struct Slot *old = f->slots;
    size_t n = f->n_slots;
    f->n_slots = n ? 2 * n : 256;
    f->slots = NEW_ARRAY(f->arena, struct Slot, f->n_slots);
    for (size_t i = 0; i < n; i++)
        if (old[i].key) f->slots[slot_of(f, old[i].key)] = old[i];
}

/* The atom of a dim or an index, by its address. */
static int named_atom(Affine *f, const void *key, Atom atom) {
    if (2 * (f->n_used_slots + 1) > f->n_slots) grow_slots(f);
    struct Slot *slot = &f->slots[slot_of(f, key)];
    if (!slot->key) {
        *slot = (struct Slot){key, new_atom(f, atom)};
        f->n_used_slots++;
    }
    return slot->var;
}

static int dim_atom(Affine *f, Dim *dim) { return named_atom(f, dim, (Atom){.kind = AT_DIM, .dim = dim, .lo = 0, .hi = INT64_MAX}); }

static int index_atom(Affine *f, Index *index) {
    return named_atom(f, index, (Atom){.kind = AT_INDEX, .index = index, .lo = INT64_MIN, .hi = INT64_MAX});
}

static void type_range(DType t, int64_t *lo, int64_t *hi) {
    *lo = dtype_table[t].min;
    *hi = dtype_table[t].max;
}

static int opaque_atom(Affine *f, Expr *e, const Bind *bind) {
    for (int i = 0; i < f->atoms.n; i++)
        if (f->atoms.at[i].kind == AT_OPAQUE && f->atoms.at[i].bind == bind && expr_equal(f->atoms.at[i].e, e)) return i;
    Atom atom = {.kind = AT_OPAQUE, .e = e, .bind = bind};
    type_range(e->type, &atom.lo, &atom.hi);
    if (e->kind == X_CONVERT && e->args.at[0]->type == DT_BOOL) atom.lo = 0, atom.hi = 1;
    if (e->kind == X_OP && e->op == OP_BAND)
        for (int i = 0; i < 2; i++)
            if (e->args.at[i]->kind == X_LIT && e->args.at[i]->lit_i >= 0) atom.lo = 0, atom.hi = e->args.at[i]->lit_i;
    return new_atom(f, atom);
}

static int read_atom(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e) {
    if (e->mode == READ_PAD) return opaque_atom(f, e, bind);
    VEC(Lin) subs = {0};
    for (int i = 0; i < e->args.n; i++) vec_push(f->arena, &subs, affine_lin(f, ctx, bind, e->args.at[i]));
    for (int i = 0; i < f->atoms.n; i++) {
        const Atom *x = &f->atoms.at[i];
        if (x->kind == AT_READ && x->e->tensor == e->tensor && x->e->mode == e->mode && same_parts(x, subs.at, subs.n)) return i;
    }
    Atom atom = {.kind = AT_READ, .e = e};
    type_range(e->type, &atom.lo, &atom.hi);
    for (int i = 0; i < subs.n; i++) vec_push(f->arena, &atom.parts, subs.at[i]);
    return new_atom(f, atom);
}

int affine_quotient(Affine *f, Lin numerator, int64_t divisor) {
    for (int i = 0; i < f->atoms.n; i++) {
        const Atom *x = &f->atoms.at[i];
        if (x->kind == AT_QUOTIENT && x->divisor == divisor && lin_equal(x->parts.at[0], numerator)) return i;
    }
    Atom atom = {.kind = AT_QUOTIENT, .divisor = divisor, .lo = INT64_MIN, .hi = INT64_MAX};
    vec_push(f->arena, &atom.parts, numerator);
    return new_atom(f, atom);
}

static int choice_atom(Affine *f, const Bind *bind, Expr *e, Lin x, Lin y) {
    Lin parts[2] = {x, y};
    for (int i = 0; i < f->atoms.n; i++) {
        const Atom *at = &f->atoms.at[i];
        if (at->kind != AT_CHOICE || at->e->kind != e->kind || at->bind != bind || !same_parts(at, parts, 2)) continue;
        if (e->kind == X_IF ? expr_equal(at->e->args.at[0], e->args.at[0]) : at->e->op == e->op) return i;
    }
    Atom atom = {.kind = AT_CHOICE, .e = e, .bind = bind};
    type_range(e->type, &atom.lo, &atom.hi);
    vec_push(f->arena, &atom.parts, x);
    vec_push(f->arena, &atom.parts, y);
    return new_atom(f, atom);
}

/* The variable that stands for the product of two variables, factors sorted. */
static int product_atom(Affine *f, int x, int y) {
    Atom atom = {.kind = AT_PRODUCT, .lo = INT64_MIN, .hi = INT64_MAX};
    for (int side = 0; side < 2; side++) {
        int var = side ? y : x;
        if (f->atoms.at[var].kind != AT_PRODUCT) vec_push(f->arena, &atom.factors, var);
        else
            for (int i = 0; i < f->atoms.at[var].factors.n; i++) vec_push(f->arena, &atom.factors, f->atoms.at[var].factors.at[i]);
    }
    int *v = atom.factors.at, n = atom.factors.n;
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && v[j] < v[j - 1]; j--) {
            int t = v[j];
            v[j] = v[j - 1];
            v[j - 1] = t;
        }
    for (int i = 0; i < f->atoms.n; i++)
        if (f->atoms.at[i].kind == AT_PRODUCT && f->atoms.at[i].factors.n == n &&
            !memcmp(f->atoms.at[i].factors.at, v, sizeof(int) * (size_t)n))
            return i;
    return new_atom(f, atom);
}

/* --- expressions -------------------------------------------------------------------------------------------------------- */

static Lin add(Affine *f, Lin x, int64_t scale, Lin y, bool *overflow) { return lin_add(f->arena, x, scale, y, overflow); }

static Lin multiply(Affine *f, Lin x, Lin y, bool *overflow) {
    if (lin_is_const(x)) return add(f, lin_const(0), x.c, y, overflow);
    if (lin_is_const(y)) return add(f, lin_const(0), y.c, x, overflow);
    Lin sum = add(f, add(f, lin_const(0), y.c, x, overflow), x.c, y, overflow);
    bool wide = __builtin_mul_overflow(x.c, y.c, &(int64_t){0});
    sum = add(f, sum, -1, lin_const(wide ? 0 : x.c * y.c), overflow);    /* the product of the constants was counted twice */
    *overflow |= wide;
    for (int i = 0; i < x.terms.n; i++)
        for (int j = 0; j < y.terms.n; j++) {
            int64_t coef;
            if (__builtin_mul_overflow(x.terms.at[i].coef, y.terms.at[j].coef, &coef)) *overflow = true;
            else sum = add(f, sum, coef, lin_var(f->arena, product_atom(f, x.terms.at[i].var, y.terms.at[j].var)), overflow);
        }
    return sum;
}

/* Whether an operation whose exact value is `value` cannot wrap. The answer is remembered by expression: it stands in one
 * place. While it is sought the expression counts as one that may wrap, which ends the recursion through its own context. */
static bool fits(Affine *f, const Ctx *ctx, Expr *e, Lin value) {
    for (int i = 0; i < f->exact.n; i++)
        if (f->exact.at[i].e == e) return f->exact.at[i].exact;
    int slot = f->exact.n;
    vec_push(f->arena, &f->exact, ((Exact){e, false}));
    bool overflow = false, wide = e->type == DT_I64, was = f->small_dims;
    Lin above = add(f, value, -1, lin_const(wide ? -2 * KERNEL_INT_MAX : dtype_table[e->type].min), &overflow);
    Lin below = add(f, lin_const(wide ? 2 * KERNEL_INT_MAX : dtype_table[e->type].max), -1, value, &overflow);
    f->small_dims = was || wide;
    bool exact = !overflow && affine_ge0(f, ctx, above) && affine_ge0(f, ctx, below);
    f->small_dims = was;
    f->exact.at[slot].exact = exact;
    return exact;
}

static bool is_literal(const Expr *e, int64_t lo, int64_t hi) {
    return e->kind == X_LIT && dtype_is_int(e->type) && e->lit_i >= lo && e->lit_i <= hi;
}

/* The exact value of an integer operator, before any wrap. False when it has no linear form. */
static bool op_value(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e, Lin *value, bool *overflow) {
    Lin x = affine_lin(f, ctx, bind, e->args.at[0]);
    if (e->op == OP_NEG) {
        *value = add(f, lin_const(0), -1, x, overflow);
        return true;
    }
    if (e->args.n < 2) return false;
    Expr *second = e->args.at[1];
    Lin y = affine_lin(f, ctx, bind, second);
    switch (e->op) {
    case OP_ADD: *value = add(f, x, 1, y, overflow); return true;
    case OP_SUB: *value = add(f, x, -1, y, overflow); return true;
    case OP_MUL: *value = multiply(f, x, y, overflow); return true;
    case OP_SHL:
        if (!is_literal(second, 0, 30)) return false;
        *value = add(f, lin_const(0), (int64_t)1 << second->lit_i, x, overflow);
        return true;
    case OP_SHR:
        if (!is_literal(second, 0, 30)) return false;
        *value = lin_var(f->arena, affine_quotient(f, x, (int64_t)1 << second->lit_i));
        return true;
    case OP_FLOORDIV: case OP_MOD: {
        if (!lin_is_const(y) || y.c <= 0) return false;
        if (lin_is_const(x)) {
            int64_t q = x.c / y.c - (x.c % y.c < 0);
            *value = lin_const(e->op == OP_FLOORDIV ? q : x.c - q * y.c);
            return true;
        }
        Lin q = lin_var(f->arena, affine_quotient(f, x, y.c));
        *value = e->op == OP_FLOORDIV ? q : add(f, x, -y.c, q, overflow);
        return true;
    }
    case OP_MIN: case OP_MAX: *value = lin_var(f->arena, choice_atom(f, bind, e, x, y)); return true;
    default: return false;
    }
}

static bool reads_data(void *context, Expr *e) {
    bool *read = context;
    *read |= e->kind == X_READ || e->kind == X_VAR || e->kind == X_REDUCE;
    return !*read;
}

/* The form holds a value that only its 64-bit type bounds; what dims bound is tested at entry (FACT_FITS). */
static bool holds_data(const Affine *f, Lin e) {
    for (int i = 0; i < e.terms.n; i++) {
        const Atom *at = &f->atoms.at[e.terms.at[i].var];
        bool read = false;
        if (at->kind == AT_READ) read = true;
        if (at->kind == AT_OPAQUE) expr_walk(at->e, reads_data, &read);
        if (read && at->lo == INT64_MIN) return true;
        for (int k = 0; (at->kind == AT_QUOTIENT || at->kind == AT_CHOICE) && k < at->parts.n; k++)
            if (holds_data(f, at->parts.at[k])) return true;
        for (int k = 0; k < at->factors.n; k++)
            if (holds_data(f, lin_var(f->arena, at->factors.at[k]))) return true;
    }
    return false;
}

static bool never_wraps(const Affine *f, const Expr *e, Lin value) {
    return (e->type == DT_I64 && !holds_data(f, value)) || e->op == OP_FLOORDIV || e->op == OP_MOD || e->op == OP_SHR || e->op == OP_MIN || e->op == OP_MAX;
}

static Lin opaque(Affine *f, const Bind *bind, Expr *e) { return lin_var(f->arena, opaque_atom(f, e, bind)); }

static Lin op_lin(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e) {
    Lin value;
    bool overflow = false;
    if (!dtype_is_int(e->type) || !op_value(f, ctx, bind, e, &value, &overflow) || overflow) return opaque(f, bind, e);
    return never_wraps(f, e, value) || fits(f, ctx, e, value) ? value : opaque(f, bind, e);
}

static Lin convert_lin(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e) {
    Expr *x = e->args.at[0];
    if (!dtype_is_int(e->type) || !dtype_is_int(x->type)) return opaque(f, bind, e);
    Lin value = affine_lin(f, ctx, bind, x);
    bool wider = dtype_table[e->type].min <= dtype_table[x->type].min && dtype_table[e->type].max >= dtype_table[x->type].max;
    return wider || fits(f, ctx, e, value) ? value : opaque(f, bind, e);
}

static Lin var_lin(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e) {
    for (const Bind *b = bind; b; b = b->up)
        for (int i = 0; b->vars && i < b->vars->n; i++)
            if (b->vars->at[i] == e->var) return affine_lin(f, ctx, b->args_bind, b->args->at[i]);
    return opaque(f, bind, e);
}

static const Bind *bind_call(Affine *f, const Bind *bind, Expr *call) {
    Bind *b = NEW(f->arena, Bind);
    *b = (Bind){.up = bind, .vars = &call->fn->params, .args = &call->args, .args_bind = bind};
    return b;
}

static Lin index_lin(Affine *f, const Bind *bind, Index *index) {
    for (const Bind *b = bind; b; b = b->up)
        for (int i = 0; i < b->n_idx; i++)
            if (b->idx[i] == index) return b->value[i];
    return lin_var(f->arena, index_atom(f, index));
}

enum { LOOK_DEPTH_MAX = 1000, LOOK_WORK_MAX = 100000 };    /* beyond these an expression counts as unknown */

static Lin look(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e) {
    switch (e->kind) {
    case X_LIT: return dtype_is_float(e->type) ? opaque(f, bind, e) : lin_const(e->lit_i);
    case X_INDEX: return index_lin(f, bind, e->index);
    case X_DIM: return lin_var(f->arena, dim_atom(f, e->dim));
    case X_VAR: return var_lin(f, ctx, bind, e);
    case X_READ: return lin_var(f->arena, read_atom(f, ctx, bind, e));
    case X_OP: return op_lin(f, ctx, bind, e);
    case X_CONVERT: return convert_lin(f, ctx, bind, e);
    case X_IF: {
        Lin x = affine_lin(f, ctx, bind, e->args.at[1]), y = affine_lin(f, ctx, bind, e->args.at[2]);
        return lin_equal(x, y) ? x : lin_var(f->arena, choice_atom(f, bind, e, x, y));
    }
    case X_CALL: return affine_lin(f, ctx, bind_call(f, bind, e), e->fn->body);
    case X_SAT: case X_REDUCE: return opaque(f, bind, e);
    }
    return opaque(f, bind, e);
}

Lin affine_lin(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e) {
    if (f->depth >= LOOK_DEPTH_MAX || f->work++ > LOOK_WORK_MAX) return opaque(f, bind, e);
    f->depth++;
    Lin value = look(f, ctx, bind, e);
    f->depth--;
    return value;
}

Lin affine_of(Affine *f, const Ctx *ctx, Expr *e) { return affine_lin(f, ctx, NULL, e); }

/* --- conditions --------------------------------------------------------------------------------------------------------- */

enum { CASES_MAX = 16 };

static Cases one_case(Affine *f, Lin *forms, int n) {
    Cases c = {0};
    LinConj conj = {0};
    for (int i = 0; i < n; i++) vec_push(f->arena, &conj.ge0, forms[i]);
    vec_push(f->arena, &c.at, conj);
    return c;
}

static Cases nothing_known(Affine *f) { return one_case(f, NULL, 0); }

static Cases both(Affine *f, Cases x, Cases y) {
    if (x.at.n * y.at.n > CASES_MAX) return x.at.n <= y.at.n ? x : y;
    Cases c = {0};
    for (int i = 0; i < x.at.n; i++)
        for (int j = 0; j < y.at.n; j++) {
            LinConj conj = {0};
            for (int k = 0; k < x.at.at[i].ge0.n; k++) vec_push(f->arena, &conj.ge0, x.at.at[i].ge0.at[k]);
            for (int k = 0; k < y.at.at[j].ge0.n; k++) vec_push(f->arena, &conj.ge0, y.at.at[j].ge0.at[k]);
            vec_push(f->arena, &c.at, conj);
        }
    return c;
}

static Cases either(Affine *f, Cases x, Cases y) {
    if (x.at.n + y.at.n > CASES_MAX) return nothing_known(f);
    for (int j = 0; j < y.at.n; j++) vec_push(f->arena, &x.at, y.at.at[j]);
    return x;
}

/* x - y + c >= 0 */
static Lin difference(Affine *f, Lin x, Lin y, int64_t c, bool *overflow) {
    return add(f, add(f, x, -1, y, overflow), 1, lin_const(c), overflow);
}

static Cases comparison(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e, bool holds) {
    static const Op negated[OP_COUNT] = {[OP_EQ] = OP_NE, [OP_NE] = OP_EQ, [OP_LT] = OP_GE, [OP_GE] = OP_LT, [OP_LE] = OP_GT, [OP_GT] = OP_LE};
    if (!dtype_is_int(e->args.at[0]->type)) return nothing_known(f);
    Lin x = affine_lin(f, ctx, bind, e->args.at[0]), y = affine_lin(f, ctx, bind, e->args.at[1]);
    bool overflow = false;
    Lin less = difference(f, y, x, -1, &overflow), more = difference(f, x, y, -1, &overflow);
    Lin le = difference(f, y, x, 0, &overflow), ge = difference(f, x, y, 0, &overflow);
    if (overflow) return nothing_known(f);
    switch (holds ? e->op : negated[e->op]) {
    case OP_EQ: return one_case(f, (Lin[]){le, ge}, 2);
    case OP_NE: return either(f, one_case(f, &less, 1), one_case(f, &more, 1));
    case OP_LT: return one_case(f, &less, 1);
    case OP_LE: return one_case(f, &le, 1);
    case OP_GT: return one_case(f, &more, 1);
    default: return one_case(f, &ge, 1);
    }
}

static Cases look_cases(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e, bool holds) {
    if (e->kind == X_LIT && e->type == DT_BOOL) {
        Lin never = lin_const(-1);
        return (e->lit_i != 0) == holds ? nothing_known(f) : one_case(f, &never, 1);
    }
    if (e->kind == X_CALL) return affine_cases(f, ctx, bind_call(f, bind, e), e->fn->body, holds);
    if (e->kind != X_OP) return nothing_known(f);
    switch (e->op) {
    case OP_NOT: return affine_cases(f, ctx, bind, e->args.at[0], !holds);
    case OP_AND: case OP_OR: {
        Cases x = affine_cases(f, ctx, bind, e->args.at[0], holds), y = affine_cases(f, ctx, bind, e->args.at[1], holds);
        return (e->op == OP_AND) == holds ? both(f, x, y) : either(f, x, y);
    }
    case OP_EQ: case OP_NE: case OP_LT: case OP_LE: case OP_GT: case OP_GE: return comparison(f, ctx, bind, e, holds);
    default: return nothing_known(f);
    }
}

Cases affine_cases(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e, bool holds) {
    if (f->depth >= LOOK_DEPTH_MAX || f->work++ > LOOK_WORK_MAX) return nothing_known(f);
    f->depth++;
    Cases c = look_cases(f, ctx, bind, e, holds);
    f->depth--;
    return c;
}

bool affine_dims_only(Expr *e) {
    if (e->kind == X_DIM || (e->kind == X_LIT && dtype_is_int(e->type))) return true;
    if (e->kind == X_READ || e->kind == X_INDEX || e->kind == X_VAR || e->kind == X_REDUCE || e->kind == X_CALL || !e->args.n) return false;
    for (int i = 0; i < e->args.n; i++)
        if (!affine_dims_only(e->args.at[i])) return false;
    return true;
}
