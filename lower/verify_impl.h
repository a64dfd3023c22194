/* Shared by verify*.c only. */
#pragma once
#include "dsl/affine.h"
#include "lower/expr.h"
#include "lower/tile_text.h"
#include "lower/verify.h"

enum { VERIFY_DEPTH = 64 };

/* A node and the loops around it, outermost first; seq: its place in program order. */
typedef struct Spot { TileNode *n, *loop[VERIFY_DEPTH]; int depth, seq; } Spot;
typedef VEC(Spot *) Spots;

typedef struct Verify {
    Arena *a;
    const TileProgram *p;
    const TileMachine *m;
    VerifyReport *report;
    const TileStage *s;         /* the stage looked at */
    Spots places;              /* its nodes but loops, and the loops, in order */
    Affine *affine;             /* what holds in it; made when first asked */
    bool in_doubt;              /* something of the stage is left open */
    const char *doubt;          /* what */
    int fits, by_guard, reads, copies_shared;
} Verify;

/* False, and the fault is noted if it is the first. */
__attribute__((format(printf, 2, 3))) bool verify_fault(Verify *v, const char *format, ...);
/* Neither shown nor refuted: the stage counts as open. True. */
__attribute__((format(printf, 2, 3))) bool verify_doubt(Verify *v, const char *format, ...);
const char *verify_text(Verify *v, const Expr *e);

/* --- what is known of expressions: verify_know.c */
/* Bounds of an integer over dims and steps, whatever the dims are. */
typedef struct Bounds { bool has_lo, has_hi; int64_t lo, hi; } Bounds;
Bounds verify_bounds(Verify *v, const Expr *e);
/* What holds at a place for the indices of the statement (n of them) in their blocks: a chain on top of `up`. */
const Ctx *verify_context(Verify *v, const Spot *at, Index *const *idx, int n, const Ctx *up);
bool verify_le(Verify *v, const Ctx *ctx, Expr *x, Expr *y);
bool verify_equal(Verify *v, const Ctx *ctx, Expr *x, Expr *y);
/* e with indices that have one value at the place put in. */
Expr *verify_pinned(Verify *v, const Spot *at, Expr *e);
/* Every variable in e is one of a loop around the place (the innermost `depth` of which count), or a step. */
bool verify_in_scope(Verify *v, const Spot *at, int depth, Expr *e);
TileAxis *verify_axis(const Verify *v, const Index *i);
static inline TileBlock verify_block(Verify *v, const Spot *at, const TileAxis *axis) { return tile_block(v->a, axis, at->loop, at->depth); }
/* The innermost level that cuts the axis at the place, or NULL. */
const TileLevel *verify_level(const Spot *at, const TileAxis *axis);
/* The Kernel's part of a computation: its statement's or fact's indices, value, root reduction. */
typedef struct Work { Index *const *idx; int n; Expr *value; const Reduce *r; } Work;
Work verify_work(const TileNode *n);
/* The computation leaves its statement's results: all of it, the end of a reduction, or steps whose sums are taken straight from the
 * accumulators. */
bool verify_gives(const Verify *v, const TileNode *n);
int verify_common(const Spot *x, const Spot *y);      /* loops that stand around both */

/* --- rules: each is true when nothing is wrong */
bool verify_loops(Verify *v);           /* verify_cover.c */
bool verify_cover(Verify *v);
bool verify_online(Verify *v);          /* verify_online.c */
bool verify_guards(Verify *v);          /* verify_order.c */
bool verify_order(Verify *v);
bool verify_access(Verify *v);          /* verify_access.c */
bool verify_copies(Verify *v);          /* verify_copy.c */
bool verify_fit(Verify *v);             /* verify_fit.c */
/* Stages that may both run: their guards do not exclude each other. */
bool verify_compatible(Verify *v, const TileStage *x, const TileStage *y);
