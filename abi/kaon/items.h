/* items.h: other items, by name and options as text, service "kaon.items/1": for plugins that choose
 * parts themselves, for tests and for programs that embed Kaon.
 */
#ifndef KAON_ITEMS_H
#define KAON_ITEMS_H

#include <kaon/option.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_ITEMS_SERVICE "kaon.items/1"

typedef kaon_status kaon_item_visit(void *context, const char *interface_id, const char *name);

typedef struct kaon_items_api {
    uint32_t size;
    uint32_t reserved;
    // A part from YAML flow text, "relu" or "dense: {units: 64}": the same checks and the same errors
    // as in a file. Loads the plugin if need be. [any]
    kaon_status (*part_new)(const kaon_host *host, const char *interface_id, const char *text,
                            const kaon_part **out, kaon_diag *diag);
    void (*part_free)(const kaon_part *part); // takes NULL
    // Installed items of an interface (NULL: all), sorted; loads nothing. Stops at the first status
    // that is not KAON_OK and returns it. [any]
    kaon_status (*each)(const kaon_host *host, const char *interface_id, kaon_item_visit *visit,
                        void *context, kaon_diag *diag);
} kaon_items_api;

#ifdef __cplusplus
}
#endif
#endif
