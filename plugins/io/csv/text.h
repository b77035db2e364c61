/* text.h: a text file, plain or gzipped, as blocks of whole records. */
#ifndef CSV_TEXT_H
#define CSV_TEXT_H

#include <kaon/base.h>

// How records and fields are told apart.
typedef struct csv_format {
    char separator; // ' ': runs of spaces and tabs
    char comment;   // first byte of lines to skip, 0: none
    char line_end;  // '\n', or '\r' of old
    int64_t skip;   // lines at the beginning
} csv_format;

enum {
    TEXT_BLOCK = 4 << 20,   // bytes handed out at a time, about
    TEXT_KEEP = 4 << 20,    // files up to this size stay in memory
    TEXT_RECORD = 256 << 20 // the longest record there may be
};

typedef struct csv_text csv_text;

/* A file that is read from its beginning. Up to TEXT_KEEP bytes are read at once; if that is all of
 * it, other texts can share them. [any] */
kaon_status text_open(const kaon_host *host, const char *path, csv_text **out, kaon_diag *diag);

/* The same file again, from its beginning; shares what is in memory with `first`, which must live
 * longer. */
kaon_status text_again(const csv_text *first, csv_text **out, kaon_diag *diag);
void text_close(csv_text *text); // takes NULL

/* What was read at once. `whole`: it is all of the file. */
const char *text_start(const csv_text *text, size_t *bytes, int32_t *whole);

void text_set_format(csv_text *text, const csv_format *format);

/* The next whole records: *end is behind the line end of the last one, which is added where the
 * file lacks it; NUMBER_MARGIN readable bytes follow. *line counts the lines before. Valid until
 * the next call. KAON_END: no more. [instance] */
kaon_status text_next(csv_text *text, const char **begin, const char **end, int64_t *line,
                      kaon_diag *diag);

/* Gives back what a caller did not use, from `at` on: the next block begins there. */
void text_return(csv_text *text, const char *at);

/* Behind the last record that ends in [begin, end), of which `begin` begins one; NULL if none does.
 * Line ends inside of quotes do not count. [any] */
const char *text_last_record(const char *begin, const char *end, const csv_format *format);

/* Behind the record that begins at `at`, or `end`. [any] */
const char *text_record_end(const char *at, const char *end, const csv_format *format);

/* The beginning of the next record that is neither blank nor a comment, or `end`. [any] */
const char *text_skip_blank(const char *at, const char *end, const csv_format *format);

/* 1 if it is well-formed UTF-8: no overlong forms, no surrogates. [any] */
int text_is_utf8(const char *text, size_t bytes);

/* Lines in [begin, end), quotes or not. [any] */
int64_t text_lines(const char *begin, const char *end, char line_end);

#endif
