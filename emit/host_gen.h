/* What the parts of the host emitter share: the state of one emission. */
#pragma once
#include "emit/cprint.h"
#include "emit/host.h"
#include "dsl/kernel_build.h"
#include "emit/host_help.h"
#include "lower/tile.h"

/* C names that are taken; a scope is a mark to return to. */
typedef struct Scope { VEC(const char *) taken; } Scope;

/* How a tensor is reached in C. */
typedef struct HostTensor {
    const char *name;
    bool variable;          /* a scalar held in a C variable of the compute type */
    bool used;
    const char *wide;       /* a copy as floats of a narrow tensor that is read many times, or NULL */
    bool wide_on;           /* reads go to it */
    int dropped;            /* leading dims that it has no room for: a fused loop holds one element of them at a time */
    const TileBuf *tile;    /* what the name stands for is this box of it, or NULL: all of it */
} HostTensor;

/* A named extent or bound that is more than a dim. */
typedef struct HostExtent { const Expr *expr; const char *name, *text; } HostExtent;

/* A value that has been computed before: what host_expr gives for this node. */
typedef struct HostHoisted { const Expr *expr; CExpr value; } HostHoisted;

/* The name of a condition under which a read with pad is inside, as far as these dims go, in one row of a tile (-1: in all). */
typedef struct HostGuard { const Expr *read; int row; unsigned dims; CExpr value; } HostGuard;

typedef struct Gen {
    const Kernel *k;
    const HostOptions *options;
    Arena *a;
    CPrint p;               /* where statements go */
    HostUses uses;
    Scope scope;
    const char *name;       /* of the C function */
    HostTensor *tensors;    /* by Tensor.id */
    CExpr *index, *dim, *var;       /* by id: how the thing is written at this point */
    bool *dim_used;
    const char **fn;
    bool plain;             /* inside a subscript or a bound: arithmetic that cannot overflow */
    bool looped;            /* the statement stands in loops: copies for it are made outside */
    VEC(HostExtent) extents;
    VEC(HostHoisted) hoisted;
    VEC(HostGuard) guards;
    bool dots[2];           /* products of blocks in f32, f64 are called */
    int row;                /* of the tile */
    int depth;              /* indices of a statement whose loops are open already: fused loops */
    struct HostTiles *tiles;        /* the Tile program that is emitted, or NULL: the plain loop nest */
    bool *grouped;          /* by Stmt.id: stands in a fused loop */
} Gen;

/* --- host_names.c -------------------------------------------------------------------------------------------------------- */

/* A C identifier near `name` (dots become underscores) that is no keyword, library name or macro, and not taken; takes it. */
const char *host_name(Gen *g, const char *name);
/* The kernel's own: as it is unless C does not allow it. */
const char *host_kernel_name(Gen *g, const char *name);
static inline int host_scope_mark(const Gen *g) { return g->scope.taken.n; }
static inline void host_scope_pop(Gen *g, int mark) { g->scope.taken.n = mark; }

/* --- host_expr.c --------------------------------------------------------------------------------------------------------- */

const char *host_value_type(DType t);       /* the C type of values while they are computed: float for f16 */
const char *host_store_type(DType t);       /* and in memory: uint16_t */
/* A value of the kernel's expression; statements that it needs are printed before (into g->p). */
CExpr host_expr(Gen *g, const Expr *e);
/* The same for subscripts and bounds. */
CExpr host_bound(Gen *g, const Expr *e);
/* A bound over dims only: a named constant of the function when it is not simple. */
CExpr host_extent(Gen *g, const Expr *e);
CExpr host_extent_named(Gen *g, const Expr *e, const char *name);
/* Whether host_expr prints statements. */
bool host_needs_statements(const Expr *e);
CExpr host_literal(Gen *g, DType t, double f, int64_t i);
/* The value as a store into memory of type t writes it; e is its expression or NULL. */
CExpr host_stored(Gen *g, DType t, const Expr *e, CExpr value);
/* The element that a read of a tensor in memory begins at, and for one with pad the tests that are left (or no text). */
CExpr host_read_element(Gen *g, const Expr *e, CExpr *inside);
/* The subscript is an index that runs over exactly the extent, or less. */
bool host_is_inside(const Expr *sub, const Expr *extent);
/* The tests of these dims of a read with pad. */
CExpr host_inside(Gen *g, const Expr *e, unsigned dims);
/* tensor [ subs ] as an lvalue. */
CExpr host_element(Gen *g, const Tensor *t, const Exprs *subs);
/* Opens for (int64_t i = lo; i < hi; i++) and sets the index's name. */
void host_open_loop(Gen *g, Index *i, CExpr lo, CExpr hi);

/* Bounds of a statement's index: the current block of its axis, or its range. */
CExpr host_lo(Gen *g, const Index *i);
CExpr host_hi(Gen *g, const Index *i);

/* --- host_access.c ------------------------------------------------------------------------------------------------------- */

typedef enum Stride { STRIDE_NONE, STRIDE_UNIT, STRIDE_OTHER } Stride;
bool host_mentions(const Expr *e, const Index *i);
/* How subscripts move with an index: not at all, by one element, or otherwise. */
Stride host_stride(const Exprs *subs, const Index *i);
/* All reads in an expression. */
typedef VEC(const Expr *) Reads;
Reads host_reads(Gen *g, const Expr *e);
bool host_is_linear(const Expr *e);
/* What a float expression negates, by whatever operator, where that may be a sum or an fma by the time the compiler sees it; else NULL. */
const Expr *host_negated_sum(const Expr *e);

/* --- host_reduce.c ------------------------------------------------------------------------------------------------------- */

/* A running reduction: C names of its accumulators. */
typedef struct Acc {
    const Reduce *r;
    const char *acc, *count, *best;   /* count: mean; best: argmax */
    const char **state;               /* CK_USER */
} Acc;
DType host_acc_type(const Comb *c);
CExpr host_identity(Gen *g, const Comb *c);
/* acc joined with x, for the built-in kinds other than argmax and argmin. */
CExpr host_join(Gen *g, const Comb *c, CExpr acc, CExpr x);
void host_acc_open(Gen *g, const Reduce *r, Acc *acc);
/* One step with the operands at the point where the indices stand; the predicate is the caller's. */
void host_acc_step(Gen *g, Acc *acc);
/* Result i. */
CExpr host_acc_result(Gen *g, Acc *acc, int i);
/* A reduction's result as a value of its type: the infinity of an empty maximum is nan where the type has none. */
CExpr host_result_kept(Gen *g, DType t, CExpr x);
/* A whole reduction in place; result i of Acc. */
void host_reduce(Gen *g, const Reduce *r, Acc *acc);

/* --- host_vector.c ------------------------------------------------------------------------------------------------------- */

/* Lanes of a vector of values of type t: as many as 64 bytes hold. */
int host_vector_lanes(DType t);
const char *host_vector_type(Gen *g, DType t, int n);
/* Vectors of both hold the same. */
bool host_vector_same(DType x, DType y);
/* Whether the operand's neighbours along the lane can be computed as vectors. */
bool host_vector_fits(const Reduce *r, const Index *lane);
/* The values of n neighbours, the first where the index stands. */
CExpr host_vector(Gen *g, const Expr *e, const Index *lane, int n);

/* --- host_stmt.c, host_fuse.c, host_plan.c, host_lanes.c ------------------------------------------------------------------- */

/* All statements. */
void host_stmts(Gen *g);
/* Finds which statements share loops, and which temporaries need room for one iteration only. */
void host_fuse_plan(Gen *g);
/* The index that a statement without reduction has innermost. */
const Index *host_innermost(Gen *g, const Stmt *s);
/* A statement as a plain loop nest. */
void host_nest(Gen *g, const Stmt *s);
void host_stmt(Gen *g, const Stmt *s);
void host_store(Gen *g, const Target *t, const Expr *e, CExpr value);

typedef struct Lanes {
    bool use;               /* false: the plain loop nest */
    bool vector;            /* vector types, else arrays with a loop over the lanes */
    Index *lane;            /* the index that the lanes run along */
    bool output;            /* it is one of the statement's, not the reduction's last */
    Index *tile, *tile2;    /* indices of which several values share operands, or NULL */
} Lanes;
Lanes host_lanes_plan(Gen *g, const Stmt *s);
void host_lanes_emit(Gen *g, const Stmt *s, Lanes plan);
/* --- host_tile.c -------------------------------------------------------------------------------------------------------------- */

/* The Tile program's facts, in order; then memory for what does not stay in registers; then its stages. */
typedef struct HostTiles {
    const TileProgram *p;
    const TileStage *stage;
    const TileLevel **level;    /* by TileAxis.id: the innermost open loop's, or NULL */
    const char ***names;        /* by stage, by TileBuf.id: C names of local tiles */
    const char **when;          /* by stage: the C name of its guard, or NULL */
    int depth;                  /* loops that are open */
} HostTiles;
struct HostTiles *host_tiles_new(Gen *g, const TileProgram *p);
void host_tile_facts(Gen *g);
/* Names of memory, and of the condition under which it is there, or NULL. */
typedef struct HostMemory { const char *name, *when; } HostMemory;
typedef VEC(HostMemory) HostTexts;
void host_tile_memory(Gen *g, HostTexts *names);
void host_tile_stages(Gen *g);
/* The tensor has its own memory: some stage leaves it to a later one. */
bool host_tile_at_home(Gen *g, const Tensor *t);
/* The name of the condition under which it has, or NULL. */
const char *host_tile_home_case(Gen *g, const Tensor *t);
/* Some stage computes the statement by its own loops. */
bool host_tile_is_whole(Gen *g, const Stmt *s);
/* The block that a loop around the place cuts for the index; false: its range is not cut. */
bool host_tile_block(Gen *g, const Index *i, CExpr *lo, CExpr *hi);
const char *host_tile_name(Gen *g, const TileBuf *b);
/* The place of an element in a tile that is row-major. */
CExpr host_tile_element(Gen *g, const TileBuf *b, const CExpr *subs);
/* host_dot.c: a LOAD; a block of a product, from INIT to FINAL; what these call, behind the helpers. */
void host_load(Gen *g, const TileBuf *b);
void host_dot(Gen *g, const TileNode *n);
void host_dot_functions(Gen *g, CPrint *p);
/* A fact, and memory for a tensor or tile (when: the name of a condition, or NULL): host.c. */
void host_fact(Gen *g, const Fact *f);
void host_allocate(Gen *g, HostTexts *names, const char *name, const char *type, int rank, Expr *const *shape, const char *when);

/* Decides which narrow tensors get a copy as floats; makes those that the statement reads. */
void host_wide_plan(Gen *g);
void host_widen(Gen *g, const Stmt *s, Lanes plan);
/* Sends reads of what the statement has copies of to these, or back. */
void host_wide_reads(Gen *g, const Stmt *s, Lanes plan, bool on);
