/* What the simulator's benchmarks share: machines, works, one timed run. */
#pragma once
#include "grammar/parse.h"
#include "sim/program.h"
#include "sim/report.h"

typedef struct Work {
    const char *name, *machine, *program;
    int64_t dims[5];
    const char *dram;               /* tensors that live in DRAM, by name with a space behind each */
    const char *published, *must;
    double (*figure)(const struct Work *, const SimMachine *, const SimReport *);
} Work;

/* The machine of that name and its keys; ends the program on a fault. */
const AMachine *work_machine(Arena *a, const char *name, SimMachine *m);
/* Loads the program and makes its tensors; once for many runs. */
typedef struct Loaded { SimProgram p; SimTensor tensor[PE_TENSORS]; SimConfig c; } Loaded;
void work_load(Arena *a, const Work *w, Loaded *l);
void work_free(Loaded *l);
/* Runs it on a machine; a fault ends the program. Returns seconds of processor time (all is one thread). */
double work_run(Loaded *l, const SimMachine *m, bool timing, bool unchecked, SimReport *r);
double work_now(void);
