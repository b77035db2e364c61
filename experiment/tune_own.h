/* tune_own.h: a search at work: what the sources of tune.c share. */
#ifndef KN_TUNE_OWN_H
#define KN_TUNE_OWN_H

#include <kaon/search.h>

#include "experiment/experiment_plan.h"
#include "experiment/trial.h"
#include "experiment/tune.h"
#include "experiment/tune_plan.h"
#include "experiment/tune_state.h"

enum { KN_TUNE_PARALLEL = 256 };

// A proposal on its way.
typedef struct kn_tune_step {
    int64_t trial;
    double budget;
    json_t *set;     // edits
    char *folder;    // of its run; NULL: not begun
    int32_t resumed; // it was begun before an interruption
} kn_tune_step;

typedef struct kn_tuning {
    kn_kernel *kernel;
    const kaon_tune_request *request;
    const atomic_int *stop;
    kn_experiment_plan plan;
    const kn_tune_plan *tune;
    const kaon_search *search;
    void *self;
    char *folder;
    kn_tune_state state;
    int32_t direction;
    int32_t parallel;
    int32_t exhausted; // the search has nothing more
    json_t *told;      // of all that ended, in order
    int64_t waiting_count;
    kn_tune_step *waiting; // asked before an interruption, not told yet
    kn_trial trials[KN_TUNE_PARALLEL];
    kn_tune_step steps[KN_TUNE_PARALLEL];
    double started;
} kn_tuning;

/* --- tune_search.c: what is asked and told ---------------------------------------------------- */

kaon_status kn_tune_open_search(kn_tuning *t, kaon_diag *diag);

/* The next proposal; step->set NULL: there is none, now or (t->exhausted) ever. */
kaon_status kn_tune_ask(kn_tuning *t, kn_tune_step *out, kaon_diag *diag);

/* How one ended: a line of tune.jsonl. */
kaon_status kn_tune_tell(kn_tuning *t, const json_t *told, kaon_diag *diag);

/* Asks and tells again what the lines of tune.jsonl hold; steps that were not told wait. */
kaon_status kn_tune_replay(kn_tuning *t, const json_t *lines, kaon_diag *diag);

void kn_tune_step_fini(kn_tune_step *s);

/* --- tune_best.c: the best so far ------------------------------------------------------------- */

/* One of t->told, NULL: none came to a result. */
const json_t *kn_tune_best(const kn_tuning *t);

/* Writes best.yaml. */
kaon_status kn_tune_write_best(const kn_tuning *t, kaon_diag *diag);

#endif
