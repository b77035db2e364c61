/* run_view_weights.c: what a model learned, and the same model with other numbers in it. */
#include "experiment/run_view.h"

#include <string.h>

#include "experiment/safetensors.h"
#include "experiment/model_own.h"
#include "kernel/memory.h"
#include "kernel/tensor.h"

// All learners' tensors and texts, as in the model file.
static kaon_status collect(kn_run_view *l, kaon_diag *diag)
{
    if (l->weights)
        return KAON_OK;
    if (!l->model || !kn_model_ready(l->model))
        return kaon_fail(diag, KAON_UNSUPPORTED, "the run has no fitted model");
    kn_safetensors *file = kn_safetensors_new();
    kaon_status status = file ? KAON_OK : kn_no_memory(diag, "the weights");
    for (int32_t i = 0; i < l->model->count && !status; i++)
        status = kn_stage_save(&l->model->stages[i], i, file, diag);
    if (status)
        kn_safetensors_free(file);
    else
        l->weights = file;
    return status;
}

static int32_t is_float(const kaon_view *view)
{
    return view->dtype == KAON_F32 || view->dtype == KAON_F64;
}

kaon_status kn_run_view_weights(kn_run_view *l, int64_t index, const char **name, kaon_view *out,
                                kaon_diag *diag)
{
    KAON_TRY(collect(l, diag));
    for (int32_t i = 0; (*name = kn_safetensors_name(l->weights, i)); i++) {
        KAON_TRY(kn_safetensors_get(l->weights, *name, out, diag));
        if (is_float(out) && index-- == 0)
            return KAON_OK;
    }
    return KAON_NOT_FOUND;
}

// A copy of one tensor, with other numbers where they are given.
static kaon_status put(kn_safetensors *file, const char *name, const kaon_view *view,
                       const double *values, kaon_diag *diag)
{
    if (!values)
        return kn_safetensors_put(file, name, view, diag);
    kaon_view given = *view, own = *view;
    own.strides = given.strides = NULL;
    given.dtype = KAON_F64;
    given.data = (void *)(uintptr_t)values; // only read
    own.data = kn_alloc((size_t)kaon_view_count(view) * (size_t)kaon_dtype_bytes(view->dtype));
    if (!own.data)
        return kn_no_memory(diag, "the weights");
    kn_view_copy(&given, view->dtype, own.data);
    const kaon_status status = kn_safetensors_put(file, name, &own, diag);
    kn_free(own.data);
    return status;
}

static kaon_status change(const kn_run_view *l, const double *const *values, kn_safetensors *out,
                          kaon_diag *diag)
{
    const char *name;
    int64_t number = 0;
    for (int32_t i = 0; (name = kn_safetensors_text_name(l->weights, i)); i++)
        KAON_TRY(kn_safetensors_put_text(out, name, kn_safetensors_text(l->weights, name), diag));
    for (int32_t i = 0; (name = kn_safetensors_name(l->weights, i)); i++) {
        kaon_view view = {.size = sizeof view};
        KAON_TRY(kn_safetensors_get(l->weights, name, &view, diag));
        KAON_TRY(put(out, name, &view, is_float(&view) ? values[number++] : NULL, diag));
    }
    return KAON_OK;
}

static kaon_status load(kn_model *copy, kn_safetensors *file, kaon_diag *diag)
{
    kn_facts facts;
    kn_facts_copy(&copy->facts, &facts);
    for (int32_t i = 0; i < copy->count; i++) {
        KAON_TRY(kn_stage_create(&copy->stages[i], &facts, diag));
        KAON_TRY(kn_stage_load(&copy->stages[i], i, file, diag));
        if (i + 1 < copy->count)
            KAON_TRY(kn_stage_facts(&copy->stages[i], &facts, diag));
    }
    return KAON_OK;
}

/* The copy shares the settings of the model, which must outlive it. */
kaon_status kn_run_view_model_with(kn_run_view *l, const double *const *values, kn_model **out,
                                   kaon_diag *diag)
{
    *out = NULL;
    KAON_TRY(collect(l, diag));
    kn_safetensors *file = kn_safetensors_new();
    kn_model *copy = kn_alloc_zero(sizeof *copy);
    kaon_status status =
        file && copy ? change(l, values, file, diag) : kn_no_memory(diag, "a copy of the model");
    if (!status) {
        copy->kernel = l->model->kernel;
        copy->count = l->model->count;
        kn_facts_copy(&l->model->facts, &copy->facts);
        for (int32_t i = 0; i < copy->count; i++)
            copy->stages[i] = (kn_stage){.part = l->model->stages[i].part,
                                         .item = l->model->stages[i].item,
                                         .learner = l->model->stages[i].learner};
        status = load(copy, file, diag);
    }
    kn_safetensors_free(file);
    if (status)
        kn_run_view_model_free(copy);
    else
        *out = copy;
    return status;
}

void kn_run_view_model_free(kn_model *model)
{
    for (int32_t i = 0; model && i < model->count; i++)
        if (model->stages[i].self)
            model->stages[i].learner->destroy(model->stages[i].self);
    kn_free(model);
}
