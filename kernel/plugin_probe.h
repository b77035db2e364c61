/* plugin_probe.h: an unknown plugin is tried in a child process first. */
#ifndef KN_PLUGIN_PROBE_H
#define KN_PLUGIN_PROBE_H

#include "kernel/plugin_note.h"

enum { KN_PROBE_SECONDS = 5 };

// What the trial says. ORDER verdict
enum {
    KN_VERDICT_NONE = 0,   // not tried
    KN_VERDICT_SOUND = 1,  // loaded, described itself and was initialised without harm
    KN_VERDICT_HARMFUL = 2 // it crashed, hung, left, changed the process or contradicts itself
};

/* Loads the plugin in a child, checks it as the host will, calls its init and looks for side
 * effects. KAON_OK with a verdict; the words of a harmful one are in `reason` (KN_DIAG_BYTES long).
 * A failure says that the trial told nothing lasting: the system could not load the object (a
 * library is missing here), or no child could be made. Under the loader's lock. */
kaon_status kn_plugin_probe(const char *path, const kn_note *note, int32_t *verdict, char *reason,
                            kaon_diag *diag);

#endif
