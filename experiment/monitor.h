/* monitor.h: what learners tell while they work: to the program that runs them and to metrics.jsonl.
 *
 * metrics.jsonl has one line per learner and step: {"learner": "network", "step": 3, "seconds": 1.2,
 * "loss": 0.31, "validation_loss": 0.33}. Lines are written when the step is over, each with one
 * call, so that a killed run leaves whole lines.
 */
#ifndef KN_MONITOR_H
#define KN_MONITOR_H

#include <kaon/host_api.h>
#include <kaon/learner.h>

#include <stdatomic.h>

enum { KN_MONITOR_NAMES = 32, KN_MONITOR_NAME = 64 };

typedef struct kn_monitor {
    kaon_monitor monitor; // first: what the learner gets
    void (*event)(void *context, const kaon_event *event); // NULL: none
    void *context;
    const atomic_int *stop; // not 0: KAON_CANCELLED from `progress`; NULL: never
    const char *what;       // who works: borrowed from kn_monitor_begin
    int file;               // metrics.jsonl, -1: none
    double started;         // seconds, of a clock that only goes forward
    int64_t step;           // of the metrics that wait to be written
    int32_t count;          // of them
    int32_t failed;         // errno of a write that failed; reported at the end
    char names[KN_MONITOR_NAMES][KN_MONITOR_NAME];
    double values[KN_MONITOR_NAMES];
} kn_monitor;

/* `path` NULL: nothing is written. On the caller's storage. [any] */
kaon_status kn_monitor_init(kn_monitor *m, const char *path, kaon_diag *diag);

/* The next learner begins; `what` must live until the next one. [instance] */
void kn_monitor_begin(kn_monitor *m, const char *what);

/* A stage or a note for people. [instance] */
KAON_PRINTF(3, 4) void kn_monitor_say(kn_monitor *m, int32_t kind, const char *format, ...);

/* Writes what waits and closes the file; reports a write that failed. [instance] */
kaon_status kn_monitor_fini(kn_monitor *m, kaon_diag *diag);

/* Seconds on a clock that only goes forward. [any] */
double kn_seconds(void);

#endif
