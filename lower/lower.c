/* The order of things: facts, then the statements, in stages. */
#include "lower/low.h"

static Kernel *copy_kernel(Arena *a, const Kernel *k) {
    Kernel *c = NEW(a, Kernel);
    *c = *k;
    memset(&c->tensors, 0, sizeof c->tensors);
    memset(&c->stmts, 0, sizeof c->stmts);
    for (int i = 0; i < k->tensors.n; i++) vec_push(a, &c->tensors, k->tensors.at[i]);
    for (int i = 0; i < k->stmts.n; i++) vec_push(a, &c->stmts, k->stmts.at[i]);
    return c;
}

TileProgram *lower(const Kernel *k, const TileMachine *m, Arena *a, const char **why) {
    Low l = {.a = a, .k = copy_kernel(a, k), .m = m, .p = NEW(a, TileProgram)};
    hoist_factors(&l);
    pad_operands(&l);
    split_reductions(&l);
    l.p->kernel = l.k;
    l.p->n_indices = l.k->n_indices;
    for (int i = 0; i < k->facts.n && !l.why; i++) fact_stage(&l, &k->facts.at[i]);
    for (int i = 0, n; i < l.k->stmts.n && !l.why; i += n ? n : 1)
        if (!(n = dot_stage(&l, i)) && !(n = rows_stage(&l, i))) nest_stage(&l, l.k->stmts.at[i]);
    *why = l.why;
    return l.why ? NULL : l.p;
}
