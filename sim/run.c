/* One run: the PEs are made, the clock turns until nothing is left to happen, the books are checked. */
#include "sim/run.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *const sim_fault_names[SIM_FAULTS] = {
    "ok", "unready", "in flight", "race", "box", "local memory", "uninitialised", "shape", "type", "ring", "deadlock",
    "leftover", "program", "endless", "crash", "machine", "internal",
};
const char *const sim_cause_names[SIM_CAUSES] = {"busy", "data", "room", "queue full", "accumulator", "multicast", "chain", "fence", "barrier", "idle"};
const char *const sim_unit_names[SIM_UNITS] = {"load", "store", "dpe", "re", "se", "mlu", "core 0", "core 1"};

static const struct { const char *name; int bytes; } types[PE_TYPE_COUNT] = {
#define X(id, name, bytes) {name, bytes},
    PE_TYPES(X)
#undef X
};
int sim_type_bytes(PeType t) { return (unsigned)t < PE_TYPE_COUNT ? types[t].bytes : 0; }
const char *sim_type_name(PeType t) { return (unsigned)t < PE_TYPE_COUNT ? types[t].name : "?"; }

/* The core's clock, with what it has done since the last sync point. */
static int64_t core_time(const Core *k) {
    const PE *p = &k->pe;
    int64_t v = p->vector > p->loads ? p->vector : p->loads;
    return k->now + p->scalar + (v > p->stores ? v : p->stores);
}

_Noreturn void run_fault(Run *r, SimFaultKind kind, int row, int col, int core, int site, int knf, const char *format, ...) {
    SimFault *f = &r->out->fault;
    *f = (SimFault){.kind = kind, .line = site, .knf = knf, .row = row, .col = col, .core = core, .cycle = sim_cycles(r->running ? core_time(r->running) : r->now)};
    va_list args;
    va_start(args, format);
    vsnprintf(f->text, sizeof f->text, format, args);
    va_end(args);
    r->failing = true;
    if (r->running) {
        Core *k = r->running;
        r->running = NULL;
        co_yield(k->co);
        abort();
    }
    longjmp(r->fail, 1);
}

static void *must(void *p) {
    if (!p) abort();
    return p;
}

/* A machine without accumulators has room for one, which nobody uses. */
static size_t acc_bytes(const SimMachine *m) { return (size_t)(m->re.accumulators ? m->re.accumulators : 1) * sizeof(Acc); }

static void pe_new(Run *r, Pe *p, int index) {
    const SimMachine *m = r->m;
    p->run = r;
    p->index = index;
    p->row = index / (int)m->cols;
    p->col = index % (int)m->cols;
    p->local = must(pages_take(&r->pages, (size_t)m->local.size + 64));
    p->state = must(pages_take(&r->pages, (size_t)m->local.size + 64));
    p->acc = must(pages_take(&r->pages, acc_bytes(m)));
    p->port = must(pages_take(&r->pages, sizeof *p->port));
    p->slot = must(calloc((size_t)m->dma.outstanding, sizeof *p->slot));
    for (int e = 0; e < PE_ENGINES; e++) {
        p->engine[e].queue = must(calloc((size_t)m->queue.depth + 1, sizeof(Command *)));
        p->engine[e].cause = SIM_IDLE;
    }
    for (int k = 0; k < 2; k++) core_new(&p->core[k], p, k);
}

static void pe_free(Pe *p) {
    for (Command *c = p->live, *next; c; c = next) {
        next = c->next_live;
        free(c);
    }
    for (int i = 0; i < p->n_bufs; i++) {
        free(p->ring[i].push.at);
        free(p->ring[i].pop.at);
    }
    for (int e = 0; e < PE_ENGINES; e++) free(p->engine[e].queue);
    for (int k = 0; k < 2; k++) {
        free(p->core[k].making);
        co_free(p->core[k].co);
    }
    free(p->slot);
}

/* Each operation on each register: of a type with fewer lanes an operation than the register has, that many times more. */
static void run_prices(Run *r) {
    static const struct { PeType type; int lanes; } reg[PE_REGISTER_COUNT] = {
        [PE_R_f32] = {PE_F32, 16}, [PE_R_i32] = {PE_I32, 16}, [PE_R_f64] = {PE_F64, 16}, [PE_R_i64] = {PE_I64, 16}, [PE_R_f16x32] = {PE_F16, 32}, [PE_R_bf16x32] = {PE_BF16, 32},
        [PE_R_i16x32] = {PE_I16, 32}, [PE_R_i8x64] = {PE_I8, 64}, [PE_R_u8x64] = {PE_U8, 64}, [PE_R_mask] = {PE_F32, 16}, [PE_R_mask32] = {PE_F16, 32}, [PE_R_mask64] = {PE_I8, 64},
    };
    const SimMachine *m = r->m;
    const int64_t cost[PE_COSTS] = {[PE_C_OP] = m->core.op, [PE_C_IMUL] = m->core.imul, [PE_C_DIV] = m->core.div, [PE_C_IDIV] = m->core.idiv, [PE_C_FN] = m->core.function, [PE_C_LANE] = m->core.gather};
    for (int i = 0; i < PE_REGISTER_COUNT; i++) {
        int64_t lanes = m->core.lanes[reg[i].type] ? m->core.lanes[reg[i].type] : m->core.lanes[PE_F32], times = lanes ? (reg[i].lanes + lanes - 1) / lanes : 1;
        for (int c = 0; c < PE_COSTS; c++) r->price[c][i] = cost[c] * times;
    }
}

static void run_costs(Run *r) {
    const SimMachine *m = r->m;
    run_prices(r);
    r->cost[PE_OP_SCALAR] = (int32_t)m->core.scalar;
    r->cost[PE_OP_TURN] = (int32_t)m->core.turn;
    r->cost[PE_OP_ISSUE] = (int32_t)m->core.issue;
    r->cost[PE_OP_LOAD] = (int32_t)(SIM_TICK / m->core.loads);
    r->cost[PE_OP_STORE] = (int32_t)(SIM_TICK / m->core.stores);
}

static void run_new(Run *r) {
    const SimMachine *m = r->m;
    r->n_pes = (int)(m->rows * m->cols);
    run_costs(r);
    r->row_group = must(calloc((size_t)m->rows, sizeof(Group)));
    r->col_group = must(calloc((size_t)m->cols, sizeof(Group)));
    r->scratch = must(malloc(sizeof(float) * (size_t)(8192 + 3 * 64 * PANEL_K + 2 * m->local.size + 64)));
    size_t n = (size_t)r->n_pes, local = pages_of((size_t)m->local.size + 64), acc = pages_of(acc_bytes(m));
    if (!pages_new(&r->pages, pages_of(n * sizeof *r->pe) + n * (2 * local + acc + pages_of(sizeof *r->pe->port)))) abort();
    if (!pages_new(&r->stacks, (2 * n + 1) * CO_STACK)) abort();
    r->pe = must(pages_take(&r->pages, n * sizeof *r->pe));
    net_new(r);
    mem_new(r);
    for (int i = 0; i < r->n_pes; i++) pe_new(r, &r->pe[i], i);
}

static void run_free(Run *r) {
    for (int i = 0; r->pe && i < r->n_pes; i++)
        if (r->pe[i].run) pe_free(&r->pe[i]);
    for (Command *c = r->free, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    net_free(r);
    mem_free(r);
    heap_free(&r->heap);
    co_free(r->aside);
    free(r->row_group);
    free(r->col_group);
    free(r->scratch);
    panels_free(r->panels);
    pages_free(&r->stacks);
    pages_free(&r->pages);
}

static void setup_main(void *arg) {
    Core *k = arg;
    k->run->stage->setup(&k->pe);
    k->run->running = NULL;
}

static void when_main(void *arg) {
    Core *k = arg;
    Run *r = k->run;
    bool out = !r->stage->when(&k->pe);
    core_sync(k);
    if (k->owner->index && out != r->left_out) core_fault(k, SIM_F_PROGRAM, "the PEs disagree whether stage '%s' runs", r->stage->name);
    r->left_out = out;
    if (r->end < k->now) r->end = k->now;
    r->running = NULL;
}

/* A function of the program before core 0 of a PE begins its part of the stage: no commands, but its time counts. */
static void run_aside(Run *r, Pe *p, void (*entry)(void *)) {
    Core *k = &p->core[0];
    p->declaring = true;
    Co *own = k->co;
    if (r->aside) co_again(r->aside, entry, k);
    else if (!(r->aside = co_new(&r->stacks, entry, k))) run_fault(r, SIM_F_INTERNAL, 0, 0, 0, 0, 0, "no memory for a stack");
    k->co = r->aside;
    core_resume(k);
    k->co = own;
    if (r->failing) longjmp(r->fail, 1);
    p->declaring = false;
}

static void run_event(Run *r, Event e) {
    r->out->events++;
    if (e.time > r->now) r->now = e.time;
    if (r->end < r->now) r->end = r->now;
    switch (e.kind) {
    case EV_CORE:
        core_resume(e.what);
        if (r->failing) longjmp(r->fail, 1);
        break;
    case EV_ENGINE: engine_event(r, e.what); break;
    case EV_LANDED: dma_landed(e.what); break;
    default: break;
    }
}

static void run_report(Run *r) {
    SimReport *o = r->out;
    o->ticks = r->end + r->m->launch;
    for (int i = 0; i < r->n_pes; i++) {
        Pe *p = &r->pe[i];
        for (int u = 0; u < SIM_UNITS; u++) {
            const int64_t *time = u < PE_ENGINES ? p->engine[u].time : p->core[u - PE_ENGINES].time;
            for (int c = 0; c < SIM_CAUSES; c++) o->time[u][c] += time[c];
            o->pe_busy[i][u] = time[SIM_BUSY];
            if (o->unit_busiest[u] < time[SIM_BUSY]) o->unit_busiest[u] = time[SIM_BUSY];
        }
        if (o->local.busiest < p->port->busy) o->local.busiest = p->port->busy;
        o->local.total += p->port->busy;
    }
    o->local.count = r->n_pes;
}

static void use_calendar(SimUse *u, const Calendar *c) {
    if (u->busiest < c->busy) u->busiest = c->busy;
    u->total += c->busy;
    u->count++;
}

/* What must be true of every run; a failure is a fault of the simulator. */
static void run_books(Run *r) {
    SimReport *o = r->out;
    int64_t end = r->end;
    for (int i = 0; i < r->n_links; i++) use_calendar(&o->links, &r->link[i]);
    for (int i = 0; i < r->m->sram.banks; i++) use_calendar(&o->sram, &r->bank[i]);
    for (int i = 0; i < r->m->dram.channels; i++) use_calendar(&o->dram, &r->channel[i].bus);
    const SimUse *use[] = {&o->local, &o->links, &o->sram, &o->dram};
    for (int i = 0; i < 4; i++)
        if (use[i]->busiest > end) run_fault(r, SIM_F_INTERNAL, 0, 0, 0, 0, 0, "resource %d was taken for %lld of %lld ticks", i, (long long)use[i]->busiest, (long long)end);
    if (r->moved[0] != o->bytes_in || r->moved[1] != o->bytes_out || r->asked != o->sram_bytes + o->dram_bytes)
        run_fault(r, SIM_F_INTERNAL, 0, 0, 0, 0, 0, "bytes: %lld sent in, %lld came; %lld sent out, %lld left; %lld asked of memories, which moved %lld", (long long)o->bytes_in, (long long)r->moved[0],
                  (long long)o->bytes_out, (long long)r->moved[1], (long long)r->asked, (long long)(o->sram_bytes + o->dram_bytes));
    if (o->link_bytes < o->bytes_in + o->bytes_out)      /* each byte takes a link for each PE that it reaches, at least */
        run_fault(r, SIM_F_INTERNAL, 0, 0, 0, 0, 0, "links carried %lld bytes, %lld came and %lld left", (long long)o->link_bytes, (long long)o->bytes_in, (long long)o->bytes_out);
    for (int u = 0; u < SIM_UNITS; u++) {
        int64_t sum = 0;
        for (int c = 0; c < SIM_CAUSES; c++) {
            sum += o->time[u][c];
            if (o->time[u][c] < 0) run_fault(r, SIM_F_INTERNAL, 0, 0, 0, 0, 0, "the time of %s below zero: %lld", sim_unit_names[u], (long long)o->time[u][c]);
        }
        if (sum != end * r->n_pes) run_fault(r, SIM_F_INTERNAL, 0, 0, 0, 0, 0, "the time of %s sums to %lld, not %lld", sim_unit_names[u], (long long)sum, (long long)(end * r->n_pes));
    }
}

static void run_close(Run *r) {
    mem_flush(r);
    for (int i = 0; i < r->n_pes; i++)
        if (r->end < r->pe[i].port->last) r->end = r->pe[i].port->last;
    for (int i = 0; i < r->n_pes; i++) {
        Pe *p = &r->pe[i];
        for (int e = 0; e < PE_ENGINES; e++) engine_cause(r, p, (PeEngine)e, SIM_IDLE, r->end);
        for (int k = 0; k < 2; k++) p->core[k].time[SIM_IDLE] += r->end - p->core[k].now;
    }
}

static void run_leftovers(Run *r) {
    for (int i = 0; i < r->n_pes; i++) {
        Pe *p = &r->pe[i];
        for (int b = 0; b < p->n_bufs; b++)
            if (p->ring[b].pushed != p->ring[b].popped)
                run_fault(r, SIM_F_LEFTOVER, p->row, p->col, 0, p->ring[b].line, 0, "ring %d ends with %lld bytes pushed and %lld popped", b, (long long)p->ring[b].pushed, (long long)p->ring[b].popped);
        for (int a = 0; a < p->n_accs; a++)
            if (p->acc[a].has) run_fault(r, SIM_F_LEFTOVER, p->row, p->col, p->acc[a].core, p->acc[a].site, 0, "accumulator %d ends with a value that nobody took", a);
    }
}

/* Local memory and its buffers as at the start; clocks and books go on. */
static void pe_again(Pe *p, int64_t at) {
    memset(p->state, 0, (size_t)p->used);
    p->used = 0;
    pe_hold(p, -p->held);
    for (int b = 0; b < p->n_bufs; b++) {
        free(p->ring[b].push.at);
        free(p->ring[b].pop.at);
        p->ring[b] = (Ring){0};
        p->buf[b] = (PeBuf){0};
    }
    p->n_bufs = 0;
    for (int k = 0; k < 2; k++) core_again(&p->core[k], at);
}

/* The news that the last PE is done crosses the grid and comes back. */
static void run_between(Run *r) {
    r->end += r->m->core.scalar + 2 * (r->m->rows + r->m->cols - 2) * r->m->network.hop;
    r->now = r->end;
    r->epoch++;
    r->done_cores = 0;
    for (int i = 0; i < r->n_pes; i++) pe_again(&r->pe[i], r->now);
}

/* Runs r->stage to its end; false when it is left out. `ran`: another did before. Whether it runs each PE finds out as soon as it is
 * done with the stage before. */
static bool run_stage(Run *r, bool ran) {
    r->left_out = false;
    for (int i = 0; r->stage->when && i < r->n_pes; i++) run_aside(r, &r->pe[i], when_main);
    if (r->left_out) return false;
    if (ran) run_between(r);
    for (int i = 0; r->stage->setup && i < r->n_pes; i++) run_aside(r, &r->pe[i], setup_main);
    for (int i = 0; i < r->n_pes; i++)
        for (int k = 0; k < 2; k++) heap_push(&r->heap, r->pe[i].core[k].now, (uint32_t)(i * SIM_UNITS + SIM_CORE0 + k), EV_CORE, &r->pe[i].core[k]);
    while (r->heap.n) run_event(r, heap_pop(&r->heap));
    run_deadlock(r);
    run_leftovers(r);
    if (r->out->refused && r->wrote)
        run_fault(r, SIM_F_PROGRAM, 0, 0, 0, 0, 0, "fact %d is said not to hold, but outputs have been stored to", r->out->refused);
    return true;
}

static void run_stages(Run *r) {
    const PeProgram *p = r->c->program;
    const PeStage whole = {p->name, NULL, p->setup, {p->core[0], p->core[1]}};
    int n = p->n_stages ? p->n_stages : 1;
    if (n < 0 || n > PE_STAGES || (p->n_stages && !p->stage)) run_fault(r, SIM_F_PROGRAM, 0, 0, 0, 0, 0, "%d stages; there may be %d", n, PE_STAGES);
    bool ran = false;
    int last = 0;
    for (int s = 0; s < n && !r->out->refused; s++) {
        int64_t before = r->end;
        r->stage = p->n_stages ? &p->stage[s] : &whole;
        r->out->stage_ran[s] = run_stage(r, ran);
        ran |= r->out->stage_ran[s];
        if (r->out->stage_ran[s]) last = s;
        r->out->stage_ticks[s] = r->end - before;
        if (p->n_stages) r->out->n_stages = s + 1;
    }
    int64_t before = r->end;
    run_close(r);
    r->out->stage_ticks[last] += r->end - before;
}

static void run_all(Run *r) {
    run_new(r);
    run_stages(r);
    run_report(r);
    run_books(r);
}

void sim_run(const SimConfig *c, SimReport *out) {
    memset(out, 0, sizeof *out);
    Run *r = must(calloc(1, sizeof *r));
    r->c = c;
    r->m = c->machine;
    r->out = out;
    if (!setjmp(r->fail)) run_all(r);
    run_free(r);
    free(r);
}
