/* arrow_json.h: Arrow values for people: as JSON, and summed up column by column. */
#ifndef KN_ARROW_JSON_H
#define KN_ARROW_JSON_H

#include <jansson.h>
#include <kaon/arrow.h>
#include <kaon/base.h>

/* One value of a column: a number, text, list, null; an integer with names ("kaon.labels") as its
 * name. NULL: no memory. [any] */
json_t *kn_arrow_value(const struct ArrowSchema *schema, const struct ArrowArray *array,
                       int64_t row);

/* "f32", "text", "list of f32", "f32[20][20]"; into `room` bytes, which it returns. [any] */
const char *kn_arrow_type(const struct ArrowSchema *schema, char *out, size_t room);

// What is known of one column after some arrays.
typedef struct kn_arrow_summary {
    int64_t rows;
    int64_t missing;                // null or NaN
    int64_t numbers;                // values that were counted, of lists all entries
    double min, max, mean, squares; // squares: sum of squared deviations from the mean
    int64_t shortest, longest;      // of lists
    int64_t zeros;
} kn_arrow_summary;

void kn_arrow_summarize(const struct ArrowSchema *schema, const struct ArrowArray *array,
                        kn_arrow_summary *summary);

#endif
