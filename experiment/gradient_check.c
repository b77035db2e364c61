/* gradient_check.c: derivatives of what an item builds, against central differences.
 *
 * All derivatives of sum(c * y), c drawn at random, by reverse mode in one run; each of them once
 * more from four runs at x +- h and x +- h / 2 (Richardson's extrapolation: the error goes with
 * h^4). A kink that lies between the points spoils a few of them: then other points are drawn,
 * twice.
 */
#include "experiment/gradient_check.h"

#include <kaon/layer.h>
#include <kaon/program.h>
#include <kaon/random.h>
#include <math.h>
#include <string.h>

#include "kernel/diag.h"
#include "kernel/memory.h"

enum {
    NUMBERS = 1024, // of one tensor, at most
    TRIED = 48,     // of each tensor
    PARAMS = 16,
    DRAWS = 3
};

static const double step = 1e-3, tolerance = 1e-5;

// Something to be differentiated: y(x, target; parameters), and all that belongs to it.
typedef struct {
    const kaon_host *host;
    const kaon_part *part;
    const kaon_program_api *api;
    kaon_program *program;
    kaon_variables *variables;
    int32_t param_count;
    char names[PARAMS][128];
    int64_t sizes[PARAMS];
    int64_t x_count, y_count;
    int64_t classes[NUMBERS];
    double x[NUMBERS], c[NUMBERS], target[NUMBERS], y[NUMBERS];
    double grads[PARAMS + 1][NUMBERS]; // by x, then by each parameter
    double value[NUMBERS];             // of a parameter
    kn_diag fault;
} trial;

static int64_t count_of(const kaon_node *node)
{
    int64_t count = 1;
    for (int32_t i = 0; i < kaon_rank(node); i++)
        count *= kaon_dim(node, i);
    return count;
}

int32_t kn_gradient_applies(const kaon_part *part)
{
    return !strcmp(part->interface_id, KAON_LAYER) || !strcmp(part->interface_id, KAON_LOSS) ||
           !strcmp(part->interface_id, KAON_PENALTY);
}

/* --- the graph -------------------------------------------------------------------------------- */

static kaon_node *build_loss(trial *t, kaon_graph *g, kaon_node *x)
{
    const kaon_loss *table = t->part->table;
    const int64_t *shape = (const int64_t[]){kaon_dim(x, 0), kaon_dim(x, 1)};
    const int32_t values = table->target == KAON_TARGET_VALUES;
    kaon_node *target = values ? g->api->input(g, "target", KAON_F64, 2, shape)
                               : g->api->input(g, "target", KAON_I64, 1, shape);
    return table->build(g, t->part->settings, x, target);
}

static kaon_node *build(trial *t, kaon_graph *g, kaon_node *x)
{
    if (!strcmp(t->part->interface_id, KAON_LAYER))
        return ((const kaon_layer *)t->part->table)->build(g, t->part->settings, x);
    if (!strcmp(t->part->interface_id, KAON_PENALTY))
        return ((const kaon_penalty *)t->part->table)->build(g, t->part->settings, x);
    return build_loss(t, g, x);
}

static kaon_status note_params(trial *t, kaon_graph *g, kaon_node **params)
{
    t->param_count = g->api->params(g, PARAMS, params);
    if (t->param_count > PARAMS)
        t->param_count = PARAMS;
    for (int32_t i = 0; i < t->param_count; i++) {
        snprintf(t->names[i], sizeof t->names[i], "%s", g->api->name(params[i]));
        t->sizes[i] = count_of(params[i]);
        if (t->sizes[i] > NUMBERS)
            return kaon_fail(&t->fault.diag, KAON_UNSUPPORTED, "parameter %s has too many numbers",
                             t->names[i]);
    }
    return KAON_OK;
}

static kaon_status compile(trial *t, kaon_graph *g, kaon_node *x, kaon_node *y)
{
    kaon_node *by[PARAMS + 1] = {x}, *nodes[PARAMS + 2] = {y};
    int64_t shape[KAON_MAX_RANK];
    kaon_diag *diag = &t->fault.diag;
    t->x_count = count_of(x);
    t->y_count = count_of(y);
    if (t->y_count > NUMBERS)
        return kaon_fail(diag, KAON_UNSUPPORTED, "it gives too many numbers");
    KAON_TRY(note_params(t, g, by + 1));
    for (int32_t i = 0; i < kaon_rank(y); i++)
        shape[i] = kaon_dim(y, i);
    kaon_node *c = g->api->input(g, "c", KAON_F64, kaon_rank(y), shape);
    KAON_TRY(g->api->gradient(g, y, c, t->param_count + 1, by, nodes + 1));
    KAON_TRY(g->api->check(g, diag));
    const kaon_compile_job job = {.size = sizeof job,
                                  .output_count = t->param_count + 2,
                                  .graph = g,
                                  .outputs = nodes,
                                  .variables = t->variables,
                                  .seed = 1};
    return t->api->compile(t->host, &job, &t->program, diag);
}

static kaon_status make(trial *t, int32_t rank, const int64_t *shape)
{
    kaon_graph *g = NULL;
    const kaon_graph_spec spec = {.size = sizeof spec, .float_type = KAON_F64};
    kaon_diag *diag = &t->fault.diag;
    kn_diag_clear(&t->fault);
    t->api->variables_release(t->variables);
    t->variables = NULL;
    KAON_TRY(t->api->variables_new(t->host, 3, &t->variables, diag));
    KAON_TRY(t->api->graph_new(t->host, &spec, &g, diag));
    kaon_node *x = g->api->input(g, "x", KAON_F64, rank, shape);
    kaon_node *y = build(t, g, x);
    kaon_status status = g->api->check(g, diag);
    if (!status)
        status = compile(t, g, x, y);
    t->api->graph_free(g);
    return status;
}

// Inputs of one event, in the order they are tried.
static kaon_status find_shape(trial *t)
{
    static const struct {
        int32_t rank;
        int64_t shape[4];
    } shapes[] = {{2, {3, 5}}, {2, {3, 1}}, {3, {3, 4, 4}}, {4, {3, 2, 6, 6}}};
    kaon_status status = KAON_OK;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        status = make(t, shapes[i].rank, shapes[i].shape);
        if (!status)
            return KAON_OK;
    }
    return status;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void draw(trial *t, uint64_t seed)
{
    kaon_random_stream r = {.seed = seed, .stream = 1};
    for (int64_t i = 0; i < NUMBERS; i++) {
        t->x[i] = 2 * kaon_random_uniform(&r) - 1;
        t->c[i] = 2 * kaon_random_uniform(&r) - 1;
        t->target[i] = 2 * kaon_random_uniform(&r) - 1;
        t->classes[i] = i % 2;
    }
}

// sum(c * y); the gradients lie in t->grads, or stay as they are.
static kaon_status evaluate(trial *t, double *sum, int32_t keep)
{
    double unused[NUMBERS];
    const void *inputs[3] = {t->x};
    void *outputs[PARAMS + 2] = {t->y};
    int32_t count = 1;
    if (!strcmp(t->part->interface_id, KAON_LOSS)) {
        const kaon_loss *table = t->part->table;
        inputs[count++] =
            table->target == KAON_TARGET_VALUES ? (const void *)t->target : t->classes;
    }
    inputs[count] = t->c;
    for (int32_t i = 0; i <= t->param_count; i++)
        outputs[i + 1] = keep ? t->grads[i] : unused;
    KAON_TRY(t->api->run(t->program, inputs, outputs, 0, &t->fault.diag));
    *sum = 0;
    for (int64_t i = 0; i < t->y_count; i++)
        *sum += t->c[i] * t->y[i];
    return KAON_OK;
}

/* Moves the values of parameter `index` (1, 2, ...) between t->value and the program. */
static kaon_status move(trial *t, int32_t index, int32_t into_program)
{
    int64_t shape[KAON_MAX_RANK];
    kaon_variable_info info = {.size = sizeof info};
    int32_t i = 0;
    do
        KAON_TRY(t->api->variable_at(t->variables, i++, &info, &t->fault.diag));
    while (strcmp(info.name, t->names[index - 1]) != 0);
    memcpy(shape, info.view.shape, (size_t)info.view.rank * sizeof *shape);
    const kaon_view view = {.size = sizeof view,
                            .dtype = KAON_F64,
                            .device_type = KAON_DEVICE_CPU,
                            .rank = info.view.rank,
                            .data = t->value,
                            .shape = shape};
    if (into_program)
        return t->api->variable_set(t->variables, info.name, info.flags, &view, &t->fault.diag);
    return t->api->variable_get(t->variables, info.name, &view, &t->fault.diag);
}

// What was changed, handed to the program; x (index 0) is an input and needs nothing.
static kaon_status put(trial *t, int32_t index)
{
    return index ? move(t, index, 1) : KAON_OK;
}

static kaon_status difference(trial *t, int32_t index, int64_t at, double *out)
{
    const double moves[] = {step, -step, step / 2, -step / 2};
    double *numbers = index ? t->value : t->x, sums[4];
    const double start = numbers[at];
    for (int i = 0; i < 4; i++) {
        numbers[at] = start + moves[i];
        KAON_TRY(put(t, index));
        KAON_TRY(evaluate(t, &sums[i], 0));
    }
    numbers[at] = start;
    *out = (4 * (sums[2] - sums[3]) / step - (sums[0] - sums[1]) / (2 * step)) / 3;
    return put(t, index);
}

/* --- the comparison --------------------------------------------------------------------------- */

static kaon_status compare(trial *t, int32_t index, char why[KN_GRADIENT_WHY], int32_t *agree)
{
    const int64_t size = index ? t->sizes[index - 1] : t->x_count;
    const int64_t stride = size > TRIED ? size / TRIED : 1;
    for (int64_t i = 0; i < size && *agree; i += stride) {
        double expected, found = t->grads[index][i];
        KAON_TRY(difference(t, index, i, &expected));
        if (fabs(found - expected) <= tolerance * fmax(1, fabs(expected)))
            continue;
        *agree = 0;
        snprintf(why, KN_GRADIENT_WHY,
                 "the derivative by number %lld of %s%s is %.6g, differences "
                 "give %.6g",
                 (long long)i, index ? "parameter " : "the input", index ? t->names[index - 1] : "",
                 found, expected);
    }
    return KAON_OK;
}

static kaon_status compare_all(trial *t, uint64_t seed, char why[KN_GRADIENT_WHY], int32_t *agree)
{
    double sum;
    *agree = 1;
    draw(t, seed);
    KAON_TRY(evaluate(t, &sum, 1));
    if (!isfinite(sum)) {
        *agree = 0;
        snprintf(why, KN_GRADIENT_WHY, "it gives %g for numbers between -1 and 1", sum);
    }
    for (int32_t index = 0; index <= t->param_count && *agree; index++) {
        if (index)
            KAON_TRY(move(t, index, 0));
        KAON_TRY(compare(t, index, why, agree));
    }
    return KAON_OK;
}

int32_t kn_gradient_check(const kaon_host *host, const kaon_part *part, char why[KN_GRADIENT_WHY])
{
    int32_t agree = 0;
    trial *t = kn_alloc_zero(sizeof *t);
    snprintf(why, KN_GRADIENT_WHY, "out of memory");
    if (!t)
        return -1;
    kn_diag_init(&t->fault);
    t->host = host;
    t->part = part;
    t->api = host->service(host, KAON_PROGRAM_SERVICE);
    kaon_status status = t->api ? find_shape(t) : KAON_UNSUPPORTED;
    for (uint64_t seed = 1; seed <= DRAWS && !status && !agree; seed++)
        status = compare_all(t, seed, why, &agree);
    if (status)
        snprintf(why, KN_GRADIENT_WHY, "%.250s", t->fault.text);
    if (t->api) {
        t->api->program_free(t->program);
        t->api->variables_release(t->variables);
    }
    kn_free(t);
    return status ? -1 : agree;
}
