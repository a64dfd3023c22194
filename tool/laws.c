#include "tool/laws.h"
#include "dsl/eval_ops.h"
#include "dsl/kernel_build.h"
#include "tool/inputs.h"
#include <math.h>
#include <string.h>

/* A scalar: floats in f, integers and bools in i. Arithmetic is done in double whatever the type: the laws are about the
 * mathematics, not about its rounding. */
typedef struct Value { double f; int64_t i; } Value;

typedef struct Env { const Kernel *k; Value *var; bool unknown; } Env;

static double float_op(Op op, double a, double b, double c) {
    switch (op) {
#define OP(id, name, n, syntax, accepts, gives, ulp, feval, ferr, ieval, libm, fx) case OP_##id: return feval;
#include "dsl/ops.def"
#undef OP
    default: return 0;
    }
}

static int64_t int_op(Op op, DType t, int64_t a, int64_t b) {
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    int bits = dtype_table[t].bytes * 8;
    (void)ub;
    (void)bits;
    switch (op) {
#define OP(id, name, n, syntax, accepts, gives, ulp, feval, ferr, ieval, libm, fx) case OP_##id: return (int64_t)(ieval);
#include "dsl/ops.def"
#undef OP
    default: return 0;
    }
}

static int64_t wrap(DType t, int64_t i) {
    char at[8];
    dtype_store(t, at, 0, i);
    return dtype_load_int(t, at);
}

static Value value(Env *n, const Expr *e);

static Value operate(Env *n, const Expr *e) {
    Value v[3] = {{0}};
    DType t = e->args.at[0]->type;
    v[0] = value(n, e->args.at[0]);
    if ((e->op == OP_AND && !v[0].i) || (e->op == OP_OR && v[0].i)) return v[0];
    for (int i = 1; i < e->args.n && i < 3; i++) v[i] = value(n, e->args.at[i]);
    if (!dtype_is_float(t)) return (Value){0, wrap(e->type, int_op(e->op, t, v[0].i, v[1].i))};
    double f = float_op(e->op, v[0].f, v[1].f, v[2].f);
    return e->type == DT_BOOL ? (Value){0, f != 0} : (Value){f, 0};
}

static Value convert(DType from, DType to, Value v, bool saturate) {
    if (dtype_is_float(to)) {
        double f = dtype_is_float(from) ? v.f : (double)v.i;
        return (Value){dtype_table[to].bytes < 4 ? dtype_round(to, f) : f, 0};
    }
    if (dtype_is_float(from)) {
        double f = saturate ? rint(v.f) : trunc(v.f), lo = (double)dtype_table[to].min, hi = (double)dtype_table[to].max;
        return (Value){0, isnan(f) ? 0 : f <= lo ? dtype_table[to].min : f >= hi ? dtype_table[to].max : (int64_t)f};
    }
    int64_t lo = dtype_table[to].min, hi = dtype_table[to].max;
    return (Value){0, saturate ? (v.i < lo ? lo : v.i > hi ? hi : v.i) : wrap(to, v.i)};
}

static Value value(Env *n, const Expr *e) {
    switch (e->kind) {
    case X_LIT: return dtype_is_float(e->type) ? (Value){e->lit_f, 0} : (Value){0, e->lit_i};
    case X_VAR: return n->var[e->var->id];
    case X_OP: return operate(n, e);
    case X_CONVERT: case X_SAT: return convert(e->args.at[0]->type, e->type, value(n, e->args.at[0]), e->kind == X_SAT);
    case X_IF: return value(n, e->args.at[value(n, e->args.at[0]).i ? 1 : 2]);
    case X_CALL: {
        Value v[16] = {{0}};
        for (int i = 0; i < e->args.n && i < 16; i++) v[i] = value(n, e->args.at[i]);
        for (int i = 0; i < e->fn->params.n && i < 16; i++) n->var[e->fn->params.at[i]->id] = v[i];
        return value(n, e->fn->body);
    }
    default: n->unknown = true; return (Value){0};
    }
}

/* --- combinators --- */

enum { STATES_MAX = 16 };
typedef struct Part { Value at[STATES_MAX]; } Part;

static Part initial(Env *n, const Comb *c) {
    Part p = {0};
    for (int i = 0; i < c->states.n; i++) p.at[i] = value(n, c->init.at[i]);
    return p;
}

static void load(Env *n, const Vars *vars, const Part *p) {
    for (int i = 0; i < vars->n; i++) n->var[vars->at[i]->id] = p->at[i];
}

static Part run(Env *n, const Comb *c, const Assigns *code) {
    for (int i = 0; i < code->n; i++) n->var[code->at[i].var->id] = value(n, code->at[i].value);
    Part p = {0};
    for (int i = 0; i < c->states.n; i++) p.at[i] = n->var[c->states.at[i]->id];
    return p;
}

static Part step(Env *n, const Comb *c, Part p, const Value *x) {
    load(n, &c->states, &p);
    for (int i = 0; i < c->inputs.n; i++) n->var[c->inputs.at[i]->id] = x[i];
    return run(n, c, &c->step);
}

static Part merge(Env *n, const Comb *c, Part p, Part o) {
    load(n, &c->states, &p);
    load(n, &c->other, &o);
    return run(n, c, &c->merge);
}

/* What counts is the result: states may differ where the results do not. */
static bool same(Env *n, const Comb *c, Part p, Part q, bool *shown, Out *o, const char *law) {
    for (int i = 0; i < c->final.n; i++) {
        load(n, &c->states, &p);
        Value x = value(n, c->final.at[i]);
        load(n, &c->states, &q);
        Value y = value(n, c->final.at[i]);
        bool f = dtype_is_float(c->final.at[i]->type);
        double wide = 1e-9 * (1 + fmax(fabs(x.f), fabs(y.f)));
        if (f ? (isnan(x.f) && isnan(y.f)) || x.f == y.f || fabs(x.f - y.f) <= wide : x.i == y.i) continue;
        if (!*shown && f) out_f(o, "%s: result %d is %.9g one way and %.9g the other\n", law, i, x.f, y.f);
        if (!*shown && !f) out_f(o, "%s: result %d is %lld one way and %lld the other\n", law, i, (long long)x.i, (long long)y.i);
        *shown = true;
        return false;
    }
    return true;
}

static Part random_part(Env *n, const Comb *c, uint64_t *seed, int length, Value (*x)[STATES_MAX]) {
    Part p = initial(n, c);
    for (int e = 0; e < length; e++) {
        for (int i = 0; i < c->inputs.n; i++) {
            bool f = dtype_is_float(c->inputs.at[i]->type), b = c->inputs.at[i]->type == DT_BOOL;
            int64_t v = (int64_t)(inputs_random(seed) % 17);
            x[e][i] = f ? (Value){4 * inputs_unit(seed) - 2, 0} : (Value){0, b ? v & 1 : c->inputs.at[i]->type == DT_U8 ? v : v - 8};
        }
        p = step(n, c, p, x[e]);
    }
    return p;
}

/* One round on three random parts; false when a law does not hold, which o then says. */
static bool round_of(Env *n, const Comb *c, uint64_t *seed, Out *o) {
    enum { LONG = 6 };
    Value x[3][LONG][STATES_MAX];
    Part p[3], none = initial(n, c);
    bool shown = false;
    int length[3];
    for (int i = 0; i < 3; i++) {
        length[i] = (int)(inputs_random(seed) % (LONG + 1));
        p[i] = random_part(n, c, seed, length[i], x[i]);
    }
    bool ok = same(n, c, merge(n, c, p[0], none), p[0], &shown, o, "merging the initial state in changes the result");
    ok &= same(n, c, merge(n, c, none, p[0]), p[0], &shown, o, "merging into the initial state changes the result");
    ok &= same(n, c, merge(n, c, merge(n, c, p[0], p[1]), p[2]), merge(n, c, p[0], merge(n, c, p[1], p[2])), &shown, o, "merge is not associative");
    if (!c->ordered) ok &= same(n, c, merge(n, c, p[0], p[1]), merge(n, c, p[1], p[0]), &shown, o, "merge is not commutative, and the combinator is not 'ordered'");
    Part both = p[0];
    for (int e = 0; e < length[1]; e++) both = step(n, c, both, x[1][e]);
    return ok & same(n, c, merge(n, c, p[0], p[1]), both, &shown, o, "merging two parts differs from stepping through both");
}

static void test_comb(Tool *t, Tap *tap, const Kernel *k, const Comb *c, const char *suite) {
    if (c->states.n > STATES_MAX || c->inputs.n > STATES_MAX) return;
    Env n = {k, NEW_ARRAY(t->arena, Value, k->n_vars + 1), false};
    Out o = out_new(t->arena);
    uint64_t seed = t->options->seed * 977 + 5;
    bool ok = true;
    for (int i = 0; ok && i < 200; i++) ok = round_of(&n, c, &seed, &o);
    tap_result(tap, suite, arena_printf(t->arena, "combinator %s keeps its laws", c->name), ok || n.unknown, n.unknown ? "it reads more than its operands" : NULL,
               ok ? NULL : o.text, 0);
}

typedef struct Found { const Comb *at[32]; int n; } Found;

static bool see(void *context, Expr *e) {
    Found *f = context;
    if (e->kind != X_REDUCE || e->reduce->comb->kind != CK_USER) return true;
    for (int i = 0; i < f->n; i++)
        if (f->at[i] == e->reduce->comb || f->at[i]->name == e->reduce->comb->name) return true;
    if (f->n < 32) f->at[f->n++] = e->reduce->comb;
    return true;
}

void laws_test(Tool *t, Tap *tap, const Kernel *k, const char *suite) {
    Found f = {{0}, 0};
    for (int i = 0; i < k->stmts.n; i++) expr_walk(k->stmts.at[i]->value, see, &f);
    for (int i = 0; i < f.n; i++) test_comb(t, tap, k, f.at[i], suite);
}
