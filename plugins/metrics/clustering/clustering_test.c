/* clustering_test.c: numbers one can check by hand. */
#include <kaon/test_metric.h>

#include <math.h>

static const int64_t cluster[] = {0, 0, 1, 1}, truth[] = {0, 0, 1, 0};
static const double x[] = {0, 2, 10, 10};

static double number_of(const char *metric, const kaon_scores *s)
{
    kt_measure(metric, "", s);
    return kt_number(metric);
}

KT_TEST(four_points)
{
    const kaon_scores s = kt_clustered(4, cluster, truth, 1, x, NULL);
    kt_near(number_of("inertia", &s), 2, 1e-15);
    kt_near(number_of("clusters", &s), 2, 0);
    kt_near(kt_cell("sizes", 0, 1), 2, 0);
    kt_near(number_of("purity", &s), 0.75, 0);
    // Pairs: both 1, rows 3, columns 2, all 6: (1 - 1) / (2.5 - 1).
    kt_near(number_of("adjusted_rand", &s), 0, 1e-15);
}

// sklearn.metrics.adjusted_rand_score([0, 0, 1, 1, 2, 2], [0, 0, 1, 2, 2, 2]) of scikit-learn 1.9.1
KT_TEST(adjusted_rand_as_scikit_learn)
{
    static const int64_t classes[] = {0, 0, 1, 1, 2, 2}, clusters[] = {0, 0, 1, 2, 2, 2};
    const kaon_scores s = kt_clustered(6, clusters, classes, 0, NULL, NULL);
    kt_near(number_of("adjusted_rand", &s), 0.4444444444444444, 1e-12);
}

// A point of weight 2 is that point twice.
KT_TEST(weights_are_multiplicities)
{
    static const double w[] = {1, 1, 2, 1};
    static const int64_t cluster5[] = {0, 0, 1, 1, 1}, truth5[] = {0, 0, 1, 1, 0};
    static const double x5[] = {0, 2, 10, 10, 10};
    static const char *const names[] = {"inertia", "purity", "adjusted_rand"};
    const kaon_scores heavy = kt_clustered(4, cluster, truth, 1, x, w);
    const kaon_scores twice = kt_clustered(5, cluster5, truth5, 1, x5, NULL);
    for (int i = 0; i < 3; i++)
        kt_near(number_of(names[i], &heavy), number_of(names[i], &twice), 1e-14);
}

KT_TEST(without_classes)
{
    const kaon_scores s = kt_clustered(4, cluster, NULL, 1, x, NULL);
    kt_measure("purity", "", &s);
    kt_true(!kt_said("purity"));
    kt_measure("adjusted_rand", "", &s);
    kt_true(!kt_said("adjusted_rand"));
}
