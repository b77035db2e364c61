/* kernel.h: the host instance: what everything in the kernel hangs from, and its life.
 *
 * A process normally has one kernel. Plugins are resident: once loaded they stay for the life of
 * the process, shared by all kernels of it; each speaks through its kaon_host to the oldest living
 * kernel (host.h).
 */
#ifndef KN_KERNEL_H
#define KN_KERNEL_H

#include <kaon/base.h>

enum {
    KN_SAFE = 1,      // plugins of the built-in folder only: no site, environment or home folders
    KN_NO_CACHE = 2,  // neither read nor write the registry cache
    KN_NO_PROBE = 4,  // load unknown plugins without a trial in a child process
    KN_ONLY_GIVEN = 8 // search plugin_folders alone
};

typedef struct kn_kernel_settings {
    const char *const *plugin_folders; // searched first; ends with NULL; NULL: none
    const char *cache_folder;          // NULL: ${XDG_CACHE_HOME:-~/.cache}/kaon
    const char *lock_file;             // pins of plugins: lines "name sha256"; NULL: none
    int32_t threads;                   // 0: one per core
    uint32_t flags;                    // KN_*
    int32_t log_level;                 // KAON_LOG_*: what lies below is dropped
    void (*log)(void *context, int32_t level, const char *text); // NULL: nothing is logged [any]
    void *log_context;
    const char *backend; // name; NULL: KAON_BACKEND, else the site's, else the best that opens
} kn_kernel_settings;

/* What a layer above leaves with the kernel begins with this: the kernel frees it without knowing
 * what it is. */
typedef struct kn_resident {
    void (*free)(struct kn_resident *self);
} kn_resident;

typedef struct kn_kernel kn_kernel;
struct kn_kernel {
    kn_kernel_settings settings;                      // texts are copies
    struct kn_registry *registry;                     // registry.h
    struct kn_pool *pool;                             // pool.h
    void (*explain)(void *context, const char *text); // each program compiled, NULL: off
    void *explain_context;
    struct kn_profile *profile;     // a kn_resident, compiler/profile.h; NULL: off
    const struct kn_advice *advice; // settings.h; NULL: none
    // A kn_resident, compiler/device.h; opened by the first program, closed with the kernel.
    struct kn_device *_Atomic device;
};

/* settings NULL: all defaults. No plugin is loaded; folders are scanned when an item is first asked
 * for. Settings are copied. [any] */
kaon_status kn_kernel_new(const kn_kernel_settings *settings, kn_kernel **out, kaon_diag *diag);

/* All graphs, programs and models of the kernel must be gone. Plugins stay in the process. Takes
 * NULL. */
void kn_kernel_free(kn_kernel *kernel);

/* One line to the kernel's log; NULL kernel: nowhere. [any] */
KAON_PRINTF(3, 4) void kn_log(const kn_kernel *kernel, int32_t level, const char *format, ...);

#endif
