/* op_attr.h: attributes of primitives: checked against the rules of the op, complete, in order. */
#ifndef KN_OP_ATTR_H
#define KN_OP_ATTR_H

#include "graph/graph.h"

/* Gives the use every attribute its op takes, from `attrs` or by default; refuses others. The words
 * carry the op's name. */
kaon_status kn_attrs_fill(kn_graph *g, kn_use *use, int32_t attr_count, const kaon_attr *attrs);

/* Replaces the value of an attribute the use has. */
void kn_attr_set(kn_use *use, const char *name, int64_t value);
kaon_status kn_attr_set_ints(kn_graph *g, kn_use *use, const char *name, int64_t count,
                             const int64_t *values);

/* 1 if both uses have equal attributes. */
int32_t kn_attrs_same(const kn_use *a, const kn_use *b);

#endif
