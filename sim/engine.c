/* Command queues: when a head may start, how long it runs, what its end sets free. */
#include "sim/run.h"
#include <stdlib.h>
#include <string.h>

static uint32_t order_of(const Pe *p, int unit) { return (uint32_t)(p->index * SIM_UNITS + unit); }

static void trace(Run *r, const Pe *p, int unit, int64_t start, int64_t end, int line, SimCause cause) {
    SimTrace *t = r->c->trace;
    if (!t || end <= start || t->n >= t->max) return;
    t->span[t->n++] = (SimSpan){start, end, (int16_t)p->index, (int16_t)unit, line, (int8_t)cause};
}

void pe_hold(Pe *p, int64_t bytes) {
    Run *r = p->run;
    SimTrace *t = r->c->trace;
    p->held += bytes;
    if (r->out->local_held < p->held) r->out->local_held = p->held;
    if (t && bytes && t->n < t->max) t->span[t->n++] = (SimSpan){r->now, r->now, (int16_t)p->index, SIM_UNITS, (int32_t)p->held, SIM_BUSY};
}

void engine_cause(Run *r, Pe *p, PeEngine e, SimCause cause, int64_t at) {
    Engine *g = &p->engine[e];
    if (at > g->since) {
        g->time[g->cause] += at - g->since;
        if (g->cause == SIM_BUSY) trace(r, p, e, g->since, at, g->line, SIM_BUSY);
        g->since = at;
    }
    g->cause = cause;
}

Command *command_new(Core *k, PeEngine e, CommandKind kind) {
    Run *r = k->run;
    Pe *p = k->owner;
    if (p->declaring) core_fault(k, SIM_F_PROGRAM, "setup gives no commands");
    k->pe.scalar += k->pe.cost[PE_OP_ISSUE];
    core_sync(k);
    while (p->engine[e].n >= r->m->queue.depth) core_block(k, W_QUEUE, e, 0, SIM_QUEUE);
    Command *c = r->free;
    if (c) r->free = c->next;
    else if (!(c = malloc(sizeof *c))) abort();
    *c = (Command){.kind = kind, .engine = e, .pe = p, .core = k->pe.core, .site = k->pe.site, .knf = k->pe.knf, .tensor = -1};
    return k->making = c;
}

void command_issue(Command *c) {
    Pe *p = c->pe;
    Engine *g = &p->engine[c->engine];
    p->core[c->core].making = NULL;
    c->seq = g->issued++;
    p->run->out->commands[c->engine]++;
    g->queue[g->n++] = c;
    c->prev_live = NULL;
    c->next_live = p->live;
    if (p->live) p->live->prev_live = c;
    p->live = c;
    engine_poke(p, c->engine);
}

static void command_free(Command *c) {
    Run *r = c->pe->run;
    if (c->prev_live) c->prev_live->next_live = c->next_live;
    else c->pe->live = c->next_live;
    if (c->next_live) c->next_live->prev_live = c->prev_live;
    c->next = r->free;
    r->free = c;
}

void command_end(Command *c) {
    use_end(c);
    for (int i = 0; i < c->n_acc; i++) command_acc(c, i)->done++;
    c->pe->engine[c->engine].ended++;
    command_free(c);
}

/* What keeps the command from starting, or SIM_BUSY when nothing does. */
static SimCause command_waits(const Command *c) {
    for (int i = 0; i < c->n_uses; i++)
        if (!use_ready(c, &c->use[i])) return c->use[i].write ? SIM_ROOM : SIM_DATA;
    for (int i = 0; i < c->n_acc; i++)
        if (command_acc(c, i)->done != c->acc_ticket[i]) return SIM_ACC;
    if (c->kind == C_SE && c->se.from_re && c->pe->engine[PE_RE].busy) return SIM_ACC;
    return SIM_BUSY;
}

static void command_start(Command *c) {
    Pe *p = c->pe;
    Run *r = p->run;
    use_begin(c);
    c->start = r->now;
    c->ticks = command_ticks(c);
    int64_t lo = r->now + r->m->queue.start;
    c->end = buckets_book(p->port, lo, lo + c->ticks, sim_rate_ticks(r->m->local.bandwidth, use_bytes(c)));
    Engine *g = &p->engine[c->engine];
    g->busy = true;
    g->line = c->site;
    engine_cause(r, p, c->engine, SIM_BUSY, r->now);
    if (c->kind == C_SE && c->se.from_re) {
        p->engine[PE_RE].busy = true;
        p->engine[PE_RE].line = c->site;
        engine_cause(r, p, PE_RE, SIM_BUSY, r->now);
    }
    heap_push(&r->heap, c->end, order_of(p, c->engine), EV_ENGINE, c);
}

static Pe *chain_neighbour(const Pe *p, PeDir dir, int sign) {
    const SimMachine *m = p->run->m;
    int row = p->row + (dir == PE_SOUTH ? sign : 0), col = p->col + (dir == PE_EAST ? sign : 0);
    if (row < 0 || col < 0 || row >= m->rows || col >= m->cols) return NULL;
    return &p->run->pe[row * (int)m->cols + col];
}

/* A send and the receive it meets: both start, or neither. */
static SimCause chain_start(Command *send) {
    Pe *to = chain_neighbour(send->pe, send->dir, 1);
    Engine *g = &to->engine[PE_RE];
    Command *get = g->n ? g->queue[0] : NULL;
    if (!get || g->busy || get->kind != C_RECEIVE || get->dir != send->dir) return SIM_CHAIN;
    if (command_waits(get) != SIM_BUSY) return SIM_CHAIN;
    if (get->n_acc != send->n_acc || get->rows != send->rows || get->cols != send->cols)
        command_fault(get, SIM_F_SHAPE, "%lld x %lld are received here, PE (%d, %d) sends %lld x %lld in line %d", (long long)get->rows, (long long)get->cols, send->pe->row, send->pe->col,
                      (long long)send->rows, (long long)send->cols, send->site);
    command_start(send);
    command_start(get);
    return SIM_BUSY;
}

static SimCause command_try(Command *c) {
    SimCause w = command_waits(c);
    if (w != SIM_BUSY) return w;
    switch (c->kind) {
    case C_LOAD: case C_GATHER: case C_STORE: return dma_start(c) ? SIM_BUSY : SIM_GROUP;
    case C_SEND: return chain_start(c);
    case C_RECEIVE:
        engine_poke(chain_neighbour(c->pe, c->dir, -1), PE_RE);
        return c->pe->engine[PE_RE].busy ? SIM_BUSY : SIM_CHAIN;
    default: command_start(c); return SIM_BUSY;
    }
}

void engine_poke(Pe *p, PeEngine e) {
    Engine *g = &p->engine[e];
    if (g->busy) return;
    SimCause w = g->n ? command_try(g->queue[0]) : SIM_IDLE;
    if (w != SIM_BUSY) engine_cause(p->run, p, e, w, p->run->now);
}

void pe_poke(Pe *p) {
    for (int e = 0; e < PE_ENGINES; e++)
        if (p->engine[e].n && !p->engine[e].busy) engine_poke(p, (PeEngine)e);
    for (int k = 0; k < 2; k++) {
        Core *c = &p->core[k];
        if (c->wait == W_NONE || c->queued || !core_ready(c)) continue;
        c->queued = true;
        heap_push(&p->run->heap, p->run->now, order_of(p, SIM_CORE0 + k), EV_CORE, c);
    }
}

void engine_next(Pe *p, PeEngine e) {
    Engine *g = &p->engine[e];
    memmove(g->queue, g->queue + 1, sizeof *g->queue * (size_t)--g->n);
    g->busy = false;
    engine_cause(p->run, p, e, SIM_IDLE, p->run->now);
}

void engine_event(Run *r, Command *c) {
    Pe *p = c->pe;
    PeEngine e = c->engine;
    bool dma = e == PE_LOAD || e == PE_STORE, feed = c->kind == C_SE && c->se.from_re;
    if (!dma) command_compute(c);
    engine_next(p, e);
    if (!dma) command_end(c);
    if (feed) {
        p->engine[PE_RE].busy = false;
        engine_cause(r, p, PE_RE, SIM_IDLE, r->now);
    }
    pe_poke(p);
}
