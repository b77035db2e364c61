/* file_sum.c: a file named by its content. */
#include "data/file_sum.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "kernel/memory.h"

enum { PIECE = 1 << 18 };

static kaon_status sum_pieces(int file, XXH3_state_t *state, char *piece, uint64_t *bytes,
                              kaon_diag *diag)
{
    XXH3_128bits_reset(state);
    for (*bytes = 0;;) {
        const ssize_t got = read(file, piece, PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kaon_fail(diag, KAON_IO, "it cannot be read: %s", strerror(errno));
        if (got == 0)
            return KAON_OK;
        XXH3_128bits_update(state, piece, (size_t)got);
        *bytes += (uint64_t)got;
    }
}

kaon_status kn_file_sum(const char *path, uint64_t *bytes, char hex[KN_FILE_SUM_HEX],
                        kaon_diag *diag)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return kaon_fail(diag, errno == ENOENT ? KAON_NOT_FOUND : KAON_IO, "cannot open %s: %s",
                         path, strerror(errno));
    XXH3_state_t *state = XXH3_createState();
    char *piece = kn_alloc(PIECE);
    kaon_status status = state && piece ? sum_pieces(file, state, piece, bytes, diag)
                                        : kn_no_memory(diag, "a checksum");
    if (!status) {
        const XXH128_hash_t sum = XXH3_128bits_digest(state);
        snprintf(hex, KN_FILE_SUM_HEX, "%016llx%016llx", (unsigned long long)sum.high64,
                 (unsigned long long)sum.low64);
    }
    XXH3_freeState(state);
    kn_free(piece);
    close(file);
    return kaon_context(diag, status, "%s", path);
}
