/* registry.c: the items of all installed plugins, known by their notes, loaded on first use.
 *
 * The scan lists files in search order; `compare` then files the items of those that are fit, the
 * first of each kind and name. That is done again whenever a file's fate changes, so that a plugin
 * hidden by one that proves harmful takes its place.
 *
 * One lock serves the registry and the loader: an init may ask for items, and whoever asks for
 * items may load, so two locks would be taken in both orders.
 */
#include "kernel/registry.h"

#include "kernel/diag.h"
#include "kernel/interfaces.h"
#include "kernel/memory.h"
#include "kernel/plugin_object.h"
#include "kernel/plugin_open.h"
#include "kernel/plugin_probe.h"
#include "kernel/plugin_scan.h"
#include "kernel/text.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_NAMES_IN_MESSAGE = 40, ATTEMPTS = 2 };

// An item, by its place in the scan.
typedef struct {
    const char *interface_id, *name; // borrowed from the file's note
    size_t file;
} entry;

// What became of a file; the scan's own judgement is never changed, so that comparing can be
// redone.
typedef struct {
    int32_t state;
    char *reason; // NULL: the scan's
} fate;

struct kn_registry {
    kn_kernel *kernel;
    kn_cache *cache;
    kn_scan scan;
    fate *fates;    // one per file
    entry *entries; // of usable items, by interface, then name
    size_t count;
    int32_t scanned;
};

typedef struct kn_registry registry;

/* --- the list of items ------------------------------------------------------------------------ */

static int compare_entries(const char *id, const char *name, const entry *e)
{
    const int order = strcmp(id, e->interface_id);
    return order ? order : strcmp(name, e->name);
}

// The first entry not before (id, name); `name` "" gives the first of an interface.
static size_t place_of(const registry *r, const char *id, const char *name)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_entries(id, name, &r->entries[middle]) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const entry *find_entry(const registry *r, const char *id, const char *name)
{
    const size_t at = place_of(r, id, name);
    const int32_t found = at < r->count && compare_entries(id, name, &r->entries[at]) == 0;
    return found ? &r->entries[at] : NULL;
}

static void insert_items(registry *r, size_t file)
{
    const kn_note *note = &r->scan.files[file].note;
    for (int64_t i = 0; i < note->item_count; i++) {
        const kn_note_pair *item = &note->items[i];
        if (!kn_interface_find(item->interface_id))
            continue;
        const size_t at = place_of(r, item->interface_id, item->name);
        memmove(&r->entries[at + 1], &r->entries[at], (r->count - at) * sizeof *r->entries);
        r->entries[at] = (entry){item->interface_id, item->name, file};
        r->count++;
    }
}

static void set_fate(fate *f, int32_t state, kn_text *reason)
{
    f->state = state;
    f->reason = kn_text_take(reason); // without memory for words the state must do
}

static void reset_fates(registry *r)
{
    for (size_t i = 0; i < r->scan.count && r->fates; i++) {
        kn_free(r->fates[i].reason);
        r->fates[i] = (fate){.state = r->scan.files[i].state};
    }
}

// An item of this file that an earlier one offers too; NULL if there is none.
static const entry *find_double(const registry *r, const kn_note *note)
{
    for (int64_t i = 0; i < note->item_count; i++) {
        const entry *other = find_entry(r, note->items[i].interface_id, note->items[i].name);
        if (other)
            return other;
    }
    return NULL;
}

static int32_t any_known(const kn_note *note)
{
    for (int64_t i = 0; i < note->item_count; i++)
        if (kn_interface_find(note->items[i].interface_id))
            return 1;
    return 0;
}

static void decide(registry *r, size_t file)
{
    const kn_plugin_file *f = &r->scan.files[file];
    const kn_loaded *loaded = kn_plugin_loaded(f->path);
    const entry *other = find_double(r, &f->note);
    kn_text reason = {0};
    char word[KN_ID_BYTES];

    if (loaded && loaded->status) {
        kn_text_add(&reason, loaded->fault ? loaded->fault : "it is unfit");
        set_fate(&r->fates[file], loaded->harmful ? KN_PLUGIN_QUARANTINED : KN_PLUGIN_REFUSED,
                 &reason);
    } else if (!any_known(&f->note)) {
        kn_text_format(&reason, "this kernel knows none of its interfaces (the first is '%s')",
                       f->note.items[0].interface_id);
        set_fate(&r->fates[file], KN_PLUGIN_REFUSED, &reason);
    } else if (other) {
        kn_text_format(&reason, "'%s' offers %s '%s', and '%s' comes first in the search path",
                       f->path, kn_interface_word(other->interface_id, word, sizeof word),
                       other->name, r->scan.files[other->file].path);
        set_fate(&r->fates[file], KN_PLUGIN_REFUSED, &reason);
    } else {
        r->fates[file].state = loaded ? KN_PLUGIN_USED : KN_PLUGIN_AVAILABLE;
        insert_items(r, file);
    }
}

static void compare(registry *r)
{
    r->count = 0;
    reset_fates(r);
    for (size_t i = 0; i < r->scan.count; i++)
        if (r->scan.files[i].state == KN_PLUGIN_AVAILABLE)
            decide(r, i);
}

/* --- scanning --------------------------------------------------------------------------------- */

static void drop_scan(registry *r)
{
    for (size_t i = 0; i < r->scan.count && r->fates; i++)
        kn_free(r->fates[i].reason);
    kn_free(r->fates);
    kn_free(r->entries);
    kn_scan_fini(&r->scan);
    r->fates = NULL;
    r->entries = NULL;
    r->count = 0;
    r->scanned = 0;
}

static kaon_status make_lists(registry *r, kaon_diag *diag)
{
    size_t items = 1;
    for (size_t i = 0; i < r->scan.count; i++)
        items += (size_t)r->scan.files[i].note.item_count;
    r->fates = kn_alloc_array(r->scan.count + 1, sizeof *r->fates);
    r->entries = kn_alloc_array(items, sizeof *r->entries);
    return r->fates && r->entries ? KAON_OK : kn_no_memory(diag, "the list of plugins");
}

static kaon_status scan(registry *r, kaon_diag *diag)
{
    if (r->scanned)
        return KAON_OK;
    drop_scan(r);
    if (!r->cache)
        r->cache = kn_cache_new(r->kernel->settings.cache_folder,
                                !(r->kernel->settings.flags & KN_NO_CACHE));
    if (!r->cache)
        return kn_no_memory(diag, "the list of plugins");
    KAON_TRY(kn_scan_run(r->kernel, r->cache, &r->scan, diag));
    kaon_status status = make_lists(r, diag);
    if (status) {
        drop_scan(r);
        return status;
    }
    compare(r);
    kn_cache_save(r->cache);
    r->scanned = 1;
    return KAON_OK;
}

/* --- loading ---------------------------------------------------------------------------------- */

static void quarantine(registry *r, kn_plugin_file *file, const char *reason)
{
    kn_log(r->kernel, KAON_LOG_WARNING, "plugin '%s' is quarantined: %s", file->path, reason);
    kn_cache_judge(r->cache, file->sha256, KN_VERDICT_HARMFUL, reason);
    kn_cache_save(r->cache);
    file->verdict = KN_VERDICT_HARMFUL;
    kn_scan_judge(file, KN_PLUGIN_QUARANTINED, reason, NULL);
    file->state = KN_PLUGIN_QUARANTINED; // also where there was no memory for the reason
    compare(r);
}

// Tries a plugin nobody has tried yet, in a child.
static kaon_status probe(registry *r, kn_plugin_file *file, kaon_diag *diag)
{
    char reason[KN_DIAG_BYTES];
    int32_t verdict;
    if (file->verdict == KN_VERDICT_SOUND || (r->kernel->settings.flags & KN_NO_PROBE) ||
        kn_plugin_loaded(file->path))
        return KAON_OK;
    KAON_TRY(kn_plugin_probe(file->path, &file->note, &verdict, reason, diag));
    if (verdict == KN_VERDICT_HARMFUL) {
        quarantine(r, file, reason);
        return kaon_fail(diag, KAON_INCOMPATIBLE, "it is quarantined: %s", reason);
    }
    file->verdict = verdict;
    kn_cache_judge(r->cache, file->sha256, verdict, "");
    kn_cache_save(r->cache);
    return KAON_OK;
}

static kaon_status load_file(registry *r, size_t index, const kn_loaded **out, kaon_diag *diag)
{
    kn_plugin_file *file = &r->scan.files[index];
    kn_diag fault;
    kn_diag_init(&fault);
    kaon_status status = probe(r, file, &fault.diag);
    if (!status)
        status = kn_plugin_open(file->path, &file->note, out, &fault.diag);
    if (!status) {
        r->fates[index].state = KN_PLUGIN_USED;
        return KAON_OK;
    }
    if (*out && (*out)->harmful && file->state != KN_PLUGIN_QUARANTINED)
        quarantine(r, file, fault.text);
    else if (!*out && file->state == KN_PLUGIN_AVAILABLE && status != KAON_NO_MEMORY)
        kn_scan_judge(file, KN_PLUGIN_REFUSED, fault.text, NULL); // here and today, not for good
    compare(r);
    kn_diag_pass(&fault, diag);
    return kaon_context(diag, status, "plugin '%s'", file->path);
}

static const kn_item *item_of(const kn_loaded *loaded, const char *id, const char *name)
{
    for (int64_t i = 0; i < loaded->item_count; i++)
        if (strcmp(loaded->items[i].interface_id, id) == 0 &&
            strcmp(loaded->items[i].name, name) == 0)
            return &loaded->items[i];
    return NULL;
}

/* --- what to say when an item is not there ---------------------------------------------------- */

static int32_t offers(const kn_note *note, const char *id, const char *name)
{
    for (int64_t i = 0; i < note->item_count; i++)
        if (strcmp(note->items[i].interface_id, id) == 0 && strcmp(note->items[i].name, name) == 0)
            return 1;
    return 0;
}

static const char *reason_of(const registry *r, size_t file)
{
    const char *reason = r->fates[file].reason ? r->fates[file].reason : r->scan.files[file].reason;
    return reason ? reason : "";
}

// It is there, but in a plugin that may not be used.
static kaon_status explain_unfit(const registry *r, const char *id, const char *name,
                                 kaon_diag *diag)
{
    char word[KN_ID_BYTES];
    for (size_t i = 0; i < r->scan.count; i++)
        if (offers(&r->scan.files[i].note, id, name))
            return kaon_fail(diag, KAON_INCOMPATIBLE, "%s '%s' is in plugin '%s', which is %s: %s",
                             kn_interface_word(id, word, sizeof word), name, r->scan.files[i].path,
                             kn_plugin_state_text(r->fates[i].state), reason_of(r, i));
    return KAON_OK;
}

// A word of the right kind of list, but of another kind of item.
static const char *other_kind(const registry *r, const char *name, char *word, size_t room)
{
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->entries[i].name, name) == 0)
            return kn_interface_word(r->entries[i].interface_id, word, room);
    return NULL;
}

static void list_names(const registry *r, const char *id, kn_text *text)
{
    size_t listed = 0;
    for (size_t i = place_of(r, id, ""); i < r->count; i++) {
        if (strcmp(r->entries[i].interface_id, id) != 0)
            break;
        if (listed++ == MOST_NAMES_IN_MESSAGE) {
            kn_text_add(text, ", ...");
            break;
        }
        kn_text_format(text, "%s%s", listed > 1 ? ", " : "; installed: ", r->entries[i].name);
    }
    if (!listed)
        kn_text_add(text, "; no plugin that offers any is installed");
}

static kaon_status explain_missing(const registry *r, const char *id, const char *name,
                                   kaon_diag *diag)
{
    char word[KN_ID_BYTES], kind[KN_ID_BYTES];
    kn_nearest nearest = {.word = name};
    kn_text text = {0};

    KAON_TRY(explain_unfit(r, id, name, diag));
    for (size_t i = place_of(r, id, ""); i < r->count; i++)
        if (strcmp(r->entries[i].interface_id, id) == 0)
            kn_nearest_offer(&nearest, r->entries[i].name);
    kn_text_format(&text, "there is no %s '%.*s'", kn_interface_word(id, word, sizeof word),
                   (int)KN_NAME_BYTES, name);
    const char *other = other_kind(r, name, kind, sizeof kind);
    if (other)
        kn_text_format(&text, " ('%s' is of kind %s)", name, other);
    else if (nearest.best)
        kn_text_format(&text, "; did you mean '%s'?", nearest.best);
    list_names(r, id, &text);
    const kaon_status status = kaon_fail(diag, KAON_NOT_FOUND, "%s", kn_text_get(&text));
    kn_text_fini(&text);
    return status;
}

/* --- the public part -------------------------------------------------------------------------- */

static kaon_status find_item(registry *r, const char *id, const char *name, const kn_item **out,
                             kaon_diag *diag)
{
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        const kn_loaded *loaded = NULL;
        KAON_TRY(scan(r, diag));
        const entry *found = find_entry(r, id, name);
        if (!found)
            return explain_missing(r, id, name, diag);
        const size_t file = found->file;
        if (r->fates[file].state != KN_PLUGIN_USED && !kn_scan_current(&r->scan.files[file])) {
            r->scanned = 0; // the file was exchanged since: look again, but not for ever
            continue;
        }
        KAON_TRY(load_file(r, file, &loaded, diag));
        *out = item_of(loaded, id, name);
        return *out ? KAON_OK
                    : kaon_fail(diag, KAON_INCOMPATIBLE,
                                "plugin '%s' was exchanged while an earlier build of it is in use; "
                                "restart the program",
                                loaded->path);
    }
    return kaon_fail(diag, KAON_IO, "the plugin that offers '%s' keeps changing", name);
}

kaon_status kn_item_find(kn_kernel *kernel, const char *interface_id, const char *name,
                         const kn_item **out, kaon_diag *diag)
{
    *out = NULL;
    kn_loader_lock();
    const kaon_status status = find_item(kernel->registry, interface_id, name, out, diag);
    kn_loader_unlock();
    return status;
}

static kn_item_note note_of(const registry *r, const entry *e)
{
    const kn_plugin_file *file = &r->scan.files[e->file];
    return (kn_item_note){
        .interface_id = e->interface_id,
        .name = e->name,
        .plugin = file->note.name,
        .version = file->note.version,
        .license = file->note.license,
        .summary = file->note.summary,
        .path = file->path,
    };
}

kaon_status kn_item_each(kn_kernel *kernel, const char *interface_id, kn_item_visit *visit,
                         void *context, kaon_diag *diag)
{
    registry *r = kernel->registry;
    kn_loader_lock();
    kaon_status status = scan(r, diag);
    for (size_t i = 0; !status && i < r->count; i++) {
        if (interface_id && strcmp(r->entries[i].interface_id, interface_id) != 0)
            continue;
        const kn_item_note note = note_of(r, &r->entries[i]);
        status = visit(context, &note);
    }
    kn_loader_unlock();
    return status;
}

static kaon_status count_one(void *context, const kn_item_note *item)
{
    (void)item;
    ++*(int64_t *)context;
    return KAON_OK;
}

kaon_status kn_item_count(kn_kernel *kernel, const char *interface_id, int64_t *out,
                          kaon_diag *diag)
{
    *out = 0;
    return kn_item_each(kernel, interface_id, count_one, out, diag);
}

const char *kn_plugin_state_text(int32_t state)
{
    // ORDER plugin_state
    static const char *const words[] = {"used", "available", "skipped", "refused", "quarantined"};
    return state >= 0 && state < (int32_t)(sizeof words / sizeof *words) ? words[state] : "?";
}

static kaon_status report_file(const registry *r, size_t index, kn_plugin_visit *visit,
                               void *context, kaon_diag *diag)
{
    const kn_plugin_file *file = &r->scan.files[index];
    const kn_note *note = &file->note;
    kn_item_note *items = kn_alloc_array((size_t)note->item_count + 1, sizeof *items);
    if (!items)
        return kn_no_memory(diag, "the list of plugins");
    for (int64_t i = 0; i < note->item_count; i++) {
        const entry e = {note->items[i].interface_id, note->items[i].name, index};
        items[i] = note_of(r, &e);
    }
    const kn_plugin_info info = {
        .path = file->path,
        .name = note->name ? note->name : "",
        .version = note->version ? note->version : "",
        .license = note->license ? note->license : "",
        .summary = note->summary ? note->summary : "",
        .sha256 = file->sha256,
        .state = r->fates[index].state,
        .reason = reason_of(r, index),
        .items = items,
        .item_count = note->item_count,
    };
    const kaon_status status = visit(context, &info);
    kn_free(items);
    return status;
}

kaon_status kn_plugin_report(kn_kernel *kernel, kn_plugin_visit *visit, void *context,
                             kaon_diag *diag)
{
    registry *r = kernel->registry;
    kn_loader_lock();
    kaon_status status = scan(r, diag);
    for (size_t i = 0; !status && i < r->scan.count; i++)
        status = report_file(r, i, visit, context, diag);
    kn_loader_unlock();
    return status;
}

static kaon_status load_named(registry *r, const char *name, kaon_diag *diag)
{
    kn_nearest nearest = {.word = name};
    KAON_TRY(scan(r, diag));
    for (size_t i = 0; i < r->scan.count; i++) {
        const kn_loaded *loaded = NULL;
        const kn_plugin_file *file = &r->scan.files[i];
        if (!file->note.name)
            continue;
        kn_nearest_offer(&nearest, file->note.name);
        if (strcmp(file->note.name, name) != 0)
            continue;
        if (r->fates[i].state > KN_PLUGIN_AVAILABLE)
            return kaon_fail(diag, KAON_INCOMPATIBLE, "plugin '%s' is %s: %s", file->path,
                             kn_plugin_state_text(r->fates[i].state), reason_of(r, i));
        return load_file(r, i, &loaded, diag);
    }
    return kaon_fail(diag, KAON_NOT_FOUND, "no plugin named '%.*s' is installed%s%s%s",
                     (int)KN_NAME_BYTES, name, nearest.best ? "; did you mean '" : "",
                     nearest.best ? nearest.best : "", nearest.best ? "'?" : "");
}

kaon_status kn_plugin_load(kn_kernel *kernel, const char *name, kaon_diag *diag)
{
    kn_loader_lock();
    const kaon_status status = load_named(kernel->registry, name, diag);
    kn_loader_unlock();
    return status;
}

kaon_status kn_plugin_rescan(kn_kernel *kernel, kaon_diag *diag)
{
    registry *r = kernel->registry;
    kn_loader_lock();
    if (r->cache)
        kn_cache_forget(r->cache);
    r->scanned = 0;
    const kaon_status status = scan(r, diag);
    kn_loader_unlock();
    return status;
}

kaon_status kn_registry_new(kn_kernel *kernel, struct kn_registry **out, kaon_diag *diag)
{
    *out = kn_alloc_zero(sizeof **out);
    if (!*out)
        return kn_no_memory(diag, "the list of plugins");
    (*out)->kernel = kernel;
    return KAON_OK;
}

void kn_registry_free(struct kn_registry *r)
{
    if (!r)
        return;
    drop_scan(r);
    kn_cache_free(r->cache);
    kn_free(r);
}
