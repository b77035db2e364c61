/* settings_advice.h: what to say when configuration and options do not meet: shared with
 * settings.c. */
#ifndef KN_SETTINGS_ADVICE_H
#define KN_SETTINGS_ADVICE_H

#include "kernel/settings.h"

// A struct being filled, and those around it.
struct kn_settings_frame {
    const kn_schema *schema;
    const kn_config *node; // NULL: all defaults
    struct kn_settings_frame *outer;
};

/* A fault for each key of the frame's map that no option has. */
void kn_advise_unknown(kn_settings *s, const struct kn_settings_frame *frame);

void kn_advise_missing(kn_settings *s, const kn_schema *schema, const kaon_option *option,
                       const kn_config *node);

void kn_advise_choice(kn_settings *s, const kaon_option *option, const kn_config *node,
                      size_t count);

/* `status` and `why` are what looking for the item gave. */
void kn_advise_item(kn_settings *s, const char *interface_id, const char *name, kn_place place,
                    kaon_status status, const char *why);

#endif
