/* layer.h: functions that build graph: "kaon.layer/1" and its kin, losses, penalties, optimizers,
 * schedules of the learning rate, averages of weights.
 *
 * Layers have no state of their own: what they learn are parameters of the graph. The same call
 * builds for training and for prediction; kaon_training(g) tells which.
 */
#ifndef KAON_LAYER_H
#define KAON_LAYER_H

#include <kaon/graph.h>
#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_LAYER     "kaon.layer/1"
#define KAON_LOSS      "kaon.loss/1"
#define KAON_PENALTY   "kaon.penalty/1"
#define KAON_OPTIMIZER "kaon.optimizer/1"
#define KAON_SCHEDULE  "kaon.schedule/1"
#define KAON_AVERAGE   "kaon.average/1"

// A layer, an activation: one node in, one node out, the first axis counts events.
typedef struct kaon_layer {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    kaon_node *(*build)(kaon_graph *g, const void *settings, kaon_node *in); // [instance]
} kaon_layer;

// What a target must be for a loss.
enum {
    KAON_TARGET_VALUES = 0, // numbers, of the output's shape
    KAON_TARGET_CLASS = 1,  // i64 class numbers (batch)
    KAON_TARGET_SIGN = 2    // i64 class numbers 0 and 1 (batch), one output per event
};

typedef struct kaon_loss {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    int32_t target; // KAON_TARGET_*
    uint32_t reserved;
    // The loss of each event (batch), from what the last layer gives and the target. [instance]
    kaon_node *(*build)(kaon_graph *g, const void *settings, kaon_node *output, kaon_node *target);
    // What a user wants to see as the prediction: probabilities from scores, ... Absent: the
    // output itself. [instance]
    kaon_node *(*predict)(kaon_graph *g, const void *settings, kaon_node *output);
} kaon_loss;

// A price on the size of parameters: a scalar for one parameter. The learner adds them up.
typedef struct kaon_penalty {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    kaon_node *(*build)(kaon_graph *g, const void *settings, kaon_node *param); // [instance]
} kaon_penalty;

/* An optimizer: graph that turns a gradient into the parameter's next value. Its memory are
 * variables it makes with kaon_slot; they live in the scope of the parameter they belong to. */
typedef struct kaon_optimizer {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    // The next value of `param`. `rate`: a scalar that multiplies the learning rate (schedules).
    // `step`: a float scalar, 1 at the first update. [instance]
    kaon_node *(*build)(kaon_graph *g, const void *settings, kaon_node *param, kaon_node *grad,
                        kaon_node *rate, kaon_node *step);
    // Optional: the point at which the gradient is taken, from the parameter (Nesterov). [instance]
    kaon_param_hook *point;
} kaon_optimizer;

/* How far a training is, for one update of it: scalars of f64. */
typedef struct kaon_pace {
    uint32_t size;
    uint32_t reserved;
    kaon_node *step;   // updates done: 0, 1, 2, ...
    kaon_node *steps;  // there will be, if nothing ends it early
    kaon_node *epoch;  // epochs done, with the share done of the one at work
    kaon_node *epochs; // there will be
    kaon_node *fresh;  // 1 at the first update after an epoch was judged, else 0
    kaon_node *loss;   // of that epoch, on the validation events if there are any
} kaon_pace;

/* A schedule: what multiplies the learning rate. Memory it needs are variables with KAON_SLOT. */
typedef struct kaon_schedule {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    // A scalar of f64. [instance]
    kaon_node *(*build)(kaon_graph *g, const void *settings, const kaon_pace *pace);
} kaon_schedule;

/* An average of a parameter over updates: what validation and the finished model use in its place. */
typedef struct kaon_average {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    // The average's next value, from the one it has (zero before the first update) and the value the
    // parameter gets in this update. [instance]
    kaon_node *(*build)(kaon_graph *g, const void *settings, kaon_node *average, kaon_node *value,
                        const kaon_pace *pace);
} kaon_average;

// An optimizer's memory for one parameter: of its shape and dtype, zero at the start.
static inline kaon_node *kaon_slot(kaon_graph *g, kaon_node *param, const char *name)
{
    if (!param)
        return NULL;
    int64_t shape[KAON_MAX_RANK];
    char path[KAON_TEXT_MAX];
    for (int32_t i = 0; i < kaon_rank(param); i++)
        shape[i] = kaon_dim(param, i);
    snprintf(path, sizeof path, "/%s/%s", g->api->name(param), name); // '/': from the root
    kaon_variable v = {sizeof v, kaon_dtype(param), path, kaon_rank(param), KAON_INIT_ZERO,
                       shape,    0,                 KAON_SLOT, 0};
    return g->api->variable(g, &v);
}

#ifdef __cplusplus
}
#endif
#endif
