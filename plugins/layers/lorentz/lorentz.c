/* lorentz.c: squared masses of learned sums of four-momenta.
 *
 * in   (batch, particles, 4)  rows of (E, px, py, pz), GeV
 * out  (batch, units)         asinh(m^2 / scale^2), no unit
 *
 * Each unit adds up the particles of a jet with learned weights and looks at the mass of the sum,
 * so a network can find the W and the top inside a jet by itself. The output is the same in every
 * frame. Method: Butter, Kasieczka, Plehn, Russell, "Deep-learned top tagging with a Lorentz
 * layer", arXiv:1707.08966.
 */
#include <kaon/layer.h>

typedef struct {
    int64_t units;
    double scale; // GeV
} config;

static const kaon_option options[] = {
    KAON_INT(config, units, 16, .min = 1, .max = 4096, .help = "number of learned sums"),
    KAON_FLOAT(config, scale, 10, .min = 1e-6, .max = 1e6, .unit = "GeV",
               .help = "mass below which the output is linear in m^2, above which logarithmic"),
    {0},
};

static kaon_node *build(kaon_graph *g, const void *settings, kaon_node *in)
{
    const config *c = settings;

    if (kaon_rank(in) != 3 || kaon_dim(in, 2) != 4)
        return kaon_refuse(g, KAON_INVALID, "lorentz needs (batch, particles, 4), got %s",
                           kaon_shape_text(in));

    const int64_t mix_shape[] = {c->units, kaon_dim(in, 1)};
    kaon_node *mix = kaon_param(g, "mix", 2, mix_shape, KAON_INIT_GLOROT);
    kaon_node *metric = kaon_const_f32(g, 1, (const int64_t[]){4}, (const float[]){1, -1, -1, -1});

    kaon_node *sums = kaon_matmul(g, mix, in); // (batch, units, 4), GeV
    kaon_node *squares = kaon_mul(g, kaon_mul(g, sums, sums), metric);
    kaon_node *mass2 = kaon_sum(g, squares, -1); // (batch, units), GeV^2

    // Weights may be negative, so a sum may be space-like and m^2 below zero. asinh is a logarithm
    // that is smooth there and at m^2 = 0, where massless particles sit.
    return kaon_asinh(g, kaon_scale(g, mass2, 1 / (c->scale * c->scale)));
}

static const kaon_layer lorentz = {
    .size = sizeof lorentz,
    .settings_size = sizeof(config),
    .options = options,
    .help = "squared masses of learned sums of four-momenta",
    .build = build,
};

#define ITEMS(item) item(KAON_LAYER, "lorentz", &lorentz)

KAON_PLUGIN("lorentz", "1.0.0", "Apache-2.0", "squared masses of learned sums of four-momenta",
            ITEMS, NULL)
