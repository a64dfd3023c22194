/* The algebra of online forms: what an earlier reduction's value is to a term. */
#include "lower/online.h"
#include <math.h>

typedef OnlineEffect Effect;
/* s: the statement that is walked, `along` its index of the range; then: the condition whose first branch it is. */
typedef struct Walk { Arena *a; const Kernel *k; const Stmt *lead; Span at; const Stmt *s; Index *along; const Expr *then; } Walk;

static const Effect none = {.kind = ONLINE_NONE};

__attribute__((format(printf, 2, 3))) static Effect unknown(Walk *w, const char *format, ...) {
    va_list args;
    va_start(args, format);
    Effect e = {.kind = ONLINE_UNKNOWN, .why = arena_vprintf(w->a, format, args)};
    va_end(args);
    return e;
}

/* --- definitions ----------------------------------------------------------------------------------------------------------------------- */

const Stmt *online_definition(const Kernel *k, const Tensor *t) {
    const Stmt *s = NULL;
    int n = 0;
    for (int i = 0; i < k->stmts.n; i++)
        for (int j = 0; j < k->stmts.at[i]->targets.n; j++)
            if (k->stmts.at[i]->targets.at[j].tensor == t) s = k->stmts.at[i], n++;
    return n == 1 ? s : NULL;
}

typedef struct Search { Arena *a; const Kernel *k; const Tensor *t; bool *seen; bool found; } Search;

static bool search(void *context, Expr *e) {
    Search *s = context;
    if (s->found || e->kind != X_READ) return !s->found;
    s->found = e->tensor == s->t;
    if (s->found || s->seen[e->tensor->id]) return !s->found;
    s->seen[e->tensor->id] = true;
    for (int i = 0; i < s->k->stmts.n && !s->found; i++)
        for (int j = 0; j < s->k->stmts.at[i]->targets.n; j++)
            if (s->k->stmts.at[i]->targets.at[j].tensor == e->tensor) expr_walk(s->k->stmts.at[i]->value, search, s);
    return !s->found;
}

bool online_depends(Arena *a, const Kernel *k, Expr *e, const Tensor *t) {
    Search s = {a, k, t, NEW_ARRAY(a, bool, k->tensors.n + 1), false};
    expr_walk(e, search, &s);
    return s.found;
}

bool online_can_lead(const Stmt *s) {
    const Reduce *r = low_reduce(s);
    if (!r || r->scan || r->idx.n != 1 || s->targets.n != 1 || dtype_table[r->comb->type].compute != DT_F32 || dtype_table[r->comb->type].kind != DK_FLOAT) return false;
    return r->comb->kind == CK_MAX || r->comb->kind == CK_MIN || (r->comb->kind == CK_MEAN && !r->pred);
}

/* --- coefficients ---------------------------------------------------------------------------------------------------------------------- */

static bool constant_node(void *context, Expr *e) {
    bool *fine = context;
    bool leaf = e->kind == X_LIT || e->kind == X_DIM || (e->kind == X_READ && !e->tensor->rank && e->tensor->role == TR_INPUT);
    *fine = *fine && (leaf || e->kind == X_CONVERT || e->kind == X_OP);
    return *fine;
}

static bool is_constant(const Expr *e) {
    bool fine = true;
    expr_walk((Expr *)e, constant_node, &fine);
    return fine;
}

static bool is_lit(const Expr *e, double v) { return e->kind == X_LIT && dtype_is_float(e->type) && e->lit_f == v; }

static Expr *lit(Walk *w, double v) { return x_float(w->a, DT_F32, v, w->at); }

static Expr *combine(Walk *w, Op op, Expr *x, Expr *y) {
    if (x->kind == X_LIT && y->kind == X_LIT) {
        double a = x->lit_f, b = y->lit_f, v = op == OP_ADD ? a + b : op == OP_SUB ? a - b : op == OP_MUL ? a * b : a / b;
        return lit(w, (double)(float)v);
    }
    if (op == OP_MUL && is_lit(x, 1)) return y;
    if ((op == OP_MUL || op == OP_DIV) && is_lit(y, 1)) return x;
    return x_op(w->a, op, x, y, NULL, w->at);
}

static Expr *minus(Walk *w, Expr *x) { return combine(w, OP_MUL, lit(w, -1), x); }

/* --- operators ------------------------------------------------------------------------------------------------------------------------- */

static Effect term(Walk *w, Expr *e);

/* e in the lead's own indices, in those of the statement that is walked. */
static Expr *here(Walk *w, Expr *e) {
    Index *from[17], *to[17];
    int n = w->lead->idx.n;
    if (n > 16 || n > w->s->idx.n || !w->along) return NULL;
    for (int q = 0; q < n; q++) from[q] = w->lead->idx.at[q], to[q] = w->s->idx.at[q];
    from[n] = low_reduce(w->lead)->idx.at[0];
    to[n] = w->along;
    return lo_renamed(w->a, e, from, to, n + 1);
}

static bool same_value(Expr *x, Expr *y) { return expr_equal(lo_unconverted(x), lo_unconverted(y)); }

/* e is what the lead is a maximum, minimum or mean of, at the same place; or it is so where it counts. */
static bool is_own(Walk *w, Expr *e) {
    Expr *own = here(w, low_reduce(w->lead)->operands.at[0]);
    if (!own) return false;
    if (same_value(own, e)) return true;
    own = lo_unconverted(own);
    return own->kind == X_IF && w->then && expr_equal(own->args.at[0], w->then) && same_value(own->args.at[1], e);
}

/* x + y, x - y. */
static Effect added(Walk *w, Expr *ex, Expr *ey, Effect x, Effect y, bool minus_y) {
    bool own = minus_y && ((x.bare && y.kind == ONLINE_NONE && is_own(w, ey)) || (y.bare && x.kind == ONLINE_NONE && is_own(w, ex)));
    if (y.kind == ONLINE_SHIFT && minus_y) y.coef = minus(w, y.coef);
    if (x.kind == ONLINE_NONE || y.kind == ONLINE_NONE) {
        Effect e = x.kind == ONLINE_NONE ? y : x;
        e.bare = false;
        e.own = own && (is_lit(e.coef, 1) || is_lit(e.coef, -1));
        if (e.kind == ONLINE_SHIFT) return e;
    } else if (x.kind == ONLINE_SHIFT && y.kind == ONLINE_SHIFT) {
        x.coef = combine(w, OP_ADD, x.coef, y.coef);
        x.bare = x.bare && y.bare;
        x.own = false;
        return x;
    }
    return unknown(w, "something is added to what '%s' scales", w->lead->targets.at[0].tensor->name);
}

static bool is_at_most_1(const Expr *e) { return e->kind == X_LIT && fabs(e->lit_f) <= 1; }

/* A shift times a constant, or divided by it. While nothing has been received so far the lead is the least number of its type, which may not
 * overflow before it meets what it shifts. */
static Effect stretched(Walk *w, Effect x, Expr *c, bool divided) {
    bool fine = !x.bare || (divided ? c->kind == X_LIT && fabs(c->lit_f) >= 1 : is_at_most_1(c));
    if (!fine) return unknown(w, "'%s' is multiplied before it is subtracted: that may overflow while all terms are infinite", w->lead->targets.at[0].tensor->name);
    x.coef = combine(w, divided ? OP_DIV : OP_MUL, x.coef, lo_unconverted(c));
    return x;
}

static Effect multiplied(Walk *w, Expr *ex, Expr *ey, Effect x, Effect y, bool divided) {
    if (x.kind == ONLINE_SHIFT && y.kind == ONLINE_SHIFT && !divided && expr_equal(ex, ey) && low_reduce(w->lead)->comb->kind == CK_MEAN && x.own)
        return (Effect){.kind = ONLINE_SQUARE, .coef = lit(w, 1)};
    if (x.kind == ONLINE_SHIFT && y.kind == ONLINE_NONE && is_constant(ey)) return stretched(w, x, ey, divided);
    if (y.kind == ONLINE_SHIFT && x.kind == ONLINE_NONE && is_constant(ex) && !divided) return stretched(w, y, ex, false);
    if (x.kind == ONLINE_SCALE && y.kind == ONLINE_NONE) return x;
    if (y.kind == ONLINE_SCALE && divided) y.coef = minus(w, y.coef);
    if (x.kind == ONLINE_NONE && y.kind == ONLINE_SCALE) return y;
    if (x.kind == ONLINE_SCALE && y.kind == ONLINE_SCALE && x.fn == y.fn) {
        x.coef = combine(w, OP_ADD, x.coef, y.coef);
        if (x.rounded && y.rounded) return unknown(w, "it is rounded twice on its way");
        x.rounded = x.rounded ? x.rounded : y.rounded;
        return x;
    }
    return unknown(w, "a factor of the term holds '%s' beside other things", w->lead->targets.at[0].tensor->name);
}

/* exp of a shift is a scale; log of a scale by the same base is a shift. */
static Effect raised(Walk *w, Op op, Effect x) {
    OpEffect fx = op_table[op].effect;
    if ((fx == FX_EXP_E || fx == FX_EXP_2) && x.kind == ONLINE_SHIFT && !x.own)
        return unknown(w, "the argument of %s is not what '%s' is made of, less '%s': it may overflow while '%s' is not known whole", op_table[op].name, w->lead->targets.at[0].tensor->name,
                       w->lead->targets.at[0].tensor->name, w->lead->targets.at[0].tensor->name);
    if ((fx == FX_EXP_E || fx == FX_EXP_2) && x.kind == ONLINE_SHIFT) return (Effect){.kind = ONLINE_SCALE, .coef = x.coef, .fn = op};
    bool log = x.kind == ONLINE_SCALE && ((fx == FX_LOG_E && op_table[x.fn].effect == FX_EXP_E) || (fx == FX_LOG_2 && op_table[x.fn].effect == FX_EXP_2));
    if (log) return (Effect){.kind = ONLINE_SHIFT, .coef = x.coef};
    return unknown(w, "nothing is known of %s of a value that '%s' %s", op_table[op].name, w->lead->targets.at[0].tensor->name, x.kind == ONLINE_SCALE ? "scales" : "shifts");
}

static Effect operation(Walk *w, Expr *e) {
    Effect x = term(w, e->args.at[0]);
    if (x.kind == ONLINE_UNKNOWN) return x;
    OpEffect fx = op_table[e->op].effect;
    if (e->args.n == 1) {
        if (x.kind == ONLINE_NONE) return x;
        if (fx != FX_SUM) return raised(w, e->op, x);
        if (x.kind == ONLINE_SHIFT) x.coef = minus(w, x.coef);
        return x;
    }
    Effect y = term(w, e->args.at[1]), z = e->args.n > 2 ? term(w, e->args.at[2]) : none;
    if (y.kind == ONLINE_UNKNOWN || z.kind == ONLINE_UNKNOWN) return y.kind == ONLINE_UNKNOWN ? y : z;
    if (x.kind == ONLINE_NONE && y.kind == ONLINE_NONE && z.kind == ONLINE_NONE) return none;
    if (fx == FX_SUM) return added(w, e->args.at[0], e->args.at[1], x, y, e->op == OP_SUB);
    if (fx == FX_PRODUCT) return multiplied(w, e->args.at[0], e->args.at[1], x, y, e->op == OP_DIV);
    return unknown(w, "nothing is known of %s of what '%s' changes", op_table[e->op].name, w->lead->targets.at[0].tensor->name);
}

/* --- other nodes ------------------------------------------------------------------------------------------------------------------------- */

static bool same_effect(const Effect *x, const Effect *y) {
    if (x->kind != y->kind) return false;
    return x->kind == ONLINE_NONE || (expr_equal(x->coef, y->coef) && (x->kind != ONLINE_SCALE || x->fn == y->fn));
}

/* A scale leaves 0 as it is, a shift an infinity. */
static bool is_fixed(const Expr *e, OnlineKind kind) {
    return e->kind == X_LIT && dtype_is_float(e->type) && ((kind == ONLINE_SCALE && e->lit_f == 0) || (kind == ONLINE_SHIFT && isinf(e->lit_f)));
}

static Effect chosen(Walk *w, Expr *e) {
    const Expr *outer = w->then;
    Effect c = term(w, e->args.at[0]);
    w->then = e->args.at[0];
    Effect x = term(w, e->args.at[1]);
    w->then = NULL;
    Effect y = term(w, e->args.at[2]);
    w->then = outer;
    if (c.kind == ONLINE_UNKNOWN || x.kind == ONLINE_UNKNOWN) return c.kind == ONLINE_UNKNOWN ? c : x;
    if (c.kind != ONLINE_NONE) return unknown(w, "a condition depends on '%s'", w->lead->targets.at[0].tensor->name);
    if (y.kind == ONLINE_UNKNOWN || same_effect(&x, &y)) return y;
    if (y.kind == ONLINE_NONE && is_fixed(e->args.at[2], x.kind)) return x;
    if (x.kind == ONLINE_NONE && is_fixed(e->args.at[1], y.kind)) return y;
    return unknown(w, "'%s' is not the same to both sides of an 'if'", w->lead->targets.at[0].tensor->name);
}

static Effect converted(Walk *w, Expr *e) {
    Effect x = term(w, e->args.at[0]);
    if (x.kind == ONLINE_NONE || x.kind == ONLINE_UNKNOWN) return x;
    DType to = e->type, from = e->args.at[0]->type;
    if (!dtype_is_float(to)) return unknown(w, "a conversion to %s depends on '%s'", dtype_name(to), w->lead->targets.at[0].tensor->name);
    if (to == DT_F64 || dtype_table[to].bytes > dtype_table[from].bytes || to == from) return x;
    bool stored = w->s->value == e && w->s->targets.n == 1;
    if (dtype_table[to].bytes == 2 && x.kind == ONLINE_SCALE && stored && !x.rounded) {
        x.rounded = w->s->targets.at[0].tensor;
        return x;
    }
    return unknown(w, "what '%s' %s is rounded to %s", w->lead->targets.at[0].tensor->name, x.kind == ONLINE_SCALE ? "scales" : "shifts", dtype_name(to));
}

typedef struct Put { Arena *a; const FnInst *fn; const Exprs *args; } Put;
static Expr *put(void *context, Expr *e) {
    const Put *p = context;
    for (int i = 0; e->kind == X_VAR && i < p->fn->params.n; i++)
        if (p->fn->params.at[i] == e->var) return p->args->at[i];
    return NULL;
}

/* The function's body with its arguments in it. */
static Effect called(Walk *w, Expr *e) {
    return term(w, lo_copy(w->a, e->fn->body, put, &(Put){w->a, e->fn, &e->args}));
}

static Effect read(Walk *w, Expr *e) {
    if (e->tensor == w->lead->targets.at[0].tensor) return (Effect){.kind = ONLINE_SHIFT, .coef = lit(w, 1), .bare = true};
    const Stmt *s = online_definition(w->k, e->tensor);
    if (!s || low_reduce(s)) return unknown(w, "'%s' is made of '%s' by another reduction", e->tensor->name, w->lead->targets.at[0].tensor->name);
    if (e->mode != READ_PLAIN) return unknown(w, "'%s' is read with pad or clamp", e->tensor->name);
    Walk inside = *w;
    inside.s = s;
    inside.along = s->idx.n > w->lead->idx.n ? s->idx.at[w->lead->idx.n] : NULL;
    inside.then = NULL;
    return term(&inside, s->value);
}

static Effect term(Walk *w, Expr *e) {
    if (!online_depends(w->a, w->k, e, w->lead->targets.at[0].tensor)) return none;
    switch (e->kind) {
    case X_READ: return read(w, e);
    case X_OP: return operation(w, e);
    case X_CONVERT: return converted(w, e);
    case X_IF: return chosen(w, e);
    case X_CALL: return called(w, e);
    default: return unknown(w, "'%s' stands inside something that nothing is known of", w->lead->targets.at[0].tensor->name);
    }
}

/* --- combinators ------------------------------------------------------------------------------------------------------------------------- */

/* Which effects leave the combinator. (A shift leaves a maximum too, and so does a positive scale. But each correction of a maximum would
 * round it, and a maximum is as exact as its terms.) */
static const struct { CombKind kind; bool shift, scale, square; } commutes[] = {
    {CK_SUM, false, true, true}, {CK_MEAN, false, true, true},
};

OnlineEffect online_effect(Arena *a, const Kernel *k, const Stmt *r, const Stmt *lead) {
    const Reduce *c = low_reduce(r);
    Walk w = {a, k, lead, r->span, r, c->idx.n == 1 ? c->idx.at[0] : NULL, NULL};
    const Tensor *m = lead->targets.at[0].tensor;
    if (c->pred && online_depends(a, k, c->pred, m)) return unknown(&w, "a condition depends on '%s'", m->name);
    const Expr *pred = low_reduce(lead)->pred;
    bool all = !pred || (c->pred && expr_equal(here(&w, (Expr *)pred), c->pred));
    for (int i = 0; i < c->operands.n; i++) {
        if (!online_depends(a, k, c->operands.at[i], m)) continue;
        Effect e = term(&w, c->operands.at[i]);
        if (e.kind == ONLINE_UNKNOWN) return e;
        if (!all) return unknown(&w, "'%s' leaves elements out that are summed", m->name);
        bool mean = low_reduce(lead)->comb->kind == CK_MEAN, narrow = dtype_table[c->comb->type].compute != DT_F32;
        for (size_t j = 0; j < sizeof commutes / sizeof *commutes && c->operands.n == 1 && !narrow; j++) {
            if (commutes[j].kind != c->comb->kind || mean != (e.kind == ONLINE_SQUARE)) continue;
            if (e.kind == ONLINE_SHIFT && commutes[j].shift) return e;
            if (e.kind == ONLINE_SCALE && commutes[j].scale) return e;
            if (e.kind == ONLINE_SQUARE && commutes[j].square) return e;
        }
        return unknown(&w, "a %s by '%s' does not leave this reduction", e.kind == ONLINE_SHIFT ? "shift" : e.kind == ONLINE_SCALE ? "scale" : "square", m->name);
    }
    return none;
}

const char *online_law(Arena *a, const OnlineEffect *e, const Stmt *r, const Stmt *lead) {
    const char *m = lead->targets.at[0].tensor->name, *s = r->targets.at[0].tensor->name;
    switch (e->kind) {
    case ONLINE_SCALE:
        return arena_printf(a, "'%s' is scaled by %s of a multiple of '%s'; it is corrected when '%s' changes%s", s, op_table[e->fn].name, m, m, e->rounded ? ", across the rounding of its terms" : "");
    case ONLINE_SHIFT: return arena_printf(a, "'%s' is shifted by '%s'; it is corrected when '%s' changes", s, m, m);
    case ONLINE_SQUARE: return arena_printf(a, "'%s' holds squares of distances from '%s': n (a - b)^2 is added when '%s' moves from a to b", s, m, m);
    case ONLINE_NONE: return arena_printf(a, "'%s' needs nothing of '%s'", s, m);
    default: return arena_printf(a, "'%s' is left alone: %s", s, e->why);
    }
}
