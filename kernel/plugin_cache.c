/* plugin_cache.c: what was learned about plugin files, one line per file.
 *
 *     kaon plugin cache 1 <version> <ABI> <digest of the interfaces>
 *     <device> <inode> <bytes> <modified> <changed> <sha256> <verdict> <abi> TAB reason TAB note
 * TAB path
 *
 * The first line must be exactly ours: what another kernel found unfit may be fit for this one.
 */
#define _GNU_SOURCE // secure_getenv
#include "kernel/plugin_cache.h"

#include "kernel/files.h"
#include "kernel/interfaces.h"
#include "kernel/memory.h"
#include "kernel/plugin_probe.h"
#include "kernel/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef KAON_VERSION
#    define KAON_VERSION "unknown"
#endif

enum { CACHE_BYTES = 16 << 20, MOST_ROWS = 4096, NOTE_SEPARATOR = 0x1f };

struct kn_cache {
    char *path; // NULL: not written
    kn_known *rows;
    size_t count, capacity;
    int32_t changed;
};

kn_file_facts kn_file_facts_of(const struct stat *from)
{
    return (kn_file_facts){
        .device = (uint64_t)from->st_dev,
        .inode = (uint64_t)from->st_ino,
        .bytes = (uint64_t)from->st_size,
        .modified = (int64_t)from->st_mtim.tv_sec * 1000000000 + from->st_mtim.tv_nsec,
        .changed = (int64_t)from->st_ctim.tv_sec * 1000000000 + from->st_ctim.tv_nsec,
    };
}

int32_t kn_file_facts_same(const kn_file_facts *a, const kn_file_facts *b)
{
    return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
           a->modified == b->modified && a->changed == b->changed;
}

/* --- rows ------------------------------------------------------------------------------------- */

static void row_fini(kn_known *row)
{
    kn_free(row->path);
    kn_free(row->reason);
    kn_free(row->note);
}

static kn_known *find_path(kn_cache *cache, const char *path)
{
    for (size_t i = 0; i < cache->count; i++)
        if (strcmp(cache->rows[i].path, path) == 0)
            return &cache->rows[i];
    return NULL;
}

// Takes the row over, in place of one of the same path; frees it if there is no room.
static void take_row(kn_cache *cache, kn_known *row)
{
    kn_known *old = row->path ? find_path(cache, row->path) : NULL;
    if (!row->path || !row->reason || !row->note || (!old && cache->count == MOST_ROWS)) {
        row_fini(row);
        return;
    }
    if (old) {
        row_fini(old);
        *old = *row;
        return;
    }
    if (cache->count == cache->capacity) {
        const size_t capacity = cache->capacity ? 2 * cache->capacity : 64;
        kn_known *grown = kn_resize_array(cache->rows, capacity, sizeof *grown);
        if (!grown) {
            row_fini(row);
            return;
        }
        cache->rows = grown;
        cache->capacity = capacity;
    }
    cache->rows[cache->count++] = *row;
}

/* --- reading ---------------------------------------------------------------------------------- */

// Undoes escape(); the result is shorter, so it stays in place.
static char *unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        unsigned byte;
        if (*from == '%' && sscanf(from + 1, "%2x", &byte) == 1 && from[1] && from[2]) {
            *to = (char)byte;
            from += 3;
            continue;
        }
        *to = *from++;
    }
    *to = 0;
    return text;
}

static char *next_field(char **at)
{
    char *field = *at;
    char *tab = field ? strchr(field, '\t') : NULL;
    if (tab)
        *tab = 0;
    *at = tab ? tab + 1 : NULL;
    return field;
}

static void read_row(kn_cache *cache, char *line)
{
    kn_known row = {0};
    char *at = line;
    const char *numbers = next_field(&at);
    char *reason = next_field(&at);
    char *note = next_field(&at);
    char *path = next_field(&at);
    const int got =
        sscanf(numbers,
               "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %64[0-9a-f] %" SCNd32
               " %" SCNu32,
               &row.facts.device, &row.facts.inode, &row.facts.bytes, &row.facts.modified,
               &row.facts.changed, row.sha256, &row.verdict, &row.abi);
    if (got != 8 || !path || strlen(row.sha256) != KN_SHA256_HEX - 1 || row.verdict < 0 ||
        row.verdict > KN_VERDICT_HARMFUL)
        return;
    row.reason = kn_copy_text(unescape(reason));
    row.note = kn_copy_text(note);
    row.path = kn_copy_text(unescape(path));
    take_row(cache, &row);
}

static void first_line(kn_text *text)
{
    uint64_t digest = 0;
    for (const kn_interface *i = kn_interfaces; i->id; i++) {
        digest = digest * 31 + i->size;
        for (const kn_slot *slot = i->slots; slot->name; slot++)
            digest = (digest * 31 + slot->offset) * 31 + (uint32_t)slot->need;
    }
    kn_text_format(text, "kaon plugin cache 1 %s %u %016" PRIx64 "\n", KAON_VERSION, KAON_ABI,
                   digest);
}

static void read_rows(kn_cache *cache, char *text)
{
    kn_text first = {0};
    first_line(&first);
    if (!first.failed && kn_text_starts(text, kn_text_get(&first))) {
        char *at = text + first.length;
        for (char *end = strchr(at, '\n'); end; end = strchr(at, '\n')) {
            *end = 0;
            read_row(cache, at);
            at = end + 1;
        }
    }
    kn_text_fini(&first);
}

// Somebody else's cache (root with a user's HOME) could call anything sound.
static int32_t is_ours(const char *path)
{
    struct stat facts;
    return lstat(path, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_uid == geteuid() &&
           !(facts.st_mode & (S_IWGRP | S_IWOTH));
}

char *kn_cache_folder(void)
{
    const char *cache = secure_getenv("XDG_CACHE_HOME");
    if (cache && *cache == '/')
        return kn_path_join(cache, "kaon");
    const char *home = secure_getenv("HOME");
    return home && *home == '/' ? kn_path_join(home, ".cache/kaon") : NULL;
}

kn_cache *kn_cache_new(const char *folder, int32_t use)
{
    kn_cache *cache = kn_alloc_zero(sizeof *cache);
    if (!cache || !use)
        return cache;
    char *place = folder ? kn_copy_text(folder) : kn_cache_folder();
    cache->path = place ? kn_path_join(place, "plugins.cache") : NULL;
    kn_free(place);

    void *text = NULL;
    size_t bytes;
    if (cache->path && is_ours(cache->path) &&
        kn_file_read_sealed(cache->path, CACHE_BYTES, &text, &bytes, NULL) == KAON_OK)
        read_rows(cache, text);
    kn_free(text);
    return cache;
}

void kn_cache_free(kn_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->count; i++)
        row_fini(&cache->rows[i]);
    kn_free(cache->rows);
    kn_free(cache->path);
    kn_free(cache);
}

/* --- asking and telling ----------------------------------------------------------------------- */

const kn_known *kn_cache_file(kn_cache *cache, const char *path, const kn_file_facts *facts)
{
    for (size_t i = 0; i < cache->count; i++) {
        kn_known *row = &cache->rows[i];
        if (kn_file_facts_same(&row->facts, facts) && strcmp(row->path, path) == 0) {
            row->seen = 1;
            return row;
        }
    }
    return NULL;
}

const kn_known *kn_cache_content(const kn_cache *cache, const char *sha256)
{
    for (size_t i = 0; i < cache->count; i++)
        if (strcmp(cache->rows[i].sha256, sha256) == 0)
            return &cache->rows[i];
    return NULL;
}

void kn_cache_put(kn_cache *cache, const char *path, const kn_file_facts *facts, const char *sha256,
                  const kn_note *note, int32_t verdict, const char *reason)
{
    kn_known row = {.facts = *facts, .verdict = verdict, .abi = note->abi, .seen = 1};
    snprintf(row.sha256, sizeof row.sha256, "%s", sha256);
    row.path = kn_copy_text(path);
    row.reason = kn_copy_text(reason);
    row.note = kn_copy_bytes(note->text, note->text_bytes);
    for (size_t i = 0; row.note && i < note->text_bytes; i++)
        if (row.note[i] == 0)
            row.note[i] = NOTE_SEPARATOR;
    take_row(cache, &row);
    cache->changed = 1;
}

void kn_cache_judge(kn_cache *cache, const char *sha256, int32_t verdict, const char *reason)
{
    for (size_t i = 0; i < cache->count; i++) {
        kn_known *row = &cache->rows[i];
        char *copy = strcmp(row->sha256, sha256) == 0 ? kn_copy_text(reason) : NULL;
        if (!copy)
            continue;
        kn_free(row->reason);
        row->reason = copy;
        row->verdict = verdict;
        cache->changed = 1;
    }
}

void kn_cache_forget(kn_cache *cache)
{
    for (size_t i = 0; i < cache->count; i++) {
        cache->rows[i].verdict = KN_VERDICT_NONE;
        cache->rows[i].reason[0] = 0;
        cache->changed = 1;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static void escape(kn_text *text, const char *raw)
{
    for (; *raw; raw++) {
        const unsigned char c = (unsigned char)*raw;
        if (c < 0x20 || c == '%' || c == 0x7f)
            kn_text_format(text, "%%%02x", c);
        else
            kn_text_add_bytes(text, raw, 1);
    }
}

static void write_row(kn_text *text, const kn_known *row)
{
    kn_text_format(text,
                   "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %s %" PRId32
                   " %" PRIu32 "\t",
                   row->facts.device, row->facts.inode, row->facts.bytes, row->facts.modified,
                   row->facts.changed, row->sha256, row->verdict, row->abi);
    escape(text, row->reason);
    kn_text_format(text, "\t%s\t", row->note);
    escape(text, row->path);
    kn_text_add(text, "\n");
}

// Rows of files that are gone make room when the cache has grown large.
static int32_t worth_keeping(const kn_cache *cache, const kn_known *row)
{
    return row->seen || cache->count < MOST_ROWS / 2 || access(row->path, F_OK) == 0;
}

void kn_cache_save(kn_cache *cache)
{
    if (!cache->path || !cache->changed)
        return;
    kn_text text = {0};
    first_line(&text);
    for (size_t i = 0; i < cache->count; i++)
        if (worth_keeping(cache, &cache->rows[i]))
            write_row(&text, &cache->rows[i]);

    char *folder = kn_copy_bytes(cache->path, strlen(cache->path) - strlen("/plugins.cache"));
    if (!text.failed && folder && kn_folder_make(folder, NULL) == KAON_OK)
        kn_file_write_sealed(cache->path, text.at, text.length, NULL);
    cache->changed = 0; // a place that cannot be written is not tried at every step
    kn_free(folder);
    kn_text_fini(&text);
}
