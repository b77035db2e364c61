/* api_report.c: the public API: the report of a run made anew. */
#include "experiment/api.h"
#include "experiment/experiment.h"
#include "kernel/structs.h"

kaon_status kaon_report(kaon_kernel *kernel, const kaon_report_request *request, char **json,
                        kaon_error *error)
{
    kn_api call;
    kaon_report_request own;
    json_t *made = NULL;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_report_request", &call.fault.diag);
    if (!status)
        status =
            kn_experiment_report_again(kernel->kernel, &own, &call.faults, &made, &call.fault.diag);
    if (!status)
        status = kn_api_json(made, json, &call.fault.diag);
    return kn_api_end(&call, status);
}
