/* Stages of a program, refused facts, shapes of temporaries, where tensors live. */
#include "sim/harness.h"

enum { N = 64, BYTES = 4 * N };
enum { T_X, T_T, T_Y };

static void setup(PE *pe) { pe_ring(pe, 0, PE_F32, BYTES); }
/* Each PE copies a row of 64; in the second stage the row of the next PE, which only a barrier makes legal. */
static void load_x(PE *pe) { pe_load(pe, PE_AT(0, .push = BYTES), T_X, pe_box(pe_id(pe) * N, 1, N, 0)); }
static void store_t(PE *pe) { pe_store(pe, T_T, pe_box(pe_id(pe) * N, 1, N, 0), PE_AT(0, .pop = BYTES)); }
static void load_t(PE *pe) { pe_load(pe, PE_AT(0, .push = BYTES), T_T, pe_box((pe_id(pe) + 1) % pe_count(pe) * N, 1, N, 0)); }
static void store_y(PE *pe) { pe_store(pe, T_Y, pe_box(pe_id(pe) * N, 1, N, 0), PE_AT(0, .pop = BYTES)); }
static void load_both(PE *pe) { load_x(pe), load_t(pe); }
static void store_both(PE *pe) { store_t(pe), store_y(pe); }
static bool when_large(PE *pe) { return pe_dim(pe, 0) > 1; }
static bool when_odd(PE *pe) { return pe_id(pe) % 2; }
static void leave(PE *pe) { pe_load(pe, PE_AT(0, .push = BYTES), T_X, pe_box(0, 1, N, 0)); }
static void refuse(PE *pe) {
    if (pe_id(pe) % 5 == 3) pe_refuse(pe, 2);
    if (pe_id(pe) % 7 == 6) pe_refuse(pe, 3);
}
static void refuse_none(PE *pe) { pe_refuse(pe, 4); }
static void late(PE *pe) {
    store_y(pe);
    if (pe_id(pe) == 0) pe_refuse(pe, 1);
}

static const PeStage first = {"first", NULL, setup, {load_x, store_t}}, second = {"second", NULL, setup, {load_t, store_y}};
static const char *const facts[] = {"one", "two", "three"};
static const PeTensor tensors[] = {{"x", PE_F32, PE_IN, "64 * 64"}, {"t", PE_F32, PE_TEMP, "64 * 64"}, {"y", PE_F32, PE_OUT, "64 * 64"}};

static PeProgram program_of(const PeStage *stage, int n) {
    PeProgram p = {.version = PE_VERSION, .name = "stages", .dims = "N", .stage = stage, .n_stages = n, .fact = facts, .n_facts = 3};
    memcpy(p.tensor, tensors, sizeof tensors);
    return p;
}

typedef struct Ran { SimReport r; float y[64 * N]; } Ran;

static Ran *run(Arena *a, const PeProgram *p, int64_t dim) {
    Ran *out = NEW(a, Ran);
    SimMachine m = harness_machine(a, "mtia1");
    SimProgram prog;
    SimTensor t[PE_TENSORS] = {0};
    const char *why = NULL;
    assert_true(sim_program_of(&prog, p, a, &why));
    SimConfig c = {.machine = &m, .program = p, .tensor = t, .n_tensors = prog.n_tensors, .dim = {dim}};
    assert_true(sim_program_shapes(&prog, c.dim, t, a, &why));
    for (int i = 0; i < 3; i++) t[i].data = arena_alloc(a, (size_t)t[i].bytes);
    for (int i = 0; i < 64 * N; i++) ((float *)t[T_X].data)[i] = (float)i;
    memset(t[T_Y].data, 0xff, (size_t)t[T_Y].bytes);
    sim_run(&c, &out->r);
    memcpy(out->y, t[T_Y].data, sizeof out->y);
    return out;
}

static void test_stages(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    const PeStage both[] = {first, second};
    PeProgram p = program_of(both, 2);
    Ran *x = run(a, &p, 1), *again = run(a, &p, 1);
    assert_int_equal(x->r.fault.kind, SIM_OK);
    for (int i = 0; i < 64 * N; i++) assert_true(x->y[i] == (float)((i + N) % (64 * N)));
    assert_int_equal(x->r.ticks, again->r.ticks);
    assert_int_equal(x->r.n_stages, 2);
    assert_int_equal(x->r.stage_ticks[0] + x->r.stage_ticks[1], x->r.ticks);
    assert_int_equal(x->r.commands[PE_LOAD], 128);
    static const PeStage one[] = {{"first", NULL, setup, {load_x, store_t}}};
    p = program_of(one, 1);
    Ran *single = run(a, &p, 1);
    assert_int_equal(single->r.stage_ticks[0], single->r.ticks);
    assert_true(single->r.ticks <= x->r.stage_ticks[0] + 1000 * SIM_TICK && single->r.ticks >= x->r.stage_ticks[0]);
    p.stage = NULL;
    p.n_stages = 0;
    p.setup = setup;
    p.core[0] = load_x;
    p.core[1] = store_t;
    Ran *plain = run(a, &p, 1);
    assert_int_equal(plain->r.ticks, single->r.ticks);
    assert_int_equal(plain->r.n_stages, 0);
    /* Without a stage's end between, the second half is a race. */
    p.core[0] = load_both;
    p.core[1] = store_both;
    assert_int_equal(run(a, &p, 1)->r.fault.kind, SIM_F_RACE);
    arena_free(a);
}

static void test_when(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    const PeStage list[] = {first, {"guarded", when_large, setup, {load_x, store_y}}, second};
    PeProgram p = program_of(list, 3);
    Ran *out = run(a, &p, 1), *in = run(a, &p, 2);
    assert_int_equal(out->r.fault.kind, SIM_OK);
    assert_int_equal(in->r.fault.kind, SIM_OK);
    assert_int_equal(out->r.commands[PE_LOAD], 128);
    assert_int_equal(in->r.commands[PE_LOAD], 192);
    assert_true(out->r.ticks < in->r.ticks && !out->r.stage_ran[1] && in->r.stage_ran[1]);
    /* One that is left out costs what its test costs, and no barrier. */
    const PeStage without[] = {first, second}, last[] = {first, second, {"guarded", when_large, setup, {load_x, store_y}}};
    p = program_of(without, 2);
    Ran *two = run(a, &p, 1);
    p = program_of(last, 3);
    Ran *end = run(a, &p, 1);
    assert_true(out->r.ticks >= two->r.ticks && out->r.ticks <= two->r.ticks + 8 * SIM_TICK);
    assert_true(end->r.ticks >= two->r.ticks && end->r.ticks <= two->r.ticks + 8 * SIM_TICK);
    for (int i = 0; i < 64 * N; i++) assert_true(out->y[i] == (float)((i + N) % (64 * N)));
    const PeStage odd[] = {{"odd", when_odd, setup, {load_x, store_t}}};
    p = program_of(odd, 1);
    Ran *x = run(a, &p, 1);
    assert_int_equal(x->r.fault.kind, SIM_F_PROGRAM);
    assert_non_null(strstr(x->r.fault.text, "disagree"));
    arena_free(a);
}

static void test_stage_faults(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    const PeStage left[] = {{"left", NULL, setup, {leave, NULL}}, second};
    PeProgram p = program_of(left, 2);
    assert_int_equal(run(a, &p, 1)->r.fault.kind, SIM_F_LEFTOVER);
    /* Local memory begins anew: what the first stage left in it has no value in the second. */
    static const PeStage bare[] = {{"first", NULL, setup, {load_x, store_t}}, {"bare", NULL, NULL, {NULL, store_y}}};
    p = program_of(bare, 2);
    Ran *x = run(a, &p, 1);
    assert_int_equal(x->r.fault.kind, SIM_F_RING);
    const char *why = NULL;
    SimProgram prog;
    p.n_stages = PE_STAGES + 1;
    assert_false(sim_program_of(&prog, &p, a, &why));
    arena_free(a);
}

static void test_refuse(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    const PeStage list[] = {first, {"test", NULL, NULL, {NULL, refuse}}, second};
    PeProgram p = program_of(list, 3);
    Ran *x = run(a, &p, 1);
    assert_int_equal(x->r.fault.kind, SIM_OK);
    assert_int_equal(x->r.refused, 2);
    assert_int_equal(x->r.n_stages, 2);
    for (size_t i = 0; i < sizeof x->y; i++) assert_int_equal(((unsigned char *)x->y)[i], 0xff);
    const PeStage none[] = {{"none", NULL, NULL, {NULL, refuse_none}}}, after[] = {{"late", NULL, setup, {load_x, late}}};
    p = program_of(none, 1);
    assert_int_equal(run(a, &p, 1)->r.fault.kind, SIM_F_PROGRAM);
    p = program_of(after, 1);
    assert_int_equal(run(a, &p, 1)->r.fault.kind, SIM_F_PROGRAM);
    p = program_of((const PeStage[]){first, second}, 2);
    assert_int_equal(run(a, &p, 1)->r.refused, 0);
    arena_free(a);
}

static void test_shapes(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    static const struct { const char *shape; int rank; int64_t extent; const char *why; } rows[] = {
        {"", 0, 0, NULL}, {"N", 1, 7, NULL}, {"(N + 2)//4, 1", 2, 2, NULL}, {"N % 4", 1, 3, NULL}, {"-N + 10", 1, 3, NULL}, {"(3 - N)//2 + 10", 1, 8, NULL},
        {"(3 - N) % 5", 1, 1, NULL}, {"min(N, 3, 5)", 1, 3, NULL}, {"max(N - 10, min(2, N)) * 2, N", 2, 4, NULL}, {"N - 9", 1, 0, NULL}, {"--N", 1, 7, NULL},
        {"N//0", -1, 0, "division by zero"}, {"N/2", -1, 0, "division is //"}, {"max(N", -1, 0, "missing"}, {"M", -1, 0, "no dim"}, {"99999999999999999999", -1, 0, "too large"},
        {"4000000000000000000 * N", -1, 0, "too large"}, {"1,1,1,1,1,1,1,1,1,N", 10, 1, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        PeProgram p = {.version = PE_VERSION, .name = "p", .dims = "N", .tensor = {{"t", PE_F32, PE_TEMP, rows[i].shape}}};
        SimProgram prog;
        SimTensor t[1] = {0};
        const char *why = NULL;
        int64_t dim = 7;
        assert_true(sim_program_of(&prog, &p, a, &why));
        bool good = sim_program_shapes(&prog, &dim, t, a, &why);
        if (good != !rows[i].why) fail_msg("\"%s\": %s", rows[i].shape, why ? why : "is taken");
        if (!good && !strstr(why, rows[i].why)) fail_msg("\"%s\": %s", rows[i].shape, why);
        if (good && (t->rank != rows[i].rank || (t->rank && t->shape[0] != rows[i].extent))) fail_msg("\"%s\": rank %d, %lld", rows[i].shape, t->rank, (long long)t->shape[0]);
        if (good && !t->rank) assert_int_equal(t->count, 1);
        p.tensor[0].role = PE_OUT;      /* whose extents are not below zero, nor its rank above 8 */
        if (!strcmp(rows[i].shape, "N - 9") || t->rank > SIM_RANK_GIVEN) assert_false(sim_program_shapes(&prog, &dim, t, a, &why));
    }
    arena_free(a);
}

static void test_homes(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    SimTensor t[3] = {{.role = PE_IN, .bytes = 100}, {.role = PE_TEMP, .bytes = m.sram.size - 4096}, {.role = PE_TEMP, .bytes = 4000}};
    SimHome said[3] = {0};
    sim_program_homes(&m, said, t, 3);
    assert_true(t[0].dram && !t[1].dram && !t[2].dram);
    said[0] = SIM_HOME_SRAM;            /* now the temporaries find no room */
    sim_program_homes(&m, said, t, 3);
    assert_true(!t[0].dram && t[1].dram && t[2].dram);
    said[0] = SIM_HOME_AUTO;
    said[2] = SIM_HOME_DRAM;
    sim_program_homes(&m, said, t, 3);
    assert_true(t[0].dram && !t[1].dram && t[2].dram);
    arena_free(a);
}

/* Integers of 64 bits reach a program whole. */
static int64_t seen;
static double seen_real;
static void look(PE *pe) { seen = pe_scalar_i64(pe, 0), seen_real = pe_scalar(pe, 0); }
static void test_scalars(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    PeProgram p = {.version = PE_VERSION, .name = "scalar", .scalars = "s", .core = {look, NULL}};
    SimConfig c = {.machine = &m, .program = &p, .scalar = {0x1p62}, .scalar_i64 = {((int64_t)1 << 62) + 1}};
    SimReport *r = NEW(a, SimReport);
    sim_run(&c, r);
    assert_int_equal(r->fault.kind, SIM_OK);
    assert_true(seen == ((int64_t)1 << 62) + 1 && seen_real == 0x1p62);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages), cmocka_unit_test(test_when), cmocka_unit_test(test_stage_faults), cmocka_unit_test(test_refuse),
        cmocka_unit_test(test_shapes), cmocka_unit_test(test_homes), cmocka_unit_test(test_scalars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
