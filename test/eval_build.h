/* Kernels by hand, in few words, for tests and benchmarks of the oracle. */
#pragma once
#include "dsl/eval.h"
#include "dsl/kernel_build.h"
#include <stdarg.h>

typedef struct Maker { Arena *arena; Kernel *kernel; } Maker;

static const Span nowhere;

static inline void maker_oom(void *context, const char *why) { (void)context; (void)why; __builtin_trap(); }

static inline Maker maker_new(void) {
    Arena *a = arena_new(0, maker_oom, NULL);
    Kernel *k = NEW(a, Kernel);
    k->name = "k";
    return (Maker){a, k};
}

static inline Expr *mk_int(Maker *m, int64_t i) { return x_int(m->arena, DT_I64, i, nowhere); }
static inline Expr *mk_float(Maker *m, double f) { return x_float(m->arena, DT_F32, f, nowhere); }

static inline Expr *mk_dim(Maker *m, const char *name) {
    Dim *d = NEW(m->arena, Dim);
    *d = (Dim){.name = name, .id = m->kernel->dims.n};
    vec_push(m->arena, &m->kernel->dims, d);
    return x_dim(m->arena, d, nowhere);
}

/* A tensor; the extents end with NULL. */
static inline Tensor *mk_tensor(Maker *m, TensorRole role, DType type, ...) {
    Tensor *t = NEW(m->arena, Tensor);
    *t = (Tensor){.name = "t", .id = m->kernel->tensors.n, .role = role, .type = type, .shape = NEW_ARRAY(m->arena, Expr *, 8)};
    va_list args;
    va_start(args, type);
    for (Expr *x; (x = va_arg(args, Expr *));) t->shape[t->rank++] = x;
    va_end(args);
    vec_push(m->arena, &m->kernel->tensors, t);
    if (role == TR_INPUT) vec_push(m->arena, &m->kernel->params, t);
    if (role == TR_OUTPUT) vec_push(m->arena, &m->kernel->outputs, t);
    return t;
}

static inline Index *mk_index(Maker *m, Expr *lo, Expr *hi) {
    Index *i = NEW(m->arena, Index);
    *i = (Index){.name = "i", .id = m->kernel->n_indices++, .lo = lo, .hi = hi};
    return i;
}
static inline Index *mk_range(Maker *m, Expr *hi) { return mk_index(m, mk_int(m, 0), hi); }
static inline Expr *mk_at(Maker *m, Index *i) { return x_index(m->arena, i, nowhere); }

/* A read; the subscripts end with NULL. */
static inline Expr *mk_read(Maker *m, Tensor *t, ...) {
    Expr *r = x_read(m->arena, t, nowhere);
    va_list args;
    va_start(args, t);
    for (Expr *x; (x = va_arg(args, Expr *));) vec_push(m->arena, &r->args, x);
    va_end(args);
    return r;
}

static inline Expr *mk_op(Maker *m, Op op, Expr *x, Expr *y) { return x_op(m->arena, op, x, y, NULL, nowhere); }
static inline Expr *mk_to(Maker *m, DType t, Expr *x) { return x_convert(m->arena, t, x, nowhere); }

static inline Var *mk_var(Maker *m, const char *name, DType t) {
    Var *v = NEW(m->arena, Var);
    *v = (Var){.name = name, .type = t, .id = m->kernel->n_vars++};
    return v;
}

/* A reduction with a built-in kind; the indices end with NULL. */
static inline Expr *mk_reduce(Maker *m, CombKind kind, DType t, Expr *operand, Expr *pred, ...) {
    Reduce *r = NEW(m->arena, Reduce);
    r->comb = NEW(m->arena, Comb);
    r->comb->kind = kind;
    r->comb->type = t;
    r->pred = pred;
    vec_push(m->arena, &r->operands, operand);
    va_list args;
    va_start(args, pred);
    for (Index *i; (i = va_arg(args, Index *));) vec_push(m->arena, &r->idx, i);
    va_end(args);
    DType result = kind >= CK_ARGMAX ? DT_I64 : kind == CK_ANY || kind == CK_ALL ? DT_BOOL : t;
    return x_reduce(m->arena, r, result, nowhere);
}

/* t[indices] = value; the indices end with NULL. */
static inline Stmt *mk_stmt(Maker *m, Tensor *t, Expr *value, ...) {
    Stmt *s = NEW(m->arena, Stmt);
    s->id = m->kernel->stmts.n;
    s->value = value;
    Target target = {.tensor = t};
    va_list args;
    va_start(args, value);
    for (Index *i; (i = va_arg(args, Index *));) {
        vec_push(m->arena, &s->idx, i);
        vec_push(m->arena, &target.subs, mk_at(m, i));
    }
    va_end(args);
    vec_push(m->arena, &s->targets, target);
    vec_push(m->arena, &m->kernel->stmts, s);
    return s;
}
