/* plugin_open.h: plugins in this process: opened once, initialised once, there to stay. */
#ifndef KN_PLUGIN_OPEN_H
#define KN_PLUGIN_OPEN_H

#include "kernel/plugin_note.h"
#include "kernel/registry.h"

typedef struct kn_loaded kn_loaded;
struct kn_loaded {
    kn_loaded *next;
    char *path;
    kaon_plugin plugin; // a full copy of its descriptor
    struct kn_host *host;
    kn_item *items; // those of interfaces this kernel knows
    int64_t item_count;
    void *tables;       // full ones, of all items
    kaon_status status; // not KAON_OK: it was opened and cannot be used
    char *fault;        // then: why
    int32_t harmful;    // then: it is to blame, here and everywhere
};

/* The plugin of this path if it was opened in this process, else NULL. Entries live as long as the
 * process. [any] */
const kn_loaded *kn_plugin_loaded(const char *path);

/* Opens a plugin, checks it against its note, files its items, calls its init; puts back what its
 * code changed in the process and then refuses it. What was opened before is returned as it is.
 * *out is also set on failure if there is an entry that remembers it. [any] */
kaon_status kn_plugin_open(const char *path, const kn_note *note, const kn_loaded **out,
                           kaon_diag *diag);

#endif
