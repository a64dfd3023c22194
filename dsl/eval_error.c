/* The error bounds of single operations. docs/numerics.md has the rules. */
#include "dsl/eval_clones.h"
#include "dsl/eval_internal.h"
#include "dsl/eval_ops.h"

/* 2^k in the normal range. */
static double power_of_two(int k) {
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double d;
    memcpy(&d, &bits, 8);
    return d;
}

/* Half a unit in the last place is 2^-p |r|. The slack covers the reference's own rounding and that of the bound; in f64 the reference
 * rounds as coarsely as what it judges, and functions are allowed 2 ULP. */
double error_unit(DType t, double ulp) {
    int p = dtype_table[t].precision;
    if (t == DT_F64) return (ulp > 0.5 ? 3 : 2 * ulp) * power_of_two(1 - p) * (1 + 0x1p-20);
    return ulp * power_of_two(1 - p) * (1 + 0x1p-26);
}

double error_normal(DType t) {
    static const int least[DT_COUNT] = {
        [DT_F64] = -1022, [DT_F32] = -126, [DT_F16] = -14, [DT_BF16] = -126, [DT_F8E4M3] = -6, [DT_F8E5M2] = -14};
    return power_of_two(least[t]);
}

/* From here on a value becomes an infinity in t. */
static double overflow_from(DType t) {
    double most = dtype_table[t].max_finite;
    return t == DT_F64 ? INFINITY : most * (1 + power_of_two(-dtype_table[t].precision - 1));
}

/* Adds the rounding: e holds the propagated bound on entry (0 where the arguments are exact). own: what decides for a lane with exact
 * arguments: r itself (functions: 0 is exact) or r - round(r). Lanes that need a closer look are reported. */
typedef struct Flags { int inexact, odd; } Flags;

CLONES static Flags add_rounding(int n, double unit, double normal, double most, const double *r, const double *own, double *e) {
    int64_t inexact = 0, odd = 0;
    for (int l = 0; l < n; l++) {
        double p = e[l], a = fabs(r[l]) + p;
        double base = a > normal ? a : normal;
        double full = p + unit * base;
        double v = p != 0 || own[l] != 0 ? full : 0;
        inexact |= v != 0;
        odd |= !(a + v <= most);
        e[l] = v;
    }
    return (Flags){(int)inexact, (int)odd};
}

/* The same for f32 with correct rounding, own found on the way. */
CLONES static Flags add_rounding_f32(int n, double unit, double normal, double most, const double *r, double *e) {
    int64_t inexact = 0, odd = 0;
    for (int l = 0; l < n; l++) {
        double x = r[l], p = e[l], a = fabs(x) + p;
        double base = a > normal ? a : normal;
        double full = p + unit * base;
        double v = p != 0 || (double)(float)x != x ? full : 0;
        inexact |= v != 0;
        odd |= !(a + v <= most);
        e[l] = v;
    }
    return (Flags){(int)inexact, (int)odd};
}

/* No propagated bound at all: a quick test whether anything is inexact. */
CLONES static Flags test_f32(int n, double most, const double *r) {
    int64_t inexact = 0, odd = 0;
    for (int l = 0; l < n; l++) {
        double x = r[l];
        inexact |= (double)(float)x != x;
        odd |= !(fabs(x) <= most);
    }
    return (Flags){(int)inexact, (int)odd};
}

/* Is the double result r exact? Sufficient tests: a sum by its two-sum residual, a product, quotient or root of short significands. */
static bool short_bits(double v) { return (double)(float)v == v; }
static bool exact_f64(Op op, double a, double b, double c, double r) {
    double t;
    switch (op) {
    case OP_SUB: b = -b; /* fall through */
    case OP_ADD: t = r - a; return (a - (r - t)) + (b - t) == 0;
    case OP_MUL: return r == 0 ? a == 0 || b == 0 : short_bits(a) && short_bits(b);
    case OP_RECIP: return short_bits(a) && short_bits(r) && r * a == 1;
    case OP_DIV: return short_bits(b) && short_bits(r) && r * b == a;
    case OP_SQRT: return short_bits(r) && r * r == a;
    case OP_FMA: t = a * b; return short_bits(a) && short_bits(b) && exact_f64(OP_ADD, t, c, 0, r);
    default: return r == 0;
    }
}

/* The value of op with each argument at an end of its interval. */
static double corner(Op op, const OpArgs *x, int l, int which) {
    double v[3] = {0}, r;
    for (int k = 0; k < x->n; k++) {
        double e = x->e[k] ? x->e[k][l] : 0;
        v[k] = x->v[k][l] + (e == 0 ? 0 : which >> k & 1 ? e : -e);
    }
    float_kernels[op](1, &v[0], &v[1], &v[2], &r);
    return r;
}

/* The bound where the value is not finite: 0 when every corner of the arguments' intervals agrees. */
static double error_not_finite(Op op, const OpArgs *x, int l, double r) {
    bool exact = true;
    for (int k = 0; k < x->n; k++) {
        double e = x->e[k] ? x->e[k][l] : 0;
        if (e == INFINITY && !(isnan(r) && isnan(x->v[k][l]))) return INFINITY;
        exact = exact && e == 0;
    }
    if (exact) return 0;
    for (int which = 0; which < 1 << x->n; which++) {
        double v = corner(op, x, l, which);
        if (isnan(r) ? !isnan(v) : v != r) return INFINITY;
    }
    return 0;
}

/* Lanes with an infinity, a nan, or near overflow of t. Returns whether any bound is not 0. */
static bool settle(Op op, DType t, const OpArgs *x, int m, double *r, double *e, bool fused) {
    double most = dtype_table[t].max_finite, over = overflow_from(t);
    bool any = false;
    for (int l = 0; l < m; l++) {
        double a = fabs(r[l]);
        if (!isfinite(r[l])) e[l] = error_not_finite(op, x, l, r[l]);
        else if (!(e[l] < INFINITY)) e[l] = INFINITY;
        else if (a + e[l] > most) {
            bool sure = a - e[l] >= over && !fused;
            if (sure) r[l] = copysign(INFINITY, r[l]);
            e[l] = sure ? 0 : INFINITY;
        }
        any = any || e[l] != 0;
    }
    return any;
}

static bool all_exact(const OpArgs *x) {
    for (int k = 0; k < x->n; k++)
        if (x->e[k]) return false;
    return true;
}

static void propagate(Frame *fr, Op op, const OpArgs *x, int m, const double *r, double *e) {
    const double *ee[3] = {0};
    double *zero = NULL;
    for (int k = 0; k < 3; k++) {
        ee[k] = x->e[k];
        if (k >= x->n || ee[k]) continue;
        if (!zero) zero = memset(scratch_f(fr, m), 0, sizeof *zero * (size_t)m);
        ee[k] = zero;
    }
    error_kernels[op](m, x->v[0], x->v[1], x->v[2], ee[0], ee[1], ee[2], r, e);
}

/* By lane, not 0 where the operation rounds with exact arguments. */
static const double *own_rounding(Frame *fr, Op op, const OpArgs *x, int m, const double *r) {
    if (op_table[op].ulp > 0.5) return r;
    double *own = memset(scratch_f(fr, m), 0, sizeof *own * (size_t)m);
    for (int l = 0; l < m && op_table[op].ulp > 0; l++) {
        double b = x->n > 1 ? x->v[1][l] : 0, c = x->n > 2 ? x->v[2][l] : 0;
        own[l] = !exact_f64(op, x->v[0][l], b, c, r[l]);
    }
    return own;
}

bool error_float_op(Frame *fr, Op op, DType t, const OpArgs *x, int m, double *r, double *e, bool fused) {
    double ulp = op_table[op].ulp, most = dtype_table[t].max_finite, unit = error_unit(t, ulp), normal = error_normal(t);
    bool exact = all_exact(x), quick = t != DT_F64 && ulp == 0.5;
    Flags flags;
    if (exact && ulp == 0) return false;
    if (exact && quick) {
        flags = test_f32(m, most, r);
        if (!flags.inexact && !flags.odd) return false;
    }
    if (exact) memset(e, 0, sizeof *e * (size_t)m);
    else propagate(fr, op, x, m, r, e);
    if (quick) flags = add_rounding_f32(m, unit, normal, most, r, e);
    else flags = add_rounding(m, unit, ulp > 0 ? normal : 0, most, r, own_rounding(fr, op, x, m, r), e);
    return flags.odd ? settle(op, t, x, m, r, e, fused) : flags.inexact;
}

bool error_rounding(DType t, double ulp, int m, double *r, double *e) {
    Flags flags;
    double own[LANES];
    for (int l = 0; l < m; l++) own[l] = t == DT_F64 ? r[l] : (double)(float)r[l] != r[l];
    flags = add_rounding(m, error_unit(t, ulp), error_normal(t), dtype_table[t].max_finite, r, own, e);
    return flags.inexact;
}

/* Arguments are integers as doubles. A result that could wrap is unknown. */
bool error_int_op(Frame *fr, Op op, DType t, const OpArgs *x, int m, const int64_t *r, double *e) {
    if (all_exact(x)) return false;
    bool smooth = op == OP_ADD || op == OP_SUB || op == OP_MUL || op == OP_NEG || op == OP_MIN || op == OP_MAX || op == OP_ABS ||
                  op == OP_SIGN;
    double *value = scratch_f(fr, m);
    for (int l = 0; l < m; l++) value[l] = (double)r[l];
    if (smooth) propagate(fr, op, x, m, value, e);
    for (int l = 0; l < m; l++) {
        double ea = x->e[0] ? x->e[0][l] : 0, eb = x->n > 1 && x->e[1] ? x->e[1][l] : 0;
        if (ea == 0 && eb == 0) e[l] = 0;
        else if (op == OP_FLOORDIV && eb == 0) e[l] = x->v[1][l] == 0 ? 0 : ceil(ea / fabs(x->v[1][l]));
        else if (t == DT_BOOL) e[l] = 1;
        else if (!smooth || !(fabs(value[l]) + e[l] <= (double)dtype_table[t].max)) e[l] = INFINITY;
    }
    return true;
}

bool error_compare(Op op, const OpArgs *x, int m, double *e) {
    if (all_exact(x)) return false;
    bool any = false;
    for (int l = 0; l < m; l++) {
        double ea = x->e[0] ? x->e[0][l] : 0, a = x->v[0][l];
        double eb = x->n > 1 && x->e[1] ? x->e[1][l] : 0, b = x->n > 1 ? x->v[1][l] : 0;
        bool unknown = ea == INFINITY || eb == INFINITY;
        bool test = op == OP_ISNAN || op == OP_ISINF;
        bool near = ea + eb > 0 && isfinite(a) && isfinite(b) && fabs(a - b) <= ea + eb;
        e[l] = unknown || (near && !test);
        any = any || e[l] != 0;
    }
    return any;
}

void error_narrow(Frame *fr, DType t, int m, const double *r, const double *er, const double *y, double *e) {
    double *low = scratch_f(fr, m), *high = scratch_f(fr, m);
    for (int l = 0; l < m; l++) low[l] = r[l] - er[l], high[l] = r[l] + er[l];
    round_floats(t, m, low, low);
    round_floats(t, m, high, high);
    for (int l = 0; l < m; l++) {
        double up = high[l] - y[l], down = y[l] - low[l];
        bool same = er[l] < INFINITY && (low[l] == high[l] || (isnan(low[l]) && isnan(high[l]) && isnan(y[l])));
        double v = up > down ? up : down;
        e[l] = same ? 0 : v >= 0 && isfinite(v) ? v : INFINITY;
    }
}
