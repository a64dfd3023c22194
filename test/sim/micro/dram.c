/* DRAM: open rows, refresh, channels, writes. Blocks 17 i are in channel 0, unit i, row i / 2, bank i / 2 (i < 16); blocks 544 i in
 * channel 0, rows 17 i, all of bank 0. */
#include "sim/micro/micro.h"

static void load(PE *pe, int64_t block, int64_t bytes) { pe_load(pe, PE_AT(I8), X, span(1024 * block, bytes)); }
static void load_rows(PE *pe, int64_t block, int64_t rows, int64_t stride) { pe_load(pe, PE_AT(I8), X, pe_box(1024 * block, rows, 1024, 1024 * stride)); }

static void miss(PE *pe) { if (first(pe)) load(pe, 0, micro_n); }
static void miss_next(PE *pe) { if (first(pe)) load(pe, 34, micro_n); }
static void miss_far(PE *pe) { if (at_pe(pe, 7, 7)) load(pe, 0, micro_n); }
static void hit(PE *pe) { if (first(pe)) load_rows(pe, 34, 2, 17); }
static void same_bank(PE *pe) { if (first(pe)) load_rows(pe, 0, micro_n, 544); }
static void two_banks(PE *pe) { if (first(pe)) load_rows(pe, 34, 2, 34); }
static void eight_rows(PE *pe) { if (first(pe)) load_rows(pe, 34, 8, 17); }
static void two_channels(PE *pe) { if (first(pe)) load(pe, 0, 2048); }
static void again(PE *pe) {       /* the same block, after some time */
    if (!first(pe)) return;
    load(pe, 34, 1024);
    pe_ops(pe, (int)micro_n);
    load(pe, 34, 1024);
}
static void two_pes(PE *pe) { if (pe_row(pe) == 0 && pe_col(pe) < 2) load(pe, pe_col(pe) ? 51 : 34, 1024); }
static void cast(PE *pe) { if (pe_row(pe) == 0) pe_load_row(pe, PE_AT(I8), X, span(34 * 1024, 1024)); }
static void gather(PE *pe) { if (first(pe)) pe_gather(pe, PE_AT(I8), X, PE_AT(I32), micro_n, 64, 64, 34 * 1024); }

static void store(PE *pe) { if (first(pe)) pe_store(pe, X, span(0, micro_n), PE_AT(J8)); }
static void stores(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_store(pe, X, span(17 * 1024 * i, 1024), PE_AT(J8)); }
static void read_behind(PE *pe) {
    if (!first(pe)) return;
    pe_store(pe, X, pe_box(0, 4, 1024, 17 * 1024), PE_AT(J8));
    pe_fence(pe, PE_STORE);
    load(pe, 34, 1024);
}

#define AT_MEMORY "(" DMA " + network.hop)"                       /* a request of PE (0, 0) to port 0 */
#define BACK(bytes) "dram.latency + network.hop + " LINK(bytes)   /* from the channel's end on */
#define AGAIN "(2 * core.issue + n * core.scalar + queue.start + dma.setup + network.hop)"
#define NEXT "(queue.start + dma.setup)"
/* The fourth store has come to the memory. */
#define FOUR "(" DMA " + 3 * max(" NEXT ", " LINK(1024) ") + " LINK(1024) " + network.hop)"
#define TURN(bytes) "(dram.turnaround + " CHAN(bytes) ")"

const Micro micro_dram[] = {
    {"dram, row miss", miss_next, NULL, 1024, "refresh(" AT_MEMORY ", 1) + dram.row_miss + " CHAN(n) " + " BACK(n), true},
    {"dram, row miss of 64 bytes", miss_next, NULL, 64, "refresh(" AT_MEMORY ", 1) + dram.row_miss + " CHAN(n) " + " BACK(n), true},
    {"dram, 5 bytes", miss_next, NULL, 5, "refresh(" AT_MEMORY ", 1) + dram.row_miss + " CHAN(32) " + " BACK(n), true},
    {"dram, a bank that refreshes", miss, NULL, 1024, "refresh(" AT_MEMORY ", 0) + dram.row_miss + " CHAN(n) " + " BACK(n), true},
    {"dram, no refresh", miss, NULL, 1024, AT_MEMORY " + dram.row_miss + " CHAN(n) " + " BACK(n), true, {"dram.refresh", "0 ns"}},
    {"dram from afar", miss_far, NULL, 256, "refresh(" DMA " + 15 * network.hop, 0) + dram.row_miss + " CHAN(n) " + dram.latency + 15 * network.hop + " LINK(n), true},
    {"dram, row hit", hit, NULL, 0, "refresh(" AT_MEMORY " + dma.row, 1) + dram.row_miss + 2 * " CHAN(1024) " + " BACK(1024), true},
    {"dram, two rows of a bank", same_bank, NULL, 2, "refresh(" AT_MEMORY " + (n - 1) * dma.row, 0) + n * (dram.row_miss + " CHAN(1024) ") + " BACK(1024), true},
    {"dram, three rows of a bank", same_bank, NULL, 3, "refresh(" AT_MEMORY " + (n - 1) * dma.row, 0) + n * (dram.row_miss + " CHAN(1024) ") + " BACK(1024), true},
    {"dram, two banks of a channel", two_banks, NULL, 0,
     "max(refresh(" AT_MEMORY " + dma.row, 1) + dram.row_miss + " CHAN(1024) ", refresh(" AT_MEMORY " + dma.row, 2) + dram.row_miss) + " CHAN(1024) " + " BACK(1024), true},
    {"dram, eight blocks of a channel", eight_rows, NULL, 0, AT_MEMORY " + 7 * dma.row + dram.row_miss + 8 * " CHAN(1024) " + " BACK(1024), true},
    {"dram, two channels", two_channels, NULL, 0, "refresh(" DMA " + 3 * network.hop, 0) + dram.row_miss + " CHAN(1024) " + dram.latency + 3 * network.hop + " LINK(1024), true},
    {"dram, the row is still open", again, NULL, 30, "max(" AGAIN ", " AT_MEMORY " + dram.row_miss + " CHAN(1024) ") + " CHAN(1024) " + " BACK(1024), true},
    {"dram, a refresh closed the row", again, NULL, 600, "refresh(" AGAIN ", 1) + dram.row_miss + " CHAN(1024) " + " BACK(1024), true},
    {"dram, two PEs on a channel", two_pes, NULL, 0, AT_MEMORY " + dram.row_miss + 2 * " CHAN(1024) " + dram.latency + 2 * network.hop + " LINK(1024), true},
    {"dram, row multicast", cast, NULL, 0, AT_MEMORY " + dram.row_miss + " CHAN(1024) " + dram.latency + 8 * network.hop + " LINK(1024), true},
    {"dram, gather", gather, NULL, 4, AT_MEMORY " + (n - 1) * dma.gather_row + dram.row_miss + n * " CHAN(64) " + " BACK(64), true},
    {"dram, store", store, NULL, 1024, DMA " + 2 * network.hop + " LINK(n) " + " TURN(n), true},
    {"dram, store of 5 bytes", store, NULL, 5, DMA " + 2 * network.hop + " LINK(n) " + " TURN(32), true},
    {"dram, two channels have writes in the end", store, NULL, 2048, DMA " + 6 * network.hop + " LINK(1024) " + " TURN(1024), true},
    {"dram, the write queue fills once", stores, NULL, 4, FOUR " + max(network.hop, " TURN(4096) ")", true},
    {"dram, five stores", stores, NULL, 5, FOUR " + " TURN(4096) " + " TURN(1024), true},
    {"dram, nine stores", stores, NULL, 9, FOUR " + 2 * " TURN(4096) " + " TURN(1024), true},
    {"dram, a longer write queue", stores, NULL, 5, DMA " + 4 * max(" NEXT ", " LINK(1024) ") + 2 * network.hop + " LINK(1024) " + " TURN(5120), true, {"dram.write_queue", "8 KiB"}},
    /* the channel turns round for the writes; the row that a write has opened stays open */
    {"dram, a load behind writes", read_behind, NULL, 0, DMA " + 3 * dma.row + 4 * " LINK(1024) " + network.hop + " TURN(4096) " + " CHAN(1024) " + " BACK(1024), true},
    {NULL, NULL, NULL, 0, NULL},
};
