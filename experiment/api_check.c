/* api_check.c: the public API: one plugin file, looked at before anybody relies on it.
 *
 * The file is tried by a kernel of its own that knows no other folder: first in a child process, as
 * any unknown plugin is, then here. What the loader finds it says in the same words as in
 * `kaon plugin list --why`.
 */
#include "experiment/api.h"
#include "experiment/gradient_check.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kernel/files.h"
#include "kernel/items.h"
#include "kernel/memory.h"
#include "kernel/registry.h"
#include "kernel/settings.h"

typedef struct {
    kn_kernel *kernel;
    const char *path; // of the file, as realpath gives it
    json_t *checks;
    json_t *plugin;
    char name[64];
    int32_t failed;
} inspection;

KAON_PRINTF(4, 5)
static void note(inspection *i, int32_t passed, const char *why, const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    i->failed += !passed;
    json_array_append_new(i->checks, json_pack("{s:s, s:b, s:s}", "what", what, "passed", passed,
                                               "why", passed ? "" : why));
}

/* --- the file --------------------------------------------------------------------------------- */

static kaon_status look_at_file(void *context, const kn_plugin_info *p)
{
    inspection *i = context;
    if (strcmp(kn_path_name(p->path), kn_path_name(i->path)))
        return KAON_OK;
    snprintf(i->name, sizeof i->name, "%s", p->name);
    json_decref(i->plugin);
    i->plugin = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i}", "path", p->path, "name", p->name,
                          "version", p->version, "license", p->license, "sha256", p->sha256,
                          "items", (int)p->item_count);
    const int32_t sound = p->state == KN_PLUGIN_USED || p->state == KN_PLUGIN_AVAILABLE;
    note(i, sound, p->reason, "the file is a plugin that may be loaded");
    return KAON_OK;
}

static void check_facts(inspection *i)
{
    const char *license = json_string_value(json_object_get(i->plugin, "license"));
    const char *version = json_string_value(json_object_get(i->plugin, "version"));
    note(i, license && *license, "state an SPDX name, such as Apache-2.0", "it states a licence");
    note(i, version && strspn(version, "0123456789.") > 2, "state one such as 1.0.0",
         "it states a version");
}

/* --- its items -------------------------------------------------------------------------------- */

// A value for an option that has no default: the least that is allowed, but not 1 of everything.
static void add_value(kn_text *out, const kaon_option *o)
{
    const kn_limits l = kn_option_limits(o);
    double number = l.has_min && l.min > 3 ? l.min + l.open_min : 3;
    if (l.has_max && number > l.max)
        number = l.has_min ? (l.min + l.max) / 2 : l.max - l.open_max;
    if (o->kind == KAON_OPTION_CHOICE && o->choices)
        kn_text_format(out, "%s: %s, ", o->name, o->choices[0]);
    else if (o->kind == KAON_OPTION_INT || o->kind == KAON_OPTION_INTS)
        kn_text_format(out, "%s: %.0f, ", o->name, number);
    else if (o->kind == KAON_OPTION_FLOAT || o->kind == KAON_OPTION_FLOATS)
        kn_text_format(out, "%s: %g, ", o->name, number);
    else
        out->failed = 1; // a text or another item: nobody can guess it
}

// "name: {settings}" with what has no default; NULL: it cannot be guessed.
static char *usual_settings(const kaon_option *options, const char *name)
{
    kn_text text = {0};
    kn_text_format(&text, "%s: {", name);
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o))
        if (o->flags & KAON_OPTION_REQUIRED)
            add_value(&text, o);
    if (!text.failed && text.length > 2 && !strncmp(text.at + text.length - 2, ", ", 2))
        text.length -= 2; // the next text takes the place of the last comma
    kn_text_add(&text, "}");
    return kn_text_take(&text); // NULL also where it cannot be guessed
}

static void check_helps(inspection *i, const kn_item *item, const char *word)
{
    const kaon_head *head = item->table;
    const char *without = NULL;
    for (const kaon_option *o = head->options; o && o->size; o = kn_option_next(o))
        if (!without && (!o->help || !*o->help))
            without = o->name;
    char why[160];
    snprintf(why, sizeof why, "option '%.80s' has none", without ? without : "");
    note(i, head->help && *head->help, "its table has none", "%s %s has a line of help", word,
         item->name);
    note(i, !without, why, "every option of %s %s has a line of help", word, item->name);
}

static void check_gradient(inspection *i, const kn_item_use *use, const char *word)
{
    char why[KN_GRADIENT_WHY];
    const kaon_part *part = kn_item_use_part(use);
    if (!kn_gradient_applies(part))
        return;
    const int32_t agree = kn_gradient_check(kn_item_use_item(use)->host, part, why);
    if (agree >= 0) // what takes no input tried here is left to the plugin's own tests
        note(i, agree, why, "%s %s has true derivatives", word, part->name);
}

static void try_item(inspection *i, const char *interface_id, const char *settings,
                     const char *word)
{
    kn_diag fault;
    kn_item_use *use = NULL;
    kn_diag_init(&fault);
    const kaon_status filled =
        kn_item_use_new(i->kernel, interface_id, settings, &use, &fault.diag);
    // Guessed settings may not suit each other: that is no fault of the plugin.
    if (!filled || strstr(settings, "{}"))
        note(i, !filled, fault.text, "%s can be made of %s", word, settings);
    if (!filled)
        check_gradient(i, use, word);
    kn_item_use_free(use);
}

static void check_item(inspection *i, const char *interface_id, const char *name)
{
    char word[32];
    kn_diag fault;
    const kn_item *item = NULL;
    kn_diag_init(&fault);
    kn_interface_word(interface_id, word, sizeof word);
    const kaon_status status = kn_item_find(i->kernel, interface_id, name, &item, &fault.diag);
    note(i, !status, fault.text, "%s %s can be loaded", word, name);
    if (status)
        return;
    check_helps(i, item, word);
    char *settings = usual_settings(((const kaon_head *)item->table)->options, name);
    if (settings)
        try_item(i, interface_id, settings, word);
    kn_free(settings);
}

typedef struct {
    char interface_id[64];
    char name[64];
} named;

enum { MOST_ITEMS = 256 };

typedef struct {
    inspection *inspection;
    named *items;
    int32_t count;
} gathering;

static kaon_status gather(void *context, const kn_item_note *item)
{
    gathering *g = context;
    if (strcmp(item->plugin, g->inspection->name) || g->count == MOST_ITEMS)
        return KAON_OK;
    named *n = &g->items[g->count++];
    snprintf(n->interface_id, sizeof n->interface_id, "%s", item->interface_id);
    snprintf(n->name, sizeof n->name, "%s", item->name);
    return KAON_OK;
}

static kaon_status check_items(inspection *i, kaon_diag *diag)
{
    gathering g = {i, kn_alloc_array(MOST_ITEMS, sizeof *g.items), 0};
    if (!g.items)
        return kn_no_memory(diag, "a check");
    // First the names, then the loading: items must not be loaded while they are visited.
    const kaon_status status = kn_item_each(i->kernel, NULL, gather, &g, diag);
    for (int32_t k = 0; k < g.count && !status; k++)
        check_item(i, g.items[k].interface_id, g.items[k].name);
    note(i, g.count > 0, "its list of items is empty", "it offers items");
    kn_free(g.items);
    return status;
}

/* --- the whole -------------------------------------------------------------------------------- */

static kaon_status inspect(inspection *i, const char *folder, kaon_diag *diag)
{
    const char *const folders[] = {folder, NULL};
    const kn_kernel_settings settings = {
        .plugin_folders = folders, .flags = KN_NO_CACHE | KN_ONLY_GIVEN, .threads = 1};
    if (access(i->path, R_OK))
        return kaon_fail(diag, KAON_NOT_FOUND, "cannot open '%s': %s", i->path, strerror(errno));
    KAON_TRY(kn_kernel_new(&settings, &i->kernel, diag));
    KAON_TRY(kn_plugin_report(i->kernel, look_at_file, i, diag));
    if (!i->plugin)
        return kaon_fail(diag, KAON_NOT_FOUND,
                         "'%s' is not taken for a plugin: a plugin is a file kaon_<name>.so",
                         i->path);
    if (i->failed)
        return KAON_OK;
    check_facts(i);
    return check_items(i, diag);
}

kaon_status kaon_plugin_check(kaon_kernel *kernel, const char *path, char **json, kaon_error *error)
{
    kn_api call;
    (void)kernel;
    kn_api_begin(&call, error);
    *json = NULL;
    inspection i = {.path = path, .checks = json_array()};
    const size_t length = (size_t)(kn_path_name(path) - path);
    char *folder = kn_copy_bytes(length ? path : ".", length ? length : 1);
    kaon_status status = folder && i.checks ? inspect(&i, folder, &call.fault.diag)
                                            : kn_no_memory(&call.fault.diag, "a check");
    if (!status)
        status = kn_api_json(json_pack("{s:O, s:O, s:i}", "plugin", i.plugin, "checks", i.checks,
                                       "failed", (int)i.failed),
                             json, &call.fault.diag);
    kn_kernel_free(i.kernel);
    kn_free(folder);
    json_decref(i.plugin);
    json_decref(i.checks);
    return kn_api_end(&call, status);
}
