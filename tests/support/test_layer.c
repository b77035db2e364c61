/* test_layer.c: running layers in tests, and their gradients against differences. */
#include <kaon/test.h>

#include <kaon/random.h>

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const kaon_program_api *programs(void)
{
    return kt_service(KAON_PROGRAM_SERVICE);
}

int64_t kt_count(kt_dims shape)
{
    int64_t count = 1;
    for (int32_t i = 0; i < shape.rank; i++)
        count *= shape.at[i];
    return count;
}

static kt_dims dims_of(const kaon_node *node)
{
    kt_dims dims = {kaon_rank(node), {0}};
    for (int32_t i = 0; i < dims.rank; i++)
        dims.at[i] = kaon_dim(node, i);
    return dims;
}

/* --- graphs ----------------------------------------------------------------------------------- */

kaon_graph *kt_graph(int32_t float_type, int training)
{
    const kaon_graph_spec spec = {sizeof spec, float_type, training, 0};
    kaon_graph *g = NULL;
    kt_ok(programs()->graph_new(kt_host(), &spec, &g, kt_diag()));
    return g;
}

static kaon_program *compile(kaon_graph *g, kaon_variables *variables, int32_t count,
                             kaon_node *const *outputs)
{
    kt_ok(g->api->check(g, kt_diag()));
    const kaon_compile_job job = {sizeof job, count, g, outputs, variables, 7};
    kaon_program *p = NULL;
    kt_ok(programs()->compile(kt_host(), &job, &p, kt_diag()));
    return p;
}

void kt_compute(kaon_graph *g, kaon_variables *variables, int32_t count, kaon_node *const *outputs,
                const void *const *inputs, void *const *results)
{
    kaon_variables *own = NULL;
    if (!variables)
        kt_ok(programs()->variables_new(kt_host(), 7, &own, kt_diag()));
    kaon_program *p = compile(g, variables ? variables : own, count, outputs);
    kt_ok(programs()->run(p, inputs, results, 1, kt_diag()));
    programs()->program_free(p);
    programs()->variables_release(own);
    programs()->graph_free(g);
}

/* --- layers ----------------------------------------------------------------------------------- */

kt_layer kt_layer_open(const char *name, const char *settings)
{
    kt_layer layer = {.part = kt_part(KAON_LAYER, name, settings), .float_type = KAON_F32};
    kt_ok(programs()->variables_new(kt_host(), 1, &layer.variables, kt_diag()));
    return layer;
}

void kt_layer_close(kt_layer *layer)
{
    programs()->variables_release(layer->variables);
    layer->variables = NULL;
}

void kt_set_f32(kt_layer *layer, const char *name, const float *values)
{
    kt_true(layer->set_count < KT_SETS);
    layer->set_names[layer->set_count] = name;
    layer->set_values[layer->set_count++] = values;
}

// The variable of a name; fails the test if the layer has none.
static kaon_variable_info variable(const kt_layer *layer, const char *name)
{
    kaon_variable_info info = {.size = sizeof info};
    for (int32_t i = 0; i < programs()->variable_count(layer->variables); i++) {
        kt_ok(programs()->variable_at(layer->variables, i, &info, kt_diag()));
        if (strcmp(info.name, name) == 0)
            return info;
    }
    print_error("the layer has no parameter '%s'\n", name);
    _fail(__FILE__, __LINE__);
    return info;
}

static void apply_sets(kt_layer *layer)
{
    for (int32_t i = 0; i < layer->set_count; i++) {
        kaon_view view = variable(layer, layer->set_names[i]).view;
        view.dtype = KAON_F32;
        view.data = (void *)(uintptr_t)layer->set_values[i];
        view.strides = NULL;
        kt_ok(programs()->variable_set(layer->variables, layer->set_names[i], 0, &view, kt_diag()));
    }
    layer->set_count = 0;
}

void kt_get_f32(kt_layer *layer, const char *name, float *values, int64_t count)
{
    kaon_view view = variable(layer, name).view;
    kt_near((double)kaon_view_count(&view), (double)count, 0);
    view.dtype = KAON_F32;
    view.data = values;
    view.strides = NULL;
    kt_ok(programs()->variable_get(layer->variables, name, &view, kt_diag()));
}

static kaon_node *build(const kt_layer *layer, kaon_graph *g, kt_dims shape, kaon_node **in)
{
    const kaon_layer *table = layer->part->table;
    *in = g->api->input(g, "in", layer->float_type, shape.rank, shape.at);
    return table->build(g, layer->part->settings, *in);
}

static void run(kt_layer *layer, const void *in, kt_dims shape, void *out, int64_t count)
{
    kaon_graph *g = kt_graph(layer->float_type, layer->training);
    kaon_node *x = NULL;
    kaon_node *y = build(layer, g, shape, &x);
    kaon_program *p = compile(g, layer->variables, 1, &y);
    layer->out = dims_of(y);
    apply_sets(layer);
    kt_near((double)kt_count(layer->out), (double)count, 0);
    kt_ok(programs()->run(p, &in, &out, layer->run++, kt_diag()));
    programs()->program_free(p);
    programs()->graph_free(g);
}

void kt_run_f32(kt_layer *layer, const float *in, kt_dims shape, float *out, int64_t count)
{
    kt_true(layer->float_type == KAON_F32);
    run(layer, in, shape, out, count);
}

void kt_run_f64(kt_layer *layer, const double *in, kt_dims shape, double *out, int64_t count)
{
    layer->float_type = KAON_F64;
    run(layer, in, shape, out, count);
}

void kt_refuses(const char *name, const char *settings, kt_dims shape, const char *text)
{
    kt_layer layer = kt_layer_open(name, settings);
    kaon_graph *g = kt_graph(KAON_F32, 0);
    kaon_node *x = NULL;
    build(&layer, g, shape, &x);
    if (g->api->check(g, kt_diag()) == KAON_OK) {
        print_error("%s takes %s\n", name, kaon_shape_text(x));
        _fail(__FILE__, __LINE__);
    }
    kt_says(kt_words(), text);
    programs()->graph_free(g);
    kt_layer_close(&layer);
}

/* --- gradients -------------------------------------------------------------------------------- */

enum { PARAMS = 32, PROBES = 24 };

// y = sum seed * layer(in), with everything that is compared: reverse and forward derivatives.
typedef struct {
    kt_layer *layer;
    kaon_program *program;
    const double *in;
    int64_t in_count;
    int32_t param_count;
    char names[PARAMS][KAON_TEXT_MAX];
    int64_t counts[PARAMS + 1]; // of the input, then of each parameter
    double *grads[PARAMS + 1];
    double y;
    double tangent;
} probe;

// Fixed numbers in [-1, 1), another row for each stream.
static void draw(uint64_t stream, int64_t count, double *out)
{
    kaon_random_stream r = {.seed = 11, .stream = stream};
    for (int64_t i = 0; i < count; i++)
        out[i] = 2 * kaon_random_uniform(&r) - 1;
}

static void *room(int64_t count)
{
    void *memory = calloc((size_t)(count ? count : 1), sizeof(double));
    kt_true(memory != NULL);
    return memory;
}

static kaon_node *drawn(kaon_graph *g, uint64_t stream, kaon_node *like)
{
    const kt_dims dims = dims_of(like);
    double *values = room(kt_count(dims));
    draw(stream, kt_count(dims), values);
    const kaon_view view = {sizeof view, KAON_F64, KAON_DEVICE_CPU, 0,   dims.rank,
                            0,           values,   dims.at,         NULL};
    kaon_node *node = g->api->constant(g, &view);
    free(values);
    return node;
}

static void open_probe(probe *p, kt_dims shape)
{
    kaon_graph *g = kt_graph(KAON_F64, p->layer->training);
    kaon_node *xs[PARAMS + 1] = {NULL}, *dxs[PARAMS + 1] = {NULL};
    kaon_node *out = build(p->layer, g, shape, &xs[0]);
    kaon_node *y = kaon_sum_all(g, kaon_mul(g, out, drawn(g, 100, out)));
    p->param_count = g->api->params(g, PARAMS, xs + 1);
    kt_true(p->param_count <= PARAMS);

    kaon_node *results[PARAMS + 3] = {y, NULL};
    kt_ok(g->api->check(g, kt_diag()));
    kt_fails(g->api->gradient(g, y, NULL, p->param_count + 1, xs, results + 2), KAON_OK);
    for (int32_t i = 0; i <= p->param_count; i++) {
        p->counts[i] = kt_count(dims_of(xs[i]));
        p->grads[i] = room(p->counts[i]);
        dxs[i] = drawn(g, (uint64_t)i, xs[i]);
        if (i > 0)
            snprintf(p->names[i - 1], KAON_TEXT_MAX, "%s", g->api->name(xs[i]));
    }
    kt_fails(g->api->tangent(g, p->param_count + 1, xs, dxs, 1, &y, results + 1), KAON_OK);
    p->program = compile(g, p->layer->variables, p->param_count + 3, results);
    programs()->graph_free(g);
}

static double evaluate(probe *p)
{
    const void *inputs[] = {p->in};
    void *results[PARAMS + 3] = {&p->y, &p->tangent};
    for (int32_t i = 0; i <= p->param_count; i++)
        results[i + 2] = p->grads[i];
    kt_ok(programs()->run(p->program, inputs, results, p->layer->run, kt_diag()));
    return p->y;
}

// y with element `at` of source `which` (0: the input) moved by `by`.
static double moved(probe *p, int32_t which, int64_t at, double by, double *values)
{
    values[at] += by;
    if (which > 0) {
        kaon_view view = variable(p->layer, p->names[which - 1]).view;
        view.data = values;
        view.strides = NULL;
        kt_ok(programs()->variable_set(p->layer->variables, p->names[which - 1], 0, &view,
                                       kt_diag()));
    }
    const double *in = p->in;
    if (which == 0)
        p->in = values;
    const double y = evaluate(p);
    p->in = in;
    values[at] -= by;
    return y;
}

// Richardson's extrapolation of two central differences: the error is of order h^4.
static double slope(probe *p, int32_t which, int64_t at, double *values)
{
    const double h = 1e-3 * fmax(0.1, fabs(values[at]));
    const double wide =
        (moved(p, which, at, h, values) - moved(p, which, at, -h, values)) / (2 * h);
    const double half = h / 2;
    const double near =
        (moved(p, which, at, half, values) - moved(p, which, at, -half, values)) / (2 * half);
    return (4 * near - wide) / 3;
}

static double largest(const double *values, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

// One source against differences; at most PROBES of its elements, evenly spread.
static void check_source(probe *p, int32_t which, double tolerance)
{
    const int64_t count = p->counts[which];
    double *values = room(count), *grads = room(count);
    if (which == 0) {
        memcpy(values, p->in, (size_t)count * sizeof *values);
    } else {
        kaon_view view = variable(p->layer, p->names[which - 1]).view;
        view.data = values;
        view.strides = NULL;
        kt_ok(programs()->variable_get(p->layer->variables, p->names[which - 1], &view, kt_diag()));
    }
    evaluate(p);
    memcpy(grads, p->grads[which], (size_t)count * sizeof *grads);
    const double scale = fmax(1, largest(grads, count));
    const int64_t stride = count / PROBES + 1;
    for (int64_t i = 0; i < count; i += stride) {
        const double expected = slope(p, which, i, values);
        if (!(fabs(grads[i] - expected) <= tolerance * scale))
            print_error("gradient of %s, element %lld:\n", which ? p->names[which - 1] : "input",
                        (long long)i);
        kt_near(grads[i], expected, tolerance * scale);
    }
    if (which > 0 && count > 0)
        moved(p, which, 0, 0, values); // puts the parameter back
    free(values);
    free(grads);
}

void kt_check_gradients(kt_layer *layer, const double *in, kt_dims shape, double tolerance)
{
    probe *p = room((int64_t)(sizeof *p / sizeof(double) + 1));
    p->layer = layer;
    p->in = in;
    p->in_count = kt_count(shape);
    layer->float_type = KAON_F64;
    open_probe(p, shape);
    apply_sets(layer);

    // Forward mode along the drawn directions is the reverse gradient times them.
    evaluate(p);
    double along = 0, scale = 1;
    for (int32_t i = 0; i <= p->param_count; i++) {
        double *direction = room(p->counts[i]);
        draw((uint64_t)i, p->counts[i], direction);
        for (int64_t j = 0; j < p->counts[i]; j++) {
            along += direction[j] * p->grads[i][j];
            scale = fmax(scale, fabs(p->grads[i][j]));
        }
        free(direction);
    }
    kt_near(p->tangent, along, 1e-10 * scale * (double)(p->in_count + 1));

    for (int32_t i = 0; i <= p->param_count; i++)
        check_source(p, i, tolerance);
    for (int32_t i = 0; i <= p->param_count; i++)
        free(p->grads[i]);
    programs()->program_free(p->program);
    free(p);
}
