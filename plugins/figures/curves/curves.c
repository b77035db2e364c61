/* curves.c: the curves metrics give: ROC, precision and recall, rejection, significance,
 * calibration.
 *
 * A band is one standard deviation of y at the same x, from the bootstrap of the rows. With two
 * classes the curve of the second one says it all and the first is left out.
 */
#include <kaon/figure_build.h>

enum { MOST_CURVES = 8 };

// How a kind of curves looks.
typedef struct {
    const char *curves[4]; // their names among those of the metrics, into one panel
    int32_t by_metric;     // 1: one curve per metric, else one per class
    const char *caption;
    int32_t share_x; // 1: the axis shows a share, 0 to 1
    int32_t share_y;
    int32_t log_y;
    int32_t legend;
    int32_t diagonal; // 1: y = x is drawn for comparison
    const char *diagonal_label;
    int32_t points;
    int32_t best; // 1: the highest point is marked
} kind;

/* --- one curve -------------------------------------------------------------------------------- */

// The area below it, by trapezes, where x rises or falls from one end to the other.
static double area_of(const kaon_curve *c)
{
    double area = 0;
    for (int64_t i = 1; i < c->count; i++)
        area += (c->x[i] - c->x[i - 1]) * (c->y[i] + c->y[i - 1]) / 2;
    return fabs(area);
}

static void name_curve(const kind *k, const kaon_curve *c, const kaon_scores *s, double sigma,
                       char *label, size_t room)
{
    char more[32] = "";
    if (sigma > 0)
        snprintf(more, sizeof more, " \302\261 %.2g", sigma); // plus or minus
    const char *named = c->of_class >= 0 && c->of_class < s->classes && s->class_names
                            ? s->class_names[c->of_class]
                            : NULL;
    if (k->by_metric)
        snprintf(label, room, "%s%s%s", c->name, named ? ", " : "", named ? named : "");
    else if (k->diagonal && !k->points)
        snprintf(label, room, "%s%sAUC %.4f%s", named ? named : "", named ? ", " : "", area_of(c),
                 more);
    else if (named)
        snprintf(label, room, "%s", named);
    else if (c->of_class >= 0)
        snprintf(label, room, "class %lld", (long long)c->of_class);
    else
        snprintf(label, room, "%s", c->name);
}

// Ends of the band at a point.
static void limit(const kind *k, double y, double sigma, double *low, double *high)
{
    *low = y - sigma;
    *high = y + sigma;
    if (k->log_y) { // as wide upwards as downwards on the axis it stands on
        const double factor = exp(fmin(sigma / y, 1));
        *low = y / factor;
        *high = y * factor;
    }
    if (k->share_y) {
        *low = fmax(*low, 0);
        *high = fmin(*high, 1);
    }
}

// Extent of the numbers on their axis, at least a little.
static double extent(const double *values, int64_t count, int32_t is_log)
{
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < count; i++) {
        const double at = is_log ? log(values[i]) : values[i];
        low = at < low ? at : low;
        high = at > high ? at : high;
    }
    return high > low ? high - low : 1;
}

/* What an eye can tell apart of a curve (x, y, low, high), in place: points further from the one
 * kept before than a 250th of the figure, and the ends. Returns how many. */
static int64_t thin(const kind *k, int64_t count, double *const columns[4])
{
    const double wide = extent(columns[0], count, 0);
    const double tall = extent(columns[1], count, k->log_y);
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        const double was = kept ? columns[1][kept - 1] : 0;
        const double up = k->log_y ? log(columns[1][i] / was) : columns[1][i] - was;
        const double aside = kept ? columns[0][i] - columns[0][kept - 1] : 0;
        if (kept && i + 1 < count && hypot(aside / wide, up / tall) < 1.0 / 250)
            continue;
        for (int32_t c = 0; c < 4; c++)
            columns[c][kept] = columns[c][i];
        kept++;
    }
    return kept;
}

// The table gets all points, the drawing what can be seen.
static void add_curve(kaon_plot *plot, const kind *k, const kaon_curve *c, const double *sigma,
                      const char *label, int32_t colour, kaon_scratch *s)
{
    double *columns[4];
    for (int32_t i = 0; i < 4; i++)
        columns[i] = kaon_scratch_doubles(s, c->count);
    if (s->failed)
        return;
    for (int64_t i = 0; i < c->count; i++) {
        columns[0][i] = c->x[i];
        columns[1][i] = c->y[i];
        limit(k, c->y[i], sigma ? sigma[i] : 0, &columns[2][i], &columns[3][i]);
    }
    kaon_series series = {.size = sizeof series,
                          .kind = k->points ? KAON_SERIES_POINTS : KAON_SERIES_LINE,
                          .label = label,
                          .colour = colour,
                          .undrawn = !k->points,
                          .count = c->count,
                          .x = columns[0],
                          .y = columns[1],
                          .low = sigma ? columns[2] : NULL,
                          .high = sigma ? columns[3] : NULL,
                          .also = c->threshold,
                          .also_name = "threshold"};
    plot->api->series(plot, &series);
    if (k->points)
        return;
    series.undrawn = 0;
    series.hidden = 1;
    series.also = NULL;
    series.count = thin(k, c->count, columns);
    plot->api->series(plot, &series);
    series.kind = KAON_SERIES_BAND;
    series.label = NULL;
    if (sigma)
        plot->api->series(plot, &series);
}

static void mark_best(kaon_plot *plot, const kaon_curve *c, int32_t colour)
{
    char label[64];
    int64_t best = -1;
    for (int64_t i = 0; i < c->count; i++)
        if (isfinite(c->y[i]) && (best < 0 || c->y[i] > c->y[best]))
            best = i;
    if (best < 0)
        return;
    snprintf(label, sizeof label, "highest: %.4g at %.4g", c->y[best], c->x[best]);
    const kaon_series rule = {.size = sizeof rule,
                              .kind = KAON_SERIES_UPRIGHT,
                              .label = label,
                              .colour = colour,
                              .dash = KAON_DASH_DOTS,
                              .count = 1,
                              .x = &c->x[best]};
    plot->api->series(plot, &rule);
}

/* --- all of a kind ---------------------------------------------------------------------------- */

static void open_panel(kaon_plot *plot, const kind *k, const kaon_curve *c)
{
    kaon_panel panel = {.size = sizeof panel,
                        .legend = k->legend,
                        .x = {.label = c->x_label, .high = k->share_x},
                        .y = {.label = c->y_label, .log = k->log_y, .high = k->share_y},
                        .square = k->share_x && k->share_y};
    if (k->share_y)
        panel.y.high = 1.0;
    plot->api->panel(plot, &panel);
    if (!k->diagonal)
        return;
    const double ends[] = {0, 1};
    const kaon_series line = {.size = sizeof line,
                              .kind = KAON_SERIES_LINE,
                              .label = k->diagonal_label,
                              .colour = KAON_COLOUR_GREY,
                              .dash = KAON_DASH_DOTS,
                              .hidden = 1,
                              .count = 2,
                              .x = ends,
                              .y = ends};
    plot->api->series(plot, &line);
}

typedef struct {
    const kind *k;
    kaon_look *run;
    kaon_plot *plot;
    kaon_scratch *m;
    const kaon_scores *scores;
    int32_t part;
    int32_t shown;
    int32_t left;   // out
    int32_t banded; // 1: there were uncertainties
} work;

static void add_one(work *w, const kaon_curve *c, const double *sigma)
{
    char label[200];
    double auc, error = 0;
    if (!w->k->by_metric && w->scores->classes == 2 && c->of_class == 0)
        return; // the mirror image of the second one's
    if (w->shown == MOST_CURVES) {
        w->left++;
        return;
    }
    if (!w->shown++)
        open_panel(w->plot, w->k, c);
    if (w->scores->classes > 2 || w->run->api->number(w->run, w->part, "auc", &auc, &error, NULL))
        error = 0;
    name_curve(w->k, c, w->scores, error, label, sizeof label);
    add_curve(w->plot, w->k, c, sigma, label, w->shown, w->m);
    if (w->k->best)
        mark_best(w->plot, c, w->shown);
    w->banded |= sigma != NULL;
}

static kaon_status add_named(work *w, const char *name, kaon_diag *diag)
{
    kaon_curve c = {.size = sizeof c};
    const double *sigma = NULL;
    for (int64_t i = 0;; i++) {
        const kaon_status status = w->run->api->curve(w->run, w->part, name, i, &c, &sigma, diag);
        if (status)
            return status == KAON_NOT_FOUND ? kaon_scratch_status(w->m, diag) : status;
        add_one(w, &c, sigma);
    }
}

static kaon_status draw(const kind *k, const kaon_host *host, kaon_look *run, kaon_plot *plot,
                        kaon_diag *diag)
{
    kaon_scratch m = {.host = host};
    work w = {.k = k, .run = run, .plot = plot, .m = &m};
    kaon_status status = run->api->main_part(run, &w.part);
    if (!status)
        status = run->api->scores(run, w.part, &w.scores, diag);
    if (status && status != KAON_NOT_FOUND)
        return status;
    if (status)
        return kaon_fail(diag, KAON_UNSUPPORTED, "the run has no predictions to compare");
    for (int32_t i = 0; k->curves[i] && !status; i++)
        status = add_named(&w, k->curves[i], diag);
    kaon_scratch_free(&m);
    if (status)
        return status;
    if (!w.shown)
        return kaon_fail(diag, KAON_UNSUPPORTED, "no metric gives a curve '%s' for it",
                         k->curves[0]);
    kaon_caption(plot, "%s", k->caption);
    if (w.banded)
        kaon_caption(plot,
                     "Bands and bars: one standard deviation, from the bootstrap of the rows.");
    if (w.left)
        kaon_caption(plot, "The curves of %d more classes are left out.", w.left);
    return KAON_OK;
}

/* --- the kinds -------------------------------------------------------------------------------- */

// clang-format off
static const kind roc = {
    .curves = {"roc"}, .share_x = 1, .share_y = 1, .legend = KAON_LEGEND_BOTTOM_RIGHT,
    .diagonal = 1, .diagonal_label = "chance",
    .caption = "Each class against all others: the share of its rows that pass a cut on its score, "
               "against the share of all others that do. AUC: the area below."};
static const kind precision_recall = {
    .curves = {"precision_recall"}, .share_x = 1, .share_y = 1, .legend = KAON_LEGEND_BOTTOM_LEFT,
    .caption = "Each class against all others: the share of rows that pass a cut on its score and "
               "are of the class (purity), against the share of the class that passes (efficiency)."};
static const kind rejection = {
    .curves = {"rejection"}, .share_x = 1, .log_y = 1, .legend = KAON_LEGEND_TOP_RIGHT,
    .caption = "One over the share of the background that passes, against the efficiency for the "
               "signal."};
static const kind significance = {
    .by_metric = 1,
    .curves = {"asimov_significance", "s_over_sqrt_b", "s_over_sqrt_sb"}, .legend = KAON_LEGEND_ABOVE, .best = 1,
    .caption = "Expected significance of the rows that pass the cut, with the sums of their weights "
               "as numbers of events."};
static const kind calibration = {
    .curves = {"calibration"}, .share_x = 1, .share_y = 1, .legend = KAON_LEGEND_TOP_LEFT,
    .diagonal = 1, .diagonal_label = "calibrated", .points = 1,
    .caption = "How often a class is the true one where the model gives it a probability: on the "
               "diagonal probabilities mean what they say."};
// clang-format on

#define DRAW(name)                                                                                 \
    static kaon_status draw_##name(const kaon_host *host, const void *settings, kaon_look *run,    \
                                   kaon_plot *plot, kaon_diag *diag)                               \
    {                                                                                              \
        (void)settings;                                                                            \
        return draw(&name, host, run, plot, diag);                                                 \
    }
DRAW(roc)
DRAW(precision_recall)
DRAW(rejection)
DRAW(significance)
DRAW(calibration)

/* --- tables ----------------------------------------------------------------------------------- */

#define FIGURE(name, place, heading, words)                                                        \
    static const kaon_figure name##_figure = {.size = sizeof name##_figure,                        \
                                              .help = words,                                       \
                                              .title = heading,                                    \
                                              .order = place,                                      \
                                              .draw = draw_##name}
FIGURE(roc, 20, "ROC curves", "true against false positive rate, with bootstrap bands");
FIGURE(precision_recall, 21, "Precision and recall", "purity against efficiency");
FIGURE(rejection, 22, "Background rejection", "one over background against signal efficiency");
FIGURE(significance, 23, "Significance", "expected significance against the cut on the score");
FIGURE(calibration, 26, "Calibration", "observed frequency against predicted probability");

#define ITEMS(item)                                                                                \
    item(KAON_FIGURE, "roc", &roc_figure)                                                          \
        item(KAON_FIGURE, "precision_recall", &precision_recall_figure)                            \
            item(KAON_FIGURE, "rejection", &rejection_figure)                                      \
                item(KAON_FIGURE, "significance", &significance_figure)                            \
                    item(KAON_FIGURE, "calibration", &calibration_figure)

KAON_PLUGIN("figures_curves", "1.0.0", "Apache-2.0", "figures of the curves metrics give", ITEMS,
            NULL)
