/* Runs compiled kernels in a child process, with limits, on arrays between unreadable pages. */
#pragma once
#include "tool/array.h"
#include "tool/tool.h"

typedef struct ChildLimits { double wall_seconds; int64_t memory; } ChildLimits;

struct GridRun;

typedef enum ChildEnd { CHILD_RETURNED, CHILD_FAULT, CHILD_TIMEOUT, CHILD_BAD_OBJECT } ChildEnd;

enum { CHILD_TIMES_MAX = 1024 };

typedef struct ChildResult {
    ChildEnd end;
    int returned;            /* CHILD_RETURNED: what knyfe_call gave */
    const char *why;         /* not CHILD_RETURNED: a sentence */
    int n_times;             /* seconds of single calls */
    double *times;
    /* Outputs as the two calls left them; NULL when a call was not made. The first call has arrays that end at an unreadable page
     * and poison 0; the second has arrays that begin behind one and poison 1. Inputs are read-only. They live until
     * child_release. */
    Array *outputs[2];
    const char *touched;     /* what was written that is no output, as a sentence, or NULL */
    const struct GridRun *grid;   /* of a run in the simulator: what it was like */
    void *memory;
    void (*free_memory)(void *);
} ChildResult;

typedef enum ChildCalls { CHILD_ONCE, CHILD_TWICE, CHILD_TIMED } ChildCalls;

/* Calls symbol `entry` of the object once or twice, or twice and then until 0.2 s and 5 calls are done, or 1 s. Inputs: n_in arrays,
 * then n_out outputs, of which type and extents are used. */
ChildResult child_run(Tool *t, const char *object, const char *entry, const Array *in, const char *const *in_names, int n_in,
                      const Array *out, const char *const *out_names, int n_out, const int64_t *dims, ChildCalls calls, ChildLimits limits);
/* Gives the outputs' memory back. */
void child_release(ChildResult *r);

/* The element that `poison` fills outputs with: 0 or 1. */
void child_poison(DType t, int poison, void *at);
