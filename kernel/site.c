/* site.c: what the site's administrator sets for everybody. */
#define _GNU_SOURCE // secure_getenv
#include "kernel/site.h"

#include "kernel/config.h"
#include "kernel/memory.h"

#include <stdlib.h>
#include <unistd.h>

static const char default_file[] = "/etc/kaon/site.yaml";
static const char *const keys[] = {"backend", "lock_file", "plugin_path"};

static kaon_status check_keys(const kn_config *root, const char *path, kaon_diag *diag)
{
    if (root->kind != KN_CONFIG_MAP && root->kind != KN_CONFIG_NULL)
        return kaon_fail(diag, KAON_INVALID, "'%s' must be a map", path);
    for (const kn_config *entry = root->first; entry; entry = entry->next) {
        int32_t known = 0;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            known |= kn_text_same(keys[i], entry->key);
        if (known)
            continue;
        const char *near = kn_suggest(entry->key, keys, sizeof keys / sizeof *keys);
        return kaon_fail(diag, KAON_INVALID,
                         "'%s' line %d: unknown key '%s'; keys are backend, lock_file, "
                         "plugin_path%s%s%s",
                         path, entry->key_place.line, entry->key, near ? " (did you mean '" : "",
                         near ? near : "", near ? "'?)" : "");
    }
    return KAON_OK;
}

static kaon_status copy_scalar(const kn_config *root, const char *key, char **out, kaon_diag *diag)
{
    const kn_config *value = kn_config_get(root, key);
    if (!value || value->kind == KN_CONFIG_NULL)
        return KAON_OK;
    if (value->kind != KN_CONFIG_SCALAR)
        return kaon_fail(diag, KAON_INVALID, "line %d: '%s' must be a text", value->place.line,
                         key);
    *out = kn_copy_text(value->text);
    return *out ? KAON_OK : kn_no_memory(diag, "the site's configuration");
}

static kaon_status copy_folders(const kn_config *root, kn_site *out, kaon_diag *diag)
{
    const kn_config *value = kn_config_get(root, "plugin_path");
    if (!value || value->kind == KN_CONFIG_NULL)
        return KAON_OK;
    if (value->kind == KN_CONFIG_MAP)
        return kaon_fail(diag, KAON_INVALID, "line %d: 'plugin_path' must be a list of folders",
                         value->place.line);
    const int32_t one = value->kind == KN_CONFIG_SCALAR;
    out->folders = kn_alloc_array(one ? 1 : (size_t)value->count, sizeof *out->folders);
    if (!out->folders)
        return kn_no_memory(diag, "the site's configuration");
    for (const kn_config *entry = one ? value : value->first; entry; entry = entry->next) {
        if (entry->kind != KN_CONFIG_SCALAR)
            return kaon_fail(diag, KAON_INVALID, "line %d: a plugin folder must be a text",
                             entry->place.line);
        out->folders[out->folder_count] = kn_copy_text(entry->text);
        if (!out->folders[out->folder_count++])
            return kn_no_memory(diag, "the site's configuration");
        if (one)
            break; // what follows are other keys
    }
    return KAON_OK;
}

static kaon_status read_tree(kn_config_tree *tree, const char *path, kn_site *out, kaon_diag *diag)
{
    kn_faults faults = {0};
    const kn_config *root = kn_config_read(tree, path, &faults);
    kaon_status status = kn_faults_status(&faults, diag);
    kn_faults_fini(&faults);
    if (!status && !root)
        status = kn_no_memory(diag, "the site's configuration");
    KAON_TRY(status);

    KAON_TRY(check_keys(root, path, diag));
    status = copy_folders(root, out, diag);
    if (!status)
        status = copy_scalar(root, "backend", &out->backend, diag);
    if (!status)
        status = copy_scalar(root, "lock_file", &out->lock_file, diag);
    return kaon_context(diag, status, "%s", path);
}

kaon_status kn_site_read(kn_site *out, kaon_diag *diag)
{
    const char *chosen = secure_getenv("KAON_SITE");
    const char *path = chosen && *chosen ? chosen : default_file;

    *out = (kn_site){0};
    if (path == default_file && access(path, F_OK))
        return KAON_OK;
    kn_config_tree *tree = kn_config_tree_new();
    if (!tree)
        return kn_no_memory(diag, "the site's configuration");
    const kaon_status status = read_tree(tree, path, out, diag);
    kn_config_tree_free(tree);
    if (status)
        kn_site_fini(out);
    return status;
}

void kn_site_fini(kn_site *site)
{
    for (int64_t i = 0; i < site->folder_count; i++)
        kn_free(site->folders[i]);
    kn_free(site->folders);
    kn_free(site->backend);
    kn_free(site->lock_file);
    *site = (kn_site){0};
}
