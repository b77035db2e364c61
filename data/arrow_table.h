/* arrow_table.h: Arrow arrays into a table: columns chosen, types changed, features stacked.
 *
 *     kn_table_builder *b = NULL;
 *     kn_table_builder_new(schema, &want, rows, &b, diag);
 *     kn_table_builder_columns(b, &names, &count);   // what to ask the reader for
 *     kn_table_builder_add(b, array, diag);          // for each array of those columns
 *     kn_table_builder_finish(b, &table, diag);
 *
 * Features are stacked into one column: numbers and vectors side by side, (rows, n); a single
 * column of more axes as it is, (rows, ...); jagged columns of equal lengths cut or filled with
 * zeros to `pad` entries, (rows, pad, n).
 */
#ifndef KN_ARROW_TABLE_H
#define KN_ARROW_TABLE_H

#include <kaon/arrow.h>
#include <kaon/table.h>

#include "data/spill.h"

// What a target is. ORDER task
enum {
    KN_TASK_AUTO = 0, // text, integers and bool are classes, floats are values
    KN_TASK_CLASSIFICATION = 1,
    KN_TASK_REGRESSION = 2
};

// What becomes of missing values (and NaN) among features, target and weight. ORDER missing
enum {
    KN_MISSING_REFUSE = 0,
    KN_MISSING_DROP = 1, // the rows are flagged
    KN_MISSING_KEEP = 2  // features are NaN there; target and weight refuse
};

typedef struct kn_want {
    const char *const *features; // names or patterns (*, ?); one that begins with "-" takes away;
    int64_t feature_count;       // patterns take columns of numbers other than target, weight and
                                 // (unless all matched are) jagged ones
    const char *target;          // NULL: none
    int32_t target_optional;     // 1: fine if there is no such column
    int32_t task;                // KN_TASK_*
    const char *weight;          // NULL: none
    int32_t weight_optional;
    int32_t missing;         // KN_MISSING_*
    const char *const *keep; // further columns, without a role
    int64_t keep_count;
    const char *const *aside; // kept too, and passed over by patterns of features
    int64_t aside_count;
    const char *const *hidden; // passed over by patterns of features
    int64_t hidden_count;
    const char *const *classes; // in the order of their numbers
    int64_t class_count;        // 0: those found, sorted
    int64_t pad;                // entries of jagged features; 0: as many as the longest row has
    double pad_value;           // what fills up shorter rows
    int32_t float_type;         // of features, weight and float targets: KAON_F32 or KAON_F64
    const double *sentinels;    // numbers that stand for "missing": -999
    int64_t sentinel_count;
    kn_spill *spill; // where columns go, borrowed; NULL: memory
} kn_want;

typedef struct kn_table_builder kn_table_builder;

/* Fails in words, with suggestions, where a column is not there. `rows`: as many are expected, -1:
 * not known. `want` is borrowed for the life of the builder, the schema for the call. [any] */
kaon_status kn_table_builder_new(const struct ArrowSchema *schema, const kn_want *want,
                                 int64_t rows, kn_table_builder **out, kaon_diag *diag);
void kn_table_builder_free(kn_table_builder *b); // takes NULL

/* The names of the columns it needs, in the order it needs them. */
void kn_table_builder_columns(const kn_table_builder *b, const char *const **names, int64_t *count);

/* Of those, the ones that are features: the selection with all patterns replaced by names. */
void kn_table_builder_features(const kn_table_builder *b, const char *const **names,
                               int64_t *count);

int64_t kn_table_builder_rows(const kn_table_builder *b);

/* `array` is a struct of exactly those columns; `schema` says their types. [instance] */
kaon_status kn_table_builder_add(kn_table_builder *b, const struct ArrowSchema *schema,
                                 const struct ArrowArray *array, kaon_diag *diag);

/* Hands out the table; the builder is spent. With KN_MISSING_DROP *incomplete is a flag per row, 1:
 * to be left out ({0}: none; free it): the caller drops them, since places of rows in the files
 * may matter to him first. [instance] */
kaon_status kn_table_builder_finish(kn_table_builder *b, kaon_table **out, kn_block *incomplete,
                                    kaon_diag *diag);

#endif
