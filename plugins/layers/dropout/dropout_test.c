/* dropout_test.c: the share that is dropped, the mean that is kept. */
#include <kaon/test.h>

#include <math.h>

enum { N = 20000 };

static void run(const char *settings, int training, const float *in, float *out)
{
    kt_layer layer = kt_layer_open("dropout", settings);
    layer.training = training;
    kt_run_f32(&layer, in, kt_shape(N / 10, 10), out, N);
    kt_layer_close(&layer);
}

static void ones(float *in)
{
    for (int i = 0; i < N; i++)
        in[i] = 1;
}

KT_TEST(drops_its_share_and_keeps_the_mean)
{
    static float in[N], out[N];
    ones(in);
    run("rate: 0.25", 1, in, out);
    double sum = 0;
    int dropped = 0;
    for (int i = 0; i < N; i++) {
        kt_true(out[i] == 0 || fabsf(out[i] - 4.0f / 3) < 1e-6f);
        dropped += out[i] == 0;
        sum += out[i];
    }
    kt_near((double)dropped / N, 0.25, 4 * sqrt(0.25 * 0.75 / N)); // four standard errors
    kt_near(sum / N, 1, 4 * sqrt(0.25 / 0.75 / N));
}

KT_TEST(prediction_changes_nothing)
{
    static float in[N], out[N];
    ones(in);
    run("rate: 0.9", 0, in, out);
    for (int i = 0; i < N; i++)
        kt_near(out[i], 1, 0);
}

KT_TEST(refuses_to_drop_everything)
{
    kt_refuses_settings(KAON_LAYER, "dropout", "rate: 1", "rate");
    kt_refuses_settings(KAON_LAYER, "dropout", "rate: -0.1", "rate");
}
