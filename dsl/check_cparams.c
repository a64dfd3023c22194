/* Compile-time parameters: given in a call or on the command line, inferred from an argument, or by default. */
#include "dsl/check.h"
#include <errno.h>
#include <stdlib.h>

static const char *const kind_names[] = {"type", "int", "bool", "fn"};

Cbind *frame_cbind(const Frame *f, Name name) {
    for (int i = 0; i < f->cbinds.n; i++)
        if (f->cbinds.at[i].name == name) return (Cbind *)&f->cbinds.at[i];
    return NULL;
}

DType check_dtype(Frame *f, AName name, Check *c) {
    if (!name.text) return DT_NONE;
    Cbind *b = f ? frame_cbind(f, name.text) : NULL;
    if (b && b->kind == ACK_TYPE) return b->bound ? b->type : DT_NONE;
    DType t = dtype_by_name(name.text);
    if (t != DT_NONE) return t;
    VEC(const char *) near = {0};
    for (int i = 0; i < DT_COUNT; i++) vec_push(c->arena, &near, dtype_name((DType)i));
    for (int i = 0; f && i < f->cbinds.n; i++)
        if (f->cbinds.at[i].kind == ACK_TYPE) vec_push(c->arena, &near, f->cbinds.at[i].name);
    Diag *d = diag_error(c->diags, name.span, "'%s' is not a type", name.text);
    const char *guess = diag_nearest(name.text, near.at, near.n);
    if (guess) diag_edit(d, name.span, guess, "did you mean '%s'?", guess);
    else diag_help(d, "types are f64 f32 f16 bf16 f8e4m3 f8e5m2 i64 i32 i16 i8 u8 bool, and the kernel's own type parameters");
    return DT_NONE;
}

static bool is_function(const Check *c, Name name) {
    const Def *d = program_find(c->program, name, false);
    return (d && d->fn) || op_by_name(name) != OP_COUNT;
}

/* Binds a parameter to what a value names; `from` is the frame whose own parameters it may name, or NULL. */
static bool bind_value(Frame *f, Frame *from, Cbind *b, const ACval *v) {
    Check *c = f->check;
    Span at = v->name.span;
    Cbind *outer = from && v->name.text ? frame_cbind(from, v->name.text) : NULL;
    b->span = at;
    if (outer) {
        if (outer->kind != b->kind) return diag_error(c->diags, at, "'%s' is a %s parameter, '%s' wants %s", v->name.text, kind_names[outer->kind], b->name, kind_names[b->kind]), false;
        b->type = outer->type, b->i = outer->i, b->fn = outer->fn, b->bound = outer->bound;
        return b->bound;
    }
    const char *text = v->is_int ? arena_printf(c->arena, "%lld", (long long)v->i) : v->name.text;
    bool truth = !v->is_int && (!strcmp(text, "true") || !strcmp(text, "false"));
    switch (b->kind) {
    case ACK_TYPE: b->type = v->is_int ? DT_NONE : dtype_by_name(text); b->bound = b->type != DT_NONE; break;
    case ACK_INT: b->i = v->i; b->bound = v->is_int; break;
    case ACK_BOOL: b->i = truth && text[0] == 't'; b->bound = truth; break;
    case ACK_FN: b->fn = v->name.text; b->bound = !v->is_int && is_function(c, b->fn); break;
    }
    if (b->bound) return true;
    Diag *d = diag_error(c->diags, at, "the %s parameter '%s' cannot be '%s'", kind_names[b->kind], b->name, text);
    const char *guess = b->kind == ACK_FN ? check_nearest_function(c, text) : NULL;
    if (guess) diag_edit(d, at, guess, "did you mean '%s'?", guess);
    return false;
}

static Cbind *param_named(Frame *f, Name name, Span at) {
    Cbind *b = frame_cbind(f, name);
    if (b) return b;
    VEC(const char *) near = {0};
    for (int i = 0; i < f->cbinds.n; i++) vec_push(f->check->arena, &near, f->cbinds.at[i].name);
    Diag *d = diag_error(f->check->diags, at, "'%s' has no compile-time parameter '%s'", f->ast->name.text, name);
    const char *guess = diag_nearest(name, near.at, near.n);
    if (guess) diag_help(d, "did you mean '%s'?", guess);
    else if (near.n) diag_help(d, "it has: %s%s", near.at[0], near.n > 1 ? ", ..." : "");
    return NULL;
}

bool check_bind_cargs(Frame *f, Frame *caller, const ACargs *args) {
    bool good = true;
    for (int i = 0; i < f->ast->cparams.n; i++) {
        const ACparam *p = &f->ast->cparams.at[i];
        for (int k = 0; k < i; k++)
            if (f->ast->cparams.at[k].name.text == p->name.text) diag_error(f->check->diags, p->name.span, "the parameter '%s' is declared twice", p->name.text), good = false;
        vec_push(f->check->arena, &f->cbinds, ((Cbind){.name = p->name.text, .kind = p->kind, .type = DT_NONE, .span = p->name.span}));
    }
    for (int i = 0; args && i < args->n; i++) {
        Cbind *b = param_named(f, args->at[i].name.text, args->at[i].name.span);
        if (b && b->bound) diag_error(f->check->diags, args->at[i].name.span, "'%s' is given twice", b->name), good = false;
        good &= b && bind_value(f, caller, b, &args->at[i].value);
    }
    return good;
}

void check_bind_defaults(Frame *f) {
    for (int i = 0; i < f->ast->cparams.n && i < f->cbinds.n; i++) {
        const ACparam *p = &f->ast->cparams.at[i];
        if (!f->cbinds.at[i].bound && p->has_default) bind_value(f, NULL, &f->cbinds.at[i], &p->value);
    }
}

/* -D NAME=VALUE as the value that a call would give. */
bool check_bind_arg(Frame *f, const FrontArg *arg) {
    Check *c = f->check;
    Span at = f->ast->name.span;
    Name name = name_of(c->program->names, arg->name);
    Cbind *b = param_named(f, name, at);
    if (!b) return false;
    ACval v = {.name = {name_of(c->program->names, arg->value), at}};
    char *end;
    errno = 0;
    long long i = strtoll(arg->value, &end, 0);
    if (*arg->value && !*end) {
        if (errno) return diag_error(c->diags, at, "-D %s=%s: the integer is too large", arg->name, arg->value), false;
        v.is_int = true;
        v.i = i;
    }
    return bind_value(f, NULL, b, &v);
}
