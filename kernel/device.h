/* device.h: the backend and device the kernel's programs run on: chosen once, at the first program.
 *
 * The choice: settings.backend, else KAON_BACKEND, else the site's preference, else every installed
 * backend from the highest rank down until one opens. A device is written "cuda" or "cuda:1". One
 * that was asked for by name and does not open is a failure; one that was only preferred is passed
 * over with one line in the log.
 */
#ifndef KN_DEVICE_H
#define KN_DEVICE_H

#include <kaon/backend.h>

#include "kernel/kernel.h"

typedef struct kn_device {
    kn_kernel *kernel;
    const kaon_backend *backend; // full table
    const char *name;            // of the backend
    void *handle;                // what the backend opened
    kaon_device_facts facts;
    int32_t index;
    int32_t shares_host; // programs may use host memory as it is
} kn_device;

/* The kernel's device; opens it if this is the first use. [any] */
kaon_status kn_device_get(kn_kernel *kernel, kn_device **out, kaon_diag *diag);

/* Takes NULL. */
void kn_device_close(kn_device *device);

kaon_status kn_device_alloc(kn_device *device, uint64_t bytes, void **out, kaon_diag *diag);
void kn_device_free(kn_device *device, void *memory); // takes NULL

#endif
