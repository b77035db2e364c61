/* plugin_scan.h: what lies in the plugin folders: found, read and judged without running any of it.
 */
#ifndef KN_PLUGIN_SCAN_H
#define KN_PLUGIN_SCAN_H

#include "kernel/kernel.h"
#include "kernel/plugin_cache.h"
#include "kernel/plugin_note.h"
#include "kernel/plugin_pins.h"

typedef struct kn_plugin_file {
    char *path;    // absolute; of a folder that is not searched, the folder's
    int32_t state; // KN_PLUGIN_* of registry.h: as found, before items are compared
    char *reason;  // NULL: nothing to say
    kn_file_facts facts;
    char sha256[KN_SHA256_HEX]; // "" if it was not computed
    kn_note note;               // empty where it could not be read
    int32_t verdict;            // KN_VERDICT_*
} kn_plugin_file;

typedef struct kn_scan {
    kn_plugin_file *files; // in search order
    size_t count, capacity;
} kn_scan;

/* Looks at all folders of the search path. What is found unfit is listed with its reason; a failure
 * means that nothing can be said (no memory, a broken lock file or site configuration). */
kaon_status kn_scan_run(const kn_kernel *kernel, kn_cache *cache, kn_scan *out, kaon_diag *diag);
void kn_scan_fini(kn_scan *scan);

/* 1 if the file still is what was looked at. */
int32_t kn_scan_current(const kn_plugin_file *file);

/* Sets state and reason, for good: the reason is copied. */
kaon_status kn_scan_judge(kn_plugin_file *file, int32_t state, const char *reason, kaon_diag *diag);

#endif
