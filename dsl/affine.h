/* Integer expressions as linear forms, and what is known of them: the bridge from the Kernel's expressions to the prover.
 *
 * Every expression that is no sum of others is an atom with a prover variable of its own; equal expressions are the same atom.
 * What an atom's value obeys (an index its range, a read its declared range, a quotient its division) joins a query only when the
 * atom occurs in it: an empty range must not be taken for one that has an element. */
#pragma once
#include "dsl/kernel.h"
#include "dsl/prove.h"

typedef struct Affine Affine;

/* What holds where an expression stands: a chain, innermost first. */
typedef enum CtxKind { CTX_INDEX, CTX_TRUE, CTX_FALSE } CtxKind;
typedef struct Ctx {
    const struct Ctx *up;
    CtxKind kind;
    Index *index;       /* CTX_INDEX: lo <= index < hi */
    Expr *cond;         /* CTX_TRUE: holds; CTX_FALSE: does not */
} Ctx;

/* Bounds over dims alone that hold for every element of an integer tensor: all of lo[i] <= value and value <= hi[i]. */
typedef struct Interval { VEC(Lin) lo, hi; } Interval;

Affine *affine_new(Arena *a);

/* Holds always: dims, extents, 'where' facts. */
void affine_assume(Affine *f, Expr *cond);
void affine_assume_ge0(Affine *f, Expr *e);
/* Where affine_assume stands, and back to there. */
int affine_mark(const Affine *f);
void affine_forget(Affine *f, int mark);
/* Holds for all points of idx; used for reads that match one of cond's. */
void affine_assume_all(Affine *f, Index **idx, int n, Expr *cond);
/* The bounds of an integer tensor's elements; replaces what was known. */
void affine_set_interval(Affine *f, const Tensor *t, const Interval *bounds);
const Interval *affine_get_interval(Affine *f, const Tensor *t);

/* The linear form of an i64 or other integer expression in a context. */
Lin affine_of(Affine *f, const Ctx *ctx, Expr *e);
/* Proves e >= 0 (a <= b, a == b) in the context. */
bool affine_ge0(Affine *f, const Ctx *ctx, Lin e);
bool affine_le(Affine *f, const Ctx *ctx, Expr *a, Expr *b);
bool affine_lt(Affine *f, const Ctx *ctx, Expr *a, Expr *b);
bool affine_eq(Affine *f, const Ctx *ctx, Expr *a, Expr *b);
/* The condition holds always, or never, in the context. */
bool affine_true(Affine *f, const Ctx *ctx, Expr *cond);
bool affine_false(Affine *f, const Ctx *ctx, Expr *cond);
/* Nothing can satisfy the context: the place is never reached. */
bool affine_unreachable(Affine *f, const Ctx *ctx);

/* Values of dims, indices and reads for which e < 0 in the context, as "N = 1, n = 0"; NULL when none is found. */
const char *affine_example(Affine *f, const Ctx *ctx, Lin e);
/* A product of unknowns in the form, as text, or NULL. */
const char *affine_product(Affine *f, Lin e);
/* What was known in a query on e, as a list of conditions, shortest first; at most `most`. */
const char *affine_known(Affine *f, const Ctx *ctx, Lin e, int most);
/* A linear form in the language's words: "2*N - i + 1". */
const char *affine_text(Affine *f, Lin e);

/* Bounds over dims of the expression's value in the context. */
Interval affine_interval(Affine *f, const Ctx *ctx, Expr *e);
/* Of `from`, the bounds that hold for the expression's value in the context. */
Interval affine_keep(Affine *f, const Ctx *ctx, Expr *e, const Interval *from);
/* The expression uses dims and literals only. */
bool affine_dims_only(Expr *e);
