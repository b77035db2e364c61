/* vector_math_f64.h: elementary functions on vectors of f64.
 *
 * Within 4 units in the last place (tested against long double), with the C library's answers at
 * NaN, infinities, zeros and denormals. f64_pow_short is the exception: good to 1e-13, which is all
 * that f32 needs. The reductions follow fdlibm (Sun Microsystems, 1993); the polynomials are
 * minimax fits by Remez exchange.
 */
#ifndef CPU_VECTOR_MATH_F64_H
#define CPU_VECTOR_MATH_F64_H

#include "lanes.h"

#if defined(__clang__)
#    define CPU_UNROLL _Pragma("clang loop unroll(full)")
#else
#    define CPU_UNROLL _Pragma("GCC unroll 16")
#endif

static inline f64v f64_poly(f64v x, const double *c, int n)
{
    f64v sum = f64_set(c[n - 1]);
    CPU_UNROLL
    for (int i = n - 2; i >= 0; i--)
        sum = f64_fma(sum, x, f64_set(c[i]));
    return sum;
}

static inline f64v f64_exp_reduced(f64v x, f64v *n)
{
    static const double c[] = {
        0.4999999999999999996,     0.1666666666666668562,   0.04166666666666673025,
        0.008333333333315376428,   0.001388888888885606134, 0.0001984126990045952586,
        0.00002480158737792168853, 2.755723081701433916e-6, 2.755723007821279374e-7,
        2.511343810353679651e-8,   2.092789286689844074e-9,
    };
    *n = f64_nearest(x * f64_set(1.44269504088896338700));
    f64v r = f64_fma(*n, f64_set(-6.93147180369123816490e-01), x);
    r = f64_fma(*n, f64_set(-1.90821492927058770002e-10), r);
    return f64_fma(r * r, f64_poly(r, c, 11), r);
}

static inline f64v f64_exp_clamp(f64v x)
{
    return f64_max_or_second(f64_set(-746), f64_min_or_second(f64_set(711), x));
}

// exp(x) 2^k: the factor keeps halves of exponentials finite.
static inline f64v f64_exp_times(f64v x, double k)
{
    f64v n;
    const f64v e = f64_exp_reduced(f64_exp_clamp(x), &n);
    return f64_scale(f64_set(1) + e, n + f64_set(k));
}

static inline f64v f64_exp(f64v x)
{
    return f64_exp_times(x, 0);
}

static inline f64v f64_expm1(f64v x)
{
    f64v n;
    const f64v below = f64_min_or_second(f64_set(709.9), x); // n <= 1024
    const f64v e = f64_exp_reduced(f64_exp_clamp(below), &n);
    const f64v half = f64_scale(f64_set(0.5), n);
    const f64v y = f64_set(2) * f64_fma(half, e, half - f64_set(0.5));
    return f64_select(f64_lt(f64_abs(x), f64_set(0x1p-54)), x, y);
}

/* x = 2^e (1 + f); with s = f/(2+f), log(1+f) = f - (f^2/2 - s (f^2/2 + R)), R = s^2 p(s^2). */
static inline f64v f64_log(f64v x)
{
    static const double c[] = {0.666666666666666605,  0.400000000000067013,  0.2857142856894019635,
                               0.2222222266876087302, 0.1818177390666175806, 0.153871677091529672,
                               0.132483821006842312,  0.1326712217581720417};
    const f64m denormal = f64_lt(x, f64_set(0x1p-1022));
    const f64v scaled = f64_select(denormal, x * f64_set(0x1p54), x);
    const i64v root = i64_set(0x3fe6a09e667f3bcd); // sqrt(1/2)
    const i64v exponent = i64_less(f64_bits(scaled), root) >> 52;
    const f64v f = f64_from_bits(i64_less(f64_bits(scaled), i64_up(exponent, 52))) - f64_set(1);
    const f64v e = f64_from_i64(exponent) - f64_select(denormal, f64_set(54), f64_set(0));

    const f64v s = f / (f64_set(2) + f);
    const f64v square = s * s;
    const f64v rest = square * f64_poly(square, c, 8);
    const f64v half = f64_set(0.5) * f * f;
    const f64v low = f64_fma(e, f64_set(1.90821492927058770002e-10), s * (half + rest));
    f64v y = f64_fma(e, f64_set(6.93147180369123816490e-01), f - (half - low));

    const f64v inf = f64_set(INFINITY);
    y = f64_select(f64_eq(x, inf), inf, y);
    y = f64_select(f64_eq(x, f64_set(0)), -inf, y);
    return f64_select(f64_either(f64_lt(x, f64_set(0)), f64_isnan(x)), f64_set(NAN), y);
}

static inline f64v f64_log1p(f64v x)
{
    const f64v one = f64_set(1);
    const f64v u = one + x;
    const f64m plain = f64_both(f64_lt(f64_set(0), u), f64_lt(u, f64_set(INFINITY)));
    const f64v lost = f64_select(plain, (x - (u - one)) / u, f64_set(0));
    return f64_select(f64_lt(f64_abs(x), f64_set(0x1p-54)), x, f64_log(u) + lost);
}

static inline f64v f64_logistic(f64v x)
{
    const f64v e = f64_exp(-f64_abs(x));
    const f64v y = f64_select(f64_lt(x, f64_set(0)), e, f64_set(1)) / (f64_set(1) + e);
    return f64_select(f64_isnan(x), x, y);
}

// expm1(2|x|) / (expm1(2|x|) + 2); from 22 on tanh is 1.
static inline f64v f64_tanh(f64v x)
{
    const f64v size = f64_min_or_second(f64_set(22), f64_abs(x));
    const f64v e = f64_expm1(size + size);
    return f64_copysign(e / (e + f64_set(2)), x);
}

/* sin(r + tail) and cos(r + tail) for |r| <= pi/4; the tail is what r lost in the reduction. */
static inline f64v f64_sin_near(f64v r, f64v tail)
{
    static const double c[] = {0.008333333333321285551, -0.0001984126982887014357,
                               2.755731335600934109e-6, -2.50507040378787269e-8,
                               1.589358378007664198e-10};
    const f64v square = r * r;
    const f64v cube = square * r;
    const f64v rest = f64_poly(square, c, 5);
    const f64v inner = square * (f64_set(0.5) * tail - cube * rest) - tail;
    return r - f64_fma(cube, f64_set(0.1666666666666662769), inner);
}

static inline f64v f64_cos_near(f64v r, f64v tail)
{
    static const double c[] = {0.04166666666666661586,    -0.001388888888887612609,
                               0.00002480158729036749197, -2.755731452921274222e-7,
                               2.08757389141593767e-9,    -1.136010489695020601e-11};
    const f64v square = r * r;
    const f64v half = f64_set(0.5) * square;
    const f64v head = f64_set(1) - half;
    const f64v rest = square * square * f64_poly(square, c, 6) - r * tail;
    return head + (((f64_set(1) - head) - half) + rest);
}

#define F64_TRIG_LIMIT 0x1p20

/* x = n pi/2 + r + tail for |x| < 2^20: pi/2 in four parts of 33 bits, of which the first three
 * times n are exact; two exact sums keep what cancels. */
static inline f64v f64_turn(f64v x, f64v *tail, i64v *quarter)
{
    const f64v n = f64_nearest(x * f64_set(0.63661977236758134308));
    const f64v first = x - n * f64_set(1.57079632673412561417e+00);
    const f64v second = n * f64_set(6.07710050630396597660e-11);
    const f64v near = first - second;
    const f64v lost = (first - near) - second;
    const f64v third = f64_fma(n, f64_set(-2.02226624871116645580e-21), lost);
    const f64v rest = f64_fma(n, f64_set(-8.47842766036889956997e-32), third);
    const f64v r = near + rest;
    *tail = (near - r) + rest;
    *quarter = i64_from_f64(n);
    return r;
}

static inline f64v f64_sin_shifted(f64v x, int64_t shift)
{
    i64v quarter;
    f64v tail;
    const f64v r = f64_turn(x, &tail, &quarter);
    const i64v n = quarter + i64_set(shift);
    const f64v odd = f64_from_i64(n & i64_set(1));
    const f64v y =
        f64_select(f64_eq(odd, f64_set(0)), f64_sin_near(r, tail), f64_cos_near(r, tail));
    return f64_from_bits(f64_bits(y) ^ i64_up(n & i64_set(2), 62));
}

static inline f64v f64_repair(f64v x, f64v y, double (*exact)(double))
{
    const f64m good = f64_lt(f64_abs(x), f64_set(F64_TRIG_LIMIT));
    if (!f64_any(f64_not(good)))
        return y;
    for (int i = 0; i < F64_LANES; i++)
        if (!(fabs(x[i]) < F64_TRIG_LIMIT))
            y[i] = exact(x[i]);
    return y;
}

static inline f64v f64_sin(f64v x)
{
    const f64v y = f64_select(f64_eq(x, f64_set(0)), x, f64_sin_shifted(x, 0)); // keeps -0
    return f64_repair(x, y, sin);
}

static inline f64v f64_cos(f64v x)
{
    return f64_repair(x, f64_sin_shifted(x, 1), cos);
}

static inline f64v f64_tan(f64v x)
{
    const f64v y = f64_sin_shifted(x, 0) / f64_sin_shifted(x, 1);
    return f64_repair(x, f64_select(f64_eq(x, f64_set(0)), x, y), tan);
}

/* atan(q) for q in [0, 1]: beyond tan(pi/8), pi/4 + atan((q - 1)/(q + 1)). */
static inline f64v f64_atan_unit(f64v q)
{
    static const double c[] = {
        -0.3333333333333332692,  0.199999999999974514,    -0.1428571428536063495,
        0.1111111108647048956,   -0.09090908082935127773, 0.07692281366861207336,
        -0.06666206225022016083, 0.05876820978000148705,  -0.05217113345231093677,
        0.04498306784726188554,  -0.03335256652408351575, 0.01507152326167104238,
    };
    const f64m far = f64_lt(f64_set(0.41421356237309503), q);
    const f64v z = f64_select(far, (q - f64_set(1)) / (q + f64_set(1)), q);
    const f64v square = z * z;
    const f64v y = f64_fma(z * square, f64_poly(square, c, 12), z);
    return f64_select(far, y + f64_set(0.78539816339744830962), y);
}

// Angle of the point (x, y) by the ratio of the smaller to the larger coordinate.
static inline f64v f64_atan2(f64v y, f64v x)
{
    const f64v up = f64_abs(y), side = f64_abs(x);
    const f64v small = f64_min_or_second(up, side), large = f64_max_or_second(up, side);
    f64v q = small / large;
    q = f64_select(f64_eq(large, f64_set(0)), f64_set(0), q);
    q = f64_select(f64_eq(small, f64_set(INFINITY)), f64_set(1), q);
    f64v angle = f64_atan_unit(q);
    angle = f64_select(f64_lt(side, up), f64_set(1.57079632679489661923) - angle, angle);
    const f64m back = f64_lt(f64_copysign(f64_set(1), x), f64_set(0));
    angle = f64_select(back, f64_set(3.14159265358979323846) - angle, angle);
    const f64m broken = f64_either(f64_isnan(x), f64_isnan(y));
    return f64_select(broken, f64_set(NAN), f64_copysign(angle, y));
}

static inline f64v f64_atan(f64v x)
{
    return f64_atan2(x, f64_set(1));
}

static inline f64v f64_asin(f64v x)
{
    const f64v one = f64_set(1);
    return f64_atan2(x, f64_sqrt((one - x) * (one + x)));
}

static inline f64v f64_acos(f64v x)
{
    const f64v one = f64_set(1);
    return f64_atan2(f64_sqrt((one - x) * (one + x)), x);
}

static inline f64v f64_sinh(f64v x)
{
    const f64v size = f64_abs(x);
    const f64v e = f64_expm1(f64_min_or_second(f64_set(1), size));
    const f64v near = f64_set(0.5) * (e + e / (e + f64_set(1)));
    const f64v half = f64_exp_times(size, -1);
    const f64v far = half - f64_set(0.25) / half;
    return f64_copysign(f64_select(f64_lt(size, f64_set(1)), near, far), x);
}

static inline f64v f64_cosh(f64v x)
{
    const f64v half = f64_exp_times(f64_abs(x), -1);
    return half + f64_set(0.25) / half;
}

#define F64_LN2 0.69314718055994530942

static inline f64v f64_asinh(f64v x)
{
    const f64v one = f64_set(1);
    const f64v size = f64_abs(x);
    const f64m large = f64_lt(f64_set(0x1p28), size);
    const f64v square = size * size;
    const f64v near = f64_log1p(size + square / (one + f64_sqrt(one + square)));
    const f64v far = f64_log(size) + f64_set(F64_LN2);
    return f64_copysign(f64_select(large, far, near), x);
}

static inline f64v f64_acosh(f64v x)
{
    const f64v t = x - f64_set(1);
    const f64v near = f64_log1p(t + f64_sqrt(t + t + t * t));
    const f64v far = f64_log(x) + f64_set(F64_LN2);
    const f64v y = f64_select(f64_lt(f64_set(0x1p28), x), far, near);
    return f64_select(f64_lt(x, f64_set(1)), f64_set(NAN), y);
}

static inline f64v f64_atanh(f64v x)
{
    const f64v size = f64_abs(x);
    const f64v y = f64_set(0.5) * f64_log1p((size + size) / (f64_set(1) - size));
    return f64_copysign(y, x);
}

/* a^b = exp(b log|a|), with the C library's rules for signs, zeros, infinities and NaN. */
static inline f64v f64_pow_short(f64v a, f64v b)
{
    const f64v zero = f64_set(0), one = f64_set(1), inf = f64_set(INFINITY);
    const f64v size = f64_abs(a);
    f64v y = f64_exp(b * f64_log(size));
    const f64m whole = f64_eq(f64_floor(b), b);
    const f64v half = b * f64_set(0.5);
    const f64m odd = f64_both(whole, f64_not(f64_eq(f64_floor(half), half)));
    y = f64_select(odd, f64_copysign(y, a), y);

    const f64m edge = f64_either(f64_eq(size, zero), f64_eq(size, inf));
    const f64m root = f64_both(f64_lt(a, zero), f64_not(f64_either(whole, edge)));
    y = f64_select(root, f64_set(NAN), y);
    const f64m level = f64_both(f64_eq(size, one), f64_eq(f64_abs(b), inf));
    const f64m unit = f64_either(f64_either(f64_eq(a, one), f64_eq(b, zero)), level);
    const f64m broken = f64_both(f64_either(f64_isnan(a), f64_isnan(b)), f64_not(unit));
    return f64_select(unit, one, f64_select(broken, f64_set(NAN), y));
}

#endif
