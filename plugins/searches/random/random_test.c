/* random_test.c: uniform, and a function of seed and trial. */
#include <kaon/search.h>
#include <kaon/test.h>

static void points_of(uint64_t seed, int64_t count, double *points)
{
    static const int64_t levels[] = {0, 3};
    const kaon_search_task task = {
        .size = sizeof task, .axis_count = 2, .levels = levels, .trials = count, .seed = seed};
    const kaon_part *part = kt_part(KAON_SEARCH, "random", "");
    const kaon_search *table = part->table;
    void *self = NULL;
    kt_ok(table->create(kt_host(), part->settings, &task, &self, kt_diag()));
    for (int64_t i = 0; i < count; i++) {
        kaon_proposal p = {.size = sizeof p, .point = points + 2 * i};
        kt_ok(table->ask(self, &p, kt_diag()));
        kt_near((double)p.trial, (double)i, 0);
    }
    kaon_proposal last = {.size = sizeof last, .point = points};
    kt_fails(table->ask(self, &last, kt_diag()), KAON_END);
    table->destroy(self);
}

KT_TEST(same_seed_same_points)
{
    double a[20], b[40], c[20];
    points_of(1, 10, a);
    points_of(1, 20, b); // more trials begin with the same
    points_of(2, 10, c);
    for (int i = 0; i < 20; i++) {
        kt_near(a[i], b[i], 0);
        kt_true(a[i] != c[i]);
    }
}

KT_TEST(uniform)
{
    enum { N = 4000 };
    static double points[2 * N];
    double mean = 0;
    points_of(3, N, points);
    for (int i = 0; i < 2 * N; i++) {
        kt_true(points[i] >= 0 && points[i] < 1);
        mean += points[i] / (2 * N);
    }
    kt_near(mean, 0.5, 4 * 0.2887 / 89); // four standard deviations of the mean of 8000
}
