#include "tool/report.h"
#include "dsl/kernel_build.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_double(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* The type that arithmetic is done in: the widest of the statements, floats first. */
static DType arithmetic(const Kernel *k) {
    static const DType order[] = {DT_F64, DT_F32, DT_I64, DT_I32};
    for (int w = 0; w < 4; w++)
        for (int i = 0; i < k->stmts.n; i++) {
            const Stmt *s = k->stmts.at[i];
            DType t = s->value->kind == X_REDUCE ? s->value->reduce->comb->type : s->value->type;
            if (t < DT_COUNT && dtype_table[t].compute == order[w]) return order[w];
        }
    return DT_F32;
}

/* The roofline: the least time that the machine needs to move the tensors once, or to do the operations. */
static double roofline(Report *r) {
    static const struct { const char *memory, *bound; } levels[] = {
        {"l1", "L1 bandwidth"}, {"l2", "L2 bandwidth"}, {"l3", "L3 bandwidth"}, {"dram", "DRAM bandwidth"}};
    static const char *const rates[] = {[DT_F64] = "f64 rate", [DT_F32] = "f32 rate", [DT_I64] = "i64 rate", [DT_I32] = "i32 rate"};
    double memory = 0, compute = 0;
    for (int i = 0; i < 4; i++) {
        double rate = machine_number(r->machine, "memory", levels[i].memory, "bandwidth");
        if (rate <= 0 || (i < 3 && r->bytes > machine_number(r->machine, "memory", levels[i].memory, "size"))) continue;
        memory = r->bytes / rate;
        r->bound = levels[i].bound;
        break;
    }
    DType t = arithmetic(r->kernel);
    double peak = machine_number(r->machine, "engine", "vector", dtype_name(t));
    if (peak > 0) compute = r->operations / peak;
    if (compute > memory) r->bound = rates[t];
    return fmax(memory, compute);
}

typedef struct Reads { const Tensor *t; bool gathered, plain; } Reads;

static bool see_tensor(void *context, Expr *e) {
    *(bool *)context |= e->kind == X_READ;
    return true;
}

static bool see_reads(void *context, Expr *e) {
    Reads *r = context;
    if (e->kind != X_READ || e->tensor != r->t) return true;
    bool by_data = false;
    for (int i = 0; i < e->args.n; i++) expr_walk(e->args.at[i], see_tensor, &by_data);
    *(by_data ? &r->gathered : &r->plain) = true;
    return true;
}

/* Bytes of an input that a run must move. Of one that is read at places that data tell, no more than it has operations or results. */
static double input_bytes(const Report *r, const Tensor *t, const Array *x, double results) {
    Reads reads = {.t = t};
    for (int i = 0; i < r->kernel->stmts.n; i++) expr_walk(r->kernel->stmts.at[i]->value, see_reads, &reads);
    double all = (double)array_bytes(x), most = fmax(r->operations, results) * dtype_table[t->type].bytes;
    return reads.gathered && !reads.plain ? fmin(all, most) : all;
}

void report_measure(Report *r, const Verdict *v, const Array *inputs, const Array *outputs) {
    r->operations = v->operations;
    r->n_times = v->child.n_times;
    double results = 0;
    for (int i = 0; i < r->kernel->outputs.n; i++) {
        r->bytes += (double)array_bytes(&outputs[i]);
        results += (double)outputs[i].n;
    }
    for (int i = 0; i < r->kernel->params.n; i++) r->bytes += input_bytes(r, r->kernel->params.at[i], &inputs[i], results);
    double least = roofline(r);
    if (!r->n_times) return;
    qsort(v->child.times, (size_t)r->n_times, sizeof(double), by_double);
    r->time = v->child.times[r->n_times / 2];
    r->time_low = v->child.times[r->n_times / 10];
    r->time_high = v->child.times[r->n_times - 1 - r->n_times / 10];
    r->fraction = r->time > 0 ? least / r->time : 0;
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
    out_s(o, "   (median of ");
    out_f(o, "%d; ", r->n_times);
    seconds(o, r->time_low);
    out_s(o, " .. ");
    seconds(o, r->time_high);
    out_s(o, ")\n  moved    ");
    amount(o, r->bytes, "B");
    out_s(o, "   ");
    amount(o, r->bytes / r->time, "B/s");
    out_s(o, "\n  work     ");
    amount(o, r->operations, "op");
    out_s(o, "   ");
    amount(o, r->operations / r->time, "op/s");
    if (r->bound) out_f(o, "\n  bound    %.3g %% of the %s of machine %s", 100 * r->fraction, r->bound, r->machine->name);
    out_s(o, "\n");
}

void report_text(const Report *r, Out *o) {
    out_f(o, "%s on %s", r->kernel->name, r->machine->name);
    for (int i = 0; i < r->kernel->dims.n; i++)
        out_f(o, "%s %s=%lld", i ? "" : ":", r->kernel->dims.at[i]->name, (long long)r->dims[r->kernel->dims.at[i]->id]);
    out_s(o, "\n");
    if (r->time > 0) timing(r, o);
    out_f(o, "  check    %s: %s", !r->ok ? "FAILED" : r->no_test ? "NO TEST" : "ok", r->check);
    if (r->ratio > 0 && isfinite(r->ratio)) out_f(o, "; the largest error is %.2g of what is allowed", r->ratio);
    out_s(o, "\n");
    for (int i = 0; i < r->n_notes; i++) out_f(o, "  %s\n", r->notes[i]);
}

static json_t *number_or_null(double v) { return isfinite(v) ? json_real(v) : json_null(); }

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
    char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
    if (!text) tool_die(STATUS_ENVIRONMENT, "out of memory for the JSON report");
    const char *copy = arena_printf(t->arena, "%s\n", text);
    free(text);
    json_decref(all);
    tool_write(t, path, copy, strlen(copy));
}
