/* folds.c: cross-validation: a model for each fold, and for every row the prediction of the one
 * that has not seen it.
 *
 * The folder holds fold-1.safetensors, fold-2.safetensors ..., out_of_fold.csv (predictions,
 * target, kept columns, the fold) and metrics.json: measures of all predictions out of fold at the
 * top, those of each fold in "folds", their mean and spread (standard deviation, n - 1) below it.
 */
#include "experiment/experiment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/table.h"
#include "experiment/metrics.h"
#include "experiment/model.h"
#include "experiment/predictions_file.h"
#include "kernel/files.h"
#include "kernel/memory.h"

typedef struct folds {
    kn_experiment *e;
    kn_faults *faults;
    kaon_table *all;  // every row that is tested, and its prediction
    kaon_column said; // the prediction there; data NULL: no fold is done yet
    int64_t *fold_of; // the column "fold" there
    json_t *each;     // metrics of the folds
} folds;

/* --- files ------------------------------------------------------------------------------------ */

static char *model_path(const kn_experiment *e, int64_t number)
{
    char name[48];
    snprintf(name, sizeof name, "fold-%lld.safetensors", (long long)number);
    return kn_experiment_path(e, name);
}

// What an earlier run left would pass for this one's.
static void remove_old(const kn_experiment *e)
{
    int32_t there = 1;
    for (int64_t number = 1; there; number++) {
        char *path = model_path(e, number);
        there = path && unlink(path) == 0;
        kn_free(path);
    }
}

// 1: the fold was done before the run was interrupted, and its model is in e->model.
static int32_t load_done(folds *f, int64_t number)
{
    kn_experiment *e = f->e;
    struct stat facts;
    char *path = e->request->flags & KAON_RUN_RESUME ? model_path(e, number) : NULL;
    const int32_t done = path && stat(path, &facts) == 0 &&
                         kn_model_load(e->kernel, path, &e->model, f->faults, NULL) == KAON_OK;
    kn_free(path);
    return done;
}

/* A checkpoint belongs to the fold at work: it goes before the model is there, so that none is ever
 * taken for the next fold's. */
static kaon_status save(kn_experiment *e, int64_t number, kaon_diag *diag)
{
    char *path = model_path(e, number);
    if (!path)
        return kn_no_memory(diag, "a path");
    kn_checkpoints_remove(e->checkpoint_folder);
    kn_safetensors_free(e->from);
    e->from = NULL;
    const kaon_status status = kn_model_save(e->model, path, diag);
    kn_free(path);
    return status;
}

/* --- what the models say ---------------------------------------------------------------------- */

static size_t row_bytes(const kaon_column *c)
{
    size_t bytes = kaon_dtype_bytes(c->view.dtype);
    for (int32_t i = 1; i < c->view.rank; i++)
        bytes *= (size_t)c->view.shape[i];
    return bytes;
}

// Columns for the predictions, as the first fold makes them, and for the number of the fold.
static kaon_status add_columns(folds *f, const kaon_column *said, kaon_diag *diag)
{
    int64_t shape[KAON_MAX_RANK];
    const int64_t rows = kn_table_rows(f->all);
    kaon_column fold = {.size = sizeof fold, .name = "fold"};
    memcpy(shape, said->view.shape, (size_t)said->view.rank * sizeof *shape);
    shape[0] = rows;
    f->said = *said;
    f->said.view.shape = shape;
    f->said.view.data = NULL;
    KAON_TRY(kn_table_column_add(f->all, &f->said, diag));
    fold.view = (kaon_view){.size = sizeof fold.view,
                            .dtype = KAON_I64,
                            .device_type = KAON_DEVICE_CPU,
                            .rank = 1,
                            .shape = &rows};
    KAON_TRY(kn_table_column_add(f->all, &fold, diag));
    f->fold_of = fold.view.data;
    return KAON_OK;
}

static kaon_status take_predictions(folds *f, const kaon_table *predicted, kaon_diag *diag)
{
    const kn_dataset *d = f->e->dataset;
    kaon_column said = {.size = sizeof said};
    if (kn_table_column_of(predicted, KAON_ROLE_PREDICTION, &said))
        return kaon_fail(diag, KAON_INVALID, "the model's last learner predicts nothing");
    if (!f->fold_of)
        KAON_TRY(add_columns(f, &said, diag));
    const size_t bytes = row_bytes(&said);
    if (said.view.dtype != f->said.view.dtype || bytes != row_bytes(&f->said))
        return kaon_fail(diag, KAON_INVALID,
                         "it predicts %zu bytes per row, the folds before it %zu", bytes,
                         row_bytes(&f->said));
    for (int64_t i = 0; i < kn_table_rows(predicted); i++) {
        memcpy((char *)f->said.view.data + (size_t)d->test_rows[i] * bytes,
               (const char *)said.view.data + (size_t)i * bytes, bytes);
        f->fold_of[d->test_rows[i]] = d->fold + 1;
    }
    return KAON_OK;
}

static kaon_status measure(folds *f, const kaon_table *predicted, json_t **out, kaon_diag *diag)
{
    kn_experiment *e = f->e;
    const kn_measure_request asked = {.metrics = e->plan.evaluation->metrics,
                                      .bootstrap = e->plan.evaluation->bootstrap};
    KAON_TRY(kn_metrics_of(e->kernel, &asked, predicted, out, NULL, diag));
    json_object_set_new(*out, "rows", json_integer((json_int_t)kn_table_rows(predicted)));
    return KAON_OK;
}

static kaon_status judge(folds *f, kaon_diag *diag)
{
    kn_experiment *e = f->e;
    kaon_table *predicted = NULL;
    json_t *metrics = NULL;
    KAON_TRY(kn_model_apply(e->model, e->dataset->part[KN_TEST], &predicted, diag));
    kaon_status status = take_predictions(f, predicted, diag);
    if (!status)
        status = measure(f, predicted, &metrics, diag);
    kn_table_release(predicted);
    if (!status && json_array_append_new(f->each, metrics))
        status = kn_no_memory(diag, "metrics");
    return status;
}

static kaon_status run_fold(folds *f, int64_t fold, kaon_diag *diag)
{
    kn_experiment *e = f->e;
    if (fold != e->dataset->fold)
        KAON_TRY(kn_dataset_set_fold(e->dataset, fold, diag));
    kn_model_free(e->model);
    e->model = NULL;
    kn_monitor_begin(&e->monitor, NULL); // what waits belongs to the fold before
    e->monitor.fold = fold + 1;
    if (!load_done(f, fold + 1)) {
        kn_run_log_format(e->log, "fold %lld of %lld", (long long)fold + 1,
                          (long long)e->dataset->folds);
        kn_monitor_say(&e->monitor, KAON_EVENT_NOTE, "  fold %lld of %lld", (long long)fold + 1,
                       (long long)e->dataset->folds);
        KAON_TRY(kn_experiment_fit(e, diag));
        KAON_TRY(save(e, fold + 1, diag));
        // Whoever goes on after this fold must not lose what it told.
        kaon_monitor *m = &e->monitor.monitor;
        e->checkpoints.due = 1;
        KAON_TRY(m->api->checkpoint(m, KAON_POINT_STEP, NULL, NULL, diag));
    }
    return judge(f, diag);
}

/* --- all folds together ----------------------------------------------------------------------- */

// Mean and spread of a number over the folds, where all of them have it.
static int32_t sum_up(const json_t *each, const char *name, double *mean, double *spread)
{
    const size_t count = json_array_size(each);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(json_array_get(each, i), name);
        if (!json_is_real(value))
            return 0;
        sum += json_real_value(value);
    }
    *mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        const double away = json_real_value(json_object_get(json_array_get(each, i), name)) - *mean;
        squares += away * away;
    }
    *spread = sqrt(squares / (double)(count - 1));
    return 1;
}

static kaon_status gather(folds *f, kaon_diag *diag)
{
    kn_experiment *e = f->e;
    json_t *whole = NULL, *means = json_object(), *spreads = json_object(), *value;
    const char *name;
    kaon_status status =
        means && spreads ? measure(f, f->all, &whole, diag) : kn_no_memory(diag, "metrics");
    json_object_foreach(json_array_get(f->each, 0), name, value)
    {
        double mean, spread;
        if (!sum_up(f->each, name, &mean, &spread))
            continue;
        json_object_set_new(means, name, json_real(mean));
        json_object_set_new(spreads, name, json_real(spread));
    }
    json_object_update(e->metrics, whole);
    json_object_set_new(e->metrics, "part", json_string("out_of_fold"));
    json_object_set(e->metrics, "folds", f->each);
    json_object_set_new(e->metrics, "mean", means);
    json_object_set_new(e->metrics, "spread", spreads);
    json_decref(whole);
    return status;
}

static kaon_status write_predictions(const folds *f, kaon_diag *diag)
{
    kn_experiment *e = f->e;
    const kn_dataset *d = e->dataset;
    char *path = kn_experiment_path(e, "out_of_fold.csv");
    if (!path)
        return kn_no_memory(diag, "a path");
    kn_predictions_file file = {.settings = &e->plan.settings, .path = path};
    kaon_status status = kn_predictions_add(&file, f->all, d->class_count, d->classes, diag);
    if (!status)
        status = kn_predictions_finish(&file, diag);
    kn_predictions_fini(&file);
    if (!status)
        json_object_set_new(e->result, "predictions", json_string(path));
    kn_free(path);
    return status;
}

static kaon_status run_all(folds *f, kaon_diag *diag)
{
    kn_experiment *e = f->e;
    kaon_table *whole = NULL;
    if (!(e->request->flags & KAON_RUN_RESUME))
        remove_old(e);
    // A table of our own over the same columns.
    KAON_TRY(kn_dataset_whole(e->dataset, &whole, diag));
    const kaon_status status = kn_table_without(whole, KAON_ROLE_NONE, &f->all, diag);
    kn_table_release(whole);
    KAON_TRY(status);
    for (int64_t fold = 0; fold < e->dataset->folds; fold++)
        KAON_TRY(kaon_context(diag, run_fold(f, fold, diag), "fold %lld of %lld",
                              (long long)fold + 1, (long long)e->dataset->folds));
    e->monitor.fold = 0;
    KAON_TRY(gather(f, diag));
    KAON_TRY(kn_experiment_write_metrics(e, diag));
    return write_predictions(f, diag);
}

kaon_status kn_experiment_folds(kn_experiment *e, kn_faults *faults, kaon_diag *diag)
{
    folds f = {.e = e, .faults = faults, .each = json_array()};
    const kaon_status status = f.each ? run_all(&f, diag) : kn_no_memory(diag, "metrics");
    kn_table_release(f.all);
    json_decref(f.each);
    return status;
}
