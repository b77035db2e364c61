/* monitor.c: what learners tell while they work. */
#include "experiment/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "experiment/checkpoint.h"
#include "kernel/decimal.h"
#include "kernel/text.h"

double kn_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void send(kn_monitor *m, kaon_event *event)
{
    event->size = sizeof *event;
    if (!event->what)
        event->what = m->what;
    if (m->event)
        m->event(m->context, event);
}

/* --- metrics.jsonl ---------------------------------------------------------------------------- */

static void write_line(kn_monitor *m, const char *line, size_t bytes)
{
    while (bytes && !m->failed) {
        const ssize_t written = write(m->file, line, bytes);
        if (written < 0 && errno != EINTR)
            m->failed = errno;
        if (written > 0) {
            line += written;
            bytes -= (size_t)written;
        }
    }
}

// JSON has no NaN and no infinity: null.
static void add_value(kn_text *line, double value)
{
    char number[KN_NUMBER_BYTES];
    kn_text_add(line, isfinite(value) ? kn_format_double(value, number) : "null");
}

static void flush(kn_monitor *m)
{
    if (m->count && m->file >= 0 && !m->failed) {
        char number[KN_NUMBER_BYTES];
        kn_text line = {0};
        kn_text_add(&line, "{");
        if (m->fold)
            kn_text_format(&line, "\"fold\": %lld, ", (long long)m->fold);
        kn_text_format(&line, "\"learner\": \"%s\", \"step\": %lld, \"seconds\": %s",
                       m->what ? m->what : "", (long long)m->step,
                       kn_format_digits(kn_seconds() - m->started, 6, number));
        for (int32_t i = 0; i < m->count; i++) {
            kn_text_format(&line, ", \"%s\": ", m->names[i]);
            add_value(&line, m->values[i]);
        }
        kn_text_add(&line, "}\n");
        if (line.failed)
            m->failed = ENOMEM;
        else
            write_line(m, line.at, line.length);
        kn_text_fini(&line);
    }
    m->count = 0;
}

// A name as it stands between quotes in JSON; what does not belong there becomes '_'.
static void keep_name(char out[KN_MONITOR_NAME], const char *name)
{
    snprintf(out, KN_MONITOR_NAME, "%s", name);
    for (char *at = out; *at; at++)
        if (*at == '"' || *at == '\\' || (unsigned char)*at < 0x20)
            *at = '_';
}

static void on_metric(kaon_monitor *self, const char *name, int64_t step, double value)
{
    kn_monitor *m = (kn_monitor *)self;
    char kept[KN_MONITOR_NAME];
    keep_name(kept, name);
    int32_t twice = 0;
    for (int32_t i = 0; i < m->count; i++)
        twice |= !strcmp(m->names[i], kept);
    if (m->count && (step != m->step || m->count == KN_MONITOR_NAMES || twice))
        flush(m);
    m->step = step;
    memcpy(m->names[m->count], kept, sizeof kept);
    m->values[m->count++] = value;
    send(m, &(kaon_event){.kind = KAON_EVENT_METRIC, .unit = kept, .step = step, .value = value});
}

static kaon_status on_progress(kaon_monitor *self, double done, double total, const char *unit)
{
    kn_monitor *m = (kn_monitor *)self;
    if (m->event)
        send(m, &(kaon_event){
                    .kind = KAON_EVENT_PROGRESS, .unit = unit, .done = done, .total = total});
    // Whoever can go on from a checkpoint stops where one was written, not one step later.
    const int32_t stop = m->suspends ? m->stopping : kn_monitor_stopped(m);
    return stop ? KAON_CANCELLED : KAON_OK;
}

static kaon_status on_checkpoint(kaon_monitor *self, int32_t point, kaon_suspend *suspend,
                                 void *context, kaon_diag *diag)
{
    kn_monitor *m = (kn_monitor *)self;
    (void)diag;
    m->suspends = 1;
    m->stopping = kn_monitor_stopped(m);
    if (m->checkpoints)
        kn_checkpoints_offer(m->checkpoints, m, point, suspend, context);
    return KAON_OK;
}

static const kaon_monitor_api api = {
    .size = sizeof api,
    .metric = on_metric,
    .progress = on_progress,
    .checkpoint = on_checkpoint,
};

/* --- its life --------------------------------------------------------------------------------- */

void kn_monitor_init(kn_monitor *m)
{
    *m = (kn_monitor){.monitor.api = &api, .file = -1, .started = kn_seconds()};
}

int32_t kn_monitor_stopped(const kn_monitor *m)
{
    return (m->stop && atomic_load_explicit(m->stop, memory_order_relaxed)) ||
           (m->deadline > 0 && kn_seconds() >= m->deadline);
}

kaon_status kn_monitor_open(kn_monitor *m, const char *path, uint64_t bytes, kaon_diag *diag)
{
    struct stat facts;
    const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (file < 0)
        return kaon_fail(diag, KAON_IO, "cannot write %s: %s", path, strerror(errno));
    kaon_status status = KAON_OK;
    if (fstat(file, &facts) || (uint64_t)facts.st_size < bytes)
        status = kaon_fail(diag, KAON_CORRUPT,
                           "%s has %lld bytes, at the checkpoint it had %llu: it was damaged or "
                           "changed by hand",
                           path, (long long)facts.st_size, (unsigned long long)bytes);
    else if (ftruncate(file, (off_t)bytes))
        status = kaon_fail(diag, KAON_IO, "cannot write %s: %s", path, strerror(errno));
    if (status)
        close(file);
    else
        m->file = file;
    return status;
}

kaon_status kn_monitor_sync(kn_monitor *m, uint64_t *bytes, kaon_diag *diag)
{
    struct stat facts = {0};
    flush(m);
    // Some file systems know no fsync.
    if (!m->failed && m->file >= 0 &&
        ((fsync(m->file) && errno != EINVAL) || fstat(m->file, &facts)))
        m->failed = errno;
    *bytes = (uint64_t)facts.st_size;
    if (m->failed)
        return kaon_fail(diag, KAON_IO, "cannot write metrics.jsonl: %s", strerror(m->failed));
    return KAON_OK;
}

void kn_monitor_begin(kn_monitor *m, const char *what)
{
    flush(m);
    m->what = what;
    m->suspends = 0;
    if (what)
        kn_timing_begin(&m->timing, what);
}

void kn_monitor_say(kn_monitor *m, int32_t kind, const char *format, ...)
{
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (kind == KAON_EVENT_STAGE && !m->what) // else a learner speaks of itself
        kn_timing_begin(&m->timing, text);
    send(m, &(kaon_event){.kind = kind, .text = text});
}

kaon_status kn_monitor_fini(kn_monitor *m, kaon_diag *diag)
{
    flush(m);
    if (m->file >= 0 && close(m->file) && !m->failed)
        m->failed = errno;
    m->file = -1;
    if (m->failed)
        return kaon_fail(diag, KAON_IO, "metrics.jsonl could not be written: %s",
                         strerror(m->failed));
    return KAON_OK;
}
