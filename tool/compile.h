/* The system's C compiler. No shell is involved, so no name can reach one. */
#pragma once
#include "sim/program.h"
#include "tool/machine.h"

/* One kernel as C: the text of the kernel's file and of the file that defines knyfe_call. */
typedef struct CUnit { const char *kernel, *call, *name; } CUnit;

typedef struct Compiled {
    const char *path;        /* the shared object, in the temporary folder */
    const char *why;         /* not NULL: it did not compile; the compiler's own words are in `said` */
    const char *said;
    double seconds;
} Compiled;

/* Compiles n units into one shared object. The entry of unit i is compile_entry(i, n). `level` is 1 or 3.
 * Dies with STATUS_ENVIRONMENT when there is no compiler. */
Compiled compile_units(Tool *t, const CUnit *units, int n, int level);
/* The compiler's command, words apart by spaces: $CC, or the first of cc, gcc, clang that is there. Dies when none is. */
const char *compile_command(Tool *t);
/* The symbol of knyfe_call for unit i of n. */
const char *compile_entry(Arena *a, int i, int n);
/* How PE programs are compiled: by --cc or compile_command, at --level or else `level`, objects kept unless --no-cache. Dies without pe.h. */
SimCompiler compile_programs(Tool *t, const char *level);
/* The unit of a kernel as the host emitter writes it. */
CUnit compile_emit(Tool *t, const Machine *m, const Kernel *k);
