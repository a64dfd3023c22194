/* y = x, in blocks of 8 KiB that the PEs take in turn. The smallest program: core 0 loads into a ring, core 1 stores from it.
 *
 * What limits it is the memory; a ring of 8 blocks keeps as many requests under way. */
#include "knyfe/pe.h"

enum { X, Y };                                  /* tensors */
enum { N };                                     /* dims */
enum { RING };                                  /* buffers */
enum { BLOCK = 2048, DEPTH = 12 };               /* elements a block, blocks in the ring */

static void setup(PE *pe) { pe_ring(pe, RING, PE_F32, pe_min(DEPTH, pe_local(pe) / (BLOCK * 4)) * BLOCK * 4); }

/* A ring holds whole blocks: the last, shorter one moves the cursors by a whole block too. */
static void load(PE *pe) {
    int64_t n = pe_dim(pe, N);
    pe_for(pe, i, pe_id(pe) * BLOCK, n, pe_count(pe) * BLOCK)
        pe_load(pe, PE_AT(RING, .push = BLOCK * 4), X, pe_box(i, 1, pe_min(BLOCK, n - i), 0));
}

static void store(PE *pe) {
    int64_t n = pe_dim(pe, N);
    pe_for(pe, i, pe_id(pe) * BLOCK, n, pe_count(pe) * BLOCK)
        pe_store(pe, Y, pe_box(i, 1, pe_min(BLOCK, n - i), 0), PE_AT(RING, .pop = BLOCK * 4));
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "stream", .dims = "N",
    .tensor = {{"x", PE_F32, PE_IN, "N"}, {"y", PE_F32, PE_OUT, "N"}},
    .setup = setup, .core = {load, store},
};
