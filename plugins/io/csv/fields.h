/* fields.h: records into fields, pieces of a block at a time. */
#ifndef CSV_FIELDS_H
#define CSV_FIELDS_H

#include "layout.h"

enum {
    PIECES = 64,           // of a block, worked on at once
    PIECE_BYTES = 64 << 10 // at least, but for the last
};

typedef struct csv_field {
    const char *begin;
    const char *end;
    int32_t quoted;
    int32_t doubled; // quotes inside are doubled
} csv_field;

enum { FIELD_MORE, FIELD_LAST, FIELD_BAD };

/* The field at *p; *p then stands at the next one, or behind the record. FIELD_BAD: *p is where a
 * quoted field goes wrong. `end` is behind a line end. [any] */
int field_read(const csv_format *format, const char **p, const char *end, csv_field *out);

/* 1 if the field is empty or one of the words for missing values. [any] */
int field_is_missing(const csv_config *config, const csv_field *field);

/* A part of a block, and what one thread finds in it. */
typedef struct csv_piece {
    const char *begin;
    const char *end;
    int64_t rows;
    int64_t first_row; // among those of the block
    const char *fault; // where it failed, or NULL
    char words[256];   // what is wrong there
} csv_piece;

/* Splits whole records; returns how many pieces there are. [any] */
int32_t pieces_make(const csv_format *format, const char *begin, const char *end,
                    csv_piece pieces[PIECES]);

/* Counts the rows of each. Runs in parallel. */
void pieces_count(const csv_layout *layout, csv_piece *pieces, int32_t count);

/* Takes `skip` rows away from the beginning and leaves at most `most`; *rest is what follows, or
 * NULL. Returns the rows left. */
int64_t pieces_trim(const csv_layout *layout, csv_piece *pieces, int32_t count, int64_t skip,
                    int64_t most, const char **rest);

// What was seen in a column.
enum { SEEN_INT = 1, SEEN_FLOAT = 2, SEEN_TEXT = 4, SEEN_MISSING = 8 };

/* Adds what is seen in each column to `seen`, a byte per column with PIECES times as many behind
 * them, and counts rows. `quick`: only columns that held whole numbers so far are looked at.
 * Parallel. */
void pieces_look(const csv_layout *layout, csv_piece *pieces, int32_t count, int32_t quick,
                 uint8_t *seen);

/* Where the values of a column go; NULL: not wanted. */
typedef struct csv_values {
    void *numbers;    // int64_t, double or float
    csv_field *texts; // borrowed from the block
} csv_values;

/* Parses. Parallel. */
void pieces_parse(const csv_layout *layout, csv_piece *pieces, int32_t count,
                  const csv_values *values);

/* Fails with the first fault there is. `line` lines lie before `block`. */
kaon_status pieces_status(const csv_layout *layout, const csv_piece *pieces, int32_t count,
                          const char *block, int64_t line, kaon_diag *diag);

#endif
