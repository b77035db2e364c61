/* simplify_pass.h: shared by the parts of kn_simplify: simplify.c, simplify_rules.c, fold.c. */
#ifndef KN_SIMPLIFY_PASS_H
#define KN_SIMPLIFY_PASS_H

#include "graph/graph.h"

/* One graph, or one body, on its way into another. */
typedef struct kn_pass {
    const kn_graph *from;
    kn_graph *to;
    uint8_t *live;      // by node id of `from`
    int32_t *readers;   // by node id of `from`: live uses, results and updates that read it
    kn_node **map;      // by node id of `from`
    kn_use **table;     // uses of `to` by what they compute; open addressing
    int32_t table_room; // a power of two
    int64_t *changes;   // rules applied in this round, bodies included
} kn_pass;

/* What a use amounts to on these inputs of `to`, by an identity or by arithmetic on constants;
 * NULL: nothing simpler. May replace entries of `inputs` by equivalent ones. */
kn_node *kn_simpler(kn_pass *p, const kn_use *use, kn_node **inputs);

/* A constant, if the use is an elementwise operation on small constants, or a short iota. */
kn_node *kn_fold(kn_graph *to, const kn_use *use, kn_node *const *inputs);

/* A use of `to` that does the same as `use` on these inputs; NULL: none yet. */
kn_use *kn_pass_find(const kn_pass *p, const kn_op *op, const kn_use *use, kn_node *const *inputs);

#endif
