/* Emitted host C beside the oracle, one thread, the same data: scalar operations a second, and how many times the oracle's.
 * Medians of the emitted code's runs with their spread; the oracle, bounds included, runs once. Fails below 20 times.
 *
 *   host_ratio [NAME]     all, or the case of that name */
#include "test/engines.h"
#include "dsl/eval.h"
#include "dsl/front.h"
#include "emit/host.h"
#include "grammar/parse.h"
#include "lower/lower.h"
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TENSORS = 6, DIMS = 8, RUNS = 101, NEEDED = 20 };

/* dims in order of the signature. */
typedef struct Case { const char *name, *file, *type, *padding; int64_t dims[DIMS]; } Case;
static const Case cases[] = {
    {"fc", "fc", "f16", NULL, {512, 1024, 1024}},
    {"conv2d", "conv2d", "f16", "1", {2, 56, 56, 64, 3, 3, 64}},
    {"softmax", "softmax", "f32", NULL, {1024, 1024}},
    {"ragged64", "embedding_bag", "f16", NULL, {100000, 64, 163840, 4096}},
    {"ragged128", "embedding_bag", "f16", NULL, {100000, 128, 163840, 4096}},
    {"layernorm", "layernorm", "f32", NULL, {1024, 1024}},
    {"gelu", "gelu", "f32", NULL, {1024, 1024}},
};

static _Noreturn void die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why ? why : "failed");
    exit(1);
}

static void out_of_memory(void *context, const char *why) { (void)context; die("memory", why); }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static Kernel *kernel(Arena *a, const Case *c) {
    const char *why = NULL;
    const Source *s = source_read(a, arena_printf(a, "%s/examples/%s.knf", SOURCE, c->file), &why);
    if (!s) die(c->file, why);
    FrontArg args[] = {{"T", c->type}, {"padding", c->padding}};
    FrontOptions options = {.parse = grammar_parse, .args = args, .n_args = c->padding ? 2 : 1};
    Program *p = front_load(a, names_new(a), diags_new(a), s, &options);
    Kernel *k = p ? front_kernel(p, &options) : NULL;
    if (!k) die(c->file, "not taken by the front end");
    return k;
}

typedef int Call(void *const *tensors, const int64_t *dims);

static Call *compiled(Arena *a, const Kernel *k) {
    char folder[] = "/tmp/knyfe-ratio-XXXXXX";
    if (!mkdtemp(folder)) die("/tmp", "no folder");
    const char *why = NULL;
    Out c = out_new(a), call = out_new(a);
    const TileMachine m = {.rows = 1, .cols = 1, .local = 2 << 20, .in_place = true, .lanes = 64, .accumulators = 28, .engines = test_engines(a, "registers")};
    const TileProgram *p = lower(k, &m, a, &why);
    if (!p) die(k->name, why);
    emit_host_tiles(p, NULL, &c);
    emit_host_call(k, &call);
    const char *file = arena_printf(a, "%s/k.c", folder), *other = arena_printf(a, "%s/call.c", folder);
    if (out_write(file, c.text, c.n, a) || out_write(other, call.text, call.n, a)) die(folder, "not written");
    const char *cc = getenv("CC") ? getenv("CC") : "cc";
    if (system(arena_printf(a, "cd %s && %s -std=gnu11 -O3 -march=native -shared -fPIC -w k.c call.c -o k.so -lm", folder, cc))) die("cc", NULL);
    void *so = dlopen(arena_printf(a, "%s/k.so", folder), RTLD_NOW);
    if (!so) die("k.so", dlerror());
    if (system(arena_printf(a, "rm -r %s", folder))) die(folder, "not removed");
    Call *f;
    *(void **)&f = dlsym(so, "knyfe_call");
    return f;
}

static int64_t elements(const Tensor *t, const int64_t *dims) {
    int64_t n = 1, extent = 0;
    for (int d = 0; d < t->rank; d++) {
        if (!expr_dims_value(t->shape[d], dims, &extent)) die(t->name, "extent");
        n *= extent;
    }
    return n;
}

/* Reals in -1 .. 1, a scalar its default, integers of a list of places at random, offsets (one more than a dim) evenly. */
static void *data(Arena *a, const Tensor *t, const int64_t *dims) {
    int64_t n = elements(t, dims), hi = 0;
    int bytes = dtype_table[t->type].bytes;
    char *at = arena_alloc(a, (size_t)n * (size_t)bytes + 64);
    bool ranged = t->hi && expr_dims_value(t->hi, dims, &hi), offsets = ranged && t->shape[0]->kind != X_DIM;
    for (int64_t i = 0; i < n; i++) {
        double x = t->value ? t->value->lit_f : (double)random() / 0x1p30 - 1;
        int64_t place = offsets ? i * (hi - 1) / (n > 1 ? n - 1 : 1) : ranged ? random() % hi : 0;
        dtype_store(t->type, at + i * bytes, x, place);
    }
    return at;
}

static int ascending(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

static double measure(const Case *c) {
    Arena *a = arena_new(0, out_of_memory, NULL);
    Kernel *k = kernel(a, c);
    void *tensors[TENSORS];
    const char *why = NULL;
    for (int i = 0; i < k->params.n; i++) tensors[i] = data(a, k->params.at[i], c->dims);
    for (int i = 0; i < k->outputs.n; i++) {
        const Tensor *t = k->outputs.at[i];
        tensors[k->params.n + i] = arena_alloc(a, (size_t)elements(t, c->dims) * (size_t)dtype_table[t->type].bytes + 64);
    }
    Call *f = compiled(a, k);
    double took[RUNS], begin = now();
    int runs = 0;
    for (int i = 0; i < 3; i++)
        if (f(tensors, c->dims)) die(c->name, "the kernel refuses its input");
    for (; runs < RUNS && (runs < 5 || now() - begin < 2); runs++) {
        double start = now();
        f(tensors, c->dims);
        took[runs] = now() - start;
    }
    qsort(took, (size_t)runs, sizeof *took, ascending);
    Eval *e = eval_new(a, k, c->dims, (const void *const *)tensors, NULL, &why);
    if (!e) die(c->name, why);
    double operations = eval_operations(e), start = now();
    eval_all(e);
    double oracle = operations / (now() - start), host = operations / took[runs / 2];
    printf("%-10s %8.3f ms (%.3f .. %.3f of %d)  %6.1f Gop/s  oracle %6.3f Gop/s  %5.0f times%s\n", c->name, 1e3 * took[runs / 2], 1e3 * took[0],
           1e3 * took[runs - 1], runs, 1e-9 * host, 1e-9 * oracle, host / oracle, host < NEEDED * oracle ? "  TOO FEW" : "");
    fflush(stdout);
    arena_free(a);
    return host / oracle;
}

int main(int argc, char **argv) {
    bool good = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc < 2 || !strcmp(argv[1], cases[i].name)) good = measure(&cases[i]) >= NEEDED && good;
    return good ? 0 : 1;
}
