/* The least time that a machine needs for a kernel, from the kernel's dims and the machine file: each tensor moved once, each operation
 * done at the full rate of the unit that is fastest at it. */
#pragma once
#include "sim/machine.h"
#include "tool/inputs.h"
#include "tool/machine.h"

typedef struct RoofWork {
    double dram, sram;       /* bytes, by the home of the tensor; on the host all of them are `dram` */
    double operations;       /* as eval_operations counts them, products included */
    double products;         /* multiply-adds that an engine of panels can do: sums of products of two reads of one of its types */
    DType product_type;
    DType storage, compute;  /* the widest types of the tensors, and of the arithmetic, floats before integers */
} RoofWork;

typedef struct Roofline {
    double seconds;
    const char *bound;       /* what it is made of: "DRAM bandwidth", "dpe f16 rate"; NULL: the machine says nothing */
} Roofline;

/* grid: NULL for a machine that is no grid. in_sram: beside k->params, then k->outputs, or NULL. `operations` counts what depends on
 * data too, so it comes from the reference. */
RoofWork roofline_work(Arena *a, const Kernel *k, const int64_t *dims, const SimMachine *grid, const bool *in_sram, double operations);
Roofline roofline_grid(const RoofWork *w, const SimMachine *m);
/* Of a host: the level of memory that the tensors fit into, and the vector unit. */
Roofline roofline_host(const RoofWork *w, const Machine *m);
