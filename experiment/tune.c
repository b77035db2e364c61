/* tune.c: searches the settings of an experiment, trial by trial. */
#include "experiment/tune.h"

#include <kaon/search.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "experiment/config_write.h"
#include "experiment/experiment_plan.h"
#include "experiment/metrics.h"
#include "experiment/monitor.h"
#include "experiment/trial.h"
#include "experiment/tune_plan.h"
#include "experiment/tune_state.h"
#include "kernel/diag.h"
#include "kernel/decimal.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/pool.h"
#include "kernel/registry.h"

enum {
    MOST_PARALLEL = 256,
    LOOK_MILLISECONDS = 200, // how often somebody may ask to stop
    FIRST_FAILURES = 3       // so many failures and nothing else: the experiment is wrong
};

// A proposal on its way.
typedef struct {
    int64_t trial;
    double budget;
    json_t *set;     // edits
    char *folder;    // of its run; NULL: not begun
    int32_t resumed; // it was begun before an interruption
} step;

typedef struct {
    kn_kernel *kernel;
    const kaon_tune_request *request;
    const atomic_int *stop;
    kn_experiment_plan plan;
    const kn_tune_plan *tune;
    const kaon_search *search;
    void *self;
    char *folder;
    kn_tune_state state;
    int32_t direction;
    int32_t parallel;
    int32_t exhausted; // the search has nothing more
    json_t *told;      // of all that ended, in order
    int64_t waiting_count;
    step *waiting; // asked before an interruption, not told yet
    kn_trial trials[MOST_PARALLEL];
    step steps[MOST_PARALLEL];
    double started;
} tune;

static void step_fini(step *s)
{
    json_decref(s->set);
    kn_free(s->folder);
    *s = (step){0};
}

/* --- telling people --------------------------------------------------------------------------- */

static void note(const tune *t, const char *text)
{
    const kaon_event event = {
        .size = sizeof event, .kind = KAON_EVENT_NOTE, .text = text, .what = "tune"};
    if (t->request->event)
        t->request->event(t->request->event_context, &event);
}

/* --- the search ------------------------------------------------------------------------------- */

static kaon_status open_search(tune *t, kaon_diag *diag)
{
    const kn_tune_settings *c = t->tune->settings;
    const kn_item *item = NULL;
    const int64_t n = t->tune->axis_count;
    int64_t *levels = kn_alloc_array((size_t)n + 1, sizeof *levels);
    if (!levels)
        return kn_no_memory(diag, "a search");
    for (int64_t i = 0; i < n; i++)
        levels[i] = kn_tune_levels(&t->tune->axes[i]);
    const kaon_search_task task = {.size = sizeof task,
                                   .axis_count = n,
                                   .levels = levels,
                                   .trials = t->request->trials ? t->request->trials : c->trials,
                                   .seed = (uint64_t)t->plan.top->seed};
    kaon_status status = kn_item_find(t->kernel, KAON_SEARCH, c->search.name, &item, diag);
    if (!status) {
        t->search = item->table;
        status = t->search->create(item->host, c->search.settings, &task, &t->self, diag);
    }
    kn_free(levels);
    return kaon_context(diag, status, "search '%s'", c->search.name);
}

static json_t *edits_at(const tune *t, const kaon_proposal *p)
{
    json_t *set = json_array();
    for (int64_t i = 0; i < t->tune->axis_count; i++) {
        kn_text edit = {0};
        kn_tune_edit(&t->tune->axes[i], p->point[i], &edit);
        json_array_append_new(set, json_string(kn_text_get(&edit)));
        kn_text_fini(&edit);
    }
    if (p->budget > 0) {
        char number[KN_NUMBER_BYTES];
        json_array_append_new(set, json_sprintf("%s=%s", t->tune->settings->budget,
                                                kn_format_double(floor(p->budget), number)));
    }
    return set;
}

/* The next proposal; step->set NULL: there is none, now or ever. */
static kaon_status ask(tune *t, step *out, kaon_diag *diag)
{
    double *point = kn_alloc_array((size_t)t->tune->axis_count + 1, sizeof *point);
    kaon_proposal p = {.size = sizeof p, .point = point};
    *out = (step){0};
    if (!point)
        return kn_no_memory(diag, "a search");
    kaon_status status = t->search->ask(t->self, &p, diag);
    if (status == KAON_END) {
        t->exhausted = 1;
        status = KAON_OK;
    } else if (!status && !p.wait) {
        if (p.budget > 0 && !t->tune->settings->budget)
            status = kaon_fail(diag, KAON_INVALID,
                               "search '%s' spends a budget: say of what, 'budget: "
                               "model.network.epochs'",
                               t->tune->settings->search.name);
        else
            *out = (step){p.trial, p.budget, edits_at(t, &p), NULL, 0};
    }
    kn_free(point);
    return kaon_context(diag, status, "search");
}

// A search knows only better and worse: lower is better to it.
static kaon_status tell_search(tune *t, const json_t *told, kaon_diag *diag)
{
    const json_t *value = json_object_get(told, "value");
    const double number = json_is_number(value) ? -t->direction * json_number_value(value) : NAN;
    return t->search->tell(t->self, json_integer_value(json_object_get(told, "trial")),
                           json_number_value(json_object_get(told, "budget")), number, diag);
}

/* --- going on after an interruption ----------------------------------------------------------- */

// What must be the same for trials to belong together.
static json_t *describe(const tune *t)
{
    kn_text space = {0}, search = {0}, experiment = {0};
    const kn_tune_settings *c = t->tune->settings;
    kn_config_write_json(c->space, &space);
    kn_config_write_json(kn_config_get(t->tune->resolved, "search"), &search);
    kn_config_write_json(t->plan.resolved, &experiment);
    json_t *out = json_pack(
        "{s:s, s:s, s:I, s:s, s:s, s:s?, s:o}", "metric", c->metric, "direction",
        t->direction > 0 ? "higher" : "lower", "seed", (json_int_t)t->plan.top->seed, "search",
        kn_text_get(&search), "space", kn_text_get(&space), "budget", c->budget, "experiment",
        json_sprintf("%016llx",
                     (unsigned long long)kn_checksum(kn_text_get(&experiment), experiment.length)));
    kn_text_fini(&space);
    kn_text_fini(&search);
    kn_text_fini(&experiment);
    return out;
}

static kaon_status check_head(const tune *t, const json_t *head, kaon_diag *diag)
{
    json_t *own = describe(t);
    const char *key, *other = NULL;
    json_t *value;
    json_object_foreach(own, key, value)
    {
        if (!other && !json_equal(value, json_object_get(head, key)))
            other = key;
    }
    const kaon_status status =
        other ? kaon_fail(diag, KAON_INVALID,
                          "%s holds trials of another search: its %s differs; name another "
                          "folder with --out",
                          t->folder, other)
              : KAON_OK;
    json_decref(own);
    return status;
}

static kaon_status keep_waiting(tune *t, const step *s, kaon_diag *diag)
{
    step *grown = kn_resize_array(t->waiting, (size_t)t->waiting_count + 1, sizeof *grown);
    if (!grown)
        return kn_no_memory(diag, "a search");
    t->waiting = grown;
    grown[t->waiting_count++] = *s;
    return KAON_OK;
}

static kaon_status replay_ask(tune *t, const json_t *asked, kaon_diag *diag)
{
    step s;
    KAON_TRY(ask(t, &s, diag));
    if (!s.set || s.trial != json_integer_value(json_object_get(asked, "trial")) ||
        !json_equal(s.set, json_object_get(asked, "set"))) {
        step_fini(&s);
        return kaon_fail(diag, KAON_CORRUPT,
                         "the search does not propose again what %s says it did; name another "
                         "folder with --out",
                         t->state.path);
    }
    const kaon_status status = keep_waiting(t, &s, diag);
    if (status)
        step_fini(&s);
    return status;
}

static kaon_status replay_tell(tune *t, json_t *told, kaon_diag *diag)
{
    const json_int_t trial = json_integer_value(json_object_get(told, "trial"));
    for (int64_t i = 0; i < t->waiting_count; i++)
        if (t->waiting[i].trial == trial) {
            step_fini(&t->waiting[i]);
            t->waiting_count--;
            memmove(t->waiting + i, t->waiting + i + 1,
                    (size_t)(t->waiting_count - i) * sizeof *t->waiting);
            break;
        }
    json_array_append(t->told, told);
    return tell_search(t, told, diag);
}

static kaon_status replay(tune *t, const json_t *lines, kaon_diag *diag)
{
    size_t i;
    json_t *line;
    if (!json_array_size(lines))
        return kn_tune_state_add(&t->state, "tune", describe(t), diag);
    KAON_TRY(check_head(t, json_object_get(json_array_get(lines, 0), "tune"), diag));
    json_array_foreach(lines, i, line)
    {
        json_t *asked = json_object_get(line, "ask"), *told = json_object_get(line, "tell");
        if (asked)
            KAON_TRY(replay_ask(t, asked, diag));
        if (told)
            KAON_TRY(replay_tell(t, told, diag));
    }
    return KAON_OK;
}

/* --- trials ----------------------------------------------------------------------------------- */

static char *trial_folder(const tune *t, const step *s)
{
    char name[64];
    if (s->budget > 0)
        snprintf(name, sizeof name, "trial-%lld-%g", (long long)s->trial, floor(s->budget));
    else
        snprintf(name, sizeof name, "trial-%lld", (long long)s->trial);
    return kn_path_join(t->folder, name);
}

// The user's edits, then those of the trial; an array to be freed, its texts borrowed.
static const char **all_edits(const tune *t, const step *s)
{
    const int64_t own = t->request->set_count;
    const char **sets = kn_alloc_array((size_t)own + json_array_size(s->set) + 1, sizeof *sets);
    for (int64_t i = 0; sets && i < own; i++)
        sets[i] = t->request->sets[i];
    for (size_t i = 0; sets && i < json_array_size(s->set); i++)
        sets[own + (int64_t)i] = json_string_value(json_array_get(s->set, i));
    return sets;
}

static int32_t threads_each(const tune *t)
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
static kaon_status start(tune *t, int32_t place, int32_t again, kaon_diag *diag)
{
    step *s = &t->steps[place];
    const char **sets = all_edits(t, s);
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
                                  .set_count =
                                      t->request->set_count + (int64_t)json_array_size(s->set),
                                  .sets = sets};
    const kaon_status status = kn_trial_start(&t->trials[place], t->kernel, &run, diag);
    kn_free(sets);
    return status;
}

// An edit that names nothing would fail in every trial: the first one is tried on the file here.
static kaon_status check_first(tune *t, const step *s, kn_faults *faults, kaon_diag *diag)
{
    kn_experiment_plan plan;
    const char **sets = all_edits(t, s);
    kaon_status status = sets ? KAON_OK : kn_no_memory(diag, "a trial");
    if (!status) {
        status = kn_experiment_plan_init(&plan, t->kernel, t->request->config_path,
                                         t->request->set_count + (int64_t)json_array_size(s->set),
                                         sets, faults, diag);
        kn_experiment_plan_fini(&plan);
    }
    kn_free(sets);
    return kaon_context(diag, status, "tune: the first trial");
}

/* Fills a place. 0 in *started: nothing to start now. */
static kaon_status start_next(tune *t, int32_t place, int32_t *started, kn_faults *faults,
                              kaon_diag *diag)
{
    step s = {0};
    *started = 0;
    if (t->waiting_count) {
        s = t->waiting[0];
        memmove(t->waiting, t->waiting + 1, (size_t)--t->waiting_count * sizeof s);
    } else {
        if (!t->exhausted)
            KAON_TRY(ask(t, &s, diag));
        if (!s.set)
            return KAON_OK;
        if (!json_array_size(t->told) && s.trial == 0) {
            const kaon_status status = check_first(t, &s, faults, diag);
            if (status) {
                step_fini(&s);
                return status;
            }
        }
        const kaon_status status =
            kn_tune_state_add(&t->state, "ask",
                              json_pack("{s:I, s:f, s:O}", "trial", (json_int_t)s.trial, "budget",
                                        s.budget, "set", s.set),
                              diag);
        if (status) {
            step_fini(&s);
            return status;
        }
    }
    *started = 1;
    t->steps[place] = s;
    return start(t, place, 0, diag);
}

/* --- results ---------------------------------------------------------------------------------- */

// A result is better if more was spent on it, then by its value.
static int32_t is_better(const tune *t, const json_t *a, const json_t *b)
{
    const json_t *value = json_object_get(a, "value"), *other = json_object_get(b, "value");
    if (!json_is_number(value))
        return 0;
    if (!json_is_number(other))
        return 1;
    const double spent = json_number_value(json_object_get(a, "budget")),
                 other_spent = json_number_value(json_object_get(b, "budget"));
    if (spent != other_spent)
        return spent > other_spent;
    return t->direction * (json_number_value(value) - json_number_value(other)) > 0;
}

static const json_t *best_of(const tune *t)
{
    const json_t *best = NULL;
    size_t i;
    json_t *told;
    json_array_foreach(t->told, i, told)
    {
        if (is_better(t, told, best))
            best = told;
    }
    return best;
}

static kaon_status write_best(const tune *t, kaon_diag *diag)
{
    const char *name = json_string_value(json_object_get(best_of(t), "folder"));
    void *text = NULL;
    size_t bytes = 0;
    kn_text path = {0};
    if (!name)
        return KAON_OK;
    kn_text_format(&path, "%s/%s/config.yaml", t->folder, name);
    char *from = kn_text_take(&path), *to = kn_path_join(t->folder, "best.yaml");
    kaon_status status =
        from && to ? kn_file_read(from, 0, &text, &bytes, diag) : kn_no_memory(diag, "a path");
    if (!status)
        status = kn_file_write(to, text, bytes, diag);
    kn_free(text);
    kn_free(from);
    kn_free(to);
    return status;
}

static void tell_people(const tune *t, const json_t *told)
{
    char number[KN_NUMBER_BYTES], words[KN_TRIAL_WORDS + 128];
    const json_t *value = json_object_get(told, "value"), *best = best_of(t);
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

static json_t *outcome(const step *s, double value, kaon_status status, const char *words,
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

static kaon_status finish(tune *t, int32_t place, kaon_status ended, kaon_diag *diag)
{
    step *s = &t->steps[place];
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
    step_fini(s);
    if (!told)
        return kn_no_memory(diag, "a trial");
    json_array_append(t->told, told);
    kaon_status status = kn_tune_state_add(&t->state, "tell", json_incref(told), diag);
    if (!status)
        status = tell_search(t, told, diag);
    if (!status && best_of(t) == told)
        status = write_best(t, diag);
    tell_people(t, told);
    json_decref(told);
    return status;
}

/* --- the loop --------------------------------------------------------------------------------- */

// Where the first trials all fail the experiment is wrong, and more of them are in vain.
static kaon_status fail_early(const tune *t, size_t enough, kaon_diag *diag)
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

static kaon_status collect(tune *t, kaon_diag *diag)
{
    for (int32_t i = 0; i < t->parallel; i++) {
        kaon_status ended = KAON_OK;
        if (t->trials[i].process && kn_trial_ended(&t->trials[i], &ended))
            KAON_TRY(finish(t, i, ended, diag));
    }
    return fail_early(t, FIRST_FAILURES, diag);
}

static kaon_status run_all(tune *t, kn_faults *faults, kaon_diag *diag)
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
static kaon_status choose_folder(tune *t, kaon_diag *diag)
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

static kaon_status choose_direction(tune *t, kaon_diag *diag)
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

static kaon_status begin(tune *t, kn_faults *faults, kaon_diag *diag)
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
    KAON_TRY(open_search(t, diag));
    KAON_TRY(choose_folder(t, diag));
    char *path = kn_path_join(t->folder, "tune.jsonl");
    kaon_status status =
        path ? kn_tune_state_open(&t->state, path, &lines, diag) : kn_no_memory(diag, "a path");
    if (!status)
        status = replay(t, lines, diag);
    json_decref(lines);
    kn_free(path);
    return status;
}

static json_t *give_result(const tune *t)
{
    json_t *best = (json_t *)(uintptr_t)best_of(t);
    return json_pack("{s:s, s:s, s:s, s:O, s:o, s:f}", "folder", t->folder, "metric",
                     t->tune->settings->metric, "direction", t->direction > 0 ? "higher" : "lower",
                     "trials", t->told, "best", best ? json_incref(best) : json_null(), "seconds",
                     kn_seconds() - t->started);
}

static void fini(tune *t)
{
    for (int32_t i = 0; i < t->parallel; i++) {
        kn_trial_kill(&t->trials[i]);
        step_fini(&t->steps[i]);
    }
    for (int64_t i = 0; i < t->waiting_count; i++)
        step_fini(&t->waiting[i]);
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
    tune *t = kn_alloc_zero(sizeof *t);
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
