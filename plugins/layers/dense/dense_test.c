/* dense_test.c: sums one can do in the head, and what dense refuses. */
#include <kaon/test.h>

#include <math.h>

static const float kernel[] = {1, 2, 3, 4, 5, 6}; // (2, 3)
static const float bias[] = {0.5f, -1, -40};

KT_TEST(multiplies_and_adds)
{
    kt_layer layer = kt_layer_open("dense", "units: 3");
    kt_set_f32(&layer, "kernel", kernel);
    kt_set_f32(&layer, "bias", bias);
    float out[3];
    kt_run_f32(&layer, (const float[]){10, 1}, kt_shape(1, 2), out, 3);
    kt_layer_close(&layer);
    kt_near(out[0], 10 * 1 + 1 * 4 + 0.5, 0);
    kt_near(out[1], 10 * 2 + 1 * 5 - 1, 0);
    kt_near(out[2], 10 * 3 + 1 * 6 - 40, 0);
}

KT_TEST(applies_its_activation)
{
    KT_NEEDS(KAON_LAYER, "relu");
    kt_layer layer = kt_layer_open("dense", "units: 3\nactivation: relu");
    kt_set_f32(&layer, "kernel", kernel);
    kt_set_f32(&layer, "bias", bias);
    float out[3];
    kt_run_f32(&layer, (const float[]){10, 1}, kt_shape(1, 2), out, 3);
    kt_layer_close(&layer);
    kt_near(out[0], 14.5, 0);
    kt_near(out[2], 0, 0); // 36 - 40 is below zero
}

KT_TEST(works_on_the_last_axis)
{
    kt_layer layer = kt_layer_open("dense", "units: 3\nbias: false");
    kt_set_f32(&layer, "kernel", kernel);
    float out[2 * 2 * 3];
    kt_run_f32(&layer, (const float[]){1, 0, 0, 1, 1, 1, 2, 0}, kt_shape(2, 2, 2), out, 12);
    kt_layer_close(&layer);
    const float expected[] = {1, 2, 3, 4, 5, 6, 5, 7, 9, 2, 4, 6};
    for (int i = 0; i < 12; i++)
        kt_near(out[i], expected[i], 0);
}

// Glorot's limit for 100 inputs and 50 outputs is sqrt(6 / 150) = 0.2, its deviation 0.2 / sqrt(3).
KT_TEST(starts_as_glorot_wants)
{
    enum { IN = 100, OUT = 50 };
    kt_layer layer = kt_layer_open("dense", "units: 50");
    static float in[IN], out[OUT], weights[IN * OUT];
    kt_run_f32(&layer, in, kt_shape(1, IN), out, OUT);
    kt_get_f32(&layer, "kernel", weights, IN * OUT);
    kt_layer_close(&layer);
    double sum = 0, squares = 0;
    for (int i = 0; i < IN * OUT; i++) {
        kt_true(fabsf(weights[i]) <= 0.2f);
        sum += weights[i];
        squares += (double)weights[i] * weights[i];
    }
    kt_near(sum / (IN * OUT), 0, 4 * 0.11547 / sqrt(IN * OUT)); // four standard errors
    kt_near(sqrt(squares / (IN * OUT)), 0.11547, 0.004);
}

KT_TEST(refuses_what_is_no_batch_of_features)
{
    kt_refuses("dense", "units: 3", kt_shape(7), "needs (batch, ..., features)");
    kt_refuses_settings(KAON_LAYER, "dense", "units: 0", "units");
    kt_refuses_settings(KAON_LAYER, "dense", "activation: relu", "units");
}
