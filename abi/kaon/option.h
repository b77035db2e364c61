/* option.h: typed options: what an item lets a user set, as data.
 *
 * An item lists its options in rows; the kernel reads YAML, checks it against the rows (name, type,
 * range, choices, did-you-mean) and fills the item's settings struct before the item sees it. The
 * same rows make help, completion, the reference and the JSON schema.
 *
 *     typedef struct {
 *         int64_t units;
 *         double scale; // GeV
 *     } config;
 *
 *     static const kaon_option options[] = {
 *         KAON_INT(config, units, 16, .min = 1, .max = 4096, .help = "number of learned sums"),
 *         KAON_FLOAT(config, scale, 10, .min = 1e-6, .max = 1e6, .unit = "GeV", .help = "..."),
 *         {0},
 *     };
 */
#ifndef KAON_OPTION_H
#define KAON_OPTION_H

#include <kaon/base.h>

#ifdef __cplusplus
extern "C" {
#endif

// kind          field in the settings struct      in YAML
enum {
    KAON_OPTION_INT = 1,    // int64_t             12
    KAON_OPTION_FLOAT = 2,  // double              1e-3
    KAON_OPTION_BOOL = 3,   // int32_t, 0 or 1     true, false
    KAON_OPTION_TEXT = 4,   // const char *        jets.csv
    KAON_OPTION_CHOICE = 5, // int32_t, an index   one of `choices`
    KAON_OPTION_INTS = 6,   // kaon_ints           [1, 2, 3]
    KAON_OPTION_FLOATS = 7, // kaon_floats         [0.1, 0.2]
    KAON_OPTION_TEXTS = 8,  // kaon_texts          [pt, eta]
    KAON_OPTION_PART = 9,   // kaon_part           adam, or {adam: {learning_rate: 0.001}}
    KAON_OPTION_PARTS = 10  // kaon_parts          [dense: {units: 64}, relu]
};

enum {
    KAON_OPTION_REQUIRED = 1, // there is no default
    KAON_OPTION_OPEN_MIN = 2, // the value lies above min, not at it
    KAON_OPTION_OPEN_MAX = 4, // the value lies below max, not at it
    KAON_OPTION_EXPERT = 8    // listed last
};

typedef struct {
    int64_t count;
    const int64_t *at;
} kaon_ints;

typedef struct {
    int64_t count;
    const double *at;
} kaon_floats;

typedef struct {
    int64_t count;
    const char *const *at;
} kaon_texts;

/* Another item, chosen and configured by the user: a layer in a network, an optimizer. Everything
 * in it lives as long as the settings struct that holds it. `name` NULL: none was given. It stands
 * inside settings structs and therefore never grows, as the lists above. */
typedef struct kaon_part {
    uint32_t size;
    int32_t line;             // in the YAML file, 0 if made otherwise
    const char *interface_id; // "kaon.layer/1"
    const char *name;         // "dense"
    const void *table;        // the interface's table, full: absent calls are filled by the host
    const void *settings;     // the item's own settings struct, checked
    const char *label;        // the user's name for this part (`as: encoder`), or NULL
} kaon_part;

typedef struct {
    int64_t count;
    const kaon_part *const *at;
} kaon_parts;

/* One row. Limits hold if min or max is not 0; if max < min, the one that is 0 is open.
 * Numbers in lists obey the same limits. An array of rows ends with {0}. */
typedef struct kaon_option {
    uint32_t size; // of this row, which is also the distance to the next
    int32_t kind;
    const char *name;
    uint32_t offset; // of the field in the settings struct
    uint32_t flags;  // KAON_OPTION_*
    int64_t integer; // default of int, bool, choice
    double number;   // default of float
    const char *text; // default of text; of part and parts, ints, floats, texts: YAML flow text
    double min;
    double max;
    int64_t min_count; // of list entries
    int64_t max_count; // 0: no limit
    const char *const *choices; // ends with NULL
    const char *interface_id;   // of parts
    const char *unit;
    const char *help; // one line, lower case, no full stop
} kaon_option;

// Offset of a field, with a compile-time check of its type.
#define KAON_FIELD(type, field, field_type)                                                        \
    ((uint32_t)offsetof(type, field) +                                                             \
     0 * (uint32_t)sizeof((field_type *)0 == &((type *)0)->field))

// clang-format off
#define KAON_ROW(type, field, field_type, option_kind) \
    .size = sizeof(kaon_option), .kind = option_kind, .name = #field, \
    .offset = KAON_FIELD(type, field, field_type)

#define KAON_INT(type, field, value, ...) \
    { KAON_ROW(type, field, int64_t, KAON_OPTION_INT), .integer = value, __VA_ARGS__ }
#define KAON_FLOAT(type, field, value, ...) \
    { KAON_ROW(type, field, double, KAON_OPTION_FLOAT), .number = value, __VA_ARGS__ }
#define KAON_BOOL(type, field, value, ...) \
    { KAON_ROW(type, field, int32_t, KAON_OPTION_BOOL), .integer = value, __VA_ARGS__ }
#define KAON_TEXT(type, field, value, ...) \
    { KAON_ROW(type, field, const char *, KAON_OPTION_TEXT), .text = value, __VA_ARGS__ }
#define KAON_CHOICE(type, field, value, list, ...) \
    { KAON_ROW(type, field, int32_t, KAON_OPTION_CHOICE), .integer = value, .choices = list, __VA_ARGS__ }
#define KAON_INTS(type, field, value, ...) \
    { KAON_ROW(type, field, kaon_ints, KAON_OPTION_INTS), .text = value, __VA_ARGS__ }
#define KAON_FLOATS(type, field, value, ...) \
    { KAON_ROW(type, field, kaon_floats, KAON_OPTION_FLOATS), .text = value, __VA_ARGS__ }
#define KAON_TEXTS(type, field, value, ...) \
    { KAON_ROW(type, field, kaon_texts, KAON_OPTION_TEXTS), .text = value, __VA_ARGS__ }
#define KAON_PART(type, field, id, value, ...) \
    { KAON_ROW(type, field, kaon_part, KAON_OPTION_PART), .interface_id = id, .text = value, __VA_ARGS__ }
#define KAON_PARTS(type, field, id, value, ...) \
    { KAON_ROW(type, field, kaon_parts, KAON_OPTION_PARTS), .interface_id = id, .text = value, __VA_ARGS__ }
// clang-format on

#ifdef __cplusplus
}
#endif
#endif
