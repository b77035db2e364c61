/* items.h: one item with its settings from a text, and the service "kaon.items/1" made of it. */
#ifndef KN_ITEMS_H
#define KN_ITEMS_H

#include <kaon/items.h>

#include "kernel/kernel.h"
#include "kernel/registry.h"

typedef struct kn_item_use kn_item_use;

/* `text` as in a configuration: "calo", "calo: {cells: 8}". [any] */
kaon_status kn_item_use_new(kn_kernel *kernel, const char *interface_id, const char *text,
                            kn_item_use **out, kaon_diag *diag);
void kn_item_use_free(kn_item_use *use); // takes NULL

const kaon_part *kn_item_use_part(const kn_item_use *use);
const kn_item *kn_item_use_item(const kn_item_use *use);

// Service "kaon.items/1".
extern const kaon_items_api kn_items_api;

#endif
