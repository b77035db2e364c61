/* importance.c: how much worse a model gets when one feature means nothing: permutation importance.
 *
 * The values of a feature are shuffled among the rows, everything else stays; the rise of the mean
 * loss (log loss of classes, squared error of numbers, in units of its value) is the feature's
 * importance, its spread over the repetitions the bar. L. Breiman, "Random forests",
 * doi:10.1023/A:1010933404324, section 10.
 */
#include <kaon/figure_build.h>
#include <kaon/random.h>

enum { STREAM = 0x696d70 };

typedef struct {
    int64_t rows;
    int64_t repeats;
    int64_t features;
} config;

static const kaon_option options[] = {
    KAON_INT(config, rows, 5000, .min = 10, .max = 1000000, .help = "looked at, at most"),
    KAON_INT(config, repeats, 5, .min = 1, .max = 100, .help = "shuffles of each feature"),
    KAON_INT(config, features, 24, .min = 1, .max = 200, .help = "shown, the most important ones"),
    {0},
};

typedef struct {
    const config *c;
    kaon_look *run;
    const kaon_scores *s;
    int32_t part;
    int64_t rows;
    int64_t width; // features
    int64_t outputs;
    double *x;         // (rows, width)
    double *predicted; // (rows, outputs)
    int64_t *order;    // a permutation of the rows
    double *saved;     // (rows): the feature as it was
} work;

typedef struct {
    int64_t feature;
    double mean;
    double spread;
} result;

static double loss_of(const work *w, const double *predicted)
{
    double sum = 0, all = 0;
    for (int64_t i = 0; i < w->rows; i++) {
        double loss = 0;
        if (w->s->truth) {
            const double p = predicted[i * w->outputs + w->s->truth[i]];
            loss = -log(fmin(fmax(p, 1e-15), 1));
        }
        for (int64_t k = 0; !w->s->truth && k < w->outputs; k++) {
            const double d = predicted[i * w->outputs + k] - w->s->target[i * w->outputs + k];
            loss += d * d;
        }
        sum += w->s->weight[i] * loss;
        all += w->s->weight[i];
    }
    return sum / all;
}

static void shuffle(const work *w, kaon_random_stream *random)
{
    for (int64_t i = 0; i < w->rows; i++)
        w->order[i] = i;
    for (int64_t i = w->rows - 1; i > 0; i--) {
        const int64_t k = kaon_random_below(random, (uint32_t)i + 1), kept = w->order[i];
        w->order[i] = w->order[k];
        w->order[k] = kept;
    }
}

static kaon_status try_feature(const work *w, int64_t f, double before, result *out,
                               kaon_diag *diag)
{
    double sum = 0, squares = 0;
    kaon_random_stream random = {.seed = w->run->api->seed(w->run),
                                 .stream = STREAM + ((uint64_t)f << 32)};
    for (int64_t i = 0; i < w->rows; i++)
        w->saved[i] = w->x[i * w->width + f];
    for (int64_t r = 0; r < w->c->repeats; r++) {
        shuffle(w, &random);
        for (int64_t i = 0; i < w->rows; i++)
            w->x[i * w->width + f] = w->saved[w->order[i]];
        KAON_TRY(w->run->api->predict(w->run, w->part, w->rows, w->x, w->predicted, diag));
        const double rise = loss_of(w, w->predicted) - before;
        sum += rise;
        squares += rise * rise;
    }
    for (int64_t i = 0; i < w->rows; i++)
        w->x[i * w->width + f] = w->saved[i];
    const double n = (double)w->c->repeats;
    *out = (result){f, sum / n, 0};
    if (n > 1)
        out->spread = sqrt(fmax(0, squares - sum * sum / n) / (n - 1));
    return KAON_OK;
}

static int by_mean(const void *a, const void *b)
{
    const result *x = a, *y = b;
    if (x->mean != y->mean)
        return x->mean < y->mean ? 1 : -1;
    return (x->feature > y->feature) - (x->feature < y->feature);
}

/* --- the figure ------------------------------------------------------------------------------- */

static void add_bars(kaon_plot *plot, kaon_scratch *m, const result *all, int64_t count,
                     const kaon_column *features, int32_t classes)
{
    double *x = kaon_scratch_doubles(m, count), *y = kaon_scratch_doubles(m, count);
    double *low = kaon_scratch_doubles(m, count), *high = kaon_scratch_doubles(m, count);
    const char **names = kaon_scratch_take(m, count, sizeof *names);
    char(*room)[32] = kaon_scratch_take(m, count, sizeof *room);
    if (m->failed)
        return;
    for (int64_t i = 0; i < count; i++) {
        const int64_t f = all[i].feature;
        snprintf(room[i], sizeof *room, "feature %lld", (long long)f);
        names[i] = f < features->label_count ? features->labels[f] : room[i];
        x[i] = all[i].mean;
        y[i] = (double)i;
        low[i] = all[i].mean - all[i].spread;
        high[i] = all[i].mean + all[i].spread;
    }
    const kaon_panel panel = {
        .size = sizeof panel,
        .legend = KAON_LEGEND_NONE,
        .down = 1,
        .x = {.label = classes ? "rise of the log loss" : "rise of the mean squared error"},
        .y = {.label = "feature", .name_count = (int32_t)count, .names = names}};
    plot->api->panel(plot, &panel);
    const kaon_series bars = {.size = sizeof bars,
                              .kind = KAON_SERIES_BARS,
                              .count = count,
                              .x = x,
                              .y = y,
                              .low = low,
                              .high = high};
    plot->api->series(plot, &bars);
}

static kaon_status prepare(work *w, kaon_scratch *m, kaon_column *features, kaon_diag *diag)
{
    enum { MOST_WIDTH = 500 };
    const kaon_table_api *tables = m->host->service(m->host, KAON_TABLE_SERVICE);
    kaon_table *table = NULL;
    kaon_status status = w->run->api->main_part(w->run, &w->part);
    if (!status)
        status = w->run->api->scores(w->run, w->part, &w->s, diag);
    if (status && status != KAON_NOT_FOUND)
        return status;
    if (status || !(w->s->truth || w->s->target) || !w->s->predicted ||
        w->run->api->table(w->run, w->part, &table, diag) ||
        tables->column_of(table, KAON_ROLE_FEATURES, features) || features->offsets || !w->s->rows)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the run has no predictions to compare");
    w->rows = w->s->rows < w->c->rows ? w->s->rows : w->c->rows;
    w->width = kaon_view_count(&features->view) / tables->rows(table);
    w->outputs = w->s->truth ? w->s->classes : w->s->width;
    if (w->width > MOST_WIDTH)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%lld features are too many to shuffle one by one",
                         (long long)w->width);
    w->x = kaon_scratch_doubles(m, w->rows * w->width);
    w->predicted = kaon_scratch_doubles(m, w->rows * w->outputs);
    w->saved = kaon_scratch_doubles(m, w->rows);
    w->order = kaon_scratch_take(m, w->rows, sizeof *w->order);
    KAON_TRY(kaon_scratch_status(m, diag));
    for (int64_t i = 0; i < w->rows * w->width; i++)
        w->x[i] = features->view.dtype == KAON_F64
                      ? ((const double *)features->view.data)[i]
                      : (double)((const float *)features->view.data)[i];
    return KAON_OK;
}

static kaon_status draw(const kaon_host *host, const void *settings, kaon_look *run,
                        kaon_plot *plot, kaon_diag *diag)
{
    kaon_scratch m = {.host = host};
    kaon_column features = {.size = sizeof features};
    work w = {.c = settings, .run = run};
    kaon_status status = prepare(&w, &m, &features, diag);
    result *all = status ? NULL : kaon_scratch_take(&m, w.width, sizeof *all);
    const double before = all ? loss_of(&w, w.s->predicted) : 0;
    for (int64_t f = 0; all && f < w.width && !status; f++)
        status = try_feature(&w, f, before, &all[f], diag);
    if (!status && all) {
        const int64_t shown = w.width < w.c->features ? w.width : w.c->features;
        qsort(all, (size_t)w.width, sizeof *all, by_mean);
        add_bars(plot, &m, all, shown, &features, w.s->truth != NULL);
        kaon_caption(plot,
                     "How much the mean loss of %lld rows (%.4g) rises where the values of one "
                     "feature are shuffled among them; bars: spread of %lld shuffles. Features "
                     "that tell the same can stand in for each other and look unimportant.",
                     (long long)w.rows, before, (long long)w.c->repeats);
        if (shown < w.width)
            kaon_caption(plot, "The first %lld of %lld.", (long long)shown, (long long)w.width);
    }
    if (!status)
        status = kaon_scratch_status(&m, diag);
    kaon_scratch_free(&m);
    return status;
}

static const kaon_figure importance = {
    .size = sizeof importance,
    .settings_size = sizeof(config),
    .options = options,
    .help = "how much the loss rises when a feature is shuffled: permutation importance",
    .title = "Permutation importance",
    .order = 40,
    .draw = draw,
};

#define ITEMS(item) item(KAON_FIGURE, "importance", &importance)

KAON_PLUGIN("importance", "1.0.0", "Apache-2.0", "what a model looks at", ITEMS, NULL)
