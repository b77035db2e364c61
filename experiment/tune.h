/* tune.h: searches the settings of an experiment, trial by trial.
 *
 * The folder holds tune.jsonl (what was asked and told, tune_state.h), a run folder per trial
 * (trial-0, trial-1, ...; trial-0-9 with a budget of 9) and best.yaml, the configuration of the
 * best one. A search that was interrupted goes on where it was: it asks and tells the same again,
 * then begins anew the trials that had not ended. A trial with a larger budget is trained from the
 * start.
 */
#ifndef KN_TUNE_H
#define KN_TUNE_H

#include <jansson.h>
#include <kaon/host_api.h>
#include <stdatomic.h>

#include "kernel/faults.h"
#include "kernel/kernel.h"

/* Folders of trials are named from that of the search.
 *
 * *result: {"folder", "metric", "direction", "trials": [...], "best": {...} or null, "seconds"}
 * (json_decref), also after KAON_CANCELLED. [instance] */
kaon_status kn_tune(kn_kernel *kernel, const kaon_tune_request *request, const atomic_int *stop,
                    kn_faults *faults, json_t **result, kaon_diag *diag);

/* The value of a metric in a run folder: of the validation part; of all where there are no parts;
 * the best of those told by epoch. `direction` as in metric.h. KAON_NOT_FOUND lists what there is.
 * [any]
 */
kaon_status kn_run_value(const char *folder, const char *metric, int32_t direction, double *value,
                         kaon_diag *diag);

#endif
