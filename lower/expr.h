/* Integer expressions as lowering builds them: constants are folded, neutral terms left out. */
#pragma once
#include "dsl/kernel_build.h"

Expr *lo_int(Arena *a, int64_t v);
Expr *lo_index(Arena *a, Index *i);
Expr *lo_add(Arena *a, Expr *x, Expr *y);
Expr *lo_sub(Arena *a, Expr *x, Expr *y);
Expr *lo_mul(Arena *a, Expr *x, Expr *y);
Expr *lo_div(Arena *a, Expr *x, int64_t c);          /* floor, c > 0 */
Expr *lo_div_by(Arena *a, Expr *x, Expr *y);
Expr *lo_min(Arena *a, Expr *x, Expr *y);
Expr *lo_max(Arena *a, Expr *x, Expr *y);
Expr *lo_le(Arena *a, Expr *x, Expr *y);
/* A literal's value. */
bool lo_is_int(const Expr *e, int64_t *v);
/* What stands under conversions. */
static inline Expr *lo_unconverted(Expr *e) {
    while (e->kind == X_CONVERT) e = e->args.at[0];
    return e;
}

/* A copy of e in which each node that replace(context, node) gives something for is replaced by that; NULL keeps it. Without
 * `replace` a plain copy. Ranges of reductions inside stay as they are. */
typedef Expr *LowReplace(void *context, Expr *e);
Expr *lo_copy(Arena *a, Expr *e, LowReplace *replace, void *context);
/* A copy with index to[i] in place of from[i]. */
Expr *lo_renamed(Arena *a, Expr *e, Index *const *from, Index *const *to, int n);
