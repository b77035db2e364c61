/* config_schema.c: the experiment file as JSON Schema, draft 2020-12, for editors. */
#include "experiment/config_schema.h"

#include <math.h>
#include <string.h>

#include "kernel/diag.h"
#include "kernel/interfaces.h"
#include "kernel/memory.h"
#include "kernel/registry.h"

enum { NAME = 128, MOST_INTERFACES = 64 };

/* --- values ----------------------------------------------------------------------------------- */

static json_t *reference(const char *format, const char *a, const char *b)
{
    char target[NAME + 16];
    const int used = snprintf(target, sizeof target, "#/$defs/");
    snprintf(target + used, sizeof target - (size_t)used, format, a, b);
    return json_pack("{s:s}", "$ref", target);
}

static json_t *with_limits(const kaon_option *o, const char *type)
{
    json_t *value = json_pack("{s:s}", "type", type);
    const kn_limits l = kn_option_limits(o);
    if (l.has_min)
        json_object_set_new(value, l.open_min ? "exclusiveMinimum" : "minimum", json_real(l.min));
    if (l.has_max)
        json_object_set_new(value, l.open_max ? "exclusiveMaximum" : "maximum", json_real(l.max));
    return value;
}

static json_t *one_of_choices(const kaon_option *o)
{
    json_t *list = json_array();
    for (const char *const *choice = o->choices; choice && *choice; choice++)
        json_array_append_new(list, json_string(*choice));
    return json_pack("{s:o}", "enum", list);
}

// Any scalar is a text; YAML readers take 12 for a number and true for a truth.
static json_t *any_text(const kaon_option *o)
{
    return o->choices ? one_of_choices(o)
                      : json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
}

// A single entry counts as a list of one.
static json_t *list_of(const kaon_option *o, json_t *entry)
{
    json_t *list = json_pack("{s:s, s:O}", "type", "array", "items", entry);
    if (o->min_count)
        json_object_set_new(list, "minItems", json_integer(o->min_count));
    if (o->max_count)
        json_object_set_new(list, "maxItems", json_integer(o->max_count));
    return json_pack("{s:[o, o]}", "anyOf", entry, list);
}

static json_t *item_of(const kaon_option *o)
{
    char word[32];
    return reference("%s%s", kn_interface_word(o->interface_id, word, sizeof word), "");
}

static json_t *value_of(const kaon_option *o)
{
    switch (o->kind) {
    case KAON_OPTION_INT:
        return with_limits(o, "integer");
    case KAON_OPTION_FLOAT:
        return with_limits(o, "number");
    case KAON_OPTION_BOOL:
        return json_pack("{s:[b, b, s, s, s, s]}", "enum", 1, 0, "yes", "no", "on", "off");
    case KAON_OPTION_TEXT:
        return any_text(o);
    case KAON_OPTION_CHOICE:
        return one_of_choices(o);
    case KAON_OPTION_INTS:
        return list_of(o, with_limits(o, "integer"));
    case KAON_OPTION_FLOATS:
        return list_of(o, with_limits(o, "number"));
    case KAON_OPTION_TEXTS:
        return list_of(o, any_text(o));
    case KAON_OPTION_PART:
        return item_of(o);
    case KAON_OPTION_PARTS:
        return list_of(o, item_of(o));
    default:
        break;
    }
    if (!o->interface_id)
        return json_object(); // anything
    return o->max_count == 1 ? item_of(o) : list_of(o, item_of(o));
}

/* --- options ---------------------------------------------------------------------------------- */

static json_t *default_of(const kaon_option *o)
{
    json_t *value = NULL;
    switch (o->kind) {
    case KAON_OPTION_INT:
        return json_integer(o->integer);
    case KAON_OPTION_FLOAT:
        return isfinite(o->number) ? json_real(o->number) : NULL;
    case KAON_OPTION_BOOL:
        return json_boolean(o->integer != 0);
    case KAON_OPTION_CHOICE:
        return o->choices ? json_string(o->choices[o->integer]) : NULL;
    case KAON_OPTION_TEXT:
    case KAON_OPTION_PART:
        return o->text ? json_string(o->text) : NULL;
    default: // lists in YAML flow text are mostly JSON, too
        value = o->text ? json_loads(o->text, 0, NULL) : NULL;
        return value;
    }
}

static json_t *option_schema(const kaon_option *o, const kn_schema *section)
{
    json_t *value = section ? reference("section.%s%s", section->what, "") : value_of(o);
    // Wherever a value may stand, a variable may.
    json_t *row = json_pack("{s:[o, o]}", "anyOf", value, reference("%s%s", "variable", ""));
    char text[512];
    snprintf(text, sizeof text, "%s%s%s", o->help ? o->help : "", o->unit ? ", in " : "",
             o->unit ? o->unit : "");
    json_object_set_new(row, "description", json_string(text));
    json_t *otherwise = o->flags & KAON_OPTION_REQUIRED ? NULL : default_of(o);
    if (otherwise)
        json_object_set_new(row, "default", otherwise);
    return row;
}

// `optional`: a key with nothing behind it will do where no option is required.
static json_t *object_schema(const kn_schema *schema, const char *help, int32_t optional)
{
    json_t *properties = json_object(), *required = json_array();
    for (const kaon_option *o = schema->options; o && o->size; o = kn_option_next(o)) {
        if (!o->name)
            continue;
        json_object_set_new(properties, o->name,
                            option_schema(o, kn_section_find(schema->sections, o->name)));
        if (o->flags & KAON_OPTION_REQUIRED)
            json_array_append_new(required, json_string(o->name));
    }
    optional = optional && !json_array_size(required);
    json_t *object =
        json_pack("{s:o, s:o, s:b, s:o}", "type",
                  optional ? json_pack("[s, s]", "object", "null") : json_string("object"),
                  "properties", properties, "additionalProperties", 0, "required", required);
    if (help)
        json_object_set_new(object, "description", json_string(help));
    return object;
}

static void add_sections(json_t *defs, const kn_schema *schema)
{
    char name[NAME];
    for (const kn_section *at = schema->sections; at && at->key; at++) {
        snprintf(name, sizeof name, "section.%s", at->schema->what);
        json_object_set_new(defs, name, object_schema(at->schema, NULL, 1));
        add_sections(defs, at->schema);
    }
}

/* --- items ------------------------------------------------------------------------------------ */

typedef struct {
    kn_kernel *kernel;
    json_t *defs;
    json_t *names;                // of the items of one interface
    char wanted[MOST_INTERFACES]; // 1: some option takes items of it, 2: done. No other plugin is
                                  // loaded
} gathering;

static void want_interfaces(gathering *g, const kn_schema *schema)
{
    for (const kaon_option *o = schema->options; o && o->size; o = kn_option_next(o)) {
        const kn_interface *i = o->interface_id ? kn_interface_find(o->interface_id) : NULL;
        if (i && i - kn_interfaces < MOST_INTERFACES && !g->wanted[i - kn_interfaces])
            g->wanted[i - kn_interfaces] = 1;
    }
    for (const kn_section *at = schema->sections; at && at->key; at++)
        want_interfaces(g, at->schema);
}

static kaon_status add_name(void *context, const kn_item_note *item)
{
    gathering *g = context;
    return json_array_append_new(g->names, json_string(item->name)) ? KAON_NO_MEMORY : KAON_OK;
}

/* An item: its name alone where no option is required, else a map of it and `as`. A plugin that
 * cannot be loaded is left out: no file may name it. */
static void add_items(gathering *g, const kn_interface *interface)
{
    char name[NAME];
    size_t i;
    json_t *entry, *alone = json_array();
    json_t *properties = json_pack("{s:{s:s, s:s}}", "as", "type", "string", "description",
                                   "your name for this part");
    json_array_foreach(g->names, i, entry)
    {
        const kn_item *item = NULL;
        const char *item_name = json_string_value(entry);
        if (kn_item_find(g->kernel, interface->id, item_name, &item, NULL))
            continue;
        const kaon_head *head = item->table;
        const kn_schema schema = {.what = item_name, .options = head->options};
        json_t *settings = object_schema(&schema, head->help, 1);
        want_interfaces(g, &schema);
        if (!json_array_size(json_object_get(settings, "required")))
            json_array_append(alone, entry);
        snprintf(name, sizeof name, "%s.%s", interface->word, item_name);
        json_object_set_new(g->defs, name, settings);
        json_object_set_new(properties, item_name, reference("%s.%s", interface->word, item_name));
    }
    json_t *map = json_pack("{s:s, s:o, s:b, s:i, s:i}", "type", "object", "properties", properties,
                            "additionalProperties", 0, "minProperties", 1, "maxProperties", 2);
    json_t *choice = json_array_size(alone)
                         ? json_pack("{s:[{s:O}, o]}", "anyOf", "enum", alone, map)
                         : json_pack("{s:[o]}", "anyOf", map);
    json_object_set_new(g->defs, interface->word, choice);
    json_decref(alone);
}

// One interface that is wanted and not done yet; *found: there was one.
static kaon_status add_next(gathering *g, int32_t *found, kaon_diag *diag)
{
    const kn_interface *i = kn_interfaces;
    while (i->id && (i - kn_interfaces >= MOST_INTERFACES || g->wanted[i - kn_interfaces] != 1))
        i++;
    *found = i->id != NULL;
    if (!*found)
        return KAON_OK;
    g->wanted[i - kn_interfaces] = 2;
    g->names = json_array();
    const kaon_status status = kn_item_each(g->kernel, i->id, add_name, g, diag);
    if (!status)
        add_items(g, i);
    json_decref(g->names);
    return status;
}

kaon_status kn_config_schema_make(kn_kernel *kernel, const kn_schema *top, json_t **out,
                                  kaon_diag *diag)
{
    gathering g = {.kernel = kernel, .defs = json_object()};
    kaon_status status = KAON_OK;
    int32_t found = 1;
    want_interfaces(&g, top);
    while (found && !status)
        status = add_next(&g, &found, diag);
    json_object_set_new(g.defs, "variable",
                        json_pack("{s:s, s:s, s:s}", "type", "string", "pattern", "\\$\\{[^}]+\\}",
                                  "description", "the value of a name in vars"));
    add_sections(g.defs, top);
    json_t *root = status ? NULL : object_schema(top, "an experiment of Kaon", 0);
    json_object_set_new(root, "$schema",
                        json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(root, "title", json_string("Kaon experiment"));
    json_object_set(root, "$defs", g.defs);
    json_decref(g.defs);
    *out = root;
    return status || root ? status : kn_no_memory(diag, "a schema");
}
