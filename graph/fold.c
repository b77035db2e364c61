/* fold.c: arithmetic on small constants, in double, rounded once to the constant's type. */
#include <math.h>

#include "kernel/element.h"
#include "graph/op_infer.h"
#include "graph/simplify_pass.h"

enum { SMALL = 64 }; // elements of a constant that is computed here

static double rounded_half_even(double a)
{
    const double r = round(a);
    return fabs(a - trunc(a)) == 0.5 ? 2 * round(a / 2) : r;
}

static double fold_one(int32_t op, double a, int32_t *known)
{
    switch (op) {
    case KAON_X_NEG:
        return -a;
    case KAON_X_ABS:
        return fabs(a);
    case KAON_X_SIGN:
        return isnan(a) ? a : (a > 0) - (a < 0);
    case KAON_X_FLOOR:
        return floor(a);
    case KAON_X_CEIL:
        return ceil(a);
    case KAON_X_ROUND:
        return rounded_half_even(a);
    case KAON_X_EXP:
        return exp(a);
    case KAON_X_LOG:
        return log(a);
    case KAON_X_SQRT:
        return sqrt(a);
    case KAON_X_RSQRT:
        return 1 / sqrt(a);
    case KAON_X_CAST:
        return a;
    default:
        *known = 0;
        return 0;
    }
}

static double fold_two(int32_t op, double a, double b, int32_t *known)
{
    switch (op) {
    case KAON_X_ADD:
        return a + b;
    case KAON_X_SUB:
        return a - b;
    case KAON_X_MUL:
        return a * b;
    case KAON_X_DIV:
        return a / b;
    case KAON_X_POW:
        return pow(a, b);
    case KAON_X_MIN:
        return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
    case KAON_X_MAX:
        return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
    case KAON_X_EQ:
        return a == b;
    case KAON_X_NE:
        return a != b;
    case KAON_X_LT:
        return a < b;
    case KAON_X_LE:
        return a <= b;
    case KAON_X_GT:
        return a > b;
    case KAON_X_GE:
        return a >= b;
    default:
        *known = 0;
        return 0;
    }
}

// The element of a broadcast input that belongs to element `index` of the output.
static double element(const kn_node *in, const kn_node *out, int64_t index)
{
    int64_t offset = 0, stride = 1;
    for (int32_t i = out->rank - 1; i >= 0; i--) {
        const int32_t axis = i - (out->rank - in->rank);
        const int64_t at = index % out->shape[i];
        index /= out->shape[i];
        if (axis < 0)
            continue;
        offset += in->shape[axis] == 1 ? 0 : at * stride;
        stride *= in->shape[axis];
    }
    return kn_element_get(in->dtype, in->use->data, offset);
}

// Integers must come out exactly: they wrap around, doubles do not.
static int32_t is_exact(const kn_node *out, const void *data, int64_t index, double value)
{
    if (kaon_dtype_is_float(out->dtype) || out->dtype == KAON_BOOL)
        return 1;
    return fabs(value) < 0x1p53 && kn_element_get(out->dtype, data, index) == value;
}

static int32_t can_fold(const kn_use *use, kn_node *const *inputs)
{
    const int32_t op = use->op->elementwise;
    if (!op || use->input_count > 2 || kn_node_count(&use->outputs[0]) > SMALL)
        return 0;
    for (int32_t i = 0; i < use->input_count; i++) {
        const kn_node *in = inputs[i];
        const int32_t whole = !kaon_dtype_is_float(in->dtype) && in->dtype != KAON_BOOL;
        if (in->use->kind != KN_USE_CONST || (whole && op == KAON_X_DIV))
            return 0;
        for (int64_t k = 0; whole && k < kn_node_count(in); k++) {
            if (fabs(kn_element_get(in->dtype, in->use->data, k)) >= 0x1p53)
                return 0;
        }
    }
    return 1;
}

// The index along an axis, as a constant.
static kn_node *fold_iota(kn_graph *to, const kn_use *use)
{
    const kn_node *out = &use->outputs[0];
    const int64_t axis = kn_attr_int(use, "axis", 0);
    int64_t after = 1;
    uint64_t data[SMALL];
    if (kn_node_count(out) > SMALL)
        return NULL;
    for (int32_t i = out->rank - 1; i > axis; i--)
        after *= out->shape[i];
    for (int64_t i = 0; i < kn_node_count(out); i++) {
        const double value = (double)(i / after % out->shape[axis]);
        kn_element_put(out->dtype, data, i, value);
        if (kn_element_get(out->dtype, data, i) != value)
            return NULL;
    }
    return kn_constant(to, out->dtype, out->rank, out->shape, data);
}

kn_node *kn_fold(kn_graph *to, const kn_use *use, kn_node *const *inputs)
{
    const kn_node *out = &use->outputs[0];
    uint64_t data[SMALL];
    if (use->op->infer == kn_infer_iota)
        return fold_iota(to, use);
    if (!can_fold(use, inputs))
        return NULL;
    for (int64_t i = 0; i < kn_node_count(out); i++) {
        int32_t known = 1;
        const double a = element(inputs[0], out, i);
        const double b = use->input_count > 1 ? element(inputs[1], out, i) : 0;
        const int32_t op = use->op->elementwise;
        const double value =
            use->input_count > 1 ? fold_two(op, a, b, &known) : fold_one(op, a, &known);
        kn_element_put(out->dtype, data, i, value);
        if (!known || !is_exact(out, data, i, value))
            return NULL;
    }
    return kn_constant(to, out->dtype, out->rank, out->shape, data);
}
