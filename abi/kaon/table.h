/* table.h: tables of events in memory, service "kaon.table/1": what learners fit and predict on.
 *
 * A table has rows and columns; a column is a tensor whose first axis counts rows. Some columns have
 * a role: the features are one column (rows, n) or (rows, ...), stacked by the host from the columns
 * the user chose. A table is counted; once made, columns are not changed. Callers set `size` of the
 * structs they want filled.
 */
#ifndef KAON_TABLE_H
#define KAON_TABLE_H

#include <kaon/base.h>
#include <kaon/arrow.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_TABLE_SERVICE "kaon.table/1"

typedef struct kaon_table kaon_table;
typedef struct kaon_batches kaon_batches;

// ORDER role. At most one column per role but NONE.
enum {
    KAON_ROLE_NONE = 0,
    KAON_ROLE_FEATURES = 1,
    KAON_ROLE_TARGET = 2,     // i64 class numbers (rows) or floats (rows) or (rows, n)
    KAON_ROLE_WEIGHT = 3,     // floats (rows), negative ones included
    KAON_ROLE_PREDICTION = 4, // what the last learner says
    KAON_ROLE_COUNT = 5
};

typedef struct kaon_column {
    uint32_t size;
    int32_t role;
    const char *name;
    kaon_view view;          // host memory, row-major; jagged: all values, one after the other
    const int64_t *offsets;  // of jagged columns: row i has values offsets[i] .. offsets[i + 1]
    int64_t label_count;     // features: names along the last axis; target: names of classes
    const char *const *labels;
} kaon_column;

typedef struct kaon_batch_spec {
    uint32_t size;
    int32_t shuffle;  // 1: another order each epoch, fixed by seed and epoch
    int64_t rows;     // per batch; the last one of an epoch may have fewer
    uint64_t seed;
    int32_t float_type; // features, weight and float targets are given in it
    int32_t normalize;  // 1: weights of a batch are divided by the mean weight of the table, times
                        // 1 / rows of a full batch (or of the table, if it has fewer), so that
                        // their sum weighs the batch's loss
} kaon_batch_spec;

// One batch: pointers stay valid until the next call. Rows beyond `rows` (a last, short batch) hold
// copies of the batch's first row with weight 0, so that programs may always run full batches.
typedef struct kaon_batch {
    uint32_t size;
    int32_t last;         // of its epoch
    int64_t rows;         // true ones
    const void *features; // (batch rows, ...)
    const void *target;   // i64 or float_type; NULL: the table has none
    const void *weight;   // float_type; ones (normalised) where the table has none
} kaon_batch;

typedef struct kaon_table_api {
    uint32_t size;
    uint32_t reserved;
    kaon_status (*table_new)(const kaon_host *host, int64_t rows, kaon_table **out,
                             kaon_diag *diag);
    void (*retain)(kaon_table *t);
    void (*release)(kaon_table *t); // takes NULL
    int64_t (*rows)(const kaon_table *t);
    int32_t (*column_count)(const kaon_table *t);
    kaon_status (*column_at)(const kaon_table *t, int32_t index, kaon_column *out,
                             kaon_diag *diag); // [any]
    // The column of a role; KAON_NOT_FOUND, without words, if there is none. [any]
    kaon_status (*column_of)(const kaon_table *t, int32_t role, kaon_column *out);
    // Adds a column. view.data NULL: memory is made, cleared, and its view returned in `column`;
    // otherwise the values are copied. [instance]
    kaon_status (*column_add)(kaon_table *t, kaon_column *column, kaon_diag *diag);
    // A new table of the same rows that shares all columns but the one of `role`. [any]
    kaon_status (*without)(const kaon_table *t, int32_t role, kaon_table **out, kaon_diag *diag);
    // Batches read ahead by a thread. [any]
    kaon_status (*batches_open)(const kaon_host *host, kaon_table *t, const kaon_batch_spec *spec,
                                kaon_batches **out, kaon_diag *diag);
    // The next batch of epoch `epoch` (0, 1, ...); KAON_END after the last. [instance]
    kaon_status (*batches_next)(kaon_batches *b, int64_t epoch, kaon_batch *out, kaon_diag *diag);
    void (*batches_close)(kaon_batches *b); // takes NULL
} kaon_table_api;

#ifdef __cplusplus
}
#endif
#endif
