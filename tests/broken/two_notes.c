/* two_notes.c: which of them holds? */
#include "broken.h"

#define ITEMS(item) item(KAON_LAYER, NAME, &sound_layer)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, NULL)
BROKEN_NOTE("")
