/* Statements as commands of the elementwise engine. */
#pragma once
#include "lower/online.h"

/* The commands for a statement whose indices lie in the stage that is being built, or NULL: some operator, type or access is not the
 * engine's. The last `n` - 1 leading indices need not be blocks of one value. */
const TileSimd *simd_plan(Low *l, const Path *path, const Stmt *s);
/* A part of a sum over rows that come one at a time, each a row of the statement's last index: NULL as above. */
const TileSimd *simd_accumulate(Low *l, const Path *path, const Path *state, const Stmt *s, TilePart part);
/* Tiles for its temporaries: those of earlier statements serve again, for the engine works in order. */
void simd_temps(Low *l, const Path *path, const Stmt *s, const TileSimd *plan);
/* A part of a reduction over its last index (STEP), or what belongs to an online form (FINAL, NOW, CORRECT, JOIN; leads: others follow the
 * statement's value so far; fx: of the lead on a statement that is corrected): NULL as above. */
const TileSimd *simd_part(Low *l, const Path *path, const Stmt *s, TilePart part, bool leads, const Stmt *lead, const OnlineEffect *fx);
