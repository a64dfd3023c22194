/* A pointer of the program's own leads nowhere. */
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
    pe_fence(pe, PE_SE);                                      /* fault */
    volatile int *nowhere = 0;
    if (wrong) nowhere[2] = 1;
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "crash", .dims = "W",
    .tensor = {{"y", PE_F32, PE_OUT, "2048"}, {"x", PE_F32, PE_IN, "2048"}},
    .setup = setup, .core = {core0, core1},
};
