/* regression.c: residuals, pulls, and prediction against truth.
 *
 * Residual: prediction - truth. Its core is described by a Gaussian: mean and width of what lies
 * within two widths, found by repetition from median and half the central 68.3 %; a cut at two
 * widths narrows a Gaussian to 0.8796 of its width, which is undone. Pull: residual over the
 * uncertainty the model predicts; where it predicts none, over the width of the residuals among
 * rows with a like prediction, which shows how far they are from Gaussian, not whether an
 * uncertainty is right.
 */
#include <kaon/figure_build.h>

enum { HISTOGRAM_BINS = 50, GRID = 40, PROFILE = 12, ROUNDS = 30, CURVE = 101 };

#define NARROWED 0.87962566103423978 // of a unit Gaussian between -2 and 2

typedef struct {
    double value;
    double weight;
} sample;

typedef struct {
    double mean;
    double width; // NaN: none
    double error; // of the mean
} core;

static int sample_order(const void *a, const void *b)
{
    const double x = ((const sample *)a)->value, y = ((const sample *)b)->value;
    return (x > y) - (x < y);
}

/* --- the core of a sample --------------------------------------------------------------------- */

// The value below which a share of the rows lies; sorted.
static double quantile(const sample *s, int64_t count, double share)
{
    const double at = share * (double)(count - 1);
    const int64_t i = (int64_t)at;
    const double next = s[i + 1 < count ? i + 1 : i].value;
    return s[i].value + (at - (double)i) * (next - s[i].value);
}

// Sorts it.
static core core_of(sample *s, int64_t count)
{
    core c = {NAN, NAN, NAN};
    if (!count)
        return c;
    qsort(s, (size_t)count, sizeof *s, sample_order);
    c.mean = quantile(s, count, 0.5);
    c.width = (quantile(s, count, 0.841345) - quantile(s, count, 0.158655)) / 2;
    for (int32_t round = 0; round < ROUNDS && c.width > 0; round++) {
        double sum = 0, first = 0, second = 0, squares = 0;
        for (int64_t i = 0; i < count; i++) {
            if (fabs(s[i].value - c.mean) > 2 * c.width)
                continue;
            const double d = s[i].value - c.mean;
            sum += s[i].weight;
            squares += s[i].weight * s[i].weight;
            first += s[i].weight * d;
            second += s[i].weight * d * d;
        }
        const double shift = first / sum, variance = second / sum - shift * shift;
        if (!(sum > 0 && variance > 0))
            break;
        const double width = sqrt(variance) / NARROWED;
        c.error = sqrt(variance * squares) / sum;
        c.mean += shift;
        if (fabs(width - c.width) < 1e-6 * width && fabs(shift) < 1e-6 * width)
            break;
        c.width = width;
    }
    return c;
}

/* --- panels ----------------------------------------------------------------------------------- */

// One output of the model.
typedef struct {
    kaon_scratch *m;
    const kaon_scores *s;
    int64_t output;
    const char *name; // of the target
} job;

static double truth(const job *j, int64_t i)
{
    return j->s->target[i * j->s->width + j->output];
}

static double said(const job *j, int64_t i)
{
    return j->s->predicted[i * j->s->width + j->output];
}

static void add_gaussian(kaon_plot *plot, const job *j, const kaon_bins *b, const core *c,
                         double norm, const char *label)
{
    double *x = kaon_scratch_doubles(j->m, CURVE), *y = kaon_scratch_doubles(j->m, CURVE);
    if (j->m->failed || !(c->width > 0))
        return;
    for (int32_t i = 0; i < CURVE; i++) {
        x[i] = b->low + (b->high - b->low) * i / (CURVE - 1);
        const double z = (x[i] - c->mean) / c->width;
        y[i] = norm * exp(-z * z / 2) / (c->width * sqrt(2 * 3.14159265358979323846));
    }
    const kaon_series line = {.size = sizeof line,
                              .kind = KAON_SERIES_LINE,
                              .label = label,
                              .colour = 2,
                              .count = CURVE,
                              .x = x,
                              .y = y};
    plot->api->series(plot, &line);
}

// A histogram of a sample with a Gaussian over it; `unit`: the Gaussian is the unit one.
static void add_distribution(kaon_plot *plot, const job *j, sample *all, int64_t count,
                             const char *axis, int32_t unit)
{
    char label[96];
    const core c = core_of(all, count);
    double *values = kaon_scratch_doubles(j->m, count), sum = 0;
    for (int64_t i = 0; values && i < count; i++)
        values[i] = all[i].value;
    const kaon_bins b = unit     ? (kaon_bins){HISTOGRAM_BINS, 0, -5, 5}
                        : values ? kaon_bins_for(j->m, count, values, 1, HISTOGRAM_BINS)
                                 : (kaon_bins){1, 0, 0, 1};
    double *edges = kaon_scratch_doubles(j->m, b.count + 1),
           *x = kaon_scratch_doubles(j->m, b.count);
    double *y = kaon_scratch_doubles(j->m, b.count), *low = kaon_scratch_doubles(j->m, b.count);
    double *high = kaon_scratch_doubles(j->m, b.count);
    if (j->m->failed)
        return;
    kaon_bins_edges(&b, edges);
    for (int64_t i = 0; i < count; i++) {
        kaon_bins_add(&b, all[i].value, all[i].weight, y, low);
        sum += fabs(all[i].value - c.mean) <= 2 * c.width ? all[i].weight : 0;
    }
    for (int32_t i = 0; i < b.count; i++) {
        x[i] = (edges[i] + edges[i + 1]) / 2;
        high[i] = y[i] + sqrt(low[i]);
        low[i] = y[i] - sqrt(low[i]);
    }
    plot->api->panel(plot, &(kaon_panel){.size = sizeof(kaon_panel),
                                         .legend = KAON_LEGEND_ABOVE,
                                         .x = {.label = axis, .low = b.low, .high = b.high},
                                         .y = {.label = "sum of weights per bin"}});
    const kaon_series points = {.size = sizeof points,
                                .kind = KAON_SERIES_POINTS,
                                .colour = KAON_COLOUR_BLACK,
                                .count = b.count,
                                .x = x,
                                .y = y,
                                .low = low,
                                .high = high};
    plot->api->series(plot, &points);
    const double bin = (b.high - b.low) / b.count;
    snprintf(label, sizeof label,
             unit ? "unit Gaussian (core: %.2f, width %.2f)" : "Gaussian, mean %.4g, width %.4g",
             c.mean, c.width);
    const core drawn = unit ? (core){0, 1, 0} : c;
    add_gaussian(plot, j, &b, &drawn, sum / 0.954499736 * bin, label);
}

// Prediction against truth, as numbers of rows.
static void add_map(kaon_plot *plot, const job *j)
{
    char x_label[160], y_label[160];
    double *both = kaon_scratch_doubles(j->m, 2 * j->s->rows);
    double *cells = kaon_scratch_doubles(j->m, GRID * GRID),
           *place = kaon_scratch_doubles(j->m, GRID);
    if (j->m->failed)
        return;
    for (int64_t i = 0; i < j->s->rows; i++) {
        both[2 * i] = truth(j, i);
        both[2 * i + 1] = said(j, i);
    }
    kaon_bins b = kaon_bins_for(j->m, 2 * j->s->rows, both, 1, GRID);
    b.count = GRID;
    for (int32_t i = 0; i < GRID; i++)
        place[i] = b.low + (b.high - b.low) * (i + 0.5) / GRID;
    for (int64_t i = 0; i < j->s->rows; i++) {
        const int32_t x = kaon_bins_find(&b, both[2 * i]), y = kaon_bins_find(&b, both[2 * i + 1]);
        if (x >= 0 && y >= 0)
            cells[y * GRID + x] += j->s->weight[i];
    }
    for (int32_t i = 0; i < GRID * GRID; i++)
        if (cells[i] <= 0)
            cells[i] = NAN; // no colour, and none in a logarithm
    snprintf(x_label, sizeof x_label, "true %s", j->name);
    snprintf(y_label, sizeof y_label, "predicted %s", j->name);
    plot->api->panel(plot, &(kaon_panel){.size = sizeof(kaon_panel),
                                         .legend = KAON_LEGEND_NONE,
                                         .x = {.label = x_label, .low = b.low, .high = b.high},
                                         .y = {.label = y_label, .low = b.low, .high = b.high},
                                         .z = {.label = "sum of weights", .log = 1}});
    const kaon_series heat = {.size = sizeof heat,
                              .kind = KAON_SERIES_HEAT,
                              .count = GRID,
                              .rows = GRID,
                              .x = place,
                              .y = place,
                              .z = cells};
    plot->api->series(plot, &heat);
    const double ends[] = {b.low, b.high};
    const kaon_series line = {.size = sizeof line,
                              .kind = KAON_SERIES_LINE,
                              .colour = 2,
                              .dash = KAON_DASH_LONG,
                              .hidden = 1,
                              .count = 2,
                              .x = ends,
                              .y = ends};
    plot->api->series(plot, &line);
}

// Rows whose truth lies in a bin: bias and width of their residuals.
static void add_profile(kaon_plot *plot, const job *j)
{
    char label[160];
    double *at = kaon_scratch_doubles(j->m, j->s->rows), *mid = kaon_scratch_doubles(j->m, PROFILE);
    double *mean = kaon_scratch_doubles(j->m, PROFILE), *low = kaon_scratch_doubles(j->m, PROFILE);
    double *high = kaon_scratch_doubles(j->m, PROFILE),
           *width = kaon_scratch_doubles(j->m, PROFILE);
    sample *some = kaon_scratch_take(j->m, j->s->rows, sizeof *some);
    if (j->m->failed)
        return;
    for (int64_t i = 0; i < j->s->rows; i++)
        at[i] = truth(j, i);
    kaon_bins b = kaon_bins_for(j->m, j->s->rows, at, 1, PROFILE);
    b.count = PROFILE;
    for (int32_t k = 0; k < PROFILE; k++) {
        int64_t n = 0;
        for (int64_t i = 0; i < j->s->rows; i++)
            if (kaon_bins_find(&b, at[i]) == k)
                some[n++] = (sample){said(j, i) - truth(j, i), j->s->weight[i]};
        const core c = n > 4 ? core_of(some, n) : (core){NAN, NAN, NAN};
        mid[k] = b.low + (b.high - b.low) * (k + 0.5) / PROFILE;
        mean[k] = c.mean;
        low[k] = c.mean - c.error;
        high[k] = c.mean + c.error;
        width[k] = c.width;
    }
    snprintf(label, sizeof label, "true %s", j->name);
    plot->api->panel(plot, &(kaon_panel){.size = sizeof(kaon_panel),
                                         .legend = KAON_LEGEND_ABOVE,
                                         .x = {.label = label, .low = b.low, .high = b.high},
                                         .y = {.label = "residual"}});
    kaon_series s = {.size = sizeof s,
                     .kind = KAON_SERIES_POINTS,
                     .label = "bias",
                     .colour = 1,
                     .count = PROFILE,
                     .x = mid,
                     .y = mean,
                     .low = low,
                     .high = high};
    plot->api->series(plot, &s);
    s = (kaon_series){.size = sizeof s,
                      .kind = KAON_SERIES_LINE,
                      .label = "resolution (width)",
                      .colour = 2,
                      .count = PROFILE,
                      .x = mid,
                      .y = width};
    plot->api->series(plot, &s);
    s = (kaon_series){.size = sizeof s,
                      .kind = KAON_SERIES_LEVEL,
                      .colour = KAON_COLOUR_GREY,
                      .dash = KAON_DASH_DOTS,
                      .count = 1,
                      .y = (const double[]){0},
                      .hidden = 1};
    plot->api->series(plot, &s);
}

/* --- pulls ------------------------------------------------------------------------------------ */

// Widths of the residuals of rows with a like prediction, a share of the rows in each group.
static void divide_by_width(const job *j, sample *pulls)
{
    enum { GROUPS = 10 };
    const int64_t n = j->s->rows;
    sample *order = kaon_scratch_take(j->m, n, sizeof *order);
    sample *some = kaon_scratch_take(j->m, n, sizeof *some);
    if (j->m->failed)
        return;
    for (int64_t i = 0; i < n; i++)
        order[i] = (sample){said(j, i), (double)i};
    qsort(order, (size_t)n, sizeof *order, sample_order);
    for (int32_t g = 0; g < GROUPS; g++) {
        const int64_t first = n * g / GROUPS, last = n * (g + 1) / GROUPS;
        for (int64_t i = first; i < last; i++)
            some[i - first] = pulls[(int64_t)order[i].weight];
        const core c = core_of(some, last - first);
        for (int64_t i = first; i < last; i++)
            pulls[(int64_t)order[i].weight].value /= c.width > 0 ? c.width : NAN;
    }
}

static int64_t keep_finite(sample *all, int64_t count)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++)
        if (isfinite(all[i].value))
            all[kept++] = all[i];
    return kept;
}

static void add_pulls(kaon_plot *plot, const job *j)
{
    const int64_t n = j->s->rows;
    sample *pulls = kaon_scratch_take(j->m, n, sizeof *pulls);
    if (j->m->failed)
        return;
    for (int64_t i = 0; i < n; i++) {
        const double sigma = j->s->sigma ? j->s->sigma[i * j->s->width + j->output] : 1;
        pulls[i] = (sample){(said(j, i) - truth(j, i)) / sigma, j->s->weight[i]};
    }
    if (!j->s->sigma)
        divide_by_width(j, pulls);
    add_distribution(plot, j, pulls, keep_finite(pulls, n), "pull", 1);
}

/* --- the figure ------------------------------------------------------------------------------- */

static void draw_output(kaon_plot *plot, const job *j)
{
    char label[160];
    sample *all = kaon_scratch_take(j->m, j->s->rows, sizeof *all);
    if (j->m->failed)
        return;
    for (int64_t i = 0; i < j->s->rows; i++)
        all[i] = (sample){said(j, i) - truth(j, i), j->s->weight[i]};
    snprintf(label, sizeof label, "predicted - true %s", j->name);
    add_distribution(plot, j, all, keep_finite(all, j->s->rows), label, 0);
    add_pulls(plot, j);
    add_map(plot, j);
    add_profile(plot, j);
}

static const char *target_name(const kaon_host *host, kaon_look *run, int32_t part)
{
    const kaon_table_api *tables = host->service(host, KAON_TABLE_SERVICE);
    kaon_column column = {.size = sizeof column};
    kaon_table *table = NULL;
    if (run->api->table(run, part, &table, NULL) ||
        tables->column_of(table, KAON_ROLE_TARGET, &column) || !column.name)
        return "value";
    return column.name;
}

static kaon_status draw(const kaon_host *host, const void *settings, kaon_look *run,
                        kaon_plot *plot, kaon_diag *diag)
{
    enum { MOST_OUTPUTS = 4 };
    const kaon_scores *s = NULL;
    int32_t part;
    (void)settings;
    kaon_status status = run->api->main_part(run, &part);
    if (!status)
        status = run->api->scores(run, part, &s, diag);
    if (status && status != KAON_NOT_FOUND)
        return status;
    if (status || s->task != KAON_REGRESSION || !s->rows)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the run predicts no numbers");
    kaon_scratch m = {.host = host};
    plot->api->columns(plot, 2);
    for (int64_t k = 0; k < s->width && k < MOST_OUTPUTS; k++) {
        char name[140];
        const char *target = target_name(host, run, part);
        snprintf(name, sizeof name, s->width > 1 ? "%s %lld" : "%s", target, (long long)k);
        draw_output(plot, &(job){&m, s, k, name});
    }
    status = kaon_scratch_status(&m, diag);
    kaon_scratch_free(&m);
    kaon_caption(plot,
                 "Residuals with a Gaussian fitted to their core (two widths about the mean); "
                 "prediction against truth; bias and width of the residuals by truth.");
    kaon_caption(plot, s->sigma ? "Pull: residual over predicted uncertainty."
                                : "Pull: residual over the width of the residuals of rows with a "
                                  "like prediction, as the model predicts no uncertainty.");
    return status;
}

static const kaon_figure residuals = {
    .size = sizeof residuals,
    .help = "residuals and pulls of a regression, prediction against truth, resolution",
    .title = "Residuals and pulls",
    .order = 30,
    .draw = draw,
};

#define ITEMS(item) item(KAON_FIGURE, "residuals", &residuals)

KAON_PLUGIN("figures_regression", "1.0.0", "Apache-2.0", "figures of predicted numbers", ITEMS,
            NULL)
