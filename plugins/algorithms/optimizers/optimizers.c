/* optimizers.c: steps along the gradient, with and without inertia.
 *
 *   gd, sgd    w -= eta g                       all events, or a batch of them: the trainer decides
 *   momentum   v = beta v + (1 - beta) g,  w -= eta v
 *   nesterov   v = gamma v + eta g(w - gamma v),  w -= v
 *
 * Formulas after Ruder, arXiv:1609.04747, except momentum, whose 1 - beta makes v a mean of
 * gradients: with `classical` it is left out, and the same eta goes 1 / (1 - beta) times as far.
 */
#include "optimizers.h"

/* --- gd and sgd ------------------------------------------------------------------------------- */

typedef struct {
    double learning_rate;
    double weight_decay;
} plain_config;

static const kaon_option plain_options[] = {
    LEARNING_RATE(plain_config, 0.01),
    WEIGHT_DECAY(plain_config, 0, DECAY_WORDS),
    {0},
};

static kaon_node *plain_build(kaon_graph *g, const void *settings, kaon_node *param,
                              kaon_node *grad, kaon_node *rate, kaon_node *step)
{
    const plain_config *c = settings;
    (void)step;
    grad = decayed(g, c->weight_decay, param, grad);
    return kaon_sub(g, param, kaon_mul(g, kaon_scale(g, rate, c->learning_rate), grad));
}

/* --- momentum --------------------------------------------------------------------------------- */

typedef struct {
    double learning_rate;
    double beta;
    int32_t classical;
    double weight_decay;
} momentum_config;

static const kaon_option momentum_options[] = {
    LEARNING_RATE(momentum_config, 0.1),
    RATIO(momentum_config, beta, 0.9, "share of the velocity that is kept"),
    KAON_BOOL(momentum_config, classical, 0,
              .help = "v = beta v + g instead of beta v + (1 - beta) g"),
    WEIGHT_DECAY(momentum_config, 0, DECAY_WORDS),
    {0},
};

static kaon_node *momentum_build(kaon_graph *g, const void *settings, kaon_node *param,
                                 kaon_node *grad, kaon_node *rate, kaon_node *step)
{
    const momentum_config *c = settings;
    (void)step;
    kaon_node *velocity = kaon_slot(g, param, "velocity");
    grad = decayed(g, c->weight_decay, param, grad);
    kaon_node *next = c->classical ? kaon_add(g, kaon_scale(g, velocity, c->beta), grad)
                                   : blend(g, c->beta, velocity, grad);
    kaon_update(g, velocity, next);
    return kaon_sub(g, param, kaon_mul(g, kaon_scale(g, rate, c->learning_rate), next));
}

/* --- nesterov --------------------------------------------------------------------------------- */

typedef struct {
    double learning_rate;
    double gamma;
    double weight_decay;
} nesterov_config;

static const kaon_option nesterov_options[] = {
    LEARNING_RATE(nesterov_config, 0.01),
    RATIO(nesterov_config, gamma, 0.9, "share of the velocity that is kept"),
    WEIGHT_DECAY(nesterov_config, 0, DECAY_WORDS),
    {0},
};

// Where the velocity alone would take the parameter: the gradient is taken there.
static kaon_node *nesterov_point(kaon_graph *g, const void *settings, kaon_node *param)
{
    const nesterov_config *c = settings;
    return kaon_sub(g, param, kaon_scale(g, kaon_slot(g, param, "velocity"), c->gamma));
}

static kaon_node *nesterov_build(kaon_graph *g, const void *settings, kaon_node *param,
                                 kaon_node *grad, kaon_node *rate, kaon_node *step)
{
    const nesterov_config *c = settings;
    (void)step;
    kaon_node *velocity = kaon_slot(g, param, "velocity");
    grad = decayed(g, c->weight_decay, param, grad);
    kaon_node *push = kaon_mul(g, kaon_scale(g, rate, c->learning_rate), grad);
    kaon_node *next = kaon_add(g, kaon_scale(g, velocity, c->gamma), push);
    kaon_update(g, velocity, next);
    return kaon_sub(g, param, next);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_optimizer plain_optimizer = {
    .size = sizeof plain_optimizer,
    .settings_size = sizeof(plain_config),
    .options = plain_options,
    .help = "straight down the gradient",
    .build = plain_build,
};

static const kaon_optimizer momentum_optimizer = {
    .size = sizeof momentum_optimizer,
    .settings_size = sizeof(momentum_config),
    .options = momentum_options,
    .help = "down a running mean of the gradients",
    .build = momentum_build,
};

static const kaon_optimizer nesterov_optimizer = {
    .size = sizeof nesterov_optimizer,
    .settings_size = sizeof(nesterov_config),
    .options = nesterov_options,
    .help = "momentum with the gradient taken one step ahead",
    .build = nesterov_build,
    .point = nesterov_point,
};

// clang-format off
#define ITEMS(item)                                          \
    item(KAON_OPTIMIZER, "gd", &plain_optimizer)             \
    item(KAON_OPTIMIZER, "sgd", &plain_optimizer)            \
    item(KAON_OPTIMIZER, "momentum", &momentum_optimizer)    \
    item(KAON_OPTIMIZER, "nesterov", &nesterov_optimizer)    \
    item(KAON_OPTIMIZER, "adagrad", &adagrad_optimizer)      \
    item(KAON_OPTIMIZER, "adadelta", &adadelta_optimizer)    \
    item(KAON_OPTIMIZER, "rmsprop", &rmsprop_optimizer)      \
    item(KAON_OPTIMIZER, "adam", &adam_optimizer)            \
    item(KAON_OPTIMIZER, "adamw", &adamw_optimizer)          \
    item(KAON_OPTIMIZER, "amsgrad", &amsgrad_optimizer)
// clang-format on

KAON_PLUGIN("optimizers", "1.0.0", "Apache-2.0", "gradient descent and its relatives", ITEMS, NULL)
