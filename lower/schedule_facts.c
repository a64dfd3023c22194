#include "lower/schedule_facts.h"

typedef struct Walk { Arena *a; StageFacts *f; } Walk;

static void note_stmt(Walk *w, const TileNode *n) {
    bool known = !n->stmt, dot = !n->dot, simd = !n->simd;
    for (int i = 0; i < w->f->stmts.n; i++) known |= w->f->stmts.at[i] == n->stmt;
    for (int i = 0; i < w->f->dots.n; i++) dot |= w->f->dots.at[i] == n->stmt;
    for (int i = 0; i < w->f->simds.n; i++) simd |= w->f->simds.at[i] == n->stmt;
    if (!known) vec_push(w->a, &w->f->stmts, n->stmt);
    for (int i = w->f->stmts.n - 1; !known && i > 0 && w->f->stmts.at[i]->id < w->f->stmts.at[i - 1]->id; i--) {
        const Stmt *s = w->f->stmts.at[i];
        w->f->stmts.at[i] = w->f->stmts.at[i - 1];
        w->f->stmts.at[i - 1] = s;
    }
    if (!dot) {
        vec_push(w->a, &w->f->dots, n->stmt);
        vec_push(w->a, &w->f->dot_of, n->dot);
    }
    if (!simd) vec_push(w->a, &w->f->simds, n->stmt);
    if (n->dot && !w->f->dot) w->f->dot = n->dot;
    if (n->fact && !w->f->fact) w->f->fact = n->fact;
}

static void note_loop(Walk *w, const TileNode *n, int depth) {
    for (int i = 0; i < n->levels.n; i++) {
        bool cut = false;
        for (int q = 0; q < w->f->loops.n; q++) cut |= w->f->loops.at[q].axis == n->levels.at[i].axis;
        if (!cut) vec_push(w->a, &w->f->loops, ((FactLoop){n->levels.at[i].axis, n, &n->levels.at[i], depth}));
    }
}

static void walk(Walk *w, const TileNodes *body, const TileNode *within, int depth) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        if (n->kind == TILE_COMPUTE) note_stmt(w, n);
        if (n->kind == TILE_LOAD) vec_push(w->a, &w->f->loads, ((FactTile){n->buf, n, within}));
        if (n->kind == TILE_STORE) vec_push(w->a, &w->f->stores, ((FactTile){n->buf, n, within}));
        if (n->kind != TILE_FOR) continue;
        note_loop(w, n, depth);
        walk(w, &n->body, n, depth + 1);
    }
}

StageFacts *stage_facts(const TileStage *s, Arena *a) {
    StageFacts *f = NEW(a, StageFacts);
    f->stage = s;
    walk(&(Walk){a, f}, &s->body, NULL, 0);
    return f;
}

const char *facts_engine(const StageFacts *f, const Stmt *s) {
    for (int i = 0; i < f->dots.n; i++)
        if (f->dots.at[i] == s) return f->dot_of.at[i]->row->engine;
    for (int i = 0; i < f->simds.n; i++)
        if (f->simds.at[i] == s) return "simd";
    return "vector";
}

const FactLoop *facts_loop(const StageFacts *f, const Index *i) {
    for (int q = 0; q < f->loops.n; q++)
        if (f->loops.at[q].axis == f->stage->axis_of[i->id]) return &f->loops.at[q];
    return NULL;
}
