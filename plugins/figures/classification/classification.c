/* classification.c: figures of classes: the confusion matrix, scores of train against test,
 * efficiency.
 *
 * The overtraining check compares the scores of train and test by the two-sample test of Kolmogorov
 * and Smirnov: D is the largest distance of the two cumulative distributions (weighted, ties taken
 * together), and with n = n1 n2 / (n1 + n2) the probability of a larger one by chance is the limit
 * for many rows, Q(sqrt(n) D), Q(z) = 2 sum (-1)^(j-1) exp(-2 j^2 z^2). A sample of weights counts
 * as (sum w)^2 / sum w^2 rows, as in ROOT. Equal to scipy.special.kolmogorov.
 */
#include "classification.h"

/* --- confusion -------------------------------------------------------------------------------- */

enum { MOST_CELLS = 24, MOST_CLASSES = 200, MOST_SHOWN = 8 };

static const char *class_name(const kaon_scores *s, int64_t k, char room[32])
{
    if (s->class_names && s->class_names[k])
        return s->class_names[k];
    snprintf(room, 32, "%lld", (long long)k);
    return room;
}

// Names of all classes, in the scratch memory; NULL: none left.
static const char *const *all_names(kaon_scratch *m, const kaon_scores *s)
{
    const char **names = kaon_scratch_take(m, s->classes, sizeof *names);
    char(*room)[32] = kaon_scratch_take(m, s->classes, sizeof *room);
    for (int64_t k = 0; names && room && k < s->classes; k++)
        names[k] = class_name(s, k, room[k]);
    return room ? names : NULL;
}

static void add_matrix(kaon_plot *plot, kaon_scratch *m, const kaon_scores *s)
{
    const int64_t n = s->classes, cells = n * n;
    double *share = kaon_scratch_doubles(m, cells), *place = kaon_scratch_doubles(m, n);
    const char **texts = kaon_scratch_take(m, cells, sizeof *texts);
    char(*room)[32] = kaon_scratch_take(m, cells, sizeof *room);
    const char *const *names = all_names(m, s);
    if (m->failed)
        return;
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        place[i] = (double)i;
        for (int64_t k = 0; k < n; k++)
            sum += s->confusion[i * n + k];
        for (int64_t k = 0; k < n; k++) {
            share[i * n + k] = sum != 0 ? 100 * s->confusion[i * n + k] / sum : NAN;
            snprintf(room[i * n + k], sizeof *room, "%.1f", share[i * n + k]);
            texts[i * n + k] = sum != 0 ? room[i * n + k] : "";
        }
    }
    const int32_t named = n <= 40 ? (int32_t)n : 0;
    const kaon_panel panel = {
        .size = sizeof panel,
        .square = 1,
        .down = 1,
        .x = {.label = "predicted class", .name_count = named, .names = names},
        .y = {.label = "true class", .name_count = named, .names = names},
        .z = {.label = "share of the true class", .unit = "%", .low = 0, .high = 100}};
    plot->api->panel(plot, &panel);
    const kaon_series heat = {.size = sizeof heat,
                              .kind = KAON_SERIES_HEAT,
                              .count = n,
                              .rows = n,
                              .x = place,
                              .y = place,
                              .z = share,
                              .texts = n <= MOST_CELLS ? texts : NULL};
    plot->api->series(plot, &heat);
}

static kaon_status draw_confusion(const kaon_host *host, const void *settings, kaon_look *run,
                                  kaon_plot *plot, kaon_diag *diag)
{
    (void)settings;
    const kaon_scores *s = NULL;
    int32_t part;
    kaon_scratch m = {.host = host};
    KAON_TRY(get_classes(run, &part, &s, diag));
    if (s->classes > MOST_CLASSES)
        return kaon_fail(diag, KAON_UNSUPPORTED, "%lld classes are too many for a matrix",
                         (long long)s->classes);
    add_matrix(plot, &m, s);
    const kaon_status status = kaon_scratch_status(&m, diag);
    kaon_scratch_free(&m);
    kaon_caption(plot, "What rows of each true class are taken for, by the highest score; each row "
                       "of the matrix adds up to 100 %% of its weight.");
    return status;
}

/* --- scores ----------------------------------------------------------------------------------- */

typedef struct {
    int64_t bins;
    int32_t log;
} score_config;

static const kaon_option score_options[] = {
    KAON_INT(score_config, bins, 40, .min = 2, .max = 120, .help = "of the score, 0 to 1"),
    KAON_BOOL(score_config, log, 1, .help = "logarithmic numbers of rows"),
    {0},
};

// The rows of one side: those of class k, or all others.
typedef struct {
    const kaon_scores *s;
    int64_t k;
    int32_t signal;
} side;

static int32_t is_in(const side *a, int64_t i)
{
    return (a->s->truth[i] == a->k) == a->signal;
}

static double score(const side *a, int64_t i)
{
    return a->s->predicted[i * a->s->classes + a->k];
}

// Scores and weights of a side, sorted; *count of them.
static sample *take_side(kaon_scratch *m, const side *a, int64_t *count)
{
    int64_t n = 0;
    for (int64_t i = 0; i < a->s->rows; i++)
        n += is_in(a, i) && isfinite(score(a, i));
    sample *all = kaon_scratch_take(m, n, sizeof *all);
    *count = all ? n : 0;
    n = 0;
    for (int64_t i = 0; all && i < a->s->rows; i++)
        if (is_in(a, i) && isfinite(score(a, i)))
            all[n++] = (sample){score(a, i), a->s->weight[i]};
    if (all)
        qsort(all, (size_t)n, sizeof *all, sample_order);
    return all;
}

static double compare(kaon_scratch *m, const side *train, const side *test)
{
    int64_t n1, n2;
    const sample *a = take_side(m, train, &n1), *b = take_side(m, test, &n2);
    return m->failed ? NAN : ks_probability(a, n1, b, n2);
}

// A normalised histogram of the side with its errors.
static void add_side(kaon_plot *plot, kaon_scratch *m, const side *a, const score_config *c,
                     const char *label, int32_t colour, int32_t is_train)
{
    const kaon_bins bins = {.count = (int32_t)c->bins, .low = 0, .high = 1};
    double *edges = kaon_scratch_doubles(m, c->bins + 1), *y = kaon_scratch_doubles(m, c->bins);
    double *low = kaon_scratch_doubles(m, c->bins), *high = kaon_scratch_doubles(m, c->bins);
    double *middle = kaon_scratch_doubles(m, c->bins), sum = 0;
    if (m->failed)
        return;
    kaon_bins_edges(&bins, edges);
    for (int64_t i = 0; i < a->s->rows; i++)
        if (is_in(a, i) && isfinite(score(a, i))) {
            kaon_bins_add(&bins, score(a, i), a->s->weight[i], y, low);
            sum += a->s->weight[i];
        }
    const double scale = sum != 0 ? (double)c->bins / sum : NAN; // area 1
    for (int64_t i = 0; i < c->bins; i++) {
        const double error = sqrt(low[i]) * fabs(scale);
        y[i] *= scale;
        middle[i] = (edges[i] + edges[i + 1]) / 2;
        low[i] = y[i] - error;
        high[i] = y[i] + error;
        if (is_train && error == 0)
            y[i] = low[i] = high[i] = NAN; // an empty bin has no point
        else if (c->log && low[i] <= 0)
            low[i] = y[i] / 10;
    }
    const kaon_series series = {.size = sizeof series,
                                .kind = is_train ? KAON_SERIES_POINTS : KAON_SERIES_HISTOGRAM,
                                .label = label,
                                .colour = colour,
                                .count = c->bins,
                                .x = is_train ? middle : edges,
                                .y = y,
                                .low = low,
                                .high = high};
    plot->api->series(plot, &series);
}

static void add_class(kaon_plot *plot, kaon_scratch *m, const kaon_scores *const s[2], int64_t k,
                      const score_config *c)
{
    char name[32], other[32], label[128], title[160];
    double p[2] = {NAN, NAN};
    const char *signal = class_name(s[1], k, name);
    const char *rest = s[1]->classes == 2 ? class_name(s[1], 1 - k, other) : "others";
    for (int32_t i = 0; i < 2 && s[0]; i++)
        p[i] = compare(m, &(side){s[0], k, !i}, &(side){s[1], k, !i});
    if (s[0])
        kaon_caption(plot, "KS probability: %s %.6g, %s %.6g.", signal, p[0], rest, p[1]);
    if (s[0])
        snprintf(title, sizeof title, "KS probability: %s %.2g, %s %.2g", signal, p[0], rest, p[1]);
    snprintf(label, sizeof label, "score for %s", signal);
    plot->api->panel(plot, &(kaon_panel){.size = sizeof(kaon_panel),
                                         .title = s[0] ? title : NULL,
                                         .legend = KAON_LEGEND_ABOVE,
                                         .x = {.label = label, .low = 0, .high = 1},
                                         .y = {.label = "density", .log = c->log}});
    for (int32_t i = 0; i < 2; i++)
        add_side(plot, m, &(side){s[1], k, !i}, c, i ? rest : signal, i + 1, 0);
    for (int32_t i = 0; i < 2 && s[0]; i++) {
        char text[160];
        snprintf(text, sizeof text, "%s train", i ? rest : signal);
        add_side(plot, m, &(side){s[0], k, !i}, c, text, i + 1, 1);
    }
}

static kaon_status draw_scores(const kaon_host *host, const void *settings, kaon_look *run,
                               kaon_plot *plot, kaon_diag *diag)
{
    const kaon_scores *s[2] = {NULL, NULL};
    int32_t part;
    kaon_scratch m = {.host = host};
    KAON_TRY(get_classes(run, &part, &s[1], diag));
    if (part != KAON_PART_TRAIN && run->api->scores(run, KAON_PART_TRAIN, &s[0], diag))
        s[0] = NULL;
    if (s[0] && s[0]->classes != s[1]->classes)
        s[0] = NULL;
    const int64_t first = s[1]->classes == 2, last = s[1]->classes < 9 ? s[1]->classes : 9;
    plot->api->columns(plot, last - first < 3 ? (int32_t)(last - first) : 3);
    for (int64_t k = first; k < last; k++)
        add_class(plot, &m, s, k, settings);
    const kaon_status status = kaon_scratch_status(&m, diag);
    kaon_scratch_free(&m);
    kaon_caption(plot, "Scores of each class and of all others, each with area 1.");
    if (s[0])
        kaon_caption(plot,
                     "Filled: the judged part. Points: the train part. The Kolmogorov-Smirnov "
                     "probability says how often two samples of one distribution differ more "
                     "by chance; close to zero, the model is overtrained.");
    if (last < s[1]->classes)
        kaon_caption(plot, "The first %lld of %lld classes are shown.", (long long)last,
                     (long long)s[1]->classes);
    return status;
}

/* --- efficiency ------------------------------------------------------------------------------- */

typedef struct {
    const char *variable;
    double cut;
    int64_t bins;
} efficiency_config;

static const kaon_option efficiency_options[] = {
    KAON_TEXT(efficiency_config, variable, NULL,
              .help = "a feature or another column of numbers; absent: the first feature"),
    KAON_FLOAT(efficiency_config, cut, 0.5, .min = 0, .max = 1,
               .help = "two classes: what has a score above passes; else: the highest score wins"),
    KAON_INT(efficiency_config, bins, 20, .min = 1, .max = 100, .help = "of the variable, about"),
    {0},
};

// The interval of Wilson at one standard deviation, for (sum w)^2 / sum w^2 rows.
static void wilson(double passed, double all, double squares, double *low, double *high)
{
    const double n = all * all / squares, p = passed / all;
    const double middle = (p + 0.5 / n) / (1 + 1 / n);
    const double half = sqrt(fmax(0, p * (1 - p) / n + 0.25 / (n * n))) / (1 + 1 / n);
    *low = fmin(p, fmax(middle - half, 0));
    *high = fmax(p, fmin(middle + half, 1));
}

static int32_t passes(const kaon_scores *s, int64_t i, const efficiency_config *c)
{
    return s->classes == 2 ? s->predicted[2 * i + 1] >= c->cut : s->chosen[i] == s->truth[i];
}

static void add_efficiency(kaon_plot *plot, kaon_scratch *m, const kaon_scores *s, int64_t k,
                           const double *values, const kaon_bins *b, const efficiency_config *c)
{
    char room[32];
    const int64_t shown = s->classes < MOST_SHOWN ? s->classes : MOST_SHOWN;
    double *all = kaon_scratch_doubles(m, b->count), *passed = kaon_scratch_doubles(m, b->count);
    double *squares = kaon_scratch_doubles(m, b->count), *x = kaon_scratch_doubles(m, b->count);
    double *low = kaon_scratch_doubles(m, b->count), *high = kaon_scratch_doubles(m, b->count);
    double *edges = kaon_scratch_doubles(m, b->count + 1),
           *none = kaon_scratch_doubles(m, b->count);
    if (m->failed)
        return;
    kaon_bins_edges(b, edges);
    for (int64_t i = 0; i < s->rows; i++) {
        if (s->truth[i] != k)
            continue;
        kaon_bins_add(b, values[i], s->weight[i], all, squares);
        if (passes(s, i, c))
            kaon_bins_add(b, values[i], s->weight[i], passed, none);
    }
    for (int32_t i = 0; i < b->count; i++) {
        // Classes stand side by side in a bin, so that their bars can be told apart.
        x[i] = edges[i] + (edges[1] - edges[0]) * ((double)(k % shown) + 1) / ((double)shown + 1);
        low[i] = high[i] = NAN;
        if (squares[i] > 0 && all[i] > 0)
            wilson(passed[i], all[i], squares[i], &low[i], &high[i]);
        passed[i] = squares[i] > 0 && all[i] > 0 ? passed[i] / all[i] : NAN;
    }
    const kaon_series points = {.size = sizeof points,
                                .kind = KAON_SERIES_POINTS,
                                .label = class_name(s, k, room),
                                .colour = (int32_t)k + 1,
                                .count = b->count,
                                .x = x,
                                .y = passed,
                                .low = low,
                                .high = high};
    plot->api->series(plot, &points);
}

static kaon_status draw_efficiency(const kaon_host *host, const void *settings, kaon_look *run,
                                   kaon_plot *plot, kaon_diag *diag)
{
    const efficiency_config *c = settings;
    const kaon_scores *s = NULL;
    const char *name = NULL;
    int32_t part;
    kaon_scratch m = {.host = host};
    KAON_TRY(get_classes(run, &part, &s, diag));
    double *values = kaon_scratch_doubles(&m, s->rows);
    kaon_status status = kaon_scratch_status(&m, diag);
    if (!status)
        status = get_variable(&m, run, part, c->variable, s->rows, values, &name, diag);
    if (!status) {
        const kaon_bins bins = kaon_bins_for(&m, s->rows, values, 1, (int32_t)c->bins);
        const kaon_panel panel = {
            .size = sizeof panel,
            .legend = KAON_LEGEND_ABOVE,
            .x = {.label = name, .low = bins.low, .high = bins.high},
            .y = {.label = s->classes == 2 ? "share that passes the cut" : "share recognised",
                  .low = 0,
                  .high = 1.05}};
        plot->api->panel(plot, &panel);
        for (int64_t k = 0; k < s->classes && k < MOST_SHOWN; k++)
            add_efficiency(plot, &m, s, k, values, &bins, c);
        status = kaon_scratch_status(&m, diag);
        if (s->classes == 2)
            kaon_caption(plot, "Share of each class with a score of %g or more.", c->cut);
        else
            kaon_caption(plot, "Share of each class that is taken for what it is.");
        kaon_caption(plot, "Bars: one standard deviation (Wilson).");
    }
    kaon_scratch_free(&m);
    return status;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const kaon_figure confusion = {
    .size = sizeof confusion,
    .help = "what each class is taken for, in per cent of it",
    .title = "Confusion matrix",
    .order = 24,
    .draw = draw_confusion,
};

static const kaon_figure scores = {
    .size = sizeof scores,
    .settings_size = sizeof(score_config),
    .options = score_options,
    .help = "scores of train against test with the KS probability: the overtraining check",
    .title = "Scores and overtraining check",
    .order = 25,
    .draw = draw_scores,
};

static const kaon_figure efficiency = {
    .size = sizeof efficiency,
    .settings_size = sizeof(efficiency_config),
    .options = efficiency_options,
    .help = "share of each class that passes, against a variable",
    .title = "Efficiency",
    .order = 27,
    .draw = draw_efficiency,
};

#define ITEMS(item)                                                                                \
    item(KAON_FIGURE, "confusion", &confusion) item(KAON_FIGURE, "scores", &scores)                \
        item(KAON_FIGURE, "efficiency", &efficiency)

KAON_PLUGIN("figures_classification", "1.0.0", "Apache-2.0", "figures of classes", ITEMS, NULL)
