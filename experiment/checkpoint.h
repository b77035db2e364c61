/* checkpoint.h: the checkpoints of a run: RUN/checkpoints/000012.safetensors, the newest last.
 *
 * Each is one file, written beside its place, synced and renamed, with a checksum over all of it;
 * an older one goes only when a newer one is durable. It holds, below "state/", what the learner or
 * agent at work put there, what the run adds through `collect`, and as texts:
 *
 *     format           kaon.checkpoint/1
 *     kaon.run         {"seconds": spent so far, "metrics": bytes of metrics.jsonl, "learner": who}
 *
 * Metrics told so far stay in metrics.jsonl, which is made durable first.
 */
#ifndef KN_CHECKPOINT_H
#define KN_CHECKPOINT_H

#include "experiment/monitor.h"
#include "experiment/safetensors.h"
#include "kernel/settings.h"

// The section `checkpoint` of an experiment.
typedef struct kn_checkpoint_settings {
    double minutes; // between two; 0: not by time
    int64_t epochs; // or rounds, or an agent's reports; 0: not by number
    int64_t keep;
} kn_checkpoint_settings;

extern const kn_schema kn_checkpoint_schema;

typedef struct kn_checkpoints {
    const kn_checkpoint_settings *settings;
    const char *folder; // RUN/checkpoints, borrowed
    int64_t last;       // number of the newest, 0: none
    double at;          // kn_seconds() when it was written, or the run began
    int64_t rounds;     // since
    int32_t due;        // 1: the next good point counts, whatever the time
    // What a checkpoint holds beside the learner's own; NULL: nothing.
    kaon_status (*collect)(void *context, kn_safetensors *file, kaon_diag *diag);
    void *context;
    kaon_status failed; // of the newest attempt; the run goes on, `why` says what was wrong
    char why[KAON_TEXT_MAX];
} kn_checkpoints;

// What is known of a checkpoint beside its tensors.
typedef struct kn_checkpoint_facts {
    double seconds;
    uint64_t metrics;
} kn_checkpoint_facts;

/* Writes one if it is due, or the monitor is about to stop. A failure is kept in `failed`, told as
 * a note and tried again when the next is due. [instance] */
void kn_checkpoints_offer(kn_checkpoints *c, kn_monitor *m, int32_t point, kaon_suspend *suspend,
                          void *context);

/* The newest one that is whole; *out NULL, without an error, if there is none. Damaged ones are
 * named in `note` (KAON_TEXT_MAX bytes, "" if there are none). `last` is set. [instance] */
kaon_status kn_checkpoints_newest(kn_checkpoints *c, kn_safetensors **out,
                                  kn_checkpoint_facts *facts, char *note, kaon_diag *diag);

/* Takes all away, the folder too. */
void kn_checkpoints_remove(const char *folder);

/* 1 for the name of what a killed kn_writer leaves. */
int32_t kn_is_leftover(const char *name);

/* Removes what killed writers left in a folder; only where nobody else writes. */
void kn_remove_leftovers(const char *folder);

#endif
