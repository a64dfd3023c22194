/* y[M, N] = x[M, K] w[N, K]^T with x quantised on the way: i8 weights with one scale, f16 in and out.
 *
 * First each PE takes some rows of x: with t = max |x[m, :]| / 127, q[m, k] = x[m, k] / t to the nearest i8; q and t go to memory. When
 * all have done so (a barrier, and a token from core 1 to core 0, which loads), the product runs as in fc.c, and the SE scales what
 * it takes from the accumulators by t[m] and the weights' scale. */
#include "knyfe/pe.h"

enum { TX, TW, TY, TQ, TT };                  /* q and t are temporaries in memory */
enum { DM, DN, DK };
enum { SCALE };
enum { X, Q, MAX, T, TOKEN, A, B, C, TP };    /* rings: rows, their i8, maxima, scales, go on; panels, results, scales of a panel */

static int64_t block(const PE *pe) { return pe_local(pe) >= (256 << 10) ? 8192 : 4096; }     /* elements of x at a time */
static int64_t chunk_row(const PE *pe) { return pe_local(pe) >= (256 << 10) ? 512 : 128; }   /* bytes along k */
static int64_t block_rows(const PE *pe, int64_t k) { return pe_min(32, block(pe) / pe_max(1, k)); }

static void setup(PE *pe) {
    int64_t n = block(pe), chunk = 64 * chunk_row(pe);
    pe_ring(pe, X, PE_F16, 3 * n * 2);
    pe_ring(pe, Q, PE_I8, 2 * n);
    pe_ring(pe, MAX, PE_F32, 4 * 128);
    pe_ring(pe, T, PE_F32, 2 * 128);
    pe_ring(pe, TOKEN, PE_I8, 64);
    pe_ring(pe, A, PE_I8, 3 * chunk);
    pe_ring(pe, B, PE_I8, 3 * chunk);
    pe_ring(pe, C, PE_F16, 2 * 64 * 64 * 2);
    pe_ring(pe, TP, PE_F32, 2 * 256);
}

/* ---- quantisation ---- */

static void load_rows(PE *pe, int64_t M, int64_t K, int64_t rows) {
    int64_t c = block(pe);
    pe_for(pe, r, pe_id(pe) * pe_max(1, rows), M, pe_max(1, rows) * pe_count(pe)) {
        if (rows) { pe_load(pe, PE_AT(X, .push = c * 2), TX, pe_box(r * K, 1, pe_min(rows, M - r) * K, 0)); continue; }
        pe_for(pe, pass, 0, 2, 1)
            pe_for(pe, k, 0, K, c) pe_load(pe, PE_AT(X, .push = c * 2), TX, pe_box(r * K + k, 1, pe_min(c, K - k), 0));
    }
}

/* Rows that fit: maxima, their 127th part out and its reciprocal on, then all of the block. */
static void quantise_rows(PE *pe, int64_t M, int64_t K, int64_t rows) {
    int64_t c = block(pe);
    pe_for(pe, r, pe_id(pe) * rows, M, rows * pe_count(pe)) {
        int64_t n = pe_min(rows, M - r);
        pe_se_reduce(pe, PE_RMAXABS, PE_AT(MAX, .push = 128), PE_AT(X), n, K);
        pe_se(pe, .affine = true, .alpha = 1 / 127.0f, .rows = 1, .cols = n, .dst = PE_AT(T, .push = 128), .a = PE_AT(MAX));
        pe_se(pe, .affine = true, .alpha = 1 / 127.0f, .fn = PE_RECIP, .rows = 1, .cols = n, .dst = PE_AT(MAX, .push = 128), .a = PE_AT(MAX, .pop = 128));
        pe_se(pe, .bin = PE_MUL, .b_col = true, .rows = n, .cols = K, .dst = PE_AT(Q, .push = c), .a = PE_AT(X, .pop = c * 2), .b = PE_AT(MAX, .pop = 128));
        pe_store(pe, TT, pe_box(r, 1, n, 0), PE_AT(T, .pop = 128));
        pe_store(pe, TQ, pe_box(r * K, 1, n * K, 0), PE_AT(Q, .pop = c));
    }
}

/* Longer rows, in chunks: once for the maximum, which the core joins, once for the values. */
static void quantise_long(PE *pe, int64_t M, int64_t K) {
    int64_t c = block(pe);
    pe_for(pe, r, pe_id(pe), M, pe_count(pe)) {
        float top = 0;
        pe_for(pe, k, 0, K, c) {
            pe_se_reduce(pe, PE_RMAXABS, PE_AT(MAX, .push = 128), PE_AT(X, .pop = c * 2), 1, pe_min(c, K - k));
            pe_wait(pe, MAX, 128);
            float v = pe_get_f32(pe, MAX, 0);
            pe_pop(pe, MAX, 128);
            if (v > top || v != v) top = v;
            pe_ops(pe, 2);
        }
        pe_ops(pe, 20);                       /* a division */
        pe_reserve(pe, T, 128);
        pe_st_f32(pe, T, 0, 1, pe_splat(pe, top / 127.0f));
        pe_push(pe, T, 128);
        pe_store(pe, TT, pe_box(r, 1, 1, 0), PE_AT(T, .pop = 128));
        pe_for(pe, k, 0, K, c) {
            int64_t n = pe_min(c, K - k);
            pe_se(pe, .affine = true, .alpha = 127.0f / top, .rows = 1, .cols = n, .dst = PE_AT(Q, .push = c), .a = PE_AT(X, .pop = c * 2));
            pe_store(pe, TQ, pe_box(r * K + k, 1, n, 0), PE_AT(Q, .pop = c));
        }
    }
}

/* ---- product ---- */

static int64_t panel(int64_t i, int64_t n) { return pe_max(0, pe_min(64, n - i)); }

static void load(PE *pe) {
    int64_t M = pe_dim(pe, DM), N = pe_dim(pe, DN), K = pe_dim(pe, DK), row = chunk_row(pe);
    load_rows(pe, M, K, block_rows(pe, K));
    pe_wait(pe, TOKEN, 64);
    pe_pop(pe, TOKEN, 64);
    pe_for(pe, i0, 0, M, 64 * pe_rows(pe))
        pe_for(pe, j0, 0, N, 64 * pe_cols(pe)) {
            int64_t i = i0 + 64 * pe_row(pe), j = j0 + 64 * pe_col(pe), m = panel(i, M), n = panel(j, N);
            pe_load_row(pe, PE_AT(TP, .push = 256), TT, pe_box(i, 1, m, 0));
            pe_for(pe, k, 0, K, row) {
                int64_t kk = pe_min(row, K - k);
                pe_load_row(pe, PE_AT(A, .pitch = row, .push = 64 * row), TQ, pe_box(i * K + k, m, kk, K));
                pe_load_col(pe, PE_AT(B, .pitch = row, .push = 64 * row), TW, pe_box(j * K + k, n, kk, K));
            }
        }
}

static void product(PE *pe, int64_t M, int64_t N, int64_t K, float scale) {
    int64_t row = chunk_row(pe), out = 64 * 64 * 2;
    pe_for(pe, i0, 0, M, 64 * pe_rows(pe))
        pe_for(pe, j0, 0, N, 64 * pe_cols(pe)) {
            int64_t i = i0 + 64 * pe_row(pe), j = j0 + 64 * pe_col(pe), m = panel(i, M), n = panel(j, N);
            if (K == 0) pe_dot(pe, .m = m, .n = n, .k = 0, .a = PE_AT(A), .b = PE_AT(B));
            pe_for(pe, k, 0, K, row)
                pe_dot(pe, .m = m, .n = n, .k = pe_min(row, K - k), .add = k > 0, .a = PE_AT(A, .pitch = row, .pop = 64 * row), .b = PE_AT(B, .pitch = row, .pop = 64 * row));
            pe_se(pe, .from_re = true, .bin = PE_MUL, .b_col = true, .affine = true, .alpha = scale, .rows = m, .cols = n, .dst = PE_AT(C, .push = out), .b = PE_AT(TP, .pop = 256));
            pe_store(pe, TY, pe_box(i * N + j, m, n, N), PE_AT(C, .pop = out));
        }
}

static void compute(PE *pe) {
    int64_t M = pe_dim(pe, DM), N = pe_dim(pe, DN), K = pe_dim(pe, DK), rows = block_rows(pe, K);
    if (rows) quantise_rows(pe, M, K, rows);
    else quantise_long(pe, M, K);
    pe_fence(pe, PE_STORE);
    pe_barrier(pe);
    pe_reserve(pe, TOKEN, 64);
    pe_push(pe, TOKEN, 64);
    product(pe, M, N, K, (float)pe_scalar(pe, SCALE));
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "matmul_dynamic", .dims = "M, N, K", .scalars = "scale",
    .tensor = {{"x", PE_F16, PE_IN, "M, K"}, {"w", PE_I8, PE_IN, "N, K"}, {"y", PE_F16, PE_OUT, "M, N"}, {"q", PE_I8, PE_TEMP, "M, K"}, {"t", PE_F32, PE_TEMP, "M"}},
    .setup = setup, .core = {load, compute},
};
