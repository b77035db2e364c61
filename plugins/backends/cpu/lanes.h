/* lanes.h: vectors of f32 and f64 as wide as the instruction set this file is compiled for.
 *
 * A variant source includes this and is compiled once per instruction set. The types and functions
 * are the same everywhere, only their width differs:
 *
 *     f32v, f64v   F32_LANES floats, F64_LANES doubles
 *     i32v, i64v   as many integers: bit patterns and exponents
 *     f32m, f64m   the answer of a comparison, one truth per lane
 *
 * + - * / and unary minus are written as operators. Loads and stores need no alignment. The forms
 * ending in _n touch the first n elements only, 0 <= n <= lanes, and read the others as zero.
 */
#ifndef CPU_LANES_H
#define CPU_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#    include "lanes_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#    include "lanes_avx2.h"
#else
#    include "lanes_base.h"
#endif

// Bit patterns wrap around.
static inline i32v i32_less(i32v a, i32v b)
{
    return (i32v)((u32v)a - (u32v)b);
}

static inline i32v i32_up(i32v a, int bits)
{
    return (i32v)((u32v)a << bits);
}

static inline i64v i64_less(i64v a, i64v b)
{
    return (i64v)((u64v)a - (u64v)b);
}

static inline i64v i64_up(i64v a, int bits)
{
    return (i64v)((u64v)a << bits);
}

static inline f32v f32_abs(f32v a)
{
    return f32_from_bits(f32_bits(a) & i32_set(0x7fffffff));
}

static inline f64v f64_abs(f64v a)
{
    return f64_from_bits(f64_bits(a) & i64_set(INT64_MAX));
}

// The magnitude of `a` with the sign of `b`.
static inline f32v f32_copysign(f32v a, f32v b)
{
    const i32v sign = i32_set(INT32_MIN);
    return f32_from_bits((f32_bits(a) & ~sign) | (f32_bits(b) & sign));
}

static inline f64v f64_copysign(f64v a, f64v b)
{
    const i64v sign = i64_set(INT64_MIN);
    return f64_from_bits((f64_bits(a) & ~sign) | (f64_bits(b) & sign));
}

// Larger and smaller of two; NaN if either is.
static inline f32v f32_max(f32v a, f32v b)
{
    return f32_select(f32_isnan(a), a, f32_max_or_second(a, b));
}

static inline f32v f32_min(f32v a, f32v b)
{
    return f32_select(f32_isnan(a), a, f32_min_or_second(a, b));
}

static inline f64v f64_max(f64v a, f64v b)
{
    return f64_select(f64_isnan(a), a, f64_max_or_second(a, b));
}

static inline f64v f64_min(f64v a, f64v b)
{
    return f64_select(f64_isnan(a), a, f64_min_or_second(a, b));
}

#endif
