/* softmax.c: softmax as operation, layer and loss.
 *
 * op softmax      e^x / sum e^x along an axis           both with the maximum taken off first, so
 * op log_softmax  x - log sum e^x                       that nothing overflows
 * layer softmax   (batch, ..., classes) -> same
 * loss softmax_cross_entropy  scores (batch, classes), class numbers (batch) -> -log p(class)
 */
#include <kaon/layer.h>
#include <kaon/op.h>

/* --- the operations --------------------------------------------------------------------------- */

typedef struct {
    int64_t axis;
} op_config;

static const kaon_option op_options[] = {
    KAON_INT(op_config, axis, -1, .min = -KAON_MAX_RANK, .max = KAON_MAX_RANK - 1,
             .help = "axis along which the results add up to 1"),
    {0},
};

// The shift is a constant as far as derivatives go: the result does not depend on it.
static kaon_node *shifted(kaon_graph *g, kaon_node *x, int32_t axis)
{
    kaon_node *top = kaon_reduce(g, "reduce_max", x, axis, 1);
    return kaon_sub(g, x, kaon_stop_gradient(g, top));
}

static kaon_node *sum_keep(kaon_graph *g, kaon_node *x, int32_t axis)
{
    return kaon_reduce(g, "reduce_sum", x, axis, 1);
}

static void softmax_decompose(kaon_graph *g, const kaon_call *call, kaon_node **outputs)
{
    const op_config *c = call->settings;
    kaon_node *e = kaon_exp(g, shifted(g, call->inputs[0], (int32_t)c->axis));
    outputs[0] = kaon_div(g, e, sum_keep(g, e, (int32_t)c->axis));
}

// y (dy - sum y dy)
static void softmax_derivative(kaon_graph *g, const kaon_call *call, kaon_node *const *outputs,
                               kaon_node *const *output_grads, kaon_node **input_grads)
{
    const op_config *c = call->settings;
    kaon_node *y = outputs[0], *dy = output_grads[0];
    kaon_node *mean = sum_keep(g, kaon_mul(g, y, dy), (int32_t)c->axis);
    input_grads[0] = kaon_mul(g, y, kaon_sub(g, dy, mean));
}

static void log_softmax_decompose(kaon_graph *g, const kaon_call *call, kaon_node **outputs)
{
    const op_config *c = call->settings;
    kaon_node *z = shifted(g, call->inputs[0], (int32_t)c->axis);
    kaon_node *sum = sum_keep(g, kaon_exp(g, z), (int32_t)c->axis);
    outputs[0] = kaon_sub(g, z, kaon_log(g, sum));
}

// dy - e^y sum dy
static void log_softmax_derivative(kaon_graph *g, const kaon_call *call, kaon_node *const *outputs,
                                   kaon_node *const *output_grads, kaon_node **input_grads)
{
    const op_config *c = call->settings;
    kaon_node *dy = output_grads[0];
    kaon_node *total = sum_keep(g, dy, (int32_t)c->axis);
    input_grads[0] = kaon_sub(g, dy, kaon_mul(g, kaon_exp(g, outputs[0]), total));
}

static const kaon_op softmax_op = {
    .size = sizeof softmax_op,
    .settings_size = sizeof(op_config),
    .options = op_options,
    .help = "e^x / sum e^x along an axis",
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .decompose = softmax_decompose,
    .derivative = softmax_derivative,
};

static const kaon_op log_softmax_op = {
    .size = sizeof log_softmax_op,
    .settings_size = sizeof(op_config),
    .options = op_options,
    .help = "x - log sum e^x along an axis",
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .decompose = log_softmax_decompose,
    .derivative = log_softmax_derivative,
};

/* --- the layer -------------------------------------------------------------------------------- */

static kaon_node *softmax_build(kaon_graph *g, const void *settings, kaon_node *in)
{
    (void)settings;

    if (kaon_rank(in) < 2)
        return kaon_refuse(g, KAON_INVALID, "softmax needs (batch, ..., classes), got %s",
                           kaon_shape_text(in));

    return kaon_op1(g, "softmax", in);
}

static const kaon_layer softmax_layer = {
    .size = sizeof softmax_layer,
    .help = "probabilities from scores; the last axis adds up to 1",
    .build = softmax_build,
};

/* --- the loss --------------------------------------------------------------------------------- */

typedef struct {
    double smoothing;
} loss_config;

static const kaon_option loss_options[] = {
    KAON_FLOAT(loss_config, smoothing, 0, .min = 0, .max = 1, .flags = KAON_OPTION_OPEN_MAX,
               .help = "share of the target spread evenly over all classes"),
    {0},
};

// 1 where the column is the event's class: (batch, classes), bool. A comparison instead of a
// gather: its gradient is a choice, not a scatter, and it fuses with what stands around it.
static kaon_node *is_class(kaon_graph *g, kaon_node *output, kaon_node *target)
{
    const int64_t row[] = {1, kaon_dim(output, 1)};
    const int64_t column[] = {kaon_dim(output, 0), 1};
    const kaon_attr attrs[] = {
        kaon_attr_ints("shape", 2, row),
        kaon_attr_int("axis", 1),
        kaon_attr_int("dtype", kaon_dtype(target)),
    };
    kaon_node *classes = g->api->apply(g, "iota", 0, NULL, 3, attrs);
    return kaon_eq(g, classes, kaon_reshape(g, target, 2, column));
}

static kaon_node *loss_build(kaon_graph *g, const void *settings, kaon_node *output,
                             kaon_node *target)
{
    const loss_config *c = settings;

    if (kaon_rank(output) != 2 || kaon_dim(output, 1) < 2)
        return kaon_refuse(g, KAON_INVALID,
                           "softmax_cross_entropy needs scores (batch, classes) with at least 2 "
                           "classes, got %s",
                           kaon_shape_text(output));
    if (kaon_rank(target) != 1 || kaon_dim(target, 0) != kaon_dim(output, 0))
        return kaon_refuse(g, KAON_INVALID,
                           "softmax_cross_entropy needs one class number per event, got %s",
                           kaon_shape_text(target));

    kaon_node *z = shifted(g, output, -1);
    kaon_node *log_sum = kaon_log(g, kaon_sum(g, kaon_exp(g, z), -1));
    kaon_node *zero = kaon_scalar_as(g, kaon_dtype(z), 0);
    kaon_node *own = kaon_sum(g, kaon_select(g, is_class(g, output, target), z, zero), -1);
    if (c->smoothing > 0)
        own = kaon_add(g, kaon_scale(g, own, 1 - c->smoothing),
                       kaon_scale(g, kaon_mean(g, z, -1), c->smoothing));
    return kaon_sub(g, log_sum, own);
}

static kaon_node *loss_predict(kaon_graph *g, const void *settings, kaon_node *output)
{
    (void)settings;
    return kaon_op1(g, "softmax", output);
}

static const kaon_loss softmax_cross_entropy = {
    .size = sizeof softmax_cross_entropy,
    .settings_size = sizeof(loss_config),
    .options = loss_options,
    .help = "-log of the class's probability, from scores",
    .target = KAON_TARGET_CLASS,
    .build = loss_build,
    .predict = loss_predict,
};

// clang-format off
#define ITEMS(item)                             \
    item(KAON_OP, "softmax", &softmax_op)       \
    item(KAON_OP, "log_softmax", &log_softmax_op) \
    item(KAON_LAYER, "softmax", &softmax_layer) \
    item(KAON_LOSS, "softmax_cross_entropy", &softmax_cross_entropy)
// clang-format on

KAON_PLUGIN("softmax", "1.0.0", "Apache-2.0", "softmax: operations, layer, cross-entropy", ITEMS,
            NULL)
