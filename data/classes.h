/* classes.h: class numbers from texts or whole numbers: which there are, in which order, by which
 * name.
 *
 * Collect all values first, then settle: found classes are sorted (texts by bytes, numbers by
 * value), given ones keep the order of their list.
 */
#ifndef KN_CLASSES_H
#define KN_CLASSES_H

#include <kaon/base.h>

#include "data/spill.h"

enum { KN_MOST_CLASSES = 1 << 16 };

typedef struct kn_classes kn_classes;

/* NULL: no memory. `of_text`: values are texts, else numbers. Class numbers of rows lie where
 * `spill` says (NULL: in memory). [any] */
kn_classes *kn_classes_new(int32_t of_text, kn_spill *spill);
void kn_classes_free(kn_classes *classes); // takes NULL

/* Names of the numbers 0, 1, ...: no other number may then occur. Texts with new lines between
 * them. [instance] */
kaon_status kn_classes_name(kn_classes *classes, const char *names, size_t bytes, kaon_diag *diag);

/* The next row's value. [instance] */
kaon_status kn_classes_add_text(kn_classes *classes, const char *text, size_t bytes,
                                kaon_diag *diag);
kaon_status kn_classes_add_numbers(kn_classes *classes, const int64_t *numbers, int64_t count,
                                   kaon_diag *diag);

/* A row without a value: its class number will be -1. [instance] */
kaon_status kn_classes_add_missing(kn_classes *classes, kaon_diag *diag);

/* Hands out class numbers (the block is the caller's) and the names in their order, which belong to
 * `classes`. given_count 0: those found. A value outside the given ones is refused with its row.
 * [instance] */
kaon_status kn_classes_settle(kn_classes *classes, const char *const *given, int64_t given_count,
                              kn_block *numbers, const char *const **names, int64_t *count,
                              kaon_diag *diag);

#endif
