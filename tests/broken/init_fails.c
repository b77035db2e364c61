/* init_fails.c: an init that fails in words, as one without its device would. */
#include "broken.h"

static kaon_status init(const kaon_host *host, kaon_diag *diag)
{
    (void)host;
    return kaon_fail(diag, KAON_DEVICE, "there is no such device here");
}

#define ITEMS(item) item(KAON_LAYER, NAME, &sound_layer)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, init)
