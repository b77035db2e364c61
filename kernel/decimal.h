/* decimal.h: numbers as text, the same in every locale: what is written reads back as the same bits.
 */
#ifndef KN_DECIMAL_H
#define KN_DECIMAL_H

#include <kaon/base.h>

enum { KN_NUMBER_BYTES = 40 };

/* 1 if all of `text` is one number: 12, -1.5e-3, inf, .inf, nan. Underscores may stand between
 * digits. [any] */
int32_t kn_parse_double(const char *text, double *out);

/* 1 if all of `text` is one whole number that fits; 1e5 and 3.0 are. [any] */
int32_t kn_parse_int(const char *text, int64_t *out);

/* The shortest text that reads back as the same double (of 15, 16, 17 digits); returns `out`. [any]
 */
const char *kn_format_double(double value, char out[KN_NUMBER_BYTES]);

/* With `digits` significant ones, for people. [any] */
const char *kn_format_digits(double value, int32_t digits, char out[KN_NUMBER_BYTES]);

#endif
