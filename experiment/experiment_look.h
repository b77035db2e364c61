/* experiment_look.h: an experiment held against a little of its data, before all of it is read.
 *
 * What is wrong becomes a fault of the configuration, at the word it is about: columns and files
 * that are not there, a loss that wants another target, a last layer with too few outputs, a layer
 * that wants other axes.
 */
#ifndef KN_EXPERIMENT_LOOK_H
#define KN_EXPERIMENT_LOOK_H

#include "data/dataset.h"
#include "experiment/experiment_plan.h"

/* Makes a fault of what went wrong with the data, `fault` has the words; passes `status` on.
 * [instance]
 */
kaon_status kn_look_blame_data(kn_experiment_plan *plan, kaon_status status, kaon_diag *diag);

/* Makes the learners for what a part of the data shows, and forgets them. [instance] */
kaon_status kn_look_fit(kn_experiment_plan *plan, const kn_dataset *dataset, uint64_t seed,
                        kaon_diag *diag);

/* Reads a few rows for it. What only a full reading can tell is left to that. [instance] */
kaon_status kn_look(kn_experiment_plan *plan, uint64_t seed, kaon_diag *diag);

#endif
