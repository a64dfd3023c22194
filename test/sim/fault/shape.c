/* A panel of more rows than the accumulators hold. */
#include "knyfe/pe.h"

enum { Y, X };                 /* tensors */
enum { WRONG };                /* the dim: 0 is the right twin */
enum { A, B, RING, RING2 };

static void setup(PE *pe) {
    pe_scratch(pe, A, PE_F32, 4096);
    pe_scratch(pe, B, PE_I8, 4096);
    pe_ring(pe, RING, PE_F32, 1024);
    pe_ring(pe, RING2, PE_F32, 1024);
}

static bool here(const PE *pe) { return pe_row(pe) == 1 && pe_col(pe) == 2; }

static void core0(PE *pe) {
    bool wrong = pe_dim(pe, WRONG);
    (void)wrong;
}

static void core1(PE *pe) {
    bool wrong = pe_dim(pe, WRONG);
    if (!here(pe)) return;
    pe_ops(pe, 5);
    for (int64_t i = 0; i < 16; i++) pe_load(pe, PE_AT(A, .off = 64 * i), X, pe_box(0, 1, 16, 0));
    pe_fence(pe, PE_LOAD);
    pe_re_preload(pe, 0, wrong ? 65 : 4, 4, PE_AT(A));        /* fault */
    pe_re_drain(pe, PE_AT(A), 0, 4, 4);
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "shape", .dims = "W",
    .tensor = {{"y", PE_F32, PE_OUT, "2048"}, {"x", PE_F32, PE_IN, "2048"}},
    .setup = setup, .core = {core0, core1},
};
