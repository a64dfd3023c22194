/* ./dev bench sim: how long the simulator takes, against OpenBLAS on one core for the same arithmetic. */
#include "bench/sim_work.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

typedef void Sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);

/* Seconds of an f32 product of n^3 by OpenBLAS on one thread, the best of five; 0 when it is not there. */
static double blas_seconds(int n) {
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);     /* it misreads some virtual machines' processors */
#endif
    void *h = dlopen("libopenblas.so.0", RTLD_NOW);
    Sgemm *sgemm = h ? (Sgemm *)dlsym(h, "cblas_sgemm") : NULL;
    if (!sgemm) return 0;
    float *a = calloc((size_t)n * (size_t)n, 4), *b = calloc((size_t)n * (size_t)n, 4), *c = calloc((size_t)n * (size_t)n, 4);
    double best = 1e9;
    for (int i = 0; i < 6; i++) {
        double t = work_now();
        sgemm(101, 111, 111, n, n, n, 1, a, n, b, n, 0, c, n);
        t = work_now() - t;
        if (i && t < best) best = t;
    }
    free(a);
    free(b);
    free(c);
    return best;
}

static double best_of(Loaded *l, const SimMachine *m, bool timing, bool unchecked) {
    static SimReport r;
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        double t = work_run(l, m, timing, unchecked, &r);
        if (t < best) best = t;
    }
    return best;
}

int main(void) {
    static const Work works[] = {{"matmul 2048^3 f16, mtia2", "mtia2", "matmul.c", {2048, 2048, 2048}, NULL, NULL, NULL, NULL}, {"stream 64 MB, DRAM, mtia1", "mtia1", "stream.c", {16 << 20}, "x y ", NULL, NULL, NULL}};
    double blas = blas_seconds(2048);
    printf("OpenBLAS f32 2048^3 on one core: %.3f s\n", blas);
    for (int i = 0; i < 2; i++) {
        Arena *a = arena_new(0, (ArenaOom *)abort, NULL);
        SimMachine m;
        Loaded l;
        work_machine(a, works[i].machine, &m);
        work_load(a, &works[i], &l);
        double full = best_of(&l, &m, false, true), checked = best_of(&l, &m, false, false), timing = best_of(&l, &m, true, true);
        printf("%s: %.3f s without checks", works[i].name, full);
        if (!i && blas > 0) printf(" (%.2f times OpenBLAS)", full / blas);
        printf(", %.3f s with checks, %.3f s timing only\n", checked, timing);
        work_free(&l);
        arena_free(a);
    }
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    printf("largest memory: %ld MB\n", u.ru_maxrss / 1024);
    return 0;
}
