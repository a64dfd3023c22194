/* See tile_each.h. */
#include "test/tile_each.h"
#include "dsl/front.h"
#include "grammar/parse.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static void out_of_memory(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    abort();
}

/* The machines for lowering, then the one that addresses memory in place. */
static const TileMachine *machines(void) {
    static TileMachine all[] = {
        {.rows = 8, .cols = 8, .local = 128 << 10, .streams = {[DT_F16] = 297, [DT_I8] = 297}}, {.rows = 8, .cols = 8, .local = 384 << 10, .streams = {[DT_F16] = 863, [DT_I8] = 863}},
        {.rows = 2, .cols = 3, .local = 64 << 10}, {.rows = 1, .cols = 1, .local = 2 << 20, .in_place = true, .lanes = 64, .accumulators = 28}};
    static const char *const names[] = {"full", "products", "none", "registers"};
    static Arena *kept;
    if (kept) return all;
    kept = tile_arena();
    for (int m = 0; m <= TILE_MACHINES; m++) all[m].engines = test_engines(kept, names[m]);
    return all;
}

const TileMachine *tile_machine(int i) { return &machines()[i]; }
const TileMachine *tile_host(void) { return &machines()[TILE_MACHINES]; }

static int by_name(const void *x, const void *y) { return strcmp(*(const char *const *)x, *(const char *const *)y); }

static void folder(Arena *a, const char *path, TilePaths *to) {
    DIR *d = opendir(path);
    if (!d) out_of_memory(NULL, path);
    int before = to->n;
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (n > 4 && !strcmp(e->d_name + n - 4, ".knf")) vec_push(a, to, (const char *)arena_printf(a, "%s/%s", path, e->d_name));
    }
    closedir(d);
    qsort(to->at + before, (size_t)(to->n - before), sizeof *to->at, by_name);
}

/* The kernels of a file, one after another; NULL behind the last. */
Kernel *tile_kernel(Arena *a, const char *path, int number, const char *type) {
    const char *why;
    FrontOptions options = {.parse = grammar_parse};
    FrontArg arg = {"T", type};
    if (type) options.args = &arg, options.n_args = 1;
    Diags *diags = diags_new(a);
    Source *s = source_read(a, path, &why);
    if (!s) out_of_memory(NULL, why);
    Names *names = names_new(a);
    Program *p = front_load(a, names, diags, s, &options);
    if (!p || number >= front_file(p, 0)->kernels.n) return NULL;
    options.kernel = front_file(p, 0)->kernels.at[number]->name.text;
    return front_kernel(p, &options);
}

const char *tile_text(Arena *a, const TileProgram *p) {
    Out o = out_new(a);
    tile_print(p, &o);
    return o.text;
}

TileProgram *tile_of_text(Arena *a, const TileMachine *m, const char *text, size_t n, const char **messages) {
    Diags *diags = diags_new(a);
    FrontOptions options = {.parse = grammar_parse};
    TileProgram *p = tile_read(a, names_new(a), diags, source_of_text(a, "p.tile", text, n), m, &options, grammar_expr);
    Out o = out_new(a);
    diag_print(diags, &o, false);
    *messages = o.text ? o.text : "";
    if (!p && !diag_errors(diags)) out_of_memory(NULL, "a text is refused without a message");
    return p;
}

void tile_paths(Arena *a, TilePaths *to) {
    folder(a, SOURCE "/examples", to);
    folder(a, SOURCE "/test/lang", to);
}

Arena *tile_arena(void) { return arena_new(0, out_of_memory, NULL); }
