/* metrics.c: what the metrics among the plugins say of predictions. */
#include "experiment/metrics.h"

#include <kaon/random.h>
#include <stdatomic.h>
#include <string.h>

#include "experiment/measured.h"
#include "kernel/files.h"
#include "kernel/items.h"
#include "kernel/memory.h"
#include "kernel/registry.h"
#include "kernel/text.h"

/* --- which metrics ---------------------------------------------------------------------------- */

typedef struct {
    const kn_item *item;
    const void *settings;
    kn_item_use *use; // of one with default settings
    int32_t unasked;  // left out where it fails
} chosen_metric;

typedef struct {
    kn_kernel *kernel;
    const kn_measure_request *request;
    int32_t task;
    int64_t count;
    chosen_metric *at;
    char **names; // installed, sorted
    int64_t name_count;
    kaon_diag *diag;
} choice;

static void choice_fini(choice *c)
{
    for (int64_t i = 0; i < c->count; i++)
        kn_item_use_free(c->at[i].use);
    for (int64_t i = 0; i < c->name_count; i++)
        kn_free(c->names[i]);
    kn_free(c->names);
    kn_free(c->at);
}

// Loading while the registry is being walked is not ours to do: names first.
static kaon_status keep_name(void *context, const kn_item_note *note)
{
    choice *c = context;
    char **names = kn_resize_array(c->names, (size_t)c->name_count + 1, sizeof *names);
    if (!names)
        return kn_no_memory(c->diag, "metrics");
    c->names = names;
    names[c->name_count] = kn_copy_text(note->name);
    return names[c->name_count] ? (c->name_count++, KAON_OK) : kn_no_memory(c->diag, "metrics");
}

static kaon_status add_metric(choice *c, chosen_metric metric)
{
    chosen_metric *at = kn_resize_array(c->at, (size_t)c->count + 1, sizeof *at);
    if (!at)
        return kn_no_memory(c->diag, "metrics");
    c->at = at;
    at[c->count++] = metric;
    return KAON_OK;
}

static int32_t was_asked_for(const choice *c, const char *name)
{
    for (int64_t i = 0; i < c->request->metrics.count; i++)
        if (kn_text_same(c->request->metrics.at[i]->name, name))
            return 1;
    return 0;
}

static kaon_status add_default(choice *c, const char *name)
{
    chosen_metric m = {0};
    if (was_asked_for(c, name) || kn_item_find(c->kernel, KAON_METRIC, name, &m.item, NULL))
        return KAON_OK; // one that cannot be loaded was not asked for either
    const kaon_metric *metric = m.item->table;
    m.unasked = !(metric->by_default & c->task);
    if (m.unasked && !(c->request->all && metric->tasks & c->task))
        return KAON_OK;
    const kaon_status made =
        kn_item_use_new(c->kernel, KAON_METRIC, name, &m.use, m.unasked ? NULL : c->diag);
    if (made)
        return m.unasked && made != KAON_NO_MEMORY ? KAON_OK : made;
    m.settings = kn_item_use_part(m.use)->settings;
    const kaon_status status = add_metric(c, m);
    if (status)
        kn_item_use_free(m.use);
    return status;
}

static const char *task_text(int32_t task)
{
    return task == KAON_CLASSIFICATION ? "a classification"
           : task == KAON_REGRESSION   ? "a regression"
                                       : "a clustering";
}

static kaon_status add_asked(choice *c, const kaon_part *part)
{
    chosen_metric m = {.settings = part->settings};
    KAON_TRY(kn_item_find(c->kernel, KAON_METRIC, part->name, &m.item, c->diag));
    if (!(((const kaon_metric *)m.item->table)->tasks & c->task))
        return kaon_fail(c->diag, KAON_INVALID, "metric '%s' has no meaning for %s", part->name,
                         task_text(c->task));
    return add_metric(c, m);
}

static kaon_status choose(choice *c)
{
    KAON_TRY(kn_item_each(c->kernel, KAON_METRIC, keep_name, c, c->diag));
    for (int64_t i = 0; i < c->name_count; i++)
        KAON_TRY(add_default(c, c->names[i]));
    for (int64_t i = 0; i < c->request->metrics.count; i++)
        KAON_TRY(add_asked(c, c->request->metrics.at[i]));
    return KAON_OK;
}

static kaon_status ask_metric(const chosen_metric *m, const kaon_scores *scores,
                              kaon_measures *into, kaon_diag *diag)
{
    const kaon_metric *metric = m->item->table;
    return kaon_context(diag, metric->measure(m->item->host, m->settings, scores, into, diag),
                        "metric '%s'", m->item->name);
}

int32_t kn_metric_direction(kn_kernel *kernel, const char *name)
{
    choice c = {.kernel = kernel};
    const kn_item *item = NULL;
    const char *best = NULL;
    int32_t direction = strstr(name, "loss") || strstr(name, "error") ? KAON_LOWER_IS_BETTER : 0;
    if (!kn_item_each(kernel, KAON_METRIC, keep_name, &c, NULL))
        for (int64_t i = 0; i < c.name_count; i++)
            if (kn_text_starts(name, c.names[i]) && (!best || strlen(c.names[i]) > strlen(best)))
                best = c.names[i];
    if (best && !kn_item_find(kernel, KAON_METRIC, best, &item, NULL))
        direction = ((const kaon_metric *)item->table)->direction;
    choice_fini(&c);
    return direction;
}

/* --- the bootstrap ---------------------------------------------------------------------------- */

// Smallest 32-bit number that draws a count above k: 2^32 times the Poisson distribution of mean 1.
static const uint32_t poisson_steps[] = {1580030169, 3160060338, 3950075422, 4213413784,
                                         4279248374, 4292415292, 4294609778, 4294923277,
                                         4294962464, 4294966818, 4294967253, 4294967293};

int32_t kn_bootstrap_count(uint64_t seed, int64_t replica, int64_t row)
{
    const uint32_t key[] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint64_t block = (uint64_t)row >> 2;
    const uint32_t counter[] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)replica,
                                0x626f6f74}; // "boot": a stream of its own
    uint32_t words[4];
    int32_t count = 0;
    kaon_philox(counter, key, words);
    while (count < (int32_t)(sizeof poisson_steps / sizeof *poisson_steps) &&
           words[row & 3] >= poisson_steps[count])
        count++;
    return count;
}

typedef struct {
    const choice *metrics;
    const kaon_scores *scores;
    const kn_measure_request *request;
    kn_measured *measured;
    atomic_int failed;
} bootstrap;

static void one_replica(void *context, int64_t replica, int32_t lane)
{
    bootstrap *b = context;
    kaon_scores s = *b->scores;
    const size_t cells = (size_t)(s.confusion ? s.classes * s.classes : 0);
    double *room = kn_alloc_array((size_t)s.rows + cells + 1, sizeof *room);
    kn_replica into;
    (void)lane;
    if (!room) {
        atomic_store(&b->failed, 1);
        return;
    }
    for (int64_t i = 0; i < s.rows; i++)
        room[i] = s.weight[i] * kn_bootstrap_count(b->request->seed, replica, i);
    s.weight = room;
    s.confusion = cells ? room + s.rows : NULL;
    kn_scores_weigh(&s, cells ? room + s.rows : NULL, &s.total);
    kn_replica_begin(&into, b->measured, replica);
    for (int64_t i = 0; i < b->metrics->count; i++)
        if (ask_metric(&b->metrics->at[i], &s, &into.measures, NULL))
            atomic_store(&b->failed, 1);
    kn_free(room);
}

static kaon_status find_sigmas(const choice *c, const kaon_scores *scores, kn_measured *measured,
                               kaon_diag *diag)
{
    bootstrap b = {.metrics = c, .scores = scores, .request = c->request, .measured = measured};
    KAON_TRY(kn_measured_make_room(measured, c->request->bootstrap, diag));
    kn_pool_run(c->kernel->pool, measured->replica_count, one_replica, &b);
    if (atomic_load(&b.failed))
        return kn_no_memory(diag, "the bootstrap of the metrics");
    kn_measured_find_sigmas(measured);
    return KAON_OK;
}

/* --- measuring -------------------------------------------------------------------------------- */

static void leave_out(choice *c, int64_t index)
{
    kn_item_use_free(c->at[index].use);
    c->count--;
    memmove(c->at + index, c->at + index + 1, (size_t)(c->count - index) * sizeof *c->at);
}

static kaon_status measure_all(choice *c, const kaon_scores *scores, kn_measured *measured,
                               kaon_diag *diag)
{
    kn_collector into;
    KAON_TRY(kn_measured_begin(measured, scores, diag));
    if (!scores->task)
        return KAON_OK;
    KAON_TRY(choose(c));
    for (int64_t i = 0; i < c->count; i++) {
        const kaon_metric *metric = c->at[i].item->table;
        kn_collector_begin(&into, measured, metric->direction, c->request->curves);
        const kaon_status status =
            ask_metric(&c->at[i], scores, &into.measures, c->at[i].unasked ? NULL : diag);
        if (status && status != KAON_NO_MEMORY && c->at[i].unasked) {
            leave_out(c, i--);
            continue;
        }
        KAON_TRY(status);
        if (into.failed)
            return kn_no_memory(diag, "metrics");
    }
    return c->request->bootstrap > 1 ? find_sigmas(c, scores, measured, diag) : KAON_OK;
}

kaon_status kn_measure(kn_kernel *kernel, const kn_measure_request *request,
                       const kaon_scores *scores, kn_measured **out, kaon_diag *diag)
{
    static const kn_measure_request plain = {0};
    choice c = {.kernel = kernel,
                .request = request ? request : &plain,
                .task = scores->task,
                .diag = diag};
    *out = NULL;
    kn_measured *measured = kn_alloc_zero(sizeof *measured);
    const kaon_status status =
        measured ? measure_all(&c, scores, measured, diag) : kn_no_memory(diag, "metrics");
    choice_fini(&c);
    if (status)
        kn_measured_free(measured);
    else
        *out = measured;
    return status;
}

// Two models were judged by the same rows if these agree: truth and weights, row by row.
static json_t *name_data(const kaon_scores *s)
{
    const uint64_t truth =
        s->target  ? kn_checksum(s->target, (size_t)(s->rows * s->width) * sizeof *s->target)
        : s->truth ? kn_checksum(s->truth, (size_t)s->rows * sizeof *s->truth)
                   : 0;
    const uint64_t weight = kn_checksum(s->weight, (size_t)s->rows * sizeof *s->weight);
    return json_sprintf("%016llx%016llx", (unsigned long long)truth, (unsigned long long)weight);
}

kaon_status kn_metrics_of(kn_kernel *kernel, const kn_measure_request *request,
                          const kaon_table *table, json_t **out, json_t **replicas, kaon_diag *diag)
{
    kn_scores s;
    kn_measured *measured = NULL;
    *out = NULL;
    kaon_status status = kn_scores_init(&s, table, kernel->pool, diag);
    if (!status)
        status = kn_measure(kernel, request, &s.at, &measured, diag);
    if (!status) {
        *out = kn_measured_json(measured);
        if (replicas && measured->replica_count)
            *replicas = json_pack("{s:I, s:o, s:o}", "rows", (json_int_t)s.at.rows, "data",
                                  name_data(&s.at), "replicas", kn_measured_replicas(measured));
        status = *out ? KAON_OK : kn_no_memory(diag, "metrics");
    }
    kn_measured_free(measured);
    kn_scores_fini(&s);
    return kaon_context(diag, status, "metrics");
}
