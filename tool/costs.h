/* The cost model on a machine of the simulator's. */
#pragma once
#include "lower/cost.h"
#include "sim/machine.h"
#include "tool/trial.h"

/* The machine file's values as the cost model takes them: the same that the simulator uses. */
const CostMachine *grid_costs(const SimMachine *m, Arena *a);
/* What the cost model says of a program that has been run, with its tensors where they lived. False: it can't be counted. */
bool grid_estimate(Tool *t, const TileProgram *p, const GridRun *g, const int64_t *dims, CostReport *out);
