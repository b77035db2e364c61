/* composite.h: operations that plugins add: uses of "kaon.op/1" items in a graph. */
#ifndef KN_COMPOSITE_H
#define KN_COMPOSITE_H

#include "graph/graph.h"

/* A use of the item called `name`, or a refusal that names the nearest. */
kn_use *kn_composite_apply(kn_graph *g, const char *name, int32_t count, kn_node *const *inputs,
                           int32_t attr_count, const kaon_attr *attrs);

// What a composite is given at one use. `name` and `op` live as long as the process.
typedef struct kn_composite_spec {
    const char *name;
    const kaon_op *op;
    int32_t attr_count;
    const kaon_attr *attrs;
} kn_composite_spec;

/* A use of an op whose table is at hand. Attributes are checked against its options, shapes found
 * by building the decomposition in a graph of its own. */
kn_use *kn_composite_use(kn_graph *g, const kn_composite_spec *spec, int32_t count,
                         kn_node *const *inputs);
kn_use *kn_composite_copy(kn_graph *to, const kn_use *use, kn_node *const *inputs);

/* Builds the op from others: into `to`, on `inputs`; `outputs` get what stands for its outputs. */
kaon_status kn_composite_expand(kn_graph *to, const kn_use *use, kn_node *const *inputs,
                                kn_node **outputs);

/* Derivatives: the op's own, or those of its decomposition. */
void kn_composite_reverse(const kn_derivation *d);
void kn_composite_forward(const kn_derivation *d);

/* The settings made for the composites of a graph; takes NULL. */
struct kn_composites;
void kn_composites_free(struct kn_composites *composites);

#endif
