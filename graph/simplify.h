/* simplify.h: the same graph with fewer nodes. */
#ifndef KN_SIMPLIFY_H
#define KN_SIMPLIFY_H

#include "graph/graph.h"

/* Makes in *out a graph that gives the same `outputs` and updates from the same inputs and
 * variables, which are all kept, in order, whether they are read or not. `new_outputs` get what
 * stands for the outputs there. Done on the way:
 *   - what no output and no update needs is left out, also stacked outputs and captures of scans;
 *   - uses that compute the same become one (random operations have a stream each);
 *   - arithmetic on small constants is done;
 *   - identities that hold for every number, NaN included: x + 0 and x * 1 and their kin, casts,
 *     reshapes, transposes, broadcasts and slices of each other; broadcasts before elementwise
 *     operations, stop_gradient.
 * The old graph stays as it is and may be freed. On failure *out is NULL. */
kaon_status kn_simplify(kn_graph *from, int32_t output_count, kn_node *const *outputs,
                        kn_graph **out, kn_node **new_outputs, kaon_diag *diag);

#endif
