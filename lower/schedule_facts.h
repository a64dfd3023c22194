/* What a stage does, in the words of schedules: read off the Tile IR. */
#pragma once
#include "lower/tile.h"

/* A level that cuts an axis first; inner ones follow from it. */
typedef struct FactLoop { const TileAxis *axis; const TileNode *loop; const TileLevel *level; int depth; } FactLoop;
/* The copy of a tile. within: the innermost loop around it, or NULL. */
typedef struct FactTile { const TileBuf *buf; const TileNode *copy, *within; } FactTile;

typedef struct StageFacts {
    const TileStage *stage;
    VEC(const Stmt *) stmts;        /* computed here, each once, in order */
    VEC(const Stmt *) dots;         /* of these, by an engine with accumulators */
    VEC(const TileDot *) dot_of;    /* beside dots */
    VEC(const Stmt *) simds;        /* by the elementwise engine */
    const TileDot *dot;             /* the first of those */
    const Fact *fact;               /* a test's */
    VEC(FactLoop) loops;            /* outermost first */
    VEC(FactTile) loads, stores;
} StageFacts;

StageFacts *stage_facts(const TileStage *s, Arena *a);
/* The word for what computes the statement: the name of an engine with accumulators, simd, vector. */
const char *facts_engine(const StageFacts *f, const Stmt *s);
/* The loop that cuts an index of the Kernel; NULL: none does. */
const FactLoop *facts_loop(const StageFacts *f, const Index *i);
