/* The oracle's driver: stores, statements by chunks of lanes, facts, and evaluation on demand. */
#include "dsl/eval_internal.h"
#ifdef __linux__
#include <sys/mman.h>
#endif

/* --- making ------------------------------------------------------------------------------------------------------------- */

static const char *store_shape(Eval *ev, Store *s, const Tensor *t) {
    int64_t n = 1;
    if (t->rank > MAX_RANK) return arena_printf(ev->arena, "%s has rank %d; the limit is %d", t->name, t->rank, MAX_RANK);
    *s = (Store){.tensor = t, .type = t->type, .rank = t->rank};
    for (int d = 0; d < t->rank; d++) {
        s->extent[d] = eval_constant(ev, t->shape[d]);
        if (s->extent[d] < 0 && t->role == TR_TEMP) s->extent[d] = 0;
        if (s->extent[d] < 0)
            return arena_printf(ev->arena, "extent %d of %s is %lld, which is negative", d, t->name, (long long)s->extent[d]);
        if (__builtin_mul_overflow(n, s->extent[d], &n)) return arena_printf(ev->arena, "%s has over 2^63 elements", t->name);
    }
    s->n = n;
    int64_t stride = 1;
    for (int d = t->rank - 1; d >= 0; d--) {
        s->stride[d] = stride;
        stride *= s->extent[d] ? s->extent[d] : 1;
    }
    if (t->lo) s->clamp_lo = eval_constant(ev, t->lo);
    if (t->hi) s->clamp_hi = eval_constant(ev, t->hi) - 1;
    return NULL;
}

static const char *check_ranks(Eval *ev) {
    const Kernel *k = ev->kernel;
    for (int n = 0; n < k->stmts.n; n++)
        if (k->stmts.at[n]->idx.n > MAX_RANK)
            return arena_printf(ev->arena, "a statement has %d indices; the limit is %d", k->stmts.at[n]->idx.n, MAX_RANK);
    return NULL;
}

Eval *eval_new(Arena *a, const Kernel *k, const int64_t *dims, const void *const *inputs, const EvalOptions *options, const char **why) {
    Eval *ev = NEW(a, Eval);
    *ev = (Eval){.arena = a, .kernel = k, .dims = dims, .scratch = {.arena = a}};
    if (options) ev->options = *options;
    ev->stores = NEW_ARRAY(a, Store, k->tensors.n + 1);
    ev->charged = NEW_ARRAY(a, bool, k->tensors.n + 1);
    for (int i = 0; ev->options.charged && ev->options.charged[i]; i++)
        for (int n = 0; n < k->tensors.n; n++) ev->charged[k->tensors.at[n]->id] |= !strcmp(k->tensors.at[n]->name, ev->options.charged[i]);
    ev->plans = NEW_ARRAY(a, Plan, k->stmts.n + 1);
    double bytes = 0, limit = ev->options.memory_limit ? (double)ev->options.memory_limit : 8.0 * (1ll << 30);
    *why = check_ranks(ev);
    for (int n = 0; n < k->tensors.n && !*why; n++) {
        const Tensor *t = k->tensors.at[n];
        *why = store_shape(ev, &ev->stores[t->id], t);
        if (t->role != TR_INPUT) bytes += 16.0 * (double)ev->stores[t->id].n;
    }
    for (int n = 0; n < k->params.n && !*why; n++) {
        Store *s = &ev->stores[k->params.at[n]->id];
        s->raw = inputs[n];
        s->full = true;
    }
    if (!*why && bytes > limit)
        *why = arena_printf(a, "the reference needs %.3g GiB for its arrays; the limit is %.3g GiB", bytes / (1 << 30), limit / (1 << 30));
    return *why ? NULL : ev;
}

/* A zeroed array of n doubles or int64_t; large ones begin at a large page and ask for such. */
static void *store_array(Eval *ev, int64_t n) {
    size_t bytes = sizeof(double) * ((size_t)n + 1);
#ifdef MADV_HUGEPAGE
    size_t page = 2 << 20, whole = (bytes + page - 1) & ~(page - 1);
    if (bytes >= 2 * page && !ev->demand) {
        uintptr_t at = ((uintptr_t)arena_alloc(ev->arena, whole + page) + page - 1) & ~(uintptr_t)(page - 1);
        madvise((void *)at, whole, MADV_HUGEPAGE);
        return (void *)at;
    }
#endif
    return arena_alloc(ev->arena, bytes);
}

static void store_ready(Eval *ev, Store *s) {
    if (s->raw || s->f || s->i) return;
    if (dtype_is_float(s->type)) s->f = store_array(ev, s->n);
    else s->i = store_array(ev, s->n);
    if (ev->demand && !s->full) s->done = NEW_ARRAY(ev->arena, uint8_t, s->n + 1);
}

/* --- storing ------------------------------------------------------------------------------------------------------------ */

/* A target whose lanes stand one after the other: where they begin. False when they do not, or one is outside. */
static bool target_run(Frame *fr, const Store *s, const Target *t, int64_t *at) {
    Col sub;
    *at = 0;
    for (int d = 0; d < s->rank; d++) {
        if (!affine_col(fr, t->subs.at[d], &sub)) return false;
        bool ramp = sub.form == COL_RAMP, last = d == s->rank - 1;
        if (ramp ? !last || sub.step != 1 : last && fr->n > 1) return false;
        if (sub.i0 < 0 || sub.i0 + (ramp ? fr->n : 1) > s->extent[d]) return false;
        *at += sub.i0 * s->stride[d];
    }
    return !fr->mask && s->rank > 0;
}

/* The value may have been rounded at another scale: by one unit of the last place, or the least that the type has. */
static Col charged(Frame *fr, DType type, const Col *value) {
    const DTypeRow *row = &dtype_table[type];
    const double *f = col_f(fr, value, fr->n), *before = col_e(fr, value, fr->n);
    double *e = scratch_f(fr, fr->n), unit = ldexp(1, 1 - row->precision), least = ldexp(1, 2 - ilogb(row->max_finite) - row->precision);
    for (int l = 0; l < fr->n; l++) e[l] = (before ? before[l] : 0) + (isfinite(f[l]) ? unit * fabs(f[l]) + least : 0);
    return col_of_f(f, e, fr->n);
}

void target_store(Frame *fr, const Target *t, const Col *value) {
    Eval *ev = fr->eval;
    Col more;
    if (ev->charged[t->tensor->id] && dtype_is_float(t->tensor->type)) {
        more = charged(fr, t->tensor->type, value);
        value = &more;
    }
    Store *s = &ev->stores[t->tensor->id];
    int64_t first;
    store_ready(ev, s);
    if (target_run(fr, s, t, &first)) {
        size_t bytes = sizeof(double) * (size_t)fr->n;
        const double *err = col_e(fr, value, fr->n);
        if (s->f) memcpy(s->f + first, col_f(fr, value, fr->n), bytes);
        else memcpy(s->i + first, col_i(fr, value, fr->n), bytes);
        if (err && !s->e) s->e = store_array(ev, s->n);
        if (err) memcpy(s->e + first, err, bytes);
        else if (s->e) memset(s->e + first, 0, bytes);
        if (s->done) memset(s->done + first, 1, (size_t)fr->n);
        return;
    }
    int64_t *at = memset(scratch_i(fr, fr->n), 0, sizeof *at * (size_t)fr->n);
    for (int d = 0; d < s->rank; d++) {
        Col sub = eval_expr(fr, t->subs.at[d]);
        const int64_t *i = col_i(fr, &sub, fr->n);
        for (int l = 0; l < fr->n; l++) {
            if (i[l] < 0 || i[l] >= s->extent[d]) at[l] = INT64_MIN / 2;
            else at[l] += i[l] * s->stride[d];
        }
    }
    const double *e = col_e(fr, value, fr->n);
    const double *f = s->f ? col_f(fr, value, fr->n) : NULL;
    const int64_t *v = s->i ? col_i(fr, value, fr->n) : NULL;
    if (e && !s->e) s->e = store_array(ev, s->n);
    for (int l = 0; l < fr->n; l++) {
        if (at[l] < 0 || (fr->mask && !fr->mask[l])) continue;
        if (f) s->f[at[l]] = f[l];
        else s->i[at[l]] = v[l];
        if (s->e) s->e[at[l]] = e ? e[l] : 0;
        if (s->done) s->done[at[l]] = 1;
    }
}

/* --- statements --------------------------------------------------------------------------------------------------------- */

static void run_chunk(Frame *fr, const Stmt *s) {
    Mark mark = scratch_mark(&fr->eval->scratch);
    Col *values = scratch_alloc(&fr->eval->scratch, sizeof *values * (size_t)(s->targets.n + 1));
    if (s->value->kind == X_REDUCE && s->targets.n > 1) {
        Col *all = scratch_alloc(&fr->eval->scratch, sizeof *all * (size_t)(reduce_results(s->value->reduce) + 1));
        eval_reduce(fr, s->value->reduce, all);
        values = all;
    } else values[0] = eval_expr(fr, s->value);
    for (int k = 0; k < s->targets.n; k++) target_store(fr, &s->targets.at[k], &values[k]);
    scratch_release(&fr->eval->scratch, mark);
}

/* Binds the n points from linear position `at` of the domain in the plan's order. */
static void bind_points(Frame *fr, const Domain *d, const Plan *p, int axes, int64_t at) {
    int64_t place[MAX_RANK], *column[MAX_RANK];
    for (int k = axes - 1; k >= 0; k--) {
        int64_t extent = d->extent[p->order[k]];
        place[k] = at % extent;
        at /= extent;
        column[k] = scratch_i(fr, fr->n);
    }
    if (axes && place[axes - 1] + fr->n <= d->extent[p->order[axes - 1]]) {
        for (int k = 0; k < axes; k++) {
            int64_t first = d->lo[p->order[k]] + place[k];
            Col ramp = {.form = COL_RAMP, .i0 = first, .step = 1};
            bind_index(fr, d->idx[p->order[k]], k == axes - 1 ? ramp : col_int(first));
        }
        return;
    }
    for (int l = 0; l < fr->n; l++) {
        for (int k = 0; k < axes; k++) column[k][l] = d->lo[p->order[k]] + place[k];
        for (int k = axes - 1; k >= 0 && ++place[k] == d->extent[p->order[k]]; k--) place[k] = 0;
    }
    for (int k = 0; k < axes; k++) bind_index(fr, d->idx[p->order[k]], col_index(column[k], fr->n));
}

/* The operations of `part` of a statement's points are done. */
static void progress(Eval *ev, double part) {
    if (!ev->options.progress || ev->demand || ev->total <= 0) return;
    ev->options.progress(ev->options.progress_context, fmin(1, (ev->spent + part) / ev->total));
}

/* A scan at the root: the other axes as lanes, one walk along the scanned one. */
static void run_scan(Eval *ev, const Stmt *s, const Domain *whole) {
    const Reduce *r = s->value->reduce;
    bool down = r->scan == SCAN_GT || r->scan == SCAN_GE, exclusive = r->scan == SCAN_GT || r->scan == SCAN_LT;
    Domain d = *whole;
    Plan p = {.width = LANES};
    int axes = 0;
    int64_t lo = 0, extent = 0, rows = 1;
    for (int k = 0; k < d.n; k++) {
        if (d.idx[k] == r->along) lo = d.lo[k], extent = d.extent[k];
        else p.order[axes++] = k, rows *= d.extent[k];
    }
    for (int64_t at = 0; extent && at < rows; at += LANES) {
        Mark mark = scratch_mark(&ev->scratch);
        Frame fr = frame_new(ev, rows - at < LANES ? (int)(rows - at) : LANES);
        bind_points(&fr, &d, &p, axes, at);
        Acc *acc = acc_new(&fr, r);
        for (int64_t t = 0; t < extent; t++) {
            Mark inner = scratch_mark(&ev->scratch);
            Col here = col_int(down ? lo + extent - 1 - t : lo + t);
            bind_index(&fr, r->along, here);
            bind_index(&fr, r->idx.at[0], here);
            for (int k = 0; exclusive && k < s->targets.n; k++) {
                Col v = acc_result(&fr, acc, k);
                target_store(&fr, &s->targets.at[k], &v);
            }
            scan_element(&fr, acc, r);
            for (int k = 0; !exclusive && k < s->targets.n; k++) {
                Col v = acc_result(&fr, acc, k);
                target_store(&fr, &s->targets.at[k], &v);
            }
            scratch_release(&ev->scratch, inner);
        }
        scratch_release(&ev->scratch, mark);
    }
}

static bool scan_at_root(const Stmt *s) {
    if (s->value->kind != X_REDUCE || s->value->reduce->scan == SCAN_NONE) return false;
    for (int k = 0; k < s->idx.n; k++)
        if (s->idx.at[k] == s->value->reduce->along) return true;
    return false;
}

static void run_stmt(Eval *ev, const Stmt *s) {
    Domain d = domain_of(ev, s);
    for (int k = 0; k < s->targets.n; k++) store_ready(ev, &ev->stores[s->targets.at[k].tensor->id]);
    if (!d.points) return;
    if (scan_at_root(s)) {
        run_scan(ev, s, &d);
        return;
    }
    Plan p = plan_stmt(ev, s, &d);
    int64_t row = d.n ? d.extent[p.order[d.n - 1]] : 1;
    double share = ev->total > 0 ? stmt_operations(ev, s) / (double)d.points : 0;
    Mark mark = scratch_mark(&ev->scratch);
    Frame fr = frame_new(ev, 1);
    for (int64_t at = 0, chunk = 0; at < d.points; at += fr.n, chunk++) {
        Mark inner = scratch_mark(&ev->scratch);
        int64_t n = p.rows ? row - at % row : d.points - at;
        fr.n = n < p.width ? (int)n : p.width;
        bind_points(&fr, &d, &p, d.n, at);
        run_chunk(&fr, s);
        scratch_release(&ev->scratch, inner);
        if ((chunk & 255) == 0) progress(ev, share * (double)at);
    }
    scratch_release(&ev->scratch, mark);
}

void eval_all(Eval *ev) {
    const Kernel *k = ev->kernel;
    if (ev->options.progress) ev->total = eval_operations(ev);
    for (int n = 0; n < k->tensors.n; n++) store_ready(ev, &ev->stores[n]);
    for (int n = 0; n < k->stmts.n; n++) {
        run_stmt(ev, k->stmts.at[n]);
        if (ev->total > 0) ev->spent += stmt_operations(ev, k->stmts.at[n]);
        progress(ev, 0);
    }
    for (int n = 0; n < k->tensors.n; n++) ev->stores[n].full = true;
}

EvalArray eval_array(Eval *ev, const Tensor *t) {
    Store *s = &ev->stores[t->id];
    store_ready(ev, s);
    EvalArray a = {.n = s->n, .rank = s->rank, .value = s->f, .ivalue = s->i, .err = s->e};
    for (int d = 0; d < s->rank; d++) a.extent[d] = s->extent[d];
    return a;
}

double eval_operations(Eval *ev) {
    double total = 0;
    for (int n = 0; n < ev->kernel->stmts.n; n++) total += stmt_operations(ev, ev->kernel->stmts.at[n]);
    return total;
}

/* --- on demand ---------------------------------------------------------------------------------------------------------- */

/* The place along each index of stmt whose target holds the element at flat position `at`; false when none does. */
static bool target_indices(Frame *fr, const Stmt *s, const Target *t, const Domain *d, int64_t at, int64_t *place) {
    const Store *st = &fr->eval->stores[t->tensor->id];
    for (int k = 0; k < d->n; k++) place[k] = INT64_MIN, bind_index(fr, d->idx[k], col_int(0));
    for (int n = 0; n < st->rank; n++) {
        int64_t sub = at / st->stride[n] % st->extent[n];
        int64_t base = eval_expr(fr, t->subs.at[n]).i0, k;
        for (k = 0; k < d->n; k++) {
            bind_index(fr, d->idx[k], col_int(1));
            int64_t moved = eval_expr(fr, t->subs.at[n]).i0;
            bind_index(fr, d->idx[k], col_int(0));
            if (moved != base) break;
        }
        if (k == d->n ? sub != base : (place[k] = sub - base) < d->lo[k] || place[k] >= d->lo[k] + d->extent[k]) return false;
    }
    for (int k = 0; k < d->n; k++)
        if (place[k] == INT64_MIN) return false;
    (void)s;
    return true;
}

/* Evaluates s at n points, given by columns of its indices. */
static void run_points(Eval *ev, const Stmt *s, const Domain *d, int64_t *const *place, int64_t n) {
    bool fold = n > 0 && plan_stmt(ev, s, d).width == 1;
    for (int64_t at = 0, m; at < n; at += m) {
        Mark mark = scratch_mark(&ev->scratch);
        m = fold ? 1 : n - at < LANES ? n - at : LANES;
        Frame fr = frame_new(ev, (int)m);
        for (int k = 0; k < d->n; k++) bind_index(&fr, d->idx[k], col_index(place[k] + at, (int)m));
        run_chunk(&fr, s);
        scratch_release(&ev->scratch, mark);
    }
}

/* Of the elements `at` of a tensor those that statement s defines and that are not there. */
static void need_stmt(Eval *ev, const Stmt *s, const Target *t, const int64_t *at, int64_t n) {
    Store *st = &ev->stores[t->tensor->id];
    if (scan_at_root(s)) {
        run_stmt(ev, s);
        return;
    }
    Mark mark = scratch_mark(&ev->scratch);
    Domain d = domain_of(ev, s);
    Frame fr = frame_new(ev, 1);
    int64_t *place[MAX_RANK], one[MAX_RANK], found = 0;
    for (int k = 0; k < d.n; k++) place[k] = scratch_alloc(&ev->scratch, sizeof(int64_t) * (size_t)n);
    for (int64_t p = 0; p < n; p++) {
        if (st->done[at[p]] == 1) continue;
        Mark inner = scratch_mark(&ev->scratch);
        bool here = target_indices(&fr, s, t, &d, at[p], one);
        scratch_release(&ev->scratch, inner);
        for (int k = 0; here && k < d.n; k++) place[k][found] = one[k];
        found += here;
    }
    if (found) run_points(ev, s, &d, place, found);
    scratch_release(&ev->scratch, mark);
}

void store_need(Eval *ev, Store *st, const int64_t *at, const uint8_t *ok, int n) {
    int64_t list[LANES], missing = 0;
    for (int l = 0; l < n; l++) {
        if ((ok && !ok[l]) || st->done[at[l]]) continue;
        st->done[at[l]] = 2;            /* asked for once */
        list[missing++] = at[l];
    }
    for (int k = 0; missing && k < ev->kernel->stmts.n; k++) {
        const Stmt *s = ev->kernel->stmts.at[k];
        for (int j = 0; j < s->targets.n; j++)
            if (s->targets.at[j].tensor == st->tensor) need_stmt(ev, s, &s->targets.at[j], list, missing);
    }
}

void eval_points(Eval *ev, const Tensor *t, int64_t n, const int64_t *at, double *value, int64_t *ivalue, double *err) {
    ev->demand = true;
    for (int k = 0; k < ev->kernel->tensors.n; k++) store_ready(ev, &ev->stores[k]);
    Store *s = &ev->stores[t->id];
    for (int64_t p = 0; p < n; p += LANES)
        if (s->done && !s->full) store_need(ev, s, at + p, NULL, n - p < LANES ? (int)(n - p) : LANES);
    for (int64_t p = 0; p < n; p++) {
        if (s->f && value) value[p] = s->f[at[p]];
        if (s->i && ivalue) ivalue[p] = s->i[at[p]];
        if (err) err[p] = s->e ? s->e[at[p]] : 0;
    }
}

/* --- facts -------------------------------------------------------------------------------------------------------------- */

/* Tries all points of the indices from `level` on; the last runs over lanes. */
static bool fact_level(Frame *fr, const Fact *f, int level, int64_t *point) {
    int last = f->idx.n - 1;
    if (!f->idx.n) return eval_expr(fr, fact_test(f)).i0 != 0;
    const Index *i = f->idx.at[level];
    int64_t lo = eval_expr(fr, i->lo).i0, hi = eval_expr(fr, i->hi).i0;
    for (int64_t at = lo; at < hi; at += level == last ? LANES : 1) {
        Mark mark = scratch_mark(&fr->eval->scratch);
        if (level < last) {
            bind_index(fr, i, col_int(at));
            if (point) point[level] = at;
            if (!fact_level(fr, f, level + 1, point)) return false;
        } else {
            Frame wide = *fr;
            wide.n = hi - at < LANES ? (int)(hi - at) : LANES;
            bind_index(&wide, i, (Col){.form = COL_RAMP, .i0 = at, .step = 1});
            Col c = eval_expr(&wide, fact_test(f));
            const int64_t *holds = col_i(&wide, &c, wide.n);
            for (int l = 0; l < wide.n; l++)
                if (!holds[l]) {
                    if (point) point[level] = at + l;
                    return false;
                }
        }
        scratch_release(&fr->eval->scratch, mark);
    }
    return true;
}

int eval_facts(Eval *ev, int64_t *point) {
    for (int n = 0; n < ev->kernel->facts.n; n++) {
        Mark mark = scratch_mark(&ev->scratch);
        Frame fr = frame_new(ev, 1);
        bool holds = fact_level(&fr, &ev->kernel->facts.at[n], 0, point);
        scratch_release(&ev->scratch, mark);
        if (!holds) return n;
    }
    return -1;
}
