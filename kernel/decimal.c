/* decimal.c: numbers as text, the same in every locale. */
#include "kernel/decimal.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* strtod and printf follow the locale of the thread, and a program that embeds Kaon may have set
 * one with a decimal comma. Asking for "C" cannot fail on a POSIX system that has memory; where it
 * does, the locale that is there is used. */
static locale_t enter_c(locale_t *own)
{
    *own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return *own ? uselocale(*own) : (locale_t)0;
}

static void leave_c(locale_t own, locale_t before)
{
    if (!own)
        return;
    uselocale(before);
    freelocale(own);
}

// Copies without underscores between digits and with ".inf" as "inf"; 0 if it cannot be a number.
static int32_t plain(const char *text, char out[KN_NUMBER_BYTES * 2])
{
    const size_t length = strlen(text);
    size_t used = 0;
    if (!length || length >= KN_NUMBER_BYTES * 2 ||
        strspn(text, "0123456789+-.eE_infanINFA") != length)
        return 0;
    for (size_t i = 0; i < length; i++) {
        const char c = text[i];
        const int32_t between = i > 0 && text[i - 1] >= '0' && text[i - 1] <= '9' &&
                                text[i + 1] >= '0' && text[i + 1] <= '9';
        if (c == '_' && !between)
            return 0;
        if (c == '_' || (c == '.' && (text[i + 1] == 'i' || text[i + 1] == 'n')))
            continue;
        out[used++] = c;
    }
    out[used] = 0;
    return 1;
}

int32_t kn_parse_double(const char *text, double *out)
{
    char copy[KN_NUMBER_BYTES * 2];
    if (!plain(text, copy))
        return 0;
    locale_t own;
    const locale_t before = enter_c(&own);
    char *end = NULL;
    const double value = strtod(copy, &end);
    leave_c(own, before);
    if (end == copy || *end)
        return 0;
    *out = value;
    return 1;
}

int32_t kn_parse_int(const char *text, int64_t *out)
{
    char copy[KN_NUMBER_BYTES * 2];
    if (!plain(text, copy))
        return 0;
    char *end = NULL;
    errno = 0;
    const long long whole = strtoll(copy, &end, 10);
    if (end != copy && !*end && !errno) {
        *out = whole;
        return 1;
    }
    double value;
    // Beyond 2^53 a double no longer tells neighbouring whole numbers apart.
    if (!kn_parse_double(text, &value) || value != floor(value) || fabs(value) > 0x1p53)
        return 0;
    *out = (int64_t)value;
    return 1;
}

const char *kn_format_digits(double value, int32_t digits, char out[KN_NUMBER_BYTES])
{
    locale_t own;
    const locale_t before = enter_c(&own);
    snprintf(out, KN_NUMBER_BYTES, "%.*g", (int)digits, value);
    leave_c(own, before);
    return out;
}

const char *kn_format_double(double value, char out[KN_NUMBER_BYTES])
{
    for (int32_t digits = 15; digits <= 17; digits++) {
        double again;
        kn_format_digits(value, digits, out);
        if (kn_parse_double(out, &again) && (again == value || value != value))
            break;
    }
    return out;
}
