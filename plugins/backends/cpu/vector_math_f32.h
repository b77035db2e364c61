/* vector_math_f32.h: elementary functions on vectors of f32.
 *
 * Within 2 units in the last place of the true value over the whole range (tested against f64),
 * with the C library's answers at NaN, infinities, zeros and denormals. Polynomials are minimax
 * fits by Remez exchange for the reduced argument. Functions used rarely are computed in f64 and
 * rounded.
 */
#ifndef CPU_VECTOR_MATH_F32_H
#define CPU_VECTOR_MATH_F32_H

#include "vector_math_f64.h"

// Sum of c[i] x^i, i < n, by Horner's rule.
static inline f32v f32_poly(f32v x, const float *c, int n)
{
    f32v sum = f32_set(c[n - 1]);
    CPU_UNROLL
    for (int i = n - 2; i >= 0; i--)
        sum = f32_fma(sum, x, f32_set(c[i]));
    return sum;
}

/* x = n ln2 + r, |r| <= ln2/2, gives n and exp(r) - 1. ln2 is split so that n times its first part
 * is exact even without a fused multiply-add. NaN stays NaN. */
static inline f32v f32_exp_reduced(f32v x, f32v *n)
{
    static const float c[] = {0.5000000101f, 0.1666651289f, 0.0416661876f, 0.008369598132f,
                              0.001395169319f};
    *n = f32_nearest(x * f32_set(1.44269504f));
    f32v r = f32_fma(*n, f32_set(-0.693359375f), x);
    r = f32_fma(*n, f32_set(2.12194440e-4f), r);
    return f32_fma(r * r, f32_poly(r, c, 5), r);
}

// Beyond these the result is 0 or infinity whatever the argument.
static inline f32v f32_exp_clamp(f32v x)
{
    return f32_max_or_second(f32_set(-104), f32_min_or_second(f32_set(89), x));
}

static inline f32v f32_exp(f32v x)
{
    f32v n;
    const f32v e = f32_exp_reduced(f32_exp_clamp(x), &n);
    return f32_scale(f32_set(1) + e, n);
}

// 2^n (e + 1) - 1, halved inside so that 2^n stays finite.
static inline f32v f32_expm1(f32v x)
{
    f32v n;
    const f32v e = f32_exp_reduced(f32_exp_clamp(x), &n);
    const f32v half = f32_scale(f32_set(0.5f), n);
    const f32v y = f32_set(2) * f32_fma(half, e, half - f32_set(0.5f));
    return f32_select(f32_lt(f32_abs(x), f32_set(0x1p-25f)), x, y);
}

/* x = 2^e (1 + f), 1 + f in [sqrt(1/2), sqrt(2)); log(1+f) = f - f^2/2 + f^3 p(f). */
static inline f32v f32_log(f32v x)
{
    static const float c[] = {0.3333333171f, -0.2500082102f, 0.2000122659f, -0.1662335766f,
                              0.1420176348f, -0.1316018402f, 0.1276154469f, -0.07634456529f};
    const f32m denormal = f32_lt(x, f32_set(0x1p-126f));
    const f32v scaled = f32_select(denormal, x * f32_set(0x1p23f), x);
    const i32v root = i32_set(0x3f3504f3); // sqrt(1/2)
    const i32v exponent = i32_less(f32_bits(scaled), root) >> 23;
    const f32v f = f32_from_bits(i32_less(f32_bits(scaled), i32_up(exponent, 23))) - f32_set(1);
    const f32v e = f32_from_i32(exponent) - f32_select(denormal, f32_set(23), f32_set(0));

    const f32v square = f * f;
    f32v y = square * f * f32_poly(f, c, 8);
    y = f32_fma(e, f32_set(-2.12194440e-4f), y);
    y = f32_fma(square, f32_set(-0.5f), y);
    y = f32_fma(e, f32_set(0.693359375f), f + y);

    const f32v inf = f32_set(INFINITY);
    y = f32_select(f32_eq(x, inf), inf, y);
    y = f32_select(f32_eq(x, f32_set(0)), -inf, y);
    return f32_select(f32_either(f32_lt(x, f32_set(0)), f32_isnan(x)), f32_set(NAN), y);
}

// log of the rounded 1 + x, plus what the rounding lost.
static inline f32v f32_log1p(f32v x)
{
    const f32v one = f32_set(1);
    const f32v u = one + x;
    const f32m plain = f32_both(f32_lt(f32_set(0), u), f32_lt(u, f32_set(INFINITY)));
    const f32v lost = f32_select(plain, (x - (u - one)) / u, f32_set(0));
    return f32_select(f32_lt(f32_abs(x), f32_set(0x1p-25f)), x, f32_log(u) + lost);
}

// By exp(-|x|), which never overflows, so that small results keep their digits.
static inline f32v f32_logistic(f32v x)
{
    const f32v e = f32_exp(-f32_abs(x));
    const f32v y = f32_select(f32_lt(x, f32_set(0)), e, f32_set(1)) / (f32_set(1) + e);
    return f32_select(f32_isnan(x), x, y);
}

static inline f32v f32_tanh(f32v x)
{
    static const float c[] = {-0.3333328392f, 0.1333149122f, -0.05374349305f, 0.02065057155f,
                              -0.005717027938f};
    const f32v size = f32_abs(x);
    const f32v square = x * x;
    const f32v near = f32_fma(x * square, f32_poly(square, c, 5), x);
    const f32v far = f32_set(1) - f32_set(2) / (f32_exp(size + size) + f32_set(1));
    return f32_select(f32_lt(size, f32_set(0.625f)), near, f32_copysign(far, x));
}

// Near zero a polynomial, beyond 1 - exp(-x q(x)); from 4 on erf is 1.
static inline f32v f32_erf(f32v x)
{
    static const float c[] = {0.1283791666f,   -0.376126337f,     0.1128369394f,  -0.0268592708f,
                              0.005200634305f, -0.0008137437223f, 8.345222645e-5f};
    static const float q[] = {1.128709292f,   0.634890854f,      0.1066904039f,  -0.02417217851f,
                              0.00384521688f, -0.0003746692089f, 1.658376114e-5f};
    const f32v size = f32_min_or_second(f32_set(4), f32_abs(x));
    const f32v square = x * x;
    const f32v near = f32_fma(x, f32_poly(square, c, 7), x);
    const f32v far = f32_set(1) - f32_exp(-size * f32_poly(size, q, 7));
    return f32_select(f32_lt(size, f32_set(0.9275f)), near, f32_copysign(far, x));
}

/* The octant is found in f64: pi/2 in two parts of which the first times n is exact for the range
 * |x| < 2^20, so that zeros of sine keep their digits. Larger, infinite and NaN arguments go to the
 * C library. */
#define F32_TRIG_LIMIT 0x1p20f

static inline f64v f64_quarter_turn(f64v x, f64v *n)
{
    *n = f64_nearest(x * f64_set(0.63661977236758134308));
    const f64v r = f64_fma(*n, f64_set(-1.57079632673412561417), x);
    return f64_fma(*n, f64_set(-6.07710050650619224932e-11), r);
}

static inline f32v f32_sin_shifted(f32v x, int32_t shift)
{
    static const float s[] = {-0.1666666664f, 0.008333329144f, -0.0001983925664f, 2.717564459e-6f};
    static const float c[] = {0.04166664565f, -0.001388730605f, 2.443120518e-5f};
    f64v n_low, n_high;
    const f64v low = f64_quarter_turn(f64_low(x), &n_low);
    const f64v high = f64_quarter_turn(f64_high(x), &n_high);
    const f32v r = f32_narrow(low, high);
    const i32v n = i32_from_f32(f32_narrow(n_low, n_high)) + i32_set(shift);

    const f32v square = r * r;
    const f32v sine = f32_fma(square * r, f32_poly(square, s, 4), r);
    const f32v high_order = square * square * f32_poly(square, c, 3);
    const f32v cosine = f32_set(1) + f32_fma(square, f32_set(-0.5f), high_order);
    const f32v odd = f32_from_i32(n & i32_set(1));
    const f32v y = f32_select(f32_eq(odd, f32_set(0)), sine, cosine);
    return f32_from_bits(f32_bits(y) ^ i32_up(n & i32_set(2), 30));
}

// Lanes out of range go to `exact` one by one.
static inline f32v f32_repair(f32v x, f32v y, float (*exact)(float))
{
    const f32m good = f32_lt(f32_abs(x), f32_set(F32_TRIG_LIMIT));
    if (!f32_any(f32_not(good)))
        return y;
    for (int i = 0; i < F32_LANES; i++)
        if (!(fabsf(x[i]) < F32_TRIG_LIMIT))
            y[i] = exact(x[i]);
    return y;
}

static inline f32v f32_sin(f32v x)
{
    const f32v y = f32_select(f32_eq(x, f32_set(0)), x, f32_sin_shifted(x, 0)); // keeps -0
    return f32_repair(x, y, sinf);
}

static inline f32v f32_cos(f32v x)
{
    return f32_repair(x, f32_sin_shifted(x, 1), cosf);
}

// In f64 and rounded once.
#define F32_BY_F64(name)                                                                           \
    static inline f32v f32_##name(f32v x)                                                          \
    {                                                                                              \
        return f32_narrow(f64_##name(f64_low(x)), f64_##name(f64_high(x)));                        \
    }
#define F32_BY_F64_2(name)                                                                         \
    static inline f32v f32_##name(f32v a, f32v b)                                                  \
    {                                                                                              \
        return f32_narrow(f64_##name(f64_low(a), f64_low(b)),                                      \
                          f64_##name(f64_high(a), f64_high(b)));                                   \
    }
F32_BY_F64(tan)
F32_BY_F64(asin)
F32_BY_F64(acos)
F32_BY_F64(atan)
F32_BY_F64(sinh)
F32_BY_F64(cosh)
F32_BY_F64(asinh)
F32_BY_F64(acosh)
F32_BY_F64(atanh)
F32_BY_F64_2(atan2)
F32_BY_F64_2(pow_short)

#endif
