/* arrow_read.h: sugar for writers: the values of Arrow columns, one by one.
 *
 * A column of numbers, bools, texts, or fixed-size arrays of numbers; jagged ones are seen as such
 * and not opened.
 */
#ifndef KAON_ARROW_READ_H
#define KAON_ARROW_READ_H

#include <kaon/arrow.h>
#include <kaon/base.h>

#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { KAON_ARROW_TEXT = -1, KAON_ARROW_OTHER = -2 }; // in place of a dtype

/* What a schema says of one column. */
typedef struct kaon_arrow_kind {
    int32_t dtype; // or KAON_ARROW_*: OTHER also for jagged columns
    char format;   // of one value
    int32_t rank;  // axes of each row's value, 0: one number
    int64_t shape[KAON_MAX_RANK];
    int64_t width; // numbers per row
} kaon_arrow_kind;

static inline int32_t kaon_arrow_dtype(char format)
{
    static const char formats[] = "fge_csilCSILb"; // ORDER dtype
    const char *at = format ? strchr(formats, format) : NULL;
    return format == 'u'         ? KAON_ARROW_TEXT
           : at && format != '_' ? (int32_t)(at - formats)
                                 : KAON_ARROW_OTHER;
}

// [any]
static inline kaon_arrow_kind kaon_arrow_kind_of(const struct ArrowSchema *schema)
{
    kaon_arrow_kind kind;
    memset(&kind, 0, sizeof kind);
    kind.width = 1;
    while (!strncmp(schema->format, "+w:", 3) && kind.rank < KAON_MAX_RANK - 1) {
        kind.shape[kind.rank] = strtoll(schema->format + 3, NULL, 10);
        kind.width *= kind.shape[kind.rank++];
        schema = schema->children[0];
    }
    kind.format = schema->format[0];
    kind.dtype = schema->format[1] || schema->dictionary ? (int32_t)KAON_ARROW_OTHER
                                                         : kaon_arrow_dtype(kind.format);
    return kind;
}

/* A column of one array. */
typedef struct kaon_arrow_leaf {
    const struct ArrowArray *array;
    int64_t first; // element of row 0
    kaon_arrow_kind kind;
} kaon_arrow_leaf;

// Not for columns of dtype KAON_ARROW_OTHER. [any]
static inline kaon_arrow_leaf kaon_arrow_leaf_of(const kaon_arrow_kind *kind,
                                                 const struct ArrowArray *array)
{
    kaon_arrow_leaf leaf;
    leaf.kind = *kind;
    leaf.first = array->offset;
    for (int32_t i = 0; i < kind->rank; i++) {
        array = array->children[0];
        leaf.first = leaf.first * kind->shape[i] + array->offset;
    }
    leaf.array = array;
    return leaf;
}

// Values are counted from 0, `width` of them per row. [any]
static inline int32_t kaon_arrow_is_null(const kaon_arrow_leaf *leaf, int64_t value)
{
    const uint8_t *valid = (const uint8_t *)leaf->array->buffers[0];
    const int64_t at = leaf->first + value;
    return leaf->array->null_count && valid && !(valid[at >> 3] >> (at & 7) & 1);
}

static inline const char *kaon_arrow_text(const kaon_arrow_leaf *leaf, int64_t value,
                                          int32_t *bytes)
{
    const int32_t *offsets = (const int32_t *)leaf->array->buffers[1] + leaf->first + value;
    *bytes = offsets[1] - offsets[0];
    return (const char *)leaf->array->buffers[2] + offsets[0];
}

// Of numbers other than bool, where it lies.
static inline const void *kaon_arrow_value(const kaon_arrow_leaf *leaf, int64_t value)
{
    return (const char *)leaf->array->buffers[1] +
           (uint64_t)(leaf->first + value) * kaon_dtype_bytes(leaf->kind.dtype);
}

// Of bool.
static inline int32_t kaon_arrow_bit(const kaon_arrow_leaf *leaf, int64_t value)
{
    const uint8_t *bits = (const uint8_t *)leaf->array->buffers[1];
    const int64_t at = leaf->first + value;
    return bits[at >> 3] >> (at & 7) & 1;
}

#ifdef __cplusplus
}
#endif
#endif
