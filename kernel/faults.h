/* faults.h: the faults of a configuration, collected in one pass and shown the way compilers do.
 *
 *     error[C0107]: unknown key 'batch_sze' in 'network'
 *       --> jets.yaml:14:7
 *        |
 *     14 |       batch_sze: 32
 *        |       ^^^^^^^^^ did you mean 'batch'?
 *        = keys here: batch, epochs, layers, loss, optimizer
 *        = more: kaon explain C0107, kaon inspect learner:network
 */
#ifndef KN_FAULTS_H
#define KN_FAULTS_H

#include <kaon/base.h>

#include "kernel/text.h"

// One text that was parsed: a file, an edit from the command line, the default of an option.
typedef struct kn_config_source {
    const char *name; // "jets.yaml"
    const char *text;
    size_t bytes;
} kn_config_source;

typedef struct kn_place {
    const kn_config_source *source; // NULL: nowhere
    int32_t line;                   // 1, 2, ...; 0: no place
    int32_t column;                 // 1, 2, ... in characters
    int32_t length;                 // characters to underline
} kn_place;

// Codes are never reused. X(name, number, what it means)
#define KN_FAULT_CODES(X)                                                                          \
    X(FILE, 100, "a file cannot be read")                                                          \
    X(SYNTAX, 101, "this is not YAML")                                                             \
    X(DUPLICATE, 102, "a key stands twice in one map")                                             \
    X(ALIAS, 103, "anchors, aliases and tags are not used")                                        \
    X(DEPTH, 104, "maps and lists lie too deep in each other")                                     \
    X(LARGE, 105, "the text is too large")                                                         \
    X(BYTES, 106, "the text is not UTF-8")                                                         \
    X(UNKNOWN, 107, "nothing has a key of this name")                                              \
    X(MISSING, 108, "a key that has no default is missing")                                        \
    X(TYPE, 109, "the value is of another type")                                                   \
    X(RANGE, 110, "the value is outside its range")                                                \
    X(CHOICE, 111, "the value is none of the choices")                                             \
    X(ITEM, 112, "no installed plugin has an item of this name")                                   \
    X(FORM, 113, "an item is written in another way")                                              \
    X(COUNT, 114, "a list has too few or too many entries")                                        \
    X(EDIT, 115, "an edit (--set) cannot be made")                                                 \
    X(CLASH, 116, "two keys exclude each other or need each other")                                \
    X(DATA, 117, "the data do not have what the configuration names")                              \
    X(INCLUDE, 118, "an included file cannot be taken in")                                         \
    X(VARIABLE, 119, "a variable is not defined, or not in this way")                              \
    X(FIT, 120, "the parts of the experiment do not fit each other")                               \
    X(FORMULA, 121, "a formula cannot be understood")

enum {
#define KN_FAULT_ROW(name, number, words) KN_FAULT_##name = number,
    KN_FAULT_CODES(KN_FAULT_ROW)
#undef KN_FAULT_ROW
};

/* Owns its texts: faults outlive the tree they were found in. */
typedef struct kn_fault {
    int32_t code;
    int32_t line; // 0: no place
    int32_t column;
    int32_t length;
    char *file;    // name of the source, or NULL
    char *excerpt; // the line it stands in, or NULL
    char *message;
    char *hint; // behind the caret, or NULL
    char *note; // below, "= ..."; several lines are several notes; or NULL
    char *more; // a command that tells more, or NULL
} kn_fault;

enum { KN_FAULTS_SHOWN = 20 };

/* Start with {0}. Faults beyond KN_FAULTS_SHOWN are only counted. [instance] */
typedef struct kn_faults {
    kn_fault at[KN_FAULTS_SHOWN];
    int32_t count;  // all, also those not kept
    int32_t failed; // memory ran out
} kn_faults;

/* Adds one; the message is lower case, no full stop. [instance] */
KAON_PRINTF(4, 5)
void kn_fault_add(kn_faults *faults, int32_t code, kn_place place, const char *format, ...);

/* To the fault just added: words behind the caret, a line below. */
KAON_PRINTF(2, 3) void kn_fault_hint(kn_faults *faults, const char *format, ...);
KAON_PRINTF(2, 3) void kn_fault_note(kn_faults *faults, const char *format, ...);

/* A command that tells more than `kaon explain` does of its code: "kaon inspect layer:calo". */
KAON_PRINTF(2, 3) void kn_fault_more(kn_faults *faults, const char *format, ...);

/* KAON_OK if there is none; else fails `diag` with the first one in a line and how many there are.
 */
kaon_status kn_faults_status(const kn_faults *faults, kaon_diag *diag);

void kn_fault_fini(kn_fault *fault);
void kn_faults_fini(kn_faults *faults);

/* How many lie in `at`. */
static inline int32_t kn_faults_kept(const kn_faults *faults)
{
    return faults->count < KN_FAULTS_SHOWN ? faults->count : KN_FAULTS_SHOWN;
}

#endif
