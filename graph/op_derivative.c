/* op_derivative.c: what derivative rules are written with, and rules that need no more than the op
 * itself.
 */
#include "graph/op_derivative.h"

#include <string.h>

#include "kernel/element.h"
#include "kernel/memory.h"

kaon_node *kn_scalar(kaon_graph *g, int32_t dtype, double value)
{
    uint64_t bytes = 0;
    kn_element_put(dtype, &bytes, 0, value);
    kn_node *node = kn_constant(kn_graph_of(g), dtype, 0, NULL, &bytes);
    return node ? &node->base : NULL;
}

kaon_node *kn_filled(kaon_graph *g, const kaon_node *like, double value)
{
    if (!like)
        return NULL;
    return kn_broadcast_like(g, kn_scalar(g, kaon_dtype(like), value), kn_node_of(like));
}

int32_t kn_scalar_value(const kn_node *node, double *value)
{
    const kn_use *use = node->use;
    while (use->op && use->input_count == 1 &&
           (!strcmp(use->name, "cast") || !strcmp(use->name, "broadcast") ||
            !strcmp(use->name, "reshape")))
        use = use->inputs[0]->use;
    if (use->kind != KN_USE_CONST || kn_node_count(&use->outputs[0]) != 1)
        return 0;
    *value = kn_element_get(use->outputs[0].dtype, use->data, 0);
    return 1;
}

kaon_node *kn_plus(kaon_graph *g, kaon_node *a, kaon_node *b)
{
    if (!a || !b)
        return a ? a : b;
    return kaon_add(g, a, b);
}

kaon_node *kn_reshape_like(kaon_graph *g, kaon_node *a, const kn_node *like)
{
    if (!a)
        return NULL;
    const kn_node *n = kn_node_of(a);
    if (n->rank == like->rank && !memcmp(n->shape, like->shape, (size_t)n->rank * sizeof(int64_t)))
        return a;
    return kaon_reshape(g, a, like->rank, like->shape);
}

kaon_node *kn_broadcast_like(kaon_graph *g, kaon_node *a, const kn_node *like)
{
    if (!a)
        return NULL;
    const kn_node *n = kn_node_of(a);
    if (n->rank == like->rank && !memcmp(n->shape, like->shape, (size_t)n->rank * sizeof(int64_t)))
        return a;
    return kaon_broadcast(g, a, like->rank, like->shape);
}

kaon_node *kn_sum_to(kaon_graph *g, kaon_node *a, const kn_node *like)
{
    if (!a)
        return NULL;
    const kn_node *n = kn_node_of(a);
    const int32_t extra = n->rank - like->rank;
    int64_t axes[KAON_MAX_RANK];
    int32_t count = 0;
    for (int32_t i = 0; i < n->rank; i++) {
        if (i < extra || like->shape[i - extra] != n->shape[i])
            axes[count++] = i;
    }
    if (count) {
        const kaon_attr attrs[] = {kaon_attr_ints("axes", count, axes),
                                   kaon_attr_int("keep", extra == 0)};
        a = g->api->apply(g, "reduce_sum", 1, &a, 2, attrs);
    }
    return kn_reshape_like(g, a, like);
}

kaon_node *kn_apply_like(kaon_graph *g, const kn_use *use, const char *op, int32_t count,
                         kaon_node *const *inputs, const kn_node *shape)
{
    kaon_attr attrs[16];
    int32_t n = 0;
    for (int32_t i = 0; i < use->attr_count && n < 15; i++) {
        if (strcmp(use->attrs[i].name, "shape"))
            attrs[n++] = use->attrs[i];
    }
    if (shape)
        attrs[n++] = kaon_attr_ints("shape", shape->rank, shape->shape);
    return g->api->apply(g, op, count, inputs, n, attrs);
}

kaon_node *kn_op_axis(kaon_graph *g, const char *op, kaon_node *a, int64_t axis)
{
    const kaon_attr along = kaon_attr_int("axis", axis);
    return g->api->apply(g, op, 1, &a, 1, &along);
}

kaon_node *kn_matrix_transpose(kaon_graph *g, kaon_node *a)
{
    const int32_t rank = kaon_rank(a);
    int64_t axes[KAON_MAX_RANK];
    if (rank < 2)
        return NULL;
    for (int32_t i = 0; i < rank; i++)
        axes[i] = i;
    axes[rank - 2] = rank - 1;
    axes[rank - 1] = rank - 2;
    return kaon_transpose(g, a, rank, axes);
}

kaon_node *kn_iota(kaon_graph *g, int32_t rank, const int64_t *shape, int32_t axis)
{
    const kaon_attr attrs[] = {kaon_attr_ints("shape", rank, shape), kaon_attr_int("axis", axis)};
    return g->api->apply(g, "iota", 0, NULL, 2, attrs);
}

/* --- linear rules ----------------------------------------------------------------------------- */

static kaon_node *again(const kn_derivation *d, kaon_node *const *inputs)
{
    return d->g->api->apply(d->g, d->use->name, d->use->input_count, inputs, d->use->attr_count,
                            d->use->attrs);
}

// Room for the inputs of the use; the kernel's own ops other than concat have at most three.
static kaon_node **input_list(const kn_derivation *d)
{
    kaon_node **inputs = kn_alloc_array((size_t)d->use->input_count, sizeof *inputs);
    if (!inputs)
        kn_graph_no_memory(kn_graph_of(d->g));
    return inputs;
}

void kn_forward_together(const kn_derivation *d)
{
    kaon_node **inputs = input_list(d);
    if (!inputs)
        return;
    for (int32_t i = 0; i < d->use->input_count; i++) {
        kaon_node *in = kn_in(d->use, i);
        inputs[i] = d->from[i]                            ? d->from[i]
                    : kaon_dtype_is_float(kaon_dtype(in)) ? kn_filled(d->g, in, 0)
                                                          : in;
    }
    d->to[0] = again(d, inputs);
    kn_free(inputs);
}

void kn_forward_each(const kn_derivation *d)
{
    kaon_node **inputs = input_list(d);
    if (!inputs)
        return;
    for (int32_t i = 0; i < d->use->input_count; i++)
        inputs[i] = kn_in(d->use, i);
    for (int32_t i = 0; i < d->use->input_count; i++) {
        if (!d->from[i])
            continue;
        inputs[i] = d->from[i];
        d->to[0] = kn_plus(d->g, d->to[0], again(d, inputs));
        inputs[i] = kn_in(d->use, i);
    }
    kn_free(inputs);
}

void kn_reverse_cast(const kn_derivation *d)
{
    d->to[0] = kaon_cast(d->g, d->from[0], d->use->inputs[0]->dtype);
}

void kn_forward_cast(const kn_derivation *d)
{
    if (kaon_dtype_is_float(d->use->outputs[0].dtype))
        d->to[0] = kaon_cast(d->g, d->from[0], d->use->outputs[0].dtype);
}
