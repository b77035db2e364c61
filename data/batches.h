/* batches.h: a table in batches, in an order fixed by seed and epoch, read ahead by a thread.
 *
 * The order of an epoch (shuffle.h) does not depend on threads or on what was read before. A table
 * that fits the cache is gathered by the caller, since waking a thread would cost more.
 */
#ifndef KN_BATCHES_H
#define KN_BATCHES_H

#include <kaon/table.h>

/* As kaon_table_api. */
kaon_status kn_batches_open(kaon_table *table, const kaon_batch_spec *spec, kaon_batches **out,
                            kaon_diag *diag);
kaon_status kn_batches_next(kaon_batches *batches, int64_t epoch, kaon_batch *out, kaon_diag *diag);
void kn_batches_close(kaon_batches *batches); // takes NULL

/* Whether a thread reads ahead: for tests. */
int32_t kn_batches_threaded(const kaon_batches *batches);

#endif
