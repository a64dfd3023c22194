#include "lower/access.h"

typedef struct Walk { const Low *l; const Path *path; bool fine; } Walk;

/* The block of an axis that is exactly one value wide: its innermost level has step 1. */
static bool is_pinned(const Path *p, const TileAxis *axis) {
    const TileLevel *v = stage_level_of(p, axis);
    int64_t step;
    return v && lo_is_int(v->step, &step) && step == 1;
}

static bool sees_pinned(void *context, Expr *e) {
    Walk *w = context;
    if (e->kind == X_REDUCE || e->kind == X_CALL || e->kind == X_VAR) w->fine = false;
    if (e->kind == X_INDEX) {
        const TileAxis *axis = stage_axis_of(w->l, e->index);
        w->fine = w->fine && axis && is_pinned(w->path, axis);
    }
    return w->fine;
}

static Expr *at_block(void *context, Expr *e) {
    Walk *w = context;
    if (e->kind != X_INDEX) return NULL;
    return path_block(w->l, w->path, stage_axis_of(w->l, e->index)).lo;
}

/* e's one value, when every index in it is pinned. */
static bool one_value(const Low *l, const Path *path, Expr *e, Hull *h) {
    Walk w = {l, path, true};
    expr_walk(e, sees_pinned, &w);
    if (!w.fine) return false;
    h->lo = lo_copy(l->a, e, at_block, &w);
    h->hi = lo_add(l->a, h->lo, lo_int(l->a, 1));
    h->width = lo_int(l->a, 1);
    h->most = 1;
    return true;
}

static int64_t most_add(int64_t x, int64_t y) { return x && y && x + y - 1 < INT32_MAX ? x + y - 1 : 0; }

/* A bound on the extent of an axis without a loop: over dims, when its range is. */
static bool whole_width(const Low *l, const TileAxis *axis, Hull *h) {
    Expr *w = lo_sub(l->a, axis->hi, axis->lo);
    Path none = {.n = 0};
    Walk any = {l, &none, true};
    expr_walk(w, sees_pinned, &any);
    int64_t v;
    h->width = lo_max(l->a, w, lo_int(l->a, 0));
    h->most = lo_is_int(h->width, &v) ? v : 0;
    return any.fine;
}

static bool hull_index(const Low *l, const Path *path, Expr *e, Hull *h) {
    const TileAxis *axis = stage_axis_of(l, e->index);
    if (!axis) {
        Hull lo, hi;
        if (!hull_of(l, path, e->index->lo, &lo) || !hull_of(l, path, e->index->hi, &hi)) return false;
        h->lo = lo.lo;
        h->hi = lo_sub(l->a, hi.hi, lo_int(l->a, 1));
        h->width = lo_max(l->a, lo_sub(l->a, h->hi, h->lo), lo_int(l->a, 0));
        h->most = 0;
        return stage_depth(path, h->width) == 0;
    }
    const TileLevel *v = stage_level_of(path, axis);
    TileBlock b = path_block(l, path, axis);
    h->lo = b.lo;
    h->hi = b.hi;
    if (!v) return whole_width(l, axis, h);
    h->width = v->step_var ? lo_index(l->a, v->step_var) : v->step;
    h->most = v->most;
    return true;
}

static Expr *last(const Low *l, const Hull *h) { return lo_sub(l->a, h->hi, lo_int(l->a, 1)); }
static Expr *behind(const Low *l, Expr *last_value) { return lo_add(l->a, last_value, lo_int(l->a, 1)); }

/* x + y, x - y: the extents add. */
static void sum(const Low *l, const Hull *x, const Hull *y, bool minus, Hull *h) {
    h->lo = minus ? lo_sub(l->a, x->lo, last(l, y)) : lo_add(l->a, x->lo, y->lo);
    h->hi = minus ? lo_sub(l->a, x->hi, y->lo) : lo_add(l->a, x->hi, last(l, y));
    h->width = lo_sub(l->a, lo_add(l->a, x->width, y->width), lo_int(l->a, 1));
    h->most = most_add(x->most, y->most);
}

static void scaled(const Low *l, const Hull *x, int64_t c, Hull *h) {
    Arena *a = l->a;
    int64_t by = c < 0 ? -c : c;
    Expr *f = lo_int(a, c);
    h->lo = lo_mul(a, c < 0 ? last(l, x) : x->lo, f);
    h->hi = behind(l, lo_mul(a, c < 0 ? x->lo : last(l, x), f));
    Expr *width = x->width->kind == X_INDEX ? x->width : lo_max(a, x->width, lo_int(a, 1));     /* no room is below 0 where a range is empty */
    h->width = lo_add(a, lo_mul(a, lo_sub(a, width, lo_int(a, 1)), lo_int(a, by)), lo_int(a, 1));
    h->most = x->most && x->most < INT32_MAX / (by + 1) ? (x->most - 1) * by + 1 : 0;
}

static void divided(const Low *l, const Hull *x, int64_t c, Hull *h) {
    Arena *a = l->a;
    h->lo = lo_div(a, x->lo, c);
    h->hi = behind(l, lo_div(a, last(l, x), c));
    h->width = lo_add(a, lo_div(a, x->width, c), lo_int(a, 2));
    h->most = x->most ? x->most / c + 2 : 0;
}

static bool is_free(const Hull *h) {
    int64_t v;
    return lo_is_int(h->width, &v) && v == 1;
}

static bool operation(const Low *l, const Path *path, Expr *e, Hull *h) {
    Hull x, y;
    int64_t c;
    if (e->args.n == 1 && e->op == OP_NEG && hull_of(l, path, e->args.at[0], &x)) return scaled(l, &x, -1, h), true;
    if (e->args.n != 2 || !hull_of(l, path, e->args.at[0], &x) || !hull_of(l, path, e->args.at[1], &y)) return false;
    bool constant = lo_is_int(e->args.at[1], &c);
    switch (e->op) {
    case OP_ADD: sum(l, &x, &y, false, h); return true;
    case OP_SUB: sum(l, &x, &y, true, h); return true;
    case OP_MUL:
        if (lo_is_int(e->args.at[0], &c)) return scaled(l, &y, c, h), true;
        if (!constant) return false;
        scaled(l, &x, c, h);
        return true;
    case OP_FLOORDIV:
        if (!constant || c <= 0) return false;
        divided(l, &x, c, h);
        return true;
    case OP_MOD:
        if (!constant || c <= 0 || c > INT32_MAX) return false;
        *h = (Hull){lo_int(l->a, 0), lo_int(l->a, c), lo_int(l->a, c), c};
        return true;
    case OP_MIN:
    case OP_MAX:
        if (!is_free(&x) && !is_free(&y)) return false;
        *h = is_free(&x) ? y : x;
        h->lo = e->op == OP_MIN ? lo_min(l->a, x.lo, y.lo) : lo_max(l->a, x.lo, y.lo);
        h->hi = e->op == OP_MIN ? lo_min(l->a, x.hi, y.hi) : lo_max(l->a, x.hi, y.hi);
        return true;
    default: return false;
    }
}

bool hull_of(const Low *l, const Path *path, Expr *e, Hull *h) {
    if (e->type == DT_I64 && one_value(l, path, e, h)) return true;
    if (e->type != DT_I64) return false;
    if (e->kind == X_INDEX) return hull_index(l, path, e, h);
    return e->kind == X_OP && operation(l, path, e, h);
}

/* The subscript runs over exactly the extent or part of it: nothing to cut. */
static bool is_inside(const Low *l, const Expr *sub, const Expr *extent) {
    const TileAxis *axis = sub->kind == X_INDEX ? stage_axis_of(l, sub->index) : NULL;
    int64_t lo, v, n;
    if (sub->kind == X_LIT) return lo_is_int(sub, &v) && lo_is_int(extent, &n) && v >= 0 && v < n;
    return axis && lo_is_int(axis->lo, &lo) && lo >= 0 && expr_equal(axis->hi, extent);
}

bool hull_box(const Low *l, const Path *path, const Tensor *t, const Exprs *subs, TileBuf *to, Expr **culprit) {
    Arena *a = l->a;
    stage_box(l, to, t->rank);
    for (int d = 0; d < t->rank; d++) {
        Hull h;
        if (!hull_of(l, path, subs->at[d], &h)) return *culprit = subs->at[d], false;
        to->point[d] = is_free(&h);
        bool cut = !is_inside(l, subs->at[d], t->shape[d]);
        to->lo[d] = cut ? lo_max(a, h.lo, lo_int(a, 0)) : h.lo;
        to->hi[d] = cut ? lo_min(a, h.hi, t->shape[d]) : h.hi;
        to->room[d] = h.width;
        to->most[d] = h.most;
    }
    return true;
}

void hull_clamp(const Low *l, const Tensor *t, TileBuf *to) {
    for (int d = 0; d < t->rank; d++) {
        Expr *lo = to->lo[d], *hi = to->hi[d];
        int64_t v;
        bool low = (lo->kind == X_OP && lo->op == OP_MAX) || (lo_is_int(lo, &v) && v > 0), high = (hi->kind == X_OP && hi->op == OP_MIN) || lo_is_int(hi, &v);
        if (low || (high && lo->kind != X_LIT)) to->lo[d] = lo_min(l->a, lo, lo_sub(l->a, t->shape[d], lo_int(l->a, 1)));
        if (high) to->hi[d] = lo_max(l->a, hi, lo_int(l->a, 1));
    }
}
