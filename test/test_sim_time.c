/* Micro-programs: their time is derived by hand from the machine file's values, and holds to the cycle on both machines and on
 * variants of them. Dims: 0 which program's argument, 1 a second one. All run on PE (0, 0) but where said. */
#include "sim/harness.h"

typedef const SimMachine M;
enum { S0, S1, S2, S3, S4, RA, RB };           /* scratch: f32, f16, i8, f16, i32; rings f16 */
enum { X };                                    /* a tensor of bytes */
enum { KIB = 1024 };

static void setup(PE *pe) {
    pe_scratch(pe, S0, PE_F32, 32 * KIB);
    pe_scratch(pe, S1, PE_F16, 20 * KIB);
    pe_scratch(pe, S2, PE_I8, 20 * KIB);
    pe_scratch(pe, S3, PE_F16, 20 * KIB);
    pe_scratch(pe, S4, PE_I32, 16 * KIB);
    pe_ring(pe, RA, PE_I8, KIB);
    pe_ring(pe, RB, PE_I8, KIB);
}

static bool first(const PE *pe) { return pe_id(pe) == 0; }

/* The time of n units at a rate, rounded up once. */
static int64_t at(SimRate r, int64_t n) { return (n * r.num + r.den - 1) / r.den; }
static int64_t max2(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* ---- cores ---- */
static void empty(PE *pe, int64_t n) { (void)pe; (void)n; }
static int64_t t_empty(M *m, int64_t n) { (void)m; return 0 * n; }
static void scalars(PE *pe, int64_t n) { pe_ops(pe, (int)n); }
static int64_t t_scalars(M *m, int64_t n) { return n * m->core.scalar; }
static void turns(PE *pe, int64_t n) { pe_for(pe, i, 0, n, 1) pe_ops(pe, 1); }
static int64_t t_turns(M *m, int64_t n) { return (n + 1) * m->core.turn + n * m->core.scalar; }
static void adds(PE *pe, int64_t n) {
    pe_f32 x = pe_splat(pe, 1);
    for (int64_t i = 1; i < n; i++) x = pe_add(pe, x, x);
}
static int64_t t_adds(M *m, int64_t n) { return n * m->core.op; }
static void divs(PE *pe, int64_t n) {
    pe_f32 x = pe_splat(pe, 1);
    for (int64_t i = 0; i < n; i++) x = pe_div(pe, x, x);
}
static int64_t t_divs(M *m, int64_t n) { return m->core.op + n * m->core.div; }
static void imuls(PE *pe, int64_t n) {
    pe_i32 x = pe_splat_i32(pe, 1);
    for (int64_t i = 0; i < n; i++) x = pe_mul_i32(pe, x, x);
}
static int64_t t_imuls(M *m, int64_t n) { return m->core.op + n * m->core.imul; }
static void hsums(PE *pe, int64_t n) {
    pe_f32 x = pe_splat(pe, 1);
    for (int64_t i = 0; i < n; i++) pe_hsum(pe, x);
}
static int64_t t_hsums(M *m, int64_t n) { return m->core.op * (1 + 4 * n); }
static void stores(PE *pe, int64_t n) {
    pe_f32 x = pe_splat(pe, 1);
    for (int64_t i = 0; i < n; i++) pe_st_f32(pe, S0, i * 64, 16, x);
}
static int64_t t_stores(M *m, int64_t n) { return max2(m->core.op, n * (SIM_TICK / m->core.stores)); }
/* The vector loop of y = x + 1: one load, one operation, one store, two turns a vector; side by side. */
static void vector_loop(PE *pe, int64_t n) {
    pe_f32 one = pe_splat(pe, 1);
    pe_for(pe, i, 0, n, 1) pe_st_f32(pe, S0, i * 64, 16, one);
    pe_for(pe, i, 0, n, 1) pe_st_f32(pe, S0, i * 64, 16, pe_add(pe, pe_ld_f32(pe, S0, i * 64, 16), one));
}
static int64_t t_vector_loop(M *m, int64_t n) {
    int64_t ops = (1 + n) * m->core.op, loads = n * (SIM_TICK / m->core.loads), st = 2 * n * (SIM_TICK / m->core.stores);
    return 2 * (n + 1) * m->core.turn + max2(ops, max2(loads, st));
}
static void barrier(PE *pe, int64_t n) { for (int64_t i = 0; i < n; i++) pe_barrier(pe); }
static int64_t t_barrier(M *m, int64_t n) { return n * (m->core.scalar + 2 * (m->rows + m->cols - 2) * m->network.hop); }

/* ---- engines: one command, then n of them ---- */
static int64_t se_time(M *m, SimRate r, int64_t elements, int64_t ops) { return m->queue.start + at(r, elements * ops); (void)m; }
/* Commands of equal length d that one core issues: the first starts after one issue, then the slower of issue and engine rules. */
static int64_t chain_of(M *m, int64_t n, int64_t d) { return m->core.issue + d + (n - 1) * max2(d, m->core.issue); }

static void dots(PE *pe, PeDot d, int64_t n) { for (int64_t i = 0; i < n; i++) pe_dot(pe, .acc = d.acc, .add = false, .m = d.m, .n = d.n, .k = d.k, .a = d.a, .b = d.b); }
static void zero_operands(PE *pe, int64_t bytes) {     /* by DMA, so that they have values */
    pe_load(pe, PE_AT(S2), X, pe_box(0, 1, bytes, 0));
    pe_fence(pe, PE_LOAD);
}
static int64_t load_time(M *m, int64_t d, int64_t bytes);
static int64_t t_zero(M *m) { return max2(m->core.issue + m->core.scalar, load_time(m, 0, 256)); }
static int64_t dot_time(M *m, int64_t mm, int64_t nn, int64_t k) {
    return m->queue.start + up(mm, 32) * up(nn, 32) * up(k, 32) * at(m->dpe.rate[PE_I8], 32 * 32 * 32);
}
/* The panel a[n][256 / n], used as both operands; the accumulators are taken once more by a drain at the end. */
static void dot_any(PE *pe, int64_t mm, int64_t k, int64_t n) {
    zero_operands(pe, 256);
    dots(pe, (PeDot){.m = mm, .n = mm, .k = k, .a = PE_AT(S2), .b = PE_AT(S2)}, n);
    pe_re_drain(pe, PE_AT(S4), 0, mm, mm);
}
static int64_t t_dot_any(M *m, int64_t mm, int64_t k, int64_t n) {
    int64_t t = t_zero(m), d = dot_time(m, mm, mm, k), end = t + chain_of(m, n, d), drain = t + (n + 1) * m->core.issue;
    return max2(end, drain) + m->queue.start + up(mm, 32) * up(mm, 32) * m->re.drain;
}
static void dot1(PE *pe, int64_t n) { dot_any(pe, 1, n, 1); }
static int64_t t_dot1(M *m, int64_t n) { return t_dot_any(m, 1, n, 1); }
static void dot16(PE *pe, int64_t n) { dot_any(pe, 16, 16, n); }
static int64_t t_dot16(M *m, int64_t n) { return t_dot_any(m, 16, 16, n); }
static void dot33(PE *pe, int64_t n) { dot_any(pe, n, 4, 1); }
static int64_t t_dot33(M *m, int64_t n) { return t_dot_any(m, n, 4, 1); }

static void transposes(PE *pe, int64_t n) {
    zero_operands(pe, 256);
    for (int64_t i = 0; i < n; i++) pe_transpose(pe, PE_AT(S2, .off = 1024), PE_AT(S2), 16, 16);
}
static int64_t t_transposes(M *m, int64_t n) { return t_zero(m) + chain_of(m, n, m->queue.start + at(m->mlu.rate, 256)); }

static const struct { PeBin bin; PeFn fn; bool affine; } se_cases[] = {
    {PE_FIRST, PE_SAME, false}, {PE_FIRST, PE_EXP, false}, {PE_ADD, PE_SAME, false}, {PE_DIV, PE_SAME, false}, {PE_SUB, PE_EXP, true},
    {PE_FIRST, PE_RSQRT, false}, {PE_MUL, PE_RELU, true}, {PE_MAX, PE_TANH, false},
};
static void se_case(PE *pe, int64_t k) {
    zero_operands(pe, 256);
    pe_se(pe, .bin = se_cases[k].bin, .fn = se_cases[k].fn, .affine = se_cases[k].affine, .rows = 4, .cols = 64, .dst = PE_AT(S2, .off = 512), .a = PE_AT(S2), .b = PE_AT(S2));
}
static int64_t t_se_case(M *m, int64_t k) {
    const int64_t bin[] = {[PE_FIRST] = 0, [PE_ADD] = m->se.basic, [PE_SUB] = m->se.basic, [PE_MUL] = m->se.basic, [PE_MAX] = m->se.basic, [PE_DIV] = m->se.divide};
    const int64_t fn[] = {[PE_SAME] = 0, [PE_EXP] = m->se.table, [PE_TANH] = m->se.table, [PE_RSQRT] = m->se.recip, [PE_RELU] = m->se.basic};
    int64_t ops = bin[se_cases[k].bin] + fn[se_cases[k].fn] + (se_cases[k].affine ? m->se.basic : 0);
    return t_zero(m) + m->core.issue + se_time(m, m->se.rate[PE_I8], 256, ops ? ops : m->se.basic);
}
static void se_chain(PE *pe, int64_t n) {
    zero_operands(pe, 256);
    for (int64_t i = 0; i < n; i++) pe_se(pe, .rows = 1, .cols = 256, .dst = PE_AT(S2, .off = 512), .a = PE_AT(S2));
}
static int64_t t_se_chain(M *m, int64_t n) { return t_zero(m) + chain_of(m, n, se_time(m, m->se.rate[PE_I8], 256, m->se.basic)); }
static void se_f32(PE *pe, int64_t n) {        /* the slower type of the two rules */
    zero_operands(pe, 256);
    pe_se(pe, .rows = 1, .cols = n, .dst = PE_AT(S0), .a = PE_AT(S2));
}
static int64_t t_se_f32(M *m, int64_t n) { return t_zero(m) + m->core.issue + se_time(m, m->se.rate[PE_F32], n, m->se.basic); }
static void reduce(PE *pe, int64_t n) {
    zero_operands(pe, 256);
    pe_se_reduce(pe, PE_RMAX, PE_AT(S0), PE_AT(S2), n, 256 / n);
}
static int64_t t_reduce(M *m, int64_t n) { return t_zero(m) + m->core.issue + se_time(m, m->se.rate[PE_I8], n * (256 / n), m->se.basic); }
/* SE beside DPE: both run at once. */
static void beside(PE *pe, int64_t n) {
    zero_operands(pe, 256);
    for (int64_t i = 0; i < n; i++) pe_dot(pe, .m = 16, .n = 16, .k = 16, .a = PE_AT(S2), .b = PE_AT(S2));
    pe_se(pe, .rows = 1, .cols = 256, .dst = PE_AT(S2, .off = 512), .a = PE_AT(S2));
    pe_re_drain(pe, PE_AT(S4), 0, 16, 16);
}
static int64_t t_beside(M *m, int64_t n) {
    int64_t t = t_zero(m), dot = t + chain_of(m, n, dot_time(m, 16, 16, 16)), se = t + (n + 1) * m->core.issue + se_time(m, m->se.rate[PE_I8], 256, m->se.basic);
    int64_t drain = max2(dot, t + (n + 2) * m->core.issue) + m->queue.start + m->re.drain;
    return max2(se, drain);
}
/* The SE takes the accumulators itself: the slower of drain and function. */
static void feed(PE *pe, int64_t n) {
    zero_operands(pe, 256);
    pe_dot(pe, .m = n, .n = n, .k = 4, .a = PE_AT(S2), .b = PE_AT(S2));
    pe_se(pe, .from_re = true, .rows = n, .cols = n, .dst = PE_AT(S3));
}
static int64_t t_feed(M *m, int64_t n) {
    int64_t dot = t_zero(m) + m->core.issue + dot_time(m, n, n, 4), se = t_zero(m) + 2 * m->core.issue;
    return max2(dot, se) + m->queue.start + max2(at(m->se.rate[PE_F16], n * n * m->se.basic), up(n, 32) * up(n, 32) * m->re.drain);
}
/* A full queue: the core stands still until a place is free, then the engine goes on without a gap. */
static void full(PE *pe, int64_t n) {
    zero_operands(pe, 256);
    for (int64_t i = 0; i < n; i++) pe_se(pe, .rows = 4, .cols = 64, .b_row = true, .bin = PE_ADD, .fn = PE_EXP, .dst = PE_AT(S2, .off = 512), .a = PE_AT(S2), .b = PE_AT(S2));
}

/* ---- preload and chain ---- */
static void preload(PE *pe, int64_t n) {
    pe_sti_at(pe, S4, 0, 16, pe_splat_i32(pe, 1), 0);
    pe_re_preload(pe, 0, 1, 16, PE_AT(S4));
    for (int64_t i = 0; i < n; i++) pe_ops(pe, 1);
    pe_re_drain(pe, PE_AT(S4, .off = 64), 0, 1, 16);
}
static int64_t t_preload(M *m, int64_t n) {
    int64_t t = max2(m->core.op, SIM_TICK / m->core.stores) + m->core.issue;
    return max2(t + m->queue.start + m->re.preload, t + n * m->core.scalar + m->core.issue) + m->queue.start + m->re.drain;
}
/* n PEs in a row: each adds what comes from the west and sends east; the last drains. */
static void chain_row(PE *pe, int64_t n) {
    if (pe_row(pe) || pe_col(pe) >= n) return;
    pe_sti_at(pe, S4, 0, 16, pe_splat_i32(pe, 1), 0);
    pe_re_preload(pe, 0, 1, 16, PE_AT(S4));
    if (pe_col(pe) > 0) pe_re_receive(pe, 0, 1, 16, PE_EAST);
    if (pe_col(pe) < n - 1) pe_re_send(pe, 0, 1, 16, PE_EAST);
    else pe_re_drain(pe, PE_AT(S4, .off = 64), 0, 1, 16);
}
static int64_t t_chain_row(M *m, int64_t n) {
    int64_t t = max2(m->core.op, SIM_TICK / m->core.stores) + m->core.issue, step = m->queue.start + at(m->re.link, 4096) + m->network.hop;
    int64_t ready = t + max2(m->core.issue, m->queue.start + m->re.preload);
    return ready + (n - 1) * step + m->queue.start + m->re.drain;
}

/* ---- DMA from SRAM: address 0 is behind the port north of PE (0, 0) ---- */
static int64_t sram_read(M *m, int64_t d, int64_t bytes) {         /* from the request's leaving on */
    return 2 * (d + 1) * m->network.hop + at(m->sram.bank, bytes) + m->sram.latency + at(m->network.link, bytes);
}
static int64_t load_time(M *m, int64_t d, int64_t bytes) { return m->core.issue + m->queue.start + m->dma.setup + sram_read(m, d, bytes); }
static void load_at(PE *pe, int64_t k) {                            /* on PE (k / 8, k % 8) */
    if (pe_row(pe) * 8 + pe_col(pe) == k) pe_load(pe, PE_AT(S2), X, pe_box(0, 1, 256, 0));
}
static int64_t t_load_at(M *m, int64_t k) { return load_time(m, k / 8 + k % 8, 256); }
static void load_n(PE *pe, int64_t n) { pe_load(pe, PE_AT(S2), X, pe_box(0, 1, n, 0)); }
static int64_t t_load_n(M *m, int64_t n) {
    return m->core.issue + m->queue.start + m->dma.setup + (n ? 2 * m->network.hop + at(m->sram.bank, up(n, m->sram.access) * m->sram.access) + m->sram.latency + at(m->network.link, n) : -m->dma.setup);
}
/* Two segments of one bank: block 0 and block 65, whose digits in base 64 are 1 and 1. */
static void conflict(PE *pe, int64_t n) { pe_load(pe, PE_AT(S2), X, pe_box(0, n, 256, 65 * 256)); }
static int64_t t_conflict(M *m, int64_t n) { return load_time(m, 0, 256) + (n - 1) * (m->dma.row + max2(at(m->sram.bank, 256), at(m->network.link, 256))); }
/* Two banks behind one port: 0 and 32. They work at once; the link carries one after the other. */
static void one_link(PE *pe, int64_t n) { pe_load(pe, PE_AT(S2), X, pe_box(0, n, 256, 32 * 256)); }
static int64_t t_one_link(M *m, int64_t n) { return load_time(m, 0, 256) + (n - 1) * (m->dma.row + at(m->network.link, 256)); }
/* The other bank's port is at the next column: one hop farther, no contention. */
static void two_ports(PE *pe, int64_t n) { (void)n; pe_load(pe, PE_AT(S2), X, pe_box(0, 1, 512, 0)); }
static int64_t t_two_ports(M *m, int64_t n) { (void)n; return load_time(m, 1, 256); }
static void loads_in_turn(PE *pe, int64_t n) { for (int64_t i = 0; i < n; i++) pe_load(pe, PE_AT(S2, .off = 256 * i), X, pe_box(0, 1, 256, 0)); }
static int64_t t_loads_in_turn(M *m, int64_t n) {
    int64_t gap = max2(m->queue.start + m->dma.setup, m->core.issue), last = load_time(m, 0, 256);
    return last + (n - 1) * max2(gap, at(m->sram.bank, 256));
}
static void store_at(PE *pe, int64_t k) {
    if (pe_row(pe) * 8 + pe_col(pe) != k) return;
    for (int i = 0; i < 4; i++) pe_st_f32(pe, S0, 64 * i, 16, pe_splat(pe, 0));
    pe_se(pe, .rows = 1, .cols = 64, .dst = PE_AT(S2), .a = PE_AT(S0));
    pe_fence(pe, PE_SE);
    for (int i = 0; i < 3; i++) pe_ops(pe, 1);
    pe_store(pe, X + 1, pe_box(0, 1, 64, 0), PE_AT(S2));
}
static int64_t t_store_at(M *m, int64_t k) {
    int64_t d = k / 8 + k % 8, se = max2(4 * m->core.op, 4 * (SIM_TICK / m->core.stores)) + m->core.issue + max2(m->core.scalar, m->queue.start + at(m->se.rate[PE_F32], 64 * m->se.basic));
    return se + 3 * m->core.scalar + m->core.issue + m->queue.start + m->dma.setup + 2 * (d + 1) * m->network.hop + at(m->network.link, 64) + at(m->sram.bank, 64);
}
/* Opposite ways do not disturb each other: a load beside a store takes as long as alone. */
static void both_ways(PE *pe, int64_t n) {
    zero_operands(pe, 256);
    pe_load(pe, PE_AT(S2, .off = 512), X, pe_box(0, 1, 256, 0));
    pe_store(pe, X + 1, pe_box(256 * 32, 1, n, 0), PE_AT(S2));
}
static int64_t t_both_ways(M *m, int64_t n) {
    int64_t t = t_zero(m), store = 2 * m->core.issue + m->queue.start + m->dma.setup + 2 * m->network.hop + at(m->network.link, n) + at(m->sram.bank, n);
    return t + max2(load_time(m, 0, 256), store);
}
/* One of them waits for all of its row: the last PE of the row issues later by n scalar operations. */
static void row_cast(PE *pe, int64_t n) {
    if (pe_row(pe)) return;
    if (pe_col(pe) == 7) pe_ops(pe, (int)n);
    pe_load_row(pe, PE_AT(S2), X, pe_box(0, 1, 256, 0));
}
static int64_t t_row_cast(M *m, int64_t n) {
    return n * m->core.scalar + load_time(m, 0, 256) + 7 * m->network.hop;
}
static void col_cast(PE *pe, int64_t n) {
    if (pe_col(pe)) return;
    if (pe_row(pe) == 3) pe_ops(pe, (int)n);
    pe_load_col(pe, PE_AT(S2), X, pe_box(0, 1, 256, 0));
}
/* A box of n rows of 32 bytes, each a run of its own. */
static void rows(PE *pe, int64_t n) { pe_load(pe, PE_AT(S2), X, pe_box(0, n, 32, 64)); }
static int64_t t_rows(M *m, int64_t n) {
    int64_t link = at(m->network.link, 32), bank = at(m->sram.bank, 32);
    return m->core.issue + m->queue.start + m->dma.setup + (n - 1) * m->dma.row + sram_read(m, 0, 32) + (n - 1) * max2(link, bank);
}
static void gather(PE *pe, int64_t n) {
    for (int64_t i = 0; i < n; i += 16) pe_sti_at(pe, S4, 4 * i, 16, pe_splat_i32(pe, 0), 0);
    pe_gather(pe, PE_AT(S2), X, PE_AT(S4), n, 32, 64, 0);
}
static int64_t t_gather(M *m, int64_t n) {
    int64_t fill = max2(up(n, 16) * m->core.op, up(n, 16) * (SIM_TICK / m->core.stores));
    bool joined = true;      /* all rows are the same row: bank and link serve them one by one */
    return fill + m->core.issue + m->queue.start + m->dma.setup + (n - 1) * m->dma.gather_row + sram_read(m, 0, 32) + (n - 1) * max2(at(m->network.link, 32), at(m->sram.bank, 32)) * joined;
}

/* ---- rings ---- */
/* A ring of one block: the second load waits until the SE has taken the first. */
static void throttle(PE *pe, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        pe_load(pe, PE_AT(RA, .push = KIB), X, pe_box(0, 1, 256, 0));
        pe_se(pe, .rows = 1, .cols = 256, .dst = PE_AT(S2), .a = PE_AT(RA, .pop = KIB));
    }
}
static int64_t t_throttle(M *m, int64_t n) {
    int64_t block = m->queue.start + m->dma.setup + sram_read(m, 0, 256) + m->queue.start + at(m->se.rate[PE_I8], 256 * m->se.basic);
    return m->core.issue + n * block;
}
/* Core to core: one reserves and pushes, the other waits and pops. */
static void hand_over(PE *pe, int64_t n) {
    if (pe->core == 0) {
        pe_ops(pe, (int)n);
        pe_reserve(pe, RA, 64);
        pe_push(pe, RA, 64);
    } else {
        pe_wait(pe, RA, 64);
        pe_pop(pe, RA, 64);
    }
}
static int64_t t_hand_over(M *m, int64_t n) { return (n + 3) * m->core.scalar; }

/* ---- DRAM ---- */
static int64_t after_refresh(M *m, int64_t t, int64_t bank) {
    int64_t period = m->dram.refresh_every * m->dram.banks, into = (t + period - bank * m->dram.refresh_every) % period;
    return into < m->dram.refresh ? t + m->dram.refresh - into : t;
}
static int64_t dram_arrives(M *m) { return m->core.issue + m->queue.start + m->dma.setup + m->network.hop; }
static int64_t dram_back(M *m, int64_t bytes) { return m->dram.latency + m->network.hop + at(m->network.link, bytes); }
static void dram_miss(PE *pe, int64_t n) { pe_load(pe, PE_AT(S2), X, pe_box(0, 1, n, 0)); }
static int64_t t_dram_miss(M *m, int64_t n) { return after_refresh(m, dram_arrives(m), 0) + m->dram.row_miss + at(m->dram.channel, n) + dram_back(m, n); }
/* Blocks 0 and 17 lie in one row of channel 0. */
static void dram_hit(PE *pe, int64_t n) { pe_load(pe, PE_AT(S2), X, pe_box(0, n, 1024, 17 * 1024)); }
static int64_t t_dram_hit(M *m, int64_t n) {
    return after_refresh(m, dram_arrives(m) + (n - 1) * m->dma.row, 0) + m->dram.row_miss + at(m->dram.channel, 1024) + (n - 1) * max2(at(m->dram.channel, 1024), at(m->network.link, 1024)) + dram_back(m, 1024);
}
/* Blocks 0 and 544 lie in two rows of one bank: the second is opened when the first has been read. */
static void dram_other(PE *pe, int64_t n) { pe_load(pe, PE_AT(S2), X, pe_box(0, n, 1024, 544 * 1024)); }
static int64_t t_dram_other(M *m, int64_t n) {
    return after_refresh(m, dram_arrives(m) + (n - 1) * m->dma.row, 0) + n * (m->dram.row_miss + at(m->dram.channel, 1024)) + dram_back(m, 1024);
}
/* A write is taken at once; at the end of the run the queue drains, with one turn of the bus. */
static void dram_store(PE *pe, int64_t n) {
    pe_st_f32(pe, S0, 0, 16, pe_splat(pe, 0));
    pe_se(pe, .rows = 1, .cols = 16, .dst = PE_AT(S2), .a = PE_AT(S0));
    pe_fence(pe, PE_SE);
    for (int i = 0; i < n; i++) pe_ops(pe, 1);
    pe_store(pe, X + 1, pe_box(10 * 1024, 1, 16, 0), PE_AT(S2));      /* a block of channel 0 */
}
static int64_t t_dram_store(M *m, int64_t n) {
    int64_t se = max2(m->core.op, SIM_TICK / m->core.stores) + m->core.issue + max2(m->core.scalar, m->queue.start + at(m->se.rate[PE_F32], 16 * m->se.basic));
    int64_t ack = se + n * m->core.scalar + m->core.issue + m->queue.start + m->dma.setup + 2 * m->network.hop + at(m->network.link, 16);
    return ack + m->dram.turnaround + at(m->dram.channel, 32);
}

static int64_t t_full(M *m, int64_t n) { return t_zero(m) + chain_of(m, n, se_time(m, m->se.rate[PE_I8], 256, m->se.basic + m->se.table)); }

typedef void Body(PE *, int64_t);
typedef int64_t Formula(M *, int64_t);
typedef struct Micro { const char *name; Body *body; Formula *formula; int64_t n; bool everywhere, both_cores, dram; } Micro;

static const Micro micros[] = {
    {"empty", empty, t_empty, 0}, {"scalar", scalars, t_scalars, 1}, {"scalars", scalars, t_scalars, 1000},
    {"no turn", turns, t_turns, 0}, {"turns", turns, t_turns, 100}, {"add", adds, t_adds, 1}, {"adds", adds, t_adds, 99},
    {"div", divs, t_divs, 1}, {"divs", divs, t_divs, 10}, {"imuls", imuls, t_imuls, 7}, {"hsum", hsums, t_hsums, 1}, {"hsums", hsums, t_hsums, 5},
    {"store a vector", stores, t_stores, 1}, {"stores", stores, t_stores, 33}, {"vector loop", vector_loop, t_vector_loop, 1}, {"long vector loop", vector_loop, t_vector_loop, 100},
    {"barrier", barrier, t_barrier, 1, true}, {"barriers", barrier, t_barrier, 5, true},
    {"dot k 1", dot1, t_dot1, 1}, {"dot k 32", dot1, t_dot1, 32}, {"dot k 33", dot1, t_dot1, 33}, {"dot k 256", dot1, t_dot1, 256},
    {"one dot", dot16, t_dot16, 1}, {"two dots", dot16, t_dot16, 2}, {"five dots", dot16, t_dot16, 5}, {"dot of 32 rows", dot33, t_dot33, 32}, {"dot of 33 rows", dot33, t_dot33, 33},
    {"dot of 64 rows", dot33, t_dot33, 64}, {"transpose", transposes, t_transposes, 1}, {"transposes", transposes, t_transposes, 4},
    {"se copy", se_case, t_se_case, 0}, {"se exp", se_case, t_se_case, 1}, {"se add", se_case, t_se_case, 2}, {"se div", se_case, t_se_case, 3}, {"se exp of affine", se_case, t_se_case, 4},
    {"se rsqrt", se_case, t_se_case, 5}, {"se three stages", se_case, t_se_case, 6}, {"se tanh of max", se_case, t_se_case, 7},
    {"two se", se_chain, t_se_chain, 2}, {"six se", se_chain, t_se_chain, 6}, {"se to f32", se_f32, t_se_f32, 256}, {"se to f32, odd", se_f32, t_se_f32, 37},
    {"reduce a row", reduce, t_reduce, 1}, {"reduce rows", reduce, t_reduce, 16}, {"se beside dpe", beside, t_beside, 1}, {"se beside dpes", beside, t_beside, 4},
    {"feed a block", feed, t_feed, 32}, {"feed four blocks", feed, t_feed, 64}, {"feed a small one", feed, t_feed, 5}, {"preload", preload, t_preload, 0}, {"preload, late drain", preload, t_preload, 500},
    {"chain of two", chain_row, t_chain_row, 2, true}, {"chain of eight", chain_row, t_chain_row, 8, true},
    {"load, PE (0, 0)", load_at, t_load_at, 0, true}, {"load, PE (0, 7)", load_at, t_load_at, 7, true}, {"load, PE (7, 0)", load_at, t_load_at, 56, true},
    {"load, PE (7, 7)", load_at, t_load_at, 63, true}, {"load 1 byte", load_n, t_load_n, 1}, {"load 64 bytes", load_n, t_load_n, 64}, {"load 100 bytes", load_n, t_load_n, 100},
    {"bank conflict", conflict, t_conflict, 2}, {"bank conflict of four", conflict, t_conflict, 4}, {"one link", one_link, t_one_link, 2},
    {"two ports", two_ports, t_two_ports, 0}, {"loads in turn", loads_in_turn, t_loads_in_turn, 4}, {"store, PE (0, 0)", store_at, t_store_at, 0, true},
    {"store, PE (0, 5)", store_at, t_store_at, 5, true}, {"store, PE (7, 7)", store_at, t_store_at, 63, true}, {"load beside store", both_ways, t_both_ways, 256},
    {"row multicast", row_cast, t_row_cast, 0, true}, {"row multicast, one late", row_cast, t_row_cast, 300, true}, {"column multicast", col_cast, t_row_cast, 0, true},
    {"column multicast, one late", col_cast, t_row_cast, 99, true}, {"box of two rows", rows, t_rows, 2}, {"box of four rows", rows, t_rows, 4},
    {"gather", gather, t_gather, 1}, {"gather of eight", gather, t_gather, 8}, {"ring of one", throttle, t_throttle, 1}, {"a ring that throttles", throttle, t_throttle, 3},
    {"hand over", hand_over, t_hand_over, 0, false, true}, {"hand over, late", hand_over, t_hand_over, 100, false, true},
    {"dram write", dram_store, t_dram_store, 1, false, false, true}, {"dram write, late", dram_store, t_dram_store, 700, false, false, true},
    {"dram row miss", dram_miss, t_dram_miss, 1024, false, false, true}, {"dram, 64 bytes", dram_miss, t_dram_miss, 64, false, false, true},
    {"dram row hit", dram_hit, t_dram_hit, 2, false, false, true}, {"dram two rows of a bank", dram_other, t_dram_other, 2, false, false, true},
    {"queue of seven", full, t_full, 7}, {"full queue", full, t_full, 60},
};
enum { N_MICROS = sizeof micros / sizeof *micros };

static void main0(PE *pe) {
    const Micro *x = &micros[pe->api->dim(pe, 1)];
    pe->scalar = 0;                     /* reading the dims is not part of the program */
    int64_t n = x->n;
    if (x->everywhere || first(pe)) x->body(pe, n);
}
static void main1(PE *pe) {
    const Micro *x = &micros[pe->api->dim(pe, 1)];
    pe->scalar = 0;
    if (x->both_cores && first(pe)) x->body(pe, x->n);
}
static const PeProgram program = {
    .version = PE_VERSION, .name = "micro", .dims = "N, W", .tensor = {{"x", PE_I8, PE_IN, "2129920"}, {"y", PE_I8, PE_OUT, "100000"}},
    .setup = setup, .core = {main0, main1},
};

static SimMachine variant(SimMachine m, int v) {
    static const char *const latencies[] = {"sram.latency", "dram.latency", "network.hop", "queue.start", "core.issue", "dma.setup", "dram.row_miss", NULL};
    static const char *const rates[] = {"sram.bandwidth", "dram.bandwidth", "dpe.rate", "se.rate", "mlu.rate", NULL};
    for (int i = 0; v == 1 && latencies[i]; i++) assert_true(sim_machine_scale(&m, latencies[i], 2));
    if (v == 2) assert_true(sim_machine_scale(&m, "network.link", 0.5) && sim_machine_scale(&m, "re.link", 0.5));
    for (int i = 0; v == 3 && rates[i]; i++) assert_true(sim_machine_scale(&m, rates[i], 0.5));
    return m;
}

static void test_micros(void **state) {
    (void)state;
    static const char *const names[] = {"mtia1", "mtia2"}, *const variants[] = {"", ", latencies doubled", ", links halved", ", rates halved"};
    int wrong = 0;
    for (int i = 0; i < 8; i++) {
        Arena *a = arena_new(0, harness_oom, NULL);
        SimMachine m = variant(harness_machine(a, names[i / 4]), i % 4);
        for (int k = 0; k < N_MICROS; k++) {
            int64_t dims[2] = {0, k};
            SimReport r = harness_run(a, &program, &m, dims, 2, micros[k].dram);
            if (r.fault.kind) { print_error("%s: %s\n", micros[k].name, r.fault.text); wrong++; continue; }
            int64_t want = micros[k].formula(&m, micros[k].n);
            if (sim_cycles(r.ticks) != sim_cycles(want)) {
                print_error("%s on %s%s: %lld cycles, by the formula %lld\n", micros[k].name, names[i / 4], variants[i % 4], (long long)sim_cycles(r.ticks), (long long)sim_cycles(want));
                wrong++;
            }
        }
        arena_free(a);
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_micros)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
