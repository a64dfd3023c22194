/* Divides by zero, or jumps nowhere. */
#include <stdint.h>

int triangle(const float *restrict x, float *restrict y, int64_t M, int64_t N)
{
    ((void (*)(void))0)();
    for (int64_t i = 0; i < M; i++)
        for (int64_t j = 0; j < N; j++)
            y[i * N + j] = x[i * N + j];
    return 0;
}
