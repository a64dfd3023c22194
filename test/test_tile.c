/* Tile IR as text: what lowering makes of every program reads back to what prints the same, and the verifier takes it. Texts with
 * faults are refused with a message, whatever they are. */
#include "lower/verify.h"
#include "test/tile_each.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

/* Every so manieth program is taken: a sanitized build is slow. */
static int every = 1;

typedef void Each(Arena *a, const char *path, const TileProgram *p, const TileMachine *m, void *context);

static int each_on(const TileMachine *machines, int n_machines, Each *f, void *context) {
    Arena *all = tile_arena();
    TilePaths paths = {0};
    int n = 0;
    tile_paths(all, &paths);
    for (int i = 0; i < 2 * paths.n; i += every)      /* the second time with T = f16 */
        for (int number = 0;; number++) {
            Arena *a = tile_arena();
            Kernel *k = tile_kernel(a, paths.at[i % paths.n], number, i < paths.n ? NULL : "f16");
            for (int m = 0; k && m < n_machines; m++, n++) {
                const char *why;
                TileProgram *p = lower(k, &machines[m], a, &why);
                if (p) f(a, paths.at[i % paths.n], p, &machines[m], context);
            }
            arena_free(a);
            if (!k) break;
        }
    arena_free(all);
    return n;
}

static int each(Each *f, void *context) { return each_on(tile_machine(0), TILE_MACHINES, f, context); }

static void reads_back(Arena *a, const char *path, const TileProgram *p, const TileMachine *m, void *context) {
    (void)m;
    int *bad = context;
    const char *text = tile_text(a, p), *messages;
    TileProgram *again = tile_of_text(a, m, text, strlen(text), &messages);
    const char *second = again ? tile_text(a, again) : "";
    if (again && !strcmp(text, second)) return;
    ++*bad;
    size_t at = 0;
    while (again && text[at] == second[at]) at++;
    while (again && at && text[at - 1] != '\n') at--;
    print_error("%s %s: %s\n%.200s\n---\n%.200s\n", path, p->kernel->name, again ? "reads back to another text" : messages, again ? text + at : "", again ? second + at : "");
}

static void test_round_trip(void **state) {
    (void)state;
    int bad = 0;
    assert_true(each(reads_back, &bad) > 300 / every);
    assert_int_equal(bad, 0);
}

static void verifies(Arena *a, const char *path, const TileProgram *p, const TileMachine *m, void *context) {
    VerifyReport r;
    int *bad = context;
    if (tile_verify(p, m, &r, a) && !r.open) return;
    ++*bad;
    print_error("%s %s: %s\n", path, p->kernel->name, r.why ? r.why : r.doubt);
}

/* The same for threads that address memory in place; there is a program for every kernel. */
static void count(Arena *a, const char *path, const TileProgram *p, const TileMachine *m, void *context) {
    int *all = context;
    (void)a, (void)path, (void)p, (void)m;
    ++*all;
}

static void test_in_place(void **state) {
    (void)state;
    int bad = 0, programs = 0;
    int n = each_on(tile_host(), 1, count, &programs);
    assert_true(n > 100 / every && n == programs);
    each_on(tile_host(), 1, reads_back, &bad);
    each_on(tile_host(), 1, verifies, &bad);
    assert_int_equal(bad, 0);
}

/* The middle of the times of verifying a kernel is below 2 ms. */
static int by_time(const void *x, const void *y) { return (*(const double *)x > *(const double *)y) - (*(const double *)x < *(const double *)y); }
typedef struct Times { double at[2000]; int n; } Times;
static void takes_time(Arena *a, const char *path, const TileProgram *p, const TileMachine *m, void *context) {
    (void)path;
    Times *t = context;
    VerifyReport r;
    struct timespec t0, t1;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t0);
    tile_verify(p, m, &r, a);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t1);
    if (t->n < 2000) t->at[t->n++] = 1e3 * (double)(t1.tv_sec - t0.tv_sec) + 1e-6 * (double)(t1.tv_nsec - t0.tv_nsec);
}

static void test_time(void **state) {
    (void)state;
    Times t = {.n = 0};
    each(takes_time, &t);
    qsort(t.at, (size_t)t.n, sizeof *t.at, by_time);
    print_message("ms a kernel: median %.3f, nine tenths below %.3f, most %.3f\n", t.at[t.n / 2], t.at[t.n * 9 / 10], t.at[t.n - 1]);
    assert_true(t.at[t.n / 2] < 2);
}

/* Texts changed at random, byte by byte and line by line: refused with a message, or read and then verified or not; never a crash. */
static uint32_t seed = 1;
static uint32_t below(uint32_t n) {
    seed = seed * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)(seed >> 1) * n >> 31);
}

static void disturb(char *text, size_t *n) {
    static const char signs[] = "%[]{}().,;:=@<>+-*/#\n 019anx\xff";
    for (uint32_t times = 1 + below(3); times; times--) {
        uint32_t at = below((uint32_t)*n), from = below((uint32_t)*n), many = 1 + below(12);
        switch (below(4)) {
        case 0: text[at] = signs[below(sizeof signs)]; break;
        case 1:
            if (at + many < *n) memmove(text + at, text + at + many, *n - at - many), *n -= many;
            break;
        case 2:
            if (at + many < *n && from + many < *n) memmove(text + at, text + from, many);
            break;
        default: *n = at + 1;
        }
    }
}

/* One changed text of a program: NULL when it is refused. *n: how many were read, and verified. */
static void disturb_one(Arena *a, const TileProgram *p, const TileMachine *m, bool kernel_too, int *n) {
    const char *text = tile_text(a, p), *messages;
    size_t size = strlen(text), stages = kernel_too ? 0 : (size_t)(strstr(text, "\nstage") - text), rest = size - stages;
    char *copy = arena_strndup(a, text, size);
    VerifyReport r;
    disturb(copy + stages, &rest);
    TileProgram *q = tile_of_text(a, m, copy, stages + rest, &messages);
    n[0] += q != NULL;
    n[1] += q && tile_verify(q, m, &r, a);
}

static void test_disturbed(void **state) {
    (void)state;
    Arena *all = tile_arena();
    TilePaths paths = {0};
    tile_paths(all, &paths);
    int n[2] = {0, 0};
    for (int i = 0; i < 1500; i++) {
        Arena *a = tile_arena();
        const char *why;
        Kernel *k = tile_kernel(a, paths.at[i % paths.n], 0, NULL);
        const TileMachine *m = tile_machine(i % TILE_MACHINES);
        TileProgram *p = k ? lower(k, m, a, &why) : NULL;
        if (p) disturb_one(a, p, m, i % 8 == 0, n);
        arena_free(a);
    }
    print_message("of 1500 texts %d are read, %d of those verify\n", n[0], n[1]);
    arena_free(all);
}

static void test_verify(void **state) {
    (void)state;
    int bad = 0;
    each(verifies, &bad);
    assert_int_equal(bad, 0);
}

/* test_tile [EVERY] */
int main(int argc, char **argv) {
    if (argc > 1) every = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_in_place), cmocka_unit_test(test_verify), cmocka_unit_test(test_time), cmocka_unit_test(test_disturbed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
