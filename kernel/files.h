/* files.h: whole files: read with a limit, written so that a crash leaves the old one or the new
 * one.
 *
 * A kn_writer writes `<path>.tmp-<pid>-<n>` beside the target, and kn_writer_commit makes it
 * durable: fsync, rename, fsync of the folder. Every write, sync and close is checked. All messages
 * name the file and the system's reason.
 */
#ifndef KN_FILES_H
#define KN_FILES_H

#include <kaon/base.h>

enum { KN_READ_ALL = 0 }; // no limit

/* Reads a regular file into *data (kn_free it); a zero byte follows that *bytes does not count.
 * More than `limit` bytes (if not 0) are refused before anything is allocated. [any] */
kaon_status kn_file_read(const char *path, uint64_t limit, void **data, size_t *bytes,
                         kaon_diag *diag);

/* Replaces the file in one step. [any] */
kaon_status kn_file_write(const char *path, const void *data, size_t bytes, kaon_diag *diag);

/* The same with a last line that holds the length and the XXH3 checksum of what stands before it
 * ("# sealed <bytes> <16 hex digits>\n"), for text files only Kaon writes. Reading verifies and
 * cuts it off; KAON_CORRUPT if it is absent or does not fit. [any] */
kaon_status kn_file_write_sealed(const char *path, const void *data, size_t bytes, kaon_diag *diag);
kaon_status kn_file_read_sealed(const char *path, uint64_t limit, void **data, size_t *bytes,
                                kaon_diag *diag);

/* --- piece by piece --------------------------------------------------------------------------- */

typedef struct kn_writer kn_writer;

kaon_status kn_writer_new(const char *path, kn_writer **out, kaon_diag *diag); // [any]
kaon_status kn_writer_add(kn_writer *writer, const void *data, size_t bytes,
                          kaon_diag *diag); // [instance]

/* Bytes and XXH3 (64 bit) checksum of what was added so far. [instance] */
uint64_t kn_writer_bytes(const kn_writer *writer);
uint64_t kn_writer_checksum(const kn_writer *writer);

/* Overwrites bytes already written (a header filled in last); not part of the checksum. [instance]
 */
kaon_status kn_writer_patch(kn_writer *writer, uint64_t at, const void *data, size_t bytes,
                            kaon_diag *diag);

/* Puts the file in place. Whether it succeeds or not, kn_writer_free follows. [instance] */
kaon_status kn_writer_commit(kn_writer *writer, kaon_diag *diag);

/* Removes what was not committed. Takes NULL. */
void kn_writer_free(kn_writer *writer);

/* --- folders and paths ------------------------------------------------------------------------ */

/* Makes a folder and those above it; fine if it exists. [any] */
kaon_status kn_folder_make(const char *path, kaon_diag *diag);

/* "<folder>/<name>", or `name` alone if it is absolute or folder is NULL or ""; kn_free it; NULL:
 * no memory. [any] */
char *kn_path_join(const char *folder, const char *name);

/* The part of a path after the last slash; borrowed. [any] */
const char *kn_path_name(const char *path);

/* XXH3, 64 bit. [any] */
uint64_t kn_checksum(const void *data, size_t bytes);

/* --- for tests -------------------------------------------------------------------------------- */

/* Lets the nth system call of a writer from here (open, write, fsync, close, rename) fail with
 * `error`; 0: none. Process-wide. */
void kn_files_fail(int64_t nth, int error);

/* The number of such calls since the last kn_files_fail. */
int64_t kn_files_calls(void);

#endif
