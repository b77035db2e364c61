/* look_test.c: views of tensors, checked number by number against what they should show. */
#include "compiler/compile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static kn_value value_of(int32_t rank, const int64_t *shape)
{
    kn_value v = {.rank = rank};
    memcpy(v.shape, shape, (size_t)rank * sizeof *shape);
    return v;
}

// The elements a look shows, in row-major order, as places in memory.
static int64_t places(const kn_look *look, int64_t *out)
{
    const int64_t count = kn_shape_count(look->rank, look->shape);
    for (int64_t i = 0; i < count; i++) {
        int64_t rest = i;
        out[i] = look->offset;
        for (int32_t axis = look->rank - 1; axis >= 0; axis--) {
            out[i] += rest % look->shape[axis] * look->strides[axis];
            rest /= look->shape[axis];
        }
    }
    return count;
}

static void shows(const kn_look *look, int64_t count, const int64_t *wanted)
{
    int64_t got[64];
    assert_int_equal(places(look, got), count);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(got[i], wanted[i]);
}

static void moves(void **state)
{
    (void)state;
    const kn_value v = value_of(2, (const int64_t[]){2, 3});
    const kn_look whole = kn_look_whole(&v);
    shows(&whole, 6, (const int64_t[]){0, 1, 2, 3, 4, 5});
    assert_true(kn_look_is_whole(&whole, &v));

    const kn_look t = kn_look_transpose(&whole, (const int64_t[]){1, 0});
    shows(&t, 6, (const int64_t[]){0, 3, 1, 4, 2, 5});
    assert_false(kn_look_contiguous(&t));
    assert_false(kn_look_is_whole(&t, &v));

    const kn_look column = kn_look_slice(&whole, 1, 1, 1, 1);
    shows(&column, 2, (const int64_t[]){1, 4});
    const kn_look back = kn_look_slice(&whole, 1, 2, -1, 3);
    shows(&back, 6, (const int64_t[]){2, 1, 0, 5, 4, 3});
    const kn_look wide = kn_look_broadcast(&column, 3, (const int64_t[]){2, 2, 2});
    shows(&wide, 8, (const int64_t[]){1, 1, 4, 4, 1, 1, 4, 4});
}

static void reshapes(void **state)
{
    (void)state;
    const kn_value v = value_of(3, (const int64_t[]){2, 3, 4});
    const kn_look whole = kn_look_whole(&v);
    kn_look out;
    assert_true(kn_look_reshape(&whole, 2, (const int64_t[]){6, 4}, &out));
    assert_int_equal(out.strides[0], 4);

    // (2, 3, 4) with the last two axes swapped: the first axis can be split off, the others cannot
    // melt.
    const kn_look swapped = kn_look_transpose(&whole, (const int64_t[]){0, 2, 1});
    assert_true(kn_look_reshape(&swapped, 4, (const int64_t[]){2, 2, 2, 3}, &out));
    int64_t before[24], after[24];
    places(&swapped, before);
    places(&out, after);
    assert_memory_equal(before, after, sizeof before);
    assert_false(kn_look_reshape(&swapped, 2, (const int64_t[]){2, 12}, &out));

    // Axes of size 1 come and go.
    const kn_look column = kn_look_slice(&whole, 2, 1, 1, 1);
    assert_true(kn_look_reshape(&column, 2, (const int64_t[]){1, 6}, &out));
    shows(&out, 6, (const int64_t[]){1, 5, 9, 13, 17, 21});
    const kn_look none = kn_look_slice(&whole, 0, 0, 1, 0);
    assert_true(kn_look_reshape(&none, 2, (const int64_t[]){5, 0}, &out));
}

static void rows(void **state)
{
    (void)state;
    const kn_value v = value_of(3, (const int64_t[]){8, 3, 4});
    const kn_look whole = kn_look_whole(&v);
    int64_t factor = 0;
    assert_int_equal(kn_look_row_axis(&whole, &v, 8, &factor), 0);
    assert_int_equal(factor, 1);

    const kn_look t = kn_look_transpose(&whole, (const int64_t[]){2, 0, 1});
    assert_int_equal(kn_look_row_axis(&t, &v, 8, &factor), 1);

    // (batch, time) as one axis has three places per row.
    kn_look flat;
    assert_true(kn_look_reshape(&whole, 2, (const int64_t[]){24, 4}, &flat));
    assert_int_equal(kn_look_row_axis(&flat, &v, 8, &factor), 0);
    assert_int_equal(factor, 3);

    const kn_look back = kn_look_slice(&whole, 0, 7, -1, 8);
    assert_int_equal(kn_look_row_axis(&back, &v, 8, &factor), -1);
    const kn_look half = kn_look_slice(&whole, 0, 4, 1, 4);
    assert_int_equal(kn_look_row_axis(&half, &v, 8, &factor), -1);
    const kn_look part = kn_look_slice(&whole, 1, 1, 1, 2);
    assert_int_equal(kn_look_row_axis(&part, &v, 8, &factor), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves),
        cmocka_unit_test(reshapes),
        cmocka_unit_test(rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
