/* Each core waits for what the other would give afterwards. */
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
    if (!here(pe)) return;
    if (!wrong) { pe_reserve(pe, RING, 64); pe_push(pe, RING, 64); }
    pe_wait(pe, RING2, 64);
    pe_pop(pe, RING2, 64);
    if (wrong) { pe_reserve(pe, RING, 64); pe_push(pe, RING, 64); }
}

static void core1(PE *pe) {
    bool wrong = pe_dim(pe, WRONG);
    if (!here(pe)) return;
    pe_wait(pe, RING, 64);                                    /* fault */
    pe_pop(pe, RING, 64);
    pe_reserve(pe, RING2, 64);
    pe_push(pe, RING2, 64);
    (void)wrong;
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "deadlock", .dims = "W",
    .tensor = {{"y", PE_F32, PE_OUT, "2048"}, {"x", PE_F32, PE_IN, "2048"}},
    .setup = setup, .core = {core0, core1},
};
