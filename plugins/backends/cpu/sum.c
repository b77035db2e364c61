/* sum.c: one reduction: its start, joining two parts of it, and memory.
 *
 * Floating point is held in f64, integers in 64 bits of their own sign.
 */
#include "expression.h"

#include <math.h>

cpu_sum cpu_sum_start(int32_t dtype, int32_t how)
{
    const int32_t real = kaon_dtype_is_float(dtype);
    const uint64_t bits = kaon_dtype_bytes(dtype) * 8;
    const int64_t top = (int64_t)(UINT64_MAX >> (65 - bits)); // of a signed type
    const int32_t is_signed = dtype >= KAON_I8 && dtype <= KAON_I64;
    cpu_sum s = {.natural = 0};
    if (how == KAON_REDUCE_PROD) {
        if (real)
            s.real = 1;
        else
            s.natural = 1;
    } else if (how == KAON_REDUCE_MAX) {
        if (real)
            s.real = -(double)INFINITY;
        else if (is_signed)
            s.whole = -top - 1;
    } else if (how == KAON_REDUCE_MIN) {
        if (real)
            s.real = (double)INFINITY;
        else if (is_signed)
            s.whole = top;
        else
            s.natural = dtype == KAON_BOOL ? 1 : UINT64_MAX >> (64 - bits);
    } else if (real) {
        s.real = 0;
    }
    return s;
}

static double join_real(int32_t how, double a, double b)
{
    switch (how) {
    case KAON_REDUCE_MAX:
        return b > a || b != b ? b : a;
    case KAON_REDUCE_MIN:
        return b < a || b != b ? b : a;
    case KAON_REDUCE_PROD:
        return a * b;
    default:
        return a + b;
    }
}

cpu_sum cpu_sum_join(int32_t dtype, int32_t how, cpu_sum a, cpu_sum b)
{
    cpu_sum s;
    if (kaon_dtype_is_float(dtype)) {
        s.real = join_real(how, a.real, b.real);
        return s;
    }
    const int32_t is_signed = dtype >= KAON_I8 && dtype <= KAON_I64;
    const int32_t b_larger = is_signed ? b.whole > a.whole : b.natural > a.natural;
    if (how == KAON_REDUCE_MAX)
        return b_larger ? b : a;
    if (how == KAON_REDUCE_MIN)
        return b_larger ? a : b;
    s.natural = how == KAON_REDUCE_PROD ? a.natural * b.natural
                : dtype == KAON_BOOL    ? a.natural | b.natural
                                        : a.natural + b.natural;
    return s;
}

cpu_sum cpu_sum_load(const cpu_device *d, int32_t dtype, const void *from)
{
    cpu_sum s;
    if (dtype == KAON_F32)
        s.real = (double)*(const float *)from;
    else
        d->set->casts[dtype][kaon_dtype_is_float(dtype) ? KAON_F64 : KAON_U64](&s, from, 1);
    return s;
}

void cpu_sum_store(const cpu_device *d, int32_t dtype, void *to, cpu_sum s)
{
    if (dtype == KAON_F32)
        *(float *)to = (float)s.real;
    else
        d->set->casts[kaon_dtype_is_float(dtype) ? KAON_F64 : KAON_U64][dtype](to, &s, 1);
}
