/* network_suspend.c: a training put aside at a checkpoint, and taken up again.
 *
 *   counters  i64  steps, epoch, batches of it, best epoch, epochs since
 *   numbers   f64  loss so far, share of the epoch, best loss, loss of the last epoch
 *   now/NAME       every variable, the optimizer's included
 *   best/NAME      the same at the best epoch
 *
 * The order of batches and all random numbers follow from the seed and these counters.
 */
#include "network_fit.h"

#include <string.h>

enum { COUNTERS = 5, NUMBERS = 4 };

static kaon_view row_of(int32_t dtype, void *data, const int64_t *count)
{
    return (kaon_view){sizeof(kaon_view), dtype, KAON_DEVICE_CPU, 0, 1, 0, data, count, NULL};
}

static kaon_status put_all(const network *n, kaon_variables *variables, const char *prefix,
                           kaon_archive *into, kaon_diag *diag)
{
    char name[KAON_TEXT_MAX];
    for (int32_t i = 0; i < n->programs->variable_count(variables); i++) {
        kaon_variable_info info = {.size = sizeof info};
        KAON_TRY(n->programs->variable_at(variables, i, &info, diag));
        snprintf(name, sizeof name, "%s/%s", prefix, info.name);
        KAON_TRY(into->api->put(into, name, &info.view, diag));
    }
    return KAON_OK;
}

// ORDER network_counters
kaon_status network_suspend(void *context, kaon_archive *into, kaon_diag *diag)
{
    const training *t = context;
    int64_t counters[] = {(int64_t)t->run, t->epoch, t->batches, t->stop.best_epoch, t->stop.idle};
    double numbers[] = {t->sum, t->done, t->stop.best, t->loss};
    const int64_t counts[] = {COUNTERS, NUMBERS};
    const kaon_view whole = row_of(KAON_I64, counters, &counts[0]);
    const kaon_view real = row_of(KAON_F64, numbers, &counts[1]);
    KAON_TRY(into->api->put(into, "counters", &whole, diag));
    KAON_TRY(into->api->put(into, "numbers", &real, diag));
    KAON_TRY(put_all(t->n, t->n->variables, "now", into, diag));
    return put_all(t->n, t->best, "best", into, diag);
}

static kaon_status get_row(kaon_archive *from, const char *name, int32_t dtype, int64_t count,
                           void *out, kaon_diag *diag)
{
    kaon_view view = {.size = sizeof view};
    KAON_TRY(from->api->get(from, name, &view, diag));
    if (view.dtype != dtype || kaon_view_count(&view) != count)
        return kaon_fail(diag, KAON_INCOMPATIBLE, "'%s' is of another version of this learner",
                         name);
    memcpy(out, view.data, (size_t)count * kaon_dtype_bytes(dtype));
    return KAON_OK;
}

static kaon_status get_all(const network *n, kaon_variables *variables, const char *prefix,
                           kaon_archive *from, kaon_diag *diag)
{
    char name[KAON_TEXT_MAX];
    for (int32_t i = 0; i < n->programs->variable_count(variables); i++) {
        kaon_variable_info info = {.size = sizeof info};
        kaon_view view = {.size = sizeof view};
        KAON_TRY(n->programs->variable_at(variables, i, &info, diag));
        snprintf(name, sizeof name, "%s/%s", prefix, info.name);
        KAON_TRY(from->api->get(from, name, &view, diag));
        KAON_TRY(n->programs->variable_set(variables, info.name, info.flags, &view, diag));
    }
    return KAON_OK;
}

// ORDER network_counters
kaon_status network_resume(training *t, kaon_archive *from, kaon_diag *diag)
{
    int64_t counters[COUNTERS];
    double numbers[NUMBERS];
    KAON_TRY(get_row(from, "counters", KAON_I64, COUNTERS, counters, diag));
    KAON_TRY(get_row(from, "numbers", KAON_F64, NUMBERS, numbers, diag));
    KAON_TRY(get_all(t->n, t->n->variables, "now", from, diag));
    KAON_TRY(get_all(t->n, t->best, "best", from, diag));
    t->run = (uint64_t)counters[0];
    t->epoch = counters[1];
    t->batches = counters[2];
    t->stop.best_epoch = counters[3];
    t->stop.idle = counters[4];
    t->sum = numbers[0];
    t->done = numbers[1];
    t->stop.best = numbers[2];
    t->loss = numbers[3];
    return KAON_OK;
}
