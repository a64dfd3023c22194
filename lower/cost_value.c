/* Integer expressions with numbers in place of what is not known. */
#include "lower/cost_impl.h"
#include <math.h>

/* A tensor's value where it is read: it grows evenly through its declared range, half of the range on, since the blocks that stand for
 * all are the first ones. So a length that is read is half its most, and the difference of two neighbours an even share. */
static double read_value(CostRun *r, const Expr *e) {
    const Tensor *t = e->tensor;
    if (!t->lo || !t->hi) return 0;
    double lo = cost_value(r, t->lo), hi = cost_value(r, t->hi) - 1, part = 0.5;
    if (t->rank == 1) {
        double n = cost_value(r, t->shape[0]) - 1, at = n > 0 ? cost_value(r, e->args.at[0]) / n : 0;
        part = at > 0.5 ? at : at + 0.5;
    }
    return lo + (hi - lo) * part;
}

static double operation(CostRun *r, const Expr *e) {
    double x = cost_value(r, e->args.at[0]), y = e->args.n > 1 ? cost_value(r, e->args.at[1]) : 0;
    switch (e->op) {
    case OP_ADD: return x + y;
    case OP_SUB: return x - y;
    case OP_MUL: return x * y;
    case OP_FLOORDIV: return y ? floor(x / y) : 0;
    case OP_MOD: return y ? x - y * floor(x / y) : x;
    case OP_NEG: return -x;
    case OP_MIN: return x < y ? x : y;
    case OP_MAX: return x > y ? x : y;
    case OP_ABS: return fabs(x);
    case OP_EQ: return x == y;
    case OP_NE: return x != y;
    case OP_LT: return x < y;
    case OP_LE: return x <= y;
    case OP_GT: return x > y;
    case OP_GE: return x >= y;
    case OP_AND: return x && y;
    case OP_OR: return x || y;
    case OP_NOT: return !x;
    default: return x;
    }
}

double cost_value(CostRun *r, const Expr *e) {
    switch (e->kind) {
    case X_LIT: return dtype_is_float(e->type) ? e->lit_f : (double)e->lit_i;
    case X_DIM:
        if (r->dims[e->dim->id] < 0) r->fails = true;
        return (double)r->dims[e->dim->id];
    case X_INDEX: {
        const TileAxis *axis = e->index->id < r->p->kernel->n_indices ? r->stage->axis_of[e->index->id] : NULL;
        return axis ? r->lo[axis->id] : r->env[e->index->id];
    }
    case X_OP: return operation(r, e);
    case X_READ: return read_value(r, e);
    case X_CONVERT: case X_SAT: return cost_value(r, e->args.at[0]);
    case X_IF: return cost_value(r, e->args.at[cost_value(r, e->args.at[0]) ? 1 : 2]);
    default: return 0;
    }
}

/* A reduction's own bounds hang on outer indices; the axis has the range that covers them all. */
double cost_extent(CostRun *r, const Index *i) {
    const TileAxis *axis = r->stage->axis_of[i->id];
    if (axis && axis->levels) return cost_max(r->hi[axis->id] - r->lo[axis->id], 0);
    return cost_max(cost_value(r, i->hi) - cost_value(r, i->lo), 0);
}

static uint64_t mix(uint64_t h, double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (h ^ bits) * 0x9e3779b97f4a7c15u ^ h >> 29;
}

uint64_t cost_key(const CostRun *r) {
    uint64_t h = mix(mix(1, r->rows), r->cols);
    for (int i = 0; i < r->stage->axes.n; i++) h = mix(h, r->hi[i] - r->lo[i]);
    return h | 1;
}
