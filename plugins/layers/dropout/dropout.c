/* dropout.c: in training, sets a random share of the numbers to zero and scales up the rest.
 *
 * in, out  the same shape; the mean is kept ("inverted" dropout), so prediction changes nothing.
 *
 * Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", JMLR 15 (2014) 1929.
 */
#include <kaon/layer.h>

typedef struct {
    double rate;
} config;

static const kaon_option options[] = {
    KAON_FLOAT(config, rate, 0.5, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MAX,
               .help = "share of the numbers that is dropped"),
    {0},
};

static kaon_node *build(kaon_graph *g, const void *settings, kaon_node *in)
{
    const config *c = settings;

    if (!kaon_training(g) || c->rate <= 0)
        return in;

    int64_t shape[KAON_MAX_RANK];
    for (int32_t i = 0; i < kaon_rank(in); i++)
        shape[i] = kaon_dim(in, i);
    kaon_node *draw = kaon_random(g, kaon_rank(in), shape);
    kaon_node *kept = kaon_ge(g, draw, kaon_scalar(g, c->rate));
    kaon_node *zero = kaon_scalar_as(g, kaon_dtype(in), 0);
    return kaon_select(g, kept, kaon_scale(g, in, 1 / (1 - c->rate)), zero);
}

static const kaon_layer dropout = {
    .size = sizeof dropout,
    .settings_size = sizeof(config),
    .options = options,
    .help = "drops a random share of its input in training",
    .build = build,
};

#define ITEMS(item) item(KAON_LAYER, "dropout", &dropout)

KAON_PLUGIN("dropout", "1.0.0", "Apache-2.0", "dropout that keeps the mean", ITEMS, NULL)
