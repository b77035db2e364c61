/* config_edit.c: one edit of a configuration, as `--set` makes them. */
#include "experiment/config_edit.h"

#include <string.h>

#include "kernel/config_tree.h"
#include "kernel/decimal.h"

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
    kn_config_replace(node, map);
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
