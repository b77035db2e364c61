/* kmeans_test.c: clusters one can see, the reference inertias, weights, refusals. */
#include <kaon/test.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double six[] = {0, 0, 0, 1, 1, 0, 10, 10, 10, 11, 100, 100}; // (6, 2)

KT_TEST(finds_clusters_one_can_see)
{
    const kt_data data = {.rows = 6, .width = 2, .features = six, .dtype = KAON_F64};
    kt_learner learner = kt_learner_open("kmeans", "clusters: 3", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    int64_t count = 0;
    double *owner = kt_apply(&learner, &data, KAON_ROLE_PREDICTION, &count);
    const double expected[] = {0, 0, 0, 1, 1, 2}; // the heaviest is number 0
    kt_near((double)count, 6, 0);
    for (int i = 0; i < 6; i++)
        kt_near(owner[i], expected[i], 0);
    double best = INFINITY;
    for (int64_t i = 1; i <= kt_metric_steps("inertia"); i++)
        best = fmin(best, kt_metric("inertia", i));
    kt_near(best, 4.0 / 3 + 0.5, 1e-12); // the triangle, the pair
    free(owner);
    kt_learner_close(&learner);
}

// A point of weight 3 is three points, one of weight 0 is none.
KT_TEST(weights_are_masses)
{
    const double x[] = {0, 4, 1000}, w[] = {3, 1, 0};
    const kt_data data = {.rows = 3, .width = 1, .features = x, .weights = w, .dtype = KAON_F64};
    kt_learner learner = kt_learner_open("kmeans", "clusters: 1", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    kt_near(kt_metric("inertia", 1), 3 * 1 + 9, 1e-12); // the centre is 1
    kt_learner_close(&learner);
}

KT_TEST(more_clusters_than_places)
{
    const double x[] = {1, 1, 1, 2, 2};
    const kt_data data = {.rows = 5, .width = 1, .features = x, .dtype = KAON_F32};
    kt_learner learner = kt_learner_open("kmeans", "clusters: 4", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    kt_near(kt_metric("inertia", 1), 0, 0);
    kt_learner_close(&learner);
}

/* --- reference figures ------------------------------------------------------------------------ */

// The features of a file whose last column is the class; standardised or divided by `divide`.
static double *read_features(const char *path, double divide, int64_t *rows, int64_t *width)
{
    int64_t columns = 0;
    double *all = kt_read_csv(kt_shared(path), rows, &columns);
    *width = columns - 1;
    for (int64_t j = 0; j < *width; j++) {
        double mean = 0, square = 0;
        for (int64_t i = 0; i < *rows; i++)
            mean += all[i * columns + j] / (double)*rows;
        for (int64_t i = 0; i < *rows; i++)
            square += pow(all[i * columns + j] - mean, 2) / (double)*rows;
        for (int64_t i = 0; i < *rows; i++) {
            double *x = &all[i * columns + j];
            *x = divide > 0 ? *x / divide : (*x - mean) / sqrt(square);
        }
    }
    for (int64_t i = 0; i < *rows; i++)
        memmove(all + i * *width, all + i * columns, (size_t)*width * sizeof *all);
    return all;
}

static double best_inertia(const char *path, double divide, const char *settings, double *sizes)
{
    kt_data data = {.dtype = KAON_F64};
    double *x = read_features(path, divide, &data.rows, &data.width);
    data.features = x;
    kt_learner learner = kt_learner_open("kmeans", settings, &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    double best = INFINITY;
    for (int64_t i = 1; i <= kt_metric_steps("inertia"); i++)
        best = fmin(best, kt_metric("inertia", i));
    int64_t count = 0;
    double *owner = kt_apply(&learner, &data, KAON_ROLE_PREDICTION, &count);
    for (int64_t i = 0; i < count; i++)
        sizes[(int)owner[i]]++;
    free(owner);
    free(x);
    kt_learner_close(&learner);
    return best;
}

KT_TEST(inertia_of_iris)
{
    double sizes[3] = {0};
    kt_near(best_inertia("physics/data/iris.csv", 1, "clusters: 3, restarts: 20", sizes), 78.85144,
            5e-6);
    kt_near(sizes[0], 62, 0);
    kt_near(sizes[1], 50, 0);
    kt_near(sizes[2], 38, 0);
}

KT_TEST(inertia_of_wine)
{
    double sizes[3] = {0};
    kt_near(best_inertia("physics/data/wine.csv", 0, "clusters: 3, restarts: 20", sizes),
            1277.92849, 5e-6);
    kt_near(sizes[0], 65, 0);
    kt_near(sizes[1], 62, 0);
    kt_near(sizes[2], 51, 0);
}

// 4551.236 is the best known; 4000 searches find it. Forty come within 2e-5 of it.
KT_TEST(inertia_of_digits)
{
    double sizes[10] = {0};
    const double inertia =
        best_inertia("physics/data/digits-8x8.csv", 16, "clusters: 10, restarts: 40", sizes);
    kt_true(inertia > 4551.236 - 5e-4);
    kt_near(inertia, 4551.236, 0.1);
}

/* --- model files, refusals -------------------------------------------------------------------- */

KT_TEST(comes_back_from_a_file)
{
    const kt_data data = {.rows = 6, .width = 2, .features = six, .dtype = KAON_F32};
    kt_learner learner = kt_learner_open("kmeans", "clusters: 3", &data);
    kt_ok(kt_fit(&learner, &data, NULL));
    const kaon_learner *table = learner.part->table;
    kaon_archive *file = kt_archive_new();
    kt_ok(table->save(learner.self, file, kt_diag()));
    kt_learner copy = kt_learner_open("kmeans", "clusters: 3", &data);
    kt_ok(table->load(copy.self, file, kt_diag()));
    int64_t count = 0;
    double *owner = kt_apply(&copy, &data, KAON_ROLE_PREDICTION, &count);
    kt_near(owner[5], 2, 0);
    free(owner);
    kt_learner_close(&copy);
    copy = kt_learner_open("kmeans", "clusters: 2", &data);
    kt_fails(table->load(copy.self, file, kt_diag()), KAON_CORRUPT);
    kt_learner_close(&copy);
    kt_archive_free(file);
    kt_learner_close(&learner);
}

static void refuses(kt_data data, kaon_status status, const char *words)
{
    kt_learner learner = kt_learner_open("kmeans", "clusters: 2", &data);
    kt_fails(kt_fit(&learner, &data, NULL), status);
    kt_says(kt_words(), words);
    kt_learner_close(&learner);
}

KT_TEST(refuses_what_has_no_clusters)
{
    const double x[] = {1, 2, NAN}, w[] = {1, -1, 1};
    refuses((kt_data){.rows = 1, .width = 1, .features = x, .dtype = KAON_F64}, KAON_INVALID,
            "2 clusters need as many events");
    refuses((kt_data){.rows = 2, .width = 1, .features = x, .weights = w, .dtype = KAON_F64},
            KAON_INVALID, "negative mass");
    refuses((kt_data){.rows = 3, .width = 1, .features = x, .dtype = KAON_F64}, KAON_NOT_FINITE,
            "NaN");
}
