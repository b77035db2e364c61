/* plugin_open.c: bring one plugin into the process, once.
 *
 * Plugins are never closed (plugin_object.h), so one that turns out to be unfit after it was opened
 * is remembered with its fault and not opened again.
 */
#include "kernel/plugin_open.h"

#include "kernel/diag.h"
#include "kernel/host.h"
#include "kernel/interfaces.h"
#include "kernel/memory.h"
#include "kernel/plugin_check.h"
#include "kernel/plugin_effects.h"
#include "kernel/plugin_object.h"

#include <string.h>

// All that was opened, newest first. Process-wide, as what the system's loader keeps is; under the
// loader's lock.
static kn_loaded *opened;

static kn_loaded *find(const char *path)
{
    for (kn_loaded *entry = opened; entry; entry = entry->next)
        if (strcmp(entry->path, path) == 0)
            return entry;
    return NULL;
}

const kn_loaded *kn_plugin_loaded(const char *path)
{
    kn_loader_lock();
    const kn_loaded *entry = find(path);
    kn_loader_unlock();
    return entry;
}

static void free_entry(kn_loaded *entry)
{
    kn_host_free(entry->host);
    kn_free(entry->items);
    kn_free(entry->tables);
    kn_free(entry->path);
    kn_free(entry);
}

// Everything that may run out of memory is done before any of the plugin's code runs.
static kn_loaded *make_entry(const char *path, const kn_note *note)
{
    size_t bytes = 0;
    for (int64_t i = 0; i < note->item_count; i++) {
        const kn_interface *known = kn_interface_find(note->items[i].interface_id);
        bytes += known ? known->size : 0; // sizes of tables keep the alignment of the next
    }
    kn_loaded *entry = kn_alloc_zero(sizeof *entry);
    if (!entry)
        return NULL;
    entry->path = kn_copy_text(path);
    entry->host = kn_host_new(note->name);
    entry->tables = kn_alloc_zero(bytes);
    entry->items = kn_alloc_array((size_t)note->item_count, sizeof *entry->items);
    if (entry->path && entry->host && entry->tables && entry->items)
        return entry;
    free_entry(entry);
    return NULL;
}

static kaon_status file_items(kn_loaded *entry, kaon_diag *diag)
{
    char *at = entry->tables;
    for (const kaon_item *item = entry->plugin.items; item->interface_id; item++) {
        const kn_interface *known = kn_interface_find(item->interface_id);
        if (!known)
            continue;
        KAON_TRY(kn_interface_fill(known, item->table, at, diag));
        KAON_TRY(kn_options_fill(&((kaon_head *)(void *)at)->options, diag));
        entry->items[entry->item_count++] = (kn_item){
            .interface_id = known->id,
            .name = item->name,
            .table = at,
            .plugin = &entry->plugin,
            .host = kn_host_table(entry->host),
        };
        at += known->size;
    }
    return KAON_OK;
}

// ISO C has no cast from an object to a function pointer; POSIX promises that both fit.
typedef union {
    void *object;
    kaon_plugin_entry_fn *function;
} entry_point;

static kaon_status describe(kn_loaded *entry, kn_object object, const kn_note *note,
                            kaon_diag *diag)
{
    const entry_point start = {kn_object_symbol(object, KAON_ENTRY_NAME)};
    if (!start.object)
        return kaon_fail(diag, KAON_INVALID, "it exports no " KAON_ENTRY_NAME);
    KAON_TRY(kn_plugin_check(start.function(), note, &entry->plugin, diag));
    return file_items(entry, diag);
}

// The init's own words, or ours where it failed without any.
static kaon_status initialise(kn_loaded *entry, kaon_diag *diag)
{
    kn_diag fault;
    kn_diag_init(&fault);
    if (!entry->plugin.init)
        return KAON_OK;
    const kaon_status status = entry->plugin.init(kn_host_table(entry->host), &fault.diag);
    if (!status)
        return KAON_OK;
    return kaon_fail(diag, status, "its init failed: %s",
                     fault.text[0] ? fault.text : "it does not say why");
}

static kaon_status start(kn_loaded *entry, kn_object object, const kn_note *note,
                         kn_effects *before, kaon_diag *diag)
{
    entry->harmful = 1;
    KAON_TRY(kn_effects_restore(before, diag));
    KAON_TRY(describe(entry, object, note, diag));
    const kaon_status status = initialise(entry, diag);
    KAON_TRY(kn_effects_restore(before, diag));
    entry->harmful = 0; // an init may fail for reasons of this machine
    return status;
}

static kaon_status open_entry(kn_loaded *entry, const kn_note *note, int32_t *resident,
                              kaon_diag *diag)
{
    kn_effects *before = NULL;
    kn_object object = NULL;
    kn_diag fault;
    kn_diag_init(&fault);
    KAON_TRY(kn_effects_new(&before, diag));
    kaon_status status = kn_object_open(entry->path, &object, &fault.diag);
    *resident = status == KAON_OK;
    if (!status)
        status = start(entry, object, note, before, &fault.diag);
    else
        kn_effects_restore(before, NULL); // a library it needs may have been opened
    kn_effects_free(before);
    entry->status = status;
    if (status && *resident)
        entry->fault = kn_copy_text(fault.text);
    kn_diag_pass(&fault, diag);
    return status;
}

static kaon_status open_new(const char *path, const kn_note *note, const kn_loaded **out,
                            kaon_diag *diag)
{
    int32_t resident = 0;
    kn_loaded *entry = make_entry(path, note);
    if (!entry)
        return kn_no_memory(diag, "a plugin");
    const kaon_status status = open_entry(entry, note, &resident, diag);
    if (!resident) {
        free_entry(entry);
        return status;
    }
    entry->next = opened;
    opened = entry;
    *out = entry;
    return status;
}

kaon_status kn_plugin_open(const char *path, const kn_note *note, const kn_loaded **out,
                           kaon_diag *diag)
{
    *out = NULL;
    kn_loader_lock();
    const kn_loaded *entry = find(path);
    kaon_status status;
    if (!entry) {
        status = open_new(path, note, out, diag);
    } else {
        *out = entry;
        status = entry->status;
        if (status)
            status = kaon_fail(diag, status, "%s", entry->fault ? entry->fault : "it is unfit");
    }
    kn_loader_unlock();
    return status;
}
