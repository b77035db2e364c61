/* npy.c: NumPy's array files: .npy with one array, .npz with several.
 *
 * The first axis counts rows. An array of more axes is one column of fixed-size arrays, so images
 * stay images. The column of a .npy file is named by an option; those of a .npz file have the
 * archive's names. Rows are read piecewise: a file may be larger than memory, packed or not; only
 * arrays in Fortran order are read whole, since their rows lie scattered. Format: NEP 1,
 * https://numpy.org/neps/nep-0001-npy-format.html.
 */
#include "npy.h"
#include "npy_write.h"

#include <kaon/io.h>
#include <kaon/plugin.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    const char *name;
    kaon_texts arrays;
} config;

static const kaon_option options[] = {
    KAON_TEXT(config, name, "data", .help = "name of the column of a .npy file"),
    KAON_TEXTS(config, arrays, "[]",
               .help = "arrays of a .npz file to read; none named: those as long as the first"),
    {0},
};

typedef struct {
    npy_array head;
    const npz_member *member; // NULL: a plain file
    uint64_t header_bytes;    // before the data
    kaon_arrow_column column;
} array;

typedef struct {
    const kaon_host *host;
    config settings;
    int file;
    npz_member *members;
    int64_t member_count;
    array *arrays;
    int64_t array_count;
    int64_t rows;
} reader;

typedef struct {
    const reader *r;
    int64_t count;
    const array **arrays;
    npy_bytes **bytes; // of each, at the next row
    uint8_t **whole;   // of arrays in Fortran order: all, in C order
    kaon_arrow_column *columns;
    int64_t next;
    int64_t end;
    int64_t batch_rows;
} scan;

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for arrays");
}

/* --- opening ---------------------------------------------------------------------------------- */

static kaon_status read_head(reader *r, array *a, const npz_member *member, kaon_diag *diag)
{
    uint8_t prefix[NPY_PREFIX];
    char text[NPY_HEADER_MOST + 1];
    npy_bytes *b = NULL;
    uint64_t before = 0, bytes = 0;
    KAON_TRY(npy_bytes_open(r->host, r->file, member, &b, diag));
    kaon_status status = KAON_OK;
    if (npy_bytes_left(b) < NPY_PREFIX)
        status = kaon_fail(diag, KAON_CORRUPT, "it is too short for an array file");
    if (!status)
        status = npy_bytes_read(b, prefix, 10, diag);
    if (!status && prefix[6] > 1)
        status = npy_bytes_read(b, prefix + 10, 2, diag);
    if (!status)
        bytes = npy_header_bytes(prefix, &before);
    if (!status && (!bytes || bytes > NPY_HEADER_MOST))
        status = kaon_fail(diag, KAON_CORRUPT, "it does not begin as an array file does");
    if (!status)
        status = npy_bytes_read(b, text, bytes, diag);
    if (!status) {
        text[bytes] = 0;
        status = npy_header_read(text, &a->head, diag);
    }
    if (!status && npy_all_bytes(&a->head) != npy_bytes_left(b))
        status = kaon_fail(diag, KAON_CORRUPT, "its shape needs %llu bytes, there are %llu",
                           (unsigned long long)npy_all_bytes(&a->head),
                           (unsigned long long)npy_bytes_left(b));
    npy_bytes_close(b);
    a->member = member;
    a->header_bytes = before + bytes;
    return status;
}

static kaon_status describe(array *a, const char *name, kaon_diag *diag)
{
    a->column = (kaon_arrow_column){.name = name, .format = a->head.type->arrow};
    if (a->head.rank == 0)
        return kaon_fail(diag, KAON_INVALID, "it is a single number; rows are needed");
    const int is_text = a->column.format[0] == 'u';
    if (is_text && a->head.rank > 1)
        return kaon_fail(diag, KAON_UNSUPPORTED, "texts are read in one column only");
    if (npy_row_bytes(&a->head) > (uint64_t)INT32_MAX)
        return kaon_fail(diag, KAON_UNSUPPORTED, "a row of it has more than 2 GiB");
    a->column.rank = a->head.rank - 1;
    for (int32_t i = 1; i < a->head.rank; i++)
        a->column.shape[i - 1] = a->head.shape[i];
    return KAON_OK;
}

static kaon_status open_plain(reader *r, kaon_diag *diag)
{
    r->arrays = kaon_alloc(r->host, sizeof *r->arrays);
    if (!r->arrays)
        return no_memory(diag);
    r->array_count = 1;
    KAON_TRY(read_head(r, r->arrays, NULL, diag));
    r->rows = r->arrays->head.rank ? r->arrays->head.shape[0] : 0;
    return describe(r->arrays, r->settings.name, diag);
}

static const npz_member *member_named(const reader *r, const char *name)
{
    for (int64_t i = 0; i < r->member_count; i++)
        if (!strcmp(r->members[i].name, name))
            return &r->members[i];
    return NULL;
}

static kaon_status add_member(reader *r, const npz_member *m, int must, kaon_diag *diag)
{
    array *a = &r->arrays[r->array_count];
    kaon_status status = read_head(r, a, m, diag);
    const int first = r->array_count == 0;
    if (!status && !must && (!a->head.rank || (!first && a->head.shape[0] != r->rows)))
        return KAON_OK;
    if (!status)
        status = describe(a, m->name, diag);
    if (!status && !first && a->head.shape[0] != r->rows)
        status = kaon_fail(diag, KAON_INVALID, "it has %lld rows, '%s' has %lld",
                           (long long)a->head.shape[0], r->arrays->column.name, (long long)r->rows);
    if (status)
        return kaon_context(diag, status, "array '%s'", m->name);
    if (first)
        r->rows = a->head.shape[0];
    r->array_count++;
    return KAON_OK;
}

static kaon_status open_archive(reader *r, kaon_diag *diag)
{
    const kaon_texts *named = &r->settings.arrays;
    KAON_TRY(npz_members(r->host, r->file, &r->members, &r->member_count, diag));
    const int64_t room = named->count > r->member_count ? named->count : r->member_count;
    r->arrays = kaon_alloc(r->host, (uint64_t)room * sizeof *r->arrays);
    if (!r->arrays)
        return no_memory(diag);
    for (int64_t i = 0; i < named->count; i++) {
        const npz_member *m = member_named(r, named->at[i]);
        if (!m)
            return kaon_fail(diag, KAON_NOT_FOUND, "there is no array '%s'; the first is '%s'",
                             named->at[i], r->members->name);
        KAON_TRY(add_member(r, m, 1, diag));
    }
    for (int64_t i = 0; !named->count && i < r->member_count; i++)
        KAON_TRY(add_member(r, &r->members[i], 0, diag));
    if (!r->array_count)
        return kaon_fail(diag, KAON_INVALID, "none of its arrays has rows");
    return KAON_OK;
}

static void reader_close(void *self)
{
    reader *r = self;
    if (r->file >= 0)
        close(r->file);
    npz_members_free(r->host, r->members, r->member_count);
    kaon_free(r->host, r->arrays);
    kaon_free(r->host, r);
}

static kaon_status reader_open(const kaon_host *host, const void *settings, const char *path,
                               void **self, kaon_diag *diag)
{
    uint8_t magic[4] = {0};
    reader *r = kaon_alloc(host, sizeof *r);
    if (!r)
        return no_memory(diag);
    *r = (reader){.host = host, .settings = *(const config *)settings};
    r->file = open(path, O_RDONLY | O_CLOEXEC);
    kaon_status status = KAON_OK;
    if (r->file < 0)
        status = kaon_fail(diag, errno == ENOENT ? KAON_NOT_FOUND : KAON_IO,
                           "it cannot be opened: %s", strerror(errno));
    else if (pread(r->file, magic, sizeof magic, 0) == sizeof magic && magic[0] == 'P')
        status = open_archive(r, diag);
    else
        status = open_plain(r, diag);
    if (status) {
        reader_close(r);
        return kaon_context(diag, status, "reading '%s'", path);
    }
    *self = r;
    return KAON_OK;
}

static kaon_status reader_rows(void *self, int64_t *out, kaon_diag *diag)
{
    const reader *r = self;
    (void)diag;
    *out = r->rows;
    return KAON_OK;
}

static kaon_status reader_schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const reader *r = self;
    kaon_arrow_column *columns = kaon_alloc(r->host, (uint64_t)r->array_count * sizeof *columns);
    if (!columns)
        return no_memory(diag);
    for (int64_t i = 0; i < r->array_count; i++)
        columns[i] = r->arrays[i].column;
    const kaon_status status = kaon_arrow_schema_make(r->host, columns, r->array_count, out, diag);
    kaon_free(r->host, columns);
    return status;
}

/* --- values ----------------------------------------------------------------------------------- */

static void swap_bytes(uint8_t *at, uint64_t bytes, uint64_t unit)
{
    for (uint64_t i = 0; i + unit <= bytes; i += unit)
        for (uint64_t j = 0; j < unit / 2; j++) {
            const uint8_t keep = at[i + j];
            at[i + j] = at[i + unit - 1 - j];
            at[i + unit - 1 - j] = keep;
        }
}

// Arrow packs truth values into bits.
static void pack_bits(uint8_t *at, uint64_t count)
{
    for (uint64_t i = 0; i < count; i += 8) {
        uint8_t bits = 0;
        for (uint64_t j = 0; j < 8 && i + j < count; j++)
            bits |= (uint8_t)((at[i + j] != 0) << j);
        at[i / 8] = bits;
    }
}

// One code point as UTF-8, at most 4 bytes; returns how many. What is none becomes U+FFFD.
static uint32_t put_utf8(uint32_t c, uint8_t *to)
{
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        c = 0xfffd;
    const uint32_t length = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (uint32_t i = length - 1; i > 0; i--) {
        to[i] = (uint8_t)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    to[0] = (uint8_t)(lead[length] | c);
    return length;
}

// Texts of fixed width, padded with zeros, to texts one after the other. Grows in place: `raw` ends
// where `to` could not overtake it, since no text gets longer (S) or `to` is another block (U).
static kaon_status make_texts(const scan *s, const npy_array *a, uint8_t *raw, int64_t rows,
                              kaon_arrow_data *data, kaon_diag *diag)
{
    const uint64_t unit = a->type->kind == 'U' ? 4 : 1, width = a->item_bytes / unit;
    uint8_t *to = kaon_alloc(s->r->host, (uint64_t)rows * a->item_bytes);
    data->values = to;
    data->offsets = kaon_alloc(s->r->host, ((uint64_t)rows + 1) * sizeof(int32_t));
    if (!to || !data->offsets)
        return no_memory(diag);
    uint64_t done = 0;
    for (int64_t row = 0; row < rows; row++) {
        const uint8_t *at = raw + (uint64_t)row * a->item_bytes;
        data->offsets[row] = (int32_t)done;
        for (uint64_t i = 0; i < width; i++) {
            uint32_t c = at[i * unit];
            if (unit == 4)
                memcpy(&c, at + 4 * i, 4);
            if (!c)
                break;
            if (unit == 4)
                done += put_utf8(c, to + done);
            else
                to[done++] = (uint8_t)c;
        }
    }
    data->offsets[rows] = (int32_t)done;
    return KAON_OK;
}

static kaon_status finish_values(const scan *s, const npy_array *a, uint8_t *raw, int64_t rows,
                                 kaon_arrow_data *data, kaon_diag *diag)
{
    const uint64_t bytes = (uint64_t)rows * npy_row_bytes(a);
    if (a->swapped)
        swap_bytes(raw, bytes, a->type->kind == 'U' ? 4 : a->item_bytes);
    if (a->type->arrow[0] == 'u') {
        const kaon_status status = make_texts(s, a, raw, rows, data, diag);
        kaon_free(s->r->host, raw);
        return status;
    }
    if (a->type->kind == 'b')
        pack_bits(raw, bytes);
    data->values = raw;
    return KAON_OK;
}

// An array in Fortran order, read whole and laid out by rows.
static kaon_status read_fortran(const scan *s, int64_t i, kaon_diag *diag)
{
    const npy_array *a = &s->arrays[i]->head;
    const uint64_t bytes = npy_all_bytes(a);
    uint8_t *raw = kaon_alloc(s->r->host, bytes);
    uint8_t *to = s->whole[i] = kaon_alloc(s->r->host, bytes);
    kaon_status status =
        raw && to ? npy_bytes_read(s->bytes[i], raw, bytes, diag) : no_memory(diag);
    int64_t index[KAON_MAX_RANK] = {0};
    const uint64_t unit = a->item_bytes, count = status ? 0 : bytes / unit;
    for (uint64_t n = 0; n < count; n++) { // in C order
        uint64_t from = 0;
        for (int32_t k = a->rank - 1; k >= 0; k--)
            from = from * (uint64_t)a->shape[k] + (uint64_t)index[k];
        memcpy(to + n * unit, raw + from * unit, unit);
        for (int32_t k = a->rank - 1; k >= 0 && ++index[k] == a->shape[k]; k--)
            index[k] = 0;
    }
    kaon_free(s->r->host, raw);
    return status;
}

static kaon_status read_rows(scan *s, int64_t i, int64_t rows, kaon_arrow_data *data,
                             kaon_diag *diag)
{
    const npy_array *a = &s->arrays[i]->head;
    const uint64_t row_bytes = npy_row_bytes(a), bytes = (uint64_t)rows * row_bytes;
    if (a->fortran && !s->whole[i])
        KAON_TRY(read_fortran(s, i, diag));
    uint8_t *raw = kaon_alloc(s->r->host, bytes);
    if (!raw)
        return no_memory(diag);
    kaon_status status = KAON_OK;
    if (a->fortran)
        memcpy(raw, s->whole[i] + (uint64_t)s->next * row_bytes, bytes);
    else
        status = npy_bytes_read(s->bytes[i], raw, bytes, diag);
    if (status) {
        kaon_free(s->r->host, raw);
        return status;
    }
    return finish_values(s, a, raw, rows, data, diag);
}

/* --- scanning --------------------------------------------------------------------------------- */

static void scan_close(void *self)
{
    scan *s = self;
    const kaon_host *host = s->r->host;
    for (int64_t i = 0; i < s->count; i++) {
        if (s->bytes)
            npy_bytes_close(s->bytes[i]);
        if (s->whole)
            kaon_free(host, s->whole[i]);
    }
    kaon_free(host, s->bytes);
    kaon_free(host, s->whole);
    kaon_free(host, s->arrays);
    kaon_free(host, s->columns);
    kaon_free(host, s);
}

static kaon_status scan_schema(void *self, struct ArrowSchema *out, kaon_diag *diag)
{
    const scan *s = self;
    return kaon_arrow_schema_make(s->r->host, s->columns, s->count, out, diag);
}

static kaon_status scan_next(void *self, struct ArrowArray *out, kaon_diag *diag)
{
    scan *s = self;
    const int64_t left = s->end - s->next;
    if (left <= 0)
        return KAON_END;
    const int64_t rows = left < s->batch_rows ? left : s->batch_rows;
    const uint64_t bytes = (uint64_t)s->count * sizeof(kaon_arrow_data);
    kaon_arrow_data *data = kaon_alloc(s->r->host, bytes);
    if (!data)
        return no_memory(diag);
    memset(data, 0, bytes);
    kaon_status status = KAON_OK;
    for (int64_t i = 0; !status && i < s->count; i++)
        status = kaon_context(diag, read_rows(s, i, rows, &data[i], diag), "array '%s', row %lld",
                              s->columns[i].name, (long long)s->next);
    if (!status)
        status = kaon_arrow_array_make(s->r->host, s->columns, data, s->count, rows, out, diag);
    kaon_arrow_data_free(s->r->host, data, s->count);
    kaon_free(s->r->host, data);
    s->next += rows;
    return status;
}

static const array *array_named(const reader *r, const char *name)
{
    for (int64_t i = 0; i < r->array_count; i++)
        if (!strcmp(r->arrays[i].column.name, name))
            return &r->arrays[i];
    return NULL;
}

static kaon_status choose(scan *s, const kaon_read *what, kaon_diag *diag)
{
    const reader *r = s->r;
    const uint64_t count = (uint64_t)s->count;
    s->arrays = kaon_alloc(r->host, count * sizeof *s->arrays);
    s->columns = kaon_alloc(r->host, count * sizeof *s->columns);
    s->bytes = kaon_alloc(r->host, count * sizeof *s->bytes);
    s->whole = kaon_alloc(r->host, count * sizeof *s->whole);
    if (s->bytes)
        memset(s->bytes, 0, count * sizeof *s->bytes);
    if (s->whole)
        memset(s->whole, 0, count * sizeof *s->whole);
    if (!s->arrays || !s->columns || !s->bytes || !s->whole)
        return no_memory(diag);
    for (int64_t i = 0; i < s->count; i++) {
        s->arrays[i] = what->column_count ? array_named(r, what->columns[i]) : &r->arrays[i];
        if (!s->arrays[i])
            return kaon_fail(diag, KAON_NOT_FOUND, "there is no column '%s'", what->columns[i]);
        s->columns[i] = s->arrays[i]->column;
        KAON_TRY(npy_bytes_open(r->host, r->file, s->arrays[i]->member, &s->bytes[i], diag));
        const npy_array *a = &s->arrays[i]->head;
        const uint64_t before = a->fortran ? 0 : (uint64_t)s->next * npy_row_bytes(a);
        KAON_TRY(npy_bytes_skip(s->bytes[i], s->arrays[i]->header_bytes + before, diag));
    }
    return KAON_OK;
}

// Batches of about 4 MB, so that a wide row does not make a huge array.
static int64_t good_batch(const reader *r)
{
    uint64_t row = 1;
    for (int64_t i = 0; i < r->array_count; i++)
        row += npy_row_bytes(&r->arrays[i].head);
    return row < (4u << 20) ? (int64_t)((4u << 20) / row) : 1;
}

static kaon_status reader_scan(void *self, const kaon_read *what, struct ArrowArrayStream *out,
                               kaon_diag *diag)
{
    static const kaon_arrow_stream_calls calls = {scan_schema, scan_next, scan_close};
    const reader *r = self;
    const int64_t most = good_batch(r);
    if (what->first_row < 0 || what->row_count < 0 || what->batch_rows < 0)
        return kaon_fail(diag, KAON_INVALID, "rows cannot be negative");
    scan *s = kaon_alloc(r->host, sizeof *s);
    if (!s)
        return no_memory(diag);
    *s = (scan){.r = r, .count = what->column_count ? what->column_count : r->array_count};
    s->next = what->first_row < r->rows ? what->first_row : r->rows;
    s->end = what->row_count && what->row_count < r->rows - s->next ? s->next + what->row_count
                                                                    : r->rows;
    s->batch_rows = what->batch_rows && what->batch_rows < most ? what->batch_rows : most;
    kaon_status status = choose(s, what, diag);
    if (!status)
        status = kaon_arrow_stream_make(r->host, &calls, s, out, diag);
    if (status)
        scan_close(s);
    return status;
}

static const char *const extensions[] = {".npy", ".npz", NULL};

static const kaon_reader npy = {
    .size = sizeof npy,
    .settings_size = sizeof(config),
    .options = options,
    .help = "NumPy arrays: .npy and .npz files",
    .extensions = extensions,
    .open = reader_open,
    .close = reader_close,
    .schema = reader_schema,
    .rows = reader_rows,
    .scan = reader_scan,
};

static const kaon_writer npy_out = {
    .size = sizeof npy_out,
    .help = "NumPy arrays: .npy of numbers of one type, .npz with an array per column",
    .extensions = extensions,
    .open = npy_write_open,
    .write = npy_write_batch,
    .finish = npy_write_finish,
    .close = npy_write_close,
};

#define ITEMS(item) item(KAON_READER, "npy", &npy) item(KAON_WRITER, "npy", &npy_out)

KAON_PLUGIN("npy", "1.0.0", "Apache-2.0", "NumPy array files", ITEMS, NULL)
