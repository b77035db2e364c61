/* network_fit.h: a training at work: shared by network_fit.c and network_suspend.c. */
#ifndef NETWORK_FIT_H
#define NETWORK_FIT_H

#include "network.h"
#include "progress.h"

// What one call of fit works with.
typedef struct {
    network *n;
    const kaon_fit *fit;
    int64_t rows;  // of the training table
    int64_t batch; // rows of a step
    double steps;  // there will be, if nothing ends it early
    kaon_program *train;
    kaon_program *check; // NULL without validation
    kaon_batches *train_batches;
    kaon_batches *check_batches;
    int64_t check_rows; // per batch
    kaon_variables *best;
    // From here on, with the variables, all that a checkpoint keeps.
    stopping stop;
    uint64_t run;    // steps done
    int64_t epoch;   // 1, 2, ...: at work
    int64_t batches; // of this epoch done
    double sum;      // of their losses
    double loss;     // of the epoch before
    double done;     // share of the epoch
} training;

/* For kaon_monitor_api.checkpoint; `context` is a training. */
kaon_status network_suspend(void *context, kaon_archive *into, kaon_diag *diag);

/* Into a training that was opened and has done nothing yet. */
kaon_status network_resume(training *t, kaon_archive *from, kaon_diag *diag);

#endif
