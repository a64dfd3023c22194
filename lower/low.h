/* What the parts of lowering share. */
#pragma once
#include "lower/expr.h"
#include "lower/lower.h"

enum { LOW_DEPTH = 48 };   /* loops around a place */

/* A temporary that holds all of an input in nearer memory. The statement that copies it stands before the Kernel's statements, and runs only in stages made for
 * those that load the copy in the input's place. */
typedef struct LowNear { Tensor *copy; const Tensor *of, *user; bool used; } LowNear;    /* user: what the sum of products defines */

typedef struct Low {
    Arena *a;
    Kernel *k;                  /* a copy; grows by what splitting adds */
    const TileMachine *m;
    TileProgram *p;
    TileStage *stage;           /* the one being built */
    VEC(Name) taken;            /* names of its axes and variables */
    VEC(LowNear) near;          /* copies of inputs that stages may ask for */
    struct Sched *sched;        /* what the schedule says, and where lowering stands in it: lower/sched.h */
    const char *why;            /* a limit that was reached */
    const char **left;          /* by Stmt.id: why no engine took the statement; NULL while statements are still rewritten */
} Low;

static inline void low_note(Low *l, const Stmt *s, const char *why) {
    if (l->left && (size_t)s->id < (size_t)l->p->kernel->stmts.n) l->left[s->id] = why;
}

/* The TILE_FORs around a place, outermost first. */
typedef struct Path { TileNode *at[LOW_DEPTH]; int n; } Path;

static inline TileBlock path_block(const Low *l, const Path *p, const TileAxis *axis) { return tile_block(l->a, axis, p->at, p->n); }

/* --- stage.c: parts of a stage ------------------------------------------------------------------------------------------------ */

void stage_open(Low *l, Name name);
/* The axis of a new range; index i (of the Kernel) runs along it. */
TileAxis *stage_axis(Low *l, const Index *i, Expr *lo, Expr *hi);
static inline TileAxis *stage_axis_of(const Low *l, const Index *i) {
    return i->id < l->p->n_indices && i->id < l->k->n_indices ? l->stage->axis_of[i->id] : NULL;
}
/* A loop at the end of the path; it stands in no body until stage_link. */
TileNode *stage_for(Low *l, Path *path, TileOver over, Span at);
/* One more level, the innermost so far; most: a bound on step, or 0. */
void stage_level(Low *l, TileNode *loop, TileAxis *axis, Expr *step, int64_t most);
/* The innermost level that cuts the axis on the path, or NULL. */
const TileLevel *stage_level_of(const Path *path, const TileAxis *axis);
/* A tile, not yet with a box. */
TileBuf *stage_tile(Low *l, Tensor *t, const char *name, DType type);
/* States of a reduction: tiles of the statement's points in the blocks at `path`, but for the axis `without` (or NULL). */
void stage_states(Low *l, const Path *path, const Stmt *s, const Reduce *r, const TileAxis *without);
/* Dimension d of a tile is the block of an axis. */
void stage_block_box(Low *l, const Path *path, const TileAxis *axis, TileBuf *b, int d);
/* Loops of the path whose variables the expression uses: the number of the innermost, from 1; 0: none. */
int stage_depth(const Path *path, const Expr *e);
void stage_copy(Low *l, TileNodes *body, TileKind kind, TileBuf *b, Span at);
/* What all PEs load once, before any loop, is the same for all: the PEs of a row share it. */
void stage_share_kept(Low *l);
TileNode *stage_compute(Low *l, TileNodes *body, const Stmt *s, TilePart part);
/* The body in which things at depth d of the path stand. */
static inline TileNodes *stage_body(Low *l, const Path *path, int d) { return d ? &path->at[d - 1]->body : &l->stage->body; }
/* Puts loop number d (from 1) into the body around it, behind what stands there. */
static inline void stage_link(Low *l, const Path *path, int d) { vec_push(l->a, stage_body(l, path, d - 1), path->at[d - 1]); }
/* Bytes of a tile in all its slots, rows padded to 32 bytes; 0: not known. */
int64_t stage_bytes(const TileBuf *b);
/* Bytes of all tiles of a stage; INT64_MAX: not known. */
int64_t stage_local(const TileStage *s);
/* The box of another tile. */
static inline void stage_take_box(TileBuf *b, const TileBuf *from) {
    b->rank = from->rank;
    b->lo = from->lo;
    b->hi = from->hi;
    b->room = from->room;
    b->most = from->most;
    b->point = from->point;
}
/* Room for the box of a tile of rank `rank`. */
void stage_box(const Low *l, TileBuf *b, int rank);

/* --- nest.c, rows.c, facts.c, split.c ------------------------------------------------------------------------------------------ */

/* A statement as a stage of its own. */
void nest_stage(Low *l, const Stmt *s);
void fact_stage(Low *l, const Fact *f);
/* Statements from `first` on that share their outer indices, as one stage and what takes its place where it does not fit; returns how
 * many, 0 when there is nothing to gain. */
int rows_stage(Low *l, int first);
/* The same for a sum of products that the engine of panels can do, and what is computed from it point by point. */
int dot_stage(Low *l, int first);
/* A sum of products that the engine of panels can do: its operands, the outer indices of each that run along a panel, that of the sum. */
typedef struct DotMatch { TileDot *dot; const Index *m, *n, *k; } DotMatch;
bool dot_match(Low *l, const Stmt *s, DotMatch *to);
/* One stage for such a sum and at most so many statements in all, for any dims; returns how many, 0: none. */
int dot_grid(Low *l, int first, int most);
/* How often commands take the sum as their first operand, as the accumulators give it; -1: otherwise too. */
int dot_takes(const TileSimd *plan, const Tensor *sum, const EngineRow *row);
/* Reductions over one range of which later ones need an earlier one's result, in one sweep (online.h): a group that holds a product, so
 * that its terms need not be stored. Returns how many statements, 0 when there is none. */
int online_stage(Low *l, int first);
/* Factors that a sum of products does not vary over leave it. */
void hoist_factors(Low *l);
/* Divisors of a sum's weights are divided by when the sum is done. */
void move_divisors(Low *l);
/* Operands of sums of products that are read with pad 0 get temporaries that hold the zeros; inputs that are operands get statements that
 * may bring them near: see Low.near. */
void pad_operands(Low *l);
/* The copy of an input that the statement may load instead, or NULL; whether a statement is such a copy. */
LowNear *near_of(Low *l, const Stmt *user, const Tensor *of);
bool near_is_copy(const Low *l, const Stmt *s);
/* The stage that copies it. */
void near_stage(Low *l, const LowNear *near);
/* Leaves out of the Kernel those that no stage has asked for. */
void near_drop(Low *l);
/* Cuts reductions that give one value into parts for all PEs, joined by merge: statements and temporaries are added to l->k. */
void split_reductions(Low *l);

/* --- reads --------------------------------------------------------------------------------------------------------------------- */

/* The X_READ nodes in an expression, tensors of rank 0 inputs left out; each node once. */
typedef VEC(Expr *) LowReads;
void low_reads(Arena *a, Expr *e, LowReads *to);
/* The root reduction of a statement, or NULL. */
static inline Reduce *low_reduce(const Stmt *s) { return s->value->kind == X_REDUCE ? s->value->reduce : NULL; }
bool low_mentions(const Expr *e, const Index *i);
