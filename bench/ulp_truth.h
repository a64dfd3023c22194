/* Functions of doubles by columns, for bench/ulp. */
#pragma once

typedef void TruthColumn(const float *restrict x, double *restrict y, int n);
/* y[i] = f(x[i]) for the function of that name, right to some units of a double for finite x and y; NULL when there is none. */
TruthColumn *ulp_truth(const char *name);
