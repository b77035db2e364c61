/* table_file.c: a table that was read, kept in a file that is mapped as it lies. */
#include "data/table_file.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "data/table.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/tensor.h"

enum { VERSION = 1, PIECE = 1 << 18, MOST_HEAD = 1 << 28 };

// The first bytes of the file.
typedef struct preamble {
    char magic[8];
    uint32_t version; // read as another number on a machine of the other byte order
    uint32_t reserved;
    uint64_t head_bytes;
    uint64_t file_bytes;
    uint64_t sum;
    uint64_t zeros[3];
} preamble;

static const char magic[] = "KAONDATA";

/* --- harvests --------------------------------------------------------------------------------- */

static void free_texts(int64_t count, char **texts)
{
    for (int64_t i = 0; texts && i < count; i++)
        kn_free(texts[i]);
    kn_free(texts);
}

char **kn_copy_texts(int64_t count, const char *const *texts)
{
    char **copies = kn_alloc_array((size_t)count + 1, sizeof *copies);
    for (int64_t i = 0; copies && i < count; i++) {
        copies[i] = kn_copy_text(texts[i]);
        if (copies[i])
            continue;
        free_texts(i, copies);
        return NULL;
    }
    return copies;
}

void kn_harvest_fini(kn_harvest *h)
{
    kn_table_release(h->table);
    kn_block_free(&h->incomplete);
    kn_free(h->source);
    free_texts(h->files.count, h->files.paths);
    kn_free(h->files.ends);
    free_texts(h->feature_count, h->features);
    *h = (kn_harvest){0};
}

/* --- the head --------------------------------------------------------------------------------- */

// Blocks in the order they are written; `at` counts from the first one.
typedef struct layout {
    uint64_t at;
    json_t *head;
} layout;

static uint64_t aligned(uint64_t at)
{
    return (at + KN_BLOCK_ALIGN - 1) / KN_BLOCK_ALIGN * KN_BLOCK_ALIGN;
}

static json_t *place(layout *l, uint64_t bytes)
{
    json_t *pair = json_pack("[I, I]", (json_int_t)l->at, (json_int_t)bytes);
    l->at = aligned(l->at + bytes);
    return pair;
}

static json_t *texts_json(int64_t count, const char *const *texts)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static uint64_t value_bytes(const kaon_column *c)
{
    return (uint64_t)kaon_view_count(&c->view) * kaon_dtype_bytes(c->view.dtype);
}

static uint64_t offset_bytes(const kn_harvest *h)
{
    return ((uint64_t)kn_table_rows(h->table) + 1) * sizeof(int64_t);
}

static json_t *column_json(layout *l, const kn_harvest *h, const kaon_column *c)
{
    json_t *shape = json_array();
    for (int32_t i = 0; i < c->view.rank; i++)
        json_array_append_new(shape, json_integer((json_int_t)c->view.shape[i]));
    json_t *values = place(l, value_bytes(c));
    json_t *column = json_pack("{s:s, s:i, s:i, s:o, s:o, s:o}", "name", c->name, "role",
                               (int)c->role, "dtype", (int)c->view.dtype, "shape", shape, "labels",
                               texts_json(c->label_count, c->labels), "values", values);
    if (c->offsets)
        json_object_set_new(column, "offsets", place(l, offset_bytes(h)));
    return column;
}

static char *head_text(const kn_harvest *h, uint64_t *bytes)
{
    layout l = {0};
    json_t *columns = json_array(), *ends = json_array();
    for (int32_t i = 0; i < kn_table_column_count(h->table); i++) {
        kaon_column c = {.size = sizeof c};
        kn_table_column_at(h->table, i, &c, NULL);
        json_array_append_new(columns, column_json(&l, h, &c));
    }
    for (int64_t i = 0; i < h->files.count; i++)
        json_array_append_new(ends, json_integer((json_int_t)h->files.ends[i]));
    json_t *head =
        json_pack("{s:I, s:s, s:o, s:o, s:o, s:o}", "rows", (json_int_t)kn_table_rows(h->table),
                  "source", h->source, "columns", columns, "features",
                  texts_json(h->feature_count, (const char *const *)h->features), "files",
                  texts_json(h->files.count, (const char *const *)h->files.paths), "ends", ends);
    if (head && h->cut.rows)
        json_object_set_new(head, "cut",
                            json_pack("[I, I, I]", (json_int_t)h->cut.rows, (json_int_t)h->cut.kept,
                                      (json_int_t)h->cut.unknown));
    if (h->incomplete.at)
        json_object_set_new(head, "incomplete", place(&l, (uint64_t)kn_table_rows(h->table)));
    char *text = head ? json_dumps(head, JSON_COMPACT) : NULL;
    json_decref(head);
    *bytes = l.at;
    return text;
}

/* --- writing ---------------------------------------------------------------------------------- */

static kaon_status pad(kn_writer *w, kaon_diag *diag)
{
    static const char zeros[4096];
    uint64_t left = aligned(kn_writer_bytes(w)) - kn_writer_bytes(w);
    for (; left; left -= left < sizeof zeros ? left : sizeof zeros)
        KAON_TRY(kn_writer_add(w, zeros, left < sizeof zeros ? left : sizeof zeros, diag));
    return KAON_OK;
}

static kaon_status add_block(kn_writer *w, const void *data, uint64_t bytes, kaon_diag *diag)
{
    KAON_TRY(bytes ? kn_writer_add(w, data, bytes, diag) : KAON_OK);
    return pad(w, diag);
}

static kaon_status add_blocks(kn_writer *w, const kn_harvest *h, kaon_diag *diag)
{
    for (int32_t i = 0; i < kn_table_column_count(h->table); i++) {
        kaon_column c = {.size = sizeof c};
        KAON_TRY(kn_table_column_at(h->table, i, &c, diag));
        KAON_TRY(add_block(w, c.view.data, value_bytes(&c), diag));
        if (c.offsets)
            KAON_TRY(add_block(w, c.offsets, offset_bytes(h), diag));
    }
    return h->incomplete.at
               ? add_block(w, h->incomplete.at, (uint64_t)kn_table_rows(h->table), diag)
               : KAON_OK;
}

static kaon_status write_all(kn_writer *w, const kn_harvest *h, const char *head,
                             uint64_t block_bytes, kaon_diag *diag)
{
    preamble p = {.version = VERSION, .head_bytes = strlen(head)};
    memcpy(p.magic, magic, sizeof p.magic);
    p.file_bytes = aligned(sizeof p + p.head_bytes) + block_bytes;
    KAON_TRY(kn_writer_add(w, &p, sizeof p, diag));
    KAON_TRY(add_block(w, head, p.head_bytes, diag));
    KAON_TRY(add_blocks(w, h, diag));
    p.sum = kn_writer_checksum(w);
    KAON_TRY(kn_writer_patch(w, 0, &p, sizeof p, diag));
    return kn_writer_commit(w, diag);
}

kaon_status kn_table_file_write(const char *path, const kn_harvest *h, kaon_diag *diag)
{
    kn_writer *w = NULL;
    uint64_t block_bytes = 0;
    char *head = head_text(h, &block_bytes);
    if (!head)
        return kn_no_memory(diag, "the head of a file");
    kaon_status status = kn_writer_new(path, &w, diag);
    if (!status)
        status = write_all(w, h, head, block_bytes, diag);
    kn_writer_free(w);
    free(head);
    return status;
}

/* --- reading ---------------------------------------------------------------------------------- */

typedef struct reading {
    int file;
    preamble p;
    uint64_t start; // of the blocks
    json_t *head;
    int64_t rows;
} reading;

static kaon_status damaged(kaon_diag *diag, const char *what)
{
    return kaon_fail(diag, KAON_CORRUPT, "%s", what);
}

static kaon_status read_at(int file, uint64_t at, void *into, size_t bytes, kaon_diag *diag)
{
    char *to = into;
    while (bytes) {
        const ssize_t got = pread(file, to, bytes, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kaon_fail(diag, KAON_IO, "it cannot be read: %s", strerror(errno));
        if (got == 0)
            return damaged(diag, "it ends too early");
        to += got;
        at += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return KAON_OK;
}

static kaon_status sum_up(const reading *r, XXH3_state_t *state, char *piece, kaon_diag *diag)
{
    preamble p = r->p;
    p.sum = 0;
    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, &p, sizeof p);
    for (uint64_t at = sizeof p; at < p.file_bytes;) {
        const uint64_t left = p.file_bytes - at;
        const size_t bytes = left < PIECE ? (size_t)left : PIECE;
        KAON_TRY(read_at(r->file, at, piece, bytes, diag));
        XXH3_64bits_update(state, piece, bytes);
        at += bytes;
    }
    return XXH3_64bits_digest(state) == r->p.sum ? KAON_OK
                                                 : damaged(diag, "its checksum does not fit");
}

static kaon_status check_sum(const reading *r, kaon_diag *diag)
{
    XXH3_state_t *state = XXH3_createState();
    char *piece = kn_alloc(PIECE);
    const kaon_status status =
        state && piece ? sum_up(r, state, piece, diag) : kn_no_memory(diag, "a checksum");
    XXH3_freeState(state);
    kn_free(piece);
    return status;
}

static kaon_status read_head(reading *r, kaon_diag *diag)
{
    struct stat facts;
    if (fstat(r->file, &facts))
        return kaon_fail(diag, KAON_IO, "it cannot be read: %s", strerror(errno));
    KAON_TRY(read_at(r->file, 0, &r->p, sizeof r->p, diag));
    if (memcmp(r->p.magic, magic, sizeof r->p.magic) || r->p.version != VERSION)
        return damaged(diag, "it is none of this version's");
    if (r->p.file_bytes != (uint64_t)facts.st_size || r->p.head_bytes > MOST_HEAD)
        return damaged(diag, "its length does not fit");
    KAON_TRY(check_sum(r, diag));
    char *text = kn_alloc(r->p.head_bytes);
    if (!text)
        return kn_no_memory(diag, "the head of a file");
    const kaon_status status = read_at(r->file, sizeof r->p, text, r->p.head_bytes, diag);
    r->head = status ? NULL : json_loadb(text, r->p.head_bytes, JSON_REJECT_DUPLICATES, NULL);
    kn_free(text);
    r->start = aligned(sizeof r->p + r->p.head_bytes);
    r->rows = json_integer_value(json_object_get(r->head, "rows"));
    if (!status && (!r->head || r->rows < 0))
        return damaged(diag, "its head is damaged");
    return status;
}

// The block a pair [at, bytes] names, which must have so many bytes.
static kaon_status map_block(const reading *r, const json_t *pair, uint64_t bytes, kn_block *out,
                             kaon_diag *diag)
{
    const json_int_t at = json_integer_value(json_array_get(pair, 0));
    const json_int_t stated = json_integer_value(json_array_get(pair, 1));
    const uint64_t room = r->p.file_bytes - r->start;
    if (json_array_size(pair) != 2 || at < 0 || at % KN_BLOCK_ALIGN || (uint64_t)at > room ||
        stated < 0 || (uint64_t)stated != bytes || bytes > room - (uint64_t)at)
        return damaged(diag, "its head is damaged");
    return kn_block_map(r->file, r->start + (uint64_t)at, bytes, out, diag);
}

// Texts of a list; *count of them.
static kaon_status read_texts(const json_t *list, int64_t *count, char ***out, kaon_diag *diag)
{
    size_t i;
    json_t *text;
    *count = (int64_t)json_array_size(list);
    const char **texts = kn_alloc_array((size_t)*count + 1, sizeof *texts);
    int ok = texts != NULL;
    json_array_foreach(list, i, text)
    {
        if (ok)
            ok = (texts[i] = json_string_value(text)) != NULL;
    }
    *out = ok ? kn_copy_texts(*count, texts) : NULL;
    kn_free(texts);
    if (!*out)
        *count = 0;
    return *out ? KAON_OK : ok ? kn_no_memory(diag, "names") : damaged(diag, "its head is damaged");
}

static kaon_status read_shape(const json_t *json, kaon_column *c, int64_t shape[KAON_MAX_RANK],
                              uint64_t *bytes, kaon_diag *diag)
{
    const json_t *list = json_object_get(json, "shape");
    const size_t rank = json_array_size(list);
    int64_t count = 0;
    size_t size = 0;
    char there = 0;
    for (size_t i = 0; i < rank && i < KAON_MAX_RANK; i++)
        shape[i] = json_integer_value(json_array_get(list, i));
    c->view = (kaon_view){.size = sizeof c->view,
                          .dtype = (int32_t)json_integer_value(json_object_get(json, "dtype")),
                          .device_type = KAON_DEVICE_CPU,
                          .rank = (int32_t)(rank < KAON_MAX_RANK ? rank : KAON_MAX_RANK),
                          .shape = shape,
                          .data = &there};
    KAON_TRY(kn_view_check(&c->view, &count, &size, diag));
    *bytes = size;
    return KAON_OK;
}

static kaon_status read_column(const reading *r, const json_t *json, kaon_table *table,
                               kaon_diag *diag)
{
    int64_t shape[KAON_MAX_RANK] = {0};
    uint64_t bytes = 0;
    char **labels = NULL;
    kn_block values = {0}, offsets = {0};
    kaon_column c = {.size = sizeof c,
                     .role = (int32_t)json_integer_value(json_object_get(json, "role")),
                     .name = json_string_value(json_object_get(json, "name"))};
    const json_t *jagged = json_object_get(json, "offsets");
    KAON_TRY(read_shape(json, &c, shape, &bytes, diag));
    KAON_TRY(map_block(r, json_object_get(json, "values"), bytes, &values, diag));
    kaon_status status =
        jagged ? map_block(r, jagged, ((uint64_t)r->rows + 1) * sizeof(int64_t), &offsets, diag)
               : KAON_OK;
    if (!status)
        status = read_texts(json_object_get(json, "labels"), &c.label_count, &labels, diag);
    c.labels = (const char *const *)labels;
    if (!status)
        status = kn_table_column_give(table, &c, &values, jagged ? &offsets : NULL, diag);
    free_texts(c.label_count, labels);
    kn_block_free(&values);
    kn_block_free(&offsets);
    return status;
}

static kaon_status read_files(const json_t *head, kn_row_files *out, kaon_diag *diag)
{
    const json_t *ends = json_object_get(head, "ends");
    KAON_TRY(read_texts(json_object_get(head, "files"), &out->count, &out->paths, diag));
    out->ends = kn_alloc_array((size_t)out->count + 1, sizeof *out->ends);
    if (!out->ends)
        return kn_no_memory(diag, "names of files");
    for (int64_t i = 0; i < out->count; i++)
        out->ends[i] = json_integer_value(json_array_get(ends, (size_t)i));
    return KAON_OK;
}

static kaon_status read_rest(const reading *r, kn_harvest *out, kaon_diag *diag)
{
    size_t i;
    json_t *column;
    const char *source = json_string_value(json_object_get(r->head, "source"));
    const json_t *incomplete = json_object_get(r->head, "incomplete");
    KAON_TRY(kn_table_new(r->rows, &out->table, diag));
    json_array_foreach(json_object_get(r->head, "columns"), i, column)
    {
        KAON_TRY(read_column(r, column, out->table, diag));
    }
    if (incomplete)
        KAON_TRY(map_block(r, incomplete, (uint64_t)r->rows, &out->incomplete, diag));
    out->source = kn_copy_text(source ? source : "");
    if (!out->source)
        return kn_no_memory(diag, "a name");
    const json_t *cut = json_object_get(r->head, "cut");
    out->cut = (kn_cut_counts){json_integer_value(json_array_get(cut, 0)),
                               json_integer_value(json_array_get(cut, 1)),
                               json_integer_value(json_array_get(cut, 2))};
    KAON_TRY(read_texts(json_object_get(r->head, "features"), &out->feature_count, &out->features,
                        diag));
    return read_files(r->head, &out->files, diag);
}

kaon_status kn_table_file_read(const char *path, kn_harvest *out, kaon_diag *diag)
{
    *out = (kn_harvest){0};
    reading r = {.file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (r.file < 0)
        return kaon_fail(diag, errno == ENOENT ? KAON_NOT_FOUND : KAON_IO, "cannot open %s: %s",
                         path, strerror(errno));
    kaon_status status = read_head(&r, diag);
    if (!status)
        status = read_rest(&r, out, diag);
    if (status)
        kn_harvest_fini(out);
    json_decref(r.head);
    close(r.file);
    return kaon_context(diag, status, "%s", path);
}
