/* scores.h: predictions beside the truth, as doubles: what metrics and reports look at. */
#ifndef KN_SCORES_H
#define KN_SCORES_H

#include <kaon/metric.h>
#include <kaon/table.h>

#include "data/spill.h"
#include "kernel/pool.h"

enum { KN_SCORE_BLOCKS = 12 };

typedef struct kn_scores {
    kaon_scores at; // what metrics see; its arrays are the blocks below
    kn_block blocks[KN_SCORE_BLOCKS];
    int32_t block_count;
    kn_spill *spill; // of the table: where rows beyond memory go
} kn_scores;

/* From a table with a prediction; a regression whose prediction has twice the numbers of its target
 * predicts values, then uncertainties. Sorting is shared by the pool (NULL: none). fini follows in
 * any case. [any] */
kaon_status kn_scores_init(kn_scores *s, const kaon_table *table, kn_pool *pool, kaon_diag *diag);
void kn_scores_fini(kn_scores *s);

/* The weight of true class i said to be j, and of all rows, from scores->weight. [any] */
void kn_scores_weigh(const kaon_scores *scores, double *confusion, double *total);

#endif
