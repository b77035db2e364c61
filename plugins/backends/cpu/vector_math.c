/* vector_math.c: the floating point instructions of expressions, block by block.
 *
 * Compiled once per instruction set. Every function computes n numbers; `out` may be one of the
 * inputs. f32 is in vectors throughout; f64 leaves pow, erf and the gamma functions to the C
 * library, where a vector form would lose digits.
 */
#include "vectors.h"
#include "vector_math_f32.h"

#define UNARY(type, name, expression)                                                              \
    static void type##_block_##name(void *out, const void *const *in, int64_t n)                   \
    {                                                                                              \
        type##_number *o = out;                                                                    \
        const type##_number *x = in[0];                                                            \
        int64_t i = 0;                                                                             \
        for (; i + type##_lanes <= n; i += type##_lanes) {                                         \
            const type##v a = type##_load(x + i);                                                  \
            type##_store(o + i, expression);                                                       \
        }                                                                                          \
        if (i < n) {                                                                               \
            const type##v a = type##_load_n(x + i, n - i);                                         \
            type##_store_n(o + i, expression, n - i);                                              \
        }                                                                                          \
    }

#define BINARY(type, name, expression)                                                             \
    static void type##_block_##name(void *out, const void *const *in, int64_t n)                   \
    {                                                                                              \
        type##_number *o = out;                                                                    \
        const type##_number *x = in[0], *y = in[1];                                                \
        int64_t i = 0;                                                                             \
        for (; i + type##_lanes <= n; i += type##_lanes) {                                         \
            const type##v a = type##_load(x + i), b = type##_load(y + i);                          \
            type##_store(o + i, expression);                                                       \
        }                                                                                          \
        if (i < n) {                                                                               \
            const type##v a = type##_load_n(x + i, n - i), b = type##_load_n(y + i, n - i);        \
            type##_store_n(o + i, expression, n - i);                                              \
        }                                                                                          \
    }

// One number after the other, through the C library or where vectors do not help.
#define SCALAR_UNARY(type, name, expression)                                                       \
    static void type##_block_##name(void *out, const void *const *in, int64_t n)                   \
    {                                                                                              \
        type##_number *o = out;                                                                    \
        const type##_number *x = in[0];                                                            \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const type##_number a = x[i];                                                          \
            o[i] = (type##_number)(expression);                                                    \
        }                                                                                          \
    }

#define SCALAR_BINARY(type, name, expression)                                                      \
    static void type##_block_##name(void *out, const void *const *in, int64_t n)                   \
    {                                                                                              \
        type##_number *o = out;                                                                    \
        const type##_number *x = in[0], *y = in[1];                                                \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const type##_number a = x[i], b = y[i];                                                \
            o[i] = (type##_number)(expression);                                                    \
        }                                                                                          \
    }

// One number instead of the second input, b.
#define BY_NUMBER(type, name, expression)                                                          \
    static void type##_scalar_##name(void *out, const void *in, const void *number, int64_t n)     \
    {                                                                                              \
        type##_number *o = out;                                                                    \
        const type##_number *x = in;                                                               \
        const type##v b = type##_set(*(const type##_number *)number);                              \
        int64_t i = 0;                                                                             \
        for (; i + type##_lanes <= n; i += type##_lanes) {                                         \
            const type##v a = type##_load(x + i);                                                  \
            type##_store(o + i, expression);                                                       \
        }                                                                                          \
        if (i < n) {                                                                               \
            const type##v a = type##_load_n(x + i, n - i);                                         \
            type##_store_n(o + i, expression, n - i);                                              \
        }                                                                                          \
    }

/* Division of many by one. With q = a (1/b) rounded and the exact rest r = a - q b, q + r (1/b)
 * rounds to the true quotient (Markstein, IBM J. Res. Dev. 34 (1990) 111), at a fifth of the cost.
 * It needs fused arithmetic and a b far from the ends of the range; where a is infinite or NaN, so
 * is q. */
#define DIVIDE(type, far)                                                                          \
    static void type##_scalar_div(void *out, const void *in, const void *number, int64_t n)        \
    {                                                                                              \
        type##_number *o = out;                                                                    \
        const type##_number *x = in, divisor = *(const type##_number *)number;                     \
        const int tame =                                                                           \
            LANES_FUSED && fabs((double)divisor) < (far) && fabs((double)divisor) > 1 / (far);     \
        const type##v b = type##_set(divisor), y = type##_set(1) / b;                              \
        const type##v inf = type##_set((type##_number)INFINITY);                                   \
        int64_t i = 0;                                                                             \
        for (; tame && i + type##_lanes <= n; i += type##_lanes) {                                 \
            const type##v a = type##_load(x + i), q = a * y;                                       \
            const type##v rest = type##_fma(-q, b, a);                                             \
            const type##m finite = type##_lt(type##_abs(q), inf);                                  \
            type##_store(o + i, type##_select(finite, type##_fma(rest, y, q), q));                 \
        }                                                                                          \
        for (; i < n; i += type##_lanes) {                                                         \
            const int64_t left = n - i < type##_lanes ? n - i : type##_lanes;                      \
            type##_store_n(o + i, type##_load_n(x + i, left) / b, left);                           \
        }                                                                                          \
    }

typedef float f32_number;
typedef double f64_number;
enum { f32_lanes = F32_LANES, f64_lanes = F64_LANES };

static inline f32v f32_sign(f32v a)
{
    const f32v unit = f32_copysign(f32_set(1), a);
    return f32_select(f32_either(f32_eq(a, f32_set(0)), f32_isnan(a)), a, unit);
}

static inline f64v f64_sign(f64v a)
{
    const f64v unit = f64_copysign(f64_set(1), a);
    return f64_select(f64_either(f64_eq(a, f64_set(0)), f64_isnan(a)), a, unit);
}

/* log |gamma(a)|. lgamma writes the sign to a global; lgamma_r does not. */
static double log_gamma(double a)
{
    int sign;
    return lgamma_r(a, &sign);
}

/* d lgamma / da: the recurrence up to 10, there the asymptotic series; reflected for a < 0.
 * NIST Handbook of Mathematical Functions, 5.5.2, 5.5.4, 5.11.2. */
static double digamma(double a)
{
    const double pi = 3.14159265358979323846;
    double sum = 0;
    if (a <= 0) {
        if (a == floor(a))
            return NAN;
        sum = -pi / tan(pi * a);
        a = 1 - a;
    }
    for (; a < 10; a += 1)
        sum -= 1 / a;
    const double s = 1 / (a * a);
    const double series =
        s * (1.0 / 12 -
             s * (1.0 / 120 -
                  s * (1.0 / 252 - s * (1.0 / 240 - s * (1.0 / 132 - s * (691.0 / 32760))))));
    return sum + log(a) - 0.5 / a - series;
}

#define BOTH_TYPES(one_or_two, name, f32_expression, f64_expression)                               \
    one_or_two(f32, name, f32_expression) one_or_two(f64, name, f64_expression)
#define NAMED(name) BOTH_TYPES(UNARY, name, f32_##name(a), f64_##name(a))

// clang-format off
BOTH_TYPES(BINARY, add, a + b, a + b)
BOTH_TYPES(BINARY, sub, a - b, a - b)
BOTH_TYPES(BINARY, mul, a * b, a * b)
BOTH_TYPES(BINARY, div, a / b, a / b)
BOTH_TYPES(BINARY, min, f32_min(a, b), f64_min(a, b))
BOTH_TYPES(BINARY, max, f32_max(a, b), f64_max(a, b))
BOTH_TYPES(BINARY, atan2, f32_atan2(a, b), f64_atan2(a, b))
BOTH_TYPES(SCALAR_BINARY, mod, fmodf(a, b), fmod(a, b))
BINARY(f32, pow, f32_pow_short(a, b))
SCALAR_BINARY(f64, pow, pow(a, b))
BOTH_TYPES(UNARY, neg, -a, -a)
BOTH_TYPES(UNARY, round, f32_nearest(a), f64_nearest(a))
BOTH_TYPES(UNARY, rsqrt, f32_set(1) / f32_sqrt(a), f64_set(1) / f64_sqrt(a))
NAMED(abs) NAMED(sign) NAMED(floor) NAMED(ceil) NAMED(exp) NAMED(expm1) NAMED(log) NAMED(log1p)
NAMED(sqrt) NAMED(sin) NAMED(cos) NAMED(tan) NAMED(asin) NAMED(acos) NAMED(atan) NAMED(sinh)
NAMED(cosh) NAMED(tanh) NAMED(asinh) NAMED(acosh) NAMED(atanh) NAMED(logistic)
UNARY(f32, erf, f32_erf(a))
SCALAR_UNARY(f64, erf, erf(a))
BOTH_TYPES(SCALAR_UNARY, lgamma, log_gamma((double)a), log_gamma(a))
BOTH_TYPES(SCALAR_UNARY, digamma, digamma((double)a), digamma(a))

BOTH_TYPES(BY_NUMBER, add, a + b, a + b)
BOTH_TYPES(BY_NUMBER, sub, a - b, a - b)
BOTH_TYPES(BY_NUMBER, mul, a * b, a * b)
BOTH_TYPES(BY_NUMBER, max, f32_max(a, b), f64_max(a, b))
BOTH_TYPES(BY_NUMBER, min, f32_min(a, b), f64_min(a, b))
DIVIDE(f32, 0x1p100)
DIVIDE(f64, 0x1p900)

#define ROW(NAME, name) [KAON_X_##NAME] = TYPED(name)
#define SCALAR_TABLE                                                                               \
    ROW(ADD, add), ROW(SUB, sub), ROW(MUL, mul), ROW(DIV, div), ROW(MIN, min), ROW(MAX, max)
#define TABLE                                                                                      \
    ROW(ADD, add), ROW(SUB, sub), ROW(MUL, mul), ROW(DIV, div), ROW(MOD, mod), ROW(POW, pow),      \
    ROW(MIN, min), ROW(MAX, max), ROW(ATAN2, atan2), ROW(NEG, neg), ROW(ABS, abs),                 \
    ROW(SIGN, sign), ROW(FLOOR, floor), ROW(CEIL, ceil), ROW(ROUND, round), ROW(EXP, exp),         \
    ROW(EXPM1, expm1), ROW(LOG, log), ROW(LOG1P, log1p), ROW(SQRT, sqrt), ROW(RSQRT, rsqrt),       \
    ROW(SIN, sin), ROW(COS, cos), ROW(TAN, tan), ROW(ASIN, asin), ROW(ACOS, acos),                 \
    ROW(ATAN, atan), ROW(SINH, sinh), ROW(COSH, cosh), ROW(TANH, tanh), ROW(ASINH, asinh),         \
    ROW(ACOSH, acosh), ROW(ATANH, atanh), ROW(ERF, erf), ROW(LOGISTIC, logistic),                  \
    ROW(LGAMMA, lgamma), ROW(DIGAMMA, digamma)

#define TYPED(name) f32_block_##name
cpu_block_fn *const CPU_VARIANT(cpu_f32_blocks)[CPU_X_COUNT] = {TABLE};
#undef TYPED
#define TYPED(name) f64_block_##name
cpu_block_fn *const CPU_VARIANT(cpu_f64_blocks)[CPU_X_COUNT] = {TABLE};
#undef TYPED
#define TYPED(name) f32_scalar_##name
cpu_scalar_fn *const CPU_VARIANT(cpu_f32_scalars)[CPU_X_COUNT] = {SCALAR_TABLE};
#undef TYPED
#define TYPED(name) f64_scalar_##name
cpu_scalar_fn *const CPU_VARIANT(cpu_f64_scalars)[CPU_X_COUNT] = {SCALAR_TABLE};
// clang-format on
