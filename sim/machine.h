/* A machine of the grid, read from a `machine` block by a table of keys. All times in ticks, 1024 to a cycle. */
#pragma once
#include "base/diag.h"
#include "dsl/ast.h"
#define PE_INSIDE
#include "knyfe/pe.h"

enum { SIM_TICK = 1024, SIM_GRID_MAX = 32, SIM_ACC_WORDS = 1024 };    /* SIM_ACC_WORDS: elements of an accumulator */

/* Types of which the DPE has products: sums are exact in the type that they are kept in. */
static inline bool sim_dot_takes(PeType t) { return t == PE_F32 || t == PE_F16 || t == PE_BF16 || t == PE_F8E4M3 || t == PE_F8E5M2 || t == PE_I8 || t == PE_U8; }

/* Time for n units (bytes, products, elements): num / den ticks a unit, rounded up over the whole. num 0: free. */
typedef struct SimRate { int64_t num, den; } SimRate;

static inline int64_t sim_rate_ticks(SimRate r, int64_t n) { return (n * r.num + r.den - 1) / r.den; }
SimRate sim_rate_of(double ticks_a_unit);

/* What commands of the engines do, from the rows of the machine file. */
enum { SIM_ROWS = 16 };
/* Block products: acc[m, n] red= fn(a[m, k] bin b[n, k]), operands by rows of k, or by columns. PE_FIRST stands for a product. */
typedef struct SimDotRow { PeRed red; PeBin bin; PeFn fn; bool a_by_k, b_by_k; SimRate rate[PE_TYPE_COUNT]; } SimDotRow;
/* Operations an element, in the table of the engine's properties (key) or as written; none: the engine has no such command. */
typedef struct SimCost { bool has; int key; int64_t written; } SimCost;

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
    struct { int64_t block_m, block_n, block_bytes; SimRate rate[PE_TYPE_COUNT]; int64_t sparse; SimDotRow row[SIM_ROWS]; int rows; } dpe;   /* den 0: no such type */
    struct { int64_t accumulators, drain, preload, chain, feed; SimRate link; } re;
    struct { SimRate rate[PE_TYPE_COUNT]; int64_t basic, table, recip, divide, accumulate_rows, row_minmax; SimCost bin[PE_BINS], fn[PE_FNS], affine, red[PE_REDS], gather; } se;
    struct { SimRate rate; } mlu;
    int64_t launch;
    const AMachine *block;      /* what it was read from */
} SimMachine;

/* Operations of one element. */
int64_t sim_cost(const SimMachine *m, const SimCost *c);
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
