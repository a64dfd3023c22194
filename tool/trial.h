/* One run of a compiled kernel on one set of inputs, judged. */
#pragma once
#include "tool/child.h"
#include "tool/compare.h"
#include "tool/inputs.h"

typedef struct GridCode GridCode;
typedef struct GridRun GridRun;

typedef struct Trial {
    const Kernel *kernel;
    const GridCode *grid;        /* not NULL: a program of PEs in place of an object */
    const char *object, *entry;
    const int64_t *dims;
    const Array *inputs;         /* beside kernel->params */
    const bool *exact;           /* beside kernel->outputs, or NULL: judged by the bound */
    const Array *expect;         /* beside kernel->outputs, or NULL; data NULL: no given result */
    ChildCalls calls;
    bool made;                   /* inputs are ours, so that a dull reference is worth a word */
} Trial;

typedef struct Verdict {
    bool ok;
    bool refused;                /* a fact does not hold, and the kernel said so as it must (ok), or the input can't be used (not ok) */
    const Fact *fact;            /* the one that does not hold */
    bool sampled, loose;         /* loose: the bounds are too wide to be a test */
    const char *dull;            /* the reference is nearly constant or mostly zero: a sentence, or NULL */
    double loose_share;          /* of the elements of the output where it is greatest */
    double ratio;                /* the largest |y - r| / e of all outputs */
    double operations;
    int64_t compared;            /* elements, of all outputs */
    Out why;                     /* what is wrong, in lines */
    ChildResult child;           /* the caller releases it */
    Eval *eval;                  /* the reference, when it was evaluated */
    const Array *inputs;         /* the trial's */
} Verdict;

Verdict trial_run(Tool *t, const Trial *r);
/* The fact that the inputs break, or NULL; *why when the reference can't be made. */
const Fact *trial_broken_fact(Arena *a, const Kernel *k, const int64_t *dims, const Array *inputs, int64_t *point, const char **why);
/* Makes inputs that keep the facts, repairing offsets. NULL, or a sentence. */
const char *trial_inputs(Arena *a, const Kernel *k, const int64_t *dims, const InputPlan *plan, Array *inputs);
