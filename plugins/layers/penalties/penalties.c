/* penalties.c: prices on the size of parameters: l1 strength sum |w|, l2 strength sum w^2,
 * lp strength sum |w|^p.
 */
#include <kaon/layer.h>

typedef struct {
    double strength;
} config;

#define STRENGTH(type)                                                                             \
    KAON_FLOAT(type, strength, 1e-4, .min = 0, .max = 1e6, .help = "price of a unit of the sum")

static const kaon_option options[] = {
    STRENGTH(config),
    {0},
};

// |w| has slope 0 at 0, so that a weight that is zero stays zero.
static kaon_node *l1_build(kaon_graph *g, const void *settings, kaon_node *param)
{
    const config *c = settings;
    return kaon_scale(g, kaon_sum_all(g, kaon_abs(g, param)), c->strength);
}

static kaon_node *l2_build(kaon_graph *g, const void *settings, kaon_node *param)
{
    const config *c = settings;
    return kaon_scale(g, kaon_sum_all(g, kaon_square(g, param)), c->strength);
}

typedef struct {
    double strength;
    double p;
} lp_config;

static const kaon_option lp_options[] = {
    STRENGTH(lp_config),
    KAON_FLOAT(lp_config, p, 2, .min = 1, .max = 16, .help = "power of |w|"),
    {0},
};

static kaon_node *lp_build(kaon_graph *g, const void *settings, kaon_node *param)
{
    const lp_config *c = settings;
    kaon_node *powers = kaon_power(g, kaon_abs(g, param), c->p);
    return kaon_scale(g, kaon_sum_all(g, powers), c->strength);
}

static const kaon_penalty l1 = {
    .size = sizeof l1,
    .settings_size = sizeof(config),
    .options = options,
    .help = "strength sum |w|: drives weights to zero",
    .build = l1_build,
};

static const kaon_penalty l2 = {
    .size = sizeof l2,
    .settings_size = sizeof(config),
    .options = options,
    .help = "strength sum w^2: keeps weights small",
    .build = l2_build,
};

static const kaon_penalty lp = {
    .size = sizeof lp,
    .settings_size = sizeof(lp_config),
    .options = lp_options,
    .help = "strength sum |w|^p",
    .build = lp_build,
};

// clang-format off
#define ITEMS(item)                  \
    item(KAON_PENALTY, "l1", &l1)    \
    item(KAON_PENALTY, "l2", &l2)    \
    item(KAON_PENALTY, "lp", &lp)
// clang-format on

KAON_PLUGIN("penalties", "1.0.0", "Apache-2.0", "penalties on the size of parameters", ITEMS, NULL)
