/* graph_test.c: building graphs: the lecture's example, scopes, variables, captures, refusals. */
#include "../reference/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/diag.h"
#include "kernel/memory.h"
#include "graph/op_derivative.h"
#include "graph/simplify.h"

static kn_graph *new_graph(int32_t float_type)
{
    const kaon_graph_spec spec = {sizeof spec, float_type, 1, 0};
    kn_graph *g;
    assert_int_equal(kn_graph_new(NULL, NULL, &spec, &g, NULL), KAON_OK);
    return g;
}

static kaon_node *input(kn_graph *g, int32_t rank, const int64_t *shape)
{
    return g->base.api->input(&g->base, "x", g->float_type, rank, shape);
}

// Frees the graph, which must have refused in words that hold `text`.
static void assert_refused(kn_graph *g, const char *text)
{
    kn_diag fault;
    kn_diag_init(&fault);
    assert_int_not_equal(g->base.api->check(&g->base, &fault.diag), KAON_OK);
    if (!strstr(fault.text, text))
        fail_msg("expected '%s' in '%s'", text, fault.text);
    kn_graph_free(g);
}

static void assert_sound(kn_graph *g)
{
    kn_diag fault;
    kn_diag_init(&fault);
    if (g->base.api->check(&g->base, &fault.diag))
        fail_msg("%s", fault.text);
}

static void assert_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%.12g, expected %.12g", found, expected);
}

/* --- the lecture's example: y = 2 x0 + x0 sin x1 + x1^3 at (1, 2) -------------------------------
 */

typedef struct example {
    kn_graph *g;
    kaon_node *x[2];
    kaon_node *y;
} example;

static example lecture(void)
{
    example e = {.g = new_graph(KAON_F64)};
    kaon_graph *g = &e.g->base;
    e.x[0] = input(e.g, 0, NULL);
    e.x[1] = input(e.g, 0, NULL);
    kaon_node *sum =
        kaon_add(g, kaon_scale(g, e.x[0], 2), kaon_mul(g, e.x[0], kaon_sin(g, e.x[1])));
    e.y = kaon_add(g, sum, kaon_power(g, e.x[1], 3));
    return e;
}

static double at_one_two(const example *e, const kaon_node *node)
{
    const double x0 = 1, x1 = 2;
    const double *const inputs[] = {&x0, &x1};
    assert_sound(e->g);
    kr_run *run = kr_evaluate(e->g, inputs, NULL, 1, 0);
    const double value = kr_at(run, node)[0];
    kr_free(run);
    return value;
}

static void lecture_in_reverse_mode(void **state)
{
    (void)state;
    const example e = lecture();
    kaon_node *grads[2];
    assert_int_equal(e.g->base.api->gradient(&e.g->base, e.y, NULL, 2, e.x, grads), KAON_OK);
    assert_near(at_one_two(&e, e.y), 10.9093, 5e-5);
    assert_near(at_one_two(&e, grads[0]), 2.9093, 5e-5);
    assert_near(at_one_two(&e, grads[1]), 11.5839, 5e-5);
    kn_graph_free(e.g);
}

static void lecture_in_forward_mode(void **state)
{
    (void)state;
    const example e = lecture();
    kaon_graph *g = &e.g->base;
    kaon_node *one = kaon_scalar(g, 1), *zero = kaon_scalar(g, 0);
    for (int along = 0; along < 2; along++) {
        kaon_node *const dx[] = {along ? zero : one, along ? one : zero};
        kaon_node *dy;
        assert_int_equal(g->api->tangent(g, 2, e.x, dx, 1, &e.y, &dy), KAON_OK);
        assert_near(at_one_two(&e, dy), along ? 11.5839 : 2.9093, 5e-5);
    }
    kn_graph_free(e.g);
}

// Hessian: d2/dx0dx1 = cos x1, d2/dx1^2 = -x0 sin x1 + 6 x1; by reverse over reverse, and times a
// vector by forward over reverse.
static void lecture_hessian(void **state)
{
    (void)state;
    const example e = lecture();
    kaon_graph *g = &e.g->base;
    const double expected[2][2] = {{0, cos(2)}, {cos(2), -sin(2) + 12}};
    kaon_node *grads[2], *row[2], *moved[2];
    g->api->gradient(g, e.y, NULL, 2, e.x, grads);
    for (int i = 0; i < 2; i++) {
        g->api->gradient(g, grads[i], NULL, 2, e.x, row);
        for (int k = 0; k < 2; k++)
            assert_near(at_one_two(&e, row[k]), expected[i][k], 1e-12);
    }
    kaon_node *const v[] = {kaon_scalar(g, 3), kaon_scalar(g, -0.5)};
    g->api->tangent(g, 2, e.x, v, 2, grads, moved);
    for (int i = 0; i < 2; i++)
        assert_near(at_one_two(&e, moved[i]), 3 * expected[i][0] - 0.5 * expected[i][1], 1e-12);
    kn_graph_free(e.g);
}

// The Jacobian of (x0 x1, x0 + x1^2), rows by reverse mode with unit seeds, columns by forward
// mode.
static void jacobian_in_both_modes(void **state)
{
    (void)state;
    example e = {.g = new_graph(KAON_F64)};
    kaon_graph *g = &e.g->base;
    const int64_t two[] = {2};
    const float unit[2][2] = {{1, 0}, {0, 1}};
    const double expected[2][2] = {{2, 1}, {1, 4}};
    e.x[0] = input(e.g, 0, NULL);
    e.x[1] = input(e.g, 0, NULL);
    kaon_node *parts[] = {kaon_mul(g, e.x[0], e.x[1]), kaon_add(g, e.x[0], kaon_square(g, e.x[1]))};
    for (int i = 0; i < 2; i++)
        parts[i] = kaon_reshape(g, parts[i], 1, (const int64_t[]){1});
    kaon_node *y = kaon_concat(g, 2, parts, 0);
    for (int i = 0; i < 2; i++) {
        kaon_node *row[2], *column;
        kaon_node *const dx[] = {kaon_scalar(g, i == 0), kaon_scalar(g, i == 1)};
        g->api->gradient(g, y, kaon_const_f32(g, 1, two, unit[i]), 2, e.x, row);
        g->api->tangent(g, 2, e.x, dx, 1, &y, &column);
        for (int k = 0; k < 2; k++) {
            assert_near(at_one_two(&e, row[k]), expected[i][k], 1e-12);
            assert_near(at_one_two(&e, kaon_slice(g, column, 0, k, k + 1)), expected[k][i], 1e-12);
        }
    }
    kn_graph_free(e.g);
}

/* --- derivatives at corners ------------------------------------------------------------------- */

typedef kaon_node *function(kaon_graph *g, kaon_node *x);

static double slope_at(function *f, double x)
{
    kn_graph *g = new_graph(KAON_F64);
    const double *const inputs[] = {&x};
    kaon_node *in = input(g, 0, NULL), *grad;
    g->base.api->gradient(&g->base, f(&g->base, in), NULL, 1, &in, &grad);
    assert_sound(g);
    kr_run *run = kr_evaluate(g, inputs, NULL, 1, 0);
    const double slope = kr_at(run, grad)[0];
    kr_free(run);
    kn_graph_free(g);
    return slope;
}

static kaon_node *ramp(kaon_graph *g, kaon_node *x)
{
    return kaon_max(g, x, kaon_scalar(g, 0));
}

static kaon_node *absolute(kaon_graph *g, kaon_node *x)
{
    return kaon_abs(g, x);
}

static kaon_node *power_zero(kaon_graph *g, kaon_node *x)
{
    return kaon_pow(g, x, kaon_mul(g, kaon_scalar(g, 0), kaon_scalar(g, 3)));
}

static kaon_node *guarded_root(kaon_graph *g, kaon_node *x)
{
    kaon_node *positive = kaon_gt(g, x, kaon_scalar(g, 0));
    kaon_node *safe = kaon_select(g, positive, x, kaon_scalar(g, 1));
    return kaon_select(g, positive, kaon_sqrt(g, safe), kaon_scalar(g, 0));
}

static kaon_node *two_to_the(kaon_graph *g, kaon_node *x)
{
    return kaon_pow(g, kaon_mul(g, x, x), x); // at 0: 0^0
}

static void corners(void **state)
{
    (void)state;
    assert_true(slope_at(ramp, 0) == 0);
    assert_true(slope_at(ramp, 1e-300) == 1);
    assert_true(slope_at(ramp, -1) == 0);
    assert_true(slope_at(absolute, 0) == 0);
    assert_true(slope_at(absolute, -2) == -1);
    assert_true(slope_at(power_zero, 0) == 0);
    assert_true(slope_at(guarded_root, -1) == 0);
    assert_near(slope_at(guarded_root, 4), 0.25, 1e-15);
    assert_true(!isnan(slope_at(two_to_the, 0)));
    assert_true(isnan(slope_at(absolute, NAN)));
}

// What y does not depend on, or only through integers, gets zeros of its shape.
static void independent_inputs_get_zeros(void **state)
{
    (void)state;
    kn_graph *g = new_graph(KAON_F32);
    const int64_t shape[] = {2, 3};
    kaon_node *x[] = {input(g, 2, shape), input(g, 2, shape)}, *grads[2];
    kaon_node *whole = kaon_cast(&g->base, kaon_cast(&g->base, x[1], KAON_I32), KAON_F32);
    kaon_node *y = kaon_sum_all(&g->base, kaon_mul(&g->base, x[0], whole));
    g->base.api->gradient(&g->base, y, NULL, 2, x, grads);
    assert_sound(g);
    assert_string_equal(kaon_shape_text(grads[1]), "(2, 3)");
    double value;
    assert_true(kn_scalar_value(kn_node_of(grads[1]), &value) && value == 0);
    kn_graph_free(g);
}

/* --- variables, scopes, hooks ----------------------------------------------------------------- */

static void scopes_name_variables(void **state)
{
    (void)state;
    kn_graph *g = new_graph(KAON_F32);
    const kaon_graph_api *api = g->base.api;
    const int64_t shape[] = {2};
    api->enter(&g->base, "0.calo");
    api->enter(&g->base, "inner");
    kaon_node *w = kaon_param(&g->base, "weight", 1, shape, KAON_INIT_GLOROT);
    api->leave(&g->base);
    kaon_node *b = kaon_state(&g->base, "mean", 1, shape, KAON_INIT_ZERO);
    api->leave(&g->base);
    assert_string_equal(api->name(w), "0.calo/inner/weight");
    assert_string_equal(api->name(b), "0.calo/mean");
    kaon_variable again = {sizeof again, -1, "/0.calo/mean", 1, KAON_INIT_ZERO, shape, 0, 0, 0};
    assert_ptr_equal(api->variable(&g->base, &again), b);
    kaon_node *params[4];
    assert_int_equal(api->params(&g->base, 4, params), 1);
    assert_ptr_equal(params[0], w);
    kaon_update(&g->base, b, kaon_scale(&g->base, b, 0.5));
    assert_sound(g);
    assert_ptr_equal(g->variables[1].node, kn_node_of(b));
    assert_non_null(g->variables[1].value);
    kn_graph_free(g);
}

static kaon_node *doubled(kaon_graph *g, const void *context, kaon_node *param)
{
    return kaon_scale(g, param, *(const double *)context);
}

static void hooks_change_what_is_read(void **state)
{
    (void)state;
    kn_graph *g = new_graph(KAON_F64);
    const double factor = 2;
    g->base.api->through(&g->base, doubled, &factor);
    kaon_node *w = kaon_param(&g->base, "w", 0, NULL, KAON_INIT_ONE);
    kaon_node *s = kaon_state(&g->base, "s", 0, NULL, KAON_INIT_ONE);
    g->base.api->through(&g->base, NULL, NULL);
    kaon_node *plain = kaon_param(&g->base, "w", 0, NULL, KAON_INIT_ONE);
    assert_string_equal(kn_node_of(w)->use->name, "mul");
    assert_string_equal(g->base.api->name(s), "s");
    assert_string_equal(g->base.api->name(plain), "w");
    const double value = 3;
    const double *const variables[] = {&value, &value};
    kr_run *run = kr_evaluate(g, NULL, variables, 1, 0);
    assert_true(kr_at(run, w)[0] == 6 && kr_at(run, plain)[0] == 3);
    kr_free(run);
    kn_graph_free(g);
}

static void variable_refusals(void **state)
{
    (void)state;
    const int64_t two[] = {2}, three[] = {3};
    kn_graph *g = new_graph(KAON_F32);
    kaon_param(&g->base, "w", 1, two, KAON_INIT_ZERO);
    assert_null(kaon_param(&g->base, "w", 1, three, KAON_INIT_ZERO));
    assert_refused(g, "variable 'w' is f32 (2), asked for again as f32 (3)");
    g = new_graph(KAON_F32);
    kaon_node *w = kaon_param(&g->base, "w", 1, two, KAON_INIT_ZERO);
    kaon_update(&g->base, w, w);
    kaon_update(&g->base, w, w);
    assert_refused(g, "updated twice");
    g = new_graph(KAON_F32);
    w = kaon_param(&g->base, "w", 1, two, KAON_INIT_ZERO);
    kaon_update(&g->base, w, kaon_scalar(&g->base, 1));
    assert_refused(g, "variable 'w' is f32 (2), its new value f32 ()");
    g = new_graph(KAON_F32);
    kaon_update(&g->base, kaon_scalar(&g->base, 1), kaon_scalar(&g->base, 1));
    assert_refused(g, "no variable");
    g = new_graph(KAON_F32);
    kaon_param(&g->base, "", 0, NULL, KAON_INIT_ZERO);
    assert_refused(g, "needs a name");
    g = new_graph(KAON_F32);
    g->base.api->leave(&g->base);
    assert_refused(g, "not entered");
}

/* --- refusals --------------------------------------------------------------------------------- */

static void refusals_say_what_was_found(void **state)
{
    (void)state;
    const int64_t a[] = {64, 3}, b[] = {4, 8};
    kn_graph *g = new_graph(KAON_F32);
    g->base.api->enter(&g->base, "0.calo");
    assert_null(kaon_matmul(&g->base, input(g, 2, a), input(g, 2, b)));
    assert_refused(g, "0.calo / matmul: inner sizes differ, (64, 3) times (4, 8)");
    g = new_graph(KAON_F32);
    kaon_add(&g->base, kaon_scalar(&g->base, 1), kaon_scalar_as(&g->base, KAON_I64, 1));
    assert_refused(g, "add: one dtype needed, got f32 and i64 (cast one)");
    g = new_graph(KAON_F32);
    kaon_op1(&g->base, "matmull", kaon_scalar(&g->base, 1));
    assert_refused(g, "no operation 'matmull', did you mean 'matmul'?");
    g = new_graph(KAON_F32);
    kaon_add(&g->base, kaon_scalar(&g->base, 1), NULL);
    assert_refused(g, "add: input 1 is missing");
    g = new_graph(KAON_F32);
    kaon_op1(&g->base, "add", kaon_scalar(&g->base, 1));
    assert_refused(g, "add: 1 inputs, it takes 2");
    g = new_graph(KAON_F32);
    kaon_node *x = input(g, 2, a);
    const kaon_attr attr = kaon_attr_int("axs", 1);
    g->base.api->apply(&g->base, "sort", 1, &x, 1, &attr);
    assert_refused(g, "sort: no attribute 'axs', did you mean 'axis'?");
    g = new_graph(KAON_F32);
    kaon_op1(&g->base, "sort", input(g, 2, a));
    assert_refused(g, "sort: attribute 'axis' is needed");
    g = new_graph(KAON_F32);
    x = input(g, 2, a);
    const kaon_attr broken = kaon_attr_ints("axes", 2, NULL);
    g->base.api->apply(&g->base, "reduce_sum", 1, &x, 1, &broken);
    assert_refused(g, "reduce_sum: attribute 'axes' is a list of whole numbers");
}

static void first_refusal_stays(void **state)
{
    (void)state;
    kn_graph *g = new_graph(KAON_F32);
    assert_null(kaon_refuse(&g->base, KAON_UNSUPPORTED, "the first of %d", 2));
    assert_null(kaon_refuse(&g->base, KAON_INVALID, "the second"));
    assert_null(kaon_scalar(&g->base, 1));
    assert_null(kaon_add(&g->base, NULL, NULL));
    kaon_node *grad, *none = NULL;
    assert_int_equal(g->base.api->gradient(&g->base, NULL, NULL, 1, &none, &grad),
                     KAON_UNSUPPORTED);
    kn_diag fault;
    kn_diag_init(&fault);
    assert_int_equal(g->base.api->check(&g->base, &fault.diag), KAON_UNSUPPORTED);
    assert_string_equal(fault.text, "the first of 2");
    kn_graph_free(g);
}

static void impossible_shapes(void **state)
{
    (void)state;
    const int64_t huge[] = {INT64_MAX / 4, 8}, hidden[] = {0, INT64_MAX / 2, 4}, minus[] = {-1};
    const int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    kn_graph *g = new_graph(KAON_F32);
    input(g, 2, huge);
    assert_refused(g, "more elements than can be addressed");
    g = new_graph(KAON_F32);
    input(g, 3, hidden);
    assert_refused(g, "more elements than can be addressed");
    g = new_graph(KAON_F32);
    input(g, 1, minus);
    assert_refused(g, "sizes are not negative");
    g = new_graph(KAON_F32);
    input(g, 9, nine);
    assert_refused(g, "at most 8 are possible");
    g = new_graph(KAON_F32);
    kaon_broadcast(&g->base, kaon_scalar(&g->base, 0), 2, huge);
    assert_refused(g, "broadcast: result: more elements");
}

static void nodes_of_other_graphs(void **state)
{
    (void)state;
    kn_graph *g = new_graph(KAON_F32), *other = new_graph(KAON_F32);
    assert_null(kaon_add(&g->base, kaon_scalar(&g->base, 1), kaon_scalar(&other->base, 1)));
    kn_graph_free(other);
    assert_refused(g, "a value of another graph");
}

/* --- bodies ----------------------------------------------------------------------------------- */

// carry + uniform number of the step; the number comes out as well.
static void noisy_step(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[1] = kaon_random(g, 0, NULL);
    out[0] =
        kaon_add(g, in[0], kaon_mul(g, out[1], kaon_param(g, "scale", 0, NULL, KAON_INIT_ONE)));
}

// Random numbers of a body are made outside, others at each step; a derivative sees the same ones:
// d carry / d scale is their sum.
static void random_numbers_in_a_scan(void **state)
{
    (void)state;
    kn_graph *g = new_graph(KAON_F64);
    kaon_node *start = kaon_scalar(&g->base, 0), *results[2], *grad;
    assert_int_equal(
        g->base.api->scan(&g->base, noisy_step, NULL, 1, &start, 0, NULL, 5, 1, results), KAON_OK);
    kaon_node *scale;
    assert_int_equal(g->base.api->params(&g->base, 1, &scale), 1);
    g->base.api->gradient(&g->base, results[0], NULL, 1, &scale, &grad);
    assert_sound(g);
    for (int32_t i = 0; i < g->use_count; i++) {
        const kn_use *use = g->uses[i];
        for (int32_t k = 0; use->kind == KN_USE_SCAN && k < use->bodies[0]->use_count; k++)
            assert_true(strncmp(use->bodies[0]->uses[k]->name, "random", 6));
    }
    const double one = 1;
    const double *const variables[] = {&one};
    kr_run *run = kr_evaluate(g, NULL, variables, 3, 0);
    double sum = 0;
    for (int i = 0; i < 5; i++) {
        sum += kr_at(run, results[1])[i];
        assert_true(i == 0 || kr_at(run, results[1])[i] != kr_at(run, results[1])[i - 1]);
    }
    assert_near(kr_at(run, results[0])[0], sum, 1e-14);
    assert_near(kr_at(run, grad)[0], sum, 1e-14);
    kr_free(run);
    kn_graph_free(g);
}

static void streams_differ(void **state)
{
    (void)state;
    kn_graph *g = new_graph(KAON_F32);
    kaon_node *a = kaon_random(&g->base, 0, NULL), *b = kaon_random(&g->base, 0, NULL);
    const int64_t x = kn_attr_int(kn_node_of(a)->use, "stream", -1);
    const int64_t y = kn_attr_int(kn_node_of(b)->use, "stream", -1);
    assert_true(x >= 0 && y >= 0 && x != y);
    kn_node *outputs[] = {kn_node_of(a), kn_node_of(b)}, *simple[2];
    kn_graph *simpler;
    assert_int_equal(kn_simplify(g, 2, outputs, &simpler, simple, NULL), KAON_OK);
    assert_ptr_not_equal(simple[0], simple[1]);
    kn_graph_free(simpler);
    kn_graph_free(g);
}

static void wrong_step(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    const int64_t three[] = {3};
    if (!context)
        out[0] = kaon_broadcast(g, in[0], 1, three);
}

static void updating_step(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    kaon_node *v = context;
    kaon_update(g, v, in[0]);
    out[0] = in[0];
}

static void body_refusals(void **state)
{
    (void)state;
    kn_graph *g = new_graph(KAON_F32);
    kaon_node *c = kaon_scalar(&g->base, 0), *out;
    assert_int_not_equal(g->base.api->scan(&g->base, wrong_step, NULL, 1, &c, 0, NULL, 2, 0, &out),
                         KAON_OK);
    assert_refused(g, "scan: carry 0 starts as f32 (), a step returns f32 (3)");
    g = new_graph(KAON_F32);
    c = kaon_scalar(&g->base, 0);
    g->base.api->scan(&g->base, wrong_step, g, 1, &c, 0, NULL, 2, 0, &out);
    assert_refused(g, "scan: the body leaves result 0 empty");
    g = new_graph(KAON_F32);
    c = kaon_scalar(&g->base, 0);
    g->base.api->scan(&g->base, wrong_step, NULL, 0, NULL, 1, &c, 2, 0, &out);
    assert_refused(g, "scan: 2 steps over f32 ()");
    g = new_graph(KAON_F32);
    c = kaon_state(&g->base, "v", 0, NULL, KAON_INIT_ZERO);
    g->base.api->scan(&g->base, updating_step, c, 1, &c, 0, NULL, 2, 0, &out);
    assert_refused(g, "update: not inside");
    g = new_graph(KAON_F32);
    c = kaon_scalar(&g->base, 0);
    g->base.api->cond(&g->base, c, wrong_step, wrong_step, NULL, 1, &c, 1, &out);
    assert_refused(g, "the predicate must be a bool scalar, got f32 ()");
}

/* --- memory ----------------------------------------------------------------------------------- */

static kaon_status build_all(kn_graph **out)
{
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 1, 0};
    const int64_t shape[] = {40, 40};
    float values[1600] = {0};
    kaon_node *grads[2], *results[2];
    kn_diag fault;
    kn_diag_init(&fault);
    KAON_TRY(kn_graph_new(NULL, NULL, &spec, out, &fault.diag));
    kaon_graph *g = &(*out)->base;
    kaon_node *x[] = {kaon_param(g, "w", 2, shape, KAON_INIT_HE), input(*out, 2, shape)};
    kaon_node *y = kaon_matmul(g, x[0], kaon_add(g, x[1], kaon_const_f32(g, 2, shape, values)));
    kaon_node *start = kaon_sum_all(g, y);
    g->api->scan(g, noisy_step, NULL, 1, &start, 0, NULL, 3, 1, results);
    g->api->gradient(g, results[0], NULL, 2, x, grads);
    KAON_TRY(g->api->check(g, &fault.diag));
    kn_graph *simpler;
    kn_node *from[] = {kn_node_of(grads[0]), kn_node_of(grads[1])}, *to[2];
    KAON_TRY(kn_simplify(*out, 2, from, &simpler, to, &fault.diag));
    kn_graph_free(simpler);
    return KAON_OK;
}

// Whichever allocation fails, the graph says so and leaves nothing behind.
static void every_allocation_may_fail(void **state)
{
    (void)state;
    const int64_t blocks = kn_memory_count().blocks;
    for (int64_t n = 1; n < 5000; n++) {
        kn_graph *g = NULL;
        kn_memory_fail(n, KN_FAIL_ONCE);
        const kaon_status status = build_all(&g);
        const int64_t failed = kn_memory_failed();
        kn_memory_fail(0, KN_FAIL_ONCE);
        kn_graph_free(g);
        assert_int_equal(kn_memory_count().blocks, blocks);
        if (!failed) {
            assert_int_equal(status, KAON_OK);
            return;
        }
        assert_int_equal(status, KAON_NO_MEMORY);
    }
    fail_msg("it never came to an end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lecture_in_reverse_mode),
        cmocka_unit_test(lecture_in_forward_mode),
        cmocka_unit_test(lecture_hessian),
        cmocka_unit_test(jacobian_in_both_modes),
        cmocka_unit_test(corners),
        cmocka_unit_test(independent_inputs_get_zeros),
        cmocka_unit_test(scopes_name_variables),
        cmocka_unit_test(hooks_change_what_is_read),
        cmocka_unit_test(variable_refusals),
        cmocka_unit_test(refusals_say_what_was_found),
        cmocka_unit_test(first_refusal_stays),
        cmocka_unit_test(impossible_shapes),
        cmocka_unit_test(nodes_of_other_graphs),
        cmocka_unit_test(random_numbers_in_a_scan),
        cmocka_unit_test(streams_differ),
        cmocka_unit_test(body_refusals),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
