/* sinks.c: where the numbers of a run go beside metrics.jsonl. */
#include "experiment/sinks.h"

#include <kaon/sink.h>
#include <string.h>
#include <time.h>

#include "kernel/diag.h"
#include "kernel/memory.h"
#include "kernel/registry.h"

typedef struct {
    const kaon_sink *table;
    void *self;
} open_sink;

struct kn_sinks {
    kn_monitor *monitor;
    void (*event)(void *context, const kaon_event *event); // whoever listened before
    void *context;
    double flushed; // kn_seconds()
    kaon_status status;
    kn_diag fault; // of the first number that could not be written
    int64_t count;
    open_sink *at;
};

static double wall_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void flush(kn_sinks *s)
{
    for (int64_t i = 0; i < s->count && !s->status; i++)
        s->status = s->at[i].table->flush(s->at[i].self, &s->fault.diag);
    s->flushed = kn_seconds();
}

// After a failure nothing more is given: the run goes on and reports it at its end.
static void on_event(void *context, const kaon_event *event)
{
    kn_sinks *s = context;
    char name[2 * KN_MONITOR_NAME];
    if (event->kind == KAON_EVENT_METRIC) {
        snprintf(name, sizeof name, "%.60s/%.60s", event->what ? event->what : "run", event->unit);
        for (int64_t i = 0; i < s->count && !s->status; i++)
            s->status = s->at[i].table->number(s->at[i].self, name, event->step, wall_time(),
                                               event->value, &s->fault.diag);
        if (kn_seconds() - s->flushed > 1)
            flush(s);
    }
    if (s->event)
        s->event(s->context, event);
}

static kaon_status open_all(kn_sinks *s, kn_kernel *kernel, kaon_parts parts, const char *folder,
                            kaon_diag *diag)
{
    for (int64_t i = 0; i < parts.count; i++) {
        const kn_item *item = NULL;
        KAON_TRY(kn_item_find(kernel, KAON_SINK, parts.at[i]->name, &item, diag));
        open_sink *at = &s->at[s->count];
        at->table = item->table;
        KAON_TRY(kaon_context(diag,
                              at->table->open(item->host, parts.at[i]->settings, folder,
                                              wall_time(), &at->self, diag),
                              "sink '%s'", item->name));
        s->count++;
    }
    return KAON_OK;
}

kaon_status kn_sinks_open(kn_kernel *kernel, kaon_parts parts, const char *folder,
                          kn_monitor *monitor, kn_sinks **out, kaon_diag *diag)
{
    *out = NULL;
    if (!parts.count)
        return KAON_OK;
    kn_sinks *s = kn_alloc_zero(sizeof *s);
    if (!s)
        return kn_no_memory(diag, "sinks");
    kn_diag_init(&s->fault);
    s->at = kn_alloc_array((size_t)parts.count, sizeof *s->at);
    s->monitor = monitor;
    s->event = monitor->event;
    s->context = monitor->context;
    s->flushed = kn_seconds();
    const kaon_status status =
        s->at ? open_all(s, kernel, parts, folder, diag) : kn_no_memory(diag, "sinks");
    if (status) {
        kn_sinks_close(s, NULL);
        return status;
    }
    monitor->event = on_event;
    monitor->context = s;
    *out = s;
    return KAON_OK;
}

kaon_status kn_sinks_close(kn_sinks *s, kaon_diag *diag)
{
    if (!s)
        return KAON_OK;
    flush(s);
    for (int64_t i = 0; i < s->count; i++)
        s->at[i].table->close(s->at[i].self);
    s->monitor->event = s->event;
    s->monitor->context = s->context;
    const kaon_status status = s->status ? kn_diag_pass(&s->fault, diag) : KAON_OK;
    kn_free(s->at);
    kn_free(s);
    return kaon_context(diag, status, "sinks");
}
