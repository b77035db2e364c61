/* @NAME@_test.c: four events whose means are known, then weights, files and refusals. */
#include <kaon/test.h>

#include <math.h>
#include <stdlib.h>

static const double features[] = {0, 0, 2, 0, 10, 10, 10, 12}; // four events of two features
static const int64_t classes[] = {0, 0, 1, 1};

static kt_data events(const double *weights)
{
    return (kt_data){.rows = 4,
                     .width = 2,
                     .features = features,
                     .classes = classes,
                     .weights = weights,
                     .class_count = 2,
                     .dtype = KAON_F64};
}

// The probability of class 1 for a point.
static double asked(const kt_learner *learner, double x, double y)
{
    const double point[] = {x, y};
    const kt_data one = {
        .rows = 1, .width = 2, .features = point, .class_count = 2, .dtype = KAON_F64};
    int64_t count = 0;
    double *out = kt_apply(learner, &one, KAON_ROLE_PREDICTION, &count);
    kt_true(count == 2);
    kt_near(out[0] + out[1], 1, 1e-12);
    const double second = out[1];
    free(out);
    return second;
}

KT_TEST(knows_the_means)
{
    const kt_data data = events(NULL);
    kt_learner learner = kt_learner_open("@NAME@", "", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    kt_near(asked(&learner, 5.5, 5.5), 0.5, 1e-12); // halfway between (1, 0) and (10, 11)
    kt_near(asked(&learner, 1, 0), 1 / (1 + exp((81 + 121) / 2.0)), 1e-12); // |(9, 11)|^2 away
    kt_learner_close(&learner);
}

KT_TEST(honours_weights)
{
    const double weights[] = {2, -1, 1, 1}; // class 0: (2 * (0, 0) - (2, 0)) / 1 = (-2, 0)
    const kt_data data = events(weights);
    kt_learner learner = kt_learner_open("@NAME@", "", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    kt_near(asked(&learner, 4, 5.5), 0.5, 1e-12); // halfway between (-2, 0) and (10, 11)
    kt_learner_close(&learner);
}

KT_TEST(refuses_what_has_no_mean)
{
    const double weights[] = {1, -1, 1, 1};
    const kt_data data = events(weights);
    kt_learner learner = kt_learner_open("@NAME@", "", &data);
    kt_fails(kt_fit(&learner, &data, NULL), KAON_INVALID);
    kt_says(kt_words(), "add up to 0");
    kt_learner_close(&learner);
}

KT_TEST(loads_what_it_saved)
{
    const kt_data data = events(NULL);
    kt_learner one = kt_learner_open("@NAME@", "", &data);
    kt_learner other = kt_learner_open("@NAME@", "", &data);
    kaon_archive *file = kt_archive_new();
    const kaon_learner *table = one.part->table;
    kt_ok(kt_fit(&one, &data, NULL));
    kt_ok(table->save(one.self, file, kt_diag()));
    kt_ok(table->load(other.self, file, kt_diag()));
    kt_near(asked(&other, 4, 4), asked(&one, 4, 4), 0);
    kt_archive_free(file);
    kt_learner_close(&one);
    kt_learner_close(&other);
}
