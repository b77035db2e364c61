/* simplify_test.c: what simplification leaves of small graphs. That it keeps the numbers is checked
 * on every graph of derivative_test.c.
 */
#include "../reference/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/diag.h"
#include "kernel/element.h"
#include "graph/simplify.h"

static const int64_t shape23[] = {2, 3};

typedef kaon_node *builder(kaon_graph *g, kaon_node *x, kaon_node *y);

// The operations left, by name, for an output built of inputs x (2, 3) and y (3), f32.
static void check(builder *build, const char *expected)
{
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 1, 0};
    kn_graph *g, *simple;
    kn_node *after;
    kn_diag fault;
    char found[512] = "";
    kn_diag_init(&fault);
    assert_int_equal(kn_graph_new(NULL, NULL, &spec, &g, NULL), KAON_OK);
    kaon_node *x = g->base.api->input(&g->base, "x", KAON_F32, 2, shape23);
    kaon_node *y = g->base.api->input(&g->base, "y", KAON_F32, 1, shape23 + 1);
    kaon_node *z = build(&g->base, x, y);
    if (g->base.api->check(&g->base, &fault.diag))
        fail_msg("%s", fault.text);
    kn_node *before = kn_node_of(z);
    if (kn_simplify(g, 1, &before, &simple, &after, &fault.diag))
        fail_msg("%s", fault.text);
    assert_true(kn_same_type(before, after));
    assert_int_equal(simple->input_count, 2);
    for (int32_t i = 2; i < simple->use_count; i++) {
        const kn_use *use = simple->uses[i];
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%s", *found ? " " : "",
                 use->name);
        if (use->kind == KN_USE_CONST)
            snprintf(found + strlen(found), sizeof found - strlen(found), ":%g",
                     kn_element_get(use->outputs[0].dtype, use->data, 0));
    }
    if (strcmp(found, expected))
        fail_msg("left '%s', expected '%s'", found, expected);
    kn_graph_free(simple);
    kn_graph_free(g);
}

// clang-format off
#define TO(name, expression)                                                                       \
    static kaon_node *name(kaon_graph *g, kaon_node *x, kaon_node *y)                              \
    {                                                                                              \
        (void)g, (void)x, (void)y;                                                                 \
        return expression;                                                                         \
    }
#define C(value) kaon_scalar(g, value)
#define FILLED(value) kaon_broadcast(g, C(value), 2, shape23)

TO(plus_zero,       kaon_add(g, kaon_sub(g, x, C(0)), C(0)))
TO(zero_keeps_shape, kaon_add(g, y, FILLED(0)))
TO(times_one,       kaon_div(g, kaon_mul(g, C(1), kaon_mul(g, x, FILLED(1))), C(1)))
TO(times_zero_stays, kaon_mul(g, x, C(0))) // NaN and infinities
TO(minus_itself_stays, kaon_sub(g, x, x))
TO(times_minus_one, kaon_mul(g, x, C(-1)))
TO(double_negation, kaon_neg(g, kaon_neg(g, x)))
TO(plus_negative,   kaon_add(g, x, kaon_neg(g, y)))
TO(negative_plus,   kaon_add(g, kaon_neg(g, x), x))
TO(over_four,       kaon_div(g, x, C(4)))
TO(over_three_stays, kaon_div(g, x, C(3)))
TO(squared,         kaon_power(g, x, 2))
TO(power_one,       kaon_power(g, x, 1))
TO(folded,          kaon_mul(g, x, kaon_add(g, C(1), kaon_sqrt(g, C(4)))))
TO(folded_int,      kaon_mul(g, x, kaon_cast(g, kaon_add(g, kaon_scalar_as(g, KAON_I64, 2), kaon_scalar_as(g, KAON_I64, 3)), KAON_F32)))
TO(choice,          kaon_select(g, kaon_lt(g, C(1), C(2)), x, kaon_exp(g, x)))
TO(same_choice,     kaon_select(g, kaon_lt(g, x, C(2)), x, x))
TO(negated_choice,  kaon_select(g, kaon_bit_not(g, kaon_lt(g, x, C(2))), x, y))
TO(cast_there_back, kaon_cast(g, kaon_cast(g, x, KAON_F64), KAON_F32))
TO(cast_lossy_stays, kaon_cast(g, kaon_cast(g, x, KAON_F16), KAON_F32))
TO(stopped,         kaon_stop_gradient(g, x))
TO(reshape_twice,   kaon_reshape(g, kaon_reshape(g, x, 1, (const int64_t[]){6}), 2, shape23))
TO(transpose_twice, kaon_transpose(g, kaon_transpose(g, x, 2, (const int64_t[]){1, 0}), 2, (const int64_t[]){1, 0}))
TO(broadcast_gone,  kaon_add(g, x, kaon_broadcast(g, y, 2, shape23)))
TO(broadcast_kept,  kaon_exp(g, kaon_broadcast(g, y, 2, shape23)))
TO(slice_of_slice,  kaon_slice(g, kaon_slice(g, x, 1, 1, 3), 1, 1, 2))
TO(slice_of_all,    kaon_slice(g, x, 1, 0, 3))
TO(reduce_nothing,  kaon_sum(g, kaon_reshape(g, x, 3, (const int64_t[]){2, 1, 3}), 1))
TO(common,          kaon_mul(g, kaon_exp(g, kaon_add(g, x, y)), kaon_exp(g, kaon_add(g, y, x))))
TO(not_common,      kaon_mul(g, kaon_exp(g, kaon_sub(g, x, y)), kaon_exp(g, kaon_sub(g, y, x))))
TO(other_attributes, kaon_add(g, kaon_reduce(g, "reduce_sum", x, 0, 1), kaon_reduce(g, "reduce_sum", x, 1, 1)))
TO(product_turned,  kaon_transpose(g, kaon_matmul(g, x, kaon_reshape(g, y, 2, (const int64_t[]){3, 1})), 2, (const int64_t[]){1, 0}))
// clang-format on

// A mask made from what was compared reads the greater of both where that is there already.
static kaon_node *ramp_mask(kaon_graph *g, kaon_node *x, kaon_node *y)
{
    kaon_node *ramp = kaon_max(g, x, kaon_scalar(g, 0));
    kaon_node *mask = kaon_gt(g, x, kaon_scalar(g, 0));
    return kaon_mul(g, ramp, kaon_select(g, mask, y, kaon_scalar(g, 0)));
}

static kaon_node *is_second(kaon_graph *g, kaon_node *x, kaon_node *y)
{
    const kaon_attr attrs[] = {kaon_attr_ints("shape", 2, (const int64_t[]){1, 3}),
                               kaon_attr_int("axis", 1)};
    kaon_node *index = kaon_cast(g, g->api->apply(g, "iota", 0, NULL, 2, attrs), KAON_F32);
    (void)y;
    return kaon_mul(g, x, kaon_shift(g, index, 1));
}

static void identities(void **state)
{
    (void)state;
    check(plus_zero, "");
    check(zero_keeps_shape, "constant:0 broadcast add");
    check(times_one, "");
    check(times_zero_stays, "constant:0 mul");
    check(minus_itself_stays, "sub");
    check(times_minus_one, "neg");
    check(double_negation, "");
    check(plus_negative, "sub");
    check(negative_plus, "sub");
    check(over_four, "constant:0.25 mul");
    check(over_three_stays, "constant:3 div");
    check(squared, "mul");
    check(power_one, "");
    check(folded, "constant:3 mul");
    check(folded_int, "constant:5 mul");
    check(choice, "");
    check(same_choice, "");
    check(negated_choice, "constant:2 lt select");
    check(cast_there_back, "");
    check(cast_lossy_stays, "cast cast");
    check(stopped, "");
    check(is_second, "constant:1 mul");
}

static void shape_moves(void **state)
{
    (void)state;
    check(reshape_twice, "");
    check(transpose_twice, "");
    check(broadcast_gone, "add");
    check(broadcast_kept, "broadcast exp");
    check(slice_of_slice, "slice");
    check(slice_of_all, "");
    check(reduce_nothing, "");
    check(product_turned, "reshape transpose transpose matmul");
}

static void common_expressions(void **state)
{
    (void)state;
    check(common, "add exp mul");
    check(not_common, "sub exp sub exp mul");
    check(other_attributes, "reduce_sum reduce_sum add");
    check(ramp_mask, "constant:0 max gt select mul");
}

/* --- whole graphs ----------------------------------------------------------------------------- */

// Carries: a sum that is read and a product nobody reads; stacked: one read, one not.
static void step(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    out[0] = kaon_add(g, in[0], in[1]);
    out[1] = kaon_mul(g, in[1], context);
    out[2] = kaon_exp(g, in[2]);
}

static void dead_parts_of_scans(void **state)
{
    (void)state;
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 1, 0};
    kn_graph *g, *simple;
    kn_node *after;
    assert_int_equal(kn_graph_new(NULL, NULL, &spec, &g, NULL), KAON_OK);
    kaon_graph *b = &g->base;
    const int64_t shape[] = {4};
    kaon_node *xs[] = {b->api->input(b, "x", KAON_F32, 1, shape),
                       b->api->input(b, "y", KAON_F32, 1, shape)};
    kaon_node *start = kaon_scalar(b, 0), *results[3];
    kaon_node *captured = b->api->input(b, "c", KAON_F32, 1, shape);
    b->api->scan(b, step, captured, 1, &start, 2, xs, 4, 2, results);
    assert_int_equal(b->api->check(b, NULL), KAON_OK);
    kn_node *before = kn_node_of(results[0]);
    assert_int_equal(kn_simplify(g, 1, &before, &simple, &after, NULL), KAON_OK);
    const kn_use *scan = after->use;
    assert_int_equal(scan->kind, KN_USE_SCAN);
    assert_int_equal(scan->output_count, 1);
    assert_int_equal(scan->x_count, 1);
    assert_int_equal(scan->input_count, 2);
    assert_int_equal(scan->bodies[0]->use_count, 3);
    assert_int_equal(simple->input_count, 3);
    kn_graph_free(simple);
    kn_graph_free(g);
}

static void updates_move_along(void **state)
{
    (void)state;
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 1, 0};
    kn_graph *g, *simple;
    assert_int_equal(kn_graph_new(NULL, NULL, &spec, &g, NULL), KAON_OK);
    kaon_node *unused = kaon_state(&g->base, "unused", 0, NULL, KAON_INIT_ONE);
    g->base.api->enter(&g->base, "calo");
    kaon_node *w = kaon_param(&g->base, "w", 0, NULL, KAON_INIT_ONE);
    kaon_update(&g->base, w,
                kaon_add(&g->base, kaon_mul(&g->base, w, w), kaon_scalar(&g->base, 0)));
    assert_int_equal(kn_simplify(g, 0, NULL, &simple, NULL, NULL), KAON_OK);
    assert_int_equal(simple->variable_count, 2);
    assert_string_equal(simple->variables[1].name, "calo/w");
    assert_int_equal(simple->variables[1].flags, KAON_TRAINABLE);
    assert_int_equal(simple->variables[1].init, KAON_INIT_ONE);
    assert_string_equal(simple->variables[1].value->use->name, "mul");
    assert_null(simple->variables[0].value);
    assert_int_equal(simple->use_count, 3);
    (void)unused;
    kn_graph_free(simple);
    kn_graph_free(g);
}

// A constant of any type folds as its type computes.
static void folding_keeps_types(void **state)
{
    (void)state;
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 1, 0};
    kn_graph *g, *simple;
    assert_int_equal(kn_graph_new(NULL, NULL, &spec, &g, NULL), KAON_OK);
    kaon_graph *b = &g->base;
    kn_node *before[3], *after[3];
    before[0] = kn_node_of(kaon_div(b, kaon_scalar(b, 1), kaon_scalar(b, 3)));
    before[1] =
        kn_node_of(kaon_add(b, kaon_scalar_as(b, KAON_U8, 250), kaon_scalar_as(b, KAON_U8, 10)));
    before[2] = kn_node_of(kaon_cast(b, kaon_scalar(b, 0.1), KAON_BF16));
    assert_int_equal(kn_simplify(g, 3, before, &simple, after, NULL), KAON_OK);
    assert_int_equal(after[0]->use->kind, KN_USE_CONST);
    assert_true(kn_element_get(KAON_F32, after[0]->use->data, 0) == (double)(1.0f / 3));
    assert_string_equal(after[1]->use->name, "add"); // it would wrap around
    assert_int_equal(after[2]->use->kind, KN_USE_CONST);
    assert_true(kn_element_get(KAON_BF16, after[2]->use->data, 0) == 0.10009765625);
    kn_graph_free(simple);
    kn_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identities),         cmocka_unit_test(shape_moves),
        cmocka_unit_test(common_expressions), cmocka_unit_test(dead_parts_of_scans),
        cmocka_unit_test(updates_move_along), cmocka_unit_test(folding_keeps_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
