/* @NAME@.cpp: each feature times a learned gain, bent so that it never passes a limit.
 *
 * in   (batch, ..., features)
 * out  the same shape: limit * tanh(gain * in / limit)
 *
 * Near zero the layer is linear with slope `gain`; far out it saturates at the limit.
 *
 * What crosses the border is C: no exception may leave a callback, hence `noexcept` and the
 * handlers.
 */
#include <kaon/layer.h>

#include <exception>

namespace
{

struct config {
    double limit;
};

const kaon_option options[] = {
    KAON_FLOAT(config, limit, 10, .min = 1e-6, .max = 1e6,
               .help = "largest magnitude of an output"),
    {},
};

// Graph values with operators, so that formulas read like mathematics. Failure is sticky in the
// graph: a refused value is null and everything made of it as well.
struct value {
    kaon_graph *g;
    kaon_node *node;
};

value operator*(value a, value b)
{
    return {a.g, kaon_mul(a.g, a.node, b.node)};
}

value operator*(double factor, value a)
{
    return {a.g, kaon_scale(a.g, a.node, factor)};
}

value tanh(value a)
{
    return {a.g, kaon_tanh(a.g, a.node)};
}

value limited_gain(const config &c, value in)
{
    const int64_t features[] = {kaon_dim(in.node, -1)};
    const value gain = {in.g, kaon_param(in.g, "gain", 1, features, KAON_INIT_ONE)};
    return c.limit * tanh(1 / c.limit * (gain * in));
}

kaon_node *build(kaon_graph *g, const void *settings, kaon_node *in) noexcept
{
    if (kaon_rank(in) < 2)
        return kaon_refuse(g, KAON_INVALID, "@NAME@ needs (batch, ..., features), got %s",
                           kaon_shape_text(in));
    try {
        return limited_gain(*static_cast<const config *>(settings), {g, in}).node;
    } catch (const std::exception &error) {
        return kaon_refuse(g, KAON_INTERNAL, "@NAME@: %s", error.what());
    } catch (...) {
        return kaon_refuse(g, KAON_INTERNAL, "@NAME@ threw something that is no std::exception");
    }
}

const kaon_layer layer = {
    .size = sizeof(kaon_layer),
    .settings_size = sizeof(config),
    .options = options,
    .help = "a learned gain per feature, limited in magnitude",
    .build = build,
};

} // namespace

#define ITEMS(item) item(KAON_LAYER, "@NAME@", &layer)

KAON_PLUGIN("@NAME@", "1.0.0", "Apache-2.0", "a learned gain per feature, limited in magnitude",
            ITEMS, nullptr)
