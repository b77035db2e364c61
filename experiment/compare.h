/* compare.h: finished runs side by side: their metrics, which is best and how surely, and the
 * settings in which they differ.
 *
 * How surely: where two runs were judged by the same rows with a bootstrap (bootstrap.json), their
 * replicas belong together one by one, and the spread of the difference is what counts: it is much
 * smaller than the uncertainties of the two suggest, because both err on the same events.
 */
#ifndef KN_COMPARE_H
#define KN_COMPARE_H

#include <jansson.h>
#include <kaon/host_api.h>

#include "kernel/kernel.h"

/* *out: {"runs": [{"folder", "part", "rows", "metrics", "uncertainty"}], "metrics": [{"name",
 * "direction", "best"}], "settings": [{"path", "values"}], "pairs": [{"metric", "run", "best",
 * "difference", "sigma"}]}; runs are named by their number (json_decref). [any] */
kaon_status kn_compare(kn_kernel *kernel, const kaon_compare_request *request, json_t **out,
                       kaon_diag *diag);

#endif
