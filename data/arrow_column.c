/* arrow_column.c: one column of an Arrow array, looked at as numbers or texts per row. */
#include "data/arrow_column.h"

#include "kernel/tensor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 1024 }; // numbers unpacked at a time

// clang-format off
static const struct {
    char format;
    int32_t dtype;
} formats[] = {
    { 'c', KAON_I8 },  { 'C', KAON_U8 },  { 's', KAON_I16 }, { 'S', KAON_U16 },
    { 'i', KAON_I32 }, { 'I', KAON_U32 }, { 'l', KAON_I64 }, { 'L', KAON_U64 },
    { 'e', KAON_F16 }, { 'f', KAON_F32 }, { 'g', KAON_F64 }, { 'b', KAON_BOOL },
    { 'u', KN_TEXT_COLUMN }, { 'U', KN_TEXT_COLUMN },
};
// clang-format on

/* --- kinds ------------------------------------------------------------------------------------ */

static kaon_status unsupported(const char *format, kaon_diag *diag)
{
    return kaon_fail(diag, KAON_UNSUPPORTED,
                     "it is of the Arrow type '%s'; a column holds numbers, bool, text, arrays or "
                     "one level of lists of numbers",
                     format);
}

static kaon_status leaf_of(const char *format, kn_arrow_kind *out, kaon_diag *diag)
{
    for (size_t i = 0; format[0] && !format[1] && i < sizeof formats / sizeof *formats; i++) {
        if (formats[i].format != format[0])
            continue;
        out->dtype = formats[i].dtype;
        out->bits = format[0] == 'b';
        if (out->dtype == KN_TEXT_COLUMN && (out->jagged || out->rank))
            return unsupported("list of texts", diag);
        if (out->dtype == KN_TEXT_COLUMN)
            out->wide = format[0] == 'U';
        return KAON_OK;
    }
    return unsupported(format, diag);
}

kaon_status kn_arrow_kind_of(const struct ArrowSchema *schema, kn_arrow_kind *out, kaon_diag *diag)
{
    memset(out, 0, sizeof *out);
    out->width = 1;
    for (;;) {
        const char *format = schema->format;
        if (schema->dictionary)
            return unsupported("dictionary", diag);
        if (format[0] != '+')
            return leaf_of(format, out, diag);
        if (schema->n_children != 1 || !schema->children[0])
            return unsupported(format, diag);
        if (!strcmp(format, "+l") || !strcmp(format, "+L")) {
            if (out->jagged || out->rank)
                return unsupported("list of lists", diag);
            out->jagged = 1;
            out->wide = format[1] == 'L';
        } else if (!strncmp(format, "+w:", 3) && out->rank < KAON_MAX_RANK - 1) {
            const int64_t size = strtoll(format + 3, NULL, 10);
            if (size < 1 || size > (1LL << 40) / out->width)
                return unsupported(format, diag);
            out->shape[out->rank++] = size;
            out->width *= size;
        } else {
            return unsupported(format, diag);
        }
        schema = schema->children[0];
    }
}

const char *kn_arrow_kind_text(const kn_arrow_kind *kind, char *out, size_t room)
{
    int at = snprintf(out, room, "%s%s", kind->jagged ? "jagged " : "",
                      kind->dtype == KN_TEXT_COLUMN ? "text" : kaon_dtype_text(kind->dtype));
    for (int32_t i = 0; i < kind->rank && at > 0 && (size_t)at < room; i++)
        at += snprintf(out + at, room - (size_t)at, "%s%lld%s", i ? ", " : " (",
                       (long long)kind->shape[i], i + 1 == kind->rank ? ")" : "");
    return out;
}

/* --- opening ---------------------------------------------------------------------------------- */

static const uint8_t *validity(const struct ArrowArray *array)
{
    return array->null_count ? array->buffers[0] : NULL;
}

static kaon_status check_node(const struct ArrowArray *array, int64_t buffers, int64_t children,
                              kaon_diag *diag)
{
    int ok = array->length >= 0 && array->offset >= 0 && array->n_buffers == buffers &&
             array->n_children == children && array->buffers &&
             array->length < INT64_MAX - array->offset;
    for (int64_t i = 0; ok && i < children; i++)
        ok = array->children && array->children[i];
    if (ok && array->length > 0)
        for (int64_t i = 1; i < buffers; i++)
            ok &= array->buffers[i] != NULL;
    return ok ? KAON_OK
              : kaon_fail(diag, KAON_INTERNAL, "the reader made an array that is not sound");
}

static int64_t offset_at(const kn_arrow_look *look, int64_t index)
{
    return look->kind.wide ? ((const int64_t *)look->offsets)[index]
                           : ((const int32_t *)look->offsets)[index];
}

// Offsets must not fall and must stay inside what they point at.
static kaon_status check_offsets(const kn_arrow_look *look, int64_t limit, kaon_diag *diag)
{
    int64_t before = 0;
    for (int64_t i = 0; look->rows && i <= look->rows; i++) {
        const int64_t at = offset_at(look, look->row_first + i);
        if (at < before || at > limit)
            return kaon_fail(diag, KAON_INTERNAL, "the reader made offsets that are not sound");
        before = at;
    }
    return KAON_OK;
}

kaon_status kn_arrow_open(const kn_arrow_kind *kind, const struct ArrowArray *array,
                          kn_arrow_look *out, kaon_diag *diag)
{
    const int is_text = kind->dtype == KN_TEXT_COLUMN;
    int64_t needed = array->offset + array->length; // elements of the level
    memset(out, 0, sizeof *out);
    out->kind = *kind;
    out->rows = array->length;
    out->row_first = array->offset;
    out->first = array->offset;
    if (kind->jagged) {
        KAON_TRY(check_node(array, 2, 1, diag));
        const struct ArrowArray *child = array->children[0];
        out->row_valid = validity(array);
        out->offsets = array->buffers[1];
        KAON_TRY(check_offsets(out, child->length, diag));
        array = child;
        needed = array->offset + array->length;
        out->first = array->offset;
    }
    for (int32_t i = 0; i < kind->rank; i++) {
        KAON_TRY(check_node(array, 1, 1, diag));
        if (i == 0 && !kind->jagged)
            out->row_valid = validity(array);
        array = array->children[0];
        out->first = out->first * kind->shape[i] + array->offset;
        needed = needed * kind->shape[i] + array->offset;
    }
    KAON_TRY(check_node(array, is_text ? 3 : 2, 0, diag));
    if (array->offset + array->length < needed)
        return kaon_fail(diag, KAON_INTERNAL, "the reader made an array that is too short");
    out->leaf_valid = validity(array);
    if (!kind->jagged && !kind->rank)
        out->row_valid = out->leaf_valid;
    out->data = array->buffers[is_text ? 2 : 1];
    if (!is_text)
        return KAON_OK;
    out->offsets = array->buffers[1];
    return check_offsets(out, INT64_MAX, diag);
}

/* --- values ----------------------------------------------------------------------------------- */

static int32_t bit(const uint8_t *bits, int64_t index)
{
    return bits[index >> 3] >> (index & 7) & 1;
}

int32_t kn_arrow_is_null(const kn_arrow_look *look, int64_t row)
{
    return look->row_valid && !bit(look->row_valid, look->row_first + row);
}

void kn_arrow_offsets(const kn_arrow_look *look, int64_t first, int64_t count, int64_t *offsets)
{
    for (int64_t i = 0; i <= count && look->rows; i++)
        offsets[i] = offset_at(look, look->row_first + first + i);
}

static void set_missing(int32_t dtype, void *out, int64_t index)
{
    const double nan = NAN; // conversions make integers 0
    kn_convert(KAON_F64, &nan, dtype, (char *)out + (uint64_t)index * kaon_dtype_bytes(dtype), 1);
}

// Leaf elements, and NaN for those that are null.
static int64_t read_leaf(const kn_arrow_look *look, int64_t first, int64_t count, int32_t dtype,
                         char *out)
{
    const uint64_t bytes = kaon_dtype_bytes(look->kind.dtype);
    int64_t missing = 0;
    uint8_t unpacked[BLOCK];
    for (int64_t at = 0; at < count; at += BLOCK) {
        const int64_t block = count - at < BLOCK ? count - at : BLOCK;
        const void *from = (const char *)look->data + (uint64_t)(first + at) * bytes;
        if (look->kind.bits) {
            for (int64_t i = 0; i < block; i++)
                unpacked[i] = (uint8_t)bit(look->data, first + at + i);
            from = unpacked;
        }
        kn_convert(look->kind.dtype, from, dtype, out + (uint64_t)at * kaon_dtype_bytes(dtype),
                   block);
    }
    for (int64_t i = 0; look->leaf_valid && i < count; i++) {
        if (bit(look->leaf_valid, first + i))
            continue;
        set_missing(dtype, out, i);
        missing++;
    }
    return missing;
}

int64_t kn_arrow_numbers(const kn_arrow_look *look, int64_t first, int64_t count, int32_t dtype,
                         void *out)
{
    const int64_t width = look->kind.width;
    int64_t missing = read_leaf(look, look->first + first * width, count * width, dtype, out);
    if (look->kind.jagged || !look->kind.rank || !look->row_valid)
        return missing;
    for (int64_t i = 0; i < count; i++) {
        if (!kn_arrow_is_null(look, first + i))
            continue;
        for (int64_t j = 0; j < width; j++)
            set_missing(dtype, out, i * width + j);
        missing++;
    }
    return missing;
}

const char *kn_arrow_text(const kn_arrow_look *look, int64_t row, size_t *bytes)
{
    const int64_t from = offset_at(look, look->row_first + row);
    *bytes = (size_t)(offset_at(look, look->row_first + row + 1) - from);
    return (const char *)look->data + from;
}

const char *kn_arrow_metadata(const char *metadata, const char *key, size_t *bytes)
{
    int32_t count = 0;
    if (!metadata)
        return NULL;
    memcpy(&count, metadata, sizeof count);
    const char *at = metadata + sizeof count;
    for (int32_t i = 0; i < count; i++) {
        int32_t key_bytes, value_bytes;
        memcpy(&key_bytes, at, sizeof key_bytes);
        const char *name = at + sizeof key_bytes;
        if (key_bytes < 0)
            return NULL;
        memcpy(&value_bytes, name + key_bytes, sizeof value_bytes);
        const char *value = name + key_bytes + sizeof value_bytes;
        if (value_bytes < 0)
            return NULL;
        if ((size_t)key_bytes == strlen(key) && !memcmp(name, key, (size_t)key_bytes)) {
            *bytes = (size_t)value_bytes;
            return value;
        }
        at = value + value_bytes;
    }
    return NULL;
}
