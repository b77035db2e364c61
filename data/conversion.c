/* conversion.c: what was read once is kept, named by its content, and mapped the next time. */
#include "data/conversion.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "data/file_sum.h"
#include "data/table.h"
#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/plugin_cache.h"

enum {
    LEAST_BYTES = 32 << 20, // what is read in a blink is not kept unasked
    DAYS_KEPT = 60          // without being used
};

static const char ending[] = ".kaon-data";

/* --- what decides ----------------------------------------------------------------------------- */

static void add_bytes(XXH3_state_t *sum, const void *bytes, size_t count)
{
    const uint64_t length = count; // so that "ab", "c" is not "a", "bc"
    XXH3_128bits_update(sum, &length, sizeof length);
    XXH3_128bits_update(sum, bytes, count);
}

static void add_text(XXH3_state_t *sum, const char *text)
{
    add_bytes(sum, text ? text : "", text ? strlen(text) : 0);
}

static void add_texts(XXH3_state_t *sum, int64_t count, const char *const *texts)
{
    add_bytes(sum, &count, sizeof count);
    for (int64_t i = 0; i < count; i++)
        add_text(sum, texts[i]);
}

static void add_config(XXH3_state_t *sum, const kn_config *node)
{
    const int32_t facts[] = {node->kind, node->quoted};
    add_bytes(sum, facts, sizeof facts);
    add_text(sum, node->key);
    add_text(sum, node->text);
    for (const kn_config *child = node->first; child; child = child->next)
        add_config(sum, child);
    add_text(sum, "end");
}

// Where files lie and what becomes of their rows afterwards does not matter.
static int32_t matters(const kn_config *child)
{
    static const char *const others[] = {"path",  "validation_path", "test_path",
                                         "split", "memory",          "cache"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(child->key, others[i]))
            return child->kind == KN_CONFIG_MAP && i == 0; // classes by file
    return 1;
}

uint64_t kn_conversion_digest(const kn_config *section)
{
    XXH3_state_t *sum = XXH3_createState();
    if (!sum)
        return 0;
    XXH3_128bits_reset(sum);
    for (const kn_config *child = section->first; child; child = child->next)
        if (matters(child))
            add_config(sum, child);
    const uint64_t digest = XXH3_128bits_digest(sum).low64;
    XXH3_freeState(sum);
    return digest;
}

static kaon_status add_reader(void *context, const kn_item_note *note)
{
    XXH3_state_t *sum = context;
    add_text(sum, note->name);
    add_text(sum, note->version);
    return KAON_OK;
}

static void add_want(XXH3_state_t *sum, const kn_want *want, int64_t limit)
{
    const int64_t numbers[] = {want->target_optional,
                               want->weight_optional,
                               want->pad,
                               want->float_type,
                               want->task,
                               limit};
    add_bytes(sum, numbers, sizeof numbers);
    add_texts(sum, want->feature_count, want->features);
    add_texts(sum, want->aside_count, want->aside);
    add_texts(sum, want->class_count, want->classes);
    add_texts(sum, want->keep_count, want->keep);
    add_text(sum, want->target);
    add_text(sum, want->weight);
}

static kaon_status add_files(XXH3_state_t *sum, const kn_dataset_plan *plan,
                             const kn_source *source, kaon_diag *diag)
{
    const kn_config *path = kn_config_get(plan->resolved, "path");
    const int32_t by_name = path && path->kind == KN_CONFIG_MAP;
    for (int64_t i = 0; i < kn_source_path_count(source); i++) {
        uint64_t bytes = 0;
        char hex[KN_FILE_SUM_HEX];
        KAON_TRY(kn_file_sum(kn_source_path(source, i), &bytes, hex, diag));
        add_text(sum, hex);
        if (by_name)
            add_text(sum, kn_path_name(kn_source_path(source, i)));
    }
    return KAON_OK;
}

static kaon_status make_key(const kn_dataset_plan *plan, const kn_want *want,
                            const kn_source *source, int64_t limit, char hex[KN_FILE_SUM_HEX],
                            kaon_diag *diag)
{
    XXH3_state_t *sum = XXH3_createState();
    if (!sum)
        return kn_no_memory(diag, "a checksum");
    XXH3_128bits_reset(sum);
    add_text(sum, "kaon data 1 " KAON_VERSION);
    add_bytes(sum, &plan->digest, sizeof plan->digest);
    add_want(sum, want, limit);
    kaon_status status = kn_item_each(plan->s->kernel, KAON_READER, add_reader, sum, diag);
    if (!status)
        status = add_files(sum, plan, source, diag);
    const XXH128_hash_t key = XXH3_128bits_digest(sum);
    snprintf(hex, KN_FILE_SUM_HEX, "%016llx%016llx", (unsigned long long)key.high64,
             (unsigned long long)key.low64);
    XXH3_freeState(sum);
    return status;
}

/* --- where ------------------------------------------------------------------------------------ */

char *kn_conversion_folder(const kn_dataset_plan *plan)
{
    const char *cache = plan->settings->cache;
    const char *given = plan->s->kernel->settings.cache_folder;
    if (strcmp(cache, "auto") && strcmp(cache, "off"))
        return kn_copy_text(cache);
    char *folder = given ? kn_copy_text(given) : kn_cache_folder();
    char *data = folder ? kn_path_join(folder, "data") : NULL;
    kn_free(folder);
    return data;
}

static uint64_t bytes_of(const kn_source *source)
{
    uint64_t bytes = 0;
    struct stat facts;
    for (int64_t i = 0; i < kn_source_path_count(source); i++)
        if (!stat(kn_source_path(source, i), &facts) && S_ISREG(facts.st_mode))
            bytes += (uint64_t)facts.st_size;
    return bytes;
}

static int32_t is_wanted(const kn_dataset_plan *plan, const kn_source *source)
{
    const char *cache = plan->settings->cache;
    if (!kn_source_path_count(source) || !strcmp(cache, "off"))
        return 0;
    return strcmp(cache, "auto") || bytes_of(source) >= LEAST_BYTES;
}

void kn_conversion_init(kn_conversion *c, const kn_dataset_plan *plan, const kn_want *want,
                        const kn_source *source, int64_t limit)
{
    char hex[KN_FILE_SUM_HEX], name[64];
    kn_diag fault;
    kn_diag_init(&fault);
    *c = (kn_conversion){0};
    char *folder = is_wanted(plan, source) ? kn_conversion_folder(plan) : NULL;
    if (!folder)
        return;
    if (make_key(plan, want, source, limit, hex, &fault.diag)) {
        kn_log(plan->s->kernel, KAON_LOG_INFO, "data: nothing is kept: %s", fault.text);
    } else {
        snprintf(name, sizeof name, "%s%s", hex, ending);
        c->path = kn_path_join(folder, name);
    }
    kn_free(folder);
}

void kn_conversion_fini(kn_conversion *c)
{
    kn_free(c->path);
    *c = (kn_conversion){0};
}

/* --- getting and putting ---------------------------------------------------------------------- */

// The files may have been moved since.
static int32_t take_names(const kn_source *source, kn_harvest *h)
{
    char *name = kn_copy_text(kn_source_name(source));
    int32_t ok = name && h->files.count == kn_source_path_count(source);
    kn_free(h->source);
    h->source = name;
    for (int64_t i = 0; ok && i < h->files.count; i++) {
        kn_free(h->files.paths[i]);
        h->files.paths[i] = kn_copy_text(kn_source_path(source, i));
        ok = h->files.paths[i] != NULL;
    }
    if (!ok)
        kn_harvest_fini(h);
    return ok;
}

int32_t kn_conversion_get(const kn_conversion *c, const kn_dataset_plan *plan, const kn_want *want,
                          const kn_source *source, kn_harvest *out)
{
    kn_diag fault;
    kn_diag_init(&fault);
    *out = (kn_harvest){0};
    if (!c->path)
        return 0;
    const kaon_status status = kn_table_file_read(c->path, out, &fault.diag);
    if (status && status != KAON_NOT_FOUND) {
        kn_log(plan->s->kernel, KAON_LOG_WARNING, "data: a kept conversion is made anew: %s",
               fault.text);
        unlink(c->path);
    }
    if (status || !take_names(source, out))
        return 0;
    kn_table_spill(out->table, want->spill);
    utimensat(AT_FDCWD, c->path, NULL, 0); // it was used
    kn_log(plan->s->kernel, KAON_LOG_INFO, "data: %s as converted before, %s", out->source,
           c->path);
    return 1;
}

// What nobody has used for long.
static void forget_old(const char *folder)
{
    DIR *dir = opendir(folder);
    const time_t now = time(NULL);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat facts;
        const char *dot = strchr(entry->d_name, '.');
        char *path = dot && !strcmp(dot, ending) ? kn_path_join(folder, entry->d_name) : NULL;
        if (path && !stat(path, &facts) && now - facts.st_mtime > DAYS_KEPT * 24 * 3600L)
            unlink(path);
        kn_free(path);
    }
    if (dir)
        closedir(dir);
}

static kaon_status keep(const char *path, const kn_harvest *h, kaon_diag *diag)
{
    const size_t length = (size_t)(kn_path_name(path) - path);
    char *folder = kn_copy_bytes(path, length > 1 ? length - 1 : length);
    if (!folder)
        return kn_no_memory(diag, "a path");
    kaon_status status = kn_folder_make(folder, diag);
    if (!status)
        status = kn_table_file_write(path, h, diag);
    if (!status)
        forget_old(folder);
    kn_free(folder);
    return status;
}

void kn_conversion_put(const kn_conversion *c, const kn_dataset_plan *plan, const kn_want *want,
                       kn_harvest *h)
{
    kn_diag fault;
    kn_harvest kept;
    kn_diag_init(&fault);
    if (!c->path)
        return;
    kaon_status status = keep(c->path, h, &fault.diag);
    if (!status && want->spill) {
        status = kn_table_file_read(c->path, &kept, &fault.diag);
        if (!status) {
            kn_harvest_fini(h);
            *h = kept;
            kn_table_spill(h->table, want->spill);
        }
    }
    if (status)
        kn_log(plan->s->kernel, KAON_LOG_WARNING, "data: the conversion of %s is not kept: %s",
               h->source, fault.text);
}
