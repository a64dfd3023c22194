/* y = tanh(x), f16: a stream with the SE between. */
#include "knyfe/pe.h"

enum { TX, TY };
enum { N };
enum { X, Y };
enum { BLOCK = 4096 };                          /* elements */

static void setup(PE *pe) {
    pe_ring(pe, X, PE_F16, 6 * BLOCK * 2);
    pe_ring(pe, Y, PE_F16, 6 * BLOCK * 2);
}

static void load(PE *pe) {
    int64_t n = pe_dim(pe, N);
    pe_for(pe, i, pe_id(pe) * BLOCK, n, pe_count(pe) * BLOCK) pe_load(pe, PE_AT(X, .push = BLOCK * 2), TX, pe_box(i, 1, pe_min(BLOCK, n - i), 0));
}

static void compute(PE *pe) {
    int64_t n = pe_dim(pe, N);
    pe_for(pe, i, pe_id(pe) * BLOCK, n, pe_count(pe) * BLOCK) {
        int64_t k = pe_min(BLOCK, n - i);
        pe_se(pe, .fn = PE_TANH, .rows = 1, .cols = k, .dst = PE_AT(Y, .push = BLOCK * 2), .a = PE_AT(X, .pop = BLOCK * 2));
        pe_store(pe, TY, pe_box(i, 1, k, 0), PE_AT(Y, .pop = BLOCK * 2));
    }
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "tanh", .dims = "N",
    .tensor = {{"x", PE_F16, PE_IN, "N"}, {"y", PE_F16, PE_OUT, "N"}},
    .setup = setup, .core = {load, compute},
};
