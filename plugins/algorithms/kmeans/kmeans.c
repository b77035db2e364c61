/* kmeans.c: clusters of events around centres, so that squared distances add up to little.
 *
 * features    (rows, n), event weights as masses
 * prediction  (rows), i64: the number of the nearest centre, the heaviest cluster being 0
 *
 * The best of several searches is kept (lloyd.c).
 */
#include "lloyd.h"

#include <kaon/graph.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    int64_t clusters;
    int64_t restarts;
    int64_t iterations;
} config;

static const kaon_option options[] = {
    KAON_INT(config, clusters, 8, .min = 1, .max = 65536, .help = "number of centres"),
    KAON_INT(config, restarts, 10, .min = 1, .max = 100000,
             .help = "searches from other starts, of which the best is kept"),
    KAON_INT(config, iterations, 300, .min = 1, .max = 1e9, .help = "rounds of a search, at most"),
    {0},
};

typedef struct {
    const kaon_host *host;
    const config *settings;
    const kaon_table_api *tables;
    uint64_t seed;
    int64_t width;
    double *centres; // (clusters, width)
    double *masses;  // (clusters)
    double inertia;
    int64_t rounds; // of the search that was kept
} kmeans;

/* --- life ------------------------------------------------------------------------------------- */

static void destroy(void *self)
{
    kmeans *m = self;
    if (!m)
        return;
    kaon_free(m->host, m->centres);
    kaon_free(m->host, m->masses);
    kaon_free(m->host, m);
}

static kaon_status create(const kaon_host *host, const void *settings, const kaon_task_facts *facts,
                          void **self, kaon_diag *diag)
{
    const config *c = settings;
    if (facts->feature_rank != 1)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "kmeans takes a row of numbers per event, these features have %d axes",
                         (int)facts->feature_rank);
    kmeans *m = kaon_alloc(host, sizeof *m);
    if (!m)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for kmeans");
    *m = (kmeans){.host = host, .settings = c, .seed = facts->seed};
    m->tables = host->service(host, KAON_TABLE_SERVICE);
    m->width = facts->feature_shape[0];
    m->centres = kaon_alloc(host, (uint64_t)(c->clusters * m->width) * sizeof(double));
    m->masses = kaon_alloc(host, (uint64_t)c->clusters * sizeof(double));
    if (!m->tables || !m->centres || !m->masses) {
        destroy(m);
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %lld centres",
                         (long long)c->clusters);
    }
    memset(m->centres, 0, (size_t)(c->clusters * m->width) * sizeof(double));
    memset(m->masses, 0, (size_t)c->clusters * sizeof(double));
    *self = m;
    return KAON_OK;
}

/* --- tables ----------------------------------------------------------------------------------- */

// A copy of floats as f64, to be freed.
static kaon_status as_f64(const kmeans *m, const kaon_view *view, double **out, kaon_diag *diag)
{
    const int64_t count = kaon_view_count(view);
    if (view->dtype != KAON_F32 && view->dtype != KAON_F64)
        return kaon_fail(diag, KAON_UNSUPPORTED, "kmeans needs f32 or f64, got %s",
                         kaon_dtype_text(view->dtype));
    double *values = kaon_alloc(m->host, (uint64_t)count * sizeof *values);
    if (!values)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for %lld numbers", (long long)count);
    const float *f32 = view->data;
    const double *f64 = view->data;
    for (int64_t i = 0; i < count; i++)
        values[i] = view->dtype == KAON_F64 ? f64[i] : (double)f32[i];
    *out = values;
    return KAON_OK;
}

static kaon_status read_points(const kmeans *m, const kaon_table *table, double **out,
                               kaon_diag *diag)
{
    kaon_column x = {.size = sizeof x};
    if (m->tables->column_of(table, KAON_ROLE_FEATURES, &x))
        return kaon_fail(diag, KAON_INVALID, "the table has no features");
    if (x.offsets || x.view.rank != 2 || x.view.shape[1] != m->width)
        return kaon_fail(diag, KAON_INVALID,
                         "kmeans was made for %lld features, the table has %lld",
                         (long long)m->width, x.view.rank == 2 ? (long long)x.view.shape[1] : 0);
    return as_f64(m, &x.view, out, diag);
}

static kaon_status read_weights(const kmeans *m, const kaon_table *table, double **out,
                                kaon_diag *diag)
{
    const int64_t rows = m->tables->rows(table);
    kaon_column weight = {.size = sizeof weight};
    if (m->tables->column_of(table, KAON_ROLE_WEIGHT, &weight)) {
        *out = kaon_alloc(m->host, (uint64_t)rows * sizeof **out);
        if (!*out)
            return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for weights");
        for (int64_t i = 0; i < rows; i++)
            (*out)[i] = 1;
        return KAON_OK;
    }
    KAON_TRY(as_f64(m, &weight.view, out, diag));
    for (int64_t i = 0; i < rows; i++)
        if (!((*out)[i] >= 0))
            return kaon_fail(diag, KAON_INVALID,
                             "row %lld has weight %g: a cluster cannot have negative mass",
                             (long long)i, (*out)[i]);
    return KAON_OK;
}

/* --- fit -------------------------------------------------------------------------------------- */

// The heaviest cluster first; equal ones by their first coordinate: numbers without meaning should
// at least be the same each time.
static void keep(kmeans *m, const lloyd_result *r)
{
    const int64_t clusters = m->settings->clusters;
    m->inertia = r->inertia;
    m->rounds = r->rounds;
    for (int64_t k = 0; k < clusters; k++) {
        int64_t place = 0;
        for (int64_t other = 0; other < clusters; other++) {
            const double *a = r->centres + k * m->width, *b = r->centres + other * m->width;
            const int lighter = r->masses[k] < r->masses[other];
            const int equal = !lighter && !(r->masses[k] > r->masses[other]);
            place += lighter || (equal && (b[0] < a[0] || (!(a[0] < b[0]) && other < k)));
        }
        m->masses[place] = r->masses[k];
        memcpy(m->centres + place * m->width, r->centres + k * m->width,
               (size_t)m->width * sizeof *m->centres);
    }
}

static kaon_status search_all(kmeans *m, const lloyd_task *task, lloyd_result *r,
                              kaon_monitor *monitor, kaon_diag *diag)
{
    const int64_t restarts = m->settings->restarts;
    double best = INFINITY;
    for (int64_t i = 0; i < restarts; i++) {
        KAON_TRY(kaon_context(diag, lloyd_search(task, m->seed, (uint64_t)i, r, diag),
                              "search %lld", (long long)i + 1));
        if (r->inertia < best) {
            best = r->inertia;
            keep(m, r);
        }
        if (!monitor)
            continue;
        monitor->api->metric(monitor, "inertia", i + 1, r->inertia);
        if (monitor->api->progress(monitor, (double)i + 1, (double)restarts, "search"))
            return kaon_fail(diag, KAON_CANCELLED, "stopped; the best search so far is kept");
    }
    return KAON_OK;
}

static kaon_status fit(void *self, const kaon_fit *what, kaon_diag *diag)
{
    kmeans *m = self;
    const int64_t clusters = m->settings->clusters;
    const int64_t rows = m->tables->rows(what->train);
    if (rows < clusters)
        return kaon_fail(diag, KAON_INVALID, "%lld clusters need as many events, there are %lld",
                         (long long)clusters, (long long)rows);
    double *points = NULL, *weights = NULL;
    lloyd_result r = {
        .centres = kaon_alloc(m->host, (uint64_t)(clusters * m->width) * sizeof(double)),
        .masses = kaon_alloc(m->host, (uint64_t)clusters * sizeof(double)),
        .owners = kaon_alloc(m->host, (uint64_t)rows * sizeof(int32_t)),
    };
    kaon_status status = r.centres && r.masses && r.owners
                             ? read_points(m, what->train, &points, diag)
                             : kaon_fail(diag, KAON_NO_MEMORY, "out of memory for kmeans");
    if (!status)
        status = read_weights(m, what->train, &weights, diag);
    if (!status) {
        const lloyd_task task = {m->host, rows,   m->width, clusters, m->settings->iterations,
                                 points,  weights};
        status = search_all(m, &task, &r, what->monitor, diag);
    }
    kaon_free(m->host, r.centres);
    kaon_free(m->host, r.masses);
    kaon_free(m->host, r.owners);
    kaon_free(m->host, points);
    kaon_free(m->host, weights);
    return status;
}

/* --- apply ------------------------------------------------------------------------------------ */

static kaon_status add_owners(const kmeans *m, const double *points, int64_t rows, kaon_table *to,
                              kaon_diag *diag)
{
    kaon_column column = {
        .size = sizeof column,
        .role = KAON_ROLE_PREDICTION,
        .name = "cluster",
        .view = {.size = sizeof(kaon_view),
                 .dtype = KAON_I64,
                 .device_type = KAON_DEVICE_CPU,
                 .rank = 1,
                 .shape = &rows},
    };
    KAON_TRY(m->tables->column_add(to, &column, diag));
    int64_t *owners = column.view.data;
    for (int64_t i = 0; i < rows; i++) {
        int32_t owner = 0;
        lloyd_assign(1, m->width, m->settings->clusters, points + i * m->width, m->centres, &owner);
        owners[i] = owner;
    }
    return KAON_OK;
}

static kaon_status apply(void *self, kaon_table *in, kaon_table **out, kaon_diag *diag)
{
    const kmeans *m = self;
    double *points = NULL;
    kaon_table *made = NULL;
    KAON_TRY(read_points(m, in, &points, diag));
    kaon_status status = m->tables->without(in, KAON_ROLE_PREDICTION, &made, diag);
    if (!status)
        status = add_owners(m, points, m->tables->rows(in), made, diag);
    kaon_free(m->host, points);
    if (status)
        m->tables->release(made);
    else
        *out = made;
    return status;
}

static kaon_node *build(void *self, kaon_graph *g, kaon_node *in)
{
    const kmeans *m = self;
    const int64_t shape[] = {m->settings->clusters, m->width};
    const int64_t spread[] = {kaon_dim(in, 0), 1, m->width};
    const kaon_view view = {sizeof view, KAON_F64,   KAON_DEVICE_CPU, 0,   2,
                            0,           m->centres, shape,           NULL};
    kaon_node *centres = g->api->constant(g, &view);
    if (kaon_dtype(in) != KAON_F64)
        centres = kaon_cast(g, centres, kaon_dtype(in));
    kaon_node *away = kaon_sub(g, kaon_reshape(g, in, 3, spread), centres);
    kaon_node *distance = kaon_sum(g, kaon_square(g, away), -1);
    const kaon_attr axis = kaon_attr_int("axis", -1);
    return g->api->apply(g, "argmin", 1, &distance, 1, &axis);
}

/* --- model files ------------------------------------------------------------------------------ */

static kaon_view f64_view(double *data, int32_t rank, const int64_t *shape)
{
    const kaon_view view = {sizeof view, KAON_F64, KAON_DEVICE_CPU, 0, rank, 0, data, shape, NULL};
    return view;
}

static kaon_status save(void *self, kaon_archive *into, kaon_diag *diag)
{
    kmeans *m = self;
    const int64_t shape[] = {m->settings->clusters, m->width};
    const kaon_view centres = f64_view(m->centres, 2, shape);
    const kaon_view masses = f64_view(m->masses, 1, shape);
    const kaon_view inertia = f64_view(&m->inertia, 0, NULL);
    KAON_TRY(into->api->put(into, "centres", &centres, diag));
    KAON_TRY(into->api->put(into, "masses", &masses, diag));
    return into->api->put(into, "inertia", &inertia, diag);
}

static kaon_status load_one(kaon_archive *from, const char *name, int64_t count, double *to,
                            kaon_diag *diag)
{
    kaon_view view = {.size = sizeof view};
    KAON_TRY(from->api->get(from, name, &view, diag));
    if (view.dtype != KAON_F64 || kaon_view_count(&view) != count)
        return kaon_fail(diag, KAON_CORRUPT, "'%s' holds %lld numbers of %s, expected %lld of f64",
                         name, (long long)kaon_view_count(&view), kaon_dtype_text(view.dtype),
                         (long long)count);
    memcpy(to, view.data, (size_t)count * sizeof *to);
    return KAON_OK;
}

static kaon_status load(void *self, kaon_archive *from, kaon_diag *diag)
{
    kmeans *m = self;
    const int64_t clusters = m->settings->clusters;
    KAON_TRY(load_one(from, "centres", clusters * m->width, m->centres, diag));
    KAON_TRY(load_one(from, "masses", clusters, m->masses, diag));
    return load_one(from, "inertia", 1, &m->inertia, diag);
}

static kaon_status describe(void *self, char **text, kaon_diag *diag)
{
    const kmeans *m = self;
    enum { LINE = 64, SHOWN = 32 };
    const int64_t shown = m->settings->clusters < SHOWN ? m->settings->clusters : SHOWN;
    char *at = *text = kaon_alloc(m->host, (uint64_t)(shown + 2) * LINE);
    if (!at)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a description");
    at += snprintf(at, LINE, "%lld clusters, inertia %.9g\n", (long long)m->settings->clusters,
                   m->inertia);
    for (int64_t k = 0; k < shown; k++)
        at += snprintf(at, LINE, "cluster %lld: weight %g\n", (long long)k, m->masses[k]);
    return KAON_OK;
}

/* --- the learner ------------------------------------------------------------------------------ */

static const kaon_learner learner = {
    .size = sizeof learner,
    .settings_size = sizeof(config),
    .options = options,
    .help = "clusters around centres, by squared distance",
    .create = create,
    .destroy = destroy,
    .fit = fit,
    .apply = apply,
    .save = save,
    .load = load,
    .describe = describe,
    .build = build,
};

#define ITEMS(item) item(KAON_LEARNER, "kmeans", &learner)

KAON_PLUGIN("kmeans", "1.0.0", "Apache-2.0", "k-means clustering", ITEMS, NULL)
