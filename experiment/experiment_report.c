/* experiment_report.c: the report of a run: at its end, and anew from its folder. */
#include "experiment/experiment.h"

#include <string.h>
#include <sys/stat.h>

#include "experiment/model.h"
#include "experiment/report.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"

/* --- at the end of a run ---------------------------------------------------------------------- */

static void note(kn_experiment *e, const char *text)
{
    kn_run_log_add(e->log, text);
    kn_monitor_say(&e->monitor, KAON_EVENT_NOTE, "%s", text);
}

static kaon_status write_timing(kn_experiment *e, kaon_diag *diag)
{
    char *path = kn_experiment_path(e, "timing.json");
    kn_timing_end(&e->monitor.timing);
    const kaon_status status =
        path ? kn_timing_write(&e->monitor.timing, path, diag) : kn_no_memory(diag, "timing.json");
    kn_free(path);
    return status;
}

kaon_status kn_experiment_report(kn_experiment *e, kaon_diag *diag)
{
    json_t *made = NULL, *text;
    size_t i;
    KAON_TRY(write_timing(e, diag));
    kn_monitor_begin(&e->monitor, NULL);
    kn_run_log_add(e->log, "writing the report");
    kn_monitor_say(&e->monitor, KAON_EVENT_STAGE, "writing the report");
    const kn_report_job job = {.settings = &e->plan.settings,
                               .wish = e->plan.report,
                               .folder = e->folder,
                               .dataset = e->dataset,
                               .model = e->model,
                               .metrics = e->plan.evaluation->metrics,
                               .bootstrap = e->plan.evaluation->bootstrap,
                               .seed = e->seed};
    KAON_TRY(kn_report_make(&job, &made, diag));
    json_array_foreach(json_object_get(made, "notes"), i, text) note(e, json_string_value(text));
    json_object_update(e->result, made);
    json_decref(made);
    return KAON_OK;
}

/* --- anew ------------------------------------------------------------------------------------- */

// "report=[roc, efficiency: {variable: pt}]", or "report=all".
static kaon_status make_edit(const kaon_report_request *q, kn_text *edit, kaon_diag *diag)
{
    const int32_t is_word = q->figure_count == 1 &&
                            (!strcmp(q->figures[0], "all") || !strcmp(q->figures[0], "default"));
    kn_text_add(edit, is_word ? "report=" : "report=[");
    for (int64_t i = 0; i < q->figure_count; i++)
        kn_text_format(edit, "%s%s", i ? ", " : "", q->figures[i]);
    kn_text_add(edit, is_word ? "" : "]");
    return edit->failed ? kn_no_memory(diag, "the report") : KAON_OK;
}

typedef struct {
    kn_experiment_plan plan;
    kn_model *model;
    kn_dataset *dataset;
} again;

// The model as it was saved, and the data read and divided as they were for it.
static kaon_status load(again *a, kn_kernel *kernel, const char *folder, kn_faults *faults,
                        kaon_diag *diag)
{
    char *path = kn_path_join(folder, "model.safetensors");
    if (!path)
        return kn_no_memory(diag, "a path");
    const kaon_status status = kn_model_load(kernel, path, &a->model, faults, diag);
    kn_free(path);
    KAON_TRY(status);
    const kn_dataset_load load = {.seed = kn_model_facts(a->model)->seed,
                                  .float_type = kn_model_facts(a->model)->float_type};
    return kaon_context(diag, kn_dataset_load_parts(a->plan.data, &load, &a->dataset, diag),
                        "reading the data of the run again");
}

static kaon_status make_again(again *a, kn_kernel *kernel, const kaon_report_request *q,
                              const char *config, const char *edit, kn_faults *faults, json_t **out,
                              kaon_diag *diag)
{
    KAON_TRY(kn_experiment_plan_init(&a->plan, kernel, config, edit ? 1 : 0, &edit, faults, diag));
    if (a->plan.data)
        KAON_TRY(load(a, kernel, q->folder, faults, diag));
    kn_report_job job = {.settings = &a->plan.settings,
                         .wish = a->plan.report,
                         .folder = q->folder,
                         .dataset = a->dataset,
                         .model = a->model,
                         .metrics = a->plan.evaluation->metrics,
                         .bootstrap = a->plan.evaluation->bootstrap,
                         .seed = a->model ? kn_model_facts(a->model)->seed
                                          : (uint64_t)a->plan.top->seed};
    if (job.wish.mode == KN_REPORT_NONE) // the run had none; who asks for one wants one
        job.wish.mode = KN_REPORT_DEFAULT;
    return kn_report_make(&job, out, diag);
}

kaon_status kn_experiment_report_again(kn_kernel *kernel, const kaon_report_request *q,
                                       kn_faults *faults, json_t **out, kaon_diag *diag)
{
    struct stat facts;
    again a = {0};
    kn_text edit = {0};
    *out = NULL;
    char *config = kn_path_join(q->folder, "config.yaml");
    kaon_status status = config ? KAON_OK : kn_no_memory(diag, "a path");
    if (!status && stat(config, &facts))
        status = kaon_fail(diag, KAON_NOT_FOUND,
                           "'%s' is no run folder: it holds no config.yaml; 'kaon run' makes one",
                           q->folder);
    if (!status && q->figure_count)
        status = make_edit(q, &edit, diag);
    if (!status)
        status = make_again(&a, kernel, q, config, q->figure_count ? kn_text_get(&edit) : NULL,
                            faults, out, diag);
    kn_dataset_free(a.dataset);
    kn_model_free(a.model);
    kn_experiment_plan_fini(&a.plan);
    kn_text_fini(&edit);
    kn_free(config);
    return status;
}
