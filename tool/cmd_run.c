/* knyfe run: emit, compile, run, compare, report. */
#include "emit/host.h"
#include "tool/bind.h"
#include "tool/blas.h"
#include "tool/compile.h"
#include "tool/exact.h"
#include "tool/npy.h"
#include "tool/report.h"
#include <math.h>
#include <string.h>

typedef struct Run {
    Tool *t;
    const Kernel *k;
    Binding b;
    const char *object;
    bool makes;                /* at least one array is made from the seed */
    Array *inputs;
    Verdict real, integer;     /* on reals (or what was given), on small integers */
    bool has_integer, any_exact, all_exact;
    bool *exact;
    VEC(const char *) notes;
} Run;

static void note(Run *r, const char *text) { vec_push(r->t->arena, &r->notes, text); }

/* The unit that is run: emitted, or a C file of the user's with the same interface. */
static CUnit unit(Run *r) {
    CUnit u = compile_emit(r->t, r->k);
    const char *path = r->t->options->emitted, *why;
    if (!path) return u;
    const Source *s = source_read(r->t->arena, path, &why);
    if (!s) tool_die(STATUS_ENVIRONMENT, "%s: %s", path, why);
    u.kernel = s->text;
    return u;
}

static int compile(Run *r) {
    CUnit u = unit(r);
    Compiled c = compile_units(r->t, &u, 1, 3);
    r->object = c.path;
    if (!c.why) return 0;
    fputs(c.said, stderr);
    tool_error("%s", c.why);
    if (!r->t->options->emitted) tool_note("this is a fault of knyfe, not of %s", r->t->options->files.at[0]);
    return STATUS_RUN;
}

static Verdict trial(Run *r, const bool *exact, bool timed) {
    Trial tr = {.kernel = r->k, .object = r->object, .entry = "knyfe_call", .dims = r->b.dims, .inputs = r->inputs, .exact = exact,
                .timed = timed, .made = r->makes};
    return trial_run(r->t, &tr);
}

static int make(Run *r, Style style, int amplitude, uint64_t seed) {
    InputPlan plan = {.given = r->b.given, .style = style, .amplitude = amplitude, .seed = seed};
    r->inputs = NEW_ARRAY(r->t->arena, Array, r->k->params.n + 1);
    const char *why = trial_inputs(r->t->arena, r->k, r->b.dims, &plan, r->inputs);
    if (!why) return 0;
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
        if (t->rank && !r->b.given[i].data && dtype_is_int(t->type))
            fprintf(stderr, "'%s' was made from the seed; give your own: --in %s=FILE.npy\n", t->name, t->name);
    }
}

static void compare_blas(Run *r) {
    if (r->real.child.end != CHILD_RETURNED || r->real.child.returned || !r->real.child.outputs[0]) return;
    BlasResult b = blas_compare(r->k, r->b.dims, r->inputs, r->real.child.outputs[0]);
    if (!b.done) return;
    note(r, arena_printf(r->t->arena, "blas     '%s' against OpenBLAS in f64, every element: %.2g of the contraction's bound", b.tensor, b.worst));
    if (b.worst <= 1) return;
    r->real.ok = false;
    out_f(&r->real.why, "'%s' differs from OpenBLAS by %.3g times the contraction's bound\n", b.tensor, b.worst);
}

/* The second data set: small integers, on which what is exact must be equal. */
static int run_integers(Run *r) {
    Arena *a = r->t->arena;
    r->exact = NEW_ARRAY(a, bool, r->k->outputs.n + 1);
    int amplitude = exact_amplitude(a, r->k, r->b.dims, r->b.given, r->exact);
    r->all_exact = true;
    for (int i = 0; i < r->k->outputs.n; i++) {
        r->any_exact |= r->exact[i];
        r->all_exact &= r->exact[i];
    }
    Array *kept = r->inputs;
    int status = make(r, STYLE_INTEGERS, amplitude ? amplitude : 4, r->t->options->seed + 1);
    if (!status) r->integer = trial(r, r->exact, false);
    r->has_integer = !status;
    r->inputs = kept;
    return status;
}

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
        Expected want = {x.n, NULL, x.value, x.ivalue, x.err};
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
    Arena *a = r->t->arena;
    const char *how = r->real.sampled ? "a sample of elements" : "every element";
    if (r->real.loose && !r->all_exact) return arena_printf(a, "no test: the error bound is wider than 2^-6 of the values; equal to it within that");
    if (r->real.loose) return arena_printf(a, "%s on integers bit for bit (the bound on reals is too wide to be a test)", how);
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
            tool_error("%s: %s", out->at[i].text, why);
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

static void advise(Run *r, const Report *report) {
    Arena *a = r->t->arena;
    const char *file = r->t->options->files.at[0];
    if (r->real.dull) note(r, arena_printf(a, "note     %s: a weak test; give inputs with --in", r->real.dull));
    if (!r->real.ok || r->real.refused) return;
    if (report->time > 0 && report->time < 2e-6) note(r, "next     larger dims: this run is over before a clock can tell much");
    note(r, arena_printf(a, "next     knyfe test %s tries more shapes and data; knyfe %s > %s.c writes the C file", file, file, r->k->name));
}

static int finish(Run *r, const Machine *m) {
    Tool *t = r->t;
    if (r->has_integer && !r->integer.ok) {
        r->real.ok = false;
        out_f(&r->real.why, "on small integers%s:\n%s", r->any_exact ? ", where equality is asked for" : "", r->integer.why.text ? r->integer.why.text : "");
    }
    Report report = {.kernel = r->k, .machine = m, .dims = r->b.dims, .schedule = "auto", .ok = r->real.ok, .refused = r->real.refused,
                     .ratio = fmax(r->real.ratio, r->has_integer && !r->any_exact ? r->integer.ratio : 0), .check = check_words(r)};
    if (r->real.child.outputs[0] && !r->real.refused) report_measure(&report, &r->real, r->inputs, r->real.child.outputs[0]);
    advise(r, &report);
    report.notes = r->notes.at;
    report.n_notes = r->notes.n;
    if (r->real.fact) explain_refusal(r);
    if (!r->real.ok && r->real.why.n) fputs(r->real.why.text, stderr);
    int status = r->real.ok && !r->real.refused ? STATUS_GOOD : STATUS_RUN;
    if (t->options->json) report_json(t, &report, t->options->json);
    if (!t->options->json || strcmp(t->options->json, "-")) {
        Out o = out_new(t->arena);
        report_text(&report, &o);
        tool_write(t, "-", o.text, o.n);
    }
    int written = status == STATUS_GOOD ? write_outputs(r) : 0;
    return written ? written : status;
}

int cmd_run(Tool *t) {
    int status = STATUS_GOOD;
    const Machine *m = machine_find(t, t->options->target, &status);
    Run r = {.t = t};
    r.k = m ? tool_kernel(t, t->options->files.at[0], &status) : NULL;
    if (!r.k) return status;
    if ((status = check_out_names(t, r.k)) || (status = bind_run(t, r.k, &r.b))) return status;
    for (int i = 0; i < r.k->params.n; i++) r.makes |= r.k->params.at[i]->rank > 0 && !r.b.given[i].data;
    if ((status = make(&r, STYLE_NORMAL, 0, t->options->seed)) || (status = compile(&r))) return status;
    r.real = trial(&r, NULL, true);
    if (r.makes && !r.real.refused && r.real.child.end == CHILD_RETURNED && (status = run_integers(&r))) return status;
    if (!r.real.refused) compare_blas(&r);
    check_symmetry(&r);
    return finish(&r, m);
}
