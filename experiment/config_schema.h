/* config_schema.h: the experiment file as JSON Schema, draft 2020-12, for editors.
 *
 * Made of the same rows as the checks. What an editor cannot know (columns, files, what excludes
 * what) only `kaon check` tells.
 */
#ifndef KN_CONFIG_SCHEMA_H
#define KN_CONFIG_SCHEMA_H

#include <jansson.h>

#include "kernel/settings.h"

/* Of `top` with its sections and all installed items, whose plugins are loaded. *out: json_decref.
 * [any] */
kaon_status kn_config_schema_make(kn_kernel *kernel, const kn_schema *top, json_t **out,
                                  kaon_diag *diag);

#endif
