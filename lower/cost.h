/* What a Tile program takes on a machine: its loop tree is executed with times in place of data, and loops whose rounds take the same
 * are jumped over. One PE, the one with the most work, stands for all: what PEs share (memories, links) gives it its part.
 *
 * An estimate is for comparing schedules and for reports. It knows the commands and their order, the buffers' slots, the queues; it
 * does not know addresses, so banks and channels are taken as evenly used, nor the values of tensors: integers that bound loops
 * are taken to grow evenly through their declared range, and the PE with the most work to have twice the mean of them. */
#pragma once
#include "lower/tile.h"

/* A shared memory. Times in cycles; `byte`: of one byte when all of the memory serves one after another. */
typedef struct CostMemory {
    double byte, latency;
    double unit, access;        /* bytes: interleaved by; moved at the least */
    double parts;               /* banks or channels */
    double miss;                /* of a row that is not open; 0: there are no rows */
    double busy_rows;           /* rows of one part that random requests keep opening at once */
    double written;             /* more of each written byte, as `byte` is */
} CostMemory;

typedef enum CostHome { COST_SRAM, COST_DRAM, COST_HOMES } CostHome;

/* The costs of a machine: cycles, or cycles a unit (byte, operation). Filled by the owner of the machine's data. */
typedef struct CostMachine {
    double issue, scalar, turn;                             /* of a core: a command, a scalar operation, a loop's turn */
    double op, imul, div, idiv, function, gather;           /* of 16 lanes of 32 bits; gather: each lane */
    double lanes[DT_COUNT], vector, loads, stores;          /* lanes 0: none; bytes of a register; accesses a cycle */
    double depth, start;                                    /* queues of engines */
    double setup, largest, row, gather_row, outstanding;    /* of requests for boxes */
    double block_m, block_n, block_bytes, dot[DT_COUNT];    /* dot: a block; 0: no such type */
    double drain;                                           /* of a block of accumulators */
    double se[DT_COUNT], basic, table, recip, divide;       /* se: an operation on an element */
    double mlu;                                             /* a byte */
    double local, link, hop, ports, segment;                /* local, link: a byte */
    double sram_size;                                       /* bytes */
    CostMemory memory[COST_HOMES];
} CostMachine;

typedef enum CostUnit { COST_CORE0, COST_CORE1, COST_LOAD, COST_STORE, COST_DPE, COST_RE, COST_SE, COST_MLU, COST_IN_SRAM, COST_IN_DRAM, COST_LINKS, COST_UNITS } CostUnit;
extern const char *const cost_unit_names[COST_UNITS];

typedef struct CostQuery {
    const int64_t *dims;        /* by Dim.id; all known */
    const CostHome *home;       /* by Tensor.id of the program's kernel; NULL: where the machine puts them */
} CostQuery;

typedef struct CostReport {
    double cycles;
    double busy[COST_UNITS];    /* cycles of the PE with the most work; of shared things: of its part */
    double *stage;              /* beside the program's stages: cycles, 0 where the guard fails */
} CostReport;

/* False when something can't be counted: a dim that is not known, an extent beyond all measure. */
bool cost_program(const TileProgram *p, const TileMachine *m, const CostQuery *q, CostReport *out, Arena *a);
