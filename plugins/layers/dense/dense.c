/* dense.c: a fully connected layer: every output sees every input.
 *
 * in   (batch, ..., features)
 * out  (batch, ..., units): activation(in W + b)
 *
 * W ("kernel") is stored as (features, units), so that a batch multiplies it without a transpose.
 */
#include <kaon/layer.h>

typedef struct {
    int64_t units;
    kaon_part activation;
    int32_t bias;
    int32_t init; // index into init_names
    double init_scale;
} config;

// ORDER init
static const char *const init_names[] = {
    "glorot", "glorot_normal", "he",         "he_uniform", "lecun", "lecun_uniform",
    "normal", "uniform",       "orthogonal", "zero",       "one",   NULL,
};
static const int32_t init_kinds[] = {
    KAON_INIT_GLOROT,     KAON_INIT_GLOROT_NORMAL, KAON_INIT_HE,     KAON_INIT_HE_UNIFORM,
    KAON_INIT_LECUN,      KAON_INIT_LECUN_UNIFORM, KAON_INIT_NORMAL, KAON_INIT_UNIFORM,
    KAON_INIT_ORTHOGONAL, KAON_INIT_ZERO,          KAON_INIT_ONE,
};

static const kaon_option options[] = {
    KAON_INT(config, units, 0, .flags = KAON_OPTION_REQUIRED, .min = 1, .max = 1e6,
             .help = "number of outputs"),
    KAON_PART(config, activation, KAON_LAYER, NULL, .help = "what follows; none: linear"),
    KAON_BOOL(config, bias, 1, .help = "add a learned offset"),
    KAON_CHOICE(config, init, 0, init_names, .help = "how the kernel starts; the bias starts at 0"),
    KAON_FLOAT(config, init_scale, 0.05, .min = 0, .max = 1e3,
               .help = "width of the inits normal and uniform", .flags = KAON_OPTION_EXPERT),
    {0},
};

static kaon_node *activate(kaon_graph *g, const kaon_part *activation, kaon_node *in)
{
    if (!activation->name)
        return in;
    const kaon_layer *layer = activation->table;
    g->api->enter(g, activation->label ? activation->label : activation->name);
    kaon_node *out = layer->build(g, activation->settings, in);
    g->api->leave(g);
    return out;
}

static kaon_node *build(kaon_graph *g, const void *settings, kaon_node *in)
{
    const config *c = settings;

    if (kaon_rank(in) < 2 || kaon_dim(in, -1) < 1)
        return kaon_refuse(g, KAON_INVALID, "dense needs (batch, ..., features), got %s",
                           kaon_shape_text(in));

    const int64_t shape[] = {kaon_dim(in, -1), c->units};
    const int32_t init = init_kinds[c->init];
    const kaon_variable kernel = {
        .size = sizeof kernel,
        .dtype = -1,
        .name = "kernel",
        .rank = 2,
        .init = init,
        .shape = shape,
        .scale = init == KAON_INIT_NORMAL || init == KAON_INIT_UNIFORM ? c->init_scale : 1,
        .flags = KAON_TRAINABLE,
        .fan_axis = 1,
    };
    kaon_node *out = kaon_matmul(g, in, g->api->variable(g, &kernel));
    if (c->bias)
        out = kaon_add(g, out, kaon_param(g, "bias", 1, shape + 1, KAON_INIT_ZERO));
    return activate(g, &c->activation, out);
}

static const kaon_layer dense = {
    .size = sizeof dense,
    .settings_size = sizeof(config),
    .options = options,
    .help = "fully connected: activation(in W + b)",
    .build = build,
};

#define ITEMS(item) item(KAON_LAYER, "dense", &dense)

KAON_PLUGIN("dense", "1.0.0", "Apache-2.0", "fully connected layer", ITEMS, NULL)
