/* split_plan.h: the `split` of a data section, checked.
 *
 *     split: {train: 0.7, validation: 0.15, test: 0.15}     # fractions, drawn at random
 *     split: {train: 0..15000, test: 15000..}               # rows of the files
 *     split: {test: "run3*.csv"}                            # rows of these files
 *     split: {column: part}                                 # its values name the part
 *     split: {column: year, test: [2018]}                   # its values are listed
 *     split: {key: run, test: 0.2}                          # rows of one run stay together
 *     split: {folds: 5, validation: 0.1}                    # a model for each fifth
 */
#ifndef KN_SPLIT_PLAN_H
#define KN_SPLIT_PLAN_H

#include "data/split.h"
#include "kernel/settings.h"

extern const kn_schema kn_split_schema;

typedef struct kn_split_plan {
    kn_split_spec spec;
    int32_t has_seed;        // it names its own
    kaon_texts key;          // columns whose values keep rows together
    const char *column;      // whose values are or name parts; NULL: none
    int32_t strict;          // 1: another value of it is a mistake, else such rows are left out
    int32_t given[KN_PARTS]; // 1: somebody wrote it
    int32_t own[KN_PARTS];   // 1: the part has files of its own
    const kn_config *node;   // where the section stands; NULL: nobody wrote one
    const char *columns[17]; // key and column: what has to be read
    int64_t column_count;
} kn_split_plan;

/* `node` NULL: 15% validation, 15% test but for parts that have files of their own (plan->own is
 * set before). Faults go to s->faults; *resolved NULL where there is nothing to write. [instance]
 */
void kn_split_plan_read(kn_settings *s, const kn_config *node, kn_split_plan *plan,
                        kn_config **resolved);

#endif
