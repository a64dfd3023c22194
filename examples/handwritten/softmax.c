/* y[N, D] = softmax of each row of x, f16 (softmax_f32.c: f32), all on the SE.
 *
 * Rows are dealt to the PEs in blocks. A row that fits is loaded once:
 *     m = max x;  e = exp(x - m) in f32;  s = sum e;  y = e * (1 / s)
 * and the rings let the next blocks load, and the last ones leave, meanwhile. A longer row passes three times, in chunks: for the
 * maximum, for the sum, for the result; the chunks' values are joined by the core. */
#include "knyfe/pe.h"

#ifndef ELEMENT                               /* what softmax_f32.c sets */
#define ELEMENT PE_F16
#define NAME "softmax"
enum { SIZE = 2 };
#endif

enum { TX, TY };
enum { DN, DD };
enum { X, E, Y, M, S };                       /* rings: rows in, their exponentials, rows out; maxima and sums, f32 */

/* Elements of a block: rows of D, or a chunk of one. */
static int64_t block(const PE *pe) { return pe_local(pe) >= (256 << 10) ? 8192 : 4096; }
static int64_t block_rows(const PE *pe, int64_t d) { return pe_min(32, block(pe) / pe_max(1, d)); }

static void setup(PE *pe) {
    int64_t n = block(pe);
    pe_ring(pe, X, ELEMENT, 3 * n * SIZE);
    pe_ring(pe, E, PE_F32, n * 4);
    pe_ring(pe, Y, ELEMENT, 2 * n * SIZE);
    pe_ring(pe, M, PE_F32, 2 * 128);
    pe_ring(pe, S, PE_F32, 2 * 128);
}

/* ---- rows that fit ---- */

static void load_rows(PE *pe, int64_t N, int64_t D, int64_t rows) {
    pe_for(pe, r, pe_id(pe) * rows, N, rows * pe_count(pe))
        pe_load(pe, PE_AT(X, .push = block(pe) * SIZE), TX, pe_box(r * D, 1, pe_min(rows, N - r) * D, 0));
}

static void compute_rows(PE *pe, int64_t N, int64_t D, int64_t rows) {
    int64_t in = block(pe) * SIZE;
    pe_for(pe, r, pe_id(pe) * rows, N, rows * pe_count(pe)) {
        int64_t n = pe_min(rows, N - r);
        pe_se_reduce(pe, PE_RMAX, PE_AT(M, .push = 128), PE_AT(X), n, D);
        pe_se(pe, .bin = PE_SUB, .fn = PE_EXP, .b_col = true, .rows = n, .cols = D, .dst = PE_AT(E, .push = block(pe) * 4), .a = PE_AT(X, .pop = in), .b = PE_AT(M, .pop = 128));
        pe_se_reduce(pe, PE_RSUM, PE_AT(S, .push = 128), PE_AT(E), n, D);
        pe_se(pe, .fn = PE_RECIP, .rows = 1, .cols = n, .dst = PE_AT(M, .push = 128), .a = PE_AT(S, .pop = 128));
        pe_se(pe, .bin = PE_MUL, .b_col = true, .rows = n, .cols = D, .dst = PE_AT(Y, .push = in), .a = PE_AT(E, .pop = block(pe) * 4), .b = PE_AT(M, .pop = 128));
        pe_store(pe, TY, pe_box(r * D, 1, n * D, 0), PE_AT(Y, .pop = in));
    }
}

/* ---- longer rows ---- */

static void load_long(PE *pe, int64_t N, int64_t D) {
    int64_t c = block(pe);
    pe_for(pe, r, pe_id(pe), N, pe_count(pe))
        pe_for(pe, pass, 0, 3, 1)
            pe_for(pe, d, 0, D, c) pe_load(pe, PE_AT(X, .push = c * SIZE), TX, pe_box(r * D + d, 1, pe_min(c, D - d), 0));
}

/* One value of the ring M. */
static float take(PE *pe) {
    pe_wait(pe, M, 128);
    float v = pe_get_f32(pe, M, 0);
    pe_pop(pe, M, 128);
    return v;
}

/* E <- exp(x - m) of the next chunk. */
static void exponentials(PE *pe, int64_t n, float m) {
    int64_t c = block(pe);
    pe_se(pe, .fn = PE_EXP, .affine = true, .alpha = 1, .beta = -m, .rows = 1, .cols = n, .dst = PE_AT(E, .push = c * 4), .a = PE_AT(X, .pop = c * SIZE));
}

static void compute_long(PE *pe, int64_t N, int64_t D) {
    int64_t c = block(pe);
    pe_for(pe, r, pe_id(pe), N, pe_count(pe)) {
        float m = -__builtin_inff(), s = 0;
        pe_for(pe, d, 0, D, c) {
            pe_se_reduce(pe, PE_RMAX, PE_AT(M, .push = 128), PE_AT(X, .pop = c * SIZE), 1, pe_min(c, D - d));
            float v = take(pe);
            if (v > m || v != v) m = v;
            pe_ops(pe, 2);
        }
        pe_for(pe, d, 0, D, c) {
            exponentials(pe, pe_min(c, D - d), m);
            pe_se_reduce(pe, PE_RSUM, PE_AT(M, .push = 128), PE_AT(E, .pop = c * 4), 1, pe_min(c, D - d));
            s += take(pe);
            pe_ops(pe, 1);
        }
        pe_ops(pe, 20);                        /* the scalar division below */
        float scale = 1 / s;
        pe_for(pe, d, 0, D, c) {
            int64_t n = pe_min(c, D - d);
            exponentials(pe, n, m);
            pe_se(pe, .affine = true, .alpha = scale, .rows = 1, .cols = n, .dst = PE_AT(Y, .push = c * SIZE), .a = PE_AT(E, .pop = c * 4));
            pe_store(pe, TY, pe_box(r * D + d, 1, n, 0), PE_AT(Y, .pop = c * SIZE));
        }
    }
}

static void load(PE *pe) {
    int64_t N = pe_dim(pe, DN), D = pe_dim(pe, DD), rows = block_rows(pe, D);
    if (rows) load_rows(pe, N, D, rows);
    else load_long(pe, N, D);
}
static void compute(PE *pe) {
    int64_t N = pe_dim(pe, DN), D = pe_dim(pe, DD), rows = block_rows(pe, D);
    if (rows) compute_rows(pe, N, D, rows);
    else compute_long(pe, N, D);
}

const PeProgram pe_program = {
    .version = PE_VERSION, .name = NAME, .dims = "N, D",
    .tensor = {{"x", ELEMENT, PE_IN, "N, D"}, {"y", ELEMENT, PE_OUT, "N, D"}},
    .setup = setup, .core = {load, compute},
};
