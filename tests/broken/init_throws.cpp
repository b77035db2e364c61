/* init_throws.cpp: an exception that leaves a plugin. */
#include <kaon/layer.h>

#include <stdexcept>

static kaon_node *pass(kaon_graph *, const void *, kaon_node *in)
{
    return in;
}

static const kaon_layer layer = {sizeof layer, 0, nullptr, "hands on what it gets", pass};

static kaon_status init(const kaon_host *, kaon_diag *)
{
    throw std::runtime_error("nobody catches this");
}

#define ITEMS(item) item(KAON_LAYER, NAME, &layer)
KAON_PLUGIN(NAME, "1.0.0", "MIT", "for tests", ITEMS, init)
