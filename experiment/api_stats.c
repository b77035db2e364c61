/* api_stats.c: the public API: distributions of the columns of a file or an experiment. */
#include "experiment/api.h"

#include <math.h>
#include <string.h>

#include "data/dataset.h"
#include "data/notes.h"
#include "data/statistics.h"
#include "data/table.h"
#include "experiment/experiment_plan.h"
#include "experiment/stats_plot.h"
#include "kernel/memory.h"
#include "kernel/structs.h"

typedef struct stats {
    kn_config_tree *tree; // of a file's section
    kn_settings settings;
    kn_experiment_plan plan; // of an experiment
    kaon_table *table;
    kn_statistics found;
    json_t *notes;
} stats;

static void stats_fini(stats *s)
{
    kn_statistics_fini(&s->found);
    kn_table_release(s->table);
    if (s->tree)
        kn_settings_fini(&s->settings);
    kn_config_tree_free(s->tree);
    if (s->plan.tree)
        kn_experiment_plan_fini(&s->plan);
    json_decref(s->notes);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int32_t is_experiment(const char *path)
{
    const char *dot = path ? strrchr(path, '.') : NULL;
    return dot && (!strcmp(dot, ".yaml") || !strcmp(dot, ".yml"));
}

static void put(stats *s, kn_config *map, const char *key, const char *text)
{
    if (text)
        kn_config_put(s->tree, map, key, kn_config_scalar_new(s->tree, text, 1));
}

// All columns of numbers, gaps included.
static kn_dataset_plan *plan_file(stats *s, kn_kernel *kernel, const kaon_data_request *q,
                                  kn_faults *faults)
{
    kn_settings_init(&s->settings, kernel, s->tree, faults);
    kn_config *section = kn_config_map_new(s->tree);
    put(s, section, "path", q->path);
    put(s, section, "target", q->target);
    put(s, section, "weight", q->weight);
    put(s, section, "missing", "keep");
    if (q->reader)
        kn_config_put(s->tree, section, "reader",
                      kn_config_parse(s->tree, "--reader", q->reader, strlen(q->reader), faults));
    return section ? kn_dataset_plan_new(&s->settings, section, NULL) : NULL;
}

static kaon_status read_table(stats *s, kn_kernel *kernel, const kaon_data_request *q, kn_api *call)
{
    kaon_diag *diag = &call->fault.diag;
    kn_dataset_load load = {.float_type = KAON_F32, .seed = 1};
    kn_dataset_plan *plan = NULL;
    if (is_experiment(q->path)) {
        KAON_TRY(kn_experiment_plan_init(&s->plan, kernel, q->path, 0, NULL, &call->faults, diag));
        plan = s->plan.data;
        load.folder = s->plan.folder;
        if (!plan)
            return kaon_fail(diag, KAON_INVALID, "the experiment has no data");
    } else {
        s->tree = kn_config_tree_new();
        plan = s->tree ? plan_file(s, kernel, q, &call->faults) : NULL;
        KAON_TRY(kn_faults_status(&call->faults, diag));
    }
    if (!plan)
        return kn_no_memory(diag, "statistics");
    return kn_dataset_load_table(plan, &load, -1, &s->table, diag);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *column_json(const kn_distribution *d)
{
    json_t *levels = json_object(), *bins = json_array();
    for (int32_t i = 0; i < KN_QUANTILES; i++) {
        char level[16];
        snprintf(level, sizeof level, "%g", kn_quantile_levels[i]);
        json_object_set_new(levels, level, number(d->quantiles[i]));
    }
    for (int32_t i = 0; i < KN_BINS; i++)
        json_array_append_new(bins, number(d->bins[i]));
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:o, s:o}}",
                     "name", d->name, "role", kn_role_text(d->role), "count", (json_int_t)d->values,
                     "missing", (json_int_t)d->missing, "weight", number(d->weight), "mean",
                     number(d->mean), "std", number(d->std), "min", number(d->min), "max",
                     number(d->max), "quantiles", levels, "histogram", "from", number(d->from),
                     "to", number(d->to), "counts", bins);
}

static json_t *correlation_json(const kn_statistics *s)
{
    json_t *rows = json_array();
    for (int64_t a = 0; s->correlation && a < s->feature_count; a++) {
        json_t *row = json_array();
        for (int64_t b = 0; b < s->feature_count; b++)
            json_array_append_new(row, number(s->correlation[a * s->feature_count + b]));
        json_array_append_new(rows, row);
    }
    return rows;
}

static json_t *stats_json(const stats *s, const char *source)
{
    const kn_statistics *f = &s->found;
    json_t *columns = json_array(), *classes = json_array();
    for (int64_t i = 0; i < f->count; i++)
        json_array_append_new(columns, column_json(&f->columns[i]));
    for (int64_t i = 0; i < f->class_count; i++)
        json_array_append_new(classes, json_pack("{s:s, s:I, s:o}", "name", f->class_names[i],
                                                 "rows", (json_int_t)f->class_rows[i], "weight",
                                                 number(f->class_weights[i])));
    return json_pack("{s:s, s:I, s:b, s:o, s:o, s:o, s:O}", "source", source, "rows",
                     (json_int_t)f->rows, "weighted", (int)f->weighted, "columns", columns,
                     "classes", classes, "correlation", correlation_json(f), "notes", s->notes);
}

static void keep_note(void *context, const char *text)
{
    json_array_append_new(context, json_string(text));
}

kaon_status kaon_data_stats(kaon_kernel *kernel, const kaon_data_request *request, char **json,
                            kaon_error *error)
{
    kn_api call;
    stats s = {.notes = json_array()};
    kaon_data_request own;
    kn_api_begin(&call, error);
    kaon_diag *diag = &call.fault.diag;
    *json = NULL;
    kaon_status status = kn_struct_take(&own, sizeof own, request, "kaon_data_request", diag);
    if (!status)
        status = read_table(&s, kernel->kernel, &own, &call);
    if (!status)
        status = kn_statistics_init(&s.found, s.table, diag);
    if (!status)
        kn_data_notes(s.table, keep_note, s.notes);
    if (!status && own.plots)
        status = kn_stats_plot(&s.found, own.plots, diag);
    if (!status)
        status = kn_api_json(stats_json(&s, own.path ? own.path : own.reader), json, diag);
    stats_fini(&s);
    return kn_api_end(&call, status);
}
