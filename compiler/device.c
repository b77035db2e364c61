/* device.c: choosing and opening a backend. */
#include "compiler/device.h"

#include "kernel/diag.h"
#include "kernel/items.h"
#include "kernel/memory.h"
#include "kernel/registry.h"
#include "kernel/site.h"
#include "kernel/text.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 64 };

/* --- one device ------------------------------------------------------------------------------- */

// A device in parts: "name", "name:1" or "name: {option: value}".
typedef struct {
    char name[NAME_BYTES];
    char item[KAON_TEXT_MAX]; // with its settings
    int32_t index;
} device_text;

static kaon_status split_name(const char *text, device_text *out, kaon_diag *diag)
{
    const char *colon = strchr(text, ':');
    const size_t length = colon ? (size_t)(colon - text) : strlen(text);
    const char *rest = colon ? colon + 1 : "";
    char *end = NULL;
    const long number = *rest >= '0' && *rest <= '9' ? strtol(rest, &end, 10) : 0;
    rest = end ? end + (*end == ':') : rest;
    const int32_t has_settings = *rest == ' ' && strchr(rest, '{');
    if (length == 0 || length >= NAME_BYTES || strlen(text) >= KAON_TEXT_MAX ||
        number > INT32_MAX || (colon && !has_settings && (!end || *rest)))
        return kaon_fail(
            diag, KAON_INVALID,
            "'%s' is no device; write the backend's name, or its name, a colon and the "
            "device's number, or its name, a colon and {option: value}",
            text);
    snprintf(out->name, sizeof out->name, "%.*s", (int)length, text);
    // In quotes: a backend may be called null, which is nothing in YAML.
    snprintf(out->item, sizeof out->item, "\"%s\"%s%s", out->name, has_settings ? ":" : "",
             has_settings ? rest : "");
    out->index = (int32_t)number;
    return KAON_OK;
}

static void close_resident(kn_resident *self)
{
    kn_device_close((kn_device *)self);
}

static kaon_status open_device(kn_kernel *kernel, const char *text, kn_device **out,
                               kaon_diag *diag)
{
    device_text asked;
    const kn_item *item = NULL;
    kn_item_use *use = NULL; // the settings are needed for the call only
    KAON_TRY(split_name(text, &asked, diag));
    KAON_TRY(kn_item_find(kernel, KAON_BACKEND, asked.name, &item, diag));
    KAON_TRY(kn_item_use_new(kernel, KAON_BACKEND, asked.item, &use, diag));
    kn_device *d = kn_alloc_zero(sizeof *d);
    if (!d) {
        kn_item_use_free(use);
        return kn_no_memory(diag, "a device");
    }
    d->resident.free = close_resident;
    d->kernel = kernel;
    d->backend = item->table;
    d->name = item->name;
    d->index = asked.index;
    d->facts.size = sizeof d->facts;
    kaon_status status =
        d->backend->open(item->host, kn_item_use_part(use)->settings, d->index, &d->handle, diag);
    kn_item_use_free(use);
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
        kn_device_close(d->helper);
        for (size_t i = 0; i < sizeof d->told / sizeof *d->told; i++)
            kn_free(d->told[i]);
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

// Loads each to learn its rank, on this machine; one that cannot be loaded goes to the end.
static void read_ranks(candidates *all)
{
    for (int32_t i = 0; i < all->count; i++) {
        kn_diag fault;
        kn_diag_init(&fault);
        const kn_item *item = NULL;
        const kaon_status status =
            kn_item_find(all->kernel, KAON_BACKEND, all->names[i], &item, &fault.diag);
        const kaon_backend *b = status ? NULL : item->table;
        const int32_t here = b ? b->rank_here() : INT32_MIN;
        all->ranks[i] = b && here == INT32_MIN ? b->rank : here;
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

static void drop_candidate(candidates *all, int32_t which)
{
    all->count--;
    memmove(all->names[which], all->names[all->count], NAME_BYTES);
    all->ranks[which] = all->ranks[all->count];
}

// A device may turn out to be worth less than its backend promised, as one that is only software.
static int32_t is_best(candidates *all, int32_t which, const kn_device *d)
{
    if (d->facts.rank)
        all->ranks[which] = d->facts.rank;
    return best_candidate(all) == which;
}

/* Opens candidates from the best down until one does; with `helped`, one that shares the host's
 * memory and is of another backend. */
static kaon_status open_best(kn_kernel *kernel, const kn_device *helped, kn_device **out,
                             kaon_diag *diag)
{
    candidates all = {.kernel = kernel};
    KAON_TRY(kn_item_each(kernel, KAON_BACKEND, add_candidate, &all, diag));
    read_ranks(&all);
    kn_diag fault;
    kn_diag_init(&fault);
    kaon_fail(&fault.diag, KAON_NOT_FOUND, "no backend is installed");
    while (all.count) {
        const int32_t best = best_candidate(&all);
        kn_device *d = NULL;
        if (helped && strcmp(all.names[best], helped->name) == 0) {
            drop_candidate(&all, best);
            continue;
        }
        kn_diag_init(&fault);
        const kaon_status status = open_device(kernel, all.names[best], &d, &fault.diag);
        const int32_t fits = !status && (!helped || d->shares_host);
        if (fits && is_best(&all, best, d)) {
            *out = d;
            return KAON_OK;
        }
        if (status && !helped)
            kn_log(kernel, KAON_LOG_WARNING, "backend '%s' is passed over: %s", all.names[best],
                   fault.text);
        kn_device_close(d);
        if (!fits)
            drop_candidate(&all, best);
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
    return open_site(kernel, out) ? KAON_OK : open_best(kernel, NULL, out, diag);
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

kn_device *kn_device_helper(kn_device *d)
{
    if (!d->has_helper)
        open_best(d->kernel, d, &d->helper, NULL);
    d->has_helper = 1;
    return d->helper;
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
