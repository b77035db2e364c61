/* number.c: numbers in text, fast and correctly rounded, the same in every locale.
 *
 * Up to 19 digits become an integer w and a power of ten q. Where both are exact doubles one
 * operation rounds w 10^q correctly (Clinger, doi:10.1145/93542.93557); else a 128-bit product does
 * (Lemire, arXiv:2101.11408); strtod does the rest: more digits, subnormal or huge numbers.
 */
#define _GNU_SOURCE // strtod_l
#include "number.h"

#include "powers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DIGITS = 19, EXACT_POWER = 22, LONGEST = 400 };

static const double exact_powers[EXACT_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// What the text says before it is made a double.
typedef struct parts {
    uint64_t digits; // the first 19 significant ones
    int64_t power;   // of ten
    int32_t negative;
    int32_t exact;   // no digit was left out
    int32_t whole;   // neither point nor exponent
    int32_t fortran; // an exponent with d
} parts;

/* --- digits ----------------------------------------------------------------------------------- */

static int is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static int little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

// Eight digits at once, as bytes of a word.
static int all_digits(uint64_t v)
{
    return ((v & 0xF0F0F0F0F0F0F0F0u) | (((v + 0x0606060606060606u) & 0xF0F0F0F0F0F0F0F0u) >> 4)) ==
           0x3333333333333333u;
}

static uint64_t eight_digits(uint64_t v)
{
    v = (v & 0x0F0F0F0F0F0F0F0Fu) * 2561 >> 8;
    v = (v & 0x00FF00FF00FF00FFu) * 6553601 >> 16;
    return (v & 0x0000FFFF0000FFFFu) * 42949672960001 >> 32;
}

static const char *add_digits(const char *p, uint64_t *value)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    while (little_endian() && all_digits(word)) {
        *value = *value * 100000000 + eight_digits(word);
        p += 8;
        memcpy(&word, p, sizeof word);
    }
    for (; is_digit(*p); p++)
        *value = *value * 10 + (uint64_t)(*p - '0');
    return p;
}

// Again, digit by digit, where there are more than fit: the first 19, and where the point stands.
static void add_long(const char *p, const char *end, parts *out)
{
    int64_t count = 0, behind = 0, left_out = 0;
    int32_t point = 0;
    out->digits = 0;
    for (; p < end; p++) {
        if (*p == '.') {
            point = 1;
            continue;
        }
        behind += point;
        if (count == 0 && *p == '0')
            continue;
        if (count++ < MOST_DIGITS) {
            out->digits = out->digits * 10 + (uint64_t)(*p - '0');
        } else {
            left_out++;
            out->exact &= *p == '0';
        }
    }
    out->power = left_out - behind;
}

static const char *read_exponent(const char *p, parts *out)
{
    const char *at = p + 1;
    int64_t power = 0;
    const int32_t negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    if (!is_digit(*at))
        return p; // "2e" is the number 2 and something else
    for (; is_digit(*at); at++)
        power = power < 100000 ? power * 10 + (*at - '0') : power;
    out->power += negative ? -power : power;
    out->whole = 0;
    out->fortran = (*p | 0x20) == 'd';
    return at;
}

static const char *read_parts(const char *p, parts *out)
{
    *out = (parts){.exact = 1, .whole = 1};
    out->negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    const char *start = p;
    p = add_digits(p, &out->digits);
    int64_t count = p - start;
    if (*p == '.') {
        const char *point = ++p;
        p = add_digits(p, &out->digits);
        out->power = point - p;
        out->whole = 0;
        count += p - point;
    }
    if (count == 0)
        return NULL;
    if (count > MOST_DIGITS)
        add_long(start, p, out);
    const char letter = (char)(*p | 0x20);
    return letter == 'e' || letter == 'd' ? read_exponent(p, out) : p;
}

/* --- words ------------------------------------------------------------------------------------ */

static const char *after_word(const char *p, const char *word)
{
    for (; *word; p++, word++)
        if ((*p | 0x20) != *word)
            return NULL;
    return p;
}

static const char *read_word(const char *p, double *out)
{
    const int32_t negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    const char *end = after_word(p, "infinity");
    end = end ? end : after_word(p, "inf");
    *out = negative ? -HUGE_VAL : HUGE_VAL;
    if (end)
        return end;
    end = after_word(p, "nan");
    *out = NAN;
    return end;
}

/* --- rounding --------------------------------------------------------------------------------- */

static void multiply(uint64_t a, uint64_t b, uint64_t *high, uint64_t *low)
{
    const uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    const uint64_t other = a0 * b1 + (uint32_t)middle;
    *high = a1 * b1 + (middle >> 32) + (other >> 32);
    *low = a * b;
}

static int leading_zeros(uint64_t v)
{
    int count = 0;
    for (int step = 32; step; step >>= 1)
        if (!(v >> (64 - step))) {
            count += step;
            v <<= step;
        }
    return count;
}

// w 10^q, w > 0, in the range of powers.h, whose results are all normal numbers. Algorithm 1 of the
// paper.
static double round_product(uint64_t w, int64_t q)
{
    const uint64_t *five = powers_of_five[q - POWERS_FIRST];
    const int zeros = leading_zeros(w);
    uint64_t high, low;
    w <<= zeros;
    multiply(w, five[0], &high, &low);
    if ((high & 0x1FF) == 0x1FF) { // the lower half of the power may matter
        uint64_t more, rest;
        multiply(w, five[1], &more, &rest);
        low += more;
        high += low < more;
    }
    const int upper = (int)(high >> 63);
    const int shift = upper + 64 - 52 - 3;
    uint64_t mantissa = high >> shift;
    int64_t exponent = (((152170 + 65536) * q) >> 16) + 63 + upper - zeros + 1023;
    // Exactly between two doubles: to the even one.
    if (low <= 1 && q >= -4 && q <= 23 && (mantissa & 3) == 1 && mantissa << shift == high)
        mantissa &= ~(uint64_t)1;
    mantissa = (mantissa + (mantissa & 1)) >> 1;
    if (mantissa >= (uint64_t)2 << 52) {
        mantissa = (uint64_t)1 << 52;
        exponent++;
    }
    const uint64_t bits = (mantissa & ~((uint64_t)1 << 52)) | (uint64_t)exponent << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// 0: nobody writes a Fortran exponent behind so many digits.
static int by_library(const char *start, const char *end, int32_t fortran, locale_t c, double *out)
{
    char copy[LONGEST];
    const size_t bytes = (size_t)(end - start);
    const char *from = start;
    if (fortran) {
        if (bytes >= sizeof copy)
            return 0;
        for (size_t i = 0; i < bytes; i++)
            copy[i] = (char)((start[i] | 0x20) == 'd' ? 'e' : start[i]);
        copy[bytes] = 0;
        from = copy;
    }
    *out = strtod_l(from, NULL, c);
    return 1;
}

// What nearly all numbers are: up to 19 digits, an exact double, an exact power of ten. Signs and
// digits of measurements are random, so the way through has no branch on them. NULL: look closer.
static const char *read_plain(const char *p, double *out)
{
    static const double signs[] = {1, -1};
    const int negative = *p == '-';
    uint64_t digits = 0, word;
    int64_t power = 0;
    p += negative | (*p == '+');
    const char *start = p;
    for (; is_digit(*p); p++)
        digits = digits * 10 + (uint64_t)(*p - '0');
    int64_t count = p - start;
    if (*p == '.') {
        const char *point = ++p;
        memcpy(&word, p, sizeof word);
        if (little_endian() && all_digits(word)) {
            digits = digits * 100000000 + eight_digits(word);
            p += 8;
        }
        for (; is_digit(*p); p++)
            digits = digits * 10 + (uint64_t)(*p - '0');
        power = point - p;
        count += p - point;
    }
    if (count == 0 || count > MOST_DIGITS)
        return NULL;
    if ((*p | 0x20) == 'e') {
        const int down = p[1] == '-';
        const char *at = p + 1 + (down | (p[1] == '+'));
        if (!is_digit(at[0]))
            return NULL;
        int64_t exponent = at[0] - '0';
        at++;
        if (is_digit(at[0]))
            exponent = exponent * 10 + *at++ - '0';
        if (is_digit(at[0]))
            return NULL;
        power += down ? -exponent : exponent;
        p = at;
    }
    if (digits > (uint64_t)1 << 53 || power < -EXACT_POWER || power > EXACT_POWER ||
        (*p | 0x20) == 'd')
        return NULL;
    const double value = (double)digits * signs[negative];
    *out = power < 0 ? value / exact_powers[-power] : value * exact_powers[power];
    return p;
}

const char *number_double(const char *p, locale_t c, double *out)
{
    const char *plain = read_plain(p, out);
    if (plain)
        return plain;
    parts n;
    const char *end = read_parts(p, &n);
    if (!end)
        return read_word(p, out);
    const int64_t q = n.power;
    double value;
    if (n.digits == 0)
        value = 0;
    else if (n.exact && n.digits <= (uint64_t)1 << 53 && q >= -EXACT_POWER && q <= EXACT_POWER)
        value = q < 0 ? (double)n.digits / exact_powers[-q] : (double)n.digits * exact_powers[q];
    else if (n.exact && q >= POWERS_FIRST && q <= POWERS_LAST)
        value = round_product(n.digits, q);
    else
        return by_library(p, end, n.fortran, c, out) ? end : NULL;
    *out = n.negative ? -value : value;
    return end;
}

const char *number_int(const char *p, int64_t *out)
{
    const int32_t negative = *p == '-';
    if (*p == '-' || *p == '+')
        p++;
    const char *start = p;
    uint64_t value = 0;
    while (*p == '0')
        p++;
    const char *first = p;
    p = add_digits(p, &value);
    if (p == start || p - first > MOST_DIGITS || value > (uint64_t)INT64_MAX + (uint64_t)negative)
        return NULL;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return p;
}

const char *number_skip(const char *p, int32_t *whole)
{
    parts n;
    int64_t fits;
    double unused;
    const char *end = read_parts(p, &n);
    *whole = 0;
    if (!end)
        return read_word(p, &unused);
    *whole = n.whole && number_int(p, &fits) == end;
    return end;
}
