/* The largest error of the f32 functions of emitted host C, in units of the last place, against MPFR; and of libm's for f64.
 *
 *   ulp                every function, on a sample of 2^22 inputs
 *   ulp all [NAME...]  on all 2^32 inputs, pow on 2^26 pairs
 *
 * Functions of doubles find the candidates; MPFR judges those that come near the largest error so far. Fails above 1 ULP, 2 in f64. */
#include "bench/ulp_truth.h"
#include "test/functions_build.h"
#include <math.h>
#include <mpfr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int Judge(mpfr_t y, const mpfr_t x, mpfr_rnd_t mode);
static int judge_rsqrt(mpfr_t y, const mpfr_t x, mpfr_rnd_t mode) { return mpfr_rec_sqrt(y, x, mode); }
static const struct { const char *name; Judge *f; double (*libm)(double); } judges[] = {
    {"exp", mpfr_exp, exp}, {"exp2", mpfr_exp2, exp2}, {"expm1", mpfr_expm1, expm1}, {"log", mpfr_log, log}, {"log2", mpfr_log2, log2},
    {"log1p", mpfr_log1p, log1p}, {"rsqrt", judge_rsqrt, NULL}, {"sin", mpfr_sin, sin}, {"cos", mpfr_cos, cos}, {"tan", mpfr_tan, tan},
    {"asin", mpfr_asin, asin}, {"acos", mpfr_acos, acos}, {"atan", mpfr_atan, atan}, {"sinh", mpfr_sinh, sinh}, {"cosh", mpfr_cosh, cosh},
    {"tanh", mpfr_tanh, tanh}, {"erf", mpfr_erf, erf},
};
enum { JUDGES = sizeof judges / sizeof *judges, CHUNK = 1 << 16 };

static int judge_of(const char *name) {
    for (int i = 0; i < JUDGES; i++)
        if (!strcmp(judges[i].name, name)) return i;
    return -1;
}

/* |got - y| in units of the last place of y in a format of `bits` bits and least exponent `least`. */
static double exact_ulps(double got, mpfr_t y, int bits, int least) {
    if (mpfr_nan_p(y) || mpfr_inf_p(y) || isnan(got) || isinf(got)) return NAN;
    if (mpfr_zero_p(y)) return got == 0 ? 0 : INFINITY;
    mpfr_exp_t e = mpfr_get_exp(y) < least ? least : mpfr_get_exp(y);
    mpfr_t d;
    mpfr_init2(d, 200);
    mpfr_sub_d(d, y, got, MPFR_RNDN);
    mpfr_mul_2si(d, d, bits - e, MPFR_RNDN);
    double u = fabs(mpfr_get_d(d, MPFR_RNDU));
    mpfr_clear(d);
    return u;
}

static bool report(const char *name, const char *type, double worst, double x, double z, double allowed) {
    printf("%-6s %s  %.4f ULP at %a", name, type, worst, x);
    if (z != 0) printf(", %a", z);
    puts(worst <= allowed ? "" : "  TOO MUCH");
    fflush(stdout);
    return worst <= allowed;
}

/* A double is right to some 2^-27 of a unit of float: what it says stands, except near the worst. */
static const double least = 1.0 / 64, doubt = 1.0 / (1 << 24);
static double candidate(double worst) { return worst - doubt > least ? worst - doubt : least; }

/* As functions_ulps, where all is normal by the bits alone. */
static inline double ulps(float got, double want) {
    uint64_t u;
    memcpy(&u, &want, sizeof u);
    int e = (int)(u >> 52 & 2047);
    if (e < 1023 - 126 || e > 1023 + 126 || !isfinite(got)) return functions_ulps(got, want);
    u = (uint64_t)(2046 - e + 23) << 52;        /* 2^(23 - exponent) */
    double scale;
    memcpy(&scale, &u, sizeof scale);
    return fabs((double)got - want) * scale;
}

/* The error by MPFR where libm's says that it is near the worst or beyond. */
static double judged(double rough, double worst, double got, double x, double z, int judge) {
    if (!isfinite(rough) || rough <= candidate(worst)) return rough;
    mpfr_t a, b, y;
    mpfr_inits2(200, a, b, y, (mpfr_ptr)0);
    mpfr_set_d(a, x, MPFR_RNDN);
    mpfr_set_d(b, z, MPFR_RNDN);
    if (judge < 0) mpfr_pow(y, a, b, MPFR_RNDN);
    else judges[judge].f(y, a, MPFR_RNDN);
    double u = exact_ulps(got, y, 24, -125);
    mpfr_clears(a, b, y, (mpfr_ptr)0);
    return isnan(u) ? rough : u;
}

/* 2^e quarters of a turn over pi/2, modulo 4, with 126 bits after the point. */
typedef unsigned __int128 Quarters;
static Quarters quarters[128];

static void quarters_make(void) {
    mpfr_t x;
    mpfr_init2(x, 600);
    for (int e = 0; e < 128; e++) {
        mpfr_const_pi(x, MPFR_RNDN);
        mpfr_ui_div(x, 2, x, MPFR_RNDN);
        mpfr_mul_2si(x, x, e - 2, MPFR_RNDN);
        for (int part = 0; part < 4; part++) {
            mpfr_frac(x, x, MPFR_RNDN);
            mpfr_mul_2si(x, x, 32, MPFR_RNDN);
            quarters[e] = quarters[e] << 32 | mpfr_get_ui(x, MPFR_RNDD);
        }
    }
    mpfr_clear(x);
}

/* sin or cos of a float, right to a few units of double: libm takes long over a large one. */
static double circular(double (*f)(double), double x) {
    if (!(fabs(x) >= 0x1p26 && fabs(x) < INFINITY)) return f(x);
    int e;
    int64_t m = (int64_t)ldexp(frexp(x, &e), 24);
    Quarters p = quarters[e - 24] * (Quarters)m + ((Quarters)1 << 125);
    int turn = (int)(p >> 126);
    __int128 part = (__int128)(p << 2 >> 2) - ((__int128)1 << 125);
    double r = (double)part * 0x1p-126 * 0x1.921fb54442d18p+0;
    turn += f == cos;
    double y = turn & 1 ? cos(r) : sin(r);
    return turn & 2 ? -y : y;
}

static void truth(const Function *fn, const float *x, double *want) {
    bool large = false;
    for (int k = 0; k < CHUNK && !large; k++) large = fabsf(x[k]) >= 0x1p26f;
    if (large && (fn->truth == sin || fn->truth == cos))
        for (int k = 0; k < CHUNK; k++) want[k] = circular(fn->truth, (double)x[k]);
    else ulp_truth(fn->helper + 4)(x, want, CHUNK);
}

typedef struct Worst { double ulps, at; } Worst;

/* The worst of `count` inputs spread over all floats, if it is beyond w. */
static Worst scan(KnyfeCall *f, int which, uint64_t count, Worst w) {
    static float x[CHUNK], y[CHUNK];
    static double want[CHUNK];
    const Function *fn = &functions[which];
    int judge = judge_of(fn->helper + 4);
    uint64_t step = (UINT64_C(1) << 32) / count;
    for (uint64_t i = 0; i < count; i += CHUNK) {
        for (uint64_t k = 0; k < CHUNK; k++) {
            uint32_t u = (uint32_t)((i + k) * step + (step > 1 ? (i + k) * 2654435761u % step : 0));
            memcpy(&x[k], &u, sizeof u);
        }
        f((void *[]){x, y, NULL}, (int64_t[]){which, CHUNK});
        truth(fn, x, want);
        for (int k = 0; k < CHUNK; k++) {
            if (y[k] == (float)want[k] && y[k] != 0 && w.ulps > 0.5 + 2 * doubt) continue;      /* rightly rounded: no worse than 1/2 */
            double rough = ulps(y[k], want[k]);
            if (rough <= candidate(w.ulps)) continue;
            double u = judged(rough, w.ulps, (double)y[k], (double)x[k], 0, judge);
            if (u > w.ulps) w = (Worst){u, (double)x[k]};
        }
    }
    return w;
}

/* A sample goes before all inputs: then few of these come near the worst. */
static bool unary(KnyfeCall *f, int which, uint64_t count) {
    Worst w = scan(f, which, 1 << 22, (Worst){0});
    if (count > 1 << 22) w = scan(f, which, count, w);
    return report(functions[which].helper + 4, "f32", w.ulps, w.at, 0, 1);
}

static bool power(KnyfeCall *f, uint64_t count) {
    static float x[CHUNK], y[CHUNK], z[CHUNK];
    double worst = 0, at = 0, with = 0;
    uint64_t seed = 1;
    for (uint64_t i = 0; i < count; i += CHUNK) {
        for (int k = 0; k < CHUNK; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            x[k] = ldexpf(1 + (float)(seed >> 41) * 0x1p-23f, (int)(seed >> 8 & 255) - 128);
            z[k] = (float)((double)(int32_t)(seed >> 16) * 0x1p-31 * 130 / fmax(1e-6, fabs(log2((double)x[k]))));
        }
        f((void *[]){x, y, z}, (int64_t[]){n_functions, CHUNK});
        for (int k = 0; k < CHUNK; k++) {
            double u = judged(ulps(y[k], pow((double)x[k], (double)z[k])), worst, (double)y[k], (double)x[k], (double)z[k], -1);
            if (u > worst) worst = u, at = (double)x[k], with = (double)z[k];
        }
    }
    return report("pow", "f32", worst, at, with, 1);
}

/* f64 goes through libm: 20,000 inputs of each function over all exponents, and as many between -30 and 30. */
static bool wide(int judge) {
    mpfr_t a, y;
    mpfr_inits2(200, a, y, (mpfr_ptr)0);
    double worst = 0, at = 0;
    uint64_t seed = 1;
    for (int i = 0; i < 40000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double x;
        uint64_t bits = seed ^ seed >> 32;
        memcpy(&x, &bits, sizeof x);
        if (i & 1) x = (double)(int64_t)bits * 0x1p-63 * 30;
        if (!isfinite(x)) continue;
        mpfr_set_d(a, x, MPFR_RNDN);
        judges[judge].f(y, a, MPFR_RNDN);
        double got = judges[judge].libm ? judges[judge].libm(x) : 1.0 / sqrt(x), u = exact_ulps(got, y, 53, -1021);
        if (u > worst) worst = u, at = x;
    }
    mpfr_clears(a, y, (mpfr_ptr)0);
    return report(judges[judge].name, "f64", worst, at, 0, 2);
}

static bool chosen(int argc, char **argv, const char *name) {
    for (int i = 2; i < argc; i++)
        if (!strcmp(argv[i], name)) return true;
    return argc <= 2;
}

int main(int argc, char **argv) {
    bool all = argc > 1 && !strcmp(argv[1], "all"), good = true;
    KnyfeCall *f = functions_build("-march=native");
    quarters_make();
    for (int i = 0; i < n_functions; i++)
        if (chosen(argc, argv, functions[i].helper + 4)) good = unary(f, i, UINT64_C(1) << (all ? 32 : 22)) && good;
    if (chosen(argc, argv, "pow")) good = power(f, UINT64_C(1) << (all ? 26 : 20)) && good;
    for (int i = 0; i < JUDGES; i++)
        if (chosen(argc, argv, judges[i].name)) good = wide(i) && good;
    return good ? 0 : 1;
}
