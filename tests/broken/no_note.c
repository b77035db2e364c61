/* no_note.c: an entry, but no note. */
#include "broken.h"

static const kaon_item items[] = {{KAON_LAYER, NAME, &sound_layer}, {NULL, NULL, NULL}};
static const kaon_plugin plugin = {SOUND, .items = items};

KAON_EXPORT const kaon_plugin *kaon_plugin_entry(void);
KAON_EXPORT const kaon_plugin *kaon_plugin_entry(void)
{
    return &plugin;
}
