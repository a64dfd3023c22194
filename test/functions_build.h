/* The elementary functions of emitted host C for f32, compiled, and their errors in units of the last place. */
#pragma once
#include "test/emit_run.h"

typedef struct Function { const char *helper, *libm; double (*truth)(double); } Function;
/* The functions of one argument; after them comes pow. */
extern const Function functions[];
extern const int n_functions;
/* knyfe_call({x, y, second argument of pow or NULL}, {which, n}) for all, as the emitter prints them; compiled with -O3 and `flags`. */
KnyfeCall *functions_build(const char *flags);
/* |got - want| in the distance of floats at want; infinite where a special value differs. */
double functions_ulps(float got, double want);
