/* table_test.c: columns, roles, sharing, slices and picked rows. */
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "data/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;

enum { ROWS = 5 };

static const float numbers[ROWS * 2] = {0, 1, 10, 11, 20, 21, 30, 31, 40, 41};
static const int64_t classes[ROWS] = {0, 1, 0, 1, 2};
static const int64_t offsets[ROWS + 1] = {0, 2, 2, 3, 6, 7};
static const float hits[7] = {1, 2, 3, 4, 5, 6, 7};

static kaon_column describe(const char *name, int32_t role, int32_t dtype, int32_t rank,
                            const int64_t *shape, const void *data)
{
    return (kaon_column){
        .size = sizeof(kaon_column),
        .role = role,
        .name = name,
        .view = {.size = sizeof(kaon_view),
                 .dtype = dtype,
                 .device_type = KAON_DEVICE_CPU,
                 .rank = rank,
                 .shape = shape,
                 .data = (void *)(uintptr_t)data},
    };
}

static kaon_table *example(void)
{
    kn_diag_init(&fault);
    kaon_table *t = NULL;
    const char *const labels[] = {"x", "y"};
    assert_int_equal(kn_table_new(ROWS, &t, &fault.diag), KAON_OK);
    kaon_column x =
        describe("features", KAON_ROLE_FEATURES, KAON_F32, 2, (const int64_t[]){ROWS, 2}, numbers);
    x.label_count = 2;
    x.labels = labels;
    kaon_column y =
        describe("kind", KAON_ROLE_TARGET, KAON_I64, 1, (const int64_t[]){ROWS}, classes);
    kaon_column h = describe("hits", KAON_ROLE_NONE, KAON_F32, 1, (const int64_t[]){7}, hits);
    h.offsets = offsets;
    assert_int_equal(kn_table_column_add(t, &x, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_column_add(t, &y, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_column_add(t, &h, &fault.diag), KAON_OK);
    return t;
}

static kaon_column named(const kaon_table *t, const char *name)
{
    kaon_column c = {.size = sizeof c};
    assert_int_equal(kn_table_column_named(t, name, &c), KAON_OK);
    return c;
}

static void columns_by_role_and_name(void **state)
{
    (void)state;
    kaon_table *t = example();
    kaon_column c = {.size = sizeof c};
    assert_int_equal(kn_table_column_of(t, KAON_ROLE_FEATURES, &c), KAON_OK);
    assert_string_equal(c.labels[1], "y");
    assert_memory_equal(c.view.data, numbers, sizeof numbers);
    assert_ptr_not_equal(c.view.data, numbers); // a copy
    assert_int_equal(kn_table_column_of(t, KAON_ROLE_WEIGHT, &c), KAON_NOT_FOUND);
    assert_int_equal(kn_table_column_named(t, "pt", &c), KAON_NOT_FOUND);
    assert_int_equal(named(t, "hits").offsets[3], 3);
    kn_table_release(t);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    kaon_table *t = example();
    kaon_column other =
        describe("more", KAON_ROLE_TARGET, KAON_F32, 1, (const int64_t[]){ROWS}, numbers);
    assert_int_equal(kn_table_column_add(t, &other, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "'kind' and 'more'"));
    kaon_column shorter = describe("short", 0, KAON_F32, 1, (const int64_t[]){2}, numbers);
    assert_int_equal(kn_table_column_add(t, &shorter, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "has 2 rows, its table 5"));
    const int64_t falling[ROWS + 1] = {0, 2, 1, 3, 6, 7};
    kaon_column jagged = describe("bad", 0, KAON_F32, 1, (const int64_t[]){7}, hits);
    jagged.offsets = falling;
    assert_int_equal(kn_table_column_add(t, &jagged, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "fall at row 1"));
    jagged.offsets = offsets;
    jagged.view.shape = (const int64_t[]){6}; // one value short
    assert_int_equal(kn_table_column_add(t, &jagged, &fault.diag), KAON_INVALID);
    struct {
        kaon_column known;
        uint64_t more;
    } longer = {.known = describe("new", 0, KAON_F32, 1, (const int64_t[]){ROWS}, numbers)};
    longer.known.size = sizeof longer;
    longer.more = 7;
    assert_int_equal(kn_table_column_add(t, &longer.known, &fault.diag), KAON_TOO_NEW);
    assert_int_equal(kn_table_column_count(t), 3);
    kn_table_release(t);
}

static void made_memory_is_cleared_and_can_be_filled(void **state)
{
    (void)state;
    kaon_table *t = example();
    kaon_column c = describe("p", KAON_ROLE_PREDICTION, KAON_F64, 1, (const int64_t[]){ROWS}, NULL);
    assert_int_equal(kn_table_column_add(t, &c, &fault.diag), KAON_OK);
    ((double *)c.view.data)[4] = 4;
    assert_float_equal(((const double *)named(t, "p").view.data)[4], 4, 0);
    assert_float_equal(((const double *)named(t, "p").view.data)[3], 0, 0);
    kn_table_release(t);
}

static void without_shares_the_other_columns(void **state)
{
    (void)state;
    kaon_table *t = example(), *less = NULL;
    assert_int_equal(kn_table_without(t, KAON_ROLE_TARGET, &less, &fault.diag), KAON_OK);
    const void *data = named(t, "features").view.data;
    kn_table_release(t);
    assert_int_equal(kn_table_column_count(less), 2);
    assert_ptr_equal(named(less, "features").view.data, data);
    kn_table_release(less);
}

static void slices_share_and_picks_copy(void **state)
{
    (void)state;
    const int64_t before = kn_memory_count().blocks;
    kaon_table *t = example(), *middle = NULL, *picked = NULL, *again = NULL;
    assert_int_equal(kn_table_slice(t, 2, 2, &middle, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_rows(middle), 2);
    kaon_column c = named(middle, "features");
    assert_int_equal(c.view.shape[0], 2);
    assert_memory_equal(c.view.data, numbers + 4, 4 * sizeof(float));
    assert_int_equal(named(middle, "hits").offsets[1], 3);

    // Rows 4, 0, 4: the hits are 7; 1, 2; 7.
    assert_int_equal(kn_table_pick(t, (const int64_t[]){4, 0, 4}, 3, &picked, &fault.diag),
                     KAON_OK);
    kn_table_release(t);
    c = named(picked, "hits");
    assert_memory_equal(c.offsets, ((const int64_t[]){0, 1, 3, 4}), 4 * sizeof(int64_t));
    assert_memory_equal(c.view.data, ((const float[]){7, 1, 2, 7}), 4 * sizeof(float));
    assert_memory_equal(named(picked, "kind").view.data, ((const int64_t[]){2, 0, 2}),
                        3 * sizeof(int64_t));

    // A pick out of a slice.
    assert_int_equal(kn_table_pick(middle, (const int64_t[]){1, 0}, 2, &again, &fault.diag),
                     KAON_OK);
    assert_memory_equal(named(again, "hits").view.data, ((const float[]){4, 5, 6, 3}),
                        4 * sizeof(float));
    assert_string_equal(named(again, "features").labels[0], "x");
    assert_int_equal(kn_table_pick(middle, (const int64_t[]){2}, 1, &t, &fault.diag), KAON_INVALID);
    kn_table_release(picked);
    kn_table_release(middle);
    kn_table_release(again);
    assert_int_equal(kn_memory_count().blocks, before);
}

static void no_rows_are_rows_too(void **state)
{
    (void)state;
    kaon_table *t = example(), *none = NULL;
    assert_int_equal(kn_table_pick(t, NULL, 0, &none, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_rows(none), 0);
    assert_int_equal(named(none, "features").view.shape[0], 0);
    kn_table_release(none);
    kn_table_release(t);
}

// Whichever request for memory fails, nothing leaks and nothing breaks.
static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    const int64_t before = kn_memory_count().blocks;
    int32_t failures = 0;
    for (int64_t n = 1; n < 100; n++) {
        kaon_table *t = example(), *picked = NULL;
        kn_memory_fail(n, KN_FAIL_ON);
        const kaon_status status =
            kn_table_pick(t, (const int64_t[]){3, 1}, 2, &picked, &fault.diag);
        kn_memory_fail(0, KN_FAIL_ON);
        kn_table_release(picked);
        kn_table_release(t);
        assert_int_equal(kn_memory_count().blocks, before);
        if (!status)
            break;
        assert_int_equal(status, KAON_NO_MEMORY);
        failures++;
    }
    assert_in_range(failures, 5, 98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_by_role_and_name),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(made_memory_is_cleared_and_can_be_filled),
        cmocka_unit_test(without_shares_the_other_columns),
        cmocka_unit_test(slices_share_and_picks_copy),
        cmocka_unit_test(no_rows_are_rows_too),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
