/* The meaning of an engine's row: a statement by itself, checked as a kernel whose inputs are the names that it reads. */
#include "dsl/check.h"

typedef struct Meaning { Program *p; AKernel *k; DType type; VEC(Name) indices; bool bad; } Meaning;

static AExpr *name_expr(Meaning *m, Name text, Span at) {
    AExpr *e = NEW(m->p->arena, AExpr);
    *e = (AExpr){.kind = A_NAME, .span = at, .whole = at, .depth = 1, .name = {text, at}};
    return e;
}

static bool is_index(const Meaning *m, Name text) {
    for (int i = 0; i < m->indices.n; i++)
        if (m->indices.at[i] == text) return true;
    return false;
}

/* Indices are those of the left side and of the reductions. */
static void find_indices(Meaning *m, const AExpr *e) {
    if (!e) return;
    for (int i = 0; i < e->iters.n; i++)
        if (e->iters.at[i].name.text) vec_push(m->p->arena, &m->indices, e->iters.at[i].name.text);
    for (int i = 0; i < e->args.n; i++) find_indices(m, e->args.at[i]);
}

/* The extent that goes with an index: a dim of its own. */
static AExpr *extent(Meaning *m, const AExpr *sub) {
    if (sub->kind != A_NAME || !is_index(m, sub->name.text)) {
        diag_help(diag_error(m->p->diags, sub->span, "the subscripts of a row's meaning are indices, each alone"), "write it as acc[m, n] = sum[k] a[m, k] * b[n, k]");
        m->bad = true;
        return NULL;
    }
    return name_expr(m, name_of(m->p->names, arena_printf(m->p->arena, "%s.extent", sub->name.text)), sub->span);
}

static AParam *param(Meaning *m, AName name, const AExprs *subs, DType type) {
    AParam *x = NEW(m->p->arena, AParam);
    *x = (AParam){.span = name.span, .name = name, .dtype = {name_of(m->p->names, dtype_name(type)), name.span}, .has_shape = subs != NULL};
    for (int i = 0; subs && i < subs->n; i++) {
        AExpr *e = extent(m, subs->at[i]);
        if (e) vec_push(m->p->arena, &x->shape, e);
    }
    return x;
}

static bool is_input(const Meaning *m, Name name) {
    for (int i = 0; i < m->k->inputs.n; i++)
        if (m->k->inputs.at[i].name.text == name) return true;
    return false;
}

/* Operands are the tensors and scalars that are read, in the order of the text. */
static void find_operands(Meaning *m, const AExpr *e) {
    if (!e) return;
    bool scalar = e->kind == A_NAME && e->name.text && !is_index(m, e->name.text);
    if ((scalar || e->kind == A_ACCESS) && e->name.text && !is_input(m, e->name.text))
        vec_push(m->p->arena, &m->k->inputs, *param(m, e->name, scalar ? NULL : &e->args, scalar ? dtype_table[m->type].compute : m->type));
    for (int i = 0; i < e->args.n && e->kind != A_ACCESS; i++) find_operands(m, e->args.at[i]);
    for (int i = 0; i < e->iters.n; i++) {
        find_operands(m, e->iters.at[i].lo);
        find_operands(m, e->iters.at[i].hi);
    }
    find_operands(m, e->pred);
}

Kernel *front_meaning(Program *p, const AStmt *s, DType type) {
    Meaning m = {.p = p, .k = NEW(p->arena, AKernel), .type = type};
    const ATarget *t = &s->targets.at[0];
    *m.k = (AKernel){.span = s->span, .head = t->span, .name = t->name};
    for (int i = 0; i < t->subs.n; i++)
        if (t->subs.at[i]->kind == A_NAME && t->subs.at[i]->name.text) vec_push(p->arena, &m.indices, t->subs.at[i]->name.text);
    find_indices(&m, s->value);
    vec_push(p->arena, &m.k->outputs, *param(&m, t->name, &t->subs, dtype_table[type].compute));
    find_operands(&m, s->value);
    vec_push(p->arena, &m.k->body, *s);
    return m.bad ? NULL : check_kernel(p, m.k, NULL, 0);
}
