/* Statements: what the left side defines, the ranges of its indices, the value. */
#include "dsl/check.h"

Index *check_new_index(Check *c, Name name, Expr *lo, Expr *hi, Span at) {
    Index *i = NEW(c->arena, Index);
    *i = (Index){name, c->kernel->n_indices++, lo, hi, at};
    return i;
}

bool check_index_name(Cx *cx, AName name) {
    const char *reserved = dtype_by_name(name.text) != DT_NONE ? "a type" : op_by_name(name.text) != OP_COUNT ? "a built-in function" : NULL;
    if (reserved) {
        diag_error(cx->check->diags, name.span, "'%s' is %s and cannot name a tensor, a dim or an index", name.text, reserved);
        return false;
    }
    Sym *s = cx->frame ? frame_sym(cx->frame, name.text) : NULL;
    Cbind *b = cx->frame ? frame_cbind(cx->frame, name.text) : NULL;
    if (!s && !b) return true;
    const char *what = b ? "compile-time parameter" : s->kind == SYM_DIM ? "dim" : s->tensor && s->tensor->rank == s->lead ? "scalar" : "tensor";
    Diag *d = diag_error(cx->check->diags, name.span, "an index may not have the name of the %s '%s'", what, name.text);
    if (s && s->span.src) diag_note(d, s->span, "it is declared here");
    return false;
}

/* --- left sides --------------------------------------------------------------------------------------------------------- */

typedef struct Left {
    Frame *frame;
    Cx cx;                          /* sees the indices so far */
    StmtCx stmt_cx;
    Stmt *stmt;
    const AStmt *ast;
    VEC(const AIter *) iters;       /* beside stmt->idx: its written range, or NULL */
    bool good;
    bool skip;                      /* the left side is so wrong that the right one would only add to it */
} Left;

/* The one index that a left subscript adds something to: its name, or NULL. *wrong: it stands where it may not. */
static const AExpr *find_index(Frame *f, const AExpr *e, bool negative, bool *wrong) {
    if (e->kind == A_NAME) {
        if (frame_sym(f, e->name.text) || frame_cbind(f, e->name.text)) return NULL;
        if (negative) *wrong = true;
        return e;
    }
    if (e->kind == A_BINARY && (e->op == AO_ADD || e->op == AO_SUB)) {
        const AExpr *x = find_index(f, e->args.at[0], negative, wrong), *y = find_index(f, e->args.at[1], negative ^ (e->op == AO_SUB), wrong);
        if (x && y) *wrong = true;
        return x ? x : y;
    }
    for (int i = 0; i < e->args.n; i++)
        if (find_index(f, e->args.at[i], false, wrong)) {
            *wrong = true;
            return e;
        }
    return NULL;
}

static int stmt_index(const Stmt *s, Name name) {
    for (int i = 0; i < s->idx.n; i++)
        if (s->idx.at[i]->name == name) return i;
    return -1;
}

static void add_index(Left *l, AName name) {
    Check *c = l->frame->check;
    Index *index = check_new_index(c, name.text, NULL, NULL, name.span);
    vec_push(c->arena, &l->stmt->idx, index);
    const AIter *written = NULL;
    for (int i = 0; i < l->ast->where.n; i++)
        if (l->ast->where.at[i].name.text == name.text) written = &l->ast->where.at[i];
    vec_push(c->arena, &l->iters, written);
}

/* Reports the first tensor or scalar that a left subscript uses. */
static bool names_tensor(Left *l, const AExpr *e) {
    Sym *s = e->kind == A_NAME || e->kind == A_ACCESS ? frame_sym(l->frame, e->name.text) : NULL;
    if (s && s->kind == SYM_TENSOR) {
        Diag *d = diag_error(l->frame->check->diags, e->span, "a left subscript may use dims and compile-time values only, not '%s'", s->name);
        diag_help(d, "to put elements at computed places, write for each place what it holds: a reduction with a predicate");
        return true;
    }
    for (int i = 0; i < e->args.n; i++)
        if (names_tensor(l, e->args.at[i])) return true;
    return false;
}

/* Finds the indices of the left side in order. */
static void gather_indices(Left *l, const ATarget *t, bool first) {
    Check *c = l->frame->check;
    for (int i = 0; i < t->subs.n; i++) {
        bool wrong = false;
        if (names_tensor(l, t->subs.at[i])) {
            l->good = false;
            l->skip = true;
            continue;
        }
        const AExpr *index = find_index(l->frame, t->subs.at[i], false, &wrong);
        if (wrong) {
            Diag *d = diag_error(c->diags, t->subs.at[i]->span, "a left subscript is an index, an index plus a value of dims, or such a value");
            diag_help(d, "the index stands once and without a factor, as in t[i + 1]; write the right side in terms of it");
            l->good = false;
            l->skip = true;
        } else if (index && first && stmt_index(l->stmt, index->name.text) >= 0) {
            diag_error(c->diags, t->subs.at[i]->span, "index '%s' stands twice on the left side", index->name.text);
            l->good = false;
            l->skip = true;
        } else if (index && first && !check_index_name(&l->cx, index->name)) {
            l->good = false;
            l->skip = true;
        } else if (index && first) add_index(l, index->name);
        else if (index && stmt_index(l->stmt, index->name.text) < 0) {
            diag_error(c->diags, index->span, "index '%s' is not among those of the first target", index->name.text);
            l->good = false;
            l->skip = true;
        }
    }
}

static void check_where(Left *l) {
    Check *c = l->frame->check;
    for (int i = 0; i < l->ast->where.n; i++) {
        const AIter *it = &l->ast->where.at[i];
        for (int k = 0; k < i; k++)
            if (l->ast->where.at[k].name.text == it->name.text) {
                diag_error(c->diags, it->name.span, "the range of '%s' is written twice", it->name.text);
                l->good = false;
            }
        if (stmt_index(l->stmt, it->name.text) >= 0) continue;
        if (!check_index_name(&l->cx, it->name)) {
            l->good = false;
            continue;
        }
        if (l->ast->kind != AS_DEF) add_index(l, it->name);
        else {
            diag_error(c->diags, it->name.span, "index '%s' does not stand on the left side", it->name.text);
            l->good = false;
        }
    }
}

/* Rule 2: the extent where the index stands alone in a declared output that this one statement defines. */
static Expr *output_extent(Left *l, Name name) {
    for (int t = 0; t < l->ast->targets.n; t++) {
        const ATarget *target = &l->ast->targets.at[t];
        Sym *s = frame_sym(l->frame, target->name.text);
        if (!s || !s->is_output || s->defs != 1 || !s->tensor || target->subs.n != s->tensor->rank - s->lead) continue;
        for (int i = 0; i < target->subs.n; i++)
            if (target->subs.at[i]->kind == A_NAME && target->subs.at[i]->name.text == name) return s->tensor->shape[s->lead + i];
    }
    return NULL;
}

static bool check_range(Left *l, int i) {
    Check *c = l->frame->check;
    Index *index = l->stmt->idx.at[i];
    const AIter *it = l->iters.at[i];
    if (it && it->lo) {
        Cx cx = l->cx;
        cx.env = NULL;
        cx.ctx = NULL;
        cx.dims_only = true;
        cx.what = "a range after 'where'";
        index->lo = check_i64(&cx, it->lo);
        index->hi = index->lo ? check_i64(&cx, it->hi) : NULL;
        return index->lo && index->hi;
    }
    Expr *extent = output_extent(l, index->name);
    if (extent) {
        index->lo = x_int(c->arena, DT_I64, 0, index->span);
        index->hi = extent;
        return true;
    }
    const AExpr *place = l->ast->value;
    return check_infer_range(&l->cx, index, &place, 1, index->span, arena_printf(c->arena, "... where %s in 0..N", index->name));
}

static void check_ranges(Left *l) {
    Arena *a = l->frame->check->arena;
    for (int i = 0; i < l->stmt->idx.n; i++) {
        Index *index = l->stmt->idx.at[i];
        if (index->lo) continue;            /* an inlined call's leading index */
        if (!check_range(l, i)) {
            index->lo = index->hi = NULL;
            l->good = false;
        }
        Env *env = NEW(a, Env);
        *env = (Env){.up = l->cx.env, .name = index->name, .index = index};
        Ctx *ctx = NEW(a, Ctx);
        *ctx = (Ctx){.up = l->cx.ctx, .kind = CTX_INDEX, .index = index};
        l->cx.env = env;
        l->cx.ctx = ctx;
    }
}

/* --- targets ------------------------------------------------------------------------------------------------------------ */

/* Leading indices of an inlined call, for a statement that runs over the leading dims. */
static void add_lead(Left *l, int lead) {
    Check *c = l->frame->check;
    Index **at = NEW_ARRAY(c->arena, Index *, lead + 1);
    for (int i = 0; i < lead; i++) {
        at[i] = check_new_index(c, name_of(c->program->names, arena_printf(c->arena, "batch%d", i)), x_int(c->arena, DT_I64, 0, l->ast->span), l->frame->lead.at[i], l->ast->span);
        vec_push(c->arena, &l->stmt->idx, at[i]);
        vec_push(c->arena, &l->iters, NULL);
        Ctx *ctx = NEW(c->arena, Ctx);
        *ctx = (Ctx){.up = l->cx.ctx, .kind = CTX_INDEX, .index = at[i]};
        l->cx.ctx = ctx;
    }
    l->cx.lead = at;
}

/* `e` with the index replaced by a value, and what is constant then folded. */
static Expr *substitute(Check *c, Expr *e, Index *index, Expr *value) {
    if (e->kind == X_INDEX) return e->index == index ? value : e;
    Expr *copy = NEW(c->arena, Expr);
    *copy = *e;
    copy->args = (Exprs){0};
    for (int i = 0; i < e->args.n; i++) vec_push(c->arena, &copy->args, substitute(c, e->args.at[i], index, value));
    Lin lin = affine_of(c->affine, NULL, copy);
    if (lin_is_const(lin)) return x_int(c->arena, DT_I64, lin.c, e->span);
    for (int i = 0; i < copy->args.n && copy->kind == X_OP; i++) {
        Expr *other = copy->args.at[copy->args.n - 1 - i], *x = copy->args.at[i];
        bool zero = x->kind == X_LIT && x->lit_i == 0;
        if (zero && (copy->op == OP_ADD || (copy->op == OP_SUB && i == 1))) return other;
    }
    return copy;
}

/* The subscripts of a target and the region that they define. */
static bool check_target(Left *l, const ATarget *t, Sym *s, Target *target, Region *r) {
    Check *c = l->frame->check;
    Arena *a = c->arena;
    Cx cx = l->cx;
    cx.dims_only = true;
    cx.what = "a left subscript";
    *target = (Target){.tensor = s->tensor, .span = t->span};
    *r = (Region){.span = t->span};
    for (int i = 0; i < s->lead; i++) {
        vec_push(a, &target->subs, x_index(a, l->cx.lead[i], t->span));
        vec_push(a, &r->lo, l->cx.lead[i]->lo);
        vec_push(a, &r->hi, l->cx.lead[i]->hi);
    }
    for (int i = 0; i < t->subs.n; i++) {
        bool wrong = false;
        const AExpr *name = find_index(l->frame, t->subs.at[i], false, &wrong);
        Index *index = name && !wrong ? l->stmt->idx.at[stmt_index(l->stmt, name->name.text)] : NULL;
        Expr *sub = check_i64(&cx, t->subs.at[i]);
        if (!sub || wrong || (index && !index->lo)) return false;
        Expr *one = x_int(a, DT_I64, 1, sub->span);
        vec_push(a, &target->subs, sub);
        vec_push(a, &r->lo, index ? substitute(c, sub, index, index->lo) : sub);
        vec_push(a, &r->hi, index ? substitute(c, sub, index, index->hi) : substitute(c, x_op(a, OP_ADD, sub, one, NULL, sub->span), NULL, NULL));
    }
    return true;
}

/* Makes the tensor of a temporary at its first definition. */
static void first_definition(Left *l, Sym *s, const ATarget *t, DType type) {
    Check *c = l->frame->check;
    if (s->tensor) return;
    const char *name = arena_printf(c->arena, "%s%s", l->frame->prefix, s->name);
    s->tensor = check_new_tensor(c, name_of(c->program->names, name), TR_TEMP, type, t->name.span);
    s->tensor->rank = s->lead + t->subs.n;
    s->tensor->shape = NEW_ARRAY(c->arena, Expr *, s->tensor->rank + 1);
    s->span = t->name.span;
}

static bool target_rank(Left *l, const ATarget *t, const Sym *s) {
    if (t->subs.n == s->tensor->rank - s->lead) return true;
    if (s->bad) return false;
    Diag *d = diag_error(l->frame->check->diags, t->span, "'%s' has %d dimension%s, %d subscript%s given", s->name, s->tensor->rank - s->lead, s->tensor->rank - s->lead == 1 ? "" : "s", t->subs.n, t->subs.n == 1 ? "" : "s");
    if (s->span.src) diag_note(d, s->span, s->is_output ? "it is declared here" : "its first definition");
    return false;
}

/* A temporary's extent on an axis: the largest end of its regions. */
static void temporary_shape(Frame *f, Sym *s) {
    Affine *affine = f->check->affine;
    for (int axis = 0; axis < s->tensor->rank; axis++) {
        Expr *largest = NULL;
        for (int i = 0; i < s->regions.n && !largest; i++) {
            bool is = true;
            for (int k = 0; k < s->regions.n && is; k++) is = affine_le(affine, NULL, s->regions.at[k].hi.at[axis], s->regions.at[i].hi.at[axis]);
            if (is) largest = s->regions.at[i].hi.at[axis];
        }
        if (!largest) {
            Diag *d = diag_error(f->check->diags, s->span, "the extent of '%s' is not clear: none of its definitions provably reaches furthest along dimension %d", s->name, axis - s->lead + 1);
            for (int i = 0; i < s->regions.n && i < 4; i++) {
                Out out = out_new(f->check->arena);
                expr_print(s->regions.at[i].hi.at[axis], &out);
                diag_note(d, s->regions.at[i].span, "this one ends at %s", out.text);
            }
            s->bad = true;
            largest = s->regions.at[0].hi.at[axis];
        }
        s->tensor->shape[axis] = largest;
    }
}

/* After the last definition: the shape of a temporary, and that the regions make up the whole. */
static void finish_tensor(Frame *f, Sym *s) {
    if (s->bad || !s->tensor || s->regions.n != s->defs) {
        s->bad = true;
        return;
    }
    if (!s->is_output) temporary_shape(f, s);
    if (s->bad) return;
    check_regions_disjoint(f, s);
    check_regions_cover(f, s);
    s->bad = false;     /* its shape and type are known: reads of it can be checked all the same */
}

/* --- integers ------------------------------------------------------------------------------------------------ */

/* What is known of all elements: of the earlier definitions' bounds those that hold here too. Bounds that only this definition has
 * are dropped unless it is the first, since the others are no longer at hand. */
static void join_interval(Frame *f, Sym *s, const Ctx *ctx, Expr *value) {
    if (!dtype_is_int(value->type)) return;
    Affine *affine = f->check->affine;
    Interval bounds = affine_interval(affine, ctx, value);
    if (s->defs_met) {
        const Interval *old = affine_get_interval(affine, s->tensor);
        Interval none = {0};
        bounds = affine_keep(affine, ctx, value, old ? old : &none);
    }
    affine_set_interval(affine, s->tensor, &bounds);
}

/* --- statements --------------------------------------------------------------------------------------------------------- */

static bool is_reduction(const AExpr *e) { return e->kind == A_REDUCE || e->kind == A_SCAN; }

/* The type of target i: declared, of an earlier definition, or of the value. */
static DType target_type(Left *l, Sym *s, DType declared, DType value, Span at) {
    if (s->tensor) {
        if (declared != DT_NONE && s->tensor->type != DT_NONE && declared != s->tensor->type)
            diag_error(l->frame->check->diags, at, "'%s' is %s already, here %s is written", s->name, dtype_name(s->tensor->type), dtype_name(declared));
        return s->tensor->type;
    }
    return declared != DT_NONE ? declared : value;
}

static Expr *check_value(Left *l, DType want) {
    const AExpr *e = l->ast->value;
    Cx cx = l->cx;
    cx.root = is_reduction(e);
    cx.results = l->ast->targets.n;
    if (l->ast->targets.n > 1 && !is_reduction(e)) {
        diag_error(l->frame->check->diags, e->span, "several targets need a reduction with several results, or a kernel with several outputs");
        return NULL;
    }
    return check_expr(&cx, e, want);
}

static DType result_type(const Expr *value, int i) {
    if (!value) return DT_NONE;
    return i == 0 ? value->type : value->reduce->comb->final.at[i]->type;
}

/* Several results of another type than their targets: they go to temporaries first. */
static Expr *store_value(Left *l, Expr *value, DType t) {
    if (!value) return NULL;
    bool root = value->kind == X_REDUCE;
    if (root && value->type != t) {
        Cx cx = l->cx;
        value = check_lift(&cx, value);
    }
    return check_store(&l->cx, value, t, l->ast->value->span, arena_printf(l->frame->check->arena, "'%s'", l->ast->targets.at[0].name.text));
}

static void define(Left *l, Expr *value, DType declared) {
    Frame *f = l->frame;
    Check *c = f->check;
    int n = l->ast->targets.n;
    bool good = l->good && value;
    for (int i = 0; i < n; i++) {
        const ATarget *t = &l->ast->targets.at[i];
        Sym *s = frame_sym(f, t->name.text);
        if (!s || s->kind != SYM_TENSOR) continue;
        DType type = target_type(l, s, declared, result_type(value, i), t->span);
        bool other = n > 1 && value && type != result_type(value, i) && type != DT_NONE;
        if (other) {
            diag_error(c->diags, t->span, "'%s' is %s, but result %d of the reduction is %s", s->name, dtype_name(type), i + 1, dtype_name(result_type(value, i)));
            good = false;
        }
        if (!s->tensor && !good) type = declared;
        first_definition(l, s, t, type);
        Target target;
        Region region;
        bool placed = !l->skip && (good || t->subs.n) && target_rank(l, t, s) && check_target(l, t, s, &target, &region);
        if (n == 1) value = good ? store_value(l, value, type) : NULL, good = good && value;
        if (good && n == 1 && placed) join_interval(f, s, l->cx.ctx, value);
        s->defs_met++;
        if (placed) {
            vec_push(c->arena, &s->regions, region);
            vec_push(c->arena, &l->stmt->targets, target);
            if (s->is_output) check_region_inside(f, s, l->cx.ctx, &region);
        }
        good &= placed;
        s->bad |= !good;
        if (s->defs_met == s->defs) {
            bool bad = s->bad;
            s->bad = s->regions.n != s->defs;
            finish_tensor(f, s);
            s->bad |= bad;
        }
    }
    l->stmt->value = value;
    if (!good) return;
    l->stmt->id = c->kernel->stmts.n;
    vec_push(c->arena, &c->kernel->stmts, l->stmt);
}

static Left begin(Frame *f, const AStmt *s) {
    Check *c = f->check;
    Left l = {.frame = f, .ast = s, .good = true};
    l.stmt = NEW(c->arena, Stmt);
    l.stmt->span = s->span;
    l.cx = (Cx){.frame = f, .check = c};
    return l;
}

enum { STMTS_MAX = 5000 };

static void check_definition(Frame *f, const AStmt *s) {
    Check *c = f->check;
    if (c->kernel->stmts.n >= STMTS_MAX) {
        diag_error(c->diags, f->caller ? f->call : s->span, "the kernel has more than %d statements, those of its calls included", STMTS_MAX);
        c->full = true;
        return;
    }
    Left *l = NEW(c->arena, Left);
    *l = begin(f, s);
    Sym *first = frame_sym(f, s->targets.at[0].name.text);
    l->stmt_cx = (StmtCx){.stmt = l->stmt, .base = name_of(c->program->names, arena_printf(c->arena, "%s%s", f->prefix, s->targets.at[0].name.text))};
    l->cx.stmt = &l->stmt_cx;
    add_lead(l, first && first->kind == SYM_TENSOR ? first->lead : 0);
    for (int i = 0; i < s->targets.n; i++) gather_indices(l, &s->targets.at[i], i == 0);
    for (int i = 0; i < s->targets.n; i++) {
        const ATarget *t = &s->targets.at[i];
        Sym *sym = frame_sym(f, t->name.text);
        if (t->subs.n && sym && sym->kind == SYM_TENSOR && sym->tensor && !target_rank(l, t, sym)) l->good = false, l->skip = true;
    }
    check_where(l);
    if (!l->skip) check_ranges(l);
    DType declared = s->dtype.text ? check_dtype(f, s->dtype, c) : DT_NONE;
    DType known = first && first->tensor ? first->tensor->type : declared;
    Expr *value = l->skip ? NULL : check_value(l, known);
    define(l, value, declared);
}

/* --- checks ------------------------------------------------------------------------------------------------------------- */

static bool reads_temporary(void *context, Expr *e) {
    if (e->kind == X_READ && e->tensor->role != TR_INPUT) *(bool *)context = true;
    return true;
}

/* In an inlined call an argument may be computed: then the check must be provable. */
static bool provable_only(Left *l, Expr *cond) {
    Frame *f = l->frame;
    bool temporary = false;
    expr_walk(cond, reads_temporary, &temporary);
    if (!temporary) return false;
    if (affine_true(f->check->affine, l->cx.ctx, cond)) return true;
    Diag *d = diag_error(f->check->diags, f->call, "a check of '%s' on a computed argument cannot be proved", f->ast->name.text);
    diag_note(d, l->ast->span, "the check: it is made before anything is computed");
    return true;
}

static void check_check(Frame *f, const AStmt *s) {
    Check *c = f->check;
    Left *l = NEW(c->arena, Left);
    *l = begin(f, s);
    add_lead(l, f->lead.n);
    check_where(l);
    check_ranges(l);
    l->cx.parameters = !f->caller;
    l->cx.subscript = true;         /* like the ranges and subscripts that it is about, a check does not wrap at 32 bits */
    l->cx.what = s->kind == AS_CHECK ? "a check" : "an assume";
    Expr *cond = check_bool(&l->cx, s->value, l->cx.what);
    if (!cond || !l->good || (f->caller && provable_only(l, cond))) return;
    Index **idx = l->stmt->idx.at;
    int n = l->stmt->idx.n;
    check_add_fact(c, s->kind == AS_CHECK ? FACT_CHECK : FACT_ASSUME, idx, n, cond, check_expr_text(c, cond), s->span);
    if (n) affine_assume_all(c->affine, idx, n, cond);
    else affine_assume(c->affine, cond);
}

void check_stmt(Frame *f, const AStmt *s) {
    if (f->check->full) return;
    if (s->kind != AS_DEF) {
        check_check(f, s);
        return;
    }
    Cx cx = {.frame = f, .check = f->check};
    const Def *callee = s->value->kind == A_CALL ? check_kernel_callee(&cx, s->value) : NULL;
    if (callee) check_inline(&cx, s, s->value, callee);
    else check_definition(f, s);
}
