/* The prover: facts as kernels give them, worked out by hand; random queries judged by isl; coefficients near the limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "dsl/prove.h"
#ifdef HAVE_ISL
#include <isl/ctx.h>
#include <isl/options.h>
#include <isl/set.h>
#include <isl/space.h>
#include <isl/constraint.h>
#endif

static void on_oom(void *context, const char *why) {
    (void)context;
    fail_msg("%s", why);
    abort();
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A prover with its arena and names for up to 26 variables. */
typedef struct Box { Arena *a; Prover *p; int var[26]; } Box;

static Box box_new(void) {
    Box b = {.a = arena_new(0, on_oom, NULL)};
    b.p = prover_new(b.a);
    for (int i = 0; i < 26; i++) b.var[i] = -1;
    return b;
}

static int var_of(Box *b, char name) {
    int *v = &b->var[name - 'a'];
    if (*v < 0) *v = prover_var(b->p);
    return *v;
}

/* "2n - m + 3": variables are single letters. */
static Lin lin(Box *b, const char *text) {
    Lin sum = lin_const(0);
    bool overflow = false;
    int64_t sign = 1;
    for (const char *s = text; *s;) {
        if (*s == ' ') { s++; continue; }
        if (*s == '+' || *s == '-') { sign = *s++ == '-' ? -1 : 1; continue; }
        int64_t k = 1;
        bool number = *s >= '0' && *s <= '9';
        if (number) k = strtoll(s, (char **)&s, 10);
        bool named = *s >= 'a' && *s <= 'z';
        assert_true(number || named);
        Lin term = named ? lin_var(b->a, var_of(b, *s++)) : lin_const(1);
        sum = lin_add(b->a, sum, sign * k, term, &overflow);
    }
    assert_false(overflow);
    return sum;
}

static void ge0(Box *b, const char *e) { prover_ge0(b->p, lin(b, e)); }
static void eq0(Box *b, const char *e) { prover_eq0(b->p, lin(b, e)); }
/* lo <= v < hi */
static void range(Box *b, char v, const char *lo, const char *hi) {
    bool overflow = false;
    Lin x = lin_var(b->a, var_of(b, v));
    prover_ge0(b->p, lin_add(b->a, x, -1, lin(b, lo), &overflow));
    prover_ge0(b->p, lin_add(b->a, lin_add(b->a, lin(b, hi), -1, x, &overflow), -1, lin_const(1), &overflow));
}
/* q = e // c with remainder r. */
static void floor_of(Box *b, char q, char r, const char *e, int64_t c) {
    bool overflow = false;
    Lin x = lin_add(b->a, lin(b, e), -c, lin_var(b->a, var_of(b, q)), &overflow);
    x = lin_add(b->a, x, -1, lin_var(b->a, var_of(b, r)), &overflow);
    prover_eq0(b->p, x);
    char bound[24];
    snprintf(bound, sizeof bound, "%lld", (long long)c);
    range(b, r, "0", bound);
}

static int64_t value_of(Lin e, const int64_t *value) {
    int64_t sum = e.c;
    for (int i = 0; i < e.terms.n; i++) sum += e.terms.at[i].coef * value[e.terms.at[i].var];
    return sum;
}

#define proves(b, e) assert_true(prover_proves((b)->p, lin((b), (e))))
/* Not proved, and a counterexample is found. */
static void refuted(Box *b, const char *e) {
    int64_t value[64];
    Lin goal = lin(b, e);
    assert_false(prover_proves(b->p, goal));
    assert_true(prover_counterexample(b->p, goal, value));
    assert_true(value_of(goal, value) < 0);
}

static void test_ranges(void **state) {
    (void)state;
    Box b = box_new();
    ge0(&b, "n");
    range(&b, 'i', "0", "n");
    proves(&b, "i");
    proves(&b, "n - i - 1");
    proves(&b, "n - 1");
    refuted(&b, "n - i - 2");
    refuted(&b, "i - 1");
    int mark = prover_mark(b.p);
    range(&b, 'j', "i + 1", "n");       /* triangular */
    proves(&b, "n - i - 2");
    proves(&b, "j - 1");
    prover_pop(b.p, mark);
    refuted(&b, "n - i - 2");
    arena_free(b.a);
}

static void test_equalities(void **state) {
    (void)state;
    Box b = box_new();
    range(&b, 'i', "0", "n");
    range(&b, 'j', "0", "2");
    eq0(&b, "m - 2n");
    proves(&b, "m - 2i - j - 1");
    refuted(&b, "m - 2i - j - 2");
    eq0(&b, "3x - 2y");                 /* x even, y a multiple of 3 */
    range(&b, 'x', "1", "4");
    proves(&b, "x - 2");
    proves(&b, "3 - y");
    proves(&b, "y - 3");
    eq0(&b, "6u + 4v - 9");             /* no solution */
    assert_true(prover_refutes(b.p));
    arena_free(b.a);
}

static void test_floor(void **state) {
    (void)state;
    Box b = box_new();
    ge0(&b, "n - 1");
    floor_of(&b, 'q', 'r', "n + 1", 2);       /* q = (n + 1) // 2 */
    range(&b, 'i', "0", "q");
    proves(&b, "n - i - 1");
    proves(&b, "n - 2i - 1");
    refuted(&b, "n - 2i - 2");
    floor_of(&b, 'p', 's', "h - 3", 2);       /* conv: outputs (h - 3) // 2 + 1 */
    ge0(&b, "h - 3");
    range(&b, 'y', "0", "p + 1");
    range(&b, 'k', "0", "3");
    proves(&b, "h - 2y - k - 1");
    proves(&b, "2y + k");
    refuted(&b, "h - 2y - k - 2");
    arena_free(b.a);
}

static void test_gaps(void **state) {
    (void)state;
    Box b = box_new();
    ge0(&b, "2x - 2y - 1");                   /* 2x = 2y + 1 as inequalities: empty over the integers only */
    ge0(&b, "2y - 2x + 1");
    assert_true(prover_refutes(b.p));
    Box c = box_new();
    ge0(&c, "3x - 2y - 1");                   /* 27 <= 11x + 13y <= 45, -10 <= 7x - 9y <= 4: Pugh's example without points */
    prover_pop(c.p, 0);
    ge0(&c, "11x + 13y - 27");
    ge0(&c, "45 - 11x - 13y");
    ge0(&c, "7x - 9y + 10");
    ge0(&c, "4 - 7x + 9y");
    assert_true(prover_refutes(c.p));
    arena_free(b.a);
    arena_free(c.a);
}

static LinConj cases_of(Box *b, const char *x, const char *y) {
    LinConj c = {0};
    vec_push(b->a, &c.ge0, lin(b, x));
    if (y) vec_push(b->a, &c.ge0, lin(b, y));
    return c;
}

static void test_clauses(void **state) {
    (void)state;
    Box b = box_new();
    range(&b, 'i', "0", "n");
    LinConj apart[] = {cases_of(&b, "i - j - 1", NULL), cases_of(&b, "j - i - 1", NULL)};       /* i != j */
    prover_or(b.p, apart, 2);
    range(&b, 'j', "0", "n");
    proves(&b, "n - 2");
    refuted(&b, "n - 3");
    LinConj third[] = {cases_of(&b, "k - i - 1", NULL), cases_of(&b, "i - k - 1", NULL)};
    LinConj fourth[] = {cases_of(&b, "k - j - 1", NULL), cases_of(&b, "j - k - 1", NULL)};
    prover_or(b.p, third, 2);
    prover_or(b.p, fourth, 2);
    range(&b, 'k', "0", "n");
    proves(&b, "n - 3");
    refuted(&b, "n - 4");
    prover_or(b.p, NULL, 0);
    assert_true(prover_refutes(b.p));
    arena_free(b.a);
}

/* Four by four regions cover the axes 0 .. n + 3 and 0 .. m + 3: no point is outside all of them. */
static void test_cover(void **state) {
    (void)state;
    static const char *const bound[2][5] = {{"0", "n", "n + 1", "n + 2", "n + 3"}, {"0", "m", "m + 1", "m + 2", "m + 3"}};
    Box b = box_new();
    bool overflow = false;
    ge0(&b, "n");
    ge0(&b, "m");
    range(&b, 'x', "0", "n + 3");
    range(&b, 'y', "0", "m + 3");
    for (int i = 0; i < 16; i++) {
        LinConj outside[4] = {0};
        for (int axis = 0; axis < 2; axis++) {
            Lin at = lin_var(b.a, var_of(&b, axis ? 'y' : 'x')), one = lin_const(1);
            int k = axis ? i / 4 : i % 4;
            Lin below = lin_add(b.a, lin_add(b.a, lin(&b, bound[axis][k]), -1, at, &overflow), -1, one, &overflow);
            vec_push(b.a, &outside[2 * axis].ge0, below);
            vec_push(b.a, &outside[2 * axis + 1].ge0, lin_add(b.a, at, -1, lin(&b, bound[axis][k + 1]), &overflow));
        }
        if (i == 15) refuted(&b, "m + n - x - y");     /* a corner is open still */
        prover_or(b.p, outside, 4);
    }
    double start = seconds();
    assert_true(prover_refutes(b.p));
    print_message("16 regions cover a plane: %.2f ms\n", 1e3 * (seconds() - start));
    arena_free(b.a);
}

static void test_small_values(void **state) {
    (void)state;
    Box b = box_new();
    int64_t value[8];
    ge0(&b, "n");
    range(&b, 'i', "0", "n + 1");
    Lin goal = lin(&b, "n - i - 1");
    assert_true(prover_counterexample(b.p, goal, value));
    assert_int_equal(value[var_of(&b, 'n')], 0);
    assert_int_equal(value[var_of(&b, 'i')], 0);
    assert_false(prover_counterexample(b.p, lin(&b, "n - i"), value));
    arena_free(b.a);
}

/* A deterministic source of numbers. */
static uint64_t next(uint64_t *seed) {
    *seed += 0x9e3779b97f4a7c15u;
    uint64_t z = *seed;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}
static int64_t pick(uint64_t *seed, int64_t lo, int64_t hi) { return lo + (int64_t)(next(seed) % (uint64_t)(hi - lo + 1)); }

enum { MAX_FACTS = 48 };
/* A random query: n_vars variables, facts, clauses of two cases, a goal. */
typedef struct Random {
    Arena *a;
    int n_vars, n, n_clauses;
    Lin fact[MAX_FACTS];
    bool eq[MAX_FACTS];
    LinConj clause[4][2];
    Lin goal;
} Random;

static Lin random_lin(Random *r, uint64_t *seed, int terms, int coef, int constant) {
    Lin e = lin_const(pick(seed, -constant, constant));
    bool overflow = false;
    for (int i = 0; i < terms; i++)
        e = lin_add(r->a, e, pick(seed, 0, 8) > coef ? 2 * pick(seed, 0, 1) - 1 : pick(seed, -coef, coef),
                    lin_var(r->a, (int)pick(seed, 0, r->n_vars - 1)), &overflow);
    return e;
}

static void push_fact(Random *r, Lin e, bool eq) {
    if (r->n == MAX_FACTS) return;
    r->eq[r->n] = eq;
    r->fact[r->n++] = e;
}

/* Ranges 0 <= v < something of earlier variables, as kernels have them. */
static void random_ranges(Random *r, uint64_t *seed) {
    bool overflow = false;
    for (int v = 0; v < r->n_vars; v++) {
        Lin x = lin_var(r->a, v);
        push_fact(r, x, false);
        if (v < 2) continue;
        Lin hi = lin_add(r->a, lin_var(r->a, (int)pick(seed, 0, v - 1)), 1, lin_const(pick(seed, -2, 2)), &overflow);
        if (pick(seed, 0, 3) == 0) {      /* e = c v + rest: v is a floor division */
            int64_t c = pick(seed, 2, 5);
            Lin rest = lin_add(r->a, hi, -c, x, &overflow);
            push_fact(r, rest, false);
            push_fact(r, lin_add(r->a, lin_const(c - 1), -1, rest, &overflow), false);
        } else {
            push_fact(r, lin_add(r->a, lin_add(r->a, hi, -1, x, &overflow), -1, lin_const(1), &overflow), false);
        }
    }
}

/* What random queries are made of: small coefficients; disjunctions besides; wide coefficients, where rational points mislead. */
typedef enum Kind { SMALL, CLAUSES, WIDE } Kind;

/* Half of the goals are sums of facts with some slack, so that many follow. */
static Random random_query(Arena *a, uint64_t *seed, Kind kind) {
    Random r = {.a = a, .n_vars = (int)pick(seed, 2, 9)};
    bool overflow = false;
    if (pick(seed, 0, 1)) random_ranges(&r, seed);
    for (int n = kind == WIDE ? (int)pick(seed, 4, 12) : (int)pick(seed, 1, 6); n > 0; n--)
        push_fact(&r, kind == WIDE ? random_lin(&r, seed, (int)pick(seed, 2, 5), 12, 30)
                                   : random_lin(&r, seed, (int)pick(seed, 1, 4), 4, 8), pick(seed, 0, 4) == 0);
    r.goal = random_lin(&r, seed, (int)pick(seed, 1, 3), 3, 6);
    if (pick(seed, 0, 1)) {
        r.goal = lin_const(pick(seed, 0, 2) - 1);
        for (int n = (int)pick(seed, 1, 4); n > 0; n--)
            r.goal = lin_add(a, r.goal, pick(seed, 1, 3), r.fact[pick(seed, 0, r.n - 1)], &overflow);
    }
    r.n_clauses = kind == CLAUSES ? (int)pick(seed, 1, 4) : 0;
    for (int i = 0; i < r.n_clauses; i++)
        for (int k = 0; k < 2; k++)
            for (int n = (int)pick(seed, 1, 2); n > 0; n--)
                vec_push(a, &r.clause[i][k].ge0, random_lin(&r, seed, (int)pick(seed, 1, 2), 2, 5));
    return r;
}

static Prover *prover_of(const Random *r) {
    Prover *p = prover_new(r->a);
    for (int i = 0; i < r->n_vars; i++) prover_var(p);
    for (int i = 0; i < r->n; i++) (r->eq[i] ? prover_eq0 : prover_ge0)(p, r->fact[i]);
    for (int i = 0; i < r->n_clauses; i++) prover_or(p, r->clause[i], 2);
    return p;
}

static void check_point(const Random *r, const int64_t *value) {
    assert_true(value_of(r->goal, value) < 0);
    for (int i = 0; i < r->n; i++)
        assert_true(r->eq[i] ? value_of(r->fact[i], value) == 0 : value_of(r->fact[i], value) >= 0);
    for (int i = 0; i < r->n_clauses; i++) {
        bool any = false;
        for (int k = 0; k < 2; k++) {
            bool all = true;
            for (int j = 0; j < r->clause[i][k].ge0.n; j++) all &= value_of(r->clause[i][k].ge0.at[j], value) >= 0;
            any |= all;
        }
        assert_true(any);
    }
}

#ifdef HAVE_ISL
static isl_basic_set *isl_meet(isl_basic_set *s, Lin e, bool eq) {
    isl_local_space *space = isl_local_space_from_space(isl_basic_set_get_space(s));
    isl_constraint *c = eq ? isl_constraint_alloc_equality(space) : isl_constraint_alloc_inequality(space);
    for (int i = 0; i < e.terms.n; i++)
        c = isl_constraint_set_coefficient_si(c, isl_dim_set, e.terms.at[i].var, (int)e.terms.at[i].coef);
    return isl_basic_set_add_constraint(s, isl_constraint_set_constant_si(c, (int)e.c));
}

/* isl's answer: do the facts leave no point with goal < 0? */
static bool isl_proves(isl_ctx *ctx, const Random *r) {
    bool overflow = false;
    isl_basic_set *s = isl_basic_set_universe(isl_space_set_alloc(ctx, 0, (unsigned)r->n_vars));
    for (int i = 0; i < r->n; i++) s = isl_meet(s, r->fact[i], r->eq[i]);
    s = isl_meet(s, lin_add(r->a, lin_const(-1), -1, r->goal, &overflow), false);
    isl_set *all = isl_set_from_basic_set(s);
    for (int i = 0; i < r->n_clauses; i++) {
        isl_set *either = isl_set_empty(isl_set_get_space(all));
        for (int k = 0; k < 2; k++) {
            isl_basic_set *one = isl_basic_set_universe(isl_set_get_space(all));
            for (int j = 0; j < r->clause[i][k].ge0.n; j++) one = isl_meet(one, r->clause[i][k].ge0.at[j], false);
            either = isl_set_union(either, isl_set_from_basic_set(one));
        }
        all = isl_set_intersect(all, either);
    }
    bool empty = isl_set_is_empty(all) == isl_bool_true;
    isl_set_free(all);
    return empty;
}
#endif

/* Counts of one run of random queries. */
typedef struct Tally { int both, ours, isl, points; double time, slowest; } Tally;

static Tally compare(int n, uint64_t seed, Kind kind) {
    Tally t = {0};
#ifdef HAVE_ISL
    isl_ctx *ctx = isl_ctx_alloc();
#endif
    for (int i = 0; i < n; i++) {
        Arena *a = arena_new(0, on_oom, NULL);
        Random r = random_query(a, &seed, kind);
        Prover *p = prover_of(&r);
        int64_t value[16];
        double start = seconds();
        bool ours = prover_proves(p, r.goal);
        double took = seconds() - start;
        t.time += took;
        if (took > t.slowest) t.slowest = took;
        bool point = prover_counterexample(p, r.goal, value);
        assert_false(ours && point);
        if (point) check_point(&r, value);
        t.points += point;
        t.ours += ours;
#ifdef HAVE_ISL
        bool theirs = isl_proves(ctx, &r);
        t.isl += theirs;
        t.both += ours && theirs;
        if (ours && !theirs) fail_msg("query %d: proved, but isl has a point", i);
        if (point && theirs) fail_msg("query %d: a counterexample where isl has none", i);
#endif
        arena_free(a);
    }
#ifdef HAVE_ISL
    isl_ctx_free(ctx);
#endif
    return t;
}

static void report(const char *kind, int n, Tally t, double least) {
    print_message("%s: %d queries, %d proved, %d counterexamples, %.1f us a query, slowest %.2f ms\n", kind, n, t.ours, t.points,
                  1e6 * t.time / n, 1e3 * t.slowest);
#ifdef HAVE_ISL
    print_message("%s: isl proves %d, of these proved %.2f %%; of the others a counterexample for %.2f %%\n", kind, t.isl,
                  100.0 * t.both / t.isl, 100.0 * t.points / (n - t.isl));
    assert_true(t.isl > n / 20 && n - t.isl > n / 20);
    assert_true(t.both >= least * t.isl);
    assert_true(t.points >= least * (n - t.isl));
#else
    (void)least;
#endif
}

static void test_random(void **state) {
    (void)state;
#ifndef HAVE_ISL
    print_message("isl is not installed: nothing judges the random queries\n");
    skip();
#endif
    int n = 20000;
    report("conjunctions", n, compare(n, 1, SMALL), 0.95);
    report("with clauses", n / 4, compare(n / 4, 2, CLAUSES), 0.90);
    report("wide coefficients", n / 4, compare(n / 4, 5, WIDE), 0.90);
}

/* Coefficients up to the limits of 64 bits: no answer may be wrong, none may overflow. */
static void test_extreme(void **state) {
    (void)state;
    uint64_t seed = 3;
    static const int64_t big[] = {INT64_MAX, INT64_MIN, INT64_MIN + 1, (int64_t)1 << 62, -((int64_t)1 << 62), ((int64_t)1 << 61) + 1,
                                  -((int64_t)1 << 61), ((int64_t)1 << 32) - 1, 1000000007, 3, -1, 1};
    for (int i = 0; i < 4000; i++) {
        Arena *a = arena_new(0, on_oom, NULL);
        Prover *p = prover_new(a);
        int n_vars = (int)pick(&seed, 1, 6);
        for (int v = 0; v < n_vars; v++) prover_var(p);
        for (int n = (int)pick(&seed, 1, 8); n >= 0; n--) {
            Lin e = lin_const(pick(&seed, 0, 3) ? big[pick(&seed, 0, 11)] : pick(&seed, -9, 9));
            for (int v = 0; v < n_vars; v++) {
                LinTerm t = {v, big[pick(&seed, 0, 11)]};
                if (pick(&seed, 0, 1)) vec_push(a, &e.terms, t);
            }
            LinConj cases[2] = {0};
            vec_push(a, &cases[0].ge0, e);
            vec_push(a, &cases[1].ge0, lin_const(-1));
            int64_t value[8];
            switch (pick(&seed, 0, 4)) {
            case 0: prover_eq0(p, e); break;
            case 1: prover_or(p, cases, (int)pick(&seed, 1, 2)); break;
            case 2: prover_ge0(p, e); break;
            default: assert_false(prover_proves(p, e) && prover_counterexample(p, e, value));
            }
        }
        prover_refutes(p);
        arena_free(a);
    }
}

/* x_i in 0 .. 1 with x_i + x_j <= 1 and dense sums: bounded by limits, whatever comes out. */
static void test_pathological(void **state) {
    (void)state;
    Arena *a = arena_new(0, on_oom, NULL);
    Prover *p = prover_new(a);
    uint64_t seed = 4;
    bool overflow = false;
    for (int v = 0; v < 40; v++) prover_var(p);
    for (int i = 0; i < 150; i++) {
        Lin e = lin_const(pick(&seed, 0, 40));
        for (int k = 0; k < 8; k++)
            e = lin_add(a, e, pick(&seed, -7, 7), lin_var(a, (int)pick(&seed, 0, 39)), &overflow);
        prover_ge0(p, e);
    }
    double start = seconds();
    size_t used = arena_used(a);
    for (int i = 0; i < 20; i++) prover_proves(p, lin_add(a, lin_var(a, i), 1, lin_const(1), &overflow));
    double each = (seconds() - start) / 20;
    print_message("dense system of 150 facts over 40 variables: %.2f ms a query, %zu KiB of scratch\n", 1e3 * each,
                  (arena_used(a) - used) >> 10);
    assert_true(each < 0.25);
    arena_free(a);
}

/* What a large kernel knows: a strided, padded convolution with ragged offsets, piecewise regions and blocks of a sequence. */
static void large_context(Box *b) {
    static const char *const dims[] = {"n", "c", "h", "w", "k", "l", "m", "v"};
    for (int i = 0; i < 8; i++) ge0(b, dims[i]);
    ge0(b, "h - 3");
    ge0(b, "w - 3");
    floor_of(b, 'o', 'a', "h - 1", 2);            /* (h + 2 - 3) // 2 */
    floor_of(b, 'p', 'b', "w - 1", 2);
    floor_of(b, 'q', 'd', "l + 31", 32);          /* blocks of 32 */
    range(b, 'e', "0", "n");
    range(b, 'f', "0", "o + 1");
    range(b, 'g', "0", "p + 1");
    range(b, 'i', "0", "3");
    range(b, 'j', "0", "3");
    range(b, 'r', "0", "q");
    range(b, 's', "0", "32");
    ge0(b, "l - 32r - s - 1");                    /* guard: 32 r + s < l */
    range(b, 't', "0", "m");
    ge0(b, "u");                                  /* ragged: 0 <= u <= x <= l */
    ge0(b, "x - u");
    ge0(b, "l - x");
    range(b, 'y', "u", "x");
    ge0(b, "2f + i - 1");                         /* predicates: inside the padding */
    ge0(b, "h - 2f - i");
    ge0(b, "2g + j - 1");
    ge0(b, "w - 2g - j");
    LinConj apart[] = {cases_of(b, "t - z - 1", NULL), cases_of(b, "z - t - 1", NULL)};
    prover_or(b->p, apart, 2);
    range(b, 'z', "0", "m");
}

static void test_large(void **state) {
    (void)state;
    static const char *const follows[] = {"2f + i - 1", "h - 2f - i", "w - 2g - j", "y", "l - y - 1", "32r + s", "l - 32r - s - 1",
                                          "n - e - 1", "o - f", "p - g", "m - 2", "q - r - 1", "h - 2o + 2", "32q - l", "l - 1"};
    static const char *const does_not[] = {"h - 2f - i - 1", "m - 3", "l - y - 2", "l - 32r - 32", "h - 2o - 3"};
    enum { FOLLOWS = sizeof follows / sizeof *follows, NOT = sizeof does_not / sizeof *does_not, TIMES = 50 };
    Box b = box_new();
    large_context(&b);
    Lin goal[FOLLOWS];
    for (int i = 0; i < FOLLOWS; i++) goal[i] = lin(&b, follows[i]);
    double start = seconds();
    for (int k = 0; k < TIMES; k++)
        for (int i = 0; i < FOLLOWS; i++)
            if (!prover_proves(b.p, goal[i])) fail_msg("%s is not proved", follows[i]);
    double each = (seconds() - start) / (FOLLOWS * TIMES);
    for (int i = 0; i < NOT; i++) refuted(&b, does_not[i]);
    print_message("a large kernel's facts (%d): %.1f us a query\n", prover_mark(b.p), 1e6 * each);
    assert_true(each < 2e-3);
    arena_free(b.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),   cmocka_unit_test(test_equalities),   cmocka_unit_test(test_floor),
        cmocka_unit_test(test_gaps),     cmocka_unit_test(test_clauses),      cmocka_unit_test(test_small_values),
        cmocka_unit_test(test_large),         cmocka_unit_test(test_cover),
        cmocka_unit_test(test_extreme),  cmocka_unit_test(test_pathological), cmocka_unit_test(test_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
