/* Inside of the prover: the integer points of a conjunction with disjunctions. */
#pragma once
#include "dsl/prove_fm.h"

typedef struct Clause { Rows *cases; int n; } Clause;

/* x_var stands for x_var + delta from here on. */
typedef struct Subst { int var; Row delta; } Subst;

typedef struct Search {
    Pool *pool;
    int n_vars;
    Rows facts;
    Clause *clauses;
    int n_clauses;
    bool want_point;     /* go on looking for a point where emptiness is refuted already */
    int64_t work;        /* terms that may still be touched */
    int nodes;           /* systems that may still be solved */
    int64_t *value;      /* n_vars: the point */
    Subst *trail;        /* substitutions made on the way to the present node */
    int n_trail, max_trail;
} Search;

/* FM_EMPTY: the facts and clauses have no integer point. FM_POINT: s->value is one, checked against all of them. Else FM_UNKNOWN.
 * The caller sets pool, n_vars, facts, clauses, want_point. */
FmAnswer search_run(Search *s);
