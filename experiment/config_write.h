/* config_write.h: a configuration as text. */
#ifndef KN_CONFIG_WRITE_H
#define KN_CONFIG_WRITE_H

#include "kernel/config.h"

/* Block YAML; what nobody wrote is marked "# default". */
void kn_config_write_yaml(const kn_config *node, kn_text *out);

/* The same, where each value has a comment that says where it came from: "# jets.yaml:14", "# --set
 * seed=3". */
void kn_config_write_origins(const kn_config *node, kn_text *out);

/* JSON on one line: scalars that look like numbers, true, false stay bare unless they were quoted.
 */
void kn_config_write_json(const kn_config *node, kn_text *out);

#endif
