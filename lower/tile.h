/* Tile IR: how a Kernel runs on a grid of PEs. Loops, tiles in local memory, copies and computations are written out; nothing is left
 * for an emitter to decide but the spelling.
 *
 * A program is a list of stages. All PEs run a stage to its end before any begins the next; local memory begins anew with each stage,
 * and what a later stage needs goes through the tensor's home in shared memory. A stage whose guard does not hold is left out.
 *
 * In a stage stand axes: the indices of its statements, each with the range [lo, hi). A loop (TILE_FOR) cuts the current block of one
 * or several axes into blocks of `step` and runs over them, one after another or dealt to the PEs. So an index is decomposed by the
 * loops around a place, outermost first (its split list), and its current block is that of the innermost one:
 *     [var, end),  var = block begin,  end = min(var + step, end of the block around)
 * or [axis.lo, axis.hi) where there is none. Every expression below is an integer expression of the Kernel over dims, loop variables
 * (X_INDEX of a level's var or end, of its step_var) and, in ragged bounds, reads of integer tensors.
 *
 * A computation runs each index over its own range (Index.lo .. hi) cut with the block of its axis; several indices may share an axis.
 *
 * A tile (TileBuf) holds a box of a tensor in local memory, row-major, rows `pitch` bytes apart. A computation finds the tile of each
 * tensor that it reads among those in scope: made earlier in the bodies around it. */
#pragma once
#include "dsl/front.h"
#include "dsl/kernel.h"
#include "lower/engine.h"

typedef struct TileNode TileNode;
typedef VEC(TileNode *) TileNodes;

/* An index of one or several statements of a stage: lo <= i < hi. */
typedef struct TileAxis {
    Name name;
    int id;                 /* place in TileStage.axes */
    Expr *lo, *hi;          /* over dims and variables of loops around; ragged ones read tensors */
    int levels;             /* loops that cut it */
} TileAxis;

/* Local memory of the PE; accumulators of the reduction engine; where the tensor lies (machines that address it in place): a tile there
 * is the tensor's own box, and its copy moves nothing. */
typedef enum TileMemory { TILE_LOCAL, TILE_ACC, TILE_HOME } TileMemory;

/* A box of a tensor, or the state of a reduction, in a PE. */
typedef struct TileBuf {
    Name name;
    int id;                 /* place in TileStage.bufs */
    Tensor *tensor;         /* NULL: a state */
    Tensor *from;           /* a LOAD fetches it there: a copy of the whole tensor in nearer memory, made by an earlier stage; NULL: the tensor itself */
    const Stmt *state_of;   /* a reduction's state `state` (see TilePart): one element for each point of the statement's block */
    int state;
    bool is_part;           /* a temporary of commands of the elementwise engine */
    DType type;             /* in memory; a LOAD on a machine that addresses memory in place may widen */
    TileMemory memory;
    Expr *panel;            /* NULL: row-major. Else dimension panel_dim stands in panels of that many values, each with all of the one
                             * other dimension that is no point, so that a panel is rows of `panel` neighbours; zeros behind the end */
    int panel_dim;
    int rank;
    Expr **lo, **hi;        /* the box, in subscripts of the tensor (a state: in indices of the statement, outermost first) */
    bool *point;            /* beside lo: one place whatever the subscript is, so nobody but the LOAD needs lo */
    VEC(const Expr *) reads;/* serves reads that are equal to one of these (expr_equal); none: every read of the tensor */
    int64_t *most;          /* beside room: a number that it never exceeds; 0: none is known */
    int depth;              /* slots: 2 lets the next one arrive while this one is used. 1 for what stays in the PE */
    Expr **room;            /* beside lo: the most that hi - lo can be, over dims and steps; a slot holds their product, rows padded */
    int core;               /* who reads it: 1; or 0, for ragged bounds and gathered rows */
    bool copied_in, copied_out;   /* a LOAD fills it; a STORE empties it. copied_out with depth 1: computations read it too, so it is no
                             * ring: the STORE is fenced before the tile is written again */
} TileBuf;

typedef enum TileKind { TILE_FOR, TILE_LOAD, TILE_STORE, TILE_COMPUTE } TileKind;
typedef enum TileOver { TILE_SEQ, TILE_PE, TILE_ROW, TILE_COL } TileOver;     /* one after another; dealt to PEs, grid rows, columns */
typedef enum TileShare { TILE_ALONE, TILE_SHARE_ROW, TILE_SHARE_COL } TileShare;

/* What a computation does of its statement.
 *   TILE_WHOLE  all of it: the statement's points in the block, reductions in full
 *   TILE_INIT   a reduction's states begin, for every point of the block
 *   TILE_STEP   the block of the reduction's indices is joined to the states
 *   TILE_FINAL  the targets get the results
 *   TILE_SCAN   along the block of the scan's index: states go on, targets get each position's result
 *   TILE_TEST   no statement but a fact: the run is refused unless its condition holds at every point of the block
 * Online forms (lower/online.h): later reductions over the same range use what an earlier one, the lead, has come to so far.
 *   TILE_NOW      behind a STEP of the lead, in the same loop: computations that follow see its value so far
 *   TILE_CORRECT  behind a NOW of the lead (or its FINAL), before a STEP: the states of a reduction, made for the lead's value before,
 *                 are made right for its value now. Outside of the loop nothing is done where the range is empty
 *   TILE_JOIN     what the STEPs since the last one left in the accumulators joins the states
 * States of a reduction: sum, prod, max, min, any, all: the accumulator; mean: sum, count (i64); argmax, argmin: best value, its
 * index (i64, -1: none yet); a user's combinator: its states. A lead has three more, f32: what its value was before the last NOW,
 * what it is now (while nothing has come, the least number for a maximum, the greatest for a minimum, 0 for a mean: never an infinity),
 * and the factor of a correction by the elementwise engine. */
typedef enum TilePart { TILE_WHOLE, TILE_INIT, TILE_STEP, TILE_FINAL, TILE_SCAN, TILE_TEST, TILE_NOW, TILE_CORRECT, TILE_JOIN } TilePart;
enum { TILE_WAS = 8, TILE_SO_FAR, TILE_FACTOR };

/* A reduction of products along k, as a block row does it in panels of its instruction tile. */
typedef struct TileDot {
    const EngineRow *row;
    const Expr *a, *b;      /* the reads that stand for the row's operands: a varies over m and k, b over n and k */
    TileAxis *m, *n, *k;
    const EngineRow *turn[2];   /* the operand lies the other way than the row reads it: what turns it; or NULL */
} TileDot;

/* A statement as commands of an elementwise engine, on the box of its block seen as rows of the last index:
 *     dst = fn(affine(a bin b))      or, with `whole`, what that row says
 * a and b are a tile's whole box, or temporaries of the statement (TileSimd.temp); a in TILE_ACC is taken from the accumulators. */
typedef enum TileArgKind { TILE_ARG_NONE, TILE_ARG_READ, TILE_ARG_TEMP, TILE_ARG_TARGET, TILE_ARG_STATE, TILE_ARG_LEAD, TILE_ARG_ACC } TileArgKind;
typedef enum TileSpread { TILE_BOX, TILE_ONE_ROW, TILE_ONE_COLUMN } TileSpread;    /* one row for all rows; one value a row */
/* temp: number of the temporary; of the state, of the statement's own (STATE) or of the node's lead (LEAD). ACC: the accumulators. */
typedef struct TileArg { TileArgKind kind; TileSpread spread; const Expr *read; int temp; } TileArg;
typedef struct TileCommand {
    TileArg dst, a, b;
    const EngineRow *bin, *affine, *fn;     /* of classes BOX, AFFINE, FUNCTION; NULL: not there */
    Expr *scalar[ENGINE_SCALARS];   /* affine's: floats over literals, scalars and dims; NULL: neutral */
    bool one_row;           /* a single row, of the values one a row */
    const EngineRow *whole; /* JOIN: dst[row] = a's row joined; TURN: dst[c, r] = a[r, c]; GATHER: dst[c] join= a[c], dst the state, without a: it
                             * begins; MOVE: dst = a. NULL: the stages above */
} TileCommand;
/* The row that names the command's call. */
static inline const EngineRow *tile_command_row(const TileCommand *c) { return c->whole ? c->whole : c->bin ? c->bin : c->affine ? c->affine : c->fn; }
typedef struct TileSimd { VEC(TileCommand) commands; int temps; bool *temp_column; TileBuf **temp; } TileSimd;     /* temp_column: one value a row */

/* One level of a TILE_FOR. The step is at least 1; it is over dims, and has a name (computed once, when the stage begins) unless it is
 * a literal. */
typedef struct TileLevel {
    TileAxis *axis;
    Index *var, *end;
    Expr *step;
    Index *step_var;
    int64_t most;           /* a number that the step never exceeds; 0: none is known */
} TileLevel;

struct TileNode {
    TileKind kind;
    Span span;
    /* TILE_FOR: the product of the levels' blocks, the last fastest. TILE_PE deals block number b to PE b % count;
     * without levels there is one block, PE 0's. TILE_ROW and TILE_COL loops may stand in one
     * another; any dealt loop may stand in sequential ones. */
    VEC(TileLevel) levels;
    TileOver over;
    bool lockstep;          /* every PE makes all rounds, those outside with an empty block: for shared copies and for chains */
    bool down;              /* blocks from the last to the first */
    TileNodes body;
    /* TILE_LOAD, TILE_STORE */
    TileBuf *buf;
    TileShare share;
    /* TILE_COMPUTE: by the vector core; with dot: INIT, STEP and FINAL by the engine of panels and its accumulators */
    const Stmt *stmt;       /* NULL: TILE_TEST */
    const Stmt *lead;       /* of TILE_CORRECT: whose value changed */
    const Fact *fact;       /* of TILE_TEST */
    TilePart part;
    const TileDot *dot;
    const TileSimd *simd;   /* by the elementwise engine: WHOLE, or any part but INIT (that of a sum which it gathers row by row too) */
};

typedef struct TileStage {
    Name name;
    Expr *when;             /* bool over dims and steps; NULL: always */
    VEC(TileAxis *) axes;
    VEC(TileBuf *) bufs;
    TileAxis **axis_of;     /* by Index.id of the Kernel: the axis of that index of a statement, a reduction or a fact, or NULL */
    TileNodes body;
    bool one_core;          /* core 1 issues the loads too: some reads fetch single elements when they are met */
} TileStage;

/* What lowering asks of a machine. */
typedef struct TileMachine {
    int rows, cols;
    int64_t local;          /* bytes of a PE */
    EngineRows engines;
    int64_t streams[DT_COUNT];      /* rows by which it multiplies one element, of that type, in the time in which far memory brings it */
    bool in_place;          /* one memory that every PE (a thread) addresses, behind a cache of `local` bytes: computations read and
                             * write tensors where they lie, and a reduction that no loop cuts runs its own range */
    int lanes;              /* in_place: bytes of a vector register */
    int accumulators;       /* in_place: vector registers that hold sums */
    const struct CostMachine *cost;     /* what commands take (lower/cost.h); NULL: not known */
} TileMachine;

typedef struct TileProgram {
    const Kernel *kernel;   /* with what lowering added: temporaries and statements of split reductions */
    const TileMachine *machine;
    VEC(TileStage *) stages;
    int n_indices;          /* of the Kernel and of the loops */
    VEC(const Tensor *) charged;    /* across whose rounding to a narrower float a scaling was moved: the error bound is charged with it */
    const char **left;      /* by Stmt.id: why no engine takes it, where one was asked; NULL: not known (a program that was read) */
    const char *made;       /* the command that made it, in the emitted file's first line; NULL: not known */
    const char *verified;   /* what the verifier proved and how, in lines for the emitted file's header; NULL: not asked */
} TileProgram;

/* --- the current block of an axis at a place ------------------------------------------------------------------------------ */

typedef struct TileBlock { Expr *lo, *hi; } TileBlock;
/* path: the TILE_FORs around the place, outermost first. */
TileBlock tile_block(Arena *a, const TileAxis *axis, TileNode *const *path, int n);

/* --- text ------------------------------------------------------------------------------------------------------------------- */

/* Opens with the version, then the Kernel's own text, then the stages; the form is said in lower/tile_print.c. */
void tile_print(const TileProgram *p, Out *out);
/* The program of a text, equal to the one that was printed. NULL after errors, which are in diags. m: the
 * machine whose engines' rows it names; front: the parser and options (the text is always read as a Kernel's own); expr: grammar_expr. What comes back is well formed, not verified: see lower/verify.h. */
TileProgram *tile_read(Arena *a, Names *names, Diags *diags, const Source *source, const TileMachine *m, const FrontOptions *front, ParseExprFn *expr);
