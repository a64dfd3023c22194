/* knyfe run: emit, compile, run, compare, report. */
#include "emit/host.h"
#include "tool/bind.h"
#include "tool/blas.h"
#include "tool/compile.h"
#include "tool/exact.h"
#include "tool/grid.h"
#include "tool/npy.h"
#include "tool/progress.h"
#include "tool/report.h"
#include <math.h>
#include <string.h>

typedef struct Run {
    Tool *t;
    const Kernel *k;
    Binding b;
    const char *object;
    const char *schedule;      /* of a grid: its name */
    GridCode *grid;            /* not NULL: a program of PEs in place of the object */
    const TileProgram *tiles;  /* what it was emitted from, or NULL */
    CostReport estimate;
    bool makes;                /* at least one array is made from the seed */
    Array *inputs;
    Verdict real, integer;     /* on reals (or what was given), on small integers */
    Verdict positive;          /* on positive reals, when the others are no test */
    bool has_integer, has_positive, any_exact, all_exact;
    bool *exact;
    VEC(const char *) notes;
} Run;

static void note(Run *r, const char *text) { vec_push(r->t->arena, &r->notes, text); }

/* A C file of the user's, to be run in place of the emitted one; NULL: there is none. */
static const char *own_text(Run *r) {
    const char *path = r->t->options->emitted, *why;
    if (!path) return NULL;
    const Source *s = source_read(r->t->arena, path, &why);
    if (!s) tool_die(STATUS_ENVIRONMENT, "%s: %s", path, why);
    return s->text;
}

static int compile_grid(Run *r, const Machine *m) {
    int status = STATUS_GOOD;
    SimMachine machine;
    const char *own = own_text(r), *why = NULL;
    if (!grid_machine(r->t, m, &machine, &status)) return status;
    const TileProgram *p = own ? NULL : grid_lower(r->t, r->t->program, r->k, &machine, &why);
    if (!own && !p) {
        tool_error("kernel '%s' on %s: %s", r->k->name, m->name, why);
        return STATUS_PROGRAM;
    }
    Out c = out_new(r->t->arena);
    r->tiles = p;
    if (p) grid_emit(r->t, p, NULL, &c);
    progress_show(r->t, "compiling the C file", -1);
    r->grid = grid_compile(r->t, &machine, own ? own : c.text, r->k->name, "-O1", &why);
    if (r->grid && p) grid_charge(r->t, r->grid, p);
    r->schedule = own ? "given" : grid_schedule_name(r->t, r->t->program, r->k, &machine);
    if (r->grid) return grid_homes(r->t, r->grid);
    progress_clear(r->t);
    tool_error("%s", why);
    return STATUS_RUN;
}

static int compile(Run *r, const Machine *m) {
    if (m->emitter == EMIT_PE) return compile_grid(r, m);
    CUnit u = compile_emit(r->t, m, r->k);
    const char *own = own_text(r);
    if (own) u.kernel = own;
    progress_show(r->t, "compiling the C file", -1);
    Compiled c = compile_units(r->t, &u, 1, 3);
    r->object = c.path;
    if (!c.why) return 0;
    fputs(c.said, stderr);
    tool_error("%s", c.why);
    if (!r->t->options->emitted) tool_note("this is a fault of knyfe, not of %s", r->t->options->files.at[0]);
    return STATUS_RUN;
}

static Verdict trial(Tool *t, Run *r, const bool *exact, ChildCalls calls) {
    Trial tr = {.kernel = r->k, .grid = r->grid, .object = r->object, .entry = "knyfe_call", .dims = r->b.dims, .inputs = r->inputs, .exact = exact,
                .calls = calls, .made = r->makes};
    return trial_run(t, &tr);
}

static int make(Arena *a, Run *r, Style style, int amplitude, uint64_t seed) {
    InputPlan plan = {.given = r->b.given, .style = style, .amplitude = amplitude, .seed = seed};
    r->inputs = NEW_ARRAY(a, Array, r->k->params.n + 1);
    progress_show(r->t, "making inputs", -1);
    const char *why = trial_inputs(a, r->k, r->b.dims, &plan, r->inputs);
    if (!why) return 0;
    progress_clear(r->t);
    tool_error("%s", why);
    return STATUS_RUN;
}

/* An input that breaks a fact: what to do about it. */
static void explain_refusal(Run *r) {
    const Fact *f = r->real.fact;
    tool_error("the input is refused: %s", f->text);
    if (f->span.src) {
        Place p = source_place(f->span.src, f->span.lo);
        fprintf(stderr, "%s:%d:%d: it is asked for here\n", f->span.src->path, p.line, p.column);
    }
    for (int i = 0; i < r->k->params.n; i++) {
        const Tensor *t = r->k->params.at[i];
        if (!t->value && !r->b.given[i].data && dtype_is_int(t->type))
            fprintf(stderr, "'%s' was made from the seed; give your own: %s%s=%s\n", t->name, t->rank ? "--in " : "", t->name, t->rank ? "FILE.npy" : "VALUE");
    }
}

/* Contractions against OpenBLAS; on integers (`exact` given) against a checksum too. */
static void compare_blas(Run *r, Tool *t, Verdict *v, const bool *exact) {
    progress_show(r->t, "comparing with OpenBLAS", -1);
    BlasQuery q = {r->k, r->b.dims, v->inputs, v->child.outputs[0], v->eval, v->sampled, exact};
    BlasResults all = blas_compare(t->arena, &q);
    for (int i = 0; i < all.n; i++) {
        const BlasResult *b = &all.at[i];
        const char *whose = b->of_reference ? "the reference's" : "the kernel's";
        if (b->worst <= 1 && exact && !strncmp(b->against, "a checksum", 10))
            note(r, arena_printf(r->t->arena, "sums     '%s' against %s, every element", b->tensor, b->against));
        if (b->worst <= 1 && !exact)
            note(r, arena_printf(r->t->arena, "blas     %s '%s' against OpenBLAS in f64, %s: %.2g of the contraction's bound", whose, b->tensor,
                                 b->sampled ? "a sample" : "every element", b->worst));
        if (b->worst <= 1) continue;
        v->ok = false;
        out_f(&v->why, "%s '%s' differs from %s by %.3g times the contraction's bound\n", whose, b->tensor, b->against, b->worst);
    }
}

static void arena_over(void *context, const char *why) {
    (void)context;
    tool_die(STATUS_ENVIRONMENT, "%s", why);
}

/* A trial on other data, in memory that goes with it: reals that were given are replaced, integers that were given stay, since they may
 * be offsets and indices. */
static int other_trial(Run *r, Style style, int amplitude, const bool *exact, Verdict *v) {
    Tool one = *r->t;
    one.arena = arena_new(0, arena_over, NULL);
    Array *inputs = r->inputs, *given = r->b.given;
    r->b.given = NEW_ARRAY(one.arena, Array, r->k->params.n + 1);
    for (int i = 0; i < r->k->params.n; i++)
        if (!dtype_is_float(r->k->params.at[i]->type) || r->k->params.at[i]->rank == 0) r->b.given[i] = given[i];
    int status = make(one.arena, r, style, amplitude, r->t->options->seed + (uint64_t)style);
    if (!status) *v = trial(&one, r, exact, r->real.sampled ? CHILD_ONCE : CHILD_TWICE);
    r->b.given = given;
    r->inputs = inputs;
    if (v->ok && v->eval && !v->refused) compare_blas(r, &one, v, exact);
    child_release(&v->child);
    if (v->why.n) v->why.text = arena_printf(r->t->arena, "%s", v->why.text);
    v->dull = NULL;
    v->eval = NULL;
    arena_free(one.arena);
    return status;
}

/* Small integers, on which what is exact must be equal. */
static int run_integers(Run *r) {
    Arena *a = r->t->arena;
    r->exact = NEW_ARRAY(a, bool, r->k->outputs.n + 1);
    Array *given = NEW_ARRAY(a, Array, r->k->params.n + 1);
    for (int i = 0; i < r->k->params.n; i++)
        if (!dtype_is_float(r->k->params.at[i]->type) || r->k->params.at[i]->rank == 0) given[i] = r->b.given[i];
    int amplitude = exact_amplitude(a, r->k, r->b.dims, given, r->exact);
    r->all_exact = true;
    for (int i = 0; i < r->k->outputs.n; i++) {
        r->any_exact |= r->exact[i];
        r->all_exact &= r->exact[i];
    }
    r->has_integer = true;
    return other_trial(r, STYLE_INTEGERS, amplitude ? amplitude : 4, r->exact, &r->integer);
}

/* Reals that do not cancel, when neither the first data nor integers are a test. */
static int run_positive(Run *r) {
    r->has_positive = true;
    return other_trial(r, STYLE_POSITIVE, 0, NULL, &r->positive);
}

/* The least share of elements, of all data sets, whose bound tells little. */
static double least_loose(const Run *r) {
    double least = r->real.loose_share;
    if (r->has_integer && !r->integer.refused) least = r->all_exact ? 0 : fmin(least, r->integer.loose_share);
    if (r->has_positive && !r->positive.refused) least = fmin(least, r->positive.loose_share);
    return least;
}

/* Most elements are beyond judgement on all data. */
static bool no_test(const Run *r) { return r->real.ok && !r->real.refused && least_loose(r) > 0.5; }

/* Two axes of equal length swapped in an input must change the reference, or a kernel that mixes them up would pass. */
static bool swap_axes(Arena *a, const Array *x, Array *to) {
    if (x->rank < 2 || x->n == 0) return false;
    int p = x->rank - 2, q = x->rank - 1;
    int64_t m = x->extent[q];
    if (x->extent[p] != m || m < 2) return false;
    size_t w = (size_t)dtype_table[x->type].bytes;
    *to = *x;
    to->data = arena_alloc(a, array_bytes(x));
    for (int64_t i = 0; i < x->n; i++) {
        int64_t block = i / (m * m), row = i / m % m, col = i % m;
        memcpy((char *)to->data + (size_t)i * w, (char *)x->data + (size_t)(block * m * m + col * m + row) * w, w);
    }
    return true;
}

static bool same_reference(Run *r, const Array *inputs) {
    Arena *a = r->t->arena;
    const void **p = NEW_ARRAY(a, const void *, r->k->params.n + 1);
    for (int i = 0; i < r->k->params.n; i++) p[i] = inputs[i].data;
    const char *why;
    EvalOptions options = {.no_bounds = true};
    Eval *e = eval_new(a, r->k, r->b.dims, p, &options, &why);
    if (!e || eval_facts(e, NEW_ARRAY(a, int64_t, r->k->n_indices + 1)) >= 0) return false;
    eval_all(e);
    for (int i = 0; i < r->k->outputs.n; i++) {
        EvalArray x = eval_array(e, r->k->outputs.at[i]);
        Expected want = {x.n, NULL, x.value, x.ivalue, x.err, false};
        const Array *y = &r->real.child.outputs[0][i];
        for (int64_t j = 0; j < x.n; j++)
            if (compare_element(y, &want, j, false) > 1e3) return false;
    }
    return true;
}

static void check_symmetry(Run *r) {
    if (!r->makes || !r->real.ok || r->real.operations > 1e7 || !r->real.child.outputs[0]) return;
    for (int i = 0; i < r->k->params.n; i++) {
        if (r->b.given[i].data) continue;
        Array *inputs = NEW_ARRAY(r->t->arena, Array, r->k->params.n + 1);
        memcpy(inputs, r->inputs, sizeof *inputs * (size_t)r->k->params.n);
        if (!swap_axes(r->t->arena, &r->inputs[i], &inputs[i]) || !same_reference(r, inputs)) continue;
        note(r, arena_printf(r->t->arena, "note     swapping the last two axes of '%s' does not change the result: their order is not tested", r->k->params.at[i]->name));
    }
}

static const char *check_words(const Run *r) {
    if (r->real.refused) return r->real.ok ? "the input is refused, and nothing was written" : "the input is refused";
    if (!r->real.ok) return "the messages say what is wrong";
    Arena *a = r->t->arena;
    const char *how = r->real.sampled ? arena_printf(a, "%lld elements of a sample", (long long)r->real.compared) : "every element";
    double loose = least_loose(r);
    if (no_test(r)) return arena_printf(a, "the error bound is wider than 2^-6 of %.0f %% of the values, on all data tried; %s lies within it", 100 * loose, how);
    if (r->real.loose && r->all_exact) return arena_printf(a, "%s on integers bit for bit (the bound on reals is too wide to be a test)", how);
    if (loose > 0.01) return arena_printf(a, "%s within the error bound, which is too wide to tell much for %.0f %% of them: a weak test", how, 100 * loose);
    if (r->real.loose) return arena_printf(a, "%s within the error bound on %s (on the first data it is too wide to be a test)", how,
                                           r->has_positive && !r->positive.loose ? "positive reals" : "integers");
    if (r->has_integer && r->all_exact) return arena_printf(a, "%s within the error bound on reals, bit for bit on integers", how);
    return arena_printf(a, "%s within the error bound%s", how, r->has_integer ? ", on reals and on integers" : "");
}

static int write_outputs(Run *r) {
    const NameTexts *out = &r->t->options->out;
    for (int i = 0; i < out->n; i++) {
        const Array *y = NULL;
        for (int j = 0; j < r->k->outputs.n && r->real.child.outputs[0]; j++)
            if (!strcmp(r->k->outputs.at[j]->name, out->at[i].name)) y = &r->real.child.outputs[0][j];
        const char *why = y ? npy_write(r->t->arena, out->at[i].text, y) : NULL;
        if (why) {
            tool_error("%s", why);
            return STATUS_ENVIRONMENT;
        }
    }
    return 0;
}

/* Names of --out are looked at before anything is compiled. */
static int check_out_names(Tool *t, const Kernel *k) {
    for (int i = 0; i < t->options->out.n; i++) {
        bool found = false;
        for (int j = 0; j < k->outputs.n; j++) found |= !strcmp(k->outputs.at[j]->name, t->options->out.at[i].name);
        if (found) continue;
        tool_error("--out %s: kernel '%s' has no output of that name; it gives '%s'%s", t->options->out.at[i].name, k->name, k->outputs.at[0]->name,
                   k->outputs.n > 1 ? " and others" : "");
        return STATUS_USAGE;
    }
    return 0;
}

/* Scalars without a default that were not given are made from the seed: their values belong to the result. */
static void tell_scalars(Run *r) {
    for (int i = 0; i < r->k->params.n; i++) {
        const Tensor *t = r->k->params.at[i];
        if (t->rank || t->value || r->b.given[i].data) continue;
        const void *at = r->inputs[i].data;
        Out o = out_new(r->t->arena);
        out_f(&o, "made     %s=", t->name);
        if (dtype_is_float(t->type)) out_f(&o, "%.9g", dtype_load_float(t->type, at));
        else if (t->type == DT_BOOL) out_s(&o, dtype_load_int(t->type, at) ? "true" : "false");
        else out_f(&o, "%lld", (long long)dtype_load_int(t->type, at));
        out_s(&o, " from the seed (NAME=VALUE gives another)");
        note(r, o.text);
    }
}

/* What --lift and --trace ask of a run on the grid. */
static void tell_grid(Run *r, Report *report) {
    const GridRun *g = report->grid;
    if (!g || !r->real.child.outputs[0]) return;
    if (r->t->options->sim.trace) grid_trace(r->t, g);
    if (!r->t->options->sim.lift || r->real.refused) return;
    Out text = out_new(r->t->arena), json = out_new(r->t->arena);
    progress_show(r->t, "running with limits away", -1);
    grid_lift(r->t, g, &text, &json);
    report->lifts = text.text;
    report->lifts_json = json.text;
}

static void advise(Run *r, const Report *report) {
    Arena *a = r->t->arena;
    const char *file = r->t->options->files.at[0];
    if (r->real.dull) note(r, arena_printf(a, "note     %s: a weak test; give inputs with --in", r->real.dull));
    if (!r->real.ok || r->real.refused) return;
    if (report->time > 0 && report->time < 2e-6 && !report->grid) note(r, "next     larger dims: this run is over before a clock can tell much");
    const char *target = r->t->options->target ? arena_printf(a, " -t %s", r->t->options->target) : "";
    note(r, arena_printf(a, "next     knyfe test %s%s tries more shapes and data; knyfe %s%s > %s.c writes the C file", file, target, file, target, r->k->name));
}

static int finish(Run *r, const Machine *m) {
    Tool *t = r->t;
    if (r->has_integer && !r->integer.ok && !r->integer.refused) {
        r->real.ok = false;
        out_f(&r->real.why, "on small integers%s:\n%s", r->any_exact ? ", where equality is asked for" : "", r->integer.why.text ? r->integer.why.text : "");
    }
    if (r->has_positive && !r->positive.ok && !r->positive.refused) {
        r->real.ok = false;
        out_f(&r->real.why, "on reals from 1 to 2:\n%s", r->positive.why.text ? r->positive.why.text : "");
    }
    Report report = {.kernel = r->k, .machine = m, .dims = r->b.dims, .schedule = r->schedule ? r->schedule : "auto", .ok = r->real.ok, .refused = r->real.refused,
                     .ratio = fmax(r->real.ratio, r->has_integer && !r->any_exact ? r->integer.ratio : 0), .check = check_words(r), .no_test = no_test(r),
                     .loose = least_loose(r), .sampled = r->real.sampled, .compared = r->real.compared};
    report.grid = r->real.child.grid;
    report.map = t->options->sim.grid;
    if (report.grid && r->tiles && grid_estimate(t, r->tiles, report.grid, r->b.dims, &r->estimate)) report.estimate = &r->estimate;
    if (r->real.child.outputs[0] && !r->real.refused) report_measure(t->arena, &report, &r->real);
    tell_scalars(r);
    tell_grid(r, &report);
    advise(r, &report);
    report.notes = r->notes.at;
    report.n_notes = r->notes.n;
    progress_clear(t);
    if (r->real.fact) explain_refusal(r);
    if (!r->real.ok && r->real.why.n) fputs(r->real.why.text, stderr);
    int status = r->real.ok && !r->real.refused && !report.no_test ? STATUS_GOOD : STATUS_RUN;
    if (!t->options->json || strcmp(t->options->json, "-")) {
        Out o = out_new(t->arena);
        report_text(&report, &o);
        tool_write(t, "-", o.text, o.n);
    }
    if (t->options->json) report_json(t, &report, t->options->json);
    int written = status == STATUS_GOOD || report.no_test ? write_outputs(r) : 0;
    return written ? written : status;
}

int cmd_run(Tool *t) {
    Progress progress = {0};
    t->progress = &progress;
    int status = STATUS_GOOD;
    const Machine *m = machine_find(t, t->options->target, &status);
    Run r = {.t = t};
    r.k = m ? tool_kernel(t, t->options->files.at[0], &status) : NULL;
    if (!r.k) return status;
    if ((status = check_out_names(t, r.k)) || (status = bind_run(t, r.k, &r.b))) return status;
    for (int i = 0; i < r.k->params.n; i++) r.makes |= !r.k->params.at[i]->value && !r.b.given[i].data;
    if ((status = make(t->arena, &r, STYLE_NORMAL, 0, t->options->seed)) || (status = compile(&r, m))) return status;
    r.real = trial(t, &r, NULL, CHILD_TIMED);
    bool ran = !r.real.refused && r.real.child.end == CHILD_RETURNED;
    if (ran && r.real.ok && r.real.eval) compare_blas(&r, t, &r.real, NULL);
    if (ran && (r.makes || r.real.loose) && (status = run_integers(&r))) return status;
    if (ran && r.real.loose && !r.all_exact && (status = run_positive(&r))) return status;
    check_symmetry(&r);
    status = finish(&r, m);
    grid_close(r.grid);
    return status;
}
