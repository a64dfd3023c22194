/* Contractions against OpenBLAS in f64, and by checksums on integers: a second opinion on the reference and on the result. The library
 * is loaded when it is wanted; where it is missing, nothing is compared with it. */
#pragma once
#include "dsl/eval.h"
#include "tool/array.h"
#include "base/vec.h"

typedef struct BlasResult {
    const char *tensor;          /* what the contraction defines */
    const char *against;         /* "OpenBLAS in f64", "a checksum on integers" */
    bool of_reference;           /* the reference's value of a temporary was compared, else the kernel's result */
    bool sampled;                /* at some of its elements */
    double worst;                /* largest |y - r| / bound */
} BlasResult;
typedef VEC(BlasResult) BlasResults;

typedef struct BlasQuery {
    const Kernel *kernel;
    const int64_t *dims;
    const Array *inputs, *outputs;   /* beside kernel->params, kernel->outputs: data, and the kernel's results */
    Eval *eval;                      /* the reference of these inputs */
    bool sampled;                    /* the reference holds single elements only */
    const bool *exact;               /* beside kernel->outputs; NULL: the bound applies to all. Given, the inputs are small integers */
} BlasQuery;

/* Each statement that is a sum over a product of two inputs, their subscripts linear in the indices (a convolution's too). */
BlasResults blas_compare(Arena *a, const BlasQuery *q);
