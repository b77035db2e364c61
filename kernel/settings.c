/* settings.c: configuration checked against rows of options and put into an item's struct.
 *
 * Each kind of option has a row in `kinds`: how a value is read, how the default is put, how both
 * are written into the resolved configuration. Items in items are filled by the same functions.
 */
#include "kernel/settings.h"

#include <math.h>
#include <string.h>

#include "kernel/config_tree.h"
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "kernel/decimal.h"
#include "kernel/settings_advice.h"

enum { DEEPEST = 64 }; // items in items; a default that names its own item must end somewhere

// One value on its way: the row, where it was written, where it goes.
typedef struct {
    kn_settings *s;
    const kaon_option *option;
    const kn_config *node;
    void *field;
    kn_config *resolved; // set by the reader: the value as it is used
} job;

void kn_settings_init(kn_settings *s, kn_kernel *kernel, kn_config_tree *tree, kn_faults *faults)
{
    *s = (kn_settings){
        .kernel = kernel, .advice = kernel ? kernel->advice : NULL, .tree = tree, .faults = faults};
}

void kn_settings_fini(kn_settings *s)
{
    kn_arena_free(&s->arena);
}

static void *take(kn_settings *s, size_t count, size_t bytes)
{
    void *memory = kn_arena_array(&s->arena, count ? count : 1, bytes);
    if (!memory)
        s->faults->failed = 1;
    return memory;
}

static const char *keep_text(kn_settings *s, const char *text)
{
    char *copy = kn_arena_text(&s->arena, text);
    if (!copy)
        s->faults->failed = 1;
    return copy;
}

/* --- limits ----------------------------------------------------------------------------------- */

kn_limits kn_option_limits(const kaon_option *option)
{
    kn_limits l = {.min = option->min,
                   .max = option->max,
                   .open_min = (option->flags & KAON_OPTION_OPEN_MIN) != 0,
                   .open_max = (option->flags & KAON_OPTION_OPEN_MAX) != 0};
    if (l.min == 0 && l.max == 0) {
        // Without limits, unless a flag says that one end at 0 is meant.
        l.has_min = l.open_min;
        l.has_max = l.open_max && !l.open_min;
        return l;
    }
    l.has_min = !(l.max < l.min && l.min == 0) && !isinf(l.min);
    l.has_max = !(l.max < l.min && l.max == 0) && !isinf(l.max);
    return l;
}

static int32_t is_inside(const kn_limits *l, double value)
{
    if (value != value)
        return 0;
    if (l->has_min && (l->open_min ? value <= l->min : value < l->min))
        return 0;
    return !(l->has_max && (l->open_max ? value >= l->max : value > l->max));
}

static void say_limits(const kn_limits *l, kn_text *out)
{
    char min[KN_NUMBER_BYTES], max[KN_NUMBER_BYTES];
    kn_format_double(l->min, min);
    kn_format_double(l->max, max);
    if (l->has_min && l->has_max && !l->open_min && !l->open_max)
        kn_text_format(out, "%s to %s", min, max);
    else if (l->has_min && l->has_max)
        kn_text_format(out, "%s %s and %s %s", l->open_min ? "above" : "at least", min,
                       l->open_max ? "below" : "at most", max);
    else if (l->has_min)
        kn_text_format(out, "%s %s", l->open_min ? "above" : "at least", min);
    else if (l->has_max)
        kn_text_format(out, "%s %s", l->open_max ? "below" : "at most", max);
}

/* --- faults ----------------------------------------------------------------------------------- */

static const char *words_of(int32_t kind);

void kn_option_say(const kaon_option *option, kn_text *out)
{
    char word[32];
    const kn_limits limits = kn_option_limits(option);
    const int32_t one = option->kind == KAON_OPTION_PART ||
                        (option->kind == KN_OPTION_TREE && option->max_count == 1);
    if (option->interface_id)
        kn_text_format(out, "%s%s", one ? "one " : "a list, each a ",
                       kn_interface_word(option->interface_id, word, sizeof word));
    else
        kn_text_add(out, words_of(option->kind));
    if (limits.has_min || limits.has_max) {
        kn_text_add(out, ", ");
        say_limits(&limits, out);
    }
    if (option->kind == KAON_OPTION_CHOICE && option->choices)
        for (const char *const *choice = option->choices; *choice; choice++)
            kn_text_format(out, "%s%s", choice == option->choices ? ": " : ", ", *choice);
    if (option->unit)
        kn_text_format(out, ", in %s", option->unit);
}

static void wrong_type(const job *j, const kn_config *node)
{
    char found[96];
    kn_text wanted = {0};
    kn_option_say(j->option, &wanted);
    kn_fault_add(j->s->faults, KN_FAULT_TYPE, node->place, "'%s' is %s, found %s", j->option->name,
                 kn_text_get(&wanted), kn_config_say(node, found, sizeof found));
    if (node->quoted && node->kind == KN_CONFIG_SCALAR && j->option->kind <= KAON_OPTION_BOOL)
        kn_fault_hint(j->s->faults, "in quotes it is a text; leave them away");
    kn_text_fini(&wanted);
}

static int32_t check_range(const job *j, const kn_config *node, double value)
{
    const kn_limits limits = kn_option_limits(j->option);
    if (is_inside(&limits, value))
        return 1;
    kn_text wanted = {0};
    say_limits(&limits, &wanted);
    kn_fault_add(j->s->faults, KN_FAULT_RANGE, node->place, "'%s' is %s, allowed is %s%s%s",
                 j->option->name, node->text, wanted.length ? kn_text_get(&wanted) : "any number",
                 j->option->unit ? " " : "", j->option->unit ? j->option->unit : "");
    if (j->option->help)
        kn_fault_note(j->s->faults, "%s: %s", j->option->name, j->option->help);
    kn_text_fini(&wanted);
    return 0;
}

static int32_t check_count(const job *j, int64_t count)
{
    const kaon_option *o = j->option;
    if (count >= o->min_count && (!o->max_count || count <= o->max_count))
        return 1;
    kn_fault_add(j->s->faults, KN_FAULT_COUNT, j->node->place,
                 "'%s' has %lld entries, allowed %s %lld", o->name, (long long)count,
                 count < o->min_count ? "are at least" : "are at most",
                 (long long)(count < o->min_count ? o->min_count : o->max_count));
    return 0;
}

/* --- scalars ---------------------------------------------------------------------------------- */

static void read_int(job *j)
{
    int64_t value;
    if (!kn_config_int(j->node, &value)) {
        wrong_type(j, j->node);
        return;
    }
    if (check_range(j, j->node, (double)value))
        *(int64_t *)j->field = value;
}

static void read_float(job *j)
{
    double value;
    if (!kn_config_float(j->node, &value) || value != value) {
        wrong_type(j, j->node);
        return;
    }
    if (check_range(j, j->node, value))
        *(double *)j->field = value;
}

static void read_bool(job *j)
{
    if (!kn_config_bool(j->node, j->field))
        wrong_type(j, j->node);
}

static void read_text(job *j)
{
    if (j->node->kind == KN_CONFIG_NULL && !j->option->text)
        return;
    if (j->node->kind != KN_CONFIG_SCALAR)
        wrong_type(j, j->node);
    else
        *(const char **)j->field = keep_text(j->s, j->node->text);
}

static void read_choice(job *j)
{
    if (j->node->kind != KN_CONFIG_SCALAR) {
        wrong_type(j, j->node);
        return;
    }
    const char *const *choices = j->option->choices;
    size_t count = 0;
    for (; choices && choices[count]; count++) {
        if (strcmp(choices[count], j->node->text))
            continue;
        *(int32_t *)j->field = (int32_t)count;
        return;
    }
    kn_advise_choice(j->s, j->option, j->node, count);
}

/* --- lists ------------------------------------------------------------------------------------ */

// A single scalar counts as a list of one.
static const kn_config *first_of(const kn_config *node)
{
    return node->kind == KN_CONFIG_LIST ? node->first : node;
}

// Memory for the entries of a list of scalars; NULL if it is none (a fault then) or has none.
static void *open_list(job *j, size_t bytes, int64_t *count)
{
    const kn_config *node = j->node;
    *count = node->kind == KN_CONFIG_LIST ? node->count : node->kind == KN_CONFIG_SCALAR;
    if (node->kind == KN_CONFIG_MAP || (node->kind == KN_CONFIG_NULL && !node->is_default)) {
        wrong_type(j, node);
        return NULL;
    }
    for (const kn_config *entry = first_of(node); *count && entry; entry = entry->next) {
        if (entry->kind != KN_CONFIG_SCALAR) {
            wrong_type(j, entry);
            return NULL;
        }
        if (entry == node)
            break;
    }
    return check_count(j, *count) ? take(j->s, (size_t)*count, bytes) : NULL;
}

static void read_ints(job *j)
{
    int64_t count;
    int64_t *at = open_list(j, sizeof *at, &count);
    const kn_config *entry = at ? first_of(j->node) : NULL;
    for (int64_t i = 0; at && i < count; i++, entry = entry->next) {
        if (!kn_config_int(entry, &at[i])) {
            wrong_type(j, entry);
            return;
        }
        if (!check_range(j, entry, (double)at[i]))
            return;
    }
    if (at)
        *(kaon_ints *)j->field = (kaon_ints){count, at};
}

static void read_floats(job *j)
{
    int64_t count;
    double *at = open_list(j, sizeof *at, &count);
    const kn_config *entry = at ? first_of(j->node) : NULL;
    for (int64_t i = 0; at && i < count; i++, entry = entry->next) {
        if (!kn_config_float(entry, &at[i]) || at[i] != at[i]) {
            wrong_type(j, entry);
            return;
        }
        if (!check_range(j, entry, at[i]))
            return;
    }
    if (at)
        *(kaon_floats *)j->field = (kaon_floats){count, at};
}

// Texts of a list may be held to choices, too.
static int32_t is_choice(const job *j, const kn_config *entry)
{
    const char *const *choices = j->option->choices;
    size_t count = 0;
    for (; choices && choices[count]; count++)
        if (!strcmp(choices[count], entry->text))
            return 1;
    if (choices)
        kn_advise_choice(j->s, j->option, entry, count);
    return !choices;
}

static void read_texts(job *j)
{
    int64_t count;
    const char **at = open_list(j, sizeof *at, &count);
    const kn_config *entry = at ? first_of(j->node) : NULL;
    for (int64_t i = 0; at && i < count; i++, entry = entry->next) {
        if (!is_choice(j, entry))
            return;
        at[i] = keep_text(j->s, entry->text);
    }
    if (at)
        *(kaon_texts *)j->field = (kaon_texts){count, at};
}

/* --- items ------------------------------------------------------------------------------------ */

// How an item is written: its name, and where its settings stand.
typedef struct {
    const char *name;
    kn_place place;            // of the name
    const kn_config *settings; // NULL: none given
    const char *label;
} written;

static int32_t bad_form(kn_settings *s, const char *interface_id, const kn_config *node)
{
    char word[32], found[96];
    kn_interface_word(interface_id, word, sizeof word);
    kn_fault_add(s->faults, KN_FAULT_FORM, node->place,
                 "a %s is written as its name or as {name: {settings}}, found %s", word,
                 kn_config_say(node, found, sizeof found));
    if (node->kind == KN_CONFIG_MAP && node->count > 1)
        kn_fault_hint(s->faults,
                      "%s and %s stand side by side: is what follows indented below its name?",
                      node->first->key, node->first->next->key);
    return 0;
}

static int32_t read_form(kn_settings *s, const char *interface_id, const kn_config *node,
                         written *out)
{
    *out = (written){.place = node->place};
    if (node->kind == KN_CONFIG_SCALAR) {
        out->name = node->text;
        return 1;
    }
    const kn_config *label = kn_config_get(node, "as");
    if (node->kind != KN_CONFIG_MAP || node->count != 1 + (label != NULL))
        return bad_form(s, interface_id, node);
    if (label && label->kind != KN_CONFIG_SCALAR)
        return bad_form(s, interface_id, label);
    const kn_config *body = node->first == label ? label->next : node->first;
    out->name = body->key;
    out->place = body->key_place;
    out->settings = body;
    out->label = label ? label->text : NULL;
    return 1;
}

static kn_config *resolve_part(kn_settings *s, const kaon_part *part, kn_config *settings,
                               kn_place place)
{
    const int32_t alone = !settings->count && !part->label;
    kn_config *map =
        alone ? kn_config_scalar_new(s->tree, part->name, 0) : kn_config_map_new(s->tree);
    if (map)
        map->place = place;
    if (alone)
        return map;
    kn_config_put(s->tree, map, part->name, settings);
    if (part->label)
        kn_config_put(s->tree, map, "as", kn_config_scalar_new(s->tree, part->label, 0));
    return map;
}

// For the model file: which items of which plugins it stands on.
static void note_item(kn_settings *s, const kn_item *item, const char *name)
{
    if (!s->items)
        s->items = kn_config_map_new(s->tree);
    if (kn_config_get(s->items, name) || !item->plugin)
        return;
    kn_config *entry = kn_config_map_new(s->tree);
    kn_config_put(s->tree, entry, "plugin", kn_config_scalar_new(s->tree, item->plugin->name, 1));
    kn_config_put(s->tree, entry, "version",
                  kn_config_scalar_new(s->tree, item->plugin->version, 1));
    if (!kn_config_put(s->tree, s->items, name, entry))
        s->faults->failed = 1;
}

static kaon_part *fill_part(kn_settings *s, const kn_item *item, const written *w,
                            kn_config **resolved)
{
    const kaon_head *head = item->table;
    char word[32], more[96];
    snprintf(more, sizeof more, "%s:%s", kn_interface_word(item->interface_id, word, sizeof word),
             item->name);
    const kn_schema schema = {item->name, head->options, head->settings_size, more, w->place, NULL};
    kn_config *settings = NULL;
    kaon_part *part = take(s, 1, sizeof *part);
    if (!part)
        return NULL;
    *part = (kaon_part){.size = sizeof *part,
                        .line = w->place.line,
                        .interface_id = item->interface_id,
                        .name = item->name,
                        .table = item->table,
                        .label = w->label ? keep_text(s, w->label) : NULL};
    part->settings = kn_settings_fill(s, &schema, w->settings, &settings);
    if (!part->settings || !settings)
        return NULL;
    note_item(s, item, more);
    if (resolved)
        *resolved = resolve_part(s, part, settings, w->place);
    return part;
}

const kaon_part *kn_settings_part(kn_settings *s, const char *interface_id, const kn_config *node,
                                  kn_config **resolved)
{
    written w;
    const kn_item *item = NULL;
    kn_diag fault;
    kn_diag_init(&fault);
    if (!read_form(s, interface_id, node, &w))
        return NULL;
    if (s->depth >= DEEPEST) {
        kn_fault_add(s->faults, KN_FAULT_DEPTH, w.place, "items lie deeper than %d in each other",
                     DEEPEST);
        return NULL;
    }
    const kaon_status status = kn_item_find(s->kernel, interface_id, w.name, &item, &fault.diag);
    if (status == KAON_NO_MEMORY)
        s->faults->failed = 1;
    if (status) {
        kn_advise_item(s, interface_id, w.name, w.place, status, fault.text);
        return NULL;
    }
    s->depth++;
    const kaon_part *part = fill_part(s, item, &w, resolved);
    s->depth--;
    return part;
}

kaon_parts kn_settings_parts(kn_settings *s, const char *interface_id, const kn_config *node,
                             kn_config **resolved)
{
    const kaon_parts none = {0, NULL};
    kn_config *list = kn_config_list_new(s->tree);
    const int64_t room = node->kind == KN_CONFIG_LIST ? node->count : 1;
    const kaon_part **at = take(s, (size_t)room, sizeof *at);
    if (!at || !list) {
        s->faults->failed = 1;
        return none;
    }
    int64_t count = 0;
    const kn_config *entry = node->kind == KN_CONFIG_LIST ? node->first : node;
    for (int64_t i = 0; i < room && entry; i++, entry = entry->next) {
        kn_config *below = NULL;
        at[count] = kn_settings_part(s, interface_id, entry, &below);
        if (at[count])
            count++;
        kn_config_append(list, below);
    }
    if (resolved)
        *resolved = list;
    return (kaon_parts){count, at};
}

static void read_part(job *j)
{
    if (j->node->kind == KN_CONFIG_NULL && (!j->option->text || j->node->is_default))
        return;
    const kaon_part *part = kn_settings_part(j->s, j->option->interface_id, j->node, &j->resolved);
    if (part)
        *(kaon_part *)j->field = *part;
}

static void read_parts(job *j)
{
    if (j->node->kind == KN_CONFIG_NULL) {
        if (!j->node->is_default)
            wrong_type(j, j->node);
        return;
    }
    const kaon_parts parts =
        kn_settings_parts(j->s, j->option->interface_id, j->node, &j->resolved);
    if (check_count(j, j->node->kind == KN_CONFIG_LIST ? j->node->count : 1))
        *(kaon_parts *)j->field = parts;
}

static void read_tree(job *j)
{
    // A key with nothing behind it, as resolved configurations have them, is none.
    *(const kn_config **)j->field = j->node->kind == KN_CONFIG_NULL ? NULL : j->node;
}

/* --- defaults --------------------------------------------------------------------------------- */

// Defaults of lists and items are YAML: parsed by the code that parses files.
static kn_config *parse_default(kn_settings *s, const kaon_option *o)
{
    if (!o->text)
        return kn_config_node_new(s->tree, KN_CONFIG_NULL);
    char name[96];
    snprintf(name, sizeof name, "default of '%s'", o->name);
    return kn_config_parse(s->tree, name, o->text, strlen(o->text), s->faults);
}

static kn_config *default_number(kn_settings *s, const kaon_option *o)
{
    switch (o->kind) {
    case KAON_OPTION_INT:
        return kn_config_scalar_format(s->tree, 0, "%lld", (long long)o->integer);
    case KAON_OPTION_FLOAT:
        return kn_config_number_new(s->tree, o->number);
    default:
        return kn_config_scalar_new(s->tree, o->integer ? "true" : "false", 0);
    }
}

static kn_config *default_text(kn_settings *s, const kaon_option *o)
{
    return kn_config_scalar_new(s->tree, o->text, o->text != NULL && !*o->text);
}

static kn_config *default_choice(kn_settings *s, const kaon_option *o)
{
    int64_t count = 0;
    while (o->choices && o->choices[count])
        count++;
    const int64_t index = o->integer >= 0 && o->integer < count ? o->integer : 0;
    return kn_config_scalar_new(s->tree, count ? o->choices[index] : NULL, 0);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct kind {
    const char *words;
    void (*read)(job *j);
    kn_config *(*otherwise)(kn_settings *s, const kaon_option *o);
    size_t bytes; // of the field
} kinds[] = {
    // clang-format off
    [KAON_OPTION_INT]    = {"a whole number",         read_int,    default_number, sizeof(int64_t)},
    [KAON_OPTION_FLOAT]  = {"a number",               read_float,  default_number, sizeof(double)},
    [KAON_OPTION_BOOL]   = {"true or false",          read_bool,   default_number, sizeof(int32_t)},
    [KAON_OPTION_TEXT]   = {"a text",                 read_text,   default_text,   sizeof(char *)},
    [KAON_OPTION_CHOICE] = {"one of",                 read_choice, default_choice, sizeof(int32_t)},
    [KAON_OPTION_INTS]   = {"a list of whole numbers", read_ints,  parse_default,  sizeof(kaon_ints)},
    [KAON_OPTION_FLOATS] = {"a list of numbers",      read_floats, parse_default,  sizeof(kaon_floats)},
    [KAON_OPTION_TEXTS]  = {"a list of texts",        read_texts,  parse_default,  sizeof(kaon_texts)},
    [KAON_OPTION_PART]   = {"an item",                read_part,   parse_default,  sizeof(kaon_part)},
    [KAON_OPTION_PARTS]  = {"a list of items",        read_parts,  parse_default,  sizeof(kaon_parts)},
    // clang-format on
};

static const struct kind kind_tree = {"anything", read_tree, parse_default, sizeof(void *)};

static const struct kind *kind_of(int32_t kind)
{
    if (kind == KN_OPTION_TREE)
        return &kind_tree;
    const int32_t known = kind >= 1 && kind < (int32_t)(sizeof kinds / sizeof *kinds);
    return known ? &kinds[kind] : NULL;
}

static const char *words_of(int32_t kind)
{
    const struct kind *k = kind_of(kind);
    return k ? k->words : "something of a later version";
}

/* --- a whole struct --------------------------------------------------------------------------- */

// 1 if the row can be used: a plugin may have been built against anything.
static int32_t check_row(kn_settings *s, const kn_schema *schema, const kaon_option *o)
{
    const struct kind *kind = kind_of(o->kind);
    if (o->name && kind && kind->bytes <= schema->size && o->offset <= schema->size - kind->bytes &&
        (o->interface_id || (o->kind != KAON_OPTION_PART && o->kind != KAON_OPTION_PARTS)))
        return 1;
    kn_fault_add(s->faults, KN_FAULT_ITEM, (kn_place){0}, "%s declares its option '%s' wrongly",
                 schema->what, o->name ? o->name : "?");
    return 0;
}

static void fill_field(kn_settings *s, const kn_schema *schema, const kaon_option *o,
                       const kn_config *node, char *base, kn_config *resolved)
{
    const struct kind *kind = kind_of(o->kind);
    kn_config *given = kn_config_get(node, o->name);
    if (!given && (o->flags & KAON_OPTION_REQUIRED)) {
        kn_advise_missing(s, schema, o, node);
        return;
    }
    job j = {.s = s, .option = o, .field = base + o->offset};
    kn_config *otherwise = kind->otherwise(s, o);
    if (!otherwise) {
        s->faults->failed |= !s->faults->count;
        return;
    }
    otherwise->is_default = 1;
    // The default goes in first, so that a wrong value leaves a usable one behind. What is required
    // has none: its row's number may lie outside its own limits.
    if (!given || (o->kind <= KAON_OPTION_CHOICE && !(o->flags & KAON_OPTION_REQUIRED))) {
        j.node = otherwise;
        kind->read(&j);
    }
    if (given) {
        j.node = given;
        kind->read(&j);
    }
    kn_config *shown = j.resolved ? j.resolved : kn_config_copy(s->tree, j.node);
    if (shown)
        shown->is_default = !given;
    if (!kn_config_put(s->tree, resolved, o->name, shown))
        s->faults->failed = 1;
}

static const kn_config *map_of(kn_settings *s, const kn_schema *schema, const kn_config *node)
{
    char found[96];
    if (!node || node->kind == KN_CONFIG_NULL || node->kind == KN_CONFIG_MAP)
        return node;
    const kaon_option *o = schema->options;
    const char *what = *schema->what ? schema->what : "an experiment";
    kn_config_say(node, found, sizeof found);
    if (!o || !o->size) {
        kn_fault_add(s->faults, KN_FAULT_TYPE, node->place, "%s has no settings, found %s", what,
                     found);
        return NULL;
    }
    kn_fault_add(s->faults, KN_FAULT_TYPE, node->place,
                 "the settings of %s are keys and values, found %s", what, found);
    if (node->kind == KN_CONFIG_SCALAR)
        kn_fault_hint(s->faults, "{%s: %s}?", o->name, node->text);
    return NULL;
}

void *kn_settings_fill(kn_settings *s, const kn_schema *schema, const kn_config *node,
                       kn_config **resolved)
{
    char *base = take(s, 1, schema->size ? schema->size : 1);
    kn_config *map = kn_config_map_new(s->tree);
    if (!base || !map) {
        s->faults->failed = 1;
        return NULL;
    }
    node = map_of(s, schema, node);
    struct kn_settings_frame frame = {schema, node, s->frame};
    s->frame = &frame;
    for (const kaon_option *o = schema->options; o && o->size; o = kn_option_next(o))
        if (check_row(s, schema, o))
            fill_field(s, schema, o, node, base, map);
    if (node && node->kind == KN_CONFIG_MAP)
        kn_advise_unknown(s, &frame);
    s->frame = frame.outer;
    if (resolved)
        *resolved = map;
    return base;
}
