/* offload_test.c: devices with memory of their own: what is handed to the processor, recorded
 * programs, and faults: too little memory, a lost device, a damaged cache. On the Vulkan backend,
 * where it has a device; without one the tests are skipped.
 */
#include "kernel/diag.h"
#include "kernel/host.h"
#include "kernel/memory.h"
#include "compiler/profile.h"
#include "compiler/program.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 8, WIDTH = 4 };

typedef struct {
    kn_kernel *kernel;
    kn_host *host;
    kn_diag fault;
    kaon_graph *g;
    kaon_variables *variables;
    kaon_program *program;
} bench;

static void open_bench(bench *b, const char *backend)
{
    kn_device *device = NULL;
    const kn_kernel_settings settings = {.flags = KN_NO_PROBE, .threads = 2, .backend = backend};
    memset(b, 0, sizeof *b);
    kn_diag_init(&b->fault);
    assert_int_equal(kn_kernel_new(&settings, &b->kernel, &b->fault.diag), KAON_OK);
    if (kn_device_get(b->kernel, &device, &b->fault.diag)) {
        print_message("%s\n", b->fault.text);
        kn_kernel_free(b->kernel);
        skip();
    }
    b->host = kn_host_new("test");
    kn_graph *g = NULL;
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 1, 0};
    assert_int_equal(kn_graph_new(b->kernel, kn_host_table(b->host), &spec, &g, NULL), KAON_OK);
    b->g = &g->base;
    assert_int_equal(kn_program_api.variables_new(kn_host_table(b->host), 3, &b->variables, NULL),
                     KAON_OK);
}

static void close_bench(bench *b)
{
    kn_program_api.program_free(b->program);
    kn_program_api.graph_free(b->g);
    kn_program_api.variables_release(b->variables);
    kn_kernel_free(b->kernel);
    kn_host_free(b->host);
}

static kaon_status compile(bench *b, int32_t count, kaon_node **outputs)
{
    const kaon_compile_job job = {sizeof job, count, b->g, outputs, b->variables, 7};
    if (b->g->api->check(b->g, &b->fault.diag))
        fail_msg("%s", b->fault.text);
    return kn_program_api.compile(kn_host_table(b->host), &job, &b->program, &b->fault.diag);
}

static kaon_status run(bench *b, const void *in, void *out, uint64_t number)
{
    return kn_program_api.run(b->program, &in, &out, number, &b->fault.diag);
}

static void must(bench *b, kaon_status status)
{
    if (status)
        fail_msg("%s", b->fault.text);
}

/* --- the same on both ---------------------------------------------------------------------------
 */

static void sum_up(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[0] = kaon_add(g, in[0], kaon_tanh(g, in[1]));
    out[1] = kaon_square(g, out[0]);
}

static void halve(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[0] = kaon_scale(g, in[0], 0.5);
}

static void keep(kaon_graph *g, void *context, kaon_node *const *in, kaon_node **out)
{
    (void)context;
    out[0] = kaon_neg(g, in[0]);
}

/* A little of everything: a parameter that learns, random numbers, a scan, and, if wanted, a
 * choice, which cannot be recorded, and linear algebra, which goes to the processor. */
static kaon_node *build(kaon_graph *g, int32_t with_rest)
{
    const int64_t shape[] = {ROWS, WIDTH}, square[] = {WIDTH, WIDTH}, flat[] = {1, WIDTH};
    kaon_node *x = g->api->input(g, "x", KAON_F32, 2, shape);
    kaon_node *w = kaon_param(g, "w", 2, square, KAON_INIT_GLOROT);
    kaon_node *y = kaon_matmul(g, x, w);
    kaon_node *noise = kaon_random(g, 2, shape);
    kaon_node *carry = kaon_reshape(g, kaon_slice(g, y, 0, 0, 1), 1, flat + 1), *results[2];
    assert_int_equal(g->api->scan(g, sum_up, NULL, 1, &carry, 1, &y, ROWS, 1, results), KAON_OK);
    kaon_node *out = kaon_add(g, results[1], noise);
    kaon_node *loss = kaon_sum_all(g, kaon_square(g, y)), *grad = NULL;
    g->api->gradient(g, loss, NULL, 1, &w, &grad);
    kaon_update(g, w, kaon_sub(g, w, kaon_scale(g, grad, 0.01)));
    if (!with_rest)
        return out;
    kaon_node *positive = kaon_gt(g, loss, kaon_scalar(g, 5)), *chosen = NULL;
    g->api->cond(g, positive, halve, keep, NULL, 1, &out, 1, &chosen);
    kaon_node *gram = kaon_matmul(g, kaon_transpose(g, x, 0, NULL), x);
    kaon_node *eye = kaon_const_f32(
        g, 2, square, (const float[WIDTH * WIDTH]){9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 9});
    return kaon_matmul(g, chosen, kaon_op1(g, "cholesky", kaon_add(g, gram, eye)));
}

// Four runs: the first as it is, the second recorded, the others replayed.
static void results(const char *backend, int32_t with_rest, float out[4][ROWS * WIDTH])
{
    bench b;
    float x[ROWS * WIDTH];
    open_bench(&b, backend);
    kaon_node *y = build(b.g, with_rest);
    must(&b, compile(&b, 1, &y));
    for (uint64_t i = 0; i < 4; i++) {
        for (int k = 0; k < ROWS * WIDTH; k++)
            x[k] = sinf((float)k + (float)i);
        must(&b, run(&b, x, out[i], i));
    }
    close_bench(&b);
}

static void same_numbers(const char *backend, int32_t with_rest)
{
    float wanted[4][ROWS * WIDTH], found[4][ROWS * WIDTH];
    results(backend, with_rest, found);
    results("cpu", with_rest, wanted);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < ROWS * WIDTH; k++)
            if (fabsf(found[i][k] - wanted[i][k]) > 1e-4f * (1 + fabsf(wanted[i][k])))
                fail_msg("run %d element %d: %g, expected %g", i, k, (double)found[i][k],
                         (double)wanted[i][k]);
}

static void recorded_programs(void **state)
{
    (void)state;
    same_numbers("vulkan", 0);
}

/* --- kernels of hardware: tiles in shared memory, groups that share a sum, pieces of sums
 * --------- */

// Sums over rows, columns and everything, and products whose sums are long; both types of sum in
// one.
static void build_sums(kaon_graph *g, int64_t rows, int64_t columns, kaon_node **out)
{
    const int64_t shape[] = {rows, columns}, swap[] = {1, 0};
    kaon_node *x = g->api->input(g, "x", KAON_F32, 2, shape);
    kaon_node *turned = kaon_transpose(g, x, 2, swap);
    out[0] = kaon_sum(g, kaon_square(g, x), 1);
    out[1] = kaon_sum(g, kaon_sin(g, x), 0);
    out[2] = kaon_sum_all(g, x);
    out[3] = kaon_reduce(g, "reduce_max", x, 0, 0);
    out[4] = kaon_tanh(g, kaon_scale(g, kaon_matmul(g, turned, x), 0.01));
    out[5] = kaon_matmul(g, x, kaon_slice(g, turned, 1, 0, rows < 70 ? rows : 70));
}

static int64_t sums(const char *backend, int64_t rows, int64_t columns, float *out)
{
    bench b;
    kaon_node *y[6];
    void *to[6];
    int64_t at = 0;
    open_bench(&b, backend);
    build_sums(b.g, rows, columns, y);
    must(&b, compile(&b, 6, y));
    float *x = kn_alloc((size_t)(rows * columns) * sizeof *x);
    assert_non_null(x);
    for (int64_t k = 0; k < rows * columns; k++)
        x[k] = sinf(0.7f * (float)k);
    for (int i = 0; i < 6; i++) {
        to[i] = out + at;
        at += kn_node_count(kn_node_of(y[i]));
    }
    const void *in = x;
    must(&b, kn_program_api.run(b.program, &in, to, 0, &b.fault.diag));
    kn_free(x);
    close_bench(&b);
    return at;
}

static void kernels_of_hardware(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = {{3, 5}, {130, 70}, {5000, 3}, {3, 600}, {2100, 33}};
    enum { ROOM = 600000 };
    float *found = kn_alloc(ROOM * sizeof *found), *wanted = kn_alloc(ROOM * sizeof *wanted);
    assert_true(found && wanted);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const int64_t count =
            sums("vulkan: {as_hardware: true, validate: true}", shapes[s][0], shapes[s][1], found);
        sums("cpu", shapes[s][0], shapes[s][1], wanted);
        for (int64_t k = 0; k < count; k++)
            if (fabsf(found[k] - wanted[k]) > 2e-4f * (1 + fabsf(wanted[k])))
                fail_msg("shape %d element %d of %d: %g, expected %g", (int)s, (int)k, (int)count,
                         (double)found[k], (double)wanted[k]);
    }
    kn_free(found);
    kn_free(wanted);
}

static void what_cannot_be_recorded(void **state)
{
    (void)state;
    same_numbers("vulkan", 1);
    same_numbers("null", 1); // has no linear algebra, and the host's memory
}

// Without these types most steps go to the processor.
static void smaller_devices(void **state)
{
    (void)state;
    same_numbers("vulkan: {without: [f64, i64, u64, u32, bool]}", 1);
}

static void device_time(void **state)
{
    (void)state;
    bench b;
    float x[ROWS * WIDTH] = {1}, out[ROWS * WIDTH];
    open_bench(&b, "vulkan");
    kaon_node *y = build(b.g, 0);
    must(&b, compile(&b, 1, &y));
    must(&b, kn_profile_start(b.kernel, &b.fault.diag));
    for (uint64_t i = 0; i < 3; i++)
        must(&b, run(&b, x, out, i));
    char *text = kn_profile_text(b.kernel);
    assert_non_null(text);
    assert_non_null(strstr(text, "matmul"));
    assert_non_null(strstr(text, "3 x"));
    kn_free(text);
    kn_profile_stop(b.kernel);
    close_bench(&b);
}

/* --- faults -------------------------------------------------------------------------------------
 */

static kaon_node *large(bench *b, int64_t mebibytes)
{
    const int64_t size[] = {mebibytes << 18};
    return kaon_exp(b->g, b->g->api->input(b->g, "x", KAON_F32, 1, size));
}

static void out_of_device_memory(void **state)
{
    (void)state;
    bench b;
    float x[ROWS * WIDTH] = {0}, out[ROWS * WIDTH];
    open_bench(&b, "vulkan: {memory: 40}");
    kaon_node *y = large(&b, 32);
    assert_int_equal(compile(&b, 1, &y), KAON_NO_MEMORY);
    assert_non_null(strstr(b.fault.text, "out of device memory"));
    kn_program_api.graph_free(b.g); // what is small still runs
    kn_graph *g = NULL;
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 1, 0};
    assert_int_equal(kn_graph_new(b.kernel, kn_host_table(b.host), &spec, &g, NULL), KAON_OK);
    b.g = &g->base;
    y = build(b.g, 0);
    must(&b, compile(&b, 1, &y));
    must(&b, run(&b, x, out, 0));
    close_bench(&b);
}

static void lost_device(void **state)
{
    (void)state;
    bench b;
    float x[ROWS * WIDTH] = {0}, out[ROWS * WIDTH];
    open_bench(&b, "vulkan: {lose_after: 60}");
    kaon_node *y = build(b.g, 1);
    must(&b, compile(&b, 1, &y));
    kaon_status status = KAON_OK;
    for (uint64_t i = 0; i < 20 && !status; i++)
        status = run(&b, x, out, i);
    assert_int_equal(status, KAON_DEVICE);
    assert_non_null(strstr(b.fault.text, "was lost"));
    assert_int_equal(run(&b, x, out, 0), KAON_DEVICE); // and stays so
    close_bench(&b);
}

// Overwrites the second half of each file of a folder; returns how many there are.
static int damage(const char *folder)
{
    char path[1024];
    int count = 0;
    DIR *d = opendir(folder);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%.500s/%.500s", folder, e->d_name);
        FILE *file = fopen(path, "r+b");
        assert_non_null(file);
        fseek(file, 0, SEEK_END);
        fseek(file, ftell(file) / 2, SEEK_SET);
        fputs("damaged", file);
        fclose(file);
        count++;
    }
    closedir(d);
    return count;
}

static void remove_folder(const char *folder)
{
    char path[1024];
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%.500s/%.500s", folder, e->d_name);
        unlink(path);
    }
    closedir(d);
    rmdir(folder);
}

static void damaged_cache(void **state)
{
    (void)state;
    char folder[] = "/tmp/kaon-shaders-XXXXXX", backend[128];
    assert_non_null(mkdtemp(folder));
    snprintf(backend, sizeof backend, "vulkan: {cache: %s}", folder);
    same_numbers(backend, 0);
    assert_true(damage(folder) > 3);
    same_numbers(backend, 0); // says so in the log and compiles again
    remove_folder(folder);
}

static void settings_are_checked(void **state)
{
    (void)state;
    bench b;
    kn_device *device = NULL;
    open_bench(&b, "vulkan");
    assert_int_equal(kn_device_select(b.kernel, "vulkan: {memori: 3}", &b.fault.diag),
                     KAON_INVALID);
    assert_non_null(strstr(b.fault.text, "memori"));
    assert_int_equal(kn_device_select(b.kernel, "vulkan: {without: [f32]}", &b.fault.diag),
                     KAON_INVALID);
    assert_int_equal(kn_device_select(b.kernel, "vulkan:99", &b.fault.diag), KAON_NOT_FOUND);
    assert_int_equal(kn_device_get(b.kernel, &device, &b.fault.diag), KAON_OK);
    assert_string_equal(device->name, "vulkan");
    assert_false(device->shares_host);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_programs),    cmocka_unit_test(what_cannot_be_recorded),
        cmocka_unit_test(smaller_devices),      cmocka_unit_test(device_time),
        cmocka_unit_test(kernels_of_hardware),  cmocka_unit_test(out_of_device_memory),
        cmocka_unit_test(lost_device),          cmocka_unit_test(damaged_cache),
        cmocka_unit_test(settings_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
