/* The fabric and the SRAM. */
#include "sim/micro/micro.h"

static void load(PE *pe, int64_t block, int64_t bytes) { pe_load(pe, PE_AT(I8), X, span(256 * block, bytes)); }
static void store(PE *pe, int64_t block, int64_t bytes) { pe_store(pe, X, span(256 * block, bytes), PE_AT(J8)); }

/* ---- one request ---- */
static void load_bytes(PE *pe) { if (first(pe)) load(pe, 0, micro_n); }
static void load_odd(PE *pe) { if (first(pe)) pe_load(pe, PE_AT(I8), X, span(31, micro_n)); }
static void load_here(PE *pe) { if (pe_row(pe) + pe_col(pe) == micro_n && (pe_row(pe) == 0 || pe_col(pe) == 7)) load(pe, 0, 256); }
static void load_east(PE *pe) { if (at_pe(pe, 0, (int)micro_n)) load(pe, 8, 256); }     /* from port 8, east of (0, 7) */
static void load_south(PE *pe) { if (at_pe(pe, 7, 0)) load(pe, micro_n, 256); }         /* from port n, south of (7, 23 - n) */
static void load_west(PE *pe) { if (at_pe(pe, 2, 2)) load(pe, micro_n, 256); }          /* from port n, west of (31 - n, 0) */
static void load_nothing(PE *pe) { if (first(pe)) { pe_load(pe, PE_AT(I8), X, pe_box(0, 0, 256, 256)); load(pe, 0, 0); } }
static void store_bytes(PE *pe) { if (first(pe)) store(pe, 0, micro_n); }
static void store_here(PE *pe) { if (pe_col(pe) == 0 && pe_row(pe) == micro_n) store(pe, 0, 256); }
static void store_far(PE *pe) { if (at_pe(pe, 7, 7)) store(pe, micro_n, 256); }

/* ---- shapes ---- */
static void rows_apart(PE *pe) { if (first(pe)) pe_load(pe, PE_AT(I8), X, pe_box(0, micro_n, 32, 64)); }       /* all in block 0 */
static void rows_dense(PE *pe) { if (first(pe)) pe_load(pe, PE_AT(I8), X, pe_box(0, micro_n, 32, 32)); }       /* one row of 32 n bytes */
static void rows_pitched(PE *pe) { if (first(pe)) pe_load(pe, PE_AT(I8, .pitch = 128), X, pe_box(0, micro_n, 32, 64)); }
static void box_deep(PE *pe) {
    if (first(pe)) pe_load(pe, PE_AT(I8), X, (PeBox){0, {2, 2, micro_n, 16}, {128, 64, 32, 1}});
}
static void store_rows(PE *pe) { if (first(pe)) pe_store(pe, X, pe_box(0, micro_n, 32, 64), PE_AT(J8)); }
static void gather(PE *pe) { if (first(pe)) pe_gather(pe, PE_AT(I8), X, PE_AT(I32), micro_n, 32, 64, 0); }     /* index 0, n times */
static void two_ports(PE *pe) { if (first(pe)) load(pe, 0, 512); }
static void eight_ports(PE *pe) { if (first(pe)) load(pe, 0, 2048); }
static void bank_rows(PE *pe) { if (first(pe)) pe_load(pe, PE_AT(I8), X, pe_box(0, micro_n, 256, 65 * 256)); } /* blocks 65 i: digits i, i: bank 0 */
static void link_rows(PE *pe) { if (first(pe)) pe_load(pe, PE_AT(I8), X, pe_box(0, 2, 256, 32 * 256)); }       /* banks 0 and 32, both behind port 0 */

/* ---- several commands ---- */
static void loads_in_turn(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) load(pe, 0, 256); }
static void stores_in_turn(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) store(pe, 0, 256); }
static void slots(PE *pe) {       /* blocks 0, 32, 31, 63: four banks behind the two ports beside PE (0, 0) */
    static const int block[] = {0, 32, 31, 63};
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) load(pe, block[i], 256);
}
static void store_own(PE *pe) { if (first(pe)) store(pe, 31, 256); }
static void load_own(PE *pe) { if (first(pe)) load(pe, 0, 256); }
static void store_same(PE *pe) { if (first(pe)) store(pe, 0, 256); }
static void then_fence(PE *pe) {
    if (!first(pe)) return;
    store(pe, 0, 256);
    pe_fence(pe, PE_STORE);
    pe_ops(pe, (int)micro_n);
}

/* ---- several PEs ---- */
static void same_bank(PE *pe) { if (pe_row(pe) == 0 && pe_col(pe) < micro_n) load(pe, 0, 256); }
static void same_column(PE *pe) { if (pe_col(pe) == 0) load(pe, 0, 256); }
static void apart(PE *pe) { if (pe_row(pe) == 0) load(pe, pe_col(pe), 256); }                 /* each from the port over it */
static void one_way(PE *pe) {      /* data of port 31, from two banks, along row 0 to the east */
    if (at_pe(pe, 0, 6)) load(pe, 31, 256);
    if (at_pe(pe, 0, 7)) load(pe, 63, 256);
}
static void opposite(PE *pe) {     /* along row 0, one to the east, one to the west */
    if (at_pe(pe, 0, 7)) load(pe, 31, 256);
    if (at_pe(pe, 0, 0)) load(pe, 8, 256);
}
static void store_crossing(PE *pe) {   /* a store to the west meets a load to the east */
    if (at_pe(pe, 0, 7)) store(pe, 31, 256);
    if (at_pe(pe, 0, 6)) load(pe, 63, 256);
}
static void store_with(PE *pe) {   /* two stores share all links to port 31; their banks are two */
    if (at_pe(pe, 0, 6)) store(pe, 31, 256);
    if (at_pe(pe, 0, 7)) store(pe, 63, 256);
}

/* ---- multicast ---- */
static void row_cast(PE *pe, int row, int64_t block) { if (pe_row(pe) == row) pe_load_row(pe, PE_AT(I8), X, span(256 * block, 256)); }
static void col_cast(PE *pe, int col, int64_t block) { if (pe_col(pe) == col) pe_load_col(pe, PE_AT(I8), X, span(256 * block, 256)); }
static void cast_row_0(PE *pe) { row_cast(pe, 0, 0); }
static void cast_row_3(PE *pe) { row_cast(pe, 3, 0); }
static void cast_middle(PE *pe) { row_cast(pe, 2, 3); }
static void cast_col_0(PE *pe) { col_cast(pe, 0, 0); }
static void cast_col_5(PE *pe) { col_cast(pe, 5, 0); }
static void cast_late(PE *pe) {
    if (at_pe(pe, 0, 5)) pe_ops(pe, (int)micro_n);
    row_cast(pe, 0, 0);
}
static void cast_col_late(PE *pe) {
    if (at_pe(pe, 6, 0)) pe_ops(pe, (int)micro_n);
    col_cast(pe, 0, 0);
}
static void casts_in_turn(PE *pe) { for (int64_t i = 0; i < micro_n; i++) row_cast(pe, 0, 32 * (i % 2)); }
static void cast_rows(PE *pe) { row_cast(pe, pe_row(pe), 24 + 7 - pe_row(pe)); }              /* each row from the port west of it */
static void cast_cross(PE *pe) {   /* row 0 from the west, column 0 from the north: different links */
    row_cast(pe, 0, 31);
    if (!at_pe(pe, 0, 0)) col_cast(pe, 0, 0);
    else pe_load_col(pe, PE_AT(I8, .off = 256), X, span(0, 256));
}

#define NEXT "(queue.start + dma.setup)"
const Micro micro_sram[] = {
    {"load of nothing", load_nothing, NULL, 0, "2 * core.issue + queue.start"},
    {"load of 1 byte", load_bytes, NULL, 1, DMA " + 2 * network.hop + " BANK(32) " + sram.latency + " LINK(n)},
    {"load of 32 bytes", load_bytes, NULL, 32, DMA " + " SRAM_READ(0, n)},
    {"load of 100 bytes", load_bytes, NULL, 100, DMA " + 2 * network.hop + " BANK(128) " + sram.latency + " LINK(n)},
    {"load of 256 bytes", load_bytes, NULL, 256, DMA " + " SRAM_READ(0, n)},
    {"load of 2 bytes across an access", load_odd, NULL, 2, DMA " + 2 * network.hop + " BANK(64) " + sram.latency + " LINK(n)},
    {"load, one hop", load_here, NULL, 1, DMA " + " SRAM_READ(n, 256)},
    {"load, five hops", load_here, NULL, 5, DMA " + " SRAM_READ(n, 256)},
    {"load across the grid", load_here, NULL, 14, DMA " + " SRAM_READ(n, 256)},
    {"load from the east", load_east, NULL, 2, DMA " + " SRAM_READ(7 - n, 256)},
    {"load from the south", load_south, NULL, 20, DMA " + " SRAM_READ(23 - n, 256)},
    {"load from the west", load_west, NULL, 25, DMA " + " SRAM_READ(2 + 31 - n - 2, 256)},
    {"store of 256 bytes", store_bytes, NULL, 256, DMA " + " SRAM_WRITE(0, n)},
    {"store of 5 bytes", store_bytes, NULL, 5, DMA " + 2 * network.hop + " LINK(n) " + " BANK(32)},
    {"store, five hops", store_here, NULL, 5, DMA " + " SRAM_WRITE(n, 256)},
    {"store across the grid", store_far, NULL, 24, DMA " + " SRAM_WRITE(7, 256)},

    {"box of two rows", rows_apart, NULL, 2, DMA " + (n - 1) * dma.row + " SRAM_READ(0, 32) " + (n - 1) * max(" BANK(32) ", " LINK(32) ")"},
    {"box of four rows", rows_apart, NULL, 4, DMA " + (n - 1) * dma.row + " SRAM_READ(0, 32) " + (n - 1) * max(" BANK(32) ", " LINK(32) ")"},
    {"rows with a pitch", rows_pitched, NULL, 4, DMA " + (n - 1) * dma.row + " SRAM_READ(0, 32) " + (n - 1) * max(" BANK(32) ", " LINK(32) ")"},
    {"dense rows are one", rows_dense, NULL, 8, DMA " + " SRAM_READ(0, 256)},
    {"box of four dimensions", box_deep, NULL, 2, DMA " + 7 * dma.row + 2 * network.hop + " BANK(32) " + sram.latency + " LINK(16) " + 7 * max(" BANK(32) ", " LINK(16) ")"},
    {"store of rows", store_rows, NULL, 3, DMA " + (n - 1) * dma.row + " SRAM_WRITE(0, 32) " + (n - 1) * max(" BANK(32) ", " LINK(32) ")"},
    {"gather of a row", gather, NULL, 1, DMA " + " SRAM_READ(0, 32)},
    {"gather of eight rows", gather, NULL, 8, DMA " + (n - 1) * dma.gather_row + " SRAM_READ(0, 32) " + (n - 1) * max(" BANK(32) ", " LINK(32) ")"},
    {"gather with slow rows", gather, NULL, 8, DMA " + (n - 1) * dma.gather_row + " SRAM_READ(0, 32) " + (n - 1) * max(" BANK(32) ", " LINK(32) ")", false, {"dma.gather_row", "5 cycles"}},
    {"two banks, two ports", two_ports, NULL, 0, DMA " + " SRAM_READ(1, 256)},
    /* the other seven come along row 0, each two hops behind the one before, and share its last link */
    {"eight banks, eight ports", eight_ports, NULL, 0, DMA " + " SRAM_READ(1, 256) " + 6 * max(2 * network.hop, " LINK(256) ")"},
    {"bank conflict", bank_rows, NULL, 2, DMA " + (n - 1) * dma.row + " SRAM_READ(0, 256) " + (n - 1) * max(" BANK(256) ", " LINK(256) ")"},
    {"bank conflict of five", bank_rows, NULL, 5, DMA " + (n - 1) * dma.row + " SRAM_READ(0, 256) " + (n - 1) * max(" BANK(256) ", " LINK(256) ")"},
    {"two banks, one port", link_rows, NULL, 0, DMA " + dma.row + " SRAM_READ(0, 256) " + " LINK(256)},

    {"loads in turn", loads_in_turn, NULL, 6, DMA " + (n - 1) * max(" NEXT ", " BANK(256) ") + " SRAM_READ(0, 256)},
    {"stores in turn", stores_in_turn, NULL, 6, DMA " + (n - 1) * max(" NEXT ", " BANK(256) ") + " SRAM_WRITE(0, 256)},
    {"a load beside a store", load_own, store_own, 0, DMA " + max(" SRAM_READ(0, 256) ", " SRAM_WRITE(0, 256) ")"},
    {"a load and a store of one bank", load_own, store_same, 0, DMA " + max(" SRAM_READ(0, 256) ", 2 * network.hop + max(" LINK(256) ", " BANK(256) ") + " BANK(256) ")"},
    {"fence of a store", then_fence, NULL, 50, DMA " + " SRAM_WRITE(0, 256) " + n * core.scalar"},
    {"two outstanding requests", slots, NULL, 4, DMA " + max(" SRAM_READ(0, 256) ", 2 * " NEXT ") + " NEXT " + " SRAM_READ(0, 256), false, {"dma.outstanding", "2"}},
    {"one outstanding request", slots, NULL, 4, DMA " + (n - 1) * max(" SRAM_READ(0, 256) ", " NEXT ") + " SRAM_READ(0, 256), false, {"dma.outstanding", "1"}},
    {"four outstanding requests", slots, NULL, 4, DMA " + (n - 1) * " NEXT " + " SRAM_READ(0, 256), false, {"dma.outstanding", "4"}},
    {"a load cut into requests", two_ports, NULL, 0, DMA " + dma.setup + " SRAM_READ(1, 256), false, {"dma.largest", "256 B"}},

    {"two PEs on one bank", same_bank, NULL, 2, DMA " + network.hop + max(network.hop, " BANK(256) ") + " BANK(256) " + sram.latency + 2 * network.hop + " LINK(256)},
    {"a column of PEs on one bank", same_column, NULL, 0, DMA " + network.hop + 7 * max(network.hop, " BANK(256) ") + " BANK(256) " + sram.latency + 8 * network.hop + " LINK(256)},
    {"each PE from its own port", apart, NULL, 0, DMA " + " SRAM_READ(0, 256)},
    {"two on one link", one_way, NULL, 0, DMA " + 7 * network.hop + " BANK(256) " + sram.latency + max(network.hop, " LINK(256) ") + 8 * network.hop + " LINK(256)},
    {"opposite links", opposite, NULL, 0, DMA " + " SRAM_READ(7, 256)},
    {"a store against a load", store_crossing, NULL, 0, DMA " + max(" SRAM_READ(6, 256) ", " SRAM_WRITE(7, 256) ")"},
    /* the farther one is a hop behind where they meet */
    {"two stores on one link", store_with, NULL, 0, DMA " + max(network.hop, " LINK(256) ") + 7 * network.hop + " LINK(256) " + " BANK(256) " + 8 * network.hop"},

    {"row multicast", cast_row_0, NULL, 0, DMA " + network.hop + " BANK(256) " + sram.latency + 8 * network.hop + " LINK(256)},
    {"row multicast to row 3", cast_row_3, NULL, 0, DMA " + 4 * network.hop + " BANK(256) " + sram.latency + 11 * network.hop + " LINK(256)},
    {"row multicast from the middle", cast_middle, NULL, 0, DMA " + 6 * network.hop + " BANK(256) " + sram.latency + 7 * network.hop + " LINK(256)},
    {"column multicast", cast_col_0, NULL, 0, DMA " + network.hop + " BANK(256) " + sram.latency + 8 * network.hop + " LINK(256)},
    {"column multicast to column 5", cast_col_5, NULL, 0, DMA " + 6 * network.hop + " BANK(256) " + sram.latency + 13 * network.hop + " LINK(256)},
    {"row multicast, one PE late", cast_late, NULL, 300, "n * core.scalar + " DMA " + network.hop + " BANK(256) " + sram.latency + 8 * network.hop + " LINK(256)},
    {"column multicast, one PE late", cast_col_late, NULL, 99, "n * core.scalar + " DMA " + network.hop + " BANK(256) " + sram.latency + 8 * network.hop + " LINK(256)},
    {"row multicasts in turn", casts_in_turn, NULL, 4, DMA " + (n - 1) * " NEXT " + network.hop + " BANK(256) " + sram.latency + 8 * network.hop + " LINK(256)},
    {"a multicast in each row", cast_rows, NULL, 0, DMA " + network.hop + " BANK(256) " + sram.latency + 8 * network.hop + " LINK(256)},
    /* PE (0, 0) is in both: its row's command is its first, so the column's request leaves one set-up later */
    {"row and column multicast", cast_cross, NULL, 0, DMA " + " NEXT " + network.hop + " BANK(256) " + sram.latency + 8 * network.hop + " LINK(256)},
    {NULL, NULL, NULL, 0, NULL},
};
