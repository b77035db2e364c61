/* test_metric.h: the part of the test kit for metrics.
 *
 *     const kaon_scores s = kt_classified(4, 2, predicted, truth, NULL);
 *     kt_measure("auc", "", &s);
 *     kt_near(kt_number("auc"), 0.75, 0);
 */
#ifndef KAON_TEST_METRIC_H
#define KAON_TEST_METRIC_H

#include <kaon/metric.h>
#include <kaon/test.h>

#ifdef __cplusplus
extern "C" {
#endif

// Predictions beside the truth, as the host prepares them; arrays are borrowed, `weight` NULL:
// ones. What it makes itself stays until the program ends.
kaon_scores kt_classified(int64_t rows, int64_t classes, const double *predicted,
                          const int64_t *truth, const double *weight);
kaon_scores kt_regressed(int64_t rows, int64_t width, const double *predicted, const double *target,
                         const double *weight);
// `truth`, `features` may be NULL.
kaon_scores kt_clustered(int64_t rows, const int64_t *clusters, const int64_t *truth,
                         int64_t feature_width, const double *features, const double *weight);

// Asks one metric; what it says is kept until the next call.
void kt_measure(const char *metric, const char *settings, const kaon_scores *scores);
// It refuses, with `text` in the words.
void kt_measure_fails(const char *metric, const char *settings, const kaon_scores *scores,
                      const char *text);

// Fail the test where nothing of that name was said.
double kt_number(const char *name);
double kt_of_class(const char *name, int64_t of_class);
double kt_cell(const char *matrix, int64_t row, int64_t column);
int kt_said(const char *name); // a number of that name was said

// A curve; of_class -1: of none. NULL if it was not drawn.
const kaon_curve *kt_curve(const char *name, int64_t of_class);

#ifdef __cplusplus
}
#endif
#endif
