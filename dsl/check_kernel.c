/* A kernel: signature, facts, body. */
#include "dsl/check.h"
#include <stdlib.h>

const char *span_text(Arena *a, Span s) {
    if (!s.src || s.hi < s.lo) return "";
    char *text = arena_strndup(a, s.src->text + s.lo, s.hi - s.lo);
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\t' || *p == '\r') *p = ' ';
    if (strlen(text) > 120) memcpy(text + 117, "...", 4);
    return text;
}

const char *check_expr_text(Check *c, Expr *e) {
    Out out = out_new(c->arena);
    expr_print(expr_without_widening(c->arena, e), &out);
    return out.text;
}

Sym *frame_sym(const Frame *f, Name name) {
    for (int i = 0; i < f->syms.n; i++)
        if (f->syms.at[i]->name == name) return f->syms.at[i];
    return NULL;
}

Sym *frame_add_tensor(Frame *f, Name name, Span at) {
    Sym *s = NEW(f->check->arena, Sym);
    *s = (Sym){.name = name, .kind = SYM_TENSOR, .span = at};
    vec_push(f->check->arena, &f->syms, s);
    return s;
}

Tensor *check_new_tensor(Check *c, Name name, TensorRole role, DType type, Span at) {
    Tensor *t = NEW(c->arena, Tensor);
    *t = (Tensor){.name = name, .id = c->kernel->tensors.n, .role = role, .type = type, .span = at};
    vec_push(c->arena, &c->kernel->tensors, t);
    return t;
}

void check_add_fact(Check *c, FactKind kind, Index **idx, int n, Expr *cond, const char *text, Span at) {
    bool emitted = kind != FACT_ASSUME;
    int number = 0;
    for (int i = 0; i < c->kernel->facts.n; i++) {
        Fact *f = &c->kernel->facts.at[i];
        if (f->number > number) number = f->number;
        if (!n && !f->idx.n && f->kind == kind && expr_equal(f->cond, cond)) return;
    }
    Fact fact = {.kind = kind, .number = emitted ? number + 1 : 0, .cond = cond, .text = text, .span = at};
    for (int i = 0; i < n; i++) vec_push(c->arena, &fact.idx, idx[i]);
    vec_push(c->arena, &c->kernel->facts, fact);
}

/* --- signature ---------------------------------------------------------------------------------------------------------- */

static bool may_name(Frame *f, AName name) {
    Sym *s = frame_sym(f, name.text);
    Cbind *b = frame_cbind(f, name.text);
    const char *reserved = dtype_by_name(name.text) != DT_NONE ? "a type" : op_by_name(name.text) != OP_COUNT ? "a built-in function" : NULL;
    if (reserved) {
        diag_error(f->check->diags, name.span, "'%s' is %s and cannot name a tensor, a dim or an index", name.text, reserved);
        return false;
    }
    if (!s && !b) return true;
    Diag *d = diag_error(f->check->diags, name.span, "'%s' is declared twice", name.text);
    Span other = s ? s->span : b->span;
    if (other.src) diag_note(d, other, s && s->kind == SYM_DIM ? "here it is a dim" : b ? "here it is a compile-time parameter" : "the other declaration");
    return false;
}

/* Adds the names in a shape that are no parameters as dims, in order of appearance. */
static void find_dims(Frame *f, const AExpr *e) {
    Arena *a = f->check->arena;
    if (e->kind == A_NAME && !frame_sym(f, e->name.text) && !frame_cbind(f, e->name.text)) {
        may_name(f, e->name);
        Sym *s = NEW(a, Sym);
        *s = (Sym){.name = e->name.text, .kind = SYM_DIM, .span = e->span};
        vec_push(a, &f->syms, s);
    }
    for (int i = 0; i < e->args.n; i++) find_dims(f, e->args.at[i]);
}

void check_signature_dims(Frame *f) {
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < (side ? f->ast->outputs.n : f->ast->inputs.n); i++) {
            const AParam *p = side ? &f->ast->outputs.at[i] : &f->ast->inputs.at[i];
            for (int k = 0; k < p->shape.n; k++) find_dims(f, p->shape.at[k]);
        }
}

static Expr *check_dims_expr(Frame *f, const AExpr *e, const char *what) {
    Cx cx = {.frame = f, .check = f->check, .dims_only = true, .what = what};
    return check_i64(&cx, e);
}

static bool shape_is_plain(const AExpr *e) {
    if (e->kind == A_REDUCE || e->kind == A_SCAN || e->kind == A_CALL) return false;
    for (int i = 0; i < e->args.n; i++)
        if (!shape_is_plain(e->args.at[i])) return false;
    return true;
}

Expr *check_shape_expr(Frame *f, const AExpr *e) {
    if (!shape_is_plain(e) && !(e->kind == A_CALL && e->name.text && op_by_name(e->name.text) != OP_COUNT)) {
        diag_error(f->check->diags, e->span, "a shape is an expression over dims and compile-time integers");
        return NULL;
    }
    return check_dims_expr(f, e, "a shape");
}

enum { RANK_MAX = 8 };

static Tensor *declare(Frame *f, const AParam *p, TensorRole role) {
    Check *c = f->check;
    DType type = check_dtype(f, p->dtype, c);
    bool fine = may_name(f, p->name);
    Tensor *t = check_new_tensor(c, p->name.text, role, type, p->name.span);
    bool good = type != DT_NONE && p->shape.n <= RANK_MAX;
    if (p->shape.n > RANK_MAX) diag_error(c->diags, p->span, "'%s' has more than %d dimensions", p->name.text, RANK_MAX);
    t->rank = p->shape.n <= RANK_MAX ? p->shape.n : RANK_MAX;
    t->shape = NEW_ARRAY(c->arena, Expr *, t->rank + 1);
    for (int i = 0; i < t->rank; i++) {
        t->shape[i] = check_shape_expr(f, p->shape.at[i]);
        good &= t->shape[i] != NULL;
        if (!t->shape[i]) t->shape[i] = x_int(c->arena, DT_I64, 0, p->shape.at[i]->span);
    }
    if (!fine) return t;
    Sym *s = frame_add_tensor(f, p->name.text, p->name.span);
    s->tensor = t;
    s->is_output = role == TR_OUTPUT;
    s->bad = !good;
    return t;
}


static void check_extents(Check *c, Tensor *t) {
    for (int i = 0; i < t->rank; i++) {
        Expr *zero = x_int(c->arena, DT_I64, 0, t->shape[i]->span);
        Expr *cond = x_op(c->arena, OP_GE, t->shape[i], zero, NULL, t->shape[i]->span);
        if (affine_true(c->affine, NULL, cond)) continue;
        if (affine_false(c->affine, NULL, cond)) {
            diag_error(c->diags, t->shape[i]->span, "the extent of dimension %d of '%s' is negative", i + 1, t->name);
            continue;
        }
        Out text = out_new(c->arena);
        expr_print(t->shape[i], &text);
        check_add_fact(c, FACT_EXTENT, NULL, 0, cond, arena_printf(c->arena, "the extent %s of '%s' is not negative", text.text, t->name), t->shape[i]->span);
        affine_assume(c->affine, cond);
    }
}

static void check_default(Frame *f, const AParam *p, Tensor *t) {
    if (!p->value || t->type == DT_NONE) return;
    if (t->rank) {
        diag_error(f->check->diags, p->value->span, "a default is for scalars, '%s' is a tensor", p->name.text);
        return;
    }
    Env fence = {.fence = true};
    Cx cx = {.check = f->check, .env = &fence};
    t->value = check_store(&cx, check_expr(&cx, p->value, t->type), t->type, p->value->span, arena_printf(f->check->arena, "'%s'", p->name.text));
}

/* --- declared ranges of integer inputs ---------------------------------------------------------------------------------- */

/* lo <= t[...] < hi for all elements, as a condition over fresh indices. */
static Expr *range_condition(Check *c, Tensor *t, Expr *lo, Expr *hi, Index **idx, Span at) {
    Arena *a = c->arena;
    Expr *read = x_read(a, t, at);
    for (int i = 0; i < t->rank; i++) {
        Name name = name_of(c->program->names, arena_printf(a, "i%d", i));
        idx[i] = check_new_index(c, name, x_int(a, DT_I64, 0, at), t->shape[i], at);
        vec_push(a, &read->args, x_index(a, idx[i], at));
    }
    Expr *value = x_convert(a, DT_I64, read, at);
    return x_op(a, OP_AND, x_op(a, OP_LE, lo, value, NULL, at), x_op(a, OP_LT, value, hi, NULL, at), NULL, at);
}

static void know_range(Check *c, Tensor *t, Expr *lo, Expr *hi) {
    bool overflow = false;
    Interval bounds = {0};
    const Interval *old = affine_get_interval(c->affine, t);
    if (old) bounds = *old;
    vec_push(c->arena, &bounds.lo, affine_of(c->affine, NULL, lo));
    vec_push(c->arena, &bounds.hi, lin_add(c->arena, affine_of(c->affine, NULL, hi), 1, lin_const(-1), &overflow));
    if (!overflow) affine_set_interval(c->affine, t, &bounds);
}

/* Arithmetic on values of a 32-bit input is exact in the prover's eyes only if the range's end fits the type; that is tested at
 * entry, where it costs nothing. */
static void require_end_fits(Check *c, Tensor *t, Expr *hi, const char *text, Span at) {
    if (t->type != DT_I32 || hi->kind == X_LIT) return;
    Expr *cond = x_op(c->arena, OP_LE, hi, x_int(c->arena, DT_I64, dtype_table[t->type].max, at), NULL, at);
    check_add_fact(c, FACT_RANGE, NULL, 0, cond, arena_printf(c->arena, "the end of '%s' fits %s", text, dtype_name(t->type)), at);
    affine_assume(c->affine, cond);
}

static void require_nonempty_range(Check *c, Tensor *t, Expr *lo, Expr *hi, const char *text, Span at) {
    Expr *cond = x_op(c->arena, OP_LT, lo, hi, NULL, at);
    if (affine_true(c->affine, NULL, cond)) return;
    for (int i = 0; i < t->rank; i++)
        cond = x_op(c->arena, OP_OR, x_op(c->arena, OP_LE, t->shape[i], x_int(c->arena, DT_I64, 0, at), NULL, at), cond, NULL, at);
    check_add_fact(c, FACT_CLAMP, NULL, 0, cond, arena_printf(c->arena, "the range of '%s', which clamps, is not empty", text), at);
}

/* In an inlined call the argument may have a range already, or be computed. */
static bool argument_in_range(Frame *f, Sym *s, Expr *lo, Expr *hi, const AParam *p) {
    Check *c = f->check;
    Index **idx = NEW_ARRAY(c->arena, Index *, s->tensor->rank + 1);
    Expr *cond = range_condition(c, s->tensor, lo, hi, idx, p->lo->span);
    Ctx *chain = NEW_ARRAY(c->arena, Ctx, s->tensor->rank + 1);
    const Ctx *ctx = NULL;
    for (int i = 0; i < s->tensor->rank; i++) {
        chain[i] = (Ctx){.up = ctx, .kind = CTX_INDEX, .index = idx[i]};
        ctx = &chain[i];
    }
    if (affine_true(c->affine, ctx, cond)) return true;
    if (s->tensor->role == TR_INPUT) return false;
    Diag *d = diag_error(c->diags, f->call, "the argument '%s' of '%s' is computed, and that it lies in the declared range cannot be proved", p->name.text, f->ast->name.text);
    diag_note(d, p->lo->span, "the range: a check is made before anything is computed");
    know_range(c, s->tensor, lo, hi);     /* one fault, one message */
    return true;
}

void check_declared_range(Frame *f, const AParam *p, Sym *s) {
    if (!p->lo || !s || s->bad) return;
    Check *c = f->check;
    Tensor *t = s->tensor;
    Span at = span_join(p->lo->span, p->hi->span);
    Expr *lo = check_dims_expr(f, p->lo, "a declared range"), *hi = check_dims_expr(f, p->hi, "a declared range");
    if (!lo || !hi) return;
    if (!dtype_is_int(t->type)) {
        diag_error(c->diags, at, "a declared range is for integers, '%s' is %s", p->name.text, dtype_name(t->type));
        return;
    }
    static const Policy policy[] = {[AP_NONE] = POLICY_CHECK, [AP_CHECK] = POLICY_CHECK, [AP_CLAMP] = POLICY_CLAMP, [AP_ASSUME] = POLICY_ASSUME};
    Policy how = policy[p->policy];
    const char *text = arena_printf(c->arena, "%s in %s", p->name.text, span_text(c->arena, at));
    if (f->caller && how != POLICY_CLAMP && argument_in_range(f, s, lo, hi, p)) {
        if (t->role == TR_TEMP || affine_get_interval(c->affine, t)) return;
    }
    if (f->caller && how == POLICY_CLAMP) s->clamp_lo = lo, s->clamp_hi = hi;
    if (!f->caller) t->lo = lo, t->hi = hi, t->policy = how;
    require_end_fits(c, t, hi, text, at);
    if (how == POLICY_CLAMP) require_nonempty_range(c, t, lo, hi, text, at);
    if (how != POLICY_CLAMP) {
        Index **idx = NEW_ARRAY(c->arena, Index *, t->rank + 1);
        Expr *cond = range_condition(c, t, lo, hi, idx, at);
        check_add_fact(c, FACT_RANGE, idx, t->rank, cond, text, at);
        if (how == POLICY_ASSUME) c->kernel->facts.at[c->kernel->facts.n - 1].number = 0;
    }
    if (!(f->caller && how == POLICY_CLAMP)) know_range(c, t, lo, hi);
}

/* --- facts and body ----------------------------------------------------------------------------------------------------- */

/* `alone`: whether it can hold beside the facts so far is asked here. */
static bool check_fact(Frame *f, const AExpr *e, bool alone) {
    Check *c = f->check;
    Cx cx = {.frame = f, .check = c, .dims_only = true, .parameters = true, .what = "a 'where' fact"};
    Expr *cond = check_bool(&cx, e, "a 'where' fact");
    if (!cond) return false;
    if (alone && affine_false(c->affine, NULL, cond)) {
        Diag *d = diag_error(c->diags, f->caller ? f->call : e->span, "this fact can never hold: %s", span_text(c->arena, e->span));
        if (f->caller) diag_note(d, e->span, "asked for here");
        return false;
    }
    if (f->caller && affine_true(c->affine, NULL, cond)) return true;
    check_add_fact(c, FACT_WHERE, NULL, 0, cond, check_expr_text(c, cond), e->span);
    affine_assume(c->affine, cond);
    return true;
}

enum { FACTS_ALONE = 64 };

/* Whether a fact can hold is asked of the first ones one by one, of more of as many at a time as were before: a question takes time by
 * the number of facts. Those that contradict are looked at one by one again. False: a call asks for what can't hold. */
static bool check_facts(Frame *f) {
    Check *c = f->check;
    int n = f->ast->facts.n, first = f->caller || n < FACTS_ALONE ? n : FACTS_ALONE;
    for (int i = 0; i < first; i++)
        if (!check_fact(f, f->ast->facts.at[i], true) && f->caller) return false;
    for (int i = first, end; i < n; i = end) {
        int mark = affine_mark(c->affine);
        end = n - i < i ? n : 2 * i;
        for (int k = i; k < end; k++) check_fact(f, f->ast->facts.at[k], false);
        if (!affine_unreachable(c->affine, NULL)) continue;
        affine_forget(c->affine, mark);
        for (int k = i; k < end; k++) check_fact(f, f->ast->facts.at[k], true);
    }
    return true;
}

bool check_mentions_lead(Frame *f, const AExpr *e) {
    Sym *s = (e->kind == A_NAME || e->kind == A_ACCESS) ? frame_sym(f, e->name.text) : NULL;
    if (s && s->lead) return true;
    for (int i = 0; i < e->args.n; i++)
        if (check_mentions_lead(f, e->args.at[i])) return true;
    for (int i = 0; i < e->iters.n; i++)
        if (e->iters.at[i].lo && (check_mentions_lead(f, e->iters.at[i].lo) || check_mentions_lead(f, e->iters.at[i].hi))) return true;
    return (e->pred && check_mentions_lead(f, e->pred)) || (e->pad && check_mentions_lead(f, e->pad));
}

/* Which temporaries of an inlined call vary over its leading dims. */
static void spread_lead(Frame *f) {
    for (bool changed = f->lead.n > 0; changed;) {
        changed = false;
        for (int i = 0; i < f->ast->body.n; i++) {
            const AStmt *s = &f->ast->body.at[i];
            bool lead = s->kind == AS_DEF && check_mentions_lead(f, s->value);
            for (int k = 0; k < s->targets.n; k++) {
                Sym *t = frame_sym(f, s->targets.at[k].name.text);
                lead |= t && t->lead;
            }
            for (int k = 0; lead && k < s->targets.n; k++) {
                Sym *t = frame_sym(f, s->targets.at[k].name.text);
                if (!t || t->kind != SYM_TENSOR || t->lead) continue;
                t->lead = f->lead.n;
                changed = true;
            }
        }
    }
}

static void count_definition(Frame *f, const ATarget *t) {
    Check *c = f->check;
    Sym *s = frame_sym(f, t->name.text);
    if (!s && !may_name(f, t->name)) return;
    if (!s) {
        s = frame_add_tensor(f, t->name.text, t->name.span);
        s->defs = 1;
        return;
    }
    if (s->kind == SYM_DIM) {
        Diag *d = diag_error(c->diags, t->name.span, "'%s' is a dim and cannot be defined", s->name);
        if (s->span.src) diag_note(d, s->span, "it stands in the shape here");
    } else if (s->tensor && !s->is_output) {
        Diag *d = diag_error(c->diags, t->name.span, "'%s' is an input and cannot be defined", s->name);
        diag_note(d, s->span, "it is declared here");
    } else s->defs++;
}

static bool defines_input(Frame *f, const AStmt *s) {
    for (int i = 0; i < s->targets.n; i++) {
        Sym *t = frame_sym(f, s->targets.at[i].name.text);
        if (!t || t->kind == SYM_DIM || (t->tensor && !t->is_output && t->tensor->role == TR_INPUT && !t->defs)) return true;
    }
    return false;
}

void check_body(Frame *f) {
    Check *c = f->check;
    if (!check_facts(f)) return;
    for (int i = 0; i < f->ast->inputs.n; i++) {
        Sym *s = frame_sym(f, f->ast->inputs.at[i].name.text);
        if (s && s->kind == SYM_TENSOR && s->tensor) check_declared_range(f, &f->ast->inputs.at[i], s);
    }
    for (int i = 0; i < f->ast->body.n; i++)
        for (int k = 0; k < f->ast->body.at[i].targets.n; k++) count_definition(f, &f->ast->body.at[i].targets.at[k]);
    spread_lead(f);
    for (int i = 0; i < f->ast->body.n; i++)
        if (!defines_input(f, &f->ast->body.at[i])) check_stmt(f, &f->ast->body.at[i]);
    for (int i = 0; i < f->ast->outputs.n; i++) {
        const AParam *p = &f->ast->outputs.at[i];
        Sym *s = frame_sym(f, p->name.text);
        if (s && s->is_output && !s->defs) diag_error(c->diags, p->span, "the output '%s' is never defined", p->name.text);
    }
}

/* --- the outermost kernel ----------------------------------------------------------------------------------------------- */

static void bind_top_dims(Frame *f) {
    Check *c = f->check;
    Arena *a = c->arena;
    for (int i = 0; i < f->syms.n; i++) {
        Sym *s = f->syms.at[i];
        Dim *d = NEW(a, Dim);
        *d = (Dim){s->name, c->kernel->dims.n, s->span};
        vec_push(a, &c->kernel->dims, d);
        s->dim = x_dim(a, d, s->span);
        Expr *lo = x_op(a, OP_GE, s->dim, x_int(a, DT_I64, 0, s->span), NULL, s->span);
        Expr *hi = x_op(a, OP_LE, s->dim, x_int(a, DT_I64, KERNEL_DIM_MAX, s->span), NULL, s->span);
        Expr *cond = x_op(a, OP_AND, lo, hi, NULL, s->span);
        check_add_fact(c, FACT_DIM, NULL, 0, cond, arena_printf(a, "%s is in 0 .. 2^48", s->name), s->span);
    }
}

static void declare_params(Frame *f) {
    Check *c = f->check;
    for (int i = 0; i < f->ast->inputs.n; i++) {
        const AParam *p = &f->ast->inputs.at[i];
        Tensor *t = declare(f, p, TR_INPUT);
        vec_push(c->arena, &c->kernel->params, t);
        check_default(f, p, t);
        check_extents(c, t);
    }
    for (int i = 0; i < f->ast->outputs.n; i++) {
        const AParam *p = &f->ast->outputs.at[i];
        Tensor *t = declare(f, p, TR_OUTPUT);
        vec_push(c->arena, &c->kernel->outputs, t);
        if (p->value) diag_error(c->diags, p->value->span, "an output has no default");
        if (p->lo) diag_error(c->diags, p->lo->span, "a declared range is for inputs");
        check_extents(c, t);
    }
}

/* The names of tensors and dims, sorted by address. */
typedef struct Taken { Check *check; Name *at; int n; } Taken;

static int compare_names(const void *x, const void *y) {
    Name a = *(const Name *)x, b = *(const Name *)y;
    return (a > b) - (a < b);
}

/* After inlining, an index may have the name of a tensor or dim of the outermost kernel: the Kernel's text needs others. */
static void rename_index(const Taken *taken, Index *index) {
    Check *c = taken->check;
    for (int round = 0; bsearch(&index->name, taken->at, (size_t)taken->n, sizeof *taken->at, compare_names); round++)
        index->name = name_of(c->program->names, arena_printf(c->arena, "%s_%d", index->name, round));
}

static bool rename_in(void *context, Expr *e) {
    if (e->kind == X_INDEX) rename_index(context, e->index);
    if (e->kind == X_REDUCE)
        for (int i = 0; i < e->reduce->idx.n; i++) rename_index(context, e->reduce->idx.at[i]);
    return true;
}

static void rename_indices(Check *c) {
    Kernel *k = c->kernel;
    Taken taken = {c, NEW_ARRAY(c->arena, Name, k->tensors.n + k->dims.n + 1), 0};
    for (int i = 0; i < k->tensors.n; i++) taken.at[taken.n++] = k->tensors.at[i]->name;
    for (int i = 0; i < k->dims.n; i++) taken.at[taken.n++] = k->dims.at[i]->name;
    qsort(taken.at, (size_t)taken.n, sizeof *taken.at, compare_names);
    for (int i = 0; i < k->stmts.n; i++) {
        Stmt *s = k->stmts.at[i];
        for (int j = 0; j < s->idx.n; j++) rename_index(&taken, s->idx.at[j]);
        expr_walk(s->value, rename_in, &taken);
    }
    for (int i = 0; i < k->facts.n; i++)
        for (int j = 0; j < k->facts.at[i].idx.n; j++) rename_index(&taken, k->facts.at[i].idx.at[j]);
}

/* Facts in the order of their kinds, which is the order in which they are tested and numbered: what an inlined call asks stands
 * with the signature's own, as it does when the Kernel's text is read back. */
static void order_facts(Check *c) {
    Fact *at = c->kernel->facts.at;
    for (int i = 1; i < c->kernel->facts.n; i++)
        for (int k = i; k > 0 && at[k].kind < at[k - 1].kind; k--) {
            Fact t = at[k];
            at[k] = at[k - 1];
            at[k - 1] = t;
        }
    for (int i = 0, number = 0; i < c->kernel->facts.n; i++)
        if (at[i].number) at[i].number = ++number;
}

static bool cparams_bound(Frame *f, bool report) {
    bool good = true;
    for (int i = 0; i < f->cbinds.n; i++) {
        if (f->cbinds.at[i].bound) continue;
        good = false;
        if (!report) continue;
        Diag *d = diag_error(f->check->diags, f->cbinds.at[i].span, "the compile-time parameter '%s' of '%s' has no value", f->cbinds.at[i].name, f->ast->name.text);
        diag_help(d, "give it a default, or a value on the command line: -D %s=...", f->cbinds.at[i].name);
    }
    return good;
}

Kernel *check_kernel(Program *p, const AKernel *k, const FrontArg *args, int n_args) {
    Check *c = NEW(p->arena, Check);
    *c = (Check){.program = p, .arena = p->arena, .diags = p->diags, .kernel = NEW(p->arena, Kernel), .affine = affine_new(p->arena)};
    c->kernel->name = k->name.text;
    c->kernel->span = k->span;
    Frame *f = NEW(p->arena, Frame);
    *f = (Frame){.check = c, .ast = k, .prefix = ""};
    vec_push(c->arena, &c->active, k);
    int errors = diag_errors(p->diags);
    check_bind_cargs(f, NULL, NULL);
    for (int i = 0; i < n_args; i++) check_bind_arg(f, &args[i]);
    check_bind_defaults(f);
    bool chosen = args != NULL;
    if (!cparams_bound(f, chosen && diag_errors(p->diags) == errors)) return NULL;
    check_signature_dims(f);
    bind_top_dims(f);
    declare_params(f);
    if (!k->outputs.n) diag_error(c->diags, k->name.span, "the kernel '%s' has no output", k->name.text);
    check_body(f);
    if (diag_errors(p->diags) != errors) return NULL;
    rename_indices(c);
    check_fits(c);
    order_facts(c);
    return c->kernel;
}

static const AKernel *choose(Program *p, const FrontOptions *options) {
    const AFile *main = p->files.at[0];
    if (!options->kernel) {
        if (main->kernels.n) return main->kernels.at[main->kernels.n - 1];
        diag_error(p->diags, (Span){main->source, 0, 0}, "the file holds no kernel");
        return NULL;
    }
    VEC(const char *) near = {0};
    for (int i = 0; i < main->kernels.n; i++) {
        if (!strcmp(main->kernels.at[i]->name.text, options->kernel)) return main->kernels.at[i];
        vec_push(p->arena, &near, main->kernels.at[i]->name.text);
    }
    Diag *d = diag_error(p->diags, (Span){main->source, 0, 0}, "the file holds no kernel '%s'", options->kernel);
    const char *guess = diag_nearest(options->kernel, near.at, near.n);
    if (guess) diag_help(d, "did you mean '%s'?", guess);
    return NULL;
}

Kernel *front_kernel(Program *p, const FrontOptions *options) {
    static const FrontArg none;
    if (diag_errors(p->diags)) return NULL;
    const AKernel *chosen = choose(p, options);
    const AFile *main = p->files.at[0];
    for (int i = 0; i < main->kernels.n; i++)
        if (main->kernels.at[i] != chosen) check_kernel(p, main->kernels.at[i], NULL, 0);
    check_other(p);
    Kernel *k = chosen ? check_kernel(p, chosen, options->args ? options->args : &none, options->n_args) : NULL;
    if (chosen && !k && !diag_errors(p->diags)) diag_error(p->diags, chosen->name.span, "'%s' could not be checked", chosen->name.text);
    return diag_errors(p->diags) ? NULL : k;
}
