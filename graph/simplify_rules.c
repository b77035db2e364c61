/* simplify_rules.c: identities. Each holds for every number, NaN and infinities included; what
 * would change a rounding is not here, but for small whole powers, which become products.
 */
#include <math.h>
#include <string.h>

#include "graph/op_attr.h"
#include "graph/op_derivative.h"
#include "graph/op_infer.h"
#include "graph/simplify_pass.h"

static kaon_node *base(kn_node *node)
{
    return kn_out(node->use, node->index);
}

static kn_node *kernel_node(kaon_node *node)
{
    return node ? kn_node_of(node) : NULL;
}

static int32_t is_use(const kn_node *node, const char *op)
{
    return node->use->op && !strcmp(node->use->name, op);
}

static int32_t is_elementwise(const kn_node *node, int32_t op)
{
    return node->use->op && node->use->op->elementwise == op;
}

static int32_t is_value(const kn_node *node, double value)
{
    double found;
    return kn_scalar_value(node, &found) && found == value;
}

// `node`, if it may stand for the output of the use as it is.
static kn_node *if_fits(const kn_use *use, kn_node *node)
{
    return kn_same_type(node, &use->outputs[0]) ? node : NULL;
}

/* --- elementwise ------------------------------------------------------------------------------ */

// Elementwise operations broadcast by themselves: a broadcast before one is left out where another
// input keeps the shape.
static void drop_broadcasts(kn_pass *p, const kn_use *use, kn_node **inputs)
{
    const kn_node *out = &use->outputs[0];
    for (int32_t i = 0; i < use->input_count; i++) {
        if (!is_use(inputs[i], "broadcast"))
            continue;
        kn_node *was = inputs[i];
        int64_t shape[KAON_MAX_RANK];
        int32_t rank = 0;
        inputs[i] = was->use->inputs[0];
        for (int32_t k = 0; k < use->input_count; k++) {
            int64_t so_far[KAON_MAX_RANK];
            const int32_t rank_so_far = rank;
            memcpy(so_far, shape, sizeof so_far);
            kn_broadcast_shapes(rank_so_far, so_far, inputs[k]->rank, inputs[k]->shape, &rank,
                                shape);
        }
        if (rank != out->rank || memcmp(shape, out->shape, (size_t)rank * sizeof *shape))
            inputs[i] = was;
        *p->changes += inputs[i] != was;
    }
}

static kn_node *rule_add(kn_pass *p, const kn_use *use, kn_node **in)
{
    kaon_graph *g = &p->to->base;
    if (is_value(in[1], 0) && if_fits(use, in[0]))
        return in[0];
    if (is_value(in[0], 0) && if_fits(use, in[1]))
        return in[1];
    if (is_elementwise(in[1], KAON_X_NEG))
        return kernel_node(kaon_sub(g, base(in[0]), kn_in(in[1]->use, 0)));
    if (is_elementwise(in[0], KAON_X_NEG))
        return kernel_node(kaon_sub(g, base(in[1]), kn_in(in[0]->use, 0)));
    return NULL;
}

static kn_node *rule_sub(kn_pass *p, const kn_use *use, kn_node **in)
{
    if (is_value(in[1], 0) && if_fits(use, in[0]))
        return in[0];
    if (is_elementwise(in[1], KAON_X_NEG))
        return kernel_node(kaon_add(&p->to->base, base(in[0]), kn_in(in[1]->use, 0)));
    return NULL;
}

static kn_node *rule_mul(kn_pass *p, const kn_use *use, kn_node **in)
{
    for (int32_t i = 0; i < 2; i++) {
        kn_node *other = if_fits(use, in[1 - i]);
        if (!other)
            continue;
        if (is_value(in[i], 1))
            return other;
        if (is_value(in[i], -1) && kaon_dtype_is_float(other->dtype))
            return kernel_node(kaon_neg(&p->to->base, base(other)));
    }
    return NULL;
}

// Division by a power of two is a multiplication, exactly.
static kn_node *rule_div(kn_pass *p, const kn_use *use, kn_node **in)
{
    double divisor;
    int exponent;
    if (!kn_scalar_value(in[1], &divisor) || !if_fits(use, in[0]))
        return NULL;
    if (divisor == 1)
        return in[0];
    if (!kaon_dtype_is_float(in[0]->dtype) || fabs(frexp(divisor, &exponent)) != 0.5 ||
        exponent < -12 || exponent > 12)
        return NULL;
    return kernel_node(kaon_scale(&p->to->base, base(in[0]), 1 / divisor));
}

static kn_node *rule_pow(kn_pass *p, const kn_use *use, kn_node **in)
{
    kaon_graph *g = &p->to->base;
    double power;
    if (!kn_scalar_value(in[1], &power) || !if_fits(use, in[0]))
        return NULL;
    kaon_node *a = base(in[0]);
    if (power == 1)
        return in[0];
    if (power == 2)
        return kernel_node(kaon_square(g, a));
    if (power == 3)
        return kernel_node(kaon_mul(g, kaon_square(g, a), a));
    if (power == -1)
        return kernel_node(kaon_div(g, kn_scalar(g, in[0]->dtype, 1), a));
    return NULL;
}

// Of itself twice; and where the same comparison could read the greater of both, it reads that, so
// that what was compared need not be kept: a > b exactly where max(a, b) > b.
static kn_node *rule_extreme(kn_pass *p, const kn_use *use, kn_node **in)
{
    (void)p;
    return in[0] == in[1] ? if_fits(use, in[0]) : NULL;
}

static kn_node *rule_compare(kn_pass *p, const kn_use *use, kn_node **in)
{
    const int32_t greater = use->op->elementwise == KAON_X_GT;
    const kn_op *extreme = kn_op_find(greater ? "max" : "min");
    kn_node *const swapped[] = {in[1], in[0]};
    const kn_use *there = kn_pass_find(p, extreme, use, in);
    if (!there)
        there = kn_pass_find(p, extreme, use, swapped);
    if (!there || there->outputs[0].dtype != in[0]->dtype ||
        is_elementwise(in[0], extreme->elementwise))
        return NULL;
    return kernel_node(kaon_op2(&p->to->base, use->name, kn_out(there, 0), base(in[1])));
}

static kn_node *rule_undo(kn_pass *p, const kn_use *use, kn_node **in) // - - a, not not a
{
    (void)p;
    return is_elementwise(in[0], use->op->elementwise) ? in[0]->use->inputs[0] : NULL;
}

static kn_node *rule_select(kn_pass *p, const kn_use *use, kn_node **in)
{
    double choice;
    if (kn_scalar_value(in[0], &choice))
        return if_fits(use, in[choice != 0 ? 1 : 2]);
    if (in[1] == in[2])
        return if_fits(use, in[1]);
    if (is_elementwise(in[0], KAON_X_NOT))
        return kernel_node(
            kaon_select(&p->to->base, kn_in(in[0]->use, 0), base(in[2]), base(in[1])));
    return NULL;
}

// 1 if every value of `from` is one of `to`.
static int32_t widens(int32_t from, int32_t to)
{
    return (to == KAON_F64 && kaon_dtype_is_float(from)) ||
           (to == KAON_F32 && (from == KAON_F16 || from == KAON_BF16)) || from == KAON_BOOL;
}

static kn_node *rule_cast(kn_pass *p, const kn_use *use, kn_node **in)
{
    const int32_t dtype = use->outputs[0].dtype;
    if (in[0]->dtype == dtype)
        return in[0];
    if (!is_use(in[0], "cast"))
        return NULL;
    kn_node *first = in[0]->use->inputs[0];
    if (!widens(first->dtype, in[0]->dtype) || in[0]->dtype == KAON_BOOL)
        return NULL;
    return first->dtype == dtype ? first : kernel_node(kaon_cast(&p->to->base, base(first), dtype));
}

/* --- shape moves ------------------------------------------------------------------------------ */

static kn_node *rule_same(kn_pass *p, const kn_use *use,
                          kn_node **in) // stop_gradient, concat of one
{
    (void)p;
    return use->input_count == 1 ? in[0] : NULL;
}

static kn_node *rule_reshape(kn_pass *p, const kn_use *use, kn_node **in)
{
    const kn_node *out = &use->outputs[0];
    if (if_fits(use, in[0]))
        return in[0];
    if (is_use(in[0], "reshape"))
        return kernel_node(kaon_reshape(&p->to->base, kn_in(in[0]->use, 0), out->rank, out->shape));
    if (in[0]->use->kind == KN_USE_CONST && kn_node_count(out) <= 64)
        return kn_constant(p->to, out->dtype, out->rank, out->shape, in[0]->use->data);
    return NULL;
}

static kn_node *rule_broadcast(kn_pass *p, const kn_use *use, kn_node **in)
{
    const kn_node *out = &use->outputs[0];
    if (if_fits(use, in[0]))
        return in[0];
    if (is_use(in[0], "broadcast"))
        return kernel_node(
            kaon_broadcast(&p->to->base, kn_in(in[0]->use, 0), out->rank, out->shape));
    return NULL;
}

// 1 if the axes only swap the last two.
static int32_t swaps_last(const kaon_attr *axes)
{
    const int64_t rank = axes->count;
    for (int64_t i = 0; i < rank; i++) {
        const int64_t to = i == rank - 2 ? rank - 1 : i == rank - 1 ? rank - 2 : i;
        if (axes->at[i] != to)
            return 0;
    }
    return rank >= 2;
}

// (a b)^T = b^T a^T: transposes of operands are ways of looking, that of the product may be a copy.
static kn_node *turn_product(kn_pass *p, const kn_use *use, const kn_use *product)
{
    kaon_graph *g = &p->to->base;
    if (p->readers[use->inputs[0]->id] != 1 || product->inputs[0]->rank < 2 ||
        product->inputs[1]->rank < 2)
        return NULL;
    kaon_node *a = kn_matrix_transpose(g, kn_in(product, 0));
    return kernel_node(kaon_matmul(g, kn_matrix_transpose(g, kn_in(product, 1)), a));
}

static kn_node *rule_transpose(kn_pass *p, const kn_use *use, kn_node **in)
{
    const kaon_attr *axes = kn_attr_find(use, "axes");
    int64_t order[KAON_MAX_RANK];
    int32_t moves = 0;
    for (int32_t i = 0; i < in[0]->rank; i++)
        moves |= axes->at[i] != i;
    if (!moves)
        return in[0];
    if (is_use(in[0], "transpose")) {
        const kaon_attr *before = kn_attr_find(in[0]->use, "axes");
        for (int32_t i = 0; i < in[0]->rank; i++)
            order[i] = before->at[axes->at[i]];
        return kernel_node(kaon_transpose(&p->to->base, kn_in(in[0]->use, 0), in[0]->rank, order));
    }
    return is_use(in[0], "matmul") && swaps_last(axes) ? turn_product(p, use, in[0]->use) : NULL;
}

static kn_node *rule_slice(kn_pass *p, const kn_use *use, kn_node **in)
{
    const int32_t axis = (int32_t)kn_attr_int(use, "axis", 0);
    if (if_fits(use, in[0]))
        return in[0];
    const kn_use *first = in[0]->use;
    if (!is_use(in[0], "slice") || kn_attr_int(first, "axis", 0) != axis ||
        kn_attr_int(first, "step", 1) != 1 || kn_attr_int(use, "step", 1) != 1)
        return NULL;
    const int64_t offset = kn_attr_int(first, "start", 0);
    return kernel_node(kaon_slice(&p->to->base, kn_in(first, 0), axis,
                                  offset + kn_attr_int(use, "start", 0),
                                  offset + kn_attr_int(use, "stop", 0)));
}

static kn_node *rule_reverse(kn_pass *p, const kn_use *use, kn_node **in)
{
    const int64_t axis = kn_attr_int(use, "axis", 0);
    (void)p;
    if (in[0]->shape[axis] <= 1)
        return in[0];
    if (is_use(in[0], "reverse") && kn_attr_int(in[0]->use, "axis", 0) == axis)
        return in[0]->use->inputs[0];
    return NULL;
}

static kn_node *rule_pad(kn_pass *p, const kn_use *use, kn_node **in)
{
    (void)p;
    return if_fits(use, in[0]);
}

// Over axes of size 1 there is nothing to reduce.
static kn_node *rule_reduce(kn_pass *p, const kn_use *use, kn_node **in)
{
    const kn_node *out = &use->outputs[0];
    if (kn_node_count(in[0]) != kn_node_count(out) || !kn_node_count(out))
        return NULL;
    return kernel_node(kn_reshape_like(&p->to->base, base(in[0]), out));
}

/* --- which rule ------------------------------------------------------------------------------- */

static const struct {
    const char *op;
    kn_node *(*apply)(kn_pass *p, const kn_use *use, kn_node **in);
} rules[] = {
    {"add", rule_add},
    {"sub", rule_sub},
    {"mul", rule_mul},
    {"div", rule_div},
    {"pow", rule_pow},
    {"max", rule_extreme},
    {"min", rule_extreme},
    {"gt", rule_compare},
    {"lt", rule_compare},
    {"neg", rule_undo},
    {"bit_not", rule_undo},
    {"select", rule_select},
    {"cast", rule_cast},
    {"stop_gradient", rule_same},
    {"concat", rule_same},
    {"reshape", rule_reshape},
    {"broadcast", rule_broadcast},
    {"transpose", rule_transpose},
    {"slice", rule_slice},
    {"reverse", rule_reverse},
    {"pad", rule_pad},
    {"reduce_sum", rule_reduce},
    {"reduce_prod", rule_reduce},
    {"reduce_max", rule_reduce},
    {"reduce_min", rule_reduce},
};

kn_node *kn_simpler(kn_pass *p, const kn_use *use, kn_node **inputs)
{
    if (use->op->elementwise)
        drop_broadcasts(p, use, inputs);
    kn_node *folded = kn_fold(p->to, use, inputs);
    for (size_t i = 0; !folded && i < sizeof rules / sizeof rules[0]; i++) {
        if (!strcmp(rules[i].op, use->name))
            return rules[i].apply(p, use, inputs);
    }
    return folded;
}
