/* profile_test.c: what a program says about itself, and where its time goes. */
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/host.h"
#include "kernel/memory.h"
#include "compiler/profile.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct {
    kn_kernel *kernel;
    kn_diag fault;
    kaon_program *program;
    kaon_variables *variables;
    kn_host *host;
} bench;

#define OK(b, call)                                                                                \
    do {                                                                                           \
        if (call)                                                                                  \
            fail_msg("%s", (b)->fault.text);                                                       \
    } while (0)

enum { ROWS = 4096, COLUMNS = 8 };

static char last_program[4096];

static void keep(void *context, const char *text)
{
    (void)context;
    snprintf(last_program, sizeof last_program, "%s", text);
}

// tanh(x w) and its sum over the rows: a region of two tiles at least.
static void open_bench(bench *b)
{
    memset(b, 0, sizeof *b);
    kn_diag_init(&b->fault);
    const kn_kernel_settings settings = {.flags = KN_NO_PROBE, .backend = "cpu", .threads = 2};
    OK(b, kn_kernel_new(&settings, &b->kernel, &b->fault.diag));
    b->kernel->explain = keep;
    b->host = kn_host_new("test");
    assert_non_null(b->host);
    const kaon_host *host = kn_host_table(b->host);
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, 0, 0};
    kaon_graph *g = NULL;
    OK(b, kn_program_api.graph_new(host, &spec, &g, &b->fault.diag));
    OK(b, kn_program_api.variables_new(host, 1, &b->variables, &b->fault.diag));
    const int64_t shape[2] = {ROWS, COLUMNS}, weights[2] = {COLUMNS, COLUMNS};
    kaon_node *x = g->api->input(g, "x", KAON_F32, 2, shape);
    kaon_node *w = kaon_param(g, "w", 2, weights, KAON_INIT_GLOROT);
    kaon_node *h = kaon_tanh(g, kaon_matmul(g, kaon_exp(g, x), w));
    kaon_node *out = kaon_sum(g, kaon_matmul(g, h, w), 0);
    const kaon_compile_job job = {sizeof job, 1, g, &out, b->variables, 7};
    OK(b, kn_program_api.compile(host, &job, &b->program, &b->fault.diag));
    kn_program_api.graph_free(g);
}

static void run(bench *b)
{
    static float x[ROWS * COLUMNS];
    float out[COLUMNS];
    OK(b, kn_program_api.run(b->program, (const void *[]){x}, (void *[]){out}, 0, &b->fault.diag));
}

static void close_bench(bench *b)
{
    kn_program_api.program_free(b->program);
    kn_variables_release(b->variables);
    kn_kernel_free(b->kernel);
    kn_host_free(b->host);
}

static void explains(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    kaon_program_facts facts = {.size = sizeof facts};
    OK(&b, kn_program_api.program_facts(b.program, &facts, &b.fault.diag));
    assert_int_equal(facts.regions, 1);
    assert_true(facts.tile_rows > 0 && facts.tile_rows < ROWS);
    assert_true(facts.flops > 2.0 * 2 * ROWS * COLUMNS * COLUMNS);
    assert_non_null(strstr(facts.text, "region: 4096 rows in"));
    assert_non_null(strstr(facts.text, "matmul"));
    assert_non_null(strstr(facts.text, "total"));
    assert_string_equal(last_program, facts.text);
    close_bench(&b);
}

static void times_launches(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    run(&b);
    char *nothing = kn_profile_text(b.kernel); // off
    assert_string_equal(nothing, "");
    kn_free(nothing);
    OK(&b, kn_profile_start(b.kernel, &b.fault.diag));
    for (int i = 0; i < 3; i++)
        run(&b);
    char *text = kn_profile_text(b.kernel);
    assert_non_null(strstr(text, "matmul"));
    kn_free(text);

    char path[] = "/tmp/kaon-trace-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    OK(&b, kn_profile_write(b.kernel, path, &b.fault.diag));
    json_t *trace = json_load_file(path, 0, NULL);
    assert_non_null(trace);
    const json_t *events = json_object_get(trace, "traceEvents");
    assert_true(json_array_size(events) >= 3 * 2);
    const json_t *first = json_array_get(events, 0);
    assert_string_equal(json_string_value(json_object_get(first, "ph")), "X");
    assert_true(json_number_value(json_object_get(first, "dur")) >= 0);
    json_decref(trace);
    unlink(path);
    kn_profile_stop(b.kernel);
    run(&b);
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explains),
        cmocka_unit_test(times_launches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
