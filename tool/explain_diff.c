/* A wrong result, explained. */
#include "tool/child.h"
#include "tool/compare.h"
#include <math.h>
#include <string.h>

static void index_text(Out *o, const Array *y, int64_t flat) {
    int64_t at[ARRAY_RANK_MAX];
    for (int i = y->rank - 1; i >= 0; i--) {
        at[i] = flat % y->extent[i];
        flat /= y->extent[i];
    }
    for (int i = 0; i < y->rank; i++) out_f(o, "%s%lld", i ? ", " : "[", (long long)at[i]);
    if (y->rank) out_s(o, "]");
}

static const void *element(const Array *y, int64_t flat) { return (const char *)y->data + (size_t)flat * (size_t)dtype_table[y->type].bytes; }

static bool is_poison(const Array *y, int64_t flat) {
    unsigned char p[8];
    child_poison(y->type, 0, p);
    return !memcmp(p, element(y, flat), (size_t)dtype_table[y->type].bytes);
}

static void line(Out *o, const Tensor *t, const Array *y, const Expected *x, int64_t p, bool exact, const char *label) {
    int64_t flat = x->at ? x->at[p] : p;
    double e = exact || !x->err ? 0 : x->err[p], ratio = compare_element(y, x, p, exact);
    out_f(o, "  %-6s %s", label, t->name);
    index_text(o, y, flat);
    if (is_poison(y, flat)) out_s(o, " = (never written)");
    else if (dtype_is_float(y->type)) out_f(o, " = %.9g", dtype_load_float(y->type, element(y, flat)));
    else out_f(o, " = %lld", (long long)dtype_load_int(y->type, element(y, flat)));
    if (dtype_is_float(y->type)) out_f(o, ", expected %.9g", x->value[p]);
    else out_f(o, ", expected %lld", (long long)x->ivalue[p]);
    if (e > 0) out_f(o, " within %.3g", e);
    if (isfinite(ratio) && ratio > 0) out_f(o, " (%.3g times the bound)", ratio);
    out_s(o, "\n");
}

typedef struct Pattern { int64_t zero, poison, nan, input[64]; int64_t last[ARRAY_RANK_MAX], first[ARRAY_RANK_MAX]; } Pattern;

static void gather(Pattern *w, const Kernel *k, const Array *y, const Expected *x, bool exact, const Array *inputs) {
    size_t bytes = (size_t)dtype_table[y->type].bytes;
    for (int64_t p = 0; p < x->n; p++) {
        if (compare_element(y, x, p, exact) <= 1) continue;
        int64_t flat = x->at ? x->at[p] : p, rest = flat;
        const void *at = element(y, flat);
        bool poison = is_poison(y, flat);
        w->poison += poison;
        if (dtype_is_float(y->type)) {
            double v = dtype_load_float(y->type, at);
            w->zero += v == 0;
            w->nan += isnan(v) && !poison;
        } else {
            w->zero += dtype_load_int(y->type, at) == 0;
        }
        for (int i = 0; i < k->params.n && i < 64; i++)
            w->input[i] += inputs[i].type == y->type && inputs[i].n == y->n && y->n > 1 && !memcmp(at, element(&inputs[i], flat), bytes);
        for (int i = y->rank - 1; i >= 0; i--) {
            int64_t at_i = rest % y->extent[i];
            rest /= y->extent[i];
            w->last[i] += at_i == y->extent[i] - 1;
            w->first[i] += at_i == 0;
        }
    }
}

static void hints(Out *o, const Kernel *k, const Array *y, const Comparison *c, const Pattern *w) {
    if (w->poison == c->bad) out_s(o, "  all wrong elements were never written\n");
    else if (w->poison) out_f(o, "  %lld of them were never written\n", (long long)w->poison);
    if (w->zero == c->bad && c->bad > 1) out_s(o, "  all wrong elements are 0\n");
    if (w->nan == c->bad && c->bad > 1) out_s(o, "  all wrong elements are nan\n");
    for (int i = 0; i < k->params.n && i < 64; i++)
        if (w->input[i] == c->bad && c->bad > 1) out_f(o, "  all wrong elements equal those of the input '%s'\n", k->params.at[i]->name);
    for (int i = 0; i < y->rank; i++) {
        if (y->extent[i] < 2) continue;
        if (w->last[i] == c->bad) out_f(o, "  all of them are at the end of axis %d (index %lld)\n", i, (long long)y->extent[i] - 1);
        if (w->first[i] == c->bad) out_f(o, "  all of them are at the start of axis %d\n", i);
    }
}

/* The source line of a span with a caret under it. */
static void caret(Out *o, Span at) {
    if (!at.src) return;
    Place p = source_place(at.src, at.lo);
    const char *line_at = at.src->text + at.src->line[p.line - 1];
    size_t n = strcspn(line_at, "\n"), width = at.hi > at.lo ? at.hi - at.lo : 1;
    if (width > n - (size_t)(p.column - 1)) width = n - (size_t)(p.column - 1);
    out_f(o, "%s:%d:%d: defined here\n%5d | %.*s\n      | %*s", at.src->path, p.line, p.column, p.line, (int)n, line_at, p.column - 1, "");
    out_s(o, "^");
    for (size_t i = 1; i < width; i++) out_s(o, "~");
    out_s(o, "\n");
}

static void statements(Out *o, const Kernel *k, const Tensor *t) {
    int shown = 0;
    for (int i = 0; i < k->stmts.n && shown < 3; i++)
        for (int j = 0; j < k->stmts.at[i]->targets.n; j++)
            if (k->stmts.at[i]->targets.at[j].tensor == t && shown++ < 3) caret(o, k->stmts.at[i]->span);
}

void explain_difference(Out *o, const Kernel *k, const Tensor *t, const Array *y, const Expected *x, const Comparison *c, bool exact,
                        const Array *inputs) {
    if (c->bad) {
        out_f(o, "'%s': %lld of %lld elements%s differ from the reference\n", t->name, (long long)c->bad, (long long)c->compared,
              x->at ? " compared" : "");
        for (int i = 0; i < c->n_shown; i++) line(o, t, y, x, c->shown[i], exact, i ? "" : "first");
        if (c->worst >= 0) line(o, t, y, x, c->worst, exact, "worst");
        Pattern w = {0};
        gather(&w, k, y, x, exact, inputs);
        hints(o, k, y, c, &w);
    }
    if (c->unwritten) out_f(o, "'%s': %lld elements were never written\n", t->name, (long long)c->unwritten);
    if (c->unequal) {
        out_f(o, "'%s': %lld elements differ between two calls on the same input, the first at ", t->name, (long long)c->unequal);
        index_text(o, y, c->first_unequal);
        out_s(o, " (read before it was written, or an order that changes)\n");
    }
    statements(o, k, t);
}
