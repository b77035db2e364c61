/* test_reader.h: the part of the test kit for readers and writers.
 *
 *     kt_reader r = kt_reader_open("toyjets", "jets: 10", NULL);
 *     double *mass = kt_read_column(&r, "mass", 0, 0, &count); // free it
 *     kt_reader_close(&r);
 */
#ifndef KAON_TEST_READER_H
#define KAON_TEST_READER_H

#include <kaon/io.h>
#include <kaon/test.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kt_reader {
    const kaon_reader *table;
    void *self;
} kt_reader;

kt_reader kt_reader_open(const char *name, const char *settings, const char *path);
void kt_reader_close(kt_reader *reader);

// -1 if the reader does not know.
int64_t kt_reader_rows(kt_reader *reader);

// "a:l b:f c:+l<f> d:+w:3<g>": names and Arrow formats; borrowed until the next call.
const char *kt_reader_schema(kt_reader *reader);

// Numbers of one column, lists one after the other, as f64 (free it); missing ones are NaN. `first`
// and `count` are rows, count 0: all; *length: how many numbers there are.
double *kt_read_column(kt_reader *reader, const char *column, int64_t first, int64_t count,
                       int64_t *length);

// Lengths of the rows of a jagged column (free it); *rows: how many there are.
int64_t *kt_read_lengths(kt_reader *reader, const char *column, int64_t *rows);

// The text of one row; borrowed until the next call; NULL if it is missing.
const char *kt_read_text(kt_reader *reader, const char *column, int64_t row);

// Opening or reading all of it fails with `text` in the words.
void kt_reader_refuses(const char *name, const char *settings, const char *path, const char *text);

// 0 if it can be read to its end, else the status it failed with; never ends the test.
kaon_status kt_reader_try(const char *name, const char *settings, const char *path);

// Writes what a reader holds through a writer.
void kt_copy(kt_reader *reader, const char *writer, const char *settings, const char *path);

// A file in a folder that goes with the program, with these bytes; borrowed.
const char *kt_file(const char *name, const void *bytes, size_t count);
const char *kt_text_file(const char *name, const char *text);

// A path in that folder for something to be written.
const char *kt_path(const char *name);

#ifdef __cplusplus
}
#endif
#endif
