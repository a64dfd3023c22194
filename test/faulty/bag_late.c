/* Finds the bad index only when it has written what comes before it. Facts 1 to 3: dims are not negative; 4: V fits i32; 5: the range. */
#include <stdint.h>
int bag(const float *restrict table, const int32_t *restrict id, float *restrict y, int64_t V, int64_t D, int64_t L)
{
    for (int64_t l = 0; l < L; l++) {
        if (id[l] < 0 || id[l] >= V) return 5;
        for (int64_t d = 0; d < D; d++) y[l * D + d] = table[id[l] * D + d];
    }
    return 0;
}
