/* confusion.c: what the confusion matrix tells: the weight of true class i said to be j. */
#include "classification.h"

#include <math.h>

static double at(const kaon_scores *s, int64_t truth, int64_t said)
{
    return s->confusion[truth * s->classes + said];
}

static double weight_said(const kaon_scores *s, int64_t k)
{
    double sum = 0;
    for (int64_t i = 0; i < s->classes; i++)
        sum += at(s, i, k);
    return sum;
}

static double weight_of(const kaon_scores *s, int64_t k)
{
    double sum = 0;
    for (int64_t j = 0; j < s->classes; j++)
        sum += at(s, k, j);
    return sum;
}

static double share_right(const kaon_scores *s)
{
    double right = 0;
    for (int64_t k = 0; k < s->classes; k++)
        right += at(s, k, k);
    return right / s->total;
}

// Of the rows said to be k, those that are; NaN if there is none.
static double class_precision(const kaon_scores *s, int64_t k)
{
    return at(s, k, k) / weight_said(s, k);
}

// Of the rows that are k, those said to be.
static double class_recall(const kaon_scores *s, int64_t k)
{
    return at(s, k, k) / weight_of(s, k);
}

// Of the rows that are not k, those not said to be.
static double class_specificity(const kaon_scores *s, int64_t k)
{
    const double others = s->total - weight_of(s, k);
    return (others - (weight_said(s, k) - at(s, k, k))) / others;
}

static double class_f1(const kaon_scores *s, int64_t k)
{
    return 2 * at(s, k, k) / (weight_of(s, k) + weight_said(s, k));
}

/* --- measures --------------------------------------------------------------------------------- */

static kaon_status measure_accuracy(const kaon_host *host, const void *settings,
                                    const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    out->api->number(out, "accuracy", share_right(s));
    return KAON_OK;
}

static kaon_status measure_error_rate(const kaon_host *host, const void *settings,
                                      const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    out->api->number(out, "error_rate", 1 - share_right(s));
    return KAON_OK;
}

static kaon_status measure_balanced(const kaon_host *host, const void *settings,
                                    const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    double sum = 0;
    int64_t count = 0;
    (void)host, (void)settings, (void)diag;
    for (int64_t k = 0; k < s->classes; k++) {
        const double recall_here = class_recall(s, k);
        if (recall_here != recall_here)
            continue;
        sum += recall_here;
        count++;
    }
    out->api->number(out, "balanced_accuracy", sum / (double)count);
    return KAON_OK;
}

// Of the recalls of all classes that have rows: 0 as soon as one class is never found.
static kaon_status measure_geometric(const kaon_host *host, const void *settings,
                                     const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    double product = 1;
    int64_t count = 0;
    (void)host, (void)settings, (void)diag;
    for (int64_t k = 0; k < s->classes; k++) {
        const double recall_here = class_recall(s, k);
        if (recall_here != recall_here)
            continue;
        product *= recall_here;
        count++;
    }
    out->api->number(out, "geometric_mean", count ? pow(product, 1 / (double)count) : NAN);
    return KAON_OK;
}

static kaon_status measure_precision(const kaon_host *host, const void *settings,
                                     const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    static const class_measure what = {"precision", "precision_by_class", 0, class_precision};
    (void)settings;
    return put_class_measure(host, &what, s, out, diag);
}

static kaon_status measure_recall(const kaon_host *host, const void *settings, const kaon_scores *s,
                                  kaon_measures *out, kaon_diag *diag)
{
    static const class_measure what = {"recall", "recall_by_class", 0, class_recall};
    (void)settings;
    return put_class_measure(host, &what, s, out, diag);
}

static kaon_status measure_specificity(const kaon_host *host, const void *settings,
                                       const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    static const class_measure what = {"specificity", "specificity_by_class", 0, class_specificity};
    (void)settings;
    return put_class_measure(host, &what, s, out, diag);
}

static kaon_status measure_f1(const kaon_host *host, const void *settings, const kaon_scores *s,
                              kaon_measures *out, kaon_diag *diag)
{
    static const class_measure what = {"f1", "f1_by_class", 0, class_f1};
    (void)settings;
    return put_class_measure(host, &what, s, out, diag);
}

static kaon_status measure_confusion(const kaon_host *host, const void *settings,
                                     const kaon_scores *s, kaon_measures *out, kaon_diag *diag)
{
    (void)host, (void)settings, (void)diag;
    if (!out->numbers_only)
        out->api->matrix(out, "confusion", s->classes, s->classes, s->confusion);
    return KAON_OK;
}

// clang-format off
#define METRIC(name, words, defaults, better, call)                        \
    const kaon_metric name = {.size = sizeof name, .help = words,          \
                              .tasks = KAON_CLASSIFICATION,                \
                              .by_default = defaults, .direction = better, \
                              .measure = call}

METRIC(accuracy, "share of the weight said right", KAON_CLASSIFICATION, KAON_HIGHER_IS_BETTER, measure_accuracy);
METRIC(error_rate, "share of the weight said wrong", KAON_CLASSIFICATION, KAON_LOWER_IS_BETTER, measure_error_rate);
METRIC(balanced_accuracy, "mean over the classes of their share said right", 0, KAON_HIGHER_IS_BETTER, measure_balanced);
METRIC(geometric_mean, "geometric mean over the classes of their share said right", 0, KAON_HIGHER_IS_BETTER, measure_geometric);
METRIC(precision, "of what is said to be a class, the share that is", KAON_CLASSIFICATION, KAON_HIGHER_IS_BETTER, measure_precision);
METRIC(recall, "of what is a class, the share said to be", KAON_CLASSIFICATION, KAON_HIGHER_IS_BETTER, measure_recall);
METRIC(specificity, "of what is not a class, the share not said to be", 0, KAON_HIGHER_IS_BETTER, measure_specificity);
METRIC(f1, "harmonic mean of precision and recall", KAON_CLASSIFICATION, KAON_HIGHER_IS_BETTER, measure_f1);
METRIC(confusion, "the confusion matrix: a row per true class", KAON_CLASSIFICATION, KAON_NEITHER_IS_BETTER, measure_confusion);
// clang-format on
