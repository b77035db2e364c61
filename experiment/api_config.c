/* api_config.c: the public API: experiment files, rendered and described. */
#include "experiment/api.h"

#include "experiment/config_schema.h"
#include "experiment/config_write.h"
#include "experiment/experiment_plan.h"
#include "kernel/memory.h"
#include "kernel/structs.h"

static kaon_status render(kaon_kernel *kernel, const kaon_run_request *q, kn_faults *faults,
                          char **yaml, kaon_diag *diag)
{
    kn_experiment_plan plan;
    kn_text text = {0};
    if (!q->config_path)
        return kaon_fail(diag, KAON_INVALID, "no experiment was named");
    kaon_status status = kn_experiment_plan_init(&plan, kernel->kernel, q->config_path,
                                                 q->set_count, q->sets, faults, diag);
    if (!status) {
        kn_config_write_origins(plan.resolved, &text);
        *yaml = kn_text_take(&text);
        status = *yaml ? KAON_OK : kn_no_memory(diag, "a configuration");
    }
    kn_experiment_plan_fini(&plan);
    return status;
}

kaon_status kaon_config_render(kaon_kernel *kernel, const kaon_run_request *request, char **yaml,
                               kaon_error *error)
{
    kn_api call;
    kaon_run_request own;
    kn_api_begin(&call, error);
    *yaml = NULL;
    kaon_status status =
        kn_struct_take(&own, sizeof own, request, "kaon_run_request", &call.fault.diag);
    if (!status)
        status = render(kernel, &own, &call.faults, yaml, &call.fault.diag);
    return kn_api_end(&call, status);
}

kaon_status kaon_config_schema(kaon_kernel *kernel, char **json, kaon_error *error)
{
    kn_api call;
    json_t *schema = NULL;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status =
        kn_config_schema_make(kernel->kernel, &kn_experiment_schema, &schema, &call.fault.diag);
    if (!status)
        status = kn_api_json(schema, json, &call.fault.diag);
    return kn_api_end(&call, status);
}
