/* items.c: sound plugins with other items than the rest: ITEM_NAME for clashes, an interface of a
 * later kernel. */
#include "broken.h"

#define ITEMS(item) item(INTERFACE, ITEM_NAME, &sound_layer)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, NULL)
