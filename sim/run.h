/* Inside the simulator: the state of a run. Only sim/ includes this. */
#pragma once
#include "sim/sim.h"
#include <setjmp.h>

typedef struct Run Run;
typedef struct Pe Pe;
typedef struct Core Core;

/* ---- calendars: exclusive use of a resource in time, gaps filled ---- */
typedef struct Slot { int64_t lo, hi; } Slot;
typedef struct Calendar { Slot *at; int n, cap, head, last; int64_t busy; } Calendar;   /* slots at[head] on, n of them; last: the one booked last, or any number */
/* Books `dur` ticks at the earliest start from `from` on; bookings that ended by `now` may be forgotten. Returns the start. */
int64_t calendar_book(Calendar *c, int64_t from, int64_t dur, int64_t now);
/* Books what continues the last booking or waits for it, which most do; false when it is something else. */
static inline bool calendar_continue(Calendar *c, int64_t from, int64_t dur, int64_t *start) {
    int end = c->head + c->n;
    if (c->last < c->head || c->last >= end || dur == 0) return false;
    Slot *s = &c->at[c->last];
    int64_t at = s->hi;
    if (from < s->lo || from > at || (c->last + 1 < end && at + dur >= s[1].lo)) return false;
    s->hi += dur;
    c->busy += dur;
    *start = at;
    return true;
}
void calendar_free(Calendar *c);

/* ---- buckets: a rate shared by many users at once ---- */
enum { BUCKET_TICKS = 64 * SIM_TICK, BUCKETS = 4096 };
/* stamp: the number of the bucket that holds the place, and 1, so that all zero is empty; last: all served by then. */
typedef struct Buckets { struct { int64_t stamp, used; } at[BUCKETS]; int64_t busy, last; } Buckets;
/* Spreads `need` ticks of use over [lo, hi); returns when the last of it is served, at least hi. */
int64_t buckets_book(Buckets *b, int64_t lo, int64_t hi, int64_t need);

/* ---- pages: memory of a run ---- */
typedef struct Pages { unsigned char *at; size_t size, used; } Pages;
size_t pages_of(size_t bytes);                         /* what pages_take needs for them */
bool pages_new(Pages *p, size_t size);
void *pages_take(Pages *p, size_t bytes);              /* zeroed, of its own pages; NULL when nothing is left */
void *pages_guarded(Pages *p, size_t bytes);           /* the first page can't be touched; bytes are whole pages */
void pages_free(Pages *p);

/* ---- coroutines ---- */
typedef struct Co Co;
enum { CO_STACK = 512 << 10 };
Co *co_new(Pages *stacks, void (*entry)(void *), void *arg);  /* on CO_STACK bytes of them */
void co_again(Co *co, void (*entry)(void *), void *arg);      /* from the start, on the same stack; not from within */
void co_switch_to(Co *co);          /* from the scheduler into the coroutine */
void co_yield(Co *co);              /* from the coroutine back */
void co_finish(Co *co);             /* the last switch out of a coroutine */
void co_free(Co *co);               /* its stack goes with the stacks */

/* ---- events ---- */
typedef enum EventKind { EV_CORE, EV_ENGINE, EV_LANDED, EV_FREE } EventKind;
typedef struct Event { int64_t time; uint32_t order, seq; EventKind kind; void *what; } Event;
typedef struct Heap { Event *at; int n, cap; uint32_t seq; } Heap;
void heap_push(Heap *h, int64_t time, uint32_t order, EventKind kind, void *what);
Event heap_pop(Heap *h);
void heap_free(Heap *h);

/* ---- local memory ---- */
typedef struct Retire { struct { int64_t end; bool done; } *at; int64_t head, tail; int cap; } Retire;
/* A place of a ring whose bytes still stand only in an input tensor: element (i, j) at off + i row_step + j col_step. */
typedef struct View { int64_t at, rows, row_bytes, pitch, off, row_step, col_step; int tensor; } View;
enum { VIEWS = 8 };
typedef struct Ring {
    int64_t pushed, popped;         /* bytes whose push (pop) has taken effect */
    Retire push, pop;
    int producer, consumer;         /* cores, -1: none yet */
    int line;                       /* of its declaration */
    View view[VIEWS];
    int n_views;
    bool direct;                    /* others than the DPE and the MLU have used it: no views any more */
} Ring;

/* One place that a command uses: rows of row_bytes, pitch apart, at `at` (a position of the ring, or an offset of a scratch). */
typedef struct Use {
    int buf;
    bool write;
    int64_t at, rows, row_bytes, pitch, span;
    int64_t need;                   /* what must have been pushed (popped) before the start, as a cursor */
    int64_t ticket;                 /* in the ring's Retire, -1: moves nothing */
} Use;

typedef enum CommandKind { C_LOAD, C_GATHER, C_STORE, C_DOT, C_PRELOAD, C_DRAIN, C_PEEK, C_SEND, C_RECEIVE, C_SE, C_REDUCE, C_ACCUMULATE, C_TRANSPOSE } CommandKind;
enum { MAX_USES = 3, ACCS = 16, ACC_WORDS = SIM_ACC_WORDS };

typedef struct Command Command;
struct Command {
    CommandKind kind;
    PeEngine engine;
    Pe *pe;
    int core, site, knf;
    Use use[MAX_USES];
    int n_uses;
    int acc, n_acc;                 /* accumulators it works on */
    int64_t acc_ticket[ACCS], seq;
    bool joined;                    /* in the group of its multicast */
    int64_t start, end, ticks;      /* ticks: busy time of its engine */
    int tensor;
    PeBox box;
    PeShare share;
    PeDot dot;
    const SimDotRow *dot_row;
    PeSe se;
    PeRed red;
    PeDir dir;
    int64_t rows, cols, stride, off;
    bool add;
    Command *next;                  /* free list, live list */
    Command *prev_live, *next_live;
};

typedef struct Engine {
    Command **queue;                /* head first */
    int n;
    bool busy;
    int64_t issued, ended;          /* commands */
    int64_t since, time[SIM_CAUSES];
    SimCause cause;
    int line;                       /* of the running command, for the trace */
} Engine;

typedef enum WaitKind { W_NONE, W_DATA, W_ROOM, W_QUEUE, W_FENCE, W_BARRIER } WaitKind;

struct Core {
    PE pe;                          /* what the program sees; first */
    Run *run;
    Pe *owner;
    Co *co;
    int64_t now;                    /* its own clock, up to the last sync point */
    int64_t time[SIM_CAUSES];
    WaitKind wait;
    int wait_what;                  /* buffer or engine */
    int64_t wait_for;               /* cursor or count */
    bool done, queued;
    int64_t barriers;
    Command *making;                /* not issued yet: freed with the run when a fault ends it there */
};

typedef struct Acc { float f[ACC_WORDS] __attribute__((aligned(64))); PeType type; bool has; int64_t tickets, done; int site, core; } Acc;   /* site: who gave it its value */

struct Pe {
    Run *run;
    int index, row, col;
    unsigned char *local, *state;
    int64_t used, held;             /* bytes handed out; with something in */
    PeBuf buf[PE_BUFS];
    Ring ring[PE_BUFS];
    int n_bufs, n_accs;             /* those from here on have never been used */
    Core core[2];
    Engine engine[PE_ENGINES];
    Acc *acc;
    Buckets *port;
    int64_t *slot;                  /* when each outstanding request ends */
    int64_t fi_free[2];
    int64_t shared_count[3];        /* multicast commands started, by PeShare */
    Command *live;                  /* issued, not ended */
    Calendar chain[2];              /* links of the reduction network out of this PE */
    bool declaring;
};

typedef struct Shadow { uint32_t wrote, read; int32_t write_epoch, read_epoch; int16_t writer, reader; } Shadow;   /* reader -2: several */

typedef struct Home { bool dram; int64_t base; Shadow *shadow; } Home;
typedef struct Bank { int64_t open, data_end, row, refresh; } Bank;      /* row is open from `open` on; -1: none */
typedef struct Channel { Calendar bus; Bank *bank; int64_t queued, accept_from, drain_end; } Channel;

typedef struct Group { Command *member[SIM_GRID_MAX]; int n; } Group;   /* a multicast that gathers */

struct Run {
    const SimConfig *c;
    const SimMachine *m;
    SimReport *out;
    int64_t now;
    Heap heap;
    Pe *pe;
    int n_pes, done_cores;
    Calendar *link;                 /* see network.c */
    struct Gate *gate;
    int n_links;
    Calendar *bank;
    Channel *channel;
    Home home[PE_TENSORS];
    Group *row_group, *col_group;
    const PeStage *stage;           /* that runs */
    bool left_out, wrote;           /* the stage is left out; an output was stored to */
    int barrier[2];
    int32_t epoch;
    Command *free;
    int32_t cost[PE_OPS];
    int64_t segment;                /* bytes of the segment that is on its way, for links */
    int64_t price[PE_COSTS][PE_REGISTER_COUNT];
    Core *running;
    Pages stacks, pages;
    Co *aside;                      /* the stack of functions before a stage; NULL: none ran */
    int64_t end;
    int64_t asked, moved[2];        /* bytes: of memories by requests; that have come to local memories, left them */
    jmp_buf fail;
    bool failing;
    float *scratch;                 /* for the engines' arithmetic */
    struct Panels *panels;          /* see view.c */
};

/* Ends the run with a fault; from a core or from the scheduler. Does not return. */
_Noreturn void run_fault(Run *r, SimFaultKind kind, int row, int col, int core, int site, int knf, const char *format, ...)
    __attribute__((format(printf, 8, 9)));
#define command_fault(c, kind, ...) run_fault((c)->pe->run, kind, (c)->pe->row, (c)->pe->col, (c)->core, (c)->site, (c)->knf, __VA_ARGS__)
#define core_fault(k, kind, ...) run_fault((k)->run, kind, (k)->owner->row, (k)->owner->col, (k)->pe.core, (k)->pe.site, (k)->pe.knf, __VA_ARGS__)

/* --timing leaves floating-point data where it is: nothing that costs time depends on it. */
static inline bool run_skips(const Run *r, PeType t) { return r->c->timing && (t == PE_F32 || t == PE_F16 || t == PE_BF16); }

/* run.c, engine.c, core.c */
void run_deadlock(Run *r);                                     /* a fault when something still waits */
void core_new(Core *k, Pe *p, int core);
void core_again(Core *k, int64_t at);                          /* for the next stage, which begins at `at` */
void core_resume(Core *k);
Command *command_new(Core *k, PeEngine e, CommandKind kind);   /* waits for room in the queue */
void command_issue(Command *c);
void engine_event(Run *r, Command *c);                         /* its engine has finished with the command */
void core_sync(Core *k);                                       /* its clock is now the global one */
void core_block(Core *k, WaitKind kind, int what, int64_t goal, SimCause cause);
void pe_hold(Pe *p, int64_t bytes);                            /* so many more (less) bytes of local memory are held */
bool core_ready(const Core *k);                                /* what it waits for has come */
void pe_poke(Pe *p);                                           /* something of this PE changed: who waits may go on */
void engine_poke(Pe *p, PeEngine e);
void command_end(Command *c);                                  /* pushes, pops, accumulators; frees it */
void engine_next(Pe *p, PeEngine e);                           /* the head has left the queue */
void engine_cause(Run *r, Pe *p, PeEngine e, SimCause cause, int64_t at);
extern const PeApi run_api;

/* local.c */
void local_declare(Core *k, int buf, PeType type, int64_t bytes, bool scratch);
void use_of(Core *k, Command *c, PeRef ref, bool write, int64_t rows, int64_t row_bytes);   /* checks, takes the place, moves cursors */
bool use_ready(const Command *c, const Use *u);
void use_begin(Command *c);                                    /* marks outputs as in flight, checks inputs for values */
void use_end(Command *c);
unsigned char *use_row(const Command *c, const Use *u, int64_t row);
int64_t use_bytes(const Command *c);                           /* local traffic, in whole units of local.align */
int64_t retire_add(Retire *q, int64_t end);
void retire_done(Retire *q, int64_t ticket, int64_t *cursor);
PeBuf *local_buffer(Core *k, int buf);
void ring_side(Core *k, int buf, bool write);                  /* this core now fills (empties) the ring */
void local_push(Core *k, int buf, int64_t bytes);              /* by the core itself */
void local_pop(Core *k, int buf, int64_t bytes);
void local_pick(Core *k, int buf, int64_t off, PeType type, bool write, const int32_t *index, const int32_t *mask, unsigned char *raw);
void local_touch(Core *k, int buf, int64_t off, int64_t bytes, bool write, PeType type);

/* network.c: books segments; times in ticks. net_read: pieces of a tensor to n PEs; ends[i] becomes when the last is at to[i], if later */
enum { NET_PIECES = 64 };
typedef struct NetPiece { int64_t off, bytes; } NetPiece;
void net_read(Run *r, int tensor, const NetPiece *piece, int n_pieces, int64_t leave, Pe **to, int n, int64_t *ends);
int64_t net_write(Run *r, int tensor, int64_t off, int64_t bytes, int64_t leave, Pe *from);   /* returns when memory has it */
int64_t net_hops_back(Run *r, int tensor, int64_t off, const Pe *p);
void net_new(Run *r);
void net_free(Run *r);

/* memory.c */
int64_t mem_read(Run *r, int tensor, int64_t off, int64_t bytes, int64_t at);    /* when the data stands at the edge port */
int64_t mem_write(Run *r, int tensor, int64_t off, int64_t bytes, int64_t at);   /* when the memory has taken it */
int mem_port(const Run *r, int tensor, int64_t off);
int64_t mem_cut(const Run *r, int tensor, int64_t off, int64_t bytes);           /* bytes up to the next segment boundary */
void mem_new(Run *r);
void mem_free(Run *r);
void mem_flush(Run *r);
void mem_check(const Command *c, int64_t off, int64_t bytes, bool write);        /* races */

/* dma.c */
void dma_box_check(const Command *c, bool write);              /* inside its tensor, or a fault */
bool dma_start(Command *c);                                    /* false: a multicast that still waits for others of its group */
void dma_landed(Command *c);

/* compute.c */
int64_t command_ticks(const Command *c);                       /* of its engine, without the start */
void command_compute(Command *c);                              /* what it does to the data */
Acc *command_acc(const Command *c, int i);
void row_load(float *out, PeType t, const void *in, int64_t n);    /* n values as f32 */

/* vector.c: the vector core's operations that are no line of C (knyfe/pe_ops.def) */
void vector_lanes(PeFar op, PeRegister r, void *d, const void *a, const void *b, const void *c);
void vector_convert(PE *pe, PeType to, bool nearest, PeRegister r, PeRegister from, void *d, const void *a);
float vector_f8_widen(PeType t, unsigned char bits);
unsigned char vector_f8_narrow(PeType t, double v);
void vector_f8(PeType t, bool narrow, void *raw, void *f32);

/* panel.c */
enum { PANEL_K = 256 };
/* 64 x 64 sums, as a panel or in four accumulators: rows of 32 `row` apart, from row 32 on `lower` further, from column 32 on `right`.
 * add: to what they hold, else from zero. */
typedef struct Sums { float *at; int64_t row, right, lower; bool add; } Sums;
/* c[m][64] (+)= a[m][PANEL_K] b[k][64], fused multiply-adds in the order of k. */
void panel_multiply(const Sums *c, const float *a, const float *b, int64_t m, int64_t k);
/* b[l][j] <- rows[j][l] for n rows of PANEL_K floats, l < k; zero for the others of 64. */
void panel_interleave(float *b, const float *rows, int64_t n, int64_t k);
void panel_from_f16(float *out, const void *in, int64_t n);
void panel_to_f16(void *out, const float *in, int64_t n);

/* view.c */
bool view_of_box(const Command *c);                            /* a load has landed: true when its bytes need no copy */
bool view_of_transpose(const Command *c);                      /* likewise */
bool view_find(const Command *c, const Use *u, View *out);     /* what u reads, when it is part of one view */
void view_open(Pe *p, int buf);                                /* before bytes of the ring are read or written: they are there, now and later */
void view_overwrite(const Command *c, const Use *u);           /* before a command writes its place */
/* Elements `from` to from + k of the sums of `rows` rows, as panel_multiply takes b (across) or a; by_k: u has a row for each element. */
typedef struct PanelPart { int64_t from, rows, k; bool by_k, across; } PanelPart;
/* out and work: 64 x PANEL_K floats each. */
const float *use_panel(const Command *c, const Use *u, PanelPart part, float *out, float *work);
void panels_free(struct Panels *p);
