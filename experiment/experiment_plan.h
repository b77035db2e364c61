/* experiment_plan.h: an experiment's YAML file, read and checked; nothing is opened yet.
 *
 *     include: common.yaml          # config_load.h, as the next line
 *     vars: {units: 64}
 *     name: jets                    # of the run folder; absent: the file's
 *     seed: 1
 *     float: f32                    # f32, f64
 *     data: {...}                   # dataset.h
 *     model: [...]                  # learners, in order
 *     evaluation: {bootstrap: 200}  # metrics beside the usual ones, and their uncertainties
 *     sinks: [tensorboard]          # where its numbers go beside metrics.jsonl
 *     tune: {...}                   # tune_plan.h
 *     report: [...]                 # figures (report.h); absent: all that say something
 *
 * or, instead of data and model, where something learns by doing:
 *
 *     environment: {...}
 *     agent: {...}
 *     evaluation: {episodes: 1000}
 */
#ifndef KN_EXPERIMENT_PLAN_H
#define KN_EXPERIMENT_PLAN_H

#include "kernel/config.h"
#include "data/dataset.h"
#include "experiment/report.h"
#include "kernel/settings.h"

// The top of the file. ORDER experiment_settings
typedef struct kn_experiment_settings {
    kaon_texts include;    // both are taken in before the rest is looked at: config_load.h
    const kn_config *vars; //
    const char *name;
    int64_t seed;
    int64_t threads;
    const char *backend;
    int32_t float_type; // KAON_F32, KAON_F64: the order of the choices
    const kn_config *report;
    const kn_config *data;
    const kn_config *model;
    const kn_config *environment;
    const kn_config *agent;
    const kn_config *evaluation;
    const kn_config *tune;
    kaon_parts sinks;
    const kn_config *checkpoint;
    int32_t predictions;
} kn_experiment_settings;

typedef struct kn_evaluation_settings {
    int64_t episodes;   // of agents
    int64_t parallel;   // environments stepped together
    kaon_parts metrics; // of models: beside those a task has by default
    int64_t bootstrap;  // replicas for uncertainties
} kn_evaluation_settings;

typedef struct kn_experiment_plan {
    kn_config_tree *tree;
    kn_settings settings;
    const kn_experiment_settings *top;
    kn_config *resolved; // everything, with defaults
    char *folder;        // of the file: relative paths start there; "" for the current one
    const kn_evaluation_settings *evaluation;
    const struct kn_tune_plan *tune; // NULL: there is no section
    kn_report_wish report;
    // A model fitted to data:
    kn_dataset_plan *data;
    kn_config *data_resolved;
    kaon_parts learners;
    kn_config *model_resolved;
    // An agent in an environment:
    const kaon_part *environment;
    const kaon_part *agent;
    kn_config *agent_resolved;
    kn_config *environment_resolved;
    const struct kn_checkpoint_settings *checkpoint;
} kn_experiment_plan;

/* Reads a file and makes the edits; edits may name "seed=3" and anything else. Faults of all kinds
 * are collected; the plan may be used only if there are none. On the caller's storage; fini in any
 * case.
 */
kaon_status kn_experiment_plan_init(kn_experiment_plan *plan, kn_kernel *kernel, const char *path,
                                    int64_t set_count, const char *const *sets, kn_faults *faults,
                                    kaon_diag *diag);
void kn_experiment_plan_fini(kn_experiment_plan *plan);

/* What an experiment may hold at its top, for `inspect`. */
extern const kn_schema kn_experiment_schema;

#endif
