/* api_items.c: the public API: plugins, items, their options. */
#include "experiment/api.h"

#include <math.h>
#include <string.h>

#include "experiment/experiment_plan.h"
#include "kernel/items.h"
#include "kernel/memory.h"
#include "kernel/plugin_check.h"
#include "kernel/registry.h"

/* --- plugins ---------------------------------------------------------------------------------- */

static kaon_status add_plugin(void *context, const kn_plugin_info *p)
{
    json_t *items = json_array();
    for (int64_t i = 0; i < p->item_count; i++) {
        char word[32];
        json_array_append_new(
            items, json_pack("{s:s, s:s}", "kind",
                             kn_interface_word(p->items[i].interface_id, word, sizeof word), "name",
                             p->items[i].name));
    }
    json_t *plugin = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "path", p->path,
                               "name", p->name, "version", p->version, "license", p->license,
                               "summary", p->summary, "sha256", p->sha256, "state",
                               kn_plugin_state_text(p->state), "reason", p->reason, "items", items);
    return json_array_append_new(context, plugin) ? KAON_NO_MEMORY : KAON_OK;
}

kaon_status kaon_plugins(kaon_kernel *kernel, char **json, kaon_error *error)
{
    kn_api call;
    kn_api_begin(&call, error);
    *json = NULL;
    json_t *list = json_array();
    kaon_status status = kn_plugin_report(kernel->kernel, add_plugin, list, &call.fault.diag);
    if (!status)
        status = kn_api_json(json_incref(list), json, &call.fault.diag);
    json_decref(list);
    return kn_api_end(&call, status);
}

/* --- items ------------------------------------------------------------------------------------ */

static kaon_status add_item(void *context, const kn_item_note *item)
{
    char word[32];
    json_t *entry =
        json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind",
                  kn_interface_word(item->interface_id, word, sizeof word), "name", item->name,
                  "plugin", item->plugin, "version", item->version, "summary", item->summary);
    return json_array_append_new(context, entry) ? KAON_NO_MEMORY : KAON_OK;
}

// "layer", "layers" or "kaon.layer/1" as an interface; NULL: none is called so.
static const kn_interface *interface_named(const char *name)
{
    for (const kn_interface *i = kn_interfaces; i->id; i++) {
        const size_t length = strlen(i->word);
        const int32_t same = !strncmp(i->word, name, length) &&
                             (!name[length] || (name[length] == 's' && !name[length + 1]));
        if (same || !strcmp(i->id, name))
            return i;
    }
    return NULL;
}

static kaon_status unknown_kind(const char *name, kaon_diag *diag)
{
    kn_text words = {0};
    kn_nearest nearest = {.word = name};
    for (const kn_interface *i = kn_interfaces; i->id; i++) {
        kn_text_format(&words, "%s%s", i == kn_interfaces ? "" : ", ", i->word);
        kn_nearest_offer(&nearest, i->word);
    }
    const kaon_status status =
        kaon_fail(diag, KAON_NOT_FOUND, "there is no kind '%s' of items%s%s%s; there are: %s", name,
                  nearest.best ? "; did you mean '" : "", nearest.best ? nearest.best : "",
                  nearest.best ? "'?" : "", kn_text_get(&words));
    kn_text_fini(&words);
    return status;
}

kaon_status kaon_items(kaon_kernel *kernel, const char *interface_id, char **json,
                       kaon_error *error)
{
    kn_api call;
    kn_api_begin(&call, error);
    *json = NULL;
    const kn_interface *kind = interface_id ? interface_named(interface_id) : NULL;
    kaon_status status = KAON_OK;
    json_t *list = json_array();
    if (interface_id && !kind)
        status = unknown_kind(interface_id, &call.fault.diag);
    else
        status =
            kn_item_each(kernel->kernel, kind ? kind->id : NULL, add_item, list, &call.fault.diag);
    if (!status)
        status = kn_api_json(json_incref(list), json, &call.fault.diag);
    json_decref(list);
    return kn_api_end(&call, status);
}

/* --- options ---------------------------------------------------------------------------------- */

static const char *const kind_names[] = {
    [KAON_OPTION_INT] = "int",       [KAON_OPTION_FLOAT] = "float",   [KAON_OPTION_BOOL] = "bool",
    [KAON_OPTION_TEXT] = "text",     [KAON_OPTION_CHOICE] = "choice", [KAON_OPTION_INTS] = "ints",
    [KAON_OPTION_FLOATS] = "floats", [KAON_OPTION_TEXTS] = "texts",   [KAON_OPTION_PART] = "part",
    [KAON_OPTION_PARTS] = "parts",
};

static json_t *default_json(const kaon_option *o)
{
    switch (o->kind) {
    case KAON_OPTION_INT:
        return json_integer(o->integer);
    case KAON_OPTION_FLOAT:
        return isfinite(o->number) ? json_real(o->number) : json_null();
    case KAON_OPTION_BOOL:
        return json_boolean(o->integer != 0);
    case KAON_OPTION_CHOICE:
        return json_string(o->choices ? o->choices[o->integer] : "");
    default:
        return o->text ? json_string(o->text) : json_null();
    }
}

static json_t *option_json(const kaon_option *o)
{
    kn_text said = {0};
    kn_option_say(o, &said);
    const int32_t known = o->kind > 0 && o->kind <= KAON_OPTION_PARTS;
    json_t *row = json_pack("{s:s, s:s, s:s, s:b, s:b, s:s?, s:s?}", "name", o->name, "type",
                            known ? kind_names[o->kind] : "tree", "values", kn_text_get(&said),
                            "required", (o->flags & KAON_OPTION_REQUIRED) != 0, "expert",
                            (o->flags & KAON_OPTION_EXPERT) != 0, "unit", o->unit, "help", o->help);
    kn_text_fini(&said);
    if (!(o->flags & KAON_OPTION_REQUIRED))
        json_object_set_new(row, "default", default_json(o));
    const kn_limits limits = kn_option_limits(o);
    if (limits.has_min)
        json_object_set_new(row, limits.open_min ? "above" : "min", json_real(limits.min));
    if (limits.has_max)
        json_object_set_new(row, limits.open_max ? "below" : "max", json_real(limits.max));
    if (o->choices) {
        json_t *choices = json_array();
        for (const char *const *c = o->choices; *c; c++)
            json_array_append_new(choices, json_string(*c));
        json_object_set_new(row, "choices", choices);
    }
    if (o->interface_id)
        json_object_set_new(row, "interface", json_string(o->interface_id));
    return row;
}

static json_t *options_json(const kaon_option *options)
{
    json_t *list = json_array();
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o))
        json_array_append_new(list, option_json(o));
    return list;
}

static json_t *item_json(const kn_item *item)
{
    char word[32];
    const kaon_head *head = item->table;
    return json_pack("{s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:o}", "kind",
                     kn_interface_word(item->interface_id, word, sizeof word), "name", item->name,
                     "help", head->help, "plugin", item->plugin->name, "version",
                     item->plugin->version, "license", item->plugin->license, "summary",
                     item->plugin->summary, "options", options_json(head->options));
}

typedef struct {
    const char *name;
    char found[4][64]; // interfaces with an item of this name
    int32_t count;
} search;

static kaon_status look_for(void *context, const kn_item_note *item)
{
    search *s = context;
    if (!strcmp(item->name, s->name) && s->count < 4)
        snprintf(s->found[s->count++], sizeof s->found[0], "%s", item->interface_id);
    return KAON_OK;
}

// "layer:calo", or "calo" where only one kind has it.
static kaon_status find_item(kaon_kernel *kernel, const char *name, const kn_item **out,
                             kaon_diag *diag)
{
    char kind[64];
    const char *colon = strchr(name, ':');
    if (colon) {
        snprintf(kind, sizeof kind, "%.*s", (int)(colon - name), name);
        const kn_interface *interface = interface_named(kind);
        if (!interface)
            return unknown_kind(kind, diag);
        return kn_item_find(kernel->kernel, interface->id, colon + 1, out, diag);
    }
    search s = {.name = name};
    KAON_TRY(kn_item_each(kernel->kernel, NULL, look_for, &s, diag));
    if (!s.count)
        return kaon_fail(diag, KAON_NOT_FOUND,
                         "there is no model file, run folder or item '%s'; 'kaon inspect items' "
                         "lists all items",
                         name);
    if (s.count > 1)
        return kaon_fail(diag, KAON_INVALID, "'%s' is a %s and a %s: write %s:%s", name,
                         interface_named(s.found[0])->word, interface_named(s.found[1])->word,
                         interface_named(s.found[0])->word, name);
    return kn_item_find(kernel->kernel, s.found[0], name, out, diag);
}

// "experiment", "experiment:split": a schema calls itself so.
static const kn_schema *schema_named(const kn_schema *schema, const char *name)
{
    if (kn_text_same(schema->more, name))
        return schema;
    const kn_schema *found = NULL;
    for (const kn_section *at = schema->sections; at && at->key && !found; at++)
        found = schema_named(at->schema, name);
    return found;
}

static json_t *schema_json(const kn_schema *schema)
{
    json_t *sections = json_array();
    for (const kn_section *at = schema->sections; at && at->key; at++)
        if (at->schema->more)
            json_array_append_new(sections, json_string(at->schema->more));
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "kind", "section", "name", schema->more, "help",
                     *schema->what ? "what may stand in this section of an experiment"
                                   : "what may stand at the top of an experiment",
                     "sections", sections, "options", options_json(schema->options));
}

kaon_status kaon_item_json(kaon_kernel *kernel, const char *name, char **json, kaon_error *error)
{
    kn_api call;
    const kn_item *item = NULL;
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status = KAON_OK;
    const kn_schema *schema = schema_named(&kn_experiment_schema, name);
    if (schema) {
        status = kn_api_json(schema_json(schema), json, &call.fault.diag);
        return kn_api_end(&call, status);
    }
    status = find_item(kernel, name, &item, &call.fault.diag);
    if (!status)
        status = kn_api_json(item_json(item), json, &call.fault.diag);
    return kn_api_end(&call, status);
}

/* --- using one -------------------------------------------------------------------------------- */

struct kaon_use {
    kn_item_use *use;
};

// Settings as they stand in a file below the item's name, or beside it: "units: 3".
static char *with_name(const char *name, const char *yaml)
{
    kn_text text = {0};
    const char *at = yaml ? yaml : "";
    if (!at[strspn(at, " \n\t")])
        return kn_copy_text(name);
    if (*at == '{' || !strchr(at, '\n')) {
        kn_text_format(&text, *at == '{' ? "%s: " : "%s: {", name);
        kn_text_add(&text, at);
        kn_text_add(&text, *at == '{' ? "" : "}");
        return kn_text_take(&text);
    }
    kn_text_format(&text, "%s:\n", name);
    while (*at) {
        const size_t length = strcspn(at, "\n");
        kn_text_add(&text, "  ");
        kn_text_add_bytes(&text, at, length);
        kn_text_add(&text, "\n");
        at += length + (at[length] == '\n');
    }
    return kn_text_take(&text);
}

kaon_status kaon_use_new(kaon_kernel *kernel, const char *interface_id, const char *name,
                         const char *yaml, kaon_use **out, kaon_error *error)
{
    kn_api call;
    kn_api_begin(&call, error);
    *out = NULL;
    kaon_use *use = kn_alloc_zero(sizeof *use);
    char *text = with_name(name, yaml);
    kaon_status status = use && text ? KAON_OK : kn_no_memory(&call.fault.diag, "an item");
    if (!status)
        status = kn_item_use_new(kernel->kernel, interface_id, text, &use->use, &call.fault.diag);
    kn_free(text);
    if (status)
        kn_free(use);
    else
        *out = use;
    return kn_api_end(&call, status);
}

const kaon_part *kaon_use_part(const kaon_use *use)
{
    return kn_item_use_part(use->use);
}

const kaon_host *kaon_use_host(const kaon_use *use)
{
    return kn_item_use_item(use->use)->host;
}

void kaon_use_free(kaon_use *use)
{
    if (!use)
        return;
    kn_item_use_free(use->use);
    kn_free(use);
}
