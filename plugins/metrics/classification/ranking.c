/* ranking.c: what the order of the scores tells: ROC and precision-recall, one class against the
 * others. Rows of one score pass together, so that ties are what they are: a straight line.
 */
#include "classification.h"

#include <math.h>

/* --- areas ------------------------------------------------------------------------------------ */

// Share of pairs (signal, rest) in the right order; ties count half.
static double class_auc(const kaon_scores *s, int64_t k)
{
    kaon_cut cut = {0};
    double area = 0, signal = 0, rest = 0;
    if (kaon_scores_broken(s, k))
        return NAN;
    while (kaon_cut_next(s, k, &cut)) {
        area += (cut.rest - rest) * 0.5 * (cut.signal + signal);
        signal = cut.signal;
        rest = cut.rest;
    }
    return signal != 0 && rest != 0 ? area / (signal * rest) : NAN;
}

// Sum of precision times the step in recall, at each distinct score.
static double class_average_precision(const kaon_scores *s, int64_t k)
{
    kaon_cut cut = {0};
    double area = 0, signal = 0;
    if (kaon_scores_broken(s, k))
        return NAN;
    while (kaon_cut_next(s, k, &cut)) {
        if (cut.signal != signal)
            area += cut.signal / (cut.signal + cut.rest) * (cut.signal - signal);
        signal = cut.signal;
    }
    return signal != 0 ? area / signal : NAN;
}

/* --- curves ----------------------------------------------------------------------------------- */

// What a curve shows of the rows that pass, in parts of all.
typedef struct {
    const char *name;
    const char *x_label;
    const char *y_label;
    double start_x, start_y; // where nothing passes
    double (*x)(const kaon_cut *passed, const kaon_cut *all);
    double (*y)(const kaon_cut *passed, const kaon_cut *all);
} curve_kind;

static double share_of_signal(const kaon_cut *passed, const kaon_cut *all)
{
    return passed->signal / all->signal;
}

static double share_of_rest(const kaon_cut *passed, const kaon_cut *all)
{
    return passed->rest / all->rest;
}

static double purity(const kaon_cut *passed, const kaon_cut *all)
{
    (void)all;
    return passed->signal / (passed->signal + passed->rest);
}

static const curve_kind roc = {"roc", "false positive rate", "true positive rate", 0,
                               0,     share_of_rest,         share_of_signal};
static const curve_kind precision_recall = {"precision_recall", "recall", "precision", 0, 1,
                                            share_of_signal,    purity};

static void draw(const curve_kind *kind, const kaon_scores *s, int64_t k, double *room,
                 kaon_measures *out)
{
    kaon_cut all = {0}, cut = {0};
    double *x = room, *y = x + s->rows + 1, *threshold = y + s->rows + 1;
    int64_t n = 1;
    while (kaon_cut_next(s, k, &all))
        ;
    if (kaon_scores_broken(s, k) || all.signal == 0 || all.rest == 0)
        return;
    x[0] = kind->start_x;
    y[0] = kind->start_y;
    threshold[0] = INFINITY;
    for (; kaon_cut_next(s, k, &cut); n++) {
        x[n] = kind->x(&cut, &all);
        y[n] = kind->y(&cut, &all);
        threshold[n] = cut.score;
    }
    const kaon_curve curve = {sizeof curve, 0, kind->name, k, n, x, y, threshold, kind->x_label,
                              kind->y_label};
    out->api->curve(out, &curve);
}

static kaon_status put_ranked(const kaon_host *host, const class_measure *what,
                              const curve_kind *kind, const kaon_scores *s, kaon_measures *out,
                              kaon_diag *diag)
{
    KAON_TRY(put_class_measure(host, what, s, out, diag));
    if (out->numbers_only)
        return KAON_OK;
    double *room = kaon_alloc(host, 3 * ((uint64_t)s->rows + 1) * sizeof *room);
    if (!room)
        return no_memory(diag);
    for (int64_t k = 0; k < s->classes; k++)
        draw(kind, s, k, room, out);
    kaon_free(host, room);
    return KAON_OK;
}

/* --- measures --------------------------------------------------------------------------------- */

static kaon_status measure_auc(const kaon_host *host, const void *settings, const kaon_scores *s,
                               kaon_measures *out, kaon_diag *diag)
{
    static const class_measure what = {"auc", "auc_by_class", 1, class_auc};
    (void)settings;
    return put_ranked(host, &what, &roc, s, out, diag);
}

static kaon_status measure_average_precision(const kaon_host *host, const void *settings,
                                             const kaon_scores *s, kaon_measures *out,
                                             kaon_diag *diag)
{
    static const class_measure what = {"average_precision", "average_precision_by_class", 1,
                                       class_average_precision};
    (void)settings;
    return put_ranked(host, &what, &precision_recall, s, out, diag);
}

const kaon_metric auc = {
    .size = sizeof auc,
    .help = "area under the ROC curve; curve 'roc'",
    .tasks = KAON_CLASSIFICATION,
    .by_default = KAON_CLASSIFICATION,
    .direction = KAON_HIGHER_IS_BETTER,
    .measure = measure_auc,
};

const kaon_metric average_precision = {
    .size = sizeof average_precision,
    .help = "mean precision over recall; curve 'precision_recall'",
    .tasks = KAON_CLASSIFICATION,
    .direction = KAON_HIGHER_IS_BETTER,
    .measure = measure_average_precision,
};
