/* run_view.h: a finished run as figures see it: what stands behind kaon_look.
 *
 * Everything is made when a figure first asks for it: predictions, metrics with curves, the
 * history.
 */
#ifndef KN_RUN_VIEW_H
#define KN_RUN_VIEW_H

#include <kaon/figure.h>

#include "data/dataset.h"
#include "experiment/metrics.h"
#include "experiment/model.h"
#include "experiment/timing.h"
#include "kernel/arena.h"

enum { KN_RUN_VIEW_ROWS = 500000 }; // of a part, at most

typedef struct kn_run_view_part {
    kaon_table *table; // as read, its first rows; NULL: there is none
    kaon_table *predicted;
    kn_scores scores;
    kn_measured *measured;
    int32_t scored; // 1: `scores` is to be freed
} kn_run_view_part;

typedef struct kn_run_view_line {
    kaon_history at; // names and numbers in blocks of kn_alloc
    char *learner;
    char *name;
    double *step;
    double *value;
    int64_t room;
} kn_run_view_line;

typedef struct kn_run_view {
    kaon_look look; // first: what a figure gets
    kn_settings *settings;
    kn_model *model; // NULL: an agent's run, or nothing was fitted
    kn_run_view_part part[KN_PARTS];
    kn_measure_request measure;
    kn_run_view_line *lines;
    int64_t line_count;
    kn_timing timing;
    uint64_t seed;
    struct kn_safetensors *weights; // NULL: not asked for yet
} kn_run_view;

typedef struct kn_run_view_request {
    kn_settings *settings; // to make metrics in
    kn_dataset *dataset;   // NULL: none
    kn_model *model;       // NULL: none
    const char *folder;    // of the run: metrics.jsonl, timing.json
    kaon_parts metrics;    // of the configuration; all that are installed come beside them
    int64_t bootstrap;     // replicas
    uint64_t seed;
} kn_run_view_request;

/* On the caller's storage; what the request names is borrowed. fini in any case. [instance] */
kaon_status kn_run_view_init(kn_run_view *l, const kn_run_view_request *request, kaon_diag *diag);
void kn_run_view_fini(kn_run_view *l);

/* What metrics say of a part, all curves among it; NULL: there is nothing to compare. */
kaon_status kn_run_view_measure(kn_run_view *l, int32_t part, const kn_measured **out,
                                kaon_diag *diag);

/* --- run_view_weights.c
 * --------------------------------------------------------------------------- */

kaon_status kn_run_view_weights(kn_run_view *l, int64_t index, const char **name, kaon_view *out,
                                kaon_diag *diag);
kaon_status kn_run_view_model_with(kn_run_view *l, const double *const *values, kn_model **out,
                                   kaon_diag *diag);
void kn_run_view_model_free(kn_model *model); // of kn_run_view_model_with; takes NULL

#endif
