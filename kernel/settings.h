/* settings.h: configuration checked against the rows of an item's options and put into its struct.
 *
 *     kn_settings s;
 *     kn_settings_init(&s, kernel, tree, &faults);
 *     const config *c = kn_settings_fill(&s, &schema, node, &resolved);
 *
 * A fault never stops the pass: the default takes the value's place and all faults are found in one
 * go; ask kn_faults_status at the end, before the settings are used. `resolved` is a copy of the
 * configuration with all defaults written out.
 */
#ifndef KN_SETTINGS_H
#define KN_SETTINGS_H

#include <kaon/option.h>
#include <kaon/plugin.h>
#include <string.h>

#include "kernel/config.h"
#include "kernel/interfaces.h"
#include "kernel/kernel.h"
#include "kernel/registry.h"

// Beyond the kinds of option.h, for the kernel's own rows: the field is a `const kn_config *`, NULL
// if the key is absent; what lies below it is checked by whoever asked for it.
enum { KN_OPTION_TREE = 100 };

// clang-format off
#define KN_TREE(type, field, ...) \
    { KAON_ROW(type, field, const kn_config *, KN_OPTION_TREE), __VA_ARGS__ }
// clang-format on

struct kn_settings;
struct kn_settings_frame;

/* Words for the fault that was just added, from above this layer. */
typedef struct kn_advice {
    void (*unknown)(struct kn_settings *s, const struct kn_settings_frame *frame, const char *key);
    void (*item)(struct kn_settings *s, const char *interface_id, const char *name);
    // The option an unknown key surely stands for; NULL: none.
    const char *(*meant)(const kaon_option *options, const char *key);
} kn_advice;

typedef struct kn_settings {
    kn_kernel *kernel;
    const kn_advice *advice; // the kernel's; NULL: none
    kn_arena arena;          // the structs, their lists and texts
    kn_config_tree *tree;    // resolved nodes and parsed defaults are made in it
    kn_faults *faults;
    kn_config *items;                // {name, plugin, version} of each item made; NULL: none yet
    struct kn_settings_frame *frame; // where the pass is: for suggestions across levels
    int32_t depth;
    const struct kn_schema
        *top; // of the whole file, and what stands in it, for suggestions; or NULL
    const kn_config *root;
} kn_settings;

// What lies below a row of kind KN_OPTION_TREE. A row whose tree are items names their interface.
typedef struct kn_section {
    const char *key;
    const struct kn_schema *schema;
} kn_section;

typedef struct kn_schema {
    const char *what;           // "network", for messages; "" at the top of a file
    const kaon_option *options; // ends with {0}; NULL: none
    size_t size;                // of the struct
    const char *more;           // "learner:network": what `kaon inspect` knows of it, or NULL
    kn_place place;             // where it is named, for what is missing in settings nobody wrote
    const kn_section *sections; // ends with {0}; NULL: none
} kn_schema;

/* The tree and the faults are borrowed. [any] */
void kn_settings_init(kn_settings *s, kn_kernel *kernel, kn_config_tree *tree, kn_faults *faults);

/* Frees all structs filled through it. */
void kn_settings_fini(kn_settings *s);

/* A new struct; NULL only without memory (then faults->failed is set). `node` NULL: all defaults.
 * `resolved` may be NULL. [instance] */
void *kn_settings_fill(kn_settings *s, const kn_schema *schema, const kn_config *node,
                       kn_config **resolved);

/* An item chosen and configured: "calo", {calo: {...}}, {calo: {...}, as: name}. NULL: see faults.
 * [instance] */
const kaon_part *kn_settings_part(kn_settings *s, const char *interface_id, const kn_config *node,
                                  kn_config **resolved);

/* A list of them; a single one counts as a list of one. [instance] */
kaon_parts kn_settings_parts(kn_settings *s, const char *interface_id, const kn_config *node,
                             kn_config **resolved);

/* What an option may be, for people: "a whole number, 1 to 4096". [any] */
void kn_option_say(const kaon_option *option, kn_text *out);

/* Limits of a number: which of them hold, and which end is open. [any] */
typedef struct kn_limits {
    double min;
    double max;
    int32_t has_min;
    int32_t has_max;
    int32_t open_min;
    int32_t open_max;
} kn_limits;

kn_limits kn_option_limits(const kaon_option *option);

/* The schema of the section under a key; NULL: it is none. [any] */
static inline const kn_schema *kn_section_find(const kn_section *sections, const char *key)
{
    for (const kn_section *at = sections; at && at->key; at++)
        if (!strcmp(at->key, key))
            return at->schema;
    return NULL;
}

/* The next row. */
static inline const kaon_option *kn_option_next(const kaon_option *option)
{
    return (const kaon_option *)(const void *)((const char *)option + option->size);
}

#endif
