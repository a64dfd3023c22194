/* Zeros around an operand, for an engine with accumulators: it reads boxes, and knows no outside. So a factor that is read with `pad 0`
 * gets a temporary with the zeros in it,
 *     x.pad[u - lo, ..] = x[u, ..]          and zeros at both ends of each dimension
 * which lies in shared memory: one copy of x, instead of a sum on the vector core. */
#include "lower/access.h"
#include "lower/sched.h"

typedef struct Pad { Low *l; const Stmt *s; Expr *read; Tensor *t; Expr **lo; } Pad;

static bool is_zero(const Expr *e) { return e->kind == X_LIT && (dtype_table[e->type].kind == DK_FLOAT ? e->lit_f == 0 : e->lit_i == 0); }

/* The box of all subscripts, over dims. */
static bool box(Pad *p, Expr **hi) {
    Low *l = p->l;
    const Reduce *r = low_reduce(p->s);
    Path none = {.n = 0};
    bool fine = true;
    l->p->n_indices = l->k->n_indices;
    stage_open(l, "pad");
    for (int i = 0; i < p->s->idx.n; i++) stage_axis(l, p->s->idx.at[i], p->s->idx.at[i]->lo, p->s->idx.at[i]->hi);
    for (int i = 0; i < r->idx.n; i++) stage_axis(l, r->idx.at[i], r->idx.at[i]->lo, r->idx.at[i]->hi);
    for (int d = 0; d < p->read->args.n && fine; d++) {
        Hull h;
        fine = hull_of(l, &none, p->read->args.at[d], &h);
        p->lo[d] = fine ? h.lo : NULL;
        hi[d] = fine ? h.hi : NULL;
    }
    l->p->stages.n--;
    return fine;
}

/* Along one dimension of the copy: [0, from) and [to, extent) are zeros, between them lies x from its element `first` on. */
typedef struct Side { Expr *from, *to, *extent, *first, *shift; bool exact; } Side;     /* shift: x's subscript less the copy's */

static Side side_of(Low *l, Expr *lo, Expr *hi, Expr *extent) {
    Arena *a = l->a;
    int64_t zero;
    Expr *first = lo_max(a, lo, lo_int(a, 0)), *end = lo_max(a, first, lo_min(a, hi, extent));
    bool exact = lo_is_int(lo, &zero) && zero == 0 && expr_equal(hi, extent);
    return (Side){lo_sub(a, first, lo), lo_sub(a, exact ? hi : end, lo), lo_sub(a, hi, lo), first, lo, exact};
}

static Stmt *region(Low *l, const Stmt *like, Tensor *t) {
    Stmt *s = NEW(l->a, Stmt);
    s->id = l->k->stmts.n;
    s->span = like->span;
    vec_push(l->a, &s->targets, ((Target){.tensor = t, .span = like->span}));
    vec_push(l->a, &l->k->stmts, s);
    return s;
}

/* One more index of a region, over lo .. hi; the copy's subscript is the index less shift. */
static Expr *dimension(Low *l, Stmt *s, int d, Expr *lo, Expr *hi, Expr *shift) {
    Index *u = NEW(l->a, Index);
    *u = (Index){arena_printf(l->a, "u%d", d), l->k->n_indices++, lo, hi, s->span};
    vec_push(l->a, &s->idx, u);
    vec_push(l->a, &s->targets.at[0].subs, lo_sub(l->a, lo_index(l->a, u), shift));
    return lo_index(l->a, u);
}

static void inside(Low *l, const Stmt *like, Tensor *t, const Expr *read, const Side *side) {
    Stmt *s = region(l, like, t);
    s->value = x_read(l->a, read->tensor, read->span);
    for (int d = 0; d < t->rank; d++) {
        Expr *end = lo_add(l->a, side[d].to, side[d].shift);
        vec_push(l->a, &s->value->args, dimension(l, s, d, side[d].first, end, side[d].shift));
    }
}

/* The zeros at one end of dimension `at`: between those of the dimensions before it, all along those behind it. */
static void border(Low *l, const Stmt *like, Tensor *t, const Side *side, int at, bool high) {
    Stmt *s = region(l, like, t);
    Expr *zero = lo_int(l->a, 0);
    s->value = x_float(l->a, t->type, 0, like->span);
    if (!dtype_is_float(t->type)) s->value = x_int(l->a, t->type, 0, like->span);
    for (int d = 0; d < t->rank; d++) {
        Expr *lo = d < at ? side[d].from : d == at && high ? side[d].to : zero;
        Expr *hi = d < at ? side[d].to : d == at && !high ? side[d].from : side[d].extent;
        dimension(l, s, d, lo, hi, zero);
    }
}

static bool pad_one(Low *l, Stmt *s, Expr *read) {
    Arena *a = l->a;
    int rank = read->tensor->rank;
    Expr **hi = NEW_ARRAY(a, Expr *, rank + 1);
    Side *side = NEW_ARRAY(a, Side, rank + 1);
    Pad p = {l, s, read, NULL, NEW_ARRAY(a, Expr *, rank + 1)};
    if (!box(&p, hi)) return false;
    Tensor *t = NEW(a, Tensor);
    *t = (Tensor){.name = arena_printf(a, "%s.pad%d", read->tensor->name, l->k->tensors.n), .id = l->k->tensors.n, .role = TR_TEMP, .type = read->type, .rank = rank, .span = read->span};
    t->shape = NEW_ARRAY(a, Expr *, rank + 1);
    vec_push(a, &l->k->tensors, t);
    for (int d = 0; d < rank; d++) {
        side[d] = side_of(l, p.lo[d], hi[d], read->tensor->shape[d]);
        t->shape[d] = side[d].extent;
    }
    inside(l, s, t, read, side);
    for (int d = 0; d < rank; d++) {
        if (side[d].exact) continue;
        border(l, s, t, side, d, false);
        border(l, s, t, side, d, true);
    }
    for (int d = 0; d < rank; d++) read->args.at[d] = lo_sub(a, read->args.at[d], p.lo[d]);
    read->tensor = t;
    read->mode = READ_PLAIN;
    read->pad = NULL;
    return true;
}

/* Outer indices that x mentions and y does not. */
static int own_indices(const Stmt *s, const Expr *x, const Expr *y) {
    int n = 0;
    for (int i = 0; i < s->idx.n; i++) n += low_mentions(x, s->idx.at[i]) && !low_mentions(y, s->idx.at[i]);
    return n;
}

/* A copy of a whole input in a temporary, which lies in the nearer memory. */
static Stmt *near_copy(Low *l, const Stmt *like, const Expr *read) {
    const Tensor *from = read->tensor;
    Tensor *t = NEW(l->a, Tensor);
    *t = (Tensor){.name = arena_printf(l->a, "%s.near%d", from->name, l->k->tensors.n), .id = l->k->tensors.n, .role = TR_TEMP, .type = from->type, .rank = from->rank, .shape = from->shape, .span = read->span};
    vec_push(l->a, &l->k->tensors, t);
    Stmt *s = region(l, like, t);
    s->value = x_read(l->a, read->tensor, read->span);
    for (int d = 0; d < t->rank; d++) vec_push(l->a, &s->value->args, dimension(l, s, d, lo_int(l->a, 0), t->shape[d], lo_int(l->a, 0)));
    return s;
}

static void bring_near(Low *l, const Stmt *like, Expr *read) { read->tensor = near_copy(l, like, read)->targets.at[0].tensor; }

/* --- copies that a stage may ask for --------------------------------------------------------------------------------------------------- */

LowNear *near_of(Low *l, const Stmt *user, const Tensor *of) {
    for (int i = 0; i < l->near.n; i++)
        if (l->near.at[i].of == of && l->near.at[i].user == user->targets.at[0].tensor) return &l->near.at[i];
    return NULL;
}

bool near_is_copy(const Low *l, const Stmt *s) {
    for (int i = 0; i < l->near.n; i++)
        if (l->near.at[i].copy == s->targets.at[0].tensor) return true;
    return false;
}

static void offer_near(Low *l, const Stmt *s, const EngineMatch *x) {
    for (int f = 0; f < 2; f++) {
        const Expr *read = x->operand[f];
        const Tensor *of = read->tensor;
        if (of->role != TR_INPUT || !of->rank || read->mode != READ_PLAIN || near_of(l, s, of)) continue;
        vec_push(l->a, &l->near, ((LowNear){near_copy(l, s, read)->targets.at[0].tensor, of, s->targets.at[0].tensor, false}));
    }
}

void near_stage(Low *l, const LowNear *near) {
    for (int i = 0; i < l->k->stmts.n; i++)
        if (l->k->stmts.at[i]->targets.at[0].tensor == near->copy) nest_stage(l, l->k->stmts.at[i]);
}

static bool is_dropped(const Low *l, const Tensor *t) {
    for (int i = 0; i < l->near.n; i++)
        if (!l->near.at[i].used && l->near.at[i].copy == t) return true;
    return false;
}

void near_drop(Low *l) {
    Kernel *k = l->k;
    int stmts = 0, tensors = 0;
    for (int i = 0; i < k->stmts.n; i++) {
        if (is_dropped(l, k->stmts.at[i]->targets.at[0].tensor)) continue;
        k->stmts.at[i]->id = stmts;
        if (l->left) l->left[stmts] = l->left[i];
        k->stmts.at[stmts++] = k->stmts.at[i];
    }
    for (int i = 0; i < k->tensors.n; i++) {
        if (is_dropped(l, k->tensors.at[i])) continue;
        k->tensors.at[i]->id = tensors;
        k->tensors.at[tensors++] = k->tensors.at[i];
    }
    k->stmts.n = stmts;
    k->tensors.n = tensors;
}

/* --- the pass -------------------------------------------------------------------------------------------------------------------------- */

/* A factor that images of a batch and rows of an image all use (two outer indices or more are the other's alone) is loaded again for
 * each of their panels: better not from afar. */
static void near_factors(Low *l, const Stmt *s, Expr *x, Expr *y) {
    if (x->tensor->role == TR_INPUT && x->mode == READ_PLAIN && own_indices(s, y, x) >= 2) bring_near(l, s, x);
    if (y->tensor->role == TR_INPUT && y->mode == READ_PLAIN && own_indices(s, x, y) >= 2) bring_near(l, s, y);
}

/* A row of an engine does the reduction, but for pads; x: with which reads. */
static bool is_product(const Low *l, const Stmt *s, EngineMatch *x) {
    const Reduce *r = low_reduce(s);
    return r && engine_of_product(&l->m->engines, r, &(EngineRules){.arena = l->a, .pads = true}, x, NULL) != NULL;
}

static Stmt *copy(Low *l, const Stmt *s) {
    Stmt *c = NEW(l->a, Stmt);
    *c = *s;
    c->value = lo_copy(l->a, s->value, NULL, NULL);
    return c;
}

void pad_operands(Low *l) {
    Stmt **old = l->k->stmts.at;
    int n = l->k->stmts.n;
    memset(&l->k->stmts, 0, sizeof l->k->stmts);
    EngineMatch x;
    for (int i = 0; i < n; i++)
        if (is_product(l, old[i], &x)) offer_near(l, old[i], &x);
    for (int i = 0; i < n; i++) {
        Stmt *s = copy(l, old[i]);
        if (!sched_keeps_product(l, old[i]) && is_product(l, s, &x)) {
            for (int f = 0; f < 2; f++)
                if (x.operand[f]->mode == READ_PAD && is_zero(x.operand[f]->pad)) pad_one(l, s, x.operand[f]);
            near_factors(l, s, x.operand[0], x.operand[1]);
        }
        s->id = l->k->stmts.n;
        vec_push(l->a, &l->k->stmts, s);
    }
}
