/* The engines: queues, DPE, RE, SE, MLU, and what runs beside what. */
#include "sim/micro/micro.h"

/* ---- queues ---- */

static void se_copy(PE *pe, int64_t n) { pe_se(pe, .rows = 1, .cols = n, .dst = PE_AT(J8), .a = PE_AT(I8)); }
static void copies(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) se_copy(pe, 512); }
static void nothings(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) se_copy(pe, 0); }
static void full(PE *pe) {        /* the core's work after the last issue is seen, not the engine's */
    copies(pe);
    if (first(pe)) pe_ops(pe, 20000);
}
static void fenced(PE *pe) {
    if (!first(pe)) return;
    copies(pe);
    pe_fence(pe, PE_SE);
    pe_ops(pe, 100);
}
static void fence_idle(PE *pe) { if (first(pe)) pe_fence(pe, PE_DPE); }
static void copies_here(PE *pe) { if (at_pe(pe, 3, 4)) for (int64_t i = 0; i < micro_n; i++) se_copy(pe, 512); }

/* n commands of one core, each D long with its start. */
#define ROW_OF(D) "core.issue + " D " + (n - 1) * max(" D ", core.issue)"
#define SE512 "(queue.start + se.rate.i8(512 * se.basic))"

/* ---- DPE and RE ---- */

typedef struct Panel { int m, n, k, count; } Panel;
static void dots(PE *pe, int buf, Panel p) {
    if (!first(pe)) return;
    for (int i = 0; i < p.count; i++) pe_dot(pe, .m = p.m, .n = p.n, .k = p.k, .a = PE_AT(buf), .b = PE_AT(buf));
    pe_re_drain(pe, buf == I8 ? PE_AT(I32) : PE_AT(F32), 0, p.m < 32 ? p.m : 32, p.n < 32 ? p.n : 32);
    for (int acc = 1; acc < (p.m + 31) / 32 * ((p.n + 31) / 32); acc++) pe_re_drain(pe, buf == I8 ? PE_AT(I32) : PE_AT(F32), acc, 1, 1);
}
static void dot_k(PE *pe) { dots(pe, I8, (Panel){1, 1, (int)micro_n, 1}); }
static void dot_k_f16(PE *pe) { dots(pe, F16, (Panel){16, 16, (int)micro_n, 1}); }
static void dot_m(PE *pe) { dots(pe, I8, (Panel){(int)micro_n, 1, 4, 1}); }
static void dot_many(PE *pe) { dots(pe, I8, (Panel){16, 16, 16, (int)micro_n}); }
static void dot_panel(PE *pe) {
    if (!first(pe)) return;
    pe_dot(pe, .m = 64, .n = 64, .k = micro_n, .a = PE_AT(I8), .b = PE_AT(I8));
    pe_se(pe, .from_re = true, .rows = 64, .cols = 64, .dst = PE_AT(J8));
}
#define BLOCK_I8 "dpe.rate.i8(dpe.block.0 * dpe.block.1 * dpe.block.2)"
#define BLOCK_F16 "dpe.rate.f16(dpe.block.0 * dpe.block.1 * ceil(dpe.block.2, 2))"
#define DRAIN "(queue.start + re.drain)"
/* Dots of D each, the drain of one block issued behind them. */
#define DOTS(D) "max(" ROW_OF(D) ", (n + 1) * core.issue) + " DRAIN
#define DOT(D) "max(core.issue + " D ", 2 * core.issue) + " DRAIN

static void drain(PE *pe) {       /* n rows of 64 columns, after a preload of them all */
    if (!first(pe)) return;
    pe_re_preload(pe, 0, micro_n, 64, PE_AT(F32));
    pe_re_drain(pe, PE_AT(F32), 0, micro_n, 64);
}
static void preload_late(PE *pe) {
    if (!first(pe)) return;
    pe_re_preload(pe, 3, 32, 32, PE_AT(F32));
    pe_ops(pe, (int)micro_n);
    pe_re_drain(pe, PE_AT(F32), 3, 32, 32);
}
static void preload_dot(PE *pe) { /* the DPE waits for the accumulator that is filled */
    if (!first(pe)) return;
    pe_re_preload(pe, 0, 32, 32, PE_AT(I32));
    pe_dot(pe, .add = true, .m = 32, .n = 32, .k = micro_n, .a = PE_AT(I8), .b = PE_AT(I8));
    pe_re_drain(pe, PE_AT(I32), 0, 32, 32);
}
static void other_acc(PE *pe) {   /* the next panel goes to other accumulators while the first is drained */
    if (!first(pe)) return;
    pe_dot(pe, .acc = 0, .m = 32, .n = 32, .k = 512, .a = PE_AT(I8), .b = PE_AT(I8));
    pe_dot(pe, .acc = 1, .m = 32, .n = 32, .k = 512, .a = PE_AT(I8), .b = PE_AT(I8));
    pe_re_drain(pe, PE_AT(I32), 0, 32, 32);
    pe_re_drain(pe, PE_AT(I32), 1, 32, 32);
}
static void same_acc(PE *pe) {    /* the next panel waits until the accumulator is free */
    if (!first(pe)) return;
    for (int i = 0; i < 2; i++) {
        pe_dot(pe, .m = 32, .n = 32, .k = 512, .a = PE_AT(I8), .b = PE_AT(I8));
        pe_re_drain(pe, PE_AT(I32), 0, 32, 32);
    }
}

/* Each adds what comes and sends on; the last drains. */
static void chain(PE *pe, int place, int64_t size, PeDir dir) {
    pe_re_preload(pe, 0, size, size, PE_AT(F32));
    if (place > 0) pe_re_receive(pe, 0, size, size, dir);
    if (place < micro_n - 1) pe_re_send(pe, 0, size, size, dir);
    else pe_re_drain(pe, PE_AT(F32), 0, size, size);
}
static void chain_row(PE *pe) { if (pe_row(pe) == 2 && pe_col(pe) < micro_n) chain(pe, pe_col(pe), 16, PE_EAST); }
static void chain_col(PE *pe) { if (pe_col(pe) == 5 && pe_row(pe) < micro_n) chain(pe, pe_row(pe), 16, PE_SOUTH); }
static void chain_four(PE *pe) { if (pe_row(pe) == 0 && pe_col(pe) < micro_n) chain(pe, pe_col(pe), 64, PE_EAST); }
static void chain_rows(PE *pe) { if (pe_col(pe) < micro_n) chain(pe, pe_col(pe), 32, PE_EAST); }
#define LOADED(blocks) "core.issue + max(core.issue, queue.start + " #blocks " * re.preload)"
#define STEP(blocks) "(queue.start + re.link(" #blocks " * 4096) + network.hop)"
#define CHAIN(blocks) LOADED(blocks) " + (n - 1) * " STEP(blocks) " + queue.start + " #blocks " * re.drain"

/* ---- SE, MLU ---- */

#define SE(...) do { if (first(pe)) pe_se(pe, .rows = 4, .cols = micro_n, __VA_ARGS__); } while (0)
static void se_i8(PE *pe) { SE(.dst = PE_AT(J8), .a = PE_AT(I8)); }
static void se_f16(PE *pe) { SE(.dst = PE_AT(F16), .a = PE_AT(F16B)); }
static void se_mixed(PE *pe) { SE(.dst = PE_AT(F16), .a = PE_AT(I8)); }
static void se_exp(PE *pe) { SE(.fn = PE_EXP, .dst = PE_AT(F16), .a = PE_AT(F16B)); }
static void se_relu(PE *pe) { SE(.fn = PE_RELU, .dst = PE_AT(F16), .a = PE_AT(F16B)); }
static void se_rsqrt(PE *pe) { SE(.fn = PE_RSQRT, .dst = PE_AT(F16), .a = PE_AT(F16B)); }
static void se_add(PE *pe) { SE(.bin = PE_ADD, .dst = PE_AT(F16), .a = PE_AT(F16), .b = PE_AT(F16B)); }
static void se_div(PE *pe) { SE(.bin = PE_DIV, .dst = PE_AT(F16), .a = PE_AT(F16), .b = PE_AT(F16B)); }
static void se_affine(PE *pe) { SE(.affine = true, .alpha = 2, .dst = PE_AT(F16), .a = PE_AT(F16B)); }
static void se_three(PE *pe) { SE(.bin = PE_MUL, .affine = true, .fn = PE_TANH, .dst = PE_AT(F16), .a = PE_AT(F16), .b = PE_AT(F16B)); }
static void se_row(PE *pe) { SE(.bin = PE_MUL, .b_row = true, .dst = PE_AT(F16), .a = PE_AT(F16), .b = PE_AT(F16B)); }
static void se_col(PE *pe) { SE(.bin = PE_DIV, .b_col = true, .fn = PE_SIGMOID, .dst = PE_AT(F16), .a = PE_AT(F16), .b = PE_AT(F16B)); }
/* Three rows of f32: on some machines more than local memory carries meanwhile. */
static void se_wide(PE *pe) { SE(.bin = PE_ADD, .dst = PE_AT(F32), .a = PE_AT(F32, .off = 8192), .b = PE_AT(F32, .off = 16384)); }
static void reduce(PE *pe) { if (first(pe)) pe_se_reduce(pe, PE_RSUM, PE_AT(F32), PE_AT(F16), micro_n, 64); }
static void accumulate(PE *pe) { if (first(pe)) pe_se_accumulate(pe, PE_AT(F32), PE_AT(F16), micro_n, 64, false); }
#define SE_TIME(type, ops) CMD " + se.rate." #type "(4 * n * (" ops "))"

static void feed(PE *pe) {        /* the SE takes the accumulators itself */
    if (!first(pe)) return;
    pe_re_preload(pe, 0, micro_n, micro_n, PE_AT(F32));
    pe_se(pe, .from_re = true, .rows = micro_n, .cols = micro_n, .dst = PE_AT(F16));
}
static void feed_slow(PE *pe) {
    if (!first(pe)) return;
    pe_re_preload(pe, 0, micro_n, micro_n, PE_AT(F32));
    pe_se(pe, .from_re = true, .bin = PE_DIV, .fn = PE_EXP, .affine = true, .rows = micro_n, .cols = micro_n, .dst = PE_AT(F16), .b = PE_AT(F16B));
}
#define FEED(ops) "core.issue + max(core.issue, queue.start + ceil(n, 32) * ceil(n, 32) * re.preload) + queue.start + max(se.rate.f16(n * n * (" ops ")), ceil(n, 32) * ceil(n, 32) * re.drain)"

static void transposes(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_transpose(pe, PE_AT(J8), PE_AT(I8), 32, 64); }
static void transpose_f16(PE *pe) { if (first(pe)) pe_transpose(pe, PE_AT(F16), PE_AT(F16B), micro_n, 37); }

/* ---- beside each other ---- */

static void se_and_mlu(PE *pe) {  /* issued one after the other, then each on its own */
    if (!first(pe)) return;
    pe_se(pe, .fn = PE_EXP, .rows = 4, .cols = micro_n, .dst = PE_AT(F16), .a = PE_AT(F16B));
    pe_transpose(pe, PE_AT(J8), PE_AT(I8), 64, 64);
}
static void se_and_dpe(PE *pe) {
    if (!first(pe)) return;
    pe_dot(pe, .m = 32, .n = 32, .k = micro_n, .a = PE_AT(I8), .b = PE_AT(I8));
    se_copy(pe, 2048);
    pe_re_drain(pe, PE_AT(I32), 0, 32, 32);
}
static void se_of_core1(PE *pe) { if (first(pe)) se_copy(pe, 512); }
static void slow_core(PE *pe) {   /* commands of one core while it works itself */
    if (!first(pe)) return;
    se_copy(pe, 512);
    pe_ops(pe, (int)micro_n);
    se_copy(pe, 512);
}

const Micro micro_engine[] = {
    {"a command of nothing", nothings, NULL, 1, CMD},
    {"commands of nothing", nothings, NULL, 30, ROW_OF("queue.start")},
    {"a command", copies, NULL, 1, "core.issue + " SE512},
    {"seven commands", copies, NULL, 7, ROW_OF(SE512)},
    {"more commands than the queue holds", copies, NULL, 25, ROW_OF(SE512)},
    {"the core at a full queue", full, NULL, 20, "max(n * core.issue, core.issue + (n - queue.depth) * " SE512 ") + 20000 * core.scalar"},
    {"the core at a queue of one", full, NULL, 5, "core.issue + (n - 1) * " SE512 " + 20000 * core.scalar", false, {"queue.depth", "1"}},
    {"the queue just full", full, NULL, 8, "8 * core.issue + 20000 * core.scalar"},
    {"fence", fenced, NULL, 3, ROW_OF(SE512) " + 100 * core.scalar"},
    {"fence of an idle engine", fence_idle, NULL, 0, "core.scalar"},
    {"commands of another PE", copies_here, NULL, 4, ROW_OF(SE512)},
    {"both cores, one engine", se_of_core1, se_of_core1, 2, "core.issue + n * " SE512},
    {"a core that works between", slow_core, NULL, 500, "core.issue + max(n * core.scalar + core.issue, " SE512 ") + " SE512},
    {"a core that works less than its engine", slow_core, NULL, 2, "core.issue + max(n * core.scalar + core.issue, " SE512 ") + " SE512},

    {"dot, k = 0", dot_k, NULL, 0, DOT("queue.start")},
    {"dot, k = 1", dot_k, NULL, 1, DOT("(queue.start + " BLOCK_I8 ")")},
    {"dot, k = 32", dot_k, NULL, 32, DOT("(queue.start + " BLOCK_I8 ")")},
    {"dot, k = 33", dot_k, NULL, 33, DOT("(queue.start + 2 * " BLOCK_I8 ")")},
    {"dot, k = 256", dot_k, NULL, 256, DOT("(queue.start + ceil(n, 32) * " BLOCK_I8 ")")},
    {"dot in f16, k = 16", dot_k_f16, NULL, 16, DOT("(queue.start + " BLOCK_F16 ")")},
    {"dot in f16, k = 100", dot_k_f16, NULL, 100, DOT("(queue.start + ceil(2 * n, 32) * " BLOCK_F16 ")")},
    {"dot of 32 rows", dot_m, NULL, 32, DOT("(queue.start + " BLOCK_I8 ")")},
    {"dot of 33 rows", dot_m, NULL, 33, "max(core.issue + queue.start + 2 * " BLOCK_I8 ", 2 * core.issue) + 2 * " DRAIN},
    {"dot of 64 by 64", dot_panel, NULL, 96, "core.issue + max(queue.start + 12 * " BLOCK_I8 ", core.issue) + queue.start + max(4 * re.drain, se.rate.i8(4096 * se.basic))"},
    {"two dots", dot_many, NULL, 2, DOTS("(queue.start + " BLOCK_I8 ")")},
    {"six dots", dot_many, NULL, 6, DOTS("(queue.start + " BLOCK_I8 ")")},
    {"preload and drain of two blocks", drain, NULL, 20, "core.issue + max(queue.start + 2 * re.preload, core.issue) + queue.start + 2 * re.drain"},
    {"preload and drain of four blocks", drain, NULL, 64, "core.issue + max(queue.start + 4 * re.preload, core.issue) + queue.start + 4 * re.drain"},
    {"drain issued late", preload_late, NULL, 300, "2 * core.issue + n * core.scalar + " DRAIN},
    {"dot onto a preload", preload_dot, NULL, 64, "core.issue + max(queue.start + re.preload, core.issue) + queue.start + 2 * " BLOCK_I8 " + " DRAIN},
    {"two panels, two accumulators", other_acc, NULL, 0, "core.issue + 2 * (queue.start + 16 * " BLOCK_I8 ") + " DRAIN},
    {"two panels, one accumulator", same_acc, NULL, 0, "core.issue + 2 * (queue.start + 16 * " BLOCK_I8 " + " DRAIN ")"},
    {"chain of two", chain_row, NULL, 2, CHAIN(1)},
    {"chain of eight PEs", chain_row, NULL, 8, CHAIN(1)},
    {"chain of eight down a column", chain_col, NULL, 8, CHAIN(1)},
    {"chain of four blocks", chain_four, NULL, 3, CHAIN(4)},
    {"chains in all rows", chain_rows, NULL, 8, CHAIN(1)},

    {"se copy, i8", se_i8, NULL, 256, SE_TIME(i8, "se.basic")},
    {"se copy, f16", se_f16, NULL, 256, SE_TIME(f16, "se.basic")},
    {"se copy, odd", se_f16, NULL, 77, SE_TIME(f16, "se.basic")},
    {"se from i8 to f16", se_mixed, NULL, 256, SE_TIME(f16, "se.basic")},
    {"se exp", se_exp, NULL, 100, SE_TIME(f16, "se.table")},
    {"se exp with a slow table", se_exp, NULL, 100, SE_TIME(f16, "se.table"), false, {"se.table", "3"}},
    {"se relu", se_relu, NULL, 100, SE_TIME(f16, "se.basic")},
    {"se rsqrt", se_rsqrt, NULL, 100, SE_TIME(f16, "se.recip")},
    {"se add", se_add, NULL, 100, SE_TIME(f16, "se.basic")},
    {"se divide", se_div, NULL, 100, SE_TIME(f16, "se.divide")},
    {"se affine", se_affine, NULL, 100, SE_TIME(f16, "se.basic")},
    {"se with three stages", se_three, NULL, 100, SE_TIME(f16, "2 * se.basic + se.table")},
    {"se with a row", se_row, NULL, 100, SE_TIME(f16, "se.basic")},
    {"se with a column", se_col, NULL, 100, SE_TIME(f16, "se.divide + se.table")},
    {"se bound by local memory", se_wide, NULL, 512, CMD " + max(se.rate.f32(4 * n * se.basic), local.bandwidth(3 * 16 * n))"},
    {"sums of rows", reduce, NULL, 16, CMD " + se.rate.f16(n * 64 * se.basic)"},
    {"sum of rows", accumulate, NULL, 32, CMD " + se.rate.f16(n * 64 * se.basic)"},
    {"feed of a small block", feed, NULL, 5, FEED("se.basic")},
    {"feed of a block", feed, NULL, 32, FEED("se.basic")},
    {"feed of four blocks", feed, NULL, 64, FEED("se.basic")},
    {"feed of a slow function", feed_slow, NULL, 64, FEED("se.divide + se.table + se.basic")},
    {"transpose", transposes, NULL, 1, CMD " + mlu.rate(2048)"},
    {"transposes", transposes, NULL, 5, ROW_OF("(queue.start + mlu.rate(2048))")},
    {"transpose in f16", transpose_f16, NULL, 41, CMD " + mlu.rate(n * 37 * 2)"},
    {"se beside mlu", se_and_mlu, NULL, 512, "max(" CMD " + se.rate.f16(4 * n * se.table), core.issue + " CMD " + mlu.rate(4096))"},
    {"se beside dpe", se_and_dpe, NULL, 128, "max(core.issue + " CMD " + se.rate.i8(2048 * se.basic), max(" CMD " + 4 * " BLOCK_I8 ", 3 * core.issue) + " DRAIN ")"},
    {NULL, NULL, NULL, 0, NULL},
};
