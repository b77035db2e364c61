/* dataset.h: the `data` section of an experiment, from words to tables.
 *
 *     data:
 *       reader: NAME                     # or {NAME: {...}}; absent: by the ending of the path
 *       path: jets_*.csv.gz              # or a list; none for generators
 *       features: ["*", -event_id]       # names or patterns; "-" takes away
 *       target: label                    # a name; or a number of a column, -1 for the last one
 *       weight: w
 *       task: auto                       # auto, classification, regression
 *       split: {train: 0.7, validation: 0.15, test: 0.15}
 *
 * Forms of `split` stand in split_plan.h. `test_path` and `validation_path` are files of their own.
 */
#ifndef KN_DATASET_H
#define KN_DATASET_H

#include <kaon/table.h>

#include "kernel/config.h"
#include "kernel/settings.h"
#include "data/source.h"
#include "data/split.h"

typedef struct kn_dataset_plan kn_dataset_plan;

/* What may stand in the section. */
extern const kn_schema kn_data_schema;

/* Checks the section; opens no file. `s` (its kernel, faults and arena) must outlive the plan,
 * which lies in its arena. NULL: see the faults. `resolved` may be NULL. [instance] */
kn_dataset_plan *kn_dataset_plan_new(kn_settings *s, const kn_config *node, kn_config **resolved);

typedef struct kn_dataset_load {
    const char *folder; // relative paths start here; NULL: the current folder
    uint64_t seed;      // of the split, if the section names none
    int32_t float_type; // KAON_F32 or KAON_F64
    int64_t max_rows;   // 0: all; else only so many of each file set are read: for a check
    // To use the same selection on other files:
    const kaon_part *reader; // NULL: the section's
    const char *const *paths;
    int64_t path_count;      // 0: the section's
    int32_t target_optional; // 1: fine if there is no target or weight column
    // For a prediction, see kn_formulas_use:
    int32_t only_features; // 1: neither is asked for
    int32_t row_numbers;   // 1: where rows are left out, each says which it was
} kn_dataset_load;

typedef struct kn_dataset {
    kaon_table *part[KN_PARTS]; // NULL: no rows
    int64_t rows;               // all, of the files, but those that were cut
    int64_t dropped;            // rows left out for missing values
    kn_cut_counts cut;          // rows the section's cut saw and kept; {0}: there is none
    int64_t feature_count;      // names along the last axis of the features
    const char *const *features;
    const char *target; // NULL: none
    int64_t class_count;
    const char *const *classes; // NULL: the target is no class
    const char *source;         // "jets.csv and 3 more", for messages and reports
    int64_t file_count;         // all that were read, of all parts, as they were opened
    const char *const *files;
    int64_t folds;            // of a cross-validation; 0: none. The parts are those of `fold`
    int64_t fold;             // 0, 1, ...
    const int64_t *test_rows; // with folds: places of the test part's rows in kn_dataset_whole
    struct kn_dataset_own *own;
} kn_dataset;

/* Reads all and splits. After it, `resolved` of the plan names features, target and classes one by
 * one, so that a plan made from it chooses the same whatever else the files hold. [instance] */
kaon_status kn_dataset_load_parts(kn_dataset_plan *plan, const kn_dataset_load *load,
                                  kn_dataset **out, kaon_diag *diag);

/* With folds: puts the parts of another fold in place of those it has; all rows that some fold
 * tests, in the order of the files. [instance] */
kaon_status kn_dataset_set_fold(kn_dataset *dataset, int64_t fold, kaon_diag *diag);
kaon_status kn_dataset_whole(const kn_dataset *dataset, kaon_table **out, kaon_diag *diag);
void kn_dataset_free(kn_dataset *dataset); // takes NULL; tables retained elsewhere stay

/* Reads all rows into one table, without a split; part >= 0: those of that part only. [instance] */
kaon_status kn_dataset_load_table(kn_dataset_plan *plan, const kn_dataset_load *load, int32_t part,
                                  kaon_table **out, kaon_diag *diag);

#endif
