/* The verifier judged by faults planted mechanically: each operator at each site of the Tile programs. At least 90 % are caught; what
 * survives is counted by operator, with the reason. */
#include "dsl/kernel_build.h"
#include "lower/expr.h"
#include "lower/verify.h"
#include "test/tile_each.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Operators; `right`: why a mutant that survives may be right all the same, or NULL. */
#define OPERATORS(X) \
    X(DROP_LOOP, "loop left out", "a loop of one round: the axis has at most one block of that step") \
    X(DROP_LEVEL, "level left out", NULL) \
    X(DROP_LOAD, "load left out", NULL) \
    X(DROP_STORE, "store left out", NULL) \
    X(DROP_COMPUTE, "computation left out", NULL) \
    X(DOUBLE_NODE, "node twice", NULL) \
    X(SWAP, "neighbours swapped", "independent of one another: copies of different tiles") \
    X(OVER, "loop dealt otherwise", "the two directions of the grid swapped, with nothing shared") \
    X(LOCKSTEP, "lockstep removed", "nothing is shared inside") \
    X(DOWN, "loop runs the other way", "blocks of a dealt or independent loop come in any order") \
    X(SHARE, "other sharing", "each PE copies for itself: slower; or the operand is the same along the other direction too") \
    X(STEP_ZERO, "step 0", NULL) \
    X(STEP_MORE, "step one more", "blocks of another size, for which the tiles have room") \
    X(LEVEL_AXIS, "level cuts another axis", "the index left without a loop runs whole, where no tile depends on its block") \
    X(AXIS_LO, "axis begins one later", "an axis that no index runs along") \
    X(AXIS_HI, "axis ends one earlier", "an axis that no index runs along") \
    X(AXIS_MORE, "axis ends one later", "a round more without points") \
    X(BOX_LO, "box begins one later", "a tile that no computation reads; a state's place along its scan") \
    X(BOX_HI, "box ends one earlier", "a tile that no computation reads; a state's place along its scan") \
    X(BOX_MORE, "box ends one later", "one more is loaded, and there is room") \
    X(ROOM, "room one less", "the room is more than the box ever takes") \
    X(MOST, "bound of the room one less", NULL) \
    X(SLOTS_NONE, "no slots", NULL) \
    X(SLOTS_ONE, "one slot", "slower: nothing arrives meanwhile") \
    X(SLOTS_MORE, "slots by the hundred", "a tile of a few bytes: it fits") \
    X(TYPE, "other type", NULL) \
    X(CORE, "other core", NULL) \
    X(FROM, "loaded from another tensor", NULL) \
    X(READS, "serves another read", "a tile that no computation reads") \
    X(AXES, "indices of a statement swap axes", "both run over the same blocks of the same range") \
    X(PANEL, "m and n of a panel swapped", NULL) \
    X(PART, "another part", NULL) \
    X(STAGE_NONE, "stage left out", NULL) \
    X(STAGE_TWICE, "stage twice", NULL) \
    X(STAGE_SWAP, "stages swapped", "neither reads what the other stores") \
    X(GUARD_NONE, "guard left out", NULL) \
    X(GUARD_NOT, "guard negated", NULL) \
    X(GUARD_STRICT, "guard strict", NULL)
enum {
#define X(id, text, right) M_##id,
    OPERATORS(X)
#undef X
    M_COUNT
};
static const struct { const char *text, *right; } operators[] = {
#define X(id, text, right) {text, right},
    OPERATORS(X)
#undef X
};

typedef struct Mutant { Arena *a; TileProgram *p; int wanted, n, operator; bool made; const char *at; } Mutant;

/* Is this the site that is wanted? */
static bool here(Mutant *m, int operator) {
    if (m->n++ != m->wanted) return false;
    m->operator = operator;
    return m->made = true;
}

static Expr *plus(Mutant *m, Expr *e, int64_t c) { return lo_add(m->a, e, lo_int(m->a, c)); }

static void remove_at(TileNodes *body, int i) {
    for (; i + 1 < body->n; i++) body->at[i] = body->at[i + 1];
    body->n--;
}

/* A loop's body in its place. */
static void splice(Mutant *m, TileNodes *body, int i) {
    TileNodes all = {0};
    for (int k = 0; k < body->n; k++) {
        if (k != i) vec_push(m->a, &all, body->at[k]);
        for (int q = 0; k == i && q < body->at[k]->body.n; q++) vec_push(m->a, &all, body->at[k]->body.at[q]);
    }
    *body = all;
}

static void twice(Mutant *m, TileNodes *body, int i) {
    TileNodes all = {0};
    for (int k = 0; k < body->n; k++)
        for (int q = 0; q < 1 + (k == i); q++) vec_push(m->a, &all, body->at[k]);
    *body = all;
}

static void mutate_level(Mutant *m, const TileStage *s, TileNode *n, int i) {
    TileLevel *l = &n->levels.at[i];
    if (here(m, M_STEP_ZERO)) l->step = lo_int(m->a, 0);
    if (here(m, M_STEP_MORE)) l->step = plus(m, l->step, 1);
    for (int x = 0; x < s->axes.n && x < 3; x++)
        if (s->axes.at[x] != l->axis && here(m, M_LEVEL_AXIS)) l->axis = s->axes.at[x];
    if (n->levels.n > 1 && here(m, M_DROP_LEVEL)) {
        for (int k = i; k + 1 < n->levels.n; k++) n->levels.at[k] = n->levels.at[k + 1];
        n->levels.n--;
    }
}

static void mutate_loop(Mutant *m, const TileStage *s, TileNode *n) {
    for (int over = TILE_SEQ; over <= TILE_COL; over++)
        if ((int)n->over != over && here(m, M_OVER)) n->over = (TileOver)over;
    if (n->lockstep && here(m, M_LOCKSTEP)) n->lockstep = false;
    if (n->levels.n == 1 && here(m, M_DOWN)) n->down = !n->down;
    for (int i = 0; i < n->levels.n; i++) mutate_level(m, s, n, i);
}

static void mutate_body(Mutant *m, const TileStage *s, TileNodes *body) {
    static const int drops[] = {M_DROP_LOOP, M_DROP_LOAD, M_DROP_STORE, M_DROP_COMPUTE};
    for (int i = 0; i < body->n && !m->made; i++) {
        TileNode *n = body->at[i];
        if (here(m, drops[n->kind])) {
            if (n->kind == TILE_FOR) splice(m, body, i);
            else remove_at(body, i);
            return;
        }
        if (here(m, M_DOUBLE_NODE)) twice(m, body, i);
        if (i + 1 < body->n && here(m, M_SWAP)) {
            body->at[i] = body->at[i + 1];
            body->at[i + 1] = n;
        }
        if (n->kind == TILE_FOR) mutate_loop(m, s, n);
        for (int share = 0; n->kind == TILE_LOAD && share < 3; share++)
            if ((int)n->share != share && here(m, M_SHARE)) n->share = (TileShare)share;
        for (int part = 0; n->kind == TILE_COMPUTE && part <= TILE_TEST; part++)
            if ((int)n->part != part && here(m, M_PART)) n->part = (TilePart)part;
        if (!m->made) mutate_body(m, s, &n->body);
    }
}

static void mutate_tile(Mutant *m, const TileStage *s, TileBuf *b) {
    m->at = m->made ? m->at : arena_printf(m->a, "%s %%%d %s", s->name, b->id, b->name);
    for (int d = 0; d < b->rank; d++) {
        if (here(m, M_BOX_LO)) b->lo[d] = plus(m, b->lo[d], 1);
        if (here(m, M_BOX_HI)) b->hi[d] = plus(m, b->hi[d], -1);
        if (here(m, M_BOX_MORE)) b->hi[d] = plus(m, b->hi[d], 1);
        if (here(m, M_ROOM)) b->room[d] = plus(m, b->room[d], -1);
        if (b->most[d] > 1 && here(m, M_MOST)) b->most[d]--;
    }
    if (here(m, M_SLOTS_NONE)) b->depth = 0;
    if (b->depth > 1 && here(m, M_SLOTS_ONE)) b->depth = 1;
    if (here(m, M_SLOTS_MORE)) b->depth = 500;
    if (here(m, M_TYPE)) b->type = b->type == DT_F32 ? DT_I32 : DT_F32;
    if (b->reads.n && !s->one_core && here(m, M_CORE)) b->core = !b->core;      /* one core knows all tiles */
    for (int i = 0; i < s->bufs.n && b->copied_in; i++)
        if (s->bufs.at[i]->tensor && s->bufs.at[i]->tensor != b->tensor && here(m, M_FROM)) b->from = s->bufs.at[i]->tensor;
    for (int i = 0; i < s->bufs.n && b->reads.n; i++)
        if (s->bufs.at[i] != b && s->bufs.at[i]->reads.n && !expr_equal(s->bufs.at[i]->reads.at[0], b->reads.at[0]) && here(m, M_READS)) {
            memset(&b->reads, 0, sizeof b->reads);
            vec_push(m->a, &b->reads, s->bufs.at[i]->reads.at[0]);
        }
}

static void mutate_axes(Mutant *m, TileStage *s, const Kernel *k) {
    for (int i = 0; i < s->axes.n; i++) {
        m->at = m->made ? m->at : arena_printf(m->a, "%s axis %s", s->name, s->axes.at[i]->name);
        if (here(m, M_AXIS_LO)) s->axes.at[i]->lo = plus(m, s->axes.at[i]->lo, 1);
        if (here(m, M_AXIS_HI)) s->axes.at[i]->hi = plus(m, s->axes.at[i]->hi, -1);
        if (here(m, M_AXIS_MORE)) s->axes.at[i]->hi = plus(m, s->axes.at[i]->hi, 1);
    }
    for (int i = 0; i < k->stmts.n; i++)
        for (int d = 1; d < k->stmts.at[i]->idx.n; d++) {
            TileAxis **x = &s->axis_of[k->stmts.at[i]->idx.at[d - 1]->id], **y = &s->axis_of[k->stmts.at[i]->idx.at[d]->id], *was = *x;
            if (*x && *y && here(m, M_AXES)) *x = *y, *y = was;
        }
}

static void mutate_panel(Mutant *m, TileNodes *body) {
    for (int i = 0; i < body->n && !m->made; i++) {
        if (body->at[i]->part == TILE_STEP && body->at[i]->dot && here(m, M_PANEL)) {
            TileDot *d = (TileDot *)body->at[i]->dot;
            TileAxis *was = d->m;
            d->m = d->n;
            d->n = was;
        }
        mutate_panel(m, &body->at[i]->body);
    }
}

/* The guard compares two numbers, and does not hold: whatever the stage is, it does not matter. */
static bool never_runs(const TileStage *s) {
    int64_t x, y;
    if (!s->when || s->when->kind != X_OP || s->when->args.n != 2 || !lo_is_int(s->when->args.at[0], &x) || !lo_is_int(s->when->args.at[1], &y)) return false;
    return s->when->op == OP_LE ? x > y : s->when->op == OP_GT && x <= y;
}

static void mutate_stage(Mutant *m, int i) {
    TileProgram *p = m->p;
    TileStage *s = p->stages.at[i];
    if (never_runs(s)) return;
    mutate_axes(m, s, p->kernel);
    mutate_panel(m, &s->body);
    for (int b = 0; b < s->bufs.n; b++) mutate_tile(m, s, s->bufs.at[b]);
    if (s->when && here(m, M_GUARD_NOT)) s->when = x_op(m->a, OP_NOT, s->when, NULL, NULL, (Span){0});
    if (s->when && (s->when->op == OP_LE || s->when->op == OP_GT) && here(m, M_GUARD_STRICT)) s->when = x_op(m->a, s->when->op == OP_LE ? OP_LT : OP_GE, s->when->args.at[0], s->when->args.at[1], NULL, (Span){0});
    if (s->when && here(m, M_GUARD_NONE)) s->when = NULL;
    if (!m->made) mutate_body(m, s, &s->body);
    if (here(m, M_STAGE_NONE)) {
        for (int k = i; k + 1 < p->stages.n; k++) p->stages.at[k] = p->stages.at[k + 1];
        p->stages.n--;
    } else if (here(m, M_STAGE_TWICE)) vec_push(m->a, &p->stages, s);
    else if (i + 1 < p->stages.n && here(m, M_STAGE_SWAP)) {
        p->stages.at[i] = p->stages.at[i + 1];
        p->stages.at[i + 1] = s;
    }
}

typedef struct Count { int made, caught; } Count;

/* Mutants number `first`, first + every, .. of a kernel on a machine. */
static void mutate(const char *path, const TileMachine *machine, int first, int every, Count *count, bool list) {
    for (int wanted = first;; wanted += every) {
        Arena *a = tile_arena();
        const char *why;
        Kernel *k = tile_kernel(a, path, 0, NULL);
        Mutant m = {.a = a, .p = k ? lower(k, machine, a, &why) : NULL, .wanted = wanted};
        for (int i = 0; m.p && i < m.p->stages.n && !m.made; i++) mutate_stage(&m, i);
        VerifyReport r;
        bool survives = m.made && tile_verify(m.p, machine, &r, a) && !r.open;
        if (m.made) count[m.operator].made++, count[m.operator].caught += !survives;
        if (survives && list) print_message("survives: %s, mutant %d: %s (stage %s)\n", strrchr(path, '/') + 1, wanted, operators[m.operator].text, m.at ? m.at : "");
        arena_free(a);
        if (!m.made) return;
    }
}

/* Every so manieth mutant is made. */
static int every = 11;

static void test_mutants(void **state) {
    (void)state;
    Arena *a = tile_arena();
    TilePaths paths = {0};
    Count count[M_COUNT] = {{0, 0}}, all = {0, 0};
    int unexplained = 0;
    tile_paths(a, &paths);
    for (int i = 0; i < paths.n; i++) mutate(paths.at[i], tile_machine(i % TILE_MACHINES), i % every, every, count, getenv("LIST"));
    for (int o = 0; o < M_COUNT; o++) {
        all.made += count[o].made;
        all.caught += count[o].caught;
        if (count[o].made > count[o].caught) print_message("%-34s %5d of %5d survive: %s\n", operators[o].text, count[o].made - count[o].caught, count[o].made, operators[o].right ? operators[o].right : "NOT EXPLAINED");
        unexplained += operators[o].right ? 0 : count[o].made - count[o].caught;
    }
    print_message("%d of %d mutants are caught: %.1f %%\n", all.caught, all.made, 100.0 * all.caught / all.made);
    assert_true(all.made >= 2000 * 11 / every && all.caught >= 0.9 * all.made);
    assert_int_equal(unexplained, 0);
    arena_free(a);
}

/* test_tile_mutants [EVERY] */
int main(int argc, char **argv) {
    if (argc > 1) every = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mutants)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
