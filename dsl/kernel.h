/* The Kernel: one operator, checked, typed, with its calls inlined. It says what is computed, never in which order or where.
 *
 * Made by the checker; read by the reference interpreter (dsl/eval), by lowering and by the emitters. Immutable once made.
 * Its text form is .knf with everything written out (types, ranges, conversions) and reads back through the same front end.
 *
 * What readers may rely on:
 *  - expressions are trees of typed nodes, every conversion is a node; operands of an operator have one compute type
 *    (f64 f32 i64 i32 bool), except that KEEP operators (min, max) and X_IF may be in a narrow type: then all operands have it;
 *  - subscripts, range bounds, dims and indices are i64;
 *  - every access is proved inside its tensor, in the context it stands in: X_IF evaluates only the branch taken, `and`, `or` are
 *    evaluated from left to right and stop early, a reduction's operand is evaluated only where its predicate holds. A reader may
 *    evaluate both sides only where it can see that no access leaves its tensor. Reads with pad or clamp are always allowed;
 *  - statements stand in order of definition; a tensor is read only after its last definition;
 *  - a statement's value is free of reductions, or is one reduction (X_REDUCE at its root), or holds reductions that stand under a
 *    guard, in a ragged range or in a function and so could not be lifted: those are evaluated in place ("scoped").
 */
#pragma once
#include "base/name.h"
#include "base/out.h"
#include "base/source.h"
#include "base/vec.h"
#include "dsl/dtype.h"
#include "dsl/ops.h"

typedef struct Expr Expr;
typedef VEC(Expr *) Exprs;
typedef struct Tensor Tensor;

/* A run-time extent: i64, 0 to KERNEL_DIM_MAX (more than any memory holds; sums of dims cannot overflow then). `id` is its place in Kernel.dims: order of first appearance in the signature, which is the
 * order of the dims in the C interface. */
#define KERNEL_DIM_MAX (INT64_C(1) << 48)
/* What integers that bounds rest on are kept under: FACT_FITS, Fact.test. */
#define KERNEL_INT_MAX (INT64_C(1) << 58)
typedef struct Dim { Name name; int id; Span span; } Dim;

/* An index variable of a statement or of a reduction: lo <= i < hi. Names may repeat; the pointer is the identity. `id` is
 * unique in the kernel and below Kernel.n_indices. */
typedef struct Index { Name name; int id; Expr *lo, *hi; Span span; } Index;

/* A named value inside a function, a combinator or a fn call: parameter, state or local. `id` is below Kernel.n_vars. */
typedef struct Var { Name name; DType type; int id; } Var;
typedef VEC(Var *) Vars;

typedef enum TensorRole { TR_INPUT, TR_OUTPUT, TR_TEMP } TensorRole;
typedef enum Policy { POLICY_NONE, POLICY_CHECK, POLICY_CLAMP, POLICY_ASSUME } Policy;
struct Tensor {
    Name name;            /* temporaries of calls and lifted reductions have dots: "p.m", "y.sum" */
    int id;               /* place in Kernel.tensors */
    TensorRole role;
    DType type;
    int rank;             /* 0: a scalar; scalar inputs are passed by value */
    Expr **shape;         /* rank expressions over dims, i64; in a temporary a value below 0 counts as 0 */
    Expr *lo, *hi;        /* declared range of an integer input (lo <= value < hi), or NULL */
    Policy policy;        /* POLICY_CLAMP: every read yields min(max(value, lo), hi - 1); the reader of the Kernel does it */
    Expr *value;          /* default of a scalar input (a literal), or NULL */
    Span span;
};

typedef struct Assign { Var *var; Expr *value; } Assign;
typedef VEC(Assign) Assigns;

typedef enum CombKind { CK_SUM, CK_PROD, CK_MAX, CK_MIN, CK_MEAN, CK_ANY, CK_ALL, CK_ARGMAX, CK_ARGMIN, CK_USER } CombKind;

/* How a reduction joins its elements. Built-in kinds use only kind and type: the accumulator's and result's type (CK_ARG*: the type
 * of the operand; the result is i64). sum, prod, mean: f32 f64 i32 i64; max, min: any number type; any, all: bool. */
typedef struct Comb {
    CombKind kind;
    DType type;
    /* CK_USER */
    Name name;
    Vars inputs;            /* one operand each; the operand has the input's type */
    Vars states;
    Exprs init;             /* beside states */
    Assigns step;           /* in order, over inputs, states, locals */
    Vars other;             /* beside states: the later part's, in merge */
    Name other_name;
    Assigns merge;          /* in order, over states (the earlier part), other, locals; leaves the joined part in states */
    Exprs final;            /* the results, over states */
    bool ordered;           /* not commutative */
    Span span;
} Comb;

typedef enum ScanRel { SCAN_NONE, SCAN_LT, SCAN_LE, SCAN_GT, SCAN_GE } ScanRel;

typedef struct Reduce {
    Comb *comb;
    VEC(Index *) idx;       /* outermost first; bounds may use earlier ones, outer indices, and read tensors (ragged) */
    Expr *pred;             /* bool, or NULL; may use all of idx */
    Exprs operands;         /* one, or one for each input of a CK_USER */
    ScanRel scan;           /* not SCAN_NONE: idx has one element e that ranges over the positions of `along`'s range with e REL along:
                             * < and <= from the start upwards, > and >= from the end downwards, in that order */
    Index *along;
} Reduce;

/* A user function with the types of one call. Pure; sees its parameters only. */
typedef struct FnInst { Name name; int id; Vars params; DType type; Expr *body; Span span; } FnInst;

typedef enum XKind {
    X_LIT,      /* lit_i (integers, bool) or lit_f (floats) */
    X_INDEX,    /* index */
    X_DIM,      /* dim */
    X_VAR,      /* var: in a function's body or a combinator */
    X_READ,     /* tensor [ args ]; rank 0: a scalar */
    X_OP,       /* op over args */
    X_CONVERT,  /* args[0] to type: floats round to nearest even; float to integer truncates, saturates, nan gives 0; integers wrap;
                 * bool to a number 0 or 1 */
    X_SAT,      /* args[0] to an integer type: rounds to nearest even, saturates, nan gives 0; integers clamp */
    X_IF,       /* args: condition, then, else */
    X_CALL,     /* fn over args; arguments are evaluated first */
    X_REDUCE    /* reduce; its result, or for a CK_USER with several outputs (root of a statement only) all of them */
} XKind;

typedef enum ReadMode { READ_PLAIN, READ_PAD, READ_CLAMP } ReadMode;

struct Expr {
    XKind kind;
    DType type;
    Span span;
    Exprs args;
    union {
        int64_t lit_i;
        double lit_f;
        Index *index;
        Dim *dim;
        Var *var;
        struct { Tensor *tensor; ReadMode mode; Expr *pad; };  /* pad: a value of the tensor's type where any subscript is outside.
                                                                * READ_CLAMP: each subscript by itself into 0 .. extent - 1 */
        Op op;
        FnInst *fn;
        Reduce *reduce;
    };
};

/* tensor[subs] = ...: each subscript is an index of the statement, an index plus a value of dims, or a value of dims. */
typedef struct Target { Tensor *tensor; Exprs subs; Span span; } Target;

typedef struct Stmt {
    int id;                 /* place in Kernel.stmts */
    Span span;
    VEC(Target) targets;    /* several: value is X_REDUCE of a CK_USER, its results in order */
    VEC(Index *) idx;       /* the domain: a box, bounds over dims; order as on the left side. lo > hi counts as empty */
    Expr *value;            /* has the type of targets[0] when there is one target */
    bool lifted;            /* a reduction that stood inside another statement */
} Stmt;

typedef enum FactKind {
    FACT_DIM,       /* a dim is in its range */
    FACT_EXTENT,    /* a declared extent is not negative */
    FACT_WHERE,     /* 'where' after the signature, or what an inlined call's asks */
    FACT_FITS,      /* what bounds rest on can be computed in 64 bits */
    FACT_RANGE,     /* a declared range with policy check (runtime) or assume (not emitted) */
    FACT_CHECK,     /* a check statement */
    FACT_ASSUME,    /* an assume statement: the reference and the simulator check it, emitted code does not */
    FACT_CLAMP      /* an extent read with clamp is not empty */
} FactKind;

/* Must hold for all points of idx; tested in order, before anything is written. The C function returns `number` when it fails. */
typedef struct Fact {
    FactKind kind;
    int number;             /* from 1; 0 for those that emitted code does not test (FACT_ASSUME, FACT_RANGE with assume) */
    VEC(Index *) idx;
    Expr *cond;
    const char *text;       /* as the user wrote it, or as a sentence: "id[l] in 0..V" */
    Span span;
    Expr *test;             /* what is evaluated in cond's place: cond after tests that its own arithmetic is exact; NULL: cond */
} Fact;

/* What tests a fact. */
static inline Expr *fact_test(const Fact *f) { return f->test ? f->test : f->cond; }

typedef struct Kernel {
    Name name;
    VEC(Dim *) dims;
    VEC(Tensor *) params;       /* inputs in order of the signature: the C interface's order */
    VEC(Tensor *) outputs;
    VEC(Tensor *) tensors;      /* all, by id */
    VEC(FnInst *) fns;          /* called ones before their callers */
    VEC(Stmt *) stmts;
    VEC(Fact) facts;
    int n_indices, n_vars;
    Span span;
} Kernel;

/* --- kernel_print.c ----------------------------------------------------------------------------------------------------- */

/* The Kernel's text. */
void kernel_print(const Kernel *k, Out *out);
/* One expression as .knf text, for diagnostics and reports. */
void expr_print(const Expr *e, Out *out);
void stmt_print(const Stmt *s, Out *out);
/* What kernel_print calls each index, by Index.id below n_indices; NULL where it stands nowhere. */
const char *const *kernel_index_names(const Kernel *k, Arena *a);
/* An expression with these names of its indices, where there is one. */
void expr_print_named(const Expr *e, const char *const *names, int n, Out *out);

/* --- kernel_dims.c ------------------------------------------------------------------------------------------------------ */

enum { DIM_UNKNOWN = -1 };

/* The value of an expression over dims and literals; floor division as in the language. False when a dim is DIM_UNKNOWN, or
 * the arithmetic overflows. dims: by Dim.id. */
bool expr_dims_value(const Expr *e, const int64_t *dims, int64_t *value);
/* Binds dims from the extents of one array given for a parameter: solves extents that are linear in one unknown dim, checks the
 * others that are known. dims is updated. Returns NULL or a sentence that says what disagrees. */
const char *kernel_bind_dims(const Kernel *k, const Tensor *t, const int64_t *extents, int64_t *dims, Arena *a);
