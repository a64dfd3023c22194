/* y = softmax(q k^T / sqrt(D)) v for each head, f16, online: the scores never leave local memory, whatever the sequence's length.
 *
 * A grid row works on one head, its PEs on different blocks of 64 queries, so keys and values come as row multicasts. Keys are taken
 * in groups of G panels of 64. For a group:
 *
 *     DPE  s = q k^T                  SE   s -> S in f32, scaled;  its row maxima join m
 *     SE   P = exp(S - m) in f16, and its row sums
 *     MLU  v -> vT                    DPE  P v (k = 64 G keys)
 *     SE   with c = exp(m before - m):  l = l c + sums;  O = O c + P v
 *
 * and at the end y = O / l. Where local memory holds two groups of vT, the scores of the next group are issued before P v of this
 * one, so that the DPE has work while the SE takes exponentials. The state (m, l, O) is in scratch buffers that only the SE touches, in the order of its queue.
 * Queries and keys lie in local memory whole where D lets them (up to 79 on the smaller chip); of wider ones 64 columns at a time come in,
 * with the queries again for each panel of keys. Values wider than 64 are made 64 columns at a time. */
#include "knyfe/pe.h"

enum { TQ, TK, TV, TY };
enum { DH, DL, DM, DD, DE };
enum { Q, K, V, VT, S, P, Y, MAX, OLD, R, SUM, L, C, O };      /* rings up to Y, then scratch */
enum { SIZE = 2, PANEL = 64 * 64 };

static int64_t group(const PE *pe) { return pe_local(pe) >= (256 << 10) ? 4 : 2; }      /* panels of keys */

/* Columns of q and k that local memory takes at a time: all, or 64. */
static int64_t width(const PE *pe) {
    int64_t g = group(pe), D = pe_max(1, pe_dim(pe, DD));
    int64_t panels = g == 4 ? 2 + 2 * g + g + 1 : 1 + g + g + 1, others = panels * PANEL * SIZE + (g + (g == 4) + 1) * PANEL * 4 + 9 * 256;
    return others + (1 + g) * 64 * D * SIZE <= pe_local(pe) ? D : 64;
}

static void setup(PE *pe) {
    int64_t g = group(pe), d = width(pe) * SIZE, large = g == 4;
    pe_ring(pe, Q, PE_F16, 64 * d);
    pe_ring(pe, K, PE_F16, (large ? 4 : 2) * 64 * d);
    pe_ring(pe, V, PE_F16, (large ? 2 : 1) * PANEL * SIZE);
    pe_ring(pe, VT, PE_F16, (large ? 2 : 1) * g * PANEL * SIZE);
    pe_ring(pe, S, PE_F32, (g + large) * PANEL * 4);
    pe_ring(pe, P, PE_F16, g * PANEL * SIZE);
    pe_ring(pe, Y, PE_F16, PANEL * SIZE);
    pe_scratch(pe, MAX, PE_F32, 256);
    pe_scratch(pe, OLD, PE_F32, 256);
    pe_scratch(pe, R, PE_F32, 4 * 256);
    pe_scratch(pe, SUM, PE_F32, 256);
    pe_scratch(pe, L, PE_F32, 256);
    pe_scratch(pe, C, PE_F32, 256);
    pe_scratch(pe, O, PE_F32, PANEL * 4);
}

/* What a PE works on: `rows` queries of head h from l on (none when its block lies outside), columns of v from e on. */
typedef struct Work { int64_t h, l, rows, e, cols, H, L, M, D, E, g, width; } Work;

static int64_t panel(int64_t i, int64_t n) { return pe_max(0, pe_min(64, n - i)); }

/* Calls f for each piece of work, in the same order on both cores and on all PEs of a row. */
static void each(PE *pe, void (*f)(PE *, Work *)) {
    Work w = {.H = pe_dim(pe, DH), .L = pe_dim(pe, DL), .M = pe_dim(pe, DM), .D = pe_dim(pe, DD), .E = pe_dim(pe, DE), .g = group(pe), .width = width(pe)};
    pe_for(pe, h, pe_row(pe), w.H, pe_rows(pe))
        pe_for(pe, l0, 0, w.L, 64 * pe_cols(pe))
            pe_for(pe, e, 0, w.E, 64) {
                w.h = h;
                w.l = l0 + 64 * pe_col(pe);
                w.rows = panel(w.l, w.L);
                w.e = e;
                w.cols = panel(e, w.E);
                f(pe, &w);
            }
}

/* `rows` rows of a tensor of D columns from row `row` on, columns from d on: dense where they are whole. */
static PeBox part(const Work *w, int64_t row, int64_t d, int64_t rows) {
    return w->D <= w->width ? pe_box(row * w->D, 1, rows * w->D, 0) : pe_box(row * w->D + d, rows, pe_min(w->width, w->D - d), w->D);
}

static void load_work(PE *pe, Work *w) {
    int64_t row = w->width * SIZE;
    bool whole = w->D <= w->width;
    if (whole) pe_load(pe, PE_AT(Q, .push = 64 * row), TQ, part(w, w->h * w->L + w->l, 0, w->rows));
    pe_for(pe, m, 0, w->M, 64) {
        int64_t n = panel(m, w->M);
        pe_for(pe, d, 0, pe_max(1, w->D), w->width) {
            if (!whole) pe_load(pe, PE_AT(Q, .pitch = row, .push = 64 * row), TQ, part(w, w->h * w->L + w->l, d, w->rows));
            pe_load_row(pe, PE_AT(K, .pitch = whole ? 0 : row, .push = 64 * row), TK, part(w, w->h * w->M + m, d, n));
        }
        pe_load_row(pe, PE_AT(V, .pitch = 64 * SIZE, .push = PANEL * SIZE), TV, pe_box((w->h * w->M + m) * w->E + w->e, n, w->cols, w->E));
    }
}

/* Panel j of the group from key m0 on; its keys. */
static int64_t keys_of(const Work *w, int64_t m0, int64_t j) { return j < w->g ? panel(m0 + 64 * j, w->M) : 0; }

/* Scores of a panel into the accumulators, and its values turned into VT; the last one of a group completes it. */
static void score(PE *pe, const Work *w, int64_t m0, int64_t j) {
    int64_t row = w->width * SIZE, n = keys_of(w, m0, j), pitch = 64 * SIZE * w->g;
    pe_for(pe, d, 0, pe_max(1, w->D), w->width)
        pe_dot(pe, .add = d > 0, .m = w->rows, .n = n, .k = pe_min(w->width, w->D - d), .a = PE_AT(Q, .pitch = row, .pop = w->D > w->width ? 64 * row : 0),
               .b = PE_AT(K, .pitch = row, .pop = 64 * row));
    pe_transpose(pe, PE_AT(VT, .off = 64 * SIZE * j, .pitch = pitch, .push = keys_of(w, m0, j + 1) ? 0 : w->g * PANEL * SIZE), PE_AT(V, .pitch = 64 * SIZE, .pop = PANEL * SIZE), n, w->cols);
}

/* Accumulators into S, scaled, and their row maxima into R; `before` panels of S are still to be read. */
static void take_scores(PE *pe, const Work *w, int64_t m0, int64_t j, int64_t before) {
    pe_ops(pe, 20);                             /* the square root */
    float scale = 1 / __builtin_sqrtf((float)pe_max(1, w->D));
    pe_se(pe, .from_re = true, .affine = true, .alpha = scale, .rows = w->rows, .cols = keys_of(w, m0, j), .dst = PE_AT(S, .push = PANEL * 4));
    pe_se_reduce(pe, PE_RMAX, PE_AT(R, .off = 256 * j), PE_AT(S, .off = PANEL * 4 * before), w->rows, keys_of(w, m0, j));
}

static void scores(PE *pe, const Work *w, int64_t m0) {
    for (int64_t j = 0; pe_turn(pe, keys_of(w, m0, j) > 0); j++) {
        score(pe, w, m0, j);
        take_scores(pe, w, m0, j, j);
    }
}

/* m <- max(m, row maxima of the group's scores); the m before in OLD. */
static void maxima(PE *pe, const Work *w, int64_t m0) {
    if (m0) pe_se(pe, .rows = 1, .cols = w->rows, .dst = PE_AT(OLD), .a = PE_AT(MAX));
    for (int64_t j = 0; pe_turn(pe, keys_of(w, m0, j) > 0); j++) {
        if (m0 || j) pe_se(pe, .bin = PE_MAX, .rows = 1, .cols = w->rows, .dst = PE_AT(MAX), .a = PE_AT(MAX), .b = PE_AT(R, .off = 256 * j));
        else pe_se(pe, .rows = 1, .cols = w->rows, .dst = PE_AT(MAX), .a = PE_AT(R));
    }
}

/* P <- exp(S - m) of the group, panel by panel; between them, while the SE works, the DPE makes the scores of the group at `next`. */
static void exponentials(PE *pe, const Work *w, int64_t m0, int64_t next) {
    int64_t keys = pe_min(64 * w->g, w->M - m0), panels = pe_ceil(keys, 64), pitch = 64 * SIZE * w->g;
    pe_for(pe, j, 0, panels, 1) {
        bool more = keys_of(w, next, j) > 0;
        if (more) score(pe, w, next, j);
        pe_se(pe, .bin = PE_SUB, .fn = PE_EXP, .b_col = true, .rows = w->rows, .cols = keys_of(w, m0, j), .a = PE_AT(S, .pop = PANEL * 4), .b = PE_AT(MAX),
              .dst = PE_AT(P, .off = 64 * SIZE * j, .pitch = pitch, .push = j + 1 == panels ? w->g * PANEL * SIZE : 0));
        if (more) take_scores(pe, w, next, j, panels - 1);
    }
    pe_se_reduce(pe, PE_RSUM, PE_AT(m0 ? SUM : L), PE_AT(P, .pitch = pitch), w->rows, keys);
}

/* With c = exp(m before - m): l <- l c + sums, O <- O c. */
static void rescale(PE *pe, const Work *w) {
    pe_se(pe, .bin = PE_SUB, .fn = PE_EXP, .rows = 1, .cols = w->rows, .dst = PE_AT(C), .a = PE_AT(OLD), .b = PE_AT(MAX));
    pe_se(pe, .bin = PE_MUL, .rows = 1, .cols = w->rows, .dst = PE_AT(L), .a = PE_AT(L), .b = PE_AT(C));
    pe_se(pe, .bin = PE_ADD, .rows = 1, .cols = w->rows, .dst = PE_AT(L), .a = PE_AT(L), .b = PE_AT(SUM));
    pe_se(pe, .bin = PE_MUL, .b_col = true, .rows = w->rows, .cols = w->cols, .dst = PE_AT(O), .a = PE_AT(O), .b = PE_AT(C));
}

/* O <- O + P v. */
static void values(PE *pe, const Work *w, int64_t m0) {
    int64_t keys = pe_min(64 * w->g, w->M - m0), all = w->g * PANEL * SIZE, pitch = 64 * SIZE * w->g;
    pe_dot(pe, .m = w->rows, .n = w->cols, .k = keys, .a = PE_AT(P, .pitch = pitch, .pop = all), .b = PE_AT(VT, .pitch = pitch, .pop = all));
    if (m0) pe_se(pe, .from_re = true, .bin = PE_ADD, .rows = w->rows, .cols = w->cols, .dst = PE_AT(O), .b = PE_AT(O));
    else pe_se(pe, .from_re = true, .rows = w->rows, .cols = w->cols, .dst = PE_AT(O));
}

static void compute_work(PE *pe, Work *w) {
    int64_t step = 64 * w->g, row = w->width * SIZE;
    bool ahead = w->g == 4;
    if (ahead) scores(pe, w, 0);
    pe_for(pe, m0, 0, w->M, step) {
        if (!ahead) scores(pe, w, m0);
        maxima(pe, w, m0);
        exponentials(pe, w, m0, ahead ? m0 + step : w->M);
        if (m0) rescale(pe, w);
        values(pe, w, m0);
    }
    if (w->D <= w->width) {
        pe_wait(pe, Q, 64 * row);
        pe_fence(pe, PE_DPE);
        pe_pop(pe, Q, 64 * row);
    }
    if (w->M) {
        pe_se(pe, .fn = PE_RECIP, .rows = 1, .cols = w->rows, .dst = PE_AT(C), .a = PE_AT(L));
        pe_se(pe, .bin = PE_MUL, .b_col = true, .rows = w->rows, .cols = w->cols, .dst = PE_AT(Y, .push = PANEL * SIZE), .a = PE_AT(O), .b = PE_AT(C));
    } else {                                    /* no keys: a sum of nothing */
        pe_dot(pe, .m = w->rows, .n = w->cols, .k = 0, .a = PE_AT(Q), .b = PE_AT(Q));
        pe_se(pe, .from_re = true, .rows = w->rows, .cols = w->cols, .dst = PE_AT(Y, .push = PANEL * SIZE));
    }
    pe_store(pe, TY, pe_box((w->h * w->L + w->l) * w->E + w->e, w->rows, w->cols, w->E), PE_AT(Y, .pop = PANEL * SIZE));
}

static void load(PE *pe) { each(pe, load_work); }
static void compute(PE *pe) { each(pe, compute_work); }

const PeProgram pe_program = {
    .version = PE_VERSION, .name = "attention", .dims = "H, L, M, D, E",
    .tensor = {{"q", PE_F16, PE_IN, "H, L, D"}, {"k", PE_F16, PE_IN, "H, M, D"}, {"v", PE_F16, PE_IN, "H, M, E"}, {"y", PE_F16, PE_OUT, "H, L, E"}},
    .setup = setup, .core = {load, compute},
};
