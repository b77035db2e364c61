/* op_elementwise.c: derivatives of the elementwise operations, for both modes.
 *
 * The derivative of an elementwise operation multiplies number by number, so the same product
 * t * dy/da serves forward mode (t the tangent of the input) and reverse mode (t the gradient of
 * the output). `through` builds it from the inputs or, where that is cheaper, from the output. NULL
 * is zero.
 */
#include <math.h>

#include "graph/op_derivative.h"

static kaon_node *one_minus(kaon_graph *g, kaon_node *a)
{
    return kaon_sub(g, kn_scalar(g, kaon_dtype(a), 1), a);
}

static kaon_node *one_plus_square(kaon_graph *g, kaon_node *a)
{
    return kaon_shift(g, kaon_square(g, a), 1);
}

// 1 - a^2 = (1 - a)(1 + a) keeps its digits near |a| = 1, where asin and atanh are steep.
static kaon_node *one_minus_square(kaon_graph *g, kaon_node *a)
{
    return kaon_mul(g, one_minus(g, a), kaon_shift(g, a, 1));
}

// The derivative of digamma: psi'(a) = sum 1 / (a + k)^2 over k < 8, then the asymptotic series at
// a + 8 (Abramowitz and Stegun 6.4.12), good to 1e-13 for a > 0; below by reflection (6.4.7),
// psi'(1 - a) + psi'(a) = (pi / sin(pi a))^2.
static kaon_node *trigamma(kaon_graph *g, kaon_node *a)
{
    static const double series[] = {1,         1.0 / 2, 1.0 / 6,  0, -1.0 / 30,     0, 1.0 / 42, 0,
                                    -1.0 / 30, 0,       5.0 / 66, 0, -691.0 / 2730, 0, 7.0 / 6};
    const int32_t dtype = kaon_dtype(a);
    kaon_node *low = kaon_lt(g, a, kn_scalar(g, dtype, 0.5));
    kaon_node *x = kaon_select(g, low, one_minus(g, a), a);
    kaon_node *sum = NULL;
    for (int k = 0; k < 8; k++) {
        kaon_node *shifted = k ? kaon_shift(g, x, k) : x;
        sum = kn_plus(g, sum, kaon_div(g, kn_scalar(g, dtype, 1), kaon_square(g, shifted)));
    }
    kaon_node *u = kaon_div(g, kn_scalar(g, dtype, 1), kaon_shift(g, x, 8));
    kaon_node *tail = kn_scalar(g, dtype, series[14]); // Horner in u = 1 / (x + 8)
    for (int k = 13; k >= 0; k--) {
        tail = kaon_mul(g, tail, u);
        if (series[k] != 0)
            tail = kaon_shift(g, tail, series[k]);
    }
    sum = kaon_add(g, sum, kaon_mul(g, tail, u));
    // Where the reflection is not used, its sine must not be zero: 0 * inf would reach derivatives.
    kaon_node *mirrored = kaon_select(g, low, a, kn_scalar(g, dtype, 0.5));
    kaon_node *sine =
        kaon_div(g, kn_scalar(g, dtype, M_PI), kaon_sin(g, kaon_scale(g, mirrored, M_PI)));
    return kaon_select(g, low, kaon_sub(g, kaon_square(g, sine), sum), sum);
}

// t * dy/da for operations of one input.
static kaon_node *through_one(kaon_graph *g, const kn_use *use, kaon_node *t)
{
    kaon_node *const a = kn_in(use, 0), *const y = kn_out(use, 0);
    switch (use->op->elementwise) {
    case KAON_X_NEG:
        return kaon_neg(g, t);
    case KAON_X_ABS:
        return kaon_mul(g, t, kaon_sign(g, a));
    case KAON_X_EXP:
        return kaon_mul(g, t, y);
    case KAON_X_EXPM1:
        return kaon_mul(g, t, kaon_shift(g, y, 1));
    case KAON_X_LOG:
        return kaon_div(g, t, a);
    case KAON_X_LOG1P:
        return kaon_div(g, t, kaon_shift(g, a, 1));
    case KAON_X_SQRT:
        return kaon_div(g, kaon_scale(g, t, 0.5), y);
    case KAON_X_RSQRT:
        return kaon_mul(g, kaon_scale(g, t, -0.5), kaon_mul(g, y, kaon_square(g, y)));
    case KAON_X_SIN:
        return kaon_mul(g, t, kaon_cos(g, a));
    case KAON_X_COS:
        return kaon_neg(g, kaon_mul(g, t, kaon_sin(g, a)));
    case KAON_X_TAN:
        return kaon_mul(g, t, one_plus_square(g, y));
    case KAON_X_ASIN:
        return kaon_mul(g, t, kaon_rsqrt(g, one_minus_square(g, a)));
    case KAON_X_ACOS:
        return kaon_neg(g, kaon_mul(g, t, kaon_rsqrt(g, one_minus_square(g, a))));
    case KAON_X_ATAN:
        return kaon_div(g, t, one_plus_square(g, a));
    case KAON_X_SINH:
        return kaon_mul(g, t, kaon_cosh(g, a));
    case KAON_X_COSH:
        return kaon_mul(g, t, kaon_sinh(g, a));
    case KAON_X_TANH:
        return kaon_mul(g, t, one_minus(g, kaon_square(g, y)));
    case KAON_X_ASINH:
        return kaon_mul(g, t, kaon_rsqrt(g, one_plus_square(g, a)));
    case KAON_X_ACOSH: // sqrt(a^2 - 1), from factors that keep their digits near 1
        return kaon_mul(g, t,
                        kaon_rsqrt(g, kaon_mul(g, kaon_shift(g, a, -1), kaon_shift(g, a, 1))));
    case KAON_X_ATANH:
        return kaon_div(g, t, one_minus_square(g, a));
    case KAON_X_ERF:
        return kaon_mul(g, kaon_scale(g, t, 2 / sqrt(M_PI)),
                        kaon_exp(g, kaon_neg(g, kaon_square(g, a))));
    case KAON_X_LOGISTIC:
        return kaon_mul(g, t, kaon_mul(g, y, one_minus(g, y)));
    case KAON_X_LGAMMA:
        return kaon_mul(g, t, kaon_digamma(g, a));
    case KAON_X_DIGAMMA:
        return kaon_mul(g, t, trigamma(g, a));
    default:
        return NULL;
    }
}

// a^b by a: b a^(b - 1), without the 0 * inf at a = 0 where b is 0.
static kaon_node *power_by_base(kaon_graph *g, kaon_node *a, kaon_node *b, kaon_node *t)
{
    const int32_t dtype = kaon_dtype(a);
    double known;
    if (!b || !kn_scalar_value(kn_node_of(b), &known)) {
        kaon_node *zero = kn_scalar(g, dtype, 0);
        kaon_node *factor = kaon_mul(g, b, kaon_pow(g, a, kaon_shift(g, b, -1)));
        return kaon_mul(g, t, kaon_select(g, kaon_eq(g, b, zero), zero, factor));
    }
    if (known == 0)
        return NULL;
    if (known == 1)
        return t;
    kaon_node *power = known == 2 ? a : kaon_power(g, a, known - 1);
    return kaon_mul(g, kaon_scale(g, t, known), power);
}

// a^b by b: a^b log a; at a = 0 the limit, 0, for b > 0.
static kaon_node *power_by_exponent(kaon_graph *g, kaon_node *a, kaon_node *y, kaon_node *t)
{
    kaon_node *zero = kn_scalar(g, kaon_dtype(a), 0), *one = kn_scalar(g, kaon_dtype(a), 1);
    kaon_node *safe = kaon_select(g, kaon_eq(g, a, zero), one, a);
    return kaon_mul(g, t, kaon_mul(g, y, kaon_log(g, safe)));
}

// t where `choice` holds, else 0; and the other way round.
static kaon_node *where(kaon_graph *g, kaon_node *choice, kaon_node *t, int32_t holds)
{
    kaon_node *zero = t ? kn_scalar(g, kaon_dtype(t), 0) : NULL;
    return holds ? kaon_select(g, choice, t, zero) : kaon_select(g, choice, zero, t);
}

// t * dy/d(input `by`) for operations of two inputs, and select.
static kaon_node *through_two(kaon_graph *g, const kn_use *use, int32_t by, kaon_node *t)
{
    kaon_node *const a = kn_in(use, 0), *const b = kn_in(use, 1), *const y = kn_out(use, 0);
    const int32_t first = by == 0;
    switch (use->op->elementwise) {
    case KAON_X_ADD:
        return t;
    case KAON_X_SUB:
        return first ? t : kaon_neg(g, t);
    case KAON_X_MUL:
        return kaon_mul(g, t, first ? b : a);
    case KAON_X_DIV:
        return first ? kaon_div(g, t, b) : kaon_neg(g, kaon_mul(g, kaon_div(g, t, b), y));
    case KAON_X_MOD: // a - b trunc(a / b); (a - y) / b is whole up to rounding
        return first
                   ? t
                   : kaon_neg(g, kaon_mul(g, t, kaon_round(g, kaon_div(g, kaon_sub(g, a, y), b))));
    case KAON_X_POW:
        return first ? power_by_base(g, a, b, t) : power_by_exponent(g, a, y, t);
    case KAON_X_MIN: // ties go to b
        return where(g, kaon_lt(g, a, b), t, first);
    case KAON_X_MAX: // so that max(x, 0) has derivative 0 at 0
        return where(g, kaon_gt(g, a, b), t, first);
    case KAON_X_ATAN2: {
        kaon_node *r2 = kaon_add(g, kaon_square(g, a), kaon_square(g, b));
        kaon_node *part = kaon_div(g, kaon_mul(g, t, first ? b : a), r2);
        return first ? part : kaon_neg(g, part);
    }
    case KAON_X_SELECT:
        return where(g, a, t, by == 1);
    default:
        return NULL;
    }
}

static kaon_node *through(kaon_graph *g, const kn_use *use, int32_t by, kaon_node *t)
{
    return use->input_count == 1 ? through_one(g, use, t) : through_two(g, use, by, t);
}

void kn_reverse_elementwise(const kn_derivation *d)
{
    for (int32_t i = 0; i < d->use->input_count; i++) {
        if (d->wanted[i])
            d->to[i] = kn_sum_to(d->g, through(d->g, d->use, i, d->from[0]), d->use->inputs[i]);
    }
}

void kn_forward_elementwise(const kn_derivation *d)
{
    kaon_node *sum = NULL;
    for (int32_t i = 0; i < d->use->input_count; i++) {
        if (d->from[i])
            sum = kn_plus(d->g, sum, through(d->g, d->use, i, d->from[i]));
    }
    d->to[0] = kn_broadcast_like(d->g, sum, &d->use->outputs[0]);
}
