/* What keeps integers exact. The prover counts in whole numbers, the machine in 64 bits: where an expression that a bound rests on
 * (a shape, a range, a subscript, a guard, a fact) could leave 64 bits for dims that are large, a test at entry says that it does
 * not. Such a test adds up sizes in f64: |a + b| <= |a| + |b|, |a * b| = |a| * |b|, and stays so far below 2^63 that neither the
 * f64's rounding nor what an emitter adds to an index matters. With dims up to KERNEL_DIM_MAX only products of dims need one. */
#include "dsl/check.h"
#include <math.h>

enum { SIZE_WORK_MAX = 100000 };       /* nodes looked at for one expression; beyond it counts as unbounded */

/* A call whose body is being looked at. */
typedef struct Call { const struct Call *up; const Expr *call; } Call;

typedef struct Fits {
    Check *check;
    bool point;             /* sizes at the point where a fact is tested, else over all of the domain */
    double dim;             /* the largest dim there is */
    int work;
    VEC(Expr *) tests;      /* of a fact */
} Fits;

static double of_type(DType t) {
    if (!dtype_is_int(t)) return t == DT_BOOL;
    return fmax((double)dtype_table[t].max, -(double)dtype_table[t].min);
}

static const Expr *argument(const Call *in, const Expr *var) {
    for (int i = 0; in && i < in->call->fn->params.n; i++)
        if (in->call->fn->params.at[i] == var->var) return in->call->args.at[i];
    return NULL;
}

static bool is_ring(const Expr *e) {
    if (e->kind != X_OP || e->type != DT_I64) return false;
    const Expr *by = e->op == OP_SHL ? e->args.at[1] : NULL;
    if (by) return by->kind == X_LIT && by->lit_i >= 0 && by->lit_i <= 30;
    return e->op == OP_ADD || e->op == OP_SUB || e->op == OP_MUL || e->op == OP_NEG || e->op == OP_ABS;
}

static bool is_product(const Expr *e) { return e->op == OP_MUL || e->op == OP_SHL; }

static double ring_operand(const Expr *e, int i, double size) {
    return e->op == OP_SHL && i == 1 ? ldexp(1, (int)e->args.at[1]->lit_i) : size;
}

/* --- a bound that holds for all dims ----------------------------------------------------------------------------------------- */

static double size_of(Fits *f, const Call *in, const Expr *e);

static double largest(Fits *f, const Call *in, const Exprs *list) {
    double most = 0;
    for (int i = 0; i < list->n; i++) most = fmax(most, size_of(f, in, list->at[i]));
    return most;
}

static double op_size(Fits *f, const Call *in, const Expr *e) {
    if (e->type == DT_BOOL || e->op == OP_FLOORDIV || e->op == OP_MOD || e->op == OP_MIN || e->op == OP_MAX || e->op == OP_SHR)
        return largest(f, in, &e->args);
    if (!is_ring(e)) return of_type(e->type);
    double size = size_of(f, in, e->args.at[0]);
    if (e->args.n < 2) return size;
    double second = ring_operand(e, 1, size_of(f, in, e->args.at[1]));
    return is_product(e) ? size * second : size + second;
}

static double size_of(Fits *f, const Call *in, const Expr *e) {
    if (!dtype_is_int(e->type) && e->type != DT_BOOL) return 0;
    if (f->work++ > SIZE_WORK_MAX) return INFINITY;
    double most = of_type(e->type);
    switch (e->kind) {
    case X_LIT: return fabs((double)e->lit_i);
    case X_DIM: return f->dim;
    case X_INDEX: return fmax(size_of(f, in, e->index->lo), size_of(f, in, e->index->hi));
    case X_VAR: return argument(in, e) ? size_of(f, in->up, argument(in, e)) : most;
    case X_READ: return e->tensor->lo && e->mode != READ_PAD ? fmin(most, fmax(size_of(f, NULL, e->tensor->lo), size_of(f, NULL, e->tensor->hi))) : most;
    case X_OP: return e->type == DT_I64 || e->type == DT_BOOL ? op_size(f, in, e) : most;
    case X_CONVERT: return fmin(most, dtype_is_int(e->args.at[0]->type) ? size_of(f, in, e->args.at[0]) : most);
    case X_IF: return largest(f, in, &e->args);
    case X_CALL: return size_of(f, &(Call){in, e}, e->fn->body);
    case X_SAT: case X_REDUCE: return most;
    }
    return most;
}

/* --- the same as an expression, for given dims ------------------------------------------------------------------------------- */

static Expr *size_expr(Fits *f, const Call *in, Expr *e);

static Expr *join(Fits *f, Op op, Expr *x, Expr *y) { return x ? x_op(f->check->arena, op, x, y, NULL, y->span) : y; }

static Expr *larger(Fits *f, Expr *x, Expr *y) {
    if (!x || (x->kind == X_LIT && x->lit_f == 0)) return y;
    if (y->kind == X_LIT && x->kind == X_LIT) return x->lit_f >= y->lit_f ? x : y;
    return y->kind == X_LIT && y->lit_f == 0 ? x : join(f, OP_MAX, x, y);
}

static Expr *largest_expr(Fits *f, const Call *in, Expr *const *list, int n) {
    Expr *most = NULL;
    for (int i = 0; i < n; i++)
        if (dtype_is_int(list[i]->type) || list[i]->type == DT_BOOL) most = larger(f, most, size_expr(f, in, list[i]));
    return most ? most : x_float(f->check->arena, DT_F64, 0, list[0]->span);
}

static Expr *leaf_expr(Fits *f, const Call *in, Expr *e) {
    Arena *a = f->check->arena;
    bool here = e->kind == X_DIM || (f->point && !in && e->type != DT_BOOL);
    if (!here) return x_float(a, DT_F64, size_of(f, in, e), e->span);
    Expr *value = x_convert(a, DT_F64, e, e->span);
    return e->kind == X_DIM ? value : x_op(a, OP_ABS, value, NULL, NULL, e->span);
}

static Expr *size_expr(Fits *f, const Call *in, Expr *e) {
    Arena *a = f->check->arena;
    if (e->kind == X_LIT) return x_float(a, DT_F64, fabs((double)e->lit_i), e->span);
    if (e->kind == X_VAR && argument(in, e)) return size_expr(f, in->up, (Expr *)argument(in, e));
    if (e->kind == X_CALL) return size_expr(f, &(Call){in, e}, e->fn->body);
    if (e->kind == X_CONVERT && e->type == DT_I64 && e->args.at[0]->type == DT_I64) return size_expr(f, in, e->args.at[0]);
    if (e->kind == X_INDEX && !f->point) return largest_expr(f, in, (Expr *[]){e->index->lo, e->index->hi}, 2);
    if (is_ring(e)) {
        Expr *size = size_expr(f, in, e->args.at[0]);
        if (e->args.n < 2) return size;
        Expr *second = e->op == OP_SHL ? x_float(a, DT_F64, ring_operand(e, 1, 0), e->span) : size_expr(f, in, e->args.at[1]);
        return join(f, is_product(e) ? OP_MUL : OP_ADD, size, second);
    }
    bool inner = e->kind == X_IF || (e->kind == X_OP && e->type == DT_BOOL) ||
                 (e->kind == X_OP && e->type == DT_I64 && (e->op == OP_FLOORDIV || e->op == OP_MOD || e->op == OP_MIN || e->op == OP_MAX || e->op == OP_SHR));
    return inner ? largest_expr(f, in, e->args.at, e->args.n) : leaf_expr(f, in, e);
}

/* --- which expressions need a test -------------------------------------------------------------------------------------------- */

/* Whether the size is too large for some dims up to `dim`. */
static bool too_large(Fits *f, const Call *in, const Expr *e, int64_t dim) {
    f->work = 0;
    f->dim = (double)dim;
    return size_of(f, in, e) > (double)KERNEL_INT_MAX;
}

/* Tests for the sums and products in e that may leave 64 bits. Over a domain, values that no dims bound are the prover's to doubt. */
static void need(Fits *f, const Call *in, Expr *e) {
    if (!dtype_is_int(e->type) && e->type != DT_BOOL) return;
    if (is_ring(e)) {
        if (!too_large(f, in, e, KERNEL_DIM_MAX) || (!f->point && too_large(f, in, e, 1))) return;
        Arena *a = f->check->arena;
        Expr *size = size_expr(f, in, e), *most = x_float(a, DT_F64, (double)KERNEL_INT_MAX, e->span);
        Expr *test = x_op(a, OP_LE, size, most, NULL, e->span);
        if (f->point) vec_push(a, &f->tests, test);
        else check_add_fact(f->check, FACT_FITS, NULL, 0, test, arena_printf(a, "%s fits 64 bits", check_expr_text(f->check, e)), e->span);
        return;
    }
    if (e->kind == X_CALL) need(f, &(Call){in, e}, e->fn->body);
    if (e->kind == X_VAR && argument(in, e)) need(f, in->up, (Expr *)argument(in, e));
    if (e->kind != X_READ && e->kind != X_CALL && e->kind != X_REDUCE)
        for (int i = 0; i < e->args.n; i++) need(f, in, e->args.at[i]);
}

static void need_ranges(Fits *f, Index *const *idx, int n) {
    for (int i = 0; i < n; i++) need(f, NULL, idx[i]->lo), need(f, NULL, idx[i]->hi);
}

/* What the accesses in a value rest on. */
static bool visit(void *context, Expr *e) {
    Fits *f = context;
    if (e->kind == X_READ)
        for (int i = 0; i < e->args.n; i++) need(f, NULL, e->args.at[i]);
    if (e->kind == X_IF) need(f, NULL, e->args.at[0]);
    if (e->kind == X_OP && (e->op == OP_AND || e->op == OP_OR)) need(f, NULL, e);
    if (e->kind == X_REDUCE) {
        need_ranges(f, e->reduce->idx.at, e->reduce->idx.n);
        if (e->reduce->pred) need(f, NULL, e->reduce->pred);
    }
    return true;
}

static void stmt(Fits *f, Stmt *s) {
    need_ranges(f, s->idx.at, s->idx.n);
    expr_walk(s->value, visit, f);
    for (int i = 0; i < s->targets.n; i++) {
        const Target *t = &s->targets.at[i];
        for (int d = 0; d < t->subs.n; d++) need(f, NULL, t->subs.at[d]);
        if (t->tensor->role == TR_TEMP && affine_get_interval(f->check->affine, t->tensor)) need(f, NULL, s->value);
    }
}

/* The condition of a fact, tested only where its arithmetic is exact. */
static void fact(Fits *f, Fact *fact) {
    f->tests.n = 0;
    need(f, NULL, fact->cond);
    Expr *test = NULL;
    for (int i = 0; i < f->tests.n; i++) test = join(f, OP_AND, test, f->tests.at[i]);
    fact->test = test ? join(f, OP_AND, test, fact->cond) : NULL;
}

static void ranges_of(Fits *f, const Tensor *t) {
    for (int d = 0; d < t->rank; d++) need(f, NULL, t->shape[d]);
    if (t->lo) need(f, NULL, t->lo), need(f, NULL, t->hi);
}

void check_fits(Check *c) {
    Kernel *k = c->kernel;
    Fits at = {.check = c, .point = true}, all = {.check = c};
    int facts = k->facts.n;
    for (int i = 0; i < facts; i++) {
        fact(&at, &k->facts.at[i]);
        need_ranges(&all, k->facts.at[i].idx.at, k->facts.at[i].idx.n);
        expr_walk(k->facts.at[i].cond, visit, &all);
    }
    for (int i = 0; i < k->tensors.n; i++) ranges_of(&all, k->tensors.at[i]);
    for (int i = 0; i < k->stmts.n; i++) stmt(&all, k->stmts.at[i]);
}
