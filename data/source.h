/* source.h: files or generators behind one reader, as one run of Arrow arrays.
 *
 * Paths may be globs (matches sorted by name) and folders only where the reader takes them. All
 * files must have the same columns. A kn_source must not outlive the settings of its reader.
 */
#ifndef KN_SOURCE_H
#define KN_SOURCE_H

#include <kaon/io.h>

#include "kernel/kernel.h"
#include "kernel/settings.h"

typedef struct kn_source kn_source;
struct kn_derive;

/* The reader for a path by its extension, with default settings made in `s`. [instance] */
kaon_status kn_reader_for(kn_settings *s, const char *path, const kaon_part **out, kaon_diag *diag);

/* The same for writers. */
kaon_status kn_writer_for(kn_settings *s, const char *path, const kaon_part **out, kaon_diag *diag);

/* Opens nothing but the first file. `reader` NULL: by extension. Relative paths start in `folder`
 * (NULL: the current one). No paths: a generator. [instance] */
kaon_status kn_source_open(kn_settings *s, const kaon_part *reader, const char *folder,
                           const char *const *paths, int64_t path_count, kn_source **out,
                           kaon_diag *diag);
void kn_source_close(kn_source *source); // takes NULL

/* From here on the schema has its columns too, and scans compute them and leave out the rows it
 * cuts, which kn_source_rows does not know of. Taken over. [instance] */
void kn_source_derive(kn_source *source, struct kn_derive *derive);

// What a cut left of the rows of one scan.
typedef struct kn_cut_counts {
    int64_t rows;    // seen
    int64_t kept;    //
    int64_t unknown; // left out since a value the cut needs is missing
} kn_cut_counts;

/* Of the last scan; {0} where nothing is derived. [any] */
kn_cut_counts kn_source_cut(const kn_source *source);

/* Of the first file, and what is derived from it; borrowed. [any] */
const struct ArrowSchema *kn_source_schema(const kn_source *source);

/* Name for messages: "a.csv", "a.csv and 3 more", the name of a generator. [any] */
const char *kn_source_name(const kn_source *source);

int64_t kn_source_path_count(const kn_source *source);
const char *kn_source_path(const kn_source *source, int64_t index);

/* The file being visited. [any] */
int64_t kn_source_at(const kn_source *source);

/* Rows of all files, -1 if not known without reading. [instance] */
kaon_status kn_source_rows(kn_source *source, int64_t *out, kaon_diag *diag);

/* One array: a struct whose children are `schema`'s. Both are borrowed for the call. */
typedef kaon_status kn_source_visit(void *context, const struct ArrowSchema *schema,
                                    const struct ArrowArray *array, kaon_diag *diag);

/* Visits all arrays; first_row and row_count of `what` count over all files. KAON_END from `visit`
 * stops early, without an error. [instance] */
kaon_status kn_source_scan(kn_source *source, const kaon_read *what, kn_source_visit *visit,
                           void *context, kaon_diag *diag);

#endif
