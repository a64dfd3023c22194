/* Schedules drawn at random, all of them legal: directives are proposed one after another, and lowering itself says which of them can
 * be met beside those before. What can be said of a statement is what the schedule language says: blocks, loops dealt over the grid, their order,
 * tiles in the PEs with slots and sharing, engines, what is computed together, parts of reductions, variants. */
#include "lower/lower.h"
#include "lower/sched.h"

enum { TRIES_A_STATEMENT = 6, MOST_TRIES = 28, MOST_LOG = 10 };

/* One proposal: directives that belong together. */
typedef struct Draw {
    Arena *a;
    const Kernel *k;            /* as lowering rewrites it: statements have the names of directives */
    uint64_t state;
    int block;                  /* the variant that proposals are for */
    VEC(ScheduleItem) items;
} Draw;

/* splitmix64 */
static uint64_t next(Draw *d) {
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static int below(Draw *d, int n) { return n > 0 ? (int)(next(d) % (uint64_t)n) : 0; }

/* A directive that no file holds: its span is its word and its names, for messages. */
static ScheduleItem *item(Draw *d, ScheduleWord word, const char *text) {
    const Source *s = source_of_text(d->a, "random schedule", text, strlen(text));
    vec_push(d->a, &d->items, ((ScheduleItem){.word = word, .span = {s, 0, (uint32_t)s->size}, .share = -1, .block = d->block}));
    return &d->items.at[d->items.n - 1];
}

static void add_name(Draw *d, ScheduleItem *x, Name name) { vec_push(d->a, &x->names, ((AName){name, x->span})); }

static ScheduleItem *about(Draw *d, ScheduleWord word, Name name) {
    ScheduleItem *x = item(d, word, arena_printf(d->a, "%s %s", schedule_word(word), name));
    add_name(d, x, name);
    return x;
}

static AName word_of(const ScheduleItem *x, const char *text) { return (AName){text, x->span}; }

static Name label_of(Draw *d, const Stmt *s) { return sched_label(d->a, d->k, s); }
static Name axis_of(Draw *d, const Stmt *s, int q) { return arena_printf(d->a, "%s.%s", label_of(d, s), sched_axis_label(d->a, s, sched_axis_at(s, q))); }

/* --- proposals -------------------------------------------------------------------------------------------------------------------- */

static void draw_tile(Draw *d, const Stmt *s) {
    static const int64_t odd[] = {3, 24, 48, 96, 100, 192, 384};
    if (!sched_n_axes(s)) return;
    ScheduleItem *x = about(d, S_TILE, axis_of(d, s, below(d, sched_n_axes(s))));
    x->number = below(d, 4) ? (int64_t)1 << below(d, MOST_LOG + 1) : odd[below(d, sizeof odd / sizeof *odd)];
}

/* One index over rows and another over columns, or several over all PEs. */
static void draw_place(Draw *d, const Stmt *s) {
    int n = s->idx.n, first = below(d, n), second = below(d, n);
    if (!n) return;
    if (n > 1 && first != second && below(d, 2)) {
        ScheduleItem *x = about(d, S_PLACE, axis_of(d, s, first));
        x->to = word_of(x, "row");
        x = about(d, S_PLACE, axis_of(d, s, second));
        x->to = word_of(x, "col");
        return;
    }
    ScheduleItem *x = about(d, S_PLACE, axis_of(d, s, first));
    x->to = word_of(x, "pe");
    for (int q = 0; q < n; q++)
        if (q != first && below(d, 2)) add_name(d, x, axis_of(d, s, q));
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
    ScheduleItem *x = about(d, S_ORDER, axis_of(d, s, at[0]));
    for (int i = 1; i < n; i++) add_name(d, x, axis_of(d, s, at[i]));
}

static void draw_engine(Draw *d, const Stmt *s) {
    static const char *const engines[] = {"dpe", "simd", "vector"};
    ScheduleItem *x = about(d, S_ENGINE, label_of(d, s));
    x->to = word_of(x, engines[below(d, 3)]);
}

typedef struct Found { Draw *d; SchedTensors tensors; } Found;
static bool find(void *context, Expr *e) {
    Found *f = context;
    if (e->kind == X_READ && e->tensor->rank) vec_push(f->d->a, &f->tensors, e->tensor);
    return true;
}

/* A tensor that the statement reads or, with `written`, defines. */
static const Tensor *tensor_of(Draw *d, const Stmt *s, bool written) {
    Found f = {.d = d};
    expr_walk(s->value, find, &f);
    for (int i = 0; written && i < s->targets.n; i++) vec_push(d->a, &f.tensors, s->targets.at[i].tensor);
    return f.tensors.n ? f.tensors.at[below(d, f.tensors.n)] : NULL;
}

static void draw_buffers(Draw *d, const Stmt *s) {
    const Tensor *t = tensor_of(d, s, true);
    if (!t) return;
    ScheduleItem *x = about(d, S_BUFFERS, arena_printf(d->a, "%s.%s", label_of(d, s), t->name));
    x->number = 1 + below(d, 4);
}

static void draw_stage(Draw *d, const Stmt *s) {
    static const int shares[] = {TILE_ALONE, TILE_SHARE_ROW, TILE_SHARE_COL};
    const Tensor *t = tensor_of(d, s, false);
    if (!t) return;
    bool keeps = !below(d, 4);
    ScheduleItem *x = about(d, keeps ? S_KEEP : S_STAGE, arena_printf(d->a, "%s.%s", label_of(d, s), t->name));
    x->to = word_of(x, "local");
    if (keeps) return;
    int n = sched_n_axes(s);
    if (n && below(d, 2)) x->per = word_of(x, axis_of(d, s, below(d, n)));
    else x->share = shares[below(d, 3)];
}

/* With some of the statements behind it, or on its own. */
static void draw_group(Draw *d, const Stmt *s) {
    int left = d->k->stmts.n - s->id - 1;
    if (!left) return;
    if (below(d, 3)) {
        ScheduleItem *x = about(d, S_STORE, label_of(d, s));
        x->to = word_of(x, "sram");
        return;
    }
    int n = 1 + below(d, left < 4 ? left : 4);
    ScheduleItem *x = about(d, S_FUSE, label_of(d, s));
    for (int i = 1; i < n; i++) add_name(d, x, label_of(d, d->k->stmts.at[s->id + i]));
    x->to = word_of(x, label_of(d, d->k->stmts.at[s->id + n]));
}

static void draw_any(Draw *d, const Stmt *s) {
    static void (*const draws[])(Draw *, const Stmt *) = {draw_tile, draw_tile, draw_tile, draw_place, draw_order, draw_engine, draw_buffers, draw_buffers, draw_stage, draw_group};
    draws[below(d, sizeof draws / sizeof *draws)](d, s);
}

/* --- a schedule --------------------------------------------------------------------------------------------------------------------- */

static bool same_names(const ScheduleItem *x, const ScheduleItem *y) {
    for (int i = 0; i < x->names.n; i++)
        for (int j = 0; j < y->names.n; j++)
            if (!strcmp(x->names.at[i].text, y->names.at[j].text)) return true;
    return false;
}

/* Something is said twice of one thing, or of it and its contrary. */
static bool clashes(const Schedule *s, const ScheduleItem *x) {
    static const ScheduleWord pairs[][2] = {{S_FUSE, S_STORE}, {S_KEEP, S_STAGE}, {S_BUFFERS, S_STAGE}};
    for (int i = 0; i < s->items.n; i++) {
        const ScheduleItem *y = &s->items.at[i];
        bool kin = x->word == y->word;
        for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) kin |= (x->word == pairs[p][0] && y->word == pairs[p][1]) || (x->word == pairs[p][1] && y->word == pairs[p][0]);
        if (kin && x->block == y->block && same_names(x, y)) return true;
    }
    return false;
}

/* Parts of the reductions that can be cut: these are names of the kernel as it was written. */
static void draw_splits(Draw *d, const Kernel *k, Schedule *s) {
    static const int64_t parts[] = {1, 2, 7, 16, 64, 100};
    const Kernel *rewritten = d->k;
    d->k = k;
    for (int i = 0; i < k->stmts.n; i++) {
        if (!split_is_possible(k->stmts.at[i]) || below(d, 2)) continue;
        ScheduleItem *x = about(d, S_SPLIT, axis_of(d, k->stmts.at[i], 0));
        x->to = word_of(x, "pe");
        x->number = parts[below(d, sizeof parts / sizeof *parts)];
        vec_push(d->a, &s->items, *x);
    }
    d->items.n = 0;
    d->k = rewritten;
}

/* A variant for small values of some dim. */
static void draw_variant(Draw *d, Schedule *s) {
    if (!d->k->dims.n || below(d, 3)) return;
    Span none = {0};
    Dim *dim = d->k->dims.at[below(d, d->k->dims.n)];
    vec_push(d->a, &s->guards, x_op(d->a, OP_LE, x_dim(d->a, dim, none), x_int(d->a, DT_I64, (int64_t)1 << below(d, MOST_LOG), none), NULL, none));
    vec_push(d->a, &s->guard_spans, none);
}

static TileProgram *attempt(Arena *a, const Kernel *k, const TileMachine *m, const Schedule *s) {
    const char *why;
    return lower_unverified(k, m, s, diags_new(a), a, &why);
}

Schedule *lower_random(const Kernel *k, const TileMachine *m, uint64_t seed, Arena *a) {
    Schedule *s = NEW(a, Schedule);
    Draw d = {.a = a, .k = k, .state = seed * 0xd1342543de82ef95u + 1};
    s->name = "random";
    draw_splits(&d, k, s);
    const TileProgram *p = attempt(a, k, m, s);
    if (!p) s->items.n = 0;
    if (!p && !(p = attempt(a, k, m, s))) return s;
    d.k = p->kernel;
    draw_variant(&d, s);
    int most = TRIES_A_STATEMENT * d.k->stmts.n, tries = 1 + below(&d, most < MOST_TRIES ? most : MOST_TRIES);     /* from near to auto to far from it */
    for (int i = 0; i < tries; i++) {
        int before = s->items.n;
        bool fine = true;
        d.items.n = 0;
        d.block = s->guards.n && !below(&d, 3);
        draw_any(&d, d.k->stmts.at[below(&d, d.k->stmts.n)]);
        for (int x = 0; x < d.items.n; x++) fine &= !clashes(s, &d.items.at[x]);
        for (int x = 0; x < d.items.n; x++) vec_push(a, &s->items, d.items.at[x]);
        if (!fine || (d.items.n && !attempt(a, k, m, s))) s->items.n = before;
    }
    return s;
}
