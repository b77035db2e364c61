/* tensor_test.c: tensors live as long as somebody holds them, DLPack goes both ways, types convert.
 */
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "kernel/tensor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;

static kaon_tensor *make(int32_t dtype, int32_t rank, const int64_t *shape)
{
    kn_diag_init(&fault);
    kaon_tensor *t = NULL;
    assert_int_equal(kn_tensor_new(dtype, rank, shape, &t, &fault.diag), KAON_OK);
    return t;
}

static void a_tensor_is_cleared_and_row_major(void **state)
{
    (void)state;
    kaon_tensor *t = make(KAON_F32, 2, (const int64_t[]){2, 3});
    const kaon_view *view = kn_tensor_view(t);
    assert_int_equal(view->strides[0], 3);
    assert_int_equal(view->strides[1], 1);
    for (int i = 0; i < 6; i++)
        assert_float_equal(((const float *)view->data)[i], 0, 0);
    kn_tensor_release(t);
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    kaon_tensor *t = NULL;
    kn_diag_init(&fault);
    assert_int_equal(kn_tensor_new(99, 1, (const int64_t[]){1}, &t, &fault.diag), KAON_INVALID);
    assert_int_equal(kn_tensor_new(KAON_F32, 9, (const int64_t[9]){1}, &t, &fault.diag),
                     KAON_INVALID);
    assert_int_equal(kn_tensor_new(KAON_F32, 1, (const int64_t[]){-1}, &t, &fault.diag),
                     KAON_INVALID);
    assert_int_equal(kn_tensor_new(KAON_F64, 3, (const int64_t[]){INT64_MAX / 2, INT64_MAX / 2, 8},
                                   &t, &fault.diag),
                     KAON_INVALID);
    assert_null(t);
}

static void dlpack_there_and_back(void **state)
{
    (void)state;
    const int64_t before = kn_memory_count().blocks;
    kaon_tensor *t = make(KAON_F64, 2, (const int64_t[]){2, 2});
    double *values = kn_tensor_view(t)->data;
    for (int i = 0; i < 4; i++)
        values[i] = i;

    DLManagedTensorVersioned *out = NULL;
    assert_int_equal(kn_tensor_api.to_dlpack(t, &out, &fault.diag), KAON_OK);
    kn_tensor_release(t); // the export holds it
    assert_int_equal(out->dl_tensor.dtype.code, 2);
    assert_int_equal(out->dl_tensor.dtype.bits, 64);

    kaon_tensor *back = NULL;
    assert_int_equal(kn_tensor_api.from_dlpack(NULL, out, &back, &fault.diag), KAON_OK);
    assert_ptr_equal(kn_tensor_view(back)->data, values);
    assert_float_equal(((const double *)kn_tensor_view(back)->data)[3], 3, 0);
    kn_tensor_release(back);
    assert_int_equal(kn_memory_count().blocks, before);
}

static int deleted;

static void count_deleter(DLManagedTensorVersioned *self)
{
    (void)self;
    deleted++;
}

static void dlpack_of_another_version_stays_the_callers(void **state)
{
    (void)state;
    float values[4] = {1, 2, 3, 4};
    int64_t shape[] = {2, 2}, strides[] = {1, 2};
    DLManagedTensorVersioned given = {
        .version = {2, 0},
        .deleter = count_deleter,
        .dl_tensor = {.data = values,
                      .device = {1, 0},
                      .ndim = 2,
                      .dtype = {2, 32, 1},
                      .shape = shape,
                      .strides = strides},
    };
    kaon_tensor *t = NULL;
    kn_diag_init(&fault);
    assert_int_equal(kn_tensor_api.from_dlpack(NULL, &given, &t, &fault.diag), KAON_INCOMPATIBLE);
    given.version.major = 1;
    given.dl_tensor.dtype.lanes = 4;
    assert_int_equal(kn_tensor_api.from_dlpack(NULL, &given, &t, &fault.diag), KAON_UNSUPPORTED);
    given.dl_tensor.dtype.lanes = 1;
    given.dl_tensor.device.device_type = KAON_DEVICE_CUDA;
    assert_int_equal(kn_tensor_api.from_dlpack(NULL, &given, &t, &fault.diag), KAON_UNSUPPORTED);
    assert_int_equal(deleted, 0);

    given.dl_tensor.device.device_type = KAON_DEVICE_CPU;
    assert_int_equal(kn_tensor_api.from_dlpack(NULL, &given, &t, &fault.diag), KAON_OK);
    kaon_tensor *copy = NULL; // strided in, row-major out, another type
    assert_int_equal(kn_tensor_api.copy(NULL, kn_tensor_view(t), KAON_I32, &copy, &fault.diag),
                     KAON_OK);
    const int32_t expected[] = {1, 3, 2, 4};
    assert_memory_equal(kn_tensor_view(copy)->data, expected, sizeof expected);
    kn_tensor_release(copy);
    kn_tensor_release(t);
    assert_int_equal(deleted, 1);
}

static void all_pairs_of_types_convert(void **state)
{
    (void)state;
    const double numbers[] = {0, 1, 5, 100};
    for (int32_t from = 0; from < KAON_DTYPE_COUNT; from++) {
        for (int32_t to = 0; to < KAON_DTYPE_COUNT; to++) {
            char a[32], b[32];
            double back[4];
            kn_convert(KAON_F64, numbers, from, a, 4);
            kn_convert(from, a, to, b, 4);
            kn_convert(to, b, KAON_F64, back, 4);
            const int is_bool = from == KAON_BOOL || to == KAON_BOOL;
            for (int i = 0; i < 4; i++)
                assert_float_equal(back[i], (float)(is_bool ? numbers[i] != 0 : numbers[i]), 0);
        }
    }
}

static void conversions_keep_to_their_range(void **state)
{
    (void)state;
    const double numbers[] = {NAN, 1e30, -1e30, -2.9};
    int8_t small[4];
    kn_convert(KAON_F64, numbers, KAON_I8, small, 4);
    const int8_t expected[] = {0, 127, -128, -2};
    assert_memory_equal(small, expected, sizeof small);
    float single[4];
    kn_convert(KAON_F64, numbers, KAON_F32, single, 4);
    assert_true(isnan(single[0]));
}

static void views_of_any_strides(void **state)
{
    (void)state;
    const float values[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const int64_t shape[] = {2, 3, 2}, backward[] = {6, -2, 1}, repeated[] = {0, 2, 1};
    kaon_view view = {.size = sizeof view,
                      .dtype = KAON_F32,
                      .device_type = KAON_DEVICE_CPU,
                      .rank = 3,
                      .shape = shape,
                      .strides = backward,
                      .data = (void *)(uintptr_t)(values + 4)};
    double out[12];
    kn_view_copy(&view, KAON_F64, out);
    const double expected[] = {4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7};
    assert_memory_equal(out, expected, sizeof out);
    view.data = (void *)(uintptr_t)values;
    view.strides = repeated;
    kn_view_copy(&view, KAON_F64, out);
    const double twice[] = {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5};
    assert_memory_equal(out, twice, sizeof out);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    kn_diag_init(&fault);
    for (int64_t n = 1; n <= 2; n++) {
        kaon_tensor *t = NULL;
        kn_memory_fail(n, KN_FAIL_ONCE);
        assert_int_equal(kn_tensor_new(KAON_F32, 0, NULL, &t, &fault.diag), KAON_NO_MEMORY);
        kn_memory_fail(0, KN_FAIL_ONCE);
        assert_null(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tensor_is_cleared_and_row_major),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(dlpack_there_and_back),
        cmocka_unit_test(dlpack_of_another_version_stays_the_callers),
        cmocka_unit_test(all_pairs_of_types_convert),
        cmocka_unit_test(conversions_keep_to_their_range),
        cmocka_unit_test(views_of_any_strides),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
