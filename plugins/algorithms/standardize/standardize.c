/* standardize.c: each feature with mean 0 and standard deviation 1 on the training events.
 *
 * in, out  features (rows, ...), one mean and one deviation per number of an event
 *
 * Both are weighted by the event weights, the deviation is that of the population. Sums are in f64,
 * in two passes, because the second moment of numbers around 1e8 has no digits left for a spread
 * of 1. Constant features are only shifted. Weights may be negative, as those of
 * next-to-leading-order generators are; if their sum, or a variance, comes out negative the fit is
 * refused.
 */
#include <kaon/graph.h>
#include <kaon/learner.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const kaon_host *host;
    const kaon_table_api *tables;
    int32_t float_type; // of what comes out
    int32_t feature_rank;
    int64_t feature_shape[KAON_MAX_RANK];
    int64_t count; // numbers of one event
    double *mean;
    double *scale; // 1 / deviation
} standardize;

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    standardize *s = self;
    if (!s)
        return;
    kaon_free(s->host, s->mean);
    kaon_free(s->host, s->scale);
    kaon_free(s->host, s);
}

static kaon_status create(const kaon_host *host, const void *settings, const kaon_task_facts *facts,
                          void **self, kaon_diag *diag)
{
    (void)settings;
    standardize *s = kaon_alloc(host, sizeof *s);
    if (!s)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for standardize");
    memset(s, 0, sizeof *s);
    s->host = host;
    s->tables = host->service(host, KAON_TABLE_SERVICE);
    s->float_type = facts->float_type;
    s->feature_rank = facts->feature_rank;
    s->count = 1;
    for (int32_t i = 0; i < facts->feature_rank && i < KAON_MAX_RANK; i++)
        s->count *= s->feature_shape[i] = facts->feature_shape[i];
    s->mean = kaon_alloc(host, (uint64_t)s->count * sizeof *s->mean);
    s->scale = kaon_alloc(host, (uint64_t)s->count * sizeof *s->scale);
    kaon_status status = KAON_OK;
    if (!s->tables)
        status = kaon_fail(diag, KAON_INCOMPATIBLE, "this host has no tables");
    else if (!s->mean || !s->scale)
        status =
            kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %lld features", (long long)s->count);
    for (int64_t i = 0; i < s->count && !status; i++) {
        s->mean[i] = 0;
        s->scale[i] = 1;
    }
    if (status)
        destroy(s);
    else
        *self = s;
    return status;
}

/* --- reading columns -------------------------------------------------------------------------- */

static double at(const kaon_view *view, int64_t i)
{
    return view->dtype == KAON_F64 ? ((const double *)view->data)[i]
                                   : (double)((const float *)view->data)[i];
}

static kaon_status features_of(const standardize *s, const kaon_table *table, kaon_column *out,
                               kaon_diag *diag)
{
    *out = (kaon_column){.size = sizeof *out};
    if (s->tables->column_of(table, KAON_ROLE_FEATURES, out))
        return kaon_fail(diag, KAON_INVALID, "the table has no features");
    if (out->view.dtype != KAON_F32 && out->view.dtype != KAON_F64)
        return kaon_fail(diag, KAON_UNSUPPORTED, "features must be f32 or f64, these are %s",
                         kaon_dtype_text(out->view.dtype));
    if (out->offsets || out->view.rank != s->feature_rank + 1)
        return kaon_fail(diag, KAON_INVALID,
                         "standardize was made for features of %d axes per event, these have %d",
                         (int)s->feature_rank, (int)out->view.rank - 1);
    for (int32_t i = 0; i < s->feature_rank; i++)
        if (out->view.shape[i + 1] != s->feature_shape[i])
            return kaon_fail(diag, KAON_INVALID,
                             "standardize was made for %lld features, the table has %lld",
                             (long long)s->feature_shape[i], (long long)out->view.shape[i + 1]);
    return KAON_OK;
}

static const char *label_of(const kaon_column *column, int64_t i, char *room, size_t bytes)
{
    if (column->labels && i < column->label_count)
        return column->labels[i];
    snprintf(room, bytes, "%lld", (long long)i);
    return room;
}

/* --- fit -------------------------------------------------------------------------------------- */

// The weight of each row; 1 where the table has none.
static double weight_at(const kaon_column *weight, int64_t row)
{
    return weight->view.data ? at(&weight->view, row) : 1;
}

static kaon_status means(standardize *s, const kaon_column *x, const kaon_column *weight,
                         int64_t rows, kaon_diag *diag)
{
    double total = 0;
    memset(s->mean, 0, (size_t)s->count * sizeof *s->mean);
    for (int64_t row = 0; row < rows; row++) {
        const double w = weight_at(weight, row);
        total += w;
        for (int64_t i = 0; i < s->count; i++)
            s->mean[i] += w * at(&x->view, row * s->count + i);
    }
    if (!(total > 0))
        return kaon_fail(diag, KAON_INVALID,
                         "the event weights add up to %g: a mean needs more than 0", total);
    for (int64_t i = 0; i < s->count; i++)
        s->mean[i] /= total;
    return KAON_OK;
}

// Sums of weighted squared distances from the mean, into `scale`, then 1 / deviation.
static kaon_status scales(standardize *s, const kaon_column *x, const kaon_column *weight,
                          int64_t rows, kaon_diag *diag)
{
    double total = 0;
    memset(s->scale, 0, (size_t)s->count * sizeof *s->scale);
    for (int64_t row = 0; row < rows; row++) {
        const double w = weight_at(weight, row);
        total += w;
        for (int64_t i = 0; i < s->count; i++) {
            const double away = at(&x->view, row * s->count + i) - s->mean[i];
            s->scale[i] += w * away * away;
        }
    }
    for (int64_t i = 0; i < s->count; i++) {
        char room[32];
        const double variance = s->scale[i] / total;
        // What rounding leaves of a constant feature: its values are exact to 1e-16 of themselves.
        const double noise = 1e-30 * s->mean[i] * s->mean[i];
        if (!isfinite(variance))
            return kaon_fail(diag, KAON_NOT_FINITE, "feature '%s' holds NaN or infinity",
                             label_of(x, i, room, sizeof room));
        if (variance < -noise)
            return kaon_fail(diag, KAON_INVALID,
                             "feature '%s': negative weights give it a negative variance (%g)",
                             label_of(x, i, room, sizeof room), variance);
        s->scale[i] = variance > noise ? 1 / sqrt(variance) : 1;
    }
    return KAON_OK;
}

static kaon_status fit(void *self, const kaon_fit *what, kaon_diag *diag)
{
    standardize *s = self;
    kaon_column x;
    kaon_column weight = {.size = sizeof weight};
    const int64_t rows = s->tables->rows(what->train);
    if (rows < 1)
        return kaon_fail(diag, KAON_INVALID, "there are no events to standardize by");
    KAON_TRY(features_of(s, what->train, &x, diag));
    if (s->tables->column_of(what->train, KAON_ROLE_WEIGHT, &weight))
        weight.view.data = NULL;
    KAON_TRY(means(s, &x, &weight, rows, diag));
    return scales(s, &x, &weight, rows, diag);
}

/* --- apply ------------------------------------------------------------------------------------ */

static void transform(const standardize *s, const kaon_view *from, const kaon_view *to,
                      int64_t rows)
{
    for (int64_t row = 0; row < rows; row++)
        for (int64_t i = 0; i < s->count; i++) {
            const int64_t k = row * s->count + i;
            const double value = (at(from, k) - s->mean[i]) * s->scale[i];
            if (to->dtype == KAON_F64)
                ((double *)to->data)[k] = value;
            else
                ((float *)to->data)[k] = (float)value;
        }
}

static kaon_status apply(void *self, kaon_table *in, kaon_table **out, kaon_diag *diag)
{
    const standardize *s = self;
    kaon_column x;
    kaon_table *made = NULL;
    KAON_TRY(features_of(s, in, &x, diag));
    KAON_TRY(s->tables->without(in, KAON_ROLE_FEATURES, &made, diag));
    kaon_column column = x;
    column.view.dtype = s->float_type;
    column.view.data = NULL;
    const kaon_status status = s->tables->column_add(made, &column, diag);
    if (status) {
        s->tables->release(made);
        return status;
    }
    transform(s, &x.view, &column.view, s->tables->rows(in));
    *out = made;
    return KAON_OK;
}

// For programs of a whole model.
static kaon_node *build(void *self, kaon_graph *g, kaon_node *in)
{
    const standardize *s = self;
    kaon_view view = {.size = sizeof view,
                      .dtype = KAON_F64,
                      .device_type = KAON_DEVICE_CPU,
                      .rank = s->feature_rank,
                      .shape = s->feature_shape};
    view.data = s->mean;
    kaon_node *mean = g->api->constant(g, &view);
    view.data = s->scale;
    kaon_node *scale = g->api->constant(g, &view);
    const int32_t dtype = kaon_dtype(in);
    if (dtype != KAON_F64) {
        mean = kaon_cast(g, mean, dtype);
        scale = kaon_cast(g, scale, dtype);
    }
    return kaon_mul(g, kaon_sub(g, in, mean), scale);
}

/* --- model files ------------------------------------------------------------------------------ */

static kaon_status save(void *self, kaon_archive *into, kaon_diag *diag)
{
    const standardize *s = self;
    kaon_view view = {.size = sizeof view,
                      .dtype = KAON_F64,
                      .device_type = KAON_DEVICE_CPU,
                      .rank = 1,
                      .shape = &s->count};
    view.data = s->mean;
    KAON_TRY(into->api->put(into, "mean", &view, diag));
    view.data = s->scale;
    return into->api->put(into, "scale", &view, diag);
}

static kaon_status load_one(const standardize *s, kaon_archive *from, const char *name, double *to,
                            kaon_diag *diag)
{
    kaon_view view = {.size = sizeof view};
    KAON_TRY(from->api->get(from, name, &view, diag));
    if (view.dtype != KAON_F64 || kaon_view_count(&view) != s->count)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' holds %lld numbers of %s, expected %lld of f64",
                         name, (long long)kaon_view_count(&view), kaon_dtype_text(view.dtype),
                         (long long)s->count);
    memcpy(to, view.data, (size_t)s->count * sizeof *to);
    for (int64_t i = 0; i < s->count; i++)
        if (!isfinite(to[i]))
            return kaon_fail(diag, KAON_CORRUPT, "'%s' is not finite", name);
    return KAON_OK;
}

static kaon_status load(void *self, kaon_archive *from, kaon_diag *diag)
{
    const standardize *s = self;
    KAON_TRY(load_one(s, from, "mean", s->mean, diag));
    return load_one(s, from, "scale", s->scale, diag);
}

static kaon_status describe(void *self, char **text, kaon_diag *diag)
{
    const standardize *s = self;
    enum { ROOM = 64 };
    *text = kaon_alloc(s->host, ROOM);
    if (!*text)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a description");
    snprintf(*text, ROOM, "mean and deviation of %lld features\n", (long long)s->count);
    return KAON_OK;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_learner learner = {
    .size = sizeof learner,
    .help = "shifts and scales each feature to mean 0 and deviation 1",
    .create = create,
    .destroy = destroy,
    .fit = fit,
    .apply = apply,
    .save = save,
    .load = load,
    .describe = describe,
    .build = build,
};

#define ITEMS(item) item(KAON_LEARNER, "standardize", &learner)

KAON_PLUGIN("standardize", "1.0.0", "Apache-2.0", "features with mean 0 and deviation 1", ITEMS,
            NULL)
