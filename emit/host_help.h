/* The helper functions of emitted host C, as a table: one row is one function, its lines are single statements. */
#pragma once
#include "emit/cprint.h"

typedef struct HostHelper {
    const char *name;       /* starts with "knf_": that is how uses are found in other helpers */
    const char *result;     /* its type; or, with params NULL, the type of a table of constants */
    const char *params;
    const char *note;       /* what it does, or NULL */
    const char *lines[40];  /* statements, or the elements of the table; up to NULL */
    int vector, align;      /* a vector type instead, of `result`: its bytes, and those it is aligned to */
} HostHelper;

/* Rows in an order in which each stands after those it uses: vector types, arithmetic, vectors, elementary functions. */
extern const HostHelper host_vector_types[], host_helpers[], host_vector_helpers[], host_math[];
extern const int n_host_vector_types, n_host_helpers, n_host_vector_helpers, n_host_math;

/* The helpers used so far: a flag beside each row of each table. */
enum { HOST_TABLES = 4 };
typedef struct HostUses { bool *used[HOST_TABLES]; } HostUses;
HostUses host_uses_new(Arena *a);
/* Notes the use of a helper and of those that it uses; returns the name. The helper must exist. */
const char *host_use(HostUses *u, const char *name);
bool host_helper_exists(const char *name);
/* Whether a vector type is among them. */
bool host_uses_vectors(const HostUses *u);
/* Marks all. */
void host_use_all(HostUses *u);
/* Prints the helpers used. */
void host_helpers_print(CPrint *p, const HostUses *u);
