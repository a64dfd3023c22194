/* A machine of the grid, read from a `machine` block by a table of keys. All times in ticks, 1024 to a cycle. */
#pragma once
#include "base/diag.h"
#include "dsl/ast.h"
#define PE_INSIDE
#include "knyfe/pe.h"

enum { SIM_TICK = 1024, SIM_GRID_MAX = 32 };

/* Time for n units (bytes, products, elements): num / den ticks a unit, rounded up over the whole. num 0: free. */
typedef struct SimRate { int64_t num, den; } SimRate;

static inline int64_t sim_rate_ticks(SimRate r, int64_t n) { return (n * r.num + r.den - 1) / r.den; }
SimRate sim_rate_of(double ticks_a_unit);

typedef struct SimMachine {
    const char *name;
    int64_t rows, cols;
    double hz;
    struct { int64_t size, align; SimRate bandwidth; } local;
    struct { int64_t size, banks, interleave, hash, access, latency; SimRate bandwidth, bank; } sram;
    struct {
        int64_t size, channels, banks, interleave, hash, row, access, write_queue;
        int64_t latency, row_miss, turnaround, refresh, refresh_every;
        SimRate bandwidth, channel;
    } dram;
    struct { int64_t hop, ports, segment; SimRate link; } network;
    struct { int64_t issue, scalar, turn, vector, op, loads, stores, imul, div, idiv, function, gather, lanes[PE_TYPE_COUNT]; } core;   /* lanes 0: no such type */
    struct { int64_t depth, start; } queue;
    struct { int64_t outstanding, setup, largest, row, gather_row; } dma;
    struct { int64_t block_m, block_n, block_bytes; SimRate rate[PE_TYPE_COUNT]; int64_t sparse; } dpe;   /* den 0: no such type */
    struct { int64_t accumulators, drain, preload, chain, feed; SimRate link; } re;
    struct { SimRate rate[PE_TYPE_COUNT]; int64_t basic, table, recip, divide, accumulate_rows, row_minmax; } se;
    struct { SimRate rate; } mlu;
    int64_t launch;
} SimMachine;

/* Reads `m`; faults of the text go to `diags` with their spans. Returns false when there was one. */
bool sim_machine_read(SimMachine *out, const AMachine *m, Diags *diags, Arena *a);

/* One value of the table, for reports, variants and sensitivity: its path ("sram.latency"), and the source's assumed range. */
typedef struct SimKey { const char *path; bool assumed, has_range; double lo, hi, value; } SimKey;
/* All values given by `m`, in the order of the text; returns how many, at most `max`. */
int sim_machine_keys(const AMachine *m, SimKey *out, int max, Arena *a);

/* Multiplies what the key stands for, in the unit of the machine file, by `factor`; false when there is no such number. */
bool sim_machine_scale(SimMachine *m, const char *path, double factor);

/* Takes one limit away: latency, links, sram, dram, local, issue, dpe, re, se, mlu. False for another word. */
bool sim_machine_lift(SimMachine *m, const char *resource);
extern const char *const sim_lifts[];   /* the words, ending with NULL */
