/* Weights that a sum is made of, w[.., j] = p[.., j] / s[..] or with * in place of /, are multiplied in when the sum is done:
 *     y = sum[j] w[j] * v[j]   becomes   y.dot = sum[j] p[j] * v[j];  y = y.dot / y.by    where y.by is s, or 1 where the range is empty
 * which divides once for each sum instead of once for each term, and leaves the terms free of s: they can be summed while s is (online.h).
 * Only weights that nothing else reads. Where the weights were rounded to a narrower type, p is rounded so in their place, if it lies between
 * 0 and 1 and s is the sum of all p; the error bound is charged with that. A factor or
 * divisor that stands in the sum itself leaves it in the same way. */
#include "lower/online.h"
#include "lower/sched.h"

typedef struct Quotient {
    Low *l;
    Stmt *sum, *weights;
    const Expr *read;       /* of the weights */
    Expr *kept, *by;        /* p; s, in the indices of the sum */
    Op op;
} Quotient;

static int reads_of(Low *l, const Tensor *t) {
    int n = 0;
    for (int i = 0; i < l->k->stmts.n; i++) {
        LowReads reads = {0};
        low_reads(l->a, l->k->stmts.at[i]->value, &reads);
        for (int j = 0; j < reads.n; j++) n += reads.at[j]->tensor == t;
    }
    return n;
}

static Stmt *definition(Low *l, const Tensor *t) { return (Stmt *)online_definition(l->k, t); }

static bool finds_reduction(void *context, Expr *e) {
    bool *found = context;
    *found |= e->kind == X_REDUCE;
    return !*found;
}

/* A factor, or a divisor. */
typedef struct Factor { Expr *e; bool divides; } Factor;
typedef VEC(Factor) Factors;

static void factors(Arena *a, Expr *e, bool divides, Factors *to) {
    bool product = e->kind == X_OP && e->type == DT_F32 && (e->op == OP_MUL || e->op == OP_DIV);
    if (!product) {
        vec_push(a, to, ((Factor){e, divides}));
        return;
    }
    factors(a, e->args.at[0], divides, to);
    factors(a, e->args.at[1], divides != (e->op == OP_DIV), to);
}

/* Indices of the weights that are the sum's own range. */
static bool is_inner(const Quotient *q, const Index *i) {
    const Reduce *r = low_reduce(q->sum);
    for (int d = 0; d < q->weights->idx.n; d++)
        if (q->weights->idx.at[d] == i)
            for (int j = 0; j < r->idx.n; j++)
                if (expr_is_index(q->read->args.at[d], r->idx.at[j])) return true;
    return false;
}

static bool varies(const Quotient *q, const Expr *e) {
    for (int d = 0; d < q->weights->idx.n; d++)
        if (is_inner(q, q->weights->idx.at[d]) && low_mentions(e, q->weights->idx.at[d])) return true;
    return false;
}

typedef struct Put { Quotient *q; } Put;
static Expr *put(void *context, Expr *e) {
    Quotient *q = ((Put *)context)->q;
    for (int d = 0; d < q->weights->idx.n; d++)
        if (expr_is_index(e, q->weights->idx.at[d])) return lo_copy(q->l->a, (Expr *)q->read->args.at[d], NULL, NULL);
    return NULL;
}

static Expr *in_the_sum(Quotient *q, Expr *e) { return lo_copy(q->l->a, e, put, &(Put){q}); }

/* p is exp of what is at most 0, and s the sum of all p: s is 1 or more, and p has no need of it to be in a narrower type's range. */
static bool is_normal(const Quotient *q, const Expr *kept, const Expr *by) {
    const Kernel *k = q->l->k;
    kept = lo_unconverted((Expr *)kept);
    by = lo_unconverted((Expr *)by);
    const Stmt *sum = by->kind == X_READ ? online_definition(k, by->tensor) : NULL;
    const Reduce *r = sum ? low_reduce(sum) : NULL;
    if (kept->kind != X_READ || !r || r->scan || r->pred || r->idx.n != 1 || r->comb->kind != CK_SUM) return false;
    const Expr *term = lo_unconverted(r->operands.at[0]);
    if (term->kind != X_READ || term->tensor != kept->tensor || term->args.n != kept->args.n || sum->idx.n + 1 != term->args.n || by->args.n != sum->idx.n) return false;
    for (int d = 0; d < term->args.n; d++) {
        bool inner = d == sum->idx.n;
        if (!expr_is_index(term->args.at[d], inner ? r->idx.at[0] : sum->idx.at[d]) || (!inner && !expr_equal(by->args.at[d], kept->args.at[d]))) return false;
    }
    for (int i = 0; i < k->stmts.n; i++) {
        const Stmt *m = k->stmts.at[i];
        if (!online_can_lead(m) || m->idx.n != sum->idx.n || !online_depends(q->l->a, k, sum->value, m->targets.at[0].tensor)) continue;
        OnlineEffect fx = online_effect(q->l->a, k, sum, m);
        if (fx.kind == ONLINE_SCALE && fx.coef->kind == X_LIT && (fx.coef->lit_f < 0) == (low_reduce(m)->comb->kind == CK_MAX)) return true;
    }
    return false;
}

/* The weights' statement is p / s, p * s or s * p; subscripts of both are plain. */
static bool is_quotient(Quotient *q) {
    const Target *t = &q->weights->targets.at[0];
    bool reduces = false;
    expr_walk(q->weights->value, finds_reduction, &reduces);
    if (reduces || q->weights->targets.n != 1 || t->subs.n != q->weights->idx.n || q->read->mode != READ_PLAIN) return false;
    for (int d = 0; d < t->subs.n; d++)
        if (!expr_is_index(t->subs.at[d], q->weights->idx.at[d]) || q->read->args.at[d]->kind != X_INDEX) return false;
    Expr *e = lo_unconverted(q->weights->value);
    if (e->kind != X_OP || (e->op != OP_DIV && e->op != OP_MUL) || e->type != DT_F32) return false;
    int s = varies(q, e->args.at[0]) ? 1 : 0;
    if (varies(q, e->args.at[s]) || (s == 0 && e->op == OP_DIV) || !varies(q, e->args.at[1 - s])) return false;
    LowReads reads = {0};
    low_reads(q->l->a, e->args.at[s], &reads);
    if (!reads.n || (t->tensor->type != DT_F32 && (t->tensor->type != DT_F16 || e->op != OP_DIV || !is_normal(q, e->args.at[1 - s], e->args.at[s])))) return false;
    q->op = e->op;
    q->kept = e->args.at[1 - s];
    q->by = in_the_sum(q, e->args.at[s]);
    return true;
}

static Tensor *temporary(Low *l, const Stmt *like, const char *what, Index *const *idx, int n) {
    Tensor *t = NEW(l->a, Tensor);
    *t = (Tensor){.name = arena_printf(l->a, "%s.%s%d", like->targets.at[0].tensor->name, what, l->k->tensors.n), .id = l->k->tensors.n, .role = TR_TEMP, .type = DT_F32, .rank = n, .span = like->span};
    t->shape = NEW_ARRAY(l->a, Expr *, n + 1);
    for (int i = 0; i < n; i++) t->shape[i] = idx[i]->hi;
    vec_push(l->a, &l->k->tensors, t);
    return t;
}

/* A statement with indices of its own, like these. */
static Stmt *statement(Low *l, const Stmt *like, Index *const *idx, int n, Tensor *target) {
    Stmt *s = NEW(l->a, Stmt);
    s->span = like->span;
    vec_push(l->a, &s->targets, ((Target){.tensor = target, .span = like->span}));
    for (int i = 0; i < n; i++) {
        Index *x = NEW(l->a, Index);
        *x = *idx[i];
        x->id = l->k->n_indices++;
        vec_push(l->a, &s->idx, x);
        vec_push(l->a, &s->targets.at[0].subs, lo_index(l->a, x));
    }
    return s;
}

static Expr *read_at(Low *l, Tensor *t, Index *const *idx, int n, Span at) {
    Expr *e = x_read(l->a, t, at);
    for (int i = 0; i < n; i++) vec_push(l->a, &e->args, lo_index(l->a, idx[i]));
    return e;
}

static Expr *is_empty(Low *l, const Reduce *r) {
    Expr *any = NULL;
    for (int i = 0; i < r->idx.n; i++) {
        Expr *none = lo_le(l->a, r->idx.at[i]->hi, r->idx.at[i]->lo);
        any = any ? x_op(l->a, OP_OR, any, none, NULL, r->idx.at[i]->span) : none;
    }
    return any;
}

/* y.by[..] = if the range is empty then 1 else s */
static Stmt *divisor(Quotient *q, Index *const **mine, int *n) {
    Low *l = q->l;
    VEC(Index *) used = {0};
    for (int i = 0; i < q->sum->idx.n; i++)
        if (low_mentions(q->by, q->sum->idx.at[i])) vec_push(l->a, &used, q->sum->idx.at[i]);
    Tensor *t = temporary(l, q->sum, "by", used.at, used.n);
    Stmt *s = statement(l, q->sum, used.at, used.n, t);
    Expr *by = lo_renamed(l->a, q->by, used.at, s->idx.at, used.n);
    s->value = x_if(l->a, is_empty(l, low_reduce(q->sum)), x_float(l->a, DT_F32, 1, q->sum->span), x_convert(l->a, DT_F32, by, q->sum->span), q->sum->span);
    *mine = used.at;
    *n = used.n;
    return s;
}

typedef struct Swap { Arena *a; const Expr *from; Expr *to; } Swap;
static Expr *swap(void *context, Expr *e) {
    const Swap *s = context;
    return e->kind == X_READ && expr_equal(e, s->from) ? lo_copy(s->a, s->to, NULL, NULL) : NULL;
}

/* The weights become p: rounded as they were, or read as it is. True: their statement is not needed. */
static bool without_divisor(Quotient *q) {
    Arena *a = q->l->a;
    if (!q->weights) {
        q->sum->value = lo_copy(a, q->sum->value, NULL, NULL);
        q->sum->value->reduce->operands.at[0] = q->kept;
        return false;
    }
    const Tensor *w = q->weights->targets.at[0].tensor;
    if (w->type == DT_F32 && lo_unconverted(q->kept)->kind == X_READ) {
        q->sum->value = lo_copy(a, q->sum->value, swap, &(Swap){a, q->read, in_the_sum(q, q->kept)});
        return true;
    }
    if (w->type != DT_F32) vec_push(a, &q->l->p->charged, w);
    Stmt *s = NEW(a, Stmt);
    *s = *q->weights;
    s->value = x_convert(a, w->type, q->kept, q->weights->span);
    q->l->k->stmts.at[q->weights->id] = s;
    return false;
}

/* A factor that reads something, and does not vary over the sum's range. */
static bool leaves(const Quotient *q, const Expr *e) {
    const Reduce *r = low_reduce(q->sum);
    LowReads reads = {0};
    low_reads(q->l->a, (Expr *)e, &reads);
    for (int i = 0; i < r->idx.n; i++)
        if (low_mentions(e, r->idx.at[i])) return false;
    return reads.n > 0;
}

/* The product without factor number `out`. */
static Expr *rest(Quotient *q, const Factors *all, int out) {
    Expr *e = NULL;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < all->n; i++) {
            if (i == out || all->at[i].divides != pass) continue;
            if (!e && pass) e = x_float(q->l->a, DT_F32, 1, q->sum->span);
            e = e ? x_op(q->l->a, pass ? OP_DIV : OP_MUL, e, all->at[i].e, NULL, q->sum->span) : all->at[i].e;
        }
    return e;
}

static bool find(Quotient *q) {
    const Reduce *r = low_reduce(q->sum);
    int64_t lo;
    if (!r || r->scan || r->pred || r->comb->kind != CK_SUM || r->comb->type != DT_F32 || q->sum->targets.n != 1 || !q->sum->idx.n || sched_keeps_product(q->l, q->sum)) return false;
    for (int i = 0; i < q->sum->idx.n; i++)
        if (!lo_is_int(q->sum->idx.at[i]->lo, &lo) || lo) return false;
    Factors all = {0};
    factors(q->l->a, r->operands.at[0], false, &all);
    for (int i = 0; i < all.n && all.n > 1; i++) {
        if (!leaves(q, all.at[i].e)) continue;
        q->op = all.at[i].divides ? OP_DIV : OP_MUL;
        q->by = all.at[i].e;
        q->kept = rest(q, &all, i);
        return true;
    }
    q->weights = NULL;
    for (int i = 0; i < all.n; i++) {
        const Expr *f = lo_unconverted(all.at[i].e);
        if (all.at[i].divides || f->kind != X_READ || f->tensor->role != TR_TEMP || reads_of(q->l, f->tensor) != 1 || !(q->weights = definition(q->l, f->tensor))) continue;
        q->read = f;
        if (is_quotient(q)) return true;
        q->weights = NULL;
    }
    return false;
}

/* The result is needed by one statement, point by point: it is computed there. NULL: not so. */
static Stmt *into_consumer(Quotient *q, const Stmt *after) {
    Low *l = q->l;
    const Tensor *t = after->targets.at[0].tensor;
    if (t->role != TR_TEMP || reads_of(l, t) != 1) return NULL;
    for (int i = q->sum->id + 1; i < l->k->stmts.n; i++) {
        Stmt *s = l->k->stmts.at[i], *c;
        LowReads reads = {0};
        bool reduces = false, own = s->idx.n == after->idx.n && online_definition(l->k, s->targets.at[0].tensor);
        low_reads(l->a, s->value, &reads);
        expr_walk(s->value, finds_reduction, &reduces);
        for (int r = 0; r < reads.n; r++) {
            if (reads.at[r]->tensor != t) continue;
            for (int d = 0; own && d < s->idx.n; d++) own = expr_is_index(reads.at[r]->args.at[d], s->idx.at[d]) && expr_is_index(after->targets.at[0].subs.at[d], after->idx.at[d]);
            if (reduces || !own || reads.at[r]->mode != READ_PLAIN) return NULL;
            c = NEW(l->a, Stmt);
            *c = *s;
            Expr *value = lo_renamed(l->a, after->value, after->idx.at, s->idx.at, s->idx.n);
            c->value = lo_copy(l->a, s->value, swap, &(Swap){l->a, reads.at[r], value});
            return c;
        }
    }
    return NULL;
}

static void move_divisor(Quotient *q) {
    Low *l = q->l;
    Stmt *old = q->sum, *sum = NEW(l->a, Stmt);
    Index *const *used;
    int n, at = old->id;
    *sum = *old;
    q->sum = sum;
    bool gone = without_divisor(q);
    Stmt *by = divisor(q, &used, &n);
    Tensor *t = temporary(l, old, "dot", old->idx.at, old->idx.n);
    memset(&sum->targets, 0, sizeof sum->targets);
    Target to = {.tensor = t, .span = old->span};
    for (int i = 0; i < sum->idx.n; i++) vec_push(l->a, &to.subs, lo_index(l->a, sum->idx.at[i]));
    vec_push(l->a, &sum->targets, to);
    Stmt *after = statement(l, old, old->idx.at, old->idx.n, old->targets.at[0].tensor);
    memset(&after->targets.at[0].subs, 0, sizeof after->targets.at[0].subs);
    for (int i = 0; i < old->targets.at[0].subs.n; i++) vec_push(l->a, &after->targets.at[0].subs, lo_renamed(l->a, old->targets.at[0].subs.at[i], old->idx.at, after->idx.at, old->idx.n));
    Expr *divisor = lo_renamed(l->a, read_at(l, by->targets.at[0].tensor, used, n, old->span), old->idx.at, after->idx.at, old->idx.n);
    after->value = x_op(l->a, q->op, read_at(l, t, after->idx.at, after->idx.n, old->span), divisor, NULL, old->span);
    after->lifted = old->lifted;
    Stmt *consumer = into_consumer(q, after);
    Stmt **stmts = l->k->stmts.at;
    int count = l->k->stmts.n;
    memset(&l->k->stmts, 0, sizeof l->k->stmts);
    for (int i = 0; i < count; i++) {
        if (gone && stmts[i] == q->weights) continue;
        if (i == at) vec_push(l->a, &l->k->stmts, by);
        vec_push(l->a, &l->k->stmts, i == at ? sum : consumer && stmts[i]->targets.at[0].tensor == consumer->targets.at[0].tensor ? consumer : stmts[i]);
        if (i == at && !consumer) vec_push(l->a, &l->k->stmts, after);
    }
    for (int i = 0; i < l->k->stmts.n; i++) {
        Stmt *s = NEW(l->a, Stmt);
        *s = *l->k->stmts.at[i];
        s->id = i;
        l->k->stmts.at[i] = s;
    }
}

void move_divisors(Low *l) {
    for (int i = 0; i < l->k->stmts.n; i++) {
        Quotient q = {.l = l, .sum = l->k->stmts.at[i]};
        if (find(&q)) move_divisor(&q);
    }
}
