/* Calls of kernels, put in place: the callee's dims become expressions over the caller's, its tensors the caller's tensors or
 * temporaries named after the target, and extra leading dims of the arguments go in front of everything that varies over them. */
#include "dsl/check.h"

static Sym *bare_tensor(Cx *cx, const AExpr *e) {
    if (e->kind != A_NAME || !cx->frame) return NULL;
    for (const Env *env = cx->env; env && !env->fence; env = env->up)
        if (env->name == e->name.text) return NULL;
    Sym *s = frame_sym(cx->frame, e->name.text);
    return s && s->kind == SYM_TENSOR && (!s->tensor || s->tensor->rank - s->lead > 0) ? s : NULL;
}

const Def *check_kernel_callee(Cx *cx, const AExpr *e) {
    if (e->kind != A_CALL || !e->name.text) return NULL;
    const Def *d = program_find(cx->check->program, e->name.text, true);
    if (!d) return NULL;
    for (int i = 0; i < e->args.n; i++)
        if (bare_tensor(cx, e->args.at[i]) || (e->args.at[i]->kind == A_CALL && check_kernel_callee(cx, e->args.at[i]))) return d;
    return NULL;
}

typedef struct Inline {
    Cx *cx;                 /* of the caller */
    Frame *caller, *frame;
    const AExpr *call;
    const AKernel *callee;
    const AExpr **arg;      /* beside callee->inputs; NULL: the default */
    Sym **given;            /* beside callee->inputs: the caller's tensor */
    const char *prefix;
} Inline;

static Diag *call_error(Inline *in, Span at, const char *text) {
    Diag *d = diag_error(in->frame->check->diags, at, "%s", text);
    diag_note(d, in->callee->name.span, "'%s' is defined here", in->callee->name.text);
    return d;
}

/* --- arguments ---------------------------------------------------------------------------------------------------------- */

static bool order_arguments(Inline *in) {
    Arena *a = in->frame->check->arena;
    int next = 0;
    bool good = true;
    for (int i = 0; i < in->call->args.n; i++) {
        Name name = i < in->call->arg_names.n ? in->call->arg_names.at[i].text : NULL;
        int k = name ? -1 : next++;
        for (int p = 0; name && p < in->callee->inputs.n; p++)
            if (in->callee->inputs.at[p].name.text == name) k = p;
        Span at = in->call->args.at[i]->span;
        if (k < 0) call_error(in, in->call->arg_names.at[i].span, arena_printf(a, "'%s' has no parameter '%s'", in->callee->name.text, name)), good = false;
        else if (k >= in->callee->inputs.n) return call_error(in, at, arena_printf(a, "'%s' takes %d arguments, %d given", in->callee->name.text, in->callee->inputs.n, in->call->args.n)), false;
        else if (in->arg[k]) call_error(in, at, arena_printf(a, "the parameter '%s' is given twice", in->callee->inputs.at[k].name.text)), good = false;
        else in->arg[k] = in->call->args.at[i];
    }
    for (int i = 0; good && i < in->callee->inputs.n; i++)
        if (!in->arg[i] && !in->callee->inputs.at[i].value) {
            call_error(in, in->call->span, arena_printf(a, "the call of '%s' lacks the argument '%s'", in->callee->name.text, in->callee->inputs.at[i].name.text));
            good = false;
        }
    return good;
}

/* A statement  NAME = value  in the caller, for an argument that is no bare tensor. */
static Sym *define_argument(Inline *in, const AParam *p, const AExpr *value) {
    Check *c = in->frame->check;
    Frame *f = in->caller;
    AStmt *s = NEW(c->arena, AStmt);
    ATarget t = {.span = value->span, .name = {name_of(c->program->names, arena_printf(c->arena, "%s%s", in->prefix + strlen(f->prefix), p->name.text)), value->span}};
    *s = (AStmt){.kind = AS_DEF, .span = value->span, .value = (AExpr *)value};
    vec_push(c->arena, &s->targets, t);
    Sym *sym = frame_add_tensor(f, t.name.text, value->span);
    sym->defs = 1;
    sym->lead = check_mentions_lead(f, value) ? f->lead.n : 0;
    const Def *nested = check_kernel_callee(in->cx, value);
    if (nested) check_inline(in->cx, s, value, nested);
    else {
        if (!p->shape.n && dtype_by_name(p->dtype.text) != DT_NONE) s->dtype = p->dtype;
        check_stmt(f, s);
    }
    return sym->tensor && !sym->bad ? sym : NULL;
}

static bool scalar_argument(Inline *in, int i) {
    const AParam *p = &in->callee->inputs.at[i];
    const AExpr *e = in->arg[i] ? in->arg[i] : p->value;
    Check *c = in->frame->check;
    Sym *s = e->kind == A_NAME && in->arg[i] ? frame_sym(in->caller, e->name.text) : NULL;
    bool plain = s && s->kind == SYM_TENSOR && s->tensor && s->tensor->rank == s->lead && s->defs_met >= s->defs;
    if (s && s->kind == SYM_TENSOR && !plain) {
        call_error(in, e->span, arena_printf(c->arena, "the parameter '%s' is a scalar, '%s' is a tensor", p->name.text, s->name));
        return false;
    }
    in->given[i] = plain ? s : define_argument(in, p, e);
    return in->given[i] != NULL;
}

static bool tensor_argument(Inline *in, int i) {
    const AParam *p = &in->callee->inputs.at[i];
    const AExpr *e = in->arg[i];
    Check *c = in->frame->check;
    Sym *s = e ? bare_tensor(in->cx, e) : NULL;
    if (!s && e && e->kind == A_CALL && check_kernel_callee(in->cx, e)) s = define_argument(in, p, e);
    else if (!s && e) {
        Diag *d = call_error(in, e->span, arena_printf(c->arena, "the argument '%s' of '%s' must be a tensor by its bare name, or a kernel call", p->name.text, in->callee->name.text));
        diag_help(d, "define it first: t[...] = ..., then pass t");
        return false;
    }
    if (!s) return false;
    if (s->defs_met < s->defs || !s->tensor) {
        diag_error(c->diags, e->span, "'%s' is read before %s", s->name, s->defs_met ? "its last definition" : "it is defined");
        return false;
    }
    if (s->bad || s->tensor->type == DT_NONE) return false;
    int extra = s->tensor->rank - p->shape.n;
    if (extra < 0) {
        call_error(in, e->span, arena_printf(c->arena, "the argument '%s' of '%s' has %d dimension%s, %d given", p->name.text, in->callee->name.text, p->shape.n, p->shape.n == 1 ? "" : "s", s->tensor->rank - s->lead));
        return false;
    }
    in->given[i] = s;
    return true;
}

/* Type parameters not given are those of the first argument declared with them. */
static void infer_types(Inline *in) {
    for (int i = 0; i < in->callee->inputs.n; i++) {
        Cbind *b = in->callee->inputs.at[i].dtype.text ? frame_cbind(in->frame, in->callee->inputs.at[i].dtype.text) : NULL;
        if (!b || b->bound || b->kind != ACK_TYPE || !in->given[i]) continue;
        b->type = in->given[i]->tensor->type;
        b->bound = true;
    }
}

static bool stores_as(DType from, DType to) {
    if (dtype_is_float(from)) return dtype_is_float(to);
    return dtype_is_int(from) && dtype_is_int(to) && dtype_table[to].min <= dtype_table[from].min && dtype_table[to].max >= dtype_table[from].max;
}

/* The argument stored as the parameter's type: a temporary of the caller, with the bounds that were known of its elements. */
static Sym *converted_argument(Inline *in, const AParam *p, Sym *s, DType t, Span at) {
    Check *c = in->frame->check;
    Arena *a = c->arena;
    Tensor *from = s->tensor, *to = check_new_tensor(c, name_of(c->program->names, arena_printf(a, "%s%s", in->prefix, p->name.text)), TR_TEMP, t, at);
    Stmt *copy = NEW(a, Stmt);
    *copy = (Stmt){.id = c->kernel->stmts.n, .span = at};
    Target target = {.tensor = to, .span = at};
    Expr *read = x_read(a, from, at);
    to->rank = from->rank;
    to->shape = from->shape;
    for (int i = 0; i < from->rank; i++) {
        Name name = name_of(c->program->names, arena_printf(a, "i%d", i));
        vec_push(a, &copy->idx, check_new_index(c, name, x_int(a, DT_I64, 0, at), from->shape[i], at));
        vec_push(a, &target.subs, x_index(a, copy->idx.at[i], at));
        vec_push(a, &read->args, x_index(a, copy->idx.at[i], at));
    }
    copy->value = x_convert(a, t, read, at);
    vec_push(a, &copy->targets, target);
    vec_push(a, &c->kernel->stmts, copy);
    const Interval *known = affine_get_interval(c->affine, from);
    if (known && dtype_is_int(t)) affine_set_interval(c->affine, to, &(Interval){known->lo, known->hi});
    Sym *sym = NEW(a, Sym);
    *sym = (Sym){.name = to->name, .kind = SYM_TENSOR, .span = at, .tensor = to, .lead = s->lead, .defs = 1, .defs_met = 1, .clamp_lo = s->clamp_lo, .clamp_hi = s->clamp_hi};
    return sym;
}

static bool argument_types(Inline *in) {
    Check *c = in->frame->check;
    bool good = true;
    for (int i = 0; i < in->callee->inputs.n; i++) {
        DType t = check_dtype(in->frame, in->callee->inputs.at[i].dtype, c);
        Sym *s = in->given[i];
        if (!s || t == DT_NONE) return false;
        if (s->tensor->type == t) continue;
        if (stores_as(s->tensor->type, t)) {
            in->given[i] = converted_argument(in, &in->callee->inputs.at[i], s, t, in->arg[i] ? in->arg[i]->span : in->call->span);
            continue;
        }
        good = false;
        call_error(in, in->arg[i] ? in->arg[i]->span : in->call->span, arena_printf(c->arena, "the argument '%s' of '%s' is %s, '%s' is %s", in->callee->inputs.at[i].name.text, in->callee->name.text, dtype_name(t), s->name, dtype_name(s->tensor->type)));
    }
    return good;
}

/* --- leading dims ------------------------------------------------------------------------------------------------------- */

static bool bind_lead(Inline *in) {
    Check *c = in->frame->check;
    Sym *first = NULL;
    for (int i = 0; i < in->callee->inputs.n; i++) {
        Sym *s = in->given[i];
        int extra = s->tensor->rank - in->callee->inputs.at[i].shape.n;
        if (!extra) continue;
        if (!first) {
            first = s;
            for (int d = 0; d < extra; d++) vec_push(c->arena, &in->frame->lead, s->tensor->shape[d]);
        }
        bool same = extra == in->frame->lead.n;
        for (int d = 0; same && d < extra; d++) same = affine_eq(c->affine, NULL, in->frame->lead.at[d], s->tensor->shape[d]);
        if (same) continue;
        Diag *x = call_error(in, in->arg[i] ? in->arg[i]->span : in->call->span, arena_printf(c->arena, "the extra leading dims of '%s' differ from those of '%s'", s->name, first->name));
        diag_help(x, "arguments either have the same extra leading dims or none");
        return false;
    }
    return true;
}

/* --- dims --------------------------------------------------------------------------------------------------------------- */

static bool unbound_dims(Frame *f, const AExpr *e, Sym **unknown, int *count) {
    if (e->kind == A_NAME) {
        Sym *s = frame_sym(f, e->name.text);
        if (s && s->kind == SYM_DIM && !s->dim) *unknown = s, ++*count;
    }
    for (int i = 0; i < e->args.n; i++) unbound_dims(f, e->args.at[i], unknown, count);
    return *count > 0;
}

/* A placeholder dim stands for the unknown one, so that the written extent becomes  factor * unknown + rest. */
static void solve_dim(Inline *in, const AExpr *written, Expr *extent, Sym *unknown) {
    Check *c = in->frame->check;
    Arena *a = c->arena;
    Dim *d = NEW(a, Dim);
    *d = (Dim){unknown->name, -1, written->span};
    unknown->dim = x_dim(a, d, written->span);
    Expr *form = check_shape_expr(in->frame, written);
    unknown->dim = NULL;
    if (!form) return;
    Lin lin = affine_of(c->affine, NULL, form);
    int64_t factor = 0;
    Lin d_lin = affine_of(c->affine, NULL, x_dim(a, d, written->span));
    for (int i = 0; i < lin.terms.n; i++)
        if (lin.terms.at[i].var == d_lin.terms.at[0].var) factor = lin.terms.at[i].coef;
    if (factor <= 0) return;
    unknown->dim = x_int(a, DT_I64, 0, written->span);
    Expr *rest = check_shape_expr(in->frame, written);
    Expr *left = rest && !(rest->kind == X_LIT && rest->lit_i == 0) ? x_op(a, OP_SUB, extent, rest, NULL, written->span) : extent;
    Lin constant = affine_of(c->affine, NULL, left);
    if (lin_is_const(constant)) left = x_int(a, DT_I64, constant.c, written->span);
    unknown->dim = factor == 1 ? left : x_op(a, OP_FLOORDIV, left, x_int(a, DT_I64, factor, written->span), NULL, written->span);
}

static void bind_dims(Inline *in) {
    for (int pass = 0; pass < 2; pass++)            /* dims that stand alone first, then linear ones */
        for (int i = 0; i < in->callee->inputs.n; i++)
            for (int k = 0; k < in->callee->inputs.at[i].shape.n; k++) {
                const AExpr *e = in->callee->inputs.at[i].shape.at[k];
                Tensor *t = in->given[i]->tensor;
                Expr *extent = t->shape[t->rank - in->callee->inputs.at[i].shape.n + k];
                Sym *unknown = NULL;
                int count = 0;
                if (!unbound_dims(in->frame, e, &unknown, &count)) continue;
                if (e->kind == A_NAME) unknown->dim = extent;
                else if (pass && count == 1) solve_dim(in, e, extent, unknown);
            }
}

/* Two extents that must be equal are not known to be: an error when they never are, else tested at entry. */
static bool require_equal(Inline *in, Span at, Expr *cond, const char *text) {
    Check *c = in->frame->check;
    if (affine_false(c->affine, NULL, cond)) {
        call_error(in, at, arena_printf(c->arena, "%s does not hold", text));
        return false;
    }
    check_add_fact(c, FACT_WHERE, NULL, 0, cond, check_expr_text(c, cond), at);
    affine_assume(c->affine, cond);
    return true;
}

/* Every declared extent equals the argument's. */
static bool check_extents(Inline *in) {
    Check *c = in->frame->check;
    bool good = true;
    for (int i = 0; i < in->callee->inputs.n; i++)
        for (int k = 0; k < in->callee->inputs.at[i].shape.n; k++) {
            const AExpr *e = in->callee->inputs.at[i].shape.at[k];
            Sym *unknown = NULL;
            int count = 0;
            if (unbound_dims(in->frame, e, &unknown, &count)) {
                call_error(in, in->call->span, arena_printf(c->arena, "the dim '%s' of '%s' is bound by none of the arguments", unknown->name, in->callee->name.text));
                return false;
            }
            Tensor *t = in->given[i]->tensor;
            Expr *want = check_shape_expr(in->frame, e), *have = t->shape[t->rank - in->callee->inputs.at[i].shape.n + k];
            if (!want) return false;
            if (affine_eq(c->affine, NULL, want, have)) continue;
            Expr *cond = x_op(c->arena, OP_EQ, have, want, NULL, in->call->span);
            Out out = out_new(c->arena);
            expr_print(cond, &out);
            good &= require_equal(in, in->arg[i] ? in->arg[i]->span : in->call->span, cond, arena_printf(c->arena, "dimension %d of the argument '%s' has the wrong extent: %s", k + 1, in->callee->inputs.at[i].name.text, out.text));
        }
    return good;
}

static bool outputs_bound(Inline *in) {
    for (int i = 0; i < in->callee->outputs.n; i++)
        for (int k = 0; k < in->callee->outputs.at[i].shape.n; k++) {
            Sym *unknown = NULL;
            int count = 0;
            if (!unbound_dims(in->frame, in->callee->outputs.at[i].shape.at[k], &unknown, &count)) continue;
            call_error(in, in->call->span, arena_printf(in->frame->check->arena, "the dim '%s' of '%s' is bound by none of the arguments", unknown->name, in->callee->name.text));
            return false;
        }
    return true;
}

/* --- tensors ------------------------------------------------------------------------------------------------------------ */

static void add_inputs(Inline *in) {
    for (int i = 0; i < in->callee->inputs.n; i++) {
        const AParam *p = &in->callee->inputs.at[i];
        Sym *s = frame_add_tensor(in->frame, p->name.text, p->name.span);
        s->tensor = in->given[i]->tensor;
        s->lead = s->tensor->rank - p->shape.n;
        s->clamp_lo = in->given[i]->clamp_lo;
        s->clamp_hi = in->given[i]->clamp_hi;
    }
}

static Expr **output_shape(Inline *in, const AParam *p, int *rank) {
    Arena *a = in->frame->check->arena;
    *rank = in->frame->lead.n + p->shape.n;
    Expr **shape = NEW_ARRAY(a, Expr *, *rank + 1);
    for (int i = 0; i < in->frame->lead.n; i++) shape[i] = in->frame->lead.at[i];
    for (int i = 0; i < p->shape.n; i++)
        if (!(shape[in->frame->lead.n + i] = check_shape_expr(in->frame, p->shape.at[i]))) return NULL;
    return shape;
}

/* The result goes straight to the caller's declared output: same type, same extents. */
static bool match_output(Inline *in, Sym *s, Expr **shape, int rank, DType type, Span at) {
    Check *c = in->frame->check;
    Tensor *t = s->tensor;
    if (t->rank != rank || t->type != type) {
        call_error(in, at, arena_printf(c->arena, "'%s' is %s with %d dimension%s, the result is %s with %d", s->name, dtype_name(t->type), t->rank - s->lead, t->rank - s->lead == 1 ? "" : "s", dtype_name(type), rank - s->lead));
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (affine_eq(c->affine, NULL, t->shape[i], shape[i])) continue;
        Expr *cond = x_op(c->arena, OP_EQ, t->shape[i], shape[i], NULL, at);
        Out out = out_new(c->arena);
        expr_print(cond, &out);
        if (!require_equal(in, at, cond, arena_printf(c->arena, "dimension %d of '%s' has the wrong extent: %s", i + 1, s->name, out.text))) return false;
    }
    return true;
}

static Region whole(Check *c, Tensor *t, Span at) {
    Region r = {.span = at};
    for (int i = 0; i < t->rank; i++) {
        vec_push(c->arena, &r.lo, x_int(c->arena, DT_I64, 0, at));
        vec_push(c->arena, &r.hi, t->shape[i]);
    }
    return r;
}

static bool add_output(Inline *in, const AStmt *s, int i) {
    Check *c = in->frame->check;
    const AParam *p = &in->callee->outputs.at[i];
    const ATarget *target = &s->targets.at[i];
    DType type = check_dtype(in->frame, p->dtype, c);
    int rank;
    Expr **shape = output_shape(in, p, &rank);
    Sym *outer = frame_sym(in->caller, target->name.text);
    if (!shape || type == DT_NONE || !outer || outer->kind != SYM_TENSOR) return false;
    if (!outer->tensor) {
        outer->tensor = check_new_tensor(c, name_of(c->program->names, arena_printf(c->arena, "%s%s", in->caller->prefix, outer->name)), TR_TEMP, type, target->name.span);
        outer->tensor->rank = rank;
        outer->tensor->shape = shape;
        outer->span = target->name.span;
    } else if (!match_output(in, outer, shape, rank, type, target->span)) return false;
    outer->defs_met++;
    vec_push(c->arena, &outer->regions, whole(c, outer->tensor, target->span));
    Sym *inner = frame_add_tensor(in->frame, p->name.text, p->name.span);
    inner->tensor = outer->tensor;
    inner->lead = in->frame->lead.n;
    inner->is_output = true;
    return true;
}

/* --- the call ----------------------------------------------------------------------------------------------------------- */

static bool call_targets(Inline *in, const AStmt *s) {
    Check *c = in->frame->check;
    bool good = true;
    for (int i = 0; i < s->targets.n; i++) {
        const ATarget *t = &s->targets.at[i];
        if (t->has_subs) {
            Diag *d = diag_error(c->diags, t->span, "the target of a kernel call has no subscripts");
            diag_help(d, "a kernel defines whole tensors: write %s = %s(...)", t->name.text, in->callee->name.text);
            good = false;
        }
    }
    if (s->targets.n != in->callee->outputs.n) {
        call_error(in, s->targets.at[0].span, arena_printf(c->arena, "'%s' has %d output%s, %d target%s given", in->callee->name.text, in->callee->outputs.n, in->callee->outputs.n == 1 ? "" : "s", s->targets.n, s->targets.n == 1 ? "" : "s"));
        good = false;
    }
    for (int i = 0; i < s->where.n; i++) diag_error(c->diags, s->where.at[i].name.span, "a kernel call has no ranges"), good = false;
    return good;
}

static bool is_recursive(Inline *in) {
    Check *c = in->frame->check;
    for (int i = 0; i < c->active.n; i++)
        if (c->active.at[i] == in->callee) {
            call_error(in, in->call->span, arena_printf(c->arena, "the kernel '%s' calls itself: recursion is not allowed", in->callee->name.text));
            return true;
        }
    return false;
}

static bool bind_arguments(Inline *in) {
    bool good = true;
    for (int i = 0; i < in->callee->inputs.n; i++) good &= in->callee->inputs.at[i].shape.n ? tensor_argument(in, i) : scalar_argument(in, i);
    if (!good) return false;
    infer_types(in);
    check_bind_defaults(in->frame);
    for (int i = 0; i < in->frame->cbinds.n; i++)
        if (!in->frame->cbinds.at[i].bound) {
            call_error(in, in->call->span, arena_printf(in->frame->check->arena, "the compile-time parameter '%s' of '%s' has no value", in->frame->cbinds.at[i].name, in->callee->name.text));
            return false;
        }
    return argument_types(in) && bind_lead(in);
}

static void mark_bad(Frame *f, const AStmt *s) {
    for (int i = 0; i < s->targets.n; i++) {
        Sym *t = frame_sym(f, s->targets.at[i].name.text);
        if (!t || t->kind != SYM_TENSOR) continue;
        t->bad = true;
        if (t->defs_met < t->defs) t->defs_met++;
    }
}

static bool run(Inline *in, const AStmt *s) {
    Check *c = in->frame->check;
    if (!call_targets(in, s) || is_recursive(in) || !order_arguments(in)) return false;
    if (!check_bind_cargs(in->frame, in->caller, &in->call->cargs) || !bind_arguments(in)) return false;
    check_signature_dims(in->frame);
    bind_dims(in);
    if (!check_extents(in) || !outputs_bound(in)) return false;
    add_inputs(in);
    int met = 0;
    for (; met < in->callee->outputs.n; met++)
        if (!add_output(in, s, met)) return false;
    int errors = diag_errors(c->diags);
    vec_push(c->arena, &c->active, in->callee);
    check_body(in->frame);
    c->active.n--;
    for (int i = 0; i < s->targets.n; i++) {
        Sym *t = frame_sym(in->caller, s->targets.at[i].name.text);
        t->bad |= diag_errors(c->diags) != errors;
        if (t->regions.n > 1) check_regions_disjoint(in->caller, t);
    }
    return true;
}

void check_inline(Cx *cx, const AStmt *s, const AExpr *call, const Def *callee) {
    Check *c = cx->check;
    if (c->full) return;
    Inline *in = NEW(c->arena, Inline);
    Frame *f = NEW(c->arena, Frame);
    *f = (Frame){.check = c, .caller = cx->frame, .ast = callee->kernel, .call = call->span};
    f->prefix = arena_printf(c->arena, "%s%s.", cx->frame->prefix, s->targets.at[0].name.text);
    *in = (Inline){.cx = cx, .caller = cx->frame, .frame = f, .call = call, .callee = callee->kernel, .prefix = f->prefix};
    in->arg = NEW_ARRAY(c->arena, const AExpr *, callee->kernel->inputs.n + 1);
    in->given = NEW_ARRAY(c->arena, Sym *, callee->kernel->inputs.n + 1);
    if (!run(in, s)) mark_bad(cx->frame, s);
}
