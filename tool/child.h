/* Runs compiled kernels in a child process, with limits, on arrays between unreadable pages. */
#pragma once
#include "tool/array.h"
#include "tool/tool.h"

typedef struct ChildLimits { double wall_seconds; int64_t memory; } ChildLimits;

typedef enum ChildEnd { CHILD_RETURNED, CHILD_FAULT, CHILD_TIMEOUT, CHILD_BAD_OBJECT } ChildEnd;

enum { CHILD_TIMES_MAX = 1024 };

typedef struct ChildResult {
    ChildEnd end;
    int returned;            /* CHILD_RETURNED: what knyfe_call gave */
    const char *why;         /* not CHILD_RETURNED: a sentence */
    int n_times;             /* seconds of single calls */
    double *times;
    /* Outputs as the two calls left them; NULL when a call was not made. The first call has arrays that end at an unreadable page,
     * read-only inputs and poison 0; the second has arrays that begin behind one and poison 1. */
    Array *outputs[2];
    const char *touched;     /* what was written that is no output, as a sentence, or NULL */
} ChildResult;

/* Calls symbol `entry` of the object twice, then (when `timed`) until 0.2 s and 5 calls are done. Inputs: n_in arrays, then n_out
 * outputs, of which type and extents are used. */
ChildResult child_run(Tool *t, const char *object, const char *entry, const Array *in, const char *const *in_names, int n_in,
                      const Array *out, const char *const *out_names, int n_out, const int64_t *dims, bool timed, ChildLimits limits);

/* The element that `poison` fills outputs with: 0 or 1. */
void child_poison(DType t, int poison, void *at);
