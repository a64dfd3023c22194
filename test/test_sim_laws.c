/* Laws of every run: the same cycles again and from every compiler, no more cycles with a limit taken away, right results on any grid. */
#include "sim/harness.h"
#include "sim/micro/micro.h"
#include "sim/model.h"
#include <malloc.h>

int64_t micro_n;

static char *file_of(Arena *a, const char *name) { return arena_printf(a, "%s/examples/handwritten/%s.c", SOURCE, name); }
static const char *machine_text(Arena *a, const char *name) {
    const char *why;
    return source_read(a, arena_printf(a, "%s/%s.knf", MACHINES, name), &why)->text;
}

typedef struct Job { SimProgram p; SimTensor tensor[PE_TENSORS]; SimConfig c; } Job;

static void job_load(Arena *a, Job *j, const char *name, const char *cc, const char *level, const int64_t *dims) {
    const char *why = NULL;
    bool environment;
    memset(j, 0, sizeof *j);
    if (!sim_program_load(&j->p, file_of(a, name), (SimCompiler){cc, level, SOURCE "/include"}, a, &why, &environment)) fail_msg("%s: %s", name, why);
    j->c = (SimConfig){.program = j->p.table, .tensor = j->tensor, .n_tensors = j->p.n_tensors};
    for (int i = 0; i < j->p.n_dims; i++) j->c.dim[i] = dims[i];
    for (int i = 0; i < j->p.n_scalars; i++) j->c.scalar[i] = 0.5;
    if (!sim_program_shapes(&j->p, j->c.dim, j->tensor, a, &why)) fail_msg("%s: %s", name, why);
    for (int i = 0; i < j->p.n_tensors; i++) {
        j->tensor[i].data = arena_alloc(a, (size_t)j->tensor[i].bytes + 1);
        if (j->tensor[i].role == PE_IN && !sim_program_fill(&j->p, i, &j->tensor[i], j->c.dim, 3, a, &why)) fail_msg("%s: %s", name, why);
    }
}

static int64_t job_run(Job *j, const SimMachine *m, const char *what) {
    static SimReport r;
    j->c.machine = m;
    sim_run(&j->c, &r);
    if (r.fault.kind) fail_msg("%s on %s, line %d: %s: %s", what, m->name, r.fault.line, sim_fault_names[r.fault.kind], r.fault.text);
    return r.ticks;
}

static const struct { const char *name; int64_t dims[5]; } kernels[] = {
    {"stream", {100000}}, {"matmul", {130, 200, 300}}, {"matmul_i8", {65, 129, 300}}, {"softmax", {70, 300}}, {"transpose", {131, 300}}, {"fc", {70, 130, 700}}, {"embedding_bag", {70, 33, 900, 50}},
};
enum { N_KERNELS = sizeof kernels / sizeof *kernels };

static void test_again(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia2");
    Job j;
    job_load(a, &j, "matmul", "cc", "-O2", kernels[1].dims);
    int64_t ticks = job_run(&j, &m, "matmul");
    for (int i = 0; i < 9; i++) assert_int_equal(job_run(&j, &m, "matmul"), ticks);
    sim_program_close(&j.p);
    arena_free(a);
}

static void test_compilers(void **state) {
    (void)state;
    static const char *const cc[] = {"gcc", "clang"}, *const level[] = {"-O2", "-O0"};
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    for (int k = 0; k < N_KERNELS; k += 3) {
        int64_t ticks = 0;
        for (int i = 0; i < 4; i++) {
            if (system(arena_printf(a, "%s --version > /dev/null 2>&1", cc[i / 2]))) continue;
            Job j;
            job_load(a, &j, kernels[k].name, cc[i / 2], level[i % 2], kernels[k].dims);
            int64_t t = job_run(&j, &m, kernels[k].name);
            if (ticks && t != ticks) fail_msg("%s: %lld ticks from %s %s, else %lld", kernels[k].name, (long long)t, cc[i / 2], level[i % 2], (long long)ticks);
            ticks = t;
            sim_program_close(&j.p);
        }
    }
    arena_free(a);
}

/* Taking a limit away never adds cycles; leaving floating-point data out changes none. */
static void test_lifts(void **state) {
    (void)state;
    int wrong = 0;
    for (int k = 0; k < N_KERNELS; k++) {
        Arena *a = arena_new(0, harness_oom, NULL);
        SimMachine m = harness_machine(a, k % 2 ? "mtia2" : "mtia1");
        Job j;
        job_load(a, &j, kernels[k].name, "cc", "-O1", kernels[k].dims);
        int64_t base = job_run(&j, &m, kernels[k].name);
        j.c.timing = true;
        assert_int_equal(job_run(&j, &m, kernels[k].name), base);
        for (int i = 0; sim_lifts[i]; i++) {
            SimMachine lifted = m;
            assert_true(sim_machine_lift(&lifted, sim_lifts[i]));
            int64_t t = job_run(&j, &lifted, kernels[k].name);
            if (t > base) { print_error("%s on %s without the limit of %s: %lld ticks, with it %lld\n", kernels[k].name, m.name, sim_lifts[i], (long long)t, (long long)base); wrong++; }
        }
        sim_program_close(&j.p);
        arena_free(a);
    }
    assert_int_equal(wrong, 0);
}

static void micro_setup(PE *pe) {
    static const PeType types[] = {[F32] = PE_F32, [F16] = PE_F16, [I8] = PE_I8, [J8] = PE_I8, [I32] = PE_I32, [F16B] = PE_F16};
    static const int64_t bytes[] = {[F32] = 32768, [F16] = 16384, [I8] = 16384, [J8] = 16384, [I32] = 4096, [F16B] = 16384};
    for (int i = F32; i <= F16B; i++) pe_scratch(pe, i, types[i], bytes[i]);
    pe_ring(pe, RING, PE_I8, 1024);
    pe_ring(pe, RING2, PE_I8, 1024);
}

static void test_lifted_micros(void **state) {
    (void)state;
    static const Micro *const tables[] = {micro_core, micro_engine, micro_sram, micro_dram, micro_ring};
    static char data[MICRO_TENSOR];
    static SimReport r;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    int wrong = 0, n = 0;
    for (int t = 0; t < 5; t++)
        for (const Micro *x = tables[t]; x->name; x++, n++) {
            PeProgram p = {.version = PE_VERSION, .name = x->name, .setup = micro_setup, .core = {x->core0, x->core1}};
            SimTensor tensor = {.name = "x", .type = PE_I8, .role = PE_TEMP, .rank = 1, .shape = {MICRO_TENSOR}, .count = MICRO_TENSOR, .bytes = MICRO_TENSOR, .data = data, .dram = x->dram};
            SimConfig c = {.machine = &m, .program = &p, .tensor = &tensor, .n_tensors = 1, .unchecked = true, .timing = true, .max_cycles = 10000000};
            micro_n = x->n;
            sim_run(&c, &r);
            int64_t base = r.ticks;
            const char *lift = sim_lifts[n % 10];        /* each program one of them, each of them many programs */
            SimMachine lifted = m;
            assert_true(sim_machine_lift(&lifted, lift));
            c.machine = &lifted;
            sim_run(&c, &r);
            if (r.fault.kind || r.ticks > base) { print_error("%s without the limit of %s: %lld ticks, with it %lld; %s\n", x->name, lift, (long long)r.ticks, (long long)base, r.fault.text); wrong++; }
        }
    arena_free(a);
    assert_int_equal(wrong, 0);
}

/* ---- any grid ---- */

static uint16_t half_of_int(int v) {      /* |v| <= 2048: exact */
    _Float16 h = (_Float16)v;
    uint16_t u;
    memcpy(&u, &h, 2);
    return u;
}

/* Whole numbers, so that every sum is exact: c must be right to the bit. */
static void check_matmul(Arena *a, const SimMachine *m, int64_t M, int64_t N, int64_t K) {
    int64_t dims[] = {M, N, K};
    Job j;
    job_load(a, &j, "matmul", "cc", "-O1", dims);
    int *x = NEW_ARRAY(a, int, M * K + 1), *y = NEW_ARRAY(a, int, K * N + 1);
    for (int64_t i = 0; i < M * K; i++) ((uint16_t *)j.tensor[0].data)[i] = half_of_int(x[i] = (int)(i * 7 % 5) - 2);
    for (int64_t i = 0; i < K * N; i++) ((uint16_t *)j.tensor[1].data)[i] = half_of_int(y[i] = (int)(i * 11 % 5) - 2);
    job_run(&j, m, "matmul");
    for (int64_t i = 0; i < M; i++)
        for (int64_t c = 0; c < N; c++) {
            int sum = 0;
            for (int64_t k = 0; k < K; k++) sum += x[i * K + k] * y[k * N + c];
            if (((uint16_t *)j.tensor[2].data)[i * N + c] != half_of_int(sum)) fail_msg("matmul on %lld x %lld PEs is wrong at (%lld, %lld)", (long long)m->rows, (long long)m->cols, (long long)i, (long long)c);
        }
    sim_program_close(&j.p);
}

static void check_stream(Arena *a, const SimMachine *m, int64_t n) {
    Job j;
    job_load(a, &j, "stream", "cc", "-O1", &n);
    job_run(&j, m, "stream");
    assert_memory_equal(j.tensor[0].data, j.tensor[1].data, (size_t)j.tensor[0].bytes);
    sim_program_close(&j.p);
}

static void test_grids(void **state) {
    (void)state;
    static const struct { const char *grid, *ports, *local; } grids[] = {{"4, 4", "16", "64 KiB"}, {"16, 16", "64", "128 KiB"}, {"8, 8", "32", "128 KiB"}};
    for (int i = 0; i < 3; i++) {
        Arena *a = arena_new(0, harness_oom, NULL);
        SimMachine m;
        const char *said;
        char *text = model_set(a, model_set(a, model_set(a, machine_text(a, "mtia1"), "grid", grids[i].grid), "network.ports", grids[i].ports), "local.size", grids[i].local);
        if (harness_machine_text(a, text, &m, &said)) fail_msg("%s", said);
        check_stream(a, &m, 200003);
        check_matmul(a, &m, 150, 97, 130);
        check_matmul(a, &m, 1, 70, 33);
        arena_free(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_again), cmocka_unit_test(test_compilers), cmocka_unit_test(test_lifts), cmocka_unit_test(test_lifted_micros), cmocka_unit_test(test_grids)};
    mallopt(M_MMAP_THRESHOLD, 1 << 16);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
