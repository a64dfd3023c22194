/* What copies, commands of engines and computations of the vector core take, and when they can begin. */
#include "lower/cost_impl.h"
#include "lower/expr.h"
#include <math.h>

enum { OPS_A_COMMAND = 3, OPS_A_COPY = 5 };

/* --- tiles ---------------------------------------------------------------------------------------------------------------------- */

static int depth_of(const TileBuf *b) { return b->depth < 1 ? 1 : b->depth > COST_SLOTS ? COST_SLOTS : b->depth; }

/* When the next block of a tile can be written. */
static double room(const CostRun *r, const TileBuf *b) {
    const CostRing *x = cost_ring(r, b);
    return b->copied_in || b->copied_out ? x->free[r->filled[r->who][b->id] % depth_of(b)] : cost_max(x->used, x->ready);
}

static double ready(const CostRun *r, const CostNode *n) {
    double at = 0;
    for (int i = 0; i < n->reads.n; i++) at = cost_max(at, r->ring[r->who][n->reads.at[i]].ready);
    return at;
}

static double roomy(const CostRun *r, const CostNode *n) {
    double at = 0;
    for (int i = 0; i < n->writes.n; i++) at = cost_max(at, room(r, r->stage->bufs.at[n->writes.at[i]]));
    return at;
}

static void done(CostRun *r, const CostNode *n, double at) {
    for (int i = 0; i < n->reads.n; i++) r->ring[r->who][n->reads.at[i]].used = cost_max(r->ring[r->who][n->reads.at[i]].used, at);
    for (int i = 0; i < n->writes.n; i++) r->ring[r->who][n->writes.at[i]].ready = cost_max(r->ring[r->who][n->writes.at[i]].ready, at);
    cost_times(r)->latest = cost_max(cost_times(r)->latest, at);
}

/* Both PEs that are followed do the same. */
static void count(CostRun *r, CostUnit u, double cycles) { r->busy[u] += r->who == COST_LAST ? cycles : 0; }

/* --- commands --------------------------------------------------------------------------------------------------------------------- */

static void core_works(CostRun *r, int core, double cycles) {
    cost_times(r)->core[core] += cycles;
    count(r, (CostUnit)core, cycles);
}

/* A core gives a command to an engine: the time at which the engine is free for it. */
static double issue(CostRun *r, int core, CostUnit engine, int ops) {
    int e = engine - COST_LOAD;
    core_works(r, core, r->m->issue + ops * r->m->scalar);
    double *full = &cost_times(r)->queue[e][r->issued[r->who][e] % COST_QUEUE];
    if (cost_times(r)->core[core] < *full) cost_times(r)->core[core] = *full;
    return cost_max(cost_times(r)->core[core], cost_times(r)->engine[e]);
}

static double retire(CostRun *r, CostUnit engine, double start, double cycles) {
    int e = engine - COST_LOAD;
    double end = start + r->m->start + cycles;
    count(r, engine, cycles);
    cost_times(r)->engine[e] = cost_times(r)->queue[e][r->issued[r->who][e]++ % COST_QUEUE] = end;
    cost_times(r)->latest = cost_max(cost_times(r)->latest, end);
    return end;
}

/* --- copies ------------------------------------------------------------------------------------------------------------------------ */

/* A box in its tensor: contiguous pieces, all of one length. */
typedef struct Box { double pieces, piece, bytes, pitch; } Box;

static Box box_of(CostRun *r, const TileBuf *b) {
    Box x = {1, dtype_table[b->type].bytes, 0, 0};
    bool whole = true;
    for (int d = b->rank; d-- > 0;) {
        double extent = b->point[d] ? 1 : cost_max(cost_value(r, b->hi[d]) - cost_value(r, b->lo[d]), 0);
        double all = cost_value(r, b->tensor->shape[d]);
        if (whole) x.piece *= extent;
        else x.pieces *= extent;
        if (extent < all && whole) {
            whole = false;
            x.pitch = x.piece / cost_max(extent, 1) * all;
        }
    }
    x.bytes = x.pieces * x.piece;
    return x;
}

/* The times for which `groups` boxes like this one, `distinct` of them at places of their own, keep a memory busy: all parts alike, and
 * how much longer those that they lie in. */
typedef struct Taken { double even, more; } Taken;

static Taken memory_time(const CostMemory *m, const Box *b, double groups, double distinct, bool write) {
    bool even = fmod(b->pitch, m->access) == 0;
    double piece = ceil(b->piece / m->access) * m->access + (even ? 0 : m->access / 2);
    double segments = cost_max(1, piece / m->unit + (even ? 0 : 0.5)), each = piece / segments;
    double move = each * (m->byte + (write ? m->written : 0)) * m->parts, open = m->miss && !write ? (m->miss + move) / m->busy_rows : 0;
    double one = cost_max(move, open), all = b->pieces * segments;
    double busiest = all * distinct / m->parts;     /* segments of the part that has most */
    Taken t = {one * all * groups / m->parts, 0};
    t.more = one * (busiest < 4 ? ceil(busiest) : busiest) * groups / distinct - t.even;
    return t;
}

/* Requests: the address generator's time for all. */
static double request_time(const CostMachine *m, const Box *b, bool gathered, double *requests) {
    double rows = floor(m->largest / cost_max(b->piece, 1));
    *requests = rows >= 1 ? ceil(b->pieces / rows) : b->pieces * ceil(b->piece / m->largest);
    return *requests * m->setup + cost_max(b->pieces - *requests, 0) * (gathered ? m->gather_row : m->row);
}

/* Boxes moved at once through a memory when all PEs with work make this copy. */
static double groups_of(const CostRun *r, const TileNode *n) {
    return n->share == TILE_SHARE_ROW ? r->rows : n->share == TILE_SHARE_COL ? r->cols : r->rows * r->cols;
}

static double distinct_of(const CostRun *r, const CostNode *n) {
    double boxes = n->anywhere ? r->rows * r->cols : 1;
    for (int i = 0; i < n->axes.n && !n->anywhere; i++) boxes *= r->dealt[n->axes.at[i]];
    return boxes;
}

/* Boxes of which one after another is read: PEs drift apart, and do not all read the same one. */
static double spread_of(const CostRun *r, const CostNode *n, const CostMemory *m, const Box *b) {
    double all = dtype_table[n->node->buf->type].bytes, segments = cost_max(1, b->bytes / m->unit);
    bool moves = false;
    for (int i = 0; i < n->axes.n; i++) moves |= r->dealt[n->axes.at[i]] <= 1;
    for (int d = 0; d < n->node->buf->rank; d++) all *= cost_max(cost_value((CostRun *)r, n->node->buf->tensor->shape[d]), 1);
    return moves ? cost_max(1, all / m->unit / segments) : 1;
}

/* The parts of the memory in which a tile's boxes lie work longer; returns by how much those that have worked most do. */
static double crowd(CostRun *r, const TileBuf *b, CostHome home, double more) {
    r->crowd[b->id] += more;
    double by = cost_max(r->crowd[b->id] - r->crowded[home], 0);
    r->crowded[home] += by;
    return by;
}

/* What the PEs' copies hold on average, as a part of this one. */
static double fill_of(const CostRun *r, const CostNode *n) {
    for (int i = 0; i < n->axes.n; i++)
        if (r->ragged[n->axes.at[i]]) return r->fill / COST_RAGGED;
    return r->fill;
}

/* Times of a copy from when it may begin; returns when it has landed. */
static double move(CostRun *r, const CostNode *n, double start, bool write) {
    const CostMachine *m = r->m;
    const TileNode *node = n->node;
    CostHome home = r->home[(node->buf->from ? node->buf->from : node->buf->tensor)->id];
    Box b = box_of(r, node->buf);
    double requests, way = m->hop * (r->tiles->rows + r->tiles->cols) / 2 * (write ? 1 : 2), latency = way + (write ? 0 : m->memory[home].latency);
    if (b.bytes <= 0) return start;
    double asks = request_time(m, &b, false, &requests), groups = groups_of(r, node), distinct = cost_min(groups, distinct_of(r, n));
    Taken all = memory_time(&m->memory[home], &b, groups, distinct, write), alone = memory_time(&m->memory[home], &b, 1, 1, write);
    CostLink way_in = node->share == TILE_SHARE_ROW ? COST_ROW_LINK : node->share == TILE_SHARE_COL ? COST_COL_LINK : COST_OWN_LINK;
    double *slot = &cost_times(r)->flight[r->sent[r->who] % COST_FLIGHT], first = cost_max(start + m->setup, *slot), last = cost_max(start + asks, *slot);
    double *link = &cost_times(r)->link[way_in], own = alone.even + alone.more, fill = fill_of(r, n), memory = fill * all.even, served;
    if (r->who == COST_FIRST) {
        double begin = cost_max(r->memory[home], first);
        served = begin + own;
        r->memory[home] = begin + memory + crowd(r, node->buf, home, fill * all.more / cost_min(m->memory[home].parts, spread_of(r, n, &m->memory[home], &b)));
    } else served = cost_max(r->memory[home], first + own);
    *link = cost_max(*link, first + latency) + b.bytes * m->link;
    double end = cost_max(cost_max(served + latency, *link), last + latency);
    double held = cost_min(ceil(requests * COST_FLIGHT / m->outstanding), COST_FLIGHT);
    for (int i = 0; i < held; i++) cost_times(r)->flight[r->sent[r->who]++ % COST_FLIGHT] = end;
    count(r, home == COST_DRAM ? COST_IN_DRAM : COST_IN_SRAM, memory);
    count(r, COST_LINKS, b.bytes * m->link);
    retire(r, write ? COST_STORE : COST_LOAD, start - m->start, last - start);
    cost_times(r)->latest = cost_max(cost_times(r)->latest, end);
    return end;
}

/* Core 0 has to know what stands in the box's bounds. */
static double known(const CostRun *r, const TileBuf *b) {
    double at = 0;
    for (int i = 0; i < r->stage->bufs.n; i++) {
        const TileBuf *x = r->stage->bufs.at[i];
        if (x->core || !x->copied_in) continue;
        for (int d = 0; d < b->rank; d++)
            if (!b->point[d] || b->lo[d]->kind != X_LIT) at = cost_max(at, r->ring[r->who][i].ready);
    }
    return b->core ? at : 0;
}

static void load(CostRun *r, const CostNode *n) {
    const TileBuf *b = n->node->buf;
    int core = r->stage->one_core ? 1 : 0;
    double waits = known(r, b);
    if (cost_times(r)->core[core] < waits) cost_times(r)->core[core] = waits;
    double start = cost_max(issue(r, core, COST_LOAD, OPS_A_COPY), room(r, b)) + r->m->start;
    cost_ring(r, b)->ready = move(r, n, start, false);
}

static void store(CostRun *r, const CostNode *n) {
    const TileBuf *b = n->node->buf;
    CostRing *x = cost_ring(r, b);
    double start = cost_max(issue(r, 1, COST_STORE, OPS_A_COPY), x->ready) + r->m->start;
    x->free[r->filled[r->who][b->id]++ % depth_of(b)] = cost_max(move(r, n, start, true), x->used);
}

void cost_load(CostRun *r, const CostNode *n) {
    for (r->who = COST_FIRST; r->who < COST_WHOS; r->who++) load(r, n);
}

void cost_store(CostRun *r, const CostNode *n) {
    for (r->who = COST_FIRST; r->who < COST_WHOS; r->who++) store(r, n);
}

/* --- which tiles a computation uses -------------------------------------------------------------------------------------------- */

const TileBuf *cost_tile_of(const CostRun *r, const Expr *read) {
    const TileBuf *best = NULL;
    for (int i = 0; i < r->stage->bufs.n; i++) {
        const TileBuf *b = r->stage->bufs.at[i];
        if ((b->tensor ? b->tensor != read->tensor : !b->reads.n) || (b->copied_in && !b->core && !r->stage->one_core)) continue;
        bool serves = !b->reads.n;
        for (int k = 0; k < b->reads.n && !serves; k++) serves = expr_equal(b->reads.at[k], read);
        if (serves) best = b;
    }
    return best;
}

typedef struct Reads { CostRun *r; CostNode *n; } Reads;

static bool add_read(void *context, Expr *e) {
    Reads *x = context;
    const TileBuf *b = e->kind == X_READ ? cost_tile_of(x->r, e) : NULL;
    if (b) vec_push(x->r->a, &x->n->reads, b->id);
    return true;
}

void cost_uses(CostRun *r, CostNode *n) {
    const Stmt *s = n->node->stmt;
    const TileNode *node = n->node;
    bool results = node->part == TILE_WHOLE || node->part == TILE_FINAL || node->part == TILE_SCAN;
    if (node->part != TILE_INIT && node->part != TILE_FINAL && node->part < TILE_NOW) expr_walk(s ? s->value : node->fact->cond, add_read, &(Reads){r, n});
    for (int i = 0; s && i < r->stage->bufs.n; i++) {
        const TileBuf *b = r->stage->bufs.at[i];
        bool target = false;
        for (int k = 0; k < s->targets.n; k++) target |= b->tensor == s->targets.at[k].tensor && !b->copied_in;
        bool state = (b->state_of == s || (node->lead && b->state_of == node->lead)) && !b->tensor, sums = node->dot && target && b->memory == TILE_ACC;
        if (state && node->part != TILE_INIT && node->part != TILE_WHOLE) vec_push(r->a, &n->reads, b->id);
        if ((target && (results || sums)) || (state && node->part != TILE_FINAL)) vec_push(r->a, &n->writes, b->id);
    }
}

/* --- panels ------------------------------------------------------------------------------------------------------------------------ */

static double blocks(double extent, double block) { return ceil(cost_max(extent, 0) / block); }
static double size_on(const CostRun *r, const TileAxis *axis) { return cost_max(r->hi[axis->id] - r->lo[axis->id], 0); }

/* Of a block, by the rate of its row, or of its engine. */
static double block_time(const CostMachine *m, const EngineRow *row, DType type) {
    double products = (double)row->m * row->n * row->k_bytes / dtype_table[type].bytes;
    return row->own_rate && row->rate[type] > 0 ? products / row->rate[type] : m->dot[type];
}

static void panel(CostRun *r, CostNode *n) {
    const TileDot *d = n->node->dot;
    const CostMachine *m = r->m;
    DType type = d->a->tensor->type;
    double size = dtype_table[type].bytes, rows = size_on(r, d->m), cols = size_on(r, d->n), k = size_on(r, d->k);
    if (n->node->part == TILE_FINAL) {
        double start = cost_max(cost_max(issue(r, 1, COST_RE, OPS_A_COMMAND), ready(r, n)), roomy(r, n));
        start = cost_max(start, cost_times(r)->engine[COST_DPE - COST_LOAD]);
        done(r, n, retire(r, COST_RE, start, blocks(rows, d->row->m) * blocks(cols, d->row->n) * m->drain));
        return;
    }
    bool init = n->node->part == TILE_INIT;
    double at = ready(r, n);
    const double lengths[] = {rows, cols};
    for (int i = 0; i < 2 && !init; i++)
        if (d->turn[i]) {
            double start = cost_max(issue(r, 1, COST_MLU, OPS_A_COMMAND), at);
            at = cost_max(at, retire(r, COST_MLU, start, k * lengths[i] * size * m->mlu));
        }
    double start = cost_max(issue(r, 1, COST_DPE, OPS_A_COMMAND), at);
    if (init) start = cost_max(start, roomy(r, n));     /* the accumulators have been taken */
    double work = init ? 0 : blocks(rows, d->row->m) * blocks(cols, d->row->n) * blocks(k * size, d->row->k_bytes) * block_time(m, d->row, type);
    done(r, n, retire(r, COST_DPE, start, work));
}

/* --- the elementwise engine ----------------------------------------------------------------------------------------------------------- */

static const TileBuf *buf_of(const CostRun *r, const TileNode *n, const TileArg *a) {
    const TileBuf *b = NULL;
    if (a->kind == TILE_ARG_TEMP) return n->simd->temp[a->temp];
    if (a->kind == TILE_ARG_READ) b = cost_tile_of(r, a->read);
    for (int i = 0; i < r->stage->bufs.n && !b; i++) {
        const TileBuf *x = r->stage->bufs.at[i];
        if (a->kind == TILE_ARG_TARGET && x->tensor == n->stmt->targets.at[0].tensor && !x->copied_in) b = x;
        if (a->kind == TILE_ARG_STATE && x->state_of == n->stmt && !x->tensor && x->state == a->temp) b = x;
        if (a->kind == TILE_ARG_LEAD && x->state_of == n->lead && !x->tensor && x->state == a->temp) b = x;
    }
    return b;
}

static double rate_of(const CostMachine *m, const TileBuf *b) {
    double rate = b ? m->se[b->type] : 0;
    return rate ? rate : m->se[DT_F32];
}

/* An element. */
static double operations(const TileCommand *c) {
    if (c->whole) return c->whole->cost;
    return (c->bin ? c->bin->cost : 0) + (c->affine ? c->affine->cost : 0) + (c->fn ? c->fn->cost : 0);
}

static void one_command(CostRun *r, const CostNode *n, const TileCommand *c, double rows, double cols) {
    const CostMachine *m = r->m;
    const TileBuf *used[] = {buf_of(r, n->node, &c->a), c->b.kind ? buf_of(r, n->node, &c->b) : NULL, buf_of(r, n->node, &c->dst)};
    EngineClass class = tile_command_row(c)->class;
    bool turned = class == ENGINE_TURN, feeds = c->a.kind == TILE_ARG_ACC || (used[0] && used[0]->memory == TILE_ACC), whole = class != ENGINE_JOIN && class != ENGINE_GATHER;
    double elements = c->one_row ? rows : class == ENGINE_GATHER ? cols : rows * cols, rate = 0, bytes = 0, at = 0, size = 0;
    for (int i = 0; i < 3; i++) {
        if (!used[i]) continue;
        if (i < 2 || whole) rate = cost_max(rate, rate_of(m, used[i]));
        if (used[i]->memory != TILE_ACC) bytes += elements * dtype_table[used[i]->type].bytes;
        at = cost_max(at, i < 2 ? cost_ring(r, used[i])->ready : room(r, used[i]));
        size = dtype_table[used[i]->type].bytes;
    }
    CostUnit unit = turned ? COST_MLU : COST_SE;
    double work = turned ? elements * size * m->mlu : elements * rate * operations(c);
    double start = cost_max(issue(r, 1, unit, OPS_A_COMMAND), at);
    if (feeds) {
        double drain = blocks(rows, m->block_m) * blocks(cols, m->block_n) * m->drain;
        start = cost_max(start, cost_times(r)->engine[COST_RE - COST_LOAD]);
        work = cost_max(work, drain);
        count(r, COST_RE, work);
    }
    double end = retire(r, unit, start, cost_max(work, bytes * m->local));
    if (feeds) cost_times(r)->engine[COST_RE - COST_LOAD] = end;
    for (int i = 0; i < 3; i++) {
        double *t = used[i] ? (i < 2 ? &cost_ring(r, used[i])->used : &cost_ring(r, used[i])->ready) : NULL;
        if (t) *t = cost_max(*t, end);
    }
}

static void commands(CostRun *r, CostNode *n) {
    const Stmt *s = n->node->stmt;
    bool joins = n->node->part == TILE_WHOLE;
    for (int i = 0; i < n->node->simd->commands.n; i++) {
        const EngineRow *row = n->node->simd->commands.at[i].whole;
        joins |= row && row->class == ENGINE_JOIN;
    }
    const Reduce *reduce = s->value->kind == X_REDUCE && joins ? s->value->reduce : NULL;
    double rows = 1, cols = 1;
    for (int i = 0; i < s->idx.n + (reduce != NULL); i++) {
        rows *= cols;
        cols = i < s->idx.n ? cost_extent(r, s->idx.at[i]) : cost_extent(r, reduce->idx.at[0]);
    }
    for (int i = 0; i < n->node->simd->commands.n; i++) one_command(r, n, &n->node->simd->commands.at[i], rows, cols);
}

/* --- the vector core -------------------------------------------------------------------------------------------------------------------- */

static void vector_core(CostRun *r, CostNode *n) {
    uint64_t key = cost_key(r);
    double at = cost_max(ready(r, n), roomy(r, n));
    if (key != n->key) {
        n->key = key;
        n->work = cost_vector(r, n->node);
    }
    if (cost_times(r)->core[1] < at) cost_times(r)->core[1] = at;
    core_works(r, 1, n->work);
    done(r, n, cost_times(r)->core[1]);
}

void cost_compute(CostRun *r, CostNode *n) {
    for (r->who = COST_FIRST; r->who < COST_WHOS; r->who++) {
        if (n->node->simd) commands(r, n);
        else if (n->node->dot) panel(r, n);
        else vector_core(r, n);
    }
}
