/* arrow_build.h: sugar for readers: Arrow schemas, arrays and streams from plain columns.
 *
 *     static const kaon_arrow_column columns[] = {
 *         {.name = "pt", .format = "f", .jagged = 1},
 *         {.name = "label", .format = "l", .labels = "signal\nbackground"},
 *     };
 *     kaon_arrow_schema_make(host, columns, 2, &schema, diag);
 *     kaon_arrow_array_make(host, columns, data, 2, rows, &array, diag); // takes over data's
 * blocks kaon_arrow_stream_make(host, &calls, self, &stream, diag);
 *
 * Everything is inline, on the memory of the host; nothing has to be linked.
 */
#ifndef KAON_ARROW_BUILD_H
#define KAON_ARROW_BUILD_H

#include <kaon/arrow.h>
#include <kaon/base.h>

#include <errno.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

// Key of a field's metadata: names of the values 0, 1, ... of an integer column, with new lines
// between them.
#define KAON_ARROW_LABELS "kaon.labels"

/* One column, without its values. */
typedef struct kaon_arrow_column {
    const char *name;
    const char *format;           // of one value: "f" f32, "g" f64, "l" i64, "C" u8, "u" text ...
    const char *labels;           // "gluon\nquark\nW\nZ\ntop", or NULL
    int32_t jagged;               // 1: a list of values per row
    int32_t rank;                 // of the fixed-size array each value is, 0: a number
    int64_t shape[KAON_MAX_RANK]; // of it
} kaon_arrow_column;

/* The values of one column: blocks of kaon_alloc, which the array takes over. */
typedef struct kaon_arrow_data {
    void *values;
    int32_t *offsets; // of jagged columns and texts: rows + 1 numbers
    uint8_t *valid;   // one bit per row, least significant first; NULL: all are
    int64_t null_count;
} kaon_arrow_data;

/* --- schemas ---------------------------------------------------------------------------------- */

// Frees what the schema and its children hold. [any]
static inline void kaon_arrow_schema_release(struct ArrowSchema *schema)
{
    const kaon_host *host = (const kaon_host *)schema->private_data;
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i] && schema->children[i]->release)
            schema->children[i]->release(schema->children[i]);
        kaon_free(host, schema->children[i]);
    }
    kaon_free(host, schema->children);
    kaon_free(host, (void *)(uintptr_t)schema->format);
    kaon_free(host, (void *)(uintptr_t)schema->name);
    kaon_free(host, (void *)(uintptr_t)schema->metadata);
    schema->release = NULL;
}

static inline char *kaon_arrow_copy(const kaon_host *host, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = (char *)kaon_alloc(host, bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

// A schema without children yet, of room for `children`; 0: no memory (what was made is released).
static inline int kaon_arrow_schema_begin(const kaon_host *host, const char *format,
                                          const char *name, int64_t children,
                                          struct ArrowSchema *out)
{
    memset(out, 0, sizeof *out);
    out->private_data = (void *)(uintptr_t)host;
    out->release = kaon_arrow_schema_release;
    out->format = kaon_arrow_copy(host, format);
    out->name = kaon_arrow_copy(host, name);
    int ok = out->format && out->name;
    if (children) {
        const size_t bytes = (size_t)children * sizeof(struct ArrowSchema *);
        out->children = (struct ArrowSchema **)kaon_alloc(host, bytes);
        if (out->children)
            memset(out->children, 0, bytes);
        out->n_children = out->children ? children : 0;
        ok = ok && out->children;
    }
    for (int64_t i = 0; ok && i < children; i++) {
        out->children[i] = (struct ArrowSchema *)kaon_alloc(host, sizeof **out->children);
        if (out->children[i])
            memset(out->children[i], 0, sizeof **out->children);
        ok = out->children[i] != NULL;
    }
    if (!ok)
        kaon_arrow_schema_release(out);
    return ok;
}

// The format's binary form of one pair: their number, then lengths and bytes.
static inline int kaon_arrow_put_labels(const kaon_host *host, const char *labels,
                                        struct ArrowSchema *out)
{
    const int32_t one = 1, key = (int32_t)strlen(KAON_ARROW_LABELS);
    const int32_t value = (int32_t)strlen(labels);
    char *at = (char *)kaon_alloc(host, 12 + (uint64_t)key + (uint64_t)value);
    if (!at)
        return 0;
    memcpy(at, &one, 4);
    memcpy(at + 4, &key, 4);
    memcpy(at + 8, KAON_ARROW_LABELS, (size_t)key);
    memcpy(at + 8 + key, &value, 4);
    memcpy(at + 12 + key, labels, (size_t)value);
    out->metadata = at;
    return 1;
}

// One column; each layer of lists is a schema around the next.
static inline int kaon_arrow_column_schema(const kaon_host *host, const kaon_arrow_column *column,
                                           struct ArrowSchema *out)
{
    const char *name = column->name;
    struct ArrowSchema *at = out;
    if (column->jagged) {
        if (!kaon_arrow_schema_begin(host, "+l", name, 1, at))
            return 0;
        at = at->children[0];
        name = "item";
    }
    for (int32_t i = 0; i < column->rank; i++) {
        char format[32];
        snprintf(format, sizeof format, "+w:%lld", (long long)column->shape[i]);
        if (!kaon_arrow_schema_begin(host, format, name, 1, at))
            return 0;
        at = at->children[0];
        name = "item";
    }
    if (!kaon_arrow_schema_begin(host, column->format, name, 0, at))
        return 0;
    at->flags = ARROW_FLAG_NULLABLE;
    return !column->labels || kaon_arrow_put_labels(host, column->labels, out);
}

/* A struct of columns. [any] */
static inline kaon_status kaon_arrow_schema_make(const kaon_host *host,
                                                 const kaon_arrow_column *columns, int64_t count,
                                                 struct ArrowSchema *out, kaon_diag *diag)
{
    int ok = kaon_arrow_schema_begin(host, "+s", "", count, out);
    for (int64_t i = 0; ok && i < count; i++)
        ok = kaon_arrow_column_schema(host, &columns[i], out->children[i]);
    if (ok)
        return KAON_OK;
    if (out->release)
        out->release(out);
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a schema of %lld columns",
                     (long long)count);
}

/* --- arrays ----------------------------------------------------------------------------------- */

typedef struct kaon_arrow_own {
    const kaon_host *host;
    const void *buffers[3];
} kaon_arrow_own;

// Frees what the array and its children hold. [any]
static inline void kaon_arrow_array_release(struct ArrowArray *array)
{
    kaon_arrow_own *own = (kaon_arrow_own *)array->private_data;
    const kaon_host *host = own->host;
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i] && array->children[i]->release)
            array->children[i]->release(array->children[i]);
        kaon_free(host, array->children[i]);
    }
    kaon_free(host, array->children);
    for (int i = 0; i < 3; i++)
        kaon_free(host, (void *)(uintptr_t)own->buffers[i]);
    kaon_free(host, own);
    array->release = NULL;
}

static inline int kaon_arrow_array_begin(const kaon_host *host, int64_t length, int64_t buffers,
                                         int64_t children, struct ArrowArray *out)
{
    memset(out, 0, sizeof *out);
    kaon_arrow_own *own = (kaon_arrow_own *)kaon_alloc(host, sizeof *own);
    if (!own)
        return 0;
    memset(own, 0, sizeof *own);
    own->host = host;
    out->private_data = own;
    out->release = kaon_arrow_array_release;
    out->buffers = own->buffers;
    out->n_buffers = buffers;
    out->length = length;
    if (children == 0)
        return 1;
    const size_t bytes = (size_t)children * sizeof(struct ArrowArray *);
    out->children = (struct ArrowArray **)kaon_alloc(host, bytes);
    int ok = out->children != NULL;
    if (ok)
        memset(out->children, 0, bytes);
    out->n_children = ok ? children : 0;
    for (int64_t i = 0; ok && i < children; i++) {
        out->children[i] = (struct ArrowArray *)kaon_alloc(host, sizeof **out->children);
        if (out->children[i])
            memset(out->children[i], 0, sizeof **out->children);
        ok = out->children[i] != NULL;
    }
    if (!ok)
        kaon_arrow_array_release(out);
    return ok;
}

// Takes over the blocks of `data` one by one and clears them there, so that what is left on failure
// can be freed by the caller.
static inline int kaon_arrow_column_array(const kaon_host *host, const kaon_arrow_column *column,
                                          kaon_arrow_data *data, int64_t rows,
                                          struct ArrowArray *out)
{
    const int is_text = column->format[0] == 'u' || column->format[0] == 'z';
    struct ArrowArray *at = out;
    int64_t length = rows;
    if (column->jagged) {
        if (!kaon_arrow_array_begin(host, rows, 2, 1, at))
            return 0;
        length = data->offsets[rows];
        at->buffers[1] = data->offsets;
        data->offsets = NULL;
        at = at->children[0];
    }
    for (int32_t i = 0; i < column->rank; i++) {
        if (!kaon_arrow_array_begin(host, length, 1, 1, at))
            return 0;
        length *= column->shape[i];
        at = at->children[0];
    }
    if (!kaon_arrow_array_begin(host, length, is_text ? 3 : 2, 0, at))
        return 0;
    out->buffers[0] = data->valid;
    out->null_count = data->null_count;
    data->valid = NULL;
    if (is_text) {
        at->buffers[1] = data->offsets;
        data->offsets = NULL;
    }
    at->buffers[is_text ? 2 : 1] = data->values;
    data->values = NULL;
    return 1;
}

/* Frees blocks that no array has taken over. */
static inline void kaon_arrow_data_free(const kaon_host *host, kaon_arrow_data *data, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        kaon_free(host, data[i].values);
        kaon_free(host, data[i].offsets);
        kaon_free(host, data[i].valid);
        memset(&data[i], 0, sizeof data[i]);
    }
}

/* A struct of columns; all blocks of `data` are taken over, also on failure. [any] */
static inline kaon_status kaon_arrow_array_make(const kaon_host *host,
                                                const kaon_arrow_column *columns,
                                                kaon_arrow_data *data, int64_t count, int64_t rows,
                                                struct ArrowArray *out, kaon_diag *diag)
{
    int ok = kaon_arrow_array_begin(host, rows, 1, count, out);
    for (int64_t i = 0; ok && i < count; i++)
        ok = kaon_arrow_column_array(host, &columns[i], &data[i], rows, out->children[i]);
    kaon_arrow_data_free(host, data, count);
    if (ok)
        return KAON_OK;
    if (out->release)
        out->release(out);
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %lld rows", (long long)rows);
}

/* --- streams ---------------------------------------------------------------------------------- */

/* What a stream needs from its reader; all errors are worded with kaon_fail. */
typedef struct kaon_arrow_stream_calls {
    kaon_status (*schema)(void *self, struct ArrowSchema *out, kaon_diag *diag);
    kaon_status (*next)(void *self, struct ArrowArray *out, kaon_diag *diag); // KAON_END: no more
    void (*close)(void *self);
} kaon_arrow_stream_calls;

typedef struct kaon_arrow_stream {
    kaon_diag diag; // first; its words land in `text`
    const kaon_host *host;
    const kaon_arrow_stream_calls *calls;
    void *self;
    char text[2 * KAON_TEXT_MAX];
} kaon_arrow_stream;

static inline kaon_status kaon_arrow_diag_fail(kaon_diag *diag, kaon_status status,
                                               const char *text)
{
    kaon_arrow_stream *s = (kaon_arrow_stream *)(void *)diag;
    snprintf(s->text, sizeof s->text, "%s", text);
    return status;
}

static inline kaon_status kaon_arrow_diag_context(kaon_diag *diag, kaon_status status,
                                                  const char *text)
{
    kaon_arrow_stream *s = (kaon_arrow_stream *)(void *)diag;
    char before[2 * KAON_TEXT_MAX];
    memcpy(before, s->text, sizeof before);
    snprintf(s->text, sizeof s->text, "%.*s / %.*s", KAON_TEXT_MAX - 8, text, KAON_TEXT_MAX,
             before);
    return status;
}

static inline const char *kaon_arrow_diag_text(const kaon_diag *diag)
{
    return ((const kaon_arrow_stream *)(const void *)diag)->text;
}

static const kaon_diag_api kaon_arrow_diag_api = {sizeof(kaon_diag_api), 0, kaon_arrow_diag_fail,
                                                  kaon_arrow_diag_context, kaon_arrow_diag_text};

/* Streams speak errno: a status as one, and back. [any] */
static inline int kaon_arrow_errno(kaon_status status)
{
    switch (status) {
    case KAON_OK:
        return 0;
    case KAON_INVALID:
        return EINVAL;
    case KAON_NOT_FOUND:
        return ENOENT;
    case KAON_UNSUPPORTED:
        return ENOTSUP;
    case KAON_NO_MEMORY:
        return ENOMEM;
    case KAON_CORRUPT:
        return EBADMSG;
    case KAON_CANCELLED:
        return ECANCELED;
    default:
        return EIO;
    }
}

static inline kaon_status kaon_arrow_status(int error)
{
    switch (error) {
    case 0:
        return KAON_OK;
    case EINVAL:
        return KAON_INVALID;
    case ENOENT:
        return KAON_NOT_FOUND;
    case ENOTSUP:
        return KAON_UNSUPPORTED;
    case ENOMEM:
        return KAON_NO_MEMORY;
    case EBADMSG:
        return KAON_CORRUPT;
    case ECANCELED:
        return KAON_CANCELLED;
    default:
        return KAON_IO;
    }
}

static inline int kaon_arrow_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out)
{
    kaon_arrow_stream *s = (kaon_arrow_stream *)stream->private_data;
    return kaon_arrow_errno(s->calls->schema(s->self, out, &s->diag));
}

static inline int kaon_arrow_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    kaon_arrow_stream *s = (kaon_arrow_stream *)stream->private_data;
    memset(out, 0, sizeof *out);
    const kaon_status status = s->calls->next(s->self, out, &s->diag);
    return status == KAON_END ? 0 : kaon_arrow_errno(status);
}

static inline const char *kaon_arrow_stream_error(struct ArrowArrayStream *stream)
{
    return ((const kaon_arrow_stream *)stream->private_data)->text;
}

static inline void kaon_arrow_stream_release(struct ArrowArrayStream *stream)
{
    kaon_arrow_stream *s = (kaon_arrow_stream *)stream->private_data;
    s->calls->close(s->self);
    kaon_free(s->host, s);
    stream->release = NULL;
}

/* A stream around `self`, which it takes over; on failure `self` stays the caller's. [any] */
static inline kaon_status kaon_arrow_stream_make(const kaon_host *host,
                                                 const kaon_arrow_stream_calls *calls, void *self,
                                                 struct ArrowArrayStream *out, kaon_diag *diag)
{
    kaon_arrow_stream *s = (kaon_arrow_stream *)kaon_alloc(host, sizeof *s);
    if (!s)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a stream");
    memset(s, 0, sizeof *s);
    s->diag.api = &kaon_arrow_diag_api;
    s->host = host;
    s->calls = calls;
    s->self = self;
    out->get_schema = kaon_arrow_stream_schema;
    out->get_next = kaon_arrow_stream_next;
    out->get_last_error = kaon_arrow_stream_error;
    out->release = kaon_arrow_stream_release;
    out->private_data = s;
    return KAON_OK;
}

#ifdef __cplusplus
}
#endif
#endif
