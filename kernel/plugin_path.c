/* plugin_path.c: the folders in which plugins are looked for, in order.
 *
 * Who can write to a folder of the path runs code as whoever starts Kaon, so a folder must belong
 * to root or to the user and nobody else may write to it; above it there must be no folder where
 * anybody could exchange it. The environment counts for nothing in a set-id program.
 */
#define _GNU_SOURCE // dladdr, secure_getenv
#include "kernel/plugin_path.h"

#include "kernel/files.h"
#include "kernel/memory.h"
#include "kernel/site.h"
#include "kernel/text.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef KAON_PLUGIN_DIR
#    define KAON_PLUGIN_DIR "lib/kaon/plugins"
#endif

/* --- one folder ------------------------------------------------------------------------------- */

static char *refuse(const char *format, const char *path, const char *more)
{
    kn_text text = {0};
    kn_text_format(&text, format, path, more);
    return kn_text_take(&text);
}

// NULL if nobody but root and the user could put a file there.
static char *check_folder(const char *path)
{
    struct stat facts;
    if (stat(path, &facts) || !S_ISDIR(facts.st_mode))
        return refuse("'%s' is no folder%s", path, "");
    if (facts.st_uid != 0 && facts.st_uid != geteuid())
        return refuse("folder '%s' belongs to another user; it must belong to root or to you%s",
                      path, "");
    if (facts.st_mode & (S_IWGRP | S_IWOTH))
        return refuse("folder '%s' can be written by others; `chmod go-w '%s'` closes it", path,
                      path);

    char above[PATH_MAX];
    snprintf(above, sizeof above, "%s", path);
    for (char *slash = strrchr(above, '/'); slash && slash != above; slash = strrchr(above, '/')) {
        *slash = 0;
        // In a sticky folder, such as /tmp, only its owner can rename what is there.
        if (stat(above, &facts) == 0 && (facts.st_mode & S_IWOTH) && !(facts.st_mode & S_ISVTX))
            return refuse("'%s' lies below '%s', where anybody could exchange it", path, above);
    }
    return NULL;
}

static int32_t listed(const kn_folders *list, const char *path)
{
    for (int32_t i = 0; i < list->count; i++)
        if (strcmp(list->at[i].path, path) == 0)
            return 1;
    return 0;
}

static kaon_status append(kn_folders *list, const char *path, const char *origin, char *reason,
                          int32_t absent, kaon_diag *diag)
{
    char *copy = kn_copy_text(path);
    if (!copy || list->count == KN_MOST_FOLDERS) {
        kn_free(copy);
        kn_free(reason);
        return copy ? kaon_fail(diag, KAON_UNSUPPORTED, "more than %d plugin folders",
                                KN_MOST_FOLDERS)
                    : kn_no_memory(diag, "a folder's name");
    }
    list->at[list->count++] = (kn_folder){copy, origin, reason, absent};
    return KAON_OK;
}

// `expected` 0: nobody asked for this one by name, so its absence is no news.
static kaon_status add(kn_folders *list, const char *path, const char *origin, int32_t expected,
                       kaon_diag *diag)
{
    char real[PATH_MAX];
    if (!realpath(path, real)) {
        const int absent = errno == ENOENT || errno == ENOTDIR;
        char *reason = refuse("it cannot be opened: %s%s", strerror(errno), "");
        if (absent && !expected) {
            kn_free(reason);
            return KAON_OK;
        }
        return append(list, path, origin, reason, absent, diag);
    }
    if (listed(list, real))
        return KAON_OK;
    return append(list, real, origin, check_folder(real), 0, diag);
}

static kaon_status add_joined(kn_folders *list, const char *folder, const char *name,
                              const char *origin, kaon_diag *diag)
{
    char *path = kn_path_join(folder, name);
    if (!path)
        return kn_no_memory(diag, "a folder's name");
    const kaon_status status = add(list, path, origin, 0, diag);
    kn_free(path);
    return status;
}

/* --- where from ------------------------------------------------------------------------------- */

// lib/kaon/plugins of the tree that holds libkaon, or the program that libkaon is linked into.
static kaon_status add_built_in(kn_folders *list, kaon_diag *diag)
{
    static const char here = 0; // something of this library's, to find the file it lies in
    char real[PATH_MAX];
    Dl_info self;
    if (dladdr(&here, &self) && self.dli_fname && realpath(self.dli_fname, real)) {
        *strrchr(real, '/') = 0;
        KAON_TRY(add_joined(list, real, "kaon/plugins", "built-in", diag));
    }
    const ssize_t bytes = readlink("/proc/self/exe", real, sizeof real - 1);
    if (bytes <= 0)
        return KAON_OK;
    real[bytes] = 0;
    *strrchr(real, '/') = 0;
    return add_joined(list, real, "../" KAON_PLUGIN_DIR, "built-in", diag);
}

// A relative entry would depend on where the program is started, which is how foreign code gets in.
static kaon_status add_entry(kn_folders *list, const char *path, const char *origin,
                             kaon_diag *diag)
{
    if (*path == '/')
        return add(list, path, origin, 1, diag);
    char *reason = refuse("'%s' is relative; an absolute folder is needed%s", path, "");
    return append(list, path, origin, reason, 0, diag);
}

static kaon_status add_variable(kn_folders *list, kaon_diag *diag)
{
    const char *value = secure_getenv("KAON_PLUGIN_PATH");
    kaon_status status = KAON_OK;
    while (value && *value && !status) {
        const size_t bytes = strcspn(value, ":");
        char *path = kn_copy_bytes(value, bytes);
        if (!path)
            return kn_no_memory(diag, "a folder's name");
        if (bytes)
            status = add_entry(list, path, "KAON_PLUGIN_PATH", diag);
        kn_free(path);
        value += bytes + (value[bytes] == ':');
    }
    return status;
}

static kaon_status add_site(kn_folders *list, kaon_diag *diag)
{
    kn_site site;
    KAON_TRY(kn_site_read(&site, diag));
    kaon_status status = KAON_OK;
    for (int64_t i = 0; i < site.folder_count && !status; i++)
        status = add_entry(list, site.folders[i], "the site's configuration", diag);
    kn_site_fini(&site);
    return status;
}

static kaon_status add_others(const kn_kernel *kernel, kn_folders *list, kaon_diag *diag)
{
    KAON_TRY(add_built_in(list, diag));
    if (kernel->settings.flags & KN_SAFE)
        return KAON_OK;
    KAON_TRY(add_site(list, diag));
    KAON_TRY(add_variable(list, diag));
    const char *home = secure_getenv("HOME");
    if (!home || *home != '/')
        return KAON_OK;
    return add_joined(list, home, ".kaon/plugins", "the home folder", diag);
}

kaon_status kn_folders_find(const kn_kernel *kernel, kn_folders *out, kaon_diag *diag)
{
    const char *const *given = kernel->settings.plugin_folders;
    kaon_status status = KAON_OK;

    out->count = 0;
    for (; given && *given && !status; given++)
        status = add(out, *given, "the program's settings", 1, diag);
    if (!status && !(kernel->settings.flags & KN_ONLY_GIVEN))
        status = add_others(kernel, out, diag);
    for (int32_t i = 0; i < out->count; i++)
        if (out->at[i].reason && !out->at[i].absent)
            kn_log(kernel, KAON_LOG_WARNING, "no plugins are searched there: %s (from %s)",
                   out->at[i].reason, out->at[i].origin);
    if (status)
        kn_folders_fini(out);
    return status;
}

void kn_folders_fini(kn_folders *folders)
{
    for (int32_t i = 0; i < folders->count; i++) {
        kn_free(folders->at[i].path);
        kn_free(folders->at[i].reason);
    }
    folders->count = 0;
}
