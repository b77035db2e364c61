/* cases.h: small problems that between them use every primitive: the tests of derivatives and of
 * backends walk them.
 */
#ifndef KR_CASES_H
#define KR_CASES_H

#include "graph/graph.h"

enum { KR_INPUTS = 3, KR_COUNT = 256 }; // most inputs, most elements of one

typedef kaon_node *kr_builder(kaon_graph *g, kaon_node **in);

typedef struct kr_shape {
    int32_t rank;
    int64_t size[4];
} kr_shape;

/* An output built from inputs of the graph's float type with numbers between low and high. */
typedef struct kr_case {
    const char *name;
    kr_builder *build; // NULL: the elementwise operation of that name
    int32_t count;
    kr_shape shapes[KR_INPUTS];
    double low, high;
} kr_case;

extern const kr_case kr_cases[];
extern const int32_t kr_case_count;

enum { KR_ELEMENTWISE_SHAPES = 5 }; // equal, broadcast both ways, scalars, empty

/* The elementwise operation `op` on the `which`-th set of shapes, with inputs where it is smooth.
 */
kr_case kr_elementwise_case(const kn_op *op, int32_t which);

kaon_node *kr_build(const kr_case *c, kaon_graph *g, kaon_node **in);

/* Numbers in [-1, 1) of the shape of `like`, as a constant. */
kaon_node *kr_constant(kaon_graph *g, const kaon_node *like, uint64_t seed);

#endif
