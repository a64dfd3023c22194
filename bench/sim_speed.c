/* ./dev bench sim: how long the simulator takes, against OpenBLAS on one core for the same arithmetic. */
#include "bench/sim_work.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

typedef void Sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

enum { N = 2048, ROUNDS = 9 };

/* OpenBLAS on one thread and what it multiplies; NULL where it is not there. */
typedef struct Blas { Sgemm *sgemm; float *a, *b, *c; } Blas;

static Blas blas_load(void) {
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);     /* it misreads some virtual machines' processors */
#endif
    void *h = dlopen("libopenblas.so.0", RTLD_NOW);
    Blas l = {.sgemm = h ? (Sgemm *)dlsym(h, "cblas_sgemm") : NULL};
    float **all[] = {&l.a, &l.b, &l.c};
    for (int i = 0; i < 3; i++) {
        *all[i] = malloc(sizeof(float) * N * N);
        if (!*all[i]) abort();
        for (int j = 0; j < N * N; j++) (*all[i])[j] = (float)(j * 7 % 64) / 64 - 0.5f;
    }
    return l;
}

/* Seconds of an f32 product of N^3. */
static double blas_run(const Blas *l) {
    double t = work_now();
    if (l->sgemm) l->sgemm(101, 111, 111, N, N, N, 1, l->a, N, l->b, N, 0, l->c, N);
    return work_now() - t;
}

static int up(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
static double median(const double *of) {
    double v[ROUNDS];
    memcpy(v, of, sizeof v);
    qsort(v, ROUNDS, sizeof *v, up);
    return v[ROUNDS / 2];
}

/* Each round runs all in turn, so that what else the machine does meets all of them; medians of the rounds. */
static void measure(const char *name, Loaded *l, const SimMachine *m, const Blas *blas) {
    static SimReport r;
    double full[ROUNDS], checked[ROUNDS], timing[ROUNDS], product[ROUNDS] = {0}, ratio[ROUNDS];
    for (int i = -1; i < ROUNDS; i++) {
        int at = i < 0 ? 0 : i;       /* the first warms up */
        if (blas) product[at] = blas_run(blas);
        full[at] = work_run(l, m, false, true, &r);
        checked[at] = work_run(l, m, false, false, &r);
        timing[at] = work_run(l, m, true, true, &r);
        ratio[at] = full[at] / product[at];
    }
    printf("%s: %.3f s without checks, %.3f s with checks, %.3f s timing only\n", name, median(full), median(checked), median(timing));
    if (blas) printf("    OpenBLAS, the same product in f32 on one core: %.3f s; without checks %.2f times that\n", median(product), median(ratio));
}

int main(void) {
    static const Work works[] = {{"matmul 2048^3 f16, mtia2", "mtia2", "matmul.c", {N, N, N}, NULL, NULL, NULL, NULL}, {"stream 64 MB, DRAM, mtia1", "mtia1", "stream.c", {16 << 20}, "x y ", NULL, NULL, NULL}};
    Blas blas = blas_load();
    for (int i = 0; i < 2; i++) {
        Arena *a = arena_new(0, (ArenaOom *)abort, NULL);
        SimMachine m;
        Loaded l;
        work_machine(a, works[i].machine, &m);
        work_load(a, &works[i], &l);
        measure(works[i].name, &l, &m, i || !blas.sgemm ? NULL : &blas);
        work_free(&l);
        arena_free(a);
    }
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("largest memory: %ld MB, with OpenBLAS's %d\n", u.ru_maxrss / 1024, 3 * N * N * 4 >> 20);
    return 0;
}
