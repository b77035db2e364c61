/* spill.c: memory of columns that goes to files where it would be too much. */
#define _GNU_SOURCE // mkostemp
#include "data/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/files.h"
#include "kernel/memory.h"

enum { LARGE = 4 }; // a block of more than 1 / LARGE of the limit never lies in memory

struct kn_spill {
    atomic_int_fast32_t holders;
    atomic_uint_fast64_t used;
    uint64_t limit;
    char *folder;
};

kaon_status kn_spill_new(const char *folder, uint64_t limit, kn_spill **out, kaon_diag *diag)
{
    kn_spill *s = kn_alloc_zero(sizeof *s);
    if (!s || !(s->folder = kn_copy_text(folder))) {
        kn_free(s);
        return kn_no_memory(diag, "a spill");
    }
    atomic_init(&s->holders, 1);
    atomic_init(&s->used, 0);
    s->limit = limit;
    *out = s;
    return KAON_OK;
}

kn_spill *kn_spill_retain(kn_spill *s)
{
    if (s)
        atomic_fetch_add_explicit(&s->holders, 1, memory_order_relaxed);
    return s;
}

void kn_spill_release(kn_spill *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->holders, 1, memory_order_acq_rel) > 1)
        return;
    kn_free(s->folder);
    kn_free(s);
}

uint64_t kn_spill_limit(const kn_spill *s)
{
    return s ? s->limit : UINT64_MAX;
}

uint64_t kn_spill_used(const kn_spill *s)
{
    return atomic_load(&s->used);
}

/* --- files ------------------------------------------------------------------------------------ */

// A file without a name: it is gone when its last page is.
static kaon_status open_file(const kn_spill *s, int *out, kaon_diag *diag)
{
    KAON_TRY(kn_folder_make(s->folder, diag));
    char *path = kn_path_join(s->folder, "spill-XXXXXX");
    if (!path)
        return kn_no_memory(diag, "a path");
    const int file = mkostemp(path, O_CLOEXEC);
    const int error = errno;
    if (file >= 0)
        unlink(path);
    kn_free(path);
    if (file < 0)
        return kaon_fail(diag, KAON_IO, "cannot make a file in %s: %s", s->folder, strerror(error));
    *out = file;
    return KAON_OK;
}

static size_t whole_pages(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return bytes > SIZE_MAX - page ? 0 : (bytes / page + 1) * page;
}

// Room on the disk for `bytes`, and pages over all of it.
static kaon_status map_file(const kn_block *b, int file, size_t bytes, void **at, kaon_diag *diag)
{
    const int error = bytes > b->mapped ? posix_fallocate(file, 0, (off_t)bytes) : 0;
    if (error)
        return kaon_fail(diag, error == ENOSPC ? KAON_NO_MEMORY : KAON_IO,
                         "cannot take %zu MB of disk in %s: %s", bytes >> 20, b->spill->folder,
                         strerror(error));
    *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (*at == MAP_FAILED)
        return kaon_fail(diag, KAON_NO_MEMORY, "cannot map %zu MB: %s", bytes >> 20,
                         strerror(errno));
    return KAON_OK;
}

// What lies in pages stays there and gets more, or fewer, of them.
static kaon_status resize_pages(kn_block *b, size_t bytes, kaon_diag *diag)
{
    void *at = NULL;
    const size_t pages = whole_pages(bytes);
    if (pages == b->mapped) {
        b->bytes = bytes;
        return KAON_OK;
    }
    KAON_TRY(pages ? map_file(b, b->file - 1, pages, &at, diag) : kn_no_memory(diag, "a column"));
    munmap(b->at, b->mapped);
    if (pages < b->mapped && ftruncate(b->file - 1, (off_t)pages))
        errno = 0; // the room is given back when the block goes
    b->at = at;
    b->bytes = bytes;
    b->mapped = pages;
    return KAON_OK;
}

static kaon_status move_to_pages(kn_block *b, size_t bytes, kaon_diag *diag)
{
    int file = -1;
    void *at = NULL;
    const size_t pages = whole_pages(bytes);
    if (!pages)
        return kn_no_memory(diag, "a column");
    KAON_TRY(open_file(b->spill, &file, diag));
    const kaon_status status = map_file(b, file, pages, &at, diag);
    if (status) {
        close(file);
        return status;
    }
    if (b->at) {
        memcpy(at, b->at, b->bytes < bytes ? b->bytes : bytes);
        atomic_fetch_sub(&b->spill->used, b->bytes);
        kn_free(b->at);
    }
    b->at = at;
    b->bytes = bytes;
    b->mapped = pages;
    b->file = file + 1;
    return KAON_OK;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static int32_t too_much(const kn_block *b, size_t bytes)
{
    const kn_spill *s = b->spill;
    return s && bytes > b->bytes &&
           (bytes > s->limit / LARGE || atomic_load(&s->used) - b->bytes + bytes > s->limit);
}

kaon_status kn_block_resize(kn_block *b, size_t bytes, const char *what, kaon_diag *diag)
{
    kaon_status status = KAON_OK;
    if (b->spill && !b->counted) {
        kn_spill_retain(b->spill);
        b->counted = 1;
    }
    if (b->mapped) {
        status = resize_pages(b, bytes, diag);
    } else if (too_much(b, bytes)) {
        status = move_to_pages(b, bytes, diag);
    } else {
        void *at = kn_resize(b->at, bytes);
        if (!at)
            return kn_no_memory(diag, what);
        if (b->spill)
            atomic_fetch_add(&b->spill->used, bytes - b->bytes); // may wrap, and come out right
        b->at = at;
        b->bytes = bytes;
    }
    return kaon_context(diag, status, "%s", what);
}

kaon_status kn_block_clear(kn_block *b, size_t bytes, const char *what, kaon_diag *diag)
{
    KAON_TRY(kn_block_resize(b, bytes, what, diag));
    if (!b->mapped) // a new file is zeros
        memset(b->at, 0, bytes);
    return KAON_OK;
}

void kn_block_settle(kn_block *b)
{
    if (b->file)
        close(b->file - 1);
    b->file = 0;
}

kn_block kn_block_of(void *memory)
{
    return (kn_block){.at = memory, .bytes = kn_block_bytes(memory)};
}

kaon_status kn_block_map(int file, uint64_t at, size_t bytes, kn_block *out, kaon_diag *diag)
{
    void *pages = mmap(NULL, bytes ? bytes : 1, PROT_READ, MAP_SHARED, file, (off_t)at);
    if (pages == MAP_FAILED)
        return kaon_fail(diag, KAON_NO_MEMORY, "cannot map %zu MB: %s", bytes >> 20,
                         strerror(errno));
    *out = (kn_block){.at = pages, .bytes = bytes, .mapped = bytes ? bytes : 1};
    return KAON_OK;
}

void kn_block_free(kn_block *b)
{
    kn_block_settle(b);
    if (b->mapped)
        munmap(b->at, b->mapped);
    else
        kn_free(b->at);
    if (b->counted && !b->mapped)
        atomic_fetch_sub(&b->spill->used, b->bytes);
    if (b->counted)
        kn_spill_release(b->spill);
    *b = (kn_block){0};
}
