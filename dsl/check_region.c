/* Piecewise definitions: the regions of a tensor lie inside it, do not overlap and leave nothing out. Each question is put to the
 * prover about one point with a free variable an axis. */
#include "dsl/check.h"

typedef struct Point { Index **axis; int n; } Point;

static Point new_point(Check *c, int n) {
    Point p = {NEW_ARRAY(c->arena, Index *, n + 1), n};
    for (int i = 0; i < n; i++) {
        p.axis[i] = NEW(c->arena, Index);
        p.axis[i]->name = name_of(c->program->names, arena_printf(c->arena, "subscript %d", i + 1));
    }
    return p;
}

/* lo <= p < hi on every axis; NULL for rank 0. */
static Expr *inside(Check *c, Point p, Expr *const *lo, Expr *const *hi) {
    Arena *a = c->arena;
    Span at = {0};
    Expr *all = NULL;
    for (int i = 0; i < p.n; i++) {
        Expr *x = x_index(a, p.axis[i], at);
        Expr *both = x_op(a, OP_AND, x_op(a, OP_GE, x, lo[i], NULL, at), x_op(a, OP_LT, x, hi[i], NULL, at), NULL, at);
        all = all ? x_op(a, OP_AND, all, both, NULL, at) : both;
    }
    return all ? all : x_int(a, DT_BOOL, 1, at);
}

static const char *element(Check *c, Sym *s, const Ctx *ctx) { (void)s; return affine_example(c->affine, ctx, lin_const(-1)); }

void check_region_inside(Frame *f, Sym *s, const Ctx *ctx, const Region *r) {
    Check *c = f->check;
    Tensor *t = s->tensor;
    for (int i = s->lead; i < r->lo.n && i < t->rank; i++) {
        bool overflow = false;
        Lin lo = affine_of(c->affine, NULL, r->lo.at[i]), hi = affine_of(c->affine, NULL, r->hi.at[i]);
        Lin room = lin_add(c->arena, affine_of(c->affine, NULL, t->shape[i]), -1, hi, &overflow);
        /* an empty region is inside whatever its ends: the context holds the ranges of the statement's indices */
        bool below = affine_ge0(c->affine, ctx, lo), above = !overflow && affine_ge0(c->affine, ctx, room);
        if (below && above) continue;
        Out bound = out_new(c->arena);
        expr_print(t->shape[i], &bound);
        Diag *d = diag_error(c->diags, r->span, "subscript %d of '%s' may leave the tensor: the statement defines %s to %s, its extent is %s", i - s->lead + 1, s->name,
                             affine_text(c->affine, lo), affine_text(c->affine, lin_add(c->arena, hi, 1, lin_const(-1), &overflow)), bound.text);
        const char *example = affine_example(c->affine, ctx, below ? room : lo);
        if (example) diag_note(d, r->span, "for example with %s", example);
        if (t->span.src) diag_note(d, t->span, "'%s' is declared here", s->name);
        if (ctx && ctx->kind == CTX_INDEX) diag_help(d, "give the index a smaller range: ... where %s in 0..n", ctx->index->name);
        s->bad = true;
        return;
    }
}

/* b begins where a ends, or later, along some axis: seen without the prover. */
static bool plainly_apart(Check *c, const Region *a, const Region *b) {
    for (int i = 0; i < a->lo.n; i++)
        for (int side = 0; side < 2; side++) {
            bool overflow = false;
            const Region *x = side ? b : a, *y = side ? a : b;
            Lin gap = lin_add(c->arena, affine_of(c->affine, NULL, y->lo.at[i]), -1, affine_of(c->affine, NULL, x->hi.at[i]), &overflow);
            if (!overflow && lin_is_const(gap) && gap.c >= 0) return true;
        }
    return false;
}

void check_regions_disjoint(Frame *f, Sym *s) {
    Check *c = f->check;
    for (int x = 1; x < s->regions.n; x++)
        for (int y = 0; y < x; y++) {
            Region *a = &s->regions.at[x], *b = &s->regions.at[y];
            if (a->lo.n != b->lo.n || plainly_apart(c, a, b)) continue;
            Point p = new_point(c, a->lo.n);
            Ctx in_b = {.kind = CTX_TRUE, .cond = inside(c, p, b->lo.at, b->hi.at)};
            Ctx in_a = {.up = &in_b, .kind = CTX_TRUE, .cond = inside(c, p, a->lo.at, a->hi.at)};
            if (p.n && affine_unreachable(c->affine, &in_a)) continue;
            Diag *d = diag_error(c->diags, a->span, "elements of '%s' are defined twice, or that they are not cannot be proved", s->name);
            diag_note(d, b->span, "the other definition");
            const char *example = element(c, s, &in_a);
            if (example) diag_note(d, a->span, "for example %s", example);
            s->bad = true;
            return;
        }
}

enum { REGIONS_MAX = 12 };

static bool same(Check *c, Expr *x, Expr *y) { return x == y || lin_equal(affine_of(c->affine, NULL, x), affine_of(c->affine, NULL, y)); }

/* The axis along which b goes on where a ends, all others alike; -1 when they do not fit together. */
static int joint(Check *c, const Region *a, const Region *b) {
    int axis = -1;
    for (int i = 0; i < a->lo.n; i++) {
        if (same(c, a->lo.at[i], b->lo.at[i]) && same(c, a->hi.at[i], b->hi.at[i])) continue;
        if (axis >= 0 || !same(c, a->hi.at[i], b->lo.at[i])) return -1;
        axis = i;
    }
    return axis;
}

/* The regions with neighbours put together: many columns defined one by one are one region. A region joined to another may begin
 * after its end when one of them is empty; what they cover together is then less than the joint one, so only regions whose ends are
 * in order are put together. */
static Regions merged(Check *c, const Regions *from) {
    Regions r = {0};
    for (int i = 0; i < from->n; i++) {
        Region copy = {.span = from->at[i].span};
        for (int k = 0; k < from->at[i].lo.n; k++) {
            vec_push(c->arena, &copy.lo, from->at[i].lo.at[k]);
            vec_push(c->arena, &copy.hi, from->at[i].hi.at[k]);
        }
        vec_push(c->arena, &r, copy);
    }
    for (bool changed = true; changed;) {
        changed = false;
        for (int x = 0; x < r.n && !changed; x++)
            for (int y = 0; y < r.n && !changed; y++) {
                int axis = x == y ? -1 : joint(c, &r.at[x], &r.at[y]);
                if (axis < 0) continue;
                if (!affine_le(c->affine, NULL, r.at[x].lo.at[axis], r.at[x].hi.at[axis]) || !affine_le(c->affine, NULL, r.at[y].lo.at[axis], r.at[y].hi.at[axis])) continue;
                r.at[x].hi.at[axis] = r.at[y].hi.at[axis];
                r.at[y] = r.at[--r.n];
                changed = true;
            }
    }
    return r;
}

void check_regions_cover(Frame *f, Sym *s) {
    Check *c = f->check;
    Tensor *t = s->tensor;
    if (!t->rank || !s->regions.n || s->bad) return;
    Regions regions = merged(c, &s->regions);
    if (regions.n > REGIONS_MAX) {
        diag_error(c->diags, regions.at[REGIONS_MAX].span, "'%s' is defined in more than %d regions that are no neighbours", s->name, REGIONS_MAX);
        return;
    }
    Point p = new_point(c, t->rank);
    Expr **zero = NEW_ARRAY(c->arena, Expr *, t->rank);
    for (int i = 0; i < t->rank; i++) zero[i] = x_int(c->arena, DT_I64, 0, t->span);
    Ctx chain[REGIONS_MAX + 1];
    chain[0] = (Ctx){.kind = CTX_TRUE, .cond = inside(c, p, zero, t->shape)};
    for (int i = 0; i < regions.n; i++)
        chain[i + 1] = (Ctx){.up = &chain[i], .kind = CTX_FALSE, .cond = inside(c, p, regions.at[i].lo.at, regions.at[i].hi.at)};
    const Ctx *left_out = &chain[regions.n];
    if (affine_unreachable(c->affine, left_out)) return;
    Out shape = out_new(c->arena);
    for (int i = s->lead; i < t->rank; i++) {
        if (i > s->lead) out_s(&shape, ", ");
        expr_print(t->shape[i], &shape);
    }
    Diag *d = diag_error(c->diags, s->regions.at[s->regions.n - 1].span, "the definition%s of '%s' %s not cover it: its shape is [%s]", s->regions.n == 1 ? "" : "s", s->name, s->regions.n == 1 ? "does" : "do", shape.text);
    const char *example = element(c, s, left_out);
    if (example) diag_note(d, s->regions.at[0].span, "left out, for example: %s", example);
    if (s->is_output) diag_note(d, t->span, "'%s' is declared here", s->name);
    else diag_help(d, "a temporary is the box from 0 to the largest end of its definitions");
    s->bad = true;
}
