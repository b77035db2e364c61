/* losses_test.c: the lecture's fixed vectors, slopes, and scores beyond where e^x overflows. */
#include <kaon/test.h>

#include <math.h>

enum { MOST = 8 };

// Losses of `rows` events of one number each; grad: of their sum.
static void run(const char *name, const char *settings, int64_t rows, const double *output,
                const double *target, double *losses, double *grad)
{
    const kaon_part *part = kt_part(KAON_LOSS, name, settings);
    const kaon_loss *table = part->table;
    const int64_t shape[] = {rows, 1};
    const int classes = table->target != KAON_TARGET_VALUES;
    int64_t numbers[MOST] = {0};
    for (int64_t i = 0; i < rows && classes; i++)
        numbers[i] = (int64_t)target[i];
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *x = g->api->input(g, "output", KAON_F64, 2, shape);
    kaon_node *t = g->api->input(g, "target", classes ? KAON_I64 : KAON_F64, 1, shape);
    kaon_node *nodes[2] = {table->build(g, part->settings, x, t), NULL};
    kt_ok(g->api->gradient(g, nodes[0], NULL, 1, &x, &nodes[1]));
    const void *inputs[] = {output, classes ? (const void *)numbers : target};
    void *results[] = {losses, grad};
    kt_compute(g, NULL, 2, nodes, inputs, results);
}

static double mean(const char *name, const char *settings, int64_t rows, const double *output,
                   const double *target)
{
    double losses[MOST], grad[MOST], sum = 0;
    run(name, settings, rows, output, target, losses, grad);
    for (int64_t i = 0; i < rows; i++)
        sum += losses[i];
    return sum / (double)rows;
}

static const double t[] = {1, 0, 1, 1};
static const double guess[] = {0.9, 0.2, 0.6, 0.4};

KT_TEST(values_of_the_lecture)
{
    kt_near(mean("mse", "", 4, guess, t), 0.142500, 1e-12);
    kt_near(mean("mae", "", 4, guess, t), 0.325000, 1e-12);
    double scores[4]; // the same guesses as scores of the logistic function
    for (int i = 0; i < 4; i++)
        scores[i] = log(guess[i] / (1 - guess[i]));
    kt_near(mean("binary_cross_entropy", "", 4, scores, t), 0.438905, 5e-7);
    // Hinge of the lecture: targets 1, -1, 1, -1, sum 3.
    kt_near(4 * mean("hinge", "", 4, (const double[]){0.8, 0.3, -0.5, -2},
                     (const double[]){1, 0, 1, 0}),
            3.0, 1e-12);
}

KT_TEST(huber_is_a_square_then_a_line)
{
    const double output[] = {0.5, 1, 3, -3}, zero[] = {0, 0, 0, 0};
    double losses[4], grad[4];
    run("huber", "delta: 1", 4, output, zero, losses, grad);
    kt_near(losses[0], 0.125, 1e-15);
    kt_near(losses[1], 0.5, 1e-15);
    kt_near(losses[2], 2.5, 1e-15);
    kt_near(grad[0], 0.5, 1e-15);
    kt_near(grad[2], 1, 1e-15);
    kt_near(grad[3], -1, 1e-15);
    run("huber", "delta: 2", 4, output, zero, losses, grad);
    kt_near(losses[2], 2 * (3 - 1), 1e-15);
}

KT_TEST(binary_cross_entropy_is_stable)
{
    const double output[] = {1000, -1000, 1000, 0}, target[] = {0, 0, 1, 1};
    double losses[4], grad[4];
    run("binary_cross_entropy", "", 4, output, target, losses, grad);
    kt_near(losses[0], 1000, 0);
    kt_near(losses[1], 0, 0);
    kt_near(losses[2], 0, 0);
    kt_near(losses[3], log(2), 1e-15);
    kt_near(grad[0], 1, 0);
    kt_near(grad[1], 0, 0);
    kt_near(grad[3], -0.5, 1e-15); // where networks start
}

KT_TEST(several_numbers_per_event_are_averaged)
{
    const kaon_part *part = kt_part(KAON_LOSS, "mse", "");
    const kaon_loss *table = part->table;
    const int64_t shape[] = {2, 3};
    const double output[] = {1, 2, 3, 0, 0, 0}, target[] = {1, 2, 6, 0, 0, 0};
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *x = g->api->input(g, "output", KAON_F64, 2, shape);
    kaon_node *y = g->api->input(g, "target", KAON_F64, 2, shape);
    kaon_node *node = table->build(g, part->settings, x, y);
    double losses[2];
    const void *inputs[] = {output, target};
    void *results[] = {losses};
    kt_compute(g, NULL, 1, &node, inputs, results);
    kt_near(losses[0], 3, 1e-15);
    kt_near(losses[1], 0, 0);
}

KT_TEST(two_class_predictions_are_probabilities)
{
    const kaon_part *part = kt_part(KAON_LOSS, "binary_cross_entropy", "");
    const kaon_loss *table = part->table;
    const int64_t shape[] = {2, 1};
    const double scores[] = {log(3), -1000};
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *x = g->api->input(g, "scores", KAON_F64, 2, shape);
    kaon_node *p = table->predict(g, part->settings, x);
    double out[4];
    const void *inputs[] = {scores};
    void *results[] = {out};
    kt_compute(g, NULL, 1, &p, inputs, results);
    kt_near(out[0], 0.25, 1e-15);
    kt_near(out[1], 0.75, 1e-15);
    kt_near(out[2], 1, 0);
    kt_near(out[3], 0, 1e-300);
}

static void refuses(const char *name, int32_t rank, const int64_t *shape, const char *words)
{
    const kaon_part *part = kt_part(KAON_LOSS, name, "");
    const kaon_loss *table = part->table;
    const int64_t rows = shape[0];
    kaon_graph *g = kt_graph(KAON_F32, 0);
    kaon_node *x = g->api->input(g, "output", KAON_F32, rank, shape);
    const int32_t dtype = table->target == KAON_TARGET_VALUES ? KAON_F32 : KAON_I64;
    table->build(g, part->settings, x, g->api->input(g, "target", dtype, 1, &rows));
    kt_fails(g->api->check(g, kt_diag()), KAON_INVALID);
    kt_says(kt_words(), words);
    const kaon_program_api *programs = kt_service(KAON_PROGRAM_SERVICE);
    programs->graph_free(g);
}

KT_TEST(refuses_shapes_that_do_not_fit)
{
    const int64_t wide[] = {4, 2};
    refuses("mse", 2, wide, "output (4, 2) with target (4)");
    refuses("hinge", 2, wide, "needs one score per event (batch, 1), got (4, 2)");
    refuses("binary_cross_entropy", 2, wide, "got (4, 2)");
    kt_refuses_settings(KAON_LOSS, "huber", "delta: 0", "delta");
}
