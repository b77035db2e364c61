/* host.h: the kaon_host table each plugin gets, and the services behind it. */
#ifndef KN_HOST_H
#define KN_HOST_H

#include "kernel/kernel.h"

/* One row per service: what kaon_host.service(id) returns. The table stands in
 * experiment/services.c, above all that offers one: the kernel knows no layer above it. */
typedef struct kn_service {
    const char *id;    // "kaon.graph/1"
    const void *table; // const, for the life of the process
} kn_service;

extern const kn_service kn_services[]; // ends with {0}

/* The table of a service, NULL if there is none. [any] */
const void *kn_service_find(const char *id);

typedef struct kn_host kn_host;

/* Makes the host of one plugin; it lives as long as the process. NULL: no memory. [any] */
kn_host *kn_host_new(const char *plugin_name);
void kn_host_free(kn_host *host); // only for one no plugin has seen

/* What the plugin gets. [any] */
const kaon_host *kn_host_table(const kn_host *host);

/* The kernel a plugin's host speaks to at present: the oldest living one; NULL if there is none.
 * [any] */
kn_kernel *kn_host_kernel(const kaon_host *host);

/* Name of the plugin that was given this host. [any] */
const char *kn_host_plugin(const kaon_host *host);

/* Memory booked to the plugin now. [any] */
int64_t kn_host_bytes(const kaon_host *host);

enum { KN_MAX_KERNELS = 64 };

/* Kernels enter and leave the list of the living here. Called by kernel.c. [any] */
kaon_status kn_host_attach(kn_kernel *kernel, kaon_diag *diag);
void kn_host_detach(const kn_kernel *kernel);

/* In a child process made to try a plugin: from here on there is no kernel, so that nothing of the
 * parent's (its log, its threads) is touched. Services must bear that. */
void kn_host_orphan(void);

#endif
