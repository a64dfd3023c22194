/* Inside of the prover: sparse rows over the variables of one query, and the scratch they live in. */
#pragma once
#include "dsl/prove.h"

/* Scratch of queries: blocks from an arena, handed out in order and given back down to a mark. Never returned to the arena. */
typedef struct PoolBlock { char *at; size_t size; } PoolBlock;
typedef struct Pool {
    Arena *arena;
    VEC(PoolBlock) blocks;
    int block;           /* the block being filled */
    size_t used;         /* bytes of it handed out */
} Pool;
typedef struct PoolMark { int block; size_t used; } PoolMark;

/* `size` bytes aligned to 16, not zeroed. */
void *pool_alloc(Pool *p, size_t size);
static inline PoolMark pool_mark(const Pool *p) { return (PoolMark){p->block, p->used}; }
static inline void pool_release(Pool *p, PoolMark m) { p->block = m.block; p->used = m.used; }

/* sum of coef * var + c, and what it is compared with: >= 0, or == 0. Terms sorted by var, shared between rows, never changed. */
typedef struct Row {
    LinTerm *t;
    int n;
    bool eq;
    uint64_t mask;       /* bit var % 64 of each term */
    int64_t c;
} Row;

typedef enum RowState {
    ROW_OK,
    ROW_TRUE,            /* holds always: may be dropped */
    ROW_FALSE,           /* holds never */
    ROW_OVERFLOW         /* a coefficient left ROW_LIMIT: may be dropped, at the price of completeness */
} RowState;

#define ROW_LIMIT ((int64_t)1 << 61)
#define VALUE_LIMIT ((int64_t)1 << 50)      /* of a variable at a point: the value of a row then fits 128 bits */

/* *out = fx * x + fy * y, divided by the gcd of its coefficients, the constant of a >= 0 rounded down: so no integer point is
 * lost. fy may be negative only where y is an equality; out->eq is x->eq. *work falls by the terms touched. */
RowState row_combine(Pool *p, Row *out, int64_t fx, const Row *x, int64_t fy, const Row *y, int64_t *work);
/* Divides by the gcd as above, in new storage where needed. */
RowState row_tighten(Pool *p, Row *r);
/* The coefficient of var, 0 where it does not occur. */
int64_t row_coef(const Row *r, int var);
static inline bool row_may_have(const Row *r, int var) { return r->mask >> (var & 63) & 1; }
/* The value at a point, exactly. */
__int128 row_value(const Row *r, const int64_t *value);
static inline bool row_holds(const Row *r, const int64_t *value) {
    __int128 v = row_value(r, value);
    return r->eq ? v == 0 : v >= 0;
}

static inline int64_t floor_div(int64_t a, int64_t b) {     /* b > 0 */
    return a / b - (a % b < 0);
}

/* Parallel rows: a hash table from the direction of a row (up to sign) to the rows that have it. */
typedef struct RowTable {
    int *slot;           /* row index + 1, or 0 */
    int size;            /* a power of two */
} RowTable;

RowTable row_table(Pool *p, int n_rows);
typedef enum RowPair { PAIR_NEW, PAIR_WEAKER, PAIR_EMPTY, PAIR_EQUAL } RowPair;
/* Looks for rows parallel to rows[i] among those entered (those with n < 0 are dead), and enters it. *self is the row that now
 * stands for its direction: i, or an earlier one whose constant was lowered if need be; *other the opposite one or -1.
 * PAIR_WEAKER: i is not needed any more; PAIR_EMPTY, PAIR_EQUAL: *self and *other have no solution, or are an equality (when
 * *self != i, then i is not needed either). At most half of t's slots may be filled. */
RowPair row_table_add(RowTable *t, Row *rows, int i, int *self, int *other);
