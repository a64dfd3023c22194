/* Kernels on a grid of PEs: emitted, compiled, run in the simulator's child. */
#pragma once
#include "lower/tile.h"
#include "sim/program.h"
#include "tool/machine.h"
#include "tool/trial.h"

/* A PE program that can be run. */
struct GridCode {
    const char *file, *text;     /* the C file's name and text */
    const char *knf;             /* what it was made from */
    SimMachine machine;
    SimProgram program;
    SimHome home[PE_TENSORS];    /* --home */
    const Name *charged;         /* EvalOptions.charged */
};

/* What a run on the grid was like, beside its results. */
struct GridRun {
    const GridCode *code;
    SimConfig config;
    SimReport report;
};

/* The machine's values. False after diagnostics were printed. */
bool grid_machine(Tool *t, const Machine *m, SimMachine *out, int *status);
/* What lowering asks of it. */
TileMachine grid_tiles(const SimMachine *m, Arena *a);
/* The kernel as Tile IR, by the schedule of -s, else by the last one that the kernel's file has for it and the machine, else by one of
 * lowering's own. NULL, with a sentence, or the diagnostics as lines. */
TileProgram *grid_lower(Tool *t, const Program *p, const Kernel *k, const SimMachine *m, const char **why);
/* The name of that schedule. */
const char *grid_schedule_name(Tool *t, const Program *p, const Kernel *k, const SimMachine *m);

/* The C file; `command` as in GridOptions. */
void grid_emit(Tool *t, const TileProgram *p, const char *command, Out *out);

/* Compiles the text of a PE program; `level` is that of the C compiler where --level does not say another. NULL, with what is wrong in lines. */
GridCode *grid_compile(Tool *t, const SimMachine *m, const char *text, const char *name, const char *level, const char **why);
/* The kernel, lowered, emitted and compiled. */
GridCode *grid_build(Tool *t, const Program *p, const Kernel *k, const SimMachine *m, const char *level, const char **why);
/* Notes for the reference what the program's error bound is charged with. */
void grid_charge(Tool *t, GridCode *c, const TileProgram *p);
void grid_close(GridCode *c);
/* Takes --home. 0, or the exit status after an error was printed. */
int grid_homes(Tool *t, GridCode *c);

/* One run on the trial's inputs. Outputs are there once; what was never written differs between outputs[0] and outputs[1]. */
ChildResult grid_run(Tool *t, const Trial *r, const Array *out);
/* Which PE stored the element last; false: none did, or it is not known. */
bool grid_writer(const GridRun *g, const char *output, int64_t element, int *row, int *col);
/* Cycles with one limit of the machine away; below zero: the run failed. */
int64_t grid_lifted(Tool *t, const GridRun *g, const char *limit);
/* Reruns with the limits of --lift away, one at a time: lines for a report, and JSON members of an object. */
void grid_lift(Tool *t, const GridRun *g, Out *text, Out *json);
/* --trace. */
void grid_trace(Tool *t, const GridRun *g);

PeType grid_type(DType t);       /* PE_TYPE_COUNT: none */
DType grid_dtype(PeType t);
