/* regression_test.c: numbers one can check by hand, scikit-learn's figures, pulls. */
#include <kaon/test_metric.h>

#include <math.h>

#include "reference.h"

static double number_of(const char *metric, const kaon_scores *s)
{
    kt_measure(metric, "", s);
    return kt_number(metric);
}

KT_TEST(four_values)
{
    static const double y[] = {1, 2, 3, 4}, p[] = {1, 2, 4, 6}, w[] = {1, 1, 1, 2};
    const kaon_scores s = kt_regressed(4, 1, p, y, w);
    kt_near(number_of("rmse", &s), sqrt((1 + 2 * 4) / 5.0), 1e-15);
    kt_near(number_of("mae", &s), (1 + 2 * 2) / 5.0, 1e-15);
    kt_near(number_of("bias", &s), 1, 1e-15);
    // mean of y is 14/5; sum w (y - mean)^2 = 3.24 + 0.64 + 0.04 + 2 * 1.44
    kt_near(number_of("r2", &s), 1 - 9 / 6.8, 1e-14);
    kt_near(number_of("resolution", &s), sqrt((1 + 1 + 0 + 2) / 5.0), 1e-15);
    // 15.87% of 5 is 0.79: the first residual, 0; 84.13% is 4.2: the last, 2.
    kt_near(number_of("resolution_68", &s), 1, 0);
}

KT_TEST(as_scikit_learn)
{
    const kaon_scores s = kt_regressed(REFERENCE_ROWS, REFERENCE_WIDTH, reference_predicted,
                                       reference_target, reference_weight);
    for (size_t i = 0; i < sizeof reference_numbers / sizeof *reference_numbers; i++)
        kt_near(number_of(reference_numbers[i].name, &s), reference_numbers[i].value, 1e-12);
}

// A residual of weight -5 takes away what one of weight 5 brought.
KT_TEST(negative_weights)
{
    static const double y[] = {1, 2, 3, 4, 0, 0}, p[] = {1, 2, 4, 6, 9, 9};
    static const double w[] = {1, 1, 1, 2, 5, -5};
    static const char *const names[] = {"rmse", "mae", "bias", "r2", "resolution"};
    const kaon_scores all = kt_regressed(6, 1, p, y, w), some = kt_regressed(4, 1, p, y, w);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        kt_near(number_of(names[i], &all), number_of(names[i], &some), 1e-13);
}

KT_TEST(pulls)
{
    static const double y[] = {0, 0}, p[] = {1, -3}, sigma[] = {1, 1};
    kaon_scores s = kt_regressed(2, 1, p, y, NULL);
    kt_measure("pull", "", &s);
    kt_true(!kt_said("pull_mean")); // no uncertainties, no pulls
    s.sigma = sigma;
    kt_measure("pull", "", &s);
    kt_near(kt_number("pull_mean"), -1, 0);
    kt_near(kt_number("pull_width"), 2, 0);
}

KT_TEST(no_events_no_value)
{
    static const double none[] = {0}, broken[] = {NAN};
    kaon_scores s = kt_regressed(0, 1, none, none, NULL);
    kt_true(isnan(number_of("rmse", &s)));
    kt_true(isnan(number_of("r2", &s)));
    kt_true(isnan(number_of("resolution_68", &s)));
    s = kt_regressed(1, 1, broken, none, NULL);
    kt_true(isnan(number_of("mae", &s)));
    kt_true(isnan(number_of("resolution_68", &s)));
}
