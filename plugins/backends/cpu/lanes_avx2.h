/* lanes_avx2.h: the vectors of lanes.h on AVX2 with FMA. Included by lanes.h only. */
#ifndef CPU_LANES_AVX2_H
#define CPU_LANES_AVX2_H

#include <immintrin.h>

enum { F32_LANES = 8, F64_LANES = 4, LANES_FUSED = 1 }; // fused multiply-add

typedef float f32v __attribute__((vector_size(32)));
typedef double f64v __attribute__((vector_size(32)));
typedef int32_t i32v __attribute__((vector_size(32)));
typedef int64_t i64v __attribute__((vector_size(32)));
typedef uint32_t u32v __attribute__((vector_size(32)));
typedef uint64_t u64v __attribute__((vector_size(32)));
typedef i32v f32m;
typedef i64v f64m;

/* --- f32 -------------------------------------------------------------------------------------- */

static inline i32v i32_set(int32_t x)
{
    return (i32v)_mm256_set1_epi32(x);
}

static inline __m256i f32_first(int64_t n)
{
    const i32v index = {0, 1, 2, 3, 4, 5, 6, 7};
    return (__m256i)(i32_set((int32_t)n) > index);
}

static inline f32v f32_set(float x)
{
    return (f32v)_mm256_set1_ps(x);
}

static inline f32v f32_load(const float *p)
{
    return (f32v)_mm256_loadu_ps(p);
}

static inline f32v f32_load_n(const float *p, int64_t n)
{
    return (f32v)_mm256_maskload_ps(p, f32_first(n));
}

// Numbers `stride` apart.
static inline f32v f32_gather(const float *p, int32_t stride)
{
    const i32v lanes = {0, 1, 2, 3, 4, 5, 6, 7};
    return (f32v)_mm256_i32gather_ps(p, (__m256i)(lanes * stride), 4);
}

static inline void f32_store(float *p, f32v a)
{
    _mm256_storeu_ps(p, (__m256)a);
}

static inline void f32_store_n(float *p, f32v a, int64_t n)
{
    _mm256_maskstore_ps(p, f32_first(n), (__m256)a);
}

static inline void f32_stream(float *p, f32v a)
{
    _mm256_stream_ps(p, (__m256)a);
}

static inline i32v f32_bits(f32v a)
{
    return (i32v)a;
}

static inline f32v f32_from_bits(i32v a)
{
    return (f32v)a;
}

static inline f32v f32_fma(f32v a, f32v b, f32v c)
{
    return (f32v)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

static inline f32v f32_max_or_second(f32v a, f32v b)
{
    return (f32v)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline f32v f32_min_or_second(f32v a, f32v b)
{
    return (f32v)_mm256_min_ps((__m256)a, (__m256)b);
}

static inline f32v f32_sqrt(f32v a)
{
    return (f32v)_mm256_sqrt_ps((__m256)a);
}

static inline f32v f32_nearest(f32v a)
{
    return (f32v)_mm256_round_ps((__m256)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline f32v f32_floor(f32v a)
{
    return (f32v)_mm256_floor_ps((__m256)a);
}

static inline f32v f32_ceil(f32v a)
{
    return (f32v)_mm256_ceil_ps((__m256)a);
}

static inline f32v f32_trunc(f32v a)
{
    return (f32v)_mm256_round_ps((__m256)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}

static inline f32m f32_lt(f32v a, f32v b)
{
    return (f32m)(a < b);
}

static inline f32m f32_le(f32v a, f32v b)
{
    return (f32m)(a <= b);
}

static inline f32m f32_eq(f32v a, f32v b)
{
    return (f32m)(a == b);
}

static inline f32m f32_isnan(f32v a)
{
    return (f32m)(a != a);
}

static inline f32m f32_not(f32m m)
{
    return ~m;
}

static inline f32m f32_either(f32m a, f32m b)
{
    return a | b;
}

static inline f32m f32_both(f32m a, f32m b)
{
    return a & b;
}

static inline int f32_any(f32m m)
{
    return _mm256_movemask_ps((__m256)m) != 0;
}

// n bools as bytes 0 and 1, n <= lanes.
static __attribute__((noinline, unused)) void f32_store_mask(uint8_t *p, f32m m, int64_t n)
{
    int32_t lanes[F32_LANES];
    memcpy(lanes, &m, sizeof m);
    for (int64_t i = 0; i < n; i++)
        p[i] = (uint8_t)(lanes[i] & 1);
}

static __attribute__((noinline, unused)) f32m f32_load_mask(const uint8_t *p, int64_t n)
{
    int32_t lanes[F32_LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lanes[i] = p[i] ? -1 : 0;
    f32m m;
    memcpy(&m, lanes, sizeof m);
    return m;
}

static inline f32v f32_select(f32m m, f32v yes, f32v no)
{
    return (f32v)_mm256_blendv_ps((__m256)no, (__m256)yes, (__m256)m);
}

static inline i32v i32_from_f32(f32v a)
{
    return (i32v)_mm256_cvtps_epi32((__m256)a);
}

static inline f32v f32_from_i32(i32v a)
{
    return (f32v)_mm256_cvtepi32_ps((__m256i)a);
}

// 2^n for whole n in the range of normal numbers.
static inline f32v f32_power(i32v n)
{
    return (f32v)_mm256_slli_epi32((__m256i)(n + i32_set(127)), 23);
}

// a * 2^n in three factors, each a normal number, so that denormal results round once.
static inline f32v f32_scale(f32v a, f32v n)
{
    const f32v limit = f32_set(300);
    const i32v whole = i32_from_f32(f32_max_or_second(f32_min_or_second(n, limit), -limit));
    const i32v quarter = (i32v)_mm256_srai_epi32((__m256i)whole, 2);
    const f32v part = f32_power(quarter);
    return a * part * part * part * f32_power(whole - 3 * quarter);
}

/* --- f64 -------------------------------------------------------------------------------------- */

static inline i64v i64_set(int64_t x)
{
    return (i64v)_mm256_set1_epi64x(x);
}

static inline __m256i f64_first(int64_t n)
{
    const i64v index = {0, 1, 2, 3};
    return (__m256i)(i64_set(n) > index);
}

static inline f64v f64_set(double x)
{
    return (f64v)_mm256_set1_pd(x);
}

static inline f64v f64_load(const double *p)
{
    return (f64v)_mm256_loadu_pd(p);
}

static inline f64v f64_load_n(const double *p, int64_t n)
{
    return (f64v)_mm256_maskload_pd(p, f64_first(n));
}

static inline void f64_store(double *p, f64v a)
{
    _mm256_storeu_pd(p, (__m256d)a);
}

static inline void f64_store_n(double *p, f64v a, int64_t n)
{
    _mm256_maskstore_pd(p, f64_first(n), (__m256d)a);
}

static inline void f64_stream(double *p, f64v a)
{
    _mm256_stream_pd(p, (__m256d)a);
}

static inline i64v f64_bits(f64v a)
{
    return (i64v)a;
}

static inline f64v f64_from_bits(i64v a)
{
    return (f64v)a;
}

static inline f64v f64_fma(f64v a, f64v b, f64v c)
{
    return (f64v)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}

static inline f64v f64_max_or_second(f64v a, f64v b)
{
    return (f64v)_mm256_max_pd((__m256d)a, (__m256d)b);
}

static inline f64v f64_min_or_second(f64v a, f64v b)
{
    return (f64v)_mm256_min_pd((__m256d)a, (__m256d)b);
}

static inline f64v f64_sqrt(f64v a)
{
    return (f64v)_mm256_sqrt_pd((__m256d)a);
}

static inline f64v f64_nearest(f64v a)
{
    return (f64v)_mm256_round_pd((__m256d)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline f64v f64_floor(f64v a)
{
    return (f64v)_mm256_floor_pd((__m256d)a);
}

static inline f64v f64_ceil(f64v a)
{
    return (f64v)_mm256_ceil_pd((__m256d)a);
}

static inline f64v f64_trunc(f64v a)
{
    return (f64v)_mm256_round_pd((__m256d)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}

static inline f64m f64_lt(f64v a, f64v b)
{
    return (f64m)(a < b);
}

static inline f64m f64_le(f64v a, f64v b)
{
    return (f64m)(a <= b);
}

static inline f64m f64_eq(f64v a, f64v b)
{
    return (f64m)(a == b);
}

static inline f64m f64_isnan(f64v a)
{
    return (f64m)(a != a);
}

static inline f64m f64_not(f64m m)
{
    return ~m;
}

static inline f64m f64_either(f64m a, f64m b)
{
    return a | b;
}

static inline f64m f64_both(f64m a, f64m b)
{
    return a & b;
}

static inline int f64_any(f64m m)
{
    return _mm256_movemask_pd((__m256d)m) != 0;
}

static __attribute__((noinline, unused)) void f64_store_mask(uint8_t *p, f64m m, int64_t n)
{
    int64_t lanes[F64_LANES];
    memcpy(lanes, &m, sizeof m);
    for (int64_t i = 0; i < n; i++)
        p[i] = (uint8_t)(lanes[i] & 1);
}

static __attribute__((noinline, unused)) f64m f64_load_mask(const uint8_t *p, int64_t n)
{
    int64_t lanes[F64_LANES] = {0};
    for (int64_t i = 0; i < n; i++)
        lanes[i] = p[i] ? -1 : 0;
    f64m m;
    memcpy(&m, lanes, sizeof m);
    return m;
}

static inline f64v f64_select(f64m m, f64v yes, f64v no)
{
    return (f64v)_mm256_blendv_pd((__m256d)no, (__m256d)yes, (__m256d)m);
}

// AVX2 has no such conversion. 1.5 * 2^52 added, the whole number stands in the low bits; |a| <
// 2^51.
static inline i64v i64_from_f64(f64v a)
{
    const f64v magic = f64_set(0x1.8p52);
    return (i64v)((u64v)(a + magic) - (u64v)magic);
}

static inline f64v f64_from_i64(i64v a)
{
    const f64v magic = f64_set(0x1.8p52);
    return (f64v)((u64v)a + (u64v)magic) - magic;
}

static inline f64v f64_power(i64v n)
{
    return (f64v)_mm256_slli_epi64((__m256i)(n + i64_set(1023)), 52);
}

static inline f64v f64_scale(f64v a, f64v n)
{
    const f64v limit = f64_set(2200);
    const f64v whole = f64_max_or_second(f64_min_or_second(n, limit), -limit);
    const f64v quarter = f64_floor(whole * f64_set(0.25));
    const f64v part = f64_power(i64_from_f64(quarter));
    return a * part * part * part * f64_power(i64_from_f64(whole - f64_set(3) * quarter));
}

/* --- between the widths ----------------------------------------------------------------------- */

static inline f64v f64_low(f32v a)
{
    return (f64v)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)a));
}

static inline f64v f64_high(f32v a)
{
    return (f64v)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)a, 1));
}

static inline f32v f32_narrow(f64v low, f64v high)
{
    const __m256 half = _mm256_castps128_ps256(_mm256_cvtpd_ps((__m256d)low));
    return (f32v)_mm256_insertf128_ps(half, _mm256_cvtpd_ps((__m256d)high), 1);
}

/* --- turning blocks over -----------------------------------------------------------------------
 */

// The numbers of the first halves in turn, and of the second.
static inline f32v f32_zip_low(f32v a, f32v b)
{
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

static inline f32v f32_zip_high(f32v a, f32v b)
{
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

// The numbers of the first halves in turn, and of the second.
static inline f64v f64_zip_low(f64v a, f64v b)
{
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
}

static inline f64v f64_zip_high(f64v a, f64v b)
{
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
}

/* --- across the lanes ------------------------------------------------------------------------- */

static inline double f64_total(f64v a)
{
    return (a[0] + a[2]) + (a[1] + a[3]);
}

// Largest and smallest; lanes are not NaN.
static inline float f32_highest(f32v a)
{
    const __m128 pair =
        _mm_max_ps(_mm256_castps256_ps128((__m256)a), _mm256_extractf128_ps((__m256)a, 1));
    const __m128 two = _mm_max_ps(pair, _mm_movehl_ps(pair, pair));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

static inline float f32_lowest(f32v a)
{
    const __m128 pair =
        _mm_min_ps(_mm256_castps256_ps128((__m256)a), _mm256_extractf128_ps((__m256)a, 1));
    const __m128 two = _mm_min_ps(pair, _mm_movehl_ps(pair, pair));
    return _mm_cvtss_f32(_mm_min_ss(two, _mm_movehdup_ps(two)));
}

#endif
