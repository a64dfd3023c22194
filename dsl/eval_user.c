/* Combinators of the user. Two evaluations run side by side, each with its bound: one steps through the
 * elements in order, the other makes a part of each element and merges it. A right implementation's order of steps and merges lies
 * between the two; the bound is twice the larger of their bounds, seen from the first. docs/numerics.md says why. */
#include "dsl/eval_internal.h"

struct UserAcc {
    const Comb *comb;
    Col *stepped, *merged;      /* by state */
};

static Col *initial(Frame *fr, const Comb *c) {
    Col *state = scratch_alloc(&fr->eval->scratch, sizeof *state * (size_t)(c->states.n + 1));
    for (int k = 0; k < c->states.n; k++) {
        DType t = c->states.at[k]->type;
        Col v = eval_expr(fr, c->init.at[k]);
        double *e = memset(scratch_f(fr, fr->n), 0, sizeof *e * (size_t)fr->n);
        state[k] = (Col){.form = COL_ARRAY, .e = e};
        if (dtype_is_float(t)) state[k].f = memcpy(scratch_f(fr, fr->n), col_f(fr, &v, fr->n), sizeof(double) * (size_t)fr->n);
        else state[k].i = memcpy(scratch_i(fr, fr->n), col_i(fr, &v, fr->n), sizeof(int64_t) * (size_t)fr->n);
    }
    return state;
}

UserAcc *user_new(Frame *fr, const Comb *c) {
    UserAcc *u = scratch_alloc(&fr->eval->scratch, sizeof *u);
    *u = (UserAcc){c, initial(fr, c), initial(fr, c)};
    return u;
}

/* A bound of zeros is dropped, so that exact columns stay on the short way. */
static Col presented(Frame *fr, const Col *c) {
    Col p = *c;
    bool any = false;
    for (int l = 0; l < fr->n; l++) any = any || c->e[l] != 0;
    if (!any) p.e = NULL;
    return p;
}

static void bind_states(Frame *fr, const Comb *c, const Vars *vars, Col *state) {
    for (int k = 0; k < c->states.n; k++) {
        Col shown = presented(fr, &state[k]), copy = col_copy(fr, c->states.at[k]->type, &shown);
        bind_var(fr, vars->at[k], copy);
    }
}

/* An integer at one end of its bound: of a bool the other value, and where nothing is known one that differs in many bits. */
static bool unknown_int(DType t, double e) { return !dtype_is_float(t) && t != DT_BOOL && !(e < 0x1p52); }
static int64_t moved_int(DType t, int64_t v, double e, double sign) {
    if (e == 0) return v;
    if (t == DT_BOOL) return !v;
    if (unknown_int(t, e)) return sign > 0 ? ~v : v ^ 0x55555555;
    return v + (int64_t)(sign * e);
}

/* Binds values alone; of variable `which` those moved by `sign` times its bound. */
static void bind_values(Frame *fr, const Comb *c, const Vars *vars, const Col *state, int which, double sign) {
    for (int k = 0; k < c->states.n; k++) {
        DType t = c->states.at[k]->type;
        Col value = state[k];
        const double *e = state[k].e;
        value.e = NULL;
        Col moved = col_copy(fr, t, &value);
        for (int l = 0; l < fr->n && k == which; l++) {
            if (dtype_is_float(t)) ((double *)moved.f)[l] += sign * e[l];
            else ((int64_t *)moved.i)[l] = moved_int(t, moved.i[l], e[l], sign);
        }
        bind_var(fr, vars->at[k], moved);
    }
}

/* Evaluates the assignments in order; result has the states' new columns. */
static void assignments(Frame *fr, const Comb *c, const Assigns *list, Col *result) {
    for (int k = 0; k < list->n; k++) bind_var(fr, list->at[k].var, eval_expr(fr, list->at[k].value));
    for (int k = 0; k < c->states.n; k++) result[k] = fr->var[c->states.at[k]->id];
}

/* Adds to sum[k] how far state k moves when variable `which` of `vars` (the states, or the other part's) moves within its bound. */
static void add_moves(Frame *fr, const Comb *c, const Assigns *list, const Col *state, const Col *other, int which, bool of_other,
                      const Col *base, double **sum) {
    const Col *moving = of_other ? other : state;
    bool any = false;
    for (int l = 0; l < fr->n; l++) any = any || moving[which].e[l] != 0;
    if (!any) return;
    Mark mark = scratch_mark(&fr->eval->scratch);
    Col *moved[2];
    bool bounds_off = fr->eval->options.no_bounds;
    fr->eval->options.no_bounds = true;
    for (int way = 0; way < 2; way++) {
        double sign = way ? -1 : 1;
        moved[way] = scratch_alloc(&fr->eval->scratch, sizeof(Col) * (size_t)(c->states.n + 1));
        bind_values(fr, c, &c->states, state, of_other ? -1 : which, sign);
        if (other) bind_values(fr, c, &c->other, other, of_other ? which : -1, sign);
        assignments(fr, c, list, moved[way]);
    }
    fr->eval->options.no_bounds = bounds_off;
    for (int k = 0; k < c->states.n; k++) {
        DType t = c->states.at[k]->type;
        const double *r = col_number(fr, t, &base[k], fr->n);
        const double *up = col_number(fr, t, &moved[0][k], fr->n), *down = col_number(fr, t, &moved[1][k], fr->n);
        for (int l = 0; l < fr->n; l++) {
            if (moving[which].e[l] == 0 || (isnan(r[l]) && isnan(up[l]) && isnan(down[l]))) continue;
            double a = fabs(up[l] - r[l]), b = fabs(down[l] - r[l]), far = a > b ? a : b;
            bool known = isfinite(a) && isfinite(b) && !(far > 0 && unknown_int(c->states.at[which]->type, moving[which].e[l]));
            sum[k][l] += known ? far * (1 + 0x1p-10) : INFINITY;
        }
    }
    scratch_release(&fr->eval->scratch, mark);
}

/* Writes the active lanes of v, with the bounds e, to a state's own arrays. */
static void assign_state(Frame *fr, DType t, Col *state, const Col *v, const double *e) {
    int n = fr->n;
    const double *f = dtype_is_float(t) ? col_f(fr, v, n) : NULL;
    const int64_t *i = f ? NULL : col_i(fr, v, n);
    double *sf = (double *)state->f, *se = (double *)state->e;
    int64_t *si = (int64_t *)state->i;
    for (int l = 0; l < n; l++) {
        if (fr->mask && !fr->mask[l]) continue;
        if (f) sf[l] = f[l];
        else si[l] = i[l];
        se[l] = e[l];
    }
}

/* With one lane all that a run needs goes through the assignments at once, side by side: the states as they are, then for each that is
 * not exact its two ends. */
enum { WAYS = 64 };
typedef struct Ways { int n; int8_t state[WAYS]; bool of_other[WAYS], unknown[WAYS]; } Ways;

static Ways ways_of(const Comb *c, const Col *state, const Col *other) {
    Ways w = {1};
    for (int part = 0; part < (other ? 2 : 1); part++)
        for (int k = 0; k < c->states.n; k++)
            for (int way = 0; way < 2 && (part ? other : state)[k].e[0] != 0; way++) {
                w.unknown[w.n] = unknown_int(c->states.at[k]->type, (part ? other : state)[k].e[0]);
                w.state[w.n] = (int8_t)k, w.of_other[w.n++] = part;
            }
    return w;
}

/* The variables of one part, moved where the way says so: odd ways up, even ones down. */
static void bind_ways(Frame *wide, const Comb *c, const Vars *vars, const Col *part, bool is_other, const Ways *w) {
    for (int k = 0; k < c->states.n; k++) {
        DType t = c->states.at[k]->type;
        bool floats = dtype_is_float(t);
        double *f = floats ? scratch_f(wide, w->n) : NULL, e = part[k].e[0];
        int64_t *i = floats ? NULL : scratch_i(wide, w->n);
        for (int l = 0; l < w->n; l++) {
            bool moves = l && w->state[l] == k && w->of_other[l] == is_other;
            double sign = l & 1 ? 1 : -1;
            if (floats) f[l] = part[k].f[0] + (moves ? sign * e : 0);
            else i[l] = moves ? moved_int(t, part[k].i[0], e, sign) : part[k].i[0];
        }
        bind_var(wide, vars->at[k], floats ? col_of_f(f, NULL, w->n) : col_of_i(i, NULL, w->n));
    }
}

/* The bound of result v: its own, and the sum over the ways of how far it moves. */
static double bound_of_ways(Frame *wide, DType t, const Col *v, const Ways *w) {
    const double *r = col_number(wide, t, v, w->n), *own = col_e(wide, v, w->n);
    double sum = own ? own[0] : 0;
    for (int l = 1; l < w->n; l += 2) {
        if (isnan(r[0]) && isnan(r[l]) && isnan(r[l + 1])) continue;
        double a = fabs(r[l] - r[0]), b = fabs(r[l + 1] - r[0]), far = a > b ? a : b;
        sum += isfinite(a) && isfinite(b) && !(far > 0 && w->unknown[l]) ? far * (1 + 0x1p-10) : INFINITY;
    }
    return sum;
}

static void run_one(Frame *fr, const Comb *c, const Assigns *list, Col *state, const Col *other) {
    Ways w = ways_of(c, state, other);
    Frame wide = *fr;
    wide.n = w.n;
    Col *v = scratch_alloc(&fr->eval->scratch, sizeof *v * (size_t)(c->states.n + 1));
    bind_ways(&wide, c, &c->states, state, false, &w);
    if (other) bind_ways(&wide, c, &c->other, other, true, &w);
    assignments(&wide, c, list, v);
    for (int k = 0; k < c->states.n; k++) {
        DType t = c->states.at[k]->type;
        ((double *)state[k].e)[0] = bound_of_ways(&wide, t, &v[k], &w);
        if (dtype_is_float(t)) ((double *)state[k].f)[0] = col_lane(&v[k], t, 0).f0;
        else ((int64_t *)state[k].i)[0] = col_lane(&v[k], t, 0).i0;
    }
}

/* Runs assignments on the states (and the other part): the bound of a new state is the rounding of this step from exact states, and
 * how far it moves when each of them moves within its bound. Bounds that went through each operation by themselves would count a state
 * that occurs twice twice: mu + (x - mu) / n would grow where it shrinks. */
static void run(Frame *fr, const Comb *c, const Assigns *list, Col *state, const Col *other) {
    int n = c->states.n;
    if (fr->n == 1 && !fr->eval->options.no_bounds && 4 * n < WAYS) {
        run_one(fr, c, list, state, other);
        return;
    }
    Col *base = scratch_alloc(&fr->eval->scratch, sizeof *base * (size_t)(n + 1));
    double **sum = scratch_alloc(&fr->eval->scratch, sizeof *sum * (size_t)(n + 1));
    bind_values(fr, c, &c->states, state, -1, 0);
    if (other) bind_values(fr, c, &c->other, other, -1, 0);
    assignments(fr, c, list, base);
    for (int k = 0; k < n; k++) {
        const double *own = col_e(fr, &base[k], fr->n);
        sum[k] = scratch_f(fr, fr->n);
        for (int l = 0; l < fr->n; l++) sum[k][l] = own ? own[l] : 0;
    }
    for (int k = 0; k < n && !fr->eval->options.no_bounds; k++) {
        add_moves(fr, c, list, state, other, k, false, base, sum);
        if (other) add_moves(fr, c, list, state, other, k, true, base, sum);
    }
    for (int k = 0; k < n; k++) assign_state(fr, c->states.at[k]->type, &state[k], &base[k], sum[k]);
}

void user_add(Frame *fr, UserAcc *u, const Col *operands) {
    const Comb *c = u->comb;
    for (int k = 0; k < c->inputs.n; k++) bind_var(fr, c->inputs.at[k], operands[k]);
    run(fr, c, &c->step, u->stepped, NULL);
    if (fr->eval->options.no_bounds || !c->merge.n) return;
    Col *part = initial(fr, c);
    run(fr, c, &c->step, part, NULL);
    run(fr, c, &c->merge, u->merged, part);
}

static Col final_of(Frame *fr, UserAcc *u, Col *state, int k) {
    bind_states(fr, u->comb, &u->comb->states, state);
    return eval_expr(fr, u->comb->final.at[k]);
}

/* With exact bounds on both ways the result is exact: they agree then, or the merge is none. */
Col user_result(Frame *fr, UserAcc *u, int k) {
    const Comb *c = u->comb;
    DType t = c->final.at[k]->type;
    Col one = final_of(fr, u, u->stepped, k);
    if (fr->eval->options.no_bounds || !c->merge.n) return one;
    Col two = final_of(fr, u, u->merged, k);
    if (col_exact(&one) && col_exact(&two)) return one;
    int n = fr->n;
    const double *a = col_number(fr, t, &one, n), *b = col_number(fr, t, &two, n);
    const double *ea = col_e(fr, &one, n), *eb = col_e(fr, &two, n);
    double *e = scratch_f(fr, n);
    for (int l = 0; l < n; l++) {
        double x = ea ? ea[l] : 0, y = eb ? eb[l] : 0, apart = a[l] == b[l] ? 0 : fabs(a[l] - b[l]);
        if (isnan(a[l]) && isnan(b[l])) apart = 0;
        double far = apart + y;
        e[l] = x == 0 && y == 0 ? 0 : 2 * (x > far ? x : far);
        if (!(e[l] >= 0)) e[l] = INFINITY;
        if (t == DT_BOOL) e[l] = e[l] != 0;
    }
    return dtype_is_float(t) ? col_of_f(col_f(fr, &one, n), e, n) : col_of_i(col_i(fr, &one, n), e, n);
}
