/* The roofline of examples against values worked out by hand. */
#include "sim/harness.h"
#include "dsl/front.h"
#include "tool/roofline.h"
#include <math.h>

typedef struct Row {
    const char *file, *kernel, *machine;
    FrontArg arg;                    /* of the kernel, or none */
    int64_t dim[8];                  /* in the order of the signature */
    bool in_sram;                    /* all tensors */
    double operations;               /* that the reference counts */
    double seconds;
    const char *bound;
} Row;

static const Row rows[] = {
    /* x of 512 x 1024 and w of 1024 x 1024 have 2 bytes an element, b and y 4: 5,246,976 bytes at 176 GB/s are 29.8 us; 2^29
     * multiply-adds, 512 each cycle of 0.8 GHz on 64 PEs, are 20.5 us. dims: M, K, N. */
    {"examples/fc.knf", "fc", "mtia1", {"T", "f16"}, {512, 1024, 1024}, false, 0x1p30, 5246976 / 176e9, "DRAM bandwidth"},
    {"examples/fc.knf", "fc", "mtia1", {"T", "f16"}, {2048, 2048, 2048}, false, 0x1p34, 0x1p33 / (64 * 512 * 0.8e9), "dpe rate"},
    {"examples/fc.knf", "fc", "mtia1", {"T", "f16"}, {2048, 2048, 2048}, true, 0x1p34, 0x1p33 / (64 * 512 * 0.8e9), "dpe rate"},
    {"examples/fc.knf", "fc", "mtia1", {"T", "f16"}, {64, 4096, 64}, true, 0x1p25, 1065216 / 0.8e12, "SRAM bandwidth"},
    {"examples/fc.knf", "fc", "mtia2", {"T", "f16"}, {2048, 2048, 2048}, false, 0x1p34, 33562624 / 204.8e9, "DRAM bandwidth"},
    /* f32 is nothing for the panels: 2^31 operations, 16 lanes of the SE and 16 of the core each cycle. */
    {"examples/fc.knf", "fc", "mtia1", {"T", "f32"}, {1024, 1024, 1024}, false, 0x1p31, 0x1p31 / (64 * 32 * 0.8e9), "vector rate"},
    /* 64 MiB at 176 GB/s. */
    {"examples/softmax.knf", "softmax", "mtia1", {"T", "f16"}, {4096, 4096}, false, 5 * 0x1p24, 67108864 / 176e9, "DRAM bandwidth"},
    {"examples/transpose.knf", "transpose", "mtia2", {"T", "f16"}, {4096, 8192}, false, 0, 134217728 / 204.8e9, "DRAM bandwidth"},
    /* 10 bags of 40 rows read 400 * 128 elements of 2 bytes, not the table; 4 bytes for each of 400 ids, 11 offsets, 1280 results. */
    {"examples/embedding_bag.knf", "embedding_bag", "mtia1", {"T", "f16"}, {100000, 128, 400, 10}, false, 51200, (102400 + 1600 + 44 + 5120) / 176e9, "DRAM bandwidth"},
    /* And 4096 bags read 20,971,520 elements of it, which are more than it has. */
    {"examples/embedding_bag.knf", "embedding_bag", "mtia1", {"T", "f16"}, {100000, 128, 163840, 4096}, false, 20971520, (25600000 + 655360 + 16388 + 2097152) / 176e9, "DRAM bandwidth"},
    /* i8: 1024 multiply-adds a cycle. */
    {"examples/int8_matmul.knf", "int8_matmul", "mtia1", {0}, {2048, 2048, 2048}, false, 0x1p34, 0x1p33 / (64 * 1024 * 0.8e9), "dpe rate"},
    /* x 8 x 56 x 56 x 64, w 3 x 3 x 64 x 64, y 8 x 54 x 54 x 64, 2 bytes each; 860 M multiply-adds take 32.8 us. */
    {"examples/conv2d.knf", "conv2d", "mtia1", {"T", "f16"}, {8, 56, 56, 64, 3, 3, 64}, false, 2 * 859963392.0, 6270976 / 176e9, "DRAM bandwidth"},
    /* Two products of 16 x 2048 x 2048 x 64 multiply-adds each, 512 a cycle on 64 PEs: 328 us. The scaling, 3 operations a term, leaves the sum; the other 6
     * operations a score take 123 us on 64 lanes. dims: H, L, D, M, E. */
    {"examples/attention.knf", "attention", "mtia1", {"T", "f16"}, {16, 2048, 64, 2048, 64}, false, 16 * 0x1p22 * (5 * 64 + 5 + 2 * 64), 2 * 0x1p32 / (64 * 512 * 0.8e9), "dpe rate"},
};

static Kernel *kernel_of(Arena *a, const Row *r) {
    const char *why;
    Names *names = names_new(a);
    Diags *diags = diags_new(a);
    const Source *s = source_read(a, arena_printf(a, "%s/%s", SOURCE, r->file), &why);
    if (!s) fail_msg("%s", why);
    FrontOptions o = {.parse = grammar_parse, .kernel = r->kernel, .args = (FrontArg *)&r->arg, .n_args = r->arg.name ? 1 : 0};
    Program *p = front_load(a, names, diags, s, &o);
    Kernel *k = p ? front_kernel(p, &o) : NULL;
    Out text = out_new(a);
    diag_print(diags, &text, false);
    if (!k) fail_msg("%s: %s", r->file, text.text ? text.text : "");
    return k;
}

static void test_rows(void **state) {
    (void)state;
    Arena *a = arena_new(0, harness_oom, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const Row *r = &rows[i];
        Kernel *k = kernel_of(a, r);
        SimMachine m = harness_machine(a, r->machine);
        bool sram[16];
        memset(sram, r->in_sram, sizeof sram);
        RoofWork w = roofline_work(a, k, r->dim, &m, sram, r->operations);
        Roofline f = roofline_grid(&w, &m);
        if (fabs(f.seconds / r->seconds - 1) > 1e-3 || strcmp(f.bound, r->bound)) fail_msg("row %zu: %g s by the %s, not %g s by the %s", i, f.seconds, f.bound, r->seconds, r->bound);
    }
    arena_free(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
