/* arrow_json.c: Arrow values for people. */
#include "data/arrow_json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- types ------------------------------------------------------------------------------------ */

// The one-letter formats. `read` gives the value at an index as a double.
#define NUMBER_READ(name, type)                                                                    \
    static double read_##name(const void *at, int64_t i)                                           \
    {                                                                                              \
        return (double)((const type *)at)[i];                                                      \
    }
NUMBER_READ(i8, int8_t)
NUMBER_READ(u8, uint8_t)
NUMBER_READ(i16, int16_t)
NUMBER_READ(u16, uint16_t)
NUMBER_READ(i32, int32_t)
NUMBER_READ(u32, uint32_t)
NUMBER_READ(i64, int64_t)
NUMBER_READ(u64, uint64_t)
NUMBER_READ(f32, float)
NUMBER_READ(f64, double)

static double read_bit(const void *at, int64_t i)
{
    return ((const uint8_t *)at)[i / 8] >> (i % 8) & 1;
}

static const struct format {
    char letter;
    int32_t whole;
    const char *text;
    double (*read)(const void *at, int64_t i);
} formats[] = {
    {'c', 1, "i8", read_i8},   {'C', 1, "u8", read_u8},    {'s', 1, "i16", read_i16},
    {'S', 1, "u16", read_u16}, {'i', 1, "i32", read_i32},  {'I', 1, "u32", read_u32},
    {'l', 1, "i64", read_i64}, {'L', 1, "u64", read_u64},  {'f', 0, "f32", read_f32},
    {'g', 0, "f64", read_f64}, {'b', 1, "bool", read_bit},
};

static const struct format *format_of(const struct ArrowSchema *schema)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (schema->format[0] == formats[i].letter && !schema->format[1])
            return &formats[i];
    return NULL;
}

static int32_t is_text(const struct ArrowSchema *schema)
{
    return !strcmp(schema->format, "u");
}

static int32_t is_list(const struct ArrowSchema *schema)
{
    return !strcmp(schema->format, "+l") && schema->n_children == 1;
}

static int64_t fixed_width(const struct ArrowSchema *schema)
{
    return !strncmp(schema->format, "+w:", 3) && schema->n_children == 1
               ? strtoll(schema->format + 3, NULL, 10)
               : 0;
}

const char *kn_arrow_type(const struct ArrowSchema *schema, char *out, size_t room)
{
    char inner[96], below[64];
    const struct format *format = format_of(schema);
    if (format)
        snprintf(out, room, "%s", format->text);
    else if (is_text(schema))
        snprintf(out, room, "text");
    else if (is_list(schema))
        snprintf(out, room, "list of %s", kn_arrow_type(schema->children[0], inner, sizeof inner));
    else if (fixed_width(schema)) {
        kn_arrow_type(schema->children[0], inner, sizeof inner);
        char *bracket = strchr(inner, '[');
        snprintf(below, sizeof below, "%.60s", bracket ? bracket : "");
        if (bracket)
            *bracket = 0;
        snprintf(out, room, "%s[%lld]%s", inner, (long long)fixed_width(schema), below);
    } else
        snprintf(out, room, "%.40s", schema->format);
    return out;
}

/* --- values ----------------------------------------------------------------------------------- */

static int32_t is_missing(const struct ArrowArray *array, int64_t row)
{
    const uint8_t *valid = array->n_buffers ? array->buffers[0] : NULL;
    const int64_t at = row + array->offset;
    return valid && !(valid[at / 8] >> (at % 8) & 1);
}

// The names of an integer column's values, from the field's metadata; NULL: it has none.
static const char *labels_of(const struct ArrowSchema *schema, int32_t *bytes)
{
    static const char key[] = "kaon.labels";
    const char *at = schema->metadata;
    int32_t pairs, length;
    if (!at)
        return NULL;
    memcpy(&pairs, at, sizeof pairs);
    at += 4;
    for (; pairs > 0; pairs--) {
        memcpy(&length, at, sizeof length);
        const int32_t found = length == (int32_t)strlen(key) && !memcmp(at + 4, key, strlen(key));
        at += 4 + length;
        memcpy(bytes, at, sizeof *bytes);
        at += 4;
        if (found)
            return at;
        at += *bytes;
    }
    return NULL;
}

// The name of the value `number`; NULL: none.
static json_t *label(const struct ArrowSchema *schema, int64_t number)
{
    int32_t bytes = 0;
    const char *at = labels_of(schema, &bytes), *end = at + bytes;
    for (; at && at <= end; number--) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        const char *last = stop ? stop : end;
        if (number == 0)
            return json_stringn(at, (size_t)(last - at));
        if (!stop)
            break;
        at = stop + 1;
    }
    return NULL;
}

static json_t *number_json(const struct ArrowSchema *schema, const struct format *format,
                           double value)
{
    json_t *name = format->whole && schema->metadata ? label(schema, (int64_t)value) : NULL;
    if (name)
        return name;
    if (format->letter == 'b')
        return json_boolean(value != 0);
    if (format->whole && fabs(value) < 0x1p62)
        return json_integer((json_int_t)value);
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *list_json(const struct ArrowSchema *schema, const struct ArrowArray *array,
                         int64_t first, int64_t last)
{
    json_t *list = json_array();
    for (int64_t i = first; i < last; i++)
        json_array_append_new(list, kn_arrow_value(schema->children[0], array->children[0], i));
    return list;
}

json_t *kn_arrow_value(const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int64_t row)
{
    const struct format *format = format_of(schema);
    const int64_t at = row + array->offset, width = fixed_width(schema);
    if (is_missing(array, row))
        return json_null();
    if (format && format->letter == 'l' && !schema->metadata) // a double would round event numbers
        return json_integer(((const int64_t *)array->buffers[1])[at]);
    if (format)
        return number_json(schema, format, format->read(array->buffers[1], at));
    if (width)
        return list_json(schema, array, at * width, (at + 1) * width);
    if (!is_text(schema) && !is_list(schema))
        return json_string("?");
    const int32_t *offsets = array->buffers[1];
    if (is_list(schema))
        return list_json(schema, array, offsets[at], offsets[at + 1]);
    return json_stringn((const char *)array->buffers[2] + offsets[at],
                        (size_t)(offsets[at + 1] - offsets[at]));
}

/* --- sums ------------------------------------------------------------------------------------- */

// Welford's update, doi:10.1080/00401706.1962.10490022: no cancellation for far-off means.
static void count_number(kn_arrow_summary *s, double value)
{
    if (value != value) {
        s->missing++;
        return;
    }
    s->min = s->numbers ? fmin(s->min, value) : value;
    s->max = s->numbers ? fmax(s->max, value) : value;
    s->numbers++;
    s->zeros += value == 0;
    const double delta = value - s->mean;
    s->mean += delta / (double)s->numbers;
    s->squares += delta * (value - s->mean);
}

static void count_values(const struct ArrowSchema *schema, const struct ArrowArray *array,
                         int64_t first, int64_t last, kn_arrow_summary *s)
{
    const struct format *format = format_of(schema);
    const int64_t width = fixed_width(schema);
    if (width) {
        const int64_t from = (first + array->offset) * width, to = (last + array->offset) * width;
        count_values(schema->children[0], array->children[0], from, to, s);
        return;
    }
    for (int64_t i = first; i < last && format; i++) {
        if (is_missing(array, i))
            s->missing++;
        else
            count_number(s, format->read(array->buffers[1], i + array->offset));
    }
}

static void count_list(const struct ArrowSchema *schema, const struct ArrowArray *array,
                       kn_arrow_summary *s)
{
    const int32_t *offsets = (const int32_t *)array->buffers[1] + array->offset;
    for (int64_t i = 0; i < array->length; i++) {
        const int64_t length = offsets[i + 1] - offsets[i];
        const int32_t begun = s->rows + i > 0;
        s->shortest = begun && s->shortest < length ? s->shortest : length;
        s->longest = begun && s->longest > length ? s->longest : length;
    }
    if (array->length)
        count_values(schema->children[0], array->children[0], offsets[0], offsets[array->length],
                     s);
}

void kn_arrow_summarize(const struct ArrowSchema *schema, const struct ArrowArray *array,
                        kn_arrow_summary *summary)
{
    if (is_list(schema))
        count_list(schema, array, summary);
    else if (is_text(schema))
        for (int64_t i = 0; i < array->length; i++)
            summary->missing += is_missing(array, i);
    else
        count_values(schema, array, 0, array->length, summary);
    summary->rows += array->length;
}
