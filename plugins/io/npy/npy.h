/* npy.h: what the sources of this plugin share: array headers and bytes out of plain and zip files.
 */
#ifndef NPY_H
#define NPY_H

#include <kaon/arrow_build.h>
#include <kaon/base.h>

// One element type of NumPy: the letters of its `descr` without the byte order.
typedef struct npy_type {
    char kind;         // b i u f, S bytes, U UTF-32
    uint32_t bytes;    // of one value; 0: any (texts)
    const char *arrow; // format
} npy_type;

extern const npy_type npy_types[]; // ends with {0}

// The header of an array.
typedef struct npy_array {
    const npy_type *type;
    uint64_t item_bytes; // of one value
    int32_t swapped;     // the other byte order
    int32_t fortran;
    int32_t rank;
    int64_t shape[KAON_MAX_RANK];
} npy_array;

enum { NPY_HEADER_MOST = 65536, NPY_PREFIX = 12 };

/* Bytes of the header after the prefix, from its first NPY_PREFIX bytes; 0: no array file. */
uint64_t npy_header_bytes(const uint8_t prefix[NPY_PREFIX], uint64_t *prefix_bytes);

/* Reads the dictionary of a header, a zero-terminated text. */
kaon_status npy_header_read(const char *text, npy_array *out, kaon_diag *diag);

/* Bytes of one row (one place of the first axis), of all rows; UINT64_MAX where that overflows. */
uint64_t npy_row_bytes(const npy_array *a);
uint64_t npy_all_bytes(const npy_array *a);

/* A run of bytes: a whole file or a member of a zip archive, read from its begin to its end. */
typedef struct npy_bytes npy_bytes;

// A member of an archive.
typedef struct npz_member {
    char *name;  // without ".npy"
    uint64_t at; // of its data
    uint64_t packed;
    uint64_t bytes;
    uint32_t crc;
    int32_t method; // 0 stored, 8 deflated
} npz_member;

kaon_status npy_bytes_open(const kaon_host *host, int file, const npz_member *member,
                           npy_bytes **out, kaon_diag *diag);
void npy_bytes_close(npy_bytes *b); // takes NULL
kaon_status npy_bytes_read(npy_bytes *b, void *into, uint64_t bytes, kaon_diag *diag);
kaon_status npy_bytes_skip(npy_bytes *b, uint64_t bytes, kaon_diag *diag);
uint64_t npy_bytes_left(const npy_bytes *b); // of what was declared

/* The members whose names end with ".npy", in the order of the directory. */
kaon_status npz_members(const kaon_host *host, int file, npz_member **out, int64_t *count,
                        kaon_diag *diag);
void npz_members_free(const kaon_host *host, npz_member *members, int64_t count);

#endif
