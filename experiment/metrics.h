/* metrics.h: how good predictions are: one table of measures, all of them weighted.
 *
 * Classification (target of classes, prediction (rows, classes) of probabilities, or (rows) for the
 * second of two): accuracy, error_rate, log_loss, brier, auc, precision, recall, f1 and, by class,
 * auc_by_class, precision_by_class, recall_by_class, f1_by_class, confusion (rows: true class).
 * Regression: rmse, mae, bias, r2. Clustering (prediction i64 without names): clusters, inertia (of
 * the features about the clusters' means), sizes and, where there are classes, purity and
 * adjusted_rand.
 *
 * Weights may be negative: sums are what they are. A measure that has no value (one class only, no
 * weight) is null.
 */
#ifndef KN_METRICS_H
#define KN_METRICS_H

#include <jansson.h>
#include <kaon/table.h>

/* Of a table with a column of role PREDICTION. *out: a JSON object, to be released with json_decref.
 * It is empty where there is nothing to compare with. [any] */
kaon_status kn_metrics_of(const kaon_table *table, json_t **out, kaon_diag *diag);

/* 1: higher is better, -1: lower is, 0: neither or no measure of ours. [any] */
int32_t kn_metric_direction(const char *name);

/* Area under the ROC curve of `count` scores, the i-th at scores[i * stride]; rows of class `positive`
 * are the signal. Ties count half. NaN where a side has no weight or a score is NaN. [any] */
double kn_metric_auc(int64_t count, const double *scores, int64_t stride, const int64_t *classes,
                     int64_t positive, const double *weights);

#endif
