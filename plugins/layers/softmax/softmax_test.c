/* softmax_test.c: probabilities, their logarithms, the loss, each far beyond where e^x overflows.
 */
#include <kaon/test.h>

#include <math.h>

static void apply(const char *op, int64_t axis, const double *in, kt_dims shape, double *out)
{
    kaon_graph *g = kt_graph(KAON_F64, 0);
    const kaon_attr along = kaon_attr_int("axis", axis);
    kaon_node *x = g->api->input(g, "in", KAON_F64, shape.rank, shape.at);
    kaon_node *y = g->api->apply(g, op, 1, &x, 1, &along);
    const void *inputs[] = {in};
    void *results[] = {out};
    kt_compute(g, NULL, 1, &y, inputs, results);
}

KT_TEST(softmax_of_logarithms_is_a_share)
{
    const double in[] = {log(1), log(2), log(5), 1000, 1000, -1000};
    double out[6];
    apply("softmax", -1, in, kt_shape(2, 3), out);
    const double expected[] = {0.125, 0.25, 0.625, 0.5, 0.5, 0};
    for (int i = 0; i < 6; i++)
        kt_near(out[i], expected[i], 1e-15);
    apply("softmax", 0, in, kt_shape(2, 3), out);
    kt_near(out[0] + out[3], 1, 1e-15);
    kt_near(out[5], 0, 1e-300);
}

KT_TEST(log_softmax_keeps_what_softmax_loses)
{
    const double in[] = {0, -800};
    double out[2];
    apply("log_softmax", -1, in, kt_shape(1, 2), out);
    kt_near(out[0], 0, 1e-15);
    kt_near(out[1], -800, 1e-12); // softmax is 0 there
}

KT_TEST(layer_adds_up_to_one)
{
    float out[3];
    kt_layer layer = kt_layer_open("softmax", "");
    kt_run_f32(&layer, (const float[]){1, 2, 3}, kt_shape(1, 3), out, 3);
    kt_layer_close(&layer);
    kt_near((double)out[0] + out[1] + out[2], 1, 1e-6);
    kt_near(out[2] / out[1], exp(1), 1e-6);
}

// The loss of one event and its gradient.
static double loss(const char *settings, const double *scores, int64_t class, double *grad)
{
    const kaon_part *part = kt_part(KAON_LOSS, "softmax_cross_entropy", settings);
    const kaon_loss *table = part->table;
    const int64_t shape[] = {1, 3};
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *x = g->api->input(g, "scores", KAON_F64, 2, shape);
    kaon_node *t = g->api->input(g, "class", KAON_I64, 1, shape);
    kaon_node *nodes[2] = {table->build(g, part->settings, x, t), NULL};
    kt_ok(g->api->gradient(g, nodes[0], NULL, 1, &x, &nodes[1]));
    double result = NAN;
    const void *inputs[] = {scores, &class};
    void *results[] = {&result, grad};
    kt_compute(g, NULL, 2, nodes, inputs, results);
    return result;
}

KT_TEST(loss_is_minus_the_logarithm)
{
    const double scores[] = {log(1), log(2), log(5)};
    double grad[3];
    kt_near(loss("", scores, 1, grad), -log(0.25), 1e-15);
    kt_near(grad[0], 0.125, 1e-15); // p - 1 for the class, p for the others
    kt_near(grad[1], 0.25 - 1, 1e-15);
    kt_near(grad[2], 0.625, 1e-15);
    kt_near(loss("smoothing: 0.3", scores, 1, grad),
            -0.7 * log(0.25) - 0.1 * log(0.125 * 0.25 * 0.625), 1e-14);
    kt_near(grad[1], 0.25 - 0.8, 1e-15);
}

KT_TEST(loss_is_stable)
{
    const double scores[] = {0, 2000, -2000};
    double grad[3];
    kt_near(loss("", scores, 2, grad), 4000, 0);
    kt_near(grad[1], 1, 0);
    kt_near(grad[2], -1, 0);
    kt_near(loss("", (const double[]){0, NAN, 0}, 0, grad), NAN, 0);
}

KT_TEST(refuses_one_class)
{
    const kaon_part *part = kt_part(KAON_LOSS, "softmax_cross_entropy", "");
    const kaon_loss *table = part->table;
    const int64_t shape[] = {4, 1};
    kaon_graph *g = kt_graph(KAON_F32, 0);
    kaon_node *x = g->api->input(g, "scores", KAON_F32, 2, shape);
    table->build(g, part->settings, x, g->api->input(g, "class", KAON_I64, 1, shape));
    kt_fails(g->api->check(g, kt_diag()), KAON_INVALID);
    kt_says(kt_words(), "at least 2 classes, got (4, 1)");
    const kaon_program_api *programs = kt_service(KAON_PROGRAM_SERVICE);
    programs->graph_free(g);
}
