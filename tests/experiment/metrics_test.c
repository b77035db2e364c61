/* metrics_test.c: from tables to numbers, uncertainties and JSON. What each metric says is tested
 * beside its plugin.
 */
#include "kernel/diag.h"
#include "kernel/items.h"
#include "kernel/pool.h"
#include "kernel/registry.h"
#include "experiment/metrics.h"
#include "data/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;
static kn_kernel *kernel;

static void near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("got %.15g, expected %.15g", got, expected);
}

static void add(kaon_table *t, int32_t role, int32_t dtype, int64_t width, const void *values,
                int64_t label_count)
{
    static const char *const labels[] = {"a", "b", "c", "d"};
    const int64_t shape[] = {kn_table_rows(t), width};
    kaon_column c = {.size = sizeof c,
                     .role = role,
                     .name = kn_role_text(role),
                     .label_count = label_count,
                     .labels = label_count ? labels : NULL,
                     .view = {.size = sizeof c.view,
                              .dtype = dtype,
                              .device_type = KAON_DEVICE_CPU,
                              .rank = width ? 2 : 1,
                              .shape = shape,
                              .data = (void *)(uintptr_t)values}};
    assert_int_equal(kn_table_column_add(t, &c, &fault.diag), KAON_OK);
}

static kaon_table *table_of(int64_t rows)
{
    kaon_table *t = NULL;
    assert_int_equal(kn_table_new(rows, &t, &fault.diag), KAON_OK);
    return t;
}

static json_t *measure(kaon_table *t)
{
    json_t *m = NULL;
    if (kn_metrics_of(kernel, NULL, t, &m, NULL, &fault.diag))
        fail_msg("%s", fault.text);
    kn_table_release(t);
    return m;
}

static double get(const json_t *m, const char *name)
{
    const json_t *value = json_object_get(m, name);
    if (!value)
        fail_msg("there is no %s", name);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* --- classification --------------------------------------------------------------------------- */

// Four events of three classes, one wrong: everything by hand.
static void three_classes(void **state)
{
    static const int64_t truth[] = {0, 1, 2, 2};
    static const float p[] = {0.8f, 0.1f, 0.1f, 0.25f, 0.5f, 0.25f,
                              0.f,  0.f,  1.f,  0.6f,  0.2f, 0.2f};
    (void)state;
    kaon_table *t = table_of(4);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 3);
    add(t, KAON_ROLE_PREDICTION, KAON_F32, 3, p, 3);
    json_t *m = measure(t);
    near(get(m, "accuracy"), 0.75, 0);
    near(get(m, "error_rate"), 0.25, 0);
    near(get(m, "log_loss"), -(log(0.8) + log(0.5) + log(1) + log(0.2)) / 4, 1e-7);
    near(get(m, "brier"), (0.06 + 0.375 + 0 + (0.36 + 0.04 + 0.64)) / 4, 1e-7);
    // Class a: signal 0.8 against 0.25, 0, 0.6. Class b: 0.5 against 0.1, 0, 0.2.
    // Class c: signals 1 and 0.2 against 0.1 and 0.25: 3 of 4 pairs.
    const json_t *auc = json_object_get(m, "auc_by_class");
    near(get(auc, "a"), 1, 0);
    near(get(auc, "b"), 1, 0);
    near(get(auc, "c"), 0.75, 0);
    near(get(m, "auc"), 2.75 / 3, 1e-15);
    near(get(json_object_get(m, "precision_by_class"), "a"), 0.5, 0);
    near(get(json_object_get(m, "recall_by_class"), "c"), 0.5, 0);
    near(get(json_object_get(m, "f1_by_class"), "c"), 2.0 / 3, 1e-15);
    near(get(m, "precision"), (0.5 + 1 + 1) / 3, 1e-15);
    const json_t *confusion = json_object_get(m, "confusion");
    near(json_number_value(json_array_get(json_array_get(confusion, 2), 0)), 1, 0);
    json_decref(m);
}

static void one_number_for_two_classes(void **state)
{
    static const int64_t truth[] = {0, 0, 1, 1};
    static const double p[] = {0.1, 0.4, 0.35, 0.8};
    (void)state;
    kaon_table *t = table_of(4);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 2);
    add(t, KAON_ROLE_PREDICTION, KAON_F64, 0, p, 0);
    json_t *m = measure(t);
    near(get(m, "auc"), 0.75, 0); // the textbook's example
    near(get(m, "accuracy"), 0.75, 0);
    near(get(m, "brier"), (0.01 + 0.16 + 0.4225 + 0.04) / 4, 1e-15);
    json_decref(m);
}

static void what_has_no_value_is_null(void **state)
{
    static const int64_t truth[] = {1, 1};
    static const double p[] = {0.2, 0.8, 0.4, 0.6};
    (void)state;
    kaon_table *t = table_of(2);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 2);
    add(t, KAON_ROLE_PREDICTION, KAON_F64, 2, p, 2);
    json_t *m = measure(t);
    assert_true(json_is_null(json_object_get(m, "auc")));
    near(get(m, "accuracy"), 1, 0);
    json_decref(m);
}

static void no_events(void **state)
{
    (void)state;
    kaon_table *t = table_of(0);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, "", 2);
    add(t, KAON_ROLE_PREDICTION, KAON_F32, 2, "", 2);
    json_t *m = measure(t);
    assert_true(json_is_null(json_object_get(m, "accuracy")));
    json_decref(m);
}

/* --- regression, clustering ------------------------------------------------------------------- */

static void regression(void **state)
{
    static const float y[] = {1, 2, 3, 4}, p[] = {1, 2, 4, 6}, w[] = {1, 1, 1, 2};
    (void)state;
    kaon_table *t = table_of(4);
    add(t, KAON_ROLE_TARGET, KAON_F32, 0, y, 0);
    add(t, KAON_ROLE_PREDICTION, KAON_F32, 1, p, 0);
    add(t, KAON_ROLE_WEIGHT, KAON_F32, 0, w, 0);
    json_t *m = measure(t);
    near(get(m, "rmse"), sqrt((1 + 2 * 4) / 5.0), 1e-15);
    near(get(m, "mae"), (1 + 2 * 2) / 5.0, 1e-15);
    near(get(m, "bias"), 1, 1e-15);
    // mean of y is 14/5; sum w (y - mean)^2 = 3.24 + 0.64 + 0.04 + 2 * 1.44
    near(get(m, "r2"), 1 - 9 / 6.8, 1e-14);
    json_decref(m);
}

static void clustering(void **state)
{
    static const int64_t cluster[] = {0, 0, 1, 1}, truth[] = {0, 0, 1, 0};
    static const float x[] = {0, 2, 10, 10};
    (void)state;
    kaon_table *t = table_of(4);
    add(t, KAON_ROLE_FEATURES, KAON_F32, 1, x, 0);
    add(t, KAON_ROLE_PREDICTION, KAON_I64, 0, cluster, 0);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 2);
    json_t *m = measure(t);
    near(get(m, "inertia"), 2, 1e-15);
    near(get(m, "clusters"), 2, 0);
    near(get(m, "purity"), 0.75, 0);
    // Pairs: both 1, rows 3, columns 2, all 6: (1 - 1) / (2.5 - 1).
    near(get(m, "adjusted_rand"), 0, 1e-15);
    json_decref(m);
}

static void refuses_what_does_not_fit(void **state)
{
    static const int64_t truth[] = {0, 5};
    static const float p[] = {1, 0, 0, 1};
    json_t *m = NULL;
    (void)state;
    kaon_table *t = table_of(2);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 2);
    add(t, KAON_ROLE_PREDICTION, KAON_F32, 2, p, 2);
    assert_int_equal(kn_metrics_of(kernel, NULL, t, &m, NULL, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "row 1 has class 5, there are 2"));
    kn_table_release(t);
}

/* --- which metrics ---------------------------------------------------------------------------- */

// Two classes of 40 events each, scores that overlap, weights around 1, some negative.
enum { EVENTS = 80 };

static kaon_table *overlapping(double shift)
{
    static int64_t truth[EVENTS];
    static double p[EVENTS], w[EVENTS];
    for (int i = 0; i < EVENTS; i++) {
        truth[i] = i % 2;
        p[i] = 0.5 * (double)((i * 37) % EVENTS) / EVENTS + shift * (double)truth[i];
        w[i] = i % 10 == 3 ? -0.2 : 1 + 0.01 * i;
    }
    kaon_table *t = table_of(EVENTS);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 2);
    add(t, KAON_ROLE_PREDICTION, KAON_F64, 0, p, 0);
    add(t, KAON_ROLE_WEIGHT, KAON_F64, 0, w, 0);
    return t;
}

static json_t *ask(const char *const *metrics, int64_t bootstrap, kaon_table *t, json_t **replicas)
{
    kn_item_use *use[4] = {0};
    const kaon_part *parts[4];
    kn_measure_request request = {.bootstrap = bootstrap, .metrics.at = parts};
    json_t *m = NULL;
    for (int i = 0; metrics && metrics[i]; i++) {
        assert_int_equal(kn_item_use_new(kernel, KAON_METRIC, metrics[i], &use[i], &fault.diag), 0);
        parts[request.metrics.count++] = kn_item_use_part(use[i]);
    }
    if (kn_metrics_of(kernel, &request, t, &m, replicas, &fault.diag))
        m = NULL;
    for (int i = 0; i < 4; i++)
        kn_item_use_free(use[i]);
    kn_table_release(t);
    return m;
}

static void more_than_the_usual(void **state)
{
    static const char *const more[] = {"specificity", "background_rejection: {efficiencies: [0.9]}",
                                       NULL};
    static const char *const wrong[] = {"rmse", NULL};
    (void)state;
    json_t *m = ask(more, 0, overlapping(0.3), NULL);
    assert_non_null(m);
    assert_true(get(m, "specificity") > 0.5);
    assert_true(get(m, "background_rejection_at_0.9") > 1);
    assert_true(get(m, "auc") > 0.5);
    assert_null(json_object_get(m, "uncertainty"));
    json_decref(m);
    assert_null(ask(wrong, 0, overlapping(0.3), NULL));
    assert_non_null(strstr(fault.text, "metric 'rmse' has no meaning for a classification"));
}

static void directions(void **state)
{
    (void)state;
    assert_int_equal(kn_metric_direction(kernel, "auc"), 1);
    assert_int_equal(kn_metric_direction(kernel, "log_loss"), -1);
    assert_int_equal(kn_metric_direction(kernel, "background_rejection_at_0.5"), 1);
    assert_int_equal(kn_metric_direction(kernel, "validation_loss"), -1);
    assert_int_equal(kn_metric_direction(kernel, "colour"), 0);
}

/* --- the bootstrap ---------------------------------------------------------------------------- */

// Mean and variance of a Poisson distribution of mean 1, and its share of zeros.
static void counts_are_poisson(void **state)
{
    enum { N = 200000 };
    double sum = 0, squares = 0, zeros = 0;
    (void)state;
    for (int64_t i = 0; i < N; i++) {
        const double n = kn_bootstrap_count(7, i % 5, i / 5);
        sum += n;
        squares += n * n;
        zeros += n == 0;
    }
    near(sum / N, 1, 4 / sqrt(N));
    near(squares / N - 1, 1, 4 * sqrt(3.0 / N)); // fourth moment 4, variance of (n - 1)^2: 3
    near(zeros / N, exp(-1), 4 * sqrt(0.23 / N));
}

// The error rate of n unweighted events is binomial: sqrt(p (1 - p) / n).
static void sigma_of_a_share(void **state)
{
    enum { N = 400 };
    static int64_t truth[N];
    static double p[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        truth[i] = i % 2;
        p[i] = (i % 4 == 0) != (i % 2 == 1) ? 0.9 : 0.1; // a quarter of all wrong
    }
    kaon_table *t = table_of(N);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 2);
    add(t, KAON_ROLE_PREDICTION, KAON_F64, 0, p, 0);
    json_t *m = ask(NULL, 1000, t, NULL);
    near(get(m, "accuracy"), 0.75, 1e-15);
    const double sigma = get(json_object_get(m, "uncertainty"), "accuracy");
    near(sigma, sqrt(0.75 * 0.25 / N), 0.1 * sigma);
    json_decref(m);
}

// For any number of threads, and with pairs: two models on the same rows get the same replicas.
static void same_replicas(void **state)
{
    json_t *replicas[3] = {0};
    kn_pool *pool = NULL, *before = kernel->pool;
    (void)state;
    json_decref(ask(NULL, 50, overlapping(0.3), &replicas[0]));
    assert_int_equal(kn_pool_new(3, &pool, &fault.diag), KAON_OK);
    kernel->pool = pool;
    json_decref(ask(NULL, 50, overlapping(0.3), &replicas[1]));
    kernel->pool = before;
    kn_pool_free(pool);
    json_decref(ask(NULL, 50, overlapping(0.2), &replicas[2]));
    assert_true(json_equal(replicas[0], replicas[1]));
    const json_t *good = json_object_get(json_object_get(replicas[0], "replicas"), "auc");
    const json_t *bad = json_object_get(json_object_get(replicas[2], "replicas"), "auc");
    assert_true(json_equal(json_object_get(replicas[0], "data"), // judged by the same events
                           json_object_get(replicas[2], "data")));
    assert_int_equal(json_array_size(good), 50);
    for (size_t i = 0; i < 50; i++) // replica by replica the better model is better
        assert_true(json_number_value(json_array_get(good, i)) >
                    json_number_value(json_array_get(bad, i)));
    for (int i = 0; i < 3; i++)
        json_decref(replicas[i]);
}

static void curves_are_kept_thinned_and_banded(void **state)
{
    enum { N = 20000 };
    static int64_t truth[N];
    static double p[N];
    const kn_measure_request request = {.bootstrap = 20, .curves = 1};
    kn_scores s;
    kn_measured *m = NULL;
    int32_t found = 0;
    (void)state;
    for (int i = 0; i < N; i++) {
        truth[i] = i % 2;
        p[i] = 0.7 * (double)((i * 7919) % N) / N + 0.3 * (double)truth[i];
    }
    kaon_table *t = table_of(N);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 2);
    add(t, KAON_ROLE_PREDICTION, KAON_F64, 0, p, 0);
    assert_int_equal(kn_scores_init(&s, t, kernel->pool, &fault.diag), KAON_OK);
    assert_int_equal(kn_measure(kernel, &request, &s.at, &m, &fault.diag), KAON_OK);
    for (int64_t i = 0; i < m->curve_count; i++) {
        const kn_curve *c = &m->curves[i];
        if (strcmp(c->name, "roc") || c->of_class != 1)
            continue;
        found = 1;
        assert_in_range(c->count, 500, 2100);
        near(c->x[0], 0, 0);
        near(c->x[c->count - 1], 1, 1e-12);
        near(c->y[c->count - 1], 1, 1e-12);
        const int64_t middle = c->count / 2;
        assert_true(c->sigma[middle] > 0.0005 && c->sigma[middle] < 0.02);
    }
    assert_true(found);
    kn_measured_free(m);
    kn_scores_fini(&s);
    kn_table_release(t);
}

// What predicts uncertainties gives twice as many numbers.
static void predicted_uncertainties(void **state)
{
    static const float y[] = {0, 0}, p[] = {1, 1, -3, 1};
    (void)state;
    kaon_table *t = table_of(2);
    add(t, KAON_ROLE_TARGET, KAON_F32, 0, y, 0);
    add(t, KAON_ROLE_PREDICTION, KAON_F32, 2, p, 0);
    json_t *m = measure(t);
    near(get(m, "bias"), -1, 0);
    near(get(m, "pull_width"), 2, 0);
    json_decref(m);
}

static int without_metrics(void)
{
    const kn_item *item = NULL;
    static const char *const names[] = {"auc", "rmse", "inertia", "background_rejection"};
    int missing = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        missing |= kn_item_find(kernel, KAON_METRIC, names[i], &item, NULL) != KAON_OK;
    if (missing)
        print_message("skipped: a plugin of metrics is not installed\n");
    return missing;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_classes),
        cmocka_unit_test(one_number_for_two_classes),
        cmocka_unit_test(what_has_no_value_is_null),
        cmocka_unit_test(no_events),
        cmocka_unit_test(regression),
        cmocka_unit_test(clustering),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(more_than_the_usual),
        cmocka_unit_test(directions),
        cmocka_unit_test(counts_are_poisson),
        cmocka_unit_test(sigma_of_a_share),
        cmocka_unit_test(same_replicas),
        cmocka_unit_test(curves_are_kept_thinned_and_banded),
        cmocka_unit_test(predicted_uncertainties),
    };
    kn_diag_init(&fault);
    if (kn_kernel_new(NULL, &kernel, &fault.diag))
        return 1;
    const int failed = without_metrics() ? 0 : cmocka_run_group_tests(tests, NULL, NULL);
    kn_kernel_free(kernel);
    return failed;
}
