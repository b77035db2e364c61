/* arrow_finish.c: what was collected of Arrow arrays becomes a table. */
#include "data/arrow_builder.h"

#include "kernel/memory.h"
#include "data/table.h"
#include "kernel/tensor.h"
#include "kernel/text.h"

#include <string.h>

/* --- finishing -------------------------------------------------------------------------------- */

// Names along the last axis: a vector's numbers are told apart by their place.
static kaon_status make_labels(const kn_table_builder *b, const char ***out, kn_text *texts,
                               kaon_diag *diag)
{
    const char **labels = kn_alloc_array((size_t)b->width, sizeof *labels);
    int64_t count = 0;
    for (int64_t i = 0; i < b->chosen.feature_count; i++) {
        const kn_chosen *c = &b->chosen.at[i];
        for (int64_t j = 0; j < c->kind.width; j++) {
            const int simple = !c->kind.rank || !strpbrk(c->name, " +-*/%");
            kn_text_format(texts, simple ? "%s" : "(%s)", c->name); // pt[:5][0], (pt / 2)[0]
            if (c->kind.rank)
                kn_text_format(texts, "[%lld]", (long long)j);
            kn_text_add_bytes(texts, "", 1);
        }
    }
    if (!labels || texts->failed) {
        kn_free(labels);
        kn_text_fini(texts);
        return kn_no_memory(diag, "names of features");
    }
    const char *at = kn_text_get(texts);
    for (; count < b->width; at += strlen(at) + 1)
        labels[count++] = at;
    *out = labels;
    return KAON_OK;
}

static int64_t longest_row(const kn_table_builder *b)
{
    const int64_t *offsets = (const void *)b->sinks[0].offsets.at;
    int64_t longest = 0;
    for (int64_t i = 0; i < b->rows; i++)
        if (offsets[i + 1] - offsets[i] > longest)
            longest = offsets[i + 1] - offsets[i];
    return longest;
}

static void fill(const kn_want *want, int64_t count, void *to)
{
    if (want->pad_value == 0)
        memset(to, 0, (size_t)count * kaon_dtype_bytes(want->float_type));
    for (int64_t i = 0; want->pad_value != 0 && i < count; i++)
        kn_convert(KAON_F64, &want->pad_value, want->float_type,
                   (char *)to + (size_t)i * kaon_dtype_bytes(want->float_type), 1);
}

// The jagged features side by side, each row cut or filled up to `pad` entries.
static kaon_status pad_features(kn_table_builder *b, kaon_diag *diag)
{
    const size_t element = kaon_dtype_bytes(b->want->float_type);
    const size_t stride = (size_t)b->width * element;
    char *to = NULL;
    size_t shift = 0, row_bytes = 0;
    b->pad = b->want->pad ? b->want->pad : longest_row(b);
    b->pad = b->pad ? b->pad : 1; // a tensor without numbers is of no use
    if (!kn_mul_size((size_t)b->pad, stride, &row_bytes))
        return kn_no_memory(diag, "padded features");
    KAON_TRY(kn_buffer_extend(&b->matrix, b->rows, row_bytes, &to, diag));
    fill(b->want, b->rows * b->pad * b->width, to);
    for (int64_t i = 0; i < b->chosen.feature_count; i++) {
        const kn_sink *s = &b->sinks[i];
        const int64_t *first = (const void *)b->sinks[0].offsets.at;
        const int64_t *offsets = (const void *)s->offsets.at;
        const size_t bytes = (size_t)b->chosen.at[i].kind.width * element;
        for (int64_t row = 0; row < b->rows; row++) {
            const int64_t length = offsets[row + 1] - offsets[row];
            if (length != first[row + 1] - first[row])
                return kaon_fail(diag, KAON_INVALID,
                                 "row %lld has %lld entries of '%s' and %lld of '%s'",
                                 (long long)row, (long long)(first[row + 1] - first[row]),
                                 b->chosen.at[0].name, (long long)length, b->chosen.at[i].name);
            kn_scatter(s->values.at + (size_t)offsets[row] * bytes,
                       length < b->pad ? length : b->pad, bytes, stride,
                       to + (size_t)row * row_bytes + shift);
        }
        shift += bytes;
    }
    return KAON_OK;
}

static kaon_status give_features(kn_table_builder *b, kaon_table *table, kaon_diag *diag)
{
    const kn_arrow_kind *kind = &b->chosen.at[0].kind;
    const int32_t alone = b->chosen.feature_count == 1 && kind->rank > 1;
    int64_t shape[KAON_MAX_RANK] = {b->rows, b->width};
    kaon_column column = {.size = sizeof column, .role = KAON_ROLE_FEATURES, .name = "features"};
    kn_text texts = {0};
    const char **labels = NULL;
    column.view = (kaon_view){.size = sizeof column.view,
                              .dtype = b->want->float_type,
                              .device_type = KAON_DEVICE_CPU,
                              .rank = 2,
                              .shape = shape};
    if (b->jagged) {
        KAON_TRY(pad_features(b, diag));
        shape[column.view.rank - 1] = b->pad;
        shape[column.view.rank++] = b->width;
    }
    if (alone && !b->jagged) {
        memcpy(shape + 1, kind->shape, (size_t)kind->rank * sizeof *shape);
        column.view.rank = 1 + kind->rank;
        column.name = b->chosen.at[0].name;
    } else {
        KAON_TRY(make_labels(b, &labels, &texts, diag));
        column.label_count = b->width;
        column.labels = labels;
    }
    kn_block values = {0};
    kaon_status status = kn_buffer_take(&b->matrix, &values, diag);
    if (!status)
        status = kn_table_column_give(table, &column, &values, NULL, diag);
    kn_free(labels);
    kn_text_fini(&texts);
    return status;
}

// One-hot vectors are classes if the user says so.
static kaon_status one_hot(kn_sink *s, int64_t rows, int64_t width, kaon_diag *diag)
{
    kn_buffer made = {.block.spill = s->values.block.spill};
    char *at = NULL;
    KAON_TRY(kn_buffer_extend(&made, rows, sizeof(int64_t), &at, diag));
    int64_t *numbers = (void *)at;
    for (int64_t row = 0; row < rows; row++) {
        int64_t ones = 0, others = 0;
        numbers[row] = 0;
        for (int64_t i = 0; i < width; i++) {
            double value = 0;
            kn_convert(s->dtype,
                       s->values.at + (size_t)(row * width + i) * kaon_dtype_bytes(s->dtype),
                       KAON_F64, &value, 1);
            ones += value == 1;
            others += value != 0 && value != 1;
            numbers[row] = value == 1 ? i : numbers[row];
        }
        if (ones == 1 && others == 0)
            continue;
        kn_buffer_fini(&made);
        return kaon_fail(diag, KAON_INVALID,
                         "row %lld of the target is no class: exactly one of its %lld numbers must "
                         "be 1 and the others 0",
                         (long long)row, (long long)width);
    }
    kn_buffer_fini(&s->values);
    s->values = made;
    s->dtype = KAON_I64;
    return KAON_OK;
}

static kaon_status give_classes(kn_table_builder *b, int64_t index, kaon_column *column,
                                kn_block *numbers, kaon_diag *diag)
{
    const int32_t is_target = column->role == KAON_ROLE_TARGET;
    KAON_TRY(
        kaon_context(diag,
                     kn_classes_settle(b->sinks[index].classes, is_target ? b->want->classes : NULL,
                                       is_target ? b->want->class_count : 0, numbers,
                                       &column->labels, &column->label_count, diag),
                     "column '%s'", column->name));
    column->view.dtype = KAON_I64;
    return KAON_OK;
}

// The names given, or numbers.
static kaon_status give_one_hot(const kn_table_builder *b, kaon_column *column, int64_t count,
                                kn_block *numbers, kaon_table *table, kaon_diag *diag)
{
    kn_text texts = {0};
    const char **names = kn_alloc_array((size_t)count, sizeof *names);
    for (int64_t i = 0; i < count; i++) {
        kn_text_format(&texts, "%lld", (long long)i);
        kn_text_add_bytes(&texts, "", 1);
    }
    column->label_count = count;
    column->labels = names;
    kaon_status status = KAON_OK;
    if (!names || texts.failed) {
        kn_block_free(numbers);
        status = kn_no_memory(diag, "classes");
    } else {
        const char *at = kn_text_get(&texts);
        for (int64_t i = 0; i < count; i++, at += strlen(at) + 1)
            names[i] = b->want->class_count == count ? b->want->classes[i] : at;
        status = kn_table_column_give(table, column, numbers, NULL, diag);
    }
    kn_free(names);
    kn_text_fini(&texts);
    return status;
}

// Names of the values of a column that is kept as numbers.
static kaon_status split_labels(const kn_chosen *c, char **texts, const char ***names,
                                kaon_column *column, kaon_diag *diag)
{
    int64_t count = 1;
    if (!c->labels || c->role != KAON_ROLE_NONE)
        return KAON_OK;
    *texts = kn_copy_text(c->labels);
    for (const char *at = c->labels; *at; at++)
        count += *at == '\n';
    *names = kn_alloc_array((size_t)count, sizeof **names);
    if (!*texts || !*names)
        return kn_no_memory(diag, "names of values");
    char *at = *texts;
    for (int64_t i = 0; i < count; i++) {
        (*names)[i] = at;
        at += strcspn(at, "\n");
        *at++ = 0; // at the end a zero byte takes its own place
    }
    column->labels = *names;
    column->label_count = count;
    return KAON_OK;
}

static kaon_status give_column(kn_table_builder *b, int64_t index, kaon_table *table,
                               kaon_diag *diag)
{
    const kn_chosen *c = &b->chosen.at[index];
    kn_sink *s = &b->sinks[index];
    kaon_column column = {.size = sizeof column, .role = c->role, .name = c->name};
    int64_t shape[KAON_MAX_RANK] = {b->rows};
    memcpy(shape + 1, c->kind.shape, (size_t)c->kind.rank * sizeof *shape);
    column.view = (kaon_view){.size = sizeof column.view,
                              .dtype = s->dtype,
                              .device_type = KAON_DEVICE_CPU,
                              .rank = 1 + c->kind.rank,
                              .shape = shape};
    kn_block values = {0}, offsets = {0};
    if (s->classes) {
        KAON_TRY(give_classes(b, index, &column, &values, diag));
        return kn_table_column_give(table, &column, &values, NULL, diag);
    }
    if (c->role == KAON_ROLE_TARGET && c->kind.rank == 1 &&
        b->want->task == KN_TASK_CLASSIFICATION) {
        KAON_TRY(one_hot(s, b->rows, shape[1], diag));
        column.view.dtype = KAON_I64;
        column.view.rank = 1;
        KAON_TRY(kn_buffer_take(&s->values, &values, diag));
        return give_one_hot(b, &column, shape[1], &values, table, diag);
    }
    if (c->kind.jagged) {
        char *unused = NULL;
        if (!s->offsets.bytes) { // no array at all has come
            KAON_TRY(kn_buffer_extend(&s->offsets, 1, sizeof(int64_t), &unused, diag));
            memset(unused, 0, sizeof(int64_t));
        }
        shape[0] =
            (int64_t)(s->values.bytes / ((size_t)c->kind.width * kaon_dtype_bytes(s->dtype)));
        KAON_TRY(kn_buffer_take(&s->offsets, &offsets, diag));
    }
    const char **names = NULL;
    char *texts = NULL;
    kaon_status status = split_labels(c, &texts, &names, &column, diag);
    if (!status)
        status = kn_buffer_take(&s->values, &values, diag);
    if (status)
        kn_block_free(&offsets);
    else
        status =
            kn_table_column_give(table, &column, &values, c->kind.jagged ? &offsets : NULL, diag);
    kn_free(names);
    kn_free(texts);
    return status;
}

static kaon_status refuse_missing(const kn_table_builder *b, kaon_diag *diag)
{
    return kaon_fail(
        diag, KAON_NOT_FINITE,
        "column '%s' has no value in row %lld (%lld values are missing in all); set "
        "`missing: drop` to leave such rows out or `missing: keep` to keep them as NaN",
        b->chosen.at[b->missing_column].name, (long long)b->missing_row,
        (long long)b->missing_count);
}

static kaon_status check_missing(const kn_table_builder *b, kaon_diag *diag)
{
    if (!b->missing_count || b->want->missing == KN_MISSING_DROP)
        return KAON_OK;
    if (b->want->missing == KN_MISSING_REFUSE)
        return refuse_missing(b, diag);
    if (b->missing_single < 0)
        return KAON_OK;
    const kn_chosen *c = &b->chosen.at[b->missing_single];
    return kaon_fail(diag, KAON_NOT_FINITE,
                     "the %s '%s' has no value in row %lld; set `missing: drop`",
                     kn_role_text(c->role), c->name, (long long)b->missing_single_row);
}

kaon_status kn_table_builder_finish(kn_table_builder *b, kaon_table **out, kn_block *incomplete,
                                    kaon_diag *diag)
{
    kaon_table *table = NULL;
    *incomplete = (kn_block){0};
    KAON_TRY(check_missing(b, diag));
    KAON_TRY(kn_table_new(b->rows, &table, diag));
    kn_table_spill(table, b->want->spill);
    kaon_status status = give_features(b, table, diag);
    for (int64_t i = b->chosen.feature_count; !status && i < b->chosen.count; i++)
        status = give_column(b, i, table, diag);
    if (!status && b->missing_count && b->want->missing == KN_MISSING_DROP)
        status = kn_buffer_take(&b->missing, incomplete, diag);
    if (status) {
        kn_table_release(table);
        return status;
    }
    *out = table;
    return KAON_OK;
}
