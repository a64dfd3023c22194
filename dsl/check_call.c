/* Calls of functions: one instance for each list of argument types. */
#include "dsl/check.h"

static bool same_types(const FnInst *fn, const Exprs *args) {
    if (fn->params.n != args->n) return false;
    for (int i = 0; i < args->n; i++)
        if (fn->params.at[i]->type != args->at[i]->type) return false;
    return true;
}

/* Instances of one function with other types need names of their own in the Kernel's text and in C. */
static Name instance_name(Check *c, const AFn *ast, const Exprs *args) {
    bool first = true;
    for (int i = 0; i < c->kernel->fns.n; i++) first &= c->kernel->fns.at[i]->name != ast->name.text;
    if (first) return ast->name.text;
    Out out = out_new(c->arena);
    out_s(&out, ast->name.text);
    for (int i = 0; i < args->n; i++) out_f(&out, "_%s", dtype_name(args->at[i]->type));
    for (int n = 0;; n++) {
        Name name = name_of(c->program->names, n ? arena_printf(c->arena, "%s_%d", out.text, n) : out.text);
        bool taken = program_find(c->program, name, false) != NULL;
        for (int i = 0; i < c->kernel->fns.n; i++) taken |= c->kernel->fns.at[i]->name == name;
        if (!taken) return name;
    }
}

static bool is_active(Check *c, const AFn *ast, Span at) {
    for (int i = 0; i < c->active_fns.n; i++)
        if (c->active_fns.at[i] == ast) {
            Diag *d = diag_error(c->diags, at, "the function '%s' calls itself: recursion is not allowed", ast->name.text);
            diag_note(d, ast->name.span, "it is defined here");
            return true;
        }
    return false;
}

/* The body with its faults kept aside: a user cannot mend the prelude, so what it cannot take is said at the call. */
static Expr *check_prelude_body(Cx *body, const AFn *ast, const Exprs *args, Span at) {
    Check *c = body->check;
    Diags *all = c->diags;
    c->diags = diags_new(c->arena);
    Expr *e = check_expr(body, ast->body, DT_NONE);
    c->diags = all;
    if (e) return e;
    Out types = out_new(c->arena);
    for (int i = 0; i < args->n; i++) out_f(&types, "%s%s", i ? ", " : "", dtype_name(args->at[i]->type));
    Diag *d = diag_error(c->diags, at, "'%s' does not take %s", ast->name.text, types.text);
    diag_help(d, "it is for floats: convert with f32(...)");
    return NULL;
}

static FnInst *instantiate(Cx *cx, const AFn *ast, const Exprs *args, Span at) {
    Check *c = cx->check;
    for (int i = 0; i < c->kernel->fns.n; i++)
        if (c->fn_asts.at[i] == ast && same_types(c->kernel->fns.at[i], args)) return c->kernel->fns.at[i];
    if (is_active(c, ast, at)) return NULL;
    FnInst *fn = NEW(c->arena, FnInst);
    fn->span = ast->name.span;
    Env *env = NEW(c->arena, Env);
    env->fence = true;
    for (int i = 0; i < args->n; i++) {
        Var *v = NEW(c->arena, Var);
        *v = (Var){ast->params.at[i].text, args->at[i]->type, c->kernel->n_vars++};
        vec_push(c->arena, &fn->params, v);
        Env *inner = NEW(c->arena, Env);
        *inner = (Env){.up = env, .name = v->name, .var = v};
        env = inner;
    }
    vec_push(c->arena, &c->active_fns, ast);
    Cx body = {.check = c, .env = env, .scoped = true};
    bool prelude = program_find(c->program, ast->name.text, false)->prelude;
    fn->body = prelude ? check_prelude_body(&body, ast, args, at) : check_expr(&body, ast->body, DT_NONE);
    c->active_fns.n--;
    if (!fn->body) return NULL;     /* reported in the body, at this call or an earlier one */
    fn->type = fn->body->type;
    fn->name = instance_name(c, ast, args);
    fn->id = c->kernel->fns.n;
    vec_push(c->arena, &c->kernel->fns, fn);
    vec_push(c->arena, &c->fn_asts, ast);
    return fn;
}

/* The place of argument i of a call among the function's parameters, or -1 after a report. */
static int parameter_of(Check *c, const AExpr *e, int i, const AFn *fn) {
    Name name = i < e->arg_names.n ? e->arg_names.at[i].text : NULL;
    if (!name) return i;
    for (int k = 0; k < fn->params.n; k++)
        if (fn->params.at[k].text == name) return k;
    Diag *d = diag_error(c->diags, e->arg_names.at[i].span, "'%s' has no parameter '%s'", fn->name.text, name);
    diag_note(d, fn->name.span, "it is defined here");
    return -1;
}

static bool order_arguments(Cx *cx, const AExpr *e, const AFn *fn, const AExpr **at) {
    Check *c = cx->check;
    if (e->args.n != fn->params.n) {
        Diag *d = diag_error(c->diags, e->span, "'%s' takes %d argument%s, %d given", e->name.text, fn->params.n, fn->params.n == 1 ? "" : "s", e->args.n);
        diag_note(d, fn->name.span, "it is defined here");
        return false;
    }
    for (int i = 0; i < e->args.n; i++) {
        int k = parameter_of(c, e, i, fn);
        if (k < 0) return false;
        if (at[k]) return diag_error(c->diags, e->args.at[i]->span, "the parameter '%s' is given twice", fn->params.at[k].text), false;
        at[k] = e->args.at[i];
    }
    return true;
}

/* A literal argument takes the type of the widest float among the others; where there is none, that of the place of the call. */
static DType literal_want(Cx *cx, const AExpr **arg, const Exprs *done, int n, DType want) {
    DType t = DT_NONE;
    for (int i = 0; i < n; i++)
        if (done->at[i] && !check_is_flexible(cx, arg[i]) && dtype_is_float(done->at[i]->type)) {
            DType x = dtype_table[done->at[i]->type].compute;
            if (t == DT_NONE || dtype_table[x].bytes > dtype_table[t].bytes) t = x;
        }
    return t != DT_NONE ? t : want == DT_NONE ? want : dtype_table[want].compute;
}

static Expr *call_function(Cx *cx, const AExpr *e, const AFn *ast, DType want) {
    Arena *a = cx->check->arena;
    const AExpr **arg = NEW_ARRAY(a, const AExpr *, ast->params.n + 1);
    if (!order_arguments(cx, e, ast, arg)) return NULL;
    Exprs args = {0};
    bool good = true;
    for (int i = 0; i < ast->params.n; i++) {
        bool flexible = check_is_flexible(cx, arg[i]);
        vec_push(a, &args, flexible ? NULL : check_expr(cx, arg[i], DT_NONE));
        good &= flexible || args.at[i];
    }
    for (int i = 0; good && i < ast->params.n; i++)
        if (!args.at[i]) good &= (args.at[i] = check_expr(cx, arg[i], literal_want(cx, arg, &args, ast->params.n, want))) != NULL;
    if (!good) return NULL;
    FnInst *fn = instantiate(cx, ast, &args, e->span);
    if (!fn) return NULL;
    Expr *call = x_call(a, fn, e->span);
    call->args = args;
    return call;
}

const char *check_nearest_function(Check *c, const char *name) {
    VEC(const char *) near = {0};
    for (int i = 0; i < OP_COUNT; i++)
        if (op_table[i].syntax == OPS_CALL) vec_push(c->arena, &near, op_table[i].name);
    for (int i = 0; i < c->program->defs.n; i++)
        if (!c->program->defs.at[i].comb) vec_push(c->arena, &near, c->program->defs.at[i].name);
    return diag_nearest(name, near.at, near.n);
}

static void unknown_function(Cx *cx, const AExpr *e) {
    Check *c = cx->check;
    Diag *d = diag_error(c->diags, e->name.span, "there is no function '%s'", e->name.text);
    const char *guess = check_nearest_function(c, e->name.text);
    if (guess) diag_edit(d, e->name.span, guess, "did you mean '%s'?", guess);
}

Expr *check_call(Cx *cx, const AExpr *e, DType want) {
    Check *c = cx->check;
    Cbind *b = cx->frame ? frame_cbind(cx->frame, e->name.text) : NULL;
    if (b && b->kind != ACK_FN) {
        diag_error(c->diags, e->name.span, "'%s' is a %s, not a function", e->name.text, b->kind == ACK_INT ? "compile-time int" : "compile-time bool");
        return NULL;
    }
    if (b && !b->bound) return NULL;
    if (e->cargs.n) {
        diag_error(c->diags, e->span, "compile-time arguments are for kernels, '%s' is called as a function", e->name.text);
        return NULL;
    }
    Name name = b ? b->fn : e->name.text;
    if (b && op_by_name(name) != OP_COUNT) {
        AExpr *renamed = NEW(c->arena, AExpr);
        *renamed = *e;
        renamed->name.text = name;
        return check_expr(cx, renamed, want);
    }
    Def *d = program_find(c->program, name, false);
    if (d && d->fn) return call_function(cx, e, d->fn, want);
    Def *k = program_find(c->program, name, true);
    if (k) {
        Diag *x = diag_error(c->diags, e->span, "'%s' is a kernel: its call is the whole right side of a statement, with bare tensors as arguments", name);
        diag_help(x, "give the result a name: p = %s(...), then use p[...]", name);
    } else if (d) diag_error(c->diags, e->span, "'%s' is a combinator: write reduce %s[...] ...", name, name);
    else unknown_function(cx, e);
    return NULL;
}
