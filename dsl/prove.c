#include "dsl/prove.h"
#include "dsl/prove_search.h"

Lin lin_const(int64_t c) { return (Lin){.c = c}; }

Lin lin_var(Arena *a, int var) {
    Lin x = {0};
    LinTerm t = {var, 1};
    vec_push(a, &x.terms, t);
    return x;
}

static int64_t add_scaled(int64_t x, int64_t scale, int64_t y, bool *overflow) {
    int64_t product, sum;
    if (__builtin_mul_overflow(scale, y, &product) || __builtin_add_overflow(x, product, &sum) ||
        sum >= (int64_t)1 << 62 || sum <= -((int64_t)1 << 62)) {
        *overflow = true;
        return 0;
    }
    return sum;
}

Lin lin_add(Arena *a, Lin x, int64_t scale, Lin y, bool *overflow) {
    Lin sum = {.c = add_scaled(x.c, scale, y.c, overflow)};
    for (int i = 0, j = 0; i < x.terms.n || j < y.terms.n;) {
        int vx = i < x.terms.n ? x.terms.at[i].var : INT32_MAX, vy = j < y.terms.n ? y.terms.at[j].var : INT32_MAX;
        LinTerm t = {vx < vy ? vx : vy, 0};
        if (vx == t.var) t.coef = x.terms.at[i++].coef;
        if (vy == t.var) t.coef = add_scaled(t.coef, scale, y.terms.at[j++].coef, overflow);
        if (t.coef) vec_push(a, &sum.terms, t);
    }
    return sum;
}

bool lin_is_const(Lin x) { return x.terms.n == 0; }

bool lin_equal(Lin x, Lin y) {
    if (x.c != y.c || x.terms.n != y.terms.n) return false;
    for (int i = 0; i < x.terms.n; i++)
        if (x.terms.at[i].var != y.terms.at[i].var || x.terms.at[i].coef != y.terms.at[i].coef) return false;
    return true;
}

/* One thing known: a form >= 0 or == 0, or (n > 0) a disjunction of n cases. */
typedef struct Fact {
    Lin lin;
    bool eq;
    LinConj *cases;
    int n;
} Fact;

struct Prover {
    Arena *arena;
    int n_vars;
    VEC(Fact) facts;
    VEC(int) local;      /* by variable: its number in the search of the query under way, or -1 */
    Pool pool;
};

Prover *prover_new(Arena *a) {
    Prover *p = NEW(a, Prover);
    p->arena = p->pool.arena = a;
    return p;
}

int prover_var(Prover *p) {
    vec_push(p->arena, &p->local, -1);
    return p->n_vars++;
}

int prover_mark(const Prover *p) { return p->facts.n; }
void prover_pop(Prover *p, int mark) { p->facts.n = mark; }

/* A copy: the caller's terms may change. */
static Lin copy(Arena *a, Lin x) {
    Lin own = {.c = x.c};
    for (int i = 0; i < x.terms.n; i++) vec_push(a, &own.terms, x.terms.at[i]);
    return own;
}

static void add_fact(Prover *p, Lin e, bool eq) {
    Fact f = {.lin = copy(p->arena, e), .eq = eq};
    vec_push(p->arena, &p->facts, f);
}

void prover_ge0(Prover *p, Lin e) { add_fact(p, e, false); }
void prover_eq0(Prover *p, Lin e) { add_fact(p, e, true); }

void prover_or(Prover *p, const LinConj *cases, int n) {
    if (n <= 0) {            /* no case: never */
        add_fact(p, lin_const(-1), false);
        return;
    }
    Fact f = {.cases = NEW_ARRAY(p->arena, LinConj, n), .n = n};
    for (int k = 0; k < n; k++)
        for (int i = 0; i < cases[k].ge0.n; i++)
            vec_push(p->arena, &f.cases[k].ge0, copy(p->arena, cases[k].ge0.at[i]));
    vec_push(p->arena, &p->facts, f);
}

/* One query: which variables it is about (those that facts connect with the goal), and their numbers in the search. */
typedef struct Query {
    Prover *p;
    int *local;          /* the prover's */
    int *var;            /* by number: the variable */
    int n_vars;
    bool *taken;         /* by fact */
    Search search;
} Query;

static void take_var(Query *q, int var) {
    if (q->local[var] >= 0) return;
    q->var[q->n_vars] = var;
    q->local[var] = q->n_vars++;
}

static void take_lin(Query *q, Lin e) {
    for (int i = 0; i < e.terms.n; i++) take_var(q, e.terms.at[i].var);
}

static bool lin_connected(const Query *q, Lin e) {
    for (int i = 0; i < e.terms.n; i++)
        if (q->local[e.terms.at[i].var] >= 0) return true;
    return false;
}

static bool fact_connected(const Query *q, const Fact *f) {
    if (!f->n) return lin_connected(q, f->lin);
    for (int k = 0; k < f->n; k++)
        for (int i = 0; i < f->cases[k].ge0.n; i++)
            if (lin_connected(q, f->cases[k].ge0.at[i])) return true;
    return false;
}

static void take_fact(Query *q, const Fact *f) {
    if (!f->n) take_lin(q, f->lin);
    for (int k = 0; k < f->n; k++)
        for (int i = 0; i < f->cases[k].ge0.n; i++) take_lin(q, f->cases[k].ge0.at[i]);
}

/* The facts that share variables with those taken already, and so on. */
static void take_cone(Query *q) {
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < q->p->facts.n; i++) {
            const Fact *f = &q->p->facts.at[i];
            if (q->taken[i] || !fact_connected(q, f)) continue;
            q->taken[i] = more = true;
            take_fact(q, f);
        }
    }
}

/* The row scale * e + c over the search's variables, in any order of terms, then sorted. Scale is 1 or -1. */
static RowState make_row(Query *q, Lin e, int64_t scale, int64_t c, bool eq, Row *out) {
    Row r = {.t = pool_alloc(&q->p->pool, sizeof *r.t * (size_t)e.terms.n), .eq = eq};
    __int128 constant = (__int128)scale * e.c + c;
    if (constant > ROW_LIMIT || constant < -ROW_LIMIT) return ROW_OVERFLOW;
    r.c = (int64_t)constant;
    for (int i = 0; i < e.terms.n; i++) {
        int64_t coef = e.terms.at[i].coef;
        if (coef == 0) continue;
        if (coef > ROW_LIMIT || coef < -ROW_LIMIT) return ROW_OVERFLOW;
        LinTerm t = {q->local[e.terms.at[i].var], scale * coef};
        int k = r.n++;
        for (; k > 0 && r.t[k - 1].var > t.var; k--) r.t[k] = r.t[k - 1];
        r.t[k] = t;
        r.mask |= (uint64_t)1 << (t.var & 63);
    }
    RowState state = row_tighten(&q->p->pool, &r);
    *out = r;
    return state;
}

/* Adds what the state leaves of the row. Returns false when it can never hold. */
static bool add_row(Query *q, Rows *rows, RowState state, Row r) {
    if (state == ROW_OK) rows_push(&q->p->pool, rows, r);
    return state != ROW_FALSE;
}

/* A clause that has lost its false cases: returns false when none is left. */
static bool add_clause(Query *q, const Fact *f) {
    Clause *c = &q->search.clauses[q->search.n_clauses];
    *c = (Clause){.cases = pool_alloc(&q->p->pool, sizeof *c->cases * (size_t)f->n)};
    for (int k = 0; k < f->n; k++) {
        Rows rows = {0};
        bool may = true;
        for (int i = 0; i < f->cases[k].ge0.n && may; i++) {
            Row r;
            RowState state = make_row(q, f->cases[k].ge0.at[i], 1, 0, false, &r);
            may = add_row(q, &rows, state, r);
        }
        if (may && rows.n == 0) return true;      /* a case that holds always */
        if (may) c->cases[c->n++] = rows;
    }
    if (c->n == 1) {
        for (int i = 0; i < c->cases[0].n; i++) rows_push(&q->p->pool, &q->search.facts, c->cases[0].at[i]);
    } else {
        q->search.n_clauses++;
    }
    return c->n > 0;
}

/* Turns the facts taken into rows. Returns false when one of them never holds. */
static bool add_facts(Query *q) {
    const Prover *p = q->p;
    q->search.clauses = pool_alloc(&q->p->pool, sizeof *q->search.clauses * (size_t)p->facts.n);
    for (int i = 0; i < p->facts.n; i++) {
        const Fact *f = &p->facts.at[i];
        if (!q->taken[i]) continue;
        if (f->n) {
            if (!add_clause(q, f)) return false;
            continue;
        }
        Row r;
        RowState state = make_row(q, f->lin, 1, 0, f->eq, &r);
        if (!add_row(q, &q->search.facts, state, r)) return false;
    }
    return true;
}

/* Which facts a query takes. */
typedef enum Scope { CONE, REST, ALL } Scope;

/* The facts that were not taken, with variables of their own. */
static void take_rest(Query *q) {
    while (q->n_vars > 0) q->local[q->var[--q->n_vars]] = -1;
    for (int i = 0; i < q->p->facts.n; i++) {
        q->taken[i] = !q->taken[i];
        if (q->taken[i]) take_fact(q, &q->p->facts.at[i]);
    }
}

static void query_start(Query *q, Prover *p, bool want_point) {
    *q = (Query){.p = p, .search = {.pool = &p->pool, .want_point = want_point}};
    q->local = p->local.at;
    q->var = pool_alloc(&p->pool, sizeof *q->var * (size_t)p->n_vars);
    q->taken = pool_alloc(&p->pool, (size_t)p->facts.n);
    memset(q->taken, 0, (size_t)p->facts.n);
}

static void query_end(Query *q, PoolMark mark) {
    while (q->n_vars > 0) q->local[q->var[--q->n_vars]] = -1;
    pool_release(&q->p->pool, mark);
}

/* A point has a value for every variable; for an answer alone those that no fact mentions do not count. */
static void take_scope(Query *q, const Lin *goal, Scope scope) {
    if (goal) take_lin(q, *goal);
    for (int i = 0; i < q->p->n_vars && q->search.want_point; i++) take_var(q, i);
    if (scope != ALL) take_cone(q);
    if (scope == REST) take_rest(q);
    if (scope != ALL) return;
    for (int i = 0; i < q->p->facts.n; i++) {
        q->taken[i] = true;
        take_fact(q, &q->p->facts.at[i]);
    }
}

/* Looks for a point of the facts in scope where goal < 0; goal may be NULL. q->search.value holds it while the pool's mark of the
 * caller is kept. With REST the goal only says which facts are left out. */
static FmAnswer ask(Query *q, Prover *p, const Lin *goal, Scope scope, bool want_point) {
    query_start(q, p, want_point);
    take_scope(q, goal, scope);
    if (goal && scope != REST) {
        Row r;
        RowState state = make_row(q, *goal, -1, -1, false, &r);
        if (state == ROW_OVERFLOW) return FM_UNKNOWN;
        if (!add_row(q, &q->search.facts, state, r)) return FM_EMPTY;
    }
    if (!add_facts(q)) return FM_EMPTY;
    q->search.n_vars = q->n_vars;
    return search_run(&q->search);
}

/* Facts that share no variable with the goal matter only when they contradict each other. */
bool prover_proves(Prover *p, Lin e) {
    FmAnswer a = FM_POINT;
    for (Scope scope = CONE; scope <= REST && a != FM_EMPTY; scope++) {
        PoolMark mark = pool_mark(&p->pool);
        Query q;
        a = ask(&q, p, &e, scope, false);
        query_end(&q, mark);
    }
    return a == FM_EMPTY;
}

bool prover_refutes(Prover *p) {
    PoolMark mark = pool_mark(&p->pool);
    Query q;
    FmAnswer a = ask(&q, p, NULL, ALL, false);
    query_end(&q, mark);
    return a == FM_EMPTY;
}

/* The value of a form at a point. */
static __int128 lin_value(Lin e, const int64_t *value) {
    __int128 sum = e.c;
    for (int i = 0; i < e.terms.n; i++) sum += (__int128)e.terms.at[i].coef * value[e.terms.at[i].var];
    return sum;
}

static bool fact_holds(const Fact *f, const int64_t *value) {
    if (!f->n) return f->eq ? lin_value(f->lin, value) == 0 : lin_value(f->lin, value) >= 0;
    for (int k = 0; k < f->n; k++) {
        bool holds = true;
        for (int i = 0; i < f->cases[k].ge0.n && holds; i++) holds = lin_value(f->cases[k].ge0.at[i], value) >= 0;
        if (holds) return true;
    }
    return false;
}

bool prover_counterexample(Prover *p, Lin e, int64_t *value) {
    PoolMark mark = pool_mark(&p->pool);
    Query q;
    bool found = ask(&q, p, &e, ALL, true) == FM_POINT;
    for (int i = 0; found && i < p->n_vars; i++) value[i] = q.search.value[q.local[i]];
    query_end(&q, mark);
    for (int i = 0; found && i < p->facts.n; i++) found = fact_holds(&p->facts.at[i], value);
    return found && lin_value(e, value) < 0;
}
