/* y[b, d] = sum of table[id[l], d] over l from off[b] to off[b + 1], f32.
 *
 * Each PE takes a run of bags. Its offsets come in groups of 64 bags, into one ring a core, since both cores must know how many rows a bag
 * has. Core 0 gathers the rows by the indices, up to GATHER at a time and COLS columns wide; core 1 lets the SE add them up. */
#include "knyfe/pe.h"

enum { TABLE, ID, OFF, TY };
enum { DB, DD, DL, DV };
enum { OFF0, OFF1, IDS, ROWS, SUM, OUT };
enum { BAGS = 64, GATHER = 32, COLS = 128, IDS_BYTES = GATHER * 4, ROW = COLS * 4, OFF_BYTES = 320 };

static void setup(PE *pe) {
    pe_ring(pe, OFF0, PE_I32, 2 * OFF_BYTES);
    pe_ring(pe, OFF1, PE_I32, 2 * OFF_BYTES);
    pe_ring(pe, IDS, PE_I32, 16 * IDS_BYTES);
    pe_ring(pe, ROWS, PE_F32, (pe_local(pe) >= (256 << 10) ? 16 : 6) * GATHER * ROW);
    pe_scratch(pe, SUM, PE_F32, ROW);
    pe_ring(pe, OUT, PE_F32, 4 * ROW);
}

typedef struct Bags { int64_t first, last; } Bags;
static Bags bags_of(PE *pe, int64_t B) {
    int64_t each = pe_ceil(B, pe_count(pe));
    pe_ops(pe, 12);
    return (Bags){pe_min(B, pe_id(pe) * each), pe_min(B, (pe_id(pe) + 1) * each)};
}

/* Group of bags from b on: what core 0 loads for both. */
static void load_offsets(PE *pe, int64_t b, int64_t n) {
    pe_load(pe, PE_AT(OFF0, .push = OFF_BYTES), OFF, pe_box(b, 1, n + 1, 0));
    pe_load(pe, PE_AT(OFF1, .push = OFF_BYTES), OFF, pe_box(b, 1, n + 1, 0));
}

static void gather_bag(PE *pe, int64_t lo, int64_t hi, int64_t D) {
    pe_for(pe, d, 0, D, COLS)
        pe_for(pe, l, lo, hi, GATHER) {
            int64_t n = pe_min(GATHER, hi - l);
            pe_load(pe, PE_AT(IDS, .push = IDS_BYTES), ID, pe_box(l, 1, n, 0));
            pe_gather(pe, PE_AT(ROWS, .pitch = ROW, .push = GATHER * ROW), TABLE, PE_AT(IDS, .pop = IDS_BYTES), n, pe_min(COLS, D - d), D, d);
        }
}

static void load(PE *pe) {
    int64_t D = pe_dim(pe, DD);
    Bags bags = bags_of(pe, pe_dim(pe, DB));
    pe_for(pe, b0, bags.first, bags.last, BAGS) {
        int64_t n = pe_min(BAGS, bags.last - b0);
        load_offsets(pe, b0, n);
        pe_wait(pe, OFF0, OFF_BYTES);
        pe_for(pe, i, 0, n, 1) gather_bag(pe, pe_get_i32(pe, OFF0, 4 * i), pe_get_i32(pe, OFF0, 4 * i + 4), D);
        pe_pop(pe, OFF0, OFF_BYTES);
    }
}

/* Rows of one bag, cols wide: the first command clears; a bag of several commands gathers in SUM. */
static void sum_bag(PE *pe, int64_t count, int64_t cols) {
    if (count <= GATHER) {
        if (count) pe_se_accumulate(pe, PE_AT(OUT, .push = ROW), PE_AT(ROWS, .pitch = ROW, .pop = GATHER * ROW), count, cols, false);
        else pe_se_accumulate(pe, PE_AT(OUT, .push = ROW), PE_AT(ROWS), 0, cols, false);
        return;
    }
    pe_for(pe, l, 0, count, GATHER) pe_se_accumulate(pe, PE_AT(SUM), PE_AT(ROWS, .pitch = ROW, .pop = GATHER * ROW), pe_min(GATHER, count - l), cols, l > 0);
    pe_se(pe, .rows = 1, .cols = cols, .dst = PE_AT(OUT, .push = ROW), .a = PE_AT(SUM));
}

static void compute(PE *pe) {
    int64_t D = pe_dim(pe, DD);
    Bags bags = bags_of(pe, pe_dim(pe, DB));
    pe_for(pe, b0, bags.first, bags.last, BAGS) {
        int64_t n = pe_min(BAGS, bags.last - b0);
        pe_wait(pe, OFF1, OFF_BYTES);
        pe_for(pe, i, 0, n, 1) {
            int64_t count = pe_get_i32(pe, OFF1, 4 * i + 4) - pe_get_i32(pe, OFF1, 4 * i);
            pe_for(pe, d, 0, D, COLS) {
                int64_t cols = pe_min(COLS, D - d);
                sum_bag(pe, count, cols);
                pe_store(pe, TY, pe_box((b0 + i) * D + d, 1, cols, 0), PE_AT(OUT, .pop = ROW));
            }
        }
        pe_pop(pe, OFF1, OFF_BYTES);
    }
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "embedding_bag", .dims = "B, D, L, V",
    .tensor = {{"table", PE_F32, PE_IN, "V, D"}, {"id", PE_I32, PE_IN, "L", "0, V"}, {"off", PE_I32, PE_IN, "B + 1", "0, L", true}, {"y", PE_F32, PE_OUT, "B, D"}},
    .setup = setup, .core = {load, compute},
};
