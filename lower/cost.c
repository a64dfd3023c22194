/* The loop tree of a program, walked with times. */
#include "dsl/kernel_build.h"
#include "lower/cost_impl.h"
#include "lower/expr.h"
#include <math.h>

const char *const cost_unit_names[COST_UNITS] = {"core0", "core1", "load", "store", "dpe", "re", "se", "mlu", "sram", "dram", "links"};

enum { LEVELS = 48, ROUNDS = 12, OPS_A_TILE = 10, OPS_A_LEVEL = 6, OPS_A_TURN = 2 };

/* --- the tree of a stage ---------------------------------------------------------------------------------------------------- */

typedef struct Mentions { CostRun *r; CostNode *to; TileNode *const *path; int n; } Mentions;

/* The axes on whose blocks a box hangs. */
static bool find_axes(void *context, Expr *e) {
    Mentions *m = context;
    m->to->anywhere |= e->kind == X_READ;
    for (int i = 0; i < m->n && e->kind == X_INDEX; i++)
        for (int v = 0; v < m->path[i]->levels.n; v++) {
            const TileLevel *l = &m->path[i]->levels.at[v];
            bool known = l->var != e->index && l->end != e->index;
            for (int k = 0; k < m->to->axes.n; k++) known |= m->to->axes.at[k] == l->axis->id;
            if (!known) vec_push(m->r->a, &m->to->axes, l->axis->id);
        }
    return true;
}

static void find_box(CostRun *r, CostNode *c, TileNode *const *path, int n) {
    Mentions m = {r, c, path, n};
    for (int d = 0; d < c->node->buf->rank; d++) {
        expr_walk(c->node->buf->lo[d], find_axes, &m);
        expr_walk(c->node->buf->hi[d], find_axes, &m);
    }
}

typedef struct Around { TileNode *path[LEVELS]; int n; } Around;

static void plan_nodes(CostRun *r, const TileNodes *body, Around *at, CostNode **to, int *n) {
    *n = body->n;
    *to = NEW_ARRAY(r->a, CostNode, body->n + 1);
    for (int i = 0; i < body->n; i++) {
        CostNode *c = &(*to)[i];
        c->node = body->at[i];
        c->loads = c->node->kind == TILE_LOAD;
        c->works = c->node->kind == TILE_COMPUTE || c->node->kind == TILE_STORE;
        if (c->node->kind == TILE_COMPUTE) cost_uses(r, c);
        if (c->node->kind == TILE_LOAD || c->node->kind == TILE_STORE) find_box(r, c, at->path, at->n);
        if (c->node->kind != TILE_FOR || at->n == LEVELS) continue;
        at->path[at->n++] = body->at[i];
        plan_nodes(r, &c->node->body, at, &c->body, &c->n);
        at->n--;
        for (int k = 0; k < c->n; k++) {
            c->loads |= c->body[k].loads;
            c->works |= c->body[k].works;
        }
    }
}

/* Steps have their values when the stage begins. */
static void set_steps(CostRun *r, const TileNodes *body) {
    for (int i = 0; i < body->n; i++) {
        const TileNode *n = body->at[i];
        for (int v = 0; v < n->levels.n; v++)
            if (n->levels.at[v].step_var) r->env[n->levels.at[v].step_var->id] = cost_value(r, n->levels.at[v].step);
        set_steps(r, &n->body);
    }
}

/* --- loops -------------------------------------------------------------------------------------------------------------------- */

/* Rounds of the PE with the most blocks; the last one of them is told apart where fewer PEs have a block or it is a partial one. */
typedef struct Rounds { double n, blocks, of[LEVELS], fill, last_var, last_pes; bool last; } Rounds;

static double step_of(CostRun *r, const TileLevel *v) { return v->step_var ? r->env[v->step_var->id] : cost_value(r, v->step); }

static Rounds rounds_of(CostRun *r, const TileNode *n) {
    double pes = n->over == TILE_PE ? r->pes : n->over == TILE_ROW ? r->tiles->rows : n->over == TILE_COL ? r->tiles->cols : 1;
    Rounds x = {.blocks = 1, .fill = 1};
    if (n->levels.n > LEVELS) return r->fails = true, x;
    for (int i = 0; i < n->levels.n; i++) {
        const TileLevel *v = &n->levels.at[i];
        double extent = r->hi[v->axis->id] - r->lo[v->axis->id], step = cost_max(step_of(r, v), 1);
        x.of[i] = extent > 0 ? ceil(extent / step) : 0;
        x.blocks *= x.of[i];
        if (extent > 0 && n->over != TILE_SEQ) x.fill *= extent / (x.of[i] * cost_min(step, extent));
    }
    if (!(x.blocks < 1e15)) r->fails = true, x.blocks = 0;
    x.n = ceil(x.blocks / pes);
    x.last_pes = x.blocks - (x.n - 1) * pes;
    x.last = x.n > 1 && x.last_pes < pes;
    if (n->levels.n == 1 && x.n > 1) {
        const TileLevel *v = &n->levels.at[0];
        double step = cost_max(step_of(r, v), 1), from = r->lo[v->axis->id];
        x.last_var = from + (x.n - 1) * pes * step;
        x.last |= x.last_var + step > r->hi[v->axis->id];
    } else x.last_var = -1;
    return x;
}

static void body(CostRun *r, CostNode *nodes, int n);

/* One round: core 0 and core 1 each go round where they have something to do. */
static void round_once(CostRun *r, CostNode *n) {
    double ops = r->m->turn + r->m->scalar * (OPS_A_TURN + (n->node->levels.n > 1 || n->node->lockstep ? OPS_A_LEVEL * n->node->levels.n : 0));
    for (int k = 0; k < 2; k++) {
        if (!(k ? n->works : n->loads)) continue;
        for (int w = 0; w < COST_WHOS; w++) r->t[w].core[k] += ops;
        r->busy[k] += ops;
    }
    body(r, n->body, n->n);
}

static void jump(CostRun *r, double by) {
    for (int w = 0; w < COST_WHOS; w++) {
        double *t = (double *)&r->t[w];
        for (size_t i = 0; i < sizeof r->t[w] / sizeof *t; i++) t[i] += by;
        for (int i = 0; i < r->stage->bufs.n; i++) {
            double *ring = (double *)&r->ring[w][i];
            for (size_t k = 0; k < sizeof *r->ring[w] / sizeof *ring; k++) ring[k] += by;
        }
    }
    for (int i = 0; i < COST_HOMES; i++) r->memory[i] += by;
}

static double now(const CostRun *r) {
    double at = 0;
    for (int w = 0; w < COST_WHOS; w++) at = cost_max(at, cost_max(r->t[w].latest, cost_max(r->t[w].core[0], r->t[w].core[1])));
    return at;
}

static void jump_rounds(CostRun *r, const CostNode *n, double rounds) {
    jump(r, rounds * n->round);
    for (int u = 0; u < COST_UNITS; u++) r->busy[u] += rounds * n->busy[u];
}

/* As many equal rounds: made until two pairs of them take the same, then jumped over. */
static void equal_rounds(CostRun *r, CostNode *n, double count) {
    uint64_t key = cost_key(r);
    double at[ROUNDS + 1], before[2][COST_UNITS];
    if (key == n->key && count > 1) {
        round_once(r, n);
        jump_rounds(r, n, count - 1);
        return;
    }
    at[0] = now(r);
    for (int i = 1; i <= count; i++) {
        memcpy(before[i % 2], r->busy, sizeof r->busy);
        round_once(r, n);
        if (i <= ROUNDS) at[i] = now(r);
        bool settled = i >= 4 && i <= ROUNDS && fabs((at[i] - at[i - 2]) - (at[i - 1] - at[i - 3])) <= 0.005 * (at[i] - at[i - 2]);
        if (!settled && i < ROUNDS) continue;
        if (i < 4) continue;
        n->key = key;
        n->round = (at[i] - at[i - 2]) / 2;
        for (int u = 0; u < COST_UNITS; u++) n->busy[u] = (r->busy[u] - before[(i - 1) % 2][u]) / 2;
        jump_rounds(r, n, count - i);
        return;
    }
}

/* The blocks of the first round, or of the last one. */
static void set_blocks(CostRun *r, const TileNode *n, const Rounds *x, bool last) {
    for (int i = 0; i < n->levels.n; i++) {
        const TileLevel *v = &n->levels.at[i];
        double step = cost_max(step_of(r, v), 1), from = r->lo[v->axis->id], end;
        if (last && x->last_var >= 0) from = x->last_var;
        end = cost_min(from + step, r->hi[v->axis->id]);
        r->env[v->var->id] = r->lo[v->axis->id] = from;
        r->env[v->end->id] = r->hi[v->axis->id] = cost_max(end, from);
        r->pinned[v->axis->id] = v->step->kind == X_LIT && v->step->lit_i == 1 && (!n->lockstep || n->over == TILE_SEQ);
    }
}

/* How much of the grid has work in that round. */
static void set_share(CostRun *r, const TileNode *n, const double *n_blocks, double pes) {
    double left = pes;
    if (n->over == TILE_ROW) r->rows = cost_min(r->rows, pes);
    if (n->over == TILE_COL) r->cols = cost_min(r->cols, pes);
    for (int i = n->levels.n; i-- > 0 && n->over != TILE_SEQ; left = ceil(left / n_blocks[i])) r->dealt[n->levels.at[i].axis->id] = cost_min(n_blocks[i], left);
    if (n->over == TILE_PE && n->levels.n) {
        r->rows = cost_min(r->tiles->rows, ceil(pes / r->tiles->cols));
        r->cols = cost_max(1, pes / r->rows);
    }
}

typedef struct Outside { double lo[LEVELS], hi[LEVELS], rows, cols, fill; bool pinned[LEVELS]; } Outside;

static void enter(CostRun *r, const TileNode *n, Outside *o) {
    *o = (Outside){.rows = r->rows, .cols = r->cols, .fill = r->fill};
    for (int i = 0; i < n->levels.n; i++) {
        int axis = n->levels.at[i].axis->id;
        o->lo[i] = r->lo[axis], o->hi[i] = r->hi[axis], o->pinned[i] = r->pinned[axis];
    }
}

static void leave(CostRun *r, const TileNode *n, const Outside *o) {
    r->rows = o->rows, r->cols = o->cols, r->fill = o->fill;
    for (int i = n->levels.n; i-- > 0;) {
        int axis = n->levels.at[i].axis->id;
        r->lo[axis] = o->lo[i], r->hi[axis] = o->hi[i], r->pinned[axis] = o->pinned[i];
    }
}

static void loop(CostRun *r, CostNode *c) {
    const TileNode *n = c->node;
    Outside outside;
    if (!n->levels.n) {
        body(r, c->body, c->n);
        return;
    }
    Rounds x = rounds_of(r, n);
    double pes = cost_min(x.blocks, n->over == TILE_ROW ? r->tiles->rows : n->over == TILE_COL ? r->tiles->cols : r->pes);
    if (x.n < 1) return;
    enter(r, n, &outside);
    set_blocks(r, n, &x, false);
    set_share(r, n, x.of, pes);
    r->fill *= x.fill;
    equal_rounds(r, c, x.n - x.last);
    leave(r, n, &outside);
    if (!x.last) return;
    set_blocks(r, n, &x, true);
    set_share(r, n, x.of, x.last_pes);
    equal_rounds(r, c, 1);
    leave(r, n, &outside);
}

/* --- bodies ------------------------------------------------------------------------------------------------------------------- */

/* The slots that loads of this body have filled become free when what uses them is done. */
static void unload(CostRun *r, const CostNode *n) {
    const TileBuf *b = n->node->buf;
    int depth = b->depth < COST_SLOTS ? b->depth : COST_SLOTS;
    for (int w = 0; w < COST_WHOS; w++) {
        CostRing *x = &r->ring[w][b->id];
        x->free[r->filled[w][b->id]++ % (depth > 0 ? depth : 1)] = cost_max(x->ready, x->used);
    }
}

static void body(CostRun *r, CostNode *nodes, int n) {
    for (int i = 0; i < n && !r->fails; i++) {
        switch (nodes[i].node->kind) {
        case TILE_FOR: loop(r, &nodes[i]); break;
        case TILE_LOAD: cost_load(r, &nodes[i]); break;
        case TILE_STORE: cost_store(r, &nodes[i]); break;
        case TILE_COMPUTE: cost_compute(r, &nodes[i]); break;
        }
    }
    for (int i = 0; i < n; i++)
        if (nodes[i].node->kind == TILE_LOAD) unload(r, &nodes[i]);
}

/* --- stages --------------------------------------------------------------------------------------------------------------------- */

static bool find_read(void *context, Expr *e) {
    bool *found = context;
    *found |= e->kind == X_READ;
    return !*found;
}

static void stage(CostRun *r, const TileStage *s) {
    CostNode *nodes;
    int n;
    double begin = now(r), setup = r->m->scalar * OPS_A_TILE * (s->bufs.n + 1);
    r->stage = s;
    r->lo = NEW_ARRAY(r->a, double, s->axes.n + 1);
    r->hi = NEW_ARRAY(r->a, double, s->axes.n + 1);
    r->pinned = NEW_ARRAY(r->a, bool, s->axes.n + 1);
    r->dealt = NEW_ARRAY(r->a, double, s->axes.n + 1);
    r->ragged = NEW_ARRAY(r->a, bool, s->axes.n + 1);
    for (int i = 0; i < s->axes.n; i++) r->dealt[i] = 1;
    for (int w = 0; w < COST_WHOS; w++) {
        r->ring[w] = NEW_ARRAY(r->a, CostRing, s->bufs.n + 1);
        r->filled[w] = NEW_ARRAY(r->a, int, s->bufs.n + 1);
    }
    r->rows = r->tiles->rows, r->cols = r->tiles->cols, r->fill = 1;
    memset(r->t, 0, sizeof r->t);
    memset(r->memory, 0, sizeof r->memory);
    memset(r->crowded, 0, sizeof r->crowded);
    r->crowd = NEW_ARRAY(r->a, double, s->bufs.n + 1);
    jump(r, begin);
    set_steps(r, &s->body);
    for (int i = 0; i < s->axes.n; i++) {
        r->lo[i] = cost_value(r, s->axes.at[i]->lo);
        r->hi[i] = cost_value(r, s->axes.at[i]->hi);
        expr_walk(s->axes.at[i]->lo, find_read, &r->ragged[i]);
        expr_walk(s->axes.at[i]->hi, find_read, &r->ragged[i]);
        if (r->ragged[i]) r->hi[i] = r->lo[i] + COST_RAGGED * (r->hi[i] - r->lo[i]);
    }
    plan_nodes(r, &s->body, &(Around){.n = 0}, &nodes, &n);
    r->busy[COST_CORE0] += 2 * setup;
    r->busy[COST_CORE1] += 2 * setup;
    for (int w = 0; w < COST_WHOS; w++)
        for (int k = 0; k < 2; k++) r->t[w].core[k] += 2 * setup;       /* the buffers are declared, then each core computes its own numbers */
    body(r, nodes, n);
    r->t[COST_LAST].latest = now(r) + 2 * r->m->hop * (r->tiles->rows + r->tiles->cols);
}

static bool runs(CostRun *r, const TileStage *s) {
    static const TileStage nothing;
    r->stage = s ? s : &nothing;
    if (!s->when) return true;
    set_steps(r, &s->body);
    return cost_value(r, s->when) != 0;
}

/* Inputs and outputs live in DRAM, temporaries in SRAM if all of them fit there. */
static void set_homes(CostRun *r, const CostHome *given) {
    const Kernel *k = r->p->kernel;
    double bytes = 0;
    r->home = NEW_ARRAY(r->a, CostHome, k->tensors.n + 1);
    for (int i = 0; i < k->tensors.n; i++) {
        const Tensor *t = k->tensors.at[i];
        double size = dtype_table[t->type].bytes;
        for (int d = 0; d < t->rank; d++) size *= cost_max(cost_value(r, t->shape[d]), 0);
        if (t->role == TR_TEMP) bytes += size;
    }
    for (int i = 0; i < k->tensors.n; i++) {
        const Tensor *t = k->tensors.at[i];
        r->home[i] = given ? given[i] : t->role == TR_TEMP && bytes <= r->m->sram_size ? COST_SRAM : COST_DRAM;
    }
}

bool cost_program(const TileProgram *p, const TileMachine *m, const CostQuery *q, CostReport *out, Arena *a) {
    CostRun r = {.p = p, .tiles = m, .m = m->cost, .dims = q->dims, .a = a};
    *out = (CostReport){.stage = NEW_ARRAY(a, double, p->stages.n + 1)};
    if (!m->cost) return false;
    r.pes = (double)m->rows * m->cols;
    r.env = NEW_ARRAY(a, double, p->n_indices + 1);
    set_homes(&r, q->home);
    for (int i = 0; i < p->stages.n && !r.fails; i++) {
        double before = r.t[COST_LAST].latest;
        if (!runs(&r, p->stages.at[i])) continue;
        stage(&r, p->stages.at[i]);
        out->stage[i] = r.t[COST_LAST].latest - before;
    }
    out->cycles = r.t[COST_LAST].latest;
    memcpy(out->busy, r.busy, sizeof r.busy);
    return !r.fails && isfinite(out->cycles);
}
