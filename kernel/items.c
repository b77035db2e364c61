/* items.c: service "kaon.items/1": items chosen by text, for plugins, tests and programs. */
#include "kernel/items.h"

#include <string.h>

#include "kernel/diag.h"
#include "kernel/host.h"
#include "kernel/memory.h"
#include "kernel/settings.h"

struct kn_item_use {
    kaon_part part; // first: what the user holds
    kn_config_tree *tree;
    kn_settings settings;
    kn_faults faults;
    const kn_item *item;
};

void kn_item_use_free(kn_item_use *use)
{
    if (!use)
        return;
    kn_settings_fini(&use->settings);
    kn_config_tree_free(use->tree);
    kn_faults_fini(&use->faults);
    kn_free(use);
}

// Without a place to show the lines of a text in, all faults become one message.
static kaon_status tell(const kn_faults *faults, kaon_diag *diag)
{
    kn_text text = {0};
    if (faults->failed || !faults->count)
        return kn_faults_status(faults, diag);
    for (int32_t i = 0; i < faults->count && i < KN_FAULTS_SHOWN; i++) {
        const kn_fault *f = &faults->at[i];
        kn_text_format(&text, "%s%s%s%s%s", i ? "; " : "", f->message ? f->message : "",
                       f->hint ? " (" : "", f->hint ? f->hint : "", f->hint ? ")" : "");
    }
    const kaon_status status = kaon_fail(diag, KAON_INVALID, "%s", kn_text_get(&text));
    kn_text_fini(&text);
    return status;
}

static kaon_status fill(kn_item_use *use, kn_kernel *kernel, const char *interface_id,
                        const char *text, kaon_diag *diag)
{
    kn_settings_init(&use->settings, kernel, use->tree, &use->faults);
    const kn_config *node =
        kn_config_parse(use->tree, "settings", text, strlen(text), &use->faults);
    const kaon_part *part =
        node ? kn_settings_part(&use->settings, interface_id, node, NULL) : NULL;
    KAON_TRY(tell(&use->faults, diag));
    if (!part)
        return kn_no_memory(diag, "an item");
    use->part = *part;
    return kn_item_find(kernel, interface_id, part->name, &use->item, diag);
}

kaon_status kn_item_use_new(kn_kernel *kernel, const char *interface_id, const char *text,
                            kn_item_use **out, kaon_diag *diag)
{
    *out = NULL;
    if (!kernel)
        return kaon_fail(diag, KAON_UNSUPPORTED, "there is no kernel to ask for items");
    kn_item_use *use = kn_alloc_zero(sizeof *use);
    if (!use)
        return kn_no_memory(diag, "an item");
    use->tree = kn_config_tree_new();
    const kaon_status status = use->tree ? fill(use, kernel, interface_id, text ? text : "", diag)
                                         : kn_no_memory(diag, "an item");
    if (status)
        kn_item_use_free(use);
    else
        *out = use;
    return status;
}

const kaon_part *kn_item_use_part(const kn_item_use *use)
{
    return &use->part;
}

const kn_item *kn_item_use_item(const kn_item_use *use)
{
    return use->item;
}

/* --- the service ------------------------------------------------------------------------------ */

static kaon_status part_new(const kaon_host *host, const char *interface_id, const char *text,
                            const kaon_part **out, kaon_diag *diag)
{
    kn_item_use *use = NULL;
    *out = NULL;
    KAON_TRY(kn_item_use_new(kn_host_kernel(host), interface_id, text, &use, diag));
    *out = &use->part;
    return KAON_OK;
}

static void part_free(const kaon_part *part)
{
    kn_item_use_free((kn_item_use *)(uintptr_t)part);
}

typedef struct {
    kaon_item_visit *visit;
    void *context;
} visitor;

static kaon_status visit_note(void *context, const kn_item_note *item)
{
    const visitor *v = context;
    return v->visit(v->context, item->interface_id, item->name);
}

static kaon_status each(const kaon_host *host, const char *interface_id, kaon_item_visit *visit,
                        void *context, kaon_diag *diag)
{
    visitor v = {visit, context};
    kn_kernel *kernel = kn_host_kernel(host);
    if (!kernel)
        return kaon_fail(diag, KAON_UNSUPPORTED, "there is no kernel to ask for items");
    return kn_item_each(kernel, interface_id, visit_note, &v, diag);
}

const kaon_items_api kn_items_api = {
    .size = sizeof kn_items_api,
    .part_new = part_new,
    .part_free = part_free,
    .each = each,
};
