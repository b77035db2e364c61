/* @NAME@_plugin.c: what the plugin is and which options it has; the mathematics is in @NAME@.f90.
 *
 * This much is C because the declaration lies in a section of its own of the shared object, which
 * Fortran cannot name.
 */
#include <kaon/layer.h>

// ORDER config: the fields of type(config) in @NAME@.f90
typedef struct {
    double limit;
} config;

static const kaon_option options[] = {
    KAON_FLOAT(config, limit, 10, .min = 1e-6, .max = 1e6,
               .help = "largest magnitude of an output"),
    {0},
};

// In @NAME@.f90.
kaon_node *@NAME@_build(kaon_graph *g, const void *settings, kaon_node *in);

static const kaon_layer layer = {
    .size = sizeof layer,
    .settings_size = sizeof(config),
    .options = options,
    .help = "a learned gain per feature, limited in magnitude",
    .build = @NAME@_build,
};

#define ITEMS(item) item(KAON_LAYER, "@NAME@", &layer)

KAON_PLUGIN("@NAME@", "1.0.0", "Apache-2.0", "a learned gain per feature, limited in magnitude",
            ITEMS, NULL)
