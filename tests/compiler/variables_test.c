/* variables_test.c: named tensors: how they start, where they lie, what goes in and out. */
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "compiler/variables.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static kn_diag fault;

#define OK(call)                                                                                   \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s", fault.text);                                                            \
    } while (0)

static kaon_variables *new_set(uint64_t seed)
{
    kaon_variables *v = NULL;
    kn_diag_init(&fault);
    OK(kn_variables_new(NULL, seed, &v, &fault.diag));
    return v;
}

static kn_graph_variable rule(const char *name, int32_t init, int64_t rows, int64_t columns)
{
    return (kn_graph_variable){.name = (char *)name,
                               .dtype = KAON_F64,
                               .rank = 2,
                               .init = init,
                               .flags = KAON_TRAINABLE,
                               .scale = 1,
                               .shape = {rows, columns}};
}

static const double *made(kaon_variables *v, const kn_graph_variable *wanted)
{
    kn_variable *variable = NULL;
    OK(kn_variables_make(v, wanted, &variable, &fault.diag));
    return variable->memory;
}

static void start_depends_on_seed_and_name(void **state)
{
    (void)state;
    kaon_variables *one = new_set(3), *two = new_set(3), *other = new_set(4);
    const kn_graph_variable a = rule("a", KAON_INIT_HE, 4, 5), b = rule("b", KAON_INIT_HE, 4, 5);
    const double *b_last = (made(one, &a), made(one, &b));
    const double *b_first = made(two, &b);
    assert_memory_equal(b_last, b_first, 20 * sizeof *b_first);
    assert_memory_not_equal(b_first, made(two, &a), 20 * sizeof *b_first);
    assert_memory_not_equal(b_first, made(other, &b), 20 * sizeof *b_first);
    kn_variables_release(one);
    kn_variables_release(two);
    kn_variables_release(other);
}

// (out, in) = (400, 100): widths as the papers have them.
static void widths(void **state)
{
    (void)state;
    static const struct {
        int32_t init;
        double deviation;
    } rows[] = {
        {KAON_INIT_NORMAL, 1},
        {KAON_INIT_UNIFORM, 0.57735026918962576}, // 1 / sqrt(3)
        {KAON_INIT_GLOROT, 0.063245553203367587}, // sqrt(2 / 500)
        {KAON_INIT_GLOROT_NORMAL, 0.063245553203367587},
        {KAON_INIT_HE, 0.14142135623730951}, // sqrt(2 / 100)
        {KAON_INIT_HE_UNIFORM, 0.14142135623730951},
        {KAON_INIT_LECUN, 0.1},
        {KAON_INIT_LECUN_UNIFORM, 0.1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        kaon_variables *v = new_set(1);
        const kn_graph_variable wanted = rule("w", rows[i].init, 400, 100);
        const double *w = made(v, &wanted);
        double sum = 0, squares = 0;
        for (int k = 0; k < 40000; k++) {
            sum += w[k];
            squares += w[k] * w[k];
        }
        // 40,000 numbers: the mean is known to 1/200 of the width, the width to 1/280.
        assert_true(fabs(sum / 40000) < 4 * rows[i].deviation / 200);
        assert_true(fabs(sqrt(squares / 40000) / rows[i].deviation - 1) < 4 / 280.0);
        kn_variables_release(v);
    }
}

static void orthogonal_rows(void **state)
{
    (void)state;
    kaon_variables *v = new_set(1);
    const kn_graph_variable wide = rule("wide", KAON_INIT_ORTHOGONAL, 5, 9);
    const kn_graph_variable tall = rule("tall", KAON_INIT_ORTHOGONAL, 9, 5);
    const double *w = made(v, &wide), *t = made(v, &tall);
    for (int i = 0; i < 5; i++) {
        for (int j = 0; j < 5; j++) {
            double rows = 0, columns = 0;
            for (int k = 0; k < 9; k++) {
                rows += w[i * 9 + k] * w[j * 9 + k];
                columns += t[k * 5 + i] * t[k * 5 + j];
            }
            assert_true(fabs(rows - (i == j)) < 1e-14);
            assert_true(fabs(columns - (i == j)) < 1e-14);
        }
    }
    kn_variables_release(v);
}

static void roles_lie_together(void **state)
{
    (void)state;
    kaon_variables *v = new_set(1);
    kn_graph_variable p = rule("p", KAON_INIT_ZERO, 3, 3), q = rule("q", KAON_INIT_ZERO, 2, 2);
    kn_graph_variable slot = rule("p/m", KAON_INIT_ZERO, 3, 3);
    slot.flags = KAON_SLOT;
    const char *at_p = (const char *)made(v, &p);
    const char *at_slot = (const char *)made(v, &slot);
    const char *at_q = (const char *)made(v, &q);
    assert_int_equal(at_q - at_p, 128); // 72 bytes, up to a multiple of 64
    assert_true(at_slot < at_p || at_slot >= at_q + 32);
    assert_int_equal((uintptr_t)at_p % 64, 0);
    kn_variables_release(v);
}

static void in_and_out(void **state)
{
    (void)state;
    kaon_variables *v = new_set(1), *copy = new_set(1);
    const int64_t shape[2] = {2, 2}, across[2] = {1, 2};
    const float in[4] = {1, 2, 3, 4};
    const kaon_view view = {.size = sizeof view,
                            .dtype = KAON_F32,
                            .device_type = KAON_DEVICE_CPU,
                            .rank = 2,
                            .data = (void *)in,
                            .shape = shape,
                            .strides = across};
    OK(kn_variable_set(v, "x", KAON_TRAINABLE, &view, &fault.diag));
    OK(kn_variables_copy(v, copy, &fault.diag));
    double out[4];
    const kaon_view into = {.size = sizeof into,
                            .dtype = KAON_F64,
                            .device_type = KAON_DEVICE_CPU,
                            .rank = 2,
                            .data = out,
                            .shape = shape};
    OK(kn_variable_get(copy, "x", &into, &fault.diag));
    assert_true(out[0] == 1 && out[1] == 3 && out[2] == 2 && out[3] == 4);
    kaon_variable_info info = {.size = sizeof info};
    OK(kn_variable_info(copy, 0, &info, &fault.diag));
    assert_string_equal(info.name, "x");
    assert_int_equal(info.flags, KAON_TRAINABLE);
    kn_variables_release(v);
    kn_variables_release(copy);
}

static void refusals(void **state)
{
    (void)state;
    kaon_variables *v = new_set(1);
    const kn_graph_variable p = rule("p", KAON_INIT_ZERO, 3, 3),
                            q = rule("p", KAON_INIT_ZERO, 3, 4);
    kn_graph_variable whole = rule("n", KAON_INIT_HE, 1, 1);
    kn_variable *out = NULL;
    made(v, &p);
    assert_int_equal(kn_variables_make(v, &q, &out, &fault.diag), KAON_INVALID);
    assert_non_null(strstr(fault.text, "variable 'p' is f64 (3, 3), got f64 (3, 4)"));
    whole.dtype = KAON_I64;
    assert_int_equal(kn_variables_make(v, &whole, &out, &fault.diag), KAON_INVALID);
    assert_int_equal(kn_variables_count(v), 1); // what could not start is not there
    double number = 0;
    const kaon_view view = {
        .size = sizeof view, .dtype = KAON_F64, .device_type = KAON_DEVICE_CPU, .data = &number};
    assert_int_equal(kn_variable_get(v, "nobody", &view, &fault.diag), KAON_NOT_FOUND);
    assert_int_equal(kn_variable_set(v, "p", 0, &view, &fault.diag), KAON_INVALID);
    kaon_variable_info info = {.size = sizeof info};
    assert_int_equal(kn_variable_info(v, 7, &info, &fault.diag), KAON_NOT_FOUND);
    kn_variables_release(v);
    kn_variables_release(NULL);
}

static void politely_without_memory(void **state)
{
    (void)state;
    const int64_t blocks = kn_memory_count().blocks;
    int64_t failed = 1;
    for (int64_t nth = 1; failed; nth++) {
        kaon_variables *v = NULL;
        kn_variable *out = NULL;
        const kn_graph_variable p = rule("p", KAON_INIT_ORTHOGONAL, 3, 3);
        kn_memory_fail(nth, KN_FAIL_ON);
        kaon_status status = kn_variables_new(NULL, 1, &v, &fault.diag);
        if (!status)
            status = kn_variables_make(v, &p, &out, &fault.diag);
        failed = kn_memory_failed();
        kn_memory_fail(0, KN_FAIL_ONCE);
        assert_int_equal(status, failed ? KAON_NO_MEMORY : KAON_OK);
        kn_variables_release(v);
        assert_int_equal(kn_memory_count().blocks, blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_depends_on_seed_and_name),
        cmocka_unit_test(widths),
        cmocka_unit_test(orthogonal_rows),
        cmocka_unit_test(roles_lie_together),
        cmocka_unit_test(in_and_out),
        cmocka_unit_test(refusals),
        cmocka_unit_test(politely_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
