/* What the parts of the oracle share. A column holds one value for each of up to LANES points, and a bound on its error. */
#pragma once
#include "dsl/eval.h"
#include "dsl/kernel_build.h"
#include <math.h>

enum { LANES = 512, MAX_RANK = 8 };

/* COL_SAME: one value for all lanes; COL_RAMP: i0 + step * lane, exact integers only; COL_ARRAY: f or i by lane. */
typedef enum ColForm { COL_NONE, COL_SAME, COL_RAMP, COL_ARRAY } ColForm;

/* Integers and bools are in i, floats in f. The bound: e0 (COL_SAME), e by lane (COL_ARRAY; NULL: all 0). A bool's bound is 1 where
 * a right implementation may have either value. Arrays live in the scratch stack. */
typedef struct Col {
    ColForm form;
    double f0, e0;
    int64_t i0, step;
    const double *f, *e;
    const int64_t *i;
} Col;

/* A stack of memory for columns, in blocks that stay. */
typedef struct Mark { int block; size_t used; } Mark;
typedef struct Scratch { Arena *arena; VEC(char *) blocks; Mark at; } Scratch;

/* A tensor's elements: raw (inputs, in their type) or f, i with e (NULL while all are exact). done: on demand, one byte an element. */
typedef struct Store {
    const Tensor *tensor;
    DType type;
    const void *raw;
    double *f, *e;
    int64_t *i;
    uint8_t *done;
    bool full;
    int rank;
    int64_t n, extent[MAX_RANK], stride[MAX_RANK];
    int64_t clamp_lo, clamp_hi;   /* POLICY_CLAMP: values read are in clamp_lo .. clamp_hi */
} Store;

/* How a statement's domain becomes lanes: the last axis of `order` runs fastest; rows: a chunk stays within one run of it;
 * width: points at a time (1: each point by itself, lanes run over the reduction; 0: not planned yet). */
typedef struct Plan { int order[MAX_RANK]; bool rows; int width; } Plan;

struct Eval {
    Arena *arena;
    const Kernel *kernel;
    const int64_t *dims;
    EvalOptions options;
    Store *stores;                /* by Tensor.id */
    bool *charged;                /* by Tensor.id: EvalOptions.charged */
    Plan *plans;                  /* by Stmt.id */
    Scratch scratch;
    bool demand;                  /* eval_points: temporaries are evaluated where they are read */
    double total, spent;          /* operations, for progress */
};

/* Subscripts that move with a reduction's innermost index alone, evaluated ahead for a stretch of its range: place `at` is now. */
enum { MAX_HOISTED = 4, AHEAD = 8 };
typedef struct Hoist { int n, at, end; const Expr *x[MAX_HOISTED]; const int64_t *value[MAX_HOISTED]; } Hoist;

/* One activation: the lanes at work and what names stand for. With one lane every binding is COL_SAME. */
typedef struct Frame {
    Eval *eval;
    int n;
    const uint8_t *mask;          /* NULL: all lanes are active; else 1 for those that are. At least one is. */
    Col *idx, *var;               /* by Index.id, Var.id */
    const Hoist *hoist;           /* or NULL */
} Frame;

/* --- eval_column.c: columns and the vector loops over them -------------------------------------------------------------- */

Mark scratch_mark(const Scratch *s);
void scratch_release(Scratch *s, Mark m);
void *scratch_alloc(Scratch *s, size_t bytes);
double *scratch_f(Frame *fr, int n);
int64_t *scratch_i(Frame *fr, int n);
uint8_t *scratch_mask(Frame *fr);

Col col_int(int64_t i);
Col col_float(double f, double e);
/* Arrays of m values as a column: COL_SAME when m is 1. */
Col col_of_f(const double *f, const double *e, int m);
Col col_of_i(const int64_t *i, const double *e, int m);
/* The first m lanes as arrays; the bound is NULL when all are exact. */
const double *col_f(Frame *fr, const Col *c, int m);
const int64_t *col_i(Frame *fr, const Col *c, int m);
const double *col_e(Frame *fr, const Col *c, int m);
/* Integers as doubles, floats as they are. */
const double *col_number(Frame *fr, DType t, const Col *c, int m);
/* The value of one lane as a COL_SAME. */
Col col_lane(const Col *c, DType t, int lane);
/* A copy that shares no memory with c. */
Col col_copy(Frame *fr, DType t, const Col *c);
/* COL_SAME or COL_RAMP where the array is one. */
Col col_index(const int64_t *i, int n);
bool col_exact(const Col *c);

/* Asks the cache for n elements from `at` on, which may be outside. */
void load_soon(const Store *s, int64_t at, int n);
void load_run(const Store *s, int64_t at, int64_t step, int n, double *f, int64_t *i);
void load_at(const Store *s, const int64_t *at, const uint8_t *ok, int n, double *f, int64_t *i);

typedef void FloatKernel(int n, const double *a, const double *b, const double *c, double *r);
typedef void ErrorKernel(int n, const double *a, const double *b, const double *c,
                         const double *ea, const double *eb, const double *ec, const double *r, double *e);
typedef void IntKernel(int n, const int64_t *a, const int64_t *b, int64_t *r, int bits);
extern FloatKernel *const float_kernels[OP_COUNT];
extern ErrorKernel *const error_kernels[OP_COUNT];
extern IntKernel *const int_kernels[OP_COUNT];

void wrap_ints(DType t, int n, int64_t *r);
void round_floats(DType t, int n, const double *f, double *r);

/* --- eval_error.c: the bounds ------------------------------------------------------------------------------------------- */

/* The relative error of one operation in t with the given ulp, and the reference's own. */
double error_unit(DType t, double ulp);
/* The least magnitude whose unit in the last place is relative; the largest that is finite. */
double error_normal(DType t);
/* The bound of r = op(args), in e; r becomes an infinity where it surely overflows t. fused: a product that may be an operand of a
 * fused multiply-add. Returns false when all lanes are exact (e is not written then). e0..: NULL where exact. */
typedef struct OpArgs { const double *v[3], *e[3]; int n; } OpArgs;
bool error_float_op(Frame *fr, Op op, DType t, const OpArgs *args, int m, double *r, double *e, bool fused);
bool error_int_op(Frame *fr, Op op, DType t, const OpArgs *args, int m, const int64_t *r, double *e);
bool error_compare(Op op, const OpArgs *args, int m, double *e);
/* The bound of a value rounded to t (y = the rounded), from the bound of r. */
void error_narrow(Frame *fr, DType t, int m, const double *r, const double *er, const double *y, double *e);
/* Marks what one rounding to compute type t adds to values r with the bounds e (in and out). */
bool error_rounding(DType t, double ulp, int m, double *r, double *e);

/* --- eval_expr.c -------------------------------------------------------------------------------------------------------- */

Col eval_expr(Frame *fr, const Expr *x);
/* x as a COL_SAME or COL_RAMP, when it is an exact i64 expression over indices, dims and literals that is one. */
bool affine_col(const Frame *fr, const Expr *x, Col *out);
/* The value of an expression without indices. */
int64_t eval_constant(Eval *ev, const Expr *x);
/* Binds a name; with one lane as COL_SAME. */
void bind_index(Frame *fr, const Index *i, Col c);
void bind_var(Frame *fr, const Var *v, Col c);
Frame frame_new(Eval *ev, int n);
bool expr_mentions(Expr *x, const Index *i);
/* Evaluates what can be hoisted out of x for `n` places of i from `at` on, up to LANES, and adds it to h. */
void hoist_subscripts(Frame *fr, Hoist *h, Expr *x, const Index *i, int64_t at, int n);
/* The frame of one lane of fr. */
Frame frame_lane(Frame *fr, int lane);

/* --- eval_reduce.c ------------------------------------------------------------------------------------------------------ */

typedef struct Acc Acc;
Acc *acc_new(Frame *fr, const Reduce *r);
/* Adds one element a lane, under fr->mask; unsure: lanes whose element may be absent, or NULL. */
void acc_add(Frame *fr, Acc *acc, const Col *operands, const Col *index, const double *unsure);
/* The result k (of a CK_USER: its k-th). */
Col acc_result(Frame *fr, Acc *acc, int k);
/* Evaluates the reduction; results has one Col, or one for each result of a CK_USER. */
void eval_reduce(Frame *fr, const Reduce *r, Col *results);
int reduce_results(const Reduce *r);
DType reduce_result_type(const Reduce *r, int k);
/* A scan at the root of a statement: adds the element at the place that r's index is bound to. */
void scan_element(Frame *fr, Acc *acc, const Reduce *r);
/* The number of elements that each lane's reduction joins. */
void reduce_count(Frame *fr, const Reduce *r, double *count);

/* --- eval_user.c: combinators of the user ------------------------------------------------------------------------------- */

typedef struct UserAcc UserAcc;
UserAcc *user_new(Frame *fr, const Comb *c);
void user_add(Frame *fr, UserAcc *u, const Col *operands);
Col user_result(Frame *fr, UserAcc *u, int k);

/* --- eval.c ------------------------------------------------------------------------------------------------------------- */

/* On demand: makes sure that the elements at `at` (where ok, or all when NULL) are there. */
void store_need(Eval *ev, Store *s, const int64_t *at, const uint8_t *ok, int n);
/* Writes the lanes of a target. */
void target_store(Frame *fr, const Target *t, const Col *value);

/* --- eval_plan.c -------------------------------------------------------------------------------------------------------- */

typedef struct Domain { int n; const Index *idx[MAX_RANK]; int64_t lo[MAX_RANK], extent[MAX_RANK], points; } Domain;
Domain domain_of(Eval *ev, const Stmt *s);
/* Made once a statement. */
Plan plan_stmt(Eval *ev, const Stmt *s, const Domain *d);
/* Scalar operations of one statement, whole. */
double stmt_operations(Eval *ev, const Stmt *s);
