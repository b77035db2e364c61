/* metrics_test.c: measures one can check by hand, ties, weights (negative ones too), properties. */
#include "kernel/diag.h"
#include "experiment/metrics.h"
#include "data/table.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;

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
    if (kn_metrics_of(t, &m, &fault.diag))
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

static double auc_of(int64_t n, const double *scores, const int64_t *truth, const double *weights)
{
    return kn_metric_auc(n, scores, 1, truth, 1, weights);
}

static void ties_count_half(void **state)
{
    static const double scores[] = {0.5, 0.5, 0.5, 0.9}, ones[] = {1, 1, 1, 1};
    static const int64_t truth[] = {0, 1, 0, 1};
    static const double same[] = {1, 1, 1, 1};
    (void)state;
    near(auc_of(4, scores, truth, ones), (0.5 + 0.5 + 1 + 1) / 4, 0);
    near(auc_of(4, same, truth, ones), 0.5, 0);
}

// An event of weight 2 is that event twice; -1 takes one away again.
static void weights_are_multiplicities(void **state)
{
    static const double scores[] = {0.1, 0.7, 0.4, 0.6, 0.4};
    static const int64_t truth[] = {0, 1, 1, 0, 0};
    static const double weights[] = {1, 2, 1, 1, 1};
    static const double scores2[] = {0.1, 0.7, 0.4, 0.6, 0.4, 0.7};
    static const int64_t truth2[] = {0, 1, 1, 0, 0, 1};
    static const double ones[] = {1, 1, 1, 1, 1, 1};
    static const double scores3[] = {0.1, 0.7, 0.4, 0.6, 0.4, 0.7, 0.3, 0.3};
    static const int64_t truth3[] = {0, 1, 1, 0, 0, 1, 0, 0};
    static const double weights3[] = {1, 1, 1, 1, 1, 1, 5, -5};
    (void)state;
    const double expected = auc_of(6, scores2, truth2, ones);
    near(auc_of(5, scores, truth, weights), expected, 1e-15);
    near(auc_of(8, scores3, truth3, weights3), expected, 1e-15);
}

// Against the definition: the share of pairs in the right order.
static void auc_is_a_share_of_pairs(void **state)
{
    enum { N = 300 };
    double scores[N], weights[N], sum = 0, all = 0;
    int64_t truth[N];
    (void)state;
    srand(3);
    for (int i = 0; i < N; i++) {
        scores[i] = rand() % 40;
        truth[i] = rand() % 2;
        weights[i] = rand() % 7 - 1;
    }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            if (truth[i] == 1 && truth[k] == 0) {
                const double w = weights[i] * weights[k];
                sum += w * (scores[i] > scores[k] ? 1 : scores[i] == scores[k] ? 0.5 : 0);
                all += w;
            }
    near(auc_of(N, scores, truth, weights), sum / all, 1e-12);
}

static void what_has_no_value_is_null(void **state)
{
    static const int64_t truth[] = {1, 1};
    static const double p[] = {0.2, 0.8, 0.4, 0.6}, nan_p[] = {NAN, 0.8, 0.4, 0.6};
    (void)state;
    kaon_table *t = table_of(2);
    add(t, KAON_ROLE_TARGET, KAON_I64, 0, truth, 2);
    add(t, KAON_ROLE_PREDICTION, KAON_F64, 2, p, 2);
    json_t *m = measure(t);
    assert_true(json_is_null(json_object_get(m, "auc")));
    near(get(m, "accuracy"), 1, 0);
    json_decref(m);
    assert_true(
        isnan(kn_metric_auc(2, nan_p, 2, (const int64_t[]){0, 1}, 1, (const double[]){1, 1})));
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
    assert_int_equal(kn_metrics_of(t, &m, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "row 1 has class 5, there are 2"));
    kn_table_release(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_classes),
        cmocka_unit_test(one_number_for_two_classes),
        cmocka_unit_test(ties_count_half),
        cmocka_unit_test(weights_are_multiplicities),
        cmocka_unit_test(auc_is_a_share_of_pairs),
        cmocka_unit_test(what_has_no_value_is_null),
        cmocka_unit_test(no_events),
        cmocka_unit_test(regression),
        cmocka_unit_test(clustering),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    kn_diag_init(&fault);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
