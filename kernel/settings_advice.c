/* settings_advice.c: what to say when configuration and options do not meet. */
#include "kernel/settings_advice.h"

#include <string.h>

#include "kernel/memory.h"

enum { KEYS_SHOWN = 24 };

// What other frameworks call things. A row helps only where an option of the second name exists.
static const struct {
    const char *foreign;
    const char *ours;
} spellings[] = {
    {"lr", "learning_rate"},
    {"eta", "learning_rate"},
    {"rate", "learning_rate"},
    {"learningrate", "learning_rate"},
    {"n_epochs", "epochs"},
    {"num_epochs", "epochs"},
    {"max_epochs", "epochs"},
    {"max_iter", "rounds"},
    {"n_iter", "rounds"},
    {"iterations", "rounds"},
    {"batch_size", "batch"},
    {"batchsize", "batch"},
    {"minibatch", "batch"},
    {"hidden", "units"},
    {"neurons", "units"},
    {"out_features", "units"},
    {"nodes", "units"},
    {"act", "activation"},
    {"nonlinearity", "activation"},
    {"opt", "optimizer"},
    {"criterion", "loss"},
    {"objective", "loss"},
    {"n_clusters", "clusters"},
    {"k", "clusters"},

    {"random_state", "seed"},
    {"random_seed", "seed"},
    {"file", "files"},
    {"path", "files"},
    {"inputs", "features"},
    {"label", "target"},
    {"labels", "target"},
    {"y", "target"},
    {"weights", "weight"},
    {"sep", "separator"},
    {"delimiter", "separator"},
    {"gamma", "discount"},
    {"env", "environment"},
    {"val", "validation"},
    {"valid", "validation"},
    {"early_stopping", "patience"},
};

static const kaon_option *find_option(const kaon_option *options, const char *name)
{
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o))
        if (o->name && !strcmp(o->name, name))
            return o;
    return NULL;
}

// The option of that name, or of the name other frameworks' word stands for.
static const kaon_option *find_meant(const kaon_option *options, const char *name)
{
    const kaon_option *found = find_option(options, name);
    for (size_t i = 0; !found && i < sizeof spellings / sizeof *spellings; i++)
        if (!strcmp(spellings[i].foreign, name))
            found = find_option(options, spellings[i].ours);
    return found;
}

static const char *nearest_option(const kaon_option *options, const char *name)
{
    kn_nearest nearest = {.word = name};
    const kaon_option *meant = find_meant(options, name);
    if (meant)
        return meant->name;
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o))
        if (o->name)
            kn_nearest_offer(&nearest, o->name);
    return nearest.best;
}

static const char *schema_name(const kn_schema *schema)
{
    return *schema->what ? schema->what : "the top level";
}

/* --- unknown keys ----------------------------------------------------------------------------- */

// "epochs" in an optimizer belongs to the network around it: the most common mistake in YAML.
static int32_t hint_above(kn_settings *s, const struct kn_settings_frame *frame, const char *key)
{
    for (const struct kn_settings_frame *up = frame->outer; up; up = up->outer) {
        const kaon_option *o = find_meant(up->schema->options, key);
        if (!o)
            continue;
        kn_fault_hint(s->faults, "'%s' belongs to %s, further left", o->name,
                      schema_name(up->schema));
        return 1;
    }
    return 0;
}

static int32_t hint_part(kn_settings *s, const kaon_option *o, const kaon_part *part,
                         const char *key)
{
    const kaon_head *head = part->name ? part->table : NULL;
    const kaon_option *meant = head ? find_meant(head->options, key) : NULL;
    if (!meant)
        return 0;
    kn_fault_hint(s->faults, "'%s' belongs to %s: {%s: {%s: {%s: ...}}}", meant->name, part->name,
                  o->name, part->name, meant->name);
    return 1;
}

// "learning_rate" beside the optimizer belongs into it.
static int32_t hint_below(kn_settings *s, const struct kn_settings_frame *frame, const char *key)
{
    for (const kaon_option *o = frame->schema->options; o && o->size; o = kn_option_next(o)) {
        const void *field = frame->base + o->offset;
        if (o->kind == KAON_OPTION_PART && hint_part(s, o, field, key))
            return 1;
    }
    return 0;
}

static void note_keys(kn_settings *s, const kn_schema *schema)
{
    kn_text keys = {0};
    int32_t count = 0;
    for (const kaon_option *o = schema->options; o && o->size; o = kn_option_next(o), count++)
        if (count < KEYS_SHOWN)
            kn_text_format(&keys, "%s%s", count ? ", " : "", o->name ? o->name : "?");
    if (count)
        kn_fault_note(s->faults, "keys here: %s%s", kn_text_get(&keys),
                      count > KEYS_SHOWN ? ", ..." : "");
    else
        kn_fault_note(s->faults, "%s has no settings", schema_name(schema));
    if (schema->more && count)
        kn_fault_note(s->faults, "more: kaon inspect %s", schema->more);
    kn_text_fini(&keys);
}

static void unknown_key(kn_settings *s, const struct kn_settings_frame *frame,
                        const kn_config *child)
{
    const kn_schema *schema = frame->schema;
    kn_fault_add(s->faults, KN_FAULT_UNKNOWN, child->key_place, "unknown key '%s'%s%s", child->key,
                 *schema->what ? " in " : "", schema->what);
    const char *near = nearest_option(schema->options, child->key);
    if (near)
        kn_fault_hint(s->faults, "did you mean '%s'?", near);
    else if (!hint_below(s, frame, child->key))
        hint_above(s, frame, child->key);
    note_keys(s, schema);
}

void kn_advise_unknown(kn_settings *s, const struct kn_settings_frame *frame)
{
    for (const kn_config *child = frame->node->first; child; child = child->next)
        if (!find_option(frame->schema->options, child->key))
            unknown_key(s, frame, child);
}

/* --- missing keys, choices -------------------------------------------------------------------- */

void kn_advise_missing(kn_settings *s, const kn_schema *schema, const kaon_option *option,
                       const kn_config *node)
{
    kn_text wanted = {0};
    kn_option_say(option, &wanted);
    kn_place place = node ? node->place : schema->place;
    if (node && node->key_place.line)
        place = node->key_place;
    kn_fault_add(s->faults, KN_FAULT_MISSING, place, "%s needs '%s'", schema_name(schema),
                 option->name);
    if (place.line && !node)
        kn_fault_hint(s->faults, "write %s: {%s: ...}", schema->what, option->name);
    else if (place.line)
        kn_fault_hint(s->faults, "add '%s: ...' here", option->name);
    kn_fault_note(s->faults, "%s: %s%s%s", option->name, kn_text_get(&wanted),
                  option->help ? "; " : "", option->help ? option->help : "");
    kn_text_fini(&wanted);
}

void kn_advise_choice(kn_settings *s, const kaon_option *option, const kn_config *node,
                      size_t count)
{
    kn_text list = {0};
    for (size_t i = 0; i < count; i++)
        kn_text_format(&list, "%s%s", i ? ", " : "", option->choices[i]);
    kn_fault_add(s->faults, KN_FAULT_CHOICE, node->place, "'%s' cannot be '%s'", option->name,
                 node->text);
    const char *near = kn_suggest(node->text, option->choices, count);
    if (near)
        kn_fault_hint(s->faults, "did you mean '%s'?", near);
    kn_fault_note(s->faults, "choices: %s", kn_text_get(&list));
    kn_text_fini(&list);
}

/* --- unknown items ---------------------------------------------------------------------------- */

typedef struct {
    const char *interface_id;
    const char *name;
    kn_nearest nearest;
    kn_text names;
    char best[64];  // the nearest; notes are borrowed for the visit only
    char other[64]; // the interface that has an item of just this name
    int32_t count;
} search;

static kaon_status visit(void *context, const kn_item_note *item)
{
    search *found = context;
    if (strcmp(item->interface_id, found->interface_id)) {
        if (!strcmp(item->name, found->name))
            snprintf(found->other, sizeof found->other, "%s", item->interface_id);
        return KAON_OK;
    }
    if (found->count++ < KEYS_SHOWN * 4)
        kn_text_format(&found->names, "%s%s", found->count > 1 ? ", " : "", item->name);
    kn_nearest_offer(&found->nearest, item->name);
    if (found->nearest.best == item->name) {
        snprintf(found->best, sizeof found->best, "%s", item->name);
        found->nearest.best = found->best;
    }
    return KAON_OK;
}

static void unknown_item(kn_settings *s, const char *interface_id, const char *name, kn_place place)
{
    char word[32], other[32];
    search found = {.interface_id = interface_id, .name = name, .nearest = {.word = name}};
    kn_interface_word(interface_id, word, sizeof word);
    kn_item_each(s->kernel, NULL, visit, &found, NULL);
    kn_fault_add(s->faults, KN_FAULT_ITEM, place, "there is no %s '%s'", word, name);
    if (found.nearest.best)
        kn_fault_hint(s->faults, "did you mean '%s'?", found.nearest.best);
    else if (*found.other)
        kn_fault_hint(s->faults, "'%s' is a %s, not a %s", name,
                      kn_interface_word(found.other, other, sizeof other), word);
    if (found.count)
        kn_fault_note(s->faults, "installed: %s", kn_text_get(&found.names));
    else
        kn_fault_note(s->faults, "no plugin with a %s is installed", word);
    kn_fault_note(s->faults, "more: kaon plugin list --why");
    kn_text_fini(&found.names);
}

void kn_advise_item(kn_settings *s, const char *interface_id, const char *name, kn_place place,
                    kaon_status status, const char *why)
{
    if (status == KAON_NOT_FOUND) {
        unknown_item(s, interface_id, name, place);
        return;
    }
    kn_fault_add(s->faults, KN_FAULT_ITEM, place, "'%s' cannot be used: %s", name, why);
    kn_fault_note(s->faults, "more: kaon plugin list --why");
}
