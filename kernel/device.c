/* device.c: choosing and opening a backend. */
#include "kernel/device.h"

#include "kernel/diag.h"
#include "kernel/memory.h"
#include "kernel/registry.h"
#include "kernel/settings.h"
#include "kernel/site.h"
#include "kernel/text.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64 };

/* --- one device ------------------------------------------------------------------------------- */

// "name:1" into its parts.
static kaon_status split_name(const char *text, char name[NAME_BYTES], int32_t *index,
                              kaon_diag *diag)
{
    const char *colon = strchr(text, ':');
    const size_t length = colon ? (size_t)(colon - text) : strlen(text);
    char *end = NULL;
    const long number = colon ? strtol(colon + 1, &end, 10) : 0;
    if (length == 0 || length >= NAME_BYTES ||
        (colon && (end == colon + 1 || *end || number < 0 || number > INT32_MAX)))
        return kaon_fail(
            diag, KAON_INVALID,
            "'%s' is no device; write the backend's name, or its name, a colon and the "
            "device's number",
            text);
    memcpy(name, text, length);
    name[length] = '\0';
    *index = (int32_t)number;
    return KAON_OK;
}

// Opens with the default of every option: the struct is needed for the call only.
static kaon_status open_with_defaults(kn_kernel *kernel, const kn_item *item, int32_t index,
                                      void **handle, kaon_diag *diag)
{
    const kaon_backend *backend = item->table;
    kn_config_tree *tree = kn_config_tree_new();
    if (!tree)
        return kn_no_memory(diag, "settings of a backend");
    kn_faults faults = {0};
    kn_settings s;
    kn_settings_init(&s, kernel, tree, &faults);
    const kn_schema schema = {
        .what = item->name, .options = backend->options, .size = backend->settings_size};
    const void *settings = kn_settings_fill(&s, &schema, NULL, NULL);
    kaon_status status = kn_faults_status(&faults, diag);
    if (!status)
        status = backend->open(item->host, settings, index, handle, diag);
    kn_settings_fini(&s);
    kn_faults_fini(&faults);
    kn_config_tree_free(tree);
    return status;
}

static kaon_status open_device(kn_kernel *kernel, const char *text, kn_device **out,
                               kaon_diag *diag)
{
    char name[NAME_BYTES];
    int32_t index = 0;
    const kn_item *item = NULL;
    KAON_TRY(split_name(text, name, &index, diag));
    KAON_TRY(kn_item_find(kernel, KAON_BACKEND, name, &item, diag));
    kn_device *d = kn_alloc_zero(sizeof *d);
    if (!d)
        return kn_no_memory(diag, "a device");
    d->kernel = kernel;
    d->backend = item->table;
    d->name = item->name;
    d->index = index;
    d->facts.size = sizeof d->facts;
    kaon_status status = open_with_defaults(kernel, item, index, &d->handle, diag);
    if (status) {
        kn_free(d);
        return kaon_context(diag, status, "opening device '%s'", text);
    }
    status = d->backend->facts(d->handle, &d->facts, diag);
    if (status) {
        kn_device_close(d);
        return kaon_context(diag, status, "asking device '%s' what it is", text);
    }
    d->shares_host = d->facts.host_memory && d->facts.device_type == KAON_DEVICE_CPU;
    *out = d;
    return KAON_OK;
}

void kn_device_close(kn_device *d)
{
    while (d) {
        kn_device *next = d->next;
        if (d->handle)
            d->backend->close(d->handle);
        kn_free(d);
        d = next;
    }
}

/* --- the choice ------------------------------------------------------------------------------- */

enum { MAX_BACKENDS = 16 };

typedef struct {
    kn_kernel *kernel;
    int32_t count;
    char names[MAX_BACKENDS][NAME_BYTES];
    int32_t ranks[MAX_BACKENDS];
} candidates;

static kaon_status add_candidate(void *context, const kn_item_note *note)
{
    candidates *all = context;
    if (all->count == MAX_BACKENDS || strlen(note->name) >= NAME_BYTES)
        return KAON_OK;
    strcpy(all->names[all->count++], note->name);
    return KAON_OK;
}

// Loads each to learn its rank; one that cannot be loaded goes to the end.
static void read_ranks(candidates *all)
{
    for (int32_t i = 0; i < all->count; i++) {
        kn_diag fault;
        kn_diag_init(&fault);
        const kn_item *item = NULL;
        const kaon_status status =
            kn_item_find(all->kernel, KAON_BACKEND, all->names[i], &item, &fault.diag);
        all->ranks[i] = status ? INT32_MIN : ((const kaon_backend *)item->table)->rank;
    }
}

static int32_t best_candidate(const candidates *all)
{
    int32_t best = 0;
    for (int32_t i = 1; i < all->count; i++)
        if (all->ranks[i] > all->ranks[best])
            best = i;
    return best;
}

static kaon_status open_best(kn_kernel *kernel, kn_device **out, kaon_diag *diag)
{
    candidates all = {.kernel = kernel};
    KAON_TRY(kn_item_each(kernel, KAON_BACKEND, add_candidate, &all, diag));
    if (all.count == 0)
        return kaon_fail(diag, KAON_NOT_FOUND, "no backend is installed");
    read_ranks(&all);
    kaon_status status = KAON_OK;
    kn_diag fault;
    while (all.count) {
        const int32_t best = best_candidate(&all);
        kn_diag_init(&fault);
        status = open_device(kernel, all.names[best], out, &fault.diag);
        if (!status)
            return KAON_OK;
        kn_log(kernel, KAON_LOG_WARNING, "backend '%s' is passed over: %s", all.names[best],
               fault.text);
        all.count--;
        memcpy(all.names[best], all.names[all.count], NAME_BYTES);
        all.ranks[best] = all.ranks[all.count];
    }
    return kaon_context(diag, kn_diag_pass(&fault, diag), "no installed backend opens");
}

// What the site prefers is tried first; if it does not open the run goes on with something else.
static int32_t open_site(kn_kernel *kernel, kn_device **out)
{
    kn_diag fault;
    kn_site site = {0};
    kn_diag_init(&fault);
    kaon_status status =
        kernel->settings.flags & KN_SAFE ? KAON_OK : kn_site_read(&site, &fault.diag);
    const int32_t asked = !status && site.backend;
    if (asked)
        status = open_device(kernel, site.backend, out, &fault.diag);
    if (status)
        kn_log(kernel, KAON_LOG_WARNING, "the site's backend is passed over: %s", fault.text);
    kn_site_fini(&site);
    return asked && !status;
}

static kaon_status open_preferred(kn_kernel *kernel, kn_device **out, kaon_diag *diag)
{
    if (kernel->settings.backend && *kernel->settings.backend)
        return open_device(kernel, kernel->settings.backend, out, diag);
    const char *environment = getenv("KAON_BACKEND");
    if (environment && *environment)
        return kaon_context(diag, open_device(kernel, environment, out, diag), "KAON_BACKEND");
    return open_site(kernel, out) ? KAON_OK : open_best(kernel, out, diag);
}

/* --- the kernel's devices --------------------------------------------------------------------- */

kaon_status kn_device_get(kn_kernel *kernel, kn_device **out, kaon_diag *diag)
{
    kn_device *d = atomic_load(&kernel->device);
    if (!d) {
        kn_device *opened = NULL;
        KAON_TRY(open_preferred(kernel, &opened, diag));
        if (atomic_compare_exchange_strong(&kernel->device, &d, opened))
            d = opened;
        else
            kn_device_close(opened); // another thread was faster
    }
    *out = d;
    return KAON_OK;
}

kaon_status kn_device_select(kn_kernel *kernel, const char *name, kaon_diag *diag)
{
    kn_device *d = NULL;
    KAON_TRY(open_device(kernel, name, &d, diag));
    kn_device *head = atomic_load(&kernel->device);
    do {
        d->next = head;
    } while (!atomic_compare_exchange_weak(&kernel->device, &head, d));
    return KAON_OK;
}

kaon_status kn_device_alloc(kn_device *d, uint64_t bytes, void **out, kaon_diag *diag)
{
    *out = NULL;
    return bytes ? d->backend->alloc(d->handle, bytes, out, diag) : KAON_OK;
}

void kn_device_free(kn_device *d, void *memory)
{
    if (memory)
        d->backend->free(d->handle, memory);
}
