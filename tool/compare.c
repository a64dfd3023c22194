#include "tool/compare.h"
#include "dsl/kernel_build.h"
#include "tool/child.h"
#include <math.h>
#include <string.h>

typedef struct Slice { const bool *summed; bool found; } Slice;

static bool see_sum(void *context, Expr *e) {
    Slice *s = context;
    if (e->kind == X_READ) s->found |= s->summed[e->tensor->id];
    if (e->kind == X_CALL) expr_walk(e->fn->body, see_sum, s);
    if (e->kind == X_REDUCE) {
        CombKind k = e->reduce->comb->kind;
        s->found |= k == CK_USER || ((k == CK_SUM || k == CK_MEAN) && dtype_is_float(e->reduce->comb->type));
    }
    return true;
}

void compare_zero_signs(Arena *a, const Kernel *k, bool *signed_zero) {
    bool *summed = NEW_ARRAY(a, bool, k->tensors.n + 1);
    for (int i = 0; i < k->stmts.n; i++) {
        const Stmt *st = k->stmts.at[i];
        Slice s = {summed, false};
        expr_walk(st->value, see_sum, &s);
        for (int j = 0; j < st->targets.n; j++) summed[st->targets.at[j].tensor->id] |= s.found;
    }
    for (int i = 0; i < k->outputs.n; i++) signed_zero[i] = !summed[k->outputs.at[i]->id];
}

static double float_ratio(double y, double r, double e) {
    if (isinf(e)) return 0;
    if (isnan(r)) return isnan(y) ? 0 : INFINITY;
    if (isnan(y)) return INFINITY;
    if (isinf(r) || isinf(y)) return y == r ? 0 : INFINITY;
    double d = fabs(y - r);
    return d == 0 ? 0 : e > 0 ? d / e : INFINITY;
}

static double int_ratio(DType t, int64_t y, int64_t r, double e) {
    if (t == DT_BOOL && y != 0 && y != 1) return INFINITY;
    if (y == r || isinf(e)) return 0;
    double d = fabs((double)y - (double)r);
    return e > 0 ? d / e : INFINITY;
}

double compare_element(const Array *y, const Expected *x, int64_t p, bool exact) {
    const char *at = (const char *)y->data + (size_t)(x->at ? x->at[p] : p) * (size_t)dtype_table[y->type].bytes;
    double e = exact || !x->err ? 0 : x->err[p];
    if (dtype_is_float(y->type)) {
        double v = dtype_load_float(y->type, at), r = x->value[p];
        bool flipped = x->zero_signs && e == 0 && v == 0 && r == 0 && !signbit(v) != !signbit(r);
        return flipped ? INFINITY : float_ratio(v, r, e);
    }
    if (y->type == DT_BOOL && *(const unsigned char *)at > 1) return INFINITY;
    return int_ratio(y->type, dtype_load_int(y->type, at), x->ivalue[p], e);
}

/* Elements that no call wrote, and those on which the calls differ. */
static void compare_calls(const Array *y, Comparison *c) {
    enum { BLOCK = 1024 };
    size_t w = (size_t)dtype_table[y[0].type].bytes;
    unsigned char poison[2][8];
    for (int i = 0; i < 2; i++) child_poison(y[0].type, i, poison[i]);
    const char *a = y[0].data, *b = y[1].data;
    for (int64_t i = 0; i < y[0].n; i++) {
        int64_t n = y[0].n - i < BLOCK ? y[0].n - i : BLOCK;
        if (i % BLOCK == 0 && !memcmp(a + (size_t)i * w, b + (size_t)i * w, (size_t)n * w)) {
            i += n - 1;
            continue;
        }
        const char *p = a + (size_t)i * w, *q = b + (size_t)i * w;
        if (!memcmp(p, q, w)) continue;
        if (!memcmp(p, poison[0], w) && !memcmp(q, poison[1], w)) c->unwritten++;
        else if (!c->unequal++) c->first_unequal = i;
    }
}

/* A bound that is wider than 2^-6 of the value, or than four roundings of a narrow type, tests little; an infinite one nothing. */
static bool is_loose(DType t, double r, double e) {
    double wide = dtype_is_float(t) ? fmax(0x1p-6, ldexp(4, -dtype_table[t].precision)) : 0x1p-6;
    if (e == 0 || isinf(e)) return e != 0;
    return !(e <= wide * fabs(r)) && !isnan(r) && !isinf(r);
}

static Comparison compare_output(const Array *y, const Expected *x, bool exact) {
    Comparison c = {.compared = x->n, .worst = -1, .first_unequal = -1};
    bool floats = dtype_is_float(y->type);
    for (int64_t p = 0; p < x->n; p++) {
        double ratio = compare_element(y, x, p, exact);
        if (ratio > 1) {
            if (c.n_shown < COMPARE_SHOWN) c.shown[c.n_shown++] = p;
            c.bad++;
        }
        if (ratio > c.ratio || c.worst < 0) c.worst = p;
        c.ratio = fmax(c.ratio, ratio);
        if (!exact && x->err) c.loose += is_loose(y->type, floats ? x->value[p] : (double)x->ivalue[p], x->err[p]);
        c.zeros += floats ? x->value[p] == 0 : x->ivalue[p] == 0;
        c.same += floats ? x->value[p] == x->value[0] : x->ivalue[p] == x->ivalue[0];
    }
    return c;
}

bool compare_ok(const Comparison *c) { return !c->bad && !c->unequal && !c->unwritten; }

Comparison compare_both(const Array *first, const Array *second, const Expected *x, bool exact) {
    Comparison c = compare_output(first, x, exact);
    Array pair[2] = {*first, *second};
    compare_calls(pair, &c);
    return c;
}
