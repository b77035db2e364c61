/* config_load.h: the file of an experiment with what it includes, and its variables put in.
 *
 *     include: [common.yaml]            # relative to this file; this file's keys go before
 *     vars: {units: 64, tag: may}
 *     name: jets_${tag}                 # text around it: the value as text
 *     ...
 *           - calo: {cells: "${units}"}   # alone: the value as it is, a number here
 *
 * Sections (data, data.split, vars ...) are merged key by key, anything else is replaced as a
 * whole.
 * "$${" stands for "${".
 */
#ifndef KN_CONFIG_LOAD_H
#define KN_CONFIG_LOAD_H

#include "kernel/config.h"
#include "kernel/settings.h"

/* The file and those it includes, as one tree whose places name the file each word stands in; the
 * key `include` is gone. `schema` says which keys are sections. NULL: see faults. [instance] */
kn_config *kn_config_load(kn_config_tree *tree, const char *path, const kn_schema *schema,
                          kn_faults *faults);

/* Puts the values of `vars` wherever they are named, and takes the key away. [instance] */
void kn_config_put_vars(kn_config_tree *tree, kn_config *root, kn_faults *faults);

/* A variable that is not there leaves its name behind, which fits nowhere: takes away all later
 * faults at the places of such, and those that cite one. */
void kn_config_drop_echoes(kn_faults *faults);

/* Takes a key out of a map; NULL if it is not there. */
kn_config *kn_config_take(kn_config *map, const char *key);

/* The nearest name in a folder to the last part of `path`, with the folder, into `out` of `room`
 * bytes; NULL: none is near. [any] */
const char *kn_nearest_file(const char *path, char *out, size_t room);

#endif
