/* number.c: numbers of every type, and places in tensors. */
#include "null.h"

#include <math.h>
#include <string.h>

int32_t null_is_float(int32_t dtype)
{
    return kaon_dtype_is_float(dtype);
}

static double half_to_double(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return fraction ? (double)NAN : sign * (double)INFINITY;
    return sign * (exponent ? ldexp(fraction + 1024, exponent - 25) : ldexp(fraction, -24));
}

static double brain_to_double(uint16_t bits)
{
    const uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return (double)value;
}

/* To a format with `fraction` bits after the leading one and exponents from `low` to `high`. */
static uint16_t to_small(double value, int fraction, int low, int high)
{
    const unsigned sign = signbit(value) ? 0x8000u : 0;
    const unsigned top = (unsigned)(high - low + 2) << fraction; // infinity
    if (isnan(value))
        return (uint16_t)(sign | top | 1u << (fraction - 1));
    int exponent = 0;
    frexp(value, &exponent);
    exponent--;
    if (isinf(value) || exponent > high)
        return (uint16_t)(sign | top);
    if (exponent < low || value == 0)
        exponent = low;
    const unsigned units = (unsigned)nearbyint(ldexp(fabs(value), fraction - exponent));
    return (uint16_t)(sign | (((unsigned)(exponent - low) << fraction) + units));
}

null_number null_load(int32_t dtype, const void *at)
{
    null_number n = {0, 0};
    switch (dtype) {
    case KAON_F32:
        n.real = (double)*(const float *)at;
        break;
    case KAON_F64:
        n.real = *(const double *)at;
        break;
    case KAON_F16:
        n.real = half_to_double(*(const uint16_t *)at);
        break;
    case KAON_BF16:
        n.real = brain_to_double(*(const uint16_t *)at);
        break;
    case KAON_I8:
        n.whole = *(const int8_t *)at;
        break;
    case KAON_I16:
        n.whole = *(const int16_t *)at;
        break;
    case KAON_I32:
        n.whole = *(const int32_t *)at;
        break;
    case KAON_U16:
        n.whole = *(const uint16_t *)at;
        break;
    case KAON_U32:
        n.whole = *(const uint32_t *)at;
        break;
    case KAON_I64:
    case KAON_U64: // its bits
        n.whole = *(const int64_t *)at;
        break;
    default:
        n.whole = *(const uint8_t *)at;
        break;
    }
    return n;
}

void null_store(int32_t dtype, void *at, null_number n)
{
    switch (dtype) {
    case KAON_F32:
        *(float *)at = (float)n.real;
        break;
    case KAON_F64:
        *(double *)at = n.real;
        break;
    case KAON_F16:
        *(uint16_t *)at = to_small(n.real, 10, -14, 15);
        break;
    case KAON_BF16:
        *(uint16_t *)at = to_small(n.real, 7, -126, 127);
        break;
    case KAON_I16:
    case KAON_U16:
        *(uint16_t *)at = (uint16_t)n.whole;
        break;
    case KAON_I32:
    case KAON_U32:
        *(uint32_t *)at = (uint32_t)n.whole;
        break;
    case KAON_I64:
    case KAON_U64:
        *(int64_t *)at = n.whole;
        break;
    case KAON_BOOL:
        *(uint8_t *)at = n.whole != 0;
        break;
    default:
        *(uint8_t *)at = (uint8_t)n.whole;
        break;
    }
}

null_number null_of(int32_t dtype, double value)
{
    null_number n = {0, 0};
    if (null_is_float(dtype))
        n.real = value;
    else if (dtype == KAON_U64)
        n.whole = (int64_t)(uint64_t)value;
    else
        n.whole = (int64_t)value;
    return n;
}

double null_value(int32_t dtype, null_number n)
{
    if (null_is_float(dtype))
        return n.real;
    return dtype == KAON_U64 ? (double)(uint64_t)n.whole : (double)n.whole;
}

int null_compare(int32_t dtype, null_number a, null_number b)
{
    if (null_is_float(dtype)) {
        if (isnan(a.real) || isnan(b.real))
            return !isnan(b.real) - !isnan(a.real);
        return (a.real > b.real) - (a.real < b.real);
    }
    if (dtype == KAON_U64)
        return ((uint64_t)a.whole > (uint64_t)b.whole) - ((uint64_t)a.whole < (uint64_t)b.whole);
    return (a.whole > b.whole) - (a.whole < b.whole);
}

int64_t null_count(const null_tensor *t)
{
    int64_t count = 1;
    for (int32_t i = 0; i < t->rank; i++)
        count *= t->shape[i];
    return count;
}

int32_t null_next(int32_t rank, const int64_t *shape, int64_t *index)
{
    for (int32_t i = rank - 1; i >= 0; i--) {
        if (++index[i] < shape[i])
            return 1;
        index[i] = 0;
    }
    return 0;
}

char *null_at(const null_tensor *t, const int64_t *index)
{
    int64_t at = 0;
    for (int32_t i = 0; i < t->rank; i++)
        at += index[i] * t->strides[i];
    return t->data + at * (int64_t)kaon_dtype_bytes(t->dtype);
}

const kaon_attr *null_attr(const null_task *t, const char *name)
{
    for (int32_t i = 0; i < t->attr_count; i++)
        if (strcmp(t->attrs[i].name, name) == 0)
            return &t->attrs[i];
    return NULL;
}

int64_t null_attr_int(const null_task *t, const char *name)
{
    const kaon_attr *a = null_attr(t, name);
    return a ? a->integer : 0;
}

int64_t null_attr_at(const null_task *t, const char *name, int32_t index)
{
    const kaon_attr *a = null_attr(t, name);
    return a && index < a->count ? a->at[index] : 0;
}
