/* Schedules drawn at random, all of them legal: directives are proposed one after another, and lowering itself says which of them can
 * be met beside those before. What can be said of a statement is what the schedule language says: blocks, loops dealt over the grid, their order,
 * tiles in the PEs with slots and sharing, engines, what is computed together, parts of reductions, variants. */
#include "lower/lower.h"
#include "lower/propose.h"

enum { TRIES_A_STATEMENT = 6, MOST_TRIES = 28, MOST_LOG = 10 };

typedef struct Draw { Proposal p; uint64_t state; } Draw;

/* splitmix64 */
static uint64_t next(Draw *d) {
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int below(Draw *d, int n) { return n > 0 ? (int)(next(d) % (uint64_t)n) : 0; }

/* --- proposals -------------------------------------------------------------------------------------------------------------------- */

static void draw_tile(Draw *d, const Stmt *s) {
    static const int64_t odd[] = {3, 24, 48, 96, 100, 192, 384};
    if (!sched_n_axes(s)) return;
    ScheduleItem *x = propose(&d->p, S_TILE, propose_axis(&d->p, s, below(d, sched_n_axes(s))));
    x->number = below(d, 4) ? (int64_t)1 << below(d, MOST_LOG + 1) : odd[below(d, sizeof odd / sizeof *odd)];
}

/* One index over rows and another over columns, or several over all PEs. */
static void draw_place(Draw *d, const Stmt *s) {
    int n = s->idx.n, first = below(d, n), second = below(d, n);
    if (!n) return;
    if (n > 1 && first != second && below(d, 2)) {
        ScheduleItem *x = propose(&d->p, S_PLACE, propose_axis(&d->p, s, first));
        x->to = propose_word(x, "row");
        x = propose(&d->p, S_PLACE, propose_axis(&d->p, s, second));
        x->to = propose_word(x, "col");
        return;
    }
    ScheduleItem *x = propose(&d->p, S_PLACE, propose_axis(&d->p, s, first));
    x->to = propose_word(x, "pe");
    for (int q = 0; q < n; q++)
        if (q != first && below(d, 2)) propose_name(&d->p, x, propose_axis(&d->p, s, q));
}

static void draw_order(Draw *d, const Stmt *s) {
    int n = sched_n_axes(s), outer = s->idx.n, at[64];
    if (n < 2 || n > 64) return;
    for (int i = 0; i < n; i++) at[i] = i;
    for (int i = 0; i < n; i++) {
        int j = i + below(d, (i < outer ? outer : n) - i), x = at[i];
        at[i] = at[j];
        at[j] = x;
    }
    ScheduleItem *x = propose(&d->p, S_ORDER, propose_axis(&d->p, s, at[0]));
    for (int i = 1; i < n; i++) propose_name(&d->p, x, propose_axis(&d->p, s, at[i]));
}

static void draw_engine(Draw *d, const Stmt *s) {
    static const char *const engines[] = {"dpe", "simd", "vector"};
    ScheduleItem *x = propose(&d->p, S_ENGINE, propose_stmt(&d->p, s));
    x->to = propose_word(x, engines[below(d, 3)]);
}

typedef struct Found { Draw *d; SchedTensors tensors; } Found;
static bool find(void *context, Expr *e) {
    Found *f = context;
    if (e->kind == X_READ && e->tensor->rank) vec_push(f->d->p.a, &f->tensors, e->tensor);
    return true;
}

/* A tensor that the statement reads or, with `written`, defines. */
static const Tensor *tensor_of(Draw *d, const Stmt *s, bool written) {
    Found f = {.d = d};
    expr_walk(s->value, find, &f);
    for (int i = 0; written && i < s->targets.n; i++) vec_push(d->p.a, &f.tensors, s->targets.at[i].tensor);
    return f.tensors.n ? f.tensors.at[below(d, f.tensors.n)] : NULL;
}

static void draw_buffers(Draw *d, const Stmt *s) {
    const Tensor *t = tensor_of(d, s, true);
    if (!t) return;
    ScheduleItem *x = propose(&d->p, S_BUFFERS, propose_tensor(&d->p, s, t));
    x->number = 1 + below(d, 4);
}

static void draw_stage(Draw *d, const Stmt *s) {
    static const int shares[] = {TILE_ALONE, TILE_SHARE_ROW, TILE_SHARE_COL};
    const Tensor *t = tensor_of(d, s, false);
    if (!t) return;
    bool keeps = !below(d, 4);
    ScheduleItem *x = propose(&d->p, keeps ? S_KEEP : S_STAGE, propose_tensor(&d->p, s, t));
    x->to = propose_word(x, "local");
    if (keeps) return;
    int n = sched_n_axes(s);
    if (n && below(d, 2)) x->per = propose_word(x, propose_axis(&d->p, s, below(d, n)));
    else x->share = shares[below(d, 3)];
}

/* With some of the statements behind it, or on its own. */
static void draw_group(Draw *d, const Stmt *s) {
    int left = d->p.k->stmts.n - s->id - 1;
    if (!left) return;
    if (below(d, 3)) {
        ScheduleItem *x = propose(&d->p, S_STORE, propose_stmt(&d->p, s));
        x->to = propose_word(x, "sram");
        return;
    }
    int n = 1 + below(d, left < 4 ? left : 4);
    ScheduleItem *x = propose(&d->p, S_FUSE, propose_stmt(&d->p, s));
    for (int i = 1; i < n; i++) propose_name(&d->p, x, propose_stmt(&d->p, d->p.k->stmts.at[s->id + i]));
    x->to = propose_word(x, propose_stmt(&d->p, d->p.k->stmts.at[s->id + n]));
}

static void draw_any(Draw *d, const Stmt *s) {
    static void (*const draws[])(Draw *, const Stmt *) = {draw_tile, draw_tile, draw_tile, draw_place, draw_order, draw_engine, draw_buffers, draw_buffers, draw_stage, draw_group};
    draws[below(d, sizeof draws / sizeof *draws)](d, s);
}

/* --- a schedule --------------------------------------------------------------------------------------------------------------------- */

/* Parts of the reductions that can be cut: these are names of the kernel as it was written. */
static void draw_splits(Draw *d, const Kernel *k, Schedule *s) {
    static const int64_t parts[] = {1, 2, 7, 16, 64, 100};
    const Kernel *rewritten = d->p.k;
    d->p.k = k;
    for (int i = 0; i < k->stmts.n; i++) {
        if (!split_is_possible(k->stmts.at[i]) || below(d, 2)) continue;
        ScheduleItem *x = propose(&d->p, S_SPLIT, propose_axis(&d->p, k->stmts.at[i], 0));
        x->to = propose_word(x, "pe");
        x->number = parts[below(d, sizeof parts / sizeof *parts)];
        vec_push(d->p.a, &s->items, *x);
    }
    d->p.items.n = 0;
    d->p.k = rewritten;
}

/* A variant for small values of some dim. */
static void draw_variant(Draw *d, Schedule *s) {
    if (!d->p.k->dims.n || below(d, 3)) return;
    Span none = {0};
    Dim *dim = d->p.k->dims.at[below(d, d->p.k->dims.n)];
    vec_push(d->p.a, &s->guards, x_op(d->p.a, OP_LE, x_dim(d->p.a, dim, none), x_int(d->p.a, DT_I64, (int64_t)1 << below(d, MOST_LOG), none), NULL, none));
    vec_push(d->p.a, &s->guard_spans, none);
}

static TileProgram *attempt(Arena *a, const Kernel *k, const TileMachine *m, const Schedule *s) {
    const char *why;
    return lower_unverified(k, m, s, diags_new(a), a, &why);
}

Schedule *lower_random(const Kernel *k, const TileMachine *m, uint64_t seed, Arena *a) {
    Schedule *s = NEW(a, Schedule);
    Draw d = {.p = {.a = a, .k = k}, .state = seed * 0xd1342543de82ef95u + 1};
    s->name = "random";
    draw_splits(&d, k, s);
    const TileProgram *p = attempt(a, k, m, s);
    if (!p) s->items.n = 0;
    if (!p && !(p = attempt(a, k, m, s))) return s;
    d.p.k = p->kernel;
    draw_variant(&d, s);
    int most = TRIES_A_STATEMENT * d.p.k->stmts.n, tries = 1 + below(&d, most < MOST_TRIES ? most : MOST_TRIES);     /* from near to auto to far from it */
    for (int i = 0; i < tries; i++) {
        int before = s->items.n;
        d.p.items.n = 0;
        d.p.block = s->guards.n && !below(&d, 3);
        draw_any(&d, d.p.k->stmts.at[below(&d, d.p.k->stmts.n)]);
        bool fine = !propose_clashes(&d.p, s);
        propose_add(&d.p, s);
        if (!fine || (d.p.items.n && !attempt(a, k, m, s))) s->items.n = before;
    }
    return s;
}
