/* composite_test.c: operations that plugins add: attributes, shapes, derivatives, random numbers.
 */
#include "../reference/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "graph/composite.h"
#include "kernel/diag.h"
#include "graph/op_derivative.h"
#include "graph/simplify.h"

/* --- operations as a plugin would write them -------------------------------------------------- */

typedef struct {
    int64_t power;
    double scale;
    int32_t shape;
} config;

static const char *const shapes[] = {"plain", "flat", NULL};

static const kaon_option options[] = {
    KAON_INT(config, power, 2, .min = 1, .max = 8, .help = "whole power"),
    KAON_FLOAT(config, scale, 1, .help = "factor"),
    KAON_CHOICE(config, shape, 0, shapes, .help = "of the result"),
    {0},
};

// scale * a^power, maybe flat, and the sum of a.
static void decompose_power(kaon_graph *g, const kaon_call *call, kaon_node **outputs)
{
    const config *c = call->settings;
    kaon_node *y = call->inputs[0];
    for (int64_t i = 1; i < c->power; i++)
        y = kaon_mul(g, y, call->inputs[0]);
    y = kaon_scale(g, y, c->scale);
    outputs[0] = c->shape ? kaon_reshape(g, y, 1, (const int64_t[]){-1}) : y;
    outputs[1] = kaon_sum_all(g, call->inputs[0]);
}

static const kaon_op power = {.size = sizeof power,
                              .settings_size = sizeof(config),
                              .options = options,
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .output_count = 2,
                              .decompose = decompose_power};

static void decompose_product(kaon_graph *g, const kaon_call *call, kaon_node **outputs)
{
    outputs[0] = kaon_mul(g, call->inputs[0], call->inputs[1]);
}

// A derivative of its own, told from the true one by a factor of 10.
static void ten_fold(kaon_graph *g, const kaon_call *call, kaon_node *const *outputs,
                     kaon_node *const *output_grads, kaon_node **input_grads)
{
    (void)outputs;
    input_grads[0] = kaon_scale(g, kaon_mul(g, output_grads[0], call->inputs[1]), 10);
}

static const kaon_op product = {.size = sizeof product,
                                .min_inputs = 2,
                                .max_inputs = 2,
                                .output_count = 1,
                                .decompose = decompose_product};
static const kaon_op product_own = {.size = sizeof product_own,
                                    .min_inputs = 2,
                                    .max_inputs = 2,
                                    .output_count = 1,
                                    .decompose = decompose_product,
                                    .derivative = ten_fold};

static void decompose_noise(kaon_graph *g, const kaon_call *call, kaon_node **outputs)
{
    outputs[0] = kaon_mul(g, call->inputs[0], kaon_random(g, 0, NULL));
}

static const kaon_op noise = {.size = sizeof noise,
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .output_count = 1,
                              .decompose = decompose_noise};

static void decompose_variable(kaon_graph *g, const kaon_call *call, kaon_node **outputs)
{
    (void)call;
    outputs[0] = kaon_param(g, "w", 0, NULL, KAON_INIT_ONE);
}

static const kaon_op variable = {
    .size = sizeof variable, .max_inputs = 1, .output_count = 1, .decompose = decompose_variable};

static void decompose_nothing(kaon_graph *g, const kaon_call *call, kaon_node **outputs)
{
    (void)g, (void)call, (void)outputs;
}

static const kaon_op nothing = {
    .size = sizeof nothing, .max_inputs = 1, .output_count = 1, .decompose = decompose_nothing};

/* --- tests ------------------------------------------------------------------------------------ */

static kn_graph *new_graph(void)
{
    const kaon_graph_spec spec = {sizeof spec, KAON_F64, 1, 0};
    kn_graph *g;
    assert_int_equal(kn_graph_new(NULL, NULL, &spec, &g, NULL), KAON_OK);
    return g;
}

static kaon_node *use(kn_graph *g, const char *name, const kaon_op *op, int32_t count,
                      kaon_node **in, int32_t attr_count, const kaon_attr *attrs)
{
    const kn_composite_spec spec = {name, op, attr_count, attrs};
    kn_node *nodes[2];
    for (int32_t i = 0; i < count; i++)
        nodes[i] = kn_node_seen(g, kn_node_of(in[i]));
    const kn_use *made = kn_composite_use(g, &spec, count, nodes);
    return made ? kn_out(made, 0) : NULL;
}

static void assert_sound(kn_graph *g)
{
    kn_diag fault;
    kn_diag_init(&fault);
    if (g->base.api->check(&g->base, &fault.diag))
        fail_msg("%s", fault.text);
}

static void assert_refused(kn_graph *g, const char *text)
{
    kn_diag fault;
    kn_diag_init(&fault);
    assert_int_not_equal(g->base.api->check(&g->base, &fault.diag), KAON_OK);
    if (!strstr(fault.text, text))
        fail_msg("expected '%s' in '%s'", text, fault.text);
    kn_graph_free(g);
}

static double value(kn_graph *g, const double *x, const kaon_node *node)
{
    const double *const inputs[] = {x, x + 1};
    kr_run *run = kr_evaluate(g, inputs, NULL, 1, 0);
    const double found = kr_at(run, node)[0];
    kr_free(run);
    return found;
}

static void attributes_and_shapes(void **state)
{
    (void)state;
    kn_graph *g = new_graph();
    const int64_t shape[] = {2, 3};
    kaon_node *x = g->base.api->input(&g->base, "x", KAON_F64, 2, shape);
    const kaon_attr attrs[] = {kaon_attr_int("power", 3), kaon_attr_int("shape", 1),
                               kaon_attr_float("scale", 0.5)};
    kaon_node *y = use(g, "power", &power, 1, &x, 3, attrs);
    assert_sound(g);
    assert_string_equal(kaon_shape_text(y), "(6)");
    assert_string_equal(kaon_shape_text(g->base.api->output(y, 1)), "()");
    const config *settings = kn_node_of(y)->use->settings;
    assert_true(settings->power == 3 && settings->scale == 0.5 && settings->shape == 1);
    assert_string_equal(kaon_shape_text(use(g, "power", &power, 1, &x, 0, NULL)), "(2, 3)");
    kn_graph_free(g);
}

static void refusals(void **state)
{
    (void)state;
    const int64_t shape[] = {2, 3};
    kn_graph *g = new_graph();
    kaon_node *x = g->base.api->input(&g->base, "x", KAON_F64, 2, shape);
    const kaon_attr wrong = kaon_attr_int("powr", 3), outside = kaon_attr_int("power", 9);
    assert_null(use(g, "power", &power, 1, &x, 1, &wrong));
    assert_refused(g, "powr");
    g = new_graph();
    x = g->base.api->input(&g->base, "x", KAON_F64, 2, shape);
    assert_null(use(g, "power", &power, 1, &x, 1, &outside));
    assert_refused(g, "1 to 8");
    g = new_graph();
    assert_null(use(g, "power", &power, 0, NULL, 0, NULL));
    assert_refused(g, "power: 0 inputs, it takes 1 to 1");
    g = new_graph();
    assert_null(use(g, "maker", &variable, 0, NULL, 0, NULL));
    assert_refused(g, "maker: an operation has no variables");
    g = new_graph();
    assert_null(use(g, "empty", &nothing, 0, NULL, 0, NULL));
    assert_refused(g, "empty: its decomposition leaves output 0 empty");
    g = new_graph(); // what the operations inside refuse is told with the name of the op
    x = g->base.api->input(&g->base, "x", KAON_I64, 2, shape);
    kaon_node *both[] = {x, kaon_scalar(&g->base, 1)};
    assert_null(use(g, "product", &product, 2, both, 0, NULL));
    assert_refused(g, "product / mul: one dtype needed");
}

static void derivatives_of_decompositions(void **state)
{
    (void)state;
    kn_graph *g = new_graph();
    kaon_node *x[] = {g->base.api->input(&g->base, "x", KAON_F64, 0, NULL),
                      g->base.api->input(&g->base, "y", KAON_F64, 0, NULL)};
    kaon_node *one[] = {kaon_scalar(&g->base, 1), kaon_scalar(&g->base, 0)}, *grads[2], *dy;
    const kaon_attr cube = kaon_attr_int("power", 3);
    // The second input depends on the first: each counts by itself.
    kaon_node *in[] = {kaon_exp(&g->base, x[0]), x[0]};
    kaon_node *p = use(g, "product", &product, 2, in, 0, NULL);
    kaon_node *y = kaon_add(&g->base, use(g, "power", &power, 1, &p, 1, &cube), x[1]);
    g->base.api->gradient(&g->base, y, NULL, 2, x, grads);
    g->base.api->tangent(&g->base, 2, x, one, 1, &y, &dy);
    assert_sound(g);
    const double at[] = {0.5, 2}, e = exp(0.5);
    const double expected = 3 * pow(0.5 * e, 2) * (0.5 * e + e); // (x e^x)^3
    assert_true(fabs(value(g, at, grads[0]) - expected) < 1e-12);
    assert_true(fabs(value(g, at, dy) - expected) < 1e-12);
    assert_true(value(g, at, grads[1]) == 1);
    kn_graph_free(g);
}

static void derivatives_of_their_own(void **state)
{
    (void)state;
    kn_graph *g = new_graph();
    kaon_node *x[] = {g->base.api->input(&g->base, "x", KAON_F64, 0, NULL),
                      g->base.api->input(&g->base, "y", KAON_F64, 0, NULL)};
    kaon_node *y = use(g, "product", &product_own, 2, x, 0, NULL), *grads[2];
    g->base.api->gradient(&g->base, y, NULL, 2, x, grads);
    assert_sound(g);
    const double at[] = {3, 4};
    assert_true(value(g, at, grads[0]) == 40);
    assert_true(value(g, at, grads[1]) == 0);
    kn_graph_free(g);
}

// The derivative builds the decomposition again and must meet the same numbers.
static void random_numbers_stay_the_same(void **state)
{
    (void)state;
    kn_graph *g = new_graph(), *simple;
    kaon_node *x = g->base.api->input(&g->base, "x", KAON_F64, 0, NULL), *grad;
    kaon_node *first = use(g, "noise", &noise, 1, &x, 0, NULL);
    kaon_node *y = use(g, "noise", &noise, 1, &x, 0, NULL);
    kaon_node *plain = kaon_random(&g->base, 0, NULL);
    g->base.api->gradient(&g->base, y, NULL, 1, &x, &grad);
    assert_sound(g);
    const double one[] = {1, 0};
    assert_true(value(g, one, y) == value(g, one, grad));
    assert_true(value(g, one, y) != value(g, one, first));
    assert_true(value(g, one, plain) != value(g, one, y));
    assert_true(value(g, one, plain) != value(g, one, first));
    kn_node *before[] = {kn_node_of(first), kn_node_of(y), kn_node_of(grad)}, *after[3];
    assert_int_equal(kn_simplify(g, 3, before, &simple, after, NULL), KAON_OK);
    for (int i = 0; i < 3; i++)
        assert_true(value(g, one, &before[i]->base) == value(simple, one, &after[i]->base));
    kn_graph_free(simple);
    kn_graph_free(g);
}

static void noisy_step(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    kaon_node *x = context;
    out[1] = use(kn_graph_of(g), "noise", &noise, 1, &x, 0, NULL);
    out[0] = kaon_add(g, in[0], out[1]);
}

static void random_numbers_in_a_scan(void **state)
{
    (void)state;
    kn_graph *g = new_graph();
    kaon_node *x = g->base.api->input(&g->base, "x", KAON_F64, 0, NULL), *grad, *results[2];
    kaon_node *start = kaon_scalar(&g->base, 0);
    // The captured node is seen by the step as its own.
    assert_int_equal(g->base.api->scan(&g->base, noisy_step, x, 1, &start, 0, NULL, 4, 1, results),
                     KAON_OK);
    g->base.api->gradient(&g->base, results[0], NULL, 1, &x, &grad);
    assert_sound(g);
    const double one[] = {1, 0};
    assert_true(fabs(value(g, one, results[0]) - value(g, one, grad)) < 1e-14);
    assert_true(value(g, one, results[0]) != 0);
    kn_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attributes_and_shapes),         cmocka_unit_test(refusals),
        cmocka_unit_test(derivatives_of_decompositions), cmocka_unit_test(derivatives_of_their_own),
        cmocka_unit_test(random_numbers_stay_the_same),  cmocka_unit_test(random_numbers_in_a_scan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
