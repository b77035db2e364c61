/* lanes_avx512.h: the vectors of lanes.h on AVX-512 (F, BW, DQ, VL). Included by lanes.h only. */
#ifndef CPU_LANES_AVX512_H
#define CPU_LANES_AVX512_H

#include <immintrin.h>

enum { F32_LANES = 16, F64_LANES = 8, LANES_FUSED = 1 }; // fused multiply-add

typedef float f32v __attribute__((vector_size(64)));
typedef double f64v __attribute__((vector_size(64)));
typedef int32_t i32v __attribute__((vector_size(64)));
typedef int64_t i64v __attribute__((vector_size(64)));
typedef uint32_t u32v __attribute__((vector_size(64)));
typedef uint64_t u64v __attribute__((vector_size(64)));
typedef __mmask16 f32m;
typedef __mmask8 f64m;

/* --- f32 -------------------------------------------------------------------------------------- */

static inline __mmask16 f32_first(int64_t n)
{
    return (__mmask16)((1u << n) - 1u);
}

static inline f32v f32_set(float x)
{
    return (f32v)_mm512_set1_ps(x);
}

static inline i32v i32_set(int32_t x)
{
    return (i32v)_mm512_set1_epi32(x);
}

static inline f32v f32_load(const float *p)
{
    return (f32v)_mm512_loadu_ps(p);
}

static inline f32v f32_load_n(const float *p, int64_t n)
{
    return (f32v)_mm512_maskz_loadu_ps(f32_first(n), p);
}

// Numbers `stride` apart.
static inline f32v f32_gather(const float *p, int32_t stride)
{
    const i32v lanes = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return (f32v)_mm512_i32gather_ps((__m512i)(lanes * stride), p, 4);
}

static inline void f32_store(float *p, f32v a)
{
    _mm512_storeu_ps(p, (__m512)a);
}

static inline void f32_store_n(float *p, f32v a, int64_t n)
{
    _mm512_mask_storeu_ps(p, f32_first(n), (__m512)a);
}

// Past the caches; `p` is aligned to 64 bytes.
static inline void f32_stream(float *p, f32v a)
{
    _mm512_stream_ps(p, (__m512)a);
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
    return (f32v)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

static inline f32v f32_max_or_second(f32v a, f32v b)
{
    return (f32v)_mm512_max_ps((__m512)a, (__m512)b);
}

static inline f32v f32_min_or_second(f32v a, f32v b)
{
    return (f32v)_mm512_min_ps((__m512)a, (__m512)b);
}

static inline f32v f32_sqrt(f32v a)
{
    return (f32v)_mm512_sqrt_ps((__m512)a);
}

static inline f32v f32_nearest(f32v a)
{
    return (f32v)_mm512_roundscale_ps((__m512)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline f32v f32_floor(f32v a)
{
    return (f32v)_mm512_roundscale_ps((__m512)a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static inline f32v f32_ceil(f32v a)
{
    return (f32v)_mm512_roundscale_ps((__m512)a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

static inline f32v f32_trunc(f32v a)
{
    return (f32v)_mm512_roundscale_ps((__m512)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}

static inline f32m f32_lt(f32v a, f32v b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ);
}

static inline f32m f32_le(f32v a, f32v b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LE_OQ);
}

static inline f32m f32_eq(f32v a, f32v b)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ);
}

static inline f32m f32_isnan(f32v a)
{
    return _mm512_cmp_ps_mask((__m512)a, (__m512)a, _CMP_UNORD_Q);
}

static inline f32m f32_not(f32m m)
{
    return (f32m)~m;
}

static inline f32m f32_either(f32m a, f32m b)
{
    return (f32m)(a | b);
}

static inline f32m f32_both(f32m a, f32m b)
{
    return (f32m)(a & b);
}

static inline int f32_any(f32m m)
{
    return m != 0;
}

// n bools as bytes 0 and 1, n <= lanes.
static inline void f32_store_mask(uint8_t *p, f32m m, int64_t n)
{
    _mm_mask_storeu_epi8(p, f32_first(n), _mm_maskz_set1_epi8(m, 1));
}

static inline f32m f32_load_mask(const uint8_t *p, int64_t n)
{
    const __m128i bytes = _mm_maskz_loadu_epi8(f32_first(n), p);
    return _mm_test_epi8_mask(bytes, bytes);
}

static inline f32v f32_select(f32m m, f32v yes, f32v no)
{
    return (f32v)_mm512_mask_blend_ps(m, (__m512)no, (__m512)yes);
}

static inline i32v i32_from_f32(f32v a)
{
    return (i32v)_mm512_cvtps_epi32((__m512)a);
}

static inline f32v f32_from_i32(i32v a)
{
    return (f32v)_mm512_cvtepi32_ps((__m512i)a);
}

// a * 2^n for whole n, correct down to denormals and up to infinity.
static inline f32v f32_scale(f32v a, f32v n)
{
    return (f32v)_mm512_scalef_ps((__m512)a, (__m512)n);
}

/* --- f64 -------------------------------------------------------------------------------------- */

static inline __mmask8 f64_first(int64_t n)
{
    return (__mmask8)((1u << n) - 1u);
}

static inline f64v f64_set(double x)
{
    return (f64v)_mm512_set1_pd(x);
}

static inline i64v i64_set(int64_t x)
{
    return (i64v)_mm512_set1_epi64(x);
}

static inline f64v f64_load(const double *p)
{
    return (f64v)_mm512_loadu_pd(p);
}

static inline f64v f64_load_n(const double *p, int64_t n)
{
    return (f64v)_mm512_maskz_loadu_pd(f64_first(n), p);
}

static inline void f64_store(double *p, f64v a)
{
    _mm512_storeu_pd(p, (__m512d)a);
}

static inline void f64_store_n(double *p, f64v a, int64_t n)
{
    _mm512_mask_storeu_pd(p, f64_first(n), (__m512d)a);
}

static inline void f64_stream(double *p, f64v a)
{
    _mm512_stream_pd(p, (__m512d)a);
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
    return (f64v)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}

static inline f64v f64_max_or_second(f64v a, f64v b)
{
    return (f64v)_mm512_max_pd((__m512d)a, (__m512d)b);
}

static inline f64v f64_min_or_second(f64v a, f64v b)
{
    return (f64v)_mm512_min_pd((__m512d)a, (__m512d)b);
}

static inline f64v f64_sqrt(f64v a)
{
    return (f64v)_mm512_sqrt_pd((__m512d)a);
}

static inline f64v f64_nearest(f64v a)
{
    return (f64v)_mm512_roundscale_pd((__m512d)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

static inline f64v f64_floor(f64v a)
{
    return (f64v)_mm512_roundscale_pd((__m512d)a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static inline f64v f64_ceil(f64v a)
{
    return (f64v)_mm512_roundscale_pd((__m512d)a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

static inline f64v f64_trunc(f64v a)
{
    return (f64v)_mm512_roundscale_pd((__m512d)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}

static inline f64m f64_lt(f64v a, f64v b)
{
    return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LT_OQ);
}

static inline f64m f64_le(f64v a, f64v b)
{
    return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_LE_OQ);
}

static inline f64m f64_eq(f64v a, f64v b)
{
    return _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_EQ_OQ);
}

static inline f64m f64_isnan(f64v a)
{
    return _mm512_cmp_pd_mask((__m512d)a, (__m512d)a, _CMP_UNORD_Q);
}

static inline f64m f64_not(f64m m)
{
    return (f64m)~m;
}

static inline f64m f64_either(f64m a, f64m b)
{
    return (f64m)(a | b);
}

static inline f64m f64_both(f64m a, f64m b)
{
    return (f64m)(a & b);
}

static inline int f64_any(f64m m)
{
    return m != 0;
}

static inline void f64_store_mask(uint8_t *p, f64m m, int64_t n)
{
    f32_store_mask(p, m, n);
}

static inline f64m f64_load_mask(const uint8_t *p, int64_t n)
{
    return (f64m)f32_load_mask(p, n);
}

static inline f64v f64_select(f64m m, f64v yes, f64v no)
{
    return (f64v)_mm512_mask_blend_pd(m, (__m512d)no, (__m512d)yes);
}

static inline i64v i64_from_f64(f64v a)
{
    return (i64v)_mm512_cvtpd_epi64((__m512d)a);
}

static inline f64v f64_from_i64(i64v a)
{
    return (f64v)_mm512_cvtepi64_pd((__m512i)a);
}

static inline f64v f64_scale(f64v a, f64v n)
{
    return (f64v)_mm512_scalef_pd((__m512d)a, (__m512d)n);
}

/* --- between the widths ----------------------------------------------------------------------- */

static inline f64v f64_low(f32v a)
{
    return (f64v)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)a));
}

static inline f64v f64_high(f32v a)
{
    return (f64v)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)a, 1));
}

static inline f32v f32_narrow(f64v low, f64v high)
{
    const __m512 half = _mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low));
    return (f32v)_mm512_insertf32x8(half, _mm512_cvtpd_ps((__m512d)high), 1);
}

/* --- turning blocks over -----------------------------------------------------------------------
 */

// The numbers of the first halves in turn, and of the second.
static inline f32v f32_zip_low(f32v a, f32v b)
{
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

static inline f32v f32_zip_high(f32v a, f32v b)
{
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
}

// The numbers of the first halves in turn, and of the second.
static inline f64v f64_zip_low(f64v a, f64v b)
{
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

static inline f64v f64_zip_high(f64v a, f64v b)
{
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/* --- across the lanes ------------------------------------------------------------------------- */

static inline double f64_total(f64v a)
{
    return _mm512_reduce_add_pd((__m512d)a);
}

// Largest and smallest; lanes are not NaN.
static inline float f32_highest(f32v a)
{
    return _mm512_reduce_max_ps((__m512)a);
}

static inline float f32_lowest(f32v a)
{
    return _mm512_reduce_min_ps((__m512)a);
}

#endif
