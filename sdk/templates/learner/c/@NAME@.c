/* @NAME@.c: a classifier that knows the mean of each class and asks which is nearest.
 *
 * in   features (rows, n); the target is a class
 * out  prediction (rows, classes): softmax over -|x - mean|^2 / 2
 *
 * Means are weighted by the events' weights, negative ones included.
 */
#include <kaon/graph.h>
#include <kaon/learner.h>

#include <math.h>
#include <string.h>

typedef struct {
    const kaon_host *host;
    const kaon_table_api *tables;
    int64_t features, classes;
    int32_t float_type; // of what comes out
    double *means;      // (classes, features)
} learner;

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    learner *l = self;
    if (!l)
        return;
    kaon_free(l->host, l->means);
    kaon_free(l->host, l);
}

static kaon_status create(const kaon_host *host, const void *settings, const kaon_task_facts *facts,
                          void **self, kaon_diag *diag)
{
    (void)settings;
    if (facts->target_dtype != KAON_I64 || facts->classes < 2)
        return kaon_fail(diag, KAON_INVALID, "@NAME@ needs a target of two classes or more");
    if (facts->feature_rank != 1)
        return kaon_fail(diag, KAON_INVALID, "@NAME@ needs features in one row, these have %d axes",
                         (int)facts->feature_rank);
    learner *l = kaon_alloc(host, sizeof *l);
    if (!l)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for @NAME@");
    *l = (learner){.host = host,
                   .tables = host->service(host, KAON_TABLE_SERVICE),
                   .features = facts->feature_shape[0],
                   .classes = facts->classes,
                   .float_type = facts->float_type};
    const uint64_t bytes = (uint64_t)(l->features * l->classes) * sizeof *l->means;
    l->means = kaon_alloc(host, bytes);
    if (!l->tables || !l->means) {
        destroy(l);
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %lld means",
                         (long long)facts->classes);
    }
    memset(l->means, 0, bytes);
    *self = l;
    return KAON_OK;
}

/* --- tables ----------------------------------------------------------------------------------- */

static double number(const kaon_view *view, int64_t i)
{
    return view->dtype == KAON_F64 ? ((const double *)view->data)[i]
                                   : (double)((const float *)view->data)[i];
}

static kaon_status features_of(const learner *l, const kaon_table *table, kaon_column *out,
                               kaon_diag *diag)
{
    *out = (kaon_column){.size = sizeof *out};
    if (l->tables->column_of(table, KAON_ROLE_FEATURES, out))
        return kaon_fail(diag, KAON_INVALID, "the table has no features");
    if (!kaon_dtype_is_float(out->view.dtype) || kaon_dtype_bytes(out->view.dtype) < 4)
        return kaon_fail(diag, KAON_UNSUPPORTED, "features must be f32 or f64, these are %s",
                         kaon_dtype_text(out->view.dtype));
    if (out->offsets || out->view.rank != 2 || out->view.shape[1] != l->features)
        return kaon_fail(diag, KAON_INVALID, "@NAME@ was made for %lld features per event",
                         (long long)l->features);
    return KAON_OK;
}

/* --- fit -------------------------------------------------------------------------------------- */

static kaon_status add_up(learner *l, const kaon_table *table, double *totals, kaon_diag *diag)
{
    kaon_column x, truth = {.size = sizeof truth}, weight = {.size = sizeof weight};
    KAON_TRY(features_of(l, table, &x, diag));
    if (l->tables->column_of(table, KAON_ROLE_TARGET, &truth))
        return kaon_fail(diag, KAON_INVALID, "the table has no target");
    const int weighted = l->tables->column_of(table, KAON_ROLE_WEIGHT, &weight) == KAON_OK;
    for (int64_t row = 0; row < l->tables->rows(table); row++) {
        const int64_t k = ((const int64_t *)truth.view.data)[row];
        const double w = weighted ? number(&weight.view, row) : 1;
        totals[k] += w;
        for (int64_t i = 0; i < l->features; i++)
            l->means[k * l->features + i] += w * number(&x.view, row * l->features + i);
    }
    return KAON_OK;
}

static kaon_status divide(learner *l, const double *totals, kaon_diag *diag)
{
    for (int64_t k = 0; k < l->classes; k++) {
        if (!(totals[k] > 0))
            return kaon_fail(diag, KAON_INVALID,
                             "the weights of class %lld add up to %g: a mean needs more than 0",
                             (long long)k, totals[k]);
        for (int64_t i = 0; i < l->features; i++) {
            double *mean = &l->means[k * l->features + i];
            *mean /= totals[k];
            if (!isfinite(*mean))
                return kaon_fail(diag, KAON_NOT_FINITE, "feature %lld holds NaN or infinity",
                                 (long long)i);
        }
    }
    return KAON_OK;
}

static kaon_status fit(void *self, const kaon_fit *what, kaon_diag *diag)
{
    learner *l = self;
    const uint64_t bytes = (uint64_t)l->classes * sizeof(double);
    double *totals = kaon_alloc(l->host, bytes);
    if (!totals)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for sums of weights");
    memset(totals, 0, bytes);
    memset(l->means, 0, (size_t)(l->features * l->classes) * sizeof *l->means);
    kaon_status status = add_up(l, what->train, totals, diag);
    if (!status)
        status = divide(l, totals, diag);
    kaon_free(l->host, totals);
    return status;
}

/* --- predict ---------------------------------------------------------------------------------- */

// The same mathematics as graph, with the means as constants: from features to probabilities. The
// host makes one program of a whole model so, which runs on any backend.
static kaon_node *build(void *self, kaon_graph *g, kaon_node *in)
{
    const learner *l = self;
    const int64_t shape[] = {1, l->classes, l->features};
    const int64_t rows[] = {kaon_dim(in, 0), 1, l->features};
    const kaon_view view = {.size = sizeof view,
                            .dtype = KAON_F64,
                            .device_type = KAON_DEVICE_CPU,
                            .rank = 3,
                            .data = l->means,
                            .shape = shape};
    kaon_node *means = kaon_cast(g, g->api->constant(g, &view), kaon_dtype(in));
    kaon_node *away =
        kaon_sub(g, kaon_reshape(g, in, 3, rows), means); // (batch, classes, features)
    kaon_node *score = kaon_scale(g, kaon_sum(g, kaon_square(g, away), -1), -0.5);
    kaon_node *top = kaon_reduce(g, "reduce_max", score, -1, 1);
    kaon_node *e = kaon_exp(g, kaon_sub(g, score, top));
    return kaon_div(g, e, kaon_reduce(g, "reduce_sum", e, -1, 1));
}

static void predict_row(const learner *l, const kaon_view *x, int64_t row, double *out)
{
    double top = -INFINITY, sum = 0;
    for (int64_t k = 0; k < l->classes; k++) {
        out[k] = 0;
        for (int64_t i = 0; i < l->features; i++) {
            const double away = number(x, row * l->features + i) - l->means[k * l->features + i];
            out[k] -= away * away / 2;
        }
        top = fmax(top, out[k]);
    }
    for (int64_t k = 0; k < l->classes; k++)
        sum += out[k] = exp(out[k] - top);
    for (int64_t k = 0; k < l->classes; k++)
        out[k] /= sum;
}

static kaon_status apply(void *self, kaon_table *in, kaon_table **out, kaon_diag *diag)
{
    const learner *l = self;
    const int64_t rows = l->tables->rows(in), shape[] = {rows, l->classes};
    kaon_column x;
    kaon_table *made = NULL;
    KAON_TRY(features_of(l, in, &x, diag));
    KAON_TRY(l->tables->without(in, KAON_ROLE_PREDICTION, &made, diag));
    kaon_column prediction = {.size = sizeof prediction,
                              .role = KAON_ROLE_PREDICTION,
                              .name = "prediction",
                              .view = {.size = sizeof(kaon_view),
                                       .dtype = KAON_F64,
                                       .device_type = KAON_DEVICE_CPU,
                                       .rank = 2,
                                       .shape = shape}};
    const kaon_status status = l->tables->column_add(made, &prediction, diag);
    if (status) {
        l->tables->release(made);
        return status;
    }
    for (int64_t row = 0; row < rows; row++)
        predict_row(l, &x.view, row, (double *)prediction.view.data + row * l->classes);
    *out = made;
    return KAON_OK;
}

/* --- model files ------------------------------------------------------------------------------ */

static kaon_status save(void *self, kaon_archive *into, kaon_diag *diag)
{
    const learner *l = self;
    const int64_t shape[] = {l->classes, l->features};
    const kaon_view view = {.size = sizeof view,
                            .dtype = KAON_F64,
                            .device_type = KAON_DEVICE_CPU,
                            .rank = 2,
                            .data = l->means,
                            .shape = shape};
    return into->api->put(into, "means", &view, diag);
}

static kaon_status load(void *self, kaon_archive *from, kaon_diag *diag)
{
    const learner *l = self;
    kaon_view view = {.size = sizeof view};
    KAON_TRY(from->api->get(from, "means", &view, diag));
    if (view.dtype != KAON_F64 || kaon_view_count(&view) != l->classes * l->features)
        return kaon_fail(diag, KAON_CORRUPT,
                         "'means' holds %lld numbers of %s, expected %lld of f64",
                         (long long)kaon_view_count(&view), kaon_dtype_text(view.dtype),
                         (long long)(l->classes * l->features));
    memcpy(l->means, view.data, (size_t)(l->classes * l->features) * sizeof *l->means);
    return KAON_OK;
}

static const kaon_learner table = {
    .size = sizeof table,
    .help = "the class whose mean is nearest",
    .create = create,
    .destroy = destroy,
    .fit = fit,
    .apply = apply,
    .save = save,
    .load = load,
    .build = build,
};

#define ITEMS(item) item(KAON_LEARNER, "@NAME@", &table)

KAON_PLUGIN("@NAME@", "1.0.0", "Apache-2.0", "a classifier by the nearest mean", ITEMS, NULL)
