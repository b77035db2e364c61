/* config_tree.h: shared by config.c and config_parse.c: what a tree owns. */
#ifndef KN_CONFIG_TREE_H
#define KN_CONFIG_TREE_H

#include "kernel/arena.h"
#include "kernel/config.h"

struct kn_config_tree {
    kn_arena arena;
};

/* NULL: no memory. */
kn_config *kn_config_node_new(kn_config_tree *tree, int32_t kind);

/* Puts `value` where `old` stands, in its list or under its key. */
void kn_config_replace(kn_config *old, kn_config *value);

/* Copies name and text. NULL: no memory. */
kn_config_source *kn_config_source_new(kn_config_tree *tree, const char *name, const char *text,
                                       size_t bytes);

/* Parses `text`, whose places are those of `source`. NULL: see faults. */
kn_config *kn_config_parse_source(kn_config_tree *tree, const kn_config_source *source,
                                  const char *text, size_t bytes, kn_faults *faults);

#endif
