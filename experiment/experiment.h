/* experiment.h: one run: configuration, data, model, fit, evaluation, and the folder that keeps it
 * all.
 *
 * The folder holds config.yaml (all defaults written out), model.safetensors, metrics.json (test
 * metrics at its top, those of the other parts below "parts"), metrics.jsonl (per epoch), log.txt
 * and the tables of `report`.
 */
#ifndef KN_EXPERIMENT_H
#define KN_EXPERIMENT_H

#include <jansson.h>
#include <kaon/host_api.h>

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
    char *folder; // of the run
    uint64_t seed;
    double started;
    kn_dataset *dataset;
    struct kn_model *model;
    json_t *metrics;
    json_t *result;
} kn_experiment;

/* Runs it. *result: a JSON object (json_decref), also where the run was stopped (KAON_CANCELLED) or
 * the numbers ran away (KAON_NOT_FINITE) but something was kept; else NULL. */
kaon_status kn_experiment_run(kn_kernel *kernel, const kaon_run_request *request, kn_run_log *log,
                              const atomic_int *stop, kn_faults *faults, json_t **result,
                              kaon_diag *diag);

/* --- shared by experiment.c and experiment_agent.c -------------------------------------------- */

/* A path in the run folder; kn_free it. NULL: no memory. */
char *kn_experiment_path(const kn_experiment *e, const char *name);

/* Makes the folder, opens log.txt and metrics.jsonl, writes config.yaml. */
kaon_status kn_experiment_open_folder(kn_experiment *e, kaon_diag *diag);

/* Writes metrics.json. */
kaon_status kn_experiment_write_metrics(const kn_experiment *e, kaon_diag *diag);

/* Trains an agent, saves it and plays. */
kaon_status kn_experiment_agent(kn_experiment *e, kaon_diag *diag);

#endif
