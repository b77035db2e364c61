/* files.c: whole files: read with a limit, written so that a crash leaves the old or the new one.
 */
#include "kernel/files.h"

#include "kernel/memory.h"
#include "kernel/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_STATIC_LINKING_ONLY // for a state that lives inside the writer
#include <xxhash.h>

// Linux moves no more than about 2 GB in one call.
enum { PIECE = 1 << 30, FILE_MODE = 0666, FOLDER_MODE = 0777 };

struct kn_writer {
    XXH3_state_t sum; // first, for its alignment
    char *path;
    char *temporary;
    uint64_t bytes;
    int file; // -1: closed
    int made; // the temporary file is ours to remove
    int committed;
};

static kaon_status io_error(kaon_diag *diag, const char *verb, const char *path)
{
    const int error = errno;
    const kaon_status status = error == ENOENT ? KAON_NOT_FOUND : KAON_IO;
    return kaon_fail(diag, status, "cannot %s '%s': %s", verb, path, strerror(error));
}

/* --- planted faults --------------------------------------------------------------------------- */

// Process-wide on purpose: a test's fault must reach writers it cannot see.
static struct {
    _Atomic int64_t countdown, calls;
    _Atomic int error;
} fault;

static int planted_failure(void)
{
    atomic_fetch_add(&fault.calls, 1);
    if (!atomic_load(&fault.countdown) || atomic_fetch_sub(&fault.countdown, 1) != 1)
        return 0;
    errno = atomic_load(&fault.error);
    return 1;
}

void kn_files_fail(int64_t nth, int error)
{
    atomic_store(&fault.error, error);
    atomic_store(&fault.calls, 0);
    atomic_store(&fault.countdown, nth);
}

int64_t kn_files_calls(void)
{
    return atomic_load(&fault.calls);
}

/* --- reading ---------------------------------------------------------------------------------- */

// Reads to the end of the file, which may have grown or shrunk since it was measured.
static kaon_status read_all(int file, const char *path, char *data, size_t room, size_t *bytes,
                            kaon_diag *diag)
{
    size_t filled = 0;
    while (filled < room) {
        const size_t want = room - filled < PIECE ? room - filled : PIECE;
        const ssize_t got = read(file, data + filled, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return io_error(diag, "read", path);
        if (got == 0)
            break;
        filled += (size_t)got;
    }
    *bytes = filled;
    return KAON_OK;
}

static kaon_status read_file(int file, const char *path, uint64_t limit, void **data, size_t *bytes,
                             kaon_diag *diag)
{
    struct stat facts;
    if (fstat(file, &facts))
        return io_error(diag, "look at", path);
    if (!S_ISREG(facts.st_mode))
        return kaon_fail(diag, KAON_INVALID, "'%s' is no regular file", path);
    if (limit && (uint64_t)facts.st_size > limit)
        return kaon_fail(diag, KAON_INVALID, "'%s' has %lld bytes, at most %llu are allowed here",
                         path, (long long)facts.st_size, (unsigned long long)limit);

    const size_t size = (size_t)facts.st_size;
    char *block = kn_alloc(size + 1);
    if (!block)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for the %zu bytes of '%s'", size,
                         path);
    const kaon_status status = read_all(file, path, block, size, bytes, diag);
    if (status) {
        kn_free(block);
        return status;
    }
    block[*bytes] = 0;
    *data = block;
    return KAON_OK;
}

kaon_status kn_file_read(const char *path, uint64_t limit, void **data, size_t *bytes,
                         kaon_diag *diag)
{
    *data = NULL;
    *bytes = 0;
    // Without O_NONBLOCK a FIFO of that name would hold us for ever.
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return io_error(diag, "open", path);
    const kaon_status status = read_file(file, path, limit, data, bytes, diag);
    close(file);
    return status;
}

/* --- writing ---------------------------------------------------------------------------------- */

static kaon_status make_temporary(kn_writer *writer, kaon_diag *diag)
{
    static _Atomic unsigned number; // makes the names of one process differ
    kn_text name = {0};
    kn_text_format(&name, "%s.tmp-%ld-%u", writer->path, (long)getpid(),
                   atomic_fetch_add(&number, 1));
    writer->temporary = kn_text_take(&name);
    if (!writer->temporary)
        return kn_no_memory(diag, "a file name");
    const int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
    if (!planted_failure())
        writer->file = open(writer->temporary, flags, FILE_MODE);
    if (writer->file < 0)
        return io_error(diag, "make", writer->temporary);
    writer->made = 1;
    return KAON_OK;
}

kaon_status kn_writer_new(const char *path, kn_writer **out, kaon_diag *diag)
{
    *out = NULL;
    kn_writer *writer = kn_alloc_zero(sizeof *writer);
    if (!writer)
        return kn_no_memory(diag, "a writer");
    writer->file = -1;
    XXH3_64bits_reset(&writer->sum);

    kaon_status status = KAON_OK;
    writer->path = kn_copy_text(path);
    if (!writer->path)
        status = kn_no_memory(diag, "a file name");
    if (!status)
        status = make_temporary(writer, diag);
    if (status) {
        kn_writer_free(writer);
        return status;
    }
    *out = writer;
    return KAON_OK;
}

// Writes all bytes at `at`, however many calls the system makes of it.
static kaon_status write_at(kn_writer *writer, uint64_t at, const char *data, size_t bytes,
                            kaon_diag *diag)
{
    while (bytes) {
        const size_t want = bytes < PIECE ? bytes : PIECE;
        const ssize_t put = planted_failure() ? -1 : pwrite(writer->file, data, want, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return io_error(diag, "write", writer->temporary);
        data += put;
        at += (uint64_t)put;
        bytes -= (size_t)put;
    }
    return KAON_OK;
}

kaon_status kn_writer_add(kn_writer *writer, const void *data, size_t bytes, kaon_diag *diag)
{
    if (!bytes)
        return KAON_OK;
    KAON_TRY(write_at(writer, writer->bytes, data, bytes, diag));
    XXH3_64bits_update(&writer->sum, data, bytes);
    writer->bytes += bytes;
    return KAON_OK;
}

kaon_status kn_writer_patch(kn_writer *writer, uint64_t at, const void *data, size_t bytes,
                            kaon_diag *diag)
{
    if (at > writer->bytes || bytes > writer->bytes - at)
        return kaon_fail(diag, KAON_INTERNAL, "a patch of %zu bytes at %llu lies outside '%s'",
                         bytes, (unsigned long long)at, writer->path);
    return write_at(writer, at, data, bytes, diag);
}

uint64_t kn_writer_bytes(const kn_writer *writer)
{
    return writer->bytes;
}

uint64_t kn_writer_checksum(const kn_writer *writer)
{
    return XXH3_64bits_digest(&writer->sum);
}

// Without this a power cut could take the new name away again.
static kaon_status sync_folder(const char *path, kaon_diag *diag)
{
    const char *slash = strrchr(path, '/');
    char *folder = !slash          ? kn_copy_text(".")
                   : slash == path ? kn_copy_text("/")
                                   : kn_copy_bytes(path, (size_t)(slash - path));
    if (!folder)
        return kn_no_memory(diag, "a file name");

    kaon_status status = KAON_OK;
    const int file = planted_failure() ? -1 : open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0 || planted_failure())
        status = io_error(diag, "sync folder", folder);
    else if (fsync(file) && errno != EINVAL &&
             errno != EBADF) // some file systems know no such thing
        status = io_error(diag, "sync folder", folder);
    if (file >= 0)
        close(file);
    kn_free(folder);
    return status;
}

kaon_status kn_writer_commit(kn_writer *writer, kaon_diag *diag)
{
    if (planted_failure() || fsync(writer->file))
        return io_error(diag, "sync", writer->temporary);
    const int refused = planted_failure();
    const int failed = close(writer->file) || refused;
    writer->file = -1;
    if (failed)
        return io_error(diag, "close", writer->temporary);
    if (planted_failure() || rename(writer->temporary, writer->path))
        return io_error(diag, "replace", writer->path);
    writer->committed = 1;
    return sync_folder(writer->path, diag);
}

void kn_writer_free(kn_writer *writer)
{
    if (!writer)
        return;
    if (writer->file >= 0)
        close(writer->file);
    if (writer->made && !writer->committed)
        unlink(writer->temporary);
    kn_free(writer->temporary);
    kn_free(writer->path);
    kn_free(writer);
}

kaon_status kn_file_write(const char *path, const void *data, size_t bytes, kaon_diag *diag)
{
    kn_writer *writer;
    KAON_TRY(kn_writer_new(path, &writer, diag));
    kaon_status status = kn_writer_add(writer, data, bytes, diag);
    if (!status)
        status = kn_writer_commit(writer, diag);
    kn_writer_free(writer);
    return status;
}

/* --- sealed text files ------------------------------------------------------------------------ */

static const char seal_format[] = "# sealed %llu %016llx\n";

// The seal of these bytes, as it stands in the file.
static int seal_text(const void *data, size_t bytes, char *seal, size_t room)
{
    return snprintf(seal, room, seal_format, (unsigned long long)bytes,
                    (unsigned long long)kn_checksum(data, bytes));
}

kaon_status kn_file_write_sealed(const char *path, const void *data, size_t bytes, kaon_diag *diag)
{
    char seal[64];
    const int length = seal_text(data, bytes, seal, sizeof seal);
    kn_writer *writer;
    KAON_TRY(kn_writer_new(path, &writer, diag));
    kaon_status status = kn_writer_add(writer, data, bytes, diag);
    if (!status)
        status = kn_writer_add(writer, seal, (size_t)length, diag);
    if (!status)
        status = kn_writer_commit(writer, diag);
    kn_writer_free(writer);
    return status;
}

// 1 if the last line seals what stands before it, `length` bytes.
static int find_seal(const char *data, size_t bytes, size_t *length)
{
    char seal[64];
    size_t at = bytes ? bytes - 1 : 0; // the last byte is the seal's newline
    while (at && data[at - 1] != '\n')
        at--;
    const int want = seal_text(data, at, seal, sizeof seal);
    *length = at;
    return want == (int)(bytes - at) && memcmp(data + at, seal, bytes - at) == 0;
}

kaon_status kn_file_read_sealed(const char *path, uint64_t limit, void **data, size_t *bytes,
                                kaon_diag *diag)
{
    KAON_TRY(kn_file_read(path, limit, data, bytes, diag));
    char *text = *data;
    size_t length;
    if (*bytes > INT_MAX || !find_seal(text, *bytes, &length)) {
        kn_free(text);
        *data = NULL;
        *bytes = 0;
        return kaon_fail(diag, KAON_CORRUPT,
                         "'%s' is damaged: its last line does not seal what stands before it",
                         path);
    }
    text[length] = 0;
    *bytes = length;
    return KAON_OK;
}

/* --- folders and paths ------------------------------------------------------------------------ */

static kaon_status make_one(const char *path, kaon_diag *diag)
{
    struct stat facts;
    if (mkdir(path, FOLDER_MODE) == 0)
        return KAON_OK;
    if (errno == EEXIST && stat(path, &facts) == 0) {
        if (S_ISDIR(facts.st_mode))
            return KAON_OK;
        errno = ENOTDIR;
    }
    return io_error(diag, "make folder", path);
}

kaon_status kn_folder_make(const char *path, kaon_diag *diag)
{
    char *part = kn_copy_text(path);
    if (!part)
        return kn_no_memory(diag, "a folder's name");
    kaon_status status = KAON_OK;
    for (char *at = part + 1; *part && !status && *at; at++) {
        if (*at != '/' || at[-1] == '/')
            continue;
        *at = 0;
        status = make_one(part, diag);
        *at = '/';
    }
    if (!status)
        status = make_one(path, diag);
    kn_free(part);
    return status;
}

char *kn_path_join(const char *folder, const char *name)
{
    if (!folder || !*folder || *name == '/')
        return kn_copy_text(name);
    kn_text path = {0};
    kn_text_add(&path, folder);
    if (folder[strlen(folder) - 1] != '/')
        kn_text_add(&path, "/");
    kn_text_add(&path, name);
    return kn_text_take(&path);
}

const char *kn_path_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

uint64_t kn_checksum(const void *data, size_t bytes)
{
    return XXH3_64bits(data, bytes);
}
