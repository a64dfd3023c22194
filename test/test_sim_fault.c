/* Faults of program files, word by word: the kind, the C line, the PE, the core and the cycle that the message names. Each file of
 * test/sim/fault/ commits its fault where its dim W is 1 and is right where it is 0. The cycle is an expression over the machine file. */
#include "sim/harness.h"
#include "sim/micro/micro.h"
#include "sim/model.h"
#include "sim/report.h"

static const struct { const char *file, *kind; int row, col, core; const char *cycle, *says[3]; } cases[] = {
    {"unready", "unready", 1, 2, 0, "core.scalar + core.issue + ceil(cycle, core.loads)", {"buffer 0 is read here before the command of line 20", "has ended"}},
    {"in_flight", "in flight", 1, 2, 0, "core.scalar + core.op + core.issue + max(core.op, ceil(cycle, core.stores))", {"buffer 0 is written here before the command of line 21", "reads it"}},
    {"race", "race", 0, 1, 0, "core.scalar + core.op + " DMA " + 3 * network.hop + " LINK(64) " + 2 * " BANK(64), {"'y'", "PE (0, 0)", "no barrier"}},
    {"box", "box", 1, 2, 0, "core.scalar + core.issue", {"elements 2033 to 2048", "2048"}},
    {"local", "local memory", 1, 2, 1, "core.scalar + core.issue", {"4036", "4100", "4096"}},
    {"uninit", "uninitialised", 1, 2, 0, "core.scalar + core.op + core.issue", {"byte 60 of row 0", "buffer 0"}},
    {"shape", "shape", 1, 2, 1, NULL, {"m is 65", "64"}},
    {"type", "type", 1, 2, 1, "8 * core.scalar", {"buffer 1 holds i8", "f32"}},
    {"full_ring", "deadlock", 1, 2, 0, "core.scalar + " DMA " + max(queue.start + dma.setup, " BANK(64) ") + " SRAM_READ(3, 64), {"room in ring 2", "load"}},
    {"unbalanced", "leftover", 1, 2, 0, NULL, {"ring 2 ends with 1024 bytes pushed and 512 popped"}},
    {"deadlock", "deadlock", 1, 2, 1, "2 * core.scalar", {"core 1, line 29: waits for data in ring 2", "core 0, line 21: waits for data in ring 3", "a cycle"}},
    {"leftover", "leftover", 1, 2, 1, NULL, {"accumulator 2 ends with a value"}},
    {"endless", "endless", 1, 2, 0, NULL, {"more than 200000 cycles"}},
    {"crash", "crash", 1, 2, 1, NULL, {"a pointer"}},
};
enum { N_CASES = sizeof cases / sizeof *cases };

static const SimCompiler cc = {"cc", "-O1", SOURCE "/include"};

static char *file_of(Arena *a, const char *name) { return arena_printf(a, "%s/test/sim/fault/%s.c", SOURCE, name); }

/* The line of the file that is marked. */
static int marked_line(const char *text) {
    const char *mark = strstr(text, "/* fault */");
    int line = 1;
    if (!mark) fail_msg("no line is marked");
    for (const char *s = text; s < mark; s++) line += *s == '\n';
    return line;
}

typedef struct Bench { Arena *arena; SimMachine machine; Model *model; } Bench;

static SimReport run(Bench *b, SimProgram *p, int64_t wrong) {
    static SimReport r;
    const char *why = NULL;
    SimTensor tensor[PE_TENSORS] = {0};
    SimConfig c = {.machine = &b->machine, .program = p->table, .dim = {wrong}, .tensor = tensor, .n_tensors = p->n_tensors, .max_cycles = 200000};
    if (!sim_program_shapes(p, c.dim, tensor, b->arena, &why)) fail_msg("%s", why);
    for (int i = 0; i < p->n_tensors; i++) tensor[i].data = sim_share(tensor[i].bytes);
    sim_run_child(&c, 20, 0, &r);
    for (int i = 0; i < p->n_tensors; i++) sim_unshare(tensor[i].data, tensor[i].bytes);
    return r;
}

static void judge(Bench *b, int k, const char *text, const SimReport *r) {
    const char *name = cases[k].file;
    Out o = out_new(b->arena);
    sim_report_fault(&o, arena_printf(b->arena, "%s.c", name), NULL, &r->fault);
    const char *first = arena_printf(b->arena, "%s.c:%d: error: %s: ", name, marked_line(text), cases[k].kind);
    const char *where = arena_printf(b->arena, "on PE (%d, %d), core %d, cycle %lld\n", cases[k].row, cases[k].col, cases[k].core,
                                     (long long)(cases[k].cycle ? sim_cycles(model_eval(b->model, cases[k].cycle, 0)) : r->fault.cycle));
    if (strncmp(o.text, first, strlen(first)) || !strstr(o.text, where)) fail_msg("expected '%s... %s', found:\n%s", first, where, o.text);
    for (int i = 0; i < 3 && cases[k].says[i]; i++)
        if (!strstr(o.text, cases[k].says[i])) fail_msg("'%s' is not said:\n%s", cases[k].says[i], o.text);
}

static Bench *bench_new(void) {
    Arena *a = arena_new(0, harness_oom, NULL);
    Bench *b = NEW(a, Bench);
    const char *why;
    *b = (Bench){a, harness_machine(a, "mtia1"), model_read(a, source_read(a, arena_printf(a, "%s/mtia1.knf", MACHINES), &why)->text)};
    return b;
}

static void test_fault(void **state) {
    int k = (int)(intptr_t)*state;
    Bench *b = bench_new();
    SimProgram p;
    bool environment;
    const char *path = file_of(b->arena, cases[k].file), *why = "", *text = source_read(b->arena, path, &why)->text;
    if (!sim_program_load(&p, path, cc, b->arena, &why, &environment)) fail_msg("%s", why);
    SimReport r = run(b, &p, 0);
    if (r.fault.kind) fail_msg("the right twin, line %d: %s: %s", r.fault.line, sim_fault_names[r.fault.kind], r.fault.text);
    r = run(b, &p, 1);
    judge(b, k, text, &r);
    sim_program_close(&p);
    arena_free(b->arena);
}

static void test_global(void **state) {
    (void)state;
    Bench *b = bench_new();
    SimProgram p;
    bool environment;
    const char *why = "";
    assert_false(sim_program_load(&p, file_of(b->arena, "global"), cc, b->arena, &why, &environment));
    assert_false(environment);
    if (!strstr(why, "global variable") || !strstr(why, "tiles_done")) fail_msg("%s", why);
    if (!sim_program_load(&p, file_of(b->arena, "global_right"), cc, b->arena, &why, &environment)) fail_msg("%s", why);
    assert_int_equal(run(b, &p, 0).fault.kind, SIM_OK);
    sim_program_close(&p);
    arena_free(b->arena);
}

/* Arithmetic that is not charged does not compile, with either compiler; the refusal names the line. */
static void test_opaque(void **state) {
    (void)state;
    static const struct { const char *file, *says; } wrong[] = {{"opaque", "poisoned"}, {"operator", "invalid operands to binary"}};
    static const char *const compilers[] = {"gcc", "clang"};
    Bench *b = bench_new();
    for (int i = 0; i < 4; i++) {
        SimProgram p;
        SimCompiler with = {compilers[i / 2], "-O1", cc.include};
        bool environment;
        const char *why = "";
        if (system(arena_printf(b->arena, "%s --version > /dev/null 2>&1", with.cc))) continue;
        assert_false(sim_program_load(&p, file_of(b->arena, wrong[i % 2].file), with, b->arena, &why, &environment));
        if (!strstr(why, wrong[i % 2].says) || !strstr(why, arena_printf(b->arena, "%s.c:6:", wrong[i % 2].file))) fail_msg("%s", why);
        if (!sim_program_load(&p, file_of(b->arena, "opaque_right"), with, b->arena, &why, &environment)) fail_msg("%s", why);
        assert_int_equal(run(b, &p, 0).fault.kind, SIM_OK);
        sim_program_close(&p);
    }
    arena_free(b->arena);
}

int main(void) {
    struct CMUnitTest tests[N_CASES + 2] = {{"global", test_global, NULL, NULL, NULL}, {"opaque", test_opaque, NULL, NULL, NULL}};
    for (int i = 0; i < N_CASES; i++) tests[i + 2] = (struct CMUnitTest){cases[i].file, test_fault, NULL, NULL, (void *)(intptr_t)i};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return _cmocka_run_group_tests("faults of files", tests, N_CASES + 2, NULL, NULL);
}
