/* The simulator's time: every micro-program on both machines and on three variants of each, to the cycle. */
#include "sim/harness.h"
#include "sim/micro/micro.h"
#include "sim/model.h"
#include <malloc.h>

int64_t micro_n;

static void setup(PE *pe) {
    enum { KIB = 1024 };
    pe_scratch(pe, F32, PE_F32, 32 * KIB);
    pe_scratch(pe, F16, PE_F16, 16 * KIB);
    pe_scratch(pe, I8, PE_I8, 16 * KIB);
    pe_scratch(pe, J8, PE_I8, 16 * KIB);
    pe_scratch(pe, I32, PE_I32, 4 * KIB);
    pe_scratch(pe, F16B, PE_F16, 16 * KIB);
    pe_ring(pe, RING, PE_I8, KIB);
    pe_ring(pe, RING2, PE_I8, KIB);
}

static const char *const machines[] = {"mtia1", "mtia2"};
static const struct { const char *name; double factor; const char *paths[24]; } variants[] = {
    {"as it is", 1, {NULL}},
    {"latencies doubled", 2,
     {"sram.latency", "dram.latency", "dram.row_miss", "dram.turnaround", "network.hop", "core.issue", "core.scalar", "core.turn", "core.op", "core.imul", "core.div", "queue.start",
      "dma.setup", "dma.row", "dma.gather_row", "re.drain", "re.preload", NULL}},
    {"links halved", 0.5, {"network.link", "re.link", NULL}},
    {"rates halved", 0.5, {"local.bandwidth", "sram.bandwidth", "dram.bandwidth", "dpe.rate", "se.rate", "mlu.rate", NULL}},
};
enum { MACHINES_N = 2, VARIANTS_N = 4 };

/* One machine: the simulator's reading of the text, and the test's. */
typedef struct Judge { Arena *arena; const char *text; SimMachine machine; Model *model; } Judge;
static Judge judges[MACHINES_N * VARIANTS_N];

static void judge_read(Judge *j) {
    const char *said;
    if (harness_machine_text(j->arena, j->text, &j->machine, &said)) fail_msg("%s", said);
    j->model = model_read(j->arena, j->text);
}

static int judges_new(void **state) {
    (void)state;
    for (int i = 0; i < MACHINES_N * VARIANTS_N; i++) {
        Judge *j = &judges[i];
        const char *why;
        j->arena = arena_new(0, harness_oom, NULL);
        j->text = source_read(j->arena, arena_printf(j->arena, "%s/%s.knf", MACHINES, machines[i / VARIANTS_N]), &why)->text;
        for (const char *const *p = variants[i % VARIANTS_N].paths; *p; p++) j->text = model_scale(j->arena, j->text, *p, variants[i % VARIANTS_N].factor);
        judge_read(j);
    }
    return 0;
}

static int judges_free(void **state) {
    (void)state;
    for (int i = 0; i < MACHINES_N * VARIANTS_N; i++) arena_free(judges[i].arena);
    return 0;
}

typedef struct Case { const Micro *micro; int judge; } Case;

static void test_micro(void **state) {
    static char tensor_data[MICRO_TENSOR];
    static SimReport r;
    const Case *c = *state;
    const Micro *x = c->micro;
    Judge j = judges[c->judge];
    if (x->set[0]) {
        j.text = model_set(j.arena, j.text, x->set[0], x->set[1]);
        judge_read(&j);
    }
    PeProgram p = {.version = PE_VERSION, .name = x->name, .setup = setup, .core = {x->core0, x->core1}};
    SimTensor tensor = {.name = "x", .type = PE_I8, .role = PE_TEMP, .rank = 1, .shape = {MICRO_TENSOR}, .count = MICRO_TENSOR, .bytes = MICRO_TENSOR, .data = tensor_data, .dram = x->dram};
    SimConfig config = {.machine = &j.machine, .program = &p, .tensor = &tensor, .n_tensors = 1, .unchecked = true, .max_cycles = 10000000};
    micro_n = x->n;
    sim_run(&config, &r);
    if (r.fault.kind) fail_msg("line %d: %s: %s", r.fault.line, sim_fault_names[r.fault.kind], r.fault.text);
    int64_t want = model_eval(j.model, x->time, x->n);
    if (sim_cycles(r.ticks) != sim_cycles(want))
        fail_msg("%lld cycles (%.3f), by the formula %lld (%.3f): %s, n = %lld", (long long)sim_cycles(r.ticks), (double)r.ticks / SIM_TICK, (long long)sim_cycles(want), (double)want / SIM_TICK, x->time, (long long)x->n);
}

int main(void) {
    static const Micro *const tables[] = {micro_core, micro_engine, micro_sram, micro_dram, micro_ring};
    enum { TABLES = sizeof tables / sizeof *tables, MOST = 4096 };
    static struct CMUnitTest tests[MOST];
    static Case cases[MOST];
    Arena *a = arena_new(0, harness_oom, NULL);
    size_t n = 0;
    for (int t = 0; t < TABLES; t++)
        for (const Micro *x = tables[t]; x->name; x++)
            for (int i = 0; i < MACHINES_N * VARIANTS_N && n < MOST; i++, n++) {
                cases[n] = (Case){x, i};
                tests[n] = (struct CMUnitTest){arena_printf(a, "%s, %s, %s", x->name, machines[i / VARIANTS_N], variants[i % VARIANTS_N].name), test_micro, NULL, NULL, &cases[n]};
            }
    mallopt(M_MMAP_THRESHOLD, 1 << 16);      /* local memories come zeroed from the system, untouched */
    cmocka_set_message_output(CM_OUTPUT_TAP);
    int failed = _cmocka_run_group_tests("micro-programs", tests, n, judges_new, judges_free);
    arena_free(a);
    return failed;
}
