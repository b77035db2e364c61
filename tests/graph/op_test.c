/* op_test.c: the primitives: shapes, refusals in words, and by the reference numbers one can check
 * by hand.
 */
#include "../reference/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <kaon/random.h>

#include "kernel/diag.h"

static kn_graph *new_graph(void)
{
    const kaon_graph_spec spec = {sizeof spec, KAON_F64, 1, 0};
    kn_graph *g;
    assert_int_equal(kn_graph_new(NULL, NULL, &spec, &g, NULL), KAON_OK);
    return g;
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int32_t code, inputs;
} elementwise[] = {
#define ROW(NAME, value, text, inputs, result) {#text, KAON_X_##NAME, inputs},
    KAON_ELEMENTWISE(ROW)
#undef ROW
};

static void table_agrees_with_elementwise_h(void **state)
{
    (void)state;
    int32_t found = 0;
    for (size_t i = 0; i < sizeof elementwise / sizeof elementwise[0]; i++) {
        const kn_op *op = kn_op_find(elementwise[i].name);
        assert_non_null(op);
        assert_int_equal(op->elementwise, elementwise[i].code);
        assert_int_equal(op->max_inputs, elementwise[i].inputs);
    }
    for (int32_t i = 0; i < kn_primitive_count; i++) {
        const kn_op *op = &kn_primitives[i];
        found += op->elementwise != 0;
        assert_ptr_equal(kn_op_find(op->name), op); // no name stands twice
        assert_true(op->help && *op->help && op->infer && op->min_inputs <= op->max_inputs);
        assert_true(op->output_count >= 1 && op->output_count <= KAON_OP_MAX_OUTPUTS);
        assert_int_equal(op->reverse == NULL, op->forward == NULL);
    }
    assert_int_equal(found, sizeof elementwise / sizeof elementwise[0] + 1); // and cast
}

/* --- values ----------------------------------------------------------------------------------- */

#define I kaon_attr_int
#define L(name, ...)                                                                               \
    kaon_attr_ints(name, sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t),                 \
                   (const int64_t[]){__VA_ARGS__})
#define N(...)                                                                                     \
    {                                                                                              \
        sizeof((const double[]){__VA_ARGS__}) / sizeof(double),                                    \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

enum { MOST = 24 };

typedef struct numbers {
    int64_t count;
    double at[MOST];
} numbers;

typedef struct tensor_row {
    int32_t dtype;
    int32_t rank;
    int64_t shape[4];
    numbers values;
} tensor_row;

typedef struct value_case {
    const char *op;
    int32_t count;
    tensor_row in[3];
    const char *type; // of the output
    numbers out;
} value_case;

static kaon_node *tensor(kaon_graph *g, const tensor_row *row)
{
    const kaon_view view = {sizeof view, KAON_F64, KAON_DEVICE_CPU,        0,
                            row->rank,   0,        (void *)row->values.at, row->shape,
                            NULL};
    kaon_node *node = g->api->constant(g, &view);
    return row->dtype == KAON_F64 ? node : kaon_cast(g, node, row->dtype);
}

static void check_output(const value_case *c, int32_t output, int32_t attr_count,
                         const kaon_attr *attrs)
{
    kn_graph *g = new_graph();
    kaon_node *in[3];
    kn_diag fault;
    kn_diag_init(&fault);
    for (int32_t i = 0; i < c->count; i++)
        in[i] = tensor(&g->base, &c->in[i]);
    kaon_node *y = g->base.api->apply(&g->base, c->op, c->count, in, attr_count, attrs);
    y = g->base.api->output(y, output);
    if (g->base.api->check(&g->base, &fault.diag))
        fail_msg("%s: %s", c->op, fault.text);
    if (strcmp(kn_type_text(kn_node_of(y)), c->type))
        fail_msg("%s: %s, expected %s", c->op, kn_type_text(kn_node_of(y)), c->type);
    kr_run *run = kr_evaluate(g, NULL, NULL, 1, 0);
    assert_int_equal(kn_node_count(kn_node_of(y)), c->out.count);
    for (int64_t i = 0; i < c->out.count; i++) {
        const double found = kr_at(run, y)[i], wanted = c->out.at[i];
        if (!(found == wanted || fabs(found - wanted) < 1e-12 || (isnan(found) && isnan(wanted))))
            fail_msg("%s: element %d is %g, expected %g", c->op, (int)i, found, wanted);
    }
    kr_free(run);
    kn_graph_free(g);
}

#define CHECK(row, ...)                                                                            \
    do {                                                                                           \
        const kaon_attr attrs[] = {I("", 0), __VA_ARGS__};                                         \
        check_output(&(const value_case)row, 0, (int32_t)(sizeof attrs / sizeof attrs[0]) - 1,     \
                     attrs + 1);                                                                   \
    } while (0)
#define ROW(...)                                                                                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define F(rank, shape, ...)                                                                        \
    {                                                                                              \
        KAON_F64, rank, shape, N(__VA_ARGS__)                                                      \
    }
#define W(rank, shape, ...)                                                                        \
    {                                                                                              \
        KAON_I64, rank, shape, N(__VA_ARGS__)                                                      \
    }
#define S(...)                                                                                     \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const kaon_attr none[1];

static void plain(const value_case *c)
{
    check_output(c, 0, 0, none);
}

static void second(const value_case *c)
{
    check_output(c, 1, 0, none);
}

// clang-format off
static void elementwise_values(void **state)
{
    (void)state;
    plain(&(const value_case){"add", 2, {F(2, S(2, 1), 1, 2), F(1, S(3), 10, 20, 30)}, "f64 (2, 3)", N(11, 21, 31, 12, 22, 32)});
    plain(&(const value_case){"div", 2, {W(1, S(4), 7, -7, 5, 0), W(1, S(4), 2, 2, 0, 3)}, "i64 (4)", N(3, -3, 0, 0)});
    plain(&(const value_case){"mod", 2, {F(1, S(2), -7, 7), F(0, S(0), 3)}, "f64 (2)", N(-1, 1)});
    plain(&(const value_case){"max", 2, {F(1, S(3), 1, NAN, -1), F(0, S(0), 0)}, "f64 (3)", N(1, NAN, 0)});
    plain(&(const value_case){"atan2", 2, {F(1, S(2), 1, -1), F(1, S(2), 0, 0)}, "f64 (2)", N(M_PI / 2, -M_PI / 2)});
    plain(&(const value_case){"lt", 2, {F(1, S(3), 1, 2, NAN), F(0, S(0), 2)}, "bool (3)", N(1, 0, 0)});
    plain(&(const value_case){"round", 1, {F(1, S(5), 0.5, 1.5, -0.5, 2.4, -2.6)}, "f64 (5)", N(0, 2, 0, 2, -3)});
    plain(&(const value_case){"sign", 1, {F(1, S(4), -3, 0, 5, NAN)}, "f64 (4)", N(-1, 0, 1, NAN)});
    plain(&(const value_case){"digamma", 1, {F(1, S(2), 1, 0.5)}, "f64 (2)", N(-0.57721566490153286, -1.9635100260214235)});
    plain(&(const value_case){"logistic", 1, {F(1, S(3), 0, -1000, 1000)}, "f64 (3)", N(0.5, 0, 1)});
    plain(&(const value_case){"finite", 1, {F(1, S(3), 1, NAN, INFINITY)}, "bool (3)", N(1, 0, 0)});
    plain(&(const value_case){"bit_xor", 2, {W(1, S(2), 6, -1), W(0, S(0), 3)}, "i64 (2)", N(5, -4)});
    plain(&(const value_case){"add", 2, {{KAON_U8, 1, {2}, N(250, 3)}, {KAON_U8, 0, {0}, N(10)}}, "u8 (2)", N(4, 13)});
    plain(&(const value_case){"add", 2, {F(2, S(0, 3), 0), F(1, S(3), 1, 2, 3)}, "f64 (0, 3)", {0, {0}}});
    CHECK(ROW("cast", 1, {F(1, S(4), 2.7, -2.7, NAN, 1e30)}, "i32 (4)", N(2, -2, 0, 2147483647)), I("dtype", KAON_I32));
    CHECK(ROW("cast", 1, {F(1, S(2), 1e-30, 0)}, "bool (2)", N(1, 0)), I("dtype", KAON_BOOL));
}

static void reduction_values(void **state)
{
    (void)state;
    CHECK(ROW("reduce_sum", 1, {F(2, S(2, 3), 1, 2, 3, 4, 5, 6)}, "f64 (2)", N(6, 15)), L("axes", -1));
    CHECK(ROW("reduce_sum", 1, {F(2, S(2, 3), 1, 2, 3, 4, 5, 6)}, "f64 (1, 3)", N(5, 7, 9)), I("axes", 0), I("keep", 5));
    CHECK(ROW("reduce_prod", 1, {F(2, S(2, 2), 1, 2, 3, 4)}, "f64 ()", N(24)), I("keep", 0));
    CHECK(ROW("reduce_max", 1, {F(2, S(2, 0), 0)}, "f64 (2)", N(-INFINITY, -INFINITY)), L("axes", 1));
    CHECK(ROW("reduce_min", 1, {W(2, S(1, 0), 0)}, "i64 (1)", N(0x1p63)), L("axes", 1));
    CHECK(ROW("reduce_max", 1, {F(1, S(3), 1, NAN, 2)}, "f64 ()", N(NAN)), L("axes", 0));
    CHECK(ROW("argmax", 1, {F(2, S(2, 3), 1, 3, 3, 5, 4, 5)}, "i64 (2)", N(1, 0)), I("axis", 1));
    CHECK(ROW("argmin", 1, {F(2, S(2, 2), 1, 3, 0, 3)}, "i64 (2)", N(1, 0)), I("axis", 0));
    CHECK(ROW("cumsum", 1, {F(1, S(4), 1, 2, 3, 4)}, "f64 (4)", N(1, 3, 6, 10)), I("axis", 0));
    CHECK(ROW("cumsum", 1, {F(1, S(4), 1, 2, 3, 4)}, "f64 (4)", N(9, 7, 4, 0)), I("axis", 0), I("reverse", 1), I("exclusive", 1));
    CHECK(ROW("cumprod", 1, {F(2, S(2, 2), 1, 2, 3, 4)}, "f64 (2, 2)", N(1, 2, 3, 8)), I("axis", 0));
    CHECK(ROW("cummax", 1, {F(1, S(4), 1, 3, 2, 4)}, "f64 (4)", N(-INFINITY, 1, 3, 3)), I("axis", 0), I("exclusive", 1));
    CHECK(ROW("sort", 1, {F(1, S(4), 3, NAN, 1, 2)}, "f64 (4)", N(1, 2, 3, NAN)), I("axis", 0));
    CHECK(ROW("sort", 1, {F(1, S(4), 3, NAN, 1, 2)}, "f64 (4)", N(3, 2, 1, NAN)), I("axis", 0), I("descending", 1));
    CHECK(ROW("argsort", 1, {F(1, S(4), 2, 1, 2, 1)}, "i64 (4)", N(1, 3, 0, 2)), I("axis", 0));
    CHECK(ROW("argsort", 1, {F(1, S(4), 2, 1, 2, 1)}, "i64 (4)", N(0, 2, 1, 3)), I("axis", 0), I("descending", 1));
}

static void move_values(void **state)
{
    (void)state;
    CHECK(ROW("reshape", 1, {F(2, S(2, 3), 1, 2, 3, 4, 5, 6)}, "f64 (3, 2)", N(1, 2, 3, 4, 5, 6)), L("shape", -1, 2));
    CHECK(ROW("broadcast", 1, {F(2, S(2, 1), 1, 2)}, "f64 (2, 2)", N(1, 1, 2, 2)), L("shape", 2, 2));
    CHECK(ROW("transpose", 1, {F(2, S(2, 3), 1, 2, 3, 4, 5, 6)}, "f64 (3, 2)", N(1, 4, 2, 5, 3, 6)), L("axes", 1, 0));
    CHECK(ROW("slice", 1, {F(1, S(5), 0, 1, 2, 3, 4)}, "f64 (2)", N(1, 3)), I("axis", 0), I("start", 1), I("stop", -1), I("step", 2));
    CHECK(ROW("slice", 1, {F(1, S(3), 0, 1, 2)}, "f64 (0)", {0}), I("axis", 0), I("start", 3));
    CHECK(ROW("pad", 2, {F(1, S(2), 1, 2), F(0, S(0), 9)}, "f64 (5)", N(9, 1, 2, 9, 9)), I("axis", 0), I("low", 1), I("high", 2));
    CHECK(ROW("concat", 2, {F(2, S(2, 1), 1, 2), F(2, S(2, 2), 3, 4, 5, 6)}, "f64 (2, 3)", N(1, 3, 4, 2, 5, 6)), I("axis", 1));
    CHECK(ROW("reverse", 1, {F(2, S(2, 2), 1, 2, 3, 4)}, "f64 (2, 2)", N(2, 1, 4, 3)), I("axis", 1));
    CHECK(ROW("iota", 0, {F(0, S(0), 0)}, "i64 (2, 3)", N(0, 1, 2, 0, 1, 2)), L("shape", 2, 3), I("axis", 1));
    CHECK(ROW("gather", 2, {F(2, S(3, 2), 1, 2, 3, 4, 5, 6), W(1, S(3), 2, -5, 9)}, "f64 (3, 2)", N(5, 6, 1, 2, 5, 6)), I("axis", 0));
    CHECK(ROW("gather", 2, {F(2, S(2, 2), 1, 2, 3, 4), W(0, S(0), 1)}, "f64 (2)", N(2, 4)), I("axis", -1));
    CHECK(ROW("scatter_add", 3, {F(1, S(3), 1, 1, 1), W(1, S(4), 0, 2, 0, 7), F(1, S(4), 1, 2, 3, 4)}, "f64 (3)", N(5, 1, 3)), I("axis", 0));
    CHECK(ROW("take_along", 2, {F(2, S(2, 2), 1, 2, 3, 4), W(2, S(2, 1), 1, 0)}, "f64 (2, 1)", N(2, 3)), I("axis", 1));
    CHECK(ROW("put_along_add", 3, {F(2, S(2, 2), 0, 0, 0, 0), W(2, S(2, 1), 1, 0), F(2, S(2, 1), 5, 6)}, "f64 (2, 2)", N(0, 5, 6, 0)), I("axis", 1));
}

static void product_values(void **state)
{
    (void)state;
    plain(&(const value_case){"matmul", 2, {F(2, S(2, 2), 1, 2, 3, 4), F(2, S(2, 1), 5, 6)}, "f64 (2, 1)", N(17, 39)});
    plain(&(const value_case){"matmul", 2, {F(1, S(2), 1, 2), F(1, S(2), 3, 4)}, "f64 ()", N(11)});
    plain(&(const value_case){"matmul", 2, {F(3, S(2, 1, 2), 1, 2, 3, 4), F(2, S(2, 1), 1, 1)}, "f64 (2, 1, 1)", N(3, 7)});
    plain(&(const value_case){"matmul", 2, {F(2, S(2, 0), 0), F(2, S(0, 2), 0)}, "f64 (2, 2)", N(0, 0, 0, 0)});
    CHECK(ROW("conv", 2, {F(3, S(1, 1, 4), 1, 2, 3, 4), F(3, S(1, 1, 2), 1, 10)}, "f64 (1, 1, 3)", N(21, 32, 43)), I("stride", 1));
    CHECK(ROW("conv", 2, {F(3, S(1, 1, 4), 1, 2, 3, 4), F(3, S(1, 1, 2), 1, 10)}, "f64 (1, 1, 3)", N(10, 32, 4)), I("stride", 2), I("low", 1), I("high", 1));
    CHECK(ROW("conv", 2, {F(3, S(1, 2, 2), 1, 2, 3, 4), F(3, S(2, 1, 1), 1, 10)}, "f64 (1, 2, 2)", N(1, 2, 30, 40)), I("groups", 2));
    CHECK(ROW("conv_grad_input", 2, {F(3, S(1, 1, 3), 1, 2, 3), F(3, S(1, 1, 2), 1, 10)}, "f64 (1, 1, 4)", N(1, 12, 23, 30)), L("shape", 1, 1, 4));
    CHECK(ROW("conv_grad_weight", 2, {F(3, S(1, 1, 4), 1, 2, 3, 4), F(3, S(1, 1, 3), 1, 0, 2)}, "f64 (1, 1, 2)", N(7, 10)), L("shape", 1, 1, 2));
    CHECK(ROW("pool_max", 1, {F(2, S(1, 5), 1, 3, 2, 5, 4)}, "f64 (1, 2)", N(3, 5)), I("window", 2));
    CHECK(ROW("pool_sum", 1, {F(2, S(1, 4), 1, 2, 3, 4)}, "f64 (1, 3)", N(1, 5, 4)), I("window", 2), I("low", 1), I("high", 1));
    CHECK(ROW("pool_max_grad", 2, {F(2, S(1, 4), 3, 3, 1, 2), F(2, S(1, 2), 10, 20)}, "f64 (1, 4)", N(10, 0, 0, 20)), I("window", 2));
    CHECK(ROW("pool_sum_grad", 1, {F(2, S(1, 2), 10, 20)}, "f64 (1, 5)", N(10, 10, 20, 20, 0)), I("window", 2), L("shape", 1, 5));
}

static void matrix_values(void **state)
{
    (void)state;
    const double h = sqrt(0.5);
    plain(&(const value_case){"cholesky", 1, {F(2, S(2, 2), 4, 99, 2, 5)}, "f64 (2, 2)", N(2, 0, 1, 2)});
    plain(&(const value_case){"cholesky", 1, {F(2, S(1, 1), -1)}, "f64 (1, 1)", N(NAN)});
    CHECK(ROW("triangular_solve", 2, {F(2, S(2, 2), 2, 99, 1, 4), F(2, S(2, 1), 2, 9)}, "f64 (2, 1)", N(1, 2)), I("lower", 1));
    CHECK(ROW("triangular_solve", 2, {F(2, S(2, 2), 2, 99, 1, 4), F(2, S(2, 1), 4, 8)}, "f64 (2, 1)", N(1, 2)), I("transpose", 1));
    CHECK(ROW("triangular_solve", 2, {F(2, S(2, 2), 7, 3, 99, 7), F(2, S(2, 1), 7, 2)}, "f64 (2, 1)", N(1, 2)), I("lower", 0), I("unit", 1));
    plain(&(const value_case){"solve", 2, {F(2, S(2, 2), 0, 2, 1, 0), F(2, S(2, 1), 4, 3)}, "f64 (2, 1)", N(3, 2)});
    plain(&(const value_case){"solve", 2, {F(2, S(1, 1), 0), F(2, S(1, 1), 1)}, "f64 (1, 1)", N(NAN)});
    plain(&(const value_case){"slogdet", 1, {F(2, S(2, 2), 0, 2, 1, 0)}, "f64 ()", N(-1)});
    second(&(const value_case){"slogdet", 1, {F(2, S(2, 2), 0, 2, 1, 0)}, "f64 ()", N(log(2))});
    plain(&(const value_case){"qr", 1, {F(2, S(2, 2), 0, -1, -2, 3)}, "f64 (2, 2)", N(0, -1, -1, 0)});
    second(&(const value_case){"qr", 1, {F(2, S(2, 2), 0, -1, -2, 3)}, "f64 (2, 2)", N(2, -3, 0, 1)});
    plain(&(const value_case){"eigh", 1, {F(2, S(2, 2), 2, 99, 1, 2)}, "f64 (2)", N(1, 3)});
    second(&(const value_case){"svd", 1, {F(2, S(3, 2), 0, 2, 3, 0, 0, 0)}, "f64 (2)", N(3, 2)});
    second(&(const value_case){"svd", 1, {F(2, S(1, 2), 1, 1)}, "f64 (1)", N(1 / h)});
}
// clang-format on

/* --- random numbers --------------------------------------------------------------------------- */

// The known answers that come with Random123.
static void philox_as_published(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], words[4];
    } rows[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint32_t words[4];
        kaon_philox(rows[i].counter, rows[i].key, words);
        assert_memory_equal(words, rows[i].words, sizeof words);
    }
}

// Element i is word i of the run's sequence; doubles take two words each.
static void random_values(void **state)
{
    (void)state;
    kn_graph *g = new_graph();
    const kaon_attr attrs[] = {L("shape", 2, 3), I("stream", 5)};
    kaon_node *bits = g->base.api->apply(&g->base, "random_bits", 0, NULL, 2, attrs);
    kaon_node *uniform = g->base.api->apply(&g->base, "random_uniform", 0, NULL, 2, attrs);
    kr_run *run = kr_evaluate(g, NULL, NULL, 0x123456789abc, 7);
    for (uint32_t i = 0; i < 6; i++) {
        const uint32_t key[2] = {0x56789abc, 0x1234}, counter[4] = {i / 4, 0, 5, 7};
        const uint32_t pair[4] = {2 * i / 4, 0, 5, 7};
        uint32_t words[4];
        kaon_philox(counter, key, words);
        assert_true(kr_at(run, bits)[i] == words[i % 4]);
        kaon_philox(pair, key, words);
        assert_true(kr_at(run, uniform)[i] ==
                    kaon_uniform_f64(words[2 * i % 4], words[2 * i % 4 + 1]));
    }
    kr_free(run);
    kn_graph_free(g);
}

/* --- refusals --------------------------------------------------------------------------------- */

typedef struct refusal {
    const char *op;
    int32_t count;
    struct {
        int32_t dtype, rank;
        int64_t shape[5];
    } in[3];
    kaon_attr attr[3];
    const char *text;
} refusal;

static void check_refusal(const refusal *r)
{
    kn_graph *g = new_graph();
    kaon_node *in[3];
    kn_diag fault;
    kn_diag_init(&fault);
    int32_t attrs = 0;
    while (attrs < 3 && r->attr[attrs].name)
        attrs++;
    for (int32_t i = 0; i < r->count; i++)
        in[i] = g->base.api->input(&g->base, "x", r->in[i].dtype, r->in[i].rank, r->in[i].shape);
    assert_null(g->base.api->apply(&g->base, r->op, r->count, in, attrs, r->attr));
    g->base.api->check(&g->base, &fault.diag);
    if (strncmp(fault.text, r->op, strlen(r->op)) || !strstr(fault.text, r->text))
        fail_msg("%s: expected '%s', got '%s'", r->op, r->text, fault.text);
    kn_graph_free(g);
}

static void refusals(void **state)
{
    (void)state;
    enum { D = KAON_F64, W64 = KAON_I64, B = KAON_BOOL };
    // clang-format off
    const refusal rows[] = {
        {"add", 2, {{D, 1, {2}}, {D, 1, {3}}}, {{0}}, "shapes do not broadcast, (2) and (3)"},
        {"exp", 1, {{W64, 1, {2}}}, {{0}}, "floating-point numbers needed, got i64"},
        {"neg", 1, {{B, 0, {0}}}, {{0}}, "numbers needed, got bool"},
        {"bit_and", 2, {{D, 0, {0}}, {D, 0, {0}}}, {{0}}, "integers or bool needed, got f64"},
        {"select", 3, {{D, 0, {0}}, {D, 0, {0}}, {D, 0, {0}}}, {{0}}, "the choice must be bool, got f64"},
        {"reduce_sum", 1, {{D, 2, {2, 2}}}, {I("axes", 2)}, "axis 2 of a tensor with 2 axes"},
        {"reduce_sum", 1, {{D, 2, {2, 2}}}, {L("axes", 1, -1)}, "axis 1 is named twice"},
        {"reduce_max", 1, {{B, 1, {2}}}, {{0}}, "numbers needed, got bool"},
        {"argmax", 1, {{D, 2, {2, 0}}}, {I("axis", 1)}, "axis 1 is empty"},
        {"cumsum", 1, {{D, 0, {0}}}, {I("axis", 0)}, "axis 0 of a tensor with 0 axes"},
        {"reshape", 1, {{D, 1, {6}}}, {L("shape", 4, -1)}, "(6) cannot become (4, -1)"},
        {"reshape", 1, {{D, 1, {0}}}, {L("shape", 0, -1)}, "(0) cannot become (0, -1)"},
        {"broadcast", 1, {{D, 1, {3}}}, {L("shape", 2)}, "(3) does not broadcast to (2)"},
        {"broadcast", 1, {{D, 2, {2, 3}}}, {L("shape", 3)}, "(2, 3) does not broadcast to (3)"},
        {"transpose", 1, {{D, 2, {2, 3}}}, {L("axes", 0, 0)}, "axes must name each of the 2 axes once"},
        {"slice", 1, {{D, 1, {5}}}, {I("axis", 0), I("start", 3), I("stop", 9)}, "from 3 to 9 in steps of 1, axis 0 of (5) has size 5"},
        {"slice", 1, {{D, 1, {5}}}, {I("axis", 0), I("step", 0)}, "in steps of 0"},
        {"pad", 2, {{D, 1, {5}}, {D, 0, {0}}}, {I("axis", 0), I("low", -1)}, "low -1 and high 0 must be 0 or more"},
        {"concat", 2, {{D, 2, {2, 3}}, {D, 2, {3, 3}}}, {I("axis", 1)}, "shapes differ off axis 1, (2, 3) and (3, 3)"},
        {"gather", 2, {{D, 1, {3}}, {D, 1, {2}}}, {I("axis", 0)}, "indices must be integers, got f64"},
        {"gather", 2, {{D, 1, {0}}, {W64, 1, {2}}}, {I("axis", 0)}, "there is nothing to choose from"},
        {"scatter_add", 3, {{D, 1, {3}}, {W64, 1, {2}}, {D, 1, {3}}}, {I("axis", 0)}, "updates must be (2), got (3)"},
        {"take_along", 2, {{D, 2, {2, 3}}, {W64, 2, {3, 1}}}, {I("axis", 1)}, "indices differ off axis 1, (3, 1) for (2, 3)"},
        {"matmul", 2, {{D, 0, {0}}, {D, 1, {2}}}, {{0}}, "matrices or vectors of numbers needed"},
        {"matmul", 2, {{D, 3, {2, 1, 1}}, {D, 3, {3, 1, 1}}}, {{0}}, "leading axes do not broadcast"},
        {"conv", 2, {{D, 3, {1, 3, 4}}, {D, 3, {2, 2, 3}}}, {{0}}, "channels do not fit in 1 groups, (1, 3, 4) with weights (2, 2, 3)"},
        {"conv", 2, {{D, 3, {1, 2, 4}}, {D, 3, {2, 2, 5}}}, {{0}}, "a window of 5 does not fit into (1, 2, 4)"},
        {"conv", 2, {{D, 3, {1, 2, 4}}, {D, 3, {2, 2, 2}}}, {I("stride", 0)}, "'stride' holds 0, at least 1 is needed"},
        {"conv", 2, {{D, 3, {1, 2, 4}}, {D, 3, {2, 2, 2}}}, {L("stride", 1, 1)}, "'stride' has 2 numbers for 1 axes"},
        {"conv_grad_input", 2, {{D, 3, {1, 1, 2}}, {D, 3, {1, 1, 2}}}, {L("shape", 1, 1, 4)}, "dy must be (1, 1, 3), got (1, 1, 2)"},
        {"pool_max", 1, {{D, 1, {4}}}, {I("window", 2)}, "a leading axis is needed"},
        {"pool_max", 1, {{D, 2, {1, 4}}}, {I("window", 2), I("low", 2)}, "padding of 2 and 0 for a window of 2"},
        {"random_uniform", 0, {{0}}, {L("shape", 2, -1)}, "sizes are not negative"},
        {"cholesky", 1, {{D, 2, {2, 3}}}, {{0}}, "square matrices needed, got f64 (2, 3)"},
        {"solve", 2, {{D, 2, {2, 2}}, {D, 2, {3, 1}}}, {{0}}, "needs (.., n, n) and (.., n, k)"},
        {"svd", 1, {{KAON_F16, 2, {2, 2}}}, {{0}}, "f32 or f64 needed, got f16"},
        {"iota", 0, {{0}}, {L("shape", 2), I("axis", 0), I("dtype", KAON_BOOL)}, "a number type is needed"},
        {"cast", 1, {{D, 0, {0}}}, {I("dtype", 99)}, "no dtype has the number 99"},
        {"sort", 1, {{D, 1, {2}}}, {L("axis", 0, 1)}, "attribute 'axis' is a whole number"},
    };
    // clang-format on
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_refusal(&rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_agrees_with_elementwise_h),
        cmocka_unit_test(elementwise_values),
        cmocka_unit_test(reduction_values),
        cmocka_unit_test(move_values),
        cmocka_unit_test(product_values),
        cmocka_unit_test(matrix_values),
        cmocka_unit_test(philox_as_published),
        cmocka_unit_test(random_values),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
