#include "tool/testcase.h"
#include "tool/bind.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The runner's own sizes: none, one, primes, what lies around usual tiles, and large ones. */
static const int64_t sizes[] = {7, 1, 0, 33, 2048, 16, 2, 5, 17, 31, 1021, 64, 15, 3, 32, 65, 130};
enum { N_SIZES = sizeof sizes / sizeof *sizes, CASES_MAX = 400, WORK_MAX = 1 << 21 };

typedef VEC(int64_t) Sizes;

typedef struct Plan {
    Tool *t;
    const Kernel *k;
    const ATest *test;
    Sizes *of_dim;               /* by Dim.id: the values stated; n 0: none */
    TestCase base;               /* what all cases share */
    bool has_law;
} Plan;

static void fault(Plan *p, const ACase *c, const char *why) {
    if (p->base.why) return;
    Place at = source_place(c->span.src, c->span.lo);
    p->base.why = arena_printf(p->t->arena, "%s:%d:%d: %s", c->span.src->path, at.line, at.column, why);
}

/* A constant of a test block: a literal, perhaps with a minus. */
static bool constant(const AExpr *e, double *f, int64_t *i, bool *is_int) {
    if (!e) return false;
    if (e->kind == A_UNARY && e->op == AO_NEG && constant(e->args.at[0], f, i, is_int)) {
        *f = -*f;
        *i = (int64_t)(0 - (uint64_t)*i);
        return true;
    }
    *is_int = e->kind == A_INT || e->kind == A_BOOL;
    *i = e->i;
    *f = *is_int ? (double)e->i : e->f;
    return *is_int || e->kind == A_FLOAT;
}

static Dim *find_dim(const Kernel *k, Name name) {
    for (int i = 0; i < k->dims.n; i++)
        if (k->dims.at[i]->name == name) return k->dims.at[i];
    return NULL;
}

static int find_tensor(const Tensor *const *at, int n, Name name) {
    for (int i = 0; i < n; i++)
        if (at[i]->name == name) return i;
    return -1;
}

/* --- nested lists --- */

static const char *shape_of(const AData *d, int depth, Array *x) {
    if (!d->is_list) return depth == x->rank ? NULL : "lists of one depth, the rank of the array, are wanted";
    if (depth >= x->rank) return "the list is nested deeper than the array has axes";
    if (x->extent[depth] >= 0 && x->extent[depth] != d->items.n) return "the lists of one level have different lengths";
    x->extent[depth] = d->items.n;
    for (int i = 0; i < d->items.n; i++) {
        const char *why = shape_of(d->items.at[i], depth + 1, x);
        if (why) return why;
    }
    return NULL;
}

static const char *fill(const AData *d, const Array *x, int64_t *at) {
    if (d->is_list) {
        for (int i = 0; i < d->items.n; i++) {
            const char *why = fill(d->items.at[i], x, at);
            if (why) return why;
        }
        return NULL;
    }
    double f;
    int64_t i;
    bool is_int;
    if (!constant(d->value, &f, &i, &is_int)) return "only constants stand in the data of a test";
    const DTypeRow *row = &dtype_table[x->type];
    if (!dtype_is_float(x->type) && (!is_int || i < row->min || i > row->max)) return "a value does not fit the array's type";
    dtype_store(x->type, (char *)x->data + *at * row->bytes, f, i);
    ++*at;
    return NULL;
}

static const char *read_data(Arena *a, const AData *d, const Tensor *t, Array *x) {
    *x = (Array){.type = t->type, .rank = t->rank, .n = 1};
    if (t->rank > ARRAY_RANK_MAX) return "arrays of a test have at most 8 axes";
    for (int i = 0; i < t->rank; i++) x->extent[i] = -1;
    const char *why = shape_of(d, 0, x);
    for (int i = 0; i < t->rank; i++) {
        if (x->extent[i] < 0) x->extent[i] = 0;
        x->n *= x->extent[i];
    }
    x->data = arena_alloc(a, array_bytes(x) + 8);
    int64_t at = 0;
    return why ? why : fill(d, x, &at);
}

/* --- the cases of a block --- */

static void read_value(Plan *p, const ACase *c) {
    Dim *d = find_dim(p->k, c->name.text);
    double f;
    int64_t i;
    bool is_int;
    if (d) {
        if (c->data->is_list || !constant(c->data->value, &f, &i, &is_int) || !is_int || i < 0) fault(p, c, "a dim is an integer of 0 or more");
        else vec_push(p->t->arena, &p->of_dim[d->id], i);
        return;
    }
    int at = find_tensor((const Tensor *const *)p->k->params.at, p->k->params.n, c->name.text);
    if (at < 0) {
        fault(p, c, arena_printf(p->t->arena, "kernel '%s' has no dim or input '%s'", p->k->name, c->name.text));
        return;
    }
    const char *why = read_data(p->t->arena, c->data, p->k->params.at[at], &p->base.given[at]);
    if (!why) why = kernel_bind_dims(p->k, p->k->params.at[at], p->base.given[at].extent, p->base.dims, p->t->arena);
    if (why) fault(p, c, why);
}

static void read_set(Plan *p, const ACase *c) {
    Dim *d = find_dim(p->k, c->name.text);
    if (!d) {
        fault(p, c, arena_printf(p->t->arena, "kernel '%s' has no dim '%s'", p->k->name, c->name.text));
        return;
    }
    for (int v = 0; v < c->values.n; v++) {
        double f;
        int64_t i;
        bool is_int;
        if (!constant(c->values.at[v], &f, &i, &is_int) || !is_int || i < 0) fault(p, c, "a dim is an integer of 0 or more");
        else vec_push(p->t->arena, &p->of_dim[d->id], i);
    }
}

static void read_law(Plan *p, const ACase *c) {
    static const struct { const char *name; LawKind kind; int args; } laws[] = {
        {"normal", LAW_NORMAL, 2}, {"uniform", LAW_UNIFORM, 2}, {"ints", LAW_INTS, 2}, {"offsets", LAW_OFFSETS, 1}};
    int at = find_tensor((const Tensor *const *)p->k->params.at, p->k->params.n, c->name.text);
    if (at < 0) {
        fault(p, c, arena_printf(p->t->arena, "kernel '%s' has no input '%s'", p->k->name, c->name.text));
        return;
    }
    for (int l = 0; l < 4; l++) {
        if (strcmp(laws[l].name, c->law.text)) continue;
        double v[2] = {0, 0};
        int64_t i;
        bool is_int, good = c->values.n == laws[l].args;
        for (int j = 0; good && j < c->values.n; j++) good = constant(c->values.at[j], &v[j], &i, &is_int);
        if (!good) fault(p, c, arena_printf(p->t->arena, "%s takes %d constant%s", laws[l].name, laws[l].args, laws[l].args > 1 ? "s" : ""));
        p->base.laws[at] = (Law){laws[l].kind, v[0], v[1]};
        p->has_law = true;
        return;
    }
    fault(p, c, arena_printf(p->t->arena, "there is no law '%s'; there are normal, uniform, ints and offsets", c->law.text));
}

static void read_expect(Plan *p, const ACase *c) {
    int at = find_tensor((const Tensor *const *)p->k->outputs.at, p->k->outputs.n, c->name.text);
    const char *why = at < 0 ? arena_printf(p->t->arena, "kernel '%s' has no output '%s'", p->k->name, c->name.text)
                             : read_data(p->t->arena, c->data, p->k->outputs.at[at], &p->base.expect[at]);
    if (!why) why = kernel_bind_dims(p->k, p->k->outputs.at[at], p->base.expect[at].extent, p->base.dims, p->t->arena);
    if (why) fault(p, c, why);
}

static void read_block(Plan *p) {
    static void (*const read[])(Plan *, const ACase *) = {
        [AC_VALUE] = read_value, [AC_SET] = read_set, [AC_RANDOM] = read_law, [AC_EXPECT] = read_expect};
    /* Values first: results are read with what is known of dims. */
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < p->test->cases.n; i++)
            if ((p->test->cases.at[i].kind == AC_EXPECT) == (round == 1)) read[p->test->cases.at[i].kind](p, &p->test->cases.at[i]);
}

/* --shapes: N=1,2,3 for one dim, 1,2,3 for all that a test does not give. */
static void read_shapes(Plan *p, int dim, Sizes *to) {
    const NameTexts *s = &p->t->options->shapes;
    for (int i = 0; i < s->n; i++) {
        if (s->at[i].name && strcmp(s->at[i].name, p->k->dims.at[dim]->name)) continue;
        for (const char *c = s->at[i].text; *c;) {
            char *end;
            long long v = strtoll(c, &end, 10);
            if (end == c || v < 0) tool_die(STATUS_USAGE, "--shapes wants integers of 0 or more, not '%s'", s->at[i].text);
            vec_push(p->t->arena, to, (int64_t)v);
            c = end + (*end == ',');
        }
    }
}

/* --- combining --- */

static void push_case(Plan *p, TestCases *to, const int64_t *dims, Style style) {
    Arena *a = p->t->arena;
    TestCase c = p->base;
    c.dims = NEW_ARRAY(a, int64_t, p->k->dims.n + 1);
    memcpy(c.dims, dims, sizeof *dims * (size_t)p->k->dims.n);
    c.style = style;
    Out o = out_new(a);
    for (int i = 0; i < p->k->dims.n; i++) out_f(&o, "%s=%lld ", p->k->dims.at[i]->name, (long long)dims[i]);
    bool all_given = true;
    for (int i = 0; i < p->k->params.n; i++) all_given &= c.given[i].data != NULL;
    out_s(&o, all_given ? "given data" : p->has_law && style == STYLE_NORMAL ? "stated laws" : inputs_style_names[style]);
    c.name = o.text;
    vec_push(a, to, c);
}

/* An estimate of the work, so that lists of shapes do not make giants of many dims. */
static double volume(const int64_t *dims, int n) {
    double v = 1;
    for (int i = 0; i < n; i++) v *= dims[i] > 0 ? (double)dims[i] : 1;
    return v;
}

/* Makes dims that are ours small until the volume is, the largest last, and keeps them different. */
static void shrink(const Plan *p, int64_t *dims, int n) {
    for (int pass = 0; pass < 2; pass++) {
        int largest = 0;
        for (int i = 1; i < n; i++)
            if (dims[i] > dims[largest]) largest = i;
        for (int i = n - 1; i >= 0 && volume(dims, n) > WORK_MAX; i--) {
            if (p->base.dims[i] != DIM_UNKNOWN || p->of_dim[i].n || (pass == 0 && i == largest) || dims[i] < 2) continue;
            int64_t small = dims[i] % 4 + 2;
            for (int j = 0; j < n; j++)
                if (j != i && dims[j] == small) small++, j = -1;
            if (small < dims[i]) dims[i] = small;
        }
    }
}

static void styles(Plan *p, TestCases *to, const int64_t *dims, int round) {
    bool data = false;
    for (int i = 0; i < p->k->outputs.n; i++) data |= p->base.expect[i].data != NULL;
    push_case(p, to, dims, STYLE_NORMAL);
    if (data) return;
    push_case(p, to, dims, STYLE_INTEGERS);
    if (p->has_law || round) return;
    push_case(p, to, dims, STYLE_OFFSET);
    push_case(p, to, dims, STYLE_WIDE);
    push_case(p, to, dims, STYLE_POSITIVE);
}

/* All combinations of stated values; dims without any walk through the list, each beginning at another place. */
static void combine(Plan *p, TestCases *to) {
    const Kernel *k = p->k;
    int n = k->dims.n;
    int64_t dims[n + 1];
    int at[n + 1];
    bool open = false;
    memset(at, 0, sizeof at);
    for (int i = 0; i < n; i++) open |= p->base.dims[i] == DIM_UNKNOWN && !p->of_dim[i].n;
    int rounds = open ? N_SIZES : 1;
    for (;;) {
        for (int round = 0; round < rounds && to->n < CASES_MAX; round++) {
            for (int i = 0; i < n; i++) {
                dims[i] = p->base.dims[i] != DIM_UNKNOWN ? p->base.dims[i] : p->of_dim[i].n ? p->of_dim[i].at[at[i]] : sizes[(round + i * 4) % N_SIZES];
            }
            if (open) shrink(p, dims, n);
            styles(p, to, dims, round);
        }
        int i = n - 1;
        for (; i >= 0; i--) {
            if (p->base.dims[i] != DIM_UNKNOWN || !p->of_dim[i].n) continue;
            if (++at[i] < p->of_dim[i].n) break;
            at[i] = 0;
        }
        if (i < 0 || to->n >= CASES_MAX) break;
    }
}

TestCases testcase_all(Tool *t, const Kernel *k, const ATest *test) {
    Arena *a = t->arena;
    Plan p = {.t = t, .k = k, .test = test, .of_dim = NEW_ARRAY(a, Sizes, k->dims.n + 1)};
    p.base = (TestCase){.dims = NEW_ARRAY(a, int64_t, k->dims.n + 1), .laws = NEW_ARRAY(a, Law, k->params.n + 1),
                        .given = NEW_ARRAY(a, Array, k->params.n + 1), .expect = NEW_ARRAY(a, Array, k->outputs.n + 1)};
    for (int i = 0; i < k->dims.n; i++) p.base.dims[i] = DIM_UNKNOWN;
    if (test) {
        p.base.at = test->span;
        read_block(&p);
    }
    for (int i = 0; i < k->dims.n; i++)
        if (p.base.dims[i] == DIM_UNKNOWN && !p.of_dim[i].n) read_shapes(&p, i, &p.of_dim[i]);
    TestCases cases = {0};
    if (p.base.why) {
        p.base.name = "the test block";
        vec_push(a, &cases, p.base);
    } else {
        combine(&p, &cases);
    }
    return cases;
}
