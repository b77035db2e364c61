/* config_edit.h: one edit of a configuration, as `--set` makes them. */
#ifndef KN_CONFIG_EDIT_H
#define KN_CONFIG_EDIT_H

#include "kernel/config.h"

/* One edit, "model.1.network.epochs=5": walks maps by key and lists by number (or, in a list of
 * items, by name) and replaces or adds the value, which is YAML flow text. [instance] */
kaon_status kn_config_set(kn_config_tree *tree, kn_config **root, const char *edit,
                          kn_faults *faults);

#endif
