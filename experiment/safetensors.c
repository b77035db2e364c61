/* safetensors.c: named tensors and texts in one file. */
#include "experiment/safetensors.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/text.h"

static const char checksum_key[] = "kaon.checksum";

enum { DATA_ALIGN = 64 };

typedef struct {
    char *name;
    int32_t dtype;
    int32_t rank;
    int64_t shape[KAON_MAX_RANK];
    uint64_t begin; // of the values in the file, behind the header
    uint64_t bytes;
    const void *data;
    void *own; // what kn_free gets; NULL: `data` lies in the file
} entry;

typedef struct {
    char *name;
    char *text;
} words;

struct kn_safetensors {
    entry *entries;
    int32_t count;
    int32_t room;
    words *texts;
    int32_t text_count;
    int32_t text_room;
    void *data; // of a file that was read
};

// ORDER safetensors_dtype
static const struct {
    const char *name;
    int32_t dtype;
} dtypes[] = {
    {"F32", KAON_F32},   {"F64", KAON_F64}, {"F16", KAON_F16}, {"BF16", KAON_BF16},
    {"I8", KAON_I8},     {"I16", KAON_I16}, {"I32", KAON_I32}, {"I64", KAON_I64},
    {"U8", KAON_U8},     {"U16", KAON_U16}, {"U32", KAON_U32}, {"U64", KAON_U64},
    {"BOOL", KAON_BOOL},
};

enum { DTYPE_COUNT = sizeof dtypes / sizeof *dtypes };

kn_safetensors *kn_safetensors_new(void)
{
    return kn_alloc_zero(sizeof(kn_safetensors));
}

void kn_safetensors_free(kn_safetensors *file)
{
    if (!file)
        return;
    for (int32_t i = 0; i < file->count; i++) {
        kn_free(file->entries[i].name);
        kn_free(file->entries[i].own);
    }
    for (int32_t i = 0; i < file->text_count; i++) {
        kn_free(file->texts[i].name);
        kn_free(file->texts[i].text);
    }
    kn_free(file->entries);
    kn_free(file->texts);
    kn_free(file->data);
    kn_free(file);
}

/* --- looking ---------------------------------------------------------------------------------- */

static const entry *find(const kn_safetensors *file, const char *name)
{
    for (int32_t i = 0; i < file->count; i++)
        if (!strcmp(file->entries[i].name, name))
            return &file->entries[i];
    return NULL;
}

kaon_status kn_safetensors_get(const kn_safetensors *file, const char *name, kaon_view *out,
                               kaon_diag *diag)
{
    const entry *e = find(file, name);
    if (!e)
        return kaon_fail(diag, KAON_NOT_FOUND, "the file holds no tensor '%s'", name);
    *out = (kaon_view){.size = sizeof *out,
                       .dtype = e->dtype,
                       .device_type = KAON_DEVICE_CPU,
                       .rank = e->rank,
                       .flags = KAON_VIEW_READ_ONLY,
                       .data = (void *)(uintptr_t)e->data,
                       .shape = e->shape};
    return KAON_OK;
}

const char *kn_safetensors_text(const kn_safetensors *file, const char *name)
{
    for (int32_t i = 0; i < file->text_count; i++)
        if (!strcmp(file->texts[i].name, name))
            return file->texts[i].text;
    return NULL;
}

int32_t kn_safetensors_count(const kn_safetensors *file)
{
    return file->count;
}

const char *kn_safetensors_name(const kn_safetensors *file, int32_t index)
{
    return index >= 0 && index < file->count ? file->entries[index].name : NULL;
}

int32_t kn_safetensors_text_count(const kn_safetensors *file)
{
    return file->text_count;
}

const char *kn_safetensors_text_name(const kn_safetensors *file, int32_t index)
{
    return index >= 0 && index < file->text_count ? file->texts[index].name : NULL;
}

uint64_t kn_safetensors_bytes(const kn_safetensors *file)
{
    uint64_t bytes = 0;
    for (int32_t i = 0; i < file->count; i++)
        bytes += file->entries[i].bytes;
    return bytes;
}

/* --- adding ----------------------------------------------------------------------------------- */

// One more entry, cleared; NULL: no memory.
static entry *add_entry(kn_safetensors *file, const char *name)
{
    if (file->count == file->room) {
        const int32_t room = file->room ? file->room * 2 : 16;
        entry *more = kn_resize_array(file->entries, (size_t)room, sizeof *more);
        if (!more)
            return NULL;
        file->entries = more;
        file->room = room;
    }
    char *copy = kn_copy_text(name);
    if (!copy)
        return NULL;
    entry *e = &file->entries[file->count++];
    *e = (entry){.name = copy};
    return e;
}

static kaon_status add_text(kn_safetensors *file, const char *name, const char *text,
                            kaon_diag *diag)
{
    if (file->text_count == file->text_room) {
        const int32_t room = file->text_room ? file->text_room * 2 : 16;
        words *more = kn_resize_array(file->texts, (size_t)room, sizeof *more);
        if (!more)
            return kn_no_memory(diag, name);
        file->texts = more;
        file->text_room = room;
    }
    words w = {kn_copy_text(name), kn_copy_text(text)};
    if (!w.name || !w.text) {
        kn_free(w.name);
        kn_free(w.text);
        return kn_no_memory(diag, name);
    }
    file->texts[file->text_count++] = w;
    return KAON_OK;
}

kaon_status kn_safetensors_put_text(kn_safetensors *file, const char *name, const char *text,
                                    kaon_diag *diag)
{
    if (kn_safetensors_text(file, name))
        return kaon_fail(diag, KAON_INVALID, "the text '%s' is put twice", name);
    return add_text(file, name, text, diag);
}

// Row-major copy of a view with any strides.
static void copy_strided(const kaon_view *view, size_t element, char *out)
{
    int64_t at[KAON_MAX_RANK] = {0};
    const int64_t count = kaon_view_count(view);
    for (int64_t i = 0; i < count; i++) {
        int64_t offset = 0;
        for (int32_t axis = 0; axis < view->rank; axis++)
            offset += at[axis] * view->strides[axis];
        memcpy(out + (size_t)i * element, (const char *)view->data + offset * (int64_t)element,
               element);
        for (int32_t axis = view->rank - 1; axis >= 0 && ++at[axis] == view->shape[axis]; axis--)
            at[axis] = 0;
    }
}

static kaon_status copy_values(entry *e, const kaon_view *value, kaon_diag *diag)
{
    const size_t element = (size_t)kaon_dtype_bytes(value->dtype);
    const int64_t count = kaon_view_count(value);
    e->dtype = value->dtype;
    e->rank = value->rank;
    for (int32_t i = 0; i < value->rank; i++)
        e->shape[i] = value->shape[i];
    e->bytes = (uint64_t)count * element;
    e->own = kn_alloc((size_t)e->bytes);
    if (!e->own)
        return kn_no_memory(diag, e->name);
    if (value->strides)
        copy_strided(value, element, e->own);
    else if (e->bytes)
        memcpy(e->own, value->data, (size_t)e->bytes);
    e->data = e->own;
    return KAON_OK;
}

kaon_status kn_safetensors_put(kn_safetensors *file, const char *name, const kaon_view *value,
                               kaon_diag *diag)
{
    if (!kaon_dtype_bytes(value->dtype) || value->rank < 0 || value->rank > KAON_MAX_RANK)
        return kaon_fail(diag, KAON_INVALID, "'%s' is no tensor of a known type", name);
    if (value->device_type && value->device_type != KAON_DEVICE_CPU)
        return kaon_fail(diag, KAON_UNSUPPORTED, "'%s' lies on a device, not in host memory", name);
    if (find(file, name))
        return kaon_fail(diag, KAON_INVALID, "the tensor '%s' is put twice", name);
    entry *e = add_entry(file, name);
    if (!e)
        return kn_no_memory(diag, name);
    const kaon_status status = copy_values(e, value, diag);
    if (status) {
        kn_free(e->name);
        file->count--;
    }
    return status;
}

// Widest elements first, so that all of them are aligned; then by name.
static int by_order(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    const uint64_t wide_x = kaon_dtype_bytes(x->dtype), wide_y = kaon_dtype_bytes(y->dtype);
    if (wide_x != wide_y)
        return wide_x > wide_y ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* --- checksum --------------------------------------------------------------------------------- */

static int by_text_name(const void *a, const void *b)
{
    return strcmp(((const words *)a)->name, ((const words *)b)->name);
}

/* Of everything the file says, whatever the order and layout of its header: each text, then each
 * tensor's name, type, shape and the checksum of its values. `entries` and `texts` are sorted here.
 */
static kaon_status checksum(kn_safetensors *file, char out[17], kaon_diag *diag)
{
    kn_text all = {0};
    if (file->text_count)
        qsort(file->texts, (size_t)file->text_count, sizeof *file->texts, by_text_name);
    for (int32_t i = 0; i < file->text_count; i++) {
        if (!strcmp(file->texts[i].name, checksum_key))
            continue;
        kn_text_format(&all, "%zu %zu ", strlen(file->texts[i].name), strlen(file->texts[i].text));
        kn_text_add(&all, file->texts[i].name);
        kn_text_add(&all, file->texts[i].text);
    }
    for (int32_t i = 0; i < file->count; i++) {
        const entry *e = &file->entries[i];
        kn_text_add(&all, e->name);
        kn_text_format(&all, " %s %" PRIu64, kaon_dtype_text(e->dtype), e->bytes);
        for (int32_t axis = 0; axis < e->rank; axis++)
            kn_text_format(&all, " %" PRId64, e->shape[axis]);
        kn_text_format(&all, " %016" PRIx64 "\n", kn_checksum(e->data, (size_t)e->bytes));
    }
    const int32_t failed = all.failed;
    if (!failed)
        snprintf(out, 17, "%016" PRIx64, kn_checksum(kn_text_get(&all), all.length));
    kn_text_fini(&all);
    return failed ? kn_no_memory(diag, "a checksum") : KAON_OK;
}

/* --- reading ---------------------------------------------------------------------------------- */

static kaon_status corrupt(kaon_diag *diag, const char *name, const char *what)
{
    return kaon_fail(diag, KAON_CORRUPT, "tensor '%s' %s", name, what);
}

static kaon_status read_dtype(entry *e, const json_t *value, kaon_diag *diag)
{
    const char *text = json_string_value(value);
    if (!text)
        return corrupt(diag, e->name, "has no type");
    for (int32_t i = 0; i < DTYPE_COUNT; i++) {
        if (strcmp(dtypes[i].name, text))
            continue;
        e->dtype = dtypes[i].dtype;
        return KAON_OK;
    }
    return kaon_fail(diag, KAON_UNSUPPORTED, "tensor '%s' has type '%.40s', which Kaon has not",
                     e->name, text);
}

// Also gives the bytes the shape needs, with every product checked.
static kaon_status read_shape(entry *e, const json_t *value, size_t *bytes, kaon_diag *diag)
{
    const size_t rank = json_array_size(value);
    if (!json_is_array(value) || rank > KAON_MAX_RANK)
        return corrupt(diag, e->name, "has no shape of at most 8 axes");
    *bytes = (size_t)kaon_dtype_bytes(e->dtype);
    for (size_t i = 0; i < rank; i++) {
        const json_t *extent = json_array_get(value, i);
        const json_int_t n = json_integer_value(extent);
        if (!json_is_integer(extent) || n < 0 || !kn_mul_size(*bytes, (size_t)n, bytes))
            return corrupt(diag, e->name, "has a shape that cannot be");
        e->shape[i] = n;
    }
    e->rank = (int32_t)rank;
    return KAON_OK;
}

static kaon_status read_offsets(entry *e, const json_t *value, size_t bytes, uint64_t room,
                                kaon_diag *diag)
{
    const json_t *first = json_array_get(value, 0), *last = json_array_get(value, 1);
    const json_int_t begin = json_integer_value(first), end = json_integer_value(last);
    if (json_array_size(value) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        begin < 0 || end < begin)
        return corrupt(diag, e->name, "has no place [begin, end] in the file");
    if ((uint64_t)end > room)
        return corrupt(diag, e->name, "ends beyond the end of the file; was it cut off?");
    if ((uint64_t)(end - begin) != bytes)
        return corrupt(diag, e->name, "takes other bytes than its shape and type need");
    e->begin = (uint64_t)begin;
    e->bytes = (uint64_t)bytes;
    return KAON_OK;
}

static kaon_status read_entry(kn_safetensors *file, const char *name, const json_t *value,
                              uint64_t room, kaon_diag *diag)
{
    size_t bytes = 0;
    entry *e = add_entry(file, name);
    if (!e)
        return kn_no_memory(diag, "a tensor's name");
    if (!json_is_object(value))
        return corrupt(diag, name, "has no description");
    KAON_TRY(read_dtype(e, json_object_get(value, "dtype"), diag));
    KAON_TRY(read_shape(e, json_object_get(value, "shape"), &bytes, diag));
    return read_offsets(e, json_object_get(value, "data_offsets"), bytes, room, diag);
}

static kaon_status read_texts(kn_safetensors *file, json_t *map, kaon_diag *diag)
{
    const char *key;
    json_t *value;
    json_object_foreach(map, key, value)
    {
        const char *text = json_string_value(value);
        if (!text)
            return kaon_fail(diag, KAON_CORRUPT, "the header's text '%.60s' is no text", key);
        KAON_TRY(add_text(file, key, text, diag)); // JSON said already that keys differ
    }
    return KAON_OK;
}

static int by_begin(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; // empty ones first
}

// Side by side, from the header to the end of the file; values at odd addresses get their own copy.
static kaon_status place_values(kn_safetensors *file, const char *data, uint64_t room,
                                kaon_diag *diag)
{
    uint64_t at = 0;
    if (file->count)
        qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_begin);
    for (int32_t i = 0; i < file->count; i++) {
        entry *e = &file->entries[i];
        if (e->begin != at)
            return corrupt(diag, e->name,
                           e->begin > at ? "leaves a hole before it"
                                         : "overlaps the one before it");
        at += e->bytes;
        e->data = data + e->begin;
        if ((uintptr_t)e->data % kaon_dtype_bytes(e->dtype) == 0)
            continue;
        e->own = kn_alloc((size_t)e->bytes);
        if (!e->own)
            return kn_no_memory(diag, e->name);
        memcpy(e->own, e->data, (size_t)e->bytes);
        e->data = e->own;
    }
    if (at != room)
        return kaon_fail(diag, KAON_CORRUPT, "%" PRIu64 " bytes follow the last tensor", room - at);
    return KAON_OK;
}

static kaon_status verify(kn_safetensors *file, kaon_diag *diag)
{
    char sum[17];
    const char *stated = kn_safetensors_text(file, checksum_key);
    if (file->count)
        qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_order);
    if (!stated)
        return KAON_OK;
    KAON_TRY(checksum(file, sum, diag));
    // The texts were sorted: ask again.
    stated = kn_safetensors_text(file, checksum_key);
    if (strcmp(stated, sum))
        return kaon_fail(diag, KAON_CORRUPT,
                         "its checksum is %s, the file states %.20s: it was damaged or changed by "
                         "hand; take a copy that is whole",
                         sum, stated);
    return KAON_OK;
}

static kaon_status read_header(kn_safetensors *file, const json_t *header, const char *data,
                               uint64_t room, kaon_diag *diag)
{
    const char *key;
    json_t *value;
    if (!json_is_object(header))
        return kaon_fail(diag, KAON_CORRUPT, "the header is no JSON object");
    json_object_foreach((json_t *)(uintptr_t)header, key, value)
    {
        if (!strcmp(key, "__metadata__"))
            KAON_TRY(read_texts(file, value, diag));
        else
            KAON_TRY(read_entry(file, key, value, room, diag));
    }
    KAON_TRY(place_values(file, data, room, diag));
    return verify(file, diag);
}

static kaon_status parse(kn_safetensors *file, size_t bytes, kaon_diag *diag)
{
    const unsigned char *data = file->data;
    uint64_t header_bytes = 0;
    if (bytes < 8)
        return kaon_fail(diag, KAON_CORRUPT, "%zu bytes are no safetensors file", bytes);
    for (int32_t i = 7; i >= 0; i--)
        header_bytes = header_bytes << 8 | data[i];
    if (header_bytes > KN_SAFETENSORS_HEADER)
        return kaon_fail(diag, KAON_CORRUPT,
                         "it is no safetensors file: its first 8 bytes would mean a header of "
                         "%" PRIu64 " bytes",
                         header_bytes);
    if (header_bytes > bytes - 8)
        return kaon_fail(diag, KAON_CORRUPT,
                         "the header of %" PRIu64 " bytes is cut off: the file has %zu",
                         header_bytes, bytes);
    json_error_t error;
    json_t *header =
        json_loadb((const char *)data + 8, (size_t)header_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!header)
        return kaon_fail(diag, KAON_CORRUPT, "the header is not JSON: %s at byte %d", error.text,
                         error.position + 8);
    const kaon_status status = read_header(file, header, (const char *)data + 8 + header_bytes,
                                           bytes - 8 - header_bytes, diag);
    json_decref(header);
    return status;
}

kaon_status kn_safetensors_parse(void *data, size_t bytes, kn_safetensors **out, kaon_diag *diag)
{
    *out = NULL;
    kn_safetensors *file = kn_safetensors_new();
    if (!file) {
        kn_free(data);
        return kn_no_memory(diag, "a file of tensors");
    }
    file->data = data;
    const kaon_status status = parse(file, bytes, diag);
    if (status)
        kn_safetensors_free(file);
    else
        *out = file;
    return status;
}

kaon_status kn_safetensors_read(const char *path, kn_safetensors **out, kaon_diag *diag)
{
    void *data = NULL;
    size_t bytes = 0;
    *out = NULL;
    KAON_TRY(kn_file_read(path, KN_READ_ALL, &data, &bytes, diag));
    return kaon_context(diag, kn_safetensors_parse(data, bytes, out, diag), "%s", path);
}

/* --- writing ---------------------------------------------------------------------------------- */

static const char *dtype_name(int32_t dtype)
{
    for (int32_t i = 0; i < DTYPE_COUNT; i++)
        if (dtypes[i].dtype == dtype)
            return dtypes[i].name;
    return "?";
}

static json_t *describe(const entry *e)
{
    json_t *shape = json_array();
    for (int32_t i = 0; i < e->rank; i++)
        json_array_append_new(shape, json_integer(e->shape[i]));
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_name(e->dtype), "shape", shape,
                     "data_offsets", (json_int_t)e->begin, (json_int_t)(e->begin + e->bytes));
}

// The header as text (free it), NULL: no memory. Blanks make the values begin at a multiple of 64.
static char *make_header(kn_safetensors *file, size_t *bytes)
{
    json_t *root = json_object(), *texts = json_object();
    int failed = !root || !texts || json_object_set_new(root, "__metadata__", texts);
    for (int32_t i = 0; !failed && i < file->text_count; i++)
        failed = json_object_set_new(texts, file->texts[i].name, json_string(file->texts[i].text));
    uint64_t at = 0;
    for (int32_t i = 0; !failed && i < file->count; i++) {
        file->entries[i].begin = at;
        at += file->entries[i].bytes;
        failed = json_object_set_new(root, file->entries[i].name, describe(&file->entries[i]));
    }
    char *text = failed ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    const size_t length = text ? strlen(text) : 0;
    *bytes = (length + 8 + DATA_ALIGN - 1) / DATA_ALIGN * DATA_ALIGN - 8;
    char *padded = text ? kn_alloc(*bytes) : NULL;
    if (padded) {
        memcpy(padded, text, length);
        memset(padded + length, ' ', *bytes - length);
    }
    free(text);
    return padded;
}

static kaon_status write_all(const kn_safetensors *file, kn_writer *writer, const char *header,
                             size_t header_bytes, kaon_diag *diag)
{
    unsigned char size[8];
    for (int32_t i = 0; i < 8; i++)
        size[i] = (unsigned char)((uint64_t)header_bytes >> (8 * i));
    KAON_TRY(kn_writer_add(writer, size, sizeof size, diag));
    KAON_TRY(kn_writer_add(writer, header, header_bytes, diag));
    for (int32_t i = 0; i < file->count; i++)
        KAON_TRY(
            kn_writer_add(writer, file->entries[i].data, (size_t)file->entries[i].bytes, diag));
    return kn_writer_commit(writer, diag);
}

// Replaces the checksum among the texts.
static kaon_status seal(kn_safetensors *file, kaon_diag *diag)
{
    char sum[17];
    KAON_TRY(checksum(file, sum, diag));
    for (int32_t i = 0; i < file->text_count; i++) {
        if (strcmp(file->texts[i].name, checksum_key))
            continue;
        char *copy = kn_copy_text(sum);
        if (!copy)
            return kn_no_memory(diag, "a checksum");
        kn_free(file->texts[i].text);
        file->texts[i].text = copy;
        return KAON_OK;
    }
    return kn_safetensors_put_text(file, checksum_key, sum, diag);
}

kaon_status kn_safetensors_write(kn_safetensors *file, const char *path, kaon_diag *diag)
{
    if (file->count)
        qsort(file->entries, (size_t)file->count, sizeof *file->entries, by_order);
    KAON_TRY(seal(file, diag));
    size_t bytes = 0;
    char *header = make_header(file, &bytes);
    if (!header)
        return kn_no_memory(diag, "the header of a model file, or its texts are not UTF-8");
    kn_writer *writer = NULL;
    kaon_status status = kn_writer_new(path, &writer, diag);
    if (!status)
        status = write_all(file, writer, header, bytes, diag);
    kn_writer_free(writer);
    kn_free(header);
    return status;
}
