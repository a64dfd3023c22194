/* Sums over a product of two or three inputs, as a batch of matrix products. */
#pragma once
#include "dsl/kernel.h"
#include "tool/array.h"

enum { CONTRACTION_INDICES = 24, CONTRACTION_AXES = 8, CONTRACTION_FACTORS = 3 };

/* base + sum of coef[i] * index i */
typedef struct Linear { int64_t base, coef[CONTRACTION_INDICES]; } Linear;

typedef struct Factor {
    const Tensor *tensor;
    Linear sub[CONTRACTION_AXES];
    int64_t extent[CONTRACTION_AXES];
    int rank;
    bool clamp, pad;
    double pad_value;
} Factor;

/* What stands on one side of a matrix product: the product of its factors, element by element. */
typedef struct Side { int n; Factor f[CONTRACTION_FACTORS]; } Side;

typedef enum Class { CLASS_BATCH, CLASS_M, CLASS_N, CLASS_K, N_CLASSES } Class;

/* out[batch, m, n] = sum[k] x[batch, m, k] * y[batch, n, k]; each of the four stands for a list of indices. */
typedef struct Contraction {
    const Tensor *out;
    Side x, y;
    Factor result;                        /* where an element stands in `out` */
    int n;                                /* indices */
    const Index *index[CONTRACTION_INDICES];
    int64_t lo[CONTRACTION_INDICES], extent[CONTRACTION_INDICES];
    int of[N_CLASSES][CONTRACTION_INDICES], n_of[N_CLASSES];
    int64_t size[N_CLASSES];              /* products of extents */
    DType type;                           /* of the accumulator */
} Contraction;

/* Of three factors the two that make the smallest matrices are folded into one side. False when the statement is none, or is so large that a matrix of it has over 10^8 elements. */
bool contraction_find(const Stmt *s, const int64_t *dims, Contraction *c);
/* The flat places of a factor's elements: [rows][columns] for one value of the batch; -1: pad. */
void contraction_places(const Contraction *c, const Factor *f, Class rows, Class columns, int64_t batch, int64_t *to);
