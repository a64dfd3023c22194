/* Rows of engines against expressions of a Kernel. */
#include "lower/engine.h"
#include "lower/expr.h"
#include <math.h>
#include <string.h>

/* `bit`: the next operator that commutes; its two orders are a digit of `way`. */
typedef struct Unify { const EngineRules *rules; EngineMatch *m; unsigned way; int bit; } Unify;

static bool differ(Unify *u, const Expr *p, const Expr *e) {
    if (!u->m->wanted) u->m->wanted = p, u->m->found = e;
    return false;
}

static bool agree(Unify *u) {
    u->m->agreed++;
    return true;
}

static int place_of(const Tensor *const *at, int n, const Tensor *t) {
    for (int i = 0; i < n; i++)
        if (at[i] == t) return i;
    return -1;
}

/* What stands under conversions of floats to wider ones. */
static const Expr *unwidened(const Expr *e) {
    while (e->kind == X_CONVERT && dtype_is_float(e->type) && dtype_is_float(e->args.at[0]->type) && dtype_table[e->args.at[0]->type].bytes <= dtype_table[e->type].bytes) e = e->args.at[0];
    return e;
}

/* A row's own operand: what it stands for must be the same wherever it stands. */
static bool bind(Unify *u, const Expr *p, const Expr *e) {
    const EngineMeaning *x = u->m->meaning;
    int at = place_of(x->operand, x->operands, p->tensor), scalar = place_of(x->scalar, x->scalars, p->tensor);
    Expr *value = (Expr *)e, **to = scalar >= 0 ? &u->m->scalar[scalar] : &u->m->operand[at];
    if (scalar >= 0) value = u->rules->constant ? u->rules->constant(u->rules->context, e) : (Expr *)(e->kind == X_READ ? e : NULL);
    else if (u->m->row->class == ENGINE_BLOCK) {
        const Expr *read = u->rules->widens ? unwidened(e) : e;
        bool plain = read->kind == X_READ && read->tensor->rank && (read->mode == READ_PLAIN || (read->mode == READ_PAD && u->rules->pads));
        bool typed = e->type == p->type && (read == e || dtype_is_float(read->type));
        value = plain && typed ? (Expr *)read : NULL;
    } else if (dtype_table[e->type].compute != dtype_table[p->type].compute || (u->rules->constant && u->rules->constant(u->rules->context, e))) value = NULL;
    if (!value || (*to && !expr_equal(*to, value))) return differ(u, p, e);
    *to = value;
    return agree(u);
}

static bool unify(Unify *u, const Expr *p, const Expr *e);

static bool unify_args(Unify *u, const Expr *p, const Expr *e, bool swap) {
    for (int i = 0; i < p->args.n; i++)
        if (!unify(u, p->args.at[i], e->args.at[swap ? p->args.n - 1 - i : i])) return false;
    return true;
}

static bool is_scalar(const Unify *u, const Expr *p) { return p->kind == X_READ && place_of(u->m->meaning->scalar, u->m->meaning->scalars, p->tensor) >= 0; }

static Expr *constant(const Unify *u, const Expr *e) { return u->rules->constant ? u->rules->constant(u->rules->context, e) : NULL; }

static Expr *negative(Arena *a, Expr *c) {
    return c->kind == X_LIT && dtype_table[c->type].kind == DK_FLOAT ? x_float(a, c->type, -c->lit_f, c->span) : x_op(a, OP_NEG, c, NULL, NULL, c->span);
}

/* Under a row with scalars a difference is a sum, and a negated value a product: x - c is x + -c, c - x is -1 x + c, -x is -1 x. */
static const Expr *as_operator(Unify *u, Op op, const Expr *e) {
    Arena *a = u->rules->arena;
    if (!u->m->meaning->scalars || e->kind != X_OP || e->op == op) return e;
    Expr *minus = x_float(a, e->type, -1, e->span);
    if (op == OP_MUL && e->op == OP_NEG) return x_op(a, OP_MUL, minus, e->args.at[0], NULL, e->span);
    if (op != OP_ADD || e->op != OP_SUB) return e;
    if (constant(u, e->args.at[1])) return x_op(a, OP_ADD, e->args.at[0], negative(a, constant(u, e->args.at[1])), NULL, e->span);
    if (constant(u, e->args.at[0])) return x_op(a, OP_ADD, x_op(a, OP_MUL, minus, e->args.at[1], NULL, e->span), e->args.at[0], NULL, e->span);
    return e;
}

static bool unify_op(Unify *u, const Expr *p, const Expr *given) {
    bool swap = op_laws(p->op).commutes && (u->way >> u->bit++ & 1);
    const Expr *e = as_operator(u, p->op, given);
    if (e->kind == X_OP && e->op == p->op && e->args.n == p->args.n) return agree(u) && unify_args(u, p, e, swap);
    return differ(u, p, e);
}

/* x * s where s has its neutral value. */
static bool unify_neutral(Unify *u, const Expr *p, const Expr *e) {
    OpLaws laws = op_laws(p->op);
    if (p->args.n != 2 || laws.neutral != laws.neutral) return false;
    for (int i = laws.commutes ? 0 : 1; i < 2; i++) {
        const Expr *s = p->args.at[i];
        if (is_scalar(u, s) && !u->m->scalar[place_of(u->m->meaning->scalar, u->m->meaning->scalars, s->tensor)]) return unify(u, p->args.at[1 - i], e);
    }
    return false;
}

static bool unify(Unify *u, const Expr *p, const Expr *e) {
    if (p->kind == X_READ) return bind(u, p, e);
    if (p->kind == X_OP) {
        EngineMatch was = *u->m;
        int bit = u->bit;
        if (unify_op(u, p, e)) return true;
        if (!u->m->meaning->scalars) return false;
        EngineMatch failed = *u->m;
        *u->m = was;
        u->bit = bit;
        if (unify_neutral(u, p, e)) return true;
        *u->m = failed;
        return false;
    }
    if (p->kind != e->kind) return differ(u, p, e);
    switch (p->kind) {
    case X_LIT: {
        bool same = dtype_is_float(p->type) ? p->lit_f == e->lit_f && signbit(p->lit_f) == signbit(e->lit_f) : p->lit_i == e->lit_i;
        return dtype_is_float(p->type) == dtype_is_float(e->type) && same ? agree(u) : differ(u, p, e);
    }
    case X_CONVERT: case X_SAT: return p->type == e->type ? agree(u) && unify_args(u, p, e, false) : differ(u, p, e);
    case X_IF: return agree(u) && unify_args(u, p, e, false);
    default: return differ(u, p, e);
    }
}

static bool commutes(void *context, Expr *e) {
    *(int *)context += e->kind == X_OP && op_laws(e->op).commutes;
    return true;
}

enum { MOST_WAYS = 8 };     /* operators that commute, of which both orders are tried */

bool engine_unify(const EngineRow *row, DType type, const Expr *e, const EngineRules *rules, unsigned *way, EngineMatch *match) {
    const EngineMeaning *m = row->as[type];
    const Expr *p = m->reduce ? m->reduce->operands.at[0] : m->value;
    EngineMatch best = {.row = row, .meaning = m, .agreed = -1};
    int n = 0;
    expr_walk((Expr *)p, commutes, &n);
    for (unsigned ways = 1u << (n < MOST_WAYS ? n : MOST_WAYS); *way < ways; ++*way) {
        *match = (EngineMatch){.row = row, .meaning = m};
        Unify u = {rules, match, *way, 0};
        bool fits = unify(&u, p, e), bound = !m->scalars;
        for (int i = 0; i < m->scalars; i++) bound |= match->scalar[i] != NULL;
        for (int i = 0; i < m->operands; i++) bound &= match->operand[i] != NULL;
        if (fits && bound) return ++*way, true;
        if (match->agreed > best.agreed) best = *match;
    }
    *match = best;
    return false;
}

/* The reduction joins as the row does. */
static bool joins_so(const EngineMeaning *m, const Reduce *r) {
    return r && !r->scan && !r->pred && r->operands.n == 1 && r->comb->kind == m->reduce->comb->kind && r->comb->type == m->reduce->comb->type;
}

static void keep_nearest(EngineMatch *near, const EngineMatch *m) {
    if (near && (!near->row || m->agreed > near->agreed)) *near = *m;
}

const EngineRow *engine_of_product(const EngineRows *rows, const Reduce *r, const EngineRules *rules, EngineMatch *match, EngineMatch *near) {
    for (int i = 0; i < rows->n; i++) {
        const EngineRow *row = rows->at[i];
        for (int t = 0; row->class == ENGINE_BLOCK && t < DT_COUNT; t++) {
            unsigned way = 0;
            if (!row->as[t]) continue;
            if (!joins_so(row->as[t], r)) {
                EngineMatch other = {.row = row, .meaning = row->as[t], .wanted = row->as[t]->value};
                keep_nearest(near, &other);
                continue;
            }
            if (engine_unify(row, (DType)t, r->operands.at[0], rules, &way, match)) return row;
            match->agreed++;        /* the reduction itself agrees */
            keep_nearest(near, match);
        }
    }
    return NULL;
}

const EngineRow *engine_of_class(const EngineRows *rows, EngineClass class, DType type) {
    for (int i = 0; i < rows->n; i++)
        if (rows->at[i]->class == class && (type == DT_NONE || rows->at[i]->takes[type])) return rows->at[i];
    return NULL;
}

Op engine_op(const EngineRow *row) {
    const EngineMeaning *m = row && (row->class == ENGINE_BOX || row->class == ENGINE_FUNCTION) ? row->as[row->inside] : NULL;
    if (!m || m->value->kind != X_OP || m->value->args.n != m->operands) return OP_COUNT;
    for (int i = 0; i < m->operands; i++)
        if (m->value->args.at[i]->kind != X_READ || m->value->args.at[i]->tensor != m->operand[i]) return OP_COUNT;
    return m->value->op;
}

const EngineRow *engine_of_op(const EngineRows *rows, Op op) {
    for (int i = 0; i < rows->n; i++)
        if (rows->at[i]->inside == DT_F32 && engine_op(rows->at[i]) == op) return rows->at[i];
    return NULL;
}

int engine_scale(const EngineRow *row) {
    for (int i = 0; row && row->class == ENGINE_AFFINE && i < row->as[row->inside]->scalars; i++)
        if (row->neutral[i] == 1) return i;
    return -1;
}

const EngineRow *engine_mover(const EngineRows *rows) {
    for (int i = 0; i < rows->n; i++)
        if (rows->at[i]->class == ENGINE_MOVE && !rows->at[i]->drains) return rows->at[i];
    return NULL;
}

const EngineRow *engine_fed(const EngineRows *rows) {
    for (int i = 0; i < rows->n; i++)
        if (rows->at[i]->class == ENGINE_BLOCK && rows->at[i]->feed) return rows->at[i];
    return NULL;
}

bool engine_exists(const EngineRows *rows, const char *name) {
    for (int i = 0; i < rows->n; i++)
        if (!strcmp(rows->at[i]->engine, name)) return true;
    return false;
}

const EngineRow *engine_named(const EngineRows *rows, const char *engine, const char *row) {
    for (int i = 0; i < rows->n; i++)
        if (!strcmp(rows->at[i]->engine, engine) && !strcmp(rows->at[i]->name, row)) return rows->at[i];
    return NULL;
}

void engine_panel(const EngineRow *row, int *m, int *n) {
    double best = 0;
    *m = row->m;
    *n = row->n;
    for (int i = 1; i <= row->accumulators; i++) {
        int rows = i * row->m, cols = row->accumulators / i * row->n;
        if (row->most && rows > row->most) break;
        if (row->most && cols > row->most) cols = row->most / row->n * row->n;
        double reuse = (double)rows * cols / (rows + cols);       /* products for each element that is read */
        if (cols < row->n || reuse <= best) continue;
        best = reuse;
        *m = rows;
        *n = cols;
    }
}

/* --- texts ------------------------------------------------------------------------------------------------------------------------------- */

static const char *span_text(Arena *a, Span s) { return s.src ? arena_strndup(a, s.src->text + s.lo, s.hi - s.lo) : "?"; }

static void print_types(const EngineRow *row, Out *out) {
    int n = 0, all = 0;
    for (int t = 0; t < DT_COUNT; t++) all += row->takes[t];
    if (all == DT_COUNT) out_s(out, "any type");
    for (int t = 0; all < DT_COUNT && t < DT_COUNT; t++)
        if (row->takes[t]) out_f(out, "%s%s", n++ ? ", " : "", dtype_name((DType)t));
}

void engine_print(const EngineRow *row, Out *out) {
    const EngineMeaning *m = row->as[row->inside];
    for (int t = 0; !m && t < DT_COUNT; t++) m = row->as[t];
    out_f(out, "%s.%s: %s", row->engine, row->name, m ? span_text(out->arena, m->stmt->span) : "?");
    out_s(out, "; ");
    print_types(row, out);
    if (row->class == ENGINE_BLOCK) out_f(out, "; tile %d x %d x %d B, %d accumulators of %s", row->m, row->n, row->k_bytes, row->accumulators, row->into);
    else if (row->class != ENGINE_TURN && row->class != ENGINE_MOVE) out_f(out, "; cost %g", row->cost);
    if (row->call) out_f(out, "; %s", row->call);
    for (int i = 0; i < row->fields; i++) out_f(out, "%s.%s = %s", i ? ", " : "(", row->field[i].name, row->field[i].value);
    if (row->fields) out_s(out, ")");
}

void engine_print_difference(const EngineMatch *match, Out *out) {
    const Expr *p = match->wanted, *e = match->found;
    if (!p || !e) {
        out_f(out, "its row joins otherwise: %s", match->meaning ? span_text(out->arena, match->meaning->stmt->span) : "?");
        return;
    }
    out_s(out, "'");
    expr_print(e, out);
    out_f(out, "' (%s) stands where the row has '", dtype_name(e->type));
    expr_print(p, out);
    out_f(out, "' (%s)", dtype_name(p->type));
}
