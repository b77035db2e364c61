/* plugin_scan.c: what lies in the plugin folders.
 *
 * The order of checks: name, kind of file, owner, mode, size, then the note through a bounded
 * reader, the ABI, the content's sum against its pin, and what earlier trials said. Nothing of a
 * file is executed here.
 */
#include "kernel/plugin_scan.h"

#include "kernel/files.h"
#include "kernel/diag.h"
#include "kernel/memory.h"
#include "kernel/plugin_path.h"
#include "kernel/plugin_probe.h"
#include "kernel/registry.h"
#include "kernel/site.h"
#include "kernel/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MOST_FILES = 4096, PIECE_BYTES = 1 << 16 };

static const uint64_t largest_file = (uint64_t)1 << 31;

// A file changed this lately may change again within the same tick of the file system's clock.
static const int64_t settled_after = 100000000; // ns

// What one file is looked at with.
typedef struct {
    const kn_kernel *kernel;
    kn_cache *cache;
    kn_pins pins;
    kn_scan *scan;
} search;

/* --- verdicts --------------------------------------------------------------------------------- */

kaon_status kn_scan_judge(kn_plugin_file *file, int32_t state, const char *reason, kaon_diag *diag)
{
    char *copy = kn_copy_text(reason);
    if (!copy)
        return kn_no_memory(diag, "the list of plugins");
    kn_free(file->reason);
    file->reason = copy;
    file->state = state;
    return KAON_OK;
}

KAON_PRINTF(4, 5)
static kaon_status judge(kn_plugin_file *file, int32_t state, kaon_diag *diag, const char *format,
                         ...)
{
    char text[KAON_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return kn_scan_judge(file, state, text, diag);
}

static kaon_status append(kn_scan *scan, char *path, kn_plugin_file **out, kaon_diag *diag)
{
    if (scan->count == scan->capacity) {
        const size_t capacity = scan->capacity ? 2 * scan->capacity : 64;
        kn_plugin_file *grown = kn_resize_array(scan->files, capacity, sizeof *grown);
        if (!grown) {
            kn_free(path);
            return kn_no_memory(diag, "the list of plugins");
        }
        scan->files = grown;
        scan->capacity = capacity;
    }
    *out = &scan->files[scan->count++];
    **out = (kn_plugin_file){.path = path, .state = KN_PLUGIN_AVAILABLE};
    return KAON_OK;
}

/* --- one file --------------------------------------------------------------------------------- */

// "kaon_<name>.so"
static int32_t name_fits(const char *name)
{
    const size_t bytes = strlen(name), start = strlen("kaon_"), end = strlen(".so");
    return kn_text_starts(name, "kaon_") && bytes > start + end &&
           strcmp(name + bytes - end, ".so") == 0 &&
           kn_name_valid(name + start, bytes - start - end);
}

static kaon_status check_mode(kn_plugin_file *file, const struct stat *facts, kaon_diag *diag)
{
    if (S_ISLNK(facts->st_mode))
        return judge(file, KN_PLUGIN_REFUSED, diag,
                     "it is a symbolic link; put the file itself there");
    if (!S_ISREG(facts->st_mode))
        return judge(file, KN_PLUGIN_REFUSED, diag, "it is no regular file");
    if (facts->st_uid != 0 && facts->st_uid != geteuid())
        return judge(file, KN_PLUGIN_REFUSED, diag,
                     "it belongs to another user (%lu); it must belong to root or to you",
                     (unsigned long)facts->st_uid);
    if (facts->st_mode & (S_IWGRP | S_IWOTH))
        return judge(file, KN_PLUGIN_REFUSED, diag,
                     "it can be written by others; `chmod go-w '%s'` closes it", file->path);
    if ((uint64_t)facts->st_size > largest_file)
        return judge(file, KN_PLUGIN_REFUSED, diag, "it has %lld bytes, at most %llu are allowed",
                     (long long)facts->st_size, (unsigned long long)largest_file);
    return KAON_OK;
}

static kaon_status sum_file(int file, const char *path, char *hex, kaon_diag *diag)
{
    uint8_t piece[PIECE_BYTES];
    kn_sha256 sum;
    ssize_t got;
    kn_sha256_init(&sum);
    while ((got = read(file, piece, sizeof piece)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return kaon_fail(diag, KAON_IO, "cannot read '%s': %s", path, strerror(errno));
        kn_sha256_add(&sum, piece, (size_t)got);
    }
    kn_sha256_hex(&sum, hex);
    return KAON_OK;
}

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// Reads note and sum of an open file. What a note cannot be read for is the file's fault, not ours.
static kaon_status read_open(search *s, kn_plugin_file *file, int open_file, kaon_diag *diag)
{
    struct stat facts;
    kn_diag fault;
    kn_diag_init(&fault);
    if (fstat(open_file, &facts))
        return judge(file, KN_PLUGIN_REFUSED, diag, "it cannot be looked at: %s", strerror(errno));
    file->facts = kn_file_facts_of(&facts);

    const kn_note_source source = {.file = open_file, .bytes = file->facts.bytes};
    kaon_status status = kn_note_read(&source, &file->note, &fault.diag);
    if (!status)
        status = sum_file(open_file, file->path, file->sha256, &fault.diag);
    if (status == KAON_NO_MEMORY)
        return kn_diag_pass(&fault, diag);
    if (status)
        return kn_scan_judge(file, KN_PLUGIN_REFUSED, fault.text, diag);

    const kn_known *same = kn_cache_content(s->cache, file->sha256);
    file->verdict = same ? same->verdict : KN_VERDICT_NONE;
    if (same && same->verdict == KN_VERDICT_HARMFUL)
        KAON_TRY(kn_scan_judge(file, KN_PLUGIN_QUARANTINED, same->reason, diag));
    if (now() - file->facts.changed > settled_after)
        kn_cache_put(s->cache, file->path, &file->facts, file->sha256, &file->note, file->verdict,
                     file->reason ? file->reason : "");
    return KAON_OK;
}

static kaon_status read_anew(search *s, kn_plugin_file *file, kaon_diag *diag)
{
    const int open_file = open(file->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (open_file < 0)
        return judge(file, KN_PLUGIN_REFUSED, diag, "it cannot be opened: %s", strerror(errno));
    const kaon_status status = read_open(s, file, open_file, diag);
    close(open_file);
    return status;
}

// Takes note, sum and verdict from the cache; 0 where it has nothing, or nonsense.
static int32_t recall(search *s, kn_plugin_file *file, kaon_diag *diag, kaon_status *status)
{
    const kn_known *known = kn_cache_file(s->cache, file->path, &file->facts);
    *status = KAON_OK;
    if (!known || kn_abi_check(known->abi, NULL))
        return 0;
    const size_t bytes = strlen(known->note);
    char *text = kn_copy_bytes(known->note, bytes);
    for (size_t i = 0; text && i < bytes; i++)
        if (text[i] == 0x1f)
            text[i] = 0;
    const kaon_status parsed =
        text ? kn_note_parse(known->abi, text, bytes, &file->note, NULL) : KAON_NO_MEMORY;
    kn_free(text);
    if (parsed)
        return 0;
    memcpy(file->sha256, known->sha256, sizeof file->sha256);
    file->verdict = known->verdict;
    if (known->verdict == KN_VERDICT_HARMFUL)
        *status = kn_scan_judge(file, KN_PLUGIN_QUARANTINED, known->reason, diag);
    return 1;
}

static kaon_status check_pin(search *s, kn_plugin_file *file, kaon_diag *diag)
{
    const char *pin = file->note.name ? kn_pins_find(&s->pins, file->note.name) : NULL;
    if (!pin || strcmp(pin, file->sha256) == 0)
        return KAON_OK;
    return judge(file, KN_PLUGIN_REFUSED, diag,
                 "its content (sha256 %.12s...) is not the one pinned in the lock file (%.12s...)",
                 file->sha256, pin);
}

static kaon_status look_at_file(search *s, char *path, const char *name, kaon_diag *diag)
{
    struct stat facts;
    kn_plugin_file *file = NULL;
    KAON_TRY(append(s->scan, path, &file, diag));
    if (!name_fits(name))
        return judge(file, KN_PLUGIN_SKIPPED, diag,
                     "its name is not of the form kaon_<name>.so, in lower case");
    if (lstat(path, &facts))
        return judge(file, KN_PLUGIN_REFUSED, diag, "it cannot be looked at: %s", strerror(errno));
    file->facts = kn_file_facts_of(&facts);
    KAON_TRY(check_mode(file, &facts, diag));
    if (file->state == KN_PLUGIN_REFUSED)
        return KAON_OK;

    kaon_status status;
    if (!recall(s, file, diag, &status))
        status = read_anew(s, file, diag);
    KAON_TRY(status);
    return file->state == KN_PLUGIN_AVAILABLE ? check_pin(s, file, diag) : KAON_OK;
}

/* --- folders ---------------------------------------------------------------------------------- */

typedef struct {
    char **at;
    size_t count, capacity;
} names;

static void names_fini(names *list)
{
    for (size_t i = 0; i < list->count; i++)
        kn_free(list->at[i]);
    kn_free(list->at);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Only what might have been meant as a plugin is listed.
static int32_t worth_a_look(const char *name)
{
    const size_t bytes = strlen(name);
    return bytes > 3 && strcmp(name + bytes - 3, ".so") == 0;
}

static kaon_status keep_name(names *list, const char *name)
{
    if (list->count == list->capacity) {
        const size_t capacity = list->capacity ? 2 * list->capacity : 64;
        char **grown = kn_resize_array(list->at, capacity, sizeof *grown);
        if (!grown)
            return KAON_NO_MEMORY;
        list->at = grown;
        list->capacity = capacity;
    }
    char *copy = kn_copy_text(name);
    if (!copy)
        return KAON_NO_MEMORY;
    list->at[list->count++] = copy;
    return KAON_OK;
}

// The order in which a folder lists its files is not the same everywhere, so they are sorted.
static kaon_status read_names(const char *folder, names *list)
{
    DIR *open_folder = opendir(folder);
    kaon_status status = KAON_OK;
    if (!open_folder)
        return KAON_IO;
    for (struct dirent *entry; !status && (entry = readdir(open_folder));)
        if (worth_a_look(entry->d_name) && list->count < MOST_FILES)
            status = keep_name(list, entry->d_name);
    closedir(open_folder);
    if (list->count)
        qsort(list->at, list->count, sizeof *list->at, by_bytes);
    return status;
}

static kaon_status list_folder(search *s, const kn_folder *folder, int32_t state,
                               const char *reason, kaon_diag *diag)
{
    kn_plugin_file *file = NULL;
    char *path = kn_copy_text(folder->path);
    if (!path)
        return kn_no_memory(diag, "the list of plugins");
    KAON_TRY(append(s->scan, path, &file, diag));
    return judge(file, state, diag, "%s (from %s)", reason, folder->origin);
}

static kaon_status look_at_folder(search *s, const kn_folder *folder, kaon_diag *diag)
{
    if (folder->reason)
        return list_folder(s, folder, folder->absent ? KN_PLUGIN_SKIPPED : KN_PLUGIN_REFUSED,
                           folder->reason, diag);
    names list = {0};
    kaon_status status = read_names(folder->path, &list);
    if (status == KAON_IO)
        status = list_folder(s, folder, KN_PLUGIN_REFUSED, "it cannot be read", diag);
    else if (status)
        status = kn_no_memory(diag, "the list of plugins");
    for (size_t i = 0; i < list.count && !status; i++) {
        char *path = kn_path_join(folder->path, list.at[i]);
        status = path ? look_at_file(s, path, list.at[i], diag)
                      : kn_no_memory(diag, "the list of plugins");
    }
    names_fini(&list);
    return status;
}

static kaon_status read_pins(const kn_kernel *kernel, kn_pins *out, kaon_diag *diag)
{
    if (kernel->settings.lock_file)
        return kn_pins_read(kernel->settings.lock_file, out, diag);
    kn_site site;
    KAON_TRY(kn_site_read(&site, diag));
    const kaon_status status = kn_pins_read(site.lock_file, out, diag);
    kn_site_fini(&site);
    return status;
}

kaon_status kn_scan_run(const kn_kernel *kernel, kn_cache *cache, kn_scan *out, kaon_diag *diag)
{
    kn_folders folders;
    search s = {.kernel = kernel, .cache = cache, .scan = out};
    *out = (kn_scan){0};
    KAON_TRY(kn_folders_find(kernel, &folders, diag));
    kaon_status status = read_pins(kernel, &s.pins, diag);
    for (int32_t i = 0; i < folders.count && !status; i++)
        status = look_at_folder(&s, &folders.at[i], diag);
    kn_pins_fini(&s.pins);
    kn_folders_fini(&folders);
    if (status)
        kn_scan_fini(out);
    return status;
}

void kn_scan_fini(kn_scan *scan)
{
    for (size_t i = 0; i < scan->count; i++) {
        kn_free(scan->files[i].path);
        kn_free(scan->files[i].reason);
        kn_note_fini(&scan->files[i].note);
    }
    kn_free(scan->files);
    *scan = (kn_scan){0};
}

int32_t kn_scan_current(const kn_plugin_file *file)
{
    struct stat facts;
    if (lstat(file->path, &facts))
        return 0;
    const kn_file_facts found = kn_file_facts_of(&facts);
    return kn_file_facts_same(&found, &file->facts);
}
