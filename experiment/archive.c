/* archive.c: kaon_archive over a file of tensors. */
#include "experiment/archive.h"

#include <string.h>

#include "kernel/text.h"

static kaon_status full_name(const kn_archive *a, const char *name, char out[KN_ARCHIVE_NAME],
                             kaon_diag *diag)
{
    const int length = snprintf(out, KN_ARCHIVE_NAME, "%s%s", a->prefix, name);
    if (length < 0 || length >= KN_ARCHIVE_NAME)
        return kaon_fail(diag, KAON_INVALID, "the name '%.60s...' is longer than a file can hold",
                         name);
    return KAON_OK;
}

static kaon_status put(kaon_archive *self, const char *name, const kaon_view *value,
                       kaon_diag *diag)
{
    char full[KN_ARCHIVE_NAME];
    const kn_archive *a = (const kn_archive *)self;
    KAON_TRY(full_name(a, name, full, diag));
    return kn_safetensors_put(a->file, full, value, diag);
}

static kaon_status get(kaon_archive *self, const char *name, kaon_view *out, kaon_diag *diag)
{
    char full[KN_ARCHIVE_NAME];
    const kn_archive *a = (const kn_archive *)self;
    KAON_TRY(full_name(a, name, full, diag));
    return kn_safetensors_get(a->file, full, out, diag);
}

static const char *name_at(kaon_archive *self, int32_t index)
{
    const kn_archive *a = (const kn_archive *)self;
    const char *name;
    for (int32_t i = 0; (name = kn_safetensors_name(a->file, i)); i++)
        if (kn_text_starts(name, a->prefix) && index-- == 0)
            return name + strlen(a->prefix);
    return NULL;
}

static int32_t count(kaon_archive *self)
{
    const kn_archive *a = (const kn_archive *)self;
    const char *name;
    int32_t found = 0;
    for (int32_t i = 0; (name = kn_safetensors_name(a->file, i)); i++)
        found += kn_text_starts(name, a->prefix);
    return found;
}

static kaon_status put_text(kaon_archive *self, const char *name, const char *text, kaon_diag *diag)
{
    char full[KN_ARCHIVE_NAME];
    const kn_archive *a = (const kn_archive *)self;
    KAON_TRY(full_name(a, name, full, diag));
    return kn_safetensors_put_text(a->file, full, text, diag);
}

static kaon_status get_text(kaon_archive *self, const char *name, const char **out, kaon_diag *diag)
{
    char full[KN_ARCHIVE_NAME];
    const kn_archive *a = (const kn_archive *)self;
    KAON_TRY(full_name(a, name, full, diag));
    const char *text = kn_safetensors_text(a->file, full);
    if (!text)
        return kaon_fail(diag, KAON_NOT_FOUND, "the file holds no text '%s'", full);
    *out = text;
    return KAON_OK;
}

static const kaon_archive_api api = {
    .size = sizeof api,
    .put = put,
    .get = get,
    .count = count,
    .name_at = name_at,
    .put_text = put_text,
    .get_text = get_text,
};

void kn_archive_init(kn_archive *archive, kn_safetensors *file, const char *prefix)
{
    archive->archive.api = &api;
    archive->file = file;
    snprintf(archive->prefix, sizeof archive->prefix, "%s", prefix);
}
