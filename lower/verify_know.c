/* What the verifier knows of expressions and places. */
#include "lower/verify_impl.h"

/* --- numbers -------------------------------------------------------------------------------------------------------------------------- */

static Bounds exactly(int64_t x) { return (Bounds){true, true, x, x}; }

static Bounds added(Bounds x, Bounds y, int sign) {
    if (sign < 0) y = (Bounds){y.has_hi, y.has_lo, -y.hi, -y.lo};
    Bounds b = {x.has_lo && y.has_lo, x.has_hi && y.has_hi, 0, 0};
    if (b.has_lo) b.has_lo = !__builtin_add_overflow(x.lo, y.lo, &b.lo);
    if (b.has_hi) b.has_hi = !__builtin_add_overflow(x.hi, y.hi, &b.hi);
    return b;
}

static Bounds multiplied(Bounds x, Bounds y) {
    Bounds b = {0};
    if (!x.has_lo || !y.has_lo || x.lo < 0 || y.lo < 0) return b;
    b.has_lo = !__builtin_mul_overflow(x.lo, y.lo, &b.lo);
    b.has_hi = x.has_hi && y.has_hi && !__builtin_mul_overflow(x.hi, y.hi, &b.hi);
    return b;
}

static int64_t floor_div(int64_t x, int64_t y) { return x / y - (x % y < 0); }

static Bounds divided(Bounds x, Bounds y) {
    Bounds b = {0};
    if (!y.has_lo || y.lo <= 0) return b;
    if (x.has_lo && x.lo >= 0) b.has_lo = true, b.lo = y.has_hi ? x.lo / y.hi : 0;
    else if (x.has_lo) b.has_lo = true, b.lo = floor_div(x.lo, y.lo);
    if (x.has_hi) b.has_hi = true, b.hi = x.hi >= 0 ? x.hi / y.lo : -1;
    return b;
}

static Bounds extreme(Bounds x, Bounds y, bool least) {
    Bounds b;
    b.has_lo = least ? x.has_lo && y.has_lo : x.has_lo || y.has_lo;
    b.has_hi = least ? x.has_hi || y.has_hi : x.has_hi && y.has_hi;
    b.lo = !x.has_lo ? y.lo : !y.has_lo ? x.lo : (x.lo < y.lo) == least ? x.lo : y.lo;
    b.hi = !x.has_hi ? y.hi : !y.has_hi ? x.hi : (x.hi < y.hi) == least ? x.hi : y.hi;
    return b;
}

static const TileLevel *level_of_step(const TileNodes *body, const Index *i) {
    for (int k = 0; k < body->n; k++) {
        for (int l = 0; l < body->at[k]->levels.n; l++)
            if (body->at[k]->levels.at[l].step_var == i) return &body->at[k]->levels.at[l];
        const TileLevel *found = level_of_step(&body->at[k]->body, i);
        if (found) return found;
    }
    return NULL;
}

Bounds verify_bounds(Verify *v, const Expr *e) {
    if (e->kind == X_LIT) return exactly(e->lit_i);
    if (e->kind == X_DIM) return (Bounds){true, false, 0, 0};
    if (e->kind == X_INDEX) {
        const TileLevel *l = v->s ? level_of_step(&v->s->body, e->index) : NULL;
        return l ? verify_bounds(v, l->step) : (Bounds){0};
    }
    if (e->kind != X_OP || e->type != DT_I64 || e->args.n != 2) return (Bounds){0};
    Bounds x = verify_bounds(v, e->args.at[0]), y = verify_bounds(v, e->args.at[1]);
    switch (e->op) {
    case OP_ADD: return added(x, y, 1);
    case OP_SUB: return added(x, y, -1);
    case OP_MUL: return multiplied(x, y);
    case OP_FLOORDIV: return divided(x, y);
    case OP_MIN: return extreme(x, y, true);
    case OP_MAX: return extreme(x, y, false);
    default: return (Bounds){0};
    }
}

/* --- places --------------------------------------------------------------------------------------------------------------------------- */

TileAxis *verify_axis(const Verify *v, const Index *i) { return i->id < v->p->kernel->n_indices ? v->s->axis_of[i->id] : NULL; }

const TileLevel *verify_level(const Spot *at, const TileAxis *axis) {
    for (int i = at->depth; i-- > 0;)
        for (int l = at->loop[i]->levels.n; l-- > 0;)
            if (at->loop[i]->levels.at[l].axis == axis) return &at->loop[i]->levels.at[l];
    return NULL;
}

Work verify_work(const TileNode *n) {
    if (n->fact) return (Work){(Index *const *)n->fact->idx.at, n->fact->idx.n, n->fact->cond, NULL};
    const Stmt *s = n->stmt;
    return (Work){(Index *const *)s->idx.at, s->idx.n, s->value, s->value->kind == X_REDUCE ? s->value->reduce : NULL};
}

bool verify_gives(const Verify *v, const TileNode *n) {
    if (n->kind != TILE_COMPUTE || !n->stmt) return false;
    if (n->part != TILE_STEP || !n->dot) return n->part == TILE_WHOLE || n->part == TILE_FINAL || n->part == TILE_SCAN;
    for (int i = 0; i < v->s->bufs.n; i++)
        if (v->s->bufs.at[i]->tensor == n->stmt->targets.at[0].tensor && v->s->bufs.at[i]->memory == TILE_ACC) return true;
    return false;
}

int verify_common(const Spot *x, const Spot *y) {
    int n = 0;
    while (n < x->depth && n < y->depth && x->loop[n] == y->loop[n]) n++;
    return n;
}

typedef struct Scope { Verify *v; const Spot *at; int depth; bool fine; VEC(Index *) own; } Scope;

static bool is_loop_variable(const Scope *s, const Index *i) {
    for (int k = 0; k < s->depth; k++)
        for (int l = 0; l < s->at->loop[k]->levels.n; l++)
            if (s->at->loop[k]->levels.at[l].var == i || s->at->loop[k]->levels.at[l].end == i) return true;
    return level_of_step(&s->v->s->body, i) != NULL;
}

static bool in_scope(void *context, Expr *e) {
    Scope *s = context;
    if (e->kind == X_REDUCE || e->kind == X_VAR) s->fine = false;
    if (e->kind == X_INDEX && !is_loop_variable(s, e->index)) s->fine = false;
    return s->fine;
}

bool verify_in_scope(Verify *v, const Spot *at, int depth, Expr *e) {
    Scope s = {.v = v, .at = at, .depth = depth, .fine = true};
    expr_walk(e, in_scope, &s);
    return s.fine;
}

typedef struct Pin { Verify *v; const Spot *at; } Pin;

static Expr *pin(void *context, Expr *e) {
    Pin *p = context;
    if (e->kind != X_INDEX) return NULL;
    const TileAxis *axis = verify_axis(p->v, e->index);
    const TileLevel *l = axis ? verify_level(p->at, axis) : NULL;
    int64_t one;
    return l && lo_is_int(l->step, &one) && one == 1 ? lo_index(p->v->a, l->var) : NULL;
}

Expr *verify_pinned(Verify *v, const Spot *at, Expr *e) { return lo_copy(v->a, e, pin, &(Pin){v, at}); }

/* --- proofs --------------------------------------------------------------------------------------------------------------------------- */

static Affine *affine(Verify *v) {
    if (v->affine) return v->affine;
    const Kernel *k = v->p->kernel;
    v->affine = affine_new(v->a);
    for (int i = 0; i < k->facts.n; i++) {
        const Fact *f = &k->facts.at[i];
        if (!f->idx.n && affine_dims_only(f->cond)) affine_assume(v->affine, f->cond);
        if (!f->idx.n && f->kind == FACT_WHERE) affine_assume(v->affine, f->cond);
    }
    if (v->s->when) affine_assume(v->affine, v->s->when);
    return v->affine;
}

static const Ctx *holds(Verify *v, const Ctx *up, Op op, Expr *x, Expr *y) {
    Ctx *c = NEW(v->a, Ctx);
    *c = (Ctx){.up = up, .kind = CTX_TRUE, .cond = x_op(v->a, op, x, y, NULL, (Span){0})};
    return c;
}

static const Ctx *level_context(Verify *v, const Spot *at, int loop, int level, const Ctx *up) {
    const TileLevel *l = &at->loop[loop]->levels.at[level];
    TileBlock around = tile_block(v->a, l->axis, at->loop, loop);
    Expr *var = lo_index(v->a, l->var), *end = lo_index(v->a, l->end), *step = l->step_var ? lo_index(v->a, l->step_var) : l->step;
    up = holds(v, up, OP_LE, around.lo, var);
    up = holds(v, up, OP_LT, var, end);
    up = holds(v, up, OP_LE, end, around.hi);
    up = holds(v, up, OP_LE, end, lo_add(v->a, var, step));
    if (l->step_var && l->most) up = holds(v, up, OP_LE, step, lo_int(v->a, l->most));
    return up;
}

const Ctx *verify_context(Verify *v, const Spot *at, Index *const *idx, int n, const Ctx *up) {
    for (int i = 0; i < at->depth; i++)
        for (int l = 0; l < at->loop[i]->levels.n; l++) up = level_context(v, at, i, l, up);
    for (int i = 0; i < n; i++) {
        Ctx *c = NEW(v->a, Ctx);
        *c = (Ctx){.up = up, .kind = CTX_INDEX, .index = idx[i]};
        up = c;
        const TileAxis *axis = verify_axis(v, idx[i]);
        if (!axis) continue;
        TileBlock b = verify_block(v, at, axis);
        up = holds(v, up, OP_LE, b.lo, lo_index(v->a, idx[i]));
        up = holds(v, up, OP_LT, lo_index(v->a, idx[i]), b.hi);
    }
    return up;
}

bool verify_le(Verify *v, const Ctx *ctx, Expr *x, Expr *y) {
    int64_t c, d;
    bool fine = expr_equal(x, y) || (lo_is_int(x, &c) && lo_is_int(y, &d) && c <= d);
    v->report->structural += fine;
    if (fine) return true;
    fine = affine_le(affine(v), ctx, x, y);
    v->report->proved += fine;
    return fine;
}

bool verify_equal(Verify *v, const Ctx *ctx, Expr *x, Expr *y) { return expr_equal(x, y) || (verify_le(v, ctx, x, y) && verify_le(v, ctx, y, x)); }
