#include "sim/report.h"
#include <stdlib.h>
#include <math.h>
#include <string.h>

static int pes(const SimConfig *c) { return (int)(c->machine->rows * c->machine->cols); }
static double seconds(const SimConfig *c, int64_t ticks) { return (double)ticks / SIM_TICK / c->machine->hz; }

static int by_share(const void *x, const void *y) {
    const SimShare *a = x, *b = y;
    return a->busiest < b->busiest ? 1 : a->busiest > b->busiest ? -1 : strcmp(a->name, b->name);
}

void sim_report_shares(const SimConfig *c, const SimReport *r, SimShare out[SIM_SHARES]) {
    double all = r->ticks > 0 ? (double)r->ticks : 1;
    int n = 0;
    for (int u = 0; u < SIM_UNITS; u++)
        out[n++] = (SimShare){sim_unit_names[u], (double)r->unit_busiest[u] / all, (double)r->time[u][SIM_BUSY] / all / pes(c)};
    const struct { const char *name; const SimUse *use; } shared[] = {{"local", &r->local}, {"links", &r->links}, {"sram", &r->sram}, {"dram", &r->dram}};
    for (int i = 0; i < 4; i++)
        out[n++] = (SimShare){shared[i].name, (double)shared[i].use->busiest / all, (double)shared[i].use->total / all / (double)(shared[i].use->count ? shared[i].use->count : 1)};
    qsort(out, SIM_SHARES, sizeof *out, by_share);
}

void sim_report_fault(Out *o, const char *file, const char *knf, const SimFault *f) {
    out_f(o, "%s:%d: error: %s: %s\n", file, f->line, sim_fault_names[f->kind], f->text);
    out_f(o, "  on PE (%d, %d), core %d, cycle %lld\n", f->row, f->col, f->core, (long long)f->cycle);
    if (f->knf) out_f(o, "%s:%d: note: it stands for this line\n", knf ? knf : "its .knf", f->knf);
}

static void text_causes(Out *o, const SimConfig *c, const SimReport *r) {
    double all = (double)(r->ticks > 0 ? r->ticks : 1) * pes(c);
    out_s(o, "time of each unit, mean of the PEs:\n");
    for (int u = 0; u < SIM_UNITS; u++) {
        out_f(o, "  %-7s", sim_unit_names[u]);
        for (int k = 0; k < SIM_CAUSES; k++)
            if (r->time[u][k]) out_f(o, "  %s %.1f %%", sim_cause_names[k], 100 * (double)r->time[u][k] / all);
        if (u < PE_ENGINES) out_f(o, "  (%lld commands)", (long long)r->commands[u]);
        out_s(o, "\n");
    }
}

void sim_report_refusal(Out *o, const SimConfig *c, const SimReport *r) {
    const char *text = r->refused <= c->program->n_facts && c->program->fact ? c->program->fact[r->refused - 1] : NULL;
    out_f(o, "refused: fact %d does not hold%s%s\n", r->refused, text ? ": " : "", text ? text : "");
}

static const char *stage_name(const SimConfig *c, int i) {
    const char *name = i < c->program->n_stages ? c->program->stage[i].name : NULL;
    return name ? name : "?";
}

static void text_stages(Out *o, const SimConfig *c, const SimReport *r) {
    if (r->n_stages < 2) return;
    out_s(o, "stages:\n");
    for (int i = 0; i < r->n_stages; i++)
        if (r->stage_ran[i]) out_f(o, "  %-24s %10lld cycles  %5.1f %%\n", stage_name(c, i), (long long)sim_cycles(r->stage_ticks[i]), 100 * (double)r->stage_ticks[i] / (double)(r->ticks > 0 ? r->ticks : 1));
}

static void where_stages(Out *o, const SimConfig *c, const SimReport *r) {
    for (int i = 0; i < r->n_stages && r->n_stages > 1; i++) {
        double share = 100 * (double)r->stage_ticks[i] / (double)(r->ticks > 0 ? r->ticks : 1);
        if (r->stage_ran[i]) out_f(o, "  stage    %-24s %lld cycles, %.1f %%\n", stage_name(c, i), (long long)sim_cycles(r->stage_ticks[i]), share);
    }
}

void sim_report_where(Out *o, const SimConfig *c, const SimReport *r) {
    SimShare s[SIM_SHARES];
    double all = (double)(r->ticks > 0 ? r->ticks : 1) * pes(c);
    sim_report_shares(c, r, s);
    where_stages(o, c, r);
    out_s(o, "  busy     ");
    for (int i = 0; i < SIM_SHARES && (i == 0 || s[i].busiest > 0.05); i++) out_f(o, "%s%s %.0f %%", i ? ", " : "", s[i].name, 100 * s[i].busiest);
    for (int u = 0; u < SIM_UNITS; u++) {
        double waits = 0;
        for (int k = SIM_BUSY + 1; k < SIM_IDLE; k++) waits += (double)r->time[u][k] / all;
        if (waits < 0.05) continue;
        out_f(o, "\n  waits    %-7s", sim_unit_names[u]);
        for (int k = SIM_BUSY + 1; k < SIM_IDLE; k++)
            if ((double)r->time[u][k] / all >= 0.01) out_f(o, "  for %s %.0f %%", sim_cause_names[k], 100 * (double)r->time[u][k] / all);
    }
    out_s(o, "\n");
}

void sim_report_text(Out *o, const SimConfig *c, const SimReport *r) {
    SimShare s[SIM_SHARES];
    double t = seconds(c, r->ticks);
    sim_report_shares(c, r, s);
    out_f(o, "%s on %s: %lld cycles, %.3f us\n", c->program->name ? c->program->name : "?", c->machine->name, (long long)sim_cycles(r->ticks), t * 1e6);
    if (r->refused) sim_report_refusal(o, c, r);
    out_f(o, "bound: %s, busy %.1f %% of the time\n", s[0].name, 100 * s[0].busiest);
    if (r->macs) out_f(o, "products: %.2f T/s (a multiply-add counts 2)\n", 2e-12 * (double)r->macs / t);
    if (r->dram_bytes) out_f(o, "dram: %.1f GB/s, %lld row hits, %lld misses\n", 1e-9 * (double)r->dram_bytes / t, (long long)r->row_hits, (long long)r->row_misses);
    if (r->sram_bytes) out_f(o, "sram: %.1f GB/s\n", 1e-9 * (double)r->sram_bytes / t);
    if (r->link_bytes) out_f(o, "links: %.1f GB/s, %.1f hops a byte\n", 1e-9 * (double)r->link_bytes / t, (double)r->link_bytes / (double)(r->bytes_in + r->bytes_out ? r->bytes_in + r->bytes_out : 1));
    out_f(o, "local memory: %lld of %lld bytes handed out, at most %lld held at once\n", (long long)r->local_used, (long long)c->machine->local.size, (long long)r->local_held);
    text_stages(o, c, r);
    out_s(o, "utilisation, busiest and mean:\n");
    for (int i = 0; i < SIM_SHARES; i++)
        if (s[i].busiest > 0) out_f(o, "  %-7s %5.1f %%  %5.1f %%\n", s[i].name, 100 * s[i].busiest, 100 * s[i].mean);
    text_causes(o, c, r);
}

static void json_string(Out *o, const char *s) {
    out_s(o, "\"");
    for (; s && *s; s++) {
        if (*s == '"' || *s == '\\') out_f(o, "\\%c", *s);
        else if ((unsigned char)*s < 32) out_f(o, "\\u%04x", *s);
        else out_f(o, "%c", *s);
    }
    out_s(o, "\"");
}

static void json_fault(Out *o, const SimFault *f) {
    out_s(o, ", \"fault\": {\"kind\": ");
    json_string(o, sim_fault_names[f->kind]);
    out_f(o, ", \"line\": %d, \"knf\": %d, \"row\": %d, \"col\": %d, \"core\": %d, \"cycle\": %lld, \"text\": ", f->line, f->knf, f->row, f->col, f->core, (long long)f->cycle);
    json_string(o, f->text);
    out_s(o, "}");
}

static void json_stages(Out *o, const SimConfig *c, const SimReport *r) {
    out_s(o, ", \"stages\": [");
    for (int i = 0, n = 0; i < r->n_stages; i++) {
        if (!r->stage_ran[i]) continue;
        out_s(o, n++ ? ", {\"name\": " : "{\"name\": ");
        json_string(o, stage_name(c, i));
        out_f(o, ", \"cycles\": %lld}", (long long)sim_cycles(r->stage_ticks[i]));
    }
    out_s(o, "]");
}

int sim_report_near_mean(const SimConfig *c, const SimReport *r, int unit, double part) {
    double mean = (double)r->time[unit][SIM_BUSY] / pes(c);
    int n = 0;
    for (int i = 0; i < pes(c); i++) n += fabs((double)r->pe_busy[i][unit] - mean) <= part * mean;
    return n;
}

/* How evenly the unit that works most is used: PEs on which it is busy within a fifth of the mean. */
static void json_balance(Out *o, const SimConfig *c, const SimReport *r) {
    int unit = sim_report_busiest(r);
    out_f(o, ", \"balance\": {\"unit\": \"%s\", \"pes\": %d, \"near_mean\": %d}", sim_unit_names[unit], pes(c), sim_report_near_mean(c, r, unit, 0.2));
}

void sim_report_json(Out *o, const SimConfig *c, const SimReport *r, const char *extra) {
    SimShare s[SIM_SHARES];
    sim_report_shares(c, r, s);
    out_f(o, "{\"version\": %d, \"program\": ", SIM_REPORT_VERSION);
    json_string(o, c->program->name);
    out_s(o, ", \"machine\": ");
    json_string(o, c->machine->name);
    if (r->fault.kind) json_fault(o, &r->fault);
    else {
        out_f(o, ", \"cycles\": %lld, \"seconds\": %.9g, \"bound\": \"%s\"", (long long)sim_cycles(r->ticks), seconds(c, r->ticks), s[0].name);
        out_f(o, ", \"macs\": %lld, \"dram_bytes\": %lld, \"sram_bytes\": %lld, \"row_hits\": %lld, \"row_misses\": %lld, \"link_bytes\": %lld, \"local_held\": %lld", (long long)r->macs, (long long)r->dram_bytes, (long long)r->sram_bytes,
              (long long)r->row_hits, (long long)r->row_misses, (long long)r->link_bytes, (long long)r->local_held);
        if (r->refused) out_f(o, ", \"refused\": %d", r->refused);
        if (r->n_stages) json_stages(o, c, r);
        json_balance(o, c, r);
        out_s(o, ", \"utilisation\": {");
        for (int i = 0; i < SIM_SHARES; i++) out_f(o, "%s\"%s\": [%.6f, %.6f]", i ? ", " : "", s[i].name, s[i].busiest, s[i].mean);
        out_s(o, "}, \"time\": {");
        for (int u = 0; u < SIM_UNITS; u++) {
            out_f(o, "%s\"%s\": {", u ? ", " : "", sim_unit_names[u]);
            for (int k = 0; k < SIM_CAUSES; k++) out_f(o, "%s\"%s\": %lld", k ? ", " : "", sim_cause_names[k], (long long)sim_cycles(r->time[u][k]));
            out_s(o, "}");
        }
        out_s(o, "}");
    }
    out_f(o, "%s}\n", extra ? extra : "");
}

void sim_report_trace(Out *o, const SimConfig *c) {
    const SimTrace *t = c->trace;
    double us = 1e6 / c->machine->hz / SIM_TICK;
    int cols = (int)c->machine->cols;
    out_s(o, "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n");
    for (int i = 0; i < pes(c); i++) {
        out_f(o, "{\"ph\": \"M\", \"pid\": %d, \"name\": \"process_name\", \"args\": {\"name\": \"PE (%d, %d)\"}},\n", i, i / cols, i % cols);
        for (int u = 0; u < SIM_UNITS; u++)
            out_f(o, "{\"ph\": \"M\", \"pid\": %d, \"tid\": %d, \"name\": \"thread_name\", \"args\": {\"name\": \"%s\"}},\n", i, u, sim_unit_names[u]);
    }
    for (int64_t i = 0; i < t->n; i++) {
        const SimSpan *s = &t->span[i];
        if (s->unit == SIM_UNITS) {
            out_f(o, "{\"ph\": \"C\", \"pid\": %d, \"ts\": %.6f, \"name\": \"local memory held\", \"args\": {\"bytes\": %d}},\n", s->pe, (double)s->start * us, s->line);
            continue;
        }
        out_f(o, "{\"ph\": \"X\", \"pid\": %d, \"tid\": %d, \"ts\": %.6f, \"dur\": %.6f, \"name\": \"%s, line %d\"},\n", s->pe, s->unit, (double)s->start * us, (double)(s->end - s->start) * us,
              s->unit >= PE_ENGINES ? sim_cause_names[s->cause] : sim_unit_names[s->unit], s->line);
    }
    out_f(o, "{\"ph\": \"M\", \"pid\": 0, \"name\": \"spans_kept\", \"args\": {\"kept\": %lld, \"limit\": %lld}}\n]}\n", (long long)t->n, (long long)t->max);
}

int sim_report_busiest(const SimReport *r) {
    int best = 0;
    for (int u = 1; u < SIM_UNITS; u++)
        if (r->time[u][SIM_BUSY] > r->time[best][SIM_BUSY]) best = u;
    return best;
}

void sim_report_grid(Out *o, const SimConfig *c, const SimReport *r, int unit, bool colour) {
    static const int shade[] = {17, 18, 19, 20, 26, 32, 38, 44, 208, 196};
    int cols = (int)c->machine->cols;
    out_f(o, "busy share of %s on each PE, %%:\n", sim_unit_names[unit]);
    for (int i = 0; i < pes(c); i++) {
        double x = r->ticks > 0 ? 100 * (double)r->pe_busy[i][unit] / (double)r->ticks : 0;
        int level = x >= 100 ? 9 : (int)(x / 10);
        if (colour) out_f(o, "\033[48;5;%dm\033[97m %3.0f \033[0m", shade[level], x);
        else out_f(o, " %3.0f", x);
        if (i % cols == cols - 1) out_s(o, "\n");
    }
}

void sim_report_slower(Out *o, const SimReport *with, const SimReport *without) {
    const struct { const char *name; int64_t more; } shared[] = {
        {"links", without->links.waited - with->links.waited}, {"sram", without->sram.waited - with->sram.waited}, {"dram", without->dram.waited - with->dram.waited},
        {"local", without->local.waited - with->local.waited},
    };
    int most = 0, unit = 0, cause = SIM_DATA;
    for (int i = 1; i < 4; i++)
        if (shared[i].more > shared[most].more) most = i;
    for (int u = 0; u < SIM_UNITS; u++)
        for (int k = SIM_BUSY + 1; k < SIM_IDLE; k++)
            if (without->time[u][k] - with->time[u][k] > without->time[unit][cause] - with->time[unit][cause]) { unit = u; cause = k; }
    if (shared[most].more > 0) out_f(o, ": bookings of %s waited %lld cycles more for others", shared[most].name, (long long)sim_cycles(shared[most].more));
    int64_t stall = without->time[unit][cause] - with->time[unit][cause], misses = without->row_misses - with->row_misses;
    if (stall > 0) out_f(o, "%s %s stood %lld cycles more for '%s', all PEs together", shared[most].more > 0 ? ";" : ":", sim_unit_names[unit], (long long)sim_cycles(stall), sim_cause_names[cause]);
    if (misses > 0) out_f(o, "; %lld more row misses", (long long)misses);
}
