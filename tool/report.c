#include "tool/report.h"
#include "sim/report.h"
#include "tool/roofline.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_double(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* Where the tensors of a run lived. */
static const bool *homes(Arena *a, const Report *r) {
    const Kernel *k = r->kernel;
    bool *in_sram = NEW_ARRAY(a, bool, k->params.n + k->outputs.n + 1);
    for (int i = 0; i < k->params.n + k->outputs.n; i++) {
        const char *name = i < k->params.n ? k->params.at[i]->name : k->outputs.at[i - k->params.n]->name;
        int t = sim_program_tensor(&r->grid->code->program, name);
        in_sram[i] = t >= 0 && !r->grid->config.tensor[t].dram;
    }
    return in_sram;
}

void report_measure(Arena *a, Report *r, const Verdict *v) {
    const SimMachine *grid = r->grid ? &r->grid->code->machine : NULL;
    r->operations = v->operations;
    r->n_times = v->child.n_times;
    RoofWork w = roofline_work(a, r->kernel, r->dims, grid, grid ? homes(a, r) : NULL, v->operations);
    Roofline least = grid ? roofline_grid(&w, grid) : roofline_host(&w, r->machine);
    r->bytes = w.dram + w.sram;
    r->bound = least.bound;
    if (!r->n_times) return;
    qsort(v->child.times, (size_t)r->n_times, sizeof(double), by_double);
    r->time = v->child.times[r->n_times / 2];
    r->time_low = v->child.times[r->n_times / 10];
    r->time_high = v->child.times[r->n_times - 1 - r->n_times / 10];
    r->fraction = r->time > 0 ? least.seconds / r->time : 0;
}

static void seconds(Out *o, double s) {
    if (s < 1e-3) out_f(o, "%.3g us", s * 1e6);
    else if (s < 1) out_f(o, "%.3g ms", s * 1e3);
    else out_f(o, "%.3g s", s);
}

static void amount(Out *o, double n, const char *unit) {
    static const char *const prefix[] = {"", "k", "M", "G", "T"};
    int p = 0;
    while (n >= 1000 && p < 4) n /= 1000, p++;
    out_f(o, "%.3g %s%s", n, prefix[p], unit);
}

static void timing(const Report *r, Out *o) {
    out_s(o, "  time     ");
    seconds(o, r->time);
    if (r->grid) out_f(o, "   %lld cycles", (long long)sim_cycles(r->grid->report.ticks));
    else {
        out_f(o, "   (median of %d; ", r->n_times);
        seconds(o, r->time_low);
        out_s(o, " .. ");
        seconds(o, r->time_high);
        out_s(o, ")");
    }
    out_s(o, "\n  moved    ");
    amount(o, r->bytes, "B");
    out_s(o, "   ");
    amount(o, r->bytes / r->time, "B/s");
    out_s(o, "\n  work     ");
    amount(o, r->operations, "op");
    out_s(o, "   ");
    amount(o, r->operations / r->time, "op/s");
    if (r->estimate) out_f(o, "\n  estimate %.0f cycles by the cost model, %+.1f %%", r->estimate->cycles, 100 * (r->estimate->cycles / (double)sim_cycles(r->grid->report.ticks) - 1));
    if (r->bound) out_f(o, "\n  bound    %.3g %% of the %s of machine %s", 100 * r->fraction, r->bound, r->machine->name);
    out_s(o, "\n");
}

void report_time(const Report *r, Out *o) {
    out_f(o, "%s on %s", r->kernel->name, r->machine->name);
    for (int i = 0; i < r->kernel->dims.n; i++)
        out_f(o, "%s %s=%lld", i ? "" : ":", r->kernel->dims.at[i]->name, (long long)r->dims[r->kernel->dims.at[i]->id]);
    out_s(o, "\n");
    if (r->time > 0) timing(r, o);
    if (r->grid && r->time > 0) sim_report_where(o, &r->grid->config, &r->grid->report);
    if (r->lifts) out_s(o, r->lifts);
}

void report_text(const Report *r, Out *o) {
    report_time(r, o);
    out_f(o, "  check    %s: %s", !r->ok ? "FAILED" : r->no_test ? "NO TEST" : "ok", r->check);
    if (r->ratio > 0 && isfinite(r->ratio)) out_f(o, "; the largest error is %.2g of what is allowed", r->ratio);
    out_s(o, "\n");
    for (int i = 0; i < r->n_notes; i++) out_f(o, "  %s\n", r->notes[i]);
    if (r->grid && r->map) sim_report_grid(o, &r->grid->config, &r->grid->report, sim_report_busiest(&r->grid->report), tool_colour());
}

static json_t *number_or_null(double v) { return isfinite(v) ? json_real(v) : json_null(); }

/* What only a grid tells: cycles, stages, where the time went. */
static void json_grid(Tool *t, const Report *r, json_t *all) {
    const GridRun *g = r->grid;
    Out o = out_new(t->arena);
    sim_report_json(&o, &g->config, &g->report, r->lifts_json ? arena_printf(t->arena, ", \"lift\": {%s}", r->lifts_json) : NULL);
    json_t *sim = json_loads(o.text, 0, NULL);
    static const char *const members[] = {"cycles", "stages", "utilisation", "time", "lift", "dram_bytes", "sram_bytes", "balance", "macs"};
    for (size_t i = 0; sim && i < sizeof members / sizeof *members; i++) {
        json_t *x = json_object_get(sim, members[i]);
        if (x) json_object_set(all, members[i], x);
    }
    json_decref(sim);
    if (!r->estimate) return;
    json_t *units = json_object();
    for (int u = 0; u < COST_UNITS; u++) json_object_set_new(units, cost_unit_names[u], number_or_null(r->estimate->busy[u]));
    json_object_set_new(all, "estimate", json_pack("{s:o, s:o}", "cycles", number_or_null(r->estimate->cycles), "busy", units));
}

void report_json(Tool *t, const Report *r, const char *path) {
    json_t *dims = json_object(), *notes = json_array();
    for (int i = 0; i < r->kernel->dims.n; i++)
        json_object_set_new(dims, r->kernel->dims.at[i]->name, json_integer(r->dims[r->kernel->dims.at[i]->id]));
    for (int i = 0; i < r->n_notes; i++) json_array_append_new(notes, json_string(r->notes[i]));
    json_t *roof = json_pack("{s:s?, s:o}", "bound", r->bound, "fraction", number_or_null(r->fraction));
    json_t *check = json_pack("{s:b, s:o, s:s, s:b, s:b, s:b, s:I, s:f}", "ok", r->ok && !r->no_test, "ratio", number_or_null(r->ratio), "kind", r->check,
                              "refused", r->refused, "no_test", r->no_test, "sampled", r->sampled, "compared", (json_int_t)r->compared, "loose", r->loose);
    json_t *all = json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o}", "version", REPORT_VERSION, "kernel", r->kernel->name,
                            "target", r->machine->name, "dims", dims, "time_s", r->time > 0 ? json_real(r->time) : json_null(), "time_spread_s",
                            json_pack("[f,f]", r->time_low, r->time_high), "bytes", json_integer((json_int_t)r->bytes), "ops",
                            json_integer((json_int_t)r->operations), "roofline", roof, "check", check, "schedule", r->schedule, "notes", notes);
    if (all && r->grid && r->time > 0) json_grid(t, r, all);
    char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    if (!text) tool_die(STATUS_ENVIRONMENT, "out of memory for the JSON report");
    const char *copy = arena_printf(t->arena, "%s\n", text);
    free(text);
    json_decref(all);
    tool_write(t, path, copy, strlen(copy));
}
