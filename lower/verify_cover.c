/* Coverage: each point of each statement's domain is computed exactly once, by one PE. A chain of levels cuts the range of an axis
 * into blocks that are disjoint and fill it, since each step is at least 1; so a computation is right when each loop around it cuts an
 * axis that one of its indices runs along, and the axis' range holds the index' range. */
#include "lower/verify_impl.h"

/* --- loops ---------------------------------------------------------------------------------------------------------------------------- */

static bool has_axis(const Verify *v, const TileAxis *axis) {
    for (int i = 0; i < v->s->axes.n; i++)
        if (v->s->axes.at[i] == axis) return true;
    return false;
}

static int met(const TileNodes *body, const Index *i) {
    int n = 0;
    for (int k = 0; k < body->n; k++) {
        for (int l = 0; l < body->at[k]->levels.n; l++) {
            const TileLevel *x = &body->at[k]->levels.at[l];
            n += (x->var == i) + (x->end == i) + (x->step_var == i);
        }
        n += met(&body->at[k]->body, i);
    }
    return n;
}

static bool one_level(Verify *v, const Spot *at, int number) {
    const TileLevel *l = &at->n->levels.at[number];
    if (!has_axis(v, l->axis)) return verify_fault(v, "the loop %s cuts an axis of another stage", l->var->name);
    if (met(&v->s->body, l->var) != 1 || met(&v->s->body, l->end) != 1 || (l->step_var && met(&v->s->body, l->step_var) != 1))
        return verify_fault(v, "the variable %s belongs to two loops", l->var->name);
    for (int i = 0; i < number; i++)
        if (at->n->levels.at[i].axis == l->axis) return verify_fault(v, "the loop %s cuts the axis %s twice", l->var->name, l->axis->name);
    Bounds step = verify_bounds(v, l->step);
    int64_t literal;
    if (!l->step_var && !lo_is_int(l->step, &literal)) return verify_fault(v, "the step of %s has no name", l->var->name);
    if (!step.has_lo || step.lo < 1) return verify_fault(v, "the step of %s may be below 1", l->var->name);
    if (l->most && (!step.has_hi || step.hi > l->most)) return verify_fault(v, "the step of %s may exceed %lld", l->var->name, (long long)l->most);
    if (!affine_dims_only(l->step)) return verify_fault(v, "the step of %s is not over dims", l->var->name);
    if (!verify_in_scope(v, at, at->depth, l->axis->lo) || !verify_in_scope(v, at, at->depth, l->axis->hi))
        return verify_fault(v, "the range of axis %s is not known where the loop %s stands", l->axis->name, l->var->name);
    return true;
}

static bool one_loop(Verify *v, const Spot *at) {
    int dealt[4] = {0};
    for (int i = 0; i < at->depth; i++) dealt[at->loop[i]->over]++;
    dealt[at->n->over]++;
    if (dealt[TILE_PE] > 1 || dealt[TILE_ROW] > 1 || dealt[TILE_COL] > 1 || (dealt[TILE_PE] && dealt[TILE_ROW] + dealt[TILE_COL]))
        return verify_fault(v, "loops are dealt to PEs twice");
    if (at->n->down && at->n->levels.n != 1) return verify_fault(v, "a loop that runs down cuts one axis");
    if (!at->n->levels.n && at->n->over != TILE_PE) return verify_fault(v, "a loop cuts no axis");
    for (int l = 0; l < at->n->levels.n; l++)
        if (!one_level(v, at, l)) return false;
    return true;
}

bool verify_loops(Verify *v) {
    for (int i = 0; i < v->places.n; i++)
        if (v->places.at[i]->n->kind == TILE_FOR && !one_loop(v, v->places.at[i])) return false;
    return true;
}

/* --- the domain of a computation -------------------------------------------------------------------------------------------------------- */

/* Indices that a computation runs: of the statement, and of its reduction's steps. */
typedef VEC(Index *) Indices;

static Indices indices_of(Verify *v, const TileNode *n) {
    Work w = verify_work(n);
    Indices x = {0};
    bool scan = w.r && w.r->scan;
    for (int i = 0; i < w.n; i++)
        if (!scan || w.idx[i] != w.r->along || n->part != TILE_INIT) vec_push(v->a, &x, w.idx[i]);
    bool inner = n->part == TILE_WHOLE || n->part == TILE_STEP || n->part >= TILE_NOW;
    for (int i = 0; w.r && !scan && inner && i < w.r->idx.n; i++) vec_push(v->a, &x, w.r->idx.at[i]);
    return x;
}

static const char *of(Verify *v, const TileNode *n) {
    return n->fact ? arena_printf(v->a, "fact %d", n->fact->number) : arena_printf(v->a, "statement %d (%s)", n->stmt->id, n->stmt->targets.at[0].tensor->name);
}

static bool cuts(const TileNode *loop, const TileAxis *axis) {
    for (int l = 0; l < loop->levels.n; l++)
        if (loop->levels.at[l].axis == axis) return true;
    return false;
}

/* The axis' range holds the index' range at every point. */
static bool holds_range(Verify *v, const Spot *at, const Indices *all, Index *i, const TileAxis *axis) {
    Expr *lo = verify_pinned(v, at, i->lo), *hi = verify_pinned(v, at, i->hi);
    if (expr_equal(lo, axis->lo) && expr_equal(hi, axis->hi)) return v->report->structural++, true;
    if (affine_dims_only(lo) && affine_dims_only(hi) && affine_dims_only(axis->lo) && affine_dims_only(axis->hi)) {
        bool same = verify_equal(v, NULL, axis->lo, lo) && verify_equal(v, NULL, axis->hi, hi);
        return same || verify_fault(v, "the axis %s is not the range of %s", axis->name, i->name);
    }
    Spot outside = *at;          /* what is known may not come from the range itself */
    Indices before = {0};
    for (outside.depth = 0; outside.depth < at->depth && !cuts(at->loop[outside.depth], axis);) outside.depth++;
    for (int k = 0; k < all->n && all->at[k] != i; k++) vec_push(v->a, &before, all->at[k]);
    const Ctx *ctx = verify_context(v, &outside, before.at, before.n, NULL);
    if (verify_le(v, ctx, axis->lo, lo) && verify_le(v, ctx, hi, axis->hi)) return true;
    return verify_doubt(v, "that the axis %s holds all of %s", axis->name, i->name);
}

static bool is_along(const Verify *v, const Indices *all, const TileAxis *axis) {
    for (int i = 0; i < all->n; i++)
        if (verify_axis(v, all->at[i]) == axis) return true;
    return false;
}

static bool is_reduced(const TileNode *n, const Index *i) {
    const Reduce *r = verify_work(n).r;
    for (int j = 0; r && j < r->idx.n; j++)
        if (r->idx.at[j] == i) return true;
    return false;
}

static bool domain(Verify *v, const Spot *at) {
    Indices all = indices_of(v, at->n);
    int dealt[4] = {0};
    for (int i = 0; i < at->depth; i++) {
        dealt[at->loop[i]->over]++;
        for (int l = 0; l < at->loop[i]->levels.n; l++) {
            const TileLevel *level = &at->loop[i]->levels.at[l];
            if (!is_along(v, &all, level->axis)) return verify_fault(v, "%s is computed again for each block of %s", of(v, at->n), level->var->name);
        }
    }
    if (!dealt[TILE_PE] && !(dealt[TILE_ROW] && dealt[TILE_COL])) return verify_fault(v, "%s is computed by several PEs", of(v, at->n));
    for (int i = 0; i < all.n; i++) {
        const TileAxis *axis = verify_axis(v, all.at[i]);
        bool whole = v->m->in_place && !axis && at->n->part == TILE_WHOLE && is_reduced(at->n, all.at[i]);
        if (whole) continue;        /* it runs its own range */
        if (!axis || !has_axis(v, axis)) return verify_fault(v, "no axis is along index %s of %s", all.at[i]->name, of(v, at->n));
        for (int j = 0; j < i; j++)
            if (verify_axis(v, all.at[j]) == axis) return verify_fault(v, "two indices of %s run along the axis %s", of(v, at->n), axis->name);
        if (!verify_in_scope(v, at, at->depth, axis->lo) || !verify_in_scope(v, at, at->depth, axis->hi))
            return verify_fault(v, "the range of axis %s is not known where %s is computed", axis->name, of(v, at->n));
        if (!holds_range(v, at, &all, all.at[i], axis)) return false;
    }
    return true;
}

/* --- parts ------------------------------------------------------------------------------------------------------------------------------ */

static Spot *part_of(Verify *v, const TileNode *like, TilePart part, int *n) {
    Spot *found = NULL;
    for (int i = 0; i < v->places.n; i++) {
        TileNode *x = v->places.at[i]->n;
        if (x->kind != TILE_COMPUTE || x->stmt != like->stmt || x->fact != like->fact || x->part != part) continue;
        found = v->places.at[i];
        ++*n;
    }
    return found;
}

static bool encloses(const Spot *outer, const Spot *inner) { return outer->depth <= inner->depth && verify_common(outer, inner) == outer->depth; }

/* Between the begin of the states and the steps stand sequential loops over axes of the reduction alone, in the order it is defined in. */
static bool inner_loops(Verify *v, const Spot *init, const Spot *step, const Reduce *r) {
    for (int i = init->depth; i < step->depth; i++) {
        const TileNode *loop = step->loop[i];
        if (loop->over != TILE_SEQ) return verify_fault(v, "steps of %s are dealt to PEs that do not share its states", of(v, step->n));
        bool down = r->scan == SCAN_GT || r->scan == SCAN_GE;
        if (loop->down != down) return verify_fault(v, "the steps of %s run the wrong way", of(v, step->n));
        for (int l = 0; l < loop->levels.n; l++) {
            bool along = r->scan && loop->levels.at[l].axis == verify_axis(v, r->along);
            for (int j = 0; !r->scan && j < r->idx.n; j++) along |= loop->levels.at[l].axis == verify_axis(v, r->idx.at[j]);
            for (int j = 0; !r->scan && j < step->n->stmt->idx.n; j++) along |= loop->levels.at[l].axis == verify_axis(v, step->n->stmt->idx.at[j]);
            if (!along) return verify_fault(v, "the states of %s begin outside the loop %s", of(v, step->n), loop->levels.at[l].var->name);
        }
    }
    return true;
}

static bool ordered_indices(Verify *v, const Spot *step, const Reduce *r) {
    int before = -1;
    int64_t one;
    bool ordered = !r->scan && r->comb->kind == CK_USER && r->comb->ordered;
    for (int j = 1; ordered && j < r->idx.n; j++)
        for (int k = 0; k < j && verify_level(step, verify_axis(v, r->idx.at[j])); k++) {
            const TileLevel *outer = verify_level(step, verify_axis(v, r->idx.at[k]));
            if (!outer || !lo_is_int(outer->step, &one) || one != 1) return verify_fault(v, "the reduction of %s is ordered, and blocks of %s stand in blocks of %s", of(v, step->n), r->idx.at[j]->name, r->idx.at[k]->name);
        }
    for (int j = 0; !r->scan && r->comb->kind == CK_USER && r->comb->ordered && j < r->idx.n; j++)
        for (int i = 0; i < step->depth; i++)
            for (int l = 0; l < step->loop[i]->levels.n; l++)
                if (step->loop[i]->levels.at[l].axis == verify_axis(v, r->idx.at[j])) {
                    if (i < before) return verify_fault(v, "the reduction of %s is ordered, and its loops are not", of(v, step->n));
                    before = i;
                }
    return true;
}

static bool reduction(Verify *v, const TileNode *like, const Spot *init, const Spot *step, const Spot *final) {
    const Reduce *r = verify_work(like).r;
    if (!r || (final == NULL) != (r->scan != SCAN_NONE || verify_gives(v, step->n))) return verify_fault(v, "%s has parts that it cannot have", of(v, like));
    if (!encloses(init, step) || init->seq > step->seq) return verify_fault(v, "the states of %s do not begin before its steps", of(v, like));
    if (final && (final->seq < step->seq || final->depth != init->depth || !encloses(final, step) || verify_common(init, final) != init->depth))
        return verify_fault(v, "the results of %s are not taken behind its steps", of(v, like));
    bool joins = false;       /* the panels' sums join states in local memory: see verify_online */
    for (int i = 0; i < v->places.n; i++) joins |= v->places.at[i]->n->kind == TILE_COMPUTE && v->places.at[i]->n->part == TILE_JOIN && v->places.at[i]->n->stmt == step->n->stmt;
    if (joins ? init->n->dot || (final && final->n->dot) : init->n->dot != step->n->dot || (final && final->n->dot != step->n->dot)) return verify_fault(v, "parts of %s use different engines", of(v, like));
    for (int i = 0; i < init->depth; i++)       /* nothing of the reduction is cut outside */
        for (int l = 0; l < init->loop[i]->levels.n; l++)
            for (int j = 0; !r->scan && j < r->idx.n; j++)
                if (init->loop[i]->levels.at[l].axis == verify_axis(v, r->idx.at[j])) return verify_fault(v, "the states of %s begin inside the loop %s of its reduction", of(v, like), init->loop[i]->levels.at[l].var->name);
    return inner_loops(v, init, step, r) && ordered_indices(v, step, r) && domain(v, init) && domain(v, step) && (!final || domain(v, final));
}

static bool whole_reduction(Verify *v, const Spot *at) {
    const Reduce *r = verify_work(at->n).r;
    for (int j = 0; r && !r->scan && j < r->idx.n; j++)
        if (verify_axis(v, r->idx.at[j]) && verify_level(at, verify_axis(v, r->idx.at[j]))) return verify_fault(v, "%s is computed from a part of its reduction", of(v, at->n));
    if (r && r->scan && verify_level(at, verify_axis(v, r->along))) return verify_fault(v, "%s is computed from a part of its scan", of(v, at->n));
    return domain(v, at);
}

/* What belongs to an online form runs along the statement's indices; around it stands the loop of the range too. */
static bool online_domains(Verify *v, const TileNode *like) {
    for (int i = 0; i < v->places.n; i++) {
        const TileNode *n = v->places.at[i]->n;
        if (n->kind == TILE_COMPUTE && n->stmt == like->stmt && n->part >= TILE_NOW && !domain(v, v->places.at[i])) return false;
    }
    return true;
}

static bool parts(Verify *v, const TileNode *n) {
    int count[TILE_JOIN + 1] = {0};
    Spot *at[TILE_JOIN + 1];
    for (int part = 0; part <= TILE_JOIN; part++) at[part] = part_of(v, n, (TilePart)part, &count[part]);
    for (int part = 0; part <= TILE_JOIN; part++)
        if (count[part] > 1 + (part == TILE_CORRECT)) return verify_fault(v, "%s is computed %d times", of(v, n), count[part]);
    int all = 0;
    for (int part = 0; part <= TILE_TEST; part++) all += count[part];
    for (int part = TILE_NOW; part <= TILE_JOIN; part++)
        if (count[part] && (!count[TILE_STEP] || !count[TILE_INIT])) return verify_fault(v, "%s lacks a part", of(v, n));
    if (!online_domains(v, n)) return false;
    if (all == 1 && count[TILE_WHOLE] && n->stmt) return whole_reduction(v, at[TILE_WHOLE]);
    if (all == 1 && count[TILE_TEST] && n->fact) return domain(v, at[TILE_TEST]);
    if (all == 2 && count[TILE_INIT] && count[TILE_SCAN]) return reduction(v, n, at[TILE_INIT], at[TILE_SCAN], NULL);
    if (all == 2 && count[TILE_INIT] && count[TILE_STEP]) return reduction(v, n, at[TILE_INIT], at[TILE_STEP], NULL);
    if (all == 3 && count[TILE_INIT] && count[TILE_STEP] && count[TILE_FINAL]) return reduction(v, n, at[TILE_INIT], at[TILE_STEP], at[TILE_FINAL]);
    return verify_fault(v, "%s lacks a part", of(v, n));
}

bool verify_cover(Verify *v) {
    TileWork work = {0};
    tile_work(v->a, &v->s->body, &work);
    for (int i = 0; i < work.n; i++)
        if (!parts(v, work.at[i])) return false;
    return true;
}
