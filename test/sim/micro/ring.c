/* Rings: who waits for whom. */
#include "sim/micro/micro.h"

static void load(PE *pe, int64_t block, int64_t push) { pe_load(pe, PE_AT(RING, .push = push), X, span(256 * block, 256)); }
static void take(PE *pe, int64_t pop) { pe_se(pe, .rows = 1, .cols = 256, .dst = PE_AT(J8), .a = PE_AT(RING, .pop = pop)); }

static void throttle(PE *pe) {    /* the ring holds one block: a load waits until the SE has taken the one before */
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) { load(pe, 0, 1024); take(pe, 1024); }
}
static void two_blocks(PE *pe) {  /* the ring holds two */
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) { load(pe, 32 * (i % 2), 512); take(pe, 512); }
}
static void give_late(PE *pe) {
    if (!first(pe)) return;
    pe_ops(pe, (int)micro_n);
    pe_reserve(pe, RING, 64);
    pe_push(pe, RING, 64);
}
static void get(PE *pe) {
    if (!first(pe)) return;
    pe_wait(pe, RING, 64);
    pe_pop(pe, RING, 64);
}
static void give_twice(PE *pe) {
    if (first(pe)) for (int i = 0; i < 2; i++) { pe_reserve(pe, RING, 1024); pe_push(pe, RING, 1024); }
}
static void get_late(PE *pe) {
    if (!first(pe)) return;
    pe_ops(pe, (int)micro_n);
    for (int i = 0; i < 2; i++) { pe_wait(pe, RING, 1024); pe_pop(pe, RING, 1024); }
}
static void load_one(PE *pe) { if (first(pe)) load(pe, 0, 256); }
static void wait_one(PE *pe) {
    if (!first(pe)) return;
    pe_wait(pe, RING, 256);
    pe_pop(pe, RING, 256);
    pe_ops(pe, (int)micro_n);
}
static void give_command(PE *pe) {
    if (!first(pe)) return;
    pe_ops(pe, (int)micro_n);
    pe_reserve(pe, RING, 256);
    pe_push(pe, RING, 256);
}
static void take_one(PE *pe) { if (first(pe)) take(pe, 256); }
static void take_and_more(PE *pe) {     /* the second command is ready, and waits behind the first */
    if (!first(pe)) return;
    take(pe, 256);
    pe_se(pe, .rows = 1, .cols = 256, .dst = PE_AT(J8), .a = PE_AT(I8));
}
static void turn_and_store(PE *pe) {
    if (!first(pe)) return;
    pe_transpose(pe, PE_AT(RING2, .push = 256), PE_AT(RING, .pop = 256), 16, 16);
    pe_store(pe, X, span(256 * 32, 256), PE_AT(RING2, .pop = 256));
}
static void stream_in(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) load(pe, 32 * (i % 2), 256); }
static void stream_out(PE *pe) {
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_store(pe, X, span(256 * (31 + 32 * (i % 2)), 256), PE_AT(RING, .pop = 256));
}
static void stream_slowly(PE *pe) {     /* the SE is slower than the loads: it never waits after the first */
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_se(pe, .fn = PE_EXP, .rows = 1, .cols = 256, .dst = PE_AT(J8), .a = PE_AT(RING, .pop = 256));
}

#define NEXT "(queue.start + dma.setup)"
#define READ SRAM_READ(0, 256)
#define TAKE "(queue.start + se.rate.i8(256 * se.basic))"
const Micro micro_ring[] = {
    {"a ring of one block", throttle, NULL, 1, "core.issue + n * (" NEXT " + " READ " + " TAKE ")"},
    {"a ring that throttles", throttle, NULL, 4, "core.issue + n * (" NEXT " + " READ " + " TAKE ")"},
    {"a ring of two blocks", two_blocks, NULL, 3, "core.issue + " NEXT " + " READ " + max(" NEXT " + " READ " + " TAKE ", max(" NEXT ", " TAKE ") + " TAKE ") + " TAKE},
    {"hand over", give_late, get, 0, "(n + 3) * core.scalar"},
    {"hand over, late", give_late, get, 100, "(n + 3) * core.scalar"},
    {"a producer without room", give_twice, get_late, 80, "(n + 4) * core.scalar"},
    {"a core waits for a load", load_one, wait_one, 60, DMA " + " READ " + (n + 1) * core.scalar"},
    {"a command waits for a core", give_command, take_one, 200, "(n + 2) * core.scalar + " TAKE},
    {"a command behind one that waits", give_command, take_and_more, 200, "(n + 2) * core.scalar + 2 * " TAKE},
    {"load, transpose, store", load_one, turn_and_store, 0, DMA " + " READ " + queue.start + mlu.rate(256) + " NEXT " + " SRAM_WRITE(0, 256)},
    {"a stream", stream_in, stream_out, 4, DMA " + (n - 1) * " NEXT " + " READ " + " NEXT " + " SRAM_WRITE(0, 256)},
    {"a stream into a slow engine", stream_in, stream_slowly, 4, DMA " + " READ " + n * (queue.start + se.rate.i8(256 * se.table))", false, {"se.table", "20"}},
    {NULL, NULL, NULL, 0, NULL},
};
