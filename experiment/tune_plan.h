/* tune_plan.h: the section `tune` of an experiment: what to vary, how to search, what to look at.
 *
 *     tune:
 *       metric: auc                       # of the validation part, or one told by epoch
 *       search: random                    # or grid, sobol, {asha: {min: 1, max: 27}}
 *       trials: 20
 *       budget: model.network.epochs      # what asha spends
 *       space:
 *         model.network.optimizer.adam.learning_rate: {min: 1e-4, max: 0.1, scale: log}
 *         model.network.batch: [32, 64, 128]
 *
 * Keys of `space` are paths as `--set` takes them.
 */
#ifndef KN_TUNE_PLAN_H
#define KN_TUNE_PLAN_H

#include "kernel/settings.h"

typedef struct kn_tune_settings {
    const char *metric;
    int32_t direction; // KN_TUNE_*
    kaon_part search;
    int64_t trials;
    int64_t parallel;
    const char *budget;
    const kn_config *space;
} kn_tune_settings;

// ORDER tune_direction
enum { KN_TUNE_OWN = 0, KN_TUNE_HIGHER = 1, KN_TUNE_LOWER = 2 };

// A range of `space`. ORDER range_options
typedef struct kn_tune_range {
    double min;
    double max;
    int32_t scale; // KN_TUNE_LINEAR, KN_TUNE_LOG
    int32_t whole;
} kn_tune_range;

enum { KN_TUNE_LINEAR = 0, KN_TUNE_LOG = 1 };

typedef struct kn_tune_axis {
    const char *path;
    const kn_config *choices;   // a list, or NULL:
    const kn_tune_range *range; // then this
} kn_tune_axis;

typedef struct kn_tune_plan {
    const kn_tune_settings *settings;
    kn_config *resolved;
    int64_t axis_count;
    kn_tune_axis *axes;
} kn_tune_plan;

extern const kn_schema kn_tune_schema;

/* Reads the section; faults are collected in `s`. It lives as long as `s`. NULL: no memory.
 * [instance] */
kn_tune_plan *kn_tune_plan_new(kn_settings *s, const kn_config *node);

/* Number of values an axis has, as searches count them; 0: continuous. [any] */
int64_t kn_tune_levels(const kn_tune_axis *axis);

/* "path=value" at coordinate `u` of [0, 1], as `--set` takes it. [any] */
void kn_tune_edit(const kn_tune_axis *axis, double u, kn_text *out);

#endif
