/* network_fit.c: training: epochs of batches, validation after each, the best weights kept. */
#include "network_fit.h"

#include <math.h>
#include <string.h>

enum { VALIDATION_ROWS = 4096, TEXT = 256 };

// A scalar of the network's float type, for programs.
typedef union {
    float f32;
    double f64;
} number;

static number as_number(const network *n, double value)
{
    number x = {0};
    if (n->float_type == KAON_F64)
        x.f64 = value;
    else
        x.f32 = (float)value;
    return x;
}

static double as_double(const network *n, number x)
{
    return n->float_type == KAON_F64 ? x.f64 : (double)x.f32;
}

/* --- checks before the work ------------------------------------------------------------------- */

static kaon_status check_classes(const network *n, const kaon_column *target, kaon_diag *diag)
{
    const int64_t *values = target->view.data;
    const int64_t limit = n->loss->target == KAON_TARGET_SIGN ? 2 : n->classes;
    const int64_t rows = target->view.shape[0];
    for (int64_t i = 0; i < rows; i++)
        if (values[i] < 0 || values[i] >= limit)
            return kaon_fail(diag, KAON_INVALID,
                             "row %lld of the target '%s' is class %lld, 0 to %lld are possible",
                             (long long)i, target->name, (long long)values[i],
                             (long long)limit - 1);
    return KAON_OK;
}

static kaon_status check_table(const network *n, kaon_table *table, const char *what,
                               kaon_diag *diag)
{
    kaon_column column = {.size = sizeof column};
    if (n->tables->rows(table) < 1)
        return kaon_fail(diag, KAON_INVALID, "there are no events for %s", what);
    if (n->tables->column_of(table, KAON_ROLE_TARGET, &column))
        return kaon_fail(diag, KAON_INVALID, "the table for %s has no target", what);
    if (n->loss->target == KAON_TARGET_VALUES)
        return KAON_OK;
    if (column.view.dtype != KAON_I64 || column.view.rank != 1)
        return kaon_fail(diag, KAON_INVALID, "the target '%s' must be class numbers", column.name);
    return check_classes(n, &column, diag);
}

/* --- open and close --------------------------------------------------------------------------- */

static kaon_status open_batches(const network *n, kaon_table *table, int64_t rows, int32_t shuffle,
                                kaon_batches **out, kaon_diag *diag)
{
    const kaon_batch_spec spec = {
        .size = sizeof spec,
        .shuffle = shuffle,
        .rows = rows,
        .seed = n->seed,
        .float_type = n->float_type,
        .normalize = 1,
    };
    return n->tables->batches_open(n->host, table, &spec, out, diag);
}

static kaon_status open_validation(training *t, kaon_diag *diag)
{
    const network *n = t->n;
    kaon_table *table = t->fit->validation;
    if (!table || n->tables->rows(table) < 1)
        return KAON_OK;
    KAON_TRY(check_table(n, table, "validation", diag));
    const int64_t rows = n->tables->rows(table);
    t->check_rows = rows < VALIDATION_ROWS ? rows : VALIDATION_ROWS;
    KAON_TRY(network_compile_validation(n, t->check_rows, &t->check, diag));
    return open_batches(n, table, t->check_rows, 0, &t->check_batches, diag);
}

static kaon_status open_training(training *t, kaon_diag *diag)
{
    network *n = t->n;
    const config *c = n->settings;
    KAON_TRY(check_table(n, t->fit->train, "training", diag));
    t->rows = n->tables->rows(t->fit->train);
    t->epoch = 1;
    t->batch = c->batch > 0 && c->batch < t->rows ? c->batch : t->rows;
    t->stop = (stopping){.patience = c->patience, .delta = c->delta, .best = INFINITY};
    t->steps = (double)((t->rows + t->batch - 1) / t->batch) * (double)c->epochs;
    KAON_TRY(network_compile_training(n, t->batch, t->steps, &t->train, diag));
    KAON_TRY(network_target_fit(n, t->fit->train, diag));
    KAON_TRY(open_validation(t, diag));
    KAON_TRY(n->programs->variables_new(n->host, n->seed, &t->best, diag));
    KAON_TRY(n->programs->variables_copy(n->variables, t->best, diag));
    // Without shuffling where one batch holds all events: the order cannot matter.
    return open_batches(n, t->fit->train, t->batch, t->batch < t->rows, &t->train_batches, diag);
}

static void close_training(training *t)
{
    const network *n = t->n;
    n->tables->batches_close(t->train_batches);
    n->tables->batches_close(t->check_batches);
    n->programs->program_free(t->train);
    n->programs->program_free(t->check);
    n->programs->variables_release(t->best);
}

/* --- an epoch --------------------------------------------------------------------------------- */

// The batch's loss was not finite: says where that began.
static kaon_status explain(training *t, const void *const *inputs, kaon_diag *diag)
{
    char where[TEXT] = "";
    KAON_TRY(network_diagnose(t->n, t->batch, inputs, t->run, where, sizeof where, diag));
    return kaon_fail(diag, KAON_NOT_FINITE,
                     "step %llu: the loss is not finite; the first that is not is %s; a lower "
                     "learning rate, clip_norm or clean data may help; the last good weights are "
                     "kept",
                     (unsigned long long)t->run + 1, where);
}

static kaon_status tell_progress(const training *t, double part, kaon_diag *diag)
{
    kaon_monitor *m = t->fit->monitor;
    const double done = (double)(t->epoch - 1) + part;
    if (!m || m->api->progress(m, done, (double)t->n->settings->epochs, "epoch") == KAON_OK)
        return KAON_OK;
    return kaon_fail(diag, KAON_CANCELLED, "stopped; what was learned so far is kept");
}

static kaon_status offer_checkpoint(training *t, int32_t point, kaon_diag *diag)
{
    kaon_monitor *m = t->fit->monitor;
    return m ? m->api->checkpoint(m, point, network_suspend, t, diag) : KAON_OK;
}

static kaon_status one_step(training *t, const kaon_batch *batch, kaon_diag *diag)
{
    network *n = t->n;
    const double share = (double)t->batch / (double)t->rows; // of a full batch in the epoch
    const number step = as_number(n, (double)(t->run + 1));
    const double pace[] = {(double)t->run, (double)(t->epoch - 1) + t->done,
                           t->batches == 0 && t->epoch > 1, t->loss};
    number total = {0};
    // ORDER input
    const void *inputs[IN_COUNT] = {batch->features, batch->target, batch->weight, &step,
                                    &pace[0],        &pace[1],      &pace[2],      &pace[3]};
    void *outputs[] = {&total};
    KAON_TRY(n->programs->run(t->train, inputs, outputs, t->run, diag));
    if (!isfinite(as_double(n, total)))
        return explain(t, inputs, diag);
    t->run++;
    t->batches++;
    t->sum += as_double(n, total) * share;
    t->done += (double)batch->rows / (double)t->rows;
    return KAON_OK;
}

// One pass over the training events; *loss is their weighted mean, as the batches were met. Where
// training goes on within an epoch the batches it has seen are passed over.
static kaon_status train_epoch(training *t, double *loss, kaon_diag *diag)
{
    network *n = t->n;
    kaon_batch batch = {.size = sizeof batch};
    for (int64_t seen = 0;; seen++) {
        const kaon_status status =
            n->tables->batches_next(t->train_batches, t->epoch - 1, &batch, diag);
        if (status == KAON_END)
            break;
        KAON_TRY(status);
        if (seen < t->batches)
            continue;
        KAON_TRY(one_step(t, &batch, diag));
        KAON_TRY(offer_checkpoint(t, KAON_POINT_STEP, diag));
        KAON_TRY(tell_progress(t, t->done, diag));
    }
    *loss = t->sum;
    t->batches = 0;
    t->sum = t->done = 0;
    return KAON_OK;
}

static kaon_status validate(training *t, double *loss, double *accuracy, kaon_diag *diag)
{
    network *n = t->n;
    kaon_batch batch = {.size = sizeof batch};
    const double rows = (double)n->tables->rows(t->fit->validation);
    *loss = *accuracy = 0;
    for (;;) {
        const kaon_status status = n->tables->batches_next(t->check_batches, 0, &batch, diag);
        if (status == KAON_END)
            return KAON_OK;
        KAON_TRY(status);
        number sums[2] = {{0}, {0}};
        const void *inputs[] = {batch.features, batch.target, batch.weight};
        void *outputs[] = {&sums[0], &sums[1]};
        KAON_TRY(n->programs->run(t->check, inputs, outputs, t->run, diag));
        *loss += as_double(n, sums[0]) * (double)t->check_rows / rows;
        *accuracy += as_double(n, sums[1]) * (double)t->check_rows / rows;
    }
}

static void tell(const training *t, const char *name, double value)
{
    kaon_monitor *m = t->fit->monitor;
    if (m)
        m->api->metric(m, name, t->epoch, value);
}

static kaon_status one_epoch(training *t, kaon_diag *diag)
{
    network *n = t->n;
    double loss = 0, accuracy = 0;
    KAON_TRY(train_epoch(t, &loss, diag));
    tell(t, "loss", loss);
    if (t->check) {
        KAON_TRY(validate(t, &loss, &accuracy, diag));
        tell(t, "validation_loss", loss);
        if (n->loss->target != KAON_TARGET_VALUES)
            tell(t, "validation_accuracy", accuracy);
    }
    const int better = stopping_better(&t->stop, t->epoch, loss);
    t->loss = loss;
    // Without validation the loss on the training events is no reason to go back.
    const int best_wanted = n->settings->keep == KEEP_BEST && t->check;
    if (better || !best_wanted)
        return n->programs->variables_copy(n->variables, t->best, diag);
    return KAON_OK;
}

static kaon_status all_epochs(training *t, kaon_diag *diag)
{
    const config *c = t->n->settings;
    while (t->epoch <= c->epochs && !stopping_now(&t->stop)) {
        KAON_TRY(kaon_context(diag, one_epoch(t, diag), "epoch %lld", (long long)t->epoch));
        t->epoch++;
        KAON_TRY(offer_checkpoint(t, KAON_POINT_ROUND, diag));
    }
    if (t->epoch <= c->epochs)
        kaon_say(t->n->host, KAON_LOG_INFO,
                 "stopped after epoch %lld: no improvement since epoch %lld",
                 (long long)t->epoch - 1, (long long)t->stop.best_epoch);
    return KAON_OK;
}

// A step whose loss is finite may still have spoiled a parameter by a gradient that was not.
static int parameters_finite(const network *n)
{
    for (int32_t i = 0; i < n->programs->variable_count(n->variables); i++) {
        kaon_variable_info info = {.size = sizeof info};
        if (n->programs->variable_at(n->variables, i, &info, NULL) || (info.flags & KAON_SLOT))
            continue;
        const int64_t count = kaon_view_count(&info.view);
        const float *f32 = info.view.data;
        const double *f64 = info.view.data;
        for (int64_t j = 0; j < count; j++)
            if (!isfinite(info.view.dtype == KAON_F64 ? f64[j] : (double)f32[j]))
                return 0;
    }
    return 1;
}

kaon_status network_fit(void *self, const kaon_fit *fit, kaon_diag *diag)
{
    training t = {.n = self, .fit = fit};
    network *n = self;
    kaon_status status = open_training(&t, diag);
    if (!status && fit->from)
        status = kaon_context(diag, network_resume(&t, fit->from, diag), "checkpoint");
    if (!status)
        status = all_epochs(&t, diag);
    // A loss that was not finite changed nothing: the weights of the step before it are kept,
    // unless an earlier epoch was better, or a gradient that was not finite spoiled them without a
    // trace.
    const int back = t.check && n->settings->keep == KEEP_BEST && t.stop.best_epoch > 0;
    if (t.train_batches && (back || !parameters_finite(n))) {
        const kaon_status restored = n->programs->variables_copy(t.best, n->variables, NULL);
        if (!status && restored)
            status = kaon_fail(diag, restored, "the best weights could not be put back");
    }
    const kaon_status averaged =
        t.run > 0 ? network_take_averages(n, status ? NULL : diag) : KAON_OK;
    close_training(&t);
    return status ? status : averaged;
}
