/* A vector is added without a charge. */
#include "knyfe/pe.h"

static void core0(PE *pe) {
    pe_f32 a = pe_splat(pe, 1);
    a.pe_hidden_lanes = a.pe_hidden_lanes + a.pe_hidden_lanes;
    pe_st_f32(pe, 0, 0, 16, a);
}

static void setup(PE *pe) { pe_scratch(pe, 0, PE_F32, 64); }

const PeProgram pe_program = {.version = PE_VERSION, .name = "opaque", .setup = setup, .core = {core0}};
