/* api_doctor.c: the public API: what the library finds on this machine, and why it uses it or not.
 */
#include "experiment/api.h"
#include "experiment/backends.h"

#include <string.h>
#include <unistd.h>

#include "kernel/memory.h"
#include "kernel/plugin_cache.h"
#include "kernel/plugin_path.h"
#include "kernel/pool.h"
#include "kernel/site.h"

/* --- folders and files ------------------------------------------------------------------------ */

static kaon_status folders_json(const kn_kernel *kernel, json_t *out, kaon_diag *diag)
{
    kn_folders folders = {0};
    KAON_TRY(kn_folders_find(kernel, &folders, diag));
    for (int32_t i = 0; i < folders.count; i++) {
        const kn_folder *f = &folders.at[i];
        json_array_append_new(out,
                              json_pack("{s:s, s:s, s:b, s:b, s:s}", "path", f->path, "origin",
                                        f->origin ? f->origin : "", "searched", !f->reason,
                                        "absent", f->absent, "why", f->reason ? f->reason : ""));
    }
    kn_folders_fini(&folders);
    return KAON_OK;
}

// Whether it can be written to, or made where it is not there yet.
static json_t *cache_json(void)
{
    char *path = kn_cache_folder();
    const int32_t there = path && access(path, F_OK) == 0;
    char *parent = path && !there ? kn_copy_text(path) : NULL;
    for (char *slash; parent && access(parent, F_OK) && (slash = strrchr(parent, '/'));)
        *slash = 0;
    const char *to_write = there ? path : parent && *parent ? parent : "/";
    json_t *out = json_pack("{s:s, s:b, s:b}", "path", path ? path : "", "there", there, "writable",
                            path && access(to_write, W_OK) == 0);
    kn_free(parent);
    kn_free(path);
    return out;
}

static json_t *site_json(void)
{
    kn_diag fault;
    kn_site site = {0};
    kn_diag_init(&fault);
    const kaon_status status = kn_site_read(&site, &fault.diag);
    json_t *out =
        json_pack("{s:b, s:s, s:s, s:s, s:I}", "right", !status, "why", status ? fault.text : "",
                  "backend", site.backend ? site.backend : "", "lock_file",
                  site.lock_file ? site.lock_file : "", "folders", (json_int_t)site.folder_count);
    kn_site_fini(&site);
    return out;
}

kaon_status kaon_doctor(kaon_kernel *kernel, char **json, kaon_error *error)
{
    kn_api call;
    json_t *all = json_array(), *folders = json_array();
    kn_api_begin(&call, error);
    *json = NULL;
    kaon_status status = kn_backends_json(kernel->kernel, all, &call.fault.diag);
    if (!status)
        status = folders_json(kernel->kernel, folders, &call.fault.diag);
    if (!status)
        status = kn_api_json(json_pack("{s:s, s:O, s:O, s:o, s:o, s:i}", "version", kaon_version(),
                                       "backends", all, "folders", folders, "cache", cache_json(),
                                       "site", site_json(), "threads",
                                       (int)kn_pool_lanes(kernel->kernel->pool)),
                             json, &call.fault.diag);
    json_decref(all);
    json_decref(folders);
    return kn_api_end(&call, status);
}
