/* Test blocks: the kernel, its inputs, dims and outputs by name, values of the right shape and kind. */
#include "dsl/check.h"

static bool names_in(const AExpr *e, Name name) {
    if (e->kind == A_NAME && e->name.text == name) return true;
    for (int i = 0; i < e->args.n; i++)
        if (names_in(e->args.at[i], name)) return true;
    return false;
}

static bool is_case_name(const AKernel *k, Name name, bool output) {
    for (int i = 0; i < k->outputs.n; i++)
        if (k->outputs.at[i].name.text == name) return output;
    for (int i = 0; i < k->inputs.n; i++)
        if (k->inputs.at[i].name.text == name) return !output;
    for (int side = 0; side < 2 && !output; side++)
        for (int i = 0; i < (side ? k->outputs.n : k->inputs.n); i++) {
            const AParam *q = side ? &k->outputs.at[i] : &k->inputs.at[i];
            for (int d = 0; d < q->shape.n; d++)
                if (names_in(q->shape.at[d], name)) return true;
        }
    return false;
}

static const AParam *param_of(const AKernel *k, Name name) {
    for (int i = 0; i < k->inputs.n + k->outputs.n; i++) {
        const AParam *p = i < k->inputs.n ? &k->inputs.at[i] : &k->outputs.at[i - k->inputs.n];
        if (p->name.text == name) return p;
    }
    return NULL;
}

/* The type that values of the parameter have: DT_NONE for one that depends on the compile-time arguments. */
static DType value_type(const AParam *p) { return p ? dtype_by_name(p->dtype.text) : DT_I64; }

static void check_constant(Program *p, const AExpr *e, DType t, const char *name) {
    const AExpr *x = e->kind == A_UNARY ? e->args.at[0] : e;
    const char *fault = t == DT_NONE ? NULL
                        : x->kind == A_FLOAT && dtype_is_int(t) ? "a float"
                        : x->kind == A_BOOL && t != DT_BOOL ? "a bool"
                        : x->kind != A_BOOL && t == DT_BOOL ? "a number" : NULL;
    if (fault) diag_error(p->diags, e->span, "'%s' is %s, this value is %s", name, dtype_name(t), fault);
}

/* Nested lists of `rank` levels, all of the same lengths on a level. */
static bool check_data(Program *p, const AData *d, int rank, DType t, const char *name) {
    if (!d->is_list) {
        if (rank) return diag_error(p->diags, d->span, "'%s' has %d more dimension%s here: lists are missing", name, rank, rank == 1 ? "" : "s"), false;
        check_constant(p, d->value, t, name);
        return true;
    }
    if (!rank) return diag_error(p->diags, d->span, "'%s' has fewer dimensions than this list has levels", name), false;
    for (int i = 0; i < d->items.n; i++) {
        if (!check_data(p, d->items.at[i], rank - 1, t, name)) return false;
        if (rank > 1 && d->items.at[i]->items.n != d->items.at[0]->items.n)
            return diag_error(p->diags, d->items.at[i]->span, "the rows of '%s' differ in length: %d here, %d in the first", name, d->items.at[i]->items.n, d->items.at[0]->items.n), false;
    }
    return true;
}

static void check_case(Program *p, const AKernel *k, const ACase *c) {
    static const struct { const char *name; int args; } laws[] = {{"normal", 2}, {"uniform", 2}, {"ints", 2}, {"offsets", 1}};
    const AParam *param = param_of(k, c->name.text);
    DType t = value_type(param);
    if (c->data) check_data(p, c->data, param ? param->shape.n : 0, t, c->name.text);
    if (c->kind == AC_SET) {
        if (param && param->shape.n) diag_error(p->diags, c->span, "'%s' is a tensor: a set of values is for dims and scalars", c->name.text);
        for (int i = 0; i < c->values.n; i++) check_constant(p, c->values.at[i], t, c->name.text);
    }
    if (c->kind != AC_RANDOM) return;
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
        if (strcmp(laws[i].name, c->law.text)) continue;
        if (c->values.n != laws[i].args) diag_error(p->diags, c->law.span, "'%s' takes %d number%s, %d given", c->law.text, laws[i].args, laws[i].args == 1 ? "" : "s", c->values.n);
        return;
    }
    Diag *d = diag_error(p->diags, c->law.span, "there is no distribution '%s'", c->law.text);
    diag_help(d, "normal(mean, deviation), uniform(lo, hi), ints(lo, hi), offsets(mean)");
}

void check_test(Program *p, const ATest *t) {
    const AKernel *k = check_kernel_named(p, t->kernel, "test");
    check_carg_names(p, k, &t->cargs);
    for (int i = 0; k && i < t->cases.n; i++) {
        const ACase *c = &t->cases.at[i];
        bool output = c->kind == AC_EXPECT;
        if (!c->name.text) continue;
        if (is_case_name(k, c->name.text, output)) {
            check_case(p, k, c);
            continue;
        }
        diag_error(p->diags, c->name.span, output ? "'%s' has no output '%s'" : "'%s' has no input or dim '%s'", k->name.text, c->name.text);
    }
}
