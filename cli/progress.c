/* progress.c: shows what a run tells. */
#include "progress.h"
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR = 24, LINE = 400 };

static const double between_redraws = 0.1; // seconds
static const double between_lines = 30;
static const double share_between_lines = 0.2;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_init(progress *p, int quiet, void (*head)(const char *json))
{
    const char *term = getenv("TERM");
    *p = (progress){.quiet = quiet, .head = head};
    p->terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

static int terminal_width(void)
{
    struct winsize size;
    const int known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20;
    return known ? size.ws_col : 100;
}

static void add_metrics(const progress *p, char *line)
{
    char number[32];
    for (int i = 0; i < p->metric_count; i++) {
        const size_t used = strlen(line);
        snprintf(line + used, LINE - used, "  %s %s", p->metrics[i],
                 short_number(p->values[i], number));
    }
}

static void add_times(const progress *p, char *line)
{
    char left[32];
    const double seconds = now() - p->began, rate = (p->done - p->first) / seconds;
    const size_t used = strlen(line);
    if (p->done >= p->total || rate <= 0 || seconds < 1)
        return;
    snprintf(line + used, LINE - used, "  %s left", duration((p->total - p->done) / rate, left));
}

// The step at work; of a plain line, the one whose numbers it shows.
static int64_t steps_done(const progress *p)
{
    if (!p->terminal && p->metric_count)
        return p->metric_step;
    return (int64_t)ceil(fmin(p->done, p->total));
}

// "network    epoch 12/30  ==========----------  loss 0.5612  8 s left"
static void draw(progress *p)
{
    char line[LINE], done[32], total[32];
    const double share = p->total > 0 ? p->done / p->total : 0;
    p->stale = 0;
    snprintf(line, LINE, "  %-11.30s %s %s/%s ", p->what, p->unit, long_count(steps_done(p), done),
             long_count((int64_t)p->total, total));
    if (p->terminal) {
        const int full = (int)(share * BAR + 0.5);
        size_t used = strlen(line);
        for (int i = 0; i < BAR && used + 8 < LINE; i++)
            used += (size_t)snprintf(line + used, LINE - used, "%s", i < full ? "━" : "┈");
    }
    add_metrics(p, line);
    add_times(p, line);
    if (!p->terminal) {
        fprintf(stderr, "%s\n", line);
        return;
    }
    // Cut at the width of the terminal, or rewriting would scroll.
    int width = terminal_width() - 1;
    size_t end = 0;
    for (; line[end] && width > 0; end++)
        width -= ((unsigned char)line[end + 1] & 0xC0) != 0x80;
    fprintf(stderr, "\r\033[K%.*s", (int)end, line);
    fflush(stderr);
}

static void begin(progress *p, const kaon_event *e)
{
    progress_end(p);
    snprintf(p->what, sizeof p->what, "%s", e->what ? e->what : "");
    p->began = now();
    p->first = e->done;
    p->printed = p->began;
    p->printed_share = 0;
}

static void on_progress(progress *p, const kaon_event *e)
{
    const double share = e->total > 0 ? e->done / e->total : 0;
    if (strcmp(p->what, e->what ? e->what : ""))
        begin(p, e);
    snprintf(p->unit, sizeof p->unit, "%s", e->unit ? e->unit : "");
    p->done = e->done;
    p->total = e->total;
    p->stale = 1;
    const double since = now() - p->printed;
    const int last = share >= 1 && p->printed_share < 1;
    if (p->terminal ? since < between_redraws && !last
                    : !p->metric_count ||
                          (since < between_lines && share - p->printed_share < share_between_lines))
        return;
    p->printed = now();
    p->printed_share = share;
    p->shown = 1;
    draw(p);
}

// The size of a model stays; what the run itself is at passes, and only a terminal shows it.
static void on_stage(progress *p, const kaon_event *e)
{
    progress_end(p);
    if (e->what && strstr(e->text, "parameters")) {
        fprintf(stderr, "  %-11.30s %s\n", e->what, e->text);
    } else if (!e->what && p->terminal) {
        fprintf(stderr, "\r\033[K  %s ...", e->text);
        fflush(stderr);
        p->passing = 1;
    }
}

static void on_metric(progress *p, const kaon_event *e)
{
    // A learner that was too quick for a single progress event has no line to show numbers in.
    if (e->step != p->metric_step)
        p->metric_count = 0;
    p->metric_step = e->step;
    for (int i = 0; i < p->metric_count; i++)
        if (!strcmp(p->metrics[i], e->unit))
            p->metric_count = i;
    if (p->metric_count == PROGRESS_METRICS)
        return;
    snprintf(p->metrics[p->metric_count], sizeof p->metrics[0], "%s", e->unit ? e->unit : "");
    p->values[p->metric_count++] = e->value;
    p->stale = 1;
}

void progress_end(progress *p)
{
    if (p->passing)
        fputs("\r\033[K", stderr);
    p->passing = 0;
    // What came last matters most: the numbers of the last epoch.
    if (p->stale && p->total > 0)
        draw(p);
    if (p->shown && p->terminal)
        fputc('\n', stderr);
    p->stale = 0;
    p->total = 0;
    p->shown = 0;
    p->metric_count = 0;
    p->metric_step = 0;
}

void progress_event(void *context, const kaon_event *e)
{
    progress *p = context;
    if (p->quiet)
        return;
    switch (e->kind) {
    case KAON_EVENT_HEAD:
        progress_end(p);
        p->head(e->text);
        return;
    case KAON_EVENT_PROGRESS:
        on_progress(p, e);
        return;
    case KAON_EVENT_METRIC:
        on_metric(p, e);
        return;
    case KAON_EVENT_NOTE:
        progress_end(p);
        fprintf(stderr, "%s\n", e->text);
        return;
    case KAON_EVENT_STAGE:
        on_stage(p, e);
        return;
    default:
        return;
    }
}
