/* program_test.c: compiled graphs: numbers by hand, then the plain backend against the fast one. */
#include "kernel/diag.h"
#include "kernel/host.h"
#include "kernel/memory.h"
#include "compiler/program.h"

#include <kaon/layer.h>
#include <kaon/random.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_NODES = 16 };

static const kaon_program_api *const api = &kn_program_api;

// A kernel on one backend, and what a test builds in it.
typedef struct {
    kn_kernel *kernel;
    kn_host *host;
    kn_diag fault;
    kaon_graph *g;
    kaon_variables *variables;
    kaon_program *program;
    kaon_node *outputs[MAX_NODES];
} bench;

#define OK(b, call)                                                                                \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s", (b)->fault.text);                                                       \
    } while (0)

static void open_bench(bench *b, const char *backend, int32_t threads)
{
    memset(b, 0, sizeof *b);
    kn_diag_init(&b->fault);
    const kn_kernel_settings settings = {
        .flags = KN_NO_PROBE, .backend = backend, .threads = threads};
    OK(b, kn_kernel_new(&settings, &b->kernel, &b->fault.diag));
    b->host = kn_host_new("test");
    assert_non_null(b->host);
}

static const kaon_host *host_of(const bench *b)
{
    return kn_host_table(b->host);
}

static kaon_graph *new_graph(bench *b)
{
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 1, 0};
    OK(b, api->graph_new(host_of(b), &spec, &b->g, &b->fault.diag));
    if (!b->variables)
        OK(b, api->variables_new(host_of(b), 1, &b->variables, &b->fault.diag));
    return b->g;
}

static void compile(bench *b, int32_t count)
{
    const kaon_compile_job job = {
        sizeof job, count, b->g, b->outputs, b->variables, 7,
    };
    OK(b, api->compile(host_of(b), &job, &b->program, &b->fault.diag));
    api->graph_free(b->g);
    b->g = NULL;
}

static void close_program(bench *b)
{
    api->program_free(b->program);
    b->program = NULL;
}

static void close_bench(bench *b)
{
    api->program_free(b->program);
    api->graph_free(b->g);
    api->variables_release(b->variables);
    kn_kernel_free(b->kernel);
    kn_host_free(b->host);
}

static kaon_node *input(bench *b, const char *name, int32_t rank, const int64_t *shape)
{
    return b->g->api->input(b->g, name, KAON_F32, rank, shape);
}

static void run(bench *b, const void *const *inputs, void *const *outputs, uint64_t number)
{
    OK(b, api->run(b->program, inputs, outputs, number, &b->fault.diag));
}

static void near(float got, double wanted, double tolerance)
{
    if (!(fabs((double)got - wanted) <= tolerance * (1 + fabs(wanted))))
        fail_msg("got %.9g, wanted %.9g", (double)got, wanted);
}

static void fill(float *to, int64_t count, uint64_t stream)
{
    kaon_random_stream r = {5, stream, 0};
    for (int64_t i = 0; i < count; i++)
        to[i] = (float)(2 * kaon_random_uniform(&r) - 1);
}

static const char *const backends[] = {"null", "cpu"};

/* --- by hand ---------------------------------------------------------------------------------- */

static void line(const char *backend)
{
    bench b;
    open_bench(&b, backend, 1);
    kaon_graph *g = new_graph(&b);
    const int64_t shape[1] = {3};
    b.outputs[0] = kaon_shift(g, kaon_scale(g, input(&b, "x", 1, shape), 2), 1);
    b.outputs[1] = kaon_sum_all(g, b.outputs[0]);
    compile(&b, 2);
    const float x[3] = {1, 2, -3};
    float y[3], sum;
    run(&b, (const void *[]){x}, (void *[]){y, &sum}, 0);
    near(y[0], 3, 0);
    near(y[1], 5, 0);
    near(y[2], -5, 0);
    near(sum, 3, 0);
    close_bench(&b);
}

// The same node twice, an input, a constant and a variable as outputs: each is a copy.
static void outputs_without_steps(const char *backend)
{
    bench b;
    open_bench(&b, backend, 1);
    kaon_graph *g = new_graph(&b);
    const int64_t shape[1] = {2};
    kaon_node *x = input(&b, "x", 1, shape);
    b.outputs[0] = x;
    b.outputs[1] = b.outputs[2] = kaon_neg(g, x);
    b.outputs[3] = kaon_const_f32(g, 1, shape, (const float[]){7, 8});
    b.outputs[4] = kaon_param(g, "p", 1, shape, KAON_INIT_ONE);
    compile(&b, 5);
    const float in[2] = {1, 2};
    float out[5][2];
    run(&b, (const void *[]){in}, (void *[]){out[0], out[1], out[2], out[3], out[4]}, 0);
    static const float wanted[5][2] = {{1, 2}, {-1, -2}, {-1, -2}, {7, 8}, {1, 1}};
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < 2; k++)
            near(out[i][k], (double)wanted[i][k], 0);
    close_bench(&b);
}

// Two variables change places: neither may see the other's new value.
static void swap(const char *backend)
{
    bench b;
    open_bench(&b, backend, 1);
    kaon_graph *g = new_graph(&b);
    const int64_t shape[1] = {2};
    kaon_node *p = kaon_param(g, "p", 1, shape, KAON_INIT_ZERO);
    kaon_node *q = kaon_param(g, "q", 1, shape, KAON_INIT_ONE);
    kaon_update(g, p, q);
    kaon_update(g, q, kaon_shift(g, p, 5));
    b.outputs[0] = kaon_add(g, p, q);
    compile(&b, 1);
    float sum[2];
    for (int i = 0; i < 2; i++)
        run(&b, NULL, (void *[]){sum}, (uint64_t)i);
    near(sum[0], 6, 0); // p, q: 0, 1 -> 1, 5; the second run reads 1 + 5
    kaon_variable_info info = {.size = sizeof info};
    OK(&b, api->variable_at(b.variables, 0, &info, &b.fault.diag));
    near(((const float *)info.view.data)[1], 5, 0);
    OK(&b, api->variable_at(b.variables, 1, &info, &b.fault.diag));
    near(((const float *)info.view.data)[1], 6, 0);
    close_bench(&b);
}

// x^T seen as x, every second column, backwards.
static void views(const char *backend)
{
    bench b;
    open_bench(&b, backend, 1);
    kaon_graph *g = new_graph(&b);
    const int64_t shape[2] = {2, 3}, flat[1] = {6}, axes[2] = {1, 0};
    kaon_node *x = input(&b, "x", 2, shape);
    kaon_node *t = kaon_transpose(g, x, 2, axes);
    const kaon_attr along = kaon_attr_int("axis", 0);
    b.outputs[0] = kaon_reshape(g, t, 1, flat);
    b.outputs[1] = g->api->apply(g, "reverse", 1, &t, 1, &along);
    b.outputs[2] = kaon_sum(g, kaon_slice(g, x, 1, 1, 3), -1);
    b.outputs[3] = kaon_matmul(g, t, x);
    compile(&b, 4);
    const float in[6] = {1, 2, 3, 4, 5, 6};
    float a[6], r[6], s[2], m[9];
    run(&b, (const void *[]){in}, (void *[]){a, r, s, m}, 0);
    static const float wanted_a[6] = {1, 4, 2, 5, 3, 6}, wanted_r[6] = {3, 6, 2, 5, 1, 4};
    static const float wanted_m[9] = {17, 22, 27, 22, 29, 36, 27, 36, 45};
    for (int i = 0; i < 6; i++) {
        near(a[i], (double)wanted_a[i], 0);
        near(r[i], (double)wanted_r[i], 0);
    }
    near(s[0], 5, 0);
    near(s[1], 11, 0);
    for (int i = 0; i < 9; i++)
        near(m[i], (double)wanted_m[i], 0);
    close_bench(&b);
}

static void no_events(const char *backend)
{
    bench b;
    open_bench(&b, backend, 1);
    kaon_graph *g = new_graph(&b);
    const int64_t shape[2] = {0, 3};
    kaon_node *x = input(&b, "x", 2, shape);
    b.outputs[0] = kaon_exp(g, x);
    b.outputs[1] = kaon_sum(g, x, 0);
    b.outputs[2] = kaon_reduce(g, "reduce_max", x, 0, 0);
    compile(&b, 3);
    float none[1] = {0}, sums[3] = {1, 1, 1}, greatest[3] = {1, 1, 1};
    run(&b, (const void *[]){none}, (void *[]){none, sums, greatest}, 0);
    near(sums[1], 0, 0);
    assert_true(isinf(greatest[2]) && greatest[2] < 0);
    close_bench(&b);
}

// A sum over rows and the greatest of all numbers of the same tensor.
static void sum_beside_maximum(const char *backend)
{
    bench b;
    open_bench(&b, backend, 1);
    kaon_graph *g = new_graph(&b);
    const int64_t shape[2] = {3, 2};
    kaon_node *x = kaon_neg(g, input(&b, "x", 2, shape));
    b.outputs[0] = kaon_sum(g, x, 0);
    b.outputs[1] = g->api->apply(g, "reduce_max", 1, &x, 0, NULL);
    b.outputs[2] = kaon_sum_all(g, x);
    compile(&b, 3);
    const float in[6] = {1, 2, 3, 4, 5, 6};
    float sums[2], greatest, all;
    run(&b, (const void *[]){in}, (void *[]){sums, &greatest, &all}, 0);
    near(sums[0], -9, 0);
    near(sums[1], -12, 0);
    near(greatest, -1, 0);
    near(all, -21, 0);
    close_bench(&b);
}

static void by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        line(backends[i]);
        outputs_without_steps(backends[i]);
        swap(backends[i]);
        views(backends[i]);
        no_events(backends[i]);
        sum_beside_maximum(backends[i]);
    }
}

/* --- scans and conds -------------------------------------------------------------------------- */

// carry' = carry * x + 1; what is stacked is carry' * 2.
static void horner(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[0] = kaon_shift(g, kaon_mul(g, in[0], in[1]), 1);
    out[1] = kaon_scale(g, out[0], 2);
}

static void scans(const char *backend)
{
    bench b;
    open_bench(&b, backend, 1);
    kaon_graph *g = new_graph(&b);
    const int64_t shape[1] = {4};
    kaon_node *x = input(&b, "x", 1, shape), *start = kaon_scalar(g, 1), *results[2];
    OK(&b, g->api->scan(g, horner, NULL, 1, &start, 1, &x, 4, 1, results));
    b.outputs[0] = results[0];
    b.outputs[1] = results[1];
    kaon_node *grad;
    OK(&b, g->api->gradient(g, results[0], NULL, 1, &x, &grad));
    b.outputs[2] = grad;
    OK(&b, g->api->check(g, &b.fault.diag));
    compile(&b, 3);
    const float in[4] = {1, 2, 3, 4};
    float last, stacked[4], dx[4];
    run(&b, (const void *[]){in}, (void *[]){&last, stacked, dx}, 0);
    // 1 -> 2 -> 5 -> 16 -> 65
    static const float carries[4] = {2, 5, 16, 65};
    near(last, 65, 0);
    for (int i = 0; i < 4; i++)
        near(stacked[i], 2 * (double)carries[i], 0);
    // d c4 / d x4 = c3, / d x3 = x4 c2, / d x2 = x4 x3 c1, / d x1 = x4 x3 x2 c0
    static const float wanted[4] = {24, 24, 20, 16};
    for (int i = 0; i < 4; i++)
        near(dx[i], (double)wanted[i], 0);
    close_bench(&b);
}

static void twice(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[0] = kaon_scale(g, in[0], 2);
}

static void negative(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[0] = kaon_neg(g, in[0]);
}

static void conds(const char *backend)
{
    bench b;
    open_bench(&b, backend, 1);
    kaon_graph *g = new_graph(&b);
    kaon_node *x = input(&b, "x", 0, NULL);
    kaon_node *positive = kaon_gt(g, x, kaon_scalar(g, 0));
    OK(&b, g->api->cond(g, positive, twice, negative, NULL, 1, &x, 1, b.outputs));
    OK(&b, g->api->check(g, &b.fault.diag));
    compile(&b, 1);
    float in = 3, out;
    run(&b, (const void *[]){&in}, (void *[]){&out}, 0);
    near(out, 6, 0);
    in = -3;
    run(&b, (const void *[]){&in}, (void *[]){&out}, 0);
    near(out, 3, 0);
    close_bench(&b);
}

static void control_flow(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        scans(backends[i]);
        conds(backends[i]);
    }
}

/* --- a network -------------------------------------------------------------------------------- */

static kaon_node *dense(kaon_graph *g, kaon_node *x, const char *name, int64_t units, int32_t last)
{
    g->api->enter(g, name);
    const int64_t shape[2] = {kaon_dim(x, 1), units};
    kaon_node *w = kaon_param(g, "w", 2, shape, KAON_INIT_GLOROT);
    kaon_node *y = kaon_add(g, kaon_matmul(g, x, w), kaon_param(g, "b", 1, &units, KAON_INIT_ZERO));
    g->api->leave(g);
    return last ? y : kaon_max(g, y, kaon_scalar(g, 0));
}

// The rows less their mean over the batch: a sum over all rows stands before each of them.
static kaon_node *centered(kaon_graph *g, kaon_node *x)
{
    const int64_t shape[2] = {1, kaon_dim(x, 1)};
    return kaon_sub(g, x, kaon_reshape(g, kaon_mean(g, x, 0), 2, shape));
}

static kaon_node *cross_entropy(kaon_graph *g, kaon_node *z, kaon_node *label)
{
    const int64_t n = kaon_dim(z, 0), column[2] = {n, 1};
    kaon_node *top = kaon_stop_gradient(g, kaon_reduce(g, "reduce_max", z, 1, 1));
    kaon_node *sum = kaon_sum(g, kaon_exp(g, kaon_sub(g, z, top)), 1);
    kaon_node *norm = kaon_add(g, kaon_log(g, sum), kaon_reshape(g, top, 1, &n));
    kaon_node *in[2] = {z, kaon_reshape(g, label, 2, column)};
    const kaon_attr along = kaon_attr_int("axis", 1);
    kaon_node *own = g->api->apply(g, "take_along", 2, in, 1, &along);
    return kaon_mean(g, kaon_sub(g, norm, kaon_reshape(g, own, 1, &n)), 0);
}

// Momentum, so that parameters have a slot each.
static void descend(kaon_graph *g, kaon_node *loss)
{
    kaon_node *params[MAX_NODES], *grads[MAX_NODES];
    const int32_t count = g->api->params(g, MAX_NODES, params);
    g->api->gradient(g, loss, NULL, count, params, grads);
    for (int32_t i = 0; i < count; i++) {
        kaon_node *v = kaon_slot(g, params[i], "v");
        kaon_node *next = kaon_add(g, kaon_scale(g, v, 0.9), grads[i]);
        kaon_update(g, v, next);
        kaon_update(g, params[i], kaon_sub(g, params[i], kaon_scale(g, next, 0.1)));
    }
}

enum { FEATURES = 7, CLASSES = 3, STEPS = 6 };

static void build_training(bench *b, int64_t events)
{
    kaon_graph *g = new_graph(b);
    const int64_t shape[2] = {events, FEATURES};
    kaon_node *x = input(b, "x", 2, shape);
    kaon_node *label = g->api->input(g, "label", KAON_I64, 1, &events);
    kaon_node *h = dense(g, x, "one", 20, 0);
    h = dense(g, centered(g, h), "two", 9, 0);
    b->outputs[0] = cross_entropy(g, dense(g, h, "three", CLASSES, 1), label);
    descend(g, b->outputs[0]);
    OK(b, g->api->check(g, &b->fault.diag));
    compile(b, 1);
}

// Losses of some steps, then all parameters and slots; returns how many numbers.
static int64_t train(const char *backend, int32_t threads, int64_t events, float *numbers)
{
    bench b;
    open_bench(&b, backend, threads);
    build_training(&b, events);
    float *x = malloc((size_t)(events * FEATURES) * sizeof *x);
    int64_t *label = malloc((size_t)events * sizeof *label);
    assert_non_null(x);
    assert_non_null(label);
    fill(x, events * FEATURES, 1);
    for (int64_t i = 0; i < events; i++)
        label[i] = (x[i * FEATURES] > 0) + (x[i * FEATURES + 1] > x[i * FEATURES + 2]);
    for (int i = 0; i < STEPS; i++)
        run(&b, (const void *[]){x, label}, (void *[]){&numbers[i]}, (uint64_t)i);
    int64_t count = STEPS;
    for (int32_t i = 0; i < api->variable_count(b.variables); i++) {
        kaon_variable_info info = {.size = sizeof info};
        OK(&b, api->variable_at(b.variables, i, &info, &b.fault.diag));
        const int64_t size = kaon_view_count(&info.view);
        memcpy(numbers + count, info.view.data, (size_t)size * sizeof *numbers);
        count += size;
    }
    free(x);
    free(label);
    close_bench(&b);
    return count;
}

/* --- sequences -------------------------------------------------------------------------------- */

enum { TIMES = 5, PARTS = 4 };

// A layer over every time of every event, an average over time, another layer; one step down.
static int64_t train_sequences(const char *backend, int32_t threads, int64_t events, float *numbers)
{
    bench b;
    open_bench(&b, backend, threads);
    kaon_graph *g = new_graph(&b);
    const int64_t shape[3] = {events, TIMES, PARTS}, flat[2] = {events * TIMES, PARTS};
    const int64_t back[3] = {events, TIMES, 12};
    kaon_node *x = kaon_reshape(g, input(&b, "x", 3, shape), 2, flat);
    kaon_node *h = kaon_reshape(g, dense(g, x, "one", 12, 0), 3, back);
    kaon_node *out = dense(g, kaon_mean(g, h, 1), "two", 2, 1);
    b.outputs[0] = kaon_mean(g, kaon_sum(g, kaon_square(g, out), 1), 0);
    descend(g, b.outputs[0]);
    OK(&b, g->api->check(g, &b.fault.diag));
    compile(&b, 1);
    if (strcmp(backend, "cpu") == 0 && events == 3000)
        assert_int_equal(b.program->facts.regions, 1); // both layers, forward and back, in one
    float *in = malloc((size_t)(events * TIMES * PARTS) * sizeof *in);
    assert_non_null(in);
    fill(in, events * TIMES * PARTS, 9);
    for (int i = 0; i < STEPS; i++)
        run(&b, (const void *[]){in}, (void *[]){&numbers[i]}, (uint64_t)i);
    free(in);
    kaon_variable_info info = {.size = sizeof info};
    OK(&b, api->variable_at(b.variables, 0, &info, &b.fault.diag));
    memcpy(numbers + STEPS, info.view.data, PARTS * 12 * sizeof *numbers);
    close_bench(&b);
    return STEPS + PARTS * 12;
}

static void sequences_agree(void **state)
{
    (void)state;
    float plain[STEPS + PARTS * 12], fast[STEPS + PARTS * 12], shared[STEPS + PARTS * 12];
    static const int64_t sizes[] = {1, 7, 3000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t count = train_sequences("null", 1, sizes[i], plain);
        train_sequences("cpu", 1, sizes[i], fast);
        train_sequences("cpu", 3, sizes[i], shared);
        assert_memory_equal(fast, shared, sizeof fast);
        for (int64_t k = 0; k < count; k++)
            near(fast[k], (double)plain[k], 2e-5);
    }
}

enum { MAX_NUMBERS = 4096 };

static void backends_agree(void **state)
{
    (void)state;
    static float plain[MAX_NUMBERS], fast[MAX_NUMBERS];
    static const int64_t sizes[] = {1, 2, 33, 256, 1000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t count = train("null", 1, sizes[i], plain);
        assert_int_equal(train("cpu", 1, sizes[i], fast), count);
        for (int64_t k = 0; k < count; k++)
            near(fast[k], (double)plain[k], 2e-5); // f32, sums in another order
    }
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    static float one[MAX_NUMBERS], many[MAX_NUMBERS];
    static const int64_t sizes[] = {256, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int64_t count = train("cpu", 1, sizes[i], one);
        for (int32_t threads = 2; threads <= 5; threads++) {
            train("cpu", threads, sizes[i], many);
            assert_memory_equal(one, many, (size_t)count * sizeof *one);
        }
    }
}

static void runs_allocate_nothing(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, "cpu", 2);
    build_training(&b, 1000);
    static float x[1000 * FEATURES];
    static int64_t label[1000];
    float loss;
    fill(x, 1000 * FEATURES, 2);
    run(&b, (const void *[]){x, label}, (void *[]){&loss}, 0);
    const int64_t before = kn_memory_count().total;
    for (int i = 1; i < 20; i++)
        run(&b, (const void *[]){x, label}, (void *[]){&loss}, (uint64_t)i);
    assert_int_equal(kn_memory_count().total, before);
    close_bench(&b);
}

/* --- want of memory --------------------------------------------------------------------------- */

static void politely_without_memory(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, "cpu", 1);
    build_training(&b, 300); // loads plugins and opens the device
    close_program(&b);
    const int64_t blocks = kn_memory_count().blocks;
    int64_t failed = 1;
    for (int64_t nth = 1; failed; nth++) {
        kaon_graph *g = new_graph(&b);
        const int64_t shape[2] = {300, FEATURES};
        b.outputs[0] = kaon_sum_all(g, dense(g, input(&b, "x", 2, shape), "one", 20, 0));
        const kaon_compile_job job = {sizeof job, 1, g, b.outputs, b.variables, 7};
        kn_memory_fail(nth, KN_FAIL_ON);
        const kaon_status status = api->compile(host_of(&b), &job, &b.program, &b.fault.diag);
        failed = kn_memory_failed();
        kn_memory_fail(0, KN_FAIL_ONCE);
        assert_int_equal(status, failed ? KAON_NO_MEMORY : KAON_OK);
        close_program(&b);
        api->graph_free(b.g);
        b.g = NULL;
        assert_int_equal(kn_memory_count().blocks, blocks);
    }
    close_bench(&b);
}

/* --- graphs at random ------------------------------------------------------------------------- */

// One more node made of nodes of shape (n, 6), which keeps that shape.
static kaon_node *grow(kaon_graph *g, kaon_random_stream *r, kaon_node *const *pool, uint32_t count)
{
    static const char *const ones[] = {"tanh", "neg", "abs", "exp", "logistic", "sqrt"};
    static const char *const twos[] = {"add", "sub", "mul", "max", "min"};
    kaon_node *a = pool[kaon_random_below(r, count)], *b = pool[kaon_random_below(r, count)];
    const int64_t n = kaon_dim(a, 0), m = kaon_dim(a, 1), axes[2] = {1, 0}, shape[2] = {n, m};
    switch (kaon_random_below(r, 10)) {
    case 0:
    case 1:
        return kaon_op1(g, ones[kaon_random_below(r, 5)], a);
    case 2:
    case 3:
        return kaon_op2(g, twos[kaon_random_below(r, 5)], a, b);
    case 4: // a product over the last axis
        return kaon_scale(
            g,
            kaon_matmul(
                g, a,
                kaon_const_f32(
                    g, 2, (const int64_t[]){6, 6},
                    (const float[36]){[0] = 1, [8] = 2, [9] = -1, [17] = 1, [35] = 1, [30] = 3})),
            0.3);
    case 5: // a sum over rows, needed by every row
        return kaon_add(g, a, kaon_broadcast(g, kaon_mean(g, b, 0), 2, shape));
    case 6: // a number per row
        return kaon_mul(g, a, kaon_tanh(g, kaon_reduce(g, "reduce_max", b, 1, 1)));
    case 7: // rows contracted: (6, n) (n, 6)
        return kaon_matmul(g, a, kaon_tanh(g, kaon_matmul(g, kaon_transpose(g, a, 2, axes), b)));
    case 8: { // halves of the columns change places
        kaon_node *parts[2] = {kaon_slice(g, a, 1, 3, 6), kaon_slice(g, b, 1, 0, 3)};
        return kaon_concat(g, 2, parts, 1);
    }
    default: { // rows the other way round
        const kaon_attr along = kaon_attr_int("axis", 0);
        return kaon_select(g, kaon_lt(g, a, b), g->api->apply(g, "reverse", 1, &a, 1, &along), b);
    }
    }
}

static void run_random(const char *backend, uint64_t seed, int64_t n, float *out)
{
    bench b;
    open_bench(&b, backend, 2);
    kaon_graph *g = new_graph(&b);
    kaon_random_stream r = {seed, 3, 0};
    const int64_t shape[2] = {n, 6};
    kaon_node *pool[40] = {input(&b, "x", 2, shape), input(&b, "y", 2, shape)};
    uint32_t count = 2;
    while (count < 8 + kaon_random_below(&r, 30))
        pool[count] = grow(g, &r, pool, count), count++;
    b.outputs[0] = kaon_tanh(g, pool[count - 1]);
    b.outputs[1] = kaon_tanh(g, pool[count / 2]);
    b.outputs[2] = kaon_tanh(g, kaon_mean(g, pool[count - 2], 0));
    kaon_node *grad;
    g->api->gradient(g, kaon_sum_all(g, b.outputs[0]), NULL, 1, pool, &grad);
    b.outputs[3] = kaon_tanh(g, grad);
    OK(&b, g->api->check(g, &b.fault.diag));
    compile(&b, 4);
    float *in = malloc((size_t)(12 * n) * sizeof *in);
    assert_non_null(in);
    fill(in, 12 * n, seed);
    run(&b, (const void *[]){in, in + 6 * n},
        (void *[]){out, out + 6 * n, out + 12 * n, out + 12 * n + 6}, 0);
    free(in);
    close_bench(&b);
}

static void random_graphs_agree(void **state)
{
    (void)state;
    enum { GRAPHS = 60, MOST = 3000 };
    static float plain[18 * MOST + 6], fast[18 * MOST + 6];
    static const int64_t sizes[] = {1, 5, 128, MOST};
    for (uint64_t seed = 0; seed < GRAPHS; seed++) {
        const int64_t n = sizes[seed % 4];
        run_random("null", seed, n, plain);
        run_random("cpu", seed, n, fast);
        for (int64_t i = 0; i < 18 * n + 6; i++) {
            const double difference = fabs((double)plain[i] - (double)fast[i]);
            // Long chains make rounding grow; a wrong stride or a lost row is far above this.
            if (!(difference < 2e-2) && !(isnan(plain[i]) && isnan(fast[i])))
                fail_msg("graph %d, number %d: %g and %g", (int)seed, (int)i, (double)plain[i],
                         (double)fast[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_hand),
        cmocka_unit_test(control_flow),
        cmocka_unit_test(backends_agree),
        cmocka_unit_test(sequences_agree),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(runs_allocate_nothing),
        cmocka_unit_test(random_graphs_agree),
        cmocka_unit_test(politely_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
