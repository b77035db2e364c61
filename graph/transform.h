/* transform.h: derivatives of graphs, in both modes. Both add nodes to the graph they read. */
#ifndef KN_TRANSFORM_H
#define KN_TRANSFORM_H

#include "graph/graph.h"

/* The calls of graph.h. */
kaon_status kn_gradient(kaon_graph *g, kaon_node *y, kaon_node *seed, int32_t count,
                        kaon_node *const *xs, kaon_node **grads);
kaon_status kn_tangent(kaon_graph *g, int32_t x_count, kaon_node *const *xs, kaon_node *const *dxs,
                       int32_t y_count, kaon_node *const *ys, kaon_node **dys);

/* A function inside a graph: everything between xs and ys. Uses before `first` are not looked into:
 * xs made there count as independent of each other. */
typedef struct kn_function {
    kn_graph *graph;
    int32_t first;
    int32_t x_count;
    int32_t y_count;
    kaon_node *const *xs;
    kaon_node *const *ys;
} kn_function;

/* Reverse mode from gradients of ys (NULL: zero) to gradients of xs (NULL: zero). */
kaon_status kn_backward(const kn_function *f, kaon_node *const *y_grads, kaon_node **x_grads);

/* Forward mode from tangents of xs to tangents of ys; NULL: zero. */
kaon_status kn_forward(const kn_function *f, kaon_node *const *x_tangents, kaon_node **y_tangents);

/* The nodes as `g` sees them; refuses what is missing or holds no floating-point numbers. */
kaon_status kn_see_floats(kn_graph *g, const char *what, int32_t count, kaon_node *const *nodes,
                          kaon_node **seen);

/* Marks by node id what depends on xs through floating-point numbers. `marks` is cleared before. */
void kn_mark_dependents(const kn_function *f, uint8_t *marks);

#endif
