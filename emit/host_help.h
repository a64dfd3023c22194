/* The helper functions of emitted host C, as a table: one row is one function, its lines are single statements. */
#pragma once
#include "emit/cprint.h"

typedef struct HostHelper {
    const char *name;       /* starts with "knf_": that is how uses are found in other helpers */
    const char *result;     /* its type; or, with params NULL, the type of a table of constants */
    const char *params;
    const char *note;       /* what it does, or NULL */
    const char *lines[20];  /* statements, or the elements of the table; up to NULL */
} HostHelper;

/* Rows in an order in which each stands after those it uses: first the arithmetic, then the elementary functions. */
extern const HostHelper host_helpers[], host_math[];
extern const int n_host_helpers, n_host_math;

/* The helpers used so far: a flag beside each row. */
typedef struct HostUses { bool *helpers, *math; } HostUses;
HostUses host_uses_new(Arena *a);
/* Notes the use of a helper and of those that it uses; returns the name. The helper must exist. */
const char *host_use(HostUses *u, const char *name);
bool host_helper_exists(const char *name);
/* Prints the helpers used. */
void host_helpers_print(CPrint *p, const HostUses *u);
