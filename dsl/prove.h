/* Linear integer arithmetic: is e >= 0 whenever the known facts hold? Our own small prover: equalities substituted, then
 * Fourier-Motzkin elimination with integer tightening, under limits; an answer "no" may mean "not found". It knows variables by
 * number only; the checker turns expressions into linear forms (dsl/affine). */
#pragma once
#include "base/vec.h"
#include <stdbool.h>

typedef struct LinTerm { int var; int64_t coef; } LinTerm;
/* sum of coef * var + c; terms sorted by var, no zero coefficient. */
typedef struct Lin { VEC(LinTerm) terms; int64_t c; } Lin;

Lin lin_const(int64_t c);
Lin lin_var(Arena *a, int var);
/* x + scale * y. On overflow of 62 bits sets *overflow (left alone otherwise). */
Lin lin_add(Arena *a, Lin x, int64_t scale, Lin y, bool *overflow);
bool lin_is_const(Lin x);
bool lin_equal(Lin x, Lin y);

typedef struct Prover Prover;
/* Everything in the prover lives in `a`, scratch of a query included only until the query returns. */
Prover *prover_new(Arena *a);
/* A new integer variable; its number. */
int prover_var(Prover *p);
/* Facts are a stack: prover_mark, add, prover_pop back to the mark. */
int prover_mark(const Prover *p);
void prover_pop(Prover *p, int mark);
void prover_ge0(Prover *p, Lin e);      /* e >= 0 */
void prover_eq0(Prover *p, Lin e);      /* e == 0 */
/* A disjunction: one of the n conjunctions holds, each a list of forms that are all >= 0. Split on demand, under a limit. */
typedef struct LinConj { VEC(Lin) ge0; } LinConj;
void prover_or(Prover *p, const LinConj *cases, int n);

/* True when e >= 0 follows from the facts. */
bool prover_proves(Prover *p, Lin e);
/* True when the facts contradict each other (so everything follows). */
bool prover_refutes(Prover *p);
/* After an answer false: tries to find small integer values of all variables that satisfy the facts and make e < 0. value has room
 * for one value a variable. Returns false when none is found within the limit. */
bool prover_counterexample(Prover *p, Lin e, int64_t *value);
