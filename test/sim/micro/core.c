/* The cores: charges of scalar and vector operations, barriers. */
#include "sim/micro/micro.h"

static void ops(PE *pe) { if (first(pe)) pe_ops(pe, (int)micro_n); }
static void turns(PE *pe) { if (first(pe)) pe_for(pe, i, 0, micro_n, 1) pe_ops(pe, 1); }
static void dims(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_dim(pe, 0); }
static void scalars(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_scalar(pe, 0); }
static void adds(PE *pe) {
    pe_f32 x = {0};
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) x = pe_add(pe, x, x);
}
static void divs(PE *pe) {
    pe_f32 x = {0};
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) x = pe_div(pe, x, x);
}
static void imuls(PE *pe) {
    pe_i32 x = {0};
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) x = pe_mul_i32(pe, x, x);
}
static void folds(PE *pe) {
    pe_f32 x = {0};
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_hsum(pe, x);
}
static void masks(PE *pe) {       /* four operations a turn */
    pe_f32 x = {0};
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) x = pe_select(pe, pe_and(pe, pe_lt(pe, x, x), pe_first(pe, 5)), x, x);
}
static void loads(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_ld_f32(pe, F32, 0, 16); }
static void stores(PE *pe) {
    pe_f32 x = {0};
    if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_st_f32(pe, F32, 64 * i, 16, x);
}
static void gets(PE *pe) { if (first(pe)) for (int64_t i = 0; i < micro_n; i++) pe_get_i32(pe, I32, 4 * i); }
/* y = x + y: two loads, one operation, one store a turn, all side by side; the turns on top. */
static void vectors(PE *pe) {
    if (!first(pe)) return;
    pe_for(pe, i, 0, micro_n, 1) pe_st_f32(pe, F32, 64 * i, 16, pe_add(pe, pe_ld_f32(pe, F32, 64 * i, 16), pe_ld_f32(pe, F32, 64 * i + 8192, 16)));
}
/* The same in f16: three operations convert. */
static void halves(PE *pe) {
    if (!first(pe)) return;
    pe_for(pe, i, 0, micro_n, 1) pe_st_f16(pe, F16, 32 * i, 16, pe_add(pe, pe_ld_f16(pe, F16, 32 * i, 16), pe_ld_f16(pe, F16, 32 * i + 8192, 16)));
}
static void tail(PE *pe) { if (first(pe)) pe_st_f32(pe, F32, 0, 3, pe_ld_f32(pe, F32, 0, (int)micro_n)); }
static void barriers(PE *pe) { for (int64_t i = 0; i < micro_n; i++) pe_barrier(pe); }
static void late(PE *pe) {        /* one comes late, all wait */
    if (at_pe(pe, 7, 7)) pe_ops(pe, (int)micro_n);
    pe_barrier(pe);
}
static void after(PE *pe) {       /* work behind the barrier */
    pe_barrier(pe);
    if (at_pe(pe, 3, 3)) pe_ops(pe, (int)micro_n);
}
/* Two sync points part the vector work: what is before can't run beside what is behind. */
static void parted(PE *pe) {
    pe_f32 x = {0};
    if (!first(pe)) return;
    for (int64_t i = 0; i < micro_n; i++) x = pe_add(pe, x, x);
    pe_fence(pe, PE_SE);
    for (int64_t i = 0; i < micro_n; i++) pe_st_f32(pe, F32, 64 * i, 16, x);
}

#define NEWS "2 * (grid.0 + grid.1 - 2) * network.hop"
#define SIDE(ops, loads, stores) "max((" ops ") * core.op, max(ceil(cycle, core.loads) * (" loads "), ceil(cycle, core.stores) * (" stores ")))"
const Micro micro_core[] = {
    {"nothing", NULL, NULL, 0, "0"},
    {"launch", NULL, NULL, 0, "launch", false, {"launch", "100 cycles"}},
    {"one scalar operation", ops, NULL, 1, "n * core.scalar"},
    {"1000 scalar operations", ops, NULL, 1000, "n * core.scalar"},
    {"both cores", ops, ops, 300, "n * core.scalar"},
    {"a loop without turns", turns, NULL, 0, "core.turn"},
    {"a scalar loop", turns, NULL, 100, "(n + 1) * core.turn + n * core.scalar"},
    {"reading dims", dims, NULL, 5, "n * core.scalar"},
    {"reading scalars", scalars, NULL, 3, "n * core.scalar"},
    {"one vector operation", adds, NULL, 1, "core.op"},
    {"vector operations", adds, NULL, 99, "n * core.op"},
    {"vector divide", divs, NULL, 10, "n * core.div"},
    {"integer multiply", imuls, NULL, 7, "n * core.imul"},
    {"sum of the lanes", folds, NULL, 5, "4 * n * core.op"},
    {"masks", masks, NULL, 6, "4 * n * core.op"},
    {"vector loads", loads, NULL, 31, "n * ceil(cycle, core.loads)"},
    {"vector stores", stores, NULL, 33, "n * ceil(cycle, core.stores)"},
    {"scalar loads", gets, NULL, 9, "n * core.scalar + n * ceil(cycle, core.loads)"},
    {"vector loop", vectors, NULL, 1, "2 * core.turn + " SIDE("n", "2 * n", "n")},
    {"long vector loop", vectors, NULL, 100, "(n + 1) * core.turn + " SIDE("n", "2 * n", "n")},
    {"vector loop with one load a cycle", vectors, NULL, 50, "(n + 1) * core.turn + " SIDE("n", "2 * n", "n"), false, {"core.loads", "1"}},
    {"vector loop in f16", halves, NULL, 64, "(n + 1) * core.turn + " SIDE("4 * n", "2 * n", "n")},
    {"tail of a vector", tail, NULL, 3, SIDE("0", "1", "1")},
    {"parted by a sync point", parted, NULL, 40, "n * core.op + core.scalar + n * ceil(cycle, core.stores)"},
    {"barrier", barriers, NULL, 1, "core.scalar + " NEWS},
    {"five barriers", barriers, NULL, 5, "n * (core.scalar + " NEWS ")"},
    {"barrier of core 1", NULL, barriers, 2, "n * (core.scalar + " NEWS ")"},
    {"barriers of both cores", barriers, barriers, 2, "n * (core.scalar + " NEWS ")"},
    {"barrier, one PE late", late, NULL, 500, "(n + 1) * core.scalar + " NEWS},
    {"work behind a barrier", after, NULL, 70, "(n + 1) * core.scalar + " NEWS},
    {NULL, NULL, NULL, 0, NULL},
};
