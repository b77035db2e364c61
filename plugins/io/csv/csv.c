/* csv.c: text tables: comma, semicolon, tab, bar or space separated, plain or gzipped.
 *
 * What separates fields, whether there is a header and what type each column has is found by
 * looking; options say otherwise. Numbers are rounded correctly in every locale; missing ones are
 * NaN. Rows are read in blocks of a few MB, whatever the size of the file.
 */
#include "fields.h"
#include "layout.h"
#include "number.h"
#include "writer.h"

#include <kaon/arrow_build.h>
#include <kaon/io.h>
#include <kaon/plugin.h>

#include <string.h>

static const char *const separator_names[] = {"auto", "comma", "semicolon", "tab",
                                              "bar",  "space", NULL};     // ORDER separator
static const char *const header_ways[] = {"auto", "true", "false", NULL}; // ORDER header
static const char *const float_types[] = {"f64", "f32", NULL};            // ORDER float

static const kaon_option options[] = {
    KAON_CHOICE(csv_config, separator, SEPARATOR_AUTO, separator_names,
                .help = "what stands between fields"),
    KAON_CHOICE(csv_config, header, HEADER_AUTO, header_ways,
                .help = "whether the first line holds names; auto: if it holds no number"),
    KAON_TEXT(csv_config, comment, "#",
              .help = "first character of lines to skip; empty: none are"),
    KAON_INT(csv_config, skip, 0, .min = 0, .max = 1e6, .help = "lines to skip at the beginning"),
    KAON_TEXTS(csv_config, names, "[]", .help = "names of the columns, instead of the file's"),
    KAON_TEXTS(csv_config, text, "[]",
               .help = "columns that stay text though they look like numbers"),
    KAON_TEXTS(csv_config, missing, "['?', na, n/a, 'null']",
               .help = "words for missing numbers, in any case; empty fields and nan are always"),
    KAON_CHOICE(csv_config, float_type, FLOAT_F64, float_types,
                .help = "type of columns of numbers with a point"),
    {0},
};

typedef struct table {
    const kaon_host *host;
    csv_config config;
    csv_text *text;
    csv_layout layout;
} table;

typedef struct scan {
    const table *t;
    csv_text *text;
    int32_t count;   // of columns asked for
    int32_t *chosen; // their fields
    char *taken;     // per field of the file: it is chosen
    kaon_arrow_column *columns;
    kaon_arrow_data *data;
    csv_values *values; // per field of the file
    int64_t skip;
    int64_t left; // rows
    int64_t batch_rows;
    csv_piece pieces[PIECES];
} scan;

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for rows of a text");
}

/* --- one batch -------------------------------------------------------------------------------- */

static uint64_t number_bytes(const csv_layout *l, int32_t field)
{
    const int is_single =
        l->columns[field].type == TYPE_FLOAT && l->config->float_type == FLOAT_F32;
    return is_single ? sizeof(float) : sizeof(double);
}

static kaon_status alloc_values(scan *s, int64_t rows, kaon_diag *diag)
{
    const csv_layout *l = &s->t->layout;
    for (int32_t i = 0; i < s->count; i++) {
        const int32_t field = s->chosen[i];
        csv_values *v = &s->values[field];
        if (l->columns[field].type == TYPE_TEXT)
            v->texts = kaon_alloc(s->t->host, (uint64_t)rows * sizeof *v->texts);
        else
            v->numbers = kaon_alloc(s->t->host, (uint64_t)rows * number_bytes(l, field));
        if (!v->texts && !v->numbers)
            return no_memory(diag);
    }
    return KAON_OK;
}

static void free_values(scan *s)
{
    for (int32_t i = 0; i < s->count; i++) {
        csv_values *v = &s->values[s->chosen[i]];
        kaon_free(s->t->host, v->numbers);
        kaon_free(s->t->host, v->texts);
        memset(v, 0, sizeof *v);
    }
}

static size_t put_text(const csv_field *f, char *to)
{
    size_t bytes = 0;
    for (const char *at = f->begin; at < f->end; at++) {
        to[bytes++] = *at;
        at += f->doubled && *at == '"';
    }
    return bytes;
}

static kaon_status join_texts(scan *s, int32_t index, int64_t rows, const char *block, int64_t line,
                              kaon_diag *diag)
{
    const csv_layout *l = &s->t->layout;
    const csv_field *texts = s->values[s->chosen[index]].texts;
    kaon_arrow_data *data = &s->data[index];
    size_t bytes = 0;
    for (int64_t row = 0; row < rows; row++)
        bytes += (size_t)(texts[row].end - texts[row].begin);
    if (bytes > INT32_MAX)
        return kaon_fail(diag, KAON_UNSUPPORTED, "line %lld and those after hold too much text",
                         (long long)line + 1);
    data->values = kaon_alloc(s->t->host, bytes);
    data->offsets = kaon_alloc(s->t->host, ((uint64_t)rows + 1) * sizeof(int32_t));
    if (!data->values || !data->offsets)
        return no_memory(diag);
    bytes = 0;
    data->offsets[0] = 0;
    for (int64_t row = 0; row < rows; row++) {
        char *to = (char *)data->values + bytes;
        bytes += put_text(&texts[row], to);
        if (!text_is_utf8(to, (size_t)((char *)data->values + bytes - to)))
            return kaon_fail(
                diag, KAON_CORRUPT, "line %lld: column '%.60s' is not UTF-8",
                (long long)(line + 1 + text_lines(block, texts[row].begin, l->format.line_end)),
                l->columns[s->chosen[index]].name);
        data->offsets[row + 1] = (int32_t)bytes;
    }
    return KAON_OK;
}

static kaon_status make_array(scan *s, int64_t rows, const char *block, int64_t line,
                              struct ArrowArray *out, kaon_diag *diag)
{
    kaon_status status = KAON_OK;
    for (int32_t i = 0; !status && i < s->count; i++) {
        csv_values *v = &s->values[s->chosen[i]];
        if (v->texts)
            status = join_texts(s, i, rows, block, line, diag);
        s->data[i].values = v->texts ? s->data[i].values : v->numbers;
        v->numbers = NULL;
    }
    if (!status)
        return kaon_arrow_array_make(s->t->host, s->columns, s->data, s->count, rows, out, diag);
    kaon_arrow_data_free(s->t->host, s->data, s->count);
    return status;
}

// The next block with rows in it, cut to what is wanted. KAON_END: no more.
static kaon_status next_block(scan *s, int32_t *count, int64_t *rows, const char **block,
                              int64_t *line, kaon_diag *diag)
{
    const csv_layout *l = &s->t->layout;
    const char *end, *rest;
    *rows = 0;
    while (*rows == 0) {
        if (s->left == 0)
            return KAON_END;
        KAON_TRY(text_next(s->text, block, &end, line, diag));
        *count = pieces_make(&l->format, *block, end, s->pieces);
        pieces_count(l, s->pieces, *count);
        int64_t all = 0;
        for (int32_t i = 0; i < *count; i++)
            all += s->pieces[i].rows;
        const int64_t most = s->left < s->batch_rows ? s->left : s->batch_rows;
        *rows = pieces_trim(l, s->pieces, *count, s->skip, most, &rest);
        s->skip -= s->skip < all ? s->skip : all;
        s->left -= *rows;
        if (rest)
            text_return(s->text, rest);
    }
    return KAON_OK;
}

static kaon_status next_batch(void *self, struct ArrowArray *out, kaon_diag *diag)
{
    scan *s = self;
    const csv_layout *l = &s->t->layout;
    int32_t count = 0;
    int64_t rows = 0, line = 0;
    const char *block = NULL;
    KAON_TRY(next_block(s, &count, &rows, &block, &line, diag));
    kaon_status status = alloc_values(s, rows, diag);
    if (!status) {
        pieces_parse(l, s->pieces, count, s->values);
        status = pieces_status(l, s->pieces, count, block, line, diag);
    }
    if (!status)
        status = make_array(s, rows, block, line, out, diag);
    free_values(s);
    return status;
}

static kaon_status scan_schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const scan *s = self;
    return kaon_arrow_schema_make(s->t->host, s->columns, s->count, out, diag);
}

static void scan_close(void *self)
{
    scan *s = self;
    const kaon_host *host = s->t->host;
    text_close(s->text);
    kaon_free(host, s->chosen);
    kaon_free(host, s->taken);
    kaon_free(host, s->columns);
    kaon_free(host, s->data);
    kaon_free(host, s->values);
    kaon_free(host, s);
}

static const kaon_arrow_stream_calls stream_calls = {
    .schema = scan_schema,
    .next = next_batch,
    .close = scan_close,
};

/* --- the reader ------------------------------------------------------------------------------- */

static kaon_arrow_column describe(const csv_layout *l, int32_t field)
{
    // ORDER type
    static const char *const formats[] = {"l", "g", "u"};
    const csv_column *c = &l->columns[field];
    const int is_single = c->type == TYPE_FLOAT && l->config->float_type == FLOAT_F32;
    return (kaon_arrow_column){.name = c->name, .format = is_single ? "f" : formats[c->type]};
}

static void close(void *self)
{
    table *t = self;
    layout_fini(&t->layout);
    text_close(t->text);
    kaon_free(t->host, t);
}

static kaon_status open(const kaon_host *host, const void *settings, const char *path, void **self,
                        kaon_diag *diag)
{
    if (!path)
        return kaon_fail(diag, KAON_INVALID, "csv reads files: give it a path");
    table *t = kaon_alloc(host, sizeof *t);
    if (!t)
        return no_memory(diag);
    memset(t, 0, sizeof *t);
    t->host = host;
    t->layout.host = host;
    t->config = *(const csv_config *)settings;
    kaon_status status = text_open(host, path, &t->text, diag);
    if (!status)
        status = layout_find(host, &t->config, t->text, &t->layout, diag);
    if (status) {
        close(t);
        return status;
    }
    *self = t;
    return KAON_OK;
}

// All but hidden columns; *fields (of kaon_alloc) are their places.
static int32_t visible(const csv_layout *l, int32_t *fields)
{
    int32_t count = 0;
    for (int32_t i = 0; i < l->count; i++)
        if (l->columns[i].type != TYPE_HIDDEN)
            fields[count++] = i;
    return count;
}

static kaon_status schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const table *t = self;
    const csv_layout *l = &t->layout;
    int32_t *fields = kaon_alloc(t->host, (uint64_t)l->count * sizeof *fields);
    kaon_arrow_column *columns = kaon_alloc(t->host, (uint64_t)l->count * sizeof *columns);
    kaon_status status = fields && columns ? KAON_OK : no_memory(diag);
    if (!status) {
        const int32_t count = visible(l, fields);
        for (int32_t i = 0; i < count; i++)
            columns[i] = describe(l, fields[i]);
        status = kaon_arrow_schema_make(t->host, columns, count, out, diag);
    }
    kaon_free(t->host, fields);
    kaon_free(t->host, columns);
    return status;
}

static kaon_status rows(void *self, int64_t *out, kaon_diag *diag)
{
    (void)diag;
    *out = ((const table *)self)->layout.rows;
    return KAON_OK;
}

static kaon_status choose(scan *s, const kaon_read *what, kaon_diag *diag)
{
    const csv_layout *l = &s->t->layout;
    if (!what->column_count)
        s->count = visible(l, s->chosen);
    for (int32_t i = 0; i < what->column_count; i++) {
        const int32_t field = layout_column(l, what->columns[i]);
        if (field < 0 || l->columns[field].type == TYPE_HIDDEN)
            return kaon_fail(diag, KAON_NOT_FOUND, "there is no column '%s'", what->columns[i]);
        if (s->taken[field])
            return kaon_fail(diag, KAON_INVALID, "column '%s' is asked for twice",
                             what->columns[i]);
        s->taken[field] = 1;
        s->chosen[i] = field;
        s->count = i + 1;
    }
    for (int32_t i = 0; i < s->count; i++)
        s->columns[i] = describe(l, s->chosen[i]);
    return KAON_OK;
}

static void *alloc_zero(const kaon_host *host, uint64_t bytes)
{
    void *memory = kaon_alloc(host, bytes);
    return memory ? memset(memory, 0, bytes ? bytes : 1) : NULL;
}

static kaon_status prepare(scan *s, const kaon_read *what, kaon_diag *diag)
{
    const kaon_host *host = s->t->host;
    const uint64_t fields = (uint64_t)s->t->layout.count;
    if (what->first_row < 0 || what->row_count < 0 || what->column_count < 0)
        return kaon_fail(diag, KAON_INVALID, "rows from %lld, %lld of them",
                         (long long)what->first_row, (long long)what->row_count);
    if ((uint64_t)what->column_count > fields)
        return kaon_fail(diag, KAON_INVALID, "%d columns are asked for, there are %d",
                         what->column_count, s->t->layout.count);
    s->chosen = alloc_zero(host, fields * sizeof *s->chosen);
    s->taken = alloc_zero(host, fields);
    s->columns = alloc_zero(host, fields * sizeof *s->columns);
    s->data = alloc_zero(host, fields * sizeof *s->data);
    s->values = alloc_zero(host, fields * sizeof *s->values);
    if (!s->chosen || !s->taken || !s->columns || !s->data || !s->values)
        return no_memory(diag);
    s->skip = what->first_row;
    s->left = what->row_count ? what->row_count : INT64_MAX;
    s->batch_rows = what->batch_rows > 0 ? what->batch_rows : INT64_MAX;
    KAON_TRY(choose(s, what, diag));
    return text_again(s->t->text, &s->text, diag);
}

static kaon_status start_scan(void *self, const kaon_read *what, struct ArrowArrayStream *out,
                              kaon_diag *diag)
{
    const table *t = self;
    scan *s = alloc_zero(t->host, sizeof *s);
    if (!s)
        return no_memory(diag);
    s->t = t;
    kaon_status status = prepare(s, what, diag);
    if (!status)
        status = kaon_arrow_stream_make(t->host, &stream_calls, s, out, diag);
    if (status)
        scan_close(s);
    return status;
}

static const char *const extensions[] = {".csv", ".csv.gz", ".tsv",  ".tsv.gz",  ".txt", ".txt.gz",
                                         ".dat", ".dat.gz", ".data", ".data.gz", NULL};

static const kaon_reader reader = {
    .size = sizeof reader,
    .settings_size = sizeof(csv_config),
    .options = options,
    .help = "text tables, separated by comma, semicolon, tab, bar or spaces; gzipped or not",
    .extensions = extensions,
    .open = open,
    .close = close,
    .schema = schema,
    .rows = rows,
    .scan = start_scan,
};

#define ITEMS(item) item(KAON_READER, "csv", &reader) item(KAON_WRITER, "csv", &csv_writer)

KAON_PLUGIN("csv", "1.0.0", "Apache-2.0", "reader and writer of text tables", ITEMS, NULL)
