/* table.h: tables of events in memory: what stands behind kaon_table.
 *
 * A column is counted for itself, so that tables share columns; values of a column never change
 * once its table was given to somebody else.
 */
#ifndef KN_TABLE_H
#define KN_TABLE_H

#include <kaon/table.h>

#include "data/spill.h"

// Service "kaon.table/1".
extern const kaon_table_api kn_table_api;

/* As kaon_table_api, without a host. */
kaon_status kn_table_new(int64_t rows, kaon_table **out, kaon_diag *diag);
void kn_table_retain(kaon_table *table);  // [any]
void kn_table_release(kaon_table *table); // takes NULL [any]
int64_t kn_table_rows(const kaon_table *table);
int32_t kn_table_column_count(const kaon_table *table);
kaon_status kn_table_column_at(const kaon_table *table, int32_t index, kaon_column *out,
                               kaon_diag *diag);
kaon_status kn_table_column_of(const kaon_table *table, int32_t role, kaon_column *out);
kaon_status kn_table_column_add(kaon_table *table, kaon_column *column, kaon_diag *diag);
kaon_status kn_table_without(const kaon_table *table, int32_t role, kaon_table **out,
                             kaon_diag *diag);

/* The first column of that name; KAON_NOT_FOUND, without words, if there is none. [any] */
kaon_status kn_table_column_named(const kaon_table *table, const char *name, kaon_column *out);

/* Adds a column whose values lie in blocks, which the table takes over, also on failure; `offsets`
 * NULL: it is not jagged. Of `column`, shape, name and labels are copied. [instance] */
kaon_status kn_table_column_give(kaon_table *table, const kaon_column *column, kn_block *values,
                                 kn_block *offsets, kaon_diag *diag);

/* Where columns added from here on lie, those of tables made from this one too. NULL: in memory.
 * [instance] */
void kn_table_spill(kaon_table *table, kn_spill *spill);
kn_spill *kn_table_spill_of(const kaon_table *table); // borrowed

/* Rows first .. first + count - 1 of all columns, sharing their memory. [any] */
kaon_status kn_table_slice(const kaon_table *table, int64_t first, int64_t count, kaon_table **out,
                           kaon_diag *diag);

/* The rows of a list, in its order, copied; where the list is a run of neighbours, as
 * kn_table_slice. [any] */
kaon_status kn_table_pick(const kaon_table *table, const int64_t *rows, int64_t count,
                          kaon_table **out, kaon_diag *diag);

/* "features", "target" ... of a role. [any] */
const char *kn_role_text(int32_t role);

#endif
