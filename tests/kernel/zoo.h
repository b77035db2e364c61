/* zoo.h: folders of plugins for the tests of the loader: made, filled with broken ones, taken away.
 */
#ifndef ZOO_H
#define ZOO_H

#include "kernel/diag.h"
#include "kernel/files.h"
#include "kernel/kernel.h"
#include "kernel/memory.h"
#include "kernel/registry.h"

#include <kaon/layer.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef KAON_ZOO
#    define KAON_ZOO "." // set by tests/broken
#endif

enum { ZOO_PATH = 512 };

typedef struct {
    char base[ZOO_PATH];    // a fresh folder
    char plugins[ZOO_PATH]; // in it
    char cache[ZOO_PATH];   // in it, not made
    kn_kernel *kernel;
    kn_diag fault;
} zoo;

static inline void zoo_remove(const char *folder)
{
    char command[2 * ZOO_PATH + 32];
    snprintf(command, sizeof command, "chmod -R u+rwx '%s'; rm -rf '%s'", folder, folder);
    assert_int_equal(system(command), 0);
}

static inline void zoo_make(zoo *z)
{
    memset(z, 0, sizeof *z);
    kn_diag_init(&z->fault);
    snprintf(z->base, sizeof z->base, "/tmp/kaon-zoo-XXXXXX");
    assert_non_null(mkdtemp(z->base));
    snprintf(z->plugins, sizeof z->plugins, "%.64s/plugins", z->base);
    snprintf(z->cache, sizeof z->cache, "%.64s/cache", z->base);
    assert_int_equal(mkdir(z->plugins, 0755), 0);
}

static inline void zoo_open(zoo *z, uint32_t flags, const char *lock_file)
{
    const char *const folders[] = {z->plugins, NULL};
    const kn_kernel_settings settings = {.plugin_folders = folders,
                                         .cache_folder = z->cache,
                                         .lock_file = lock_file,
                                         .threads = 1,
                                         .flags = KN_ONLY_GIVEN | flags};
    assert_int_equal(kn_kernel_new(&settings, &z->kernel, &z->fault.diag), KAON_OK);
}

static inline void zoo_close(zoo *z)
{
    kn_kernel_free(z->kernel);
    z->kernel = NULL;
}

static inline void zoo_fini(zoo *z)
{
    zoo_close(z);
    zoo_remove(z->base);
}

static inline char *zoo_read(const char *path, size_t *bytes)
{
    void *data = NULL;
    kn_diag fault;
    kn_diag_init(&fault);
    if (kn_file_read(path, 0, &data, bytes, &fault.diag))
        fail_msg("%s", fault.text);
    return data;
}

static inline void zoo_write(const char *path, const void *data, size_t bytes)
{
    assert_int_equal(kn_file_write(path, data, bytes, NULL), KAON_OK);
    assert_int_equal(chmod(path, 0644), 0);
}

/* The path of plugin `name` in the zoo's folder. */
static inline const char *zoo_path(const zoo *z, const char *name)
{
    static char path[2 * ZOO_PATH];
    snprintf(path, sizeof path, "%s/kaon_%s.so", z->plugins, name);
    return path;
}

/* Copies a broken plugin into the folder, as kaon_<as>.so. */
static inline void zoo_add(const zoo *z, const char *name, const char *as)
{
    char from[2 * ZOO_PATH];
    size_t bytes;
    snprintf(from, sizeof from, "%s/kaon_%s.so", KAON_ZOO, name);
    char *data = zoo_read(from, &bytes);
    zoo_write(zoo_path(z, as), data, bytes);
    kn_free(data);
}

// What the report says of one file.
typedef struct {
    const char *path; // ends so
    int32_t state;    // -1: not listed
    char reason[KN_DIAG_BYTES];
    char name[128];
    int64_t items;
} zoo_row;

static inline kaon_status zoo_match(void *context, const kn_plugin_info *info)
{
    zoo_row *row = context;
    const size_t bytes = strlen(info->path), end = strlen(row->path);
    if (bytes < end || strcmp(info->path + bytes - end, row->path) != 0)
        return KAON_OK;
    row->state = info->state;
    row->items = info->item_count;
    snprintf(row->reason, sizeof row->reason, "%s", info->reason);
    snprintf(row->name, sizeof row->name, "%s", info->name);
    return KAON_OK;
}

static inline zoo_row zoo_report(zoo *z, const char *path_end)
{
    zoo_row row = {.path = path_end, .state = -1};
    if (kn_plugin_report(z->kernel, zoo_match, &row, &z->fault.diag))
        fail_msg("%s", z->fault.text);
    return row;
}

static inline void zoo_expect(const char *what, const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("%s: expected '%s' in '%s'", what, words, text);
}

static inline void zoo_expect_state(zoo *z, const char *path_end, int32_t state, const char *words)
{
    const zoo_row row = zoo_report(z, path_end);
    if (row.state != state)
        fail_msg("%s is %s (%s), expected %s (%s)", path_end,
                 row.state < 0 ? "not listed" : kn_plugin_state_text(row.state), row.reason,
                 kn_plugin_state_text(state), words);
    zoo_expect(path_end, row.reason, words);
}

#endif
