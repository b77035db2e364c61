/* measured.h: where metrics put what they measured: into a result, or, for a replica of the
 * bootstrap, beside the result's numbers and curves.
 */
#ifndef KN_MEASURED_H
#define KN_MEASURED_H

#include "experiment/metrics.h"

typedef struct kn_collector {
    kaon_measures measures; // first: what the metric gets
    kn_measured *into;
    int32_t direction;
    int32_t curves; // 0: they are not kept
    int32_t failed; // memory ran out
} kn_collector;

typedef struct kn_replica {
    kaon_measures measures; // first: what the metric gets
    kn_measured *into;
    int64_t at;   // which replica
    int64_t next; // number expected next: metrics say them in one order
} kn_replica;

/* Task and names of classes; `measured` is {0} before. [any] */
kaon_status kn_measured_begin(kn_measured *measured, const kaon_scores *scores, kaon_diag *diag);

/* For one metric, on the caller's storage. [any] */
void kn_collector_begin(kn_collector *c, kn_measured *into, int32_t direction, int32_t curves);

/* Room for the replicas of all numbers and curves there are. [any] */
kaon_status kn_measured_make_room(kn_measured *measured, int64_t replicas, kaon_diag *diag);

/* Replicas may be written side by side by several threads. [any] */
void kn_replica_begin(kn_replica *r, kn_measured *into, int64_t at);

/* The standard deviations over the replicas. [any] */
void kn_measured_find_sigmas(kn_measured *measured);

#endif
