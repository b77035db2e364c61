/* flatten.c: joins all axes of an event into one.
 *
 * in   (batch, ...)
 * out  (batch, product of the rest)
 */
#include <kaon/layer.h>

static kaon_node *build(kaon_graph *g, const void *settings, kaon_node *in)
{
    (void)settings;

    if (kaon_rank(in) < 1)
        return kaon_refuse(g, KAON_INVALID, "flatten needs (batch, ...), got %s",
                           kaon_shape_text(in));

    int64_t shape[] = {kaon_dim(in, 0), 1};
    for (int32_t i = 1; i < kaon_rank(in); i++)
        shape[1] *= kaon_dim(in, i);
    return kaon_reshape(g, in, 2, shape);
}

static const kaon_layer flatten = {
    .size = sizeof flatten,
    .help = "joins all axes of an event into one",
    .build = build,
};

#define ITEMS(item) item(KAON_LAYER, "flatten", &flatten)

KAON_PLUGIN("flatten", "1.0.0", "Apache-2.0", "joins the axes of an event", ITEMS, NULL)
