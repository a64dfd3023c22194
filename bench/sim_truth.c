/* ./dev bench truth: simulated works beside what was published of the real chips. Each in the middle of the assumed values, with all
 * that have a range at their low and at their high end, and how far the figure moves when one assumption moves by 20 %. */
#include "bench/sim_work.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double seconds(const SimMachine *m, const SimReport *r) { return (double)r->ticks / SIM_TICK / m->hz; }
static double a_second(const SimMachine *m, SimRate r) { return (double)r.den / (double)r.num * SIM_TICK * m->hz; }

/* % of the machine's own matrix rate in f16. */
static double peak_f16(const Work *w, const SimMachine *m, const SimReport *r) {
    (void)w;
    return 100 * (double)r->macs / seconds(m, r) / (a_second(m, m->dpe.rate[PE_F16]) * (double)(m->rows * m->cols));
}
static double of_dram(const Work *w, const SimMachine *m, const SimReport *r) {
    (void)w;
    return 100 * (double)r->dram_bytes / seconds(m, r) / a_second(m, m->dram.bandwidth);
}
static double of_sram(const Work *w, const SimMachine *m, const SimReport *r) {
    (void)w;
    return 100 * (double)r->sram_bytes / seconds(m, r) / a_second(m, m->sram.bandwidth);
}
/* % of the busiest engine's time. */
static double of_engine(const Work *w, const SimMachine *m, const SimReport *r) {
    (void)w;
    (void)m;
    int64_t best = 0;
    for (int u = PE_DPE; u <= PE_MLU; u++)
        if (r->unit_busiest[u] > best) best = r->unit_busiest[u];
    return 100 * (double)best / (double)r->ticks;
}
static double micros(const Work *w, const SimMachine *m, const SimReport *r) {
    (void)w;
    return 1e6 * seconds(m, r);
}

static const Work works[] = {
    {"matmul 2048^3 f16 in SRAM, % of peak", "mtia2", "matmul.c", {2048, 2048, 2048}, NULL, "> 92", "90-97", peak_f16},
    {"fc 512x26592x2048 f16, weights in DRAM, % of DRAM bandwidth", "mtia2", "fc.c", {512, 2048, 26592}, "w ", "> 95", "93-99", of_dram},
    {"dynamic i8 2048^3 in SRAM, us", "mtia2", "matmul_dynamic.c", {2048, 2048, 2048}, NULL, "-", "-", micros},
    {"transpose 4096x4096 f16 in SRAM, % of SRAM bandwidth", "mtia1", "transpose.c", {4096, 4096}, NULL, "80-90", "-", of_sram},
    {"tanh of 16 M f16 in SRAM, % of SRAM bandwidth", "mtia1", "tanh.c", {16 << 20}, NULL, "80-90", "-", of_sram},
    {"concat 8192 x (1024 + 1024) f16 in SRAM, % of SRAM bandwidth", "mtia1", "concat.c", {8192, 1024, 1024}, NULL, "80-90", "-", of_sram},
    {"stream 64 MB from and to DRAM, % of DRAM bandwidth", "mtia1", "stream.c", {16 << 20}, "x y ", "about 40", "-", of_dram},
    {"embedding 4096 bags of 32 rows of 64 f32, table in DRAM, % of DRAM bandwidth", "mtia1", "embedding_bag.c", {4096, 64, 131072, 500000}, "table ", "10-60", "-", of_dram},
    {"softmax 4096x4096 f16, % of DRAM bandwidth", "mtia1", "softmax.c", {4096, 4096}, "x y ", "-", ">= 85", of_dram},
    {"softmax 4096x4096 f16, % of DRAM bandwidth", "mtia2", "softmax.c", {4096, 4096}, "x y ", "-", ">= 85", of_dram},
    {"attention 16 x 2048x2048x64 f16 in SRAM, % of the busiest engine", "mtia1", "attention.c", {16, 2048, 2048, 64, 64}, NULL, "-", ">= 60", of_engine},
    {"attention 16 x 2048x2048x64 f16 in SRAM, % of the busiest engine", "mtia2", "attention.c", {16, 2048, 2048, 64, 64}, NULL, "-", ">= 60", of_engine},
};
enum { N_WORKS = sizeof works / sizeof *works, KEYS = 128 };

static double run(const Work *w, Loaded *l, const SimMachine *m) {
    static SimReport r;
    work_run(l, m, true, true, &r);
    return w->figure(w, m, &r);
}

/* All assumed values that have a range, at one end of it. */
static SimMachine at_end(SimMachine m, const SimKey *k, int n, bool high) {
    for (int i = 0; i < n; i++)
        if (k[i].has_range && k[i].value > 0) sim_machine_scale(&m, k[i].path, (high ? k[i].hi : k[i].lo) / k[i].value);
    return m;
}

/* Counts move by at least one. */
static double moved(double value, double by) {
    double to = value * by;
    if (value == floor(value) && fabs(to - value) < 1) to = by > 1 ? value + 1 : value - 1;
    return to > 0 ? to / value : 1;
}

/* Whether a run can depend on the value at all: nothing that it stands for was used. */
static bool unused(const SimReport *r, const char *path) {
    static const struct { const char *group; PeEngine e; } engines[] = {{"dpe.", PE_DPE}, {"mlu.", PE_MLU}, {"se.", PE_SE}};
    for (int i = 0; i < 3; i++)
        if (!strncmp(path, engines[i].group, strlen(engines[i].group))) return !r->commands[engines[i].e];
    if (!strncmp(path, "re.", 3)) return !r->commands[PE_DPE];
    if (!strncmp(path, "dram.", 5)) return !r->dram_bytes;
    return !strncmp(path, "sram.", 5) && !r->sram_bytes;
}

/* The assumptions whose 20 % move the figure by more than half a percent of it. */
static void sensitivity(const Work *w, Loaded *l, const SimMachine *m, const SimKey *k, int n, double base) {
    static SimReport used;
    int shown = 0;
    work_run(l, m, true, true, &used);
    for (int i = 0; i < n; i++) {
        if (!k[i].assumed || !(k[i].value > 0) || unused(&used, k[i].path)) continue;
        double x[2];
        for (int up = 0; up < 2; up++) {
            SimMachine v = *m;
            x[up] = base;
            bool pow2 = strstr(k[i].path, "interleave") || strstr(k[i].path, "dram.row") == k[i].path || strstr(k[i].path, "banks") || strstr(k[i].path, "ports") || strstr(k[i].path, "access");
            double by = pow2 && strcmp(k[i].path, "dram.row_miss") ? (up ? 2 : 0.5) : moved(k[i].value, up ? 1.2 : 0.8);
            if (sim_machine_scale(&v, k[i].path, by) && v.network.ports <= 2 * (v.rows + v.cols) && v.dram.row >= v.dram.interleave) x[up] = run(w, l, &v);
        }
        if (fabs(x[0] - base) < 0.005 * base && fabs(x[1] - base) < 0.005 * base) continue;
        printf("      %-22s -20 %%: %7.2f   +20 %%: %7.2f\n", k[i].path, x[0], x[1]);
        shown++;
    }
    if (!shown) printf("      no assumption moves it by half a percent\n");
}

int main(int argc, char **argv) {
    bool brief = argc > 1 && !strcmp(argv[1], "--brief");
    int first = argc > 2 ? atoi(argv[argc - 2]) : 0, last = argc > 2 ? atoi(argv[argc - 1]) : N_WORKS;      /* [--brief] FIRST LAST: works from FIRST to before LAST */
    double f16 = 0;
    printf("counts move by at least 1, and powers of two by a factor of 2, where 20 %% is asked for\n");
    for (int i = 0; i < N_WORKS; i++) {
        if (i && (i < first || i >= last)) continue;      /* the first is what the third is compared with */
        const Work *w = &works[i];
        Arena *a = arena_new(0, (ArenaOom *)abort, NULL);
        SimMachine m;
        SimKey keys[KEYS];
        Loaded l;
        const AMachine *text = work_machine(a, w->machine, &m);
        int n = sim_machine_keys(text, keys, KEYS, a);
        SimMachine low = at_end(m, keys, n, false), high = at_end(m, keys, n, true);
        work_load(a, w, &l);
        double base = run(w, &l, &m);
        printf("%s %s\n    %.2f   (values low: %.2f, high: %.2f)   published %s   must be %s\n", w->machine, w->name, base, run(w, &l, &low), run(w, &l, &high), w->published, w->must);
        if (i == 0) f16 = 2.0 * 2048 * 2048 * 2048 / (base / 100 * a_second(&m, m.dpe.rate[PE_F16]) * 128) * 1e6;
        if (i == 2) printf("    f16 takes %.2f us, so dynamic i8 is %.3f times as fast   published about 1.6   must be 1.4-1.8\n", f16, f16 / base);
        if (!brief && i >= first) sensitivity(w, &l, &m, keys, n, base);
        fflush(stdout);
        work_free(&l);
        arena_free(a);
    }
    return 0;
}
