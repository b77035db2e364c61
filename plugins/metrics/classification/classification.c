/* classification.c: how good predicted classes and their probabilities are.
 *
 * from the classes said (confusion.c)       accuracy, error_rate, balanced_accuracy, precision,
 * recall, specificity, f1, geometric_mean, confusion from the order of scores (ranking.c)      auc
 * with the ROC curve, average_precision with the precision-recall curve from probabilities
 * (probability.c)        log_loss, brier, calibration
 *
 * What belongs to one class takes it against all others; the number without a class is the mean
 * over the classes that have a value, each counted alike. Ranked by score, two classes have one
 * AUC: that of the second one.
 */
#include "classification.h"

kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a metric");
}

kaon_status put_class_measure(const kaon_host *host, const class_measure *what,
                              const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    double *values = kaon_alloc(host, (uint64_t)s->classes * sizeof *values);
    double sum = 0;
    int64_t count = 0;
    if (!values)
        return no_memory(diag);
    const int32_t only_second = what->single && s->classes == 2;
    for (int64_t k = 0; k < s->classes; k++) {
        values[k] = only_second && out->numbers_only && k == 0 ? 0 : what->of(s, k);
        if (values[k] != values[k] || (only_second && k == 0))
            continue;
        sum += values[k];
        count++;
    }
    out->api->number(out, what->name, sum / (double)count); // NaN where no class has a value
    if (!out->numbers_only)
        out->api->by_class(out, what->by_class, values);
    kaon_free(host, values);
    return KAON_OK;
}

// clang-format off
#define ITEMS(item)                                              \
    item(KAON_METRIC, "accuracy", &accuracy)                     \
    item(KAON_METRIC, "auc", &auc)                               \
    item(KAON_METRIC, "average_precision", &average_precision)   \
    item(KAON_METRIC, "balanced_accuracy", &balanced_accuracy)   \
    item(KAON_METRIC, "brier", &brier)                           \
    item(KAON_METRIC, "calibration", &calibration)               \
    item(KAON_METRIC, "confusion", &confusion)                   \
    item(KAON_METRIC, "error_rate", &error_rate)                 \
    item(KAON_METRIC, "f1", &f1)                                 \
    item(KAON_METRIC, "geometric_mean", &geometric_mean)         \
    item(KAON_METRIC, "log_loss", &log_loss)                     \
    item(KAON_METRIC, "precision", &precision)                   \
    item(KAON_METRIC, "recall", &recall)                         \
    item(KAON_METRIC, "specificity", &specificity)
// clang-format on

KAON_PLUGIN("classification", "1.0.0", "Apache-2.0", "how good predicted classes are", ITEMS, NULL)
