/* Contractions against OpenBLAS in f64: a second opinion on the reference and on the result. The library is loaded when it is
 * wanted; where it is missing, nothing is compared. */
#pragma once
#include "dsl/eval.h"
#include "tool/array.h"

typedef struct BlasResult {
    bool done;
    const char *tensor;          /* the output that is a contraction */
    double worst;                /* largest |y - r| / bound of the kernel's result against dgemm */
} BlasResult;

/* Looks for an output that one statement defines as a sum over a product of two inputs with bare indices as subscripts. `y`: the
 * outputs of the kernel. */
BlasResult blas_compare(const Kernel *k, const int64_t *dims, const Array *inputs, const Array *y);
