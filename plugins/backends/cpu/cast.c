/* cast.c: blocks of numbers from one element type to another.
 *
 * Compiled once per instruction set. Floating point goes to integers toward zero, NaN to 0, beyond
 * the range to its nearest end; integers wrap around; anything but 0 is a true bool (NaN too).
 * Half precision rounds to nearest, halves to even.
 */
#include "vectors.h"

#include <string.h>

#if defined(__F16C__)
#    include <immintrin.h>

static inline float float_of_half(uint16_t h)
{
    return _cvtsh_ss(h);
}

static inline uint16_t half_of_float(float x)
{
    return _cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT);
}
#else
#    include "half.h"
#endif

static inline float float_of_brain(uint16_t b)
{
    const uint32_t bits = (uint32_t)b << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// Rounded by adding half of what is cut off, a little less where the last bit kept is even.
static inline uint16_t brain_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    return (uint16_t)(x == x ? rounded : (bits >> 16) | 0x40);
}

/* Toward zero, the range's ends for what lies beyond, 0 for NaN. 2^63 and 2^64 are the first
 * doubles out of range; the smaller types' ends are doubles themselves. */
#define TO_INTEGER(name, type, low, high)                                                          \
    static inline type name##_of_real(double x)                                                    \
    {                                                                                              \
        const double inside = x > (low) ? (x < (high) ? x : (high)) : (x <= (low) ? (low) : 0);    \
        return (type)inside;                                                                       \
    }
TO_INTEGER(i8, int8_t, -128.0, 127.0)
TO_INTEGER(i16, int16_t, -32768.0, 32767.0)
TO_INTEGER(i32, int32_t, -2147483648.0, 2147483647.0)
TO_INTEGER(u8, uint8_t, 0.0, 255.0)
TO_INTEGER(u16, uint16_t, 0.0, 65535.0)
TO_INTEGER(u32, uint32_t, 0.0, 4294967295.0)

static inline int64_t i64_of_real(double x)
{
    if (x >= 0x1p63)
        return INT64_MAX;
    return x >= -0x1p63 ? (int64_t)x : x < 0 ? INT64_MIN : 0;
}

static inline uint64_t u64_of_real(double x)
{
    if (x >= 0x1p64)
        return UINT64_MAX;
    return x > 0 ? (uint64_t)x : 0;
}

#define CAST(from, from_type, to, to_type, expression)                                             \
    static void to##_from_##from(void *out, const void *in, int64_t n)                             \
    {                                                                                              \
        to_type *o = out;                                                                          \
        const from_type *x = in;                                                                   \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const from_type a = x[i];                                                              \
            o[i] = (to_type)(expression);                                                          \
        }                                                                                          \
    }

// `real` is the number as floating point, `whole` tells how it becomes an integer type.
#define FROM_REAL(from, type, real)                                                                \
    CAST(from, type, f32, float, real)                                                             \
    CAST(from, type, f64, double, real)                                                            \
    CAST(from, type, f16, uint16_t, half_of_float((float)(real)))                                  \
    CAST(from, type, bf16, uint16_t, brain_of_float((float)(real)))                                \
    CAST(from, type, i8, int8_t, i8_of_real((double)(real)))                                       \
    CAST(from, type, i16, int16_t, i16_of_real((double)(real)))                                    \
    CAST(from, type, i32, int32_t, i32_of_real((double)(real)))                                    \
    CAST(from, type, i64, int64_t, i64_of_real((double)(real)))                                    \
    CAST(from, type, u8, uint8_t, u8_of_real((double)(real)))                                      \
    CAST(from, type, u16, uint16_t, u16_of_real((double)(real)))                                   \
    CAST(from, type, u32, uint32_t, u32_of_real((double)(real)))                                   \
    CAST(from, type, u64, uint64_t, u64_of_real((double)(real)))                                   \
    CAST(from, type, bool, uint8_t, (real) != 0)

#define FROM_INTEGER(from, type)                                                                   \
    CAST(from, type, f32, float, a)                                                                \
    CAST(from, type, f64, double, a)                                                               \
    CAST(from, type, f16, uint16_t, half_of_float((float)a))                                       \
    CAST(from, type, bf16, uint16_t, brain_of_float((float)a))                                     \
    CAST(from, type, i8, int8_t, a)                                                                \
    CAST(from, type, i16, int16_t, a)                                                              \
    CAST(from, type, i32, int32_t, a)                                                              \
    CAST(from, type, i64, int64_t, a)                                                              \
    CAST(from, type, u8, uint8_t, a)                                                               \
    CAST(from, type, u16, uint16_t, a)                                                             \
    CAST(from, type, u32, uint32_t, a)                                                             \
    CAST(from, type, u64, uint64_t, a)                                                             \
    CAST(from, type, bool, uint8_t, a != 0)

#define CAST_ROW(from)                                                                             \
    {                                                                                              \
        [KAON_F32] = f32_from_##from, [KAON_F64] = f64_from_##from, [KAON_F16] = f16_from_##from,  \
        [KAON_BF16] = bf16_from_##from, [KAON_I8] = i8_from_##from, [KAON_I16] = i16_from_##from,  \
        [KAON_I32] = i32_from_##from, [KAON_I64] = i64_from_##from, [KAON_U8] = u8_from_##from,    \
        [KAON_U16] = u16_from_##from, [KAON_U32] = u32_from_##from, [KAON_U64] = u64_from_##from,  \
        [KAON_BOOL] = bool_from_##from                                                             \
    }

// clang-format off
FROM_REAL(f32, float, a)
FROM_REAL(f64, double, a)
FROM_REAL(f16, uint16_t, float_of_half(a))
FROM_REAL(bf16, uint16_t, float_of_brain(a))
FROM_INTEGER(i8, int8_t)
FROM_INTEGER(i16, int16_t)
FROM_INTEGER(i32, int32_t)
FROM_INTEGER(i64, int64_t)
FROM_INTEGER(u8, uint8_t)
FROM_INTEGER(u16, uint16_t)
FROM_INTEGER(u32, uint32_t)
FROM_INTEGER(u64, uint64_t)
FROM_INTEGER(bool, uint8_t)

cpu_cast_fn *const CPU_VARIANT(cpu_casts)[KAON_DTYPE_COUNT][KAON_DTYPE_COUNT] = {
    [KAON_F32] = CAST_ROW(f32), [KAON_F64] = CAST_ROW(f64), [KAON_F16] = CAST_ROW(f16),
    [KAON_BF16] = CAST_ROW(bf16), [KAON_I8] = CAST_ROW(i8), [KAON_I16] = CAST_ROW(i16),
    [KAON_I32] = CAST_ROW(i32), [KAON_I64] = CAST_ROW(i64), [KAON_U8] = CAST_ROW(u8),
    [KAON_U16] = CAST_ROW(u16), [KAON_U32] = CAST_ROW(u32), [KAON_U64] = CAST_ROW(u64),
    [KAON_BOOL] = CAST_ROW(bool),
};
// clang-format on
