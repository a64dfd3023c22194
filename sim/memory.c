/* The shared memories: SRAM banks, DRAM channels with open rows, write queues and refresh; and races on tensors. */
#include "sim/run.h"
#include <stdlib.h>
#include <string.h>

/* x / n and x % n for x >= 0; n is a power of two on most machines. */
static int64_t over(int64_t x, int64_t n) { return n & (n - 1) ? x / n : x >> __builtin_ctzll((uint64_t)n); }
static int64_t rest(int64_t x, int64_t n) { return n & (n - 1) ? x % n : x & (n - 1); }

/* n digits of x in base n, folded into one: xor where n is a power of two, else their sum. */
static int64_t fold(int64_t x, int64_t n, bool hash) {
    int64_t h = 0, power = !(n & (n - 1));
    if (!hash || n == 1) return rest(x, n);
    for (; x; x = over(x, n)) h = power ? h ^ rest(x, n) : (h + x % n) % n;
    return h;
}

static int64_t bank_of(const SimMachine *m, int64_t address) { return fold(over(address, m->sram.interleave), m->sram.banks, m->sram.hash); }
static int64_t channel_of(const SimMachine *m, int64_t address) { return fold(over(address, m->dram.interleave), m->dram.channels, m->dram.hash); }

int mem_port(const Run *r, int tensor, int64_t off) {
    const SimMachine *m = r->m;
    int64_t address = r->home[tensor].base + off;
    if (!r->home[tensor].dram) return (int)rest(bank_of(m, address), m->network.ports);
    return (int)(channel_of(m, address) * m->network.ports / m->dram.channels % m->network.ports);
}

int64_t mem_cut(const Run *r, int tensor, int64_t off, int64_t bytes) {
    const SimMachine *m = r->m;
    int64_t unit = r->home[tensor].dram ? m->dram.interleave : m->sram.interleave < m->network.segment ? m->sram.interleave : m->network.segment;
    int64_t left = unit - rest(r->home[tensor].base + off, unit);
    return bytes < left ? bytes : left;
}

/* Bytes in whole accesses of `unit`. */
static int64_t whole(int64_t address, int64_t bytes, int64_t unit) {
    return (over(address + bytes + unit - 1, unit) - over(address, unit)) * unit;
}

static int64_t sram_take(Run *r, int64_t address, int64_t bytes, int64_t at) {
    const SimMachine *m = r->m;
    int64_t n = whole(address, bytes, m->sram.access), dur = sim_rate_ticks(m->sram.bank, n);
    r->out->sram_bytes += bytes;
    int64_t start = calendar_book(&r->bank[bank_of(m, address)], at, dur, r->now);
    r->out->sram.waited += start - at;
    return start + dur;
}

/* When `at` falls into the bank's refresh, its end; a refresh since the last use has closed the row. */
static int64_t refresh_pass(const SimMachine *m, Bank *b, int64_t bank, int64_t at) {
    if (!m->dram.refresh) return at;
    int64_t period = m->dram.refresh_every * m->dram.banks, shifted = at + period - bank * m->dram.refresh_every;
    int64_t turn = shifted / period, into = shifted % period;
    if (turn != b->refresh) { b->refresh = turn; b->row = -1; }
    return into < m->dram.refresh ? at + m->dram.refresh - into : at;
}

/* The row of that address open, from `at` on at the earliest; returns when data can move. */
static int64_t dram_open(Run *r, Channel *ch, int64_t address, int64_t at, Bank **bank) {
    const SimMachine *m = r->m;
    int64_t unit = address / m->dram.interleave / m->dram.channels, row = unit * m->dram.interleave / m->dram.row;
    int64_t b = fold(row, m->dram.banks, m->dram.hash);
    *bank = &ch->bank[b];
    at = refresh_pass(m, *bank, b, at);
    if ((*bank)->row == row) {
        r->out->row_hits++;
        return at > (*bank)->open ? at : (*bank)->open;
    }
    r->out->row_misses++;
    if (at < (*bank)->data_end) at = (*bank)->data_end;
    (*bank)->row = row;
    return (*bank)->open = at + m->dram.row_miss;
}

static int64_t dram_read(Run *r, int64_t address, int64_t bytes, int64_t at) {
    const SimMachine *m = r->m;
    Channel *ch = &r->channel[channel_of(m, address)];
    Bank *bank;
    int64_t ready = dram_open(r, ch, address, at, &bank), dur = sim_rate_ticks(m->dram.channel, whole(address, bytes, m->dram.access));
    int64_t end = calendar_book(&ch->bus, ready, dur, r->now) + dur;
    r->out->dram.waited += end - dur - at;
    if (bank->data_end < end) bank->data_end = end;
    r->out->dram_bytes += bytes;
    return end;
}

/* The bus turns, writes what has gathered, turns back. */
static void dram_drain(Run *r, Channel *ch, int64_t at) {
    int64_t dur = r->m->dram.turnaround + sim_rate_ticks(r->m->dram.channel, ch->queued);
    int64_t start = calendar_book(&ch->bus, at, dur, r->now);
    r->out->dram.waited += start - at;
    ch->queued = 0;
    ch->accept_from = start;
    if (ch->drain_end < start + dur) ch->drain_end = start + dur;
}

static int64_t dram_write(Run *r, int64_t address, int64_t bytes, int64_t at) {
    const SimMachine *m = r->m;
    Channel *ch = &r->channel[channel_of(m, address)];
    Bank *bank;
    if (at < ch->accept_from) at = ch->accept_from;
    dram_open(r, ch, address, at, &bank);
    ch->queued += whole(address, bytes, m->dram.access);
    r->out->dram_bytes += bytes;
    if (ch->queued >= m->dram.write_queue) dram_drain(r, ch, at);
    return at;
}

int64_t mem_read(Run *r, int tensor, int64_t off, int64_t bytes, int64_t at) {
    int64_t address = r->home[tensor].base + off;
    if (r->home[tensor].dram) return dram_read(r, address, bytes, at) + r->m->dram.latency;
    return sram_take(r, address, bytes, at) + r->m->sram.latency;
}

int64_t mem_write(Run *r, int tensor, int64_t off, int64_t bytes, int64_t at) {
    int64_t address = r->home[tensor].base + off;
    return r->home[tensor].dram ? dram_write(r, address, bytes, at) : sram_take(r, address, bytes, at);
}

/* The channels write what is left side by side. */
void mem_flush(Run *r) {
    int64_t last = r->end;
    for (int i = 0; i < r->m->dram.channels; i++) {
        Channel *ch = &r->channel[i];
        if (ch->queued) dram_drain(r, ch, r->end);
        if (last < ch->drain_end) last = ch->drain_end;
    }
    r->end = last;
}

static void mem_place(Run *r, int tensor, int64_t *used) {
    SimTensor *t = &r->c->tensor[tensor];
    const char *where = t->dram ? "DRAM" : "SRAM";
    int64_t size = t->dram ? r->m->dram.size : r->m->sram.size, *u = &used[t->dram];
    r->home[tensor] = (Home){.dram = t->dram, .base = *u};
    *u += (t->bytes + 4095) / 4096 * 4096;
    if (*u > size)
        run_fault(r, SIM_F_MACHINE, 0, 0, 0, 0, 0, "the tensors up to '%s' take %lld bytes of %s, which has %lld; --home says where a tensor lives", t->name, (long long)*u, where, (long long)size);
    if (t->role != PE_IN && !r->c->unchecked) {
        r->home[tensor].shadow = calloc((size_t)(t->bytes / 32 + 1), sizeof(Shadow));
        if (!r->home[tensor].shadow) run_fault(r, SIM_F_INTERNAL, 0, 0, 0, 0, 0, "no memory for the race check of '%s'", t->name);
    }
}

void mem_new(Run *r) {
    int64_t used[2] = {0, 0};
    r->bank = calloc((size_t)r->m->sram.banks, sizeof *r->bank);
    r->channel = calloc((size_t)r->m->dram.channels, sizeof *r->channel);
    if (!r->bank || !r->channel) abort();
    for (int c = 0; c < r->m->dram.channels; c++) {
        r->channel[c].bank = calloc((size_t)r->m->dram.banks, sizeof(Bank));
        if (!r->channel[c].bank) abort();
        for (int b = 0; b < r->m->dram.banks; b++) r->channel[c].bank[b].row = -1;
    }
    for (int i = 0; i < r->c->n_tensors; i++) mem_place(r, i, used);
}

void mem_free(Run *r) {
    for (int i = 0; r->bank && i < r->m->sram.banks; i++) calendar_free(&r->bank[i]);
    for (int i = 0; r->channel && i < r->m->dram.channels; i++) {
        calendar_free(&r->channel[i].bus);
        free(r->channel[i].bank);
    }
    for (int i = 0; i < PE_TENSORS; i++) free(r->home[i].shadow);
    free(r->bank);
    free(r->channel);
}

/* ---- races: who touched which bytes since the last barrier, by granules of 32 bytes ---- */

static uint32_t granule_mask(int64_t lo, int64_t hi, int64_t granule) {
    int64_t a = lo > granule ? lo - granule : 0, b = hi < granule + 32 ? hi - granule : 32;
    return (uint32_t)(((b == 32 ? (uint64_t)1 << 32 : (uint64_t)1 << b) - 1) & ~(((uint64_t)1 << a) - 1));
}

static void race(const Command *c, int64_t at, const char *did, int other, const char *what) {
    const Run *r = c->pe->run;
    const SimTensor *t = &r->c->tensor[c->tensor];
    char who[64];
    if (other < 0) snprintf(who, sizeof who, "other PEs");
    else snprintf(who, sizeof who, "PE (%d, %d)", r->pe[other].row, r->pe[other].col);
    command_fault(c, SIM_F_RACE, "race on '%s': bytes from %lld on are %s here, and %s by %s, with no barrier between", t->name, (long long)at, did, what, who);
}

static void shadow_write(const Command *c, Shadow *s, uint32_t mask, int64_t at) {
    int me = c->pe->index;
    int32_t epoch = c->pe->run->epoch + 1;
    if (s->write_epoch != epoch) { s->write_epoch = epoch; s->wrote = 0; s->writer = (int16_t)me; }
    if (s->read_epoch != epoch) { s->read_epoch = epoch; s->read = 0; s->reader = (int16_t)me; }
    if ((s->wrote & mask) && s->writer != me && s->writer >= 0) race(c, at, "written", s->writer, "written");
    if ((s->read & mask) && s->reader != me) race(c, at, "written", s->reader, "read");
    if (s->wrote && s->writer != me) s->writer = -2;
    s->wrote |= mask;
}

static void shadow_read(const Command *c, Shadow *s, uint32_t mask, int64_t at) {
    int me = c->pe->index;
    int32_t epoch = c->pe->run->epoch + 1;
    if (s->write_epoch == epoch && (s->wrote & mask) && s->writer != me && s->writer >= 0) race(c, at, "read", s->writer, "written");
    if (s->read_epoch != epoch) { s->read_epoch = epoch; s->read = 0; s->reader = (int16_t)me; }
    if (s->read && s->reader != me) s->reader = -2;
    s->read |= mask;
}

void mem_check(const Command *c, int64_t off, int64_t bytes, bool write) {
    Shadow *shadow = c->pe->run->home[c->tensor].shadow;
    if (!shadow) return;
    for (int64_t g = off / 32; g * 32 < off + bytes; g++) {
        uint32_t mask = granule_mask(off, off + bytes, g * 32);
        if (write) shadow_write(c, &shadow[g], mask, g * 32);
        else shadow_read(c, &shadow[g], mask, g * 32);
    }
}
