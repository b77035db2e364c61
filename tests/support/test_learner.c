/* test_learner.c: tables, monitors and archives for tests of learners and agents. */
#include <kaon/test.h>

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { METRICS = 1 << 16, NAME = 48, ENTRIES = 1024 };

static const kaon_table_api *tables(void)
{
    return kt_service(KAON_TABLE_SERVICE);
}

static void *room(size_t bytes)
{
    void *memory = calloc(bytes ? bytes : 1, 1);
    kt_true(memory != NULL);
    return memory;
}

/* --- tables ----------------------------------------------------------------------------------- */

static void put_floats(const kaon_view *view, const double *values)
{
    const int64_t count = kaon_view_count(view);
    for (int64_t i = 0; i < count; i++)
        if (view->dtype == KAON_F64)
            ((double *)view->data)[i] = values[i];
        else
            ((float *)view->data)[i] = (float)values[i];
}

static kaon_view add_column(kaon_table *table, int32_t role, const char *name, int32_t dtype,
                            kt_dims shape)
{
    kaon_column column = {
        .size = sizeof column,
        .role = role,
        .name = name,
        .view = {.size = sizeof(kaon_view),
                 .dtype = dtype,
                 .device_type = KAON_DEVICE_CPU,
                 .rank = shape.rank,
                 .shape = shape.at},
    };
    kt_ok(tables()->column_add(table, &column, kt_diag()));
    return column.view;
}

kaon_table *kt_table(const kt_data *data)
{
    kaon_table *table = NULL;
    kt_ok(tables()->table_new(kt_host(), data->rows, &table, kt_diag()));
    kaon_view view = add_column(table, KAON_ROLE_FEATURES, "features", data->dtype,
                                kt_shape(data->rows, data->width));
    put_floats(&view, data->features);
    if (data->classes) {
        view = add_column(table, KAON_ROLE_TARGET, "class", KAON_I64, kt_shape(data->rows));
        memcpy(view.data, data->classes, (size_t)data->rows * sizeof *data->classes);
    }
    if (data->values) {
        view = add_column(table, KAON_ROLE_TARGET, "value", data->dtype, kt_shape(data->rows));
        put_floats(&view, data->values);
    }
    if (data->weights) {
        view = add_column(table, KAON_ROLE_WEIGHT, "weight", data->dtype, kt_shape(data->rows));
        put_floats(&view, data->weights);
    }
    return table;
}

/* --- the monitor ------------------------------------------------------------------------------ */

// What was told since the last fit began; one test runs at a time.
static struct {
    kaon_monitor monitor;
    int64_t count;
    struct {
        char name[NAME];
        int64_t step;
        double value;
    } told[METRICS];
    int64_t calls;
    int64_t cancel_at;
} record;

static void metric(kaon_monitor *m, const char *name, int64_t step, double value)
{
    (void)m;
    if (record.count == METRICS)
        return;
    snprintf(record.told[record.count].name, NAME, "%s", name);
    record.told[record.count].step = step;
    record.told[record.count++].value = value;
}

static kaon_status progress(kaon_monitor *m, double done, double total, const char *unit)
{
    (void)m, (void)unit;
    if (!(done >= 0 && done <= total * (1 + 1e-9)))
        metric(m, "progress beyond its total", 0, done);
    record.calls++;
    return record.cancel_at && record.calls >= record.cancel_at ? KAON_CANCELLED : KAON_OK;
}

static kaon_status checkpoint(kaon_monitor *m, int32_t point, kaon_suspend *suspend, void *context,
                              kaon_diag *diag)
{
    (void)m, (void)point, (void)suspend, (void)context, (void)diag;
    return KAON_OK;
}

static const kaon_monitor_api monitor_api = {.size = sizeof monitor_api,
                                             .metric = metric,
                                             .progress = progress,
                                             .checkpoint = checkpoint};

kaon_monitor *kt_monitor(void)
{
    record.monitor.api = &monitor_api;
    record.count = 0;
    record.calls = 0;
    return &record.monitor;
}

void kt_cancel_at(int64_t calls)
{
    record.cancel_at = calls;
}

double kt_metric(const char *name, int64_t step)
{
    for (int64_t i = 0; i < record.count; i++)
        if (record.told[i].step == step && strcmp(record.told[i].name, name) == 0)
            return record.told[i].value;
    return NAN;
}

int64_t kt_metric_steps(const char *name)
{
    int64_t last = 0;
    for (int64_t i = 0; i < record.count; i++)
        if (record.told[i].step > last && strcmp(record.told[i].name, name) == 0)
            last = record.told[i].step;
    return last;
}

/* --- learners --------------------------------------------------------------------------------- */

kt_learner kt_learner_open(const char *name, const char *settings, const kt_data *data)
{
    kt_learner learner = {kt_part(KAON_LEARNER, name, settings), NULL};
    const kaon_learner *table = learner.part->table;
    const kaon_task_facts facts = {
        .size = sizeof facts,
        .feature_rank = 1,
        .feature_shape = &data->width,
        .target_dtype = data->classes  ? KAON_I64
                        : data->values ? data->dtype
                                       : -1,
        .classes = data->class_count,
        .target_width = 1,
        .seed = 1,
        .float_type = data->dtype,
    };
    kt_ok(table->create(kt_host(), learner.part->settings, &facts, &learner.self, kt_diag()));
    return learner;
}

void kt_learner_close(kt_learner *learner)
{
    const kaon_learner *table = learner->part->table;
    table->destroy(learner->self);
    learner->self = NULL;
}

kaon_status kt_fit(const kt_learner *learner, const kt_data *train, const kt_data *validation)
{
    const kaon_learner *table = learner->part->table;
    const kaon_fit fit = {
        .size = sizeof fit,
        .train = kt_table(train),
        .validation = validation ? kt_table(validation) : NULL,
        .monitor = kt_monitor(),
    };
    const kaon_status status = table->fit(learner->self, &fit, kt_diag());
    record.cancel_at = 0;
    tables()->release(fit.train);
    tables()->release(fit.validation);
    kt_near(kt_metric("progress beyond its total", 0), NAN, 0);
    return status;
}

double *kt_apply(const kt_learner *learner, const kt_data *data, int32_t role, int64_t *count)
{
    const kaon_learner *table = learner->part->table;
    kaon_table *in = kt_table(data), *out = NULL;
    kaon_column column = {.size = sizeof column};
    kt_ok(table->apply(learner->self, in, &out, kt_diag()));
    kt_near((double)tables()->rows(out), (double)data->rows, 0);
    kt_ok(tables()->column_of(out, role, &column));
    *count = kaon_view_count(&column.view);
    double *values = room((size_t)*count * sizeof *values);
    for (int64_t i = 0; i < *count; i++)
        values[i] = column.view.dtype == KAON_F64 ? ((const double *)column.view.data)[i]
                    : column.view.dtype == KAON_F32
                        ? (double)((const float *)column.view.data)[i]
                        : (double)((const int64_t *)column.view.data)[i];
    tables()->release(in);
    tables()->release(out);
    return values;
}

/* --- archives --------------------------------------------------------------------------------- */

typedef struct {
    char name[256];
    char *text;
    void *data;
    int64_t shape[KAON_MAX_RANK];
    kaon_view view;
} entry;

typedef struct {
    kaon_archive archive; // first
    int32_t count;
    entry entries[ENTRIES];
} memory_archive;

static entry *find(kaon_archive *a, const char *name)
{
    memory_archive *m = (memory_archive *)(void *)a;
    for (int32_t i = 0; i < m->count; i++)
        if (strcmp(m->entries[i].name, name) == 0)
            return &m->entries[i];
    return NULL;
}

static entry *add(kaon_archive *a, const char *name)
{
    memory_archive *m = (memory_archive *)(void *)a;
    kt_true(find(a, name) == NULL);
    kt_true(m->count < ENTRIES);
    entry *e = &m->entries[m->count++];
    snprintf(e->name, sizeof e->name, "%s", name);
    return e;
}

static kaon_status put(kaon_archive *a, const char *name, const kaon_view *value, kaon_diag *diag)
{
    entry *e = add(a, name);
    const size_t bytes = (size_t)kaon_view_count(value) * kaon_dtype_bytes(value->dtype);
    (void)diag;
    e->data = room(bytes);
    memcpy(e->data, value->data, bytes);
    for (int32_t i = 0; i < value->rank; i++)
        e->shape[i] = value->shape[i];
    e->view = (kaon_view){.size = sizeof(kaon_view),
                          .dtype = value->dtype,
                          .device_type = KAON_DEVICE_CPU,
                          .rank = value->rank,
                          .data = e->data,
                          .shape = e->shape};
    return KAON_OK;
}

static kaon_status get(kaon_archive *a, const char *name, kaon_view *out, kaon_diag *diag)
{
    const entry *e = find(a, name);
    if (!e || !e->data)
        return kaon_fail(diag, KAON_NOT_FOUND, "the model has no '%s'", name);
    *out = e->view;
    return KAON_OK;
}

static int32_t count_of(kaon_archive *a)
{
    return ((memory_archive *)(void *)a)->count;
}

static const char *name_at(kaon_archive *a, int32_t index)
{
    memory_archive *m = (memory_archive *)(void *)a;
    return index < m->count ? m->entries[index].name : NULL;
}

static kaon_status put_text(kaon_archive *a, const char *name, const char *text, kaon_diag *diag)
{
    entry *e = add(a, name);
    (void)diag;
    e->text = room(strlen(text) + 1);
    memcpy(e->text, text, strlen(text) + 1);
    return KAON_OK;
}

static kaon_status get_text(kaon_archive *a, const char *name, const char **out, kaon_diag *diag)
{
    const entry *e = find(a, name);
    if (!e || !e->text)
        return kaon_fail(diag, KAON_NOT_FOUND, "the model has no text '%s'", name);
    *out = e->text;
    return KAON_OK;
}

static const kaon_archive_api archive_api = {
    .size = sizeof archive_api,
    .put = put,
    .get = get,
    .count = count_of,
    .name_at = name_at,
    .put_text = put_text,
    .get_text = get_text,
};

kaon_archive *kt_archive_new(void)
{
    memory_archive *m = room(sizeof *m);
    m->archive.api = &archive_api;
    return &m->archive;
}

void kt_archive_free(kaon_archive *a)
{
    memory_archive *m = (memory_archive *)(void *)a;
    for (int32_t i = 0; m && i < m->count; i++) {
        free(m->entries[i].data);
        free(m->entries[i].text);
    }
    free(m);
}

/* --- files ------------------------------------------------------------------------------------ */

// The numbers of a line into `out`, at most `most`; 0 if there is anything else in it.
static int64_t line_numbers(const char *line, double *out, int64_t most)
{
    int64_t count = 0;
    while (count < most) {
        char *end = NULL;
        out[count] = strtod(line, &end);
        if (end == line)
            return 0;
        count++;
        if (*end != ',')
            return *end == '\n' || *end == '\r' || *end == 0 ? count : 0;
        line = end + 1;
    }
    return 0;
}

double *kt_read_csv(const char *path, int64_t *rows, int64_t *columns)
{
    enum { MOST = 1024, LINE = 1 << 14 };
    static char line[LINE];
    static double numbers[MOST];
    FILE *file = fopen(path, "r");
    double *values = NULL;
    kt_true(file != NULL);
    *rows = *columns = 0;
    while (fgets(line, LINE, file)) {
        const int64_t count = line_numbers(line, numbers, MOST);
        if (!count)
            continue;
        if (*rows == 0)
            *columns = count;
        kt_true(count == *columns);
        values = realloc(values, (size_t)((*rows + 1) * count) * sizeof *values);
        kt_true(values != NULL);
        memcpy(values + *rows * count, numbers, (size_t)count * sizeof *values);
        (*rows)++;
    }
    fclose(file);
    kt_true(*rows > 0);
    return values;
}
