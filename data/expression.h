/* expression.h: formulas for cuts and derived columns: text to terms, terms to types, types to
 * graph.
 *
 *     sqrt(px**2 + py**2)      nmuon >= 2 && abs(eta) < 2.4      sum(jet_pt[jet_pt > 20])
 *
 * A formula is read into a tree of terms (expression_parse.c), which is then checked against the
 * columns there are (expression_check.c): what each term is - a number, a condition, a text - and
 * how many of it there are per event. Only then graph is built from it (expression_build.c). All
 * numbers are f64; a missing one is NaN. A condition knows two things, where it is true and where
 * it is false: where a number it compares is missing it is neither.
 */
#ifndef KN_EXPRESSION_H
#define KN_EXPRESSION_H

#include <kaon/graph.h>

#include "data/arrow_column.h"
#include "kernel/arena.h"
#include "kernel/config.h"

/* A formula where it stands. `place` may be nowhere. */
typedef struct kn_formula {
    const char *text; // NULL: none
    kn_place place;   // of the word in the file
} kn_formula;

/* --- terms ------------------------------------------------------------------------------------ */

enum {
    KN_TERM_NUMBER = 1,
    KN_TERM_TEXT = 2,  // 'muon'
    KN_TERM_NAME = 3,  // a column, a definition or a constant
    KN_TERM_CALL = 4,  // functions and operators: `does`
    KN_TERM_INDEX = 5, // arg 0 [ arg 1 ]: one entry, or those a condition chooses
    KN_TERM_SLICE = 6  // arg 0 [ first : last ]
};

// What a term is, and how much of it there is per event.
enum { KN_IS_NUMBER = 0, KN_IS_TRUTH = 1, KN_IS_TEXT = 2 };
enum { KN_ONE = 0, KN_LIST = 1, KN_JAGGED = 2 };

enum {
    KN_MOST_ARGS = 3,
    KN_MOST_FIXED = 1 << 16,  // numbers per event of what has a fixed length
    KN_DEEPEST_TERM = 200,    // of one formula
    KN_DEEPEST_FORMULA = 1000 // with the definitions it uses
};

// Which entries a jagged value has: those of a column, less what was cut off on the way.
typedef struct kn_axis {
    int32_t lane;      // of the columns it comes from
    const char *chain; // "[:10]", "[eta<2]": what was done to it since
    int64_t most;      // entries at most, -1: not known
} kn_axis;

typedef struct kn_form {
    int32_t type;  // KN_IS_*
    int32_t shape; // KN_ONE, KN_LIST, KN_JAGGED
    int32_t whole; // numbers without a fraction
    int64_t count; // of a list
    kn_axis axis;  // of what is jagged
} kn_form;

struct kn_symbol;

typedef struct kn_term kn_term;
struct kn_term {
    int32_t kind;
    int32_t at; // byte of the formula, and how many
    int32_t bytes;
    int32_t arg_count;
    kn_term *args[KN_MOST_ARGS];
    const struct kn_function *does; // of calls
    double number;
    const char *text;    // of texts and names; of indices and slices: what stands in [ ], no blanks
    int64_t first, last; // of slices
    int32_t has_last;    //
    int32_t state;       // of the check: 0 not yet, 1 under way, 2 done
    kn_form form;        // after the check
    struct kn_symbol *is;   // of names and comparisons with a text: the column; NULL: `number`
    struct kn_value *value; // in the graph of this number
    int32_t value_in;
};

typedef struct kn_expression {
    kn_formula formula;
    kn_term *root;
} kn_expression;

/* Reads a formula; terms lie in `arena`. What is wrong becomes one fault, of which `faults` NULL
 * wants no words. KAON_INVALID: it is no formula. [any] */
kaon_status kn_expression_parse(const kn_formula *formula, kn_arena *arena, kn_faults *faults,
                                kn_expression *out);

/* A fault in a formula, with a caret below the bytes it is about. */
KAON_PRINTF(6, 7)
void kn_expression_fault(kn_faults *faults, int32_t code, const kn_formula *formula, int32_t at,
                         int32_t bytes, const char *format, ...);

/* 1 if a text can stand in a formula as a name without being quoted in ` `. [any] */
int32_t kn_expression_is_name(const char *text);

/* --- functions -------------------------------------------------------------------------------- */

// How a function or operator treats what it gets: rows of one table each (expression_check.c).
enum {
    KN_RULE_NUMBERS = 1, // numbers to a number, entry by entry
    KN_RULE_COMPARE = 2, // two numbers, or two texts for == and !=, to a condition
    KN_RULE_LOGIC = 3,   // conditions to a condition
    KN_RULE_WHERE = 4,   // a condition and two values of a kind
    KN_RULE_TEST = 5,    // a number to a condition that is never unknown
    KN_RULE_REDUCE = 6,  // a list of numbers to one number
    KN_RULE_JUDGE = 7,   // a list of conditions to one
    KN_RULE_COUNT = 8,   // a list of anything to a number
    KN_RULE_MASK = 9     // a list of anything to a list of ones
};

struct kn_building;
struct kn_value;
typedef struct kn_value *kn_build_call(struct kn_building *b, const kn_term *term,
                                       struct kn_value *const *args);

typedef struct kn_function {
    const char *name; // NULL: the end
    int32_t is_operator;
    int32_t min_args, max_args;
    int32_t rule;
    int32_t whole;        // 1: whole numbers give whole numbers; 2: always
    kn_build_call *build; // expression_build.c
    const char *op;       // of graph.h, where it is one
    const char *help;
} kn_function;

extern const kn_function kn_functions[];

/* By name and number of arguments; -1: any. [any] */
const kn_function *kn_function_find(const char *name, int32_t is_operator, int32_t args);

/* --- columns ---------------------------------------------------------------------------------- */

// What names in formulas may mean, other than columns of the file.
enum {
    KN_FROM_FILE = 0,
    KN_FROM_DEFINITION = 1,
    KN_FROM_CLASS = 2,  // number of the class of the file
    KN_FROM_WEIGHT = 3, // weight of the file
    KN_FROM_ROW = 4,    // number of the row, from 0
    KN_FROM_EQUALS = 5  // 1 where the file's column of texts is `labels`, else 0
};

typedef struct kn_symbol {
    const char *name;
    int32_t from;  // KN_FROM_*
    int64_t index; // of the file's column
    kn_arrow_kind kind;
    const char *labels; // of an integer column: names of its values, with new lines between them
    kn_expression definition;
    int32_t lane;  // of jagged ones: those combined entry by entry share one
    int32_t input; // of the program, -1: not used
    int32_t walk;  // that came by last
} kn_symbol;

typedef struct kn_scope {
    kn_arena *arena;
    kn_symbol *known; // may hold others of the same name behind the first
    int64_t count;
    kn_faults *faults; // NULL: nobody wants words
    int32_t *lanes;    // per lane: one it is the same as, or itself
    int32_t lane_count;
    int32_t depth;
} kn_scope;

/* The lane that stands for all that are the same. [any] */
int32_t kn_scope_lane(const kn_scope *scope, int32_t lane);

/* NULL: there is none. [any] */
kn_symbol *kn_scope_find(const kn_scope *scope, const char *name);

/* What a formula gives. One fault at most is stated. [instance] */
kaon_status kn_expression_check(kn_scope *scope, kn_expression *e);

/* Visits all columns a checked formula is made from, also through definitions, each definition once
 * for every `walk`, a number never used before. */
typedef void kn_column_visit(void *context, kn_symbol *column);
void kn_expression_columns(kn_term *term, int32_t walk, kn_column_visit *visit, void *context);

/* How many numbers it is per row, 0: as many as there are (what is cut to at most 10 is 10). [any]
 */
int64_t kn_form_count(const kn_form *form);

/* --- graph ------------------------------------------------------------------------------------ */

// The entries of a list: all, or those of a mask. Shared by all values made of them.
typedef struct kn_entries {
    int64_t width;
    kaon_node *mask;   // (rows, width) bool; NULL: all
    int32_t has_holes; // 0: what is there comes first
} kn_entries;

// A number is f64 (rows, 1) or (rows, width). A condition is bool: where it is true, and where it
// is false; `no` NULL: wherever it is not true.
typedef struct kn_value {
    kaon_node *at;
    kaon_node *no;
    const kn_entries *of; // NULL: one per row
} kn_value;

typedef struct kn_building {
    kaon_graph *graph;
    kn_arena *arena;
    const kn_scope *scope;
    kaon_node *const *inputs;       // by kn_symbol.input
    const kn_entries *const *lanes; // by lane
    int64_t rows;
    int32_t number; // of the graph, never 0 and never used before: values of terms are kept
    int32_t failed; // no memory
} kn_building;

/* NULL: the graph or `failed` say why. [instance] */
kn_value *kn_expression_build(kn_building *b, kn_term *term);

/* As one f64 node: 1, 0 and NaN of a condition; (rows, 1) or (rows, width). [instance] */
kaon_node *kn_value_number(kn_building *b, const kn_value *value);

/* The same with the entries that are there first, and `pad` in the places behind. [instance] */
kaon_node *kn_value_padded(kn_building *b, const kn_value *value, double pad, int64_t width);

/* 0, 1, ...: (1, width); a node over all rows and places. [instance] */
kaon_node *kn_places(kn_building *b, int64_t width);
kaon_node *kn_spread(kn_building *b, kaon_node *node, int64_t width);

/* How many entries there are, f64 (rows, 1). [instance] */
kaon_node *kn_entries_count(kn_building *b, const kn_value *value);

#endif
