/* agent_file.h: a trained agent as one safetensors file. */
#ifndef KN_AGENT_FILE_H
#define KN_AGENT_FILE_H

#include "experiment/experiment_plan.h"

/* The file's texts hold agent and environment with their settings, and the versions of the plugins. */
kaon_status kn_agent_save(const kn_experiment_plan *plan, void *agent, const char *path,
                          kaon_diag *diag);

#endif
