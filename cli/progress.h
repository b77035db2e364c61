/* progress.h: shows what a run tells: one line that is rewritten on a terminal, a plain line now
 * and then where the output goes to a file.
 */
#ifndef KAON_CLI_PROGRESS_H
#define KAON_CLI_PROGRESS_H

#include <kaon/host_api.h>

enum { PROGRESS_METRICS = 4 };

typedef struct progress {
    int quiet;    // show nothing
    int terminal; // the line can be rewritten
    int shown;    // there is a line to be rewritten
    int passing;  // there is a line that goes when something else comes
    char what[64];
    char unit[32];
    double done, total; // of the last event
    int stale;          // something came after the last line
    double began;       // of this learner, seconds
    double first;       // `done` at the first event
    double printed;     // time of the last line
    double printed_share;
    int metric_count;
    int64_t metric_step;
    char metrics[PROGRESS_METRICS][32];
    double values[PROGRESS_METRICS];
    void (*head)(const char *json); // what to do with a head
} progress;

void progress_init(progress *p, int quiet, void (*head)(const char *json));

/* For kaon_run_request.event; the context is the progress. */
void progress_event(void *context, const kaon_event *event);

/* Ends the line, if there is one. */
void progress_end(progress *p);

#endif
