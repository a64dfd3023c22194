/* Combinators: states, step, merge and final, checked once for each accumulation type. */
#include "dsl/check.h"

static Var *new_var(Check *c, Name name, DType t) {
    Var *v = NEW(c->arena, Var);
    *v = (Var){name, t, c->kernel->n_vars++};
    return v;
}

static const Env *bind(Check *c, const Env *up, Var *v, Name owner) {
    Env *env = NEW(c->arena, Env);
    *env = (Env){.up = up, .name = v->name, .var = v, .owner = owner};
    return env;
}

static Cx plain_cx(Check *c, const Env *env) { return (Cx){.check = c, .env = env, .scoped = true, .what = "a combinator sees its inputs (in step), its states and its own locals"}; }

/* What a state that starts at a literal accumulates in: the widest of the inputs' kind. */
static DType accumulation(const Comb *comb, bool is_float, DType asked) {
    if (asked != DT_NONE && dtype_is_float(asked) == is_float) return asked;
    DType t = DT_NONE;
    for (int i = 0; i < comb->inputs.n; i++) {
        DType in = comb->inputs.at[i]->type;
        if (in != DT_NONE && in != DT_BOOL && dtype_is_float(in) == is_float && (t == DT_NONE || dtype_table[in].bytes > dtype_table[t].bytes)) t = in;
    }
    if (t != DT_NONE) return dtype_table[t].compute;
    return is_float ? DT_F32 : DT_I64;
}

static bool literal_is_float(const AExpr *e) {
    if (e->kind == A_FLOAT || e->kind == A_CALL) return true;
    for (int i = 0; i < e->args.n; i++)
        if (literal_is_float(e->args.at[i])) return true;
    return false;
}

static bool twice(Check *c, const Comb *comb, AName name) {
    for (int i = 0; i < comb->inputs.n + comb->states.n; i++) {
        Var *v = i < comb->inputs.n ? comb->inputs.at[i] : comb->states.at[i - comb->inputs.n];
        if (v->name != name.text) continue;
        diag_error(c->diags, name.span, "'%s' is already %s of this combinator", name.text, i < comb->inputs.n ? "an input" : "a state");
        return true;
    }
    return false;
}

static void check_states(Check *c, const AComb *ast, Comb *comb, DType asked) {
    Env fence = {.fence = true};
    for (int i = 0; i < ast->states.n; i++) {
        const AState *s = &ast->states.at[i];
        if (twice(c, comb, s->name)) continue;
        Cx cx = plain_cx(c, &fence);
        bool flexible = check_is_flexible(&cx, s->init);
        DType want = s->dtype.text ? check_dtype(NULL, s->dtype, c) : flexible ? accumulation(comb, literal_is_float(s->init), asked) : DT_NONE;
        Expr *init = check_expr(&cx, s->init, want);
        if (s->dtype.text) init = check_store(&cx, init, want, s->init->span, arena_printf(c->arena, "the state '%s'", s->name.text));
        Var *v = new_var(c, s->name.text, init ? init->type : want == DT_NONE ? DT_F32 : want);
        vec_push(c->arena, &comb->states, v);
        vec_push(c->arena, &comb->init, init);
    }
}

static void check_block(Check *c, const ABlock *block, const Comb *comb, const Env *env, Assigns *into, bool *good) {
    Vars locals = {0};
    for (int i = 0; i < block->n; i++) {
        const AAssign *s = &block->at[i];
        Var *var = NULL;
        for (int k = 0; k < comb->states.n; k++)
            if (comb->states.at[k]->name == s->name.text) var = comb->states.at[k];
        for (int k = 0; k < locals.n; k++)
            if (locals.at[k]->name == s->name.text) var = locals.at[k];
        Cx cx = plain_cx(c, env);
        Expr *value = check_expr(&cx, s->value, var ? var->type : DT_NONE);
        if (var && value) value = check_store(&cx, value, var->type, s->value->span, arena_printf(c->arena, "'%s'", s->name.text));
        if (!value) *good = false;
        if (!var) {
            var = new_var(c, s->name.text, value ? value->type : DT_NONE);
            vec_push(c->arena, &locals, var);
            env = bind(c, env, var, NULL);
        }
        if (value) vec_push(c->arena, into, ((Assign){var, value}));
    }
}

static bool check_final(Check *c, const AComb *ast, Comb *comb, const Env *states) {
    bool good = true;
    if (ast->final.n != ast->outputs.n) {
        diag_error(c->diags, ast->final.n ? span_join(ast->final.at[0]->span, ast->final.at[ast->final.n - 1]->span) : ast->name.span, "the combinator '%s' declares %d result%s, its final gives %d", ast->name.text, ast->outputs.n, ast->outputs.n == 1 ? "" : "s", ast->final.n);
        return false;
    }
    for (int i = 0; i < ast->final.n; i++) {
        DType t = check_dtype(NULL, ast->outputs.at[i].dtype, c);
        Cx cx = plain_cx(c, states);
        Expr *e = check_store(&cx, check_expr(&cx, ast->final.at[i], t), t, ast->final.at[i]->span, arena_printf(c->arena, "the result '%s'", ast->outputs.at[i].name.text));
        good &= e != NULL;
        vec_push(c->arena, &comb->final, e);
    }
    return good;
}

static Comb *build(Check *c, const AComb *ast, DType asked) {
    Comb *comb = NEW(c->arena, Comb);
    *comb = (Comb){.kind = CK_USER, .type = asked, .name = ast->name.text, .ordered = ast->ordered, .other_name = ast->other.text, .span = ast->name.span};
    bool good = true;
    for (int i = 0; i < ast->inputs.n; i++) {
        if (twice(c, comb, ast->inputs.at[i].name)) good = false;
        DType t = check_dtype(NULL, ast->inputs.at[i].dtype, c);
        good &= t != DT_NONE;
        vec_push(c->arena, &comb->inputs, new_var(c, ast->inputs.at[i].name.text, t));
    }
    int errors = diag_errors(c->diags);
    check_states(c, ast, comb, asked);
    good &= diag_errors(c->diags) == errors;
    Env *fence = NEW(c->arena, Env);
    fence->fence = true;
    const Env *states = fence, *step, *merge;
    for (int i = 0; i < comb->states.n; i++) states = bind(c, states, comb->states.at[i], NULL);
    step = merge = states;
    for (int i = 0; i < comb->inputs.n; i++) step = bind(c, step, comb->inputs.at[i], NULL);
    for (int i = 0; i < comb->states.n; i++) {
        Var *o = new_var(c, comb->states.at[i]->name, comb->states.at[i]->type);
        vec_push(c->arena, &comb->other, o);
        merge = bind(c, merge, o, ast->other.text);
    }
    check_block(c, &ast->step, comb, step, &comb->step, &good);
    check_block(c, &ast->merge, comb, merge, &comb->merge, &good);
    good &= check_final(c, ast, comb, states);
    return good && diag_errors(c->diags) == errors ? comb : NULL;
}

Comb *check_combinator(Check *c, const Def *d, DType accumulate) {
    for (int i = 0; i < c->combs.ast.n; i++)
        if (c->combs.ast.at[i] == d->comb && c->combs.type.at[i] == accumulate) return c->combs.comb.at[i];
    Comb *comb = build(c, d->comb, accumulate);
    vec_push(c->arena, &c->combs.ast, d->comb);
    vec_push(c->arena, &c->combs.type, accumulate);
    vec_push(c->arena, &c->combs.comb, comb);
    return comb;
}
