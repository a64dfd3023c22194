/* The command line. */
#pragma once
#include "base/vec.h"
#include "dsl/front.h"
#include <stdbool.h>
#include <stdio.h>

/* NAME=VALUE or NAME=FILE. */
typedef struct NameText { const char *name, *text; } NameText;
typedef VEC(NameText) NameTexts;

typedef struct Command Command;

/* Of knyfe sim. */
typedef struct SimOptions {
    bool timing, grid, unchecked;
    const char *check, *trace, *lift, *watch, *compiler, *level;
    NameTexts home;
} SimOptions;

typedef struct Options {
    const Command *command;
    VEC(const char *) files;
    NameTexts values;            /* dims and scalars */
    NameTexts in, out;           /* .npy files */
    VEC(FrontArg) defines;       /* -D */
    const char *kernel, *target, *schedule, *output, *json, *junit, *dump, *emitted;
    bool from_kernel, from_tile, no_check, plain, quiet, in_place, only_check, full_check, no_cache, help;
    uint64_t seed;
    int64_t time_limit;          /* seconds */
    int64_t memory_limit;        /* bytes */
    int64_t operations_limit;    /* above it a run checks a sample */
    int batch;                   /* kernels of one compiler call; 0: each by itself */
    SimOptions sim;
    NameTexts shapes;            /* --shapes NAME=1,2,3 or plain list (name NULL) */
} Options;

struct Command {
    const char *name;            /* NULL: knyfe FILE */
    const char *synopsis, *about;
    const char *options;         /* the keys it takes, see options.c */
    const char *examples;
    int min_files, max_files;    /* max_files -1: any number */
    bool takes_values;           /* NAME=VALUE among the arguments */
};

extern const Command options_commands[];
extern const int options_n_commands;

/* Reads the command line. Returns -1 to go on, or an exit status when all is done (--help, --version, a wrong usage). */
int options_read(Arena *a, int argc, char **argv, Options *o);
/* The help of a command; NULL: of all. */
void options_help(const Command *c, FILE *to);
