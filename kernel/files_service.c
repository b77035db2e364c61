/* files_service.c: service "kaon.files/1": the kernel's writers for plugins. */
#include "kernel/files_service.h"

#include "kernel/files.h"

// A kaon_file is a kn_writer under the name plugins know.
static kn_writer *writer_of(const kaon_file *file)
{
    return (kn_writer *)(uintptr_t)file;
}

static kaon_status create(const kaon_host *host, const char *path, kaon_file **out, kaon_diag *diag)
{
    kn_writer *writer = NULL;
    (void)host;
    KAON_TRY(kn_writer_new(path, &writer, diag));
    *out = (kaon_file *)writer;
    return KAON_OK;
}

static kaon_status add(kaon_file *file, const void *data, uint64_t bytes, kaon_diag *diag)
{
    return kn_writer_add(writer_of(file), data, (size_t)bytes, diag);
}

static uint64_t bytes_of(const kaon_file *file)
{
    return kn_writer_bytes(writer_of(file));
}

static kaon_status patch(kaon_file *file, uint64_t at, const void *data, uint64_t bytes,
                         kaon_diag *diag)
{
    return kn_writer_patch(writer_of(file), at, data, (size_t)bytes, diag);
}

static kaon_status commit(kaon_file *file, kaon_diag *diag)
{
    return kn_writer_commit(writer_of(file), diag);
}

static void close_file(kaon_file *file)
{
    kn_writer_free(writer_of(file));
}

const kaon_files_api kn_files_api = {
    .size = sizeof kn_files_api,
    .create = create,
    .add = add,
    .bytes = bytes_of,
    .patch = patch,
    .commit = commit,
    .close = close_file,
};
