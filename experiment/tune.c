/* tune.c: searches the settings of an experiment, trial by trial. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "experiment/metrics.h"
#include "experiment/monitor.h"
#include "experiment/tune_own.h"
#include "kernel/decimal.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/pool.h"

enum {
    LOOK_MILLISECONDS = 200, // how often somebody may ask to stop
    FIRST_FAILURES = 3       // so many failures and nothing else: the experiment is wrong
};

/* --- telling people --------------------------------------------------------------------------- */

static void note(const kn_tuning *t, const char *text)
{
    const kaon_event event = {
        .size = sizeof event, .kind = KAON_EVENT_NOTE, .text = text, .what = "tune"};
    if (t->request->event)
        t->request->event(t->request->event_context, &event);
}

/* --- trials ----------------------------------------------------------------------------------- */

static char *trial_folder(const kn_tuning *t, const kn_tune_step *s)
{
    char name[64];
    if (s->budget > 0)
        snprintf(name, sizeof name, "trial-%lld-%g", (long long)s->trial, floor(s->budget));
    else
        snprintf(name, sizeof name, "trial-%lld", (long long)s->trial);
    return kn_path_join(t->folder, name);
}

// The user's edits, then those of the trial; an array to be freed, its texts borrowed. A trial
// makes no figures: `kaon report` does, of the one that deserves them.
static const char **all_edits(const kn_tuning *t, const kn_tune_step *s, int64_t *count)
{
    const int64_t own = t->request->set_count, more = (int64_t)json_array_size(s->set);
    const char **sets = kn_alloc_array((size_t)(own + more) + 1, sizeof *sets);
    for (int64_t i = 0; sets && i < own; i++)
        sets[i] = t->request->sets[i];
    for (int64_t i = 0; sets && i < more; i++)
        sets[own + i] = json_string_value(json_array_get(s->set, (size_t)i));
    *count = own + more + 1;
    if (sets)
        sets[own + more] = "report=none";
    return sets;
}

static int32_t threads_each(const kn_tuning *t)
{
    const int32_t all = t->request->threads    ? t->request->threads
                        : t->plan.top->threads ? (int32_t)t->plan.top->threads
                                               : kn_pool_lanes(t->kernel->pool);
    return all / t->parallel > 1 ? all / t->parallel : 1;
}

// 1 if a run in the folder was interrupted, so that it may go on from its checkpoint.
static int32_t was_begun(const char *folder)
{
    struct stat facts;
    char *state = kn_path_join(folder, "run.json");
    const int32_t is = state && !stat(state, &facts);
    kn_free(state);
    return is;
}

// `again` 1: what an interrupted run left is not used.
static kaon_status start(kn_tuning *t, int32_t place, int32_t again, kaon_diag *diag)
{
    kn_tune_step *s = &t->steps[place];
    int64_t set_count = 0;
    const char **sets = all_edits(t, s, &set_count);
    if (!s->folder)
        s->folder = trial_folder(t, s);
    if (!sets || !s->folder) {
        kn_free(sets);
        return kn_no_memory(diag, "a trial");
    }
    s->resumed = !again && was_begun(s->folder);
    const kaon_run_request run = {.size = sizeof run,
                                  .flags = s->resumed ? KAON_RUN_RESUME : KAON_RUN_REPLACE,
                                  .config_path = t->request->config_path,
                                  .folder = s->folder,
                                  .backend = t->request->backend,
                                  .threads = threads_each(t),
                                  .set_count = set_count,
                                  .sets = sets};
    const kaon_status status = kn_trial_start(&t->trials[place], t->kernel, &run, diag);
    kn_free(sets);
    return status;
}

// An edit that names nothing would fail in every trial: the first one is tried on the file here.
static kaon_status check_first(kn_tuning *t, const kn_tune_step *s, kn_faults *faults,
                               kaon_diag *diag)
{
    kn_experiment_plan plan;
    int64_t set_count = 0;
    const char **sets = all_edits(t, s, &set_count);
    kaon_status status = sets ? KAON_OK : kn_no_memory(diag, "a trial");
    if (!status) {
        status = kn_experiment_plan_init(&plan, t->kernel, t->request->config_path, set_count, sets,
                                         faults, diag);
        kn_experiment_plan_fini(&plan);
    }
    kn_free(sets);
    return kaon_context(diag, status, "tune: the first trial");
}

/* Fills a place. 0 in *started: nothing to start now. */
static kaon_status start_next(kn_tuning *t, int32_t place, int32_t *started, kn_faults *faults,
                              kaon_diag *diag)
{
    kn_tune_step s = {0};
    *started = 0;
    if (t->waiting_count) {
        s = t->waiting[0];
        memmove(t->waiting, t->waiting + 1, (size_t)--t->waiting_count * sizeof s);
    } else {
        if (!t->exhausted)
            KAON_TRY(kn_tune_ask(t, &s, diag));
        if (!s.set)
            return KAON_OK;
        if (!json_array_size(t->told) && s.trial == 0) {
            const kaon_status status = check_first(t, &s, faults, diag);
            if (status) {
                kn_tune_step_fini(&s);
                return status;
            }
        }
        const kaon_status status =
            kn_tune_state_add(&t->state, "ask",
                              json_pack("{s:I, s:f, s:O}", "trial", (json_int_t)s.trial, "budget",
                                        s.budget, "set", s.set),
                              diag);
        if (status) {
            kn_tune_step_fini(&s);
            return status;
        }
    }
    *started = 1;
    t->steps[place] = s;
    return start(t, place, 0, diag);
}

/* --- results ---------------------------------------------------------------------------------- */

static void tell_people(const kn_tuning *t, const json_t *told)
{
    char number[KN_NUMBER_BYTES], words[KN_TRIAL_WORDS + 128];
    const json_t *value = json_object_get(told, "value"), *best = kn_tune_best(t);
    const char *why = json_string_value(json_object_get(told, "message"));
    const int length = snprintf(words, sizeof words, "%3zu  trial %lld: ", json_array_size(t->told),
                                (long long)json_integer_value(json_object_get(told, "trial")));
    if (json_is_number(value))
        snprintf(words + length, sizeof words - (size_t)length, "%s %s%s",
                 t->tune->settings->metric, kn_format_digits(json_number_value(value), 6, number),
                 best == told ? ", the best so far" : "");
    else
        snprintf(words + length, sizeof words - (size_t)length, "failed: %s", why ? why : "");
    note(t, words);
}

static json_t *outcome(const kn_tune_step *s, double value, kaon_status status, const char *words,
                       double seconds)
{
    json_t *told =
        json_pack("{s:I, s:f, s:o, s:s, s:f, s:s, s:O}", "trial", (json_int_t)s->trial, "budget",
                  s->budget, "value", isfinite(value) ? json_real(value) : json_null(), "status",
                  status ? "failed" : "ok", "seconds", seconds, "folder", kn_path_name(s->folder),
                  "set", s->set);
    if (status)
        json_object_set_new(told, "message",
                            kn_utf8_valid(words, strlen(words))
                                ? json_string(words)
                                : json_string("its words are lost"));
    return told;
}

static kaon_status finish(kn_tuning *t, int32_t place, kaon_status ended, kaon_diag *diag)
{
    kn_tune_step *s = &t->steps[place];
    kn_diag fault;
    double value = NAN;
    if (ended && s->resumed) // what was left of it is of no use
        return start(t, place, 1, diag);
    const double seconds = kn_seconds() - t->trials[place].started;
    const char *words = t->trials[place].words;
    kn_diag_init(&fault);
    if (!ended) {
        ended =
            kn_run_value(s->folder, t->tune->settings->metric, t->direction, &value, &fault.diag);
        words = fault.text;
    }
    json_t *told = outcome(s, value, ended, words, seconds);
    kn_tune_step_fini(s);
    if (!told)
        return kn_no_memory(diag, "a trial");
    json_array_append(t->told, told);
    kaon_status status = kn_tune_state_add(&t->state, "tell", json_incref(told), diag);
    if (!status)
        status = kn_tune_tell(t, told, diag);
    if (!status && kn_tune_best(t) == told)
        status = kn_tune_write_best(t, diag);
    tell_people(t, told);
    json_decref(told);
    return status;
}

/* --- the loop --------------------------------------------------------------------------------- */

// Where the first trials all fail the experiment is wrong, and more of them are in vain.
static kaon_status fail_early(const kn_tuning *t, size_t enough, kaon_diag *diag)
{
    const size_t count = json_array_size(t->told);
    const char *why = NULL;
    for (size_t i = 0; i < count; i++) {
        const json_t *told = json_array_get(t->told, i);
        if (json_is_number(json_object_get(told, "value")))
            return KAON_OK;
        const char *words = json_string_value(json_object_get(told, "message"));
        why = words ? words : "its metric has no value";
    }
    if (count < enough)
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID, "no trial came to a result: %s", why);
}

static kaon_status collect(kn_tuning *t, kaon_diag *diag)
{
    for (int32_t i = 0; i < t->parallel; i++) {
        kaon_status ended = KAON_OK;
        if (t->trials[i].process && kn_trial_ended(&t->trials[i], &ended))
            KAON_TRY(finish(t, i, ended, diag));
    }
    return fail_early(t, FIRST_FAILURES, diag);
}

static kaon_status run_all(kn_tuning *t, kn_faults *faults, kaon_diag *diag)
{
    for (;;) {
        int32_t running = 0;
        for (int32_t i = 0; i < t->parallel; i++) {
            int32_t started = 0;
            if (!t->trials[i].process)
                KAON_TRY(start_next(t, i, &started, faults, diag));
            running += t->trials[i].process != 0;
        }
        if (!running)
            return fail_early(t, 1, diag);
        kn_trial_wait(t->trials, t->parallel, LOOK_MILLISECONDS);
        if (atomic_load_explicit(t->stop, memory_order_relaxed))
            return kaon_fail(diag, KAON_CANCELLED,
                             "the search was stopped; the same command goes on");
        KAON_TRY(collect(t, diag));
    }
}

/* --- beginning and end ------------------------------------------------------------------------ */

// runs/<name>-tune, where a run would be runs/<name>-1.
static kaon_status choose_folder(kn_tuning *t, kaon_diag *diag)
{
    const char *given = t->plan.top->name, *path = t->request->config_path;
    const char *name = given ? given : kn_path_name(path);
    kn_text folder = {0};
    if (t->request->folder)
        kn_text_add(&folder, t->request->folder);
    else
        kn_text_format(&folder, "runs/%.*s-tune", (int)(given ? strlen(name) : strcspn(name, ".")),
                       name);
    t->folder = kn_text_take(&folder);
    return t->folder ? kn_folder_make(t->folder, diag) : kn_no_memory(diag, "a path");
}

static kaon_status choose_direction(kn_tuning *t, kaon_diag *diag)
{
    const kn_tune_settings *c = t->tune->settings;
    t->direction = c->direction == KN_TUNE_OWN      ? kn_metric_direction(t->kernel, c->metric)
                   : c->direction == KN_TUNE_HIGHER ? 1
                                                    : -1;
    if (t->direction)
        return KAON_OK;
    return kaon_fail(diag, KAON_INVALID,
                     "it is not known whether '%s' is better high or low: add 'direction: higher' "
                     "or 'direction: lower'",
                     c->metric);
}

static kaon_status begin(kn_tuning *t, kn_faults *faults, kaon_diag *diag)
{
    json_t *lines = NULL;
    KAON_TRY(kn_experiment_plan_init(&t->plan, t->kernel, t->request->config_path,
                                     t->request->set_count, t->request->sets, faults, diag));
    t->tune = t->plan.tune;
    if (!t->tune)
        return kaon_fail(diag, KAON_INVALID, "%s has no section 'tune'", t->request->config_path);
    t->parallel =
        (int32_t)(t->request->parallel ? t->request->parallel : t->tune->settings->parallel);
    KAON_TRY(choose_direction(t, diag));
    KAON_TRY(kn_tune_open_search(t, diag));
    KAON_TRY(choose_folder(t, diag));
    char *path = kn_path_join(t->folder, "tune.jsonl");
    kaon_status status =
        path ? kn_tune_state_open(&t->state, path, &lines, diag) : kn_no_memory(diag, "a path");
    if (!status)
        status = kn_tune_replay(t, lines, diag);
    json_decref(lines);
    kn_free(path);
    return status;
}

static json_t *give_result(const kn_tuning *t)
{
    json_t *best = (json_t *)(uintptr_t)kn_tune_best(t);
    return json_pack("{s:s, s:s, s:s, s:O, s:o, s:f}", "folder", t->folder, "metric",
                     t->tune->settings->metric, "direction", t->direction > 0 ? "higher" : "lower",
                     "trials", t->told, "best", best ? json_incref(best) : json_null(), "seconds",
                     kn_seconds() - t->started);
}

static void fini(kn_tuning *t)
{
    for (int32_t i = 0; i < t->parallel; i++) {
        kn_trial_kill(&t->trials[i]);
        kn_tune_step_fini(&t->steps[i]);
    }
    for (int64_t i = 0; i < t->waiting_count; i++)
        kn_tune_step_fini(&t->waiting[i]);
    kn_free(t->waiting);
    if (t->search)
        t->search->destroy(t->self);
    kn_tune_state_fini(&t->state);
    kn_experiment_plan_fini(&t->plan);
    kn_free(t->folder);
    json_decref(t->told);
    kn_free(t);
}

kaon_status kn_tune(kn_kernel *kernel, const kaon_tune_request *request, const atomic_int *stop,
                    kn_faults *faults, json_t **result, kaon_diag *diag)
{
    kn_tuning *t = kn_alloc_zero(sizeof *t);
    *result = NULL;
    if (!t)
        return kn_no_memory(diag, "a search");
    t->kernel = kernel;
    t->request = request;
    t->stop = stop;
    t->state.file = -1;
    t->started = kn_seconds();
    t->told = json_array();
    kaon_status status = t->told ? begin(t, faults, diag) : kn_no_memory(diag, "a search");
    if (!status)
        status = run_all(t, faults, diag);
    if (t->folder && (!status || status == KAON_CANCELLED))
        *result = give_result(t);
    fini(t);
    return status;
}
