/* api_model.c: the public API: models, predictions, the fast path. */
#include "experiment/api.h"
#include "experiment/config_edit.h"

#include <kaon/io.h>
#include <string.h>
#include <sys/stat.h>

#include "data/dataset.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "experiment/metrics.h"
#include "experiment/predictions_file.h"
#include "experiment/predictor.h"
#include "kernel/structs.h"
#include "data/table.h"

enum {
    SHOWN_ROWS = 10,
    LEAST_WIDTH = 16 // numbers per event that a prediction takes beside its features
};

// What a table is wanted for: a prediction needs no target, and ignores the one of other files.
enum { TO_PREDICT, TO_JUDGE, TO_JUDGE_ALONE };

/* --- loading ---------------------------------------------------------------------------------- */

// "runs/jets-1" is its model.safetensors; *folder is where config.yaml may lie.
static kaon_status find_file(const char *path, char **file, char **folder, kaon_diag *diag)
{
    struct stat facts;
    const int32_t is_folder = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
    *file = is_folder ? kn_path_join(path, "model.safetensors") : kn_copy_text(path);
    const size_t length = (size_t)(kn_path_name(path) - path);
    *folder =
        is_folder ? kn_copy_text(path) : kn_copy_bytes(length ? path : ".", length ? length : 1);
    return *file && *folder ? KAON_OK : kn_no_memory(diag, "a path");
}

kaon_status kaon_model_load(kaon_kernel *kernel, const char *path, kaon_model **out,
                            kaon_error *error)
{
    kn_api call;
    char *file = NULL;
    kn_api_begin(&call, error);
    *out = NULL;
    kaon_model *model = kn_alloc_zero(sizeof *model);
    kaon_status status = model ? find_file(path, &file, &model->folder, &call.fault.diag)
                               : kn_no_memory(&call.fault.diag, "a model");
    if (!status) {
        model->kernel = kernel;
        status = kn_model_load(kernel->kernel, file, &model->model, &call.faults, &call.fault.diag);
    }
    kn_free(file);
    if (status)
        kaon_model_free(model);
    else
        *out = model;
    return kn_api_end(&call, status);
}

void kaon_model_free(kaon_model *model)
{
    if (!model)
        return;
    kn_model_free(model->model);
    kn_free(model->folder);
    kn_free(model);
}

kaon_status kaon_model_json(kaon_model *model, char **json, kaon_error *error)
{
    kn_api call;
    json_t *root = NULL;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status = kn_model_json(model->model, &root, &call.fault.diag);
    if (!status)
        status = kn_api_json(root, json, &call.fault.diag);
    return kn_api_end(&call, status);
}

/* --- tables for a model ----------------------------------------------------------------------- */

// Configuration and settings of one application of a model.
typedef struct {
    kn_config_tree *tree;
    kn_settings settings;
} application;

static kaon_status application_init(application *a, kaon_diag *diag)
{
    a->tree = kn_config_tree_new();
    return a->tree ? KAON_OK : kn_no_memory(diag, "a prediction");
}

static void application_fini(application *a)
{
    if (a->tree)
        kn_settings_fini(&a->settings);
    kn_config_tree_free(a->tree);
}

/* The data section the model was fitted with: as the file holds it, or, where no other files are
 * named, as config.yaml beside the file has it, which knows files and split, too. */
static kn_config *data_section(application *a, const kaon_model *model, const kaon_apply_request *q,
                               kn_faults *faults)
{
    const char *config = kn_model_get_data(model->model)->config;
    char *path = q->path_count ? NULL : kn_path_join(model->folder, "config.yaml");
    struct stat facts;
    kn_config *data = NULL;
    if (path && stat(path, &facts) == 0)
        data = kn_config_get(kn_config_read(a->tree, path, faults), "data");
    kn_free(path);
    if (!data && config)
        data = kn_config_parse(a->tree, "the model's data section", config, strlen(config), faults);
    return data;
}

// 1 if the section's reader makes events itself, so that it cannot read the files named now.
static int32_t is_generator(kn_kernel *kernel, const kn_config *reader)
{
    const kn_item *item = NULL;
    const char *name = NULL;
    if (reader && reader->kind == KN_CONFIG_SCALAR)
        name = reader->text;
    if (reader && reader->kind == KN_CONFIG_MAP && reader->first)
        name = reader->first->key;
    if (!name || kn_item_find(kernel, KAON_READER, name, &item, NULL))
        return 0;
    return !((const kaon_reader *)item->table)->extensions;
}

// Files and reader of the request take the place of the section's.
static void redirect(application *a, kn_kernel *kernel, kn_config *data,
                     const kaon_apply_request *q, kn_faults *faults)
{
    kn_config *paths = kn_config_list_new(a->tree), *reader = NULL;
    for (int64_t i = 0; i < q->path_count; i++)
        kn_config_append(paths, kn_config_scalar_new(a->tree, q->paths[i], 1));
    if (q->path_count)
        kn_config_put(a->tree, data, "path", paths);
    if (q->reader)
        reader = kn_config_parse(a->tree, "--reader", q->reader, strlen(q->reader), faults);
    else if (q->path_count && is_generator(kernel, kn_config_get(data, "reader")))
        reader = kn_config_scalar_new(a->tree, NULL, 0);
    if (reader)
        kn_config_put(a->tree, data, "reader", reader);
}

static kaon_status part_number(const char *name, int32_t *out, kaon_diag *diag)
{
    *out = -1;
    for (int32_t i = 0; name && i < KN_PARTS; i++)
        if (!strcmp(name, kn_part_text(i)))
            *out = i;
    if (!name || *out >= 0)
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID, "'%s' is no part of the data: train, validation, test",
                     name);
}

static kaon_status load_table(application *a, const kaon_model *model, const kaon_apply_request *q,
                              int32_t purpose, kn_api *call, kaon_table **out)
{
    kaon_diag *diag = &call->fault.diag;
    int32_t part;
    kn_settings_init(&a->settings, model->kernel->kernel, a->tree, &call->faults);
    KAON_TRY(part_number(q->part, &part, diag));
    kn_config *data = data_section(a, model, q, &call->faults);
    if (data && data->kind == KN_CONFIG_MAP)
        redirect(a, model->kernel->kernel, data, q, &call->faults);
    for (int64_t i = 0; data && i < q->set_count; i++)
        kn_config_set(a->tree, &data, q->sets[i], &call->faults);
    KAON_TRY(kn_faults_status(&call->faults, diag));
    if (!data)
        return kaon_fail(diag, KAON_INVALID, "the model does not say what data it was fitted to");
    const kn_dataset_load load = {.float_type = kn_model_facts(model->model)->float_type,
                                  .seed = kn_model_facts(model->model)->seed,
                                  .target_optional = purpose != TO_JUDGE,
                                  .only_features = purpose == TO_PREDICT && (q->path_count || q->reader),
                                  .row_numbers = purpose == TO_PREDICT};
    kn_dataset_plan *plan = kn_dataset_plan_new(&a->settings, data, NULL);
    KAON_TRY(kn_faults_status(&call->faults, diag));
    return kn_dataset_load_table(plan, &load, part, out, diag);
}

/* --- predicting ------------------------------------------------------------------------------- */

// Rows at a time: all, but where memory has a limit.
static int64_t chunk_rows(const kn_model *model, const kaon_table *table)
{
    const int64_t rows = kn_table_rows(table);
    const uint64_t limit = kn_spill_limit(kn_table_spill_of(table));
    uint64_t width = 1;
    for (int32_t i = 0; i < kn_model_facts(model)->feature_rank; i++)
        width *= (uint64_t)kn_model_facts(model)->feature_shape[i];
    const uint64_t fit = limit / (16 * sizeof(double) * (width + LEAST_WIDTH)) + 1;
    return fit < (uint64_t)rows ? (int64_t)fit : rows;
}

static kaon_status predict_chunk(kaon_model *model, const kaon_table *table, int64_t first,
                                 int64_t count, kn_predictions_file *file, kaon_diag *diag)
{
    kaon_table *some = NULL, *predicted = NULL;
    const kn_model_data *data = kn_model_get_data(model->model);
    KAON_TRY(kn_table_slice(table, first, count, &some, diag));
    kaon_status status = kn_model_apply(model->model, some, &predicted, diag);
    if (!status)
        status = kn_predictions_add(file, predicted, data->class_count, data->classes, diag);
    kn_table_release(some);
    kn_table_release(predicted);
    return status;
}

// At least one chunk, so that a file without events becomes one without predictions.
static kaon_status predict_all(kaon_model *model, const kaon_table *table,
                               kn_predictions_file *file, kaon_diag *diag)
{
    const int64_t rows = kn_table_rows(table), most = chunk_rows(model->model, table);
    int64_t first = 0;
    do {
        const int64_t count = rows - first < most ? rows - first : most;
        KAON_TRY(predict_chunk(model, table, first, count, file, diag));
        first += count;
    } while (first < rows);
    return kn_predictions_finish(file, diag);
}

static kaon_status predict(application *a, kaon_model *model, const kaon_apply_request *q,
                           kn_api *call, char **json)
{
    kaon_diag *diag = &call->fault.diag;
    kaon_table *table = NULL;
    kn_predictions_file file = {.settings = &a->settings,
                                .host = kn_api_host(model->kernel),
                                .path = q->output,
                                .head_rows = SHOWN_ROWS};
    KAON_TRY(load_table(a, model, q, TO_PREDICT, call, &table));
    kaon_status status = predict_all(model, table, &file, diag);
    kn_table_release(table);
    if (!status)
        status =
            kn_api_json(json_pack("{s:I, s:O, s:O, s:s?}", "rows", (json_int_t)file.rows, "columns",
                                  file.columns, "head", file.head, "output", q->output),
                        json, diag);
    kn_predictions_fini(&file);
    return status;
}

kaon_status kaon_model_predict(kaon_model *model, const kaon_apply_request *request, char **json,
                               kaon_error *error)
{
    kn_api call;
    application a = {0};
    kaon_apply_request own;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_apply_request", &call.fault.diag);
    if (!status)
        status = application_init(&a, &call.fault.diag);
    if (!status)
        status = predict(&a, model, &own, &call, json);
    application_fini(&a);
    return kn_api_end(&call, status);
}

// "a, b: {...}" as a list of metrics; faults are collected in the call.
static kaon_status ask_metrics(application *a, const kaon_apply_request *q,
                               kn_measure_request *asked, kn_api *call)
{
    kn_text list = {0};
    asked->bootstrap = q->bootstrap;
    if (!q->metrics)
        return KAON_OK;
    kn_text_format(&list, "[%s]", q->metrics);
    const kn_config *node =
        kn_config_parse(a->tree, "--metrics", kn_text_get(&list), list.length, &call->faults);
    if (node)
        asked->metrics = kn_settings_parts(&a->settings, KAON_METRIC, node, NULL);
    kn_text_fini(&list);
    return kn_faults_status(&call->faults, &call->fault.diag);
}

kaon_status kaon_model_eval(kaon_model *model, const kaon_apply_request *request, char **json,
                            kaon_error *error)
{
    kn_api call;
    application a = {0};
    kaon_apply_request own;
    kaon_table *table = NULL, *predicted = NULL;
    json_t *metrics = NULL;
    kn_measure_request asked = {0};
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_apply_request", &call.fault.diag);
    // Clusters can be judged without a target, anything else has nothing to be compared with.
    const int32_t no_target = kn_model_facts(model->model)->target_dtype < 0;
    if (!status)
        status = application_init(&a, &call.fault.diag);
    if (!status)
        status = load_table(&a, model, &own, no_target ? TO_JUDGE_ALONE : TO_JUDGE, &call, &table);
    if (!status)
        status = kn_model_apply(model->model, table, &predicted, &call.fault.diag);
    if (!status)
        status = ask_metrics(&a, &own, &asked, &call);
    if (!status)
        status = kn_metrics_of(model->kernel->kernel, &asked, predicted, &metrics, NULL,
                               &call.fault.diag);
    if (!status)
        status = kn_api_json(json_pack("{s:I, s:o}", "rows", (json_int_t)kn_table_rows(predicted),
                                       "metrics", metrics),
                             json, &call.fault.diag);
    kn_table_release(table);
    kn_table_release(predicted);
    application_fini(&a);
    return kn_api_end(&call, status);
}

/* --- the fast path ---------------------------------------------------------------------------- */

struct kaon_predictor {
    kn_predictor *predictor;
};

kaon_status kaon_predictor_new(kaon_model *model, int64_t rows, int32_t dtype, kaon_predictor **out,
                               kaon_error *error)
{
    kn_api call;
    kn_api_begin(&call, error);
    *out = NULL;
    kaon_predictor *p = kn_alloc_zero(sizeof *p);
    kaon_status status = p ? kn_predictor_new(model->model, kn_api_host(model->kernel), rows, dtype,
                                              &p->predictor, &call.fault.diag)
                           : kn_no_memory(&call.fault.diag, "a predictor");
    if (status)
        kn_free(p);
    else
        *out = p;
    return kn_api_end(&call, status);
}

void kaon_predictor_free(kaon_predictor *p)
{
    if (!p)
        return;
    kn_predictor_free(p->predictor);
    kn_free(p);
}

int64_t kaon_predictor_inputs(const kaon_predictor *p)
{
    return kn_predictor_inputs(p->predictor);
}

int64_t kaon_predictor_outputs(const kaon_predictor *p)
{
    return kn_predictor_outputs(p->predictor);
}

kaon_status kaon_predict(kaon_predictor *p, const void *features, void *out)
{
    return kn_predictor_run(p->predictor, features, out, NULL);
}

kaon_status kaon_predict_rows(kaon_predictor *p, int64_t rows, const void *features, void *out)
{
    return kn_predictor_run_rows(p->predictor, rows, features, out, NULL);
}
