/* batches_test.c: every row once per epoch, the same order again, short batches, weights. */
#include "data/batches.h"
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "data/shuffle.h"
#include "data/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;

static void add(kaon_table *t, const char *name, int32_t role, int32_t dtype, int64_t width,
                double (*value)(int64_t))
{
    const int64_t shape[] = {kn_table_rows(t), width};
    kaon_column c = {.size = sizeof c,
                     .role = role,
                     .name = name,
                     .view = {.size = sizeof c.view,
                              .dtype = dtype,
                              .device_type = KAON_DEVICE_CPU,
                              .rank = width > 1 ? 2 : 1,
                              .shape = shape}};
    assert_int_equal(kn_table_column_add(t, &c, &fault.diag), KAON_OK);
    for (int64_t i = 0; i < shape[0] * width; i++) {
        if (dtype == KAON_F32)
            ((float *)c.view.data)[i] = (float)value(i / width);
        else
            ((int64_t *)c.view.data)[i] = (int64_t)value(i / width);
    }
}

static double same(int64_t row)
{
    return (double)row;
}

static double thrice(int64_t row)
{
    return 3 * (double)row;
}

static double one_to_two(int64_t row)
{
    return row % 2 ? 2 : 1;
}

static kaon_table *example(int64_t rows, int64_t width, int32_t weights)
{
    kn_diag_init(&fault);
    kaon_table *t = NULL;
    assert_int_equal(kn_table_new(rows, &t, &fault.diag), KAON_OK);
    add(t, "x", KAON_ROLE_FEATURES, KAON_F32, width, same);
    add(t, "y", KAON_ROLE_TARGET, KAON_I64, 1, thrice);
    if (weights)
        add(t, "w", KAON_ROLE_WEIGHT, KAON_F32, 1, one_to_two);
    return t;
}

static kaon_batches *open(kaon_table *t, int64_t rows, int32_t shuffle, int32_t normalize)
{
    const kaon_batch_spec spec = {.size = sizeof spec,
                                  .shuffle = shuffle,
                                  .rows = rows,
                                  .seed = 7,
                                  .float_type = KAON_F32,
                                  .normalize = normalize};
    kaon_batches *b = NULL;
    assert_int_equal(kn_batches_open(t, &spec, &b, &fault.diag), KAON_OK);
    return b;
}

// The rows of one epoch in their order, read through features and target.
static void read_epoch(kaon_batches *b, int64_t epoch, int64_t width, int64_t rows, int64_t *order)
{
    kaon_batch batch = {.size = sizeof batch};
    int64_t at = 0;
    kaon_status status;
    while ((status = kn_batches_next(b, epoch, &batch, &fault.diag)) == KAON_OK) {
        const float *x = batch.features;
        const int64_t *y = batch.target;
        for (int64_t i = 0; i < batch.rows; i++, at++) {
            assert_in_range(at, 0, rows - 1);
            order[at] = (int64_t)x[i * width];
            assert_float_equal(x[i * width + width - 1], (float)order[at], 0);
            assert_int_equal(y[i], 3 * order[at]);
        }
        assert_int_equal(batch.last, at == rows);
    }
    assert_int_equal(status, KAON_END);
    assert_int_equal(at, rows);
}

static void check_permutation(const int64_t *order, int64_t rows)
{
    char *seen = calloc(1, (size_t)rows);
    for (int64_t i = 0; i < rows; i++)
        seen[order[i]]++;
    for (int64_t i = 0; i < rows; i++)
        assert_int_equal(seen[i], 1);
    free(seen);
}

// Epochs in any order give what the same epoch gives alone.
static void check_orders(int64_t rows, int64_t width, int64_t batch, int32_t threaded)
{
    kaon_table *t = example(rows, width, 0);
    kaon_batches *b = open(t, batch, 1, 0);
    assert_int_equal(kn_batches_threaded(b), threaded);
    int64_t *first = calloc((size_t)rows, sizeof *first);
    int64_t *order = calloc((size_t)rows, sizeof *order);
    uint32_t *expected = calloc((size_t)rows, sizeof *expected);
    read_epoch(b, 0, width, rows, first);
    check_permutation(first, rows);
    const int64_t epochs[] = {1, 2, 0, 0, 5, 1};
    for (int i = 0; i < 6; i++) {
        read_epoch(b, epochs[i], width, rows, order);
        kn_shuffle(7, epochs[i], rows, expected);
        for (int64_t j = 0; j < rows; j++)
            assert_int_equal(order[j], expected[j]);
        assert_int_equal(memcmp(order, first, (size_t)rows * sizeof *order) == 0, epochs[i] == 0);
    }
    // An epoch may be left in the middle.
    kaon_batch part = {.size = sizeof part};
    assert_int_equal(kn_batches_next(b, 3, &part, &fault.diag), KAON_OK);
    read_epoch(b, 0, width, rows, order);
    assert_memory_equal(order, first, (size_t)rows * sizeof *order);
    free(first);
    free(order);
    free(expected);
    kn_batches_close(b);
    kn_table_release(t);
}

static void small_tables_inline(void **state)
{
    (void)state;
    check_orders(100, 3, 32, 0);
    check_orders(64, 1, 32, 0);
}

static void large_tables_by_a_thread(void **state)
{
    (void)state;
    check_orders(10007, 16, 64, 1);
    check_orders(5000, 30, 5000, 1);
}

static void file_order_without_shuffling(void **state)
{
    (void)state;
    const int64_t rows[] = {10, 20011};
    for (int i = 0; i < 2; i++) {
        kaon_table *t = example(rows[i], 4, 0);
        kaon_batches *b = open(t, 4, 0, 0);
        int64_t *order = calloc((size_t)rows[i], sizeof *order);
        for (int epoch = 0; epoch < 3; epoch++) {
            read_epoch(b, 0, 4, rows[i], order);
            for (int64_t j = 0; j < rows[i]; j++)
                assert_int_equal(order[j], j);
        }
        free(order);
        kn_batches_close(b);
        kn_table_release(t);
    }
}

// Uniform: over many epochs each row comes first about equally often. 6 sigma of a binomial.
static void orders_are_even(void **state)
{
    (void)state;
    enum { ROWS = 10, EPOCHS = 10000 };
    int counts[ROWS][ROWS] = {{0}};
    uint32_t order[ROWS];
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        kn_shuffle(3, epoch, ROWS, order);
        for (int i = 0; i < ROWS; i++)
            counts[i][order[i]]++;
    }
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < ROWS; j++)
            assert_in_range(counts[i][j], 1000 - 180, 1000 + 180);
}

// In windows: each row once, near neighbours of few blocks at a time, another order each epoch.
static void windows(void **state)
{
    (void)state;
    static const int64_t sizes[][3] = {
        {1000, 100, 10}, {1003, 96, 7}, {50, 64, 8}, {1, 4, 4}, {97, 12, 12}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const int64_t rows = sizes[k][0], window = sizes[k][1], block = sizes[k][2];
        kn_shuffler s;
        uint32_t before[1003] = {0};
        assert_int_equal(kn_shuffler_init(&s, 7, rows, window, block, &fault.diag), KAON_OK);
        for (int64_t epoch = 0; epoch < 3; epoch++) {
            int64_t seen[1003];
            uint32_t all[1003];
            kn_shuffler_begin(&s, epoch);
            for (int64_t first = 0; first < rows; first += window) {
                int32_t opened = 0;
                char touched[1003] = {0};
                int blocks = 0;
                const int64_t end = first + window < rows ? first + window : rows;
                // As batches ask: a part of the window after the other.
                for (int64_t at = first; at < end; at += 4) {
                    const int64_t stop = at + 4 < end ? at + 4 : end;
                    const uint32_t *order = kn_shuffler_rows(&s, at, stop, &opened);
                    assert_int_equal(opened, at == first);
                    for (int64_t i = at; i < stop; i++) {
                        all[i] = order[i - at];
                        seen[i] = all[i];
                        blocks += !touched[all[i] / block]++;
                    }
                }
                assert_in_range(blocks, 1, window / block + 3);
            }
            check_permutation(seen, rows);
            if (rows > 40)
                assert_memory_not_equal(before, all, (size_t)rows * sizeof *all);
            memcpy(before, all, (size_t)rows * sizeof *all);
        }
        kn_shuffler_fini(&s);
    }
}

// A table beyond its memory: the same batches whether a thread reads ahead or not, epoch by epoch.
static void spilled_tables(void **state)
{
    (void)state;
    enum { ROWS = 40000 };
    kn_spill *spill = NULL;
    kaon_table *t = NULL;
    int64_t *order = calloc(ROWS, sizeof *order), *again = calloc(ROWS, sizeof *again);
    kn_diag_init(&fault);
    assert_int_equal(kn_spill_new("/tmp", 1 << 18, &spill, &fault.diag), KAON_OK);
    assert_int_equal(kn_table_new(ROWS, &t, &fault.diag), KAON_OK);
    kn_table_spill(t, spill);
    add(t, "x", KAON_ROLE_FEATURES, KAON_F32, 4, same);
    add(t, "y", KAON_ROLE_TARGET, KAON_I64, 1, thrice);
    kaon_batches *b = open(t, 64, 1, 0);
    read_epoch(b, 2, 4, ROWS, order);
    check_permutation(order, ROWS);
    read_epoch(b, 0, 4, ROWS, again);
    check_permutation(again, ROWS);
    assert_memory_not_equal(order, again, ROWS * sizeof *order);
    read_epoch(b, 2, 4, ROWS, again);
    assert_memory_equal(order, again, ROWS * sizeof *order);
    // Far from file order: rows move by a good part of the table, not by a window only.
    double moved = 0;
    for (int i = 0; i < ROWS; i++)
        moved += (double)llabs((long long)order[i] - i) / ROWS;
    assert_true(moved / ROWS > 0.2); // 1/3 for a full shuffle
    kn_batches_close(b);
    kn_table_release(t);
    kn_spill_release(spill);
    free(order);
    free(again);
}

static void a_short_last_batch_is_padded_with_weight_zero(void **state)
{
    (void)state;
    kaon_table *t = example(5, 2, 1);
    kaon_batches *b = open(t, 3, 0, 0);
    kaon_batch batch = {.size = sizeof batch};
    assert_int_equal(kn_batches_next(b, 0, &batch, &fault.diag), KAON_OK);
    assert_memory_equal(batch.weight, ((const float[]){1, 2, 1}), 3 * sizeof(float));
    assert_int_equal(kn_batches_next(b, 0, &batch, &fault.diag), KAON_OK);
    assert_int_equal(batch.rows, 2);
    assert_int_equal(batch.last, 1);
    assert_memory_equal(batch.weight, ((const float[]){2, 1, 0}), 3 * sizeof(float));
    assert_memory_equal(batch.features, ((const float[]){3, 3, 4, 4, 3, 3}), 6 * sizeof(float));
    assert_memory_equal(batch.target, ((const int64_t[]){9, 12, 9}), 3 * sizeof(int64_t));
    assert_int_equal(kn_batches_next(b, 0, &batch, &fault.diag), KAON_END);
    kn_batches_close(b);
    kn_table_release(t);
}

// Weights 1 2 1 2 1 have the mean 7/5; a full batch of 3 rows.
static void weights_are_normalised(void **state)
{
    (void)state;
    kaon_table *t = example(5, 2, 1), *plain = example(5, 2, 0);
    kaon_batches *b = open(t, 3, 0, 1);
    kaon_batch batch = {.size = sizeof batch};
    assert_int_equal(kn_batches_next(b, 0, &batch, &fault.diag), KAON_OK);
    assert_float_equal(((const float *)batch.weight)[1], 2 / 1.4f / 3, 1e-7);
    kn_batches_close(b);

    b = open(plain, 3, 1, 1);
    assert_int_equal(kn_batches_next(b, 0, &batch, &fault.diag), KAON_OK);
    assert_float_equal(((const float *)batch.weight)[2], 1 / 3.0f, 1e-7);
    assert_int_equal(kn_batches_next(b, 0, &batch, &fault.diag), KAON_OK);
    assert_float_equal(((const float *)batch.weight)[1], 1 / 3.0f, 1e-7);
    assert_float_equal(((const float *)batch.weight)[2], 0, 0);
    kn_batches_close(b);

    b = open(plain, 256, 1, 1); // never a full batch: the five rows count as one
    assert_int_equal(kn_batches_next(b, 0, &batch, &fault.diag), KAON_OK);
    assert_float_equal(((const float *)batch.weight)[4], 0.2, 1e-7);
    assert_float_equal(((const float *)batch.weight)[5], 0, 0);
    kn_batches_close(b);
    kn_table_release(t);
    kn_table_release(plain);
}

static void doubles_on_request(void **state)
{
    (void)state;
    kaon_table *t = example(5, 2, 1);
    const kaon_batch_spec spec = {
        .size = sizeof spec, .shuffle = 1, .rows = 5, .seed = 1, .float_type = KAON_F64};
    kaon_batches *b = NULL;
    uint32_t order[5];
    kaon_batch batch = {.size = sizeof batch};
    assert_int_equal(kn_batches_open(t, &spec, &b, &fault.diag), KAON_OK);
    assert_int_equal(kn_batches_next(b, 4, &batch, &fault.diag), KAON_OK);
    kn_shuffle(1, 4, 5, order);
    for (int i = 0; i < 5; i++) {
        assert_float_equal(((const double *)batch.features)[2 * i + 1], order[i], 0);
        assert_float_equal(((const double *)batch.weight)[i], (order[i] % 2 ? 2 : 1), 0);
    }
    kn_batches_close(b);
    kn_table_release(t);
}

static void nothing_and_nonsense(void **state)
{
    (void)state;
    kaon_table *none = example(0, 2, 0), *bare = NULL;
    kaon_batches *b = open(none, 8, 1, 1);
    kaon_batch batch = {.size = sizeof batch};
    assert_int_equal(kn_batches_next(b, 0, &batch, &fault.diag), KAON_END);
    kn_batches_close(b);
    kn_table_release(none);

    kaon_batch_spec spec = {.size = sizeof spec, .rows = 8, .float_type = KAON_F32};
    assert_int_equal(kn_table_new(3, &bare, &fault.diag), KAON_OK);
    assert_int_equal(kn_batches_open(bare, &spec, &b, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "no features"));
    spec.rows = 0;
    assert_int_equal(kn_batches_open(bare, &spec, &b, &fault.diag), KAON_INVALID);
    spec.rows = 8;
    spec.float_type = KAON_I64;
    assert_int_equal(kn_batches_open(bare, &spec, &b, &fault.diag), KAON_UNSUPPORTED);
    kn_table_release(bare);
}

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    const int64_t before = kn_memory_count().blocks;
    int32_t failures = 0;
    for (int64_t n = 1; n < 300; n++) {
        kaon_table *t = example(20000, 4, 1);
        kaon_batches *b = NULL;
        const kaon_batch_spec spec = {.size = sizeof spec, .shuffle = 1, .rows = 64};
        kn_memory_fail(n, KN_FAIL_ONCE);
        const kaon_status status = kn_batches_open(t, &spec, &b, &fault.diag);
        kn_memory_fail(0, KN_FAIL_ONCE);
        kn_batches_close(b);
        kn_table_release(t);
        assert_int_equal(kn_memory_count().blocks, before);
        if (!status)
            break;
        failures++;
    }
    assert_in_range(failures, 5, 298);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_tables_inline),
        cmocka_unit_test(large_tables_by_a_thread),
        cmocka_unit_test(file_order_without_shuffling),
        cmocka_unit_test(orders_are_even),
        cmocka_unit_test(windows),
        cmocka_unit_test(spilled_tables),
        cmocka_unit_test(a_short_last_batch_is_padded_with_weight_zero),
        cmocka_unit_test(weights_are_normalised),
        cmocka_unit_test(doubles_on_request),
        cmocka_unit_test(nothing_and_nonsense),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
