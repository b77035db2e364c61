/* choose.c: composites the backend has no kernel for are built from other operations.
 *
 * A decomposition may hold composites again, so the pass is repeated until none is left to build.
 */
#include "compiler/compile.h"

#include "graph/composite.h"
#include "graph/simplify.h"

#include <string.h>

enum { MAX_DEPTH = 32 }; // of composites made of composites

// A use as a step on contiguous inputs, for a question to the backend.
static int32_t has_kernel(kn_compile *c, const kn_use *use)
{
    kn_step *s = kn_step_new(c, KN_STEP_OP, use->input_count, use->output_count);
    if (!s)
        return 0;
    s->dead = 1;
    s->use = use;
    for (int32_t i = 0; i < use->input_count + use->output_count; i++) {
        const kn_node *node =
            i < use->input_count ? use->inputs[i] : &use->outputs[i - use->input_count];
        const int32_t value = kn_value_new(c, node->dtype, node->rank, node->shape);
        if (value < 0)
            return 0;
        if (i < use->input_count)
            s->inputs[i] = kn_look_whole(&c->values[value]);
        else
            s->outputs[i - use->input_count] = value;
    }
    return kn_supported(c, s, 0);
}

static int32_t must_build(kn_compile *c, const kn_use *use)
{
    return use->kind == KN_USE_OP && use->composite && !has_kernel(c, use);
}

typedef struct {
    kn_compile *c;
    kn_graph *to;
    kn_node **map; // by node id of the old graph
} rebuild;

static kn_node **inputs_of(const rebuild *r, const kn_use *use)
{
    kn_node **inputs = kn_compile_take(r->c, (size_t)use->input_count, sizeof *inputs);
    for (int32_t i = 0; inputs && i < use->input_count; i++)
        inputs[i] = r->map[use->inputs[i]->id];
    return inputs;
}

static kaon_status rebuild_use(const rebuild *r, const kn_use *use)
{
    if (use->kind == KN_USE_INPUT || use->kind == KN_USE_CAPTURE || use->kind == KN_USE_VARIABLE)
        return KAON_OK; // made before
    kn_node **inputs = inputs_of(r, use);
    kn_node **outputs = kn_compile_take(r->c, (size_t)use->output_count, sizeof *outputs);
    if (!inputs || !outputs)
        return KAON_NO_MEMORY;
    if (must_build(r->c, use)) {
        KAON_TRY(kn_composite_expand(r->to, use, inputs, outputs));
    } else {
        const kn_use *copy = kn_use_copy(r->to, use, inputs);
        for (int32_t i = 0; copy && i < use->output_count; i++)
            outputs[i] = &copy->outputs[i];
    }
    for (int32_t i = 0; i < use->output_count; i++)
        r->map[use->outputs[i].id] = outputs[i];
    return kn_graph_status(r->to);
}

// Inputs and variables again, in their order. A body's inputs are the nodes it captures.
static kaon_status rebuild_given(const rebuild *r, const kn_graph *from)
{
    for (int32_t i = 0; i < from->input_count; i++) {
        const kn_node *old = from->inputs[i];
        r->map[old->id] = kn_node_of(r->to->base.api->input(
            &r->to->base, old->use->name ? old->use->name : "", old->dtype, old->rank, old->shape));
    }
    for (int32_t i = 0; !r->c->is_body && i < from->variable_count; i++) {
        const kn_graph_variable *v = &from->variables[i];
        char path[KAON_TEXT_MAX];
        snprintf(path, sizeof path, "/%s", v->name);
        const kaon_variable again = {sizeof again, v->dtype, path,     v->rank,    v->init,
                                     v->shape,     v->scale, v->flags, v->fan_axis};
        kn_node *node = kn_node_of(r->to->base.api->variable(&r->to->base, &again));
        r->map[v->node->id] = node;
    }
    return kn_graph_status(r->to);
}

static kaon_status rebuild_graph(rebuild *r, const kn_graph *from)
{
    KAON_TRY(rebuild_given(r, from));
    for (int32_t i = 0; i < from->use_count; i++)
        KAON_TRY(rebuild_use(r, from->uses[i]));
    for (int32_t i = 0; !r->c->is_body && i < from->variable_count; i++) {
        const kn_graph_variable *v = &from->variables[i];
        if (v->value)
            r->to->base.api->update(&r->to->base, &r->map[v->node->id]->base,
                                    &r->map[v->value->id]->base);
    }
    for (int32_t i = 0; i < r->c->output_count; i++)
        r->c->outputs[i] = r->map[r->c->outputs[i]->id];
    return kn_graph_status(r->to);
}

// Takes the place of the graph so far.
static void take_graph(kn_compile *c, kn_graph *graph)
{
    kn_graph_free(c->chosen);
    c->graph = c->chosen = graph;
}

static kaon_status build_composites(kn_compile *c)
{
    kn_graph *to = NULL;
    KAON_TRY(kn_graph_new_like(c->graph, &to, c->diag));
    rebuild r = {.c = c, .to = to};
    r.map = kn_compile_take(c, (size_t)c->graph->node_count, sizeof *r.map);
    kaon_status status = r.map ? rebuild_graph(&r, c->graph) : KAON_NO_MEMORY;
    if (status) {
        to->base.api->check(&to->base, c->diag);
        kn_graph_free(to);
        return status;
    }
    take_graph(c, to);
    return KAON_OK;
}

static int32_t has_composites(kn_compile *c)
{
    for (int32_t i = 0; i < c->graph->use_count; i++)
        if (must_build(c, c->graph->uses[i]))
            return 1;
    return 0;
}

static kaon_status simplify(kn_compile *c)
{
    kn_graph *to = NULL;
    kn_node **outputs = kn_compile_take(c, (size_t)c->output_count, sizeof *outputs);
    if (!outputs)
        return KAON_NO_MEMORY;
    KAON_TRY(kn_simplify(c->graph, c->output_count, c->outputs, &to, outputs, c->diag));
    c->outputs = outputs;
    take_graph(c, to);
    return KAON_OK;
}

/* Leaves in c->graph a simple graph without composites the device has no kernel for. */
kaon_status kn_choose(kn_compile *c)
{
    if (!c->is_body)
        KAON_TRY(simplify(c));
    if (!has_composites(c))
        return KAON_OK;
    for (int32_t depth = 0; has_composites(c); depth++) {
        if (depth == MAX_DEPTH)
            return kaon_fail(c->diag, KAON_INVALID,
                             "operations are built from each other more than %d deep",
                             (int)MAX_DEPTH);
        KAON_TRY(build_composites(c));
    }
    return c->is_body ? KAON_OK : simplify(c);
}
