/* What the compute engines cost, and what they do to the data. */
#include "sim/run.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static PeType type_of(const Command *c, int use) { return c->pe->buf[c->use[use].buf].type; }

Acc *command_acc(const Command *c, int i) { return &c->pe->acc[c->acc + i]; }

/* ---- costs ---- */

static int64_t dot_ticks(const Command *c) {
    const SimMachine *m = c->pe->run->m;
    int size = sim_type_bytes(type_of(c, 0));
    int64_t blocks = ceil_div(c->dot.m, m->dpe.block_m) * ceil_div(c->dot.n, m->dpe.block_n) * ceil_div(c->dot.k * size, m->dpe.block_bytes * (c->dot.sparse ? 2 : 1));
    return blocks * sim_rate_ticks(c->dot_row->rate[type_of(c, 0)], m->dpe.block_m * m->dpe.block_n * m->dpe.block_bytes / size);
}

/* Of n operations on the slowest of the command's local types; a type without a rate goes as f32. */
static int64_t se_ops_ticks(const Command *c, int64_t n) {
    const SimMachine *m = c->pe->run->m;
    int64_t worst = 0;
    for (int i = c->kind == C_SE ? 0 : 1; i < c->n_uses; i++) {      /* sums are f32 whatever their source */
        SimRate r = m->se.rate[type_of(c, i)];
        if (!r.den) r = m->se.rate[PE_F32];
        if (!r.den) command_fault(c, SIM_F_TYPE, "the SE of this machine does not take %s", sim_type_name(type_of(c, i)));
        int64_t t = sim_rate_ticks(r, n);
        if (t > worst) worst = t;
    }
    return worst;
}

static int64_t se_element_ops(const SimMachine *m, const PeSe *s) {
    bool copies = s->bin == PE_FIRST && s->fn == PE_SAME && !s->affine;
    if (copies) return sim_cost(m, &m->se.bin[PE_FIRST]);
    return (s->bin ? sim_cost(m, &m->se.bin[s->bin]) : 0) + (s->fn ? sim_cost(m, &m->se.fn[s->fn]) : 0) + (s->affine ? sim_cost(m, &m->se.affine) : 0);
}

int64_t command_ticks(const Command *c) {
    const SimMachine *m = c->pe->run->m;
    int64_t t = 0, feed;
    switch (c->kind) {
    case C_DOT: return dot_ticks(c);
    case C_DRAIN: case C_PEEK: return m->re.drain * c->n_acc;
    case C_PRELOAD: return m->re.preload * c->n_acc;
    case C_SEND: case C_RECEIVE: return sim_rate_ticks(m->re.link, (int64_t)c->n_acc * m->dpe.block_m * m->dpe.block_n * 4) + m->network.hop;
    case C_SE:
        t = se_ops_ticks(c, c->se.rows * c->se.cols * se_element_ops(m, &c->se));
        feed = c->se.from_re ? m->re.drain * c->n_acc : 0;
        return t > feed ? t : feed;
    case C_REDUCE: return se_ops_ticks(c, c->rows * c->cols * sim_cost(m, &m->se.red[c->red]));
    case C_ACCUMULATE: return se_ops_ticks(c, c->rows * c->cols * sim_cost(m, &m->se.gather));
    case C_TRANSPOSE: return sim_rate_ticks(m->mlu.rate, c->rows * c->cols * sim_type_bytes(type_of(c, 0)));
    default: return 0;
    }
}

/* IEEE 754-2019: nan goes through, -0 is below +0. */
static float greater(float a, float b) { return a > b || a != a || (a == b && !signbit(a)) ? a : b; }
static float lesser(float a, float b) { return a < b || a != a || (a == b && signbit(a)) ? a : b; }

/* ---- rows as floats ---- */

void row_load(float *out, PeType t, const void *in, int64_t n) {
    const unsigned char *p = in;
    switch (t) {
    case PE_F32: memcpy(out, in, (size_t)n * 4); break;
    case PE_F16: panel_from_f16(out, in, n); break;
    case PE_BF16:
        for (int64_t i = 0; i < n; i++) {
            uint32_t b = (uint32_t)p[2 * i] << 16 | (uint32_t)p[2 * i + 1] << 24;
            memcpy(out + i, &b, 4);
        }
        break;
    case PE_I32:
        for (int64_t i = 0; i < n; i++) { int32_t v; memcpy(&v, p + 4 * i, 4); out[i] = (float)v; }
        break;
    case PE_I64:
        for (int64_t i = 0; i < n; i++) { int64_t v; memcpy(&v, p + 8 * i, 8); out[i] = (float)v; }
        break;
    case PE_I8: for (int64_t i = 0; i < n; i++) out[i] = (float)(signed char)p[i]; break;
    case PE_F64: for (int64_t i = 0; i < n; i++) { double v; memcpy(&v, p + 8 * i, 8); out[i] = (float)v; } break;
    case PE_I16: for (int64_t i = 0; i < n; i++) { int16_t v; memcpy(&v, p + 2 * i, 2); out[i] = (float)v; } break;
    case PE_F8E4M3: case PE_F8E5M2: for (int64_t i = 0; i < n; i++) out[i] = vector_f8_widen(t, p[i]); break;
    default: for (int64_t i = 0; i < n; i++) out[i] = (float)p[i];
    }
}

static int64_t saturate(float x, double lo, double hi) {
    double r = rint((double)x);
    if (r != r) return 0;
    if (r <= lo) return (int64_t)lo;
    return r >= hi ? (int64_t)(hi > 9e18 ? INT64_MAX : hi) : (int64_t)r;
}

static uint16_t bf16_of(float x) {
    uint32_t u;
    memcpy(&u, &x, 4);
    if ((u & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(u >> 16 | 0x40);
    return (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

static void store_row(void *out, PeType t, const float *in, int64_t n) {
    unsigned char *p = out;
    switch (t) {
    case PE_F32: memcpy(out, in, (size_t)n * 4); break;
    case PE_F16: panel_to_f16(out, in, n); break;
    case PE_BF16: for (int64_t i = 0; i < n; i++) { uint16_t h = bf16_of(in[i]); memcpy(p + 2 * i, &h, 2); } break;
    case PE_I32: for (int64_t i = 0; i < n; i++) { int32_t v = (int32_t)saturate(in[i], -2147483648.0, 2147483647.0); memcpy(p + 4 * i, &v, 4); } break;
    case PE_I64: for (int64_t i = 0; i < n; i++) { int64_t v = saturate(in[i], -9223372036854775808.0, 9223372036854775808.0); memcpy(p + 8 * i, &v, 8); } break;
    case PE_I8: for (int64_t i = 0; i < n; i++) p[i] = (unsigned char)saturate(in[i], -128, 127); break;
    case PE_F64: for (int64_t i = 0; i < n; i++) { double v = (double)in[i]; memcpy(p + 8 * i, &v, 8); } break;
    case PE_I16: for (int64_t i = 0; i < n; i++) { int16_t v = (int16_t)saturate(in[i], -32768, 32767); memcpy(p + 2 * i, &v, 2); } break;
    case PE_F8E4M3: case PE_F8E5M2: for (int64_t i = 0; i < n; i++) p[i] = vector_f8_narrow(t, (double)in[i]); break;
    case PE_BOOL: for (int64_t i = 0; i < n; i++) p[i] = in[i] != 0; break;
    default: for (int64_t i = 0; i < n; i++) p[i] = (unsigned char)saturate(in[i], 0, 255);
    }
}

/* ---- DPE and RE ---- */

/* A panel of up to 64x64 to and from accumulators of one block each. */
static void acc_copy(const Command *c, float *panel, int64_t m, int64_t n, bool to_acc) {
    int64_t bm = c->pe->run->m->dpe.block_m, bn = c->pe->run->m->dpe.block_n, across = ceil_div(n, bn);
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j += bn) {
            float *at = command_acc(c, (int)(i / bm * across + j / bn))->f + i % bm * bn, *p = panel + i * 64 + j;
            size_t bytes = (size_t)(n - j < bn ? n - j : bn) * 4;
            memcpy(to_acc ? at : p, to_acc ? p : at, bytes);
        }
}

static void acc_claim(const Command *c, PeType type, bool add) {
    for (int i = 0; i < c->n_acc; i++) {
        Acc *a = command_acc(c, i);
        if (add && !a->has) command_fault(c, SIM_F_UNINIT, "accumulator %d is added to before it has a value", c->acc + i);
        if (add && a->type != type) command_fault(c, SIM_F_TYPE, "accumulator %d holds %s, %s are added", c->acc + i, sim_type_name(a->type), sim_type_name(type));
        a->has = true;
        a->type = type;
        a->site = c->site;
        a->core = c->core;
    }
}

static void acc_need(const Command *c) {
    for (int i = 0; i < c->n_acc; i++)
        if (!command_acc(c, i)->has) command_fault(c, SIM_F_UNINIT, "accumulator %d is read before it has a value", c->acc + i);
}
static void acc_release(const Command *c) {
    for (int i = 0; i < c->n_acc; i++) command_acc(c, i)->has = false;
}

/* i8: sums of PANEL_K products are exact in f32; they are joined in i32. */
static void panel_add_i32(float *acc, const float *part, int64_t m) {
    for (int64_t i = 0; i < m * 64; i++) {
        int32_t v;
        memcpy(&v, acc + i, 4);
        v = (int32_t)((uint32_t)v + (uint32_t)(int32_t)part[i]);
        memcpy(acc + i, &v, 4);
    }
}

/* b[l][j] of a 2:4 sparse operand: zeros but at the places of each four. */
static void load_sparse(const Command *c, float *b, float *out, int64_t rows, int64_t l, int64_t k) {
    int64_t size = sim_type_bytes(type_of(c, 1));
    for (int i = 1; i < 3; i++) view_open(c->pe, c->use[i].buf);
    for (int64_t i = 0; i < rows; i++) {
        const unsigned char *places = use_row(c, &c->use[2], i) + l / 8;
        float packed[PANEL_K / 2], *row = out + i * PANEL_K;
        row_load(packed, type_of(c, 1), use_row(c, &c->use[1], i) + l / 2 * size, k / 2);
        memset(row, 0, (size_t)k * 4);
        for (int64_t q = 0; q < k / 4; q++) {
            int nibble = places[q / 2] >> q % 2 * 4 & 15, first = nibble & 3, second = nibble >> 2;
            if (first >= second) command_fault(c, SIM_F_SHAPE, "places %d and %d of the four at k = %lld of row %lld: a 2:4 operand's places ascend", first, second, (long long)(l + 4 * q), (long long)i);
            row[4 * q + first] = packed[2 * q];
            row[4 * q + second] = packed[2 * q + 1];
        }
    }
    panel_interleave(b, out, rows, k);
}

static bool is_product(const SimDotRow *row) { return row->red == PE_RSUM && row->bin == PE_MUL && row->fn == PE_SAME; }

static void se_bin(PeBin bin, float *x, const float *b, bool one, int64_t n);
static void se_fn(PeFn fn, float *x, int64_t n);
static float least_of(PeRed red) { return red == PE_RSUM ? 0.0f : red == PE_RMAX ? -INFINITY : INFINITY; }

/* Any row: the elements of k in order, whole numbers joined in i32. */
static void multiply_any(const SimDotRow *row, float *panel, const float *a, const float *b, int64_t m, int64_t k, bool ints) {
    float x[64];
    for (int64_t i = 0; i < m; i++)
        for (int64_t l = 0; l < k; l++) {
            for (int j = 0; j < 64; j++) x[j] = a[i * PANEL_K + l];
            se_bin(row->bin, x, b + l * 64, false, 64);
            se_fn(row->fn, x, 64);
            for (int j = 0; j < 64; j++) {
                float *at = panel + i * 64 + j;
                int32_t v;
                memcpy(&v, at, 4);
                if (!ints) *at = row->red == PE_RSUM ? *at + x[j] : row->red == PE_RMAX ? greater(*at, x[j]) : lesser(*at, x[j]);
                else if (row->red == PE_RSUM) v = (int32_t)((uint32_t)v + (uint32_t)(int32_t)x[j]);
                else v = row->red == PE_RMAX ? (v > (int32_t)x[j] ? v : (int32_t)x[j]) : v < (int32_t)x[j] ? v : (int32_t)x[j];
                if (ints) memcpy(at, &v, 4);
            }
        }
}

/* What an empty join is, in every place of a panel. */
static void begin_panel(const SimDotRow *row, float *panel, int64_t m, bool ints) {
    int32_t least = row->red == PE_RMAX ? INT32_MIN : INT32_MAX;
    for (int64_t i = 0; i < m * 64; i++)
        if (ints && row->red != PE_RSUM) memcpy(panel + i, &least, 4);
        else panel[i] = least_of(row->red);
}

static void run_dot(Command *c) {
    Run *r = c->pe->run;
    const PeDot *d = &c->dot;
    const SimDotRow *row = c->dot_row;
    bool ints = type_of(c, 0) == PE_I8 || type_of(c, 0) == PE_U8, product = is_product(row);
    bool in_place = product && d->n == 64 && d->k > 0 && !ints && r->m->dpe.block_m == 32 && r->m->dpe.block_n == 32;
    acc_claim(c, ints ? PE_I32 : PE_F32, d->add);
    if (r->c->timing && !ints) return;
    float *panel = r->scratch, *part = panel + 4096, *a = part + 4096, *b = a + 64 * PANEL_K, *work = b + 64 * PANEL_K;
    int64_t next = (int64_t)(sizeof(Acc) / sizeof(float));
    Sums sums = in_place ? (Sums){command_acc(c, 0)->f, 32, next, 2 * next, d->add} : (Sums){panel, 64, 32, 32 * 64, true};
    if (!in_place && (!d->add || d->n < 64)) {
        if (product) memset(panel, 0, (size_t)d->m * 64 * 4);
        else begin_panel(row, panel, d->m, ints);
    }
    if (!in_place && d->add) acc_copy(c, panel, d->m, d->n, false);
    for (int64_t l = 0; l < d->k; l += PANEL_K) {
        int64_t k = d->k - l < PANEL_K ? d->k - l : PANEL_K;
        const float *rows = use_panel(c, &c->use[0], (PanelPart){l, d->m, k, row->a_by_k, false}, a, work);
        const float *cols = d->sparse ? b : use_panel(c, &c->use[1], (PanelPart){l, d->n, k, row->b_by_k, true}, b, work);
        if (d->sparse) load_sparse(c, b, work, d->n, l, k);
        if (!product) multiply_any(row, panel, rows, cols, d->m, k, ints);
        else panel_multiply(ints ? &(Sums){part, 64, 32, 32 * 64, false} : &sums, rows, cols, d->m, k);
        if (product && ints) panel_add_i32(panel, part, d->m);
        sums.add = true;
    }
    if (!in_place) acc_copy(c, panel, d->m, d->n, true);
}

/* Row maxima or minima; the accumulators keep their values. */
static void run_peek(Command *c) {
    float *panel = c->pe->run->scratch;
    acc_need(c);
    PeType want = c->n_acc ? command_acc(c, 0)->type : type_of(c, 0);
    if (type_of(c, 0) != want) command_fault(c, SIM_F_TYPE, "accumulators of %s are reduced into buffer %d of %s", sim_type_name(want), c->use[0].buf, sim_type_name(type_of(c, 0)));
    acc_copy(c, panel, c->rows, c->cols, false);
    for (int64_t i = 0; i < c->rows && c->cols; i++) {
        float *row = panel + i * 64, f = row[0];
        for (int64_t j = 1; j < c->cols; j++) {
            int32_t x, y;
            memcpy(&x, &f, 4);
            memcpy(&y, row + j, 4);
            if (want == PE_I32 ? (c->red == PE_RMAX ? y > x : y < x) : c->red == PE_RMAX ? greater(f, row[j]) != f : lesser(f, row[j]) != f) f = row[j];
        }
        memcpy(use_row(c, &c->use[0], 0) + i * 4, &f, 4);
    }
}

static void run_drain(Command *c) {
    float *panel = c->pe->run->scratch;
    acc_need(c);
    PeType want = command_acc(c, 0)->type;
    if (type_of(c, 0) != want) command_fault(c, SIM_F_TYPE, "accumulators of %s are drained into buffer %d of %s", sim_type_name(want), c->use[0].buf, sim_type_name(type_of(c, 0)));
    acc_copy(c, panel, c->rows, c->cols, false);
    for (int64_t i = 0; i < c->rows; i++) memcpy(use_row(c, &c->use[0], i), panel + i * 64, (size_t)c->cols * 4);
    acc_release(c);
}

static void run_preload(Command *c) {
    float *panel = c->pe->run->scratch;
    acc_claim(c, type_of(c, 0), false);
    for (int64_t i = 0; i < c->rows; i++) memcpy(panel + i * 64, use_row(c, &c->use[0], i), (size_t)c->cols * 4);
    acc_copy(c, panel, c->rows, c->cols, true);
}

/* Both halves end at once; the sender's end, which comes first, moves the data. */
static void run_send(Command *c) {
    Pe *p = c->pe;
    Command *to = p->run->pe[p->index + (c->dir == PE_EAST ? 1 : (int)p->run->m->cols)].engine[PE_RE].queue[0];
    acc_need(c);
    for (int i = 0; i < c->n_acc; i++) {
        Acc *a = command_acc(c, i), *b = command_acc(to, i);
        if (!b->has || a->type != b->type) command_fault(to, SIM_F_UNINIT, "accumulator %d has no value of type %s that the received one could be added to", to->acc + i, sim_type_name(a->type));
        for (int w = 0; w < ACC_WORDS; w++) {
            int32_t x, y;
            memcpy(&x, a->f + w, 4);
            memcpy(&y, b->f + w, 4);
            y = (int32_t)((uint32_t)x + (uint32_t)y);
            if (a->type == PE_I32) memcpy(b->f + w, &y, 4);
            else b->f[w] += a->f[w];
        }
    }
    acc_release(c);
}

/* ---- SE ---- */


static void se_bin(PeBin bin, float *x, const float *b, bool one, int64_t n) {
#define EACH(e) for (int64_t i = 0; i < n; i++) { float p = x[i], q = b[one ? 0 : i]; x[i] = (e); } break
    switch (bin) {
    case PE_ADD: EACH(p + q);
    case PE_SUB: EACH(p - q);
    case PE_MUL: EACH(p * q);
    case PE_DIV: EACH(p / q);
    case PE_MAX: EACH(greater(p, q));
    case PE_MIN: EACH(lesser(p, q));
    default: break;
    }
#undef EACH
}

/* Within one unit in the last place of f32. */
static void se_fn(PeFn fn, float *x, int64_t n) {
#define EACH(e) for (int64_t i = 0; i < n; i++) { float p = x[i]; x[i] = (e); } break
    switch (fn) {
    case PE_EXP: EACH(expf(p));
    case PE_LOG: EACH((float)log((double)p));
    case PE_TANH: EACH((float)tanh((double)p));
    case PE_SIGMOID: EACH((float)(1.0 / (1.0 + exp(-(double)p))));
    case PE_ERF: EACH((float)erf((double)p));
    case PE_RECIP: EACH(1.0f / p);
    case PE_RSQRT: EACH((float)(1.0 / sqrt((double)p)));
    case PE_RELU: EACH(greater(p, 0.0f));
    case PE_ABS: EACH(fabsf(p));
    default: break;
    }
#undef EACH
}

static void run_se(Command *c) {
    const PeSe *s = &c->se;
    Run *r = c->pe->run;
    int a = s->from_re ? -1 : 1, b = s->bin == PE_FIRST ? -1 : a < 0 ? 1 : 2;
    float *panel = r->scratch, *x = panel + 4096, *y = x + s->cols;
    if (s->from_re) { acc_need(c); acc_copy(c, panel, s->rows, s->cols, false); }
    PeType at = s->from_re ? command_acc(c, 0)->type : type_of(c, 1);
    bool skip = r->c->timing && sim_type_bytes(type_of(c, 0)) != 1 && type_of(c, 0) != PE_I32 && type_of(c, 0) != PE_I64;
    for (int64_t i = 0; i < s->rows && !skip; i++) {
        row_load(x, at, s->from_re ? (void *)(panel + i * 64) : use_row(c, &c->use[1], i), s->cols);
        if (b > 0 && (i == 0 || !s->b_row)) row_load(y, type_of(c, b), use_row(c, &c->use[b], s->b_row ? 0 : i), s->b_col ? 1 : s->cols);
        se_bin(s->bin, x, y, s->b_col, s->cols);
        if (s->affine) for (int64_t j = 0; j < s->cols; j++) x[j] = x[j] * s->alpha + s->beta;
        se_fn(s->fn, x, s->cols);
        store_row(use_row(c, &c->use[0], i), type_of(c, 0), x, s->cols);
    }
    if (s->from_re) acc_release(c);
}

static float reduce_row(PeRed red, const float *x, int64_t n) {
    float s = red == PE_RSUM || red == PE_RMAXABS ? 0.0f : red == PE_RMAX ? -INFINITY : INFINITY;
    switch (red) {
    case PE_RSUM: for (int64_t j = 0; j < n; j++) s += x[j]; break;
    case PE_RMAX: for (int64_t j = 0; j < n; j++) s = greater(s, x[j]); break;
    case PE_RMIN: for (int64_t j = 0; j < n; j++) s = lesser(s, x[j]); break;
    default: for (int64_t j = 0; j < n; j++) s = greater(s, fabsf(x[j]));
    }
    return s;
}

/* In f32, in the order of the columns. */
static void run_reduce(Command *c) {
    float *x = c->pe->run->scratch;
    for (int64_t i = 0; i < c->rows && !c->pe->run->c->timing; i++) {
        row_load(x, type_of(c, 1), use_row(c, &c->use[1], i), c->cols);
        float s = reduce_row(c->red, x, c->cols);
        memcpy(use_row(c, &c->use[0], 0) + i * 4, &s, 4);
    }
}

static void run_accumulate(Command *c) {
    float *x = c->pe->run->scratch, *sum = x + c->cols;
    if (c->pe->run->c->timing) return;
    memset(sum, 0, (size_t)c->cols * 4);
    if (c->add) memcpy(sum, use_row(c, &c->use[0], 0), (size_t)c->cols * 4);
    for (int64_t i = 0; i < c->rows; i++) {
        row_load(x, type_of(c, 1), use_row(c, &c->use[1], i), c->cols);
        for (int64_t j = 0; j < c->cols; j++) sum[j] += x[j];
    }
    memcpy(use_row(c, &c->use[0], 0), sum, (size_t)c->cols * 4);
}

#if defined(__SSE2__)
#include <emmintrin.h>
/* 8 x 8 elements of two bytes. */
static void transpose_8x8(unsigned char *to, int64_t to_pitch, const unsigned char *from, int64_t from_pitch) {
    __m128i a[8], b[8];
    for (int i = 0; i < 8; i++) a[i] = _mm_loadu_si128((const __m128i *)(const void *)(from + i * from_pitch));
    for (int i = 0; i < 4; i++) {
        b[2 * i] = _mm_unpacklo_epi16(a[i], a[i + 4]);
        b[2 * i + 1] = _mm_unpackhi_epi16(a[i], a[i + 4]);
    }
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm_unpacklo_epi16(b[i], b[i + 4]);
        a[2 * i + 1] = _mm_unpackhi_epi16(b[i], b[i + 4]);
    }
    for (int i = 0; i < 4; i++) {
        _mm_storeu_si128((__m128i *)(void *)(to + (2 * i) * to_pitch), _mm_unpacklo_epi16(a[i], a[i + 4]));
        _mm_storeu_si128((__m128i *)(void *)(to + (2 * i + 1) * to_pitch), _mm_unpackhi_epi16(a[i], a[i + 4]));
    }
}
#else
static void transpose_8x8(unsigned char *to, int64_t to_pitch, const unsigned char *from, int64_t from_pitch) {
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) memcpy(to + j * to_pitch + 2 * i, from + i * from_pitch + 2 * j, 2);
}
#endif

/* Rows r0 to r1, columns c0 to c1, one element after the other. */
static void transpose_part(const Command *c, int64_t r0, int64_t r1, int64_t c0, int64_t c1) {
    size_t size = (size_t)sim_type_bytes(type_of(c, 0));
    unsigned char *to = use_row(c, &c->use[0], 0);
    const unsigned char *from = use_row(c, &c->use[1], 0);
    int64_t tp = c->use[0].pitch, fp = c->use[1].pitch;
#define EACH(n) for (int64_t i = r0; i < r1; i++) for (int64_t j = c0; j < c1; j++) memcpy(to + j * tp + i * n, from + i * fp + j * n, n); break
    switch (size) {
    case 1: EACH(1);
    case 2: EACH(2);
    case 4: EACH(4);
    default: EACH(8);
    }
#undef EACH
}

static void run_transpose(Command *c) {
    int64_t rows = c->rows & -8, cols = c->cols & -8;
    if (run_skips(c->pe->run, type_of(c, 0)) || view_of_transpose(c)) return;
    view_open(c->pe, c->use[1].buf);
    if (sim_type_bytes(type_of(c, 0)) != 2 || !rows || !cols) {
        transpose_part(c, 0, c->rows, 0, c->cols);
        return;
    }
    unsigned char *to = use_row(c, &c->use[0], 0);
    const unsigned char *from = use_row(c, &c->use[1], 0);
    int64_t tp = c->use[0].pitch, fp = c->use[1].pitch;
    for (int64_t j = 0; j < cols; j += 8)
        for (int64_t i = 0; i < rows; i += 8) transpose_8x8(to + j * tp + 2 * i, tp, from + i * fp + 2 * j, fp);
    transpose_part(c, rows, c->rows, 0, c->cols);
    transpose_part(c, 0, rows, cols, c->cols);
}

/* Before c's arithmetic: bytes that it reads are there (the DPE and the MLU see to it themselves), views that it writes over are gone. */
static void command_views(const Command *c) {
    for (int i = 0; i < c->n_uses; i++)
        if (c->use[i].write) view_overwrite(c, &c->use[i]);
        else if (c->kind != C_DOT && c->kind != C_TRANSPOSE) view_open(c->pe, c->use[i].buf);
}

void command_compute(Command *c) {
    static void (*const run[])(Command *) = {
        [C_DOT] = run_dot, [C_PRELOAD] = run_preload, [C_DRAIN] = run_drain, [C_PEEK] = run_peek, [C_SEND] = run_send, [C_SE] = run_se,
        [C_REDUCE] = run_reduce, [C_ACCUMULATE] = run_accumulate, [C_TRANSPOSE] = run_transpose,
    };
    if ((size_t)c->kind >= sizeof run / sizeof *run || !run[c->kind]) return;
    command_views(c);
    run[c->kind](c);
}
