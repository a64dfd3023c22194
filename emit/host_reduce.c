/* Reductions with one accumulator, and the parts that the forms with lanes share. */
#include "emit/host_gen.h"
#include <math.h>

DType host_acc_type(const Comb *c) { return c->kind == CK_ANY || c->kind == CK_ALL ? DT_BOOL : c->type; }

CExpr host_identity(Gen *g, const Comb *c) {
    DType t = host_acc_type(c);
    if (dtype_is_float(t)) t = dtype_table[t].compute;       /* the narrow one may have no infinity */
    const DTypeRow *r = &dtype_table[t];
    switch (c->kind) {
    case CK_PROD: return host_literal(g, t, 1, 1);
    case CK_MAX: return host_literal(g, t, -INFINITY, r->min);
    case CK_MIN: return host_literal(g, t, INFINITY, r->max);
    case CK_ALL: return c_atom("true");
    default: return host_literal(g, t, 0, 0);
    }
}

/* The ending of the helpers for values of type t. */
static const char *tag(DType t) { return t == DT_F64 ? "f64" : dtype_is_float(t) ? "f32" : t == DT_I64 ? "i64" : "i32"; }

static const char *helper(Gen *g, const char *word, DType t) {
    return host_use(&g->uses, arena_printf(g->a, "knf_%s_%s", word, tag(t)));
}

CExpr host_join(Gen *g, const Comb *c, CExpr acc, CExpr x) {
    DType t = host_acc_type(c);
    bool floats = dtype_is_float(t);
    switch (c->kind) {
    case CK_SUM: case CK_MEAN: return floats ? c_binary(&g->p, "+", acc, x) : c_call2(&g->p, helper(g, "add", t), acc, x);
    case CK_PROD: return floats ? c_binary(&g->p, "*", acc, x) : c_call2(&g->p, helper(g, "mul", t), acc, x);
    case CK_MAX: return c_call2(&g->p, helper(g, "max", t), acc, x);
    case CK_MIN: return c_call2(&g->p, helper(g, "min", t), acc, x);
    case CK_ANY: return c_binary(&g->p, "|", acc, x);
    default: return c_binary(&g->p, "&", acc, x);
    }
}

static bool is_arg(CombKind k) { return k == CK_ARGMAX || k == CK_ARGMIN; }

static void open_states(Gen *g, const Comb *c, Acc *acc) {
    acc->state = NEW_ARRAY(g->a, const char *, c->states.n);
    for (int i = 0; i < c->states.n; i++) {
        acc->state[i] = host_name(g, c->states.at[i]->name);
        c_declare(&g->p, host_value_type(c->states.at[i]->type), acc->state[i], host_expr(g, c->init.at[i]));
    }
}

void host_acc_open(Gen *g, const Reduce *r, Acc *acc) {
    const Comb *c = r->comb;
    *acc = (Acc){r, NULL, NULL, NULL, NULL};
    if (c->kind == CK_USER) {
        open_states(g, c, acc);
        return;
    }
    acc->acc = host_name(g, is_arg(c->kind) ? "top" : "acc");
    c_declare(&g->p, host_value_type(host_acc_type(c)), acc->acc, host_identity(g, c));
    if (c->kind == CK_MEAN) c_declare(&g->p, "int64_t", acc->count = host_name(g, "count"), c_atom("0"));
    if (is_arg(c->kind)) c_declare(&g->p, "int64_t", acc->best = host_name(g, "best"), c_atom("-1"));
}

typedef struct Uses { const Var *v; bool found; } Uses;
static bool uses_var(void *context, Expr *e) {
    Uses *u = context;
    if (e->kind == X_VAR && e->var == u->v) u->found = true;
    return !u->found;
}

static bool is_used(const Comb *c, const Var *v) {
    Uses u = {v, false};
    for (int i = 0; i < c->step.n; i++) expr_walk(c->step.at[i].value, uses_var, &u);
    for (int i = 0; i < c->states.n; i++) u.found = u.found || c->states.at[i] == v;
    return u.found;
}

static void step_user(Gen *g, Acc *acc) {
    const Comb *c = acc->r->comb;
    for (int i = 0; i < c->states.n; i++) g->var[c->states.at[i]->id] = c_atom(acc->state[i]);
    VEC(const Var *) declared = {0};
    for (int i = 0; i < c->inputs.n; i++) {
        const Var *v = c->inputs.at[i];
        CExpr x = host_expr(g, acc->r->operands.at[i]);
        if (!is_used(c, v)) continue;
        const char *name = host_name(g, v->name);
        c_declare(&g->p, host_value_type(v->type), name, x);
        g->var[v->id] = c_atom(name);
        vec_push(g->a, &declared, v);
    }
    for (int i = 0; i < c->states.n; i++) vec_push(g->a, &declared, (const Var *)c->states.at[i]);
    for (int i = 0; i < c->step.n; i++) {
        const Var *v = c->step.at[i].var;
        if (!is_used(c, v)) continue;
        CExpr x = host_expr(g, c->step.at[i].value);
        bool known = false;
        for (int j = 0; j < declared.n; j++) known = known || declared.at[j] == v;
        if (known) {
            c_assign(&g->p, g->var[v->id], "=", x);
            continue;
        }
        const char *name = host_name(g, v->name);
        c_declare(&g->p, host_value_type(v->type), name, x);
        g->var[v->id] = c_atom(name);
        vec_push(g->a, &declared, v);
    }
}

/* The first of the greatest (least); a nan is beyond all, and the first nan stays. */
static void step_arg(Gen *g, Acc *acc) {
    const Comb *c = acc->r->comb;
    const char *v = host_name(g, "value");
    c_declare(&g->p, arena_printf(g->a, "const %s", host_value_type(c->type)), v, host_expr(g, acc->r->operands.at[0]));
    CExpr value = c_atom(v), top = c_atom(acc->acc), best = c_atom(acc->best);
    CExpr beyond = c_binary(&g->p, c->kind == CK_ARGMAX ? ">" : "<", value, top);
    CExpr first = c_binary(&g->p, "<", best, c_atom("0"));
    if (dtype_is_float(c->type)) {
        CExpr nan = c_binary(&g->p, "&&", c_binary(&g->p, "!=", value, value), c_binary(&g->p, "==", top, top));
        beyond = c_binary(&g->p, "||", beyond, nan);
    }
    c_if(&g->p, c_binary(&g->p, "||", first, beyond));
    c_assign(&g->p, top, "=", value);
    c_assign(&g->p, best, "=", g->index[acc->r->idx.at[0]->id]);
    c_end(&g->p);
}

void host_acc_step(Gen *g, Acc *acc) {
    const Comb *c = acc->r->comb;
    if (c->kind == CK_USER) {
        step_user(g, acc);
        return;
    }
    if (is_arg(c->kind)) {
        step_arg(g, acc);
        return;
    }
    CExpr x = host_expr(g, acc->r->operands.at[0]), a = c_atom(acc->acc);
    CExpr joined = host_join(g, c, a, x);
    if (joined.prec == CP_ADD) c_assign(&g->p, a, "+=", x);
    else if (joined.prec == CP_MUL) c_assign(&g->p, a, "*=", x);
    else c_assign(&g->p, a, "=", joined);
    if (acc->count) c_expr(&g->p, c_atomf(&g->p, "%s++", acc->count));
}

CExpr host_acc_result(Gen *g, Acc *acc, int i) {
    const Comb *c = acc->r->comb;
    if (c->kind == CK_USER) {
        for (int s = 0; s < c->states.n; s++) g->var[c->states.at[s]->id] = c_atom(acc->state[s]);
        return host_expr(g, c->final.at[i]);
    }
    if (acc->best) return c_atom(acc->best);
    if (!acc->count) return c_atom(acc->acc);
    return c_binary(&g->p, "/", c_atom(acc->acc), c_cast(&g->p, host_value_type(c->type), c_atom(acc->count)));
}

CExpr host_result_kept(Gen *g, DType t, CExpr x) {
    if (!dtype_is_float(t) || !isnan(dtype_round(t, INFINITY))) return x;
    const char *from = host_use(&g->uses, arena_printf(g->a, "knf_from_%s", dtype_name(t)));
    return c_call1(&g->p, from, host_stored(g, t, NULL, x));
}

/* The positions of a scan before (or after) the point where `along` stands, in the scan's order. */
static void open_scan_loop(Gen *g, const Reduce *r) {
    Index *e = r->idx.at[0];
    CExpr at = g->index[r->along->id], one = c_atom("1"), lo = host_bound(g, r->along->lo), hi = host_bound(g, r->along->hi);
    bool forward = r->scan == SCAN_LT || r->scan == SCAN_LE;
    if (forward) {
        host_open_loop(g, e, lo, r->scan == SCAN_LE ? c_sum(&g->p, at, one) : at);
        return;
    }
    const char *name = host_name(g, e->name);
    CExpr from = c_binary(&g->p, "-", hi, one);
    out_f(g->p.out, "for (int64_t %s = %s; %s; %s--) ", name, from.text, c_binary(&g->p, r->scan == SCAN_GE ? ">=" : ">", c_atom(name), at).text, name);
    c_block(&g->p);
    g->index[e->id] = c_atom(name);
}

/* The loops of a reduction, opened; returns how many blocks c_end must close. */
static int open_loops(Gen *g, const Reduce *r) {
    if (r->scan != SCAN_NONE) {
        open_scan_loop(g, r);
        return 1;
    }
    for (int i = 0; i < r->idx.n; i++) {
        Index *x = r->idx.at[i];
        CExpr lo = host_bound(g, x->lo), hi = host_bound(g, x->hi);
        host_open_loop(g, x, lo, hi);
    }
    return r->idx.n;
}

void host_reduce(Gen *g, const Reduce *r, Acc *acc) {
    bool was = g->plain;
    g->plain = false;
    host_acc_open(g, r, acc);
    int mark = host_scope_mark(g), open = open_loops(g, r);
    if (r->pred) {
        c_if(&g->p, host_expr(g, r->pred));
        open++;
    }
    host_acc_step(g, acc);
    while (open--) c_end(&g->p);
    host_scope_pop(g, mark);
    g->plain = was;
}
