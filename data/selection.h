/* selection.h: which columns of a source become features, target, weight or are kept. */
#ifndef KN_SELECTION_H
#define KN_SELECTION_H

#include "data/arrow_column.h"
#include "data/arrow_table.h"

typedef struct kn_chosen {
    char *name;
    int32_t role; // KAON_ROLE_FEATURES, _TARGET, _WEIGHT or _NONE
    kn_arrow_kind kind;
    char *labels; // names of the values of an integer column, or NULL
    size_t label_bytes;
} kn_chosen;

// Features come first, in the order of the patterns.
typedef struct kn_selection {
    kn_chosen *at;
    int64_t count;
    int64_t feature_count;
    const char **names; // of all
} kn_selection;

/* On failure `out` is {0}. [any] */
kaon_status kn_select(const struct ArrowSchema *schema, const kn_want *want, kn_selection *out,
                      kaon_diag *diag);
void kn_selection_fini(kn_selection *selection);

/* 1 if `text` fits a pattern of *, ? and plain bytes. Linear in practice, never exponential. [any]
 */
int32_t kn_pattern_fits(const char *pattern, const char *text);

#endif
