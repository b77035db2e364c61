/* tune_search.c: what is asked of a search and told to it, and told again after an interruption. */
#include <math.h>
#include <string.h>

#include "experiment/config_write.h"
#include "experiment/tune_own.h"
#include "kernel/decimal.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/registry.h"

void kn_tune_step_fini(kn_tune_step *s)
{
    json_decref(s->set);
    kn_free(s->folder);
    *s = (kn_tune_step){0};
}

/* --- the search ------------------------------------------------------------------------------- */

kaon_status kn_tune_open_search(kn_tuning *t, kaon_diag *diag)
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

static json_t *edits_at(const kn_tuning *t, const kaon_proposal *p)
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
kaon_status kn_tune_ask(kn_tuning *t, kn_tune_step *out, kaon_diag *diag)
{
    double *point = kn_alloc_array((size_t)t->tune->axis_count + 1, sizeof *point);
    kaon_proposal p = {.size = sizeof p, .point = point};
    *out = (kn_tune_step){0};
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
            *out = (kn_tune_step){p.trial, p.budget, edits_at(t, &p), NULL, 0};
    }
    kn_free(point);
    return kaon_context(diag, status, "search");
}

// A search knows only better and worse: lower is better to it.
kaon_status kn_tune_tell(kn_tuning *t, const json_t *told, kaon_diag *diag)
{
    const json_t *value = json_object_get(told, "value");
    const double number = json_is_number(value) ? -t->direction * json_number_value(value) : NAN;
    return t->search->tell(t->self, json_integer_value(json_object_get(told, "trial")),
                           json_number_value(json_object_get(told, "budget")), number, diag);
}

/* --- going on after an interruption ----------------------------------------------------------- */

// What must be the same for trials to belong together.
static json_t *describe(const kn_tuning *t)
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

static kaon_status check_head(const kn_tuning *t, const json_t *head, kaon_diag *diag)
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

static kaon_status keep_waiting(kn_tuning *t, const kn_tune_step *s, kaon_diag *diag)
{
    kn_tune_step *grown = kn_resize_array(t->waiting, (size_t)t->waiting_count + 1, sizeof *grown);
    if (!grown)
        return kn_no_memory(diag, "a search");
    t->waiting = grown;
    grown[t->waiting_count++] = *s;
    return KAON_OK;
}

static kaon_status replay_ask(kn_tuning *t, const json_t *asked, kaon_diag *diag)
{
    kn_tune_step s;
    KAON_TRY(kn_tune_ask(t, &s, diag));
    if (!s.set || s.trial != json_integer_value(json_object_get(asked, "trial")) ||
        !json_equal(s.set, json_object_get(asked, "set"))) {
        kn_tune_step_fini(&s);
        return kaon_fail(diag, KAON_CORRUPT,
                         "the search does not propose again what %s says it did; name another "
                         "folder with --out",
                         t->state.path);
    }
    const kaon_status status = keep_waiting(t, &s, diag);
    if (status)
        kn_tune_step_fini(&s);
    return status;
}

static kaon_status replay_tell(kn_tuning *t, json_t *told, kaon_diag *diag)
{
    const json_int_t trial = json_integer_value(json_object_get(told, "trial"));
    for (int64_t i = 0; i < t->waiting_count; i++)
        if (t->waiting[i].trial == trial) {
            kn_tune_step_fini(&t->waiting[i]);
            t->waiting_count--;
            memmove(t->waiting + i, t->waiting + i + 1,
                    (size_t)(t->waiting_count - i) * sizeof *t->waiting);
            break;
        }
    json_array_append(t->told, told);
    return kn_tune_tell(t, told, diag);
}

kaon_status kn_tune_replay(kn_tuning *t, const json_t *lines, kaon_diag *diag)
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
