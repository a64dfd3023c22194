/* Values of expressions over dims, and dims from the extents of arrays. */
#include "dsl/kernel.h"

static int64_t floor_div(int64_t x, int64_t y) {
    if (y == 0) return 0;
    int64_t q = x / y;
    return q - (x % y != 0 && (x < 0) != (y < 0));
}

/* x op y in *r; false on overflow and for operators that integers do not have. */
static bool binary(Op op, int64_t x, int64_t y, int64_t *r) {
    switch (op) {
    case OP_ADD: return !__builtin_add_overflow(x, y, r);
    case OP_SUB: return !__builtin_sub_overflow(x, y, r);
    case OP_MUL: return !__builtin_mul_overflow(x, y, r);
    case OP_FLOORDIV:
        if (x == INT64_MIN && y == -1) return false;
        *r = floor_div(x, y);
        return true;
    case OP_MOD:
        *r = y == 0 ? x : y == -1 ? 0 : x - floor_div(x, y) * y;
        return true;
    case OP_MIN: *r = x < y ? x : y; return true;
    case OP_MAX: *r = x > y ? x : y; return true;
    case OP_EQ: *r = x == y; return true;
    case OP_NE: *r = x != y; return true;
    case OP_LT: *r = x < y; return true;
    case OP_LE: *r = x <= y; return true;
    case OP_GT: *r = x > y; return true;
    case OP_GE: *r = x >= y; return true;
    case OP_BAND: *r = x & y; return true;
    case OP_BOR: *r = x | y; return true;
    case OP_BXOR: *r = x ^ y; return true;
    case OP_SHL: *r = (int64_t)((uint64_t)x << (y & 63)); return true;
    case OP_SHR: *r = x >> (y & 63); return true;
    default: return false;
    }
}

static bool unary(Op op, int64_t x, int64_t *r) {
    switch (op) {
    case OP_NEG: return !__builtin_sub_overflow((int64_t)0, x, r);
    case OP_NOT: *r = !x; return true;
    case OP_BNOT: *r = ~x; return true;
    case OP_ABS: *r = x; return x >= 0 || !__builtin_sub_overflow((int64_t)0, x, r);
    case OP_SIGN: *r = (x > 0) - (x < 0); return true;
    default: return false;
    }
}

static bool op_value(const Expr *e, const int64_t *dims, int64_t *value) {
    int64_t x, y;
    if (!expr_dims_value(e->args.at[0], dims, &x)) return false;
    if (e->args.n == 1) return unary(e->op, x, value);
    if (e->op == OP_AND || e->op == OP_OR) {
        *value = x;
        return (x != 0) == (e->op == OP_OR) || expr_dims_value(e->args.at[1], dims, value);
    }
    return expr_dims_value(e->args.at[1], dims, &y) && binary(e->op, x, y, value);
}

bool expr_dims_value(const Expr *e, const int64_t *dims, int64_t *value) {
    if (dtype_is_float(e->type)) return false;
    int64_t c;
    switch (e->kind) {
    case X_LIT: *value = e->lit_i; return true;
    case X_DIM: *value = dims[e->dim->id]; return *value != DIM_UNKNOWN;
    case X_OP: return op_value(e, dims, value);
    case X_CONVERT: return e->type == DT_I64 && expr_dims_value(e->args.at[0], dims, value);
    case X_IF: return expr_dims_value(e->args.at[0], dims, &c) && expr_dims_value(e->args.at[c ? 1 : 2], dims, value);
    default: return false;
    }
}

/* coef * dim + c over at most one unknown dim. */
typedef struct Linear { const Dim *dim; int64_t coef, c; } Linear;

static bool linear_add(Linear x, int64_t scale, Linear y, Linear *r) {
    if (x.dim && y.dim && x.dim != y.dim) return false;
    int64_t coef, c;
    if (__builtin_mul_overflow(scale, y.coef, &coef) || __builtin_mul_overflow(scale, y.c, &c)) return false;
    r->dim = x.dim ? x.dim : y.dim;
    return !__builtin_add_overflow(x.coef, coef, &r->coef) && !__builtin_add_overflow(x.c, c, &r->c);
}

/* e as a linear form with the known dims put in; false when it is none, or has two unknown dims. */
static bool linear(const Expr *e, const int64_t *dims, Linear *r) {
    *r = (Linear){0};
    if (expr_dims_value(e, dims, &r->c)) return true;
    if (e->kind == X_DIM) {
        *r = (Linear){.dim = e->dim, .coef = 1};
        return true;
    }
    Linear x, y;
    if (e->kind != X_OP || !linear(e->args.at[0], dims, &x)) return false;
    if (e->op == OP_NEG) return linear_add((Linear){0}, -1, x, r);
    if (e->args.n < 2 || !linear(e->args.at[1], dims, &y)) return false;
    switch (e->op) {
    case OP_ADD: return linear_add(x, 1, y, r);
    case OP_SUB: return linear_add(x, -1, y, r);
    case OP_MUL: return y.dim ? !x.dim && linear_add((Linear){0}, x.c, y, r) : linear_add((Linear){0}, y.c, x, r);
    default: return false;
    }
}

static const char *expr_text(const Expr *e, Arena *a) {
    Out o = out_new(a);
    expr_print(e, &o);
    return o.text ? o.text : "";
}

/* Solves shape[axis] == extent for its one unknown dim. *progress is set when a dim became known. */
static const char *bind_axis(const Tensor *t, int axis, int64_t extent, int64_t *dims, bool *progress, Arena *a) {
    const Expr *e = t->shape[axis];
    int64_t v;
    if (expr_dims_value(e, dims, &v)) {
        if (v == extent) return NULL;
        return arena_printf(a, "axis %d of '%s' has extent %lld, but %s is %lld", axis, t->name, (long long)extent,
                            expr_text(e, a), (long long)v);
    }
    Linear l;
    if (!linear(e, dims, &l) || !l.dim || l.coef == 0) return NULL;
    int64_t rest;
    if (__builtin_sub_overflow(extent, l.c, &rest) || (rest % l.coef) != 0 || rest / l.coef < 0)
        return arena_printf(a, "axis %d of '%s' has extent %lld, which %s is for no %s of 0 or more", axis, t->name,
                            (long long)extent, expr_text(e, a), l.dim->name);
    dims[l.dim->id] = rest / l.coef;
    *progress = true;
    return NULL;
}

const char *kernel_bind_dims(const Kernel *k, const Tensor *t, const int64_t *extents, int64_t *dims, Arena *a) {
    (void)k;
    /* Plain dims first, so that 'B' of [B + C, B] is known before 'B + C' is looked at; then until nothing new is known. */
    bool progress = false;
    for (int i = 0; i < t->rank; i++)
        if (t->shape[i]->kind == X_DIM) {
            const char *why = bind_axis(t, i, extents[i], dims, &progress, a);
            if (why) return why;
        }
    do {
        progress = false;
        for (int i = 0; i < t->rank; i++) {
            const char *why = bind_axis(t, i, extents[i], dims, &progress, a);
            if (why) return why;
        }
    } while (progress);
    return NULL;
}
