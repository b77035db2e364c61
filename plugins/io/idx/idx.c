/* idx.c: the arrays of MNIST and its relatives: images and, from a file of its own, labels.
 *
 * An idx file is two zero bytes, a type, a number of axes, their sizes (big endian, 32 bits) and
 * the values, big endian. The first axis counts rows. Plain or gzipped. Format: Y. LeCun, C.
 * Cortes, "The MNIST database", section "file formats".
 */
#include <kaon/arrow_build.h>
#include <kaon/io.h>
#include <kaon/plugin.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

enum {
    ARRAYS = 2,            // values and labels
    HEADER_BYTES = 4,      // before the sizes
    BATCH_BYTES = 4 << 20, // of values, about
    LARGEST_PATH = 4096
};

typedef struct {
    const char *name;
    const char *labels;
    const char *label_name;
} config;

static const kaon_option options[] = {
    KAON_TEXT(config, name, "image", .help = "name of the column of values"),
    KAON_TEXT(config, labels, "auto",
              .help = "file of labels; auto: the one beside whose name says labels and idx1 where "
                      "this one says images and idx3; none: no labels"),
    KAON_TEXT(config, label_name, "label", .help = "name of the column of labels"),
    {0},
};

typedef struct {
    uint8_t code;
    uint8_t bytes;
    const char *format; // of Arrow
} element;

static const element elements[] = {
    {0x08, 1, "C"}, {0x09, 1, "c"}, {0x0B, 2, "s"}, {0x0C, 4, "i"}, {0x0D, 4, "f"}, {0x0E, 8, "g"},
};

// One file, opened and its header read.
typedef struct {
    gzFile file;
    char *path;
    const element *type;
    int64_t rows;
    uint64_t row_bytes;
    kaon_arrow_column column;
} array;

typedef struct {
    const kaon_host *host;
    config settings;
    array arrays[ARRAYS];
    int32_t count; // 1: without labels
} reader;

typedef struct {
    const reader *r;
    int32_t count;
    array arrays[ARRAYS]; // those asked for, in their order
    kaon_arrow_column columns[ARRAYS];
    int64_t left;
    int32_t to_end; // of the files
    int64_t batch_rows;
} scan;

/* --- one file --------------------------------------------------------------------------------- */

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for an idx file");
}

static void array_close(const kaon_host *host, array *a)
{
    if (a->file)
        gzclose_r(a->file);
    kaon_free(host, a->path);
    memset(a, 0, sizeof *a);
}

// Exactly so many bytes.
static kaon_status read_bytes(array *a, void *into, uint64_t bytes, kaon_diag *diag)
{
    char *to = into;
    while (bytes) {
        const int got = gzread(a->file, to, bytes < (1 << 30) ? (unsigned)bytes : 1u << 30);
        if (got > 0) {
            to += got;
            bytes -= (uint64_t)got;
            continue;
        }
        int error = Z_OK;
        const char *words = gzerror(a->file, &error);
        if (got == 0 && (error == Z_OK || error == Z_STREAM_END || error == Z_BUF_ERROR))
            return kaon_fail(diag, KAON_CORRUPT, "'%s' ends %llu bytes too early", a->path,
                             (unsigned long long)bytes);
        if (error == Z_ERRNO)
            return kaon_fail(diag, KAON_IO, "'%s' cannot be read: %s", a->path, strerror(errno));
        if (error == Z_MEM_ERROR)
            return no_memory(diag);
        return kaon_fail(diag, KAON_CORRUPT, "the compressed data of '%s' are damaged: %s", a->path,
                         words);
    }
    return KAON_OK;
}

// Behind the last row nothing may follow, and the checksum of a gzipped file must hold.
static kaon_status check_end(array *a, kaon_diag *diag)
{
    char more;
    int error = Z_OK;
    const int got = gzread(a->file, &more, 1);
    gzerror(a->file, &error);
    if (got > 0)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' is longer than its header says", a->path);
    if (got == 0 && (error == Z_OK || error == Z_STREAM_END))
        return KAON_OK;
    return kaon_fail(diag, KAON_CORRUPT, "the end of '%s' is %s", a->path,
                     error == Z_BUF_ERROR ? "cut off" : "damaged");
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static kaon_status read_type(array *a, const uint8_t head[HEADER_BYTES], kaon_diag *diag)
{
    if (head[0] || head[1])
        return kaon_fail(diag, KAON_CORRUPT,
                         "'%s' is no idx file: it begins with %02x%02x, not with two zero bytes",
                         a->path, head[0], head[1]);
    for (size_t i = 0; i < sizeof elements / sizeof *elements; i++)
        if (elements[i].code == head[2])
            a->type = &elements[i];
    if (!a->type)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' has values of type %02x; known are 08 to 0e",
                         a->path, head[2]);
    if (head[3] < 1 || head[3] > KAON_MAX_RANK)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' has %u axes; allowed are 1 to %d", a->path,
                         head[3], KAON_MAX_RANK);
    return KAON_OK;
}

static kaon_status read_header(array *a, kaon_diag *diag)
{
    uint8_t head[HEADER_BYTES], sizes[4 * KAON_MAX_RANK];
    KAON_TRY(read_bytes(a, head, sizeof head, diag));
    KAON_TRY(read_type(a, head, diag));
    KAON_TRY(read_bytes(a, sizes, 4u * head[3], diag));
    a->rows = big_endian(sizes);
    a->row_bytes = a->type->bytes;
    a->column.format = a->type->format;
    a->column.rank = head[3] - 1;
    for (int32_t i = 0; i < a->column.rank; i++) {
        const uint32_t size = big_endian(sizes + 4 * (i + 1));
        if (size == 0 || a->row_bytes > (uint64_t)BATCH_BYTES * 64 / size)
            return kaon_fail(diag, KAON_CORRUPT, "axis %d of '%s' has the size %u", i + 1, a->path,
                             size);
        a->column.shape[i] = size;
        a->row_bytes *= size;
    }
    return KAON_OK;
}

// A plain file has as many bytes as its header says; of a gzipped one its end tells.
static kaon_status check_size(const array *a, kaon_diag *diag)
{
    struct stat facts;
    const uint64_t bytes =
        HEADER_BYTES + 4u * (uint64_t)(a->column.rank + 1) + (uint64_t)a->rows * a->row_bytes;
    if (!gzdirect(a->file) || stat(a->path, &facts) || (uint64_t)facts.st_size == bytes)
        return KAON_OK;
    return kaon_fail(diag, KAON_CORRUPT, "'%s' has %lld bytes; its header says %llu", a->path,
                     (long long)facts.st_size, (unsigned long long)bytes);
}

static kaon_status array_open(const kaon_host *host, const char *path, const char *name, array *a,
                              kaon_diag *diag)
{
    struct stat facts;
    const size_t bytes = strlen(path) + 1;
    memset(a, 0, sizeof *a);
    if (stat(path, &facts))
        return kaon_fail(diag, errno == ENOENT ? KAON_NOT_FOUND : KAON_IO,
                         "'%s' cannot be opened: %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return kaon_fail(diag, KAON_INVALID, "'%s' is not a regular file", path);
    a->path = kaon_alloc(host, bytes);
    if (!a->path)
        return no_memory(diag);
    memcpy(a->path, path, bytes);
    errno = 0;
    a->file = gzopen(path, "rb");
    if (!a->file)
        return errno ? kaon_fail(diag, KAON_IO, "'%s' cannot be opened: %s", path, strerror(errno))
                     : no_memory(diag);
    gzbuffer(a->file, 1 << 18);
    a->column.name = name;
    KAON_TRY(read_header(a, diag));
    return check_size(a, diag);
}

/* --- labels ----------------------------------------------------------------------------------- */

// Replaces the last `from` in the file's name; 0 if it does not occur.
static int replace(char *path, const char *from, const char *to)
{
    char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    char *at = strstr(name, from);
    const size_t removed = strlen(from), added = strlen(to);
    if (!at || strlen(path) + added >= LARGEST_PATH + removed)
        return 0;
    memmove(at + added, at + removed, strlen(at + removed) + 1);
    memcpy(at, to, added);
    return 1;
}

// The path of the labels into `out`; 0: there are none.
static int labels_path(const char *path, const char *wanted, char out[LARGEST_PATH])
{
    struct stat facts;
    const int found_by_name = !strcmp(wanted, "auto");
    if (!strcmp(wanted, "none") || strlen(path) >= LARGEST_PATH || strlen(wanted) >= LARGEST_PATH)
        return 0;
    if (!found_by_name) {
        strcpy(out, wanted);
        return 1;
    }
    strcpy(out, path);
    if (!replace(out, "images", "labels"))
        return 0;
    for (char axes[] = "idx3"; axes[3] <= '9'; axes[3]++)
        replace(out, axes, "idx1");
    return stat(out, &facts) == 0;
}

static kaon_status open_labels(reader *r, const char *path, kaon_diag *diag)
{
    char labels[LARGEST_PATH];
    if (!labels_path(path, r->settings.labels, labels))
        return KAON_OK;
    r->count = 2;
    const array *values = &r->arrays[0];
    KAON_TRY(array_open(r->host, labels, r->settings.label_name, &r->arrays[1], diag));
    if (r->arrays[1].column.rank || r->arrays[1].rows != values->rows)
        return kaon_fail(diag, KAON_CORRUPT,
                         "'%s' has %lld rows of %lld numbers; it must have %lld rows of one",
                         labels, (long long)r->arrays[1].rows,
                         (long long)(r->arrays[1].row_bytes / r->arrays[1].type->bytes),
                         (long long)values->rows);
    return KAON_OK;
}

/* --- one batch -------------------------------------------------------------------------------- */

static void swap_bytes(uint8_t *at, uint64_t count, uint8_t bytes)
{
    const uint16_t one = 1;
    uint8_t first;
    memcpy(&first, &one, 1);
    if (bytes == 1 || first == 0)
        return;
    for (uint64_t i = 0; i < count; i++, at += bytes)
        for (uint8_t j = 0; j < bytes / 2; j++) {
            const uint8_t kept = at[j];
            at[j] = at[bytes - 1 - j];
            at[bytes - 1 - j] = kept;
        }
}

static kaon_status next_batch(void *self, struct ArrowArray *out, kaon_diag *diag)
{
    scan *s = self;
    const kaon_host *host = s->r->host;
    const int64_t rows = s->left < s->batch_rows ? s->left : s->batch_rows;
    kaon_arrow_data data[ARRAYS];
    memset(data, 0, sizeof data);
    if (rows == 0)
        return KAON_END;
    for (int32_t i = 0; i < s->count; i++) {
        array *a = &s->arrays[i];
        const uint64_t bytes = (uint64_t)rows * a->row_bytes;
        data[i].values = kaon_alloc(host, bytes);
        kaon_status status =
            data[i].values ? read_bytes(a, data[i].values, bytes, diag) : no_memory(diag);
        if (!status && s->to_end && rows == s->left)
            status = check_end(a, diag);
        if (status) {
            kaon_arrow_data_free(host, data, s->count);
            return status;
        }
        swap_bytes(data[i].values, bytes / a->type->bytes, a->type->bytes);
    }
    s->left -= rows;
    return kaon_arrow_array_make(host, s->columns, data, s->count, rows, out, diag);
}

static kaon_status scan_schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const scan *s = self;
    return kaon_arrow_schema_make(s->r->host, s->columns, s->count, out, diag);
}

static void scan_close(void *self)
{
    scan *s = self;
    for (int32_t i = 0; i < s->count; i++)
        array_close(s->r->host, &s->arrays[i]);
    kaon_free(s->r->host, s);
}

static const kaon_arrow_stream_calls stream_calls = {
    .schema = scan_schema,
    .next = next_batch,
    .close = scan_close,
};

/* --- the reader ------------------------------------------------------------------------------- */

static void close_reader(void *self)
{
    reader *r = self;
    for (int32_t i = 0; i < ARRAYS; i++)
        array_close(r->host, &r->arrays[i]);
    kaon_free(r->host, r);
}

static kaon_status open_reader(const kaon_host *host, const void *settings, const char *path,
                               void **self, kaon_diag *diag)
{
    if (!path)
        return kaon_fail(diag, KAON_INVALID, "idx reads files: give it a path");
    reader *r = kaon_alloc(host, sizeof *r);
    if (!r)
        return no_memory(diag);
    memset(r, 0, sizeof *r);
    r->host = host;
    r->settings = *(const config *)settings;
    r->count = 1;
    kaon_status status = array_open(host, path, r->settings.name, &r->arrays[0], diag);
    if (!status)
        status = open_labels(r, path, diag);
    if (status) {
        close_reader(r);
        return status;
    }
    *self = r;
    return KAON_OK;
}

static kaon_status schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const reader *r = self;
    const kaon_arrow_column columns[ARRAYS] = {r->arrays[0].column, r->arrays[1].column};
    return kaon_arrow_schema_make(r->host, columns, r->count, out, diag);
}

static kaon_status rows(void *self, int64_t *out, kaon_diag *diag)
{
    (void)diag;
    *out = ((const reader *)self)->arrays[0].rows;
    return KAON_OK;
}

// Each scan reads the files for itself, from the first row it is to give.
static kaon_status add_column(scan *s, const array *from, int64_t first, kaon_diag *diag)
{
    array *a = &s->arrays[s->count++];
    KAON_TRY(array_open(s->r->host, from->path, from->column.name, a, diag));
    if (a->rows != from->rows || a->row_bytes != from->row_bytes)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' has changed while it was read", from->path);
    s->columns[s->count - 1] = a->column;
    if (first && gzseek(a->file, (z_off_t)(first * (int64_t)a->row_bytes), SEEK_CUR) < 0)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' cannot be read up to row %lld", from->path,
                         (long long)first);
    return KAON_OK;
}

static kaon_status choose(scan *s, const kaon_read *what, int64_t first, kaon_diag *diag)
{
    const reader *r = s->r;
    const int32_t count = what->column_count ? what->column_count : r->count;
    if (count > r->count)
        return kaon_fail(diag, KAON_INVALID, "%d columns are asked for, there are %d", count,
                         r->count);
    for (int32_t i = 0; i < count; i++) {
        int32_t at = what->column_count ? 0 : i;
        while (what->column_count && at < r->count &&
               strcmp(r->arrays[at].column.name, what->columns[i]))
            at++;
        if (at == r->count)
            return kaon_fail(diag, KAON_NOT_FOUND, "there is no column '%s'", what->columns[i]);
        KAON_TRY(add_column(s, &r->arrays[at], first, diag));
    }
    return KAON_OK;
}

static kaon_status prepare(scan *s, const kaon_read *what, kaon_diag *diag)
{
    const int64_t all = s->r->arrays[0].rows;
    if (what->first_row < 0 || what->row_count < 0)
        return kaon_fail(diag, KAON_INVALID, "rows from %lld, %lld of them",
                         (long long)what->first_row, (long long)what->row_count);
    const int64_t first = what->first_row < all ? what->first_row : all;
    const int64_t fit = BATCH_BYTES / (int64_t)s->r->arrays[0].row_bytes + 1;
    s->left = all - first;
    if (what->row_count && what->row_count < s->left)
        s->left = what->row_count;
    s->to_end = first + s->left == all;
    s->batch_rows = what->batch_rows > 0 && what->batch_rows < fit ? what->batch_rows : fit;
    return choose(s, what, first, diag);
}

static kaon_status start_scan(void *self, const kaon_read *what, struct ArrowArrayStream *out,
                              kaon_diag *diag)
{
    const reader *r = self;
    scan *s = kaon_alloc(r->host, sizeof *s);
    if (!s)
        return no_memory(diag);
    memset(s, 0, sizeof *s);
    s->r = r;
    kaon_status status = prepare(s, what, diag);
    if (!status)
        status = kaon_arrow_stream_make(r->host, &stream_calls, s, out, diag);
    if (status)
        scan_close(s);
    return status;
}

static const char *const extensions[] = {".idx",   ".idx.gz",   "-ubyte", "-ubyte.gz",
                                         ".ubyte", ".ubyte.gz", NULL};

static const kaon_reader idx = {
    .size = sizeof idx,
    .settings_size = sizeof(config),
    .options = options,
    .help = "arrays of images and labels as MNIST has them, gzipped or not",
    .extensions = extensions,
    .open = open_reader,
    .close = close_reader,
    .schema = schema,
    .rows = rows,
    .scan = start_scan,
};

#define ITEMS(item) item(KAON_READER, "idx", &idx)

KAON_PLUGIN("idx", "1.0.0", "Apache-2.0", "reader of the MNIST file format", ITEMS, NULL)
