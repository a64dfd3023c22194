/* Reductions: accumulators of a value with what its bound needs, and the loops over a reduction's indices. */
#include "dsl/eval_clones.h"
#include "dsl/eval_internal.h"
#include "dsl/eval_ops.h"

/* By lane. Sums: v the sum, mag the sum of |term|, err the sum of bounds, grain the least last bit of a term (a power of two).
 * Products: v, mag the product of |term| + bound, grain that of |term| / its last bit, err that of max(|term|, 1).
 * max, min: v, mag the largest value + bound, err the largest value - bound (max; min by negation).
 * arg: the place in i, v (integers: best) the best value, mag and err as for max; low, high: the candidates' places. */
struct Acc {
    const Reduce *r;
    CombKind kind;
    DType type;
    bool number_is_float;
    double *v, *mag, *err, *grain, *count, *low, *high;
    int64_t *i, *best;
    uint8_t *lost;          /* nothing is known of the lane */
    bool any_error;
    UserAcc *user;
};

static double *filled(Frame *fr, double v) {
    double *f = scratch_f(fr, fr->n);
    for (int l = 0; l < fr->n; l++) f[l] = v;
    return f;
}

/* The identity, for the number kinds. */
static void identity(const Acc *a, double *f, int64_t *i) {
    const DTypeRow *t = &dtype_table[a->type];
    *f = a->kind == CK_PROD ? 1 : 0;
    *i = a->kind == CK_PROD || a->kind == CK_ALL ? 1 : 0;
    if (a->kind == CK_MAX) *f = -INFINITY, *i = t->min;
    if (a->kind == CK_MIN) *f = -INFINITY, *i = t->max;     /* a float min is a max with its sign turned */
    if (a->kind == CK_ARGMAX || a->kind == CK_ARGMIN) *f = -INFINITY, *i = -1;
}

Acc *acc_new(Frame *fr, const Reduce *r) {
    Acc *a = scratch_alloc(&fr->eval->scratch, sizeof *a);
    *a = (Acc){.r = r, .kind = r->comb->kind, .type = r->comb->type};
    if (a->kind == CK_USER) {
        a->user = user_new(fr, r->comb);
        return a;
    }
    double f;
    int64_t i;
    bool product = a->kind == CK_PROD;
    identity(a, &f, &i);
    a->number_is_float = dtype_is_float(a->type);
    a->v = filled(fr, f);
    a->mag = filled(fr, product ? 1 : a->kind == CK_MAX || a->kind >= CK_ARGMAX || a->kind == CK_MIN ? -INFINITY : 0);
    a->err = filled(fr, product ? 1 : a->kind == CK_MAX || a->kind >= CK_ARGMAX || a->kind == CK_MIN ? -INFINITY : 0);
    a->grain = filled(fr, product ? 1 : INFINITY);
    a->count = filled(fr, 0);
    a->low = filled(fr, -1);
    a->high = filled(fr, -1);
    a->i = scratch_i(fr, fr->n);
    a->best = scratch_i(fr, fr->n);
    for (int l = 0; l < fr->n; l++) a->i[l] = i;
    a->lost = memset(scratch_mask(fr), 0, LANES);
    return a;
}

/* --- sums --------------------------------------------------------------------------------------------------------------- */

/* The value of the last bit of t that is set; infinity for 0. */
static inline double last_bit(double t) {
    uint64_t b, low;
    double d;
    memcpy(&b, &t, 8);
    low = b & (b - 1);
    memcpy(&d, &low, 8);
    double bit = fabs(t - d);
    bit = b & 0xfffffffffffffull ? bit : fabs(t);
    return t == 0 ? INFINITY : bit;
}

CLONES static void sum_lanes(int n, const double *restrict t, double *restrict v, double *restrict mag, double *restrict grain) {
    for (int l = 0; l < n; l++) {
        double g = last_bit(t[l]);
        v[l] += t[l];
        mag[l] += fabs(t[l]);
        grain[l] = g < grain[l] ? g : grain[l];
    }
}

/* r += t, with t NULL for ones. */
CLONES static void add_lanes(int n, const double *restrict t, double *restrict r) {
    if (t) for (int l = 0; l < n; l++) r[l] += t[l];
    else for (int l = 0; l < n; l++) r[l] += 1;
}

enum { PARTS = 16 };

/* All n terms into one accumulator, by sixteen interleaved parts. */
CLONES static void sum_fold(int n, const double *t, double *v, double *mag, double *grain) {
    double s[PARTS] = {0}, a[PARTS] = {0}, g[PARTS];
    int l = 0;
    for (int p = 0; p < PARTS; p++) g[p] = INFINITY;
    for (; l + PARTS <= n; l += PARTS)
        for (int p = 0; p < PARTS; p++) {
            double x = t[l + p], bit = last_bit(x);
            s[p] += x;
            a[p] += fabs(x);
            g[p] = bit < g[p] ? bit : g[p];
        }
    for (; l < n; l++) s[0] += t[l], a[0] += fabs(t[l]), g[0] = fmin(g[0], last_bit(t[l]));
    for (int p = 0; p < PARTS; p++) *v += s[p], *mag += a[p], *grain = g[p] < *grain ? g[p] : *grain;
}

/* --- one element a lane ------------------------------------------------------------------------------------------------- */

static void add_product(Acc *a, int at, double t, double e) {
    a->v[at] *= t;
    a->mag[at] *= fabs(t) + e;
    a->err[at] *= fmax(fabs(t) + e, 1);
    a->grain[at] *= t == 0 || !isfinite(t) ? 1 : fabs(t) / last_bit(t);
}

/* max; min comes with its sign turned. A nan is in v, and wins; one with an unknown bound loses the lane. */
static void add_extreme(Acc *a, int at, double t, double e) {
    if (isnan(t) && e != 0) a->lost[at] = 1;
    a->v[at] = op_max(a->v[at], t);
    a->mag[at] = op_larger(t + e, a->mag[at]);
    a->err[at] = op_larger(t - e, a->err[at]);
}

/* A lane of max takes t with the bound e (0: NULL); a nan wins. Lanes with a nan and a bound are looked for by the caller. */
CLONES static void extreme_lanes(int n, double sign, const double *t, const double *e, double *v, double *up, double *low) {
    for (int l = 0; l < n; l++) {
        double x = sign * t[l], bound = e ? e[l] : 0;
        v[l] = op_max(v[l], x);
        up[l] = op_larger(x + bound, up[l]);
        low[l] = op_larger(x - bound, low[l]);
    }
}

/* All of n exact terms into one accumulator. False where a zero's sign or a nan needs a closer look. */
CLONES static bool extreme_exact(int n, double sign, const double *t, double *v, double *up, double *low) {
    double most[PARTS];
    int64_t nan = 0;
    int whole = n - n % PARTS;
    for (int p = 0; p < PARTS; p++) most[p] = -INFINITY;
    for (int l = 0; l < whole; l += PARTS)
        for (int p = 0; p < PARTS; p++) {
            double x = sign * t[l + p];
            nan |= x != x;
            most[p] = x > most[p] ? x : most[p];
        }
    for (int l = whole; l < n; l++) {
        double x = sign * t[l];
        nan |= x != x;
        most[0] = x > most[0] ? x : most[0];
    }
    for (int p = 1; p < PARTS; p++) most[0] = op_larger(most[0], most[p]);
    if (nan || most[0] == 0) return false;
    *v = op_max(*v, most[0]);
    *up = op_larger(most[0], *up);
    *low = op_larger(most[0], *low);
    return true;
}

CLONES static void extreme_fold(int n, double sign, const double *t, const double *e, double *v, double *up, double *low) {
    double pv[PARTS], pu[PARTS], pl[PARTS];
    static const double none[PARTS];
    int whole = n - n % PARTS;
    for (int p = 0; p < PARTS; p++) pv[p] = pu[p] = pl[p] = -INFINITY;
    for (int l = 0; l < whole; l += PARTS) {
        const double *bound = e ? e + l : none;
        for (int p = 0; p < PARTS; p++) {
            double x = sign * t[l + p];
            pv[p] = op_max(pv[p], x);
            pu[p] = op_larger(x + bound[p], pu[p]);
            pl[p] = op_larger(x - bound[p], pl[p]);
        }
    }
    extreme_lanes(n - whole, sign, t + whole, e ? e + whole : NULL, pv, pu, pl);
    for (int p = 0; p < PARTS; p++) {
        *v = op_max(*v, pv[p]);
        *up = op_larger(pu[p], *up);
        *low = op_larger(pl[p], *low);
    }
}

/* argmax; argmin with its sign turned. A candidate is an element that a right implementation may choose: low .. high holds all. A nan
 * ends the search. */
static void add_arg(Acc *a, int at, double t, double e, int64_t place) {
    if (isnan(a->v[at]) && a->count[at] > 0) return;
    if (e == INFINITY) a->lost[at] = 1;
    double p = (double)place;
    bool nan = isnan(t), first = a->i[at] < 0;
    if (first || nan || t - e > a->mag[at]) a->low[at] = a->high[at] = p, a->mag[at] = t + e, a->err[at] = nan ? INFINITY : t - e;
    else if (t + e > a->err[at]) {
        a->low[at] = fmin(a->low[at], p);
        a->high[at] = fmax(a->high[at], p);
        a->mag[at] = fmax(a->mag[at], t + e);
        a->err[at] = fmax(a->err[at], t - e);
    }
    if (first || nan || t > a->v[at]) a->i[at] = place, a->v[at] = t;
}

static void add_int(Acc *a, int at, int64_t t, double e) {
    uint64_t u = (uint64_t)a->i[at];
    switch (a->kind) {
    case CK_SUM: a->i[at] = (int64_t)(u + (uint64_t)t); break;
    case CK_PROD: a->i[at] = (int64_t)(u * (uint64_t)t); break;
    case CK_MAX: a->i[at] = t > a->i[at] ? t : a->i[at]; break;
    case CK_MIN: a->i[at] = t < a->i[at] ? t : a->i[at]; break;
    /* err: a certain element decides; mag: an uncertain one may */
    case CK_ANY: a->i[at] |= t; if (e == 0 && t) a->err[at] = 1; break;
    default: a->i[at] &= t; if (e == 0 && !t) a->err[at] = 1; break;
    }
    if (a->type == DT_I32) a->i[at] = (int32_t)a->i[at];
    if (e == 0) return;
    a->any_error = true;
    if (a->kind == CK_SUM || a->kind == CK_MAX || a->kind == CK_MIN) a->grain[at] = 0;
    a->mag[at] = a->kind == CK_SUM ? a->mag[at] + e : fmax(a->mag[at], e);
    if (a->kind == CK_PROD) a->lost[at] = 1;
}

/* Integers and bools: element l of the operand into accumulator l, or all into the first (fold). */
static void add_ints(Frame *fr, Acc *a, const Col *c, const Col *index, const double *unsure, bool fold) {
    const int64_t *i = col_i(fr, c, fr->n), *place = a->kind >= CK_ARGMAX ? col_i(fr, index, fr->n) : NULL;
    const double *e = col_e(fr, c, fr->n);
    bool arg = a->kind >= CK_ARGMAX;
    for (int l = 0; l < fr->n; l++) {
        int at = fold ? 0 : l;
        if (fr->mask && !fr->mask[l]) continue;
        if (unsure && unsure[l] != 0) a->lost[at] = 1;
        double bound = e ? e[l] : 0;
        if (!arg) add_int(a, at, i[l], bound);
        else if (bound != 0) a->lost[at] = 1;
        else {
            bool better = a->count[at] == 0 || (a->kind == CK_ARGMAX ? i[l] > a->best[at] : i[l] < a->best[at]);
            if (better) a->i[at] = place[l], a->best[at] = i[l];
        }
        a->count[at]++;
    }
}

/* The sum of bounds, by parts. */
CLONES static double sum_bounds(int n, const double *e) {
    double part[PARTS] = {0}, sum = 0;
    int l = 0;
    for (; l + PARTS <= n; l += PARTS)
        for (int p = 0; p < PARTS; p++) part[p] += e[l + p];
    for (; l < n; l++) sum += e[l];
    for (int p = 0; p < PARTS; p++) sum += part[p];
    return sum;
}

static void add_sum(Frame *fr, Acc *a, const double *f, const double *e, const double *unsure, bool fold) {
    int n = fr->n;
    if (!fr->mask && !unsure) {
        if (e && fold) a->err[0] += sum_bounds(n, e);
        else if (e) add_lanes(n, e, a->err);
        if (fold) sum_fold(n, f, a->v, a->mag, a->grain);
        else sum_lanes(n, f, a->v, a->mag, a->grain);
        if (fold) a->count[0] += n;
        else add_lanes(n, NULL, a->count);
        return;
    }
    double *t = scratch_f(fr, n);
    for (int l = 0; l < n; l++) {
        int at = fold ? 0 : l, on = !fr->mask || fr->mask[l];
        double bound = e ? e[l] : 0;
        t[l] = on ? f[l] : 0;
        if (unsure && unsure[l] != 0) bound += fabs(f[l]);
        a->err[at] += on ? bound : 0;
        a->count[at] += on;
    }
    if (fold) sum_fold(n, t, a->v, a->mag, a->grain);
    else sum_lanes(n, t, a->v, a->mag, a->grain);
}

static void add_floats(Frame *fr, Acc *a, const Col *c, const Col *index, const double *unsure, bool fold) {
    const double *f = col_f(fr, c, fr->n), *e = col_e(fr, c, fr->n);
    const int64_t *place = a->kind >= CK_ARGMAX ? col_i(fr, index, fr->n) : NULL;
    if (a->kind == CK_SUM || a->kind == CK_MEAN) {
        add_sum(fr, a, f, e, unsure, fold);
        return;
    }
    double sign = a->kind == CK_MIN || a->kind == CK_ARGMIN ? -1 : 1;
    if ((a->kind == CK_MAX || a->kind == CK_MIN) && !fr->mask && !unsure) {
        if (fold && !e && extreme_exact(fr->n, sign, f, a->v, a->mag, a->err)) return;
        (fold ? extreme_fold : extreme_lanes)(fr->n, sign, f, e, a->v, a->mag, a->err);
        for (int l = 0; e && l < fr->n; l++)
            if (isnan(f[l]) && e[l] != 0) a->lost[fold ? 0 : l] = 1;
        return;
    }
    for (int l = 0; l < fr->n; l++) {
        int at = fold ? 0 : l;
        if (fr->mask && !fr->mask[l]) continue;
        if (unsure && unsure[l] != 0) a->lost[at] = 1;
        double bound = e ? e[l] : 0;
        if (a->kind == CK_PROD) add_product(a, at, f[l], bound);
        else if (a->kind <= CK_MIN) add_extreme(a, at, sign * f[l], bound);
        else add_arg(a, at, sign * f[l], bound, place[l]);
        a->count[at]++;
    }
}

/* index: the place of each element, for arg kinds. */
static void add_columns(Frame *fr, Acc *a, const Col *operands, const Col *index, const double *unsure, bool fold) {
    Mark mark = scratch_mark(&fr->eval->scratch);
    if (a->user) user_add(fr, a->user, operands);
    else if (a->number_is_float) add_floats(fr, a, operands, index, unsure, fold);
    else add_ints(fr, a, operands, index, unsure, fold);
    scratch_release(&fr->eval->scratch, mark);
}

void acc_add(Frame *fr, Acc *acc, const Col *operands, const Col *index, const double *unsure) {
    add_columns(fr, acc, operands, index, unsure, false);
}

/* --- results ------------------------------------------------------------------------------------------------------------ */

/* gamma_d of d - 1 additions: the first is to the identity and exact. */
static double gamma_of(DType t, double count) {
    double du = (count > 1 ? count - 1 : 0) * error_unit(t, 0.5);
    return du < 1 ? du / (1 - du) : INFINITY;
}

/* A sum is exact when its terms are multiples of one power of two and all partial sums fit the accumulator. */
static double sum_error(const Acc *a, int l, double *v) {
    DType t = a->type;
    double limit = t == DT_F64 ? 0x1p53 : 0x1p24, mag = a->mag[l], err = a->err[l];
    double most = dtype_table[t].max_finite;
    if (isnan(*v) || isinf(mag)) return isfinite(err) ? 0 : INFINITY;
    double e = err == 0 && (mag == 0 || mag <= limit * a->grain[l]) ? 0 : err + gamma_of(t, a->count[l]) * (mag + err);
    if (mag + e <= most) return e;
    bool sure = fabs(*v) == mag && mag - e > most * (1 + 0x1p-24);
    if (sure) *v = copysign(INFINITY, *v);
    return sure ? 0 : INFINITY;
}

static double product_error(const Acc *a, int l) {
    DType t = a->type;
    double v = fabs(a->v[l]), limit = t == DT_F64 ? 0x1p53 : 0x1p24, unit = error_unit(t, 0.5);
    bool exact = a->mag[l] == v;
    if (!isfinite(a->v[l])) return exact ? 0 : INFINITY;
    if (!(a->err[l] <= dtype_table[t].max_finite)) return INFINITY;
    if (exact && (a->grain[l] <= limit || v == 0)) return 0;
    double tiny = a->err[l] * error_normal(t) * unit * a->count[l];
    return a->mag[l] * (1 + gamma_of(t, a->count[l])) * (1 + a->count[l] * 0x1p-52) - v + tiny;
}

static Col float_result(Frame *fr, Acc *a) {
    double *v = memcpy(scratch_f(fr, fr->n), a->v, sizeof *v * (size_t)fr->n), *e = scratch_f(fr, fr->n);
    bool any = false;
    for (int l = 0; l < fr->n; l++) {
        if (a->kind == CK_PROD) e[l] = product_error(a, l);
        else if (a->kind == CK_SUM || a->kind == CK_MEAN) e[l] = sum_error(a, l, &v[l]);
        else {
            double up = a->mag[l] - v[l], down = v[l] - a->err[l];
            e[l] = isnan(v[l]) || a->mag[l] == a->err[l] ? 0 : up > down ? up : down;
            if (!(e[l] >= 0)) e[l] = INFINITY;
            if (a->kind == CK_MIN) v[l] = -v[l];
            if (isinf(v[l])) v[l] = dtype_round(a->type, v[l]);      /* of no elements; not each type has an infinity */
        }
        if (a->lost[l]) e[l] = INFINITY;
        any = any || e[l] != 0;
    }
    if (a->kind == CK_MEAN) {
        double n[LANES], *r = scratch_f(fr, fr->n), *re = scratch_f(fr, fr->n), zero[LANES] = {0};
        for (int l = 0; l < fr->n; l++) n[l] = a->count[l], zero[l] = n[l] > 0x1p24 && a->type != DT_F64 ? n[l] * 0x1p-24 : 0;
        OpArgs x = {{v, n, NULL}, {any ? e : NULL, zero, NULL}, 2};
        float_kernels[OP_DIV](fr->n, v, n, NULL, r);
        any = error_float_op(fr, OP_DIV, a->type, &x, fr->n, r, re, false);
        v = r, e = re;
    }
    return col_of_f(v, any ? e : NULL, fr->n);
}

static Col int_result(Frame *fr, Acc *a) {
    int64_t *i = memcpy(scratch_i(fr, fr->n), a->i, sizeof *i * (size_t)fr->n);
    double *e = scratch_f(fr, fr->n);
    bool any = false;
    for (int l = 0; l < fr->n; l++) {
        bool arg = a->kind >= CK_ARGMAX, boolean = a->kind == CK_ANY || a->kind == CK_ALL;
        e[l] = 0;
        if (arg && a->number_is_float) e[l] = fmax((double)i[l] - a->low[l], a->high[l] - (double)i[l]);
        else if (boolean) e[l] = a->mag[l] > 0 && a->err[l] == 0;
        else if (a->any_error && a->grain[l] == 0) {
            double most = (double)dtype_table[a->type].max;
            e[l] = fabs((double)i[l]) + a->mag[l] < most ? a->mag[l] : INFINITY;
        }
        if (a->lost[l]) e[l] = INFINITY;
        any = any || e[l] != 0;
    }
    return col_of_i(i, any ? e : NULL, fr->n);
}

Col acc_result(Frame *fr, Acc *a, int k) {
    if (a->user) return user_result(fr, a->user, k);
    return a->number_is_float && a->kind < CK_ANY ? float_result(fr, a) : int_result(fr, a);
}

int reduce_results(const Reduce *r) { return r->comb->kind == CK_USER ? r->comb->final.n : 1; }

DType reduce_result_type(const Reduce *r, int k) {
    const Comb *c = r->comb;
    if (c->kind == CK_USER) return c->final.at[k]->type;
    return c->kind == CK_ARGMAX || c->kind == CK_ARGMIN ? DT_I64 : c->kind == CK_ANY || c->kind == CK_ALL ? DT_BOOL : c->type;
}

/* --- loops -------------------------------------------------------------------------------------------------------------- */

/* One reduction under way in a frame. order: the places of r->idx, outermost first. count: counts only. down: a scan that takes its
 * positions from the end. */
typedef struct Loop { const Reduce *r; Acc *acc; int n, *order; double *count; uint8_t *lost; bool fold, at_root, down; } Loop;

static void loop_level(Frame *fr, Loop *lp, int level);

/* The scan's relation of e to along, as a column operation. */
static Col scan_test(Frame *fr, const Reduce *r) {
    static const Op op[] = {[SCAN_LT] = OP_LT, [SCAN_LE] = OP_LE, [SCAN_GT] = OP_GT, [SCAN_GE] = OP_GE};
    Expr x = {.kind = X_INDEX, .type = DT_I64, .index = r->idx.at[0]}, y = {.kind = X_INDEX, .type = DT_I64, .index = r->along};
    Expr *args[2] = {&x, &y}, test = {.kind = X_OP, .type = DT_BOOL, .op = op[r->scan]};
    test.args.at = args;
    test.args.n = 2;
    return eval_expr(fr, &test);
}

/* Restricts fr to lanes where the condition may hold; false when there are none. unsure: a bound by lane, or NULL. */
static bool restrict_lanes(Frame *fr, const Col *c, const double **unsure) {
    if (c->form == COL_SAME && c->e0 == 0) return c->i0 != 0;
    uint8_t *mask = scratch_mask(fr);
    const int64_t *i = col_i(fr, c, fr->n);
    const double *e = col_e(fr, c, fr->n);
    int count = 0;
    for (int l = 0; l < fr->n; l++) {
        mask[l] = (!fr->mask || fr->mask[l]) && (i[l] != 0 || (e && e[l] != 0));
        count += mask[l];
    }
    if (e) *unsure = e;
    fr->mask = count == fr->n ? NULL : mask;
    return count > 0;
}

/* The innermost: an element a lane (fold: the lanes are elements of one). */
static void loop_body(Frame *outer, Loop *lp) {
    Frame fr = *outer;
    const Reduce *r = lp->r;
    const double *unsure = NULL;
    Mark mark = scratch_mark(&fr.eval->scratch);
    if (r->scan != SCAN_NONE && !lp->at_root) {
        Col c = scan_test(&fr, r);
        if (!restrict_lanes(&fr, &c, &unsure)) goto done;
    }
    if (r->pred) {
        Col c = eval_expr(&fr, r->pred);
        if (!restrict_lanes(&fr, &c, &unsure)) goto done;
    }
    if (lp->count) {
        for (int l = 0; l < fr.n; l++) lp->count[lp->fold ? 0 : l] += !fr.mask || fr.mask[l];
        goto done;
    }
    Col *operands = scratch_alloc(&fr.eval->scratch, sizeof *operands * (size_t)(r->operands.n + 1));
    for (int k = 0; k < r->operands.n; k++) operands[k] = eval_expr(&fr, r->operands.at[k]);
    add_columns(&fr, lp->acc, operands, &fr.idx[r->idx.at[r->idx.n - 1]->id], unsure, lp->fold);
done:
    scratch_release(&fr.eval->scratch, mark);
}

/* From one lane: the last index as lanes. */
static void loop_lanes(Frame *fr, Loop *lp, const Index *i, int64_t lo, int64_t hi) {
    Frame wide = *fr;
    wide.mask = NULL;
    for (int64_t at = lo; at < hi; at += LANES) {
        wide.n = hi - at < LANES ? (int)(hi - at) : LANES;
        bind_index(&wide, i, (Col){.form = COL_RAMP, .i0 = lp->down ? hi - 1 - (at - lo) : at, .step = lp->down ? -1 : 1});
        loop_body(&wide, lp);
    }
}

/* Bounds that differ by lane: position t of every lane's own range, while any has one. */
static void loop_ragged(Frame *outer, Loop *lp, int level, const Index *i, const int64_t *lo, const int64_t *hi) {
    Frame fr = *outer;
    int64_t *at = scratch_i(&fr, fr.n);
    uint8_t *mask = scratch_mask(&fr);
    for (int64_t t = 0;; t++) {
        int count = 0;
        for (int l = 0; l < fr.n; l++) {
            at[l] = lp->down ? (int64_t)((uint64_t)hi[l] - 1 - (uint64_t)t) : (int64_t)((uint64_t)lo[l] + (uint64_t)t);
            mask[l] = (!outer->mask || outer->mask[l]) && lo[l] < hi[l] && (uint64_t)t < (uint64_t)hi[l] - (uint64_t)lo[l];
            count += mask[l];
            if (!mask[l]) at[l] = lo[l];
        }
        if (!count) return;
        fr.mask = count == fr.n ? NULL : mask;
        bind_index(&fr, i, (Col){.form = COL_ARRAY, .i = at});
        loop_level(&fr, lp, level + 1);
    }
}

/* The same range for all lanes, place by place. */
static void loop_places(Frame *fr, Loop *lp, int level, const Index *i, int64_t lo, int64_t hi) {
    Frame sub = *fr;
    if (level < lp->n - 1 || hi - lo < 8 || fr->n < 8 || lp->down) {
        for (int64_t at = lo; at < hi; at++) {
            bind_index(&sub, i, col_int(lp->down ? hi - 1 - (at - lo) : at));
            loop_level(&sub, lp, level + 1);
        }
        return;
    }
    for (int64_t start = lo; start < hi; start += LANES) {
        Mark mark = scratch_mark(&fr->eval->scratch);
        Hoist h = {.end = hi - start < LANES ? (int)(hi - start) : LANES};
        for (int k = 0; k < lp->r->operands.n; k++) hoist_subscripts(fr, &h, lp->r->operands.at[k], i, start, h.end);
        sub.hoist = h.n ? &h : fr->hoist;
        for (; h.at < h.end; h.at++) {
            bind_index(&sub, i, col_int(start + h.at));
            loop_body(&sub, lp);
        }
        scratch_release(&fr->eval->scratch, mark);
    }
}

static void loop_level(Frame *fr, Loop *lp, int level) {
    if (level == lp->n) {
        loop_body(fr, lp);
        return;
    }
    const Index *i = lp->r->idx.at[lp->order[level]], *range = lp->r->scan == SCAN_NONE ? i : lp->r->along;
    Scratch *s = &fr->eval->scratch;
    Mark mark = scratch_mark(s);
    Col lo = eval_expr(fr, range->lo), hi = eval_expr(fr, range->hi);
    const double *le = col_e(fr, &lo, fr->n), *he = col_e(fr, &hi, fr->n);
    for (int l = 0; l < fr->n && (le || he); l++)
        if ((le && le[l] != 0) || (he && he[l] != 0)) lp->lost[lp->fold ? 0 : l] = 1;
    if (lo.form != COL_SAME || hi.form != COL_SAME)
        loop_ragged(fr, lp, level, i, col_i(fr, &lo, fr->n), col_i(fr, &hi, fr->n));
    else if (lp->fold && level == lp->n - 1) loop_lanes(fr, lp, i, lo.i0, hi.i0);
    else loop_places(fr, lp, level, i, lo.i0, hi.i0);
    scratch_release(s, mark);
}

void scan_element(Frame *fr, Acc *acc, const Reduce *r) {
    Loop lp = {.r = r, .n = r->idx.n, .acc = acc, .at_root = true};
    loop_body(fr, &lp);
}

/* The last index becomes lanes: the longest, if the others' ranges do not depend on it nor its own on them. */
static void choose_lanes(Frame *fr, Loop *lp) {
    const Reduce *r = lp->r;
    int best = r->idx.n - 1;
    int64_t longest = -1;
    for (int k = r->idx.n - 1; k >= 0 && r->scan == SCAN_NONE && r->comb->kind < CK_ARGMAX; k--) {
        bool free = true;
        for (int j = 0; j < r->idx.n && free; j++) {
            const Index *a = r->idx.at[k], *b = r->idx.at[j];
            if (j < k) free = !expr_mentions(a->lo, b) && !expr_mentions(a->hi, b);
            if (j > k) free = !expr_mentions(b->lo, a) && !expr_mentions(b->hi, a);
        }
        if (!free) continue;
        int64_t extent = eval_expr(fr, r->idx.at[k]->hi).i0 - eval_expr(fr, r->idx.at[k]->lo).i0;
        if (extent > longest * 4) longest = extent, best = k;
    }
    int n = 0;
    for (int k = 0; k < r->idx.n; k++)
        if (k != best) lp->order[n++] = k;
    lp->order[n] = best;
}

static Loop loop_new(Frame *fr, const Reduce *r) {
    Loop lp = {.r = r, .n = r->idx.n, .fold = fr->n == 1 && r->comb->kind != CK_USER && r->idx.n > 0};
    lp.down = r->scan == SCAN_GT || r->scan == SCAN_GE;
    lp.order = scratch_alloc(&fr->eval->scratch, sizeof *lp.order * (size_t)(r->idx.n + 1));
    for (int k = 0; k < r->idx.n; k++) lp.order[k] = k;
    lp.lost = memset(scratch_mask(fr), 0, LANES);
    if (lp.fold) choose_lanes(fr, &lp);
    return lp;
}

/* A few lanes with a long range each: every lane by itself, with lanes over the range. */
static bool worth_splitting(Frame *fr, const Reduce *r) {
    if (fr->n == 1 || fr->n > 32 || r->comb->kind == CK_USER || r->idx.n != 1 || r->scan != SCAN_NONE) return false;
    Col lo = eval_expr(fr, r->idx.at[0]->lo), hi = eval_expr(fr, r->idx.at[0]->hi);
    const int64_t *l = col_i(fr, &lo, fr->n), *h = col_i(fr, &hi, fr->n);
    int64_t most = 0;
    for (int k = 0; k < fr->n; k++)
        if ((!fr->mask || fr->mask[k]) && h[k] - l[k] > most) most = h[k] - l[k];
    return most > 8 * fr->n;
}

static void reduce_split(Frame *fr, const Reduce *r, Col *result) {
    bool is_float = dtype_is_float(reduce_result_type(r, 0));
    double *f = scratch_f(fr, fr->n), *e = memset(scratch_f(fr, fr->n), 0, sizeof *e * (size_t)fr->n);
    int64_t *i = scratch_i(fr, fr->n);
    bool any = false;
    for (int l = 0; l < fr->n; l++) {
        f[l] = 0, i[l] = 0;
        if (fr->mask && !fr->mask[l]) continue;
        Mark mark = scratch_mark(&fr->eval->scratch);
        Frame one = frame_lane(fr, l);
        Col c;
        eval_reduce(&one, r, &c);
        f[l] = c.f0, i[l] = c.i0, e[l] = c.e0;
        any = any || c.e0 != 0;
        scratch_release(&fr->eval->scratch, mark);
    }
    *result = is_float ? col_of_f(f, any ? e : NULL, fr->n) : col_of_i(i, any ? e : NULL, fr->n);
}

void eval_reduce(Frame *fr, const Reduce *r, Col *results) {
    if (worth_splitting(fr, r)) {
        reduce_split(fr, r, results);
        return;
    }
    Loop lp = loop_new(fr, r);
    lp.acc = acc_new(fr, r);
    loop_level(fr, &lp, 0);
    for (int k = 0; k < reduce_results(r); k++) {
        results[k] = acc_result(fr, lp.acc, k);
        bool lost = false;
        for (int l = 0; l < fr->n; l++) lost = lost || lp.lost[l];
        if (!lost) continue;
        const double *e = col_e(fr, &results[k], fr->n);
        double *sum = scratch_f(fr, fr->n);
        for (int l = 0; l < fr->n; l++) sum[l] = lp.lost[l] ? INFINITY : e ? e[l] : 0;
        if (dtype_is_float(reduce_result_type(r, k))) results[k] = col_of_f(col_f(fr, &results[k], fr->n), sum, fr->n);
        else results[k] = col_of_i(col_i(fr, &results[k], fr->n), sum, fr->n);
    }
}

void reduce_count(Frame *fr, const Reduce *r, double *count) {
    Loop lp = loop_new(fr, r);
    lp.count = memset(count, 0, sizeof *count * (size_t)fr->n);
    loop_level(fr, &lp, 0);
}
