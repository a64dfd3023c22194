/* Rows of engines in a machine file: which commands the engines have, and what they cost. A row's call is checked against its meaning:
 * both are evaluated at some points, and must agree. */
#include "sim/rows.h"
#include "sim/sim.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Reader { SimMachine *m; Diags *diags; const AEntry *engine, *row; const AStmt *meaning; const AEntry *call; } Reader;

static const char *text(AName n) { return n.text ? n.text : ""; }

/* --- what pe.h has ---------------------------------------------------------------------------------------------------------------------- */

static double recip(double x) { return 1 / x; }
static double rsqrt(double x) { return 1 / sqrt(x); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double relu(double x) { return x > 0 ? x : 0; }
static double same(double x) { return x; }
static double add(double a, double b) { return a + b; }
static double sub(double a, double b) { return a - b; }
static double mul(double a, double b) { return a * b; }
static double divide(double a, double b) { return a / b; }
static double first(double a, double b) { return (void)b, a; }

typedef double One(double), Two(double, double);
static const struct { const char *name; Two *f; } bins[PE_BINS] = {
    [PE_FIRST] = {"PE_FIRST", first}, [PE_ADD] = {"PE_ADD", add}, [PE_SUB] = {"PE_SUB", sub}, [PE_MUL] = {"PE_MUL", mul},
    [PE_DIV] = {"PE_DIV", divide}, [PE_MAX] = {"PE_MAX", fmax}, [PE_MIN] = {"PE_MIN", fmin}};
static const struct { const char *name; One *f; } fns[PE_FNS] = {
    [PE_SAME] = {"PE_SAME", same}, [PE_EXP] = {"PE_EXP", exp}, [PE_LOG] = {"PE_LOG", log}, [PE_TANH] = {"PE_TANH", tanh}, [PE_SIGMOID] = {"PE_SIGMOID", sigmoid},
    [PE_ERF] = {"PE_ERF", erf}, [PE_RECIP] = {"PE_RECIP", recip}, [PE_RSQRT] = {"PE_RSQRT", rsqrt}, [PE_RELU] = {"PE_RELU", relu}, [PE_ABS] = {"PE_ABS", fabs}};
static const struct { const char *name, *joins; One *f; } reds[PE_REDS] = {
    [PE_RSUM] = {"PE_RSUM", "sum", same}, [PE_RMAX] = {"PE_RMAX", "max", same}, [PE_RMIN] = {"PE_RMIN", "min", same}, [PE_RMAXABS] = {"PE_RMAXABS", "max", fabs}};

/* What a row's call computes of one element: pre, bin, fn, affine, red are what its fields say. */
typedef struct Doing { PeBin bin; PeFn fn; PeRed red; bool affine, a_by_k, b_by_k; const char *joins; bool has_bin, has_fn, has_red; } Doing;

static const struct { const char *call, *engine; bool joins, two, turns; } calls[] = {
    {"pe_dot", "dpe", true, true, false}, {"pe_re_drain", "re", false, false, false}, {"pe_se", "se", false, true, false},
    {"pe_se_reduce", "se", true, false, false}, {"pe_se_accumulate", "se", true, false, false}, {"pe_transpose", "mlu", false, false, true}};

/* --- a meaning's value at a point ---------------------------------------------------------------------------------------------------------- */

typedef struct Point { const char *name[4]; double value[4]; int n; bool strange; } Point;     /* operands and scalars, by name */

static double value_of(Point *p, const char *name) {
    for (int i = 0; i < p->n; i++)
        if (!strcmp(p->name[i], name)) return p->value[i];
    p->strange = true;
    return 0;
}

static double evaluate(Point *p, const AExpr *e);

static double call_value(Point *p, const AExpr *e) {
    static const struct { const char *name; One *f; } known[] = {{"exp", exp}, {"log", log}, {"tanh", tanh}, {"erf", erf}, {"recip", recip}, {"rsqrt", rsqrt}, {"sqrt", sqrt},
        {"abs", fabs}, {"sigmoid", sigmoid}, {"relu", relu}, {"identity", same}};
    bool max = !strcmp(text(e->name), "max");
    if (e->args.n == 2 && (max || !strcmp(text(e->name), "min"))) return (max ? fmax : fmin)(evaluate(p, e->args.at[0]), evaluate(p, e->args.at[1]));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (e->args.n == 1 && !strcmp(text(e->name), known[i].name)) return known[i].f(evaluate(p, e->args.at[0]));
    p->strange = true;
    return 0;
}

static double evaluate(Point *p, const AExpr *e) {
    switch (e->kind) {
    case A_INT: return (double)e->i;
    case A_FLOAT: return e->f;
    case A_NAME: case A_ACCESS: return value_of(p, text(e->name));
    case A_CALL: return call_value(p, e);
    case A_UNARY: if (e->op == AO_NEG) return -evaluate(p, e->args.at[0]); break;
    case A_BINARY: {
        double a = evaluate(p, e->args.at[0]), b = evaluate(p, e->args.at[1]);
        switch (e->op) {
        case AO_ADD: return a + b;
        case AO_SUB: return a - b;
        case AO_MUL: return a * b;
        case AO_DIV: return a / b;
        default: break;
        }
        break;
    }
    default: break;
    }
    p->strange = true;
    return 0;
}

/* The operands of a meaning in the order of its text, then the scalars. */
static void find_names(Point *p, const AExpr *e, bool scalars) {
    bool takes = scalars ? e->kind == A_NAME : e->kind == A_ACCESS, known = false;
    for (int i = 0; i < p->n; i++) known |= !strcmp(p->name[i], text(e->name));
    if (takes && !known && p->n < 4) p->name[p->n++] = text(e->name);
    for (int i = 0; i < e->args.n && e->kind != A_ACCESS; i++) find_names(p, e->args.at[i], scalars);
}

/* What the call gives for the operands' values. */
static double done(const Doing *d, const Point *p, int operands) {
    double x = p->value[0];
    if (operands == 2) x = d->has_bin || !d->joins ? bins[d->bin].f(x, p->value[1]) : x * p->value[1];
    if (d->affine)
        for (int i = operands; i < p->n; i++) x = !strcmp(p->name[i], "alpha") ? x * p->value[i] : x;
    for (int i = operands; d->affine && i < p->n; i++) x += !strcmp(p->name[i], "beta") ? p->value[i] : 0;
    x = fns[d->fn].f(x);
    return d->has_red ? reds[d->red].f(x) : x;
}

static bool agrees(const Reader *r, const Doing *d, const AExpr *value) {
    static const double at[] = {0.5, 1.75, 0.25, 2.5, -0.75, 1.25, -2, 3, -1.5, -0.5};
    enum { POINTS = sizeof at / sizeof *at };
    Point p = {0};
    (void)r;
    find_names(&p, value, false);
    int operands = p.n;
    find_names(&p, value, true);
    for (int i = 0; i < POINTS; i++) {
        for (int q = 0; q < p.n; q++) p.value[q] = at[(i + 3 * q) % POINTS];
        double want = evaluate(&p, value), got = done(d, &p, operands);
        if (p.strange || (want != want) != (got != got) || fabs(want - got) > 1e-9 * (fabs(want) + fabs(got))) return false;
    }
    return true;
}

/* --- fields -------------------------------------------------------------------------------------------------------------------------------- */

static bool field(Reader *r, Doing *d, const AValue *name, const AValue *value) {
    const char *f = text(name->name), *v = text(value->name);
    if (!strcmp(f, "bin"))
        for (int i = 0; i < PE_BINS; i++) if (!strcmp(v, bins[i].name)) return d->bin = (PeBin)i, d->has_bin = true;
    if (!strcmp(f, "fn"))
        for (int i = 0; i < PE_FNS; i++) if (!strcmp(v, fns[i].name)) return d->fn = (PeFn)i, d->has_fn = true;
    if (!strcmp(f, "red"))
        for (int i = 0; i < PE_REDS; i++) if (!strcmp(v, reds[i].name)) return d->red = (PeRed)i, d->has_red = true;
    bool *flags[] = {&d->affine, &d->a_by_k, &d->b_by_k};
    static const char *const names[] = {"affine", "a_by_k", "b_by_k"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(f, names[i]) && !strcmp(v, "true")) return *flags[i] = true;
    diag_error(r->diags, span_join(name->span, value->span), "pe.h has no field '%s' of that call with the value '%s'", f, v);
    return false;
}

/* The operand is read with the summed index first. */
static bool by_k(const AExpr *e, const char *operand, const char *k) {
    if (e->kind == A_ACCESS && !strcmp(text(e->name), operand)) return e->args.n && e->args.at[0]->kind == A_NAME && !strcmp(text(e->args.at[0]->name), k);
    for (int i = 0; i < e->args.n; i++)
        if (by_k(e->args.at[i], operand, k)) return true;
    return false;
}

/* The order of operands in memory: of the row's first and second. */
static bool same_layout(const Doing *d, const AExpr *value) {
    if (value->kind != A_REDUCE || !value->iters.n) return false;
    Point p = {0};
    const char *k = text(value->iters.at[0].name);
    find_names(&p, value->args.at[0], false);
    return p.n != 2 || (by_k(value->args.at[0], p.name[0], k) == d->a_by_k && by_k(value->args.at[0], p.name[1], k) == d->b_by_k);
}

/* --- what a row gives ------------------------------------------------------------------------------------------------------------------------ */

static const AEntry *property(const AEntry *g, const char *key) {
    for (int i = 0; i < g->entries.n; i++)
        if (!g->entries.at[i]->is_group && !g->entries.at[i]->stmt && !strcmp(text(g->entries.at[i]->key), key)) return g->entries.at[i];
    return NULL;
}

static SimCost cost(Reader *r) {
    const AEntry *e = property(r->row, "cost");
    SimCost c = {true, -1, 1};
    if (!e || !e->values.n) return c;
    const AValue *v = &e->values.at[0];
    if (v->is_name) c.key = sim_key_find(text(r->engine->label), text(v->name));
    else c.written = v->is_int ? v->i : -1;
    if ((v->is_name && c.key < 0) || c.written < 0 || c.written > 1000) diag_error(r->diags, v->span, "'cost' is a whole number up to 1000, or the name of a property of '%s' that is one", text(r->engine->label));
    return c;
}

static void dot_row(Reader *r, const Doing *d) {
    SimMachine *m = r->m;
    if (m->dpe.rows == SIM_ROWS) {
        diag_error(r->diags, r->row->span, "more than %d rows of '%s'", SIM_ROWS, text(r->engine->label));
        return;
    }
    SimDotRow *row = &m->dpe.row[m->dpe.rows++];
    *row = (SimDotRow){.red = d->red, .bin = d->has_bin ? d->bin : PE_MUL, .fn = d->fn, .a_by_k = d->a_by_k, .b_by_k = d->b_by_k};
    const AEntry *rate = property(r->row, "rate"), *takes = property(r->row, "takes"), *tile = property(r->row, "tile");
    if (tile) diag_help(diag_error(r->diags, tile->span, "the rows of '%s' have one instruction tile, as the accumulators have one shape", text(r->engine->label)), "give it to the engine: block 16, 16, 4");
    if (rate) sim_read_types(m, r->diags, rate, row->rate);
    else memcpy(row->rate, m->dpe.rate, sizeof row->rate);
    for (int t = 0; takes && t < PE_TYPE_COUNT; t++) {
        bool taken = false;
        for (int i = 0; i < takes->values.n; i++) taken |= !strcmp(text(takes->values.at[i].name), sim_type_name((PeType)t));
        if (!taken) row->rate[t] = (SimRate){0, 0};
    }
}

static void give(Reader *r, const Doing *d, int call) {
    SimCost c = cost(r);
    if (call == 0) dot_row(r, d);
    else if (call == 3) r->m->se.red[d->red] = c;
    else if (call == 4) r->m->se.gather = c;
    else if (call == 2 && d->has_bin) r->m->se.bin[d->bin] = c;
    else if (call == 2 && d->has_fn) r->m->se.fn[d->fn] = c;
    else if (call == 2 && d->affine) r->m->se.affine = c;
    else if (call == 2) r->m->se.bin[PE_FIRST] = c;
}

void sim_row_read(SimMachine *m, Diags *diags, const AEntry *engine, const AEntry *row) {
    Reader r = {.m = m, .diags = diags, .engine = engine, .row = row, .call = property(row, "call")};
    for (int i = 0; i < row->entries.n; i++)
        if (row->entries.at[i]->stmt) r.meaning = row->entries.at[i]->stmt;
    if (!r.meaning || !r.call || !r.call->values.n || !r.meaning->value) return;     /* the compiler says what is missing */
    int call = -1;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (!strcmp(text(r.call->values.at[0].name), calls[i].call)) call = (int)i;
    if (call < 0 || strcmp(text(engine->label), calls[call].engine)) {
        diag_error(diags, r.call->values.at[0].span, call < 0 ? "pe.h has no such call of an engine" : "this is a call of engine '%s'", call < 0 ? "" : calls[call].engine);
        return;
    }
    Doing d = {.joins = calls[call].joins ? "sum" : NULL};
    for (int i = 1; i + 1 < r.call->values.n; i += 2)
        if (!field(&r, &d, &r.call->values.at[i], &r.call->values.at[i + 1])) return;
    const AExpr *value = r.meaning->value;
    bool joins = value->kind == A_REDUCE;
    if (d.has_red) d.joins = reds[d.red].joins;
    bool fits = joins == calls[call].joins && (!joins || (!strcmp(text(value->comb), d.joins) && value->args.n == 1));
    if (!fits || !agrees(&r, &d, joins ? value->args.at[0] : value) || (call == 0 && !same_layout(&d, value))) {
        diag_note(diag_error(diags, r.meaning->span, "this is not what the row's call does"), r.call->span, "the call");
        return;
    }
    give(&r, &d, call);
}

int64_t sim_cost(const SimMachine *m, const SimCost *c) { return c->key >= 0 ? sim_key_value(m, c->key) : c->written; }
