/* The books of a run: bytes in and out, occupation within the time, times that sum up. Each is asserted by the simulator itself; here
 * parts of it are replaced by faulty ones (the linker's --wrap), and the run must end with an internal fault that says so. */
#include "sim/harness.h"
#include "sim/run.h"

static enum { SOUND, OVER, UNTOLD, LOST, SHORT } plant;

int64_t __real_calendar_book(Calendar *c, int64_t from, int64_t dur, int64_t now);
int64_t __wrap_calendar_book(Calendar *c, int64_t from, int64_t dur, int64_t now) {
    if (plant == OVER) c->busy += 1000 * dur;
    return __real_calendar_book(c, from, dur, now);
}

void __real_engine_cause(Run *r, Pe *p, PeEngine e, SimCause cause, int64_t at);
void __wrap_engine_cause(Run *r, Pe *p, PeEngine e, SimCause cause, int64_t at) {
    if (plant != UNTOLD || at < r->end || p->index != 1 || e != PE_SE) __real_engine_cause(r, p, e, cause, at);
}

void __real_dma_landed(Command *c);
void __wrap_dma_landed(Command *c) {
    Pe *p = c->pe;
    if (plant != LOST) { __real_dma_landed(c); return; }
    command_end(c);
    pe_poke(p);
}

int64_t __real_mem_read(Run *r, int tensor, int64_t off, int64_t bytes, int64_t at);
int64_t __wrap_mem_read(Run *r, int tensor, int64_t off, int64_t bytes, int64_t at) { return __real_mem_read(r, tensor, off, plant == SHORT ? bytes - 1 : bytes, at); }

enum { X, Y };
static void setup(PE *pe) { pe_ring(pe, 0, PE_I8, 4096); }
static void load(PE *pe) {
    if (pe_id(pe) == 0) pe_load(pe, PE_AT(0, .push = 2048), X, pe_box(0, 1, 2048, 0));
}
static void store(PE *pe) {
    if (pe_id(pe) == 0) pe_store(pe, Y, pe_box(0, 1, 2048, 0), PE_AT(0, .pop = 2048));
}
static const PeProgram program = {
    .version = PE_VERSION, .name = "copy", .dims = "N", .tensor = {{"x", PE_I8, PE_IN, "2048"}, {"y", PE_I8, PE_OUT, "2048"}}, .setup = setup, .core = {load, store},
};

static void test_books(void **state) {
    (void)state;
    static const char *const says[] = {[OVER] = "was taken for", [UNTOLD] = "the time of se sums", [LOST] = "2048 sent in, 0 came", [SHORT] = "4096 asked of memories"};
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    int64_t dim = 1;
    for (int i = SOUND; i <= SHORT; i++) {
        plant = i;
        SimReport r = harness_run(a, &program, &m, &dim, 1, false);
        if (i == SOUND) assert_int_equal(r.fault.kind, SIM_OK);
        if (i == SOUND) assert_true(r.bytes_in == 2048 && r.bytes_out == 2048 && r.sram_bytes == 4096);
        if (i != SOUND && (r.fault.kind != SIM_F_INTERNAL || !strstr(r.fault.text, says[i]))) fail_msg("plant %d: %s: %s", i, sim_fault_names[r.fault.kind], r.fault.text);
    }
    arena_free(a);
}

/* More than local memory carries: the run is longer, and never busier than its time. */
static void overload_setup(PE *pe) {
    pe_scratch(pe, 0, PE_F32, 32768);
    pe_scratch(pe, 1, PE_I8, 8192);
    pe_scratch(pe, 2, PE_I8, 8192);
}
static void overload(PE *pe) {
    if (pe_id(pe)) return;
    for (int i = 0; i < 3; i++) {
        pe_se(pe, .bin = PE_ADD, .rows = 1, .cols = 2500 + 1500 * i, .dst = PE_AT(0), .a = PE_AT(0), .b = PE_AT(0));
        pe_transpose(pe, PE_AT(1), PE_AT(2), 64, 78 + i);
    }
}
static void test_overload(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia2");
    PeProgram p = {.version = PE_VERSION, .name = "overload", .setup = overload_setup, .core = {overload, NULL}};
    SimConfig c = {.machine = &m, .program = &p, .unchecked = true};
    static SimReport r;
    plant = SOUND;
    sim_run(&c, &r);
    if (r.fault.kind) fail_msg("%s", r.fault.text);
    assert_true(r.local.busiest > r.ticks / 2 && r.local.busiest <= r.ticks);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_books), cmocka_unit_test(test_overload)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
