/* @NAME@.c: each feature times a learned gain, bent so that it never passes a limit.
 *
 * in   (batch, ..., features)
 * out  the same shape: limit * tanh(gain * in / limit)
 *
 * Near zero the layer is linear with slope `gain`; far out it saturates at the limit.
 */
#include <kaon/layer.h>

typedef struct {
    double limit;
} config;

static const kaon_option options[] = {
    KAON_FLOAT(config, limit, 10, .min = 1e-6, .max = 1e6,
               .help = "largest magnitude of an output"),
    {0},
};

static kaon_node *build(kaon_graph *g, const void *settings, kaon_node *in)
{
    const config *c = settings;

    if (kaon_rank(in) < 2)
        return kaon_refuse(g, KAON_INVALID, "@NAME@ needs (batch, ..., features), got %s",
                           kaon_shape_text(in));

    const int64_t features[] = {kaon_dim(in, -1)};
    kaon_node *gain = kaon_param(g, "gain", 1, features, KAON_INIT_ONE);

    kaon_node *scaled = kaon_scale(g, kaon_mul(g, in, gain), 1 / c->limit);
    return kaon_scale(g, kaon_tanh(g, scaled), c->limit);
}

static const kaon_layer layer = {
    .size = sizeof layer,
    .settings_size = sizeof(config),
    .options = options,
    .help = "a learned gain per feature, limited in magnitude",
    .build = build,
};

#define ITEMS(item) item(KAON_LAYER, "@NAME@", &layer)

KAON_PLUGIN("@NAME@", "1.0.0", "Apache-2.0", "a learned gain per feature, limited in magnitude",
            ITEMS, NULL)
