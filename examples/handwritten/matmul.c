/* c[M, N] = a[M, K] b[K, N], f16 with f32 sums (matmul_i8.c: i8 with i32 sums).
 *
 * The output is cut into panels of 64 x 64, the most that the accumulators hold. In each round PE (r, c) makes one panel: all PEs of
 * a grid row work on the same 64 rows of a, all of a column on the same 64 columns of b. So a comes as a row multicast, b as a
 * column multicast, and each is read from memory once for eight PEs. k runs in chunks, in rings that hold several: while the DPE
 * works on one chunk, the next ones are on their way.
 *
 * The DPE wants both operands with k contiguous. a has it so; b's chunks pass through the MLU, which transposes them.
 *
 *   core 0:  load a chunk (row), load b chunk (column)              memory -> A, B
 *   core 1:  transpose, dot                                         B -> BT;  A, BT -> accumulators
 *            after the last chunk of a panel: SE (i32: drain), store  accumulators -> C -> memory
 *
 * Panels at the edges have fewer rows or columns; a PE whose panel lies outside takes part in the multicasts with nothing to do. */
#include "knyfe/pe.h"

#ifndef ELEMENT                  /* what matmul_i8.c sets */
#define ELEMENT PE_F16
#define RESULT PE_F16
#define NAME "matmul"
enum { SIZE = 2, RESULT_SIZE = 2 };
#endif

enum { TA, TB, TC };             /* tensors */
enum { DM, DN, DK };             /* dims */
enum { A, B, BT, C };            /* buffers */

/* Bytes of one row of a chunk: the longer, the larger local memory is. */
static int64_t chunk_row(const PE *pe) { return pe_local(pe) >= (256 << 10) ? 256 : pe_local(pe) >= (128 << 10) ? 128 : 32; }

static void setup(PE *pe) {
    int64_t chunk = 64 * chunk_row(pe);
    pe_ring(pe, A, ELEMENT, 4 * chunk);
    pe_ring(pe, B, ELEMENT, 3 * chunk);
    pe_ring(pe, BT, ELEMENT, 3 * chunk);
    pe_ring(pe, C, RESULT, 2 * 64 * 64 * RESULT_SIZE);
}

/* Rows of the panel that begins at i, of n in all: none when it lies outside. */
static int64_t panel(int64_t i, int64_t n) { return pe_max(0, pe_min(64, n - i)); }

static void load(PE *pe) {
    int64_t M = pe_dim(pe, DM), N = pe_dim(pe, DN), K = pe_dim(pe, DK), row = chunk_row(pe), kc = row / SIZE;
    pe_for(pe, i0, 0, M, 64 * pe_rows(pe))
        pe_for(pe, j0, 0, N, 64 * pe_cols(pe)) {
            int64_t i = i0 + 64 * pe_row(pe), j = j0 + 64 * pe_col(pe), m = panel(i, M), n = panel(j, N);
            pe_for(pe, k, 0, K, kc) {
                int64_t kk = pe_min(kc, K - k);
                pe_load_row(pe, PE_AT(A, .pitch = row, .push = 64 * row), TA, pe_box(i * K + k, m, kk, K));
                pe_load_col(pe, PE_AT(B, .pitch = 64 * SIZE, .push = 64 * row), TB, pe_box(k * N + j, kk, n, N));
            }
        }
}

static void compute(PE *pe) {
    int64_t M = pe_dim(pe, DM), N = pe_dim(pe, DN), K = pe_dim(pe, DK), row = chunk_row(pe), kc = row / SIZE, out = 64 * 64 * RESULT_SIZE;
    pe_for(pe, i0, 0, M, 64 * pe_rows(pe))
        pe_for(pe, j0, 0, N, 64 * pe_cols(pe)) {
            int64_t i = i0 + 64 * pe_row(pe), j = j0 + 64 * pe_col(pe), m = panel(i, M), n = panel(j, N);
            if (K == 0) pe_dot(pe, .m = m, .n = n, .k = 0, .a = PE_AT(A), .b = PE_AT(BT));
            pe_for(pe, k, 0, K, kc) {
                int64_t kk = pe_min(kc, K - k);
                pe_transpose(pe, PE_AT(BT, .pitch = row, .push = 64 * row), PE_AT(B, .pitch = 64 * SIZE, .pop = 64 * row), kk, n);
                pe_dot(pe, .m = m, .n = n, .k = kk, .add = k > 0, .a = PE_AT(A, .pitch = row, .pop = 64 * row), .b = PE_AT(BT, .pitch = row, .pop = 64 * row));
            }
            if (!m || !n) continue;
            if (RESULT == PE_I32) pe_re_drain(pe, PE_AT(C, .push = out), 0, m, n);
            else pe_se(pe, .from_re = true, .rows = m, .cols = n, .dst = PE_AT(C, .push = out));
            pe_store(pe, TC, pe_box(i * N + j, m, n, N), PE_AT(C, .pop = out));
        }
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = NAME, .dims = "M, N, K",
    .tensor = {{"a", ELEMENT, PE_IN, "M, K"}, {"b", ELEMENT, PE_IN, "K, N"}, {"c", RESULT, PE_OUT, "M, N"}},
    .setup = setup, .core = {load, compute},
};
