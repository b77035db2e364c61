/* element_test.c: small floating-point formats against their definition. */
#include "kernel/element.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void known_halves(void **state)
{
    (void)state;
    assert_int_equal(kn_to_f16(1), 0x3c00);
    assert_int_equal(kn_to_f16(-2), 0xc000);
    assert_int_equal(kn_to_f16(65504), 0x7bff);   // the largest
    assert_int_equal(kn_to_f16(65520), 0x7c00);   // halfway to the next: infinity
    assert_int_equal(kn_to_f16(65519), 0x7bff);   //
    assert_int_equal(kn_to_f16(0x1p-24), 0x0001); // the smallest
    assert_int_equal(kn_to_f16(0x1p-25), 0x0000); // half of it: to even
    assert_int_equal(kn_to_f16(0x1.8p-24), 0x0002);
    assert_int_equal(kn_to_f16(2049), 0x6800); // halfway between 2048 and 2050: to even
    assert_int_equal(kn_to_f16(-0.0), 0x8000);
    assert_int_equal(kn_to_bf16(1), 0x3f80);
    assert_int_equal(kn_to_bf16(1.00390625), 0x3f80); // 1 + 2^-8: to even
    assert_int_equal(kn_to_bf16(-INFINITY), 0xff80);
}

static void halves_survive(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        const float half = kn_from_f16((uint16_t)bits);
        const float brain = kn_from_bf16((uint16_t)bits);
        if (!isnan(half))
            assert_int_equal(kn_to_f16(half), bits);
        else
            assert_true(isnan(kn_from_f16(kn_to_f16(half))));
        if (!isnan(brain))
            assert_int_equal(kn_to_bf16(brain), bits);
        else
            assert_true(isnan(kn_from_bf16(kn_to_bf16(brain))));
    }
}

static void every_type_keeps_one(void **state)
{
    (void)state;
    for (int32_t dtype = 0; dtype < KAON_DTYPE_COUNT; dtype++) {
        double room[2] = {0, 0};
        kn_element_put(dtype, room, 1, 1);
        assert_true(kn_element_get(dtype, room, 1) == 1);
        assert_true(kn_element_get(dtype, room, 0) == 0);
    }
}

static void integers_stay_in_range(void **state)
{
    (void)state;
    int8_t small;
    uint64_t large;
    int64_t wide;
    kn_element_put(KAON_I8, &small, 0, -1000);
    assert_int_equal(small, -128);
    kn_element_put(KAON_I8, &small, 0, 3.9);
    assert_int_equal(small, 3);
    kn_element_put(KAON_I8, &small, 0, NAN);
    assert_int_equal(small, 0);
    kn_element_put(KAON_U64, &large, 0, INFINITY);
    assert_true(large == UINT64_MAX);
    kn_element_put(KAON_I64, &wide, 0, 0x1p63);
    assert_true(wide == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_halves),
        cmocka_unit_test(halves_survive),
        cmocka_unit_test(every_type_keeps_one),
        cmocka_unit_test(integers_stay_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
