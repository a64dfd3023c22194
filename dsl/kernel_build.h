/* Makes nodes of the Kernel. Types are set, not checked: that is the checker's work. */
#pragma once
#include "dsl/kernel.h"

Expr *x_int(Arena *a, DType t, int64_t i, Span at);       /* integers and bool */
Expr *x_float(Arena *a, DType t, double f, Span at);
Expr *x_index(Arena *a, Index *i, Span at);
Expr *x_dim(Arena *a, Dim *d, Span at);
Expr *x_var(Arena *a, Var *v, Span at);
Expr *x_read(Arena *a, Tensor *t, Span at);               /* push the subscripts on ->args */
/* b and c may be NULL by the arity. The type is bool for comparisons and logic, else the first operand's. */
Expr *x_op(Arena *a, Op op, Expr *x, Expr *y, Expr *z, Span at);
Expr *x_convert(Arena *a, DType t, Expr *x, Span at);     /* x itself when it has the type */
Expr *x_sat(Arena *a, DType t, Expr *x, Span at);
Expr *x_if(Arena *a, Expr *c, Expr *x, Expr *y, Span at);
Expr *x_call(Arena *a, FnInst *fn, Span at);              /* push the arguments on ->args */
Expr *x_reduce(Arena *a, Reduce *r, DType t, Span at);

/* Structural equality: same nodes, same indices, dims and tensors by identity. */
bool expr_equal(const Expr *x, const Expr *y);
/* The expression is this index and nothing more. */
static inline bool expr_is_index(const Expr *e, const Index *i) { return e->kind == X_INDEX && e->index == i; }
/* A copy without the integer conversions that subscripts, ranges, checks and facts make by themselves: for texts. */
Expr *expr_without_widening(Arena *a, Expr *e);
/* Calls visit(context, e) on e and every expression in it, parents first: arguments, pads, and of a reduction its bounds,
 * predicate and operands. Bodies of functions and combinators are not entered. visit returns false to leave a node's inside out. */
void expr_walk(Expr *e, bool (*visit)(void *context, Expr *e), void *context);
