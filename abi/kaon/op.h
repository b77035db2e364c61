/* op.h: operations. The primitives every backend knows, and interface "kaon.op/1" for more.
 *
 * A primitive has kernels in every backend and a derivative rule in the kernel. A composite, which
 * any plugin may add, is a function that builds it from others; it differentiates by itself and runs
 * everywhere; it may add a derivative, a shape rule and kernels where they pay.
 *
 * The elementwise primitives stand in elementwise.h. The others, with their attributes:
 *
 *   cast              a; dtype                         float to integer toward zero
 *   stop_gradient     a                                a, without a derivative
 *   reduce_sum        a; axes, keep                    no axes: all. keep 1: axes stay with size 1
 *   reduce_prod, reduce_max, reduce_min                the same; empty: 1, -inf / lowest, +inf / highest
 *   argmax, argmin    a; axis                          i64, the first of equals; axis disappears
 *   cumsum, cumprod, cummax  a; axis, reverse, exclusive
 *   sort, argsort     a; axis, descending              stable; NaN last; argsort gives i64
 *   reshape           a; shape                         one entry may be -1
 *   broadcast         a; shape                         NumPy's rule
 *   transpose         a; axes                          axes[i] of a becomes axis i
 *   slice             a; axis, start, stop, step       step > 0; negative start, stop from the end
 *   pad               a, value; axis, low, high        value: scalar of a's dtype
 *   concat            a, b, ...; axis
 *   reverse           a; axis
 *   iota              ; shape, axis, dtype             the index along axis
 *   gather            a, indices; axis                 indices replace the axis; out of range: clamped
 *   scatter_add       a, indices, updates; axis        adjoint of gather: a plus updates, summed in
 *                                                      order of index; out of range: dropped
 *   take_along        a, indices; axis                 indices of a's rank, as NumPy's take_along_axis
 *   put_along_add     a, indices, updates; axis        its adjoint
 *   matmul            a, b                             (.., m, k) (.., k, n), leading axes broadcast
 *   conv              a, w; stride, low, high, dilation, groups
 *                     a (batch, in, x..), w (out, in / groups, k..): 1 to 3 spatial axes, lists of
 *                     as many numbers; low and high pad with zeros
 *   conv_grad_input   dy, w; same, shape (of a)
 *   conv_grad_weight  a, dy; same, shape (of w)
 *   pool_max, pool_sum  a; window, stride, low, high   over trailing len(window) axes
 *   pool_max_grad     a, dy; same                      to the first maximum
 *   pool_sum_grad     dy; same, shape (of a)
 *   random_bits       ; shape, stream                  u32 words of Philox, see random.h
 *   random_uniform    ; shape, stream                  [0, 1) of the graph's float type
 *   cholesky          a                                lower L, a = L L^T; reads the lower triangle;
 *                                                      NaN where a is not positive definite
 *   triangular_solve  a, b; lower, transpose, unit     x with a x = b (a^T x = b)
 *   solve             a, b                             x with a x = b, by LU; NaN if singular
 *   slogdet           a                                two outputs: sign, log |det a|
 *   qr                a                                two: q (.., m, k), r (.., k, n), k = min(m, n),
 *                                                      diagonal of r not negative
 *   eigh              a                                two: values ascending, vectors in columns
 *   svd               a                                three: u, s descending, v^T; thin
 *   scan, cond                                         built by graph.h's own calls
 * axis, shape, window and the dtype of cast must be given. Others left out: stride, step, dilation,
 * groups and lower are 1, the stride of pooling is its window, axes of transpose reverse all, dtype of
 * iota is i64, the rest is 0. A list may be given as one number, which then
 * holds for every axis. A backend sees every attribute of its row, in one form: axes not negative,
 * lists of full length, shapes without -1, slices from start to stop inside the tensor.
 *
 * Derivatives where there is none: at a tie max and min pass it to the second input, reduce_max and
 * reduce_min share it, cummax takes the last, pool_max the first; abs, sign, floor, ceil, round and
 * whatever gives integers or bool have 0. cholesky and eigh read the lower triangle, and have their
 * gradient there.
 *
 * The linear algebra works on the last two axes and takes any leading ones. Random operations draw
 * word i of element i from counter (i / 4, stream, run) under the run's seed (program.h): counter words
 * 0 and 1 are i / 4 as 64 bits, 2 is the stream, 3 the run; an element of f64 takes words 2 i (high) and
 * 2 i + 1. Elements count through the whole batch, whatever the tile.
 */
#ifndef KAON_OP_H
#define KAON_OP_H

#include <kaon/graph.h>
#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_OP "kaon.op/1"

enum { KAON_OP_MAX_OUTPUTS = 4 };

// A use of an operation: what its callbacks see.
typedef struct kaon_call {
    uint32_t size;
    int32_t input_count;
    kaon_node *const *inputs;
    const void *settings; // the attributes, checked against the op's options
} kaon_call;

typedef struct kaon_code kaon_code;

typedef struct kaon_op {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options; // its attributes
    const char *help;
    int32_t min_inputs;
    int32_t max_inputs;
    int32_t output_count; // at most KAON_OP_MAX_OUTPUTS
    uint32_t code_count;
    // Builds the outputs from other operations. Mandatory: it is the meaning of the op. [instance]
    void (*decompose)(kaon_graph *g, const kaon_call *call, kaon_node **outputs);
    // Gradients of the inputs from those of the outputs (NULL where there is none). Absent: the
    // decomposition is differentiated. `outputs` are the op's own values. [instance]
    void (*derivative)(kaon_graph *g, const kaon_call *call, kaon_node *const *outputs,
                       kaon_node *const *output_grads, kaon_node **input_grads);
    // Fast paths; the first whose needs are met is used (backend.h). `code_stride` is its step.
    const kaon_code *codes;
    uint32_t code_stride;
    uint32_t reserved;
} kaon_op;

#ifdef __cplusplus
}
#endif
#endif
