/* activations.c: functions applied number by number: out = f(in), of the same shape.
 *
 * Each is one row at the end and one short function above it. Those with parameters of their own
 * (prelu, maxout, radial) stand in learned.c.
 */
#include "activations.h"

#include <math.h>

/* --- without options -------------------------------------------------------------------------- */

static kaon_node *identity(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)g, (void)settings;
    return x;
}

static kaon_node *sigmoid(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    return kaon_logistic(g, x);
}

static kaon_node *hyperbolic(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    return kaon_tanh(g, x);
}

static kaon_node *arctan(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    return kaon_atan(g, x);
}

// Where both are equal the gradient of max goes to the second, so the slope at 0 is 0.
static kaon_node *relu(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    return kaon_max(g, x, kaon_scalar_as(g, kaon_dtype(x), 0));
}

// x Phi(x), Phi the normal distribution. Hendrycks, Gimpel, arXiv:1606.08415.
static kaon_node *gelu(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    kaon_node *phi = kaon_shift(g, kaon_erf(g, kaon_scale(g, x, sqrt(0.5))), 1);
    return kaon_scale(g, kaon_mul(g, x, phi), 0.5);
}

static kaon_node *silu(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    return kaon_mul(g, x, kaon_logistic(g, x));
}

/* --- with options ----------------------------------------------------------------------------- */

typedef struct {
    double at_zero;
} step_config;

static const kaon_option step_options[] = {
    KAON_FLOAT(step_config, at_zero, 1, .min = 0, .max = 1, .help = "value at exactly 0"),
    {0},
};

// sign is -1, 0, 1 and NaN for NaN; so the two halves add up to 0, at_zero or 1.
static kaon_node *step(kaon_graph *g, const void *settings, kaon_node *x)
{
    const step_config *c = settings;
    kaon_node *s = kaon_sign(g, x);
    kaon_node *slope = kaon_scale(g, s, 0.5); // -1/2, 0, 1/2
    kaon_node *bend = kaon_scale(g, kaon_square(g, s), 0.5 - c->at_zero);
    return kaon_shift(g, kaon_add(g, slope, bend), c->at_zero);
}

// +1 at 0, as the perceptron has it: a sum of what is above and what is not below.
static kaon_node *perceptron_sign(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    kaon_node *s = kaon_sign(g, x);
    kaon_node *zero = kaon_shift(g, kaon_neg(g, kaon_square(g, s)), 1); // 1 at 0, else 0
    return kaon_add(g, s, zero);
}

typedef struct {
    double slope;
} leaky_config;

static const kaon_option leaky_options[] = {
    KAON_FLOAT(leaky_config, slope, 0.1, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MAX,
               .help = "slope below 0; 0.1 in lectures, 0.01 elsewhere"),
    {0},
};

static kaon_node *leaky_relu(kaon_graph *g, const void *settings, kaon_node *x)
{
    const leaky_config *c = settings;
    return kaon_max(g, x, kaon_scale(g, x, c->slope));
}

// scale (alpha (e^x - 1) below 0, x above). The exponent is cut at 0, because a branch not taken
// must stay finite: its gradient is multiplied by zero.
static kaon_node *exponential_unit(kaon_graph *g, kaon_node *x, double alpha)
{
    kaon_node *zero = kaon_scalar_as(g, kaon_dtype(x), 0);
    kaon_node *below = kaon_scale(g, kaon_expm1(g, kaon_min(g, zero, x)), alpha);
    return kaon_select(g, kaon_gt(g, x, zero), x, below);
}

typedef struct {
    double alpha;
} elu_config;

static const kaon_option elu_options[] = {
    KAON_FLOAT(elu_config, alpha, 1, .min = 0, .max = 100, .help = "minus the limit far below 0"),
    {0},
};

// Clevert, Unterthiner, Hochreiter, arXiv:1511.07289.
static kaon_node *elu(kaon_graph *g, const void *settings, kaon_node *x)
{
    const elu_config *c = settings;
    return exponential_unit(g, x, c->alpha);
}

// Klambauer, Unterthiner, Mayr, Hochreiter, arXiv:1706.02515, equation 2 and its fixed point (0,
// 1).
static kaon_node *selu(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    return kaon_scale(g, exponential_unit(g, x, 1.6732632423543772), 1.0507009873554805);
}

// log(1 + e^x) = (x + |x|) / 2 + log1p(e^-|x|): neither overflows nor loses small values. With
// max(x, 0) for the first term the slope at 0, where networks start, would not be 1/2.
static kaon_node *softplus(kaon_graph *g, const void *settings, kaon_node *x)
{
    (void)settings;
    kaon_node *size = kaon_abs(g, x);
    kaon_node *ramp = kaon_scale(g, kaon_add(g, x, size), 0.5);
    return kaon_add(g, ramp, kaon_log1p(g, kaon_exp(g, kaon_neg(g, size))));
}

/* --- tables ----------------------------------------------------------------------------------- */

#define PLAIN(name, function, words)                                                               \
    static const kaon_layer name##_layer = {                                                       \
        .size = sizeof(kaon_layer), .help = words, .build = function}

#define OPTED(name, function, config, rows, words)                                                 \
    static const kaon_layer name##_layer = {.size = sizeof(kaon_layer),                            \
                                            .settings_size = sizeof(config),                       \
                                            .options = rows,                                       \
                                            .help = words,                                         \
                                            .build = function}

PLAIN(identity, identity, "x; linear");
PLAIN(sigmoid, sigmoid, "1 / (1 + e^-x), the logistic function; saturating");
PLAIN(tanh, hyperbolic, "hyperbolic tangent; saturating");
PLAIN(arctan, arctan, "arc tangent; saturating");
PLAIN(relu, relu, "max(0, x)");
PLAIN(selu, selu, "scaled elu that keeps mean 0 and variance 1");
PLAIN(gelu, gelu, "x times the normal distribution at x");
PLAIN(silu, silu, "x times the logistic function of x");
PLAIN(softplus, softplus, "log(1 + e^x), a smooth relu");
PLAIN(sign, perceptron_sign, "-1 below 0, +1 from 0 on; no gradient");
OPTED(step, step, step_config, step_options, "0 below 0, 1 above; no gradient");
OPTED(leaky_relu, leaky_relu, leaky_config, leaky_options, "x above 0, slope x below");
OPTED(elu, elu, elu_config, elu_options, "x above 0, alpha (e^x - 1) below");

// clang-format off
#define ITEMS(item)                                    \
    item(KAON_LAYER, "identity", &identity_layer)      \
    item(KAON_LAYER, "step", &step_layer)              \
    item(KAON_LAYER, "sign", &sign_layer)              \
    item(KAON_LAYER, "sigmoid", &sigmoid_layer)        \
    item(KAON_LAYER, "tanh", &tanh_layer)              \
    item(KAON_LAYER, "arctan", &arctan_layer)          \
    item(KAON_LAYER, "relu", &relu_layer)              \
    item(KAON_LAYER, "leaky_relu", &leaky_relu_layer)  \
    item(KAON_LAYER, "prelu", &prelu_layer)            \
    item(KAON_LAYER, "elu", &elu_layer)                \
    item(KAON_LAYER, "selu", &selu_layer)              \
    item(KAON_LAYER, "gelu", &gelu_layer)              \
    item(KAON_LAYER, "silu", &silu_layer)              \
    item(KAON_LAYER, "softplus", &softplus_layer)      \
    item(KAON_LAYER, "maxout", &maxout_layer)          \
    item(KAON_LAYER, "radial", &radial_layer)
// clang-format on

KAON_PLUGIN("activations", "1.0.0", "Apache-2.0", "activation functions", ITEMS, NULL)
