/* Micro-programs: each with its time as an expression over the machine file (sim/model.h), derived from this model:
 *
 * core      charges add up; between two sync points vector operations, loads and stores run side by side (the longest counts).
 *           A command costs core.issue, then it is in its queue; when the queue is full the core waits until a place is free.
 *           pe_wait, pe_reserve, pe_push, pe_pop, pe_fence, pe_barrier, pe_dim and pe_scalar are one scalar operation each.
 * engine    one command at a time, in order: queue.start, then its work. It takes its work up when the one before has ended, what it
 *           reads has been pushed, what it writes has room, its accumulators are free of earlier commands.
 *           A command whose local traffic takes longer than its work at local.bandwidth takes that long.
 * fabric    loads and stores each have one address generator: dma.setup a request, dma.row (gathers: dma.gather_row) each further
 *           row; contiguous rows are one. All segments of a request leave then; the next command can start. A request holds one of
 *           dma.outstanding slots from leaving to its last effect (a store: until the answer is back).
 *           A multicast's request starts when all have issued it; the first PE of the row (column) sends it.
 * network   d is the distance in hops between a PE and the PE beside the port: a request takes (d + 1) hops and no link time; data
 *           takes (d + 1) hops and, behind the head, its length once: it holds each link of the way for bytes / link.
 * sram      a bank serves one segment at a time at 1 / banks of the bandwidth, then the latency, then the links.
 * dram      a channel has 1 / channels of the bandwidth; a read waits for refresh of its bank and, unless its row is open, row_miss;
 *           then the channel, then the latency. A write is taken when it arrives; write_queue bytes turn the channel round:
 *           turnaround + their time. What is left at the end is written then.
 *
 * All programs run without the checks of values (local memory starts as zeros), so that nothing but the work itself takes time.
 * The tensor lies at address 0. SRAM: block b = address / 256 is in bank xor of b's digits in base 64, banks p and p + 32 are behind
 * port p. Ports go clockwise: 0-7 north of (0, p), 8-15 east of (p - 8, 7), 16-23 south of (7, 23 - p), 24-31 west of (31 - p, 0).
 * DRAM: block b = address / 1024 is in channel c = xor of b's digits in base 16, behind port 2 c; unit b / 16 of a channel is in row
 * unit / 2, that in bank xor of the row's digits in base 16. */
#pragma once
#include "knyfe/pe.h"
#include <stddef.h>

typedef void MicroBody(PE *);
typedef struct Micro {
    const char *name;
    MicroBody *core0, *core1;      /* NULL: does nothing */
    int64_t n;                     /* the argument of the bodies (micro_n) and the expression */
    const char *time;
    bool dram;                     /* the tensor lives in DRAM */
    const char *set[2];            /* a value of the machine that this program wants: path, text */
} Micro;

extern int64_t micro_n;
extern const Micro micro_core[], micro_engine[], micro_sram[], micro_dram[], micro_ring[];   /* end at name NULL */

enum { F32, F16, I8, J8, I32, F16B, RING, RING2, MICRO_BUFS };     /* scratch 16 KiB but F32 (32) and I32 (4); rings of i8, 1 KiB */
enum { X, MICRO_TENSOR = 2 << 20 };                               /* bytes */

static inline bool at_pe(const PE *pe, int row, int col) { return pe_row(pe) == row && pe_col(pe) == col; }
static inline bool first(const PE *pe) { return at_pe(pe, 0, 0); }
static inline PeBox span(int64_t off, int64_t bytes) { return pe_box(off, 1, bytes, 0); }

/* ---- parts of expressions ---- */
#define CMD "(core.issue + queue.start)"
#define DMA "(core.issue + queue.start + dma.setup)"
#define LINK(bytes) "network.link(" #bytes ")"
#define BANK(bytes) "sram.bandwidth((" #bytes ") * sram.banks)"
#define CHAN(bytes) "dram.bandwidth((" #bytes ") * dram.channels)"
/* From the leaving of a request for `bytes` (a multiple of sram.access) of one bank to the landing. */
#define SRAM_READ(d, bytes) "(2 * (" #d " + 1) * network.hop + " BANK(bytes) " + sram.latency + " LINK(bytes) ")"
#define SRAM_WRITE(d, bytes) "(2 * (" #d " + 1) * network.hop + " LINK(bytes) " + " BANK(bytes) ")"
