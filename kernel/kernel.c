/* kernel.c: the life of a host instance. */
#include "kernel/kernel.h"

#include "kernel/host.h"
#include "kernel/memory.h"
#include "kernel/pool.h"
#include "kernel/registry.h"

static size_t list_length(const char *const *list)
{
    size_t length = 0;
    while (list && list[length])
        length++;
    return length;
}

static void free_settings(kn_kernel_settings *settings)
{
    char **folders = (char **)(uintptr_t)settings->plugin_folders; // copies made below
    for (size_t i = 0; folders && folders[i]; i++)
        kn_free(folders[i]);
    kn_free(folders);
    kn_free((void *)(uintptr_t)settings->cache_folder);
    kn_free((void *)(uintptr_t)settings->lock_file);
    kn_free((void *)(uintptr_t)settings->backend);
}

// Every text of the settings becomes a copy of ours; what was made before a failure is in *to.
static kaon_status copy_settings(const kn_kernel_settings *from, kn_kernel_settings *to)
{
    const size_t count = list_length(from->plugin_folders);
    char **folders = kn_alloc_array(count + 1, sizeof *folders);

    *to = *from;
    to->plugin_folders = (const char *const *)folders;
    to->cache_folder = kn_copy_text(from->cache_folder);
    to->lock_file = kn_copy_text(from->lock_file);
    to->backend = kn_copy_text(from->backend);
    if (!folders || (from->cache_folder && !to->cache_folder) ||
        (from->lock_file && !to->lock_file) || (from->backend && !to->backend))
        return KAON_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        folders[i] = kn_copy_text(from->plugin_folders[i]);
        if (!folders[i])
            return KAON_NO_MEMORY;
    }
    return KAON_OK;
}

static kaon_status build(kn_kernel *kernel, const kn_kernel_settings *settings, kaon_diag *diag)
{
    static const kn_kernel_settings defaults;
    if (copy_settings(settings ? settings : &defaults, &kernel->settings))
        return kn_no_memory(diag, "the settings");
    KAON_TRY(kn_registry_new(kernel, &kernel->registry, diag));
    KAON_TRY(kn_pool_new(kernel->settings.threads, &kernel->pool, diag));
    return kn_host_attach(kernel, diag);
}

kaon_status kn_kernel_new(const kn_kernel_settings *settings, kn_kernel **out, kaon_diag *diag)
{
    *out = NULL;
    kn_kernel *kernel = kn_alloc_zero(sizeof *kernel);
    if (!kernel)
        return kn_no_memory(diag, "a kernel");
    const kaon_status status = build(kernel, settings, diag);
    if (status) {
        kn_kernel_free(kernel);
        return status;
    }
    *out = kernel;
    return KAON_OK;
}

static void free_resident(void *what)
{
    kn_resident *resident = what;
    if (resident)
        resident->free(resident);
}

void kn_kernel_free(kn_kernel *kernel)
{
    if (!kernel)
        return;
    kn_host_detach(kernel);
    free_resident(kernel->profile);
    free_resident(kernel->device);
    kn_pool_free(kernel->pool);
    kn_registry_free(kernel->registry);
    free_settings(&kernel->settings);
    kn_free(kernel);
}

void kn_log(const kn_kernel *kernel, int32_t level, const char *format, ...)
{
    if (!kernel || !kernel->settings.log || level < kernel->settings.log_level)
        return;
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    kernel->settings.log(kernel->settings.log_context, level, text);
}
