/* Kernels as host C. */
#pragma once
#include "lower/tile.h"
#include "tool/machine.h"

/* What lowering asks of a machine that addresses memory in place. */
TileMachine host_tiles(const Machine *m, Arena *a);
/* The kernel as Tile IR. NULL with a sentence. */
TileProgram *host_lower(Tool *t, const Kernel *k, const Machine *m, const char **why);
/* The C file: by Tile IR, or with --plain the statements' own loops. `command` as in HostOptions. */
void host_emit(Tool *t, const Kernel *k, const Machine *m, const char *command, Out *out);
