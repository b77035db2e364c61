/* statistics.h: how the columns of a table are distributed, how features hang together, how many
 * events the classes have: all weighted.
 *
 * Moments are of all values, in two passes; quantiles and correlations of at most a million rows,
 * taken evenly. The order of rows is the order of sums: the same bits each time.
 */
#ifndef KN_STATISTICS_H
#define KN_STATISTICS_H

#include <kaon/table.h>

#include "kernel/arena.h"

enum { KN_BINS = 40, KN_QUANTILES = 5, KN_CORRELATED = 200 };

extern const double kn_quantile_levels[KN_QUANTILES]; // 0.05, 0.25, 0.5, 0.75, 0.95

typedef struct kn_distribution {
    const char *name;
    int32_t role;
    int64_t values;  // that are there
    int64_t missing; // NaN
    double weight;   // of those that are there
    double mean, std, min, max;
    double quantiles[KN_QUANTILES];
    double from, to; // of the histogram: all values, or where they reach too far, 98% of them
    double bins[KN_BINS];
} kn_distribution;

typedef struct kn_statistics {
    kn_arena arena;
    int64_t rows;
    int32_t weighted;
    int64_t count;
    kn_distribution *columns; // features, target, weight, kept ones
    int64_t feature_count;    // of them
    double *correlation; // (feature_count, feature_count), or NULL: too many features, or few rows
    int64_t class_count;
    const char **class_names;
    int64_t *class_rows;
    double *class_weights;
} kn_statistics;

/* fini follows in any case. A variance that weights make negative is NaN, as its deviation. [any]
 */
kaon_status kn_statistics_init(kn_statistics *s, const kaon_table *table, kaon_diag *diag);
void kn_statistics_fini(kn_statistics *s);

#endif
