/* learned.c: activations with parameters of their own: prelu, maxout, radial.
 *
 * prelu   (batch, ..., features) -> same: x above 0, alpha x below, alpha learned per feature.
 *         He, Zhang, Ren, Sun, arXiv:1502.01852.
 * maxout  (batch, ..., features) -> (batch, ..., units): the largest of some learned linear
 *         functions. Goodfellow, Warde-Farley, Mirza, Courville, Bengio, arXiv:1302.4389.
 * radial  (batch, features) -> (batch, units): phi(|x - c|), centres c learned.
 */
#include "activations.h"

/* --- prelu ------------------------------------------------------------------------------------ */

typedef struct {
    double alpha;
    int32_t shared;
} prelu_config;

static const kaon_option prelu_options[] = {
    KAON_FLOAT(prelu_config, alpha, 0.25, .min = -10, .max = 10,
               .help = "slope below 0 at the start"),
    KAON_BOOL(prelu_config, shared, 0, .help = "one slope for all features"),
    {0},
};

static kaon_node *prelu(kaon_graph *g, const void *settings, kaon_node *x)
{
    const prelu_config *c = settings;

    if (kaon_rank(x) < 2)
        return kaon_refuse(g, KAON_INVALID, "prelu needs (batch, ..., features), got %s",
                           kaon_shape_text(x));

    const int64_t features = c->shared ? 1 : kaon_dim(x, -1);
    const kaon_variable start = {
        .size = sizeof start,
        .dtype = -1,
        .name = "alpha",
        .rank = 1,
        .init = KAON_INIT_VALUE,
        .shape = &features,
        .scale = c->alpha,
        .flags = KAON_TRAINABLE,
    };
    kaon_node *alpha = g->api->variable(g, &start);
    kaon_node *zero = kaon_scalar_as(g, kaon_dtype(x), 0);
    kaon_node *below = kaon_mul(g, alpha, kaon_min(g, zero, x));
    return kaon_add(g, kaon_max(g, x, zero), below);
}

const kaon_layer prelu_layer = {
    .size = sizeof prelu_layer,
    .settings_size = sizeof(prelu_config),
    .options = prelu_options,
    .help = "x above 0, a learned slope below",
    .build = prelu,
};

/* --- maxout ----------------------------------------------------------------------------------- */

typedef struct {
    int64_t units;
    int64_t pieces;
} maxout_config;

static const kaon_option maxout_options[] = {
    KAON_INT(maxout_config, units, 0, .flags = KAON_OPTION_REQUIRED, .min = 1, .max = 1e6,
             .help = "number of outputs"),
    KAON_INT(maxout_config, pieces, 2, .min = 1, .max = 64,
             .help = "linear functions each output chooses from"),
    {0},
};

static kaon_node *maxout(kaon_graph *g, const void *settings, kaon_node *x)
{
    const maxout_config *c = settings;
    const int32_t rank = kaon_rank(x);

    if (rank < 2 || rank >= KAON_MAX_RANK || kaon_dim(x, -1) < 1)
        return kaon_refuse(g, KAON_INVALID, "maxout needs (batch, ..., features), got %s",
                           kaon_shape_text(x));

    // The pieces of one unit lie side by side, so that the maximum runs over the last axis.
    const int64_t width = c->units * c->pieces;
    const int64_t shape[] = {kaon_dim(x, -1), width};
    const kaon_variable kernel = {
        .size = sizeof kernel,
        .dtype = -1,
        .name = "kernel",
        .rank = 2,
        .init = KAON_INIT_HE,
        .shape = shape,
        .scale = 1,
        .flags = KAON_TRAINABLE,
        .fan_axis = 1,
    };
    kaon_node *bias = kaon_param(g, "bias", 1, &width, KAON_INIT_ZERO);
    kaon_node *all = kaon_add(g, kaon_matmul(g, x, g->api->variable(g, &kernel)), bias);

    int64_t split[KAON_MAX_RANK];
    for (int32_t i = 0; i < rank - 1; i++)
        split[i] = kaon_dim(x, i);
    split[rank - 1] = c->units;
    split[rank] = c->pieces;
    return kaon_reduce(g, "reduce_max", kaon_reshape(g, all, rank + 1, split), -1, 0);
}

const kaon_layer maxout_layer = {
    .size = sizeof maxout_layer,
    .settings_size = sizeof(maxout_config),
    .options = maxout_options,
    .help = "the largest of some learned linear functions",
    .build = maxout,
};

/* --- radial ----------------------------------------------------------------------------------- */

typedef struct {
    int64_t units;
    int32_t kind; // index into radial_kinds
    double width;
} radial_config;

enum { GAUSSIAN, MULTIQUADRIC };
static const char *const radial_kinds[] = {"gaussian", "multiquadric", NULL};

static const kaon_option radial_options[] = {
    KAON_INT(radial_config, units, 0, .flags = KAON_OPTION_REQUIRED, .min = 1, .max = 1e6,
             .help = "number of centres"),
    KAON_CHOICE(radial_config, kind, GAUSSIAN, radial_kinds,
                .help = "e^(-r^2 / 2 w^2), or sqrt(1 + r^2 / w^2)"),
    KAON_FLOAT(radial_config, width, 1, .min = 0, .max = 1e6, .flags = KAON_OPTION_OPEN_MIN,
               .help = "w, the distance on which the function changes"),
    {0},
};

// The differences are formed one by one: |x|^2 - 2 x c + |c|^2 by a matrix product would be faster
// and lose all digits of small distances.
static kaon_node *radial(kaon_graph *g, const void *settings, kaon_node *x)
{
    const radial_config *c = settings;

    if (kaon_rank(x) != 2 || kaon_dim(x, 1) < 1)
        return kaon_refuse(g, KAON_INVALID, "radial needs (batch, features), got %s",
                           kaon_shape_text(x));

    const int64_t shape[] = {c->units, kaon_dim(x, 1)};
    const kaon_variable start = {
        .size = sizeof start,
        .dtype = -1,
        .name = "centres",
        .rank = 2,
        .init = KAON_INIT_NORMAL,
        .shape = shape,
        .scale = 1,
        .flags = KAON_TRAINABLE,
    };
    kaon_node *centres = g->api->variable(g, &start);
    const int64_t rows[] = {kaon_dim(x, 0), 1, kaon_dim(x, 1)};
    kaon_node *away = kaon_sub(g, kaon_reshape(g, x, 3, rows), centres); // (batch, units, features)
    kaon_node *r2 = kaon_scale(g, kaon_sum(g, kaon_square(g, away), -1), 1 / (c->width * c->width));
    if (c->kind == GAUSSIAN)
        return kaon_exp(g, kaon_scale(g, r2, -0.5));
    return kaon_sqrt(g, kaon_shift(g, r2, 1));
}

const kaon_layer radial_layer = {
    .size = sizeof radial_layer,
    .settings_size = sizeof(radial_config),
    .options = radial_options,
    .help = "a function of the distance to learned centres",
    .build = radial,
};
