/* descriptor.c: descriptors that are wrong in one way each; VARIANT picks one. */
#include "broken.h"

#include <stddef.h>

BROKEN_NOTE(MORE)

static const kaon_item items[] = {{KAON_LAYER, NAME, &sound_layer}, {NULL, NULL, NULL}};
SPARE static const kaon_item endless[] = {{KAON_LAYER, NAME, &sound_layer},
                                          {KAON_LAYER, "b", &sound_layer},
                                          {KAON_LAYER, "c", &sound_layer}};
SPARE static const kaon_item other_name[] = {{KAON_LAYER, "other", &sound_layer},
                                             {NULL, NULL, NULL}};
SPARE static const kaon_item twice[] = {
    {KAON_LAYER, NAME, &sound_layer}, {KAON_LAYER, NAME, &sound_layer}, {NULL, NULL, NULL}};
SPARE static const kaon_item without_table[] = {{KAON_LAYER, NAME, NULL}, {NULL, NULL, NULL}};
SPARE static const kaon_item wild_table[] = {{KAON_LAYER, NAME, (const void *)64},
                                             {NULL, NULL, NULL}};

#define LAYER(name, ...)                                                                           \
    SPARE static const kaon_layer name##_layer = {__VA_ARGS__};                                    \
    SPARE static const kaon_item name##_items[] = {{KAON_LAYER, NAME, &name##_layer},              \
                                                   {NULL, NULL, NULL}};                            \
    SPARE static const kaon_plugin name = {SOUND, .items = name##_items};

LAYER(null_call, .size = sizeof(kaon_layer), .help = "has no build")
LAYER(short_table, .size = sizeof(kaon_head), .help = "ends before build", .build = pass)
LAYER(tiny_table, .size = 8, .help = "ends before its help", .build = pass)
LAYER(odd_table, .size = sizeof(kaon_layer) + 1, .help = "odd", .build = pass)
LAYER(no_help, .size = sizeof(kaon_layer), .build = pass)
LAYER(bad_help, .size = sizeof(kaon_layer), .help = "\xff\xfe", .build = pass)

static const struct {
    kaon_layer known;
    void *unknown;
} long_layer = {{.size = sizeof long_layer, .help = "newer", .build = pass}, (void *)1},
  zero_layer = {{.size = sizeof zero_layer, .help = "newer", .build = pass}, NULL};
SPARE static const kaon_item long_items[] = {{KAON_LAYER, NAME, &long_layer}, {NULL, NULL, NULL}};
SPARE static const kaon_item zero_items[] = {{KAON_LAYER, NAME, &zero_layer}, {NULL, NULL, NULL}};

SPARE static const kaon_plugin sound = {SOUND, .items = items};
SPARE static const kaon_plugin size_zero = {SOUND, .items = items, .size = 0};
SPARE static const kaon_plugin size_small = {SOUND, .items = items, .size = 16};
SPARE static const kaon_plugin size_odd = {SOUND, .items = items, .size = sizeof(kaon_plugin) + 1};
SPARE static const kaon_plugin size_huge = {SOUND, .items = items, .size = 1u << 30};
SPARE static const kaon_plugin other_abi = {SOUND, .items = items, .abi = KAON_ABI_VERSION(0, 0)};
SPARE static const kaon_plugin null_name = {SOUND, .items = items, .name = NULL};
SPARE static const kaon_plugin null_version = {SOUND, .items = items, .version = NULL};
SPARE static const kaon_plugin other_version = {SOUND, .items = items, .version = "2.0.0"};
SPARE static const kaon_plugin null_items = {SOUND};
SPARE static const kaon_plugin endless_items = {SOUND, .items = endless};
SPARE static const kaon_plugin other_item = {SOUND, .items = other_name};
SPARE static const kaon_plugin item_twice = {SOUND, .items = twice};
SPARE static const kaon_plugin null_table = {SOUND, .items = without_table};
SPARE static const kaon_plugin wild_pointer = {SOUND, .items = wild_table};
SPARE static const kaon_plugin long_table = {SOUND, .items = long_items};
SPARE static const kaon_plugin zero_tail = {SOUND, .items = zero_items};

// A descriptor of a later ABI, with a field this kernel does not know, used and unused.
static const struct {
    kaon_plugin known;
    void *unknown;
} later = {{SOUND, .items = items, .size = sizeof later}, (void *)1},
  later_unused = {{SOUND, .items = items, .size = sizeof later_unused}, NULL};

#define null_entry  (*(const kaon_plugin *)NULL)
#define wild_entry  (*(const kaon_plugin *)4096)
#define later_used  (later.known)
#define later_plain (later_unused.known)

KAON_EXPORT const kaon_plugin *kaon_plugin_entry(void);
KAON_EXPORT const kaon_plugin *kaon_plugin_entry(void)
{
    return &VARIANT;
}
