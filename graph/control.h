/* control.h: scan and cond: bodies, what they capture, their derivatives. */
#ifndef KN_CONTROL_H
#define KN_CONTROL_H

#include "graph/graph.h"

/* The calls of graph.h. */
kaon_status kn_scan(kaon_graph *g, kaon_body *body, void *context, int32_t carry_count,
                    kaon_node *const *carry, int32_t x_count, kaon_node *const *xs, int64_t length,
                    int32_t y_count, kaon_node **results);
kaon_status kn_cond(kaon_graph *g, kaon_node *predicate, kaon_body *then_body, kaon_body *else_body,
                    void *context, int32_t in_count, kaon_node *const *in, int32_t out_count,
                    kaon_node **results);

/* A scan in the making. Nodes of `outer`. */
typedef struct kn_scan_spec {
    kn_graph *outer;
    int64_t length;
    int32_t carry_count;
    int32_t x_count;
    kn_node **inputs; // carries, then xs
} kn_scan_spec;

/* The body to build in; its `inputs` are the carries and slices. NULL: refused. */
kn_graph *kn_scan_begin(const kn_scan_spec *spec);

/* Ends it: `results` are the next carries, then what is stacked, exactly. NULL: refused. */
kn_use *kn_scan_end(kn_graph *body, const kn_scan_spec *spec, int32_t result_count,
                    kn_node *const *results);

/* A branch on `ins`, and the cond of two; `results` are `count` of each branch. NULL: refused. */
kn_graph *kn_branch_begin(kn_graph *outer, int32_t in_count, kn_node *const *ins);
kn_use *kn_cond_end(kn_node *predicate, int32_t in_count, kn_node *const *ins,
                    kn_graph *const branches[2], int32_t count, kn_node *const *const results[2]);

/* A node of a graph outside as the body sees it. NULL: refused. */
kn_node *kn_body_capture(kn_graph *body, kn_node *node);

/* Moves the random operation just made in a body outside: the body gets its numbers, in a scan
 * those of the step. NULL: refused. */
kn_use *kn_body_hoist(kn_graph *body, kn_use *use);

/* A scan or cond with its bodies in another graph. NULL: refused. */
kn_use *kn_control_copy(kn_graph *to, const kn_use *use, kn_node *const *inputs);

kn_derivative kn_scan_reverse, kn_scan_forward, kn_cond_reverse, kn_cond_forward;

#endif
