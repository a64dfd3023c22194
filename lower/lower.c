/* The order of things: facts, then the statements, in stages. */
#include "lower/block.h"
#include "lower/verify.h"

static Kernel *copy_kernel(Arena *a, const Kernel *k) {
    Kernel *c = NEW(a, Kernel);
    *c = *k;
    memset(&c->tensors, 0, sizeof c->tensors);
    memset(&c->stmts, 0, sizeof c->stmts);
    for (int i = 0; i < k->tensors.n; i++) vec_push(a, &c->tensors, k->tensors.at[i]);
    for (int i = 0; i < k->stmts.n; i++) vec_push(a, &c->stmts, k->stmts.at[i]);
    return c;
}

/* What lowering made is right, or the compiler is at fault. */
static void verify(Low *l) {
    VerifyReport r;
    if (tile_verify(l->p, l->m, &r, l->a)) l->p->verified = r.text;
    else l->why = arena_printf(l->a, "internal error: the verifier refuses the Tile program: %s", r.why);
}

static TileProgram *lower_kernel(const Kernel *k, const TileMachine *m, const Schedule *s, Diags *d, Arena *a, bool verified, const char **why) {
    Sched sched = {.s = s, .diags = d};
    Low l = {.a = a, .k = copy_kernel(a, k), .m = m, .p = NEW(a, TileProgram), .sched = &sched};
    sched.k = l.k;
    sched_check_names(&l, true);
    static void (*const rewrites[])(Low *) = {move_divisors, hoist_factors, pad_operands, split_reductions};
    for (int i = m->in_place ? 1 : 0; i < (m->in_place ? 2 : 4); i++) {
        sched.k = copy_kernel(a, l.k);
        rewrites[i](&l);
    }
    sched.k = l.k;
    l.p->kernel = l.k;
    l.p->machine = m;
    l.p->n_indices = l.k->n_indices;
    l.p->left = l.left = NEW_ARRAY(a, const char *, l.k->stmts.n + 1);
    sched_check_names(&l, false);
    for (int i = 0; i < k->facts.n && !l.why; i++) (m->in_place ? block_fact : fact_stage)(&l, &k->facts.at[i]);
    for (int i = 0; i < l.k->stmts.n && !l.why;) i += region_stages(&l, i);
    near_drop(&l);
    if (verified && !l.why && !sched.refused) verify(&l);
    *why = sched.refused ? NULL : l.why;
    return l.why || sched.refused ? NULL : l.p;
}

TileProgram *lower_scheduled(const Kernel *k, const TileMachine *m, const Schedule *s, Diags *d, Arena *a, const char **why) { return lower_kernel(k, m, s, d, a, true, why); }

TileProgram *lower_unverified(const Kernel *k, const TileMachine *m, const Schedule *s, Diags *d, Arena *a, const char **why) { return lower_kernel(k, m, s, d, a, false, why); }

TileProgram *lower(const Kernel *k, const TileMachine *m, Arena *a, const char **why) { return lower_scheduled(k, m, NULL, NULL, a, why); }
