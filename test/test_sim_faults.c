/* What the simulator must catch. Each body commits its fault when `wrong` is set, and is right otherwise; both ways are run. The
 * faults that need a file of their own (a global variable, an endless loop ...) stand in test/sim/. */
#include "sim/harness.h"

enum { R0, R1, S0, S1, F0 };                   /* rings of i8, scratch of i8, of i8, of f32 */
enum { X, Y };
enum { KIB = 1024 };

static void setup(PE *pe) {
    pe_ring(pe, R0, PE_I8, KIB);
    pe_ring(pe, R1, PE_I8, KIB);
    pe_scratch(pe, S0, PE_I8, 4 * KIB);
    pe_scratch(pe, S1, PE_I32, 4 * KIB);
    pe_scratch(pe, F0, PE_F32, KIB);
}

static bool core0(const PE *pe) { return pe->core == 0; }
static bool lone0(const PE *pe) { return core0(pe) && pe_id(pe) == 0; }
static PeBox bytes(int64_t off, int64_t n) { return pe_box(off, 1, n, 0); }

static void unready_wait(PE *pe, bool wrong) {           /* a ring is read without waiting for its data */
    if (lone0(pe)) {
        pe_reserve(pe, R1, 64);
        pe_push(pe, R1, 64);
        pe_load(pe, PE_AT(R0, .push = 64), X, bytes(0, 64));
    }
    if (core0(pe) || pe_id(pe)) return;
    pe_wait(pe, R1, 64);
    pe_pop(pe, R1, 64);
    if (!wrong) pe_wait(pe, R0, 64);
    pe->api->touch(pe_here(pe, __LINE__), R0, 0, 64, false, PE_I8);
    if (wrong) pe_wait(pe, R0, 64);
    pe_pop(pe, R0, 64);
}
static void unready_scratch(PE *pe, bool wrong) {        /* a scratch is read before the DMA into it has landed */
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S1), X + 2, bytes(0, 16));
    if (!wrong) pe_fence(pe, PE_LOAD);
    pe_ld_i32(pe, S1, 0, 16);
}
static void in_flight_write(PE *pe, bool wrong) {        /* the core writes what the engine still reads */
    if (!lone0(pe)) return;
    pe_st_i32(pe, S1, 0, 16, pe_splat_i32(pe, 1));
    pe_store(pe, Y + 2, bytes(0, 16), PE_AT(S1));
    if (!wrong) pe_fence(pe, PE_STORE);
    pe_st_i32(pe, S1, 0, 16, pe_splat_i32(pe, 2));
}
static void in_flight_engines(PE *pe, bool wrong) {      /* two engines, nothing between */
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 64));
    if (!wrong) pe_fence(pe, PE_LOAD);
    pe_transpose(pe, PE_AT(S0, .off = 128), PE_AT(S0), 8, 8);
}
static void room(PE *pe, bool wrong) {                   /* the core writes into a ring without reserving */
    if (lone0(pe)) {
        if (!wrong) pe_reserve(pe, R0, 64);
        pe->api->touch(pe_here(pe, __LINE__), R0, 0, 64, true, PE_I8);
        for (int i = 0; i < 64; i++) pe->buf[R0].state[i] = 1;
        if (wrong) pe_reserve(pe, R0, 64);
        pe_push(pe, R0, 64);
    } else if (!core0(pe) && pe_id(pe) == 0) {
        pe_wait(pe, R0, 64);
        pe_pop(pe, R0, 64);
    }
}
static void race_write(PE *pe, bool wrong) {             /* two PEs write the same bytes */
    if (!core0(pe) || pe_id(pe) > 1) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 64));
    pe_fence(pe, PE_LOAD);
    pe_store(pe, Y, bytes(wrong ? 0 : 64 * pe_id(pe), 64), PE_AT(S0));
}
static void race_neighbours(PE *pe, bool wrong) {        /* bytes of one granule: apart is right, one byte shared is not */
    if (!core0(pe) || pe_id(pe) > 1) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 8));
    pe_fence(pe, PE_LOAD);
    pe_store(pe, Y, bytes(pe_id(pe) * (wrong ? 6 : 7), 7), PE_AT(S0));
}
static void race_read(PE *pe, bool wrong) {              /* one writes, another reads, no barrier */
    if (!core0(pe)) return;
    if (pe_id(pe) == 0) {
        pe_load(pe, PE_AT(S0), X, bytes(0, 64));
        pe_fence(pe, PE_LOAD);
        pe_store(pe, Y, bytes(0, 64), PE_AT(S0));
        pe_fence(pe, PE_STORE);
    }
    if (!wrong) pe_barrier(pe);
    if (pe_id(pe) == 9) pe_load(pe, PE_AT(S0), Y, bytes(32, 64));
}
static void race_unfenced(PE *pe, bool wrong) {          /* a barrier, but the store was still under way */
    if (!core0(pe)) return;
    if (pe_id(pe) == 0) {
        pe_load(pe, PE_AT(S0), X, bytes(0, 2048));
        pe_fence(pe, PE_LOAD);
        pe_store(pe, Y, bytes(0, 2048), PE_AT(S0));
        if (!wrong) pe_fence(pe, PE_STORE);
    }
    pe_barrier(pe);
    if (pe_id(pe) == 63) pe_load(pe, PE_AT(S0), Y, bytes(0, 64));
}
static void box_end(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(S0), X, bytes(4096 - 64 + wrong, 64));
}
static void box_stride(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(S0), X, pe_box(0, 5, 16, wrong ? 1024 : 1020));
}
static void box_negative(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(S0), X, bytes(wrong ? -1 : 0, 16));
}
static void box_input(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 64));
    pe_fence(pe, PE_LOAD);
    pe_store(pe, wrong ? X : Y, bytes(0, 64), PE_AT(S0));
}
static void box_gather(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_st_i32(pe, S1, 0, 16, pe_splat_i32(pe, wrong ? 64 : 63));
    pe_gather(pe, PE_AT(S0), X, PE_AT(S1), 3, 64, 64, 0);
}
static void box_shared(PE *pe, bool wrong) {             /* all of a row must share the same box */
    if (core0(pe)) pe_load_row(pe, PE_AT(S0), X, bytes(wrong ? pe_col(pe) : 64 * pe_row(pe), 64));
}
static void local_end(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(S0, .off = 4 * KIB - 64 + wrong), X, bytes(0, 64));
}
static void local_vector(PE *pe, bool wrong) {
    if (lone0(pe)) pe_st_f32(pe, F0, KIB - 64 + 4 * wrong, 16, pe_splat(pe, 0));
}
static void local_pitch(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(S0, .pitch = wrong ? 2048 : 1024), X, pe_box(0, 4, 16, 16));
}
static void uninit_vector(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_st_f32(pe, F0, 0, wrong ? 15 : 16, pe_splat(pe, 0));
    pe_ld_f32(pe, F0, 0, 16);
}
static void uninit_store(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, wrong ? 63 : 64));
    pe_fence(pe, PE_LOAD);
    pe_store(pe, Y, bytes(0, 64), PE_AT(S0));
}
static void uninit_acc(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 64));
    pe_fence(pe, PE_LOAD);
    pe_dot(pe, .m = 2, .n = 2, .k = 32, .add = wrong, .a = PE_AT(S0), .b = PE_AT(S0));
    pe_re_drain(pe, PE_AT(S1), 0, 2, 2);
}
static void uninit_popped(PE *pe, bool wrong) {          /* what was popped is gone */
    if (lone0(pe)) pe_load(pe, PE_AT(R0, .push = 512), X, bytes(0, 512));
    if (core0(pe) || pe_id(pe)) return;
    pe_transpose(pe, PE_AT(S0), PE_AT(R0, .pop = 512), 16, 16);
    if (wrong) pe_transpose(pe, PE_AT(S0, .off = 1024), PE_AT(R0), 16, 16);
}
static void shape_panel(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 130));
    pe_fence(pe, PE_LOAD);
    pe_dot(pe, .m = wrong ? 65 : 64, .n = 1, .k = 2, .a = PE_AT(S0), .b = PE_AT(S0));
    pe_re_drain(pe, PE_AT(S1), 0, wrong ? 65 : 64, 1);
}
static void shape_accs(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 128));
    pe_fence(pe, PE_LOAD);
    pe_dot(pe, .acc = wrong ? 3 : 0, .m = 64, .n = 32, .k = 2, .a = PE_AT(S0), .b = PE_AT(S0));
    pe_se(pe, .from_re = true, .acc = 0, .rows = 64, .cols = 32, .dst = PE_AT(S0, .off = 1024));
}
static void shape_edge(PE *pe, bool wrong) {             /* there is nobody east of the last column */
    if (!core0(pe) || pe_row(pe) || pe_col(pe) < 6) return;
    pe_st_i32(pe, S1, 0, 16, pe_splat_i32(pe, 1));
    pe_re_preload(pe, 0, 1, 16, PE_AT(S1));
    if (pe_col(pe) == 6 || wrong) pe_re_send(pe, 0, 1, 16, PE_EAST);
    else pe_re_receive(pe, 0, 1, 16, PE_EAST);
    if (pe_col(pe) == 7 && !wrong) pe_re_drain(pe, PE_AT(S1, .off = 64), 0, 1, 16);
}
static void shape_pitch(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(S0, .pitch = wrong ? 8 : 16), X, pe_box(0, 4, 16, 16));
}
static void type_tensor(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(wrong ? S1 : S0), X, bytes(0, 64));
}
static void type_operands(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 64));
    pe_st_i32(pe, S1, 0, 16, pe_splat_i32(pe, 1));
    pe_fence(pe, PE_LOAD);
    pe_dot(pe, .m = 1, .n = 1, .k = 16, .a = PE_AT(S0), .b = PE_AT(wrong ? S1 : S0));
    pe_re_drain(pe, PE_AT(S1), 0, 1, 1);
}
static void type_dpe(PE *pe, bool wrong) {               /* no f32 on the DPE */
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 64));
    pe_st_f32(pe, F0, 0, 16, pe_splat(pe, 1));
    pe_fence(pe, PE_LOAD);
    pe_dot(pe, .m = 1, .n = 1, .k = 16, .a = PE_AT(wrong ? F0 : S0), .b = PE_AT(wrong ? F0 : S0));
    pe_re_drain(pe, PE_AT(wrong ? F0 : S1), 0, 1, 1);
}
static void type_vector(PE *pe, bool wrong) {
    if (lone0(pe)) pe_st_f32(pe, wrong ? S1 : F0, 0, 16, pe_splat(pe, 0));
}
static void ring_over(PE *pe, bool wrong) {              /* more than the ring holds */
    if (lone0(pe)) pe_load(pe, PE_AT(R0, .push = wrong ? 2048 : 1024), X, bytes(0, 64));
    if (pe->core == 1 && pe_id(pe) == 0) { pe_wait(pe, R0, 1024); pe_pop(pe, R0, 1024); }
}
static void ring_end(PE *pe, bool wrong) {               /* a block that crosses the ring's end */
    int64_t n = wrong ? 384 : 512;
    if (lone0(pe)) for (int i = 0; i < 3; i++) pe_load(pe, PE_AT(R0, .push = n), X, bytes(0, n));
    if (pe->core == 1 && pe_id(pe) == 0) for (int i = 0; i < 3; i++) { pe_wait(pe, R0, n); pe_pop(pe, R0, n); }
}
static void ring_both(PE *pe, bool wrong) {              /* two producers */
    if (pe_id(pe)) return;
    if (core0(pe) || wrong) { pe_reserve(pe, R0, 64); pe_push(pe, R0, 64); }
    if (!core0(pe)) { pe_wait(pe, R0, 64); pe_pop(pe, R0, 64); }
}
static void ring_undeclared(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(wrong ? 7 : S0), X, bytes(0, 64));
}
static void ring_pop(PE *pe, bool wrong) {               /* popped without having waited */
    if (lone0(pe)) { pe_reserve(pe, R0, 64); pe_push(pe, R0, 64); }
    if (pe->core == 1 && pe_id(pe) == 0) { if (!wrong) pe_wait(pe, R0, 64); pe_pop(pe, R0, 64); }
}
static void deadlock_data(PE *pe, bool wrong) {          /* both cores wait for the other */
    if (pe_id(pe)) return;
    int mine = core0(pe) ? R0 : R1, other = core0(pe) ? R1 : R0;
    if (!wrong && core0(pe)) { pe_reserve(pe, mine, 64); pe_push(pe, mine, 64); }
    pe_wait(pe, other, 64);
    pe_pop(pe, other, 64);
    if (wrong || !core0(pe)) { pe_reserve(pe, mine, 64); pe_push(pe, mine, 64); }
}
static void deadlock_full(PE *pe, bool wrong) {          /* nobody empties the ring */
    if (lone0(pe)) for (int i = 0; i < 3; i++) pe_load(pe, PE_AT(R0, .push = 512), X, bytes(0, 512));
    if (pe->core == 1 && pe_id(pe) == 0 && !wrong) for (int i = 0; i < 3; i++) { pe_wait(pe, R0, 512); pe_pop(pe, R0, 512); }
}
static void deadlock_group(PE *pe, bool wrong) {         /* one of the row does not take part */
    if (core0(pe) && !(wrong && pe_id(pe) == 13)) pe_load_row(pe, PE_AT(S0), X, bytes(0, 64));
}
static void deadlock_order(PE *pe, bool wrong) {         /* row and column multicasts in different orders */
    if (!core0(pe)) return;
    bool flip = wrong && (pe_id(pe) == 9 || pe_id(pe) == 18);
    for (int i = 0; i < 2; i++) {
        if ((i == 0) != flip) pe_load_row(pe, PE_AT(S0), X, bytes(0, 64));
        else pe_load_col(pe, PE_AT(S0, .off = 64), X, bytes(0, 64));
    }
}
static void deadlock_barrier(PE *pe, bool wrong) {
    if (core0(pe) && !(wrong && pe_id(pe) == 5)) pe_barrier(pe);
}
static void deadlock_chain(PE *pe, bool wrong) {
    if (!core0(pe) || pe_row(pe) || pe_col(pe) > 1) return;
    pe_st_i32(pe, S1, 0, 16, pe_splat_i32(pe, 1));
    pe_re_preload(pe, 0, 1, 16, PE_AT(S1));
    if (pe_col(pe) == 0) pe_re_send(pe, 0, 1, 16, PE_EAST);
    else {
        if (!wrong) pe_re_receive(pe, 0, 1, 16, PE_EAST);
        pe_re_drain(pe, PE_AT(S1, .off = 64), 0, 1, 16);
    }
}
static void leftover_ring(PE *pe, bool wrong) {
    if (lone0(pe)) pe_load(pe, PE_AT(R0, .push = 64), X, bytes(0, 64));
    if (pe->core == 1 && pe_id(pe) == 0 && !wrong) { pe_wait(pe, R0, 64); pe_pop(pe, R0, 64); }
}
static void leftover_acc(PE *pe, bool wrong) {
    if (!lone0(pe)) return;
    pe_load(pe, PE_AT(S0), X, bytes(0, 64));
    pe_fence(pe, PE_LOAD);
    pe_dot(pe, .m = 2, .n = 2, .k = 32, .a = PE_AT(S0), .b = PE_AT(S0));
    if (!wrong) pe_re_drain(pe, PE_AT(S1), 0, 2, 2);
}
static void endless(PE *pe, bool wrong) {                /* charged time without end */
    if (!lone0(pe)) return;
    for (int64_t i = 0; wrong || i < 10; i++) {
        pe_ops(pe, 1000);
        pe_fence(pe, PE_SE);
    }
}

typedef struct Case { const char *name; void (*body)(PE *, bool); SimFaultKind kind; const char *says; } Case;
static const Case cases[] = {
    {"unready wait", unready_wait, SIM_F_UNREADY, "pe_wait"}, {"unready scratch", unready_scratch, SIM_F_UNREADY, "before the command of line"},
    {"in flight write", in_flight_write, SIM_F_IN_FLIGHT, "reads it"}, {"in flight engines", in_flight_engines, SIM_F_IN_FLIGHT, "fence between"}, {"no room", room, SIM_F_UNREADY, "pe_reserve"},
    {"race of writes", race_write, SIM_F_RACE, "PE (0, 0)"}, {"race in a granule", race_neighbours, SIM_F_RACE, "'y'"}, {"race of a read", race_read, SIM_F_RACE, "no barrier"},
    {"race past a barrier", race_unfenced, SIM_F_RACE, "'y'"}, {"box end", box_end, SIM_F_BOX, "4096"}, {"box stride", box_stride, SIM_F_BOX, "'x'"}, {"box negative", box_negative, SIM_F_BOX, "-1"},
    {"box of an input", box_input, SIM_F_BOX, "input"}, {"gather outside", box_gather, SIM_F_BOX, "index 64"}, {"another box shared", box_shared, SIM_F_BOX, "same loads"},
    {"local end", local_end, SIM_F_LOCAL, "4096"}, {"local vector", local_vector, SIM_F_LOCAL, "crosses"}, {"local pitch", local_pitch, SIM_F_LOCAL, "buffer 2"},
    {"uninitialised vector", uninit_vector, SIM_F_UNINIT, "never written"}, {"uninitialised store", uninit_store, SIM_F_UNINIT, "byte 63"}, {"uninitialised accumulator", uninit_acc, SIM_F_UNINIT, "accumulator 0"},
    {"popped", uninit_popped, SIM_F_DEADLOCK, "data in ring 0"},
    {"panel of 65", shape_panel, SIM_F_SHAPE, "65"}, {"accumulators", shape_accs, SIM_F_SHAPE, "accumulator 3"}, {"chain over the edge", shape_edge, SIM_F_SHAPE, "east"}, {"pitch", shape_pitch, SIM_F_SHAPE, "pitch of 8"},
    {"type of the tensor", type_tensor, SIM_F_TYPE, "i32"}, {"types of operands", type_operands, SIM_F_TYPE, "i32"}, {"f32 on the dpe", type_dpe, SIM_F_TYPE, "f32"}, {"type of a vector", type_vector, SIM_F_TYPE, "i32"},
    {"more than the ring", ring_over, SIM_F_RING, "2048"}, {"over the ring's end", ring_end, SIM_F_RING, "crosses the end"}, {"two producers", ring_both, SIM_F_RING, "both cores"},
    {"undeclared", ring_undeclared, SIM_F_RING, "buffer 7"}, {"popped without waiting", ring_pop, SIM_F_RING, "waited for 0"},
    {"deadlock of two", deadlock_data, SIM_F_DEADLOCK, "a cycle"}, {"full ring", deadlock_full, SIM_F_DEADLOCK, "room in ring 0"}, {"group not complete", deadlock_group, SIM_F_DEADLOCK, "shared load"},
    {"orders of multicasts", deadlock_order, SIM_F_DEADLOCK, "a cycle"}, {"barrier missed", deadlock_barrier, SIM_F_DEADLOCK, "barrier"}, {"nobody receives", deadlock_chain, SIM_F_DEADLOCK, "to receive"},
    {"leftover in a ring", leftover_ring, SIM_F_LEFTOVER, "64 bytes pushed"}, {"leftover accumulator", leftover_acc, SIM_F_LEFTOVER, "accumulator 0"}, {"endless", endless, SIM_F_ENDLESS, "cycles"},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static void run_core(PE *pe) { cases[pe_dim(pe, 1)].body(pe, pe_dim(pe, 0) != 0); }
static const PeProgram program = {
    .version = PE_VERSION, .name = "faults", .dims = "W, K",
    .tensor = {{"x", PE_I8, PE_IN, "4096"}, {"y", PE_I8, PE_OUT, "4096"}, {"xi", PE_I32, PE_IN, "64"}, {"yi", PE_I32, PE_OUT, "64"}},
    .setup = setup, .core = {run_core, run_core},
};

static void test_faults(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    int bad = 0;
    for (int64_t k = 0; k < N_CASES; k++)
        for (int64_t wrong = 0; wrong < 2; wrong++) {
            int64_t dims[2] = {wrong, k};
            SimReport r = harness_run(a, &program, &m, dims, 2, false);
            if (!wrong && r.fault.kind) { print_error("%s, the right twin, line %d: %s: %s\n", cases[k].name, r.fault.line, sim_fault_names[r.fault.kind], r.fault.text); bad++; }
            if (!wrong) continue;
            if (r.fault.kind != cases[k].kind || !strstr(r.fault.text, cases[k].says)) {
                print_error("%s: expected %s with '%s', found %s: %s\n", cases[k].name, sim_fault_names[cases[k].kind], cases[k].says, sim_fault_names[r.fault.kind], r.fault.text);
                bad++;
            }
            if (r.fault.line <= 0 && cases[k].kind != SIM_F_LEFTOVER) { print_error("%s: no line\n", cases[k].name); bad++; }
        }
    arena_free(a);
    assert_int_equal(bad, 0);
}

/* Out of local memory, declared twice: faults of setup. */
static void setup_large(PE *pe) { pe_ring(pe, 0, PE_I8, pe_dim(pe, 0)); }
static void setup_twice(PE *pe) { pe_ring(pe, 0, PE_I8, 64); if (pe_dim(pe, 0)) pe_ring(pe, 0, PE_I8, 64); }

static void test_setup(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    PeProgram p = {.version = PE_VERSION, .name = "setup", .dims = "N", .setup = setup_large};
    int64_t n = m.local.size;
    assert_int_equal(harness_run(a, &p, &m, &n, 1, false).fault.kind, SIM_OK);
    n++;
    assert_int_equal(harness_run(a, &p, &m, &n, 1, false).fault.kind, SIM_F_LOCAL);
    p.setup = setup_twice;
    n = 0;
    assert_int_equal(harness_run(a, &p, &m, &n, 1, false).fault.kind, SIM_OK);
    n = 1;
    assert_int_equal(harness_run(a, &p, &m, &n, 1, false).fault.kind, SIM_F_RING);
    PeProgram big = {.version = PE_VERSION, .name = "big", .dims = "N", .tensor = {{"x", PE_I8, PE_IN, "N"}, {"t", PE_I8, PE_TEMP, "N"}}};
    SimTensor t[2] = {{.name = "x", .bytes = m.sram.size, .count = m.sram.size}, {.name = "t", .bytes = 4096, .count = 4096}};
    SimConfig c = {.machine = &m, .program = &big, .tensor = t, .n_tensors = 1};
    static SimReport r;
    sim_run(&c, &r);
    assert_int_equal(r.fault.kind, SIM_OK);
    c.n_tensors = 2;
    sim_run(&c, &r);
    assert_int_equal(r.fault.kind, SIM_F_MACHINE);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_faults), cmocka_unit_test(test_setup)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
