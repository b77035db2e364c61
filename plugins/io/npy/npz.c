/* npz.c: bytes of array files: plain ones, and members of zip archives, stored or deflated, also
 * beyond 4 GiB (APPNOTE.TXT 6.3.10 of PKWARE). Every offset and size is checked before it is used;
 * what a member unpacks to is bounded by what its directory declares.
 */
#include "npy.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { BUFFER = 1 << 16, MOST_MEMBERS = 65536, MOST_DIRECTORY = 1 << 26, MOST_RATIO = 1032 };

struct npy_bytes {
    const kaon_host *host;
    int file;
    int32_t packed; // through inflate
    uint64_t at;    // in the file
    uint64_t end;   // in the file
    uint64_t left;  // unpacked bytes still to come
    uint32_t crc;
    uint32_t crc_wanted;
    int32_t check; // of the sum, at the end
    z_stream z;
    uint8_t in[BUFFER];
};

static kaon_status read_at(int file, uint64_t at, void *into, uint64_t bytes, kaon_diag *diag)
{
    uint8_t *to = into;
    while (bytes) {
        const ssize_t got = pread(file, to, bytes < (1u << 30) ? bytes : 1u << 30, (off_t)at);
        if (got < 0)
            return kaon_fail(diag, KAON_IO, "reading %llu bytes at %llu fails",
                             (unsigned long long)bytes, (unsigned long long)at);
        if (got == 0)
            return kaon_fail(diag, KAON_CORRUPT, "it ends at byte %llu, where %llu more should be",
                             (unsigned long long)at, (unsigned long long)bytes);
        to += got;
        at += (uint64_t)got;
        bytes -= (uint64_t)got;
    }
    return KAON_OK;
}

static kaon_status file_bytes(int file, uint64_t *out, kaon_diag *diag)
{
    struct stat facts;
    if (fstat(file, &facts) || !S_ISREG(facts.st_mode))
        return kaon_fail(diag, KAON_INVALID, "it is no regular file");
    *out = (uint64_t)facts.st_size;
    return KAON_OK;
}

kaon_status npy_bytes_open(const kaon_host *host, int file, const npz_member *member,
                           npy_bytes **out, kaon_diag *diag)
{
    uint64_t size = 0;
    KAON_TRY(file_bytes(file, &size, diag));
    npy_bytes *b = kaon_alloc(host, sizeof *b);
    if (!b)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for reading");
    memset(b, 0, sizeof *b);
    b->host = host;
    b->file = file;
    b->end = size;
    b->left = size;
    if (member) {
        b->at = member->at;
        b->end = member->at + member->packed;
        b->left = member->bytes;
        b->packed = member->method == 8;
        b->crc_wanted = member->crc;
        b->check = 1;
        b->crc = (uint32_t)crc32(0, NULL, 0);
    }
    if (b->packed && inflateInit2(&b->z, -15) != Z_OK) {
        kaon_free(host, b);
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for unpacking");
    }
    *out = b;
    return KAON_OK;
}

void npy_bytes_close(npy_bytes *b)
{
    if (!b)
        return;
    if (b->packed)
        inflateEnd(&b->z);
    kaon_free(b->host, b);
}

uint64_t npy_bytes_left(const npy_bytes *b)
{
    return b->left;
}

static kaon_status refill(npy_bytes *b, kaon_diag *diag)
{
    const uint64_t more = b->end - b->at < BUFFER ? b->end - b->at : BUFFER;
    if (!more)
        return kaon_fail(diag, KAON_CORRUPT, "its packed data ends too early");
    KAON_TRY(read_at(b->file, b->at, b->in, more, diag));
    b->at += more;
    b->z.next_in = b->in;
    b->z.avail_in = (uInt)more;
    return KAON_OK;
}

static kaon_status unpack(npy_bytes *b, uint8_t *into, uint64_t bytes, kaon_diag *diag)
{
    while (bytes) {
        const uInt room = bytes < (1u << 30) ? (uInt)bytes : 1u << 30;
        if (!b->z.avail_in)
            KAON_TRY(refill(b, diag));
        b->z.next_out = into;
        b->z.avail_out = room;
        const int answer = inflate(&b->z, Z_NO_FLUSH);
        const uint64_t got = room - b->z.avail_out;
        into += got;
        bytes -= got;
        if (answer == Z_MEM_ERROR)
            return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for unpacking");
        if ((answer != Z_OK && answer != Z_STREAM_END && answer != Z_BUF_ERROR) ||
            (answer == Z_STREAM_END && bytes))
            return kaon_fail(diag, KAON_CORRUPT, "its packed data is damaged near byte %llu: %s",
                             (unsigned long long)(b->at - b->z.avail_in),
                             b->z.msg ? b->z.msg : "it ends too early");
    }
    return KAON_OK;
}

static kaon_status check_sum(npy_bytes *b, const uint8_t *data, uint64_t bytes, kaon_diag *diag)
{
    while (bytes) {
        const uInt part = bytes < (1u << 30) ? (uInt)bytes : 1u << 30;
        b->crc = (uint32_t)crc32(b->crc, data, part);
        data += part;
        bytes -= part;
    }
    if (!b->left && b->crc != b->crc_wanted)
        return kaon_fail(diag, KAON_CORRUPT, "its checksum is %08x, the archive says %08x",
                         (unsigned)b->crc, (unsigned)b->crc_wanted);
    return KAON_OK;
}

kaon_status npy_bytes_read(npy_bytes *b, void *into, uint64_t bytes, kaon_diag *diag)
{
    if (bytes > b->left)
        return kaon_fail(diag, KAON_CORRUPT, "it ends %llu bytes too early",
                         (unsigned long long)(bytes - b->left));
    if (b->packed) {
        KAON_TRY(unpack(b, into, bytes, diag));
    } else {
        KAON_TRY(read_at(b->file, b->at, into, bytes, diag));
        b->at += bytes;
    }
    b->left -= bytes;
    return b->check ? check_sum(b, into, bytes, diag) : KAON_OK;
}

kaon_status npy_bytes_skip(npy_bytes *b, uint64_t bytes, kaon_diag *diag)
{
    uint8_t sink[4096];
    if (!b->packed && bytes <= b->left) {
        b->at += bytes;
        b->left -= bytes;
        b->check = b->check && !bytes; // a sum over a part says nothing
        return KAON_OK;
    }
    while (bytes) {
        const uint64_t part = bytes < sizeof sink ? bytes : sizeof sink;
        KAON_TRY(npy_bytes_read(b, sink, part, diag));
        bytes -= part;
    }
    return KAON_OK;
}

/* --- the directory ---------------------------------------------------------------------------- */

static uint64_t little(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

enum { END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, ENTRY_BYTES = 46, LOCAL_BYTES = 30 };

typedef struct {
    uint64_t at;
    uint64_t bytes;
    uint64_t count;
} directory;

// The record at the end of the archive, behind which only a comment may stand.
static kaon_status find_end(const kaon_host *host, int file, uint64_t size, uint64_t *out,
                            kaon_diag *diag)
{
    const uint64_t reach = size < 65535 + END_BYTES ? size : 65535 + END_BYTES;
    uint8_t *tail = kaon_alloc(host, reach);
    if (!tail)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a directory");
    kaon_status status = read_at(file, size - reach, tail, reach, diag);
    for (uint64_t back = END_BYTES; !status && back <= reach; back++)
        if (little(tail + reach - back, 4) == 0x06054b50 &&
            little(tail + reach - back + 20, 2) == back - END_BYTES) {
            *out = size - back;
            kaon_free(host, tail);
            return KAON_OK;
        }
    kaon_free(host, tail);
    return status ? status : kaon_fail(diag, KAON_CORRUPT, "it is no complete zip archive");
}

static kaon_status find_directory(const kaon_host *host, int file, uint64_t size, directory *out,
                                  kaon_diag *diag)
{
    uint8_t record[END64_BYTES];
    uint64_t end = 0;
    KAON_TRY(find_end(host, file, size, &end, diag));
    KAON_TRY(read_at(file, end, record, END_BYTES, diag));
    out->count = little(record + 10, 2);
    out->bytes = little(record + 12, 4);
    out->at = little(record + 16, 4);
    const int big = out->count == 0xffff || out->bytes == 0xffffffff || out->at == 0xffffffff;
    if (big && end >= LOCATOR_BYTES) {
        KAON_TRY(read_at(file, end - LOCATOR_BYTES, record, LOCATOR_BYTES, diag));
        const uint64_t at = little(record + 8, 8);
        if (little(record, 4) == 0x07064b50 && at <= size && size - at >= END64_BYTES) {
            KAON_TRY(read_at(file, at, record, END64_BYTES, diag));
            if (little(record, 4) != 0x06064b50)
                return kaon_fail(diag, KAON_CORRUPT, "its zip64 directory is not where it says");
            out->count = little(record + 32, 8);
            out->bytes = little(record + 40, 8);
            out->at = little(record + 48, 8);
        }
    }
    if (out->at > end || out->bytes > end - out->at || out->bytes > MOST_DIRECTORY ||
        out->count > MOST_MEMBERS || out->count > out->bytes / ENTRY_BYTES)
        return kaon_fail(diag, KAON_CORRUPT, "its zip directory does not fit into the file");
    return KAON_OK;
}

// Sizes beyond 32 bits stand in an extra field, each only where its short form is full.
static void read_zip64(const uint8_t *extra, uint64_t bytes, npz_member *m)
{
    while (bytes >= 4) {
        const uint64_t length = little(extra + 2, 2);
        if (length > bytes - 4)
            return;
        if (little(extra, 2) == 1) {
            uint64_t *const fields[] = {&m->bytes, &m->packed, &m->at};
            const uint8_t *at = extra + 4;
            for (int i = 0; i < 3; i++)
                if (*fields[i] == 0xffffffff && at + 8 <= extra + 4 + length) {
                    *fields[i] = little(at, 8);
                    at += 8;
                }
            return;
        }
        extra += 4 + length;
        bytes -= 4 + length;
    }
}

// From the entry's offset of the local header to where the data begins.
static kaon_status find_data(int file, uint64_t size, npz_member *m, kaon_diag *diag)
{
    uint8_t local[LOCAL_BYTES];
    if (m->at > size || size - m->at < LOCAL_BYTES)
        return kaon_fail(diag, KAON_CORRUPT, "member '%s' lies beyond the end", m->name);
    KAON_TRY(read_at(file, m->at, local, LOCAL_BYTES, diag));
    if (little(local, 4) != 0x04034b50)
        return kaon_fail(diag, KAON_CORRUPT, "member '%s' is not where the directory says",
                         m->name);
    m->at += LOCAL_BYTES + little(local + 26, 2) + little(local + 28, 2);
    if (m->at > size || m->packed > size - m->at)
        return kaon_fail(diag, KAON_CORRUPT, "member '%s' lies beyond the end", m->name);
    if (m->method != 0 && m->method != 8)
        return kaon_fail(diag, KAON_UNSUPPORTED,
                         "member '%s' is packed by method %d, read are 0 (stored) and 8 (deflate)",
                         m->name, (int)m->method);
    if (m->method == 0 ? m->bytes != m->packed : m->bytes / MOST_RATIO > m->packed)
        return kaon_fail(diag, KAON_CORRUPT, "member '%s' states sizes that cannot be", m->name);
    return KAON_OK;
}

// One entry at `at`, `left` bytes to the end of the directory; its length into *length.
static kaon_status read_entry(const kaon_host *host, int file, uint64_t size, const uint8_t *at,
                              uint64_t left, npz_member *m, uint64_t *length, kaon_diag *diag)
{
    memset(m, 0, sizeof *m);
    if (left < ENTRY_BYTES || little(at, 4) != 0x02014b50)
        return kaon_fail(diag, KAON_CORRUPT, "its zip directory is damaged");
    const uint64_t name = little(at + 28, 2), extra = little(at + 30, 2);
    *length = ENTRY_BYTES + name + extra + little(at + 32, 2);
    if (*length > left)
        return kaon_fail(diag, KAON_CORRUPT, "its zip directory is damaged");
    if (name < 5 || memcmp(at + ENTRY_BYTES + name - 4, ".npy", 4))
        return KAON_OK;
    if (little(at + 8, 2) & 1)
        return kaon_fail(diag, KAON_UNSUPPORTED, "it is encrypted");
    m->method = (int32_t)little(at + 10, 2);
    m->crc = (uint32_t)little(at + 16, 4);
    m->packed = little(at + 20, 4);
    m->bytes = little(at + 24, 4);
    m->at = little(at + 42, 4);
    read_zip64(at + ENTRY_BYTES + name, extra, m);
    m->name = kaon_alloc(host, name - 3);
    if (!m->name)
        return kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a directory");
    memcpy(m->name, at + ENTRY_BYTES, name - 4);
    m->name[name - 4] = 0;
    return find_data(file, size, m, diag);
}

kaon_status npz_members(const kaon_host *host, int file, npz_member **out, int64_t *count,
                        kaon_diag *diag)
{
    directory d;
    uint64_t size = 0, done = 0, length = 0;
    int64_t found = 0;
    KAON_TRY(file_bytes(file, &size, diag));
    KAON_TRY(find_directory(host, file, size, &d, diag));
    uint8_t *entries = kaon_alloc(host, d.bytes);
    npz_member *members = kaon_alloc(host, d.count * sizeof *members);
    kaon_status status = entries && members
                             ? read_at(file, d.at, entries, d.bytes, diag)
                             : kaon_fail(diag, KAON_NO_MEMORY, "out of memory for a directory");
    for (uint64_t i = 0; !status && i < d.count; i++) {
        status = read_entry(host, file, size, entries + done, d.bytes - done, &members[found],
                            &length, diag);
        found += members[found].name != NULL;
        done += length;
    }
    kaon_free(host, entries);
    if (!status && !found)
        status = kaon_fail(diag, KAON_INVALID, "the archive holds no arrays (*.npy)");
    if (status) {
        npz_members_free(host, members, members ? found : 0);
        return status;
    }
    *out = members;
    *count = found;
    return KAON_OK;
}

void npz_members_free(const kaon_host *host, npz_member *members, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        kaon_free(host, members[i].name);
    kaon_free(host, members);
}
