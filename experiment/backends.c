/* backends.c: every installed backend, opened to see whether it can be used. */
#include "experiment/backends.h"

#include "compiler/device.h"
#include "kernel/diag.h"
#include "kernel/registry.h"
#include "kernel/text.h"

enum { MOST_BACKENDS = 32 };

typedef struct {
    char names[MOST_BACKENDS][64];
    char plugins[MOST_BACKENDS][64];
    int32_t count;
} backends;

static kaon_status add_backend(void *context, const kn_item_note *note)
{
    backends *all = context;
    if (all->count == MOST_BACKENDS)
        return KAON_OK;
    snprintf(all->names[all->count], sizeof all->names[0], "%s", note->name);
    snprintf(all->plugins[all->count++], sizeof all->plugins[0], "%s", note->plugin);
    return KAON_OK;
}

// Opens it, as a program would; devices stay with the kernel.
static json_t *try_backend(kn_kernel *kernel, const char *name, const char *plugin,
                           const char *chosen)
{
    kn_diag fault;
    kn_device *device = NULL;
    kn_diag_init(&fault);
    kaon_status status = kn_device_select(kernel, name, &fault.diag);
    if (!status)
        status = kn_device_get(kernel, &device, &fault.diag);
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:s, s:I, s:s}", "name", name, "plugin", plugin, "usable", !status,
        "chosen", kn_text_same(name, chosen), "device", status ? "" : device->facts.name, "memory",
        (json_int_t)(status ? 0 : device->facts.memory_bytes), "why", status ? fault.text : "");
}

kaon_status kn_backends_json(kn_kernel *kernel, json_t *out, kaon_diag *diag)
{
    backends all = {.count = 0};
    kn_device *best = NULL;
    char chosen[64] = "";
    // What would be taken if nobody asked for one; that none opens shows below.
    if (!kn_device_get(kernel, &best, NULL))
        snprintf(chosen, sizeof chosen, "%s", best->name);
    KAON_TRY(kn_item_each(kernel, KAON_BACKEND, add_backend, &all, diag));
    for (int32_t i = 0; i < all.count; i++)
        json_array_append_new(out, try_backend(kernel, all.names[i], all.plugins[i], chosen));
    if (*chosen)
        KAON_TRY(kn_device_select(kernel, chosen, diag));
    return KAON_OK;
}
