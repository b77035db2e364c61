/* layer_test.c: what every installed layer, loss, penalty and optimizer must do.
 *
 * Gradients in f64 against central differences to 1e-6, forward against reverse mode, no event and
 * one event, NaN in NaN out, events that do not see each other, refusal of settings outside their
 * limits. An item without a row below is run with its defaults; where those are refused, because an
 * option has none, it is named as skipped.
 */
#include <kaon/test.h>

#include <kaon/random.h>

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "items.h"

enum { NUMBERS = 4096 };

/* Settings of items that need some. */
static const struct {
    const char *name, *settings;
} known[] = {
    {"dense", "units: 4, activation: tanh"},
    {"maxout", "units: 3"},
    {"radial", "units: 3"},
    {"lorentz", "units: 3"},
    {"lp", "p: 3"},
};

// Shapes of one event, tried in this order.
static const kt_dims shapes[] = {
    {2, {3, 5}},
    {3, {3, 4, 4}},
    {4, {3, 2, 6, 6}},
    {2, {3, 1}},
};

/* Exclusions, each with its reason. */
static const struct {
    const char *name, *what, *why;
} excluded[] = {
    {"step", "gradient", "its gradient is 0 by definition"},
    {"sign", "gradient", "its gradient is 0 by definition"},
};

static int is_excluded(const char *name, const char *what)
{
    for (size_t i = 0; i < sizeof excluded / sizeof *excluded; i++)
        if (strcmp(excluded[i].name, name) == 0 && strcmp(excluded[i].what, what) == 0)
            return 1;
    return 0;
}

static const kaon_program_api *programs(void)
{
    return kt_service(KAON_PROGRAM_SERVICE);
}

static const char *settings_of(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].settings;
    return "";
}

static void each(const char *interface_id, item_check *check)
{
    each_item(interface_id, settings_of, check);
}

static void draw(uint64_t stream, int64_t count, double *out)
{
    kaon_random_stream r = {.seed = 5, .stream = stream};
    for (int64_t i = 0; i < count; i++)
        out[i] = 2 * kaon_random_uniform(&r) - 1;
}

/* --- layers ----------------------------------------------------------------------------------- */

// The first shape the layer takes; rank 0 if it takes none.
static kt_dims shape_for(const kaon_part *part)
{
    const kaon_layer *table = part->table;
    kt_dims found = {0, {0}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && !found.rank; i++) {
        kaon_graph *g = kt_graph(KAON_F32, 0);
        kaon_node *x = g->api->input(g, "in", KAON_F32, shapes[i].rank, shapes[i].at);
        table->build(g, part->settings, x);
        if (g->api->check(g, kt_diag()) == KAON_OK)
            found = shapes[i];
        programs()->graph_free(g);
    }
    return found;
}

static kt_layer open_layer(const kaon_part *part, int32_t float_type)
{
    kt_layer layer = {.part = part, .float_type = float_type};
    kt_ok(programs()->variables_new(kt_host(), 3, &layer.variables, kt_diag()));
    return layer;
}

// Runs the layer; returns the number of outputs per event.
static int64_t run_layer(kt_layer *layer, const double *in, kt_dims shape, double *out)
{
    const kaon_layer *table = layer->part->table;
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *x = g->api->input(g, "in", KAON_F64, shape.rank, shape.at);
    kaon_node *y = table->build(g, layer->part->settings, x);
    int64_t width = 1;
    kt_ok(g->api->check(g, kt_diag()));
    for (int32_t i = 1; i < kaon_rank(y); i++)
        width *= kaon_dim(y, i);
    kt_near((double)kaon_dim(y, 0), (double)shape.at[0], 0);
    kt_true(width * shape.at[0] <= NUMBERS);
    const void *inputs[] = {in};
    void *results[] = {out};
    kt_compute(g, layer->variables, 1, &y, inputs, results);
    return width;
}

static void layer_gradient(const char *name, const kaon_part *part)
{
    static double in[NUMBERS];
    const kt_dims shape = shape_for(part);
    if (!shape.rank || is_excluded(name, "gradient")) {
        print_message("    left out\n");
        return;
    }
    kt_layer layer = open_layer(part, KAON_F64);
    draw(1, kt_count(shape), in);
    kt_check_gradients(&layer, in, shape, 1e-6);
    kt_layer_close(&layer);
}

static void layer_events(const char *name, const kaon_part *part)
{
    static double in[NUMBERS], all[NUMBERS], one[NUMBERS];
    kt_dims shape = shape_for(part);
    (void)name;
    if (!shape.rank)
        return;
    const int64_t events = shape.at[0], width_in = kt_count(shape) / events;
    kt_layer layer = open_layer(part, KAON_F64);
    draw(2, kt_count(shape), in);
    const int64_t width = run_layer(&layer, in, shape, all);

    shape.at[0] = 1; // each event alone gives what it gives in company
    for (int64_t i = 0; i < events; i++) {
        run_layer(&layer, in + i * width_in, shape, one);
        for (int64_t j = 0; j < width; j++)
            kt_near(one[j], all[i * width + j], 1e-12);
    }
    shape.at[0] = 0; // no event at all is an input like others
    run_layer(&layer, in, shape, one);

    shape.at[0] = events; // NaN stays in its event, and does not vanish there
    in[width_in] = NAN;
    run_layer(&layer, in, shape, one);
    int lost = 1;
    for (int64_t j = 0; j < width; j++) {
        kt_near(one[j], all[j], 1e-12);
        lost = lost && !isnan(one[width + j]);
    }
    kt_true(!lost);
    kt_layer_close(&layer);
}

KT_TEST(layers_have_true_gradients)
{
    each(KAON_LAYER, layer_gradient);
}

KT_TEST(layers_treat_events_alike)
{
    each(KAON_LAYER, layer_events);
}

/* --- losses ----------------------------------------------------------------------------------- */

// A scalar function of one array, with its gradient.
typedef struct {
    kaon_program *program;
    kaon_variables *variables;
    const void *target;
    double y;
    double grad[NUMBERS];
} function;

static void evaluate(function *f, const double *x)
{
    const void *inputs[] = {x, f->target};
    void *results[] = {&f->y, f->grad};
    kt_ok(programs()->run(f->program, inputs, results, 0, kt_diag()));
}

static void compile(function *f, kaon_graph *g, kaon_node *y, kaon_node *x)
{
    kaon_node *nodes[2] = {y, NULL};
    kt_ok(g->api->check(g, kt_diag()));
    kt_ok(g->api->gradient(g, y, NULL, 1, &x, &nodes[1]));
    kt_ok(programs()->variables_new(kt_host(), 3, &f->variables, kt_diag()));
    const kaon_compile_job job = {sizeof job, 2, g, nodes, f->variables, 1};
    kt_ok(programs()->compile(kt_host(), &job, &f->program, kt_diag()));
    programs()->graph_free(g);
}

static void close_function(function *f)
{
    programs()->program_free(f->program);
    programs()->variables_release(f->variables);
}

// Central differences with Richardson's extrapolation, at each of `count` numbers.
static void check_slopes(function *f, double *x, int64_t count)
{
    static double grad[NUMBERS];
    evaluate(f, x);
    memcpy(grad, f->grad, (size_t)count * sizeof *grad);
    for (int64_t i = 0; i < count; i++) {
        const double h = 1e-3, start = x[i];
        double y[4];
        const double at[] = {h, -h, h / 2, -h / 2};
        for (int j = 0; j < 4; j++) {
            x[i] = start + at[j];
            evaluate(f, x);
            y[j] = f->y;
        }
        x[i] = start;
        kt_near(grad[i], (4 * (y[2] - y[3]) / h - (y[0] - y[1]) / (2 * h)) / 3,
                1e-6 * fmax(1, fabs(grad[i])));
    }
}

static kt_dims loss_shape(const kaon_loss *table, int64_t events)
{
    return (kt_dims){2, {events, table->target == KAON_TARGET_SIGN ? 1 : 4}};
}

static kaon_node *loss_target(const kaon_loss *table, kaon_graph *g, kt_dims shape)
{
    if (table->target == KAON_TARGET_VALUES)
        return g->api->input(g, "target", KAON_F64, 2, shape.at);
    return g->api->input(g, "target", KAON_I64, 1, shape.at);
}

static const int64_t classes[] = {1, 0, 1};

static void loss_gradient(const char *name, const kaon_part *part)
{
    static function f;
    static double x[NUMBERS], values[NUMBERS];
    const kaon_loss *table = part->table;
    const kt_dims shape = loss_shape(table, 3);
    (void)name;
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *in = g->api->input(g, "output", KAON_F64, 2, shape.at);
    kaon_node *losses = table->build(g, part->settings, in, loss_target(table, g, shape));
    kt_near(kaon_rank(losses), 1, 0);
    kt_near((double)kaon_dim(losses, 0), 3, 0);
    compile(&f, g, kaon_sum_all(g, losses), in);
    draw(3, kt_count(shape), x);
    draw(4, kt_count(shape), values);
    f.target = table->target == KAON_TARGET_VALUES ? (const void *)values : classes;
    check_slopes(&f, x, kt_count(shape));
    kt_true(isfinite(f.y));
    x[0] = NAN;
    evaluate(&f, x);
    kt_near(f.y, NAN, 0);
    close_function(&f);
}

static void loss_empty(const char *name, const kaon_part *part)
{
    const kaon_loss *table = part->table;
    const kt_dims shape = loss_shape(table, 0);
    (void)name;
    kaon_graph *g = kt_graph(KAON_F32, 0);
    kaon_node *in = g->api->input(g, "output", KAON_F32, 2, shape.at);
    const int32_t dtype = table->target == KAON_TARGET_VALUES ? KAON_F32 : KAON_I64;
    kaon_node *target = g->api->input(g, "target", dtype, dtype == KAON_F32 ? 2 : 1, shape.at);
    kaon_node *y = kaon_sum_all(g, table->build(g, part->settings, in, target));
    float sum = 1;
    const void *inputs[] = {&sum, &sum};
    void *results[] = {&sum};
    kt_compute(g, NULL, 1, &y, inputs, results);
    kt_near(sum, 0, 0);
}

KT_TEST(losses_have_true_gradients)
{
    each(KAON_LOSS, loss_gradient);
}

KT_TEST(losses_of_no_event_are_none)
{
    each(KAON_LOSS, loss_empty);
}

/* --- penalties -------------------------------------------------------------------------------- */

static void penalty_gradient(const char *name, const kaon_part *part)
{
    static function f;
    static double x[NUMBERS];
    const kaon_penalty *table = part->table;
    const int64_t shape[] = {3, 4};
    (void)name;
    kaon_graph *g = kt_graph(KAON_F64, 0);
    kaon_node *in = g->api->input(g, "w", KAON_F64, 2, shape);
    kaon_node *price = table->build(g, part->settings, in);
    kt_near(kaon_rank(price), 0, 0);
    compile(&f, g, price, in);
    memset(x, 0, sizeof x);
    evaluate(&f, x);
    kt_near(f.y, 0, 0); // nothing costs nothing
    draw(6, 12, x);
    check_slopes(&f, x, 12);
    kt_true(f.y > 0);
    close_function(&f);
}

KT_TEST(penalties_have_true_gradients)
{
    each(KAON_PENALTY, penalty_gradient);
}

/* --- optimizers ------------------------------------------------------------------------------- */

// Five steps on f = |w|^2 / 2 in the given precision; w starts at (1, -2, 0).
static void descend(const kaon_part *part, int32_t float_type, double *w)
{
    static const double start[] = {1, -2, 0};
    const kaon_optimizer *table = part->table;
    const int64_t three = 3;
    kaon_variables *variables = NULL;
    kaon_program *p = NULL;
    kaon_view view = {sizeof view, KAON_F64, KAON_DEVICE_CPU, 0, 1, 0, (void *)start, &three, NULL};
    kt_ok(programs()->variables_new(kt_host(), 3, &variables, kt_diag()));
    kaon_graph *g = kt_graph(float_type, 1);
    if (table->point)
        g->api->through(g, table->point, part->settings);
    kaon_node *x = kaon_param(g, "w", 1, &three, KAON_INIT_ZERO), *param = NULL, *grad = NULL;
    kaon_node *y = kaon_scale(g, kaon_sum_all(g, kaon_square(g, x)), 0.5);
    g->api->through(g, NULL, NULL);
    kt_near(g->api->params(g, 1, &param), 1, 0);
    kt_ok(g->api->gradient(g, y, NULL, 1, &param, &grad));
    kaon_node *rate = g->api->input(g, "rate", float_type, 0, NULL);
    kaon_node *step = g->api->input(g, "step", float_type, 0, NULL);
    kaon_update(g, param, table->build(g, part->settings, param, grad, rate, step));
    kt_ok(g->api->check(g, kt_diag()));
    const kaon_compile_job job = {sizeof job, 0, g, NULL, variables, 1};
    kt_ok(programs()->compile(kt_host(), &job, &p, kt_diag()));
    kt_ok(programs()->variable_set(variables, "w", KAON_TRAINABLE, &view, kt_diag()));
    for (int i = 0; i < 5; i++) {
        const double f64[] = {1, i + 1};
        const float f32[] = {1, (float)i + 1};
        const void *inputs[2];
        for (int j = 0; j < 2; j++)
            inputs[j] = float_type == KAON_F64 ? (const void *)&f64[j] : &f32[j];
        kt_ok(programs()->run(p, inputs, NULL, (uint64_t)i, kt_diag()));
    }
    view.data = w;
    kt_ok(programs()->variable_get(variables, "w", &view, kt_diag()));
    programs()->program_free(p);
    programs()->graph_free(g);
    programs()->variables_release(variables);
}

static void optimizer_descends(const char *name, const kaon_part *part)
{
    double f64[3], f32[3];
    (void)name;
    descend(part, KAON_F64, f64);
    kt_true(f64[0] < 1 && f64[0] > -1);
    kt_true(f64[1] > -2 && f64[1] < 2);
    kt_near(f64[2], 0, 0); // no gradient, no step
    descend(part, KAON_F32, f32);
    for (int i = 0; i < 3; i++)
        kt_near(f32[i], f64[i], 2e-5); // 1 - 0.999 keeps four digits in f32
}

KT_TEST(optimizers_descend)
{
    each(KAON_OPTIMIZER, optimizer_descends);
}

/* --- settings --------------------------------------------------------------------------------- */

static const char *const kinds[] = {KAON_LAYER, KAON_LOSS, KAON_PENALTY, KAON_OPTIMIZER};

// A number just outside the limits of an option is refused by its name.
static void refuse_below(const char *interface_id, const char *name, const kaon_option *option)
{
    const kaon_items_api *items = kt_service(KAON_ITEMS_SERVICE);
    const kaon_part *part = NULL;
    char text[512];
    const int limited = option->min < 0 || option->min > 0 || option->max > 0;
    if ((option->kind != KAON_OPTION_INT && option->kind != KAON_OPTION_FLOAT) || !limited)
        return;
    snprintf(text, sizeof text, "%s: {%s: %.0f}", name, option->name, floor(option->min) - 1);
    kt_true(items->part_new(kt_host(), interface_id, text, &part, kt_diag()) != KAON_OK);
    kt_says(kt_words(), option->name);
}

static void check_settings(const char *interface_id, const char *name, const kaon_part *part)
{
    const kaon_head *head = part->table;
    kt_refuses_settings(interface_id, name, "no_such_option: 1", "no_such_option");
    const kaon_option *option = head->options;
    while (option && option->name) {
        refuse_below(interface_id, name, option);
        option = (const kaon_option *)(const void *)((const char *)option + option->size);
    }
}

static void layer_settings(const char *name, const kaon_part *part)
{
    check_settings(part->interface_id, name, part);
}

KT_TEST(settings_outside_their_limits_are_refused)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        each(kinds[i], layer_settings);
}
