/* What stands in a file beside the chosen kernel: functions and combinators that nothing calls, tests, schedules. */
#include "dsl/check.h"

typedef struct Scope { const struct Scope *up; Name name; } Scope;

static bool in_scope(const Scope *s, Name name) {
    for (; s; s = s->up)
        if (s->name == name) return true;
    return false;
}

static void check_fn_call(Program *p, const AExpr *e, const AFn *fn) {
    Name name = e->name.text;
    if (op_by_name(name) != OP_COUNT || dtype_by_name(name) != DT_NONE) return;
    const Def *d = program_find(p, name, false);
    if (d && d->fn == fn) {
        diag_error(p->diags, e->span, "the function '%s' calls itself: recursion is not allowed", name);
        return;
    }
    if (d && d->fn) return;
    diag_error(p->diags, e->name.span, d ? "'%s' is a combinator: write reduce %s[...] ..." : "there is no function '%s'", name, name);
}

/* Names and calls of a function's body; its types depend on the call. */
static void check_fn_expr(Program *p, const AExpr *e, const Scope *scope, const AFn *fn) {
    if (e->kind == A_NAME && !in_scope(scope, e->name.text)) {
        Diag *d = diag_error(p->diags, e->span, "'%s' is not defined", e->name.text);
        diag_help(d, "a function sees its parameters only");
    }
    if (e->kind == A_ACCESS) {
        diag_error(p->diags, e->name.span, "'%s[...]': functions and combinators see no tensors", e->name.text);
        return;
    }
    if (e->kind == A_CALL && e->name.text) check_fn_call(p, e, fn);
    Scope inner[16];
    const Scope *seen = scope;
    for (int i = 0; i < e->iters.n && i < 16; i++) {
        if (e->iters.at[i].lo) check_fn_expr(p, e->iters.at[i].lo, seen, fn), check_fn_expr(p, e->iters.at[i].hi, seen, fn);
        inner[i] = (Scope){seen, e->iters.at[i].name.text};
        seen = &inner[i];
    }
    if (e->pred) check_fn_expr(p, e->pred, seen, fn);
    for (int i = 0; i < e->args.n; i++) check_fn_expr(p, e->args.at[i], seen, fn);
}

static void check_fn(Program *p, const AFn *fn) {
    Scope scope[64];
    const Scope *seen = NULL;
    for (int i = 0; i < fn->params.n && i < 64; i++) {
        Name name = fn->params.at[i].text;
        if (in_scope(seen, name)) diag_error(p->diags, fn->params.at[i].span, "the parameter '%s' stands twice", name);
        else if (op_by_name(name) != OP_COUNT || dtype_by_name(name) != DT_NONE) diag_error(p->diags, fn->params.at[i].span, "'%s' is a built-in name and cannot name a parameter", name);
        scope[i] = (Scope){seen, name};
        seen = &scope[i];
    }
    check_fn_expr(p, fn->body, seen, fn);
}

const AKernel *check_kernel_named(Program *p, AName name, const char *what) {
    const Def *d = name.text ? program_find(p, name.text, true) : NULL;
    if (d || !name.text) return d ? d->kernel : NULL;
    VEC(const char *) near = {0};
    for (int i = 0; i < p->defs.n; i++)
        if (p->defs.at[i].kernel) vec_push(p->arena, &near, p->defs.at[i].name);
    Diag *e = diag_error(p->diags, name.span, "the %s is for '%s', but there is no such kernel", what, name.text);
    const char *guess = diag_nearest(name.text, near.at, near.n);
    if (guess) diag_edit(e, name.span, guess, "did you mean '%s'?", guess);
    return NULL;
}

void check_carg_names(Program *p, const AKernel *k, const ACargs *args) {
    for (int i = 0; k && i < args->n; i++) {
        bool found = false;
        for (int j = 0; j < k->cparams.n; j++) found |= k->cparams.at[j].name.text == args->at[i].name.text;
        if (!found) diag_error(p->diags, args->at[i].name.span, "'%s' has no compile-time parameter '%s'", k->name.text, args->at[i].name.text);
    }
}

/* --- schedules: the words of the language; what they mean is the scheduler's --------------------------------------------- */

static const char *const directives[] = {"tile", "place", "split", "order", "stage", "keep", "store", "fuse", "engine", "online", "vector", "unroll", "pack", "parallel", "buffers", "tune", "when"};

static bool clause_equal(const AAtoms *x, const AAtoms *y) {
    if (x->n != y->n) return false;
    for (int i = 0; i < x->n; i++) {
        const AAtom *a = x->at[i], *b = y->at[i];
        if (a->kind != b->kind || a->text != b->text || a->i != b->i || !clause_equal(&a->items, &b->items)) return false;
    }
    return true;
}

/* The same directive for the same name. */
static bool repeats(const ADirective *x, const AAtoms *clause, const ADirective *y) {
    if (x->word.text != y->word.text || !clause->n) return false;
    for (int i = 0; i < y->clauses.n; i++)
        if (&y->clauses.at[i] != clause && y->clauses.at[i].n && clause_equal(&(AAtoms){.at = clause->at, .n = 1}, &(AAtoms){.at = y->clauses.at[i].at, .n = 1})) return true;
    return false;
}

static bool is_kernel_name(const AExpr *e, Name name) {
    if (!e) return false;
    if ((e->kind == A_NAME || e->kind == A_ACCESS) && e->name.text == name) return true;
    for (int i = 0; i < e->iters.n; i++)
        if (e->iters.at[i].name.text == name) return true;
    for (int i = 0; i < e->args.n; i++)
        if (is_kernel_name(e->args.at[i], name)) return true;
    return is_kernel_name(e->pred, name) || is_kernel_name(e->pad, name);
}

static bool mentions_call(const AExpr *e, Name callee) {
    if (!e) return false;
    if (e->kind == A_CALL && e->name.text == callee) return true;
    for (int i = 0; i < e->args.n; i++)
        if (mentions_call(e->args.at[i], callee)) return true;
    return false;
}

/* The kernel's text has a call of that name. */
static bool calls(const AKernel *k, Name callee) {
    for (int i = 0; i < k->body.n; i++)
        if (mentions_call(k->body.at[i].value, callee)) return true;
    return false;
}

/* A statement's target, an input, or an index of the kernel. */
static bool is_schedulable(const AKernel *k, Name name) {
    for (int i = 0; i < k->inputs.n; i++)
        if (k->inputs.at[i].name.text == name) return true;
    for (int i = 0; i < k->body.n; i++) {
        const AStmt *s = &k->body.at[i];
        for (int t = 0; t < s->targets.n; t++) {
            if (s->targets.at[t].name.text == name) return true;
            for (int d = 0; d < s->targets.at[t].subs.n; d++)
                if (is_kernel_name(s->targets.at[t].subs.at[d], name)) return true;
        }
        if (is_kernel_name(s->value, name)) return true;
    }
    return false;
}

/* In the kernel, or in those that it calls, `depth` calls deep: they are inlined. */
static bool stands_in(const Program *p, const AKernel *k, Name name, int depth) {
    if (is_schedulable(k, name)) return true;
    for (int i = 0; i < p->defs.n && depth; i++)
        if (p->defs.at[i].kernel && p->defs.at[i].kernel != k && calls(k, p->defs.at[i].name) && stands_in(p, p->defs.at[i].kernel, name, depth - 1)) return true;
    return false;
}

/* The first name of a clause, or all names of its group, must be one of the kernel's; of a dotted name its first part. */
static void check_clause_names(Program *p, const AKernel *k, const AAtoms *clause) {
    const AAtom *first = clause->n ? clause->at[0] : NULL;
    if (first && first->kind == AA_GROUP) {
        for (int i = 0; i < first->items.n; i++) check_clause_names(p, k, &(AAtoms){.at = &first->items.at[i], .n = 1});
        return;
    }
    if (!first || first->kind != AA_NAME) return;
    Name base = name_of_n(p->names, first->text, strcspn(first->text, "."));
    if (!strcmp(base, "check") || stands_in(p, k, base, 8)) return;
    Diag *d = diag_error(p->diags, first->span, "'%s' is no statement, input or index of '%s'", first->text, k->name.text);
    diag_note(d, k->name.span, "the kernel");
}

static void check_directives(Program *p, const AKernel *kernel, ADirective *const *at, int n) {
    for (int i = 0; i < n; i++) {
        const ADirective *d = at[i];
        bool known = false;
        for (size_t k = 0; k < sizeof directives / sizeof *directives; k++) known |= d->word.text && !strcmp(directives[k], d->word.text);
        if (!known && d->word.text) {
            Diag *e = diag_error(p->diags, d->word.span, "there is no directive '%s'", d->word.text);
            const char *guess = diag_nearest(d->word.text, directives, sizeof directives / sizeof *directives);
            if (guess) diag_edit(e, d->word.span, guess, "did you mean '%s'?", guess);
        }
        for (int c = 0; c < d->clauses.n; c++)
            for (int k = 0; k <= i; k++)
                if (repeats(d, &d->clauses.at[c], at[k]) && (k < i || c)) {
                    Diag *e = diag_error(p->diags, d->span, "this directive is given twice");
                    diag_note(e, at[k]->span, "the other one");
                    k = i, c = d->clauses.n;
                }
        for (int c = 0; kernel && known && c < d->clauses.n; c++) check_clause_names(p, kernel, &d->clauses.at[c]);
        check_directives(p, kernel, d->body.at, d->body.n);
    }
}

static void check_schedule(Program *p, const ASchedule *s) {
    const AKernel *k = check_kernel_named(p, s->kernel, "schedule");
    check_carg_names(p, k, &s->cargs);
    check_directives(p, k, s->body.at, s->body.n);
}

static void check_schedule_twice(Program *p, const AFile *f, int i) {
    const ASchedule *s = f->schedules.at[i];
    for (int k = 0; k < i; k++) {
        const ASchedule *o = f->schedules.at[k];
        if (!s->name.text || s->name.text != o->name.text || s->kernel.text != o->kernel.text || s->machine.text != o->machine.text) continue;
        Diag *d = diag_error(p->diags, s->name.span, "the schedule '%s' for '%s' is defined twice", s->name.text, s->kernel.text);
        diag_note(d, o->name.span, "the other definition");
        return;
    }
}

void check_other(Program *p) {
    const AFile *f = p->files.at[0];
    for (int i = 0; i < f->fns.n; i++) check_fn(p, f->fns.at[i]);
    Check *c = NEW(p->arena, Check);
    *c = (Check){.program = p, .arena = p->arena, .diags = p->diags, .kernel = NEW(p->arena, Kernel), .affine = affine_new(p->arena)};
    for (int i = 0; i < p->defs.n; i++)
        if (p->defs.at[i].comb && p->defs.at[i].file == f) check_combinator(c, &p->defs.at[i], DT_NONE);
    for (int i = 0; i < f->tests.n; i++) check_test(p, f->tests.at[i]);
    for (int i = 0; i < f->schedules.n; i++) {
        check_schedule(p, f->schedules.at[i]);
        check_schedule_twice(p, f, i);
    }
}
