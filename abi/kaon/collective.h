/* collective.h: "kaon.collective/1": several processes that train one model. */
#ifndef KAON_COLLECTIVE_H
#define KAON_COLLECTIVE_H

#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_COLLECTIVE "kaon.collective/1"

typedef struct kaon_collective {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    // Joins the group the launcher made; all members call. [any]
    kaon_status (*open)(const kaon_host *host, const void *settings, void **self, kaon_diag *diag);
    void (*close)(void *self);
    int32_t (*rank)(void *self);
    int32_t (*members)(void *self);
    // In place, summed in order of rank: all members get the same bits. Every call has a deadline
    // after which it fails naming the missing member. [instance]
    kaon_status (*sum)(void *self, const kaon_view *inout, kaon_diag *diag);
    kaon_status (*broadcast)(void *self, int32_t root, const kaon_view *inout, kaon_diag *diag);
    kaon_status (*barrier)(void *self, kaon_diag *diag);
} kaon_collective;

#ifdef __cplusplus
}
#endif
#endif
