/* Expressions over columns. A column that eval_expr returns lives until the caller releases a mark taken before the call. */
#include "dsl/eval_internal.h"
#include "dsl/eval_ops.h"

Frame frame_new(Eval *ev, int n) {
    size_t idx = sizeof(Col) * (size_t)(ev->kernel->n_indices + 1), var = sizeof(Col) * (size_t)(ev->kernel->n_vars + 1);
    Frame fr = {.eval = ev, .n = n};
    fr.idx = memset(scratch_alloc(&ev->scratch, idx), 0, idx);
    fr.var = memset(scratch_alloc(&ev->scratch, var), 0, var);
    return fr;
}

Frame frame_lane(Frame *fr, int lane) {
    const Kernel *k = fr->eval->kernel;
    Frame one = frame_new(fr->eval, 1);
    for (int n = 0; n < k->n_indices; n++)
        if (fr->idx[n].form) one.idx[n] = col_lane(&fr->idx[n], DT_I64, lane);
    for (int n = 0; n < k->n_vars; n++) {
        Col c = fr->var[n];
        if (c.form) one.var[n] = col_lane(&c, c.f ? DT_F64 : DT_I64, lane);
    }
    return one;
}

static bool mentions_visit(void *context, Expr *e) {
    const Index **i = context;
    if (e->kind == X_INDEX && e->index == *i) *i = NULL;
    return true;
}
bool expr_mentions(Expr *x, const Index *i) {
    expr_walk(x, mentions_visit, &i);
    return !i;
}

void bind_index(Frame *fr, const Index *i, Col c) { fr->idx[i->id] = fr->n == 1 ? col_lane(&c, DT_I64, 0) : c; }
void bind_var(Frame *fr, const Var *v, Col c) { fr->var[v->id] = fr->n == 1 ? col_lane(&c, v->type, 0) : c; }

int64_t eval_constant(Eval *ev, const Expr *x) {
    Frame fr = frame_new(ev, 1);
    return eval_expr(&fr, x).i0;
}

/* An exact i64 expression over indices, dims and literals that is the same on all lanes or a ramp: + - * and negation keep that.
 * False when x is none. */
static bool affine(const Frame *fr, const Expr *x, uint64_t *base, uint64_t *step) {
    const Col *c;
    uint64_t b, s;
    *step = 0;
    switch (x->kind) {
    case X_LIT: *base = (uint64_t)x->lit_i; return x->type == DT_I64;
    case X_DIM: *base = (uint64_t)fr->eval->dims[x->dim->id]; return true;
    case X_INDEX:
        c = &fr->idx[x->index->id];
        *base = (uint64_t)c->i0;
        *step = c->form == COL_RAMP ? (uint64_t)c->step : 0;
        return c->form == COL_SAME || c->form == COL_RAMP;
    case X_OP:
        if (x->type != DT_I64 || (x->op != OP_ADD && x->op != OP_SUB && x->op != OP_MUL && x->op != OP_NEG)) return false;
        if (!affine(fr, x->args.at[0], base, step)) return false;
        if (x->op == OP_NEG) *base = -*base, *step = -*step;
        if (x->op == OP_NEG) return true;
        if (!affine(fr, x->args.at[1], &b, &s)) return false;
        if (x->op == OP_ADD) *base += b, *step += s;
        else if (x->op == OP_SUB) *base -= b, *step -= s;
        else if (*step && s) return false;
        else *step = *step * b + s * *base, *base *= b;
        return true;
    default: return false;
    }
}

bool affine_col(const Frame *fr, const Expr *x, Col *out) {
    uint64_t base, step;
    if (!affine(fr, x, &base, &step)) return false;
    *out = (Col){.form = step ? COL_RAMP : COL_SAME, .i0 = (int64_t)base, .step = (int64_t)step};
    return true;
}

/* --- reads -------------------------------------------------------------------------------------------------------------- */

static void clamp_ints(const Store *s, int m, int64_t *i) {
    if (s->tensor->policy != POLICY_CLAMP || !s->tensor->lo) return;
    for (int l = 0; l < m; l++) {
        if (i[l] > s->clamp_hi) i[l] = s->clamp_hi;
        if (i[l] < s->clamp_lo) i[l] = s->clamp_lo;
    }
}

/* Does x move with i alone, among what differs by lane or by place, and read inputs only? */
typedef struct Alone { const Frame *fr; const Index *i; bool moves, alone; } Alone;
static bool alone_visit(void *context, Expr *x) {
    Alone *a = context;
    if (x->kind == X_INDEX && x->index == a->i) a->moves = true;
    else if (x->kind == X_INDEX) a->alone &= a->fr->idx[x->index->id].form == COL_SAME;
    else if (x->kind == X_READ) a->alone &= a->fr->eval->stores[x->tensor->id].raw != NULL;
    else a->alone &= x->kind == X_LIT || x->kind == X_DIM || x->kind == X_OP || x->kind == X_CONVERT;
    return a->alone;
}

typedef struct Hoisting { Frame *wide; Hoist *h; const Index *i; } Hoisting;
static bool hoist_visit(void *context, Expr *x) {
    Hoisting *o = context;
    if (x->kind == X_REDUCE || x->kind == X_IF || x->kind == X_CALL) return false;
    for (int k = 0; x->kind == X_READ && k < x->args.n && o->h->n < MAX_HOISTED; k++) {
        Alone a = {o->wide, o->i, false, true};
        Col c;
        if (affine_col(o->wide, x->args.at[k], &c)) continue;
        expr_walk(x->args.at[k], alone_visit, &a);
        if (!a.alone || !a.moves) continue;
        c = eval_expr(o->wide, x->args.at[k]);
        if (!col_exact(&c)) continue;
        o->h->x[o->h->n] = x->args.at[k];
        o->h->value[o->h->n++] = col_i(o->wide, &c, o->wide->n);
    }
    return true;
}

void hoist_subscripts(Frame *fr, Hoist *h, Expr *x, const Index *i, int64_t at, int n) {
    Frame wide = frame_new(fr->eval, n);
    for (int k = 0; k < fr->eval->kernel->n_indices; k++)
        if (fr->idx[k].form == COL_SAME) wide.idx[k] = fr->idx[k];
    bind_index(&wide, i, (Col){.form = COL_RAMP, .i0 = at, .step = 1});
    Hoisting o = {&wide, h, i};
    expr_walk(x, hoist_visit, &o);
}

/* The values of a subscript that is hoisted, from the current place on; NULL when it is not. */
static const int64_t *hoisted(const Frame *fr, const Expr *x) {
    const Hoist *h = fr->hoist;
    for (int k = 0; h && k < h->n; k++)
        if (h->x[k] == x) return h->value[k] + h->at;
    return NULL;
}

/* The elements from `at` on are read now: asks the cache for those that come AHEAD places later (at the first place: for all before). */
static void read_ahead(const Frame *fr, const Store *s, int64_t at, const int64_t *value, int64_t stride, int m) {
    int left = fr->hoist->end - fr->hoist->at - 1;
    for (int p = fr->hoist->at ? AHEAD : 1; p <= AHEAD && p <= left; p++) load_soon(s, (int64_t)((uint64_t)at + ((uint64_t)value[p] - (uint64_t)value[0]) * (uint64_t)stride), m);
}

/* An access whose subscripts are all the same or ramps, inside for all lanes: one strided run. False when it is none. */
static bool read_run(Frame *fr, Store *s, const Col *subs, int m, Col *out) {
    int64_t at = 0, step = 0;
    for (int d = 0; d < s->rank; d++) {
        const Col *c = &subs[d];
        if (c->form == COL_ARRAY || c->e0 != 0) return false;
        int64_t ramp = c->form == COL_RAMP ? c->step : 0, span;
        if (c->i0 < 0 || c->i0 >= s->extent[d] || __builtin_mul_overflow(ramp, m - 1, &span)) return false;
        if (__builtin_add_overflow(c->i0, span, &span) || span < 0 || span >= s->extent[d]) return false;
        at += c->i0 * s->stride[d];
        step += ramp * s->stride[d];
    }
    if (s->done && !s->full) {
        int64_t *all = scratch_i(fr, m);
        for (int l = 0; l < m; l++) all[l] = at + l * step;
        store_need(fr->eval, s, all, NULL, m);
    }
    if (step == 1 && !s->raw) {     /* what is stored stays: a tensor is read only after its last definition */
        const double *err = s->e ? s->e + at : NULL;
        *out = s->f ? col_of_f(s->f + at, err, m) : col_of_i(s->i + at, err, m);
        return true;
    }
    bool is_float = dtype_is_float(s->type);
    double *f = is_float ? scratch_f(fr, m) : NULL, *e = NULL;
    int64_t *i = is_float ? NULL : scratch_i(fr, m);
    load_run(s, at, step, m, f, i);
    if (i) clamp_ints(s, m, i);
    if (s->e) {
        e = scratch_f(fr, m);
        for (int l = 0; l < m; l++) e[l] = s->e[at + l * step];
    }
    *out = is_float ? col_of_f(f, e, m) : col_of_i(i, e, m);
    return true;
}

/* The places of an access: at[l] where inside[l]; unsure[l] where a subscript's bound is not 0 (returned, or NULL). */
typedef struct Places { int64_t *at; uint8_t *inside; double *unsure; bool all; } Places;

static Places read_places(Frame *fr, const Store *s, const Col *subs, ReadMode mode, int m) {
    Places p = {scratch_i(fr, m), scratch_mask(fr), NULL, true};
    for (int l = 0; l < m; l++) p.at[l] = 0, p.inside[l] = m == 1 || !fr->mask || fr->mask[l];
    for (int d = 0; d < s->rank; d++) {
        const int64_t *i = col_i(fr, &subs[d], m), last = s->extent[d] - 1, stride = s->stride[d];
        const double *e = col_e(fr, &subs[d], m);
        for (int l = 0; l < m; l++) {
            int64_t v = i[l];
            if (mode == READ_CLAMP) v = v > last ? last : v < 0 ? 0 : v;
            bool in = v >= 0 && v <= last;
            p.inside[l] &= in;
            p.at[l] = p.inside[l] ? p.at[l] + v * stride : 0;
        }
        if (e && !p.unsure) p.unsure = memset(scratch_f(fr, m), 0, sizeof(double) * (size_t)m);
        for (int l = 0; e && l < m; l++)
            if (e[l] != 0) p.unsure[l] = INFINITY;
    }
    for (int l = 0; l < m; l++) p.all &= p.inside[l];
    return p;
}

/* Where a subscript may differ, or a plain access of an active lane is outside, nothing is known of the value. */
static const double *read_errors(Frame *fr, const Store *s, const Places *p, const double *pad_e, ReadMode mode, int m) {
    bool lost = mode != READ_PAD && !p->all, any = false;
    if (!s->e && !p->unsure && !lost && !pad_e) return NULL;
    double *e = scratch_f(fr, m);
    for (int l = 0; l < m; l++) {
        bool active = m == 1 || !fr->mask || fr->mask[l];
        e[l] = 0;
        if (!active) continue;
        if (p->inside[l]) e[l] = s->e ? s->e[p->at[l]] : 0;
        else e[l] = mode != READ_PAD ? INFINITY : pad_e ? pad_e[l] : 0;
        if (p->unsure && p->unsure[l] != 0) e[l] = INFINITY;
        any = any || e[l] != 0;
    }
    return any ? e : NULL;
}

static Col read_gather(Frame *fr, Store *s, const Expr *x, const Col *subs, int m) {
    Places p = read_places(fr, s, subs, x->mode, m);
    const double *pad_e = NULL;
    bool is_float = dtype_is_float(s->type);
    double *f = is_float ? scratch_f(fr, m) : NULL;
    int64_t *i = is_float ? NULL : scratch_i(fr, m);
    if (s->done && !s->full) store_need(fr->eval, s, p.at, p.inside, m);
    load_at(s, p.at, p.inside, m, f, i);
    if (i) clamp_ints(s, m, i);
    if (x->mode == READ_PAD && !p.all) {
        Col pad = eval_expr(fr, x->pad);
        pad_e = col_e(fr, &pad, m);
        const double *pf = is_float ? col_f(fr, &pad, m) : NULL;
        const int64_t *pi = is_float ? NULL : col_i(fr, &pad, m);
        for (int l = 0; l < m; l++)
            if (!p.inside[l] && is_float) f[l] = pf[l];
            else if (!p.inside[l]) i[l] = pi[l];
    }
    const double *e = read_errors(fr, s, &p, pad_e, x->mode, m);
    return is_float ? col_of_f(f, e, m) : col_of_i(i, e, m);
}

static Col eval_read(Frame *fr, const Expr *x) {
    Store *s = &fr->eval->stores[x->tensor->id];
    Col subs[MAX_RANK], out;
    const int64_t *ahead = NULL, *value;
    int64_t stride = 0;
    uint64_t at = 0;
    int m = 1;
    for (int d = 0; d < x->args.n; d++) {
        if ((value = hoisted(fr, x->args.at[d]))) subs[d] = col_int(*value), ahead = value, stride = s->stride[d];
        else if (!affine_col(fr, x->args.at[d], &subs[d])) subs[d] = eval_expr(fr, x->args.at[d]);
        if (subs[d].form != COL_SAME) m = fr->n;
        at += (uint64_t)subs[d].i0 * (uint64_t)s->stride[d];
    }
    if (ahead && m > 1) read_ahead(fr, s, (int64_t)at, ahead, stride, m);
    if (x->mode == READ_PAD && x->pad->kind != X_LIT) m = fr->n;
    if (read_run(fr, s, subs, m, &out)) return out;
    return read_gather(fr, s, x, subs, m);
}

/* --- operators ---------------------------------------------------------------------------------------------------------- */

/* The sum or difference of two ramps that are no affine expressions by themselves (a subscript that is read, plus an index). */
static bool ramp_sum(const Expr *x, const Col *a, const Col *b, Col *out) {
    if (a->form == COL_ARRAY || b->form == COL_ARRAY || a->e0 != 0 || b->e0 != 0) return false;
    if (x->op != OP_ADD && x->op != OP_SUB) return false;
    uint64_t sign = x->op == OP_ADD ? 1 : (uint64_t)-1, as = a->form == COL_RAMP ? (uint64_t)a->step : 0;
    uint64_t bs = b->form == COL_RAMP ? (uint64_t)b->step : 0, step = as + sign * bs;
    *out = (Col){.form = step ? COL_RAMP : COL_SAME, .i0 = (int64_t)((uint64_t)a->i0 + sign * (uint64_t)b->i0), .step = (int64_t)step};
    return true;
}

static Col op_float(Frame *fr, const Expr *x, const Col *args, int m) {
    Scratch *s = &fr->eval->scratch;
    double *r = scratch_f(fr, m), *e = scratch_f(fr, m);
    Mark mark = scratch_mark(s);
    OpArgs oa = {.n = x->args.n};
    for (int k = 0; k < oa.n; k++) {
        oa.v[k] = col_f(fr, &args[k], m);
        if (!fr->eval->options.no_bounds) oa.e[k] = col_e(fr, &args[k], m);
    }
    float_kernels[x->op](m, oa.v[0], oa.v[1], oa.v[2], r);
    bool any = !fr->eval->options.no_bounds && error_float_op(fr, x->op, x->type, &oa, m, r, e, false);
    scratch_release(s, mark);
    return col_of_f(r, any ? e : NULL, m);
}

static Col op_int(Frame *fr, const Expr *x, const Col *args, int m) {
    int64_t *r = scratch_i(fr, m);
    double *e = scratch_f(fr, m);
    Mark mark = scratch_mark(&fr->eval->scratch);
    const int64_t *v[2] = {col_i(fr, &args[0], m), x->args.n > 1 ? col_i(fr, &args[1], m) : NULL};
    int_kernels[x->op](m, v[0], v[1], r, dtype_table[x->type].bytes * 8);
    wrap_ints(x->type, m, r);
    bool any = false;
    if (!col_exact(&args[0]) || (x->args.n > 1 && !col_exact(&args[1]))) {
        OpArgs oa = {.n = x->args.n};
        for (int k = 0; k < oa.n; k++) {
            oa.v[k] = col_number(fr, x->type, &args[k], m);
            oa.e[k] = col_e(fr, &args[k], m);
        }
        any = error_int_op(fr, x->op, x->type, &oa, m, r, e);
    }
    scratch_release(&fr->eval->scratch, mark);
    return col_of_i(r, any ? e : NULL, m);
}

/* Comparisons, isnan, isinf. */
static Col op_test(Frame *fr, const Expr *x, const Col *args, int m) {
    int64_t *r = scratch_i(fr, m);
    double *e = scratch_f(fr, m);
    Mark mark = scratch_mark(&fr->eval->scratch);
    DType t = x->args.at[0]->type;
    OpArgs oa = {.n = x->args.n};
    if (dtype_is_float(t)) {
        double *f = scratch_f(fr, m);
        for (int k = 0; k < oa.n; k++) oa.v[k] = col_f(fr, &args[k], m);
        float_kernels[x->op](m, oa.v[0], oa.v[1], NULL, f);
        for (int l = 0; l < m; l++) r[l] = f[l] != 0;
    } else int_kernels[x->op](m, col_i(fr, &args[0], m), oa.n > 1 ? col_i(fr, &args[1], m) : NULL, r, 64);
    bool any = false;
    if (!col_exact(&args[0]) || (oa.n > 1 && !col_exact(&args[1]))) {
        for (int k = 0; k < oa.n; k++) {
            oa.v[k] = col_number(fr, t, &args[k], m);
            oa.e[k] = col_e(fr, &args[k], m);
        }
        any = error_compare(x->op, &oa, m, e);
    }
    scratch_release(&fr->eval->scratch, mark);
    return col_of_i(r, any ? e : NULL, m);
}

/* A product that stands directly under a sum may overflow or not, by fusion. */
static void fused_product(Frame *fr, const Expr *x, Col *c, int m) {
    if (x->kind != X_OP || x->op != OP_MUL || !dtype_is_float(x->type) || fr->eval->options.no_bounds) return;
    const double *f = col_f(fr, c, m), *e = col_e(fr, c, m);
    double *lost = NULL;
    for (int l = 0; l < m; l++)
        if (isinf(f[l]) && !lost) {
            lost = scratch_f(fr, m);
            for (int j = 0; j < m; j++) lost[j] = e ? e[j] : 0;
        }
    if (!lost) return;
    Col a = eval_expr(fr, x->args.at[0]), b = eval_expr(fr, x->args.at[1]);
    const double *af = col_f(fr, &a, m), *bf = col_f(fr, &b, m);
    for (int l = 0; l < m; l++)
        if (isinf(f[l]) && isfinite(af[l]) && isfinite(bf[l])) lost[l] = INFINITY;
    *c = col_of_f(f, lost, m);
}

static Col eval_logic(Frame *fr, const Expr *x);

static Col eval_op(Frame *fr, const Expr *x) {
    if (x->op == OP_AND || x->op == OP_OR) return eval_logic(fr, x);
    Col args[3], out;
    int m = 1;
    if (x->type == DT_I64 && affine_col(fr, x, &out)) return out;
    for (int k = 0; k < x->args.n; k++) {
        args[k] = eval_expr(fr, x->args.at[k]);
        if (args[k].form != COL_SAME) m = fr->n;
    }
    if (x->type == DT_I64 && x->args.n == 2 && ramp_sum(x, &args[0], &args[1], &out)) return out;
    if (op_table[x->op].gives == OPG_BOOL) return op_test(fr, x, args, m);
    if (!dtype_is_float(x->type)) return op_int(fr, x, args, m);
    if (x->op == OP_ADD || x->op == OP_SUB)
        for (int k = 0; k < 2; k++) fused_product(fr, x->args.at[k], &args[k], m);
    return op_float(fr, x, args, m);
}

/* --- guards ------------------------------------------------------------------------------------------------------------- */

/* The lanes of fr that are active and where the bool c is `want` or may be; returns how many. */
static int guard_mask(Frame *fr, const Col *c, int want, uint8_t *mask) {
    const int64_t *i = col_i(fr, c, fr->n);
    const double *e = col_e(fr, c, fr->n);
    int count = 0;
    for (int l = 0; l < fr->n; l++) {
        mask[l] = (!fr->mask || fr->mask[l]) && (i[l] == want || (e && e[l] != 0));
        count += mask[l];
    }
    return count;
}

static int active(const Frame *fr) {
    int count = 0;
    if (!fr->mask) return fr->n;
    for (int l = 0; l < fr->n; l++) count += fr->mask[l];
    return count;
}

static Frame guarded(Frame *fr, const uint8_t *mask, int count) {
    Frame sub = *fr;
    sub.mask = count == fr->n || fr->n == 1 ? NULL : mask;
    return sub;
}

/* and, or: the right side only where the left does not decide. Three-valued: uncertain unless a certain side decides. */
static Col eval_logic(Frame *fr, const Expr *x) {
    int decides = x->op == OP_AND ? 0 : 1;
    Col a = eval_expr(fr, x->args.at[0]);
    if (a.form == COL_SAME && a.e0 == 0) return a.i0 == decides ? a : eval_expr(fr, x->args.at[1]);
    uint8_t *mask = scratch_mask(fr);
    int count = guard_mask(fr, &a, !decides, mask);
    if (!count) return a;
    Frame sub = guarded(fr, mask, count);
    Col b = eval_expr(&sub, x->args.at[1]);
    int m = fr->n;
    const int64_t *ai = col_i(fr, &a, m), *bi = col_i(fr, &b, m);
    const double *ae = col_e(fr, &a, m), *be = col_e(fr, &b, m);
    int64_t *r = scratch_i(fr, m);
    double *e = ae || be ? scratch_f(fr, m) : NULL;
    for (int l = 0; l < m; l++) {
        bool ua = ae && ae[l] != 0, ub = mask[l] && be && be[l] != 0;
        r[l] = ai[l] == decides || !mask[l] ? ai[l] : bi[l];
        if (!e) continue;
        bool decided = (!ua && ai[l] == decides) || (mask[l] && !ub && bi[l] == decides);
        e[l] = !decided && (ua || ub);
    }
    return col_of_i(r, e, m);
}

/* Joins the branches; where the condition is uncertain the bound reaches to the other branch. */
static Col blend(Frame *fr, DType t, const Col *c, const Col *x, const Col *y) {
    int m = fr->n;
    const int64_t *ci = col_i(fr, c, m);
    const double *ce = col_e(fr, c, m), *xe = col_e(fr, x, m), *ye = col_e(fr, y, m);
    const double *xf = col_number(fr, t, x, m), *yf = col_number(fr, t, y, m);
    double *e = ce || xe || ye ? scratch_f(fr, m) : NULL;
    for (int l = 0; e && l < m; l++) {
        double own = ci[l] ? xe ? xe[l] : 0 : ye ? ye[l] : 0, other = ci[l] ? ye ? ye[l] : 0 : xe ? xe[l] : 0;
        e[l] = own;
        if (!ce || ce[l] == 0) continue;
        double reach = (xf[l] == yf[l] || (isnan(xf[l]) && isnan(yf[l])) ? 0 : fabs(xf[l] - yf[l])) + other;
        if (!(reach <= own)) e[l] = isfinite(reach) ? reach : INFINITY;
        if (t == DT_BOOL) e[l] = e[l] != 0;
    }
    if (dtype_is_float(t)) {
        double *r = scratch_f(fr, m);
        for (int l = 0; l < m; l++) r[l] = ci[l] ? xf[l] : yf[l];
        return col_of_f(r, e, m);
    }
    const int64_t *xi = col_i(fr, x, m), *yi = col_i(fr, y, m);
    int64_t *r = scratch_i(fr, m);
    for (int l = 0; l < m; l++) r[l] = ci[l] ? xi[l] : yi[l];
    return col_of_i(r, e, m);
}

static Col eval_if(Frame *fr, const Expr *x) {
    Col c = eval_expr(fr, x->args.at[0]);
    if (c.form == COL_SAME && c.e0 == 0) return eval_expr(fr, x->args.at[c.i0 ? 1 : 2]);
    uint8_t *yes = scratch_mask(fr), *no = scratch_mask(fr);
    int n_yes = guard_mask(fr, &c, 1, yes), n_no = guard_mask(fr, &c, 0, no), all = active(fr);
    Frame then = guarded(fr, yes, n_yes), other = guarded(fr, no, n_no);
    if (n_yes == all && n_no == 0) return eval_expr(&then, x->args.at[1]);
    if (n_no == all && n_yes == 0) return eval_expr(&other, x->args.at[2]);
    Col a = n_yes ? eval_expr(&then, x->args.at[1]) : col_int(0);
    Col b = n_no ? eval_expr(&other, x->args.at[2]) : col_int(0);
    return blend(fr, x->type, &c, &a, &b);
}

/* --- conversions -------------------------------------------------------------------------------------------------------- */

static int64_t float_to_int(DType t, double v, bool nearest) {
    if (isnan(v)) return 0;
    v = nearest ? rint(v) : trunc(v);
    if (v >= (double)dtype_table[t].max) return dtype_table[t].max;
    return v <= (double)dtype_table[t].min ? dtype_table[t].min : (int64_t)v;
}

static Col float_to_ints(Frame *fr, const Expr *x, const Col *a, int m) {
    const double *f = col_f(fr, a, m), *ea = col_e(fr, a, m);
    bool nearest = x->kind == X_SAT;
    int64_t *r = scratch_i(fr, m);
    double *e = ea ? scratch_f(fr, m) : NULL;
    for (int l = 0; l < m; l++) {
        r[l] = float_to_int(x->type, f[l], nearest);
        if (!ea) continue;
        double up = (double)float_to_int(x->type, f[l] + ea[l], nearest) - (double)r[l];
        double down = (double)r[l] - (double)float_to_int(x->type, f[l] - ea[l], nearest);
        e[l] = ea[l] == INFINITY ? INFINITY : isnan(f[l]) ? 0 : up > down ? up : down;
    }
    return col_of_i(r, e, m);
}

static Col int_to_ints(Frame *fr, const Expr *x, const Col *a, int m) {
    const DTypeRow *t = &dtype_table[x->type], *from = &dtype_table[x->args.at[0]->type];
    if (t->min <= from->min && t->max >= from->max) return *a;
    if (a->form == COL_RAMP) {
        int64_t last = a->i0 + a->step * (m - 1);
        if (a->i0 >= t->min && a->i0 <= t->max && last >= t->min && last <= t->max) return *a;
    }
    const int64_t *i = col_i(fr, a, m);
    const double *ea = col_e(fr, a, m);
    int64_t *r = memcpy(scratch_i(fr, m), i, sizeof *r * (size_t)m);
    double *e = ea ? scratch_f(fr, m) : NULL;
    if (x->kind == X_CONVERT) wrap_ints(x->type, m, r);
    for (int l = 0; l < m; l++) {
        if (x->kind == X_SAT) r[l] = i[l] < t->min ? t->min : i[l] > t->max ? t->max : i[l];
        if (!ea) continue;
        bool inside = (double)i[l] + ea[l] <= (double)t->max && (double)i[l] - ea[l] >= (double)t->min;
        e[l] = x->kind == X_SAT || inside || ea[l] == 0 ? ea[l] : INFINITY;
    }
    return col_of_i(r, e, m);
}

/* Rounds values r with bounds er (or NULL) to a narrower float type. */
static Col narrow(Frame *fr, DType t, const double *r, const double *er, int m) {
    double *y = scratch_f(fr, m), *e = er ? scratch_f(fr, m) : NULL;
    round_floats(t, m, r, y);
    if (er) error_narrow(fr, t, m, r, er, y, e);
    return col_of_f(y, e, m);
}

/* An integer becomes a float by way of f32 (f64: of f64). */
static Col int_to_float(Frame *fr, const Expr *x, const Col *a, int m) {
    DType compute = dtype_table[x->type].compute;
    const int64_t *i = col_i(fr, a, m);
    const double *ea = col_e(fr, a, m);
    double *r = scratch_f(fr, m), *e = scratch_f(fr, m), limit = compute == DT_F64 ? 0x1p53 : 0x1p24, unit = error_unit(compute, 0.5);
    bool any = false;
    for (int l = 0; l < m; l++) {
        r[l] = (double)i[l];
        e[l] = ea ? ea[l] : 0;
        bool exact = compute == DT_F64 ? fabs(r[l]) <= limit : (double)(float)r[l] == r[l];
        if (e[l] != 0 ? fabs(r[l]) + e[l] > limit : !exact) e[l] += unit * (fabs(r[l]) + e[l]);
        any = any || e[l] != 0;
    }
    if (x->type != compute) return narrow(fr, x->type, r, any ? e : NULL, m);
    return col_of_f(r, any ? e : NULL, m);
}

static Col eval_convert(Frame *fr, const Expr *x) {
    Col a = eval_expr(fr, x->args.at[0]);
    DType from = x->args.at[0]->type, to = x->type;
    int m = a.form == COL_SAME ? 1 : fr->n;
    if (from == to) return a;
    if (dtype_is_float(from) && !dtype_is_float(to)) return float_to_ints(fr, x, &a, m);
    if (!dtype_is_float(to)) return int_to_ints(fr, x, &a, m);
    if (!dtype_is_float(from)) return int_to_float(fr, x, &a, m);
    const DTypeRow *f = &dtype_table[from], *t = &dtype_table[to];
    if (f->precision <= t->precision && error_normal(from) >= error_normal(to) && f->max_finite <= t->max_finite) return a;
    return narrow(fr, to, col_f(fr, &a, m), col_e(fr, &a, m), m);
}

static Col eval_call(Frame *fr, const Expr *x) {
    Scratch *s = &fr->eval->scratch;
    Col *args = scratch_alloc(s, sizeof *args * (size_t)(x->args.n + 1));
    for (int k = 0; k < x->args.n; k++) args[k] = eval_expr(fr, x->args.at[k]);
    for (int k = 0; k < x->args.n; k++) bind_var(fr, x->fn->params.at[k], args[k]);
    return eval_expr(fr, x->fn->body);
}

Col eval_expr(Frame *fr, const Expr *x) {
    Col out;
    switch (x->kind) {
    case X_LIT: return dtype_is_float(x->type) ? col_float(dtype_round(x->type, x->lit_f), 0) : col_int(x->lit_i);
    case X_INDEX: return fr->idx[x->index->id];
    case X_DIM: return col_int(fr->eval->dims[x->dim->id]);
    case X_VAR: return fr->var[x->var->id];
    case X_READ: return eval_read(fr, x);
    case X_OP: return eval_op(fr, x);
    case X_CONVERT:
    case X_SAT: return eval_convert(fr, x);
    case X_IF: return eval_if(fr, x);
    case X_CALL: return eval_call(fr, x);
    case X_REDUCE: eval_reduce(fr, x->reduce, &out); return out;
    }
    return col_int(0);
}
