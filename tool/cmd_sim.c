/* knyfe sim: a PE program on a machine. */
#include "grammar/parse.h"
#include "sim/program.h"
#include "sim/report.h"
#include "tool/compare.h"
#include "tool/compile.h"
#include "tool/machine.h"
#include "tool/npy.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRACE_SPANS = 2000000, WATCH_TOUCHES = 100000 };

typedef struct Job {
    Tool *t;
    SimMachine machine;
    SimProgram program;
    SimTensor tensor[PE_TENSORS];
    SimHome home[PE_TENSORS];
    SimConfig config;
    SimReport *report;
    Out extra;                     /* JSON members */
    const char *verdict;           /* of --check, for the text */
} Job;

static const DType dtypes[PE_TYPE_COUNT] = {[PE_F32] = DT_F32, [PE_F16] = DT_F16, [PE_BF16] = DT_BF16, [PE_I32] = DT_I32, [PE_I64] = DT_I64, [PE_I8] = DT_I8, [PE_U8] = DT_U8,
                                              [PE_F64] = DT_F64, [PE_I16] = DT_I16, [PE_BOOL] = DT_BOOL, [PE_F8E4M3] = DT_F8E4M3, [PE_F8E5M2] = DT_F8E5M2};

static const Source *machine_file(Tool *t, const char *name) {
    const Source *s = machine_source(t, name);
    const char *why;
    size_t n = strlen(name);
    if (s || !(strchr(name, '/') || (n > 4 && !strcmp(name + n - 4, ".knf")))) return s;
    s = source_read(t->arena, name, &why);
    if (!s) tool_die(STATUS_ENVIRONMENT, "-t %s: %s", name, why);
    return s;
}

static int read_machine(Job *j) {
    const char *name = j->t->options->target ? j->t->options->target : "mtia1";
    const Source *s = machine_file(j->t, name);
    if (!s) {
        tool_error("no machine '%s'; knyfe machines lists them", name);
        return STATUS_USAGE;
    }
    AFile *f = grammar_parse(j->t->arena, j->t->names, j->t->diags, s, false);
    if (!diag_errors(j->t->diags) && !f->machines.n) {
        tool_error("%s holds no machine block", s->path);
        return STATUS_PROGRAM;
    }
    if (!diag_errors(j->t->diags)) sim_machine_read(&j->machine, f->machines.at[f->machines.n - 1], j->t->diags, j->t->arena);
    return tool_print_diags(j->t);
}

static int load(Job *j) {
    const Options *o = j->t->options;
    const char *path = o->files.at[0], *why = "";
    bool environment;
    FILE *f = fopen(path, "r");
    if (!f) tool_die(STATUS_ENVIRONMENT, "%s can't be read", path);
    fclose(f);
    if (sim_program_load(&j->program, path, compile_programs(j->t, "-O1"), j->t->arena, &why, &environment)) return 0;
    tool_error("%s: %s", path, why);
    return environment ? STATUS_ENVIRONMENT : STATUS_RUN;
}

static int bind_values(Job *j) {
    const NameTexts *v = &j->t->options->values;
    for (int i = 0; i < v->n; i++) {
        char *end;
        int d = sim_program_dim(&j->program, v->at[i].name), s = sim_program_scalar(&j->program, v->at[i].name);
        double x = strtod(v->at[i].text, &end);
        if (end == v->at[i].text || *end || (d >= 0 && (x < 0 || x != floor(x) || x > 0x1p53))) {
            tool_error("%s=%s: a dim is an integer of 0 or more, at most 2^53, a scalar a number", v->at[i].name, v->at[i].text);
            return STATUS_USAGE;
        }
        if (d < 0 && s < 0) {
            tool_error("the program has no dim or scalar '%s'", v->at[i].name);
            return STATUS_USAGE;
        }
        if (d >= 0) j->config.dim[d] = (int64_t)x;
        else {
            j->config.scalar[s] = x;
            long long whole = strtoll(v->at[i].text, &end, 10);     /* in full where it is an integer */
            j->config.scalar_i64[s] = *end ? (x > -0x1p63 && x < 0x1p63 ? (int64_t)x : 0) : (int64_t)whole;
        }
    }
    return 0;
}

/* The program's tensor of that name, in the role; below zero after an error was printed. */
static int tensor_named(Job *j, const char *option, const char *name, bool output) {
    int i = sim_program_tensor(&j->program, name);
    if (i >= 0 && (j->program.table->tensor[i].role == PE_OUT) == output && j->program.table->tensor[i].role != PE_TEMP) return i;
    tool_error("%s %s: the program has no %s of that name", option, name, output ? "output" : "input");
    return -1;
}

/* Reads the arrays of --in, and takes dims from them. */
static int read_arrays(Job *j, Array *given) {
    const NameTexts *in = &j->t->options->in;
    const char *why = NULL;
    for (int i = 0; i < in->n; i++) {
        int k = tensor_named(j, "--in", in->at[i].name, false);
        if (k < 0) return STATUS_USAGE;
        why = npy_read(j->t->arena, in->at[i].text, dtypes[j->program.table->tensor[k].type], &given[k]);
        if (!why && !sim_program_bind(&j->program, k, given[k].extent, given[k].rank, j->config.dim, j->t->arena, &why)) given[k].data = NULL;
        if (why) {
            tool_error("%s: %s", in->at[i].text, why);
            return STATUS_ENVIRONMENT;
        }
    }
    return 0;
}

static int set_homes(Job *j) {
    const NameTexts *h = &j->t->options->sim.home;
    for (int i = 0; i < h->n; i++) {
        int k = sim_program_tensor(&j->program, h->at[i].name);
        bool dram = !strcmp(h->at[i].text, "dram");
        if (k < 0 || (!dram && strcmp(h->at[i].text, "sram"))) {
            tool_error("--home %s=%s: a tensor of the program, and sram or dram", h->at[i].name, h->at[i].text);
            return STATUS_USAGE;
        }
        j->home[k] = dram ? SIM_HOME_DRAM : SIM_HOME_SRAM;
    }
    return 0;
}

static int place_given(Job *j, int k, const Array *given) {
    SimTensor *t = &j->tensor[k];
    bool same = given->rank == t->rank;
    for (int d = 0; same && d < t->rank; d++) same = given->extent[d] == t->shape[d];
    if (!same) {
        tool_error("--in %s: the array's shape is not the program's", t->name);
        return STATUS_RUN;
    }
    memcpy(t->data, given->data, (size_t)t->bytes);
    return 0;
}

static int make_tensors(Job *j, const Array *given) {
    Arena *a = j->t->arena;
    const char *why = NULL;
    for (int d = 0; d < j->program.n_dims; d++)
        if (j->config.dim[d] < 0) {
            tool_error("dim %s is not given; write %s=VALUE", j->program.dim[d], j->program.dim[d]);
            return STATUS_USAGE;
        }
    if (!sim_program_shapes(&j->program, j->config.dim, j->tensor, a, &why)) {
        tool_error("%s: %s", j->t->options->files.at[0], why);
        return STATUS_RUN;
    }
    sim_program_homes(&j->machine, j->home, j->tensor, j->program.n_tensors);
    for (int k = 0; k < j->program.n_tensors; k++) {
        SimTensor *t = &j->tensor[k];
        if (!(t->data = sim_share(t->bytes))) tool_die(STATUS_ENVIRONMENT, "no memory for '%s', %lld bytes", t->name, (long long)t->bytes);
        if (t->role != PE_IN) { memset(t->data, 0xff, (size_t)t->bytes); continue; }
        int status = given[k].data ? place_given(j, k, &given[k]) : 0;
        if (!given[k].data && !sim_program_fill(&j->program, k, t, j->config.dim, j->t->options->seed, a, &why)) {
            tool_error("%s", why);
            status = STATUS_RUN;
        }
        if (status) return status;
    }
    return 0;
}

static Array array_of(const SimTensor *t) {
    Array x = {.type = dtypes[t->type], .rank = t->rank, .n = t->count, .data = t->data};
    memcpy(x.extent, t->shape, sizeof x.extent);
    return x;
}

/* ---- --check ---- */

static int program_dims(Job *j, const Kernel *k, int64_t *dims) {
    for (int i = 0; i < k->dims.n; i++) {
        int d = sim_program_dim(&j->program, k->dims.at[i]->name);
        if (d < 0) {
            tool_error("--check: kernel '%s' has a dim '%s', the program has none of that name", k->name, k->dims.at[i]->name);
            return STATUS_USAGE;
        }
        dims[k->dims.at[i]->id] = j->config.dim[d];
    }
    return 0;
}

static int program_inputs(Job *j, const Kernel *k, const void **inputs) {
    for (int i = 0; i < k->params.n; i++) {
        const Tensor *p = k->params.at[i];
        int n = sim_program_tensor(&j->program, p->name), s = sim_program_scalar(&j->program, p->name);
        if (n >= 0 && dtypes[j->tensor[n].type] == p->type && j->tensor[n].rank == p->rank) inputs[i] = j->tensor[n].data;
        else if (s >= 0 && p->rank == 0) {
            void *x = arena_alloc(j->t->arena, 8);
            dtype_store(p->type, x, j->config.scalar[s], j->config.scalar_i64[s]);
            inputs[i] = x;
        } else {
            tool_error("--check: kernel '%s' wants '%s' of type %s and rank %d, the program has no such input", k->name, p->name, dtype_name(p->type), p->rank);
            return STATUS_USAGE;
        }
    }
    return 0;
}

/* Every element, or a seeded sample where the work is large. Returns the largest |y - r| / bound; *bad counts those over 1. */
static double compare(Job *j, Eval *e, const Tensor *o, const Array *y, int64_t *bad, int64_t *first, int64_t *n) {
    Arena *a = j->t->arena;
    Expected x;
    *bad = 0;
    if (eval_operations(e) <= 1e9) {
        EvalArray r = eval_array(e, o);
        x = (Expected){r.n, NULL, r.value, r.ivalue, r.err};
    } else {
        int64_t count = y->n < 10000 ? y->n : 10000, *at = NEW_ARRAY(a, int64_t, count + 1);
        double *v = NEW_ARRAY(a, double, count + 1), *err = NEW_ARRAY(a, double, count + 1);
        int64_t *iv = NEW_ARRAY(a, int64_t, count + 1);
        uint64_t s = j->t->options->seed;
        for (int64_t i = 0; i < count; i++) {
            s = s * 6364136223846793005u + 1442695040888963407u;
            at[i] = i < 64 && i < y->n ? i : i < 128 ? y->n - 1 - (i - 64) % y->n : (int64_t)((s >> 11) % (uint64_t)y->n);
        }
        eval_points(e, o, count, at, v, iv, err);
        x = (Expected){count, at, v, iv, err};
    }
    double worst = 0;
    for (int64_t i = 0; i < x.n; i++) {
        double ratio = compare_element(y, &x, i, false);
        if (ratio > 1 && !(*bad)++) *first = x.at ? x.at[i] : i;
        if (ratio > worst) worst = ratio;
    }
    *n = x.n;
    return worst;
}

static int check_output(Job *j, Eval *e, const Tensor *o) {
    int n = sim_program_tensor(&j->program, o->name);
    if (n < 0 || dtypes[j->tensor[n].type] != o->type) {
        tool_error("--check: the kernel gives '%s' of type %s, the program does not", o->name, dtype_name(o->type));
        return STATUS_USAGE;
    }
    Array y = array_of(&j->tensor[n]);
    int64_t bad, first = 0, compared;
    double worst = compare(j, e, o, &y, &bad, &first, &compared);
    j->verdict = arena_printf(j->t->arena, "%s%s '%s': %lld of %lld elements compared, the worst at %.3g of its error bound\n", j->verdict ? j->verdict : "", bad ? "wrong" : "right", o->name,
                              (long long)compared, (long long)y.n, worst);
    if (bad) tool_error("'%s' differs from the reference in %lld of %lld elements, first at flat position %lld", o->name, (long long)bad, (long long)compared, (long long)first);
    return bad ? STATUS_RUN : 0;
}

static int check(Job *j) {
    Arena *a = j->t->arena;
    int status = 0;
    const Kernel *k = tool_kernel(j->t, j->t->options->sim.check, &status);
    if (!k) return status;
    int64_t *dims = NEW_ARRAY(a, int64_t, k->dims.n + 1);
    const void **inputs = NEW_ARRAY(a, const void *, k->params.n + 1);
    if ((status = program_dims(j, k, dims)) || (status = program_inputs(j, k, inputs))) return status;
    const char *why;
    EvalOptions options = {.memory_limit = j->t->options->memory_limit};
    Eval *e = eval_new(a, k, dims, inputs, &options, &why);
    int64_t *point = NEW_ARRAY(a, int64_t, k->n_indices + 1);
    if (!e || eval_facts(e, point) >= 0) {
        tool_error("--check: %s", e ? "the inputs break a fact of the kernel" : why);
        return STATUS_RUN;
    }
    if (eval_operations(e) <= 1e9) eval_all(e);
    for (int i = 0; i < k->outputs.n; i++) {
        int s = check_output(j, e, k->outputs.at[i]);
        if (s) status = s;
    }
    out_f(&j->extra, ", \"right\": %s", status ? "false" : "true");
    return status;
}

/* ---- runs ---- */

static void run(Job *j, const SimConfig *c, SimReport *r) { sim_run_child(c, (int)j->t->options->time_limit, j->t->options->memory_limit, r); }

/* Reruns with limits away; says how many cycles each costs. */
static void lift(Job *j, Out *o) {
    const char *want = j->t->options->sim.lift;
    bool all = !strcmp(want, "all");
    out_s(&j->extra, ", \"lift\": {");
    for (int i = 0, n = 0; sim_lifts[i]; i++) {
        if (!all && strcmp(sim_lifts[i], want)) continue;
        SimMachine m = j->machine;
        SimConfig c = j->config;
        SimReport *r = NEW(j->t->arena, SimReport);
        sim_machine_lift(&m, sim_lifts[i]);
        c.machine = &m;
        c.timing = true;
        c.trace = NULL;
        c.watch = NULL;
        run(j, &c, r);
        int64_t with = sim_cycles(j->report->ticks), without = sim_cycles(r->ticks);
        if (r->fault.kind) { sim_report_fault(o, j->t->options->files.at[0], NULL, &r->fault); continue; }
        out_f(o, "without the limit of %-8s %lld cycles, %+.1f %%", sim_lifts[i], (long long)without, 100 * ((double)without / (double)(with ? with : 1) - 1));
        if (without > with) sim_report_slower(o, j->report, r);
        out_s(o, "\n");
        out_f(&j->extra, "%s\"%s\": %lld", n++ ? ", " : "", sim_lifts[i], (long long)without);
    }
    out_s(&j->extra, "}");
}

/* NAME[I,J]: a tensor and an element inside it. */
static int read_watch(Job *j) {
    const char *arg = j->t->options->sim.watch, *s = arg ? strchr(arg, '[') : NULL;
    if (!arg) return 0;
    int k = sim_program_tensor(&j->program, arena_strndup(j->t->arena, arg, s ? (size_t)(s - arg) : strlen(arg)));
    int64_t flat = 0;
    int n = 0;
    bool ok = k >= 0 && s;
    for (; ok && *s && *s != ']'; n++) {
        char *end;
        int64_t i = strtoll(s + 1, &end, 10);
        ok = end != s + 1 && (*end == ',' || *end == ']') && n < j->tensor[k].rank && i >= 0 && i < j->tensor[k].shape[n];
        if (ok) flat = flat * j->tensor[k].shape[n] + i;
        s = end;
    }
    if (!ok || strcmp(s, "]") || n != j->tensor[k].rank) {
        tool_error("--watch %s: a tensor of the program and an element inside it, as in 'y[3,7]'", arg);
        return STATUS_USAGE;
    }
    j->config.watch = sim_share((int64_t)(sizeof(SimWatch) + sizeof(SimTouch) * WATCH_TOUCHES));
    if (!j->config.watch) tool_die(STATUS_ENVIRONMENT, "no memory for --watch");
    *j->config.watch = (SimWatch){.tensor = k, .at = flat, .max = WATCH_TOUCHES};
    return 0;
}

static void put_watch(Job *j, Out *o) {
    const SimWatch *w = j->config.watch;
    if (!w) return;
    DType type = dtypes[j->tensor[w->tensor].type];
    out_f(o, "history of %s, %lld in all:\n", j->t->options->sim.watch, (long long)w->n);
    for (int64_t i = 0; i < w->n; i++) {
        const SimTouch *t = &w->touch[i];
        out_f(o, "  cycle %-9lld %s by PE (%d, %d), core %d, %s:%d", (long long)sim_cycles(t->ticks), t->write ? "written" : "read", t->row, t->col, t->core, j->t->options->files.at[0], t->line);
        if (t->knf) out_f(o, ", .knf line %d", t->knf);
        if (dtype_is_float(type)) out_f(o, ": %.9g\n", dtype_load_float(type, t->value));
        else out_f(o, ": %lld\n", (long long)dtype_load_int(type, t->value));
    }
}

static int check_lift(Job *j) {
    const char *want = j->t->options->sim.lift;
    SimMachine m = {0};
    if (!want || !strcmp(want, "all") || sim_machine_lift(&m, want)) return 0;
    int n = 0;
    while (sim_lifts[n]) n++;
    const char *near = diag_nearest(want, sim_lifts, n);
    tool_error("--lift %s: no such resource%s%s%s", want, near ? "; did you mean " : "; knyfe sim --help lists them", near ? near : "", near ? "?" : "");
    return STATUS_USAGE;
}

static int write_outputs(Job *j) {
    const NameTexts *out = &j->t->options->out;
    for (int i = 0; i < out->n; i++) {
        Array y = array_of(&j->tensor[sim_program_tensor(&j->program, out->at[i].name)]);
        const char *why = npy_write(j->t->arena, out->at[i].text, &y);
        if (!why) continue;
        tool_error("%s: %s", out->at[i].text, why);
        return STATUS_ENVIRONMENT;
    }
    return 0;
}

static int prepare(Job *j) {
    const Options *o = j->t->options;
    Array given[PE_TENSORS] = {0};
    int status;
    for (int i = 0; i < SIM_DIMS; i++) j->config.dim[i] = -1;
    if ((status = check_lift(j)) || (status = read_machine(j)) || (status = load(j))) return status;
    for (int i = 0; i < o->out.n; i++)
        if (tensor_named(j, "--out", o->out.at[i].name, true) < 0) return STATUS_USAGE;
    if ((status = bind_values(j)) || (status = read_arrays(j, given)) || (status = set_homes(j)) || (status = make_tensors(j, given)) || (status = read_watch(j))) return status;
    j->config.machine = &j->machine;
    j->config.program = j->program.table;
    j->config.tensor = j->tensor;
    j->config.n_tensors = j->program.n_tensors;
    j->config.timing = o->sim.timing;
    j->config.unchecked = o->sim.unchecked;
    if (!o->sim.trace) return 0;
    j->config.trace = sim_share((int64_t)(sizeof(SimTrace) + sizeof(SimSpan) * TRACE_SPANS));
    if (!j->config.trace) tool_die(STATUS_ENVIRONMENT, "no memory for the trace");
    j->config.trace->max = TRACE_SPANS;
    return 0;
}

static void put_files(Job *j) {
    const Options *o = j->t->options;
    Out text = out_new(j->t->arena);
    if (o->sim.trace) {
        sim_report_trace(&text, &j->config);
        tool_write(j->t, o->sim.trace, text.text, text.n);
    }
    if (!o->json) return;
    text = out_new(j->t->arena);
    sim_report_json(&text, &j->config, j->report, j->extra.text);
    tool_write(j->t, o->json, text.text, text.n);
}

static int conclude(Job *j) {
    const Options *o = j->t->options;
    Out text = out_new(j->t->arena);
    int status = 0;
    if (j->report->fault.kind) {
        sim_report_fault(&text, o->files.at[0], NULL, &j->report->fault);
        put_watch(j, &text);
        fputs(text.text, stderr);
        put_files(j);
        return STATUS_RUN;
    }
    sim_report_text(&text, &j->config, j->report);
    put_watch(j, &text);
    if (j->report->refused) {
        fputs(text.text, stderr);
        put_files(j);
        return STATUS_RUN;
    }
    if (o->sim.grid) sim_report_grid(&text, &j->config, j->report, sim_report_busiest(j->report), tool_colour());
    if (o->sim.check && o->sim.timing) tool_note("--timing computes nothing: there is nothing to check");
    else if (o->sim.check) status = check(j);
    if (o->out.n && o->sim.timing) tool_note("--timing leaves floating-point results out: those that --out writes are no results");
    if (j->verdict) out_s(&text, j->verdict);
    if (o->sim.lift && !status) lift(j, &text);
    if (!o->json || strcmp(o->json, "-")) tool_write(j->t, "-", text.text, text.n);
    put_files(j);
    return status ? status : write_outputs(j);
}

int cmd_sim(Tool *t) {
    Job *j = NEW(t->arena, Job);
    j->t = t;
    j->extra = out_new(t->arena);
    j->report = NEW(t->arena, SimReport);
    int status = prepare(j);
    if (!status) {
        run(j, &j->config, j->report);
        status = conclude(j);
    }
    sim_program_close(&j->program);
    return status;
}
