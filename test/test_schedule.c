/* Schedules: the complete one of every program reads back to the same Tile IR; each directive has its effect or is refused. */
#include "test/tile_each.h"
#include "dsl/front.h"
#include "grammar/parse.h"
#include "lower/lower.h"
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void out_of_memory(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    abort();
}

enum { MACHINES = 4 };
static TileMachine machines[MACHINES] = {
    {.rows = 8, .cols = 8, .local = 128 << 10, .streams = {[DT_F16] = 297, [DT_I8] = 297}}, {.rows = 8, .cols = 8, .local = 384 << 10, .streams = {[DT_F16] = 863, [DT_I8] = 863}}, {.rows = 2, .cols = 3, .local = 64 << 10}, {.rows = 8, .cols = 8, .local = 128 << 10}};

static void read_machines(Arena *a) {
    static const char *const names[MACHINES] = {"products", "products", "none", "elementwise"};
    for (int i = 0; i < MACHINES; i++) machines[i].engines = test_engines(a, names[i]);
}

/* A file's kernel, and what its diagnostics were gathered in. */
typedef struct Loaded { Arena *a; Names *names; Diags *diags; const Program *p; Kernel *k; } Loaded;

static Loaded load(Arena *a, const char *path, const char *text, int number) {
    Loaded x = {.a = a, .names = names_new(a), .diags = diags_new(a)};
    FrontOptions options = {.parse = grammar_parse};
    const char *why = "";
    Source *s = text ? source_of_text(a, path, text, strlen(text)) : source_read(a, path, &why);
    if (!s) fail_msg("%s %s", path, why);
    Program *p = front_load(a, x.names, x.diags, s, &options);
    if (!p || number >= front_file(p, 0)->kernels.n) return x;
    options.kernel = front_file(p, 0)->kernels.at[number]->name.text;
    x.k = front_kernel(p, &options);
    x.p = p;
    return x;
}

static const char *messages(const Loaded *x) {
    Out o = out_new(x->a);
    diag_print(x->diags, &o, false);
    return o.text ? o.text : "";
}

static const char *tiles(Arena *a, const TileProgram *p) {
    Out o = out_new(a);
    if (p) tile_print(p, &o);
    return o.text ? o.text : "";
}

static const char *complete(Arena *a, const TileProgram *p) {
    Out o = out_new(a);
    schedule_print(p, NULL, a, &o);
    return o.text;
}

/* The kernel under a schedule given as text. NULL after errors. */
static TileProgram *under(Loaded *x, const TileMachine *m, const char *text) {
    const char *why = NULL;
    AFile *f = grammar_parse(x->a, x->names, x->diags, source_of_text(x->a, "s.knf", text, strlen(text)), false);
    if (!f || diag_errors(x->diags) || !f->schedules.n) return NULL;
    Schedule *s = schedule_read(f->schedules.at[0], x->k, x->diags, x->a);
    TileProgram *p = s ? lower_scheduled(x->k, m, s, x->diags, x->a, &why) : NULL;
    assert_true(p || why || diag_errors(x->diags));
    return p;
}

/* --- round trip ---------------------------------------------------------------------------------------------------------------- */

/* The compiler's own program; with a seed, that of a random schedule, which can be met whenever the other can. */
static TileProgram *program(const Loaded *x, const TileMachine *m, uint64_t seed, bool *fine) {
    const char *why = "";
    TileProgram *p = lower(x->k, m, x->a, &why);
    if (!p || !seed) return p;
    p = lower_scheduled(x->k, m, lower_random(x->k, m, seed, x->a), x->diags, x->a, &why);
    if (!p) printf("seed %d: %s%s\n", (int)seed, why ? why : "", messages(x));
    *fine = p != NULL;
    return p;
}

/* *lowered counts those that lowering takes. */
static bool returns(const char *path, int number, const TileMachine *m, uint64_t seed, bool *more, int *lowered) {
    Arena *a = arena_new(0, out_of_memory, NULL);
    Loaded x = load(a, path, NULL, number);
    bool same = true;
    *more = x.k != NULL;
    TileProgram *p = x.k ? program(&x, m, seed, &same) : NULL;
    *lowered += p != NULL;
    if (p) {
        const char *text = complete(a, p), *want = tiles(a, p);
        TileProgram *again = under(&x, m, text);
        same = again && !strcmp(tiles(a, again), want) && !strcmp(complete(a, again), text);
        if (!same && getenv("SHOW")) printf("%s %d %d\n%s\n%s\n--- want\n%s\n--- got\n%s\n", path, number, (int)(m - machines), text, messages(&x), want, tiles(a, again));
        else if (!same) printf("%s, kernel %d, machine %d, seed %d: %s\n", path, number, (int)(m - machines), (int)seed, messages(&x));
    }
    arena_free(a);
    return same;
}

/* Every so manieth program is taken: a sanitized build is slow. */
static int every = 1;

/* Each machine with as many seeds, or without one. */
static int folder(const char *path, int seeds, int *n) {
    DIR *d = opendir(path);
    int bad = 0, files = 0;
    if (!d) fail_msg("no folder %s", path);
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        char file[512];
        bool more = true;
        if (len < 5 || strcmp(e->d_name + len - 4, ".knf") || files++ % every) continue;
        snprintf(file, sizeof file, "%s/%s", path, e->d_name);
        for (int number = 0; more; number++)
            for (int m = 0; m < MACHINES; m++)
                for (int s = 0; s < (seeds ? seeds : 1); s++) bad += !returns(file, number, &machines[m], seeds ? (uint64_t)(1 + s + seeds * (m + number)) : 0, &more, n);
    }
    closedir(d);
    return bad;
}

static void complete_schedules_read_back(void **state) {
    (void)state;
    int n = 0, bad = folder(SOURCE "/examples", 0, &n) + folder(SOURCE "/test/lang", 0, &n);
    printf("%d of %d programs differ\n", bad, n);
    assert_int_equal(bad, 0);
    assert_true(n > 200 / every);
}

/* Drawn from the same seed they are the same, and from others they differ. */
static void random_schedules_read_back(void **state) {
    (void)state;
    int n = 0, bad = folder(SOURCE "/examples", 4, &n) + folder(SOURCE "/test/lang", 1, &n);
    printf("%d of %d random programs differ\n", bad, n);
    assert_int_equal(bad, 0);
    assert_true(n > 200 / every);
}

static void random_schedules_are_drawn_from_the_seed(void **state) {
    (void)state;
    Arena *a = arena_new(0, out_of_memory, NULL);
    int different = 0;
    bool fine = true;
    Loaded x = load(a, SOURCE "/examples/fc.knf", NULL, 0);
    for (uint64_t seed = 1; seed <= 10; seed++) {
        const char *one = tiles(a, program(&x, &machines[0], seed, &fine)), *again = tiles(a, program(&x, &machines[0], seed, &fine));
        assert_string_equal(one, again);
        different += strcmp(one, tiles(a, program(&x, &machines[0], seed + 10, &fine))) != 0;
    }
    assert_true(fine && different > 5);
    arena_free(a);
}

/* --- schedules that somebody changed ------------------------------------------------------------------------------------------ */

static uint32_t next(uint32_t *seed) { return (*seed = *seed * 1664525 + 1013904223) >> 8; }

/* Replaces the first word or number at or behind a random place by another of its kind. */
static const char *change_word(Arena *a, const char *text, uint32_t *seed) {
    static const char *const kinds[][5] = {{"pe", "row", "col"}, {"dpe", "vector", "simd", "scalar"}, {"fuse", "store", "keep", "stage"}, {"local", "sram", "dram"}, {"tile", "order", "place", "split", "engine"}};
    size_t n = strlen(text), at = next(seed) % n;
    for (; at < n; at++) {
        size_t number = strspn(text + at, "0123456789");
        if (number && text[at - 1] == ' ') {
            static const int values[] = {1, 2, 3, 8, 31, 64, 300, 4096, 100000};
            return arena_printf(a, "%.*s%d%s", (int)at, text, values[next(seed) % 9], text + at + number);
        }
        for (int k = 0; k < 5; k++)
            for (int w = 0; w < 5 && kinds[k][w]; w++) {
                size_t len = strlen(kinds[k][w]);
                if (text[at - (at > 0)] != ' ' || strncmp(text + at, kinds[k][w], len) || (text[at + len] != ' ' && text[at + len] != '\n' && text[at + len] != ',')) continue;
                const char *to = kinds[k][next(seed) % 5];
                return arena_printf(a, "%.*s%s%s", (int)at, text, to ? to : kinds[k][0], text + at + len);
            }
    }
    return text;
}

static const char *drop_line(Arena *a, const char *text, uint32_t *seed) {
    size_t n = strlen(text), at = next(seed) % n;
    const char *line = strchr(text + at, '\n'), *end = line ? strchr(line + 1, '\n') : NULL;
    if (!end || strchr("}", line[1]) || strstr(line, "{") == end - 1) return text;
    for (const char *c = line; c < end; c++)
        if (*c == '{' || *c == '}') return text;
    return arena_printf(a, "%.*s%s", (int)(line - text), text, end);
}

/* What is made of a changed schedule, if anything, has a complete schedule that reads back; nothing is a reason in words. */
static int change(const char *path, const TileMachine *m, uint32_t seed, int *built) {
    Arena *a = arena_new(0, out_of_memory, NULL);
    const char *why;
    Loaded x = load(a, path, NULL, 0);
    TileProgram *p = x.k ? lower(x.k, m, a, &why) : NULL;
    int bad = 0;
    if (p) {
        const char *text = complete(a, p);
        for (int edits = 1 + (int)(next(&seed) % 4); edits > 0; edits--) text = next(&seed) % 2 ? change_word(a, text, &seed) : drop_line(a, text, &seed);
        TileProgram *q = under(&x, m, text), *again = NULL;
        if (q) {
            (*built)++;
            again = under(&x, m, complete(a, q));
            bad = !again || strcmp(tiles(a, again), tiles(a, q));
        }
        if (bad) printf("%s, seed %u\n%s\n--- complete\n%s\n%s\n", path, seed, text, complete(a, q), messages(&x));
        if (bad && getenv("SHOW")) printf("--- want\n%s\n--- got\n%s\n", tiles(a, q), tiles(a, again));
    }
    arena_free(a);
    return bad;
}

static void changed_schedules_are_refused_or_work(void **state) {
    (void)state;
    static const char *const names[] = {"softmax", "fc", "attention", "layernorm", "conv2d", "embedding_bag", "welford", "rope", "transpose"};
    int bad = 0, built = 0, n = getenv("CHANGES") ? atoi(getenv("CHANGES")) : 30 / every;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, SOURCE "/examples/%s.knf", names[i]);
        for (int seed = 0; seed < n; seed++) bad += change(path, &machines[seed % MACHINES], (uint32_t)(seed * 7919 + (int)i * 104729 + 1), &built);
    }
    printf("%d of %d changed schedules are met\n", built, n * (int)(sizeof names / sizeof *names));
    assert_int_equal(bad, 0);
    assert_true(built > 0);
}

/* --- cases ------------------------------------------------------------------------------------------------------------------------ */

/* Files of test/schedule: a kernel and a schedule; beside it .tile (what the Tile IR must hold, a line each; ! in front: must not) or
 * .err (the messages). */
static char *slurp(Arena *a, const char *path) {
    const char *why;
    Source *s = source_read(a, path, &why);
    return s ? arena_strndup(a, s->text, s->size) : NULL;
}

static int compare_lines(const char *path, char *want, const char *got) {
    int bad = 0;
    for (char *line = strtok(want, "\n"); line; line = strtok(NULL, "\n")) {
        bool absent = *line == '!';
        const char *text = line + absent;
        if (!*text || *text == '#' || (strstr(got, text) != NULL) == !absent) continue;
        printf("%s: %s: %s\n", path, absent ? "must not be there" : "missing", text);
        bad = 1;
    }
    return bad;
}

static int try_case(const char *path) {
    Arena *a = arena_new(0, out_of_memory, NULL);
    Loaded x = load(a, strrchr(path, '/') + 1, slurp(a, path), 0);
    const char *why = NULL, *base = arena_strndup(a, path, strlen(path) - 4);
    char *want = slurp(a, arena_printf(a, "%s.err", base)), *lines = slurp(a, arena_printf(a, "%s.tile", base));
    TileProgram *p = NULL;
    int bad = 0;
    if (x.k) {
        Schedule *s = schedule_read(front_file(x.p, 0)->schedules.at[0], x.k, x.diags, a);
        p = s ? lower_scheduled(x.k, &machines[0], s, x.diags, a, &why) : NULL;
    }
    const char *got = messages(&x);
    if (getenv("UPDATE") && !lines && !p) out_write(arena_printf(a, "%s.err", base), got, strlen(got), a);
    else if (want && strcmp(want, got)) bad = printf("%s: the messages are\n%s", path, got);
    if (want && p) bad = printf("%s: is not refused\n", path);
    if (lines) bad |= p ? compare_lines(path, lines, tiles(a, p)) : printf("%s: is refused: %s%s\n", path, why ? why : "", got);
    if (lines && getenv("SHOW")) printf("%s\n%s", p ? complete(a, p) : "", tiles(a, p));
    if (!want && !lines && !getenv("UPDATE")) bad = printf("%s: nothing is said of what must come\n", path);
    if (p) {
        TileProgram *again = under(&x, &machines[0], complete(a, p));
        if (!again || strcmp(tiles(a, again), tiles(a, p))) bad = printf("%s: the complete schedule reads back to something else\n%s%s", path, complete(a, p), messages(&x));
    }
    arena_free(a);
    return bad != 0;
}

static void directives_work_or_are_refused(void **state) {
    (void)state;
    DIR *d = opendir(SOURCE "/test/schedule");
    int bad = 0, n = 0;
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        char file[512];
        if (len < 5 || strcmp(e->d_name + len - 4, ".knf")) continue;
        snprintf(file, sizeof file, SOURCE "/test/schedule/%s", e->d_name);
        bad += try_case(file);
        n++;
    }
    closedir(d);
    assert_int_equal(bad, 0);
    assert_true(n > 20);
}

/* test_schedule [EVERY] */
int main(int argc, char **argv) {
    if (argc > 1) every = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(complete_schedules_read_back), cmocka_unit_test(random_schedules_read_back), cmocka_unit_test(random_schedules_are_drawn_from_the_seed), cmocka_unit_test(changed_schedules_are_refused_or_work),
                                        cmocka_unit_test(directives_work_or_are_refused)};
    Arena *a = tile_arena();
    read_machines(a);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(a);
    return failed;
}
