/* npy_write.c: columns to .npy and .npz files.
 *
 * Columns are collected in memory, since an array's header, which comes first, states its length.
 * The file is written under a name of its own, made durable and renamed, so that under its own name
 * it is whole or not there. Archives are stored, not packed, with offsets of 64 bits where 32 are
 * too few.
 */
#include "npy_write.h"

#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

typedef struct {
    char *name;
    const npy_type *type;
    int32_t rank; // of one row's array
    int64_t shape[KAON_MAX_RANK];
    uint64_t row_values;
    uint64_t width; // of texts: code points of the longest
    uint8_t *at;
    uint64_t bytes;
    uint64_t room;
} out_column;

typedef struct {
    const kaon_host *host;
    char *path;
    char *draft; // what is written until it is whole
    int32_t archive;
    int64_t count;
    int64_t rows;
    out_column *columns;
} writer;

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for arrays");
}

static kaon_status system_failed(const writer *w, const char *what, kaon_diag *diag)
{
    return kaon_fail(diag, KAON_IO, "%s '%s' fails: %s", what, w->path, strerror(errno));
}

/* --- opening ---------------------------------------------------------------------------------- */

static kaon_status read_column(const writer *w, const struct ArrowSchema *s, out_column *c,
                               kaon_diag *diag)
{
    const char *name = s->name ? s->name : "";
    c->name = kaon_arrow_copy(w->host, name);
    if (!c->name)
        return no_memory(diag);
    c->row_values = 1;
    for (; !strncmp(s->format, "+w:", 3); s = s->children[0]) {
        if (c->rank == KAON_MAX_RANK - 1 || s->n_children != 1)
            return kaon_fail(diag, KAON_UNSUPPORTED, "column '%s' has too many axes", name);
        c->shape[c->rank] = strtoll(s->format + 3, NULL, 10);
        c->row_values *= (uint64_t)c->shape[c->rank++];
    }
    for (c->type = npy_types; c->type->kind; c->type++)
        if (!strcmp(c->type->arrow, s->format) && (c->type->bytes || c->type->kind == 'U'))
            break;
    if (!c->type->kind || (c->type->kind == 'U' && c->rank))
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "column '%s' is no array of numbers and no text (Arrow format '%s')", name,
                         s->format);
    return KAON_OK;
}

static int ends_with(const char *text, const char *end)
{
    const size_t a = strlen(text), b = strlen(end);
    return a >= b && !strcmp(text + a - b, end);
}

static kaon_status check_plain(const writer *w, kaon_diag *diag)
{
    for (int64_t i = 1; i < w->count; i++)
        if (w->columns[i].type != w->columns->type || w->columns[i].rank || w->columns->rank ||
            w->columns->type->kind == 'U')
            return kaon_fail(diag, KAON_UNSUPPORTED,
                             "a .npy file holds one array, columns '%s' and '%s' differ in type; "
                             "write .npz",
                             w->columns->name, w->columns[i].name);
    return KAON_OK;
}

static kaon_status fill(writer *w, const char *path, const struct ArrowSchema *schema,
                        kaon_diag *diag)
{
    char draft[PATH_MAX];
    const int length = snprintf(draft, sizeof draft, "%s.tmp-%ld", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof draft)
        return kaon_fail(diag, KAON_INVALID, "the path is too long");
    w->archive = ends_with(path, ".npz");
    w->path = kaon_arrow_copy(w->host, path);
    w->draft = kaon_arrow_copy(w->host, draft);
    w->columns = kaon_alloc(w->host, (uint64_t)schema->n_children * sizeof *w->columns);
    if (!w->path || !w->draft || !w->columns)
        return no_memory(diag);
    memset(w->columns, 0, (size_t)schema->n_children * sizeof *w->columns);
    w->count = schema->n_children;
    for (int64_t i = 0; i < w->count; i++)
        KAON_TRY(read_column(w, schema->children[i], &w->columns[i], diag));
    if (!w->count)
        return kaon_fail(diag, KAON_INVALID, "there is no column to write");
    return w->archive ? KAON_OK : check_plain(w, diag);
}

kaon_status npy_write_open(const kaon_host *host, const void *settings, const char *path,
                           const struct ArrowSchema *schema, void **self, kaon_diag *diag)
{
    (void)settings;
    writer *w = kaon_alloc(host, sizeof *w);
    if (!w)
        return no_memory(diag);
    *w = (writer){.host = host};
    const kaon_status status = fill(w, path, schema, diag);
    if (status) {
        npy_write_close(w);
        return kaon_context(diag, status, "writing '%s'", path);
    }
    *self = w;
    return KAON_OK;
}

void npy_write_close(void *self)
{
    writer *w = self;
    for (int64_t i = 0; i < w->count; i++) {
        kaon_free(w->host, w->columns[i].name);
        kaon_free(w->host, w->columns[i].at);
    }
    kaon_free(w->host, w->columns);
    kaon_free(w->host, w->path);
    kaon_free(w->host, w->draft);
    kaon_free(w->host, w);
}

/* --- collecting ------------------------------------------------------------------------------- */

static int bit(const uint8_t *bits, uint64_t i)
{
    return bits[i / 8] >> (i % 8) & 1;
}

// Room for `bytes` more; NULL: no memory.
static uint8_t *grow(const writer *w, out_column *c, uint64_t bytes)
{
    if (c->room - c->bytes < bytes) {
        const uint64_t room = c->bytes + bytes + c->room / 2;
        uint8_t *at = w->host->resize(w->host, c->at, room);
        if (!at)
            return NULL;
        c->at = at;
        c->room = room;
    }
    return c->at + c->bytes;
}

// Missing numbers become NaN; what cannot be NaN cannot be missing.
static kaon_status mark_missing(const out_column *c, uint8_t *at, const struct ArrowArray *a,
                                uint64_t values, kaon_diag *diag)
{
    const uint8_t *valid = a->n_buffers ? a->buffers[0] : NULL;
    if (!valid || a->null_count == 0)
        return KAON_OK;
    const uint64_t rows = (uint64_t)a->length;
    for (uint64_t row = 0; row < rows; row++) {
        if (bit(valid, (uint64_t)a->offset + row))
            continue;
        if (c->type->kind != 'f' || c->type->bytes < 4)
            return kaon_fail(diag, KAON_INVALID,
                             "column '%s' misses a value; only f32 and f64 columns may", c->name);
        for (uint64_t i = row * values; i < (row + 1) * values; i++) {
            const float nan_single = NAN;
            const double nan_double = NAN;
            memcpy(at + i * c->type->bytes,
                   c->type->bytes == 4 ? (const void *)&nan_single : (const void *)&nan_double,
                   c->type->bytes);
        }
    }
    return KAON_OK;
}

// The code points of UTF-8, which Arrow promises to be well formed, ended by a zero. Returns how
// many.
static uint64_t decode(const uint8_t *at, const uint8_t *end, uint32_t *to)
{
    uint64_t count = 0;
    while (at < end) {
        const uint8_t lead = *at++;
        uint32_t c = lead < 0x80   ? lead
                     : lead < 0xe0 ? lead & 31u
                     : lead < 0xf0 ? lead & 15u
                                   : lead & 7u;
        while (at < end && (*at & 0xc0) == 0x80)
            c = c << 6 | (*at++ & 63u);
        to[count++] = c;
    }
    to[count] = 0;
    return count;
}

// Kept as code points until the longest is known. A missing text is an empty one.
static kaon_status add_texts(const writer *w, out_column *c, const struct ArrowArray *a,
                             int64_t from, int64_t rows, kaon_diag *diag)
{
    const uint8_t *valid = a->buffers[0], *values = a->buffers[2];
    const int32_t *offsets = a->buffers[1];
    for (int64_t row = from + a->offset; row < from + a->offset + rows; row++) {
        const int none = valid && a->null_count && !bit(valid, (uint64_t)row);
        const uint64_t length = none ? 0 : (uint64_t)(offsets[row + 1] - offsets[row]);
        uint8_t *to = grow(w, c, (length + 1) * sizeof(uint32_t));
        if (!to)
            return no_memory(diag);
        const uint8_t *at = length ? values + offsets[row] : NULL;
        const uint64_t count = decode(at, at + length, (uint32_t *)(void *)to);
        c->bytes += (count + 1) * sizeof(uint32_t);
        c->width = count > c->width ? count : c->width;
    }
    return KAON_OK;
}

// All texts of a column as wide as the longest, padded with zeros.
static kaon_status widen(const writer *w, out_column *c, kaon_diag *diag)
{
    if (c->type->kind != 'U')
        return KAON_OK;
    c->width = c->width ? c->width : 1;
    const uint64_t bytes = (uint64_t)w->rows * c->width * sizeof(uint32_t);
    uint32_t *to = kaon_alloc(w->host, bytes);
    const uint32_t *from = (const uint32_t *)(const void *)c->at;
    if (!to)
        return no_memory(diag);
    memset(to, 0, bytes);
    for (int64_t row = 0; row < w->rows; row++, from++)
        for (uint64_t i = 0; *from; i++)
            to[(uint64_t)row * c->width + i] = *from++;
    kaon_free(w->host, c->at);
    c->at = (uint8_t *)to;
    c->bytes = c->room = bytes;
    return KAON_OK;
}

static kaon_status add_values(const writer *w, out_column *c, const struct ArrowArray *array,
                              int64_t from, int64_t rows, kaon_diag *diag)
{
    if (c->type->kind == 'U')
        return add_texts(w, c, array, from, rows, diag);
    const struct ArrowArray *a = array;
    uint64_t first = (uint64_t)(from + a->offset), count = (uint64_t)rows;
    for (int32_t i = 0; i < c->rank; i++) {
        a = a->children[0];
        count *= (uint64_t)c->shape[i];
        first = first * (uint64_t)c->shape[i] + (uint64_t)a->offset;
    }
    const uint64_t bytes = count * c->type->bytes;
    uint8_t *to = grow(w, c, bytes);
    if (!to)
        return no_memory(diag);
    const uint8_t *values = a->buffers[1];
    if (c->type->kind == 'b')
        for (uint64_t i = 0; i < count; i++)
            to[i] = (uint8_t)bit(values, first + i);
    else if (bytes)
        memcpy(to, values + first * c->type->bytes, bytes);
    c->bytes += bytes;
    return mark_missing(c, to, array, c->row_values, diag);
}

kaon_status npy_write_batch(void *self, const struct ArrowArray *batch, kaon_diag *diag)
{
    writer *w = self;
    if (batch->n_children != w->count)
        return kaon_fail(diag, KAON_INVALID, "a batch has %lld columns, the schema has %lld",
                         (long long)batch->n_children, (long long)w->count);
    for (int64_t i = 0; i < w->count; i++)
        KAON_TRY(
            add_values(w, &w->columns[i], batch->children[i], batch->offset, batch->length, diag));
    w->rows += batch->length;
    return KAON_OK;
}

/* --- writing ---------------------------------------------------------------------------------- */

// The header of version 1, padded so that the data begins at a multiple of 64. Returns its length.
static uint64_t make_header(const writer *w, const out_column *c, int64_t stacked,
                            uint8_t header[512])
{
    static const uint8_t magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    char *text = (char *)header + 10;
    int at = snprintf(text, 500, "{'descr': '%c%c%u', 'fortran_order': False, 'shape': (%lld,",
                      c->type->bytes == 1 ? '|' : '<', c->type->kind,
                      (unsigned)(c->type->bytes ? c->type->bytes : c->width), (long long)w->rows);
    for (int32_t i = 0; i < c->rank; i++)
        at += snprintf(text + at, 500 - (size_t)at, "%s%lld%s", i ? " " : " ",
                       (long long)c->shape[i], i + 1 < c->rank ? "," : "");
    if (stacked)
        at += snprintf(text + at, 500 - (size_t)at, " %lld", (long long)stacked);
    at += snprintf(text + at, 500 - (size_t)at, "), }");
    const uint64_t whole = ((uint64_t)at + 11 + 63) / 64 * 64;
    memset(text + at, ' ', whole - 10 - (uint64_t)at);
    header[whole - 1] = '\n';
    memcpy(header, magic, sizeof magic);
    header[8] = (uint8_t)((whole - 10) & 0xff);
    header[9] = (uint8_t)((whole - 10) >> 8);
    return whole;
}

static int put(FILE *f, const void *data, uint64_t bytes)
{
    return !bytes || fwrite(data, 1, bytes, f) == bytes;
}

static int put_number(FILE *f, uint64_t value, int bytes)
{
    uint8_t raw[8];
    for (int i = 0; i < bytes; i++)
        raw[i] = (uint8_t)(value >> 8 * i);
    return put(f, raw, (uint64_t)bytes);
}

// One column, or several of one type side by side.
static int put_plain(const writer *w, FILE *f)
{
    uint8_t header[512];
    const out_column *c = w->columns;
    const uint64_t unit = c->type->bytes;
    int ok = put(f, header, make_header(w, c, w->count > 1 ? w->count : 0, header));
    if (w->count == 1)
        return ok && put(f, c->at, c->bytes);
    for (int64_t row = 0; ok && row < w->rows; row++)
        for (int64_t i = 0; ok && i < w->count; i++)
            ok = put(f, w->columns[i].at + (uint64_t)row * unit, unit);
    return ok;
}

typedef struct {
    uint64_t at;
    uint64_t bytes;
    uint32_t crc;
} placed;

static uint32_t sum(uint32_t crc, const uint8_t *data, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;) {
        const uint64_t part = bytes - done < (1u << 30) ? bytes - done : 1u << 30;
        crc = (uint32_t)crc32(crc, data + done, (uInt)part);
        done += part;
    }
    return crc;
}

// What the local header and the directory entry share, from "version needed" to the name's length.
// Sizes always stand in the zip64 field, so that one form serves all.
static int put_entry(FILE *f, const placed *p, uint64_t name, uint64_t extra)
{
    return put_number(f, 45, 2) && put_number(f, 0x800, 2) && put_number(f, 0, 2) && // stored
           put_number(f, 0, 2) && put_number(f, 0x21, 2) && put_number(f, p->crc, 4) &&
           put_number(f, 0xffffffff, 4) && put_number(f, 0xffffffff, 4) && put_number(f, name, 2) &&
           put_number(f, extra, 2);
}

static int put_name(FILE *f, const out_column *c)
{
    return put(f, c->name, strlen(c->name)) && put(f, ".npy", 4);
}

static int put_member(const writer *w, FILE *f, const out_column *c, placed *p)
{
    uint8_t header[512];
    const uint64_t head = make_header(w, c, 0, header), name = strlen(c->name) + 4;
    p->crc = sum(sum((uint32_t)crc32(0, NULL, 0), header, head), c->at, c->bytes);
    p->bytes = head + c->bytes;
    return put_number(f, 0x04034b50, 4) && put_entry(f, p, name, 20) && put_name(f, c) &&
           put_number(f, 1, 2) && put_number(f, 16, 2) && put_number(f, p->bytes, 8) &&
           put_number(f, p->bytes, 8) && put(f, header, head) && put(f, c->at, c->bytes);
}

static int put_directory_entry(FILE *f, const out_column *c, const placed *p)
{
    return put_number(f, 0x02014b50, 4) && put_number(f, 45, 2) &&
           put_entry(f, p, strlen(c->name) + 4, 28) && put_number(f, 0, 2) && // comment
           put_number(f, 0, 2) && put_number(f, 0, 2) && put_number(f, 0, 4) &&
           put_number(f, 0xffffffff, 4) && put_name(f, c) && put_number(f, 1, 2) &&
           put_number(f, 24, 2) && put_number(f, p->bytes, 8) && put_number(f, p->bytes, 8) &&
           put_number(f, p->at, 8);
}

static int put_end(const writer *w, FILE *f, uint64_t at, uint64_t bytes)
{
    const uint64_t count = (uint64_t)w->count, end = at + bytes;
    return put_number(f, 0x06064b50, 4) && put_number(f, 44, 8) && put_number(f, 45, 2) &&
           put_number(f, 45, 2) && put_number(f, 0, 4) && put_number(f, 0, 4) &&
           put_number(f, count, 8) && put_number(f, count, 8) && put_number(f, bytes, 8) &&
           put_number(f, at, 8) && put_number(f, 0x07064b50, 4) && put_number(f, 0, 4) &&
           put_number(f, end, 8) && put_number(f, 1, 4) && put_number(f, 0x06054b50, 4) &&
           put_number(f, 0, 4) && put_number(f, 0xffff, 2) && put_number(f, 0xffff, 2) &&
           put_number(f, 0xffffffff, 4) && put_number(f, 0xffffffff, 4) && put_number(f, 0, 2);
}

static int put_archive(const writer *w, FILE *f)
{
    placed *p = kaon_alloc(w->host, (uint64_t)w->count * sizeof *p);
    int ok = p != NULL;
    for (int64_t i = 0; ok && i < w->count; i++) {
        p[i].at = (uint64_t)ftello(f);
        ok = put_member(w, f, &w->columns[i], &p[i]);
    }
    const uint64_t at = ok ? (uint64_t)ftello(f) : 0;
    for (int64_t i = 0; ok && i < w->count; i++)
        ok = put_directory_entry(f, &w->columns[i], &p[i]);
    ok = ok && put_end(w, f, at, (uint64_t)ftello(f) - at);
    kaon_free(w->host, p);
    return ok;
}

// The folder's entry must be durable too, or the rename may be lost.
static int sync_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    const int file = open(folder, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (file < 0)
        return 0;
    const int ok = fsync(file) == 0;
    return close(file) == 0 && ok;
}

kaon_status npy_write_finish(void *self, kaon_diag *diag)
{
    writer *w = self;
    for (int64_t i = 0; i < w->count; i++)
        KAON_TRY(widen(w, &w->columns[i], diag));
    FILE *f = fopen(w->draft, "wbx");
    if (!f)
        return system_failed(w, "creating", diag);
    int ok = w->archive ? put_archive(w, f) : put_plain(w, f);
    ok = ok && fflush(f) == 0 && fsync(fileno(f)) == 0;
    const int failed = errno;
    ok = fclose(f) == 0 && ok;
    if (ok && rename(w->draft, w->path) == 0 && sync_folder(w->path))
        return KAON_OK;
    if (!ok)
        errno = failed ? failed : EIO;
    const kaon_status status = system_failed(w, "writing", diag);
    unlink(w->draft);
    return status;
}
