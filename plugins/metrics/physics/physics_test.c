/* physics_test.c: eight events one can count, and one cut one can compute. */
#include <kaon/test_metric.h>

#include <math.h>

static const int64_t truth[] = {1, 0, 1, 1, 0, 0, 1, 0};
static const double p[] = {0.1, 0.9, 0.15, 0.85, 0.2, 0.8, 0.3, 0.7,
                           0.5, 0.5, 0.7,  0.3,  0.8, 0.2, 0.9, 0.1};

/* --- rejection -------------------------------------------------------------------------------- */

// The first of four signals passes alone; the next two behind one of four background events.
KT_TEST(rejection_at_fixed_efficiencies)
{
    const kaon_scores s = kt_classified(8, 2, p, truth, NULL);
    kt_measure("background_rejection", "efficiencies: [0.2, 0.5, 0.625, 1]", &s);
    kt_near(kt_number("background_rejection_at_0.2"), INFINITY, 0);
    kt_near(kt_number("background_rejection_at_0.5"), 4, 0);
    kt_near(kt_number("background_rejection_at_0.625"), 4, 0);
    kt_near(kt_number("background_rejection_at_1"), 4.0 / 3, 1e-15);
    const kaon_curve *curve = kt_curve("rejection", 1);
    kt_true(curve != NULL);
    kt_near((double)curve->count, 7, 0); // of eight cuts one leaves no background
    kt_near(curve->y[0], 4, 0);
    kt_near(curve->threshold[0], 0.85, 0);
    kt_near(curve->x[6], 1, 0);
}

// Where all scores are equal, half of the signal means half of the background.
KT_TEST(ties_are_a_straight_line)
{
    static const double same[] = {0.5, 0.5, 0.5, 0.5}, w[] = {1, 3};
    static const int64_t classes[] = {0, 1};
    const kaon_scores s = kt_classified(2, 2, same, classes, w);
    kt_measure("background_rejection", "efficiencies: [0.5]", &s);
    kt_near(kt_number("background_rejection_at_0.5"), 2, 0);
}

// The other class as signal: the mirror image.
KT_TEST(signal_by_name)
{
    static const char *const names[] = {"qcd", "top"};
    kaon_scores s = kt_classified(8, 2, p, truth, NULL);
    s.class_names = names;
    kt_measure("background_rejection", "{signal: qcd, efficiencies: [0.25]}", &s);
    kt_near(kt_number("background_rejection_at_0.25"), INFINITY, 0);
    kt_measure_fails("background_rejection", "signal: qdc", &s, "no class 'qdc'");
}

KT_TEST(of_three_classes_one_must_be_named)
{
    static const double three[] = {0.2, 0.3, 0.5};
    const kaon_scores s = kt_classified(1, 3, three, (const int64_t[]){2}, NULL);
    kt_measure_fails("background_rejection", "", &s, "of 3 classes one is the signal");
    kt_measure_fails("asimov_significance", "", &s, "name it with 'signal'");
    kt_measure("background_rejection", "signal: '2'", &s);
    kt_true(isnan(kt_number("background_rejection_at_0.5"))); // there is no background
}

/* --- significance ----------------------------------------------------------------------------- */

// One cut that all pass: s of signal, b of background.
static double significance(const char *metric, const char *settings, double s, double b)
{
    static const double same[] = {0.5, 0.5, 0.5, 0.5};
    static const int64_t classes[] = {1, 0};
    const double w[] = {s, b};
    const kaon_scores scores = kt_classified(2, 2, same, classes, w);
    kt_measure(metric, settings, &scores);
    return kt_number(metric);
}

KT_TEST(thirty_events_over_a_hundred)
{
    kt_near(significance("s_over_sqrt_b", "", 30, 100), 3, 1e-15);
    kt_near(significance("s_over_sqrt_sb", "", 30, 100), 30 / sqrt(130), 1e-15);
    // sqrt(2 (130 ln 1.3 - 30)); with 10% uncertainty: eq. (20), both in double by Python
    kt_near(significance("asimov_significance", "", 30, 100), 2.866131323151064, 1e-13);
    kt_near(significance("asimov_significance", "uncertainty: 0.1", 30, 100), 1.9809632174714065,
            1e-12);
}

KT_TEST(asimov_in_its_limits)
{
    // few signal events: s / sqrt(b), far below where the plain formula cancels
    kt_near(significance("asimov_significance", "", 1e-6, 100), 1e-7, 1e-15);
    // either side of where the series takes over
    kt_near(significance("asimov_significance", "", 0.0999999, 100) /
                significance("asimov_significance", "", 0.1000001, 100),
            0.0999999 / 0.1000001, 1e-9);
    // hardly any uncertainty is none
    kt_near(significance("asimov_significance", "uncertainty: 1e-5", 30, 100),
            significance("asimov_significance", "", 30, 100), 1e-6);
    // a large one: no more than s / (uncertainty b)
    kt_near(significance("asimov_significance", "uncertainty: 0.5", 1, 1e6), 1 / 0.5e6, 1e-8);
}

// Of the eight events: 3 signals over 1 background, scaled to 40 and 40 expected.
KT_TEST(the_best_cut)
{
    const kaon_scores s = kt_classified(8, 2, p, truth, NULL);
    kt_measure("s_over_sqrt_b", "{signal_events: 40, background_events: 40}", &s);
    kt_near(kt_number("s_over_sqrt_b"), 30 / sqrt(10), 1e-14);
    kt_near(kt_number("s_over_sqrt_b_cut"), 0.7, 0);
    const kaon_curve *curve = kt_curve("s_over_sqrt_b", 1);
    kt_true(curve != NULL);
    kt_near(curve->x[0], 0.85, 0); // the cut above leaves no background
    // nobody trusts a cut that leaves fewer than 25
    kt_measure("s_over_sqrt_b", "{signal_events: 40, background_events: 40, min_background: 25}",
               &s);
    kt_near(kt_number("s_over_sqrt_b"), 40 / sqrt(30), 1e-14);
    kt_near(kt_number("s_over_sqrt_b_cut"), 0.2, 0);
}

KT_TEST(negative_weights_take_away)
{
    static const double same[] = {0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5};
    static const int64_t classes[] = {1, 0, 0, 1};
    static const double w[] = {35, 120, -20, -5};
    const kaon_scores s = kt_classified(4, 2, same, classes, w);
    kt_measure("asimov_significance", "", &s);
    kt_near(kt_number("asimov_significance"), 2.866131323151064, 1e-13);
}

KT_TEST(no_events_no_value)
{
    const kaon_scores s = kt_classified(0, 2, p, truth, NULL);
    kt_measure("asimov_significance", "", &s);
    kt_true(isnan(kt_number("asimov_significance")));
    kt_measure("background_rejection", "", &s);
    kt_true(isnan(kt_number("background_rejection_at_0.5")));
}
