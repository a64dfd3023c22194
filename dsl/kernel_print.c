/* The Kernel as .knf text with everything written out: types, ranges, conversions, functions by instance. The text is a fixed point:
 * read back and printed again it is the same. */
#include "dsl/kernel.h"
#include "dsl/kernel_build.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

typedef struct Printer {
    Out *out;
    const Kernel *kernel;         /* NULL for a part alone */
    VEC(const Index *) scope;     /* indices in force */
    VEC(const char *) names;      /* beside scope */
    VEC(const Comb *) combs;      /* those of the kernel, one a name */
    VEC(const char *) comb_names;
    const Comb *inside;           /* the combinator whose text is being printed */
    const char **index_names;     /* by Index.id: a name noted when it is entered, or what to call it (of n_names); or NULL */
    int n_names;
} Printer;

/* Precedence, loosest first (docs/language.md, section 2). */
enum { P_IF, P_OR, P_AND, P_NOT, P_CMP, P_BOR, P_BXOR, P_BAND, P_SHIFT, P_ADD, P_REDUCE, P_MUL, P_UNARY, P_PRIMARY };

static const int op_level[OP_COUNT] = {
    [OP_OR] = P_OR, [OP_AND] = P_AND, [OP_NOT] = P_NOT, [OP_EQ] = P_CMP, [OP_NE] = P_CMP, [OP_LT] = P_CMP, [OP_LE] = P_CMP,
    [OP_GT] = P_CMP, [OP_GE] = P_CMP, [OP_BOR] = P_BOR, [OP_BXOR] = P_BXOR, [OP_BAND] = P_BAND, [OP_SHL] = P_SHIFT,
    [OP_SHR] = P_SHIFT, [OP_ADD] = P_ADD, [OP_SUB] = P_ADD, [OP_MUL] = P_MUL, [OP_DIV] = P_MUL, [OP_FLOORDIV] = P_MUL,
    [OP_MOD] = P_MUL, [OP_NEG] = P_UNARY, [OP_BNOT] = P_UNARY,
};

static void print(Printer *p, const Expr *e, int level);

/* --- names ---------------------------------------------------------------------------------------------------------------------- */

static bool is_named(const Printer *p, const char *name) {
    for (int i = 0; i < p->names.n; i++)
        if (!strcmp(p->names.at[i], name)) return true;
    if (!p->kernel) return false;
    for (int i = 0; i < p->kernel->tensors.n; i++)
        if (!strcmp(p->kernel->tensors.at[i]->name, name)) return true;
    for (int i = 0; i < p->kernel->dims.n; i++)
        if (!strcmp(p->kernel->dims.at[i]->name, name)) return true;
    return false;
}

/* Brings an index into scope, under another name where its own stands for something else already (inlined calls). */
static const char *enter(Printer *p, const Index *i) {
    const char *name = i->name;
    for (int n = 2; p->kernel && is_named(p, name); n++) name = arena_printf(p->out->arena, "%s.i%d", i->name, n);
    vec_push(p->out->arena, &p->scope, i);
    vec_push(p->out->arena, &p->names, name);
    if (p->index_names && i->id < p->n_names) p->index_names[i->id] = name;
    return name;
}

static void leave(Printer *p, int mark) { p->scope.n = p->names.n = mark; }

static const char *index_name(const Printer *p, const Index *i) {
    for (int s = p->scope.n; s-- > 0;)
        if (p->scope.at[s] == i) return p->names.at[s];
    return !p->kernel && i->id < p->n_names && p->index_names[i->id] ? p->index_names[i->id] : i->name;
}

static const char *comb_name(Printer *p, const Comb *c) {
    for (int i = 0; i < p->combs.n; i++)
        if (p->combs.at[i] == c) return p->comb_names.at[i];
    return c->name;
}

static void variable(Printer *p, const Var *v) {
    const Comb *c = p->inside;
    for (int i = 0; c && i < c->other.n; i++)
        if (c->other.at[i] == v) out_f(p->out, "%s . ", c->other_name ? c->other_name : "o");
    out_s(p->out, v->name);
}

/* --- expressions ------------------------------------------------------------------------------------------------------------------ */

static void list(Printer *p, const Exprs *x) {
    for (int i = 0; i < x->n; i++) {
        if (i) out_s(p->out, ", ");
        print(p, x->at[i], P_IF);
    }
}

static bool is_negative(const Expr *e) {
    return e->kind == X_LIT && (dtype_is_float(e->type) ? signbit(e->lit_f) && !isnan(e->lit_f) : e->lit_i < 0);
}

static void literal_text(Printer *p, const Expr *e) {
    if (dtype_is_float(e->type)) out_double(p->out, isnan(e->lit_f) ? (double)NAN : e->lit_f);
    else if (e->type == DT_BOOL) out_s(p->out, e->lit_i ? "true" : "false");
    else if (e->lit_i == INT64_MIN) out_s(p->out, "(-9223372036854775807 - 1)");
    else out_f(p->out, "%" PRId64, e->lit_i);
}

/* `typed`: what stands around gives the literal its type. */
static void literal(Printer *p, const Expr *e, bool typed, int level) {
    bool plain = typed || e->type == DT_F32 || e->type == DT_I64 || e->type == DT_BOOL;
    bool parens = plain && is_negative(e) && level > P_UNARY;
    if (!plain) out_f(p->out, "%s(", dtype_name(e->type));
    if (parens) out_s(p->out, "(");
    literal_text(p, e);
    if (parens || !plain) out_s(p->out, ")");
}

static void operand(Printer *p, const Expr *e, bool typed, int level) {
    if (e->kind == X_LIT) literal(p, e, typed, level);
    else print(p, e, level);
}

static void range(Printer *p, const Expr *lo, const Expr *hi) {
    print(p, lo, P_ADD);
    out_s(p->out, "..");
    print(p, hi, P_ADD);
}

static void operation(Printer *p, const Expr *e) {
    const OpRow *row = &op_table[e->op];
    int level = op_level[e->op];
    const Expr *x = e->args.at[0], *y = e->args.n > 1 ? e->args.at[1] : NULL;
    if (row->syntax == OPS_CALL) {
        bool typed = false;
        for (int i = 0; i < e->args.n; i++) typed = typed || e->args.at[i]->kind != X_LIT;
        out_f(p->out, "%s(", row->name);
        for (int i = 0; i < e->args.n; i++) {
            if (i) out_s(p->out, ", ");
            operand(p, e->args.at[i], typed, P_IF);
        }
        out_s(p->out, ")");
    } else if (row->syntax == OPS_PREFIX) {
        out_f(p->out, "%s%s", row->name, e->op == OP_NOT ? " " : "");
        if (x->kind == X_LIT) out_s(p->out, "(");
        operand(p, x, false, level);
        if (x->kind == X_LIT) out_s(p->out, ")");
    } else {
        operand(p, x, y->kind != X_LIT, level == P_CMP ? level + 1 : level);
        out_f(p->out, " %s ", row->name);
        operand(p, y, x->kind != X_LIT, level + 1);
    }
}

static void read(Printer *p, const Expr *e) {
    out_s(p->out, e->tensor->name);
    if (e->tensor->rank) {
        out_s(p->out, "[");
        list(p, &e->args);
        out_s(p->out, "]");
    }
    if (e->mode == READ_CLAMP) out_s(p->out, " clamp");
    if (e->mode != READ_PAD) return;
    out_s(p->out, " pad ");
    if (e->pad->kind == X_LIT && !(e->pad->type == DT_I64 && e->pad->lit_i == INT64_MIN)) literal_text(p, e->pad);
    else print(p, e->pad, P_PRIMARY);
}

static const char *const comb_words[] = {"sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin", "reduce"};
static const char *const scan_words[] = {"", "<", "<=", ">", ">="};

static void brackets(Printer *p, const Reduce *r) {
    out_s(p->out, "[");
    if (r->scan != SCAN_NONE) {
        const char *along = index_name(p, r->along);
        out_f(p->out, "%s %s %s", enter(p, r->idx.at[0]), scan_words[r->scan], along);
    } else {
        for (int i = 0; i < r->idx.n; i++) {
            if (i) out_s(p->out, ", ");
            Out *o = p->out, text = out_new(o->arena);   /* the range is outside the index's own scope */
            p->out = &text;
            range(p, r->idx.at[i]->lo, r->idx.at[i]->hi);
            p->out = o;
            out_f(o, "%s in %s", enter(p, r->idx.at[i]), text.text);
        }
    }
    if (r->pred) {
        out_s(p->out, " | ");
        print(p, r->pred, P_BXOR);
    }
    out_s(p->out, "] ");
}

static void reduction(Printer *p, const Reduce *r) {
    const Comb *c = r->comb;
    int mark = p->scope.n;
    out_f(p->out, "%s%s", r->scan != SCAN_NONE ? "scan " : "", comb_words[c->kind]);
    if (c->kind == CK_USER) out_f(p->out, " %s", comb_name(p, c));
    if (c->kind == CK_SUM || c->kind == CK_PROD || c->kind == CK_MEAN) out_f(p->out, "<%s>", dtype_name(c->type));
    brackets(p, r);
    if (r->operands.n > 1) {
        out_s(p->out, "(");
        list(p, &r->operands);
        out_s(p->out, ")");
    } else {
        print(p, r->operands.at[0], P_MUL);
    }
    leave(p, mark);
}

static void selection(Printer *p, const Expr *e) {
    const Expr *x = e->args.at[1], *y = e->args.at[2];
    out_s(p->out, "if ");
    print(p, e->args.at[0], P_IF);
    out_s(p->out, " then ");
    operand(p, x, y->kind != X_LIT, P_IF);
    out_s(p->out, " else ");
    operand(p, y, x->kind != X_LIT, P_IF);
}

/* A literal under a conversion says its own type, or it would take the conversion's. */
static void conversion(Printer *p, const Expr *e) {
    const Expr *x = e->args.at[0];
    out_f(p->out, e->kind == X_SAT ? "sat<%s>(" : "%s(", dtype_name(e->type));
    if (x->kind == X_LIT && x->type != DT_BOOL) {
        out_f(p->out, "%s(", dtype_name(x->type));
        literal_text(p, x);
        out_s(p->out, ")");
    } else {
        print(p, x, P_IF);
    }
    out_s(p->out, ")");
}

static int level_of(const Expr *e) {
    if (e->kind == X_IF) return P_IF;
    if (e->kind == X_REDUCE) return P_REDUCE;
    return e->kind == X_OP && op_table[e->op].syntax != OPS_CALL ? op_level[e->op] : P_PRIMARY;
}

/* A reduction reaches as far right as it can: only at the end of a sum may it go without parentheses, which is not worth the rule. */
static void print(Printer *p, const Expr *e, int level) {
    bool parens = level_of(e) < level || (e->kind == X_REDUCE && level > P_IF && level != P_ADD);
    if (parens) out_s(p->out, "(");
    switch (e->kind) {
    case X_LIT: literal(p, e, false, level); break;
    case X_INDEX: out_s(p->out, index_name(p, e->index)); break;
    case X_DIM: out_s(p->out, e->dim->name); break;
    case X_VAR: variable(p, e->var); break;
    case X_READ: read(p, e); break;
    case X_OP: operation(p, e); break;
    case X_CONVERT: case X_SAT: conversion(p, e); break;
    case X_IF: selection(p, e); break;
    case X_CALL:
        out_f(p->out, "%s(", e->fn->name);
        list(p, &e->args);
        out_s(p->out, ")");
        break;
    case X_REDUCE: reduction(p, e->reduce); break;
    }
    if (parens) out_s(p->out, ")");
}

/* --- definitions ------------------------------------------------------------------------------------------------------------------ */

static void function(Printer *p, const FnInst *f) {
    out_f(p->out, "fn %s(", f->name);
    for (int i = 0; i < f->params.n; i++) out_f(p->out, "%s%s", i ? ", " : "", f->params.at[i]->name);
    out_s(p->out, ") = ");
    print(p, f->body, P_IF);
    out_s(p->out, "\n\n");
}

static void assigns(Printer *p, const Assigns *a) {
    out_s(p->out, "{\n");
    p->out->indent++;
    for (int i = 0; i < a->n; i++) {
        out_f(p->out, "%s = ", a->at[i].var->name);
        print(p, a->at[i].value, P_IF);
        out_s(p->out, "\n");
    }
    p->out->indent--;
    out_s(p->out, "}\n");
}

static void combinator(Printer *p, const Comb *c) {
    p->inside = c;
    out_f(p->out, "combinator %s(", comb_name(p, c));
    for (int i = 0; i < c->inputs.n; i++)
        out_f(p->out, "%s%s: %s", i ? ", " : "", c->inputs.at[i]->name, dtype_name(c->inputs.at[i]->type));
    out_s(p->out, ") -> (");
    for (int i = 0; i < c->final.n; i++) out_f(p->out, "%sresult%d: %s", i ? ", " : "", i, dtype_name(c->final.at[i]->type));
    out_f(p->out, ")%s {\n", c->ordered ? " ordered" : "");
    p->out->indent++;
    for (int i = 0; i < c->states.n; i++) {
        out_f(p->out, "state %s: %s = ", c->states.at[i]->name, dtype_name(c->states.at[i]->type));
        operand(p, c->init.at[i], true, P_IF);
        out_s(p->out, "\n");
    }
    out_s(p->out, "step ");
    assigns(p, &c->step);
    out_f(p->out, "merge (%s) ", c->other_name ? c->other_name : "o");
    assigns(p, &c->merge);
    out_s(p->out, "final (");
    list(p, &c->final);
    out_s(p->out, ")\n");
    p->out->indent--;
    out_s(p->out, "}\n\n");
    p->inside = NULL;
}

static bool note_comb(void *context, Expr *e) {
    Printer *p = context;
    if (e->kind != X_REDUCE || e->reduce->comb->kind != CK_USER) return true;
    Comb *c = e->reduce->comb;
    int same = 0;
    for (int i = 0; i < p->combs.n; i++) {
        if (p->combs.at[i] == c) return true;
        same += !strcmp(p->combs.at[i]->name, c->name);
    }
    vec_push(p->out->arena, &p->combs, (const Comb *)c);
    vec_push(p->out->arena, &p->comb_names, same ? arena_printf(p->out->arena, "%s.i%d", c->name, same) : c->name);
    return true;
}

static void parameter(Printer *p, const Tensor *t) {
    out_f(p->out, "%s: %s", t->name, dtype_name(t->type));
    if (t->rank) {
        out_s(p->out, "[");
        for (int d = 0; d < t->rank; d++) {
            if (d) out_s(p->out, ", ");
            print(p, t->shape[d], P_IF);
        }
        out_s(p->out, "]");
    }
    static const char *const policies[] = {"", " check", " clamp", " assume"};
    if (t->lo) {
        out_s(p->out, " in ");
        range(p, t->lo, t->hi);
        out_s(p->out, policies[t->policy]);
    }
    if (!t->value) return;
    out_s(p->out, " = ");
    literal_text(p, t->value);
}

static void parameters(Printer *p) {
    const Kernel *k = p->kernel;
    for (int i = 0; i < k->params.n; i++) {
        if (i) out_s(p->out, ", ");
        parameter(p, k->params.at[i]);
    }
    out_s(p->out, ") -> (");
    for (int i = 0; i < k->outputs.n; i++) {
        if (i) out_s(p->out, ", ");
        parameter(p, k->outputs.at[i]);
    }
    out_s(p->out, ")");
}

/* --- statements ------------------------------------------------------------------------------------------------------------------- */

static void domain(Printer *p, Index *const *idx, int n) {
    for (int i = 0; i < n; i++) {
        out_f(p->out, "%s %s in ", i ? "," : " where", index_name(p, idx[i]));
        range(p, idx[i]->lo, idx[i]->hi);
    }
}

static void target(Printer *p, const Target *t) {
    out_s(p->out, t->tensor->name);
    if (!t->subs.n) return;
    out_s(p->out, "[");
    list(p, &t->subs);
    out_s(p->out, "]");
}

static void statement(Printer *p, const Stmt *s) {
    int mark = p->scope.n;
    for (int i = 0; i < s->idx.n; i++) enter(p, s->idx.at[i]);
    if (s->targets.n > 1) out_s(p->out, "(");
    for (int i = 0; i < s->targets.n; i++) {
        if (i) out_s(p->out, ", ");
        target(p, &s->targets.at[i]);
    }
    if (s->targets.n > 1) out_s(p->out, ")");
    else out_f(p->out, ": %s", dtype_name(s->targets.at[0].tensor->type));
    out_s(p->out, " = ");
    operand(p, s->value, true, P_IF);
    domain(p, s->idx.at, s->idx.n);
    leave(p, mark);
}

static void facts(Printer *p) {
    const Kernel *k = p->kernel;
    for (int i = 0; i < k->facts.n; i++) {
        const Fact *f = &k->facts.at[i];
        if (f->kind != FACT_CHECK && f->kind != FACT_ASSUME) continue;
        int mark = p->scope.n;
        for (int j = 0; j < f->idx.n; j++) enter(p, f->idx.at[j]);
        out_s(p->out, f->kind == FACT_CHECK ? "check " : "assume ");
        print(p, f->cond, P_IF);
        domain(p, f->idx.at, f->idx.n);
        out_s(p->out, "\n");
        leave(p, mark);
    }
}

static void where(Printer *p) {
    const Kernel *k = p->kernel;
    int n = 0;
    for (int i = 0; i < k->facts.n; i++) {
        if (k->facts.at[i].kind != FACT_WHERE) continue;
        out_s(p->out, n++ ? ", " : " where ");
        print(p, k->facts.at[i].cond, P_IF);
    }
}

void kernel_print(const Kernel *k, Out *out) {
    Printer p = {.out = out, .kernel = k};
    out_s(out, "# knyfe kernel 1\n\n");
    for (int i = 0; i < k->stmts.n; i++) expr_walk(k->stmts.at[i]->value, note_comb, &p);
    for (int i = 0; i < k->facts.n; i++) expr_walk(k->facts.at[i].cond, note_comb, &p);
    for (int i = 0; i < k->fns.n; i++) expr_walk(k->fns.at[i]->body, note_comb, &p);
    for (int i = 0; i < k->fns.n; i++) function(&p, k->fns.at[i]);
    for (int i = 0; i < p.combs.n; i++) combinator(&p, p.combs.at[i]);
    out_f(out, "kernel %s(", k->name);
    parameters(&p);
    where(&p);
    out_s(out, " {\n");
    out->indent++;
    facts(&p);
    for (int i = 0; i < k->stmts.n; i++) {
        statement(&p, k->stmts.at[i]);
        out_s(out, "\n");
    }
    out->indent--;
    out_s(out, "}\n");
}

const char *const *kernel_index_names(const Kernel *k, Arena *a) {
    Out text = out_new(a);
    Printer p = {.out = &text, .kernel = k, .index_names = NEW_ARRAY(a, const char *, k->n_indices + 1), .n_names = k->n_indices};
    for (int i = 0; i < k->stmts.n; i++) statement(&p, k->stmts.at[i]);
    facts(&p);
    return p.index_names;
}

void expr_print_named(const Expr *e, const char *const *names, int n, Out *out) {
    Printer p = {.out = out, .index_names = (const char **)names, .n_names = n};
    print(&p, e, P_IF);
}

void expr_print(const Expr *e, Out *out) {
    Printer p = {.out = out};
    print(&p, e, P_IF);
}

void stmt_print(const Stmt *s, Out *out) {
    Printer p = {.out = out};
    statement(&p, s);
}
