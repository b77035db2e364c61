/* network_target.c: a target of values with mean 0 and deviation 1 while it is learned.
 *
 * Prices of 200,000 or energies of 1e-3 would need a learning rate of their own. Mean and deviation
 * (weighted, of the training events) are variables of the model without gradient, so that programs
 * compiled before the fit see them and the model file holds them.
 */
#include "network.h"

#include <math.h>

static int wanted(const network *n)
{
    return n->settings->scale_target && n->loss->target == KAON_TARGET_VALUES;
}

// "target/mean" or "target/deviation"; the deviation starts at 1.
static kaon_node *number(const network *n, kaon_graph *g, const char *name, int32_t init)
{
    if (n->frozen)
        return network_constant(n, g, name);
    const int64_t width = n->target_width;
    return kaon_state(g, name, width > 1, &width, init);
}

kaon_node *network_target_in(const network *n, kaon_graph *g, kaon_node *target)
{
    if (!wanted(n))
        return target;
    kaon_node *away = kaon_sub(g, target, number(n, g, "target/mean", KAON_INIT_ZERO));
    return kaon_div(g, away, number(n, g, "target/deviation", KAON_INIT_ONE));
}

kaon_node *network_target_out(const network *n, kaon_graph *g, kaon_node *prediction)
{
    if (!wanted(n))
        return prediction;
    kaon_node *spread = kaon_mul(g, prediction, number(n, g, "target/deviation", KAON_INIT_ONE));
    return kaon_add(g, spread, number(n, g, "target/mean", KAON_INIT_ZERO));
}

/* --- fit -------------------------------------------------------------------------------------- */

static double at(const kaon_view *view, int64_t i)
{
    if (!view->data)
        return 1; // no weights: ones
    return view->dtype == KAON_F64 ? ((const double *)view->data)[i]
                                   : (double)((const float *)view->data)[i];
}

// Weighted mean and population deviation of one column of the target; 0 if there is no such thing.
static int moments(const kaon_view *target, const kaon_view *weight, int64_t rows, int64_t width,
                   int64_t column, double *mean, double *deviation)
{
    double total = 0, sum = 0, square = 0;
    for (int64_t i = 0; i < rows; i++) {
        total += at(weight, i);
        sum += at(weight, i) * at(target, i * width + column);
    }
    if (!(total > 0) || !isfinite(sum))
        return 0;
    *mean = sum / total;
    for (int64_t i = 0; i < rows; i++)
        square += at(weight, i) * pow(at(target, i * width + column) - *mean, 2);
    *deviation = square > 0 ? sqrt(square / total) : 1;
    return isfinite(*deviation);
}

static kaon_status set(const network *n, const char *name, double *values, kaon_diag *diag)
{
    const kaon_view view = {.size = sizeof view,
                            .dtype = KAON_F64,
                            .device_type = KAON_DEVICE_CPU,
                            .rank = n->target_width > 1,
                            .data = values,
                            .shape = &n->target_width};
    return n->programs->variable_set(n->variables, name, 0, &view, diag);
}

kaon_status network_target_fit(const network *n, kaon_table *table, kaon_diag *diag)
{
    kaon_column target = {.size = sizeof target}, weight = {.size = sizeof weight};
    if (!wanted(n))
        return KAON_OK;
    KAON_TRY(n->tables->column_of(table, KAON_ROLE_TARGET, &target));
    if (n->tables->column_of(table, KAON_ROLE_WEIGHT, &weight))
        weight.view.data = NULL;
    if (target.view.dtype != KAON_F32 && target.view.dtype != KAON_F64)
        return kaon_fail(diag, KAON_INVALID, "the target '%s' must hold floats", target.name);
    const int64_t width = n->target_width;
    double *values = kaon_alloc(n->host, (uint64_t)(2 * width) * sizeof *values);
    if (!values)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a target");
    kaon_status status = KAON_OK;
    for (int64_t i = 0; i < width && !status; i++)
        if (!moments(&target.view, &weight.view, target.view.shape[0], width, i, &values[i],
                     &values[width + i]))
            status = kaon_fail(diag, KAON_NOT_FINITE,
                               "the target '%s' has no finite mean and deviation", target.name);
    if (!status)
        status = set(n, "target/mean", values, diag);
    if (!status)
        status = set(n, "target/deviation", values + width, diag);
    kaon_free(n->host, values);
    return status;
}
