/* programs.c: compiled graphs: the network of the LHC trigger papers (arXiv:1804.06913) trained and
 * applied, and single operations over 64 MB.
 */
#include "bench.h"

#include <stdlib.h>

enum { FEATURES = 16, CLASSES = 5, BATCH = 256, BATCHES = 64, EVENTS = 1000000 };

typedef struct {
    kaon_program *program;
    float *x;
    int64_t *y;
    float *out;
    float *weight;
    uint64_t run;
} state;

/* --- the network ------------------------------------------------------------------------------ */

// An item as a YAML file would choose it; lives as long as the process.
static const kaon_part *part(bench *b, const char *interface_id, const char *name, const char *yaml)
{
    kaon_use *use = NULL;
    return kaon_use_new(b->kernel, interface_id, name, yaml, &use, b->error) ? NULL
                                                                             : kaon_use_part(use);
}

static kaon_node *layer(bench *b, kaon_graph *g, const char *name, const char *yaml, kaon_node *in)
{
    const kaon_part *p = part(b, KAON_LAYER, name, yaml);
    if (!p)
        return kaon_refuse(g, KAON_NOT_FOUND, "%s", kaon_error_text(b->error));
    return ((const kaon_layer *)p->table)->build(g, p->settings, in);
}

static kaon_node *network(bench *b, kaon_graph *g, kaon_node *in)
{
    static const char *const layers[] = {"{units: 64, activation: relu}",
                                         "{units: 32, activation: relu}",
                                         "{units: 32, activation: relu}", "{units: 5}"};
    static const char *const names[] = {"0.dense", "1.dense", "2.dense", "3.dense"};
    for (int i = 0; i < 4; i++) {
        g->api->enter(g, names[i]);
        in = layer(b, g, "dense", layers[i], in);
        g->api->leave(g);
    }
    return in;
}

static kaon_status state_new(state **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? KAON_OK : KAON_NO_MEMORY;
}

static kaon_status compile(bench *b, kaon_graph *g, kaon_node *output, state *s)
{
    KAON_TRY(g->api->check(g, b->diag));
    kaon_variables *variables = NULL;
    KAON_TRY(b->programs->variables_new(b->host, 1, &variables, b->diag));
    const kaon_compile_job job = {.size = sizeof job,
                                  .graph = g,
                                  .output_count = 1,
                                  .outputs = &output,
                                  .variables = variables,
                                  .seed = 1};
    const kaon_status status = b->programs->compile(b->host, &job, &s->program, b->diag);
    b->programs->variables_release(variables);
    b->programs->graph_free(g);
    b->state = s;
    kaon_program_facts facts = {.size = sizeof facts};
    if (!status && getenv("KAON_EXPLAIN") &&
        !b->programs->program_facts(s->program, &facts, b->diag))
        fprintf(stderr, "%s\n", facts.text);
    return status;
}

static kaon_graph *graph(bench *b, int32_t training)
{
    const kaon_graph_spec spec = {sizeof spec, KAON_F32, training, 0};
    kaon_graph *g = NULL;
    return b->programs->graph_new(b->host, &spec, &g, b->diag) ? NULL : g;
}

// Every parameter steps along its gradient by Adam; returns the loss.
static kaon_node *learn(bench *b, kaon_graph *g, kaon_node *loss, kaon_node *step)
{
    const kaon_part *adam = part(b, KAON_OPTIMIZER, "adam", "{learning_rate: 0.001}");
    if (!adam)
        return kaon_refuse(g, KAON_NOT_FOUND, "%s", kaon_error_text(b->error));
    const kaon_optimizer *optimizer = adam->table;
    kaon_node *params[16], *grads[16];
    const int32_t count = g->api->params(g, 16, params);
    if (g->api->gradient(g, loss, NULL, count, params, grads))
        return NULL;
    for (int32_t i = 0; i < count; i++)
        kaon_update(
            g, params[i],
            optimizer->build(g, adam->settings, params[i], grads[i], kaon_scalar(g, 1), step));
    return loss;
}

static kaon_status train_set_up(bench *b)
{
    state *s;
    const int64_t x_shape[] = {BATCH, FEATURES}, y_shape[] = {BATCH};
    KAON_TRY(state_new(&s));
    s->x = malloc(sizeof(float) * BATCH * BATCHES * FEATURES);
    s->y = malloc(sizeof(int64_t) * BATCH * BATCHES);
    s->weight = malloc(sizeof(float) * BATCH);
    if (!s->x || !s->y || !s->weight)
        return KAON_NO_MEMORY;
    bench_fill(s->x, BATCH * BATCHES * FEATURES, 1);
    // The class is the place of the largest of five of the features: something to learn.
    for (int64_t i = 0; i < BATCH * BATCHES; i++) {
        const float *row = s->x + i * FEATURES;
        s->y[i] = 0;
        for (int64_t c = 1; c < CLASSES; c++)
            s->y[i] = row[c] > row[s->y[i]] ? c : s->y[i];
    }
    for (int i = 0; i < BATCH; i++)
        s->weight[i] = 1.0f / BATCH;

    const kaon_part *xent = part(b, KAON_LOSS, "softmax_cross_entropy", "");
    if (!xent)
        return KAON_NOT_FOUND;
    kaon_graph *g = graph(b, 1);
    if (!g)
        return KAON_NO_MEMORY;
    kaon_node *x = g->api->input(g, "x", KAON_F32, 2, x_shape);
    kaon_node *y = g->api->input(g, "y", KAON_I64, 1, y_shape);
    kaon_node *weight = g->api->input(g, "weight", KAON_F32, 1, y_shape);
    kaon_node *step = g->api->input(g, "step", KAON_F32, 0, NULL);
    kaon_node *losses =
        ((const kaon_loss *)xent->table)->build(g, xent->settings, network(b, g, x), y);
    kaon_node *loss = kaon_sum_all(g, kaon_mul(g, losses, weight));
    return compile(b, g, learn(b, g, loss, step), s);
}

static void train(bench *b)
{
    state *s = b->state;
    const uint64_t at = s->run++ % BATCHES;
    const float step = (float)s->run;
    const void *inputs[] = {s->x + at * BATCH * FEATURES, s->y + at * BATCH, s->weight, &step};
    float loss = 0;
    void *outputs[] = {&loss};
    b->programs->run(s->program, inputs, outputs, s->run, b->diag);
    b->check = loss;
}

static kaon_status infer_of(bench *b, int64_t rows)
{
    state *s;
    const int64_t shape[] = {rows, FEATURES};
    KAON_TRY(state_new(&s));
    s->x = aligned_alloc(64, sizeof(float) * (size_t)rows * FEATURES);
    s->out = malloc(sizeof(float) * (size_t)rows * CLASSES);
    if (!s->x || !s->out)
        return KAON_NO_MEMORY;
    bench_fill(s->x, rows * FEATURES, 1);
    kaon_graph *g = graph(b, 0);
    if (!g)
        return KAON_NO_MEMORY;
    kaon_node *in = g->api->input(g, "x", KAON_F32, 2, shape);
    return compile(b, g, layer(b, g, "softmax", "", network(b, g, in)), s);
}

static kaon_status infer_set_up(bench *b)
{
    return infer_of(b, EVENTS);
}

static kaon_status latency_set_up(bench *b)
{
    return infer_of(b, 1);
}

static void apply(bench *b)
{
    state *s = b->state;
    const void *inputs[] = {s->x};
    void *outputs[] = {s->out};
    b->programs->run(s->program, inputs, outputs, s->run++, b->diag);
    b->check = s->out[0];
}

/* --- single operations ------------------------------------------------------------------------ */

typedef kaon_node *build_one(kaon_graph *g, kaon_node *a);

static kaon_status one_set_up(bench *b, int64_t rows, int64_t columns, build_one *build)
{
    state *s;
    const int64_t shape[] = {rows, columns};
    KAON_TRY(state_new(&s));
    s->x = aligned_alloc(64, sizeof(float) * (size_t)(rows * columns));
    s->out = aligned_alloc(64, sizeof(float) * (size_t)(rows * columns));
    if (!s->x || !s->out)
        return KAON_NO_MEMORY;
    bench_fill(s->x, rows * columns, 1);
    bench_fill(s->out, rows * columns, 2); // touched before it is timed
    kaon_graph *g = graph(b, 0);
    if (!g)
        return KAON_NO_MEMORY;
    return compile(b, g, build(g, g->api->input(g, "a", KAON_F32, 2, shape)), s);
}

static kaon_node *chain(kaon_graph *g, kaon_node *a)
{
    kaon_node *h = kaon_shift(g, kaon_scale(g, a, 1.5), 0.25);
    h = kaon_mul(g, kaon_max(g, h, kaon_scalar(g, -0.5)), a);
    h = kaon_min(g, kaon_abs(g, kaon_shift(g, h, -0.125)), kaon_scalar(g, 2));
    return kaon_mul(g, h, h);
}

static kaon_node *softmax(kaon_graph *g, kaon_node *a)
{
    return kaon_op1(g, "softmax", a);
}

static kaon_node *norm(kaon_graph *g, kaon_node *a)
{
    const double n = (double)kaon_dim(a, 1);
    kaon_node *mean = kaon_scale(g, kaon_reduce(g, "reduce_sum", a, 1, 1), 1 / n);
    kaon_node *d = kaon_sub(g, a, mean);
    kaon_node *var = kaon_scale(g, kaon_reduce(g, "reduce_sum", kaon_square(g, d), 1, 1), 1 / n);
    return kaon_mul(g, d, kaon_rsqrt(g, kaon_shift(g, var, 1e-5)));
}

static kaon_node *twenty(kaon_graph *g, kaon_node *a)
{
    kaon_node *h = a;
    for (int i = 0; i < 10; i++)
        h = kaon_add(g, kaon_mul(g, h, a), kaon_sin(g, h));
    return h;
}

static kaon_node *self_product(kaon_graph *g, kaon_node *a)
{
    return kaon_matmul(g, a, a);
}

static kaon_status matmul_set_up(bench *b)
{
    return one_set_up(b, 2048, 2048, self_product);
}

static kaon_status chain_set_up(bench *b)
{
    return one_set_up(b, 16384, 1024, chain);
}

static kaon_status softmax_set_up(bench *b)
{
    return one_set_up(b, 16384, 1024, softmax);
}

static kaon_status norm_set_up(bench *b)
{
    return one_set_up(b, 16384, 1024, norm);
}

static kaon_status sum_set_up(bench *b)
{
    return one_set_up(b, 16384, 1024, kaon_sum_all);
}

static kaon_status step_set_up(bench *b)
{
    return one_set_up(b, 1, 1, twenty);
}

const bench_row bench_programs[] = {
    {"train", train_set_up, train, 1, 0},     {"infer", infer_set_up, apply, EVENTS, 0},
    {"latency", latency_set_up, apply, 1, 1}, {"matmul", matmul_set_up, apply, 1, 0},
    {"chain", chain_set_up, apply, 1, 0},     {"softmax", softmax_set_up, apply, 1, 0},
    {"norm", norm_set_up, apply, 1, 0},       {"sum", sum_set_up, apply, 1, 0},
    {"step", step_set_up, apply, 1, 1},       {0},
};
