/* lecture.c: derivatives of y = 2 x0 + x0 sin(x1) + x1^3 at (1, 2), in both modes, from C.
 *
 * A program that embeds Kaon: it opens the library, asks for the service that compiles graphs, writes
 * the function down once and lets the graph be transformed. Build: see CMakeLists.txt beside it.
 */
#include <kaon/host_api.h>
#include <kaon/program.h>

// 2 x0 + x0 sin(x1) + x1^3
static kaon_node *function(kaon_graph *g, kaon_node *x0, kaon_node *x1)
{
    kaon_node *sum = kaon_add(g, kaon_scale(g, x0, 2), kaon_mul(g, x0, kaon_sin(g, x1)));
    return kaon_add(g, sum, kaon_power(g, x1, 3));
}

// y, dy/dx0, dy/dx1 in reverse mode, and the slope along (1, 0) and (0, 1) in forward mode.
static kaon_status build(kaon_graph *g, kaon_node *results[5], kaon_diag *diag)
{
    kaon_node *x[2] = {g->api->input(g, "x0", KAON_F64, 0, NULL),
                       g->api->input(g, "x1", KAON_F64, 0, NULL)};
    kaon_node *one = kaon_scalar(g, 1), *zero = kaon_scalar(g, 0);
    kaon_node *along[2][2] = {{one, zero}, {zero, one}};

    results[0] = function(g, x[0], x[1]);
    g->api->gradient(g, results[0], NULL, 2, x, &results[1]);
    for (int i = 0; i < 2; i++)
        g->api->tangent(g, 2, x, along[i], 1, results, &results[3 + i]);
    return g->api->check(g, diag); // errors are sticky: one question at the end
}

static kaon_status work(const kaon_host *host, kaon_diag *diag)
{
    const kaon_program_api *api = host->service(host, KAON_PROGRAM_SERVICE);
    const kaon_graph_spec spec = {.size = sizeof spec, .float_type = KAON_F64};
    kaon_graph *g = NULL;
    kaon_variables *variables = NULL;
    kaon_program *program = NULL;
    kaon_node *results[5] = {NULL};
    const double x0 = 1, x1 = 2;
    double y = 0, reverse[2] = {0}, forward[2] = {0};
    const void *inputs[] = {&x0, &x1};
    void *outputs[] = {&y, &reverse[0], &reverse[1], &forward[0], &forward[1]};

    kaon_status status = api->graph_new(host, &spec, &g, diag);
    if (!status)
        status = build(g, results, diag);
    if (!status)
        status = api->variables_new(host, 0, &variables, diag);
    const kaon_compile_job job = {.size = sizeof job,
                                  .graph = g,
                                  .output_count = 5,
                                  .outputs = results,
                                  .variables = variables};
    if (!status)
        status = api->compile(host, &job, &program, diag);
    if (!status)
        status = api->run(program, inputs, outputs, 0, diag);
    if (!status)
        printf("y = %.4f\nreverse mode: (%.4f, %.4f)\nforward mode: (%.4f, %.4f)\n", y, reverse[0],
               reverse[1], forward[0], forward[1]);

    api->program_free(program);
    api->variables_release(variables);
    api->graph_free(g);
    return status;
}

int main(void)
{
    kaon_error *error = kaon_error_new();
    kaon_kernel *kernel = NULL;
    kaon_status status = kaon_open(NULL, &kernel, error);
    if (!status)
        status = work(kaon_kernel_host(kernel), kaon_error_diag(error));
    if (status)
        fprintf(stderr, "lecture: %s\n", kaon_error_text(error));
    kaon_close(kernel);
    kaon_error_free(error);
    return status ? 1 : 0;
}
