/* averages.c: averages of weights over the updates of a training, which err less than the last
 * ones.
 *
 *   ema   a <- a + (1 - decay) (w - a), from the first update's weights on
 *   swa   the plain mean of all updates after a share `start` of the training; before it the
 * weights
 *
 * Polyak, Juditsky, doi:10.1137/0330046; Izmailov et al., arXiv:1803.05407.
 */
#include <kaon/layer.h>

// a + share (w - a); share is f64, and 1 gives w itself.
static kaon_node *toward(kaon_graph *g, kaon_node *a, kaon_node *w, kaon_node *share)
{
    kaon_node *one = kaon_scalar_as(g, KAON_F64, 1);
    kaon_node *part = kaon_cast(g, share, kaon_dtype(a));
    kaon_node *mixed = kaon_add(g, a, kaon_mul(g, part, kaon_sub(g, w, a)));
    return kaon_select(g, kaon_ge(g, share, one), w, mixed);
}

/* --- ema -------------------------------------------------------------------------------------- */

typedef struct {
    double decay;
} ema_config;

static const kaon_option ema_options[] = {
    KAON_FLOAT(ema_config, decay, 0.999, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MAX,
               .help = "share of the old average that is kept at each update"),
    {0},
};

static kaon_node *ema_build(kaon_graph *g, const void *settings, kaon_node *average,
                            kaon_node *value, const kaon_pace *pace)
{
    const ema_config *c = settings;
    kaon_node *one = kaon_scalar_as(g, KAON_F64, 1);
    kaon_node *first = kaon_lt(g, pace->step, one);
    return toward(g, average, value,
                  kaon_select(g, first, one, kaon_scalar_as(g, KAON_F64, 1 - c->decay)));
}

/* --- swa -------------------------------------------------------------------------------------- */

typedef struct {
    double start;
} swa_config;

static const kaon_option swa_options[] = {
    KAON_FLOAT(swa_config, start, 0.75, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MAX,
               .help = "share of the training after which weights are averaged"),
    {0},
};

static kaon_node *swa_build(kaon_graph *g, const void *settings, kaon_node *average,
                            kaon_node *value, const kaon_pace *pace)
{
    const swa_config *c = settings;
    kaon_node *one = kaon_scalar_as(g, KAON_F64, 1);
    kaon_node *start = kaon_floor(g, kaon_scale(g, pace->steps, c->start));
    kaon_node *count = kaon_max(g, kaon_shift(g, kaon_sub(g, pace->step, start), 1), one);
    return toward(g, average, value, kaon_div(g, one, count));
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_average ema = {
    .size = sizeof ema,
    .settings_size = sizeof(ema_config),
    .options = ema_options,
    .help = "exponential moving average of the weights",
    .build = ema_build,
};

static const kaon_average swa = {
    .size = sizeof swa,
    .settings_size = sizeof(swa_config),
    .options = swa_options,
    .help = "mean of the weights over the last part of the training",
    .build = swa_build,
};

// clang-format off
#define ITEMS(item)                   \
    item(KAON_AVERAGE, "ema", &ema)   \
    item(KAON_AVERAGE, "swa", &swa)
// clang-format on

KAON_PLUGIN("averages", "1.0.0", "Apache-2.0", "averages of weights", ITEMS, NULL)
