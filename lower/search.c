/* The search for a schedule: what lowering decides by its rules is where it begins; directives are proposed for the statements that take
 * the time, and kept where the cost model says that they pay. The dims are not known: a proposal is judged at sizes that stand for small and
 * large ones, even and odd, and for each dim that is short or long alone; it has to pay on average and to cost nothing anywhere. (Cases for
 * some sizes only are lowering's own: each costs all others the test of its guard.) What is tried is a fixed list, so the result is the same
 * on every run. */
#include "dsl/kernel_build.h"
#include "lower/cost.h"
#include "lower/lower.h"
#include "lower/propose.h"
#include "lower/schedule_facts.h"
#include <math.h>

enum { MOST_SIZES = 12, MOST_TRIES = 14, MOST_COMPUTATIONS = 84, LARGE_SIZE = 3, SMALL = 64, ODD = 130, MIDDLE = 300, LARGE = 2048, SHORT = 8, BESIDE_SHORT = 512, LONG = 8192, BESIDE_LONG = 128 };
/* Times as long: what is taken to be no worse; what pays, over all sizes: more than the model errs between programs of one kernel. */
static const double no_worse = 1.005, pays = 0.85, matters = 0.15, nearly = 0.8;

typedef struct Search {
    Arena *a;
    const Kernel *k;
    const TileMachine *m;
    Schedule *s;                    /* the best so far */
    const TileProgram *p;           /* under it */
    int64_t *dims[MOST_SIZES];
    int n;
    double cost[MOST_SIZES];        /* of p */
    int tries, most_tries;
} Search;

/* --- sizes ------------------------------------------------------------------------------------------------------------------- */

static void add_size(Search *x, int64_t all, int dim, int64_t other) {
    if (x->n == MOST_SIZES) return;
    int64_t *to = x->dims[x->n++] = NEW_ARRAY(x->a, int64_t, x->k->dims.n + 1);
    for (int i = 0; i < x->k->dims.n; i++) to[i] = i == dim ? other : all;
}

static void make_sizes(Search *x) {
    add_size(x, SMALL, -1, 0);
    add_size(x, ODD, -1, 0);
    add_size(x, MIDDLE, -1, 0);
    add_size(x, LARGE, -1, 0);
    for (int i = 0; i < x->k->dims.n && x->k->dims.n > 1; i++) {
        add_size(x, BESIDE_LONG, i, LONG);
        add_size(x, BESIDE_SHORT, i, SHORT);
    }
}

static bool estimate(Search *x, const TileProgram *p, int size, double *cost) {
    CostReport c;
    bool fine = cost_program(p, x->m, &(CostQuery){x->dims[size], NULL}, &c, x->a);
    *cost = c.cycles;
    return fine;
}

/* --- trying ------------------------------------------------------------------------------------------------------------------- */

static void try_proposal(Search *x, const Proposal *p) {
    const char *why;
    double cost[MOST_SIZES], gain = 0;
    if (!p->items.n || x->tries >= x->most_tries || propose_clashes(p, x->s)) return;
    x->tries++;
    Schedule s = *x->s;
    s.items.cap = s.items.n;      /* what is added goes to a copy */
    propose_add(p, &s);
    const TileProgram *to = lower_unverified(x->k, x->m, &s, diags_new(x->a), x->a, &why);
    if (!to) return;
    for (int i = 0; i < x->n; i++) {
        if (!estimate(x, to, i, &cost[i]) || cost[i] > no_worse * x->cost[i]) return;
        gain += log(cost[i] / fmax(x->cost[i], 1)) / x->n;
    }
    if (exp(gain) > pays) return;
    *x->s = s;
    x->p = to;
    memcpy(x->cost, cost, sizeof x->cost);
}

/* --- what is proposed -------------------------------------------------------------------------------------------------------------- */

typedef struct Subject { Search *x; const Stmt *s; const StageFacts *f; } Subject;

static Proposal proposal(const Search *x) { return (Proposal){.a = x->a, .k = x->p->kernel}; }

static void place(Proposal *p, const Subject *u, int q, const char *where) {
    ScheduleItem *x = propose(p, S_PLACE, propose_axis(p, u->s, q));
    x->to = propose_word(x, where);
}

static void propose_engine(const Subject *u) {
    const char *now = facts_engine(u->f, u->s);
    Proposal p = proposal(u->x);
    ScheduleItem *x = propose(&p, S_ENGINE, propose_stmt(&p, u->s));
    x->to = propose_word(x, strcmp(now, "simd") ? "simd" : "vector");
    try_proposal(u->x, &p);
}

/* Longer and shorter blocks. */
static void propose_tiles(const Subject *u) {
    for (int q = sched_n_axes(u->s); q-- > 0;) {
        const FactLoop *loop = facts_loop(u->f, sched_axis_at(u->s, q));
        int64_t now = loop ? loop->level->most : 0, sizes[] = {now * 4, now / 4};
        for (int i = 0; i < 2 && now > 0; i++) {
            if (sizes[i] < 1 || sizes[i] > LARGE) continue;
            Proposal p = proposal(u->x);
            propose(&p, S_TILE, propose_axis(&p, u->s, q))->number = sizes[i];
            try_proposal(u->x, &p);
        }
    }
}

/* Its own stage, or one with the next. */
static void propose_group(const Subject *u) {
    Proposal p = proposal(u->x);
    const Kernel *k = u->x->p->kernel;
    if (u->s->id + 1 >= k->stmts.n) return;
    bool with_next = false;
    for (int i = 0; i + 1 < u->f->stmts.n; i++) with_next |= u->f->stmts.at[i] == u->s;
    ScheduleItem *x = propose(&p, with_next ? S_STORE : S_FUSE, propose_stmt(&p, u->s));
    x->to = propose_word(x, with_next ? "sram" : propose_stmt(&p, k->stmts.at[u->s->id + 1]));
    try_proposal(u->x, &p);
}

/* Two indices over rows and columns in place of all over the PEs. */
static void propose_places(const Subject *u) {
    if (u->s->idx.n < 2) return;
    Proposal p = proposal(u->x);
    place(&p, u, 0, "row");
    place(&p, u, 1, "col");
    try_proposal(u->x, &p);
}

static void propose_all(const Subject *u) {
    if (u->f->dot) return;          /* panels have cases and sizes of their own: dot.c */
    propose_engine(u);
    propose_group(u);
    propose_tiles(u);
    propose_places(u);
}

static bool find_read(void *context, Expr *e) {
    bool *found = context;
    *found |= e->kind == X_READ;
    return !*found;
}

/* Its loops hang on what tensors hold, which the model does not know. */
static bool is_ragged(const TileStage *s) {
    bool found = false;
    for (int i = 0; i < s->axes.n; i++) {
        expr_walk(s->axes.at[i]->lo, find_read, &found);
        expr_walk(s->axes.at[i]->hi, find_read, &found);
    }
    return found;
}

/* The stage that takes the most of the time at some size, among those not looked at; NULL: none takes much. */
static const TileStage *next_stage(Search *x, const TileProgram *p, double *share) {
    int best = -1;
    for (int i = 0; i < p->stages.n; i++)
        if (share[i] > matters && !is_ragged(p->stages.at[i]) && (best < 0 || share[i] > share[best])) best = i;
    if (best < 0 || x->tries >= x->most_tries) return NULL;
    share[best] = 0;
    return p->stages.at[best];
}

static double *shares(Search *x, const TileProgram *p) {
    double *share = NEW_ARRAY(x->a, double, p->stages.n + 1);
    for (int i = 0; i < x->n; i++) {
        CostReport c;
        if (!cost_program(p, x->m, &(CostQuery){x->dims[i], NULL}, &c, x->a)) continue;
        for (int s = 0; s < p->stages.n; s++) share[s] = fmax(share[s], c.stage[s] / fmax(c.cycles, 1));
    }
    return share;
}

static void improve(Search *x) {
    const TileProgram *first = x->p;
    double *share = shares(x, first);
    for (const TileStage *stage; (stage = next_stage(x, first, share));) {
        Subject u = {x, NULL, stage_facts(stage, x->a)};
        for (int i = u.f->stmts.n; i-- > 0 && x->tries < x->most_tries;) {
            u.s = u.f->stmts.at[i];
            propose_all(&u);
        }
    }
}

static int computations(const TileNodes *body) {
    int n = 0;
    for (int i = 0; i < body->n; i++) n += (body->at[i]->kind == TILE_COMPUTE) + computations(&body->at[i]->body);
    return n;
}

/* A try takes as long as the program is large. */
static int tries_for(const TileProgram *p) {
    int n = 0;
    for (int i = 0; i < p->stages.n; i++) n += computations(&p->stages.at[i]->body);
    return n ? MOST_COMPUTATIONS / n : 0;
}

/* At a large size something is busy nearly all the time that a schedule does not change: far memory, or the engine of products. */
static bool is_held(Search *x) {
    static const CostUnit holds[] = {COST_IN_DRAM, COST_DPE};
    CostReport c;
    if (!cost_program(x->p, x->m, &(CostQuery){x->dims[LARGE_SIZE], NULL}, &c, x->a)) return true;
    for (size_t i = 0; i < sizeof holds / sizeof *holds; i++)
        if (c.busy[holds[i]] >= nearly * c.cycles) return true;
    return false;
}

Schedule *lower_search(const Kernel *k, const TileMachine *m, Arena *a) {
    const char *why;
    Search x = {.a = a, .k = k, .m = m, .s = NEW(a, Schedule)};
    if (!m->cost || !(x.p = lower_unverified(k, m, NULL, diags_new(a), a, &why))) return x.s;
    make_sizes(&x);
    x.most_tries = tries_for(x.p) < MOST_TRIES ? tries_for(x.p) : MOST_TRIES;
    if (!x.most_tries || is_held(&x)) return x.s;
    for (int i = 0; i < x.n; i++)
        if (!estimate(&x, x.p, i, &x.cost[i])) return x.s;
    improve(&x);
    return x.s;
}
