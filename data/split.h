/* split.h: which rows train, which stop the training, which judge it.
 *
 * Rows that say themselves where they belong (by their file or the value of a column), ranges and
 * every k-th row are claimed first; fractions are taken of the rows left, drawn at random, one
 * after the other in file order, or by a hash of a key, so that rows of one key stay together.
 * Rows of a part are in file order.
 */
#ifndef KN_SPLIT_H
#define KN_SPLIT_H

#include <kaon/option.h>

#include "data/spill.h"

// ORDER part
enum { KN_TRAIN = 0, KN_VALIDATION = 1, KN_TEST = 2, KN_PARTS = 3 };

/* "train", "validation", "test". [any] */
const char *kn_part_text(int32_t part);

enum {
    KN_SHARE_NONE = 0,
    KN_SHARE_FRACTION = 1, // of the rows nothing else claims
    KN_SHARE_RANGE = 2,    // rows first .. last - 1 of the files
    KN_SHARE_REST = 3,     // all that the others leave
    KN_SHARE_NAMED = 4     // rows whose file or value is one of `names`
};

typedef struct kn_share {
    int32_t kind; // KN_SHARE_*
    double fraction;
    int64_t first;
    int64_t last; // -1: the end
    kaon_texts names;
} kn_share;

typedef struct kn_split_spec {
    kn_share share[KN_PARTS];
    int64_t every;    // k: rows i with i mod k == 0 are test rows; 0: no
    int32_t shuffle;  // fractions are drawn at random, else taken one after the other in file order
    int32_t stratify; // fractions hold in each class
    uint64_t seed;
    int64_t folds; // k: a k-th of the free rows tests; the share of validation is one of the others
    int64_t fold;  // 0 .. folds - 1: which k-th
} kn_split_spec;

// What is known of the rows; NULL: nothing.
typedef struct kn_split_rows {
    int64_t count;
    const int64_t *classes; // numbers from 0 on, below `count`
    const double *weights;  // stratified fractions are those of their absolute values
    const uint64_t *keys;   // fractions go by these hashes
    const int8_t *parts;    // where a row belongs, KN_FREE: not said
    kn_spill *spill;        // where lists of rows go; NULL: memory
} kn_split_rows;

enum { KN_FREE = -1 };

typedef struct kn_split {
    int64_t *rows[KN_PARTS]; // NULL: none
    int64_t count[KN_PARTS];
    kn_block block[KN_PARTS]; // the memory of rows
} kn_split;

/* On failure `out` is {0}. [any] */
kaon_status kn_split_make(const kn_split_spec *spec, const kn_split_rows *rows, kn_split *out,
                          kaon_diag *diag);
void kn_split_fini(kn_split *split);

#endif
