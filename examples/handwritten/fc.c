/* y[M, N] = relu(x[M, K] w[N, K]^T + b[N]), f16 with f32 sums: a layer whose weights stream from DRAM.
 *
 * PE (r, c) makes panels of 64 x 64: rows of x come as a row multicast, rows of w as a column multicast, so each weight is read
 * from memory once for every 512 rows of x, whatever the grid. Both have k contiguous, as the DPE wants it. Chunks of k are long
 * (1 KiB a row) where local memory allows, so that each run of the weights fills whole segments of DRAM. */
#include "knyfe/pe.h"

enum { TX, TW, TB, TY };
enum { DM, DN, DK };
enum { X, W, BIAS, Y };
enum { SIZE = 2 };

static int64_t chunk_row(const PE *pe) { return pe_local(pe) >= (256 << 10) ? 1024 : 256; }

static void setup(PE *pe) {
    int64_t chunk = 64 * chunk_row(pe);
    pe_ring(pe, X, PE_F16, 2 * chunk);
    pe_ring(pe, W, PE_F16, 3 * chunk);
    pe_ring(pe, BIAS, PE_F32, 2 * 256);
    pe_ring(pe, Y, PE_F16, 2 * 64 * 64 * SIZE);
}

static int64_t panel(int64_t i, int64_t n) { return pe_max(0, pe_min(64, n - i)); }

static void load(PE *pe) {
    int64_t M = pe_dim(pe, DM), N = pe_dim(pe, DN), K = pe_dim(pe, DK), row = chunk_row(pe), kc = row / SIZE;
    pe_for(pe, i0, 0, M, 64 * pe_rows(pe))
        pe_for(pe, j0, 0, N, 64 * pe_cols(pe)) {
            int64_t i = i0 + 64 * pe_row(pe), j = j0 + 64 * pe_col(pe), m = panel(i, M), n = panel(j, N);
            pe_load_col(pe, PE_AT(BIAS, .push = 256), TB, pe_box(j, 1, n, 0));
            pe_for(pe, k, 0, K, kc) {
                int64_t kk = pe_min(kc, K - k);
                pe_load_col(pe, PE_AT(W, .pitch = row, .push = 64 * row), TW, pe_box(j * K + k, n, kk, K));
                pe_load_row(pe, PE_AT(X, .pitch = row, .push = 64 * row), TX, pe_box(i * K + k, m, kk, K));
            }
        }
}

static void compute(PE *pe) {
    int64_t M = pe_dim(pe, DM), N = pe_dim(pe, DN), K = pe_dim(pe, DK), row = chunk_row(pe), kc = row / SIZE, out = 64 * 64 * SIZE;
    pe_for(pe, i0, 0, M, 64 * pe_rows(pe))
        pe_for(pe, j0, 0, N, 64 * pe_cols(pe)) {
            int64_t i = i0 + 64 * pe_row(pe), j = j0 + 64 * pe_col(pe), m = panel(i, M), n = panel(j, N);
            if (K == 0) pe_dot(pe, .m = m, .n = n, .k = 0, .a = PE_AT(X), .b = PE_AT(W));
            pe_for(pe, k, 0, K, kc)
                pe_dot(pe, .m = m, .n = n, .k = pe_min(kc, K - k), .add = k > 0, .a = PE_AT(X, .pitch = row, .pop = 64 * row), .b = PE_AT(W, .pitch = row, .pop = 64 * row));
            pe_se(pe, .from_re = true, .bin = PE_ADD, .fn = PE_RELU, .b_row = true, .rows = m, .cols = n, .dst = PE_AT(Y, .push = out), .b = PE_AT(BIAS, .pop = 256));
            pe_store(pe, TY, pe_box(i * N + j, m, n, N), PE_AT(Y, .pop = out));
        }
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "fc", .dims = "M, N, K",
    .tensor = {{"x", PE_F16, PE_IN, "M, K"}, {"w", PE_F16, PE_IN, "N, K"}, {"b", PE_F32, PE_IN, "N"}, {"y", PE_F16, PE_OUT, "M, N"}},
    .setup = setup, .core = {load, compute},
};
