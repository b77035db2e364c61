/* op_derivative.h: derivative rules of primitives, one per kind of row of op_table.c, and what they
 * are written with.
 */
#ifndef KN_OP_DERIVATIVE_H
#define KN_OP_DERIVATIVE_H

#include "graph/graph.h"

// Forward rules that need no more than the op itself: what is linear in all its float inputs
// together (concat), and what is linear in each of them (matmul).
kn_derivative kn_forward_together;
kn_derivative kn_forward_each;

kn_derivative kn_reverse_elementwise, kn_forward_elementwise;
kn_derivative kn_reverse_cast, kn_forward_cast;
kn_derivative kn_reverse_sum;
kn_derivative kn_reverse_prod, kn_forward_prod;
kn_derivative kn_reverse_extreme, kn_forward_extreme;
kn_derivative kn_reverse_cumsum;
kn_derivative kn_reverse_cumprod, kn_forward_cumprod;
kn_derivative kn_reverse_cummax, kn_forward_cummax;
kn_derivative kn_reverse_sort, kn_forward_sort;
kn_derivative kn_reverse_reshape, kn_reverse_broadcast, kn_reverse_transpose, kn_reverse_slice;
kn_derivative kn_reverse_pad, kn_reverse_concat, kn_reverse_reverse;
kn_derivative kn_reverse_gather, kn_reverse_scatter_add;
kn_derivative kn_reverse_take_along, kn_reverse_put_along_add;
kn_derivative kn_reverse_matmul;
kn_derivative kn_reverse_conv, kn_reverse_conv_grad_input, kn_reverse_conv_grad_weight;
kn_derivative kn_reverse_pool_max, kn_forward_pool_max;
kn_derivative kn_reverse_pool_max_grad, kn_forward_pool_max_grad;
kn_derivative kn_reverse_pool_sum, kn_reverse_pool_sum_grad;
kn_derivative kn_reverse_cholesky, kn_forward_cholesky;
kn_derivative kn_reverse_triangular_solve, kn_forward_triangular_solve;
kn_derivative kn_reverse_solve, kn_forward_solve;
kn_derivative kn_reverse_slogdet, kn_forward_slogdet;
kn_derivative kn_reverse_qr, kn_forward_qr;
kn_derivative kn_reverse_eigh, kn_forward_eigh;
kn_derivative kn_reverse_svd, kn_forward_svd;

/* --- what rules are written with; all take and give NULL once the graph has refused ------------
 */

/* A scalar constant, directly of its type. */
kaon_node *kn_scalar(kaon_graph *g, int32_t dtype, double value);

/* A constant of the type of `like`, broadcast to its shape. */
kaon_node *kn_filled(kaon_graph *g, const kaon_node *like, double value);

/* A scalar constant of any type, cast or broadcast: 1 and its value; 0: none. */
int32_t kn_scalar_value(const kn_node *node, double *value);

/* a + b, where NULL is zero. */
kaon_node *kn_plus(kaon_graph *g, kaon_node *a, kaon_node *b);

/* Sums over the axes along which `like` was broadcast, so that the result has its shape. */
kaon_node *kn_sum_to(kaon_graph *g, kaon_node *a, const kn_node *like);

/* Reshaped or broadcast to the shape of `like`; itself if it has it. */
kaon_node *kn_reshape_like(kaon_graph *g, kaon_node *a, const kn_node *like);
kaon_node *kn_broadcast_like(kaon_graph *g, kaon_node *a, const kn_node *like);

/* Another operation with the attributes of this use: "shape" is that of `shape`, or left out where
 * that is NULL. */
kaon_node *kn_apply_like(kaon_graph *g, const kn_use *use, const char *op, int32_t count,
                         kaon_node *const *inputs, const kn_node *shape);

/* An operation with one whole-number attribute. */
kaon_node *kn_op_axis(kaon_graph *g, const char *op, kaon_node *a, int64_t axis);

/* The last two axes swapped. */
kaon_node *kn_matrix_transpose(kaon_graph *g, kaon_node *a);

/* The index along `axis` of a tensor of this shape, i64. */
kaon_node *kn_iota(kaon_graph *g, int32_t rank, const int64_t *shape, int32_t axis);

#endif
