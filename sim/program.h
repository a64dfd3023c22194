/* A PE program as a file: compiled, judged, loaded; its tensors' shapes. */
#pragma once
#include "sim/sim.h"

typedef struct SimProgram {
    const PeProgram *table;
    void *handle;
    int n_tensors, n_dims, n_scalars;
    const char *dim[SIM_DIMS], *scalar[SIM_DIMS];
} SimProgram;

/* Objects kept between runs. `made_of` is all that one is made from but the compiler's version and the processor: its words and the
 * text after the preprocessor. */
typedef struct SimObjects {
    void *context;
    bool (*get)(void *context, const char *made_of, const char *path);   /* puts the object there; false: there is none */
    void (*put)(void *context, const char *made_of, const char *path);
} SimObjects;

typedef struct SimCompiler {
    const char *cc;            /* the command, words apart by spaces: "cc" */
    const char *level;         /* "-O2" */
    const char *include;       /* the folder that holds knyfe/pe.h */
    const char *folder;        /* where its files go for a moment; NULL: $TMPDIR, or /tmp */
    const SimObjects *objects; /* NULL: none are kept */
} SimCompiler;

/* Compiles and loads `path`. On failure returns false and sets *why to text for the user (the compiler's own words included);
 * *environment tells a missing compiler from a faulty program. */
bool sim_program_load(SimProgram *out, const char *path, SimCompiler cc, Arena *a, const char **why, bool *environment);
/* Takes a table that is linked in. */
bool sim_program_of(SimProgram *out, const PeProgram *table, Arena *a, const char **why);
void sim_program_close(SimProgram *p);

int sim_program_dim(const SimProgram *p, const char *name);      /* its index, or -1 */
int sim_program_scalar(const SimProgram *p, const char *name);
int sim_program_tensor(const SimProgram *p, const char *name);

/* Fills name, type, role, rank, shape, count, bytes of each tensor from the dims; data stays NULL. */
bool sim_program_shapes(const SimProgram *p, const int64_t *dim, SimTensor *out, Arena *a, const char **why);
/* Where tensors live: as `said` (beside t), else inputs and outputs in DRAM, temporaries in SRAM if there is room for all of them. */
typedef enum SimHome { SIM_HOME_AUTO, SIM_HOME_SRAM, SIM_HOME_DRAM } SimHome;
void sim_program_homes(const SimMachine *m, const SimHome *said, SimTensor *t, int n);
/* Dims from the shape of one tensor, where a dim stands alone; dim[i] below zero is not known yet. False when they disagree. */
bool sim_program_bind(const SimProgram *p, int tensor, const int64_t *shape, int rank, int64_t *dim, Arena *a, const char **why);
/* Fills a tensor's data from the seed: floats normal(0, 1), integers as its range says, offsets ascending. */
bool sim_program_fill(const SimProgram *p, int tensor, SimTensor *t, const int64_t *dim, uint64_t seed, Arena *a, const char **why);
