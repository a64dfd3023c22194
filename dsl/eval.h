/* The oracle: a reference interpreter of the Kernel in double (integers exactly, in int64), by columns of hundreds of elements,
 * with a running error bound beside each value. It knows no tiles and no emitted code. docs/numerics.md has the rules. */
#pragma once
#include "dsl/kernel.h"

typedef struct Eval Eval;

typedef struct EvalOptions {
    bool no_bounds;         /* values only: for timing */
    int64_t memory_limit;   /* bytes for temporaries and outputs; 0: 8 GiB */
    const Name *charged;    /* tensors, up to a NULL, across whose rounding to a narrower float a scaling was moved: another rounding is charged; or NULL */
    void (*progress)(void *context, double fraction);   /* or NULL; called now and then during eval_all */
    void *progress_context;
} EvalOptions;

/* inputs: beside k->params, each a dense row-major array of the tensor's type (scalars: one value); they must outlive the Eval.
 * dims: by Dim.id, all known. On failure (an extent is negative, too much memory) returns NULL and sets *why to a sentence. */
Eval *eval_new(Arena *a, const Kernel *k, const int64_t *dims, const void *const *inputs, const EvalOptions *options, const char **why);

/* A fact that does not hold, FACT_ASSUME and assumed ranges included: its place in k->facts and the first point (values of its
 * idx, in order), or -1. The kernel's meaning is undefined then, and eval_all must not be called. */
int eval_facts(Eval *e, int64_t *point);

/* Evaluates every statement whole. */
void eval_all(Eval *e);

/* After eval_all: a tensor's elements, outputs and temporaries alike. Floats have value, integers and bools have ivalue; err is the
 * bound on |result - reference| of a right implementation in the tensor's type: NULL when all are 0 (the result must be equal);
 * INFINITY where nothing can be said. A nan or infinity in value must be matched exactly unless err is INFINITY. */
typedef struct EvalArray { int64_t n; int rank; int64_t extent[8]; const double *value; const int64_t *ivalue; const double *err; } EvalArray;
EvalArray eval_array(Eval *e, const Tensor *t);

/* On demand, instead of eval_all: elements of an output at n flat positions, evaluating only what they need. Arrays of n; value or
 * ivalue by the type. */
void eval_points(Eval *e, const Tensor *t, int64_t n, const int64_t *at, double *value, int64_t *ivalue, double *err);

/* Scalar operations of a whole evaluation (an operator, a function, a conversion between kinds, and a reduction's step count 1 each),
 * ragged and guarded parts estimated by their data where that is cheap. */
double eval_operations(Eval *e);
