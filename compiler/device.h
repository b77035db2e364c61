/* device.h: the backend and device programs run on.
 *
 * The choice, made at the first program: settings.backend, else KAON_BACKEND, else the site's
 * preference, else every installed backend from the highest rank down until one opens. A device is
 * written "name", "name:1" or, with settings, "name: {option: value}". One asked for by name that
 * does not open is a failure; one that was only preferred is passed over with a line in the log.
 */
#ifndef KN_DEVICE_H
#define KN_DEVICE_H

#include <kaon/backend.h>

#include "kernel/kernel.h"

typedef struct kn_device kn_device;
struct kn_device {
    kn_resident resident; // first
    kn_kernel *kernel;
    const kaon_backend *backend; // full table
    const char *name;            // of the backend
    void *handle;                // what the backend opened
    kaon_device_facts facts;
    int32_t index;
    int32_t shares_host; // programs use host memory as it is
    kn_device *next;     // opened before this one
    kn_device *helper;   // does what it cannot; opened when first needed
    int32_t has_helper;  // 1: that was tried
    char *told[32];      // operations the log has named
};

/* The device new programs are for; opened if this is the first use. [any] */
kaon_status kn_device_get(kn_kernel *kernel, kn_device **out, kaon_diag *diag);

/* The device of this name from here on; programs of others keep theirs. [any] */
kaon_status kn_device_select(kn_kernel *kernel, const char *name, kaon_diag *diag);

/* A device that shares the host's memory and is not this one; NULL if none opens. */
kn_device *kn_device_helper(kn_device *device);

/* Closes all devices of the kernel, whose programs and variables must be gone. Takes NULL. */
void kn_device_close(kn_device *device);

/* NULL for no bytes. */
kaon_status kn_device_alloc(kn_device *device, uint64_t bytes, void **out, kaon_diag *diag);
void kn_device_free(kn_device *device, void *memory); // takes NULL

#endif
