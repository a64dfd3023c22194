/* The arithmetic of a DPE panel on the host, and f16 rows. Compiled for AVX-512 and for whatever is there, chosen at run time. */
#include "sim/run.h"
#include <string.h>

typedef float V __attribute__((vector_size(64), aligned(4), may_alias));
enum { N = 64, W = 16, MR = 6 };

#define INLINE static inline __attribute__((always_inline))

#define UNROLL _Pragma("GCC unroll 8")

INLINE float *sum_at(const Sums *c, int64_t i, int half) { return c->at + i / 32 * c->lower + i % 32 * c->row + half * c->right; }

/* rows x 64 of c from row i on, rows a constant: held in registers over k. */
INLINE void block(const Sums *c, int64_t i0, const float *a, const float *b, int rows, int64_t k) {
    V acc[MR][4], x[4];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < 4; j++) acc[i][j] = c->add ? *(const V *)(sum_at(c, i0 + i, j / 2) + j % 2 * W) : (V){0};
    for (int64_t l = 0; l < k; l++) {
        UNROLL for (int j = 0; j < 4; j++) x[j] = *(const V *)(b + l * N + j * W);
        UNROLL for (int i = 0; i < rows; i++) {
            V s = a[(i0 + i) * PANEL_K + l] - (V){0};
            UNROLL for (int j = 0; j < 4; j++) acc[i][j] = s * x[j] + acc[i][j];
        }
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < 4; j++) *(V *)(sum_at(c, i0 + i, j / 2) + j % 2 * W) = acc[i][j];
}

INLINE void multiply(const Sums *c, const float *a, const float *b, int64_t m, int64_t k) {
    int64_t i = 0;
    for (; i + MR <= m; i += MR) block(c, i, a, b, MR, k);
    for (; i + 4 <= m; i += 4) block(c, i, a, b, 4, k);
    for (; i < m; i++) block(c, i, a, b, 1, k);
}

static void multiply_plain(const Sums *c, const float *a, const float *b, int64_t m, int64_t k) {
    for (int64_t i = 0; i < m; i++) {
        for (int half = 0; half < 2 && !c->add; half++) memset(sum_at(c, i, half), 0, 32 * sizeof(float));
        for (int64_t l = 0; l < k; l++)
            for (int j = 0; j < N; j++) {
                float *at = sum_at(c, i, j / 32) + j % 32;
                *at = __builtin_fmaf(a[i * PANEL_K + l], b[l * N + j], *at);
            }
    }
}

static void from_f16_plain(float *out, const void *in, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, (const char *)in + 2 * i, 2);
        uint32_t m = h & 0x7fffu, bits = m << 13;
        float f;
        memcpy(&f, &bits, 4);
        f *= 0x1p112f;
        memcpy(&bits, &f, 4);
        if (m > 0x7bff) bits |= 0x7f800000u;
        bits |= (uint32_t)(h & 0x8000u) << 16;
        memcpy(out + i, &bits, 4);
    }
}

static void to_f16_plain(void *out, const float *in, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        uint32_t u, a;
        memcpy(&u, in + i, 4);
        a = u & 0x7fffffffu;
        uint32_t h;
        if (a > 0x7f800000u) h = 0x7e00;
        else if (a >= 0x477ff000u) h = 0x7c00;
        else if (a < 0x38800000u) {
            float f;
            memcpy(&f, &a, 4);
            f += 0.5f;
            memcpy(&h, &f, 4);
            h -= 0x3f000000u;
        } else h = (a - 0x38000000u + 0xfffu + ((a >> 13) & 1)) >> 13;
        uint16_t r = (uint16_t)(h | ((u >> 16) & 0x8000u));
        memcpy((char *)out + 2 * i, &r, 2);
    }
}

#if defined(__x86_64__)
#include <immintrin.h>
__attribute__((target("avx512f,fma"))) static void multiply_wide(const Sums *c, const float *a, const float *b, int64_t m, int64_t k) { multiply(c, a, b, m, k); }
__attribute__((target("avx512f"))) static void from_f16_wide(float *out, const void *in, int64_t n) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) _mm512_storeu_ps(out + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)((const char *)in + 2 * i))));
    from_f16_plain(out + i, (const char *)in + 2 * i, n - i);
}
__attribute__((target("avx512f"))) static void to_f16_wide(void *out, const float *in, int64_t n) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((__m256i *)(void *)((char *)out + 2 * i), _mm512_cvtps_ph(_mm512_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    to_f16_plain((char *)out + 2 * i, in + i, n - i);
}
/* 16 x 16: pairs, quarters, then lanes of 128 bits. */
__attribute__((target("avx512f"))) static void transpose_16(float *out, const float *in) {
    __m512 a[16], b[16];
    for (int i = 0; i < 16; i++) a[i] = _mm512_loadu_ps(in + i * PANEL_K);
    for (int i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            a[i + 2 * j] = _mm512_shuffle_ps(b[i + j], b[i + 2 + j], 0x44);
            a[i + 2 * j + 1] = _mm512_shuffle_ps(b[i + j], b[i + 2 + j], 0xee);
        }
    for (int i = 0; i < 4; i++) {      /* a[4 g + i]: lane q holds column 4 q + i of rows 4 g .. 4 g + 3 */
        b[i] = _mm512_shuffle_f32x4(a[i], a[4 + i], 0x88);
        b[4 + i] = _mm512_shuffle_f32x4(a[i], a[4 + i], 0xdd);
        b[8 + i] = _mm512_shuffle_f32x4(a[8 + i], a[12 + i], 0x88);
        b[12 + i] = _mm512_shuffle_f32x4(a[8 + i], a[12 + i], 0xdd);
    }
    for (int i = 0; i < 4; i++) {
        _mm512_storeu_ps(out + i * N, _mm512_shuffle_f32x4(b[i], b[8 + i], 0x88));
        _mm512_storeu_ps(out + (8 + i) * N, _mm512_shuffle_f32x4(b[i], b[8 + i], 0xdd));
        _mm512_storeu_ps(out + (4 + i) * N, _mm512_shuffle_f32x4(b[4 + i], b[12 + i], 0x88));
        _mm512_storeu_ps(out + (12 + i) * N, _mm512_shuffle_f32x4(b[4 + i], b[12 + i], 0xdd));
    }
}
static bool wide(void) { return __builtin_cpu_supports("avx512f"); }
#else
#define transpose_16 NULL_transpose_16
static void NULL_transpose_16(float *out, const float *in) { (void)out; (void)in; }
#define multiply_wide multiply
#define from_f16_wide from_f16_plain
#define to_f16_wide to_f16_plain
static bool wide(void) { return false; }
#endif

void panel_multiply(const Sums *c, const float *a, const float *b, int64_t m, int64_t k) { (wide() ? multiply_wide : multiply_plain)(c, a, b, m, k); }
void panel_from_f16(float *out, const void *in, int64_t n) { (wide() ? from_f16_wide : from_f16_plain)(out, in, n); }
void panel_to_f16(void *out, const float *in, int64_t n) { (wide() ? to_f16_wide : to_f16_plain)(out, in, n); }

void panel_interleave(float *b, const float *rows, int64_t n, int64_t k) {
    int64_t l = 0;
    for (; wide() && n == N && l + 16 <= k; l += 16)
        for (int64_t j = 0; j < N; j += 16) transpose_16(b + l * N + j, rows + j * PANEL_K + l);
    for (; l < k; l++)
        for (int64_t j = 0; j < N; j++) b[l * N + j] = j < n ? rows[j * PANEL_K + l] : 0;
}
