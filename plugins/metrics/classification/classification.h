/* classification.h: what the sources of this plugin share. */
#ifndef CLASSIFICATION_H
#define CLASSIFICATION_H

#include <kaon/metric.h>

typedef double class_value(const kaon_scores *s, int64_t k);

/* The number `name`, the mean of `of` over the classes that have a value, and `by_class` with all
 * of them. `single` 1: of two classes, the value of the second one. */
typedef struct {
    const char *name;
    const char *by_class;
    int32_t single;
    class_value *of;
} class_measure;

kaon_status put_class_measure(const kaon_host *host, const class_measure *what,
                              const kaon_scores *s, kaon_measures *out, kaon_diag *diag);

kaon_status no_memory(kaon_diag *diag);

typedef struct {
    int64_t bins;
} calibration_config;

extern const kaon_metric accuracy, error_rate, balanced_accuracy, geometric_mean;
extern const kaon_metric precision, recall, specificity, f1, confusion;
extern const kaon_metric auc, average_precision;
extern const kaon_metric log_loss, brier, calibration;

#endif
