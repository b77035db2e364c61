/* agent_file.c: a trained agent as one safetensors file. */
#include "experiment/agent_file.h"
#include "experiment/config_write.h"

#include <kaon/agent.h>

#include "experiment/archive.h"
#include "kernel/memory.h"
#include "experiment/safetensors.h"

static kaon_status put_tree(kn_safetensors *file, const char *key, const kn_config *node,
                            kaon_diag *diag)
{
    kn_text text = {0};
    if (!node)
        return KAON_OK;
    kn_config_write_json(node, &text);
    const kaon_status status = text.failed
                                   ? kn_no_memory(diag, key)
                                   : kn_safetensors_put_text(file, key, kn_text_get(&text), diag);
    kn_text_fini(&text);
    return status;
}

static kaon_status collect(const kn_experiment_plan *plan, void *self, kn_safetensors *file,
                           kaon_diag *diag)
{
    const kaon_agent *agent = plan->agent->table;
    kn_archive archive;
    KAON_TRY(kn_safetensors_put_text(file, "format", "kaon.agent/1", diag));
    KAON_TRY(kn_safetensors_put_text(file, "kaon.version", KAON_VERSION, diag));
    KAON_TRY(put_tree(file, "kaon.agent", plan->agent_resolved, diag));
    KAON_TRY(put_tree(file, "kaon.environment", plan->environment_resolved, diag));
    KAON_TRY(put_tree(file, "kaon.items", plan->settings.items, diag));
    kn_archive_init(&archive, file, "agent/");
    return agent->save(self, &archive.archive, diag);
}

kaon_status kn_agent_save(const kn_experiment_plan *plan, void *agent, const char *path,
                          kaon_diag *diag)
{
    kn_safetensors *file = kn_safetensors_new();
    if (!file)
        return kn_no_memory(diag, "an agent's file");
    kaon_status status = collect(plan, agent, file, diag);
    if (!status)
        status = kn_safetensors_write(file, path, diag);
    kn_safetensors_free(file);
    return kaon_context(diag, status, "saving %s", plan->agent->name);
}
