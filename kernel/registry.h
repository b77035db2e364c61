/* registry.h: the items of all installed plugins, known by their notes, loaded on first use. */
#ifndef KN_REGISTRY_H
#define KN_REGISTRY_H

#include <kaon/plugin.h>

#include "kernel/kernel.h"

/* An item of a loaded plugin. Lives as long as the process. */
typedef struct kn_item {
    const char *interface_id; // "kaon.layer/1"
    const char *name;         // "calo_cells"
    // A full table of that interface, beginning with kaon_head: calls the plugin left out return
    // KAON_UNSUPPORTED in words or do what the header promises for them. NULL are only those whose
    // absence means something to the caller; interfaces.c lists them.
    const void *table;
    const kaon_plugin *plugin;
    const kaon_host *host; // of that plugin
} kn_item;

/* Finds an item and loads its plugin if this is the first use of it. If there is none of that name
 * the message lists what is installed and suggests the nearest. [any] */
kaon_status kn_item_find(kn_kernel *kernel, const char *interface_id, const char *name,
                         const kn_item **out, kaon_diag *diag);

/* An item known from a plugin's note; the plugin need not be loaded. All is borrowed for the call.
 */
typedef struct kn_item_note {
    const char *interface_id;
    const char *name;
    const char *plugin; // its name
    const char *version;
    const char *license;
    const char *summary; // of the plugin
    const char *path;    // of the plugin's file
} kn_item_note;

typedef kaon_status kn_item_visit(void *context, const kn_item_note *item);

/* Visits the usable items of one interface, or of all (NULL), by interface, then name; loads
 * nothing. Stops at the first status that is not KAON_OK and returns it. [any] */
kaon_status kn_item_each(kn_kernel *kernel, const char *interface_id, kn_item_visit *visit,
                         void *context, kaon_diag *diag);

/* Number of usable items of one interface, or of all (NULL). Loads nothing. [any] */
kaon_status kn_item_count(kn_kernel *kernel, const char *interface_id, int64_t *out,
                          kaon_diag *diag);

/* --- plugins ---------------------------------------------------------------------------------- */

// What became of one file. ORDER plugin_state
enum {
    KN_PLUGIN_USED = 0,       // loaded in this process
    KN_PLUGIN_AVAILABLE = 1,  // sound as far as known; loaded when one of its items is used
    KN_PLUGIN_SKIPPED = 2,    // not one of ours, or hidden by an earlier one
    KN_PLUGIN_REFUSED = 3,    // a rule forbids it: owner, mode, ABI, pin, note
    KN_PLUGIN_QUARANTINED = 4 // it misbehaved when tried
};

/* "used", "available", "skipped", "refused", "quarantined". [any] */
const char *kn_plugin_state_text(int32_t state);

typedef struct kn_plugin_info {
    const char *path;
    const char *name;    // "" where the note could not be read, as the next three
    const char *version; //
    const char *license; //
    const char *summary; //
    const char *sha256;  // 64 hex digits, "" if not computed
    int32_t state;       // KN_PLUGIN_*
    const char *reason;  // why, in a sentence; "" if there is nothing to say
    const kn_item_note *items;
    int64_t item_count;
} kn_plugin_info;

typedef kaon_status kn_plugin_visit(void *context, const kn_plugin_info *plugin);

/* Visits each file of the search path, in search order; also folders that were refused as a whole
 * (their path, no name). Loads nothing. [any] */
kaon_status kn_plugin_report(kn_kernel *kernel, kn_plugin_visit *visit, void *context,
                             kaon_diag *diag);

/* Loads one plugin by its name and so shows whether it is fit for use. [any] */
kaon_status kn_plugin_load(kn_kernel *kernel, const char *name, kaon_diag *diag);

/* Forgets the scan and all quarantines: the next question looks at the files again. [any] */
kaon_status kn_plugin_rescan(kn_kernel *kernel, kaon_diag *diag);

/* --- used by kernel.c ------------------------------------------------------------------------- */

kaon_status kn_registry_new(kn_kernel *kernel, struct kn_registry **out, kaon_diag *diag);
void kn_registry_free(struct kn_registry *registry);

#endif
