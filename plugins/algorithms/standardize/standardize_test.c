/* standardize_test.c: means and deviations one can do in the head, weights, constants, model files.
 */
#include <kaon/test.h>

#include <math.h>
#include <stdlib.h>

static const double features[] = {1, 10, 5, 3, 10, 5, 5, 40, 5, 7, 40, 5}; // (4, 3)

static kt_data sample(int32_t dtype)
{
    return (kt_data){.rows = 4, .width = 3, .features = features, .dtype = dtype};
}

KT_TEST(mean_0_and_deviation_1)
{
    const kt_data data = sample(KAON_F64);
    kt_learner learner = kt_learner_open("standardize", "", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    int64_t count = 0;
    double *out = kt_apply(&learner, &data, KAON_ROLE_FEATURES, &count);
    kt_near((double)count, 12, 0);
    kt_near(out[0], -3 / sqrt(5), 1e-15); // 1, 3, 5, 7: mean 4, variance 5
    kt_near(out[9], 3 / sqrt(5), 1e-15);
    kt_near(out[1], -1, 1e-15); // 10, 10, 40, 40: mean 25, deviation 15
    kt_near(out[2], 0, 0);      // constant
    free(out);
    kt_learner_close(&learner);
}

// An event of weight 2 counts twice, one of weight 0 not at all, one of -1 takes one away.
KT_TEST(weights_count)
{
    const double x[] = {1, 3, 3, 99, 5, 5}, w[] = {1, 1, 1, 0, 2, -1};
    const kt_data weighted = {
        .rows = 6, .width = 1, .features = x, .weights = w, .dtype = KAON_F64};
    const double y[] = {1, 3, 3, 5};
    const kt_data plain = {.rows = 4, .width = 1, .features = y, .dtype = KAON_F64};
    double results[2];
    for (int i = 0; i < 2; i++) {
        const kt_data *data = i ? &plain : &weighted;
        kt_learner learner = kt_learner_open("standardize", "", data);
        kt_ok(kt_fit(&learner, data, NULL));
        int64_t count = 0;
        double *out = kt_apply(&learner, data, KAON_ROLE_FEATURES, &count);
        results[i] = out[0];
        free(out);
        kt_learner_close(&learner);
    }
    kt_near(results[0], -2 / sqrt(2), 1e-15); // mean 3, variance 2
    kt_near(results[1], results[0], 1e-15);
}

// Around 1e8 the square of a feature has no digits left for a spread of 1.
KT_TEST(large_numbers_keep_their_spread)
{
    const double x[] = {1e8 - 1, 1e8 + 1};
    const kt_data data = {.rows = 2, .width = 1, .features = x, .dtype = KAON_F64};
    kt_learner learner = kt_learner_open("standardize", "", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    int64_t count = 0;
    double *out = kt_apply(&learner, &data, KAON_ROLE_FEATURES, &count);
    kt_near(out[0], -1, 0);
    kt_near(out[1], 1, 0);
    free(out);
    kt_learner_close(&learner);
}

KT_TEST(comes_back_from_a_file)
{
    const kt_data data = sample(KAON_F32);
    kt_learner learner = kt_learner_open("standardize", "", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    const kaon_learner *table = learner.part->table;
    kaon_archive *file = kt_archive_new();
    kt_ok(table->save(learner.self, file, kt_diag()));
    kt_learner copy = kt_learner_open("standardize", "", &data);
    kt_ok(table->load(copy.self, file, kt_diag()));
    int64_t count = 0;
    double *a = kt_apply(&learner, &data, KAON_ROLE_FEATURES, &count);
    double *b = kt_apply(&copy, &data, KAON_ROLE_FEATURES, &count);
    for (int64_t i = 0; i < count; i++)
        kt_near(b[i], a[i], 0);
    free(a);
    free(b);
    kt_learner_close(&copy);

    const kt_data narrow = {.rows = 1, .width = 2, .features = features, .dtype = KAON_F32};
    copy = kt_learner_open("standardize", "", &narrow);
    kt_fails(table->load(copy.self, file, kt_diag()), KAON_CORRUPT);
    kt_learner_close(&copy);
    kt_archive_free(file);
    kt_learner_close(&learner);
}

static void refuses(kt_data data, kaon_status status, const char *words)
{
    kt_learner learner = kt_learner_open("standardize", "", &data);
    kt_fails(kt_fit(&learner, &data, NULL), status);
    kt_says(kt_words(), words);
    kt_learner_close(&learner);
}

KT_TEST(refuses_what_has_no_mean)
{
    const double x[] = {1, 2, NAN, 4}, w[] = {1, -1, 0, 0}, bad[] = {-1, 3, -1, 0};
    refuses((kt_data){.rows = 0, .width = 1, .features = x, .dtype = KAON_F64}, KAON_INVALID,
            "no events");
    refuses((kt_data){.rows = 4, .width = 1, .features = x, .dtype = KAON_F64}, KAON_NOT_FINITE,
            "holds NaN");
    refuses((kt_data){.rows = 2, .width = 1, .features = x, .weights = w, .dtype = KAON_F64},
            KAON_INVALID, "add up to 0");
    const double far[] = {100, 0, -100, 4};
    refuses((kt_data){.rows = 3, .width = 1, .features = far, .weights = bad, .dtype = KAON_F64},
            KAON_INVALID, "negative variance");
}
