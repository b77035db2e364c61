/* experiment.h: one run: configuration, data, model, fit, evaluation, and the folder that keeps it
 * all.
 *
 * The folder holds config.yaml (all defaults written out), lock.json (run_lock.h), run.json (how it
 * stands), model.safetensors, metrics.json (test metrics at its top, those of the other parts below
 * "parts"), metrics.jsonl (per epoch), log.txt, what `report` and `predictions` ask for and, until it
 * is finished, checkpoints/.
 */
#ifndef KN_EXPERIMENT_H
#define KN_EXPERIMENT_H

#include <jansson.h>
#include <kaon/host_api.h>

#include "experiment/checkpoint.h"
#include "experiment/experiment_plan.h"
#include "experiment/monitor.h"
#include "experiment/run_log.h"

typedef struct kn_experiment {
    kn_kernel *kernel;
    const kaon_run_request *request;
    kn_run_log *log; // lines of plugins go there while the run is on
    const atomic_int *stop;
    kn_experiment_plan plan;
    kn_monitor monitor;
    kn_checkpoints checkpoints;
    char *folder;            // of the run
    char *checkpoint_folder; // in it
    int hold;                // the folder, locked; -1: not yet
    kn_safetensors *from;    // the checkpoint it goes on from; NULL: it begins
    uint64_t seed;
    double started;
    kn_dataset *dataset;
    struct kn_model *model;
    struct kn_sinks *sinks; // opened with the folder; NULL: none
    json_t *metrics;
    json_t *replicas; // of the bootstrap, by part
    json_t *result;
} kn_experiment;

/* Runs it. *result: a JSON object (json_decref), also where the run was stopped (KAON_CANCELLED) or
 * the numbers ran away (KAON_NOT_FINITE) but something was kept; else NULL. */
kaon_status kn_experiment_run(kn_kernel *kernel, const kaon_run_request *request, kn_run_log *log,
                              const atomic_int *stop, kn_faults *faults, json_t **result,
                              kaon_diag *diag);

/* --- shared by the experiment_*.c files ------------------------------------------------------- */

/* A path in the run folder; kn_free it. NULL: no memory. */
char *kn_experiment_path(const kn_experiment *e, const char *name);

/* Goes on with the run in request->folder. *finished: there is nothing left to do, and e->metrics
 * holds what it found. */
kaon_status kn_experiment_reopen(kn_experiment *e, int32_t *finished, kaon_diag *diag);

/* Makes the folder or checks that it still fits (lock.json), opens log.txt and metrics.jsonl, finds
 * the checkpoint to go on from. */
kaon_status kn_experiment_open_folder(kn_experiment *e, kaon_diag *diag);

/* Says in run.json how it ended. */
kaon_status kn_experiment_close_folder(kn_experiment *e, kaon_status status, const char *why,
                                       kaon_diag *diag);

/* "ok", "interrupted", "failed". */
const char *kn_experiment_status_text(kaon_status status);

/* The device programs will run on; NULL where no learner makes any, so that none is opened in vain.
 */
const char *kn_experiment_backend(const kn_experiment *e);

kaon_status kn_experiment_write_json(const kn_experiment *e, const char *name, const json_t *what,
                                     kaon_diag *diag);

/* Writes metrics.json and, where there was a bootstrap, bootstrap.json. */
kaon_status kn_experiment_write_metrics(const kn_experiment *e, kaon_diag *diag);

/* Ends the timing and writes the report, if one is asked for: the last step of a run. */
kaon_status kn_experiment_report(kn_experiment *e, kaon_diag *diag);

/* The report of a run made anew: its model and its data are read again. *out: json_decref. */
kaon_status kn_experiment_report_again(kn_kernel *kernel, const kaon_report_request *request,
                                       kn_faults *faults, json_t **out, kaon_diag *diag);

/* Fits a new model to the parts of the dataset. Where it was stopped, or the numbers ran away, what
 * was learned is kept, but for a fold. */
kaon_status kn_experiment_fit(kn_experiment *e, kaon_diag *diag);

/* A model for each fold of the dataset, predictions for every row by a model that has not seen it.
 * What is done of a run that goes on is not done again. */
kaon_status kn_experiment_folds(kn_experiment *e, kn_faults *faults, kaon_diag *diag);

/* Trains an agent, saves it and plays. */
kaon_status kn_experiment_agent(kn_experiment *e, kaon_diag *diag);

#endif
