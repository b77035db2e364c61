/* test_reader.c: readers and writers driven by tests. */
#include <kaon/test_reader.h>

#include <kaon/arrow_build.h>

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT = 8192, FILES = 512 };

static struct {
    char folder[64];
    char *files[FILES]; // to be removed at the end
    int file_count;
    char text[TEXT];
} kit;

/* --- opening ---------------------------------------------------------------------------------- */

kt_reader kt_reader_open(const char *name, const char *settings, const char *path)
{
    const kaon_part *part = kt_part(KAON_READER, name, settings);
    kt_reader r = {part->table, NULL};
    kt_ok(r.table->open(kt_host(), part->settings, path, &r.self, kt_diag()));
    return r;
}

void kt_reader_close(kt_reader *reader)
{
    reader->table->close(reader->self);
    reader->self = NULL;
}

int64_t kt_reader_rows(kt_reader *reader)
{
    int64_t rows = -2;
    kt_ok(reader->table->rows(reader->self, &rows, kt_diag()));
    return rows;
}

static void add_format(const struct ArrowSchema *schema)
{
    const size_t at = strlen(kit.text);
    snprintf(kit.text + at, TEXT - at, "%s", schema->format);
    if (schema->format[0] != '+')
        return;
    strncat(kit.text, "<", TEXT - 1 - strlen(kit.text));
    add_format(schema->children[0]);
    strncat(kit.text, ">", TEXT - 1 - strlen(kit.text));
}

const char *kt_reader_schema(kt_reader *reader)
{
    struct ArrowSchema schema;
    kt_ok(reader->table->schema(reader->self, &schema, kt_diag()));
    kit.text[0] = 0;
    for (int64_t i = 0; i < schema.n_children; i++) {
        const size_t at = strlen(kit.text);
        snprintf(kit.text + at, TEXT - at, "%s%s:", i ? " " : "", schema.children[i]->name);
        add_format(schema.children[i]);
    }
    schema.release(&schema);
    return kit.text;
}

/* --- reading ---------------------------------------------------------------------------------- */

static kaon_status scan(kt_reader *reader, const char *column, int64_t first, int64_t count,
                        struct ArrowArrayStream *out)
{
    const kaon_read what = {
        .size = sizeof what,
        .column_count = column != NULL,
        .columns = &column,
        .first_row = first,
        .row_count = count,
    };
    return reader->table->scan(reader->self, &what, out, kt_diag());
}

// Stops the test where the stream fails.
static int next(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    const int error = stream->get_next(stream, out);
    if (error)
        print_error("%s\n", stream->get_last_error(stream));
    assert_int_equal(error, 0);
    return out->release != NULL;
}

static int is_null(const struct ArrowArray *array, int64_t at)
{
    const uint8_t *bits = array->buffers[0];
    at += array->offset;
    return bits && !(bits[at / 8] >> at % 8 & 1);
}

// IEEE 754 binary16.
static double half(uint16_t bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31 ? (fraction ? NAN : INFINITY)
                        : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                       : ldexp(fraction, -24);
    return bits >> 15 ? -size : size;
}

static double number(char format, const void *values, int64_t at)
{
    switch (format) {
    case 'e':
        return half(((const uint16_t *)values)[at]);
    case 'f':
        return ((const float *)values)[at];
    case 'g':
        return ((const double *)values)[at];
    case 'l':
        return (double)((const int64_t *)values)[at];
    case 'L':
        return (double)((const uint64_t *)values)[at];
    case 'i':
        return ((const int32_t *)values)[at];
    case 'I':
        return ((const uint32_t *)values)[at];
    case 's':
        return ((const int16_t *)values)[at];
    case 'S':
        return ((const uint16_t *)values)[at];
    case 'c':
        return ((const int8_t *)values)[at];
    case 'C':
        return ((const uint8_t *)values)[at];
    case 'b':
        return ((const uint8_t *)values)[at / 8] >> at % 8 & 1;
    default:
        fail_msg("a column of format '%c' holds no numbers the kit knows", format);
        return NAN;
    }
}

static void append(double **all, int64_t *length, const struct ArrowSchema *schema,
                   const struct ArrowArray *array)
{
    while (schema->format[0] == '+') {
        schema = schema->children[0];
        array = array->children[0];
    }
    *all = realloc(*all, (size_t)(*length + array->length + 1) * sizeof **all);
    assert_non_null(*all);
    for (int64_t i = 0; i < array->length; i++)
        (*all)[(*length)++] = is_null(array, i)
                                  ? NAN
                                  : number(schema->format[0], array->buffers[1], array->offset + i);
}

double *kt_read_column(kt_reader *reader, const char *column, int64_t first, int64_t count,
                       int64_t *length)
{
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    double *all = calloc(1, sizeof *all);
    *length = 0;
    kt_ok(scan(reader, column, first, count, &stream));
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(schema.n_children, 1);
    while (next(&stream, &array)) {
        append(&all, length, schema.children[0], array.children[0]);
        array.release(&array);
    }
    schema.release(&schema);
    stream.release(&stream);
    return all;
}

int64_t *kt_read_lengths(kt_reader *reader, const char *column, int64_t *rows)
{
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    int64_t *all = calloc(1, sizeof *all);
    *rows = 0;
    kt_ok(scan(reader, column, 0, 0, &stream));
    while (next(&stream, &array)) {
        const int32_t *offsets = array.children[0]->buffers[1];
        all = realloc(all, (size_t)(*rows + array.length + 1) * sizeof *all);
        assert_non_null(all);
        for (int64_t i = 0; i < array.length; i++)
            all[(*rows)++] = offsets[i + 1] - offsets[i];
        array.release(&array);
    }
    stream.release(&stream);
    return all;
}

const char *kt_read_text(kt_reader *reader, const char *column, int64_t row)
{
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    kt_ok(scan(reader, column, row, 1, &stream));
    assert_true(next(&stream, &array));
    assert_int_equal(array.length, 1);
    const struct ArrowArray *texts = array.children[0];
    const int32_t *offsets = texts->buffers[1];
    const int missing = is_null(texts, 0);
    if (!missing)
        snprintf(kit.text, TEXT, "%.*s", (int)(offsets[1] - offsets[0]),
                 (const char *)texts->buffers[2] + offsets[0]);
    array.release(&array);
    stream.release(&stream);
    return missing ? NULL : kit.text;
}

/* --- refusals --------------------------------------------------------------------------------- */

// Words of a stream's failure end up in kit.text.
static kaon_status drain(struct ArrowArrayStream *stream)
{
    struct ArrowArray array;
    int error;
    for (;;) {
        error = stream->get_next(stream, &array);
        if (error || !array.release)
            break;
        array.release(&array);
    }
    if (error)
        snprintf(kit.text, TEXT, "%s", stream->get_last_error(stream));
    stream->release(stream);
    return kaon_arrow_status(error);
}

kaon_status kt_reader_try(const char *name, const char *settings, const char *path)
{
    const kaon_part *part = kt_part(KAON_READER, name, settings);
    const kaon_reader *table = part->table;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    void *self = NULL;
    kaon_status status = table->open(kt_host(), part->settings, path, &self, kt_diag());
    if (!status) {
        status = table->schema(self, &schema, kt_diag());
        if (!status)
            schema.release(&schema);
        if (!status)
            status = table->scan(self, &(kaon_read){.size = sizeof(kaon_read)}, &stream, kt_diag());
        if (!status) {
            status = drain(&stream);
            table->close(self);
            return status;
        }
        table->close(self);
    }
    snprintf(kit.text, TEXT, "%s", kt_words());
    return status;
}

void kt_reader_refuses(const char *name, const char *settings, const char *path, const char *text)
{
    kt_true(kt_reader_try(name, settings, path) != KAON_OK);
    kt_says(kit.text, text);
}

/* --- writing ---------------------------------------------------------------------------------- */

void kt_copy(kt_reader *reader, const char *writer, const char *settings, const char *path)
{
    const kaon_part *part = kt_part(KAON_WRITER, writer, settings);
    const kaon_writer *table = part->table;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray array;
    void *self = NULL;
    kt_ok(scan(reader, NULL, 0, 0, &stream));
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    kt_ok(table->open(kt_host(), part->settings, path, &schema, &self, kt_diag()));
    while (next(&stream, &array)) {
        kt_ok(table->write(self, &array, kt_diag()));
        array.release(&array);
    }
    kt_ok(table->finish(self, kt_diag()));
    table->close(self);
    schema.release(&schema);
    stream.release(&stream);
}

/* --- files ------------------------------------------------------------------------------------ */

static void remove_files(void)
{
    while (kit.file_count) {
        unlink(kit.files[--kit.file_count]);
        free(kit.files[kit.file_count]);
    }
    rmdir(kit.folder);
}

const char *kt_path(const char *name)
{
    char path[256];
    if (!kit.folder[0]) {
        strcpy(kit.folder, "/tmp/kaon_test_XXXXXX");
        assert_non_null(mkdtemp(kit.folder));
        atexit(remove_files);
    }
    snprintf(path, sizeof path, "%s/%s", kit.folder, name);
    for (int i = 0; i < kit.file_count; i++)
        if (!strcmp(kit.files[i], path))
            return kit.files[i];
    assert_in_range(kit.file_count, 0, FILES - 1);
    kit.files[kit.file_count] = strdup(path);
    assert_non_null(kit.files[kit.file_count]);
    return kit.files[kit.file_count++];
}

const char *kt_file(const char *name, const void *bytes, size_t count)
{
    const char *path = kt_path(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (count)
        assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    return path;
}

const char *kt_text_file(const char *name, const char *text)
{
    return kt_file(name, text, strlen(text));
}
