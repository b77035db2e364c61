/* model_file.c: a model as one safetensors file, and back.
 *
 * Texts of the file: format, kaon.version, kaon.model (the list of learners, JSON), kaon.items
 * (items and their plugins' versions), kaon.facts, kaon.data, kaon.features, kaon.classes,
 * kaon.target. Tensors and texts of the i-th learner begin with "model.<i>.<name>/".
 */
#include <string.h>

#include "experiment/archive.h"
#include "kernel/memory.h"
#include "experiment/model_own.h"
#include "experiment/safetensors.h"

static const char format_name[] = "kaon.model/1";

/* --- lists of names --------------------------------------------------------------------------- */

static kaon_status put_names(kn_safetensors *file, const char *key, int64_t count,
                             const char *const *names, kaon_diag *diag)
{
    if (!count)
        return KAON_OK;
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_string(names[i]))) {
            json_decref(list);
            return kaon_fail(diag, KAON_INVALID, "the name '%.60s' is not UTF-8", names[i]);
        }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    const kaon_status status =
        text ? kn_safetensors_put_text(file, key, text, diag) : kn_no_memory(diag, key);
    free(text);
    return status;
}

// Into the model's arena; *out NULL and *count 0 if the file has no such list.
static kaon_status get_names(kn_model *model, const kn_safetensors *file, const char *key,
                             int64_t *count, const char *const **out, kaon_diag *diag)
{
    const char *text = kn_safetensors_text(file, key);
    *count = 0;
    *out = NULL;
    if (!text)
        return KAON_OK;
    json_t *list = json_loads(text, 0, NULL);
    const size_t size = json_array_size(list);
    const char **names = kn_arena_array(&model->arena, size + 1, sizeof *names);
    kaon_status status = names ? KAON_OK : kn_no_memory(diag, key);
    if (!json_is_array(list))
        status = kaon_fail(diag, KAON_CORRUPT, "'%s' is no list", key);
    for (size_t i = 0; i < size && !status; i++) {
        const char *name = json_string_value(json_array_get(list, i));
        names[i] = name ? kn_arena_text(&model->arena, name) : NULL;
        if (!names[i])
            status = kaon_fail(diag, KAON_CORRUPT, "entry %zu of '%s' is no name", i, key);
    }
    json_decref(list);
    if (status)
        return status;
    *count = (int64_t)size;
    *out = names;
    return KAON_OK;
}

/* --- saving ----------------------------------------------------------------------------------- */

static kaon_status put_facts(const kn_model *model, kn_safetensors *file, kaon_diag *diag)
{
    kn_text text = {0};
    kn_facts_write(&model->facts, &text);
    char *taken = kn_text_take(&text);
    const kaon_status status = taken ? kn_safetensors_put_text(file, "kaon.facts", taken, diag)
                                     : kn_no_memory(diag, "a model file");
    kn_free(taken);
    return status;
}

static kaon_status put_texts(const kn_model *model, kn_safetensors *file, kaon_diag *diag)
{
    const struct {
        const char *key;
        const char *text;
    } texts[] = {
        {"format", format_name},           {"kaon.version", KAON_VERSION},
        {"kaon.model", model->config},     {"kaon.items", model->items},
        {"kaon.data", model->data.config}, {"kaon.target", model->data.target},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].text)
            KAON_TRY(kn_safetensors_put_text(file, texts[i].key, texts[i].text, diag));
    KAON_TRY(put_facts(model, file, diag));
    KAON_TRY(
        put_names(file, "kaon.features", model->data.feature_count, model->data.features, diag));
    return put_names(file, "kaon.classes", model->data.class_count, model->data.classes, diag);
}

static void open_archive(kn_archive *archive, kn_safetensors *file, int32_t index,
                         const kn_stage *stage)
{
    char prefix[KN_ARCHIVE_PREFIX];
    snprintf(prefix, sizeof prefix, "model.%d.%.60s/", (int)index, stage->part->name);
    kn_archive_init(archive, file, prefix);
}

kaon_status kn_stage_save(const kn_stage *stage, int32_t index, kn_safetensors *file,
                          kaon_diag *diag)
{
    kn_archive archive;
    open_archive(&archive, file, index, stage);
    const kaon_status status = stage->learner->save(stage->self, &archive.archive, diag);
    return kaon_context(diag, status, "saving %s", stage->part->name);
}

kaon_status kn_stage_load(kn_stage *stage, int32_t index, kn_safetensors *file, kaon_diag *diag)
{
    kn_archive archive;
    open_archive(&archive, file, index, stage);
    const kaon_status status = stage->learner->load(stage->self, &archive.archive, diag);
    stage->ready = !status;
    return status;
}

static kaon_status collect(kn_model *model, kn_safetensors *file, kaon_diag *diag)
{
    KAON_TRY(put_texts(model, file, diag));
    for (int32_t i = 0; i < model->count; i++)
        KAON_TRY(kn_stage_save(&model->stages[i], i, file, diag));
    return KAON_OK;
}

// Everything that would go into the file, in memory.
static kaon_status to_memory(kn_model *model, kn_safetensors **out, kaon_diag *diag)
{
    *out = NULL;
    if (!kn_model_ready(model))
        return kaon_fail(diag, KAON_INVALID, "the model has not been fitted");
    kn_safetensors *file = kn_safetensors_new();
    if (!file)
        return kn_no_memory(diag, "a model file");
    const kaon_status status = collect(model, file, diag);
    if (status)
        kn_safetensors_free(file);
    else
        *out = file;
    return status;
}

kaon_status kn_model_save(kn_model *model, const char *path, kaon_diag *diag)
{
    kn_safetensors *file = NULL;
    KAON_TRY(to_memory(model, &file, diag));
    const kaon_status status = kn_safetensors_write(file, path, diag);
    kn_safetensors_free(file);
    return kaon_context(diag, status, "model");
}

/* --- loading ---------------------------------------------------------------------------------- */

static kaon_status check_format(const kn_safetensors *file, kaon_diag *diag)
{
    const char *format = kn_safetensors_text(file, "format");
    if (!format || !kn_text_starts(format, "kaon.model/"))
        return kaon_fail(diag, KAON_INVALID,
                         "it holds tensors but no Kaon model; a model is what 'kaon run' writes "
                         "into its run folder");
    if (!kn_safetensors_text(file, "kaon.checksum"))
        return kaon_fail(diag, KAON_CORRUPT,
                         "it has no checksum: it was damaged or changed by hand");
    if (strcmp(format, format_name))
        return kaon_fail(diag, KAON_TOO_NEW, "its format is '%.40s', this Kaon reads '%s'", format,
                         format_name);
    return KAON_OK;
}

// The learners the file names, checked and filled like those of an experiment.
static kaon_status read_config(kn_kernel *kernel, const kn_safetensors *file, const char *path,
                               kn_model *shell, kn_faults *faults, kaon_diag *diag)
{
    const char *text = kn_safetensors_text(file, "kaon.model");
    kn_config *resolved = NULL;
    if (!text)
        return kaon_fail(diag, KAON_CORRUPT, "it names no learners");
    kn_config *node = kn_config_parse(shell->tree, path, text, strlen(text), faults);
    KAON_TRY(kn_faults_status(faults, diag));
    kn_settings_init(&shell->settings, kernel, shell->tree, faults);
    const kaon_parts parts = kn_settings_parts(&shell->settings, KAON_LEARNER, node, &resolved);
    KAON_TRY(kn_faults_status(faults, diag));

    kn_model *model = NULL;
    KAON_TRY(kn_model_new(&shell->settings, parts, resolved, &model, diag));
    // The settings' owner is the shell: the rest moves into it.
    memcpy(shell->stages, model->stages, sizeof shell->stages);
    shell->kernel = kernel;
    shell->count = model->count;
    shell->config = model->config;
    shell->items = model->items;
    kn_free(model);
    return KAON_OK;
}

static kaon_status load_stages(kn_model *model, kn_safetensors *file, kaon_diag *diag)
{
    kn_facts facts;
    kn_facts_copy(&model->facts, &facts);
    for (int32_t i = 0; i < model->count; i++) {
        kn_stage *stage = &model->stages[i];
        kaon_status status = kn_stage_create(stage, &facts, diag);
        if (!status)
            status = kn_stage_load(stage, i, file, diag);
        if (!status && i + 1 < model->count)
            status = kn_stage_facts(stage, &facts, diag);
        if (status)
            return kaon_context(diag, status, "loading %s", stage->part->name);
    }
    return KAON_OK;
}

static kaon_status fill(kn_kernel *kernel, kn_safetensors *file, const char *path, kn_model *model,
                        kn_faults *faults, kaon_diag *diag)
{
    KAON_TRY(check_format(file, diag));
    KAON_TRY(read_config(kernel, file, path, model, faults, diag));
    KAON_TRY(kn_facts_read(kn_safetensors_text(file, "kaon.facts"), &model->facts, diag));
    kn_model_data data = {.target = kn_safetensors_text(file, "kaon.target"),
                          .config = kn_safetensors_text(file, "kaon.data")};
    KAON_TRY(get_names(model, file, "kaon.features", &data.feature_count, &data.features, diag));
    KAON_TRY(get_names(model, file, "kaon.classes", &data.class_count, &data.classes, diag));
    KAON_TRY(kn_model_set_data(model, &data, diag));
    return load_stages(model, file, diag);
}

kaon_status kn_model_load(kn_kernel *kernel, const char *path, kn_model **out, kn_faults *faults,
                          kaon_diag *diag)
{
    kn_safetensors *file = NULL;
    *out = NULL;
    KAON_TRY(kn_safetensors_read(path, &file, diag));
    kn_model *model = kn_alloc_zero(sizeof *model);
    kaon_status status = KAON_OK;
    if (model) {
        model->own_settings = 1;
        model->tree = kn_config_tree_new();
    }
    if (!model || !model->tree)
        status = kn_no_memory(diag, "a model");
    else
        status = fill(kernel, file, path, model, faults, diag);
    kn_safetensors_free(file);
    if (model)
        model->settings.faults = NULL; // the caller's, who may forget them
    if (status)
        kn_model_free(model);
    else
        *out = model;
    return kaon_context(diag, status, "%s", path);
}

/* --- as JSON ---------------------------------------------------------------------------------- */

static json_t *tensors_json(const kn_safetensors *file, double *numbers)
{
    json_t *list = json_array();
    const char *name;
    for (int32_t i = 0; (name = kn_safetensors_name(file, i)); i++) {
        kaon_view view;
        json_t *shape = json_array();
        if (kn_safetensors_get(file, name, &view, NULL))
            continue;
        for (int32_t axis = 0; axis < view.rank; axis++)
            json_array_append_new(shape, json_integer(view.shape[axis]));
        *numbers += (double)kaon_view_count(&view);
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", name, "dtype",
                                              kaon_dtype_text(view.dtype), "shape", shape));
    }
    return list;
}

static json_t *names_json(int64_t count, const char *const *names)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

static json_t *learner_json(const kn_stage *stage)
{
    char *text = NULL;
    json_t *out = json_pack("{s:s, s:s, s:s}", "name", stage->part->name, "plugin",
                            stage->item->plugin->name, "version", stage->item->plugin->version);
    if (stage->self && !stage->learner->describe(stage->self, &text, NULL) && text)
        json_object_set_new(out, "text", json_string(text));
    if (text)
        stage->item->host->resize(stage->item->host, text, 0);
    return out;
}

kaon_status kn_model_json(kn_model *model, json_t **out, kaon_diag *diag)
{
    kn_safetensors *file = NULL;
    double numbers = 0;
    *out = NULL;
    KAON_TRY(to_memory(model, &file, diag));
    json_t *learners = json_array();
    for (int32_t i = 0; i < model->count; i++)
        json_array_append_new(learners, learner_json(&model->stages[i]));
    json_t *tensors = tensors_json(file, &numbers);
    json_t *config = json_loads(model->config, 0, NULL);
    json_t *data = model->data.config ? json_loads(model->data.config, 0, NULL) : NULL;
    *out = json_pack("{s:s, s:o, s:o, s:o, s:s?, s:i, s:o, s:I, s:o?, s:o?}", "format", format_name,
                     "learners", learners, "features",
                     names_json(model->data.feature_count, model->data.features), "classes",
                     names_json(model->data.class_count, model->data.classes), "target",
                     model->data.target, "inputs", (int)kn_facts_width(&model->facts), "tensors",
                     tensors, "numbers", (json_int_t)numbers, "model", config, "data", data);
    kn_safetensors_free(file);
    return *out ? KAON_OK : kn_no_memory(diag, "the description of a model");
}
