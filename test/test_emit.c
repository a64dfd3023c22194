/* Kernels built by hand, emitted, compiled without a warning by gcc and clang, run, and compared with values worked out here. */
#include "dsl/kernel_build.h"
#include "emit/host_help.h"
#include "test/emit_run.h"
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* --- a kernel in the making ---------------------------------------------------------------------------------------------------- */

typedef struct Make { Arena *a; Kernel *k; } Make;
static const Span nowhere;

static void out_of_memory(void *context, const char *why) {
    (void)context;
    fprintf(stderr, "%s\n", why);
    abort();
}

static Make make(const char *name) {
    Arena *a = arena_new(0, out_of_memory, NULL);
    Make m = {a, NEW(a, Kernel)};
    m.k->name = name;
    return m;
}

static Expr *lit(Make *m, int64_t i) { return x_int(m->a, DT_I64, i, nowhere); }

static Expr *dim(Make *m, const char *name) {
    for (int i = 0; i < m->k->dims.n; i++)
        if (!strcmp(m->k->dims.at[i]->name, name)) return x_dim(m->a, m->k->dims.at[i], nowhere);
    Dim *d = NEW(m->a, Dim);
    *d = (Dim){name, m->k->dims.n, nowhere};
    vec_push(m->a, &m->k->dims, d);
    return x_dim(m->a, d, nowhere);
}

static Tensor *tensor(Make *m, TensorRole role, const char *name, DType type, int rank, Expr *x, Expr *y) {
    Tensor *t = NEW(m->a, Tensor);
    *t = (Tensor){.name = name, .id = m->k->tensors.n, .role = role, .type = type, .rank = rank, .shape = NEW_ARRAY(m->a, Expr *, 2)};
    t->shape[0] = x;
    t->shape[1] = y;
    vec_push(m->a, &m->k->tensors, t);
    if (role == TR_INPUT) vec_push(m->a, &m->k->params, t);
    if (role == TR_OUTPUT) vec_push(m->a, &m->k->outputs, t);
    return t;
}

static Index *idx(Make *m, const char *name, Expr *hi) {
    Index *i = NEW(m->a, Index);
    *i = (Index){name, m->k->n_indices++, lit(m, 0), hi, nowhere};
    return i;
}

static Expr *at(Make *m, Index *i) { return x_index(m->a, i, nowhere); }

static Expr *rd(Make *m, Tensor *t, Expr *x, Expr *y) {
    Expr *e = x_read(m->a, t, nowhere);
    if (x) vec_push(m->a, &e->args, x);
    if (y) vec_push(m->a, &e->args, y);
    return e;
}

static Expr *op(Make *m, Op o, Expr *x, Expr *y) { return x_op(m->a, o, x, y, NULL, nowhere); }

static Stmt *define(Make *m, Tensor *t, Index *i, Index *j, Expr *value) {
    Stmt *s = NEW(m->a, Stmt);
    s->id = m->k->stmts.n;
    s->value = value;
    Target target = {.tensor = t};
    if (i) vec_push(m->a, &target.subs, at(m, i));
    if (j) vec_push(m->a, &target.subs, at(m, j));
    if (i) vec_push(m->a, &s->idx, i);
    if (j) vec_push(m->a, &s->idx, j);
    vec_push(m->a, &s->targets, target);
    vec_push(m->a, &m->k->stmts, s);
    return s;
}

static Expr *reduce(Make *m, CombKind kind, DType acc, Index *i, Expr *operand) {
    Reduce *r = NEW(m->a, Reduce);
    r->comb = NEW(m->a, Comb);
    r->comb->kind = kind;
    r->comb->type = acc;
    if (i) vec_push(m->a, &r->idx, i);
    vec_push(m->a, &r->operands, operand);
    return x_reduce(m->a, r, kind == CK_ARGMAX || kind == CK_ARGMIN ? DT_I64 : acc, nowhere);
}

static void run(Make *m, void *const *tensors, const int64_t *dims, int want) {
    assert_int_equal(emit_load(m->k, m->a)(tensors, dims), want);
}

/* --- tests ------------------------------------------------------------------------------------------------------------------------ */

static void test_softmax(void **state) {
    (void)state;
    Make m = make("softmax");
    Expr *N = dim(&m, "N"), *D = dim(&m, "D");
    Tensor *x = tensor(&m, TR_INPUT, "x", DT_F32, 2, N, D), *y = tensor(&m, TR_OUTPUT, "y", DT_F32, 2, N, D);
    Tensor *mx = tensor(&m, TR_TEMP, "m", DT_F32, 1, N, NULL), *e = tensor(&m, TR_TEMP, "e", DT_F32, 2, N, D);
    Tensor *s = tensor(&m, TR_TEMP, "y.sum", DT_F32, 1, N, NULL);
    Index *n = idx(&m, "n", N), *d = idx(&m, "d", D);
    define(&m, mx, n, NULL, reduce(&m, CK_MAX, DT_F32, d, rd(&m, x, at(&m, n), at(&m, d))));
    n = idx(&m, "n", N), d = idx(&m, "d", D);
    define(&m, e, n, d, op(&m, OP_EXP, op(&m, OP_SUB, rd(&m, x, at(&m, n), at(&m, d)), rd(&m, mx, at(&m, n), NULL)), NULL));
    n = idx(&m, "n", N), d = idx(&m, "d", D);
    define(&m, s, n, NULL, reduce(&m, CK_SUM, DT_F32, d, rd(&m, e, at(&m, n), at(&m, d))));
    n = idx(&m, "n", N), d = idx(&m, "d", D);
    define(&m, y, n, d, op(&m, OP_DIV, rd(&m, e, at(&m, n), at(&m, d)), rd(&m, s, at(&m, n), NULL)));
    enum { ROWS = 7, COLUMNS = 37 };
    float in[ROWS * COLUMNS], out[ROWS * COLUMNS + 1];
    for (int i = 0; i < ROWS * COLUMNS; i++) in[i] = (float)((i * 37) % 101) / 8;
    out[ROWS * COLUMNS] = 77;
    run(&m, (void *[]){in, out}, (int64_t[]){ROWS, COLUMNS}, 0);
    for (int r = 0; r < ROWS; r++) {
        double sum = 0;
        for (int c = 0; c < COLUMNS; c++) sum += exp(in[r * COLUMNS + c]);
        for (int c = 0; c < COLUMNS; c++) {
            double want = exp(in[r * COLUMNS + c]) / sum;
            assert_true(fabs(out[r * COLUMNS + c] - want) < 4e-6 * want);
        }
    }
    assert_true(out[ROWS * COLUMNS] == 77);
    run(&m, (void *[]){in, out}, (int64_t[]){0, 5}, 0);
    arena_free(m.a);
}

typedef struct IntCase { Op op; int64_t a, b, want; } IntCase;
static const IntCase int_cases[] = {
    {OP_ADD, INT64_MAX, 1, INT64_MIN}, {OP_SUB, INT64_MIN, 1, INT64_MAX}, {OP_MUL, INT64_MAX, 2, -2}, {OP_NEG, INT64_MIN, 0, INT64_MIN},
    {OP_FLOORDIV, 7, 2, 3}, {OP_FLOORDIV, -7, 2, -4}, {OP_FLOORDIV, 7, -2, -4}, {OP_FLOORDIV, -7, -2, 3}, {OP_FLOORDIV, 5, 0, 0},
    {OP_FLOORDIV, INT64_MIN, -1, INT64_MIN}, {OP_FLOORDIV, -6, 3, -2}, {OP_MOD, 7, 3, 1}, {OP_MOD, -7, 3, 2}, {OP_MOD, 7, -3, -2},
    {OP_MOD, -7, -3, -1}, {OP_MOD, 9, 0, 9}, {OP_MOD, INT64_MIN, -1, 0}, {OP_MOD, -9, 3, 0}, {OP_SHL, 1, 65, 2}, {OP_SHL, 1, 63, INT64_MIN},
    {OP_SHR, -8, 1, -4}, {OP_SHR, -8, 64, -8}, {OP_ABS, INT64_MIN, 0, INT64_MIN}, {OP_ABS, -5, 0, 5}, {OP_SIGN, -5, 0, -1},
    {OP_MIN, -5, 4, -5}, {OP_MAX, -5, 4, 4}, {OP_BAND, 12, 10, 8}, {OP_BOR, 12, 10, 14}, {OP_BXOR, 12, 10, 6}, {OP_BNOT, 5, 0, -6},
};

static void test_integers(void **state) {
    (void)state;
    enum { CASES = sizeof int_cases / sizeof *int_cases };
    Make m = make("integers");
    Expr *one = lit(&m, 1);
    void *tensors[2 + CASES];
    int64_t a[CASES], out[CASES], b[CASES];
    Tensor *ta = tensor(&m, TR_INPUT, "a", DT_I64, 1, lit(&m, CASES), NULL), *tb = tensor(&m, TR_INPUT, "b", DT_I64, 1, lit(&m, CASES), NULL);
    for (int i = 0; i < CASES; i++) {
        Tensor *t = tensor(&m, TR_OUTPUT, arena_printf(m.a, "y%d", i), DT_I64, 1, one, NULL);
        Expr *x = rd(&m, ta, lit(&m, i), NULL), *y = rd(&m, tb, lit(&m, i), NULL);
        define(&m, t, idx(&m, "i", one), NULL, op(&m, int_cases[i].op, x, op_table[int_cases[i].op].arity > 1 ? y : NULL));
        a[i] = int_cases[i].a;
        b[i] = int_cases[i].b;
        out[i] = 0x5555;
        tensors[2 + i] = &out[i];
    }
    tensors[0] = a;
    tensors[1] = b;
    run(&m, tensors, NULL, 0);
    for (int i = 0; i < CASES; i++)
        if (out[i] != int_cases[i].want) fail_msg("%s of case %d gives %lld", op_table[int_cases[i].op].name, i, (long long)out[i]);
    arena_free(m.a);
}

/* All bits of a narrow float type go through f32 and back; and rounding agrees with dsl/dtype's. */
static void narrow(DType t) {
    Make m = make("narrow");
    Expr *N = dim(&m, "N"), *M = dim(&m, "M");
    Tensor *b = tensor(&m, TR_INPUT, "b", t, 1, N, NULL), *f = tensor(&m, TR_INPUT, "f", DT_F64, 1, M, NULL);
    Tensor *w = tensor(&m, TR_OUTPUT, "w", DT_F32, 1, N, NULL), *y = tensor(&m, TR_OUTPUT, "y", t, 1, M, NULL);
    Index *i = idx(&m, "i", N), *j = idx(&m, "j", M);
    define(&m, w, i, NULL, x_convert(m.a, DT_F32, rd(&m, b, at(&m, i), NULL), nowhere));
    define(&m, y, j, NULL, x_convert(m.a, t, rd(&m, f, at(&m, j), NULL), nowhere));
    int bytes = dtype_table[t].bytes, n = bytes == 2 ? 65536 : 256, k = 200000;
    uint8_t *bits = calloc((size_t)n, 2), *got = calloc((size_t)k, 2), want[2];
    double *in = calloc((size_t)k, sizeof *in);
    float *values = calloc((size_t)n, sizeof *values);
    for (int v = 0; v < n; v++) memcpy(bits + v * bytes, &v, (size_t)bytes);
    for (int v = 0; v < k; v++) {
        double base = dtype_load_float(t, bits + (v * 7919) % n * bytes);
        double next = dtype_load_float(t, bits + ((v * 7919) % n + 1) % n * bytes);
        in[v] = v % 5 == 0 ? base : v % 5 == 1 ? (base + next) / 2 : v % 5 == 2 ? nextafter((base + next) / 2, base) : base * (1 + v * 1e-6);
        if (v < 64) in[v] = ldexp(1.0 + v * 0.001, (v - 32) * 33);
    }
    run(&m, (void *[]){bits, in, values, got}, (int64_t[]){n, k}, 0);
    for (int v = 0; v < n; v++) {
        double right = dtype_load_float(t, bits + v * bytes);
        assert_true(right != right ? values[v] != values[v] : right == values[v] && !signbit(right) == !signbit(values[v]));
    }
    for (int v = 0; v < k; v++) {
        dtype_store(t, want, in[v], 0);
        bool nan = isnan(dtype_load_float(t, want)) && isnan(dtype_load_float(t, got + v * bytes));
        if (!nan && memcmp(want, got + v * bytes, (size_t)bytes)) fail_msg("%s of %a: %02x%02x", dtype_name(t), in[v], got[v * bytes + 1], got[v * bytes]);
    }
    free(bits), free(got), free(in), free(values);
    arena_free(m.a);
}

static void test_narrow(void **state) {
    (void)state;
    narrow(DT_F16);
    narrow(DT_BF16);
    narrow(DT_F8E4M3);
    narrow(DT_F8E5M2);
}

/* Each kind of reduction over rows of 0, 1 and 37 elements. */
static void test_reductions(void **state) {
    (void)state;
    static const CombKind kinds[] = {CK_SUM, CK_PROD, CK_MAX, CK_MIN, CK_MEAN, CK_ARGMAX, CK_ARGMIN};
    enum { KINDS = sizeof kinds / sizeof *kinds, D = 37 };
    Make m = make("reductions");
    Expr *N = dim(&m, "N");
    Tensor *x = tensor(&m, TR_INPUT, "x", DT_F32, 1, N, NULL);
    void *tensors[1 + KINDS];
    union { float f; int64_t i; } out[KINDS];
    for (int k = 0; k < KINDS; k++) {
        bool arg = kinds[k] == CK_ARGMAX || kinds[k] == CK_ARGMIN;
        Tensor *t = tensor(&m, TR_OUTPUT, arena_printf(m.a, "y%d", k), arg ? DT_I64 : DT_F32, 0, NULL, NULL);
        Index *d = idx(&m, "d", N);
        define(&m, t, NULL, NULL, reduce(&m, kinds[k], DT_F32, d, rd(&m, x, at(&m, d), NULL)));
        tensors[1 + k] = &out[k];
    }
    float in[D];
    for (int i = 0; i < D; i++) in[i] = i % 2 ? 1.0f : 0.5f;
    in[11] = 8, in[13] = 8, in[20] = -2, in[30] = -2;
    tensors[0] = in;
    KnyfeCall *f = emit_load(m.k, m.a);
#define F(n) out[n].f
#define I(n) out[n].i
    assert_int_equal(f(tensors, (int64_t[]){D}), 0);
    assert_true(F(0) == 17 * 1.0f + 17 * 0.5f + 16 - 1 - 4 + 0.5f - 1 + 0.5f);
    assert_true(F(2) == 8 && F(3) == -2 && F(4) == F(0) / D);
    assert_true(I(5) == 11 && I(6) == 20);
    in[5] = NAN;
    assert_int_equal(f(tensors, (int64_t[]){D}), 0);
    assert_true(isnan(F(0)) && isnan(F(1)) && isnan(F(2)) && isnan(F(3)) && isnan(F(4)) && I(5) == 5 && I(6) == 5);
    in[0] = -0.0f, in[1] = 0.0f;
    assert_int_equal(f(tensors, (int64_t[]){2}), 0);
    assert_true(!signbit(F(0)) && !signbit(F(2)) && signbit(F(3)));
    assert_int_equal(f(tensors, (int64_t[]){0}), 0);
    assert_true(F(0) == 0 && !signbit(F(0)) && F(1) == 1 && F(2) == -INFINITY && F(3) == INFINITY && isnan(F(4)) && I(5) == -1 && I(6) == -1);
    arena_free(m.a);
}

/* A reduction under a guard may read only where the guard holds: the other rows' offsets lead far outside. */
static void test_guarded(void **state) {
    (void)state;
    Make m = make("guarded");
    Expr *N = dim(&m, "N"), *L = dim(&m, "L");
    Tensor *off = tensor(&m, TR_INPUT, "off", DT_I64, 1, N, NULL), *x = tensor(&m, TR_INPUT, "x", DT_F32, 1, L, NULL);
    Tensor *y = tensor(&m, TR_OUTPUT, "y", DT_F32, 1, N, NULL);
    Index *n = idx(&m, "n", N), *l = idx(&m, "l", lit(&m, 2));
    Expr *sum = reduce(&m, CK_SUM, DT_F32, l, rd(&m, x, op(&m, OP_ADD, rd(&m, off, at(&m, n), NULL), at(&m, l)), NULL));
    Expr *good = op(&m, OP_GE, rd(&m, off, at(&m, n), NULL), lit(&m, 0));
    define(&m, y, n, NULL, x_if(m.a, good, op(&m, OP_MUL, sum, x_float(m.a, DT_F32, 2, nowhere)), x_float(m.a, DT_F32, -1, nowhere), nowhere));
    int64_t o[4] = {0, -(INT64_C(1) << 50), 1, -9};
    float in[3] = {1, 10, 100}, out[4];
    run(&m, (void *[]){o, in, out}, (int64_t[]){4, 3}, 0);
    assert_true(out[0] == 22 && out[1] == -1 && out[2] == 220 && out[3] == -1);
    arena_free(m.a);
}

static void test_scan(void **state) {
    (void)state;
    Make m = make("scan");
    Expr *N = dim(&m, "N");
    Tensor *x = tensor(&m, TR_INPUT, "x", DT_F32, 1, N, NULL);
    float in[5] = {1, 2, 3, 4, 5}, out[4][5];
    for (int k = 0; k < 4; k++) {
        Tensor *y = tensor(&m, TR_OUTPUT, arena_printf(m.a, "y%d", k), DT_F32, 1, N, NULL);
        Index *d = idx(&m, "d", N), *e = idx(&m, "e", N);
        Expr *r = reduce(&m, CK_SUM, DT_F32, e, rd(&m, x, at(&m, e), NULL));
        r->reduce->scan = (ScanRel[]){SCAN_LT, SCAN_LE, SCAN_GT, SCAN_GE}[k];
        r->reduce->along = d;
        define(&m, y, d, NULL, r);
    }
    run(&m, (void *[]){in, out[0], out[1], out[2], out[3]}, (int64_t[]){5}, 0);
    static const float want[4][5] = {{0, 1, 3, 6, 10}, {1, 3, 6, 10, 15}, {14, 12, 9, 5, 0}, {15, 14, 12, 9, 5}};
    assert_memory_equal(out, want, sizeof want);
    arena_free(m.a);
}

static void test_facts(void **state) {
    (void)state;
    Make m = make("facts");
    Expr *L = dim(&m, "L"), *V = dim(&m, "V");
    Tensor *id = tensor(&m, TR_INPUT, "id", DT_I32, 1, L, NULL), *table = tensor(&m, TR_INPUT, "table", DT_F32, 1, V, NULL);
    Tensor *y = tensor(&m, TR_OUTPUT, "y", DT_F32, 1, L, NULL);
    Index *l = idx(&m, "l", L);
    Expr *i = x_convert(m.a, DT_I64, rd(&m, id, at(&m, l), NULL), nowhere);
    define(&m, y, l, NULL, rd(&m, table, i, NULL));
    Index *p = idx(&m, "l", L);
    Expr *j = x_convert(m.a, DT_I64, rd(&m, id, at(&m, p), NULL), nowhere);
    Fact positive = {FACT_WHERE, 1, {0}, op(&m, OP_GE, V, lit(&m, 1)), "V >= \"1\"", nowhere};
    Fact inside = {FACT_RANGE, 2, {0}, op(&m, OP_AND, op(&m, OP_LE, lit(&m, 0), j), op(&m, OP_LT, j, V)), "id[l] in 0..V", nowhere};
    vec_push(m.a, &inside.idx, p);
    vec_push(m.a, &m.k->facts, positive);
    vec_push(m.a, &m.k->facts, inside);
    int32_t ids[3] = {2, 0, 1};
    float t[3] = {5, 6, 7}, out[3] = {9, 9, 9};
    KnyfeCall *f = emit_load(m.k, m.a);
    assert_int_equal(f((void *[]){ids, t, out}, (int64_t[]){3, 0}), 1);
    ids[2] = 3;
    assert_int_equal(f((void *[]){ids, t, out}, (int64_t[]){3, 3}), 2);
    assert_true(out[0] == 9 && out[1] == 9 && out[2] == 9);
    ids[2] = 1;
    assert_int_equal(f((void *[]){ids, t, out}, (int64_t[]){3, 3}), 0);
    assert_true(out[0] == 7 && out[1] == 5 && out[2] == 6);
    arena_free(m.a);
}

/* A temporary larger than memory: -1, nothing written. */
static void test_memory(void **state) {
    (void)state;
    Make m = make("memory");
    Expr *N = dim(&m, "N"), *B = dim(&m, "B");
    Tensor *y = tensor(&m, TR_OUTPUT, "y", DT_F32, 1, N, NULL), *t = tensor(&m, TR_TEMP, "t", DT_F32, 2, B, B);
    Index *i = idx(&m, "i", N), *j = idx(&m, "j", N), *k = idx(&m, "k", N);
    define(&m, t, i, j, x_float(m.a, DT_F32, 1, nowhere));
    define(&m, y, k, NULL, rd(&m, t, at(&m, k), at(&m, k)));
    float out[1] = {9};
    KnyfeCall *f = emit_load(m.k, m.a);
    assert_int_equal(f((void *[]){out}, (int64_t[]){INT64_C(1) << 62, INT64_C(1) << 62}), -1);
    assert_true(out[0] == 9);
    assert_int_equal(f((void *[]){out}, (int64_t[]){1, 1}), 0);
    assert_true(out[0] == 1);
    arena_free(m.a);
}

/* Names that C gives other meanings. */
static void test_names(void **state) {
    (void)state;
    static const char *const names[] = {"int", "main", "I", "exp", "y1", "index", "knf_exp", "_Bool", "NAN", "a.b", "a_b", "acc", "l",
                                        "malloc", "expf", "bool", "linux", "memcpy", "M_PI", "INT64_MAX", "kernel_facts"};
    enum { NAMES = sizeof names / sizeof *names };
    Make m = make("kernel");
    Expr *N = dim(&m, "double");
    Tensor *x = tensor(&m, TR_INPUT, "x", DT_F32, 1, N, NULL);
    void *tensors[1 + NAMES];
    float in[3] = {0, 1, 2}, out[NAMES][3];
    tensors[0] = in;
    for (int k = 0; k < NAMES; k++) {
        Tensor *y = tensor(&m, TR_OUTPUT, names[k], DT_F32, 1, N, NULL);
        Index *i = idx(&m, names[(k + 1) % NAMES], N), *j = idx(&m, names[(k + 1) % NAMES], N);
        Expr *sum = reduce(&m, CK_SUM, DT_F32, j, op(&m, OP_EXP, rd(&m, x, at(&m, j), NULL), NULL));
        define(&m, y, i, NULL, op(&m, OP_ADD, op(&m, OP_POW, rd(&m, x, at(&m, i), NULL), x_float(m.a, DT_F32, 2, nowhere)), sum));
        tensors[1 + k] = out[k];
    }
    run(&m, tensors, (int64_t[]){3}, 0);
    for (int k = 0; k < NAMES; k++) assert_true(fabs(out[k][2] - (4 + 1 + exp(1) + exp(2))) < 1e-5);
    static const char *const kernels[][2] = {{"exp", "int exp_("}, {"main", "int main_("}, {"int", "int int_("}, {"softmax", "int softmax("}};
    for (int k = 0; k < 4; k++) {
        m.k->name = kernels[k][0];
        assert_non_null(strstr(emit_text(m.k, m.a), kernels[k][1]));
        run(&m, tensors, (int64_t[]){3}, 0);
    }
    arena_free(m.a);
}

/* The table's functions, all in one file, are good C without a warning. */
static void test_helpers(void **state) {
    (void)state;
    Make m = make("helpers");
    Out o = out_new(m.a);
    out_s(&o, "#include <math.h>\n#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdlib.h>\n#include <string.h>\n");
    HostUses all = host_uses_new(m.a);
    host_use_all(&all);
    out_s(&o, "#pragma GCC diagnostic ignored \"-Wpsabi\"\n");
    CPrint p = {m.a, &o};
    host_helpers_print(&p, &all);
    emit_compile(o.text, NULL, "-Wno-unused-function -Wno-unused-const-variable");
    arena_free(m.a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_helpers),  cmocka_unit_test(test_softmax), cmocka_unit_test(test_integers), cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_reductions), cmocka_unit_test(test_guarded), cmocka_unit_test(test_scan), cmocka_unit_test(test_facts),
        cmocka_unit_test(test_memory), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
