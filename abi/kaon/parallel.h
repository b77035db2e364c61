/* parallel.h: the process's one pool of threads, service "kaon.parallel/1". A plugin brings none. */
#ifndef KAON_PARALLEL_H
#define KAON_PARALLEL_H

#include <kaon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_PARALLEL_SERVICE "kaon.parallel/1"

// Work item `index`; `lane` in [0, lanes) names the thread's place and is used by one at a time.
typedef void kaon_task(void *context, int64_t index, int32_t lane);

typedef struct kaon_parallel_api {
    uint32_t size;
    uint32_t reserved;
    // Runs items 0 .. count-1, in any order, and returns when all are done. Called from inside an
    // item it runs the items one after the other, on that thread. Results must not depend on who
    // runs what: split work by index, never by the number of threads. [any]
    void (*run)(const kaon_host *host, int64_t count, kaon_task *task, void *context);
    // Threads that may work at once, the caller included; `lane` is below it. [any]
    int32_t (*lanes)(const kaon_host *host);
} kaon_parallel_api;

#ifdef __cplusplus
}
#endif
#endif
