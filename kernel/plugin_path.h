/* plugin_path.h: the folders in which plugins are looked for, in order. */
#ifndef KN_PLUGIN_PATH_H
#define KN_PLUGIN_PATH_H

#include "kernel/kernel.h"

enum { KN_MOST_FOLDERS = 64 };

typedef struct kn_folder {
    char *path;         // real and absolute; as given if it is refused
    const char *origin; // "KAON_PLUGIN_PATH", for messages
    char *reason;       // why it is not searched; NULL: it is
    int32_t absent;     // the reason is that it does not exist
} kn_folder;

typedef struct kn_folders {
    kn_folder at[KN_MOST_FOLDERS];
    int32_t count;
} kn_folders;

/* Those given in the settings, the built-in one (relative to libkaon or to the executable), the
 * site's, KAON_PLUGIN_PATH and ~/.kaon/plugins; each once, never the current folder. Folders that
 * others could write to, or that belong to somebody else, are listed with a reason. */
kaon_status kn_folders_find(const kn_kernel *kernel, kn_folders *out, kaon_diag *diag);
void kn_folders_fini(kn_folders *folders);

#endif
