/* Types of expressions: literals take the type they meet, narrow types compute in wider ones, every conversion becomes a node. */
#include "dsl/check.h"
#include <math.h>

/* --- literals ----------------------------------------------------------------------------------------------------------- */

static bool all_flexible(Cx *cx, const AExprs *args, int from) {
    for (int i = from; i < args->n; i++)
        if (!check_is_flexible(cx, args->at[i])) return false;
    return args->n > from;
}

bool check_is_flexible(Cx *cx, const AExpr *e) {
    switch (e->kind) {
    case A_INT: case A_FLOAT: return true;
    case A_UNARY: return e->op == AO_NEG && check_is_flexible(cx, e->args.at[0]);
    case A_BINARY: return e->op >= AO_ADD && e->op <= AO_MOD && all_flexible(cx, &e->args, 0);
    case A_IF: return all_flexible(cx, &e->args, 1);
    case A_CALL: return e->name.text && op_by_name(e->name.text) != OP_COUNT && op_table[op_by_name(e->name.text)].gives != OPG_BOOL &&
                        all_flexible(cx, &e->args, 0);
    default: return false;
    }
}

/* A flexible expression that can be of a float type only. */
static bool has_float(const AExpr *e) {
    if (e->kind == A_FLOAT) return true;
    if (e->kind == A_CALL && !(op_table[op_by_name(e->name.text)].accepts & OPA_I)) return true;
    for (int i = e->kind == A_IF ? 1 : 0; i < e->args.n; i++)
        if (has_float(e->args.at[i])) return true;
    return false;
}

/* The type that a flexible expression has where `want` is expected. */
static DType flexible_type(const AExpr *e, DType want) {
    if (has_float(e)) return dtype_is_float(want) ? want : DT_F32;
    return want == DT_NONE || want == DT_BOOL ? DT_I64 : want;
}

static void does_not_fit(Cx *cx, const AExpr *e, DType t) {
    Diag *d = diag_error(cx->check->diags, e->span, "the literal %s does not fit %s", span_text(cx->check->arena, e->span), dtype_name(t));
    if (dtype_is_int(t)) diag_help(d, "%s holds %lld to %lld", dtype_name(t), (long long)dtype_table[t].min, (long long)dtype_table[t].max);
    else diag_help(d, "the largest finite %s is %g", dtype_name(t), dtype_table[t].max_finite);
}

static Expr *int_literal(Cx *cx, const AExpr *e, int64_t i, DType t) {
    if (dtype_is_float(t)) {
        if (fabs((double)i) > dtype_table[t].max_finite) return does_not_fit(cx, e, t), NULL;
        return x_float(cx->check->arena, t, dtype_round(t, (double)i), e->span);
    }
    if (i < dtype_table[t].min || i > dtype_table[t].max) return does_not_fit(cx, e, t), NULL;
    return x_int(cx->check->arena, t, i, e->span);
}

static Expr *float_literal(Cx *cx, const AExpr *e, double f, DType t) {
    bool no_infinity = t == DT_F8E4M3;
    if (isfinite(f) ? fabs(f) > dtype_table[t].max_finite : isinf(f) && no_infinity) return does_not_fit(cx, e, t), NULL;
    return x_float(cx->check->arena, t, dtype_round(t, f), e->span);
}

Expr *check_literal(Cx *cx, const AExpr *e, DType want) {
    bool negative = e->kind == A_UNARY;
    const AExpr *digits = negative ? e->args.at[0] : e;
    DType t = flexible_type(digits, want);
    if (digits->kind == A_FLOAT) return float_literal(cx, e, negative ? -digits->f : digits->f, t);
    if (negative && digits->i == 0 && dtype_is_float(t)) return float_literal(cx, e, -0.0, t);
    return int_literal(cx, e, negative ? (int64_t)(0 - (uint64_t)digits->i) : digits->i, t);
}

/* --- stores and conversions --------------------------------------------------------------------------------------------- */

static bool int_widens(DType from, DType to) {
    return dtype_table[to].min <= dtype_table[from].min && dtype_table[to].max >= dtype_table[from].max;
}

Expr *check_store(Cx *cx, Expr *e, DType t, Span at, const char *what) {
    if (!e || t == DT_NONE) return NULL;
    if (e->type == t) return e;
    if (dtype_is_float(e->type) && dtype_is_float(t)) return x_convert(cx->check->arena, t, e, e->span);
    if (dtype_is_int(e->type) && dtype_is_int(t) && int_widens(e->type, t)) return x_convert(cx->check->arena, t, e, e->span);
    Diag *d = diag_error(cx->check->diags, at, "%s is %s, but its value is %s", what, dtype_name(t), dtype_name(e->type));
    const char *text = span_text(cx->check->arena, e->span);
    if (t == DT_BOOL) diag_help(d, "compare: %s != 0", text);
    else if (dtype_is_int(t) && dtype_is_int(e->type)) diag_help(d, "a wider integer is not narrowed by itself: %s(...) wraps, sat<%s>(...) saturates", dtype_name(t), dtype_name(t));
    else diag_help(d, "convert it: %s(%s)", dtype_name(t), text);
    return NULL;
}

static DType wider(DType x, DType y) {
    x = dtype_table[x].compute;
    y = dtype_table[y].compute;
    if (x == y) return x;
    return dtype_is_float(x) ? DT_F64 : DT_I64;
}

static const char *kind_name(DType t) { return dtype_is_float(t) ? "a float" : dtype_is_int(t) ? "an integer" : "a bool"; }

static void mixes(Cx *cx, Expr *x, Expr *y, Span at, const char *op) {
    Diag *d = diag_error(cx->check->diags, at, "%s of %s (%s) and %s (%s)", op, kind_name(x->type), dtype_name(x->type), kind_name(y->type), dtype_name(y->type));
    Expr *other = dtype_is_float(x->type) ? y : x, *goal = dtype_is_float(x->type) ? x : y;
    if (other->type == DT_BOOL || goal->type == DT_BOOL) {
        Expr *b = other->type == DT_BOOL ? other : goal, *n = b == other ? goal : other;
        diag_edit(d, b->span, arena_printf(cx->check->arena, "%s(%s)", dtype_name(n->type), span_text(cx->check->arena, b->span)), "a bool does not become a number by itself; convert it");
        return;
    }
    diag_edit(d, other->span, arena_printf(cx->check->arena, "%s(%s)", dtype_name(dtype_table[goal->type].compute), span_text(cx->check->arena, other->span)), "an integer does not become a float by itself; convert it");
}

static DKind kind_of(DType t) { return dtype_table[t].kind; }
static int accept_bit(DType t) { return dtype_is_float(t) ? OPA_F : dtype_is_int(t) ? OPA_I : OPA_B; }

static const char *kind_plural(DType t) { return dtype_is_float(t) ? "floats" : dtype_is_int(t) ? "integers" : "bools"; }

static void not_accepted(Cx *cx, Op op, Expr *x, Span at) {
    const OpRow *row = &op_table[op];
    Diag *d = diag_error(cx->check->diags, at, x->type == DT_BOOL ? "'%s' is not for %s" : "'%s' is not for %s (%s)", row->name, kind_plural(x->type), dtype_name(x->type));
    if (op == OP_DIV) diag_help(d, "'//' is the quotient rounded down; for a fraction convert both sides: f32(a) / f32(b)");
    else if (op == OP_FLOORDIV) diag_help(d, "floor(a / b) rounds a quotient of floats down");
    else if (op == OP_MOD) diag_help(d, "write a - b * floor(a / b)");
    else if (x->type == DT_BOOL && (row->accepts & OPA_F)) diag_help(d, "a bool becomes a number by f32(...) or i32(...)");
    else if (row->accepts == OPA_F) diag_help(d, "convert it: f32(...)");
    else diag_help(d, "it takes %s%s%s", row->accepts & OPA_I ? "integers" : "", (row->accepts & OPA_IB) == OPA_IB ? " and " : "", row->accepts & OPA_B ? "bools" : "");
}

static bool zero_divisor(Cx *cx, Op op, Expr *y) {
    if ((op != OP_FLOORDIV && op != OP_MOD) || y->kind != X_LIT || y->lit_i != 0) return false;
    diag_error(cx->check->diags, y->span, "'%s' by the constant 0", op_table[op].name);
    return true;
}

Expr *check_binary_typed(Cx *cx, Op op, Expr *x, Expr *y, Span at) {
    if (!x || !y) return NULL;
    const OpRow *row = &op_table[op];
    bool takes_x = row->accepts & accept_bit(x->type), takes_y = row->accepts & accept_bit(y->type);
    if (!takes_x && (!takes_y || kind_of(x->type) == kind_of(y->type))) return not_accepted(cx, op, x, at), NULL;
    if (kind_of(x->type) != kind_of(y->type)) return mixes(cx, x, y, at, arena_printf(cx->check->arena, "'%s'", row->name)), NULL;
    if (zero_divisor(cx, op, y)) return NULL;
    DType t = row->gives == OPG_KEEP && x->type == y->type ? x->type : wider(x->type, y->type);
    Arena *a = cx->check->arena;
    return x_op(a, op, x_convert(a, t, x, x->span), x_convert(a, t, y, y->span), NULL, at);
}

/* --- operators ---------------------------------------------------------------------------------------------------------- */

static const Op infix[AO_COUNT] = {
    [AO_OR] = OP_OR, [AO_AND] = OP_AND, [AO_NOT] = OP_NOT, [AO_EQ] = OP_EQ, [AO_NE] = OP_NE, [AO_LT] = OP_LT, [AO_LE] = OP_LE,
    [AO_GT] = OP_GT, [AO_GE] = OP_GE, [AO_BOR] = OP_BOR, [AO_BXOR] = OP_BXOR, [AO_BAND] = OP_BAND, [AO_SHL] = OP_SHL, [AO_SHR] = OP_SHR,
    [AO_ADD] = OP_ADD, [AO_SUB] = OP_SUB, [AO_MUL] = OP_MUL, [AO_DIV] = OP_DIV, [AO_FLOORDIV] = OP_FLOORDIV, [AO_MOD] = OP_MOD,
    [AO_NEG] = OP_NEG, [AO_BNOT] = OP_BNOT};

/* Both operands, literals in the type of the other side. keep: that side's own type, else the type it computes in. */
static bool check_pair(Cx *cx, const AExpr *a, const AExpr *b, DType want, bool keep, Cx *cxb, Expr **x, Expr **y) {
    bool fa = check_is_flexible(cx, a), fb = check_is_flexible(cx, b);
    if (fa && fb) {
        DType ta = flexible_type(a, want), tb = flexible_type(b, want);
        if (dtype_is_float(tb)) ta = tb;
        else if (dtype_is_float(ta)) tb = ta;
        *x = check_expr(cx, a, ta);
        *y = check_expr(cxb, b, tb);
    } else if (fa) {
        *y = check_expr(cxb, b, want);
        if (!*y) return false;
        *x = check_expr(cx, a, keep ? (*y)->type : dtype_table[(*y)->type].compute);
    } else {
        *x = check_expr(cx, a, want);
        if (!*x && fb) return false;
        *y = check_expr(cxb, b, !fb ? want : keep ? (*x)->type : dtype_table[(*x)->type].compute);
    }
    return *x && *y;
}

Expr *check_bool(Cx *cx, const AExpr *e, const char *what) {
    Expr *x = check_expr(cx, e, DT_NONE);
    if (!x || x->type == DT_BOOL) return x;
    Diag *d = diag_error(cx->check->diags, e->span, "%s must be a bool, this is %s", what, dtype_name(x->type));
    diag_help(d, "compare it: %s != 0", span_text(cx->check->arena, e->span));
    return NULL;
}

static Expr *check_logic(Cx *cx, const AExpr *e) {
    const char *what = e->op == AO_AND ? "an operand of 'and'" : "an operand of 'or'";
    Expr *x = check_bool(cx, e->args.at[0], what);
    if (!x) return NULL;
    Ctx ctx = {.up = cx->ctx, .kind = e->op == AO_AND ? CTX_TRUE : CTX_FALSE, .cond = x};
    Ctx *kept = NEW(cx->check->arena, Ctx);
    *kept = ctx;
    Cx right = *cx;
    right.ctx = kept;
    right.scoped = true;
    Expr *y = check_bool(&right, e->args.at[1], what);
    return y ? x_op(cx->check->arena, infix[e->op], x, y, NULL, e->span) : NULL;
}

static Expr *check_binary(Cx *cx, const AExpr *e, DType want) {
    if (e->op == AO_AND || e->op == AO_OR) return check_logic(cx, e);
    Op op = infix[e->op];
    bool compares = op_table[op].gives == OPG_BOOL;
    Expr *x, *y;
    if (op == OP_DIV && check_is_flexible(cx, e) && dtype_is_float(want) == false) want = has_float(e) ? DT_F32 : DT_NONE;
    if (!check_pair(cx, e->args.at[0], e->args.at[1], compares ? DT_NONE : want == DT_NONE ? want : dtype_table[want].compute, false, cx, &x, &y)) return NULL;
    return check_binary_typed(cx, op, x, y, e->span);
}

static Expr *check_unary(Cx *cx, const AExpr *e, DType want) {
    const AExpr *arg = e->args.at[0];
    if (e->op == AO_NEG && (arg->kind == A_INT || arg->kind == A_FLOAT)) return check_literal(cx, e, want);
    if (e->op == AO_NOT) {
        Expr *x = check_bool(cx, arg, "the operand of 'not'");
        return x ? x_op(cx->check->arena, OP_NOT, x, NULL, NULL, e->span) : NULL;
    }
    Expr *x = check_expr(cx, arg, want == DT_NONE ? want : dtype_table[want].compute);
    if (!x) return NULL;
    Op op = infix[e->op];
    if (!(op_table[op].accepts & accept_bit(x->type))) return not_accepted(cx, op, x, e->span), NULL;
    return x_op(cx->check->arena, op, x_convert(cx->check->arena, dtype_table[x->type].compute, x, x->span), NULL, NULL, e->span);
}

/* One type for two values that are passed on, not computed with: a common narrow type stays. */
static bool unify(Cx *cx, Expr **x, Expr **y, Span at, const char *what) {
    if ((*x)->type == (*y)->type) return true;
    if (kind_of((*x)->type) != kind_of((*y)->type)) return mixes(cx, *x, *y, at, what), false;
    DType t = wider((*x)->type, (*y)->type);
    *x = x_convert(cx->check->arena, t, *x, (*x)->span);
    *y = x_convert(cx->check->arena, t, *y, (*y)->span);
    return true;
}

static Cx under(Cx *cx, CtxKind kind, Expr *cond) {
    Ctx *ctx = NEW(cx->check->arena, Ctx);
    *ctx = (Ctx){.up = cx->ctx, .kind = kind, .cond = cond};
    Cx inner = *cx;
    if (cond) inner.ctx = ctx;
    inner.scoped = true;
    return inner;
}

static Expr *check_if(Cx *cx, const AExpr *e, DType want) {
    Expr *cond = check_bool(cx, e->args.at[0], "the condition of 'if'"), *x, *y;
    Cx yes = under(cx, CTX_TRUE, cond), no = under(cx, CTX_FALSE, cond);
    if (!check_pair(&yes, e->args.at[1], e->args.at[2], want, true, &no, &x, &y) || !cond) return NULL;
    if (!unify(cx, &x, &y, e->span, "the branches of 'if' are a mix")) return NULL;
    return x_if(cx->check->arena, cond, x, y, e->span);
}

/* min, max: keep a common narrow type. Other built-in functions compute. */
static Expr *check_builtin_pair(Cx *cx, const AExpr *e, Op op, DType want) {
    Expr *x, *y;
    bool keep = op_table[op].gives == OPG_KEEP;
    if (!check_pair(cx, e->args.at[0], e->args.at[1], want, keep, cx, &x, &y)) return NULL;
    return check_binary_typed(cx, op, x, y, e->span);
}

static Expr *check_builtin(Cx *cx, const AExpr *e, Op op, DType want) {
    const OpRow *row = &op_table[op];
    if (e->args.n != row->arity) {
        diag_error(cx->check->diags, e->span, "'%s' takes %d argument%s, %d given", row->name, row->arity, row->arity == 1 ? "" : "s", e->args.n);
        return NULL;
    }
    for (int i = 0; i < e->arg_names.n; i++)
        if (e->arg_names.at[i].text) {
            diag_error(cx->check->diags, e->arg_names.at[i].span, "the arguments of '%s' have no names", row->name);
            return NULL;
        }
    if (row->gives == OPG_BOOL) want = DT_NONE;
    if (row->arity == 2) return check_builtin_pair(cx, e, op, want);
    if (want != DT_NONE) want = dtype_table[want].compute;
    if (check_is_flexible(cx, e) && !dtype_is_float(want) && !(row->accepts & OPA_I)) want = DT_F32;
    Exprs args = {0};
    DType t = DT_NONE;
    for (int pass = 0; pass < 2; pass++)            /* literals after the others, in their type */
        for (int i = 0; i < e->args.n; i++) {
            if (pass == 0) vec_push(cx->check->arena, &args, NULL);
            if (check_is_flexible(cx, e->args.at[i]) != (pass == 1)) continue;
            DType type = pass && t != DT_NONE ? t : want;
            if (pass && !(row->accepts & OPA_I) && !dtype_is_float(type)) type = DT_F32;     /* isnan(1) */
            Expr *x = args.at[i] = check_expr(cx, e->args.at[i], type);
            if (!x) return NULL;
            if (!(row->accepts & accept_bit(x->type))) return not_accepted(cx, op, x, e->args.at[i]->span), NULL;
            if (t != DT_NONE && kind_of(t) != kind_of(x->type)) return mixes(cx, args.at[0], x, e->span, row->name), NULL;
            t = t == DT_NONE ? dtype_table[x->type].compute : wider(t, x->type);
        }
    for (int i = 0; i < args.n; i++) args.at[i] = x_convert(cx->check->arena, t, args.at[i], args.at[i]->span);
    Expr *r = x_op(cx->check->arena, op, args.at[0], args.n > 1 ? args.at[1] : NULL, args.n > 2 ? args.at[2] : NULL, e->span);
    return r;
}

static Expr *check_conversion(Cx *cx, const AExpr *e, DType t) {
    if (e->args.n != 1) {
        diag_error(cx->check->diags, e->span, "the conversion %s(...) takes one value, %d given", e->name.text, e->args.n);
        return NULL;
    }
    const AExpr *arg = e->args.at[0];
    const AExpr *digits = arg->kind == A_UNARY && arg->op == AO_NEG ? arg->args.at[0] : arg;
    bool literal = digits->kind == A_INT || digits->kind == A_FLOAT;      /* f64(0.1) is the double nearest to 0.1 */
    DType want = !dtype_is_float(t) ? DT_NONE : literal ? t : check_is_flexible(cx, arg) && has_float(arg) ? dtype_table[t].compute : DT_NONE;
    int64_t whole = digits->kind != A_INT ? 0 : digits == arg ? digits->i : (int64_t)(0 - (uint64_t)digits->i);
    bool exact = digits->kind == A_INT && dtype_is_int(t) && whole >= dtype_table[t].min && whole <= dtype_table[t].max;
    if (exact && cx->check->program->options->kernel_text) want = t;      /* as the Kernel's printer writes a literal of the type */
    Expr *x = check_expr(cx, arg, want);
    if (!x) return NULL;
    if (t == DT_BOOL && x->type != DT_BOOL) {
        Diag *d = diag_error(cx->check->diags, e->span, "a number does not become a bool");
        diag_help(d, "compare it: %s != 0", span_text(cx->check->arena, arg->span));
        return NULL;
    }
    return x_convert(cx->check->arena, t, x, e->span);
}

static Expr *check_sat(Cx *cx, const AExpr *e) {
    DType t = check_dtype(cx->frame, e->name, cx->check);
    Expr *x = check_expr(cx, e->args.at[0], DT_NONE);
    if (!x || t == DT_NONE) return NULL;
    if (!dtype_is_int(t)) {
        diag_error(cx->check->diags, e->name.span, "sat<...> is for integer types, %s is none", dtype_name(t));
        return NULL;
    }
    if (x->type == DT_BOOL) {
        diag_error(cx->check->diags, e->args.at[0]->span, "sat<%s> takes a number, this is a bool", dtype_name(t));
        return NULL;
    }
    if (dtype_is_float(x->type)) x = x_convert(cx->check->arena, dtype_table[x->type].compute, x, x->span);
    return x_sat(cx->check->arena, t, x, e->span);
}

/* --- names -------------------------------------------------------------------------------------------------------------- */

static void unknown_name(Cx *cx, AName name) {
    if (cx->stmt && cx->check->unknown.name == name.text && cx->check->unknown.stmt == cx->stmt) return;
    cx->check->unknown.name = name.text;
    cx->check->unknown.stmt = cx->stmt;
    VEC(const char *) near = {0};
    Arena *a = cx->check->arena;
    for (const Env *env = cx->env; env && !env->fence; env = env->up)
        if (env->name) vec_push(a, &near, env->name);
    for (int i = 0; cx->frame && i < cx->frame->syms.n; i++) vec_push(a, &near, cx->frame->syms.at[i]->name);
    for (int i = 0; cx->frame && i < cx->frame->cbinds.n; i++) vec_push(a, &near, cx->frame->cbinds.at[i].name);
    Diag *d = diag_error(cx->check->diags, name.span, "'%s' is not defined", name.text);
    const char *guess = diag_nearest(name.text, near.at, near.n);
    if (guess) diag_edit(d, name.span, guess, "did you mean '%s'?", guess);
    else if (!cx->frame) diag_help(d, "%s", cx->what ? cx->what : "a function sees its parameters only");
    else if (cx->subscript) diag_help(d, "an index stands on the left side, or in the brackets of a reduction: there is no implicit sum");
    else diag_help(d, "a value is an input, an earlier statement's target, an index or a dim");
}

static Expr *widen_for_subscript(Cx *cx, Expr *e) {
    return e && cx->subscript && dtype_is_int(e->type) ? x_convert(cx->check->arena, DT_I64, e, e->span) : e;
}

static Expr *check_cbind(Cx *cx, const Cbind *b, AName name) {
    Arena *a = cx->check->arena;
    if (b->kind == ACK_INT) return x_int(a, DT_I64, b->i, name.span);
    if (b->kind == ACK_BOOL) return x_int(a, DT_BOOL, b->i, name.span);
    diag_error(cx->check->diags, name.span, "'%s' is a %s, not a value", name.text, b->kind == ACK_TYPE ? "type" : "function");
    return NULL;
}

static Expr *check_name(Cx *cx, const AExpr *e) {
    Arena *a = cx->check->arena;
    for (const Env *env = cx->env; env && !env->fence; env = env->up)
        if (env->name == e->name.text && !env->owner) {
            if (env->index) return x_index(a, env->index, e->span);
            return env->var && env->var->type != DT_NONE ? widen_for_subscript(cx, x_var(a, env->var, e->span)) : NULL;
        }
    Sym *s = cx->frame ? frame_sym(cx->frame, e->name.text) : NULL;
    if (s && s->kind == SYM_TENSOR) return widen_for_subscript(cx, check_scalar(cx, s, e->span));
    if (s && s->dim) {
        Expr *dim = NEW(a, Expr);
        *dim = *s->dim;
        dim->span = e->span;
        return dim;
    }
    if (s) return NULL;
    Cbind *b = cx->frame ? frame_cbind(cx->frame, e->name.text) : NULL;
    if (b) return b->bound ? check_cbind(cx, b, e->name) : NULL;
    unknown_name(cx, e->name);
    return NULL;
}

static Expr *check_field(Cx *cx, const AExpr *e) {
    bool owner = false;
    for (const Env *env = cx->env; env && !env->fence; env = env->up) {
        owner |= env->owner == e->name.text;
        if (env->owner == e->name.text && env->name == e->field.text) return env->var->type != DT_NONE ? x_var(cx->check->arena, env->var, e->span) : NULL;
    }
    if (owner) diag_error(cx->check->diags, e->field.span, "the combinator has no state '%s'", e->field.text);
    else diag_error(cx->check->diags, e->span, "'%s.%s': a point is for the state of the other part, in a combinator's merge", e->name.text, e->field.text);
    return NULL;
}

static Expr *check_named_call(Cx *cx, const AExpr *e, DType want) {
    Cbind *b = cx->frame ? frame_cbind(cx->frame, e->name.text) : NULL;
    DType t = b && b->kind == ACK_TYPE ? (b->bound ? b->type : DT_NONE) : dtype_by_name(e->name.text);
    if (b && b->kind == ACK_TYPE && !b->bound) return NULL;
    if (t != DT_NONE) return widen_for_subscript(cx, check_conversion(cx, e, t));
    Op op = op_by_name(e->name.text);
    if (op != OP_COUNT) return check_builtin(cx, e, op, want);
    return check_call(cx, e, want);
}

enum { CHECK_DEPTH_MAX = 4000 };

Expr *check_expr(Cx *cx, const AExpr *e, DType want) {
    if (cx->check->depth > CHECK_DEPTH_MAX) {
        diag_error(cx->check->diags, e->span, "expressions are nested more than %d deep, functions included", CHECK_DEPTH_MAX);
        return NULL;
    }
    cx->check->depth++;
    Expr *x = NULL;
    switch (e->kind) {
    case A_INT: case A_FLOAT: x = check_literal(cx, e, cx->subscript && want == DT_NONE && e->kind == A_INT ? DT_I64 : want); break;
    case A_BOOL: x = x_int(cx->check->arena, DT_BOOL, e->i, e->span); break;
    case A_NAME: x = check_name(cx, e); break;
    case A_FIELD: x = check_field(cx, e); break;
    case A_ACCESS: x = widen_for_subscript(cx, check_access(cx, e, want)); break;
    case A_CALL: x = check_named_call(cx, e, want); break;
    case A_SAT: x = widen_for_subscript(cx, check_sat(cx, e)); break;
    case A_UNARY: x = check_unary(cx, e, want); break;
    case A_BINARY: x = check_binary(cx, e, want); break;
    case A_IF: x = check_if(cx, e, want); break;
    case A_REDUCE: case A_SCAN: x = check_reduce(cx, e, want); break;
    case A_ERROR: break;
    }
    cx->check->depth--;
    return x;
}

Expr *check_i64(Cx *cx, const AExpr *e) {
    Cx inner = *cx;
    inner.subscript = true;
    Expr *x = check_expr(&inner, e, DT_I64);
    if (!x) return NULL;
    if (dtype_is_int(x->type)) return x_convert(cx->check->arena, DT_I64, x, x->span);
    Diag *d = diag_error(cx->check->diags, e->span, "an integer is expected here, this is %s", dtype_name(x->type));
    if (x->kind == X_LIT) diag_help(d, "write a whole number");
    else if (x->type != DT_BOOL) diag_help(d, "convert it: i32(%s)", span_text(cx->check->arena, e->span));
    return NULL;
}
