/* model.h: a list of learners that fit one after the other and predict as one; one file on disk.
 *
 * The file is safetensors; its metadata holds the configuration of the learners (resolved), names
 * and versions of the items, names of features and classes, the selection of columns, a checksum.
 * So it needs nothing else, and it names items, never code or paths.
 */
#ifndef KN_MODEL_H
#define KN_MODEL_H

#include <jansson.h>
#include <kaon/learner.h>
#include <kaon/table.h>

#include "kernel/config.h"
#include "kernel/kernel.h"
#include "experiment/monitor.h"
#include "kernel/settings.h"

typedef struct kn_model kn_model;

// What a model remembers of the data it was fitted to.
typedef struct kn_model_data {
    int64_t feature_count; // names along the last axis of the features
    const char *const *features;
    const char *target; // name of its column, or NULL
    int64_t class_count;
    const char *const *classes;
    const char *config; // the `data` section, JSON, or NULL
} kn_model_data;

typedef struct kn_model_fit {
    kaon_table *train;
    kaon_table *validation; // NULL: none
    kn_monitor *monitor;    // NULL: nobody listens
    uint64_t seed;
    int32_t float_type;
    struct kn_safetensors *from; // a checkpoint to go on from; NULL: begin
} kn_model_fit;

/* Of checked learners; `config` is their resolved list. `s` and its tree must outlive the model.
 * [any] */
kaon_status kn_model_new(kn_settings *s, kaon_parts learners, const kn_config *config,
                         kn_model **out, kaon_diag *diag);
void kn_model_free(kn_model *model); // takes NULL

/* Copies. [instance] */
kaon_status kn_model_set_data(kn_model *model, const kn_model_data *data, kaon_diag *diag);
const kn_model_data *kn_model_get_data(const kn_model *model);

/* Creates each learner from the facts of the table before it and fits it. KAON_CANCELLED: stopped
 * on request; KAON_NOT_FINITE: the numbers ran away; both keep what was learned before, which can
 * be used if kn_model_ready says so. [instance] */
kaon_status kn_model_fit_tables(kn_model *model, const kn_model_fit *fit, kaon_diag *diag);

/* A new table with what the last learner made. [instance] */
kaon_status kn_model_apply(kn_model *model, kaon_table *in, kaon_table **out, kaon_diag *diag);

/* 1 if every learner has been fitted or loaded, or was stopped with something to keep. */
int32_t kn_model_ready(const kn_model *model);

/* For checkpoints while it is fitted: the learners that are done, and which one is at work; what
 * that one needs stands below "state/". [instance] */
kaon_status kn_model_collect_done(const kn_model *model, struct kn_safetensors *file,
                                  kaon_diag *diag);

kaon_status kn_model_save(kn_model *model, const char *path, kaon_diag *diag); // [instance]

/* The result owns its settings. Faults in the configuration it holds go to `faults`; a failure of
 * any kind also to `diag`. [any] */
kaon_status kn_model_load(kn_kernel *kernel, const char *path, kn_model **out, kn_faults *faults,
                          kaon_diag *diag);

/* What the first learner sees. target_dtype -1 and rank 0 before the fit. */
const kaon_task_facts *kn_model_facts(const kn_model *model);

int32_t kn_model_count(const kn_model *model);
const kaon_part *kn_model_part(const kn_model *model, int32_t index);
void *kn_model_learner(const kn_model *model, int32_t index); // NULL before the fit
kn_kernel *kn_model_kernel(const kn_model *model);

/* All of it for people and programs: learners, parameters, tensors, names. [instance] */
kaon_status kn_model_json(kn_model *model, json_t **out, kaon_diag *diag);

#endif
