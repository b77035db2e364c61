/* landscape.c: the loss about the trained weights, on a plane through them.
 *
 * Two random directions with the shape of the weights; each filter (the last axis of a matrix, one
 * output's weights) is scaled to the norm of the filter it is added to, and vectors (biases) stay
 * as they are. H. Li et al., "Visualizing the loss landscape of neural nets", arXiv:1712.09913,
 * section
 * 4. The loss is the log loss of classes or the mean squared error of numbers.
 */
#include <kaon/figure_build.h>
#include <kaon/random.h>

enum { STREAM = 0x6c616e64, MOST_TENSORS = 512 };

typedef struct {
    int64_t points;
    double reach;
    int64_t rows;
} config;

static const kaon_option options[] = {
    KAON_INT(config, points, 15, .min = 3, .max = 101, .help = "along each direction"),
    KAON_FLOAT(config, reach, 1, .min = 0, .max = 100, .flags = KAON_OPTION_OPEN_MIN,
               .help = "distance from the trained weights, in units of the filters' norms"),
    KAON_INT(config, rows, 2000, .min = 1, .max = 1000000,
             .help = "the loss is taken over, at most"),
    {0},
};

typedef struct {
    int32_t count;
    int64_t size[MOST_TENSORS];
    double *at[MOST_TENSORS];     // trained
    double *way[2][MOST_TENSORS]; // directions, NULL: stays
    double *moved[MOST_TENSORS];
    const double *given[MOST_TENSORS]; // what a prediction gets
} weights;

/* --- directions ------------------------------------------------------------------------------- */

// Of mean 0 and deviation 1, by the transform of Box and Muller.
static double normal(kaon_random_stream *random)
{
    const double u = 1 - kaon_random_uniform(random), v = kaon_random_uniform(random);
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

static void make_direction(const kaon_view *view, const double *at, kaon_random_stream *random,
                           double *out)
{
    const int64_t count = kaon_view_count(view), filters = view->shape[view->rank - 1];
    for (int64_t i = 0; i < count; i++)
        out[i] = normal(random);
    for (int64_t f = 0; f < filters; f++) {
        double own = 0, drawn = 0;
        for (int64_t i = f; i < count; i += filters) {
            own += at[i] * at[i];
            drawn += out[i] * out[i];
        }
        const double scale = drawn > 0 ? sqrt(own / drawn) : 0;
        for (int64_t i = f; i < count; i += filters)
            out[i] *= scale;
    }
}

static kaon_status take(weights *w, kaon_scratch *m, kaon_look *run, kaon_diag *diag)
{
    kaon_random_stream random = {.seed = run->api->seed(run), .stream = STREAM};
    kaon_view view = {.size = sizeof view};
    const char *name = NULL;
    int32_t moving = 0;
    for (; w->count < MOST_TENSORS; w->count++) {
        const int32_t n = w->count;
        const kaon_status status = run->api->weights(run, n, &name, &view, diag);
        if (status == KAON_NOT_FOUND)
            break;
        KAON_TRY(status);
        w->size[n] = kaon_view_count(&view);
        w->at[n] = kaon_scratch_doubles(m, w->size[n]);
        w->moved[n] = kaon_scratch_doubles(m, w->size[n]);
        KAON_TRY(kaon_scratch_status(m, diag));
        for (int64_t i = 0; i < w->size[n]; i++)
            w->at[n][i] = view.dtype == KAON_F64 ? ((const double *)view.data)[i]
                                                 : (double)((const float *)view.data)[i];
        if (view.rank < 2)
            continue;
        w->given[n] = w->moved[n];
        moving++;
        for (int32_t d = 0; d < 2; d++) {
            w->way[d][n] = kaon_scratch_doubles(m, w->size[n]);
            KAON_TRY(kaon_scratch_status(m, diag));
            make_direction(&view, w->at[n], &random, w->way[d][n]);
        }
    }
    return moving ? KAON_OK
                  : kaon_fail(diag, KAON_UNSUPPORTED, "the model has no matrix of weights to move");
}

static void move(const weights *w, double a, double b)
{
    for (int32_t n = 0; n < w->count; n++)
        for (int64_t i = 0; w->way[0][n] && i < w->size[n]; i++)
            w->moved[n][i] = w->at[n][i] + a * w->way[0][n][i] + b * w->way[1][n][i];
}

/* --- the figure ------------------------------------------------------------------------------- */

static double loss_of(const kaon_scores *s, int64_t rows, int64_t outputs, const double *predicted)
{
    double sum = 0, all = 0;
    for (int64_t i = 0; i < rows; i++) {
        double loss = 0;
        if (s->truth)
            loss = -log(fmin(fmax(predicted[i * outputs + s->truth[i]], 1e-15), 1));
        for (int64_t k = 0; !s->truth && k < outputs; k++) {
            const double d = predicted[i * outputs + k] - s->target[i * outputs + k];
            loss += d * d;
        }
        sum += s->weight[i] * loss;
        all += s->weight[i];
    }
    return sum / all;
}

static kaon_status scan(const config *c, const weights *w, kaon_scratch *m, kaon_look *run,
                        double *steps, double *losses, kaon_diag *diag)
{
    const kaon_scores *s = NULL;
    int32_t part;
    kaon_status status = run->api->main_part(run, &part);
    if (!status)
        status = run->api->scores(run, part, &s, diag);
    if (status && status != KAON_NOT_FOUND)
        return status;
    if (status || !(s->truth || s->target) || !s->predicted)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the run has no predictions to compare");
    const int64_t rows = s->rows < c->rows ? s->rows : c->rows;
    const int64_t outputs = s->truth ? s->classes : s->width;
    double *predicted = kaon_scratch_doubles(m, rows * outputs);
    KAON_TRY(kaon_scratch_status(m, diag));
    for (int64_t i = 0; i < c->points; i++)
        steps[i] = c->reach * (2.0 * (double)i / (double)(c->points - 1) - 1);
    for (int64_t i = 0; i < c->points; i++)
        for (int64_t k = 0; k < c->points; k++) {
            move(w, steps[k], steps[i]);
            KAON_TRY(run->api->predict_with(run, part, rows, w->given, predicted, diag));
            const double loss = loss_of(s, rows, outputs, predicted);
            losses[i * c->points + k] = isfinite(loss) ? loss : NAN;
        }
    return KAON_OK;
}

static void describe(const config *c, kaon_plot *plot, const double *steps, const double *losses)
{
    double low = INFINITY, high = 0;
    for (int64_t i = 0; i < c->points * c->points; i++) {
        low = losses[i] < low ? losses[i] : low;
        high = losses[i] > high ? losses[i] : high;
    }
    const kaon_panel panel = {.size = sizeof panel,
                              .legend = KAON_LEGEND_NONE,
                              .square = 1,
                              .x = {.label = "first direction"},
                              .y = {.label = "second direction"},
                              .z = {.label = "loss", .log = low > 0 && high > 10 * low}};
    plot->api->panel(plot, &panel);
    const kaon_series heat = {.size = sizeof heat,
                              .kind = KAON_SERIES_HEAT,
                              .count = c->points,
                              .rows = c->points,
                              .x = steps,
                              .y = steps,
                              .z = losses};
    plot->api->series(plot, &heat);
    const kaon_series centre = {.size = sizeof centre,
                                .kind = KAON_SERIES_POINTS,
                                .colour = 2,
                                .count = 1,
                                .x = (const double[]){0},
                                .y = (const double[]){0},
                                .hidden = 1};
    plot->api->series(plot, &centre);
    kaon_caption(plot, "Loss on a plane through the trained weights (point), along two random "
                       "directions normalised filter by filter.");
}

static kaon_status draw(const kaon_host *host, const void *settings, kaon_look *run,
                        kaon_plot *plot, kaon_diag *diag)
{
    const config *c = settings;
    kaon_scratch m = {.host = host};
    weights *w = kaon_scratch_take(&m, 1, sizeof *w);
    double *steps = kaon_scratch_doubles(&m, c->points);
    double *losses = kaon_scratch_doubles(&m, c->points * c->points);
    kaon_status status = kaon_scratch_status(&m, diag);
    if (!status)
        status = take(w, &m, run, diag);
    if (!status)
        status = scan(c, w, &m, run, steps, losses, diag);
    if (!status)
        describe(c, plot, steps, losses);
    kaon_scratch_free(&m);
    return status;
}

static const kaon_figure landscape = {
    .size = sizeof landscape,
    .settings_size = sizeof(config),
    .options = options,
    .help = "the loss about the trained weights, on a plane of two random directions",
    .title = "Loss landscape",
    .order = 14,
    .on_request = 1,
    .draw = draw,
};

#define ITEMS(item) item(KAON_FIGURE, "landscape", &landscape)

KAON_PLUGIN("landscape", "1.0.0", "Apache-2.0", "the loss about the trained weights", ITEMS, NULL)
