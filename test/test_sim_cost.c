/* What each call of pe.h costs: one more of it raises the busy time of its resources by exactly its cost, of all others by nothing.
 * Every name of pe.h is either here or in the list of those that do no work. */
#include "sim/harness.h"
#include "sim/micro/micro.h"
#include "sim/model.h"
#include <malloc.h>

enum { I64 = MICRO_BUFS, F32B, U8 };
static int64_t count;                  /* of the call in question */
#define TIMES for (int64_t i = 0; i < count; i++)

static void setup(PE *pe) {
    pe_scratch(pe, F32, PE_F32, 16384);
    pe_scratch(pe, F16, PE_F16, 8192);
    pe_scratch(pe, I8, PE_I8, 8192);
    pe_scratch(pe, J8, PE_I8, 8192);
    pe_scratch(pe, I32, PE_I32, 8192);
    pe_scratch(pe, F16B, PE_F16, 8192);
    pe_ring(pe, RING, PE_I8, 1024);
    pe_scratch(pe, I64, PE_I64, 1024);
    pe_scratch(pe, F32B, PE_F32, 256);
    pe_scratch(pe, U8, PE_U8, 512);
}

#define VECTOR(name, type, call) static void c_##name(PE *pe) { type x = {0}; pe_f32 f = {0}; pe_i32 k = {0}; pe_mask m = {0}; (void)x; (void)f; (void)k; (void)m; if (first(pe)) TIMES call; }
VECTOR(splat, pe_f32, pe_splat(pe, 1)) VECTOR(splat_i32, pe_i32, pe_splat_i32(pe, 1)) VECTOR(add, pe_f32, pe_add(pe, x, x)) VECTOR(sub, pe_f32, pe_sub(pe, x, x))
VECTOR(mul, pe_f32, pe_mul(pe, x, x)) VECTOR(add_i32, pe_i32, pe_add_i32(pe, x, x)) VECTOR(sub_i32, pe_i32, pe_sub_i32(pe, x, x)) VECTOR(lt, pe_f32, pe_lt(pe, x, x))
VECTOR(le, pe_f32, pe_le(pe, x, x)) VECTOR(eq, pe_f32, pe_eq(pe, x, x)) VECTOR(lt_i32, pe_i32, pe_lt_i32(pe, x, x)) VECTOR(not, pe_mask, pe_not(pe, x))
VECTOR(and, pe_mask, pe_and(pe, x, x)) VECTOR(select, pe_f32, pe_select(pe, m, x, x)) VECTOR(first, pe_f32, pe_first(pe, 3)) VECTOR(fma, pe_f32, pe_fma(pe, x, x, x))
VECTOR(vmax, pe_f32, pe_vmax(pe, x, x)) VECTOR(vmin, pe_f32, pe_vmin(pe, x, x)) VECTOR(to_f32, pe_i32, pe_to_f32(pe, x)) VECTOR(div, pe_f32, pe_div(pe, x, x))
VECTOR(mul_i32, pe_i32, pe_mul_i32(pe, x, x)) VECTOR(hsum, pe_f32, pe_hsum(pe, x)) VECTOR(hmax, pe_f32, pe_hmax(pe, x)) VECTOR(ld_f32, pe_f32, pe_ld_f32(pe, F32, 0, 16))
VECTOR(ld_i32, pe_f32, pe_ld_i32(pe, I32, 0, 16)) VECTOR(ld_f16, pe_f32, pe_ld_f16(pe, F16, 0, 16)) VECTOR(st_f32, pe_f32, pe_st_f32(pe, F32, 0, 16, f))
VECTOR(st_i32, pe_f32, pe_st_i32(pe, I32, 0, 16, k)) VECTOR(st_f16, pe_f32, pe_st_f16(pe, F16, 0, 16, f)) VECTOR(get_f32, pe_f32, pe_get_f32(pe, F32, 0)) VECTOR(get_i32, pe_f32, pe_get_i32(pe, I32, 0))
VECTOR(get_i64, pe_f32, pe_get_i64(pe, I64, 0)) VECTOR(ops, pe_f32, pe_ops(pe, 3)) VECTOR(dim, pe_f32, pe_dim(pe, 0)) VECTOR(scalar, pe_f32, pe_scalar(pe, 0))
VECTOR(scalar_i64, pe_f32, pe_scalar_i64(pe, 0))
VECTOR(wait, pe_f32, pe_wait(pe, RING, 0)) VECTOR(reserve, pe_f32, pe_reserve(pe, RING, 0)) VECTOR(push, pe_f32, pe_push(pe, RING, 0)) VECTOR(pop, pe_f32, pe_pop(pe, RING, 0))
VECTOR(fence, pe_f32, pe_fence(pe, PE_SE))
static void c_for(PE *pe) { if (first(pe)) pe_for(pe, i, 0, count, 1) continue; }
VECTOR(refuse, pe_f32, pe_refuse(pe, 1))
static void c_barrier(PE *pe) { TIMES pe_barrier(pe); }

static void c_load(PE *pe) { if (first(pe)) TIMES pe_load(pe, PE_AT(I8), X, pe_box(0, 3, 64, 96)); }
static void c_load_row(PE *pe) { if (pe_row(pe) == 0) TIMES pe_load_row(pe, PE_AT(I8), X, span(0, 256)); }
static void c_load_col(PE *pe) { if (pe_col(pe) == 0) TIMES pe_load_col(pe, PE_AT(I8), X, span(0, 256)); }
static void c_gather(PE *pe) { if (first(pe)) TIMES pe_gather(pe, PE_AT(I8), X, PE_AT(I32), 4, 32, 32, 0); }
static void c_store(PE *pe) { if (first(pe)) TIMES pe_store(pe, X, span(0, 256), PE_AT(I8)); }
static void c_dot(PE *pe) {
    if (!first(pe)) return;
    TIMES pe_dot(pe, .m = 32, .n = 33, .k = 64, .a = PE_AT(I8), .b = PE_AT(J8));
    pe_se(pe, .from_re = true, .rows = 32, .cols = 33, .dst = PE_AT(F16));
}
static void c_re_preload(PE *pe) {
    if (!first(pe)) return;
    TIMES pe_re_preload(pe, 0, 32, 32, PE_AT(F32));
    pe_re_drain(pe, PE_AT(F32), 0, 32, 32);
}
static void c_re_drain(PE *pe) {        /* with the preload that it needs */
    if (!first(pe)) return;
    TIMES { pe_re_preload(pe, 0, 32, 32, PE_AT(F32)); pe_re_drain(pe, PE_AT(F32), 0, 32, 32); }
}
static void c_re_reduce(PE *pe) {       /* with the preload and the drain that it needs */
    if (!first(pe)) return;
    TIMES { pe_re_preload(pe, 0, 32, 32, PE_AT(F32)); pe_re_reduce(pe, PE_RMAX, PE_AT(F32B), 0, 32, 32); pe_re_drain(pe, PE_AT(F32), 0, 32, 32); }
}
static void c_dot_sparse(PE *pe) {      /* 32 x 32 x 128 bytes of a: two block times */
    if (!first(pe)) return;
    if (count) for (int64_t i = 0; i < 512; i++) pe_put_u8(pe, U8, i, 0x44);
    pe_fence(pe, PE_DPE);
    TIMES pe_dot(pe, .sparse = true, .m = 32, .n = 32, .k = 128, .a = PE_AT(I8), .b = PE_AT(J8), .meta = PE_AT(U8));
    pe_se(pe, .from_re = true, .rows = 32, .cols = 32, .dst = PE_AT(F16));
}
static void c_re_chain(PE *pe) {
    if (pe_row(pe) || pe_col(pe) > 1) return;
    if (pe_col(pe)) pe_re_preload(pe, 0, 32, 32, PE_AT(F32));
    TIMES {
        if (pe_col(pe)) { pe_re_receive(pe, 0, 32, 32, PE_EAST); continue; }
        pe_re_preload(pe, 0, 32, 32, PE_AT(F32));
        pe_re_send(pe, 0, 32, 32, PE_EAST);
    }
    if (pe_col(pe)) pe_re_drain(pe, PE_AT(F32), 0, 32, 32);
}
static void c_se(PE *pe) { if (first(pe)) TIMES pe_se(pe, .bin = PE_MUL, .fn = PE_EXP, .rows = 4, .cols = 64, .dst = PE_AT(F16), .a = PE_AT(F16), .b = PE_AT(F16B)); }
static void c_se_feed(PE *pe) {         /* with the preload that it needs */
    if (!first(pe)) return;
    TIMES { pe_re_preload(pe, 0, 32, 32, PE_AT(F32)); pe_se(pe, .from_re = true, .rows = 32, .cols = 32, .dst = PE_AT(F16)); }
}
static void c_se_reduce(PE *pe) { if (first(pe)) TIMES pe_se_reduce(pe, PE_RSUM, PE_AT(F32), PE_AT(F16), 16, 64); }
static void c_se_accumulate(PE *pe) { if (first(pe)) TIMES pe_se_accumulate(pe, PE_AT(F32), PE_AT(F16), 16, 64, false); }
static void c_transpose(PE *pe) { if (first(pe)) TIMES pe_transpose(pe, PE_AT(J8), PE_AT(I8), 32, 64); }

/* Busy time of n calls, NULL: none. core: both cores of all PEs; the engines by name. */
typedef struct Cost { const char *name; MicroBody *body; const char *core, *engine[PE_ENGINES], *local, *links, *sram, *dram; bool dram_home; const char *has; } Cost;   /* has: what the machine must have */

#define OP(name) {"pe_" #name, c_##name, "n * core.op"}
#define SCALAR(name) {"pe_" #name, c_##name, "n * core.scalar"}
#define LOADS "n * ceil(cycle, core.loads)"
#define STORES "n * ceil(cycle, core.stores)"
#define CARRIES .local = "local.bandwidth(64 * n)"
#define MOVE(n_links, bytes) .links = "n * " #n_links " * network.link(" #bytes ")", .sram = "n * " BANK(bytes)
static const Cost costs[] = {
    OP(splat), OP(splat_i32), OP(add), OP(sub), OP(mul), OP(add_i32), OP(sub_i32), OP(lt), OP(le), OP(eq), OP(lt_i32), OP(not), OP(and), OP(select), OP(first), OP(fma), OP(vmax), OP(vmin), OP(to_f32),
    {"pe_div", c_div, "n * core.div"}, {"pe_mul_i32", c_mul_i32, "n * core.imul"}, {"pe_hsum", c_hsum, "n * 4 * core.op"}, {"pe_hmax", c_hmax, "n * 4 * core.op"},
    {"pe_ld_f32", c_ld_f32, LOADS, CARRIES}, {"pe_ld_i32", c_ld_i32, LOADS, CARRIES}, {"pe_ld_f16", c_ld_f16, "max(" LOADS ", n * core.op)", CARRIES},
    {"pe_st_f32", c_st_f32, STORES, CARRIES}, {"pe_st_i32", c_st_i32, STORES, CARRIES}, {"pe_st_f16", c_st_f16, "max(" STORES ", n * core.op)", CARRIES},
    {"pe_get_f32", c_get_f32, "n * core.scalar + " LOADS, CARRIES}, {"pe_get_i32", c_get_i32, "n * core.scalar + " LOADS, CARRIES}, {"pe_get_i64", c_get_i64, "n * core.scalar + " LOADS, CARRIES},
    {"pe_ops", c_ops, "3 * n * core.scalar"}, {"pe_for", c_for, "n * core.turn"}, SCALAR(dim), SCALAR(scalar), SCALAR(scalar_i64), SCALAR(refuse), SCALAR(wait), SCALAR(reserve), SCALAR(push), SCALAR(pop), SCALAR(fence),
    {"pe_barrier", c_barrier, "grid.0 * grid.1 * n * core.scalar"},
    {"pe_load", c_load, "n * core.issue", {[PE_LOAD] = "n * (queue.start + dma.setup + 2 * dma.row)"}, .local = "n * 3 * local.bandwidth(64)", .links = "n * 3 * network.link(64)", .sram = "n * 3 * " BANK(64)},
    {"pe_load", c_load, "n * core.issue", {[PE_LOAD] = "n * (queue.start + dma.setup + 2 * dma.row)"}, .local = "n * 3 * local.bandwidth(64)", .links = "n * 3 * network.link(64)", .dram = "n * 3 * " CHAN(64), .dram_home = true},
    /* once over the port, once over each of the seven links along the row */
    {"pe_load_row", c_load_row, "grid.1 * n * core.issue", {[PE_LOAD] = "grid.1 * n * (queue.start + dma.setup)"}, .local = "n * grid.1 * local.bandwidth(256)", MOVE(grid.1, 256)},
    {"pe_load_col", c_load_col, "grid.0 * n * core.issue", {[PE_LOAD] = "grid.0 * n * (queue.start + dma.setup)"}, .local = "n * grid.0 * local.bandwidth(256)", MOVE(grid.0, 256)},
    {"pe_gather", c_gather, "n * core.issue", {[PE_LOAD] = "n * (queue.start + dma.setup + 3 * dma.gather_row)"}, .local = "n * 4 * local.bandwidth(32)", .links = "n * 4 * network.link(32)", .sram = "n * 4 * " BANK(32)},
    {"pe_store", c_store, "n * core.issue", {[PE_STORE] = "n * (queue.start + dma.setup)"}, .local = "n * local.bandwidth(256)", MOVE(1, 256)},
    {"pe_dot", c_dot, "n * core.issue", {[PE_DPE] = "n * (queue.start + 4 * dpe.rate.i8(dpe.block.0 * dpe.block.1 * dpe.block.2))"}, .local = "n * local.bandwidth((32 + 33) * 64)"},
    {"pe_re_preload", c_re_preload, "n * core.issue", {[PE_RE] = "n * (queue.start + re.preload)"}, .local = "n * local.bandwidth(4096)"},
    {"pe_re_drain", c_re_drain, "2 * n * core.issue", {[PE_RE] = "n * (2 * queue.start + re.preload + re.drain)"}, .local = "2 * n * local.bandwidth(4096)"},
    {"pe_re_reduce", c_re_reduce, "3 * n * core.issue", {[PE_RE] = "n * (3 * queue.start + re.preload + 2 * re.drain)"}, .local = "n * (2 * local.bandwidth(4096) + local.bandwidth(128))", .has = "se.row_minmax"},
    {"pe_dot sparse", c_dot_sparse, "n * core.issue", {[PE_DPE] = "n * (queue.start + 2 * dpe.rate.i8(dpe.block.0 * dpe.block.1 * dpe.block.2))"}, .local = "n * local.bandwidth(32 * 128 + 32 * 64 + 32 * 16)", .has = "dpe.sparse"},
    {"pe_re_send", c_re_chain, "3 * n * core.issue", {[PE_RE] = "n * (3 * queue.start + re.preload + 2 * (re.link(4096) + network.hop))"}, .local = "n * local.bandwidth(4096)"},
    {"pe_re_receive", c_re_chain, "3 * n * core.issue", {[PE_RE] = "n * (3 * queue.start + re.preload + 2 * (re.link(4096) + network.hop))"}, .local = "n * local.bandwidth(4096)"},
    {"pe_se", c_se, "n * core.issue", {[PE_SE] = "n * (queue.start + se.rate.f16(256 * (se.basic + se.table)))"}, .local = "n * local.bandwidth(3 * 512)"},
    {"pe_se", c_se_feed, "2 * n * core.issue",
     {[PE_SE] = "n * (queue.start + max(re.drain, se.rate.f16(1024 * se.basic)))", [PE_RE] = "n * (2 * queue.start + re.preload + max(re.drain, se.rate.f16(1024 * se.basic)))"},
     .local = "n * (local.bandwidth(4096) + local.bandwidth(2048))"},
    {"pe_se_reduce", c_se_reduce, "n * core.issue", {[PE_SE] = "n * (queue.start + se.rate.f16(1024 * se.basic))"}, .local = "n * local.bandwidth(2048 + 64)"},
    {"pe_se_accumulate", c_se_accumulate, "n * core.issue", {[PE_SE] = "n * (queue.start + se.rate.f16(1024 * se.basic))"}, .local = "n * local.bandwidth(2048 + 256)"},
    {"pe_transpose", c_transpose, "n * core.issue", {[PE_MLU] = "n * (queue.start + mlu.rate(2048))"}, .local = "n * local.bandwidth(4096)"},
};
enum { N_COSTS = sizeof costs / sizeof *costs };

/* Names that do no work on the chip: where the PE is, arithmetic on indices, declarations of setup, and parts of the calls above. */
static const char *const idle[] = {
    "pe_row", "pe_col", "pe_rows", "pe_cols", "pe_id", "pe_count", "pe_local", "pe_min", "pe_max", "pe_ceil", "pe_box", "pe_ring", "pe_scratch", "pe_here", "pe_turn", "pe_charge", "pe_place",
    "pe_knf", NULL,
};
/* Families of names, one for each register or type of memory: test_sim_vector.c has their costs. */
static const char *const families[] = {"pe_ld_", "pe_st_", "pe_ldm_", "pe_stm_", "pe_gather_", "pe_scatter_", "pe_get_", "pe_put_", "pe_splat_", "pe_lane_", "pe_hidden_", "pe_iota", "pe_do_", NULL};

typedef struct Machine { SimMachine machine; Model *model; } Machine;
static const char *const machines[] = {"mtia1", "mtia2"};

static SimReport run(const Machine *m, const Cost *c, int64_t n) {
    static char data[4096];
    static SimReport r;
    PeProgram p = {.version = PE_VERSION, .name = c->name, .dims = "N", .scalars = "S", .n_facts = 1, .setup = setup, .core = {c->body, NULL}};
    SimTensor x = {.name = "x", .type = PE_I8, .role = PE_TEMP, .rank = 1, .shape = {4096}, .count = 4096, .bytes = 4096, .data = data, .dram = c->dram_home};
    SimConfig config = {.machine = &m->machine, .program = &p, .tensor = &x, .n_tensors = 1, .unchecked = true, .max_cycles = 1000000};
    count = n;
    sim_run(&config, &r);
    if (r.fault.kind) fail_msg("%s, line %d: %s", c->name, r.fault.line, r.fault.text);
    return r;
}

static int differs(const Machine *m, const Cost *c, const char *what, int64_t rise, const char *expression) {
    int64_t want = expression ? model_eval(m->model, expression, 4) - model_eval(m->model, expression, 3) : 0;
    if (rise == want) return 0;
    print_error("%s on %s: %s rises by %lld ticks, its cost is %lld: %s\n", c->name, m->machine.name, what, (long long)rise, (long long)want, expression ? expression : "nothing");
    return 1;
}

static void test_costs(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    int wrong = 0;
    for (int i = 0; i < 2; i++) {
        const char *why;
        Machine m = {harness_machine(a, machines[i]), model_read(a, source_read(a, arena_printf(a, "%s/%s.knf", MACHINES, machines[i]), &why)->text)};
        for (int k = 0; k < N_COSTS; k++) {
            const Cost *c = &costs[k];
            if (c->has && !model_eval(m.model, c->has, 0)) continue;
            static SimReport three, four;
            three = run(&m, c, 3);
            four = run(&m, c, 4);
            for (int e = 0; e < PE_ENGINES; e++) wrong += differs(&m, c, sim_unit_names[e], four.time[e][SIM_BUSY] - three.time[e][SIM_BUSY], c->engine[e]);
            wrong += differs(&m, c, "core 0", four.time[SIM_CORE0][SIM_BUSY] - three.time[SIM_CORE0][SIM_BUSY], c->core);
            wrong += differs(&m, c, "core 1", four.time[SIM_CORE1][SIM_BUSY] - three.time[SIM_CORE1][SIM_BUSY], NULL);
            wrong += differs(&m, c, "local", four.local.total - three.local.total, c->local);
            wrong += differs(&m, c, "links", four.links.total - three.links.total, c->links);
            wrong += differs(&m, c, "sram", four.sram.total - three.sram.total, c->sram);
            wrong += differs(&m, c, "dram", four.dram.total - three.dram.total, c->dram);
        }
    }
    arena_free(a);
    assert_int_equal(wrong, 0);
}

static bool known(const char *name) {
    for (int i = 0; i < N_COSTS; i++)
        if (!strcmp(costs[i].name, name)) return true;
    for (int i = 0; idle[i]; i++)
        if (!strcmp(idle[i], name)) return true;
    for (int i = 0; families[i]; i++)
        if (!strncmp(families[i], name, strlen(families[i]))) return true;
    return false;
}

/* A name that pe.h defines on this line, as a macro with arguments or an inline function; NULL: none. */
static const char *defined(Arena *a, const char *line) {
    bool macro = !strncmp(line, "#define pe_", 11);
    if (!macro && strncmp(line, "static inline ", 14)) return NULL;
    const char *s = strstr(line, "pe_");
    for (; s; s = strstr(s + 1, "pe_")) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_");
        if (s[n] == '(' && (s[-1] == ' ' || s[-1] == '*')) return arena_strndup(a, s, n);
    }
    return NULL;
}

static void test_all_named(void **state) {
    (void)state;
    static const char *const headers[] = {"pe.h", "pe_vector.h"};
    Arena *a = arena_new(0, harness_oom, NULL);
    int names = 0, missing = 0;
    for (int i = 0; i < 2; i++) {
        const char *why, *s = source_read(a, arena_printf(a, "%s/include/knyfe/%s", SOURCE, headers[i]), &why)->text;
        for (; *s; s += strcspn(s, "\n"), s += *s == '\n') {
            const char *name = defined(a, s);
            names += name != NULL;
            if (name && !known(name)) { print_error("%s of %s has no row in the table of costs\n", name, headers[i]); missing++; }
        }
    }
    arena_free(a);
    assert_true(names > 60);
    assert_int_equal(missing, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_costs), cmocka_unit_test(test_all_named)};
    mallopt(M_MMAP_THRESHOLD, 1 << 16);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
