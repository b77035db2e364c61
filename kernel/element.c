/* element.c: elements of tensors of any type, read and written as double. */
#include "kernel/element.h"

#include <math.h>
#include <string.h>

float kn_from_bf16(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

float kn_from_f16(uint16_t bits)
{
    const int exponent = bits >> 10 & 31;
    const int fraction = bits & 1023;
    float value;
    if (exponent == 31)
        value = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexpf((float)fraction, -24);
    else
        value = ldexpf((float)(fraction + 1024), exponent - 25);
    return bits & 0x8000 ? -value : value;
}

/* Rounds once, from double: by way of float some numbers would be rounded twice. `fraction` bits
 * follow the leading one; exponents run from `low` (subnormal below it) to `high`. */
static uint16_t to_small(double value, int fraction, int low, int high)
{
    const int top = high - low + 2; // the exponent field of infinity
    const unsigned sign = signbit(value) ? 0x8000u : 0;
    if (isnan(value))
        return (uint16_t)(sign | (unsigned)top << fraction | 1u << (fraction - 1));
    const double size = fabs(value);
    int exponent = 0;
    frexp(size, &exponent);
    exponent--; // size = 1.x * 2^exponent
    if (exponent < low || size == 0)
        exponent = low;
    if (!isfinite(size) || exponent > high)
        return (uint16_t)(sign | (unsigned)top << fraction);
    // In units of the last place; nearbyint rounds halves to even. A carry runs into the exponent,
    // where it belongs.
    const unsigned units = (unsigned)nearbyint(ldexp(size, fraction - exponent));
    const unsigned bits = ((unsigned)(exponent - low) << fraction) + units;
    return (uint16_t)(sign | bits);
}

uint16_t kn_to_f16(double value)
{
    return to_small(value, 10, -14, 15);
}

uint16_t kn_to_bf16(double value)
{
    return to_small(value, 7, -126, 127);
}

static double clamp(double value, double low, double high)
{
    if (isnan(value))
        return 0;
    return value < low ? low : value > high ? high : value;
}

static int64_t to_i64(double value)
{
    // 2^63 itself does not fit.
    return value >= 0x1p63 ? INT64_MAX : (int64_t)clamp(value, -0x1p63, 0x1p63);
}

static uint64_t to_u64(double value)
{
    return value >= 0x1p64 ? UINT64_MAX : (uint64_t)clamp(value, 0, 0x1p64);
}

double kn_element_get(int32_t dtype, const void *array, int64_t i)
{
    switch (dtype) {
    case KAON_F32:
        return ((const float *)array)[i];
    case KAON_F64:
        return ((const double *)array)[i];
    case KAON_F16:
        return kn_from_f16(((const uint16_t *)array)[i]);
    case KAON_BF16:
        return kn_from_bf16(((const uint16_t *)array)[i]);
    case KAON_I8:
        return ((const int8_t *)array)[i];
    case KAON_I16:
        return ((const int16_t *)array)[i];
    case KAON_I32:
        return ((const int32_t *)array)[i];
    case KAON_I64:
        return (double)((const int64_t *)array)[i];
    case KAON_U8:
    case KAON_BOOL:
        return ((const uint8_t *)array)[i];
    case KAON_U16:
        return ((const uint16_t *)array)[i];
    case KAON_U32:
        return ((const uint32_t *)array)[i];
    case KAON_U64:
        return (double)((const uint64_t *)array)[i];
    default:
        return 0;
    }
}

void kn_element_put(int32_t dtype, void *array, int64_t i, double value)
{
    switch (dtype) {
    case KAON_F32:
        ((float *)array)[i] = (float)value;
        break;
    case KAON_F64:
        ((double *)array)[i] = value;
        break;
    case KAON_F16:
        ((uint16_t *)array)[i] = kn_to_f16(value);
        break;
    case KAON_BF16:
        ((uint16_t *)array)[i] = kn_to_bf16(value);
        break;
    case KAON_I8:
        ((int8_t *)array)[i] = (int8_t)clamp(value, INT8_MIN, INT8_MAX);
        break;
    case KAON_I16:
        ((int16_t *)array)[i] = (int16_t)clamp(value, INT16_MIN, INT16_MAX);
        break;
    case KAON_I32:
        ((int32_t *)array)[i] = (int32_t)clamp(value, INT32_MIN, INT32_MAX);
        break;
    case KAON_I64:
        ((int64_t *)array)[i] = to_i64(value);
        break;
    case KAON_U8:
        ((uint8_t *)array)[i] = (uint8_t)clamp(value, 0, UINT8_MAX);
        break;
    case KAON_U16:
        ((uint16_t *)array)[i] = (uint16_t)clamp(value, 0, UINT16_MAX);
        break;
    case KAON_U32:
        ((uint32_t *)array)[i] = (uint32_t)clamp(value, 0, UINT32_MAX);
        break;
    case KAON_U64:
        ((uint64_t *)array)[i] = to_u64(value);
        break;
    case KAON_BOOL:
        ((uint8_t *)array)[i] = value != 0;
        break;
    default:
        break;
    }
}
