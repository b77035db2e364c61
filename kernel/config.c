/* config.c: the tree of a configuration: making, looking, editing. Parsing is config_parse.c. */
#include "kernel/config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/arena.h"
#include "kernel/config_tree.h"
#include "kernel/memory.h"
#include "kernel/decimal.h"

kn_config_tree *kn_config_tree_new(void)
{
    return kn_alloc_zero(sizeof(kn_config_tree));
}

void kn_config_tree_free(kn_config_tree *tree)
{
    if (!tree)
        return;
    kn_arena_free(&tree->arena);
    kn_free(tree);
}

/* --- looking ---------------------------------------------------------------------------------- */

kn_config *kn_config_get(const kn_config *map, const char *key)
{
    if (!map || map->kind != KN_CONFIG_MAP)
        return NULL;
    for (kn_config *child = map->first; child; child = child->next)
        if (!strcmp(child->key, key))
            return child;
    return NULL;
}

const char *kn_config_text(const kn_config *map, const char *key, const char *otherwise)
{
    const kn_config *node = kn_config_get(map, key);
    return node && node->kind == KN_CONFIG_SCALAR ? node->text : otherwise;
}

int32_t kn_config_int(const kn_config *node, int64_t *out)
{
    return node->kind == KN_CONFIG_SCALAR && !node->quoted && kn_parse_int(node->text, out);
}

int32_t kn_config_float(const kn_config *node, double *out)
{
    return node->kind == KN_CONFIG_SCALAR && !node->quoted && kn_parse_double(node->text, out);
}

int32_t kn_config_bool(const kn_config *node, int32_t *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    if (node->kind != KN_CONFIG_SCALAR || node->quoted)
        return 0;
    for (int32_t i = 0; i < 6; i++) {
        if (kn_text_distance(node->text, words[i]) || strlen(node->text) != strlen(words[i]))
            continue; // the distance ignores case: True and TRUE are fine
        *out = i & 1;
        return 1;
    }
    return 0;
}

const char *kn_config_say(const kn_config *node, char *out, size_t room)
{
    double number;
    int32_t truth;
    if (!node || node->kind == KN_CONFIG_NULL)
        snprintf(out, room, "nothing");
    else if (node->kind == KN_CONFIG_LIST)
        snprintf(out, room, "a list of %lld", (long long)node->count);
    else if (node->kind == KN_CONFIG_MAP)
        snprintf(out, room, "a map");
    else if (kn_config_float(node, &number))
        snprintf(out, room, "the number %.40s", node->text);
    else if (kn_config_bool(node, &truth))
        snprintf(out, room, "%s", node->text);
    else
        snprintf(out, room, "the text '%.60s%s'", node->text, strlen(node->text) > 60 ? "..." : "");
    return out;
}

/* --- making ----------------------------------------------------------------------------------- */

kn_config *kn_config_node_new(kn_config_tree *tree, int32_t kind)
{
    kn_config *node = kn_arena_take(&tree->arena, sizeof *node);
    if (!node)
        return NULL;
    node->kind = kind;
    node->text = "";
    return node;
}

kn_config *kn_config_map_new(kn_config_tree *tree)
{
    return kn_config_node_new(tree, KN_CONFIG_MAP);
}

kn_config *kn_config_list_new(kn_config_tree *tree)
{
    return kn_config_node_new(tree, KN_CONFIG_LIST);
}

kn_config *kn_config_scalar_new(kn_config_tree *tree, const char *text, int32_t quoted)
{
    kn_config *node = kn_config_node_new(tree, text ? KN_CONFIG_SCALAR : KN_CONFIG_NULL);
    if (!node || !text)
        return node;
    node->text = kn_arena_text(&tree->arena, text);
    node->quoted = quoted;
    return node->text ? node : NULL;
}

kn_config *kn_config_scalar_format(kn_config_tree *tree, int32_t quoted, const char *format, ...)
{
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return kn_config_scalar_new(tree, text, quoted);
}

kn_config *kn_config_number_new(kn_config_tree *tree, double value)
{
    char text[KN_NUMBER_BYTES];
    return kn_config_scalar_new(tree, kn_format_double(value, text), 0);
}

kn_config *kn_config_append(kn_config *list, kn_config *value)
{
    if (!list || !value)
        return value;
    value->parent = list;
    value->next = NULL;
    if (list->last)
        list->last->next = value;
    else
        list->first = value;
    list->last = value;
    list->count++;
    return value;
}

// Puts `value` where `old` stands.
static void replace(kn_config *old, kn_config *value)
{
    kn_config *map = old->parent;
    kn_config **link = &map->first;
    while (*link != old)
        link = &(*link)->next;
    *link = value;
    value->next = old->next;
    value->parent = map;
    value->key = old->key;
    value->key_place = old->key_place;
    if (map->last == old)
        map->last = value;
}

kn_config *kn_config_put(kn_config_tree *tree, kn_config *map, const char *key, kn_config *value)
{
    if (!map || !value)
        return value;
    kn_config *old = kn_config_get(map, key);
    if (old) {
        replace(old, value);
        return value;
    }
    value->key = kn_arena_text(&tree->arena, key);
    return value->key ? kn_config_append(map, value) : NULL;
}

kn_config *kn_config_copy(kn_config_tree *tree, const kn_config *node)
{
    if (!node)
        return NULL;
    kn_config *copy = kn_config_node_new(tree, node->kind);
    if (!copy)
        return NULL;
    *copy = (kn_config){.kind = node->kind,
                        .quoted = node->quoted,
                        .is_default = node->is_default,
                        .place = node->place,
                        .text = kn_arena_text(&tree->arena, node->text)};
    if (!copy->text)
        return NULL;
    // Trees come from the parser, which caps their depth, or are built a few levels deep.
    for (const kn_config *child = node->first; child; child = child->next) {
        kn_config *below = kn_config_copy(tree, child);
        if (!below)
            return NULL;
        below->key_place = child->key_place;
        if (node->kind == KN_CONFIG_LIST)
            kn_config_append(copy, below);
        else if (!kn_config_put(tree, copy, child->key, below))
            return NULL;
    }
    return copy;
}

/* --- edits ------------------------------------------------------------------------------------ */

// The entry of a list that a step of a path means: its number, or the item of that name.
static kn_config *list_entry(const kn_config *list, const char *step)
{
    int64_t index;
    const int32_t by_number = kn_parse_int(step, &index);
    int64_t i = 0;
    for (kn_config *entry = list->first; entry; entry = entry->next, i++) {
        if (by_number ? i == index
                      : kn_text_same(entry->text, step) || kn_config_get(entry, step) != NULL)
            return entry;
    }
    return NULL;
}

// Makes an item written as its name alone ("calo") a map ({calo: }) so that it can have settings.
static kn_config *open_item(kn_config_tree *tree, kn_config *node, const char *name)
{
    kn_config *map = kn_config_map_new(tree);
    kn_config *inside = kn_config_node_new(tree, KN_CONFIG_NULL);
    if (!map || !inside || !kn_config_put(tree, map, name, inside))
        return NULL;
    map->place = inside->place = node->place;
    inside->key_place = node->place;
    replace(node, map);
    return inside;
}

// One step down, made where it is not there yet. NULL: it cannot be, or no memory.
static kn_config *step_down(kn_config_tree *tree, kn_config *node, const char *step)
{
    if (node->kind == KN_CONFIG_NULL)
        node->kind = KN_CONFIG_MAP;
    if (node->kind == KN_CONFIG_SCALAR)
        return kn_text_same(node->text, step) && node->parent ? open_item(tree, node, step) : NULL;
    if (node->kind == KN_CONFIG_LIST) {
        int64_t index;
        kn_config *entry = list_entry(node, step);
        if (!entry || kn_parse_int(step, &index))
            return entry;
        return step_down(tree, entry, step);
    }
    kn_config *child = kn_config_get(node, step);
    if (child)
        return child;
    child = kn_config_node_new(tree, KN_CONFIG_NULL);
    return child ? kn_config_put(tree, node, step, child) : NULL;
}

// Parses what stands behind the '=', at its true columns: what is before it becomes blanks.
static kn_config *edit_value(kn_config_tree *tree, const kn_config_source *source, size_t begin,
                             kn_faults *faults)
{
    char *padded = kn_arena_text(&tree->arena, source->text);
    if (!padded) {
        faults->failed = 1;
        return NULL;
    }
    for (size_t i = 0; i < begin; i++)
        if (((unsigned char)padded[i] & 0xC0) != 0x80)
            padded[i] = ' ';
    // A character of several bytes becomes a blank and the bytes behind it must go.
    size_t used = 0;
    for (size_t i = 0; i < source->bytes; i++)
        if (i >= begin || padded[i] == ' ')
            padded[used++] = padded[i];
    padded[used] = 0;
    return kn_config_parse_source(tree, source, padded, used, faults);
}

// Copies `value` into the node a path ends at.
static void assign(kn_config *node, const kn_config *value)
{
    node->kind = value->kind;
    node->quoted = value->quoted;
    node->place = value->place;
    node->text = value->text;
    node->first = value->first;
    node->last = value->last;
    node->count = value->count;
    for (kn_config *child = node->first; child; child = child->next)
        child->parent = node;
}

static kaon_status bad_edit(kn_faults *faults, const kn_config_source *source, size_t at,
                            size_t length, const char *why)
{
    const kn_place place = {source, 1, (int32_t)at + 1, (int32_t)length};
    kn_fault_add(faults, KN_FAULT_EDIT, place, "%s", why);
    kn_fault_note(faults, "an edit names a place and its value: --set model.network.epochs=5, or "
                          "--set data.split.test=0.2");
    return KAON_INVALID;
}

// Walks to the place the text before the '=' names. NULL: said in `faults`.
static kn_config *walk(kn_config_tree *tree, kn_config *node, const kn_config_source *source,
                       size_t path_bytes, kn_faults *faults)
{
    for (size_t at = 0; at <= path_bytes;) {
        size_t length = strcspn(source->text + at, ".=");
        if (at + length > path_bytes)
            length = path_bytes - at;
        char *step = kn_arena_take(&tree->arena, length + 1);
        if (!step) {
            faults->failed = 1;
            return NULL;
        }
        memcpy(step, source->text + at, length);
        kn_config *next = length ? step_down(tree, node, step) : NULL;
        if (!next) {
            bad_edit(faults, source, at, length ? length : 1,
                     length ? "there is no such place in the configuration"
                            : "a name is missing between the dots");
            return NULL;
        }
        node = next;
        at += length + 1;
    }
    return node;
}

kaon_status kn_config_set(kn_config_tree *tree, kn_config **root, const char *edit,
                          kn_faults *faults)
{
    kn_config_source *source = kn_config_source_new(tree, "--set", edit, strlen(edit));
    if (!source) {
        faults->failed = 1;
        return KAON_NO_MEMORY;
    }
    if (!kn_utf8_valid(edit, source->bytes))
        return bad_edit(faults, source, 0, 1, "the edit is not UTF-8");
    const char *equals = strchr(source->text, '=');
    if (!equals || equals == source->text)
        return bad_edit(faults, source, 0, source->bytes ? source->bytes : 1,
                        "the edit has no '=' with a name before it");
    if (!*root)
        *root = kn_config_map_new(tree);
    if (!*root) {
        faults->failed = 1;
        return KAON_NO_MEMORY;
    }
    const size_t path_bytes = (size_t)(equals - source->text);
    const kn_config *value = edit_value(tree, source, path_bytes + 1, faults);
    if (!value)
        return KAON_INVALID;
    kn_config *node = walk(tree, *root, source, path_bytes, faults);
    if (!node)
        return KAON_INVALID;
    assign(node, value);
    if (!node->key_place.line)
        node->key_place = (kn_place){source, 1, 1, (int32_t)path_bytes};
    return KAON_OK;
}
