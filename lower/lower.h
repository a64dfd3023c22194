/* From Kernel to Tile IR: how the kernel runs on a grid. */
#pragma once
#include "lower/schedule.h"

/* The program for the machine, every decision taken. NULL, with *why a sentence, when the kernel goes beyond a limit of lowering. */
TileProgram *lower(const Kernel *k, const TileMachine *m, Arena *a, const char **why);
/* The same as the schedule has it, completed where it says nothing; s may be NULL. NULL too when a directive can't be met: the
 * diagnostics say which and what would be legal, and *why is NULL. */
TileProgram *lower_scheduled(const Kernel *k, const TileMachine *m, const Schedule *s, Diags *d, Arena *a, const char **why);
/* The same without the verifier's pass, for what is only tried. */
TileProgram *lower_unverified(const Kernel *k, const TileMachine *m, const Schedule *s, Diags *d, Arena *a, const char **why);

/* What the cost model says is better than lowering's own rules, as a schedule that can be met; empty where nothing is: search.c. */
Schedule *lower_search(const Kernel *k, const TileMachine *m, Arena *a);
/* A schedule that can be met, drawn from the seed: random.c. */
Schedule *lower_random(const Kernel *k, const TileMachine *m, uint64_t seed, Arena *a);
