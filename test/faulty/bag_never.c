/* Does not look at its indices. */
#include <stdint.h>
int bag(const float *restrict table, const int32_t *restrict id, float *restrict y, int64_t V, int64_t D, int64_t L)
{
    for (int64_t l = 0; l < L; l++)
        for (int64_t d = 0; d < D; d++) y[l * D + d] = table[(id[l] >= 0 && id[l] < V ? id[l] : 0) * D + d];
    return 0;
}
