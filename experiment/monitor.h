/* monitor.h: what learners tell while they work: to the program that runs them and to
 * metrics.jsonl.
 *
 * metrics.jsonl has one line per learner and step: {"learner": "network", "step": 3,
 * "seconds": 1.2, "loss": 0.31, "validation_loss": 0.33}. Lines are written when the step is over,
 * each with one call, so that a killed run leaves whole lines. A run that goes on from a checkpoint
 * cuts off what came after it.
 */
#ifndef KN_MONITOR_H
#define KN_MONITOR_H

#include <kaon/host_api.h>
#include <kaon/learner.h>

#include <stdatomic.h>

#include "experiment/timing.h"

enum { KN_MONITOR_NAMES = 32, KN_MONITOR_NAME = 64 };

struct kn_checkpoints;

typedef struct kn_monitor {
    kaon_monitor monitor;                                  // first: what the learner gets
    void (*event)(void *context, const kaon_event *event); // NULL: none
    void *context;
    const atomic_int *stop;             // not 0: KAON_CANCELLED from `progress`; NULL: never
    double deadline;                    // kn_seconds() from which on it is the same; 0: none
    struct kn_checkpoints *checkpoints; // where they go; NULL: none are kept
    int32_t suspends;                   // who works has called `checkpoint`:
    int32_t stopping;                   // then it stops where one was written
    const char *what;                   // who works: borrowed from kn_monitor_begin
    kn_timing timing;                   // of the stages and learners
    int file;                           // metrics.jsonl, -1: none
    double started;                     // seconds, of a clock that only goes forward
    int64_t fold;                       // of a cross-validation, from 1 on; 0: none
    int64_t step;                       // of the metrics that wait to be written
    int32_t count;                      // of them
    int32_t failed;                     // errno of a write that failed; reported at the end
    char names[KN_MONITOR_NAMES][KN_MONITOR_NAME];
    double values[KN_MONITOR_NAMES];
} kn_monitor;

/* On the caller's storage; writes nothing yet. [any] */
void kn_monitor_init(kn_monitor *m);

/* Opens metrics.jsonl and keeps its first `bytes` bytes, all that was told before a checkpoint.
 * [instance] */
kaon_status kn_monitor_open(kn_monitor *m, const char *path, uint64_t bytes, kaon_diag *diag);

/* Writes what waits and makes it durable; the bytes of the file. [instance] */
kaon_status kn_monitor_sync(kn_monitor *m, uint64_t *bytes, kaon_diag *diag);

/* 1 if somebody asked to stop, or the time is over. [instance] */
int32_t kn_monitor_stopped(const kn_monitor *m);

/* The next learner begins; `what` must live until the next one. [instance] */
void kn_monitor_begin(kn_monitor *m, const char *what);

/* A stage or a note for people. [instance] */
KAON_PRINTF(3, 4) void kn_monitor_say(kn_monitor *m, int32_t kind, const char *format, ...);

/* Writes what waits and closes the file; reports a write that failed. [instance] */
kaon_status kn_monitor_fini(kn_monitor *m, kaon_diag *diag);

/* Seconds on a clock that only goes forward. [any] */
double kn_seconds(void);

#endif
