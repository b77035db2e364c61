/* vector_math_test.c: every vector function against the C library in a wider type, over the whole
 * range of its arguments, in each instruction set this processor has.
 *
 * Bounds are in units of the last place of the result (or of the smallest normal number, below it).
 */
#include "vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef long double wide_fn(long double);
typedef long double wide_fn2(long double, long double);

static long double wide_logistic(long double x)
{
    return 1 / (1 + expl(-x));
}

static long double wide_rsqrt(long double x)
{
    return 1 / sqrtl(x);
}

static long double wide_abs(long double x)
{
    return fabsl(x);
}

static long double wide_negative(long double x)
{
    return -x;
}

static const struct {
    int op;
    const char *name;
    wide_fn *exact;
    double f32_bound, f64_bound;
} functions[] = {
    {KAON_X_EXP, "exp", expl, 1.5, 1.5},       {KAON_X_EXPM1, "expm1", expm1l, 2, 2},
    {KAON_X_LOG, "log", logl, 1.5, 1.5},       {KAON_X_LOG1P, "log1p", log1pl, 2, 2},
    {KAON_X_SQRT, "sqrt", sqrtl, 0.51, 0.51},  {KAON_X_RSQRT, "rsqrt", wide_rsqrt, 1.5, 1.5},
    {KAON_X_SIN, "sin", sinl, 1.5, 1.5},       {KAON_X_COS, "cos", cosl, 1.5, 1.5},
    {KAON_X_TAN, "tan", tanl, 0.51, 3},        {KAON_X_ASIN, "asin", asinl, 0.51, 3},
    {KAON_X_ACOS, "acos", acosl, 0.51, 3},     {KAON_X_ATAN, "atan", atanl, 0.51, 3},
    {KAON_X_SINH, "sinh", sinhl, 0.51, 4},     {KAON_X_COSH, "cosh", coshl, 0.51, 3},
    {KAON_X_TANH, "tanh", tanhl, 2, 3},        {KAON_X_ASINH, "asinh", asinhl, 0.51, 4},
    {KAON_X_ACOSH, "acosh", acoshl, 0.51, 4},  {KAON_X_ATANH, "atanh", atanhl, 0.51, 4},
    {KAON_X_ERF, "erf", erfl, 2, 1},           {KAON_X_LOGISTIC, "logistic", wide_logistic, 2, 3},
    {KAON_X_FLOOR, "floor", floorl, 0, 0},     {KAON_X_CEIL, "ceil", ceill, 0, 0},
    {KAON_X_ROUND, "round", nearbyintl, 0, 0}, {KAON_X_ABS, "abs", wide_abs, 0, 0},
    {KAON_X_NEG, "neg", wide_negative, 0, 0},  {KAON_X_LGAMMA, "lgamma", lgammal, 4, 8},
};

static const struct {
    const char *name;
    cpu_block_fn *const *f32, *const *f64;
} sets[] = {
    {"baseline", cpu_f32_blocks_baseline, cpu_f64_blocks_baseline},
#if defined(__x86_64__)
    {"avx2", cpu_f32_blocks_avx2, cpu_f64_blocks_avx2},
    {"avx512", cpu_f32_blocks_avx512, cpu_f64_blocks_avx512},
#endif
};

static int set_runs(const char *name)
{
#if defined(__x86_64__)
    if (!strcmp(name, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!strcmp(name, "avx512"))
        return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    return !strcmp(name, "baseline");
}

// Distance in last places of a number with `digits` bits and smallest normal 2^lowest.
static double distance(long double got, long double exact, int digits, int lowest)
{
    if (isnan(exact))
        return isnan(got) ? 0 : INFINITY;
    if (got == exact)
        return signbit(got) == signbit(exact) ? 0 : INFINITY;
    int exponent;
    frexpl(exact, &exponent);
    if (exponent - 1 < lowest)
        exponent = lowest + 1;
    const double gap = (double)(fabsl(got - exact) / ldexpl(1, exponent - digits));
    return isnan(gap) ? INFINITY : gap;
}

static float bits_f32(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static double bits_f64(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

enum { BLOCK = 1021 }; // no multiple of any vector

static double worst_f32(cpu_block_fn *f, wide_fn *exact, float *where)
{
    double worst = 0;
    uint64_t bits = 0;
    while (bits < 1ull << 32) {
        float x[BLOCK], y[BLOCK];
        for (int i = 0; i < BLOCK; i++, bits += 40009)
            x[i] = bits_f32((uint32_t)bits);
        f(y, (const void *const[]){x}, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            const long double e = exact((long double)x[i]);
            const double d = distance(y[i], fabsl(e) > 3.40282356e38L ? (float)e : e, 24, -126);
            if (d > worst) {
                worst = d;
                *where = x[i];
            }
        }
    }
    return worst;
}

static double worst_f64(cpu_block_fn *f, wide_fn *exact, double *where)
{
    double worst = 0;
    uint64_t bits = 0;
    for (int rounds = 0; rounds < 100; rounds++) {
        double x[BLOCK], y[BLOCK];
        for (int i = 0; i < BLOCK; i++) {
            bits += 0x9e3779b97f4a7c15;
            // Half of the arguments of everyday size, half of any.
            x[i] = i & 1 ? bits_f64(bits) : (double)(int64_t)bits * 0x1p-62 * (1 + rounds % 40);
        }
        f(y, (const void *const[]){x}, BLOCK);
        for (int i = 0; i < BLOCK; i++) {
            const long double e = exact((long double)x[i]);
            const double d =
                distance(y[i], fabsl(e) > 1.797693134862315e308L ? (double)e : e, 53, -1022);
            if (d > worst) {
                worst = d;
                *where = x[i];
            }
        }
    }
    return worst;
}

static void functions_are_within_bounds(void **state)
{
    (void)state;
    int failures = 0;
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++) {
        if (!set_runs(sets[s].name))
            continue;
        for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
            float where32 = 0;
            double where64 = 0;
            const double d32 =
                worst_f32(sets[s].f32[functions[i].op], functions[i].exact, &where32);
            const double d64 =
                worst_f64(sets[s].f64[functions[i].op], functions[i].exact, &where64);
            const int bad = !(d32 <= functions[i].f32_bound) || !(d64 <= functions[i].f64_bound);
            if (bad)
                print_error("%s %s: f32 %.2f at %.9g, f64 %.2f at %.17g\n", sets[s].name,
                            functions[i].name, d32, (double)where32, d64, where64);
            failures += bad;
        }
    }
    assert_int_equal(failures, 0);
}

static const double special[] = {0.0,    -0.0,     1,         -1,  0.5,     -0.5,    2,
                                 -2,     3,        -3,        2.5, -2.5,    1e300,   -1e300,
                                 1e-300, INFINITY, -INFINITY, NAN, 1 << 24, 1 << 25, 1e10};
enum { SPECIAL = sizeof special / sizeof *special };

static double two_f64(cpu_block_fn *f, double a, double b)
{
    double y;
    f(&y, (const void *const[]){&a, &b}, 1);
    return y;
}

static float two_f32(cpu_block_fn *f, float a, float b)
{
    float y;
    f(&y, (const void *const[]){&a, &b}, 1);
    return y;
}

static long double wide_max(long double a, long double b)
{
    return isnan(a) || isnan(b) ? (long double)NAN : a < b ? b : a;
}

static void functions_of_two(void **state)
{
    (void)state;
    static const struct {
        int op;
        wide_fn2 *exact;
    } two[] = {
        {KAON_X_POW, powl}, {KAON_X_ATAN2, atan2l}, {KAON_X_MOD, fmodl}, {KAON_X_MAX, wide_max}};
    for (size_t s = 0; s < sizeof sets / sizeof *sets; s++)
        for (int k = 0; set_runs(sets[s].name) && k < 4 * SPECIAL * SPECIAL; k++) {
            const double a = special[k / 4 / SPECIAL], b = special[k / 4 % SPECIAL];
            const int which = k % 4;
            if (which == 3 && (float)a == 0 && (float)b == 0)
                continue; // either zero will do
            const double e64 = (double)two[which].exact(a, b);
            const float e32 = (float)two[which].exact((float)a, (float)b);
            const double got64 = two_f64(sets[s].f64[two[which].op], a, b);
            const float got32 = two_f32(sets[s].f32[two[which].op], (float)a, (float)b);
            if (distance(got64, e64, 53, -1022) > 2 || distance(got32, e32, 24, -126) > 1)
                fail_msg("%s op %d at (%g, %g): f64 %g for %g, f32 %g for %g", sets[s].name,
                         two[which].op, a, b, got64, e64, (double)got32, (double)e32);
        }
}

static void digamma_of_one_is_minus_euler(void **state)
{
    (void)state;
    const double x[] = {1, 0.5, 10, -0.5};
    const double exact[] = {-0.57721566490153286, -1.9635100260214235, 2.2517525890667211,
                            0.036489973978576520};
    double y[4];
    cpu_f64_blocks_baseline[KAON_X_DIGAMMA](y, (const void *const[]){x}, 4);
    for (int i = 0; i < 4; i++)
        assert_true(fabs(y[i] - exact[i]) < 1e-13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_within_bounds),
        cmocka_unit_test(functions_of_two),
        cmocka_unit_test(digamma_of_one_is_minus_euler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
