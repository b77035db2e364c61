/* op_rows.h: how the rows of a batch go through an operation, and the regions made of such steps.
 *
 * A row is one place along axis 0. Where the rows of an operation's output depend on the same rows
 * of its inputs only, or on things that are the same for all rows, a chain of such operations can
 * be run in tiles of rows that stay in the cache.
 */
#ifndef KN_OP_ROWS_H
#define KN_OP_ROWS_H

// How rows of the outputs depend on rows of the inputs: field `rows` of a kn_op. Elementwise
// operations, `cast`, the reductions and the shape moves are known to the compiler: they say NONE.
enum {
    KN_ROWS_NONE = 0,  // rows mix, or nothing is known
    KN_ROWS_EACH = 1,  // each output row from the same row of every input
    KN_ROWS_FIRST = 2, // from the same row of input 0; the other inputs are the same for all rows
                       // (conv: a by rows, w whole)
    KN_ROWS_AXIS = 3, // as EACH, where attribute `axis` is not 0 (sort, cumsum, concat, take_along)
    KN_ROWS_GATHER = 4, // gather: along axis 0 indices by rows, table whole
    KN_ROWS_MATMUL = 5, // a by rows, b whole; or both by rows where they have leading axes
    KN_ROWS_TOTAL = 6,  // the output is a sum over the rows of both inputs (conv_grad_weight)
    KN_ROWS_MATRIX = 7, // as EACH, where every input has more than two axes (linear algebra)
    KN_ROWS_RANDOM = 8  // no inputs; elements are numbered, so that a tile can draw its own
};

#endif
