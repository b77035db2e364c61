/* transform_tangent.c: forward mode: one sweep over the uses between xs and ys. */
#include "graph/composite.h"
#include "graph/control.h"
#include "kernel/memory.h"
#include "graph/op_derivative.h"
#include "graph/transform.h"

static void forward_use(const kn_derivation *d)
{
    if (d->use->kind == KN_USE_SCAN)
        kn_scan_forward(d);
    else if (d->use->kind == KN_USE_COND)
        kn_cond_forward(d);
    else if (d->use->composite)
        kn_composite_forward(d);
    else if (d->use->op && d->use->op->forward)
        d->use->op->forward(d);
}

// Tangents of what a use gives; those of xs are already there and stay.
static kaon_status visit(kn_graph *g, const kn_use *use, kaon_node **tangents)
{
    const size_t in = (size_t)use->input_count, out = (size_t)use->output_count;
    int32_t moves = 0;
    for (size_t i = 0; i < in; i++)
        moves |= tangents[use->inputs[i]->id] != NULL;
    if (!moves)
        return KAON_OK;
    kaon_node **room = kn_alloc_array(in + out, sizeof *room);
    if (!room) {
        kn_graph_no_memory(g);
        return KAON_NO_MEMORY;
    }
    for (size_t i = 0; i < in; i++)
        room[i] = tangents[use->inputs[i]->id];
    const kn_derivation d = {&g->base, use, room, NULL, room + in};
    forward_use(&d);
    for (size_t i = 0; i < out; i++) {
        const kn_node *node = &use->outputs[i];
        if (!tangents[node->id] && kaon_dtype_is_float(node->dtype))
            tangents[node->id] = room[in + i];
    }
    kn_free(room);
    return kn_graph_status(g);
}

kaon_status kn_forward(const kn_function *f, kaon_node *const *x_tangents, kaon_node **y_tangents)
{
    const int32_t uses = f->graph->use_count;
    kaon_node **tangents = kn_alloc_array((size_t)f->graph->node_count, sizeof *tangents);
    if (!tangents) {
        kn_graph_no_memory(f->graph);
        return KAON_NO_MEMORY;
    }
    for (int32_t i = 0; i < f->x_count; i++) {
        kaon_node **at = &tangents[kn_node_of(f->xs[i])->id];
        *at = kn_plus(&f->graph->base, *at, x_tangents[i]);
    }
    kaon_status status = kn_graph_status(f->graph);
    for (int32_t i = f->first; i < uses && !status; i++)
        status = visit(f->graph, f->graph->uses[i], tangents);
    for (int32_t i = 0; i < f->y_count; i++)
        y_tangents[i] = status ? NULL : tangents[kn_node_of(f->ys[i])->id];
    kn_free(tangents);
    return status;
}

static kaon_status find_tangents(const kn_function *f, kaon_node *const *dxs, kaon_node **dys)
{
    kaon_graph *g = &f->graph->base;
    for (int32_t i = 0; i < f->x_count; i++) {
        if (!kn_same_type(kn_node_of(f->xs[i]), kn_node_of(dxs[i])))
            kaon_refuse(g, KAON_INVALID, "tangent: x %d is %s, it moves along %s", (int)i,
                        kn_type_text(kn_node_of(f->xs[i])), kn_type_text(kn_node_of(dxs[i])));
    }
    KAON_TRY(kn_graph_status(f->graph));
    KAON_TRY(kn_forward(f, dxs, dys));
    for (int32_t i = 0; i < f->y_count; i++) {
        if (!dys[i])
            dys[i] = kn_filled(g, f->ys[i], 0);
    }
    return kn_graph_status(f->graph);
}

kaon_status kn_tangent(kaon_graph *graph, int32_t x_count, kaon_node *const *xs,
                       kaon_node *const *dxs, int32_t y_count, kaon_node *const *ys,
                       kaon_node **dys)
{
    kn_graph *g = kn_graph_of(graph);
    for (int32_t i = 0; i < y_count; i++)
        dys[i] = NULL;
    KAON_TRY(kn_graph_status(g));
    const size_t x = (size_t)x_count;
    kaon_node **seen = kn_alloc_array(2 * x + (size_t)y_count + 1, sizeof *seen);
    if (!seen) {
        kn_graph_no_memory(g);
        return KAON_NO_MEMORY;
    }
    kaon_status status = kn_see_floats(g, "tangent", x_count, xs, seen);
    if (!status)
        status = kn_see_floats(g, "tangent", x_count, dxs, seen + x);
    if (!status)
        status = kn_see_floats(g, "tangent", y_count, ys, seen + 2 * x);
    const kn_function f = {g, 0, x_count, y_count, seen, seen + 2 * x};
    if (!status)
        status = find_tangents(&f, seen + x, dys);
    kn_free(seen);
    return status;
}
