/* cache_fuzz.c: the reader of the registry's cache. Its seal and its first line are made right, so
 * that whatever follows is read.
 */
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/plugin_cache.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char path[] = "plugins.cache"; // in a folder of the target's own
static const char here[] = ".";

// The first line of a cache as this kernel writes it.
static char *first_line(void)
{
    static const kn_file_facts facts = {.bytes = 1};
    static const kn_note note = {0};
    void *text = NULL;
    size_t bytes;
    unlink(path);
    kn_cache *cache = kn_cache_new(here, 1);
    char sum[KN_SHA256_HEX];
    memset(sum, '0', sizeof sum - 1);
    sum[sizeof sum - 1] = 0;
    kn_cache_put(cache, "/any", &facts, sum, &note, 0, "");
    kn_cache_save(cache);
    kn_cache_free(cache);
    if (kn_file_read_sealed(path, 1 << 16, &text, &bytes, NULL) || !strchr(text, '\n'))
        abort();
    strchr(text, '\n')[1] = 0;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *first;
    if (!first)
        first = first_line();
    const size_t begin = strlen(first);
    char *whole = malloc(begin + size);
    if (!whole)
        abort();
    memcpy(whole, first, begin);
    memcpy(whole + begin, data ? (const void *)data : "", size);
    // As kn_file_write_sealed does, but without waiting for the disk.
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(whole, 1, begin + size, file) != begin + size ||
        fprintf(file, "# sealed %llu %016llx\n", (unsigned long long)(begin + size),
                (unsigned long long)XXH3_64bits(whole, begin + size)) < 0 ||
        fclose(file))
        abort();
    free(whole);

    kn_cache *cache = kn_cache_new(here, 1);
    if (!cache)
        abort();
    static const kn_file_facts facts = {0};
    kn_cache_file(cache, "/any", &facts);
    kn_cache_forget(cache);
    kn_cache_free(cache);
    return 0;
}
