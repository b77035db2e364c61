/* undefined_symbol.c: calls a function that no library has. */
#include "broken.h"

void kaon_function_that_nobody_has(void);

static kaon_status init(const kaon_host *host, kaon_diag *diag)
{
    (void)host;
    (void)diag;
    kaon_function_that_nobody_has();
    return KAON_OK;
}

#define ITEMS(item) item(KAON_LAYER, NAME, &sound_layer)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, init)
