/* shuffle.h: the order of an epoch, fixed by seed and epoch, drawn as far as it is needed.
 *
 * Fisher and Yates with the Philox stream (seed, epoch): any epoch can be had alone, whatever was
 * read before. Rows that do not fit memory are shuffled in windows: blocks of neighbours are put in
 * a random order, as many of them as fit a window are taken at a time, and the rows of a window
 * shuffled; so a window touches few pages, and each row still may come at any time of the epoch.
 */
#ifndef KN_SHUFFLE_H
#define KN_SHUFFLE_H

#include <kaon/base.h>

/* On the caller's storage. [instance] */
typedef struct kn_shuffler {
    uint32_t *order; // of all rows, or of the window; NULL: file order
    uint64_t seed;
    int64_t epoch;
    int64_t rows;
    int64_t drawn; // places settled so far
    // With a window:
    int64_t window;       // rows; 0: all rows are one
    int64_t window_first; // place of order[0] in the epoch
    int64_t block;        // rows
    uint32_t *blocks;     // in the order of the epoch
    int64_t block_count;
    int64_t cursor; // next block
    int64_t used;   // rows of it that are in windows already
} kn_shuffler;

/* `window` 0: all at once; else a number of rows, cut from blocks of `block` rows. The order is not
 * begun yet. */
kaon_status kn_shuffler_init(kn_shuffler *s, uint64_t seed, int64_t rows, int64_t window,
                             int64_t block, kaon_diag *diag);
void kn_shuffler_fini(kn_shuffler *s);

void kn_shuffler_begin(kn_shuffler *s, int64_t epoch);

/* Settles the places `first` .. `end` - 1, which lie in one window, and gives the rows there;
 * places are asked for from the first of an epoch on. 1 in *opened: a window was begun. */
const uint32_t *kn_shuffler_rows(kn_shuffler *s, int64_t first, int64_t end, int32_t *opened);

/* The order of an epoch without the rest, into `order` (rows numbers). [any] */
void kn_shuffle(uint64_t seed, int64_t epoch, int64_t rows, uint32_t *order);

#endif
