/* @NAME@.c: reads a binary format of an experiment of our own: one record of numbers per event.
 *
 *     8 bytes   "EVENTS01"
 *     u32       columns, 1 to 256
 *     u32       0
 *     16 bytes  name of each column, filled up with zero bytes
 *     f32 ...   the events, one after the other, columns side by side; little endian as all above
 *
 * Replace the format by yours: what a reader owes the host are the five calls at the end.
 */
#include <kaon/arrow_build.h>
#include <kaon/io.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_COLUMNS = 256, NAME_BYTES = 16, HEADER_BYTES = 16, BATCH_ROWS = 1 << 14 };

static const char magic[] = "EVENTS01";

typedef struct {
    const kaon_host *host;
    char *path;
    int64_t rows;
    int64_t count; // of columns
    char names[MOST_COLUMNS][NAME_BYTES + 1];
} reader;

// One pass over the file. `from[i]` is the place of the i-th wanted column in a record.
typedef struct {
    const reader *r;
    FILE *file;
    int64_t left, batch_rows;
    int64_t count;
    int64_t from[MOST_COLUMNS];
    kaon_arrow_column columns[MOST_COLUMNS];
    float *records; // (batch_rows, r->count)
} scan;

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a reader");
}

/* --- the header ------------------------------------------------------------------------------- */

static kaon_status read_names(reader *r, FILE *file, kaon_diag *diag)
{
    for (int64_t i = 0; i < r->count; i++) {
        if (fread(r->names[i], NAME_BYTES, 1, file) != 1)
            return kaon_fail(diag, KAON_CORRUPT, "'%s' ends within the names of its columns",
                             r->path);
        if (!r->names[i][0])
            return kaon_fail(diag, KAON_CORRUPT, "column %lld of '%s' has no name",
                             (long long)i + 1, r->path);
    }
    return KAON_OK;
}

static kaon_status read_header(reader *r, FILE *file, kaon_diag *diag)
{
    char head[HEADER_BYTES];
    struct stat facts;
    uint32_t columns;
    if (fread(head, sizeof head, 1, file) != 1 || memcmp(head, magic, strlen(magic)) != 0)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' does not begin with %s", r->path, magic);
    memcpy(&columns, head + strlen(magic), sizeof columns);
    if (columns < 1 || columns > MOST_COLUMNS)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' has %u columns; allowed are 1 to %d", r->path,
                         columns, MOST_COLUMNS);
    r->count = columns;
    KAON_TRY(read_names(r, file, diag));
    const int64_t begin = HEADER_BYTES + r->count * NAME_BYTES;
    const int64_t record = r->count * (int64_t)sizeof(float);
    if (fstat(fileno(file), &facts))
        return kaon_fail(diag, KAON_IO, "'%s': %s", r->path, strerror(errno));
    if ((facts.st_size - begin) % record)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' ends within event %lld", r->path,
                         (long long)((facts.st_size - begin) / record + 1));
    r->rows = (facts.st_size - begin) / record;
    return KAON_OK;
}

static kaon_status open_file(const char *path, FILE **out, kaon_diag *diag)
{
    *out = fopen(path, "rb");
    if (*out)
        return KAON_OK;
    return kaon_fail(diag, errno == ENOENT ? KAON_NOT_FOUND : KAON_IO, "'%s' cannot be opened: %s",
                     path, strerror(errno));
}

/* --- one pass --------------------------------------------------------------------------------- */

static void scan_close(void *self)
{
    scan *s = self;
    if (s->file)
        fclose(s->file);
    kaon_free(s->r->host, s->records);
    kaon_free(s->r->host, s);
}

static kaon_status scan_schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const scan *s = self;
    return kaon_arrow_schema_make(s->r->host, s->columns, s->count, out, diag);
}

// Records into columns: blocks of host memory, which the array takes over.
static kaon_status take_columns(const scan *s, int64_t rows, kaon_arrow_data *data, kaon_diag *diag)
{
    const kaon_host *host = s->r->host;
    for (int64_t i = 0; i < s->count; i++) {
        float *values = kaon_alloc(host, (uint64_t)rows * sizeof *values);
        data[i] = (kaon_arrow_data){.values = values};
        if (!values) {
            kaon_arrow_data_free(host, data, i);
            return no_memory(diag);
        }
        for (int64_t row = 0; row < rows; row++)
            values[row] = s->records[row * s->r->count + s->from[i]];
    }
    return KAON_OK;
}

static kaon_status scan_next(void *self, struct ArrowArray *out, kaon_diag *diag)
{
    scan *s = self;
    const int64_t rows = s->left < s->batch_rows ? s->left : s->batch_rows;
    kaon_arrow_data data[MOST_COLUMNS];
    if (rows == 0)
        return KAON_END;
    const size_t numbers = (size_t)(rows * s->r->count);
    if (fread(s->records, sizeof(float), numbers, s->file) != numbers)
        return kaon_fail(diag, KAON_IO, "'%s' cannot be read to its end", s->r->path);
    KAON_TRY(take_columns(s, rows, data, diag));
    s->left -= rows;
    return kaon_arrow_array_make(s->r->host, s->columns, data, s->count, rows, out, diag);
}

static const kaon_arrow_stream_calls stream = {scan_schema, scan_next, scan_close};

/* --- the reader ------------------------------------------------------------------------------- */

static void close_reader(void *self)
{
    reader *r = self;
    kaon_free(r->host, r->path);
    kaon_free(r->host, r);
}

static kaon_status open_reader(const kaon_host *host, const void *settings, const char *path,
                               void **self, kaon_diag *diag)
{
    (void)settings;
    FILE *file;
    KAON_TRY(open_file(path, &file, diag));
    reader *r = kaon_alloc(host, sizeof *r);
    const size_t bytes = strlen(path) + 1;
    if (r)
        *r = (reader){.host = host, .path = kaon_alloc(host, bytes)};
    kaon_status status = r && r->path ? KAON_OK : no_memory(diag);
    if (!status) {
        memcpy(r->path, path, bytes);
        status = read_header(r, file, diag);
    }
    fclose(file);
    if (status && r)
        close_reader(r);
    else
        *self = r;
    return status;
}

static kaon_status schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const reader *r = self;
    kaon_arrow_column columns[MOST_COLUMNS];
    for (int64_t i = 0; i < r->count; i++)
        columns[i] = (kaon_arrow_column){.name = r->names[i], .format = "f"};
    return kaon_arrow_schema_make(r->host, columns, r->count, out, diag);
}

static kaon_status rows(void *self, int64_t *out, kaon_diag *diag)
{
    (void)diag;
    *out = ((const reader *)self)->rows;
    return KAON_OK;
}

static kaon_status choose(scan *s, const kaon_read *what, kaon_diag *diag)
{
    const reader *r = s->r;
    s->count = what->column_count ? what->column_count : r->count;
    if (s->count > MOST_COLUMNS)
        return kaon_fail(diag, KAON_INVALID, "%lld columns are asked for, there are %lld",
                         (long long)s->count, (long long)r->count);
    for (int64_t i = 0; i < s->count; i++) {
        int64_t at = what->column_count ? 0 : i;
        while (what->column_count && at < r->count && strcmp(r->names[at], what->columns[i]) != 0)
            at++;
        if (at == r->count)
            return kaon_fail(diag, KAON_NOT_FOUND, "'%s' has no column '%s'", r->path,
                             what->columns[i]);
        s->from[i] = at;
        s->columns[i] = (kaon_arrow_column){.name = r->names[at], .format = "f"};
    }
    return KAON_OK;
}

static kaon_status start(scan *s, const kaon_read *what, kaon_diag *diag)
{
    const reader *r = s->r;
    const int64_t first = what->first_row < r->rows ? what->first_row : r->rows;
    const int64_t begin = HEADER_BYTES + r->count * NAME_BYTES;
    s->left =
        what->row_count && what->row_count < r->rows - first ? what->row_count : r->rows - first;
    s->batch_rows = what->batch_rows ? what->batch_rows : BATCH_ROWS;
    KAON_TRY(choose(s, what, diag));
    s->records = kaon_alloc(r->host, (uint64_t)(s->batch_rows * r->count) * sizeof(float));
    if (!s->records)
        return no_memory(diag);
    KAON_TRY(open_file(r->path, &s->file, diag));
    if (fseeko(s->file, (off_t)(begin + first * r->count * (int64_t)sizeof(float)), SEEK_SET))
        return kaon_fail(diag, KAON_IO, "'%s': %s", r->path, strerror(errno));
    return KAON_OK;
}

static kaon_status scan_file(void *self, const kaon_read *what, struct ArrowArrayStream *out,
                             kaon_diag *diag)
{
    const reader *r = self;
    scan *s = kaon_alloc(r->host, sizeof *s);
    if (!s)
        return no_memory(diag);
    *s = (scan){.r = r};
    kaon_status status = start(s, what, diag);
    if (!status)
        status = kaon_arrow_stream_make(r->host, &stream, s, out, diag);
    if (status)
        scan_close(s);
    return status;
}

static const char *const extensions[] = {".events", NULL};

static const kaon_reader table = {
    .size = sizeof table,
    .help = "events as records of f32, columns named in the header",
    .extensions = extensions,
    .open = open_reader,
    .close = close_reader,
    .schema = schema,
    .rows = rows,
    .scan = scan_file,
};

#define ITEMS(item) item(KAON_READER, "@NAME@", &table)

KAON_PLUGIN("@NAME@", "1.0.0", "Apache-2.0", "reads files of events as records", ITEMS, NULL)
