/* predictions.h: what a model said, as columns: for files and for people. */
#ifndef KN_PREDICTIONS_H
#define KN_PREDICTIONS_H

#include <jansson.h>
#include <kaon/arrow.h>
#include <kaon/table.h>

/* Columns of a table with a prediction: probabilities by class and the likeliest class, or values,
 * or cluster numbers; then the target if there is one. `classes` name the classes where the column
 * does not. Both results are released by the caller. [any] */
kaon_status kn_predictions_arrow(const kaon_host *host, const kaon_table *table,
                                 int64_t class_count, const char *const *classes,
                                 struct ArrowSchema *schema, struct ArrowArray *array,
                                 kaon_diag *diag);

#endif
