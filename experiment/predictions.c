/* predictions.c: what a model said, as Arrow columns. */
#include "experiment/predictions.h"

#include <kaon/arrow_build.h>
#include <string.h>

#include "data/table.h"
#include "kernel/tensor.h"

enum { MOST_COLUMNS = 65536 };

// Columns on their way, on the memory of the host.
typedef struct {
    const kaon_host *host;
    kaon_arrow_column *columns;
    kaon_arrow_data *data;
    char (*names)[64];
    int64_t count;
    int64_t room;
    int64_t rows;
} sheet;

static kaon_status no_memory(kaon_diag *diag)
{
    return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for the predictions");
}

static kaon_arrow_data *add_column(sheet *s, const char *format, const char *name)
{
    kaon_arrow_column *column = &s->columns[s->count];
    snprintf(s->names[s->count], sizeof s->names[0], "%s", name);
    column->name = s->names[s->count];
    column->format = format;
    return &s->data[s->count++];
}

/* Column `k` of (rows, width) doubles. */
static int32_t add_numbers(sheet *s, const char *name, const double *from, int64_t width, int64_t k)
{
    kaon_arrow_data *data = add_column(s, "g", name);
    double *values = kaon_alloc(s->host, (uint64_t)s->rows * sizeof *values);
    data->values = values;
    for (int64_t i = 0; values && i < s->rows; i++)
        values[i] = from[i * width + k];
    return values != NULL;
}

static int32_t add_integers(sheet *s, const char *name, const int64_t *from)
{
    kaon_arrow_data *data = add_column(s, "l", name);
    data->values = kaon_alloc(s->host, (uint64_t)s->rows * sizeof *from);
    if (data->values && s->rows)
        memcpy(data->values, from, (size_t)s->rows * sizeof *from);
    return data->values != NULL;
}

// Names of numbered things.
static int32_t add_texts(sheet *s, const char *name, const int64_t *numbers,
                         const char *const *texts, int64_t count)
{
    uint64_t bytes = 0;
    for (int64_t i = 0; i < s->rows; i++)
        bytes += numbers[i] >= 0 && numbers[i] < count ? strlen(texts[numbers[i]]) : 0;
    kaon_arrow_data *data = add_column(s, "u", name);
    data->offsets = kaon_alloc(s->host, ((uint64_t)s->rows + 1) * sizeof *data->offsets);
    data->values = bytes < INT32_MAX ? kaon_alloc(s->host, bytes) : NULL;
    if (!data->offsets || !data->values)
        return 0;
    char *at = data->values;
    data->offsets[0] = 0;
    for (int64_t i = 0; i < s->rows; i++) {
        const char *text = numbers[i] >= 0 && numbers[i] < count ? texts[numbers[i]] : "";
        const size_t length = strlen(text);
        memcpy(at, text, length);
        at += length;
        data->offsets[i + 1] = data->offsets[i] + (int32_t)length;
    }
    return 1;
}

/* --- what stands in a table ------------------------------------------------------------------- */

static int32_t add_likeliest(sheet *s, const kaon_column *said, const double *p, int64_t width)
{
    int64_t *best = kaon_alloc(s->host, (uint64_t)(s->rows + 1) * sizeof *best);
    for (int64_t i = 0; best && i < s->rows; i++) {
        best[i] = 0;
        for (int64_t k = 1; k < width; k++)
            if (p[i * width + k] > p[i * width + best[i]])
                best[i] = k;
    }
    const int32_t done = best && add_texts(s, "predicted", best, said->labels, said->label_count);
    kaon_free(s->host, best);
    return done;
}

static int32_t add_floats(sheet *s, const kaon_column *said, int64_t width)
{
    char name[64];
    double *values = kaon_alloc(s->host, (uint64_t)(s->rows * width + 1) * sizeof *values);
    int32_t done = values != NULL;
    if (values)
        kn_view_copy(&said->view, KAON_F64, values);
    for (int64_t k = 0; k < width && done; k++) {
        if (said->label_count == width)
            snprintf(name, sizeof name, "p_%s", said->labels[k]);
        else if (width == 1)
            snprintf(name, sizeof name, "prediction");
        else
            snprintf(name, sizeof name, "prediction_%lld", (long long)k);
        done = add_numbers(s, name, values, width, k);
    }
    if (done && said->label_count == width && width > 1)
        done = add_likeliest(s, said, values, width);
    kaon_free(s->host, values);
    return done;
}

static int32_t add_whole(sheet *s, const kaon_column *column, const char *name)
{
    int64_t *numbers = kaon_alloc(s->host, (uint64_t)(s->rows + 1) * sizeof *numbers);
    int32_t done = numbers != NULL;
    if (numbers)
        kn_view_copy(&column->view, KAON_I64, numbers);
    if (done && column->label_count)
        done = add_texts(s, name, numbers, column->labels, column->label_count);
    else if (done)
        done = add_integers(s, name, numbers);
    kaon_free(s->host, numbers);
    return done;
}

static int32_t add_target(sheet *s, const kaon_column *target)
{
    const char *name = target->name ? target->name : "target";
    if (!kaon_dtype_is_float(target->view.dtype))
        return add_whole(s, target, name);
    const int64_t width = s->rows ? kaon_view_count(&target->view) / s->rows : 1;
    double *values = kaon_alloc(s->host, (uint64_t)(s->rows * width + 1) * sizeof *values);
    if (values)
        kn_view_copy(&target->view, KAON_F64, values);
    const int32_t done = values && add_numbers(s, name, values, width, 0);
    kaon_free(s->host, values);
    return done;
}

// Columns the section carries along, of one number or text per row.
static int32_t add_kept(sheet *s, const kaon_table *table, int32_t index)
{
    kaon_column column = {.size = sizeof column};
    if (kn_table_column_at(table, index, &column, NULL) || column.role != KAON_ROLE_NONE ||
        column.view.rank != 1 || column.offsets || s->count >= s->room)
        return 1;
    return add_target(s, &column);
}

static kaon_status fill(sheet *s, const kaon_table *table, int64_t width, const kaon_column *said,
                        kaon_diag *diag)
{
    kaon_column target = {.size = sizeof target};
    int32_t done = kaon_dtype_is_float(said->view.dtype)
                       ? add_floats(s, said, width)
                       : add_whole(s, said, said->label_count ? "predicted" : "cluster");
    if (done && !kn_table_column_of(table, KAON_ROLE_TARGET, &target))
        done = add_target(s, &target);
    for (int32_t i = 0; done && i < kn_table_column_count(table); i++)
        done = add_kept(s, table, i);
    return done ? KAON_OK : no_memory(diag);
}

kaon_status kn_predictions_arrow(const kaon_host *host, const kaon_table *table,
                                 int64_t class_count, const char *const *classes,
                                 struct ArrowSchema *schema, struct ArrowArray *array,
                                 kaon_diag *diag)
{
    kaon_column said = {.size = sizeof said};
    if (kn_table_column_of(table, KAON_ROLE_PREDICTION, &said))
        return kaon_fail(diag, KAON_INVALID, "the model's last learner predicts nothing");
    sheet s = {.host = host, .rows = kn_table_rows(table)};
    const int64_t width = s.rows ? kaon_view_count(&said.view) / s.rows : 1;
    if (!said.label_count && classes && kaon_dtype_is_float(said.view.dtype)) {
        said.label_count = class_count;
        said.labels = classes;
    }
    if (width > MOST_COLUMNS)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%lld numbers per event are too many columns",
                         (long long)width);
    const uint64_t room = (uint64_t)width + 2 + (uint64_t)kn_table_column_count(table);
    s.room = (int64_t)room;
    s.columns = kaon_alloc(host, room * sizeof *s.columns);
    s.data = kaon_alloc(host, room * sizeof *s.data);
    s.names = kaon_alloc(host, room * sizeof *s.names);
    kaon_status status = s.columns && s.data && s.names ? KAON_OK : no_memory(diag);
    if (!status) {
        memset(s.columns, 0, room * sizeof *s.columns);
        memset(s.data, 0, room * sizeof *s.data);
        status = fill(&s, table, width, &said, diag);
    }
    if (!status)
        status = kaon_arrow_schema_make(host, s.columns, s.count, schema, diag);
    if (!status) {
        status = kaon_arrow_array_make(host, s.columns, s.data, s.count, s.rows, array, diag);
        if (status)
            schema->release(schema);
    } else if (s.data) {
        kaon_arrow_data_free(host, s.data, s.count);
    }
    kaon_free(host, s.columns);
    kaon_free(host, s.data);
    kaon_free(host, s.names);
    return status;
}
