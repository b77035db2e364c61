/* optimizers.h: what the optimizers share, and those with memory of squared gradients (adaptive.c).
 */
#ifndef OPTIMIZERS_H
#define OPTIMIZERS_H

#include <kaon/layer.h>

extern const kaon_optimizer adagrad_optimizer;
extern const kaon_optimizer adadelta_optimizer;
extern const kaon_optimizer rmsprop_optimizer;
extern const kaon_optimizer adam_optimizer;
extern const kaon_optimizer adamw_optimizer;
extern const kaon_optimizer amsgrad_optimizer;

// The rows every optimizer has.
#define LEARNING_RATE(type, value)                                                                 \
    KAON_FLOAT(type, learning_rate, value, .min = 0, .max = 1e3, .flags = KAON_OPTION_OPEN_MIN,    \
               .help = "length of a step")
#define WEIGHT_DECAY(type, value, words)                                                           \
    KAON_FLOAT(type, weight_decay, value, .min = 0, .max = 1e3, .help = words)
#define DECAY_WORDS "adds weight_decay w to the gradient"
#define RATIO(type, field, value, words)                                                           \
    KAON_FLOAT(type, field, value, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MAX, .help = words)

// The gradient of the loss plus decay / 2 w^2.
static inline kaon_node *decayed(kaon_graph *g, double decay, kaon_node *param, kaon_node *grad)
{
    return decay > 0 ? kaon_add(g, grad, kaon_scale(g, param, decay)) : grad;
}

// share a + (1 - share) b: the running mean with a memory of 1 / (1 - share) steps.
static inline kaon_node *blend(kaon_graph *g, double share, kaon_node *a, kaon_node *b)
{
    return kaon_add(g, kaon_scale(g, a, share), kaon_scale(g, b, 1 - share));
}

#endif
