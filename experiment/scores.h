/* scores.h: predictions beside the truth, as doubles: what measures and reports look at. */
#ifndef KN_SCORES_H
#define KN_SCORES_H

#include <kaon/table.h>

enum { KN_CLASSIFICATION = 1, KN_REGRESSION = 2, KN_CLUSTERING = 4 };

typedef struct {
    int32_t task; // KN_CLASSIFICATION, ...; 0: there is nothing to compare
    int64_t rows;
    int64_t classes;   // of the target; 0: it is no class
    int64_t width;     // numbers per row of a regression, clusters of a clustering
    double *predicted; // (rows, classes) or (rows, width)
    double *target;    // (rows, width) of a regression
    double *weight;    // (rows)
    double *features;  // (rows, feature_width), of a clustering
    int64_t feature_width;
    int64_t *truth;           // (rows) class numbers; NULL: none
    int64_t *chosen;          // (rows) class or cluster with the highest score
    double *table;            // (classes, classes): weight of true class i said to be j
    double total;             // weight of all rows
    const char *const *names; // of classes, or NULL
} kn_scores;

/* From a table with a prediction. fini follows in any case. [any] */
kaon_status kn_scores_init(kn_scores *s, const kaon_table *table, kaon_diag *diag);
void kn_scores_fini(kn_scores *s);

#endif
