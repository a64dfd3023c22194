/* y[N, A + B] = rows of a and of b side by side, f16. Only the fabric works: boxes of rows go through a ring. */
#include "knyfe/pe.h"

enum { TA, TB, TY };
enum { DN, DA, DB };
enum { RING };
enum { BLOCK = 8192, DEPTH = 12 };              /* bytes of a box */

static void setup(PE *pe) { pe_ring(pe, RING, PE_F16, DEPTH * BLOCK); }

/* Moves the boxes of one input, of `width` columns, to column `at` of y: this core's half of it. */
static void move(PE *pe, int tensor, int64_t width, int64_t at, bool in) {
    int64_t N = pe_dim(pe, DN), all = pe_dim(pe, DA) + pe_dim(pe, DB), cols = pe_min(width, BLOCK / 2), rows = BLOCK / 2 / pe_max(1, cols);
    pe_for(pe, n, pe_id(pe) * rows, N, rows * pe_count(pe))
        pe_for(pe, c, 0, width, cols) {
            int64_t r = pe_min(rows, N - n), k = pe_min(cols, width - c);
            if (in) pe_load(pe, PE_AT(RING, .push = BLOCK), tensor, pe_box(n * width + c, r, k, width));
            else pe_store(pe, TY, pe_box(n * all + at + c, r, k, all), PE_AT(RING, .pop = BLOCK));
        }
}

static void load(PE *pe) {
    move(pe, TA, pe_dim(pe, DA), 0, true);
    move(pe, TB, pe_dim(pe, DB), 0, true);
}
static void store(PE *pe) {
    move(pe, TA, pe_dim(pe, DA), 0, false);
    move(pe, TB, pe_dim(pe, DB), pe_dim(pe, DA), false);
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "concat", .dims = "N, A, B",
    .tensor = {{"a", PE_F16, PE_IN, "N, A"}, {"b", PE_F16, PE_IN, "N, B"}, {"y", PE_F16, PE_OUT, "N, A + B"}},
    .setup = setup, .core = {load, store},
};
