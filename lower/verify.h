/* Is a Tile program right, whatever the dims are? */
#pragma once
#include "lower/tile.h"

/* What was proved, and how: a few lines, one for each kind of rule, for the header of the emitted file. */
typedef struct VerifyReport {
    const char *why;            /* the first fault, a sentence that names stage and node; NULL: none */
    const char *text;           /* lines without a line end behind the last */
    int structural, proved;     /* questions decided by form, by the prover */
    int open;                   /* stages of which something is neither shown nor refuted; the simulator's own checks judge each run of those */
    const char *doubt;          /* the first such question */
    int64_t most_bytes;         /* of tiles in a PE, of the stages where it is a number */
} VerifyReport;

/* False when a rule is broken; what is neither shown nor refuted is counted in `open`.
 *   coverage    each point of each statement is computed exactly once, by one PE; each fact is tested
 *   fit         the tiles of a stage fit into local memory wherever its guard holds
 *   footprints  what is read lies in a tile that holds it by then, or the core fetches it (one core)
 *   races       no stage loads what it stores; stored boxes are disjoint, and full
 *   order       a stage reads what earlier ones stored
 *   deadlock    shared copies stand in loops that all sharers run alike, and are the same for all of them */
bool tile_verify(const TileProgram *p, const TileMachine *m, VerifyReport *report, Arena *a);
