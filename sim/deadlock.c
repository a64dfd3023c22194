/* When nothing can happen any more and not all is done: who waits for whom. */
#include "sim/run.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A core (unit >= PE_ENGINES) or an engine with a command that can't start. */
typedef struct Waiter { Pe *pe; int unit; } Waiter;

typedef struct Text { char *at; size_t left; } Text;
__attribute__((format(printf, 2, 3))) static void put(Text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, t->left, format, args);
    va_end(args);
    size_t got = n < 0 ? 0 : (size_t)n >= t->left ? t->left - 1 : (size_t)n;
    t->at += got;
    t->left -= got;
}

static Command *head_of(Waiter w) { return w.unit < PE_ENGINES && w.pe->engine[w.unit].n ? w.pe->engine[w.unit].queue[0] : NULL; }
static Core *core_of(Waiter w) { return w.unit >= PE_ENGINES ? &w.pe->core[w.unit - PE_ENGINES] : NULL; }
static bool stuck(Waiter w) {
    Core *k = core_of(w);
    return k ? !k->done : head_of(w) != NULL;
}

/* The core that fills (empties) the ring; while none has, the other one than on the far side. */
static Waiter ring_core(Pe *p, int buf, bool push) {
    int core = push ? p->ring[buf].producer : p->ring[buf].consumer, far = push ? p->ring[buf].consumer : p->ring[buf].producer;
    if (core < 0 && far >= 0) core = 1 - far;
    return (Waiter){core < 0 ? NULL : p, SIM_CORE0 + core};
}

/* Who would push into (pop from) the buffer: a command that is issued, else the core on that side. */
static Waiter who_moves(Pe *p, int buf, bool push) {
    for (const Command *c = p->live; c; c = c->next_live)
        for (int i = 0; i < c->n_uses; i++)
            if (c->use[i].buf == buf && c->use[i].write == push && c->use[i].ticket >= 0) return (Waiter){p, (int)c->engine};
    return ring_core(p, buf, push);
}

static Waiter core_follow(Core *k, Text *t) {
    Pe *p = k->owner;
    switch (k->wait) {
    case W_DATA: put(t, "waits for data in ring %d", k->wait_what); return who_moves(p, k->wait_what, true);
    case W_ROOM: put(t, "waits for room in ring %d", k->wait_what); return who_moves(p, k->wait_what, false);
    case W_QUEUE: put(t, "waits for the full queue of the %s", sim_unit_names[k->wait_what]); return (Waiter){p, k->wait_what};
    case W_FENCE: put(t, "waits for the %s to end", sim_unit_names[k->wait_what]); return (Waiter){p, k->wait_what};
    default: put(t, "waits at a barrier that not all reach");
    }
    Run *r = k->run;
    for (int i = 0; i < r->n_pes; i++)
        if (r->pe[i].core[k->pe.core].wait != W_BARRIER) return (Waiter){&r->pe[i], SIM_CORE0 + k->pe.core};
    return (Waiter){NULL, 0};
}

static Waiter group_follow(Command *c, Text *t) {
    Run *r = c->pe->run;
    bool row = c->share == PE_SHARE_ROW;
    const Group *g = row ? &r->row_group[c->pe->row] : &r->col_group[c->pe->col];
    put(t, "waits for its %s to issue the shared load", row ? "row" : "column");
    for (int i = 0; i < (row ? r->m->cols : r->m->rows); i++) {
        Pe *o = &r->pe[row ? c->pe->row * (int)r->m->cols + i : i * (int)r->m->cols + c->pe->col];
        if (g->member[i]) continue;
        return (Waiter){o, o->engine[PE_LOAD].n ? (int)PE_LOAD : SIM_CORE0};
    }
    return (Waiter){NULL, 0};
}

static Waiter command_follow(Command *c, Text *t) {
    Pe *p = c->pe;
    for (int i = 0; i < c->n_uses; i++)
        if (!use_ready(c, &c->use[i])) {
            put(t, "waits for %s ring %d", c->use[i].write ? "room in" : "data in", c->use[i].buf);
            Waiter w = who_moves(p, c->use[i].buf, !c->use[i].write);
            if (w.pe != p || w.unit != (int)c->engine || !p->engine[w.unit].n || p->engine[w.unit].queue[0] != c) return w;
            return ring_core(p, c->use[i].buf, !c->use[i].write);
        }
    if (c->share != PE_ALONE) return group_follow(c, t);
    if (c->kind == C_SEND || c->kind == C_RECEIVE) {
        int step = (c->kind == C_SEND ? 1 : -1) * (c->dir == PE_EAST ? 1 : (int)p->run->m->cols);
        put(t, "waits for PE (%d, %d) to %s", p->run->pe[p->index + step].row, p->run->pe[p->index + step].col, c->kind == C_SEND ? "receive" : "send");
        Pe *o = &p->run->pe[p->index + step];
        return (Waiter){o, o->engine[PE_RE].n ? (int)PE_RE : SIM_CORE1};
    }
    put(t, "waits for accumulators that another command holds");
    for (Command *o = p->live; o; o = o->next_live)
        if (o != c && o->n_acc && o->acc < c->acc + c->n_acc && c->acc < o->acc + o->n_acc && o->engine != c->engine) return (Waiter){p, (int)o->engine};
    return (Waiter){NULL, 0};
}

/* One line for the waiter; returns whom it waits for. */
static Waiter describe(Waiter w, Text *t) {
    Core *k = core_of(w);
    Command *c = head_of(w);
    put(t, "\n  PE (%d, %d) %s, line %d: ", w.pe->row, w.pe->col, sim_unit_names[w.unit], k ? k->pe.site : c->site);
    if (k && k->done) { put(t, "has ended"); return (Waiter){NULL, 0}; }
    return k ? core_follow(k, t) : command_follow(c, t);
}

static bool first_stuck(Run *r, Waiter *w) {
    for (int i = 0; i < r->n_pes; i++)
        for (int u = SIM_UNITS - 1; u >= 0; u--) {
            *w = (Waiter){&r->pe[i], u};
            if (stuck(*w)) return true;
        }
    return false;
}

void run_deadlock(Run *r) {
    char text[SIM_TEXT - 64];
    Text t = {text, sizeof text};
    Waiter w, seen[24];
    if (!first_stuck(r, &w)) return;
    Waiter start = w;
    text[0] = 0;
    for (int n = 0; n < 24 && w.pe; n++) {
        for (int i = 0; i < n; i++)
            if (seen[i].pe == w.pe && seen[i].unit == w.unit) {
                put(&t, "\n  and so on: a cycle");
                goto said;
            }
        seen[n] = w;
        if (w.unit < PE_ENGINES && !head_of(w)) { put(&t, "\n  PE (%d, %d) %s: has nothing to do", w.pe->row, w.pe->col, sim_unit_names[w.unit]); break; }
        w = describe(w, &t);
    }
said:;
    Core *k = core_of(start);
    Command *c = head_of(start);
    run_fault(r, SIM_F_DEADLOCK, start.pe->row, start.pe->col, k ? k->pe.core : c->core, k ? k->pe.site : c->site, k ? k->pe.knf : c->knf, "deadlock: nothing can go on%s", text);
}
