/* pool.h: the one pool of threads.
 *
 * Threads are made at the first job that needs them, spin a little between jobs and then sleep. The
 * caller of a job works too, on lane 0. A job started inside an item of another runs inline, so
 * that nesting cannot deadlock and cannot use more threads than there are lanes.
 *
 * Items run with numbers below the normal range taken as zero, on every thread (float_mode.h).
 *
 * A child made by fork has no workers: between jobs it may go on using the pool and does all items
 * itself, but it must leave by _exit without freeing the pool.
 */
#ifndef KN_POOL_H
#define KN_POOL_H

#include <kaon/parallel.h>

#include "kernel/kernel.h"

enum { KN_MAX_LANES = 256 };

typedef struct kn_pool kn_pool;

/* threads 0: one per core this process may use. */
kaon_status kn_pool_new(int32_t threads, kn_pool **out, kaon_diag *diag);

/* No job may be running. Takes NULL. */
void kn_pool_free(kn_pool *pool);

/* As kaon_parallel_api.run. A NULL pool runs the items one after the other. [any] */
void kn_pool_run(kn_pool *pool, int64_t count, kaon_task *task, void *context);

/* The largest number of threads working at once; 1 for NULL. [any] */
int32_t kn_pool_lanes(const kn_pool *pool);

// Service "kaon.parallel/1".
extern const kaon_parallel_api kn_parallel_api;

#endif
