/* A variable outside local memory. */
#include "knyfe/pe.h"

static int tiles_done;

static void core0(PE *pe) { pe_ops(pe, tiles_done++); }

const PeProgram pe_program = {.version = PE_VERSION, .name = "global", .core = {core0}};
