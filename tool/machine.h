/* Targets: machine files, and which emitter serves them. */
#pragma once
#include "tool/tool.h"

typedef enum Emitter { EMIT_HOST, EMIT_PE } Emitter;

typedef struct Machine {
    const char *name;
    const AMachine *machine;     /* its block */
    const Source *source;
    bool has_emitter;
    Emitter emitter;
} Machine;

/* The emitter that serves the machine. False when there is none for it. */
bool machine_emitter(const AMachine *m, Emitter *to);
/* The machine of that name or file (NULL: the default). NULL after an error was printed; *status says which. */
const Machine *machine_find(Tool *t, const char *name, int *status);
/* Names of all machines in the folder of machine files, sorted. */
typedef VEC(const char *) MachineNames;
MachineNames machine_names(Tool *t);
/* The machine's file, read; NULL when there is none of that name. */
const Source *machine_source(Tool *t, const char *name);

/* A number of the machine in base units (bytes, bytes/s, Hz, operations/s): the property `key` of the group `group` with `label`
 * (NULL: the first such, or top level when group is NULL). A rate per cycle is multiplied by the clock. 0 when it is not there. */
double machine_number(const Machine *m, const char *group, const char *label, const char *key);
