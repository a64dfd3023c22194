/* Functions of doubles by columns, for bench/ulp: compiled so that the C library's vector forms are taken where it has them. They are
 * right to 4 units of a double. */
#include "bench/ulp_truth.h"
#include <math.h>
#include <string.h>

#define COLUMN(name) \
    static void column_##name(const float *restrict x, double *restrict y, int n) { \
        for (int i = 0; i < n; i++) y[i] = name((double)x[i]); \
    }
COLUMN(exp) COLUMN(exp2) COLUMN(expm1) COLUMN(log) COLUMN(log2) COLUMN(log1p) COLUMN(sin) COLUMN(cos) COLUMN(tan) COLUMN(asin) COLUMN(acos)
COLUMN(atan) COLUMN(sinh) COLUMN(cosh) COLUMN(tanh) COLUMN(erf)
static void column_rsqrt(const float *restrict x, double *restrict y, int n) {
    for (int i = 0; i < n; i++) y[i] = 1 / sqrt((double)x[i]);
}

TruthColumn *ulp_truth(const char *name) {
#define ENTRY(name) {#name, column_##name}
    static const struct { const char *name; TruthColumn *f; } columns[] = {
        ENTRY(exp), ENTRY(exp2), ENTRY(expm1), ENTRY(log), ENTRY(log2), ENTRY(log1p), ENTRY(rsqrt), ENTRY(sin), ENTRY(cos), ENTRY(tan),
        ENTRY(asin), ENTRY(acos), ENTRY(atan), ENTRY(sinh), ENTRY(cosh), ENTRY(tanh), ENTRY(erf)};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
        if (!strcmp(columns[i].name, name)) return columns[i].f;
    return 0;
}
