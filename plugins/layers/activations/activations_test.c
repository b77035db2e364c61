/* activations_test.c: values of the lecture's table, slopes where functions bend. */
#include <kaon/test.h>

#include <math.h>

static double at(const char *name, const char *settings, float x)
{
    float out;
    kt_layer layer = kt_layer_open(name, settings);
    kt_run_f32(&layer, &x, kt_shape(1, 1), &out, 1);
    kt_layer_close(&layer);
    return out;
}

// Slope at x, by reverse mode.
static double slope(const char *name, const char *settings, double x)
{
    const kaon_part *part = kt_part(KAON_LAYER, name, settings);
    const kaon_layer *layer = part->table;
    const int64_t shape[] = {1, 1};
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *in = g->api->input(g, "in", KAON_F64, 2, shape);
    kaon_node *out = layer->build(g, part->settings, in), *grad = NULL;
    kt_ok(g->api->gradient(g, out, NULL, 1, &in, &grad));
    double result = NAN;
    const void *inputs[] = {&x};
    void *results[] = {&result};
    kt_compute(g, NULL, 1, &grad, inputs, results);
    return result;
}

// clang-format off
static const struct {
    const char *name, *settings;
    double at_minus_1, at_half;
} rows[] = {
    { "identity",   "",            -1,        0.5      },
    { "step",       "",            0,         1        },
    { "sign",       "",            -1,        1        },
    { "sigmoid",    "",            0.268941,  0.622459 },
    { "tanh",       "",            -0.761594, 0.462117 },
    { "arctan",     "",            -0.785398, 0.463648 },
    { "relu",       "",            0,         0.5      },
    { "leaky_relu", "",            -0.1,      0.5      },
    { "leaky_relu", "slope: 0.01", -0.01,     0.5      },
    { "prelu",      "alpha: 0.25", -0.25,     0.5      },
    { "elu",        "",            -0.632121, 0.5      },
    { "selu",       "",            -1.111331, 0.525350 }, // 1.0507 * 1.67326 * (e^-1 - 1)
    { "gelu",       "",            -0.158655, 0.345731 },
    { "silu",       "",            -0.268941, 0.311230 },
    { "softplus",   "",            0.313262,  0.974077 },
};
// clang-format on

KT_TEST(values_of_the_lecture)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kt_near(at(rows[i].name, rows[i].settings, -1), rows[i].at_minus_1, 6e-7);
        kt_near(at(rows[i].name, rows[i].settings, 0.5f), rows[i].at_half, 6e-7);
    }
}

KT_TEST(far_out_nothing_overflows)
{
    kt_near(at("softplus", "", 1000), 1000, 0);
    kt_near(at("softplus", "", -200), 0, 1e-30);
    kt_near(at("elu", "", 1000), 1000, 0);
    kt_near(at("elu", "alpha: 2", -1000), -2, 0);
    kt_near(at("sigmoid", "", -200), 0, 1e-30);
    kt_near(at("silu", "", -200), 0, 1e-30);
    kt_near(at("gelu", "", 50), 50, 0);
}

KT_TEST(values_at_zero)
{
    kt_near(at("step", "", 0), 1, 0);
    kt_near(at("step", "at_zero: 0", 0), 0, 0);
    kt_near(at("step", "at_zero: 0.5", 0), 0.5, 0);
    kt_near(at("step", "at_zero: 0.5", 3), 1, 0);
    kt_near(at("step", "at_zero: 0.5", -3), 0, 0);
    kt_near(at("sign", "", 0), 1, 0);
}

KT_TEST(slopes_at_zero)
{
    kt_near(slope("relu", "", 0), 0, 0);
    kt_near(slope("softplus", "", 0), 0.5, 1e-15);
    kt_near(slope("elu", "alpha: 2", 0), 2, 1e-15);
    kt_near(slope("leaky_relu", "", 0), 0.1, 1e-15);
    kt_near(slope("step", "", 0), 0, 0);
    kt_near(slope("sign", "", 1), 0, 0);
    kt_near(slope("elu", "", 1000), 1, 0); // the branch not taken must not spoil it
    kt_near(slope("softplus", "", -1000), 0, 0);
}

KT_TEST(maxout_takes_the_largest)
{
    kt_layer layer = kt_layer_open("maxout", "units: 2, pieces: 2");
    // x + 0, -x + 1 for the first unit; 2 x, 3 x for the second.
    kt_set_f32(&layer, "kernel", (const float[]){1, -1, 2, 3});
    kt_set_f32(&layer, "bias", (const float[]){0, 1, 0, 0});
    float out[4];
    kt_run_f32(&layer, (const float[]){2, -2}, kt_shape(2, 1), out, 4);
    kt_layer_close(&layer);
    kt_near(out[0], 2, 0);
    kt_near(out[1], 6, 0);
    kt_near(out[2], 3, 0);
    kt_near(out[3], -4, 0);
}

KT_TEST(radial_looks_at_the_distance)
{
    const float x[] = {3, 4}, centres[] = {0, 0, 3, 4};
    float out[2];
    kt_layer layer = kt_layer_open("radial", "units: 2, width: 5");
    kt_set_f32(&layer, "centres", centres);
    kt_run_f32(&layer, x, kt_shape(1, 2), out, 2);
    kt_layer_close(&layer);
    kt_near(out[0], exp(-0.5), 1e-7); // a distance of one width
    kt_near(out[1], 1, 0);

    layer = kt_layer_open("radial", "units: 2, width: 5, kind: multiquadric");
    kt_set_f32(&layer, "centres", centres);
    kt_run_f32(&layer, x, kt_shape(1, 2), out, 2);
    kt_layer_close(&layer);
    kt_near(out[0], sqrt(2), 1e-6);
    kt_near(out[1], 1, 0);
}

KT_TEST(prelu_learns_one_slope_per_feature)
{
    kt_layer layer = kt_layer_open("prelu", "");
    kt_set_f32(&layer, "alpha", (const float[]){0.5f, 2});
    float out[2];
    kt_run_f32(&layer, (const float[]){-1, -1}, kt_shape(1, 2), out, 2);
    kt_layer_close(&layer);
    kt_near(out[0], -0.5, 0);
    kt_near(out[1], -2, 0);
}

KT_TEST(refuses_nonsense)
{
    kt_refuses("radial", "units: 2", kt_shape(2, 3, 4), "needs (batch, features)");
    kt_refuses("maxout", "units: 2", kt_shape(3), "needs (batch, ..., features)");
    kt_refuses_settings(KAON_LAYER, "radial", "units: 2, width: 0", "width");
    kt_refuses_settings(KAON_LAYER, "step", "at_zero: 2", "at_zero");
}
