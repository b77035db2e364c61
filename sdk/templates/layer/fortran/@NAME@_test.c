/* @NAME@_test.c: numbers one can check by hand, then properties, then refusals. */
#include <kaon/test.h>

#include <math.h>

enum { EVENTS = 2, FEATURES = 2 };

static const float events[EVENTS * FEATURES] = {0, 0.5f, -0.5f, 1000};

static void run(const char *settings, const float *gain, const float *in, float *out)
{
    kt_layer layer = kt_layer_open("@NAME@", settings);
    kt_set_f32(&layer, "gain", gain);
    kt_run_f32(&layer, in, kt_shape(EVENTS, FEATURES), out, EVENTS * FEATURES);
    kt_layer_close(&layer);
}

KT_TEST(follows_the_formula)
{
    float out[EVENTS * FEATURES];
    run("limit: 2", (const float[]){1, 3}, events, out);
    kt_near(out[0], 0, 1e-7);
    kt_near(out[1], 2 * tanh(3 * 0.5 / 2), 1e-6); // 1.2702978
    kt_near(out[2], 2 * tanh(-0.5 / 2), 1e-6);
    kt_near(out[3], 2, 1e-6); // far out: the limit itself
}

KT_TEST(is_odd)
{
    float out[EVENTS * FEATURES], mirrored_out[EVENTS * FEATURES], mirrored[EVENTS * FEATURES];
    for (int i = 0; i < EVENTS * FEATURES; i++)
        mirrored[i] = -events[i];
    run("limit: 2", (const float[]){1, 3}, events, out);
    run("limit: 2", (const float[]){1, 3}, mirrored, mirrored_out);
    for (int i = 0; i < EVENTS * FEATURES; i++)
        kt_near(mirrored_out[i], -out[i], 1e-6);
}

KT_TEST(refuses_what_has_no_features)
{
    kt_refuses("@NAME@", "limit: 2", kt_shape(4), "needs (batch, ..., features)");
}
