/* Local memory: rings and scratch buffers, the places that commands take in them, and whether bytes have a value. */
#include "sim/run.h"
#include <stdlib.h>
#include <string.h>

/* Values of a state byte: no value; a value. */
enum { NO_VALUE = 0, HAS_VALUE = 1 };

void local_declare(Core *k, int i, PeType type, int64_t bytes, bool scratch) {
    Pe *p = k->owner;
    const SimMachine *m = k->run->m;
    if (!p->declaring) core_fault(k, SIM_F_RING, "buffers are declared in setup only");
    if (i < 0 || i >= PE_BUFS) core_fault(k, SIM_F_RING, "no buffer %d: numbers go from 0 to %d", i, PE_BUFS - 1);
    if (type < 0 || type >= PE_TYPE_COUNT) core_fault(k, SIM_F_TYPE, "no such element type");
    if (p->ring[i].line) core_fault(k, SIM_F_RING, "buffer %d is declared twice, first in line %d", i, p->ring[i].line);
    if (bytes <= 0) core_fault(k, SIM_F_LOCAL, "buffer %d of %lld bytes", i, (long long)bytes);
    int64_t at = (p->used + 63) & ~(int64_t)63;
    if (bytes > m->local.size - at)
        core_fault(k, SIM_F_LOCAL, "buffer %d wants %lld bytes, local memory has %lld left of %lld", i, (long long)bytes, (long long)(m->local.size - at), (long long)m->local.size);
    p->used = at + bytes;
    if (p->used > k->run->out->local_used) k->run->out->local_used = p->used;
    if (p->n_bufs <= i) p->n_bufs = i + 1;
    p->buf[i] = (PeBuf){.base = p->local + at, .state = p->state + at, .size = bytes, .type = type, .scratch = scratch};
    if (scratch) pe_hold(p, bytes);
    p->ring[i] = (Ring){.producer = -1, .consumer = -1, .line = k->pe.site ? k->pe.site : 1};
}

/* ---- cursors take effect in the order of issue ---- */

int64_t retire_add(Retire *q, int64_t end) {
    if (q->tail - q->head == q->cap) {
        int cap = q->cap ? q->cap * 2 : 32;
        void *at = calloc((size_t)cap, sizeof *q->at);
        if (!at) abort();
        Retire n = {at, q->head, q->tail, cap};
        for (int64_t i = q->head; i < q->tail; i++) n.at[i % cap] = q->at[i % q->cap];
        free(q->at);
        *q = n;
    }
    q->at[q->tail % q->cap].end = end;
    q->at[q->tail % q->cap].done = false;
    return q->tail++;
}

void retire_done(Retire *q, int64_t ticket, int64_t *cursor) {
    q->at[ticket % q->cap].done = true;
    while (q->head < q->tail && q->at[q->head % q->cap].done) *cursor = q->at[q->head++ % q->cap].end;
}

/* ---- places of commands ---- */

PeBuf *local_buffer(Core *k, int i) {
    if (i < 0 || i >= PE_BUFS || !k->owner->buf[i].base) core_fault(k, SIM_F_RING, "buffer %d was not declared", i);
    return &k->owner->buf[i];
}

/* Rings have one producer and one consumer. */
void ring_side(Core *k, int i, bool write) {
    int *side = write ? &k->owner->ring[i].producer : &k->owner->ring[i].consumer;
    if (*side < 0) *side = k->pe.core;
    if (*side != k->pe.core) core_fault(k, SIM_F_RING, "ring %d is %s by both cores", i, write ? "filled" : "emptied");
}

static void use_ring(Core *k, Use *u, PeBuf *b, PeRef ref) {
    Ring *r = &k->owner->ring[ref.buf];
    int64_t move = u->write ? ref.push : ref.pop, *cursor = u->write ? &b->write : &b->read;
    if (u->write ? ref.pop : ref.push) core_fault(k, SIM_F_RING, "buffer %d: what is written is pushed, what is read is popped", ref.buf);
    ring_side(k, ref.buf, u->write);
    int64_t reach = ref.off + u->span > move ? ref.off + u->span : move;
    if (reach > b->size) core_fault(k, SIM_F_RING, "buffer %d holds %lld bytes, the command wants %lld: it could never start", ref.buf, (long long)b->size, (long long)reach);
    u->at = *cursor + ref.off;
    if (u->span && u->at % b->size + u->span > b->size)
        core_fault(k, SIM_F_RING, "the place crosses the end of ring %d: %lld bytes at %lld of %lld", ref.buf, (long long)u->span, (long long)(u->at % b->size), (long long)b->size);
    u->need = u->write ? *cursor + reach - b->size : *cursor + reach;
    *cursor += move;
    u->ticket = move ? retire_add(u->write ? &r->push : &r->pop, *cursor) : -1;
    if (u->write) { if (b->room < b->write) b->room = b->write; }
    else if (b->seen < b->read) b->seen = b->read;
}

static bool overlap(const Use *a, const Use *b) { return a->span && b->span && a->at < b->at + b->span && b->at < a->at + a->span; }

/* Two engines on the same bytes of a scratch, one of them writing, and nothing that orders them. */
static void use_conflict(Core *k, const Command *c, const Use *u) {
    for (const Command *o = k->owner->live; o; o = o->next_live)
        for (int i = 0; i < o->n_uses && o->engine != c->engine; i++)
            if (o->use[i].buf == u->buf && (o->use[i].write || u->write) && overlap(&o->use[i], u))
                core_fault(k, SIM_F_IN_FLIGHT, "buffer %d is %s here while the command of line %d, which %s it, has not ended; fence between", u->buf,
                           u->write ? "written" : "read", o->site, o->use[i].write ? "writes" : "reads");
}

void use_of(Core *k, Command *c, PeRef ref, bool write, int64_t rows, int64_t row_bytes) {
    PeBuf *b = local_buffer(k, ref.buf);
    if (ref.off < 0 || ref.pitch < 0 || ref.pop < 0 || ref.push < 0) core_fault(k, SIM_F_LOCAL, "buffer %d: an offset, pitch, pop or push below zero", ref.buf);
    if (rows < 0 || row_bytes < 0) core_fault(k, SIM_F_SHAPE, "an extent below zero");
    if (ref.pitch && ref.pitch < row_bytes && rows > 1) core_fault(k, SIM_F_SHAPE, "rows of %lld bytes, but a pitch of %lld", (long long)row_bytes, (long long)ref.pitch);
    Use *u = &c->use[c->n_uses++];
    *u = (Use){.buf = ref.buf, .write = write, .rows = rows, .row_bytes = row_bytes, .pitch = ref.pitch ? ref.pitch : row_bytes, .ticket = -1};
    if (rows && row_bytes && (u->pitch > b->size || rows > b->size)) core_fault(k, SIM_F_LOCAL, "%lld rows %lld bytes apart leave buffer %d", (long long)rows, (long long)u->pitch, ref.buf);
    u->span = rows && row_bytes ? (rows - 1) * u->pitch + row_bytes : 0;
    if (!b->scratch) { use_ring(k, u, b, ref); b->in_flight++; return; }
    if (ref.pop || ref.push) core_fault(k, SIM_F_RING, "buffer %d is a scratch: it has nothing to push or pop", ref.buf);
    if (ref.off + u->span > b->size)
        core_fault(k, SIM_F_LOCAL, "bytes %lld to %lld of buffer %d, which has %lld", (long long)ref.off, (long long)(ref.off + u->span), ref.buf, (long long)b->size);
    u->at = ref.off;
    use_conflict(k, c, u);
    b->in_flight++;
}

bool use_ready(const Command *c, const Use *u) {
    const PeBuf *b = &c->pe->buf[u->buf];
    if (b->scratch) return true;
    return (u->write ? c->pe->ring[u->buf].popped : c->pe->ring[u->buf].pushed) >= u->need;
}

static int64_t use_place(const Command *c, const Use *u) {
    const PeBuf *b = &c->pe->buf[u->buf];
    return b->scratch ? u->at : u->at % b->size;
}

unsigned char *use_row(const Command *c, const Use *u, int64_t row) { return c->pe->buf[u->buf].base + use_place(c, u) + row * u->pitch; }

static void use_check_values(const Command *c, const Use *u) {
    const unsigned char *state = c->pe->buf[u->buf].state + use_place(c, u);
    for (int64_t r = 0; r < u->rows; r++) {
        const unsigned char *hole = u->row_bytes ? memchr(state + r * u->pitch, NO_VALUE, (size_t)u->row_bytes) : NULL;
        if (hole)
            command_fault(c, SIM_F_UNINIT, "byte %lld of row %lld that is read from buffer %d was never written", (long long)(hole - state - r * u->pitch), (long long)r, u->buf);
    }
}

static void use_mark(const Command *c, const Use *u, int value) {
    unsigned char *state = c->pe->buf[u->buf].state + use_place(c, u);
    for (int64_t r = 0; r < u->rows; r++) memset(state + r * u->pitch, value, (size_t)u->row_bytes);
}

void use_begin(Command *c) {
    if (c->pe->run->c->unchecked) return;
    for (int i = 0; i < c->n_uses; i++)
        if (!c->use[i].write || c->add) use_check_values(c, &c->use[i]);
    for (int i = 0; i < c->n_uses; i++)
        if (c->use[i].write && !c->add) use_mark(c, &c->use[i], NO_VALUE);
}

/* What a ring's bytes hold is forgotten when they are popped. */
static void ring_forget(Pe *p, int buf, int64_t lo, int64_t hi) {
    PeBuf *b = &p->buf[buf];
    if (hi - lo >= b->size) { memset(b->state, NO_VALUE, (size_t)b->size); return; }
    int64_t a = lo % b->size, n = hi - lo, first = n < b->size - a ? n : b->size - a;
    memset(b->state + a, NO_VALUE, (size_t)first);
    memset(b->state, NO_VALUE, (size_t)(n - first));
}

static bool ring_has_hole(const PeBuf *b, int64_t lo, int64_t hi) {
    int64_t a = lo % b->size, n = hi - lo, first = n < b->size - a ? n : b->size - a;
    return memchr(b->state + a, NO_VALUE, (size_t)first) || (n > first && memchr(b->state, NO_VALUE, (size_t)(n - first)));
}

static void ring_pushed(Pe *p, int buf, int64_t ticket) {
    Ring *r = &p->ring[buf];
    int64_t was = r->pushed;
    retire_done(&r->push, ticket, &r->pushed);
    pe_hold(p, r->pushed - was);
    if (!p->run->c->unchecked && !p->buf[buf].holes && r->pushed > was) p->buf[buf].holes = ring_has_hole(&p->buf[buf], was, r->pushed);
}

static void ring_popped(Pe *p, int buf, int64_t ticket) {
    Ring *r = &p->ring[buf];
    int64_t was = r->popped;
    retire_done(&r->pop, ticket, &r->popped);
    pe_hold(p, was - r->popped);
    if (r->popped > was && !p->run->c->unchecked) ring_forget(p, buf, was, r->popped);
}

void use_end(Command *c) {
    for (int i = 0; i < c->n_uses; i++) {
        Use *u = &c->use[i];
        if (u->write && !c->pe->run->c->unchecked) use_mark(c, u, HAS_VALUE);
        c->pe->buf[u->buf].in_flight--;
        if (u->ticket < 0) continue;
        if (u->write) ring_pushed(c->pe, u->buf, u->ticket);
        else ring_popped(c->pe, u->buf, u->ticket);
    }
}

int64_t use_bytes(const Command *c) {
    int64_t n = 0, a = c->pe->run->m->local.align;
    for (int i = 0; i < c->n_uses; i++) {
        const Use *u = &c->use[i];
        int64_t place = use_place(c, u);
        if (u->pitch % a == 0 || u->rows <= 1) {
            n += u->rows * (((place + u->row_bytes + a - 1) & -a) - (place & -a));
            continue;
        }
        if (u->pitch == u->row_bytes) { n += ((place + u->span + a - 1) & -a) - (place & -a); continue; }
        for (int64_t r = 0; r < u->rows; r++, place += u->pitch) n += ((place + u->row_bytes + a - 1) & -a) - (place & -a);
    }
    return n;
}

/* ---- a core's own accesses ---- */

void local_push(Core *k, int buf, int64_t bytes) {
    ring_side(k, buf, true);
    PeBuf *b = &k->owner->buf[buf];
    if (b->write + bytes > b->room) core_fault(k, SIM_F_RING, "%lld bytes are pushed into ring %d, but room was reserved for %lld", (long long)bytes, buf, (long long)(b->room - b->write));
    b->write += bytes;
    ring_pushed(k->owner, buf, retire_add(&k->owner->ring[buf].push, b->write));
}

void local_pop(Core *k, int buf, int64_t bytes) {
    ring_side(k, buf, false);
    PeBuf *b = &k->owner->buf[buf];
    if (b->read + bytes > b->seen) core_fault(k, SIM_F_RING, "%lld bytes are popped from ring %d, but the core has only waited for %lld", (long long)bytes, buf, (long long)(b->seen - b->read));
    b->read += bytes;
    ring_popped(k->owner, buf, retire_add(&k->owner->ring[buf].pop, b->read));
}

static void touch_in_flight(Core *k, int buf, const Use *u) {
    for (const Command *o = k->owner->live; o; o = o->next_live)
        for (int i = 0; i < o->n_uses; i++)
            if (o->use[i].buf == buf && (o->use[i].write || u->write) && overlap(&o->use[i], u))
                core_fault(k, o->use[i].write && !u->write ? SIM_F_UNREADY : SIM_F_IN_FLIGHT, "buffer %d is %s here before the command of line %d, which %s it, has ended", buf,
                           u->write ? "written" : "read", o->site, o->use[i].write ? "writes" : "reads");
}

/* An element for each lane of the mask, at off + index x size; raw holds the elements as they lie in memory. */
void local_pick(Core *k, int i, int64_t off, PeType type, bool write, const int32_t *index, const int32_t *mask, unsigned char *raw) {
    int size = sim_type_bytes(type);
    for (int l = 0; l < PE_LANES; l++) {
        if (!mask[l]) continue;
        int64_t at = off < -INT32_MAX || off > k->run->m->local.size ? off : off + (int64_t)index[l] * size;
        local_touch(k, i, at, size, write, type);
        PeBuf *b = &k->owner->buf[i];
        int64_t place = b->scratch ? at : ((write ? b->write : b->read) + at) % b->size;
        if (write) {
            memset(b->state + place, HAS_VALUE, (size_t)size);
            memcpy(b->base + place, raw + l * size, (size_t)size);
        } else memcpy(raw + l * size, b->base + place, (size_t)size);
    }
}

void local_touch(Core *k, int i, int64_t off, int64_t bytes, bool write, PeType type) {
    PeBuf *b = local_buffer(k, i);
    if (bytes < 0) core_fault(k, SIM_F_SHAPE, "more lanes than the register has, or fewer than none");
    if (b->type != type) core_fault(k, SIM_F_TYPE, "buffer %d holds %s, the access is of %s", i, sim_type_name(b->type), sim_type_name(type));
    if (off < 0 || off > b->size || bytes > b->size) core_fault(k, SIM_F_LOCAL, "an access at offset %lld of buffer %d", (long long)off, i);
    if (!b->scratch) ring_side(k, i, write);
    int64_t at = b->scratch ? off : (write ? b->write : b->read) + off;
    if (!b->scratch && at + bytes > (write ? b->room : b->seen))
        core_fault(k, SIM_F_UNREADY, "offset %lld of ring %d is %s, but the core has only waited for %lld bytes (%s)", (long long)off, i, write ? "written" : "read",
                   (long long)((write ? b->room : b->seen) - (write ? b->write : b->read)), write ? "pe_reserve" : "pe_wait");
    int64_t place = b->scratch ? at : at % b->size;
    if (place + bytes > b->size) core_fault(k, b->scratch ? SIM_F_LOCAL : SIM_F_RING, "an access of %lld bytes at %lld crosses the end of buffer %d (%lld bytes)", (long long)bytes, (long long)place, i, (long long)b->size);
    if (b->scratch && b->in_flight) {
        core_sync(k);
        Use u = {.buf = i, .write = write, .at = at, .span = bytes};
        if (b->in_flight) touch_in_flight(k, i, &u);
    }
    if (!write && !k->run->c->unchecked && bytes && memchr(b->state + place, NO_VALUE, (size_t)bytes))
        core_fault(k, SIM_F_UNINIT, "bytes at offset %lld of buffer %d were never written", (long long)off, i);
}
