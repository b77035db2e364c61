/* number_test.c: numbers by hand, and random ones against the library. */
#define _GNU_SOURCE // strtod_l
#include "number.h"

#include <kaon/test.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The code under test lies in the plugin, which exports nothing of it.
#include "number.c"

// Up to a comma, in a text with the margin it needs.
static double number(const char *text, size_t *bytes)
{
    char padded[600];
    double value = -77;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    memset(padded, ',', sizeof padded);
    memcpy(padded, text, strlen(text));
    const char *end = number_double(padded, c, &value);
    *bytes = end ? (size_t)(end - padded) : 0;
    freelocale(c);
    return value;
}

static void check(const char *text, double expected)
{
    size_t bytes = 0;
    const double value = number(text, &bytes);
    kt_near(value, expected, 0);
    kt_true(bytes == strlen(text));
    kt_true(isnan(expected) || signbit(value) == signbit(expected));
}

KT_TEST(by_hand)
{
    check("0", 0);
    check("-0", -0.0);
    check("12", 12);
    check("+1.5", 1.5);
    check(".5", 0.5);
    check("-.28", -0.28);
    check("7.", 7);
    check("1e3", 1000);
    check("1E-3", 0.001);
    check("1.25d2", 125);
    check("123456789012345678", 123456789012345678.0);
    check("0.1", 0.1);
    check("1e22", 1e22);
    check("1e23", 1e23);
    check("9007199254740993", 9007199254740992.0); // between two doubles: to the even one
    check("9007199254740995", 9007199254740996.0);
    check("2.2250738585072011e-308", 2.2250738585072011e-308); // hung other readers
    check("4.9e-324", 4.9e-324);
    check("1e-400", 0);
    check("1e400", HUGE_VAL);
    check("inf", HUGE_VAL);
    check("-Infinity", -HUGE_VAL);
    check("NaN", NAN);
    check("1.00000000000000011102230246251565404236316680908203126", 1.0000000000000002);
    check("1.00000000000000011102230246251565404236316680908203124", 1.0);
    check("0.000000000000000000000000000000000000000001", 1e-42);
    check("100000000000000000000000000000000000000d-3", 1e35);
}

KT_TEST(what_is_no_number)
{
    size_t bytes = 0;
    static const char *const texts[] = {"", "-", ".", "e5", "abc", "+-1", "--1", "- 1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        number(texts[i], &bytes);
        kt_true(bytes == 0);
    }
    kt_near(number("12abc", &bytes), 12, 0); // the rest is for the caller to refuse
    kt_true(bytes == 2);
    kt_near(number("2e", &bytes), 2, 0);
    kt_true(bytes == 1);
    kt_near(number("0x10", &bytes), 0, 0);
    kt_true(bytes == 1);
}

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// Every kind of text a program may write.
static void write_number(uint64_t *state, char *text, size_t room)
{
    const unsigned long long a = next(state) >> next(state) % 64;
    const unsigned long long b = next(state) >> next(state) % 64;
    double value;
    switch (next(state) % 5) {
    case 0:
        value = ldexp((double)(next(state) >> 11), (int)(next(state) % 2000) - 1050);
        snprintf(text, room, "%.17g", value);
        return;
    case 1:
        snprintf(text, room, "%.*e", (int)(next(state) % 20), (double)a * 1e-9);
        return;
    case 2:
        snprintf(text, room, "%llu.%llue%d", a, b, (int)(next(state) % 180) - 90);
        return;
    case 3:
        snprintf(text, room, "-%llue%d", a, (int)(next(state) % 130) - 65);
        return;
    default: // halfway between two doubles
        snprintf(text, room, "%.1f", ldexp((double)(next(state) >> 11) + 0.5, -1));
    }
}

KT_TEST(as_the_library_rounds)
{
    uint64_t state = 5;
    char text[200];
    for (int i = 0; i < 200000; i++) {
        size_t bytes = 0;
        write_number(&state, text, sizeof text);
        const double expected = strtod(text, NULL), value = number(text, &bytes);
        if (memcmp(&value, &expected, sizeof value) || bytes != strlen(text))
            kt_same_text(text, "a number read as the library does");
    }
}

KT_TEST(whole_numbers)
{
    int64_t value = 0;
    int32_t whole = 0;
    char padded[100];
    memset(padded, ',', sizeof padded);
    memcpy(padded, "-9223372036854775808", 20);
    kt_true(number_int(padded, &value) == padded + 20 && value == INT64_MIN);
    kt_true(number_skip(padded, &whole) == padded + 20 && whole == 1);
    memcpy(padded, "9223372036854775808,", 20);
    kt_true(number_int(padded, &value) == NULL);
    kt_true(number_skip(padded, &whole) == padded + 19 && whole == 0);
    memcpy(padded, "00000000000000000000000000000017,", 33);
    kt_true(number_int(padded, &value) == padded + 32 && value == 17);
    memcpy(padded, "1.0,", 4);
    kt_true(number_skip(padded, &whole) == padded + 3 && whole == 0);
}
