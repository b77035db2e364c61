/* arrow_column.h: one column of an Arrow array, looked at as numbers or texts per row.
 *
 * What Arrow nests (list of fixed-size list of f32) is here one kind: jagged or not, the axes of
 * one value, its dtype. Everything an array states is checked before it is used.
 */
#ifndef KN_ARROW_COLUMN_H
#define KN_ARROW_COLUMN_H

#include <kaon/arrow.h>
#include <kaon/base.h>

enum { KN_TEXT_COLUMN = -1 }; // in place of a dtype

typedef struct kn_arrow_kind {
    int32_t dtype;  // or KN_TEXT_COLUMN
    int32_t jagged; // a list of values per row
    int32_t wide;   // its offsets, or those of texts, have 64 bits
    int32_t bits;   // bool, one bit each
    int32_t rank;   // axes of one value, 0: a number
    int64_t shape[KAON_MAX_RANK];
    int64_t width; // numbers in one value
} kn_arrow_kind;

/* KAON_UNSUPPORTED, in words, where a column is of a kind no tensor can hold. [any] */
kaon_status kn_arrow_kind_of(const struct ArrowSchema *schema, kn_arrow_kind *out, kaon_diag *diag);

/* "f32", "i64 (28, 28)", "jagged f32", "text", into `room` bytes; returns `out`. [any] */
const char *kn_arrow_kind_text(const kn_arrow_kind *kind, char *out, size_t room);

/* A column of an array, opened; borrowed from it. */
typedef struct kn_arrow_look {
    kn_arrow_kind kind;
    int64_t rows;
    int64_t first; // element of the leaf that row 0 (jagged: value 0) begins at
    int64_t row_first;
    const uint8_t *row_valid;  // bits, NULL: all are
    const uint8_t *leaf_valid; // bits, NULL: all are
    const void *data;          // of the leaf
    const void *offsets;       // of lists or texts
} kn_arrow_look;

kaon_status kn_arrow_open(const kn_arrow_kind *kind, const struct ArrowArray *array,
                          kn_arrow_look *out, kaon_diag *diag);

/* Jagged: rows first .. first + count have the values offsets[0] .. offsets[count] (count + 1
 * numbers). [any] */
void kn_arrow_offsets(const kn_arrow_look *look, int64_t first, int64_t count, int64_t *offsets);

/* Values `first` .. `first + count - 1` (rows if not jagged, else as kn_arrow_offsets counts), each
 * `width` numbers, as dtype. Missing ones are NaN in floats and 0 in integers; returns how many
 * there are. [any] */
int64_t kn_arrow_numbers(const kn_arrow_look *look, int64_t first, int64_t count, int32_t dtype,
                         void *out);

/* 1 if a row is null as a whole. [any] */
int32_t kn_arrow_is_null(const kn_arrow_look *look, int64_t row);

/* The text of a row; borrowed, no zero byte. [any] */
const char *kn_arrow_text(const kn_arrow_look *look, int64_t row, size_t *bytes);

/* The value of a key in a schema's metadata, its length in *bytes; NULL if it is not there. [any]
 */
const char *kn_arrow_metadata(const char *metadata, const char *key, size_t *bytes);

#endif
