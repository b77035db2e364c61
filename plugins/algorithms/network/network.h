/* network.h: the parts of the network learner and what they share.
 *
 * network.c          options, life, model files, the plugin
 * network_graph.c    graphs: forward, training step, validation, prediction, diagnosis
 * network_fit.c      the loop over epochs and batches
 * network_suspend.c  a training put aside at a checkpoint, and taken up again
 * network_predict.c  predicting tables
 * network_target.c   targets of mean 0 and deviation 1, and back
 * progress.h         early stopping
 */
#ifndef NETWORK_H
#define NETWORK_H

#include <kaon/layer.h>
#include <kaon/learner.h>
#include <kaon/program.h>

typedef struct {
    kaon_parts layers;
    kaon_part loss;
    kaon_part optimizer;
    kaon_part penalty;
    int64_t epochs;
    int64_t batch; // 0: all events
    int64_t patience;
    double delta;
    double clip_norm;
    double clip_value;
    kaon_part schedule;
    kaon_part average;
    int32_t keep; // KEEP_*
    int32_t scale_target;
} config;

enum { KEEP_BEST, KEEP_LAST };

enum { BUCKETS = 4 };

typedef struct {
    const kaon_host *host;
    const config *settings;
    const kaon_program_api *programs;
    const kaon_table_api *tables;
    const kaon_loss *loss;
    int32_t float_type;
    uint64_t seed;
    int32_t feature_rank; // axes of one event's features
    int64_t feature_shape[KAON_MAX_RANK];
    int64_t feature_count; // numbers of one event
    int32_t target_dtype;
    int32_t classes;
    int64_t target_width;
    kaon_variables *variables;
    kaon_program *predictors[BUCKETS]; // compiled at first use
    int32_t out_rank;                  // of one event's prediction
    int64_t out_shape[KAON_MAX_RANK];
    int64_t out_count;
    char *description;
    int32_t frozen; // while a graph with constants for variables is built
} network;

// ORDER input: of training, validation and diagnosis programs; from IN_STEP on only for training.
enum {
    IN_FEATURES,
    IN_TARGET,
    IN_WEIGHT,
    IN_STEP,  // of the float type: 1 at the first update; the others are f64, see kaon_pace
    IN_DONE,  // updates
    IN_EPOCH, // epochs done
    IN_FRESH,
    IN_LOSS,
    IN_COUNT
};

/* All graphs are the caller's to free; on failure there is none. */
kaon_status network_graph(const network *n, int training, kaon_graph **out, kaon_diag *diag);

/* Refuses layers, loss and target that do not fit each other. */
kaon_status network_try_loss(const network *n, kaon_diag *diag);

/* The layers on `in`; nodes[i], if nodes is given, is the output of layer i. NULL: diag tells which
 * layer refuses what. */
kaon_node *network_forward(const network *n, kaon_graph *g, kaon_node *in, kaon_node **nodes,
                           kaon_diag *diag);

kaon_node *network_features(const network *n, kaon_graph *g, int64_t rows);

/* One step of `steps`: inputs IN_*, output: the loss, weighted sum over the batch. */
kaon_status network_compile_training(const network *n, int64_t rows, double steps,
                                     kaon_program **out, kaon_diag *diag);

// Where an average of a parameter is kept.
#define AVERAGE_SLOT "average"

/* Puts averages in the place of the parameters. Does nothing where none are kept. */
kaon_status network_take_averages(const network *n, kaon_diag *diag);

/* Inputs IN_FEATURES to IN_WEIGHT; of averages where they are kept. Outputs: weighted sums of loss and of right answers. */
kaon_status network_compile_validation(const network *n, int64_t rows, kaon_program **out,
                                       kaon_diag *diag);

/* Input: features; output: what loss.predict makes of the last layer. */
kaon_status network_compile_prediction(const network *n, int64_t rows, kaon_program **out,
                                       kaon_diag *diag);

/* Says in `where` what was not finite first when the batch is put through once more. */
kaon_status network_diagnose(const network *n, int64_t rows, const void *const *inputs,
                             uint64_t run, char *where, size_t room, kaon_diag *diag);

kaon_status network_fit(void *self, const kaon_fit *fit, kaon_diag *diag);
kaon_status network_apply(void *self, kaon_table *in, kaon_table **out, kaon_diag *diag);

/* With the option scale_target: the target as the loss sees it, and what the loss gives in the
 * target's own unit. Mean and deviation are two variables of the model. Without it both return
 * their node. */
kaon_node *network_target_in(const network *n, kaon_graph *g, kaon_node *target);
kaon_node *network_target_out(const network *n, kaon_graph *g, kaon_node *prediction);

/* Sets the two variables from the training table; the variables must exist. */
kaon_status network_target_fit(const network *n, kaon_table *table, kaon_diag *diag);

/* A variable as the constant it has become; refuses where it was never made. */
kaon_node *network_constant(const network *n, kaon_graph *g, const char *name);

// The name a layer has in messages and in front of its parameters.
const char *network_layer_name(const network *n, int64_t index, char *name, size_t room);

#endif
