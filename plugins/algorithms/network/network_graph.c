/* network_graph.c: the graphs of a network.
 *
 * The training graph holds forward pass, gradient and update in one. Where the loss of a batch is
 * not finite the update leaves all parameters as they are: so the last good weights stay, and the
 * same batch can be looked at again.
 */
#include "network.h"

#include <string.h>

enum { MAX_PARAMS = 4096 };

// A part that was not given has no name.
static int given(const kaon_part *part)
{
    return part->name != NULL;
}

kaon_status network_graph(const network *n, int training, kaon_graph **out, kaon_diag *diag)
{
    const kaon_graph_spec spec = {sizeof spec, n->float_type, training, 0};
    return n->programs->graph_new(n->host, &spec, out, diag);
}

const char *network_layer_name(const network *n, int64_t index, char *name, size_t room)
{
    const kaon_part *part = n->settings->layers.at[index];
    if (part->label)
        snprintf(name, room, "%s", part->label);
    else
        snprintf(name, room, "%lld_%s", (long long)index + 1, part->name);
    return name;
}

kaon_node *network_forward(const network *n, kaon_graph *g, kaon_node *in, kaon_node **nodes,
                           kaon_diag *diag)
{
    const kaon_parts *layers = &n->settings->layers;
    for (int64_t i = 0; i < layers->count; i++) {
        char name[KAON_TEXT_MAX];
        const kaon_layer *layer = layers->at[i]->table;
        g->api->enter(g, network_layer_name(n, i, name, sizeof name));
        in = layer->build(g, layers->at[i]->settings, in);
        g->api->leave(g);
        if (!in) // counts only if nothing was refused before
            kaon_refuse(g, KAON_INTERNAL, "it gives no output and no reason");
        const kaon_status status = g->api->check(g, diag);
        if (status) {
            kaon_context(diag, status, "layer %lld (%s)", (long long)i + 1, layers->at[i]->name);
            return NULL;
        }
        if (nodes)
            nodes[i] = in;
    }
    return in;
}

/* --- inputs ----------------------------------------------------------------------------------- */

kaon_node *network_features(const network *n, kaon_graph *g, int64_t rows)
{
    int64_t shape[KAON_MAX_RANK] = {rows};
    memcpy(shape + 1, n->feature_shape, (size_t)n->feature_rank * sizeof *shape);
    return g->api->input(g, "features", n->float_type, n->feature_rank + 1, shape);
}

static kaon_node *target_input(const network *n, kaon_graph *g, int64_t rows)
{
    const int64_t shape[] = {rows, n->target_width};
    if (n->loss->target != KAON_TARGET_VALUES)
        return g->api->input(g, "target", KAON_I64, 1, shape);
    return g->api->input(g, "target", n->float_type, n->target_width > 1 ? 2 : 1, shape);
}

/* --- the loss --------------------------------------------------------------------------------- */

// What forward, loss and weights give for one batch.
typedef struct {
    kaon_node *features;
    kaon_node *target;
    kaon_node *weight;
    kaon_node *output; // of the last layer
    kaon_node *total;  // sum of weight times loss, a scalar
} batch_graph;

static kaon_status build_batch(const network *n, kaon_graph *g, int64_t rows, kaon_node **nodes,
                               batch_graph *b, kaon_diag *diag)
{
    b->features = network_features(n, g, rows);
    b->target = target_input(n, g, rows);
    b->weight = g->api->input(g, "weight", n->float_type, 1, &rows);
    b->output = network_forward(n, g, b->features, nodes, diag);
    if (!b->output)
        return g->api->check(g, NULL); // diag has the words

    if (n->loss->target == KAON_TARGET_CLASS && kaon_dim(b->output, -1) < n->classes)
        return kaon_fail(diag, KAON_INVALID,
                         "the last layer gives %lld numbers per event, the target has %d classes: "
                         "let it give %d",
                         (long long)kaon_dim(b->output, -1), (int)n->classes, (int)n->classes);

    kaon_node *target = network_target_in(n, g, b->target);
    kaon_node *losses = n->loss->build(g, n->settings->loss.settings, b->output, target);
    b->total = kaon_sum_all(g, kaon_mul(g, b->weight, losses));
    return kaon_context(diag, g->api->check(g, diag), "loss %s", n->settings->loss.name);
}

// For one event, to see whether layers, loss and target fit each other before there is any data.
kaon_status network_try_loss(const network *n, kaon_diag *diag)
{
    kaon_graph *g = NULL;
    batch_graph b = {0};
    KAON_TRY(network_graph(n, 1, &g, diag));
    const kaon_status status = build_batch(n, g, 1, NULL, &b, diag);
    n->programs->graph_free(g);
    return status;
}

// Penalties are for matrices and more: offsets and slopes stay free.
static kaon_node *penalized(const network *n, kaon_graph *g, kaon_node *total, int32_t count,
                            kaon_node *const *params)
{
    const kaon_part *part = &n->settings->penalty;
    if (!given(part))
        return total;
    const kaon_penalty *penalty = part->table;
    for (int32_t i = 0; i < count; i++)
        if (kaon_rank(params[i]) > 1)
            total = kaon_add(g, total, penalty->build(g, part->settings, params[i]));
    return total;
}

// Scales all gradients down together, so that their common length is at most `limit`.
static void clip(kaon_graph *g, double limit, int32_t count, kaon_node **grads)
{
    kaon_node *squares = kaon_scalar(g, 0);
    for (int32_t i = 0; i < count; i++)
        squares = kaon_add(g, squares, kaon_sum_all(g, kaon_square(g, grads[i])));
    // limit / max(limit, length): 1 for short gradients, and no division by zero.
    kaon_node *most = kaon_scalar(g, limit);
    kaon_node *factor = kaon_div(g, most, kaon_max(g, most, kaon_sqrt(g, squares)));
    for (int32_t i = 0; i < count; i++)
        grads[i] = kaon_mul(g, grads[i], factor);
}

// Cuts each number of a gradient off at -limit and limit.
static void clip_each(kaon_graph *g, double limit, int32_t count, kaon_node **grads)
{
    for (int32_t i = 0; i < count; i++)
        grads[i] =
            kaon_max(g, kaon_min(g, grads[i], kaon_scalar(g, limit)), kaon_scalar(g, -limit));
}

/* --- training --------------------------------------------------------------------------------- */

// ORDER input
static kaon_pace pace_of(const network *n, kaon_graph *g, double steps)
{
    return (kaon_pace){
        .size = sizeof(kaon_pace),
        .step = g->api->input(g, "done", KAON_F64, 0, NULL),
        .epoch = g->api->input(g, "epoch", KAON_F64, 0, NULL),
        .fresh = g->api->input(g, "fresh", KAON_F64, 0, NULL),
        .loss = g->api->input(g, "loss", KAON_F64, 0, NULL),
        .steps = kaon_scalar_as(g, KAON_F64, steps),
        .epochs = kaon_scalar_as(g, KAON_F64, (double)n->settings->epochs),
    };
}

static kaon_node *rate_of(const network *n, kaon_graph *g, const kaon_pace *pace)
{
    const kaon_part *part = &n->settings->schedule;
    if (!given(part))
        return kaon_scalar(g, 1);
    const kaon_schedule *schedule = part->table;
    return kaon_cast(g, schedule->build(g, part->settings, pace), n->float_type);
}

static void update_average(const network *n, kaon_graph *g, kaon_node *good, kaon_node *param,
                           kaon_node *next, const kaon_pace *pace)
{
    const kaon_part *part = &n->settings->average;
    if (!given(part))
        return;
    const kaon_average *average = part->table;
    kaon_node *slot = kaon_slot(g, param, AVERAGE_SLOT);
    kaon_node *value = average->build(g, part->settings, slot, next, pace);
    kaon_update(g, slot, kaon_select(g, good, value, slot));
}

static kaon_status add_updates(const network *n, kaon_graph *g, const batch_graph *b, double steps,
                               int32_t count, kaon_node *const *params, kaon_node **grads,
                               kaon_diag *diag)
{
    const kaon_part *part = &n->settings->optimizer;
    const kaon_optimizer *optimizer = part->table;
    kaon_node *step = g->api->input(g, "step", n->float_type, 0, NULL);
    const kaon_pace pace = pace_of(n, g, steps);
    kaon_node *rate = rate_of(n, g, &pace);
    KAON_TRY(kaon_context(diag, g->api->check(g, diag), "schedule %s",
                          given(&n->settings->schedule) ? n->settings->schedule.name : ""));
    kaon_node *good = kaon_finite(g, b->total);
    for (int32_t i = 0; i < count; i++) {
        kaon_node *next = optimizer->build(g, part->settings, params[i], grads[i], rate, step);
        kaon_update(g, params[i], kaon_select(g, good, next, params[i]));
        update_average(n, g, good, params[i], next, &pace);
    }
    return kaon_context(diag, g->api->check(g, diag), "optimizer %s", part->name);
}

static kaon_status build_training(const network *n, kaon_graph *g, int64_t rows, double steps,
                                  kaon_node **total, kaon_diag *diag)
{
    const kaon_part *part = &n->settings->optimizer;
    const kaon_optimizer *optimizer = part->table;
    if (optimizer->point)
        g->api->through(g, optimizer->point, part->settings);
    batch_graph b = {0};
    KAON_TRY(build_batch(n, g, rows, NULL, &b, diag));
    g->api->through(g, NULL, NULL);

    kaon_node *params[MAX_PARAMS], *grads[MAX_PARAMS];
    const int32_t count = g->api->params(g, MAX_PARAMS, params);
    if (count < 1 || count > MAX_PARAMS)
        return kaon_fail(diag, KAON_INVALID,
                         "the layers have %d parameters to learn, 1 to %d are possible", (int)count,
                         (int)MAX_PARAMS);
    kaon_node *price = penalized(n, g, b.total, count, params);
    KAON_TRY(g->api->check(g, diag));
    g->api->gradient(g, price, NULL, count, params, grads);
    KAON_TRY(g->api->check(g, diag));
    if (n->settings->clip_value > 0)
        clip_each(g, n->settings->clip_value, count, grads);
    if (n->settings->clip_norm > 0)
        clip(g, n->settings->clip_norm, count, grads);
    *total = b.total;
    return add_updates(n, g, &b, steps, count, params, grads, diag);
}

static kaon_status compile(const network *n, kaon_graph *g, int32_t count,
                           kaon_node *const *outputs, kaon_program **out, kaon_diag *diag)
{
    KAON_TRY(g->api->check(g, diag));
    const kaon_compile_job job = {sizeof job, count, g, outputs, n->variables, n->seed};
    return n->programs->compile(n->host, &job, out, diag);
}

kaon_status network_compile_training(const network *n, int64_t rows, double steps,
                                     kaon_program **out, kaon_diag *diag)
{
    kaon_graph *g = NULL;
    kaon_node *total = NULL;
    KAON_TRY(network_graph(n, 1, &g, diag));
    kaon_status status = build_training(n, g, rows, steps, &total, diag);
    if (!status)
        status = compile(n, g, 1, &total, out, diag);
    n->programs->graph_free(g);
    return status;
}

/* --- validation ------------------------------------------------------------------------------- */

// 1 for events put into their class, as floats (batch); NULL where there are no classes.
static kaon_node *right(const network *n, kaon_graph *g, const batch_graph *b)
{
    kaon_node *guess = NULL;
    if (n->loss->target == KAON_TARGET_CLASS) {
        const kaon_attr axis = kaon_attr_int("axis", -1);
        guess = g->api->apply(g, "argmax", 1, &b->output, 1, &axis);
    } else if (n->loss->target == KAON_TARGET_SIGN) {
        const int64_t rows = kaon_dim(b->output, 0);
        kaon_node *score = kaon_reshape(g, b->output, 1, &rows);
        kaon_node *above = kaon_gt(g, score, kaon_scalar_as(g, kaon_dtype(score), 0));
        guess = kaon_cast(g, above, KAON_I64);
    }
    return guess ? kaon_cast(g, kaon_eq(g, guess, b->target), n->float_type) : NULL;
}

// For `through`.
static kaon_node *averaged(kaon_graph *g, const void *context, kaon_node *param)
{
    (void)context;
    return kaon_slot(g, param, AVERAGE_SLOT);
}

kaon_status network_compile_validation(const network *n, int64_t rows, kaon_program **out,
                                       kaon_diag *diag)
{
    kaon_graph *g = NULL;
    KAON_TRY(network_graph(n, 0, &g, diag));
    batch_graph b = {0};
    if (given(&n->settings->average))
        g->api->through(g, averaged, NULL);
    kaon_status status = build_batch(n, g, rows, NULL, &b, diag);
    g->api->through(g, NULL, NULL);
    if (!status) {
        kaon_node *hits = right(n, g, &b);
        kaon_node *outputs[] = {b.total, hits ? kaon_sum_all(g, kaon_mul(g, b.weight, hits))
                                              : kaon_scalar(g, 0)};
        status = compile(n, g, 2, outputs, out, diag);
    }
    n->programs->graph_free(g);
    return status;
}

// "1_dense/weight/average" takes the place of "1_dense/weight".
kaon_status network_take_averages(const network *n, kaon_diag *diag)
{
    static const char ending[] = "/" AVERAGE_SLOT;
    for (int32_t i = 0; i < n->programs->variable_count(n->variables); i++) {
        kaon_variable_info info = {.size = sizeof info};
        char name[KAON_TEXT_MAX];
        KAON_TRY(n->programs->variable_at(n->variables, i, &info, diag));
        const size_t length = strlen(info.name), end = sizeof ending - 1;
        if (!(info.flags & KAON_SLOT) || length <= end || length >= sizeof name ||
            strcmp(info.name + length - end, ending) != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(length - end), info.name);
        KAON_TRY(n->programs->variable_set(n->variables, name, KAON_TRAINABLE, &info.view, diag));
    }
    return KAON_OK;
}

/* --- prediction ------------------------------------------------------------------------------- */

kaon_status network_compile_prediction(const network *n, int64_t rows, kaon_program **out,
                                       kaon_diag *diag)
{
    kaon_graph *g = NULL;
    KAON_TRY(network_graph(n, 0, &g, diag));
    kaon_node *output = network_forward(n, g, network_features(n, g, rows), NULL, diag);
    kaon_status status = output ? KAON_OK : g->api->check(g, NULL);
    if (!status) {
        output = network_target_out(n, g, n->loss->predict(g, n->settings->loss.settings, output));
        status = compile(n, g, 1, &output, out, diag);
    }
    n->programs->graph_free(g);
    return status;
}

/* --- diagnosis -------------------------------------------------------------------------------- */

enum { MAX_PROBES = 1024, PROBE_TEXT = 128 };

// Nodes in the order in which a fault spreads, with words for each.
typedef struct {
    int32_t count;
    kaon_node *flags[MAX_PROBES]; // scalars: 1 if all is finite
    char words[MAX_PROBES][PROBE_TEXT];
} probes;

static void probe(kaon_graph *g, probes *p, kaon_node *node, const char *words, const char *name)
{
    if (!node || p->count == MAX_PROBES)
        return;
    kaon_node *all = kaon_cast(g, kaon_finite(g, node), KAON_F32);
    p->flags[p->count] = g->api->apply(g, "reduce_min", 1, &all, 0, NULL);
    snprintf(p->words[p->count++], PROBE_TEXT, "%s %s", words, name);
}

static kaon_status build_probes(const network *n, kaon_graph *g, int64_t rows, probes *p,
                                kaon_node **nodes, kaon_diag *diag)
{
    batch_graph b = {0};
    char name[PROBE_TEXT / 2];
    const int64_t layers = n->settings->layers.count;
    KAON_TRY(build_batch(n, g, rows, nodes, &b, diag));
    probe(g, p, b.features, "the features of the batch", "");
    if (n->loss->target == KAON_TARGET_VALUES)
        probe(g, p, b.target, "the target of the batch", "");
    probe(g, p, b.weight, "the weights of the batch", "");
    kaon_node *params[MAX_PARAMS];
    const int32_t count = g->api->params(g, MAX_PARAMS, params);
    for (int32_t i = 0; i < count && i < MAX_PARAMS; i++)
        probe(g, p, params[i], "parameter", g->api->name(params[i]));
    for (int64_t i = 0; i < layers; i++)
        probe(g, p, nodes[i], "the output of layer", network_layer_name(n, i, name, sizeof name));
    probe(g, p, b.total, "the loss", n->settings->loss.name);
    return g->api->check(g, diag);
}

kaon_status network_diagnose(const network *n, int64_t rows, const void *const *inputs,
                             uint64_t run, char *where, size_t room, kaon_diag *diag)
{
    const size_t node_bytes = (size_t)n->settings->layers.count * sizeof(kaon_node *);
    kaon_graph *g = NULL;
    kaon_program *program = NULL;
    probes *p = kaon_alloc(n->host, sizeof *p);
    kaon_node **nodes = kaon_alloc(n->host, node_bytes);
    kaon_status status = p && nodes ? network_graph(n, 1, &g, diag)
                                    : kaon_fail(diag, KAON_NO_MEMORY, "out of memory");
    if (status)
        goto done;
    p->count = 0;
    status = build_probes(n, g, rows, p, nodes, diag);
    if (!status)
        status = compile(n, g, p->count, p->flags, &program, diag);
    if (status)
        goto done;

    float values[MAX_PROBES] = {0};
    void *outputs[MAX_PROBES];
    for (int32_t i = 0; i < p->count; i++)
        outputs[i] = &values[i];
    status = n->programs->run(program, inputs, outputs, run, diag);
    snprintf(where, room, "a gradient of the step before");
    for (int32_t i = p->count - 1; i >= 0 && !status; i--)
        if (values[i] <= 0)
            snprintf(where, room, "%s", p->words[i]);

done:
    n->programs->program_free(program);
    n->programs->graph_free(g);
    kaon_free(n->host, nodes);
    kaon_free(n->host, p);
    return status;
}
