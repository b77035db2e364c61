/* derivative_test.c: every primitive's derivatives, in double: reverse mode against central
 * differences to 1e-6, forward against reverse mode, both again for the derivative, and the same
 * numbers after simplification.
 */
#include "../reference/cases.h"
#include "../reference/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kaon/random.h>

#include "kernel/diag.h"
#include "graph/simplify.h"

static kn_graph *new_graph(void)
{
    const kaon_graph_spec spec = {sizeof spec, KAON_F64, 1, 0};
    kn_graph *g;
    assert_int_equal(kn_graph_new(NULL, NULL, &spec, &g, NULL), KAON_OK);
    return g;
}

static void assert_sound(kn_graph *g, const char *name)
{
    kn_diag fault;
    kn_diag_init(&fault);
    if (g->base.api->check(&g->base, &fault.diag))
        fail_msg("%s: %s", name, fault.text);
}

// sum of a * b over everything; NULL without a pair.
static kaon_node *dot(kaon_graph *g, int32_t count, kaon_node *const *a, kaon_node *const *b)
{
    kaon_node *sum = NULL;
    for (int32_t i = 0; i < count; i++) {
        kaon_node *part = kaon_sum_all(g, kaon_mul(g, a[i], b[i]));
        sum = sum ? kaon_add(g, sum, part) : part;
    }
    return sum;
}

typedef struct problem {
    kn_graph *g;
    int32_t count;
    kaon_node *x[KR_INPUTS];
    double values[KR_INPUTS][KR_COUNT];
} problem;

static double at(problem *p, const kaon_node *node, int64_t index)
{
    const double *inputs[KR_INPUTS];
    for (int32_t i = 0; i < p->count; i++)
        inputs[i] = p->values[i];
    kr_run *run = kr_evaluate(p->g, inputs, NULL, 1, 0);
    const double value = kr_at(run, node)[index];
    kr_free(run);
    return value;
}

// The gradients of scalar `y` against differences of it.
static void check_differences(problem *p, const char *name, const kaon_node *y,
                              kaon_node *const *grads, double tolerance)
{
    const double step = 1e-5;
    for (int32_t i = 0; i < p->count; i++) {
        for (int64_t k = 0; k < kn_node_count(kn_node_of(p->x[i])); k++) {
            const double middle = p->values[i][k], found = at(p, grads[i], k);
            p->values[i][k] = middle + step;
            const double up = at(p, y, 0);
            p->values[i][k] = middle - step;
            const double down = at(p, y, 0);
            p->values[i][k] = middle;
            const double expected = (up - down) / (2 * step);
            if (!(fabs(found - expected) <= tolerance * (1 + fabs(expected))))
                fail_msg("%s: input %d element %d: gradient %.9g, differences %.9g", name, (int)i,
                         (int)k, found, expected);
        }
    }
}

static void check_equal(problem *p, const char *name, const char *what, const kaon_node *a,
                        const kaon_node *b)
{
    const double x = at(p, a, 0), y = at(p, b, 0);
    if (!(fabs(x - y) <= 1e-8 * (1 + fabs(y))))
        fail_msg("%s: %s: %.12g and %.12g", name, what, x, y);
}

// What kn_simplify makes of outputs gives the same numbers with no more uses.
static void check_simplified(problem *p, const char *name, int32_t count, kaon_node *const *nodes)
{
    kn_node *outputs[8], *simple[8];
    const double *inputs[KR_INPUTS];
    kn_graph *g;
    kn_diag fault;
    kn_diag_init(&fault);
    for (int32_t i = 0; i < count; i++)
        outputs[i] = kn_node_of(nodes[i]);
    for (int32_t i = 0; i < p->count; i++)
        inputs[i] = p->values[i];
    if (kn_simplify(p->g, count, outputs, &g, simple, &fault.diag))
        fail_msg("%s: simplify: %s", name, fault.text);
    assert_true(g->use_count <= p->g->use_count);
    kr_run *before = kr_evaluate(p->g, inputs, NULL, 1, 0);
    kr_run *after = kr_evaluate(g, inputs, NULL, 1, 0);
    for (int32_t i = 0; i < count; i++) {
        assert_true(kn_same_type(outputs[i], simple[i]));
        for (int64_t k = 0; k < kn_node_count(outputs[i]); k++) {
            const double x = kr_at(before, &outputs[i]->base)[k],
                         y = kr_at(after, &simple[i]->base)[k];
            if (!(fabs(x - y) <= 1e-11 * (1 + fabs(x))))
                fail_msg("%s: simplified output %d element %d: %.15g, was %.15g", name, (int)i,
                         (int)k, y, x);
        }
    }
    kr_free(before);
    kr_free(after);
    kn_graph_free(g);
}

static void run_case(const kr_case *c)
{
    problem p = {.g = new_graph(), .count = c->count};
    kaon_graph *g = &p.g->base;
    kaon_random_stream r = {42, 1, 0};
    kaon_node *dx[KR_INPUTS], *grads[KR_INPUTS], *second[KR_INPUTS], *moved[KR_INPUTS], *dy;
    for (int32_t i = 0; i < c->count; i++) {
        p.x[i] = g->api->input(g, "x", KAON_F64, c->shapes[i].rank, c->shapes[i].size);
        for (int64_t k = 0; k < kn_node_count(kn_node_of(p.x[i])); k++)
            p.values[i][k] = c->low + (c->high - c->low) * kaon_random_uniform(&r);
        dx[i] = kr_constant(g, p.x[i], 100 + (uint64_t)i);
    }
    kaon_node *y = kr_build(c, g, p.x);
    assert_sound(p.g, c->name);
    kaon_node *w = kr_constant(g, y, 5);
    kaon_node *loss = kaon_sum_all(g, kaon_mul(g, y, w));
    g->api->gradient(g, loss, NULL, c->count, p.x, grads);
    g->api->tangent(g, c->count, p.x, dx, 1, &y, &dy);
    kaon_node *slope = dot(g, c->count, grads, dx);
    kaon_node *forward = kaon_sum_all(g, kaon_mul(g, dy, w));
    assert_sound(p.g, c->name);
    check_differences(&p, c->name, loss, grads, 1e-6);
    check_equal(&p, c->name, "forward against reverse", forward, slope);
    g->api->gradient(g, slope, NULL, c->count, p.x, second);
    g->api->tangent(g, c->count, p.x, dx, c->count, grads, moved);
    kaon_node *reverse_twice = dot(g, c->count, second, dx);
    kaon_node *forward_over = dot(g, c->count, moved, dx);
    assert_sound(p.g, c->name);
    check_differences(&p, c->name, slope, second, 1e-5);
    check_equal(&p, c->name, "second derivatives", forward_over, reverse_twice);
    kaon_node *outputs[2 * KR_INPUTS + 2] = {loss, forward_over};
    for (int32_t i = 0; i < c->count; i++) {
        outputs[2 + 2 * i] = grads[i];
        outputs[3 + 2 * i] = second[i];
    }
    check_simplified(&p, c->name, 2 + 2 * c->count, outputs);
    kn_graph_free(p.g);
}

static void elementwise_operations(void **state)
{
    (void)state;
    for (int32_t i = 0; i < kn_primitive_count; i++) {
        const kn_op *op = &kn_primitives[i];
        if (!op->elementwise || !op->reverse || op->elementwise == KAON_X_CAST)
            continue;
        for (int32_t s = 0; s < KR_ELEMENTWISE_SHAPES; s++) {
            const kr_case c = kr_elementwise_case(op, s);
            run_case(&c);
        }
    }
}

static void other_operations(void **state)
{
    (void)state;
    for (int32_t i = 0; i < kr_case_count; i++)
        run_case(&kr_cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise_operations),
        cmocka_unit_test(other_operations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
