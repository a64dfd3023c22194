#include "tool/exact.h"
#include <math.h>

/* A value is an integer times 2^-gran, at most mag in size. */
typedef struct Ex { bool ok; double mag; int gran; } Ex;

typedef struct State {
    Arena *a;
    const Kernel *k;
    const int64_t *dims;
    int amplitude;
    const Array *given;     /* beside k->params; data NULL: made */
    Ex *tensor, *var, *index;
} State;

static const Ex UNKNOWN = {false, 0, 0};

static Ex join(Ex x, Ex y) {
    return (Ex){x.ok && y.ok, fmax(x.mag, y.mag), x.gran > y.gran ? x.gran : y.gran};
}

/* x as the result of arithmetic in type t: whether it needed no rounding. Integers wrap, and are exact always. */
static Ex fits(DType t, Ex x) {
    if (!x.ok) return UNKNOWN;
    if (!dtype_is_float(t)) return (Ex){true, fmin(x.mag, t == DT_BOOL ? 1 : (double)dtype_table[t].max + 1), 0};
    return ldexp(x.mag, x.gran) <= ldexp(1, dtype_table[t].precision) ? x : UNKNOWN;
}

static Ex literal(double v) {
    if (!isfinite(v)) return (Ex){!isnan(v), 0, 0};
    for (int g = 0; g <= 12; g++)
        if (ldexp(v, g) == rint(ldexp(v, g))) return (Ex){true, fabs(v), g};
    return UNKNOWN;
}

static Ex ex(State *s, const Expr *e);

static Ex index_range(State *s, const Index *i) {
    Ex lo = i->lo ? ex(s, i->lo) : UNKNOWN, hi = i->hi ? ex(s, i->hi) : UNKNOWN;
    return s->index[i->id] = join(lo, hi);
}

static Ex division(Ex x, const Expr *by, DType t) {
    int exponent;
    if (by->kind != X_LIT || !dtype_is_float(t) || frexp(by->lit_f, &exponent) != 0.5) return UNKNOWN;
    return fits(t, (Ex){x.ok, x.mag / by->lit_f, x.gran + exponent - 1 > 0 ? x.gran + exponent - 1 : 0});
}

static Ex op(State *s, const Expr *e) {
    Ex v[3] = {{true, 0, 0}, {true, 0, 0}, {true, 0, 0}};
    bool ok = true;
    for (int i = 0; i < e->args.n && i < 3; i++) {
        v[i] = ex(s, e->args.at[i]);
        ok &= v[i].ok;
    }
    if (!ok) return UNKNOWN;
    Ex sum = {true, v[0].mag + v[1].mag, v[0].gran > v[1].gran ? v[0].gran : v[1].gran};
    Ex product = {true, v[0].mag * v[1].mag, v[0].gran + v[1].gran};
    switch (e->op) {
    case OP_ADD: case OP_SUB: return fits(e->type, sum);
    case OP_MUL: return fits(e->type, product);
    case OP_FMA: return fits(e->type, (Ex){true, product.mag + v[2].mag, product.gran > v[2].gran ? product.gran : v[2].gran});
    case OP_DIV: return division(v[0], e->args.at[1], e->type);
    case OP_NEG: case OP_ABS: return v[0];
    case OP_MIN: case OP_MAX: return join(v[0], v[1]);
    case OP_SIGN: return (Ex){true, 1, 0};
    case OP_FLOOR: case OP_CEIL: case OP_ROUND: case OP_TRUNC: return (Ex){true, v[0].mag + 1, 0};
    case OP_MOD: return (Ex){true, v[0].mag + v[1].mag, 0};
    default:
        if (e->type == DT_BOOL) return (Ex){true, 1, 0};
        return dtype_is_int(e->type) ? fits(e->type, (Ex){true, INFINITY, 0}) : UNKNOWN;
    }
}

static Ex convert(State *s, const Expr *e) {
    Ex x = ex(s, e->args.at[0]);
    if (!x.ok) return UNKNOWN;
    if (!dtype_is_float(e->type)) return fits(e->type, (Ex){true, x.mag, 0});
    x.mag *= 1 + ldexp(1, -dtype_table[e->type].precision);      /* one rounding, which is the same in each order */
    return x;
}

static bool integral(const Comb *c) {
    for (int i = 0; i < c->states.n; i++)
        if (dtype_is_float(c->states.at[i]->type)) return false;
    for (int i = 0; i < c->inputs.n; i++)
        if (dtype_is_float(c->inputs.at[i]->type)) return false;
    for (int i = 0; i < c->final.n; i++)
        if (dtype_is_float(c->final.at[i]->type)) return false;
    return true;
}

static Ex reduction(State *s, const Expr *e) {
    const Reduce *r = e->reduce;
    double count = 1;
    bool ok = true;
    for (int i = 0; i < r->idx.n; i++) {
        Ex range = index_range(s, r->idx.at[i]);
        ok &= range.ok;
        count *= 2 * range.mag;
        int64_t lo, hi;
        if (expr_dims_value(r->idx.at[i]->lo, s->dims, &lo) && expr_dims_value(r->idx.at[i]->hi, s->dims, &hi))
            count = count / (2 * range.mag + (range.mag == 0)) * (hi > lo ? (double)(hi - lo) : 0);
    }
    if (r->pred) ok &= ex(s, r->pred).ok;
    Ex x = {true, 0, 0};
    for (int i = 0; i < r->operands.n; i++) x = join(x, ex(s, r->operands.at[i]));
    if (!ok || !x.ok) return UNKNOWN;
    switch (r->comb->kind) {
    case CK_SUM: return fits(r->comb->type, (Ex){true, x.mag * count, x.gran});
    case CK_MAX: case CK_MIN: return x;
    case CK_ANY: case CK_ALL: return (Ex){true, 1, 0};
    case CK_ARGMAX: case CK_ARGMIN: return fits(DT_I64, (Ex){true, INFINITY, 0});
    case CK_PROD: return fits(r->comb->type, (Ex){true, pow(fmax(x.mag, 1), count), (int)fmin(x.gran * count, 1e6)});
    case CK_MEAN: return UNKNOWN;
    case CK_USER: return integral(r->comb) ? fits(DT_I64, (Ex){true, INFINITY, 0}) : UNKNOWN;
    }
    return UNKNOWN;
}

static Ex call(State *s, const Expr *e) {
    const FnInst *f = e->fn;
    for (int i = 0; i < f->params.n && i < e->args.n; i++) s->var[f->params.at[i]->id] = ex(s, e->args.at[i]);
    return ex(s, f->body);
}

static Ex ex(State *s, const Expr *e) {
    switch (e->kind) {
    case X_LIT: return dtype_is_float(e->type) ? literal(e->lit_f) : (Ex){true, fabs((double)e->lit_i), 0};
    case X_INDEX: return s->index[e->index->id];
    case X_DIM: return (Ex){true, (double)s->dims[e->dim->id], 0};
    case X_VAR: return s->var[e->var->id];
    case X_READ: {
        Ex x = s->tensor[e->tensor->id];
        for (int i = 0; i < e->args.n; i++) x.ok &= ex(s, e->args.at[i]).ok;
        return e->mode == READ_PAD ? join(x, ex(s, e->pad)) : x;
    }
    case X_OP: return op(s, e);
    case X_CONVERT: case X_SAT: return convert(s, e);
    case X_IF: return ex(s, e->args.at[0]).ok ? join(ex(s, e->args.at[1]), ex(s, e->args.at[2])) : UNKNOWN;
    case X_CALL: return call(s, e);
    case X_REDUCE: return reduction(s, e);
    }
    return UNKNOWN;
}

/* An array that the caller gave: its own elements say what it holds. */
static Ex given(const Array *x) {
    Ex all = {true, 0, 0};
    const char *at = x->data;
    int w = dtype_table[x->type].bytes;
    if (x->n > 1 << 20) return UNKNOWN;
    for (int64_t i = 0; i < x->n && all.ok; i++)
        all = join(all, dtype_is_float(x->type) ? literal(dtype_load_float(x->type, at + i * w))
                                                : (Ex){true, fabs((double)dtype_load_int(x->type, at + i * w)), 0});
    return all;
}

static Ex input(const State *s, const Tensor *t, int i) {
    int64_t lo, hi;
    if (s->given && s->given[i].data) return given(&s->given[i]);
    if (t->lo && expr_dims_value(t->lo, s->dims, &lo) && expr_dims_value(t->hi, s->dims, &hi))
        return (Ex){true, fmax(fabs((double)lo), fabs((double)hi)), 0};
    if (t->value) return dtype_is_float(t->type) ? literal(t->value->lit_f) : (Ex){true, fabs((double)t->value->lit_i), 0};
    return (Ex){true, s->amplitude, 0};
}

void exact_outputs(Arena *a, const Kernel *k, const int64_t *dims, int amplitude, const Array *given_inputs, bool *exact) {
    State s = {a, k, dims, amplitude, given_inputs, NEW_ARRAY(a, Ex, k->tensors.n + 1), NEW_ARRAY(a, Ex, k->n_vars + 1), NEW_ARRAY(a, Ex, k->n_indices + 1)};
    for (int i = 0; i < k->tensors.n; i++) s.tensor[i] = (Ex){true, 0, 0};
    for (int i = 0; i < k->params.n; i++) s.tensor[k->params.at[i]->id] = input(&s, k->params.at[i], i);
    for (int i = 0; i < k->stmts.n; i++) {
        const Stmt *st = k->stmts.at[i];
        for (int d = 0; d < st->idx.n; d++) index_range(&s, st->idx.at[d]);
        Ex v = ex(&s, st->value);
        for (int j = 0; j < st->targets.n; j++) {
            Ex *t = &s.tensor[st->targets.at[j].tensor->id];
            *t = join(*t, v);
        }
    }
    for (int i = 0; i < k->outputs.n; i++) exact[i] = s.tensor[k->outputs.at[i]->id].ok;
}

static int count(const bool *b, int n) {
    int c = 0;
    for (int i = 0; i < n; i++) c += b[i];
    return c;
}

int exact_amplitude(Arena *a, const Kernel *k, const int64_t *dims, const Array *given_inputs, bool *exact) {
    static const int amplitudes[] = {8, 4, 3, 2};
    exact_outputs(a, k, dims, 1, given_inputs, exact);
    int best = count(exact, k->outputs.n);
    if (!best) return 0;
    bool *now = NEW_ARRAY(a, bool, k->outputs.n + 1);
    for (int i = 0; i < 4; i++) {
        exact_outputs(a, k, dims, amplitudes[i], given_inputs, now);
        if (count(now, k->outputs.n) == best) return amplitudes[i];
    }
    return 1;
}
