/* metrics.h: how good predictions are: what the metrics among the plugins say, their uncertainties,
 * and both as JSON.
 *
 * Uncertainties come from the Poisson bootstrap: each replica repeats all numbers with every weight
 * multiplied by a whole number drawn from a Poisson distribution of mean 1; sigma is the standard
 * deviation over the replicas (Chamandy et al., "Estimating uncertainty for massive data streams",
 * 2012). Row and replica choose the draw, so that the same rows get the same replicas in every run,
 * for any number of threads: two runs on one test part can be compared replica by replica.
 */
#ifndef KN_METRICS_H
#define KN_METRICS_H

#include <jansson.h>

#include "experiment/scores.h"
#include "kernel/kernel.h"

typedef struct kn_number {
    char *name;
    double value;
    double sigma;      // NaN: none
    int32_t direction; // KAON_HIGHER_IS_BETTER, ...
    int32_t is_count;
} kn_number;

typedef struct kn_by_class {
    char *name;
    double *values; // (class_count)
} kn_by_class;

typedef struct kn_matrix {
    char *name;
    int64_t rows;
    int64_t columns;
    double *values;
} kn_matrix;

// Thinned to what an eye can tell apart, the ends kept.
typedef struct kn_curve {
    char *name;
    char *x_label;
    char *y_label;
    int64_t of_class; // -1: all
    int64_t count;
    double *x;
    double *y;
    double *threshold; // NULL: none
    double *sigma;     // of y at the same x; NULL without a bootstrap
    double *replicas;  // (replica, count) while they are made
} kn_curve;

typedef struct kn_measured {
    int32_t task; // 0: there was nothing to compare
    int64_t class_count;
    char **class_names; // "0", "1" where the data have no names
    int64_t number_count;
    kn_number *numbers;
    int64_t by_class_count;
    kn_by_class *by_class;
    int64_t matrix_count;
    kn_matrix *matrices;
    int64_t curve_count;
    kn_curve *curves;
    int64_t replica_count;
    double *replicas; // (replica_count, number_count)
} kn_measured;

typedef struct kn_measure_request {
    kaon_parts metrics; // beside those a task has by default, in place of them where names agree
    int64_t bootstrap;  // replicas, 0: no uncertainties
    uint64_t seed;      // of the bootstrap
    int32_t curves;     // 1: keep them
    int32_t all;        // 1: also all others with a meaning for the task, as far as their default
                        // settings and these scores go together
} kn_measure_request;

/* request NULL: what the task has by default. [any] */
kaon_status kn_measure(kn_kernel *kernel, const kn_measure_request *request,
                       const kaon_scores *scores, kn_measured **out, kaon_diag *diag);
void kn_measured_free(kn_measured *measured); // takes NULL

/* Numbers by name, then those by class, "classes", the matrices and "uncertainty"; what has no
 * value is null. Empty where there was nothing to compare. NULL: no memory. [any] */
json_t *kn_measured_json(const kn_measured *measured);

/* {"auc": [0.91, 0.93, ...], ...}: the replicas. NULL: no memory. [any] */
json_t *kn_measured_replicas(const kn_measured *measured);

/* The direction of a number by its name: that of the metric whose name it begins with; what a
 * learner calls a loss or an error is better low. 0: not known. [any] */
int32_t kn_metric_direction(kn_kernel *kernel, const char *name);

/* Multiplicity of a row in a replica: 0, 1, 2, ... with mean 1. [any] */
int32_t kn_bootstrap_count(uint64_t seed, int64_t replica, int64_t row);

/* Scores, measures and JSON of a table with a column of role PREDICTION. *out: to be released with
 * json_decref. `replicas` may be NULL: {"rows", "data": which, "replicas": {...}} where there was a
 * bootstrap. [any] */
kaon_status kn_metrics_of(kn_kernel *kernel, const kn_measure_request *request,
                          const kaon_table *table, json_t **out, json_t **replicas,
                          kaon_diag *diag);

#endif
