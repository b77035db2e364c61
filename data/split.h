/* split.h: which rows train, which stop the training, which judge it.
 *
 * Ranges and every k-th row claim their rows first; fractions are taken of the rows left. Rows of a
 * part are in file order.
 */
#ifndef KN_SPLIT_H
#define KN_SPLIT_H

#include <kaon/base.h>

// ORDER part
enum { KN_TRAIN = 0, KN_VALIDATION = 1, KN_TEST = 2, KN_PARTS = 3 };

/* "train", "validation", "test". [any] */
const char *kn_part_text(int32_t part);

enum {
    KN_SHARE_NONE = 0,
    KN_SHARE_FRACTION = 1, // of the rows no range claims
    KN_SHARE_RANGE = 2,    // rows first .. last - 1 of the files
    KN_SHARE_REST = 3      // all that the others leave
};

typedef struct kn_share {
    int32_t kind; // KN_SHARE_*
    double fraction;
    int64_t first;
    int64_t last; // -1: the end
} kn_share;

typedef struct kn_split_spec {
    kn_share share[KN_PARTS];
    int64_t every;    // k: rows i with i mod k == 0 are test rows; 0: no
    int32_t shuffle;  // fractions are drawn at random, else taken one after the other in file order
    int32_t stratify; // fractions hold in each class
    uint64_t seed;
} kn_split_spec;

typedef struct kn_split {
    int64_t *rows[KN_PARTS]; // NULL: none
    int64_t count[KN_PARTS];
} kn_split;

/* `classes` has a number per row or is NULL. On failure `out` is {0}. [any] */
kaon_status kn_split_make(const kn_split_spec *spec, int64_t rows, const int64_t *classes,
                          kn_split *out, kaon_diag *diag);
void kn_split_fini(kn_split *split);

#endif
