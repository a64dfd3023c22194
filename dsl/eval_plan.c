/* Which axis of a statement becomes lanes, and how much work a statement is. */
#include "dsl/eval_internal.h"

Domain domain_of(Eval *ev, const Stmt *s) {
    Domain d = {.n = s->idx.n, .points = 1};
    Mark mark = scratch_mark(&ev->scratch);
    for (int k = 0; k < d.n; k++) {
        int64_t lo = eval_constant(ev, s->idx.at[k]->lo), hi = eval_constant(ev, s->idx.at[k]->hi);
        d.idx[k] = s->idx.at[k];
        d.lo[k] = lo;
        d.extent[k] = hi > lo ? hi - lo : 0;
        d.points *= d.extent[k];
    }
    scratch_release(&ev->scratch, mark);
    return d;
}

/* --- strides ------------------------------------------------------------------------------------------------------------ */

enum { UNKNOWN_STEP = 1 << 20 };

static int64_t small_step(double step) { return fabs(step) < UNKNOWN_STEP ? (int64_t)step : UNKNOWN_STEP; }

/* Does the range of r's index l move with i? */
static bool ragged(const Reduce *r, const Index *l, const Index *i) {
    for (int k = 0; i && r && k < r->idx.n; k++)
        if (r->idx.at[k] == l && l != i) return expr_mentions(l->lo, i) || expr_mentions(l->hi, i);
    return false;
}

/* By how much x moves when i moves by one; UNKNOWN_STEP where that is not constant. */
static int64_t step_of(const Expr *x, const Index *i, const Reduce *r) {
    int64_t a, b;
    if (x->kind == X_INDEX) return x->index == i ? 1 : ragged(r, x->index, i) ? UNKNOWN_STEP : 0;
    if (x->kind == X_LIT || x->kind == X_DIM) return 0;
    if (x->kind == X_CONVERT) return step_of(x->args.at[0], i, r);
    if (x->kind != X_OP || x->args.n != 2) {
        for (int k = 0; k < x->args.n; k++)
            if (step_of(x->args.at[k], i, r)) return UNKNOWN_STEP;
        return 0;
    }
    a = step_of(x->args.at[0], i, r), b = step_of(x->args.at[1], i, r);
    if (a == UNKNOWN_STEP || b == UNKNOWN_STEP) return UNKNOWN_STEP;
    const Expr *left = x->args.at[0], *right = x->args.at[1];
    if (x->op == OP_ADD || x->op == OP_SUB) return small_step(x->op == OP_ADD ? a + b : a - b);
    if (x->op == OP_MUL && left->kind == X_LIT && !a) return small_step((double)left->lit_i * (double)b);
    if (x->op == OP_MUL && right->kind == X_LIT && !b) return small_step((double)right->lit_i * (double)a);
    return a || b ? UNKNOWN_STEP : 0;
}

/* Nanoseconds a lane of the reads in x, when i is the lane axis. */
typedef struct Cost { Eval *ev; const Index *i; const Reduce *r; double lane, nodes; bool flat; } Cost;

static bool cost_visit(void *context, Expr *x) {
    Cost *c = context;
    c->nodes++;
    if (x->kind != X_READ) return x->kind != X_REDUCE;
    const Store *s = &c->ev->stores[x->tensor->id];
    double step = 0;
    for (int d = 0; d < x->args.n; d++) {
        int64_t one = step_of(x->args.at[d], c->i, c->r);
        step += one == UNKNOWN_STEP ? UNKNOWN_STEP : fabs((double)one * (double)s->stride[d]);
    }
    c->lane += c->flat ? 12 : step >= UNKNOWN_STEP ? 8 : step == 0 ? 0.1 : step == 1 ? 0.3 : step < 16 ? 0.3 + 0.2 * step : 4;
    return true;
}

/* The cost of one point of x with lanes along i, `lanes` at a time. */
static double cost_of(Eval *ev, Expr *x, const Index *i, double lanes, bool flat) {
    Cost c = {ev, i, x->kind == X_REDUCE ? x->reduce : NULL, 0, 1, flat};
    if (x->kind == X_REDUCE)
        for (int k = 0; k < x->reduce->operands.n; k++) expr_walk(x->reduce->operands.at[k], cost_visit, &c);
    else expr_walk(x, cost_visit, &c);
    return c.lane + c.nodes * 25 / (lanes < 1 ? 1 : lanes > LANES ? LANES : lanes);
}

/* The lanes that a reduction's own index would give, on average over a sample of points: its last, or its longest free one. */
static double reduce_lanes(Eval *ev, const Domain *d, const Reduce *r) {
    Mark mark = scratch_mark(&ev->scratch);
    double most = 0;
    for (int k = 0; k < r->idx.n; k++) {
        Frame fr = frame_new(ev, 1);
        for (int j = 0; j < d->n; j++) bind_index(&fr, d->idx[j], col_int(d->lo[j] + d->extent[j] / 2));
        for (int j = 0; j < k; j++) {
            Col lo = eval_expr(&fr, r->idx.at[j]->lo);
            bind_index(&fr, r->idx.at[j], lo);
        }
        double extent = (double)(eval_expr(&fr, r->idx.at[k]->hi).i0 - eval_expr(&fr, r->idx.at[k]->lo).i0);
        if (extent > most) most = extent;
    }
    scratch_release(&ev->scratch, mark);
    return most;
}

static Plan make_plan(Eval *ev, const Stmt *s, const Domain *d) {
    Plan p = {.rows = false, .width = LANES};
    const Reduce *r = s->value->kind == X_REDUCE ? s->value->reduce : NULL;
    double best = cost_of(ev, s->value, NULL, (double)d->points, true);
    int axis = d->n - 1;
    for (int k = 0; k < d->n; k++) {
        double cost = cost_of(ev, s->value, d->idx[k], (double)d->extent[k], false);
        if (cost < best) best = cost, axis = k, p.rows = true;
    }
    if (r && r->scan == SCAN_NONE && r->idx.n && r->comb->kind != CK_USER && d->points) {
        double lanes = reduce_lanes(ev, d, r);
        double cost = cost_of(ev, s->value, r->idx.at[r->idx.n - 1], lanes, false) + 400 / (lanes < 1 ? 1 : lanes);
        if (cost < best) p.rows = false, p.width = 1, axis = d->n - 1;
    }
    int n = 0;
    for (int k = 0; k < d->n; k++)
        if (k != axis) p.order[n++] = k;
    if (d->n) p.order[n] = axis;
    return p;
}

Plan plan_stmt(Eval *ev, const Stmt *s, const Domain *d) {
    Plan *p = &ev->plans[s->id];
    if (!p->width) *p = make_plan(ev, s, d);
    return *p;
}

/* --- operations --------------------------------------------------------------------------------------------------------- */

typedef struct Count { Eval *ev; const Domain *d; double total; } Count;

static double expr_operations(Eval *ev, const Domain *d, Expr *x);

static bool missing_visit(void *context, Expr *x) {
    Eval **ev = context;
    if (x->kind != X_READ || !*ev) return true;
    const Store *s = &(*ev)->stores[x->tensor->id];
    if (!s->raw && !s->f && !s->i) *ev = NULL;
    return true;
}

/* Does x read a temporary that has not been evaluated? */
static bool reads_missing(Eval *ev, Expr *x) {
    if (x) expr_walk(x, missing_visit, &ev);
    return !ev;
}

static bool bounds_missing(Eval *ev, const Reduce *r) {
    for (int k = 0; k < r->idx.n; k++)
        if (reads_missing(ev, r->idx.at[k]->lo) || reads_missing(ev, r->idx.at[k]->hi)) return true;
    return false;
}

/* The mean number of elements of r over a sample of the statement's points. Indices of enclosing reductions stand at their start. A
 * predicate that reads what is not there yet counts as true, a range that does has one element. */
static double mean_length(Eval *ev, const Domain *d, const Reduce *whole) {
    if (bounds_missing(ev, whole)) return 1;
    Reduce counted = *whole;
    const Reduce *r = &counted;
    if (reads_missing(ev, counted.pred)) counted.pred = NULL;
    Mark mark = scratch_mark(&ev->scratch);
    int n = d->points < 64 ? (int)d->points : 64;
    double total = 0;
    for (int p = 0; p < n; p++) {
        int64_t rest = (int64_t)((double)d->points * (p + 0.5) / n);
        Frame fr = frame_new(ev, 1);
        for (int k = 0; k < ev->kernel->n_indices; k++) fr.idx[k] = col_int(0);
        for (int k = d->n - 1; k >= 0; k--) {
            bind_index(&fr, d->idx[k], col_int(d->lo[k] + rest % d->extent[k]));
            rest /= d->extent[k];
        }
        double count = 0;
        reduce_count(&fr, r, &count);
        total += count;
    }
    scratch_release(&ev->scratch, mark);
    return n ? total / n : 0;
}

static double assigns_operations(Eval *ev, const Domain *d, const Assigns *list) {
    double total = 0;
    for (int k = 0; k < list->n; k++) total += expr_operations(ev, d, list->at[k].value);
    return total;
}

static double reduce_operations(Eval *ev, const Domain *d, const Reduce *r) {
    double each = r->pred ? expr_operations(ev, d, r->pred) : 0, length = r->scan != SCAN_NONE ? 1 : mean_length(ev, d, r);
    for (int k = 0; k < r->operands.n; k++) each += expr_operations(ev, d, r->operands.at[k]);
    return length * (each + (r->comb->kind == CK_USER ? assigns_operations(ev, d, &r->comb->step) : 1));
}

static bool count_visit(void *context, Expr *x) {
    Count *c = context;
    if (x->kind == X_REDUCE) {
        c->total += reduce_operations(c->ev, c->d, x->reduce);
        return false;
    }
    if (x->kind == X_CALL) c->total += expr_operations(c->ev, c->d, x->fn->body);
    else if (x->kind == X_OP) c->total++;
    else if (x->kind == X_CONVERT || x->kind == X_SAT) c->total += dtype_is_float(x->type) != dtype_is_float(x->args.at[0]->type);
    return x->kind != X_READ;
}

static double expr_operations(Eval *ev, const Domain *d, Expr *x) {
    Count c = {ev, d, 0};
    expr_walk(x, count_visit, &c);
    return c.total;
}

double stmt_operations(Eval *ev, const Stmt *s) {
    Domain d = domain_of(ev, s);
    return d.points ? (double)d.points * expr_operations(ev, &d, s->value) : 0;
}
