/* Reductions and scans. */
#include "dsl/check.h"
#include <assert.h>

typedef struct CombRow { const char *name; CombKind kind; int accepts; } CombRow;
static const CombRow builtin[] = {
    {"sum", CK_SUM, OPA_FI}, {"prod", CK_PROD, OPA_FI}, {"max", CK_MAX, OPA_FI}, {"min", CK_MIN, OPA_FI}, {"mean", CK_MEAN, OPA_F},
    {"any", CK_ANY, OPA_B}, {"all", CK_ALL, OPA_B}, {"argmax", CK_ARGMAX, OPA_FI}, {"argmin", CK_ARGMIN, OPA_FI}};

static const CombRow *builtin_row(const char *name) {
    for (size_t i = 0; i < sizeof builtin / sizeof *builtin; i++)
        if (!strcmp(builtin[i].name, name)) return &builtin[i];
    return NULL;
}

static int accept_bit(DType t) { return dtype_is_float(t) ? OPA_F : dtype_is_int(t) ? OPA_I : OPA_B; }
static bool accumulates(CombKind k) { return k == CK_SUM || k == CK_PROD || k == CK_MEAN; }

static Cx enter(Cx *cx, Index *index) {
    Arena *a = cx->check->arena;
    Env *env = NEW(a, Env);
    *env = (Env){.up = cx->env, .name = index->name, .index = index};
    Ctx *ctx = NEW(a, Ctx);
    *ctx = (Ctx){.up = cx->ctx, .kind = CTX_INDEX, .index = index};
    Cx inner = *cx;
    inner.env = env;
    inner.ctx = ctx;
    return inner;
}

/* The text of the reduction's brackets up to index i, with a range put in: for the help of a missing range. */
static const char *suggestion(Cx *cx, const AExpr *e, Name index) {
    return arena_printf(cx->check->arena, "%s%s[... %s in 0..N ...]", e->is_reduce ? "reduce " : "", e->comb.text, index);
}

/* The indices of the brackets, each with its range; *inner sees them. */
static bool check_iters(Cx *cx, const AExpr *e, Reduce *r, Cx *inner) {
    Check *c = cx->check;
    bool good = true;
    VEC(const AExpr *) places = {0};
    if (e->pred) vec_push(c->arena, &places, e->pred);
    for (int i = 0; i < e->args.n; i++) vec_push(c->arena, &places, e->args.at[i]);
    for (int i = 0; i < e->iters.n; i++) {
        const AIter *it = &e->iters.at[i];
        if (!check_index_name(inner, it->name)) return false;
        for (int k = 0; k < r->idx.n; k++)
            if (r->idx.at[k]->name == it->name.text) return diag_error(c->diags, it->name.span, "index '%s' stands twice in the brackets", it->name.text), false;
        Index *index = check_new_index(c, it->name.text, NULL, NULL, it->name.span);
        if (it->lo) {
            index->lo = check_i64(inner, it->lo);
            index->hi = index->lo ? check_i64(inner, it->hi) : NULL;
            if (!index->lo || !index->hi) good = false, index->lo = index->hi = NULL;
        } else good &= check_infer_range(inner, index, places.at, places.n, it->name.span, suggestion(cx, e, it->name.text));
        vec_push(c->arena, &r->idx, index);
        *inner = enter(inner, index);
        if (index->lo && !(affine_dims_only(index->lo) && affine_dims_only(index->hi))) inner->scoped = true;
    }
    return good;
}

static void under_predicate(Cx *inner, Expr *pred) {
    Ctx *ctx = NEW(inner->check->arena, Ctx);
    *ctx = (Ctx){.up = inner->ctx, .kind = CTX_TRUE, .cond = pred};
    inner->ctx = ctx;
    inner->scoped = true;
}

/* The accumulation type: written in <>, or the one that the operand computes in. */
static DType accumulation(Cx *cx, const AExpr *e, CombKind kind, DType operand) {
    if (!e->name.text) return accumulates(kind) ? dtype_table[operand].compute : operand;
    DType t = check_dtype(cx->frame, e->name, cx->check);
    if (t == DT_NONE) return t;
    if (!accumulates(kind) && kind != CK_USER) {
        diag_error(cx->check->diags, e->name.span, "'%s' keeps the type of its operand: an accumulation type is for sum, prod, mean and reduce", e->comb.text);
        return DT_NONE;
    }
    if (t != dtype_table[t].compute || t == DT_BOOL) {
        Diag *d = diag_error(cx->check->diags, e->name.span, "%s does not accumulate", dtype_name(t));
        diag_help(d, "reductions accumulate in f32, f64, i32 or i64");
        return DT_NONE;
    }
    return t;
}

static void wrong_operand(Cx *cx, const AExpr *e, CombKind kind, Expr *x) {
    Diag *d = diag_error(cx->check->diags, e->args.at[0]->span, "'%s' does not reduce %s", e->comb.text, dtype_name(x->type));
    if (kind == CK_MEAN) diag_help(d, "convert the elements: mean[...] f32(...)");
    else if (x->type == DT_BOOL) diag_help(d, "count with a predicate, sum[i | ...] 1, or convert: i32(...)");
    else diag_help(d, "compare the elements: they must be bools");
}

static Expr *builtin_operand(Cx *cx, Cx *inner, const AExpr *e, const CombRow *row, DType want, Comb *comb) {
    if (e->args.n != 1) {
        diag_error(cx->check->diags, e->span, "'%s' takes one operand, %d given", e->comb.text, e->args.n);
        return NULL;
    }
    if (row->kind == CK_ARGMAX || row->kind == CK_ARGMIN || want == DT_BOOL) want = DT_NONE;
    if (want != DT_NONE && accumulates(row->kind)) want = dtype_table[want].compute;
    if (e->name.text && check_is_flexible(inner, e->args.at[0])) want = check_dtype(cx->frame, e->name, cx->check);
    Expr *x = check_expr(inner, e->args.at[0], want);
    if (!x) return NULL;
    if (!(row->accepts & accept_bit(x->type))) return wrong_operand(cx, e, row->kind, x), NULL;
    comb->type = accumulation(cx, e, row->kind, x->type);
    if (comb->type == DT_NONE) return NULL;
    if (dtype_table[comb->type].kind != dtype_table[x->type].kind) {
        Diag *d = diag_error(cx->check->diags, e->name.span, "%s cannot accumulate %s", dtype_name(comb->type), dtype_name(x->type));
        diag_help(d, "convert the operand: %s(...)", dtype_name(comb->type));
        return NULL;
    }
    return x_convert(cx->check->arena, comb->type, x, x->span);
}

static Expr *finish_builtin(Cx *cx, Cx *inner, const AExpr *e, Reduce *r, DType want) {
    Comb *comb = NEW(cx->check->arena, Comb);
    const CombRow *row = builtin_row(e->comb.text);
    assert(row);        /* the grammar knows no other */
    *comb = (Comb){.kind = row->kind, .span = e->comb.span};
    Expr *x = builtin_operand(cx, inner, e, row, want, comb);
    if (!x) return NULL;
    if (cx->root && cx->results > 1) {
        diag_error(cx->check->diags, e->span, "'%s' gives one result, %d targets stand on the left side", e->comb.text, cx->results);
        return NULL;
    }
    bool arg = row->kind == CK_ARGMAX || row->kind == CK_ARGMIN;
    if (arg && r->idx.n != 1) {
        diag_error(cx->check->diags, e->span, "'%s' gives the value of one index, %d stand in its brackets", e->comb.text, r->idx.n);
        return NULL;
    }
    r->comb = comb;
    vec_push(cx->check->arena, &r->operands, x);
    return x_reduce(cx->check->arena, r, arg ? DT_I64 : comb->type, e->span);
}

static Expr *finish_user(Cx *cx, Cx *inner, const AExpr *e, Reduce *r, int results) {
    Check *c = cx->check;
    Def *d = program_find(c->program, e->comb.text, false);
    if (!d || !d->comb) {
        Diag *x = diag_error(c->diags, e->comb.span, d ? "'%s' is a function, not a combinator" : "there is no combinator '%s'", e->comb.text);
        VEC(const char *) near = {0};
        for (int i = 0; i < c->program->defs.n; i++)
            if (c->program->defs.at[i].comb) vec_push(c->arena, &near, c->program->defs.at[i].name);
        const char *guess = diag_nearest(e->comb.text, near.at, near.n);
        if (guess) diag_edit(x, e->comb.span, guess, "did you mean '%s'?", guess);
        return NULL;
    }
    DType asked = e->name.text ? accumulation(cx, e, CK_USER, DT_F32) : DT_NONE;
    Comb *comb = check_combinator(c, d, asked);
    if (!comb) return NULL;
    if (e->args.n != comb->inputs.n) {
        Diag *x = diag_error(c->diags, e->span, "the combinator '%s' takes %d operand%s, %d given", e->comb.text, comb->inputs.n, comb->inputs.n == 1 ? "" : "s", e->args.n);
        diag_note(x, d->span, "it is defined here");
        return NULL;
    }
    if (comb->final.n != results) {
        Diag *x = diag_error(c->diags, e->span, "'%s' gives %d result%s, here %d %s expected", e->comb.text, comb->final.n, comb->final.n == 1 ? "" : "s", results, results == 1 ? "is" : "are");
        diag_help(x, "several results are the whole right side: (a[n], b[n]) = reduce %s[...] ...", e->comb.text);
        return NULL;
    }
    bool good = true;
    for (int i = 0; i < e->args.n; i++) {
        DType t = comb->inputs.at[i]->type;
        Expr *x = check_store(inner, check_expr(inner, e->args.at[i], t), t, e->args.at[i]->span, arena_printf(c->arena, "the input '%s' of '%s'", comb->inputs.at[i]->name, e->comb.text));
        good &= x != NULL;
        vec_push(c->arena, &r->operands, x);
    }
    r->comb = comb;
    return good ? x_reduce(c->arena, r, comb->final.at[0]->type, e->span) : NULL;
}

/* --- scans -------------------------------------------------------------------------------------------------------------- */

typedef struct Mention { Index *index; bool found; } Mention;

static bool mentions(void *context, Expr *e) {
    Mention *m = context;
    m->found |= (e->kind == X_INDEX && e->index == m->index) || (e->kind == X_REDUCE && e->reduce->along == m->index);
    return !m->found;
}

static Index *find_index(Cx *cx, Name name) {
    for (const Env *env = cx->env; env && !env->fence; env = env->up)
        if (env->name == name) return env->index;
    return NULL;
}

static bool scan_head(Cx *cx, const AExpr *e, Reduce *r, Cx *inner) {
    static const ScanRel relation[AO_COUNT] = {[AO_LT] = SCAN_LT, [AO_LE] = SCAN_LE, [AO_GT] = SCAN_GT, [AO_GE] = SCAN_GE};
    Check *c = cx->check;
    const AIter *it = &e->iters.at[0];
    r->scan = relation[e->op];
    r->along = find_index(cx, e->field.text);
    if (!r->along) {
        Diag *d = diag_error(c->diags, e->field.span, "a scan runs along an index, and there is no index '%s' here", e->field.text);
        diag_help(d, "name an index of the left side: t[n, d] = scan sum[e <= d] x[n, e]");
        return false;
    }
    if (!check_index_name(cx, it->name)) return false;
    if (it->name.text == e->field.text) {
        diag_error(c->diags, it->name.span, "the scan's own index needs a name other than '%s'", e->field.text);
        return false;
    }
    Index *index = check_new_index(c, it->name.text, r->along->lo, r->along->hi, it->name.span);
    if (!index->lo) return false;
    vec_push(c->arena, &r->idx, index);
    *inner = enter(inner, index);
    if (!(affine_dims_only(index->lo) && affine_dims_only(index->hi))) inner->scoped = true;
    return true;
}

static bool scan_operand_free(Cx *cx, const AExpr *e, Reduce *r) {
    for (int i = 0; i < r->operands.n; i++) {
        Mention m = {.index = r->along};
        expr_walk(r->operands.at[i], mentions, &m);
        if (!m.found) continue;
        Diag *d = diag_error(cx->check->diags, e->args.at[i]->span, "the operand of a scan may not mention '%s', along which it runs", e->field.text);
        diag_help(d, "it sees the positions '%s'; what depends on '%s' goes outside of the scan", e->iters.at[0].name.text, e->field.text);
        return false;
    }
    return true;
}

Expr *check_reduce(Cx *cx, const AExpr *e, DType want) {
    int results = cx->root && cx->results ? cx->results : 1;
    bool root = cx->root;
    Reduce *r = NEW(cx->check->arena, Reduce);
    Cx inner = *cx;
    inner.root = false;
    inner.results = 0;
    inner.subscript = false;
    bool good = e->kind == A_SCAN ? scan_head(cx, e, r, &inner) : check_iters(cx, e, r, &inner);
    if (!good && r->idx.n < e->iters.n) return NULL;
    if (e->pred) {
        r->pred = check_bool(&inner, e->pred, "a predicate");
        if (r->pred) under_predicate(&inner, r->pred);
        good &= r->pred != NULL;
    }
    Expr *x = e->is_reduce ? finish_user(cx, &inner, e, r, results) : finish_builtin(cx, &inner, e, r, want);
    if (x && e->kind == A_SCAN) good &= scan_operand_free(cx, e, r);
    if (!x || !good) return NULL;
    if (!root) x = check_lift(cx, x);
    return cx->subscript && dtype_is_int(x->type) ? x_convert(cx->check->arena, DT_I64, x, x->span) : x;
}
