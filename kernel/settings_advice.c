/* settings_advice.c: what to say when configuration and options do not meet. */
#include "kernel/settings_advice.h"

#include <string.h>

static const kaon_option *find_option(const kaon_option *options, const char *name)
{
    for (const kaon_option *o = options; o && o->size; o = kn_option_next(o))
        if (o->name && !strcmp(o->name, name))
            return o;
    return NULL;
}

static const char *schema_name(const kn_schema *schema)
{
    return *schema->what ? schema->what : "the top level";
}

void kn_advise_unknown(kn_settings *s, const struct kn_settings_frame *frame)
{
    const kn_schema *schema = frame->schema;
    for (const kn_config *child = frame->node->first; child; child = child->next) {
        if (find_option(schema->options, child->key))
            continue;
        kn_fault_add(s->faults, KN_FAULT_UNKNOWN, child->key_place, "unknown key '%s'%s%s%s",
                     child->key, *schema->what ? " in '" : "", schema->what,
                     *schema->what ? "'" : "");
        if (s->advice)
            s->advice->unknown(s, frame, child->key);
    }
}

void kn_advise_missing(kn_settings *s, const kn_schema *schema, const kaon_option *option,
                       const kn_config *node)
{
    kn_text wanted = {0};
    // It is there under a wrong name, which will be said.
    for (const kn_config *child = node && s->advice ? node->first : NULL; child;
         child = child->next)
        if (child->key && !find_option(schema->options, child->key) &&
            kn_text_same(s->advice->meant(schema->options, child->key), option->name))
            return;
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

void kn_advise_item(kn_settings *s, const char *interface_id, const char *name, kn_place place,
                    kaon_status status, const char *why)
{
    char word[32];
    if (status == KAON_NOT_FOUND)
        kn_fault_add(s->faults, KN_FAULT_ITEM, place, "there is no %s '%s'",
                     kn_interface_word(interface_id, word, sizeof word), name);
    else
        kn_fault_add(s->faults, KN_FAULT_ITEM, place, "'%s' cannot be used: %s", name, why);
    if (status == KAON_NOT_FOUND && s->advice)
        s->advice->item(s, interface_id, name);
    kn_fault_more(s->faults, "kaon plugin list --why");
}
