/* A dense row-major array in memory. */
#pragma once
#include "dsl/dtype.h"
#include <stddef.h>
#include <stdint.h>

enum { ARRAY_RANK_MAX = 8 };

typedef struct Array {
    DType type;
    int rank;
    int64_t extent[ARRAY_RANK_MAX];
    int64_t n;            /* elements; 1 for rank 0 */
    void *data;
} Array;

static inline size_t array_bytes(const Array *x) { return (size_t)x->n * (size_t)dtype_table[x->type].bytes; }
