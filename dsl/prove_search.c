/* Branch and bound over Fourier-Motzkin: a point that leaves a variable between two integers splits on it, one that breaks a clause
 * splits into the clause's cases. Equalities are solved first, by unimodular changes of variables. */
#include "dsl/prove_search.h"

enum { MAX_NODES = 1000, MAX_DEPTH = 40, MAX_WORK = 100000, TRAIL_MORE = 64 };

static bool substitute(Search *s, Row *r, const Subst *by, RowState *state) {
    int64_t a = row_coef(r, by->var);
    if (a == 0) return false;
    Row old = *r;
    *state = row_combine(s->pool, r, 1, &old, a, &by->delta, &s->work);
    return true;
}

/* Applies the last substitution to all rows. FM_POINT: go on. */
static FmAnswer substitute_all(Search *s, Rows *rows) {
    const Subst *by = &s->trail[s->n_trail - 1];
    int n = 0;
    s->work -= rows->n;
    for (int i = 0; i < rows->n; i++) {
        Row r = rows->at[i];
        RowState state = ROW_OK;
        substitute(s, &r, by, &state);
        if (state == ROW_FALSE) return FM_EMPTY;
        if (state == ROW_OK) rows->at[n++] = r;
    }
    rows->n = n;
    return FM_POINT;
}

/* The row of the trail that takes a case or a fact to the variables of the present node. */
static RowState to_present(Search *s, Row *r) {
    RowState state = ROW_OK;
    for (int i = 0; i < s->n_trail && state == ROW_OK; i++) substitute(s, r, &s->trail[i], &state);
    return state;
}

/* The equality that is best to solve next and its term with the least coefficient: short ones with a unit first. */
static int pick_equality(const Rows *rows, int *term) {
    int best = -1;
    int64_t least = INT64_MAX;
    for (int i = 0; i < rows->n; i++) {
        const Row *r = &rows->at[i];
        for (int k = 0; r->eq && k < r->n; k++) {
            int64_t a = r->t[k].coef < 0 ? -r->t[k].coef : r->t[k].coef;
            int64_t cost = a == 1 ? r->n : a < INT64_MAX / 4096 ? a * 1024 : INT64_MAX - 1;
            if (cost >= least) continue;
            least = cost;
            best = i;
            *term = k;
        }
    }
    return best;
}

/* x with coefficient 1 or -1: delta = -x - (the rest) / coefficient. */
static Row solved(Search *s, const Row *eq, int term) {
    Row d = {.t = pool_alloc(s->pool, sizeof *d.t * (size_t)eq->n), .n = eq->n, .mask = eq->mask};
    int64_t sign = eq->t[term].coef;
    for (int i = 0; i < eq->n; i++) d.t[i] = (LinTerm){eq->t[i].var, -sign * eq->t[i].coef};
    d.c = -sign * eq->c;
    return d;
}

/* Euclid's step: delta = - sum of q_i x_i over the other terms, q_i the rounded quotients by x's coefficient. */
static Row reduced(Search *s, const Row *eq, int term) {
    Row d = {.t = pool_alloc(s->pool, sizeof *d.t * (size_t)eq->n)};
    int64_t a = eq->t[term].coef, size = a < 0 ? -a : a;
    for (int i = 0; i < eq->n; i++) {
        if (i == term) continue;
        int64_t q = floor_div(eq->t[i].coef + size / 2, size);
        if (q == 0) continue;
        d.t[d.n++] = (LinTerm){eq->t[i].var, a < 0 ? q : -q};
        d.mask |= (uint64_t)1 << (eq->t[i].var & 63);
    }
    return d;
}

/* Solves one equality, or makes its least coefficient smaller. */
static FmAnswer solve_equality(Search *s, Rows *rows, int i, int term) {
    if (s->n_trail == s->max_trail) return FM_UNKNOWN;
    Row eq = rows->at[i];
    int64_t a = eq.t[term].coef;
    bool unit = a == 1 || a == -1;
    Subst by = {eq.t[term].var, unit ? solved(s, &eq, term) : reduced(s, &eq, term)};
    if (by.delta.n == 0) return FM_UNKNOWN;
    s->trail[s->n_trail++] = by;
    if (unit) rows->at[i] = rows->at[--rows->n];
    return substitute_all(s, rows);
}

/* Drops parallel rows; turns the first opposite ones that meet into an equality (*found), the rows behind them left as they are. */
static FmAnswer merge_parallel(Search *s, Rows *rows, bool *found) {
    RowTable t = row_table(s->pool, rows->n);
    int n = 0, i = 0;
    *found = false;
    while (i < rows->n && !*found) {
        int self, other;
        rows->at[n] = rows->at[i++];
        RowPair pair = row_table_add(&t, rows->at, n, &self, &other);
        if (pair == PAIR_EMPTY) return FM_EMPTY;
        if (self == n) n++;
        if (pair != PAIR_EQUAL) continue;
        rows->at[self].eq = true;
        rows->at[other] = rows->at[--n];
        *found = true;
    }
    while (i < rows->n) rows->at[n++] = rows->at[i++];
    rows->n = n;
    return FM_POINT;
}

/* Solves all equalities, hidden ones too: what is left are inequalities without parallels. */
static FmAnswer simplify(Search *s, Rows *rows) {
    for (bool found = true; found;) {
        for (int i, term = 0; (i = pick_equality(rows, &term)) >= 0;) {
            FmAnswer a = s->work > 0 ? solve_equality(s, rows, i, term) : FM_UNKNOWN;
            if (a != FM_POINT) return a;
        }
        FmAnswer a = merge_parallel(s, rows, &found);
        if (a != FM_POINT) return a;
    }
    return FM_POINT;
}

/* From values of the node's variables to values of the query's. */
static bool undo_trail(Search *s) {
    for (int i = s->n_trail - 1; i >= 0; i--) {
        __int128 v = s->value[s->trail[i].var] + row_value(&s->trail[i].delta, s->value);
        if (v > VALUE_LIMIT || v < -VALUE_LIMIT) return false;
        s->value[s->trail[i].var] = (int64_t)v;
    }
    return true;
}

static bool all_hold(const Rows *rows, const int64_t *value) {
    for (int i = 0; i < rows->n; i++)
        if (!row_holds(&rows->at[i], value)) return false;
    return true;
}

static bool clause_holds(const Clause *c, const int64_t *value) {
    for (int k = 0; k < c->n; k++)
        if (all_hold(&c->cases[k], value)) return true;
    return false;
}

/* Of the clauses that the point breaks, one with fewest cases; NULL when it breaks none. */
static const Clause *broken_clause(const Search *s) {
    const Clause *best = NULL;
    for (int i = 0; i < s->n_clauses; i++) {
        const Clause *c = &s->clauses[i];
        if ((!best || c->n < best->n) && !clause_holds(c, s->value)) best = c;
    }
    return best;
}

static FmAnswer visit(Search *s, const Rows *rows, const Rows *more, int depth);

/* Joins the answer of one branch to those before it; returns true when no other needs a look. */
static bool settle(const Search *s, FmAnswer *all, FmAnswer branch) {
    if (branch == FM_POINT || (branch == FM_UNKNOWN && *all == FM_EMPTY)) *all = branch;
    return *all == FM_POINT || (*all != FM_EMPTY && !s->want_point);
}

static FmAnswer split_gap(Search *s, const Rows *rows, FmGap gap, int depth) {
    FmAnswer all = FM_EMPTY;
    for (int side = 0; side < 2; side++) {
        LinTerm t = {gap.var, side ? 1 : -1};
        Row r = {.t = &t, .n = 1, .mask = (uint64_t)1 << (gap.var & 63), .c = side ? -gap.at - 1 : gap.at};
        Rows more = {.at = &r, .n = 1};
        if (settle(s, &all, visit(s, rows, &more, depth + 1))) break;
    }
    return all;
}

/* The rows of a case over the present node's variables. Returns false when it never holds. */
static bool present_case(Search *s, const Rows *rows, Rows *more) {
    for (int i = 0; i < rows->n; i++) {
        Row r = rows->at[i];
        RowState state = to_present(s, &r);
        if (state == ROW_FALSE) return false;
        if (state == ROW_OK) rows_push(s->pool, more, r);
    }
    return true;
}

/* not r: for r >= 0, -r - 1 >= 0. */
static Row negated(Search *s, const Row *r) {
    Row not = *r;
    not.t = pool_alloc(s->pool, sizeof *not.t * (size_t)r->n);
    for (int i = 0; i < r->n; i++) not.t[i] = (LinTerm){r->t[i].var, -r->t[i].coef};
    not.c = -r->c - 1;
    return not;
}

/* Visits the cases; a case of one row is false in those after it, which so do not overlap. */
static FmAnswer split_clause(Search *s, const Rows *rows, const Clause *c, int depth) {
    FmAnswer all = FM_EMPTY;
    Rows before = {0};
    for (int k = 0; k < c->n; k++) {
        Rows more = {0};
        for (int i = 0; i < before.n; i++) rows_push(s->pool, &more, before.at[i]);
        if (!present_case(s, &c->cases[k], &more)) continue;
        if (settle(s, &all, visit(s, rows, &more, depth + 1))) break;
        if (c->cases[k].n == 1 && more.n == before.n + 1) rows_push(s->pool, &before, negated(s, &more.at[before.n]));
    }
    return all;
}

static FmAnswer solve_node(Search *s, Rows *rows, int depth) {
    FmGap gap;
    FmAnswer a = simplify(s, rows);
    if (a != FM_POINT) return a;
    a = fm_solve(s->pool, rows, s->n_vars, s->value, &gap, &s->work);
    if (a == FM_GAP) return split_gap(s, rows, gap, depth);
    if (a != FM_POINT) return a;
    if (!undo_trail(s)) return FM_UNKNOWN;
    const Clause *c = broken_clause(s);
    if (c) return split_clause(s, rows, c, depth);
    return all_hold(&s->facts, s->value) ? FM_POINT : FM_UNKNOWN;
}

/* The system `rows` and `more`, both over the variables of the node above. */
static FmAnswer visit(Search *s, const Rows *rows, const Rows *more, int depth) {
    if (depth > MAX_DEPTH || s->nodes-- <= 0 || s->work <= 0) return FM_UNKNOWN;
    PoolMark mark = pool_mark(s->pool);
    int trail = s->n_trail;
    Rows own = {0};
    for (int i = 0; i < rows->n; i++) rows_push(s->pool, &own, rows->at[i]);
    for (int i = 0; i < more->n; i++) rows_push(s->pool, &own, more->at[i]);
    FmAnswer a = solve_node(s, &own, depth);
    s->n_trail = trail;
    pool_release(s->pool, mark);
    return a;
}

FmAnswer search_run(Search *s) {
    s->work = MAX_WORK;
    s->nodes = MAX_NODES;
    s->n_trail = 0;
    s->max_trail = 2 * s->n_vars + TRAIL_MORE;
    s->trail = pool_alloc(s->pool, sizeof *s->trail * (size_t)s->max_trail);
    s->value = pool_alloc(s->pool, sizeof *s->value * (size_t)s->n_vars);
    return visit(s, &s->facts, &(Rows){0}, 0);
}
