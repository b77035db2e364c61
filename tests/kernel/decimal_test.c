/* decimal_test.c: numbers as text: what is one and what is not, in any locale. */
#include "kernel/decimal.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void check_double(const char *text, double expected)
{
    double value = -1;
    assert_true(kn_parse_double(text, &value));
    assert_true(value == expected);
}

static void reads_numbers(void **state)
{
    (void)state;
    check_double("12", 12);
    check_double("-1.5e-3", -0.0015);
    check_double(".5", 0.5);
    check_double("1_000_000", 1e6);
    check_double("inf", INFINITY);
    check_double("-.inf", -INFINITY);
    double value;
    assert_true(kn_parse_double(".nan", &value) && isnan(value));
}

static void refuses_what_is_no_number(void **state)
{
    static const char *const texts[] = {"",    "abc", "1.2.3", "12 ",  "1_", "_1", "0x10", "1e",
                                        "--1", "1,5", "ten",   "1__0", "e5", "+",  "nano", "1f"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        double value;
        if (kn_parse_double(texts[i], &value))
            fail_msg("'%s' was read as %g", texts[i], value);
    }
    double value;
    char longer[200];
    memset(longer, '1', sizeof longer);
    longer[199] = 0;
    assert_false(kn_parse_double(longer, &value));
}

static void whole_numbers(void **state)
{
    int64_t value;
    (void)state;
    assert_true(kn_parse_int("9223372036854775807", &value) && value == INT64_MAX);
    assert_true(kn_parse_int("1e5", &value) && value == 100000);
    assert_true(kn_parse_int("3.0", &value) && value == 3);
    assert_true(kn_parse_int("-12", &value) && value == -12);
    assert_false(kn_parse_int("9223372036854775808", &value));
    assert_false(kn_parse_int("1e30", &value));
    assert_false(kn_parse_int("2.5", &value));
    assert_false(kn_parse_int("nan", &value));
    assert_false(kn_parse_int("inf", &value));
}

static void writes_shortest(void **state)
{
    char text[KN_NUMBER_BYTES];
    (void)state;
    assert_string_equal(kn_format_double(0.1, text), "0.1");
    assert_string_equal(kn_format_double(1e-8, text), "1e-08");
    assert_string_equal(kn_format_double(256, text), "256");
    assert_string_equal(kn_format_double(1.0 / 3, text), "0.3333333333333333");
}

// Every double comes back as the same bits.
static void survives_the_way_back(void **state)
{
    uint64_t seed = 7;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        double value, again;
        char text[KN_NUMBER_BYTES];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &seed, sizeof value);
        if (!isfinite(value))
            continue;
        assert_true(kn_parse_double(kn_format_double(value, text), &again));
        assert_true(again == value);
    }
}

// A program with a decimal comma must read and write the same files.
static void no_locale_matters(void **state)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "C"};
    char text[KN_NUMBER_BYTES];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        if (!setlocale(LC_ALL, names[i]))
            continue;
        check_double("0.25", 0.25);
        assert_string_equal(kn_format_double(0.25, text), "0.25");
    }
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers),         cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(whole_numbers),         cmocka_unit_test(writes_shortest),
        cmocka_unit_test(survives_the_way_back), cmocka_unit_test(no_locale_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
