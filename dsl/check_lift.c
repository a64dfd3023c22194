/* A reduction inside a statement becomes a statement of its own, over just the indices that it uses, unless it stands under a guard
 * or in a range that varies. */
#include "dsl/check.h"

typedef struct Free { VEC(Index *) used, bound; Arena *arena; } Free;

static void note(Free *f, Index *index, bool bound) {
    for (int i = 0; i < (bound ? f->bound.n : f->used.n); i++)
        if ((bound ? f->bound.at : f->used.at)[i] == index) return;
    if (bound) vec_push(f->arena, &f->bound, index);
    else vec_push(f->arena, &f->used, index);
}

static bool visit(void *context, Expr *e) {
    Free *f = context;
    if (e->kind == X_INDEX) note(f, e->index, false);
    if (e->kind == X_REDUCE) {
        if (e->reduce->along) note(f, e->reduce->along, false);
        for (int i = 0; i < e->reduce->idx.n; i++) note(f, e->reduce->idx.at[i], true);
    }
    return true;
}

static bool is_in(Index **at, int n, Index *index) {
    for (int i = 0; i < n; i++)
        if (at[i] == index) return true;
    return false;
}

static Name lifted_name(Cx *cx, Expr *reduce) {
    static const char *const word[] = {"sum", "prod", "max", "min", "mean", "any", "all", "argmax", "argmin"};
    Reduce *r = reduce->reduce;
    Arena *a = cx->check->arena;
    Names *names = cx->check->program->names;
    Name comb = name_of(names, r->comb->kind == CK_USER ? r->comb->name : word[r->comb->kind]);
    StmtCx *s = cx->stmt;
    int slot = 0;
    while (slot < s->n_counts && s->count[slot].comb != comb) slot++;
    if (slot == s->n_counts && slot < (int)(sizeof s->count / sizeof *s->count)) s->count[s->n_counts++].comb = comb;
    for (;;) {
        int n = slot < s->n_counts ? ++s->count[slot].n : cx->check->kernel->tensors.n;
        Name name = name_of(names, n == 1 ? arena_printf(a, "%s.%s", s->base, comb) : arena_printf(a, "%s.%s%d", s->base, comb, n));
        bool taken = false;
        for (int i = 0; i < cx->check->kernel->tensors.n; i++) taken |= cx->check->kernel->tensors.at[i]->name == name;
        if (!taken) return name;
        if (slot >= s->n_counts) cx->check->kernel->n_vars++;
    }
}

static bool is_zero(const Expr *e) { return e->kind == X_LIT && e->lit_i == 0; }

/* index - lo: where the element of `index` lies in the temporary, whose box begins at 0. */
static Expr *position(Arena *a, Index *index, Span at) {
    Expr *i = x_index(a, index, at);
    return is_zero(index->lo) ? i : x_op(a, OP_SUB, i, index->lo, NULL, at);
}

static Expr *extent(Arena *a, Index *index, Span at) {
    return is_zero(index->lo) ? index->hi : x_op(a, OP_SUB, index->hi, index->lo, NULL, at);
}

Expr *check_lift(Cx *cx, Expr *reduce) {
    if (!cx->stmt || cx->scoped) return reduce;
    Check *c = cx->check;
    Arena *a = c->arena;
    Free free = {.arena = a};
    expr_walk(reduce, visit, &free);
    VEC(Index *) domain = {0};
    for (const Ctx *ctx = cx->ctx; ctx; ctx = ctx->up)
        if (ctx->kind == CTX_INDEX && is_in(free.used.at, free.used.n, ctx->index) && !is_in(free.bound.at, free.bound.n, ctx->index)) {
            if (!ctx->index->lo) return reduce;
            vec_push(a, &domain, ctx->index);
        }
    Tensor *t = check_new_tensor(c, lifted_name(cx, reduce), TR_TEMP, reduce->type, reduce->span);
    Stmt *s = NEW(a, Stmt);
    *s = (Stmt){.id = c->kernel->stmts.n, .span = reduce->span, .value = reduce, .lifted = true};
    Target target = {.tensor = t, .span = reduce->span};
    Expr *read = x_read(a, t, reduce->span);
    t->rank = domain.n;
    t->shape = NEW_ARRAY(a, Expr *, domain.n + 1);
    for (int i = 0; i < domain.n; i++) {
        Index *index = domain.at[domain.n - 1 - i];
        vec_push(a, &s->idx, index);
        vec_push(a, &target.subs, position(a, index, reduce->span));
        vec_push(a, &read->args, position(a, index, reduce->span));
        t->shape[i] = extent(a, index, reduce->span);
    }
    vec_push(a, &s->targets, target);
    vec_push(a, &c->kernel->stmts, s);
    if (dtype_is_int(reduce->type)) {
        Interval bounds = affine_interval(c->affine, cx->ctx, reduce);
        affine_set_interval(c->affine, t, &bounds);
    }
    return read;
}
