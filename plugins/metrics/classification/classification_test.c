/* classification_test.c: numbers one can check by hand, scikit-learn's figures, weights, ties. */
#include <kaon/test_metric.h>

#include <math.h>
#include <stdlib.h>

#include "reference.h"

/* --- by hand ---------------------------------------------------------------------------------- */

// Four events of three classes, one wrong.
static const int64_t truth[] = {0, 1, 2, 2};
static const double p[] = {0.8, 0.1, 0.1, 0.25, 0.5, 0.25, 0, 0, 1, 0.6, 0.2, 0.2};

static double number_of(const char *metric, const kaon_scores *s)
{
    kt_measure(metric, "", s);
    return kt_number(metric);
}

KT_TEST(four_events_of_three_classes)
{
    const kaon_scores s = kt_classified(4, 3, p, truth, NULL);
    kt_near(number_of("accuracy", &s), 0.75, 0);
    kt_near(number_of("error_rate", &s), 0.25, 0);
    kt_near(number_of("log_loss", &s), -(log(0.8) + log(0.5) + log(1) + log(0.2)) / 4, 1e-15);
    kt_near(number_of("brier", &s), (0.06 + 0.375 + 0 + (0.36 + 0.04 + 0.64)) / 4, 1e-15);
    kt_near(number_of("precision", &s), (0.5 + 1 + 1) / 3, 1e-15);
    kt_near(kt_of_class("precision_by_class", 0), 0.5, 0);
    kt_near(number_of("recall", &s), (1 + 1 + 0.5) / 3, 1e-15);
    kt_near(number_of("balanced_accuracy", &s), (1 + 1 + 0.5) / 3, 1e-15);
    kt_near(number_of("geometric_mean", &s), cbrt(0.5), 1e-15);
    kt_near(number_of("specificity", &s), (2.0 / 3 + 1 + 1) / 3, 1e-15);
    kt_near(number_of("f1", &s), (2.0 / 3 + 1 + 2.0 / 3) / 3, 1e-15);
    kt_measure("confusion", "", &s);
    kt_near(kt_cell("confusion", 2, 0), 1, 0);
}

// Class a: signal 0.8 against 0.25, 0, 0.6. Class b: 0.5 against 0.1, 0, 0.2.
// Class c: signals 1 and 0.2 against 0.1 and 0.25: 3 of 4 pairs.
KT_TEST(auc_counts_pairs)
{
    const kaon_scores s = kt_classified(4, 3, p, truth, NULL);
    kt_near(number_of("auc", &s), 2.75 / 3, 1e-15);
    kt_near(kt_of_class("auc_by_class", 0), 1, 0);
    kt_near(kt_of_class("auc_by_class", 1), 1, 0);
    kt_near(kt_of_class("auc_by_class", 2), 0.75, 0);
}

// One bin per number: |1 - 0.8|, |1 - 0.5|, |1 - 1|, |0 - 0.6|, each of weight 1/4.
KT_TEST(calibration_error_of_four)
{
    const kaon_scores s = kt_classified(4, 3, p, truth, NULL);
    kt_measure("calibration", "bins: 1000", &s);
    kt_near(kt_number("calibration_error"), (0.2 + 0.5 + 0 + 0.6) / 4, 1e-15);
}

/* --- scores with two classes ------------------------------------------------------------------ */

// Predictions of two classes from the score of the second one.
static kaon_scores of_scores(int64_t n, const double *score, const int64_t *classes,
                             const double *weight)
{
    double *both = malloc((size_t)n * 2 * sizeof *both); // lives as long as the test
    kt_true(both != NULL);
    for (int64_t i = 0; i < n; i++) {
        both[2 * i] = -score[i];
        both[2 * i + 1] = score[i];
    }
    return kt_classified(n, 2, both, classes, weight);
}

static double auc_of(int64_t n, const double *score, const int64_t *classes, const double *weight)
{
    const kaon_scores s = of_scores(n, score, classes, weight);
    const double value = number_of("auc", &s);
    kt_near(kt_of_class("auc_by_class", 0), kt_of_class("auc_by_class", 1), 1e-12);
    free((void *)(uintptr_t)s.predicted);
    return value;
}

KT_TEST(ties_count_half)
{
    static const double scores[] = {0.5, 0.5, 0.5, 0.9}, same[] = {1, 1, 1, 1};
    static const int64_t classes[] = {0, 1, 0, 1};
    kt_near(auc_of(4, scores, classes, NULL), (0.5 + 0.5 + 1 + 1) / 4, 0);
    kt_near(auc_of(4, same, classes, NULL), 0.5, 0);
}

// An event of weight 2 is that event twice; -5 takes away what 5 brought.
KT_TEST(weights_are_multiplicities)
{
    static const double scores[] = {0.1, 0.7, 0.4, 0.6, 0.4};
    static const int64_t classes[] = {0, 1, 1, 0, 0};
    static const double weights[] = {1, 2, 1, 1, 1};
    static const double scores2[] = {0.1, 0.7, 0.4, 0.6, 0.4, 0.7};
    static const int64_t classes2[] = {0, 1, 1, 0, 0, 1};
    static const double scores3[] = {0.1, 0.7, 0.4, 0.6, 0.4, 0.7, 0.3, 0.3};
    static const int64_t classes3[] = {0, 1, 1, 0, 0, 1, 0, 0};
    static const double weights3[] = {1, 1, 1, 1, 1, 1, 5, -5};
    const double expected = auc_of(6, scores2, classes2, NULL);
    kt_near(auc_of(5, scores, classes, weights), expected, 1e-15);
    kt_near(auc_of(8, scores3, classes3, weights3), expected, 1e-15);
}

// The share of pairs in the right order, negative weights included.
KT_TEST(auc_is_a_share_of_pairs)
{
    enum { N = 200 };
    double scores[N], weights[N], sum = 0, all = 0;
    int64_t classes[N];
    srand(3);
    for (int i = 0; i < N; i++) {
        scores[i] = rand() % 40;
        classes[i] = rand() % 2;
        weights[i] = rand() % 7 - 1;
    }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            if (classes[i] == 1 && classes[k] == 0) {
                const double w = weights[i] * weights[k];
                sum += w * (scores[i] > scores[k] ? 1 : scores[i] == scores[k] ? 0.5 : 0);
                all += w;
            }
    kt_near(auc_of(N, scores, classes, weights), sum / all, 1e-12);
}

/* --- scikit-learn's figures ------------------------------------------------------------------- */

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof *(array)))

static void same_curve(const char *name, const points *expected)
{
    const kaon_curve *curve = kt_curve(name, 1);
    kt_true(curve != NULL);
    kt_near((double)curve->count, (double)expected->count, 0);
    for (int64_t i = 0; i < expected->count; i++) {
        kt_near(curve->x[i], expected->x[i], 1e-12);
        kt_near(curve->y[i], expected->y[i], 1e-12);
        if (expected->threshold && i)
            kt_near(curve->threshold[i], expected->threshold[i - 1], 0);
    }
}

static void same_as_scikit_learn(const reference *r)
{
    const kaon_scores s = kt_classified(r->rows, r->classes, r->predicted, r->truth, r->weight);
    const kaon_scores plain = kt_classified(r->rows, r->classes, r->predicted, r->truth, NULL);
    for (const figure *e = r->numbers; e->name; e++)
        kt_near(number_of(e->name, &s), e->value, 1e-12);
    kt_measure("auc", "", &s);
    for (int64_t k = 0; k < r->classes; k++)
        kt_near(kt_of_class("auc_by_class", k), r->auc_by_class[k], 1e-12);
    same_curve("roc", &r->roc);
    kt_measure("average_precision", "", &s);
    for (int64_t k = 0; k < r->classes; k++)
        kt_near(kt_of_class("average_precision_by_class", k), r->average_precision_by_class[k],
                1e-12);
    same_curve("precision_recall", &r->precision_recall);
    kt_measure("confusion", "", &s);
    for (int64_t i = 0; i < r->classes * r->classes; i++)
        kt_near(kt_cell("confusion", i / r->classes, i % r->classes), r->confusion[i], 1e-12);
    kt_measure("calibration", "", &plain);
    same_curve("calibration", &r->calibration);
}

KT_TEST(two_classes_as_scikit_learn)
{
    same_as_scikit_learn(&of_two);
}

KT_TEST(four_classes_as_scikit_learn)
{
    same_as_scikit_learn(&of_four);
}

/* --- what has no value ------------------------------------------------------------------------ */

static const char *const all_metrics[] = {
    "accuracy", "auc",      "average_precision", "balanced_accuracy", "brier", "error_rate",
    "f1",       "log_loss", "geometric_mean",    "precision",         "recall"};

KT_TEST(one_class_only_or_no_events)
{
    static const int64_t ones[] = {1, 1};
    static const double two[] = {0.2, 0.8, 0.4, 0.6}, broken[] = {NAN, NAN, 0.4, 0.6};
    kaon_scores s = kt_classified(2, 2, two, ones, NULL);
    kt_near(number_of("accuracy", &s), 1, 0);
    kt_true(isnan(number_of("auc", &s)));
    kt_near(number_of("average_precision", &s), 1, 0);
    kt_near(number_of("recall", &s), 1, 0); // of the class there is
    s = kt_classified(2, 2, broken, (const int64_t[]){0, 1}, NULL);
    kt_true(isnan(number_of("auc", &s)));
    kt_true(isnan(number_of("log_loss", &s)));
    s = kt_classified(0, 2, two, ones, NULL);
    for (int i = 0; i < (int)COUNT(all_metrics); i++)
        kt_true(isnan(number_of(all_metrics[i], &s)));
}

KT_TEST(no_weight_at_all)
{
    static const double none[] = {0, 0, 0, 0};
    const kaon_scores s = kt_classified(4, 3, p, truth, none);
    for (int i = 0; i < (int)COUNT(all_metrics); i++)
        kt_true(isnan(number_of(all_metrics[i], &s)));
}

KT_TEST(refuses_bins_that_are_none)
{
    kt_refuses_settings(KAON_METRIC, "calibration", "bins: 1", "2 to 1000");
}
