/* trial.h: one run of an experiment in a process of its own: what crashes or runs out of memory
 * takes only itself along. The process is a copy of this one (fork), so nothing is to be found or
 * started.
 *
 * It may be made only while no other thread of the process works with Kaon, and before a backend is
 * opened: devices do not survive a fork.
 */
#ifndef KN_TRIAL_H
#define KN_TRIAL_H

#include <kaon/host_api.h>
#include <sys/types.h>

#include "experiment/run_log.h"
#include "kernel/kernel.h"

enum { KN_TRIAL_WORDS = 2048 };

typedef struct kn_trial {
    pid_t process;              // 0: none
    int pipe;                   // its words come here; it closes when the process ends
    double started;             // kn_seconds()
    size_t length;              //
    char words[KN_TRIAL_WORDS]; // of a failure, ends with a zero byte
} kn_trial;

/* Starts it; request->threads says how many it may have. [instance] */
kaon_status kn_trial_start(kn_trial *t, kn_kernel *kernel, const kaon_run_request *request,
                           kaon_diag *diag);

/* Waits up to `milliseconds` for something to happen to any of `count` trials. [instance] */
void kn_trial_wait(kn_trial *trials, int32_t count, int milliseconds);

/* 1 if it has ended: *status is what the run returned, KAON_INTERNAL if the process was lost.
 * [instance] */
int32_t kn_trial_ended(kn_trial *t, kaon_status *status);

/* Ends it at once. [instance] */
void kn_trial_kill(kn_trial *t);

#endif
