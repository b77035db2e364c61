/* network.c: a neural network: layers in a row, trained by a gradient method on batches of events.
 *
 * One compiled program holds forward pass, gradient and update; the programs for validation and
 * prediction share its variables. Training ends after `epochs`, or earlier where the validation
 * loss no longer falls (`patience`), and keeps the weights of the best epoch.
 */
#include "network.h"

#include <stdlib.h>
#include <string.h>

static const char *const keep_names[] = {"best", "last", NULL};

static const kaon_option options[] = {
    KAON_PARTS(config, layers, KAON_LAYER, NULL, .flags = KAON_OPTION_REQUIRED, .min_count = 1,
               .max_count = 512, .help = "what the events pass through, in order"),
    KAON_PART(config, loss, KAON_LOSS, NULL, .flags = KAON_OPTION_REQUIRED,
              .help = "what is made small"),
    KAON_PART(config, optimizer, KAON_OPTIMIZER, "adam", .help = "how"),
    KAON_PART(config, penalty, KAON_PENALTY, NULL, .help = "price on the size of weights; none"),
    KAON_INT(config, epochs, 30, .min = 0, .max = 1e9, .help = "times each event is used"),
    KAON_INT(config, batch, 256, .min = 0, .max = 1e9, .help = "events per step; 0: all"),
    KAON_INT(config, patience, 0, .min = 0, .max = 1e9,
             .help = "epochs without improvement of the validation loss before the end; 0: never"),
    KAON_FLOAT(config, delta, 0, .min = 0, .max = 1e9,
               .help = "what the loss must fall by to count as improvement"),
    KAON_FLOAT(config, clip_norm, 0, .min = 0, .max = 1e12,
               .help = "greatest length of the gradient, longer ones are scaled down; 0: any"),
    KAON_FLOAT(config, clip_value, 0, .min = 0, .max = 1e12,
               .help = "greatest size of each number of the gradient; 0: any"),
    KAON_PART(config, schedule, KAON_SCHEDULE, NULL,
              .help = "how the learning rate changes; it stays"),
    KAON_PART(config, average, KAON_AVERAGE, NULL,
              .help = "average of the weights that is validated and kept in their place; none"),
    KAON_CHOICE(config, keep, KEEP_BEST, keep_names,
                .help = "weights kept: of the epoch with the best validation loss, or the last"),
    KAON_BOOL(config, scale_target, 0,
              .help = "learn a target of numbers with mean 0 and deviation 1; predictions are in "
                      "its own unit, losses are not"),
    {0},
};

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    network *n = self;
    if (!n)
        return;
    for (int i = 0; i < BUCKETS; i++)
        n->programs->program_free(n->predictors[i]);
    n->programs->variables_release(n->variables);
    kaon_free(n->host, n->description);
    kaon_free(n->host, n);
}

static kaon_status read_facts(network *n, const kaon_task_facts *facts, kaon_diag *diag)
{
    if (facts->feature_rank < 1 || facts->feature_rank >= KAON_MAX_RANK)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "a network takes features of 1 to %d axes per event, these have %d",
                         KAON_MAX_RANK - 1, (int)facts->feature_rank);
    n->feature_rank = facts->feature_rank;
    n->feature_count = 1;
    for (int32_t i = 0; i < facts->feature_rank; i++) {
        n->feature_shape[i] = facts->feature_shape[i];
        n->feature_count *= facts->feature_shape[i];
    }
    n->seed = facts->seed;
    n->float_type = facts->float_type;
    n->target_dtype = facts->target_dtype;
    n->classes = facts->classes;
    n->target_width = facts->target_width > 1 ? facts->target_width : 1;
    return KAON_OK;
}

// The loss and the target must speak of the same thing; checked before any data is read.
static kaon_status check_target(const network *n, kaon_diag *diag)
{
    const char *loss = n->settings->loss.name;
    if (n->target_dtype < 0)
        return KAON_OK; // prediction alone
    if (n->loss->target == KAON_TARGET_VALUES && !kaon_dtype_is_float(n->target_dtype))
        return kaon_fail(diag, KAON_INVALID,
                         "loss %s compares numbers, the target has %d classes: take "
                         "softmax_cross_entropy, or read the target as a number",
                         loss, (int)n->classes);
    if (n->loss->target != KAON_TARGET_VALUES && n->target_dtype != KAON_I64)
        return kaon_fail(diag, KAON_INVALID,
                         "loss %s needs classes, the target holds numbers: take mse, or read the "
                         "target as classes",
                         loss);
    if (n->loss->target == KAON_TARGET_SIGN && n->classes > 2)
        return kaon_fail(diag, KAON_INVALID,
                         "loss %s tells two classes apart, the target has %d: take "
                         "softmax_cross_entropy",
                         loss, (int)n->classes);
    return KAON_OK;
}

/* --- what it looks like ----------------------------------------------------------------------- */

enum { LINE = 256 };

static int64_t parameter_count(kaon_graph *g)
{
    enum { ROOM = 4096 };
    kaon_node *params[ROOM];
    int64_t total = 0;
    const int32_t count = g->api->params(g, ROOM, params);
    for (int32_t i = 0; i < count && i < ROOM; i++) {
        int64_t elements = 1;
        for (int32_t axis = 0; axis < kaon_rank(params[i]); axis++)
            elements *= kaon_dim(params[i], axis);
        total += elements;
    }
    return total;
}

// "1_dense     (64)     1088" for each layer. The batch axis, here 1, is left out.
static void describe_layers(network *n, kaon_graph *g, kaon_node *const *nodes)
{
    char *line = n->description;
    char name[LINE / 2];
    for (int64_t i = 0; i < n->settings->layers.count; i++) {
        char shape[LINE / 2] = "";
        size_t used = 0;
        for (int32_t axis = 1; axis < kaon_rank(nodes[i]) && used < sizeof shape; axis++)
            used += (size_t)snprintf(shape + used, sizeof shape - used, "%s%lld",
                                     axis > 1 ? ", " : "", (long long)kaon_dim(nodes[i], axis));
        line += snprintf(line, LINE, "%-20.60s (%s)\n", network_layer_name(n, i, name, sizeof name),
                         shape);
    }
    snprintf(line, LINE, "%lld parameters, loss %.60s, optimizer %.60s\n",
             (long long)parameter_count(g), n->settings->loss.name, n->settings->optimizer.name);
}

// Builds the network once for one event: refuses what cannot be, and learns the output's shape.
static kaon_status look(network *n, kaon_graph *g, kaon_node **nodes, kaon_diag *diag)
{
    kaon_node *output = network_forward(n, g, network_features(n, g, 1), nodes, diag);
    if (!output)
        return g->api->check(g, NULL); // diag has the words
    output = network_target_out(n, g, n->loss->predict(g, n->settings->loss.settings, output));
    KAON_TRY(kaon_context(diag, g->api->check(g, diag), "loss %s", n->settings->loss.name));
    n->out_rank = kaon_rank(output) - 1;
    n->out_count = 1;
    for (int32_t i = 0; i < n->out_rank; i++)
        n->out_count *= n->out_shape[i] = kaon_dim(output, i + 1);
    describe_layers(n, g, nodes);
    return KAON_OK;
}

static kaon_status look_once(network *n, kaon_diag *diag)
{
    const size_t count = (size_t)n->settings->layers.count;
    kaon_graph *g = NULL;
    kaon_node **nodes = kaon_alloc(n->host, count * sizeof *nodes);
    n->description = kaon_alloc(n->host, (count + 1) * LINE);
    kaon_status status = nodes && n->description
                             ? network_graph(n, 0, &g, diag)
                             : kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a network");
    if (!status)
        status = look(n, g, nodes, diag);
    n->programs->graph_free(g);
    kaon_free(n->host, nodes);
    return status;
}

static kaon_status describe(void *self, char **text, kaon_diag *diag)
{
    network *n = self;
    const size_t bytes = strlen(n->description) + 1;
    *text = kaon_alloc(n->host, bytes);
    if (!*text)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a description");
    memcpy(*text, n->description, bytes);
    return KAON_OK;
}

static kaon_status create(const kaon_host *host, const void *settings, const kaon_task_facts *facts,
                          void **self, kaon_diag *diag)
{
    network *n = kaon_alloc(host, sizeof *n);
    if (!n)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a network");
    memset(n, 0, sizeof *n);
    n->host = host;
    n->settings = settings;
    n->programs = host->service(host, KAON_PROGRAM_SERVICE);
    n->tables = host->service(host, KAON_TABLE_SERVICE);
    n->loss = n->settings->loss.table;
    if (!n->programs || !n->tables) {
        kaon_free(host, n);
        return kaon_fail(diag, KAON_INCOMPATIBLE, "this host has no programs or no tables");
    }
    kaon_status status = read_facts(n, facts, diag);
    if (!status)
        status = check_target(n, diag);
    if (!status)
        status = n->programs->variables_new(host, n->seed, &n->variables, diag);
    if (!status)
        status = look_once(n, diag);
    if (!status && n->target_dtype >= 0)
        status = network_try_loss(n, diag);
    if (status)
        destroy(n);
    else
        *self = n;
    return status;
}

/* --- model files ------------------------------------------------------------------------------ */

// Visits what belongs into a model: everything but optimizer memory. The variables exist once any
// program was compiled.
static kaon_status each_variable(network *n, kaon_archive *archive,
                                 kaon_status (*visit)(network *, kaon_archive *,
                                                      kaon_variable_info *, kaon_diag *),
                                 kaon_diag *diag)
{
    if (!n->predictors[0])
        KAON_TRY(network_compile_prediction(n, 1, &n->predictors[0], diag));
    for (int32_t i = 0; i < n->programs->variable_count(n->variables); i++) {
        kaon_variable_info info = {.size = sizeof info};
        KAON_TRY(n->programs->variable_at(n->variables, i, &info, diag));
        if (!(info.flags & KAON_SLOT))
            KAON_TRY(kaon_context(diag, visit(n, archive, &info, diag), "parameter %s", info.name));
    }
    return KAON_OK;
}

static kaon_status save_one(network *n, kaon_archive *into, kaon_variable_info *info,
                            kaon_diag *diag)
{
    (void)n;
    return into->api->put(into, info->name, &info->view, diag);
}

static kaon_status load_one(network *n, kaon_archive *from, kaon_variable_info *info,
                            kaon_diag *diag)
{
    kaon_view view = {.size = sizeof view};
    KAON_TRY(from->api->get(from, info->name, &view, diag));
    return n->programs->variable_set(n->variables, info->name, info->flags, &view, diag);
}

static kaon_status save(void *self, kaon_archive *into, kaon_diag *diag)
{
    return each_variable(self, into, save_one, diag);
}

static kaon_status load(void *self, kaon_archive *from, kaon_diag *diag)
{
    return each_variable(self, from, load_one, diag);
}

/* --- as graph --------------------------------------------------------------------------------- */

kaon_node *network_constant(const network *n, kaon_graph *g, const char *name)
{
    const int32_t dtype = g->api->float_type(g);
    for (int32_t i = 0; i < n->programs->variable_count(n->variables); i++) {
        kaon_variable_info info = {.size = sizeof info};
        if (n->programs->variable_at(n->variables, i, &info, NULL) || strcmp(info.name, name) != 0)
            continue;
        kaon_node *value = g->api->constant(g, &info.view);
        return kaon_dtype(value) == dtype ? value : kaon_cast(g, value, dtype);
    }
    return kaon_refuse(g, KAON_INTERNAL, "parameter %s was never made", name);
}

// For `through`: `context` is the network.
static kaon_node *frozen(kaon_graph *g, const void *context, kaon_node *param)
{
    return network_constant(context, g, g->api->name(param));
}

static kaon_node *build(void *self, kaon_graph *g, kaon_node *in)
{
    network *n = self;
    if (!n->predictors[0] && network_compile_prediction(n, 1, &n->predictors[0], NULL))
        return kaon_refuse(g, KAON_INTERNAL, "the network cannot be compiled");
    n->frozen = 1;
    g->api->through(g, frozen, n);
    kaon_node *output = network_forward(n, g, in, NULL, NULL);
    g->api->through(g, NULL, NULL);
    if (output)
        output = network_target_out(n, g, n->loss->predict(g, n->settings->loss.settings, output));
    n->frozen = 0;
    return output;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_learner learner = {
    .size = sizeof learner,
    .settings_size = sizeof(config),
    .options = options,
    .help = "layers in a row, trained by a gradient method",
    .create = create,
    .destroy = destroy,
    .fit = network_fit,
    .apply = network_apply,
    .save = save,
    .load = load,
    .describe = describe,
    .build = build,
};

#define ITEMS(item) item(KAON_LEARNER, "network", &learner)

KAON_PLUGIN("network", "1.0.0", "Apache-2.0", "neural networks and their training", ITEMS, NULL)
