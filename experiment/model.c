/* model.c: a list of learners that fit one after the other and predict as one. */
#include "experiment/model.h"
#include "experiment/config_write.h"

#include <string.h>

#include "experiment/archive.h"
#include "kernel/decimal.h"
#include "kernel/arena.h"
#include "data/facts.h"
#include "kernel/memory.h"
#include "experiment/model_own.h"
#include "kernel/registry.h"
#include "data/table.h"

/* --- its life --------------------------------------------------------------------------------- */

kaon_status kn_model_new(kn_settings *s, kaon_parts learners, const kn_config *config,
                         kn_model **out, kaon_diag *diag)
{
    *out = NULL;
    if (learners.count < 1 || learners.count > KN_MODEL_LEARNERS)
        return kaon_fail(diag, KAON_INVALID, "a model has 1 to %d learners, found %lld",
                         KN_MODEL_LEARNERS, (long long)learners.count);
    kn_model *model = kn_alloc_zero(sizeof *model);
    kn_text text = {0};
    if (!model)
        return kn_no_memory(diag, "a model");
    model->kernel = s->kernel;
    model->count = (int32_t)learners.count;
    kn_config_write_json(config, &text);
    model->config = kn_text_take(&text);
    if (s->items)
        kn_config_write_json(s->items, &text);
    else
        kn_text_add(&text, "{}");
    model->items = kn_text_take(&text);
    kaon_status status = model->config && model->items ? KAON_OK : kn_no_memory(diag, "a model");
    for (int32_t i = 0; i < model->count && !status; i++) {
        model->stages[i].part = learners.at[i];
        status = kn_item_find(s->kernel, KAON_LEARNER, learners.at[i]->name, &model->stages[i].item,
                              diag);
        model->stages[i].learner = learners.at[i]->table;
    }
    if (status)
        kn_model_free(model);
    else
        *out = model;
    return status;
}

void kn_model_free(kn_model *model)
{
    if (!model)
        return;
    for (int32_t i = 0; i < model->count; i++)
        if (model->stages[i].self)
            model->stages[i].learner->destroy(model->stages[i].self);
    kn_arena_free(&model->arena);
    kn_free(model->config);
    kn_free(model->items);
    if (model->own_settings) {
        kn_settings_fini(&model->settings);
        kn_config_tree_free(model->tree);
    }
    kn_free(model);
}

/* --- looking ---------------------------------------------------------------------------------- */

const kaon_task_facts *kn_model_facts(const kn_model *model)
{
    return &model->facts.facts;
}

int32_t kn_model_count(const kn_model *model)
{
    return model->count;
}

const kaon_part *kn_model_part(const kn_model *model, int32_t index)
{
    return model->stages[index].part;
}

void *kn_model_learner(const kn_model *model, int32_t index)
{
    return model->stages[index].self;
}

kn_kernel *kn_model_kernel(const kn_model *model)
{
    return model->kernel;
}

const kn_model_data *kn_model_get_data(const kn_model *model)
{
    return &model->data;
}

int32_t kn_model_ready(const kn_model *model)
{
    for (int32_t i = 0; i < model->count; i++)
        if (!model->stages[i].ready)
            return 0;
    return 1;
}

/* --- names ------------------------------------------------------------------------------------ */

static const char *keep(kn_model *model, const char *text, int32_t *failed)
{
    if (!text)
        return NULL;
    const char *copy = kn_arena_text(&model->arena, text);
    *failed |= !copy;
    return copy;
}

static const char *const *keep_list(kn_model *model, int64_t count, const char *const *texts,
                                    int32_t *failed)
{
    if (!count || !texts)
        return NULL;
    const char **list = kn_arena_array(&model->arena, (size_t)count, sizeof *list);
    *failed |= !list;
    for (int64_t i = 0; list && i < count; i++)
        list[i] = keep(model, texts[i] ? texts[i] : "", failed);
    return list;
}

kaon_status kn_model_set_data(kn_model *model, const kn_model_data *data, kaon_diag *diag)
{
    int32_t failed = 0;
    model->data = (kn_model_data){
        .feature_count = data->features ? data->feature_count : 0,
        .features = keep_list(model, data->feature_count, data->features, &failed),
        .target = keep(model, data->target, &failed),
        .class_count = data->classes ? data->class_count : 0,
        .classes = keep_list(model, data->class_count, data->classes, &failed),
        .config = keep(model, data->config, &failed),
    };
    return failed ? kn_no_memory(diag, "the names in a model") : KAON_OK;
}

/* --- fitting ---------------------------------------------------------------------------------- */

kaon_status kn_stage_create(kn_stage *stage, const kn_facts *facts, kaon_diag *diag)
{
    if (stage->self)
        stage->learner->destroy(stage->self);
    stage->self = NULL;
    stage->ready = 0;
    kn_facts_copy(facts, &stage->facts);
    return stage->learner->create(stage->item->host, stage->part->settings, &stage->facts.facts,
                                  &stage->self, diag);
}

kaon_status kn_stage_facts(const kn_stage *stage, kn_facts *facts, kaon_diag *diag)
{
    kn_facts_copy(&stage->facts, facts);
    KAON_TRY(stage->learner->facts(stage->self, &facts->facts, diag));
    return kn_facts_settle(facts, diag);
}

// Stopped, or the numbers ran away: the learner holds the last good state.
static int32_t is_kept(kaon_status status)
{
    return status == KAON_CANCELLED || status == KAON_NOT_FINITE;
}

// The last line of what a learner says of itself, once it knows its data.
static void introduce(const kn_stage *stage, kn_monitor *monitor)
{
    char *text = NULL;
    if (!stage->learner->describe(stage->self, &text, NULL) && text && *text) {
        size_t length = strlen(text);
        while (length && text[length - 1] == '\n')
            text[--length] = 0;
        const char *line = strrchr(text, '\n');
        kn_monitor_say(monitor, KAON_EVENT_STAGE, "%s", line ? line + 1 : text);
    }
    if (text)
        stage->item->host->resize(stage->item->host, text, 0);
}

static kaon_status fit_stage(kn_stage *stage, const kn_facts *facts, const kn_model_fit *f,
                             kaon_diag *diag)
{
    kn_archive from;
    KAON_TRY(kn_stage_create(stage, facts, diag));
    kn_monitor_begin(f->monitor, stage->part->label ? stage->part->label : stage->part->name);
    introduce(stage, f->monitor);
    if (f->from)
        kn_archive_init(&from, f->from, "state/");
    // A checkpoint between two learners holds no state.
    const int32_t goes_on = f->from && from.archive.api->count(&from.archive);
    const kaon_fit fit = {.size = sizeof fit,
                          .train = f->train,
                          .validation = f->validation,
                          .monitor = &f->monitor->monitor,
                          .from = goes_on ? &from.archive : NULL};
    const kaon_status status = stage->learner->fit(stage->self, &fit, diag);
    stage->ready = !status || is_kept(status);
    return status;
}

// What a learner makes of both tables; the old ones are released.
static kaon_status pass_on(kn_stage *stage, kaon_table **train, kaon_table **validation,
                           kaon_diag *diag)
{
    kaon_table *const before[] = {*train, *validation};
    kaon_table **const tables[] = {train, validation};
    for (int32_t i = 0; i < 2; i++) {
        kaon_table *after = NULL;
        if (!before[i])
            continue;
        KAON_TRY(stage->learner->apply(stage->self, before[i], &after, diag));
        kn_table_release(before[i]);
        *tables[i] = after;
    }
    return KAON_OK;
}

// The learner that was at work when the checkpoint was written.
static kaon_status stage_of(const kn_model *model, const kn_safetensors *from, int32_t *out,
                            kaon_diag *diag)
{
    const char *text = from ? kn_safetensors_text(from, "kaon.stage") : "0";
    int64_t stage = 0;
    if (!text || !kn_parse_int(text, &stage) || stage < 0 || stage >= model->count)
        return kaon_fail(diag, KAON_CORRUPT,
                         "the checkpoint does not say which learner to go on with");
    *out = (int32_t)stage;
    return KAON_OK;
}

static kaon_status restore_stage(kn_model *model, int32_t index, const kn_facts *facts,
                                 kn_safetensors *from, kaon_diag *diag)
{
    KAON_TRY(kn_stage_create(&model->stages[index], facts, diag));
    return kn_stage_load(&model->stages[index], index, from, diag);
}

static kaon_status fit_all(kn_model *model, const kn_model_fit *fit, kaon_table **train,
                           kaon_table **validation, kaon_diag *diag)
{
    kn_facts facts;
    int32_t first = 0;
    kaon_monitor *m = &fit->monitor->monitor;
    kn_facts_copy(&model->facts, &facts);
    KAON_TRY(stage_of(model, fit->from, &first, diag));
    for (int32_t i = model->at = 0; i < model->count; i = ++model->at) {
        kn_stage *stage = &model->stages[i];
        kn_model_fit now = *fit;
        now.train = *train;
        now.validation = *validation;
        now.from = i == first ? fit->from : NULL;
        // Between two learners is a good point too: only those that are done have to be kept.
        kaon_status status =
            i > first ? m->api->checkpoint(m, KAON_POINT_STEP, NULL, NULL, diag) : KAON_OK;
        if (!status)
            status = i < first ? restore_stage(model, i, &facts, fit->from, diag)
                               : fit_stage(stage, &facts, &now, diag);
        if (!status && i + 1 < model->count) {
            status = kn_stage_facts(stage, &facts, diag);
            if (!status)
                status = pass_on(stage, train, validation, diag);
        }
        if (status)
            return kaon_context(diag, status, "%s", stage->part->name);
    }
    return KAON_OK;
}

kaon_status kn_model_collect_done(const kn_model *model, kn_safetensors *file, kaon_diag *diag)
{
    char number[16];
    snprintf(number, sizeof number, "%d", (int)model->at);
    KAON_TRY(kn_safetensors_put_text(file, "kaon.stage", number, diag));
    for (int32_t i = 0; i < model->at; i++)
        KAON_TRY(kn_stage_save(&model->stages[i], i, file, diag));
    return KAON_OK;
}

kaon_status kn_model_fit_tables(kn_model *model, const kn_model_fit *given, kaon_diag *diag)
{
    kn_monitor deaf;
    kn_model_fit heard = *given, *fit = &heard;
    kn_monitor_init(&deaf);
    if (!fit->monitor)
        fit->monitor = &deaf;
    KAON_TRY(kn_facts_of(fit->train, fit->seed, fit->float_type, &model->facts, diag));
    kaon_table *train = fit->train, *validation = fit->validation;
    kn_table_retain(train);
    if (validation)
        kn_table_retain(validation);
    const kaon_status status = fit_all(model, fit, &train, &validation, diag);
    kn_table_release(train);
    kn_table_release(validation);
    return status;
}

/* --- predicting ------------------------------------------------------------------------------- */

// The features must be those the model was fitted to, in number and shape.
static kaon_status check_features(const kn_model *model, const kaon_table *in, kaon_diag *diag)
{
    kaon_column features = {.size = sizeof features};
    if (kn_table_column_of(in, KAON_ROLE_FEATURES, &features))
        return kaon_fail(diag, KAON_INVALID, "the table has no features");
    int32_t same = features.view.rank == model->facts.facts.feature_rank + 1;
    for (int32_t i = 1; same && i < features.view.rank; i++)
        same = features.view.shape[i] == model->facts.shape[i - 1];
    if (same)
        return KAON_OK;
    int64_t width = 1;
    for (int32_t i = 1; i < features.view.rank; i++)
        width *= features.view.shape[i];
    return kaon_fail(diag, KAON_INVALID,
                     "the model was fitted to %lld numbers per event (rank %d), the table has "
                     "%lld (rank %d)",
                     (long long)kn_facts_width(&model->facts), model->facts.facts.feature_rank,
                     (long long)width, features.view.rank - 1);
}

kaon_status kn_model_apply(kn_model *model, kaon_table *in, kaon_table **out, kaon_diag *diag)
{
    *out = NULL;
    if (!kn_model_ready(model))
        return kaon_fail(diag, KAON_INVALID, "the model has not been fitted");
    KAON_TRY(check_features(model, in, diag));
    kaon_table *table = in;
    kn_table_retain(table);
    for (int32_t i = 0; i < model->count; i++) {
        kaon_table *after = NULL;
        const kn_stage *stage = &model->stages[i];
        const kaon_status status = stage->learner->apply(stage->self, table, &after, diag);
        kn_table_release(table);
        if (status)
            return kaon_context(diag, status, "%s", stage->part->name);
        table = after;
    }
    *out = table;
    return KAON_OK;
}
