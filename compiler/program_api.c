/* program_api.c: service "kaon.program/1". */
#include "kernel/host.h"
#include "compiler/program.h"
#include "kernel/structs.h"

static kaon_status kernel_of(const kaon_host *host, kn_kernel **out, kaon_diag *diag)
{
    *out = kn_host_kernel(host);
    return *out ? KAON_OK : kaon_fail(diag, KAON_INTERNAL, "there is no kernel any more");
}

static kaon_status graph_new(const kaon_host *host, const kaon_graph_spec *spec, kaon_graph **out,
                             kaon_diag *diag)
{
    kn_kernel *kernel = NULL;
    kn_graph *g = NULL;
    *out = NULL;
    KAON_TRY(kernel_of(host, &kernel, diag));
    KAON_TRY(kn_graph_new(kernel, host, spec, &g, diag));
    *out = &g->base;
    return KAON_OK;
}

static void graph_free(kaon_graph *g)
{
    kn_graph_free(g ? kn_graph_of(g) : NULL);
}

static kaon_status variables_new(const kaon_host *host, uint64_t seed, kaon_variables **out,
                                 kaon_diag *diag)
{
    kn_kernel *kernel = NULL;
    *out = NULL;
    KAON_TRY(kernel_of(host, &kernel, diag));
    return kn_variables_new(kernel, seed, out, diag);
}

static kaon_status compile(const kaon_host *host, const kaon_compile_job *job, kaon_program **out,
                           kaon_diag *diag)
{
    kn_kernel *kernel = NULL;
    *out = NULL;
    KAON_TRY(kernel_of(host, &kernel, diag));
    kaon_compile_job own;
    KAON_TRY(kn_struct_take(&own, sizeof own, job, "kaon_compile_job", diag));
    return kn_program_compile(kernel, &own, out, diag);
}

static kaon_status program_facts(kaon_program *p, kaon_program_facts *out, kaon_diag *diag)
{
    (void)diag;
    kn_struct_give(out, &p->facts, sizeof p->facts);
    return KAON_OK;
}

const kaon_program_api kn_program_api = {
    .size = sizeof kn_program_api,
    .graph_new = graph_new,
    .graph_free = graph_free,
    .variables_new = variables_new,
    .variables_release = kn_variables_release,
    .variable_count = kn_variables_count,
    .variable_at = kn_variable_info,
    .variable_set = kn_variable_set,
    .variable_get = kn_variable_get,
    .variables_copy = kn_variables_copy,
    .compile = compile,
    .program_free = kn_program_free,
    .run = kn_program_run,
    .program_facts = program_facts,
};
