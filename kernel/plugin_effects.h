/* plugin_effects.h: what loading a plugin must not change: arithmetic, signals, locale, folder,
 * umask, environment. Looked at before and after, and put back.
 *
 * Loading runs code: constructors of the plugin and of all it links. An object linked with -Ofast,
 * for one, switches the loading thread to flush-to-zero, and everybody's results change.
 */
#ifndef KN_PLUGIN_EFFECTS_H
#define KN_PLUGIN_EFFECTS_H

#include <kaon/base.h>

typedef struct kn_effects kn_effects;

/* The state of the calling thread and the process. */
kaon_status kn_effects_new(kn_effects **out, kaon_diag *diag);

/* Puts back what has changed since. KAON_INVALID if anything had, with words: "it changed the
 * locale and the working folder". To be called by the thread that made it. */
kaon_status kn_effects_restore(kn_effects *before, kaon_diag *diag);

void kn_effects_free(kn_effects *effects); // takes NULL

#endif
