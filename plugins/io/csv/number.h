/* number.h: numbers in text, fast and correctly rounded, the same in every locale. */
#ifndef CSV_NUMBER_H
#define CSV_NUMBER_H

#include <locale.h>
#include <stdint.h>

enum { NUMBER_MARGIN = 64 }; // bytes behind the text that may be read

/* The number at `p`: sign, digits, point, exponent (e, E, d, D); inf, infinity, nan in any case.
 * Returns its end, or NULL if there is none. `c` is the C locale. The text ends with a byte that no
 * number has, and has a margin. [any] */
const char *number_double(const char *p, locale_t c, double *out);

/* A whole number that fits; NULL otherwise (a point or an exponent may follow: look at the end). */
const char *number_int(const char *p, int64_t *out);

/* The same grammar without its value: 1 in *whole if it is a whole number that fits. */
const char *number_skip(const char *p, int32_t *whole);

#endif
