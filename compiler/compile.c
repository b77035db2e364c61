/* compile.c: the passes, one after the other. */
#include "compiler/compile.h"

#include "kernel/memory.h"

#include <string.h>

/* --- variables -------------------------------------------------------------------------------- */

// Room in one piece for all that are to be made of one role. `absent`: 1 for these, 2 once
// reserved.
static kaon_status reserve(kn_compile *c, int32_t first, uint8_t *absent)
{
    const kn_graph *g = c->graph;
    const kn_graph_variable *like = &g->variables[first];
    const char *role = kn_variable_role(like->name, like->flags);
    uint64_t bytes = 0;
    for (int32_t i = first; i < g->variable_count; i++) {
        const kn_graph_variable *v = &g->variables[i];
        if (absent[i] != 1 || v->dtype != like->dtype ||
            strcmp(kn_variable_role(v->name, v->flags), role) != 0)
            continue;
        const uint64_t own =
            (uint64_t)kn_shape_count(v->rank, v->shape) * kaon_dtype_bytes(v->dtype);
        bytes += (own + KN_MEMORY_ALIGN - 1) / KN_MEMORY_ALIGN * KN_MEMORY_ALIGN;
        absent[i] = 2;
    }
    return kn_variables_reserve(c->variables, like, bytes, c->diag);
}

static kaon_status hold_variables(kn_compile *c)
{
    const kn_graph *g = c->graph;
    uint8_t *absent = kn_compile_take(c, (size_t)g->variable_count, 1);
    c->held = kn_compile_take(c, (size_t)g->variable_count, sizeof *c->held);
    if (!c->held || !absent)
        return KAON_NO_MEMORY;
    if (g->variable_count && !c->variables)
        return kaon_fail(c->diag, KAON_INVALID,
                         "the graph reads variable '%s', but no set of variables was given",
                         g->variables[0].name);
    for (int32_t i = 0; i < g->variable_count; i++)
        absent[i] = kn_variables_find(c->variables, g->variables[i].name) == NULL;
    for (int32_t i = 0; i < g->variable_count; i++) {
        if (absent[i] == 1)
            KAON_TRY(reserve(c, i, absent));
        KAON_TRY(kn_variables_make(c->variables, &g->variables[i], &c->held[i], c->diag));
        KAON_TRY(kn_variables_place(c->variables, c->held[i], c->device, c->diag));
    }
    return KAON_OK;
}

/* --- the passes ------------------------------------------------------------------------------- */

static kaon_status run_passes(kn_compile *c, kaon_program **out)
{
    KAON_TRY(kn_lower(c));
    KAON_TRY(kn_fuse(c));
    KAON_TRY(kn_rows(c));
    KAON_TRY(kn_plan(c));
    return kn_emit(c, out);
}

static kaon_status begin(kn_compile *c, const kaon_compile_job *job)
{
    c->graph = kn_graph_of(job->graph);
    c->output_count = job->output_count;
    c->outputs = kn_compile_take(c, (size_t)c->output_count, sizeof *c->outputs);
    if (!c->outputs)
        return KAON_NO_MEMORY;
    for (int32_t i = 0; i < c->output_count; i++)
        c->outputs[i] = kn_node_of(job->outputs[i]);
    KAON_TRY(kn_device_get(c->kernel, &c->device, c->diag));
    return kn_choose(c);
}

kaon_status kn_program_compile(kn_kernel *kernel, const kaon_compile_job *job, kaon_program **out,
                               kaon_diag *diag)
{
    *out = NULL;
    KAON_TRY(job->graph->api->check(job->graph, diag));
    for (int32_t i = 0; i < job->output_count; i++)
        if (!job->outputs[i])
            return kaon_fail(diag, KAON_INVALID, "output %d of the program is no node", (int)i);
    kn_compile c = {.diag = diag, .kernel = kernel, .variables = job->variables, .seed = job->seed};
    kaon_status status = begin(&c, job);
    if (!status)
        status = hold_variables(&c);
    if (!status)
        status = run_passes(&c, out);
    if (!status && kernel->explain)
        kernel->explain(kernel->explain_context, (*out)->facts.text);
    kn_graph_free(c.chosen);
    kn_arena_free(&c.arena);
    return kaon_context(diag, status, "compiling");
}

kaon_status kn_compile_body(kn_compile *around, kn_graph *body, kaon_program **out)
{
    kn_compile c = {.diag = around->diag,
                    .kernel = around->kernel,
                    .device = around->device,
                    .variables = around->variables,
                    .seed = around->seed,
                    .graph = body,
                    .output_count = body->result_count,
                    .is_body = 1};
    c.outputs = kn_compile_take(&c, (size_t)c.output_count, sizeof *c.outputs);
    kaon_status status = c.outputs ? KAON_OK : KAON_NO_MEMORY;
    for (int32_t i = 0; !status && i < c.output_count; i++)
        c.outputs[i] = body->results[i];
    if (!status)
        status = kn_choose(&c);
    if (!status)
        status = run_passes(&c, out);
    kn_graph_free(c.chosen);
    kn_arena_free(&c.arena);
    return status;
}
