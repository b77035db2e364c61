/* reference.h: graphs evaluated by plain loops in double: the oracle for backends and derivatives.
 *
 * Every primitive is here in its shortest form, one loop over the output where that is possible.
 * Integers are doubles that wrap around as their type does; 64-bit ones are exact up to 2^53.
 */
#ifndef KR_REFERENCE_H
#define KR_REFERENCE_H

#include "graph/graph.h"

typedef struct kr_run kr_run;

/* Evaluates the whole graph. `inputs` and `variables` in the order the graph made them, row-major.
 * Variables without a value (NULL, or the list is NULL) are zero. */
kr_run *kr_evaluate(const kn_graph *g, const double *const *inputs, const double *const *variables,
                    uint64_t seed, uint64_t number);

/* The value of a node; lives as long as the run. */
const double *kr_at(const kr_run *run, const kaon_node *node);

void kr_free(kr_run *run); // takes NULL

/* --- used inside ------------------------------------------------------------------------------ */

/* One use: outputs from inputs; all arrays are there. */
void kr_linear_algebra(const kn_use *use, const double *const *in, double *const *out);
int kr_is_linear_algebra(const char *op);

#endif
