/* classification.h: what the figures of classes share. */
#ifndef CLASSIFICATION_H
#define CLASSIFICATION_H

#include <kaon/figure_build.h>

// One row of a weighted sample.
typedef struct {
    double value;
    double weight;
} sample;

/* For qsort: by value. */
int sample_order(const void *a, const void *b);

/* How often two samples of one distribution lie further apart than these, both sorted; NaN where a
 * side has no weight. */
double ks_probability(const sample *a, int64_t a_count, const sample *b, int64_t b_count);

/* The part figures are about and its scores; KAON_UNSUPPORTED where there are no classes. */
kaon_status get_classes(kaon_look *run, int32_t *part, const kaon_scores **out, kaon_diag *diag);

/* The numbers of a feature or a column by its name (NULL: the first feature), one per row. */
kaon_status get_variable(kaon_scratch *m, kaon_look *run, int32_t part, const char *wanted,
                         int64_t rows, double *values, const char **name, kaon_diag *diag);

#endif
