/* config.h: YAML text as a tree that knows where each word stood.
 *
 * The YAML Kaon reads is a subset: one document of maps, lists and plain or quoted scalars.
 * Anchors, aliases, tags, keys that are no scalars and duplicate keys are refused, in words. JSON
 * is part of it, so model files use the same code. Scalars have no type here: the option they are
 * for decides.
 *
 *     kn_config_tree *tree = kn_config_tree_new();
 *     const kn_config *root = kn_config_parse(tree, "jets.yaml", text, bytes, faults);
 *
 * Faults are collected, not returned: see faults.h.
 */
#ifndef KN_CONFIG_H
#define KN_CONFIG_H

#include <kaon/base.h>

#include "kernel/arena.h"
#include "kernel/faults.h"
#include "kernel/text.h"

enum {
    KN_CONFIG_DEPTH = 64,      // of maps and lists in each other
    KN_CONFIG_BYTES = 4 << 20, // of one text
    KN_CONFIG_NODES = 1 << 18  // of one text
};

enum {
    KN_CONFIG_NULL = 0, // nothing after the colon, ~ or null
    KN_CONFIG_SCALAR = 1,
    KN_CONFIG_LIST = 2,
    KN_CONFIG_MAP = 3
};

typedef struct kn_config kn_config;
struct kn_config {
    int32_t kind;       // KN_CONFIG_*
    int32_t quoted;     // 1: "12" was in quotes, so it is text
    int32_t is_default; // 1: nobody wrote it; shown as a comment where the tree is written
    int32_t used;       // 1: a schema knows it
    kn_place place;     // of the value
    kn_place key_place; // of the key in a map; line 0 in lists
    const char *key;    // in a map, else NULL
    const char *text;   // of a scalar, ends with a zero byte; "" else
    kn_config *parent;  // NULL: the root
    kn_config *first;   // of a list or map
    kn_config *last;
    kn_config *next; // in the same list or map
    int64_t count;   // of entries
};

/* Owns all nodes, texts and sources made through it. */
typedef struct kn_config_tree kn_config_tree;

kn_config_tree *kn_config_tree_new(void);       // NULL: no memory [any]
void kn_config_tree_free(kn_config_tree *tree); // takes NULL

/* Parses one text, called `name` in messages. Empty text is a null node. NULL: see faults.
 * [instance]
 */
kn_config *kn_config_parse(kn_config_tree *tree, const char *name, const char *text, size_t bytes,
                           kn_faults *faults);

/* The same for a file. [instance] */
kn_config *kn_config_read(kn_config_tree *tree, const char *path, kn_faults *faults);

/* --- looking ---------------------------------------------------------------------------------- */

/* The value of a key; NULL if `map` is NULL, no map or has none. [any] */
kn_config *kn_config_get(const kn_config *map, const char *key);

/* The scalar's text under a key, `otherwise` if there is none. [any] */
const char *kn_config_text(const kn_config *map, const char *key, const char *otherwise);

/* Scalars as numbers: the whole text must be one. 1 if it is. Integers may have underscores, a
 * whole number may be written as 1e5. [any] */
int32_t kn_config_int(const kn_config *node, int64_t *out);
int32_t kn_config_float(const kn_config *node, double *out);
int32_t kn_config_bool(const kn_config *node, int32_t *out); // true, false, yes, no, on, off

/* "the number 12", "the text 'abc'", "a list of 3", "a map", "nothing": for messages, into `room`
 * bytes; returns `out`. [any] */
const char *kn_config_say(const kn_config *node, char *out, size_t room);

/* --- making ----------------------------------------------------------------------------------- */

/* NULL: no memory; adding to or of NULL does nothing, so a row of calls needs one check. */
kn_config *kn_config_map_new(kn_config_tree *tree);
kn_config *kn_config_list_new(kn_config_tree *tree);
kn_config *kn_config_scalar_new(kn_config_tree *tree, const char *text, int32_t quoted);
KAON_PRINTF(3, 4)
kn_config *kn_config_scalar_format(kn_config_tree *tree, int32_t quoted, const char *format, ...);
kn_config *kn_config_number_new(kn_config_tree *tree, double value);

/* Adds under a key, or replaces what is there; returns `value`. */
kn_config *kn_config_put(kn_config_tree *tree, kn_config *map, const char *key, kn_config *value);
kn_config *kn_config_append(kn_config *list, kn_config *value);

/* A copy without parent or key. */
kn_config *kn_config_copy(kn_config_tree *tree, const kn_config *node);

#endif
