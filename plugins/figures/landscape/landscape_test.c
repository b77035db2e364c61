/* landscape_test.c: a loss that is the way gone from the trained weights. */
#include <kaon/test_figure.h>

#include <math.h>

static double matrix[] = {3, 1, 4, 1}, bias[] = {7, 7}; // columns of norm 5 and sqrt(2)

// The distance of the first column from where it was.
static void first_filter(int64_t rows, const double *const *values, double *out)
{
    const double a = values[0][0] - matrix[0], b = values[0][2] - matrix[2];
    kt_true(values[1] == NULL); // vectors stay
    for (int64_t i = 0; i < rows; i++)
        out[i] = hypot(a, b);
}

KT_TEST(one_step_is_as_long_as_the_filter)
{
    const int64_t square[] = {2, 2}, line[] = {2};
    const kaon_view views[] = {
        {.size = sizeof views[0], .dtype = KAON_F64, .rank = 2, .shape = square, .data = matrix},
        {.size = sizeof views[0], .dtype = KAON_F64, .rank = 1, .shape = line, .data = bias}};
    const double zero[2] = {0}, one[2] = {1, 1};
    const kaon_scores s = {.size = sizeof s,
                           .task = KAON_REGRESSION,
                           .rows = 2,
                           .width = 1,
                           .predicted = zero,
                           .target = zero,
                           .weight = one};
    const kt_run run = {.scores = {[KAON_PART_TEST] = &s},
                        .weight_count = 2,
                        .weights = views,
                        .predict_with = first_filter};
    const kt_drawn *d = kt_figure("landscape", "points: 3", &run);
    kt_true(d->status == KAON_OK && d->series[0].rows == 3);
    kt_near(d->series[0].z[4], 0, 1e-12); // the middle
    kt_near(d->series[0].z[3], 25, 1e-9); // one step along either direction
    kt_near(d->series[0].z[1], 25, 1e-9);
}

KT_TEST(needs_weights_to_move)
{
    const kt_run run = {0};
    kt_true(kt_figure("landscape", "", &run)->status == KAON_UNSUPPORTED);
    kt_says(kt_words(), "no matrix of weights");
}
