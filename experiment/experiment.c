/* experiment.c: one run: configuration, data, model, fit, evaluation, and the folder that keeps it
 * all.
 */
#include "experiment/experiment.h"
#include "experiment/config_write.h"

#include <string.h>
#include <unistd.h>

#include "compiler/device.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "experiment/experiment_look.h"
#include "experiment/metrics.h"
#include "experiment/model.h"
#include "experiment/predictions_file.h"
#include "kernel/pool.h"
#include "compiler/profile.h"
#include "experiment/sinks.h"
#include "data/table.h"

enum {
    TRAIN_JUDGED = 1000000, // rows: with more, the training part is not judged
    CHECK_ROWS = 1000       // read by a check
};

static void say(kn_experiment *e, int32_t kind, const char *text)
{
    kn_monitor_begin(&e->monitor, NULL);
    kn_run_log_add(e->log, text);
    kn_monitor_say(&e->monitor, kind, "%s", text);
}

/* --- data ------------------------------------------------------------------------------------- */

static kaon_status load_from(kn_experiment *e, const char *folder, kaon_diag *diag)
{
    const int32_t check = e->request->flags & KAON_RUN_CHECK;
    const kn_dataset_load load = {.folder = folder,
                                  .seed = e->seed,
                                  .float_type = e->plan.top->float_type,
                                  .max_rows = check ? CHECK_ROWS : 0};
    return kn_dataset_load_parts(e->plan.data, &load, &e->dataset, diag);
}

// A path, or a list of them; 1: no memory.
static int32_t fix_node(kn_arena *arena, const char *base, kn_config *node)
{
    kn_config *entry = node && node->kind == KN_CONFIG_LIST ? node->first : node;
    for (; entry; entry = entry == node ? NULL : entry->next) {
        char *path = entry->kind == KN_CONFIG_SCALAR ? kn_path_join(base, entry->text) : NULL;
        if (path)
            entry->text = kn_arena_text(arena, path);
        kn_free(path);
        if (!entry->text)
            return 1;
    }
    return 0;
}

/* Relative paths of the resolved section are written out, so that config.yaml means the same files
 * wherever it lies. */
static kaon_status fix_paths(kn_experiment *e, const char *folder, kaon_diag *diag)
{
    static const char *const keys[] = {"path", "validation_path", "test_path"};
    kn_arena *arena = &e->plan.settings.arena;
    char *here = getcwd(NULL, 0);
    char *base = here && folder ? kn_path_join(here, folder) : kn_copy_text(here);
    int32_t failed = !base;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && !failed; i++)
        failed = fix_node(arena, base, kn_config_get(e->plan.data_resolved, keys[i]));
    // Classes: a path, a list of them, or {path: ...}.
    const kn_config *files = kn_config_get(e->plan.data_resolved, "files");
    for (kn_config *of = files ? files->first : NULL; of && !failed; of = of->next)
        failed = fix_node(arena, base, of->kind == KN_CONFIG_MAP ? kn_config_get(of, "path") : of);
    free(here);
    kn_free(base);
    return failed ? kn_no_memory(diag, "paths") : KAON_OK;
}

// Paths start at the configuration file, then at the current folder.
static kaon_status load_data(kn_experiment *e, kaon_diag *diag)
{
    kn_diag first;
    kn_diag_init(&first);
    kaon_status status = load_from(e, e->plan.folder, &first.diag);
    const char *folder = *e->plan.folder ? e->plan.folder : NULL;
    if (status == KAON_NOT_FOUND && folder && load_from(e, NULL, NULL) == KAON_OK) {
        status = KAON_OK;
        folder = NULL;
    }
    if (status)
        return kn_diag_pass(&first, diag);
    KAON_TRY(fix_paths(e, folder, diag));
    if (!e->dataset->part[KN_TRAIN])
        return kaon_fail(diag, KAON_INVALID, "no rows are left to train on");
    return KAON_OK;
}

static json_t *cut_json(const kn_cut_counts *cut)
{
    return json_pack("{s:I, s:I, s:I}", "rows", (json_int_t)cut->rows, "kept",
                     (json_int_t)cut->kept, "unknown", (json_int_t)cut->unknown);
}

static json_t *names_json(int64_t count, const char *const *names)
{
    json_t *list = json_array();
    for (int64_t i = 0; names && i < count; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

const char *kn_experiment_backend(const kn_experiment *e)
{
    kn_device *device = NULL;
    int32_t wanted = 0;
    for (int64_t i = 0; i < e->plan.learners.count; i++)
        wanted |= ((const kaon_learner *)e->plan.learners.at[i]->table)->build != NULL;
    return wanted && !kn_device_get(e->kernel, &device, NULL) ? device->name : NULL;
}

static void send_head(kn_experiment *e)
{
    const kn_dataset *d = e->dataset;
    json_t *rows = json_object(), *learners = json_array();
    for (int32_t i = 0; i < KN_PARTS; i++)
        if (d->part[i])
            json_object_set_new(rows, kn_part_text(i), json_integer(kn_table_rows(d->part[i])));
    for (int64_t i = 0; i < e->plan.learners.count; i++)
        json_array_append_new(learners, json_string(e->plan.learners.at[i]->name));
    json_t *head =
        json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:s?, s:o, s:o, s:i, s:s?}", "config",
                  e->request->config_path, "source", d->source, "rows_read", (json_int_t)d->rows,
                  "dropped", (json_int_t)d->dropped, "rows", rows, "features",
                  names_json(d->feature_count, d->features), "target", d->target, "classes",
                  names_json(d->class_count, d->classes), "learners", learners, "threads",
                  (int)kn_pool_lanes(e->kernel->pool), "backend", kn_experiment_backend(e));
    if (head && d->cut.rows)
        json_object_set_new(head, "cut", cut_json(&d->cut));
    if (head && d->folds)
        json_object_set_new(head, "folds", json_integer((json_int_t)d->folds));
    char *text = head ? json_dumps(head, JSON_COMPACT) : NULL;
    if (text) {
        kn_run_log_add(e->log, text);
        if (e->monitor.event)
            e->monitor.event(
                e->monitor.context,
                &(kaon_event){.size = sizeof(kaon_event), .kind = KAON_EVENT_HEAD, .text = text});
    }
    free(text);
    json_decref(head);
}

/* --- the model -------------------------------------------------------------------------------- */

// The data section for the model file: what to select, not where from.
static kaon_status name_data(kn_experiment *e, kaon_diag *diag)
{
    static const char *const places[] = {"path", "files", "test_path", "validation_path", "split"};
    kn_config *kept = kn_config_map_new(e->plan.tree);
    for (const kn_config *child = e->plan.data_resolved->first; child; child = child->next) {
        int32_t is_place = child->kind == KN_CONFIG_NULL;
        for (size_t i = 0; i < sizeof places / sizeof *places; i++)
            is_place |= !strcmp(child->key, places[i]);
        if (!is_place)
            kn_config_put(e->plan.tree, kept, child->key, kn_config_copy(e->plan.tree, child));
    }
    if (!kept)
        return kn_no_memory(diag, "the data section");
    kn_text text = {0};
    kn_config_write_json(kept, &text);
    const kn_dataset *d = e->dataset;
    const kn_model_data data = {.feature_count = d->feature_count,
                                .features = d->features,
                                .target = d->target,
                                .class_count = d->class_count,
                                .classes = d->classes,
                                .config = kn_text_get(&text)};
    const kaon_status status = text.failed ? kn_no_memory(diag, "the data section")
                                           : kn_model_set_data(e->model, &data, diag);
    kn_text_fini(&text);
    return status;
}

static kaon_status save_model(kn_experiment *e, kaon_diag *diag)
{
    char *path = kn_experiment_path(e, "model.safetensors");
    if (!path)
        return kn_no_memory(diag, "a path");
    const kaon_status status = kn_model_save(e->model, path, diag);
    if (!status)
        json_object_set_new(e->result, "model", json_string(path));
    kn_free(path);
    return status;
}

// The part whose measures stand at the top.
static int32_t is_judged_by(const kn_experiment *e, int32_t part)
{
    kaon_table *const *parts = e->dataset->part;
    return part == (parts[KN_TEST] ? KN_TEST : parts[KN_VALIDATION] ? KN_VALIDATION : KN_TRAIN);
}

static kaon_status write_predictions(kn_experiment *e, const kaon_table *predicted, kaon_diag *diag)
{
    char *path = kn_experiment_path(e, "predictions.csv");
    kn_predictions_file file = {.settings = &e->plan.settings, .path = path};
    if (!path)
        return kn_no_memory(diag, "a path");
    kaon_status status =
        kn_predictions_add(&file, predicted, e->dataset->class_count, e->dataset->classes, diag);
    if (!status)
        status = kn_predictions_finish(&file, diag);
    kn_predictions_fini(&file);
    if (!status)
        json_object_set_new(e->result, "predictions", json_string(path));
    kn_free(path);
    return kaon_context(diag, status, "predictions");
}

static kaon_status judge_part(kn_experiment *e, int32_t part, json_t *parts, kaon_diag *diag)
{
    kaon_table *table = e->dataset->part[part], *predicted = NULL;
    json_t *metrics = NULL, *replicas = NULL;
    if (!table || (part == KN_TRAIN && kn_table_rows(table) > TRAIN_JUDGED))
        return KAON_OK;
    KAON_TRY(kn_model_apply(e->model, table, &predicted, diag));
    const kn_measure_request asked = {.metrics = e->plan.evaluation->metrics,
                                      .bootstrap = e->plan.evaluation->bootstrap};
    kaon_status status = kn_metrics_of(e->kernel, &asked, predicted, &metrics, &replicas, diag);
    if (!status && e->plan.top->predictions && is_judged_by(e, part))
        status = write_predictions(e, predicted, diag);
    kn_table_release(predicted);
    if (!status) {
        json_object_set_new(metrics, "rows", json_integer(kn_table_rows(table)));
        json_object_set_new(parts, kn_part_text(part), metrics);
        json_object_set(e->replicas, kn_part_text(part), replicas);
    }
    json_decref(replicas);
    return status;
}

/* All parts; the test part's measures stand at the top too. Where there is no test part the next
 * best one stands in, and "part" says so. */
static kaon_status judge(kn_experiment *e, kaon_diag *diag)
{
    static const int32_t order[] = {KN_TEST, KN_VALIDATION, KN_TRAIN};
    json_t *parts = json_object();
    kaon_status status = parts ? KAON_OK : kn_no_memory(diag, "metrics");
    for (int32_t i = KN_PARTS - 1; i >= 0 && !status; i--)
        status = kaon_context(diag, judge_part(e, order[i], parts, diag), "judging the %s part",
                              kn_part_text(order[i]));
    for (int32_t i = 0; i < KN_PARTS && !status; i++) {
        const char *name = kn_part_text(order[i]);
        json_t *metrics = json_object_get(parts, name);
        if (!metrics)
            continue;
        json_object_update(e->metrics, metrics);
        json_object_set_new(e->metrics, "part", json_string(name));
        break;
    }
    json_object_set_new(e->metrics, "parts", parts);
    if (e->dataset->cut.rows)
        json_object_set_new(e->metrics, "cut", cut_json(&e->dataset->cut));
    return status;
}

/* What is kept of a run that ended early: the model as it is, judged if that is possible. */
static void keep_what_there_is(kn_experiment *e, kaon_status why)
{
    if (!kn_model_ready(e->model) || save_model(e, NULL))
        return;
    json_object_set_new(e->metrics, why == KAON_CANCELLED ? "interrupted" : "failed", json_true());
    if (!judge(e, NULL))
        kn_experiment_write_metrics(e, NULL);
}

// The fold a checkpoint belongs to, "0" without folds.
static const char *fold_text(const kn_experiment *e, char out[24])
{
    snprintf(out, 24, "%lld", (long long)e->monitor.fold);
    return out;
}

static kaon_status collect_done(void *context, kn_safetensors *file, kaon_diag *diag)
{
    char fold[24];
    const kn_experiment *e = context;
    KAON_TRY(kn_safetensors_put_text(file, "kaon.fold", fold_text(e, fold), diag));
    return kn_model_collect_done(e->model, file, diag);
}

// NULL: there is no checkpoint, or it belongs to another fold.
static kn_safetensors *checkpoint_of(const kn_experiment *e)
{
    char fold[24];
    const char *of = e->from ? kn_safetensors_text(e->from, "kaon.fold") : NULL;
    return of && !strcmp(of, fold_text(e, fold)) ? e->from : NULL;
}

kaon_status kn_experiment_fit(kn_experiment *e, kaon_diag *diag)
{
    KAON_TRY(
        kn_model_new(&e->plan.settings, e->plan.learners, e->plan.model_resolved, &e->model, diag));
    KAON_TRY(name_data(e, diag));
    const kn_model_fit fit = {.train = e->dataset->part[KN_TRAIN],
                              .validation = e->dataset->part[KN_VALIDATION],
                              .monitor = &e->monitor,
                              .seed = e->seed,
                              .float_type = e->plan.top->float_type,
                              .from = checkpoint_of(e)};
    e->checkpoints.collect = collect_done;
    e->checkpoints.context = e;
    const kaon_status status = kn_model_fit_tables(e->model, &fit, diag);
    if ((status == KAON_CANCELLED || status == KAON_NOT_FINITE) && !e->dataset->folds)
        keep_what_there_is(e, status);
    return status;
}

static void on_program(void *context, const char *text)
{
    const kn_experiment *e = context;
    if (e->monitor.event)
        e->monitor.event(
            e->monitor.context,
            &(kaon_event){.size = sizeof(kaon_event), .kind = KAON_EVENT_NOTE, .text = text});
}

// The times of the run: the trace into its file, the table to whoever listens.
static kaon_status write_profile(kn_experiment *e, kaon_diag *diag)
{
    const kaon_status status = kn_profile_write(e->kernel, e->request->profile, diag);
    char *text = status ? NULL : kn_profile_text(e->kernel);
    if (text && e->monitor.event)
        e->monitor.event(
            e->monitor.context,
            &(kaon_event){.size = sizeof(kaon_event), .kind = KAON_EVENT_NOTE, .text = text});
    kn_free(text);
    kn_profile_stop(e->kernel);
    return status;
}

static kaon_status run_model(kn_experiment *e, kaon_diag *diag)
{
    say(e, KAON_EVENT_STAGE, "reading data");
    const int32_t check = e->request->flags & KAON_RUN_CHECK;
    if (!check)
        KAON_TRY(kn_look(&e->plan, e->seed, diag));
    KAON_TRY(kn_look_blame_data(&e->plan, load_data(e, diag), diag));
    if (check) {
        send_head(e);
        return kn_look_fit(&e->plan, e->dataset, e->seed, diag);
    }
    KAON_TRY(kn_experiment_open_folder(e, diag));
    send_head(e);
    if (e->request->profile)
        KAON_TRY(kn_profile_start(e->kernel, diag));
    if (e->dataset->folds)
        return kn_experiment_folds(e, e->plan.settings.faults, diag);
    KAON_TRY(kn_experiment_fit(e, diag));
    if (e->request->profile)
        KAON_TRY(write_profile(e, diag));
    KAON_TRY(save_model(e, diag));
    say(e, KAON_EVENT_STAGE, "judging");
    KAON_TRY(judge(e, diag));
    KAON_TRY(kn_experiment_write_metrics(e, diag));
    return kn_experiment_report(e, diag);
}

/* --- the whole -------------------------------------------------------------------------------- */

// The number of threads and the backend can change as long as no program was made.
static kaon_status choose_machine(kn_experiment *e, kaon_diag *diag)
{
    const kn_experiment_settings *top = e->plan.top;
    const char *backend = e->request->backend ? e->request->backend : top->backend;
    const int64_t threads = e->request->threads ? e->request->threads : top->threads;
    kn_kernel *k = e->kernel;
    if (backend)
        KAON_TRY(kn_device_select(k, backend, diag));
    if (!threads || threads == kn_pool_lanes(k->pool) || k->device)
        return KAON_OK;
    kn_pool *pool = NULL;
    KAON_TRY(kn_pool_new((int32_t)threads, &pool, diag));
    kn_pool_free(k->pool);
    k->pool = pool;
    return KAON_OK;
}

static void fill_result(kn_experiment *e, kaon_status status)
{
    json_t *r = e->result;
    if (e->folder)
        json_object_set_new(r, "folder", json_string(e->folder));
    if (e->kernel->device)
        json_object_set_new(r, "backend", json_string(e->kernel->device->name));
    json_object_set_new(r, "seconds", json_real(kn_seconds() - e->started));
    json_object_set_new(r, "seed", json_integer((json_int_t)e->seed));
    json_object_set_new(r, "status", json_string(kn_experiment_status_text(status)));
    json_object_set(r, "metrics", e->metrics);
}

static kaon_status run(kn_experiment *e, kn_faults *faults, kaon_diag *diag)
{
    const kaon_run_request *q = e->request;
    int32_t finished = 0;
    if (q->flags & KAON_RUN_RESUME)
        KAON_TRY(kn_experiment_reopen(e, &finished, diag));
    if (finished)
        return KAON_OK;
    KAON_TRY(kn_experiment_plan_init(&e->plan, e->kernel, q->config_path, q->set_count, q->sets,
                                     faults, diag));
    e->seed = q->has_seed ? q->seed : (uint64_t)e->plan.top->seed;
    KAON_TRY(choose_machine(e, diag));
    if (q->flags & KAON_RUN_EXPLAIN) {
        e->kernel->explain = on_program;
        e->kernel->explain_context = e;
    }
    const kaon_status status = e->plan.data ? run_model(e, diag) : kn_experiment_agent(e, diag);
    e->kernel->explain = NULL;
    return status;
}

// A run that was stopped and could not be saved must not pass for one that can go on.
static kaon_status finish(kn_experiment *e, kaon_status status, kaon_diag *diag)
{
    if (status == KAON_CANCELLED && e->checkpoints.failed)
        status =
            kaon_fail(diag, e->checkpoints.failed,
                      "it was stopped and no checkpoint could be written: %s", e->checkpoints.why);
    const kaon_status sunk = kn_sinks_close(e->sinks, status ? NULL : diag);
    status = status ? status : sunk;
    const kaon_status told = kn_monitor_fini(&e->monitor, status ? NULL : diag);
    status = status ? status : told;
    const char *why = status && diag ? diag->api->text(diag) : NULL;
    if (status)
        kn_run_log_format(e->log, "%s: %s", kn_experiment_status_text(status), why ? why : "");
    const kaon_status closed = kn_experiment_close_folder(e, status, why, status ? NULL : diag);
    return status ? status : closed;
}

static void fini(kn_experiment *e)
{
    kn_run_log_close(e->log);
    kn_profile_stop(e->kernel);
    kn_model_free(e->model);
    kn_dataset_free(e->dataset);
    kn_experiment_plan_fini(&e->plan);
    kn_safetensors_free(e->from);
    kn_free(e->checkpoint_folder);
    kn_free(e->folder);
    if (e->hold >= 0)
        close(e->hold);
    json_decref(e->metrics);
    json_decref(e->replicas);
    json_decref(e->result);
}

kaon_status kn_experiment_run(kn_kernel *kernel, const kaon_run_request *request, kn_run_log *log,
                              const atomic_int *stop, kn_faults *faults, json_t **result,
                              kaon_diag *diag)
{
    kaon_run_request own = *request;
    kn_experiment e = {.kernel = kernel,
                       .request = &own,
                       .log = log,
                       .stop = stop,
                       .started = kn_seconds(),
                       .hold = -1,
                       .metrics = json_object(),
                       .replicas = json_object(),
                       .result = json_object()};
    *result = NULL;
    kn_monitor_init(&e.monitor);
    e.monitor.event = own.event;
    e.monitor.context = own.event_context;
    e.monitor.stop = stop;
    e.monitor.deadline = own.time_limit > 0 ? e.started + own.time_limit : 0;
    char *config = own.flags & KAON_RUN_RESUME
                       ? kn_path_join(own.folder ? own.folder : ".", "config.yaml")
                       : kn_copy_text(own.config_path);
    own.config_path = config;
    kaon_status status =
        e.metrics && e.result && config ? run(&e, faults, diag) : kn_no_memory(diag, "a run");
    status = finish(&e, status, diag);
    if (!status || e.checkpoint_folder) {
        fill_result(&e, status);
        *result = json_incref(e.result);
    }
    fini(&e);
    kn_free(config);
    return status;
}
