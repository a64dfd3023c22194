#include "tool/trial.h"
#include "tool/grid.h"
#include "tool/progress.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const void **pointers(Arena *a, const Kernel *k, const Array *inputs) {
    const void **p = NEW_ARRAY(a, const void *, k->params.n + 1);
    for (int i = 0; i < k->params.n; i++) p[i] = inputs[i].data;
    return p;
}

const Fact *trial_broken_fact(Arena *a, const Kernel *k, const int64_t *dims, const Array *inputs, int64_t *point, const char **why) {
    EvalOptions options = {.no_bounds = true};
    *why = NULL;
    Eval *e = eval_new(a, k, dims, pointers(a, k, inputs), &options, why);
    if (!e) return NULL;
    int f = eval_facts(e, point);
    return f < 0 ? NULL : &k->facts.at[f];
}

const char *trial_inputs(Arena *a, const Kernel *k, const int64_t *dims, const InputPlan *plan, Array *inputs) {
    const char *why = inputs_make(a, k, dims, plan, inputs);
    int64_t *point = NEW_ARRAY(a, int64_t, k->n_indices + 1);
    for (int tries = 0; !why && tries < 4; tries++) {
        const Fact *f = trial_broken_fact(a, k, dims, inputs, point, &why);
        if (why || !f) return why;
        if (!inputs_repair(k, f, dims, plan, inputs)) return NULL;     /* the fact is for the run to report */
    }
    return why;
}

/* --- the reference --- */

typedef struct Reference { Eval *eval; Expected *outputs; bool sampled; } Reference;

enum { SAMPLE_POINTS = 10000, SAMPLE_BATCH = 512, LINE_POINTS = 64 };
static const double sample_seconds = 2;

/* The flat positions of a sample: corners, then by turns single elements and elements of one line along each axis, since neighbours
 * often share what is costly (a row's maximum), but faults may stand anywhere. */
static int64_t sample_places(const Array *y, uint64_t seed, int64_t *at) {
    int64_t n = 0, stride[ARRAY_RANK_MAX + 1];
    stride[y->rank] = 1;
    for (int d = y->rank - 1; d >= 0; d--) stride[d] = stride[d + 1] * y->extent[d];
    for (int64_t c = 0; c < (int64_t)1 << y->rank; c++) {
        at[n] = 0;
        for (int d = 0; d < y->rank; d++) at[n] += (c >> d & 1 ? y->extent[d] - 1 : 0) * stride[d + 1];
        n++;
    }
    for (int64_t line = 0; n < SAMPLE_POINTS; line++) {
        int64_t start = (int64_t)(inputs_random(&seed) % (uint64_t)y->n);
        int axis = y->rank ? y->rank - 1 - (int)(line % (y->rank + 1)) : -1;
        if (axis < 0) {
            for (int i = 0; i < 8; i++) at[n++] = (int64_t)(inputs_random(&seed) % (uint64_t)y->n);
            continue;
        }
        start -= start / stride[axis + 1] % y->extent[axis] * stride[axis + 1];
        for (int i = 0; i < LINE_POINTS; i++)
            at[n++] = start + (int64_t)(inputs_random(&seed) % (uint64_t)y->extent[axis]) * stride[axis + 1];
    }
    return n;
}

static double cpu_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* What the reference says at places of one output, as many as the time allows, and one batch at least. */
static Expected sample(Tool *t, Eval *e, const Tensor *out, const Array *y) {
    Arena *a = t->arena;
    int64_t room = SAMPLE_POINTS + (1 << ARRAY_RANK_MAX) + LINE_POINTS, all = y->n, *at = NEW_ARRAY(a, int64_t, room);
    if (y->n > room) all = sample_places(y, t->options->seed, at);
    else for (int64_t i = 0; i < all; i++) at[i] = i;
    double *value = NEW_ARRAY(a, double, room), *err = NEW_ARRAY(a, double, room), start = cpu_seconds();
    int64_t *ivalue = NEW_ARRAY(a, int64_t, room), done = 0;
    while (done < all && (done == 0 || cpu_seconds() - start < sample_seconds)) {
        int64_t n = done == 0 ? (int64_t)1 << y->rank : SAMPLE_BATCH;       /* corners first: they tell how long it takes */
        if (n > all - done) n = all - done;
        eval_points(e, out, n, at + done, value + done, ivalue + done, err + done);
        done += n;
        progress_show(t, "reference, a sample", (double)done / (double)all);
    }
    return (Expected){done, at, value, ivalue, err, false};
}

/* Arrays of the reference that would take so much memory that to clear it takes longer than to compute. */
static bool is_large(Arena *a, const Kernel *k, const int64_t *dims) {
    double bytes = 0;
    for (int i = 0; i < k->tensors.n; i++) {
        Array x;
        if (k->tensors.at[i]->role != TR_INPUT && !inputs_shape(a, k->tensors.at[i], dims, &x)) bytes += 16.0 * (double)x.n;
    }
    return bytes > 1 << 30;
}

static Reference reference(Tool *t, const Trial *r, Eval *e, const Array *out, double operations) {
    const Kernel *k = r->kernel;
    Reference ref = {e, NEW_ARRAY(t->arena, Expected, k->outputs.n + 1), operations > (double)t->options->operations_limit};
    ref.sampled |= !t->options->full_check && is_large(t->arena, k, r->dims);
    bool *signs = NEW_ARRAY(t->arena, bool, k->outputs.n + 1);
    compare_zero_signs(t->arena, k, signs);
    if (!ref.sampled) eval_all(e);
    for (int i = 0; i < k->outputs.n; i++) {
        if (ref.sampled) {
            ref.outputs[i] = sample(t, e, k->outputs.at[i], &out[i]);
            ref.outputs[i].zero_signs = signs[i];
            continue;
        }
        EvalArray x = eval_array(e, k->outputs.at[i]);
        ref.outputs[i] = (Expected){x.n, NULL, x.value, x.ivalue, x.err, signs[i]};
    }
    return ref;
}

/* --- judging --- */

static void judge_expect(Verdict *v, const Trial *r, const Tensor *t, const Array *y, const Expected *x, const Array *want) {
    int bytes = dtype_table[t->type].bytes;
    double u = dtype_is_float(t->type) ? ldexp(1, -dtype_table[t->type].precision) : 0;
    double *value = malloc(sizeof(double) * (size_t)(x->n + 1)), *err = malloc(sizeof(double) * (size_t)(x->n + 1));
    int64_t *ivalue = malloc(sizeof(int64_t) * (size_t)(x->n + 1));
    if (!value || !err || !ivalue) tool_die(STATUS_ENVIRONMENT, "out of memory");
    int64_t own = 0;
    for (int64_t p = 0; p < x->n; p++) {
        const char *at = (const char *)want->data + (x->at ? x->at[p] : p) * bytes;
        value[p] = dtype_is_float(t->type) ? dtype_load_float(t->type, at) : 0;
        ivalue[p] = dtype_is_float(t->type) ? 0 : dtype_load_int(t->type, at);
        err[p] = (x->err ? x->err[p] : 0) + (isinf(value[p]) ? 0 : u * fabs(value[p]));
        if (dtype_is_float(t->type)) own += isnan(value[p]) != isnan(x->value[p]) || !(isnan(value[p]) || value[p] == x->value[p] || fabs(value[p] - x->value[p]) <= err[p]);
        else own += fabs((double)ivalue[p] - (double)x->ivalue[p]) > err[p];
    }
    Expected given = {x->n, x->at, value, ivalue, err, false};
    Comparison c = compare_both(y, y, &given, false);
    if (c.bad) {
        out_s(&v->why, "against the result given by 'expect':\n");
        explain_difference(&v->why, r->kernel, t, y, &given, &c, false, r->inputs);
    }
    if (own) out_f(&v->why, "the reference itself differs from 'expect' in %lld elements of '%s'\n", (long long)own, t->name);
    v->ok &= !c.bad && !own;
    free(value);
    free(err);
    free(ivalue);
}

/* On a grid: who stored the wrong elements that are shown. */
static void explain_writers(Verdict *v, const Tensor *out, const Expected *x, const Comparison *c) {
    int row, col, last = -1;
    for (int i = 0; i < c->n_shown; i++) {
        int64_t at = x->at ? x->at[c->shown[i]] : c->shown[i];
        if (!grid_writer(v->child.grid, out->name, at, &row, &col) || row * 1000 + col == last) continue;
        out_f(&v->why, "  element %lld of '%s' was stored by PE (%d, %d)\n", (long long)at, out->name, row, col);
        last = row * 1000 + col;
    }
}

static void judge_output(Tool *t, Verdict *v, const Trial *r, int i, const Expected *x) {
    const Tensor *out = r->kernel->outputs.at[i];
    const Array *y = &v->child.outputs[0][i];
    bool exact = r->exact && r->exact[i];
    Comparison c = compare_both(y, v->child.outputs[1] ? &v->child.outputs[1][i] : y, x, exact);
    v->compared += c.compared;
    v->ratio = fmax(v->ratio, c.ratio);
    if (c.compared) v->loose_share = fmax(v->loose_share, (double)c.loose / (double)c.compared);
    v->loose = v->loose_share > 0.01;
    if (r->made && c.compared >= 16 && !v->dull) {
        if (c.zeros * 10 > c.compared * 9) v->dull = arena_printf(t->arena, "%.0f %% of the reference for '%s' is zero", 100.0 * (double)c.zeros / (double)c.compared, out->name);
        else if (c.same * 10 > c.compared * 9) v->dull = arena_printf(t->arena, "the reference for '%s' is nearly constant", out->name);
    }
    if (!compare_ok(&c)) {
        v->ok = false;
        explain_difference(&v->why, r->kernel, out, y, x, &c, exact, r->inputs);
        if (v->child.grid) explain_writers(v, out, x, &c);
    }
    if (r->expect && r->expect[i].data) judge_expect(v, r, out, y, x, &r->expect[i]);
}

/* No element of any output was written. */
static bool untouched(const ChildResult *c, const Kernel *k) {
    for (int i = 0; i < k->outputs.n; i++) {
        const Array *y = &c->outputs[0][i];
        size_t w = (size_t)dtype_table[y->type].bytes;
        unsigned char poison[8];
        child_poison(y->type, 0, poison);
        for (int64_t p = 0; p < y->n; p++)
            if (memcmp((char *)y->data + (size_t)p * w, poison, w)) return false;
    }
    return true;
}

static void judge_refusal(Verdict *v, const Trial *r) {
    int want = v->fact->number;
    v->refused = true;
    if (v->child.returned != want) {
        v->ok = false;
        out_f(&v->why, "the input breaks fact %d (%s), but the kernel returned %d\n", want, v->fact->text, v->child.returned);
    } else if (!untouched(&v->child, r->kernel)) {
        v->ok = false;
        out_f(&v->why, "the kernel refused its input (%s), but had written outputs before\n", v->fact->text);
    }
}

static void judge_child(Verdict *v) {
    if (v->child.end != CHILD_RETURNED) out_f(&v->why, "%s\n", v->child.why);
    else if (v->child.touched) out_f(&v->why, "%s\n", v->child.touched);
    v->ok &= v->child.end == CHILD_RETURNED && !v->child.touched;
}

static const char *fact_text(const Kernel *k, int number) {
    for (int i = 0; i < k->facts.n; i++)
        if (k->facts.at[i].number == number && number) return k->facts.at[i].text;
    return "no fact of that number";
}

static ChildResult run_child(Tool *t, const Trial *r, const Array *out) {
    const Kernel *k = r->kernel;
    const char **in_names = NEW_ARRAY(t->arena, const char *, k->params.n + 1), **out_names = NEW_ARRAY(t->arena, const char *, k->outputs.n + 1);
    for (int i = 0; i < k->params.n; i++) in_names[i] = k->params.at[i]->name;
    for (int i = 0; i < k->outputs.n; i++) out_names[i] = k->outputs.at[i]->name;
    ChildLimits limits = {(double)t->options->time_limit, t->options->memory_limit};
    return child_run(t, r->object, r->entry, r->inputs, in_names, k->params.n, out, out_names, k->outputs.n, r->dims, r->calls, limits);
}

/* A fact that emitted code does not test is broken: nothing can be said of a run. */
static bool untested(Tool *t, const Fact *f) {
    return f->number == 0 || (t->options->no_check && f->kind != FACT_WHERE && f->kind != FACT_DIM && f->kind != FACT_EXTENT && f->kind != FACT_FITS);
}

static void reference_progress(void *context, double fraction) { progress_show(context, "reference", fraction); }

Verdict trial_run(Tool *t, const Trial *r) {
    const Kernel *k = r->kernel;
    Verdict v = {.ok = true, .inputs = r->inputs, .why = out_new(t->arena)};
    const char *why = NULL;
    EvalOptions options = {.memory_limit = t->options->memory_limit, .progress = reference_progress, .progress_context = t};
    if (r->grid) options.charged = r->grid->charged;
    Array *out = NEW_ARRAY(t->arena, Array, k->outputs.n + 1);
    Eval *e = eval_new(t->arena, k, r->dims, pointers(t->arena, k, r->inputs), &options, &why);
    for (int i = 0; i < k->outputs.n && !why; i++) why = inputs_shape(t->arena, k->outputs.at[i], r->dims, &out[i]);
    if (!e || why) {
        v.ok = false;
        out_f(&v.why, "%s\n", why ? why : "the reference can't be made");
        return v;
    }
    int f = eval_facts(e, NEW_ARRAY(t->arena, int64_t, k->n_indices + 1));
    v.fact = f < 0 ? NULL : &k->facts.at[f];
    if (v.fact && untested(t, v.fact)) {
        v.ok = false;
        v.refused = true;
        out_f(&v.why, "the input breaks what the kernel assumes: %s\n", v.fact->text);
        return v;
    }
    progress_show(t, r->calls == CHILD_TIMED ? "running and timing the kernel" : "running the kernel", -1);
    v.child = r->grid ? grid_run(t, r, out) : run_child(t, r, out);
    judge_child(&v);
    if (v.child.end != CHILD_RETURNED) return v;
    if (v.fact) {
        judge_refusal(&v, r);
        return v;
    }
    if (v.child.returned) {
        v.ok = false;
        out_f(&v.why, "the kernel returned %d (%s), but its facts hold\n", v.child.returned, fact_text(k, v.child.returned));
        return v;
    }
    v.operations = eval_operations(e);
    Reference ref = reference(t, r, e, out, v.operations);
    v.sampled = ref.sampled;
    v.eval = e;
    progress_show(t, "comparing", -1);
    for (int i = 0; i < k->outputs.n; i++) judge_output(t, &v, r, i, &ref.outputs[i]);
    return v;
}
