/* plugin_cache.h: what was learned about plugin files, kept from one process to the next.
 *
 * One sealed text file, ${XDG_CACHE_HOME:-~/.cache}/kaon/plugins.cache. What is known belongs to a
 * content, named by its SHA-256; path, size, times and inode only save computing that again. The
 * cache is never needed: where it is absent, damaged, foreign or made by another kernel it starts
 * empty, and where it cannot be written all works without it.
 */
#ifndef KN_PLUGIN_CACHE_H
#define KN_PLUGIN_CACHE_H

#include "kernel/plugin_note.h"
#include "kernel/sha256.h"

#include <sys/stat.h>

// A file as the system knows it. If none of this changed, neither did its content.
typedef struct kn_file_facts {
    uint64_t device, inode, bytes;
    int64_t modified, changed; // nanoseconds
} kn_file_facts;

kn_file_facts kn_file_facts_of(const struct stat *from);
int32_t kn_file_facts_same(const kn_file_facts *a, const kn_file_facts *b);

typedef struct kn_known {
    char *path;
    kn_file_facts facts;
    char sha256[KN_SHA256_HEX];
    int32_t verdict; // KN_VERDICT_*
    uint32_t abi;
    char *reason; // of a harmful one, else ""
    char *note;   // the note's texts, 0x1f in place of zero bytes
    int32_t seen; // in this process
} kn_known;

typedef struct kn_cache kn_cache;

/* Reads the cache below `folder` (NULL: the default place). `use` 0: an empty one that is never
 * written. NULL: no memory. */
kn_cache *kn_cache_new(const char *folder, int32_t use);

/* ${XDG_CACHE_HOME:-~/.cache}/kaon; kn_free it; NULL: there is none. [any] */
char *kn_cache_folder(void);
void kn_cache_free(kn_cache *cache); // takes NULL

/* What is known of this file, NULL if nothing; and of any file with this content. */
const kn_known *kn_cache_file(kn_cache *cache, const char *path, const kn_file_facts *facts);
const kn_known *kn_cache_content(const kn_cache *cache, const char *sha256);

/* Replaces what is known of a path. Forgets silently if there is no memory. */
void kn_cache_put(kn_cache *cache, const char *path, const kn_file_facts *facts, const char *sha256,
                  const kn_note *note, int32_t verdict, const char *reason);

/* States a verdict for all files with this content. */
void kn_cache_judge(kn_cache *cache, const char *sha256, int32_t verdict, const char *reason);

/* Takes back all verdicts. */
void kn_cache_forget(kn_cache *cache);

/* Writes it if anything changed since it was read or saved. */
void kn_cache_save(kn_cache *cache);

#endif
