/* statistics_test.c: numbers one can check by hand, weights, gaps, classes, correlations. */
#include "data/statistics.h"
#include "data/table.h"
#include "kernel/diag.h"
#include "kernel/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;

static void near(double found, double expected, double margin)
{
    if (!(fabs(found - expected) <= margin))
        fail_msg("%.17g is not %.17g", found, expected);
}

static void add(kaon_table *t, int32_t role, const char *name, int32_t dtype, int32_t rank,
                const int64_t *shape, const void *data, int64_t labels, const char *const *names)
{
    kaon_column c = {
        .size = sizeof c, .role = role, .name = name, .label_count = labels, .labels = names};
    c.view = (kaon_view){.size = sizeof c.view,
                         .dtype = dtype,
                         .device_type = KAON_DEVICE_CPU,
                         .rank = rank,
                         .shape = shape,
                         .data = (void *)(uintptr_t)data};
    if (kn_table_column_add(t, &c, &fault.diag))
        fail_msg("%s", fault.text);
}

static const char *const names[] = {"a", "b"};

static kaon_table *example(int32_t weighted)
{
    static const float x[] = {1, 10, 2, 20, 3, 30, 4, NAN, 5, 50};
    static const double w[] = {1, 1, 2, -1, 1};
    static const int64_t y[] = {0, 1, 1, 0, 1};
    kaon_table *t = NULL;
    kn_diag_init(&fault);
    assert_int_equal(kn_table_new(5, &t, &fault.diag), KAON_OK);
    add(t, KAON_ROLE_FEATURES, "features", KAON_F32, 2, (const int64_t[]){5, 2}, x, 2, names);
    add(t, KAON_ROLE_TARGET, "y", KAON_I64, 1, (const int64_t[]){5}, y, 2, names);
    if (weighted)
        add(t, KAON_ROLE_WEIGHT, "w", KAON_F64, 1, (const int64_t[]){5}, w, 0, NULL);
    return t;
}

static void by_hand(void **state)
{
    (void)state;
    kn_statistics s;
    kaon_table *t = example(0);
    assert_int_equal(kn_statistics_init(&s, t, &fault.diag), KAON_OK);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.feature_count, 2);
    const kn_distribution *a = &s.columns[0], *b = &s.columns[1];
    assert_string_equal(b->name, "b");
    near(a->mean, 3, 0);
    near(a->std, sqrt(2), 1e-15);
    assert_true(a->min == 1 && a->max == 5 && a->missing == 0 && a->values == 5);
    assert_true(a->quantiles[2] == 3 && a->quantiles[0] == 1 && a->quantiles[4] == 5);
    assert_int_equal(b->missing, 1);
    near(b->mean, 27.5, 1e-13);
    double sum = 0;
    for (int i = 0; i < KN_BINS; i++)
        sum += a->bins[i];
    assert_true(sum == 5 && a->bins[0] == 1 && a->bins[20] == 1 && a->bins[39] == 1);
    near(s.correlation[1], 1, 1e-12); // of the rows without gaps
    near(s.correlation[0], 1, 0);
    assert_true(s.class_rows[0] == 2 && s.class_rows[1] == 3);
    kn_statistics_fini(&s);
    kn_table_release(t);
}

static void weighted(void **state)
{
    (void)state;
    kn_statistics s;
    kaon_table *t = example(1);
    assert_int_equal(kn_statistics_init(&s, t, &fault.diag), KAON_OK);
    // 1 + 2 + 6 - 4 + 5 over 4; squares about 2.5: 2.25 + 0.25 + 0.5 - 2.25 + 6.25
    near(s.columns[0].mean, 2.5, 1e-15);
    near(s.columns[0].std, sqrt(7 / 4.0), 1e-15);
    near(s.class_weights[0], 0, 0);
    near(s.class_weights[1], 4, 0);
    assert_int_equal(s.count, 3); // the weights are a column like others, unweighted
    near(s.columns[2].mean, 0.8, 1e-15);
    kn_statistics_fini(&s);
    kn_table_release(t);
}

static void far_values_do_not_flatten_the_rest(void **state)
{
    (void)state;
    float x[2000];
    kn_statistics s;
    kaon_table *t = NULL;
    kn_diag_init(&fault);
    for (int i = 0; i < 2000; i++)
        x[i] = i == 7 ? 1e6f : (float)(i % 100);
    assert_int_equal(kn_table_new(2000, &t, &fault.diag), KAON_OK);
    add(t, KAON_ROLE_FEATURES, "x", KAON_F32, 2, (const int64_t[]){2000, 1}, x, 1, names);
    assert_int_equal(kn_statistics_init(&s, t, &fault.diag), KAON_OK);
    assert_true(s.columns[0].max == 1e6);
    assert_true(s.columns[0].from >= 0 && s.columns[0].to <= 99);
    assert_true(s.columns[0].bins[20] > 30);
    assert_null(s.correlation);
    kn_statistics_fini(&s);
    kn_table_release(t);
}

// Rows of two entries of two numbers; an entry of zeros is none.
static void padded_rows(void **state)
{
    (void)state;
    static const float x[] = {1, 5, 0, 0, 2, 6, 3, 0};
    kn_statistics s;
    kaon_table *t = NULL;
    kn_diag_init(&fault);
    assert_int_equal(kn_table_new(2, &t, &fault.diag), KAON_OK);
    add(t, KAON_ROLE_FEATURES, "x", KAON_F32, 3, (const int64_t[]){2, 2, 2}, x, 2, names);
    assert_int_equal(kn_statistics_init(&s, t, &fault.diag), KAON_OK);
    assert_int_equal(s.columns[0].values, 3);
    near(s.columns[0].mean, 2, 0);
    near(s.columns[1].mean, 11 / 3.0, 1e-15);
    kn_statistics_fini(&s);
    kn_table_release(t);
}

static void nothing_and_no_memory(void **state)
{
    (void)state;
    kn_statistics s;
    kaon_table *t = NULL, *full = example(1);
    kn_diag_init(&fault);
    assert_int_equal(kn_table_new(0, &t, &fault.diag), KAON_OK);
    add(t, KAON_ROLE_FEATURES, "x", KAON_F32, 2, (const int64_t[]){0, 2}, NULL, 2, names);
    assert_int_equal(kn_statistics_init(&s, t, &fault.diag), KAON_OK);
    assert_true(s.columns[0].values == 0 && isnan(s.columns[0].mean));
    kn_statistics_fini(&s);
    const int64_t before = kn_memory_count().blocks;
    for (int64_t n = 1;; n++) {
        kn_memory_fail(n, KN_FAIL_ONCE);
        const kaon_status status = kn_statistics_init(&s, full, &fault.diag);
        kn_memory_fail(0, KN_FAIL_ONCE);
        kn_statistics_fini(&s);
        assert_int_equal(kn_memory_count().blocks, before);
        if (!status)
            break;
        assert_int_equal(status, KAON_NO_MEMORY);
    }
    kn_table_release(t);
    kn_table_release(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(weighted),
        cmocka_unit_test(far_values_do_not_flatten_the_rest),
        cmocka_unit_test(padded_rows),
        cmocka_unit_test(nothing_and_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
