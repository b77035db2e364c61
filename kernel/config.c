/* config.c: the tree of a configuration: making and looking. Parsing is config_parse.c. */
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

void kn_config_replace(kn_config *old, kn_config *value)
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
        kn_config_replace(old, value);
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
