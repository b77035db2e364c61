/* io.h: "kaon.reader/1" and "kaon.writer/1": files and generators as Arrow streams.
 *
 * Each stream is of structs, one child per column. Columns are fixed-width numbers, bool, utf8,
 * fixed-size lists of numbers (any depth) and lists of numbers (jagged, one level or more).
 */
#ifndef KAON_IO_H
#define KAON_IO_H

#include <kaon/arrow.h>
#include <kaon/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KAON_READER "kaon.reader/1"
#define KAON_WRITER "kaon.writer/1"

// What to read. Zero means: all columns, from the first row, to the last, the reader's own choice.
typedef struct kaon_read {
    uint32_t size;
    int32_t column_count;
    const char *const *columns; // names, in the order wanted
    int64_t first_row;
    int64_t row_count;  // 0: to the end
    int64_t batch_rows; // at most, per array
} kaon_read;

typedef struct kaon_reader {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    const char *const *extensions; // ".csv", ".csv.gz"; ends with NULL; NULL: a generator, no file
    // `path` NULL for generators. [any]
    kaon_status (*open)(const kaon_host *host, const void *settings, const char *path, void **self,
                        kaon_diag *diag);
    void (*close)(void *self); // after all its streams are released
    kaon_status (*schema)(void *self, struct ArrowSchema *out, kaon_diag *diag); // [instance]
    // Number of rows, -1 if that is not known without reading. [instance]
    kaon_status (*rows)(void *self, int64_t *out, kaon_diag *diag);
    // Errors met later come through get_last_error, worded as kaon_fail words them. [instance]
    kaon_status (*scan)(void *self, const kaon_read *what, struct ArrowArrayStream *out,
                        kaon_diag *diag);
} kaon_reader;

typedef struct kaon_writer {
    uint32_t size;
    uint32_t settings_size;
    const kaon_option *options;
    const char *help;
    const char *const *extensions; // ends with NULL
    // The file appears under its name only when `finish` succeeds. [any]
    kaon_status (*open)(const kaon_host *host, const void *settings, const char *path,
                        const struct ArrowSchema *schema, void **self, kaon_diag *diag);
    kaon_status (*write)(void *self, const struct ArrowArray *batch, kaon_diag *diag); // [instance]
    kaon_status (*finish)(void *self, kaon_diag *diag); // [instance]
    void (*close)(void *self); // without a finish before, nothing is left behind
} kaon_writer;

#ifdef __cplusplus
}
#endif
#endif
