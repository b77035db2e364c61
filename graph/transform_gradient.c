/* transform_gradient.c: reverse mode: one sweep backward over the uses between xs and ys. */
#include "graph/composite.h"
#include "graph/control.h"
#include "kernel/memory.h"
#include "graph/op_derivative.h"
#include "graph/transform.h"

typedef struct sweep {
    kn_graph *g;
    uint8_t *depends;  // by node id: on an x
    kaon_node **grads; // by node id: what has come together so far
    int32_t uses;      // of the graph before the sweep added its own
    int32_t nodes;     // likewise
} sweep;

static int32_t can_flow(const kn_use *use)
{
    if (use->kind == KN_USE_OP)
        return use->composite || use->op->reverse;
    return use->kind == KN_USE_SCAN || use->kind == KN_USE_COND;
}

void kn_mark_dependents(const kn_function *f, uint8_t *marks)
{
    int32_t first = f->graph->use_count;
    for (int32_t i = 0; i < f->x_count; i++) {
        const kn_node *x = kn_node_of(f->xs[i]);
        marks[x->id] = 1;
        first = x->use->id < first ? x->use->id : first;
    }
    first = first < f->first ? f->first : first;
    for (int32_t i = first; i < f->graph->use_count; i++) {
        const kn_use *use = f->graph->uses[i];
        int32_t any = 0;
        for (int32_t k = 0; k < use->input_count && can_flow(use) && !any; k++)
            any = marks[use->inputs[k]->id];
        for (int32_t k = 0; k < use->output_count && any; k++)
            marks[use->outputs[k].id] |= kaon_dtype_is_float(use->outputs[k].dtype) != 0;
    }
}

static void add_to(sweep *s, const kn_node *node, kaon_node *grad)
{
    s->grads[node->id] = kn_plus(&s->g->base, s->grads[node->id], grad);
}

static void reverse_use(const kn_derivation *d)
{
    if (d->use->kind == KN_USE_SCAN)
        kn_scan_reverse(d);
    else if (d->use->kind == KN_USE_COND)
        kn_cond_reverse(d);
    else if (d->use->composite)
        kn_composite_reverse(d);
    else
        d->use->op->reverse(d);
}

// 1 if a gradient arrives at the use and something before it wants one.
static int32_t is_on_path(const sweep *s, const kn_use *use, uint8_t *wanted)
{
    int32_t arrives = 0, wants = 0;
    for (int32_t i = 0; i < use->output_count; i++)
        arrives |= s->grads[use->outputs[i].id] != NULL;
    for (int32_t i = 0; i < use->input_count; i++) {
        wanted[i] = s->depends[use->inputs[i]->id];
        wants |= wanted[i];
    }
    return arrives && wants && can_flow(use);
}

static kaon_status visit(sweep *s, const kn_use *use)
{
    const size_t in = (size_t)use->input_count, out = (size_t)use->output_count;
    kaon_node **room = kn_alloc_array(in + out + 1, sizeof *room);
    uint8_t *wanted = kn_alloc_zero(in);
    if (!room || !wanted) {
        kn_graph_no_memory(s->g);
    } else if (is_on_path(s, use, wanted)) {
        for (size_t i = 0; i < out; i++)
            room[in + i] = s->grads[use->outputs[i].id];
        const kn_derivation d = {&s->g->base, use, room + in, wanted, room};
        reverse_use(&d);
        for (size_t i = 0; i < in; i++) {
            if (wanted[i])
                add_to(s, use->inputs[i], room[i]);
        }
    }
    kn_free(wanted);
    kn_free(room);
    return kn_graph_status(s->g);
}

static kaon_status sweep_back(sweep *s, const kn_function *f, kaon_node *const *y_grads)
{
    kn_mark_dependents(f, s->depends);
    for (int32_t i = 0; i < f->y_count; i++) {
        if (y_grads[i])
            add_to(s, kn_node_of(f->ys[i]), y_grads[i]);
    }
    for (int32_t i = s->uses - 1; i >= f->first; i--)
        KAON_TRY(visit(s, s->g->uses[i]));
    return kn_graph_status(s->g);
}

kaon_status kn_backward(const kn_function *f, kaon_node *const *y_grads, kaon_node **x_grads)
{
    sweep s = {.g = f->graph, .uses = f->graph->use_count, .nodes = f->graph->node_count};
    s.depends = kn_alloc_zero((size_t)s.nodes);
    s.grads = kn_alloc_array((size_t)s.nodes, sizeof *s.grads);
    kaon_status status = KAON_NO_MEMORY;
    if (s.depends && s.grads)
        status = sweep_back(&s, f, y_grads);
    else
        kn_graph_no_memory(f->graph);
    for (int32_t i = 0; i < f->x_count; i++)
        x_grads[i] = status ? NULL : s.grads[kn_node_of(f->xs[i])->id];
    kn_free(s.grads);
    kn_free(s.depends);
    return status;
}

kaon_status kn_see_floats(kn_graph *g, const char *what, int32_t count, kaon_node *const *nodes,
                          kaon_node **seen)
{
    for (int32_t i = 0; i < count; i++) {
        const kn_node *node = nodes[i] ? kn_node_seen(g, kn_node_of(nodes[i])) : NULL;
        if (!node)
            kaon_refuse(&g->base, KAON_INVALID, "%s: node %d is missing", what, (int)i);
        else if (!kaon_dtype_is_float(node->dtype))
            kaon_refuse(&g->base, KAON_INVALID, "%s: floating-point numbers needed, node %d is %s",
                        what, (int)i, kn_type_text(node));
        KAON_TRY(kn_graph_status(g));
        seen[i] = kn_out(node->use, node->index);
    }
    return KAON_OK;
}

static kaon_status find_gradient(kn_graph *g, const kn_function *f, kaon_node *seed,
                                 kaon_node **grads)
{
    kaon_node *y = f->ys[0];
    if (!seed)
        seed = kn_filled(&g->base, y, 1);
    else if (!kn_same_type(kn_node_of(seed), kn_node_of(y)))
        kaon_refuse(&g->base, KAON_INVALID, "gradient: the seed is %s, y is %s",
                    kn_type_text(kn_node_of(seed)), kn_type_text(kn_node_of(y)));
    KAON_TRY(kn_graph_status(g));
    KAON_TRY(kn_backward(f, &seed, grads));
    for (int32_t i = 0; i < f->x_count; i++) {
        if (!grads[i])
            grads[i] = kn_filled(&g->base, f->xs[i], 0);
    }
    return kn_graph_status(g);
}

kaon_status kn_gradient(kaon_graph *graph, kaon_node *y, kaon_node *seed, int32_t count,
                        kaon_node *const *xs, kaon_node **grads)
{
    kn_graph *g = kn_graph_of(graph);
    for (int32_t i = 0; i < count; i++)
        grads[i] = NULL;
    KAON_TRY(kn_graph_status(g));
    kaon_node *y_seen, *seed_seen = NULL;
    kaon_node **seen = kn_alloc_array((size_t)count + 1, sizeof *seen);
    if (!seen) {
        kn_graph_no_memory(g);
        return KAON_NO_MEMORY;
    }
    kaon_status status = kn_see_floats(g, "gradient", 1, &y, &y_seen);
    if (!status && seed)
        status = kn_see_floats(g, "gradient", 1, &seed, &seed_seen);
    if (!status)
        status = kn_see_floats(g, "gradient", count, xs, seen);
    const kn_function f = {g, 0, count, 1, seen, &y_seen};
    if (!status)
        status = find_gradient(g, &f, seed_seen, grads);
    kn_free(seen);
    return status;
}
