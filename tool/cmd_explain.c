/* knyfe explain: how a kernel lies on a grid, where its time goes, what bounds it, what to try. */
#include "lower/lower.h"
#include "lower/online.h"
#include "sim/report.h"
#include "tool/bind.h"
#include "tool/costs.h"
#include "tool/progress.h"
#include "tool/report.h"
#include "tool/roofline.h"
#include <string.h>

typedef struct Explain {
    Tool *t;
    const Kernel *k;
    const Machine *m;
    SimMachine machine;
    const TileProgram *tiles;
    GridCode *code;
    Binding b;
    Array *inputs;
    ChildResult child;
    double operations;
    Out text;
} Explain;

/* What to try, by the limit that costs most time. */
static const struct { const char *lift, *words; } advice[] = {
    {"latency", "loads come too late for what they feed: more slots for the tiles that are loaded, or larger tiles, let them be asked for earlier"},
    {"links", "the mesh between the PEs is full: operands that several PEs read can be loaded once for a whole row or column"},
    {"sram", "the banks of SRAM are full: let fewer bytes go through it, or give some tensors a home in DRAM"},
    {"dram", "DRAM is the limit: fewer bytes (a narrower type, a chain of statements in one sweep), or a home in SRAM (--home) make it faster, nothing else does"},
    {"local", "local memories are full of traffic: engines that work from accumulators or rows that stay save passes over tiles"},
    {"issue", "the cores do not give commands fast enough: larger tiles need fewer of them"},
    {"dpe", "the engine of panels is the limit: it is busy with products that are needed; a narrower type doubles its rate"},
    {"re", "accumulators are drained too often: a longer stretch of the summed index before each drain"},
    {"se", "the elementwise engine is the limit: fewer passes, or part of the work on the vector core"},
    {"mlu", "transposes are the limit: read the operand in the order that it is stored in"},
};

static int make_inputs(Explain *x) {
    InputPlan plan = {.given = x->b.given, .style = STYLE_NORMAL, .seed = x->t->options->seed};
    x->inputs = NEW_ARRAY(x->t->arena, Array, x->k->params.n + 1);
    const char *why = trial_inputs(x->t->arena, x->k, x->b.dims, &plan, x->inputs);
    if (!why) return 0;
    tool_error("%s", why);
    return STATUS_RUN;
}

static int build(Explain *x) {
    int status = STATUS_GOOD;
    const char *why = NULL;
    if (!grid_machine(x->t, x->m, &x->machine, &status)) return status;
    x->tiles = grid_lower(x->t, x->t->program, x->k, &x->machine, &why);
    if (!x->tiles) {
        tool_error("kernel '%s' on %s: %s", x->k->name, x->m->name, why);
        return STATUS_PROGRAM;
    }
    progress_show(x->t, "compiling the C file", -1);
    Out c = out_new(x->t->arena);
    grid_emit(x->t, x->tiles, NULL, &c);
    x->code = grid_compile(x->t, &x->machine, c.text, x->k->name, "-O1", &why);
    if (x->code) return grid_homes(x->t, x->code);
    progress_clear(x->t);
    tool_error("%s", why);
    return STATUS_RUN;
}

/* One run, for its time only. */
static int run(Explain *x) {
    Arena *a = x->t->arena;
    const char *why = NULL;
    const void **p = NEW_ARRAY(a, const void *, x->k->params.n + 1);
    Array *out = NEW_ARRAY(a, Array, x->k->outputs.n + 1);
    for (int i = 0; i < x->k->params.n; i++) p[i] = x->inputs[i].data;
    EvalOptions options = {.no_bounds = true, .memory_limit = x->t->options->memory_limit};
    Eval *e = eval_new(a, x->k, x->b.dims, p, &options, &why);
    for (int i = 0; i < x->k->outputs.n && !why; i++) why = inputs_shape(a, x->k->outputs.at[i], x->b.dims, &out[i]);
    if (!e || why) {
        tool_error("%s", why ? why : "the reference can't be made");
        return STATUS_RUN;
    }
    x->operations = eval_operations(e);
    progress_show(x->t, "running the kernel", -1);
    Trial r = {.kernel = x->k, .grid = x->code, .dims = x->b.dims, .inputs = x->inputs, .calls = CHILD_TIMED};
    x->child = grid_run(x->t, &r, out);
    progress_clear(x->t);
    if (x->child.end == CHILD_RETURNED && !x->child.returned) return 0;
    if (x->child.end != CHILD_RETURNED) tool_error("%s", x->child.why);
    else tool_error("the input is refused by fact %d; give other dims or inputs", x->child.returned);
    return STATUS_RUN;
}

/* The stages that ran, as Tile IR; of the others only the names. */
static void tell_mapping(Explain *x, const GridRun *g) {
    TileProgram some = *x->tiles;
    memset(&some.stages, 0, sizeof some.stages);
    Out left = out_new(x->t->arena);
    for (int i = 0; i < x->tiles->stages.n; i++) {
        TileStage *s = x->tiles->stages.at[i];
        if (i >= g->report.n_stages || g->report.stage_ran[i]) vec_push(x->t->arena, &some.stages, s);
        else out_f(&left, "%s%s", left.n ? ", " : "", s->name);
    }
    schedule_print(x->tiles, x->m->name, x->t->arena, &x->text);
    out_s(&x->text, "\n");
    tile_print(&some, &x->text);
    if (left.n) out_f(&x->text, "\nleft out for these dims: stage %s\n", left.text);
}

/* What the cost model says, beside what the simulator counted: the same units of the PE with the most work. */
static void tell_estimate(Explain *x, const GridRun *g) {
    static const struct { CostUnit unit; int sim; } units[] = {{COST_CORE0, SIM_CORE0}, {COST_CORE1, SIM_CORE1}, {COST_DPE, PE_DPE}, {COST_RE, PE_RE}, {COST_SE, PE_SE}, {COST_MLU, PE_MLU}};
    CostReport c;
    if (!grid_estimate(x->t, x->tiles, g, x->b.dims, &c)) {
        out_s(&x->text, "\nthe cost model can't count this program\n");
        return;
    }
    out_f(&x->text, "\n%-12s %12s %12s cycles\n%-12s %12.0f %12lld\n", "", "estimated", "simulated", "all", c.cycles, (long long)sim_cycles(g->report.ticks));
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (c.busy[units[i].unit] >= 1 || g->report.unit_busiest[units[i].sim])
            out_f(&x->text, "%-12s %12.0f %12lld\n", cost_unit_names[units[i].unit], c.busy[units[i].unit], (long long)sim_cycles(g->report.unit_busiest[units[i].sim]));
    for (CostUnit u = COST_IN_SRAM; u <= COST_LINKS; u++)
        if (c.busy[u] >= 1) out_f(&x->text, "%-12s %12.0f\n", cost_unit_names[u], c.busy[u]);
    for (int i = 0; i < x->tiles->stages.n; i++)
        if (c.stage[i] > 0) out_f(&x->text, "stage %-6s %12.0f\n", x->tiles->stages.at[i]->name, c.stage[i]);
}

/* Reruns with each limit away; gives the one that costs most. */
static int tell_lifts(Explain *x, const GridRun *g, double *gain) {
    int best = -1;
    *gain = 0;
    out_s(&x->text, "\nwithout one limit at a time:\n");
    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++) {
        progress_show(x->t, "running with limits away", (double)i / (double)(sizeof advice / sizeof *advice));
        int64_t with = sim_cycles(g->report.ticks), without = grid_lifted(x->t, g, advice[i].lift);
        if (without < 0) continue;
        double less = 1 - (double)without / (double)(with ? with : 1);
        out_f(&x->text, "  %-8s %10lld cycles  %+.1f %%\n", advice[i].lift, (long long)without, -100 * less);
        if (less > *gain) *gain = less, best = (int)i;
    }
    progress_clear(x->t);
    return best;
}

/* The share of PEs that have any commands' work. */
static double used_share(const GridRun *g) {
    int n = (int)(g->code->machine.rows * g->code->machine.cols), busy = 0;
    for (int i = 0; i < n; i++) {
        int64_t most = 0;
        for (int u = 0; u < PE_ENGINES; u++)
            if (g->report.pe_busy[i][u] > most) most = g->report.pe_busy[i][u];
        busy += most > 0;
    }
    return (double)busy / n;
}

static void tell_advice(Explain *x, const GridRun *g, int best, double gain) {
    double all = (double)(g->report.ticks > 0 ? g->report.ticks : 1), core = (double)g->report.unit_busiest[SIM_CORE1] / all, used = used_share(g);
    out_s(&x->text, "\ntry: ");
    if (used < 0.75) out_f(&x->text, "only %.0f %% of the PEs have work: smaller tiles along the dealt axes, or larger dims, keep more of them busy\n", 100 * used);
    else if (core > 0.6 && core > gain) out_f(&x->text, "core 1 is busy %.0f %% of the time: what it does for each element is the limit; engines can take elementwise chains, row sums and products\n", 100 * core);
    else if (best >= 0 && gain > 0.02) out_f(&x->text, "%s\n", advice[best].words);
    else out_s(&x->text, "no single limit costs more than 2 %: the program waits for itself; another order of its stages and tiles is worth a look\n");
}

/* Reductions in one sweep, and those that are not. */
static void tell_online(Explain *x) {
    Out o = out_new(x->t->arena);
    online_report(x->tiles, x->t->arena, &o);
    if (o.n) out_f(&x->text, "\nreductions of one range:\n%s", o.text);
}

static void tell(Explain *x) {
    const GridRun *g = x->child.grid;
    Report r = {.kernel = x->k, .machine = x->m, .dims = x->b.dims, .grid = g};
    Verdict v = {.operations = x->operations, .child = x->child};
    double gain;
    report_measure(x->t->arena, &r, &v);
    tell_mapping(x, g);
    tell_online(x);
    out_s(&x->text, "\n");
    report_time(&r, &x->text);
    out_s(&x->text, "\n");
    sim_report_grid(&x->text, &g->config, &g->report, sim_report_busiest(&g->report), tool_colour());
    tell_estimate(x, g);
    int best = tell_lifts(x, g, &gain);
    tell_advice(x, g, best, gain);
}

int cmd_explain(Tool *t) {
    Progress progress = {0};
    t->progress = &progress;
    int status = STATUS_GOOD;
    Explain x = {.t = t, .text = out_new(t->arena)};
    x.m = machine_find(t, t->options->target, &status);
    x.k = x.m ? tool_kernel(t, t->options->files.at[0], &status) : NULL;
    if (!x.k) return status;
    if (x.m->emitter != EMIT_PE) {
        tool_error("machine '%s' has no grid to lay a kernel on; -t mtia1 has", x.m->name);
        return STATUS_USAGE;
    }
    if ((status = bind_run(t, x.k, &x.b)) || (status = make_inputs(&x)) || (status = build(&x)) || (status = run(&x))) return status;
    tell(&x);
    tool_write(t, t->options->output, x.text.text, x.text.n);
    child_release(&x.child);
    grid_close(x.code);
    return STATUS_GOOD;
}
