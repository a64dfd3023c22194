/* Online forms: a reduction whose terms use what a lead has come to so far is corrected whenever that changes, by a law that holds. */
#include "lower/online.h"
#include "lower/verify_impl.h"

static const char *name_of_stmt(const Stmt *s) { return s->targets.at[0].tensor->name; }

static const Spot *part_at(const Verify *v, const Stmt *s, TilePart part, int number) {
    for (int i = 0; i < v->places.n; i++) {
        const TileNode *n = v->places.at[i]->n;
        if (n->kind == TILE_COMPUTE && n->stmt == s && n->part == part && number-- == 0) return v->places.at[i];
    }
    return NULL;
}

static bool same_body(const Spot *x, const Spot *y) { return x->depth == y->depth && verify_common(x, y) == x->depth; }

/* A literal's value, its sign before it or in it. */
static bool number(const Expr *e, double *v) {
    if (e->kind == X_OP && e->op == OP_NEG && number(e->args.at[0], v)) return *v = -*v, true;
    *v = e->kind == X_LIT ? e->lit_f : 0;
    return e->kind == X_LIT;
}

static bool same_number(const Expr *x, const Expr *y) {
    double a, b;
    return expr_equal(x, y) || (number(x, &a) && number(y, &b) && a == b);
}

/* The engine's commands correct by the law. */
static bool right_commands(Verify *v, const TileNode *n, const OnlineEffect *fx) {
    if (!n->simd) return true;
    const TileSimd *x = n->simd;
    const TileCommand *f = &x->commands.at[0], *c = &x->commands.at[1];
    bool fine = x->commands.n == 2 && fx->kind == ONLINE_SCALE && engine_op(f->fn) == fx->fn && engine_op(f->bin) == OP_SUB && f->a.kind == TILE_ARG_LEAD && f->a.temp == TILE_SO_FAR && f->b.kind == TILE_ARG_LEAD
        && f->b.temp == TILE_WAS && f->dst.kind == TILE_ARG_LEAD && f->dst.temp == TILE_FACTOR && !f->whole;
    int scale = engine_scale(f->affine);
    for (int i = 0; i < ENGINE_SCALARS; i++) fine = fine && (i == scale || !f->scalar[i]);
    fine = fine && (f->affine && scale >= 0 && f->scalar[scale] ? same_number(f->scalar[scale], fx->coef) : fx->coef->kind == X_LIT && fx->coef->lit_f == 1);
    fine = fine && engine_op(c->bin) == OP_MUL && !c->fn && !c->whole && !c->affine && c->dst.kind == TILE_ARG_STATE && !c->dst.temp && c->a.kind == TILE_ARG_STATE && !c->a.temp && c->b.kind == TILE_ARG_LEAD
        && c->b.temp == TILE_FACTOR && c->b.spread == (n->stmt->idx.n > n->lead->idx.n ? TILE_ONE_COLUMN : TILE_BOX);
    return fine || verify_fault(v, "the correction of %s is not that of its law", name_of_stmt(n->stmt));
}

static bool correction(Verify *v, const Spot *at) {
    const TileNode *n = at->n;
    if (!n->lead) return verify_fault(v, "%s is corrected for nothing", name_of_stmt(n->stmt));
    OnlineEffect fx = online_effect(v->a, v->p->kernel, n->stmt, n->lead);
    const Spot *now = part_at(v, n->lead, TILE_NOW, 0), *final = part_at(v, n->lead, TILE_FINAL, 0);
    if (fx.kind == ONLINE_UNKNOWN || fx.kind == ONLINE_NONE) return verify_fault(v, "%s", online_law(v->a, &fx, n->stmt, n->lead));
    if (!now || !final) return verify_fault(v, "%s is corrected for %s, which nothing follows", name_of_stmt(n->stmt), name_of_stmt(n->lead));
    const Spot *behind = same_body(at, now) ? now : final;
    const Spot *step = part_at(v, n->stmt, TILE_STEP, 0), *end = part_at(v, n->stmt, TILE_FINAL, 0);
    if (!same_body(at, behind) || at->seq < behind->seq) return verify_fault(v, "%s is not corrected when %s changes", name_of_stmt(n->stmt), name_of_stmt(n->lead));
    if (!step || (behind == now ? step->seq < at->seq || verify_common(step, at) < at->depth : step->seq > at->seq) || (end && end->seq < at->seq))
        return verify_fault(v, "%s is corrected at the wrong time", name_of_stmt(n->stmt));
    return right_commands(v, n, &fx);
}

/* How often the statement is corrected for the lead: inside the loop, behind it. */
static bool is_corrected(const Verify *v, const Stmt *s, const Stmt *lead, bool behind) {
    const Spot *now = part_at(v, lead, TILE_NOW, 0);
    for (int i = 0; i < 2; i++) {
        const Spot *c = part_at(v, s, TILE_CORRECT, i);
        if (c && c->n->lead == lead && same_body(c, now) != behind) return true;
    }
    return false;
}

/* The terms of a step depend on nothing that is not final, but a lead for whose changes the states are corrected. */
static bool terms(Verify *v, const Spot *step) {
    const Stmt *s = step->n->stmt;
    const Kernel *k = v->p->kernel;
    for (int i = 0; i < v->places.n; i++) {
        const TileNode *n = v->places.at[i]->n;
        if (n->kind != TILE_COMPUTE || n->part != TILE_NOW || n->stmt == s) continue;
        if (!online_depends(v->a, k, s->value, n->stmt->targets.at[0].tensor)) continue;
        OnlineEffect fx = online_effect(v->a, k, s, n->stmt);
        if (fx.kind == ONLINE_UNKNOWN) return verify_fault(v, "%s", online_law(v->a, &fx, s, n->stmt));
        bool charged = !fx.rounded;
        for (int j = 0; j < v->p->charged.n; j++) charged |= v->p->charged.at[j] == fx.rounded;
        if (!charged) return verify_fault(v, "a scaling is moved across the rounding of %s, which the bound is not charged with", fx.rounded->name);
        if (verify_common(step, v->places.at[i]) < v->places.at[i]->depth) return verify_fault(v, "%s is summed elsewhere than '%s' is followed", name_of_stmt(s), name_of_stmt(n->stmt));
        if (!is_corrected(v, s, n->stmt, false) || (fx.kind == ONLINE_SCALE && !is_corrected(v, s, n->stmt, true)))
            return verify_fault(v, "%s is not corrected when %s changes", name_of_stmt(s), name_of_stmt(n->stmt));
    }
    return true;
}

/* A lead has its own states, f32, of its points; they are brought up to date behind its steps. */
static bool lead(Verify *v, const Spot *now) {
    const Stmt *s = now->n->stmt;
    const Spot *step = part_at(v, s, TILE_STEP, 0), *final = part_at(v, s, TILE_FINAL, 0), *init = part_at(v, s, TILE_INIT, 0);
    if (!online_can_lead(s)) return verify_fault(v, "nothing can follow %s", name_of_stmt(s));
    if (!step || !final || !init || !same_body(step, now) || step->seq > now->seq) return verify_fault(v, "what %s has come to is not known where it is used", name_of_stmt(s));
    for (int number = TILE_WAS; number <= TILE_FACTOR; number++) {
        int found = 0;
        for (int i = 0; i < v->s->bufs.n; i++) {
            const TileBuf *b = v->s->bufs.at[i];
            if (b->state_of != s || b->state != number) continue;
            bool fine = b->type == DT_F32 && b->rank == s->idx.n && b->depth == 1 && !b->copied_in && !b->copied_out;
            for (int d = 0; fine && d < b->rank; d++) {
                TileBlock x = verify_block(v, init, verify_axis(v, s->idx.at[d]));
                fine = expr_equal(x.lo, b->lo[d]) && expr_equal(x.hi, b->hi[d]);
            }
            if (!fine) return verify_fault(v, "the tile of state %d of %s has another type or shape", number, name_of_stmt(s));
            found++;
        }
        if (found != 1) return verify_fault(v, "there are %d tiles for state %d of %s", found, number, name_of_stmt(s));
    }
    return true;
}

/* What the panels' sums join is the states of the same statement, behind its steps. */
static bool joint(Verify *v, const Spot *at) {
    const Spot *step = part_at(v, at->n->stmt, TILE_STEP, 0), *init = part_at(v, at->n->stmt, TILE_INIT, 0);
    if (!step || !init || !step->n->dot || step->n->dot != at->n->dot || at->seq < step->seq || verify_common(at, step) != at->depth || init->depth >= at->depth || !at->n->simd)
        return verify_fault(v, "the sums of %s do not join its states behind its steps", name_of_stmt(at->n->stmt));
    for (int i = at->depth; i < step->depth; i++)
        for (int l = 0; l < step->loop[i]->levels.n; l++)
            if (step->loop[i]->levels.at[l].axis == at->n->dot->m || step->loop[i]->levels.at[l].axis == at->n->dot->n) return verify_fault(v, "the sums of %s join its states too late", name_of_stmt(at->n->stmt));
    return true;
}

bool verify_online(Verify *v) {
    for (int i = 0; i < v->places.n; i++) {
        const Spot *at = v->places.at[i];
        if (at->n->kind != TILE_COMPUTE) continue;
        if (at->n->part == TILE_NOW && !lead(v, at)) return false;
        if (at->n->part == TILE_CORRECT && !correction(v, at)) return false;
        if (at->n->part == TILE_JOIN && !joint(v, at)) return false;
        if (at->n->part == TILE_STEP && !terms(v, at)) return false;
    }
    return true;
}
