/* Tile IR as text: what lowering makes of every program reads back to what prints the same. */
#include "dsl/front.h"
#include "grammar/parse.h"
#include "lower/lower.h"
#include "lower/verify.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <cmocka.h>

static void out_of_memory(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    abort();
}

static const TileMachine machines[] = {
    {.rows = 8, .cols = 8, .local = 128 << 10, .panel = 64, .dots = {[DT_F16] = true, [DT_BF16] = true, [DT_I8] = true}, .simd = {[DT_F32] = true, [DT_F16] = true, [DT_BF16] = true}, .turns = true},
    {.rows = 8, .cols = 8, .local = 384 << 10, .panel = 64, .dots = {[DT_F16] = true, [DT_BF16] = true, [DT_I8] = true}},
    {.rows = 2, .cols = 3, .local = 64 << 10},
};
enum { MACHINES = sizeof machines / sizeof *machines };

typedef VEC(const char *) Paths;
static int by_name(const void *x, const void *y) { return strcmp(*(const char *const *)x, *(const char *const *)y); }

static void folder(Arena *a, const char *path, Paths *to) {
    DIR *d = opendir(path);
    if (!d) fail_msg("no folder %s", path);
    int before = to->n;
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n > 4 && !strcmp(e->d_name + n - 4, ".knf")) vec_push(a, to, (const char *)arena_printf(a, "%s/%s", path, e->d_name));
    }
    closedir(d);
    qsort(to->at + before, (size_t)(to->n - before), sizeof *to->at, by_name);
}

/* The kernels of a file, one after another; NULL behind the last. */
static Kernel *kernel(Arena *a, const char *path, int number) {
    const char *why;
    FrontOptions options = {.parse = grammar_parse};
    Diags *diags = diags_new(a);
    Source *s = source_read(a, path, &why);
    if (!s) fail_msg("%s %s", path, why);
    Names *names = names_new(a);
    Program *p = front_load(a, names, diags, s, &options);
    if (!p || number >= front_file(p, 0)->kernels.n) return NULL;
    options.kernel = front_file(p, 0)->kernels.at[number]->name.text;
    return front_kernel(p, &options);
}

static const char *printed(Arena *a, const TileProgram *p) {
    Out o = out_new(a);
    tile_print(p, &o);
    return o.text;
}

static TileProgram *read(Arena *a, const char *text, size_t n, const char **messages) {
    Diags *diags = diags_new(a);
    FrontOptions options = {.parse = grammar_parse};
    TileProgram *p = tile_read(a, names_new(a), diags, source_of_text(a, "p.tile", text, n), &options, grammar_expr);
    Out o = out_new(a);
    diag_print(diags, &o, false);
    *messages = o.text ? o.text : "";
    assert_true(p || diag_errors(diags));
    return p;
}

typedef void Each(Arena *a, const char *path, const TileProgram *p, const TileMachine *m, void *context);

static int each(Each *f, void *context) {
    Arena *all = arena_new(0, out_of_memory, NULL);
    Paths paths = {0};
    int n = 0;
    folder(all, SOURCE "/examples", &paths);
    folder(all, SOURCE "/test/lang", &paths);
    for (int i = 0; i < paths.n; i++)
        for (int number = 0;; number++) {
            Arena *a = arena_new(0, out_of_memory, NULL);
            Kernel *k = kernel(a, paths.at[i], number);
            for (int m = 0; k && m < MACHINES; m++, n++) {
                const char *why;
                TileProgram *p = lower(k, &machines[m], a, &why);
                if (p) f(a, paths.at[i], p, &machines[m], context);
            }
            arena_free(a);
            if (!k) break;
        }
    arena_free(all);
    return n;
}

static void reads_back(Arena *a, const char *path, const TileProgram *p, const TileMachine *m, void *context) {
    (void)m;
    int *bad = context;
    const char *text = printed(a, p), *messages;
    TileProgram *again = read(a, text, strlen(text), &messages);
    const char *second = again ? printed(a, again) : "";
    if (again && !strcmp(text, second)) return;
    ++*bad;
    size_t at = strspn(second, "") ;
    while (again && text[at] == second[at]) at++;
    while (again && at && text[at - 1] != '\n') at--;
    print_error("%s %s: %s\n%.200s\n---\n%.200s\n", path, p->kernel->name, again ? "reads back to another text" : messages, again ? text + at : "", again ? second + at : "");
}

static void test_round_trip(void **state) {
    (void)state;
    int bad = 0;
    assert_true(each(reads_back, &bad) > 300);
    assert_int_equal(bad, 0);
}

static void verifies(Arena *a, const char *path, const TileProgram *p, const TileMachine *m, void *context) {
    VerifyReport r;
    int *bad = context;
    if (tile_verify(p, m, &r, a)) return;
    ++*bad;
    print_error("%s %s: %s\n", path, p->kernel->name, r.why);
}

static void test_verify(void **state) {
    (void)state;
    int bad = 0;
    each(verifies, &bad);
    assert_int_equal(bad, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_verify)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
