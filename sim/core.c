/* The cores, and what pe.h calls. A core runs ahead on its own clock; each call that touches something shared first lets all that
 * happens earlier happen. */
#include "sim/run.h"
#include <stdlib.h>

static uint32_t core_order(const Core *k) { return (uint32_t)(k->owner->index * SIM_UNITS + SIM_CORE0 + k->pe.core); }

/* The core's own work since the last sync point becomes time. */
static void core_flush(Core *k) {
    PE *p = &k->pe;
    int64_t v = p->vector > p->loads ? p->vector : p->loads;
    if (p->stores > v) v = p->stores;
    int64_t dt = p->scalar + v, rows = (p->loads ? p->loads / p->cost[PE_OP_LOAD] : 0) + (p->stores ? p->stores / p->cost[PE_OP_STORE] : 0);
    if (rows) dt = buckets_book(k->owner->port, k->now, k->now + dt, sim_rate_ticks(k->run->m->local.bandwidth, rows * k->run->m->core.vector)) - k->now;
    p->scalar = p->vector = p->loads = p->stores = 0;
    k->now += dt;
    k->time[SIM_BUSY] += dt;
    int64_t limit = k->run->c->max_cycles ? k->run->c->max_cycles : (int64_t)1 << 40;
    if (k->now / SIM_TICK > limit) core_fault(k, SIM_F_ENDLESS, "the core has run for more than %lld cycles", (long long)limit);
}

static void core_leave(Core *k) {
    k->run->running = NULL;
    co_yield(k->co);
}

void core_sync(Core *k) {
    Run *r = k->run;
    core_flush(k);
    if (k->owner->declaring) return;
    const Event *top = r->heap.n ? r->heap.at : NULL;
    if (top && (top->time < k->now || (top->time == k->now && top->order < core_order(k)))) {
        heap_push(&r->heap, k->now, core_order(k), EV_CORE, k);
        core_leave(k);
    }
    r->now = k->now;
}

void core_block(Core *k, WaitKind kind, int what, int64_t goal, SimCause cause) {
    Run *r = k->run;
    k->wait = kind;
    k->wait_what = what;
    k->wait_for = goal;
    core_leave(k);
    k->wait = W_NONE;
    k->time[cause] += r->now - k->now;
    k->now = r->now;
}

static bool engine_quiet(const Pe *p, int engine, int64_t before) {
    for (const Command *c = p->live; c; c = c->next_live)
        if ((int)c->engine == engine && c->seq < before) return false;
    return true;
}

bool core_ready(const Core *k) {
    const Pe *p = k->owner;
    switch (k->wait) {
    case W_DATA: return p->ring[k->wait_what].pushed >= k->wait_for;
    case W_ROOM: return p->ring[k->wait_what].popped >= k->wait_for;
    case W_QUEUE: return p->engine[k->wait_what].n < p->run->m->queue.depth;
    case W_FENCE: return engine_quiet(p, k->wait_what, k->wait_for);
    default: return false;       /* a barrier wakes its cores itself */
    }
}

static void core_main(void *arg) {
    Core *k = arg;
    const PeStage *s = k->run->stage;
    if (s->core[k->pe.core]) s->core[k->pe.core](&k->pe);
    core_sync(k);
    if (k->run->end < k->now) k->run->end = k->now;
    k->done = true;
    k->run->done_cores++;
    k->run->running = NULL;
}

/* A core at its start; on the stack of `co` where that is not NULL. */
static void core_start(Core *k, Pe *p, int core, Co *co) {
    const SimMachine *m = p->run->m;
    *k = (Core){.run = p->run, .owner = p};
    k->pe = (PE){.api = &run_api, .cost = p->run->cost, .price = p->run->price, .buf = p->buf, .row = p->row, .col = p->col, .rows = (int)m->rows, .cols = (int)m->cols, .core = core, .local = m->local.size};
    if (co) co_again(co, core_main, k);
    k->co = co ? co : co_new(&p->run->stacks, core_main, k);
    if (!k->co) run_fault(p->run, SIM_F_INTERNAL, 0, 0, 0, 0, 0, "no memory for the stack of a core");
}

void core_new(Core *k, Pe *p, int core) { core_start(k, p, core, NULL); }

void core_again(Core *k, int64_t at) {
    Core was = *k;
    core_start(k, was.owner, was.pe.core, was.co);
    k->now = at;
    for (int c = 0; c < SIM_CAUSES; c++) k->time[c] = was.time[c];
    k->time[SIM_BARRIER] += at - was.now;
}

void core_resume(Core *k) {
    k->queued = false;
    k->run->running = k;
    k->run->out->site_row = k->owner->row;
    k->run->out->site_col = k->owner->col;
    k->run->out->site_core = k->pe.core;
    k->run->out->site = k->pe.site;
    co_switch_to(k->co);
}

/* ---- the calls ---- */

static Core *core_of(PE *pe) {
    Core *k = (Core *)pe;
    k->run->out->site = pe->site;
    return k;
}

static void api_buffer(PE *pe, int buf, PeType type, int64_t bytes, bool scratch) { local_declare(core_of(pe), buf, type, bytes, scratch); }

static const SimTensor *tensor_of(Core *k, int tensor) {
    if (tensor < 0 || tensor >= k->run->c->n_tensors) core_fault(k, SIM_F_PROGRAM, "no tensor %d: the program's table has %d", tensor, k->run->c->n_tensors);
    return &k->run->c->tensor[tensor];
}

static void check_type(Core *k, int buf, PeType want, const char *why) {
    PeType t = local_buffer(k, buf)->type;
    if (t != want) core_fault(k, SIM_F_TYPE, "buffer %d holds %s, %s %s", buf, sim_type_name(t), why, sim_type_name(want));
}

static void check_extent(Core *k, const char *what, int64_t n, int64_t max) {
    if (n < 0 || n > max) core_fault(k, SIM_F_SHAPE, "%s is %lld, it must be from 0 to %lld", what, (long long)n, (long long)max);
}

static void box_command(Core *k, PeEngine e, int tensor, PeBox box, PeRef local, PeShare share) {
    const SimTensor *t = tensor_of(k, tensor);
    check_type(k, local.buf, t->type, "the tensor is of");
    Command *c = command_new(k, e, e == PE_LOAD ? C_LOAD : C_STORE);
    c->tensor = tensor;
    c->box = box;
    c->share = share;
    dma_box_check(c, e == PE_STORE);
    if (e == PE_STORE && t->role == PE_OUT && box.n[0] && box.n[1] && box.n[2] && box.n[3]) k->run->wrote = true;
    use_of(k, c, local, e == PE_LOAD, box.n[0] * box.n[1] * box.n[2], box.n[3] * sim_type_bytes(t->type));
    command_issue(c);
}

static void api_load(PE *pe, PeRef dst, int tensor, PeBox box, PeShare share) { box_command(core_of(pe), PE_LOAD, tensor, box, dst, share); }
static void api_store(PE *pe, int tensor, PeBox box, PeRef src) { box_command(core_of(pe), PE_STORE, tensor, box, src, PE_ALONE); }

static void api_gather(PE *pe, PeRef dst, int tensor, PeRef index, int64_t rows, int64_t cols, int64_t stride, int64_t off) {
    Core *k = core_of(pe);
    const SimTensor *t = tensor_of(k, tensor);
    check_type(k, dst.buf, t->type, "the tensor is of");
    PeType it = local_buffer(k, index.buf)->type;
    if (it != PE_I32 && it != PE_I64) core_fault(k, SIM_F_TYPE, "indices are i32 or i64, buffer %d holds %s", index.buf, sim_type_name(it));
    check_extent(k, "rows", rows, INT32_MAX);
    check_extent(k, "cols", cols, t->count);
    Command *c = command_new(k, PE_LOAD, C_GATHER);
    c->tensor = tensor;
    c->rows = rows;
    c->cols = cols;
    c->stride = stride;
    c->off = off;
    use_of(k, c, dst, true, rows, cols * sim_type_bytes(t->type));
    use_of(k, c, index, false, rows ? 1 : 0, rows * sim_type_bytes(it));
    command_issue(c);
}

static const SimMachine *machine_of(const Core *k) { return k->run->m; }

/* Accumulators of an m x n panel from acc on. */
static void take_accs(Core *k, Command *c, int acc, int64_t m, int64_t n) {
    int64_t bm = machine_of(k)->dpe.block_m, bn = machine_of(k)->dpe.block_n, count = bm && bn ? (m + bm - 1) / bm * ((n + bn - 1) / bn) : 0;
    if (!machine_of(k)->re.accumulators) core_fault(k, SIM_F_SHAPE, "this machine has no accumulators");
    if (acc < 0 || acc + count > k->run->m->re.accumulators)
        core_fault(k, SIM_F_SHAPE, "%lld x %lld from accumulator %d on needs %lld, there are %lld", (long long)m, (long long)n, acc, (long long)count, (long long)k->run->m->re.accumulators);
    c->acc = acc;
    c->n_acc = (int)count;
    if (k->owner->n_accs < acc + c->n_acc) k->owner->n_accs = acc + c->n_acc;
    for (int i = 0; i < count; i++) c->acc_ticket[i] = command_acc(c, i)->tickets++;
}

static void check_panel(Core *k, int64_t m, int64_t n) {
    check_extent(k, "m", m, PE_PANEL);
    check_extent(k, "n", n, PE_PANEL);
}

/* The row of the machine's DPE that does what the command says. */
static const SimDotRow *dot_row(Core *k, const PeDot *d, PeType t) {
    const SimMachine *m = machine_of(k);
    PeBin bin = d->bin ? d->bin : PE_MUL;
    bool does = false;
    for (int i = 0; i < m->dpe.rows; i++) {
        const SimDotRow *row = &m->dpe.row[i];
        bool same = row->red == d->red && row->bin == bin && row->fn == d->fn && row->a_by_k == d->a_by_k && row->b_by_k == d->b_by_k;
        if (same && row->rate[t].den) return row;
        does |= same;
    }
    if (does || !m->dpe.rows) core_fault(k, SIM_F_TYPE, "the DPE of this machine does not multiply %s", sim_type_name(t));
    core_fault(k, SIM_F_SHAPE, "the DPE of this machine has no row that computes so");
}

static void api_dot(PE *pe, PeDot d) {
    Core *k = core_of(pe);
    PeType t = local_buffer(k, d.a.buf)->type;
    check_type(k, d.b.buf, t, "the other operand holds");
    const SimDotRow *row = dot_row(k, &d, t);
    check_panel(k, d.m, d.n);
    check_extent(k, "k", d.k, INT32_MAX);
    if (d.sparse && !k->run->m->dpe.sparse) core_fault(k, SIM_F_TYPE, "the DPE of this machine takes no 2:4 sparse operand");
    if (d.sparse && d.k % 8) core_fault(k, SIM_F_SHAPE, "k is %lld, of a sparse product it must be a multiple of 8", (long long)d.k);
    if (d.sparse) check_type(k, d.meta.buf, PE_U8, "the places of a sparse operand are");
    if (d.sparse && (row->bin != PE_MUL || row->red != PE_RSUM || row->b_by_k)) core_fault(k, SIM_F_TYPE, "only a sum of products along k takes a 2:4 sparse operand");
    Command *c = command_new(k, PE_DPE, C_DOT);
    int64_t size = sim_type_bytes(t), kb = d.sparse ? d.k / 2 : d.k;
    c->dot = d;
    c->dot_row = row;
    use_of(k, c, d.a, false, d.a_by_k ? d.k : d.m, (d.a_by_k ? d.m : d.k) * size);
    use_of(k, c, d.b, false, d.b_by_k ? kb : d.n, (d.b_by_k ? d.n : kb) * size);
    if (d.sparse) use_of(k, c, d.meta, false, d.n, d.k / 8);
    take_accs(k, c, d.acc, d.m, d.n);
    k->run->out->macs += d.m * d.n * d.k;
    command_issue(c);
}

static void re_command(PE *pe, CommandKind kind, int acc, int64_t m, int64_t n, const PeRef *ref, PeDir dir) {
    Core *k = core_of(pe);
    check_panel(k, m, n);
    if (ref) {
        PeType t = local_buffer(k, ref->buf)->type;
        if (t != PE_F32 && t != PE_I32) core_fault(k, SIM_F_TYPE, "accumulators are f32 or i32, buffer %d holds %s", ref->buf, sim_type_name(t));
    } else {
        const SimMachine *mc = k->run->m;
        int side = kind == C_SEND ? 1 : -1, row = pe->row + (dir == PE_SOUTH ? side : 0), col = pe->col + (dir == PE_EAST ? side : 0);
        if (!mc->re.chain || row < 0 || col < 0 || row >= mc->rows || col >= mc->cols) core_fault(k, SIM_F_SHAPE, "there is no PE %s of this one", dir == PE_EAST ? (side > 0 ? "east" : "west") : side > 0 ? "south" : "north");
    }
    Command *c = command_new(k, PE_RE, kind);
    c->rows = m;
    c->cols = n;
    c->dir = dir;
    if (ref) use_of(k, c, *ref, kind == C_DRAIN, m, n * 4);
    take_accs(k, c, acc, m, n);
    command_issue(c);
}

/* Rows of the accumulators, which keep their values. */
static void api_re_reduce(PE *pe, PeRed red, PeRef dst, int acc, int64_t m, int64_t n) {
    Core *k = core_of(pe);
    check_panel(k, m, n);
    if (!k->run->m->se.row_minmax) core_fault(k, SIM_F_SHAPE, "the RE of this machine finds no row minimum or maximum");
    if (red != PE_RMAX && red != PE_RMIN) core_fault(k, SIM_F_SHAPE, "the RE finds the minimum or the maximum of a row, nothing else");
    PeType t = local_buffer(k, dst.buf)->type;
    if (t != PE_F32 && t != PE_I32) core_fault(k, SIM_F_TYPE, "accumulators are f32 or i32, buffer %d holds %s", dst.buf, sim_type_name(t));
    Command *c = command_new(k, PE_RE, C_PEEK);
    c->rows = m;
    c->cols = n;
    c->red = red;
    use_of(k, c, dst, true, m && n ? 1 : 0, m * 4);
    take_accs(k, c, acc, m, n);
    command_issue(c);
}

static void api_preload(PE *pe, int acc, int64_t m, int64_t n, PeRef src) { re_command(pe, C_PRELOAD, acc, m, n, &src, PE_EAST); }
static void api_drain(PE *pe, PeRef dst, int acc, int64_t m, int64_t n) { re_command(pe, C_DRAIN, acc, m, n, &dst, PE_EAST); }
static void api_chain(PE *pe, int acc, int64_t m, int64_t n, PeDir dir, bool send) { re_command(pe, send ? C_SEND : C_RECEIVE, acc, m, n, NULL, dir); }

static void api_se(PE *pe, PeSe s) {
    Core *k = core_of(pe);
    if ((unsigned)s.bin >= PE_BINS || (unsigned)s.fn >= PE_FNS) core_fault(k, SIM_F_SHAPE, "no such SE operation");
    const SimMachine *m = machine_of(k);
    bool copies = !s.bin && !s.fn && !s.affine;
    if ((s.bin && !m->se.bin[s.bin].has) || (s.fn && !m->se.fn[s.fn].has) || (s.affine && !m->se.affine.has) || (copies && !m->se.bin[PE_FIRST].has && s.rows))
        core_fault(k, SIM_F_TYPE, "the SE of this machine has no row for that operation");
    if (s.from_re && !k->run->m->re.feed) core_fault(k, SIM_F_SHAPE, "the SE of this machine does not read the RE");
    if (s.b_row && s.b_col) core_fault(k, SIM_F_SHAPE, "b is one row or one column, not both");
    if (s.from_re) check_panel(k, s.rows, s.cols);
    int64_t size[3] = {sim_type_bytes(local_buffer(k, s.dst.buf)->type), s.from_re ? 0 : sim_type_bytes(local_buffer(k, s.a.buf)->type), s.bin ? sim_type_bytes(local_buffer(k, s.b.buf)->type) : 0};
    check_extent(k, "cols", s.cols, k->run->m->local.size);
    check_extent(k, "rows", s.rows, k->run->m->local.size);
    Command *c = command_new(k, PE_SE, C_SE);
    c->se = s;
    use_of(k, c, s.dst, true, s.rows, s.cols * size[0]);
    if (!s.from_re) use_of(k, c, s.a, false, s.rows, s.cols * size[1]);
    if (s.bin) use_of(k, c, s.b, false, s.b_row && s.rows ? 1 : s.rows, (s.b_col && s.cols ? 1 : s.cols) * size[2]);
    if (s.from_re) take_accs(k, c, s.acc, s.rows, s.cols);
    command_issue(c);
}

static void rows_command(Core *k, PeEngine e, CommandKind kind, PeRef dst, PeRef src, int64_t rows, int64_t cols, PeRed red, bool add) {
    PeType t = local_buffer(k, src.buf)->type;
    int64_t size = sim_type_bytes(t);
    const SimMachine *m = machine_of(k);
    if ((unsigned)red >= PE_REDS) core_fault(k, SIM_F_SHAPE, "no such reduction");
    if (kind == C_TRANSPOSE ? !m->mlu.rate.den : kind == C_REDUCE ? !m->se.red[red].has : !m->se.gather.has) core_fault(k, SIM_F_TYPE, "no engine of this machine has a row for that command");
    check_extent(k, "rows", rows, k->run->m->local.size);
    check_extent(k, "cols", cols, k->run->m->local.size);
    check_type(k, dst.buf, kind == C_TRANSPOSE ? t : PE_F32, "the command writes");
    Command *c = command_new(k, e, kind);
    c->rows = rows;
    c->cols = cols;
    c->red = red;
    c->add = add;
    if (kind == C_REDUCE) use_of(k, c, dst, true, rows ? 1 : 0, rows * 4);
    else if (kind == C_ACCUMULATE) use_of(k, c, dst, true, cols ? 1 : 0, cols * 4);
    else use_of(k, c, dst, true, cols, rows * size);
    use_of(k, c, src, false, rows, cols * size);
    command_issue(c);
}

static void api_reduce(PE *pe, PeRed red, PeRef dst, PeRef src, int64_t rows, int64_t cols) { rows_command(core_of(pe), PE_SE, C_REDUCE, dst, src, rows, cols, red, false); }
static void api_accumulate(PE *pe, PeRef dst, PeRef src, int64_t rows, int64_t cols, bool add) {
    Core *k = core_of(pe);
    check_extent(k, "rows", rows, k->run->m->se.accumulate_rows);
    if (add && !local_buffer(k, dst.buf)->scratch) core_fault(k, SIM_F_SHAPE, "add is onto a scratch buffer");
    rows_command(k, PE_SE, C_ACCUMULATE, dst, src, rows, cols, PE_RSUM, add);
}
static void api_transpose(PE *pe, PeRef dst, PeRef src, int64_t rows, int64_t cols) { rows_command(core_of(pe), PE_MLU, C_TRANSPOSE, dst, src, rows, cols, PE_RSUM, false); }

/* ---- waiting, cursors ---- */

static PeBuf *ring_of(Core *k, int buf, int64_t bytes) {
    PeBuf *b = local_buffer(k, buf);
    if (b->scratch) core_fault(k, SIM_F_RING, "buffer %d is a scratch: it has no cursors", buf);
    if (bytes < 0 || bytes > b->size) core_fault(k, SIM_F_RING, "%lld bytes of ring %d, which holds %lld", (long long)bytes, buf, (long long)b->size);
    if (k->owner->declaring) core_fault(k, SIM_F_RING, "setup only declares");
    pe_ops(&k->pe, 1);
    core_sync(k);
    return b;
}

static void api_wait(PE *pe, int buf, int64_t bytes) {
    Core *k = core_of(pe);
    PeBuf *b = ring_of(k, buf, bytes);
    ring_side(k, buf, false);
    int64_t goal = b->read + bytes;
    if (k->owner->ring[buf].pushed < goal) core_block(k, W_DATA, buf, goal, SIM_DATA);
    view_open(k->owner, buf);
    if (b->seen < goal) b->seen = goal;
}

static void api_reserve(PE *pe, int buf, int64_t bytes) {
    Core *k = core_of(pe);
    PeBuf *b = ring_of(k, buf, bytes);
    ring_side(k, buf, true);
    int64_t goal = b->write + bytes - b->size;
    if (k->owner->ring[buf].popped < goal) core_block(k, W_ROOM, buf, goal, SIM_ROOM);
    view_open(k->owner, buf);
    if (b->room < b->write + bytes) b->room = b->write + bytes;
}

static void api_push(PE *pe, int buf, int64_t bytes) {
    Core *k = core_of(pe);
    ring_of(k, buf, bytes);
    local_push(k, buf, bytes);
    pe_poke(k->owner);
}

static void api_pop(PE *pe, int buf, int64_t bytes) {
    Core *k = core_of(pe);
    ring_of(k, buf, bytes);
    local_pop(k, buf, bytes);
    pe_poke(k->owner);
}

static void api_fence(PE *pe, PeEngine engine) {
    Core *k = core_of(pe);
    if ((unsigned)engine >= PE_ENGINES) core_fault(k, SIM_F_PROGRAM, "no such engine");
    pe_ops(pe, 1);
    core_sync(k);
    int64_t goal = k->owner->engine[engine].issued;
    if (!engine_quiet(k->owner, (int)engine, goal)) core_block(k, W_FENCE, (int)engine, goal, SIM_FENCE);
}

/* The last to come wakes all, after the news has crossed the grid and come back. */
static void api_barrier(PE *pe) {
    Core *k = core_of(pe);
    Run *r = k->run;
    int n = pe->core;
    pe_ops(pe, 1);
    core_sync(k);
    if (++r->barrier[n] == r->n_pes) {
        r->barrier[n] = 0;
        r->epoch++;
        int64_t at = r->now + 2 * (r->m->rows + r->m->cols - 2) * r->m->network.hop;
        for (int i = 0; i < r->n_pes; i++) heap_push(&r->heap, at, core_order(&r->pe[i].core[n]), EV_CORE, &r->pe[i].core[n]);
    }
    core_block(k, W_BARRIER, n, 0, SIM_BARRIER);
}

static void api_pick(PE *pe, int buf, int64_t off, PeType type, bool write, const void *index, const void *mask, void *raw) { local_pick(core_of(pe), buf, off, type, write, index, mask, raw); }
static void api_touch(PE *pe, int buf, int64_t off, int64_t bytes, bool write, PeType type) { local_touch(core_of(pe), buf, off, bytes, write, type); }

static int64_t api_dim(PE *pe, int index) {
    Core *k = core_of(pe);
    if (index < 0 || index >= SIM_DIMS) core_fault(k, SIM_F_PROGRAM, "no dim %d", index);
    pe_ops(pe, 1);
    return k->run->c->dim[index];
}

static double api_scalar(PE *pe, int index) {
    Core *k = core_of(pe);
    if (index < 0 || index >= SIM_DIMS) core_fault(k, SIM_F_PROGRAM, "no scalar %d", index);
    pe_ops(pe, 1);
    return k->run->c->scalar[index];
}

static int64_t api_scalar_i64(PE *pe, int index) {
    Core *k = core_of(pe);
    if (index < 0 || index >= SIM_DIMS) core_fault(k, SIM_F_PROGRAM, "no scalar %d", index);
    pe_ops(pe, 1);
    return k->run->c->scalar_i64[index];
}

static void api_refuse(PE *pe, int fact) {
    Core *k = core_of(pe);
    SimReport *o = k->run->out;
    if (fact < 1 || fact > k->run->c->program->n_facts) core_fault(k, SIM_F_PROGRAM, "no fact %d: the program's table has %d", fact, k->run->c->program->n_facts);
    pe_ops(pe, 1);
    if (!o->refused || fact < o->refused) o->refused = fact;
}

const PeApi run_api = {
    .buffer = api_buffer, .load = api_load, .gather = api_gather, .store = api_store, .dot = api_dot, .re_preload = api_preload, .re_drain = api_drain,
    .re_chain = api_chain, .se = api_se, .se_reduce = api_reduce, .se_accumulate = api_accumulate, .transpose = api_transpose, .wait = api_wait,
    .reserve = api_reserve, .push = api_push, .pop = api_pop, .fence = api_fence, .barrier = api_barrier, .touch = api_touch, .pick = api_pick, .lanes = vector_lanes, .convert = vector_convert, .f8 = vector_f8, .re_reduce = api_re_reduce, .dim = api_dim, .scalar = api_scalar, .scalar_i64 = api_scalar_i64, .refuse = api_refuse,
};
