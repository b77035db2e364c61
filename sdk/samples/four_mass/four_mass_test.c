/* four_mass_test.c: masses one can do in the head, by the kernels where there are some and by the
 * decomposition where not. It runs once per backend, which KAON_BACKEND names.
 */
#include <kaon/program.h>
#include <kaon/test.h>

#include <stdlib.h>
#include <string.h>

// A photon, a pion at rest, 3-4-5, something space-like. GeV.
static const float momenta[] = {1, 1, 0, 0, 0.14f, 0, 0, 0, 5, 0, 3, 0, 1, 0, 0, 2};
static const double masses[] = {0, 0.14, 4, 0};

static kaon_program *compile(kaon_graph *g, kaon_variables **variables, int32_t dtype)
{
    const kaon_program_api *api = kt_service(KAON_PROGRAM_SERVICE);
    const int64_t shape[] = {2, 2, 4};
    kaon_node *y = kaon_op1(g, "four_mass", g->api->input(g, "p", dtype, 3, shape));
    const kaon_compile_job job = {sizeof job, 1, g, &y, NULL, 0};
    kaon_compile_job with = job;
    kaon_program *p = NULL;
    kt_ok(g->api->check(g, kt_diag()));
    kt_ok(api->variables_new(kt_host(), 1, variables, kt_diag()));
    with.variables = *variables;
    kt_ok(api->compile(kt_host(), &with, &p, kt_diag()));
    return p;
}

static void check(int32_t dtype, int wants_kernel)
{
    const kaon_program_api *api = kt_service(KAON_PROGRAM_SERVICE);
    kaon_graph *g = kt_graph(dtype, 0);
    kaon_variables *variables = NULL;
    kaon_program *p = compile(g, &variables, dtype);
    kaon_program_facts facts = {.size = sizeof facts};
    kt_ok(api->program_facts(p, &facts, kt_diag()));
    kt_true((strstr(facts.text, "four_mass") != NULL) == wants_kernel);
    double wide[16], wide_out[4] = {0};
    float out[4] = {0};
    for (int i = 0; i < 16; i++)
        wide[i] = (double)momenta[i];
    const void *in = dtype == KAON_F32 ? (const void *)momenta : wide;
    void *to = dtype == KAON_F32 ? (void *)out : wide_out;
    for (uint64_t run = 0; run < 3; run++) // recorded and replayed where a backend does
        kt_ok(api->run(p, &in, &to, run, kt_diag()));
    for (int i = 0; i < 4; i++)
        kt_near(dtype == KAON_F32 ? (double)out[i] : wide_out[i], masses[i], 1e-6);
    api->program_free(p);
    api->variables_release(variables);
    api->graph_free(g);
}

// The skeleton of a backend loads no kernels of others.
static int loads_kernels(void)
{
    const char *backend = getenv("KAON_BACKEND");
    return !backend || strncmp(backend, "null", 4) != 0;
}

KT_TEST(masses_by_the_kernel)
{
    check(KAON_F32, loads_kernels());
}

KT_TEST(masses_by_the_decomposition)
{
    check(KAON_F64, 0);
}
