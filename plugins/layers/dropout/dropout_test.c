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

// Share of the numbers that two outputs treat alike; 0.625 for independent ones at a rate of 1/4.
static double alike(const float *a, const float *b)
{
    int64_t count = 0;
    for (int i = 0; i < N; i++)
        count += (a[i] == 0) == (b[i] == 0);
    return (double)count / N;
}

KT_TEST(each_layer_and_each_run_draws_anew)
{
    static float in[N], first[N], second[N];
    ones(in);
    const kaon_part *part = kt_part(KAON_LAYER, "dropout", "rate: 0.25");
    const kaon_layer *table = part->table;
    kaon_graph *g = kt_graph(KAON_F32, 1);
    kaon_node *x = g->api->input(g, "in", KAON_F32, 2, kt_shape(N / 10, 10).at);
    kaon_node *outs[] = {table->build(g, part->settings, x), table->build(g, part->settings, x)};
    const void *inputs[] = {in};
    void *results[] = {first, second};
    kt_compute(g, NULL, 2, outs, inputs, results);
    kt_near(alike(first, second), 0.625, 0.02);

    kt_layer layer = kt_layer_open("dropout", "rate: 0.25");
    layer.training = 1;
    kt_run_f32(&layer, in, kt_shape(N / 10, 10), first, N);
    kt_run_f32(&layer, in, kt_shape(N / 10, 10), second, N);
    kt_near(alike(first, second), 0.625, 0.02);
    layer.run = 0; // the same run again draws the same
    kt_run_f32(&layer, in, kt_shape(N / 10, 10), second, N);
    kt_near(alike(first, second), 1, 0);
    kt_layer_close(&layer);
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
