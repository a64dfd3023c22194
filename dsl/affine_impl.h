/* Shared by affine*.c only. */
#pragma once
#include "dsl/affine.h"
#include "dsl/kernel_build.h"

typedef enum AtomKind { AT_DIM, AT_INDEX, AT_READ, AT_QUOTIENT, AT_PRODUCT, AT_CHOICE, AT_OPAQUE } AtomKind;

/* Values of a function's parameters while its body is looked through, and of a fact's indices while it is used at a point. */
typedef struct Bind {
    const struct Bind *up;
    const Vars *vars;
    const Exprs *args;
    const struct Bind *args_bind;
    Index *const *idx;
    const Lin *value;       /* beside idx */
    int n_idx;
} Bind;

/* Prover variable number = place in Affine.atoms. */
typedef struct Atom {
    AtomKind kind;
    Dim *dim;
    Index *index;
    Expr *e;                /* AT_READ, AT_CHOICE, AT_OPAQUE: as written */
    const Bind *bind;       /* AT_CHOICE: of e */
    VEC(Lin) parts;         /* AT_READ: subscripts; AT_QUOTIENT: numerator; AT_CHOICE: the two operands */
    int64_t divisor;        /* AT_QUOTIENT: > 0 */
    VEC(int) factors;       /* AT_PRODUCT: atoms, sorted, two or more */
    int64_t lo, hi;         /* what the type or the operator says of the value */
} Atom;

typedef struct ForAll { Index **idx; int n; Expr *cond; } ForAll;
typedef struct Known { const Tensor *tensor; Interval bounds; } Known;
typedef struct Exact { Expr *e; bool exact; } Exact;

/* A condition as a list of cases; a case with no forms says nothing. */
typedef struct Cases { VEC(LinConj) at; } Cases;

struct Affine {
    Arena *arena;
    Prover *prover;
    VEC(Atom) atoms;
    VEC(Expr *) always;     /* conditions */
    VEC(Cases) always_cases;        /* beside always; without cases: looked at in each query */
    VEC(Lin) always_ge0;
    VEC(ForAll) for_all;
    VEC(Known) known;
    struct Slot { const void *key; int var; } *slots;     /* dims and indices by address: open addressing */
    size_t n_slots, n_used_slots;
    VEC(int64_t) met_in;    /* beside atoms: see affine_query.c */
    int64_t queries;
    int depth, work;        /* of looking through expressions: functions that call functions may hold any number */
    VEC(Exact) exact;       /* operations that may wrap and were looked at; not exact while being looked at */
    bool small_dims;        /* queries use that dims and their products are small: KERNEL_DIM_MAX, KERNEL_INT_MAX */
};

Lin affine_lin(Affine *f, const Ctx *ctx, const Bind *bind, Expr *e);
Cases affine_cases(Affine *f, const Ctx *ctx, const Bind *bind, Expr *cond, bool holds);
int affine_quotient(Affine *f, Lin numerator, int64_t divisor);
