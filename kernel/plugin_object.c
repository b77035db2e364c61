/* plugin_object.c: shared objects through libltdl, with Kaon's own way of opening them. */
#include "kernel/plugin_object.h"

#include "kernel/memory.h"

#include <dlfcn.h>
#include <ltdl.h>
#include <pthread.h>

enum { REASON_BYTES = 512 };

/* What libltdl forces on us: its list of loaders and modules is one per process, so are our lock
 * and the entry we put there. `opening` tells our own calls from those of others in this process
 * who use libltdl: theirs go on to the loaders they expect. */
static struct {
    pthread_mutex_t lock;
    pthread_once_t made;
    int ready;
    int opening;
    char reason[REASON_BYTES];
} loader = {.made = PTHREAD_ONCE_INIT};

static void make_lock(void)
{
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&loader.lock, &kind);
    pthread_mutexattr_destroy(&kind);
}

void kn_loader_lock(void)
{
    pthread_once(&loader.made, make_lock);
    pthread_mutex_lock(&loader.lock);
}

void kn_loader_unlock(void)
{
    pthread_mutex_unlock(&loader.lock);
}

// Stands for an object that could not be opened. A NULL would make libltdl try its other loaders,
// which would run the plugin's code again, bound lazily.
static char not_opened;

static lt_module module_open(lt_user_data data, const char *path, lt_dladvise advise)
{
    (void)data;
    (void)advise;
    if (!loader.opening)
        return NULL;
    loader.opening = 0; // a constructor may use libltdl for itself
    dlerror();
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (object)
        return object;
    const char *reason = dlerror();
    snprintf(loader.reason, sizeof loader.reason, "%s", reason ? reason : "unknown reason");
    return &not_opened;
}

static int module_close(lt_user_data data, lt_module module)
{
    (void)data;
    (void)module; // resident; see plugin_object.h
    return 0;
}

static void *find_symbol(lt_user_data data, lt_module module, const char *name)
{
    (void)data;
    return module == &not_opened ? NULL : dlsym(module, name);
}

static const lt_dlvtable kaon_loader = {
    .name = "kaon",
    .module_open = module_open,
    .module_close = module_close,
    .find_sym = find_symbol,
    .priority = LT_DLLOADER_PREPEND,
};

static kaon_status prepare(kaon_diag *diag)
{
    if (loader.ready)
        return KAON_OK;
    // Never followed by lt_dlexit: it would close what must stay.
    if (lt_dlinit() || lt_dlloader_add(&kaon_loader))
        return kaon_fail(diag, KAON_INTERNAL, "libltdl cannot be used: %s", lt_dlerror());
    loader.ready = 1;
    return KAON_OK;
}

kaon_status kn_object_open(const char *path, kn_object *out, kaon_diag *diag)
{
    *out = NULL;
    KAON_TRY(prepare(diag));
    loader.opening = 1;
    loader.reason[0] = 0;
    lt_dlhandle handle = lt_dlopen(path);
    loader.opening = 0;
    if (!handle)
        return kaon_fail(diag, KAON_IO, "libltdl cannot open it: %s", lt_dlerror());
    if (loader.reason[0]) {
        lt_dlclose(handle);
        return kaon_fail(diag, KAON_INCOMPATIBLE, "the system cannot load it: %s", loader.reason);
    }
    *out = handle;
    return KAON_OK;
}

void *kn_object_symbol(kn_object object, const char *name)
{
    return lt_dlsym(object, name);
}
