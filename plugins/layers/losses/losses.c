/* losses.c: what a network is trained to make small: a number per event from output and target.
 *
 * of values   mse, mae, huber            output and target of one shape; mean over an event's
 * numbers of classes  hinge, binary_cross_entropy  one score per event; class 0 or 1
 *
 * Scores are what the last layer gives, without a sigmoid: the losses are stable for any size of
 * them.
 */
#include <kaon/layer.h>

/* --- of values -------------------------------------------------------------------------------- */

// Output in the target's shape: (batch, 1) and (batch) are the same thing.
static kaon_node *as_target(kaon_graph *g, const char *loss, kaon_node *output, kaon_node *target)
{
    const int32_t rank = kaon_rank(target);
    int64_t shape[KAON_MAX_RANK];
    int64_t in_target = 1, in_output = 1;
    for (int32_t i = 0; i < rank; i++)
        in_target *= shape[i] = kaon_dim(target, i);
    for (int32_t i = 0; i < kaon_rank(output); i++)
        in_output *= kaon_dim(output, i);
    if (rank < 1 || in_target != in_output || kaon_dim(output, 0) != shape[0])
        return kaon_refuse(g, KAON_INVALID, "%s compares output %s with target %s: they must agree",
                           loss, kaon_shape_text(output), kaon_shape_text(target));
    return kaon_reshape(g, output, rank, shape);
}

// Mean over all axes but the first.
static kaon_node *mean_of_event(kaon_graph *g, kaon_node *a)
{
    while (kaon_rank(a) > 1)
        a = kaon_mean(g, a, -1);
    return a;
}

static kaon_node *difference(kaon_graph *g, const char *loss, kaon_node *output, kaon_node *target)
{
    return kaon_sub(g, as_target(g, loss, output, target), target);
}

static kaon_node *mse_build(kaon_graph *g, const void *settings, kaon_node *output,
                            kaon_node *target)
{
    (void)settings;
    return mean_of_event(g, kaon_square(g, difference(g, "mse", output, target)));
}

static kaon_node *mae_build(kaon_graph *g, const void *settings, kaon_node *output,
                            kaon_node *target)
{
    (void)settings;
    return mean_of_event(g, kaon_abs(g, difference(g, "mae", output, target)));
}

typedef struct {
    double delta;
} huber_config;

static const kaon_option huber_options[] = {
    KAON_FLOAT(huber_config, delta, 1, .min = 0, .max = 1e12, .flags = KAON_OPTION_OPEN_MIN,
               .help = "difference at which the square turns into a line"),
    {0},
};

// d^2 / 2 up to delta, delta (|d| - delta / 2) beyond: with c = min(|d|, delta) both are
// c (|d| - c / 2), which needs no branch.
static kaon_node *huber_build(kaon_graph *g, const void *settings, kaon_node *output,
                              kaon_node *target)
{
    const huber_config *c = settings;
    kaon_node *size = kaon_abs(g, difference(g, "huber", output, target));
    kaon_node *cut = kaon_min(g, size, kaon_scalar_as(g, kaon_dtype(size), c->delta));
    kaon_node *rest = kaon_sub(g, size, kaon_scale(g, cut, 0.5));
    return mean_of_event(g, kaon_mul(g, cut, rest));
}

// What the user sees: (batch, 1) as (batch).
static kaon_node *values_predict(kaon_graph *g, const void *settings, kaon_node *output)
{
    (void)settings;
    if (kaon_rank(output) != 2 || kaon_dim(output, 1) != 1)
        return output;
    const int64_t batch = kaon_dim(output, 0);
    return kaon_reshape(g, output, 1, &batch);
}

/* --- of two classes --------------------------------------------------------------------------- */

// One score per event, as (batch).
static kaon_node *score(kaon_graph *g, const char *loss, kaon_node *output)
{
    const int32_t rank = kaon_rank(output);
    if (rank < 1 || rank > 2 || (rank == 2 && kaon_dim(output, 1) != 1))
        return kaon_refuse(g, KAON_INVALID, "%s needs one score per event (batch, 1), got %s", loss,
                           kaon_shape_text(output));
    const int64_t batch = kaon_dim(output, 0);
    return kaon_reshape(g, output, 1, &batch);
}

// max(0, 1 - t s), t = -1 for class 0, +1 for class 1.
static kaon_node *hinge_build(kaon_graph *g, const void *settings, kaon_node *output,
                              kaon_node *target)
{
    (void)settings;
    kaon_node *s = score(g, "hinge", output);
    kaon_node *t = kaon_shift(g, kaon_scale(g, kaon_cast(g, target, kaon_dtype(s)), 2), -1);
    kaon_node *lack = kaon_shift(g, kaon_neg(g, kaon_mul(g, t, s)), 1);
    return kaon_max(g, lack, kaon_scalar_as(g, kaon_dtype(s), 0));
}

// -log p of the class, p = 1 / (1 + e^-s): log(1 + e^s) - t s with the logarithm as in softplus, so
// that the slope at 0 is 1/2 - t.
static kaon_node *binary_build(kaon_graph *g, const void *settings, kaon_node *output,
                               kaon_node *target)
{
    (void)settings;
    kaon_node *s = score(g, "binary_cross_entropy", output);
    kaon_node *t = kaon_cast(g, target, kaon_dtype(s));
    kaon_node *size = kaon_abs(g, s);
    kaon_node *ramp = kaon_scale(g, kaon_add(g, s, size), 0.5);
    kaon_node *tail = kaon_log1p(g, kaon_exp(g, kaon_neg(g, size)));
    return kaon_add(g, kaon_sub(g, ramp, kaon_mul(g, t, s)), tail);
}

// Probabilities of both classes (batch, 2). For hinge, which has none, the logistic function of the
// score: in order and on the right side of 1/2, but not calibrated.
static kaon_node *two_classes(kaon_graph *g, const void *settings, kaon_node *output)
{
    (void)settings;
    kaon_node *s = score(g, "a loss of two classes", output);
    const int64_t column[] = {kaon_dim(s, 0), 1};
    kaon_node *p = kaon_reshape(g, s, 2, column);
    kaon_node *both[] = {kaon_logistic(g, kaon_neg(g, p)), kaon_logistic(g, p)};
    return kaon_concat(g, 2, both, 1);
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_loss mse = {
    .size = sizeof mse,
    .help = "mean of (output - target)^2",
    .target = KAON_TARGET_VALUES,
    .build = mse_build,
    .predict = values_predict,
};

static const kaon_loss mae = {
    .size = sizeof mae,
    .help = "mean of |output - target|",
    .target = KAON_TARGET_VALUES,
    .build = mae_build,
    .predict = values_predict,
};

static const kaon_loss huber = {
    .size = sizeof huber,
    .settings_size = sizeof(huber_config),
    .options = huber_options,
    .help = "half a square for small differences, a line for large ones",
    .target = KAON_TARGET_VALUES,
    .build = huber_build,
    .predict = values_predict,
};

static const kaon_loss hinge = {
    .size = sizeof hinge,
    .help = "max(0, 1 - t score), t = -1 or +1: a margin between two classes",
    .target = KAON_TARGET_SIGN,
    .build = hinge_build,
    .predict = two_classes,
};

static const kaon_loss binary_cross_entropy = {
    .size = sizeof binary_cross_entropy,
    .help = "-log of the class's probability, from one score, for two classes",
    .target = KAON_TARGET_SIGN,
    .build = binary_build,
    .predict = two_classes,
};

// clang-format off
#define ITEMS(item)                 \
    item(KAON_LOSS, "mse", &mse)     \
    item(KAON_LOSS, "mae", &mae)     \
    item(KAON_LOSS, "huber", &huber) \
    item(KAON_LOSS, "hinge", &hinge) \
    item(KAON_LOSS, "binary_cross_entropy", &binary_cross_entropy)
// clang-format on

KAON_PLUGIN("losses", "1.0.0", "Apache-2.0", "losses of values and of two classes", ITEMS, NULL)
