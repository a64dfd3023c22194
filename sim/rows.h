/* Rows of engines, for the reader of machines. */
#pragma once
#include "sim/machine.h"

/* One row of an engine's group: fills the tables of m; errors go to diags. */
void sim_row_read(SimMachine *m, Diags *diags, const AEntry *engine, const AEntry *row);

/* machine.c: the number of a key in its table, or -1; what stands at it; rates by type; a type's name. */
int sim_key_find(const char *group, const char *name);
int64_t sim_key_value(const SimMachine *m, int key);
void sim_read_types(SimMachine *m, Diags *diags, const AEntry *e, SimRate *out);
