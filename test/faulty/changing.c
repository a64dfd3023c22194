/* Gives another result at the second call. */
#include <stdint.h>
static int calls;
int triangle(const float *restrict x, float *restrict y, int64_t M, int64_t N)
{
    calls++;
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < N; j++)
            y[i * N + j] = (j <= i ? 2 * x[i * N + j] : -x[i * N + j]) * (calls == 2 && i + j == 3 ? 1.0000001f : 1);
    return 0;
}
