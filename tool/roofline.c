#include "tool/roofline.h"
#include "dsl/kernel_build.h"
#include "tool/grid.h"
#include <math.h>

/* ---- the work ---- */

/* The widest type that arithmetic is done in, floats first. */
static DType arithmetic(const Kernel *k) {
    static const DType order[] = {DT_F64, DT_F32, DT_I64, DT_I32};
    for (int w = 0; w < 4; w++)
        for (int i = 0; i < k->stmts.n; i++) {
            const Stmt *s = k->stmts.at[i];
            DType t = s->value->kind == X_REDUCE ? s->value->reduce->comb->type : s->value->type;
            if (t < DT_COUNT && dtype_table[t].compute == order[w]) return order[w];
        }
    return DT_F32;
}

/* The widest type of an array that is read or written, floats first. */
static DType storage(const Kernel *k) {
    DType best = DT_NONE;
    for (int i = 0; i < k->params.n + k->outputs.n; i++) {
        const Tensor *t = i < k->params.n ? k->params.at[i] : k->outputs.at[i - k->params.n];
        if (!t->rank) continue;
        bool f = dtype_is_float(t->type), g = best != DT_NONE && dtype_is_float(best);
        if (best == DT_NONE || (f && !g) || (f == g && dtype_table[t->type].bytes > dtype_table[best].bytes)) best = t->type;
    }
    return best == DT_NONE ? arithmetic(k) : best;
}

typedef struct Reads { const Tensor *t; bool gathered, plain; } Reads;

static bool see_tensor(void *context, Expr *e) {
    *(bool *)context |= e->kind == X_READ;
    return true;
}

static bool see_reads(void *context, Expr *e) {
    Reads *r = context;
    if (e->kind != X_READ || e->tensor != r->t) return true;
    bool by_data = false;
    for (int i = 0; i < e->args.n; i++) expr_walk(e->args.at[i], see_tensor, &by_data);
    *(by_data ? &r->gathered : &r->plain) = true;
    return true;
}

/* An input that is read at places that data tell moves no more elements than there are operations or results. */
static double input_bytes(const Kernel *k, const Tensor *t, double n, double most) {
    Reads reads = {.t = t};
    for (int i = 0; i < k->stmts.n; i++) expr_walk(k->stmts.at[i]->value, see_reads, &reads);
    return (reads.gathered && !reads.plain ? fmin(n, most) : n) * dtype_table[t->type].bytes;
}

static const Expr *bare(const Expr *e) {
    while (e->kind == X_CONVERT) e = e->args.at[0];
    return e;
}

static bool volume(const Index *const *idx, int n, const int64_t *dims, double *v) {
    for (int i = 0; i < n; i++) {
        int64_t lo, hi;
        if (!expr_dims_value(idx[i]->lo, dims, &lo) || !expr_dims_value(idx[i]->hi, dims, &hi)) return false;
        *v *= hi > lo ? (double)(hi - lo) : 0;
    }
    return true;
}

typedef struct Varies { const Reduce *r; bool found; } Varies;
static bool see_index(void *context, Expr *e) {
    Varies *v = context;
    for (int i = 0; e->kind == X_INDEX && i < v->r->idx.n; i++) v->found |= e->index == v->r->idx.at[i];
    return !v->found;
}

static bool see_operation(void *context, Expr *e) {
    int *n = context;
    *n += e->kind == X_OP || ((e->kind == X_CONVERT || e->kind == X_SAT) && dtype_is_float(e->type) != dtype_is_float(e->args.at[0]->type));
    return e->kind != X_READ;
}

/* Factors of a sum's operand: reads that vary along it, two at most; others: operations of those that do not, which may leave the sum. */
typedef struct Factors { const Expr *read[2]; int reads, others; bool fits; } Factors;

static void factors(const Reduce *r, const Expr *e, Factors *f) {
    Varies v = {r, false};
    e = bare(e);
    expr_walk((Expr *)e, see_index, &v);
    if (!v.found) {
        f->others++;
        expr_walk((Expr *)e, see_operation, &f->others);
    } else if (e->kind == X_OP && e->op == OP_MUL)
        for (int i = 0; i < 2; i++) factors(r, e->args.at[i], f);
    else if (e->kind == X_READ && e->tensor->rank && f->reads < 2) f->read[f->reads++] = e;
    else f->fits = false;
}

/* The type in which the engine of panels may multiply the two: theirs; or that of 16 bits where the other is a temporary of f32, which a
 * schedule may have rounded. */
static DType multiplied(const Tensor *x, const Tensor *y, const SimMachine *m) {
    bool rounded = dtype_is_float(x->type) && dtype_is_float(y->type);
    DType t = x->type == y->type ? x->type : rounded && x->type == DT_F32 && x->role == TR_TEMP ? y->type : rounded && y->type == DT_F32 && y->role == TR_TEMP ? x->type : DT_NONE;
    PeType p = t == DT_NONE ? PE_TYPE_COUNT : grid_type(t);
    return p != PE_TYPE_COUNT && m->dpe.rate[p].den ? t : DT_NONE;
}

/* Counts the multiply-adds of a statement that the engine of panels has a type for. */
static void count_products(const Stmt *s, const int64_t *dims, const SimMachine *m, RoofWork *w) {
    const Reduce *r = s->value->kind == X_REDUCE ? s->value->reduce : NULL;
    if (!r || r->comb->kind != CK_SUM || r->pred || r->scan != SCAN_NONE) return;
    Factors f = {.fits = true};
    factors(r, r->operands.at[0], &f);
    DType t = f.fits && f.reads == 2 ? multiplied(f.read[0]->tensor, f.read[1]->tensor, m) : DT_NONE;
    double results = 1, v;
    if (t == DT_NONE || !volume((const Index *const *)s->idx.at, s->idx.n, dims, &results)) return;
    v = results;
    if (!volume((const Index *const *)r->idx.at, r->idx.n, dims, &v)) return;
    w->products += v;
    w->product_type = t;
    if (v > results) w->operations -= f.others * (v - results);     /* once a result, not once a term */
}

RoofWork roofline_work(Arena *a, const Kernel *k, const int64_t *dims, const SimMachine *grid, const bool *in_sram, double operations) {
    RoofWork w = {.operations = operations, .product_type = DT_NONE, .storage = storage(k), .compute = arithmetic(k)};
    double results = 0;
    for (int i = 0; i < k->outputs.n; i++) {
        Array x;
        if (inputs_shape(a, k->outputs.at[i], dims, &x)) continue;
        *(in_sram && in_sram[k->params.n + i] ? &w.sram : &w.dram) += (double)array_bytes(&x);
        results += (double)x.n;
    }
    for (int i = 0; i < k->params.n; i++) {
        Array x;
        if (inputs_shape(a, k->params.at[i], dims, &x)) continue;
        *(in_sram && in_sram[i] ? &w.sram : &w.dram) += input_bytes(k, k->params.at[i], (double)x.n, fmax(operations, results));
    }
    for (int i = 0; grid && i < k->stmts.n; i++) count_products(k->stmts.at[i], dims, grid, &w);
    return w;
}

/* ---- the rates ---- */

static void least(Roofline *r, double seconds, const char *bound) {
    if (seconds > r->seconds || !r->bound) *r = (Roofline){seconds, bound};
}

/* Units a second, all PEs together. */
static double grid_rate(const SimMachine *m, SimRate r) {
    return r.den && r.num ? (double)(m->rows * m->cols) * m->hz * SIM_TICK * (double)r.den / (double)r.num : 0;
}

/* Elementwise work goes to the SE and the vector core side by side. */
static double grid_vector_rate(const SimMachine *m, DType t) {
    PeType p = grid_type(t);
    if (p == PE_TYPE_COUNT) return 0;
    double pes = (double)(m->rows * m->cols), core = m->core.op ? pes * m->hz * (double)m->core.lanes[p] * SIM_TICK / (double)m->core.op : 0;
    return core + grid_rate(m, m->se.rate[p]);
}

Roofline roofline_grid(const RoofWork *w, const SimMachine *m) {
    static const char *const rates[] = {"vector rate", "dpe rate"};
    Roofline r = {0};
    double one = (double)(m->rows * m->cols);     /* rates of shared memories are not a PE's */
    least(&r, w->dram * one / grid_rate(m, m->dram.bandwidth), "DRAM bandwidth");
    if (w->sram) least(&r, w->sram * one / grid_rate(m, m->sram.bandwidth), "SRAM bandwidth");
    double vector = fmax(grid_vector_rate(m, w->storage), grid_vector_rate(m, w->compute)), rest = fmax(0, w->operations - 2 * w->products);
    if (vector > 0) least(&r, rest / vector, rates[0]);
    if (w->products) least(&r, w->products / grid_rate(m, m->dpe.rate[grid_type(w->product_type)]), rates[1]);
    return r;
}

Roofline roofline_host(const RoofWork *w, const Machine *m) {
    static const struct { const char *memory, *bound; } levels[] = {
        {"l1", "L1 bandwidth"}, {"l2", "L2 bandwidth"}, {"l3", "L3 bandwidth"}, {"dram", "DRAM bandwidth"}};
    static const char *const rates[] = {[DT_F64] = "f64 rate", [DT_F32] = "f32 rate", [DT_I64] = "i64 rate", [DT_I32] = "i32 rate"};
    Roofline r = {0};
    for (int i = 0; i < 4; i++) {
        double rate = machine_number(m, "memory", levels[i].memory, "bandwidth");
        if (rate <= 0 || (i < 3 && w->dram > machine_number(m, "memory", levels[i].memory, "size"))) continue;
        r = (Roofline){w->dram / rate, levels[i].bound};
        break;
    }
    double peak = machine_number(m, "engine", "vector", dtype_name(w->compute));
    if (peak > 0 && w->operations / peak > r.seconds) r = (Roofline){w->operations / peak, rates[w->compute]};
    return r;
}
