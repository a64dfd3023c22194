/* Host C from a Kernel: one self-contained file. */
#pragma once
#include "lower/tile.h"

typedef struct HostOptions {
    bool no_check;          /* leave out run-time checks (never 'where' facts) */
    const char *command;    /* the command line that made the file, for its header, or NULL */
} HostOptions;

/* The C file: includes, helpers that this kernel needs, a table of the facts' texts, and
 *     int NAME(inputs, outputs, dims)
 * as docs/language.md, section 6, has it. */
void emit_host(const Kernel *k, const HostOptions *options, Out *out);
/* The same as a Tile program for a machine that addresses memory in place has it. */
void emit_host_tiles(const TileProgram *p, const HostOptions *options, Out *out);

/* A second file for programs that call kernels by data:
 *     int knyfe_call(void *const *tensors, const int64_t *dims)
 * tensors: pointers in order of k->params, then k->outputs (scalars by pointer to their value). It declares and calls NAME. */
void emit_host_call(const Kernel *k, Out *out);
