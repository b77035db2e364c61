/* lorentz_test.c: numbers a physicist can check by hand. */
#include <kaon/test.h>

#include <math.h>

// Two photons of 50 GeV, back to back: m = 100 GeV. Then the same pair from a frame at 0.6 c.
static const float pair[] = {50, 50, 0, 0, 50, -50, 0, 0};
static const float pair_boosted[] = {100, 100, 0, 0, 25, -25, 0, 0};

static float run(const float *four_momenta)
{
    kt_layer layer = kt_layer_open("lorentz", "units: 1\nscale: 10");
    kt_set_f32(&layer, "mix", (const float[]){1, 1});
    float out;
    kt_run_f32(&layer, four_momenta, kt_shape(1, 2, 4), &out, 1);
    kt_layer_close(&layer);
    return out;
}

KT_TEST(mass_of_a_photon_pair)
{
    kt_near(run(pair), asinh(100 * 100 / (10.0 * 10.0)), 1e-6);
}

KT_TEST(same_in_every_frame)
{
    kt_near(run(pair_boosted), run(pair), 1e-5); // float32: squares of 100 lose about 1e-6
}

// A sum with weights (1, -1) has no energy left and a momentum of 100 GeV: m^2 = -10^4 GeV^2.
KT_TEST(space_like_sums_stay_finite)
{
    kt_layer layer = kt_layer_open("lorentz", "units: 1\nscale: 10");
    kt_set_f32(&layer, "mix", (const float[]){1, -1});
    float out;
    kt_run_f32(&layer, pair, kt_shape(1, 2, 4), &out, 1);
    kt_layer_close(&layer);
    kt_near(out, -asinh(100), 1e-6);
}

KT_TEST(refuses_what_is_no_four_momentum)
{
    kt_refuses("lorentz", "units: 1", kt_shape(1, 2, 3), "needs (batch, particles, 4)");
}
