/* penalties_test.c: sums one can do in the head, and their slopes. */
#include <kaon/test.h>

#include <math.h>

static double price(const char *name, const char *settings, const double *w, double *grad)
{
    const kaon_part *part = kt_part(KAON_PENALTY, name, settings);
    const kaon_penalty *table = part->table;
    const int64_t shape[] = {2, 2};
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *x = g->api->input(g, "w", KAON_F64, 2, shape);
    kaon_node *nodes[2] = {table->build(g, part->settings, x), NULL};
    kt_ok(g->api->gradient(g, nodes[0], NULL, 1, &x, &nodes[1]));
    double result = NAN;
    const void *inputs[] = {w};
    void *results[] = {&result, grad};
    kt_compute(g, NULL, 2, nodes, inputs, results);
    return result;
}

KT_TEST(adds_up_powers)
{
    const double w[] = {1, -2, 0, 3};
    double grad[4];
    kt_near(price("l1", "strength: 0.5", w, grad), 3, 1e-15);
    kt_near(grad[1], -0.5, 1e-15);
    kt_near(grad[2], 0, 0); // a weight at zero stays there
    kt_near(price("l2", "strength: 0.5", w, grad), 7, 1e-15);
    kt_near(grad[3], 3, 1e-15);
    kt_near(price("lp", "strength: 0.5, p: 2", w, grad), 7, 1e-14);
    kt_near(grad[1], -2, 1e-14);
    kt_near(grad[2], 0, 0);
    kt_near(price("lp", "strength: 1, p: 3", w, grad), 1 + 8 + 27, 1e-13);
    kt_near(grad[3], 27, 1e-13);
    kt_near(price("lp", "strength: 1, p: 1", w, grad), 6, 1e-14);
}

KT_TEST(refuses_nonsense)
{
    kt_refuses_settings(KAON_PENALTY, "l2", "strength: -1", "strength");
    kt_refuses_settings(KAON_PENALTY, "lp", "p: 0.5", "p");
}
