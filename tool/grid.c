#include "tool/grid.h"
#include "emit/grid.h"
#include "grammar/parse.h"
#include "lower/lower.h"
#include "sim/report.h"
#include "tool/compile.h"
#include "tool/costs.h"
#include "tool/engines.h"
#include <stdlib.h>
#include <string.h>

enum { TRACE_SPANS = 2000000 };

DType grid_dtype(PeType t) {
    for (int i = 0; i < DT_COUNT; i++)
        if (!strcmp(dtype_name((DType)i), sim_type_name(t))) return (DType)i;
    return DT_NONE;
}

PeType grid_type(DType t) {
    for (int i = 0; i < PE_TYPE_COUNT; i++)
        if (!strcmp(dtype_name(t), sim_type_name((PeType)i))) return (PeType)i;
    return PE_TYPE_COUNT;
}

/* ---- from kernel to program ---- */

bool grid_machine(Tool *t, const Machine *m, SimMachine *out, int *status) {
    EngineRows rows = {0};
    if (sim_machine_read(out, m->machine, t->diags, t->arena) && machine_engines(out->block, true, t->diags, t->arena, &rows)) return true;
    *status = tool_print_diags(t);
    return false;
}

TileMachine grid_tiles(const SimMachine *m, Arena *a) {
    TileMachine x = {.rows = (int)m->rows, .cols = (int)m->cols, .local = m->local.size, .cost = grid_costs(m, a)};
    machine_engines(m->block, true, diags_new(a), a, &x.engines);     /* without a fault: grid_machine has seen to it */
    for (int i = 0; i < PE_TYPE_COUNT; i++) {
        DType t = grid_dtype((PeType)i);
        SimRate dpe = m->dpe.rate[i], far = m->dram.bandwidth;
        if (dpe.den && dpe.num && far.den) x.streams[t] = (int64_t)((double)(m->rows * m->cols) * dtype_table[t].bytes * (double)dpe.den / (double)dpe.num * (double)far.num / (double)far.den);
    }
    return x;
}

/* Compile-time arguments that the schedule names are those of the run. */
static bool fits(const Tool *t, const ASchedule *s, const Kernel *k, const SimMachine *m) {
    if (!s->name.text || !s->kernel.text || strcmp(s->kernel.text, k->name) || (s->machine.text && strcmp(s->machine.text, m->name))) return false;
    for (int i = 0; i < s->cargs.n; i++)
        for (int d = 0; d < t->options->defines.n; d++) {
            const ACval *v = &s->cargs.at[i].value;
            const char *text = v->is_int ? arena_printf(t->arena, "%lld", (long long)v->i) : v->name.text;
            if (!strcmp(t->options->defines.at[d].name, s->cargs.at[i].name.text) && strcmp(t->options->defines.at[d].value, text)) return false;
        }
    return true;
}

/* The schedules of another file, whose faults are printed; NULL after an error. */
static const AFile *schedule_file(Tool *t, const char *path, const char **why) {
    Tool mine = *t;
    mine.diags = diags_new(t->arena);
    const Source *source = source_read(t->arena, path, why);
    if (!source) tool_die(STATUS_ENVIRONMENT, "%s: %s", path, *why);
    const AFile *f = grammar_parse(t->arena, t->names, mine.diags, source, false);
    if (tool_print_diags(&mine) == STATUS_GOOD) return f;
    *why = arena_printf(t->arena, "the schedule in %s can't be read", path);
    return NULL;
}

static bool is_file(const char *word) {
    size_t n = strlen(word);
    return strchr(word, '/') || (n > 4 && !strcmp(word + n - 4, ".knf"));
}

/* NULL: none; *why when -s names one that is not there. */
static const ASchedule *find_schedule(Tool *t, const Program *p, const Kernel *k, const SimMachine *m, const char **why) {
    const char *want = t->options->schedule;
    bool file = want && is_file(want);
    const AFile *f = file ? schedule_file(t, want, why) : p ? front_file(p, 0) : NULL;
    if (!f || (want && !strcmp(want, "auto"))) return NULL;
    for (int i = f->schedules.n - 1; i >= 0; i--)
        if (fits(t, f->schedules.at[i], k, m) && (!want || file || !strcmp(want, f->schedules.at[i]->name.text))) return f->schedules.at[i];
    if (file) *why = arena_printf(t->arena, "%s has no schedule for kernel '%s' on %s", want, k->name, m->name);
    else if (want) *why = arena_printf(t->arena, "the file has no schedule '%s' for kernel '%s' on %s; auto is always there", want, k->name, m->name);
    return NULL;
}

/* -s random:SEED. */
static bool is_random(const Tool *t, uint64_t *seed) {
    const char *want = t->options->schedule;
    char *end;
    if (!want || strncmp(want, "random:", 7)) return false;
    *seed = strtoull(want + 7, &end, 10);
    return want[7] >= '0' && want[7] <= '9' && !*end;
}

const char *grid_schedule_name(Tool *t, const Program *p, const Kernel *k, const SimMachine *m) {
    const char *why;
    uint64_t seed;
    if (is_random(t, &seed)) return t->options->schedule;
    const ASchedule *s = find_schedule(t, p, k, m, &why);
    return s ? s->name.text : "auto";
}

/* What the verifier refuses is a fault of the compiler, and no reason to leave the user without a program: the vector core does all. */
static TileProgram *without_engines(Tool *t, const Kernel *k, const TileMachine *m, const char **why) {
    TileMachine *bare = NEW(t->arena, TileMachine);
    *bare = *m;
    memset(&bare->engines, 0, sizeof bare->engines);
    tool_note("kernel '%s' is left to the vector core: %s", k->name, *why);
    return lower(k, bare, t->arena, why);
}

TileProgram *grid_lower(Tool *t, const Program *p, const Kernel *k, const SimMachine *m, const char **why) {
    TileMachine *x = NEW(t->arena, TileMachine);
    Diags *d = diags_new(t->arena);
    Schedule *s = NULL;
    uint64_t seed;
    *x = grid_tiles(m, t->arena);
    *why = NULL;
    if (is_random(t, &seed)) return lower_scheduled(k, x, lower_random(k, x, seed, t->arena), d, t->arena, why);
    const ASchedule *a = find_schedule(t, p, k, m, why);
    if (*why) return NULL;
    if (a) s = schedule_read(a, k, d, t->arena);
    Schedule *found = a ? NULL : lower_search(k, x, t->arena);
    TileProgram *out = a && !s ? NULL : lower_scheduled(k, x, found && found->items.n ? found : s, d, t->arena, why);
    if (!out && found && found->items.n) out = lower(k, x, t->arena, why);      /* what was found is beyond the verifier */
    if (!out && !a && *why && strstr(*why, "internal error")) out = without_engines(t, k, x, why);
    if (out || *why) return out;
    Out o = out_new(t->arena);
    diag_print(d, &o, tool_colour());
    *why = arena_printf(t->arena, "its schedule '%s' can't be met\n%s", a && a->name.text ? a->name.text : "auto", o.n ? o.text : "");
    return NULL;
}

void grid_emit(Tool *t, const TileProgram *p, const char *command, Out *out) {
    GridOptions options = {.no_check = t->options->no_check, .command = command};
    emit_grid(p, &options, out);
}

GridCode *grid_compile(Tool *t, const SimMachine *m, const char *text, const char *name, const char *level, const char **why) {
    Arena *a = t->arena;
    GridCode *c = NEW(a, GridCode);
    *c = (GridCode){.file = arena_printf(a, "%s.c", name), .text = text, .knf = t->options->files.at[0], .machine = *m};
    const char *path = arena_printf(a, "%s/%s", temp_folder(), c->file), *bad = out_write(path, text, strlen(text), a);
    if (bad) tool_die(STATUS_ENVIRONMENT, "%s", bad);
    bool environment = false;
    if (sim_program_load(&c->program, path, compile_programs(t, level), a, why, &environment)) return c;
    if (environment) tool_die(STATUS_ENVIRONMENT, "%s", *why);
    return NULL;
}

GridCode *grid_build(Tool *t, const Program *program, const Kernel *k, const SimMachine *m, const char *level, const char **why) {
    TileProgram *p = grid_lower(t, program, k, m, why);
    if (!p) return NULL;
    Out c = out_new(t->arena);
    grid_emit(t, p, NULL, &c);
    GridCode *code = grid_compile(t, m, c.text, k->name, level, why);
    if (code) grid_charge(t, code, p);
    return code;
}

void grid_charge(Tool *t, GridCode *c, const TileProgram *p) {
    Name *names = NEW_ARRAY(t->arena, Name, p->charged.n + 1);
    for (int i = 0; i < p->charged.n; i++) names[i] = p->charged.at[i]->name;
    c->charged = names;
}

void grid_close(GridCode *c) {
    if (c) sim_program_close(&c->program);
}

int grid_homes(Tool *t, GridCode *c) {
    const NameTexts *h = &t->options->sim.home;
    for (int i = 0; i < h->n; i++) {
        int k = sim_program_tensor(&c->program, h->at[i].name);
        bool dram = !strcmp(h->at[i].text, "dram");
        if (k < 0 || (!dram && strcmp(h->at[i].text, "sram"))) {
            tool_error("--home %s=%s: a tensor of the program, and sram or dram", h->at[i].name, h->at[i].text);
            return STATUS_USAGE;
        }
        c->home[k] = dram ? SIM_HOME_DRAM : SIM_HOME_SRAM;
    }
    return 0;
}

/* ---- runs ---- */

typedef struct GridMemory {
    SimTensor tensor[PE_TENSORS];
    bool ours[PE_TENSORS];       /* the data is shared memory, to be given back; else the trial's */
    int n;
    void *trace;
    int64_t trace_bytes;
} GridMemory;

static void memory_free(void *memory) {
    GridMemory *m = memory;
    for (int i = 0; i < m->n; i++) {
        if (m->ours[i]) sim_unshare(m->tensor[i].data, m->tensor[i].bytes);
        sim_unshare(m->tensor[i].written, m->tensor[i].bytes);
    }
    sim_unshare(m->trace, m->trace_bytes);
    m->n = 0;
    m->trace = NULL;
}

static void fill_poison(DType type, int64_t n, void *at) {
    size_t w = (size_t)dtype_table[type].bytes, done = w, all = (size_t)n * w;
    if (!n) return;
    child_poison(type, 0, at);
    for (size_t step; done < all; done += step) {
        step = done < all - done ? done : all - done;
        memcpy((char *)at + done, at, step);
    }
}

/* Dims and scalars of the program by the kernel's. NULL, or a sentence. */
static const char *bind_values(Arena *a, const GridCode *c, const Trial *r, SimConfig *s) {
    const Kernel *k = r->kernel;
    for (int i = 0; i < c->program.n_dims; i++) {
        s->dim[i] = -1;
        for (int d = 0; d < k->dims.n; d++)
            if (!strcmp(k->dims.at[d]->name, c->program.dim[i])) s->dim[i] = r->dims[k->dims.at[d]->id];
        if (s->dim[i] < 0) return arena_printf(a, "the program's dim '%s' is none of the kernel", c->program.dim[i]);
    }
    for (int i = 0; i < c->program.n_scalars; i++) {
        const Tensor *p = NULL;
        for (int d = 0; d < k->params.n; d++) {
            if (k->params.at[d]->rank || strcmp(k->params.at[d]->name, c->program.scalar[i])) continue;
            p = k->params.at[d];
            const void *at = r->inputs[d].data;
            s->scalar[i] = dtype_is_float(p->type) ? dtype_load_float(p->type, at) : (double)dtype_load_int(p->type, at);
            s->scalar_i64[i] = dtype_is_float(p->type) ? 0 : dtype_load_int(p->type, at);
        }
        if (!p) return arena_printf(a, "the program's scalar '%s' is none of the kernel", c->program.scalar[i]);
    }
    return NULL;
}

static const char *bind_array(Arena *a, SimTensor *t, const Array *x, const Tensor *of) {
    if (grid_dtype(t->type) != x->type) return arena_printf(a, "the program's tensor '%s' is of type %s, the kernel's of %s", of->name, sim_type_name(t->type), dtype_name(x->type));
    if (t->count != x->n) return arena_printf(a, "the program's tensor '%s' has %lld elements, the kernel's %lld", of->name, (long long)t->count, (long long)x->n);
    return NULL;
}

static void *share(const SimTensor *t, int64_t bytes) {
    void *p = sim_share(bytes);
    if (!p) tool_die(STATUS_ENVIRONMENT, "no memory for '%s', %lld bytes", t->name, (long long)t->bytes);
    return p;
}

static void share_output(GridMemory *m, int i, bool watched) {
    SimTensor *t = &m->tensor[i];
    t->data = share(t, t->bytes);
    m->ours[i] = true;
    if (t->role == PE_TEMP) memset(t->data, 0xff, (size_t)t->bytes);
    else fill_poison(grid_dtype(t->type), t->count, t->data);
    if (watched && t->role == PE_OUT) t->written = share(t, t->bytes);
}

/* The program's tensors on the trial's arrays. NULL, or a sentence. */
static const char *bind_tensors(Arena *a, const GridCode *c, const Trial *r, const Array *out, GridMemory *m) {
    const Kernel *k = r->kernel;
    for (int i = 0; i < m->n; i++) {
        SimTensor *t = &m->tensor[i];
        const char *why = NULL;
        bool found = t->role == PE_TEMP;
        for (int p = 0; p < k->params.n && t->role == PE_IN; p++) {
            if (strcmp(k->params.at[p]->name, t->name)) continue;
            found = true;
            why = bind_array(a, t, &r->inputs[p], k->params.at[p]);
            t->data = r->inputs[p].data;
        }
        for (int o = 0; o < k->outputs.n && t->role == PE_OUT; o++) {
            if (strcmp(k->outputs.at[o]->name, t->name)) continue;
            found = true;
            why = bind_array(a, t, &out[o], k->outputs.at[o]);
        }
        if (!found) return arena_printf(a, "the program's tensor '%s' is none of the kernel", t->name);
        if (why) return why;
        if (t->role != PE_IN) share_output(m, i, r->calls != CHILD_ONCE);
    }
    for (int o = 0; o < k->outputs.n; o++) {
        int i = sim_program_tensor(&c->program, k->outputs.at[o]->name);
        if (i < 0 || m->tensor[i].role != PE_OUT) return arena_printf(a, "the program gives no '%s'", k->outputs.at[o]->name);
    }
    return NULL;
}

/* The C line that a fault stands in, without its indent. */
static const char *c_line(Arena *a, const char *text, int line) {
    for (; *text && line > 1; text++) line -= *text == '\n';
    while (*text == ' ') text++;
    return line == 1 ? arena_strndup(a, text, strcspn(text, "\n")) : "";
}

static const char *fault_words(Arena *a, const GridCode *c, const SimFault *f) {
    Out o = out_new(a);
    sim_report_fault(&o, c->file, c->knf, f);
    const char *line = f->line > 0 ? c_line(a, c->text, f->line) : "";
    if (*line) out_f(&o, "  %d | %s\n", f->line, line);
    if (o.n && o.text[o.n - 1] == '\n') o.text[--o.n] = '\0';
    return o.text;
}

static void start_trace(GridMemory *m, SimConfig *s) {
    m->trace_bytes = (int64_t)(sizeof(SimTrace) + sizeof(SimSpan) * TRACE_SPANS);
    m->trace = s->trace = sim_share(m->trace_bytes);
    if (!m->trace) tool_die(STATUS_ENVIRONMENT, "no memory for the trace");
    s->trace->max = TRACE_SPANS;
}

/* The outputs; as a second call would leave them, what was never written holds the other poison. */
static void view_outputs(Arena *a, const GridCode *c, const Trial *r, const Array *out, GridMemory *m, ChildResult *res) {
    const Kernel *k = r->kernel;
    for (int l = 0; l < (r->calls == CHILD_ONCE || res->returned ? 1 : 2); l++) {
        res->outputs[l] = NEW_ARRAY(a, Array, k->outputs.n + 1);
        for (int o = 0; o < k->outputs.n; o++) {
            const SimTensor *t = &m->tensor[sim_program_tensor(&c->program, k->outputs.at[o]->name)];
            Array *y = &res->outputs[l][o];
            *y = out[o];
            y->data = t->data;
            if (!l || !t->bytes || !memchr(t->written, 0, (size_t)t->bytes)) continue;
            size_t w = (size_t)dtype_table[y->type].bytes;
            y->data = arena_alloc(a, (size_t)t->bytes);
            memcpy(y->data, t->data, (size_t)t->bytes);
            for (int64_t i = 0; i < y->n; i++)
                if (!t->written[(size_t)i * w]) child_poison(y->type, 1, (char *)y->data + (size_t)i * w);
        }
    }
}

static void run_config(Tool *t, const SimConfig *s, SimReport *r) {
    fflush(NULL);
    sim_run_child(s, (int)t->options->time_limit, t->options->memory_limit, r);
}

ChildResult grid_run(Tool *t, const Trial *r, const Array *out) {
    Arena *a = t->arena;
    const GridCode *c = r->grid;
    GridMemory *m = NEW(a, GridMemory);
    GridRun *g = NEW(a, GridRun);
    ChildResult res = {.end = CHILD_RETURNED, .memory = m, .free_memory = memory_free, .grid = g};
    g->code = c;
    g->config = (SimConfig){.machine = &c->machine, .program = c->program.table, .tensor = m->tensor, .n_tensors = c->program.n_tensors, .unchecked = t->options->sim.unchecked};
    const char *why = bind_values(a, c, r, &g->config), *shape = NULL;
    if (!why && !sim_program_shapes(&c->program, g->config.dim, m->tensor, a, &shape)) why = shape;
    if (!why) {
        m->n = c->program.n_tensors;
        why = bind_tensors(a, c, r, out, m);
        sim_program_homes(&c->machine, c->home, m->tensor, m->n);
    }
    if (!why && t->options->sim.trace && r->calls == CHILD_TIMED) start_trace(m, &g->config);
    if (!why) {
        run_config(t, &g->config, &g->report);
        if (g->report.fault.kind) why = fault_words(a, c, &g->report.fault);
    }
    if (why) {
        res.end = CHILD_FAULT;
        res.why = why;
        child_release(&res);
        return res;
    }
    res.returned = g->report.refused;
    res.times = NEW_ARRAY(a, double, 1);
    res.times[0] = (double)g->report.ticks / SIM_TICK / c->machine.hz;
    res.n_times = r->calls == CHILD_TIMED;
    view_outputs(a, c, r, out, m, &res);
    return res;
}

/* ---- after a run ---- */

bool grid_writer(const GridRun *g, const char *output, int64_t element, int *row, int *col) {
    const SimTensor *t = &g->config.tensor[sim_program_tensor(&g->code->program, output)];
    int mark = t->written && element < t->count ? t->written[element * sim_type_bytes(t->type)] : 0, cols = (int)g->code->machine.cols;
    *row = (mark - 1) / cols;
    *col = (mark - 1) % cols;
    return mark && mark < 255;
}

int64_t grid_lifted(Tool *t, const GridRun *g, const char *limit) {
    SimMachine m = g->code->machine;
    SimConfig c = g->config;
    SimReport *r = NEW(t->arena, SimReport);
    sim_machine_lift(&m, limit);
    c.machine = &m;
    c.timing = true;
    c.trace = NULL;
    run_config(t, &c, r);
    return r->fault.kind ? -1 : sim_cycles(r->ticks);
}

void grid_lift(Tool *t, const GridRun *g, Out *text, Out *json) {
    const char *want = t->options->sim.lift;
    for (int i = 0, n = 0; sim_lifts[i]; i++) {
        if (strcmp(want, "all") && strcmp(sim_lifts[i], want)) continue;
        int64_t with = sim_cycles(g->report.ticks), without = grid_lifted(t, g, sim_lifts[i]);
        if (without < 0) {
            out_f(text, "  lift     %-8s the run fails\n", sim_lifts[i]);
            continue;
        }
        out_f(text, "  lift     without the limit of %-8s %lld cycles, %+.1f %%\n", sim_lifts[i], (long long)without, 100 * ((double)without / (double)(with ? with : 1) - 1));
        out_f(json, "%s\"%s\": %lld", n++ ? ", " : "", sim_lifts[i], (long long)without);
    }
}

void grid_trace(Tool *t, const GridRun *g) {
    Out o = out_new(t->arena);
    sim_report_trace(&o, &g->config);
    tool_write(t, t->options->sim.trace, o.text, o.n);
}
