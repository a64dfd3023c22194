/* Which reductions follow others, by which law; and which could not, and why. */
#include "lower/online.h"

static bool is_corrected(const TileNodes *body, const Stmt *s, const Stmt *lead) {
    for (int i = 0; i < body->n; i++)
        if ((body->at[i]->part == TILE_CORRECT && body->at[i]->stmt == s && body->at[i]->lead == lead) || is_corrected(&body->at[i]->body, s, lead)) return true;
    return false;
}

static bool same_range(const Reduce *x, const Reduce *y) {
    return x->idx.n == 1 && y->idx.n == 1 && expr_equal(x->idx.at[0]->lo, y->idx.at[0]->lo) && expr_equal(x->idx.at[0]->hi, y->idx.at[0]->hi);
}

/* The reduction needs a result of another over the same range of the same rows. */
static bool needs(Arena *a, const Kernel *k, const Stmt *s, const Stmt *lead) {
    const Reduce *r = low_reduce(s), *m = low_reduce(lead);
    if (!r || !m || s == lead || r->scan || m->scan || lead->targets.n != 1 || s->idx.n < lead->idx.n || !lead->idx.n || !same_range(r, m)) return false;
    for (int q = 0; q < lead->idx.n; q++)
        if (!expr_equal(s->idx.at[q]->lo, lead->idx.at[q]->lo) || !expr_equal(s->idx.at[q]->hi, lead->idx.at[q]->hi)) return false;
    return online_depends(a, k, s->value, lead->targets.at[0].tensor);
}

static void report_one(const TileProgram *p, Arena *a, const Stmt *s, const Stmt *lead, Out *out) {
    bool together = false;
    for (int i = 0; i < p->stages.n; i++) together |= is_corrected(&p->stages.at[i]->body, s, lead);
    if (!online_can_lead(lead)) {
        out_f(out, "'%s' waits for all of '%s': what that has come to so far says nothing of its end\n", s->targets.at[0].tensor->name, lead->targets.at[0].tensor->name);
        return;
    }
    OnlineEffect fx = online_effect(a, p->kernel, s, lead);
    if (together || fx.kind == ONLINE_UNKNOWN) out_f(out, "%s\n", online_law(a, &fx, s, lead));
    else out_f(out, "'%s' could follow '%s', and does not: whole rows stay in the PE, or are taken one statement at a time\n", s->targets.at[0].tensor->name, lead->targets.at[0].tensor->name);
}

void online_report(const TileProgram *p, Arena *a, Out *out) {
    const Kernel *k = p->kernel;
    for (int i = 0; i < k->stmts.n; i++)
        for (int j = 0; j < k->stmts.n; j++)
            if (needs(a, k, k->stmts.at[i], k->stmts.at[j])) report_one(p, a, k->stmts.at[i], k->stmts.at[j], out);
    for (int i = 0; i < p->charged.n; i++) out_f(out, "a scaling was moved across the rounding of '%s': the error bound is charged with it\n", p->charged.at[i]->name);
}
