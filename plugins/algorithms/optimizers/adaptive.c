/* adaptive.c: optimizers that scale each step by the size of past gradients.
 *
 *   adagrad   s = s + g^2                      w -= eta g / sqrt(s + epsilon)
 *   rmsprop   s = beta s + (1 - beta) g^2      w -= eta g / sqrt(s + epsilon)
 *   adadelta  s as rmsprop with rho            d = sqrt(u + epsilon) / sqrt(s + epsilon) g,
 *             u = rho u + (1 - rho) d^2        w -= d
 *   adam      m, s running means of g, g^2     w -= eta m' / (sqrt(s') + epsilon)
 *   adamw     adam, and w -= eta decay w beside it
 *   amsgrad   adam with the largest s so far
 *
 * adagrad, adadelta, rmsprop: Ruder, arXiv:1609.04747. adam: Kingma, Ba, arXiv:1412.6980; m' = m /
 * (1 - beta1^t) and s' = s / (1 - beta2^t) undo the start at zero. adamw: Loshchilov, Hutter,
 * arXiv:1711.05101. amsgrad: Reddi, Kale, Kumar, arXiv:1904.09237, which does not undo it.
 * epsilon stands inside or outside the root by `epsilon_inside`: inside, 1e-8 stops gradients below
 * 1e-4 from mattering; outside, below 1e-8.
 */
#include "optimizers.h"

#include <math.h>

#define EPSILON(type)                                                                              \
    KAON_FLOAT(type, epsilon, 1e-8, .min = 0, .max = 1, .help = "keeps the division finite")
#define INSIDE(type, value)                                                                        \
    KAON_BOOL(type, epsilon_inside, value, .flags = KAON_OPTION_EXPERT,                            \
              .help = "sqrt(s + epsilon) instead of sqrt(s) + epsilon")

static kaon_node *root(kaon_graph *g, kaon_node *s, double epsilon, int32_t inside)
{
    if (inside)
        return kaon_sqrt(g, kaon_shift(g, s, epsilon));
    return kaon_shift(g, kaon_sqrt(g, s), epsilon);
}

/* --- adagrad ---------------------------------------------------------------------------------- */

typedef struct {
    double learning_rate;
    double epsilon;
    int32_t epsilon_inside;
    double weight_decay;
} adagrad_config;

static const kaon_option adagrad_options[] = {
    LEARNING_RATE(adagrad_config, 0.01),
    EPSILON(adagrad_config),
    INSIDE(adagrad_config, 1),
    WEIGHT_DECAY(adagrad_config, 0, DECAY_WORDS),
    {0},
};

static kaon_node *adagrad_build(kaon_graph *g, const void *settings, kaon_node *param,
                                kaon_node *grad, kaon_node *rate, kaon_node *step)
{
    const adagrad_config *c = settings;
    (void)step;
    kaon_node *squares = kaon_slot(g, param, "squares");
    grad = decayed(g, c->weight_decay, param, grad);
    kaon_node *next = kaon_add(g, squares, kaon_square(g, grad));
    kaon_update(g, squares, next);
    kaon_node *move = kaon_div(g, grad, root(g, next, c->epsilon, c->epsilon_inside));
    return kaon_sub(g, param, kaon_mul(g, kaon_scale(g, rate, c->learning_rate), move));
}

const kaon_optimizer adagrad_optimizer = {
    .size = sizeof adagrad_optimizer,
    .settings_size = sizeof(adagrad_config),
    .options = adagrad_options,
    .help = "steps shrink with the sum of squared gradients",
    .build = adagrad_build,
};

/* --- rmsprop ---------------------------------------------------------------------------------- */

typedef struct {
    double learning_rate;
    double beta;
    double epsilon;
    int32_t epsilon_inside;
    double weight_decay;
} rmsprop_config;

static const kaon_option rmsprop_options[] = {
    LEARNING_RATE(rmsprop_config, 0.001),
    RATIO(rmsprop_config, beta, 0.9, "memory of the squared gradients"),
    EPSILON(rmsprop_config),
    INSIDE(rmsprop_config, 1),
    WEIGHT_DECAY(rmsprop_config, 0, DECAY_WORDS),
    {0},
};

static kaon_node *rmsprop_build(kaon_graph *g, const void *settings, kaon_node *param,
                                kaon_node *grad, kaon_node *rate, kaon_node *step)
{
    const rmsprop_config *c = settings;
    (void)step;
    kaon_node *squares = kaon_slot(g, param, "squares");
    grad = decayed(g, c->weight_decay, param, grad);
    kaon_node *next = blend(g, c->beta, squares, kaon_square(g, grad));
    kaon_update(g, squares, next);
    kaon_node *move = kaon_div(g, grad, root(g, next, c->epsilon, c->epsilon_inside));
    return kaon_sub(g, param, kaon_mul(g, kaon_scale(g, rate, c->learning_rate), move));
}

const kaon_optimizer rmsprop_optimizer = {
    .size = sizeof rmsprop_optimizer,
    .settings_size = sizeof(rmsprop_config),
    .options = rmsprop_options,
    .help = "steps scaled by the root of a running mean of squared gradients",
    .build = rmsprop_build,
};

/* --- adadelta --------------------------------------------------------------------------------- */

typedef struct {
    double learning_rate;
    double rho;
    double epsilon;
    double weight_decay;
} adadelta_config;

static const kaon_option adadelta_options[] = {
    LEARNING_RATE(adadelta_config, 1),
    RATIO(adadelta_config, rho, 0.95, "memory of squared gradients and squared steps"),
    EPSILON(adadelta_config),
    WEIGHT_DECAY(adadelta_config, 0, DECAY_WORDS),
    {0},
};

static kaon_node *adadelta_build(kaon_graph *g, const void *settings, kaon_node *param,
                                 kaon_node *grad, kaon_node *rate, kaon_node *step)
{
    const adadelta_config *c = settings;
    (void)step;
    kaon_node *squares = kaon_slot(g, param, "squares");
    kaon_node *steps = kaon_slot(g, param, "steps");
    grad = decayed(g, c->weight_decay, param, grad);
    kaon_node *next = blend(g, c->rho, squares, kaon_square(g, grad));
    kaon_node *ratio = kaon_div(g, root(g, steps, c->epsilon, 1), root(g, next, c->epsilon, 1));
    kaon_node *move = kaon_mul(g, ratio, grad);
    kaon_update(g, squares, next);
    kaon_update(g, steps, blend(g, c->rho, steps, kaon_square(g, move)));
    return kaon_sub(g, param, kaon_mul(g, kaon_scale(g, rate, c->learning_rate), move));
}

const kaon_optimizer adadelta_optimizer = {
    .size = sizeof adadelta_optimizer,
    .settings_size = sizeof(adadelta_config),
    .options = adadelta_options,
    .help = "steps as long as past steps; needs no learning rate",
    .build = adadelta_build,
};

/* --- adam and its kin ------------------------------------------------------------------------- */

typedef struct {
    double learning_rate;
    double beta1;
    double beta2;
    double epsilon;
    int32_t epsilon_inside;
    int32_t bias_correction;
    double weight_decay;
} adam_config;

#define ADAM_ROWS(rate, inside, correct, decay, decay_words)                                       \
    LEARNING_RATE(adam_config, rate), RATIO(adam_config, beta1, 0.9, "memory of the gradients"),   \
        RATIO(adam_config, beta2, 0.999, "memory of the squared gradients"), EPSILON(adam_config), \
        INSIDE(adam_config, inside),                                                               \
        KAON_BOOL(adam_config, bias_correction, correct, .flags = KAON_OPTION_EXPERT,              \
                  .help = "undo the means' start at zero"),                                        \
        WEIGHT_DECAY(adam_config, decay, decay_words),                                             \
    {                                                                                              \
        0                                                                                          \
    }

static const kaon_option adam_options[] = {ADAM_ROWS(0.001, 0, 1, 0, DECAY_WORDS)};
static const kaon_option adamw_options[] = {
    ADAM_ROWS(0.001, 0, 1, 0.01, "shrinks w by learning_rate weight_decay w at each step")};
static const kaon_option amsgrad_options[] = {ADAM_ROWS(0.001, 1, 0, 0, DECAY_WORDS)};

// 1 - beta^step, a scalar; by expm1, because beta is near 1.
static kaon_node *warmth(kaon_graph *g, double beta, kaon_node *step)
{
    return kaon_neg(g, kaon_expm1(g, kaon_scale(g, step, log(beta))));
}

// beta = 0 has no memory, so there is nothing to undo.
static kaon_node *corrected(kaon_graph *g, const adam_config *c, double beta, kaon_node *mean,
                            kaon_node *step)
{
    return c->bias_correction && beta > 0 ? kaon_div(g, mean, warmth(g, beta, step)) : mean;
}

// eta m' / root(s'): what is taken from the parameter. `largest`: keep the largest s.
static kaon_node *adam_move(kaon_graph *g, const adam_config *c, kaon_node *param, kaon_node *grad,
                            kaon_node *rate, kaon_node *step, int largest)
{
    kaon_node *mean = kaon_slot(g, param, "mean");
    kaon_node *squares = kaon_slot(g, param, "squares");
    kaon_node *mean_next = blend(g, c->beta1, mean, grad);
    kaon_node *squares_next = blend(g, c->beta2, squares, kaon_square(g, grad));
    kaon_update(g, mean, mean_next);
    kaon_update(g, squares, squares_next);
    if (largest) {
        kaon_node *most = kaon_slot(g, param, "largest");
        squares_next = kaon_max(g, most, squares_next);
        kaon_update(g, most, squares_next);
    }
    // The correction of m goes into the step length, a scalar, and costs nothing per element; that
    // of s must stand under the root, where it is a scalar too.
    kaon_node *length = corrected(g, c, c->beta1, kaon_scale(g, rate, c->learning_rate), step);
    kaon_node *size = corrected(g, c, c->beta2, squares_next, step);
    return kaon_mul(g, length,
                    kaon_div(g, mean_next, root(g, size, c->epsilon, c->epsilon_inside)));
}

static kaon_node *adam_build(kaon_graph *g, const void *settings, kaon_node *param, kaon_node *grad,
                             kaon_node *rate, kaon_node *step)
{
    const adam_config *c = settings;
    grad = decayed(g, c->weight_decay, param, grad);
    return kaon_sub(g, param, adam_move(g, c, param, grad, rate, step, 0));
}

static kaon_node *amsgrad_build(kaon_graph *g, const void *settings, kaon_node *param,
                                kaon_node *grad, kaon_node *rate, kaon_node *step)
{
    const adam_config *c = settings;
    grad = decayed(g, c->weight_decay, param, grad);
    return kaon_sub(g, param, adam_move(g, c, param, grad, rate, step, 1));
}

static kaon_node *adamw_build(kaon_graph *g, const void *settings, kaon_node *param,
                              kaon_node *grad, kaon_node *rate, kaon_node *step)
{
    const adam_config *c = settings;
    kaon_node *shrink = kaon_scale(g, rate, c->learning_rate * c->weight_decay);
    kaon_node *move = adam_move(g, c, param, grad, rate, step, 0);
    return kaon_sub(g, param, kaon_add(g, kaon_mul(g, shrink, param), move));
}

const kaon_optimizer adam_optimizer = {
    .size = sizeof adam_optimizer,
    .settings_size = sizeof(adam_config),
    .options = adam_options,
    .help = "running means of gradients over the root of those of squares",
    .build = adam_build,
};

const kaon_optimizer adamw_optimizer = {
    .size = sizeof adamw_optimizer,
    .settings_size = sizeof(adam_config),
    .options = adamw_options,
    .help = "adam with weight decay beside the gradient",
    .build = adamw_build,
};

const kaon_optimizer amsgrad_optimizer = {
    .size = sizeof amsgrad_optimizer,
    .settings_size = sizeof(adam_config),
    .options = amsgrad_options,
    .help = "adam with the largest running mean of squares so far",
    .build = amsgrad_build,
};
