/* Fit: rooms hold their boxes, numbers bound the rooms, and all tiles of a stage fit into local memory where its guard holds. */
#include "lower/verify_impl.h"

enum { ALIGN = 32, SLACK = 64 };

/* Where the tile's box is known: the first copy or computation that touches it. */
static const Spot *used_at(Verify *v, const TileBuf *b) {
    for (int i = 0; i < v->places.n; i++) {
        const Spot *p = v->places.at[i];
        bool known = p->n->kind == TILE_LOAD || p->n->kind == TILE_STORE ? p->n->buf == b : p->n->kind == TILE_COMPUTE && (b->tensor ? !b->copied_in && !b->copied_out : true);
        for (int d = 0; known && d < b->rank; d++) known = verify_in_scope(v, p, p->depth, b->lo[d]) && verify_in_scope(v, p, p->depth, b->hi[d]);
        if (known) return p;
    }
    return NULL;
}

/* Boxes of clamped reads, min(max(l, 0), extent - 1) .. max(min(h, extent), 1), are no wider than l .. h, which is not empty. */
static bool is_clamped(const TileBuf *b, int d) {
    const Expr *lo = b->lo[d], *hi = b->hi[d];
    return lo->kind == X_OP && lo->op == OP_MIN && hi->kind == X_OP && hi->op == OP_MAX;
}

static Expr *without(Expr *e, Op op) { return e->kind == X_OP && e->op == op && e->args.n == 2 ? e->args.at[0] : e; }

/* The room is that of the block of a level that the box is. */
static bool room_by_form(const Spot *at, const TileBuf *b, int d) {
    for (int i = 0; i < at->depth; i++)
        for (int l = 0; l < at->loop[i]->levels.n; l++) {
            const TileLevel *x = &at->loop[i]->levels.at[l];
            if (b->lo[d]->kind != X_INDEX || b->lo[d]->index != x->var || b->hi[d]->kind != X_INDEX || b->hi[d]->index != x->end) continue;
            return x->step_var ? b->room[d]->kind == X_INDEX && b->room[d]->index == x->step_var : expr_equal(b->room[d], x->step);
        }
    return false;
}

static bool room(Verify *v, const Spot *at, const TileBuf *b, int d) {
    Bounds r = verify_bounds(v, b->room[d]);
    if (b->most[d] && (!r.has_hi || r.hi > b->most[d])) return verify_fault(v, "the room of %s in dimension %d may exceed %lld", b->name, d + 1, (long long)b->most[d]);
    if (room_by_form(at, b, d)) return v->report->structural++, true;
    Spot none = *at;
    none.depth = 0;
    if (!verify_in_scope(v, &none, 0, b->room[d])) return verify_fault(v, "the room of %s depends on a loop", b->name);
    const Ctx *ctx = verify_context(v, at, NULL, 0, NULL);
    Expr *lo = is_clamped(b, d) ? b->lo[d]->args.at[0] : b->lo[d], *hi = is_clamped(b, d) ? b->hi[d]->args.at[0] : b->hi[d];
    Expr *width = lo_sub(v->a, b->hi[d], b->lo[d]), *wide = lo_sub(v->a, without(hi, OP_MIN), without(lo, OP_MAX));
    if (verify_le(v, ctx, wide, b->room[d]) || verify_le(v, ctx, width, b->room[d])) return true;
    return verify_doubt(v, "that dimension %d of the box of %s fits its room", d + 1, b->name);
}

/* --- bytes ------------------------------------------------------------------------------------------------------------------------------- */

/* A number that the room never exceeds, or 0. */
static int64_t most(Verify *v, const TileBuf *b, int d) {
    Bounds r = verify_bounds(v, b->room[d]);
    return r.has_hi ? r.hi : b->most[d];
}

/* Of a tile in all its slots, where its rooms have bounds; 0: not a number. */
static int64_t bytes(Verify *v, const TileBuf *b) {
    int64_t row = b->rank ? most(v, b, b->rank - 1) : 1, all;
    if (row <= 0 || row > INT32_MAX) return 0;
    all = (row * dtype_table[b->type].bytes + ALIGN - 1) / ALIGN * ALIGN;
    for (int d = 0; d + 1 < b->rank; d++)
        if (most(v, b, d) <= 0 || __builtin_mul_overflow(all, most(v, b, d), &all)) return 0;
    return __builtin_mul_overflow(all, b->depth, &all) ? 0 : all;
}

static bool is_step(const Expr *e, const Index *i) { return e->kind == X_INDEX && e->index == i; }

typedef struct One { Arena *a; const Index *step; } One;
static Expr *as_one(void *context, Expr *e) {
    One *o = context;
    return is_step(e, o->step) ? lo_int(o->a, 1) : NULL;
}

/* The same, as an expression: each row padded by at most 31 bytes. */
static Expr *symbolic_bytes(Verify *v, const Index *step) {
    Arena *a = v->a;
    Expr *all = lo_int(a, 0);
    for (int i = 0; i < v->s->bufs.n; i++) {
        const TileBuf *b = v->s->bufs.at[i];
        Expr *row = lo_int(a, 1), *rows = row;
        if (b->memory != TILE_LOCAL) continue;
        for (int d = 0; d < b->rank; d++) {
            Expr *extent = !is_step(b->room[d], step) && most(v, b, d) ? lo_int(a, most(v, b, d)) : b->room[d];
            if (d + 1 < b->rank) rows = lo_mul(a, rows, extent);
            else row = extent;
        }
        int64_t known, size = dtype_table[b->type].bytes;
        Expr *one = lo_is_int(row, &known) ? lo_int(a, (known * size + ALIGN - 1) / ALIGN * ALIGN) : lo_add(a, lo_mul(a, row, lo_int(a, size)), lo_int(a, ALIGN - 1));
        all = lo_add(a, all, lo_mul(a, lo_mul(a, one, rows), lo_int(a, b->depth)));
    }
    return all;
}

/* The arguments of nested mins in max(1, min(..)). */
static void limits(Arena *a, Expr *e, Exprs *to) {
    int64_t one;
    if (e->kind == X_OP && e->op == OP_MAX && lo_is_int(e->args.at[0], &one) && one == 1) limits(a, e->args.at[1], to);
    else if (e->kind == X_OP && e->op == OP_MIN) {
        limits(a, e->args.at[0], to);
        limits(a, e->args.at[1], to);
    } else vec_push(a, to, e);
}

/* The level whose step was chosen by what fits: by a quotient of bytes, X // Y. */
static const TileLevel *free_step(Arena *a, const TileNodes *body, bool by_literal) {
    for (int i = 0; i < body->n; i++) {
        for (int l = 0; l < body->at[i]->levels.n; l++) {
            const TileLevel *x = &body->at[i]->levels.at[l];
            Exprs all = {0};
            int64_t v;
            if (x->step_var) limits(a, x->step, &all);
            for (int k = 0; k < all.n; k++)
                if (all.at[k]->kind == X_OP && all.at[k]->op == OP_FLOORDIV && lo_is_int(all.at[k]->args.at[1], &v) == by_literal) return x;
        }
        const TileLevel *found = free_step(a, &body->at[i]->body, by_literal);
        if (found) return found;
    }
    return NULL;
}

static const Ctx *fact(Verify *v, const Ctx *up, Expr *x, Op op, Expr *y) {
    Ctx *c = NEW(v->a, Ctx);
    *c = (Ctx){.up = up, .kind = CTX_TRUE, .cond = x_op(v->a, op, x, y, NULL, (Span){0})};
    return c;
}

/* Products of rooms that are not negative: the prover knows no signs of products. With the step in it, or 1 in its place. */
static const Ctx *products(Verify *v, const One *one, bool with_step, const Ctx *ctx) {
    for (int i = 0; i < v->s->bufs.n; i++) {
        const TileBuf *b = v->s->bufs.at[i];
        Expr *all = lo_int(v->a, 1);
        for (int d = 0; d < b->rank; d++) {
            Bounds r = verify_bounds(v, b->room[d]);
            int64_t c;
            if (!r.has_lo || r.lo < 0) break;
            if (lo_is_int(b->room[d], &c)) continue;
            all = lo_mul(v->a, all, with_step ? b->room[d] : lo_copy(v->a, b->room[d], as_one, (void *)one));
            if (!lo_is_int(all, &c)) ctx = fact(v, ctx, lo_int(v->a, 0), OP_LE, all);
            Expr *least = lo_copy(v->a, all, as_one, (void *)one);
            if (with_step && one->step) ctx = fact(v, ctx, least, OP_LE, all);
        }
    }
    return ctx;
}

/* A step s = max(1, min(X // Y, ..)) is 1, or has s * Y <= X: either way the bytes are within the limit. */
static bool fits_by_step(Verify *v) {
    Arena *a = v->a;
    if (verify_le(v, products(v, &(One){a, NULL}, true, NULL), symbolic_bytes(v, NULL), lo_int(a, v->m->local))) return true;     /* whatever the steps are */
    const TileLevel *l = free_step(a, &v->s->body, false);
    if (!l) l = free_step(a, &v->s->body, true);
    Expr *all = symbolic_bytes(v, l ? l->step_var : NULL), *limit = lo_int(a, v->m->local);
    One one = {a, l ? l->step_var : NULL};
    if (!l) return verify_le(v, products(v, &one, true, NULL), all, limit);
    if (!verify_le(v, products(v, &one, false, NULL), lo_copy(a, all, as_one, &one), limit)) return false;
    Exprs x = {0};
    limits(a, l->step, &x);
    Expr *s = lo_index(a, l->step_var);
    const Ctx *ctx = fact(v, products(v, &one, true, NULL), lo_int(a, 1), OP_LE, s);
    for (int i = 0; i < x.n; i++) {
        if (x.at[i]->kind != X_OP || x.at[i]->op != OP_FLOORDIV || !affine_dims_only(x.at[i]->args.at[1])) continue;
        Bounds by = verify_bounds(v, x.at[i]->args.at[1]);
        if (by.has_lo && by.lo > 0) ctx = fact(v, ctx, lo_mul(a, s, x.at[i]->args.at[1]), OP_LE, x.at[i]->args.at[0]);
    }
    return verify_le(v, ctx, all, limit);
}

bool verify_fit(Verify *v) {
    int64_t all = 0;
    bool known = true;
    for (int i = 0; i < v->s->bufs.n; i++) {
        const TileBuf *b = v->s->bufs.at[i];
        const Spot *at = used_at(v, b);
        if (!at) return verify_fault(v, "the tile of %s is nowhere used", b->name);
        for (int d = 0; d < b->rank; d++)
            if (!room(v, at, b, d)) return false;
        if (b->memory != TILE_LOCAL) continue;      /* a panel: see verify_copies; or the tensor itself */
        int64_t n = bytes(v, b);
        known = known && n && !__builtin_add_overflow(all, n, &all);
    }
    v->fits++;
    if (v->m->in_place) return true;                /* a cache: what it does not hold lies behind it */
    if (known) {
        if (all > v->m->local) return verify_fault(v, "its tiles take %lld bytes, local memory has %lld", (long long)all, (long long)v->m->local);
        if (all > v->report->most_bytes) v->report->most_bytes = all;
        return true;
    }
    v->by_guard++;
    return fits_by_step(v) || verify_doubt(v, "that its tiles fit into local memory");
}
