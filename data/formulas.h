/* formulas.h: the words of the `data` section that are formulas, or files that are classes.
 *
 *     define: {pt: "sqrt(px**2 + py**2)"}   # further columns
 *     cut: "pt > 20 && abs(eta) < 2.4"      # the rows to use
 *     features: [pt, "jet_*[:10]", "px / pt"]
 *     weight: "w * 0.5"
 *     files: {signal: a.csv, background: {path: [b.csv, c_*.csv], weight: 0.3}}
 *
 * A word where a column is named is the column of that name if there is one, then a pattern, then a
 * formula.
 */
#ifndef KN_FORMULAS_H
#define KN_FORMULAS_H

#include "data/arrow_table.h"
#include "data/dataset.h"
#include "data/derive.h"
#include "data/source.h"

typedef struct kn_formulas {
    int64_t definition_count;
    const kn_definition *definitions;
    kn_formula cut;
    int64_t class_count; // 0: files have none
    const char *const *classes;
    kaon_texts paths; // of `files`, all of them
    const int32_t *class_of;
    const double *weight_of; // NULL: all are 1
    const kn_config *node;   // of the section, for the places of words
} kn_formulas;

// What `files: {name: {...}}` may hold.
extern const kn_schema kn_class_files_schema;

/* From the section's nodes; what is wrong goes to the faults. [instance] */
void kn_formulas_read(kn_settings *s, const kn_config *node, const kn_config *define,
                      const char *cut, const kn_config *files, kn_formulas *out);

typedef struct kn_formulas_use {
    kn_settings *s;
    double pad;
    int32_t other_files; // 1: not those of `files`, so that they have no class
    // 1: target and weight do not matter, nor whether they are there; a target that is is kept as it
    // stands in the file.
    int32_t only_features;
    // 1: where rows are cut or dropped, their numbers in the files are kept as a column 'row'.
    int32_t row_numbers;
} kn_formulas_use;

/* Makes the source derive what `want` names, and writes plain names and patterns into it, which
 * live in the arena of the settings. [instance] */
kaon_status kn_formulas_apply(const kn_formulas *formulas, const kn_formulas_use *use,
                              kn_source *source, kn_want *want, kaon_diag *diag);

/* 1 if a word is a formula that has the weights of the files in it. [any] */
int32_t kn_is_file_weight(const char *word);

#endif
