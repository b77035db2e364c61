/* metric.h: "kaon.metric/1": how good predictions are, as numbers, matrices and curves.
 *
 * A metric looks at predictions beside the truth and gives what it measures under names. The host
 * keeps the names, writes metrics.json, draws the curves, and repeats the numbers with other
 * weights to find their uncertainties. Weights may be negative: sums are what they are. What has no
 * value (one class only, no weight) is NaN and becomes null.
 */
#ifndef KAON_METRIC_H
#define KAON_METRIC_H

#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_METRIC "kaon.metric/1"

// What was to be learned; bits, so that a metric can name several.
enum { KAON_CLASSIFICATION = 1, KAON_REGRESSION = 2, KAON_CLUSTERING = 4 };

/* Predictions beside the truth, everything in doubles, row-major. Pointers are NULL where the task
 * has nothing of the kind. */
typedef struct kaon_scores {
    uint32_t size;
    int32_t task; // KAON_CLASSIFICATION, ...; 0: there is nothing to compare
    int64_t rows;
    int64_t classes; // of the target; 0: it is no class
    int64_t width;   // numbers per row of a regression, clusters of a clustering
    int64_t feature_width;
    const double *predicted; // (rows, classes) of a classification, (rows, width) of a regression
    const double *sigma;     // (rows, width): predicted uncertainties of a regression, or NULL
    const double *target;    // (rows, width) of a regression
    const double *features;  // (rows, feature_width), of a clustering, or NULL
    const double *weight;    // (rows)
    const int64_t *truth;    // (rows) class numbers, or NULL
    const int64_t *chosen;   // (rows) class with the highest score, or cluster
    const double *confusion; // (classes, classes): weight of true class i said to be j
    // (classes, rows): rows by falling score of a class; of a regression (width, rows): by falling
    // residual. NaN first.
    const int64_t *order;
    double total;                   // weight of all rows
    const char *const *class_names; // (classes), or NULL
} kaon_scores;

/* A curve, from one end to the other: x falls or rises. */
typedef struct kaon_curve {
    uint32_t size;
    uint32_t reserved;
    const char *name;        // "roc"
    int64_t of_class;        // the class it is about, -1: all
    int64_t count;           // of points
    const double *x;         // (count)
    const double *y;         // (count)
    const double *threshold; // (count): score from which on rows pass, or NULL
    const char *x_label;     // "background efficiency"; a unit in brackets
    const char *y_label;
} kaon_curve;

typedef struct kaon_measures kaon_measures;

/* Where a metric puts what it measured. Everything is copied. Names are lower case letters, digits,
 * '_', '.' and '-'; a failure to keep something is reported by the host after `measure`. One thread
 * at a time per kaon_measures. */
typedef struct kaon_measures_api {
    uint32_t size;
    uint32_t reserved;
    void (*number)(kaon_measures *m, const char *name, double value);
    // One number per class.
    void (*by_class)(kaon_measures *m, const char *name, const double *values);
    void (*matrix)(kaon_measures *m, const char *name, int64_t rows, int64_t columns,
                   const double *values);
    void (*curve)(kaon_measures *m, const kaon_curve *curve);
    // A whole number that has no uncertainty.
    void (*count)(kaon_measures *m, const char *name, int64_t value);
} kaon_measures_api;

struct kaon_measures {
    const kaon_measures_api *api;
    int32_t numbers_only; // 1: the rest would be thrown away: spare the work
    int32_t reserved;
};

enum { KAON_HIGHER_IS_BETTER = 1, KAON_LOWER_IS_BETTER = -1, KAON_NEITHER_IS_BETTER = 0 };

typedef struct kaon_metric {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    int32_t tasks;      // KAON_CLASSIFICATION | ...: where it has a meaning
    int32_t by_default; // those of them where it is measured unasked
    int32_t direction;  // KAON_HIGHER_IS_BETTER, ...: of all its numbers
    int32_t reserved;
    // From several threads at once, with other weights each. [any]
    kaon_status (*measure)(const kaon_host *host, const void *settings, const kaon_scores *scores,
                           kaon_measures *out, kaon_diag *diag);
} kaon_metric;

/* --- what many metrics do --------------------------------------------------------------------- */

/* Walks down the scores of a class: all rows of one score pass at once. Start with {0}.
 *     kaon_cut cut = {0};
 *     while (kaon_cut_next(scores, k, &cut))
 *         ... cut.signal and cut.rest pass at cut.score */
typedef struct kaon_cut {
    int64_t count; // of rows that pass
    double score;  // the lowest of them
    double signal; // weight of those of the class
    double rest;   // of the others
} kaon_cut;

static inline int32_t kaon_cut_next(const kaon_scores *s, int64_t of_class, kaon_cut *cut)
{
    const int64_t *order = s->order + of_class * s->rows;
    if (cut->count == s->rows)
        return 0;
    cut->score = s->predicted[order[cut->count] * s->classes + of_class];
    do {
        const int64_t row = order[cut->count++];
        *(s->truth[row] == of_class ? &cut->signal : &cut->rest) += s->weight[row];
    } while (cut->count < s->rows &&
             s->predicted[order[cut->count] * s->classes + of_class] == cut->score);
    return 1;
}

// 1 if a class has a score that is no number: what is ranked by it has no value.
static inline int32_t kaon_scores_broken(const kaon_scores *s, int64_t of_class)
{
    const int64_t first = s->rows ? s->order[of_class * s->rows] : 0;
    return s->rows && s->predicted[first * s->classes + of_class] !=
                          s->predicted[first * s->classes + of_class];
}

#ifdef __cplusplus
}
#endif
#endif
