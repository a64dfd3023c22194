/* copy.knf on a grid; cli.py plants faults in it. */
#include "knyfe/pe.h"

enum { X, Y, Z };
enum { RING, ONE };
enum { BLOCK = 1024 };

static bool large(PE *pe) { return pe_dim(pe, 0) > 60000; }
static void refuse(PE *pe) { pe_refuse(pe, 2); }
static void setup(PE *pe) {
    pe_ring(pe, RING, PE_F32, 4 * BLOCK * 4);
    pe_ring(pe, ONE, PE_I64, 64);
}
static void load(PE *pe) {
    int64_t n = pe_dim(pe, 0);
    pe_for(pe, i, pe_id(pe) * BLOCK, n, pe_count(pe) * BLOCK)
        pe_load(pe, PE_AT(RING, .push = BLOCK * 4), X, pe_box(i, 1, pe_min(BLOCK, n - i), 0));
}
static void store(PE *pe) {
    int64_t n = pe_dim(pe, 0);
    pe_for(pe, i, pe_id(pe) * BLOCK, n, pe_count(pe) * BLOCK)
        pe_store(pe, Y, pe_box(i, 1, pe_min(BLOCK, n - i), 0), PE_AT(RING, .pop = BLOCK * 4));
    if (pe_id(pe)) return;
    pe_reserve(pe, ONE, 64);
    pe_put_i64(pe, ONE, 0, pe_scalar_i64(pe, 0) + 1);
    pe_push(pe, ONE, 64);
    pe_store(pe, Z, pe_box(0, 1, 1, 0), PE_AT(ONE, .pop = 64));
}

static const PeStage stages[] = {{"test", large, 0, {0, refuse}}, {"copy", 0, setup, {load, store}}};
static const char *const facts[] = {"N is not negative", "N <= 60000"};
const PeProgram pe_program = {
    .version = PE_VERSION, .name = "copy", .dims = "N", .scalars = "shift",
    .tensor = {{"x", PE_F32, PE_IN, "N"}, {"y", PE_F32, PE_OUT, "N"}, {"z", PE_I64, PE_OUT, ""}},
    .stage = stages, .n_stages = 2, .fact = facts, .n_facts = 2,
};
