/* PE programs from Tile IR: one C file for include/knyfe/pe.h. */
#pragma once
#include "lower/tile.h"

typedef struct GridOptions {
    bool no_check;          /* leave out run-time checks (never 'where' facts) */
    const char *command;    /* the command line that made the file, for its header, or NULL */
} GridOptions;

/* The C file: tables, and for each stage setup, load (core 0) and compute (core 1). */
void emit_grid(const TileProgram *p, const GridOptions *options, Out *out);
