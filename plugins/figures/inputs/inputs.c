/* inputs.c: what the model sees: each feature by class, and how features go together.
 *
 * Where there are more features than panels, those that tell classes apart best come first: the
 * separation of A. Hoecker et al., "TMVA", arXiv:physics/0703039, section 3.1.3, of each class
 * against all others, 1/2 sum (s - b)^2 / (s + b) over the bins, the largest of all classes.
 */
#include <kaon/figure_build.h>

enum { MOST_CLASSES = 6, MOST_WIDTH = 2000, MOST_ROWS = 100000 };

// The features as doubles, with classes and weights.
typedef struct {
    kaon_scratch *m;
    int64_t rows;
    int64_t width;
    double *x;                // (rows, width)
    double *weight;           // (rows)
    int64_t *truth;           // NULL: no classes
    int64_t classes;          // 0: none
    const char *const *names; // of the features, NULL: none
    const char *const *class_names;
} inputs;

/* --- reading ---------------------------------------------------------------------------------- */

static int32_t to_doubles(const kaon_view *v, int64_t count, double *out)
{
    for (int64_t i = 0; i < count; i++)
        if (v->dtype == KAON_F64)
            out[i] = ((const double *)v->data)[i];
        else if (v->dtype == KAON_F32)
            out[i] = (double)((const float *)v->data)[i];
        else
            return 0;
    return 1;
}

static kaon_status take_target(inputs *in, const kaon_column *target)
{
    if (target->view.dtype != KAON_I64)
        return KAON_OK;
    in->truth = kaon_scratch_take(in->m, in->rows, sizeof *in->truth);
    in->class_names = target->label_count ? target->labels : NULL;
    for (int64_t i = 0; in->truth && i < in->rows; i++) {
        in->truth[i] = ((const int64_t *)target->view.data)[i];
        in->classes = in->truth[i] >= in->classes ? in->truth[i] + 1 : in->classes;
    }
    return KAON_OK;
}

static kaon_status take(inputs *in, kaon_look *run, kaon_diag *diag)
{
    const kaon_host *host = in->m->host;
    const kaon_table_api *tables = host->service(host, KAON_TABLE_SERVICE);
    kaon_column features = {.size = sizeof features}, target = features, weight = features;
    kaon_table *table = NULL;
    int32_t part;
    if (run->api->main_part(run, &part) || run->api->table(run, part, &table, diag) ||
        tables->column_of(table, KAON_ROLE_FEATURES, &features) || features.offsets ||
        !tables->rows(table))
        return kaon_fail(diag, KAON_UNSUPPORTED, "the run has no table of features");
    in->rows = tables->rows(table);
    in->width = kaon_view_count(&features.view) / in->rows;
    if (in->width < 1 || in->width > MOST_WIDTH)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%lld features are too many to look at",
                         (long long)in->width);
    in->rows = in->rows < MOST_ROWS ? in->rows : MOST_ROWS;
    in->x = kaon_scratch_doubles(in->m, in->rows * in->width);
    in->weight = kaon_scratch_doubles(in->m, in->rows);
    KAON_TRY(kaon_scratch_status(in->m, diag));
    if (!to_doubles(&features.view, in->rows * in->width, in->x))
        return kaon_fail(diag, KAON_UNSUPPORTED, "the features are no numbers");
    in->names = features.label_count == in->width ? features.labels : NULL;
    for (int64_t i = 0; i < in->rows; i++)
        in->weight[i] = 1;
    if (!tables->column_of(table, KAON_ROLE_WEIGHT, &weight))
        to_doubles(&weight.view, in->rows, in->weight);
    if (!tables->column_of(table, KAON_ROLE_TARGET, &target))
        KAON_TRY(take_target(in, &target));
    return kaon_scratch_status(in->m, diag);
}

static const char *feature_name(const inputs *in, int64_t f, char room[32])
{
    if (in->names && in->names[f])
        return in->names[f];
    snprintf(room, 32, "feature %lld", (long long)f);
    return room;
}

/* --- distributions ---------------------------------------------------------------------------- */

typedef struct {
    int64_t panels;
    int64_t bins;
} config;

static const kaon_option options[] = {
    KAON_INT(config, panels, 16, .min = 1, .max = 64, .help = "features shown, at most"),
    KAON_INT(config, bins, 40, .min = 2, .max = 100, .help = "of a feature, about"),
    {0},
};

// Sums by class and bin, each class with sum 1; squares of errors likewise.
static void fill(const inputs *in, int64_t f, const kaon_bins *b, double *sum, double *square)
{
    const int64_t classes = in->classes ? in->classes : 1;
    for (int64_t i = 0; i < in->rows; i++) {
        const int64_t k = in->truth ? in->truth[i] : 0;
        if (k >= 0)
            kaon_bins_add(b, in->x[i * in->width + f], in->weight[i], sum + k * b->count,
                          square + k * b->count);
    }
    for (int64_t k = 0; k < classes; k++) {
        double all = 0;
        for (int32_t i = 0; i < b->count; i++)
            all += sum[k * b->count + i];
        for (int32_t i = 0; i < b->count; i++) {
            sum[k * b->count + i] /= all != 0 ? all : 1;
            square[k * b->count + i] /= all != 0 ? all * all : 1;
        }
    }
}

static double separation(int64_t classes, const kaon_bins *b, const double *sum)
{
    double best = 0;
    for (int64_t k = 0; k < classes && classes > 1; k++) {
        double here = 0;
        for (int32_t i = 0; i < b->count; i++) {
            double rest = 0;
            for (int64_t j = 0; j < classes; j++)
                rest += j == k ? 0 : sum[j * b->count + i] / (double)(classes - 1);
            const double both = sum[k * b->count + i] + rest;
            if (both > 0)
                here += (sum[k * b->count + i] - rest) * (sum[k * b->count + i] - rest) / both / 2;
        }
        best = fmax(best, here);
    }
    return best;
}

typedef struct {
    int64_t feature;
    double separation;
    kaon_bins bins;
    double *sum;    // (classes, bins)
    double *square; // (classes, bins)
} distribution;

static int by_separation(const void *a, const void *b)
{
    const distribution *x = a, *y = b;
    if (x->separation != y->separation)
        return x->separation < y->separation ? 1 : -1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

static int by_feature(const void *a, const void *b)
{
    const distribution *x = a, *y = b;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

static void add_panel(kaon_plot *plot, const inputs *in, const distribution *d)
{
    char room[32], name[32];
    const int32_t n = d->bins.count;
    const int64_t classes = in->classes ? in->classes : 1;
    double *edges = kaon_scratch_doubles(in->m, n + 1), *low = kaon_scratch_doubles(in->m, n);
    double *high = kaon_scratch_doubles(in->m, n);
    if (in->m->failed)
        return;
    kaon_bins_edges(&d->bins, edges);
    plot->api->panel(plot,
                     &(kaon_panel){.size = sizeof(kaon_panel),
                                   .legend = classes > 1 ? KAON_LEGEND_ABOVE : KAON_LEGEND_NONE,
                                   .x = {.label = feature_name(in, d->feature, room)},
                                   .y = {.label = "share per bin"}});
    for (int64_t k = 0; k < classes && k < MOST_CLASSES; k++) {
        const double *y = d->sum + k * n;
        for (int32_t i = 0; i < n; i++) {
            low[i] = y[i] - sqrt(d->square[k * n + i]);
            high[i] = y[i] + sqrt(d->square[k * n + i]);
        }
        snprintf(name, sizeof name, "%lld", (long long)k);
        const kaon_series steps = {.size = sizeof steps,
                                   .kind = classes > 2 ? KAON_SERIES_STEPS : KAON_SERIES_HISTOGRAM,
                                   .label = classes == 1      ? NULL
                                            : in->class_names ? in->class_names[k]
                                                              : name,
                                   .colour = (int32_t)k + 1,
                                   .count = n,
                                   .x = edges,
                                   .y = y,
                                   .low = low,
                                   .high = high};
        plot->api->series(plot, &steps);
    }
}

static void make_distributions(const inputs *in, const config *c, distribution *all)
{
    const int64_t classes = in->classes ? in->classes : 1;
    for (int64_t f = 0; f < in->width && !in->m->failed; f++) {
        distribution *d = &all[f];
        d->feature = f;
        d->bins = kaon_bins_for(in->m, in->rows, in->x + f, in->width, (int32_t)c->bins);
        d->sum = kaon_scratch_doubles(in->m, classes * d->bins.count);
        d->square = kaon_scratch_doubles(in->m, classes * d->bins.count);
        if (in->m->failed)
            return;
        fill(in, f, &d->bins, d->sum, d->square);
        d->separation = separation(classes, &d->bins, d->sum);
    }
}

static kaon_status draw_inputs(const kaon_host *host, const void *settings, kaon_look *run,
                               kaon_plot *plot, kaon_diag *diag)
{
    const config *c = settings;
    kaon_scratch m = {.host = host};
    inputs in = {.m = &m};
    kaon_status status = take(&in, run, diag);
    distribution *all = status ? NULL : kaon_scratch_take(&m, in.width, sizeof *all);
    if (all) {
        const int64_t shown = in.width < c->panels ? in.width : c->panels;
        make_distributions(&in, c, all);
        if (!m.failed && shown < in.width) {
            qsort(all, (size_t)in.width, sizeof *all, by_separation);
            qsort(all, (size_t)shown, sizeof *all, by_feature);
        }
        for (int64_t i = 0; i < shown && !m.failed; i++)
            add_panel(plot, &in, &all[i]);
        kaon_caption(plot,
                     "Features as they were read, before any learner%s; beyond the axes lies at "
                     "most half a per cent on each side.",
                     in.classes ? ", each class with sum 1" : "");
        if (shown < in.width)
            kaon_caption(plot, "The %lld of %lld features that separate the classes best.",
                         (long long)shown, (long long)in.width);
        if (in.classes > MOST_CLASSES)
            kaon_caption(plot, "The first %d of %lld classes.", MOST_CLASSES,
                         (long long)in.classes);
    }
    if (!status)
        status = kaon_scratch_status(&m, diag);
    kaon_scratch_free(&m);
    return status;
}

/* --- correlation ------------------------------------------------------------------------------ */

static void moments(const inputs *in, double *mean, double *deviation)
{
    double all = 0;
    for (int64_t i = 0; i < in->rows; i++) {
        all += in->weight[i];
        for (int64_t f = 0; f < in->width; f++)
            mean[f] += in->weight[i] * in->x[i * in->width + f];
    }
    for (int64_t f = 0; f < in->width; f++)
        mean[f] /= all;
    for (int64_t i = 0; i < in->rows; i++)
        for (int64_t f = 0; f < in->width; f++) {
            const double d = in->x[i * in->width + f] - mean[f];
            deviation[f] += in->weight[i] * d * d;
        }
    for (int64_t f = 0; f < in->width; f++)
        deviation[f] = sqrt(deviation[f]); // NaN where negative weights win
}

// Pearson's coefficients in per cent.
static void correlate(const inputs *in, const double *mean, const double *deviation, double *out)
{
    for (int64_t f = 0; f < in->width; f++)
        for (int64_t g = 0; g <= f; g++) {
            double sum = 0;
            for (int64_t i = 0; i < in->rows; i++)
                sum += in->weight[i] * (in->x[i * in->width + f] - mean[f]) *
                       (in->x[i * in->width + g] - mean[g]);
            sum *= 100 / (deviation[f] * deviation[g]);
            out[f * in->width + g] = out[g * in->width + f] = isfinite(sum) ? sum : NAN;
        }
}

static void add_correlation(kaon_plot *plot, const inputs *in)
{
    enum { NUMBERED = 24 };
    const int64_t n = in->width;
    double *mean = kaon_scratch_doubles(in->m, n), *deviation = kaon_scratch_doubles(in->m, n);
    double *cells = kaon_scratch_doubles(in->m, n * n), *place = kaon_scratch_doubles(in->m, n);
    const char **texts = kaon_scratch_take(in->m, n * n, sizeof *texts);
    const char **names = kaon_scratch_take(in->m, n, sizeof *names);
    char(*room)[32] = kaon_scratch_take(in->m, n * n + n, sizeof *room);
    if (in->m->failed)
        return;
    moments(in, mean, deviation);
    correlate(in, mean, deviation, cells);
    for (int64_t i = 0; i < n * n; i++) {
        snprintf(room[i], sizeof *room, "%.0f", cells[i]);
        texts[i] = isfinite(cells[i]) ? room[i] : "";
    }
    for (int64_t i = 0; i < n; i++) {
        place[i] = (double)i;
        names[i] = feature_name(in, i, room[n * n + i]);
    }
    const kaon_panel panel = {
        .size = sizeof panel,
        .legend = KAON_LEGEND_NONE,
        .square = 1,
        .down = 1,
        .x = {.label = "", .name_count = n <= 48 ? (int32_t)n : 0, .names = names},
        .y = {.label = "", .name_count = n <= 48 ? (int32_t)n : 0, .names = names},
        .z = {.label = "linear correlation", .unit = "%", .low = -100, .high = 100}};
    plot->api->panel(plot, &panel);
    const kaon_series heat = {.size = sizeof heat,
                              .kind = KAON_SERIES_HEAT,
                              .count = n,
                              .rows = n,
                              .x = place,
                              .y = place,
                              .z = cells,
                              .texts = n <= NUMBERED ? texts : NULL};
    plot->api->series(plot, &heat);
}

static kaon_status draw_correlation(const kaon_host *host, const void *settings, kaon_look *run,
                                    kaon_plot *plot, kaon_diag *diag)
{
    enum { MOST_CORRELATED = 100 };
    kaon_scratch m = {.host = host};
    inputs in = {.m = &m};
    (void)settings;
    kaon_status status = take(&in, run, diag);
    if (!status && (in.width < 2 || in.width > MOST_CORRELATED))
        status = kaon_fail(diag, KAON_UNSUPPORTED,
                           "a matrix of correlations needs 2 to %d features, there are %lld",
                           MOST_CORRELATED, (long long)in.width);
    if (!status) {
        add_correlation(plot, &in);
        kaon_caption(plot, "Pearson's linear correlation of the features, all classes together.");
        status = kaon_scratch_status(&m, diag);
    }
    kaon_scratch_free(&m);
    return status;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_figure distributions = {
    .size = sizeof distributions,
    .settings_size = sizeof(config),
    .options = options,
    .help = "distributions of the features, by class",
    .title = "Inputs",
    .order = 50,
    .draw = draw_inputs,
};

static const kaon_figure correlation = {
    .size = sizeof correlation,
    .help = "linear correlation of the features",
    .title = "Correlations",
    .order = 51,
    .draw = draw_correlation,
};

#define ITEMS(item)                                                                                \
    item(KAON_FIGURE, "inputs", &distributions) item(KAON_FIGURE, "correlation", &correlation)

KAON_PLUGIN("figures_inputs", "1.0.0", "Apache-2.0", "figures of what a model sees", ITEMS, NULL)
