/* Inside of the prover: whether rows have an integer point. */
#pragma once
#include "dsl/prove_row.h"

typedef VEC(Row) Rows;
void rows_push(Pool *p, Rows *rows, Row r);

typedef enum FmAnswer {
    FM_EMPTY,            /* no integer point: certain */
    FM_POINT,            /* an integer point, in `value` */
    FM_GAP,              /* none found: for the values chosen, the variable `gap.var` would lie between gap.at and gap.at + 1 */
    FM_UNKNOWN           /* a limit was reached */
} FmAnswer;
typedef struct FmGap { int var; int64_t at; } FmGap;

/* Fourier-Motzkin on inequalities (no equalities among them; each tightened), with points taken back as near to 0 as they
 * go, from above if possible. value has n_vars places. Uses up *work. */
FmAnswer fm_solve(Pool *p, const Rows *rows, int n_vars, int64_t *value, FmGap *gap, int64_t *work);
