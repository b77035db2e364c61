/* importance_test.c: a model that looks at one feature only. */
#include <kaon/test_figure.h>

enum { ROWS = 40 };

// Probability of the second class: the first feature.
static void predict(int64_t rows, const double *features, double *out)
{
    for (int64_t i = 0; i < rows; i++) {
        out[2 * i] = 1 - features[2 * i];
        out[2 * i + 1] = features[2 * i];
    }
}

KT_TEST(only_what_is_looked_at_matters)
{
    double features[2 * ROWS], predicted[2 * ROWS], weight[ROWS];
    int64_t truth[ROWS];
    for (int i = 0; i < ROWS; i++) {
        truth[i] = i % 2;
        weight[i] = i % 3 ? 1 : -0.1;
        features[2 * i] = truth[i] ? 0.9 : 0.1;
        features[2 * i + 1] = i;
    }
    predict(ROWS, features, predicted);
    kaon_table *t =
        kt_table(&(kt_data){.dtype = KAON_F64, .rows = ROWS, .width = 2, .features = features});
    const kaon_scores s = {.size = sizeof s,
                           .task = KAON_CLASSIFICATION,
                           .rows = ROWS,
                           .classes = 2,
                           .predicted = predicted,
                           .weight = weight,
                           .truth = truth};
    const kt_run run = {
        .scores = {[KAON_PART_TEST] = &s}, .tables = {[KAON_PART_TEST] = t}, .predict = predict};
    const kt_drawn *d = kt_figure("importance", "", &run);
    kt_true(d->status == KAON_OK && d->series[0].count == 2);
    kt_same_text(d->panels[0].y.names[0], "feature 0");
    kt_true(d->series[0].x[0] > 0.5); // half the rows get -ln 0.1 in place of -ln 0.9
    kt_near(d->series[0].x[1], 0, 0);
    const double before = d->series[0].x[0];
    kt_near(kt_figure("importance", "", &run)->series[0].x[0], before, 0); // the same shuffles
    ((const kaon_table_api *)kt_service(KAON_TABLE_SERVICE))->release(t);
}

KT_TEST(says_nothing_without_predictions)
{
    const kt_run run = {0};
    kt_true(kt_figure("importance", "", &run)->status == KAON_UNSUPPORTED);
}
