#include "dsl/ast_print.h"

static const char *text_of(AName n) { return n.text ? n.text : "?"; }

static void print_expr(Out *out, const AExpr *e);

/* `label:` and below it the expressions; nothing when there are none. */
static void print_exprs(Out *out, const char *label, const AExprs *list) {
    if (!list->n) return;
    out_f(out, "%s:\n", label);
    out->indent++;
    for (int i = 0; i < list->n; i++) print_expr(out, list->at[i]);
    out->indent--;
}

static void print_one(Out *out, const char *label, const AExpr *e) {
    if (!e) return;
    out_f(out, "%s:\n", label);
    out->indent++;
    print_expr(out, e);
    out->indent--;
}

static void print_iters(Out *out, const AIters *iters) {
    for (int i = 0; i < iters->n; i++) {
        const AIter *it = &iters->at[i];
        out_f(out, "index %s\n", text_of(it->name));
        out->indent++;
        print_one(out, "lo", it->lo);
        print_one(out, "hi", it->hi);
        out->indent--;
    }
}

static void print_cval(Out *out, const ACval *v) {
    if (v->is_int) out_f(out, "%lld", (long long)v->i);
    else out_s(out, text_of(v->name));
}

static void print_cargs(Out *out, const ACargs *cargs) {
    for (int i = 0; i < cargs->n; i++) {
        out_f(out, "carg %s = ", text_of(cargs->at[i].name));
        print_cval(out, &cargs->at[i].value);
        out_s(out, "\n");
    }
}

static void print_call(Out *out, const AExpr *e) {
    out_f(out, "call %s\n", text_of(e->name));
    out->indent++;
    print_cargs(out, &e->cargs);
    for (int i = 0; i < e->args.n; i++) {
        if (e->arg_names.at[i].text) print_one(out, e->arg_names.at[i].text, e->args.at[i]);
        else print_expr(out, e->args.at[i]);
    }
    out->indent--;
}

static void print_access(Out *out, const AExpr *e) {
    out_f(out, "access %s%s\n", text_of(e->name), e->clamp ? " clamp" : "");
    out->indent++;
    for (int i = 0; i < e->args.n; i++) print_expr(out, e->args.at[i]);
    print_one(out, "pad", e->pad);
    out->indent--;
}

static void print_reduction(Out *out, const AExpr *e) {
    out_f(out, "%s%s%s", e->kind == A_SCAN ? "scan " : "", e->is_reduce ? "reduce " : "", text_of(e->comb));
    if (e->name.text) out_f(out, "<%s>", e->name.text);
    if (e->kind == A_SCAN) out_f(out, " %s %s", ast_op_text(e->op), text_of(e->field));
    out_s(out, "\n");
    out->indent++;
    print_iters(out, &e->iters);
    print_one(out, "where", e->pred);
    print_exprs(out, "of", &e->args);
    out->indent--;
}

static void print_node(Out *out, const AExpr *e, const char *text) {
    out_f(out, "%s\n", text);
    out->indent++;
    for (int i = 0; i < e->args.n; i++) print_expr(out, e->args.at[i]);
    out->indent--;
}

static void print_expr(Out *out, const AExpr *e) {
    switch (e->kind) {
    case A_INT: out_f(out, "%lld\n", (long long)e->i); break;
    case A_FLOAT: out_double(out, e->f); out_s(out, "\n"); break;
    case A_BOOL: out_s(out, e->i ? "true\n" : "false\n"); break;
    case A_NAME: out_f(out, "%s\n", text_of(e->name)); break;
    case A_FIELD: out_f(out, "field %s . %s\n", text_of(e->name), text_of(e->field)); break;
    case A_ACCESS: print_access(out, e); break;
    case A_CALL: print_call(out, e); break;
    case A_SAT: out_f(out, "sat<%s>", text_of(e->name)); print_node(out, e, ""); break;
    case A_UNARY: print_node(out, e, e->op == AO_NEG ? "negate" : ast_op_text(e->op)); break;
    case A_BINARY: print_node(out, e, ast_op_text(e->op)); break;
    case A_IF: print_node(out, e, "if"); break;
    case A_REDUCE: case A_SCAN: print_reduction(out, e); break;
    case A_ERROR: out_s(out, "error\n"); break;
    }
}

/* ---- kernels, functions, combinators ---- */

static void print_params(Out *out, const char *label, const AParam *params, int n) {
    static const char *const policies[] = {"", " check", " clamp", " assume"};
    for (int i = 0; i < n; i++) {
        const AParam *p = &params[i];
        out_f(out, "%s %s: %s%s%s\n", label, text_of(p->name), text_of(p->dtype), p->has_shape ? " []" : "", policies[p->policy]);
        out->indent++;
        print_exprs(out, "shape", &p->shape);
        print_one(out, "lo", p->lo);
        print_one(out, "hi", p->hi);
        print_one(out, "default", p->value);
        out->indent--;
    }
}

static void print_stmt(Out *out, const AStmt *s) {
    static const char *const kinds[] = {"define", "check", "assume"};
    out_f(out, "%s\n", kinds[s->kind]);
    out->indent++;
    for (int i = 0; i < s->targets.n; i++) {
        out_f(out, "target %s%s\n", text_of(s->targets.at[i].name), s->targets.at[i].has_subs ? " []" : "");
        out->indent++;
        for (int j = 0; j < s->targets.at[i].subs.n; j++) print_expr(out, s->targets.at[i].subs.at[j]);
        out->indent--;
    }
    if (s->dtype.text) out_f(out, "type %s\n", s->dtype.text);
    print_iters(out, &s->where);
    print_one(out, "value", s->value);
    out->indent--;
}

static void print_kernel(Out *out, const AKernel *k) {
    static const char *const kinds[] = {"type", "int", "bool", "fn"};
    out_f(out, "kernel %s\n", text_of(k->name));
    out->indent++;
    for (int i = 0; i < k->cparams.n; i++) {
        const ACparam *c = &k->cparams.at[i];
        out_f(out, "parameter %s: %s", text_of(c->name), kinds[c->kind]);
        if (c->has_default) out_s(out, " = "), print_cval(out, &c->value);
        out_s(out, "\n");
    }
    print_params(out, "input", k->inputs.at, k->inputs.n);
    print_params(out, "output", k->outputs.at, k->outputs.n);
    print_exprs(out, "facts", &k->facts);
    for (int i = 0; i < k->body.n; i++) print_stmt(out, &k->body.at[i]);
    out->indent--;
}

static void print_block(Out *out, const char *label, const ABlock *block) {
    out_f(out, "%s\n", label);
    out->indent++;
    for (int i = 0; i < block->n; i++) print_one(out, text_of(block->at[i].name), block->at[i].value);
    out->indent--;
}

static void print_comb(Out *out, const AComb *c) {
    out_f(out, "combinator %s%s\n", text_of(c->name), c->ordered ? " ordered" : "");
    out->indent++;
    print_params(out, "input", c->inputs.at, c->inputs.n);
    print_params(out, "output", c->outputs.at, c->outputs.n);
    for (int i = 0; i < c->states.n; i++) {
        const AState *s = &c->states.at[i];
        out_f(out, "state %s%s%s\n", text_of(s->name), s->dtype.text ? ": " : "", s->dtype.text ? s->dtype.text : "");
        out->indent++;
        print_expr(out, s->init);
        out->indent--;
    }
    print_block(out, "step", &c->step);
    out_f(out, "other %s\n", text_of(c->other));
    print_block(out, "merge", &c->merge);
    print_exprs(out, "final", &c->final);
    out->indent--;
}

static void print_fn(Out *out, const AFn *f) {
    out_f(out, "fn %s\n", text_of(f->name));
    out->indent++;
    for (int i = 0; i < f->params.n; i++) out_f(out, "parameter %s\n", text_of(f->params.at[i]));
    print_expr(out, f->body);
    out->indent--;
}

/* ---- schedules, tests, machines ---- */

static void print_atom(Out *out, const AAtom *a) {
    switch (a->kind) {
    case AA_NAME: out_s(out, a->text); break;
    case AA_INT: out_f(out, "%lld", (long long)a->i); break;
    case AA_FLOAT: out_double(out, a->f); break;
    case AA_STRING: out_f(out, "\"%s\"", a->text); break;
    case AA_ARROW: out_s(out, "->"); break;
    case AA_GROUP: case AA_SET:
        out_s(out, a->kind == AA_SET ? "{" : "(");
        for (int i = 0; i < a->items.n; i++) {
            if (i) out_s(out, ", ");
            print_atom(out, a->items.at[i]);
        }
        out_s(out, a->kind == AA_SET ? "}" : ")");
        break;
    }
}

static void print_directive(Out *out, const ADirective *d) {
    out_s(out, text_of(d->word));
    for (int i = 0; i < d->clauses.n; i++) {
        if (i) out_s(out, ",");
        for (int j = 0; j < d->clauses.at[i].n; j++) {
            out_s(out, " ");
            print_atom(out, d->clauses.at[i].at[j]);
        }
    }
    out_s(out, "\n");
    out->indent++;
    print_one(out, "guard", d->guard);
    for (int i = 0; i < d->body.n; i++) print_directive(out, d->body.at[i]);
    out->indent--;
}

static void print_schedule(Out *out, const ASchedule *s) {
    out_f(out, "schedule %s for %s%s%s\n", text_of(s->name), text_of(s->kernel), s->machine.text ? " on " : "",
          s->machine.text ? s->machine.text : "");
    out->indent++;
    print_cargs(out, &s->cargs);
    for (int i = 0; i < s->body.n; i++) print_directive(out, s->body.at[i]);
    out->indent--;
}

static void print_data(Out *out, const AData *d) {
    if (!d->is_list) {
        print_expr(out, d->value);
        return;
    }
    out_f(out, "list of %d\n", d->items.n);
    out->indent++;
    for (int i = 0; i < d->items.n; i++) print_data(out, d->items.at[i]);
    out->indent--;
}

static void print_test(Out *out, const ATest *t) {
    static const char *const kinds[] = {"value", "set", "random", "expect"};
    out_f(out, "test %s%s%s\n", text_of(t->kernel), t->machine.text ? " on " : "", t->machine.text ? t->machine.text : "");
    out->indent++;
    print_cargs(out, &t->cargs);
    for (int i = 0; i < t->cases.n; i++) {
        const ACase *c = &t->cases.at[i];
        out_f(out, "%s %s%s%s\n", kinds[c->kind], text_of(c->name), c->law.text ? " ~ " : "", c->law.text ? c->law.text : "");
        out->indent++;
        if (c->data) print_data(out, c->data);
        for (int j = 0; j < c->values.n; j++) print_expr(out, c->values.at[j]);
        out->indent--;
    }
    out->indent--;
}

static void print_value(Out *out, const AValue *v) {
    out_s(out, "value");
    if (v->name.text) out_f(out, " %s", v->name.text);
    if (!v->is_name && v->is_int) out_f(out, " %lld", (long long)v->i);
    else if (!v->is_name) out_s(out, " "), out_double(out, v->f);
    if (v->unit.text) out_f(out, " %s", v->unit.text);
    if (v->per.text) out_f(out, "/%s", v->per.text);
    out_s(out, "\n");
}

static void print_entry(Out *out, const AEntry *e) {
    if (e->stmt) {
        print_stmt(out, e->stmt);
        if (e->source.text) out_f(out, "source \"%s\"\n", e->source.text);
        return;
    }
    out_f(out, "%s%s%s%s\n", e->is_group ? "group " : "", text_of(e->key), e->label.text ? " " : "", e->label.text ? e->label.text : "");
    out->indent++;
    for (int i = 0; i < e->values.n; i++) print_value(out, &e->values.at[i]);
    if (e->source.text) out_f(out, "source \"%s\"\n", e->source.text);
    for (int i = 0; i < e->entries.n; i++) print_entry(out, e->entries.at[i]);
    out->indent--;
}

void ast_print(const AFile *f, Out *out) {
    for (int i = 0; i < f->uses.n; i++) out_f(out, "use \"%s\"\n", text_of(f->uses.at[i]->path));
    for (int i = 0; i < f->fns.n; i++) print_fn(out, f->fns.at[i]);
    for (int i = 0; i < f->combs.n; i++) print_comb(out, f->combs.at[i]);
    for (int i = 0; i < f->kernels.n; i++) print_kernel(out, f->kernels.at[i]);
    for (int i = 0; i < f->schedules.n; i++) print_schedule(out, f->schedules.at[i]);
    for (int i = 0; i < f->machines.n; i++) {
        out_f(out, "machine %s\n", text_of(f->machines.at[i]->name));
        out->indent++;
        for (int j = 0; j < f->machines.at[i]->entries.n; j++) print_entry(out, f->machines.at[i]->entries.at[j]);
        out->indent--;
    }
    for (int i = 0; i < f->tests.n; i++) print_test(out, f->tests.at[i]);
}
