/* harvest.h: files or a generator into one table, or as they were converted before. */
#ifndef KN_HARVEST_H
#define KN_HARVEST_H

#include "data/dataset_plan.h"
#include "data/table_file.h"

/* What the section asks of a table; borrowed from both. */
kn_want kn_want_of(const kn_dataset_plan *plan, const kn_dataset_load *load);

/* The plan's or the load's reader on these paths. `tell`: columns of text that patterns passed over
 * are worth a line. On failure `out` is {0}. [instance] */
kaon_status kn_harvest_read(const kn_dataset_plan *plan, const kn_dataset_load *load,
                            const kn_want *want, kaon_texts paths, int32_t tell, kn_harvest *out,
                            kaon_diag *diag);

/* Where columns go beyond the section's `memory`; NULL if it has none. [instance] */
kaon_status kn_harvest_spill(const kn_dataset_plan *plan, kn_spill **out, kaon_diag *diag);

#endif
