/* The stages of a run of statements under each variant of the schedule that speaks of them, and their guards: of the cases, in order,
 * the first whose guard holds runs, so a stage's guard is its case's and that no earlier one held. */
#include "lower/block.h"
#include <limits.h>

typedef VEC(TileStage *) Stages;
typedef struct Case { Expr *guard; Stages stages; } Case;
typedef VEC(Case) Cases;

static Expr *both(Low *l, Expr *x, Expr *y) { return !x ? y : !y ? x : x_op(l->a, OP_AND, x, y, NULL, y->span); }

/* Not e. */
static Expr *contrary(Low *l, Expr *e) {
    static const struct { Op op, contrary; } table[] = {{OP_LT, OP_GE}, {OP_GE, OP_LT}, {OP_LE, OP_GT}, {OP_GT, OP_LE}, {OP_EQ, OP_NE}, {OP_NE, OP_EQ}};
    for (size_t i = 0; e->kind == X_OP && i < sizeof table / sizeof *table; i++)
        if (e->op == table[i].op) return x_op(l->a, table[i].contrary, e->args.at[0], e->args.at[1], NULL, e->span);
    return x_op(l->a, OP_NOT, e, NULL, NULL, e->span);
}

/* One group, as one or several cases. */
static int group_stages(Low *l, int first) {
    int from = l->p->stages.n, n;
    l->sched->cases.n = 0;
    l->sched->fallback = INT_MAX;
    if (near_is_copy(l, l->k->stmts.at[first])) {
        sched_case(l, NULL);
        return 1;
    }
    if (l->m->in_place) n = block_stages(l, first);
    else if (!(n = online_stage(l, first)) && !(n = dot_stage(l, first)) && !(n = rows_stage(l, first))) {
        n = 1;
        sched_case(l, NULL);
        nest_stage(l, l->k->stmts.at[first]);
    }
    if (!l->why) sched_check(l, (Group){first, n}, from);
    return n;
}

static TileStage *copy(Low *l, const TileStage *s) {
    TileStage *c = NEW(l->a, TileStage);
    *c = *s;
    return c;
}

/* Every case of those so far with every case of the group that comes after them, which leaves the program. */
static void join(Low *l, Cases *to, int from) {
    Cases before = *to;
    memset(to, 0, sizeof *to);
    for (int i = 0; i < before.n; i++)
        for (int j = 0; j < l->sched->cases.n; j++) {
            int end = j + 1 < l->sched->cases.n ? l->sched->cases.at[j + 1].from : l->p->stages.n;
            Case c = {.guard = both(l, before.at[i].guard, l->sched->cases.at[j].guard)};
            for (int s = 0; s < before.at[i].stages.n; s++) vec_push(l->a, &c.stages, j ? copy(l, before.at[i].stages.at[s]) : before.at[i].stages.at[s]);
            for (int s = l->sched->cases.at[j].from; s < end; s++) vec_push(l->a, &c.stages, i ? copy(l, l->p->stages.at[s]) : l->p->stages.at[s]);
            vec_push(l->a, to, c);
        }
    l->p->stages.n = from;
}

/* Statements from `first` at least to `end` under a variant; returns the place behind them. */
static int variant(Low *l, int block, int first, int end, Cases *to) {
    Cases mine = {0};
    l->sched->block = block;
    vec_push(l->a, &mine, ((Case){.guard = (Expr *)sched_guard(l)}));
    int at = first, from = l->p->stages.n;
    while (at < end && !l->why) {
        at += group_stages(l, at);
        if (!l->why) join(l, &mine, from);
    }
    for (int i = 0; i < mine.n; i++) vec_push(l->a, to, mine.at[i]);
    l->sched->block = 0;
    return at;
}

/* All variants, each up to the same statement; false when one went beyond: *end is its end then. */
static bool variants(Low *l, int first, int *end, Cases *to) {
    int blocks = l->sched->s ? l->sched->s->guards.n : 0;
    for (int b = 1; b <= blocks + 1; b++) {
        int block = b <= blocks ? b : 0;
        if (block && !sched_speaks(l, block, (Group){first, *end - first})) continue;
        int reached = variant(l, block, first, *end, to);
        if (l->why) return true;
        if (reached > *end) {
            *end = reached;
            if (to->n > 1 || blocks) return false;
        }
    }
    return true;
}

static void guard_cases(Low *l, const Cases *cases) {
    Expr *none_before = NULL;
    for (int i = 0; i < cases->n; i++) {
        const Case *c = &cases->at[i];
        Expr *when = both(l, none_before, c->guard);
        for (int s = 0; s < c->stages.n; s++) {
            c->stages.at[s]->when = when;
            vec_push(l->a, &l->p->stages, c->stages.at[s]);
        }
        if (c->guard) none_before = both(l, none_before, contrary(l, c->guard));
    }
}

int region_stages(Low *l, int first) {
    int end = first + 1;
    Cases cases = {0};
    while (!variants(l, first, &end, &cases)) cases.n = 0;
    if (!l->why) guard_cases(l, &cases);
    return end - first;
}
