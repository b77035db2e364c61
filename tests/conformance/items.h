/* items.h: every installed item of a kind, one after the other. */
#ifndef KAON_CONFORMANCE_ITEMS_H
#define KAON_CONFORMANCE_ITEMS_H

#include <kaon/test.h>

#include <cmocka.h>

enum { ITEMS = 256, NAME = 64 };

typedef struct {
    int count;
    char names[ITEMS][NAME];
} item_list;

typedef void item_check(const char *name, const kaon_part *part);

static inline kaon_status item_collect(void *context, const char *interface_id, const char *name)
{
    item_list *all = context;
    (void)interface_id;
    if (all->count < ITEMS)
        snprintf(all->names[all->count++], NAME, "%s", name);
    return KAON_OK;
}

/* Calls `check` for each item that can be made with the settings given for its name; one that cannot,
 * because an option has no default, is named as skipped. */
static inline void each_item(const char *interface_id, const char *(*settings)(const char *name),
                             item_check *check)
{
    const kaon_items_api *items = kt_service(KAON_ITEMS_SERVICE);
    item_list all = {0};
    kt_ok(items->each(kt_host(), interface_id, item_collect, &all, kt_diag()));
    if (!all.count)
        print_message("none is installed\n");
    for (int i = 0; i < all.count; i++) {
        char text[512];
        const kaon_part *part = NULL;
        snprintf(text, sizeof text, "%s: {%s}", all.names[i], settings(all.names[i]));
        if (items->part_new(kt_host(), interface_id, text, &part, kt_diag())) {
            print_message("skipped %s: %s\n", all.names[i], kt_words());
            continue;
        }
        print_message("  %s\n", all.names[i]);
        check(all.names[i], part);
        items->part_free(part);
    }
}

#endif
