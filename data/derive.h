/* derive.h: columns a source does not have and rows it should not have: formulas on Arrow arrays.
 *
 *     kn_derive_new(&spec, schema, &d, diag);       // definitions and the cut, checked
 *     kn_derive_add(d, "px / py", &formula, diag);  // further columns
 *     kn_derive_schema(d);                          // the file's columns, then all of these
 *     kn_derive_begin(d, names, count, 0, diag);    // for one scan: these are wanted
 *     kn_derive_raw(d, &names, &count);             // what to ask the reader for
 *     kn_derive_array(d, 0, schema, array, &out, diag);
 *
 * Columns of the file pass through without a copy as long as no row is cut. Formulas become one
 * program per chunk size, run on the backend; jagged columns go through it padded to a power of two
 * of entries, with a mask. A row is cut where the cut is false, and where it cannot be told because
 * a value it needs is missing.
 */
#ifndef KN_DERIVE_H
#define KN_DERIVE_H

#include "data/expression.h"
#include "data/source.h"
#include "kernel/kernel.h"

typedef struct kn_derive kn_derive;

typedef struct kn_definition {
    const char *name;
    kn_formula formula;
    kn_place place; // of the name
} kn_definition;

// What there is to derive; borrowed for the life of the kn_derive.
typedef struct kn_derive_spec {
    kn_kernel *kernel;
    kn_faults *faults; // NULL: no words
    int64_t definition_count;
    const kn_definition *definitions;
    kn_formula cut;          // text NULL: none
    double pad;              // what fills up lists of a fixed length
    const double *sentinels; // numbers that stand for "missing"
    int64_t sentinel_count;
    // Where each file has a class: by the number of its path in the list that was given.
    int64_t class_count; // 0: they have none
    const char *const *classes;
    const int32_t *class_of;
    const double *weight_of; // NULL: all are 1
} kn_derive_spec;

// Names formulas may use for what belongs to a file or row and is in no column of it.
#define KN_FILE_CLASS  "class of the file"
#define KN_FILE_WEIGHT "weight of the file"
#define KN_ROW_NUMBER  "number of the row"

/* KAON_INVALID: see the faults. `raw` must outlive it. [instance] */
kaon_status kn_derive_new(const kn_derive_spec *spec, const struct ArrowSchema *raw,
                          kn_derive **out, kaon_diag *diag);
void kn_derive_free(kn_derive *d); // takes NULL

/* A column of a formula; one of that name is left as it is. [instance] */
kaon_status kn_derive_add(kn_derive *d, const char *name, const kn_formula *formula,
                          kaon_diag *diag);

/* All columns; changes with kn_derive_add. Borrowed. [any] */
const struct ArrowSchema *kn_derive_schema(const kn_derive *d);

/* The names of the file's columns that one of these is computed from, into the arena of `d`.
 * [instance]
 */
kaon_status kn_derive_sources(kn_derive *d, const char *name, const char *const **names,
                              int64_t *count, kaon_diag *diag);

/* --- scanning --------------------------------------------------------------------------------- */

/* `first_row`: the number of the first row that will come. [instance] */
kaon_status kn_derive_begin(kn_derive *d, const char *const *names, int64_t count,
                            int64_t first_row, kaon_diag *diag);
void kn_derive_raw(const kn_derive *d, const char *const **names, int64_t *count);

/* The columns wanted, of the rows that are left; both live until the next call. `file`: number of
 * the path in the list that was given. No rows may be left. [instance] */
kaon_status kn_derive_array(kn_derive *d, int64_t file, const struct ArrowSchema *schema,
                            const struct ArrowArray *array, const struct ArrowSchema **out_schema,
                            const struct ArrowArray **out, kaon_diag *diag);

kn_cut_counts kn_derive_counts(const kn_derive *d);
int32_t kn_derive_has_cut(const kn_derive *d);

#endif
