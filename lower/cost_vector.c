/* The vector core's loops: which index the lanes run along, what a turn of the innermost loop takes. */
#include "dsl/kernel_build.h"
#include "lower/cost_impl.h"
#include <math.h>

enum { LANES = 16, OPS_AN_ACCESS = 2, OPS_A_LOOP = 5, FETCH_REQUESTS = 2, GATHER_WEIGHT = 16 };

/* What a turn of a loop takes: vector operations, loads and stores go side by side, scalar ones do not. */
typedef struct Turn { double vector, loads, stores, scalar; } Turn;

typedef struct Vector {
    CostRun *r;
    const TileNode *n;
    const Stmt *s;
    const Reduce *reduce;
    const Index *lane;          /* NULL: one value at a time */
    const Index *inner;         /* of the innermost loop */
    bool along;                 /* lanes along the reduction */
} Vector;

/* --- operations --------------------------------------------------------------------------------------------------------------- */

typedef enum Class { CLASS_OP, CLASS_MUL, CLASS_DIV, CLASS_IDIV, CLASS_FN, CLASS_FN2 } Class;
static const Class classes[OP_COUNT] = {
    [OP_MUL] = CLASS_MUL, [OP_DIV] = CLASS_DIV, [OP_RECIP] = CLASS_DIV, [OP_SQRT] = CLASS_DIV, [OP_RSQRT] = CLASS_DIV, [OP_FLOORDIV] = CLASS_IDIV, [OP_MOD] = CLASS_IDIV,
    [OP_EXP] = CLASS_FN, [OP_EXP2] = CLASS_FN, [OP_EXPM1] = CLASS_FN, [OP_LOG] = CLASS_FN, [OP_LOG2] = CLASS_FN, [OP_LOG1P] = CLASS_FN, [OP_SIN] = CLASS_FN, [OP_COS] = CLASS_FN,
    [OP_ASIN] = CLASS_FN, [OP_ACOS] = CLASS_FN, [OP_ATAN] = CLASS_FN, [OP_TANH] = CLASS_FN, [OP_ERF] = CLASS_FN, [OP_POW] = CLASS_FN2, [OP_TAN] = CLASS_FN2,
    [OP_SINH] = CLASS_FN2, [OP_COSH] = CLASS_FN2,
};

static double price(const CostMachine *m, Class c, bool whole) {
    switch (c) {
    case CLASS_MUL: return whole ? m->imul : m->op;
    case CLASS_DIV: return m->div;
    case CLASS_IDIV: return m->idiv;
    case CLASS_FN: return m->function;
    case CLASS_FN2: return 2 * m->function;
    default: return m->op;
    }
}

/* A type with fewer lanes takes that many times as long. */
static double width(const CostMachine *m, DType t) {
    DType c = t < DT_COUNT ? dtype_table[t].compute : DT_F32;
    double lanes = c == DT_BOOL ? m->lanes[DT_I32] : m->lanes[c] ? m->lanes[c] : m->lanes[DT_F32];
    return lanes > 0 && lanes < LANES ? LANES / lanes : 1;
}

/* --- accesses ------------------------------------------------------------------------------------------------------------------ */

static bool mentions(const Expr *e, const Index *i) {
    if (e->kind == X_INDEX) return e->index == i;
    for (int k = 0; k < e->args.n; k++)
        if (mentions(e->args.at[k], i)) return true;
    return false;
}

typedef enum Spread { SPREAD_ONE, SPREAD_NEXT, SPREAD_FAR } Spread;

/* How an access's places lie when the index goes on: one place, neighbours, others. */
static Spread spread_of(const Exprs *subs, const Index *i) {
    bool found = false;
    if (!i) return SPREAD_ONE;
    for (int d = 0; d < subs->n; d++) {
        const Expr *e = subs->at[d];
        if (!mentions(e, i)) continue;
        bool plain = e->kind == X_INDEX || (e->kind == X_OP && (e->op == OP_ADD || (e->op == OP_SUB && !mentions(e->args.at[1], i)))
                     && (e->args.at[0]->kind == X_INDEX || !mentions(e->args.at[0], i)) && (e->args.at[1]->kind == X_INDEX || !mentions(e->args.at[1], i)));
        if (d + 1 < subs->n || !plain) return SPREAD_FAR;
        found = true;
    }
    return found ? SPREAD_NEXT : SPREAD_ONE;
}

static double rows_of(const CostMachine *m, DType t) { return cost_max(1, LANES * (dtype_table[dtype_table[t].compute].bytes > 4 ? 8 : 4) / m->vector); }

static void access(const Vector *v, Turn *t, DType type, Spread s, bool write) {
    const CostMachine *m = v->r->m;
    bool narrow = dtype_table[type].compute != type;
    double *rows = write ? &t->stores : &t->loads;
    *rows += s == SPREAD_ONE && v->lane ? 1 : rows_of(m, type);
    t->scalar += OPS_AN_ACCESS;
    if (narrow) t->vector += m->op * width(m, type);
    if (s == SPREAD_FAR) t->vector += LANES * m->gather;
    if (s == SPREAD_ONE && v->lane) t->vector += m->op * width(m, type), t->scalar++;
}

static Turn value(const Vector *v, const Expr *e);

static void add(Turn *t, Turn x, double times) {
    t->vector += times * x.vector;
    t->loads += times * x.loads;
    t->stores += times * x.stores;
    t->scalar += times * x.scalar;
}

/* The core asks for a single element, and waits. */
static double fetch_time(const CostRun *r) {
    const CostMachine *m = r->m;
    return m->issue + m->start + m->setup + cost_max(m->memory[COST_DRAM].latency, m->memory[COST_SRAM].latency) + m->hop * (r->tiles->rows + r->tiles->cols) + FETCH_REQUESTS * m->scalar;
}

static Turn read(const Vector *v, const Expr *e) {
    Turn t = {0};
    if (!e->tensor->rank && e->tensor->role == TR_INPUT) return t;
    const TileBuf *b = cost_tile_of(v->r, e);
    Spread s = spread_of(&e->args, v->lane);
    if (!b) {
        t.scalar = fetch_time(v->r) * (v->lane && s != SPREAD_ONE ? LANES : 1);
        return t;
    }
    bool still = !v->reduce && v->inner && e->mode == READ_PLAIN;
    for (int d = 0; d < e->args.n && still; d++) still = !mentions(e->args.at[d], v->inner);
    if (still) return t;        /* computed before the loop */
    access(v, &t, b->type, s, false);
    for (int d = 0; d < e->args.n; d++)
        if (e->mode != READ_PLAIN) t.vector += 2 * v->r->m->op;
    if (e->mode == READ_PAD) t.vector += v->r->m->op * width(v->r->m, e->type);
    return t;
}

/* --- expressions ------------------------------------------------------------------------------------------------------------------ */

static Turn reduction_turn(const Vector *v, const Reduce *r);

static Turn operation(const Vector *v, const Expr *e) {
    const CostMachine *m = v->r->m;
    DType type = e->args.at[0]->type;
    Turn t = {0};
    for (int i = 0; i < e->args.n; i++) add(&t, value(v, e->args.at[i]), 1);
    t.vector += price(m, classes[e->op], !dtype_is_float(type)) * width(m, type);
    return t;
}

static Turn value(const Vector *v, const Expr *e) {
    const CostMachine *m = v->r->m;
    Turn t = {0};
    switch (e->kind) {
    case X_READ: return read(v, e);
    case X_OP: return operation(v, e);
    case X_INDEX: t.vector = v->lane == e->index ? 2 * m->op * width(m, DT_I64) : m->op; return t;
    case X_CONVERT: case X_SAT:
        t = value(v, e->args.at[0]);
        if (dtype_table[e->type].compute != dtype_table[e->args.at[0]->type].compute || e->kind == X_SAT)
            t.vector += m->op * cost_max(width(m, e->type), width(m, e->args.at[0]->type));
        else if (dtype_table[e->type].compute != e->type) t.vector += 2 * m->op;
        return t;
    case X_IF:
        for (int i = 0; i < 3; i++) add(&t, value(v, e->args.at[i]), 1);
        t.vector += m->op * (width(m, e->type) + 1);
        return t;
    case X_CALL:
        t = value(v, e->fn->body);
        for (int i = 0; i < e->args.n; i++) add(&t, value(v, e->args.at[i]), 1);
        return t;
    case X_REDUCE: return reduction_turn(v, e->reduce);
    default: return t;
    }
}

static double cycles(const CostMachine *m, const Turn *t) {
    return t->scalar * m->scalar + cost_max(t->vector, cost_max(t->loads / m->loads, t->stores / m->stores));
}

/* --- reductions --------------------------------------------------------------------------------------------------------------------- */

static Turn assigns(const Vector *v, const Assigns *list) {
    Turn t = {0};
    for (int i = 0; i < list->n; i++) add(&t, value(v, list->at[i].value), 1);
    return t;
}

/* One element joins the state. */
static Turn step(const Vector *v, const Reduce *r) {
    const CostMachine *m = v->r->m;
    const Comb *c = r->comb;
    Turn t = {0};
    for (int i = 0; i < r->operands.n; i++) add(&t, value(v, r->operands.at[i]), 1);
    if (r->pred) {
        add(&t, value(v, r->pred), 1);
        t.vector += m->op * width(m, c->type);
    }
    if (c->kind == CK_USER) add(&t, assigns(v, &c->step), 1);
    else if (c->kind == CK_ARGMAX || c->kind == CK_ARGMIN) t.vector += m->op * (6 * width(m, c->type) + 3 * width(m, DT_I64));
    else t.vector += price(m, c->kind == CK_PROD ? CLASS_MUL : CLASS_OP, !dtype_is_float(c->type)) * width(m, c->type);
    if (c->kind == CK_MEAN) t.vector += m->op * width(m, DT_I64);
    return t;
}

static int states(const Comb *c) { return c->kind == CK_USER ? c->states.n : c->kind == CK_MEAN || c->kind == CK_ARGMAX || c->kind == CK_ARGMIN ? 2 : 1; }

/* The lanes' states become one. */
static double fold(const Vector *v, const Comb *c) {
    const CostMachine *m = v->r->m;
    double wide = width(m, c->kind == CK_USER ? c->states.at[0]->type : c->type);
    if (c->kind == CK_USER) {
        Turn t = assigns(v, &c->merge);
        return (LANES - 1) * (cycles(m, &t) + m->turn + 3 * states(c) * m->op * wide);
    }
    if (c->kind == CK_ARGMAX || c->kind == CK_ARGMIN) return (LANES - 1) * (m->turn + m->op * (10 * wide + 8 * width(m, DT_I64)));
    return 5 * m->op * wide + (c->kind == CK_MEAN ? 5 * m->op * width(m, DT_I64) : 0);
}

/* All elements of the block, the lanes elsewhere. */
static Turn reduction_turn(const Vector *v, const Reduce *r) {
    const CostMachine *m = v->r->m;
    double n = 1, turns = 0;
    Turn t = {0}, each = step(v, r);
    for (int i = 0; i < r->idx.n; i++) {
        n *= cost_extent(v->r, r->idx.at[i]);
        turns += n;
    }
    if (r->scan) turns = n = n / 2;
    add(&t, each, n);
    t.scalar += turns * (m->turn / cost_max(m->scalar, 1e-9)) + OPS_A_LOOP;
    return t;
}

/* --- the loops of a computation -------------------------------------------------------------------------------------------------------- */

static bool has_states(const Vector *v) { return v->n->part != TILE_WHOLE && v->n->part != TILE_TEST; }
static bool has_results(const Vector *v) { return v->n->part == TILE_WHOLE || v->n->part == TILE_FINAL || v->n->part == TILE_SCAN; }
static bool has_values(const Vector *v) { return v->n->part != TILE_INIT && v->n->part != TILE_FINAL && v->n->part < TILE_NOW; }
static const Expr *value_of(const Vector *v) { return v->s ? v->s->value : fact_test(v->n->fact); }

static bool is_pinned(const Vector *v, const Index *i) {
    const TileAxis *axis = v->r->stage->axis_of[i->id];
    return axis && axis->levels && v->r->pinned[axis->id];
}

typedef struct Accesses { const Index *i; int weight; } Accesses;
static bool weigh(void *context, Expr *e) {
    Accesses *a = context;
    if (e->kind == X_READ) a->weight += spread_of(&e->args, a->i) == SPREAD_FAR ? GATHER_WEIGHT : 1;
    return true;
}

static int weight_along(const Vector *v, const Index *i, bool reduction) {
    Accesses a = {i, 0};
    if (has_values(v) || reduction) expr_walk((Expr *)value_of(v), weigh, &a);
    for (int k = 0; v->s && has_results(v) && !reduction && k < v->s->targets.n; k++) a.weight += spread_of(&v->s->targets.at[k].subs, i) == SPREAD_FAR ? GATHER_WEIGHT : 1;
    for (int k = 0; v->s && has_states(v) && !reduction && k < v->s->idx.n; k++) a.weight += v->s->idx.at[k] == i ? (k + 1 < v->s->idx.n ? GATHER_WEIGHT : 1) : 0;
    return a.weight;
}

/* The index that the emitter would choose: where neighbours lie next to each other. */
static void choose_lane(Vector *v, Index *const *idx, int n) {
    int best = 0;
    for (int k = n; k-- > 0;) {
        if (is_pinned(v, idx[k]) || (v->reduce && v->reduce->scan && idx[k] == v->reduce->along)) continue;
        int weight = weight_along(v, idx[k], false);
        if (v->lane && weight >= best) continue;
        v->lane = idx[k];
        best = weight;
    }
    bool reduces = v->reduce && !v->reduce->scan && v->reduce->idx.n && (v->n->part == TILE_WHOLE || v->n->part == TILE_STEP);
    if (!reduces || (v->reduce->comb->kind == CK_USER && v->reduce->comb->ordered)) return;
    const Index *last = v->reduce->idx.at[v->reduce->idx.n - 1];
    if (is_pinned(v, last) || (v->lane && weight_along(v, last, true) >= best)) return;
    v->lane = last;
    v->along = true;
}

static Turn state_accesses(const Vector *v, bool loads, bool stores) {
    Turn t = {0};
    const Comb *c = v->reduce->comb;
    for (int i = 0; i < states(c); i++) {
        DType type = c->kind == CK_USER ? c->states.at[i]->type : i ? DT_I64 : c->type;
        if (loads) access(v, &t, type, v->along ? SPREAD_ONE : SPREAD_NEXT, false);
        if (stores) access(v, &t, type, v->along ? SPREAD_ONE : SPREAD_NEXT, true);
    }
    return t;
}

static void store_results(const Vector *v, Turn *t) {
    for (int i = 0; i < v->s->targets.n; i++) access(v, t, v->s->targets.at[i].tensor->type, spread_of(&v->s->targets.at[i].subs, v->along ? NULL : v->lane), true);
    if (v->reduce && v->reduce->comb->kind == CK_USER)
        for (int i = 0; i < v->reduce->comb->final.n; i++) add(t, value(v, v->reduce->comb->final.at[i]), 1);
    if (v->reduce && v->reduce->comb->kind == CK_MEAN) t->vector += v->r->m->div * width(v->r->m, v->reduce->comb->type) + v->r->m->op * width(v->r->m, DT_I64);
}

/* What is done at one point of the outer indices, or for 16 of them; inner loops included. */
static double point(const Vector *v) {
    const CostMachine *m = v->r->m;
    Turn t = {0};
    double extra = 0;
    if (!v->reduce) {
        t = value(v, value_of(v));
        if (v->s) store_results(v, &t);
        else t.scalar += 2;
        return cycles(m, &t);
    }
    if (v->n->part == TILE_SCAN) {
        double n = cost_extent(v->r, v->reduce->along);
        Turn each = step(v, v->reduce);
        store_results(v, &each);
        t = state_accesses(v, true, true);
        return cycles(m, &t) + n * (cycles(m, &each) + m->turn);
    }
    if (has_values(v) && v->along) {
        double n = 1;
        for (int i = 0; i + 1 < v->reduce->idx.n; i++) n *= cost_extent(v->r, v->reduce->idx.at[i]);
        Turn each = step(v, v->reduce);
        extra = n * (ceil(cost_extent(v->r, v->lane) / LANES) * (cycles(m, &each) + m->turn) + OPS_A_LOOP * m->scalar) + fold(v, v->reduce->comb);
    } else if (has_values(v)) {
        Turn all = reduction_turn(v, v->reduce);
        extra = cycles(m, &all);
    }
    bool whole = v->n->part == TILE_WHOLE;
    if (!whole) t = state_accesses(v, v->n->part != TILE_INIT, v->n->part != TILE_FINAL);
    if (has_results(v)) store_results(v, &t);
    return extra + cycles(m, &t);
}

double cost_vector(CostRun *r, const TileNode *n) {
    const Stmt *s = n->stmt;
    Vector v = {.r = r, .n = n, .s = s, .reduce = s && s->value->kind == X_REDUCE ? s->value->reduce : NULL};
    if (!s && n->fact->number <= 0) return 0;
    Index *const *idx = s ? s->idx.at : n->fact->idx.at;
    int count = s ? s->idx.n : n->fact->idx.n;
    double points = 1, loops = 0;
    choose_lane(&v, idx, count);
    v.inner = v.lane ? v.lane : count ? idx[count - 1] : NULL;
    for (int i = 0; i < count; i++) {
        bool scanned = n->part == TILE_SCAN && v.reduce && idx[i] == v.reduce->along;
        if (scanned || (idx[i] == v.lane && !v.along)) continue;
        points *= cost_extent(r, idx[i]);
        if (!is_pinned(&v, idx[i])) loops += points;
    }
    if (points <= 0) return 0;
    double each = point(&v);
    if (v.lane && !v.along) each = ceil(cost_extent(r, v.lane) / LANES) * (each + r->m->turn) + OPS_A_LOOP * r->m->scalar;
    return points * each + loops * r->m->turn;
}
