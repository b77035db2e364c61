/* backends.h: every installed backend, opened to see whether it can be used. */
#ifndef KN_BACKENDS_H
#define KN_BACKENDS_H

#include <jansson.h>

#include "kernel/kernel.h"

/* Appends {"name", "plugin", "usable", "chosen", "device", "memory", "why"} for each; their devices
 * stay open as long as the kernel. [instance] */
kaon_status kn_backends_json(kn_kernel *kernel, json_t *out, kaon_diag *diag);

#endif
