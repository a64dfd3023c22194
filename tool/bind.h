/* Dims and scalars of a run from the command line and from given arrays. */
#pragma once
#include "tool/inputs.h"

typedef struct Binding {
    int64_t *dims;          /* by Dim.id */
    Array *given;           /* beside kernel->params; data NULL: to be made */
    bool any_array;         /* at least one array of rank 1 or more is given */
} Binding;

/* Reads --in files and NAME=VALUE. Returns 0, or the exit status after an error was printed. */
int bind_run(Tool *t, const Kernel *k, Binding *b);
/* Stores a number, written as text, as an element of the type. False: it is none, or does not fit. */
bool bind_scalar(DType type, const char *text, void *at);
