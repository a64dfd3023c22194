#include "dsl/prove_fm.h"

enum { FM_MORE_ROWS = 1500, INEXACT_COST = 24 };

void rows_push(Pool *p, Rows *rows, Row r) {
    if (rows->n == rows->cap) {
        int cap = rows->cap ? rows->cap * 2 : 32;
        Row *at = pool_alloc(p, sizeof *at * (size_t)cap);
        if (rows->n) memcpy(at, rows->at, sizeof *at * (size_t)rows->n);
        rows->at = at;
        rows->cap = cap;
    }
    rows->at[rows->n++] = r;
}

/* How often a variable stands in live rows: [0] with negative, [1] with positive coefficients; of these not 1 or -1. */
typedef struct Count { int all[2], wide[2]; } Count;
/* The rows that bounded a variable when it was eliminated: order[lo .. hi). */
typedef struct Step { int var, lo, hi; } Step;

typedef struct Fm {
    Pool *pool;
    Row *rows;           /* dead ones have n < 0, with the terms kept */
    int n_rows, max_rows;
    RowTable table;
    Count *count;
    int n_vars;
    Step *steps;
    int n_steps;
    VEC(int) order;
    int64_t *work;
    bool empty, full;
} Fm;

static void count_row(Fm *f, const Row *r, int by) {
    for (int i = 0; i < r->n; i++) {
        int64_t coef = r->t[i].coef;
        Count *c = &f->count[r->t[i].var];
        c->all[coef > 0] += by;
        if (coef != 1 && coef != -1) c->wide[coef > 0] += by;
    }
}

static void fm_add(Fm *f, Row r) {
    if (f->n_rows == f->max_rows) {
        f->full = true;
        return;
    }
    int i = f->n_rows, self, other;
    f->rows[i] = r;
    switch (row_table_add(&f->table, f->rows, i, &self, &other)) {
    case PAIR_EMPTY: f->empty = true; return;
    case PAIR_WEAKER: return;
    case PAIR_EQUAL:
    case PAIR_NEW: break;
    }
    if (self != i) return;
    f->n_rows++;
    count_row(f, &r, 1);
}

static void push_order(Fm *f, int row) {
    if (f->order.n == f->order.cap) {
        int cap = f->order.cap ? f->order.cap * 2 : 256;
        int *at = pool_alloc(f->pool, sizeof *at * (size_t)cap);
        if (f->order.n) memcpy(at, f->order.at, sizeof *at * (size_t)f->order.n);
        f->order.at = at;
        f->order.cap = cap;
    }
    f->order.at[f->order.n++] = row;
}

/* The variable whose elimination adds fewest rows, exact eliminations first; -1 when no row is left. */
static int cheapest(const Fm *f) {
    int best = -1;
    int64_t least = INT64_MAX;
    for (int v = 0; v < f->n_vars; v++) {
        const Count *c = &f->count[v];
        int64_t lower = c->all[1], upper = c->all[0];
        if (lower + upper == 0) continue;
        int64_t cost = lower * upper - lower - upper + (c->wide[0] && c->wide[1] ? INEXACT_COST : 0);
        if (cost < least) {
            least = cost;
            best = v;
        }
    }
    return best;
}

/* Kills the rows that hold var and lists them: the step that takes it back. */
static Step retire(Fm *f, int var) {
    Step s = {var, f->order.n, 0};
    for (int i = 0; i < f->n_rows; i++) {
        Row *r = &f->rows[i];
        if (r->n < 0 || row_coef(r, var) == 0) continue;
        count_row(f, r, -1);
        push_order(f, i);
        r->n = ~r->n;
    }
    *f->work -= f->n_rows;
    s.hi = f->order.n;
    return s;
}

static Row retired(const Fm *f, int i) {
    Row r = f->rows[f->order.at[i]];
    r.n = ~r.n;
    return r;
}

/* The row without var that a lower and an upper bound of it give. */
static void join(Fm *f, const Row *lower, int64_t a, const Row *upper, int64_t b) {
    Row r;
    int64_t x = a, y = b;
    while (y) {
        int64_t rest = x % y;
        x = y;
        y = rest;
    }
    switch (row_combine(f->pool, &r, b / x, lower, a / x, upper, f->work)) {
    case ROW_OK: fm_add(f, r); break;
    case ROW_FALSE: f->empty = true; break;
    case ROW_TRUE: break;
    case ROW_OVERFLOW: f->full = true; break;
    }
}

static void eliminate(Fm *f, int var) {
    Step s = retire(f, var);
    f->steps[f->n_steps++] = s;
    for (int i = s.lo; i < s.hi; i++) {
        Row lower = retired(f, i);
        int64_t a = row_coef(&lower, var);
        for (int k = s.lo; a > 0 && k < s.hi && !f->empty && *f->work > 0; k++) {
            Row upper = retired(f, k);
            int64_t b = row_coef(&upper, var);
            if (b < 0) join(f, &lower, a, &upper, -b);
        }
    }
}

/* Chooses the value of the step's variable, those eliminated after it being known. */
static FmAnswer take_back(const Fm *f, Step s, int64_t *value, FmGap *gap) {
    __int128 lo = -((__int128)1 << 100), hi = (__int128)1 << 100;
    value[s.var] = 0;
    for (int i = s.lo; i < s.hi; i++) {
        Row r = retired(f, i);
        int64_t a = row_coef(&r, s.var);
        __int128 rest = row_value(&r, value), bound;
        if (a > 0) {         /* x >= ceil(-rest / a) */
            bound = -(rest / a) + (rest % a < 0);
            if (bound > lo) lo = bound;
        } else {             /* x <= floor(rest / -a) */
            bound = rest / -a - (rest % -a < 0);
            if (bound < hi) hi = bound;
        }
    }
    __int128 v = lo > hi ? hi : lo > 0 ? lo : hi < 0 ? hi : 0;
    if (v > VALUE_LIMIT || v < -VALUE_LIMIT) return FM_UNKNOWN;
    if (lo > hi) {
        *gap = (FmGap){s.var, (int64_t)v};
        return FM_GAP;
    }
    value[s.var] = (int64_t)v;
    return FM_POINT;
}

static FmAnswer find_point(const Fm *f, int64_t *value, FmGap *gap) {
    memset(value, 0, sizeof *value * (size_t)f->n_vars);
    for (int i = f->n_steps - 1; i >= 0; i--) {
        FmAnswer a = take_back(f, f->steps[i], value, gap);
        if (a != FM_POINT) return a;
    }
    return FM_POINT;
}

FmAnswer fm_solve(Pool *p, const Rows *rows, int n_vars, int64_t *value, FmGap *gap, int64_t *work) {
    Fm f = {.pool = p, .max_rows = rows->n + FM_MORE_ROWS, .n_vars = n_vars, .work = work};
    f.rows = pool_alloc(p, sizeof *f.rows * (size_t)f.max_rows);
    f.table = row_table(p, f.max_rows);
    f.count = pool_alloc(p, sizeof *f.count * (size_t)n_vars);
    memset(f.count, 0, sizeof *f.count * (size_t)n_vars);
    f.steps = pool_alloc(p, sizeof *f.steps * (size_t)n_vars);
    for (int i = 0; i < rows->n; i++) fm_add(&f, rows->at[i]);
    for (int v; !f.empty && *work > 0 && (v = cheapest(&f)) >= 0;) eliminate(&f, v);
    if (f.empty) return FM_EMPTY;
    return *work > 0 ? find_point(&f, value, gap) : FM_UNKNOWN;
}
