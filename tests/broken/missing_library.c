/* missing_library.c: needs a library that is not there when it is loaded. */
#include "broken.h"

void kaon_absent(void);

static kaon_status init(const kaon_host *host, kaon_diag *diag)
{
    (void)host;
    (void)diag;
    kaon_absent();
    return KAON_OK;
}

#define ITEMS(item) item(KAON_LAYER, NAME, &sound_layer)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, init)
