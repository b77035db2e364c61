/* false_slope.c: a layer that hides part of what it does from its derivative. */
#include "broken.h"

// x + x^2, of which the derivative sees x alone.
static kaon_node *build_false(kaon_graph *g, const void *settings, kaon_node *in)
{
    (void)settings;
    return kaon_add(g, in, kaon_stop_gradient(g, kaon_square(g, in)));
}

static const kaon_layer false_slope = {
    .size = sizeof false_slope,
    .help = "for tests",
    .build = build_false,
};

#define ITEMS(item) item(KAON_LAYER, NAME, &false_slope)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, NULL)
