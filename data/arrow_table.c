/* arrow_table.c: Arrow arrays into a table: columns chosen, types changed, features stacked. */
#include "data/arrow_table.h"

#include "data/arrow_builder.h"
#include "kernel/memory.h"
#include "data/table.h"
#include "kernel/tensor.h"

#include <math.h>
#include <string.h>

enum {
    BLOCK_ROWS = 256,       // stacked at a time: their rows of the matrix stay in the cache
    RESERVE_BYTES = 1 << 30 // more than this is not believed before it is read
};

/* --- buffers ---------------------------------------------------------------------------------- */

kaon_status kn_buffer_reserve(kn_buffer *b, size_t more, kaon_diag *diag)
{
    size_t needed = 0;
    const size_t room = b->block.bytes;
    if (!kn_add_size(b->bytes, more, &needed))
        return kn_no_memory(diag, "a column");
    if (b->at && needed <= room)
        return KAON_OK;
    KAON_TRY(kn_block_resize(
        &b->block, room > SIZE_MAX / 2 || room + room / 2 < needed ? needed : room + room / 2,
        "a column", diag));
    b->at = b->block.at;
    return KAON_OK;
}

kaon_status kn_buffer_extend(kn_buffer *b, int64_t count, size_t bytes, char **out, kaon_diag *diag)
{
    size_t more = 0;
    if (count < 0 || !kn_mul_size((size_t)count, bytes, &more))
        return kn_no_memory(diag, "a column");
    KAON_TRY(kn_buffer_reserve(b, more, diag));
    *out = b->at + b->bytes;
    b->bytes += more;
    return KAON_OK;
}

kaon_status kn_buffer_take(kn_buffer *b, kn_block *out, kaon_diag *diag)
{
    kaon_status status = kn_buffer_reserve(b, b->bytes ? 0 : 1, diag);
    if (!status && b->block.mapped) // what was reserved in advance
        status = kn_block_resize(&b->block, b->bytes ? b->bytes : 1, "a column", diag);
    if (status) {
        kn_buffer_fini(b);
        return status;
    }
    *out = b->block;
    memset(b, 0, sizeof *b);
    return KAON_OK;
}

void kn_buffer_fini(kn_buffer *b)
{
    kn_block_free(&b->block);
    memset(b, 0, sizeof *b);
}

/* --- a new builder ---------------------------------------------------------------------------- */

static kaon_status refuse_mixture(const kn_chosen *a, const kn_chosen *b, kaon_diag *diag)
{
    char one[96], other[96];
    return kaon_fail(diag, KAON_UNSUPPORTED,
                     "features '%s' (%s) and '%s' (%s) cannot be stacked; numbers go with numbers, "
                     "jagged columns with jagged ones, an array of several axes stands alone",
                     a->name, kn_arrow_kind_text(&a->kind, one, sizeof one), b->name,
                     kn_arrow_kind_text(&b->kind, other, sizeof other));
}

static kaon_status check_stack(kn_table_builder *b, kaon_diag *diag)
{
    const kn_chosen *first = &b->chosen.at[0];
    int64_t widest = 0;
    b->jagged = first->kind.jagged;
    for (int64_t i = 0; i < b->chosen.feature_count; i++) {
        const kn_chosen *c = &b->chosen.at[i];
        if (c->kind.jagged != b->jagged || (i && (c->kind.rank > 1 || first->kind.rank > 1)))
            return refuse_mixture(first, c, diag);
        b->width += c->kind.width;
        widest = c->kind.width > widest ? c->kind.width : widest;
    }
    size_t bytes = 0;
    if (!kn_mul_size(BLOCK_ROWS * sizeof(double), (size_t)widest, &bytes))
        return kn_no_memory(diag, "a column");
    b->block = kn_alloc(bytes);
    return b->block ? KAON_OK : kn_no_memory(diag, "a column");
}

static int is_classes(const kn_want *want, const kn_chosen *c)
{
    if (c->kind.dtype == KN_TEXT_COLUMN)
        return 1;
    if (c->role != KAON_ROLE_TARGET || want->task == KN_TASK_REGRESSION || c->kind.rank)
        return 0;
    return want->task == KN_TASK_CLASSIFICATION || !kaon_dtype_is_float(c->kind.dtype);
}

static kaon_status check_target(const kn_want *want, const kn_chosen *c, kaon_diag *diag)
{
    if (c->role != KAON_ROLE_TARGET)
        return KAON_OK;
    if (c->kind.rank > 1)
        return kaon_fail(diag, KAON_UNSUPPORTED, "target '%s' has %d axes per row; it may have one",
                         c->name, c->kind.rank);
    if (c->kind.dtype == KN_TEXT_COLUMN && want->task == KN_TASK_REGRESSION)
        return kaon_fail(diag, KAON_INVALID, "target '%s' is text; a regression needs numbers",
                         c->name);
    return KAON_OK;
}

static kaon_status prepare_sink(kn_table_builder *b, int64_t index, kaon_diag *diag)
{
    const kn_chosen *c = &b->chosen.at[index];
    kn_sink *s = &b->sinks[index];
    s->values.block.spill = s->offsets.block.spill = b->want->spill;
    KAON_TRY(check_target(b->want, c, diag));
    s->dtype = c->role == KAON_ROLE_NONE ? c->kind.dtype : b->want->float_type;
    if (!is_classes(b->want, c))
        return KAON_OK;
    s->dtype = KAON_I64;
    s->classes = kn_classes_new(c->kind.dtype == KN_TEXT_COLUMN, b->want->spill);
    if (!s->classes)
        return kn_no_memory(diag, "classes");
    if (c->kind.dtype == KAON_BOOL)
        return kn_classes_name(s->classes, "false\ntrue", strlen("false\ntrue"), diag);
    if (c->labels)
        return kn_classes_name(s->classes, c->labels, c->label_bytes, diag);
    return KAON_OK;
}

kaon_status kn_table_builder_new(const struct ArrowSchema *schema, const kn_want *want,
                                 int64_t rows, kn_table_builder **out, kaon_diag *diag)
{
    kn_table_builder *b = kn_alloc_zero(sizeof *b);
    if (!b)
        return kn_no_memory(diag, "a table");
    b->want = want;
    b->matrix.block.spill = b->missing.block.spill = want->spill;
    b->missing_single = -1;
    kaon_status status = kn_select(schema, want, &b->chosen, diag);
    if (!status)
        status = check_stack(b, diag);
    if (!status && !(b->sinks = kn_alloc_array((size_t)b->chosen.count, sizeof *b->sinks)))
        status = kn_no_memory(diag, "a table");
    for (int64_t i = 0; !status && i < b->chosen.count; i++)
        status = prepare_sink(b, i, diag);
    const double bytes = (double)rows * (double)b->width * 8;
    if (!status && !b->jagged && rows > 0 && bytes < RESERVE_BYTES)
        status = kn_buffer_reserve(
            &b->matrix, (size_t)(rows * b->width) * kaon_dtype_bytes(want->float_type), diag);
    if (status) {
        kn_table_builder_free(b);
        return status;
    }
    *out = b;
    return KAON_OK;
}

void kn_table_builder_free(kn_table_builder *b)
{
    if (!b)
        return;
    for (int64_t i = 0; b->sinks && i < b->chosen.count; i++) {
        kn_buffer_fini(&b->sinks[i].values);
        kn_buffer_fini(&b->sinks[i].offsets);
        kn_classes_free(b->sinks[i].classes);
    }
    kn_free(b->sinks);
    kn_buffer_fini(&b->matrix);
    kn_buffer_fini(&b->missing);
    kn_free(b->block);
    kn_selection_fini(&b->chosen);
    kn_free(b);
}

void kn_table_builder_columns(const kn_table_builder *b, const char *const **names, int64_t *count)
{
    *names = b->chosen.names;
    *count = b->chosen.count;
}

void kn_table_builder_features(const kn_table_builder *b, const char *const **names, int64_t *count)
{
    *names = b->chosen.names;
    *count = b->chosen.feature_count;
}

int64_t kn_table_builder_rows(const kn_table_builder *b)
{
    return b->rows;
}

/* --- missing values --------------------------------------------------------------------------- */

static void note_missing(kn_table_builder *b, int64_t row, int64_t column)
{
    if (b->missing_count++ == 0) {
        b->missing_row = row;
        b->missing_column = column;
    }
    b->missing.at[row] = 1;
    const int32_t role = b->chosen.at[column].role;
    if (b->missing_single < 0 && (role == KAON_ROLE_TARGET || role == KAON_ROLE_WEIGHT)) {
        b->missing_single = column;
        b->missing_single_row = row;
    }
}

// Sentinels become NaN, as the file means them.
static void replace_sentinels(const kn_want *want, int64_t count, void *values)
{
    float *single = values;
    double *twice = values;
    for (int64_t k = 0; k < want->sentinel_count; k++) {
        const double sentinel = want->sentinels[k];
        if (want->float_type == KAON_F32)
            for (int64_t i = 0; i < count; i++)
                single[i] = single[i] == (float)sentinel ? NAN : single[i];
        else
            for (int64_t i = 0; i < count; i++)
                twice[i] = twice[i] == sentinel ? NAN : twice[i];
    }
}

// NaN in what must be a number is missing. Kept columns stay as they are.
static void look_for_missing(kn_table_builder *b, int64_t row, int64_t column, int64_t count,
                             int64_t width, void *values)
{
    const float *single = values;
    const double *twice = values;
    const int64_t numbers = count * width;
    replace_sentinels(b->want, numbers, values);
    if (b->want->float_type == KAON_F32) {
        for (int64_t i = 0; i < numbers; i++)
            if (isnan(single[i]))
                note_missing(b, row + i / width, column);
    } else {
        for (int64_t i = 0; i < numbers; i++)
            if (isnan(twice[i]))
                note_missing(b, row + i / width, column);
    }
}

/* --- adding ----------------------------------------------------------------------------------- */

void kn_scatter(const char *block, int64_t count, size_t bytes, size_t stride, char *to)
{
    if (bytes == 4)
        for (int64_t i = 0; i < count; i++)
            memcpy(to + (size_t)i * stride, block + (size_t)i * 4, 4);
    else
        for (int64_t i = 0; i < count; i++)
            memcpy(to + (size_t)i * stride, block + (size_t)i * bytes, bytes);
}

static kaon_status add_stacked(kn_table_builder *b, const kn_arrow_look *looks, int64_t rows,
                               kaon_diag *diag)
{
    const size_t element = kaon_dtype_bytes(b->want->float_type);
    const size_t stride = (size_t)b->width * element;
    char *to = NULL;
    KAON_TRY(kn_buffer_extend(&b->matrix, rows, stride, &to, diag));
    for (int64_t row = 0; row < rows; row += BLOCK_ROWS) {
        const int64_t count = rows - row < BLOCK_ROWS ? rows - row : BLOCK_ROWS;
        char *at = to + (size_t)row * stride;
        for (int64_t i = 0; i < b->chosen.feature_count; i++) {
            const int64_t width = looks[i].kind.width;
            char *block = b->chosen.feature_count == 1 ? at : b->block;
            kn_arrow_numbers(&looks[i], row, count, b->want->float_type, block);
            look_for_missing(b, b->rows + row, i, count, width, block);
            if (block != at)
                kn_scatter(block, count, (size_t)width * element, stride, at);
            at += (size_t)width * element;
        }
    }
    return KAON_OK;
}

static kaon_status add_offsets(kn_sink *s, const kn_arrow_look *look, int64_t **offsets,
                               kaon_diag *diag)
{
    const int64_t rows = look->rows;
    char *at = NULL;
    const int64_t before =
        s->offsets.bytes ? ((int64_t *)(void *)(s->offsets.at + s->offsets.bytes))[-1] : 0;
    if (!s->offsets.bytes)
        KAON_TRY(kn_buffer_extend(&s->offsets, 1, sizeof(int64_t), &at, diag));
    KAON_TRY(kn_buffer_extend(&s->offsets, rows, sizeof(int64_t), &at, diag));
    // Read over the last number of before, which is then put back.
    *offsets = (int64_t *)(void *)at - 1;
    (*offsets)[0] = before;
    kn_arrow_offsets(look, 0, rows, *offsets);
    return KAON_OK;
}

static kaon_status add_jagged(kn_table_builder *b, int64_t index, const kn_arrow_look *look,
                              kaon_diag *diag)
{
    kn_sink *s = &b->sinks[index];
    const size_t bytes = (size_t)look->kind.width * kaon_dtype_bytes(s->dtype);
    const int64_t before = (int64_t)(s->values.bytes / bytes);
    int64_t *offsets = NULL;
    char *to = NULL;
    KAON_TRY(add_offsets(s, look, &offsets, diag));
    const int64_t first = look->rows ? offsets[0] : 0;
    const int64_t count = look->rows ? offsets[look->rows] - first : 0;
    for (int64_t i = 0; look->rows && i <= look->rows; i++)
        offsets[i] += before - first;
    KAON_TRY(kn_buffer_extend(&s->values, count, bytes, &to, diag));
    kn_arrow_numbers(look, first, count, s->dtype, to);
    if (b->chosen.at[index].role != KAON_ROLE_FEATURES)
        return KAON_OK;
    // Which row holds a missing value matters only where there is one.
    int64_t row = 0;
    for (int64_t i = 0; i < count; i++) {
        while (offsets[row + 1] <= before + i)
            row++;
        look_for_missing(b, b->rows + row, index, 1, look->kind.width, to + (size_t)i * bytes);
    }
    return KAON_OK;
}

static kaon_status add_texts(kn_table_builder *b, int64_t index, const kn_arrow_look *look,
                             kaon_diag *diag)
{
    for (int64_t row = 0; row < look->rows; row++) {
        size_t bytes = 0;
        const char *text = kn_arrow_text(look, row, &bytes);
        // In a kept column no text is a text like others.
        const int32_t is_null = kn_arrow_is_null(look, row) || bytes == 0;
        const int32_t is_missing = is_null && b->chosen.at[index].role == KAON_ROLE_TARGET;
        bytes = is_null ? 0 : bytes;
        if (is_missing)
            note_missing(b, b->rows + row, index);
        KAON_TRY(is_missing ? kn_classes_add_missing(b->sinks[index].classes, diag)
                            : kn_classes_add_text(b->sinks[index].classes, text, bytes, diag));
    }
    return KAON_OK;
}

// Classes as numbers; a float must be a whole one.
static kaon_status add_class_numbers(kn_table_builder *b, int64_t index, const kn_arrow_look *look,
                                     kaon_diag *diag)
{
    double values[BLOCK_ROWS];
    int64_t numbers[BLOCK_ROWS];
    kn_classes *classes = b->sinks[index].classes;
    const int32_t is_float = kaon_dtype_is_float(look->kind.dtype);
    for (int64_t row = 0; row < look->rows; row++) {
        const int64_t block = row % BLOCK_ROWS;
        if (block == 0) {
            const int64_t left = look->rows - row;
            const int64_t count = left < BLOCK_ROWS ? left : BLOCK_ROWS;
            kn_arrow_numbers(look, row, count, KAON_F64, values);
            kn_arrow_numbers(look, row, count, KAON_I64, numbers);
        }
        if (isnan(values[block])) {
            note_missing(b, b->rows + row, index);
            KAON_TRY(kn_classes_add_missing(classes, diag));
            continue;
        }
        if (is_float && (values[block] != floor(values[block]) || fabs(values[block]) > 1e15))
            return kaon_fail(diag, KAON_INVALID, "row %lld is %g, which is no class number",
                             (long long)(b->rows + row), values[block]);
        KAON_TRY(kn_classes_add_numbers(classes, &numbers[block], 1, diag));
    }
    return KAON_OK;
}

static kaon_status add_values(kn_table_builder *b, int64_t index, const kn_arrow_look *look,
                              kaon_diag *diag)
{
    kn_sink *s = &b->sinks[index];
    char *to = NULL;
    const size_t bytes = (size_t)look->kind.width * kaon_dtype_bytes(s->dtype);
    KAON_TRY(kn_buffer_extend(&s->values, look->rows, bytes, &to, diag));
    kn_arrow_numbers(look, 0, look->rows, s->dtype, to);
    if (b->chosen.at[index].role != KAON_ROLE_NONE)
        look_for_missing(b, b->rows, index, look->rows, look->kind.width, to);
    return KAON_OK;
}

static kaon_status add_column(kn_table_builder *b, int64_t index, const kn_arrow_look *look,
                              kaon_diag *diag)
{
    if (look->kind.jagged)
        return add_jagged(b, index, look, diag);
    if (look->kind.dtype == KN_TEXT_COLUMN)
        return add_texts(b, index, look, diag);
    if (b->sinks[index].classes)
        return add_class_numbers(b, index, look, diag);
    return add_values(b, index, look, diag);
}

// A column of another file may be of another type, but not of another form.
static kaon_status open_column(const kn_chosen *c, const struct ArrowSchema *schema,
                               const struct ArrowArray *array, kn_arrow_look *out, kaon_diag *diag)
{
    kn_arrow_kind kind;
    char now[96], before[96];
    KAON_TRY(kn_arrow_kind_of(schema, &kind, diag));
    const int same_form = kind.jagged == c->kind.jagged && kind.width == c->kind.width &&
                          kind.rank == c->kind.rank &&
                          (kind.dtype == KN_TEXT_COLUMN) == (c->kind.dtype == KN_TEXT_COLUMN);
    if (!same_form || (c->role == KAON_ROLE_NONE && kind.dtype != c->kind.dtype))
        return kaon_fail(diag, KAON_INVALID, "it is %s here and %s in the first file",
                         kn_arrow_kind_text(&kind, now, sizeof now),
                         kn_arrow_kind_text(&c->kind, before, sizeof before));
    return kn_arrow_open(&kind, array, out, diag);
}

static kaon_status add_columns(kn_table_builder *b, const kn_arrow_look *looks, int64_t rows,
                               kaon_diag *diag)
{
    char *flags = NULL;
    KAON_TRY(kn_buffer_extend(&b->missing, rows, 1, &flags, diag));
    memset(flags, 0, (size_t)rows);
    if (!b->jagged)
        KAON_TRY(add_stacked(b, looks, rows, diag));
    for (int64_t i = b->jagged ? 0 : b->chosen.feature_count; i < b->chosen.count; i++)
        KAON_TRY(kaon_context(diag, add_column(b, i, &looks[i], diag), "column '%s'",
                              b->chosen.at[i].name));
    b->rows += rows;
    return KAON_OK;
}

kaon_status kn_table_builder_add(kn_table_builder *b, const struct ArrowSchema *schema,
                                 const struct ArrowArray *array, kaon_diag *diag)
{
    if (array->n_children != b->chosen.count || schema->n_children != b->chosen.count)
        return kaon_fail(diag, KAON_INTERNAL, "the reader gave %lld columns, asked for were %lld",
                         (long long)array->n_children, (long long)b->chosen.count);
    if (array->offset || array->length < 0)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the reader gave a part of an array");
    kn_arrow_look *looks = kn_alloc_array((size_t)b->chosen.count, sizeof *looks);
    if (!looks)
        return kn_no_memory(diag, "columns");
    kaon_status status = KAON_OK;
    for (int64_t i = 0; !status && i < b->chosen.count; i++) {
        status =
            open_column(&b->chosen.at[i], schema->children[i], array->children[i], &looks[i], diag);
        if (!status && looks[i].rows != array->length)
            status = kaon_fail(diag, KAON_INTERNAL, "it has %lld rows of %lld",
                               (long long)looks[i].rows, (long long)array->length);
        kaon_context(diag, status, "column '%s'", b->chosen.at[i].name);
    }
    if (!status)
        status = add_columns(b, looks, array->length, diag);
    kn_free(looks);
    return status;
}
