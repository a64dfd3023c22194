/* Reads of tensors: rank, order of definition, and the proof that every access is inside. */
#include "dsl/check.h"

/* The tensor of a symbol if it may be read here; NULL after a report, or silently when its definition was at fault. */
static Tensor *readable(Cx *cx, Sym *s, Span at) {
    Check *c = cx->check;
    if (cx->dims_only && !(cx->parameters && s->tensor && s->tensor->role == TR_INPUT && s->tensor->rank == 0)) {
        diag_error(c->diags, at, "%s may use dims and compile-time values only, not the %s '%s'", cx->what, s->tensor && s->tensor->rank ? "tensor" : "scalar", s->name);
        return NULL;
    }
    if (s->bad && s->defs_met >= s->defs) return NULL;
    if (s->defs_met < s->defs || !s->tensor) {
        const Target *here = cx->stmt && cx->stmt->stmt->targets.n ? &cx->stmt->stmt->targets.at[0] : NULL;
        bool own = false;
        for (int i = 0; here && i < cx->stmt->stmt->targets.n; i++) own |= cx->stmt->stmt->targets.at[i].tensor == s->tensor && s->tensor;
        Diag *d;
        if (own || (cx->stmt && cx->stmt->base == s->name)) {
            d = diag_error(c->diags, at, "'%s' is read in its own definition", s->name);
            diag_help(d, "a recurrence is a scan: scan sum[e <= d] ..., or scan reduce c[e <= d] ... with a combinator of your own");
        } else {
            d = diag_error(c->diags, at, s->defs_met ? "'%s' is read before its last definition" : "'%s' is read before it is defined", s->name);
            if (s->span.src) diag_note(d, s->span, "defined here");
        }
        return NULL;
    }
    if (cx->parameters && s->tensor->role != TR_INPUT) {
        diag_error(c->diags, at, "%s may read inputs only: it is made before anything is computed, and '%s' is computed", cx->what, s->name);
        return NULL;
    }
    return s->tensor;
}

static Expr *clamped_value(Cx *cx, Sym *s, Expr *read) {
    if (!s->clamp_lo) return read;
    Arena *a = cx->check->arena;
    Span at = read->span;
    Expr *lo = x_convert(a, read->type, s->clamp_lo, at);
    Expr *last = x_convert(a, read->type, x_op(a, OP_SUB, s->clamp_hi, x_int(a, DT_I64, 1, at), NULL, at), at);
    return x_op(a, OP_MIN, x_op(a, OP_MAX, read, lo, NULL, at), last, NULL, at);
}

static void push_lead(Cx *cx, Sym *s, Expr *read) {
    for (int i = 0; i < s->lead; i++) vec_push(cx->check->arena, &read->args, x_index(cx->check->arena, cx->lead[i], read->span));
}

Expr *check_scalar(Cx *cx, Sym *s, Span at) {
    if (s->tensor && s->tensor->rank - s->lead > 0) {
        if (cx->dims_only) return readable(cx, s, at), NULL;
        Diag *d = diag_error(cx->check->diags, at, "the tensor '%s' needs %d subscript%s here", s->name, s->tensor->rank - s->lead, s->tensor->rank - s->lead == 1 ? "" : "s");
        diag_help(d, "bare names of tensors stand only as arguments of kernel calls");
        return NULL;
    }
    Tensor *t = readable(cx, s, at);
    if (!t || t->type == DT_NONE) return NULL;
    Expr *read = x_read(cx->check->arena, t, at);
    push_lead(cx, s, read);
    return clamped_value(cx, s, read);
}

/* --- bounds ------------------------------------------------------------------------------------------------------------- */

typedef struct Gather { Tensor *tensor; Arena *arena; Affine *affine; } Gather;

static bool find_unranged(void *context, Expr *e) {
    Gather *g = context;
    if (e->kind == X_READ && dtype_is_int(e->type) && !g->tensor) {
        const Interval *known = affine_get_interval(g->affine, e->tensor);
        if (!known || !known->lo.n || !known->hi.n) g->tensor = e->tensor;
    }
    return true;
}

static void explain_gather(Cx *cx, Diag *d, Expr *sub, Expr *extent) {
    Gather g = {.affine = cx->check->affine};
    expr_walk(sub, find_unranged, &g);
    if (!g.tensor) return;
    Out out = out_new(cx->check->arena);
    expr_print(extent, &out);
    if (g.tensor->role == TR_INPUT) {
        diag_note(d, g.tensor->span, "the values of '%s' have no declared range", g.tensor->name);
        diag_help(d, "declare one and what happens outside of it: '%s: ... in 0..%s check' (or clamp, or assume)", g.tensor->name, out.text);
    } else diag_note(d, g.tensor->span, "nothing is known of the values of '%s'", g.tensor->name);
}

static void outside(Cx *cx, const AExpr *e, Tensor *t, int axis, Expr *sub, Expr *extent, bool above, Lin gap) {
    Check *c = cx->check;
    Out bound = out_new(c->arena);
    expr_print(extent, &bound);
    const AExpr *written = e->args.at[axis];
    const char *text = span_text(c->arena, written->span);
    bool never = lin_is_const(gap);
    const char *what = never ? "leaves" : "may leave", *how = never ? "does not hold" : "cannot be proved";
    Diag *d = above ? diag_error(c->diags, written->span, "subscript %d of '%s' %s the tensor: %s < %s %s", axis + 1, e->name.text, what, text, bound.text, how)
                    : diag_error(c->diags, written->span, "subscript %d of '%s' %s the tensor: %s >= 0 %s", axis + 1, e->name.text, what, text, how);
    const char *example = affine_example(c->affine, cx->ctx, gap), *known = affine_known(c->affine, cx->ctx, gap, 6);
    if (example) diag_note(d, written->span, "for example with %s", example);
    if (known && !never) diag_note(d, written->span, "known here: %s", known);
    const char *product = affine_product(c->affine, gap);
    if (product) diag_note(d, written->span, "the product %s is not linear: nothing is known of it", product);
    if (t->span.src) diag_note(d, t->span, "'%s' is declared here", e->name.text);
    explain_gather(cx, d, sub, extent);
    diag_help(d, "write '%s pad 0' for a value outside, '%s clamp' for the nearest element, or state what holds by 'where' or 'check'", span_text(c->arena, e->span), span_text(c->arena, e->span));
}

static bool find_unknown_range(void *context, Expr *e) {
    if (e->kind == X_INDEX && !e->index->lo) *(bool *)context = true;
    return true;
}

/* Its index has no range, which was reported where the index stands. */
static bool has_unknown_range(Expr *e) {
    bool found = false;
    expr_walk(e, find_unknown_range, &found);
    return found;
}

static bool prove_subscript(Cx *cx, const AExpr *e, Tensor *t, int axis, Expr *sub, Expr *extent) {
    Check *c = cx->check;
    bool overflow = false;
    Lin value = affine_of(c->affine, cx->ctx, sub), end = affine_of(c->affine, cx->ctx, extent);
    Lin room = lin_add(c->arena, lin_add(c->arena, end, -1, value, &overflow), 1, lin_const(-1), &overflow);
    bool below = affine_ge0(c->affine, cx->ctx, value);
    bool above = !overflow && affine_ge0(c->affine, cx->ctx, room);
    if (below && above) return true;
    outside(cx, e, t, axis, sub, extent, below, below ? room : value);
    return false;
}

/* For a clamped read: the extent is not empty, or the fact that says so joins those tested at entry, unless nothing is read. */
static void require_not_empty(Cx *cx, Expr *extent, const char *name, Span at) {
    Check *c = cx->check;
    Arena *a = c->arena;
    Expr *zero = x_int(a, DT_I64, 0, at);
    if (affine_lt(c->affine, cx->ctx, zero, extent)) return;
    Expr *cond = x_op(a, OP_GT, extent, zero, NULL, at);
    for (const Ctx *x = cx->ctx; x; x = x->up)
        if (x->kind == CTX_INDEX && x->index->lo && x->index->hi && affine_dims_only(x->index->lo) && affine_dims_only(x->index->hi))
            cond = x_op(a, OP_OR, x_op(a, OP_LE, x->index->hi, x->index->lo, NULL, at), cond, NULL, at);
    check_add_fact(c, FACT_CLAMP, NULL, 0, cond, arena_printf(a, "the extent %s of '%s', which is read with clamp, is not 0", check_expr_text(c, extent), name), at);
}

static Expr *check_pad(Cx *cx, const AExpr *e, Tensor *t) {
    Expr *pad = check_expr(cx, e->pad, t->type);
    return check_store(cx, pad, t->type, e->pad->span, arena_printf(cx->check->arena, "the pad of '%s'", e->name.text));
}

static Sym *access_sym(Cx *cx, const AExpr *e) {
    Check *c = cx->check;
    for (const Env *env = cx->env; env && !env->fence; env = env->up)
        if (env->name == e->name.text) {
            diag_error(c->diags, e->name.span, "'%s' is %s and takes no subscripts", e->name.text, env->index ? "an index" : "a single value");
            return NULL;
        }
    Sym *s = cx->frame ? frame_sym(cx->frame, e->name.text) : NULL;
    if (s && s->kind == SYM_TENSOR) return s;
    if (s || (cx->frame && frame_cbind(cx->frame, e->name.text))) {
        diag_error(c->diags, e->name.span, "'%s' is %s and takes no subscripts", e->name.text, s ? "a dim" : "a compile-time parameter");
        return NULL;
    }
    VEC(const char *) near = {0};
    for (int i = 0; cx->frame && i < cx->frame->syms.n; i++)
        if (cx->frame->syms.at[i]->kind == SYM_TENSOR) vec_push(c->arena, &near, cx->frame->syms.at[i]->name);
    Diag *d = diag_error(c->diags, e->name.span, cx->frame ? "there is no tensor '%s'" : "'%s[...]': functions and combinators see no tensors", e->name.text);
    const char *guess = diag_nearest(e->name.text, near.at, near.n);
    if (guess) diag_edit(d, e->name.span, guess, "did you mean '%s'?", guess);
    return NULL;
}

Expr *check_access(Cx *cx, const AExpr *e, DType want) {
    (void)want;
    Sym *s = access_sym(cx, e);
    Cx inner = *cx;
    inner.subscript = true;
    Exprs subs = {0};
    bool good = true;
    for (int i = 0; i < e->args.n; i++) {
        Expr *sub = s ? check_i64(&inner, e->args.at[i]) : NULL;
        good &= sub != NULL;
        vec_push(cx->check->arena, &subs, sub);
    }
    Tensor *t = s ? readable(cx, s, e->name.span) : NULL;
    if (!t) return NULL;
    int rank = t->rank - s->lead;
    if (e->args.n != rank) {
        Diag *d = diag_error(cx->check->diags, e->span, "'%s' has %d dimension%s, %d subscript%s given", e->name.text, rank, rank == 1 ? "" : "s", e->args.n, e->args.n == 1 ? "" : "s");
        if (t->span.src) diag_note(d, t->span, "'%s' is declared here", e->name.text);
        return NULL;
    }
    if (!good || t->type == DT_NONE) return NULL;
    Expr *read = x_read(cx->check->arena, t, e->span);
    push_lead(cx, s, read);
    for (int i = 0; i < subs.n; i++) {
        Expr *extent = t->shape[s->lead + i];
        vec_push(cx->check->arena, &read->args, subs.at[i]);
        if (e->clamp) require_not_empty(cx, extent, t->name, e->span);
        else if (has_unknown_range(subs.at[i])) good = false;
        else if (!e->pad && good) good = prove_subscript(cx, e, t, i, subs.at[i], extent);
    }
    read->mode = e->pad ? READ_PAD : e->clamp ? READ_CLAMP : READ_PLAIN;
    if (e->pad && !(read->pad = check_pad(cx, e, t))) return NULL;
    return good ? clamped_value(cx, s, read) : NULL;
}
