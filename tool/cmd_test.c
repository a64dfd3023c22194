/* knyfe test: the test blocks of files, and kernels without one on shapes and distributions of the runner's own. */
#include "tool/compile.h"
#include "tool/exact.h"
#include "tool/grid.h"
#include "tool/laws.h"
#include "tool/tap.h"
#include "tool/testcase.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* One kernel with its compile-time arguments, and the blocks that test it. */
typedef struct Job {
    const char *suite, *key;
    Kernel *kernel;
    const ATest *test;           /* NULL: none, the runner's own cases */
    int unit;                    /* which of the units compiled together */
    const Program *program;      /* that the kernel is of */
} Job;

typedef struct Session {
    Tool *t;
    Tap *tap;
    VEC(Job) jobs;               /* not run yet */
    VEC(CUnit) units;
    int group;                   /* units of one call of the compiler */
    const Machine *machine;
    const SimMachine *grid;      /* the target is a grid of PEs: this one */
} Session;

/* A compiled unit: an object with an entry, or a program of PEs. */
typedef struct Code { const char *object, *entry; const GridCode *grid; } Code;

static double now(void) {
    struct timespec s;
    clock_gettime(CLOCK_MONOTONIC, &s);
    return (double)s.tv_sec + 1e-9 * (double)s.tv_nsec;
}

/* --- cases --- */

static void arena_over(void *context, const char *why) {
    (void)context;
    tool_die(STATUS_ENVIRONMENT, "%s", why);
}

static Verdict run_trial(Tool *t, const Job *j, const TestCase *c, Code code, Array *inputs) {
    const Kernel *k = j->kernel;
    bool *exact = NULL, stated = false;
    for (int i = 0; i < k->params.n; i++) stated |= c->laws[i].kind != LAW_DEFAULT;
    int amplitude = 4;
    if (c->style == STYLE_INTEGERS && !stated) {
        exact = NEW_ARRAY(t->arena, bool, k->outputs.n + 1);
        int best = exact_amplitude(t->arena, k, c->dims, c->given, exact);
        if (best) amplitude = best;
    }
    InputPlan plan = {.laws = c->laws, .given = c->given, .style = c->style, .amplitude = amplitude, .seed = t->options->seed};
    const char *why = trial_inputs(t->arena, k, c->dims, &plan, inputs);
    if (why) {
        Verdict v = {.ok = false, .refused = true, .why = out_new(t->arena)};
        out_f(&v.why, "%s\n", why);
        return v;
    }
    Trial r = {.kernel = k, .object = code.object, .entry = code.entry, .grid = code.grid, .dims = c->dims, .inputs = inputs, .exact = exact, .expect = c->expect,
               .calls = CHILD_TWICE};
    return trial_run(t, &r);
}

static bool has_expect(const Kernel *k, const TestCase *c) {
    for (int i = 0; i < k->outputs.n; i++)
        if (c->expect[i].data) return true;
    return false;
}

static void run_case(Session *s, const Job *j, const TestCase *c, Code code) {
    tap_progress(s->tap, j->suite);
    if (c->why) {
        tap_result(s->tap, j->suite, c->name, false, NULL, c->why, 0);
        return;
    }
    Tool one = *s->t;
    one.arena = arena_new(0, arena_over, NULL);
    double start = now();
    Verdict v = run_trial(&one, j, c, code, NEW_ARRAY(one.arena, Array, j->kernel->params.n + 1));
    const char *why = v.why.n ? v.why.text : NULL, *skip = NULL;
    /* An input that could not be made, or that breaks what no code tests, is no fault of the kernel unless the block gave it. */
    bool stated = has_expect(j->kernel, c);
    bool outside = !v.ok && !stated && (v.refused || (!v.child.outputs[0] && v.child.end == CHILD_RETURNED && !v.child.why && !v.fact)) && v.child.n_times == 0
                   && (!v.fact || v.fact->number == 0 || s->t->options->no_check) && !v.child.outputs[0];
    if (outside) skip = "no such input", v.ok = true;
    else if (v.refused && stated) v.ok = false, why = arena_printf(one.arena, "the data given break %s\n", v.fact ? v.fact->text : "a fact");
    else if (v.ok && v.refused) why = "refused as it must be, and nothing was written\n";
    else if (v.ok && v.loose_share > 0.5 && !stated) skip = "no test: the error bound is wider than 2^-6 of most values";
    else if (v.ok && v.loose)
        why = arena_printf(one.arena, "a weak test: the error bound is wider than 2^-6 of %.0f %% of the values\n", 100 * v.loose_share);
    tap_result(s->tap, j->suite, c->name, v.ok, skip, why, now() - start);
    child_release(&v.child);
    arena_free(one.arena);
}

static void run_job(Session *s, const Job *j, Code code) {
    TestCases cases = testcase_all(s->t, j->kernel, j->test);
    for (int i = 0; i < cases.n; i++) run_case(s, j, &cases.at[i], code);
}

/* --- groups --- */

static void run_jobs_of(Session *s, int unit, Code code) {
    for (int i = 0; i < s->jobs.n; i++)
        if (s->jobs.at[i].unit == unit) run_job(s, &s->jobs.at[i], code);
}

static const char *suite_of(const Session *s, int unit) {
    for (int i = 0; i < s->jobs.n; i++)
        if (s->jobs.at[i].unit == unit) return s->jobs.at[i].suite;
    return "";
}

static const Job *job_of(const Session *s, int unit) {
    for (int i = 0; i < s->jobs.n; i++)
        if (s->jobs.at[i].unit == unit) return &s->jobs.at[i];
    return NULL;
}

/* The units as programs of PEs, one after another. */
static void flush_grid(Session *s) {
    for (int u = 0; u < s->units.n; u++) {
        const char *why = NULL;
        double start = now();
        GridCode *c = grid_build(s->t, job_of(s, u)->program, job_of(s, u)->kernel, s->grid, "-O0", &why);
        if (!c) tap_result(s->tap, suite_of(s, u), arena_printf(s->t->arena, "it is compiled for %s", s->grid->name), false, NULL, arena_printf(s->t->arena, "%s\n", why), now() - start);
        else run_jobs_of(s, u, (Code){.grid = c});
        grid_close(c);
    }
    s->jobs.n = s->units.n = 0;
}

/* Compiles what was gathered and runs it. A group that does not compile is tried one by one, to name the one at fault. */
static void flush(Session *s) {
    int n = s->units.n, level = s->t->options->batch ? 1 : 3;
    if (!n) return;
    tap_progress(s->tap, "compiling");
    if (s->grid) {
        flush_grid(s);
        return;
    }
    Compiled all = compile_units(s->t, s->units.at, n, level);
    for (int u = 0; u < n; u++) {
        if (!all.why) {
            run_jobs_of(s, u, (Code){all.path, compile_entry(s->t->arena, u, n), NULL});
            continue;
        }
        Compiled one = n == 1 ? all : compile_units(s->t, &s->units.at[u], 1, level);
        if (one.why) tap_result(s->tap, suite_of(s, u), "the emitted C compiles", false, NULL, arena_printf(s->t->arena, "%s\n%s", one.why, one.said), one.seconds);
        else run_jobs_of(s, u, (Code){one.path, compile_entry(s->t->arena, 0, 1), NULL});
    }
    s->jobs.n = s->units.n = 0;
}

static const char *cval_text(Arena *a, const ACval *v) { return v->is_int ? arena_printf(a, "%lld", (long long)v->i) : v->name.text; }

static void add_job(Session *s, const char *suite, const char *key, const Program *p, Kernel *k, const ATest *test) {
    Job j = {suite, key, k, test, -1, p};
    for (int i = 0; i < s->jobs.n; i++)
        if (!strcmp(s->jobs.at[i].key, key)) j.unit = s->jobs.at[i].unit;
    if (j.unit < 0) {
        j.unit = s->units.n;
        vec_push(s->t->arena, &s->units, s->grid ? (CUnit){.name = k->name} : compile_emit(s->t, s->machine, k));
        laws_test(s->t, s->tap, k, suite);
    }
    vec_push(s->t->arena, &s->jobs, j);
}

static void diags_result(Session *s, Tool *one, const char *suite, const char *name) {
    Out o = out_new(one->arena);
    diag_print(one->diags, &o, false);
    tap_result(s->tap, suite, name, false, NULL, o.n ? o.text : "it can't be read", 0);
}

/* The kernel of a block, with the block's arguments over those of -D. */
static void add_test(Session *s, Tool *one, Program *p, const FrontOptions *front, const ATest *test, const char *kernel) {
    Arena *a = one->arena;
    VEC(FrontArg) args = {0};
    for (int i = 0; i < front->n_args && !test; i++) vec_push(a, &args, front->args[i]);
    Out suite = out_new(a);
    out_f(&suite, "%s", kernel);
    for (int i = 0; test && i < test->cargs.n; i++) {
        FrontArg arg = {test->cargs.at[i].name.text, cval_text(a, &test->cargs.at[i].value)};
        vec_push(a, &args, arg);
        out_f(&suite, "%s%s = %s", i ? ", " : "<", arg.name, arg.value);
    }
    if (test && test->cargs.n) out_s(&suite, ">");
    FrontOptions own = *front;
    own.kernel = kernel;
    own.args = args.at;
    own.n_args = args.n;
    Kernel *k = front_kernel(p, &own);
    if (!k) {
        diags_result(s, one, suite.text, "is right");
        return;
    }
    add_job(s, suite.text, arena_printf(a, "%p %s", (void *)p, suite.text), p, k, test);
}

static void test_file(Session *s, const char *path) {
    Tool one = *s->t;
    one.diags = diags_new(one.arena);
    const char *why;
    const Source *src = source_read(one.arena, path, &why);
    if (!src) tool_die(STATUS_ENVIRONMENT, "%s: %s", path, why);
    FrontOptions front = tool_front_options(&one);
    Program *p = front_load(one.arena, one.names, one.diags, src, &front);
    if (!p) {
        diags_result(s, &one, path, "is right");
        return;
    }
    const AFile *f = front_file(p, 0);
    for (int i = 0; i < f->kernels.n; i++) {
        const char *name = f->kernels.at[i]->name.text;
        if (s->t->options->kernel && strcmp(name, s->t->options->kernel)) continue;
        bool any = false;
        for (int j = 0; j < f->tests.n; j++) {
            if (f->tests.at[j]->kernel.text != name) continue;
            any = true;
            add_test(s, &one, p, &front, f->tests.at[j], name);
        }
        if (!any) add_test(s, &one, p, &front, NULL, name);
        if (s->units.n >= s->group) flush(s);
    }
    if (!s->t->options->batch) flush(s);
}

/* --- folders --- */

static int by_text(const void *x, const void *y) { return strcmp(*(const char *const *)x, *(const char *const *)y); }

static void test_path(Session *s, const char *path, int depth) {
    struct stat st;
    if (stat(path, &st)) tool_die(STATUS_ENVIRONMENT, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) {
        test_file(s, path);
        return;
    }
    DIR *d = opendir(path);
    if (!d) tool_die(STATUS_ENVIRONMENT, "%s: %s", path, strerror(errno));
    VEC(const char *) names = {0};
    for (struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        bool knf = n > 4 && !strcmp(e->d_name + n - 4, ".knf");
        if (e->d_name[0] == '.') continue;
        const char *full = arena_printf(s->t->arena, "%s/%s", path, e->d_name);
        if (knf || (depth < 16 && !stat(full, &st) && S_ISDIR(st.st_mode))) vec_push(s->t->arena, &names, full);
    }
    closedir(d);
    if (names.n) qsort(names.at, (size_t)names.n, sizeof *names.at, by_text);
    for (int i = 0; i < names.n; i++) test_path(s, names.at[i], depth + 1);
}

int cmd_test(Tool *t) {
    int status = STATUS_GOOD;
    const Machine *m = machine_find(t, t->options->target, &status);
    SimMachine grid;
    if (!m || (m->emitter == EMIT_PE && !grid_machine(t, m, &grid, &status))) return status;
    Session s = {.t = t, .machine = m, .group = t->options->batch ? t->options->batch : 8};
    if (m->emitter == EMIT_PE) s.grid = &grid;
    s.tap = tap_new(t);
    for (int i = 0; i < t->options->files.n; i++) test_path(&s, t->options->files.at[i], 0);
    flush(&s);
    return tap_finish(s.tap);
}
