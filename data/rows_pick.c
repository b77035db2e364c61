/* rows_pick.c: some rows of an Arrow column, as a column of their own. */
#include "data/rows_pick.h"

#include "kernel/memory.h"

#include <string.h>

static int32_t bit(const uint8_t *bits, int64_t index)
{
    return bits[index >> 3] >> (index & 7) & 1;
}

static kaon_status clear_bits(kn_buffer *b, int64_t count, uint8_t **out, kaon_diag *diag)
{
    char *at = NULL;
    b->bytes = 0;
    KAON_TRY(kn_buffer_extend(b, count / 8 + 1, 1, &at, diag));
    memset(at, 0, (size_t)count / 8 + 1);
    *out = (uint8_t *)at;
    return KAON_OK;
}

// Elements of the leaf that one row has: numbers, or bytes of a text.
static void leaf_range(const kn_arrow_look *look, int64_t row, int64_t *first, int64_t *count)
{
    int64_t ends[2] = {row, row + 1};
    const int64_t width = look->kind.width;
    if (look->kind.dtype == KN_TEXT_COLUMN) {
        size_t bytes = 0;
        *first = kn_arrow_text(look, row, &bytes) - (const char *)look->data;
        *count = (int64_t)bytes;
        return;
    }
    if (look->kind.jagged)
        kn_arrow_offsets(look, row, 1, ends);
    *first = look->first + ends[0] * width;
    *count = (ends[1] - ends[0]) * width;
}

static void put_offset(kn_picked *p, const kn_arrow_look *look, int64_t index, int64_t value)
{
    if (look->kind.wide)
        ((int64_t *)(void *)p->offsets.at)[index] = value;
    else
        ((int32_t *)(void *)p->offsets.at)[index] = (int32_t)value;
}

static int64_t count_leaves(const kn_arrow_look *look, const char *keep, int64_t kept)
{
    int64_t sum = 0, first, count;
    if (!look->kind.jagged && look->kind.dtype != KN_TEXT_COLUMN)
        return kept * look->kind.width;
    for (int64_t row = 0; row < look->rows; row++) {
        if (!keep[row])
            continue;
        leaf_range(look, row, &first, &count);
        sum += count;
    }
    return sum;
}

static void copy_bits(const uint8_t *from, int64_t first, int64_t count, uint8_t *to, int64_t at)
{
    for (int64_t i = 0; i < count; i++)
        to[(at + i) >> 3] |= (uint8_t)(bit(from, first + i) << ((at + i) & 7));
}

// Single numbers without a missing one among them: written always, passed over where they go.
#define PICK_LOOP(type)                                                                            \
    static void pick_##type(const void *from, const char *keep, int64_t rows, void *to)            \
    {                                                                                              \
        const type *in = from;                                                                     \
        type *out = to;                                                                            \
        for (int64_t i = 0; i < rows; i++) {                                                       \
            *out = in[i];                                                                          \
            out += keep[i] != 0;                                                                   \
        }                                                                                          \
    }
PICK_LOOP(uint32_t)
PICK_LOOP(uint64_t)

static kaon_status copy_numbers(const kn_arrow_look *look, const char *keep, int64_t kept,
                                kn_picked *p, kaon_diag *diag)
{
    const size_t bytes = (size_t)kaon_dtype_bytes(look->kind.dtype);
    const char *from = (const char *)look->data + (size_t)look->first * bytes;
    char *to = NULL;
    p->values.bytes = 0;
    KAON_TRY(kn_buffer_extend(&p->values, kept + 1, bytes, &to, diag));
    if (bytes == 8)
        pick_uint64_t(from, keep, look->rows, to);
    else
        pick_uint32_t(from, keep, look->rows, to);
    return KAON_OK;
}

// Values, offsets and validity of the rows kept.
static kaon_status copy_rows(const kn_arrow_look *look, const char *keep, int64_t kept,
                             int64_t leaves, kn_picked *p, kaon_diag *diag)
{
    const int32_t is_text = look->kind.dtype == KN_TEXT_COLUMN;
    const size_t bytes = is_text ? 1 : (size_t)kaon_dtype_bytes(look->kind.dtype);
    uint8_t *row_valid = NULL, *leaf_valid = NULL, *bits = NULL;
    char *values = NULL, *offsets = NULL;
    int64_t at = 0, row_at = 0, first, count;
    p->values.bytes = p->offsets.bytes = 0;
    if (look->kind.bits)
        KAON_TRY(clear_bits(&p->values, leaves, &bits, diag));
    else
        KAON_TRY(kn_buffer_extend(&p->values, leaves + 1, bytes, &values, diag));
    KAON_TRY(kn_buffer_extend(&p->offsets, kept + 1, sizeof(int64_t), &offsets, diag));
    KAON_TRY(clear_bits(&p->row_valid, kept, &row_valid, diag));
    KAON_TRY(clear_bits(&p->leaf_valid, leaves, &leaf_valid, diag));
    put_offset(p, look, 0, 0);
    for (int64_t row = 0; row < look->rows; row++) {
        if (!keep[row])
            continue;
        leaf_range(look, row, &first, &count);
        if (bits)
            copy_bits(look->data, first, count, bits, at);
        else if (count)
            memcpy(values + (size_t)at * bytes, (const char *)look->data + (size_t)first * bytes,
                   (size_t)count * bytes);
        if (look->leaf_valid && !is_text)
            copy_bits(look->leaf_valid, first, count, leaf_valid, at);
        if (look->row_valid)
            copy_bits(look->row_valid, look->row_first + row, 1, row_valid, row_at);
        at += count;
        put_offset(p, look, ++row_at, at / (look->kind.jagged ? look->kind.width : 1));
    }
    return KAON_OK;
}

// Layers of the column from the outside: a list, arrays in each other, the values.
static void lay_out(const kn_arrow_look *look, int64_t kept, int64_t leaves, kn_picked *p)
{
    const int32_t is_text = look->kind.dtype == KN_TEXT_COLUMN;
    int32_t layers = 0;
    int64_t length = kept;
    memset(p->array, 0, sizeof p->array);
    if (look->kind.jagged) {
        p->buffers[layers][1] = p->offsets.at;
        p->array[layers++] = (struct ArrowArray){.length = length, .n_buffers = 2};
        length = leaves / look->kind.width;
    }
    for (int32_t i = 0; i < look->kind.rank; i++) {
        p->array[layers++] = (struct ArrowArray){.length = length, .n_buffers = 1};
        length *= look->kind.shape[i];
    }
    p->array[layers] = (struct ArrowArray){.length = length, .n_buffers = is_text ? 3 : 2};
    p->buffers[layers][1] = is_text ? p->offsets.at : p->values.at;
    p->buffers[layers][2] = p->values.at;
    for (int32_t i = 0; i <= layers; i++) {
        p->buffers[i][0] = NULL;
        p->array[i].buffers = p->buffers[i];
        p->child[i] = i < layers ? &p->array[i + 1] : NULL;
        p->array[i].children = &p->child[i];
        p->array[i].n_children = i < layers;
    }
    if (look->leaf_valid && layers) {
        p->buffers[layers][0] = p->leaf_valid.at;
        p->array[layers].null_count = -1;
    }
    if (look->row_valid) {
        p->buffers[0][0] = p->row_valid.at;
        p->array[0].null_count = -1;
    }
}

kaon_status kn_rows_pick(const kn_arrow_look *look, const char *keep, int64_t kept, kn_picked *out,
                         kaon_diag *diag)
{
    const int64_t leaves = count_leaves(look, keep, kept);
    const kn_arrow_kind *kind = &look->kind;
    const int32_t is_plain = !kind->jagged && !kind->rank && !kind->bits && !look->row_valid &&
                             kind->dtype != KN_TEXT_COLUMN &&
                             (kaon_dtype_bytes(kind->dtype) & 0xc) != 0;
    KAON_TRY(is_plain ? copy_numbers(look, keep, kept, out, diag)
                      : copy_rows(look, keep, kept, leaves, out, diag));
    lay_out(look, kept, leaves, out);
    return KAON_OK;
}

void kn_picked_fini(kn_picked *p)
{
    kn_buffer_fini(&p->values);
    kn_buffer_fini(&p->offsets);
    kn_buffer_fini(&p->row_valid);
    kn_buffer_fini(&p->leaf_valid);
    memset(p, 0, sizeof *p);
}
