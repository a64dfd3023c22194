/* Programs as files: what the compiler and the loader refuse, what a child process ends, and that cycles depend on nothing but the
 * program, the machine and the tensors. Machine files: what is refused, and that other grids work. */
#include "sim/harness.h"
#include "sim/report.h"
#include <jansson.h>
#include <unistd.h>

static const SimCompiler gcc = {"cc", "-O1", SOURCE "/include", NULL, NULL};

typedef struct Loaded { SimProgram p; SimTensor tensor[PE_TENSORS]; SimConfig c; } Loaded;

/* Loads a program and makes its tensors; dims in order. */
static void load(Arena *a, Loaded *l, const char *path, SimCompiler cc, const SimMachine *m, const int64_t *dims) {
    const char *why = NULL;
    bool environment;
    memset(l, 0, sizeof *l);
    if (!sim_program_load(&l->p, path, cc, a, &why, &environment)) fail_msg("%s: %s", path, why);
    l->c = (SimConfig){.machine = m, .program = l->p.table, .tensor = l->tensor, .n_tensors = l->p.n_tensors};
    for (int i = 0; i < l->p.n_dims; i++) l->c.dim[i] = dims[i];
    for (int i = 0; i < l->p.n_scalars; i++) l->c.scalar[i] = 0.5;
    if (!sim_program_shapes(&l->p, l->c.dim, l->tensor, a, &why)) fail_msg("%s: %s", path, why);
    for (int i = 0; i < l->p.n_tensors; i++) {
        l->tensor[i].data = sim_share(l->tensor[i].bytes);
        if (l->tensor[i].role == PE_IN && !sim_program_fill(&l->p, i, &l->tensor[i], l->c.dim, 7, a, &why)) fail_msg("%s", why);
    }
}

static void unload(Loaded *l) {
    for (int i = 0; i < l->p.n_tensors; i++) sim_unshare(l->tensor[i].data, l->tensor[i].bytes);
    sim_program_close(&l->p);
}

static const char *path_of(Arena *a, const char *name) { return arena_printf(a, "%s/%s", SOURCE, name); }

static const struct { const char *path; int64_t dims[5]; } kernels[] = {
    {"examples/handwritten/stream.c", {70000}},          {"examples/handwritten/matmul.c", {130, 70, 200}},   {"examples/handwritten/matmul_i8.c", {65, 129, 300}},
    {"examples/handwritten/softmax.c", {70, 300}},       {"examples/handwritten/softmax_f32.c", {3, 9000}},   {"examples/handwritten/transpose.c", {131, 300}},
    {"examples/handwritten/fc.c", {70, 130, 700}},       {"examples/handwritten/embedding_bag.c", {70, 33, 900, 50}},
    {"examples/handwritten/attention.c", {2, 70, 300, 20, 33}}, {"examples/handwritten/tanh.c", {9001}}, {"examples/handwritten/concat.c", {30, 70, 5000}}, {"examples/handwritten/matmul_dynamic.c", {70, 65, 300}},
};
enum { N_KERNELS = sizeof kernels / sizeof *kernels };

static uint64_t hash_outputs(const Loaded *l) {
    uint64_t h = 14695981039346656037u;
    for (int i = 0; i < l->p.n_tensors; i++)
        for (int64_t b = 0; l->tensor[i].role == PE_OUT && b < l->tensor[i].bytes; b++) h = (h ^ ((unsigned char *)l->tensor[i].data)[b]) * 1099511628211u;
    return h;
}

/* The same cycles twice, with floating-point results left out, without checks, in a child, and from other compilations. */
static void test_same_cycles(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1"), m2 = harness_machine(a, "mtia2");
    static SimReport r, s;
    bool clang = !system("clang --version > /dev/null 2>&1");
    for (int k = 0; k < N_KERNELS; k++) {
        Loaded l;
        load(a, &l, path_of(a, kernels[k].path), gcc, k % 2 ? &m : &m2, kernels[k].dims);
        sim_run(&l.c, &r);
        if (r.fault.kind) fail_msg("%s:%d: %s", kernels[k].path, r.fault.line, r.fault.text);
        uint64_t h = hash_outputs(&l);
        assert_true(r.ticks > 0);
        sim_run(&l.c, &s);
        assert_int_equal(r.ticks, s.ticks);
        assert_true(h == hash_outputs(&l));
        sim_run_child(&l.c, 60, (int64_t)4 << 30, &s);
        assert_int_equal(r.ticks, s.ticks);
        l.c.unchecked = true;
        sim_run(&l.c, &s);
        assert_int_equal(r.ticks, s.ticks);
        l.c.timing = true;
        sim_run(&l.c, &s);
        assert_int_equal(s.fault.kind, SIM_OK);
        assert_int_equal(r.ticks, s.ticks);
        assert_memory_equal(r.time, s.time, sizeof r.time);
        unload(&l);
        SimCompiler other = {clang && k % 3 == 0 ? "clang" : "cc", k % 2 ? "-O0" : "-O3", gcc.include};
        load(a, &l, path_of(a, kernels[k].path), other, k % 2 ? &m : &m2, kernels[k].dims);
        sim_run(&l.c, &s);
        assert_int_equal(r.ticks, s.ticks);
        assert_true(h == hash_outputs(&l));
        unload(&l);
    }
    arena_free(a);
}

static const char *write_program(Arena *a, const char *body) {
    char *path = arena_printf(a, "/tmp/knyfe-test-XXXXXX.c");
    int fd = mkstemps(path, 2);
    assert_true(fd >= 0);
    const char *text = arena_printf(a, "#include \"knyfe/pe.h\"\n%s\n", body);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

#define TABLE "const PeProgram pe_program = {.version = PE_VERSION, .name = \"p\", .core = {f}};\n"

/* What does not become a program; the right twin of each does. */
static void test_refused(void **state) {
    (void)state;
    static const struct { const char *body, *says; } cases[] = {
        {"static void f(PE *pe) { pe_ops(pe, 1); }\n" TABLE, NULL},
        {"int count; static void f(PE *pe) { count++; pe_ops(pe, 1); }\n" TABLE, "global variable"},
        {"static int count = 3; static void f(PE *pe) { pe_ops(pe, count++); }\n" TABLE, "global variable"},
        {"static void f(PE *pe) { static int once; pe_ops(pe, once++); }\n" TABLE, "global variable"},
        {"static _Thread_local int t; static void f(PE *pe) { pe_ops(pe, t++); }\n" TABLE, "global variable"},
        {"static const int ten[] = {10, 20}; static void f(PE *pe) { pe_ops(pe, ten[pe_col(pe) & 1]); }\n" TABLE, NULL},
        {"long *malloc(unsigned long); static void f(PE *pe) { pe_ops(pe, malloc(3) != 0); }\n" TABLE, "'malloc', which no PE has"},
        {"float expf(float); static void f(PE *pe) { pe_ops(pe, (int)expf((float)pe_col(pe))); }\n" TABLE, "'expf', which no PE has"},
        {"static void f(PE *pe) { pe_f32 a = pe_splat(pe, 1); a = a + a; pe_st_f32(pe, 0, 0, 16, a); }\n" TABLE, "invalid operands"},
        {"static void f(PE *pe) { pe_f32 a = pe_splat(pe, 1); a = pe_add(pe, a, a); pe_st_f32(pe, 0, 0, 16, a); }\n" TABLE, NULL},
        {"static void f(PE *pe) { pe_i32 a = pe_splat_i32(pe, 1), b = a * a; pe_st_i32(pe, 0, 0, 16, b); }\n" TABLE, "invalid operands"},
        {"static void f(PE *pe) { pe_f32 a = pe_splat(pe, 1); if (a < a) pe_ops(pe, 1); }\n" TABLE, "invalid operands"},
        /* ways to the bytes of a vector or of a PE that C has; each names its line */
#define LANES(text) "static void f(PE *pe) { pe_f32 v = pe_splat(pe, 1); float x[16]; (void)x;\n" text "\npe_st_f32(pe, 0, 0, 16, v); }\n" TABLE
        {LANES("__builtin_memcpy(x, &v, 64);"), ".c:3:"},
        {LANES("(memcpy)(x, &v, 64);"), ".c:3:"},
        {LANES("union { pe_f32 v; float x[16]; } u = {v}; x[0] = u.x[0];"), ".c:3:"},
        {LANES("float *p = (float *)&v; x[0] = p[0];"), ".c:3: error: a cast to a pointer"},
        {LANES("void *p = &v; float *q = p; x[0] = q[0];"), ".c:3: error: 'void *'"},
        {LANES("void const *p = &v; (void)p;"), ".c:3: error: 'void *'"},
        {LANES("float *p = &v; x[0] = p[0];"), "incompatible"},
        {LANES("x[0] = (*(float (*)[16])&v)[0];"), ".c:3: error: '(*)'"},
        {LANES("struct { float x[16]; } *p = (__typeof__(p))&v; x[0] = p->x[0];"), ".c:3: error: '__typeof__'"},
        {LANES("typedef float *F; x[0] = *(F)&v;"), ".c:3: error: a pointer in a typedef"},
        {LANES("asm(\"\" : \"+m\"(v));"), ".c:3: error: 'asm'"},
        {LANES("x[0] = v.pe_hidden_lanes[0];"), ".c:3:"},
        {LANES("x[0] = pe->buf[0].base[0];"), "no member named"},
        {LANES("pe->vector = 0;"), "no member named"},
        {LANES("pe->pe_hidden_vector = 0;"), ".c:3:"},
        {LANES("__builtin_va_list a; (void)a;"), ".c:3: error: '__builtin_va_list'"},
        {LANES("int64_t a = (int64_t)&v; float *p = a; x[0] = *p;"), "int"},
        {LANES("float (*g)(); g = 0; (void)g;"), "prototype"},
        {"#include <string.h>\n" LANES("x[0] = 0;"), "poisoned"},
        {"#include <math.h>\n" LANES("x[0] = 0;"), "no C library"},
        {"#line 7 \"x.c\"\n" LANES("x[0] = 0;"), "#line"},
        {"#define PE_INSIDE\n" LANES("pe_mul(pe, v, v).lanes;"), "no member named"},
        {LANES("x[0] = 2 * x[1] * (x[2]) * x[3] & 1;"), "invalid operands"},
        {LANES("int64_t a = 2, b[2] = {a * a}; int64_t *p = b; *p = (a) * *p; pe_ops(pe, (int)*p);"), NULL},
        {"typedef struct Work { int64_t n; } Work; static void g(PE *, Work *); static void g(PE *pe, Work *w) { pe_ops(pe, (int)w->n); }\n" LANES("Work w = {3}; g(pe, &w); void (*h)(PE *, Work *) = g; h(pe, &w);"), NULL},
#undef LANES
        {"static void f(PE *pe) { pe_ops(pe, 1) }\n" TABLE, "expected"},
        {"static void f(PE *pe) { pe_ops(pe, 1); }\nvoid (*keep)(PE *) = f;\n", "global variable"},
        {"void f(PE *pe) { pe_ops(pe, 1); }\n", "no table"},
        {"static void f(PE *pe) { pe_ops(pe, 1); }\nconst PeProgram pe_program = {.version = 99, .core = {f}};\n", "version 99"},
    };
    Arena *a = arena_new(0, harness_oom, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *path = write_program(a, cases[i].body), *why = "";
        SimProgram p;
        bool environment, ok = sim_program_load(&p, path, gcc, a, &why, &environment);
        unlink(path);
        if (ok) sim_program_close(&p);
        if (ok != !cases[i].says || (cases[i].says && !strstr(why, cases[i].says))) fail_msg("case %d: %s", (int)i, why);
        assert_false(environment && ok);
    }
    SimProgram p;
    const char *why;
    bool environment = false;
    SimCompiler none = {"no-such-compiler", "-O2", gcc.include};
    assert_false(sim_program_load(&p, path_of(a, kernels[0].path), none, a, &why, &environment));
    assert_true(environment);
    arena_free(a);
}

/* What only a child process survives. */
static void test_child(void **state) {
    (void)state;
    static const struct { const char *body; SimFaultKind kind; } cases[] = {
        {"static void f(PE *pe) { if (pe_id(pe) == 5) { pe_fence(pe, PE_SE); for (volatile int i = 0; ; i = i + 1) continue; } }\n" TABLE, SIM_F_ENDLESS},
        {"static void f(PE *pe) { volatile int *nowhere = 0; pe_fence(pe, PE_SE); nowhere[2] = pe_col(pe); }\n" TABLE, SIM_F_CRASH},
        {"static int g(PE *pe, volatile int *n) { volatile int x[100]; x[0] = *n; return x[0] < 0 ? 0 : g(pe, x) + x[1]; }\n"
         "static void f(PE *pe) { volatile int n = 1; pe_fence(pe, PE_SE); pe_ops(pe, g(pe, &n)); }\n" TABLE, SIM_F_CRASH},
        {"static void f(PE *pe) { pe_fence(pe, PE_SE); }\n" TABLE, SIM_OK},
    };
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    static SimReport r;
    for (int i = 0; i < 4; i++) {
        Loaded l;
        const char *path = write_program(a, cases[i].body);
        SimCompiler o1 = {"cc", "-O1", gcc.include};
        load(a, &l, path, o1, &m, NULL);
        unlink(path);
        sim_run_child(&l.c, 1, 0, &r);
        if (r.fault.kind != cases[i].kind) fail_msg("case %d: %s: %s", i, sim_fault_names[r.fault.kind], r.fault.text);
        if (r.fault.kind) assert_int_equal(r.fault.line, i == 2 ? 3 : 2);
        if (i == 0) assert_int_equal(r.fault.col, 5);
        unload(&l);
    }
    arena_free(a);
}

/* A text with one piece replaced. */
static char *replaced(Arena *a, const char *text, const char *from, const char *to) {
    const char *at = strstr(text, from);
    assert_non_null(at);
    return arena_printf(a, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

static void test_machines(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    const char *why, *said;
    const char *text = source_read(a, arena_printf(a, "%s/mtia1.knf", MACHINES), &why)->text;
    static const struct { const char *from, *to, *says; } cases[] = {
        {"size 128 KiB", "sise 128 KiB", "did you mean 'size'"}, {"size 128 KiB", "size -1 KiB", "error"}, {"size 128 KiB", "size 0 KiB", "whole number from"},
        {"size 128 KiB", "size 128 cycles", "in bytes"}, {"grid 8, 8", "grid 8", "takes 2 values"}, {"grid 8, 8", "grid 0, 8", "from 1 to"}, {"grid 8, 8", "grid 8, 2.5", "whole number"},
        {"clock 0.8 GHz", "clock 0.8 KiB", "frequency"}, {"latency 60 cycles", "latency 60 KiB", "expected a time"}, {"latency 60 cycles", "latency yes", "is a number"},
        {"link 64 B/cycle", "link 64 B", "expected a rate"}, {"link 64 B/cycle", "link 0 B/cycle", "above 0"}, {"hash xor", "hash maybe", "'xor' or 'none'"},
        {"banks 64  ", "banks 63  ", "power of two"}, {"ports 32", "ports 33", "32 outer sides"}, {"memory sram {", "memory srm {", "no part of a machine"},
        {"f16 512 mac/cycle", "f17 512 mac/cycle", "expected a type"}, {"hop 3 cycles", "hop 3 cycles \"x\"\n hop 4 cycles", "given twice"},
        {"    launch 0 cycles", "    # launch 0 cycles", "does not give 'launch'"}, {"row 2 KiB", "row 512 B", "must hold one interleave"},
    };
    SimMachine m;
    assert_int_equal(harness_machine_text(a, text, &m, &said), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int n = harness_machine_text(a, replaced(a, text, cases[i].from, cases[i].to), &m, &said);
        if (!n || !strstr(said, cases[i].says)) fail_msg("%s -> %s: %s", cases[i].from, cases[i].to, said);
        assert_non_null(strstr(said, "m.knf:"));
    }
    arena_free(a);
}

/* Programs for any grid: a 4x4 one with 64 KiB, a 16x16 one, one of 3 x 5, a single PE. */
static void test_other_grids(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    const char *why, *said;
    const char *text = source_read(a, arena_printf(a, "%s/mtia1.knf", MACHINES), &why)->text;
    static const char *const grids[][3] = {{"grid 4, 4", "ports 16", "size 64 KiB"}, {"grid 16, 16", "ports 64", "size 128 KiB"}, {"grid 3, 5", "ports 16", "size 300 KiB"}, {"grid 1, 1", "ports 4", "size 128 KiB"}};
    static SimReport r;
    for (int g = 0; g < 4; g++) {
        SimMachine m;
        const char *t = replaced(a, replaced(a, replaced(a, text, "grid 8, 8", grids[g][0]), "ports 32", grids[g][1]), "size 128 KiB", grids[g][2]);
        if (harness_machine_text(a, t, &m, &said)) fail_msg("%s", said);
        for (int k = 0; k < N_KERNELS; k++) {
            Loaded l;
            if (g && k != 0 && k != 1 && k != 5 && k != 11) continue;
            load(a, &l, path_of(a, kernels[k].path), gcc, &m, kernels[k].dims);
            sim_run(&l.c, &r);
            bool fits = r.local_used <= m.local.size && r.fault.kind != SIM_F_LOCAL;
            if (r.fault.kind && fits) fail_msg("%s on %s: line %d: %s", kernels[k].path, grids[g][0], r.fault.line, r.fault.text);
            if (!g && !fits) assert_non_null(strstr(r.fault.text, "local memory has"));
            unload(&l);
        }
    }
    arena_free(a);
}

static void test_reports(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia2");
    Loaded l;
    static SimReport r;
    load(a, &l, path_of(a, kernels[1].path), gcc, &m, kernels[1].dims);
    l.c.trace = sim_share(sizeof(SimTrace) + 100000 * sizeof(SimSpan));
    l.c.trace->max = 100000;
    sim_run(&l.c, &r);
    Out o = out_new(a);
    json_error_t e;
    sim_report_json(&o, &l.c, &r, ", \"x\": 1");
    json_t *j = json_loads(o.text, 0, &e);
    if (!j) fail_msg("%s", e.text);
    assert_int_equal(json_integer_value(json_object_get(j, "cycles")), sim_cycles(r.ticks));
    assert_int_equal(json_integer_value(json_object_get(j, "macs")), 130 * 70 * 200);
    json_decref(j);
    o = out_new(a);
    sim_report_trace(&o, &l.c);
    j = json_loads(o.text, 0, &e);
    if (!j) fail_msg("%s", e.text);
    json_t *events = json_object_get(j, "traceEvents");
    double dpe = 0, us = 1e6 / m.hz / SIM_TICK;
    int64_t held = 0, last[64] = {0};
    for (size_t i = 0; i < json_array_size(events); i++) {
        json_t *x = json_array_get(events, i);
        if (!strcmp(json_string_value(json_object_get(x, "ph")), "C")) {
            int64_t bytes = json_integer_value(json_object_get(json_object_get(x, "args"), "bytes"));
            last[json_integer_value(json_object_get(x, "pid"))] = bytes;
            if (held < bytes) held = bytes;
        }
        if (strcmp(json_string_value(json_object_get(x, "ph")), "X")) continue;
        assert_true(json_number_value(json_object_get(x, "dur")) > 0);
        if (json_integer_value(json_object_get(x, "tid")) == PE_DPE) dpe += json_number_value(json_object_get(x, "dur"));
    }
    assert_true(dpe > 0 && dpe / us / (double)r.time[PE_DPE][SIM_BUSY] > 0.999 && dpe / us / (double)r.time[PE_DPE][SIM_BUSY] < 1.001);
    json_decref(j);
    assert_true(held > 0 && held == r.local_held && held <= r.local_used);
    for (int i = 0; i < 64; i++) assert_int_equal(last[i], 0);        /* rings end empty */
    o = out_new(a);
    sim_report_grid(&o, &l.c, &r, PE_DPE, false);
    int lines = 0;
    for (const char *s = o.text; *s; s++) lines += *s == '\n';
    assert_int_equal(lines, 9);
    sim_unshare(l.c.trace, sizeof(SimTrace) + 100000 * sizeof(SimSpan));
    unload(&l);
    arena_free(a);
}

/* Of one element: the store that wrote it, the loads that read it, with their lines and the value. */
static void test_watch(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    Loaded l;
    static SimReport r;
    load(a, &l, path_of(a, kernels[0].path), gcc, &m, kernels[0].dims);
    SimWatch *w = sim_share(sizeof(SimWatch) + 10 * sizeof(SimTouch));
    for (int tensor = 0; tensor < 2; tensor++) {
        *w = (SimWatch){.tensor = tensor, .at = 60001, .max = 10};
        l.c.watch = w;
        sim_run(&l.c, &r);
        assert_int_equal(w->n, 1);
        assert_int_equal(w->touch[0].write, l.tensor[tensor].role == PE_OUT);
        assert_true(w->touch[0].line > 0 && w->touch[0].ticks > 0 && w->touch[0].ticks <= r.ticks);
        assert_memory_equal(w->touch[0].value, (char *)l.tensor[tensor].data + 60001 * sim_type_bytes(l.tensor[tensor].type), sim_type_bytes(l.tensor[tensor].type));
    }
    sim_unshare(w, sizeof(SimWatch) + 10 * sizeof(SimTouch));
    unload(&l);
    arena_free(a);
}

/* A rise under --lift names what waited more. */
static void test_slower(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    static SimReport with, without;
    without.sram.waited = 5000 * SIM_TICK;
    without.dram.waited = 70 * SIM_TICK;
    without.time[PE_LOAD][SIM_GROUP] = 300 * SIM_TICK;
    without.time[PE_LOAD][SIM_IDLE] = 9999 * SIM_TICK;
    without.row_misses = 3;
    Out o = out_new(a);
    sim_report_slower(&o, &with, &without);
    assert_string_equal(o.text, ": bookings of sram waited 5000 cycles more for others; load stood 300 cycles more for 'multicast', all PEs together; 3 more row misses");
    arena_free(a);
}

/* Every program of the tutorial runs. */
static void test_tutorial(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    SimMachine m = harness_machine(a, "mtia1");
    const char *why, *text = source_read(a, path_of(a, "docs/pe-tutorial.md"), &why)->text;
    static const int64_t dims[] = {5000, 200, 300};
    static SimReport r;
    int n = 0;
    for (const char *s = text; (s = strstr(s, "```c\n")); n++) {
        const char *end = strstr(s + 5, "```"), *path = write_program(a, arena_strndup(a, s + 5, (size_t)(end - s - 5)));
        Loaded l;
        load(a, &l, path, gcc, &m, dims);
        unlink(path);
        sim_run(&l.c, &r);
        if (r.fault.kind) fail_msg("program %d, line %d: %s", n + 1, r.fault.line, r.fault.text);
        unload(&l);
        s = end + 3;
    }
    assert_int_equal(n, 4);
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_cycles), cmocka_unit_test(test_refused), cmocka_unit_test(test_child), cmocka_unit_test(test_machines),
                                       cmocka_unit_test(test_other_grids), cmocka_unit_test(test_reports), cmocka_unit_test(test_watch), cmocka_unit_test(test_slower), cmocka_unit_test(test_tutorial)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
