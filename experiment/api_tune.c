/* api_tune.c: the public host API: many runs of one experiment, runs side by side. */
#include <string.h>

#include "experiment/api.h"
#include "experiment/compare.h"
#include "experiment/tune.h"
#include "kernel/structs.h"

kaon_status kaon_tune(kaon_kernel *kernel, const kaon_tune_request *request, char **json,
                      kaon_error *error)
{
    kn_api call;
    kaon_tune_request own;
    json_t *result = NULL;
    kn_api_begin(&call, error);
    *json = NULL;
    atomic_store(&kernel->stop, 0);
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_tune_request", &call.fault.diag);
    if (!status && !own.config_path)
        status = kaon_fail(&call.fault.diag, KAON_INVALID, "no experiment was named");
    if (!status)
        status =
            kn_tune(kernel->kernel, &own, &kernel->stop, &call.faults, &result, &call.fault.diag);
    if (result) {
        const kaon_status written = kn_api_json(result, json, &call.fault.diag);
        status = status ? status : written;
    }
    return kn_api_end(&call, status);
}

kaon_status kaon_compare(kaon_kernel *kernel, const kaon_compare_request *request, char **json,
                         kaon_error *error)
{
    kn_api call;
    kaon_compare_request own;
    json_t *result = NULL;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_compare_request", &call.fault.diag);
    if (!status && own.path_count < 1)
        status = kaon_fail(&call.fault.diag, KAON_INVALID, "no run was named");
    if (!status)
        status = kn_compare(kernel->kernel, &own, &result, &call.fault.diag);
    if (!status)
        status = kn_api_json(result, json, &call.fault.diag);
    return kn_api_end(&call, status);
}
