/* What the parts of the emitter of PE programs share: the state of one emission.
 *
 * Values are vectors of the vector core (pe_f32 ...), 16 lanes or, where Gen.lane is NULL, one lane of them. Indices, subscripts and
 * offsets are C integers; each of their operations is counted and charged by pe_ops at the end of the block it stands in. */
#pragma once
#include "emit/cprint.h"
#include "emit/grid.h"
#include "dsl/kernel_build.h"

/* A tile in local memory, as C writes it at this point. */
typedef struct GridTile {
    const TileBuf *buf;
    const char *ring;       /* the buffer's enumerator */
    const char *name;       /* stem of its variables */
    bool is_ring;           /* else a scratch */
    bool is_handed;         /* a ring that commands of the elementwise engine fill, and that the engine of panels takes */
    bool visible;           /* computations find it */
    bool has_place;         /* lo and ext stand: the loops that they mention are open */
    int order;              /* of becoming visible: later ones hide earlier ones */
    Expr **lo, **ext;       /* by dimension; ext of a point is 1 */
    Expr *pitch;            /* bytes from one row of the last dimension to the next */
    Expr *slot;             /* bytes of a slot */
    int acc;                /* first accumulator of a TILE_ACC */
    const char *turned;     /* the ring that holds it transposed by this row, or NULL; its rows and columns are these dimensions */
    const EngineRow *turn;
    int turned_row, turned_col;
} GridTile;

/* A value that C has a name for. */
typedef struct GridKnown { const Expr *expr; CExpr value; } GridKnown;
/* Lanes in which what is evaluated now counts. */
/* `other`: the negation, once it has a name: it goes with the block that makes the name, number `taken` of those in use. */
typedef struct GridCond { CExpr mask; bool negated; CExpr other; int taken; } GridCond;
/* An offset split at the innermost loop's index: base + step * index; stride: from lane to lane; lanes: that times the lane, in
 * elements, as a vector, where lanes are no neighbours. */
typedef struct GridBase { const Expr *read; const Index *along; CExpr base, lanes; Expr *step, *stride; const char *text; } GridBase;
/* A number computed once, when a function begins (or a block is entered): printed there when something uses it. */
typedef struct GridNumber { Index *index; Expr *value; const char *text; bool used, rounded; } GridNumber;   /* rounded: up to 32 */
typedef VEC(GridNumber *) GridNumbers;
/* A read without its pad or clamp, and what it was. */
typedef struct GridTwin { const Expr *read; Expr *plain; } GridTwin;

typedef struct GridGen {
    const TileProgram *tp;
    const Kernel *k;
    const GridOptions *options;
    Arena *a;
    CPrint p;               /* where statements go */
    VEC(const char *) taken, kept;  /* C names; those of the file, which no scope forgets */
    /* the file */
    const char **tensor;    /* enumerators by Tensor.id; NULL: a scalar */
    const char **scalar;    /* C variables by Tensor.id; NULL: no scalar */
    const char **fn;        /* by FnInst.id */
    bool *fn_scalar;        /* by FnInst.id: needs control flow, so one lane at a time */
    const char **dim_name;  /* enumerators by Dim.id */
    bool uses_div, uses_mod;
    bool fetches[DT_COUNT]; /* of single elements */
    const char *fetch_ring[DT_COUNT];   /* of the stage */
    VEC(const char *) rings;    /* of the stage: enumerators in order */
    /* the function */
    int core;
    const TileStage *stage;
    CExpr *dim;             /* by Dim.id */
    bool *dim_used, *scalar_used;
    VEC(CExpr) index;       /* by Index.id, grows */
    VEC(GridNumber *) number_of;    /* by Index.id: a number's variable */
    GridNumbers *numbers;   /* of the block that numbers are computed in now */
    CExpr *var;             /* by Var.id */
    bool *is_one;           /* by Index.id: the variable of a level whose blocks are single values */
    int *loop_depth;        /* by Index.id: depth of the open loop whose variable it is, from 1; 0: none */
    const TileLevel **level_of;     /* by TileAxis.id: innermost open level */
    GridTile *tiles;        /* by TileBuf.id */
    int orders;
    VEC(TileNode *) path;   /* open loops */
    VEC(TileNodes *) bodies;    /* open bodies, outermost first */
    Expr **pinned;          /* by Index.id: the one value of the index, or NULL */
    int ops;                /* scalar operations of the open block */
    /* the value */
    const Index *lane;      /* neighbours along it are computed together, the first where the index stands; NULL: one */
    const char *lanes;      /* how many there are */
    bool select;            /* conditions choose, they do not branch */
    VEC(GridCond) conds;
    VEC(GridKnown) known;
    VEC(GridBase) bases;
    VEC(GridTwin) twins;
} GridGen;

static inline Expr *grid_pin(const GridGen *g, const Index *i) { return i->id < g->tp->n_indices ? g->pinned[i->id] : NULL; }

/* --- grid_names.c ---------------------------------------------------------------------------------------------------------- */

/* A C identifier near `name` that nothing else has; takes it. */
const char *grid_name(GridGen *g, const char *name);
/* The same in capitals, with a word before. */
const char *grid_enumerator(GridGen *g, const char *before, const char *name);
typedef struct GridMark { int taken, known, bases, ops; } GridMark;
/* A block of C: names and values that are known inside are forgotten behind it, and its operations charged. */
GridMark grid_enter(GridGen *g);
void grid_leave(GridGen *g, GridMark m);
/* The vector core's name of a type that is computed: f32 for f16, mask for bool. */
const char *grid_lt(DType t);
const char *grid_pe_type(GridGen *g, DType t);      /* PE_F16 */
CExpr grid_literal(GridGen *g, DType t, double f, int64_t i);

/* --- grid_int.c -------------------------------------------------------------------------------------------------------------- */

/* An integer or bool expression as C integers; statements that it needs are printed before. */
CExpr grid_int(GridGen *g, const Expr *e);
/* Indices, dims and their arithmetic only, and no lane. */
bool grid_is_int(const GridGen *g, const Expr *e);
bool grid_mentions(const Expr *e, const Index *i);
/* Whether the value may differ between the lanes: it reads the lane's index, or a variable of a combinator or function. */
bool grid_varies(const GridGen *g, const Expr *e);
/* With indices that have one value replaced, constants folded. */
Expr *grid_folded(GridGen *g, const Expr *e);
/* e where `i` is 0, folded; and by how much e grows with i, NULL when it is not linear in it. */
Expr *grid_without(GridGen *g, const Expr *e, const Index *i);
Expr *grid_slope(GridGen *g, const Expr *e, const Index *i);
/* A number that is computed once: e itself when it is a literal or a name. `name` is the stem of the C variable. */
Expr *grid_number(GridGen *g, GridNumbers *at, const char *name, Expr *e);
/* Rounded up to whole units of 32 bytes. */
Expr *grid_rounded(GridGen *g, GridNumbers *at, const char *name, Expr *e);
/* The same for text that is no expression of the kernel. */
Expr *grid_number_text(GridGen *g, GridNumbers *at, const char *name, const char *text);
/* Those that something used, as declarations. */
void grid_numbers_print(GridGen *g, const GridNumbers *n);

/* --- grid_tile.c ------------------------------------------------------------------------------------------------------------- */

/* Layout of a transposed tile. */
void grid_turned(GridGen *g, const GridTile *t, Expr **pitch, Expr **slot);
/* What is the same everywhere in the stage. */
void grid_tiles_open(GridGen *g);
/* The boxes of tiles whose loops are all open now; behind a loop, those that mention it are gone. */
void grid_tiles_place(GridGen *g);
void grid_tiles_leave(GridGen *g);
void grid_tile_show(GridGen *g, GridTile *t);
/* The tile that serves a read, or NULL. */
GridTile *grid_tile_of(GridGen *g, const Expr *read);
/* The tile of a target. */
GridTile *grid_tile_of_target(GridGen *g, const Tensor *t);
GridTile *grid_tile_of_state(GridGen *g, const Stmt *s, int state);
/* Whether a computation reads the tile. */
bool grid_serves(const TileBuf *b, const Expr *read);
/* The element's bytes from the tile's start. */
Expr *grid_offset(GridGen *g, const GridTile *t, const Expr *const *subs);
/* Every point of the subscript's block is inside the tile, whatever the condition. */
bool grid_is_safe(const GridTile *t, int d, const Expr *sub);
/* The same counted in elements. */
Expr *grid_element(GridGen *g, const GridTile *t, const Expr *const *subs);
void grid_load(GridGen *g, TileNode *n);
void grid_store(GridGen *g, TileNode *n);

/* --- grid_loop.c ------------------------------------------------------------------------------------------------------------- */

/* The nodes, as far as this core has to do with them. */
void grid_body(GridGen *g, TileNodes *body);
/* How commands and computations in a node use a tile. */
typedef struct GridUse { bool read, written, by_engine, by_simd, by_core; int commands; } GridUse;     /* by_simd: by_engine, the elementwise one */
GridUse grid_use(TileNode *n, const TileBuf *b);
/* Commands of the elementwise engine in the nodes use the tile, or its states; operands of the engine of panels are taken from it. */
const EngineRow *grid_simd_uses(const TileNodes *body, const TileBuf *b);
const EngineRow *grid_dot_uses(const TileNodes *body, const TileBuf *b);
/* See GridTile.is_handed. */
bool grid_is_handed(const TileNodes *body, const TileBuf *b);
/* The last node that uses the tile, when it stands in this very body; NULL: none, or inside a loop. */
const TileNode *grid_last_use(const TileNodes *body, const TileBuf *b);
/* The row of a command of an elementwise engine that uses the tile somewhere in the stage, or NULL. */
const EngineRow *grid_box_row(const GridGen *g, const TileBuf *b);
/* Waits for the commands so far of the row's engine. */
void grid_fence(GridGen *g, const EngineRow *row);
/* The fields by which a call does what the row says: ".bin = PE_ADD, ". */
void grid_fields(const EngineRow *row, Out *to);
/* The current block of an axis. */
TileBlock grid_block(GridGen *g, const TileAxis *axis);

/* --- grid_expr.c ------------------------------------------------------------------------------------------------------------- */

CExpr grid_value(GridGen *g, const Expr *e);
/* The ring of elements that are fetched alone. */
const char *grid_fetch_ring(GridGen *g, DType t);
/* A name for a value that is used more than once. */
CExpr grid_named(GridGen *g, const char *name, const char *lt, CExpr x);
/* A condition of one lane or of all: bool. */
CExpr grid_condition(GridGen *g, const Expr *e);
CExpr grid_apply(GridGen *g, const char *op, const char *lt, int n, const CExpr *x);
#define grid_apply1(g, op, lt, x) grid_apply((g), (op), (lt), 1, (const CExpr[]){x})
#define grid_apply2(g, op, lt, x, y) grid_apply((g), (op), (lt), 2, (const CExpr[]){x, y})
#define grid_apply3(g, op, lt, x, y, z) grid_apply((g), (op), (lt), 3, (const CExpr[]){x, y, z})
CExpr grid_splat(GridGen *g, const char *lt, CExpr x);
CExpr grid_convert(GridGen *g, DType to, DType from, CExpr x);
/* The lanes that count, when not all of them do: false when they do. */
bool grid_mask(GridGen *g, CExpr *mask);
/* Can neighbours along the index be computed together?  And what 16 of them cost in memory accesses. */
bool grid_can_lane(GridGen *g, const Expr *e, const Index *i);
int grid_lane_cost(GridGen *g, const Expr *e, const Index *i);
int grid_access_cost(GridGen *g, const GridTile *t, const Expr *const *subs, const Index *i);
/* The offset of an element split at index i, for the loop of i that is opened next; key: what names the access. */
void grid_hoist_offset(GridGen *g, const Expr *key, const GridTile *t, const Exprs *subs, const Index *i);
/* Values that do not depend on the index, and offsets of reads, are computed before its loop. */
void grid_hoist(GridGen *g, const Expr *e, const Index *i);
void grid_functions(GridGen *g);
bool grid_is_inlined(const FnInst *f);
/* Elements of a tile, one or the lanes. */
CExpr grid_load_value(GridGen *g, const Expr *key, const GridTile *t, const Expr *const *subs, bool safe);
void grid_store_value(GridGen *g, const GridTile *t, const Expr *const *subs, CExpr value);

/* --- grid_reduce.c ----------------------------------------------------------------------------------------------------------- */

/* A running reduction: C names of its states, in the order of TilePart. */
typedef struct GridAcc {
    const Reduce *r;
    int n;
    DType *type;
    const char **state;
    CExpr one;              /* mean: 1 as a vector */
    CExpr there;            /* lanes that count in a last, partial vector along the reduction, or no text */
} GridAcc;
GridAcc grid_acc_new(GridGen *g, const Reduce *r);
/* Declares the states with their values before the first element. */
void grid_acc_open(GridGen *g, GridAcc *acc);
/* Declares the states with values from tiles. */
void grid_acc_load(GridGen *g, GridAcc *acc, const Stmt *s);
void grid_acc_store(GridGen *g, const GridAcc *acc, const Stmt *s);
/* Joins the operands where the indices stand. */
void grid_acc_step(GridGen *g, GridAcc *acc);
/* Lanes along the reduction: their states become one, in lane 0. Not for ordered combinators. */
void grid_acc_fold(GridGen *g, GridAcc *acc);
bool grid_acc_folds(const Comb *c);
/* other's elements come behind those of acc. */
void grid_acc_merge(GridGen *g, GridAcc *acc, const GridAcc *other);
CExpr grid_acc_result(GridGen *g, GridAcc *acc, int i);
/* Loops over the reduction's indices within their blocks, the last by lanes where `lane` is set. */
void grid_acc_loops(GridGen *g, GridAcc *acc, bool lane);
/* A reduction in place. */
CExpr grid_reduction(GridGen *g, const Expr *e);

/* --- grid_online.c: parts of online forms at a point ------------------------------------------------------------------------------- */

/* Others follow the statement's value so far. */
bool grid_leads(GridGen *g, const Stmt *s);
void grid_lead_shown(GridGen *g, const Stmt *s);
void grid_lead_open(GridGen *g, const Stmt *s);
void grid_lead_now(GridGen *g, const Stmt *s);
void grid_lead_final(GridGen *g, const Stmt *s, CExpr result);
void grid_correct(GridGen *g, const Stmt *s, const Stmt *lead);
/* Nothing is done where the range of a correction behind its loop is empty: opens a block of C, and returns whether it did. */
bool grid_correct_open(GridGen *g, const TileNode *n, GridMark *m);

/* --- grid_stmt.c, grid_dot.c ----------------------------------------------------------------------------------------------------- */

void grid_compute(GridGen *g, TileNode *n);
void grid_dot(GridGen *g, TileNode *n);
void grid_simd(GridGen *g, const TileNode *n);
/* PE_AT(ring, ...): off and pitch may be NULL; `move` is pop or push, by that many bytes unless NULL. */
CExpr grid_place(GridGen *g, const char *ring, Expr *off, Expr *pitch, const char *move, Expr *by);
/* It stands in this very body, and is the only command that uses the tile. */
bool grid_sole_command(const TileNodes *body, const TileBuf *b);
/* Opens the loop of an index within its block; returns whether a block of C was opened. */
bool grid_open_index(GridGen *g, const Index *i, GridMark *m);
void grid_close_index(GridGen *g, GridMark m, bool opened);
/* Neighbours along an index, 16 at a time: whole vectors and then the rest, or with `once` one loop in which the number varies. */
typedef void GridInside(GridGen *g, void *context, bool rest);
void grid_lane_loop(GridGen *g, const Index *i, Expr *lo, Expr *hi, bool once, GridInside *inside, void *context);
/* lo and hi of an index within its block. */
void grid_range(GridGen *g, const Index *i, Expr **lo, Expr **hi);
