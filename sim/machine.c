/* Machine blocks to SimMachine: one row of the table is one key. */
#include "sim/machine.h"
#include "sim/rows.h"
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef enum Quantity {
    Q_COUNT,      /* a bare number */
    Q_BYTES,      /* B, KiB ... */
    Q_TIME,       /* cycles or ns; stored as ticks */
    Q_RATE,       /* B/s or B/cycle; stored as SimRate */
    Q_YES,        /* yes, no; or the word of the row */
    Q_TYPES,      /* by type: i8 1024 mac/cycle, ...; SimRate[PE_TYPE_COUNT] */
    Q_LANES,      /* by type: i8 64, ...; int64_t[PE_TYPE_COUNT] */
    Q_HZ,         /* the clock, a double */
    Q_LIST        /* `width` bare numbers in a row */
} Quantity;

typedef struct Key {
    const char *group, *name;
    Quantity q;
    size_t at;
    double lo, hi;            /* legal range in the stored unit; rates and times: of the number written */
    int width;
    const char *word;
} Key;

#define AT(member) offsetof(SimMachine, member)
static const Key keys[] = {
    {"", "grid", Q_LIST, AT(rows), 1, SIM_GRID_MAX, 2},
    {"", "clock", Q_HZ, AT(hz), 1e6, 1e11},
    {"", "launch", Q_TIME, AT(launch), 0, 1e9},
    {"local", "size", Q_BYTES, AT(local.size), 1024, 1 << 26},
    {"local", "bandwidth", Q_RATE, AT(local.bandwidth), 0, 0},
    {"local", "align", Q_BYTES, AT(local.align), 1, 4096},
    {"sram", "size", Q_BYTES, AT(sram.size), 1, 1e15},
    {"sram", "bandwidth", Q_RATE, AT(sram.bandwidth), 0, 0},
    {"sram", "latency", Q_TIME, AT(sram.latency), 0, 1e6},
    {"sram", "banks", Q_COUNT, AT(sram.banks), 1, 1024},
    {"sram", "interleave", Q_BYTES, AT(sram.interleave), 32, 1 << 20},
    {"sram", "hash", Q_YES, AT(sram.hash), 0, 0, 0, "xor"},
    {"sram", "access", Q_BYTES, AT(sram.access), 1, 4096},
    {"dram", "size", Q_BYTES, AT(dram.size), 1, 1e15},
    {"dram", "bandwidth", Q_RATE, AT(dram.bandwidth), 0, 0},
    {"dram", "channels", Q_COUNT, AT(dram.channels), 1, 256},
    {"dram", "latency", Q_TIME, AT(dram.latency), 0, 1e6},
    {"dram", "interleave", Q_BYTES, AT(dram.interleave), 32, 1 << 20},
    {"dram", "hash", Q_YES, AT(dram.hash), 0, 0, 0, "xor"},
    {"dram", "banks", Q_COUNT, AT(dram.banks), 1, 64},
    {"dram", "row", Q_BYTES, AT(dram.row), 32, 1 << 20},
    {"dram", "access", Q_BYTES, AT(dram.access), 1, 4096},
    {"dram", "row_miss", Q_TIME, AT(dram.row_miss), 0, 1e6},
    {"dram", "write_queue", Q_BYTES, AT(dram.write_queue), 32, 1 << 20},
    {"dram", "turnaround", Q_TIME, AT(dram.turnaround), 0, 1e6},
    {"dram", "refresh", Q_TIME, AT(dram.refresh), 0, 1e6},
    {"dram", "refresh_every", Q_TIME, AT(dram.refresh_every), 1, 1e9},
    {"network", "link", Q_RATE, AT(network.link), 0, 0},
    {"network", "hop", Q_TIME, AT(network.hop), 0, 1e4},
    {"network", "ports", Q_COUNT, AT(network.ports), 1, 4 * SIM_GRID_MAX},
    {"network", "segment", Q_BYTES, AT(network.segment), 32, 1 << 16},
    {"core", "issue", Q_TIME, AT(core.issue), 0, 1e4},
    {"core", "scalar", Q_TIME, AT(core.scalar), 0, 1e4},
    {"core", "turn", Q_TIME, AT(core.turn), 0, 1e4},
    {"core", "vector", Q_BYTES, AT(core.vector), 64, 64},
    {"core", "op", Q_TIME, AT(core.op), 0, 1e4},
    {"core", "loads", Q_COUNT, AT(core.loads), 1, 64},
    {"core", "stores", Q_COUNT, AT(core.stores), 1, 64},
    {"core", "imul", Q_TIME, AT(core.imul), 0, 1e4},
    {"core", "div", Q_TIME, AT(core.div), 0, 1e4},
    {"core", "idiv", Q_TIME, AT(core.idiv), 0, 1e4},
    {"core", "function", Q_TIME, AT(core.function), 0, 1e4},
    {"core", "gather", Q_TIME, AT(core.gather), 0, 1e4},
    {"core", "lanes", Q_LANES, AT(core.lanes), 1, 64},
    {"queue", "depth", Q_COUNT, AT(queue.depth), 1, 64},
    {"queue", "start", Q_TIME, AT(queue.start), 0, 1e4},
    {"dma", "outstanding", Q_COUNT, AT(dma.outstanding), 1, 256},
    {"dma", "setup", Q_TIME, AT(dma.setup), 0, 1e5},
    {"dma", "largest", Q_BYTES, AT(dma.largest), 32, 1 << 24},
    {"dma", "row", Q_TIME, AT(dma.row), 0, 1e4},
    {"dma", "gather_row", Q_TIME, AT(dma.gather_row), 0, 1e4},
    {"dpe", "block", Q_LIST, AT(dpe.block_m), 1, 64, 3},
    {"dpe", "rate", Q_TYPES, AT(dpe.rate), 0, 0},
    {"dpe", "sparse", Q_YES, AT(dpe.sparse), 0, 0},
    {"re", "accumulators", Q_COUNT, AT(re.accumulators), 1, 16},
    {"re", "drain", Q_TIME, AT(re.drain), 0, 1e5},
    {"re", "preload", Q_TIME, AT(re.preload), 0, 1e5},
    {"re", "chain", Q_YES, AT(re.chain), 0, 0},
    {"re", "link", Q_RATE, AT(re.link), 0, 0},
    {"re", "feed", Q_YES, AT(re.feed), 0, 0},
    {"se", "rate", Q_TYPES, AT(se.rate), 0, 0},
    {"se", "basic", Q_COUNT, AT(se.basic), 0, 1000},
    {"se", "table", Q_COUNT, AT(se.table), 0, 1000},
    {"se", "recip", Q_COUNT, AT(se.recip), 0, 1000},
    {"se", "divide", Q_COUNT, AT(se.divide), 0, 1000},
    {"se", "accumulate_rows", Q_COUNT, AT(se.accumulate_rows), 1, 1 << 20},
    {"se", "row_minmax", Q_YES, AT(se.row_minmax), 0, 0},
    {"mlu", "rate", Q_RATE, AT(mlu.rate), 0, 0},
};
enum { N_KEYS = sizeof keys / sizeof *keys };

static const struct { const char *name; double scale; } units[] = {
    {"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824.0}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
    {"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {"GHz", 1e9}, {"cycle", 1}, {"cycles", 1}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1},
    {"mac", 1}, {"op", 1},
};
static const char *const type_names[PE_TYPE_COUNT] = {
#define X(id, name, bytes) name,
    PE_TYPES(X)
#undef X
};

typedef struct Row { const AEntry *engine, *row; } Row;

typedef struct Reader {
    SimMachine *m;
    Diags *diags;
    Arena *arena;
    const AEntry *seen[N_KEYS];
    VEC(Row) rows;          /* read when all else is */
} Reader;

static int64_t gcd(int64_t a, int64_t b) {
    while (b) { int64_t t = a % b; a = b; b = t; }
    return a ? a : 1;
}

SimRate sim_rate_of(double ticks) {
    if (!(ticks > 0)) return (SimRate){0, 1};
    int64_t den = 1 << 20;
    while (den > 1 && ticks * (double)den > 2147483648.0) den /= 2;
    for (int64_t d = 1; d <= 4096 && ticks * (double)d < 2147483648.0; d++)   /* a small denominator when one is exact */
        if (fabs(ticks * (double)d - round(ticks * (double)d)) < 1e-9 * ticks * (double)d) { den = d; break; }
    int64_t num = (int64_t)llround(ticks * (double)den), g = gcd(num, den);
    return (SimRate){num / g, den / g};
}

static double number(const AValue *v) { return v->is_int ? (double)v->i : v->f; }

static bool unit_scale(const char *name, double *scale) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(units[i].name, name ? name : "")) { *scale = units[i].scale; return true; }
    return false;
}

static const char *text_or(Name n) { return n ? n : ""; }

/* Ticks for a time value, or below zero after an error. */
static double read_time(Reader *r, const AValue *v) {
    const char *u = text_or(v->unit.text);
    double s;
    if (!strcmp(u, "cycle") || !strcmp(u, "cycles")) return number(v) * SIM_TICK;
    if (unit_scale(u, &s) && *u && strstr("ns us ms s", u)) return number(v) * s * r->m->hz * SIM_TICK;
    diag_help(diag_error(r->diags, v->span, "expected a time, found %s", *u ? u : "a bare number"), "write it in cycles or ns");
    return -1;
}

/* Units a second or a cycle, as ticks a unit; below zero after an error. */
static double read_rate(Reader *r, const AValue *v) {
    const char *per = text_or(v->per.text);
    double s = 1, n = number(v);
    if (!unit_scale(text_or(v->unit.text), &s) || (strcmp(per, "s") && strcmp(per, "cycle"))) {
        diag_help(diag_error(r->diags, v->span, "expected a rate"), "write it as 64 B/cycle or 0.8 TB/s");
        return -1;
    }
    if (!(n * s > 0)) {
        diag_error(r->diags, v->span, "a rate must be above 0");
        return -1;
    }
    double ticks = strcmp(per, "s") ? SIM_TICK / (n * s) : SIM_TICK * r->m->hz / (n * s);
    if (ticks < 1e-6 || ticks > 1e9) {
        diag_error(r->diags, v->span, "this rate is out of reason: %g cycles for one unit", ticks / SIM_TICK);
        return -1;
    }
    return ticks;
}

static void read_rates(Reader *r, const AEntry *e, SimRate *out) {
    for (int i = 0; i < e->values.n; i++) {
        const AValue *v = &e->values.at[i];
        int t = 0;
        while (t < PE_TYPE_COUNT && strcmp(type_names[t], text_or(v->name.text))) t++;
        if (t == PE_TYPE_COUNT || v->is_name) {
            diag_help(diag_error(r->diags, v->span, "expected a type and its rate"), "write: f16 512 mac/cycle");
            continue;
        }
        double ticks = read_rate(r, v);
        if (ticks > 0) out[t] = sim_rate_of(ticks);
    }
}

static void read_types(Reader *r, const Key *k, const AEntry *e) { read_rates(r, e, (SimRate *)((char *)r->m + k->at)); }

void sim_read_types(SimMachine *m, Diags *diags, const AEntry *e, SimRate *out) { read_rates(&(Reader){.m = m, .diags = diags}, e, out); }

static void read_lanes(Reader *r, const Key *k, const AEntry *e) {
    int64_t *out = (int64_t *)((char *)r->m + k->at);
    for (int i = 0; i < e->values.n; i++) {
        const AValue *v = &e->values.at[i];
        int t = 0;
        while (t < PE_TYPE_COUNT && strcmp(type_names[t], text_or(v->name.text))) t++;
        double n = v->is_name ? 0 : number(v);
        if (t == PE_TYPE_COUNT || *text_or(v->unit.text) || n < k->lo || n > k->hi || n != floor(n)) {
            diag_help(diag_error(r->diags, v->span, "expected a type and how many lanes of it one operation has, from %g to %g", k->lo, k->hi), "write: f16 32");
            continue;
        }
        out[t] = (int64_t)n;
    }
}

static void read_yes(Reader *r, const Key *k, const AEntry *e) {
    const AValue *v = &e->values.at[0];
    const char *yes = k->word ? k->word : "yes", *no = k->word ? "none" : "no", *t = text_or(v->name.text);
    if (!v->is_name || (strcmp(t, yes) && strcmp(t, no))) {
        diag_error(r->diags, v->span, "'%s' is '%s' or '%s'", k->name, yes, no);
        return;
    }
    *(int64_t *)((char *)r->m + k->at) = !strcmp(t, yes);
}

/* A number of a key that has one: converted, checked against the row's range, stored. */
static void read_number(Reader *r, const Key *k, const AValue *v, int64_t *to) {
    double x = number(v), s = 1;
    const char *u = text_or(v->unit.text);
    if (v->is_name) { diag_error(r->diags, v->span, "'%s' is a number", k->name); return; }
    if (k->q == Q_TIME) {
        x = read_time(r, v);
        if (x < 0) return;
        if (x / SIM_TICK < k->lo || x / SIM_TICK > k->hi) goto range;
        *to = (int64_t)llround(x);
        return;
    }
    if (!unit_scale(u, &s) || (k->q == Q_COUNT && *u) || (k->q == Q_BYTES && !strchr(u, 'B'))) {
        diag_error(r->diags, v->span, k->q == Q_BYTES ? "'%s' is in bytes: B, KiB, MiB" : "'%s' is a bare number", k->name);
        return;
    }
    x *= s;
    if (x < k->lo || x > k->hi || x != floor(x)) goto range;
    *to = (int64_t)x;
    return;
range:
    diag_error(r->diags, v->span, "'%s' must be a whole number from %g to %g", k->name, k->lo, k->hi);
}

static void read_entry(Reader *r, const Key *k, const AEntry *e) {
    int want = k->width ? k->width : 1;
    char *to = (char *)r->m + k->at;
    if (k->q == Q_TYPES || k->q == Q_LANES ? e->values.n < 1 : e->values.n != want) {
        diag_error(r->diags, e->span, "'%s' takes %d value%s, found %d", k->name, want, want == 1 ? "" : "s", e->values.n);
        return;
    }
    const AValue *v = &e->values.at[0];
    double s, ticks;
    switch (k->q) {
    case Q_TYPES: read_types(r, k, e); break;
    case Q_LANES: read_lanes(r, k, e); break;
    case Q_YES: read_yes(r, k, e); break;
    case Q_RATE:
        ticks = read_rate(r, v);
        if (ticks > 0) *(SimRate *)to = sim_rate_of(ticks);
        break;
    case Q_HZ:
        if (v->is_name || !unit_scale(text_or(v->unit.text), &s) || !strstr("Hz kHz MHz GHz", text_or(v->unit.text)) || number(v) * s < k->lo || number(v) * s > k->hi)
            diag_error(r->diags, v->span, "expected a frequency from 1 MHz to 100 GHz");
        else r->m->hz = number(v) * s;
        break;
    case Q_LIST:
        for (int i = 0; i < want; i++) {
            Key one = *k;
            one.q = Q_COUNT;
            read_number(r, &one, &e->values.at[i], (int64_t *)to + i);
        }
        break;
    default: read_number(r, k, v, (int64_t *)to);
    }
}

static int key_find(const char *group, const char *name) {
    for (int i = 0; i < N_KEYS; i++)
        if (!strcmp(keys[i].group, group) && !strcmp(keys[i].name, name)) return i;
    return -1;
}

int sim_key_find(const char *group, const char *name) {
    int k = key_find(group, name);
    return k >= 0 && keys[k].q == Q_COUNT ? k : -1;
}

int64_t sim_key_value(const SimMachine *m, int key) { return *(const int64_t *)((const char *)m + keys[key].at); }

/* The table's name of a group: "local" for 'memory local', "core" for 'core'. */
static const char *group_name(const AEntry *e) { return e->label.text ? e->label.text : text_or(e->key.text); }

static void entry_unknown(Reader *r, const char *group, const AEntry *e) {
    const char *near[N_KEYS];
    int n = 0;
    for (int i = 0; i < N_KEYS; i++)
        if (!strcmp(keys[i].group, group)) near[n++] = keys[i].name;
    Diag *d = diag_error(r->diags, e->key.span, "no property '%s'%s%s", text_or(e->key.text), *group ? " of " : "", group);
    const char *hit = diag_nearest(text_or(e->key.text), near, n);
    if (hit) diag_help(d, "did you mean '%s'?", hit);
}

/* Parts that a machine may be without. */
static const char *const engines[] = {"dpe", "re", "se", "mlu", NULL};
/* What an engine says for the compiler's sake. */
static const char *const compilers[] = {"into", "inside", "takes", NULL};

static bool is_any(const char *name, const char *const *names) {
    for (; *names; names++)
        if (!strcmp(*names, name)) return true;
    return false;
}

static bool is_engine(const char *group) { return is_any(group, engines); }

static void read_property(Reader *r, const char *group, const AEntry *e) {
    int k = key_find(group, text_or(e->key.text));
    if (!*group && !strcmp(text_or(e->key.text), "emit")) return;      /* which emitter serves it: the tool's business */
    if (e->stmt) {
        diag_help(diag_error(r->diags, e->span, "a meaning stands in a row of an engine"), "row dot { acc[m, n] = sum[k] a[m, k] * b[n, k]; call pe_dot }");
        return;
    }
    if (k < 0 && is_engine(group) && is_any(text_or(e->key.text), compilers)) return;
    if (k < 0) { entry_unknown(r, group, e); return; }
    if (r->seen[k]) {
        diag_note(diag_error(r->diags, e->span, "'%s' is given twice", keys[k].name), r->seen[k]->span, "first here");
        return;
    }
    r->seen[k] = e;
    read_entry(r, &keys[k], e);
}

static bool group_known(const char *name) {
    for (int i = 0; i < N_KEYS; i++)
        if (!strcmp(keys[i].group, name)) return true;
    return false;
}

static void read_group(Reader *r, const AEntry *g) {
    const char *name = group_name(g);
    if (!strcmp(name, "info")) return;
    if (!*name || !group_known(name)) {
        diag_error(r->diags, g->key.span, "no part of a machine is called '%s'", name);
        return;
    }
    for (int i = 0; i < g->entries.n; i++) {
        const AEntry *e = g->entries.at[i];
        if (e->is_group && is_engine(name) && !strcmp(text_or(e->key.text), "row")) vec_push(r->arena, &r->rows, ((Row){g, e}));
        else if (e->is_group) diag_error(r->diags, g->entries.at[i]->span, "a group inside '%s'", name);
        else read_property(r, name, g->entries.at[i]);
    }
}

static void read_missing(Reader *r, const AMachine *m) {
    bool has[N_KEYS];
    for (int k = 0; k < N_KEYS; k++) {
        has[k] = !is_engine(keys[k].group);
        for (int i = 0; i < m->entries.n; i++) has[k] |= m->entries.at[i]->is_group && !strcmp(group_name(m->entries.at[i]), keys[k].group);
    }
    for (int k = 0; k < N_KEYS; k++)
        if (!r->seen[k] && has[k])
            diag_error(r->diags, (Span){m->span.src, m->span.lo + (uint32_t)k, m->span.lo + (uint32_t)k + 1}, "machine '%s' does not give '%s%s%s'", text_or(m->name.text),
                       keys[k].group, *keys[k].group ? "." : "", keys[k].name);
}

static bool power_of_two(int64_t x) { return x > 0 && !(x & (x - 1)); }

/* What no single value shows. */
static void read_check(Reader *r) {
    SimMachine *s = r->m;
    int64_t edge = 2 * (s->rows + s->cols);
    if (s->network.ports > edge)
        diag_error(r->diags, r->seen[key_find("network", "ports")]->span, "%d ports, but the grid has %d outer sides", (int)s->network.ports, (int)edge);
    static const char *const pow2[][2] = {{"sram", "banks"}, {"sram", "interleave"}, {"dram", "interleave"}, {"dram", "row"}, {"local", "align"}};
    for (int i = 0; i < 5; i++) {
        int k = key_find(pow2[i][0], pow2[i][1]);
        if (!power_of_two(*(int64_t *)((char *)s + keys[k].at))) diag_error(r->diags, r->seen[k]->span, "'%s' must be a power of two", keys[k].name);
    }
    if (s->dram.refresh >= s->dram.refresh_every * s->dram.banks) diag_error(r->diags, r->seen[key_find("dram", "refresh")]->span, "the banks would only refresh");
    int block = key_find("dpe", "block");
    if (s->dpe.block_m * s->dpe.block_n > SIM_ACC_WORDS) diag_error(r->diags, r->seen[block]->span, "an accumulator holds one block of at most %d elements", SIM_ACC_WORDS);
    if (r->seen[block] && !r->seen[key_find("re", "accumulators")]) diag_error(r->diags, r->seen[block]->span, "engine 'dpe' has no engine 're' with accumulators to add to");
    for (int t = 0; t < PE_TYPE_COUNT; t++)
        if (s->dpe.rate[t].den && !sim_dot_takes((PeType)t)) diag_error(r->diags, r->seen[key_find("dpe", "rate")]->span, "the products of engine 'dpe' are of f32 and narrower floats, or of i8 or u8; not of %s", type_names[t]);
    if (s->dram.row < s->dram.interleave) diag_error(r->diags, r->seen[key_find("dram", "row")]->span, "a DRAM row must hold one interleave");
}

static SimRate rate_times(SimRate r, int64_t n) {
    int64_t g = gcd(n, r.den);
    return (SimRate){r.num * (n / g), r.den / g};
}

static void machine_derive(SimMachine *m) {
    m->sram.bank = rate_times(m->sram.bandwidth, m->sram.banks);
    m->dram.channel = rate_times(m->dram.bandwidth, m->dram.channels);
}

bool sim_machine_read(SimMachine *out, const AMachine *m, Diags *diags, Arena *a) {
    Reader r = {.m = out, .diags = diags, .arena = a};
    int before = diag_errors(diags);
    *out = (SimMachine){.name = text_or(m->name.text), .block = m};
    for (int i = 0; i < m->entries.n; i++)      /* the clock first: times in ns need it */
        if (!m->entries.at[i]->is_group && !strcmp(text_or(m->entries.at[i]->key.text), "clock")) read_property(&r, "", m->entries.at[i]);
    for (int i = 0; i < m->entries.n; i++) {
        const AEntry *e = m->entries.at[i];
        if (e->is_group) read_group(&r, e);
        else if (strcmp(text_or(e->key.text), "clock") || r.seen[key_find("", "clock")] != e) read_property(&r, "", e);
    }
    if (diag_errors(diags) == before) read_missing(&r, m);
    if (diag_errors(diags) == before) read_check(&r);
    for (int i = 0; i < r.rows.n && diag_errors(diags) == before; i++) sim_row_read(out, diags, r.rows.at[i].engine, r.rows.at[i].row);
    if (diag_errors(diags) != before) return false;
    machine_derive(out);
    return true;
}

static void key_source(SimKey *k, const AEntry *e) {
    const char *s = text_or(e->source.text);
    k->assumed = !strncmp(s, "assumed", 7);
    const char *dots = strstr(s, ".."), *colon = strchr(s, ':');
    if (!k->assumed || !dots || (colon && colon < dots)) return;
    k->has_range = true;
    k->lo = atof(s + 7);         /* stops at the first of the dots, or after one */
    k->hi = atof(dots + 2);
}

int sim_machine_keys(const AMachine *m, SimKey *out, int max, Arena *a) {
    int n = 0;
    for (int i = 0; i < m->entries.n; i++) {
        const AEntry *g = m->entries.at[i];
        for (int j = 0; j < (g->is_group ? g->entries.n : 1); j++) {
            const AEntry *e = g->is_group ? g->entries.at[j] : g;
            if (n == max || e->is_group || !e->values.n) continue;
            SimKey k = {arena_printf(a, "%s%s%s", g->is_group ? group_name(g) : "", g->is_group ? "." : "", text_or(e->key.text))};
            k.value = number(&e->values.at[0]);
            key_source(&k, e);
            out[n++] = k;
        }
    }
    return n;
}

bool sim_machine_scale(SimMachine *m, const char *path, double factor) {
    const char *dot = strchr(path, '.');
    for (int i = 0; i < N_KEYS; i++) {
        const Key *k = &keys[i];
        size_t g = strlen(k->group);
        if (dot ? strncmp(k->group, path, g) || path[g] != '.' || strcmp(k->name, path + g + 1) : *k->group || strcmp(k->name, path)) continue;
        char *at = (char *)m + k->at;
        if (k->q == Q_RATE || k->q == Q_TYPES) {
            SimRate *r = (SimRate *)at;
            for (int t = 0; t < (k->q == Q_TYPES ? PE_TYPE_COUNT : 1); t++)
                if (r[t].den) r[t] = sim_rate_of((double)r[t].num / (double)r[t].den / factor);
        } else if (k->q == Q_COUNT || k->q == Q_BYTES || k->q == Q_TIME) {
            int64_t *x = (int64_t *)at;
            *x = (int64_t)llround((double)*x * factor);
        } else return false;
        machine_derive(m);
        return true;
    }
    return false;
}

const char *const sim_lifts[] = {"latency", "links", "sram", "dram", "local", "issue", "dpe", "re", "se", "mlu", NULL};

static void lift_rates(SimRate *r, int n) {
    for (int i = 0; i < n; i++)
        if (r[i].den) r[i] = (SimRate){0, 1};
}

bool sim_machine_lift(SimMachine *m, const char *what) {
    int w = 0;
    while (sim_lifts[w] && strcmp(sim_lifts[w], what)) w++;
    switch (w) {
    case 0: m->sram.latency = m->dram.latency = m->network.hop = 0; break;
    case 1: m->network.link = m->re.link = (SimRate){0, 1}; break;
    case 2: m->sram.bank = m->sram.bandwidth = (SimRate){0, 1}; break;
    case 3:
        m->dram.channel = m->dram.bandwidth = (SimRate){0, 1};
        m->dram.row_miss = m->dram.turnaround = m->dram.refresh = 0;
        break;
    case 4: m->local.bandwidth = (SimRate){0, 1}; break;
    case 5: m->core.issue = m->core.scalar = m->core.turn = m->queue.start = m->dma.setup = m->dma.row = m->dma.gather_row = 0; break;
    case 6: lift_rates(m->dpe.rate, PE_TYPE_COUNT); break;
    case 7: m->re.drain = m->re.preload = 0; break;
    case 8: lift_rates(m->se.rate, PE_TYPE_COUNT); break;
    case 9: m->mlu.rate = (SimRate){0, 1}; break;
    default: return false;
    }
    return true;
}
