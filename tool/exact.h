/* Which outputs are exact on small integers: every sum, product and partial sum fits the accumulator's significand, so that each
 * order of evaluation gives the same bits. */
#pragma once
#include "dsl/kernel.h"
#include "tool/array.h"

/* given_inputs: beside k->params, or NULL; those with data are taken as they are.
 * With inputs that are integers of at most `amplitude` (declared ranges and the given bounds apart): exact[i] for k->outputs.at[i].
 * A sound estimate: false may mean "not known". */
void exact_outputs(Arena *a, const Kernel *k, const int64_t *dims, int amplitude, const Array *given_inputs, bool *exact);
/* The greatest amplitude, of 8 4 3 2 1, for which all outputs are exact that are so for 1; exact as above. 0: none is. */
int exact_amplitude(Arena *a, const Kernel *k, const int64_t *dims, const Array *given_inputs, bool *exact);
