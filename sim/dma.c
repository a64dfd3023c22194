/* The fabric interface: boxes cut into requests, requests into segments. A request waits for the address generator and for one of
 * the PE's outstanding slots; all its segments leave then. Bookings are made when the command starts, for the times to come. */
#include "sim/run.h"
#include <string.h>

typedef struct RunOf { int64_t off, bytes; } RunOf;          /* contiguous bytes of the tensor */

/* A request that is being put together, and the command's (or group's) progress. */
typedef struct Request {
    Run *r;
    Command *c;                /* the first of the group */
    Command **member;
    Pe *to[SIM_GRID_MAX];
    int n;
    int64_t bytes, issued, landed[SIM_GRID_MAX];
    int n_runs;
    RunOf run[512];
} Request;

static int64_t min_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max_of(int64_t a, int64_t b) { return a > b ? a : b; }

static int64_t *slot_first(Pe *p) {
    int64_t *best = p->slot;
    for (int i = 1; i < p->run->m->dma.outstanding; i++)
        if (p->slot[i] < *best) best = &p->slot[i];
    return best;
}

static void request_segments(Request *q, int64_t leave, int64_t *ends) {
    Run *r = q->r;
    NetPiece piece[NET_PIECES];
    int held = 0, tensor = q->c->tensor;
    for (int i = 0; i < q->n_runs; i++)
        for (int64_t off = q->run[i].off, left = q->run[i].bytes, n; left > 0; off += n, left -= n) {
            n = mem_cut(r, tensor, off, left);
            r->asked += n;
            if (q->c->engine == PE_STORE) {
                ends[0] = max_of(ends[0], net_write(r, tensor, off, n, leave, q->to[0]) + net_hops_back(r, tensor, off, q->to[0]));
                r->out->bytes_out += n;
                continue;
            }
            r->out->bytes_in += n * q->n;
            piece[held++] = (NetPiece){off, n};
            if (held < NET_PIECES) continue;
            net_read(r, tensor, piece, held, leave, q->to, q->n, ends);
            held = 0;
        }
    if (held) net_read(r, tensor, piece, held, leave, q->to, q->n, ends);
}

static void request_send(Request *q) {
    if (!q->n_runs) return;
    const SimMachine *m = q->r->m;
    int64_t each = q->c->kind == C_GATHER ? m->dma.gather_row : m->dma.row;
    int64_t leave = q->issued + m->dma.setup + (q->n_runs - 1) * each, ends[SIM_GRID_MAX] = {0};
    int64_t *slot[SIM_GRID_MAX];
    for (int i = 0; i < q->n; i++) leave = max_of(leave, *(slot[i] = slot_first(q->to[i])));
    request_segments(q, leave, ends);
    for (int i = 0; i < q->n; i++) {
        *slot[i] = ends[i];
        q->landed[i] = max_of(q->landed[i], ends[i]);
    }
    q->issued = leave;
    q->n_runs = 0;
    q->bytes = 0;
}

/* One more row; long rows are cut at the largest request. */
static void request_row(Request *q, int64_t off, int64_t bytes) {
    int64_t largest = q->r->m->dma.largest;
    for (int64_t n; bytes > 0; off += n, bytes -= n) {
        if (q->n_runs && (q->bytes + min_of(bytes, largest) > largest || q->n_runs == 512)) request_send(q);
        n = min_of(bytes, largest);
        q->run[q->n_runs++] = (RunOf){off, n};
        q->bytes += n;
    }
}

static int64_t index_of(const Command *c, int64_t row) {
    const Use *u = &c->use[1];
    const unsigned char *p = use_row(c, u, 0) + row * (c->pe->buf[u->buf].type == PE_I64 ? 8 : 4);
    int64_t v;
    int32_t w;
    if (c->pe->buf[u->buf].type == PE_I64) { memcpy(&v, p, 8); return v; }
    memcpy(&w, p, 4);
    return w;
}

/* Calls f for each contiguous row of the box: its offset and length in the tensor, both in bytes, and its number. */
typedef void RowFn(void *context, int64_t off, int64_t bytes, int64_t row);

static void box_rows(const Command *c, RowFn *f, void *context) {
    const SimTensor *t = &c->pe->run->c->tensor[c->tensor];
    int64_t size = sim_type_bytes(t->type), row = 0;
    if (c->kind == C_GATHER) {
        for (; row < c->rows; row++) f(context, (index_of(c, row) * c->stride + c->off) * size, c->cols * size, row);
        return;
    }
    const PeBox *b = &c->box;
    for (int64_t i = 0; i < b->n[0]; i++)
        for (int64_t j = 0; j < b->n[1]; j++)
            for (int64_t k = 0; k < b->n[2]; k++)
                f(context, (b->off + i * b->stride[0] + j * b->stride[1] + k * b->stride[2]) * size, b->n[3] * size, row++);
}

/* Rows that touch in memory are one. */
typedef struct Joined { Request *q; int64_t off, bytes; } Joined;
static void join_row(void *context, int64_t off, int64_t bytes, int64_t row) {
    Joined *j = context;
    (void)row;
    if (j->bytes && j->off + j->bytes == off) { j->bytes += bytes; return; }
    request_row(j->q, j->off, j->bytes);
    *j = (Joined){j->q, off, bytes};
}

void dma_box_check(const Command *c, bool write) {
    const Run *r = c->pe->run;
    const SimTensor *t = &r->c->tensor[c->tensor];
    if (write && t->role == PE_IN) command_fault(c, SIM_F_BOX, "'%s' is an input of the program, and is written here", t->name);
    const PeBox *b = &c->box;
    int64_t lo = b->off, hi = b->off;
    for (int i = 0; i < PE_RANK; i++) {
        if (b->n[i] < 0) command_fault(c, SIM_F_BOX, "extent %d of the box is %lld", i, (long long)b->n[i]);
        if (b->n[i] == 0) return;
        int64_t reach;
        if (__builtin_mul_overflow(b->n[i] - 1, b->stride[i], &reach) || __builtin_add_overflow(reach < 0 ? lo : hi, reach, reach < 0 ? &lo : &hi))
            command_fault(c, SIM_F_BOX, "the box's extents are out of range");
    }
    if (b->n[3] > 1 && b->stride[3] != 1) command_fault(c, SIM_F_SHAPE, "the last dimension of a box is contiguous; its stride is %lld", (long long)b->stride[3]);
    if (lo < 0 || hi >= t->count)
        command_fault(c, SIM_F_BOX, "the box covers elements %lld to %lld of '%s', which has %lld", (long long)lo, (long long)hi, t->name, (long long)t->count);
}

static void gather_check(const Command *c) {
    view_open(c->pe, c->use[1].buf);
    const SimTensor *t = &c->pe->run->c->tensor[c->tensor];
    for (int64_t row = 0; row < c->rows; row++) {
        int64_t at, index = index_of(c, row);
        if (__builtin_mul_overflow(index, c->stride, &at) || __builtin_add_overflow(at, c->off, &at) || at < 0 || at + c->cols > t->count)
            command_fault(c, SIM_F_BOX, "index %lld of row %lld leads outside '%s', which has %lld elements", (long long)index, (long long)row, t->name, (long long)t->count);
    }
}

static bool same_box(const PeBox *a, const PeBox *b) {
    if (a->off != b->off) return false;
    for (int i = 0; i < PE_RANK; i++)
        if (a->n[i] != b->n[i] || (a->n[i] > 1 && a->stride[i] != b->stride[i])) return false;
    return true;
}

/* Adds c to the multicast of its row or column; true when all are there. */
static bool group_join(Command *c, Group **group) {
    Run *r = c->pe->run;
    bool row = c->share == PE_SHARE_ROW;
    Group *g = *group = row ? &r->row_group[c->pe->row] : &r->col_group[c->pe->col];
    int place = row ? c->pe->col : c->pe->row, want = (int)(row ? r->m->cols : r->m->rows);
    if (c->joined) return false;
    c->joined = true;
    g->member[place] = c;
    g->n++;
    for (int i = 0; i < want; i++) {
        const Command *o = g->member[i];
        if (o && (o->tensor != c->tensor || !same_box(&o->box, &c->box)))
            command_fault(c, SIM_F_BOX, "PE (%d, %d) shares another box in line %d: all of a %s share the same loads in the same order", o->pe->row, o->pe->col, o->site, row ? "row" : "column");
    }
    return g->n == want;
}

static void dma_book(Command **member, int n) {
    Command *c = member[0];
    Run *r = c->pe->run;
    Request q = {.r = r, .c = c, .member = member, .n = n};
    for (int i = 0; i < n; i++) {
        Pe *p = q.to[i] = member[i]->pe;
        q.issued = max_of(q.issued, max_of(r->now + r->m->queue.start, p->fi_free[c->engine == PE_STORE]));
    }
    int64_t from = q.issued;
    Joined j = {&q, 0, 0};
    box_rows(c, join_row, &j);
    request_row(&q, j.off, j.bytes);
    request_send(&q);
    for (int i = 0; i < n; i++) {
        Command *k = member[i];
        k->start = from;
        k->pe->fi_free[k->engine == PE_STORE] = q.issued;
        k->end = max_of(q.landed[i], q.issued);
        Engine *e = &k->pe->engine[k->engine];
        e->busy = true;
        e->line = k->site;
        engine_cause(r, k->pe, k->engine, SIM_BUSY, r->now);
        heap_push(&r->heap, q.issued, (uint32_t)(k->pe->index * SIM_UNITS + k->engine), EV_ENGINE, k);
        heap_push(&r->heap, k->end, (uint32_t)(k->pe->index * SIM_UNITS + k->engine), EV_LANDED, k);
    }
}

bool dma_start(Command *c) {
    if (c->kind == C_GATHER) gather_check(c);
    if (c->share == PE_ALONE) {
        use_begin(c);
        dma_book(&c, 1);
        return true;
    }
    Group *g;
    if (!group_join(c, &g)) return false;
    Group all = *g;
    *g = (Group){.n = 0};
    for (int i = 0; i < all.n; i++) use_begin(all.member[i]);
    dma_book(all.member, all.n);
    return true;
}

/* One row as its bytes are copied, or stay where they are. */
static void check_row(void *context, int64_t off, int64_t bytes, int64_t row) {
    Command *c = context;
    (void)row;
    if (bytes) mem_check(c, off, bytes, c->engine == PE_STORE);
}
static void copy_row(void *context, int64_t off, int64_t bytes, int64_t row) {
    Command *c = context;
    if (!bytes) return;
    unsigned char *tensor = (unsigned char *)c->pe->run->c->tensor[c->tensor].data + off, *local = use_row(c, &c->use[0], row);
    bool store = c->engine == PE_STORE;
    mem_check(c, off, bytes, store);
    if (store && c->pe->run->c->tensor[c->tensor].written) memset(c->pe->run->c->tensor[c->tensor].written + off, sim_writer_mark(c->pe->index), (size_t)bytes);
    memcpy(store ? tensor : local, store ? local : tensor, (size_t)bytes);
}

static void move_bytes(Command *c) {
    Run *r = c->pe->run;
    Use *u = &c->use[0];
    bool still = run_skips(r, r->c->tensor[c->tensor].type);
    r->moved[c->engine == PE_STORE] += u->rows * u->row_bytes;
    if (!still && c->engine == PE_STORE) view_open(c->pe, u->buf);
    if (!still && c->engine == PE_LOAD) still = view_of_box(c);
    if (!still) box_rows(c, copy_row, c);
    else if (r->home[c->tensor].shadow) box_rows(c, check_row, c);
}

static void watch_row(void *context, int64_t off, int64_t bytes, int64_t row) {
    const Command *c = context;
    const Run *r = c->pe->run;
    SimWatch *w = r->c->watch;
    int64_t size = sim_type_bytes(r->c->tensor[c->tensor].type), at = w->at * size;
    (void)row;
    if (at < off || at >= off + bytes || w->n == w->max) return;
    SimTouch *t = &w->touch[w->n++];
    *t = (SimTouch){.ticks = r->now, .line = c->site, .knf = c->knf, .row = (int16_t)c->pe->row, .col = (int16_t)c->pe->col, .core = (int16_t)c->core, .write = c->engine == PE_STORE};
    memcpy(t->value, (const unsigned char *)r->c->tensor[c->tensor].data + at, (size_t)size);
}

void dma_landed(Command *c) {
    move_bytes(c);
    const SimWatch *w = c->pe->run->c->watch;
    if (w && w->tensor == c->tensor) box_rows(c, watch_row, c);
    Pe *p = c->pe;
    command_end(c);
    pe_poke(p);
}
