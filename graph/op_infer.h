/* op_infer.h: types and shapes of what operations give; one function per kind of row of op_table.c.
 */
#ifndef KN_OP_INFER_H
#define KN_OP_INFER_H

#include "graph/graph.h"

typedef kaon_status kn_infer(kn_graph *g, kn_use *use, kaon_diag *diag);

kn_infer kn_infer_same;  // elementwise, by the result column of elementwise.h
kn_infer kn_infer_float; //
kn_infer kn_infer_bool;  //
kn_infer kn_infer_cast;
kn_infer kn_infer_identity;
kn_infer kn_infer_reduce;
kn_infer kn_infer_arg;
kn_infer kn_infer_cumulative;
kn_infer kn_infer_sort;
kn_infer kn_infer_argsort;
kn_infer kn_infer_reshape;
kn_infer kn_infer_broadcast;
kn_infer kn_infer_transpose;
kn_infer kn_infer_slice;
kn_infer kn_infer_pad;
kn_infer kn_infer_concat;
kn_infer kn_infer_reverse;
kn_infer kn_infer_iota;
kn_infer kn_infer_gather;
kn_infer kn_infer_scatter_add;
kn_infer kn_infer_take_along;
kn_infer kn_infer_put_along_add;
kn_infer kn_infer_matmul;
kn_infer kn_infer_conv;
kn_infer kn_infer_conv_grad_input;
kn_infer kn_infer_conv_grad_weight;
kn_infer kn_infer_pool;
kn_infer kn_infer_pool_max_grad;
kn_infer kn_infer_pool_sum_grad;
kn_infer kn_infer_random_bits;
kn_infer kn_infer_random_uniform;
kn_infer kn_infer_cholesky;
kn_infer kn_infer_triangular_solve;
kn_infer kn_infer_solve;
kn_infer kn_infer_slogdet;
kn_infer kn_infer_qr;
kn_infer kn_infer_eigh;
kn_infer kn_infer_svd;

/* --- shared by them --------------------------------------------------------------------------- */

/* Output `index` gets its type. */
void kn_set_output(kn_use *use, int32_t index, int32_t dtype, int32_t rank, const int64_t *shape);

/* Attribute "axis" as an axis of `rank`, made not negative. */
kaon_status kn_infer_axis(kn_use *use, int32_t rank, int32_t *axis, kaon_diag *diag);

/* The shape `a` and `b` broadcast to, as NumPy does; 0 if they do not. */
int32_t kn_broadcast_shapes(int32_t a_rank, const int64_t *a, int32_t b_rank, const int64_t *b,
                            int32_t *rank, int64_t *shape);

int32_t kn_dtype_is_integer(int32_t dtype); // no bool

/* Refuses what is not f32, f64, f16, bf16. */
kaon_status kn_need_float(const kn_node *node, kaon_diag *diag);
kaon_status kn_need_same_dtype(const kn_use *use, int32_t a, int32_t b, kaon_diag *diag);

#endif
