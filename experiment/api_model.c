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
#include "data/arrow_json.h"
#include "experiment/predictions.h"
#include "experiment/predictor.h"
#include "data/source.h"
#include "kernel/structs.h"
#include "data/table.h"

enum { SHOWN_ROWS = 10 };

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
    kaon_table *predicted;
} application;

static void application_fini(application *a)
{
    kn_table_release(a->predicted);
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
                                  .only_features = purpose == TO_PREDICT && q->path_count,
                                  .row_numbers = purpose == TO_PREDICT};
    kn_dataset_plan *plan = kn_dataset_plan_new(&a->settings, data, NULL);
    KAON_TRY(kn_faults_status(&call->faults, diag));
    return kn_dataset_load_table(plan, &load, part, out, diag);
}

static kaon_status apply(application *a, kaon_model *model, const kaon_apply_request *q,
                         int32_t purpose, kn_api *call)
{
    kaon_table *table = NULL;
    *a = (application){.tree = kn_config_tree_new()};
    if (!a->tree)
        return kn_no_memory(&call->fault.diag, "a prediction");
    KAON_TRY(load_table(a, model, q, purpose, call, &table));
    const kaon_status status =
        kn_model_apply(model->model, table, &a->predicted, &call->fault.diag);
    kn_table_release(table);
    return status;
}

/* --- predicting ------------------------------------------------------------------------------- */

static kaon_status write_file(application *a, const kaon_model *model, const char *path,
                              const struct ArrowSchema *schema, const struct ArrowArray *array,
                              kaon_diag *diag)
{
    const kaon_part *part = NULL;
    const kn_item *item = NULL;
    void *self = NULL;
    KAON_TRY(kn_writer_for(&a->settings, path, &part, diag));
    KAON_TRY(kn_item_find(model->kernel->kernel, KAON_WRITER, part->name, &item, diag));
    const kaon_writer *writer = part->table;
    KAON_TRY(writer->open(item->host, part->settings, path, schema, &self, diag));
    kaon_status status = writer->write(self, array, diag);
    if (!status)
        status = writer->finish(self, diag);
    writer->close(self);
    return kaon_context(diag, status, "%s", path);
}

static json_t *shown_rows(const struct ArrowSchema *schema, const struct ArrowArray *array)
{
    json_t *rows = json_array();
    for (int64_t i = 0; i < array->length && i < SHOWN_ROWS; i++) {
        json_t *row = json_array();
        for (int64_t k = 0; k < schema->n_children; k++)
            json_array_append_new(row, kn_arrow_value(schema->children[k], array->children[k], i));
        json_array_append_new(rows, row);
    }
    return rows;
}

static kaon_status give_predictions(application *a, const kaon_model *model,
                                    const kaon_apply_request *q, char **json, kaon_diag *diag)
{
    struct ArrowSchema schema;
    struct ArrowArray array;
    const kn_model_data *data = kn_model_get_data(model->model);
    KAON_TRY(kn_predictions_arrow(kn_api_host(model->kernel), a->predicted, data->class_count,
                                  data->classes, &schema, &array, diag));
    kaon_status status =
        q->output ? write_file(a, model, q->output, &schema, &array, diag) : KAON_OK;
    if (!status) {
        json_t *names = json_array();
        for (int64_t k = 0; k < schema.n_children; k++)
            json_array_append_new(names, json_string(schema.children[k]->name));
        json_t *root =
            json_pack("{s:I, s:o, s:o, s:s?}", "rows", (json_int_t)array.length, "columns", names,
                      "head", shown_rows(&schema, &array), "output", q->output);
        status = kn_api_json(root, json, diag);
    }
    array.release(&array);
    schema.release(&schema);
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
        status = apply(&a, model, &own, TO_PREDICT, &call);
    if (!status)
        status = give_predictions(&a, model, &own, json, &call.fault.diag);
    application_fini(&a);
    return kn_api_end(&call, status);
}

kaon_status kaon_model_eval(kaon_model *model, const kaon_apply_request *request, char **json,
                            kaon_error *error)
{
    kn_api call;
    application a = {0};
    kaon_apply_request own;
    json_t *metrics = NULL;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_apply_request", &call.fault.diag);
    // Clusters can be judged without a target, anything else has nothing to be compared with.
    const int32_t no_target = kn_model_facts(model->model)->target_dtype < 0;
    if (!status)
        status = apply(&a, model, &own, no_target ? TO_JUDGE_ALONE : TO_JUDGE, &call);
    if (!status)
        status = kn_metrics_of(model->kernel->kernel, NULL, a.predicted, &metrics, NULL,
                               &call.fault.diag);
    if (!status)
        status = kn_api_json(json_pack("{s:I, s:o}", "rows", (json_int_t)kn_table_rows(a.predicted),
                                       "metrics", metrics),
                             json, &call.fault.diag);
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
