/* layout.h: the fields of a csv file: what separates them, their names and types. */
#ifndef CSV_LAYOUT_H
#define CSV_LAYOUT_H

#include "text.h"

#include <kaon/option.h>
#include <kaon/parallel.h>

#include <locale.h>

// ORDER separator
enum { SEPARATOR_AUTO, COMMA, SEMICOLON, TAB, BAR, SPACE };
// ORDER header
enum { HEADER_AUTO, HEADER_TRUE, HEADER_FALSE };
// ORDER float
enum { FLOAT_F64, FLOAT_F32 };

typedef struct csv_config {
    int32_t separator;
    int32_t header;
    const char *comment;
    int64_t skip;
    kaon_texts names;
    kaon_texts text;
    kaon_texts missing;
    int32_t float_type;
} csv_config;

// ORDER type
enum { TYPE_INT, TYPE_FLOAT, TYPE_TEXT, TYPE_HIDDEN };

typedef struct csv_column {
    char *name;
    int32_t type;     // TYPE_*; hidden: a nameless column without any value
    int32_t repeated; // how often its name came again
} csv_column;

typedef struct csv_layout {
    const kaon_host *host;
    const kaon_parallel_api *parallel;
    const csv_config *config;
    csv_format format;
    csv_column *columns;
    int32_t count;
    int32_t *places;      // hash table of names: column + 1, or 0
    uint64_t place_count; // a power of two
    int64_t rows;         // -1: the file was not read to its end
    locale_t c;
} csv_layout;

/* Reads as much as it needs to know, and sets the format of `text`. On failure `out` needs
 * layout_fini too. [any] */
kaon_status layout_find(const kaon_host *host, const csv_config *config, csv_text *text,
                        csv_layout *out, kaon_diag *diag);
void layout_fini(csv_layout *layout);

/* The column of a name, -1: none. [any] */
int32_t layout_column(const csv_layout *layout, const char *name);

#endif
