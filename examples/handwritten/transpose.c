/* y[M, N] = x[N, M] turned, f16: tiles through the MLU. Tiles are dealt to the PEs; each is a box of rows on both sides. */
#include "knyfe/pe.h"

enum { TX, TY };
enum { DN, DM };
enum { X, Y };
enum { SIZE = 2 };

/* Side of a tile: rows of 256 bytes where local memory allows. */
static int64_t side(const PE *pe) { return pe_local(pe) >= (256 << 10) ? 128 : 96; }

static void setup(PE *pe) {
    int64_t tile = side(pe) * side(pe) * SIZE;
    pe_ring(pe, X, PE_F16, (pe_local(pe) >= (256 << 10) ? 4 : 3) * tile);
    pe_ring(pe, Y, PE_F16, (pe_local(pe) >= (256 << 10) ? 4 : 3) * tile);
}

/* The tile's corner and extents; false beyond the last tile. */
typedef struct Tile { int64_t n, m, rows, cols; } Tile;
static bool tile_of(PE *pe, int64_t i, int64_t N, int64_t M, Tile *t) {
    int64_t T = side(pe), across = pe_ceil(M, T);
    pe_ops(pe, 12);                            /* a division and the rest of this */
    if (!across) return false;
    t->n = i / across * T;
    t->m = i % across * T;
    t->rows = pe_min(T, N - t->n);
    t->cols = pe_min(T, M - t->m);
    return t->rows > 0;
}

static void load(PE *pe) {
    int64_t N = pe_dim(pe, DN), M = pe_dim(pe, DM), T = side(pe), count = pe_ceil(N, T) * pe_ceil(M, T);
    Tile t;
    pe_for(pe, i, pe_id(pe), count, pe_count(pe))
        if (tile_of(pe, i, N, M, &t)) pe_load(pe, PE_AT(X, .pitch = T * SIZE, .push = T * T * SIZE), TX, pe_box(t.n * M + t.m, t.rows, t.cols, M));
}

static void compute(PE *pe) {
    int64_t N = pe_dim(pe, DN), M = pe_dim(pe, DM), T = side(pe), count = pe_ceil(N, T) * pe_ceil(M, T);
    Tile t;
    pe_for(pe, i, pe_id(pe), count, pe_count(pe))
        if (tile_of(pe, i, N, M, &t)) {
            pe_transpose(pe, PE_AT(Y, .pitch = T * SIZE, .push = T * T * SIZE), PE_AT(X, .pitch = T * SIZE, .pop = T * T * SIZE), t.rows, t.cols);
            pe_store(pe, TY, pe_box(t.m * N + t.n, t.cols, t.rows, N), PE_AT(Y, .pitch = T * SIZE, .pop = T * T * SIZE));
        }
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "transpose", .dims = "N, M",
    .tensor = {{"x", PE_F16, PE_IN, "N, M"}, {"y", PE_F16, PE_OUT, "M, N"}},
    .setup = setup, .core = {load, compute},
};
