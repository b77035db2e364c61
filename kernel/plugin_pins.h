/* plugin_pins.h: a lock file that says which build of a plugin may be used.
 *
 *     # name  sha256
 *     calo 3f0a...
 *
 * A plugin whose content differs from its pin is refused; plugins without a pin are not affected.
 * The format is what `sha256sum` prints with the two columns exchanged.
 */
#ifndef KN_PLUGIN_PINS_H
#define KN_PLUGIN_PINS_H

#include "kernel/sha256.h"

#include <kaon/base.h>

typedef struct kn_pin {
    const char *name; // borrowed from the text
    char sha256[KN_SHA256_HEX];
} kn_pin;

typedef struct kn_pins {
    char *text;
    kn_pin *at;
    size_t count;
} kn_pins;

/* `path` NULL: no pins. A file that is missing or malformed is a failure: pins must not vanish. */
kaon_status kn_pins_read(const char *path, kn_pins *out, kaon_diag *diag);
void kn_pins_fini(kn_pins *pins);

/* The pinned sum of a plugin, NULL if it has none. */
const char *kn_pins_find(const kn_pins *pins, const char *name);

#endif
