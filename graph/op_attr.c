/* op_attr.c: attributes of primitives: checked against the rules of the op, complete, in order. */
#include "graph/op_attr.h"

#include <string.h>

#include "kernel/arena.h"
#include "kernel/text.h"

enum { LONGEST_LIST = 64 }; // no attribute has more numbers than a tensor has axes

const kaon_attr *kn_attr_find(const kn_use *use, const char *name)
{
    for (int32_t i = 0; i < use->attr_count; i++) {
        if (!strcmp(use->attrs[i].name, name))
            return &use->attrs[i];
    }
    return NULL;
}

int64_t kn_attr_int(const kn_use *use, const char *name, int64_t otherwise)
{
    const kaon_attr *attr = kn_attr_find(use, name);
    return attr && attr->kind == KAON_ATTR_INT ? attr->integer : otherwise;
}

void kn_attr_set(kn_use *use, const char *name, int64_t value)
{
    kaon_attr *attr = (kaon_attr *)kn_attr_find(use, name);
    if (attr)
        attr->integer = value;
}

kaon_status kn_attr_set_ints(kn_graph *g, kn_use *use, const char *name, int64_t count,
                             const int64_t *values)
{
    kaon_attr *attr = (kaon_attr *)kn_attr_find(use, name);
    const int64_t *copy = kn_arena_copy(kn_graph_arena(g), values, (size_t)count * sizeof *values);
    if (!copy) {
        kn_graph_no_memory(g);
        return KAON_NO_MEMORY;
    }
    attr->count = count;
    attr->at = copy;
    return KAON_OK;
}

int32_t kn_attrs_same(const kn_use *a, const kn_use *b)
{
    if (a->attr_count != b->attr_count)
        return 0;
    for (int32_t i = 0; i < a->attr_count; i++) {
        const kaon_attr *x = &a->attrs[i], *y = &b->attrs[i];
        if (x->kind != y->kind || strcmp(x->name, y->name) || x->integer != y->integer ||
            memcmp(&x->number, &y->number, sizeof x->number) || x->count != y->count ||
            (x->count && memcmp(x->at, y->at, (size_t)x->count * sizeof *x->at)) ||
            !kn_text_same(x->text, y->text))
            return 0;
    }
    return 1;
}

static int32_t count_rules(const kn_attr_rule *rules)
{
    int32_t count = 0;
    while (rules && rules[count].name)
        count++;
    return count;
}

// A list may be given as one number.
static kaon_status take_value(kn_graph *g, const kn_use *use, const kn_attr_rule *rule,
                              const kaon_attr *given, kaon_attr *attr)
{
    const int32_t one = given->kind == KAON_ATTR_INT;
    if (rule->kind == KAON_ATTR_INT && one) {
        attr->integer = given->integer;
        return KAON_OK;
    }
    const int32_t list = given->kind == KAON_ATTR_INTS && given->count >= 0 &&
                         given->count <= LONGEST_LIST && (given->at || !given->count);
    if (rule->kind == KAON_ATTR_INTS && (one || list))
        return kn_attr_set_ints(g, (kn_use *)use, rule->name, one ? 1 : given->count,
                                one ? &given->integer : given->at);
    return kaon_fail(kn_graph_diag(g), KAON_INVALID, "%s: attribute '%s' is %s", use->name,
                     rule->name,
                     rule->kind == KAON_ATTR_INT ? "a whole number" : "a list of whole numbers");
}

static kaon_status refuse_unknown(kn_graph *g, const kn_use *use, const char *name)
{
    kn_nearest nearest = {.word = name};
    for (const kn_attr_rule *rule = use->op->attrs; rule && rule->name; rule++)
        kn_nearest_offer(&nearest, rule->name);
    return kaon_fail(kn_graph_diag(g), KAON_INVALID, "%s: no attribute '%s'%s%s%s", use->name, name,
                     nearest.best ? ", did you mean '" : "", nearest.best ? nearest.best : "",
                     nearest.best ? "'?" : "");
}

kaon_status kn_attrs_fill(kn_graph *g, kn_use *use, int32_t attr_count, const kaon_attr *attrs)
{
    const kn_attr_rule *rules = use->op->attrs;
    const int32_t count = count_rules(rules);
    use->attrs = kn_arena_array(kn_graph_arena(g), (size_t)count, sizeof *use->attrs);
    if (!use->attrs) {
        kn_graph_no_memory(g);
        return KAON_NO_MEMORY;
    }
    use->attr_count = count;
    uint32_t missing = 0;
    for (int32_t i = 0; i < count; i++) {
        use->attrs[i] = (kaon_attr){.size = sizeof(kaon_attr),
                                    .kind = rules[i].kind,
                                    .name = rules[i].name,
                                    .integer = rules[i].otherwise};
        missing |= rules[i].required ? 1u << i : 0;
    }
    for (int32_t k = 0; k < attr_count; k++) {
        const kaon_attr *given = &attrs[k];
        int32_t i = 0;
        while (i < count && (!given->name || strcmp(rules[i].name, given->name)))
            i++;
        if (i == count)
            return refuse_unknown(g, use, given->name ? given->name : "");
        KAON_TRY(take_value(g, use, &rules[i], given, &use->attrs[i]));
        missing &= ~(1u << i);
    }
    for (int32_t i = 0; missing && i < count; i++) {
        if (missing & (1u << i))
            return kaon_fail(kn_graph_diag(g), KAON_INVALID, "%s: attribute '%s' is needed",
                             use->name, rules[i].name);
    }
    return KAON_OK;
}
