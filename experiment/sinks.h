/* sinks.h: where the numbers of a run go beside metrics.jsonl: the experiment's `sinks`.
 *
 * It stands between the monitor and whoever listens: events go through, numbers also to the sinks.
 */
#ifndef KN_SINKS_H
#define KN_SINKS_H

#include <kaon/host_api.h>

#include "experiment/monitor.h"
#include "kernel/kernel.h"

typedef struct kn_sinks kn_sinks;

/* Opens those of `parts` for a run in `folder` and steps in between the monitor and its listener.
 * *out is NULL where there are none. [any] */
kaon_status kn_sinks_open(kn_kernel *kernel, kaon_parts parts, const char *folder,
                          kn_monitor *monitor, kn_sinks **out, kaon_diag *diag);

/* Steps out again and closes; reports the first number that could not be written. Takes NULL.
 * [instance] */
kaon_status kn_sinks_close(kn_sinks *sinks, kaon_diag *diag);

#endif
